/* SPDX-License-Identifier: MIT */
/* config_scan.c - finds in the file's text what the library would take and must not. */
#include "server/config_scan.h"

struct scan {
	struct config_faults *faults;
	struct str rest;
	unsigned line;
	bool is_readable;
};

static char
peek(const struct scan *s, size_t at)
{
	return at < s->rest.len ? s->rest.p[at] : '\0';
}

static void
skip(struct scan *s, size_t n)
{
	for (size_t i = 0; i < n && i < s->rest.len; i++)
		s->line += s->rest.p[i] == '\n';
	s->rest = str_from(s->rest, n);
}

static void
skip_line(struct scan *s)
{
	ptrdiff_t end = str_find(s->rest, '\n');

	skip(s, end < 0 ? s->rest.len : (size_t)end);
}

static void
skip_comment(struct scan *s)
{
	unsigned begin = s->line;

	skip(s, 2);
	while (s->rest.len > 0 && !str_starts(s->rest, STR("*/")))
		skip(s, 1);
	if (s->rest.len == 0) {
		config_fault(s->faults, begin, "the comment that begins here never ends");
		s->is_readable = false;
	}
	skip(s, 2);
}

static void
skip_quoted(struct scan *s)
{
	unsigned begin = s->line;

	skip(s, 1);
	while (s->rest.len > 0 && s->rest.p[0] != '"')
		skip(s, s->rest.p[0] == '\\' ? 2 : 1);
	if (s->rest.len == 0) {
		config_fault(s->faults, begin, "the text that begins here has no second quote");
		s->is_readable = false;
	}
	skip(s, 1);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '*';
}

/* Hexadecimal ones may be shorter and still be too large: eight digits, none before the eighth. */
static void
skip_number(struct scan *s)
{
	bool is_hex = peek(s, 0) == '0' && (peek(s, 1) == 'x' || peek(s, 1) == 'X');
	size_t length = is_hex ? 2 : 0, most = is_hex ? 7 : 10;
	struct str digits;
	uint64_t number;

	while (is_digit(peek(s, length)) || (is_hex && is_letter(peek(s, length))))
		length++;
	digits = str_from(str_first(s->rest, length), is_hex ? 2 : 0);
	if (digits.len > most || (!is_hex && str_to_u64(digits, INT32_MAX, &number) < 0))
		config_fault(s->faults, s->line,
			     "the number %.*s%s is too large; sizes may be written as \"2GiB\"",
			     (int)MIN(length, 40), s->rest.p, length > 40 ? "..." : "");
	skip(s, length);
}

static void
skip_name(struct scan *s)
{
	size_t length = 1;

	while (is_letter(peek(s, length)) || is_digit(peek(s, length)) || peek(s, length) == '-')
		length++;
	skip(s, length);
}

static void
scan_next(struct scan *s)
{
	char c = peek(s, 0), next = peek(s, 1);

	if (c == '"')
		skip_quoted(s);
	else if (c == '#' || (c == '/' && next == '/'))
		skip_line(s);
	else if (c == '/' && next == '*')
		skip_comment(s);
	else if (is_digit(c))
		skip_number(s);
	else if (is_letter(c))
		skip_name(s);
	else
		skip(s, 1);
}

bool
config_scan(struct config_faults *faults, struct str text)
{
	struct scan s = {faults, text, 1, true};
	struct str rest = text, line;

	if (str_find(text, '\0') >= 0) {
		config_fault(faults, 0, "the file has a NUL byte, it is not text");
		return false;
	}
	/* The library looks for it at the start of any line that is not in a text or comment. */
	for (unsigned n = 1; str_split(&rest, '\n', &line); n++)
		if (str_starts(str_trim(line), STR("@include"))) {
			config_fault(faults, n,
				     "@include is not supported; all settings stand in one file");
			s.is_readable = false;
		}
	while (s.rest.len > 0)
		scan_next(&s);
	faults->scanned = faults->count;
	return s.is_readable;
}
