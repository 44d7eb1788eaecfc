/* SPDX-License-Identifier: MIT */
/* backup.c - recadoctl backup, verify, restore. */
#include "store/backup.h"

#include "ctl/client.h"
#include "ctl/output.h"

#include <stdlib.h>
#include <unistd.h>

/* The server has another working directory. */
static const char *
absolute(const struct ctl *ctl, const char *path)
{
	char here[4096];

	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return path;
	return arena_printf(ctl->arena, "%s/%s", here, path).p;
}

int
backup_make(struct ctl *ctl)
{
	json_t *args = json_pack("{s:s}", "directory", absolute(ctl, ctl->operands[0]));
	int code;
	json_t *result = client_ask(ctl, "backup", args, &code);

	if (result == NULL)
		return code;
	if (ctl->json)
		output_json(json_incref(result));
	else
		printf("backed up to %s\n", ctl->operands[0]);
	json_decref(result);
	return code;
}

static int
tell(const struct ctl *ctl, int rc, struct str why, const char *good)
{
	if (rc < 0)
		return ctl_complain(ctl, CTL_FAILED, "%.*s", STR_ARG(why));
	if (!ctl->json)
		puts(good);
	return CTL_OK;
}

int
backup_check(struct ctl *ctl)
{
	struct str why = STR("");
	int rc = backup_verify(ctl->operands[0], ctl->arena, &why);

	return tell(ctl, rc, why, "the backup is whole");
}

int
backup_put_back(struct ctl *ctl)
{
	struct str why = STR("");
	int rc = backup_restore(ctl->operands[0], ctl->operands[1], ctl->arena, &why);

	return tell(ctl, rc, why, "restored");
}
