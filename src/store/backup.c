/* SPDX-License-Identifier: MIT */
/* backup.c - sealing, verifying and restoring backups. */
#include "store/backup.h"

#include "base/buf.h"
#include "store/sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST "MANIFEST"
#define DATABASE "recado.db"
#define FILES_MAX 1000u
#define SMALL_MAX (1u << 20) /* a file of the data directory that is not the database */

static int
fail(struct arena *arena, struct str *why, const char *what, const char *path)
{
	*why = arena_printf(arena, "%s %s: %s", what, path, strerror(errno));
	return -1;
}

static const char *
join(struct arena *arena, const char *directory, const char *name)
{
	return arena_printf(arena, "%s/%s", directory, name).p;
}

static struct str
hex(struct arena *arena, const unsigned char *bytes, size_t n)
{
	char *text = arena_bytes(arena, 2 * n + 1);

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return str_of(text, 2 * n);
}

static struct str
digest_text(struct arena *arena, struct str text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(text.p, text.len, digest, &len, EVP_sha256(), NULL) != 1)
		abort();
	return hex(arena, digest, len);
}

/* Reads FROM, in *DIGEST its SHA-256; with TO, copies it there and flushes the copy. */
static int
read_file(const char *from, const char *to, struct str *digest, struct arena *arena,
	  struct str *why)
{
	static const size_t size = 1u << 16;
	unsigned char bytes[EVP_MAX_MD_SIZE], *block = xalloc(size);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1, rc = -1;
	unsigned len = 0;
	ssize_t n = 0;

	if (in < 0) {
		fail(arena, why, "cannot read", from);
		goto out;
	}
	if (to != NULL && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
		fail(arena, why, "cannot make", to);
		goto out;
	}
	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	while ((n = read(in, block, size)) > 0) {
		EVP_DigestUpdate(md, block, (size_t)n);
		if (out >= 0 && write(out, block, (size_t)n) != n) {
			fail(arena, why, "cannot write", to);
			goto out;
		}
	}
	if (n < 0) {
		fail(arena, why, "cannot read", from);
		goto out;
	}
	/* The database's copy was not flushed while it was made (sqlite_backup.c). */
	if (fsync(out >= 0 ? out : in) < 0) {
		fail(arena, why, "cannot flush", out >= 0 ? to : from);
		goto out;
	}
	EVP_DigestFinal_ex(md, bytes, &len);
	*digest = hex(arena, bytes, len);
	rc = 0;
out:
	EVP_MD_CTX_free(md);
	free(block);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int
flush_directory(const char *path, struct arena *arena, struct str *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? fail(arena, why, "cannot flush", path) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static bool
belongs_to_it(const char *data, const struct dirent *entry, struct arena *arena)
{
	struct stat st;

	return entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0 &&
	       strncmp(entry->d_name, DATABASE, strlen(DATABASE)) != 0 &&
	       lstat(join(arena, data, entry->d_name), &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size <= SMALL_MAX;
}

static int
copy_small(const char *data, const char *backup, struct buf *manifest, struct arena *arena,
	   struct str *why)
{
	DIR *dir = opendir(data);
	struct dirent *entry;
	struct str digest;
	int rc = 0;

	if (dir == NULL)
		return fail(arena, why, "cannot read", data);
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (!belongs_to_it(data, entry, arena))
			continue;
		rc = read_file(join(arena, data, entry->d_name), join(arena, backup, entry->d_name),
			       &digest, arena, why);
		if (rc == 0)
			buf_printf(manifest, "sha256 %.*s %s\n", STR_ARG(digest), entry->d_name);
	}
	closedir(dir);
	return rc;
}

int
backup_seal(const char *data, const char *backup, struct arena *arena, struct str *why)
{
	const char *path = join(arena, backup, MANIFEST);
	struct buf manifest = {0};
	struct str digest;
	FILE *file;
	int rc;

	buf_printf(&manifest, "recado-backup 1 format %zu\n", sqlite_schema_count);
	rc = read_file(join(arena, backup, DATABASE), NULL, &digest, arena, why);
	if (rc == 0) {
		buf_printf(&manifest, "sha256 %.*s " DATABASE "\n", STR_ARG(digest));
		rc = copy_small(data, backup, &manifest, arena, why);
	}
	if (rc == 0) {
		digest = digest_text(arena, buf_str(&manifest));
		file = fopen(path, "wxe");
		if (file == NULL ||
		    fprintf(file, "%.*send %.*s\n", STR_ARG(buf_str(&manifest)), STR_ARG(digest)) <
			    0 ||
		    fflush(file) != 0 || fsync(fileno(file)) < 0)
			rc = fail(arena, why, "cannot write", path);
		if (file != NULL)
			fclose(file);
	}
	buf_free(&manifest);
	return rc == 0 ? flush_directory(backup, arena, why) : -1;
}

/* The manifest without its last line, checked against that. */
static int
read_manifest(const char *backup, struct str *out, struct arena *arena, struct str *why)
{
	const char *path = join(arena, backup, MANIFEST);
	char *text = arena_bytes(arena, SMALL_MAX);
	FILE *file = fopen(path, "re");
	struct str whole, last;
	size_t n;

	if (file == NULL)
		return fail(arena, why, "this is no backup: cannot read", path);
	n = fread(text, 1, SMALL_MAX, file);
	fclose(file);
	whole = str_of(text, n);
	for (size_t i = n; i-- > 1;)
		if (text[i - 1] == '\n' && i < n) {
			*out = str_first(whole, i);
			last = str_from(whole, i);
			if (str_equal(last, arena_printf(arena, "end %.*s\n",
							 STR_ARG(digest_text(arena, *out)))))
				return 0;
			break;
		}
	*why = arena_printf(arena, "%s was changed or cut off", path);
	return -1;
}

/* A file name as a part of a URI (RFC 3986 §2.1), so that nothing in it means anything. */
static struct str
uri_of(struct arena *arena, const char *path)
{
	struct buf uri = {0};
	struct str out;

	buf_addz(&uri, "file:");
	for (; *path != '\0'; path++)
		if (*path == '?' || *path == '#' || *path == '%')
			buf_printf(&uri, "%%%02X", (unsigned char)*path);
		else
			buf_add_char(&uri, *path);
	/* No log, no lock and no file beside it: a backup may be where nothing can be written. */
	buf_addz(&uri, "?immutable=1");
	out = arena_dup(arena, buf_str(&uri));
	buf_free(&uri);
	return out;
}

static int
check_database(const char *path, struct arena *arena, struct str *why)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc = -1;

	if (sqlite3_open_v2(uri_of(arena, path).p, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
			    NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW) {
		*why = arena_printf(arena, "cannot check %s: %s", path, sqlite3_errmsg(db));
	} else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
		*why = arena_printf(arena, "%s is damaged: %s", path,
				    (const char *)sqlite3_column_text(stmt, 0));
	} else {
		rc = sqlite_check_format(db, arena, why);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return rc;
}

/* Each file of the manifest against its checksum; with TO, copied there. */
static int
check_files(const char *backup, struct str manifest, const char *to, struct arena *arena,
	    struct str *why)
{
	struct str line, word, digest, wanted;
	bool has_database = false;

	(void)str_split(&manifest, '\n', &line); /* the header */
	while (str_split(&manifest, '\n', &line)) {
		const char *name;

		if (line.len == 0)
			continue;
		if (!str_split(&line, ' ', &word) || !str_split(&line, ' ', &wanted) ||
		    line.len == 0 || str_find(line, '/') >= 0) {
			*why = STR("the manifest is not one of Recado's");
			return -1;
		}
		name = arena_printf(arena, "%.*s", STR_ARG(line)).p;
		has_database |= strcmp(name, DATABASE) == 0;
		if (read_file(join(arena, backup, name), to ? join(arena, to, name) : NULL, &digest,
			      arena, why) < 0)
			return -1;
		if (!str_equal(digest, wanted)) {
			*why = arena_printf(arena, "%s/%s is not as it was backed up", backup,
					    name);
			return -1;
		}
	}
	if (!has_database)
		*why = STR("the backup has no database");
	return has_database ? 0 : -1;
}

int
backup_verify(const char *backup, struct arena *arena, struct str *why)
{
	struct str manifest;

	if (read_manifest(backup, &manifest, arena, why) < 0 ||
	    check_files(backup, manifest, NULL, arena, why) < 0)
		return -1;
	return check_database(join(arena, backup, DATABASE), arena, why);
}

int
backup_restore(const char *backup, const char *data, struct arena *arena, struct str *why)
{
	struct str manifest;

	if (backup_verify(backup, arena, why) < 0 ||
	    read_manifest(backup, &manifest, arena, why) < 0)
		return -1;
	if (access(join(arena, data, DATABASE), F_OK) == 0) {
		*why = arena_printf(arena,
				    "there are data in %s already; restore into an empty "
				    "directory",
				    data);
		return -1;
	}
	if (mkdir(data, 0700) < 0 && errno != EEXIST)
		return fail(arena, why, "cannot make", data);
	if (check_files(backup, manifest, data, arena, why) < 0)
		return -1;
	return flush_directory(data, arena, why);
}
