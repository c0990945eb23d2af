-- Schema 2. One index instead of three holds what can be claimed, so that a claim and a completion change
-- fewer pages; and tokens of leases are reserved some at a time.

DROP INDEX work_claimable;
DROP INDEX work_claimable_in_scope;
DROP INDEX work_claimable_in_directory;

-- Claimable items of each directory, in the order of claims.
CREATE INDEX work_claimable ON work (directory, rank, created_at, path)
    WHERE status = 'ready' AND open_edges = 0 AND delayed = 0;

-- The directories that hold such items. No item of a directory that can be claimed comes before the two
-- numbers: a claim goes through directories in their order, and sets them anew where it looked in vain.
CREATE TABLE work_directories (
    directory     TEXT    PRIMARY KEY,
    scope         TEXT    NOT NULL,
    first_rank    INTEGER NOT NULL,
    first_created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX work_directories_in_order ON work_directories (first_rank, first_created);
CREATE INDEX work_directories_of_scope ON work_directories (scope, first_rank, first_created);

INSERT INTO work_directories
SELECT directory, scope, min(rank), min(created_at)
FROM work
WHERE status = 'ready' AND open_edges = 0 AND delayed = 0
GROUP BY directory;

-- `lease_sequence` is the newest token that is given out or reserved. The engine of this number gives out
-- those that it reserved last, and nobody else gives out any meanwhile.
ALTER TABLE store ADD COLUMN lease_holder INTEGER NOT NULL DEFAULT 0;
