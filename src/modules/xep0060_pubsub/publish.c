/* SPDX-License-Identifier: MIT */
/* publish.c - publishing items (XEP-0060 §7.1), and nodes that come into being by it (§7.1.4). */
#include "base/rand.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/uses.h"

bool
site_has_room(const struct site *site, size_t bytes)
{
	uint64_t max = option_bytes(site_options(site), "max_bytes");

	return site->bytes < max && bytes <= max - site->bytes;
}

bool
site_has_room_for_node(const struct site *site)
{
	return site->nodes.count < option_number(site_options(site), "max_nodes") &&
	       site_has_room(site, PUBSUB_OVERHEAD);
}

struct node *
site_create(struct site *site, struct commit *commit, struct str name, struct str creator,
	    struct node_config *config)
{
	struct node *node = node_new(site, name, creator, time_wall_us(), config);

	commit_node(commit, node);
	if (site->account == NULL || !str_equal(creator, site->jid.text)) {
		struct person *person = node_make_person(node, creator);

		person->affiliation = AFFILIATION_OWNER;
		commit_person(commit, node, person);
	}
	return node;
}

/* The oldest give way to COUNT new ones; what is replaced need not. */
static void
make_room(struct node *node, struct commit *commit, const struct publication *items, size_t count)
{
	uint32_t capacity = node_capacity(node);
	size_t fresh = 0;
	struct buf gone = {0};

	for (size_t i = 0; i < count; i++)
		fresh += items[i].id.p == NULL || node_item(node, items[i].id) == NULL;
	while (node->items.count > 0 && node->items.count + fresh > capacity) {
		struct item *oldest = node_oldest(node);

		buf_addz(&gone, "<retract");
		xml_write_attr(&gone, "id", oldest->id);
		buf_addz(&gone, "/>");
		commit_no_item(commit, node, oldest->id);
		node_remove_item(node, oldest);
	}
	if (buf_len(&gone) > 0 && node->config->node_full == FULL_RETRACT_OLDEST &&
	    node->config->notify_retract && capacity > 1) /* one alone is just replaced */
		commit_notice(commit, notice_new(node,
						 notice_items(commit_arena(commit), node->name,
							      buf_str(&gone)),
						 false));
	buf_free(&gone);
}

static void
publish_one(struct node *node, struct commit *commit, struct publication *publication,
	    struct buf *event)
{
	const struct node_config *config = node->config;
	struct item *item;

	if (publication->id.p == NULL)
		publication->id = rand_token(commit_arena(commit), 128);
	item = node_add_item(node, publication->id, publication->publisher, time_wall_us(),
			     (uint32_t)publication->payload.len);
	item_write(event, node, item, config->deliver_payloads ? publication->payload : STR_NONE);
	if (config->persist_items) {
		commit_item(commit, node, item, publication->payload);
	} else { /* it may have been persistent before */
		commit_no_item(commit, node, publication->id);
		node_remove_item(node, item);
	}
}

void
node_publish(struct node *node, struct commit *commit, struct publication *items, size_t count)
{
	struct buf event = {0};

	if (node->config->persist_items)
		make_room(node, commit, items, count);
	for (size_t i = 0; i < count; i++)
		publish_one(node, commit, &items[i], &event);
	commit_notice(commit,
		      notice_new(node,
				 notice_items(commit_arena(commit), node->name, buf_str(&event)),
				 false));
	buf_free(&event);
}

void
node_expire(struct node *node)
{
	uint64_t keep_us = (uint64_t)node->config->item_expire * 1000000, now = time_wall_us();
	struct commit *commit = NULL;

	if (node->config->item_expire == CONFIG_MAX)
		return;
	while (node_oldest(node) != NULL && node_oldest(node)->at_us + keep_us < now) {
		struct item *item = node_oldest(node);

		if (commit == NULL)
			commit = commit_new(node->site, NULL);
		commit_no_item(commit, node, item->id);
		node_remove_item(node, item);
	}
	if (commit != NULL)
		commit_submit(commit, NULL);
}

/* §7.1.3.6 and before: why one item cannot be published; NULL if it can. */
struct fault {
	enum stanza_condition condition;
	const char *specific;
};

static const struct fault no_fault;

static struct fault
check_item(const struct site *site, const struct node_config *config, const struct element *el,
	   size_t size)
{
	const struct element *payload = element_child(el, NULL, NULL);
	bool has_payload = payload != NULL;

	if (!config->persist_items && !config->deliver_payloads)
		return (struct fault){STANZA_BAD_REQUEST, "item-forbidden"};
	if (element_attr(el, "id").len > PUBSUB_ID_MAX)
		return (struct fault){STANZA_NOT_ACCEPTABLE, NULL};
	if (has_payload && element_next(payload, NULL, NULL) != NULL)
		return (struct fault){STANZA_BAD_REQUEST, "invalid-payload"};
	if (!has_payload && config->deliver_payloads)
		return (struct fault){STANZA_BAD_REQUEST, "payload-required"};
	if (size > config->max_payload || size > option_bytes(site_options(site), "max_payload"))
		return (struct fault){STANZA_NOT_ACCEPTABLE, "payload-too-big"};
	return no_fault;
}

struct batch {
	struct publication *items;
	size_t count, bytes, fresh; /* FRESH: not there yet */
};

static struct fault
read_batch(struct request *request, const struct node *node, const struct node_config *config,
	   struct batch *batch)
{
	size_t room = 0;

	for (const struct element *el = element_child(request->action, NULL, "item"); el != NULL;
	     el = element_next(el, NULL, "item"))
		room++;
	if (room == 0)
		return config->persist_items || config->deliver_payloads
			       ? (struct fault){STANZA_BAD_REQUEST, "item-required"}
			       : no_fault;
	if (room > PUBSUB_BATCH_MAX)
		return (struct fault){STANZA_NOT_ALLOWED, "max-items-exceeded"};
	batch->items = arena_array(request->arena, struct publication, room);
	for (const struct element *el = element_child(request->action, NULL, "item"); el != NULL;
	     el = element_next(el, NULL, "item")) {
		const struct element *payload = element_child(el, NULL, NULL);
		struct publication *p = &batch->items[batch->count++];
		struct fault fault;

		p->id = element_attr(el, "id");
		if (p->id.len == 0)
			p->id = STR_NONE;
		p->payload = payload ? xml_text(request->arena, payload, STR_NONE) : STR("");
		p->publisher = request->who;
		batch->bytes += p->payload.len + PUBSUB_OVERHEAD;
		batch->fresh += p->id.p == NULL || node == NULL || node_item(node, p->id) == NULL;
		fault = check_item(request->site, config, el, p->payload.len);
		if (fault.condition != STANZA_NO_ERROR)
			return fault;
	}
	return no_fault;
}

static struct fault
check_batch(const struct site *site, const struct node *node, const struct node_config *config,
	    const struct batch *batch)
{
	uint64_t capacity =
		MIN((uint64_t)config->max_items, option_number(site_options(site), "max_items"));
	size_t there = node ? node->items.count : 0;

	if (!config->persist_items)
		return no_fault;
	if (batch->count > capacity)
		return (struct fault){STANZA_NOT_ALLOWED, "max-items-exceeded"};
	if (config->node_full == FULL_REJECT && there + batch->fresh > capacity)
		return (struct fault){STANZA_CONFLICT, "node-full"};
	if (!site_has_room(site, batch->bytes))
		return (struct fault){STANZA_RESOURCE_CONSTRAINT, NULL};
	return no_fault;
}

/* §7.1.5. The form, or false after a refusal; FORM->kind is FORM_CANCEL when there is none. */
static bool
read_options(struct request *request, struct form *form)
{
	const struct element *options =
		element_child(request->payload, NS_PUBSUB, "publish-options");
	const char *why;

	*form = (struct form){.kind = FORM_CANCEL};
	if (options == NULL)
		return true;
	if (form_find(request->arena, options, FORM_SUBMIT, FORM_PUBLISH_OPTIONS, form, &why) == 0)
		return true;
	request_refuse_text(request, STANZA_BAD_REQUEST, why);
	return false;
}

/* What a node that is made by a publication is configured like; NULL after a refusal. */
static struct node_config *
config_for_new(struct request *request, const struct form *options)
{
	enum config_place place = site_place(request->site);
	struct node_config *standard, *config;
	enum config_fault fault;

	if (!site_may_create(request->site, request->iq)) {
		request_refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
		return NULL;
	}
	if (!site_has_room_for_node(request->site)) {
		request_refuse_text(request, STANZA_POLICY_VIOLATION, "too many nodes");
		return NULL;
	}
	standard = node_config_usual(request->site, request->node);
	if (options->kind == FORM_CANCEL)
		return standard;
	fault = node_config_apply(standard, options, place, true, &config);
	node_config_unref(standard);
	if (fault == CONFIG_OK)
		return config;
	if (fault == CONFIG_UNKNOWN)
		request_refuse(request, STANZA_CONFLICT, "precondition-not-met");
	else
		request_refuse_config(request, fault);
	return NULL;
}

/* Whether it may go on to NODE, which is there; false after a refusal. */
static bool
check_existing(struct request *request, struct node *node, const struct form *options)
{
	if (!node_may_publish(node, request->who)) {
		request_refuse(request, STANZA_FORBIDDEN, NULL);
		return false;
	}
	if (options->kind != FORM_CANCEL &&
	    !node_config_meets(node->config, options, site_place(request->site))) {
		request_refuse(request, STANZA_CONFLICT, "precondition-not-met");
		return false;
	}
	node_expire(node);
	return true;
}

/* §7.1.2: with the ids. */
static struct element *
publish_answer(struct request *request, const struct batch *batch)
{
	struct arena *arena = request->arena;
	struct element *pubsub = element_new(arena, NS_PUBSUB, "pubsub");
	struct element *publish = element_add(arena, pubsub, NULL, "publish");

	element_set(arena, publish, "node", request->node);
	for (size_t i = 0; i < batch->count; i++)
		element_set(arena, element_add(arena, publish, NULL, "item"), "id",
			    batch->items[i].id);
	return pubsub;
}

static void
publish_batch(struct request *request, struct node *node, struct node_config *config,
	      const struct batch *batch)
{
	struct commit *commit = commit_new(request->site, request);

	if (node == NULL)
		node = site_create(request->site, commit, request->node, request->who, config);
	node_publish(node, commit, batch->items, batch->count);
	node_published(node, commit, batch->items, batch->count);
	commit_submit(commit, publish_answer(request, batch));
}

/* All is looked at before anything is done: the preconditions and the publication are one (SEC-53).
 */
void
publish_items(struct request *request)
{
	struct node *node = NULL;
	struct node_config *config;
	struct batch batch = {0};
	struct fault fault;
	struct form options;

	if (!read_options(request, &options))
		return;
	if (request->node.len == 0 || map_get(&request->site->nodes, request->node) != NULL) {
		node = request_node(request);
		if (node == NULL || !check_existing(request, node, &options))
			return;
		config = node_config_ref(node->config);
	} else {
		config = config_for_new(request, &options);
		if (config == NULL)
			return;
	}
	fault = read_batch(request, node, config, &batch);
	if (fault.condition == STANZA_NO_ERROR)
		fault = check_batch(request->site, node, config, &batch);
	if (fault.condition != STANZA_NO_ERROR) {
		node_config_unref(config);
		request_refuse(request, fault.condition, fault.specific);
		return;
	}
	if (node != NULL)
		node_config_unref(config);
	publish_batch(request, node, config, &batch);
}
