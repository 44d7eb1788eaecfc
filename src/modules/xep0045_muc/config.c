/* SPDX-License-Identifier: MIT */
/* config.c - the table of a room's fields, and what is made from it (see config.h). */
#include "modules/xep0045_muc/config.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES 4096u /* of one text field */
#define HISTORY_MAX 100u

enum kind { TEXT, BOOL, CHOICE, ROLES, NUMBER };

struct choice {
	const char *name, *label;
	uint64_t value;
};

struct field {
	const char *var, *label;
	enum field_type type;
	enum kind kind;
	size_t offset;
	const struct choice *choices; /* ends with a name that is NULL */
};

static const struct choice whois[] = {
	{"moderators", "Moderators only", true}, {"anyone", "Anyone", false}, {0}};
static const struct choice senders[] = {{"anyone", "Anyone", ROLE_VISITOR},
					{"participants", "Anyone with voice", ROLE_PARTICIPANT},
					{"moderators", "Moderators only", ROLE_MODERATOR},
					{"none", "Nobody", ROLE_COUNT},
					{0}};
static const struct choice registrations[] = {
	{"open", "At once", REGISTER_OPEN},
	{"approval", "When a moderator approves", REGISTER_APPROVED},
	{"closed", "Not at all", REGISTER_CLOSED},
	{0}};
static const struct choice roles[] = {{"moderator", "Moderator", ROLE_MODERATOR},
				      {"participant", "Participant", ROLE_PARTICIPANT},
				      {"visitor", "Visitor", ROLE_VISITOR},
				      {0}};
/* §15.5.3; "none" is as many as the service allows. */
static const struct choice sizes[] = {{"10", "10", 10},
				      {"20", "20", 20},
				      {"50", "50", 50},
				      {"100", "100", 100},
				      {"200", "200", 200},
				      {"500", "500", 500},
				      {"1000", "1000", 1000},
				      {"5000", "5000", 5000},
				      {"none", "As many as the service allows", 0},
				      {0}};

#define AT(member) offsetof(struct room_config, member)

static const struct field fields[] = {
	{"muc#roomconfig_roomname", "Name", FIELD_TEXT, TEXT, AT(name), NULL},
	{"muc#roomconfig_roomdesc", "Description", FIELD_TEXT, TEXT, AT(description), NULL},
	{"muc#roomconfig_lang", "Language of discussions", FIELD_TEXT, TEXT, AT(lang), NULL},
	{"muc#roomconfig_publicroom", "List the room in public", FIELD_BOOL, BOOL, AT(is_public),
	 NULL},
	{"muc#roomconfig_persistentroom", "Keep the room when nobody is in it", FIELD_BOOL, BOOL,
	 AT(is_persistent), NULL},
	{"muc#roomconfig_membersonly", "Only members may enter", FIELD_BOOL, BOOL,
	 AT(is_members_only), NULL},
	{"muc#roomconfig_moderatedroom", "Only who has voice may speak", FIELD_BOOL, BOOL,
	 AT(is_moderated), NULL},
	{"muc#roomconfig_passwordprotectedroom", "A password is needed to enter", FIELD_BOOL, BOOL,
	 AT(is_password_protected), NULL},
	{"muc#roomconfig_roomsecret", "Password", FIELD_TEXT_PRIVATE, TEXT, AT(password), NULL},
	{"muc#roomconfig_whois", "Who sees the occupants' addresses", FIELD_LIST, CHOICE,
	 AT(is_anonymous), whois},
	{"muc#roomconfig_changesubject", "Occupants may change the subject", FIELD_BOOL, BOOL,
	 AT(occupants_may_change_subject), NULL},
	{"muc#roomconfig_allowinvites", "Members may invite others", FIELD_BOOL, BOOL,
	 AT(members_may_invite), NULL},
	{"muc#roomconfig_allowpm", "Who may send private messages", FIELD_LIST, CHOICE,
	 AT(private_messages), senders},
	{"x-voice-requests", "Visitors may ask for voice", FIELD_BOOL, BOOL,
	 AT(takes_voice_requests), NULL},
	{"x-registration", "How one becomes a member", FIELD_LIST, CHOICE, AT(registration),
	 registrations},
	{"x-lock-nicks", "Members may use their registered nickname only", FIELD_BOOL, BOOL,
	 AT(locks_nicks), NULL},
	{"muc#roomconfig_maxusers", "How many may be in the room", FIELD_LIST, NUMBER,
	 AT(max_occupants), sizes},
	{"muc#roomconfig_presencebroadcast", "Roles whose presence is shown", FIELD_LIST_MULTI,
	 ROLES, AT(shown_roles), roles},
	{"muc#roomconfig_getmemberlist", "Roles that may get the member list", FIELD_LIST_MULTI,
	 ROLES, AT(member_list_roles), roles},
	{"muc#roomconfig_enablearchiving", "Keep messages in the room's archive", FIELD_BOOL, BOOL,
	 AT(is_archived), NULL},
	{"muc#roomconfig_enablelogging", "Warn that discussions are logged in public", FIELD_BOOL,
	 BOOL, AT(is_logged), NULL},
	{"muc#maxhistoryfetch", "Messages that newcomers get at most", FIELD_TEXT, NUMBER,
	 AT(history), NULL},
	{"muc#roomconfig_pubsub", "Address of an associated pubsub node", FIELD_TEXT, TEXT,
	 AT(pubsub), NULL},
};

static struct str *
text_of(const struct room_config *config, const struct field *field)
{
	return (struct str *)((char *)config + field->offset);
}

static bool
is_flag(const struct field *field)
{
	return field->kind == BOOL || field->choices == whois;
}

static uint64_t
number_of(const struct room_config *config, const struct field *field)
{
	const char *at = (const char *)config + field->offset;

	return is_flag(field) ? *(const bool *)at : *(const uint64_t *)at;
}

static void
set_number(struct room_config *config, const struct field *field, uint64_t value)
{
	char *at = (char *)config + field->offset;

	if (is_flag(field))
		*(bool *)at = value != 0;
	else
		*(uint64_t *)at = value;
}

static void
set_text(struct room_config *config, const struct field *field, struct str value)
{
	struct str *text = text_of(config, field);

	free((char *)text->p);
	*text = value.len > 0 ? str_of(str_dupz(value), value.len) : STR("");
	if (value.len == 0)
		text->p = NULL;
}

static uint64_t
all_roles(void)
{
	return 1u << ROLE_MODERATOR | 1u << ROLE_PARTICIPANT | 1u << ROLE_VISITOR;
}

void
room_config_default(struct room_config *config, const struct option_values *options)
{
	*config = (struct room_config){
		.is_persistent = option_bool(options, "default_persistent"),
		.is_public = option_bool(options, "default_public"),
		.is_members_only = option_bool(options, "default_members_only"),
		.is_anonymous = !option_bool(options, "default_non_anonymous"),
		.is_archived = true,
		.members_may_invite = true,
		.takes_voice_requests = true,
		.registration = REGISTER_APPROVED,
		.private_messages = ROLE_VISITOR,
		.history = option_number(options, "default_history"),
		.shown_roles = all_roles(),
		.member_list_roles = all_roles(),
	};
}

void
room_config_free(struct room_config *config)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].kind == TEXT)
			set_text(config, &fields[i], STR(""));
}

struct permission_rules
room_config_rules(const struct room_config *config)
{
	return (struct permission_rules){
		.is_members_only = config->is_members_only,
		.is_moderated = config->is_moderated,
		.is_anonymous = config->is_anonymous,
		.members_may_invite = config->members_may_invite,
		.occupants_may_change_subject = config->occupants_may_change_subject,
		.private_messages = (enum role)config->private_messages,
		.shown_roles = (unsigned)config->shown_roles,
		.member_list_roles = (unsigned)config->member_list_roles,
	};
}

static struct str
number_text(struct arena *arena, uint64_t number)
{
	return arena_printf(arena, "%llu", (unsigned long long)number);
}

/* The choices, with the value that is not among them too. */
static void
add_choices(struct arena *arena, struct element *el, const struct field *field, uint64_t value)
{
	bool is_known = false;

	for (const struct choice *c = field->choices; c->name != NULL; c++)
		is_known |= c->value == value;
	if (field->kind == NUMBER && !is_known)
		field_add_option(arena, el, number_text(arena, value).p, number_text(arena, value));
	for (const struct choice *c = field->choices; c->name != NULL; c++)
		field_add_option(arena, el, c->label, str(c->name));
}

static struct str
choice_name(struct arena *arena, const struct field *field, uint64_t value)
{
	for (const struct choice *c = field->choices; c->name != NULL; c++)
		if (c->value == value)
			return str(c->name);
	return number_text(arena, value);
}

static void
add_field(struct arena *arena, struct element *x, const struct room_config *config,
	  const struct field *field)
{
	struct element *el;
	uint64_t value;

	if (field->kind == BOOL) {
		form_add_bool(arena, x, field->var, field->label, number_of(config, field) != 0);
		return;
	}
	el = form_add_field(arena, x, field->type, field->var, field->label);
	if (field->kind == TEXT) {
		field_add_value(arena, el, *text_of(config, field));
		return;
	}
	value = number_of(config, field);
	if (field->kind == ROLES) {
		for (const struct choice *c = field->choices; c->name != NULL; c++)
			if (value & 1u << c->value)
				field_add_value(arena, el, str(c->name));
	} else if (field->choices != NULL) {
		field_add_value(arena, el, choice_name(arena, field, value));
	} else {
		field_add_value(arena, el, number_text(arena, value));
	}
	if (field->choices != NULL)
		add_choices(arena, el, field, value);
}

void
room_config_add_fields(struct arena *arena, struct element *x, const struct room_config *config,
		       uint64_t service_max)
{
	struct room_config shown = *config;

	if (service_max > 0 && shown.max_occupants > service_max)
		shown.max_occupants = service_max;
	for (size_t i = 0; i < COUNT(fields); i++)
		add_field(arena, x, &shown, &fields[i]);
}

static int
read_choice(const struct field *field, struct str value, uint64_t *out)
{
	for (const struct choice *c = field->choices; c != NULL && c->name != NULL; c++)
		if (str_is(value, c->name)) {
			*out = c->value;
			return 0;
		}
	return field->kind == NUMBER ? str_to_u64(value, UINT32_MAX, out) : -1;
}

static int
read_roles(const struct field *field, const struct form_field *from, uint64_t *out)
{
	uint64_t role;

	*out = 0;
	for (size_t i = 0; i < from->value_count; i++) {
		if (from->values[i].len == 0)
			continue;
		if (read_choice(field, from->values[i], &role) < 0)
			return -1;
		*out |= 1u << role;
	}
	return 0;
}

/* One line of text: a field of type text-single has no line ends. */
static bool
is_line(struct str text)
{
	return text.len <= TEXT_BYTES && str_find(text, '\n') < 0 && str_find(text, '\r') < 0;
}

/* One field of the form. Returns 0 or -1. */
static int
read_field(struct room_config *config, const struct field *field, const struct form *form)
{
	const struct form_field *from = form_field(form, field->var);
	struct str value = form_value(form, field->var);
	bool flag = false;
	uint64_t number = 0;

	if (from == NULL)
		return 0;
	switch (field->kind) {
	case TEXT:
		if (!is_line(value))
			return -1;
		set_text(config, field, value);
		return 0;
	case BOOL:
		if (form_bool(form, field->var, &flag) < 0)
			return -1;
		number = flag;
		break;
	case ROLES:
		if (read_roles(field, from, &number) < 0)
			return -1;
		break;
	default:
		if (read_choice(field, str_trim(value), &number) < 0)
			return -1;
	}
	set_number(config, field, number);
	return 0;
}

static void
copy(struct room_config *to, const struct room_config *from)
{
	*to = *from;
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].kind == TEXT) {
			struct str *text = text_of(to, &fields[i]), value = *text;

			text->p = NULL;
			set_text(to, &fields[i], value);
		}
}

static int
check(const struct room_config *config, uint64_t service_max, const char **why)
{
	if (config->is_password_protected && config->password.len == 0) {
		*why = "the password is empty"; /* §10.1.3 */
		return -1;
	}
	if (service_max > 0 && config->max_occupants > service_max) {
		*why = "more occupants than this service allows in a room";
		return -1;
	}
	return 0;
}

int
room_config_read(const struct room_config *config, const struct form *form, uint64_t service_max,
		 struct room_config *out, const char **why)
{
	copy(out, config);
	for (size_t i = 0; i < COUNT(fields); i++)
		if (read_field(out, &fields[i], form) < 0) {
			*why = fields[i].label;
			room_config_free(out);
			return -1;
		}
	out->history = MIN(out->history, HISTORY_MAX);
	/* A password alone means that one is needed; clients leave the other field out. */
	if (form_field(form, "muc#roomconfig_passwordprotectedroom") == NULL &&
	    form_field(form, "muc#roomconfig_roomsecret") != NULL)
		out->is_password_protected = out->password.len > 0;
	if (check(out, service_max, why) < 0) {
		room_config_free(out);
		return -1;
	}
	return 0;
}

struct str
room_config_text(struct arena *arena, const struct room_config *config)
{
	struct buf text = {0};
	struct str out;

	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct field *field = &fields[i];

		buf_addz(&text, field->var);
		buf_add_char(&text, '=');
		if (field->kind == TEXT)
			buf_add(&text, *text_of(config, field));
		else
			buf_printf(&text, "%llu", (unsigned long long)number_of(config, field));
		buf_add_char(&text, '\n');
	}
	out = arena_dup(arena, buf_str(&text));
	buf_free(&text);
	return out;
}

static void
parse_line(struct room_config *config, struct str var, struct str value)
{
	uint64_t number;

	for (size_t i = 0; i < COUNT(fields); i++) {
		if (!str_is(var, fields[i].var))
			continue;
		if (fields[i].kind == TEXT)
			set_text(config, &fields[i], value);
		else if (str_to_u64(value, UINT64_MAX, &number) == 0)
			set_number(config, &fields[i], number);
	}
}

void
room_config_parse(struct str text, struct room_config *config)
{
	struct str line;

	while (str_split(&text, '\n', &line)) {
		ptrdiff_t at = str_find(line, '=');

		if (at > 0)
			parse_line(config, str_first(line, (size_t)at),
				   str_from(line, (size_t)at + 1));
	}
}
