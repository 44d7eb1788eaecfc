/* SPDX-License-Identifier: MIT */
/*
 * carry_pie.c - files of XEP-0227, which may include others (§5): relative ones, in directories
 * below the file's own, and not deeper than the format has levels.
 */
#include "ctl/carry.h"
#include "xmpp/xep/pie.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES (64u << 10)

struct pie_file {
	struct carry *carry;
	const char *path;
	struct pie_reader *reader;
	const char *outer; /* what it is included in */
	char host[1024];   /* that the users are of */
	unsigned depth;
};

static int read_file(struct pie_file *file);

/* RFC 3986: a relative path, percent-encoded. Returns NULL when it leads elsewhere. */
static const char *
included_path(struct arena *arena, const char *path, struct str href)
{
	const char *slash = strrchr(path, '/');
	struct str directory = str_of(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
	struct str rest, part;
	char *name = arena_bytes(arena, href.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < href.len; i++) {
		unsigned byte;

		if (href.p[i] == '%' && i + 2 < href.len + 0 &&
		    sscanf(arena_dup(arena, str_of(href.p + i + 1, 2)).p, "%2x", &byte) == 1) {
			name[n++] = (char)byte;
			i += 2;
		} else {
			name[n++] = href.p[i];
		}
	}
	rest = str_of(name, n);
	if (n == 0 || name[0] == '/' || memchr(name, ':', n) != NULL || memchr(name, '\0', n))
		return NULL;
	while (str_split(&rest, '/', &part))
		if (str_is(part, ".."))
			return NULL;
	return arena_printf(arena, "%.*s%.*s", STR_ARG(directory), (int)n, name).p;
}

static int
include(struct pie_file *file, struct arena *arena, const struct element *el)
{
	struct pie_file inner = {.carry = file->carry, .depth = file->depth + 1};
	struct str href = element_attr(el, "href");

	if (element_attr(el, "parse").p != NULL || element_attr(el, "xpointer").p != NULL)
		inner.path = NULL;
	else
		inner.path = included_path(arena, file->path, href);
	if (inner.path == NULL || inner.depth > 3) {
		carry_complain(file->carry, "what it includes, %.*s, is not read", STR_ARG(href));
		return 0;
	}
	inner.outer = file->host[0] != '\0' ? "host" : "server-data";
	memcpy(inner.host, file->host, sizeof(inner.host));
	return read_file(&inner);
}

static int
begin_user(struct pie_file *file, struct arena *arena, const struct element *el)
{
	struct str name = element_attr(el, "name"), password = element_attr(el, "password");
	struct str address = arena_printf(arena, "%.*s@%s", STR_ARG(name), file->host);

	return carry_account(file->carry, address.p,
			     password.len > 0 ? arena_dup(arena, password).p : NULL);
}

static int
handle(struct pie_file *file, enum pie_event event, struct arena *arena, struct element *el)
{
	struct str jid;

	switch (event) {
	case PIE_HOST:
		jid = element_attr(el, "jid");
		if (jid.len == 0 || jid.len >= sizeof(file->host)) {
			carry_complain(file->carry, "a host without its address");
			return -1;
		}
		memcpy(file->host, jid.p, jid.len);
		file->host[jid.len] = '\0';
		return 0;
	case PIE_USER:
		return begin_user(file, arena, el);
	case PIE_DATA:
		return carry_item(file->carry, el);
	case PIE_INCLUDE:
		return include(file, arena, el);
	case PIE_UNKNOWN:
		carry_complain(file->carry, "<%.*s/> is left out: it is not known",
			       STR_ARG(el->name));
		return 0;
	default:
		return 0;
	}
}

/* 1: the document's end; 0: more input is wanted; -1: failed, and said. */
static int
take_input(struct pie_file *file, struct str *input)
{
	for (;;) {
		struct arena *arena;
		struct element *el;
		enum pie_event event = pie_next(file->reader, input, &arena, &el);
		int rc;

		if (event == PIE_MORE || event == PIE_END)
			return event == PIE_END;
		if (event == PIE_WRONG) {
			carry_complain(file->carry, "cannot be read: %s", pie_why(file->reader));
			return -1;
		}
		rc = handle(file, event, arena, el);
		arena_free(arena);
		if (rc < 0)
			return -1;
	}
}

static int
read_pieces(struct pie_file *file, int fd)
{
	char *piece = xalloc(PIECE_BYTES);
	int rc = 0;

	while (rc == 0) {
		ssize_t n = read(fd, piece, PIECE_BYTES);
		struct str input = str_of(piece, n > 0 ? (size_t)n : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			carry_complain(file->carry, "%s",
				       n < 0 ? strerror(errno) : "it ends in the middle");
			rc = -1;
		} else {
			rc = take_input(file, &input);
		}
	}
	free(piece);
	return rc < 0 ? -1 : 0;
}

static int
read_file(struct pie_file *file)
{
	bool is_stdin = strcmp(file->path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(file->path, O_RDONLY | O_CLOEXEC), rc;
	char *outer_source = file->carry->source;

	file->carry->source = xstrdup(is_stdin ? "standard input" : file->path);
	if (fd < 0) {
		carry_complain(file->carry, "%s", strerror(errno));
		rc = file->depth > 0 ? 0 : -1; /* the others may be there */
	} else {
		file->reader = pie_reader_new(file->outer);
		rc = read_pieces(file, fd);
		pie_reader_free(file->reader);
	}
	if (fd >= 0 && !is_stdin)
		close(fd);
	free(file->carry->source);
	file->carry->source = outer_source;
	return rc;
}

int
carry_pie_file(struct carry *carry, const char *path)
{
	struct pie_file file = {.carry = carry, .path = path};

	return read_file(&file);
}
