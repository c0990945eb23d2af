//! Lists.

use super::cursor::{self, PageLimit};
use super::files::not_found;
use super::{Filesystem, ListOptions, Page};
use crate::access::Action;
use crate::call::Call;
use crate::content::ContentHash;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{EntryCollector, EntryQuery, EntryRef, Scope};
use crate::path::VirtualPath;
use crate::range::PathRange;

impl Filesystem {
    /// Returns a page of entries, ordered by the bytes of their paths: what is under a directory, or what
    /// begins with a raw prefix.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `AccessDenied` for the directory; `InvalidArgument` for a cursor that
    /// no page returned, or for a path together with a prefix.
    pub fn list(&self, options: &ListOptions) -> Result<Page> {
        let mut found = EntryCollector::default();
        let cursor = self.visit(options, &mut |entry| found.push(entry))?;
        Ok(Page {
            entries: found.entries,
            cursor,
        })
    }

    /// Passes the entries of a page to `found`, without a copy, and returns where the next page begins.
    /// `found` is called inside a read transaction: it must not call the store.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn visit(
        &self,
        options: &ListOptions,
        found: &mut dyn FnMut(EntryRef<'_>),
    ) -> Result<Option<String>> {
        let call = self.begin();
        let (scope, directory) = scope_of(options)?;
        let mut page = PageLimit::new(options.limit);
        let query = EntryQuery {
            directories: options.include_directories || matches!(scope, Scope::Children(_)),
            scope,
            after: cursor::decode(options.cursor.as_deref())?,
            limit: page.probe(),
        };
        self.granted(&call, |policy, grant| {
            if let Some(directory) = &directory {
                policy.check(directory, Action::Read)?;
            }
            self.store().page(&query, grant, &mut |entry| {
                if page.admits(entry.path) {
                    found(entry);
                }
            })
        })?;
        if let Some(directory) = directory.filter(|_| page.count() == 0) {
            self.require_directory(&directory, &call)?;
        }
        Ok(page.cursor())
    }

    /// Returns an error unless a directory is at `path`.
    pub(super) fn require_directory(&self, path: &VirtualPath, call: &Call) -> Result<()> {
        let entry = self.granted(call, |policy, grant| self.look_up(path, policy, grant))?;
        match entry {
            Some(entry) if entry.is_directory() => Ok(()),
            Some(_) => {
                Err(Error::new(ErrorKind::NotADirectory, "is a file, not a directory").at(path))
            }
            None => Err(not_found(path)),
        }
    }

    /// Returns the etag of the file at each of `paths`, of one moment; `None` where there is no file that
    /// the caller may read.
    ///
    /// # Errors
    /// `InvalidPath`.
    pub fn content_ids(&self, paths: &[&str]) -> Result<Vec<Option<ContentHash>>> {
        let call = self.begin();
        let paths = paths
            .iter()
            .map(|path| VirtualPath::parse(path))
            .collect::<Result<Vec<_>>>()?;
        self.granted(&call, |policy, grant| {
            let entries = self.store().entries(&paths, grant)?;
            let ids = paths.iter().zip(entries).map(|(path, entry)| {
                let readable = policy.visible().contains(path.as_str());
                entry.filter(|_| readable)?.file.map(|file| file.etag)
            });
            Ok(ids.collect())
        })
    }
}

/// Returns what `options` are about, and the directory that must be there.
fn scope_of(options: &ListOptions) -> Result<(Scope, Option<VirtualPath>)> {
    let directory = match (&options.path, &options.prefix) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid_argument(
                "give either path or prefix, not both",
            ));
        }
        (None, Some(prefix)) => return Ok((Scope::Range(prefix_range(prefix)), None)),
        (Some(path), None) => VirtualPath::parse(path)?,
        (None, None) => VirtualPath::root(),
    };
    let scope = match options.recursive {
        true => Scope::Range(PathRange::under(directory.as_str())),
        false => Scope::Children(directory.clone()),
    };
    Ok((scope, Some(directory)))
}

/// Returns the range of the paths that begin with `prefix`, to which a missing `/` is added.
pub(crate) fn prefix_range(prefix: &str) -> PathRange {
    match prefix {
        "" | "/" => PathRange::all(),
        _ if prefix.starts_with('/') => PathRange::with_prefix(prefix),
        _ => PathRange::with_prefix(&format!("/{prefix}")),
    }
}
