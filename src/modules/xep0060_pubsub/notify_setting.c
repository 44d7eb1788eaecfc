/* SPDX-License-Identifier: MIT */
/* notify_setting.c - reads one bookmark, whether the account's nodes are in memory or not. */
#include "modules/notify_setting.h"

#include "modules/xep0060_pubsub/bookmarks.h"
#include "modules/xep0060_pubsub/record.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define NS_NOTIFY "urn:xmpp:notification-settings:1"

static const struct xml_limits limits = {
	.bytes = 1u << 20, .depth = 128, .attributes = 128, .nodes = 1u << 17};

struct asking {
	struct account *account;
	void (*done)(struct account *account, const struct notify_wish *wish, void *arg);
	void *arg;
};

/* XEP-0492 §4: the more specific, the better. 0: not for phones. */
static unsigned
specificity(const struct element *el)
{
	struct str category = element_attr(el, "identity-category");
	struct str type = element_attr(el, "identity-type");

	if (category.p == NULL)
		return type.p == NULL ? 1 : 0;
	if (!str_is(category, "client"))
		return 0;
	return type.p == NULL ? 2 : str_is(type, "phone") ? 3 : 0;
}

static enum notify_setting
setting_of(const struct element *notify)
{
	static const struct {
		const char *name;
		enum notify_setting setting;
	} known[] = {{"never", NOTIFY_NEVER},
		     {"on-mention", NOTIFY_ON_MENTION},
		     {"always", NOTIFY_ALWAYS}};
	enum notify_setting best = NOTIFY_UNSET;
	unsigned best_rank = 0;

	for (size_t i = 0; i < COUNT(known); i++)
		for (const struct element *el = element_child(notify, NS_NOTIFY, known[i].name);
		     el != NULL; el = element_next(el, NS_NOTIFY, known[i].name))
			if (specificity(el) > best_rank) {
				best_rank = specificity(el);
				best = known[i].setting;
			}
	return best;
}

static void
read_bookmark(struct arena *arena, struct str text, struct notify_wish *wish)
{
	const struct element *room = xml_parse(arena, arena_dup(arena, text), &limits, NULL), *el;

	if (room == NULL || !element_is(room, NODE_BOOKMARKS, "conference"))
		return;
	wish->nick = element_child_text(arena, room, NODE_BOOKMARKS, "nick");
	el = element_child(room, NODE_BOOKMARKS, "extensions");
	el = el != NULL ? element_child(el, NS_NOTIFY, "notify") : NULL;
	if (el != NULL)
		wish->setting = setting_of(el);
}

static void
on_read(struct store_request *request)
{
	struct asking *asking = request->owner;
	struct notify_wish wish = {.setting = NOTIFY_UNSET};

	if (request->results[0].status == STORE_OK)
		read_bookmark(request->arena, request->results[0].value, &wish);
	asking->done(asking->account, &wish, asking->arg);
	account_unpin(asking->account);
	free(asking);
	store_request_free(request);
}

void
notify_setting_ask(struct account *account, struct str chat,
		   void (*done)(struct account *account, const struct notify_wish *wish, void *arg),
		   void *arg)
{
	struct asking *asking = xnew(struct asking);
	struct store_request *request =
		store_request_new(account->worker->store, account->worker->loop, on_read, asking);

	*asking = (struct asking){account, done, arg};
	account_pin(account);
	store_set_get(request, account->jid.text, SET_ITEMS,
		      site_key(request->arena, STR(NODE_BOOKMARKS), chat));
	store_submit(request);
}
