-- Format 1. Texts are stored as blobs, so that they compare byte by byte and may hold anything.
-- Owners and logs are numbers everywhere else: an entry's index costs a few bytes, not a JID.

CREATE TABLE owner (
	id INTEGER PRIMARY KEY,
	jid BLOB NOT NULL UNIQUE
);

CREATE TABLE doc (
	owner INTEGER NOT NULL,
	name BLOB NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (owner, name)
) WITHOUT ROWID;

CREATE TABLE item (
	owner INTEGER NOT NULL,
	name BLOB NOT NULL,
	key BLOB NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (owner, name, key)
) WITHOUT ROWID;

-- The counters spare an append with a limit, and a count, the walk through all entries.
CREATE TABLE log (
	id INTEGER PRIMARY KEY,
	owner INTEGER NOT NULL,
	name BLOB NOT NULL,
	entries INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	UNIQUE (owner, name)
);

-- By id alone, so that all logs grow at one end of the table; see doc/decisions.md.
CREATE TABLE entry (
	id INTEGER PRIMARY KEY,
	log INTEGER NOT NULL,
	at_us INTEGER NOT NULL,
	peer BLOB NOT NULL,
	value BLOB NOT NULL
);
CREATE INDEX entry_log ON entry (log);

-- The last id of an entry, kept when the entry goes.
CREATE TABLE last (
	entry INTEGER NOT NULL
);
INSERT INTO last VALUES (0);

CREATE TABLE auth (
	jid BLOB PRIMARY KEY,
	domain BLOB NOT NULL,
	value BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX auth_domain ON auth (domain);
