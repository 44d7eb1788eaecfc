/* SPDX-License-Identifier: MIT */
/* server.c - recadoctl announce, status, reload, stop, log-level. */
#include "ctl/client.h"
#include "ctl/output.h"

#include <stdlib.h>

static const char *
show_count(struct arena *arena, const json_t *value)
{
	return output_count(arena, (uint64_t)json_integer_value(value));
}

static const struct output_column worker_columns[] = {
	{"WORKER", "worker", true, NULL},
	{"STREAMS", "streams", true, show_count},
	{"SESSIONS", "sessions", true, show_count},
	{"ACCOUNTS", "accounts", true, show_count},
	{"STANZAS IN", "stanzas_in", true, show_count},
	{"STANZAS OUT", "stanzas_out", true, show_count},
	{"STORED", "messages_stored", true, show_count},
	{"DROPPED", "messages_dropped", true, show_count},
	{"LOGINS", "logins", true, show_count},
	{"FAILED", "login_failures", true, show_count},
};

static const char *
text_of(const struct ctl *ctl, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? output_safe(ctl->arena, text) : "?";
}

static void
print_status(const struct ctl *ctl, const json_t *status)
{
	const json_t *uptime = json_object_get(status, "uptime_s");

	printf("recadod %s, process %lld, up %s, configuration %s\n",
	       text_of(ctl, status, "version"),
	       (long long)json_integer_value(json_object_get(status, "pid")),
	       output_duration(ctl->arena, (uint64_t)json_integer_value(uptime)),
	       text_of(ctl, status, "config"));
	output_table(worker_columns, COUNT(worker_columns), json_object_get(status, "workers"),
		     true);
}

int
server_status(struct ctl *ctl)
{
	int code;
	json_t *status = client_ask(ctl, "status", NULL, &code);

	if (status != NULL && ctl->json)
		output_json(json_incref(status));
	else if (status != NULL)
		print_status(ctl, status);
	json_decref(status);
	return code;
}

int
server_announce(struct ctl *ctl)
{
	const char *host = ctl_flag(ctl, "host"), *subject = ctl_flag(ctl, "subject");
	int code;
	json_t *result = client_ask(ctl, "announce",
				    json_pack("{s:s, s:s, s:s}", "text", ctl->operands[0], "host",
					      host != NULL ? host : "", "subject",
					      subject != NULL ? subject : ""),
				    &code);

	if (result != NULL && ctl->json)
		output_json(json_incref(result));
	else if (result != NULL)
		printf("sent to %s accounts\n",
		       show_count(ctl->arena, json_object_get(result, "accounts")));
	json_decref(result);
	return code;
}

int
server_reload(struct ctl *ctl)
{
	int code;
	json_t *result = client_ask(ctl, "reload", NULL, &code);
	const char *restart = json_string_value(json_object_get(result, "needs_restart"));

	if (result == NULL)
		return code;
	if (ctl->json)
		output_json(json_incref(result));
	else if (restart != NULL && restart[0] != '\0')
		printf("reloaded; at the next start only: %s\n", restart);
	else
		puts("reloaded");
	json_decref(result);
	return code;
}

int
server_stop(struct ctl *ctl)
{
	int code;
	json_t *result = client_ask(ctl, "stop", NULL, &code);

	if (result != NULL && ctl->json)
		output_json(json_incref(result));
	else if (result != NULL)
		puts("stopping");
	json_decref(result);
	return code;
}

int
server_log_level(struct ctl *ctl)
{
	json_t *args =
		ctl->operand_count > 0 ? json_pack("{s:s}", "level", ctl->operands[0]) : NULL;
	int code;
	json_t *result = client_ask(ctl, "log-level", args, &code);

	if (result != NULL && ctl->json)
		output_json(json_incref(result));
	else if (result != NULL)
		puts(text_of(ctl, result, "level"));
	json_decref(result);
	return code;
}
