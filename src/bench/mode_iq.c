/* SPDX-License-Identifier: MIT */
/*
 * mode_iq.c - requests to the server: XMPP Ping (XEP-0199 §4.2) or disco#info (XEP-0030 §3.1).
 *
 * Each session has WINDOW requests outstanding. Every one must be answered once, with a result.
 */
#include "bench/fleet.h"
#include "bench/modes.h"
#include "bench/phase.h"

#include <stdlib.h>

struct asker {
	struct client *client;
	uint64_t *sent_ns;  /* of each slot's outstanding request; 0: none */
	uint64_t *expected; /* of each slot: the number of that request */
	uint64_t left;
};

struct asking { /* one per engine */
	struct work work;
	uint64_t outstanding;
};

static void
ask(struct asker *asker, unsigned slot)
{
	struct client *client = asker->client;
	const struct options *options = client->engine->options;
	struct asking *asking = client->engine->job;

	asker->expected[slot] += options->window;
	asker->sent_ns[slot] = client->engine->now_ns;
	asker->left--;
	asking->outstanding++;
	buf_printf(&client->out, "<iq type='get' to='%s' id='q%llu'>%s</iq>", options->host,
		   (unsigned long long)asker->expected[slot],
		   options->is_disco ? "<query xmlns='http://jabber.org/protocol/disco#info'/>"
				     : "<ping xmlns='urn:xmpp:ping'/>");
	client_wrote(client);
}

static bool
is_answer(const struct options *options, struct str stanza)
{
	return str_is(scan_attribute(stanza, "type"), "result") &&
	       (!options->is_disco || scan_contains(stanza, "<identity "));
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct asker *asker = client->job;
	struct asking *asking = client->engine->job;
	const struct options *options = client->engine->options;
	struct str id = scan_attribute(stanza, "id");
	uint64_t number;
	unsigned slot;

	if (!scan_is(stanza, "iq") || asker == NULL)
		return;
	if (!is_answer(options, stanza) || id.len < 2 || id.p[0] != 'q' ||
	    str_to_u64(str_from(id, 1), UINT64_MAX, &number) < 0 ||
	    asker->expected[slot = (unsigned)(number % options->window)] != number ||
	    asker->sent_ns[slot] == 0) {
		client_fail(client, "not an answer that was waited for: %.*s", STR_ARG(stanza));
		return;
	}
	work_done(client->engine, asker->sent_ns[slot], 1);
	asker->sent_ns[slot] = 0;
	asking->outstanding--;
	if (asker->left > 0 && work_goes_on(client->engine))
		ask(asker, slot);
	else if (asking->outstanding == 0)
		client->engine->is_done = true;
}

static void
start_phase(struct engine *engine)
{
	struct asking *asking = engine->job;

	for (unsigned i = 0; i < engine->client_count; i++) {
		struct asker *asker = engine->clients[i].job;

		asker->left = asking->work.quota;
		for (unsigned slot = 0; slot < engine->options->window && asker->left > 0; slot++)
			ask(asker, slot);
	}
	engine->is_done = asking->outstanding == 0;
}

static struct asker *
make_askers(struct fleet *fleet)
{
	struct asker *askers = xnew_array(struct asker, fleet->client_count);
	unsigned window = fleet->options->window;

	for (unsigned i = 0; i < fleet->client_count; i++) {
		askers[i].client = &fleet->clients[i];
		askers[i].sent_ns = xnew_array(uint64_t, window);
		askers[i].expected = xnew_array(uint64_t, window);
		for (unsigned slot = 0; slot < window; slot++)
			askers[i].expected[slot] = slot;
		fleet->clients[i].job = &askers[i];
	}
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].job = xnew(struct asking);
	return askers;
}

static void
free_askers(struct fleet *fleet, struct asker *askers)
{
	for (unsigned i = 0; askers != NULL && i < fleet->client_count; i++) {
		free(askers[i].sent_ns);
		free(askers[i].expected);
	}
	free(askers);
	for (unsigned i = 0; i < fleet->engine_count; i++)
		free(fleet->engines[i].job);
}

int
mode_iq(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza};
	struct asker *askers = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, options->sessions, &handlers);

	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		askers = make_askers(&fleet);
		rc = phase_warm_up(&fleet, start_phase);
	}
	if (rc == 0)
		rc = phase_measure(&fleet, start_phase, report, "request");
	if (rc == 0)
		rc = fleet_rest(&fleet, 100);
	free_askers(&fleet, askers);
	fleet_close(&fleet);
	return rc;
}
