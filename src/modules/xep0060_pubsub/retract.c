/* SPDX-License-Identifier: MIT */
/* retract.c - taking items out of a node (XEP-0060 §7.2). */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/uses.h"

void
node_retract(struct node *node, struct commit *commit, const struct str *ids, size_t count,
	     bool notify)
{
	struct buf event = {0};

	for (size_t i = 0; i < count; i++) {
		struct item *item = node_item(node, ids[i]);

		if (item == NULL)
			continue; /* twice in one request */
		buf_addz(&event, "<retract");
		xml_write_attr(&event, "id", item->id);
		buf_addz(&event, "/>");
		commit_no_item(commit, node, item->id);
		node_remove_item(node, item);
	}
	if (notify)
		commit_notice(commit, notice_new(node,
						 notice_items(commit_arena(commit), node->name,
							      buf_str(&event)),
						 false));
	buf_free(&event);
}

static bool
wants_notice(const struct element *retract)
{
	struct str notify = element_attr(retract, "notify");

	return str_is(notify, "true") || str_is(notify, "1");
}

/* The ids, or NULL after a refusal. */
static struct str *
read_ids(struct request *request, const struct node *node, size_t *count)
{
	bool is_publisher = node_affiliation(node, request->who) >= AFFILIATION_PUBLISHER;
	struct str *ids = arena_array(request->arena, struct str, PUBSUB_BATCH_MAX);

	*count = 0;
	for (const struct element *el = element_child(request->action, NULL, "item"); el != NULL;
	     el = element_next(el, NULL, "item")) {
		struct str id = element_attr(el, "id");
		const struct item *item = id.len > 0 ? node_item(node, id) : NULL;

		if (id.len == 0 || *count == PUBSUB_BATCH_MAX) {
			request_refuse(request, STANZA_BAD_REQUEST, "item-required");
			return NULL;
		}
		if (item == NULL) {
			request_refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
			return NULL;
		}
		/* Whoever published something may take it back. */
		if (!is_publisher && !str_equal(item->publisher, request->who)) {
			request_refuse(request, STANZA_FORBIDDEN, NULL);
			return NULL;
		}
		ids[(*count)++] = id;
	}
	if (*count > 0)
		return ids;
	request_refuse(request, STANZA_BAD_REQUEST, "item-required");
	return NULL;
}

void
retract_items(struct request *request)
{
	struct node *node = request_node(request);
	struct commit *commit;
	struct str *ids;
	size_t count;

	if (node == NULL)
		return;
	if (!node_may_publish(node, request->who)) {
		request_refuse(request, STANZA_FORBIDDEN, NULL);
		return;
	}
	if (!node->config->persist_items) {
		request_unsupported(request, "persistent-items");
		return;
	}
	ids = read_ids(request, node, &count);
	if (ids == NULL)
		return;
	commit = commit_new(request->site, request);
	node_retract(node, commit, ids, count,
		     node->config->notify_retract || wants_notice(request->action));
	node_retracted(node, commit);
	commit_submit(commit, NULL);
}
