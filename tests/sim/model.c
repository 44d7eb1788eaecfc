/* SPDX-License-Identifier: MIT */
/* model.c - what the harness knows of messages, and what a failure allows to happen to them. */
#include "sim.h"

#include <stdlib.h>

struct message *
model_message(struct sim *sim, struct client *from)
{
	struct message *message;

	if (sim->message_count == sim->message_size) {
		sim->message_size = MAX(sim->message_size * 2, 64);
		sim->messages = xrealloc(sim->messages, sim->message_size * sizeof(struct message));
	}
	message = &sim->messages[sim->message_count];
	*message = (struct message){.id = sim->message_count++,
				    .from = from,
				    .from_life = from->life,
				    .step = sim->step};
	return message;
}

/* CLIENT's session ends, perhaps: what it may have been in the middle of getting goes elsewhere. */
void
model_disturb(struct client *client)
{
	struct sim *sim = client->sim;

	for (unsigned i = 0; i < sim->message_count; i++) {
		struct message *m = &sim->messages[i];
		bool has_it = m->seen[client->index] == client->life + 1;

		if (m->to != client->account)
			continue;
		/* Delivered from the log, and perhaps not known to have arrived: again from there.
		 */
		if (has_it ? m->was_delayed[client->index]
			   : m->received == 0 || i >= client->first_message)
			m->is_disturbed = true;
	}
	sim->people[client->account].is_disturbed = true;
}

/*
 * What was sent to CLIENT and did not arrive is stored when its session ends, and that is after
 * what came while it took no messages. A known weakness: order within the log is that of storing.
 */
static void
note_doubtful(struct client *client)
{
	struct sim *sim = client->sim;

	for (unsigned i = 0; i < sim->message_count; i++) {
		struct message *m = &sim->messages[i];

		if (m->to == client->account && m->received == 0 &&
		    m->step <= sim->people[client->account].doubt_step)
			m->is_doubtful = true;
	}
}

void
model_life_ended(struct client *client, uint64_t taken)
{
	struct sim *sim = client->sim;

	for (unsigned i = 0; i < sim->message_count; i++) {
		struct message *m = &sim->messages[i];

		if (m->from != client || m->from_life != client->life)
			continue;
		if (m->end <= taken)
			m->is_accepted = true;
		else
			m->is_excused = true; /* perhaps it arrives, perhaps not */
	}
	model_disturb(client);
	note_doubtful(client);
	client->life++;
	client->state = CLIENT_OFFLINE;
	client->sent = 0;
	client->is_available = client->is_interested = client->is_ended = false;
	client->seen_step = NEVER;
	client->requests = 0;
	memset(client->sights, 0, sizeof(client->sights));
	memset(client->roster, 0, sizeof(client->roster));
	memset(client->questions, 0, sizeof(client->questions));
}

/* How many sessions its clients think that the account has; *IS_SURE: none comes or goes. */
static unsigned
count_bound(const struct sim *sim, unsigned account, bool *is_sure)
{
	unsigned bound = 0;

	*is_sure = true;
	for (unsigned i = 0; i < sim->client_count; i++) {
		const struct client *client = &sim->clients[i];

		if (client->account != account || client->state == CLIENT_OFFLINE)
			continue;
		*is_sure &= client->state == CLIENT_BOUND && !client->is_ended;
		bound += client->state == CLIENT_BOUND;
	}
	return bound;
}

/* Whether the server has ended sessions whose clients do not know yet. */
static void
note_ended(struct sim *sim)
{
	for (unsigned i = 0; i < sim->client_count; i++) {
		struct client *client = &sim->clients[i];

		if (client->state != CLIENT_BOUND || client->is_ended || site_has_session(client))
			continue;
		client->is_ended = true;
		model_disturb(client);
	}
}

/* Begins and ends the time in which an account's messages may go astray. */
void
model_watch(struct sim *sim)
{
	note_ended(sim);
	for (unsigned i = 0; i < sim->client_count; i++)
		if (sim->clients[i].state == CLIENT_BOUND && sim->clients[i].seen_step == NEVER)
			sim->people[sim->clients[i].account].doubt_step = sim->step;
	for (unsigned a = 0; a < sim->plan.accounts; a++) {
		bool is_sure;
		unsigned bound = count_bound(sim, a, &is_sure), there = site_sessions(sim, a);

		if (!sim->people[a].is_disturbed)
			continue;
		for (unsigned i = sim->message_count; i-- > 0;)
			if (sim->messages[i].to == a && sim->messages[i].received == 0)
				sim->messages[i].is_disturbed = true;
		if (is_sure && there == bound)
			sim->people[a].is_disturbed = false;
	}
}

/* The new server is open: what is in nobody's hands and not on the disk is lost, and may be. */
void
model_crashed(struct sim *sim)
{
	check_read_store(sim);
	for (unsigned i = 0; i < sim->message_count; i++) {
		struct message *m = &sim->messages[i];

		m->is_disturbed = true;
		if (m->received == 0 && !m->is_logged && !m->is_bounced)
			m->is_excused = true;
	}
	/* Lost between the commit of one roster and the news to the other. */
	for (unsigned a = 0; a < sim->plan.accounts; a++)
		for (unsigned b = 0; b < sim->plan.accounts; b++)
			sim->is_torn[a][b] = true;
}

/*
 * Nothing is lost in silence, but what was delivered may stay in the log, and an error may go to a
 * session that has ended.
 */
void
model_full(struct sim *sim)
{
	sim->was_full = true;
	for (unsigned i = 0; i < sim->message_count; i++)
		sim->messages[i].is_disturbed = true;
}
