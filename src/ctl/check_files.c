/* SPDX-License-Identifier: MIT */
/* check_files.c - the data directory, its format, and the users and groups that are named. */
#include "ctl/check.h"

#include "store/inspect.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static void
check_owner(struct check *c, const char *path, const struct stat *st)
{
	const struct passwd *user = c->config->user.len > 0 ? getpwnam(c->config->user.p) : NULL;

	if (user != NULL && st->st_uid != user->pw_uid)
		check_say(c, LEVEL_ERROR, "data", "%s does not belong to %s; chown it", path,
			  c->config->user.p);
	if ((st->st_mode & 07) != 0)
		check_say(c, LEVEL_WARNING, "data",
			  "everybody on this machine can look into %s; chmod o= it", path);
	if ((st->st_mode & 07) == 0 && (user == NULL || st->st_uid == user->pw_uid))
		check_say(c, LEVEL_OK, "data", "%s is private", path);
}

static void
check_format(struct check *c, const char *directory)
{
	struct str why;
	size_t newest;

	switch (store_inspect(directory, &newest, c->ctl->arena, &why)) {
	case INSPECT_GOOD:
		check_say(c, LEVEL_OK, "format",
			  "this version can read the data; it knows formats up to %zu", newest);
		break;
	case INSPECT_BUSY:
		check_say(c, LEVEL_OK, "format", "a server has the data open");
		break;
	case INSPECT_NOTHING:
		check_say(c, LEVEL_OK, "format", "there are no data yet");
		break;
	case INSPECT_BAD:
		check_say(c, LEVEL_ERROR, "format", "%.*s", STR_ARG(why));
		break;
	}
}

static void
check_data(struct check *c)
{
	struct str directory = c->config->data_directory;
	struct stat st;

	if (stat(directory.p, &st) < 0 && errno == ENOENT) {
		check_say(c, LEVEL_OK, "data", "%.*s is not there yet; the server makes it",
			  STR_ARG(directory));
		return;
	}
	if (stat(directory.p, &st) < 0 || access(directory.p, R_OK | X_OK) < 0) {
		check_say(c, LEVEL_WARNING, "data", "cannot look into %.*s: %s", STR_ARG(directory),
			  strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		check_say(c, LEVEL_ERROR, "data", "%.*s is not a directory", STR_ARG(directory));
		return;
	}
	check_owner(c, directory.p, &st);
	check_format(c, directory.p);
}

void
check_files(struct check *c)
{
	const struct config *config = c->config;

	if (config->user.len > 0 && getpwnam(config->user.p) == NULL)
		check_say(c, LEVEL_ERROR, "user", "there is no user %s", config->user.p);
	if (config->group.len > 0 && getgrnam(config->group.p) == NULL)
		check_say(c, LEVEL_ERROR, "group", "there is no group %s", config->group.p);
	if (config->control_group.len > 0 && getgrnam(config->control_group.p) == NULL)
		check_say(c, LEVEL_ERROR, "group", "there is no group %s", config->control_group.p);
	if (config->s2s.trust_anchor.len > 0 && access(config->s2s.trust_anchor.p, R_OK) < 0)
		check_say(c, LEVEL_ERROR, "trust_anchor",
			  "cannot read %s: %s; so no other server can be looked up",
			  config->s2s.trust_anchor.p, strerror(errno));
	check_data(c);
}
