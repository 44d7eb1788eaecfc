/* SPDX-License-Identifier: MIT */
/* displayed.c - publishes what a client says along with a message to somebody else. */
#include "modules/xep0060_pubsub/displayed.h"

#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/private_node.h"

struct mark { /* until the account's nodes are loaded */
	struct site_task task;
	struct arena *arena; /* of all of it, itself too */
	struct str chat, payload;
};

static void
publish(struct site_task *task, struct site *site)
{
	struct mark *mark = CONTAINER(task, struct mark, task);
	struct publication item = {mark->chat, mark->payload, STR_NONE};
	struct commit *commit;
	struct node *node;

	if (site != NULL && site_has_room(site, mark->payload.len + 2 * PUBSUB_OVERHEAD)) {
		item.publisher = site->jid.text;
		commit = commit_new(site, NULL);
		node = private_node(site, commit, STR(NODE_DISPLAYED));
		if (node != NULL) {
			node_publish(node, commit, &item, 1);
			commit_submit(commit, NULL);
		} else {
			commit_drop(commit);
		}
	}
	arena_free(mark->arena);
}

static void
keep(struct event *ev, const struct element *displayed)
{
	struct site *site = pep_site(ev->account);
	struct arena *arena;
	struct mark *mark;

	if (site == NULL)
		return;
	arena = arena_new();
	mark = arena_new_of(arena, struct mark);
	mark->arena = arena;
	mark->task.run = publish;
	mark->chat = arena_dup(arena, ev->stanza->to.text);
	mark->payload = xml_text(arena, displayed, STR_NONE);
	if (mark->payload.len > option_bytes(site_options(site), "max_payload") ||
	    !site_when_ready(site, &mark->task))
		arena_free(arena);
}

enum verdict
displayed_take(struct event *ev)
{
	struct stanza *message = ev->stanza;
	struct element *displayed;

	if (message->kind != STANZA_MESSAGE)
		return PASS;
	displayed = element_child(message->el, NODE_DISPLAYED, "displayed");
	if (displayed == NULL)
		return PASS;
	if (message->to.text.len > 0 && stanza_may_be_refused(message) &&
	    element_child(displayed, "urn:xmpp:sid:0", "stanza-id") != NULL)
		keep(ev, displayed);
	do {
		element_detach(displayed);
		displayed = element_child(message->el, NODE_DISPLAYED, "displayed");
	} while (displayed != NULL);
	message->is_edited = true;
	return PASS;
}
