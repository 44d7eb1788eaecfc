/* SPDX-License-Identifier: MIT */
/* owner.c - what owners do with a node: configure, purge and delete it (XEP-0060 §8.2 to §8.5). */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/uses.h"

static struct element *
owner_answer(struct request *request, const char *name)
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB_OWNER, "pubsub");
	struct element *el = element_add(request->arena, pubsub, NULL, name);

	if (request->node.len > 0)
		element_set(request->arena, el, "node", request->node);
	return pubsub;
}

void
get_config(struct request *request)
{
	struct node *node = request_own_node(request);
	struct element *answer;

	if (node == NULL)
		return;
	answer = owner_answer(request, "configure");
	element_append(answer->children, node_config_form(request->arena, node->config, FORM_ASK,
							  site_place(request->site)));
	request_reply(request, answer);
}

void
get_default_config(struct request *request)
{
	struct str type = element_attr(request->action, "type");
	struct element *answer = owner_answer(request, "default");
	struct node_config *config;

	if (type.p != NULL && !str_is(type, "leaf")) {
		request_refuse(request, STANZA_NOT_ACCEPTABLE, NULL);
		return;
	}
	config = node_config_default(site_place(request->site));
	element_append(answer->children, node_config_form(request->arena, config, FORM_ASK,
							  site_place(request->site)));
	node_config_unref(config);
	request_reply(request, answer);
}

/* §8.2.5.1 */
static void
notify_config(struct commit *commit, const struct node *node)
{
	struct arena *arena = commit_arena(commit);
	struct element *el = element_new(arena, NS_PUBSUB_EVENT, "configuration");

	if (!node->config->notify_config)
		return;
	element_set(arena, el, "node", node->name);
	if (node->config->deliver_payloads)
		element_append(el, node_config_form(arena, node->config, FORM_RESULT,
						    site_place(node->site)));
	commit_notice(commit, notice_new(node, xml_text(arena, el, STR(NS_PUBSUB_EVENT)), false));
}

/* What the new configuration has no place for. */
static void
drop_surplus(struct node *node, struct commit *commit)
{
	uint32_t capacity = node->config->persist_items ? node_capacity(node) : 0;

	while (node->items.count > capacity) {
		struct item *oldest = node_oldest(node);

		commit_no_item(commit, node, oldest->id);
		node_remove_item(node, oldest);
	}
}

void
set_config(struct request *request)
{
	struct node *node = request_own_node(request);
	const struct element *x = element_child(request->action, NS_FORMS, "x");
	struct node_config *config;
	enum config_fault fault;
	struct commit *commit;
	struct form form;
	const char *why;

	if (node == NULL)
		return;
	if (x != NULL && str_is(element_attr(x, "type"), "cancel")) {
		request_reply(request, NULL);
		return;
	}
	if (form_find(request->arena, request->action, FORM_SUBMIT, FORM_NODE_CONFIG, &form, &why) <
	    0) {
		request_refuse_text(request, STANZA_BAD_REQUEST, why);
		return;
	}
	fault = node_config_apply(node->config, &form, site_place(request->site), false, &config);
	if (fault != CONFIG_OK) {
		request_refuse_config(request, fault);
		return;
	}
	node_config_unref(node->config);
	node->config = config;
	commit = commit_new(request->site, request);
	commit_node(commit, node);
	drop_surplus(node, commit);
	notify_config(commit, node);
	commit_submit(commit, NULL);
}

void
purge_node(struct request *request)
{
	struct node *node = request_own_node(request);
	struct commit *commit;

	if (node == NULL)
		return;
	if (!node->config->persist_items) {
		request_unsupported(request, "persistent-items");
		return;
	}
	commit = commit_new(request->site, request);
	while (node_oldest(node) != NULL) {
		struct item *item = node_oldest(node);

		commit_no_item(commit, node, item->id);
		node_remove_item(node, item);
	}
	if (node->config->notify_retract) {
		struct buf buf = {0};

		buf_addz(&buf, "<purge");
		xml_write_attr(&buf, "node", node->name);
		buf_addz(&buf, "/>");
		commit_notice(commit, notice_new(node, buf_str(&buf), false));
		buf_free(&buf);
	}
	node_retracted(node, commit);
	commit_submit(commit, NULL);
}

/* §8.4.2; URI may be empty. */
static struct notice *
deletion_notice(const struct node *node, struct str uri)
{
	struct notice *notice;
	struct buf buf = {0};

	if (!node->config->notify_delete)
		return NULL;
	buf_addz(&buf, "<delete");
	xml_write_attr(&buf, "node", node->name);
	if (uri.len > 0) {
		buf_addz(&buf, "><redirect");
		xml_write_attr(&buf, "uri", uri);
		buf_addz(&buf, "/></delete>");
	} else {
		buf_addz(&buf, "/>");
	}
	notice = notice_new(node, buf_str(&buf), true);
	buf_free(&buf);
	return notice;
}

void
node_delete(struct node *node, struct commit *commit, struct str uri)
{
	commit_no_node(commit, node);
	commit_notice(commit, deletion_notice(node, uri));
	node_free(node);
}

void
delete_node(struct request *request)
{
	struct node *node = request_own_node(request);
	const struct element *redirect =
		element_child(request->action, NS_PUBSUB_OWNER, "redirect");
	struct str uri = redirect ? element_attr(redirect, "uri") : STR_NONE;
	struct commit *commit;

	if (node == NULL)
		return;
	if (uri.len > PUBSUB_ID_MAX) {
		request_refuse(request, STANZA_NOT_ACCEPTABLE, NULL);
		return;
	}
	commit = commit_new(request->site, request);
	node_delete(node, commit, uri);
	if (uri.len > 0) { /* where it was, that it has moved can be read */
		node = node_new(request->site, request->node, request->who, time_wall_us(), NULL);
		node->redirect = arena_dup(node->home, uri);
		commit_node(commit, node);
	}
	commit_submit(commit, NULL);
}
