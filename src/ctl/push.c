/* SPDX-License-Identifier: MIT */
/* push.c - recadoctl push: list, failures. */
#include "ctl/client.h"
#include "ctl/output.h"

#include <time.h>

static const char *
show_enabled(struct arena *arena UNUSED, const json_t *value)
{
	return json_is_true(value) ? "yes" : "no";
}

static const char *
show_ago(struct arena *arena, const json_t *value)
{
	json_int_t seconds = (json_int_t)time(NULL) - json_integer_value(value);

	return output_duration(arena, (uint64_t)MAX(seconds, 0));
}

static const struct output_column service_columns[] = {
	{"SERVICE", "service", false, NULL},  {"NODE", "node", false, NULL},
	{"DEVICE", "device", false, NULL},    {"ENABLED", "enabled", false, show_enabled},
	{"MESSAGES", "messages", true, NULL}, {"FAILURES", "failures", true, NULL},
	{"WHY", "why", false, NULL},
};

static const struct output_column failure_columns[] = {
	{"AGO", "at", true, show_ago},
	{"ACCOUNT", "account", false, NULL},
	{"SERVICE", "service", false, NULL},
	{"CONDITION", "condition", false, NULL},
	{"GIVEN UP", "given_up", false, show_enabled},
};

/* Prints the list NAME of RESULT, which it frees. */
static void
print(struct ctl *ctl, json_t *result, const char *name, const struct output_column *columns,
      size_t count)
{
	if (ctl->json)
		output_json(json_incref(result));
	else
		output_table(columns, count, json_object_get(result, name), true);
	json_decref(result);
}

int
push_list(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "push-list",
				    json_pack("{s:s}", "account", ctl->operands[0]), &code);

	if (result != NULL)
		print(ctl, result, "services", service_columns, COUNT(service_columns));
	return code;
}

int
push_failures(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "push-failures", NULL, &code);

	if (result == NULL)
		return code;
	if (!ctl->json)
		printf("sent %lld, delivered %lld, merged %lld, failed %lld\n",
		       (long long)json_integer_value(json_object_get(result, "sent")),
		       (long long)json_integer_value(json_object_get(result, "delivered")),
		       (long long)json_integer_value(json_object_get(result, "merged")),
		       (long long)json_integer_value(json_object_get(result, "failed")));
	print(ctl, result, "failures", failure_columns, COUNT(failure_columns));
	return code;
}
