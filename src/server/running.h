/* SPDX-License-Identifier: MIT */
/* running.h - what main and the administration do to the whole server: open, reload, stop. */
#pragma once

#include "server/server.h"

/* Opens store, secrets and certificates, and makes the workers. Returns 0, or -1 with *WHY. */
MUST_CHECK int server_open(struct server *server, struct config *config, const char *driver,
			   struct arena *arena, struct str *why);
/*
 * The same for simulation: on STORE, with a worker on each of LOOPS (as many as CONFIG has
 * workers), without files and certificates. Takes STORE and LOOPS' members over.
 */
void server_open_simulated(struct server *server, struct config *config, struct store *store,
			   struct loop **loops);
/* After all threads have ended: ends what is left of connections, and all that is under way. */
void server_rest(struct server *server);
/* The same, and frees it all. Takes one that was opened in part. */
void server_close(struct server *server);

/* Loads the certificates that CONFIG names; on failure the old ones stay. */
MUST_CHECK int server_load_tls(struct server *server, const struct config *config,
			       struct arena *arena, struct str *why);
/* Gives every worker CONFIG. From the main thread. */
void server_switch_config(struct server *server, struct config *config);

/* The workers' threads and their listeners. */
struct running;

/* Opens the ports; on failure too, *OUT is to be freed. */
MUST_CHECK int running_open(struct server *server, const struct config *config,
			    struct running **out, struct arena *arena, struct str *why);
MUST_CHECK int running_start(struct running *running);
/* Ends all streams with <system-shutdown/>, and waits for the threads. */
void running_stop(struct running *running);
void running_free(struct running *running); /* takes NULL */
