/* SPDX-License-Identifier: MIT */
/* fleet.c - engines, their threads and phases. */
#include "bench/fleet_local.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_NS 100000000u
#define RATED_TICK_NS 1000000u
#define TURN_MS 20
#define EVENTS 256
#define LEAVE_NS 20000000000u

void
engine_fail(struct engine *engine, const char *format, ...)
{
	va_list args;

	engine->is_done = true;
	if (engine->failure[0] != 0)
		return; /* the first says most */
	va_start(args, format);
	vsnprintf(engine->failure, sizeof(engine->failure), format, args);
	va_end(args);
}

void
client_fail(struct client *client, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	engine_fail(client->engine, "account %u: %s", client->number, text);
}

/* One suite and one group for every server, so that the same work is compared; no resumption. */
static SSL_CTX *
make_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(tls, "X25519") != 1)
		abort();
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_default_read_buffer_len(tls, INPUT_SIZE / 2);
	return tls;
}

static void
open_engine(struct fleet *fleet, struct engine *engine, const struct job_handlers *handlers)
{
	engine->fleet = fleet;
	engine->options = fleet->options;
	engine->handlers = handlers;
	engine->tls = make_tls();
	engine->sealed = BIO_new(BIO_s_mem());
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	engine->input = xalloc(INPUT_SIZE);
	engine->arena = arena_new();
}

static int
check_descriptors(unsigned count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count + 64) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < count + 64) {
		fprintf(stderr, "recado-bench: %u sessions need more open files than `ulimit -n`\n",
			count);
		return -1;
	}
	return 0;
}

int
fleet_open(struct fleet *fleet, const struct options *options, unsigned count,
	   const struct job_handlers *handlers)
{
	unsigned threads = MAX(1, MIN(options->threads, count));

	*fleet = (struct fleet){.options = options, .engine_count = threads, .client_count = count};
	if (check_descriptors(count) < 0)
		return -1;
	fleet->end_ns = time_mono_ns() + options->timeout_s * (uint64_t)1000000000u;
	fleet->clients = xnew_array(struct client, count);
	fleet->engines = xnew_array(struct engine, threads);
	for (unsigned i = 0; i < threads; i++)
		open_engine(fleet, &fleet->engines[i], handlers);
	for (unsigned i = 0; i < count; i++) {
		/* Neighbours share an engine: pairs and groups are made of neighbours. */
		unsigned group = MAX(2, options->contacts + 1),
			 groups = (count + group - 1) / group;
		struct engine *engine = &fleet->engines[(uint64_t)(i / group) * threads / groups];

		if (engine->clients == NULL)
			engine->clients = &fleet->clients[i];
		engine->client_count++;
		fleet->clients[i].engine = engine;
		fleet->clients[i].number = options->first_user + i;
		fleet->clients[i].fd = -1;
	}
	return 0;
}

static void
begin_logins(struct engine *engine)
{
	while (engine->next_login != NULL && !engine->is_done &&
	       engine->logging_in < engine->options->logins) {
		struct client *client = engine->next_login;

		engine->next_login =
			client + 1 < engine->clients + engine->client_count ? client + 1 : NULL;
		engine->logging_in++;
		client_start(client);
	}
}

static void
flush(struct engine *engine)
{
	while (engine->dirty != NULL) {
		struct client *client = engine->dirty;

		engine->dirty = client->next_dirty;
		client->is_dirty = false;
		if (!client->is_blocked)
			client_flush(client);
	}
}

static void
run_tick(struct engine *engine)
{
	engine->tick_ns = engine->now_ns + (engine->options->rate > 0 ? RATED_TICK_NS : TICK_NS);
	if (engine->now_ns > engine->fleet->end_ns)
		engine_fail(engine, "not done after %u seconds", engine->options->timeout_s);
	else if (engine->handlers->tick != NULL)
		engine->handlers->tick(engine);
}

static void
end_turn(struct engine *engine)
{
	begin_logins(engine);
	flush(engine);
	if (arena_size(engine->arena) > 0) {
		arena_free(engine->arena);
		engine->arena = arena_new();
	}
}

static void *
run_engine(void *arg)
{
	struct epoll_event events[EVENTS];
	struct engine *engine = arg;

	engine->now_ns = time_mono_ns();
	end_turn(engine);
	while (!engine->is_done) {
		int n = epoll_wait(engine->epoll, events, EVENTS,
				   engine->options->rate > 0 ? 1 : TURN_MS);

		engine->now_ns = time_mono_ns();
		for (int i = 0; i < n && !engine->is_done; i++)
			client_ready(events[i].data.ptr, events[i].events);
		if (engine->now_ns >= engine->tick_ns)
			run_tick(engine);
		if (engine->rest_until_ns != 0 && engine->now_ns >= engine->rest_until_ns)
			engine->is_done = true;
		end_turn(engine);
	}
	engine->rest_until_ns = 0;
	arena_thread_end();
	return NULL;
}

static bool
has_failed(const struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->engine_count; i++)
		if (fleet->engines[i].failure[0] != 0)
			return true;
	return false;
}

static int
report_failure(const struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->engine_count; i++)
		if (fleet->engines[i].failure[0] != 0) {
			fprintf(stderr, "recado-bench: %s: %s\n", fleet->options->mode,
				fleet->engines[i].failure);
			return -1;
		}
	return 0;
}

int
fleet_run(struct fleet *fleet, void (*start)(struct engine *engine))
{
	pthread_t *threads = xnew_array(pthread_t, fleet->engine_count);

	for (unsigned i = 0; i < fleet->engine_count; i++) {
		fleet->engines[i].is_done = false;
		fleet->engines[i].now_ns = time_mono_ns();
		if (start != NULL)
			start(&fleet->engines[i]);
	}
	for (unsigned i = 0; i < fleet->engine_count; i++)
		if (pthread_create(&threads[i], NULL, run_engine, &fleet->engines[i]) != 0)
			abort();
	for (unsigned i = 0; i < fleet->engine_count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return report_failure(fleet);
}

static void
start_logins(struct engine *engine)
{
	engine->next_login = engine->clients;
	engine->is_done = engine->client_count == 0;
}

int
fleet_login(struct fleet *fleet)
{
	return fleet_run(fleet, start_logins);
}

void
client_online(struct client *client)
{
	struct engine *engine = client->engine;

	client->state = CLIENT_ONLINE;
	engine->logging_in--;
	if (engine->handlers->online != NULL)
		engine->handlers->online(client);
	else if (engine->next_login == NULL && engine->logging_in == 0)
		engine->is_done = true;
}

int
fleet_rest(struct fleet *fleet, unsigned ms)
{
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].rest_until_ns = time_mono_ns() + ms * (uint64_t)1000000u;
	return fleet_run(fleet, NULL);
}

static void
on_left(struct client *client)
{
	if (--client->engine->leaving == 0)
		client->engine->is_done = true;
}

static void
give_up_leaving(struct engine *engine)
{
	if (engine->now_ns > engine->leave_by_ns)
		engine->is_done = true;
}

static void
ignore_stanza(struct client *client UNUSED, struct str stanza UNUSED)
{
}

/*
 * Sessions end in order: a server may rightly keep, for the next session, messages to one that was
 * cut off, because nothing proves that they came (RFC 6121 §8.5.2).
 */
static void
start_leaving(struct engine *engine)
{
	static const struct job_handlers handlers = {
		.stanza = ignore_stanza, .closed = on_left, .tick = give_up_leaving};

	engine->handlers = &handlers;
	engine->leave_by_ns = engine->now_ns + LEAVE_NS;
	for (unsigned i = 0; i < engine->client_count; i++)
		if (engine->clients[i].state == CLIENT_ONLINE) {
			engine->leaving++;
			client_close(&engine->clients[i]);
		}
	engine->is_done = engine->leaving == 0;
}

void
fleet_close(struct fleet *fleet)
{
	if (fleet->clients != NULL && !fleet->options->is_relay && !has_failed(fleet) &&
	    fleet_run(fleet, start_leaving) < 0)
		fprintf(stderr, "recado-bench: %s: while logging out\n", fleet->options->mode);
	for (unsigned i = 0; fleet->clients != NULL && i < fleet->client_count; i++) {
		client_stop(&fleet->clients[i]);
		acks_free(&fleet->clients[i].acks);
	}
	for (unsigned i = 0; fleet->engines != NULL && i < fleet->engine_count; i++) {
		struct engine *engine = &fleet->engines[i];

		SSL_CTX_free(engine->tls);
		BIO_free(engine->sealed);
		close(engine->epoll);
		free(engine->input);
		arena_free(engine->arena);
		scram_cache_free(&engine->salted);
	}
	free(fleet->engines);
	free(fleet->clients);
	*fleet = (struct fleet){0};
}
