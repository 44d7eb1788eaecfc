/* SPDX-License-Identifier: MIT */
/*
 * simulate.h - faults for a store of store_open_simulated: a crash at any point, a full disk.
 *
 * store_step carries out and commits at once. Here the two are apart, so that a crash can come
 * between.
 */
#pragma once

#include "store/store.h"

/*
 * Carries out at most MAX queued requests without committing them: reads are answered, writes are
 * not until store_step. Returns whether there was any.
 */
bool store_simulate_batch(struct store *store, size_t max);

/*
 * The machine stops: what waits is forgotten, and so is the batch under way, unless IS_ON_DISK,
 * when it had reached the disk and only the answers were lost. No `done` of these requests is
 * called. After it the store is as if it were opened again. Answers that are in a loop's mailbox
 * stay there.
 */
void store_simulate_crash(struct store *store, bool is_on_disk);

/* From here on, there is room for no write; or again for all. */
void store_simulate_full(struct store *store, bool is_full);

/*
 * What a store holds that is opened after the machine has stopped now (see above), in *OUT. STORE
 * itself goes on, so that whoever uses it can be brought down in order, for nobody to see.
 */
void store_simulate_copy(const struct store *store, bool is_on_disk, struct store **out);
