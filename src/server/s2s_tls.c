/* SPDX-License-Identifier: MIT */
/* s2s_tls.c - TLS contexts for federation: one to accept with, and one for each host to call with.
 */
#include "server/s2s_tls.h"

#include "server/s2s_private.h"

#include <stdlib.h>

struct s2s_contexts {
	struct tls_context *in;
	size_t count;
	struct {
		char *host;
		struct tls_context *out;
	} hosts[];
};

void
s2s_contexts_free(struct s2s_contexts *contexts)
{
	if (contexts == NULL)
		return;
	tls_unref(contexts->in);
	for (size_t i = 0; i < contexts->count; i++) {
		free(contexts->hosts[i].host);
		tls_unref(contexts->hosts[i].out);
	}
	free(contexts);
}

int
s2s_contexts_new(const struct config *config, const struct tls_host *hosts,
		 struct s2s_contexts **out, struct arena *arena, struct str *why)
{
	const char *ca_path = config->s2s.ca_file.len > 0 ? config->s2s.ca_file.p : NULL;
	struct s2s_contexts *contexts =
		xalloc(sizeof(*contexts) + config->host_count * sizeof(contexts->hosts[0]));
	struct tls_options options = {
		.hosts = hosts,
		.host_count = config->host_count,
		.ask_client_certificate = true,
		.ca_path = ca_path,
		.alpn = "xmpp-server",
		.is_tls13_only = config->tls.minimum_version == CONFIG_TLS_1_3,
	};
	int rc = tls_server_new(&options, &contexts->in, arena, why);

	for (size_t i = 0; rc == 0 && i < config->host_count; i++) {
		contexts->hosts[i].host = str_dupz(hosts[i].name);
		contexts->count++;
		rc = tls_peer_new(&hosts[i], ca_path, "xmpp-server", &contexts->hosts[i].out, arena,
				  why);
	}
	if (rc < 0) {
		s2s_contexts_free(contexts);
		return -1;
	}
	*out = contexts;
	return 0;
}

struct tls_context *
s2s_tls_in(struct server *server)
{
	struct tls_context *tls;

	pthread_mutex_lock(&server->tls_lock);
	tls = tls_ref(server->s2s_contexts->in);
	pthread_mutex_unlock(&server->tls_lock);
	return tls;
}

struct tls_context *
s2s_tls_out(struct server *server, struct str host)
{
	struct tls_context *tls = NULL;

	pthread_mutex_lock(&server->tls_lock);
	for (size_t i = 0; i < server->s2s_contexts->count; i++)
		if (str_is(host, server->s2s_contexts->hosts[i].host))
			tls = tls_ref(server->s2s_contexts->hosts[i].out);
	if (tls == NULL) /* of a host that has just gone: the stream ends soon */
		tls = tls_ref(server->s2s_contexts->hosts[0].out);
	pthread_mutex_unlock(&server->tls_lock);
	return tls;
}
