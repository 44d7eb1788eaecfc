/* SPDX-License-Identifier: MIT */
/* control.c - what the operator sees of nodes, an account's or a service's, and takes away. */
#include "server/control.h"
#include "base/log.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/service.h"
#include "server/admin_private.h"

#define LIST_MAX 10000u /* nodes in one answer */

/* A question to the worker that has the site, and its way back. */
struct look {
	struct task back;
	struct waiter waiter;
	struct site_task task;
	struct control_call *call;
	struct loop *loop;
	struct account *account; /* whose site it is, pinned; NULL: a service's */
	struct jid jid;
	struct str node;   /* to be deleted; p NULL: all are listed */
	const char *fault; /* NULL: it went well */
	json_t *nodes;
	size_t bytes;
};

static void
came(struct task *task)
{
	struct look *look = CONTAINER(task, struct look, back);

	if (look->fault != NULL)
		control_fail(look->call, "item-not-found", "%s", look->fault);
	else if (look->nodes != NULL)
		control_reply(look->call, json_pack("{s:o, s:I}", "nodes", look->nodes, "bytes",
						    (json_int_t)look->bytes));
	else
		control_reply(look->call, NULL);
}

/* Ends what goes on at the worker. */
static void
go_back(struct look *look, const char *fault)
{
	if (look->account != NULL)
		account_unpin(look->account);
	look->fault = fault;
	look->back.run = came;
	loop_post(look->loop, &look->back);
}

static json_t *
node_json(const struct node *node)
{
	size_t subscribers = 0, bytes = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&node->people, &at, &value))
		subscribers += ((struct person *)value)->subscription != SUBSCRIPTION_NONE;
	LIST_EACH(&node->order, struct item, link, item)
	{
		bytes += item->size;
	}
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:o}", "node", control_json(node->name),
			 "access", access_model_name(node->config->access_model), "items",
			 (json_int_t)node->items.count, "bytes", (json_int_t)bytes, "subscribers",
			 (json_int_t)subscribers, "creator", control_json(node->creator));
}

static void
list(struct look *look, const struct site *site)
{
	uint32_t at = 0;
	void *value;

	look->nodes = json_array();
	look->bytes = site->bytes;
	while (map_next(&site->nodes, &at, &value)) {
		const struct node *node = value;

		if (node->config != NULL && json_array_size(look->nodes) < LIST_MAX)
			json_array_append_new(look->nodes, node_json(node));
	}
}

static void
on_deleted(struct site *site UNUSED, void *arg)
{
	go_back(arg, NULL);
}

static void
on_not_deleted(struct site *site UNUSED, void *arg)
{
	go_back(arg, "it could not be written: is the disk full?");
}

static void
on_ready(struct site_task *task, struct site *site)
{
	struct look *look = CONTAINER(task, struct look, task);
	struct commit *commit;
	struct node *node;

	if (site == NULL) {
		go_back(look, "there is no such account any more");
		return;
	}
	if (look->node.p == NULL) {
		list(look, site);
		go_back(look, NULL);
		return;
	}
	node = site_node(site, look->node);
	if (node == NULL) {
		go_back(look, "there is no such node");
		return;
	}
	log_event(LOG_INFO, "pubsub-node-deleted", LOG_STR("jid", site->jid.text),
		  LOG_STR("node", node->name));
	commit = commit_new(site, NULL);
	node_delete(node, commit, STR_NONE);
	commit_then(commit, on_deleted, look);
	commit_else(commit, on_not_deleted);
	commit_submit(commit, NULL);
}

static void
look_at(struct look *look, struct site *site)
{
	look->task.run = on_ready;
	if (site == NULL)
		go_back(look, "there are no nodes: the module is off");
	else if (!site_when_ready(site, &look->task))
		go_back(look, "too much is being asked of it at the moment");
}

static void
account_loaded(struct waiter *waiter, struct account *account)
{
	struct look *look = CONTAINER(waiter, struct look, waiter);

	if (account->state != ACCOUNT_READY) {
		go_back(look, "there is no such account");
		return;
	}
	account_pin(account);
	look->account = account;
	look_at(look, pep_site(account));
}

static void
there(struct worker *worker, void *arg)
{
	struct look *look = arg;

	look->waiter.run = account_loaded;
	if (look->jid.local.len > 0)
		account_wait(account_get(worker, look->jid.text), &look->waiter);
	else
		look_at(look, service_site(worker, look->jid.text));
}

static void
run(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct look *look = arena_new_of(call->arena, struct look);
	const char *why;

	if (jid_parse(call->arena, control_text(call, "address"), &look->jid, &why) < 0) {
		control_fail(call, "jid-malformed", "that is no address: %s", why);
		return;
	}
	if (!jid_is_bare(look->jid) ||
	    (look->jid.local.len > 0 ? config_host(admin->config, look->jid.domain) == NULL
				     : !service_is_there(admin->config, look->jid.text))) {
		control_fail(call, "item-not-found",
			     "%.*s is no account, and no such service, here",
			     STR_ARG(look->jid.text));
		return;
	}
	look->node = control_text(call, "node");
	look->call = call;
	look->loop = admin->loop;
	worker_call(worker_home(admin->server->workers[0], look->jid.text), there, look);
}

const struct control_command pubsub_controls[] = {
	{"pubsub-list", "lists the nodes of an account or a service",
	 (const struct control_arg[]){{"address", CONTROL_TEXT, true, "its address"}, {0}}, run},
	{"pubsub-delete", "deletes a node with all that is in it",
	 (const struct control_arg[]){{"address", CONTROL_TEXT, true, "where it is"},
				      {"node", CONTROL_TEXT, true, "its name"},
				      {0}},
	 run},
	{0},
};
