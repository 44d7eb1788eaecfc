/* SPDX-License-Identifier: MIT */
/* show.c - what contacts see of an account that blocks or unblocks them (XEP-0191 §3.3, §3.4). */
#include "modules/xep0191_blocking/private.h"

#include <stdlib.h>

/*
 * Calls RUN for each contact that one of ITEMS (struct jid) is about, and for each resource of a
 * contact, unless it is blocked by another item.
 */
static void
each_contact(struct account *account, const struct map *items,
	     void (*run)(struct account *account, const struct contact *contact, struct jid whom))
{
	uint32_t at = 0;
	void *value;

	while (map_next(&account->roster->contacts, &at, &value)) {
		struct jid jid = contact_jid(value);

		if (list_matches(items, jid) && !blocking_applies(account, jid))
			run(account, value, jid);
	}
	at = 0;
	while (map_next(items, &at, &value)) {
		struct jid item = *(struct jid *)value;
		struct contact *contact = roster_find(account->roster, jid_bare_text(item));

		if (item.resource.len > 0 && contact != NULL && !blocking_applies(account, item) &&
		    !list_matches(items, jid_bare(item)))
			run(account, contact, item);
	}
}

/* §3.3: to subscribers that are about to be blocked, the account is gone. */
static void
hide(struct account *account, const struct contact *contact, struct jid whom)
{
	if (contact->from)
		presence_show(account, whom, true);
}

/* And to those that got directed presence. */
static void
hide_from_others(struct event *ev, const struct map *items)
{
	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		size_t n = 0, count = session->directed ? session->directed->count : 0;
		struct jid *gone = arena_array(ev->arena, struct jid, count + 1);
		uint32_t at = 0;
		const char *why;
		void *key;

		while (count > 0 && map_next(session->directed, &at, &key))
			if (jid_parse(ev->arena, str(key), &gone[n], &why) == 0 &&
			    list_matches(items, gone[n]))
				n++;
		for (size_t i = 0; i < n; i++) {
			route(ev->worker, stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE,
						     session->jid, gone[i]));
			free(map_remove(session->directed, gone[i].text));
		}
	}
}

/* §3.4: what CONTACT may see again, and what the account may see of it again. */
static void
show_again(struct account *account, const struct contact *contact, struct jid whom)
{
	if (contact->from)
		presence_show(account, whom, false);
	if (!contact->to)
		return;
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session_is_available(session))
			route(account->worker,
			      stanza_new(STANZA_PRESENCE, PRESENCE_PROBE, session->jid, whom));
	}
}

void
blocking_hide(struct event *ev, const struct map *items)
{
	each_contact(ev->account, items, hide);
	hide_from_others(ev, items);
}

void
blocking_show(struct account *account, const struct map *items)
{
	each_contact(account, items, show_again);
}
