/* SPDX-License-Identifier: MIT */
/*
 * mode_archive.c - pages of 50 out of the sessions' own archives (XEP-0313, XEP-0059), which chat
 * or mobile have filled before.
 *
 * Every second session reads from its newest message backward, the others from the oldest forward,
 * and at the end again. In each archive the numbers of each sender must be without gap or repeat,
 * within a page and from one page to the next; where an earlier run ended they begin at 0 again.
 */
#include "bench/modes.h"
#include "bench/phase.h"

#include <stdlib.h>

#define PAGE 50u
#define NONE UINT64_MAX

/* The numbers of one sender in a page. */
struct span {
	uint64_t first, last; /* NONE: nothing came yet */
};

struct reader {
	struct client *client;
	bool is_forward;
	unsigned got;        /* of this page */
	uint64_t pages;      /* asked for */
	struct span page[2]; /* the session's own messages, its partner's */
	uint64_t edge[2];    /* the numbers next to this page, on the side that was read */
	char *id;            /* of the archive: where this page ends; NULL: at its beginning */
	char *first;         /* of this page */
	uint64_t asked_ns, left;
};

struct reading {          /* one per engine */
	struct work work; /* a page's latency, and messages */
	uint64_t pages, open;
};

static void
ask(struct reader *reader)
{
	struct client *client = reader->client;
	const char *side = reader->is_forward ? "after" : "before";
	struct reading *reading = client->engine->job;

	reader->got = 0;
	reader->page[0] = reader->page[1] = (struct span){NONE, NONE};
	reader->asked_ns = client->engine->now_ns;
	reader->pages++;
	reader->left--;
	reading->open++;
	buf_printf(&client->out,
		   "<iq type='set' id='p%llu'><query xmlns='urn:xmpp:mam:2' queryid='p%llu'><set "
		   "xmlns='http://jabber.org/protocol/rsm'><max>%u</max>",
		   (unsigned long long)reader->pages, (unsigned long long)reader->pages, PAGE);
	if (reader->id != NULL)
		buf_printf(&client->out, "<%s>%s</%s>", side, reader->id, side);
	else if (!reader->is_forward)
		buf_addz(&client->out, "<before/>");
	buf_addz(&client->out, "</set></query></iq>");
	acks_count(&client->acks, 1);
	client_wrote(client);
}

/* Whether NEXT may follow NUMBER: the next one, or the first of another run. */
static bool
follows(uint64_t number, uint64_t next)
{
	return number == NONE || next == NONE || next == number + 1 || next == 0;
}

/* The number in BODY, and in *WHICH whether the session's own account wrote it. */
static uint64_t
read_body(struct client *client, struct str body, unsigned *which)
{
	uint64_t from, number;

	if (str_to_u64(scan_between(body, " from ", " "), UINT32_MAX, &from) < 0 ||
	    str_to_u64(scan_between(body, " number ", " "), NONE - 1, &number) < 0)
		return NONE;
	*which = from == client->number ? 0 : 1;
	return number;
}

static void
take_result(struct reader *reader, struct str stanza)
{
	struct client *client = reader->client;
	struct str result = str_from(stanza, (size_t)str_find(str_from(stanza, 1), '<') + 1);
	struct str id = scan_attribute(result, "id");
	struct span *span;
	unsigned which = 0;
	uint64_t number = read_body(client, scan_between(stanza, "<body>", "</body>"), &which);

	span = &reader->page[which];
	if (number == NONE || id.len == 0 || !follows(span->last, number)) {
		client_fail(client, "a gap, a repeat or a stranger behind %llu: %.*s",
			    (unsigned long long)span->last, STR_ARG(stanza));
		return;
	}
	if (span->first == NONE)
		span->first = number;
	span->last = number;
	if (reader->got++ == 0) {
		free(reader->first);
		reader->first = str_dupz(id);
	}
	if (reader->is_forward) {
		free(reader->id);
		reader->id = str_dupz(id);
	}
}

/* Whether this page lies next to the one before. */
static bool
fits(struct reader *reader)
{
	for (unsigned i = 0; i < 2; i++) {
		struct span *span = &reader->page[i];

		if (span->first == NONE)
			continue;
		if (reader->is_forward ? !follows(reader->edge[i], span->first)
				       : !follows(span->last, reader->edge[i]))
			return false;
		reader->edge[i] = reader->is_forward ? span->last : span->first;
	}
	return true;
}

static void
go_to_start(struct reader *reader)
{
	free(reader->id);
	reader->id = NULL;
	reader->edge[0] = reader->edge[1] = NONE;
}

static void
take_fin(struct reader *reader, struct str iq)
{
	struct client *client = reader->client;
	struct reading *reading = client->engine->job;
	struct str fin = scan_between(iq, "<fin", ">"), complete;
	bool is_last = scan_contains(fin, "complete='true'") ||
		       scan_contains(fin, "complete=\"true\"") ||
		       scan_contains(fin, "complete='1'");

	complete = scan_attribute(iq, "type");
	if (scan_contains(iq, "<service-unavailable")) {
		client_fail(client, "no archive: %.*s", STR_ARG(iq));
		return;
	}
	if (!str_is(complete, "result") || fin.p == NULL || (!is_last && reader->got != PAGE) ||
	    !fits(reader)) {
		client_fail(client, "not the page that was asked for, %u results: %.*s",
			    reader->got, STR_ARG(iq));
		return;
	}
	work_done(client->engine, reader->asked_ns, reader->got);
	reading->pages++;
	reading->open--;
	if (is_last) {
		go_to_start(reader);
	} else if (!reader->is_forward) {
		free(reader->id);
		reader->id = reader->first;
		reader->first = NULL;
	}
	if (reader->left > 0 && work_goes_on(client->engine))
		ask(reader);
	else if (reading->open == 0)
		client->engine->is_done = true;
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct reader *reader = client->job;

	if (reader == NULL)
		return;
	if (scan_is(stanza, "message") && scan_contains(stanza, "urn:xmpp:mam:2"))
		take_result(reader, stanza);
	else if (scan_is(stanza, "iq") && str_starts(scan_attribute(stanza, "id"), STR("p")))
		take_fin(reader, stanza);
}

static void
start_phase(struct engine *engine)
{
	struct reading *reading = engine->job;

	reading->pages = 0;
	for (unsigned i = 0; i < engine->client_count; i++) {
		struct reader *reader = engine->clients[i].job;

		reader->left = reading->work.quota;
		ask(reader);
	}
	engine->is_done = reading->open == 0;
}

static int
measured_phase(struct fleet *fleet, struct report *report)
{
	uint64_t delivered = 0, pages = 0;

	if (phase_measure(fleet, start_phase, report, "archived message") < 0)
		return -1;
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct reading *reading = fleet->engines[i].job;

		delivered += reading->work.done;
		pages += reading->pages;
	}
	report_number(report, "pages", (double)pages, "");
	if (delivered > 0)
		return 0;
	fprintf(stderr, "recado-bench: archive: the archives are empty\n");
	return -1;
}

static struct reader *
make_readers(struct fleet *fleet)
{
	struct reader *readers = xnew_array(struct reader, fleet->client_count);

	for (unsigned i = 0; i < fleet->client_count; i++) {
		readers[i].client = &fleet->clients[i];
		readers[i].is_forward = i % 2 == 1;
		go_to_start(&readers[i]);
		fleet->clients[i].job = &readers[i];
	}
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].job = xnew(struct reading);
	return readers;
}

static void
free_readers(struct fleet *fleet, struct reader *readers)
{
	for (unsigned i = 0; readers != NULL && i < fleet->client_count; i++) {
		free(readers[i].id);
		free(readers[i].first);
	}
	free(readers);
	for (unsigned i = 0; fleet->engines != NULL && i < fleet->engine_count; i++)
		free(fleet->engines[i].job);
}

int
mode_archive(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza};
	struct reader *readers = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, options->sessions, &handlers);

	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		readers = make_readers(&fleet);
		rc = phase_warm_up(&fleet, start_phase);
	}
	if (rc == 0)
		rc = measured_phase(&fleet, report);
	free_readers(&fleet, readers);
	fleet_close(&fleet);
	return rc;
}
