/* SPDX-License-Identifier: MIT */
/* xep0157_contact.c - whom to write to about this server (XEP-0157), in its disco#info. */
#include "server/module.h"
#include "xmpp/xep/forms.h"

#define FORM_TYPE "http://jabber.org/network/serverinfo"

static void
add_contacts(struct event *ev, struct element *query)
{
	struct element *form = NULL;

	for (int kind = 0; kind < CONTACT_COUNT; kind++) {
		const struct text_list *uris = &ev->host->contacts[kind];
		struct element *field;

		if (uris->count == 0)
			continue;
		if (form == NULL)
			form = form_new(ev->arena, FORM_RESULT, FORM_TYPE);
		field = form_add_field(ev->arena, form, FIELD_LIST_MULTI,
				       arena_printf(ev->arena, "%s-addresses",
						    config_contact_name((enum config_contact)kind))
					       .p,
				       NULL);
		for (size_t i = 0; i < uris->count; i++)
			field_add_value(ev->arena, field, uris->items[i]);
	}
	if (form != NULL)
		element_append(query, form);
}

const struct module xep0157_contact = {
	.name = "contact",
	.specs = SPECS({"XEP-0157", "1.1.1", SPEC_COMPLETE, NULL}),
	.disco_info = add_contacts,
};
