/* SPDX-License-Identifier: MIT */
/*
 * targets.c - which push services an account has enabled (XEP-0357 §5 to §7): kept in its set
 * "push", in memory with the account.
 */
#include "base/log.h"
#include "modules/xep0357_push/push.h"
#include "server/account_extra.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define FORM_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"
#define NODE_MAX 1024u
#define OPTIONS_MAX 4096u

static const struct xml_limits limits = {
	.bytes = 65536, .depth = 16, .attributes = 32, .nodes = 4096};

struct push *
push_of(const struct account *account)
{
	return account_extra(account, &xep0357_push);
}

void
target_free(struct target *target)
{
	free(target->service);
	free(target->node);
	free(target->options);
	free(target->device);
	free(target->disabled);
	free(target->sender);
	free(target->body);
	free(target);
}

/* The account leaves the memory: nothing is under way. */
void
push_free(void *state)
{
	struct push *push = state;

	LIST_EACH(&push->targets, struct target, link, target)
	{
		timer_cancel(target->account->worker->loop, &target->timer);
		target_free(target);
	}
	free(push);
}

static struct push *
push_make(struct account *account)
{
	struct push *push = push_of(account);

	if (push == NULL) {
		push = xnew(struct push);
		list_init(&push->targets);
		account_set_extra(account, &xep0357_push, push);
	}
	return push;
}

static struct target *
target_new(struct account *account, struct push *push, struct str service, struct str node)
{
	struct target *target = xnew(struct target);

	target->account = account;
	target->service = str_dupz(service);
	target->node = str_dupz(node.p ? node : STR(""));
	list_add(&push->targets, &target->link);
	push->count++;
	return target;
}

static char *
dup_or_null(struct str text)
{
	return text.p != NULL ? str_dupz(text) : NULL;
}

void *
push_loaded(struct account *account, const struct store_item *items)
{
	struct push *push = xnew(struct push);

	list_init(&push->targets);
	for (; items != NULL; items = items->next) {
		struct arena *arena = arena_new();
		struct element *el = xml_parse(arena, items->value, &limits, NULL);
		struct target *target;

		if (el == NULL) {
			log_event(LOG_ERROR, "push-service-unreadable",
				  LOG_STR("account", account->jid.text));
		} else {
			target = target_new(account, push, element_attr(el, "jid"),
					    element_attr(el, "node"));
			target->device = dup_or_null(element_attr(el, "device"));
			target->disabled = dup_or_null(element_attr(el, "disabled"));
			target->options =
				dup_or_null(element_child_text(arena, el, NULL, "options"));
		}
		arena_free(arena);
	}
	return push;
}

static struct str
key_of(struct arena *arena, const struct target *target)
{
	return arena_printf(arena, "%s\n%s", target->service, target->node);
}

static struct str
encode(struct arena *arena, const struct target *target)
{
	struct element *el = element_new(arena, NS_PUSH, "enable");

	element_setz(arena, el, "jid", target->service);
	element_setz(arena, el, "node", target->node);
	element_set(arena, el, "device", str(target->device));
	element_set(arena, el, "disabled", str(target->disabled));
	if (target->options != NULL)
		element_add_leaf(arena, el, "options", str(target->options));
	return xml_text(arena, el, STR_NONE);
}

void
target_store(struct target *target, void (*done)(struct store_request *request), void *owner)
{
	struct account *account = target->account;
	struct store_request *request =
		store_request_new(account->worker->store, account->worker->loop, done, owner);
	struct arena *arena = arena_new();

	store_set_put(request, account->jid.text, PUSH_SET, key_of(arena, target),
		      encode(arena, target));
	store_submit(request);
	arena_free(arena);
}

void
target_remove(struct target *target)
{
	struct push *push = push_of(target->account);

	list_remove(&target->link);
	push->count--;
	target_stop(target);
	if (target->is_sending)
		target->is_gone = true;
	else
		target_free(target);
}

static struct target *
find(struct push *push, struct str service, struct str node)
{
	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (str_is(service, target->service) && str_is(node, target->node))
			return target;
	}
	return NULL;
}

static void
on_stored(struct store_request *request)
{
	struct held_iq *held = request->owner;

	if (request->status == STORE_OK)
		held_reply(held, NULL);
	else
		held_refuse(held, STANZA_RESOURCE_CONSTRAINT, NULL);
	store_request_free(request);
}

/* The service's address, which both commands must name. Returns PASS, or REFUSED. */
static enum verdict
read_service(struct event *ev, struct jid *service, struct str *node)
{
	struct str jid = element_attr(event_payload(ev), "jid");
	const char *why;

	*node = element_attr(event_payload(ev), "node");
	if (jid.p == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (jid_parse(ev->arena, jid, service, &why) < 0)
		return event_refuse(ev, STANZA_JID_MALFORMED);
	if (node->len > NODE_MAX)
		return event_refuse(ev, STANZA_NOT_ACCEPTABLE);
	return PASS;
}

/* §5: what the service wants to see with each notification. *TEXT.p is NULL when that is nothing.
 */
static enum verdict
read_options(struct event *ev, struct str *text)
{
	const struct element *x = element_child(event_payload(ev), NS_FORMS, "x");
	struct form form;
	const char *why;

	*text = STR_NONE;
	if (x == NULL)
		return PASS;
	if (form_parse(ev->arena, x, &form, &why) < 0 || form.kind != FORM_SUBMIT ||
	    !str_is(form.form_type, FORM_OPTIONS))
		return event_refuse(ev, STANZA_BAD_REQUEST);
	*text = xml_text(ev->arena, x, STR_NONE);
	return text->len <= OPTIONS_MAX ? PASS : event_refuse(ev, STANZA_NOT_ACCEPTABLE);
}

/* Room for one more, if need be in the place of one that is disabled. */
static bool
make_room(struct event *ev, struct push *push)
{
	uint64_t max = option_number(event_options(ev), "devices");

	LIST_EACH(&push->targets, struct target, link, target)
	{
		struct store_request *request;

		if (max == 0 || push->count < max)
			return true;
		if (target->disabled == NULL)
			continue;
		request = store_request_new(ev->worker->store, ev->worker->loop, NULL, NULL);
		store_set_remove(request, ev->account->jid.text, PUSH_SET,
				 key_of(ev->arena, target));
		store_submit(request);
		target_remove(target);
	}
	return max == 0 || push->count < max;
}

static void
replace(char **slot, struct str text)
{
	free(*slot);
	*slot = dup_or_null(text);
}

enum verdict
push_enable(struct event *ev)
{
	struct push *push = push_make(ev->account);
	const struct session *session = ev->session;
	struct target *target;
	struct jid service;
	struct str node, options;

	if (read_service(ev, &service, &node) == REFUSED || read_options(ev, &options) == REFUSED)
		return REFUSED;
	target = find(push, service.text, node);
	if (target == NULL && !make_room(ev, push))
		return event_refuse_text(ev, STANZA_RESOURCE_CONSTRAINT,
					 "too many push services are enabled");
	if (target == NULL)
		target = target_new(ev->account, push, service.text, node);
	replace(&target->options, options);
	replace(&target->device, session == NULL                 ? STR_NONE
				 : session->client_id[0] != '\0' ? str(session->client_id)
								 : session->jid.resource);
	replace(&target->disabled, STR_NONE);
	target->failures = 0;
	if (ev->account->is_guest)
		event_reply(ev, NULL);
	else
		target_store(target, on_stored, event_hold(ev));
	return DONE;
}

/* §6: one node, or without NODE all of the service. Nothing that is enabled is no error. */
enum verdict
push_disable(struct event *ev)
{
	struct push *push = push_make(ev->account);
	struct store_request *request;
	struct jid service;
	struct str node;

	if (read_service(ev, &service, &node) == REFUSED)
		return REFUSED;
	request = store_request_new(ev->worker->store, ev->worker->loop, on_stored, event_hold(ev));
	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (!str_is(service.text, target->service) ||
		    (node.p != NULL && !str_is(node, target->node)))
			continue;
		store_set_remove(request, ev->account->jid.text, PUSH_SET,
				 key_of(ev->arena, target));
		target_remove(target);
	}
	store_submit(request);
	return DONE;
}

enum verdict
push_take_end(struct event *ev)
{
	const struct element *pubsub = element_child(ev->stanza->el, NS_PUBSUB, "pubsub");
	const struct element *affiliation = element_child(pubsub, NULL, "affiliation");
	struct push *push = push_of(ev->account);
	struct str node = element_attr(pubsub, "node");
	struct target *target;
	struct store_request *request;

	if (push == NULL || affiliation == NULL ||
	    !str_is(element_attr(affiliation, "affiliation"), "none"))
		return PASS;
	target = find(push, ev->stanza->from.text, node);
	if (target == NULL)
		return PASS;
	log_event(LOG_INFO, "push-ended-by-service", LOG_STR("account", ev->account->jid.text),
		  LOG_Z("service", target->service));
	request = store_request_new(ev->worker->store, ev->worker->loop, NULL, NULL);
	store_set_remove(request, ev->account->jid.text, PUSH_SET, key_of(ev->arena, target));
	store_submit(request);
	target_remove(target);
	return DONE;
}
