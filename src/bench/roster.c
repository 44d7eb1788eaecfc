/* SPDX-License-Identifier: MIT */
/*
 * roster.c - makes the members of each group contacts of each other, over XMPP (RFC 6121 §3).
 *
 * For each two, the one with the lower number asks first; the other approves and asks back. Whether
 * all is done is read from the roster, which is fetched again until it says so: what a server
 * pushes on the way differs too much.
 */
#include "bench/mode_presence.h"

#include "base/time.h"

#define ROSTER_NS 1000000000u  /* between two looks at the roster */
#define REQUEST_NS 8000000000u /* without any presence, until asking again */

static void
ask_roster(struct client *client)
{
	struct member *member = client->job;

	member->is_asking = true;
	member->roster_ns = client->engine->now_ns;
	client_send(client, STR("<iq type='get' id='f'><query xmlns='jabber:iq:roster'/></iq>"));
}

static void
send_subscription(struct client *client, const struct member *to, const char *type)
{
	const struct options *options = client->engine->options;
	struct str user = login_user(client->engine->arena, options, to->client->number);

	buf_printf(&client->out, "<presence to='%.*s@%s' type='%s'/>", STR_ARG(user), options->host,
		   type);
	client_wrote(client);
}

enum { TO = 1, FROM = 2 };

/* Fills STATE, one for each of the group, from ROSTER; returns how many are mutual contacts. */
static unsigned
read_roster(struct client *client, struct str roster, unsigned char *state)
{
	struct str rest = roster;
	unsigned n = 0;
	ptrdiff_t at;

	for (; (at = str_find(rest, '<')) >= 0; rest = str_from(rest, (size_t)at + 1)) {
		struct str item = str_from(rest, (size_t)at), subscription;
		struct member *other;

		if (!scan_is(item, "item"))
			continue;
		other = member_by_jid(client, scan_attribute(item, "jid"));
		subscription = scan_attribute(item, "subscription");
		if (other == NULL)
			continue;
		if (str_is(subscription, "to") || str_is(subscription, "both"))
			state[other->index] |= TO;
		if (str_is(subscription, "from") || str_is(subscription, "both"))
			state[other->index] |= FROM;
		n += state[other->index] == (TO | FROM);
	}
	return n;
}

/* Asks those whose turn is later; the second time, asks and approves whatever is missing. */
static void
ask_subscriptions(struct client *client, const unsigned char *state)
{
	struct member *member = client->job;
	struct crowd *crowd = client->engine->job;
	bool is_again = member->request_ns != 0;

	/* A server that is only slow must not get more to do. */
	if (is_again &&
	    client->engine->now_ns - MAX(member->request_ns, crowd->presence_ns) < REQUEST_NS)
		return;
	member->request_ns = client->engine->now_ns;
	for (unsigned i = 0; i <= client->engine->options->contacts; i++) {
		const struct member *other = member - member->index + i;

		if (other == member)
			continue;
		if (!(state[i] & TO) && (is_again || i > member->index))
			send_subscription(client, other, "subscribe");
		if (!(state[i] & FROM) && is_again)
			send_subscription(client, other, "subscribed");
	}
}

static void
take_roster(struct client *client, struct str stanza)
{
	unsigned contacts = client->engine->options->contacts;
	struct crowd *crowd = client->engine->job;
	struct member *member = client->job;
	unsigned char *state = arena_alloc(client->engine->arena, contacts + 1);

	member->is_asking = false;
	if (member->is_befriended)
		return;
	if (read_roster(client, stanza, state) < contacts) {
		ask_subscriptions(client, state);
		return;
	}
	member->is_befriended = true;
	if (++crowd->befriended == client->engine->client_count)
		client->engine->is_done = true;
}

void
roster_stanza(struct client *client, struct str stanza)
{
	struct member *member = client->job, *sender;
	struct crowd *crowd = client->engine->job;

	if (scan_is(stanza, "presence"))
		crowd->presence_ns = client->engine->now_ns;
	if (scan_is(stanza, "iq") && str_is(scan_attribute(stanza, "id"), "f")) {
		take_roster(client, stanza);
		return;
	}
	if (!scan_is(stanza, "presence") || !str_is(scan_attribute(stanza, "type"), "subscribe"))
		return;
	sender = member_by_jid(client, scan_attribute(stanza, "from"));
	if (sender == NULL) {
		client_fail(client, "a stranger: %.*s", STR_ARG(stanza));
		return;
	}
	send_subscription(client, sender, "subscribed");
	if (sender->index < member->index)
		send_subscription(client, sender, "subscribe");
}

void
roster_tick(struct engine *engine)
{
	for (unsigned i = 0; i < engine->client_count; i++) {
		struct member *member = engine->clients[i].job;

		if (!member->is_befriended && !member->is_asking &&
		    engine->now_ns - member->roster_ns > ROSTER_NS)
			ask_roster(&engine->clients[i]);
	}
}

void
roster_start(struct engine *engine)
{
	struct crowd *crowd = engine->job;

	crowd->is_asking = true;
	for (unsigned i = 0; i < engine->client_count; i++)
		ask_roster(&engine->clients[i]);
}
