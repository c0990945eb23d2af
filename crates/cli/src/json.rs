//! The JSON forms of what commands print. Times are RFC 3339 in UTC; what is absent is null.

use std::io::Write;

use nexusfs_core::metadata::EntryRef;
use nexusfs_core::work::rfc3339;
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;

/// An entry, with the members of the C interface's `nexus_entry`.
#[derive(Serialize)]
pub struct EntryRow<'a> {
    path: &'a str,
    kind: &'static str,
    size: Option<u64>,
    etag: Option<String>,
    version: Option<u64>,
    mime_type: Option<&'a str>,
    path_id: Option<String>,
    backend_name: Option<&'a str>,
    created_at: Option<String>,
    modified_at: Option<String>,
}

impl<'a> EntryRow<'a> {
    pub fn new(entry: EntryRef<'a>) -> Self {
        let file = entry.file;
        EntryRow {
            path: entry.path,
            kind: if file.is_some() { "file" } else { "directory" },
            size: file.map(|file| file.size),
            etag: file.map(|file| file.etag.to_string()),
            version: file.map(|file| file.version),
            mime_type: file.map(|file| file.mime_type),
            path_id: entry.path_id.map(|id| id.to_string()),
            backend_name: file.map(|file| file.backend),
            // A directory that was not made has no times.
            created_at: entry.path_id.and_then(|_| rfc3339(entry.created_at)),
            modified_at: entry.path_id.and_then(|_| rfc3339(entry.modified_at)),
        }
    }
}

/// A JSON array that is printed while its elements are found.
#[derive(Default)]
pub struct JsonArray {
    count: u64,
}

impl JsonArray {
    pub fn add(&mut self, out: &mut Output, value: &impl Serialize) -> Result<()> {
        out.write_all(if self.count == 0 { b"[" } else { b",\n " })?;
        self.count += 1;
        serde_json::to_writer(out, value)?;
        Ok(())
    }

    pub fn finish(self, out: &mut Output) -> Result<()> {
        let end: &[u8] = if self.count == 0 { b"[]\n" } else { b"]\n" };
        Ok(out.write_all(end)?)
    }
}
