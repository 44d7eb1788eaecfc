/* SPDX-License-Identifier: MIT */
/* config_fault.c - wording the faults of a configuration file so that they say what to do. */
#include "server/config_fault.h"

#include "base/buf.h"

#include <stdlib.h>

#define SHOWN_MAX 64u  /* bytes of a value */
#define LISTED_MAX 16u /* names */

void
config_fault(struct config_faults *faults, unsigned line, const char *format, ...)
{
	va_list args;

	if (faults->count == faults->size) {
		faults->size = MAX(16, 2 * faults->size);
		faults->list = xrealloc(faults->list, faults->size * sizeof(faults->list[0]));
	}
	va_start(args, format);
	faults->list[faults->count] = (struct config_fault){
		line, faults->count, arena_vprintf(faults->arena, format, args)};
	va_end(args);
	faults->count++;
}

struct str
config_setting_path(struct arena *arena, const config_setting_t *setting)
{
	struct str path = STR("");

	/* In a list, what stands in it has no name: its place counts from 1. */
	for (; setting->parent != NULL; setting = setting->parent) {
		bool is_dotted = path.len > 0 && path.p[0] != '[';

		if (setting->name != NULL)
			path = arena_printf(arena, "%s%s%.*s", setting->name, is_dotted ? "." : "",
					    STR_ARG(path));
		else
			path = arena_printf(arena, "[%d]%s%.*s", config_setting_index(setting) + 1,
					    is_dotted ? "." : "", STR_ARG(path));
	}
	return path;
}

/* The text in quotes, without what a terminal would obey. */
static struct str
show_text(struct arena *arena, const char *text)
{
	struct buf buf = {0};
	struct str shown;
	size_t i;

	buf_add_char(&buf, '"');
	for (i = 0; text[i] != '\0' && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c >= 0x7f)
			buf_printf(&buf, "\\x%02x", c);
		else
			buf_add_char(&buf, (char)c);
	}
	buf_addz(&buf, text[i] != '\0' ? "...\"" : "\"");
	shown = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return shown;
}

static struct str
show_value(struct arena *arena, const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return STR("a group");
	case CONFIG_TYPE_LIST:
		return STR("a list");
	case CONFIG_TYPE_ARRAY:
		return STR("an array");
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(setting) ? STR("true") : STR("false");
	case CONFIG_TYPE_FLOAT:
		return arena_printf(arena, "%g", config_setting_get_float(setting));
	case CONFIG_TYPE_STRING:
		return show_text(arena, config_setting_get_string(setting));
	default:
		return arena_printf(arena, "%lld", config_setting_get_int64(setting));
	}
}

void
config_fault_value(struct config_faults *faults, const config_setting_t *setting,
		   struct str expected, const char *because)
{
	struct str path = config_setting_path(faults->arena, setting);
	struct str shown = show_value(faults->arena, setting);

	for (size_t i = 0; i < faults->scanned; i++)
		if (faults->list[i].line == config_setting_source_line(setting))
			return;
	config_fault(faults, config_setting_source_line(setting),
		     "%.*s is %.*s: expected %.*s%s%s%s", STR_ARG(path), STR_ARG(shown),
		     STR_ARG(expected), because ? " (" : "", because ? because : "",
		     because ? ")" : "");
}

/* The nearest of NAMES, or NULL when none is near: at most a third of it is wrong. */
static const char *
nearest(const struct config_names *names, const char *name)
{
	const char *best = NULL;
	unsigned best_distance = (unsigned)strlen(name) / 3 + 1;

	for (size_t i = 0; i < names->count; i++) {
		unsigned distance = config_distance(str(names->names[i]), str(name));

		if (distance <= best_distance && (best == NULL || distance < best_distance)) {
			best = names->names[i];
			best_distance = distance;
		}
	}
	return best;
}

/* The group that has a key NAME, or NULL. */
static const char *
home_of(const char *name)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		for (size_t k = 0; k < config_sections[i].count; k++)
			if (strcmp(config_sections[i].keys[k].option.name, name) == 0)
				return config_sections[i].path;
	return NULL;
}

void
config_fault_unknown(struct config_faults *faults, const config_setting_t *setting,
		     const char *what, const struct config_names *names)
{
	struct str path = config_setting_path(faults->arena, setting);
	const char *near = nearest(names, setting->name), *home = home_of(setting->name);
	struct buf advice = {0};

	if (near != NULL) {
		buf_printf(&advice, "did you mean \"%s\"?", near);
	} else if (home != NULL && home[0] == '\0') {
		buf_addz(&advice, "it belongs to the top level, outside of all groups");
	} else if (home != NULL) {
		buf_printf(&advice, "it belongs into \"%s\"", home);
	} else if (names->count == 0) {
		buf_addz(&advice, "there are none");
	} else if (names->count > LISTED_MAX) {
		buf_addz(&advice, "recado.conf(5) lists all");
	} else {
		buf_addz(&advice, "known are");
		for (size_t i = 0; i < names->count; i++)
			buf_printf(&advice, "%s %s", i > 0 ? "," : "", names->names[i]);
	}
	config_fault(faults, config_setting_source_line(setting), "unknown %s %.*s; %.*s", what,
		     STR_ARG(path), STR_ARG(buf_str(&advice)));
	buf_free(&advice);
}

static int
by_line(const void *a, const void *b)
{
	const struct config_fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

struct str
config_faults_text(struct config_faults *faults, struct str path)
{
	struct buf buf = {0};
	struct str text;

	if (faults->count > 0)
		qsort(faults->list, faults->count, sizeof(faults->list[0]), by_line);
	for (size_t i = 0; i < faults->count; i++) {
		buf_add(&buf, path);
		if (faults->list[i].line > 0)
			buf_printf(&buf, ":%u", faults->list[i].line);
		buf_addz(&buf, ": ");
		buf_add(&buf, faults->list[i].text);
		buf_add_char(&buf, '\n');
	}
	text = arena_dup(faults->arena, buf_str(&buf));
	buf_free(&buf);
	free(faults->list);
	*faults = (struct config_faults){.arena = faults->arena};
	return text;
}
