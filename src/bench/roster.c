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

static void
ask_roster(struct client *client)
{
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

static unsigned
count_mutual(struct str roster)
{
	struct str rest = roster;
	unsigned n = 0;
	ptrdiff_t at;

	while ((at = str_find(rest, '<')) >= 0) {
		rest = str_from(rest, (size_t)at);
		if (scan_is(rest, "item") && str_is(scan_attribute(rest, "subscription"), "both"))
			n++;
		rest = str_from(rest, 1);
	}
	return n;
}

static void
take_roster(struct client *client, struct str stanza)
{
	unsigned contacts = client->engine->options->contacts;
	struct crowd *crowd = client->engine->job;
	struct member *member = client->job;

	if (member->is_befriended)
		return;
	if (count_mutual(stanza) >= contacts) {
		member->is_befriended = true;
		if (++crowd->befriended == client->engine->client_count)
			client->engine->is_done = true;
		return;
	}
	for (unsigned i = member->index + 1; !member->has_asked && i <= contacts; i++)
		send_subscription(client, member - member->index + i, "subscribe");
	member->has_asked = true;
}

void
roster_stanza(struct client *client, struct str stanza)
{
	struct member *member = client->job, *sender;

	if (scan_is(stanza, "iq") && str_is(scan_attribute(stanza, "id"), "f")) {
		take_roster(client, stanza);
		return;
	}
	if (!scan_is(stanza, "presence") || !str_is(scan_attribute(stanza, "type"), "subscribe"))
		return;
	sender = presence_sender(client, stanza);
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

		if (!member->is_befriended && engine->now_ns - member->sent_ns > 1000000000u) {
			member->sent_ns = engine->now_ns;
			ask_roster(&engine->clients[i]);
		}
	}
}

void
roster_start(struct engine *engine)
{
	struct crowd *crowd = engine->job;

	crowd->is_asking = true;
	for (unsigned i = 0; i < engine->client_count; i++) {
		struct member *member = engine->clients[i].job;

		member->sent_ns = engine->now_ns;
		ask_roster(&engine->clients[i]);
	}
}
