/* SPDX-License-Identifier: MIT */
/* option.c - reading the values of a module's options. */
#include "server/option.h"

#include "server/config_keys.h"

static const struct option_value *
find(const struct option_values *values, const char *name, enum option_type type)
{
	for (size_t i = 0; i < values->count; i++)
		if (strcmp(values->options[i].name, name) == 0) {
			assert(values->options[i].type == type);
			return &values->values[i];
		}
	assert(!"the module's table has no such option");
	return NULL;
}

bool
option_bool(const struct option_values *values, const char *name)
{
	return find(values, name, OPTION_BOOL)->flag;
}

uint64_t
option_number(const struct option_values *values, const char *name)
{
	return find(values, name, OPTION_INT)->number;
}

uint64_t
option_ms(const struct option_values *values, const char *name)
{
	return find(values, name, OPTION_DURATION)->number;
}

uint64_t
option_bytes(const struct option_values *values, const char *name)
{
	return find(values, name, OPTION_SIZE)->number;
}

struct str
option_text(const struct option_values *values, const char *name)
{
	return find(values, name, OPTION_TEXT)->text;
}

const struct text_list *
option_list(const struct option_values *values, const char *name)
{
	return &find(values, name, OPTION_LIST)->list;
}
