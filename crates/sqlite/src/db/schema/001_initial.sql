-- Schema 1. Readable by any SQLite from 3.40 on: no custom function, no custom collation.
-- Times are microseconds since 1970-01-01 UTC. Paths are absolute and normalised; compared as bytes,
-- everything under a directory lies in 'dir/' .. 'dir0'.
-- References between tables are kept by the transactions that write them, not by foreign keys: checking
-- one costs a look-up for each row, and deleting a content would search all paths.

-- One row: what every transaction reads first.
CREATE TABLE store (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    uuid            TEXT    NOT NULL,
    schema_version  INTEGER NOT NULL,
    rules_version   INTEGER NOT NULL, -- raised by each change of `namespaces`
    lease_sequence  INTEGER NOT NULL, -- the newest lease token; never reset
    boot_number     INTEGER NOT NULL, -- raised when the store is opened after the machine was started again
    boot_id         TEXT    NOT NULL, -- the boot that `boot_number` stands for
    collections     INTEGER NOT NULL  -- raised before and when files of contents are collected
);

CREATE TABLE namespaces (
    name            TEXT    PRIMARY KEY,
    readonly        INTEGER NOT NULL,
    admin_only      INTEGER NOT NULL,
    requires_tenant INTEGER NOT NULL,
    requires_agent  INTEGER NOT NULL,
    builtin         INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO namespaces VALUES
    ('workspace', 0, 0, 1, 1, 1),
    ('shared',    0, 0, 1, 0, 1),
    ('external',  0, 0, 0, 0, 1),
    ('system',    1, 1, 0, 0, 1),
    ('archives',  1, 0, 1, 0, 1);

-- Where contents live. 1 is the store's own; the others are mounts, by name. The UUID stands in the
-- backend's directory too, so that another directory is not taken for it.
CREATE TABLE backends (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE,
    uuid TEXT    NOT NULL
);

-- One row for each name. Every ancestor of a row has a row, so that a parent check is one look-up.
CREATE TABLE paths (
    path        TEXT    PRIMARY KEY,
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3), -- file, directory made, implied
    path_id     BLOB,                                       -- 16 bytes; not for implied directories
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    -- Of files only:
    etag        BLOB,                                       -- SHA-256, 32 bytes
    size        INTEGER,
    version     INTEGER,
    backend_id  INTEGER,
    content_id  INTEGER,
    mime_type   TEXT,
    mime_given  INTEGER                                     -- 0: guessed from the name
) WITHOUT ROWID;

CREATE UNIQUE INDEX paths_by_id ON paths (path_id) WHERE path_id IS NOT NULL;

-- Finds the content of a hash, and is its reference count: the entries of one (etag, backend_id).
CREATE INDEX paths_by_content ON paths (etag, backend_id, content_id, path)
    WHERE etag IS NOT NULL;

-- One row for each distinct content of a backend that some path holds.
CREATE TABLE content (
    id         INTEGER PRIMARY KEY,
    backend_id INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    size       INTEGER NOT NULL,
    blocks     BLOB,             -- SHA-256 of each 256 KiB block, where there are several and a file
    data       BLOB              -- the bytes; NULL where the backend holds them
);

-- Contents that no path holds any more and whose file is still to be removed: once the commit that
-- dropped them is durable, or power loss could bring back a path without its content.
CREATE TABLE doomed (
    backend_id INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    durable    INTEGER NOT NULL,
    PRIMARY KEY (backend_id, hash)
) WITHOUT ROWID;

-- Custom metadata. The typed keys of work items live in `work` and `edges`, not here.
CREATE TABLE metadata (
    path   TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,        -- JSON as it was given
    digest BLOB NOT NULL,        -- of its canonical form, 16 bytes
    PRIMARY KEY (path, key)
) WITHOUT ROWID;

CREATE INDEX metadata_by_value ON metadata (key, digest, path);

-- The typed metadata of a file that has any. A work item is one whose status is not NULL.
CREATE TABLE work (
    path             TEXT    PRIMARY KEY,
    path_id          BLOB    NOT NULL UNIQUE,
    created_at       INTEGER NOT NULL,           -- of the file
    directory        TEXT    NOT NULL,           -- that the path lies in; '' for the root
    scope            TEXT    NOT NULL,           -- what of `directory` names a tenant's or agent's part,
                                                 -- or a namespace: what one worker may claim
    item             INTEGER,                    -- 1 exactly if there is a status
    -- One comparison after another: for a list, SQLite would build a table at each change.
    status           TEXT CHECK (status = 'ready' OR status = 'in_progress' OR status = 'completed'
                                 OR status = 'blocked' OR status = 'pending' OR status = 'failed'
                                 OR status = 'cancelled'),
    priority         INTEGER,
    rank             INTEGER NOT NULL,           -- priority, or the greatest integer where absent
    dependencies     INTEGER,                    -- rows of `edges`; NULL where `depends_on` is absent
    open_edges       INTEGER NOT NULL DEFAULT 0, -- those with open = 1
    delayed          INTEGER NOT NULL DEFAULT 0, -- 1: `not_before` had not passed when last looked at
    not_before       INTEGER,
    worker_id        TEXT,
    started_at       INTEGER,
    completed_at     INTEGER,
    tags             TEXT,                       -- JSON array of strings
    max_attempts     INTEGER,
    attempts         INTEGER NOT NULL DEFAULT 0,
    last_error       TEXT,
    result           TEXT,                       -- JSON
    lease            INTEGER,                    -- token of the lease, live or expired
    lease_deadline   INTEGER,                    -- boot_number * 2^48 + CLOCK_BOOTTIME, microseconds
    lease_expires_at INTEGER                     -- wall clock, for people
) WITHOUT ROWID;

-- Claimable items in the order of claims: of the whole store, of each scope, of each directory. The
-- one of a scope leaves out what lies in its root, which the one of that directory has.
CREATE INDEX work_claimable ON work (rank, created_at, path)
    WHERE status = 'ready' AND open_edges = 0 AND delayed = 0;
CREATE INDEX work_claimable_in_scope ON work (scope, rank, created_at, path)
    WHERE status = 'ready' AND open_edges = 0 AND delayed = 0 AND directory <> scope;
CREATE INDEX work_claimable_in_directory ON work (directory, rank, created_at, path)
    WHERE status = 'ready' AND open_edges = 0 AND delayed = 0;
-- What time makes claimable: delayed items as they fall due, running ones as their leases end.
CREATE INDEX work_delayed ON work (scope, not_before, path)
    WHERE delayed = 1;
CREATE INDEX work_running ON work (scope, lease_deadline, path)
    WHERE status = 'in_progress';
-- The other queues in their order. An item is in at most one of the queues.
CREATE INDEX work_blocked ON work (open_edges DESC, rank, created_at, path)
    WHERE status = 'blocked' OR (status IN ('ready', 'pending') AND open_edges > 0);
CREATE INDEX work_pending ON work (rank, created_at, path)
    WHERE status = 'pending' AND open_edges = 0;
CREATE INDEX work_by_rank ON work (rank, created_at, path)
    WHERE item = 1;
-- For queries within a range of paths. The statuses that every item passes through are left out, so that
-- a claim and a completion change one page less each.
CREATE INDEX work_by_status ON work (status, path)
    WHERE status = 'pending' OR status = 'blocked' OR status = 'failed' OR status = 'cancelled';

-- The scopes that time changes. The times are no later than the truth: a claim looks at nothing else
-- until they have passed, and sets them anew where it finds nothing.
CREATE TABLE work_scopes (
    scope       TEXT PRIMARY KEY,
    next_due    INTEGER, -- when the first delayed item falls due
    next_expiry INTEGER  -- when the first lease ends, as in `lease_deadline`
) WITHOUT ROWID;

CREATE INDEX work_scopes_due ON work_scopes (next_due) WHERE next_due IS NOT NULL;
CREATE INDEX work_scopes_expiry ON work_scopes (next_expiry) WHERE next_expiry IS NOT NULL;

-- `item_id` waits for `blocker_id`.
CREATE TABLE edges (
    item_id      BLOB    NOT NULL,
    blocker_id   BLOB    NOT NULL,
    open         INTEGER NOT NULL,
    position     INTEGER NOT NULL, -- order in `depends_on`
    blocker_path TEXT,             -- tombstone: where the blocker was when it was deleted
    PRIMARY KEY (item_id, blocker_id)
) WITHOUT ROWID;

CREATE INDEX edges_by_blocker ON edges (blocker_id, item_id);

-- For operators. Programs use the calls, which are limited to what a tenant may see.
CREATE VIEW work_items AS
SELECT
    lower(substr(hex(w.path_id), 1, 8) || '-' || substr(hex(w.path_id), 9, 4) || '-'
        || substr(hex(w.path_id), 13, 4) || '-' || substr(hex(w.path_id), 17, 4) || '-'
        || substr(hex(w.path_id), 21)) AS path_id,
    (SELECT nullif(substr(w.path, length(n.name) + 3,
                          instr(substr(w.path, length(n.name) + 3) || '/', '/') - 1), '')
     FROM namespaces AS n
     WHERE n.requires_tenant
       AND n.name = substr(w.path, 2, instr(substr(w.path, 2) || '/', '/') - 1)) AS tenant_id,
    w.path AS virtual_path,
    b.name AS backend_id,
    lower(hex(p.etag)) AS physical_path,
    p.mime_type AS file_type,
    p.size AS size_bytes,
    lower(hex(p.etag)) AS content_hash,
    strftime('%Y-%m-%dT%H:%M:%S', p.created_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.created_at % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.modified_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.modified_at % 1000000) AS updated_at,
    w.status AS status,
    w.priority AS priority,
    w.open_edges AS blocker_count,
    w.worker_id AS worker_id,
    strftime('%Y-%m-%dT%H:%M:%S', w.started_at / 1000000, 'unixepoch')
        || printf('.%06dZ', w.started_at % 1000000) AS started_at,
    w.tags AS tags,
    w.rank AS rank,
    w.created_at AS created_micros,
    w.started_at AS started_micros,
    w.not_before AS not_before_micros
FROM work AS w
JOIN paths AS p ON p.path = w.path
JOIN backends AS b ON b.id = p.backend_id
WHERE w.status IS NOT NULL;

CREATE VIEW ready_work_items AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority
FROM work_items
WHERE status = 'ready' AND blocker_count = 0
  AND (not_before_micros IS NULL
       OR not_before_micros <= CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
ORDER BY rank, created_micros, virtual_path;

CREATE VIEW blocked_work_items AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, blocker_count
FROM work_items
WHERE status = 'blocked' OR (status IN ('ready', 'pending') AND blocker_count > 0)
ORDER BY blocker_count DESC, rank, created_micros, virtual_path;

CREATE VIEW pending_work_items AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority
FROM work_items
WHERE status = 'pending' AND blocker_count = 0
ORDER BY rank, created_micros, virtual_path;

CREATE VIEW in_progress_work AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, worker_id, started_at
FROM work_items
WHERE status = 'in_progress'
ORDER BY started_micros DESC, virtual_path;

CREATE VIEW work_by_priority AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, tags
FROM work_items
ORDER BY rank, created_micros, virtual_path;
