/* SPDX-License-Identifier: MIT */
/* absent.c - what is said in the rooms that somebody belongs to, while no client of his is there.
 */
#include "modules/push.h"

#include "modules/xep0357_push/push.h"

#include <stdlib.h>

struct absent {
	struct waiter waiter;
	struct stanza *message;
	char bare[];
};

/* Most have no push service at all, and the account is soon forgotten again. */
static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct absent *absent = CONTAINER(waiter, struct absent, waiter);

	if (account->state == ACCOUNT_READY && push_of(account) != NULL)
		push_tell_if_wanted(account, absent->message, NULL);
	stanza_unref(absent->message);
	free(absent);
}

static void
arrive(struct worker *worker, void *arg)
{
	struct absent *absent = arg;

	account_wait(account_get(worker, str(absent->bare)), &absent->waiter);
}

void
push_absent_member(struct worker *worker, struct str bare, struct stanza *message)
{
	struct absent *absent;

	if (!push_says_something(message->el))
		return;
	absent = xalloc(sizeof(*absent) + bare.len + 1);
	absent->waiter.run = on_loaded;
	absent->message = stanza_ref(message);
	memcpy(absent->bare, bare.p, bare.len);
	worker_call(worker_home(worker, bare), arrive, absent);
}
