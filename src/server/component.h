/* SPDX-License-Identifier: MIT */
/*
 * component.h - external components (XEP-0114): programs that serve a domain of their own over a
 * connection to this server, such as gateways.
 *
 * A component's connection lives on its name's home worker. Each is confined to the domains that
 * the configuration gives it (SEC-45). What is for one that is not connected is refused.
 */
#pragma once

#include "server/config.h"
#include "server/worker.h"
#include "xmpp/stanza.h"
#include "xmpp/stream_error.h"

struct component;

/* WORKER's share, in worker->components. */
void components_open(struct worker *worker);
void components_free(struct worker *worker);

/* Takes over an accepted socket. */
void component_accept(struct worker *worker, int fd);

/* To a component's domain; on its home worker. Takes the reference. */
void component_take(struct worker *worker, struct stanza *stanza,
		    const struct config_component *config);

/*
 * Something that nobody sent and nobody waits for, such as presence that it may see (XEP-0356): if
 * it is not connected, nothing happens. From any worker. Takes the reference.
 */
void component_tell(struct worker *worker, struct stanza *stanza);

/* The home of a component. */
struct worker *component_home(struct worker *worker, const struct config_component *config);
/* The connection of that component on this worker, its home, or NULL. */
struct component *component_find(struct worker *worker, struct str name);
/* Writes STANZA, frozen, to it. False: too much waits there already. Borrows STANZA. */
bool component_write(struct component *component, struct stanza *stanza);

/* Every stream of WORKER ends with that error. */
void components_close_all(struct worker *worker, enum stream_condition condition);
/* After a reload: those end that are not in the configuration any more. */
void components_check_all(struct worker *worker);
/* At once, at the end of the program. */
void components_end_all(struct worker *worker);
bool components_are_quiet(const struct worker *worker);
