/* SPDX-License-Identifier: MIT */
/* config.c - the life of a configuration: load, share, compare, look things up in it. */
#include "server/config.h"

#include "base/buf.h"
#include "server/config_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

static void
config_free(struct config *config)
{
	struct arena *arena = config->arena;

	map_free(&config->hosts_by_name);
	map_free(&config->services_by_name);
	map_free(&config->components_by_name);
	arena_free(arena); /* CONFIG stands in it */
}

static void
count_cores(struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->workers == 0)
		config->workers = (uint64_t)MAX(1, cores);
}

/* The name of the domain that MODULE serves for HOST. */
static struct str
service_name(struct arena *arena, const struct config_host *host,
	     const struct config_module *module, const struct option_values *values)
{
	for (size_t i = 0; i < values->count; i++)
		if (str_is(str(values->options[i].name), "domain") &&
		    values->values[i].text.len > 0)
			return values->values[i].text;
	return arena_printf(arena, "%s.%.*s", module->subdomain, STR_ARG(host->name));
}

/* A name that is a host's, or another service's already, stays that. */
static void
add_services(struct config *config, const struct config_module *modules, size_t count)
{
	for (size_t h = 0; modules != NULL && h < config->host_count; h++) {
		const struct config_host *host = &config->hosts[h];

		for (size_t m = 0; m < count; m++) {
			const struct option_values *values = host->modules[m];
			struct config_service *service;

			if (modules[m].subdomain == NULL || !values->is_enabled)
				continue;
			service = arena_new_of(config->arena, struct config_service);
			service->name = service_name(config->arena, host, &modules[m], values);
			service->host = host;
			service->module = m;
			if (config_host(config, service->name) == NULL &&
			    config_component(config, service->name) == NULL &&
			    config_service(config, service->name) == NULL)
				map_put(&config->services_by_name, service->name, service);
		}
	}
}

int
config_parse(struct str text, const char *path, const struct config_module *modules,
	     size_t module_count, struct config **out, struct arena *arena, struct str *errors)
{
	struct arena *own = arena_new();
	struct config *config = arena_new_of(own, struct config);

	config->arena = own;
	config->path = arena_dup(own, str(path));
	if (config_read_text(text, modules, module_count, config, arena, errors) < 0) {
		config_free(config);
		return -1;
	}
	count_cores(config);
	add_services(config, modules, module_count);
	atomic_init(&config->references, 1);
	*out = config;
	return 0;
}

static int
read_file(const char *path, struct buf *out, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		*why = strerror(errno);
		return -1;
	}
	while ((n = read(fd, buf_room(out, 4096), 4096)) > 0) {
		buf_wrote(out, (size_t)n);
		if (buf_len(out) > FILE_MAX)
			break;
	}
	*why = n < 0 ? strerror(errno) : n > 0 ? "it is larger than 1 MiB" : NULL;
	close(fd);
	return n == 0 ? 0 : -1;
}

int
config_load(const char *path, const struct config_module *modules, size_t module_count,
	    struct config **out, struct arena *arena, struct str *errors)
{
	struct buf text = {0};
	const char *why;
	int rc = -1;

	if (read_file(path, &text, &why) < 0)
		*errors = arena_printf(arena, "%s: cannot read the configuration: %s\n", path, why);
	else
		rc = config_parse(buf_str(&text), path, modules, module_count, out, arena, errors);
	buf_free(&text);
	return rc;
}

struct config *
config_ref(struct config *config)
{
	atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
	return config;
}

void
config_unref(struct config *config)
{
	if (config != NULL &&
	    atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) == 1)
		config_free(config);
}

const struct config_host *
config_host(const struct config *config, struct str name)
{
	return map_get(&config->hosts_by_name, name);
}

const struct config_service *
config_service(const struct config *config, struct str name)
{
	return map_get(&config->services_by_name, name);
}

const struct config_component *
config_component(const struct config *config, struct str name)
{
	return map_get(&config->components_by_name, name);
}

static bool
is_below(struct str name, const struct config_host *host)
{
	size_t len = host->name.len;

	return name.len > len + 1 && name.p[name.len - len - 1] == '.' &&
	       str_equal(str_from(name, name.len - len), host->name);
}

bool
config_component_is_of(const struct config *config, const struct config_component *component,
		       const struct config_host *host)
{
	if (is_below(component->name, host))
		return true;
	for (size_t i = 0; i < config->host_count; i++)
		if (is_below(component->name, &config->hosts[i]))
			return false;
	return true;
}

const struct config_service *
config_host_service(const struct config *config, const struct config_host *host, size_t module)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&config->services_by_name, &at, &value)) {
		const struct config_service *service = value;

		if (service->host == host && service->module == module)
			return service;
	}
	return NULL;
}

const struct config_remote *
config_remote(const struct config *config, struct str domain)
{
	for (size_t i = 0; i < config->s2s.override_count; i++)
		if (str_equal(config->s2s.overrides[i].domain, domain))
			return &config->s2s.overrides[i];
	return NULL;
}

bool
config_is_s2s(const struct config_listener *listener)
{
	return listener->type == LISTENER_S2S || listener->type == LISTENER_S2S_TLS;
}

bool
config_federates(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (config_is_s2s(&config->listeners[i]))
			return true;
	return false;
}

const char *
config_listener_name(enum config_listener_type type)
{
	static const char *const names[] = {
		[LISTENER_C2S] = "c2s",
		[LISTENER_C2S_TLS] = "c2s-tls",
		[LISTENER_COMPONENT] = "component",
		[LISTENER_PROXY] = "proxy",
		[LISTENER_S2S] = "s2s",
		[LISTENER_S2S_TLS] = "s2s-tls",
	};

	return names[type];
}

bool
config_is_admin(const struct config_host *host, struct str bare)
{
	for (size_t i = 0; i < host->admins.count; i++)
		if (str_equal(host->admins.items[i], bare))
			return true;
	return false;
}

const struct option_values *
config_options(const struct config *config, const struct config_host *host, size_t module)
{
	assert(module < config->module_count);
	return host != NULL ? host->modules[module] : config->module_values[module];
}

bool
config_module_enabled(const struct option_values *values)
{
	return values->is_enabled;
}

static bool
is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* The pair of files DIRECTORY/NAME + suffixes. */
static void
name_pair(struct arena *arena, struct str directory, struct str name,
	  const char *certificate_suffix, const char *key_suffix, const char **certificate,
	  const char **key)
{
	*certificate = arena_printf(arena, "%.*s/%.*s%s", STR_ARG(directory), STR_ARG(name),
				    certificate_suffix)
			       .p;
	*key = arena_printf(arena, "%.*s/%.*s%s", STR_ARG(directory), STR_ARG(name), key_suffix).p;
}

enum config_certificate
config_host_certificate(const struct config *config, const struct config_host *host,
			struct arena *arena, const char **certificate, const char **key)
{
	if (host->certificate.len > 0) {
		*certificate = host->certificate.p;
		*key = host->key.p;
		return CERTIFICATE_NAMED;
	}
	name_pair(arena, config->certificate_directory, host->name, ".crt", ".key", certificate,
		  key);
	if (is_readable(*certificate) && is_readable(*key))
		return CERTIFICATE_FOUND;
	name_pair(arena, config->certificate_directory, host->name, "/fullchain.pem",
		  "/privkey.pem", certificate, key);
	if (is_readable(*certificate) && is_readable(*key))
		return CERTIFICATE_FOUND;
	name_pair(arena, config->data_directory, host->name, ".self-signed.crt", ".self-signed.key",
		  certificate, key);
	return CERTIFICATE_SELF_SIGNED;
}

static bool
same_value(const struct config_key *key, const void *a, const void *b)
{
	a = (const char *)a + key->offset;
	b = (const char *)b + key->offset;
	switch (key->option.type) {
	case OPTION_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case OPTION_TEXT:
		if (key->check == CHECK_ENUM)
			return *(const unsigned *)a == *(const unsigned *)b;
		return str_equal(*(const struct str *)a, *(const struct str *)b);
	case OPTION_LIST:
		return false; /* none of those needs a restart */
	default:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	}
}

static bool
same_listeners(const struct config *a, const struct config *b)
{
	const struct config_section *section = &config_sections[SECTION_LISTENER];

	if (a->listener_count != b->listener_count)
		return false;
	for (size_t i = 0; i < a->listener_count; i++)
		for (size_t k = 0; k < section->count; k++)
			if (!same_value(&section->keys[k], &a->listeners[i], &b->listeners[i]))
				return false;
	return true;
}

struct str
config_needs_restart(struct arena *arena, const struct config *old, const struct config *new)
{
	const struct config_section *section = &config_sections[SECTION_TOP];
	struct str names = STR("");

	for (size_t i = 0; i < section->count; i++) {
		const struct config_key *key = &section->keys[i];

		if (key->needs_restart && !same_value(key, old, new))
			names = arena_printf(arena, "%.*s%s%s", STR_ARG(names),
					     names.len > 0 ? ", " : "", key->option.name);
	}
	if (!same_listeners(old, new))
		names = arena_printf(arena, "%.*s%slisteners", STR_ARG(names),
				     names.len > 0 ? ", " : "");
	return names;
}

const char *
config_contact_name(enum config_contact contact)
{
	return config_sections[SECTION_CONTACTS].keys[contact].option.name;
}
