/* SPDX-License-Identifier: MIT */
/* check.c - what must hold whenever the world has come to rest. */
#include "sim.h"

#include "server/message_log.h"

#include "server/account.h"
#include "server/roster.h"

#include <stdlib.h>

#define ROUNDS_MAX 20000u
#define PATIENCE 400u /* times that the clock is moved when somebody waits for it */
#define PATIENCE_MS 50u
#define FORGET_S 70u /* then no account without session is in memory (account.c) */

/* Reading the store, as the next server would */

struct answer {
	struct sim *sim;
	unsigned account;
	bool is_done;
};

/* Results: 0 the log, 1 and 2 the roster, 3 the credentials. Of who is gone, nothing may be left.
 */
static void
look_absent(const struct answer *answer, const struct store_request *request)
{
	struct person *person = &answer->sim->people[answer->account];
	bool is_absent = request->results[3].status == STORE_MISSING;

	if (is_absent != person->is_absent && !answer->sim->has_crashed)
		sim_fail(answer->sim, "a%u is %s", answer->account, is_absent ? "gone" : "there");
	person->is_absent = is_absent;
	if (is_absent && request->results[0].count > 0)
		sim_fail(answer->sim, "a%u was removed, but messages for it are stored",
			 answer->account);
	if (is_absent && person->roster->contacts.count > 0)
		sim_fail(answer->sim, "a%u was removed, but has a roster", answer->account);
}

static void
on_read(struct store_request *request)
{
	struct answer *answer = request->owner;
	struct sim *sim = answer->sim;
	struct person *person = &sim->people[answer->account];
	const struct store_item *item = request->results[0].items;
	const struct account *account = site_account(sim, answer->account);

	for (; item != NULL; item = item->next) {
		ptrdiff_t at = str_find(item->value, '>');
		const char *id = memmem(item->value.p, item->value.len, "id='m", 5);
		unsigned long n = id ? strtoul(id + 5, NULL, 10) : sim->message_count;

		if (at < 0 || n >= sim->message_count)
			sim_fail(sim, "the log of a%u has an entry that is no message: %.*s",
				 answer->account, STR_ARG(item->value));
		sim->messages[n].is_logged = true;
		sim->messages[n].is_left =
			account != NULL && message_log_next(account, item->id - 1) == item->id;
		sim->messages[n].is_forgotten = account != NULL && !sim->messages[n].is_left;
	}
	roster_free(person->roster);
	person->roster = roster_loaded(request, 1);
	if (!person->is_changing)
		look_absent(answer, request);
	answer->is_done = true;
	store_request_free(request);
}

void
check_read_store(struct sim *sim)
{
	for (unsigned i = 0; i < sim->message_count; i++)
		sim->messages[i].is_logged = sim->messages[i].is_left =
			sim->messages[i].is_forgotten = false;
	for (unsigned a = 0; a < sim->plan.accounts; a++) {
		struct answer answer = {sim, a, false};
		struct store_request *r =
			store_request_new(sim->site->store, sim->loop, on_read, &answer);
		struct str owner = arena_printf(r->arena, "a%u@" HOST, a);

		store_log_page(r, owner, MESSAGE_LOG, &(struct store_page){.mask = ENTRY_SENT});
		roster_load(r, owner);
		store_auth_get(r, owner);
		store_submit(r);
		while (!answer.is_done) {
			store_step(sim->site->store, 100);
			loop_turn(sim->loop, 0);
		}
	}
}

static const struct contact *
contact_of(const struct sim *sim, unsigned a, unsigned b)
{
	char jid[32];

	snprintf(jid, sizeof(jid), "a%u@" HOST, b);
	return roster_find(sim->people[a].roster, str(jid));
}

/* Coming to rest */

static bool
settle_round(struct sim *sim)
{
	bool has_worked = store_step(sim->site->store, 100);

	for (unsigned i = 0; i < sim->plan.workers; i++)
		has_worked |= site_turn(sim, i);
	model_watch(sim);
	for (unsigned i = 0; i < sim->client_count; i++) {
		has_worked |= client_send(&sim->clients[i], SIZE_MAX);
		has_worked |= client_read(&sim->clients[i], SIZE_MAX);
	}
	has_worked |= loop_turn(sim->loop, 0);
	return has_worked;
}

static bool
is_waiting(const struct sim *sim)
{
	for (unsigned i = 0; i < sim->client_count; i++)
		if (client_is_busy(&sim->clients[i]))
			return true;
	return sim->site->is_stopping;
}

void
check_settle(struct sim *sim)
{
	unsigned round = 0, waits = 0;

	site_set_full(sim, false);
	for (;;) {
		while (settle_round(sim))
			if (++round > ROUNDS_MAX)
				sim_fail(sim, "the world does not come to rest");
		if (!is_waiting(sim))
			break;
		if (++waits > PATIENCE)
			sim_fail(sim, "somebody waits for ever");
		sim_pass_time(sim, PATIENCE_MS);
	}
	model_watch(sim);
	check_read_store(sim);
}

/* Messages */

static bool
is_alive(const struct message *m)
{
	return m->from->life == m->from_life && m->from->state == CLIENT_BOUND;
}

static void
check_message(struct sim *sim, const struct message *m)
{
	/* In the log, but not for anybody any more, is lost to the devices. */
	bool is_safe = m->received > 0 || (m->is_logged && !m->is_forgotten) || m->is_bounced;

	if (!m->is_accepted && !is_alive(m))
		return;
	if (m->to == NOBODY) {
		if (is_alive(m) && !m->is_bounced && !m->is_excused)
			sim_fail(sim, "m%u to nobody brought no error", m->id);
		return;
	}
	if (is_safe || m->is_excused)
		return;
	/* The error went to a session that was not there any more. */
	if (!is_alive(m) && (sim->was_full || (!m->is_chat && m->to_resource != NO_RESOURCE)))
		return;
	sim_fail(sim, "m%u from a%u/r%u to a%u is lost", m->id, m->from->account, m->from->resource,
		 m->to);
}

static bool
takes_messages(const struct client *client)
{
	return client->state == CLIENT_BOUND && client->is_available && client->priority >= 0;
}

static void
check_log(struct sim *sim, const struct message *m)
{
	for (unsigned i = 0; i < sim->client_count && m->is_left && !sim->was_full; i++) {
		const struct client *client = &sim->clients[i];

		if (client->account != m->to || !takes_messages(client))
			continue;
		if (m->seen[i] == client->life + 1)
			sim_fail(sim, "m%u is still in the log, though %s has it", m->id,
				 client_name(client));
		sim_fail(sim, "m%u stays in the log, though %s could take it", m->id,
			 client_name(client));
	}
}

/* Rosters */

static void
check_rosters(struct sim *sim, unsigned a, unsigned b)
{
	const struct contact *ab = contact_of(sim, a, b), *ba = contact_of(sim, b, a);
	bool is_consistent = ab == NULL || !ab->to || (ba != NULL && (ba->from || ba->pending));

	/* What a crash tore apart may stay so, but not come to be so later. */
	if (is_consistent)
		sim->is_torn[a][b] = false;
	else if (!sim->is_torn[a][b])
		sim_fail(sim, "a%u is subscribed to a%u, which does not know of it", a, b);
}

static void
check_roster_view(struct sim *sim, const struct client *client, unsigned b)
{
	const struct contact *c = contact_of(sim, client->account, b);
	const struct roster_sight *sight = &client->roster[b];
	bool is_listed = c != NULL && c->is_listed;

	if (!client->is_interested || client->state != CLIENT_BOUND)
		return;
	if (sight->is_listed != is_listed)
		sim_fail(sim, "%s thinks that a%u is%s in its roster", client_name(client), b,
			 is_listed ? " not" : "");
	if (is_listed && (sight->to != c->to || sight->from != c->from || sight->asked != c->asked))
		sim_fail(sim, "%s does not know how a%u stands in its roster", client_name(client),
			 b);
}

/* In memory as in the store. */
static void
check_roster_memory(struct sim *sim, unsigned a)
{
	char bare[32];
	struct account *account;
	uint32_t at = 0;
	void *value;

	snprintf(bare, sizeof(bare), "a%u@" HOST, a);
	account = account_find(worker_home(sim->site->server.workers[0], str(bare)), str(bare));
	if (account == NULL || account->state != ACCOUNT_READY)
		return;
	if (account->roster->contacts.count != sim->people[a].roster->contacts.count ||
	    account->roster->version != sim->people[a].roster->version)
		sim_fail(sim, "the roster of a%u in memory is not the stored one", a);
	while (map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *c = value,
				     *stored = roster_find(sim->people[a].roster, c->jid);

		if (stored == NULL || stored->to != c->to || stored->from != c->from ||
		    stored->asked != c->asked || stored->pending != c->pending ||
		    stored->approved != c->approved || stored->is_listed != c->is_listed)
			sim_fail(sim, "a%u's contact %.*s in memory is not the stored one", a,
				 STR_ARG(c->jid));
	}
}

/* Presence */

static const struct client *
bound_client(const struct sim *sim, unsigned account, unsigned resource)
{
	for (unsigned i = 0; i < sim->client_count; i++) {
		const struct client *client = &sim->clients[i];

		if (client->account == account && client->resource == resource &&
		    client->state == CLIENT_BOUND)
			return client;
	}
	return NULL;
}

static void
check_sight(struct sim *sim, const struct client *client, unsigned b, unsigned r, bool may_see)
{
	const struct client *other = bound_client(sim, b, r);
	const struct sight *sight = &client->sights[b][r];
	bool is_there = may_see && other != NULL && other->is_available;

	if (sight->is_available && !is_there)
		sim_fail(sim, "%s still sees a%u/r%u (p%u)%s", client_name(client), b, r,
			 sight->serial, may_see ? "" : ", which it may not");
	if (!sight->is_available && is_there)
		sim_fail(sim, "%s does not see %s (p%u)", client_name(client), client_name(other),
			 other->serial);
	if (is_there && sight->serial != other->serial)
		sim_fail(sim, "%s sees an old presence of %s: p%u, not p%u", client_name(client),
			 client_name(other), sight->serial, other->serial);
}

static void
check_presence(struct sim *sim, const struct client *client)
{
	if (client->state != CLIENT_BOUND || !client->is_available)
		return;
	for (unsigned b = 0; b < sim->plan.accounts; b++) {
		const struct contact *ab = contact_of(sim, client->account, b),
				     *ba = contact_of(sim, b, client->account);
		bool sees = b == client->account || (ab != NULL && ab->to);
		bool is_seen = b == client->account || (ba != NULL && ba->from);

		/* One that was granted, but is not wanted any more: requests that crossed. */
		if (sees != is_seen)
			continue;
		for (unsigned r = 0; r < sim->plan.devices; r++)
			check_sight(sim, client, b, r, sees);
	}
}

/* Requests */

static void
check_questions(struct sim *sim, const struct client *client)
{
	for (size_t i = 0; i < QUESTIONS_MAX && client->state == CLIENT_BOUND; i++) {
		const struct question *q = &client->questions[i];

		if (q->id == 0 || (q->asked != NULL && (q->asked->life != q->asked_life ||
							q->asked->state != CLIENT_BOUND)))
			continue;
		sim_fail(sim, "%s got no answer to q%u", client_name(client), q->id);
	}
}

void
check_settled(struct sim *sim)
{
	sim_note(sim, "at rest: everything is looked at");
	for (unsigned i = 0; i < sim->message_count; i++) {
		check_message(sim, &sim->messages[i]);
		check_log(sim, &sim->messages[i]);
	}
	for (unsigned i = 0; i < sim->client_count; i++)
		check_questions(sim, &sim->clients[i]);
	hall_check(sim);
	/* A roster that could not be written is another one in memory: see refused in roster.c. */
	if (sim->was_full)
		return;
	for (unsigned a = 0; a < sim->plan.accounts; a++) {
		check_roster_memory(sim, a);
		for (unsigned b = 0; b < sim->plan.accounts; b++)
			check_rosters(sim, a, b);
	}
	for (unsigned i = 0; i < sim->client_count; i++) {
		check_presence(sim, &sim->clients[i]);
		for (unsigned b = 0; b < sim->plan.accounts; b++)
			check_roster_view(sim, &sim->clients[i], b);
	}
}

/* After all have gone, and a while has passed: nothing may be left in memory. */
void
check_nothing_left(struct sim *sim)
{
	struct server *server = &sim->site->server;

	for (unsigned s = 0; s < FORGET_S; s++) {
		sim_pass_time(sim, 1000);
		check_settle(sim);
	}
	for (unsigned i = 0; i < sim->plan.workers; i++) {
		struct worker *worker = server->workers[i];

		if (!list_is_empty(&worker->streams) || worker->counters.streams != 0)
			sim_fail(sim, "worker %u still has streams", i);
		if (worker->counters.sessions != 0)
			sim_fail(sim, "worker %u still has sessions", i);
		if (worker->accounts.count != 0)
			sim_fail(sim, "worker %u still has %u accounts in memory", i,
				 worker->accounts.count);
		if (worker->letters.count != 0)
			sim_fail(sim, "worker %u still has letters", i);
	}
	hall_check_gone(sim);
}

void
check_free(struct sim *sim)
{
	for (unsigned a = 0; a < sim->plan.accounts; a++)
		roster_free(sim->people[a].roster);
	free(sim->accepted);
}
