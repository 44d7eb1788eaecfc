/* SPDX-License-Identifier: MIT */
/*
 * history.h - the last messages, for who enters (XEP-0045 §7.2.13, §7.2.14), and the subject that
 * follows them.
 */
#pragma once

#include "modules/xep0045_muc/post.h"

/* What a client wants of it; all limits hold at once. */
struct history_wish {
	uint64_t chars, stanzas, since_us; /* UINT64_MAX, UINT64_MAX, 0: no limit */
};

/* Reads <history/> in X, which may be NULL. */
struct history_wish history_parse(const struct element *x);
/* Adds what finds the messages, if any are wanted. */
void history_ask(struct room *room, struct store_request *request, const struct history_wish *wish);
/* Sends the results of history_ask, which are the last of REQUEST if there are any. */
void history_send(struct post *hold, const struct store_request *request,
		  const struct history_wish *wish, struct jid to);
/* The subject as it is, §7.2.15. */
void subject_send(struct room *room, struct post *hold, struct jid to);
