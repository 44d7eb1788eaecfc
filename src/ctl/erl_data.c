/* SPDX-License-Identifier: MIT */
/* erl_data.c - a reader of Erlang terms by recursive descent, with a bound on the depth. */
#include "ctl/erl_data.h"

#include "base/utf8.h"

#define DEPTH_MAX 800u

struct reader {
	struct arena *arena;
	struct str in;
	const char *why;
	unsigned depth;
};

static int read_value(struct reader *r, struct erl_value *out);

static int
fail(struct reader *r, const char *why)
{
	r->why = why;
	return -1;
}

static int
peek(const struct reader *r, size_t at)
{
	return at < r->in.len ? (unsigned char)r->in.p[at] : -1;
}

static void
skip(struct reader *r, size_t n)
{
	r->in = str_from(r->in, n);
}

/* White space, and comments up to the end of their line. */
static void
skip_space(struct reader *r)
{
	for (;;) {
		int c = peek(r, 0);

		if (c == '%') {
			ptrdiff_t end = str_find(r->in, '\n');

			skip(r, end >= 0 ? (size_t)end : r->in.len);
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			skip(r, 1);
		} else {
			return;
		}
	}
}

static bool
take(struct reader *r, const char *word)
{
	skip_space(r);
	if (!str_starts(r->in, str(word)))
		return false;
	skip(r, strlen(word));
	return true;
}

static bool
is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '@';
}

static size_t
put_char(char *out, uint32_t c, bool is_utf8)
{
	if (!is_utf8 || c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	return utf8_encode(c, out);
}

static int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows a backslash (Erlang reference, §3.7), which is behind. Returns it, or -1. */
static int32_t
read_escape(struct reader *r)
{
	static const char names[] = "bdefnrstv", values[] = "\b\177\033\f\n\r \t\v";
	int c = peek(r, 0);
	const char *at = c > 0 ? strchr(names, c) : NULL;
	int32_t value = 0;
	size_t n;

	if (at != NULL) {
		skip(r, 1);
		return values[at - names];
	}
	if (c >= '0' && c <= '7') {
		for (n = 0; n < 3 && peek(r, n) >= '0' && peek(r, n) <= '7'; n++)
			value = value * 8 + (peek(r, n) - '0');
		skip(r, n);
		return value;
	}
	if (c != 'x') {
		skip(r, 1);
		return c;
	}
	if (peek(r, 1) != '{') {
		if (hex_digit(peek(r, 1)) < 0 || hex_digit(peek(r, 2)) < 0)
			return -1;
		value = hex_digit(peek(r, 1)) * 16 + hex_digit(peek(r, 2));
		skip(r, 3);
		return value;
	}
	for (n = 2; n < 8 && hex_digit(peek(r, n)) >= 0; n++)
		value = value * 16 + hex_digit(peek(r, n));
	if (n == 2 || peek(r, n) != '}' || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return -1;
	skip(r, n + 1);
	return value;
}

/* The end of the quoted text that R stands in, without regard to what escapes mean; or -1. */
static ptrdiff_t
find_quote(const struct reader *r, char quote)
{
	for (size_t i = 0; i < r->in.len; i++) {
		if (r->in.p[i] == quote)
			return (ptrdiff_t)i;
		if (r->in.p[i] == '\\')
			i++;
	}
	return -1;
}

/* Behind the QUOTE; IS_UTF8: its characters are to be bytes of UTF-8, else they are bytes. */
static int
read_quoted(struct reader *r, char quote, bool is_utf8, struct str *out)
{
	ptrdiff_t end = find_quote(r, quote);
	const char *stop = r->in.p + end;
	bool is_encoded;
	char *text;
	size_t n = 0;

	if (end < 0)
		return fail(r, "a quote is missing");
	is_encoded = utf8_is_valid(str_first(r->in, (size_t)end));
	text = arena_bytes(r->arena, (size_t)end * 2 + 1);
	while (r->in.p < stop) {
		unsigned char c = (unsigned char)r->in.p[0];

		skip(r, 1);
		if (c == '\\') {
			int32_t escaped = read_escape(r);

			if (escaped < 0 || (!is_utf8 && escaped > 0xff))
				return fail(r, "an unknown escape");
			n += put_char(text + n, (uint32_t)escaped, is_utf8);
		} else { /* the file may be in UTF-8, or in Latin-1 */
			n += put_char(text + n, c, is_utf8 && !is_encoded);
		}
	}
	skip(r, 1);
	text[n] = '\0';
	*out = str_of(text, n);
	return 0;
}

/* Behind "<<": strings, each perhaps with "/utf8", and numbers of bytes. */
static int
read_binary(struct reader *r, struct erl_value *out)
{
	char *bytes = arena_bytes(r->arena, 64);
	size_t n = 0, size = 64;

	out->type = ERL_BINARY;
	while (!take(r, ">>")) {
		struct str piece;
		char byte;

		skip_space(r);
		if (peek(r, 0) == '"') {
			ptrdiff_t end;
			bool is_utf8;

			skip(r, 1);
			end = find_quote(r, '"');
			is_utf8 = end >= 0 &&
				  str_starts(str_from(r->in, (size_t)end + 1), STR("/utf8"));
			if (read_quoted(r, '"', is_utf8, &piece) < 0)
				return -1;
			if (is_utf8)
				skip(r, 5);
		} else {
			unsigned value = 0;
			size_t digits = 0;

			for (; digits < 3 && peek(r, digits) >= '0' && peek(r, digits) <= '9';
			     digits++)
				value = value * 10 + (unsigned)(peek(r, digits) - '0');
			if (digits == 0 || value > 0xff)
				return fail(r, "a binary with something else than bytes");
			skip(r, digits);
			byte = (char)value;
			piece = str_of(&byte, 1);
		}
		if (n + piece.len + 1 > size) {
			bytes = arena_grow(r->arena, bytes, size, 2 * (n + piece.len + 1));
			size = 2 * (n + piece.len + 1);
		}
		memcpy(bytes + n, piece.p, piece.len);
		n += piece.len;
		(void)take(r, ",");
	}
	bytes[n] = '\0';
	out->text = str_of(bytes, n);
	return 0;
}

/* Behind the opening bracket. In maps, "=>" and ":=" stand for commas. */
static int
read_items(struct reader *r, const char *close, struct erl_value *out)
{
	struct erl_value **last = &out->items;

	while (!take(r, close)) {
		struct erl_value *item = arena_new_of(r->arena, struct erl_value);

		if (read_value(r, item) < 0)
			return -1;
		*last = item;
		last = &item->next;
		out->count++;
		if (!take(r, ",") && !take(r, "=>") && !take(r, ":=") && !take(r, "|")) {
			if (take(r, close))
				break;
			return fail(r, "a comma or a bracket is missing");
		}
	}
	return 0;
}

static int
read_atom(struct reader *r, struct erl_value *out)
{
	size_t n = 0;

	out->type = ERL_ATOM;
	if (peek(r, 0) == '\'') {
		skip(r, 1);
		return read_quoted(r, '\'', true, &out->text);
	}
	while (is_word(peek(r, n)))
		n++;
	if (n == 0)
		return fail(r, "what it is, cannot be told");
	out->text = str_first(r->in, n);
	skip(r, n);
	return 0;
}

/* 12, -3, 1.5e-3; what base it is in matters to nobody. */
static int
read_number(struct reader *r, struct erl_value *out)
{
	size_t n = peek(r, 0) == '-' ? 1 : 0;
	bool is_fraction = false;

	for (;; n++) {
		int c = peek(r, n);

		if (c == '.' && !is_fraction && peek(r, n + 1) >= '0' && peek(r, n + 1) <= '9')
			is_fraction = true;
		else if (!is_word(c) && c != '#' &&
			 !(is_fraction && (c == '-' || c == '+') && peek(r, n - 1) == 'e'))
			break;
	}
	out->type = ERL_NUMBER;
	out->text = str_first(r->in, n);
	skip(r, n);
	return n > 0 ? 0 : fail(r, "a number without digits");
}

/* Such as #Ref<0.1.2.3>, #Fun<a.b>, <0.85.0>: R stands at the "<". */
static int
skip_handle(struct reader *r, struct erl_value *out)
{
	ptrdiff_t end = str_find(r->in, '>');

	out->type = ERL_OTHER;
	if (end < 0)
		return fail(r, "a bracket is missing");
	skip(r, (size_t)end + 1);
	return 0;
}

static int
read_hash(struct reader *r, struct erl_value *out)
{
	skip(r, 1);
	while (is_word(peek(r, 0)))
		skip(r, 1);
	if (peek(r, 0) == '<')
		return skip_handle(r, out);
	if (!take(r, "{"))
		return fail(r, "what it is, cannot be told");
	if (read_items(r, "}", out) < 0)
		return -1;
	out->type = ERL_OTHER;
	return 0;
}

static int
read_any(struct reader *r, struct erl_value *out)
{
	int c;

	skip_space(r);
	c = peek(r, 0);
	if (c == '<' && peek(r, 1) == '<') {
		skip(r, 2);
		return read_binary(r, out);
	}
	if (c == '<')
		return skip_handle(r, out);
	if (c == '#')
		return read_hash(r, out);
	if (c == '{' || c == '[') {
		skip(r, 1);
		out->type = c == '{' ? ERL_TUPLE : ERL_LIST;
		return read_items(r, c == '{' ? "}" : "]", out);
	}
	if (c == '"') {
		skip(r, 1);
		out->type = ERL_STRING;
		return read_quoted(r, '"', true, &out->text);
	}
	if (c == '-' || (c >= '0' && c <= '9'))
		return read_number(r, out);
	return read_atom(r, out);
}

static int
read_value(struct reader *r, struct erl_value *out)
{
	int rc;

	if (r->depth++ == DEPTH_MAX)
		return fail(r, "nested too deeply");
	rc = read_any(r, out);
	r->depth--;
	return rc;
}

int
erl_read_term(struct arena *arena, struct str *rest, struct erl_value *out, const char **why)
{
	struct reader r = {.arena = arena, .in = *rest};

	*out = (struct erl_value){0};
	skip_space(&r);
	if (r.in.len == 0)
		return 0;
	if (read_value(&r, out) < 0 || (!take(&r, ".") && fail(&r, "a term without its end") < 0)) {
		*why = r.why;
		return -1;
	}
	*rest = r.in;
	return 1;
}

const struct erl_value *
erl_at(const struct erl_value *value, size_t index)
{
	const struct erl_value *item =
		value != NULL && (value->type == ERL_LIST || value->type == ERL_TUPLE)
			? value->items
			: NULL;

	while (item != NULL && index-- > 0)
		item = item->next;
	return item;
}

bool
erl_is_atom(const struct erl_value *value, const char *name)
{
	return value != NULL && value->type == ERL_ATOM && str_is(value->text, name);
}

bool
erl_is_record(const struct erl_value *value, const char *name, size_t count)
{
	return value != NULL && value->type == ERL_TUPLE && (count == 0 || value->count == count) &&
	       erl_is_atom(value->items, name);
}

struct str
erl_text(const struct erl_value *value)
{
	return value != NULL && value->type <= ERL_STRING ? value->text : STR_NONE;
}

int
erl_number(const struct erl_value *value, uint64_t max, uint64_t *out)
{
	return value != NULL && value->type == ERL_NUMBER ? str_to_u64(value->text, max, out) : -1;
}
