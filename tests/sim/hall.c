/* SPDX-License-Identifier: MIT */
/*
 * hall.c - one room that everybody enters, speaks in and leaves (XEP-0045), and what holds for it
 * through all failures: the same order for all, nobody misses anything while he is there, nothing
 * comes twice, and nobody speaks in another's name.
 */
#include "sim.h"

#include "modules/xep0045_muc/room.h"
#include "xmpp/xep/delay.h"

#include <stdio.h>
#include <stdlib.h>

#define HALL "hall@rooms." HOST
#define MUC "http://jabber.org/protocol/muc"

static bool
is_there(const struct client *client)
{
	return client->stay.life == client->life + 1 && client->stay.is_in;
}

void
hall_act(struct client *client)
{
	struct sim *sim = client->sim;
	unsigned what = (unsigned)sim_below(sim, 10);

	if (!is_there(client) || what == 0) {
		client_write(client,
			     "<presence to='" HALL "/n%ur%u'><x xmlns='" MUC "'>"
			     "<history maxchars='0'/></x></presence>"
			     "<iq type='set' id='open' to='" HALL "'><query xmlns='" MUC "#owner'>"
			     "<x xmlns='jabber:x:data' type='submit'/></query></iq>",
			     client->account, client->resource);
		sim_note(sim, "%s enters the hall", client_name(client));
	} else if (what == 1) {
		client_write(client, "<presence type='unavailable' to='" HALL "/n%ur%u'/>",
			     client->account, client->resource);
		sim_note(sim, "%s leaves the hall", client_name(client));
	} else if (what == 2) {
		client_write(client,
			     "<presence to='" HALL "/n%ur%u'><status>%u</status></presence>",
			     client->account, client->resource, sim->step);
	} else if (what == 3) {
		client_write(client, "<message type='groupchat' to='" HALL "'><composing "
				     "xmlns='http://jabber.org/protocol/chatstates'/></message>");
	} else {
		client_write(client,
			     "<message type='groupchat' id='h%u' to='" HALL "'><body>h%u of "
			     "%u</body></message>",
			     sim->next_words, sim->next_words, client->life);
		sim_note(sim, "%s says h%u in the hall", client_name(client), sim->next_words);
		sim->next_words++;
	}
}

/* "hall@rooms.example.org/n1r0" */
static struct client *
speaker_of(struct sim *sim, struct str from)
{
	unsigned account, resource;

	if (from.len != sizeof(HALL "/n0r0") - 1)
		return NULL;
	account = (unsigned)(from.p[from.len - 3] - '0');
	resource = (unsigned)(from.p[from.len - 1] - '0');
	for (unsigned i = 0; i < sim->client_count; i++)
		if (sim->clients[i].account == account && sim->clients[i].resource == resource)
			return &sim->clients[i];
	return NULL;
}

/* Puts ID among those that somebody has seen. */
static void
note_accepted(struct sim *sim, uint64_t id)
{
	size_t at = sim->accepted_count;

	while (at > 0 && sim->accepted[at - 1] > id)
		at--;
	if (at > 0 && sim->accepted[at - 1] == id)
		return;
	if (sim->accepted_count == sim->accepted_size) {
		sim->accepted_size = MAX(sim->accepted_size * 2, 64u);
		sim->accepted =
			xrealloc(sim->accepted, sim->accepted_size * sizeof(*sim->accepted));
	}
	memmove(&sim->accepted[at + 1], &sim->accepted[at],
		(sim->accepted_count - at) * sizeof(*sim->accepted));
	sim->accepted[at] = id;
	sim->accepted_count++;
}

static void
take_words(struct client *client, struct arena *arena, const struct element *el)
{
	struct sim *sim = client->sim;
	const struct element *sid = element_child(el, "urn:xmpp:sid:0", "stanza-id");
	const struct client *from = speaker_of(sim, element_attr(el, "from"));
	struct str body = element_child_text(arena, el, NULL, "body");
	unsigned words, life;
	uint64_t id = 0, at_us;

	if (body.p == NULL || delay_find(el, STR_NONE, &at_us) == 0)
		return;
	if (sid == NULL || str_to_u64(element_attr(sid, "id"), UINT64_MAX, &id) < 0)
		sim_fail(sim, "%s got words without an id", client_name(client));
	if (from == NULL || sscanf(body.p, "h%u of %u", &words, &life) != 2)
		sim_fail(sim, "%s got words that nobody said", client_name(client));
	sim_note(sim, "%s hears h%u, %llu", client_name(client), words, (unsigned long long)id);
	note_accepted(sim, id);
	if (!is_there(client))
		return; /* it has just left, or not yet heard that it is there */
	if (id <= client->stay.last)
		sim_fail(sim, "%s heard h%u twice, or after what was said later",
			 client_name(client), words);
	if (client->stay.heard[from->index] > words + 1)
		sim_fail(sim, "%s heard h%u after h%u of the same person", client_name(client),
			 words, client->stay.heard[from->index] - 1);
	client->stay.heard[from->index] = words + 1;
	client->stay.last = id;
	if (client->stay.count++ == 0)
		client->stay.first = id;
}

static void
take_own_presence(struct client *client, bool is_available)
{
	if (is_available && is_there(client))
		return;
	memset(&client->stay, 0, sizeof(client->stay));
	client->stay.life = client->life + 1;
	client->stay.is_in = is_available;
	sim_note(client->sim, "%s is %s the hall", client_name(client),
		 is_available ? "in" : "not in");
}

static bool
has_code(const struct element *el, const char *code)
{
	const struct element *x = element_child(el, MUC "#user", "x");
	const struct element *status = x ? element_child(x, NULL, "status") : NULL;

	for (; status != NULL; status = element_next(status, NULL, "status"))
		if (str_is(element_attr(status, "code"), code))
			return true;
	return false;
}

bool
hall_take(struct client *client, struct arena *arena, const struct element *el)
{
	struct str type = element_attr(el, "type");

	if (!str_starts(element_attr(el, "from"), STR(HALL)))
		return false;
	if (str_is(type, "error"))
		return true; /* not in it any more, or not its owner */
	if (str_is(el->name, "message"))
		take_words(client, arena, el);
	else if (str_is(el->name, "presence") && has_code(el, "110"))
		take_own_presence(client, type.p == NULL);
	return true;
}

void
hall_check(struct sim *sim)
{
	for (unsigned i = 0; i < sim->client_count; i++) {
		const struct client *client = &sim->clients[i];
		size_t since = 0;

		if (client->state != CLIENT_BOUND || !is_there(client) || client->stay.count == 0)
			continue;
		for (size_t k = 0; k < sim->accepted_count; k++)
			since += sim->accepted[k] >= client->stay.first;
		if (since != client->stay.count)
			sim_fail(sim, "%s heard %zu of %zu that were said while it was there",
				 client_name(client), client->stay.count, since);
	}
}

/* Nobody is left anywhere: nor is a room that nobody keeps. */
void
hall_check_gone(struct sim *sim)
{
	for (unsigned i = 0; i < sim->plan.workers && !sim->has_crashed; i++)
		if (rooms_of(sim->site->server.workers[i])->rooms.count != 0)
			sim_fail(sim, "worker %u still has a room in memory", i);
}
