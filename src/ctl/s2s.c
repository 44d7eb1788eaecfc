/* SPDX-License-Identifier: MIT */
/* s2s.c - recadoctl s2s: list, close, check. */
#include "ctl/client.h"
#include "ctl/output.h"

#include <time.h>

static const char *
show_ago(struct arena *arena, const json_t *value)
{
	json_int_t seconds = (json_int_t)time(NULL) - json_integer_value(value);

	return value != NULL ? output_duration(arena, (uint64_t)MAX(seconds, 0)) : "";
}

static const struct output_column columns[] = {
	{"LOCAL", "local", false, NULL},
	{"", "direction", false, NULL},
	{"REMOTE", "remote", false, NULL},
	{"STATE", "state", false, NULL},
	{"ADDRESS", "address", false, NULL},
	{"TLS", "tls", false, NULL},
	{"BY", "by", false, NULL},
	{"SINCE", "since", true, show_ago},
	{"WAITING", "waiting_bytes", true, NULL},
	{"WHY", "why", false, NULL},
};

static json_t *
domain_args(const struct ctl *ctl)
{
	return ctl->operand_count > 0 ? json_pack("{s:s}", "domain", ctl->operands[0])
				      : json_object();
}

int
ctl_s2s_list(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *row, *rows, *result = client_ask(ctl, "s2s-list", domain_args(ctl), &code);
	size_t i;

	if (result == NULL)
		return code;
	rows = json_object_get(result, "connections");
	if (!ctl->json)
		output_table(columns, COUNT(columns), rows, true);
	else
		json_array_foreach(rows, i, row) output_json(json_incref(row));
	json_decref(result);
	return code;
}

int
ctl_s2s_close(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "s2s-close", domain_args(ctl), &code);

	if (result == NULL)
		return code;
	if (ctl->json)
		output_json(json_incref(result));
	else
		printf("ended %lld\n",
		       (long long)json_integer_value(json_object_get(result, "ended")));
	json_decref(result);
	return code;
}

static const char *
text_of(const json_t *result, const char *key)
{
	const char *text = json_string_value(json_object_get(result, key));

	return text != NULL ? text : "";
}

/* The server itself tries, with what it knows and has; failure is an exit code. */
int
ctl_s2s_check(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "s2s-check", domain_args(ctl), &code);
	bool is_good;

	if (result == NULL)
		return code;
	is_good = strcmp(text_of(result, "state"), "ready") == 0;
	if (ctl->json)
		output_json(json_incref(result));
	else if (is_good)
		printf("%s: ready at %s, %s, by %s%s%s\n", ctl->operands[0],
		       text_of(result, "address"),
		       text_of(result, "tls")[0] != '\0' ? text_of(result, "tls") : "not encrypted",
		       text_of(result, "by"),
		       json_is_true(json_object_get(result, "bidi")) ? ", both directions" : "",
		       json_is_true(json_object_get(result, "counts")) ? ", acknowledged" : "");
	else
		printf("%s: %s\n", ctl->operands[0],
		       output_safe(ctl->arena, text_of(result, "why")));
	json_decref(result);
	return is_good ? CTL_OK : CTL_FAILED;
}
