/* SPDX-License-Identifier: MIT */
/*
 * forms.h - data forms: building them, and reading what was filled in (XEP-0004, XEP-0068).
 *
 * What is built here is a tree of elements; what is read is a table of fields whose texts are views
 * into the form's arena.
 */
#pragma once

#include "xmpp/element.h"
#include "xmpp/jid.h"

#define NS_FORMS "jabber:x:data"

enum form_kind { FORM_ASK, FORM_SUBMIT, FORM_CANCEL, FORM_RESULT }; /* §3.1; ASK is type='form' */

enum field_type { /* §3.3 */
		  FIELD_TEXT,
		  FIELD_TEXT_MULTI,
		  FIELD_TEXT_PRIVATE,
		  FIELD_BOOL,
		  FIELD_LIST,
		  FIELD_LIST_MULTI,
		  FIELD_JID,
		  FIELD_JID_MULTI,
		  FIELD_HIDDEN,
		  FIELD_FIXED,
};

/* Building. An <x/> without parent; FORM_TYPE (may be NULL) becomes the hidden field of XEP-0068.
 */
struct element *form_new(struct arena *arena, enum form_kind kind, const char *form_type);
void form_set_title(struct arena *arena, struct element *x, struct str title);
void form_add_instructions(struct arena *arena, struct element *x, struct str text);
/* VAR is NULL for FIELD_FIXED alone, LABEL may be NULL. Both are constants or live in ARENA. */
struct element *form_add_field(struct arena *arena, struct element *x, enum field_type type,
			       const char *var, const char *label);
void field_add_value(struct arena *arena, struct element *field, struct str value);
/* A value per line of TEXT: what FIELD_TEXT_MULTI wants. */
void field_add_lines(struct arena *arena, struct element *field, struct str text);
void field_add_option(struct arena *arena, struct element *field, const char *label,
		      struct str value);
void field_require(struct arena *arena, struct element *field);
/* A field with one value. Returns the field. */
struct element *form_add_text(struct arena *arena, struct element *x, enum field_type type,
			      const char *var, const char *label, struct str value);
struct element *form_add_bool(struct arena *arena, struct element *x, const char *var,
			      const char *label, bool value);

/* Reading. */
struct form_field {
	struct str var;  /* empty: none, which only fields of type fixed may lack */
	struct str type; /* as written, or p NULL */
	struct str *values;
	size_t value_count;
};

struct form {
	enum form_kind kind;
	struct str form_type;      /* FORM_TYPE where XEP-0068 lets it count; p NULL: none */
	struct form_field *fields; /* in order, FORM_TYPE included */
	size_t field_count;
};

/*
 * Reads X, which is an element <x xmlns='jabber:x:data'/>. Returns 0, or -1 with *WHY when it has
 * no known type or two fields of one name; on the wire that is <bad-request/> or <not-acceptable/>.
 */
MUST_CHECK int form_parse(struct arena *arena, const struct element *x, struct form *out,
			  const char **why);
/*
 * The first form in PARENT that is of KIND and has FORM_TYPE. Returns 0, or -1 with *WHY when there
 * is none.
 */
MUST_CHECK int form_find(struct arena *arena, const struct element *parent, enum form_kind kind,
			 const char *form_type, struct form *out, const char **why);

/* NULL when FORM has no such field. */
const struct form_field *form_field(const struct form *form, const char *var);
/* The first value; p NULL when there is no such field, empty when it has no value. */
struct str form_value(const struct form *form, const char *var);
/* All values, joined by line ends (§3.3, text-multi). */
struct str form_text(struct arena *arena, const struct form *form, const char *var);
/*
 * "0", "1", "false" or "true". *OUT stays as it was when the field is absent. Returns -1 when its
 * value is something else.
 */
MUST_CHECK int form_bool(const struct form *form, const char *var, bool *out);
/* A field's values as addresses, without repetitions; *COUNT is 0 when it is absent. -1 with *WHY.
 */
MUST_CHECK int form_jids(struct arena *arena, const struct form *form, const char *var,
			 struct jid **out, size_t *count, const char **why);
