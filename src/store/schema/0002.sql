-- Format 2: entries know what they are (flags) and whom they were given to (meta), for the archive.
-- What was the offline log is the archive, nobody having its entries yet. Ids count microseconds
-- from here on, so that an entry's id is never less than its time.

ALTER TABLE entry ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN meta BLOB NOT NULL DEFAULT x'';
UPDATE entry SET id = id + (SELECT coalesce(max(at_us), 0) FROM entry);
UPDATE last SET entry = max(entry, (SELECT coalesce(max(id), 0) FROM entry));
UPDATE log SET name = CAST('archive' AS BLOB) WHERE name = CAST('offline' AS BLOB);
