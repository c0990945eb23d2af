//! Reading and writing files piece by piece, in bounded memory.

use std::sync::Arc;

use super::change::{metadata_change, write_options};
use super::files::entry_of;
use super::{Filesystem, WriteOptions};
use crate::call::Call;
use crate::content::{ContentBuilder, ContentHash, ContentReader};
use crate::error::{Error, Result};
use crate::metadata::{Change, Conditions, Entry, MetadataValue};
use crate::path::VirtualPath;

impl Filesystem {
    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open_reader(&self, path: &str) -> Result<Reader> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        Ok(Reader {
            content: self.open_content(&path, &call)?,
            filesystem: self.child(),
            path,
            position: 0,
        })
    }

    /// Begins to write the file at `path`, which appears at [`Writer::commit`]. Conditions are checked
    /// there.
    ///
    /// # Errors
    /// `InvalidPath`, `InvalidArgument`, `AccessDenied`, `ReadOnly`, `NoSpace`.
    pub fn open_writer(&self, path: &str, options: &WriteOptions) -> Result<Writer> {
        let call = self.begin();
        let path = VirtualPath::parse(path)?;
        let (conditions, mime_type) = write_options(options)?;
        self.pre_authorize_write(&path, &call)?;
        let backend = Arc::clone(self.placement().routes().backend_for(path.as_str()));
        let content = self
            .placement()
            .builder(&backend, &call)
            .map_err(|error| error.at(&path))?;
        Ok(Writer {
            filesystem: self.child(),
            path,
            backend,
            content,
            conditions,
            mime_type,
        })
    }
}

/// A file open for reading. It shows the content that was there when it was opened, whatever happens to
/// the path, and keeps the store open.
pub struct Reader {
    content: ContentReader,
    path: VirtualPath,
    position: u64,
    filesystem: Filesystem,
}

impl Reader {
    /// Returns the number of bytes of the file.
    pub fn size(&self) -> u64 {
        self.content.size()
    }

    /// Reads on until `buffer` is full or the file ends, and returns the number of bytes; 0 at the end.
    ///
    /// # Errors
    /// `Corrupt` if what is read is damaged; `Cancelled`, `Io`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let call = self.filesystem.begin();
        let count = self
            .content
            .read_at(self.position, buffer, &call)
            .map_err(|error| error.at(&self.path))?;
        self.position += count as u64;
        Ok(count)
    }

    /// Goes to `offset`, which may lie beyond the end: the next read then returns 0.
    pub fn seek(&mut self, offset: u64) -> Result<()> {
        self.position = offset;
        Ok(())
    }
}

/// A file being written. Dropping it leaves everything as it was.
pub struct Writer {
    filesystem: Filesystem,
    path: VirtualPath,
    backend: Arc<str>,
    content: ContentBuilder,
    conditions: Conditions,
    mime_type: Option<String>,
}

impl Writer {
    /// Appends `data` to what was written. After an error the writer can only be dropped.
    ///
    /// # Errors
    /// `NoSpace`, `Cancelled`, `Io`; `Misuse` after an earlier error.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        let call = self.filesystem.begin();
        self.content
            .write(data, &call)
            .map_err(|error| error.at(&self.path))
    }

    /// Makes what was written the content of the file, atomically, and returns its entry.
    ///
    /// # Errors
    /// As [`Filesystem::write`]; `Misuse` after a write that failed.
    pub fn commit(self) -> Result<Entry> {
        let call = self.filesystem.begin();
        let (filesystem, _, write) = self.finish(&call)?;
        entry_of(filesystem.commit_one(write, &call)?)
    }

    /// Like [`commit`](Self::commit), and in the same transaction sets the metadata, a JSON object, that `describe` gives
    /// for the etag.
    ///
    /// # Errors
    /// As [`commit`](Self::commit) and [`Filesystem::set_meta_many`].
    pub fn commit_described(self, describe: impl FnOnce(&ContentHash) -> String) -> Result<Entry> {
        let call = self.filesystem.begin();
        let path = self.path.clone();
        let (filesystem, etag, write) = self.finish(&call)?;
        let values = MetadataValue::parse_object(&describe(&etag))?;
        let description = metadata_change(path.as_str(), values, &Default::default())?;
        let mut entries = filesystem
            .commit(&Arc::new(vec![write, description]), &call)
            .map_err(Error::outside_batch)?;
        entry_of(entries.pop().flatten())
    }

    /// Returns the write that makes what was written the content of the file, with its etag.
    fn finish(self, call: &Call) -> Result<(Filesystem, ContentHash, Change)> {
        let content = self
            .content
            .finish(call)
            .map_err(|error| error.at(&self.path))?;
        let etag = content.hash();
        let write = Change::Write {
            path: self.path,
            content,
            backend: self.backend,
            conditions: self.conditions,
            mime_type: self.mime_type,
        };
        Ok((self.filesystem, etag, write))
    }
}
