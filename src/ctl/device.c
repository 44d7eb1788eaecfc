/* SPDX-License-Identifier: MIT */
/* device.c - recadoctl device: list, revoke. */
#include "ctl/client.h"
#include "ctl/output.h"

#include <time.h>

static const char *
show_ago(struct arena *arena, const json_t *value)
{
	json_int_t seconds = (json_int_t)time(NULL) - json_integer_value(value);

	return output_duration(arena, (uint64_t)MAX(seconds, 0));
}

static const char *
show_yes(struct arena *arena UNUSED, const json_t *value)
{
	return json_is_true(value) ? "yes" : "no";
}

static const struct output_column columns[] = {
	{"ID", "id", false, NULL},
	{"SOFTWARE", "software", false, NULL},
	{"DEVICE", "device", false, NULL},
	{"FIRST SEEN", "first_seen", true, show_ago},
	{"LAST SEEN", "last_seen", true, show_ago},
	{"CONNECTED", "connected", false, show_yes},
	{"PASSWORD", "password", false, show_yes},
	{"TOKEN", "token", false, show_yes},
};

int
device_list(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *devices, *device,
		*result = client_ask(ctl, "device-list",
				     json_pack("{s:s}", "account", ctl->operands[0]), &code);
	size_t i;

	if (result == NULL)
		return code;
	devices = json_object_get(result, "devices");
	if (ctl->json)
		json_array_foreach(devices, i, device) output_json(json_incref(device));
	else
		output_table(columns, COUNT(columns), devices, true);
	json_decref(result);
	return code;
}

int
device_revoke(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(
		ctl, "device-revoke",
		json_pack("{s:s, s:s}", "account", ctl->operands[0], "id", ctl->operands[1]),
		&code);

	if (result != NULL && ctl->json)
		output_json(json_incref(result));
	else if (result != NULL)
		printf("%s: revoked; sessions ended: %lld%s\n", ctl->operands[1],
		       (long long)json_integer_value(json_object_get(result, "ended")),
		       json_is_true(json_object_get(result, "knows_password"))
			       ? "; it knows the password, so set a new one"
			       : "");
	json_decref(result);
	return code;
}
