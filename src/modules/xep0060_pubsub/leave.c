/* SPDX-License-Identifier: MIT */
/*
 * leave.c - those who are no more have nothing to do with the nodes of services any more: an
 * account that is removed, and an address to which notifications cannot be delivered (XEP-0060
 * §12.3). Whoever gets the name later is somebody else, and inherits neither rights nor
 * subscriptions.
 */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"
#include "modules/xep0060_pubsub/service.h"

struct leaving { /* on its way to one service; of an arena of its own */
	struct site_task task;
	struct arena *arena;
	struct str service, who; /* a bare JID; or what a notification was sent to */
	bool is_bounce;          /* only subscriptions of just that address end */
};

static void
unsubscribe_address(struct node *node, struct commit *commit, struct str address)
{
	struct person *person = node_person(node, address);

	if (person != NULL && person->subscription == SUBSCRIPTION_SUBSCRIBED)
		end_subscription(node, commit, person);
}

static void
leave_node(struct node *node, struct commit *commit, struct str who)
{
	struct person **all =
		arena_array(commit_arena(commit), struct person *, node->people.count + 1);
	size_t n = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&node->people, &at, &value)) {
		struct person *person = value;

		if (str_equal(jid_bare_text(jid_of_prepared(person->jid)), who))
			all[n++] = person;
	}
	for (size_t i = 0; i < n; i++) {
		all[i]->affiliation = AFFILIATION_NONE;
		end_subscription(node, commit, all[i]);
	}
}

static bool
is_known(const struct site *site, struct str who)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&site->nodes, &at, &value)) {
		const struct node *node = value;

		if (node_person(node, who) != NULL || node_is_subscriber(node, who))
			return true;
	}
	return false;
}

static void
on_ready(struct site_task *task, struct site *site)
{
	struct leaving *leaving = CONTAINER(task, struct leaving, task);
	struct commit *commit;
	uint32_t at = 0;
	void *value;

	if (site != NULL && is_known(site, leaving->who)) {
		commit = commit_new(site, NULL);
		while (map_next(&site->nodes, &at, &value))
			if (leaving->is_bounce)
				unsubscribe_address(value, commit, leaving->who);
			else
				leave_node(value, commit, leaving->who);
		commit_submit(commit, NULL);
	}
	arena_free(leaving->arena);
}

static void
there(struct worker *worker, void *arg)
{
	struct leaving *leaving = arg;
	struct site *site = service_site(worker, leaving->service);

	leaving->task.run = on_ready;
	if (site == NULL || !site_when_ready(site, &leaving->task))
		arena_free(leaving->arena);
}

enum verdict
leave_services(struct event *ev)
{
	const struct config *config = ev->worker->config;

	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_service *service =
			config_host_service(config, &config->hosts[i], module_index(ev->module));
		struct leaving *leaving;
		struct arena *arena;

		if (service == NULL)
			continue;
		arena = arena_new();
		leaving = arena_new_of(arena, struct leaving);
		leaving->arena = arena;
		leaving->service = arena_dup(arena, service->name);
		leaving->who = arena_dup(arena, ev->account->jid.text);
		worker_call(worker_home(ev->worker, service->name), there, leaving);
	}
	return PASS;
}

/* Nobody is there, or will be: what may pass is no reason. */
static bool
is_for_good(const struct stanza *message)
{
	const struct element *error = element_child(message->el, NS_CLIENT, "error");

	return error != NULL && (element_child(error, NS_STANZA_ERROR, "gone") != NULL ||
				 element_child(error, NS_STANZA_ERROR, "item-not-found") != NULL);
}

enum verdict
take_bounce(struct event *ev, struct site *site)
{
	struct leaving *leaving;
	struct arena *arena;

	if (ev->stanza->type != MESSAGE_ERROR || !is_for_good(ev->stanza))
		return DONE;
	arena = arena_new();
	leaving = arena_new_of(arena, struct leaving);
	leaving->arena = arena;
	leaving->who = arena_dup(arena, ev->stanza->from.text);
	leaving->is_bounce = true;
	leaving->task.run = on_ready;
	if (!site_when_ready(site, &leaving->task))
		arena_free(arena);
	return DONE;
}
