/* SPDX-License-Identifier: MIT */
/* flood.c - token buckets, of people and of rooms (see flood.h). */
#include "modules/xep0045_muc/flood.h"

#include "base/hash.h"
#include "server/audience.h"

#include <stdatomic.h>
#include <stdlib.h>

/*
 * People are told apart by a keyed hash, so that the table does not grow with them: who shares a
 * bucket with a flooder, which nobody can arrange, is slowed down with him.
 */
#define BUCKETS 4096u
#define SAVED_MS 10
#define FLIGHT_MAX 1000u /* deliveries that wait in the workers */

struct bucket {
	uint64_t tokens_ms; /* in ms of filling */
	uint64_t filled_ms;
};

bool
flood_allows(struct room *room, struct str bare)
{
	struct rooms *rooms = rooms_of(room->worker);
	const struct option_values *options = room_options(room);
	uint64_t rate = options ? option_number(options, "rate") : 0, burst, cost;
	uint64_t now = loop_now_ms(room->worker->loop);
	struct bucket *bucket;

	if (rate == 0)
		return true;
	if (rooms->buckets == NULL)
		rooms->buckets = xnew_array(struct bucket, BUCKETS);
	bucket = &rooms->buckets[(hash_str(bare) ^ hash_str(room->jid.text)) % BUCKETS];
	cost = 1000 / rate + 1;
	burst = cost * option_number(options, "burst");
	bucket->tokens_ms = bucket->filled_ms == 0
				    ? burst
				    : MIN(burst, bucket->tokens_ms + (now - bucket->filled_ms));
	bucket->filled_ms = now;
	if (bucket->tokens_ms < cost)
		return false;
	bucket->tokens_ms -= cost;
	return true;
}

void
flood_spend(struct room *room, size_t n)
{
	room->tokens -= (int64_t)n;
}

uint64_t
flood_delay_ms(struct room *room)
{
	const struct option_values *options = room_options(room);
	int64_t rate = options ? (int64_t)option_number(options, "deliveries") : 0;
	uint64_t now = loop_now_ms(room->worker->loop);

	if (rate == 0)
		return 0;
	/* Little can be saved up: it would be in everybody's way at once. */
	room->tokens =
		MIN(rate * SAVED_MS / 1000,
		    room->tokens + (int64_t)MIN(now - room->filled_ms, 60000u) * rate / 1000);
	room->filled_ms = now;
	if (room->tokens < 0)
		return (uint64_t)(-room->tokens * 1000 / rate) + 1;
	return atomic_load_explicit(&room->flight->count, memory_order_relaxed) < FLIGHT_MAX ? 0
											     : 1;
}
