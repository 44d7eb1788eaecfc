/* SPDX-License-Identifier: MIT */
/*
 * mode_chat.c - pairs that write to each other as fast as they are read.
 *
 * Each session keeps WINDOW messages to its partner outstanding: one that arrives lets the next go.
 * Every message carries its pair, direction and sequence number, and must arrive once, in order and
 * with its text intact (RFC 6120 §10.1).
 */
#include "bench/fleet.h"
#include "bench/modes.h"
#include "bench/phase.h"

#include "base/time.h"

#include <stdlib.h>

#define DIGITS 12u

struct talker {
	struct client *client;
	struct talker *partner;
	char *text; /* a whole message; its numbers are filled in place */
	size_t size, id_at, body_at, body_size, number_at;
	uint64_t sent, received; /* of all phases */
	uint64_t quota;          /* SENT stops there */
	uint64_t *sent_ns;       /* a ring as long as the window */
};

struct chat { /* one per engine */
	struct work work;
	uint64_t outstanding;
};

static void
put_number(char *at, uint64_t number)
{
	for (unsigned i = DIGITS; i > 0; i--, number /= 10)
		at[i - 1] = (char)('0' + number % 10);
}

static void
make_text(struct talker *talker, unsigned pair, const struct options *options)
{
	static const char filler[] = "the quick brown fox jumps over the lazy dog; ";
	struct client *to = talker->partner->client;
	size_t at_slash = options->is_relay ? 0 : strcspn(to->jid, "/");
	struct buf text = {0};

	if (options->is_relay)
		buf_printf(&text, "<message to='%s%u@%s/bench' type='chat' id='", "user",
			   to->number, options->host);
	else
		buf_printf(&text, "<message to='%.*s' type='chat' id='",
			   options->to_bare ? (int)at_slash : (int)strlen(to->jid), to->jid);
	talker->id_at = buf_len(&text);
	buf_printf(&text, "%0*d'><body>", (int)DIGITS, 0);
	talker->body_at = buf_len(&text);
	buf_printf(&text, "pair %u from %u number ", pair, talker->client->number);
	talker->number_at = buf_len(&text);
	buf_printf(&text, "%0*d ", (int)DIGITS, 0);
	for (unsigned i = 0; buf_len(&text) < talker->body_at + options->body; i++)
		buf_add_char(&text, filler[i % (sizeof(filler) - 1)]);
	talker->body_size = buf_len(&text) - talker->body_at;
	buf_addz(&text, "</body></message>");
	talker->size = buf_len(&text);
	talker->text = str_dupz(buf_str(&text));
	buf_free(&text);
}

static void
talk(struct talker *talker)
{
	struct client *client = talker->client;
	struct chat *chat = client->engine->job;

	put_number(talker->text + talker->id_at, talker->sent);
	put_number(talker->text + talker->number_at, talker->sent);
	talker->sent_ns[talker->sent % client->engine->options->window] = client->engine->now_ns;
	talker->sent++;
	chat->outstanding++;
	client_send(client, str_of(talker->text, talker->size));
}

/* Whether STANZA is the next message of TALKER's partner. */
static bool
is_expected(struct talker *talker, struct str stanza)
{
	struct talker *from = talker->partner;
	struct str body = scan_between(stanza, "<body>", "</body>");

	if (talker->received >= from->sent || body.len != from->body_size)
		return false;
	put_number(from->text + from->number_at, talker->received);
	return memcmp(body.p, from->text + from->body_at, body.len) == 0;
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct talker *talker = client->job, *from;
	struct chat *chat = client->engine->job;

	if (talker == NULL || !scan_is(stanza, "message"))
		return; /* its own presence, or the server greets */
	from = talker->partner;
	if (!is_expected(talker, stanza)) {
		client_fail(client,
			    "message %llu of %llu is lost, doubled, out of order or changed: %.*s",
			    (unsigned long long)talker->received, (unsigned long long)from->sent,
			    STR_ARG(stanza));
		return;
	}
	work_done(client->engine, from->sent_ns[talker->received % client->engine->options->window],
		  1);
	talker->received++;
	chat->outstanding--;
	if (from->sent < from->quota && work_goes_on(client->engine))
		talk(from);
	else if (chat->outstanding == 0)
		client->engine->is_done = true;
}

static void
start_phase(struct engine *engine)
{
	struct chat *chat = engine->job;

	for (unsigned i = 0; i < engine->client_count; i++) {
		struct talker *talker = engine->clients[i].job;

		talker->quota = talker->sent + chat->work.quota;
		for (unsigned k = 0; k < engine->options->window && talker->sent < talker->quota;
		     k++)
			talk(talker);
	}
	engine->is_done = chat->outstanding == 0;
}

static struct talker *
make_talkers(struct fleet *fleet)
{
	struct talker *talkers = xnew_array(struct talker, fleet->client_count);

	for (unsigned i = 0; i < fleet->client_count; i++) {
		talkers[i].client = &fleet->clients[i];
		talkers[i].partner = &talkers[i ^ 1];
		talkers[i].sent_ns = xnew_array(uint64_t, fleet->options->window);
		fleet->clients[i].job = &talkers[i];
	}
	for (unsigned i = 0; i < fleet->client_count; i++)
		make_text(&talkers[i], i / 2, fleet->options);
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].job = xnew(struct chat);
	return talkers;
}

static void
free_talkers(struct fleet *fleet, struct talker *talkers)
{
	for (unsigned i = 0; talkers != NULL && i < fleet->client_count; i++) {
		free(talkers[i].text);
		free(talkers[i].sent_ns);
	}
	free(talkers);
	for (unsigned i = 0; i < fleet->engine_count; i++)
		free(fleet->engines[i].job);
}

int
mode_chat(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza};
	struct talker *talkers = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, (options->sessions + 1) / 2 * 2, &handlers);

	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		talkers = make_talkers(&fleet);
		rc = phase_warm_up(&fleet, start_phase);
	}
	if (rc == 0)
		rc = phase_measure(&fleet, start_phase, report, "message");
	if (rc == 0) /* a second copy of a message would come now */
		rc = fleet_rest(&fleet, 300);
	free_talkers(&fleet, talkers);
	fleet_close(&fleet);
	return rc;
}
