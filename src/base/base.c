/* SPDX-License-Identifier: MIT */
/* base.c - allocation that aborts when memory runs out. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void NORETURN
out_of_memory(size_t size)
{
	fprintf(stderr, "recado: out of memory (%zu bytes wanted)\n", size);
	abort();
}

void *
xalloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *
xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

char *
xstrdup(const char *text)
{
	char *p = strdup(text);

	if (p == NULL)
		out_of_memory(strlen(text));
	return p;
}
