/* SPDX-License-Identifier: MIT */
/*
 * fuzz_pubsub.c - configurations of nodes from any form: what is taken meets its own form, and is
 * the same after it was written and read again.
 */
#include "modules/xep0060_pubsub/config.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml_limits limits = {1 << 16, 32, 32, 4096};

static void
need(bool claim)
{
	if (!claim)
		abort();
}

static struct str
text_of(struct arena *arena, const struct node_config *config)
{
	return xml_text(arena, node_config_form(arena, config, FORM_SUBMIT, PLACE_ACCOUNT),
			STR_NONE);
}

static void
check_again(struct arena *arena, const struct node_config *config)
{
	struct node_config *standard = node_config_default(PLACE_ACCOUNT), *again = NULL;
	struct str text = text_of(arena, config);
	struct element *x = xml_parse(arena, arena_dup(arena, text), &limits, NULL);
	struct form form;
	const char *why;

	if (x != NULL) { /* it may have grown too long */
		need(form_parse(arena, x, &form, &why) == 0);
		need(node_config_apply(standard, &form, PLACE_ACCOUNT, true, &again) == CONFIG_OK);
		need(str_equal(text, text_of(arena, again)));
		need(node_config_meets(again, &form, PLACE_ACCOUNT));
		node_config_unref(again);
	}
	node_config_unref(standard);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct element *x = xml_parse(arena, str_of(data, size), &limits, NULL);
	struct form form;
	const char *why;

	if (x != NULL && element_is(x, NS_FORMS, "x") && form_parse(arena, x, &form, &why) == 0) {
		for (int place = PLACE_ACCOUNT; place <= PLACE_SERVICE; place++) {
			struct node_config *standard = node_config_default(place), *got = NULL;

			if (node_config_apply(standard, &form, place, data[0] & 1, &got) ==
			    CONFIG_OK) {
				check_again(arena, got);
				node_config_unref(got);
			}
			node_config_unref(standard);
		}
	}
	arena_free(arena);
	return 0;
}
