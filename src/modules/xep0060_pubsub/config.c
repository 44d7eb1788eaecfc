/* SPDX-License-Identifier: MIT */
/* config.c - one table of fields, from which forms are written, read and compared. */
#include "modules/xep0060_pubsub/config.h"

#include <stddef.h>

enum kind { BOOL, CHOICE, NUMBER, TEXT, TEXTS, JIDS };

struct choice {
	const char *value, *label;
};

struct field {
	const char *var, *label;
	enum kind kind;
	size_t offset;
	const struct choice *choices; /* of CHOICE; ends with a zeroed row */
	uint32_t min;                 /* of NUMBER */
	bool is_meta;                 /* describes the node to others (§5.4) */
};

static const struct choice access_models[] = {
	[MODEL_OPEN] = {"open", "Anyone may subscribe and retrieve items"},
	[MODEL_PRESENCE] = {"presence", "Those who may see the presence"},
	[MODEL_ROSTER] = {"roster", "Those in the groups of the roster that are named"},
	[MODEL_AUTHORIZE] = {"authorize", "Those whose subscription an owner approved"},
	[MODEL_WHITELIST] = {"whitelist", "Those on a list"},
	{0},
};
static const struct choice publish_models[] = {
	[PUBLISH_PUBLISHERS] = {"publishers", "Publishers"},
	[PUBLISH_SUBSCRIBERS] = {"subscribers", "Publishers and subscribers"},
	[PUBLISH_OPEN] = {"open", "Anyone"},
	{0},
};
static const struct choice send_last[] = {
	[LAST_NEVER] = {"never", "Never"},
	[LAST_ON_SUB] = {"on_sub", "When a new subscription is made"},
	[LAST_ON_SUB_AND_PRESENCE] = {"on_sub_and_presence",
				      "Also whenever a subscriber comes online"},
	{0},
};
static const struct choice node_full[] = {
	[FULL_RETRACT_OLDEST] = {"retract-oldest", "Retract the oldest item"},
	[FULL_DISCARD_OLDEST] = {"discard-oldest", "Discard the oldest item without a word"},
	[FULL_REJECT] = {"reject", "Reject the new item"},
	{0},
};
static const struct choice item_reply[] = {
	[REPLY_NONE] = {"none", "Nobody is named"},
	[REPLY_PUBLISHER] = {"publisher", "The publisher of the item"},
	[REPLY_OWNER] = {"owner", "The owner of the node"},
	{0},
};
static const struct choice notification_types[] = {
	[NOTIFY_HEADLINE] = {"headline", "Headlines, which are not stored"},
	[NOTIFY_NORMAL] = {"normal", "Messages"},
	{0},
};
static const struct choice node_types[] = {{"leaf", "Leaf"}, {0}};

#define AT(member) offsetof(struct node_config, member)

static const struct field fields[] = {
	{"pubsub#title", "A name for the node", TEXT, AT(title), .is_meta = true},
	{"pubsub#description", "What the node is about", TEXT, AT(description), .is_meta = true},
	{"pubsub#language", "Language", TEXT, AT(language), .is_meta = true},
	{"pubsub#type", "Type of the payload, as a rule its namespace", TEXT, AT(type),
	 .is_meta = true},
	{"pubsub#contact", "Whom to ask", JIDS, AT(contacts), .is_meta = true},
	{"pubsub#access_model", "Who may subscribe and retrieve items", CHOICE, AT(access_model),
	 access_models, .is_meta = true},
	{"pubsub#roster_groups_allowed", "Groups of the roster that may do so", TEXTS, AT(groups)},
	{"pubsub#publish_model", "Who may publish", CHOICE, AT(publish_model), publish_models,
	 .is_meta = true},
	{"pubsub#persist_items", "Keep items", BOOL, AT(persist_items)},
	{"pubsub#max_items", "How many items to keep, or \"max\"", NUMBER, AT(max_items), .min = 1,
	 .is_meta = true},
	{"pubsub#item_expire", "For how many seconds, or \"max\"", NUMBER, AT(item_expire),
	 .min = 1},
	{"pubsub#max_payload_size", "Bytes of the largest payload", NUMBER, AT(max_payload)},
	{"pubsub#publish_node_full", "What to do when as many are there", CHOICE, AT(node_full),
	 node_full},
	{"pubsub#deliver_notifications", "Notify subscribers", BOOL, AT(deliver_notifications)},
	{"pubsub#deliver_payloads", "With the payload", BOOL, AT(deliver_payloads)},
	{"pubsub#notification_type", "By what kind of message", CHOICE, AT(notification_type),
	 notification_types},
	{"pubsub#send_last_published_item", "When to send the last item", CHOICE, AT(send_last),
	 send_last},
	{"pubsub#itemreply", "Whom replies to an item are for", CHOICE, AT(item_reply), item_reply},
	{"pubsub#notify_config", "Notify of a change of this configuration", BOOL,
	 AT(notify_config)},
	{"pubsub#notify_delete", "Notify of the deletion of the node", BOOL, AT(notify_delete)},
	{"pubsub#notify_retract", "Notify of retracted items", BOOL, AT(notify_retract)},
	{"pubsub#notify_sub", "Tell owners of new and ended subscriptions", BOOL,
	 AT(notify_subscriptions)},
	{"pubsub#subscribe", "Allow subscriptions", BOOL, AT(allows_subscriptions)},
	{"pubsub#node_type", "Kind of node", CHOICE, AT(node_type), node_types},
};

static struct node_config *
config_new(void)
{
	struct arena *arena = arena_new();
	struct node_config *config = arena_new_of(arena, struct node_config);

	config->references = 1;
	config->arena = arena;
	return config;
}

struct node_config *
node_config_default(enum config_place place)
{
	struct node_config *config = config_new();

	config->access_model = place == PLACE_ACCOUNT ? MODEL_PRESENCE : MODEL_OPEN;
	config->send_last = place == PLACE_ACCOUNT ? LAST_ON_SUB_AND_PRESENCE : LAST_ON_SUB;
	config->item_reply = place == PLACE_ACCOUNT ? REPLY_NONE : REPLY_PUBLISHER;
	config->deliver_notifications = config->deliver_payloads = config->persist_items = true;
	config->allows_subscriptions = config->notify_delete = config->notify_retract = true;
	config->max_items = place == PLACE_ACCOUNT ? 1 : CONFIG_MAX;
	config->max_payload = config->item_expire = CONFIG_MAX;
	return config;
}

struct node_config *
node_config_ref(struct node_config *config)
{
	config->references++;
	return config;
}

void
node_config_unref(struct node_config *config)
{
	if (config != NULL && --config->references == 0)
		arena_free(config->arena);
}

static void *
slot(const struct node_config *config, const struct field *field)
{
	return (char *)config + field->offset;
}

static const struct field *
find_field(struct str var)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (str_is(var, fields[i].var))
			return &fields[i];
	return NULL;
}

/* §4.5: a service has neither presence nor roster. */
static bool
is_offered(const struct field *field, size_t choice, enum config_place place)
{
	if (place == PLACE_ACCOUNT)
		return true;
	return field->choices != access_models ||
	       (choice != MODEL_PRESENCE && choice != MODEL_ROSTER);
}

static enum config_fault
read_choice(const struct field *field, struct str value, enum config_place place, uint8_t *out)
{
	for (size_t i = 0; field->choices[i].value != NULL; i++) {
		if (str_is(value, field->choices[i].value) && is_offered(field, i, place)) {
			*out = (uint8_t)i;
			return CONFIG_OK;
		}
	}
	return field->choices == access_models ? CONFIG_ACCESS_MODEL : CONFIG_BAD_VALUE;
}

static enum config_fault
read_number(const struct field *field, struct str value, uint32_t *out)
{
	uint64_t n;

	value = str_trim(value);
	if (value.len == 0 || str_is(value, "max")) {
		*out = CONFIG_MAX;
		return CONFIG_OK;
	}
	if (str_to_u64(value, UINT64_MAX, &n) < 0 || n < field->min)
		return CONFIG_BAD_VALUE;
	*out = (uint32_t)MIN(n, CONFIG_MAX - 1);
	return CONFIG_OK;
}

static void
read_texts(struct node_config *config, const struct form_field *given, struct config_texts *out)
{
	out->count = given->value_count;
	out->items = arena_array(config->arena, struct str, out->count + 1);
	for (size_t i = 0; i < out->count; i++)
		out->items[i] = arena_dup(config->arena, given->values[i]);
}

static enum config_fault
read_jids(struct node_config *config, const struct form *form, const struct field *field,
	  struct config_texts *out)
{
	struct jid *jids;
	const char *why;

	if (form_jids(config->arena, form, field->var, &jids, &out->count, &why) < 0)
		return CONFIG_BAD_VALUE;
	out->items = arena_array(config->arena, struct str, out->count + 1);
	for (size_t i = 0; i < out->count; i++)
		out->items[i] = jids[i].text;
	return CONFIG_OK;
}

static enum config_fault
read_field(struct node_config *config, const struct form *form, const struct form_field *given,
	   const struct field *field, enum config_place place)
{
	struct str value = given->value_count > 0 ? given->values[0] : STR("");

	switch (field->kind) {
	case BOOL:
		return form_bool(form, field->var, slot(config, field)) < 0 ? CONFIG_BAD_VALUE
									    : CONFIG_OK;
	case CHOICE:
		return read_choice(field, value, place, slot(config, field));
	case NUMBER:
		return read_number(field, value, slot(config, field));
	case TEXT:
		*(struct str *)slot(config, field) = arena_dup(config->arena, value);
		return CONFIG_OK;
	case TEXTS:
		read_texts(config, given, slot(config, field));
		return CONFIG_OK;
	case JIDS:
		return read_jids(config, form, field, slot(config, field));
	}
	return CONFIG_BAD_VALUE;
}

static void
copy_texts(struct arena *arena, struct config_texts *texts)
{
	struct str *items = arena_array(arena, struct str, texts->count + 1);

	for (size_t i = 0; i < texts->count; i++)
		items[i] = arena_dup(arena, texts->items[i]);
	texts->items = items;
}

static struct node_config *
config_copy(const struct node_config *old)
{
	struct node_config *config = config_new();
	struct arena *arena = config->arena;

	*config = *old;
	config->arena = arena;
	config->references = 1;
	for (size_t i = 0; i < COUNT(fields); i++) {
		void *at = slot(config, &fields[i]);

		if (fields[i].kind == TEXT)
			*(struct str *)at = arena_dup(arena, *(struct str *)at);
		else if (fields[i].kind == TEXTS || fields[i].kind == JIDS)
			copy_texts(arena, at);
	}
	return config;
}

enum config_fault
node_config_apply(const struct node_config *old, const struct form *form, enum config_place place,
		  bool is_strict, struct node_config **out)
{
	struct node_config *config = config_copy(old);

	for (size_t i = 0; i < form->field_count; i++) {
		const struct field *field = find_field(form->fields[i].var);
		enum config_fault fault = CONFIG_OK;

		if (field != NULL)
			fault = read_field(config, form, &form->fields[i], field, place);
		else if (is_strict && !str_is(form->fields[i].var, "FORM_TYPE"))
			fault = CONFIG_UNKNOWN;
		if (fault != CONFIG_OK) {
			node_config_unref(config);
			return fault;
		}
	}
	*out = config;
	return CONFIG_OK;
}

static bool
has_text(const struct config_texts *texts, struct str text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (str_equal(texts->items[i], text))
			return true;
	return false;
}

/* As sets. */
static bool
texts_equal(const struct config_texts *a, const struct config_texts *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!has_text(b, a->items[i]))
			return false;
	for (size_t i = 0; i < b->count; i++)
		if (!has_text(a, b->items[i]))
			return false;
	return true;
}

static bool
field_equal(const struct field *field, const struct node_config *a, const struct node_config *b)
{
	const void *x = slot(a, field), *y = slot(b, field);

	switch (field->kind) {
	case BOOL:
		return *(const bool *)x == *(const bool *)y;
	case CHOICE:
		return *(const uint8_t *)x == *(const uint8_t *)y;
	case NUMBER:
		return *(const uint32_t *)x == *(const uint32_t *)y;
	case TEXT:
		return str_equal(*(const struct str *)x, *(const struct str *)y);
	case TEXTS:
	case JIDS:
		return texts_equal(x, y);
	}
	return false;
}

bool
node_config_meets(const struct node_config *config, const struct form *form,
		  enum config_place place)
{
	struct node_config *wanted;
	bool is_met = true;

	if (node_config_apply(config, form, place, true, &wanted) != CONFIG_OK)
		return false;
	for (size_t i = 0; i < COUNT(fields) && is_met; i++)
		is_met = field_equal(&fields[i], config, wanted);
	node_config_unref(wanted);
	return is_met;
}

static struct str
number_text(struct arena *arena, uint32_t n)
{
	return n == CONFIG_MAX ? STR("max") : arena_printf(arena, "%u", n);
}

static void
add_choices(struct arena *arena, struct element *el, const struct field *field,
	    enum config_place place)
{
	for (size_t i = 0; field->choices[i].value != NULL; i++)
		if (is_offered(field, i, place))
			field_add_option(arena, el, field->choices[i].label,
					 str(field->choices[i].value));
}

static void
add_texts(struct arena *arena, struct element *el, const struct config_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		field_add_value(arena, el, texts->items[i]);
}

static void
add_field(struct arena *arena, struct element *x, const struct node_config *config,
	  const struct field *field, enum form_kind kind, enum config_place place)
{
	static const enum field_type types[] = {
		[BOOL] = FIELD_BOOL, [CHOICE] = FIELD_LIST,      [NUMBER] = FIELD_TEXT,
		[TEXT] = FIELD_TEXT, [TEXTS] = FIELD_TEXT_MULTI, [JIDS] = FIELD_JID_MULTI};
	const void *at = slot(config, field);
	struct element *el;

	if (field->kind == BOOL) {
		form_add_bool(arena, x, field->var, field->label, *(const bool *)at);
		return;
	}
	el = form_add_field(arena, x, types[field->kind], field->var, field->label);
	if (field->kind == CHOICE) {
		field_add_value(arena, el, str(field->choices[*(const uint8_t *)at].value));
		if (kind == FORM_ASK)
			add_choices(arena, el, field, place);
	} else if (field->kind == NUMBER) {
		field_add_value(arena, el, number_text(arena, *(const uint32_t *)at));
	} else if (field->kind == TEXT) {
		field_add_value(arena, el, *(const struct str *)at);
	} else {
		add_texts(arena, el, at);
	}
}

struct element *
node_config_form(struct arena *arena, const struct node_config *config, enum form_kind kind,
		 enum config_place place)
{
	struct element *x = form_new(arena, kind, FORM_NODE_CONFIG);

	for (size_t i = 0; i < COUNT(fields); i++)
		add_field(arena, x, config, &fields[i], kind, place);
	return x;
}

void
node_config_add_meta(struct arena *arena, struct element *x, const struct node_config *config)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].is_meta)
			add_field(arena, x, config, &fields[i], FORM_RESULT, PLACE_ACCOUNT);
}

const char *
access_model_name(enum access_model model)
{
	return access_models[model].value;
}
