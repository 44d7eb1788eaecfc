/* SPDX-License-Identifier: MIT */
/* items.c - retrieving the items of a node (XEP-0060 §6.5), by pages (XEP-0059). */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/bookmarks.h"
#include "modules/xep0060_pubsub/record.h"
#include "xmpp/xep/rsm.h"

#include <stdlib.h>

#define ANSWER_MAX 4194304u /* bytes of payloads in one answer, if there is more than one item */
#define ITEMS_MAX 1000u     /* in one answer */

struct choice { /* items that are read from the store */
	struct request *request;
	struct str *heads; /* "<item id='...'" of each, up to its payload */
	size_t count;
	struct rsm_page page;
	bool has_page;
	struct str node;
};

static void
write_page(struct arena *arena, struct buf *out, const struct rsm_page *page)
{
	struct element *holder = element_new(arena, NS_RSM, "x");

	rsm_add_page(arena, holder, page);
	xml_write(out, holder->children, STR(NS_PUBSUB));
}

static void
on_read(struct store_request *store)
{
	struct choice *choice = store->owner;
	struct request *request = choice->request;
	struct buf text = {0};

	buf_addz(&text, "<items");
	xml_write_attr(&text, "node", choice->node);
	buf_add_char(&text, '>');
	for (size_t i = 0; i < choice->count; i++) {
		struct str payload = store->results[i].value;

		if (store->results[i].status != STORE_OK)
			continue;
		buf_add(&text, choice->heads[i]);
		buf_add_char(&text, '>');
		buf_add(&text, payload);
		buf_addz(&text, "</item>");
	}
	buf_addz(&text, "</items>");
	if (choice->has_page)
		write_page(request->arena, &text, &choice->page);
	request_reply_text(request, NS_PUBSUB, buf_str(&text));
	buf_free(&text);
	store_request_free(store);
}

/* Without the end of its start tag. */
static struct str
head_of(struct arena *arena, const struct node *node, const struct item *item)
{
	struct buf buf = {0};
	struct str head;

	item_write(&buf, node, item, STR_NONE);
	head = arena_dup(arena, str_first(buf_str(&buf), buf_len(&buf) - 2));
	buf_free(&buf);
	return head;
}

/* Reads ITEMS and answers with them. */
static void
answer(struct request *request, const struct node *node, struct item *const *items, size_t count,
       const struct rsm_page *page)
{
	struct choice *choice = arena_new_of(request->arena, struct choice);
	struct site *site = request->site;
	struct store_request *store;

	choice->request = request;
	choice->node = request->node;
	choice->count = count;
	choice->heads = arena_array(request->arena, struct str, count + 1);
	choice->has_page = page != NULL;
	if (page != NULL)
		choice->page = *page;
	store = store_request_new(site->worker->store, site->worker->loop, on_read, choice);
	for (size_t i = 0; i < count; i++) {
		choice->heads[i] = head_of(request->arena, node, items[i]);
		store_set_get(store, site->jid.text, SET_ITEMS,
			      site_key(store->arena, node->name, items[i]->id));
	}
	if (count == 0) /* a request has at least one operation */
		store_set_get(store, site->jid.text, SET_ITEMS, STR(""));
	store_submit(store);
}

/* §6.5.8: those that are named, as far as they are there. */
static void
answer_named(struct request *request, const struct node *node)
{
	struct item **items = arena_array(request->arena, struct item *, ITEMS_MAX);
	size_t count = 0;

	for (const struct element *el = element_child(request->action, NULL, "item");
	     el != NULL && count < ITEMS_MAX; el = element_next(el, NULL, "item")) {
		struct item *item = node_item(node, element_attr(el, "id"));

		if (item != NULL)
			items[count++] = item;
	}
	answer(request, node, items, count, NULL);
}

/* All items, the oldest first. */
static struct item **
all_items(struct arena *arena, const struct node *node)
{
	struct item **items = arena_array(arena, struct item *, node->items.count + 1);
	size_t n = 0;

	LIST_EACH(&node->order, struct item, link, item)
	{
		items[n++] = item;
	}
	return items;
}

/* Where ID is in ITEMS, or COUNT. */
static size_t
place_of(struct item *const *items, size_t count, struct str id)
{
	size_t i = 0;

	while (i < count && !str_equal(items[i]->id, id))
		i++;
	return i;
}

/*
 * The pages go from the oldest item to the newest. [*FIRST, *END) is what RSM asks for; false when
 * an id in it is none.
 */
static bool
choose(struct item *const *items, size_t count, const struct rsm *rsm, size_t *first, size_t *end)
{
	size_t max = rsm->max == RSM_NONE ? ITEMS_MAX : MIN(rsm->max, ITEMS_MAX);

	*first = 0;
	*end = count;
	if (rsm->after.p != NULL) {
		*first = place_of(items, count, rsm->after) + 1;
		if (*first > count)
			return false;
	}
	if (rsm->before.len > 0) {
		*end = place_of(items, count, rsm->before);
		if (*end == count)
			return false;
	}
	if (rsm->index != RSM_NONE)
		*first = MIN(rsm->index, count);
	if (*first > *end)
		*first = *end;
	if (rsm->before.p != NULL)
		*first = *end - *first > max ? *end - max : *first;
	else
		*end = MIN(*end, *first + max);
	return true;
}

/* What does not fit into one answer is left to the next page. */
static void
bound(struct item *const *items, bool from_end, size_t *first, size_t *end)
{
	size_t bytes = 0, n = 0;

	while (n < *end - *first) {
		const struct item *item = items[from_end ? *end - 1 - n : *first + n];

		bytes += item->size + PUBSUB_OVERHEAD;
		if (bytes > ANSWER_MAX && n > 0)
			break;
		n++;
	}
	if (from_end)
		*first = *end - n;
	else
		*end = *first + n;
}

static void
answer_page(struct request *request, const struct node *node, const struct rsm *rsm, bool is_paged,
	    bool from_end)
{
	struct item **items = all_items(request->arena, node);
	size_t count = node->items.count, first, end;
	struct rsm_page page = {.first_index = RSM_NONE, .count = (uint32_t)count};

	if (!choose(items, count, rsm, &first, &end)) {
		request_refuse(request, STANZA_ITEM_NOT_FOUND, NULL); /* XEP-0059 §2.2 */
		return;
	}
	bound(items, from_end, &first, &end);
	if (end > first) {
		page.first = items[first]->id;
		page.last = items[end - 1]->id;
		page.first_index = (uint32_t)first;
	}
	/* §6.5.4: whoever got less than was asked for is told so. */
	answer(request, node, items + first, end - first,
	       is_paged || end - first < MIN(count, rsm->max) ? &page : NULL);
}

void
get_items(struct request *request)
{
	struct node *node;
	struct rsm rsm;
	enum access access;
	const char *why;
	uint64_t max;
	struct str text = request->action ? element_attr(request->action, "max_items") : STR_NONE;

	if (bookmarks_make_old(request))
		return;
	node = request_node(request);
	if (node == NULL)
		return;
	access = node_access(node, request->who);
	if (access != ACCESS_ALLOWED) {
		request_refuse_access(request, access);
		return;
	}
	if (rsm_parse(request->arena, request->payload, &rsm, &why) < 0) {
		request_refuse_text(request, STANZA_BAD_REQUEST, why);
		return;
	}
	node_expire(node);
	if (element_child(request->action, NULL, "item") != NULL) {
		answer_named(request, node);
	} else if (text.p != NULL) { /* §6.5.7: the most recent ones */
		if (str_to_u64(text, UINT32_MAX - 1, &max) < 0 || max == 0) {
			request_refuse(request, STANZA_BAD_REQUEST, NULL);
			return;
		}
		rsm = (struct rsm){.max = (uint32_t)max, .index = RSM_NONE, .before = STR("")};
		answer_page(request, node, &rsm, false, true);
	} else {
		answer_page(request, node, &rsm,
			    element_child(request->payload, NS_RSM, "set") != NULL,
			    rsm.before.p != NULL);
	}
}
