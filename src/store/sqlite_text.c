/* SPDX-License-Identifier: MIT */
/* sqlite_text.c - the statements of the SQLite driver; the tables are described in schema/. */
#include "store/sqlite.h"

static const char *const texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_MARK] = "SAVEPOINT request",
	[SQL_UNDO] = "ROLLBACK TO request",
	[SQL_UNMARK] = "RELEASE request",
	[SQL_LAST_SET] = "UPDATE last SET entry = ?1",

	[SQL_OWNER_FIND] = "SELECT id FROM owner WHERE jid = ?1",
	[SQL_OWNER_ADD] = "INSERT INTO owner (jid) VALUES (?1)",
	[SQL_OWNER_REMOVE] = "DELETE FROM owner WHERE id = ?1",

	[SQL_DOC_GET] = "SELECT value FROM doc WHERE owner = ?1 AND name = ?2",
	[SQL_DOC_PUT] = "INSERT INTO doc (owner, name, value) VALUES (?1, ?2, ?3) "
			"ON CONFLICT DO UPDATE SET value = ?3",
	[SQL_DOC_REMOVE] = "DELETE FROM doc WHERE owner = ?1 AND name = ?2",
	[SQL_DOC_CLEAR] = "DELETE FROM doc WHERE owner = ?1",

	[SQL_ITEM_LIST] = "SELECT key, value FROM item WHERE owner = ?1 AND name = ?2 ORDER BY key",
	[SQL_ITEM_GET] = "SELECT value FROM item WHERE owner = ?1 AND name = ?2 AND key = ?3",
	[SQL_ITEM_PUT] = "INSERT INTO item (owner, name, key, value) VALUES (?1, ?2, ?3, ?4) "
			 "ON CONFLICT DO UPDATE SET value = ?4",
	[SQL_ITEM_REMOVE] = "DELETE FROM item WHERE owner = ?1 AND name = ?2 AND key = ?3",
	[SQL_ITEM_CLEAR] = "DELETE FROM item WHERE owner = ?1",

	[SQL_LOG_FIND] =
		"SELECT log.id, entries, bytes FROM owner JOIN log ON log.owner = owner.id "
		"WHERE jid = ?1 AND name = ?2",
	[SQL_LOG_ADD] = "INSERT INTO log (owner, name, entries, bytes) VALUES (?1, ?2, 0, 0)",
	[SQL_LOG_COUNT] = "UPDATE log SET entries = entries + ?2, bytes = bytes + ?3 WHERE id = ?1",
	[SQL_LOG_CLEAR] = "DELETE FROM log WHERE owner = ?1",
	[SQL_ENTRY_ADD] = "INSERT INTO entry (id, log, at_us, peer, value, flags, meta) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_ENTRY_IS] = "SELECT 1 FROM entry WHERE id = ?1",
	[SQL_ENTRY_FORWARD] = "SELECT id, at_us, peer, value, flags, meta FROM entry "
			      "WHERE log = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4",
	[SQL_ENTRY_BACKWARD] = "SELECT id, at_us, peer, value, flags, meta FROM entry "
			       "WHERE log = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4",
	[SQL_ENTRY_PAGE_UP] = "SELECT id, at_us, peer, value, flags, meta FROM entry "
			      "WHERE log = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id",
	[SQL_ENTRY_PAGE_DOWN] = "SELECT id, at_us, peer, value, flags, meta FROM entry "
				"WHERE log = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC",
	[SQL_ENTRY_EDIT] = "UPDATE entry SET flags = ?3, value = ?4 WHERE log = ?1 AND id = ?2",
	[SQL_ENTRY_LENGTH] = "SELECT length(value) FROM entry WHERE log = ?1 AND id = ?2",
	[SQL_ENTRY_OLDEST] = "SELECT id, length(value) FROM entry WHERE log = ?1 "
			     "ORDER BY id LIMIT ?2",
	[SQL_LOG_OWNERS] = "SELECT jid, x'' FROM owner JOIN log ON log.owner = owner.id "
			   "WHERE jid > ?1 AND name = ?2 AND entries > 0 ORDER BY jid LIMIT ?3",
	[SQL_ENTRY_SUM] = "SELECT count(*), sum(length(value)) FROM entry "
			  "WHERE log = ?1 AND id >= ?2 AND id <= ?3",
	[SQL_ENTRY_TRIM] = "DELETE FROM entry WHERE log = ?1 AND id >= ?2 AND id <= ?3",
	[SQL_ENTRY_CLEAR] = "DELETE FROM entry WHERE log IN (SELECT id FROM log WHERE owner = ?1)",

	[SQL_AUTH_GET] = "SELECT value FROM auth WHERE jid = ?1",
	[SQL_AUTH_CREATE] = "INSERT INTO auth (jid, domain, value) VALUES (?1, ?2, ?3) "
			    "ON CONFLICT DO NOTHING",
	[SQL_AUTH_PUT] = "UPDATE auth SET value = ?2 WHERE jid = ?1",
	[SQL_AUTH_SWAP] = "UPDATE auth SET value = ?2 WHERE jid = ?1 AND value = ?3",
	[SQL_AUTH_REMOVE] = "DELETE FROM auth WHERE jid = ?1",
	[SQL_AUTH_LIST] = "SELECT jid, value FROM auth WHERE jid > ?1 ORDER BY jid LIMIT ?2",
	[SQL_AUTH_LIST_DOMAIN] = "SELECT jid, value FROM auth WHERE jid > ?1 AND domain = ?3 "
				 "ORDER BY jid LIMIT ?2",
};

const char *
sqlite_text(enum statement statement)
{
	return texts[statement];
}
