/* SPDX-License-Identifier: MIT */
/* repeats.c - a ring of hashes that doubles while its oldest one is still young. */
#include "server/repeats.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 16u

static void
grow(struct repeats *repeats)
{
	unsigned size = MAX(repeats->size * 2, SIZE_MIN);
	uint64_t *hashes = xnew_array(uint64_t, size);
	uint32_t *at_s = xnew_array(uint32_t, size);

	for (unsigned i = 0; i < repeats->count; i++) {
		unsigned from = (repeats->first + i) % repeats->size;

		hashes[i] = repeats->hashes[from];
		at_s[i] = repeats->at_s[from];
	}
	free(repeats->hashes);
	free(repeats->at_s);
	repeats->hashes = hashes;
	repeats->at_s = at_s;
	repeats->size = size;
	repeats->first = 0;
}

bool
repeats_note(struct repeats *repeats, uint64_t hash, uint32_t now_s)
{
	unsigned at;

	for (unsigned i = 0; i < repeats->size; i++)
		if (repeats->hashes[i] == hash) /* those not used are 0 */
			return true;
	if (repeats->count == repeats->size && repeats->size < REPEATS_MAX &&
	    (repeats->size == 0 || now_s - repeats->at_s[repeats->first] < REPEATS_S))
		grow(repeats);
	at = (repeats->first + repeats->count) % repeats->size;
	if (repeats->count == repeats->size)
		repeats->first = (repeats->first + 1) % repeats->size;
	else
		repeats->count++;
	repeats->hashes[at] = hash;
	repeats->at_s[at] = now_s;
	return false;
}

void
repeats_forget(struct repeats *repeats, uint64_t hash)
{
	for (unsigned i = 0; i < repeats->size; i++)
		if (repeats->hashes[i] == hash)
			repeats->hashes[i] = 0;
}

void
repeats_free(struct repeats *repeats)
{
	free(repeats->hashes);
	free(repeats->at_s);
	*repeats = (struct repeats){0};
}
