//! The store as one that is written.

use std::sync::Arc;

use nexusfs_core::access::NamespaceRule;
use nexusfs_core::call::Call;
use nexusfs_core::error::Result;
use nexusfs_core::metadata::{Catalog, Committed, Grant, Ledger, StoreResult, WriteSet};

use crate::SqliteStore;
use crate::db::backends;
use crate::write::member::Refusal;
use crate::write::namespaces;

impl Ledger for SqliteStore {
    fn commit(&self, set: WriteSet, grant: &Grant) -> StoreResult<Committed> {
        loop {
            match self.writer.commit(set.clone(), grant.clone()) {
                Ok(committed) => return Ok(committed),
                Err(Refusal::Store(error)) => return Err(error.into()),
                Err(Refusal::Awaits(content)) => self.await_removal(content, false, &grant.call)?,
            }
        }
    }

    fn declare_namespaces(
        &self,
        declared: &[(NamespaceRule, bool)],
        admin: bool,
        call: &Call,
    ) -> Result<()> {
        let rules = self.rules(call)?;
        let changes = declared
            .iter()
            .any(|(rule, remove)| namespaces::is_change(rules.get(&rule.name), rule, *remove));
        if !changes {
            return Ok(());
        }
        self.writer.transaction(call, |connection| {
            namespaces::declare(connection, declared, admin)
        })?;
        Ok(())
    }

    fn register_backends(&self, wanted: &[(Arc<str>, String)], call: &Call) -> Result<()> {
        let mut missing = Vec::new();
        for (name, uuid) in wanted {
            match self.backend_uuid(name, call)? {
                Some(known) if known == *uuid => {}
                Some(_) => return Err(backends::elsewhere(name).into()),
                None => missing.push((name, uuid)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.writer.transaction(call, |connection| {
            for (name, uuid) in missing {
                backends::register(connection, name, uuid)?;
            }
            Ok(())
        })?;
        // Not before the commit: it may fail.
        self.readers
            .look(call, |connection| {
                self.backends.reload(connection)?;
                Ok(())
            })
            .map_err(Into::into)
    }

    fn backend_uuid(&self, name: &str, call: &Call) -> Result<Option<String>> {
        self.readers
            .look(call, |connection| Ok(backends::uuid(connection, name)?))
            .map_err(Into::into)
    }
}
