/* SPDX-License-Identifier: MIT */
/*
 * client_stream.h - the initiating side of a client's XML stream (RFC 6120 §4 to §7), without I/O:
 * bytes in, events and stanzas out, answers in a buffer that the caller sends.
 *
 * It negotiates TLS (the caller does the handshake), SASL by the strongest mechanism that both
 * sides allow, and resource binding; or, with servers and tests from before SASL, jabber:iq:auth
 * (XEP-0078).
 */
#pragma once

#include "base/buf.h"
#include "xmpp/sasl.h"
#include "xmpp/xml_reader.h"

struct client_stream;

enum client_tls {
	CLIENT_TLS_REQUIRED,   /* STARTTLS, or fail */
	CLIENT_TLS_IF_OFFERED, /* for tests; anyone between can take the offer away */
	CLIENT_TLS_NEVER,
};

enum client_auth {
	CLIENT_AUTH_SASL,
	CLIENT_AUTH_LEGACY, /* no version; asks for the fields, prefers digest (XEP-0078 §3) */
	CLIENT_AUTH_LEGACY_DIRECT, /* no version; sends the plaintext password at once */
};

struct client_stream_options {
	struct str domain;   /* of the server; prepared */
	struct str username; /* prepared localpart */
	struct str password; /* as typed; copied, and wiped once it is no longer needed */
	struct str authzid;  /* usually empty */
	struct str resource; /* empty: the server makes one; legacy authentication needs one */
	enum client_auth auth;
	enum client_tls tls;
	uint32_t mechanisms;           /* SASL_BIT of each that may be used */
	bool is_secure;                /* direct TLS (XEP-0368): the handshake is done */
	struct sasl_binding binding;   /* with is_secure: of that connection */
	bool clear_passwords;          /* PLAIN and legacy plaintext without TLS too */
	struct sasl_client_keys *keys; /* kept from login to login, by the caller; or NULL */
	struct str nonce;              /* SCRAM's, for published examples; p NULL: random */
	struct xml_limits limits;      /* all 0: 1 MiB, and enough of the rest */
};

enum client_event {
	CLIENT_MORE,     /* all input is used up */
	CLIENT_WANT_TLS, /* send the output, do the handshake, then client_stream_secured */
	CLIENT_ONLINE,   /* authenticated and bound; client_stream_jid is known */
	CLIENT_STANZA,   /* once online: a first-level element; its arena is the caller's */
	CLIENT_CLOSED,   /* the server ended its stream; ours is ended too: flush, then close */
	CLIENT_FAILED,   /* see client_stream_why; flush, then close */
};

/* Its output begins with the stream's header. All of OPTIONS is copied. */
struct client_stream *client_stream_new(const struct client_stream_options *options);
void client_stream_free(struct client_stream *stream); /* takes NULL; wipes secrets */

/*
 * Reads *INPUT, moving it past what was used, up to the next event. *ARENA and *OUT are set for
 * CLIENT_STANZA only. After CLIENT_CLOSED and CLIENT_FAILED it says the same again.
 */
enum client_event client_stream_next(struct client_stream *stream, struct str *input,
				     struct arena **arena, struct element **out);

/* What is to be sent: consume what was. Raw stanzas may be appended once online. */
struct buf *client_stream_output(struct client_stream *stream);

/* After CLIENT_WANT_TLS: the handshake is done and the certificate is the server's. */
void client_stream_secured(struct client_stream *stream, struct sasl_binding binding);

/* Writes EL (in NS_CLIENT, or any other namespace). Once online. */
void client_stream_send(struct client_stream *stream, const struct element *el);
/* Ends our stream; CLIENT_CLOSED follows when the server has ended its own. */
void client_stream_close(struct client_stream *stream);

/* The full JID, once online. */
struct str client_stream_jid(const struct client_stream *stream);
/* The <stream:features/> of after authentication, or NULL. Owned by STREAM. */
const struct element *client_stream_features(const struct client_stream *stream);
/* The mechanism in use; NULL before SASL and with legacy authentication. */
const char *client_stream_mechanism(const struct client_stream *stream);
/*
 * After CLIENT_FAILED. *CONDITION is the server's, such as "not-authorized" or "host-unknown", or
 * empty when the fault was found on this side; the result is a phrase for people.
 */
const char *client_stream_why(const struct client_stream *stream, struct str *condition);
