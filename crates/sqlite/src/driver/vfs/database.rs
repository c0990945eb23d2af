//! The file of the database.
//!
//! A checkpoint writes pages here that the WAL holds. On a full disk it could not, if the file had to grow. Then the
//! WAL could not start over, and would grow with every deletion. So the file has blocks for a page before the page is
//! committed.

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods};

use super::super::reserve::Reserve;
use super::read_marks::ReadMarks;
use super::{
    COMMIT, FREEING, as_original, call_original, corrected, errno_of, is_no_room, original_of,
    with_reserve,
};

/// An open database; the original file follows it in memory.
#[repr(C)]
pub(super) struct DatabaseFile {
    base: sqlite3_file,
    reserve: Reserve,
    /// Bytes that are known to have blocks.
    blocks: i64,
    /// The first region of the WAL-index, where it stays while it is mapped; null before. Processes share its numbers.
    index: *const AtomicU32,
    marks: ReadMarks,
}

impl DatabaseFile {
    pub fn new(reserve: Reserve) -> Self {
        DatabaseFile {
            base: sqlite3_file { pMethods: &METHODS },
            reserve,
            blocks: 0,
            index: ptr::null(),
            marks: ReadMarks::default(),
        }
    }
}

/// The file grows by so many bytes at once. SQLite keeps a file that is longer than the database.
const CHUNK: i64 = 64 * 1024;
static ZEROS: [u8; CHUNK as usize] = [0; CHUNK as usize];
const PAGE_BYTES: i64 = 4096;
/// The lock of the WAL-index that a checkpoint takes.
const CHECKPOINT_LOCK: c_int = 1;

/// Makes sure that the database `file`, or null, has blocks for so many pages, in a commit. Returns a result code.
///
/// Zeros are written behind the end of the file. A checkpoint must not write there meanwhile: it writes pages that were committed, so
/// there it does not, unless the file is too short for those, as an earlier version left it.
///
/// # Safety
/// `file` is open and in a write transaction, and nobody else uses it meanwhile.
pub(super) unsafe fn have_pages(file: *mut sqlite3_file, pages: u32) -> c_int {
    let bytes = i64::from(pages) * PAGE_BYTES;
    // SAFETY: the caller's; what has the methods of a database was made by `open`.
    unsafe {
        if !is_database(file) || bytes <= (*file.cast::<DatabaseFile>()).blocks {
            return ffi::SQLITE_OK;
        }
        let (mut size, index) = (0, (*file.cast::<DatabaseFile>()).index);
        let is_sized = file_size(file, &raw mut size) == ffi::SQLITE_OK;
        if !is_sized || index.is_null() {
            return ffi::SQLITE_OK;
        }
        let committed = (*index.byte_add(COMMITTED_PAGES)).load(Ordering::Acquire);
        if i64::from(committed) * PAGE_BYTES <= size {
            return grow(file, size, bytes);
        }
        // During a checkpoint this fails; the next commit tries again.
        between_checkpoints(file, |size| grow(file, size, bytes)).unwrap_or(ffi::SQLITE_OK)
    }
}

/// Makes sure that the database `file`, or null, has blocks for so many pages, for commits to come. Returns whether it has.
///
/// # Safety
/// `file` is open, and nobody else uses it meanwhile.
pub(super) unsafe fn have_pages_ahead(file: *mut sqlite3_file, pages: u32) -> bool {
    let bytes = i64::from(pages) * PAGE_BYTES;
    // SAFETY: the caller's; what has the methods of a database was made by `open`.
    unsafe {
        is_database(file)
            && !(*file.cast::<DatabaseFile>()).index.is_null()
            && between_checkpoints(file, |size| grow(file, size, bytes)) == Some(ffi::SQLITE_OK)
    }
}

/// # Safety
/// `file` is null, or open.
unsafe fn is_database(file: *mut sqlite3_file) -> bool {
    // SAFETY: the caller's.
    unsafe { file.as_ref() }.is_some_and(|file| ptr::eq(file.pMethods, &METHODS))
}

/// Runs `work` with the file's size while no checkpoint runs; `None` if one does. Other connections may extend the file
/// with zeros meanwhile.
///
/// # Safety
/// `file` points to what `open` made, with a WAL-index.
unsafe fn between_checkpoints(
    file: *mut sqlite3_file,
    work: impl FnOnce(i64) -> c_int,
) -> Option<c_int> {
    // SAFETY: the caller's.
    unsafe {
        let exclusively = |what| {
            shm_lock(file, CHECKPOINT_LOCK, 1, what | ffi::SQLITE_SHM_EXCLUSIVE) == ffi::SQLITE_OK
        };
        if !exclusively(ffi::SQLITE_SHM_LOCK) {
            return None;
        }
        let mut size = 0;
        let code = match file_size(file, &raw mut size) {
            ffi::SQLITE_OK => work(size),
            code => code,
        };
        exclusively(ffi::SQLITE_SHM_UNLOCK);
        Some(code)
    }
}

/// Writes zeros behind the file's `size` bytes, up to `bytes` and the end of a chunk.
///
/// # Safety
/// `file` points to what `open` made, and other connections write only zeros after its end.
unsafe fn grow(file: *mut sqlite3_file, size: i64, bytes: i64) -> c_int {
    let end = in_chunks(bytes).max(size);
    let mut at = size;
    while at < end {
        let length = CHUNK.min(end - at);
        // SAFETY: the caller's; as many zeros are there.
        let code = unsafe { write(file, ZEROS.as_ptr().cast(), length as c_int, at) };
        if code != ffi::SQLITE_OK {
            return code;
        }
        at += length;
    }
    // SAFETY: the caller's.
    unsafe { (*file.cast::<DatabaseFile>()).blocks = end };
    ffi::SQLITE_OK
}

fn in_chunks(bytes: i64) -> i64 {
    (bytes as u64).next_multiple_of(CHUNK as u64) as i64
}

/// A checkpoint truncates the file to the length of its snapshot of the database. Another connection may have extended
/// the file for a commit that is not in the WAL-index yet, and relies on these blocks. So a file with a WAL is never
/// truncated; Nexus never shrinks a database.
unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    // SAFETY: as in `as_original`.
    unsafe {
        let mut now = 0;
        match !(*file.cast::<DatabaseFile>()).index.is_null()
            && file_size(file, &raw mut now) == ffi::SQLITE_OK
            && now >= size
        {
            true => ffi::SQLITE_OK,
            false => call_original!(DatabaseFile, file, xTruncate, size),
        }
    }
}

const _: () =
    assert!(align_of::<DatabaseFile>() <= 8 && size_of::<DatabaseFile>().is_multiple_of(8));

/// Version 2 has the WAL-index, and not the mapping of the database into memory, which no connection uses.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

as_original!(DatabaseFile, file_size, xFileSize, size: *mut i64);
as_original!(DatabaseFile, lock, xLock, level: c_int);
as_original!(DatabaseFile, unlock, xUnlock, level: c_int);
as_original!(DatabaseFile, check_reserved_lock, xCheckReservedLock, is_reserved: *mut c_int);
as_original!(DatabaseFile, file_control, xFileControl, operation: c_int, argument: *mut c_void);
as_original!(DatabaseFile, sector_size, xSectorSize);
as_original!(DatabaseFile, device_characteristics, xDeviceCharacteristics);
as_original!(DatabaseFile, unmap_original, xShmUnmap, remove: c_int);

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    first: c_int,
    number: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: as in `as_original`; nothing else refers to `marks` meanwhile.
    unsafe {
        let (marks, index) = (
            &raw mut (*file.cast::<DatabaseFile>()).marks,
            (*file.cast::<DatabaseFile>()).index,
        );
        if (*marks).refuse(index, first, number, flags) {
            return ffi::SQLITE_BUSY;
        }
        let code = call_original!(DatabaseFile, file, xShmLock, first, number, flags);
        if code == ffi::SQLITE_OK {
            (*marks).granted(first, number, flags);
        }
        code
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as in `as_original`.
    unsafe {
        let original = original_of(file.cast::<DatabaseFile>());
        if let Some(barrier) = (*original)
            .pMethods
            .as_ref()
            .and_then(|methods| methods.xShmBarrier)
        {
            barrier(original);
        }
    }
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: as in `as_original`.
    unsafe {
        let code = call_original!(DatabaseFile, file, xRead, into, length, offset);
        corrected(code, original_of(file.cast::<DatabaseFile>()))
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: as in `as_original`; nobody changes `reserve`.
    unsafe {
        let attempt = || {
            let code = call_original!(DatabaseFile, file, xWrite, bytes, length, offset);
            corrected(code, original_of(file.cast::<DatabaseFile>()))
        };
        match FREEING.get() {
            true => with_reserve(
                &(*file.cast::<DatabaseFile>()).reserve,
                length as u64,
                attempt,
            ),
            false => attempt(),
        }
    }
}

/// Where the WAL-index has the pages of the database (<https://sqlite.org/walformat.html#the_wal_index_header>).
const COMMITTED_PAGES: usize = 20;
/// Where it counts the frames that checkpoints have copied.
const COPIED: usize = 96;

/// Where a sync failed, pages of earlier checkpoints may be lost too: SQLite counts what a checkpoint copied, and syncs only where it
/// reached the WAL's end. The WAL still has them all, so the next checkpoint, of whatever process, copies all of it again before
/// the WAL may start over. Nothing rests on a page from before.
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as in `as_original`.
    unsafe {
        match call_original!(DatabaseFile, file, xSync, flags) {
            ffi::SQLITE_IOERR_FSYNC => {
                let errno = errno_of(original_of(file.cast::<DatabaseFile>()));
                copy_all_again(file);
                match is_no_room(errno) {
                    true => ffi::SQLITE_FULL,
                    false => ffi::SQLITE_IOERR_FSYNC,
                }
            }
            code => code,
        }
    }
}

/// # Safety
/// `file` points to what `open` made, and this connection makes a checkpoint, or has no WAL.
unsafe fn copy_all_again(file: *mut sqlite3_file) {
    // SAFETY: the caller's; only who makes a checkpoint changes the number.
    unsafe {
        let index = (*file.cast::<DatabaseFile>()).index;
        if !index.is_null() {
            (*index.byte_add(COPIED)).store(0, Ordering::Release);
        }
    }
}

/// The WAL-index grows when a database is opened, in a recovery, and with the WAL. A mere write gets no part of the
/// reserve for that.
///
/// SQLite writes a byte of each page of the file, which is not enough where blocks are smaller than pages or come with the
/// writing back: a process that then wrote to the mapped page would be killed by SIGBUS.
unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    length: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    // SAFETY: as in `as_original`; nobody changes `reserve`.
    unsafe {
        let attempt = || {
            let code = call_original!(DatabaseFile, file, xShmMap, region, length, extend, mapped);
            if code == ffi::SQLITE_OK && region == 0 {
                (*file.cast::<DatabaseFile>()).index = (*mapped).cast_const().cast();
            }
            if code != ffi::SQLITE_OK
                || extend == 0
                || (*mapped).is_null()
                || have_blocks(*mapped, length)
            {
                return code;
            }
            *mapped = ptr::null_mut();
            ffi::SQLITE_FULL
        };
        match FREEING.get() || COMMIT.get() == 0 {
            true => with_reserve(
                &(*file.cast::<DatabaseFile>()).reserve,
                length as u64,
                attempt,
            ),
            false => attempt(),
        }
    }
}

/// Makes sure that so many mapped bytes of a file have blocks, unless the system is too old to say.
///
/// # Safety
/// They are mapped and may be written.
unsafe fn have_blocks(mapped: *mut c_void, length: c_int) -> bool {
    // SAFETY: the caller's; the advice changes no byte.
    let populated = unsafe { libc::madvise(mapped, length as usize, libc::MADV_POPULATE_WRITE) };
    populated == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, remove: c_int) -> c_int {
    // SAFETY: as in `as_original`.
    unsafe {
        (*file.cast::<DatabaseFile>()).index = ptr::null();
        unmap_original(file, remove)
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite calls it once for a file that `open` made, and nothing else of it after.
    unsafe {
        let code = call_original!(DatabaseFile, file, xClose);
        ptr::drop_in_place(file.cast::<DatabaseFile>());
        code
    }
}

/// Returns the number at an offset of the WAL-index.
#[cfg(test)]
pub(super) fn number_of_index(connection: &super::super::statements::Connection, at: usize) -> u32 {
    let file = super::super::open_file::file_of(connection, ffi::SQLITE_FCNTL_FILE_POINTER);
    // SAFETY: the connection has the file open, which has the methods of a database, and its index mapped.
    unsafe {
        assert!(ptr::eq((*file).pMethods, &METHODS));
        let index = (*file.cast::<DatabaseFile>()).index;
        assert!(!index.is_null());
        (*index.byte_add(at)).load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::super::super::open_file::file_of;
    use super::super::tests::open_texts;
    use super::*;
    use crate::db::connection;
    use crate::driver::statements::Connection;
    use crate::wal::commit::commit;

    fn add(connection: &Connection, number: i64) {
        let sql = "INSERT INTO t (text) VALUES (printf('%.*c', 3000 + ?1, 'x'))";
        connection.execute(sql, [number % 90]).unwrap();
    }

    fn pages(connection: &Connection) -> u64 {
        let pages = connection.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0));
        pages.unwrap().unsigned_abs()
    }

    #[test]
    fn a_database_has_blocks_for_what_is_only_in_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let connection = open_texts(&path);
        let other = open_texts(&path);
        for round in 0..3 {
            connection::begin_writing(&connection).unwrap();
            (0..300).for_each(|number| add(&connection, number));
            commit(&connection).unwrap();
            let bytes = || path.metadata().unwrap().len();
            let needed = pages(&connection) * PAGE_BYTES as u64;
            assert!(bytes() >= needed, "round {round}");
            let checkpoint = "PRAGMA wal_checkpoint(RESTART)";
            other.query_row(checkpoint, [], |_| Ok(())).unwrap();
            assert!(
                (needed..needed + CHUNK as u64).contains(&bytes()),
                "round {round}"
            );
        }
    }

    #[test]
    fn a_checkpoint_leaves_the_blocks_of_a_commit_that_is_being_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let (connection, other) = (open_texts(&path), open_texts(&path));
        connection::begin_writing(&connection).unwrap();
        let pages = 200;
        let file = file_of(&connection, ffi::SQLITE_FCNTL_FILE_POINTER);
        // SAFETY: the connection has it open, and is in a write transaction.
        assert_eq!(unsafe { have_pages(file, pages) }, ffi::SQLITE_OK);
        let bytes = || path.metadata().unwrap().len();
        let before = bytes();
        assert!(before >= u64::from(pages) * PAGE_BYTES as u64);
        other
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .unwrap();
        assert_eq!(bytes(), before);
    }

    #[test]
    fn room_is_made_ahead_but_not_while_a_checkpoint_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let (connection, other) = (open_texts(&path), open_texts(&path));
        let file_of = |connection| file_of(connection, ffi::SQLITE_FCNTL_FILE_POINTER);
        let (file, others) = (file_of(&connection), file_of(&other));
        let bytes = || path.metadata().unwrap().len();
        let (before, used, until) = (bytes(), pages(&connection), 100);
        // SAFETY: both have it open, and are in no transaction.
        unsafe {
            let flags = |what| what | ffi::SQLITE_SHM_EXCLUSIVE;
            let lock = |what| shm_lock(others, CHECKPOINT_LOCK, 1, flags(what));
            assert_eq!(lock(ffi::SQLITE_SHM_LOCK), ffi::SQLITE_OK);
            assert!(!have_pages_ahead(file, until));
            assert_eq!(bytes(), before);
            assert_eq!(lock(ffi::SQLITE_SHM_UNLOCK), ffi::SQLITE_OK);
            assert!(have_pages_ahead(file, until));
        }
        assert!(bytes() >= u64::from(until) * PAGE_BYTES as u64);
        assert_eq!(pages(&connection), used, "the room counts as the database");
    }

    #[test]
    fn a_database_that_was_not_synced_is_copied_from_the_first_frame() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let connection = open_texts(&path);
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .unwrap();
        let file = file_of(&connection, ffi::SQLITE_FCNTL_FILE_POINTER);
        let copied = || number_of_index(&connection, COPIED);
        assert_ne!(copied(), 0, "nothing was copied");
        let descriptor = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|entry| entry.read_link().is_ok_and(|target| target == path))
            .unwrap();
        let descriptor: c_int = descriptor
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        // A socket cannot be synced.
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        // SAFETY: the descriptor is the connection's, which nobody uses meanwhile.
        let code = unsafe {
            let kept = libc::dup(descriptor);
            libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&socket), descriptor);
            let code = sync(file, ffi::SQLITE_SYNC_NORMAL);
            libc::dup2(kept, descriptor);
            libc::close(kept);
            code
        };
        assert_eq!(code, ffi::SQLITE_IOERR_FSYNC);
        assert_eq!(
            copied(),
            0,
            "the next checkpoint relies on what was not synced"
        );
    }

    /// Some commits leave the growing to the checkpoints, as those of an earlier version did.
    #[test]
    fn growing_harms_nothing_that_a_checkpoint_writes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let writer = open_texts(&path);
        let (checkpoints, ahead) = (open_texts(&path), open_texts(&path));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let over = &is_over;
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    let passive = "PRAGMA wal_checkpoint(PASSIVE)";
                    checkpoints.query_row(passive, [], |_| Ok(())).unwrap();
                }
            });
            scope.spawn(move || {
                let file = file_of(&ahead, ffi::SQLITE_FCNTL_FILE_POINTER);
                for more in (0..20).cycle() {
                    if over.load(Ordering::Acquire) {
                        break;
                    }
                    let until = pages(&ahead) as u32 + more;
                    // SAFETY: only this thread uses the connection.
                    unsafe { have_pages_ahead(file, until) };
                }
            });
            for round in 0..400 {
                connection::begin_writing(&writer).unwrap();
                (0..20).for_each(|number| add(&writer, number));
                match round % 2 {
                    0 => writer.execute_batch("COMMIT").unwrap(),
                    _ => commit(&writer).unwrap(),
                }
            }
            is_over.store(true, Ordering::Release);
        });
        drop(writer);
        let reader = open_texts(&path);
        let state: String = reader
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(state, "ok");
        let wrong: i64 = reader
            .query_row(
                "SELECT count(*) FROM t WHERE trim(text, 'x') <> ''",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(wrong, 0);
    }
}
