/* SPDX-License-Identifier: MIT */
/* client_stream_state.h - what the files client_stream*.c share; no other file includes it. */
#pragma once

#include "xmpp/client_stream.h"

enum client_state {
	CLIENT_WANTS_HEADER,
	CLIENT_WANTS_FEATURES,
	CLIENT_WANTS_PROCEED,
	CLIENT_WANTS_HANDSHAKE, /* the caller's TLS */
	CLIENT_WANTS_CHALLENGE, /* or success, or failure */
	CLIENT_WANTS_BIND,
	CLIENT_WANTS_SESSION,
	CLIENT_WANTS_FIELDS, /* XEP-0078 */
	CLIENT_WANTS_LEGACY,
	CLIENT_IS_ONLINE,
	CLIENT_IS_CLOSED,
	CLIENT_HAS_FAILED,
};

struct client_stream {
	struct arena *arena; /* holds this struct and the options */
	struct client_stream_options options;
	struct xml_reader *reader;
	struct buf out;
	enum client_state state;
	bool is_secure, is_authenticated, is_ended;
	struct sasl_binding binding;
	struct sasl_client *sasl;
	const char *mechanism;
	struct arena *features_arena;
	struct element *features;
	struct str id, jid, condition;
	const char *why;
};

/* Each returns what the caller of client_stream_next sees; CLIENT_MORE: go on reading. */
enum client_event client_fail(struct client_stream *cs, struct str condition, const char *why);
enum client_event client_online(struct client_stream *cs, struct str jid);

/* <stream:features/> before authentication, with TLS or without it for good. */
enum client_event client_sasl_start(struct client_stream *cs);
/* EL is <challenge/>, <success/> or <failure/>. After success the stream must be opened anew. */
enum client_event client_sasl_take(struct client_stream *cs, const struct element *el);

/* The server's header of before SASL has come. */
enum client_event client_legacy_start(struct client_stream *cs);
/* EL is an iq. */
enum client_event client_legacy_fields(struct client_stream *cs, const struct element *el);
enum client_event client_legacy_result(struct client_stream *cs, const struct element *el);

/* The error condition of a stanza, or STR_NONE; in the stream's arena. */
struct str client_error_of(struct client_stream *cs, const struct element *el);
