//! Repair of the store's rows.

use nexusfs_core::call::Call;
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::Result;
use nexusfs_core::metadata::{
    ContentKey, ContentPlace, Finding, LostFile, Mended, MetadataMender, VerifiedContent,
};
use nexusfs_core::path::VirtualPath;

use crate::upkeep::repair::{self, files, names};
use crate::{SqliteStore, queue};

impl MetadataMender for SqliteStore {
    fn planned(&self, finding: &Finding) -> Option<&'static str> {
        repair::plan(finding)
    }

    fn mend(&self, finding: &Finding, call: &Call) -> Result<bool> {
        Ok(self
            .writer
            .transaction(call, |connection| repair::mend(connection, finding))?)
    }

    fn mend_directory(&self, file: &LostFile, call: &Call) -> Result<Mended> {
        Ok(self
            .writer
            .transaction(call, |connection| files::mend_directory(connection, file))?)
    }

    fn restore_content(
        &self,
        file: &LostFile,
        content: &VerifiedContent,
        call: &Call,
    ) -> Result<Mended> {
        Ok(self
            .writer
            .transaction(call, |connection| files::restore(connection, file, content))?)
    }

    fn move_aside(&self, path: &str, call: &Call) -> Result<Option<String>> {
        Ok(self
            .writer
            .transaction(call, |connection| names::move_aside(connection, path))?)
    }

    fn forget(&self, file: &LostFile, call: &Call) -> Result<bool> {
        Ok(self
            .writer
            .transaction(call, |connection| files::forget(connection, file))?)
    }

    fn describe(&self, path: &str, call: &Call) -> Result<Option<LostFile>> {
        Ok(self
            .readers
            .moment(call, |connection| files::describe(connection, path))?)
    }

    fn holders(&self, key: &ContentKey, limit: usize, call: &Call) -> Result<Vec<LostFile>> {
        Ok(self
            .readers
            .moment(call, |connection| files::holders(connection, key, limit))?)
    }

    fn contents_of(&self, backend: &str, hash: &ContentHash, call: &Call) -> Result<Vec<i64>> {
        Ok(self.readers.moment(call, |connection| {
            files::contents_of(connection, backend, hash)
        })?)
    }

    fn content_place(&self, id: i64, call: &Call) -> Result<Option<ContentPlace>> {
        Ok(self
            .readers
            .moment(call, |connection| files::content_of(connection, id))?)
    }

    fn work_values(&self, path: &str, call: &Call) -> Result<Vec<(String, String)>> {
        match VirtualPath::parse(path) {
            Ok(valid) => Ok(self
                .readers
                .moment(call, |connection| queue::all(connection, &valid))?),
            Err(_) => Ok(Vec::new()),
        }
    }

    fn value_of(&self, path: &str, key: &str, call: &Call) -> Result<Option<String>> {
        Ok(self
            .readers
            .moment(call, |connection| repair::value_of(connection, path, key))?)
    }
}
