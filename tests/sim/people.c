/* SPDX-License-Identifier: MIT */
/* people.c - what the simulated people do with their clients. */
#include "sim.h"

#include <stdio.h>

#define FILLING_MAX 3000u /* bytes */
#define BURST_MAX 150u

static struct client *
random_client(struct sim *sim)
{
	return &sim->clients[sim_below(sim, sim->client_count)];
}

static unsigned
random_account(struct sim *sim)
{
	return (unsigned)sim_below(sim, sim->plan.accounts);
}

/* A place for an iq that is about to be sent. NULL: too many are without an answer. */
struct question *
people_ask(struct client *client, struct client *asked)
{
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct question *q = &client->questions[i];

		if (q->id != 0)
			continue;
		*q = (struct question){.id = ++client->sim->next_id,
				       .asked = asked,
				       .asked_life = asked ? asked->life : 0};
		assert(q->id < IDS_MAX);
		client->sim->askers[q->id].client = client;
		client->sim->askers[q->id].life = client->life;
		return q;
	}
	return NULL;
}

/* Text to follow the message's number. */
static struct str
random_filling(struct sim *sim)
{
	static char dots[FILLING_MAX];
	size_t size = 0;

	memset(dots, '.', sizeof(dots));
	dots[0] = ' ';
	if (sim_chance(sim, sim->plan.has_bursts ? 50 : 20))
		size = sim_below(sim, sim->plan.has_bursts ? FILLING_MAX : 300);
	return str_of(dots, size);
}

static void
write_message(struct client *client, unsigned to, unsigned to_resource)
{
	struct sim *sim = client->sim;
	struct message *message = model_message(sim, client);
	struct str filling = random_filling(sim);
	char resource[8] = "";

	message->to = to;
	message->to_resource = to_resource;
	message->is_chat = sim_chance(sim, 70);
	if (to_resource != NO_RESOURCE)
		snprintf(resource, sizeof(resource), "/r%u", to_resource);
	client_write(client,
		     "<message id='m%u' to='a%u@" HOST "%s'%s><body>m%u%.*s</body></message>",
		     message->id, to, resource, message->is_chat ? " type='chat'" : "", message->id,
		     STR_ARG(filling));
	message->end = client->sent + buf_len(client_stream_output(client->stream));
	message->is_disturbed = sim->was_full || (to != NOBODY && sim->people[to].is_disturbed);
	message->is_excused = to != NOBODY && sim->people[to].is_absent;
	sim_note(sim, "%s writes message m%u (%s) to a%u%s", client_name(client), message->id,
		 message->is_chat ? "chat" : "normal", to, resource);
}

static void
send_message(struct client *client)
{
	struct sim *sim = client->sim;
	unsigned to = sim_chance(sim, 3) ? NOBODY : random_account(sim), count = 1;
	unsigned resource =
		sim_chance(sim, 30) ? (unsigned)sim_below(sim, sim->plan.devices) : NO_RESOURCE;

	if (sim->plan.has_bursts && sim_chance(sim, 5))
		count += (unsigned)sim_below(sim, BURST_MAX);
	while (count-- > 0)
		write_message(client, to, resource);
}

static void
send_presence(struct client *client)
{
	struct sim *sim = client->sim;

	client->serial = ++sim->next_serial;
	client->priority = (int)sim_below(sim, 5);
	if (sim->plan.has_negative && sim_chance(sim, 30))
		client->priority = -1;
	if (client->priority < 0)
		client->seen_step = NEVER;
	if (!client->is_available)
		client->first_serial = client->serial;
	client->is_available = true;
	client_write(client, "<presence><status>p%u</status><priority>%d</priority></presence>",
		     client->serial, client->priority);
	sim_note(sim, "%s becomes available: p%u, priority %d", client_name(client), client->serial,
		 client->priority);
}

static void
send_unavailable(struct client *client)
{
	if (!client->is_available)
		return;
	client->is_available = false;
	client->seen_step = NEVER;
	memset(client->sights, 0, sizeof(client->sights));
	client_write(client, "<presence type='unavailable'/>");
	sim_note(client->sim, "%s becomes unavailable", client_name(client));
}

static void
send_subscription(struct client *client, const char *type, unsigned to)
{
	client_write(client, "<presence type='%s' to='a%u@" HOST "'/>", type, to);
	sim_note(client->sim, "%s sends %s to a%u", client_name(client), type, to);
}

static void
ask_roster(struct client *client)
{
	struct question *q = people_ask(client, NULL);

	if (q == NULL)
		return;
	q->is_roster = true;
	client_write(client, "<iq type='get' id='q%u'><query xmlns='jabber:iq:roster'/></iq>",
		     q->id);
	sim_note(client->sim, "%s asks for its roster, q%u", client_name(client), q->id);
}

static void
change_roster(struct client *client)
{
	struct sim *sim = client->sim;
	struct question *q = people_ask(client, NULL);
	unsigned other = random_account(sim);
	bool is_removal = sim_chance(sim, 30);

	if (q == NULL)
		return;
	client_write(client,
		     "<iq type='set' id='q%u'><query xmlns='jabber:iq:roster'>"
		     "<item jid='a%u@" HOST "' %s='%s'/></query></iq>",
		     q->id, other, is_removal ? "subscription" : "name",
		     is_removal            ? "remove"
		     : sim_chance(sim, 50) ? "Romeo"
					   : "Juliet");
	sim_note(sim, "%s %s a%u %s its roster, q%u", client_name(client),
		 is_removal ? "removes" : "puts", other, is_removal ? "from" : "into", q->id);
}

static void
ask_something(struct client *client)
{
	struct sim *sim = client->sim;
	struct client *other = sim_chance(sim, 50) ? random_client(sim) : NULL;
	struct question *q;

	if (other != NULL && (other->state != CLIENT_BOUND || sim->plan.has_conflicts))
		other = NULL;
	q = people_ask(client, other);
	if (q == NULL)
		return;
	if (other == NULL)
		client_write(client, "<iq type='get' id='q%u'%s><ping xmlns='urn:xmpp:ping'/></iq>",
			     q->id, sim_chance(sim, 50) ? " to='" HOST "'" : "");
	else
		client_write(client,
			     "<iq type='get' id='q%u' to='a%u@" HOST "/r%u'>"
			     "<ping xmlns='urn:xmpp:ping'/></iq>",
			     q->id, other->account, other->resource);
	sim_note(sim, "%s pings %s, q%u", client_name(client),
		 other ? client_name(other) : "the server", q->id);
}

static void
answer_request(struct client *client)
{
	for (unsigned a = 0; a < client->sim->plan.accounts; a++) {
		if ((client->requests >> a & 1) == 0)
			continue;
		client->requests &= ~(1u << a);
		send_subscription(client,
				  sim_chance(client->sim, 85) ? "subscribed" : "unsubscribed", a);
		return;
	}
}

static void
subscribe(struct client *client)
{
	static const char *const types[] = {"subscribe",   "subscribe",    "subscribe", "subscribe",
					    "unsubscribe", "unsubscribed", "subscribed"};
	struct sim *sim = client->sim;

	if (client->requests != 0 && sim_chance(sim, 70))
		answer_request(client);
	else
		send_subscription(client, types[sim_below(sim, COUNT(types))], random_account(sim));
}

static void
leave(struct client *client)
{
	if (sim_chance(client->sim, 50))
		send_unavailable(client);
	client_leave(client);
}

void
people_arrive(struct client *client)
{
	struct sim *sim = client->sim;

	if (sim_chance(sim, 85))
		ask_roster(client);
	if (sim_chance(sim, 85))
		send_presence(client);
}

static void
act_bound(struct client *client)
{
	static const struct {
		void (*run)(struct client *client);
	} kinds[] = {{send_message},  {subscribe},        {leave},
		     {send_presence}, {send_unavailable}, {ask_roster},
		     {change_roster}, {ask_something},    {hall_act}};
	struct sim *sim = client->sim;
	const unsigned weights[COUNT(kinds)] = {sim->plan.messages,
						sim->plan.subscriptions,
						sim->plan.logouts,
						6,
						2,
						1,
						sim->plan.subscriptions / 4 + 1,
						6,
						sim->plan.hall};
	unsigned sum = 0, at;

	for (size_t i = 0; i < COUNT(kinds); i++)
		sum += weights[i];
	at = (unsigned)sim_below(sim, sum);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (at < weights[i]) {
			kinds[i].run(client);
			return;
		}
		at -= weights[i];
	}
}

void
people_act(struct sim *sim, struct client *client)
{
	if (client->state == CLIENT_OFFLINE) {
		if (!sim->site->is_stopping)
			client_connect(client);
	} else if (client->state == CLIENT_BOUND) {
		act_bound(client);
	}
}
