/* SPDX-License-Identifier: MIT */
/* portable.c - recadoctl export, import: accounts in the format of XEP-0227, or as others keep
 * them. */
#include "base/buf.h"
#include "ctl/carry.h"
#include "ctl/output.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

#define PAGE_SIZE 500

struct export
{
	struct ctl *ctl;
	char *host; /* whose <host> is open, or NULL */
	uint64_t accounts;
};

static void
put(struct buf *buf)
{
	fwrite(buf_str(buf).p, 1, buf_len(buf), stdout);
	buf_clear(buf);
}

static void
close_host(struct export *export)
{
	if (export->host != NULL)
		puts("</host>");
	free(export->host);
	export->host = NULL;
}

/* Accounts come by address, so those of a host need not stand together. */
static void
open_user(struct export *export, const char *address)
{
	const char *at = strchr(address, '@');
	struct buf text = {0};

	if (export->host == NULL || strcmp(export->host, at + 1) != 0) {
		close_host(export);
		export->host = xstrdup(at + 1);
		buf_addz(&text, "<host");
		xml_write_attr(&text, "jid", str(at + 1));
		buf_addz(&text, ">\n");
	}
	buf_addz(&text, "<user");
	xml_write_attr(&text, "name", str_of(address, (size_t)(at - address)));
	buf_addz(&text, ">\n");
	put(&text);
	buf_free(&text);
}

static int
export_account(struct export *export, const char *address)
{
	json_t *cursor = json_string("");
	bool is_first = true;
	int code = CTL_OK;

	while (cursor != NULL) {
		json_t *result = client_ask(
			export->ctl, "account-export",
			json_pack("{s:s, s:o}", "account", address, "cursor", cursor), &code);
		const char *xml;

		if (result == NULL)
			break;
		if (is_first)
			open_user(export, address);
		is_first = false;
		xml = json_string_value(json_object_get(result, "xml"));
		if (xml != NULL && xml[0] != '\0')
			printf("%s\n", xml);
		cursor = json_incref(json_object_get(result, "cursor"));
		json_decref(result);
	}
	if (!is_first)
		puts("</user>");
	export->accounts += !is_first;
	return code;
}

static int
export_page(struct export *export, const json_t *accounts)
{
	json_t *account;
	size_t i;
	int code = CTL_OK, worst = CTL_OK;

	json_array_foreach(accounts, i, account)
	{
		code = export_account(export, json_string_value(account));
		worst = MAX(worst, code);
		if (code == CTL_UNREACHABLE)
			break;
	}
	return worst;
}

static int
export_accounts(struct export *export, const char *host)
{
	json_t *after = json_string("");
	size_t count = PAGE_SIZE;
	int code = CTL_OK, worst = CTL_OK;

	while (count == PAGE_SIZE && worst != CTL_UNREACHABLE) {
		json_t *accounts,
			*result = client_ask(export->ctl, "account-list",
					     json_pack("{s:s, s:o, s:i}", "host", host, "after",
						       after, "limit", PAGE_SIZE),
					     &code);

		after = NULL;
		if (result == NULL)
			return code;
		accounts = json_object_get(result, "accounts");
		count = json_array_size(accounts);
		code = export_page(export, accounts);
		worst = MAX(worst, code);
		after = json_incref(json_array_get(accounts, count > 0 ? count - 1 : 0));
		if (after == NULL)
			after = json_string("");
		json_decref(result);
	}
	json_decref(after);
	return worst;
}

int
ctl_export(struct ctl *ctl)
{
	struct export export = {.ctl = ctl};
	const char *of = ctl->operand_count > 0 ? ctl->operands[0] : "";
	int code;

	if (client_connect(ctl, false) < 0)
		return CTL_UNREACHABLE;
	puts("<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='" NS_PIE "'>");
	code = strchr(of, '@') != NULL ? export_account(&export, of) : export_accounts(&export, of);
	close_host(&export);
	/* A file that lacks something must not look whole. */
	if (code == CTL_OK)
		puts("</server-data>");
	return code;
}

int
ctl_import(struct ctl *ctl)
{
	struct carry carry = {.ctl = ctl, .is_merged = ctl_flag(ctl, "merge") != NULL};
	const char *from = ctl_flag(ctl, "from");
	int rc;

	if (from != NULL && strcmp(from, "prosody") != 0 && strcmp(from, "ejabberd") != 0 &&
	    strcmp(from, "xep0227") != 0)
		return ctl_complain(ctl, CTL_USAGE,
				    "--from is xep0227, prosody or ejabberd, not %s", from);
	if (client_connect(ctl, false) < 0)
		return CTL_UNREACHABLE;
	if (from != NULL && strcmp(from, "prosody") == 0)
		rc = carry_prosody(&carry, ctl->operands[0]);
	else if (from != NULL && strcmp(from, "ejabberd") == 0)
		rc = carry_ejabberd(&carry, ctl->operands[0]);
	else
		rc = carry_pie_file(&carry, ctl->operands[0]);
	return carry_end(&carry, rc);
}
