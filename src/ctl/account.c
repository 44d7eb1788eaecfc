/* SPDX-License-Identifier: MIT */
/* account.c - recadoctl account: add, delete, disable, enable, list, password. */
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/password.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGE_SIZE 500

static int
set_password(struct ctl *ctl, const char *command, const char *done)
{
	const char *account = ctl->operands[0], *password;
	bool is_new;
	json_t *result;
	int code;

	if (password_get(ctl, account, &password, &is_new) < 0)
		return CTL_FAILED;
	result = client_ask(ctl, command,
			    json_pack("{s:s, s:s}", "account", account, "password", password),
			    &code);
	if (result == NULL)
		return code;
	if (ctl->json) {
		if (is_new)
			json_object_set_new(result, "password", json_string(password));
		output_json(json_incref(result));
	} else if (is_new) {
		printf("%s\n", password);
	} else {
		printf("%s %s\n", done, account);
	}
	json_decref(result);
	return CTL_OK;
}

int
account_add(struct ctl *ctl)
{
	return set_password(ctl, "account-add", "added");
}

int
account_password(struct ctl *ctl)
{
	return set_password(ctl, "account-password", "new password for");
}

/* Nothing brings an account back: a person is asked, a script has said so. */
static bool
is_confirmed(struct ctl *ctl)
{
	char answer[16] = "";

	if (ctl_flag(ctl, "yes") != NULL || !isatty(STDIN_FILENO))
		return true;
	fprintf(stderr, "Delete %zu account%s, with all contacts and messages? [y/N] ",
		ctl->operand_count, ctl->operand_count == 1 ? "" : "s");
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

/* COMMAND for each operand. Returns the worst of the exit codes. */
static int
each_account(struct ctl *ctl, const char *command, const char *done)
{
	int code = CTL_OK, worst = CTL_OK;

	for (size_t i = 0; i < ctl->operand_count && code != CTL_UNREACHABLE; i++) {
		json_t *result = client_ask(ctl, command,
					    json_pack("{s:s}", "account", ctl->operands[i]), &code);

		worst = MAX(worst, code);
		if (result != NULL && ctl->json)
			output_json(json_incref(result));
		else if (result != NULL)
			printf("%s %s\n", done, ctl->operands[i]);
		json_decref(result);
	}
	return worst;
}

int
account_delete(struct ctl *ctl)
{
	if (!is_confirmed(ctl))
		return ctl_complain(ctl, CTL_FAILED, "nothing was deleted");
	return each_account(ctl, "account-delete", "deleted");
}

int
account_disable(struct ctl *ctl)
{
	return each_account(ctl, "account-disable", "disabled");
}

int
account_enable(struct ctl *ctl)
{
	return each_account(ctl, "account-enable", "enabled");
}

static void
print_accounts(const struct ctl *ctl, const json_t *accounts)
{
	json_t *account;
	size_t i;

	json_array_foreach(accounts, i, account)
	{
		if (ctl->json)
			output_json(json_pack("{s:O}", "account", account));
		else
			puts(output_safe(ctl->arena, json_string_value(account)));
	}
}

/* Page by page: there may be more accounts than memory. */
int
account_list(struct ctl *ctl)
{
	const char *host = ctl->operand_count > 0 ? ctl->operands[0] : "";
	json_t *after = json_string("");
	size_t count = PAGE_SIZE;
	int code = CTL_OK;

	while (count == PAGE_SIZE) {
		json_t *accounts,
			*result = client_ask(ctl, "account-list",
					     json_pack("{s:s, s:o, s:i}", "host", host, "after",
						       after, "limit", PAGE_SIZE),
					     &code);

		if (result == NULL)
			return code;
		accounts = json_object_get(result, "accounts");
		count = json_array_size(accounts);
		print_accounts(ctl, accounts);
		after = count > 0 ? json_incref(json_array_get(accounts, count - 1))
				  : json_string("");
		json_decref(result);
	}
	json_decref(after);
	return code;
}
