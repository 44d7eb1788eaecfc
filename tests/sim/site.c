/* SPDX-License-Identifier: MIT */
/* site.c - the server's side of the simulation: opening, turning, stopping, crashing. */
#include "sim.h"

#include "base/rand.h"
#include "server/account.h"
#include "server/module.h"
#include "server/running.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ITERATIONS 4096u
#define ROUNDS_MAX 20000u /* of a server that nobody talks to any more */

static const char config_text[] =
	"host = \"" HOST "\";\n"
	"data_directory = \"/nonexistent\";\n"
	"workers = %u;\n"
	"shutdown_timeout = \"5s\";\n"
	"sasl: { scram_iterations = 4096; };\n"
	"sessions: { silent_after = \"30s\"; conflict = \"%s\"; };\n"
	"limits: { outbound_queue_bytes = \"64KiB\"; login_failures_per_minute = 0;"
	"  offline_messages = 0; offline_bytes = 0; };\n";

static char credentials_text[2048]; /* of each account: deriving keys is slow */

void
site_prepare(void)
{
	struct arena *arena = arena_new();
	struct credentials credentials = {0};
	struct str text;

	rand_seed_for_simulation(1);
	credentials_derive(arena, STR(PASSWORD), ITERATIONS, &credentials);
	text = credentials_format(arena, &credentials);
	assert(text.len < sizeof(credentials_text));
	memcpy(credentials_text, text.p, text.len);
	arena_free(arena);
}

struct str
site_credentials(void)
{
	return str(credentials_text);
}

static void
on_created(struct store_request *request)
{
	assert(request->status == STORE_OK);
	store_request_free(request);
}

struct store *
site_new_store(struct sim *sim)
{
	struct store *store;
	int rc = store_open_simulated(&store);

	assert(rc == 0);
	for (unsigned i = 0; i < sim->plan.accounts; i++) {
		struct store_request *r = store_request_new(store, sim->loop, on_created, NULL);

		store_auth_create(r, arena_printf(r->arena, "a%u@" HOST, i), str(credentials_text));
		store_submit(r);
	}
	while (store_step(store, 100))
		loop_turn(sim->loop, 0);
	loop_turn(sim->loop, 0);
	return store;
}

static struct config *
make_config(struct sim *sim)
{
	struct arena *arena = arena_new();
	struct str text = arena_printf(arena, config_text, sim->plan.workers,
				       sim->plan.has_refusals ? "refuse-new" : "replace-old"),
		   errors;
	const struct config_module *modules_of_config;
	struct config *config;
	size_t count;

	modules_init();
	modules_of_config = modules_for_config(&count);
	if (config_parse(text, "/nonexistent/recado.conf", modules_of_config, count, &config, arena,
			 &errors) < 0)
		sim_fail(sim, "the configuration: %.*s", STR_ARG(errors));
	arena_free(arena);
	return config;
}

void
site_open(struct sim *sim, struct store *store)
{
	struct site *site = xnew(struct site);

	site->config = make_config(sim);
	site->store = store;
	site->listener.allow_plaintext_passwords = PLAINTEXT_ALWAYS;
	for (unsigned i = 0; i < sim->plan.workers; i++)
		site->loops[i] = loop_new_simulated();
	server_open_simulated(&site->server, site->config, store, site->loops);
	sim->site = site;
	sim->is_full = false;
	sim_note(sim, "the server starts with %u workers", sim->plan.workers);
}

static void
free_site(struct site *site)
{
	server_close(&site->server);
	config_unref(site->config);
	free(site);
}

bool
site_step_store(struct sim *sim)
{
	struct site *site = sim->site;

	if (sim->plan.has_batches && sim_chance(sim, 50))
		return store_simulate_batch(site->store, 1 + sim_below(sim, 4));
	return store_step(site->store, 1 + sim_below(sim, 8));
}

void
site_set_full(struct sim *sim, bool is_full)
{
	if (sim->is_full == is_full)
		return;
	sim_note(sim, "THE DISK %s", is_full ? "IS FULL" : "has room again");
	store_simulate_full(sim->site->store, is_full);
	sim->is_full = is_full;
	if (is_full)
		model_full(sim);
}

/* A copy of what is on the disk, for the next server. */
static struct store *
copy_store(struct site *site, bool is_on_disk)
{
	struct store *copy;

	store_simulate_copy(site->store, is_on_disk, &copy);
	return copy;
}

/*
 * Nobody can see any more what it does: but what it holds must be let go of in order, so that what
 * the address sanitizer finds at the end was really forgotten.
 */
static void
bury(struct sim *sim, struct site *site)
{
	bool has_worked = true;

	for (unsigned round = 0; has_worked; round++) {
		has_worked = store_step(site->store, 100);
		for (unsigned i = 0; i < sim->plan.workers; i++)
			has_worked |= loop_turn(site->loops[i], 0);
		has_worked |= loop_turn(sim->loop, 0);
		if (round > ROUNDS_MAX)
			sim_fail(sim, "a server without clients does not come to rest");
	}
	for (unsigned i = 0; i < sim->plan.workers; i++)
		if (!list_is_empty(&site->server.workers[i]->streams))
			sim_fail(sim, "worker %u keeps a stream whose client is gone", i);
	free_site(site);
}

void
site_crash(struct sim *sim)
{
	struct site *old = sim->site;
	bool is_on_disk = sim_chance(sim, 50);
	struct store *store = copy_store(old, is_on_disk);

	sim_note(sim, "THE SERVER CRASHES, the batch under way is %s",
		 is_on_disk ? "kept" : "lost");
	sim->has_crashed = true;
	for (unsigned i = 0; i < sim->client_count; i++)
		if (sim->clients[i].conn != NULL)
			client_cut(&sim->clients[i]);
	bury(sim, old);
	sim_pass_time(sim, 1000);
	site_open(sim, store);
	model_crashed(sim);
}

static void
stop_worker(struct worker *worker, void *arg)
{
	struct sim *sim = arg;
	struct site *site = sim->site;

	c2s_close_all(worker, STREAM_SYSTEM_SHUTDOWN, NULL);
	site->is_told[worker->index] = true;
	site->deadline_ms = sim->now_ms + site->config->shutdown_timeout;
}

/* As running_stop does it. */
void
site_begin_stop(struct sim *sim)
{
	struct site *site = sim->site;

	if (site->is_stopping)
		return;
	sim_note(sim, "THE SERVER STOPS in order");
	site_set_full(sim, false);
	site->is_stopping = true;
	atomic_store(&site->server.is_stopping, true);
	for (unsigned i = 0; i < sim->plan.workers; i++)
		worker_call(site->server.workers[i], stop_worker, sim);
}

/* All workers have stopped: the process goes on in server_close, and then another one starts. */
static void
end_stop(struct sim *sim)
{
	struct site *old = sim->site;
	struct store *store;

	do
		server_rest(&old->server);
	while (loop_turn(sim->loop, 0)); /* the operator waits for an answer */
	store = copy_store(old, true);
	free_site(old);
	sim->site = NULL;
	for (unsigned i = 0; i < sim->client_count; i++)
		if (sim->clients[i].conn != NULL)
			client_cut(&sim->clients[i]);
	site_open(sim, store);
}

/* What running.c's timer looks at. */
static void
look_stopped(struct sim *sim, unsigned i)
{
	struct site *site = sim->site;
	struct worker *worker = site->server.workers[i];
	bool is_all = true;

	if (!site->is_told[i] ||
	    (!list_is_empty(&worker->streams) && sim->now_ms < site->deadline_ms))
		return;
	sim_note(sim, "worker %u has stopped", i);
	site->is_stopped[i] = true;
	for (unsigned k = 0; k < sim->plan.workers; k++)
		is_all &= site->is_stopped[k];
	if (is_all)
		end_stop(sim);
}

bool
site_turn(struct sim *sim, unsigned i)
{
	struct site *site = sim->site;
	bool has_worked;

	if (site->is_stopped[i])
		return false;
	has_worked = loop_turn(site->loops[i], 0);
	if (site->is_stopping)
		look_stopped(sim, i);
	return has_worked || sim->site != site;
}

void
site_close(struct sim *sim)
{
	bury(sim, sim->site);
	sim->site = NULL;
}

static const struct account *
find_account(const struct sim *sim, unsigned account)
{
	char bare[32];

	snprintf(bare, sizeof(bare), "a%u@" HOST, account);
	return account_find(worker_home(sim->site->server.workers[0], str(bare)), str(bare));
}

const struct account *
site_account(const struct sim *sim, unsigned account)
{
	const struct account *found = find_account(sim, account);

	return found != NULL && found->state == ACCOUNT_READY ? found : NULL;
}

unsigned
site_sessions(const struct sim *sim, unsigned account)
{
	const struct account *found = find_account(sim, account);

	return found ? found->session_count : 0;
}

bool
site_has_session(const struct client *client)
{
	const struct account *found = find_account(client->sim, client->account);
	const struct session *session;
	char resource[8];

	snprintf(resource, sizeof(resource), "r%u", client->resource);
	session = found ? account_session(found, str(resource)) : NULL;
	return session != NULL && session->c2s == client->c2s;
}
