/* SPDX-License-Identifier: MIT */
/*
 * server_ask.h - iqs that the server itself sends to somebody, such as a push service, and their
 * answers (RFC 6120 §8.2.3). For one's own clients see session_ask.
 */
#pragma once

#include "server/worker.h"
#include "xmpp/stanza.h"

/*
 * Asks TO in the name of FROM, a host or an account of this server. ON_REPLY gets, on WORKER's
 * thread and never before this returns, the answer of just that address, or NULL when none came
 * within TIMEOUT_MS or the worker ends. PAYLOAD is copied.
 */
void server_ask(struct worker *worker, struct jid from, struct jid to, enum stanza_type type,
		const struct element *payload, uint64_t timeout_ms,
		void (*on_reply)(struct worker *worker, const struct stanza *reply, void *arg),
		void *arg);

/* A result or an error that came for a host or the bare JID of an account. Borrows REPLY. */
void server_take_reply(struct worker *worker, struct stanza *reply);
/* worker.c: nobody answers any more. */
void server_asks_end(struct worker *worker);
