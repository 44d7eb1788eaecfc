/* SPDX-License-Identifier: MIT */
/*
 * s2s_count.h - the stanzas that came on a stream between servers: how many, and how many of them
 * are safe, which is what may be acknowledged (XEP-0198 §4).
 *
 * A stanza is done with when whoever it is for has told the store of it (stanza_finish), and safe
 * when the store has written all that it was told until then. All of this happens on the loop of
 * the stream's worker, which a stream that counts does not leave.
 */
#pragma once

#include "server/worker.h"
#include "xmpp/stanza.h"

struct s2s_count;

struct s2s_count *count_new(struct worker *worker, void (*safe)(void *owner), void *owner);
/* Nobody is told any more. Stanzas that are under way keep it. Takes NULL. */
void count_free(struct s2s_count *count);
/* Another owner, or NULL: nobody for now. */
void count_set_owner(struct s2s_count *count, void *owner);

/* One more; STANZA NULL: it is done with already. */
void count_came(struct s2s_count *count, struct stanza *stanza);
uint32_t count_safe(const struct s2s_count *count);
/* Calls SAFE once when all that has come by now is safe: at once, or later. */
void count_when_safe(struct s2s_count *count);
bool count_is_waiting(const struct s2s_count *count);
