-- Schema 3. The same index, with a condition from which SQLite sees that the index alone answers what can be
-- claimed: of a chain of ANDs it looks at the last term, and at those before only where they are a single one.

DROP INDEX work_claimable;
CREATE INDEX work_claimable ON work (directory, rank, created_at, path)
    WHERE status = 'ready' AND (open_edges = 0 AND delayed = 0);
