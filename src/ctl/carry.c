/* SPDX-License-Identifier: MIT */
/* carry.c - accounts, item by item, over the control socket (see carry.h). */
#include "ctl/carry.h"

#include "ctl/output.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

#define UNDER_WAY_MAX 32u

static void
say(const struct carry *carry, const char *format, va_list args)
{
	struct arena *arena = arena_new();
	struct str text = arena_vprintf(arena, format, args);

	fprintf(stderr, "%s: %s%s%s\n", carry->source != NULL ? carry->source : "import",
		carry->account != NULL ? carry->account : "", carry->account != NULL ? ": " : "",
		output_safe(arena, text.p));
	arena_free(arena);
}

void
carry_complain(struct carry *carry, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(carry, format, args);
	va_end(args);
	carry->failed++;
}

void
carry_note(const struct carry *carry, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(carry, format, args);
	va_end(args);
}

/* Of an item, unless ACCOUNT_ANSWER is where that of an account goes. */
static int
take_answer(struct carry *carry, json_t **account_answer)
{
	json_t *answer = client_receive(carry->ctl);

	if (answer == NULL) {
		carry->is_broken = true;
		return -1;
	}
	if (json_integer_value(json_object_get(answer, "id")) == 1 && account_answer != NULL) {
		*account_answer = answer;
		return 0;
	}
	carry->under_way--;
	if (json_is_true(json_object_get(answer, "ok"))) {
		carry->items++;
	} else {
		char *account = carry->account;

		carry->account = NULL; /* the text names it */
		carry_complain(carry, "%s", client_error_text(answer));
		carry->account = account;
	}
	json_decref(answer);
	return 0;
}

static int
wait_below(struct carry *carry, unsigned limit)
{
	while (carry->under_way > limit)
		if (take_answer(carry, NULL) < 0)
			return -1;
	return 0;
}

static int
send_command(struct carry *carry, json_int_t id, const char *command, json_t *args)
{
	if (client_send(carry->ctl, id, command, args) == 0)
		return 0;
	carry->is_broken = true;
	return -1;
}

/* Whether the account is to get its items. */
static bool
is_taken(struct carry *carry, const json_t *answer)
{
	const char *condition =
		json_string_value(json_object_get(json_object_get(answer, "error"), "condition"));

	if (json_is_true(json_object_get(answer, "ok"))) {
		carry->accounts++;
		return true;
	}
	if (carry->is_merged && condition != NULL && strcmp(condition, "conflict") == 0)
		return true;
	carry_complain(carry, "%s", client_error_text(answer));
	return false;
}

int
carry_account(struct carry *carry, const char *address, const char *password)
{
	json_t *args = json_pack("{s:s, s:b}", "account", address, "brought", 1), *answer = NULL;

	free(carry->account);
	carry->account = NULL;
	if (args == NULL) {
		carry_complain(carry, "an address that is not valid UTF-8");
		return 0;
	}
	json_object_set_new(args, password != NULL ? "password" : "credentials",
			    json_string(password != NULL ? password : "v1"));
	if (wait_below(carry, 0) < 0 || send_command(carry, 1, "account-add", args) < 0 ||
	    take_answer(carry, &answer) < 0)
		return -1;
	if (is_taken(carry, answer))
		carry->account = xstrdup(address);
	json_decref(answer);
	return 0;
}

int
carry_go_on(struct carry *carry, const char *address)
{
	if (carry->account != NULL && strcmp(carry->account, address) == 0)
		return 0;
	if (wait_below(carry, 0) < 0)
		return -1;
	free(carry->account);
	carry->account = xstrdup(address);
	return 0;
}

/* Items of one kind do not depend on each other; those of another may, such as offline messages
 * on the archive. Returns how many of those before may still be under way. */
static unsigned
note_kind(struct carry *carry, const struct element *el)
{
	struct arena *arena = arena_new();
	struct str kind = arena_printf(arena, "%.*s %.*s", STR_ARG(el->name), STR_ARG(el->ns));
	bool is_same = carry->kind != NULL && strcmp(carry->kind, kind.p) == 0;

	if (!is_same) {
		free(carry->kind);
		carry->kind = str_dupz(kind);
	}
	arena_free(arena);
	return is_same ? UNDER_WAY_MAX : 0;
}

int
carry_item(struct carry *carry, const struct element *el)
{
	struct buf xml = {0};
	json_t *args;

	if (carry->account == NULL)
		return 0;
	xml_write(&xml, el, STR_NONE);
	args = json_pack("{s:s, s:s%}", "account", carry->account, "xml", buf_str(&xml).p,
			 buf_len(&xml));
	buf_free(&xml);
	if (args == NULL) {
		carry_complain(carry, "an item that is not valid UTF-8");
		return 0;
	}
	if (wait_below(carry, note_kind(carry, el)) < 0 ||
	    send_command(carry, 2, "account-import", args) < 0)
		return -1;
	carry->under_way++;
	return 0;
}

int
carry_end(struct carry *carry, int rc)
{
	struct arena *arena = arena_new();

	if (!carry->is_broken && wait_below(carry, 0) < 0)
		rc = -1;
	free(carry->account);
	free(carry->source);
	free(carry->kind);
	if (carry->ctl->json)
		output_json(json_pack("{s:I, s:I, s:I}", "accounts", (json_int_t)carry->accounts,
				      "items", (json_int_t)carry->items, "failed",
				      (json_int_t)carry->failed));
	else
		printf("%s accounts, %s items, %s failed\n", output_count(arena, carry->accounts),
		       output_count(arena, carry->items), output_count(arena, carry->failed));
	arena_free(arena);
	if (carry->is_broken)
		return CTL_UNREACHABLE;
	return rc < 0 || carry->failed > 0 ? CTL_FAILED : CTL_OK;
}
