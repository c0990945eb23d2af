//! The file of the write-ahead log, which a commit writes in one piece.
//!
//! SQLite writes two pieces for each page that a transaction changed, of 24 bytes and of a page. A system call for
//! each was a quarter of what a small change costs. During a commit they are collected here ([`appended`]), and go out
//! together before SQLite learns that the last one is written: so before it syncs, and before any other connection
//! can look for them. SQLite's own functions do all else.
//!
//! <https://sqlite.org/vfs.html> says what a virtual file system is and how one stands before another.
#![allow(unsafe_code)]

mod appended;
mod data_sync;

use std::cell::Cell;
use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};

use self::appended::{Appended, Failure};
use self::data_sync::{DataSync, Synced};
use super::statements::Connection;
use crate::error::{Error, Result};

const NAME: &CStr = c"nexus";

/// SQLite's file system for Unix.
struct Original(*mut sqlite3_vfs);

// SAFETY: SQLite never changes nor frees it, and its functions may be called by any thread.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

static ORIGINAL: OnceLock<Option<Original>> = OnceLock::new();

/// Returns the name of the file system to open databases with.
pub(super) fn file_system() -> Result<&'static CStr> {
    match ORIGINAL.get_or_init(register) {
        Some(_) => Ok(NAME),
        None => Err(Error::internal("SQLite has no file system")),
    }
}

fn register() -> Option<Original> {
    // Memory statistics take one global lock for each allocation. A host that has used the same SQLite before keeps them.
    // SAFETY: it takes an integer behind the option, and changes nothing once SQLite is in use.
    unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0 as c_int);
    }
    // SAFETY: SQLite gives a null pointer, or one to what is never freed. What it is given lives for ever, too. Of the
    // copied functions none but `xOpen` looks at which file system it was called for.
    unsafe {
        let original = ffi::sqlite3_vfs_find(c"unix".as_ptr());
        let mut own = original.as_ref().copied()?;
        own.pNext = ptr::null_mut();
        own.zName = NAME.as_ptr();
        own.szOsFile += size_of::<LogFile>() as c_int;
        own.xOpen = Some(open);
        let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(own)), 0);
        (registered == ffi::SQLITE_OK).then_some(Original(original))
    }
}

thread_local! {
    /// The number of the commit that this thread is carrying out; 0 for none.
    static COMMIT: Cell<u64> = const { Cell::new(0) };
}

/// Runs `statement`, which commits a transaction. If it fails, the transaction has to be rolled back: what was held of it is
/// dropped.
pub(super) fn committing<T>(statement: impl FnOnce() -> T) -> T {
    static LAST: AtomicU64 = AtomicU64::new(0);
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            COMMIT.set(0);
        }
    }
    debug_assert_eq!(COMMIT.get(), 0, "a commit within another");
    COMMIT.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
    let _end = End;
    statement()
}

/// Makes durable what stands in the log of `connection`, which is in a write transaction.
pub(super) fn sync(connection: &Connection) -> Result<()> {
    let code = with_log(connection, |log| {
        // SAFETY: it is an open log, which nobody else uses meanwhile.
        unsafe { sync_file(ptr::from_mut(log).cast(), ffi::SQLITE_SYNC_NORMAL) }
    })?;
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()),
    }
}

/// Returns whether all frames of the newest commit of `connection` are in its log, and so may be found by a recovery.
pub(super) fn has_whole_commit(connection: &Connection) -> Result<bool> {
    with_log(connection, |log| log.appended.is_whole())
}

/// Returns how many pieces the log of `connection` was given so far.
pub(super) fn writes(connection: &Connection) -> Result<u64> {
    with_log(connection, |log| log.writes)
}

/// Returns the open file that `which` asks for, an operation of `sqlite3_file_control` for that; null if there is none.
/// SQLite has it open as long as `connection` is.
pub(super) fn file_of(connection: &Connection, which: c_int) -> *mut sqlite3_file {
    let mut file: *mut sqlite3_file = ptr::null_mut();
    // SAFETY: SQLite sets the pointer, or leaves it alone.
    unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            which,
            (&raw mut file).cast(),
        );
    }
    file
}

fn with_log<T>(connection: &Connection, look: impl FnOnce(&mut LogFile) -> T) -> Result<T> {
    let file = file_of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER);
    // SAFETY: the file, if there is one, is open as long as the connection is, and nobody else uses it meanwhile. It is a
    // log that `open` made, if it has the methods of one.
    unsafe {
        match file.as_ref() {
            Some(opened) if ptr::eq(opened.pMethods, &METHODS) => Ok(look(&mut *file.cast())),
            _ => Err(Error::internal("the database has no log that is open")),
        }
    }
}

/// An open log; the original file follows it in memory.
#[repr(C)]
struct LogFile {
    base: sqlite3_file,
    appended: Appended,
    data: DataSync,
    /// Number of pieces that were written.
    writes: u64,
}

// SQLite aligns the room for a file to eight bytes.
const _: () = assert!(align_of::<LogFile>() <= 8 && size_of::<LogFile>().is_multiple_of(8));

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync_file),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Opens a log as a [`LogFile`], and every other file as the original one.
unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some(Some(Original(original))) = ORIGINAL.get() else {
        return ffi::SQLITE_CANTOPEN;
    };
    // SAFETY: SQLite passes room for `szOsFile` bytes, which is for both files, and calls the methods only of a file
    // that has some.
    unsafe {
        let Some(open) = (**original).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        if flags & ffi::SQLITE_OPEN_WAL == 0 || name.is_null() {
            return open(*original, name, file, flags, out_flags);
        }
        let log = file.cast::<LogFile>();
        let code = open(*original, name, original_of(log), flags, out_flags);
        let opened = !(*original_of(log)).pMethods.is_null();
        log.write(LogFile {
            base: sqlite3_file {
                pMethods: if opened { &METHODS } else { ptr::null() },
            },
            appended: Appended::default(),
            data: DataSync::of(Path::new(OsStr::from_bytes(
                CStr::from_ptr(name).to_bytes(),
            ))),
            writes: 0,
        });
        code
    }
}

/// Returns where the original file stands.
///
/// # Safety
/// `log` points to what [`open`] made.
unsafe fn original_of(log: *mut LogFile) -> *mut sqlite3_file {
    // SAFETY: the room that SQLite gave goes on behind the log.
    unsafe { log.add(1).cast() }
}

/// Calls a method of the original file, for one that [`open`] made.
macro_rules! call_original {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        let original = original_of($file.cast());
        match (*original).pMethods.as_ref().and_then(|methods| methods.$method) {
            Some(method) => method(original $(, $argument)*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

/// Makes a method that does what the original file's does.
macro_rules! as_original {
    ($name:ident, $method:ident $(, $argument:ident: $of:ty)*) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $of)*) -> c_int {
            // SAFETY: SQLite calls it for a file that `open` made, and passes what the original expects.
            unsafe { call_original!(file, $method $(, $argument)*) }
        }
    };
}

/// Makes a method that does so once all that is held is written.
macro_rules! as_original_of_all {
    ($name:ident, $method:ident $(, $argument:ident: $of:ty)+) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $of)+) -> c_int {
            // SAFETY: as in `as_original`.
            unsafe {
                match write_held(file) {
                    ffi::SQLITE_OK => call_original!(file, $method $(, $argument)+),
                    code => code,
                }
            }
        }
    };
}

as_original_of_all!(read, xRead, into: *mut c_void, length: c_int, offset: i64);
as_original_of_all!(truncate, xTruncate, size: i64);
as_original_of_all!(sync_original, xSync, flags: c_int);
as_original_of_all!(file_size, xFileSize, size: *mut i64);
as_original!(lock, xLock, level: c_int);
as_original!(unlock, xUnlock, level: c_int);
as_original!(check_reserved_lock, xCheckReservedLock, is_reserved: *mut c_int);
as_original!(file_control, xFileControl, operation: c_int, argument: *mut c_void);
as_original!(sector_size, xSectorSize);
as_original!(device_characteristics, xDeviceCharacteristics);

unsafe extern "C" fn sync_file(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as in `as_original`; nothing else refers to `data` meanwhile.
    unsafe {
        match write_held(file) {
            ffi::SQLITE_OK => {}
            code => return code,
        }
        let synced = (*file.cast::<LogFile>()).data.sync();
        if synced == Synced::Done {
            return ffi::SQLITE_OK;
        }
        match sync_original(file, flags) {
            // The kernel reports a failure once for each descriptor.
            ffi::SQLITE_OK if synced == Synced::Failed => ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_OK => {
                (*file.cast::<LogFile>()).data.note_name();
                ffi::SQLITE_OK
            }
            code => code,
        }
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite calls it for a file that `open` made, with `length` bytes; nothing else refers to `appended`
    // meanwhile.
    unsafe {
        let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize);
        let appended = &mut (*file.cast::<LogFile>()).appended;
        code_of(
            appended.write(COMMIT.get(), offset, bytes, |offset, bytes| {
                write_original(file, offset, bytes)
            }),
        )
    }
}

/// # Safety
/// `file` points to what [`open`] made.
unsafe fn write_held(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the caller's; nothing else refers to `appended` meanwhile.
    unsafe {
        let appended = &mut (*file.cast::<LogFile>()).appended;
        code_of(appended.write_held(COMMIT.get(), |offset, bytes| {
            write_original(file, offset, bytes)
        }))
    }
}

/// # Safety
/// `file` points to what [`open`] made.
unsafe fn write_original(file: *mut sqlite3_file, offset: i64, bytes: &[u8]) -> c_int {
    let (start, length) = (bytes.as_ptr().cast(), bytes.len() as c_int);
    // SAFETY: the caller's, and `length` bytes are at `start`; nothing else refers to `writes` meanwhile.
    unsafe {
        let code = call_original!(file, xWrite, start, length, offset);
        (*file.cast::<LogFile>()).writes += u64::from(code == ffi::SQLITE_OK);
        code
    }
}

fn code_of(result: std::result::Result<(), Failure>) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failure::Code(code)) => code,
        Err(Failure::NoMemory) => ffi::SQLITE_IOERR_NOMEM,
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite calls it once for a file that `open` made, and nothing else of it after.
    unsafe {
        ptr::drop_in_place(&raw mut (*file.cast::<LogFile>()).appended);
        ptr::drop_in_place(&raw mut (*file.cast::<LogFile>()).data);
        call_original!(file, xClose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Connection, OpenFlags};
    use std::fs;
    use std::path::Path;

    fn open_log(path: &Path) -> Connection {
        let flags = OpenFlags::default();
        let connection = Connection::open_with_flags_and_vfs(path, flags, file_system().unwrap());
        let connection = connection.unwrap();
        // Few pages, so that large transactions are written in parts, and pages of one again.
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;
                 PRAGMA cache_size = 10; PRAGMA temp_store = MEMORY;
                 CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT)",
            )
            .unwrap();
        connection
    }

    /// What SQLite's own file system finds in a copy of the files, of which only the checksums of the log say which
    /// transactions it holds.
    fn recovered(path: &Path) -> Vec<(i64, String)> {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("copy.db");
        for suffix in ["", "-wal"] {
            let with = |path: &Path| format!("{}{suffix}", path.display());
            fs::copy(with(path), with(&copy)).unwrap();
        }
        rows(&Connection::open(&copy).unwrap())
    }

    fn rows(connection: &Connection) -> Vec<(i64, String)> {
        let mut statement = connection.prepare("SELECT * FROM t ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(|row| row.unwrap()).collect()
    }

    fn commit(connection: &Connection) {
        committing(|| connection.execute_batch("COMMIT")).unwrap();
    }

    /// Changes `some` rows, of which a part is taken back.
    fn change(connection: &Connection, round: i64, some: i64) {
        for step in 0..some {
            let id = (round * 7 + step * 13) % 500;
            connection
                .execute(
                    "INSERT OR REPLACE INTO t VALUES (?1, printf('%.*c', 900 + ?2, 'x'))",
                    (id, round),
                )
                .unwrap();
            if step % 150 == 149 {
                let end = ["ROLLBACK TO s", "RELEASE s"][round as usize % 2];
                connection
                    .execute_batch(&format!(
                        "SAVEPOINT s; UPDATE t SET text = text || 'gone'; {end}"
                    ))
                    .unwrap();
            }
        }
    }

    #[test]
    fn each_commit_is_in_the_file_when_it_returns_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log.db");
        let writers = [open_log(&path), open_log(&path)];
        // One that writes a large transaction by its commit alone, in several pieces.
        writers[1].pragma_update(None, "cache_size", 2000).unwrap();
        let reader = Connection::open(&path).unwrap();
        let mut expected = Vec::new();
        for round in 0..60 {
            let writer = &writers[round / 2 % 2];
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            change(writer, round as i64, [1, 3, 400][round % 3]);
            if round % 5 == 4 {
                writer.execute_batch("ROLLBACK").unwrap();
            } else {
                expected = rows(writer);
                commit(writer);
            }
            assert_eq!(rows(&reader), expected, "round {round}");
            assert_eq!(recovered(&path), expected, "round {round}, recovered");
            for writer in &writers {
                assert_eq!(rows(writer), expected, "round {round}, to a writer");
            }
            if round % 11 == 10 {
                writer
                    .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
                    .unwrap();
            }
        }
    }

    #[test]
    fn what_is_rolled_back_never_stands_in_the_way_of_another_commit() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log.db");
        let (one, other) = (open_log(&path), open_log(&path));
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(&one, 0, 400);
        one.execute_batch("ROLLBACK").unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(&other, 1, 100);
        commit(&other);
        let expected = rows(&other);
        assert_eq!(rows(&one), expected);
        drop(one);
        assert_eq!(rows(&other), expected);
        assert_eq!(recovered(&path), expected);
    }

    #[test]
    fn a_commit_makes_one_call() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log.db");
        let writer = open_log(&path);
        let calls = || {
            let io = fs::read_to_string("/proc/thread-self/io").unwrap();
            let line = io.lines().find(|line| line.starts_with("syscw")).unwrap();
            line["syscw: ".len()..].parse::<u64>().unwrap()
        };
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(&writer, 0, 20);
        let before = calls();
        commit(&writer);
        assert_eq!(calls() - before, 1);
    }
}
