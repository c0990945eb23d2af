//! Connections to the database, and how they wait for each other.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::config::Durability;
use rusqlite::config::DbConfig;
use rusqlite::{OpenFlags, ffi};

use crate::driver::statements::Connection;
use crate::driver::vfs;
use crate::error::{ErrorKind, Result};

/// How often a waiter yields before it sleeps between attempts.
const YIELDS: i32 = 20;
/// How long it sleeps then.
const PAUSE: Duration = Duration::from_micros(50);
/// SQLite's own retry limit on the short-held locks of the WAL-index, after which it returns SQLITE_PROTOCOL.
const LOOKING: Duration = Duration::from_secs(10);
/// The WAL keeps this much of its file when it starts over: overwriting is faster than growing.
pub(in super::super) const WAL_KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// A read statement checks its call for interrupts each time it has executed this many VM instructions: some
/// microseconds.
const STEPS: i32 = 1_000;

struct Waiter {
    call: Call,
    deadline: Option<Instant>,
    /// Whether an interrupt may end a statement, and not only a wait.
    interruptible: bool,
}

thread_local! {
    /// The current call of this thread, by which the busy handler decides whether to wait on. It is empty between
    /// calls. A host may also call while a thread ends, when thread-local values with destructors do not exist any
    /// more.
    static WAITER: ManuallyDrop<RefCell<Option<Waiter>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Runs `work`, and waits for other writers as `call` allows: up to its timeout, and until it is interrupted.
pub(in super::super) fn waiting_as<T>(call: &Call, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Waiter>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let waiter = self.0.take();
            WAITER.with(|current| current.replace(waiter));
        }
    }
    let waiter = Waiter {
        call: call.clone(),
        deadline: None,
        interruptible: false,
    };
    let _restore = Restore(WAITER.with(|current| current.replace(Some(waiter))));
    work()
}

/// Runs `work`, and waits for other writers up to `patience`.
pub(in super::super) fn waiting_for<T>(patience: Duration, work: impl FnOnce() -> T) -> T {
    waiting_as(&Interrupts::default().begin(patience), work)
}

/// Runs `work`, whose statements on a connection for reading fail when the current call of this thread is interrupted.
/// Not for statements that begin or end a transaction: it is unknown whether an interrupted one did.
pub(in super::super) fn interruptible<T>(work: impl FnOnce() -> T) -> T {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            set_interruptible(false);
        }
    }
    set_interruptible(true);
    let _restore = Restore;
    work()
}

fn set_interruptible(interruptible: bool) {
    WAITER.with(|waiter| {
        if let Some(waiter) = &mut *waiter.borrow_mut() {
            waiter.interruptible = interruptible;
        }
    });
}

fn is_interrupted() -> bool {
    WAITER.with(|waiter| {
        let waiter = waiter.borrow();
        let waiter = waiter.as_ref();
        waiter.is_some_and(|waiter| waiter.interruptible && waiter.call.is_cancelled())
    })
}

/// Returns whether to try again. SQLite's own handler sleeps ever longer, so that one of many waiters starves; this one
/// yields, then sleeps shortly.
fn keep_waiting(attempt: i32) -> bool {
    WAITER.with(|waiter| {
        let mut waiter = waiter.borrow_mut();
        let Some(waiter) = &mut *waiter else {
            return false;
        };
        if attempt == 0 {
            waiter.deadline = waiter.call.busy_deadline();
        }
        let expired = waiter
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        if expired || waiter.call.is_cancelled() {
            return false;
        }
        if attempt < YIELDS {
            thread::yield_now();
        } else {
            thread::sleep(PAUSE);
        }
        true
    })
}

/// Runs `statement`, which begins a transaction, again until the current call of this thread times out. If a process is
/// suspended, or not scheduled, while it has a lock of the WAL-index, no other process can begin a transaction. SQLite
/// calls no busy handler for that, but has a retry limit of its own.
pub(in super::super) fn beginning<T>(mut statement: impl FnMut() -> Result<T>) -> Result<T> {
    let mut looked = Duration::ZERO;
    loop {
        let result = statement();
        let gave_up =
            matches!(&result, Err(error) if error.sqlite_code() == Some(ffi::SQLITE_PROTOCOL));
        looked += LOOKING;
        if !gave_up || !has_patience_after(looked) {
            return result;
        }
    }
}

/// Runs `read`, which opens what it reads, once more if that seems damaged: only two reads that find damage count.
pub(in super::super) fn confirming<T>(mut read: impl FnMut() -> Result<T>) -> Result<T> {
    match read() {
        Err(error) if error.kind() == ErrorKind::Corrupt => read(),
        result => result,
    }
}

fn has_patience_after(waited: Duration) -> bool {
    WAITER.with(|waiter| {
        let waiter = waiter.borrow();
        let waiter = waiter.as_ref();
        waiter.is_some_and(|waiter| {
            waited < waiter.call.busy_timeout() && !waiter.call.is_cancelled()
        })
    })
}

/// Begins a transaction that writes.
pub(in super::super) fn begin_writing(connection: &Connection) -> Result<()> {
    beginning(|| {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    })
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Role {
    /// Creates the database if it is missing.
    Creator,
    Writer,
    Reader,
}

/// Opens a connection whose page cache holds at most `cache_kib` KiB.
pub(in super::super) fn open(path: &Path, role: Role, cache_kib: u32) -> Result<Connection> {
    // The pragmas read the schema.
    beginning(|| open_once(path, role, cache_kib))
}

fn open_once(path: &Path, role: Role, cache_kib: u32) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if role == Role::Creator {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let file_system = vfs::file_system()?;
    let opened = rusqlite::Connection::open_with_flags_and_vfs(path, flags, file_system)?;
    let mut connection = Connection::from(opened);
    connection.busy_handler(Some(keep_waiting))?;
    // Without it every cached statement with a join is prepared again at each run: the statement
    // cache clears bindings, and the planner's statistics make it look at them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A misspelt column is an error, never a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES as i64)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if role == Role::Reader {
        connection.pragma_update(None, "query_only", true)?;
        // Not the writer: its statements belong to several calls.
        connection.progress_handler(STEPS, Some(is_interrupted))?;
    }
    Ok(connection)
}

/// Has the commits of `connection` synced from now on, or not. Outside of a transaction.
pub(in super::super) fn set_synchronous(
    connection: &Connection,
    durability: Durability,
) -> Result<()> {
    if connection.synchronous.get() == Some(durability) {
        return Ok(());
    }
    // If it fails, it may have been set all the same.
    connection.synchronous.set(None);
    let setting = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", setting)?;
    connection.synchronous.set(Some(durability));
    Ok(())
}

/// Rolls back whatever transaction is open.
pub(in super::super) fn abandon(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ErrorCode;

    /// Ends, so that a statement that goes on is a failure and not a hang.
    const LONG: &str =
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
                        SELECT count(*) FROM n";

    fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row(LONG, [], |row| row.get(0))
    }

    /// These tests pass whatever options SQLite was compiled with: scripts/check-options runs them without any.
    mod options {
        use super::*;
        use crate::wal::commit::commit;

        #[test]
        fn a_misspelt_column_is_no_string() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("test.db");
            for role in [Role::Creator, Role::Writer, Role::Reader] {
                let connection = open(&path, role, 64).unwrap();
                for sql in [
                    r#"SELECT "misspelt""#,
                    r#"CREATE TABLE t (a CHECK (a <> "misspelt"))"#,
                ] {
                    let error = connection.execute_batch(sql).unwrap_err().to_string();
                    assert!(
                        error.contains("no such column: \"misspelt\""),
                        "{role:?}: {error}"
                    );
                }
            }
        }

        #[test]
        fn no_memory_statistics_are_kept() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("test.db");
            let _connection = open(&path, Role::Creator, 64).unwrap();
            // SAFETY: it reads a number.
            #[allow(unsafe_code)]
            let used = unsafe { ffi::sqlite3_memory_used() };
            assert_eq!(used, 0);
        }

        /// scripts/check-options reads in a trace of system calls how the WAL is synced.
        #[test]
        fn a_commit_syncs_the_wal() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("test.db");
            let connection = open(&path, Role::Creator, 64).unwrap();
            connection
                .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
                .unwrap();
            set_synchronous(&connection, Durability::Full).unwrap();
            for _ in 0..10 {
                begin_writing(&connection).unwrap();
                connection
                    .execute_batch("INSERT INTO t VALUES (1)")
                    .unwrap();
                commit(&connection).unwrap();
            }
        }
    }

    #[test]
    fn a_statement_that_reads_is_broken_off_only_where_it_may_be() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        drop(open(&path, Role::Creator, 64).unwrap());
        let reader = open(&path, Role::Reader, 64).unwrap();
        let interrupts = Interrupts::default();
        let call = interrupts.begin(Duration::ZERO);
        interrupts.interrupt();
        waiting_as(&call, || {
            let error = interruptible(|| count(&reader)).unwrap_err();
            assert_eq!(
                error.sqlite_error_code(),
                Some(ErrorCode::OperationInterrupted)
            );
            assert_eq!(
                count(&reader),
                Ok(1_000_000),
                "broken off outside of interruptible"
            );
        });
        let later = interrupts.begin(Duration::ZERO);
        waiting_as(&later, || {
            let counted = interruptible(|| count(&reader));
            assert_eq!(counted, Ok(1_000_000), "broken off without an interrupt");
        });
    }
}
