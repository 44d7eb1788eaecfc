/* SPDX-License-Identifier: MIT */
/* power.c - files as the last flush left them, and the record of what was done since. */
#include "power.h"

#include "base/arena.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 8u
#define SHARED_MAX 64 /* regions of 32 KiB */

struct image {
	unsigned char *bytes;
	size_t len, size;
	bool exists;
};

enum kind {
	OP_WRITE,
	OP_TRUNCATE,
	OP_CREATE,
	OP_REMOVE,
	OP_FLUSH, /* of this file; of the directory with it */
	OP_FLUSH_DIR,
	OP_ANSWERED,
};

struct op {
	enum kind kind;
	unsigned file;
	uint64_t at; /* offset, length, or how many were answered */
	unsigned char *bytes;
	size_t len;
};

struct disk {
	pthread_mutex_t mutex;
	char *names[FILES_MAX];
	struct image start[FILES_MAX]; /* before the first of the record */
	struct image now[FILES_MAX];   /* what a reader sees */
	struct op *ops;
	size_t count, size;
	bool is_lying;
};

static struct disk *current;
static sqlite3_vfs *real;

static void
image_write(struct image *image, uint64_t at, const void *bytes, size_t len)
{
	if (at + len > image->size) {
		image->size = MAX(at + len, image->size * 2);
		image->bytes = realloc(image->bytes, image->size);
		if (image->bytes == NULL)
			abort();
	}
	if (at > image->len)
		memset(image->bytes + image->len, 0, at - image->len);
	memcpy(image->bytes + at, bytes, len);
	image->len = MAX(image->len, at + len);
}

static void
image_truncate(struct image *image, uint64_t len)
{
	image->len = MIN(image->len, (size_t)len);
}

static struct image
image_copy(const struct image *from)
{
	struct image copy = {.exists = from->exists};

	if (from->len > 0)
		image_write(&copy, 0, from->bytes, from->len);
	return copy;
}

static void
apply(struct image *image, const struct op *op)
{
	if (op->kind == OP_WRITE)
		image_write(image, op->at, op->bytes, op->len);
	else if (op->kind == OP_TRUNCATE)
		image_truncate(image, op->at);
	else if (op->kind == OP_CREATE)
		image->exists = true;
	else if (op->kind == OP_REMOVE)
		image->exists = false, image->len = 0;
}

static void
record(struct disk *disk, struct op op)
{
	if (op.bytes != NULL)
		op.bytes = memcpy(xalloc(op.len), op.bytes, op.len);
	if (disk->count == disk->size) {
		disk->size = MAX(disk->size * 2, 256);
		disk->ops = realloc(disk->ops, disk->size * sizeof(*disk->ops));
		if (disk->ops == NULL)
			abort();
	}
	disk->ops[disk->count++] = op;
}

/* Does OP to what readers see, and writes it down. */
static void
perform(struct disk *disk, struct op op)
{
	pthread_mutex_lock(&disk->mutex);
	apply(&disk->now[op.file], &op);
	if (!disk->is_lying || (op.kind != OP_FLUSH && op.kind != OP_FLUSH_DIR))
		record(disk, op);
	pthread_mutex_unlock(&disk->mutex);
}

/* The number of the file called NAME. Its directory is not looked at: there is one. */
static unsigned
file_number(struct disk *disk, const char *name)
{
	const char *slash = strrchr(name, '/');
	unsigned i;

	name = slash ? slash + 1 : name;
	for (i = 0; i < FILES_MAX && disk->names[i] != NULL; i++)
		if (strcmp(disk->names[i], name) == 0)
			return i;
	if (i == FILES_MAX)
		abort();
	disk->names[i] = xstrdup(name);
	return i;
}

/* SQLite's file. */
struct file {
	sqlite3_file base;
	struct disk *disk;
	unsigned number;
	void *shared[SHARED_MAX]; /* the index of the log: of one connection, so not shared */
};

static int
file_close(sqlite3_file *base UNUSED)
{
	return SQLITE_OK;
}

static int
file_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
	struct file *file = (struct file *)base;
	struct image *image = &file->disk->now[file->number];
	size_t have = (size_t)at < image->len ? MIN(image->len - (size_t)at, (size_t)len) : 0;

	if (have > 0)
		memcpy(out, image->bytes + at, have);
	if (have == (size_t)len)
		return SQLITE_OK;
	memset((char *)out + have, 0, (size_t)len - have);
	return SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
	struct file *file = (struct file *)base;

	perform(file->disk, (struct op){.kind = OP_WRITE,
					.file = file->number,
					.at = (uint64_t)at,
					.bytes = (unsigned char *)(uintptr_t)bytes,
					.len = (size_t)len});
	return SQLITE_OK;
}

static int
file_truncate(sqlite3_file *base, sqlite3_int64 len)
{
	struct file *file = (struct file *)base;

	perform(file->disk,
		(struct op){.kind = OP_TRUNCATE, .file = file->number, .at = (uint64_t)len});
	return SQLITE_OK;
}

static int
file_sync(sqlite3_file *base, int flags UNUSED)
{
	struct file *file = (struct file *)base;

	perform(file->disk, (struct op){.kind = OP_FLUSH, .file = file->number});
	return SQLITE_OK;
}

static int
file_size(sqlite3_file *base, sqlite3_int64 *out)
{
	struct file *file = (struct file *)base;

	*out = (sqlite3_int64)file->disk->now[file->number].len;
	return SQLITE_OK;
}

static int
file_lock(sqlite3_file *base UNUSED, int level UNUSED)
{
	return SQLITE_OK;
}

static int
file_is_reserved(sqlite3_file *base UNUSED, int *out)
{
	*out = 0;
	return SQLITE_OK;
}

static int
file_control(sqlite3_file *base UNUSED, int op UNUSED, void *arg UNUSED)
{
	return SQLITE_NOTFOUND;
}

static int
file_sector_size(sqlite3_file *base UNUSED)
{
	return 4096; /* as SQLite says of every Linux file system */
}

static int
file_characteristics(sqlite3_file *base UNUSED)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
shared_map(sqlite3_file *base, int region, int size, int may_extend, void volatile **out)
{
	struct file *file = (struct file *)base;

	if (region >= SHARED_MAX)
		return SQLITE_NOMEM;
	if (file->shared[region] == NULL && may_extend)
		file->shared[region] = memset(xalloc((size_t)size), 0, (size_t)size);
	*out = file->shared[region];
	return SQLITE_OK;
}

static int
shared_lock(sqlite3_file *base UNUSED, int from UNUSED, int count UNUSED, int flags UNUSED)
{
	return SQLITE_OK;
}

static void
shared_barrier(sqlite3_file *base UNUSED)
{
}

static int
shared_unmap(sqlite3_file *base, int is_removal UNUSED)
{
	struct file *file = (struct file *)base;

	for (int i = 0; i < SHARED_MAX; i++) {
		free(file->shared[i]);
		file->shared[i] = NULL;
	}
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = shared_map,
	.xShmLock = shared_lock,
	.xShmBarrier = shared_barrier,
	.xShmUnmap = shared_unmap,
};

static int
vfs_open(sqlite3_vfs *vfs UNUSED, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
	struct file *file = (struct file *)base;
	struct disk *disk = current;

	if (name == NULL) /* a temporary file, which nobody wants to keep */
		return real->xOpen(real, name, base, flags, out_flags);
	pthread_mutex_lock(&disk->mutex);
	*file = (struct file){.disk = disk, .number = file_number(disk, name)};
	pthread_mutex_unlock(&disk->mutex);
	if (!disk->now[file->number].exists)
		perform(disk, (struct op){.kind = OP_CREATE, .file = file->number});
	base->pMethods = &methods;
	if (out_flags != NULL)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs UNUSED, const char *name, int with_flush)
{
	struct disk *disk = current;
	unsigned number = file_number(disk, name);

	if (!disk->now[number].exists)
		return SQLITE_IOERR_DELETE_NOENT;
	perform(disk, (struct op){.kind = OP_REMOVE, .file = number});
	if (with_flush)
		perform(disk, (struct op){.kind = OP_FLUSH_DIR, .file = number});
	return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *vfs UNUSED, const char *name, int flags UNUSED, int *out)
{
	struct image *image = &current->now[file_number(current, name)];

	*out = image->exists && image->len > 0;
	return SQLITE_OK;
}

static void
install(void)
{
	static sqlite3_vfs vfs;

	real = sqlite3_vfs_find(NULL);
	vfs = *real;
	vfs.iVersion = 1;
	vfs.szOsFile = MAX(real->szOsFile, (int)sizeof(struct file));
	vfs.zName = "power";
	vfs.pNext = NULL;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}

void
disk_use(struct disk *disk)
{
	if (real == NULL)
		install();
	current = disk;
}

struct disk *
disk_new(void)
{
	struct disk *disk = xnew(struct disk);

	pthread_mutex_init(&disk->mutex, NULL);
	return disk;
}

void
disk_free(struct disk *disk)
{
	if (disk == NULL)
		return;
	for (unsigned i = 0; i < FILES_MAX; i++) {
		free(disk->names[i]);
		free(disk->start[i].bytes);
		free(disk->now[i].bytes);
	}
	for (size_t i = 0; i < disk->count; i++)
		free(disk->ops[i].bytes);
	free(disk->ops);
	pthread_mutex_destroy(&disk->mutex);
	free(disk);
}

void
disk_lie(struct disk *disk)
{
	disk->is_lying = true;
}

void
disk_note_answered(struct disk *disk, uint64_t count)
{
	pthread_mutex_lock(&disk->mutex);
	record(disk, (struct op){.kind = OP_ANSWERED, .at = count});
	pthread_mutex_unlock(&disk->mutex);
}

size_t
disk_length(struct disk *disk)
{
	size_t count;

	pthread_mutex_lock(&disk->mutex);
	count = disk->count;
	pthread_mutex_unlock(&disk->mutex);
	return count;
}

uint64_t
disk_answered(const struct disk *disk, size_t at)
{
	uint64_t count = 0;

	for (size_t i = 0; i < at; i++)
		if (disk->ops[i].kind == OP_ANSWERED)
			count = disk->ops[i].at;
	return count;
}

/* Where in the record each file, and the directory, was flushed last before AT. */
static void
find_flushes(const struct disk *disk, size_t at, size_t flushed[FILES_MAX], size_t *dir_flushed)
{
	memset(flushed, 0, FILES_MAX * sizeof(*flushed));
	*dir_flushed = 0;
	for (size_t i = 0; i < at; i++) {
		if (disk->ops[i].kind == OP_FLUSH)
			flushed[disk->ops[i].file] = i;
		if (disk->ops[i].kind == OP_FLUSH || disk->ops[i].kind == OP_FLUSH_DIR)
			*dir_flushed = i;
	}
}

static bool
chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 33 & 1;
}

/* What of OP, which was not flushed, comes through. */
static void
apply_some(struct image *image, const struct op *op, enum cut how, uint64_t *seed)
{
	size_t sector = how == CUT_TORN_512 ? 512 : 4096;

	if (how == CUT_NOTHING)
		return;
	if (how == CUT_ALL || op->kind != OP_WRITE || how == CUT_REORDERED) {
		if (how == CUT_ALL || chance(seed))
			apply(image, op);
		return;
	}
	for (uint64_t at = op->at; at < op->at + op->len;) {
		uint64_t end = MIN((at / sector + 1) * sector, op->at + op->len);

		if (chance(seed))
			image_write(image, at, op->bytes + (at - op->at), (size_t)(end - at));
		at = end;
	}
}

struct disk *
disk_cut(const struct disk *disk, size_t at, enum cut how, uint64_t seed)
{
	size_t flushed[FILES_MAX], dir_flushed;
	bool was_kept[FILES_MAX] = {0}; /* its removal did not come through */
	struct disk *out = disk_new();

	find_flushes(disk, at, flushed, &dir_flushed);
	seed = seed * 2 + 88172645463325253u;
	for (unsigned i = 0; i < FILES_MAX && disk->names[i] != NULL; i++) {
		out->names[i] = xstrdup(disk->names[i]);
		out->start[i] = image_copy(&disk->start[i]);
	}
	for (size_t i = 0; i < at; i++) {
		const struct op *op = &disk->ops[i];
		bool is_entry = op->kind == OP_CREATE || op->kind == OP_REMOVE;
		size_t until = is_entry ? dir_flushed : flushed[op->file];

		if (op->kind > OP_REMOVE)
			continue;
		if (i < until)
			apply(&out->start[op->file], op);
		else if (!was_kept[op->file]) /* what follows is written to another file */
			apply_some(&out->start[op->file], op, how, &seed);
		if (op->kind == OP_REMOVE)
			was_kept[op->file] = out->start[op->file].exists;
	}
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (!out->start[i].exists)
			out->start[i].len = 0;
		out->now[i] = image_copy(&out->start[i]);
	}
	return out;
}
