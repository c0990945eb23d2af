//! A VFS shim between SQLite and the files of a database.
//!
//! **The WAL.** SQLite writes two pieces for each page that a transaction changed, of 24 bytes and of a page. A system
//! call for each took a quarter of the time of a small change. During a commit they are collected here ([`appended`]),
//! and written together before SQLite's write of the last one returns: so before it syncs, and before any other
//! connection can read them.
//!
//! **A full disk.** A commit requires that the [`database`] file has blocks for its pages, so that a checkpoint is
//! always possible. If there is no room, opens and deletions get the store's [`Reserve`] ([`freeing`]). A sync that
//! finds no room is reported as [`UNSYNCED`] for the WAL ([`mod@rewrite`] says what follows), and as a full disk for
//! the [`database`].
//!
//! SQLite's own functions do everything else. <https://sqlite.org/vfs.html> describes virtual file systems (VFS) and
//! shims.
#![allow(unsafe_code)]

mod appended;
mod data_sync;
mod database;
mod read_marks;
mod rewrite;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ffi::{CStr, OsStr, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};

use self::appended::{Appended, Failure};
use self::data_sync::{DataSync, Synced};
use self::database::DatabaseFile;
pub(in super::super) use self::rewrite::rewrite;
use super::open_file::file_of;
use super::reserve::{Reserve, STEP};
use super::statements::Connection;
use crate::error::{Error, Result};

const NAME: &CStr = c"nexus";
/// Suffix of the WAL's name after that of its database.
const LOG_SUFFIX: &[u8] = b"-wal";

/// SQLite's result code if a sync of the WAL found no room: for the caller of a statement, a full disk.
pub(in super::super) const UNSYNCED: c_int = ffi::SQLITE_FULL | (77 << 8);

/// SQLite's file system for Unix.
struct Original(*mut sqlite3_vfs);

// SAFETY: SQLite never changes nor frees it, and its functions may be called by any thread.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

static ORIGINAL: OnceLock<Option<Original>> = OnceLock::new();

/// Returns the name of the file system to open databases with.
pub(in super::super) fn file_system() -> Result<&'static CStr> {
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
    /// The number of the current commit of this thread; 0 for none.
    static COMMIT: Cell<u64> = const { Cell::new(0) };
    /// The file of the database that it changes.
    static DATABASE: Cell<*mut sqlite3_file> = const { Cell::new(ptr::null_mut()) };
}

/// Runs `statement`, which commits a transaction of `connection`. If it fails, the transaction must be rolled back, and
/// its collected frames are dropped.
pub(in super::super) fn committing<T>(
    connection: &rusqlite::Connection,
    statement: impl FnOnce() -> T,
) -> T {
    static LAST: AtomicU64 = AtomicU64::new(0);
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            COMMIT.set(0);
            DATABASE.set(ptr::null_mut());
        }
    }
    debug_assert_eq!(COMMIT.get(), 0, "a commit within another");
    DATABASE.set(file_of(connection, ffi::SQLITE_FCNTL_FILE_POINTER));
    COMMIT.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
    let _end = End;
    statement()
}

thread_local! {
    static FREEING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which opens a database or frees room in it, and may use up the reserve for that.
pub(in super::super) fn freeing<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            FREEING.set(self.0);
        }
    }
    let _restore = Restore(FREEING.replace(true));
    work()
}

/// Makes `attempt`, which needs `bytes` of room, until it finds them or the reserve has no more to give.
fn with_reserve(reserve: &Reserve, bytes: u64, mut attempt: impl FnMut() -> c_int) -> c_int {
    // Blocks need not be those of the steps; and where none of this helps, most of the reserve stays.
    let mut steps = bytes.div_ceil(STEP) + 1;
    loop {
        let code = attempt();
        let is_full = match code {
            ffi::SQLITE_FULL => true,
            ffi::SQLITE_IOERR_SHMSIZE => is_no_room(io::Error::last_os_error().raw_os_error()),
            _ => false,
        };
        if !is_full || steps == 0 || !reserve.give_up() {
            return code;
        }
        steps -= 1;
    }
}

fn is_no_room(errno: Option<i32>) -> bool {
    matches!(errno, Some(libc::ENOSPC | libc::EDQUOT))
}

/// Syncs the WAL of `connection`, which is in a write transaction.
pub(in super::super) fn sync(connection: &Connection) -> Result<()> {
    let code = with_log(connection, |log| {
        // SAFETY: it is an open log, which nobody else uses meanwhile.
        unsafe { sync_file(ptr::from_mut(log).cast(), ffi::SQLITE_SYNC_NORMAL) }
    })?;
    checked(code)
}

/// Truncates the WAL of `connection`, which is in a write transaction, after its last write. The rest is not needed.
pub(in super::super) fn cut_tail(connection: &Connection) -> Result<()> {
    let code = with_log(connection, |log| {
        let end = log.end;
        // SAFETY: as above.
        unsafe { truncate(ptr::from_mut(log).cast(), end) }
    })?;
    checked(code)
}

fn checked(code: c_int) -> Result<()> {
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()),
    }
}

/// Gives up a step of the reserve of `connection`. Returns whether there was one.
pub(in super::super) fn give_up_reserve(connection: &Connection) -> Result<bool> {
    with_log(connection, |log| log.reserve.give_up())
}

/// Returns whether all frames of the newest commit of `connection` are in its WAL, so that WAL recovery may find them.
pub(in super::super) fn has_whole_commit(connection: &Connection) -> Result<bool> {
    with_log(connection, |log| log.appended.is_whole())
}

/// Returns the number of pieces written to the WAL of `connection` so far.
pub(in super::super) fn writes(connection: &Connection) -> Result<u64> {
    with_log(connection, |log| log.writes)
}

/// Makes sure that the database of `connection`, which has read something before and is in no transaction, has blocks for so many
/// pages. Returns whether it has; not while a checkpoint is made, or on a full disk.
pub(in super::super) fn have_pages_ahead(connection: &Connection, pages: u32) -> bool {
    let file = file_of(connection, ffi::SQLITE_FCNTL_FILE_POINTER);
    // SAFETY: the file is open as long as the connection, which only one thread uses at a time.
    unsafe { database::have_pages_ahead(file, pages) }
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

/// An open WAL; the original file follows it in memory.
#[repr(C)]
struct LogFile {
    base: sqlite3_file,
    reserve: Reserve,
    appended: Appended,
    data: DataSync,
    /// Number of pieces that were written.
    writes: u64,
    /// Where the newest one ends.
    end: i64,
}

// SQLite aligns the room for a file to eight bytes.
const _: () = assert!(align_of::<LogFile>() <= 8 && size_of::<LogFile>().is_multiple_of(8));
const _: () = assert!(size_of::<DatabaseFile>() <= size_of::<LogFile>());

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

/// Opens a WAL as a [`LogFile`], a database as a [`DatabaseFile`], and every other file as the original one.
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
        let is_log = flags & ffi::SQLITE_OPEN_WAL != 0;
        if name.is_null() || !is_log && flags & ffi::SQLITE_OPEN_MAIN_DB == 0 {
            return open(*original, name, file, flags, out_flags);
        }
        let behind = match is_log {
            true => original_of(file.cast::<LogFile>()),
            false => original_of(file.cast::<DatabaseFile>()),
        };
        let code = open(*original, name, behind, flags, out_flags);
        // SQLite closes only what has methods.
        (*file).pMethods = ptr::null();
        if !(*behind).pMethods.is_null() {
            let path = CStr::from_ptr(name).to_bytes();
            let database = path.strip_suffix(LOG_SUFFIX).filter(|_| is_log);
            let reserve = Reserve::of(Path::new(OsStr::from_bytes(database.unwrap_or(path))));
            let path = Path::new(OsStr::from_bytes(path));
            match is_log {
                true => file.cast::<LogFile>().write(LogFile::new(path, reserve)),
                false => file
                    .cast::<DatabaseFile>()
                    .write(DatabaseFile::new(reserve)),
            }
        }
        code
    }
}

impl LogFile {
    /// Returns the WAL at `path`, which is open.
    fn new(path: &Path, reserve: Reserve) -> Self {
        LogFile {
            base: sqlite3_file { pMethods: &METHODS },
            reserve,
            appended: Appended::default(),
            data: DataSync::of(path),
            writes: 0,
            end: 0,
        }
    }
}

/// Returns the address of the original file.
///
/// # Safety
/// `file` points to what [`open`] made.
unsafe fn original_of<F>(file: *mut F) -> *mut sqlite3_file {
    // SAFETY: the room that SQLite gave goes on behind the file.
    unsafe { file.add(1).cast() }
}

/// Calls a method of the original file, for a file of the kind given that [`open`] made.
macro_rules! call_original {
    ($kind:ty, $file:ident, $method:ident $(, $argument:expr)*) => {{
        let original = original_of($file.cast::<$kind>());
        match (*original).pMethods.as_ref().and_then(|methods| methods.$method) {
            Some(method) => method(original $(, $argument)*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

/// Makes a method that does what the original file's does.
macro_rules! as_original {
    ($kind:ty, $name:ident, $method:ident $(, $argument:ident: $of:ty)*) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $of)*) -> c_int {
            // SAFETY: SQLite calls it for a file that `open` made, and passes what the original expects.
            unsafe { call_original!($kind, file, $method $(, $argument)*) }
        }
    };
}
use {as_original, call_original};

/// Returns the number of the error that the file's newest failed call met.
///
/// # Safety
/// `original` is an open file of SQLite's own file system.
unsafe fn errno_of(original: *mut sqlite3_file) -> Option<i32> {
    let mut errno: c_int = 0;
    // SAFETY: the caller's; SQLite sets the number.
    unsafe {
        let control = (*original).pMethods.as_ref()?.xFileControl?;
        let asked = control(
            original,
            ffi::SQLITE_FCNTL_LAST_ERRNO,
            (&raw mut errno).cast(),
        );
        (asked == ffi::SQLITE_OK).then_some(errno)
    }
}

/// Returns `code`, or what SQLite's own file system should have made of the failure: it takes a read error for damage, and
/// a quota that is used up for an error of the device.
///
/// # Safety
/// `original` is an open file of SQLite's own file system.
unsafe fn corrected(code: c_int, original: *mut sqlite3_file) -> c_int {
    match code {
        ffi::SQLITE_IOERR_CORRUPTFS => ffi::SQLITE_IOERR_READ,
        // SAFETY: the caller's.
        ffi::SQLITE_IOERR_WRITE if is_no_room(unsafe { errno_of(original) }) => ffi::SQLITE_FULL,
        code => code,
    }
}

/// Makes a method that first writes the collected frames.
macro_rules! as_original_of_all {
    ($name:ident, $method:ident $(, $argument:ident: $of:ty)+) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $of)+) -> c_int {
            // SAFETY: as in `as_original`.
            unsafe {
                match write_held(file) {
                    ffi::SQLITE_OK => call_original!(LogFile, file, $method $(, $argument)+),
                    code => code,
                }
            }
        }
    };
}

as_original_of_all!(read_original, xRead, into: *mut c_void, length: c_int, offset: i64);
as_original_of_all!(truncate, xTruncate, size: i64);
as_original_of_all!(sync_original, xSync, flags: c_int);
as_original_of_all!(file_size, xFileSize, size: *mut i64);
as_original!(LogFile, lock, xLock, level: c_int);
as_original!(LogFile, unlock, xUnlock, level: c_int);
as_original!(LogFile, check_reserved_lock, xCheckReservedLock, is_reserved: *mut c_int);
as_original!(LogFile, file_control, xFileControl, operation: c_int, argument: *mut c_void);
as_original!(LogFile, sector_size, xSectorSize);
as_original!(LogFile, device_characteristics, xDeviceCharacteristics);

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: as in `as_original`.
    unsafe {
        let code = read_original(file, into, length, offset);
        corrected(code, original_of(file.cast::<LogFile>()))
    }
}

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
        let code = match sync_original(file, flags) {
            ffi::SQLITE_IOERR_FSYNC
                if is_no_room(errno_of(original_of(file.cast::<LogFile>()))) =>
            {
                UNSYNCED
            }
            code => code,
        };
        match (synced, code) {
            // The kernel reports a failure once for each descriptor.
            (Synced::Failed(errno), ffi::SQLITE_OK | UNSYNCED) => match is_no_room(errno) {
                true => UNSYNCED,
                false => ffi::SQLITE_IOERR_FSYNC,
            },
            (Synced::NotDone, ffi::SQLITE_OK) => {
                (*file.cast::<LogFile>()).data.note_name();
                ffi::SQLITE_OK
            }
            (_, code) => code,
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
        if let Some(pages) = appended.pages_after(COMMIT.get(), offset, bytes) {
            let code = database::have_pages(DATABASE.get(), pages);
            if code != ffi::SQLITE_OK {
                appended.fail(COMMIT.get());
                return code;
            }
        }
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
        let attempt = || {
            let code = call_original!(LogFile, file, xWrite, start, length, offset);
            corrected(code, original_of(file.cast::<LogFile>()))
        };
        let code = match FREEING.get() {
            true => with_reserve(
                &(*file.cast::<LogFile>()).reserve,
                bytes.len() as u64,
                attempt,
            ),
            false => attempt(),
        };
        if code == ffi::SQLITE_OK {
            (*file.cast::<LogFile>()).writes += 1;
            (*file.cast::<LogFile>()).end = offset + i64::from(length);
        }
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
        let code = call_original!(LogFile, file, xClose);
        ptr::drop_in_place(file.cast::<LogFile>());
        code
    }
}
