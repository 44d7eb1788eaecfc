/* SPDX-License-Identifier: MIT */
/* session.c - recadoctl session: list, kick. */
#include "ctl/client.h"
#include "ctl/output.h"

#include <time.h>

#define PAGE_SIZE 500

static const char *
show_ago(struct arena *arena, const json_t *value)
{
	json_int_t seconds = (json_int_t)time(NULL) - json_integer_value(value);

	return output_duration(arena, (uint64_t)MAX(seconds, 0));
}

static const struct output_column columns[] = {
	{"SESSION", "jid", false, NULL},      {"ADDRESS", "address", false, NULL},
	{"TLS", "tls", false, NULL},          {"SINCE", "since", true, show_ago},
	{"PRIORITY", "priority", true, NULL}, {"WORKER", "worker", true, NULL},
};

static void
print_sessions(const struct ctl *ctl, const json_t *sessions, bool is_first)
{
	json_t *session;
	size_t i;

	if (!ctl->json) {
		output_table(columns, COUNT(columns), sessions, is_first);
		return;
	}
	json_array_foreach(sessions, i, session) output_json(json_incref(session));
}

/* Page by page, in the order of addresses. */
int
session_list(struct ctl *ctl)
{
	const char *of = ctl->operand_count > 0 ? ctl->operands[0] : "";
	json_t *after = json_string("");
	size_t count = PAGE_SIZE;
	int code = CTL_OK;

	for (bool is_first = true; count == PAGE_SIZE; is_first = false) {
		json_t *sessions,
			*result = client_ask(ctl, "session-list",
					     json_pack("{s:s, s:o, s:i}", "of", of, "after", after,
						       "limit", PAGE_SIZE),
					     &code);

		if (result == NULL)
			return code;
		sessions = json_object_get(result, "sessions");
		count = json_array_size(sessions);
		print_sessions(ctl, sessions, is_first);
		after = json_incref(json_object_get(json_array_get(sessions, count - 1), "jid"));
		if (after == NULL)
			after = json_string("");
		json_decref(result);
	}
	json_decref(after);
	return code;
}

int
session_kick(struct ctl *ctl)
{
	const char *reason = ctl_flag(ctl, "reason");
	json_t *args, *result;
	int code = CTL_OK, worst = CTL_OK;

	for (size_t i = 0; i < ctl->operand_count && code != CTL_UNREACHABLE; i++) {
		args = json_pack("{s:s}", "jid", ctl->operands[i]);
		if (args != NULL && reason != NULL)
			json_object_set_new(args, "reason", json_string(reason));
		result = client_ask(ctl, "session-kick", args, &code);
		worst = MAX(worst, code);
		if (result != NULL && ctl->json)
			output_json(json_incref(result));
		else if (result != NULL)
			printf("%s: ended %lld\n", ctl->operands[i],
			       (long long)json_integer_value(json_object_get(result, "ended")));
		json_decref(result);
	}
	return worst;
}
