/* SPDX-License-Identifier: MIT */
/* pubsub.c - recadoctl pubsub: list, delete. */
#include "ctl/client.h"
#include "ctl/output.h"

static const struct output_column columns[] = {
	{"NODE", "node", false, NULL},
	{"ACCESS", "access", false, NULL},
	{"ITEMS", "items", true, NULL},
	{"BYTES", "bytes", true, NULL},
	{"SUBSCRIBERS", "subscribers", true, NULL},
	{"CREATOR", "creator", false, NULL},
};

int
ctl_pubsub_list(struct ctl *ctl)
{
	int code = CTL_OK;
	json_t *result = client_ask(ctl, "pubsub-list",
				    json_pack("{s:s}", "address", ctl->operands[0]), &code);

	if (result == NULL)
		return code;
	if (ctl->json)
		output_json(json_incref(result));
	else
		output_table(columns, COUNT(columns), json_object_get(result, "nodes"), true);
	json_decref(result);
	return code;
}

int
ctl_pubsub_delete(struct ctl *ctl)
{
	int code = CTL_OK;

	json_decref(client_ask(
		ctl, "pubsub-delete",
		json_pack("{s:s, s:s}", "address", ctl->operands[0], "node", ctl->operands[1]),
		&code));
	return code;
}
