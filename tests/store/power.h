/* SPDX-License-Identifier: MIT */
/*
 * power.h - a disk that keeps what was not flushed apart, so that its power can be cut.
 *
 * It is an SQLite VFS, the default one once disk_use was called; files live in memory. Everything
 * that is done to a disk is recorded. A cut at any point of that record gives another disk: what
 * was flushed before that point is on it for certain; of what was written since, any part may be,
 * in any order, in sectors. Creating and removing files is certain after the next flush of any
 * file of the directory, which is what SQLite asks of the system for its journals.
 */
#pragma once

#include "base/base.h"

struct disk;

enum cut {
	CUT_NOTHING,   /* nothing is there that was not flushed */
	CUT_ALL,       /* all of it is there: kill -9 */
	CUT_REORDERED, /* some of the writes are, whole */
	CUT_TORN_4096, /* some of the pages of some of the writes */
	CUT_TORN_512,  /* some of the sectors */
	CUT_WAYS
};

struct disk *disk_new(void);
/* Takes NULL. Close all that is open on it before. */
void disk_free(struct disk *disk);
/* From here on files are those of DISK; what is still open stays with its own. */
void disk_use(struct disk *disk);
/* From here on flushes do nothing, as of a disk that lies. */
void disk_lie(struct disk *disk);

/* Writes down that COUNT requests have been answered so far. From any thread. */
void disk_note_answered(struct disk *disk, uint64_t count);
/* How long the record is, in writes, flushes and notes. */
size_t disk_length(struct disk *disk);
/* How many requests were answered before the point AT of the record. */
uint64_t disk_answered(const struct disk *disk, size_t at);
/* What a cut at AT leaves. SEED chooses among the possibilities. */
struct disk *disk_cut(const struct disk *disk, size_t at, enum cut how, uint64_t seed);
