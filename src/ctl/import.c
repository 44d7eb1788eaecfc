/* SPDX-License-Identifier: MIT */
/*
 * import.c - recadoctl account import: many accounts from a file, line by line.
 *
 * A line is "address<TAB>password", "address,password" (RFC 4180 quotes allowed), or
 * {"account": "address", "password": "password"}, or "credentials" with SCRAM keys in place of the
 * password; each line speaks for itself. Several are under way at once, because the server takes a
 * while to derive the keys of one; no more than that is in memory.
 */
#include "ctl/client.h"
#include "ctl/import_line.h"
#include "ctl/output.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define UNDER_WAY_MAX 32u
#define LINE_BYTES_MAX 8192u
#define PROGRESS_MS 500u

struct import {
	struct ctl *ctl;
	const char *name; /* of the file */
	FILE *file;
	uint64_t line; /* of the last that was read */
	uint64_t done, failed;
	unsigned under_way;
	bool is_update, is_tty;
	uint64_t shown_ms;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
show_progress(struct import *im, struct arena *arena)
{
	if (!im->is_tty || now_ms() - im->shown_ms < PROGRESS_MS)
		return;
	im->shown_ms = now_ms();
	fprintf(stderr, "\r%s imported, %s failed ", output_count(arena, im->done),
		output_count(arena, im->failed));
}

static void
report(struct import *im, uint64_t line, const char *text)
{
	fprintf(stderr, "%s%s:%llu: %s\n", im->is_tty ? "\r" : "", im->name,
		(unsigned long long)line, output_safe(im->ctl->arena, text));
	im->failed++;
}

static int
take_answer(struct import *im)
{
	json_t *answer = client_receive(im->ctl);

	if (answer == NULL)
		return -1;
	im->under_way--;
	if (json_is_true(json_object_get(answer, "ok")))
		im->done++;
	else
		report(im, (uint64_t)json_integer_value(json_object_get(answer, "id")),
		       client_error_text(answer));
	json_decref(answer);
	return 0;
}

static int
send_account(struct import *im, const struct import_line *line)
{
	bool has_keys = line->credentials != NULL;
	json_t *args = json_pack(
		"{s:s, s:s, s:b}", "account", line->account, has_keys ? "credentials" : "password",
		has_keys ? line->credentials : line->password, "update", (int)im->is_update);

	if (args == NULL) {
		report(im, im->line, "the line is not valid UTF-8");
		return 0;
	}
	while (im->under_way >= UNDER_WAY_MAX)
		if (take_answer(im) < 0) {
			json_decref(args);
			return -1;
		}
	im->under_way++;
	return client_send(im->ctl, (json_int_t)im->line, "account-add", args);
}

/* The next line into TEXT, without its end. False at the end; *IS_LONG: it did not fit, and is
 * lost. */
static bool
read_line(struct import *im, char text[LINE_BYTES_MAX], bool *is_long)
{
	size_t length = 0;
	int c;

	*is_long = false;
	while ((c = getc_unlocked(im->file)) != EOF && c != '\n') {
		if (length < LINE_BYTES_MAX - 1)
			text[length++] = (char)c;
		else
			*is_long = true;
	}
	if (length > 0 && text[length - 1] == '\r')
		length--;
	text[length] = '\0';
	if (c == EOF && length == 0)
		return false;
	im->line++;
	if (memchr(text, '\0', length) != NULL) {
		report(im, im->line, "the line has a NUL byte");
		text[0] = '\0'; /* as if it were empty */
		*is_long = false;
	}
	return true;
}

static int
import_lines(struct import *im)
{
	char text[LINE_BYTES_MAX];
	bool is_long;
	int rc = 0;

	while (rc == 0 && read_line(im, text, &is_long)) {
		struct arena *arena = arena_new();
		struct import_line line;
		const char *why;

		if (is_long)
			report(im, im->line, "the line has more than 8191 bytes");
		else if (str_trim(str(text)).len == 0)
			(void)0;
		else if (import_line_parse(arena, str(text), &line, &why) < 0)
			report(im, im->line, why);
		else
			rc = send_account(im, &line);
		show_progress(im, arena);
		arena_free(arena);
	}
	while (rc == 0 && im->under_way > 0)
		rc = take_answer(im);
	if (rc == 0 && ferror(im->file))
		rc = ctl_complain(im->ctl, -1, "cannot read %s: %s", im->name, strerror(errno));
	return rc;
}

static void
sum_up(const struct import *im)
{
	if (im->is_tty)
		fputs("\r\033[K", stderr);
	if (im->ctl->json)
		output_json(json_pack("{s:I, s:I}", "imported", (json_int_t)im->done, "failed",
				      (json_int_t)im->failed));
	else
		printf("%s imported, %s failed\n", output_count(im->ctl->arena, im->done),
		       output_count(im->ctl->arena, im->failed));
}

int
account_import(struct ctl *ctl)
{
	struct import im = {
		.ctl = ctl,
		.name = ctl->operands[0],
		.is_update = ctl_flag(ctl, "update") != NULL,
		.is_tty = isatty(STDERR_FILENO),
	};
	int rc;

	if (client_connect(ctl, false) < 0)
		return CTL_UNREACHABLE;
	im.file = strcmp(im.name, "-") == 0 ? stdin : fopen(im.name, "re");
	if (im.file == NULL)
		return ctl_complain(ctl, CTL_FAILED, "cannot open %s: %s", im.name,
				    strerror(errno));
	rc = import_lines(&im);
	sum_up(&im);
	if (im.file != stdin)
		fclose(im.file);
	return rc < 0 || im.failed > 0 ? CTL_FAILED : CTL_OK;
}
