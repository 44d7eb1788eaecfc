/* SPDX-License-Identifier: MIT */
/* lua_data.c - a reader of the few words of Lua that data are written in. */
#include "ctl/lua_data.h"

#include "base/buf.h"

#define DEPTH_MAX 100u

struct reader {
	struct arena *arena;
	const char *p, *end;
	const char *why;
	unsigned depth;
};

static int read_value(struct reader *r, struct lua_value *out);

static int
wrong(struct reader *r, const char *why)
{
	r->why = why;
	return -1;
}

/* White space and comments up to the end of a line. */
static void
skip(struct reader *r)
{
	for (; r->p < r->end; r->p++) {
		if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] == '-') {
			const char *line = memchr(r->p, '\n', (size_t)(r->end - r->p));

			r->p = line != NULL ? line : r->end - 1;
		} else if (strchr(" \t\r\n\f\v", *r->p) == NULL || *r->p == '\0') {
			return;
		}
	}
}

static bool
take(struct reader *r, char c)
{
	skip(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

static struct str
read_word(struct reader *r)
{
	const char *start;

	skip(r);
	start = r->p;
	while (r->p < r->end && is_word_char(*r->p))
		r->p++;
	return str_of(start, (size_t)(r->p - start));
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "\ddd", up to three digits. */
static int
read_decimal(struct reader *r, struct buf *out)
{
	unsigned byte = 0;

	for (unsigned i = 0; i < 3 && r->p < r->end && *r->p >= '0' && *r->p <= '9'; i++)
		byte = byte * 10 + (unsigned)(*r->p++ - '0');
	if (byte > 255)
		return wrong(r, "a string with an escape that is no byte");
	buf_add_char(out, (char)byte);
	return 0;
}

static int
read_hex(struct reader *r, struct buf *out)
{
	int high, low;

	r->p++;
	if (r->end - r->p < 2 || (high = hex_digit(r->p[0])) < 0 || (low = hex_digit(r->p[1])) < 0)
		return wrong(r, "a string with an escape that is no byte");
	buf_add_char(out, (char)(high * 16 + low));
	r->p += 2;
	return 0;
}

/* Behind the backslash. */
static int
read_escape(struct reader *r, struct buf *out)
{
	static const char from[] = "abfnrtv\\\"'\n", to[] = "\a\b\f\n\r\t\v\\\"'\n";
	const char *known;

	if (r->p == r->end)
		return wrong(r, "a string without end");
	if (*r->p >= '0' && *r->p <= '9')
		return read_decimal(r, out);
	if (*r->p == 'x')
		return read_hex(r, out);
	known = *r->p != '\0' ? strchr(from, *r->p) : NULL;
	if (known == NULL)
		return wrong(r, "a string with an unknown escape");
	buf_add_char(out, to[known - from]);
	r->p++;
	return 0;
}

static int
read_string(struct reader *r, struct lua_value *out)
{
	char quote = *r->p++;
	struct buf text = {0};
	int rc = 0;

	while (rc == 0 && r->p < r->end && *r->p != quote) {
		if (*r->p == '\\') {
			r->p++;
			rc = read_escape(r, &text);
		} else if (*r->p == '\n') {
			rc = wrong(r, "a string without end");
		} else {
			buf_add_char(&text, *r->p++);
		}
	}
	if (rc == 0 && r->p == r->end)
		rc = wrong(r, "a string without end");
	if (rc == 0) {
		r->p++;
		out->type = LUA_STRING;
		out->text = arena_dup(r->arena, buf_len(&text) > 0 ? buf_str(&text) : STR(""));
	}
	buf_free(&text);
	return rc;
}

static int
read_number(struct reader *r, struct lua_value *out)
{
	const char *start = r->p;

	while (r->p < r->end && (is_word_char(*r->p) || *r->p == '.' || *r->p == '-' ||
				 (*r->p == '+' && r->p > start)))
		r->p++;
	out->type = LUA_NUMBER;
	out->text = arena_dup(r->arena, str_of(start, (size_t)(r->p - start)));
	return 0;
}

static int
read_constant(struct reader *r, struct lua_value *out)
{
	struct str word = read_word(r);

	if (str_is(word, "nil")) {
		out->type = LUA_NIL;
		return 0;
	}
	if (!str_is(word, "true") && !str_is(word, "false"))
		return wrong(r, "something that is no value");
	out->type = LUA_BOOL;
	out->text = arena_dup(r->arena, word);
	return 0;
}

/* "[key] =", "name =", or nothing. */
static int
read_key(struct reader *r, struct lua_value *key, unsigned *number)
{
	const char *start;
	struct str word;

	if (take(r, '[')) {
		if (read_value(r, key) < 0)
			return -1;
		if (!take(r, ']') || !take(r, '='))
			return wrong(r, "a key without its end");
		return 0;
	}
	start = r->p;
	word = read_word(r);
	if (word.len > 0 && !(word.p[0] >= '0' && word.p[0] <= '9') && take(r, '=')) {
		key->type = LUA_STRING;
		key->text = arena_dup(r->arena, word);
		return 0;
	}
	r->p = start;
	key->type = LUA_NUMBER;
	key->text = arena_printf(r->arena, "%u", ++*number);
	return 0;
}

static int
read_entries(struct reader *r, struct lua_entry **tail)
{
	unsigned number = 0;

	for (;;) {
		struct lua_entry *entry;

		if (take(r, '}'))
			return 0;
		entry = arena_new_of(r->arena, struct lua_entry);
		if (read_key(r, &entry->key, &number) < 0 || read_value(r, &entry->value) < 0)
			return -1;
		*tail = entry;
		tail = &entry->next;
		if (!take(r, ',') && !take(r, ';')) {
			if (take(r, '}'))
				return 0;
			return wrong(r, "a table without end");
		}
	}
}

static int
read_value(struct reader *r, struct lua_value *out)
{
	int rc;

	skip(r);
	if (r->p == r->end)
		return wrong(r, "it ends in the middle");
	if (*r->p == '"' || *r->p == '\'')
		return read_string(r, out);
	if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
		return read_number(r, out);
	if (*r->p != '{')
		return read_constant(r, out);
	if (r->depth == DEPTH_MAX)
		return wrong(r, "tables that are nested too deeply");
	r->p++;
	r->depth++;
	out->type = LUA_TABLE;
	rc = read_entries(r, &out->entries);
	r->depth--;
	return rc;
}

int
lua_read_return(struct arena *arena, struct str text, struct lua_value *out, const char **why)
{
	struct reader r = {.arena = arena, .p = text.p, .end = text.p + text.len};

	memset(out, 0, sizeof(*out));
	if (text.len == 0 || !str_is(read_word(&r), "return")) {
		*why = "it does not begin with \"return\"";
		return -1;
	}
	if (read_value(&r, out) < 0) {
		*why = r.why;
		return -1;
	}
	(void)take(&r, ';');
	skip(&r);
	*why = "something stands behind the table";
	return r.p == r.end ? 0 : -1;
}

int
lua_read_item(struct arena *arena, struct str *rest, struct lua_value *out, const char **why)
{
	struct reader r = {.arena = arena, .p = rest->p, .end = rest->p + rest->len};

	memset(out, 0, sizeof(*out));
	if (rest->len == 0)
		return 0;
	skip(&r);
	if (r.p == r.end)
		return 0;
	if (!str_is(read_word(&r), "item") || !take(&r, '(')) {
		*why = "something that is no item";
		return -1;
	}
	if (read_value(&r, out) < 0) {
		*why = r.why;
		return -1;
	}
	if (!take(&r, ')')) {
		*why = "an item without end";
		return -1;
	}
	(void)take(&r, ';');
	*rest = str_of(r.p, (size_t)(r.end - r.p));
	return 1;
}

const struct lua_value *
lua_field(const struct lua_value *table, const char *key)
{
	for (const struct lua_entry *e = table != NULL ? table->entries : NULL; e != NULL;
	     e = e->next)
		if (e->key.type == LUA_STRING && str_is(e->key.text, key))
			return &e->value;
	return NULL;
}

struct str
lua_text(const struct lua_value *table, const char *key)
{
	const struct lua_value *value = lua_field(table, key);

	return value != NULL && (value->type == LUA_STRING || value->type == LUA_NUMBER)
		       ? value->text
		       : STR_NONE;
}

bool
lua_is_true(const struct lua_value *table, const char *key)
{
	const struct lua_value *value = lua_field(table, key);

	return value != NULL && value->type == LUA_BOOL && str_is(value->text, "true");
}
