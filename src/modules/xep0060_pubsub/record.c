/* SPDX-License-Identifier: MIT */
/* record.c - nodes, people and items as text, and back. */
#include "modules/xep0060_pubsub/record.h"

#include "xmpp/xml_reader.h"

#define NS_RECORD "recado:pubsub"

static const struct xml_limits limits = {
	.bytes = 1u << 20, .depth = 16, .attributes = 32, .nodes = 1u << 15};

struct str
record_of_node(struct arena *arena, const struct node *node)
{
	struct element *el = element_new(arena, NS_RECORD, "node");

	element_set(arena, el, "creator", node->creator);
	element_set(arena, el, "created",
		    arena_printf(arena, "%llu", (unsigned long long)node->created_us));
	if (node->redirect.len > 0)
		element_set(arena, el, "redirect", node->redirect);
	if (node->config != NULL)
		element_append(el, node_config_form(arena, node->config, FORM_SUBMIT,
						    site_place(node->site)));
	return xml_text(arena, el, STR_NONE);
}

/* NULL when EL has no readable form. Fields that are new since it was written have their default.
 */
static struct node_config *
read_config(struct arena *arena, const struct site *site, const struct element *el)
{
	struct node_config *standard = node_config_default(site_place(site)), *config = NULL;
	struct form form;
	const char *why;

	if (form_find(arena, el, FORM_SUBMIT, FORM_NODE_CONFIG, &form, &why) < 0 ||
	    node_config_apply(standard, &form, site_place(site), false, &config) != CONFIG_OK)
		config = NULL;
	node_config_unref(standard);
	return config;
}

struct node *
record_read_node(struct arena *arena, struct site *site, struct str name, struct str value)
{
	struct element *el = xml_parse(arena, arena_dup(arena, value), &limits, NULL);
	struct node_config *config;
	struct str redirect;
	struct node *node;
	uint64_t created = 0;

	if (el == NULL || !element_is(el, NS_RECORD, "node") ||
	    str_to_u64(element_attr(el, "created"), UINT64_MAX, &created) < 0)
		return NULL;
	redirect = element_attr(el, "redirect");
	config = read_config(arena, site, el);
	if (config == NULL && redirect.len == 0)
		return NULL;
	node = node_new(site, name, element_attr(el, "creator"), created, config);
	node->redirect = arena_dup(node->home, redirect);
	return node;
}

struct str
record_of_person(struct arena *arena, const struct person *person)
{
	return arena_printf(arena, "%s %s %d", node_affiliation_name(person->affiliation),
			    subscription_name(person->subscription), person->deliver);
}

void
record_read_person(struct person *person, struct str value)
{
	struct str affiliation = STR_NONE, subscription = STR_NONE;
	enum affiliation parsed;

	str_split(&value, ' ', &affiliation);
	str_split(&value, ' ', &subscription);
	if (node_affiliation_parse(affiliation, &parsed) == 0)
		person->affiliation = (uint8_t)parsed;
	for (unsigned s = SUBSCRIPTION_NONE; s <= SUBSCRIPTION_SUBSCRIBED; s++)
		if (str_is(subscription, subscription_name(s)))
			person->subscription = (uint8_t)s;
	person->deliver = !str_is(value, "0");
}

struct str
record_of_item(struct arena *arena, const struct item *item)
{
	return arena_printf(arena, "%llu %llu %u %.*s", (unsigned long long)item->sequence,
			    (unsigned long long)item->at_us, item->size, STR_ARG(item->publisher));
}

int
record_read_item(struct indexed *out, struct str value)
{
	struct str field;
	uint64_t size;

	if (!str_split(&value, ' ', &field) || str_to_u64(field, UINT64_MAX, &out->sequence) < 0 ||
	    out->sequence == 0 || !str_split(&value, ' ', &field) ||
	    str_to_u64(field, UINT64_MAX, &out->at_us) < 0 || !str_split(&value, ' ', &field) ||
	    str_to_u64(field, UINT32_MAX, &size) < 0)
		return -1;
	out->size = (uint32_t)size;
	out->publisher = value;
	return 0;
}
