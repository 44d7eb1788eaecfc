/* SPDX-License-Identifier: MIT */
/*
 * caps.c - builds the verification string, refusing what would make it ambiguous.
 *
 * The string is a row of tokens, each ended by '<': identities, then features, then forms, with
 * nothing in between that tells which is which (§8.2). Were all of that accepted, somebody could
 * answer with an identity or a form in place of a feature, and take the feature away from everyone
 * with the same hash. Hence the rules of check_token, check_feature and read_form, which no honest
 * answer breaks.
 */
#include "xmpp/xep/caps.h"

#include "base/base64.h"
#include "base/buf.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xep/forms.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct identity {
	struct str category, type, lang, name;
};

struct answer {
	struct identity *identities;
	struct str *features;
	struct form *forms; /* their fields sorted, FORM_TYPE no longer among them */
	size_t identity_count, feature_count, form_count;
};

bool
caps_find(const struct element *presence, struct caps *out)
{
	const struct element *c = element_child(presence, NS_CAPS, "c");

	if (c == NULL)
		return false;
	out->node = element_attr(c, "node");
	out->ver = element_attr(c, "ver");
	out->hash = element_attr(c, "hash");
	return out->node.len > 0 && out->ver.len > 0 && out->hash.len > 0;
}

void
caps_add(struct arena *arena, struct element *parent, const struct caps *caps)
{
	struct element *c = element_add(arena, parent, NS_CAPS, "c");

	element_set(arena, c, "hash", caps->hash);
	element_set(arena, c, "node", caps->node);
	element_set(arena, c, "ver", caps->ver);
}

/* Names of IANA's registry of hash functions, and OpenSSL's. MD5 and MD2 are left out: forgeable.
 */
static const EVP_MD *
find_hash(struct str name)
{
	static const struct {
		const char *name;
		const EVP_MD *(*get)(void);
	} hashes[] = {
		{"sha-1", EVP_sha1},        {"sha-224", EVP_sha224}, {"sha-256", EVP_sha256},
		{"sha-384", EVP_sha384},    {"sha-512", EVP_sha512}, {"sha3-256", EVP_sha3_256},
		{"sha3-512", EVP_sha3_512},
	};

	for (size_t i = 0; i < COUNT(hashes); i++)
		if (str_is(name, hashes[i].name))
			return hashes[i].get();
	return NULL;
}

bool
caps_knows_hash(struct str name)
{
	return find_hash(name) != NULL;
}

static int
compare_identities(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;
	int order = str_compare(x->category, y->category);

	if (order == 0)
		order = str_compare(x->type, y->type);
	if (order == 0)
		order = str_compare(x->lang, y->lang);
	return order != 0 ? order : str_compare(x->name, y->name);
}

static int
compare_strs(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static int
compare_fields(const void *a, const void *b)
{
	return str_compare(((const struct form_field *)a)->var,
			   ((const struct form_field *)b)->var);
}

static int
compare_forms(const void *a, const void *b)
{
	return str_compare(((const struct form *)a)->form_type,
			   ((const struct form *)b)->form_type);
}

/* Whether two neighbours of the sorted array are equal. */
static bool
has_twins(const void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	for (size_t i = 1; i < n; i++) {
		const char *item = (const char *)array + i * size;

		if (compare(item - size, item) == 0)
			return true;
	}
	return false;
}

/* What ends a token must not stand in it. */
static int
check_token(struct str token, const char **why)
{
	if (str_find(token, '<') < 0)
		return 0;
	*why = "a '<' in an identity, a feature or a form";
	return -1;
}

static int
read_identity(const struct element *el, struct identity *out, const char **why)
{
	out->category = element_attr(el, "category");
	out->type = element_attr(el, "type");
	out->lang = disco_lang(el);
	out->name = element_attr(el, "name");
	if (out->category.len == 0 || out->type.len == 0) { /* XEP-0030 §3.1 */
		*why = "an identity without category or type";
		return -1;
	}
	if (str_find(out->category, '/') >= 0 || str_find(out->type, '/') >= 0 ||
	    str_find(out->lang, '/') >= 0) {
		*why = "a slash in an identity's category, type or language";
		return -1;
	}
	if (check_token(out->category, why) < 0 || check_token(out->type, why) < 0 ||
	    check_token(out->lang, why) < 0)
		return -1;
	return check_token(out->name, why);
}

/* A feature must not read as an identity, "category/type/lang/name". URIs have "//" too early. */
static int
check_feature(struct str feature, const char **why)
{
	struct str rest = feature, category = STR_NONE, type = STR_NONE, lang;

	if (feature.len == 0) {
		*why = "a feature without name";
		return -1;
	}
	if (str_split(&rest, '/', &category) && str_split(&rest, '/', &type) &&
	    str_split(&rest, '/', &lang) && rest.p != NULL && category.len > 0 && type.len > 0) {
		*why = "a feature that reads as an identity";
		return -1;
	}
	return check_token(feature, why);
}

/* The field's name must not read as a feature, nor the whole form as a row of features. */
static int
check_field(struct form_field *field, const char **why)
{
	if (field->var.len == 0 || (field->var.p[0] != '{' && str_find(field->var, ':') >= 0)) {
		*why = "a field without name, or one that reads as a feature";
		return -1;
	}
	for (size_t i = 0; i < field->value_count; i++)
		if (check_token(field->values[i], why) < 0)
			return -1;
	if (field->value_count > 1)
		qsort(field->values, field->value_count, sizeof(struct str), compare_strs);
	return check_token(field->var, why);
}

/* Step 3.5: all values of FORM_TYPE have to be one. */
static bool
has_one_type(const struct form *form)
{
	const struct form_field *field = form_field(form, "FORM_TYPE");

	for (size_t i = 1; i < field->value_count; i++)
		if (!str_equal(field->values[i], field->values[0]))
			return false;
	return true;
}

/* Returns 1 when FORM counts, 0 when it is to be ignored (step 3.6), -1 when it is ill-formed. */
static int
read_form(struct arena *arena, const struct element *x, struct form *form, const char **why)
{
	size_t n = 0;

	if (form_parse(arena, x, form, why) < 0)
		return -1;
	if (form->kind != FORM_RESULT || form->form_type.p == NULL)
		return 0;
	if (!has_one_type(form)) {
		*why = "a form of several types";
		return -1;
	}
	for (size_t i = 0; i < form->field_count; i++) {
		if (str_is(form->fields[i].var, "FORM_TYPE"))
			continue;
		if (check_field(&form->fields[i], why) < 0)
			return -1;
		form->fields[n++] = form->fields[i];
	}
	form->field_count = n;
	if (n == 0) {
		*why = "a form without fields, which reads as a feature";
		return -1;
	}
	qsort(form->fields, n, sizeof(struct form_field), compare_fields);
	return check_token(form->form_type, why) < 0 ? -1 : 1;
}

static int
read_child(struct arena *arena, const struct element *el, struct answer *answer, const char **why)
{
	int rc;

	if (element_is(el, NS_DISCO_INFO, "identity"))
		return read_identity(el, &answer->identities[answer->identity_count++], why);
	if (element_is(el, NS_DISCO_INFO, "feature")) {
		struct str *feature = &answer->features[answer->feature_count++];

		*feature = element_attr(el, "var");
		return check_feature(*feature, why);
	}
	if (!element_is(el, NS_FORMS, "x"))
		return 0;
	rc = read_form(arena, el, &answer->forms[answer->form_count], why);
	if (rc > 0)
		answer->form_count++;
	return rc;
}

#define SORT_AND_FIND_TWINS(array, n, compare)                                                     \
	(qsort(array, n, sizeof(*(array)), compare), has_twins(array, n, sizeof(*(array)), compare))

/* Steps 3.3 to 3.5, and an identity at least (XEP-0030 §3.1). */
static int
sort_answer(struct answer *answer, const char **why)
{
	if (answer->identity_count == 0)
		*why = "no identity";
	else if (SORT_AND_FIND_TWINS(answer->identities, answer->identity_count,
				     compare_identities))
		*why = "an identity twice";
	else if (SORT_AND_FIND_TWINS(answer->features, answer->feature_count, compare_strs))
		*why = "a feature twice";
	else if (SORT_AND_FIND_TWINS(answer->forms, answer->form_count, compare_forms))
		*why = "two forms of one type";
	else
		return 0;
	return -1;
}

static int
read_answer(struct arena *arena, const struct element *query, struct answer *answer,
	    const char **why)
{
	size_t n = 0;

	for (const struct element *el = query->children; el != NULL; el = el->next)
		n += !element_is_text(el);
	*answer = (struct answer){
		.identities = arena_array(arena, struct identity, n),
		.features = arena_array(arena, struct str, n),
		.forms = arena_array(arena, struct form, n),
	};
	for (const struct element *el = query->children; el != NULL; el = el->next)
		if (!element_is_text(el) && read_child(arena, el, answer, why) < 0)
			return -1;
	return sort_answer(answer, why);
}

static void
add_token(struct buf *s, struct str token)
{
	buf_add(s, token);
	buf_add_char(s, '<');
}

static void
add_form(struct buf *s, const struct form *form)
{
	add_token(s, form->form_type);
	for (size_t i = 0; i < form->field_count; i++) {
		const struct form_field *field = &form->fields[i];

		add_token(s, field->var);
		for (size_t k = 0; k < field->value_count; k++)
			add_token(s, field->values[k]);
	}
}

/* §5.1. */
static void
write_string(struct buf *s, const struct answer *answer)
{
	for (size_t i = 0; i < answer->identity_count; i++) {
		const struct identity *identity = &answer->identities[i];

		buf_printf(s, "%.*s/%.*s/%.*s/%.*s<", STR_ARG(identity->category),
			   STR_ARG(identity->type), STR_ARG(identity->lang),
			   STR_ARG(identity->name));
	}
	for (size_t i = 0; i < answer->feature_count; i++)
		add_token(s, answer->features[i]);
	for (size_t i = 0; i < answer->form_count; i++)
		add_form(s, &answer->forms[i]);
}

int
caps_hash(struct arena *arena, const struct element *query, struct str hash_name,
	  struct str *ver_base64, const char **why)
{
	const EVP_MD *hash = find_hash(hash_name);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	struct answer answer;
	struct buf s = {0};
	int ok;

	if (hash == NULL) {
		*why = "an unknown hash function";
		return -1;
	}
	if (read_answer(arena, query, &answer, why) < 0)
		return -1;
	write_string(&s, &answer);
	ok = EVP_Digest(s.p + s.start, buf_len(&s), digest, &size, hash, NULL);
	assert(ok == 1);
	buf_free(&s);
	*ver_base64 = base64_encode(arena, str_of(digest, size));
	return 0;
}

int
caps_verify(struct arena *arena, const struct caps *caps, const struct element *query,
	    const char **why)
{
	struct str ver;

	if (caps_hash(arena, query, caps->hash, &ver, why) < 0)
		return -1;
	if (str_equal(ver, caps->ver))
		return 0;
	*why = "an answer that is not what its hash says";
	return -1;
}
