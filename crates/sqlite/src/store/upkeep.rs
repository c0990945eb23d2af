//! The store as one that is checked, repaired and copied.

use std::path::Path;

use nexusfs_core::call::Call;
use nexusfs_core::error::Result;
use nexusfs_core::metadata::{
    CheckedRows, CopyIdentity, MetadataCopy, MetadataMender, RowCursor, Upkeep,
};

use crate::SqliteStore;
use crate::db::{connection, lease_tokens};
use crate::upkeep::{check, copy};
use crate::wal::checkpoint;

impl Upkeep for SqliteStore {
    fn check_rows(&self, cursor: &RowCursor, call: &Call) -> Result<CheckedRows> {
        let check = || {
            self.readers.moment(call, |connection| {
                let backends = self.readable_backends(connection)?;
                check::rows(connection, &backends, cursor, call)
            })
        };
        let checked = check()?;
        if checked.findings.is_empty() {
            return Ok(checked);
        }
        // Damage is what two readings find.
        self.readers.close();
        check().map_err(Into::into)
    }

    fn mender(&self) -> &dyn MetadataMender {
        self
    }

    fn advance_leases(&self, call: &Call) -> Result<()> {
        self.writer
            .transaction(call, lease_tokens::advance)
            .map_err(Into::into)
    }

    fn shrink_log(&self, call: &Call) -> Result<()> {
        // Not the writer's connection, on which others would wait for what is copied.
        connection::waiting_as(call, || {
            let connection = checkpoint::open_connection(&self.path)?;
            self.checkpointer.log().cut_back(&connection)
        })
        .map_err(Into::into)
    }

    fn copy_to(
        &self,
        file: &Path,
        identity: &CopyIdentity,
        step: &mut dyn FnMut(u64, u64) -> Result<()>,
        call: &Call,
    ) -> Result<Box<dyn MetadataCopy>> {
        let copied = self.readers.with(call, |connection| {
            Ok(copy::create(connection, file, identity, step)?)
        });
        Ok(Box::new(copied?))
    }

    fn digest_of_copy(&self, file: &Path, call: &Call) -> Result<Option<String>> {
        copy::digest_of(file, call).map_err(Into::into)
    }
}
