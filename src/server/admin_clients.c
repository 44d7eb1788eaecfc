/* SPDX-License-Identifier: MIT */
/*
 * admin_clients.c - listing and revoking the devices of an account (XEP-0494 §5): asked of its home
 * worker, which loads it when it is not in memory.
 */
#include "server/admin_clients.h"

#include "server/clients.h"
#include "server/module.h"

struct visit { /* to the home worker and back; in the call's arena */
	struct task back;
	struct waiter waiter;
	struct control_call *call;
	struct loop *loop; /* the way back */
	struct jid jid;
	struct str id;   /* to revoke; empty: list */
	json_t *devices; /* made by the worker; NULL: no such account */
	struct account *account;
	bool is_found, knew_password, is_full;
	unsigned ended;
};

static void
answer(struct task *task)
{
	struct visit *visit = CONTAINER(task, struct visit, back);
	struct control_call *call = visit->call;

	if (visit->devices != NULL)
		control_reply(call, json_pack("{s:o}", "devices", visit->devices));
	else if (visit->is_full)
		control_fail(call, "resource-constraint", "the disk is full");
	else if (visit->is_found)
		control_reply(call, json_pack("{s:o, s:o, s:i, s:b}", "account",
					      control_json(visit->jid.text), "id",
					      control_json(visit->id), "ended", (int)visit->ended,
					      "knows_password", (int)visit->knew_password));
	else if (visit->account == NULL)
		control_fail(call, "item-not-found", "there is no account %.*s",
			     STR_ARG(visit->jid.text));
	else
		control_fail(call, "item-not-found", "%.*s has no device %.*s",
			     STR_ARG(visit->jid.text), STR_ARG(visit->id));
}

static void
go_back(struct visit *visit)
{
	visit->back.run = answer;
	loop_post(visit->loop, &visit->back);
}

static json_t *
device_json(const struct account *account, const struct client *client)
{
	bool has_token = client->tokens[TOKEN_NEW].is_set || client->tokens[TOKEN_CURRENT].is_set;

	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:b, s:b, s:b}", "id", client->id, "software",
			 control_json(str(client->software)), "device",
			 control_json(str(client->device)), "first_seen",
			 (json_int_t)(client->first_us / 1000000), "last_seen",
			 (json_int_t)(client->last_us / 1000000), "connected",
			 (int)client_is_connected(account, client), "password",
			 (int)client->knows_password, "token", (int)has_token);
}

static void
on_revoked(struct store_request *request)
{
	struct visit *visit = request->owner;

	visit->is_full = request->status != STORE_OK;
	store_request_free(request);
	visit->ended = client_end_sessions(visit->account, visit->id);
	account_unpin(visit->account);
	go_back(visit);
}

static void
revoke(struct visit *visit, struct account *account)
{
	struct client *client = clients_find(account, visit->id);
	struct store_request *request;

	if (client == NULL) {
		go_back(visit);
		return;
	}
	visit->is_found = true;
	visit->knew_password = client->knows_password;
	request =
		store_request_new(account->worker->store, account->worker->loop, on_revoked, visit);
	account_pin(account);
	clients_remove(account, client, request);
	store_submit(request);
}

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct visit *visit = CONTAINER(waiter, struct visit, waiter);

	if (account->state != ACCOUNT_READY || account->is_guest) {
		go_back(visit);
		return;
	}
	visit->account = account;
	if (visit->id.len > 0) {
		revoke(visit, account);
		return;
	}
	visit->devices = json_array();
	LIST_EACH(&account->clients, struct client, link, client)
	{
		json_array_append_new(visit->devices, device_json(account, client));
	}
	go_back(visit);
}

static void
load(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	visit->waiter.run = on_loaded;
	account_wait(account_get(worker, visit->jid.text), &visit->waiter);
}

static void
visit_home(struct control_call *call, struct str id)
{
	struct admin *admin = call->owner;
	struct visit *visit = arena_new_of(call->arena, struct visit);

	if (admin_account_jid(call, &visit->jid) < 0)
		return;
	visit->call = call;
	visit->loop = admin->loop;
	visit->id = id;
	worker_call(worker_home(admin->server->workers[0], visit->jid.text), load, visit);
}

void
admin_device_list(struct control_call *call)
{
	visit_home(call, STR(""));
}

void
admin_device_revoke(struct control_call *call)
{
	struct str id = control_text(call, "id");

	if (id.len == 0)
		control_fail(call, "bad-request", "\"id\" is empty");
	else
		visit_home(call, id);
}
