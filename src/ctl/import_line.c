/* SPDX-License-Identifier: MIT */
/* import_line.c - tab-separated, comma-separated (RFC 4180) or JSON: each line tells by itself. */
#include "ctl/import_line.h"

#include <jansson.h>

static int
parse_json(struct arena *arena, struct str text, struct import_line *out, const char **why)
{
	json_t *line = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	const char *account = json_string_value(json_object_get(line, "account"));
	const char *password = json_string_value(json_object_get(line, "password"));
	const char *keys = json_string_value(json_object_get(line, "credentials"));
	bool is_good = account != NULL && (password != NULL) != (keys != NULL) &&
		       json_object_size(line) == 2;

	*why = line == NULL ? "the line is not JSON"
			    : "expected an object with the strings \"account\" and \"password\" or "
			      "\"credentials\"";
	if (is_good) {
		out->account = arena_dup(arena, str(account)).p;
		out->password = arena_dup(arena, str(password)).p;
		out->credentials = arena_dup(arena, str(keys)).p;
	}
	json_decref(line);
	return is_good ? 0 : -1;
}

/*
 * A field that may stand in quotes, in which two quotes are one; the separator, or nothing,
 * follows. Returns the length of the field as written, or -1.
 */
static ptrdiff_t
parse_field(struct arena *arena, struct str text, char separator, struct str *out)
{
	char *field;
	size_t at = 1, length = 0;
	ptrdiff_t end;

	if (text.len == 0 || text.p[0] != '"') {
		end = separator != '\0' ? str_find(text, separator) : -1;
		*out = arena_dup(arena, end < 0 ? text : str_first(text, (size_t)end));
		return (ptrdiff_t)out->len;
	}
	field = arena_bytes(arena, text.len + 1);
	while (at < text.len &&
	       (text.p[at] != '"' || (at + 1 < text.len && text.p[at + 1] == '"'))) {
		at += text.p[at] == '"' ? 1 : 0;
		field[length++] = text.p[at++];
	}
	if (at == text.len || (at + 1 < text.len && text.p[at + 1] != separator))
		return -1;
	field[length] = '\0';
	*out = str_of(field, length);
	return (ptrdiff_t)at + 1;
}

/* The password is all that follows the first separator, unless it is quoted. */
static int
parse_csv(struct arena *arena, struct str text, struct import_line *out, const char **why)
{
	struct str account, password;
	ptrdiff_t length = parse_field(arena, text, ',', &account);

	*why = "a quote is missing, or in the wrong place";
	if (length < 0)
		return -1;
	*why = "expected an address, a tab or comma, and a password";
	if ((size_t)length >= text.len)
		return -1;
	text = str_from(text, (size_t)length + 1);
	*why = "a quote is missing, or in the wrong place";
	if (parse_field(arena, text, '\0', &password) != (ptrdiff_t)text.len)
		return -1;
	out->account = account.p;
	out->password = password.p;
	return 0;
}

static int
parse_tabs(struct arena *arena, struct str text, struct import_line *out)
{
	size_t tab = (size_t)str_find(text, '\t');

	out->account = arena_dup(arena, str_first(text, tab)).p;
	out->password = arena_dup(arena, str_from(text, tab + 1)).p;
	return 0;
}

int
import_line_parse(struct arena *arena, struct str text, struct import_line *out, const char **why)
{
	int rc;

	*out = (struct import_line){NULL, NULL, NULL};
	if (text.len > 0 && text.p[0] == '{')
		rc = parse_json(arena, text, out, why);
	else if (str_find(text, '\t') >= 0)
		rc = parse_tabs(arena, text, out);
	else
		rc = parse_csv(arena, text, out, why);
	if (rc < 0)
		return -1;
	*why = out->account[0] == '\0' ? "the address is empty" : "the password is empty";
	if (out->account[0] == '\0' || (out->credentials == NULL && out->password[0] == '\0'))
		return -1;
	return 0;
}
