/* SPDX-License-Identifier: MIT */
/* config_modules.c - the group "modules", of the file and of each host. */
#include "server/config_modules.h"

static struct config_names
module_names(const struct config_reader *r)
{
	struct config_names names = {0};

	while (names.count < r->module_count && names.count < COUNT(names.names)) {
		names.names[names.count] = r->modules[names.count].name;
		names.count++;
	}
	return names;
}

static void
read_module_option(struct config_reader *r, const config_setting_t *setting,
		   struct option_values *values)
{
	static const struct option enabled = {"enabled", OPTION_BOOL, "true", ""};
	struct config_names names = {.names = {"enabled"}, .count = 1};
	struct option_value value = {0};

	if (strcmp(setting->name, "enabled") == 0) {
		if (config_read_value(r, setting, &enabled, &value) == 0)
			values->is_enabled = value.flag;
		return;
	}
	for (size_t i = 0; i < values->count; i++) {
		if (strcmp(values->options[i].name, setting->name) == 0) {
			if (config_read_value(r, setting, &values->options[i], &value) == 0)
				values->values[i] = value;
			return;
		}
		if (names.count < COUNT(names.names))
			names.names[names.count++] = values->options[i].name;
	}
	config_fault_unknown(&r->faults, setting, "key", &names);
}

/* The values of one module: those that held before, and over them what SETTING says. */
static const struct option_values *
read_module(struct config_reader *r, const config_setting_t *setting,
	    const struct option_values *before)
{
	size_t size = sizeof(*before) + before->count * sizeof(before->values[0]);
	struct option_values *values = arena_alloc(r->arena, size);

	memcpy(values, before, size);
	for (int i = 0; i < config_setting_length(setting); i++)
		read_module_option(r, config_setting_get_elem(setting, (unsigned)i), values);
	return values;
}

static void
read_modules_into(struct config_reader *r, const config_setting_t *setting,
		  const struct option_values **modules)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		struct config_names names = module_names(r);
		size_t at = 0;

		while (at < r->module_count && strcmp(r->modules[at].name, member->name) != 0)
			at++;
		if (at == r->module_count) {
			config_fault_unknown(&r->faults, member, "module", &names);
		} else if (!config_setting_is_group(member)) {
			config_fault_value(
				&r->faults, member,
				STR("a group of the module's options: { name = value; }"), NULL);
		} else {
			modules[at] = read_module(r, member, modules[at]);
		}
	}
}

void
config_read_modules(struct config_reader *r, const config_setting_t *setting,
		    struct config_host *host)
{
	const struct option_values **modules;

	if (r->modules == NULL)
		return;
	modules = arena_array(r->arena, const struct option_values *, r->module_count + 1);
	memcpy(modules, host->modules, r->module_count * sizeof(modules[0]));
	read_modules_into(r, setting, modules);
	host->modules = modules;
}

void
config_default_modules(struct config_reader *r)
{
	const struct option_values **modules =
		arena_array(r->arena, const struct option_values *, r->module_count + 1);

	for (size_t i = 0; i < r->module_count; i++) {
		const struct option *options = r->modules[i].options;
		struct option_values *values;
		size_t n = 0;

		while (options != NULL && options[n].name != NULL)
			n++;
		values = arena_alloc(r->arena, sizeof(*values) + n * sizeof(values->values[0]));
		values->options = options;
		values->count = n;
		values->is_enabled = !r->modules[i].is_off_by_default;
		for (size_t k = 0; k < n; k++)
			values->values[k] = config_default(r->arena, &options[k]);
		modules[i] = values;
	}
	r->host.modules = modules;
}
