-- Schema 6. The tables of the queue are STRICT: a column holds its type or the change is refused. `rank` sorts an item
-- without priority behind every integer. Indexes for `find_by_meta` and for the views of operators.
--
-- Rows of earlier stores may hold anything. Each value is brought into its range here, and no item is lost:
--
-- * a number that is text or too large becomes the nearest number of its range; a text that is a number of bytes is read
--   as text; what has no meaning becomes NULL (no priority, no limit of attempts, no time);
-- * a status that is none becomes pending: a person has to decide;
-- * a lease that is no token, or has no end, has ended: the next claim counts it as a failed attempt;
-- * an id that is none, or that another item has, becomes that of the item's file, or a new one where the file has none.

CREATE TABLE work_of_schema_5 AS SELECT * FROM work;
DROP TABLE work;

CREATE INDEX work_of_schema_5_by_id ON work_of_schema_5 (path_id);
UPDATE work_of_schema_5 SET path_id = NULL
WHERE typeof(path_id) <> 'blob' OR length(path_id) <> 16;
-- Of several items with one id, it stays with the one whose file has it.
UPDATE work_of_schema_5 SET path_id = NULL
WHERE rowid IN (
    SELECT item
    FROM (SELECT w.rowid AS item,
                 row_number() OVER (PARTITION BY w.path_id ORDER BY p.path IS NULL, w.rowid) AS number
          FROM work_of_schema_5 AS w LEFT JOIN paths AS p ON p.path = w.path AND p.path_id = w.path_id
          WHERE w.path_id IN (SELECT path_id FROM work_of_schema_5 GROUP BY path_id HAVING count(*) > 1))
    WHERE number > 1);
UPDATE work_of_schema_5 AS w SET path_id = (
    SELECT p.path_id FROM paths AS p
    WHERE p.path = w.path AND typeof(p.path_id) = 'blob' AND length(p.path_id) = 16
      AND NOT EXISTS (SELECT 1 FROM work_of_schema_5 AS o WHERE o.path_id = p.path_id))
WHERE path_id IS NULL;

CREATE TABLE work (
    path             TEXT    PRIMARY KEY,
    path_id          BLOB    NOT NULL UNIQUE,
    created_at       INTEGER NOT NULL,           -- of the file
    directory        TEXT    NOT NULL,           -- that the path lies in; '' for the root
    scope            TEXT    NOT NULL,           -- owner partition of `directory`: a tenant's or agent's part, or a
                                                 -- namespace; what one worker may claim
    item             INTEGER CHECK (item = 1),   -- 1 exactly if there is a status
    status           INTEGER CHECK (status BETWEEN 1 AND 7),
    priority         INTEGER,
    -- Priority, or x'' where absent: SQLite sorts every blob behind every integer.
    rank             ANY     NOT NULL DEFAULT x'' CHECK (rank = x'' OR typeof(rank) = 'integer'),
    dependencies     INTEGER CHECK (dependencies >= 0), -- rows of `edges`; NULL where `depends_on` is absent
    open_edges       INTEGER NOT NULL DEFAULT 0 CHECK (open_edges >= 0), -- those with open = 1
    delayed          INTEGER NOT NULL DEFAULT 0 CHECK (delayed BETWEEN 0 AND 1), -- 1: `not_before` had not passed
                                                 -- when a claim last read it
    not_before       INTEGER,
    worker_id        TEXT,
    started_at       INTEGER,
    completed_at     INTEGER,
    tags             TEXT,                       -- JSON array of strings
    max_attempts     INTEGER CHECK (max_attempts >= 1),
    attempts         INTEGER NOT NULL DEFAULT 0, -- stays at 2^53 - 1 once it is there
    last_error       TEXT,
    result           TEXT,                       -- JSON
    lease            INTEGER,                    -- token of the lease, live or expired
    lease_deadline   INTEGER,                    -- boot_number * 2^48 + CLOCK_BOOTTIME, microseconds
    lease_expires_at INTEGER                     -- wall clock, for people
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO work
SELECT CAST(w.path AS TEXT),
       coalesce(w.path_id, randomblob(16)),
       iif(typeof(w.created_at) = 'integer', w.created_at, coalesce(CAST(p.created_at AS INTEGER), 0)),
       CAST(w.directory AS TEXT),
       CAST(w.scope AS TEXT),
       iif(w.status IS NULL, NULL, 1),
       iif(w.status IS NULL OR (typeof(w.status) = 'integer' AND w.status BETWEEN 1 AND 7), w.status, 5),
       iif(typeof(w.priority) IN ('integer', 'real'), CAST(w.priority AS INTEGER), NULL),
       iif(typeof(w.priority) IN ('integer', 'real'), CAST(w.priority AS INTEGER), x''),
       max(CAST(w.dependencies AS INTEGER), 0),
       coalesce(max(CAST(w.open_edges AS INTEGER), 0), 0),
       w.delayed IS NOT 0 AND typeof(w.not_before) IN ('integer', 'real'),
       iif(typeof(w.not_before) IN ('integer', 'real'), CAST(w.not_before AS INTEGER), NULL),
       CAST(w.worker_id AS TEXT),
       iif(typeof(w.started_at) IN ('integer', 'real'), CAST(w.started_at AS INTEGER), NULL),
       iif(typeof(w.completed_at) IN ('integer', 'real'), CAST(w.completed_at AS INTEGER), NULL),
       CAST(w.tags AS TEXT),
       iif(typeof(w.max_attempts) IN ('integer', 'real'), max(CAST(w.max_attempts AS INTEGER), 1), NULL),
       coalesce(min(max(CAST(w.attempts AS INTEGER), 0), 9007199254740991), 0),
       CAST(w.last_error AS TEXT),
       CAST(w.result AS TEXT),
       iif(w.lease IS NULL OR (typeof(w.lease) = 'integer' AND w.lease BETWEEN 1 AND 9007199254740991), w.lease, 1),
       CASE WHEN w.lease IS NULL AND w.lease_deadline IS NULL THEN NULL
            WHEN typeof(w.lease) = 'integer' AND w.lease BETWEEN 1 AND 9007199254740991
                 AND typeof(w.lease_deadline) = 'integer' THEN w.lease_deadline
            ELSE 0 END,
       iif(typeof(w.lease_expires_at) IN ('integer', 'real'), CAST(w.lease_expires_at AS INTEGER), NULL)
FROM work_of_schema_5 AS w LEFT JOIN paths AS p ON p.path = w.path
WHERE w.path IS NOT NULL;

DROP TABLE work_of_schema_5;

-- Claimable items of each directory, in the order of claims. SQLite sees from the form of the condition that the index
-- alone answers what can be claimed.
CREATE INDEX work_claimable ON work (directory, rank, created_at, path)
    WHERE status = 1 AND (open_edges = 0 AND delayed = 0);
-- Delayed items as they fall due.
CREATE INDEX work_delayed ON work (scope, not_before, path)
    WHERE delayed = 1;
-- Running items, newest first, and when their leases end.
CREATE INDEX work_running ON work (scope, started_at DESC, path, lease_deadline)
    WHERE status = 2;
-- The other queues in their order. An item is in at most one of the queues.
CREATE INDEX work_blocked ON work (open_edges DESC, rank, created_at, path)
    WHERE status = 4 OR (status IN (1, 5) AND open_edges > 0);
CREATE INDEX work_pending ON work (rank, created_at, path)
    WHERE status = 5 AND open_edges = 0;
CREATE INDEX work_by_rank ON work (rank, created_at, path)
    WHERE item = 1;
-- For queries within a range of paths. The statuses that every item passes through are left out, so that a claim and a
-- completion change one page less each.
CREATE INDEX work_by_status ON work (status, path)
    WHERE status >= 4;
-- For `find_by_meta`. No claim and no completion changes what these hold.
CREATE INDEX work_by_priority_value ON work (priority, path)
    WHERE priority IS NOT NULL;
CREATE INDEX work_by_tags ON work (tags, path)
    WHERE tags IS NOT NULL;

-- The directories that hold claimable items, and a bound: none of the items comes before it. A claim goes through
-- directories in this order, and sets the bound anew where it found nothing.
DROP TABLE work_directories;
CREATE TABLE work_directories (
    directory     TEXT    PRIMARY KEY,
    scope         TEXT    NOT NULL,
    first_rank    ANY     NOT NULL,              -- as `rank`
    first_created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX work_directories_in_order ON work_directories (first_rank, first_created);
CREATE INDEX work_directories_of_scope ON work_directories (scope, first_rank, first_created);
INSERT INTO work_directories
SELECT directory, max(scope), min(rank), min(created_at)
FROM work
WHERE status = 1 AND (open_edges = 0 AND delayed = 0)
GROUP BY directory;

-- The scopes that time changes. The times are never later than the first item's: a claim reads nothing else until they
-- have passed, and sets them anew where it finds nothing.
DROP TABLE work_scopes;
CREATE TABLE work_scopes (
    scope       TEXT PRIMARY KEY,
    next_due    INTEGER, -- when the first delayed item falls due
    next_expiry INTEGER  -- when the first lease ends, as in `lease_deadline`
) STRICT, WITHOUT ROWID;
CREATE INDEX work_scopes_due ON work_scopes (next_due) WHERE next_due IS NOT NULL;
CREATE INDEX work_scopes_expiry ON work_scopes (next_expiry) WHERE next_expiry IS NOT NULL;
INSERT INTO work_scopes
SELECT scope, min(iif(delayed = 1, not_before, NULL)), min(iif(status = 2, lease_deadline, NULL))
FROM work
WHERE delayed = 1 OR (status = 2 AND lease_deadline IS NOT NULL)
GROUP BY scope;

-- When the sequence of tokens would have been at 0, by the wall clock; 0: to be set by the next claim.
ALTER TABLE store ADD COLUMN lease_origin INTEGER NOT NULL DEFAULT 0;

-- For operators. Programs use the calls, which are limited to what a tenant may see. The views below begin with `work`
-- and name the status as its number, so that SQLite reads the partial index of each.
DROP VIEW work_by_priority;
DROP VIEW in_progress_work;
DROP VIEW pending_work_items;
DROP VIEW blocked_work_items;
DROP VIEW ready_work_items;
DROP VIEW work_items;

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
    strftime('%Y-%m-%dT%H:%M:%S', (p.created_at - (p.created_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch')
        || printf('.%06dZ', (p.created_at % 1000000 + 1000000) % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', (p.modified_at - (p.modified_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch')
        || printf('.%06dZ', (p.modified_at % 1000000 + 1000000) % 1000000) AS updated_at,
    CASE w.status WHEN 1 THEN 'ready' WHEN 2 THEN 'in_progress' WHEN 3 THEN 'completed'
                  WHEN 4 THEN 'blocked' WHEN 5 THEN 'pending' WHEN 6 THEN 'failed'
                  WHEN 7 THEN 'cancelled' END AS status,
    w.priority AS priority,
    w.open_edges AS blocker_count,
    w.worker_id AS worker_id,
    strftime('%Y-%m-%dT%H:%M:%S', (w.started_at - (w.started_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch')
        || printf('.%06dZ', (w.started_at % 1000000 + 1000000) % 1000000) AS started_at,
    w.tags AS tags,
    w.status AS status_number,
    w.item AS item,
    w.rank AS rank,
    w.created_at AS created_micros,
    w.started_at AS started_micros,
    w.not_before AS not_before_micros
FROM work AS w
CROSS JOIN paths AS p ON p.path = w.path
JOIN backends AS b ON b.id = p.backend_id
WHERE w.status IS NOT NULL;

-- Merges the queues of the directories: the first item of each, and behind each item the next of its directory. So the
-- first rows cost a look-up for each directory, however long the queues are. What has fallen due since the last claim is
-- in no queue.
CREATE VIEW ready_work_items AS
WITH RECURSIVE queue (rank, created_at, path, directory) AS (
    SELECT rank, created_at, path, directory FROM (
        SELECT w.rank, w.created_at, w.path, w.directory
        FROM work_directories AS d
        CROSS JOIN work AS w ON w.path = (
            SELECT f.path FROM work AS f
            WHERE f.status = 1 AND (f.open_edges = 0 AND f.delayed = 0) AND f.directory = d.directory
            ORDER BY f.rank, f.created_at, f.path LIMIT 1)
        UNION ALL
        SELECT rank, created_at, path, NULL FROM work
        WHERE delayed = 1 AND status = 1 AND open_edges = 0
          AND not_before <= CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    UNION ALL
    SELECT w.rank, w.created_at, w.path, w.directory
    FROM queue AS q
    CROSS JOIN work AS w ON w.path = (
        SELECT n.path FROM work AS n
        WHERE n.status = 1 AND (n.open_edges = 0 AND n.delayed = 0) AND n.directory = q.directory
          AND (n.rank, n.created_at, n.path) > (+q.rank, +q.created_at, +q.path)
        ORDER BY n.rank, n.created_at, n.path LIMIT 1)
    ORDER BY 1, 2, 3 LIMIT -1 -- without a limit, SQLite drops the order in a join
)
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, i.created_at, updated_at, status, priority
FROM queue CROSS JOIN work_items AS i ON i.virtual_path = queue.path;

CREATE VIEW blocked_work_items AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, blocker_count
FROM work_items
WHERE status_number = 4 OR (status_number IN (1, 5) AND blocker_count > 0)
ORDER BY blocker_count DESC, rank, created_micros, virtual_path;

CREATE VIEW pending_work_items AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority
FROM work_items
WHERE status_number = 5 AND blocker_count = 0
ORDER BY rank, created_micros, virtual_path;

CREATE VIEW in_progress_work AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, worker_id, started_at
FROM work_items
WHERE status_number = 2
ORDER BY started_micros DESC, virtual_path;

CREATE VIEW work_by_priority AS
SELECT path_id, tenant_id, virtual_path, backend_id, physical_path, file_type, size_bytes,
       content_hash, created_at, updated_at, status, priority, tags
FROM work_items
WHERE item = 1
ORDER BY rank, created_micros, virtual_path;
