/* SPDX-License-Identifier: MIT */
/* output.c - tables for people, lines for programs. */
#include "ctl/output.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COLUMNS_MAX 12u
#define COLUMN_WIDTH_MAX 60u

void
output_json(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	puts(text);
	free(text);
	json_decref(value);
}

/* C0, DEL, and the C1 controls, whose UTF-8 begins with 0xc2. */
static bool
is_control(const char *p)
{
	unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];

	return c < ' ' || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

const char *
output_safe(struct arena *arena, const char *text)
{
	struct buf buf = {0};
	const char *at = text, *safe;

	while (*at != '\0' && !is_control(at))
		at++;
	if (*at == '\0')
		return text;
	for (at = text; *at != '\0'; at++) {
		if (is_control(at))
			buf_printf(&buf, "\\x%02x", (unsigned char)*at);
		else
			buf_add_char(&buf, *at);
	}
	safe = arena_dup(arena, buf_str(&buf)).p;
	buf_free(&buf);
	return safe;
}

static const char *
cell_text(struct arena *arena, const struct output_column *column, const json_t *row)
{
	const json_t *value = json_object_get(row, column->key);

	if (value == NULL || json_is_null(value))
		return "-";
	if (column->show != NULL)
		return column->show(arena, value);
	if (json_is_string(value))
		return output_safe(arena, json_string_value(value));
	if (json_is_integer(value))
		return arena_printf(arena, "%lld", (long long)json_integer_value(value)).p;
	return json_is_true(value) ? "yes" : "no";
}

/* Characters, not bytes; wide ones count as one, which is near enough. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
print_cell(const char *text, size_t width, bool is_right, bool is_last)
{
	int pad = (int)(width > width_of(text) ? width - width_of(text) : 0);

	if (is_right)
		printf("%*s%s%s", pad, "", text, is_last ? "\n" : "  ");
	else if (is_last)
		printf("%s\n", text);
	else
		printf("%s%*s", text, pad + 2, "");
}

static void
print_aligned(const struct output_column *columns, size_t n, const json_t *rows, bool is_first,
	      struct arena *arena)
{
	size_t widths[COLUMNS_MAX], i;
	json_t *row;

	for (size_t k = 0; k < n; k++) {
		widths[k] = width_of(columns[k].title);
		json_array_foreach(rows, i, row) widths[k] =
			MAX(widths[k], width_of(cell_text(arena, &columns[k], row)));
		widths[k] = MIN(widths[k], COLUMN_WIDTH_MAX);
	}
	for (size_t k = 0; k < n && is_first; k++)
		print_cell(columns[k].title, widths[k], columns[k].is_right, k + 1 == n);
	json_array_foreach(rows, i, row) for (size_t k = 0; k < n; k++) print_cell(
		cell_text(arena, &columns[k], row), widths[k], columns[k].is_right, k + 1 == n);
}

void
output_table(const struct output_column *columns, size_t n, const json_t *rows, bool is_first)
{
	struct arena *arena = arena_new();
	json_t *row;
	size_t i;

	assert(n <= COLUMNS_MAX);
	if (isatty(STDOUT_FILENO)) {
		print_aligned(columns, n, rows, is_first, arena);
	} else {
		json_array_foreach(rows, i, row) for (size_t k = 0; k < n; k++) printf(
			"%s%c", cell_text(arena, &columns[k], row), k + 1 == n ? '\n' : '\t');
	}
	arena_free(arena);
}

const char *
output_duration(struct arena *arena, uint64_t seconds)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	size_t i = 0;

	while (i + 1 < COUNT(units) && seconds < units[i].seconds)
		i++;
	if (i + 1 == COUNT(units))
		return arena_printf(arena, "%llus", (unsigned long long)seconds).p;
	return arena_printf(arena, "%llu%s %llu%s",
			    (unsigned long long)(seconds / units[i].seconds), units[i].name,
			    (unsigned long long)(seconds % units[i].seconds / units[i + 1].seconds),
			    units[i + 1].name)
		.p;
}

const char *
output_count(struct arena *arena, uint64_t n)
{
	char digits[32], text[48];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	return arena_dup(arena, str_of(text, at)).p;
}
