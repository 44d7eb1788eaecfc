/* SPDX-License-Identifier: MIT */
/*
 * s2s.h - federation: stanzas to and from other servers (RFC 6120, XEP-0220, XEP-0178).
 *
 * Stanzas from one of our domains to a remote one go through the pair of the two, which lives on
 * one worker, its home. What comes in is routed from whichever worker has the stream.
 */
#pragma once

#include "server/config.h"
#include "server/worker.h"
#include "xmpp/stanza.h"
#include "xmpp/stream_error.h"

/* WORKER's share of it, which stays in worker->federation. */
void federation_open(struct worker *worker);
void federation_free(struct worker *worker); /* none there: does nothing */
/* From time to time: forgets what is too old. */
void federation_sweep(struct worker *worker);

/* Messages of before the start that other servers have not got: from all workers' first turn on.
 * Waits for the store; before the workers' threads run. */
struct server;
void federation_load(struct server *server);

/* Takes over an accepted socket of a listener for servers; closes it when over a limit. */
void s2s_accept(struct worker *worker, int fd, const struct config_listener *listener);

/* To a domain that is not ours. Takes the reference; whoever can't be served gets an error. */
void s2s_route(struct worker *worker, struct stanza *stanza);

/* Every stream of WORKER ends with that error. */
void s2s_close_all(struct worker *worker, enum stream_condition condition, const char *text);
/* And at once, at the end of the program. */
void s2s_end_all(struct worker *worker);
/* Those of a host that is served no more, or of remote domains that may not be talked to now. */
void s2s_check_all(struct worker *worker);
bool s2s_is_quiet(const struct worker *worker);
