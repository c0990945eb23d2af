-- The schema that Nexus is measured against: what a careful host would build itself if all it
-- wanted were these calls, stored in SQLite.
--
-- Why it is fair, and rather kind to the host's own schema:
--
-- * One table each for names, contents and metadata, in the shape that suits it best: names and
--   metadata are stored in key order (WITHOUT ROWID), so that a lookup is one descent and a
--   directory is one range; contents are appended by number, so that large rows never move.
-- * No further index and no trigger: an insert touches three trees and nothing else.
-- * Hashes and ids are short binary values, ready before the clock starts. Nexus computes the
--   hash, draws the id, guesses the MIME type and reads the clock inside its call, counts the
--   references of each content, and checks the hash again when it reads: that is its price.
-- * `paths` has every column of a `nexus_entry`, so that both sides hand out the same facts.
-- * Both sides run the same SQLite, compiled with the same options, with 4 KiB pages, a WAL that
--   is kept between checkpoints, and a page cache of 100 MiB (of which Nexus pays all its caches).
--   The program sets the cache, and `synchronous` and `wal_autocheckpoint`, which follow the durability of
--   the case: NORMAL with 16,000 pages, FULL with 4,000. Statements are prepared once.
-- * `queue` is a work queue and nothing else: one narrow table with one index, which holds what waits
--   in the order of claims. It has no dependencies, delays, tenants or expiry, tokens and times come
--   from the program, and a claim or a completion is one statement. Where Nexus is measured beside
--   the items of others, the baseline's table has the worker's own alone.

PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;

CREATE TABLE content (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE paths (
    path         TEXT PRIMARY KEY,
    kind         INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    etag         BLOB NOT NULL,
    version      INTEGER NOT NULL,
    mime_type    TEXT NOT NULL,
    path_id      BLOB NOT NULL,
    backend_name TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    modified_at  INTEGER NOT NULL,
    content_id   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE metadata (
    path  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (path, key)
) WITHOUT ROWID;

CREATE TABLE queue (
    path           TEXT PRIMARY KEY,
    status         TEXT NOT NULL,
    priority       INTEGER,
    rank           INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    worker_id      TEXT,
    started_at     INTEGER,
    completed_at   INTEGER,
    attempts       INTEGER NOT NULL DEFAULT 0,
    lease          INTEGER,
    lease_deadline INTEGER
) WITHOUT ROWID;

CREATE INDEX queue_waiting ON queue (rank, created_at, path) WHERE status = 'ready';
