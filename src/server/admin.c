/* SPDX-License-Identifier: MIT */
/* admin.c - the operator's commands: accounts, and the server itself. */
#include "server/admin.h"

#include "base/log.h"
#include "base/utf8.h"
#include "server/account_change.h"
#include "server/account_disable.h"
#include "server/admin_backup.h"
#include "server/admin_clients.h"
#include "server/admin_portable.h"
#include "server/admin_private.h"
#include "server/admin_s2s.h"
#include "server/admin_sessions.h"
#include "server/module.h"
#include "server/notices.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNTS_LIMIT_MAX 1000
#define LINE_BYTES_MAX (24u << 20) /* an item of an import, such as a vCard with its photo */

int
admin_jid(struct control_call *call, const char *name, struct jid *out)
{
	struct str text = control_text(call, name);
	const char *why;

	if (jid_parse(call->arena, text, out, &why) < 0) {
		control_fail(call, "jid-malformed", "\"%.*s\" is no address: %s", STR_ARG(text),
			     why);
		return -1;
	}
	return 0;
}

int
admin_account_jid(struct control_call *call, struct jid *out)
{
	if (admin_jid(call, "account", out) < 0)
		return -1;
	if (out->local.len > 0 && jid_is_bare(*out))
		return 0;
	control_fail(call, "jid-malformed",
		     "\"%.*s\" is not an account's address; those look like user@example.com",
		     STR_ARG(out->text));
	return -1;
}

static int
hosted_jid(struct control_call *call, struct jid *out)
{
	const struct admin *admin = call->owner;

	if (admin_account_jid(call, out) < 0)
		return -1;
	if (config_host(admin->config, out->domain) != NULL)
		return 0;
	control_fail(call, "item-not-found", "%.*s is not among the hosts of this server",
		     STR_ARG(out->domain));
	return -1;
}

static int
prepared_password(struct control_call *call, struct str *out)
{
	const char *why;

	if (password_prepare(call->arena, control_text(call, "password"), out, &why) == 0)
		return 0;
	control_fail(call, "not-acceptable", "the password cannot be used: %s", why);
	return -1;
}

/* The change's address stands in call->data. */
static void
changed(void *owner, enum store_status status)
{
	struct control_call *call = owner;
	struct str account = str(call->data);

	switch (status) {
	case STORE_OK:
		log_event(LOG_INFO, "account-changed", LOG_Z("by", call->command->name),
			  LOG_STR("account", account));
		control_reply(call, json_pack("{s:o}", "account", control_json(account)));
		return;
	case STORE_CONFLICT:
		control_fail(call, "conflict", "%.*s exists already", STR_ARG(account));
		return;
	case STORE_MISSING:
		control_fail(call, "item-not-found", "there is no account %.*s", STR_ARG(account));
		return;
	case STORE_FULL:
		control_fail(call, "resource-constraint", "the disk is full; nothing was changed");
		return;
	}
}

static void
set_password(struct control_call *call, enum account_change what, struct jid jid)
{
	struct admin *admin = call->owner;
	struct str password;

	if (prepared_password(call, &password) == 0)
		account_set_password(admin->server, admin->loop, admin->config, what, jid, password,
				     STR(""), changed, call);
}

/* Keys in the form of credentials.h, from another server that kept no passwords either. */
static void
set_keys(struct control_call *call, enum account_change what, struct jid jid)
{
	struct admin *admin = call->owner;
	struct credentials keys;

	if (credentials_parse(call->arena, control_text(call, "credentials"), &keys) < 0)
		control_fail(call, "not-acceptable",
			     "the credentials are not in the form that recadoctl(8) shows");
	else
		account_set_keys(admin->server, admin->loop, what, jid, &keys, changed, call);
}

static void
account_add(struct control_call *call)
{
	bool has_password = control_text(call, "password").p != NULL;
	enum account_change what = control_bool(call, "update")    ? ACCOUNT_MAKE_OR_SET
				   : control_bool(call, "brought") ? ACCOUNT_BRING
								   : ACCOUNT_MAKE;
	const char *why;
	struct jid jid;

	if (hosted_jid(call, &jid) < 0)
		return;
	if (jid_check_new_account(call->arena, jid.local, &why) < 0) {
		control_fail(call, "not-acceptable", "%.*s cannot be the name of an account: %s",
			     STR_ARG(jid.local), why);
		return;
	}
	call->data = (void *)(uintptr_t)arena_dup(call->arena, jid.text).p;
	if (has_password == (control_text(call, "credentials").p != NULL))
		control_fail(call, "bad-request", "either a password or credentials");
	else if (has_password)
		set_password(call, what, jid);
	else
		set_keys(call, what, jid);
}

static void
account_password(struct control_call *call)
{
	struct jid jid;

	if (hosted_jid(call, &jid) < 0)
		return;
	call->data = (void *)(uintptr_t)arena_dup(call->arena, jid.text).p;
	set_password(call, ACCOUNT_SET_PASSWORD, jid);
}

/* Also of a host that is served no more: what it left is the operator's to remove. */
static void
account_delete(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct jid jid;

	if (admin_account_jid(call, &jid) < 0)
		return;
	call->data = (void *)(uintptr_t)arena_dup(call->arena, jid.text).p;
	account_remove(admin->server, admin->loop, jid, STR(""), changed, call);
}

static void
set_disabled(struct control_call *call, bool is_disabled)
{
	struct admin *admin = call->owner;
	struct jid jid;

	if (hosted_jid(call, &jid) < 0)
		return;
	call->data = (void *)(uintptr_t)arena_dup(call->arena, jid.text).p;
	account_set_disabled(admin->server, admin->loop, jid, is_disabled, changed, call);
}

static void
account_disable(struct control_call *call)
{
	set_disabled(call, true);
}

static void
account_enable(struct control_call *call)
{
	set_disabled(call, false);
}

static void
on_list(struct store_request *request)
{
	struct control_call *call = request->owner;
	json_t *list = json_array();

	for (struct store_item *item = request->results[0].items; item != NULL; item = item->next)
		json_array_append_new(list, control_json(item->key));
	store_request_free(request);
	control_reply(call, json_pack("{s:o}", "accounts", list));
}

static void
account_list(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct str host = control_text(call, "host"), after = control_text(call, "after");
	int64_t limit = control_int(call, "limit", ACCOUNTS_LIMIT_MAX);
	struct store_request *request;
	const char *why;

	if (limit < 1 || limit > ACCOUNTS_LIMIT_MAX) {
		control_fail(call, "bad-request", "\"limit\" is from 1 to %d", ACCOUNTS_LIMIT_MAX);
		return;
	}
	if (host.len > 0 && jid_prepare_domain(call->arena, host, &host, &why) < 0) {
		control_fail(call, "jid-malformed", "\"%.*s\" is no host: %s", STR_ARG(host), why);
		return;
	}
	request = store_request_new(admin->server->store, admin->loop, on_list, call);
	store_auth_list(request, host.len > 0 ? host : STR(""), after.len > 0 ? after : STR(""),
			(size_t)limit);
	store_submit(request);
}

#define COUNTER(worker, name) #name, (json_int_t)atomic_load(&(worker)->counters.name)

static json_t *
worker_status(struct worker *worker)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "worker", (int)worker->index, COUNTER(worker, streams),
			 COUNTER(worker, sessions), COUNTER(worker, accounts),
			 COUNTER(worker, stanzas_in), COUNTER(worker, stanzas_out),
			 COUNTER(worker, messages_stored), COUNTER(worker, messages_dropped),
			 COUNTER(worker, logins), COUNTER(worker, login_failures),
			 COUNTER(worker, csi_held), COUNTER(worker, csi_replaced),
			 COUNTER(worker, csi_dropped));
}

static json_t *
store_status_json(struct store *store)
{
	struct store_stats stats = {0};

	store_stats(store, &stats);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)stats.waiting,
			 "waiting_bytes", (json_int_t)stats.waiting_bytes, "requests",
			 (json_int_t)stats.requests, "writes", (json_int_t)stats.writes, "commits",
			 (json_int_t)stats.commits, "full", (json_int_t)stats.full);
}

static void
status(struct control_call *call)
{
	struct admin *admin = call->owner;
	json_t *workers = json_array(), *hosts = json_array();

	for (size_t i = 0; i < admin->server->worker_count; i++)
		json_array_append_new(workers, worker_status(admin->server->workers[i]));
	for (size_t i = 0; i < admin->config->host_count; i++)
		json_array_append_new(hosts, control_json(admin->config->hosts[i].name));
	control_reply(
		call,
		json_pack("{s:s, s:i, s:I, s:o, s:o, s:o, s:o}", "version", RECADO_VERSION, "pid",
			  (int)getpid(), "uptime_s",
			  (json_int_t)((time_wall_us() - admin->server->started_us) / 1000000),
			  "config", control_json(admin->config->path), "hosts", hosts, "workers",
			  workers, "store", store_status_json(admin->server->store)));
}

static void
reload(struct control_call *call)
{
	struct str out = STR("");

	if (program_reload(call->arena, &out) < 0)
		control_fail(call, "not-acceptable", "nothing was changed:\n%.*s",
			     STR_ARG(str_trim(out)));
	else
		control_reply(call, json_pack("{s:o}", "needs_restart", control_json(out)));
}

static void
stop(struct control_call *call)
{
	log_event(LOG_INFO, "stopping", LOG_Z("by", "control"));
	control_reply(call, NULL);
	program_stop();
}

static void
log_level(struct control_call *call)
{
	struct str name = control_text(call, "level");
	enum log_level level;

	if (name.p != NULL) {
		if (log_level_parse(name, &level) < 0) {
			control_fail(call, "bad-request",
				     "the levels are error, warning, info and debug");
			return;
		}
		log_set_level(level);
	}
	control_reply(call, json_pack("{s:s}", "level", log_level_name(log_level_now())));
}

/* One host after the other, or all at once. */
struct announcement {
	struct control_call *call;
	size_t waiting, count;
};

static void
announced(void *owner, size_t count)
{
	struct announcement *a = owner;

	a->count += count;
	if (--a->waiting == 0)
		control_reply(a->call, json_pack("{s:I}", "accounts", (json_int_t)a->count));
}

static void
announce(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct announcement *a = arena_new_of(call->arena, struct announcement);
	struct str host = control_text(call, "host"), text = control_text(call, "text");
	struct str subject = control_text(call, "subject");

	if (host.len > 0 && config_host(admin->config, host) == NULL) {
		control_fail(call, "item-not-found", "%.*s is not among the hosts of this server",
			     STR_ARG(host));
		return;
	}
	if (text.len == 0 || text.len > NOTICE_BYTES_MAX || !utf8_is_xml(text) ||
	    !utf8_is_xml(subject)) {
		control_fail(call, "bad-request",
			     "the text is empty, too long, or has a character that XML forbids");
		return;
	}
	a->call = call;
	a->waiting = host.len > 0 ? 1 : admin->config->host_count;
	for (size_t i = 0; i < admin->config->host_count; i++)
		if (host.len == 0 || str_equal(host, admin->config->hosts[i].name))
			notice_announce(admin->server, admin->loop, admin->config->hosts[i].name,
					subject, text, announced, a);
}

#define ARGS(...) ((const struct control_arg[]){__VA_ARGS__, {0}})
#define ACCOUNT                                                                                    \
	{                                                                                          \
		"account", CONTROL_TEXT, true, "its address"                                       \
	}
#define PASSWORD                                                                                   \
	{                                                                                          \
		"password", CONTROL_TEXT, true, "the new password"                                 \
	}
#define AFTER                                                                                      \
	{                                                                                          \
		"after", CONTROL_TEXT, false, "the last of the page before"                        \
	}
#define LIMIT                                                                                      \
	{                                                                                          \
		"limit", CONTROL_INT, false, "how many at most"                                    \
	}

static const struct control_command commands[] = {
	{"account-add", "makes an account",
	 ARGS(ACCOUNT, {"password", CONTROL_TEXT, false, "the password"},
	      {"credentials", CONTROL_TEXT, false, "or its SCRAM keys"},
	      {"update", CONTROL_BOOL, false, "set the password if it is there already"},
	      {"brought", CONTROL_BOOL, false, "it comes from elsewhere: no welcome"}),
	 account_add},
	{"account-delete", "removes an account with all that belongs to it", ARGS(ACCOUNT),
	 account_delete},
	{"account-list", "lists accounts by address",
	 ARGS({"host", CONTROL_TEXT, false, "of that host only"}, AFTER, LIMIT), account_list},
	{"account-export", "shows a part of what an account has, in the format of XEP-0227",
	 ARGS(ACCOUNT, {"cursor", CONTROL_TEXT, false, "of the part before"}),
	 admin_account_export},
	{"account-import", "gives an account something in the format of XEP-0227",
	 ARGS(ACCOUNT, {"xml", CONTROL_TEXT, true, "a child of <user/>"}), admin_account_import},
	{"account-password", "sets a new password and ends the sessions", ARGS(ACCOUNT, PASSWORD),
	 account_password},
	{"account-disable", "lets nobody log in, and ends the sessions; all is kept", ARGS(ACCOUNT),
	 account_disable},
	{"account-enable", "lets a disabled account log in again", ARGS(ACCOUNT), account_enable},
	{"session-list", "lists sessions by address",
	 ARGS({"of", CONTROL_TEXT, false, "of that host or account only"}, AFTER, LIMIT),
	 admin_session_list},
	{"session-kick", "ends a session, or all of an account",
	 ARGS({"jid", CONTROL_TEXT, true, "its address"},
	      {"reason", CONTROL_TEXT, false, "what the client is told"}),
	 admin_session_kick},
	{"s2s-list", "lists what goes to other servers and comes from them, and why it fails",
	 ARGS({"domain", CONTROL_TEXT, false, "of that server only"}), admin_s2s_list},
	{"s2s-close", "ends streams with other servers",
	 ARGS({"domain", CONTROL_TEXT, false, "with that server only"}), admin_s2s_close},
	{"s2s-check", "calls another server, and tells what comes of it",
	 ARGS({"domain", CONTROL_TEXT, true, "whose"}), admin_s2s_check},
	{"device-list", "lists the devices of an account (XEP-0494)", ARGS(ACCOUNT),
	 admin_device_list},
	{"device-revoke", "ends what a device has: its sessions and tokens",
	 ARGS(ACCOUNT, {"id", CONTROL_TEXT, true, "of the device, from device-list"}),
	 admin_device_revoke},
	{"backup", "copies all data, while the server goes on",
	 ARGS({"directory", CONTROL_TEXT, true, "to be made, absolute"}), admin_backup},
	{"announce", "tells something to all that are logged in",
	 ARGS({"text", CONTROL_TEXT, true, "what"}, {"subject", CONTROL_TEXT, false, "its subject"},
	      {"host", CONTROL_TEXT, false, "on that host only"}),
	 announce},
	{"status", "counts what the server does", NULL, status},
	{"reload", "reads configuration and certificates again", NULL, reload},
	{"stop", "stops the server", NULL, stop},
	{"log-level", "shows or sets what is logged",
	 ARGS({"level", CONTROL_TEXT, false, "error, warning, info or debug"}), log_level},
	{0},
};

#define COMMANDS_MAX 128u

/* Ours, and those of the modules. They outlive every call. */
static const struct control_command *
all_commands(void)
{
	static struct control_command all[COMMANDS_MAX + 1];
	size_t n = COUNT(commands) - 1;

	memcpy(all, commands, sizeof(commands));
	for (size_t i = 0; i < module_count(); i++)
		for (const struct control_command *c = modules[i]->controls;
		     c != NULL && c->name != NULL; c++) {
			assert(n < COMMANDS_MAX);
			all[n++] = *c;
		}
	return all;
}

int
admin_open(struct server *server, struct loop *loop, struct config *config, struct admin **out,
	   struct arena *arena, struct str *why)
{
	struct admin *admin = xnew(struct admin);

	admin->server = server;
	admin->loop = loop;
	admin->config = config_ref(config);
	if (control_open(loop, config->control_socket, config->control_group, all_commands(), admin,
			 &admin->control, arena, why) < 0) {
		config_unref(admin->config);
		free(admin);
		return -1;
	}
	control_set_line_max(admin->control, LINE_BYTES_MAX);
	*out = admin;
	return 0;
}

void
admin_switch_config(struct admin *admin, struct config *config)
{
	config_unref(admin->config);
	admin->config = config_ref(config);
}

/* Commands that still wait for the store or a worker come back later, and do without ADMIN. */
void
admin_close(struct admin *admin)
{
	if (admin == NULL)
		return;
	control_close(admin->control);
	config_unref(admin->config);
	free(admin);
}
