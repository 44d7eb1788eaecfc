/* SPDX-License-Identifier: MIT */
/* config_value.c - values: durations, sizes, choices, and near misses of names. */
#include "server/config_keys.h"

#include <stdlib.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
	{"GiB", 1u << 30},
	{"MiB", 1u << 20},
	{"KiB", 1u << 10},
	{"B", 1},
};

static int
parse_with_unit(struct str text, const struct unit *units, size_t n, uint64_t *out)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	if (str_to_u64(str_first(text, digits), UINT32_MAX, &number) < 0)
		return -1;
	text = str_trim(str_from(text, digits));
	for (size_t i = 0; i < n; i++)
		if (str_is(text, units[i].name)) {
			*out = number * units[i].factor; /* below 2^32 * 2^30 */
			return 0;
		}
	/* Zero is zero in every unit. */
	*out = 0;
	return text.len == 0 && number == 0 ? 0 : -1;
}

int
config_parse_duration(struct str text, uint64_t *ms)
{
	return parse_with_unit(text, duration_units, COUNT(duration_units), ms);
}

int
config_parse_size(struct str text, uint64_t *bytes)
{
	return parse_with_unit(text, size_units, COUNT(size_units), bytes);
}

static struct str
format_with_unit(struct arena *arena, uint64_t value, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (value >= units[i].factor && value % units[i].factor == 0)
			return arena_printf(arena, "%llu%s",
					    (unsigned long long)(value / units[i].factor),
					    units[i].name);
	return arena_dup(arena, STR("0"));
}

struct str
config_format_duration(struct arena *arena, uint64_t ms)
{
	return format_with_unit(arena, ms, duration_units, COUNT(duration_units));
}

struct str
config_format_size(struct arena *arena, uint64_t bytes)
{
	return format_with_unit(arena, bytes, size_units, COUNT(size_units));
}

int
config_choice(const char *choices, struct str text)
{
	struct str rest = str(choices), choice;

	for (int i = 0; str_split(&rest, ' ', &choice); i++)
		if (str_equal(choice, text))
			return i;
	return -1;
}

struct option_value
config_default(struct arena *arena, const struct option *option)
{
	struct str text = str(option->default_value), rest = text, item;
	struct option_value value = {0};
	int rc = 0;

	switch (option->type) {
	case OPTION_BOOL:
		value.flag = str_is(text, "true");
		rc = value.flag || str_is(text, "false") ? 0 : -1;
		break;
	case OPTION_INT:
		rc = str_to_u64(text, INT64_MAX, &value.number);
		break;
	case OPTION_DURATION:
		rc = config_parse_duration(text, &value.number);
		break;
	case OPTION_SIZE:
		rc = config_parse_size(text, &value.number);
		break;
	case OPTION_TEXT:
		value.text = arena_dup(arena, text);
		rc = option->choices == NULL ? 0 : config_choice(option->choices, text);
		break;
	case OPTION_LIST:
		value.list.items = arena_array(arena, struct str, text.len / 2 + 1);
		while (str_split(&rest, ' ', &item))
			if (item.len > 0)
				value.list.items[value.list.count++] = arena_dup(arena, item);
		break;
	}
	assert(rc >= 0);
	return value;
}

static struct str
bounds(struct arena *arena, const struct option *option,
       struct str (*format)(struct arena *, uint64_t))
{
	if (option->min > 0 && option->max > 0)
		return arena_printf(arena, ", from %.*s to %.*s",
				    STR_ARG(format(arena, option->min)),
				    STR_ARG(format(arena, option->max)));
	if (option->max > 0)
		return arena_printf(arena, ", at most %.*s", STR_ARG(format(arena, option->max)));
	if (option->min > 0)
		return arena_printf(arena, ", at least %.*s", STR_ARG(format(arena, option->min)));
	return STR("");
}

static struct str
format_number(struct arena *arena, uint64_t number)
{
	return arena_printf(arena, "%llu", (unsigned long long)number);
}

static struct str
expected_choice(struct arena *arena, const char *choices)
{
	struct str rest = str(choices), choice, text = STR("one of");

	for (bool is_first = true; str_split(&rest, ' ', &choice); is_first = false)
		text = arena_printf(arena, "%.*s%s \"%.*s\"", STR_ARG(text), is_first ? "" : ",",
				    STR_ARG(choice));
	return text;
}

struct str
config_expected(struct arena *arena, const struct option *option)
{
	switch (option->type) {
	case OPTION_BOOL:
		return STR("true or false, without quotes");
	case OPTION_INT:
		return arena_join(arena, STR("a whole number without quotes"),
				  bounds(arena, option, format_number));
	case OPTION_DURATION:
		return arena_join(arena,
				  STR("a duration such as \"500ms\", \"30s\", \"5m\" or \"2h\""),
				  bounds(arena, option, config_format_duration));
	case OPTION_SIZE:
		return arena_join(arena, STR("a size such as 4096, \"64KiB\" or \"10MiB\""),
				  bounds(arena, option, config_format_size));
	case OPTION_TEXT:
		if (option->choices != NULL)
			return expected_choice(arena, option->choices);
		return STR("a text in double quotes");
	case OPTION_LIST:
		return STR("a text in double quotes, or several in brackets: [\"one\", \"two\"]");
	}
	return STR("");
}

unsigned
config_distance(struct str a, struct str b)
{
	enum { LONGEST = 48 };
	unsigned rows[3][LONGEST + 1]; /* of the row before the last, the last, and this one */

	if (a.len > LONGEST || b.len > LONGEST)
		return LONGEST;
	for (size_t k = 0; k <= b.len; k++)
		rows[0][k] = (unsigned)k;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b.len; k++) {
			row[k] = MIN(last[k], row[k - 1]) + 1;
			row[k] = MIN(row[k], last[k - 1] + (a.p[i - 1] != b.p[k - 1]));
			if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
				row[k] = MIN(row[k], before[k - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}
