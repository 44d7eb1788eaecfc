/* SPDX-License-Identifier: MIT */
/* hats.c - the list of hats, who wears them, and the commands for both (see hats.h). */
#include "modules/xep0045_muc/hats.h"

#include "base/base64.h"
#include "base/rand.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/owner.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "xmpp/xep/disco.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define NODE "urn:xmpp:hats:commands:"
#define FORM_TYPE "urn:xmpp:hats:commands"
#define SEPARATOR '\x1f'
#define TEXT_BYTES 256u
#define WORN_MAX 16u

/* ---- the list ---- */

static struct hat *
hat_new(struct room *room, struct str uri, struct str title, struct str hue)
{
	struct hat *hat = xalloc(sizeof(*hat) + uri.len + title.len + hue.len), *old;
	char *at = hat->text;

	memcpy(at, uri.p, uri.len);
	hat->uri = str_of(at, uri.len);
	at += uri.len;
	memcpy(at, title.p ? title.p : "", title.len);
	hat->title = str_of(at, title.len);
	at += title.len;
	if (hue.len > 0) {
		memcpy(at, hue.p, hue.len);
		hat->hue = str_of(at, hue.len);
	}
	old = map_put(&room->hats, hat->uri, hat);
	free(old);
	return hat;
}

static void
hat_store(struct room *room, struct store_request *request, const struct hat *hat)
{
	store_set_put(request, room->jid.text, HATS_SET, hat->uri,
		      arena_printf(request->arena, "%.*s%c%.*s", STR_ARG(hat->title), SEPARATOR,
				   STR_ARG(hat->hue)));
}

void
hats_load(struct room *room, const struct store_item *item)
{
	struct str rest = item->value, title = STR_NONE;

	str_split(&rest, SEPARATOR, &title);
	hat_new(room, item->key, title, rest);
}

void
hats_store(struct room *room, struct store_request *request)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->hats, &at, &value))
		hat_store(room, request, value);
}

void
hats_free(struct room *room)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->hats, &at, &value))
		free(value);
	map_free(&room->hats);
}

static int
by_uri(const void *a, const void *b)
{
	const struct hat *const *x = a, *const *y = b;

	return str_compare((*x)->uri, (*y)->uri);
}

/* By URI, in ARENA; ends with NULL. */
static struct hat **
sorted(const struct room *room, struct arena *arena)
{
	struct hat **all = arena_array(arena, struct hat *, room->hats.count + 1);
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (map_next(&room->hats, &at, &value))
		all[n++] = value;
	qsort(all, n, sizeof(*all), by_uri);
	return all;
}

struct str
hats_hash(const struct room *room, struct arena *arena)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	struct buf text = {0};
	struct hat **all = sorted(room, arena);

	if (room->hats.count == 0)
		return STR_NONE;
	for (size_t i = 0; all[i] != NULL; i++) {
		buf_add(&text, all[i]->uri);
		buf_add_char(&text, SEPARATOR);
		buf_add(&text, all[i]->title);
		buf_add_char(&text, SEPARATOR);
		buf_add(&text, all[i]->hue);
		buf_add_char(&text, SEPARATOR);
	}
	if (!EVP_Digest(buf_str(&text).p, buf_len(&text), digest, &size, EVP_sha256(), NULL))
		size = 0;
	buf_free(&text);
	return hex_encode(arena, str_of(digest, MIN(size, 20u)));
}

void
hats_write(const struct room *room, struct str bare, struct buf *out)
{
	const struct affiliate *a = room->hats.count > 0 ? affiliate_find(room, bare) : NULL;
	struct str rest, uri;

	if (a == NULL || a->hats.p == NULL)
		return;
	buf_addz(out, "<hats xmlns='" NS_HATS "'>");
	for (rest = a->hats; str_split(&rest, ' ', &uri);) {
		const struct hat *hat = map_get(&room->hats, uri);

		if (hat == NULL)
			continue;
		buf_addz(out, "<hat");
		xml_write_attr(out, "uri", hat->uri);
		xml_write_attr(out, "title", hat->title);
		xml_write_attr(out, "hue", hat->hue);
		buf_addz(out, "/>");
	}
	buf_addz(out, "</hats>");
}

/* ---- who wears what ---- */

static bool
wears(struct str hats, struct str uri)
{
	struct str one;

	while (str_split(&hats, ' ', &one))
		if (str_equal(one, uri))
			return true;
	return false;
}

/* HATS without URI, or with it at the end. */
static struct str
change_worn(struct arena *arena, struct str hats, struct str uri, bool put_on)
{
	struct str out = STR(""), one;

	while (hats.len > 0 && str_split(&hats, ' ', &one))
		if (!str_equal(one, uri))
			out = out.len == 0 ? one
					   : arena_printf(arena, "%.*s %.*s", STR_ARG(out),
							  STR_ARG(one));
	if (!put_on)
		return out;
	return out.len == 0 ? uri : arena_printf(arena, "%.*s %.*s", STR_ARG(out), STR_ARG(uri));
}

static void
show_wearer(struct room *room, struct str bare)
{
	struct occupant **found = xnew_array(struct occupant *, room->occupants.count + 1);
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (map_next(&room->occupants, &at, &value)) {
		struct occupant *occupant = value;

		if (str_equal(occupant->bare, bare))
			found[n++] = occupant;
	}
	for (size_t i = 0; i < n; i++)
		presence_broadcast(room, &(struct shown){.occupant = found[i]});
	free(found);
}

/* ---- commands ---- */

struct command {
	struct room *room;
	struct stanza *iq;
	struct arena *arena;
	struct form form;              /* as submitted */
	struct str uri;                /* that it names; p NULL: none */
	struct store_request *request; /* for what changes; its answer is the iq's */
};

struct kind {
	const char *name, *title;
	bool is_list;
	/* Fields of the form, and what is done with it, or the condition that refuses it. */
	void (*ask)(struct command *c, struct element *x);
	enum stanza_condition (*run)(struct command *c, struct element *x);
};

static void
add_uri_choice(struct command *c, struct element *x)
{
	struct element *field = form_add_field(c->arena, x, FIELD_LIST, "hats#uri", "Hat");
	struct hat **all = sorted(c->room, c->arena);

	for (size_t i = 0; all[i] != NULL; i++)
		field_add_option(c->arena, field, arena_dup(c->arena, all[i]->title).p,
				 all[i]->uri);
	field_require(c->arena, field);
}

static void
ask_create(struct command *c, struct element *x)
{
	field_require(c->arena, form_add_field(c->arena, x, FIELD_TEXT, "hats#title", "Hat title"));
	field_require(c->arena, form_add_field(c->arena, x, FIELD_TEXT, "hats#uri", "Hat URI"));
	form_add_field(c->arena, x, FIELD_TEXT, "hats#hue", "Hat hue");
}

static void
ask_assign(struct command *c, struct element *x)
{
	field_require(c->arena, form_add_field(c->arena, x, FIELD_JID, "hats#jid", "User address"));
	add_uri_choice(c, x);
}

static bool
is_hue(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.p[i] < '0' || text.p[i] > '9') && text.p[i] != '.')
			return false;
	return text.len <= 16;
}

/* After a change of the list: everybody who wears it is shown anew. */
static void
show_wearers(struct room *room, struct str uri)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *a = value;

		if (a->hats.p != NULL && wears(a->hats, uri))
			show_wearer(room, a->jid);
	}
	owner_announce(room, STATUS_CONFIG_CHANGED);
}

static enum stanza_condition
run_create(struct command *c, struct element *x)
{
	struct str title = form_value(&c->form, "hats#title");
	struct str hue = form_value(&c->form, "hats#hue");
	struct hat *hat;

	(void)x;
	if (title.len == 0 || c->uri.len == 0 || title.len > TEXT_BYTES ||
	    c->uri.len > TEXT_BYTES || str_find(c->uri, ' ') >= 0 || !is_hue(hue))
		return STANZA_NOT_ACCEPTABLE;
	if (map_get(&c->room->hats, c->uri) == NULL && c->room->hats.count >= HATS_MAX)
		return STANZA_RESOURCE_CONSTRAINT;
	hat = hat_new(c->room, c->uri, title, hue);
	hat_store(c->room, c->request, hat);
	show_wearers(c->room, c->uri);
	return STANZA_NO_ERROR;
}

static enum stanza_condition
run_destroy(struct command *c, struct element *x)
{
	struct hat *hat = map_get(&c->room->hats, c->uri);
	struct str *wearers = arena_array(c->arena, struct str, c->room->affiliates.count + 1);
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	(void)x;
	if (hat == NULL)
		return STANZA_ITEM_NOT_FOUND;
	while (map_next(&c->room->affiliates, &at, &value)) {
		const struct affiliate *a = value;

		if (a->hats.p != NULL && wears(a->hats, c->uri))
			wearers[n++] = arena_dup(c->arena, a->jid);
	}
	map_remove(&c->room->hats, c->uri);
	free(hat);
	store_set_remove(c->request, c->room->jid.text, HATS_SET, c->uri);
	for (size_t i = 0; i < n; i++) {
		const struct affiliate *a = affiliate_find(c->room, wearers[i]);

		affiliation_set_hats(c->room, c->request, wearers[i],
				     change_worn(c->arena, a->hats, c->uri, false));
		show_wearer(c->room, wearers[i]);
	}
	owner_announce(c->room, STATUS_CONFIG_CHANGED);
	return STANZA_NO_ERROR;
}

static enum stanza_condition
change_hats(struct command *c, bool put_on)
{
	const struct affiliate *a;
	struct str bare, hats, one;
	const char *why;
	struct jid jid;
	unsigned n = 0;

	if (jid_parse(c->arena, form_value(&c->form, "hats#jid"), &jid, &why) < 0)
		return STANZA_JID_MALFORMED;
	bare = jid_bare_text(jid);
	a = affiliate_find(c->room, bare);
	hats = a ? a->hats : STR_NONE;
	if (put_on ? map_get(&c->room->hats, c->uri) == NULL : !wears(hats, c->uri))
		return STANZA_ITEM_NOT_FOUND;
	for (struct str rest = hats; str_split(&rest, ' ', &one);)
		n++;
	if (put_on && n >= WORN_MAX)
		return STANZA_RESOURCE_CONSTRAINT;
	if (!affiliation_set_hats(c->room, c->request, bare,
				  change_worn(c->arena, hats, c->uri, put_on)))
		return STANZA_RESOURCE_CONSTRAINT;
	show_wearer(c->room, bare);
	return STANZA_NO_ERROR;
}

static enum stanza_condition
run_assign(struct command *c, struct element *x)
{
	(void)x;
	return change_hats(c, true);
}

static enum stanza_condition
run_unassign(struct command *c, struct element *x)
{
	(void)x;
	return change_hats(c, false);
}

static void
add_reported(struct command *c, struct element *x, bool with_jid)
{
	static const char *const vars[] = {"hats#jid", "hats#title", "hats#uri", "hats#hue"};
	struct element *reported = element_add(c->arena, x, NULL, "reported");

	for (size_t i = with_jid ? 0 : 1; i < COUNT(vars); i++)
		element_setz(c->arena, element_add(c->arena, reported, NULL, "field"), "var",
			     vars[i]);
}

static void
add_row(struct command *c, struct element *x, struct str jid, const struct hat *hat)
{
	struct element *item = element_add(c->arena, x, NULL, "item");
	const struct {
		const char *var;
		struct str value;
	} cells[] = {{"hats#jid", jid},
		     {"hats#title", hat->title},
		     {"hats#uri", hat->uri},
		     {"hats#hue", hat->hue}};

	for (size_t i = jid.p ? 0 : 1; i < COUNT(cells); i++) {
		struct element *field = element_add(c->arena, item, NULL, "field");

		element_setz(c->arena, field, "var", cells[i].var);
		element_add_leaf(c->arena, field, "value", cells[i].value);
	}
}

static enum stanza_condition
run_list(struct command *c, struct element *x)
{
	struct hat **all = sorted(c->room, c->arena);

	add_reported(c, x, false);
	for (size_t i = 0; all[i] != NULL; i++)
		add_row(c, x, STR_NONE, all[i]);
	return STANZA_NO_ERROR;
}

static enum stanza_condition
run_list_assigned(struct command *c, struct element *x)
{
	uint32_t at = 0;
	void *value;

	add_reported(c, x, true);
	while (map_next(&c->room->affiliates, &at, &value)) {
		const struct affiliate *a = value;
		struct str rest = a->hats, uri;

		while (str_split(&rest, ' ', &uri)) {
			const struct hat *hat = map_get(&c->room->hats, uri);

			if (hat != NULL)
				add_row(c, x, a->jid, hat);
		}
	}
	return STANZA_NO_ERROR;
}

static const struct kind kinds[] = {
	{"create", "Create or change a hat", false, ask_create, run_create},
	{"destroy", "Destroy a hat", false, add_uri_choice, run_destroy},
	{"list", "List the hats", true, NULL, run_list},
	{"assign", "Give somebody a hat", false, ask_assign, run_assign},
	{"unassign", "Take a hat from somebody", false, ask_assign, run_unassign},
	{"list-assigned", "List who wears which hat", true, NULL, run_list_assigned},
};

static bool
may_use(const struct room *room, struct jid who)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return room->state == ROOM_OPEN &&
	       may(ACTION_CONFIGURE, ROLE_NONE, affiliation_of(room, jid_bare_text(who)), &rules);
}

static struct element *
answer_new(struct command *c, const struct kind *kind, const char *status)
{
	const struct element *asked = element_child(c->iq->el, NULL, NULL);
	struct element *answer = element_new(c->arena, NS_COMMANDS, "command");
	struct str session = element_attr(asked, "sessionid");

	element_set(c->arena, answer, "node", arena_printf(c->arena, NODE "%s", kind->name));
	element_set(c->arena, answer, "sessionid",
		    session.len > 0 && session.len < 64 ? session : rand_token(c->arena, 128));
	element_setz(c->arena, answer, "status", status);
	return answer;
}

struct changing {
	struct stanza *result;
	enum stanza_condition refusal; /* then nothing is stored */
};

static void
on_stored(struct room_task *task, struct store_request *request)
{
	struct changing *changing = task->arg;

	if (changing->refusal == STANZA_NO_ERROR && request->status != STORE_OK)
		changing->refusal = STANZA_RESOURCE_CONSTRAINT;
	if (changing->refusal == STANZA_NO_ERROR)
		post_send(task->hold, stanza_ref(changing->result));
	else
		post_refuse(task->hold, task->cause, changing->refusal, NULL);
	stanza_unref(changing->result);
	free(changing);
}

/* A change answers when it is stored, and what it shows comes after that. */
static void
change(struct command *c, const struct kind *kind)
{
	struct changing *changing = xnew(struct changing);

	changing->result = stanza_result(c->iq);
	element_append(changing->result->el,
		       element_copy(changing->result->arena, answer_new(c, kind, "completed")));
	c->request = room_request(c->room, c->iq, on_stored, changing);
	changing->refusal = kind->run(c, NULL);
	store_submit(c->request);
}

static void
list(struct command *c, const struct kind *kind)
{
	struct element *answer = answer_new(c, kind, "completed");
	struct element *x = form_new(c->arena, FORM_RESULT, FORM_TYPE);

	form_set_title(c->arena, x, str(kind->title));
	kind->run(c, x);
	element_append(answer, x);
	room_reply(c->room, c->iq, answer);
}

static void
ask(struct command *c, const struct kind *kind)
{
	struct element *answer = answer_new(c, kind, "executing");
	struct element *x = form_new(c->arena, FORM_ASK, FORM_TYPE), *actions;

	form_set_title(c->arena, x, str(kind->title));
	kind->ask(c, x);
	actions = element_add(c->arena, answer, NULL, "actions");
	element_setz(c->arena, actions, "execute", "complete");
	element_add(c->arena, actions, NULL, "complete");
	element_append(answer, x);
	room_reply(c->room, c->iq, answer);
}

static void
execute(struct command *c, const struct kind *kind, const struct element *asked)
{
	const char *why;

	if (str_is(element_attr(asked, "action"), "cancel")) {
		room_reply(c->room, c->iq, answer_new(c, kind, "canceled"));
	} else if (kind->is_list) {
		list(c, kind);
	} else if (element_child(asked, NS_FORMS, "x") == NULL) {
		ask(c, kind);
	} else if (form_find(c->arena, asked, FORM_SUBMIT, FORM_TYPE, &c->form, &why) < 0) {
		room_refuse(c->room, c->iq, STANZA_BAD_REQUEST, why);
	} else {
		c->uri = form_value(&c->form, "hats#uri");
		if (c->uri.p == NULL) /* an example of §4.3 */
			c->uri = form_value(&c->form, "hat");
		change(c, kind);
	}
}

bool
hats_take(struct room *room, struct stanza *iq)
{
	const struct element *asked = element_child(iq->el, NULL, NULL);
	struct str node = element_attr(asked, "node");
	struct command c = {.room = room, .iq = iq};
	size_t i = 0;

	while (i < COUNT(kinds) && !(str_starts(node, STR(NODE)) &&
				     str_is(str_from(node, sizeof(NODE) - 1), kinds[i].name)))
		i++;
	if (i == COUNT(kinds))
		return false;
	if (!may_use(room, iq->from)) {
		room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		return true;
	}
	c.arena = arena_new();
	execute(&c, &kinds[i], asked);
	arena_free(c.arena);
	return true;
}

void
hats_add_commands(struct arena *arena, const struct room *room, struct element *query)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		disco_add_item(arena, query, room->jid.text,
			       arena_printf(arena, NODE "%s", kinds[i].name), str(kinds[i].title));
}
