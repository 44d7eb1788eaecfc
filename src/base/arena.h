/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory that is given out in pieces and freed all at once.
 *
 * An arena belongs to one thread at a time and may be handed from thread to thread.
 * Chunks of the usual size come from a small per-thread cache.
 */
#pragma once

#include "base/str.h"

#include <stdarg.h>

struct arena;

struct arena *arena_new(void);
/* Takes NULL. */
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* Neither zeroed nor aligned. */
char *arena_bytes(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* Makes OLD (the newest piece that ARENA gave out, or any) into SIZE bytes; copies when it must. */
char *arena_grow(struct arena *arena, char *old, size_t old_size, size_t size);

#define arena_new_of(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(n)))

/* A copy, with a NUL behind it that its length does not count. STR_NONE stays STR_NONE. */
struct str arena_dup(struct arena *arena, struct str text);
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *arena, const char *format, va_list args);
/* A then B. */
struct str arena_join(struct arena *arena, struct str a, struct str b);

/* Bytes taken from the system by ARENA, for accounting and limits. */
size_t arena_size(const struct arena *arena);

/* Frees this thread's cache of chunks: call it before a thread ends. */
void arena_thread_end(void);
