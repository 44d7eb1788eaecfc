/* SPDX-License-Identifier: MIT */
/*
 * mam_query.h - questions to an archive, for all that have one (XEP-0313): an account, a room.
 *
 * An archive is a log of the store (store_log_add); the archive's ids are the log's, written as
 * numbers. A value is a stanza as stanza_write wrote it.
 */
#pragma once

#include "server/module.h"

#define NS_MAM "urn:xmpp:mam:2"
#define NS_MAM_EXTENDED "urn:xmpp:mam:2#extended"
#define NS_MAM_GROUPCHAT_FIELD "urn:xmpp:mam:2#groupchat-field"
#define NS_MAM_GROUPCHAT_AVAILABLE "urn:xmpp:mam:2#groupchat-available"

/* Bytes of an id as text, with a NUL. */
#define MAM_ID_SIZE 24

/* Which archive is asked, and what its answers look like. Strings are copied by who keeps it. */
struct mam_archive {
	struct str owner; /* of the log; also the `from` of what is sent */
	const char *log;
	uint32_t mask, flags; /* entries with (flags & MASK) == FLAGS are of the archive */
	/*
	 * Writes the archived <message/> of ITEM to OUT (see mam_write_message). False: the asker
	 * does not get this one. NULL: written as it stands.
	 */
	bool (*write)(void *arg, const struct store_item *item, struct buf *out);
	/* Frees ARG when all is over; may be NULL. */
	void (*free)(void *arg);
	void *arg;
};

struct mam_query {
	struct str queryid;     /* p NULL: none */
	struct store_page page; /* with bounds by time, id and JID; no limit, no direction */
	uint64_t *ids;          /* of `ids`, or none at all if NULL */
	size_t id_count;
	uint64_t anchors[4]; /* ids that must be in the archive */
	size_t anchor_count;
	uint32_t max;                        /* results; 0: none */
	bool is_backward;                    /* the newest of what is chosen, not the oldest */
	bool is_flipped;                     /* newest first */
	bool has_groupchat_field, groupchat; /* include-groupchat */
};

/*
 * Reads a <query/> of type set; all in ARENA. KNOWS_GROUPCHAT: include-groupchat is a field that
 * there is. Returns STANZA_NO_ERROR, or what refuses it.
 */
enum stanza_condition mam_query_parse(struct arena *arena, const struct element *query,
				      bool knows_groupchat, struct mam_query *out);
/*
 * Answers HELD, whose stanza QUERY was read from: results, then <fin/> (§4.2, §4.3). QUERY's texts
 * live in held->arena; its page may have been narrowed. Frees ARCHIVE's arg in the end.
 */
void mam_query_run(struct held_iq *held, const struct mam_query *query,
		   const struct mam_archive *archive);
/* §5: the first and last entry. */
void mam_metadata_run(struct held_iq *held, const struct mam_archive *archive);
/* §4.1.5: the form's fields, in a <query/>. */
struct element *mam_form(struct arena *arena, bool knows_groupchat);

/* An id as text; returns OUT's content. */
struct str mam_id_text(char out[MAM_ID_SIZE], uint64_t id);
/* The id of TEXT, or 0: none of ours. */
uint64_t mam_id_parse(struct str text);
/*
 * The stanza whose text is VALUE as it stands in a <forwarded/>, with EXTRA (elements) in front of
 * its content.
 */
void mam_write_message(struct buf *out, struct str value, struct str extra);
