/* SPDX-License-Identifier: MIT */
/* config_read.c - walks over the settings of a file, into the configuration they describe. */
#include "server/config_read.h"

#include "server/config_modules.h"
#include "server/config_scan.h"
#include "server/config_setting.h"

#include <stdlib.h>

#define COMPONENT_PORT 5347u
#define PROXY_PORT 5000u

/* A section's keys, to be set in the struct at BASE. */
struct place {
	const struct config_section *section;
	void *base;
};

/* Groups are read by their own functions, which are called with what stands around them. */
struct group {
	const char *name;
	int type; /* CONFIG_TYPE_GROUP, or CONFIG_TYPE_NONE: the function looks itself */
	void (*read)(struct config_reader *r, const config_setting_t *setting,
		     struct config_host *host);
};

static void *
base_of(const struct place *places, size_t n, const char *name, const struct config_key **key)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < places[i].section->count; k++) {
			*key = &places[i].section->keys[k];
			if (strcmp((*key)->option.name, name) == 0)
				return places[i].base;
		}
	return NULL;
}

static const struct group *
find_group(const struct group *groups, const char *name)
{
	for (; groups->name != NULL; groups++)
		if (strcmp(groups->name, name) == 0)
			return groups;
	return NULL;
}

static void
unknown_key(struct config_reader *r, const config_setting_t *setting, const struct place *places,
	    size_t n, const struct group *groups)
{
	struct config_names names = {0};

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < places[i].section->count; k++)
			names.names[names.count++] = places[i].section->keys[k].option.name;
	for (; groups->name != NULL; groups++)
		names.names[names.count++] = groups->name;
	assert(names.count <= COUNT(names.names));
	config_fault_unknown(&r->faults, setting, "key", &names);
}

/* Keys go to PLACES, groups to their functions. Whatever is neither is a fault. */
static void
read_members(struct config_reader *r, const config_setting_t *setting, const struct place *places,
	     size_t n, const struct group *groups, struct config_host *host)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		const struct group *group = find_group(groups, member->name);
		const struct config_key *key = NULL;
		void *base = base_of(places, n, member->name, &key);

		if (base != NULL)
			config_read_key(r, member, key, base);
		else if (group == NULL)
			unknown_key(r, member, places, n, groups);
		else if (group->type == CONFIG_TYPE_GROUP && !config_setting_is_group(member))
			config_fault_value(&r->faults, member, STR("a group: { name = value; }"),
					   NULL);
		else
			group->read(r, member, host);
	}
}

static const struct group no_groups[] = {{NULL, 0, NULL}};

static void
read_section(struct config_reader *r, const config_setting_t *setting, size_t section, void *base)
{
	struct place place = {&config_sections[section], base};

	read_members(r, setting, &place, 1, no_groups, NULL);
}

static void
read_tls(struct config_reader *r, const config_setting_t *setting, struct config_host *host UNUSED)
{
	read_section(r, setting, SECTION_TLS, r->config);
}

static void
read_sasl(struct config_reader *r, const config_setting_t *setting, struct config_host *host UNUSED)
{
	read_section(r, setting, SECTION_SASL, r->config);
}

static void
read_sessions(struct config_reader *r, const config_setting_t *setting,
	      struct config_host *host UNUSED)
{
	read_section(r, setting, SECTION_SESSIONS, r->config);
}

static void
read_limits(struct config_reader *r, const config_setting_t *setting,
	    struct config_host *host UNUSED)
{
	const struct config_limits *limits = &r->config->limits;

	read_section(r, setting, SECTION_LIMITS, r->config);
	if (limits->stanza_bytes_before_auth > limits->stanza_bytes)
		config_fault(&r->faults, config_setting_source_line(setting),
			     "limits.stanza_bytes_before_auth is larger than limits.stanza_bytes");
}

static void
read_contacts(struct config_reader *r, const config_setting_t *setting, struct config_host *host)
{
	read_section(r, setting, SECTION_CONTACTS, host);
}

static const struct group host_groups[] = {
	{"contacts", CONFIG_TYPE_GROUP, read_contacts},
	{"modules", CONFIG_TYPE_GROUP, config_read_modules},
	{NULL, 0, NULL},
};

/* SETTING is a name, or a group with one. */
static void
read_host(struct config_reader *r, const config_setting_t *setting, struct config_host *host)
{
	const struct config_section *section = &config_sections[SECTION_HOST];
	unsigned line = config_setting_source_line(setting);
	struct place place = {section, host};
	size_t faults = r->faults.count;

	*host = r->host;
	if (config_setting_is_group(setting))
		read_members(r, setting, &place, 1, host_groups, host);
	else if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		config_read_key(r, setting, &section->keys[0], host);
	else
		config_fault_value(&r->faults, setting,
				   STR("a host's name in double quotes, or a group with its name"),
				   NULL);
	if (r->faults.count > faults)
		return;
	if (host->name.len == 0)
		config_fault(&r->faults, line,
			     "a host without a name; add name = \"example.com\";");
	else if (map_put(&r->config->hosts_by_name, host->name, host) != NULL)
		config_fault(&r->faults, line, "the host %.*s is there twice", STR_ARG(host->name));
	if ((host->certificate.len == 0) != (host->key.len == 0))
		config_fault(&r->faults, line,
			     "the host %.*s has a %s without a %s; set both or neither",
			     STR_ARG(host->name), host->key.len == 0 ? "certificate" : "key",
			     host->key.len == 0 ? "key" : "certificate");
}

/* "host" and "hosts" mean the same, and take one or several. */
static void
read_hosts(struct config_reader *r, const config_setting_t *setting)
{
	bool is_many = config_setting_is_list(setting) || config_setting_is_array(setting);
	size_t n = is_many ? (size_t)config_setting_length(setting) : 1;
	struct config_host *hosts = arena_array(r->arena, struct config_host, n + 1);

	for (size_t i = 0; i < n; i++) {
		read_host(r, is_many ? config_setting_get_elem(setting, (unsigned)i) : setting,
			  &hosts[i]);
		hosts[i].index = i;
	}
	r->config->hosts = hosts;
	r->config->host_count = n;
}

static void
find_hosts(struct config_reader *r, const config_setting_t *root)
{
	const config_setting_t *one = config_setting_get_member(root, "host"),
			       *many = config_setting_get_member(root, "hosts");

	if (one != NULL && many != NULL)
		config_fault(&r->faults,
			     MAX(config_setting_source_line(one), config_setting_source_line(many)),
			     "both host and hosts; put all names into hosts");
	else if (one != NULL || many != NULL)
		read_hosts(r, one != NULL ? one : many);
	if (one == NULL && many == NULL)
		config_fault(&r->faults, 0, "no host; add a line such as host = \"example.com\";");
	else if (r->config->host_count == 0 && r->faults.count == 0)
		config_fault(&r->faults, 0, "the list of hosts is empty; add a name");
}

static const uint16_t usual_ports[] = {
	[LISTENER_C2S] = 5222,
	[LISTENER_C2S_TLS] = 5223,
	[LISTENER_COMPONENT] = COMPONENT_PORT,
	[LISTENER_PROXY] = PROXY_PORT,
	[LISTENER_S2S] = 5269,
	[LISTENER_S2S_TLS] = 5270,
};

static void
read_listener(struct config_reader *r, const config_setting_t *setting,
	      struct config_listener *listener)
{
	const struct config_section *section = &config_sections[SECTION_LISTENER];

	config_set_defaults(r, section, listener);
	if (!config_setting_is_group(setting)) {
		listener->port = 0; /* one fault is enough */
		config_fault_value(&r->faults, setting,
				   STR("a group such as { type = \"c2s\"; port = 5222; }"), NULL);
		return;
	}
	read_section(r, setting, SECTION_LISTENER, listener);
	if (config_setting_get_member(setting, "port") == NULL)
		listener->port = usual_ports[listener->type];
	if (listener->type == LISTENER_COMPONENT &&
	    config_setting_get_member(setting, "address") == NULL)
		listener->address = STR("127.0.0.1"); /* SEC-45 */
}

static bool
same_port(const struct config_listener *a, const struct config_listener *b)
{
	return a->port == b->port && a->port != 0 &&
	       (str_equal(a->address, b->address) || str_is(a->address, "*") ||
		str_is(b->address, "*"));
}

static void
read_listeners(struct config_reader *r, const config_setting_t *setting,
	       struct config_host *host UNUSED)
{
	size_t n = config_setting_is_group(setting) ? 0 : (size_t)config_setting_length(setting);
	struct config_listener *listeners = arena_array(r->arena, struct config_listener, n + 1);

	if (!config_setting_is_list(setting) || n == 0) {
		config_fault_value(&r->faults, setting,
				   STR("a list of groups: ( { type = \"c2s\"; port = 5222; } )"),
				   NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);

		read_listener(r, item, &listeners[i]);
		for (size_t k = 0; k < i; k++)
			if (same_port(&listeners[i], &listeners[k])) {
				config_fault(&r->faults, config_setting_source_line(item),
					     "listeners[%zu] has the port of listeners[%zu], %u; "
					     "each needs its own",
					     i + 1, k + 1, (unsigned)listeners[i].port);
				break;
			}
	}
	r->config->listeners = listeners;
	r->config->listener_count = n;
}

static void
default_listeners(struct config_reader *r)
{
	static const enum config_listener_type types[] = {LISTENER_C2S, LISTENER_C2S_TLS,
							  LISTENER_S2S, LISTENER_S2S_TLS};
	struct config_listener *listeners =
		arena_array(r->arena, struct config_listener, COUNT(types));

	for (size_t i = 0; i < COUNT(types); i++) {
		config_set_defaults(r, &config_sections[SECTION_LISTENER], &listeners[i]);
		listeners[i].type = types[i];
		listeners[i].port = usual_ports[types[i]];
	}
	r->config->listeners = listeners;
	r->config->listener_count = COUNT(types);
}

static void
read_override(struct config_reader *r, const config_setting_t *setting,
	      struct config_remote *remote)
{
	config_set_defaults(r, &config_sections[SECTION_OVERRIDE], remote);
	if (!config_setting_is_group(setting)) {
		config_fault_value(&r->faults, setting,
				   STR("a group such as { domain = \"example.net\"; }"), NULL);
		return;
	}
	read_section(r, setting, SECTION_OVERRIDE, remote);
	if (remote->domain.len == 0)
		config_fault(&r->faults, config_setting_source_line(setting),
			     "an override without a domain; add domain = \"example.net\";");
	if (remote->port == 0)
		remote->port = usual_ports[remote->tls == REMOTE_DIRECT_TLS ? LISTENER_S2S_TLS
									    : LISTENER_S2S];
}

static void
read_overrides(struct config_reader *r, const config_setting_t *setting,
	       struct config_host *host UNUSED)
{
	size_t n = config_setting_is_group(setting) ? 0 : (size_t)config_setting_length(setting);
	struct config_remote *remotes = arena_array(r->arena, struct config_remote, n + 1);

	if (!config_setting_is_list(setting)) {
		config_fault_value(&r->faults, setting,
				   STR("a list of groups: ( { domain = \"example.net\"; } )"),
				   NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		read_override(r, config_setting_get_elem(setting, (unsigned)i), &remotes[i]);
	r->config->s2s.overrides = remotes;
	r->config->s2s.override_count = n;
}

static void
read_s2s(struct config_reader *r, const config_setting_t *setting, struct config_host *host UNUSED)
{
	static const struct group groups[] = {
		{"overrides", CONFIG_TYPE_NONE, read_overrides},
		{NULL, 0, NULL},
	};
	struct place place = {&config_sections[SECTION_S2S], r->config};

	read_members(r, setting, &place, 1, groups, NULL);
}

static void
read_component(struct config_reader *r, const config_setting_t *setting,
	       struct config_component *component)
{
	size_t faults = r->faults.count;
	unsigned line = config_setting_source_line(setting);

	config_set_defaults(r, &config_sections[SECTION_COMPONENT], component);
	if (!config_setting_is_group(setting)) {
		config_fault_value(&r->faults, setting,
				   STR("a group such as { name = \"irc.example.com\"; secret = "
				       "\"...\"; }"),
				   NULL);
		return;
	}
	read_section(r, setting, SECTION_COMPONENT, component);
	if (r->faults.count > faults)
		return;
	if (component->name.len == 0 || component->secret.len == 0) {
		config_fault(&r->faults, line, "a component needs a name and a secret");
		return;
	}
	r->config->has_delegations |= component->delegations.count > 0;
	if (component->presence == PRESENCE_ROSTER && (component->roster & ROSTER_GET) == 0)
		config_fault(&r->faults, line,
			     "presence = \"roster\" needs roster = \"get\" or \"both\" (XEP-0356)");
	for (size_t i = 0; i <= component->aliases.count; i++) {
		struct str name = i == 0 ? component->name : component->aliases.items[i - 1];

		if (map_put(&r->config->components_by_name, name, component) != NULL)
			config_fault(&r->faults, line, "the component %.*s is there twice",
				     STR_ARG(name));
	}
}

static void
read_components(struct config_reader *r, const config_setting_t *setting,
		struct config_host *host UNUSED)
{
	size_t n = config_setting_is_list(setting) ? (size_t)config_setting_length(setting) : 0;
	struct config_component *components = arena_array(r->arena, struct config_component, n + 1);

	if (!config_setting_is_list(setting))
		config_fault_value(&r->faults, setting,
				   STR("a list of groups: ( { name = \"irc.example.com\"; secret = "
				       "\"...\"; } )"),
				   NULL);
	for (size_t i = 0; i < n; i++)
		read_component(r, config_setting_get_elem(setting, (unsigned)i), &components[i]);
	r->config->components = components;
	r->config->component_count = n;
}

/* Where components connect when the file does not say. */
static void
default_component_listener(struct config_reader *r)
{
	struct config *config = r->config;
	size_t n = config->listener_count;
	struct config_listener *all = arena_array(r->arena, struct config_listener, n + 1);

	for (size_t i = 0; i < n; i++) {
		all[i] = config->listeners[i];
		if (all[i].type == LISTENER_COMPONENT)
			return;
	}
	if (config->component_count == 0)
		return;
	config_set_defaults(r, &config_sections[SECTION_LISTENER], &all[n]);
	all[n].type = LISTENER_COMPONENT;
	all[n].address = STR("127.0.0.1");
	all[n].port = COMPONENT_PORT;
	config->listeners = all;
	config->listener_count = n + 1;
}

/* A component's domain is nobody else's. */
static void
check_components(struct config_reader *r, const config_setting_t *root)
{
	const config_setting_t *setting = config_setting_get_member(root, "components");

	for (size_t i = 0; i < r->config->host_count; i++)
		if (config_component(r->config, r->config->hosts[i].name) != NULL)
			config_fault(&r->faults, setting ? config_setting_source_line(setting) : 0,
				     "%.*s is a host, and cannot be a component",
				     STR_ARG(r->config->hosts[i].name));
}

/* Hosts are read last: they start from what the top level says. */
static void
skip(struct config_reader *r UNUSED, const config_setting_t *setting UNUSED,
     struct config_host *host UNUSED)
{
}

static const struct group top_groups[] = {
	{"host", CONFIG_TYPE_NONE, skip},
	{"hosts", CONFIG_TYPE_NONE, skip},
	{"listeners", CONFIG_TYPE_NONE, read_listeners},
	{"components", CONFIG_TYPE_NONE, read_components},
	{"contacts", CONFIG_TYPE_GROUP, read_contacts},
	{"modules", CONFIG_TYPE_GROUP, config_read_modules},
	{"tls", CONFIG_TYPE_GROUP, read_tls},
	{"sasl", CONFIG_TYPE_GROUP, read_sasl},
	{"sessions", CONFIG_TYPE_GROUP, read_sessions},
	{"limits", CONFIG_TYPE_GROUP, read_limits},
	{"s2s", CONFIG_TYPE_GROUP, read_s2s},
	{NULL, 0, NULL},
};

static void
read_root(struct config_reader *r, const config_setting_t *root)
{
	struct config *config = r->config;
	/* A host's first key is its name, which has no place at the top level. */
	const struct config_section *all = &config_sections[SECTION_HOST];
	const struct config_section shared = {"", "", all->keys + 1, all->count - 1, NULL};
	struct place places[] = {{&config_sections[SECTION_TOP], config}, {&shared, &r->host}};

	config_set_defaults(r, &config_sections[SECTION_TOP], config);
	config_set_defaults(r, &config_sections[SECTION_TLS], config);
	config_set_defaults(r, &config_sections[SECTION_SASL], config);
	config_set_defaults(r, &config_sections[SECTION_SESSIONS], config);
	config_set_defaults(r, &config_sections[SECTION_LIMITS], config);
	config_set_defaults(r, &config_sections[SECTION_S2S], config);
	config_set_defaults(r, &config_sections[SECTION_HOST], &r->host);
	config_set_defaults(r, &config_sections[SECTION_CONTACTS], &r->host);
	default_listeners(r);
	config_default_modules(r);

	read_members(r, root, places, COUNT(places), top_groups, &r->host);
	find_hosts(r, root);
	check_components(r, root);
	default_component_listener(r);
	config->module_values = r->host.modules;
	config->module_count = r->module_count;
	if (config->control_socket.len == 0)
		config->control_socket =
			arena_printf(r->arena, "%.*s/control.sock", STR_ARG(config->run_directory));
}

static void
read_settings(struct config_reader *r, struct str text)
{
	char *z = str_dupz(text);
	config_t settings;

	config_init(&settings);
	if (config_read_string(&settings, z) == CONFIG_TRUE)
		read_root(r, config_root_setting(&settings));
	else if (strcmp(config_error_text(&settings), "syntax error") == 0)
		config_fault(
			&r->faults, (unsigned)config_error_line(&settings),
			"syntax error here or on the line before; each setting is name = value; "
			"and texts stand in double quotes");
	else
		config_fault(&r->faults, (unsigned)config_error_line(&settings), "%s",
			     config_error_text(&settings));
	config_destroy(&settings);
	free(z);
}

int
config_read_text(struct str text, const struct config_module *modules, size_t module_count,
		 struct config *config, struct arena *arena, struct str *errors)
{
	const char *slash = strrchr(config->path.p, '/');
	struct config_reader r = {
		.config = config,
		.arena = config->arena,
		.faults = {.arena = arena},
		.directory =
			str_first(config->path, slash ? (size_t)(slash - config->path.p) + 1 : 0),
		.modules = modules,
		.module_count = modules != NULL ? module_count : 0,
	};
	size_t faults;

	if (config_scan(&r.faults, text))
		read_settings(&r, text);
	faults = r.faults.count;
	*errors = faults > 0 ? config_faults_text(&r.faults, config->path) : STR("");
	return faults > 0 ? -1 : 0;
}
