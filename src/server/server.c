/* SPDX-License-Identifier: MIT */
/* server.c - the process: opens everything, runs the workers, reloads, stops (see server.h). */
#include "server/server.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/rand.h"
#include "server/account.h"
#include "server/c2s.h"
#include "server/component.h"
#include "server/module.h"
#include "server/notices.h"
#include "server/running.h"
#include "server/s2s.h"
#include "server/s2s_tls.h"
#include "server/sm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF_SIGNED_DAYS 3650u

struct tls_context *
server_tls(struct server *server)
{
	struct tls_context *tls;

	pthread_mutex_lock(&server->tls_lock);
	tls = server->tls ? tls_ref(server->tls) : NULL; /* none under simulation */
	pthread_mutex_unlock(&server->tls_lock);
	return tls;
}

/* The certificate of HOST; makes a self-signed one where there is none. */
static int
find_certificate(const struct config *config, const struct config_host *host, struct arena *arena,
		 struct tls_host *out, struct str *why)
{
	out->name = host->name;
	if (config_host_certificate(config, host, arena, &out->certificate_path, &out->key_path) !=
		    CERTIFICATE_SELF_SIGNED ||
	    access(out->certificate_path, R_OK) == 0)
		return 0;
	if (tls_make_self_signed(arena, host->name, SELF_SIGNED_DAYS, out->certificate_path,
				 out->key_path, why) < 0)
		return -1;
	log_event(LOG_WARNING, "certificate-self-signed", LOG_STR("host", host->name),
		  LOG_Z("file", out->certificate_path),
		  LOG_Z("hint", "clients will warn; put NAME.crt and NAME.key into the certificate "
				"directory, or name them in the host's settings"));
	return 0;
}

int
server_load_tls(struct server *server, const struct config *config, struct arena *arena,
		struct str *why)
{
	struct tls_host *hosts = arena_array(arena, struct tls_host, config->host_count);
	struct tls_options options = {
		.hosts = hosts,
		.host_count = config->host_count,
		.ask_client_certificate = config->tls.client_certificates,
		.ca_path = config->tls.ca_file.len > 0 ? config->tls.ca_file.p : NULL,
		.alpn = "xmpp-client",
		.is_tls13_only = config->tls.minimum_version == CONFIG_TLS_1_3,
	};
	struct tls_context *tls, *old;
	struct s2s_contexts *contexts, *old_contexts;

	for (size_t i = 0; i < config->host_count; i++)
		if (find_certificate(config, &config->hosts[i], arena, &hosts[i], why) < 0)
			return -1;
	if (tls_server_new(&options, &tls, arena, why) < 0)
		return -1;
	if (s2s_contexts_new(config, hosts, &contexts, arena, why) < 0) {
		tls_unref(tls);
		return -1;
	}
	pthread_mutex_lock(&server->tls_lock);
	old = server->tls;
	server->tls = tls;
	old_contexts = server->s2s_contexts;
	server->s2s_contexts = contexts;
	pthread_mutex_unlock(&server->tls_lock);
	tls_unref(old);
	s2s_contexts_free(old_contexts);
	return 0;
}

/* Secrets of this installation, made once: DATA/secret.key, 64 bytes. */
static int
load_secrets(struct server *server, const struct config *config, struct arena *arena,
	     struct str *why)
{
	struct str path = arena_printf(arena, "%.*s/secret.key", STR_ARG(config->data_directory));
	unsigned char bytes[64];
	int fd = open(path.p, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		rand_bytes(bytes, sizeof(bytes));
		fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) ||
		    fsync(fd) < 0)
			goto bad;
	} else if (fd < 0 || read(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes)) {
		goto bad;
	}
	close(fd);
	memcpy(server->unknown_user_key, bytes, 32);
	memcpy(server->seal_key, bytes + 32, 32);
	return 0;
bad:
	*why = arena_printf(arena, "cannot read or make %.*s", STR_ARG(path));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
begin(struct server *server)
{
	modules_init();
	pthread_mutex_init(&server->tls_lock, NULL);
	server->started_us = time_wall_us();
	server->admission = admission_new();
	rand_bytes(server->dialback_secret, sizeof(server->dialback_secret));
}

/* Until nobody has anything left to say: answers of the store lead to new requests. */
static void
settle(struct server *server)
{
	bool is_busy = true;

	while (is_busy) {
		is_busy = store_drain(server->store);
		for (size_t i = 0; i < server->worker_count; i++)
			is_busy |= server->workers[i] != NULL &&
				   loop_turn(server->workers[i]->loop, 0);
	}
}

/* LOOPS NULL: on new ones. */
static void
make_workers(struct server *server, struct config *config, struct loop **loops)
{
	server->worker_count = config->workers;
	server->workers = xnew_array(struct worker *, server->worker_count);
	for (size_t i = 0; i < server->worker_count; i++)
		server->workers[i] = worker_new(server, (unsigned)i, loops ? loops[i] : loop_new(),
						server->store, config);
	sm_restore_all(server->workers[0]);
	/* Before anybody is let in: a message must find all devices that wait for it. */
	settle(server);
}

int
server_open(struct server *server, struct config *config, const char *driver, struct arena *arena,
	    struct str *why)
{
	begin(server);
	if (store_open(driver, config->data_directory.p, &server->store, arena, why) < 0)
		return -1;
	if (load_secrets(server, config, arena, why) < 0 ||
	    server_load_tls(server, config, arena, why) < 0)
		return -1;
	make_workers(server, config, NULL);
	for (size_t i = 0; config_federates(config) && i < server->worker_count; i++)
		federation_open(server->workers[i]);
	federation_load(server);
	return 0;
}

void
server_open_simulated(struct server *server, struct config *config, struct store *store,
		      struct loop **loops)
{
	begin(server);
	server->store = store;
	rand_bytes(server->unknown_user_key, sizeof(server->unknown_user_key));
	rand_bytes(server->seal_key, sizeof(server->seal_key));
	make_workers(server, config, loops);
}

void
server_rest(struct server *server)
{
	settle(server);
	/* Those that did not take their last words in time. */
	for (size_t i = 0; i < server->worker_count; i++) {
		if (server->workers[i] == NULL)
			continue;
		c2s_end_all(server->workers[i]);
		components_end_all(server->workers[i]);
		s2s_end_all(server->workers[i]);
	}
	settle(server);
	for (size_t i = 0; i < server->worker_count; i++)
		if (server->workers[i] != NULL)
			accounts_save(server->workers[i]);
	settle(server);
}

void
server_close(struct server *server)
{
	struct loop **loops = xnew_array(struct loop *, server->worker_count + 1);

	if (server->store != NULL)
		server_rest(server);
	for (size_t i = 0; i < server->worker_count; i++) {
		if (server->workers[i] == NULL)
			continue;
		loops[i] = server->workers[i]->loop;
		worker_free(server->workers[i]);
	}
	store_close(server->store);
	for (size_t i = 0; i < server->worker_count; i++)
		loop_free(loops[i]);
	free(loops);
	free(server->workers);
	admission_free(server->admission);
	tls_unref(server->tls);
	s2s_contexts_free(server->s2s_contexts);
	pthread_mutex_destroy(&server->tls_lock);
}

/* On each worker: the new configuration, and the end of streams whose host is gone. */
static void
switch_config(struct worker *worker, void *arg)
{
	struct config *config = arg, *old = worker->config;

	worker->config = config;
	for (size_t i = 0; i < old->host_count; i++)
		if (config_host(config, old->hosts[i].name) == NULL)
			c2s_close_host(worker, old->hosts[i].name);
	components_check_all(worker);
	for (size_t i = 0; i < module_count(); i++)
		if (modules[i]->reloaded != NULL)
			modules[i]->reloaded(worker, old);
	notices_load(worker);
	config_unref(old);
	s2s_check_all(worker);
}

void
server_switch_config(struct server *server, struct config *config)
{
	for (size_t i = 0; i < server->worker_count; i++)
		worker_call(server->workers[i], switch_config, config_ref(config));
}
