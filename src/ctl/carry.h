/* SPDX-License-Identifier: MIT */
/*
 * carry.h - bringing accounts into the running server, whatever they are read from: what makes an
 * account, then its data, item by item. Many items are under way at once, in order.
 */
#pragma once

#include "ctl/client.h"
#include "xmpp/element.h"

struct carry {
	struct ctl *ctl;
	bool is_merged; /* into accounts that are there; else these are left as they are */
	char *account;  /* the one being brought; NULL: none, or it is left out */
	char *source;   /* where it comes from, for complaints: "FILE" */
	char *kind;     /* the name and namespace of the last item */
	unsigned under_way;
	uint64_t accounts, items, failed;
	bool is_broken; /* the server hung up */
};

/*
 * Begins ADDRESS. PASSWORD is NULL for none: then its keys come as an item, or nobody can log in.
 * Returns 0 also when the account is left out, which is said; its items are then skipped. -1 when
 * the server hung up.
 */
MUST_CHECK int carry_account(struct carry *carry, const char *address, const char *password);
/* Goes on with one that was begun, and not left out. The same. */
MUST_CHECK int carry_go_on(struct carry *carry, const char *address);
/* EL is a child of <user/> (XEP-0227). The same. */
MUST_CHECK int carry_item(struct carry *carry, const struct element *el);
/* Something that cannot be brought: said, and counted. */
void carry_complain(struct carry *carry, const char *format, ...) PRINTF_LIKE(2, 3);
/* Something that is left out because it has no place here: said only. */
void carry_note(const struct carry *carry, const char *format, ...) PRINTF_LIKE(2, 3);
/* Waits for all answers, says how many there were, and returns the exit code. RC is that of the
 * reading. */
int carry_end(struct carry *carry, int rc);

/* Reads a file of XEP-0227, and those that it includes. */
MUST_CHECK int carry_pie_file(struct carry *carry, const char *path);
/* Reads the data directory of Prosody (its "internal" storage). */
MUST_CHECK int carry_prosody(struct carry *carry, const char *directory);
/* What `ejabberdctl dump` wrote, the text of TEXT in the file PATH. */
MUST_CHECK int carry_mnesia(struct carry *carry, const char *path, struct str text);
/* That, or what `ejabberdctl export_piefxis` wrote: a file, or the directory with one a host. */
MUST_CHECK int carry_ejabberd(struct carry *carry, const char *path);
