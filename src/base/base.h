/* SPDX-License-Identifier: MIT */
/*
 * base.h - the few macros that every file uses, and allocation that cannot fail.
 *
 * Every input is bounded before it is stored, so memory that runs out is a fault of
 * the machine: the allocators abort, and never return NULL.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct of TYPE whose MEMBER is at PTR. */
#define CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Zeroed memory; free with free(). */
void *xalloc(size_t size) __attribute__((returns_nonnull, malloc, alloc_size(1)));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull, alloc_size(2)));
char *xstrdup(const char *text) __attribute__((returns_nonnull, malloc));

#define xnew(type) ((type *)xalloc(sizeof(type)))
#define xnew_array(type, n) ((type *)xalloc(sizeof(type) * (size_t)(n)))
