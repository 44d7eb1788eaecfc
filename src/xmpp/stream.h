/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the receiving side of an XML stream (RFC 6120 §4 to §7), without I/O: bytes in,
 * events out, answers into a buffer of the caller's.
 *
 * The stream knows the grammar: what may come in which phase. The owner decides: which host, which
 * mechanisms, whether a password is right.
 */
#pragma once

#include "xmpp/sasl.h"
#include "xmpp/stream_error.h"
#include "xmpp/xml_reader.h"

enum stream_event_kind {
	STREAM_MORE,     /* all input is used up */
	STREAM_OPENED,   /* a header: answer with stream_open, or stream_fail */
	STREAM_STARTTLS, /* §5.4.2.1: write stream_proceed, start TLS, then stream_restart */
	STREAM_AUTH,     /* §6.4.2: mechanism and data */
	STREAM_RESPONSE, /* §6.4.4: data */
	STREAM_ABORT,    /* §6.4.4 */
	/* The same in XEP-0388's words, with `is_sasl2`: EL is <authenticate/>, <next/>,
	 * <task-data/>; STREAM_RESPONSE and STREAM_ABORT are as above. */
	STREAM_AUTHENTICATE,
	STREAM_NEXT_TASK,
	STREAM_TASK_DATA,
	STREAM_STANZA,  /* message, presence or iq; the arena is the caller's from now on */
	STREAM_ELEMENT, /* another one, after login; unknown ones are an error (§4.9.3.24). Between
			 * servers before it too: features, dialback and all answers */
	STREAM_CLOSED,  /* the peer ended its stream, in order; EL is its <stream:error/>, or NULL
			 */
	STREAM_FAILED,  /* a stream error was written; flush and close */
};

struct stream_event {
	enum stream_event_kind kind;
	struct arena
		*arena; /* STREAM_STANZA: the caller's; else NULL, views live until the next call */
	struct element *el;
	struct str to, from, id, lang; /* STREAM_OPENED; p NULL: absent */
	bool has_version;     /* STREAM_OPENED: "1.0" or later; else a client of before RFC 3920 */
	struct str mechanism; /* STREAM_AUTH */
	struct str data;      /* decoded; p NULL: none was sent */
	bool data_is_bad;     /* not base64: <incorrect-encoding/> */
	bool is_sasl2;
	enum stream_condition condition; /* STREAM_FAILED */
	const char *why;
};

struct stream {
	const char *ns; /* of its content: NS_CLIENT, or NS_SERVER */
	struct xml_reader *reader;
	struct arena *scratch; /* of the newest event that is no stanza */
	char id[23];           /* §4.7.3: unpredictable */
	bool is_open;          /* our header is out */
	bool is_secure, is_authenticated;
	bool has_version;
	bool tls_is_offered, sasl_is_offered, sasl2_is_offered;
	bool is_over;
};

void stream_init(struct stream *stream, const struct xml_limits *limits);
/* One between servers, in either role (XEP-0220 §2.3: with the namespace of dialback). */
void stream_init_server(struct stream *stream, const struct xml_limits *limits);
void stream_clear(struct stream *stream);

/*
 * Reads *INPUT up to the next event. Errors of the grammar are answered into OUT here; whoever
 * gets STREAM_FAILED only has to close.
 */
void stream_next(struct stream *stream, struct str *input, struct buf *out,
		 struct stream_event *event);

/* The answer to STREAM_OPENED: our header, with a new id. Features, if any, are the caller's. */
void stream_open(struct stream *stream, struct buf *out, struct str host, struct str to);
/* The header of the initiating side (§4.2), between servers. */
void stream_open_to(struct stream *stream, struct buf *out, struct str from, struct str to);
/* The stream error, with a header before it if none is out yet, and the end of the stream. */
void stream_fail(struct stream *stream, struct buf *out, struct str host,
		 enum stream_condition condition, const char *text);
/* </stream:stream>, once. */
void stream_close(struct stream *stream, struct buf *out);

void stream_proceed(struct stream *stream, struct buf *out);
/* After TLS or SASL: the next thing is a new header (§4.3.3). */
void stream_restart(struct stream *stream);
/* Whether something of a next element was read, such as plaintext behind <starttls/> (SEC-28). */
bool stream_is_inside(const struct stream *stream);

void stream_challenge(struct buf *out, struct str data);
void stream_success(struct buf *out, struct str data);
void stream_sasl_failure(struct buf *out, enum sasl_failure failure);
