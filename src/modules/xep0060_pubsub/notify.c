/* SPDX-License-Identifier: MIT */
/*
 * notify.c - who hears of what happens at a node (XEP-0060 §12.2, XEP-0163 §4.3).
 *
 * Who may know is decided when it happens, under the configuration that holds then; they are told
 * when it is on the disk. `from` is the site's own address always (SEC-53).
 */
#include "base/rand.h"
#include "modules/blocking.h"
#include "modules/xep0060_pubsub/interest.h"
#include "modules/xep0060_pubsub/pubsub.h"
#include "server/roster.h"
#include "xmpp/xep/delay.h"

struct recipient {
	struct recipient *next;
	struct jid jid;
	bool is_subscribed; /* by a subscription, not for being a contact */
};

struct notice {
	struct arena *arena; /* holds all of it, itself too */
	struct stanza *message;
	struct str node;
	struct recipient *recipients;
};

struct str
event_text(struct arena *arena, struct str inner)
{
	return arena_printf(arena, "<event xmlns='" NS_PUBSUB_EVENT "'>%.*s</event>",
			    STR_ARG(inner));
}

struct str
notice_items(struct arena *arena, struct str node, struct str inner)
{
	struct buf buf = {0};
	struct str text;

	buf_addz(&buf, "<items");
	xml_write_attr(&buf, "node", node);
	if (inner.len > 0) {
		buf_add_char(&buf, '>');
		buf_add(&buf, inner);
		buf_addz(&buf, "</items>");
	} else {
		buf_addz(&buf, "/>");
	}
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}

void
item_write(struct buf *out, const struct node *node, const struct item *item, struct str payload)
{
	buf_addz(out, "<item");
	xml_write_attr(out, "id", item->id);
	if (node->config->item_reply == REPLY_PUBLISHER && item->publisher.len > 0)
		xml_write_attr(out, "publisher", item->publisher);
	else if (node->config->item_reply == REPLY_OWNER)
		xml_write_attr(out, "publisher", node->creator);
	if (payload.len > 0) {
		buf_add_char(out, '>');
		buf_add(out, payload);
		buf_addz(out, "</item>");
	} else {
		buf_addz(out, "/>");
	}
}

/* A message with TEXT as its content, without `to`. */
static struct stanza *
event_message(const struct site *site, enum notification_type type, struct str text)
{
	struct stanza *message = stanza_new(
		STANZA_MESSAGE, type == NOTIFY_NORMAL ? MESSAGE_NORMAL : MESSAGE_HEADLINE,
		site->jid, (struct jid){0});

	stanza_set_id(message, rand_token(message->arena, 96));
	stanza_freeze_as(message, element_new(message->arena, NS_PUBSUB_EVENT, "event"), text);
	return message;
}

static void
add_recipient(struct notice *notice, struct str jid, bool is_subscribed)
{
	struct recipient *recipient = arena_new_of(notice->arena, struct recipient);

	recipient->jid = jid_of_prepared(arena_dup(notice->arena, jid));
	recipient->is_subscribed = is_subscribed;
	recipient->next = notice->recipients;
	notice->recipients = recipient;
}

static void
add_subscribers(struct notice *notice, const struct node *node, bool all)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;
		struct str bare = jid_bare_text(jid_of_prepared(person->jid));

		if (person->subscription == SUBSCRIPTION_NONE || !person->deliver)
			continue;
		if (person->subscription == SUBSCRIPTION_SUBSCRIBED
			    ? node_access(node, bare) != ACCESS_ALLOWED
			    : !all)
			continue;
		if (node->site->account == NULL ||
		    !blocking_applies(node->site->account, jid_of_prepared(person->jid)))
			add_recipient(notice, person->jid, true);
	}
}

/* XEP-0163 §4: the owner's own sessions, and contacts that may see it. */
static void
add_contacts(struct notice *notice, const struct node *node)
{
	struct account *account = node->site->account;
	const struct person *person;
	uint32_t at = 0;
	void *value;

	if (account == NULL || account->roster == NULL)
		return;
	add_recipient(notice, account->jid.text, false);
	while (map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (!contact->from || node_access(node, contact->jid) != ACCESS_ALLOWED ||
		    str_equal(contact->jid, account->jid.text) ||
		    blocking_applies(account, jid_of_prepared(contact->jid)))
			continue;
		person = node_person(node, contact->jid);
		if (person == NULL || person->subscription == SUBSCRIPTION_NONE)
			add_recipient(notice, contact->jid, false);
	}
}

struct notice *
notice_new(const struct node *node, struct str inner, bool all)
{
	struct arena *arena;
	struct notice *notice;

	if (!node->config->deliver_notifications)
		return NULL;
	arena = arena_new();
	notice = arena_new_of(arena, struct notice);
	notice->arena = arena;
	notice->node = arena_dup(arena, node->name);
	add_subscribers(notice, node, all);
	add_contacts(notice, node);
	if (notice->recipients == NULL) {
		arena_free(arena);
		return NULL;
	}
	notice->message = event_message(node->site, node->config->notification_type,
					event_text(arena, inner));
	return notice;
}

void
notice_free(struct notice *notice)
{
	if (notice == NULL)
		return;
	stanza_unref(notice->message);
	arena_free(notice->arena);
}

void
notice_send(struct site *site, struct notice *notice)
{
	for (struct recipient *r = notice->recipients; r != NULL; r = r->next) {
		if (site->account != NULL && r->jid.resource.len == 0)
			interest_notify(site, notice->message, notice->node, r->jid,
					r->is_subscribed);
		else
			route(site->worker, stanza_readdress(notice->message, r->jid));
	}
	notice_free(notice);
}

struct last { /* an item that is read to be sent to one address */
	struct site *site;
	struct arena *arena;
	struct str prefix, suffix; /* of the event, around the payload */
	struct jid to;
	uint64_t at_us;
	enum notification_type type;
	bool has_payload;
};

static void
on_last_read(struct store_request *request)
{
	struct last *last = request->owner;
	struct str payload = request->results[0].value;
	struct stanza *message;
	struct buf text = {0};

	if (request->results[0].status == STORE_OK &&
	    (last->site->account == NULL || last->site->account->state == ACCOUNT_READY)) {
		buf_add(&text, last->prefix);
		buf_add(&text, last->has_payload ? payload : STR(""));
		buf_add(&text, last->suffix);
		delay_write(&text, last->site->jid.text, last->at_us);
		message = event_message(last->site, last->type, buf_str(&text));
		route(last->site->worker, stanza_readdress(message, last->to));
		stanza_unref(message);
		buf_free(&text);
	}
	if (last->site->account != NULL)
		account_unpin(last->site->account);
	arena_free(last->arena);
	store_request_free(request);
}

/* The event around a payload, which is not known yet: written with a mark in its place, and split
 * there. */
static void
split_event(struct last *last, const struct node *node, const struct item *item)
{
	struct str mark = STR("\x01"), text;
	struct buf buf = {0};
	ptrdiff_t at;

	item_write(&buf, node, item, mark);
	text = event_text(last->arena, notice_items(last->arena, node->name, buf_str(&buf)));
	at = str_find(text, mark.p[0]);
	last->prefix = str_first(text, (size_t)at);
	last->suffix = str_from(text, (size_t)at + 1);
	buf_free(&buf);
}

void
node_send_last(const struct node *node, struct jid to)
{
	const struct item *item = node_newest(node);
	struct site *site = node->site;
	struct store_request *request;
	struct arena *arena;
	struct last *last;

	if (item == NULL || !node->config->deliver_notifications)
		return;
	arena = arena_new();
	last = arena_new_of(arena, struct last);
	last->arena = arena;
	last->site = site;
	last->to = jid_of_prepared(arena_dup(arena, to.text));
	last->at_us = item->at_us;
	last->type = node->config->notification_type;
	last->has_payload = node->config->deliver_payloads;
	split_event(last, node, item);
	if (site->account != NULL)
		account_pin(site->account);
	request = store_request_new(site->worker->store, site->worker->loop, on_last_read, last);
	store_set_get(request, site->jid.text, "pubsub-item",
		      site_key(arena, node->name, item->id));
	store_submit(request);
}

void
notify_subscription(struct site *site, struct str node, const struct person *person)
{
	notify_subscription_to(site, node, person, jid_of_prepared(person->jid));
}

void
notify_subscription_to(struct site *site, struct str node, const struct person *person,
		       struct jid to)
{
	struct arena *arena = arena_new();
	struct stanza *message;
	struct buf buf = {0};

	buf_addz(&buf, "<subscription");
	xml_write_attr(&buf, "node", node);
	xml_write_attr(&buf, "jid", person->jid);
	xml_write_attr(&buf, "subscription", str(subscription_name(person->subscription)));
	buf_addz(&buf, "/>");
	message = event_message(site, NOTIFY_NORMAL, event_text(arena, buf_str(&buf)));
	route(site->worker, stanza_readdress(message, to));
	stanza_unref(message);
	buf_free(&buf);
	arena_free(arena);
}
