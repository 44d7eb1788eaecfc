/* SPDX-License-Identifier: MIT */
/*
 * roster.c - roster get, set, remove, push and versioning (RFC 6121 §2).
 *
 * The roster in memory changes at once; the answer and the pushes follow when the change is
 * durable.
 */
#include "modules/roster.h"

#include "base/rand.h"
#include "modules/privilege.h"
#include "server/portable.h"

#include <stdlib.h>

#define GROUPS_MAX 64u

struct commit { /* a change on its way to the disk */
	struct worker *worker;
	struct str bare, contact; /* behind the struct */
	struct roster_commit after;
};

/* CONTACT is JID's, or NULL. */
static struct stanza *
push_of(struct jid from, struct jid to, uint64_t version, struct str jid,
	const struct contact *contact)
{
	struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET, from, to);
	struct element *query = element_add(iq->arena, iq->el, NS_ROSTER, "query");

	stanza_set_id(iq, rand_token(iq->arena, 96));
	element_set(iq->arena, query, "ver",
		    arena_printf(iq->arena, "%llu", (unsigned long long)version));
	if (contact != NULL && contact->is_listed) {
		contact_item(iq->arena, query, contact);
	} else {
		struct element *item = element_add(iq->arena, query, NULL, "item");

		element_set(iq->arena, item, "jid", jid);
		element_setz(iq->arena, item, "subscription", "remove");
	}
	return iq;
}

struct stanza *
roster_push_to(const struct account *account, struct jid to, struct str contact)
{
	return push_of(account->jid, to, account->roster->version, contact,
		       roster_find(account->roster, contact));
}

/* Takes IQ. */
static void
deliver_new(struct session *session, struct stanza *iq)
{
	stanza_freeze(iq);
	session_deliver(session, iq, NULL);
	stanza_unref(iq);
}

static void
push_item(struct account *account, struct session *session, struct str jid)
{
	deliver_new(session, push_of((struct jid){0}, session->jid, account->roster->version, jid,
				     roster_find(account->roster, jid)));
}

/* Not what it was when the change was made: that has been told already, or is not true any more. */
static void
show_presence(struct account *account, struct str to)
{
	const struct contact *contact = roster_find(account->roster, to);
	struct arena *arena = arena_new();
	struct jid jid;
	const char *why;

	if (contact != NULL && contact->from && jid_parse(arena, to, &jid, &why) == 0)
		presence_show(account, jid, false);
	arena_free(arena);
}

/* Modules hear that JID sees the account from now on. */
static void
tell_of_contact(struct account *account, struct str jid)
{
	const struct contact *contact = roster_find(account->roster, jid);
	struct event ev = {.worker = account->worker, .account = account};

	ev.host = worker_host(account->worker, account->jid.domain);
	if (contact == NULL || !contact->from || ev.host == NULL)
		return;
	ev.arena = arena_new();
	ev.contact = contact->jid;
	hooks_run(POINT_CONTACT_ADDED, &ev);
	arena_free(ev.arena);
}

static void
committed(struct commit *commit)
{
	struct account *account = account_find(commit->worker, commit->bare);

	if (account != NULL && account->state == ACCOUNT_READY && commit->after.push) {
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			if (session->is_interested)
				push_item(account, session, commit->contact);
		}
		privilege_roster_changed(account, commit->contact);
	}
	if (commit->after.held != NULL)
		held_reply(commit->after.held, NULL);
	for (size_t i = 0; i < COMMIT_THEN_MAX; i++)
		if (commit->after.then[i] != NULL)
			route(commit->worker, commit->after.then[i]);
	if (account != NULL && account->state == ACCOUNT_READY && commit->after.show) {
		show_presence(account, commit->contact);
		tell_of_contact(account, commit->contact);
	}
	free(commit);
}

static void
refused(struct commit *commit)
{
	/* The disk is full: what is in memory will be lost at the next load, so nobody hears of it.
	 */
	if (commit->after.held != NULL)
		held_refuse(commit->after.held, STANZA_RESOURCE_CONSTRAINT, NULL);
	for (size_t i = 0; i < COMMIT_THEN_MAX; i++)
		stanza_unref(commit->after.then[i]);
	free(commit);
}

static void
on_stored(struct store_request *request)
{
	struct commit *commit = request->owner;

	if (request->status == STORE_OK)
		committed(commit);
	else
		refused(commit);
	store_request_free(request);
}

void
roster_commit(struct account *account, struct contact *contact, const struct roster_commit *after)
{
	size_t bare = account->jid.text.len;
	struct commit *commit = xalloc(sizeof(*commit) + bare + contact->jid.len);
	char *text = (char *)(commit + 1);
	struct store_request *request = NULL;

	memcpy(text, account->jid.text.p, bare);
	memcpy(text + bare, contact->jid.p, contact->jid.len);
	commit->worker = account->worker;
	commit->bare = str_of(text, bare);
	commit->contact = str_of(text + bare, contact->jid.len);
	commit->after = *after;
	if (!account->is_guest)
		request = store_request_new(account->worker->store, account->worker->loop,
					    on_stored, commit);
	roster_put(account->roster, contact, request, account->jid.text);
	if (request != NULL)
		store_submit(request);
	else
		committed(commit);
}

struct stanza *
subscription_stanza(const struct account *account, enum stanza_type type, struct str to)
{
	struct arena *arena = arena_new();
	struct stanza *stanza = NULL;
	struct jid jid;
	const char *why;

	if (jid_parse(arena, to, &jid, &why) == 0)
		stanza = stanza_new(STANZA_PRESENCE, type, account->jid, jid);
	arena_free(arena);
	return stanza;
}

static int
by_version(const void *a, const void *b)
{
	const struct contact *x = *(const struct contact *const *)a;
	const struct contact *y = *(const struct contact *const *)b;

	return (x->version > y->version) - (x->version < y->version);
}

/* §2.6.3: an empty result, then what changed since KNOWN, in that order, each with its version. */
static void
answer_changes(struct event *ev, uint64_t known)
{
	const struct roster *roster = ev->account->roster;
	const struct contact **changed =
		arena_array(ev->arena, const struct contact *, roster->listed + 1);
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (map_next(&roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (contact->is_listed && contact->version > known)
			changed[n++] = contact;
	}
	qsort(changed, n, sizeof(changed[0]), by_version);
	deliver_new(ev->session, stanza_result(ev->stanza));
	for (size_t i = 0; i < n; i++)
		deliver_new(ev->session, push_of((struct jid){0}, ev->session->jid,
						 changed[i]->version, changed[i]->jid, changed[i]));
}

/* The whole roster, or with VER the client's version, what it lacks. */
static enum verdict
answer_get(struct event *ev)
{
	struct roster *roster = ev->account->roster;
	struct str ver = element_attr(event_payload(ev), "ver");
	struct element *query = element_new(ev->arena, NS_ROSTER, "query");
	uint64_t known, version = roster->version;
	bool is_partial;
	uint32_t at = 0;
	void *value;

	ev->session->is_interested = true;
	is_partial = ver.p != NULL && str_to_u64(ver, version, &known) == 0 &&
		     known >= roster->removed_at && (known > 0 || version == 0);
	if (is_partial) {
		answer_changes(ev, known);
		return DONE;
	}
	element_set(ev->arena, query, "ver",
		    arena_printf(ev->arena, "%llu", (unsigned long long)version));
	while (map_next(&roster->contacts, &at, &value))
		if (((struct contact *)value)->is_listed)
			contact_item(ev->arena, query, value);
	event_reply(ev, query);
	return DONE;
}

/* §2.3.3: groups are not empty, not doubled and not too long. */
static enum verdict
read_groups(struct event *ev, const struct element *item, struct contact *contact)
{
	struct arena *arena = contact->arena;

	contact->groups = arena_array(arena, struct str, GROUPS_MAX);
	contact->group_count = 0;
	for (const struct element *el = element_child(item, NULL, "group"); el != NULL;
	     el = element_next(el, NULL, "group")) {
		struct str group = arena_dup(arena, element_text(arena, el));

		if (group.len == 0 || group.len > JID_PART_MAX ||
		    contact->group_count == GROUPS_MAX)
			return event_refuse(ev, STANZA_NOT_ACCEPTABLE);
		for (size_t i = 0; i < contact->group_count; i++)
			if (str_equal(contact->groups[i], group))
				return event_refuse(ev, STANZA_BAD_REQUEST);
		contact->groups[contact->group_count++] = group;
	}
	return PASS;
}

/* §2.3, §2.4: add or change. What the client says of the subscription is not its to say. */
static enum verdict
put_item(struct event *ev, const struct element *item, struct jid jid)
{
	const struct config_limits *limits = &ev->worker->config->limits;
	struct roster *roster = ev->account->roster;
	const struct contact *old = roster_find(roster, jid.text);
	struct contact *contact;
	struct str name = element_attr(item, "name");

	if (name.len > JID_PART_MAX)
		return event_refuse(ev, STANZA_NOT_ACCEPTABLE);
	if ((old == NULL || !old->is_listed) && limits->roster_items > 0 &&
	    roster->listed >= limits->roster_items)
		return event_refuse_text(ev, STANZA_NOT_ALLOWED, "the roster is full");
	contact = contact_edit(old, jid.text);
	contact->name = name.len > 0 ? arena_dup(contact->arena, name) : STR_NONE;
	contact->is_listed = true;
	if (read_groups(ev, item, contact) == REFUSED) {
		contact_free(contact);
		return REFUSED;
	}
	roster_commit(ev->account, contact,
		      &(struct roster_commit){.push = true, .held = event_hold(ev)});
	return DONE;
}

/* §2.5: removal cancels what there was of subscriptions, in both directions. */
static enum verdict
remove_item(struct event *ev, struct jid jid)
{
	const struct contact *old = roster_find(ev->account->roster, jid.text);
	struct roster_commit commit = {.push = true};
	struct contact *contact;
	size_t n = 0;

	if (old == NULL || !old->is_listed)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	if (old->to || old->asked)
		commit.then[n++] = subscription_stanza(ev->account, PRESENCE_UNSUBSCRIBE, jid.text);
	if (old->from || old->pending)
		commit.then[n++] =
			subscription_stanza(ev->account, PRESENCE_UNSUBSCRIBED, jid.text);
	if (old->from)
		presence_show(ev->account, jid, true);
	contact = contact_edit(old, jid.text);
	contact->to = contact->from = contact->asked = contact->pending = false;
	contact->approved = contact->is_listed = false;
	commit.held = event_hold(ev);
	roster_commit(ev->account, contact, &commit);
	return DONE;
}

enum verdict
roster_change(struct event *ev)
{
	const struct element *query = event_payload(ev);
	const struct element *item = element_child(query, NS_ROSTER, "item");
	struct jid jid;
	const char *why;

	if (item == NULL || element_next(item, NULL, NULL) != NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (element_attr(item, "jid").p == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (jid_parse(ev->arena, element_attr(item, "jid"), &jid, &why) < 0)
		return event_refuse(ev, STANZA_JID_MALFORMED);
	/* One's own account is not one's contact (§2.3.3 leaves it to us): it sees all anyway. */
	if (str_equal(jid_bare_text(jid), ev->account->jid.text))
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	if (str_is(element_attr(item, "subscription"), "remove"))
		return remove_item(ev, jid);
	return put_item(ev, item, jid);
}

static void
write_features(struct worker *worker UNUSED, const struct config_host *host UNUSED,
	       const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	if (is_authenticated)
		buf_addz(out, "<ver xmlns='urn:xmpp:features:rosterver'/>"
			      "<sub xmlns='urn:xmpp:features:pre-approval'/>");
}

extern const struct portable roster_portables[];

const struct module roster_module = {
	.name = "roster",
	.specs = SPECS({"RFC 6121", NULL, SPEC_COMPLETE, "roster"},
		       {"XEP-0237", "1.3", SPEC_COMPLETE, "as part of RFC 6121"}),
	.features = FEATURES(NS_ROSTER),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT, NS_ROSTER, "query", answer_get},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_ROSTER, "query", roster_change}),
	.stream_features = write_features,
	.portables = roster_portables,
};
