/* SPDX-License-Identifier: MIT */
/*
 * xep0115_caps.c - entity capabilities (XEP-0115): the server's own in its stream features, and
 * those of clients, asked for once and believed only when the hash fits (SEC-54).
 */
#include "modules/caps.h"
#include "modules/disco_server.h"

#include "base/log.h"
#include "xmpp/xep/caps.h"

#include <stdlib.h>

#define FEATURES_MAX 16384u /* bytes of an answer that is remembered */
#define CACHE_MAX 1000u     /* verified hashes a worker remembers; then it starts anew */
#define ASK_MS 30000u
#define ASKS_MAX 8u /* questions to one client at a time: it may invent hashes (SEC-54) */

struct known {
	char *key; /* "hash ver" */
	struct caps_features *features;
};

struct caps_state {
	struct map known;
	struct config *config; /* of which OWN was made; held, so that no other gets its address */
	struct buf *own;       /* <c/> by host's index */
	size_t own_count;
};

static void
known_free(struct known *known)
{
	free(known->key);
	caps_features_unref(known->features);
	free(known);
}

static void
forget_known(struct caps_state *state)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&state->known, &at, &value))
		known_free(value);
	map_free(&state->known);
}

static void
forget_own(struct caps_state *state)
{
	for (size_t i = 0; i < state->own_count; i++)
		buf_free(&state->own[i]);
	free(state->own);
	config_unref(state->config);
	state->config = NULL;
	state->own = NULL;
	state->own_count = 0;
}

static void
state_free(void *p)
{
	forget_known(p);
	forget_own(p);
}

static struct str
key_of(struct arena *arena, const struct caps *caps)
{
	return arena_printf(arena, "%.*s %.*s", STR_ARG(caps->hash), STR_ARG(caps->ver));
}

struct question {
	struct arena *arena;
	struct caps caps;
};

static struct caps_features *
remember(struct caps_state *state, struct str key, const struct element *query)
{
	struct caps_features *features = caps_features_new(query);
	struct known *known;

	if (caps_features_size(features) > FEATURES_MAX) {
		caps_features_unref(features);
		return NULL;
	}
	if (state->known.count >= CACHE_MAX)
		forget_known(state);
	known = xnew(struct known);
	known->key = str_dupz(key);
	known->features = features;
	map_put(&state->known, str(known->key), known);
	return features;
}

struct caps_features *
caps_known(struct worker *worker, const struct caps *caps)
{
	extern const struct module xep0115_caps;
	struct caps_state *state = module_state(worker, &xep0115_caps);
	struct arena *arena = arena_new();
	const struct known *known = map_get(&state->known, key_of(arena, caps));

	arena_free(arena);
	return known ? known->features : NULL;
}

struct caps_features *
caps_learn(struct worker *worker, const struct caps *caps, const struct element *query)
{
	extern const struct module xep0115_caps;
	struct caps_features *features = caps_known(worker, caps);
	struct arena *arena = arena_new();
	const char *why;

	if (features == NULL && caps_verify(arena, caps, query, &why) == 0)
		features =
			remember(module_state(worker, &xep0115_caps), key_of(arena, caps), query);
	arena_free(arena);
	return features;
}

/* What SESSION's client can do, from now on; NULL: nobody knows. */
static void
set_features(struct session *session, struct caps_features *features)
{
	struct event ev = {
		.worker = session->worker, .session = session, .account = session->account};

	if (session->features == features)
		return;
	caps_features_unref(session->features);
	session->features = features ? caps_features_ref(features) : NULL;
	ev.host = worker_host(session->worker, session->jid.domain);
	if (ev.host == NULL)
		return;
	ev.arena = arena_new();
	hooks_run(POINT_SESSION_FEATURES, &ev);
	arena_free(ev.arena);
}

/* Whether its presence speaks of the same still. */
static bool
is_current(const struct session *session, const struct caps *caps)
{
	struct stanza *presence =
		session_is_available(session) ? wire_thaw(session->presence) : NULL;
	bool is_same = false;
	struct caps now;

	if (presence != NULL)
		is_same = caps_find(presence->el, &now) && str_equal(now.ver, caps->ver) &&
			  str_equal(now.hash, caps->hash);
	stanza_unref(presence);
	return is_same;
}

static void
on_info(struct session *session, const struct stanza *reply, void *arg)
{
	extern const struct module xep0115_caps;
	struct caps_state *state = module_state(session->worker, &xep0115_caps);
	struct question *q = arg;
	struct element *query =
		reply != NULL ? element_child(reply->el, NS_DISCO_INFO, "query") : NULL;
	struct str key = key_of(q->arena, &q->caps);
	const char *why;

	if (query != NULL && caps_verify(q->arena, &q->caps, query, &why) < 0) {
		log_event(LOG_DEBUG, "caps-not-verified", LOG_STR("jid", session->jid.text),
			  LOG_Z("why", why));
	} else if (query != NULL) {
		const struct known *known = map_get(&state->known, key);
		struct caps_features *features =
			known ? known->features : remember(state, key, query);

		if (!session->is_closing && is_current(session, &q->caps))
			set_features(session, features);
	}
	arena_free(q->arena);
	free(q);
}

static void
ask(struct session *session, struct arena *arena, const struct caps *caps)
{
	struct question *q = xnew(struct question);
	struct element *query = disco_new(
		arena, NS_DISCO_INFO,
		arena_printf(arena, "%.*s#%.*s", STR_ARG(caps->node), STR_ARG(caps->ver)));

	q->arena = arena_new();
	q->caps = (struct caps){arena_dup(q->arena, caps->node), arena_dup(q->arena, caps->ver),
				arena_dup(q->arena, caps->hash)};
	session_ask(session, IQ_GET, query, ASK_MS, on_info, q);
}

/* §6.2: asks the client that announces a hash that nobody has proved yet. */
static enum verdict
on_presence(struct event *ev)
{
	struct caps_state *state = module_state(ev->worker, ev->module);
	const struct known *known;
	struct caps caps;

	if (!session_is_available(ev->session) || !caps_find(ev->stanza->el, &caps) ||
	    !caps_knows_hash(caps.hash)) {
		set_features(ev->session, NULL);
		return PASS;
	}
	known = map_get(&state->known, key_of(ev->arena, &caps));
	set_features(ev->session, known ? known->features : NULL);
	if (known == NULL && ev->session->ask_count < ASKS_MAX)
		ask(ev->session, ev->arena, &caps);
	return PASS;
}

static void
make_own(struct worker *worker, struct caps_state *state)
{
	struct arena *arena = arena_new();

	forget_own(state);
	state->config = config_ref(worker->config);
	state->own_count = worker->config->host_count;
	state->own = xnew_array(struct buf, state->own_count);
	for (size_t i = 0; i < state->own_count; i++) {
		struct event ev = {
			.worker = worker, .arena = arena, .host = &worker->config->hosts[i]};
		struct caps caps = {STR(CAPS_NODE), STR_NONE, STR("sha-1")};
		struct element *features = element_new(arena, NS_STREAM, "features");
		const char *why;

		if (caps_hash(arena, disco_server_info(&ev, STR_NONE), caps.hash, &caps.ver, &why) <
		    0) {
			log_event(LOG_ERROR, "caps-of-server", LOG_Z("why", why));
			continue;
		}
		caps_add(arena, features, &caps);
		xml_write(&state->own[i], features->children, STR(NS_CLIENT));
	}
	arena_free(arena);
}

/* §6.3: a server says it in its features, so that clients need not ask at every login. */
static void
write_features(struct worker *worker, const struct config_host *host,
	       const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	extern const struct module xep0115_caps;
	struct caps_state *state = module_state(worker, &xep0115_caps);

	if (!is_authenticated)
		return;
	if (state->config != worker->config)
		make_own(worker, state);
	buf_add(out, buf_str(&state->own[host->index]));
}

const struct module xep0115_caps = {
	.name = "caps",
	.specs = SPECS({"XEP-0115", "1.6.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_CAPS),
	.hooks = HOOKS({POINT_PRESENCE, STAGE_HANDLE, on_presence}),
	.stream_features = write_features,
	.state_size = sizeof(struct caps_state),
	.state_free = state_free,
};
