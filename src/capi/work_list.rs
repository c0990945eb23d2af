//! `nexus_work_item`, a row about a work item, and `nexus_work_list`, a list of them.

use std::ffi::c_char;
use std::ptr;

use super::arena::Arena;
use super::argument::Output;
use super::error::nexus_error;
use super::guard::guard;
use super::handle::{Table, Tag};
use super::status::nexus_status;
use super::text::{ListTexts, Texts, hand_out};
use super::unwind;
use crate::error::{Error, Result};
use crate::filesystem::WorkItem;
use crate::work::WorkRow;

/// One work item. Read-only. Later versions add fields at the end, so use it through the pointer
/// and never copy or size it yourself. Times are microseconds since 1970 UTC.
#[repr(C)]
pub struct nexus_work_item {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// 1 if the item has a priority, else 0. Items without one come after all others.
    pub has_priority: i32,
    /// The id of the file.
    pub path_id: *const c_char,
    /// The tenant segment of the path; NULL if it has none.
    pub tenant_id: *const c_char,
    /// The virtual path of the file.
    pub virtual_path: *const c_char,
    /// The backend that holds its content.
    pub backend_id: *const c_char,
    /// The name of the content there.
    pub physical_path: *const c_char,
    /// MIME type.
    pub file_type: *const c_char,
    /// Bytes of content.
    pub size_bytes: u64,
    /// SHA-256 of the content, 64 hexadecimal digits: the etag.
    pub content_hash: *const c_char,
    /// When the file was created.
    pub created_at: i64,
    /// When its content last changed.
    pub updated_at: i64,
    /// ready, pending, blocked, in_progress, completed, failed or cancelled.
    pub status: *const c_char,
    /// Lower comes first. 0 if `has_priority` is 0.
    pub priority: i64,
    /// Number of open dependencies.
    pub blocker_count: u64,
    /// The worker that holds the item, or that completed or failed it; NULL if there is none.
    pub worker_id: *const c_char,
    /// When work on the item began; 0 if it has not begun.
    pub started_at: i64,
    /// The item cannot be claimed before this time; 0: no limit.
    pub not_before: i64,
    /// A JSON array of strings; NULL if there are none.
    pub tags: *const c_char,
    /// Number of claims so far.
    pub attempts: u64,
    /// Its lease token; 0 if it has no lease. A query returns the token only to a handle that may
    /// change the item, and in a namespace without owners only to a handle without tenant and
    /// agent. To other handles it returns 0.
    pub lease: u64,
    /// When the lease expires, for display; 0 if the item has no lease.
    pub lease_expires_at: i64,
    /// 1 if the lease has expired and no worker has claimed the item since.
    pub lease_expired: i32,
}

/// A list of work items.
pub struct nexus_work_list {
    _opaque: [u8; 0],
}

pub(super) struct WorkList {
    rows: Vec<nexus_work_item>,
    /// Owns the rows' strings.
    _texts: Arena,
    /// What the rows say, kept for the JSON form.
    items: Vec<WorkItem>,
}

// SAFETY: the rows point into `_texts`, which moves with them and is not changed any more.
unsafe impl Send for WorkList {}
// SAFETY: as above; rows and texts are only read.
unsafe impl Sync for WorkList {}

pub(super) static WORK_LISTS: Table<nexus_work_list, WorkList> =
    Table::new(Tag::WorkList, "nexus_work_list");

impl WorkList {
    pub(super) fn new(items: Vec<WorkItem>) -> Self {
        const TYPICAL: usize = 256;
        let mut texts = ListTexts::with_capacity(items.len() * TYPICAL);
        let rows = items.iter().map(|item| encode(item, &mut texts)).collect();
        let texts = texts.into_arena();
        WorkList {
            rows,
            _texts: texts,
            items,
        }
    }
}

fn encode<'a>(item: &'a WorkItem, texts: &mut impl Texts) -> nexus_work_item {
    let etag = texts.put(&item.etag.to_hex());
    let bytes = |text: &'a Option<String>| text.as_ref().map(String::as_bytes);
    nexus_work_item {
        struct_size: size_of::<nexus_work_item>() as u32,
        has_priority: i32::from(item.priority.is_some()),
        path_id: texts.put(item.path_id.encode(&mut [0; 36]).as_bytes()),
        tenant_id: texts.put_optional(bytes(&item.tenant_id)),
        virtual_path: texts.put(item.path.as_str().as_bytes()),
        backend_id: texts.put_shared(&item.backend),
        physical_path: etag,
        file_type: texts.put_shared(&item.mime_type),
        size_bytes: item.size,
        content_hash: etag,
        created_at: item.created_at,
        updated_at: item.updated_at,
        status: texts.put_shared(item.status.name()),
        priority: item.priority.unwrap_or(0),
        blocker_count: item.blocker_count,
        worker_id: texts.put_optional(bytes(&item.worker_id)),
        started_at: item.started_at.unwrap_or(0),
        not_before: item.not_before.unwrap_or(0),
        tags: texts.put_optional(bytes(&item.tags)),
        attempts: item.attempts,
        lease: item.lease,
        lease_expires_at: item.lease_expires_at.unwrap_or(0),
        lease_expired: i32::from(item.lease_expired),
    }
}

fn json(items: &[WorkItem]) -> Result<String> {
    let rows: Vec<WorkRow<'_>> = items.iter().map(WorkRow::new).collect();
    serde_json::to_string(&rows)
        .map_err(|source| Error::internal("work items as JSON").caused_by(source))
}

/// Returns the number of rows of a list.
///
/// @param list  an open list
/// @return the number of rows; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_work_list_len(list: *const nexus_work_list) -> usize {
    unwind::accessor(0, || {
        WORK_LISTS.find(list).map_or(0, |list| list.rows.len())
    })
}

/// Returns one row of a list.
///
/// @param list   an open list
/// @param index  which row, from 0
/// @return the row, valid until the list is freed; NULL if `index` is out of range or `list` is
///         NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_work_list_at(
    list: *const nexus_work_list,
    index: usize,
) -> *const nexus_work_item {
    unwind::accessor(ptr::null(), || {
        let list = WORK_LISTS.find(list);
        let row = list.as_ref().and_then(|list| list.rows.get(index));
        row.map_or(ptr::null(), ptr::from_ref)
    })
}

/// Returns a whole list as JSON: an array of objects with the members of nexus_work_item, except
/// struct_size and has_priority. Times are RFC 3339 in UTC, `lease_expired` is true or false, and
/// missing values are null.
///
/// @param list   an open list
/// @param json   receives the text; free it with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_work_list_json(
    list: *const nexus_work_list,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let output = Output::new(json);
        guard(error, || {
            let list = WORK_LISTS.get(list)?;
            let output = output.required("json")?;
            output.set(hand_out(&self::json(&list.items)?)?);
            Ok(())
        })
    }
}

/// Frees a list and its rows.
///
/// @param list  the list; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_work_list_free(list: *mut nexus_work_list) {
    unwind::release(|| drop(WORK_LISTS.remove(list)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ContentHash;
    use crate::path::VirtualPath;
    use crate::path_id::PathId;
    use crate::work::Status;
    use std::ffi::CStr;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn item() -> WorkItem {
        WorkItem {
            path_id: PathId::parse(ID).unwrap(),
            tenant_id: Some("acme".into()),
            path: VirtualPath::parse("/shared/acme/job").unwrap(),
            backend: "local".into(),
            etag: ContentHash::of(b"job"),
            mime_type: "text/plain".into(),
            size: 3,
            created_at: 1_000_000,
            updated_at: 1_500_000,
            status: Status::InProgress,
            priority: Some(-4),
            blocker_count: 2,
            worker_id: Some("w".into()),
            started_at: Some(0),
            not_before: None,
            tags: Some(r#"["a","b"]"#.into()),
            attempts: 1,
            lease: 17,
            lease_expires_at: Some(2_000_000),
            lease_expired: true,
        }
    }

    fn bare() -> WorkItem {
        WorkItem {
            tenant_id: None,
            status: Status::Ready,
            priority: None,
            blocker_count: 0,
            worker_id: None,
            started_at: None,
            tags: None,
            attempts: 0,
            lease: 0,
            lease_expires_at: None,
            lease_expired: false,
            ..item()
        }
    }

    #[test]
    fn items_become_rows() {
        let list = WORK_LISTS
            .insert(WorkList::new(vec![item(), bare()]))
            .unwrap();
        assert_eq!(nexus_work_list_len(list), 2);
        // SAFETY: rows within range are valid while the list is open, texts NUL-terminated.
        unsafe {
            let row = &*nexus_work_list_at(list, 0);
            let text = |pointer| CStr::from_ptr(pointer).to_str().unwrap();
            assert_eq!(text(row.path_id), ID);
            assert_eq!(text(row.tenant_id), "acme");
            assert_eq!(text(row.virtual_path), "/shared/acme/job");
            assert_eq!(text(row.content_hash), item().etag.to_string());
            assert_eq!(text(row.physical_path), item().etag.to_string());
            assert_eq!(text(row.status), "in_progress");
            assert_eq!((row.has_priority, row.priority), (1, -4));
            assert_eq!(text(row.tags), r#"["a","b"]"#);
            assert_eq!((row.lease, row.lease_expires_at), (17, 2_000_000));
            assert_eq!(row.lease_expired, 1);
            let row = &*nexus_work_list_at(list, 1);
            assert!(row.tenant_id.is_null() && row.worker_id.is_null() && row.tags.is_null());
            assert_eq!((row.has_priority, row.priority, row.started_at), (0, 0, 0));
        }
        assert!(nexus_work_list_at(list, 2).is_null());
        nexus_work_list_free(list);
        assert_eq!(nexus_work_list_len(list), 0);
    }

    #[test]
    fn a_list_as_json_has_times_as_text_and_tags_as_an_array() {
        let text = json(&[item(), bare()]).unwrap();
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0]["created_at"], "1970-01-01T00:00:01Z");
        assert_eq!(rows[0]["updated_at"], "1970-01-01T00:00:01.5Z");
        assert_eq!(rows[0]["started_at"], "1970-01-01T00:00:00Z");
        assert_eq!(rows[0]["tags"], serde_json::json!(["a", "b"]));
        assert_eq!(rows[0]["priority"], -4);
        assert_eq!(rows[1]["priority"], serde_json::Value::Null);
        assert_eq!(rows[1]["tags"], serde_json::Value::Null);
        assert_eq!(rows[1]["lease"], serde_json::Value::Null);
        assert_eq!(json(&[]).unwrap(), "[]");
    }
}
