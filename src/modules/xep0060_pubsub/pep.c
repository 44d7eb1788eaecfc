/* SPDX-License-Identifier: MIT */
/*
 * pep.c - every account is a publish-subscribe service: Personal Eventing (XEP-0163), and what is
 * built on it.
 */
#include "modules/xep0060_pubsub/pep.h"

#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/bookmarks.h"
#include "modules/xep0060_pubsub/displayed.h"
#include "modules/xep0060_pubsub/features.h"
#include "modules/xep0060_pubsub/interest.h"
#include "modules/xep0060_pubsub/peers.h"
#include "server/account_extra.h"
#include "server/portable.h"
#include "xmpp/xep/caps.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xep/vcard4.h"

struct site *
pep_site(struct account *account)
{
	const struct config_host *host = worker_host(account->worker, account->jid.domain);
	struct site *site = account_extra(account, &xep0163_pep);

	if (account->is_guest || host == NULL ||
	    !config_module_enabled(
		    config_options(account->worker->config, host, module_index(&xep0163_pep))))
		return NULL;
	if (site == NULL) {
		site = site_new(account->worker, &xep0163_pep, account->jid, account);
		account_set_extra(account, &xep0163_pep, site);
	}
	return site;
}

static void
free_site(void *state)
{
	site_free(state);
}

/* Nothing of a guest is stored. */
static enum verdict
take_iq(struct event *ev)
{
	struct site *site = pep_site(ev->account);

	if (site == NULL)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	return request_take(ev, site, request_run_pubsub);
}

static enum verdict
take_disco(struct event *ev)
{
	struct site *site = pep_site(ev->account);

	return site != NULL ? request_take(ev, site, disco_answer) : PASS;
}

static void
add_info(struct event *ev, struct element *query)
{
	if (!ev->account->is_guest)
		disco_add_identity(ev->arena, query, STR("pubsub"), STR("pep"), STR_NONE, STR_NONE);
}

/* Answers to subscription requests; they come from the owner's clients. */
static enum verdict
take_message(struct event *ev)
{
	struct site *site;

	if (ev->stanza->kind != STANZA_MESSAGE || ev->stanza->to.resource.len > 0 ||
	    !stanza_may_be_refused(ev->stanza) ||
	    !str_equal(jid_bare_text(ev->stanza->from), ev->account->jid.text) ||
	    element_child(ev->stanza->el, NS_FORMS, "x") == NULL)
		return PASS;
	site = pep_site(ev->account);
	return site != NULL ? take_authorization(ev, site) : PASS;
}

/* Whoever comes back is sent last items again. */
static enum verdict
on_presence(struct event *ev)
{
	if (!session_is_available(ev->session)) {
		caps_features_unref(ev->session->greeted);
		ev->session->greeted = NULL;
	}
	return PASS;
}

static enum verdict
on_removed(struct event *ev)
{
	struct site *site = account_extra(ev->account, &xep0163_pep);

	if (site != NULL)
		site_forget(site);
	return PASS;
}

extern const struct portable pep_portables[];

const struct module xep0163_pep = {
	.name = "pep",
	.specs = SPECS({"XEP-0163", "1.2.2", SPEC_PARTIAL,
			"no XEP-0033 reply addresses; no last items for contacts elsewhere while "
			"the owner is "
			"offline"},
		       {"XEP-0084", "1.1.4", SPEC_COMPLETE, NULL},
		       {"XEP-0172", "1.1", SPEC_COMPLETE, "as a node"},
		       {"XEP-0402", "1.2.0", SPEC_COMPLETE,
			"the same bookmarks in private storage and in XEP-0048's node"},
		       {"XEP-0292", "0.12.0", SPEC_COMPLETE, "and vcard-temp says the same"},
		       {"XEP-0490", "1.0.1", SPEC_COMPLETE, "with the server's help"},
		       {"XEP-0398", "1.0.0", SPEC_PARTIAL,
			"presence is not sent anew when the avatar changes"},
		       {"XEP-0222", "1.0", SPEC_COMPLETE, NULL},
		       {"XEP-0223", "1.1.1", SPEC_COMPLETE, NULL}),
	.account_features =
		FEATURES(PUBSUB_FEATURES, NS_PUBSUB "#access-presence", NS_PUBSUB "#access-roster",
			 NS_PUBSUB "#auto-subscribe", NS_PUBSUB "#filtered-notifications",
			 NS_PUBSUB "#presence-subscribe", NS_PUBSUB "#pubsub-on-a-jid",
			 "urn:xmpp:pep-vcard-conversion:0", NS_VCARD4, NODE_BOOKMARKS "#compat",
			 NODE_BOOKMARKS "#compat-pep", NS_DISPLAYED_ASSIST),
	.options = OPTIONS(PUBSUB_OPTIONS("1000", "64MiB")),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_PUBSUB, "pubsub", take_iq},
		   {IQ_SET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_PUBSUB, "pubsub", take_iq},
		   {IQ_GET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_PUBSUB_OWNER, "pubsub", take_iq},
		   {IQ_SET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_PUBSUB_OWNER, "pubsub", take_iq}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_MARK, displayed_take},
		       {POINT_SESSION_FEATURES, STAGE_HANDLE, interest_greet},
		       {POINT_CONTACT_ADDED, STAGE_HANDLE, interest_greet_contact},
		       {POINT_PRESENCE, STAGE_HANDLE, on_presence},
		       {POINT_TO_ACCOUNT, STAGE_CHECK, take_message},
		       {POINT_TO_ACCOUNT, STAGE_COPY, peers_presence},
		       {POINT_ACCOUNT_REMOVED, STAGE_HANDLE, on_removed}),
	.account_info = add_info,
	.account_disco = take_disco,
	.account_free = free_site,
	.portables = pep_portables,
};
