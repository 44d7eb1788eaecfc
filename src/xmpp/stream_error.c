/* SPDX-License-Identifier: MIT */
/* stream_error.c - names of stream errors, and their element (RFC 6120 §4.9). */
#include "xmpp/stream_error.h"

#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

static const char *const names[STREAM_CONDITION_COUNT] = {
	[STREAM_BAD_FORMAT] = "bad-format",
	[STREAM_BAD_NAMESPACE_PREFIX] = "bad-namespace-prefix",
	[STREAM_CONFLICT] = "conflict",
	[STREAM_CONNECTION_TIMEOUT] = "connection-timeout",
	[STREAM_HOST_GONE] = "host-gone",
	[STREAM_HOST_UNKNOWN] = "host-unknown",
	[STREAM_IMPROPER_ADDRESSING] = "improper-addressing",
	[STREAM_INTERNAL_SERVER_ERROR] = "internal-server-error",
	[STREAM_INVALID_FROM] = "invalid-from",
	[STREAM_INVALID_NAMESPACE] = "invalid-namespace",
	[STREAM_INVALID_XML] = "invalid-xml",
	[STREAM_NOT_AUTHORIZED] = "not-authorized",
	[STREAM_NOT_WELL_FORMED] = "not-well-formed",
	[STREAM_POLICY_VIOLATION] = "policy-violation",
	[STREAM_REMOTE_CONNECTION_FAILED] = "remote-connection-failed",
	[STREAM_RESET] = "reset",
	[STREAM_RESOURCE_CONSTRAINT] = "resource-constraint",
	[STREAM_RESTRICTED_XML] = "restricted-xml",
	[STREAM_SEE_OTHER_HOST] = "see-other-host",
	[STREAM_SYSTEM_SHUTDOWN] = "system-shutdown",
	[STREAM_UNDEFINED_CONDITION] = "undefined-condition",
	[STREAM_UNSUPPORTED_ENCODING] = "unsupported-encoding",
	[STREAM_UNSUPPORTED_FEATURE] = "unsupported-feature",
	[STREAM_UNSUPPORTED_STANZA_TYPE] = "unsupported-stanza-type",
	[STREAM_UNSUPPORTED_VERSION] = "unsupported-version",
};

const char *
stream_condition_name(enum stream_condition condition)
{
	return names[condition] ? names[condition] : "undefined-condition";
}

void
stream_error_write(struct buf *out, enum stream_condition condition, const char *text)
{
	buf_printf(out, "<stream:error><%s xmlns='" NS_STREAM_ERROR "'/>",
		   stream_condition_name(condition));
	if (text != NULL) {
		buf_addz(out, "<text xmlns='" NS_STREAM_ERROR "' xml:lang='en'>");
		xml_escape(out, str(text));
		buf_addz(out, "</text>");
	}
	buf_addz(out, "</stream:error>");
}

void
stream_error_write_with(struct buf *out, enum stream_condition condition, struct str element)
{
	buf_printf(out, "<stream:error><%s xmlns='" NS_STREAM_ERROR "'/>",
		   stream_condition_name(condition));
	buf_add(out, element);
	buf_addz(out, "</stream:error>");
}

enum stream_condition
stream_condition_parse(struct str name)
{
	for (int i = 0; i < STREAM_CONDITION_COUNT; i++)
		if (names[i] != NULL && str_is(name, names[i]))
			return (enum stream_condition)i;
	return STREAM_UNDEFINED_CONDITION;
}
