/* SPDX-License-Identifier: MIT */
/* inbox.c - what a client receives, and whether it may receive it. */
#include "sim.h"

#include "xmpp/ns.h"
#include "xmpp/xep/delay.h"

/* "a1@example.org/r0" to its indices; NOBODY and NO_RESOURCE when it is not one of these. */
static void
read_address(struct str text, unsigned *account, unsigned *resource)
{
	struct str host = STR("@" HOST);

	*account = NOBODY;
	*resource = NO_RESOURCE;
	if (text.len < 2 + host.len || text.p[0] != 'a' ||
	    !str_equal(str_first(str_from(text, 2), host.len), host))
		return;
	*account = (unsigned)(text.p[1] - '0');
	text = str_from(text, 2 + host.len);
	if (text.len == 3 && text.p[0] == '/' && text.p[1] == 'r')
		*resource = (unsigned)(text.p[2] - '0');
	if (*account >= ACCOUNTS_MAX)
		*account = NOBODY;
}

/* The number in "m17" or "m17 ...", or -1. */
static int64_t
read_number(struct str text, char letter)
{
	ptrdiff_t space = str_find(text, ' ');
	uint64_t n;

	if (space >= 0)
		text = str_first(text, (size_t)space);
	if (text.len < 2 || text.p[0] != letter || str_to_u64(str_from(text, 1), 1u << 30, &n) < 0)
		return -1;
	return (int64_t)n;
}

/*
 * A session that is bound gets what is for its full JID at once, but what is in the log only when
 * it becomes available, and that may be older. Not after that.
 */
static bool
may_be_late(const struct client *client, const struct message *m, const struct message *earlier)
{
	return m->to_resource != NO_RESOURCE &&
	       (client->seen_step == NEVER || earlier->step <= client->seen_step);
}

/*
 * An account with one device has nobody else to get its messages, so that what comes for the first
 * time is in order even if it was under way to another life of it.
 */
static bool
is_first_and_only(const struct client *client, const struct message *m)
{
	return client->sim->plan.devices == 1 && m->received == 0 && !m->is_doubtful &&
	       !client->sim->has_crashed && !client->sim->was_full;
}

/* RFC 6120 §10.1: from one session to one address, in order. */
static void
check_order(struct client *client, const struct message *m)
{
	struct sim *sim = client->sim;
	typeof(&sim->order[0][0][0]) last =
		&sim->order[client->index][m->from->index][m->to_resource];

	if (m->is_disturbed && !is_first_and_only(client, m))
		return;
	if (last->life == client->life + 1 && last->sender_life == m->from_life + 1 &&
	    last->message > m->id && !may_be_late(client, m, &sim->messages[last->message]))
		sim_fail(sim, "%s got m%u after m%u, which was sent later to the same address",
			 client_name(client), m->id, last->message);
	last->life = client->life + 1;
	last->sender_life = m->from_life + 1;
	last->message = m->id;
}

static void
check_twice(struct client *client, const struct message *m, bool is_delayed)
{
	struct sim *sim = client->sim;

	if (m->is_disturbed)
		return;
	if (m->seen[client->index] == client->life + 1)
		sim_fail(sim, "%s got m%u twice", client_name(client), m->id);
	if (m->received > 0 && is_delayed)
		sim_fail(sim, "%s got m%u from the log, though a session has it",
			 client_name(client), m->id);
}

static void
take_body(struct client *client, const struct element *el, struct message *m)
{
	struct sim *sim = client->sim;
	uint64_t at_us;
	bool is_delayed = delay_find(el, STR_NONE, &at_us) == 0;
	unsigned account, resource;

	sim_note(sim, "%s got m%u%s", client_name(client), m->id,
		 is_delayed ? " from the log" : "");
	read_address(element_attr(el, "from"), &account, &resource);
	if (account != m->from->account || resource != m->from->resource)
		sim_fail(sim, "%s got m%u from another sender: %.*s", client_name(client), m->id,
			 STR_ARG(element_attr(el, "from")));
	if (m->to != client->account)
		sim_fail(sim, "%s got m%u, which is for a%u", client_name(client), m->id, m->to);
	if (!m->is_disturbed && !m->is_chat && m->to_resource != NO_RESOURCE &&
	    m->to_resource != client->resource)
		sim_fail(sim, "%s got m%u, which is for r%u only", client_name(client), m->id,
			 m->to_resource);
	check_twice(client, m, is_delayed);
	check_order(client, m);
	m->received++;
	m->seen[client->index] = client->life + 1;
	m->was_delayed[client->index] = is_delayed;
}

/* To the session that sent it, or to its successor: the address is the same. */
static void
take_bounced(struct client *client, struct message *m)
{
	if (m->from->account != client->account || m->from->resource != client->resource ||
	    m->is_bounced)
		sim_fail(client->sim, "an error for m%u that is not its sender's, or a second one",
			 m->id);
	m->is_bounced = true;
}

static void
take_message(struct client *client, struct arena *arena, const struct element *el)
{
	struct sim *sim = client->sim;
	int64_t id = read_number(element_attr(el, "id"), 'm');
	struct str body = element_child_text(arena, el, NULL, "body");

	if (id < 0 || id >= sim->message_count)
		sim_fail(sim, "%s got a message that nobody sent", client_name(client));
	if (str_is(element_attr(el, "type"), "error")) {
		sim_note(sim, "%s got m%u back as an error", client_name(client), (unsigned)id);
		take_bounced(client, &sim->messages[id]);
		return;
	}
	if (read_number(body, 'm') != id)
		sim_fail(sim, "%s got m%u with another body", client_name(client), (unsigned)id);
	take_body(client, el, &sim->messages[id]);
}

static void
take_sight(struct client *client, struct arena *arena, const struct element *el, bool is_available)
{
	struct sim *sim = client->sim;
	int64_t serial = read_number(element_child_text(arena, el, NULL, "status"), 'p');
	unsigned account, resource;

	read_address(element_attr(el, "from"), &account, &resource);
	sim_note(sim, "%s sees a%u/r%u %s p%d", client_name(client), account, resource,
		 is_available ? "available" : "unavailable", (int)serial);
	if (account == NOBODY || resource == NO_RESOURCE)
		return;
	/* Its own first presence: what was said before counts no more, see presence.c. */
	if (is_available && account == client->account && resource == client->resource &&
	    serial == client->first_serial)
		memset(client->sights, 0, sizeof(client->sights));
	if (is_available && account == client->account && resource == client->resource &&
	    serial == client->serial && client->priority >= 0 && client->seen_step == NEVER)
		client->seen_step = sim->step;
	client->sights[account][resource] =
		(struct sight){is_available, serial > 0 ? (unsigned)serial : 0};
}

static void
take_presence(struct client *client, struct arena *arena, const struct element *el)
{
	struct str type = element_attr(el, "type");
	unsigned account, resource;

	if (type.p == NULL || str_is(type, "unavailable")) {
		take_sight(client, arena, el, type.p == NULL);
		return;
	}
	read_address(element_attr(el, "from"), &account, &resource);
	sim_note(client->sim, "%s got %.*s from a%u", client_name(client), STR_ARG(type), account);
	if (str_is(type, "subscribe") && account != NOBODY)
		client->requests |= 1u << account;
}

static void
take_items(struct client *client, const struct element *query)
{
	const struct element *item = element_child(query, NULL, "item");

	for (; item != NULL; item = element_next(item, NULL, "item")) {
		struct str how = element_attr(item, "subscription");
		unsigned account, resource;

		read_address(element_attr(item, "jid"), &account, &resource);
		if (account == NOBODY)
			continue;
		client->roster[account] = (struct roster_sight){
			.is_listed = !str_is(how, "remove"),
			.to = str_is(how, "to") || str_is(how, "both"),
			.from = str_is(how, "from") || str_is(how, "both"),
			.asked = element_attr(item, "ask").p != NULL,
		};
		sim_note(client->sim, "%s: a%u is in its roster as %.*s%s", client_name(client),
			 account, STR_ARG(how), client->roster[account].asked ? ", asked" : "");
	}
}

/* Whether the one that had this address before asked that. */
static bool
is_of_predecessor(const struct client *client, unsigned id)
{
	const struct client *asker = client->sim->askers[id].client;

	return asker != NULL && asker->account == client->account &&
	       asker->resource == client->resource &&
	       (asker != client || client->sim->askers[id].life != client->life);
}

static void
take_answer(struct client *client, const struct element *el)
{
	struct sim *sim = client->sim;
	int64_t id = read_number(element_attr(el, "id"), 'q');
	bool is_error = str_is(element_attr(el, "type"), "error");

	for (size_t i = 0; i < QUESTIONS_MAX && id > 0; i++) {
		struct question *q = &client->questions[i];

		if (q->id != id)
			continue;
		sim_note(sim, "%s got the %s to q%u", client_name(client),
			 is_error ? "error" : "answer", q->id);
		if (q->is_roster && !is_error) {
			memset(client->roster, 0, sizeof(client->roster));
			client->is_interested = true;
			take_items(client, element_child(el, NS_ROSTER, "query"));
		}
		q->id = 0;
		return;
	}
	if (id > 0 && id < IDS_MAX && is_of_predecessor(client, (unsigned)id))
		return;
	sim_fail(sim, "%s got an answer to what it did not ask, or twice: %.*s",
		 client_name(client), STR_ARG(element_attr(el, "id")));
}

static void
take_iq(struct client *client, const struct element *el)
{
	struct str type = element_attr(el, "type"), from = element_attr(el, "from");
	const struct element *query = element_child(el, NS_ROSTER, "query");

	if (str_is(type, "result") || str_is(type, "error")) {
		take_answer(client, el);
		return;
	}
	if (query != NULL)
		take_items(client, query);
	if (client->state != CLIENT_BOUND)
		return; /* it has said goodbye */
	client_write(client, "<iq type='result' id='%.*s'", STR_ARG(element_attr(el, "id")));
	if (from.p != NULL)
		client_write(client, " to='%.*s'", STR_ARG(from));
	client_write(client, "/>");
}

void
inbox_take(struct client *client, struct arena *arena, const struct element *el)
{
	if (hall_take(client, arena, el))
		return;
	if (str_is(el->name, "message"))
		take_message(client, arena, el);
	else if (str_is(el->name, "presence"))
		take_presence(client, arena, el);
	else if (str_is(el->name, "iq"))
		take_iq(client, el);
	else
		sim_fail(client->sim, "%s got a strange <%.*s/>", client_name(client),
			 STR_ARG(el->name));
}
