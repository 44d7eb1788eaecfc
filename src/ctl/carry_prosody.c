/* SPDX-License-Identifier: MIT */
/*
 * carry_prosody.c - Prosody's "internal" storage: DIRECTORY/host/store/user.dat, a table in Lua,
 * or user.list, a row of items; names have everything but letters and digits as %xx.
 *
 * Read are accounts, roster, vcard, private, blocklist, offline, archive, archive_prefs, pep and
 * pep_NODE. What
 * else there is is named once, and left.
 */
#include "ctl/carry.h"
#include "ctl/lua_data.h"

#include "base/base64.h"
#include "base/time.h"
#include "xmpp/ns.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/forward.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_MAM "urn:xmpp:mam:2"
#define NS_PRIVATE "jabber:iq:private"
#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define PEP_STORE "pep_" /* and the node's name */

struct prosody {
	struct carry *carry;
	const char *directory;
	char *host_name; /* of the directory */
	struct str host, user, node;
	const char *user_name; /* of the user's files */
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "%2e" is "."; STR_NONE when that is not how Prosody names things. */
static struct str
decode_name(struct arena *arena, struct str name)
{
	char *out = arena_bytes(arena, name.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++) {
		int high, low;

		if (name.p[i] != '%') {
			out[n++] = name.p[i];
			continue;
		}
		if (i + 2 >= name.len || (high = hex_digit(name.p[i + 1])) < 0 ||
		    (low = hex_digit(name.p[i + 2])) < 0 || high + low == 0)
			return STR_NONE;
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	return str_of(out, n);
}

/* A file in memory, by the system's own means, so that its size does not matter. */
static int
map_file(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = NULL;

	*out = STR_NONE;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	if (st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -1;
	*out = str_of(p, (size_t)st.st_size);
	return 0;
}

static void
unmap(struct str text)
{
	if (text.p != NULL)
		munmap((void *)(uintptr_t)text.p, text.len);
}

static const char *
path_of(struct arena *arena, const struct prosody *p, const char *store, const char *file)
{
	return arena_printf(arena, "%s/%s/%s/%s", p->directory, p->host_name, store, file).p;
}

/* The table in a file: false when there is none; what cannot be read is said. */
static bool
read_table(struct prosody *p, struct arena *arena, const char *path, struct lua_value *out)
{
	struct str text;
	const char *why;
	int rc;

	if (map_file(path, &text) < 0)
		return false;
	rc = lua_read_return(arena, text, out, &why);
	if (rc < 0)
		carry_complain(p->carry, "%s: %s", path, why);
	unmap(text);
	return rc == 0 && out->type == LUA_TABLE;
}

/* Stanzas: {name=, attr={}, child, "text"} */

static void
set_attributes(struct arena *arena, struct element *el, const struct lua_value *attr)
{
	for (const struct lua_entry *e = attr != NULL ? attr->entries : NULL; e != NULL;
	     e = e->next) {
		const char *name = e->key.text.p;
		struct attr *lang;

		if (e->key.type != LUA_STRING || e->value.type != LUA_STRING)
			continue;
		if (strcmp(name, "xml:lang") == 0) {
			lang = arena_new_of(arena, struct attr);
			*lang = (struct attr){STR(NS_XML), STR("lang"),
					      arena_dup(arena, e->value.text), el->attrs};
			el->attrs = lang;
		} else if (strcmp(name, "xmlns") != 0 && strncmp(name, "stamp", 5) != 0 &&
			   strpbrk(name, "\1|:") == NULL) {
			element_set(arena, el, name, e->value.text);
		}
	}
}

/* NULL when it is no stanza. NS is the one around it. The reader has bounded how deep it can be. */
static struct element *
stanza_of(struct arena *arena, const struct lua_value *table, struct str ns)
{
	const struct lua_value *attr = lua_field(table, "attr");
	struct str name = lua_text(table, "name"), own = lua_text(attr, "xmlns");
	struct element *el;

	if (name.len == 0)
		return NULL;
	ns = own.p != NULL ? own : ns;
	el = element_new(arena, arena_dup(arena, ns).p, name.p);
	set_attributes(arena, el, attr);
	for (const struct lua_entry *e = table->entries; e != NULL; e = e->next) {
		struct element *child;

		if (e->key.type != LUA_NUMBER)
			continue;
		if (e->value.type == LUA_STRING)
			element_add_text(arena, el, e->value.text);
		child = e->value.type == LUA_TABLE ? stanza_of(arena, &e->value, ns) : NULL;
		if (child != NULL)
			element_append(el, child);
	}
	return el;
}

/* What was put together may be no XML: names are anything. It must read as what was meant. */
static int
send_element(struct prosody *p, struct arena *arena, const struct element *el)
{
	static const struct xml_limits limits = {
		.bytes = PIE_ITEM_BYTES_MAX, .depth = 128, .attributes = 256, .nodes = 1u << 19};
	const char *why;

	if (xml_parse(arena, xml_text(arena, el, STR_NONE), &limits, &why) != NULL)
		return carry_item(p->carry, el);
	carry_complain(p->carry, "something that is not XML: %s", why);
	return 0;
}

/* Accounts */

static struct str
unhex(struct arena *arena, struct str text)
{
	char *out = arena_bytes(arena, text.len / 2 + 1);

	for (size_t i = 0; i + 1 < text.len; i += 2) {
		int high = hex_digit(text.p[i]), low = hex_digit(text.p[i + 1]);

		if (high < 0 || low < 0)
			return STR("");
		out[i / 2] = (char)(high * 16 + low);
	}
	return str_of(out, text.len / 2);
}

/* The hash is known by the length of its keys: 20 bytes, or 32. */
static int
send_keys(struct prosody *p, struct arena *arena, const struct lua_value *account)
{
	struct element *el = element_new(arena, NS_PIE_SCRAM, "scram-credentials");
	struct str stored = unhex(arena, lua_text(account, "stored_key"));
	struct str server = unhex(arena, lua_text(account, "server_key"));

	element_setz(arena, el, "mechanism", stored.len == 32 ? "SCRAM-SHA-256" : "SCRAM-SHA-1");
	element_add_leaf(arena, el, "iter-count", lua_text(account, "iteration_count"));
	element_add_leaf(arena, el, "salt", base64_encode(arena, lua_text(account, "salt")));
	element_add_leaf(arena, el, "server-key", base64_encode(arena, server));
	element_add_leaf(arena, el, "stored-key", base64_encode(arena, stored));
	return send_element(p, arena, el);
}

static int
carry_credentials(struct prosody *p, struct arena *arena, const char *file)
{
	const char *address =
		arena_printf(arena, "%.*s@%.*s", STR_ARG(p->user), STR_ARG(p->host)).p;
	struct lua_value account;
	struct str password;

	if (!read_table(p, arena, path_of(arena, p, "accounts", file), &account))
		return 1;
	password = lua_text(&account, "password");
	if (carry_account(p->carry, address, password.len > 0 ? password.p : NULL) < 0)
		return -1;
	if (lua_is_true(&account, "disabled") &&
	    send_element(p, arena, element_new(arena, "recado:account", "disabled")) < 0)
		return -1;
	if (password.len == 0 && lua_text(&account, "stored_key").len > 0)
		return send_keys(p, arena, &account);
	return 0;
}

/* Contacts: [jid] = {...}; [false] has the version, and those who ask, formerly in "pending". */

static void
add_contact(struct arena *arena, struct element *query, struct str jid,
	    const struct lua_value *contact)
{
	struct element *item = element_add(arena, query, NULL, "item");
	const struct lua_value *groups = lua_field(contact, "groups");

	element_set(arena, item, "jid", jid);
	element_set(arena, item, "name", lua_text(contact, "name"));
	element_set(arena, item, "subscription", lua_text(contact, "subscription"));
	element_set(arena, item, "ask", lua_text(contact, "ask"));
	if (lua_is_true(contact, "approved"))
		element_setz(arena, item, "approved", "true");
	for (const struct lua_entry *g = groups != NULL ? groups->entries : NULL; g != NULL;
	     g = g->next)
		if (g->key.type == LUA_STRING)
			element_add_leaf(arena, item, "group", g->key.text);
}

static int
send_requests(struct prosody *p, struct arena *arena, const struct lua_value *pending)
{
	const struct lua_entry *e = pending != NULL ? pending->entries : NULL;
	int rc = 0;

	for (; e != NULL && rc == 0; e = e->next) {
		struct element *el = NULL;

		if (e->key.type != LUA_STRING)
			continue;
		if (e->value.type == LUA_TABLE)
			el = stanza_of(arena, &e->value, STR(NS_CLIENT));
		if (el == NULL)
			el = element_new(arena, NS_CLIENT, "presence");
		element_setz(arena, el, "type", "subscribe");
		element_set(arena, el, "from", e->key.text);
		rc = send_element(p, arena, el);
	}
	return rc;
}

static int
carry_roster(struct prosody *p, struct arena *arena, const char *file)
{
	const struct lua_value *pending;
	struct lua_value roster;
	int rc = 0;

	if (!read_table(p, arena, path_of(arena, p, "roster", file), &roster))
		return 0;
	pending = lua_field(&roster, "pending");
	for (const struct lua_entry *e = roster.entries; e != NULL && rc == 0; e = e->next) {
		struct element *query = element_new(arena, NS_ROSTER, "query");

		if (e->key.type == LUA_BOOL && pending == NULL)
			pending = lua_field(&e->value, "pending");
		if (e->key.type != LUA_STRING || e->value.type != LUA_TABLE ||
		    str_is(e->key.text, "pending"))
			continue;
		add_contact(arena, query, e->key.text, &e->value);
		rc = send_element(p, arena, query);
	}
	return rc == 0 ? send_requests(p, arena, pending) : rc;
}

/* The others */

static int
carry_vcard(struct prosody *p, struct arena *arena, const char *file)
{
	struct lua_value card;
	struct element *el;

	if (!read_table(p, arena, path_of(arena, p, "vcard", file), &card))
		return 0;
	el = stanza_of(arena, &card, STR("vcard-temp"));
	return el != NULL ? send_element(p, arena, el) : 0;
}

static int
carry_private(struct prosody *p, struct arena *arena, const char *file)
{
	struct lua_value all;
	int rc = 0;

	if (!read_table(p, arena, path_of(arena, p, "private", file), &all))
		return 0;
	for (const struct lua_entry *e = all.entries; e != NULL && rc == 0; e = e->next) {
		struct element *query = element_new(arena, NS_PRIVATE, "query");
		struct element *el = stanza_of(arena, &e->value, STR(""));

		if (el == NULL)
			continue;
		element_append(query, el);
		rc = send_element(p, arena, query);
	}
	return rc;
}

static int
carry_blocklist(struct prosody *p, struct arena *arena, const char *file)
{
	struct element *list = element_new(arena, NS_BLOCKING, "blocklist");
	struct lua_value all;

	if (!read_table(p, arena, path_of(arena, p, "blocklist", file), &all))
		return 0;
	for (const struct lua_entry *e = all.entries; e != NULL; e = e->next)
		if (e->key.type == LUA_STRING && !str_is(e->value.text, "false"))
			element_set(arena, element_add(arena, list, NULL, "item"), "jid",
				    e->key.text);
	return list->children != NULL ? send_element(p, arena, list) : 0;
}

/* [false] is what holds where nothing else is said: true, false or "roster"; addresses likewise. */
static int
carry_prefs(struct prosody *p, struct arena *arena, const char *file)
{
	struct element *prefs = element_new(arena, NS_MAM, "prefs"), *always, *never;
	struct lua_value all;

	if (!read_table(p, arena, path_of(arena, p, "archive_prefs", file), &all))
		return 0;
	element_setz(arena, prefs, "default", "always");
	always = element_add(arena, prefs, NULL, "always");
	never = element_add(arena, prefs, NULL, "never");
	for (const struct lua_entry *e = all.entries; e != NULL; e = e->next) {
		bool is_always = str_is(e->value.text, "true");

		if (e->key.type == LUA_STRING)
			element_add_leaf(arena, is_always ? always : never, "jid", e->key.text);
		else if (e->key.type == LUA_BOOL && str_is(e->value.text, "roster"))
			element_setz(arena, prefs, "default", "roster");
		else if (e->key.type == LUA_BOOL)
			element_setz(arena, prefs, "default", is_always ? "always" : "never");
	}
	return send_element(p, arena, prefs);
}

/* Nodes: [name] = {config = {...}, ...}, or, of before 0.11, true. Their items are elsewhere. */

static void
add_option(struct arena *arena, struct element *x, const struct lua_entry *option)
{
	struct element *field;
	struct str value = option->value.text;

	if (option->key.type != LUA_STRING || option->value.type == LUA_TABLE ||
	    option->value.type == LUA_NIL)
		return;
	field = element_add(arena, x, NULL, "field");
	element_set(arena, field, "var", arena_printf(arena, "pubsub#%s", option->key.text.p));
	element_add_leaf(arena, field, "value", value);
}

/* By its own words; what it does not say is so for all who may see the presence. */
static void
add_node(struct arena *arena, struct element *pubsub, const struct lua_entry *node)
{
	const struct lua_value *config = lua_field(&node->value, "config");
	struct element *configure = element_add(arena, pubsub, NULL, "configure");
	struct element *x = element_add(arena, configure, "jabber:x:data", "x");
	struct element *type = element_add(arena, x, NULL, "field");

	element_set(arena, configure, "node", node->key.text);
	element_setz(arena, x, "type", "form");
	element_setz(arena, type, "var", "FORM_TYPE");
	element_setz(arena, type, "type", "hidden");
	element_add_leaf(arena, type, "value",
			 STR("http://jabber.org/protocol/pubsub#node_config"));
	for (const struct lua_entry *e = config != NULL ? config->entries : NULL; e != NULL;
	     e = e->next)
		add_option(arena, x, e);
}

/* FILE is user.dat. */
static int
carry_nodes(struct prosody *p, struct arena *arena, const char *file)
{
	struct lua_value all;
	int rc = 0;

	if (!read_table(p, arena, path_of(arena, p, "pep", file), &all))
		return 0;
	for (const struct lua_entry *e = all.entries; e != NULL && rc == 0; e = e->next) {
		struct element *pubsub = element_new(arena, NS_PUBSUB "#owner", "pubsub");

		if (e->key.type != LUA_STRING || str_is(e->value.text, "false"))
			continue;
		add_node(arena, pubsub, e);
		rc = send_element(p, arena, pubsub);
	}
	return rc;
}

static int
send_published(struct prosody *p, struct arena *arena, const struct lua_value *item)
{
	struct element *pubsub = element_new(arena, NS_PUBSUB, "pubsub");
	struct element *items = element_add(arena, pubsub, NULL, "items");
	struct element *el = element_add(arena, items, NULL, "item");
	struct element *payload = stanza_of(arena, item, STR(""));

	if (payload == NULL)
		return 0;
	element_set(arena, items, "node", p->node);
	element_set(arena, el, "id", lua_text(item, "key"));
	element_append(el, payload);
	return send_element(p, arena, pubsub);
}

/* Seconds, perhaps with a fraction. */
static uint64_t
time_of(const struct lua_value *item)
{
	struct str when = lua_text(item, "when");
	struct str stamp = lua_text(lua_field(item, "attr"), "stamp");
	uint64_t at_us = 0;

	if (when.len > 0)
		return (uint64_t)(MAX(strtod(when.p, NULL), 0.0) * 1e6);
	if (stamp.len > 0 && time_parse(stamp, &at_us) == 0)
		return at_us;
	return time_wall_us();
}

static int
send_offline(struct prosody *p, struct arena *arena, const struct lua_value *item)
{
	struct element *list = element_new(arena, NS_PIE, "offline-messages");
	struct element *message = stanza_of(arena, item, STR(NS_CLIENT));

	if (message == NULL)
		return 0;
	delay_add(arena, message, p->host, time_of(item));
	element_append(list, message);
	return send_element(p, arena, list);
}

static int
send_archived(struct prosody *p, struct arena *arena, const struct lua_value *item)
{
	struct element *archive = element_new(arena, NS_PIE_ARCHIVE, "archive");
	struct element *result = element_add(arena, archive, NS_MAM, "result");
	struct element *forwarded = element_add(arena, result, NS_FORWARD, "forwarded");
	struct element *message = stanza_of(arena, item, STR(NS_CLIENT));

	if (message == NULL)
		return 0;
	element_set(arena, result, "id", lua_text(item, "key"));
	delay_add(arena, forwarded, STR_NONE, time_of(item));
	element_append(forwarded, message);
	return send_element(p, arena, archive);
}

/* Item by item: FILE is user.list. */
static int
carry_list(struct prosody *p, const char *store, const char *user,
	   int (*send)(struct prosody *p, struct arena *arena, const struct lua_value *item))
{
	struct arena *names = arena_new();
	const char *path = path_of(names, p, store, arena_printf(names, "%s.list", user).p);
	struct str text, rest;
	int rc = 1;

	if (map_file(path, &text) == 0) {
		rest = text;
		while (rc > 0) {
			struct arena *arena = arena_new();
			struct lua_value item;
			const char *why;

			rc = lua_read_item(arena, &rest, &item, &why);
			if (rc < 0)
				carry_complain(p->carry, "%s: %s", path, why);
			else if (rc > 0)
				rc = send(p, arena, &item) < 0 ? -2 : 1;
			arena_free(arena);
		}
		unmap(text);
	}
	arena_free(names);
	return rc == -2 ? -1 : 0;
}

/* NAME is that of a store. */
static int
carry_node_items(struct prosody *p, const char *name)
{
	struct arena *arena = arena_new();
	int rc = 0;

	if (strncmp(name, PEP_STORE, strlen(PEP_STORE)) == 0) {
		p->node = decode_name(arena, str(name + strlen(PEP_STORE)));
		if (p->node.len > 0)
			rc = carry_list(p, name, p->user_name, send_published);
	}
	arena_free(arena);
	return rc;
}

static int each_name(struct prosody *p, const char *path, const char *suffix,
		     int (*run)(struct prosody *p, const char *name));

/* NAME is that of the files, without what stands behind the dot. */
static int
carry_user(struct prosody *p, const char *name)
{
	static int (*const tables[])(struct prosody * p, struct arena * arena, const char *file) = {
		carry_credentials, carry_roster, carry_vcard, carry_private,
		carry_blocklist,   carry_prefs,  carry_nodes};
	struct arena *arena = arena_new();
	const char *file = arena_printf(arena, "%s.dat", name).p;
	int rc = 0;

	p->user = decode_name(arena, str(name));
	if (p->user.len == 0)
		carry_complain(p->carry, "%s is no name of Prosody's", name);
	for (size_t i = 0; p->user.len > 0 && i < COUNT(tables) && rc == 0; i++)
		rc = tables[i](p, arena, file);
	if (p->user.len == 0 || p->carry->account == NULL)
		rc = rc < 0 ? -1 : 1; /* it was left out */
	arena_free(arena);
	if (rc == 0)
		rc = carry_list(p, "archive", name, send_archived);
	if (rc == 0)
		rc = carry_list(p, "offline", name, send_offline);
	if (rc == 0) {
		struct arena *names = arena_new();

		p->user_name = name;
		rc = each_name(p, arena_printf(names, "%s/%s", p->directory, p->host_name).p, "",
			       carry_node_items);
		arena_free(names);
	}
	return rc < 0 ? -1 : 0;
}

/* Calls RUN for each name in PATH that ends in SUFFIX, without it. 1 when there is no such
 * directory. */
static int
each_name(struct prosody *p, const char *path, const char *suffix,
	  int (*run)(struct prosody *p, const char *name))
{
	size_t end = strlen(suffix);
	struct dirent **names;
	int count = scandir(path, &names, NULL, alphasort), rc = 0;

	if (count < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		char *name = names[i]->d_name;
		size_t length = strlen(name);

		if (rc >= 0 && name[0] != '.' && length > end &&
		    strcmp(name + length - end, suffix) == 0) {
			name[length - end] = '\0';
			rc = run(p, name);
		}
		free(names[i]);
	}
	free(names);
	return rc < 0 ? -1 : 0;
}

/* What nobody reads is named, so that nobody takes it for brought. */
static int
look_at_store(struct prosody *p, const char *name)
{
	static const char *const known[] = {"accounts", "roster",        "vcard",
					    "private",  "archive_prefs", "blocklist",
					    "offline",  "archive",       "pep"};
	/* About the moment, or about themselves. */
	static const char *const passing[] = {"account_details", "archive_cleanup", "cron",
					      "lastlog",         "lastlog2",        "tokens",
					      "offline_cleanup"};

	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(name, known[i]) == 0)
			return 0;
	for (size_t i = 0; i < COUNT(passing); i++)
		if (strcmp(name, passing[i]) == 0)
			return 0;
	if (strchr(name, '.') == NULL && strncmp(name, PEP_STORE, strlen(PEP_STORE)) != 0)
		carry_note(p->carry, "the store \"%s\" of %.*s is left out", name,
			   STR_ARG(p->host));
	return 0;
}

static int
carry_host(struct prosody *p, const char *name)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/%s", p->directory, name).p;
	const char *accounts = arena_printf(arena, "%s/accounts", path).p;
	int rc = 0;

	p->host = decode_name(arena, str(name));
	p->host_name = (char *)(uintptr_t)name;
	if (p->host.len > 0 && access(accounts, F_OK) == 0) {
		rc = each_name(p, accounts, ".dat", carry_user);
		free(p->carry->account);
		p->carry->account = NULL;
		if (rc == 0)
			rc = each_name(p, path, "", look_at_store);
	}
	arena_free(arena);
	return rc;
}

int
carry_prosody(struct carry *carry, const char *directory)
{
	struct prosody p = {.carry = carry, .directory = directory};
	int rc = each_name(&p, directory, "", carry_host);

	if (rc > 0)
		carry_complain(carry, "cannot read %s: %s", directory, strerror(errno));
	else if (rc == 0 && carry->accounts == 0 && carry->failed == 0)
		carry_complain(carry, "%s has no host/accounts/user.dat in it", directory);
	return rc > 0 ? -1 : rc;
}
