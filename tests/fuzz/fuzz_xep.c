/* SPDX-License-Identifier: MIT */
/*
 * fuzz_xep.c - the codecs of src/xmpp/xep on any element: they end, say why when they refuse, and a
 * capability hash depends on what the parts are, not on their order.
 */
#include "xmpp/xep/caps.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xep/rsm.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool claim)
{
	if (!claim)
		abort();
}

static void
reverse_children(struct element *el)
{
	struct element *reversed = NULL, *child;

	/* Taken out one by one, the first comes to stand at the end of a chain of its successors.
	 */
	while ((child = el->children) != NULL) {
		element_detach(child);
		child->next = reversed;
		reversed = child;
	}
	while ((child = reversed) != NULL) {
		reversed = child->next;
		child->next = NULL;
		element_append(el, child);
	}
}

static void
check_caps(struct arena *arena, struct element *el)
{
	struct str ver, again;
	const char *why = NULL;

	if (caps_hash(arena, el, STR("sha-1"), &ver, &why) < 0) {
		need(why != NULL);
		return;
	}
	need(ver.len == 28);
	reverse_children(el);
	need(caps_hash(arena, el, STR("sha-1"), &again, &why) == 0 && str_equal(ver, again));
	disco_add_feature(arena, el, STR("urn:not:there"));
	need(caps_hash(arena, el, STR("sha-1"), &again, &why) < 0 || !str_equal(ver, again));
}

static void
check_form(struct arena *arena, const struct element *x)
{
	const char *why = NULL;
	struct form form;
	struct jid *jids;
	size_t count;
	bool claim;

	if (form_parse(arena, x, &form, &why) < 0) {
		need(why != NULL);
		return;
	}
	for (size_t i = 0; i < form.field_count; i++) {
		struct form_field *field = &form.fields[i];
		char *var = str_dupz(field->var);

		if (field->var.len > 0 && strlen(var) == field->var.len) {
			need(form_field(&form, var) == field);
			(void)form_text(arena, &form, var);
			(void)!form_bool(&form, var, &claim);
			if (form_jids(arena, &form, var, &jids, &count, &why) == 0)
				need(count <= field->value_count);
		}
		free(var);
	}
}

static void
check_rest(struct arena *arena, const struct element *el)
{
	struct element *copy = element_new(arena, "q", "q");
	struct rsm_page page;
	struct caps caps;
	struct rsm rsm, again;
	const char *why;
	uint64_t when;

	(void)!delay_find(el, STR_NONE, &when);
	(void)caps_find(el, &caps);
	(void)!rsm_parse_page(arena, el, &page, &why);
	if (rsm_parse(arena, el, &rsm, &why) < 0)
		return;
	rsm_add(arena, copy, &rsm);
	need(rsm_parse(arena, copy, &again, &why) == 0);
	need(rsm.max == again.max && rsm.index == again.index);
	need(str_equal(rsm.after, again.after) && str_equal(rsm.before, again.before));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xml_limits limits = {1 << 16, 32, 32, 5000};
	struct arena *arena = arena_new();
	struct element *el = xml_parse(arena, str_of(data, size), &limits, NULL);

	if (el != NULL) {
		check_form(arena, el);
		check_rest(arena, el);
		check_caps(arena, el);
	}
	arena_free(arena);
	return 0;
}
