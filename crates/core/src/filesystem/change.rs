//! Turns requests into changes, asks the policy for each, and commits them.

use std::sync::Arc;
use std::time::Instant;

use super::claims::check_error_text;
use super::prepare::Preparation;
use super::{Conditions, Filesystem, MkdirOptions, RelocateOptions, WriteOptions};
use crate::access::{Action, Policy};
use crate::call::Call;
use crate::content::{ContentHash, NewContent, with_room};
use crate::error::{Error, ErrorKind, Result};
use crate::json::json_text;
use crate::metadata::{
    self, Change, Committed, Entry, ImportSource, MetadataValue, Relocation, StoreError, WriteSet,
};
use crate::path::{VirtualPath, quoted};
use crate::work::{DependencyRef, LeaseToken, WorkField, is_retry_delay};

/// Longest MIME type, in bytes (RFC 6838 allows 127 for each of its two parts).
const MAX_MIME_BYTES: usize = 255;

impl Filesystem {
    /// Commits one change and returns the entry that it left.
    pub(super) fn commit_one(&self, change: Change, call: &Call) -> Result<Option<Entry>> {
        let entries = self.commit(&Arc::new(vec![change]), call);
        Ok(entries.map_err(Error::outside_batch)?.pop().flatten())
    }

    /// Commits `changes` at once and returns the entry that each left.
    pub(crate) fn commit(
        &self,
        changes: &Arc<Vec<Change>>,
        call: &Call,
    ) -> Result<Vec<Option<Entry>>> {
        call.check()?;
        let mut preparation = self.prepare(changes, call)?;
        let committed = self.commit_prepared(changes, &mut preparation, call);
        match committed {
            Ok(committed) => {
                if committed.has_dropped {
                    self.remove_dropped(call);
                }
                Ok(committed.entries)
            }
            Err(error) => {
                self.give_up(&preparation, call);
                Err(error)
            }
        }
    }

    fn commit_prepared(
        &self,
        changes: &Arc<Vec<Change>>,
        preparation: &mut Preparation,
        call: &Call,
    ) -> Result<Committed> {
        let deadline = call.busy_deadline();
        loop {
            let outcome = self.granted(call, |policy, grant| {
                for (index, change) in changes.iter().enumerate() {
                    authorize(policy, change, call).map_err(|error| change.failed(index, error))?;
                }
                let set = WriteSet {
                    changes: with_given_depths(changes, policy),
                    routes: Arc::clone(self.placement().routes()),
                    prepared: Arc::clone(&preparation.contents),
                    publisher: Arc::clone(self.placement()) as _,
                    durability: self.handle.config.settings.durability,
                };
                match self.store().commit(set, grant) {
                    Err(StoreError::Unprepared(unprepared)) => Ok(Err(unprepared)),
                    committed => committed.map(Ok),
                }
            })?;
            let unprepared = match outcome {
                Ok(committed) => return Ok(committed),
                Err(unprepared) => unprepared,
            };
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = "the files that are to be changed keep changing";
                return Err(Error::new(ErrorKind::Busy, what));
            }
            self.prepare_more(changes, &unprepared, preparation, call)?;
        }
    }

    /// Returns `changes` with the content of each write where this handle keeps what is at its path: those of a set that was made
    /// elsewhere are bytes in memory.
    pub(crate) fn placed(
        &self,
        changes: &Arc<Vec<Change>>,
        call: &Call,
    ) -> Result<Arc<Vec<Change>>> {
        let mut changes = Arc::clone(changes);
        for index in 0..changes.len() {
            let Change::Write {
                path,
                content: NewContent::Inline { data, .. },
                backend,
                ..
            } = &changes[index]
            else {
                continue;
            };
            let own = self.placement().routes().backend_for(path.as_str());
            if backend == own {
                continue;
            }
            let placed = self
                .pre_authorize_write(path, call)
                .and_then(|()| self.placement().build(own, data, call))
                .map_err(|error| error.at(path).in_operation(index))?;
            let own = Arc::clone(own);
            if let Change::Write {
                content, backend, ..
            } = &mut Arc::make_mut(&mut changes)[index]
            {
                (*content, *backend) = (placed, own);
            }
        }
        Ok(changes)
    }

    /// Fails as the commit would if the policy refuses a write to `path`, before work is spent on it.
    pub(super) fn pre_authorize_write(&self, path: &VirtualPath, call: &Call) -> Result<()> {
        self.ask(call, |policy| authorize_path(policy, path, Action::Write))
    }

    /// Returns the change that writes `data`.
    pub(crate) fn write_change(
        &self,
        path: &str,
        data: &[u8],
        options: &WriteOptions,
        call: &Call,
    ) -> Result<Change> {
        let path = VirtualPath::parse(path)?;
        let (conditions, mime_type) = write_options(options)?;
        self.pre_authorize_write(&path, call)?;
        let backend = Arc::clone(self.placement().routes().backend_for(path.as_str()));
        let content = self
            .placement()
            .build(&backend, data, call)
            .map_err(|error| error.at(&path))?;
        Ok(Change::Write {
            path,
            content,
            backend,
            conditions,
            mime_type,
        })
    }
}

/// Returns the change that makes a directory. Its `given_depth` depends on the rules and is filled in by
/// [`Filesystem::commit`].
pub(super) fn mkdir_change(path: &str, options: MkdirOptions) -> Result<Change> {
    Ok(Change::MakeDirectory {
        path: VirtualPath::parse(path)?,
        parents: options.parents,
        exist_ok: options.exist_ok,
        given_depth: 0,
    })
}

/// Returns `changes` with the `given_depth` that `policy` gives to each new directory.
fn with_given_depths(changes: &Arc<Vec<Change>>, policy: &Policy) -> Arc<Vec<Change>> {
    let mut changes = Arc::clone(changes);
    for index in 0..changes.len() {
        let Change::MakeDirectory {
            path, given_depth, ..
        } = &changes[index]
        else {
            continue;
        };
        let depth = policy.given_depth(path);
        if depth == *given_depth {
            continue;
        }
        if let Change::MakeDirectory { given_depth, .. } = &mut Arc::make_mut(&mut changes)[index] {
            *given_depth = depth;
        }
    }
    changes
}

/// Returns the change that appends `data`.
pub(super) fn append_change(path: &str, data: &[u8], options: &WriteOptions) -> Result<Change> {
    let (conditions, mime_type) = write_options(options)?;
    let path = VirtualPath::parse(path)?;
    let mut copy = with_room(data.len()).map_err(|error| error.at(&path))?;
    copy.extend_from_slice(data);
    Ok(Change::Append {
        path,
        data: Arc::new(copy),
        conditions,
        mime_type,
    })
}

/// Returns the change that removes a file.
pub(super) fn delete_change(path: &str, conditions: &Conditions) -> Result<Change> {
    Ok(Change::Delete {
        path: VirtualPath::parse(path)?,
        conditions: conditions_of(conditions)?,
    })
}

/// Returns the source and target of a rename or copy.
pub(super) fn relocation(from: &str, to: &str, options: &RelocateOptions) -> Result<Relocation> {
    check_source(options.conditions.if_none_match)?;
    Ok(Relocation {
        from: VirtualPath::parse(from)?,
        to: VirtualPath::parse(to)?,
        no_replace: options.no_replace,
        conditions: conditions_of(&options.conditions)?,
    })
}

fn check_source(if_none_match: bool) -> Result<()> {
    match if_none_match {
        false => Ok(()),
        true => Err(Error::invalid_argument(
            "if_none_match makes no sense for the source of a rename or copy; use NO_REPLACE",
        )),
    }
}

/// Returns the change that sets metadata.
pub(super) fn metadata_change(
    path: &str,
    values: Vec<(String, MetadataValue)>,
    conditions: &Conditions,
) -> Result<Change> {
    Ok(Change::SetMetadata {
        path: VirtualPath::parse(path)?,
        values,
        conditions: conditions_of(conditions)?,
    })
}

/// Checks and converts the options of a write.
pub(super) fn write_options(
    options: &WriteOptions,
) -> Result<(metadata::Conditions, Option<String>)> {
    if let Some(mime_type) = &options.mime_type {
        check_mime_type(mime_type)?;
    }
    Ok((
        conditions_of(&options.conditions)?,
        options.mime_type.clone(),
    ))
}

/// Returns an error unless `mime_type` can be one.
pub(crate) fn check_mime_type(mime_type: &str) -> Result<()> {
    if mime_type.is_empty()
        || mime_type.len() > MAX_MIME_BYTES
        || mime_type.chars().any(char::is_control)
    {
        return Err(Error::invalid_argument(format!(
            "mime_type {} is not valid: it has 1 to {MAX_MIME_BYTES} bytes and no control characters",
            quoted(mime_type)
        )));
    }
    Ok(())
}

/// Checks and converts conditions.
pub(super) fn conditions_of(conditions: &Conditions) -> Result<metadata::Conditions> {
    check_exclusive(conditions.if_match, conditions.if_none_match)?;
    let lease = match &conditions.lease {
        Some(lease) => Some((
            VirtualPath::parse(&lease.path)?,
            LeaseToken::required(lease.token)?,
        )),
        None => None,
    };
    Ok(metadata::Conditions {
        if_match: conditions.if_match,
        if_none_match: conditions.if_none_match,
        lease,
    })
}

fn check_exclusive(if_match: Option<ContentHash>, if_none_match: bool) -> Result<()> {
    match if_match.is_some() && if_none_match {
        false => Ok(()),
        true => Err(Error::invalid_argument(
            "if_match and if_none_match exclude each other",
        )),
    }
}

/// Returns an error unless a batch can have made `change`: for one that was read from its serialised form.
pub(super) fn check(change: &Change) -> Result<()> {
    let exclusive = |conditions: &metadata::Conditions| {
        check_exclusive(conditions.if_match, conditions.if_none_match)
    };
    match change {
        Change::Write {
            conditions,
            mime_type,
            ..
        }
        | Change::Append {
            conditions,
            mime_type,
            ..
        } => {
            mime_type.as_deref().map_or(Ok(()), check_mime_type)?;
            exclusive(conditions)
        }
        Change::Rename(relocation) | Change::Copy(relocation) => {
            check_source(relocation.conditions.if_none_match)
        }
        Change::Delete { conditions, .. }
        | Change::SetMetadata { conditions, .. }
        | Change::Require { conditions, .. } => exclusive(conditions),
        Change::CompleteWork { result, .. } => {
            let checked = result.as_deref().map(|result| json_text("result", result));
            checked.transpose().map(drop)
        }
        Change::FailWork {
            error, retry_after, ..
        } => {
            check_error_text(error)?;
            match retry_after.is_none_or(is_retry_delay) {
                true => Ok(()),
                false => Err(Error::invalid_argument("a retry waits at most 366 days")),
            }
        }
        Change::MakeDirectory { .. }
        | Change::RemoveDirectory { .. }
        | Change::DeleteMetadata { .. }
        | Change::ReleaseWork { .. } => Ok(()),
        Change::Heartbeat { .. } | Change::Import(_) => {
            Err(Error::invalid_argument("this is no change of a batch"))
        }
    }
}

/// Asks the policy for everything that `change` touches.
pub(super) fn authorize(policy: &Policy, change: &Change, call: &Call) -> Result<()> {
    match change {
        Change::Write {
            path, conditions, ..
        }
        | Change::Append {
            path, conditions, ..
        } => {
            authorize_path(policy, path, Action::Write)?;
            authorize_conditions(policy, conditions)
        }
        Change::Delete { path, conditions } => {
            authorize_path(policy, path, Action::Remove)?;
            authorize_conditions(policy, conditions)
        }
        Change::Rename(relocation) => {
            authorize_path(policy, &relocation.from, Action::Remove)?;
            authorize_path(policy, &relocation.to, Action::Write)?;
            authorize_conditions(policy, &relocation.conditions)
        }
        Change::Copy(relocation) => {
            if relocation.from.is_root() {
                let reason = "the root directory cannot be copied into itself";
                return Err(Error::invalid_argument(reason).at(&relocation.from));
            }
            authorize_path(policy, &relocation.from, Action::Read)?;
            authorize_path(policy, &relocation.to, Action::Write)?;
            authorize_conditions(policy, &relocation.conditions)
        }
        Change::MakeDirectory { path, exist_ok, .. } if path.is_root() => match exist_ok {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::AlreadyExists, "already exists").at(path)),
        },
        Change::MakeDirectory { path, .. } => authorize_path(policy, path, Action::MakeDirectory),
        Change::RemoveDirectory { path, .. } => authorize_path(policy, path, Action::Remove),
        Change::SetMetadata {
            path,
            values,
            conditions,
        } => {
            authorize_path(policy, path, Action::Metadata)?;
            authorize_conditions(policy, conditions)?;
            authorize_values(policy, values)
        }
        Change::DeleteMetadata { path, .. }
        | Change::Heartbeat { path, .. }
        | Change::CompleteWork { path, .. }
        | Change::FailWork { path, .. }
        | Change::ReleaseWork { path, .. } => authorize_path(policy, path, Action::Metadata),
        Change::Require { path, conditions } if path.is_root() && conditions.if_none_match => {
            Err(Error::conflict("the root directory exists").at(path))
        }
        Change::Require { path, conditions } => {
            policy.check(path, Action::Read)?;
            authorize_conditions(policy, conditions)
        }
        Change::Import(source) => authorize_import(policy, &**source, call),
    }
}

/// Asks the policy for every path. What a file depends on the transaction checks. An error of a file names it by its
/// index; others have no index.
fn authorize_import(policy: &Policy, source: &dyn ImportSource, call: &Call) -> Result<()> {
    for index in 0..source.files() {
        call.check()?;
        if let Some((file, _)) = source.file(index)? {
            authorize_path(policy, &file.path, Action::Write)
                .map_err(|error| error.in_operation(index))?;
        }
    }
    for index in 0..source.directories() {
        if let Some(directory) = source.directory(index)? {
            authorize_path(policy, &directory.path, Action::MakeDirectory)?;
        }
    }
    Ok(())
}

/// Asks the policy for one path. What cannot be done to the root is the same for everyone.
fn authorize_path(policy: &Policy, path: &VirtualPath, action: Action) -> Result<()> {
    if !path.is_root() {
        return policy.check(path, action).map(drop);
    }
    match action {
        Action::Read => Ok(()),
        Action::Write | Action::Metadata => {
            Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(path))
        }
        Action::MakeDirectory => {
            Err(Error::new(ErrorKind::AlreadyExists, "already exists").at(path))
        }
        Action::Remove => {
            Err(Error::invalid_argument("the root directory cannot be moved or removed").at(path))
        }
    }
}

fn authorize_conditions(policy: &Policy, conditions: &metadata::Conditions) -> Result<()> {
    match &conditions.lease {
        Some((item, _)) => policy.check(item, Action::Read).map(drop),
        None => Ok(()),
    }
}

/// What a caller may not read it cannot depend on.
fn authorize_values(policy: &Policy, values: &[(String, MetadataValue)]) -> Result<()> {
    for (_, value) in values {
        let MetadataValue::Work(WorkField::DependsOn(dependencies)) = value else {
            continue;
        };
        for dependency in dependencies {
            if let DependencyRef::Path(path) = dependency {
                policy.check(path, Action::Read)?;
            }
        }
    }
    Ok(())
}
