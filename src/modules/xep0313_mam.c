/* SPDX-License-Identifier: MIT */
/*
 * xep0313_mam.c - an account's archive (XEP-0313), its preferences (XEP-0441) and its age.
 *
 * The archive is the account's log of messages itself (server/message_log.h); what gets into it is
 * in archive.c, how questions are answered in mam_query.c.
 */
#include "modules/archive.h"
#include "modules/archive_prefs.h"
#include "modules/fulltext.h"
#include "modules/mam_query.h"
#include "server/login.h"
#include "server/message_log.h"
#include "xmpp/xep/sid.h"

#include <stdlib.h>

#define SWEEP_MS 3600000u  /* how often what is too old is looked for */
#define SWEEP_OWNERS 100u  /* archives of one step */
#define SWEEP_ENTRIES 500u /* that are removed from one archive in one step */

extern const struct module xep0313_mam;

static struct mam_archive
archive_of(const struct account *account)
{
	return (struct mam_archive){
		.owner = account->jid.text, .log = MESSAGE_LOG, .mask = ENTRY_HIDDEN};
}

/* Questions */

static enum verdict
query(struct event *ev)
{
	struct mam_archive archive = archive_of(ev->account);
	struct held_iq *held;
	struct mam_query query;
	enum stanza_condition condition;

	if (ev->account->is_guest)
		return PASS;
	held = event_hold(ev);
	condition = mam_query_parse(held->arena, event_payload(ev), false, &query);
	if (condition != STANZA_NO_ERROR) {
		held_drop(held);
		return event_refuse(ev, condition);
	}
	/* §5.1.1: what it finds here it does not need once more; but what comes after that. */
	if (ev->session != NULL && !session_is_available(ev->session))
		ev->session->archive_until =
			MAX(ev->session->archive_until, ev->account->log.last_id);
	mam_query_run(held, &query, &archive);
	return DONE;
}

static enum verdict
form(struct event *ev)
{
	event_reply(ev, mam_form(ev->arena, false));
	return DONE;
}

static enum verdict
metadata(struct event *ev)
{
	struct mam_archive archive = archive_of(ev->account);

	mam_metadata_run(event_hold(ev), &archive);
	return DONE;
}

/* Preferences */

static struct str
prefs_text(const struct account *account)
{
	return account->archive_prefs ? str(account->archive_prefs) : STR("");
}

static enum verdict
get_prefs(struct event *ev)
{
	event_reply(ev, archive_prefs_element(ev->arena, prefs_text(ev->account)));
	return DONE;
}

struct setting { /* preferences on their way to the store */
	struct held_iq *held;
	struct account *account;
	struct str text;
};

static void
on_prefs_stored(struct store_request *request)
{
	struct setting *setting = request->owner;
	struct account *account = setting->account;

	if (request->status == STORE_OK) {
		archive_prefs_set(account, setting->text);
		held_reply(setting->held,
			   archive_prefs_element(setting->held->arena, setting->text));
	} else {
		held_refuse(setting->held, STANZA_RESOURCE_CONSTRAINT, NULL);
	}
	account_unpin(account);
	store_request_free(request);
}

static enum verdict
set_prefs(struct event *ev)
{
	enum stanza_condition condition;
	struct store_request *request;
	struct setting *setting;
	struct held_iq *held;
	struct str text;

	condition = archive_prefs_read(ev->arena, event_payload(ev), &text);
	if (condition != STANZA_NO_ERROR)
		return event_refuse(ev, condition);
	held = event_hold(ev);
	setting = arena_new_of(held->arena, struct setting);
	*setting = (struct setting){held, ev->account, arena_dup(held->arena, text)};
	account_pin(ev->account);
	request = store_request_new(ev->worker->store, ev->worker->loop, on_prefs_stored, setting);
	store_doc_put(request, ev->account->jid.text, ACCOUNT_PREFS_DOC, setting->text);
	store_submit(request);
	return DONE;
}

/* With Bind 2: where the archive begins and ends, and no offline messages (XEP-0386 §3). */

struct bounds {
	struct login *login;
	uint64_t id[2], at_us[2]; /* of the first and the last entry; 0: none */
};

static void
on_bounds(struct store_request *request)
{
	struct bounds *bounds = request->owner;

	for (size_t i = 0; i < 2; i++) {
		const struct store_item *item = request->results[i].items;

		bounds->id[i] = item ? item->id : 0;
		bounds->at_us[i] = item ? item->at_us : 0;
	}
	store_request_free(request);
	login_go_on(bounds->login);
}

static void
look_up_bounds(struct event *ev, struct login *login, const struct element *asked UNUSED)
{
	struct bounds *bounds = arena_new_of(login_arena(login), struct bounds);
	struct store_request *request;

	login_keep(login, bounds);
	if (ev->account->is_guest)
		return;
	bounds->login = login;
	request = store_request_new(ev->worker->store, ev->worker->loop, on_bounds, bounds);
	for (int from_end = 0; from_end < 2; from_end++)
		store_log_page(request, ev->account->jid.text, MESSAGE_LOG,
			       &(struct store_page){.mask = ENTRY_HIDDEN,
						    .limit = 1,
						    .from_end = from_end == 1,
						    .without_values = true});
	login_hold(login);
	store_submit(request);
}

static void
tell_bounds(struct event *ev, struct login *login, const struct element *asked UNUSED)
{
	static const char *const names[] = {"start", "end"};
	const struct bounds *bounds = login_kept(login);
	struct arena *arena = login_arena(login);
	struct element *metadata = element_new(arena, NS_MAM, "metadata");

	for (size_t i = 0; i < 2 && bounds->id[i] > 0; i++) {
		struct element *el = element_add(arena, metadata, NULL, names[i]);
		char id[MAM_ID_SIZE];

		element_set(arena, el, "id", mam_id_text(id, bounds->id[i]));
		element_set(arena, el, "timestamp", time_format(arena, bounds->at_us[i], true));
	}
	login_answer(login, metadata);
	ev->session->archive_until = bounds->id[1];
}

/* Age: one worker looks through all archives, a few at a time. */

static uint64_t
expire_after(const struct worker *worker, const struct config_host *host)
{
	const struct option_values *options =
		config_options(worker->config, host, module_index(&xep0313_mam));

	return config_module_enabled(options) ? option_ms(options, "expire_after") : 0;
}

static struct str
owner_host(struct str owner)
{
	ptrdiff_t at = str_find(owner, '@');

	return at >= 0 ? str_from(owner, (size_t)at + 1) : STR("");
}

struct sweep { /* the module's state */
	uint64_t next_ms;
	bool is_running;
	struct worker *worker;
	char *after; /* the last owner that was looked at */
};

static void next_owners(struct sweep *sweep);

static void
on_owners(struct store_request *request)
{
	struct sweep *sweep = request->owner;
	struct worker *worker = sweep->worker;
	const struct store_result *result = &request->results[0];

	free(sweep->after);
	sweep->after = NULL;
	for (const struct store_item *item = result->items; item != NULL; item = item->next) {
		const struct config_host *host = worker_host(worker, owner_host(item->key));
		uint64_t max_ms = host ? expire_after(worker, host) : 0, now_us = time_wall_us();
		struct store_request *prune;

		if (item->next == NULL && result->count == SWEEP_OWNERS)
			sweep->after = str_dupz(item->key);
		if (max_ms == 0 || now_us / 1000 < max_ms)
			continue;
		prune = store_request_new(worker->store, worker->loop, NULL, NULL);
		store_log_prune(prune, item->key, MESSAGE_LOG, now_us - max_ms * 1000, 0,
				SWEEP_ENTRIES);
		store_submit(prune);
	}
	store_request_free(request);
	if (sweep->after != NULL)
		next_owners(sweep);
	else
		sweep->is_running = false;
}

static void
next_owners(struct sweep *sweep)
{
	struct store_request *request =
		store_request_new(sweep->worker->store, sweep->worker->loop, on_owners, sweep);

	store_log_owners(request, MESSAGE_LOG, sweep->after ? str(sweep->after) : STR(""),
			 SWEEP_OWNERS);
	store_submit(request);
}

static void
tick(struct worker *worker)
{
	struct sweep *sweep = module_state(worker, &xep0313_mam);
	uint64_t now = loop_now_ms(worker->loop);

	if (worker->index != 0 || sweep->is_running || now < sweep->next_ms)
		return;
	sweep->next_ms = now + SWEEP_MS;
	sweep->is_running = true;
	sweep->worker = worker;
	next_owners(sweep);
}

static void
sweep_free(void *state)
{
	free(((struct sweep *)state)->after);
}

const struct module xep0313_mam = {
	.name = "archive",
	.specs = SPECS({"XEP-0313", "1.1.3", SPEC_COMPLETE, "#extended; accounts"},
		       {"XEP-0441", "0.2.0", SPEC_COMPLETE, NULL},
		       {"XEP-0431", "0.2.0", SPEC_COMPLETE, "words, without an index"},
		       {"XEP-0359", "0.7.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_MAM), /* where Profanity looks, up to 0.13 at least */
	.account_features = FEATURES(NS_MAM, NS_MAM_EXTENDED, NS_SID, NS_FULLTEXT),
	.options = OPTIONS({"expire_after", OPTION_DURATION, "0",
			    "how long archived messages are kept; 0: as long as there is room"}),
	.iqs = IQS({IQ_SET, TO_OWN_ACCOUNT, NS_MAM, "query", query},
		   {IQ_GET, TO_OWN_ACCOUNT, NS_MAM, "query", form},
		   {IQ_GET, TO_OWN_ACCOUNT, NS_MAM, "metadata", metadata},
		   {IQ_GET, TO_OWN_ACCOUNT, NS_MAM, "prefs", get_prefs},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_MAM, "prefs", set_prefs}),
	.inline_features =
		INLINE_FEATURES({INLINE_BIND, NULL, NULL, NULL, look_up_bounds, tell_bounds, NULL}),
	.portables = archive_prefs_portables,
	.tick = tick,
	.state_size = sizeof(struct sweep),
	.state_free = sweep_free,
};
