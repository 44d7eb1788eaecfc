/* SPDX-License-Identifier: MIT */
/* s2s_policy.c - whom this server talks to, and what they must show. */
#include "server/s2s_private.h"

/* DOMAIN is NAME or below it. */
static bool
is_within(struct str domain, struct str name)
{
	struct str tail;

	if (domain.len <= name.len)
		return str_equal(domain, name);
	tail = str_from(domain, domain.len - name.len);
	return str_equal(tail, name) && tail.p[-1] == '.';
}

static bool
is_listed(const struct text_list *list, struct str domain)
{
	for (size_t i = 0; i < list->count; i++)
		if (is_within(domain, list->items[i]))
			return true;
	return false;
}

bool
policy_allows(const struct config *config, struct str remote)
{
	if (is_listed(&config->s2s.deny, remote))
		return false;
	return !config->s2s.closed || is_listed(&config->s2s.allow, remote) ||
	       config_remote(config, remote) != NULL;
}

bool
policy_requires_certificate(const struct config *config, struct str remote)
{
	const struct config_remote *own = config_remote(config, remote);

	if (own != NULL && own->require_certificate != TRISTATE_INHERIT)
		return own->require_certificate == TRISTATE_YES;
	return config->s2s.require_certificate;
}

bool
policy_requires_tls(const struct config *config, struct str remote)
{
	const struct config_remote *own = config_remote(config, remote);

	return own == NULL || own->tls != REMOTE_TLS_OPTIONAL;
}

bool
policy_is_ours(const struct worker *worker, struct str domain, const struct config_host **host)
{
	const struct config *config = worker->config;
	const struct config_service *service = config_service(config, domain);
	const struct config_component *component = config_component(config, domain);

	*host = config_host(config, domain);
	if (*host == NULL && service != NULL)
		*host = service->host;
	for (size_t i = 0; *host == NULL && component != NULL && i < config->host_count; i++)
		if (config_component_is_of(config, component, &config->hosts[i]))
			*host = &config->hosts[i];
	return *host != NULL;
}
