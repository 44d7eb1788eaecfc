/* SPDX-License-Identifier: MIT */
/*
 * archive.h - which messages are kept, for the archive (XEP-0313 §5.1.1) or only until a device has
 * them (XEP-0160), and which are copied to other devices (XEP-0280 §6).
 */
#pragma once

#include "server/module.h"

enum archive_keep {
	KEEP_NOT,    /* about the moment, or the sender asks not to (XEP-0334) */
	KEEP_HIDDEN, /* until a device has it */
	KEEP_ARCHIVED,
};

/* IS_SENT: ACCOUNT sent it, else it is for ACCOUNT, whose preferences count (XEP-0441). */
enum archive_keep archive_keep(const struct account *account, const struct stanza *message,
			       bool is_sent);
bool carbons_are_due(const struct stanza *message, bool is_sent);

/* XEP-0441: whether ACCOUNT's archive is for messages with PEER. */
bool archive_wants(const struct account *account, struct jid peer);
