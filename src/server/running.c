/* SPDX-License-Identifier: MIT */
/* running.c - the workers' threads and listeners, and how they come to an end. */
#include "server/running.h"

#include "base/log.h"
#include "io/listener.h"
#include "server/c2s.h"
#include "server/component.h"
#include "server/module.h"
#include "server/route.h"
#include "server/s2s.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define POLL_MS 20u /* how often a stopping worker looks whether its streams are gone */

struct port { /* one listener of one worker */
	struct runner *runner;
	struct listener *listener;
	struct config_listener config;
};

struct runner { /* one worker's thread */
	struct worker *worker;
	pthread_t thread;
	struct port *ports;
	size_t port_count;
	struct timer poll;
	uint64_t deadline_ms;
	bool is_started;
};

struct running {
	struct server *server;
	struct runner *runners;
	size_t count;
};

static void
accept_for_module(struct worker *worker, int fd)
{
	for (size_t i = 0; i < module_count(); i++) {
		if (modules[i]->accept != NULL) {
			modules[i]->accept(worker, fd);
			return;
		}
	}
	close(fd);
}

static void
on_accepted(struct listener *listener, int fd)
{
	struct port *port = listener_owner(listener);

	if (config_is_s2s(&port->config))
		s2s_accept(port->runner->worker, fd, &port->config);
	else if (port->config.type == LISTENER_COMPONENT)
		component_accept(port->runner->worker, fd);
	else if (port->config.type == LISTENER_PROXY)
		accept_for_module(port->runner->worker, fd);
	else
		c2s_accept(port->runner->worker, fd, &port->config);
}

static int
listen_on(struct runner *runner, const struct config_listener *config, struct arena *arena,
	  struct str *why)
{
	struct port *port = &runner->ports[runner->port_count];
	bool is_open_to_all = config->allow_plaintext_passwords == PLAINTEXT_ALWAYS;

	port->runner = runner;
	port->config = *config;
	if (listener_new(runner->worker->loop, config->address, (uint16_t)config->port,
			 runner->worker->index > 0, on_accepted, port, &port->listener, arena,
			 why) < 0)
		return -1;
	runner->port_count++;
	if (runner->worker->index > 0)
		return 0;
	log_event(LOG_INFO, "listening", LOG_Z("type", config_listener_name(config->type)),
		  LOG_STR("address", config->address),
		  LOG_INT("port", listener_port(port->listener)));
	if (is_open_to_all && config->type == LISTENER_C2S)
		log_event(LOG_WARNING, "plaintext-passwords-allowed",
			  LOG_INT("port", listener_port(port->listener)),
			  LOG_Z("hint",
				"anyone on the way can read the passwords that are sent here"));
	return 0;
}

static int
open_runner(struct runner *runner, struct worker *worker, const struct config *config,
	    struct runner *first, struct arena *arena, struct str *why)
{
	runner->worker = worker;
	runner->ports = xnew_array(struct port, config->listener_count + 1);
	for (size_t i = 0; i < config->listener_count; i++) {
		struct config_listener copy = config->listeners[i];

		/* "Any port" must be the same one for all workers. */
		if (copy.port == 0 && runner != first)
			copy.port = listener_port(first->ports[i].listener);
		if (listen_on(runner, &copy, arena, why) < 0)
			return -1;
	}
	return 0;
}

int
running_open(struct server *server, const struct config *config, struct running **out,
	     struct arena *arena, struct str *why)
{
	struct running *running = xnew(struct running);

	running->server = server;
	running->count = server->worker_count;
	running->runners = xnew_array(struct runner, running->count);
	*out = running;
	for (size_t i = 0; i < running->count; i++)
		if (open_runner(&running->runners[i], server->workers[i], config, running->runners,
				arena, why) < 0)
			return -1;
	return 0;
}

static void *
run(void *arg)
{
	struct runner *runner = arg;

	loop_run(runner->worker->loop);
	arena_thread_end();
	return NULL;
}

int
running_start(struct running *running)
{
	for (size_t i = 0; i < running->count; i++) {
		struct runner *runner = &running->runners[i];

		if (pthread_create(&runner->thread, NULL, run, runner) != 0)
			return -1;
		runner->is_started = true;
	}
	return 0;
}

static void
close_ports(struct runner *runner)
{
	for (size_t i = 0; i < runner->port_count; i++)
		listener_free(runner->ports[i].listener);
	runner->port_count = 0;
}

static void
on_poll(struct timer *timer)
{
	struct runner *runner = CONTAINER(timer, struct runner, poll);
	struct loop *loop = runner->worker->loop;

	if ((list_is_empty(&runner->worker->streams) && components_are_quiet(runner->worker) &&
	     s2s_is_quiet(runner->worker)) ||
	    loop_now_ms(loop) >= runner->deadline_ms)
		loop_stop(loop);
	else
		timer_set(loop, timer, loop_now_ms(loop) + POLL_MS);
}

static void
stop(struct worker *worker, void *arg)
{
	struct runner *runner = arg;
	uint64_t now = loop_now_ms(worker->loop);

	close_ports(runner);
	c2s_close_all(worker, STREAM_SYSTEM_SHUTDOWN, NULL);
	components_close_all(worker, STREAM_SYSTEM_SHUTDOWN);
	s2s_close_all(worker, STREAM_SYSTEM_SHUTDOWN, NULL);
	runner->deadline_ms = now + worker->config->shutdown_timeout;
	runner->poll.run = on_poll;
	timer_set(worker->loop, &runner->poll, now);
}

void
running_stop(struct running *running)
{
	atomic_store(&running->server->is_stopping, true);
	for (size_t i = 0; i < running->count; i++)
		if (running->runners[i].is_started)
			worker_call(running->runners[i].worker, stop, &running->runners[i]);
	for (size_t i = 0; i < running->count; i++)
		if (running->runners[i].is_started)
			pthread_join(running->runners[i].thread, NULL);
}

void
running_free(struct running *running)
{
	if (running == NULL)
		return;
	for (size_t i = 0; i < running->count; i++) {
		close_ports(&running->runners[i]);
		free(running->runners[i].ports);
	}
	free(running->runners);
	free(running);
}
