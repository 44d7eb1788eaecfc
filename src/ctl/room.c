/* SPDX-License-Identifier: MIT */
/* room.c - recadoctl room: list, show, create, destroy, affiliations, affiliate, announce. */
#include "ctl/client.h"
#include "ctl/output.h"

static const char *
show_yes(struct arena *arena UNUSED, const json_t *value)
{
	return json_is_true(value) ? "yes" : "no";
}

static const struct output_column room_columns[] = {
	{"ROOM", "room", false, NULL},         {"OCCUPANTS", "occupants", true, NULL},
	{"PUBLIC", "public", false, show_yes}, {"MEMBERS ONLY", "members_only", false, show_yes},
	{"NAME", "name", false, NULL},
};
static const struct output_column occupant_columns[] = {
	{"NICK", "nick", false, NULL},
	{"ADDRESS", "jid", false, NULL},
	{"ROLE", "role", false, NULL},
	{"AFFILIATION", "affiliation", false, NULL},
};
static const struct output_column affiliation_columns[] = {
	{"ADDRESS", "jid", false, NULL},
	{"AFFILIATION", "affiliation", false, NULL},
	{"NICK", "nick", false, NULL},
	{"REASON", "reason", false, NULL},
};

/* Prints the list NAME of RESULT, which it frees. */
static int
print_list(struct ctl *ctl, json_t *result, const char *name, const struct output_column *columns,
	   size_t count, int code)
{
	json_t *list = json_object_get(result, name), *row;
	size_t i;

	if (result == NULL)
		return code;
	if (ctl->json)
		json_array_foreach(list, i, row) output_json(json_incref(row));
	else
		output_table(columns, count, list, true);
	json_decref(result);
	return code;
}

int
ctl_room_list(struct ctl *ctl)
{
	const char *of = ctl->operand_count > 0 ? ctl->operands[0] : "";
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "room-list", json_pack("{s:s}", "of", of), &code);

	return print_list(ctl, result, "rooms", room_columns, COUNT(room_columns), code);
}

int
ctl_room_show(struct ctl *ctl)
{
	static const char *const flags[] = {"locked",    "public",   "persistent", "members_only",
					    "moderated", "password", "anonymous",  "archived"};
	int code = CTL_OK;
	json_t *result =
		client_ask(ctl, "room-show", json_pack("{s:s}", "room", ctl->operands[0]), &code);

	if (result == NULL)
		return code;
	if (ctl->json) {
		output_json(result);
		return code;
	}
	printf("name: %s\ndescription: %s\n",
	       output_safe(ctl->arena, json_string_value(json_object_get(result, "name"))),
	       output_safe(ctl->arena, json_string_value(json_object_get(result, "description"))));
	for (size_t i = 0; i < COUNT(flags); i++)
		printf("%s: %s\n", flags[i],
		       json_is_true(json_object_get(result, flags[i])) ? "yes" : "no");
	return print_list(ctl, result, "occupants", occupant_columns, COUNT(occupant_columns),
			  code);
}

/* ARGS with the flag NAME, if it was given. */
static json_t *
with_flag(struct ctl *ctl, json_t *args, const char *name)
{
	if (args != NULL && ctl_flag(ctl, name) != NULL)
		json_object_set_new(args, name, json_string(ctl_flag(ctl, name)));
	return args;
}

static int
done(struct ctl *ctl, const char *command, json_t *args, const char *what)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, command, args, &code);

	if (result != NULL && ctl->json)
		output_json(json_incref(result));
	else if (result != NULL)
		printf("%s\n", what);
	json_decref(result);
	return code;
}

int
ctl_room_create(struct ctl *ctl)
{
	return done(ctl, "room-create",
		    with_flag(ctl,
			      json_pack("{s:s, s:s}", "room", ctl->operands[0], "owner",
					ctl->operands[1]),
			      "name"),
		    "created");
}

int
ctl_room_destroy(struct ctl *ctl)
{
	return done(ctl, "room-destroy",
		    with_flag(ctl, json_pack("{s:s}", "room", ctl->operands[0]), "reason"),
		    "destroyed");
}

int
ctl_room_affiliations(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "room-affiliations",
				    json_pack("{s:s}", "room", ctl->operands[0]), &code);

	return print_list(ctl, result, "affiliations", affiliation_columns,
			  COUNT(affiliation_columns), code);
}

int
ctl_room_affiliate(struct ctl *ctl)
{
	return done(ctl, "room-affiliate",
		    json_pack("{s:s, s:s, s:s}", "room", ctl->operands[0], "jid", ctl->operands[1],
			      "affiliation", ctl->operands[2]),
		    "changed");
}

int
ctl_room_announce(struct ctl *ctl)
{
	return done(ctl, "room-announce",
		    with_flag(ctl, json_pack("{s:s}", "text", ctl->operands[0]), "room"), "said");
}
