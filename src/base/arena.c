/* SPDX-License-Identifier: MIT */
/* arena.c - a chain of chunks; the struct arena itself stands in the first. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define CHUNK_SIZE 2048u /* holds a usual stanza with its tree */
#define CACHE_MAX 256u   /* chunks that one thread keeps: 512 KiB */
#define ALIGN 16u

struct chunk {
	struct chunk *next;
	size_t size; /* of the whole chunk, header included */
};

struct arena {
	struct chunk *chunks; /* newest first; the last one holds this struct */
	char *at, *end;
	size_t size;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define USE_CACHE 0 /* let the sanitizers see each allocation */
#else
#define USE_CACHE 1
#endif

static _Thread_local struct chunk *cache;
static _Thread_local unsigned cached;

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *chunk;

	if (USE_CACHE && size == CHUNK_SIZE && cache != NULL) {
		chunk = cache;
		cache = chunk->next;
		cached--;
	} else {
		chunk = malloc(size);
		if (chunk == NULL)
			chunk = xalloc(size); /* which aborts in our stead */
	}
	chunk->size = size;
	return chunk;
}

static void
chunk_free(struct chunk *chunk)
{
	if (USE_CACHE && chunk->size == CHUNK_SIZE && cached < CACHE_MAX) {
		chunk->next = cache;
		cache = chunk;
		cached++;
	} else {
		free(chunk);
	}
}

void
arena_thread_end(void)
{
	while (cache != NULL) {
		struct chunk *next = cache->next;

		free(cache);
		cache = next;
	}
	cached = 0;
}

struct arena *
arena_new(void)
{
	struct chunk *chunk = chunk_new(CHUNK_SIZE);
	struct arena *arena = (struct arena *)(chunk + 1);

	chunk->next = NULL;
	arena->chunks = chunk;
	arena->at = (char *)(arena + 1);
	arena->end = (char *)chunk + CHUNK_SIZE;
	arena->size = CHUNK_SIZE;
	return arena;
}

void
arena_free(struct arena *arena)
{
	struct chunk *chunk = arena ? arena->chunks : NULL;

	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		chunk_free(chunk);
		chunk = next;
	}
}

static void
add_chunk(struct arena *arena, size_t want)
{
	size_t size = CHUNK_SIZE;
	struct chunk *chunk;

	/* Doubling keeps the number of chunks small for a stanza of a megabyte. */
	while (size - sizeof(struct chunk) < want || size < MIN(arena->size, (size_t)65536))
		size *= 2;
	chunk = chunk_new(size);
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->at = (char *)(chunk + 1);
	arena->end = (char *)chunk + size;
	arena->size += size;
}

char *
arena_bytes(struct arena *arena, size_t size)
{
	char *p;

	if ((size_t)(arena->end - arena->at) < size)
		add_chunk(arena, size);
	p = arena->at;
	arena->at += size;
	return p;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t skip = (ALIGN - ((uintptr_t)arena->at & (ALIGN - 1))) & (ALIGN - 1);
	char *p;

	if ((size_t)(arena->end - arena->at) < size + skip) {
		add_chunk(arena, size + ALIGN);
		skip = (ALIGN - ((uintptr_t)arena->at & (ALIGN - 1))) & (ALIGN - 1);
	}
	p = arena->at + skip;
	arena->at = p + size;
	return memset(p, 0, size);
}

char *
arena_grow(struct arena *arena, char *old, size_t old_size, size_t size)
{
	char *p;

	if (size <= old_size)
		return old;
	if (old != NULL && old + old_size == arena->at &&
	    (size_t)(arena->end - arena->at) >= size - old_size) {
		arena->at += size - old_size;
		return old;
	}
	p = arena_bytes(arena, size);
	if (old_size > 0)
		memcpy(p, old, old_size);
	return p;
}

struct str
arena_dup(struct arena *arena, struct str text)
{
	char *p;

	if (text.p == NULL)
		return STR_NONE;
	p = arena_bytes(arena, text.len + 1);
	memcpy(p, text.p, text.len);
	p[text.len] = '\0';
	return str_of(p, text.len);
}

struct str
arena_join(struct arena *arena, struct str a, struct str b)
{
	char *p = arena_bytes(arena, a.len + b.len + 1);

	if (a.len > 0)
		memcpy(p, a.p, a.len);
	if (b.len > 0)
		memcpy(p + a.len, b.p, b.len);
	p[a.len + b.len] = '\0';
	return str_of(p, a.len + b.len);
}

struct str
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	int len;
	char *p;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(len >= 0);
	p = arena_bytes(arena, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, format, args);
	return str_of(p, (size_t)len);
}

struct str
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	struct str text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->size;
}
