/* SPDX-License-Identifier: MIT */
/*
 * service.c - a publish-subscribe service on a domain of its own below each host (XEP-0060).
 */
#include "modules/xep0060_pubsub/service.h"
#include "modules/commands.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/features.h"
#include "server/control.h"
#include "xmpp/xep/disco.h"

static const char *const features[] = {NS_DISCO_INFO,   NS_DISCO_ITEMS,
				       NS_COMMANDS,     NS_PUBSUB "#get-pending",
				       PUBSUB_FEATURES, NULL};

extern const struct module xep0060_pubsub;
extern const struct control_command pubsub_controls[];

struct service_state {
	struct map sites; /* struct site by domain */
};

static void
state_free(void *p)
{
	struct service_state *state = p;
	uint32_t at = 0;
	void *value;

	while (map_next(&state->sites, &at, &value))
		site_free(value);
	map_free(&state->sites);
}

static struct site *
site_at(struct worker *worker, struct str domain)
{
	struct service_state *state = module_state(worker, &xep0060_pubsub);
	struct site *site = map_get(&state->sites, domain);

	if (site == NULL) {
		site = site_new(worker, &xep0060_pubsub, jid_of_prepared(domain), NULL);
		map_put(&state->sites, site->jid.text, site);
	}
	return site;
}

static struct site *
site_of(const struct event *ev)
{
	return site_at(ev->worker, ev->service->name);
}

bool
service_is_there(const struct config *config, struct str domain)
{
	const struct config_service *service = config_service(config, domain);

	return service != NULL && service->module == module_index(&xep0060_pubsub);
}

struct site *
service_site(struct worker *worker, struct str domain)
{
	return service_is_there(worker->config, domain) ? site_at(worker, domain) : NULL;
}

static enum verdict
answer_info(struct event *ev)
{
	struct element *query = disco_new(ev->arena, NS_DISCO_INFO, STR_NONE);

	disco_add_identity(ev->arena, query, STR("pubsub"), STR("service"), STR_NONE,
			   STR("Publish-Subscribe"));
	for (size_t i = 0; features[i] != NULL; i++)
		disco_add_feature(ev->arena, query, str(features[i]));
	event_reply(ev, query);
	return DONE;
}

static enum verdict
take_iq(struct event *ev)
{
	const struct element *payload = event_payload(ev);

	if (payload == NULL || ev->stanza->to.resource.len > 0)
		return PASS;
	if (str_is(payload->name, "pubsub") &&
	    (str_is(payload->ns, NS_PUBSUB) || str_is(payload->ns, NS_PUBSUB_OWNER)))
		return request_take(ev, site_of(ev), request_run_pubsub);
	if (element_is(payload, NS_COMMANDS, "command") && ev->stanza->type == IQ_SET)
		return take_command(ev, site_of(ev));
	if (ev->stanza->type != IQ_GET)
		return PASS;
	if (element_is(payload, NS_DISCO_ITEMS, "query") &&
	    str_is(element_attr(payload, "node"), NS_COMMANDS))
		return list_commands(ev);
	if (element_is(payload, NS_DISCO_INFO, "query") && element_attr(payload, "node").p == NULL)
		return answer_info(ev);
	if (element_is(payload, NS_DISCO_INFO, "query") ||
	    element_is(payload, NS_DISCO_ITEMS, "query"))
		return request_take(ev, site_of(ev), disco_answer);
	if (element_is(payload, "urn:xmpp:ping", "ping")) {
		event_reply(ev, NULL);
		return DONE;
	}
	return PASS;
}

static enum verdict
take(struct event *ev)
{
	if (ev->stanza->to.local.len > 0)
		return PASS;
	switch (ev->stanza->kind) {
	case STANZA_IQ:
		return stanza_may_be_refused(ev->stanza) ? take_iq(ev) : DONE;
	case STANZA_MESSAGE:
		if (!stanza_may_be_refused(ev->stanza))
			return take_bounce(ev, site_of(ev));
		return take_authorization(ev, site_of(ev));
	default:
		return DONE;
	}
}

const struct module xep0060_pubsub = {
	.name = "pubsub",
	.specs = SPECS({"XEP-0060", "1.30.0", SPEC_PARTIAL,
			"no leases, temporary subscriptions, digests, presence-based delivery, "
			"collections, or several "
			"subscriptions of one address to one node; those are all optional"},
		       {"XEP-0059", "1.0.1", SPEC_COMPLETE, NULL}),
	.options =
		OPTIONS(PUBSUB_OPTIONS("10000", "1GiB"),
			{"domain", OPTION_TEXT, "", "its whole name, if not pubsub and the host's"},
			{"creators", OPTION_TEXT, "local",
			 "who may make nodes, besides administrators", "admins local anyone"}),
	.hooks = HOOKS({POINT_ACCOUNT_REMOVED, STAGE_HANDLE, leave_services}),
	.subdomain = "pubsub",
	.take = take,
	.controls = pubsub_controls,
	.state_size = sizeof(struct service_state),
	.state_free = state_free,
};
