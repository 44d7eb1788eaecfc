/* SPDX-License-Identifier: MIT */
/*
 * xep0215_extdisco.c - External Service Discovery (XEP-0215): where clients find STUN and TURN for
 * calls, with credentials that are good for a while.
 *
 * Credentials are those of TURN's REST scheme, which coturn knows as use-auth-secret: the name is
 * the time until which they are good and a pseudonym of the account, the password an HMAC-SHA1 of
 * it. Only who has an account here gets any: a relay is not for the world (SEC-61).
 */
#include "base/base64.h"
#include "base/log.h"
#include "base/time.h"
#include "modules/extdisco.h"
#include "xmpp/scram_crypto.h"

#include <stdlib.h>

#define NS_EXTDISCO "urn:xmpp:extdisco:2"
#define PUSH_TIMEOUT_MS 60000u
#define PSEUDONYM_BYTES 9u

extern const struct module xep0215_extdisco;

struct asker {      /* a session that hears of changes */
	char *type; /* it asked for that alone; NULL: for all */
	char jid[];
};

struct askers { /* of a worker */
	struct map by_jid;
};

static bool
is_restricted(const struct external_service *service)
{
	return str_is(service->type, "turn") || str_is(service->type, "turns");
}

static struct str
hmac_base64(struct arena *arena, struct str secret, struct str text, size_t max)
{
	unsigned char mac[SCRAM_KEY_MAX];

	scram_hmac(SCRAM_SHA_1, secret, &text, 1, mac);
	return base64_encode(arena, str_of(mac, MIN(max, 20u)));
}

/* The pseudonym is the same each time, so that a relay can tell who uses too much. */
static void
add_credentials(struct arena *arena, struct element *el, const struct option_values *options,
		struct str account)
{
	struct str secret = option_text(options, "secret");
	uint64_t until_us = time_wall_us() + option_ms(options, "lifetime") * 1000;
	struct str name, pseudonym = hmac_base64(arena, secret, account, PSEUDONYM_BYTES);

	name = arena_printf(arena, "%llu:%.*s", (unsigned long long)(until_us / 1000000),
			    STR_ARG(pseudonym));
	element_set(arena, el, "username", name);
	element_set(arena, el, "password", hmac_base64(arena, secret, name, 20));
	element_set(arena, el, "expires", time_format(arena, until_us, false));
}

static struct element *
service_element(struct arena *arena, struct element *parent, const struct external_service *service,
		const struct option_values *options, struct str account)
{
	struct element *el = element_add(arena, parent, NULL, "service");

	element_set(arena, el, "type", service->type);
	element_set(arena, el, "host", service->host);
	if (service->port.len > 0)
		element_set(arena, el, "port", service->port);
	if (service->transport.len > 0)
		element_set(arena, el, "transport", service->transport);
	if (is_restricted(service) && option_text(options, "secret").len > 0) {
		element_setz(arena, el, "restricted", "true");
		add_credentials(arena, el, options, account);
	}
	return el;
}

static void
forget(struct askers *askers, struct str jid)
{
	struct asker *asker = map_remove(&askers->by_jid, jid);

	if (asker != NULL)
		free(asker->type);
	free(asker);
}

static void
remember(struct event *ev, struct str type)
{
	struct askers *askers = module_state(ev->worker, &xep0215_extdisco);
	struct str jid = ev->session->jid.text;
	struct asker *asker = xalloc(sizeof(*asker) + jid.len + 1);

	forget(askers, jid);
	memcpy(asker->jid, jid.p, jid.len);
	asker->type = type.p != NULL ? str_dupz(type) : NULL;
	map_put(&askers->by_jid, str_of(asker->jid, jid.len), asker);
}

static bool
may_ask(const struct event *ev)
{
	return ev->session != NULL && !ev->account->is_guest &&
	       str_equal(ev->session->jid.domain, ev->host->name);
}

/* §3.1, §3.2 */
static enum verdict
get_services(struct event *ev)
{
	const struct option_values *options = event_options(ev);
	const struct text_list *list = option_list(options, "services");
	struct element *answer = element_new(ev->arena, NS_EXTDISCO, "services");
	struct str type = element_attr(event_payload(ev), "type");

	if (!may_ask(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (type.p != NULL)
		element_set(ev->arena, answer, "type", type);
	for (size_t i = 0; i < list->count; i++) {
		struct external_service service;

		if (external_service_parse(list->items[i], &service) < 0)
			log_event(LOG_WARNING, "external-service-unreadable",
				  LOG_STR("service", list->items[i]));
		else if (type.p == NULL || str_equal(type, service.type))
			service_element(ev->arena, answer, &service, options,
					ev->account->jid.text);
	}
	remember(ev, type);
	event_reply(ev, answer);
	return DONE;
}

static bool
is_asked_for(const struct external_service *service, const struct element *asked)
{
	struct str port = element_attr(asked, "port");

	return str_equal(service->type, element_attr(asked, "type")) &&
	       str_equal_nocase(service->host, element_attr(asked, "host")) &&
	       (port.p == NULL || str_equal(service->port, port));
}

/* §3.3 */
static enum verdict
get_credentials(struct event *ev)
{
	const struct option_values *options = event_options(ev);
	const struct text_list *list = option_list(options, "services");
	const struct element *asked = element_child(event_payload(ev), NS_EXTDISCO, "service");
	struct element *answer = element_new(ev->arena, NS_EXTDISCO, "credentials");

	if (!may_ask(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (asked == NULL || element_attr(asked, "type").p == NULL ||
	    element_attr(asked, "host").p == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	for (size_t i = 0; i < list->count; i++) {
		struct external_service service;

		if (external_service_parse(list->items[i], &service) == 0 &&
		    is_restricted(&service) && is_asked_for(&service, asked))
			service_element(ev->arena, answer, &service, options,
					ev->account->jid.text);
	}
	if (answer->children == NULL || option_text(options, "secret").len == 0)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	event_reply(ev, answer);
	return DONE;
}

static enum verdict
on_closed(struct event *ev)
{
	forget(module_state(ev->worker, &xep0215_extdisco), ev->session->jid.text);
	return PASS;
}

static void
state_free(void *state)
{
	struct askers *askers = state;
	uint32_t at = 0;
	void *value;

	while (map_next(&askers->by_jid, &at, &value)) {
		free(((struct asker *)value)->type);
		free(value);
	}
	map_free(&askers->by_jid);
}

static bool
has(const struct text_list *list, struct str uri)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_equal(list->items[i], uri))
			return true;
	return false;
}

/* Adds those of LIST that OTHER lacks, or (IS_MODIFIED) those that need new credentials. */
static void
add_changes(struct arena *arena, struct element *services, const struct asker *asker,
	    const struct option_values *options, const struct text_list *list,
	    const struct text_list *other, const char *action, bool is_modified)
{
	struct str bare = str(asker->jid);

	bare = str_first(bare, (size_t)MAX(str_find(bare, '/'), 0));
	for (size_t i = 0; i < list->count; i++) {
		struct external_service service;

		if (has(other, list->items[i]) != is_modified ||
		    external_service_parse(list->items[i], &service) < 0 ||
		    (is_modified && !is_restricted(&service)) ||
		    (asker->type != NULL && !str_is(service.type, asker->type)))
			continue;
		element_setz(arena, service_element(arena, services, &service, options, bare),
			     "action", action);
	}
}

static void
on_pushed(struct session *session UNUSED, const struct stanza *reply UNUSED, void *arg UNUSED)
{
}

static void
push(struct session *session, const struct asker *asker, const struct option_values *before,
     const struct option_values *after)
{
	const struct text_list *old = option_list(before, "services");
	const struct text_list *new = option_list(after, "services");
	struct arena *arena = arena_new();
	struct element *services = element_new(arena, NS_EXTDISCO, "services");

	if (asker->type != NULL)
		element_setz(arena, services, "type", asker->type);
	add_changes(arena, services, asker, after, new, old, "add", false);
	add_changes(arena, services, asker, before, old, new, "delete", false);
	if (!str_equal(option_text(before, "secret"), option_text(after, "secret")))
		add_changes(arena, services, asker, after, new, old, "modify", true);
	if (services->children != NULL)
		session_ask(session, IQ_SET, services, PUSH_TIMEOUT_MS, on_pushed, NULL);
	arena_free(arena);
}

/* §3.2: who asked for the list hears of what the operator changed in it. */
static void
on_reload(struct worker *worker, const struct config *old)
{
	struct askers *askers = module_state(worker, &xep0215_extdisco);
	size_t index = module_index(&xep0215_extdisco);
	uint32_t at = 0;
	void *value;

	while (map_next(&askers->by_jid, &at, &value)) {
		const struct asker *asker = value;
		struct str jid = str(asker->jid);
		size_t slash = (size_t)MAX(str_find(jid, '/'), 0);
		struct account *account = account_find(worker, str_first(jid, slash));
		struct session *session =
			account ? account_session(account, str_from(jid, slash + 1)) : NULL;
		const struct config_host *before, *after;

		if (session == NULL || session->is_closing)
			continue;
		before = config_host(old, account->jid.domain);
		after = worker_host(worker, account->jid.domain);
		if (before != NULL && after != NULL)
			push(session, asker, config_options(old, before, index),
			     config_options(worker->config, after, index));
	}
}

const struct module xep0215_extdisco = {
	.name = "external_services",
	.specs = SPECS({"XEP-0215", "1.0.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_EXTDISCO),
	.options = OPTIONS(
		{"services", OPTION_LIST, "",
		 "what clients are told of, such as `stun:stun.example.com:3478?transport=udp`, "
		 "`turn:` or `turns:`"},
		{"secret", OPTION_TEXT, "",
		 "shared with the TURN servers (coturn's `static-auth-secret`)"},
		{"lifetime", OPTION_DURATION, "12h", "of the credentials for TURN", .min = 60000}),
	.iqs = IQS({IQ_GET, TO_SERVER, NS_EXTDISCO, "services", get_services},
		   {IQ_GET, TO_SERVER, NS_EXTDISCO, "credentials", get_credentials}),
	.hooks = HOOKS({POINT_SESSION_CLOSED, STAGE_HANDLE, on_closed}),
	.reloaded = on_reload,
	.state_size = sizeof(struct askers),
	.state_free = state_free,
};
