/* SPDX-License-Identifier: MIT */
/*
 * xep0352_csi.c - Client State Indication (XEP-0352): a client that nobody looks at is woken for
 * what matters, and gets the rest with it.
 *
 * While a client is inactive, presence and notifications of its contacts wait, the last of each
 * kind in the place of those before; what somebody is typing is dropped. Everything else goes out
 * at once, behind what waits, so that the order is kept. What waits is bounded, and written when it
 * reaches the bound. No message that has to arrive ever waits here.
 */
#include "modules/csi.h"

#include "modules/push.h"
#include "xmpp/xep/hints.h"

#include <stdatomic.h>
#include <stdlib.h>

#define NS_CSI "urn:xmpp:csi:0"
#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"
#define NS_SID "urn:xmpp:sid:0"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

struct held {
	struct link link; /* in csi->order */
	struct wire *wire;
	char *to;  /* its overlay's, or NULL */
	char *key; /* what a newer one of the same key replaces, or NULL */
	size_t bytes;
};

struct csi { /* of a session that is inactive */
	struct link order;
	struct map by_key;
	size_t bytes;
};

enum fate {
	URGENT, /* at once, behind what waits */
	WAITS,
	DROPPED,
};

static void
held_free(struct csi *csi, struct held *held)
{
	list_remove(&held->link);
	if (held->key != NULL)
		map_remove(&csi->by_key, str(held->key));
	csi->bytes -= held->bytes;
	wire_unref(held->wire);
	free(held->to);
	free(held->key);
	free(held);
}

static void
csi_free(struct csi *csi)
{
	if (csi == NULL)
		return;
	LIST_EACH(&csi->order, struct held, link, held)
	{
		held_free(csi, held);
	}
	map_free(&csi->by_key);
	free(csi);
}

/* Writes what waits, in order. */
static void
flush(struct session *session)
{
	struct csi *csi = session->csi;

	session->csi = NULL; /* nothing of it waits again */
	LIST_EACH(&csi->order, struct held, link, held)
	{
		struct stanza *stanza = wire_thaw(held->wire);

		if (stanza != NULL) {
			stanza_freeze(stanza);
			session_deliver(session, stanza, &(struct overlay){.to = str(held->to)});
			stanza_unref(stanza);
		}
		held_free(csi, held);
	}
	session->csi = csi;
}

void
csi_activate(struct session *session)
{
	if (session->csi == NULL)
		return;
	flush(session);
	csi_free(session->csi);
	session->csi = NULL;
	if (session_is_available(session))
		push_seen(session->account);
}

static void
inactivate(struct session *session)
{
	if (session->csi != NULL)
		return;
	session->csi = xnew(struct csi);
	list_init(&session->csi->order);
}

/* What rooms tell by codes, such as that one has entered or was removed, is waited for. */
static bool
has_room_status(const struct stanza *presence)
{
	const struct element *x = element_child(presence->el, NS_MUC_USER, "x");

	return x != NULL && element_child(x, NULL, "status") != NULL;
}

/* Presence of one address: the last counts. Requests for subscription are for the person. */
static enum fate
judge_presence(const struct event *ev, struct str *key)
{
	const struct stanza *presence = ev->stanza;

	if ((presence->type != PRESENCE_AVAILABLE && presence->type != PRESENCE_UNAVAILABLE) ||
	    has_room_status(presence) || !option_bool(event_options(ev), "hold_presence"))
		return URGENT;
	*key = arena_printf(ev->arena, "p%.*s", STR_ARG(presence->from.text));
	return WAITS;
}

/* The message that a carbon copy is of (XEP-0280), or the message itself. */
static const struct element *
content_of(const struct element *message)
{
	const struct element *el = element_child(message, NS_CARBONS, NULL);

	el = el ? element_child(el, NS_FORWARD, "forwarded") : NULL;
	el = el ? element_child(el, NULL, "message") : NULL;
	return el ? el : message;
}

static bool
is_only_chat_state(const struct element *message)
{
	bool has_state = false;

	for (const struct element *el = element_child(message, NULL, NULL); el != NULL;
	     el = element_next(el, NULL, NULL)) {
		if (str_is(el->ns, NS_CHAT_STATES))
			has_state = true;
		else if (!str_is(el->ns, NS_HINTS) && !str_is(el->ns, NS_SID) &&
			 !str_is(el->name, "thread"))
			return false;
	}
	return has_state;
}

/* Of these nodes the newest item is all that there is, whatever its id. */
static bool
is_single(struct str node)
{
	static const char *const nodes[] = {
		"http://jabber.org/protocol/mood", "http://jabber.org/protocol/activity",
		"http://jabber.org/protocol/tune", "http://jabber.org/protocol/geoloc",
		"http://jabber.org/protocol/nick", "urn:xmpp:avatar:metadata",
	};

	for (size_t i = 0; i < COUNT(nodes); i++)
		if (str_is(node, nodes[i]))
			return true;
	return false;
}

/*
 * A notification of another account's node (XEP-0163). A newer one of the same item says all that
 * the older said; several items, or none, are in no other's place. What the account's own devices
 * tell each other, such as what has been read, goes through.
 */
static enum fate
judge_notification(const struct event *ev, const struct element *event, struct str *key)
{
	const struct element *items = element_child(event, NULL, "items");
	const struct element *item = items ? element_child(items, NULL, NULL) : NULL;
	struct str node = items ? element_attr(items, "node") : STR_NONE, id;

	if (str_equal(jid_bare_text(ev->stanza->from), ev->account->jid.text) ||
	    !option_bool(event_options(ev), "hold_notifications"))
		return URGENT;
	if (item == NULL || element_next(item, NULL, NULL) != NULL)
		return WAITS;
	id = is_single(node) ? STR("") : element_attr(item, "id");
	*key = arena_printf(ev->arena, "n%.*s\n%.*s\n%.*s", STR_ARG(ev->stanza->from.text),
			    STR_ARG(node), STR_ARG(id));
	return WAITS;
}

static enum fate
judge(const struct event *ev, struct str *key)
{
	const struct stanza *stanza = ev->stanza;
	const struct element *event;

	*key = STR_NONE;
	/* What is added to a copy of a message belongs to one that has to arrive. */
	if (ev->overlay != NULL && (ev->overlay->from.p != NULL || ev->overlay->extra.len > 0))
		return URGENT;
	if (stanza->kind == STANZA_PRESENCE)
		return judge_presence(ev, key);
	if (stanza->kind != STANZA_MESSAGE || stanza->type == MESSAGE_ERROR)
		return URGENT;
	if (is_only_chat_state(content_of(stanza->el)))
		return option_bool(event_options(ev), "drop_chat_states") ? DROPPED : URGENT;
	event = element_child(stanza->el, NS_EVENT, "event");
	if (stanza->type == MESSAGE_HEADLINE && event != NULL &&
	    element_child(stanza->el, NULL, "body") == NULL)
		return judge_notification(ev, event, key);
	return URGENT;
}

static void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Behind all that waits, in the place of the one with its KEY. */
static void
hold(struct event *ev, struct str key)
{
	struct csi *csi = ev->session->csi;
	struct held *held = xnew(struct held), *older = map_get(&csi->by_key, key);

	if (older != NULL) {
		held_free(csi, older);
		count(&ev->worker->counters.csi_replaced);
	}
	held->wire = wire_freeze(ev->stanza);
	if (ev->overlay != NULL && ev->overlay->to.p != NULL)
		held->to = str_dupz(ev->overlay->to);
	held->bytes = sizeof(*held) + sizeof(*held->wire) + held->wire->from.len +
		      held->wire->to.len + held->wire->rest.len + held->wire->inner.len + key.len;
	if (key.p != NULL) {
		held->key = str_dupz(key);
		map_put(&csi->by_key, str(held->key), held);
	}
	list_add(&csi->order, &held->link);
	csi->bytes += held->bytes;
	count(&ev->worker->counters.csi_held);
}

static enum verdict
to_session(struct event *ev)
{
	struct str key;

	switch (judge(ev, &key)) {
	case URGENT:
		flush(ev->session);
		return PASS;
	case DROPPED:
		count(&ev->worker->counters.csi_dropped);
		return DONE;
	case WAITS:
		break;
	}
	hold(ev, key);
	if (ev->session->csi->bytes > option_bytes(event_options(ev), "held_bytes"))
		flush(ev->session);
	return DONE;
}

/* XEP-0286 §4.2: its radio is awake now. */
static enum verdict
from_client(struct event *ev)
{
	if (ev->session->csi != NULL)
		flush(ev->session);
	return PASS;
}

/* §4.2. Before a resource is bound there is nothing to hold back. */
static enum verdict
on_inactive(struct event *ev, struct c2s *c2s UNUSED, struct element *el UNUSED)
{
	if (ev->session != NULL)
		inactivate(ev->session);
	return DONE;
}

/* §5.1: what waits is written before anything that the client sent next is looked at. */
static enum verdict
on_active(struct event *ev, struct c2s *c2s UNUSED, struct element *el UNUSED)
{
	if (ev->session != NULL)
		csi_activate(ev->session);
	return DONE;
}

/* A client that comes back counts as active until it says otherwise (§5). */
static enum verdict
on_resumed(struct event *ev)
{
	csi_activate(ev->session);
	return PASS;
}

static enum verdict
on_closed(struct event *ev)
{
	csi_free(ev->session->csi);
	ev->session->csi = NULL;
	return PASS;
}

static void
bind_inactive(struct event *ev, struct login *login UNUSED, const struct element *asked UNUSED)
{
	inactivate(ev->session);
}

static void
write_features(struct worker *worker UNUSED, const struct config_host *host UNUSED,
	       const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	if (is_authenticated)
		buf_addz(out, "<csi xmlns='" NS_CSI "'/>");
}

const struct module xep0352_csi = {
	.name = "client_state",
	.specs = SPECS(
		{"XEP-0352", "1.0.0", SPEC_COMPLETE, NULL},
		{"XEP-0286", "1.0.0", SPEC_COMPLETE,
		 "what it asks of servers: XEP-0352; what waits goes with what is urgent, and when "
		 "the client sends something itself"}),
	.options =
		OPTIONS({"hold_presence", OPTION_BOOL, "true",
			 "the presence of others waits while a client is inactive"},
			{"hold_notifications", OPTION_BOOL, "true",
			 "notifications of contacts' moods, avatars and the like wait, too"},
			{"drop_chat_states", OPTION_BOOL, "true", "it is not told who is typing"},
			{"held_bytes", OPTION_SIZE, "64KiB",
			 "of one client; when more waits, all of it is sent"}),
	.hooks = HOOKS({POINT_TO_SESSION, STAGE_HANDLE, to_session},
		       {POINT_FROM_CLIENT, STAGE_COPY, from_client},
		       {POINT_SESSION_RESUMED, STAGE_HANDLE, on_resumed},
		       {POINT_SESSION_CLOSED, STAGE_HANDLE, on_closed}),
	.nonzas = NONZAS({NS_CSI, "inactive", on_inactive}, {NS_CSI, "active", on_active}),
	.inline_features = INLINE_FEATURES(
		{INLINE_BIND, NS_CSI, "inactive", NS_CSI, NULL, bind_inactive, NULL},
		{INLINE_BIND, NS_CSI, "active", NULL, NULL, NULL, NULL}),
	.stream_features = write_features,
};
