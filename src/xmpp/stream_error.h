/* SPDX-License-Identifier: MIT */
/* stream_error.h - the conditions that end a stream (RFC 6120 §4.9.3). */
#pragma once

#include "base/buf.h"

enum stream_condition {
	STREAM_NO_ERROR,
	STREAM_BAD_FORMAT,
	STREAM_BAD_NAMESPACE_PREFIX,
	STREAM_CONFLICT,
	STREAM_CONNECTION_TIMEOUT,
	STREAM_HOST_GONE,
	STREAM_HOST_UNKNOWN,
	STREAM_IMPROPER_ADDRESSING,
	STREAM_INTERNAL_SERVER_ERROR,
	STREAM_INVALID_FROM,
	STREAM_INVALID_NAMESPACE,
	STREAM_INVALID_XML,
	STREAM_NOT_AUTHORIZED,
	STREAM_NOT_WELL_FORMED,
	STREAM_POLICY_VIOLATION,
	STREAM_REMOTE_CONNECTION_FAILED,
	STREAM_RESET,
	STREAM_RESOURCE_CONSTRAINT,
	STREAM_RESTRICTED_XML,
	STREAM_SEE_OTHER_HOST,
	STREAM_SYSTEM_SHUTDOWN,
	STREAM_UNDEFINED_CONDITION,
	STREAM_UNSUPPORTED_ENCODING,
	STREAM_UNSUPPORTED_FEATURE,
	STREAM_UNSUPPORTED_STANZA_TYPE,
	STREAM_UNSUPPORTED_VERSION,
	STREAM_CONDITION_COUNT,
};

/* The element's name, such as "bad-format"; a constant. */
const char *stream_condition_name(enum stream_condition condition);

/* <stream:error>, with TEXT (a constant phrase in English, or NULL) for people. */
void stream_error_write(struct buf *out, enum stream_condition condition, const char *text);
/* The same with an application's ELEMENT (RFC 6120 §4.9.4), self-contained, instead of a text. */
void stream_error_write_with(struct buf *out, enum stream_condition condition, struct str element);
/* The condition of that name; STREAM_UNDEFINED_CONDITION for one that is unknown. */
enum stream_condition stream_condition_parse(struct str name);
