/* SPDX-License-Identifier: MIT */
/* fixture.c - stores for the tests. */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *const fixture_drivers[2] = {"sqlite", "memory"};

const char *fixture_base = "/tmp";

void
directory_new(char out[64])
{
	snprintf(out, 64, "%s/recado-store-XXXXXX", fixture_base);
	if (mkdtemp(out) == NULL) {
		perror("mkdtemp");
		exit(EXIT_FAILURE);
	}
}

void
directory_remove(const char *dir)
{
	DIR *open_dir = opendir(dir);
	struct dirent *file;
	char path[512];

	while (open_dir != NULL && (file = readdir(open_dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, file->d_name);
		if (file->d_name[0] != '.')
			unlink(path);
	}
	if (open_dir != NULL)
		closedir(open_dir);
	rmdir(dir);
}

static void
open_store(struct fixture *f)
{
	struct arena *arena = arena_new();
	struct str why = STR_NONE;

	if (store_open(f->driver, f->dir, &f->store, arena, &why) < 0) {
		fprintf(stderr, "store_open: %.*s\n", STR_ARG(why));
		exit(EXIT_FAILURE);
	}
	arena_free(arena);
}

void
fixture_open(struct fixture *f, const char *driver)
{
	*f = (struct fixture){.driver = driver};
	if (strcmp(driver, "sqlite") == 0)
		directory_new(f->dir);
	f->loop = loop_new();
	open_store(f);
}

void
fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	open_store(f);
}

void
fixture_close(struct fixture *f)
{
	store_close(f->store);
	loop_free(f->loop);
	if (f->dir[0] != '\0')
		directory_remove(f->dir);
}

static void
note_done(struct store_request *r)
{
	*(bool *)r->owner = true;
}

struct store_request *
request_new(struct fixture *f)
{
	return store_request_new(f->store, f->loop, note_done, NULL);
}

struct store_request *
ask(struct fixture *f, struct store_request *r)
{
	bool is_done = false;

	r->owner = &is_done;
	store_submit(r);
	while (!is_done)
		loop_turn(f->loop, 1000);
	return r;
}

enum store_status
ask_status(struct fixture *f, struct store_request *r)
{
	enum store_status status = ask(f, r)->status;

	store_request_free(r);
	return status;
}

struct str
items_text(struct arena *arena, const struct store_item *items)
{
	struct str text = STR("");

	for (const struct store_item *item = items; item != NULL; item = item->next)
		text = arena_printf(arena, "%.*s%s%.*s=%.*s", STR_ARG(text),
				    item == items ? "" : " ", STR_ARG(item->key),
				    STR_ARG(item->value));
	return text;
}

struct str
entries_text(struct arena *arena, const struct store_item *items, uint64_t first_id)
{
	struct str text = STR("");

	for (const struct store_item *item = items; item != NULL; item = item->next)
		text = arena_printf(arena, "%.*s%s%d:%.*s=%.*s", STR_ARG(text),
				    item == items ? "" : " ", (int)(item->id - first_id),
				    STR_ARG(item->with), STR_ARG(item->value));
	return text;
}
