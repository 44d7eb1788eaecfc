/* SPDX-License-Identifier: MIT */
/*
 * mode_mobile.c - pairs of people with two devices each, who write to each other: what a message
 * costs with acknowledgments (XEP-0198), carbons (XEP-0280) and whatever the server keeps.
 *
 * The first devices write. A message is outstanding until the server has acknowledged it and the
 * partner's first device has it; WINDOW may be, and they go in bursts of a quarter of that with one
 * <r/> behind each. Every message must come once, in order and intact to three devices: both of the
 * partner, and the other one of the sender. Latency is that from sending to the <a/>.
 */
#include "base/rand.h"
#include "base/time.h"
#include "bench/fleet.h"
#include "bench/flush.h"
#include "bench/measure.h"
#include "bench/modes.h"

#include <stdlib.h>

#define DIGITS 12u
#define DEVICES 4u /* of a pair: two of the one, two of the other */
#define COPIES 3u  /* of a message */
#define FLUSH_MS 1500u

/* All that one of a pair writes to the other. */
struct line {
	struct client *from;
	char *text; /* a whole message; its numbers are filled in place */
	size_t size, id_at, body_at, body_size, number_at;
	uint64_t sent, acked, delivered, quota;
	uint64_t *sent_ns; /* of those outstanding */
	uint32_t *count;   /* of stanzas that were sent up to each, for <a/> */
};

struct pair {
	struct line lines[2];
	uint64_t seen[DEVICES][2]; /* by each device, of each line */
};

struct mobile { /* one per engine */
	uint64_t waiting, acked, stop_ns;
	struct stats ack, delivery;
};

static uint64_t phase_count, phase_ns;

static struct pair *
pair_of(struct client *client)
{
	return client->job;
}

static unsigned
place_of(struct client *client)
{
	return (unsigned)(client - client->engine->fleet->clients) % DEVICES;
}

static void
put_number(char *at, uint64_t number)
{
	for (unsigned i = DIGITS; i > 0; i--, number /= 10)
		at[i - 1] = (char)('0' + number % 10);
}

static void
make_text(struct line *line, unsigned pair, const char *to, unsigned body)
{
	static const char filler[] = "the quick brown fox jumps over the lazy dog; ";
	struct buf text = {0};

	/* No run's id comes again in another: a server may take that for a repetition. */
	buf_printf(&text, "<message to='%s' type='chat' id='%016llx-", to,
		   (unsigned long long)rand_u64());
	line->id_at = buf_len(&text);
	buf_printf(&text, "%0*d'><body>", (int)DIGITS, 0);
	line->body_at = buf_len(&text);
	buf_printf(&text, "pair %u from %u number ", pair, line->from->number);
	line->number_at = buf_len(&text);
	buf_printf(&text, "%0*d ", (int)DIGITS, 0);
	for (unsigned i = 0; buf_len(&text) < line->body_at + body; i++)
		buf_add_char(&text, filler[i % (sizeof(filler) - 1)]);
	line->body_size = buf_len(&text) - line->body_at;
	buf_addz(&text, "</body></message>");
	line->size = buf_len(&text);
	line->text = str_dupz(buf_str(&text));
	buf_free(&text);
}

static void
write_one(struct line *line, struct mobile *mobile)
{
	struct client *client = line->from;
	unsigned slot = (unsigned)(line->sent % client->engine->options->window);

	put_number(line->text + line->id_at, line->sent);
	put_number(line->text + line->number_at, line->sent);
	line->sent++;
	acks_count(&client->acks, 1);
	line->sent_ns[slot] = client->engine->now_ns;
	line->count[slot] = client->acks.out;
	mobile->waiting += 1 + COPIES;
	client_send(client, str_of(line->text, line->size));
}

/* Writes a burst, if there is room for one. */
static void
write_burst(struct line *line)
{
	struct engine *engine = line->from->engine;
	unsigned window = engine->options->window, burst = MAX(window / 4, 1);
	uint64_t open = line->sent - MIN(line->acked, line->delivered);
	struct mobile *mobile = engine->job;

	if (open + burst > window || line->sent >= line->quota || engine->now_ns >= mobile->stop_ns)
		return;
	for (unsigned i = 0; i < burst && line->sent < line->quota; i++)
		write_one(line, mobile);
	acks_ask(line->from);
}

static void
settle(struct engine *engine, unsigned count)
{
	struct mobile *mobile = engine->job;

	mobile->waiting -= count;
	if (mobile->waiting == 0)
		engine->is_done = true;
}

static void
on_acked(struct client *client, uint32_t count UNUSED)
{
	struct pair *pair = pair_of(client);
	struct engine *engine = client->engine;
	struct mobile *mobile = engine->job;
	struct line *line;
	uint64_t before;

	if (pair == NULL || place_of(client) % 2 != 0)
		return;
	line = &pair->lines[place_of(client) / 2];
	for (before = line->acked; line->acked < line->sent; line->acked++) {
		unsigned slot = (unsigned)(line->acked % engine->options->window);

		/* Other stanzas, such as answers to pings, are counted in between. */
		if ((int32_t)(client->acks.out_acked - line->count[slot]) < 0)
			break;
		stats_add(&mobile->ack, engine->now_ns - MIN(line->sent_ns[slot], engine->now_ns));
	}
	mobile->acked += line->acked - before;
	write_burst(line);
	if (line->acked > before)
		settle(engine, (unsigned)(line->acked - before));
}

/* Whether BODY is the message of LINE that this device has not seen yet. */
static bool
is_next(struct line *line, uint64_t number, struct str body)
{
	if (number >= line->sent || body.len != line->body_size)
		return false;
	put_number(line->text + line->number_at, number);
	return memcmp(body.p, line->text + line->body_at, body.len) == 0;
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct pair *pair = pair_of(client);
	struct engine *engine = client->engine;
	struct str body = scan_between(stanza, "<body>", "</body>");
	unsigned place = place_of(client), which;
	struct mobile *mobile = engine->job;
	struct line *line;

	if (pair == NULL || !scan_is(stanza, "message") || body.p == NULL)
		return;
	which = is_next(&pair->lines[0], pair->seen[place][0], body) ? 0 : 1;
	line = &pair->lines[which];
	if (line->from == client || !is_next(line, pair->seen[place][which], body)) {
		client_fail(client, "device %u: lost, doubled, out of order or changed: %.*s",
			    client->device, STR_ARG(stanza));
		return;
	}
	if (place / 2 != which && client->device == 0) {
		unsigned slot = (unsigned)(line->delivered++ % engine->options->window);

		stats_add(&mobile->delivery,
			  engine->now_ns - MIN(line->sent_ns[slot], engine->now_ns));
		write_burst(line);
	}
	pair->seen[place][which]++;
	settle(engine, 1);
}

static void
start_phase(struct engine *engine)
{
	unsigned window = engine->options->window;
	struct mobile *mobile = engine->job;

	mobile->acked = 0;
	stats_clear(&mobile->ack);
	stats_clear(&mobile->delivery);
	mobile->stop_ns = engine->now_ns + phase_ns;
	for (unsigned i = 0; i < engine->client_count; i += 2) {
		struct client *client = &engine->clients[i];
		struct line *line = &pair_of(client)->lines[place_of(client) / 2];

		line->quota = line->sent + phase_count;
		for (unsigned k = 0; k < window; k += MAX(window / 4, 1))
			write_burst(line);
	}
	engine->is_done = mobile->waiting == 0;
}

static int
run_phase(struct fleet *fleet, uint64_t count, uint64_t ns)
{
	phase_count = count;
	phase_ns = ns;
	return fleet_run(fleet, start_phase);
}

static struct pair *
make_pairs(struct fleet *fleet)
{
	struct pair *pairs = xnew_array(struct pair, fleet->client_count / DEVICES);
	const struct options *options = fleet->options;

	for (unsigned i = 0; i < fleet->client_count; i++)
		fleet->clients[i].job = &pairs[i / DEVICES];
	for (unsigned i = 0; i < fleet->client_count; i += 2) {
		struct line *line = &pairs[i / DEVICES].lines[i % DEVICES / 2];
		struct client *to = &fleet->clients[i ^ 2];
		size_t len = options->to_bare ? strcspn(to->jid, "/") : strlen(to->jid);
		char *jid = xstrdup(to->jid);

		jid[len] = '\0';
		line->from = &fleet->clients[i];
		line->sent_ns = xnew_array(uint64_t, options->window);
		line->count = xnew_array(uint32_t, options->window);
		make_text(line, i / DEVICES, jid, options->body);
		free(jid);
	}
	for (unsigned i = 0; i < fleet->engine_count; i++)
		fleet->engines[i].job = xnew(struct mobile);
	return pairs;
}

static void
free_pairs(struct fleet *fleet, struct pair *pairs)
{
	for (unsigned i = 0; pairs != NULL && i < fleet->client_count; i += 2) {
		struct line *line = &pairs[i / DEVICES].lines[i % DEVICES / 2];

		free(line->text);
		free(line->sent_ns);
		free(line->count);
	}
	free(pairs);
	for (unsigned i = 0; fleet->engines != NULL && i < fleet->engine_count; i++)
		free(fleet->engines[i].job);
}

static void
report_rest(struct report *report, const struct stats *ack, const struct stats *delivery,
	    const struct stats *flush)
{
	double p99 = (double)stats_percentile(flush, 99);

	report_number(report, "delivery_p50", (double)stats_percentile(delivery, 50) / 1e3, "us");
	report_number(report, "delivery_p99", (double)stats_percentile(delivery, 99) / 1e3, "us");
	report_number(report, "copies", COPIES, "");
	if (flush->count == 0)
		return;
	report_number(report, "flush_p50", (double)stats_percentile(flush, 50) / 1e3, "us");
	report_number(report, "flush_p99", p99 / 1e3, "us");
	report_number(report, "ack_per_flush", (double)stats_percentile(ack, 99) / MAX(p99, 1.0),
		      "");
}

static int
measured_phase(struct fleet *fleet, struct report *report, struct stats *ack,
	       struct stats *delivery, struct stats *flush)
{
	const struct options *options = fleet->options;
	const char *directory = options->flush_directory;
	struct measure measure;
	uint64_t acked = 0;

	if (directory != NULL && flush_measure(directory, FLUSH_MS, flush) < 0)
		return -1;
	if (measure_begin(&measure, options) < 0 ||
	    run_phase(fleet, options->count, options->seconds * (uint64_t)1000000000u) < 0)
		return -1;
	measure_stop(&measure);
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct mobile *mobile = fleet->engines[i].job;

		acked += mobile->acked;
		stats_merge(ack, &mobile->ack);
		stats_merge(delivery, &mobile->delivery);
	}
	if (measure_report(&measure, report, "message", acked, ack) < 0)
		return -1;
	if (directory != NULL && flush_measure(directory, FLUSH_MS, flush) < 0)
		return -1;
	report_rest(report, ack, delivery, flush);
	return 0;
}

int
mode_mobile(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza, .acked = on_acked};
	struct stats *stats = xnew_array(struct stats, 3);
	struct pair *pairs = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, (options->sessions + DEVICES - 1) / DEVICES * DEVICES,
			    &handlers);

	for (unsigned i = 0; rc == 0 && i < fleet.client_count; i++) {
		fleet.clients[i].number = options->first_user + i / 2;
		fleet.clients[i].device = i % 2;
	}
	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		pairs = make_pairs(&fleet);
		rc = run_phase(&fleet, options->count / 5 + 1, measure_warm_up_ns(options));
	}
	if (rc == 0)
		rc = measured_phase(&fleet, report, &stats[0], &stats[1], &stats[2]);
	if (rc == 0) /* a second copy of a message would come now */
		rc = fleet_rest(&fleet, 300);
	free_pairs(&fleet, pairs);
	fleet_close(&fleet);
	free(stats);
	return rc;
}
