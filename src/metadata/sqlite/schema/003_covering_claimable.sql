-- Schema 3. The same index, with a condition from which SQLite sees that the index alone answers what can be
-- claimed: of a chain of ANDs it looks at two terms only, unless parentheses say otherwise.

DROP INDEX work_claimable;
CREATE INDEX work_claimable ON work (directory, rank, created_at, path)
    WHERE status = 'ready' AND (open_edges = 0 AND delayed = 0);
