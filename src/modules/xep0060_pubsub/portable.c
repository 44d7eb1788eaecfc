/* SPDX-License-Identifier: MIT */
/*
 * portable.c - an account's nodes on their way from server to server (XEP-0227 §3.8): what they
 * are, then what is in them. Nobody is notified of it.
 */
#include "server/portable.h"
#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/record.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define NODE_DOC "node" /* of no account: reading it takes its turn behind all that was written */

extern const struct portable pep_portables[];

static const struct xml_limits limits = {
	.bytes = 1u << 20, .depth = 16, .attributes = 32, .nodes = 1u << 15};

/* Out */

static void
load_nodes(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_set_list(request, account->jid.text, SET_NODES);
	store_set_list(request, account->jid.text, SET_PEOPLE);
}

/* Whether KEY is NODE NUL REST. */
static bool
is_of(struct str key, struct str node, struct str *rest)
{
	if (key.len <= node.len || !str_starts(key, node) || key.p[node.len] != '\0')
		return false;
	*rest = str_from(key, node.len + 1);
	return true;
}

/* Each in its list, which are written if there is something in them. */
static void
write_people(struct buf *out, struct str node, const struct store_item *items)
{
	struct buf affiliations = {0}, subscriptions = {0};
	struct str jid;

	for (; items != NULL; items = items->next) {
		struct person person = {0};

		if (!is_of(items->key, node, &jid))
			continue;
		record_read_person(&person, items->value);
		if (person.affiliation != AFFILIATION_NONE) {
			buf_addz(&affiliations, "<affiliation");
			xml_write_attr(&affiliations, "jid", jid);
			xml_write_attr(&affiliations, "affiliation",
				       str(node_affiliation_name(person.affiliation)));
			buf_addz(&affiliations, "/>");
		}
		if (person.subscription != SUBSCRIPTION_NONE) {
			buf_addz(&subscriptions, "<subscription");
			xml_write_attr(&subscriptions, "jid", jid);
			xml_write_attr(&subscriptions, "subscription",
				       str(subscription_name(person.subscription)));
			buf_addz(&subscriptions, "/>");
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		struct buf *list = i == 0 ? &affiliations : &subscriptions;
		const char *name = i == 0 ? "affiliations" : "subscriptions";

		if (buf_len(list) > 0) {
			buf_printf(out, "<%s", name);
			xml_write_attr(out, "node", node);
			buf_add_char(out, '>');
			buf_add(out, buf_str(list));
			buf_printf(out, "</%s>", name);
		}
		buf_free(list);
	}
}

static struct str
write_nodes(struct buf *out, const struct store_request *request,
	    const struct account *account UNUSED)
{
	const struct store_item *item = request->results[0].items;

	for (; item != NULL; item = item->next) {
		struct element *el = xml_parse(request->arena, item->value, &limits, NULL);
		struct element *x = el ? element_child(el, NS_FORMS, "x") : NULL;

		if (x == NULL)
			continue; /* deleted */
		buf_addz(out, "<configure");
		xml_write_attr(out, "node", item->key);
		buf_add_char(out, '>');
		xml_write(out, x, STR(NS_PUBSUB_OWNER));
		buf_addz(out, "</configure>");
		write_people(out, item->key, request->results[1].items);
	}
	return STR_NONE;
}

static void
load_items(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_set_list(request, account->jid.text, SET_NODES);
	store_set_list(request, account->jid.text, SET_INDEX);
	store_set_list(request, account->jid.text, SET_ITEMS);
}

struct row { /* an item of the node that is being written */
	struct str id, payload, publisher;
	uint64_t sequence;
};

static int
by_sequence(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->sequence, y = ((const struct row *)b)->sequence;

	return (x > y) - (x < y);
}

/* Both lists are by key, and have the same keys. */
static size_t
read_rows(struct row *rows, struct str node, const struct store_item *index,
	  const struct store_item *items)
{
	size_t n = 0;

	for (; index != NULL; index = index->next) {
		struct indexed read = {0};

		while (items != NULL && str_compare(items->key, index->key) < 0)
			items = items->next;
		if (items == NULL || !str_equal(items->key, index->key) ||
		    !is_of(index->key, node, &rows[n].id) ||
		    record_read_item(&read, index->value) < 0)
			continue;
		rows[n].payload = items->value;
		rows[n].publisher = read.publisher;
		rows[n++].sequence = read.sequence;
	}
	qsort(rows, n, sizeof(rows[0]), by_sequence);
	return n;
}

static struct str
write_items(struct buf *out, const struct store_request *request,
	    const struct account *account UNUSED)
{
	const struct store_result *results = request->results;
	struct row *rows = arena_array(request->arena, struct row, results[1].count + 1);

	for (const struct store_item *node = results[0].items; node != NULL; node = node->next) {
		size_t n = read_rows(rows, node->key, results[1].items, results[2].items);

		if (n == 0)
			continue;
		buf_addz(out, "<items");
		xml_write_attr(out, "node", node->key);
		buf_add_char(out, '>');
		for (size_t i = 0; i < n; i++) {
			buf_addz(out, "<item");
			xml_write_attr(out, "id", rows[i].id);
			xml_write_attr(out, "publisher", rows[i].publisher);
			buf_add_char(out, '>');
			buf_add(out, rows[i].payload);
			buf_addz(out, "</item>");
		}
		buf_addz(out, "</items>");
	}
	return STR_NONE;
}

/* In */

static void
on_ready(struct site_task *task UNUSED, struct site *site UNUSED)
{
}

/* Requests of one account are answered in order: what comes behind the load finds it done. */
static const char *
begin(struct import_item *import,
      const char *(*then)(struct import_item *import, const struct store_request *done))
{
	struct site *site = pep_site(import->account);
	struct site_task *task = arena_new_of(import->arena, struct site_task);

	task->run = on_ready;
	if (site == NULL)
		return "its nodes have no place: the module pep is off";
	if (!site_when_ready(site, task))
		return "too much waits for its nodes";
	store_doc_get(import->request, import->account->jid.text, NODE_DOC);
	import->then = then;
	return NULL;
}

/* FORM may be absent: then only its owner may see what is in it. */
static struct node_config *
read_config(struct arena *arena, const struct element *configure)
{
	struct node_config *standard = node_config_default(PLACE_ACCOUNT), *config = NULL;
	struct element *x = configure ? element_child(configure, NS_FORMS, "x") : NULL;
	struct element *private = form_new(arena, FORM_SUBMIT, FORM_NODE_CONFIG);
	struct form form;
	const char *why;

	form_add_text(arena, private, FIELD_LIST, "pubsub#access_model", NULL, STR("whitelist"));
	if (x != NULL)
		element_setz(arena, x, "type", "submit");
	if (form_parse(arena, x != NULL ? x : private, &form, &why) < 0 ||
	    node_config_apply(standard, &form, PLACE_ACCOUNT, false, &config) != CONFIG_OK)
		config = NULL;
	node_config_unref(standard);
	return config;
}

/* NULL, with *WHY, when it cannot be made. CONFIGURE may be NULL. */
static struct node *
make_node(struct import_item *import, struct site *site, struct commit *commit, struct str name,
	  const struct element *configure, const char **why)
{
	struct node_config *config;

	*why = "a node without a name";
	if (name.len == 0 || name.len > PUBSUB_ID_MAX || str_find(name, '\0') >= 0)
		return NULL;
	*why = "there is no room for its nodes";
	if (!site_has_room_for_node(site))
		return NULL;
	*why = "a node with a configuration that is not possible here";
	config = read_config(import->arena, configure);
	if (config == NULL)
		return NULL;
	return site_create(site, commit, name, site->jid.text, config);
}

static void
take_person(struct import_item *import, struct commit *commit, struct node *node,
	    const struct element *el)
{
	enum affiliation affiliation;
	struct person *person;
	struct jid jid;
	const char *why;

	if (node == NULL || jid_parse(import->arena, element_attr(el, "jid"), &jid, &why) < 0 ||
	    !site_has_room(node->site, PUBSUB_OVERHEAD))
		return;
	person = node_make_person(node, jid.text);
	if (node_affiliation_parse(element_attr(el, "affiliation"), &affiliation) == 0)
		person->affiliation = (uint8_t)affiliation;
	if (str_is(element_attr(el, "subscription"), "subscribed"))
		person->subscription = SUBSCRIPTION_SUBSCRIBED;
	person->deliver = true;
	commit_person(commit, node, person);
}

static const char *
put_nodes(struct import_item *import, const struct store_request *done UNUSED)
{
	struct site *site = pep_site(import->account);
	const struct element *el = element_child(import->el, NS_PUBSUB_OWNER, NULL);
	struct commit *commit;
	const char *why = NULL;

	if (site == NULL || site->state != SITE_READY)
		return "its nodes cannot be loaded";
	commit = commit_new(site, NULL);
	for (; el != NULL; el = element_next(el, NS_PUBSUB_OWNER, NULL)) {
		struct str name = element_attr(el, "node");
		struct node *node = site_node(site, name);

		if (str_is(el->name, "configure") && node == NULL)
			(void)make_node(import, site, commit, name, el, &why);
		for (const struct element *p = element_child(el, NS_PUBSUB_OWNER, NULL); p != NULL;
		     p = element_next(p, NS_PUBSUB_OWNER, NULL))
			take_person(import, commit, node, p);
		if (str_is(el->name, "configure") && site_node(site, name) != NULL)
			why = NULL;
	}
	commit_submit(commit, NULL);
	store_doc_get(import->request, import->account->jid.text, NODE_DOC);
	return why;
}

static const char *
take_nodes(struct import_item *import)
{
	return begin(import, put_nodes);
}

static const char *
put_item(struct import_item *import, struct commit *commit, struct node *node,
	 const struct element *el)
{
	const struct element *payload = element_child(el, NULL, NULL);
	struct str id = element_attr(el, "id"), text;
	struct item *item;

	if (id.len == 0 || id.len > PUBSUB_ID_MAX || str_find(id, '\0') >= 0)
		return "an item without an id";
	text = payload ? xml_text(import->arena, payload, STR_NONE) : STR("");
	if (!site_has_room(node->site, text.len + PUBSUB_OVERHEAD))
		return "there is no room for the items of its nodes";
	item = node_add_item(node, id, node->site->jid.text, time_wall_us(), (uint32_t)text.len);
	commit_item(commit, node, item, text);
	while (node->items.count > node_capacity(node)) {
		item = node_oldest(node);
		commit_no_item(commit, node, item->id);
		node_remove_item(node, item);
	}
	return NULL;
}

static const char *
put_items(struct import_item *import, const struct store_request *done UNUSED)
{
	const struct element *items = element_child(import->el, NS_PUBSUB, "items"), *el;
	struct site *site = pep_site(import->account);
	struct commit *commit;
	struct node *node;
	const char *why = NULL;

	if (site == NULL || site->state != SITE_READY || items == NULL)
		return "the items of its nodes cannot be put in";
	commit = commit_new(site, NULL);
	node = site_node(site, element_attr(items, "node"));
	if (node == NULL)
		node = make_node(import, site, commit, element_attr(items, "node"), NULL, &why);
	el = node != NULL ? element_child(items, NS_PUBSUB, "item") : NULL;
	if (node != NULL)
		why = NULL;
	for (; el != NULL && why == NULL; el = element_next(el, NS_PUBSUB, "item"))
		why = put_item(import, commit, node, el);
	commit_submit(commit, NULL);
	store_doc_get(import->request, import->account->jid.text, NODE_DOC);
	return why;
}

static const char *
take_items(struct import_item *import)
{
	return begin(import, put_items);
}

const struct portable pep_portables[] = {
	{NS_PUBSUB_OWNER, "pubsub", true, load_nodes, write_nodes, take_nodes},
	{NS_PUBSUB, "pubsub", true, load_items, write_items, take_items},
	{0},
};
