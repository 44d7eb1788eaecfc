/* SPDX-License-Identifier: MIT */
/*
 * carry_mnesia.c - what `ejabberdctl dump` wrote: the tables of ejabberd's own database, a term a
 * row, table after table. It is read three times: accounts come first, then how nodes are
 * configured, then all else.
 *
 * Read are passwd, roster, vcard, private_storage, privacy, offline_msg, archive_msg,
 * archive_prefs, and of pubsub_node, pubsub_state and pubsub_item what belongs to accounts. Tables
 * of other kinds are named once, and left.
 */
#include "ctl/carry.h"
#include "ctl/erl_data.h"

#include "base/map.h"
#include "base/time.h"
#include "xmpp/ns.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xep/forward.h"
#include "xmpp/xep/pie.h"

#include <stdlib.h>

#define NS_MAM "urn:xmpp:mam:2"
#define NS_PRIVATE "jabber:iq:private"
#define NS_PRIVACY "jabber:iq:privacy"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER NS_PUBSUB "#owner"
#define NODE_CONFIG NS_PUBSUB "#node_config"
#define NS_ARCHIVED "urn:xmpp:mam:tmp"

struct node { /* of an account; keys of the map by its number */
	char number[24];
	char *owner, *name;
};

struct mnesia {
	struct carry *carry;
	struct arena *arena; /* of one term */
	struct map accounts; /* those that were taken; char * by itself */
	struct map nodes;    /* struct node */
	struct map left;     /* tables that were left out; char * by itself */
};

static void
remember(struct map *map, struct str key)
{
	char *copy;

	if (map_get(map, key) != NULL)
		return;
	copy = str_dupz(key);
	map_put(map, str(copy), copy);
}

/* {User, Server} or {User, Server, Resource}, or a record jid, as an address; or STR_NONE. */
static struct str
address(struct mnesia *m, const struct erl_value *jid)
{
	size_t at = erl_is_record(jid, "jid", 0) ? 1 : 0;
	struct str user = erl_text(erl_at(jid, at)), host = erl_text(erl_at(jid, at + 1));
	struct str resource = erl_text(erl_at(jid, at + 2));

	if (user.p == NULL || host.len == 0)
		return STR_NONE;
	return arena_printf(m->arena, "%.*s%s%.*s%s%.*s", STR_ARG(user), user.len > 0 ? "@" : "",
			    STR_ARG(host), resource.len > 0 ? "/" : "", STR_ARG(resource));
}

/* Goes on with the account US; false when it is none that was taken, or the server hung up. */
static bool
go_on(struct mnesia *m, const struct erl_value *us)
{
	struct str bare = address(m, us);

	return bare.p != NULL && map_get(&m->accounts, bare) != NULL &&
	       carry_go_on(m->carry, bare.p) == 0;
}

/* {xmlel, Name, Attributes, Children} in ARENA, in the namespace NS unless it says another one. */
static struct element *
element_of(struct arena *arena, const struct erl_value *xmlel, struct str ns)
{
	const struct erl_value *item;
	struct element *el;
	struct str name = erl_text(erl_at(xmlel, 1));

	if (!erl_is_record(xmlel, "xmlel", 4) || name.len == 0 || str_find(name, ':') >= 0)
		return NULL;
	for (item = erl_at(erl_at(xmlel, 2), 0); item != NULL; item = item->next)
		if (str_is(erl_text(erl_at(item, 0)), "xmlns"))
			ns = erl_text(erl_at(item, 1));
	el = element_new(arena, arena_dup(arena, ns).p, arena_dup(arena, name).p);
	for (item = erl_at(erl_at(xmlel, 2), 0); item != NULL; item = item->next) {
		struct str key = arena_dup(arena, erl_text(erl_at(item, 0)));

		if (key.len > 0 && str_find(key, ':') < 0 && !str_is(key, "xmlns"))
			element_set(arena, el, key.p, erl_text(erl_at(item, 1)));
	}
	for (item = erl_at(erl_at(xmlel, 3), 0); item != NULL; item = item->next) {
		if (erl_is_record(item, "xmlcdata", 2)) {
			element_add_text(arena, el, erl_text(erl_at(item, 1)));
		} else {
			struct element *child = element_of(arena, item, ns);

			if (child != NULL)
				element_append(el, child);
		}
	}
	return el;
}

/* Erlang's {MegaSeconds, Seconds, MicroSeconds}. Returns 0 or -1. */
static int
read_time(const struct erl_value *now, uint64_t *us)
{
	uint64_t mega, seconds, micro;

	if (erl_number(erl_at(now, 0), 100000, &mega) < 0 ||
	    erl_number(erl_at(now, 1), 999999, &seconds) < 0 ||
	    erl_number(erl_at(now, 2), 999999, &micro) < 0)
		return -1;
	*us = (mega * 1000000 + seconds) * 1000000 + micro;
	return 0;
}

/* Accounts */

/* {scram, StoredKey, ServerKey, Salt, Hash, Iterations}; of old without Hash, which is SHA-1. */
static struct element *
keys_of(struct mnesia *m, const struct erl_value *scram)
{
	bool has_hash = scram->count == 6;
	struct str hash = has_hash ? erl_text(erl_at(scram, 4)) : STR("sha");
	const char *mechanism = str_is(hash, "sha")      ? "SCRAM-SHA-1"
				: str_is(hash, "sha256") ? "SCRAM-SHA-256"
							 : "SCRAM-SHA-512";
	struct element *el = element_new(m->arena, NS_PIE_SCRAM, "scram-credentials");

	element_setz(m->arena, el, "mechanism", mechanism);
	element_add_leaf(m->arena, el, "iter-count", erl_text(erl_at(scram, has_hash ? 5 : 4)));
	element_add_leaf(m->arena, el, "salt", erl_text(erl_at(scram, 3)));
	element_add_leaf(m->arena, el, "server-key", erl_text(erl_at(scram, 2)));
	element_add_leaf(m->arena, el, "stored-key", erl_text(erl_at(scram, 1)));
	return el;
}

/* {passwd, {User, Server}, Password}; since 24.06 one for each hash, {User, Server, Hash}. */
static int
take_account(struct mnesia *m, const struct erl_value *row)
{
	const struct erl_value *us = erl_at(row, 1), *password = erl_at(row, 2);
	struct str user = erl_text(erl_at(us, 0)), host = erl_text(erl_at(us, 1));
	struct str text = erl_text(password),
		   bare = arena_printf(m->arena, "%.*s@%.*s", STR_ARG(user), STR_ARG(host));
	bool has_keys = erl_is_record(password, "scram", 0);

	if (user.len == 0 || host.len == 0 || (text.len == 0 && !has_keys)) {
		carry_complain(m->carry, "an account that cannot be understood");
		return 0;
	}
	if (map_get(&m->accounts, bare) != NULL) {
		if (carry_go_on(m->carry, bare.p) < 0)
			return -1;
	} else {
		if (carry_account(m->carry, bare.p, has_keys ? NULL : arena_dup(m->arena, text).p) <
		    0)
			return -1;
		if (m->carry->account != NULL)
			remember(&m->accounts, bare);
	}
	return has_keys ? carry_item(m->carry, keys_of(m, password)) : 0;
}

static int
take_vcard(struct mnesia *m, const struct erl_value *row)
{
	struct element *card = element_of(m->arena, erl_at(row, 2), STR("vcard-temp"));

	return card != NULL && go_on(m, erl_at(row, 1)) ? carry_item(m->carry, card) : 0;
}

/* {private_storage, {User, Server, Namespace}, Element} */
static int
take_private(struct mnesia *m, const struct erl_value *row)
{
	struct element *query = element_new(m->arena, NS_PRIVATE, "query");
	struct element *item = element_of(m->arena, erl_at(row, 2), STR(""));
	const struct erl_value *usns = erl_at(row, 1);
	struct str bare = arena_printf(m->arena, "%.*s@%.*s", STR_ARG(erl_text(erl_at(usns, 0))),
				       STR_ARG(erl_text(erl_at(usns, 1))));

	if (item == NULL || map_get(&m->accounts, bare) == NULL)
		return 0;
	if (carry_go_on(m->carry, bare.p) < 0)
		return -1;
	element_append(query, item);
	return carry_item(m->carry, query);
}

static int
take_request(struct mnesia *m, struct str from)
{
	struct element *presence = element_new(m->arena, NS_CLIENT, "presence");

	element_set(m->arena, presence, "from", from);
	element_setz(m->arena, presence, "type", "subscribe");
	return carry_item(m->carry, presence);
}

/* {roster, Key, US, JID, Name, Subscription, Ask, Groups, AskMessage, _} */
static int
take_contact(struct mnesia *m, const struct erl_value *row)
{
	struct element *query = element_new(m->arena, NS_ROSTER, "query");
	struct element *item = element_add(m->arena, query, NULL, "item");
	struct str jid = address(m, erl_at(row, 3)), name = erl_text(erl_at(row, 4));
	struct str subscription = erl_text(erl_at(row, 5)), ask = erl_text(erl_at(row, 6));
	const struct erl_value *group = erl_at(erl_at(row, 7), 0);
	bool is_asking = str_is(ask, "in") || str_is(ask, "both");

	if (jid.p == NULL || !go_on(m, erl_at(row, 2)))
		return 0;
	if (is_asking && take_request(m, jid) < 0)
		return -1;
	/* Whoever only asked is no contact yet. */
	if (str_is(ask, "in") && str_is(subscription, "none") && name.len == 0 && group == NULL)
		return 0;
	element_set(m->arena, item, "jid", jid);
	if (name.len > 0)
		element_set(m->arena, item, "name", name);
	element_set(m->arena, item, "subscription", subscription);
	if (str_is(ask, "out") || str_is(ask, "both"))
		element_setz(m->arena, item, "ask", "subscribe");
	for (; group != NULL; group = group->next)
		element_add_leaf(m->arena, item, "group", erl_text(group));
	return carry_item(m->carry, query);
}

/* {listitem, Type, Value, Action, Order, All, Iq, Message, PresenceIn, PresenceOut} */
static void
add_rule(struct mnesia *m, struct element *list, const struct erl_value *rule)
{
	static const char *const parts[] = {"iq", "message", "presence-in", "presence-out"};
	struct element *item = element_add(m->arena, list, NULL, "item");
	struct str type = erl_text(erl_at(rule, 1));

	if (!str_is(type, "none")) {
		element_set(m->arena, item, "type", type);
		element_set(m->arena, item, "value",
			    str_is(type, "jid") ? address(m, erl_at(rule, 2))
						: erl_text(erl_at(rule, 2)));
	}
	element_set(m->arena, item, "action", erl_text(erl_at(rule, 3)));
	element_set(m->arena, item, "order", erl_text(erl_at(rule, 4)));
	for (size_t i = 0; i < COUNT(parts) && !erl_is_atom(erl_at(rule, 5), "true"); i++)
		if (erl_is_atom(erl_at(rule, 6 + i), "true"))
			element_add(m->arena, item, NULL, parts[i]);
}

/* {privacy, US, Default, [{Name, [Rule]}]} */
static int
take_privacy(struct mnesia *m, const struct erl_value *row)
{
	struct element *query = element_new(m->arena, NS_PRIVACY, "query");
	const struct erl_value *list = erl_at(erl_at(row, 3), 0);
	const struct erl_value *chosen = erl_at(row, 2);

	if (!go_on(m, erl_at(row, 1)))
		return 0;
	if (chosen != NULL && chosen->type == ERL_BINARY)
		element_set(m->arena, element_add(m->arena, query, NULL, "default"), "name",
			    erl_text(chosen));
	for (; list != NULL; list = list->next) {
		const struct erl_value *rule = erl_at(erl_at(list, 1), 0);
		struct element *el = element_add(m->arena, query, NULL, "list");

		element_set(m->arena, el, "name", erl_text(erl_at(list, 0)));
		for (; rule != NULL; rule = rule->next)
			if (erl_is_record(rule, "listitem", 10))
				add_rule(m, el, rule);
	}
	return carry_item(m->carry, query);
}

/* Messages */

static struct element *
message_of(struct mnesia *m, const struct erl_value *xmlel)
{
	struct element *message = element_of(m->arena, xmlel, STR(NS_CLIENT));
	struct element *mark;

	while (message != NULL && (mark = element_child(message, NS_ARCHIVED, "archived")) != NULL)
		element_detach(mark);
	return message;
}

/* {offline_msg, US, Time, Expires, From, To, Message} */
static int
take_offline(struct mnesia *m, const struct erl_value *row)
{
	struct element *around = element_new(m->arena, NS_PIE, "offline-messages");
	struct element *message = message_of(m, erl_at(row, 6));
	uint64_t us;

	if (message == NULL || read_time(erl_at(row, 2), &us) < 0 || !go_on(m, erl_at(row, 1)))
		return 0;
	if (element_attr(message, "from").p == NULL)
		element_set(m->arena, message, "from", address(m, erl_at(row, 4)));
	delay_add(m->arena, message, erl_text(erl_at(erl_at(row, 1), 1)), us);
	element_append(around, message);
	return carry_item(m->carry, around);
}

/* {archive_msg, US, Id, Time, Peer, BarePeer, Message, Nick, Type} */
static int
take_archived(struct mnesia *m, const struct erl_value *row)
{
	struct element *around = element_new(m->arena, NS_PIE_ARCHIVE, "archive");
	struct element *result = element_add(m->arena, around, NS_MAM, "result");
	struct element *forwarded = element_add(m->arena, result, NS_FORWARD, "forwarded");
	struct element *message = message_of(m, erl_at(row, 6));
	uint64_t us;

	if (message == NULL || read_time(erl_at(row, 3), &us) < 0 || !go_on(m, erl_at(row, 1)))
		return 0;
	element_set(m->arena, result, "id", erl_text(erl_at(row, 2)));
	delay_add(m->arena, forwarded, STR_NONE, us);
	element_append(forwarded, message);
	return carry_item(m->carry, around);
}

static void
add_addresses(struct mnesia *m, struct element *prefs, const char *name,
	      const struct erl_value *list)
{
	struct element *el = element_add(m->arena, prefs, NULL, name);

	for (list = erl_at(list, 0); list != NULL; list = list->next) {
		struct str jid = address(m, list);

		if (jid.p != NULL)
			element_add_leaf(m->arena, el, "jid", jid);
	}
}

/* {archive_prefs, US, Default, Always, Never} */
static int
take_prefs(struct mnesia *m, const struct erl_value *row)
{
	struct element *prefs = element_new(m->arena, NS_MAM, "prefs");

	if (!go_on(m, erl_at(row, 1)))
		return 0;
	element_set(m->arena, prefs, "default", erl_text(erl_at(row, 2)));
	add_addresses(m, prefs, "always", erl_at(row, 3));
	add_addresses(m, prefs, "never", erl_at(row, 4));
	return carry_item(m->carry, prefs);
}

/* Nodes */

/* The node that NUMBER names, its owner's account being gone on with; or NULL. */
static const struct node *
node_of(struct mnesia *m, const struct erl_value *number)
{
	const struct node *node = map_get(&m->nodes, erl_text(number));

	if (node == NULL || map_get(&m->accounts, str(node->owner)) == NULL ||
	    carry_go_on(m->carry, node->owner) < 0)
		return NULL;
	return node;
}

/* Of accounts, not of services: {pubsub_node, {JID, Name}, Number, Parents, Type, Owners, Options}
 */
static int
note_node(struct mnesia *m, const struct erl_value *row)
{
	struct str owner = address(m, erl_at(erl_at(row, 1), 0)), number = erl_text(erl_at(row, 2));
	struct str name = erl_text(erl_at(erl_at(row, 1), 1));
	struct node *node;

	if (owner.p == NULL || name.len == 0 || number.len == 0 ||
	    number.len >= sizeof(node->number) || map_get(&m->nodes, number) != NULL)
		return 0;
	node = xnew(struct node);
	memcpy(node->number, number.p, number.len);
	node->owner = str_dupz(owner);
	node->name = str_dupz(name);
	map_put(&m->nodes, str(node->number), node);
	return 0;
}

static void
add_value(struct arena *arena, struct element *field, const struct erl_value *value)
{
	struct str text = erl_text(value);

	if (erl_is_atom(value, "true") || erl_is_atom(value, "false"))
		text = erl_is_atom(value, "true") ? STR("1") : STR("0");
	else if (erl_is_atom(value, "infinity") || erl_is_atom(value, "unlimited"))
		text = STR("max");
	if (text.p != NULL)
		field_add_value(arena, field, text);
}

static struct element *
config_form(struct arena *arena, const struct erl_value *options)
{
	struct element *x = form_new(arena, FORM_SUBMIT, NODE_CONFIG);
	const struct erl_value *option = erl_at(options, 0);

	for (; option != NULL; option = option->next) {
		const struct erl_value *value = erl_at(option, 1);
		struct element *field;

		if (erl_text(erl_at(option, 0)).len == 0 || value == NULL)
			continue;
		field = element_add(arena, x, NULL, "field");
		element_set(
			arena, field, "var",
			arena_printf(arena, "pubsub#%.*s", STR_ARG(erl_text(erl_at(option, 0)))));
		if (value->type != ERL_LIST)
			add_value(arena, field, value);
		for (value = erl_at(value, 0); value != NULL; value = value->next)
			add_value(arena, field, value);
	}
	return x;
}

static int
take_node(struct mnesia *m, const struct erl_value *row)
{
	struct element *pubsub = element_new(m->arena, NS_PUBSUB_OWNER, "pubsub");
	struct element *configure = element_add(m->arena, pubsub, NULL, "configure");
	const struct node *node = node_of(m, erl_at(row, 2));

	if (node == NULL)
		return 0;
	element_setz(m->arena, configure, "node", node->name);
	element_append(configure, config_form(m->arena, erl_at(row, 6)));
	return carry_item(m->carry, pubsub);
}

/* {pubsub_state, {JID, Number}, Number, Items, Affiliation, [{Subscription, Id}]} */
static int
take_person(struct mnesia *m, const struct erl_value *row)
{
	struct element *pubsub = element_new(m->arena, NS_PUBSUB_OWNER, "pubsub");
	struct str jid = address(m, erl_at(erl_at(row, 1), 0));
	const struct erl_value *subscription = erl_at(erl_at(erl_at(row, 5), 0), 0);
	struct str affiliation = erl_text(erl_at(row, 4));
	const struct node *node = node_of(m, erl_at(erl_at(row, 1), 1));
	struct element *list, *one;
	int rc = 0;

	if (node == NULL || jid.p == NULL)
		return 0;
	if (affiliation.len > 0 && !str_is(affiliation, "none") && !str_is(jid, node->owner)) {
		list = element_add(m->arena, pubsub, NULL, "affiliations");
		element_setz(m->arena, list, "node", node->name);
		one = element_add(m->arena, list, NULL, "affiliation");
		element_set(m->arena, one, "jid", jid);
		element_set(m->arena, one, "affiliation", affiliation);
		rc = carry_item(m->carry, pubsub);
	}
	if (rc == 0 && erl_is_atom(subscription, "subscribed")) {
		pubsub = element_new(m->arena, NS_PUBSUB_OWNER, "pubsub");
		list = element_add(m->arena, pubsub, NULL, "subscriptions");
		element_setz(m->arena, list, "node", node->name);
		one = element_add(m->arena, list, NULL, "subscription");
		element_set(m->arena, one, "jid", jid);
		element_setz(m->arena, one, "subscription", "subscribed");
		rc = carry_item(m->carry, pubsub);
	}
	return rc;
}

/* {pubsub_item, {Id, Number}, Number, Creation, Modification, [Payload]} */
static int
take_item(struct mnesia *m, const struct erl_value *row)
{
	struct element *pubsub = element_new(m->arena, NS_PUBSUB, "pubsub");
	struct element *items = element_add(m->arena, pubsub, NULL, "items");
	struct element *item = element_add(m->arena, items, NULL, "item");
	const struct erl_value *payload = erl_at(erl_at(row, 5), 0);
	const struct node *node = node_of(m, erl_at(erl_at(row, 1), 1));

	if (node == NULL)
		return 0;
	element_setz(m->arena, items, "node", node->name);
	element_set(m->arena, item, "id", erl_text(erl_at(erl_at(row, 1), 0)));
	for (; payload != NULL; payload = payload->next) {
		struct element *el = element_of(m->arena, payload, STR(""));

		if (el != NULL)
			element_append(item, el);
	}
	return carry_item(m->carry, pubsub);
}

/* All */

static const struct {
	const char *name;
	size_t count; /* of a row's items, with its name */
	unsigned round;
	int (*take)(struct mnesia *m, const struct erl_value *row);
} tables[] = {
	{"passwd", 3, 0, take_account},
	{"pubsub_node", 7, 0, note_node},
	{"pubsub_node", 7, 1, take_node},
	{"pubsub_state", 6, 1, take_person},
	{"pubsub_item", 6, 2, take_item},
	{"roster", 10, 2, take_contact},
	{"vcard", 3, 2, take_vcard},
	{"private_storage", 3, 2, take_private},
	{"privacy", 4, 2, take_privacy},
	{"archive_prefs", 5, 2, take_prefs},
	{"archive_msg", 9, 2, take_archived},
	{"offline_msg", 7, 2, take_offline},
	/* What follows from the rest, or is about connections. */
	{"tables", 0, 3, NULL},
	{"vcard_search", 0, 3, NULL},
	{"pubsub_index", 0, 3, NULL},
	{"pubsub_orphan", 0, 3, NULL},
	{"caps_features", 0, 3, NULL},
	{"roster_version", 0, 3, NULL},
};

static int
take_row(struct mnesia *m, const struct erl_value *row, unsigned round)
{
	struct str name = erl_text(erl_at(row, 0));
	bool is_known = false;
	int rc = 0;

	if (row->type != ERL_TUPLE || name.len == 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < COUNT(tables); i++) {
		if (!erl_is_record(row, tables[i].name, tables[i].count))
			continue;
		is_known = true;
		if (tables[i].round == round)
			rc = tables[i].take(m, row);
	}
	if (!is_known && map_get(&m->left, name) == NULL) {
		remember(&m->left, name);
		carry_note(m->carry, "its table %.*s has no place here", STR_ARG(name));
	}
	return rc;
}

static int
read_round(struct mnesia *m, struct str text, unsigned round)
{
	struct erl_value row;
	const char *why;
	int rc = 1;

	while (rc > 0 && !m->carry->is_broken) {
		m->arena = arena_new();
		rc = erl_read_term(m->arena, &text, &row, &why);
		if (rc > 0 && take_row(m, &row, round) < 0)
			rc = -1;
		else if (rc < 0)
			carry_complain(m->carry, "it cannot be read on: %s", why);
		arena_free(m->arena);
	}
	return m->carry->is_broken ? -1 : rc;
}

static void
forget(struct map *map)
{
	uint32_t at = 0;
	void *value;

	while (map_next(map, &at, &value))
		free(value);
	map_free(map);
}

int
carry_mnesia(struct carry *carry, const char *path, struct str text)
{
	struct mnesia m = {.carry = carry};
	uint32_t at = 0;
	void *value;
	int rc = 0;

	free(carry->source);
	carry->source = xstrdup(path);
	for (unsigned round = 0; rc == 0 && round < 3; round++)
		rc = read_round(&m, text, round);
	while (map_next(&m.nodes, &at, &value)) {
		free(((struct node *)value)->owner);
		free(((struct node *)value)->name);
	}
	forget(&m.nodes);
	forget(&m.accounts);
	forget(&m.left);
	return rc;
}
