/* SPDX-License-Identifier: MIT */
/* forms.c - data forms as trees of elements, and as tables of what was filled in. */
#include "xmpp/xep/forms.h"

#include "base/buf.h"
#include "base/map.h"

static const char *const kinds[] = {"form", "submit", "cancel", "result"};
static const char *const types[] = {
	"text-single", "text-multi", "text-private", "boolean", "list-single",
	"list-multi",  "jid-single", "jid-multi",    "hidden",  "fixed",
};

struct element *
form_new(struct arena *arena, enum form_kind kind, const char *form_type)
{
	struct element *x = element_new(arena, NS_FORMS, "x");

	element_setz(arena, x, "type", kinds[kind]);
	if (form_type != NULL)
		form_add_text(arena, x, FIELD_HIDDEN, "FORM_TYPE", NULL, str(form_type));
	return x;
}

void
form_set_title(struct arena *arena, struct element *x, struct str title)
{
	element_add_leaf(arena, x, "title", title);
}

void
form_add_instructions(struct arena *arena, struct element *x, struct str text)
{
	element_add_leaf(arena, x, "instructions", text);
}

struct element *
form_add_field(struct arena *arena, struct element *x, enum field_type type, const char *var,
	       const char *label)
{
	struct element *field = element_add(arena, x, NULL, "field");

	assert(var != NULL || type == FIELD_FIXED);
	element_setz(arena, field, "type", types[type]);
	element_setz(arena, field, "var", var);
	element_setz(arena, field, "label", label);
	return field;
}

void
field_add_value(struct arena *arena, struct element *field, struct str value)
{
	element_add_leaf(arena, field, "value", value);
}

void
field_add_lines(struct arena *arena, struct element *field, struct str text)
{
	struct str line;

	while (str_split(&text, '\n', &line))
		field_add_value(arena, field, line);
}

void
field_add_option(struct arena *arena, struct element *field, const char *label, struct str value)
{
	struct element *option = element_add(arena, field, NULL, "option");

	element_setz(arena, option, "label", label);
	element_add_leaf(arena, option, "value", value);
}

void
field_require(struct arena *arena, struct element *field)
{
	element_add(arena, field, NULL, "required");
}

struct element *
form_add_text(struct arena *arena, struct element *x, enum field_type type, const char *var,
	      const char *label, struct str value)
{
	struct element *field = form_add_field(arena, x, type, var, label);

	field_add_value(arena, field, value);
	return field;
}

struct element *
form_add_bool(struct arena *arena, struct element *x, const char *var, const char *label,
	      bool value)
{
	return form_add_text(arena, x, FIELD_BOOL, var, label, value ? STR("1") : STR("0"));
}

static size_t
count_children(const struct element *el, const char *name)
{
	size_t n = 0;

	for (struct element *at = element_child(el, NS_FORMS, name); at != NULL;
	     at = element_next(at, NS_FORMS, name))
		n++;
	return n;
}

static void
read_field(struct arena *arena, const struct element *el, struct form_field *out)
{
	struct element *value = element_child(el, NS_FORMS, "value");

	out->var = element_attr(el, "var");
	out->type = element_attr(el, "type");
	out->values = arena_array(arena, struct str, count_children(el, "value"));
	for (; value != NULL; value = element_next(value, NS_FORMS, "value"))
		out->values[out->value_count++] = element_text(arena, value);
}

static bool
has_twins(const struct form *form)
{
	struct map seen = {0};
	bool found = false;

	for (size_t i = 0; i < form->field_count && !found; i++) {
		struct form_field *field = &form->fields[i];

		found = field->var.len > 0 && map_put(&seen, field->var, field) != NULL;
	}
	map_free(&seen);
	return found;
}

/* XEP-0068 §3.4: in a form to fill in, or in a result, it counts only when it is hidden. */
static struct str
read_form_type(const struct form *form)
{
	const struct form_field *field = form_field(form, "FORM_TYPE");
	bool is_hidden = field != NULL && str_is(field->type, "hidden");

	if (field == NULL || field->value_count == 0)
		return STR_NONE;
	if (!is_hidden && !(form->kind == FORM_SUBMIT && field->type.p == NULL))
		return STR_NONE;
	return field->values[0];
}

int
form_parse(struct arena *arena, const struct element *x, struct form *out, const char **why)
{
	struct str type = element_attr(x, "type");
	struct element *el = element_child(x, NS_FORMS, "field");
	size_t kind = 0;

	while (kind < COUNT(kinds) && !str_is(type, kinds[kind]))
		kind++;
	if (kind == COUNT(kinds)) {
		*why = "a form of no known type";
		return -1;
	}
	*out = (struct form){.kind = (enum form_kind)kind};
	out->fields = arena_array(arena, struct form_field, count_children(x, "field"));
	for (; el != NULL; el = element_next(el, NS_FORMS, "field"))
		read_field(arena, el, &out->fields[out->field_count++]);
	if (has_twins(out)) { /* §3.2: the name is unique in its form */
		*why = "a form with two fields of one name";
		return -1;
	}
	out->form_type = read_form_type(out);
	return 0;
}

int
form_find(struct arena *arena, const struct element *parent, enum form_kind kind,
	  const char *form_type, struct form *out, const char **why)
{
	struct element *x = element_child(parent, NS_FORMS, "x");
	bool is_first = true;

	for (; x != NULL; x = element_next(x, NS_FORMS, "x"), is_first = false) {
		if (form_parse(arena, x, out, why) < 0)
			return -1;
		if (out->kind == kind && str_is(out->form_type, form_type))
			return 0;
	}
	*why = is_first ? "no form" : "a form of another type";
	return -1;
}

const struct form_field *
form_field(const struct form *form, const char *var)
{
	for (size_t i = 0; i < form->field_count; i++)
		if (str_is(form->fields[i].var, var))
			return &form->fields[i];
	return NULL;
}

struct str
form_value(const struct form *form, const char *var)
{
	const struct form_field *field = form_field(form, var);

	if (field == NULL)
		return STR_NONE;
	return field->value_count > 0 ? field->values[0] : STR("");
}

struct str
form_text(struct arena *arena, const struct form *form, const char *var)
{
	const struct form_field *field = form_field(form, var);
	struct buf buf = {0};
	struct str text;

	if (field == NULL || field->value_count < 2)
		return form_value(form, var);
	for (size_t i = 0; i < field->value_count; i++) {
		if (i > 0)
			buf_add_char(&buf, '\n');
		buf_add(&buf, field->values[i]);
	}
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}

int
form_bool(const struct form *form, const char *var, bool *out)
{
	struct str value = form_value(form, var);

	if (value.p == NULL)
		return 0;
	if (str_is(value, "1") || str_is(value, "true"))
		*out = true;
	else if (str_is(value, "0") || str_is(value, "false"))
		*out = false;
	else
		return -1;
	return 0;
}

int
form_jids(struct arena *arena, const struct form *form, const char *var, struct jid **out,
	  size_t *count, const char **why)
{
	const struct form_field *field = form_field(form, var);
	struct map seen = {0};
	int rc = 0;

	*count = 0;
	*out = NULL;
	if (field == NULL)
		return 0;
	*out = arena_array(arena, struct jid, field->value_count);
	for (size_t i = 0; i < field->value_count && rc == 0; i++) {
		struct jid *jid = &(*out)[*count];

		rc = jid_parse(arena, field->values[i], jid, why);
		if (rc == 0 && map_get(&seen, jid->text) == NULL) {
			map_put(&seen, jid->text, jid);
			(*count)++;
		}
	}
	map_free(&seen);
	return rc;
}
