-- Schema 5. Numbers for statuses: every change of an item compares its status with those that the indexes name, and
-- comparing texts was a tenth of what a claim costs.
--
-- 1 ready, 2 in_progress, 3 completed: those that every item passes through; 4 blocked, 5 pending, 6 failed,
-- 7 cancelled.

CREATE TABLE work_of_schema_4 AS SELECT * FROM work;
DROP TABLE work;

-- As before, but for the status.
CREATE TABLE work (
    path             TEXT    PRIMARY KEY,
    path_id          BLOB    NOT NULL UNIQUE,
    created_at       INTEGER NOT NULL,           -- of the file
    directory        TEXT    NOT NULL,           -- that the path lies in; '' for the root
    scope            TEXT    NOT NULL,           -- what of `directory` names a tenant's or agent's part,
                                                 -- or a namespace: what one worker may claim
    item             INTEGER,                    -- 1 exactly if there is a status
    status           INTEGER CHECK (status BETWEEN 1 AND 7),
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

-- What is no status was put there by damage: nobody knows how far the item was, so a person has to decide.
INSERT INTO work
SELECT path, path_id, created_at, directory, scope, item,
       CASE status WHEN 'ready' THEN 1 WHEN 'in_progress' THEN 2 WHEN 'completed' THEN 3
                   WHEN 'blocked' THEN 4 WHEN 'pending' THEN 5 WHEN 'failed' THEN 6
                   WHEN 'cancelled' THEN 7 ELSE iif(status IS NULL, NULL, 5) END,
       priority, rank, dependencies, open_edges, delayed, not_before, worker_id, started_at,
       completed_at, tags, max_attempts, attempts, last_error, result, lease, lease_deadline,
       lease_expires_at
FROM work_of_schema_4;

DROP TABLE work_of_schema_4;

-- Claimable items of each directory, in the order of claims. SQLite sees from the form of the condition that the index
-- alone answers what can be claimed.
CREATE INDEX work_claimable ON work (directory, rank, created_at, path)
    WHERE status = 1 AND (open_edges = 0 AND delayed = 0);
-- What time makes claimable: delayed items as they fall due, running ones as their leases end.
CREATE INDEX work_delayed ON work (scope, not_before, path)
    WHERE delayed = 1;
CREATE INDEX work_running ON work (scope, lease_deadline, path)
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

-- As before, with the names of statuses. The other views are made from this one.
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
    strftime('%Y-%m-%dT%H:%M:%S', p.created_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.created_at % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.modified_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.modified_at % 1000000) AS updated_at,
    CASE w.status WHEN 1 THEN 'ready' WHEN 2 THEN 'in_progress' WHEN 3 THEN 'completed'
                  WHEN 4 THEN 'blocked' WHEN 5 THEN 'pending' WHEN 6 THEN 'failed'
                  WHEN 7 THEN 'cancelled' END AS status,
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
