-- Schema 7. Contents are removed outside of the write lock, between two transactions.

-- Contents that no path holds any more. While `begun_at` is set, their bytes may be removed at any moment, and nobody may
-- name them; what a process that died left so is taken up by the next removal.
CREATE TABLE pending_deletions (
    backend_id INTEGER NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    begun_at   INTEGER, -- boot_number * 2^48 + CLOCK_BOOTTIME, microseconds
    PRIMARY KEY (backend_id, hash)
) STRICT, WITHOUT ROWID;

INSERT INTO pending_deletions (backend_id, hash)
SELECT backend_id, hash FROM doomed
WHERE typeof(backend_id) = 'integer' AND typeof(hash) = 'blob' AND length(hash) = 32;

DROP TABLE doomed;

-- Contents that must not be removed until then, whoever holds them: they are put into a backend that takes contents before the
-- commit that names them.
CREATE TABLE reservations (
    backend_id INTEGER NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    id         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- as `begun_at`
    PRIMARY KEY (backend_id, hash, id)
) STRICT, WITHOUT ROWID;
