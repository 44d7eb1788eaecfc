/* SPDX-License-Identifier: MIT */
/* request.c - an iq to a site: the table of what may be asked, and the answers (XEP-0060 §11). */
#include "modules/xep0060_pubsub/actions.h"

#include <stdlib.h>

static const struct action {
	enum stanza_type type;
	const char *ns, *name;
	void (*run)(struct request *request);
} actions[] = {
	{IQ_SET, NS_PUBSUB, "publish", publish_items},
	{IQ_GET, NS_PUBSUB, "items", get_items},
	{IQ_SET, NS_PUBSUB, "retract", retract_items},
	{IQ_SET, NS_PUBSUB, "create", create_node},
	{IQ_SET, NS_PUBSUB, "subscribe", subscribe},
	{IQ_SET, NS_PUBSUB, "unsubscribe", unsubscribe},
	{IQ_GET, NS_PUBSUB, "options", get_options},
	{IQ_SET, NS_PUBSUB, "options", set_options},
	{IQ_GET, NS_PUBSUB, "default", get_default_options},
	{IQ_GET, NS_PUBSUB, "subscriptions", get_subscriptions},
	{IQ_GET, NS_PUBSUB, "affiliations", get_affiliations},
	{IQ_GET, NS_PUBSUB_OWNER, "configure", get_config},
	{IQ_SET, NS_PUBSUB_OWNER, "configure", set_config},
	{IQ_GET, NS_PUBSUB_OWNER, "default", get_default_config},
	{IQ_SET, NS_PUBSUB_OWNER, "delete", delete_node},
	{IQ_SET, NS_PUBSUB_OWNER, "purge", purge_node},
	{IQ_GET, NS_PUBSUB_OWNER, "subscriptions", get_node_subscriptions},
	{IQ_SET, NS_PUBSUB_OWNER, "subscriptions", set_node_subscriptions},
	{IQ_GET, NS_PUBSUB_OWNER, "affiliations", get_node_affiliations},
	{IQ_SET, NS_PUBSUB_OWNER, "affiliations", set_node_affiliations},
};

static void
request_free(struct request *request)
{
	free(request);
}

struct waiting { /* a request until its site is loaded */
	struct request request;
	void (*run)(struct request *request);
};

static void
on_ready(struct site_task *task, struct site *site)
{
	struct request *request = CONTAINER(task, struct request, task);

	if (site == NULL)
		request_refuse(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	else
		((struct waiting *)request)->run(request);
}

enum verdict
request_take(struct event *ev, struct site *site, void (*run)(struct request *request))
{
	struct waiting *waiting = xnew(struct waiting);
	struct request *request = &waiting->request;

	waiting->run = run;
	request->task.run = on_ready;
	request->site = site;
	request->held = event_hold(ev);
	request->arena = request->held->arena;
	request->iq = request->held->iq;
	request->who = jid_bare_text(request->iq->from);
	request->payload = element_child(request->iq->el, NULL, NULL);
	request->action = element_child(request->payload, NULL, NULL);
	request->node = request->action ? element_attr(request->action, "node") : STR_NONE;
	if (!site_when_ready(site, &request->task))
		request_refuse(request, STANZA_RESOURCE_CONSTRAINT, NULL);
	return DONE;
}

void
request_run_pubsub(struct request *request)
{
	const struct element *action = request->action;

	if (action == NULL) {
		request_refuse(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	if (request->node.len > PUBSUB_ID_MAX) {
		request_refuse_text(request, STANZA_NOT_ACCEPTABLE, "the node's name is too long");
		return;
	}
	for (size_t i = 0; i < COUNT(actions); i++) {
		if (actions[i].type == request->iq->type &&
		    str_is(request->payload->ns, actions[i].ns) &&
		    str_is(action->ns, actions[i].ns) && str_is(action->name, actions[i].name)) {
			actions[i].run(request);
			return;
		}
	}
	request_refuse(request, STANZA_BAD_REQUEST, NULL);
}

void
request_reply(struct request *request, struct element *payload)
{
	held_reply(request->held, payload);
	request_free(request);
}

void
request_reply_text(struct request *request, const char *ns, struct str inner)
{
	struct stanza *reply = stanza_result(request->iq);
	struct element *el = element_new(reply->arena, ns, "pubsub");
	struct buf text = {0};

	buf_printf(&text, "<pubsub xmlns='%s'>", ns);
	buf_add(&text, inner);
	buf_addz(&text, "</pubsub>");
	stanza_freeze_as(reply, el, buf_str(&text));
	buf_free(&text);
	route(request->site->worker, reply);
	held_drop(request->held);
	request_free(request);
}

/* The error to REQUEST, and where its <error/> stands. */
static struct stanza *
error_reply(struct request *request, enum stanza_condition condition, const char *text,
	    struct element **error)
{
	struct stanza *reply = stanza_error_reply(request->iq, condition, text);

	*error = element_child(reply->el, NS_CLIENT, "error");
	return reply;
}

static void
send_error(struct request *request, struct stanza *reply)
{
	route(request->site->worker, reply);
	held_drop(request->held);
	request_free(request);
}

void
request_refuse(struct request *request, enum stanza_condition condition, const char *specific)
{
	struct element *error;
	struct stanza *reply = error_reply(request, condition, NULL, &error);

	if (specific != NULL)
		element_add(reply->arena, error, NS_PUBSUB_ERRORS, specific);
	send_error(request, reply);
}

void
request_refuse_text(struct request *request, enum stanza_condition condition, const char *text)
{
	struct element *error;

	send_error(request, error_reply(request, condition, text, &error));
}

void
request_unsupported(struct request *request, const char *feature)
{
	struct element *error;
	struct stanza *reply = error_reply(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL, &error);
	struct element *el = element_add(reply->arena, error, NS_PUBSUB_ERRORS, "unsupported");

	element_setz(reply->arena, el, "feature", feature);
	send_error(request, reply);
}

void
request_refuse_with(struct request *request, enum stanza_condition condition,
		    struct element *payload)
{
	struct element *error;
	struct stanza *reply = error_reply(request, condition, NULL, &error);

	element_detach(error);
	element_append(reply->el, element_copy(reply->arena, payload));
	element_append(reply->el, error);
	send_error(request, reply);
}

void
request_refuse_access(struct request *request, enum access access)
{
	static const struct {
		enum stanza_condition condition;
		const char *specific;
	} errors[] = {
		[ACCESS_NEEDS_APPROVAL] = {STANZA_NOT_AUTHORIZED, "not-subscribed"},
		[ACCESS_PRESENCE_REQUIRED] = {STANZA_NOT_AUTHORIZED,
					      "presence-subscription-required"},
		[ACCESS_NOT_IN_GROUP] = {STANZA_NOT_AUTHORIZED, "not-in-roster-group"},
		[ACCESS_CLOSED] = {STANZA_NOT_ALLOWED, "closed-node"},
		[ACCESS_BLOCKED] = {STANZA_FORBIDDEN, NULL},
	};

	assert(access != ACCESS_ALLOWED);
	request_refuse(request, errors[access].condition, errors[access].specific);
}

void
request_refuse_config(struct request *request, enum config_fault fault)
{
	assert(fault != CONFIG_OK);
	request_refuse(request, STANZA_NOT_ACCEPTABLE,
		       fault == CONFIG_ACCESS_MODEL ? "unsupported-access-model" : NULL);
}

/* §6.1.3.11: it was deleted, and another one has its place. */
static void
refuse_moved(struct request *request, struct str uri)
{
	struct element *error;
	struct stanza *reply = error_reply(request, STANZA_GONE, NULL, &error);

	element_setz(reply->arena, error, "type", "modify");
	element_add_text(reply->arena, element_child(error, NS_STANZA_ERROR, "gone"), uri);
	send_error(request, reply);
}

struct node *
request_node(struct request *request)
{
	struct node *node;

	if (request->node.len == 0) {
		request_refuse(request, STANZA_BAD_REQUEST, "nodeid-required");
		return NULL;
	}
	node = map_get(&request->site->nodes, request->node);
	if (node == NULL) {
		request_refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
		return NULL;
	}
	if (node->config == NULL) {
		refuse_moved(request, node->redirect);
		return NULL;
	}
	return node;
}

struct node *
request_own_node(struct request *request)
{
	struct node *node = request_node(request);

	if (node != NULL && !node_is_owner(node, request->who)) {
		request_refuse(request, STANZA_FORBIDDEN, NULL);
		return NULL;
	}
	return node;
}
