/* SPDX-License-Identifier: MIT */
/*
 * c2s.h - a client's connection: negotiation on the worker that accepted it, then, from the end of
 * SASL on, on its account's home worker (RFC 6120 §4 to §7).
 */
#pragma once

#include "io/conn.h"
#include "server/config.h"
#include "server/session.h"
#include "server/worker.h"
#include "xmpp/stream.h"

struct c2s;

/* Takes over an accepted socket; closes it when over a limit. LISTENER's facts are copied. */
void c2s_accept(struct worker *worker, int fd, const struct config_listener *listener);
/*
 * The same in two steps, for simulation: the connection is made with c2s_handlers() and the new
 * struct c2s as its owner.
 */
struct c2s *c2s_new(struct worker *worker, const struct config_listener *listener);
void c2s_attach(struct c2s *c2s, struct conn *conn);
const struct conn_handlers *c2s_handlers(void);

/* A stanza straight to this stream, bound or not: answers to stream_iq. Takes the reference. */
void c2s_send(struct c2s *c2s, struct stanza *stanza);
/* Reading stops, and C2S stays, until c2s_release, which says whether the stream is still there. */
void c2s_hold(struct c2s *c2s);
MUST_CHECK bool c2s_release(struct c2s *c2s);

/* Output of the stream; end with c2s_wrote. */
struct buf *c2s_output(struct c2s *c2s);
void c2s_wrote(struct c2s *c2s);
/* Nothing more is sent until c2s_release_output; the end of the stream is not held up. */
void c2s_hold_output(struct c2s *c2s);
void c2s_release_output(struct c2s *c2s);
/* Bytes that were ever put into the output, and the upper bound of those that have not arrived. */
uint64_t c2s_written(const struct c2s *c2s);
size_t c2s_unacknowledged(const struct c2s *c2s);
size_t c2s_waiting(const struct c2s *c2s);

/* Ends the stream with an error (STREAM_NO_ERROR: none), flushing what is written. */
void c2s_close(struct c2s *c2s, enum stream_condition condition, const char *text);
/* The same with an element of an application (RFC 6120 §4.9.4) in the error. */
void c2s_close_with(struct c2s *c2s, enum stream_condition condition, struct str element);
/* Ends it at once when more waits for the client than may (SEC-16). */
void c2s_check_queue(struct c2s *c2s);
/* Ends it at once: the client does not read. */
void c2s_drop(struct c2s *c2s, const char *why);

/* Facts for `recadoctl session list`, in-band registration, and logs. */
const struct sockaddr *c2s_peer(const struct c2s *c2s);
struct str c2s_peer_text(struct arena *arena, const struct c2s *c2s);
struct str c2s_tls_version(const struct c2s *c2s);
struct worker *c2s_worker(const struct c2s *c2s);
/* Its session; NULL until a resource is bound. */
struct session *c2s_session(const struct c2s *c2s);
/* Of who logged in: in memory, or being loaded. */
struct account *c2s_account(struct c2s *c2s);
/* Whether it has asked to bind a resource, and has no answer yet. */
bool c2s_is_binding(const struct c2s *c2s);
/* SESSION is this stream's from now on. */
void c2s_take_session(struct c2s *c2s, struct session *session);
/* The stream's session goes on without it. */
void c2s_forget_session(struct c2s *c2s);
/* The host that the stream was opened to; NULL before that, or when it is gone. */
const struct config_host *c2s_host(const struct c2s *c2s);

/* Every stream of WORKER ends with <system-shutdown/>, or another condition. */
void c2s_close_all(struct worker *worker, enum stream_condition condition, const char *text);
/* Ends the streams of USER at HOST that have logged in and not bound a resource (SEC-40). */
void c2s_close_unbound(struct worker *worker, struct str user, struct str host, const char *text);
/* And those of one host that is served no more, with <host-gone/>. */
void c2s_close_host(struct worker *worker, struct str host);
/* Ends all connections at once; at the end of the program, when no operation is under way. */
void c2s_end_all(struct worker *worker);
