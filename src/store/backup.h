/* SPDX-License-Identifier: MIT */
/*
 * backup.h - a backup: a directory with the database and the server's secrets as they were at one
 * commit, and a manifest of checksums.
 */
#pragma once

#include "base/arena.h"

/*
 * Copies the small files of the data directory DATA into BACKUP, where the database is already
 * (store_backup), and writes the manifest, all flushed. Returns 0, or -1 with *WHY in ARENA.
 */
MUST_CHECK int backup_seal(const char *data, const char *backup, struct arena *arena,
			   struct str *why);
/* Whether BACKUP is whole: every byte as it was, and the database sound. Likewise. */
MUST_CHECK int backup_verify(const char *backup, struct arena *arena, struct str *why);
/* Verifies BACKUP and copies it into DATA, where no data are yet; makes DATA if need be. Likewise.
 */
MUST_CHECK int backup_restore(const char *backup, const char *data, struct arena *arena,
			      struct str *why);
