/* SPDX-License-Identifier: MIT */
/*
 * mode_presence.c - presence broadcast (RFC 6121 §4.4): groups in which everybody is everybody's
 * contact, all online. A new presence goes out when all contacts have seen the last.
 *
 * Every contact must get every broadcast of each sender once and in order. Subscriptions are made
 * over XMPP (RFC 6121 §3), and only where the rosters lack them: roster.c.
 */
#include "bench/mode_presence.h"

#include "bench/modes.h"

#include <stdlib.h>

static void
broadcast(struct member *member)
{
	struct client *client = member->client;
	struct crowd *crowd = client->engine->job;

	member->sent++;
	member->seen = 0;
	member->sent_ns = client->engine->now_ns;
	crowd->outstanding += client->engine->options->contacts;
	buf_printf(&client->out, "<presence><show>%s</show><status>number %llu</status></presence>",
		   member->sent % 2 == 0 ? "away" : "dnd", (unsigned long long)member->sent);
	client_wrote(client);
}

struct member *
member_by_jid(struct client *client, struct str jid)
{
	const struct options *options = client->engine->options;
	const char *pattern = options->user_pattern;
	size_t before = strcspn(pattern, "%"),
	       after = strlen(pattern) - MIN(before + 2, strlen(pattern));
	struct member *member = client->job, *other;
	struct str user, number;
	uint64_t account;

	if (!str_split(&jid, '@', &user) || user.len < before + after)
		return NULL;
	number = str_from(str_first(user, user.len - after), before);
	if (str_to_u64(number, UINT32_MAX, &account) < 0 || account < options->first_user)
		return NULL;
	other = member - member->index + (account - options->first_user) % (options->contacts + 1);
	return other->client->number == account ? other : NULL;
}

static void
take_broadcast(struct client *client, struct str stanza)
{
	struct str number = scan_between(stanza, "<status>number ", "</status>");
	struct member *member = client->job, *sender;
	struct crowd *crowd = client->engine->job;
	uint64_t n;

	sender = member_by_jid(client, scan_attribute(stanza, "from"));
	if (sender == member)
		return; /* §4.4.2: to one's own resources too */
	if (sender == NULL || str_to_u64(number, UINT64_MAX, &n) < 0 ||
	    n != member->last_of[sender->index] + 1 || n != sender->sent) {
		client_fail(client, "presence is lost, doubled or out of order: %.*s",
			    STR_ARG(stanza));
		return;
	}
	member->last_of[sender->index] = n;
	crowd->outstanding--;
	work_done(client->engine, sender->sent_ns, 1);
	if (++sender->seen == client->engine->options->contacts && work_goes_on(client->engine) &&
	    sender->sent < sender->quota)
		broadcast(sender);
	else if (crowd->outstanding == 0)
		client->engine->is_done = true;
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct crowd *crowd = client->engine->job;

	if (!crowd->is_ready)
		roster_stanza(client, stanza);
	else if (scan_is(stanza, "presence"))
		take_broadcast(client, stanza);
}

static void
on_tick(struct engine *engine)
{
	struct crowd *crowd = engine->job;

	if (!crowd->is_ready && crowd->is_asking)
		roster_tick(engine);
}

static void
start_phase(struct engine *engine)
{
	struct crowd *crowd = engine->job;

	crowd->is_ready = true;
	for (unsigned i = 0; i < engine->client_count; i++) {
		struct member *member = engine->clients[i].job;

		member->quota = member->sent + crowd->work.quota;
		broadcast(member);
	}
	engine->is_done = crowd->outstanding == 0;
}

static struct member *
make_members(struct fleet *fleet)
{
	struct member *members = xnew_array(struct member, fleet->client_count);
	unsigned group = fleet->options->contacts + 1;

	for (unsigned i = 0; i < fleet->client_count; i++) {
		members[i].client = &fleet->clients[i];
		members[i].index = i % group;
		members[i].last_of = xnew_array(uint64_t, group);
		fleet->clients[i].job = &members[i];
	}
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].job = xnew(struct crowd);
	return members;
}

static void
free_members(struct fleet *fleet, struct member *members)
{
	for (unsigned i = 0; members != NULL && i < fleet->client_count; i++)
		free(members[i].last_of);
	free(members);
	for (unsigned i = 0; members != NULL && i < fleet->engine_count; i++)
		free(fleet->engines[i].job);
}

int
mode_presence(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza, .tick = on_tick};
	unsigned group = options->contacts + 1;
	struct member *members = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, MAX(options->sessions / group, 1) * group, &handlers);

	if (rc == 0) {
		members = make_members(&fleet);
		rc = fleet_login(&fleet);
	}
	if (rc == 0)
		rc = fleet_run(&fleet, roster_start);
	if (rc == 0) /* the last pushes and presences of becoming contacts */
		rc = fleet_rest(&fleet, 1000);
	if (rc == 0)
		rc = phase_warm_up(&fleet, start_phase);
	if (rc == 0)
		rc = phase_measure(&fleet, start_phase, report, "delivery");
	if (rc == 0)
		rc = fleet_rest(&fleet, 300);
	free_members(&fleet, members);
	fleet_close(&fleet);
	return rc;
}
