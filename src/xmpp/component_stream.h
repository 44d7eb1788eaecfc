/* SPDX-License-Identifier: MIT */
/*
 * component_stream.h - the stream that an external component opens to its server (XEP-0114), on the
 * server's side, without I/O.
 *
 * All content is handed out in NS_CLIENT, as everywhere else in this program; only the names on the
 * wire differ (XEP-0114 §3).
 */
#pragma once

#include "xmpp/stanza.h"
#include "xmpp/stream_error.h"
#include "xmpp/xml_reader.h"

#define NS_COMPONENT "jabber:component:accept"

enum component_event_kind {
	COMPONENT_MORE,      /* all input is used up */
	COMPONENT_OPENED,    /* a header: answer with component_stream_open, or _fail */
	COMPONENT_HANDSHAKE, /* see component_stream_knows */
	COMPONENT_STANZA,    /* the arena is the caller's from now on */
	COMPONENT_CLOSED,    /* the peer ended its stream, in order */
	COMPONENT_FAILED,    /* a stream error was written; flush and close */
};

struct component_event {
	enum component_event_kind kind;
	struct arena *arena; /* STANZA: the caller's; else NULL, views live until the next call */
	struct element *el;
	struct str to;                   /* OPENED: the component's name, as sent; p NULL: absent */
	struct str digest;               /* HANDSHAKE */
	enum stream_condition condition; /* FAILED */
	const char *why;
};

struct component_stream {
	struct xml_reader *reader;
	struct arena *scratch; /* of the newest event that is no stanza */
	char id[23];           /* unpredictable */
	bool is_open;          /* our header is out */
	bool is_authenticated;
	bool is_over;
};

void component_stream_init(struct component_stream *stream, const struct xml_limits *limits);
void component_stream_clear(struct component_stream *stream);

/* Reads *INPUT up to the next event. Errors of the grammar are answered into OUT here. */
void component_stream_next(struct component_stream *stream, struct str *input, struct buf *out,
			   struct component_event *event);

/* The answer to OPENED: our header, for the component NAME. */
void component_stream_open(struct component_stream *stream, struct buf *out, struct str name);
/* Whether DIGEST is that of the stream's id and SECRET (§3). In constant time. */
bool component_stream_knows(const struct component_stream *stream, struct str digest,
			    struct str secret);
/* <handshake/>: from here on stanzas may come. */
void component_stream_accept(struct component_stream *stream, struct buf *out);
/* The stream error, with a header before it if none is out yet, and the end of the stream. */
void component_stream_fail(struct component_stream *stream, struct buf *out,
			   enum stream_condition condition, const char *text);
/* </stream:stream>, once. */
void component_stream_close(struct component_stream *stream, struct buf *out);
