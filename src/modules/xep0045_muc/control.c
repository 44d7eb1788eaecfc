/* SPDX-License-Identifier: MIT */
/*
 * control.c - rooms as the operator sees them: listed, shown, made, destroyed, spoken in.
 *
 * A command goes to the room's worker, which loads it when it is not in memory, and its answer
 * comes back to the control socket's loop.
 */
#include "modules/xep0045_muc/control.h"

#include "base/utf8.h"
#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/message.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "server/admin_private.h"

#define TEXT_MAX 4096u

struct visit { /* to a room's worker and back; in the call's arena */
	struct task back;
	struct control_call *call;
	struct loop *loop; /* the way back */
	struct jid room, who;
	struct str text, name;
	enum affiliation affiliation;
	void (*run)(struct visit *visit, struct room *room);
	json_t *result;        /* or */
	const char *condition; /* what went wrong */
	const char *why;
};

static void
answer(struct task *task)
{
	struct visit *visit = CONTAINER(task, struct visit, back);

	if (visit->condition != NULL)
		control_fail(visit->call, visit->condition, "%.*s: %s", STR_ARG(visit->room.text),
			     visit->why);
	else
		control_reply(visit->call, visit->result);
}

static void
go_back(struct visit *visit)
{
	visit->back.run = answer;
	loop_post(visit->loop, &visit->back);
}

static void
fail(struct visit *visit, const char *condition, const char *why)
{
	visit->condition = condition;
	visit->why = why;
	go_back(visit);
}

static void
reply(struct visit *visit, json_t *result)
{
	visit->result = result;
	go_back(visit);
}

static void
loaded(struct room *room, void *arg)
{
	struct visit *visit = arg;

	visit->run(visit, room);
}

static void
arrive(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	room_when_loaded(room_get(worker, visit->room), loaded, visit);
}

/* The argument NAME as an address. Returns 0, or -1: CALL has failed. */
static int
read_jid(struct control_call *call, const char *name, struct jid *out)
{
	struct str text = control_text(call, name);
	const char *why;

	if (jid_parse(call->arena, text, out, &why) == 0)
		return 0;
	control_fail(call, "jid-malformed", "\"%.*s\" is no address: %s", STR_ARG(text), why);
	return -1;
}

/* NULL: CALL has failed. */
static struct visit *
visit_new(struct control_call *call, void (*run)(struct visit *visit, struct room *room))
{
	struct admin *admin = call->owner;
	struct visit *visit = arena_new_of(call->arena, struct visit);
	const struct config_service *service;

	if (read_jid(call, "room", &visit->room) < 0)
		return NULL;
	service = config_service(admin->config, visit->room.domain);
	if (service == NULL || modules[service->module] != &xep0045_muc ||
	    visit->room.local.len == 0 || visit->room.resource.len > 0) {
		control_fail(call, "item-not-found", "%.*s is not an address of a room here",
			     STR_ARG(visit->room.text));
		return NULL;
	}
	visit->call = call;
	visit->loop = admin->loop;
	visit->run = run;
	return visit;
}

static void
start(struct visit *visit)
{
	struct admin *admin = visit->call->owner;

	worker_call(worker_home(admin->server->workers[0], visit->room.text), arrive, visit);
}

/* Whether there is a room; else the visit is over. */
static bool
is_there(struct visit *visit, const struct room *room)
{
	if (room_exists(room))
		return true;
	fail(visit, "item-not-found", "there is no such room");
	return false;
}

/* ---- show ---- */

static void
run_show(struct visit *visit, struct room *room)
{
	const struct room_config *c = &room->config;
	json_t *occupants = json_array();
	uint32_t at = 0;
	void *value;

	if (!is_there(visit, room)) {
		json_decref(occupants);
		return;
	}
	while (map_next(&room->seats, &at, &value)) {
		const struct seat *seat = value;

		json_array_append_new(
			occupants,
			json_pack("{s:o, s:o, s:s, s:s}", "nick",
				  control_json(seat->occupant->nick), "jid",
				  control_json(seat->jid.text), "role",
				  role_name(seat->occupant->role), "affiliation",
				  affiliation_name(affiliation_of(room, seat->occupant->bare))));
	}
	reply(visit,
	      json_pack("{s:o, s:o, s:o, s:I, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o}", "room",
			control_json(room->jid.text), "name", control_json(c->name), "description",
			control_json(c->description), "created",
			(json_int_t)(room->created_us / 1000000), "locked",
			(int)(room->state == ROOM_LOCKED), "public", (int)c->is_public,
			"persistent", (int)c->is_persistent, "members_only",
			(int)c->is_members_only, "moderated", (int)c->is_moderated, "password",
			(int)c->is_password_protected, "anonymous", (int)c->is_anonymous,
			"archived", (int)c->is_archived, "occupants", occupants));
}

static void
show(struct control_call *call)
{
	struct visit *visit = visit_new(call, run_show);

	if (visit != NULL)
		start(visit);
}

/* ---- create ---- */

static void
on_stored(struct room_task *task, struct store_request *request)
{
	struct visit *visit = task->arg;

	if (request->status != STORE_OK)
		fail(visit, "resource-constraint", "the disk is full");
	else
		reply(visit, json_pack("{s:o}", "room", control_json(visit->room.text)));
}

static void
run_create(struct visit *visit, struct room *room)
{
	struct store_request *request;

	if (room->state != ROOM_ABSENT) {
		fail(visit, "conflict", "there is such a room already");
		return;
	}
	room_create(room, visit->who.text);
	room->config.is_persistent = true;
	if (visit->name.len > 0)
		room->config.name = str_of(str_dupz(visit->name), visit->name.len);
	request = room_request_aside(room, NULL, on_stored, visit);
	room_open(room, request);
	store_submit(request);
}

static void
create(struct control_call *call)
{
	struct visit *visit = visit_new(call, run_create);

	if (visit == NULL || read_jid(call, "owner", &visit->who) < 0)
		return;
	visit->who = jid_bare(visit->who);
	visit->name = control_text(call, "name");
	if (visit->name.len > TEXT_MAX || str_find(visit->name, '\n') >= 0)
		control_fail(call, "bad-request", "\"name\" is one line, not too long");
	else
		start(visit);
}

/* ---- destroy ---- */

static void
run_destroy(struct visit *visit, struct room *room)
{
	struct element *destroy;

	if (!is_there(visit, room))
		return;
	destroy = element_new(visit->call->arena, NS_MUC_USER, "destroy");
	if (visit->text.len > 0)
		element_add_leaf(visit->call->arena, destroy, "reason", visit->text);
	room_destroy(room, destroy);
	reply(visit, json_pack("{s:o}", "room", control_json(visit->room.text)));
}

static void
destroy(struct control_call *call)
{
	struct visit *visit = visit_new(call, run_destroy);

	if (visit == NULL)
		return;
	visit->text = control_text(call, "reason");
	if (!utf8_is_xml(visit->text))
		control_fail(call, "bad-request", "the reason has a character that XML forbids");
	else
		start(visit);
}

/* ---- affiliations ---- */

static void
run_affiliations(struct visit *visit, struct room *room)
{
	json_t *list;
	uint32_t at = 0;
	void *value;

	if (!is_there(visit, room))
		return;
	list = json_array();
	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *a = value;

		json_array_append_new(
			list, json_pack("{s:o, s:s, s:o, s:o}", "jid", control_json(a->jid),
					"affiliation", affiliation_name(a->affiliation), "nick",
					control_json(a->nick), "reason", control_json(a->reason)));
	}
	reply(visit, json_pack("{s:o}", "affiliations", list));
}

static void
affiliations(struct control_call *call)
{
	struct visit *visit = visit_new(call, run_affiliations);

	if (visit != NULL)
		start(visit);
}

/* The operator may leave a room without an owner; he can give it another one. */
static void
run_affiliate(struct visit *visit, struct room *room)
{
	enum affiliation before;
	struct store_request *request;

	if (!is_there(visit, room))
		return;
	before = affiliation_of(room, visit->who.text);
	request = room_request(room, NULL, on_stored, visit);
	affiliation_set(room, room->state == ROOM_OPEN ? request : NULL, visit->who.text,
			visit->affiliation,
			visit->affiliation <= AFFILIATION_NONE ? STR("") : STR_NONE, STR_NONE);
	if (affiliation_of(room, visit->who.text) != before)
		admin_apply_affiliation(room, visit->who.text, before, STR_NONE, STR_NONE, request);
	store_submit(request);
	room_check_empty(room);
}

static void
affiliate(struct control_call *call)
{
	struct visit *visit = visit_new(call, run_affiliate);

	if (visit == NULL || read_jid(call, "jid", &visit->who) < 0)
		return;
	visit->who = jid_bare(visit->who);
	if (affiliation_parse(control_text(call, "affiliation"), &visit->affiliation) < 0)
		control_fail(call, "bad-request",
			     "affiliations are owner, admin, member, none and outcast");
	else
		start(visit);
}

/* ---- announce ---- */

static void
speak(struct room *room, struct str text)
{
	struct stanza *message =
		stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->jid, (struct jid){0});

	element_add_leaf(message->arena, message->el, "body", text);
	stanza_freeze(message);
	message_publish(room, message, room->jid, STR(""), NULL);
}

static void
run_announce(struct visit *visit, struct room *room)
{
	if (!is_there(visit, room))
		return;
	speak(room, visit->text);
	reply(visit, json_pack("{s:i}", "rooms", 1));
}

struct tour { /* of all workers */
	struct task back;
	struct control_call *call;
	struct loop *loop;
	struct str text;
	_Atomic unsigned waiting, rooms;
};

static void
tour_over(struct task *task)
{
	struct tour *tour = CONTAINER(task, struct tour, back);

	control_reply(tour->call, json_pack("{s:i}", "rooms", (int)tour->rooms));
}

/* Where somebody is there to read it. */
static void
announce_here(struct worker *worker, void *arg)
{
	struct tour *tour = arg;
	uint32_t at = 0;
	void *value;

	while (map_next(&rooms_of(worker)->rooms, &at, &value)) {
		struct room *room = value;

		if (!room_exists(room) || room->seats.count == 0)
			continue;
		speak(room, tour->text);
		tour->rooms++;
	}
	if (--tour->waiting == 0) {
		tour->back.run = tour_over;
		loop_post(tour->loop, &tour->back);
	}
}

static void
announce_all(struct control_call *call, struct str text)
{
	struct admin *admin = call->owner;
	struct tour *tour = arena_new_of(call->arena, struct tour);

	tour->call = call;
	tour->loop = admin->loop;
	tour->text = text;
	tour->waiting = (unsigned)admin->server->worker_count;
	for (size_t i = 0; i < admin->server->worker_count; i++)
		worker_call(admin->server->workers[i], announce_here, tour);
}

static void
announce(struct control_call *call)
{
	struct str text = control_text(call, "text");
	struct visit *visit;

	if (text.len == 0 || text.len > TEXT_MAX || !utf8_is_xml(text)) {
		control_fail(call, "bad-request",
			     "the text is empty, too long, or has a "
			     "character that XML forbids");
	} else if (control_text(call, "room").len == 0) {
		announce_all(call, text);
	} else if ((visit = visit_new(call, run_announce)) != NULL) {
		visit->text = text;
		start(visit);
	}
}

/* ---- list ---- */

struct listing_call {
	struct task back;
	struct control_call *call;
	struct loop *loop;
	struct str domain;
	json_t *rooms;
};

static void
list_over(struct task *task)
{
	struct listing_call *l = CONTAINER(task, struct listing_call, back);

	control_reply(l->call, json_pack("{s:o}", "rooms", l->rooms));
}

static void
on_listed(void *arg, const struct listings *listings)
{
	struct listing_call *l = arg;

	l->rooms = json_array();
	for (size_t i = 0; listings != NULL && i < listings->count; i++) {
		const struct listing *room = &listings->items[i];

		json_array_append_new(l->rooms,
				      json_pack("{s:o, s:o, s:I, s:b, s:b}", "room",
						control_json(jid_make(l->call->arena, room->local,
								      l->domain, STR(""))
								     .text),
						"name", control_json(room->name), "occupants",
						(json_int_t)room->occupants, "public",
						(int)room->is_public, "members_only",
						(int)room->is_members_only));
	}
	l->back.run = list_over;
	loop_post(l->loop, &l->back);
}

static void
list_there(struct worker *worker, void *arg)
{
	struct listing_call *l = arg;

	directory_ask(worker, l->domain, on_listed, l);
}

/* The service of that name, or of the host of that name, or of the first host. */
static const struct config_service *
service_of(const struct config *config, struct str of)
{
	const struct config_service *service = config_service(config, of);
	const struct config_host *host = of.len > 0 ? config_host(config, of) : &config->hosts[0];

	if (service == NULL && host != NULL)
		service = config_host_service(config, host, module_index(&xep0045_muc));
	return service != NULL && modules[service->module] == &xep0045_muc ? service : NULL;
}

static void
list(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct str of = control_text(call, "of");
	const struct config_service *service = service_of(admin->config, of);
	struct listing_call *l = arena_new_of(call->arena, struct listing_call);

	if (service == NULL) {
		control_fail(call, "item-not-found", "%.*s has no rooms here", STR_ARG(of));
		return;
	}
	l->call = call;
	l->loop = admin->loop;
	l->domain = arena_dup(call->arena, service->name);
	worker_call(worker_home(admin->server->workers[0], l->domain), list_there, l);
}

#define ARGS(...) ((const struct control_arg[]){__VA_ARGS__, {0}})
#define ROOM                                                                                       \
	{                                                                                          \
		"room", CONTROL_TEXT, true, "its address"                                          \
	}

const struct control_command room_controls[] = {
	{"room-list", "lists the rooms of a host",
	 ARGS({"of", CONTROL_TEXT, false, "the host or service; the first host"}), list},
	{"room-show", "shows a room and who is in it", ARGS(ROOM), show},
	{"room-create", "makes a room that stays",
	 ARGS(ROOM, {"owner", CONTROL_TEXT, true, "whose it is"},
	      {"name", CONTROL_TEXT, false, "what people see"}),
	 create},
	{"room-destroy", "destroys a room, with all that was said in it",
	 ARGS(ROOM, {"reason", CONTROL_TEXT, false, "what the occupants are told"}), destroy},
	{"room-affiliations", "lists a room's owners, admins, members and banned", ARGS(ROOM),
	 affiliations},
	{"room-affiliate", "changes somebody's affiliation to a room",
	 ARGS(ROOM, {"jid", CONTROL_TEXT, true, "who"},
	      {"affiliation", CONTROL_TEXT, true, "owner, admin, member, none or outcast"}),
	 affiliate},
	{"room-announce", "says something in a room's name",
	 ARGS({"room", CONTROL_TEXT, false, "which; all that somebody is in"},
	      {"text", CONTROL_TEXT, true, "what"}),
	 announce},
	{0},
};
