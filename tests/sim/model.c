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
		sim->messages = xrealloc(sim->messages,
					 sim->message_size * sizeof(struct message));
	}
	message = &sim->messages[sim->message_count];
	*message = (struct message){.id = sim->message_count++, .from = from,
				    .from_life = from->life};
	return message;
}

/* CLIENT, as a receiver: what it may have been in the middle of getting goes elsewhere. */
static void
disturb(struct client *client)
{
	struct sim *sim = client->sim;

	for (unsigned i = 0; i < sim->message_count; i++) {
		struct message *m = &sim->messages[i];
		bool has_it = m->seen[client->index] == client->life + 1;

		if (m->to != client->account)
			continue;
		/* Delivered from the log, and perhaps not known to have arrived: again from there. */
		if (has_it ? m->was_delayed[client->index]
			   : m->received == 0 || i >= client->first_message)
			m->is_disturbed = true;
	}
	sim->people[client->account].is_disturbed = true;
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
	disturb(client);
	client->life++;
	client->state = CLIENT_OFFLINE;
	client->sent = 0;
	client->is_available = client->is_interested = false;
	client->requests = 0;
	memset(client->sights, 0, sizeof(client->sights));
	memset(client->roster, 0, sizeof(client->roster));
	memset(client->questions, 0, sizeof(client->questions));
}

/* Whether the server has just the sessions of the account that its clients think they have. */
static bool
is_agreed(const struct sim *sim, unsigned account)
{
	unsigned bound = 0;

	for (unsigned i = 0; i < sim->client_count; i++) {
		const struct client *client = &sim->clients[i];

		if (client->account != account || client->state == CLIENT_OFFLINE)
			continue;
		if (client->state != CLIENT_BOUND)
			return false;
		bound++;
	}
	return site_sessions(sim, account) == bound;
}

/* Ends the time in which an account's messages may go astray: all up to now may have. */
void
model_watch(struct sim *sim)
{
	for (unsigned a = 0; a < sim->plan.accounts; a++) {
		if (!sim->people[a].is_disturbed)
			continue;
		for (unsigned i = sim->message_count; i-- > 0;)
			if (sim->messages[i].to == a && sim->messages[i].received == 0)
				sim->messages[i].is_disturbed = true;
		if (is_agreed(sim, a))
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
