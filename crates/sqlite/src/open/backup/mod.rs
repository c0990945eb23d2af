//! Copying a store while others use it.
//!
//! 1. Contents are pinned: what others drop from now on keeps its file.
//! 2. The database is copied as it is at one moment, aside.
//! 3. The files of contents that the copy names are copied, each verified. Those that the target has are read
//!    instead; a damaged one is copied again.
//! 4. The copied database takes the place of the earlier one, by a rename. Before it, the target is what it
//!    was, with more files; after it, it is the new copy.
//! 5. Files that only the earlier copy named go.

mod target;

use std::path::Path;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::{
    Condition, ContentStore, Expected, LOCAL_BACKEND, LocalContents, Placement, Staged, damaged,
    missing, stage_again,
};
use nexusfs_core::error::{Error, ErrorKind, Result};
use nexusfs_core::filesystem::Progress;
use nexusfs_core::metadata::{ContentRow, MetadataCopy, References, Upkeep};

use serde_json::{Value, json};

use self::target::Target;
use crate::open::home::LocalHome;

/// Contents that are put in place, and made durable, together.
const STEP: usize = 64;
/// Most damaged contents that a report lists; it counts all.
const LISTED: usize = 1000;

/// What a backup did.
#[derive(Default)]
struct Report {
    copied: u64,
    copied_bytes: u64,
    unchanged: u64,
    removed: u64,
    damaged_count: u64,
    damaged: Vec<Value>,
}

/// Does what [`Home::backup`](nexusfs_core::filesystem::Home::backup) does.
pub(super) fn backup(
    home: &LocalHome,
    target: &Path,
    placement: &Placement,
    call: &Call,
    progress: Progress<'_>,
) -> Result<String> {
    let mut target = Target::open(home, target, call)?;
    let mut tell = |done: u64, total: u64, what: &str| {
        call.check()?;
        match progress(done, total, what) {
            true => Ok(()),
            false => Err(Error::cancelled()),
        }
    };
    let pin = home.store.pin(call)?;
    let names: Vec<Arc<str>> = placement.names().cloned().collect();
    let identity = target.identity(&names, call)?;
    let copy = home.store.copy_to(
        &target.new_database(),
        &identity,
        &mut |done, total| tell(done, total, "database pages"),
        call,
    )?;
    let mut report = Report::default();
    copy_contents(placement, &*copy, &target, &mut report, call, &mut tell)?;
    let files = copy.files()?;
    tell(0, 0, "putting the copy in place")?;
    if report.unchanged > 0 {
        // An earlier copy may have died before it made their names durable.
        for name in &names {
            target.store(name)?.sync_names(call)?;
        }
    }
    target.put_in_place(&copy.digest()?)?;
    // From here on the copy is complete; what fails leaves files of nobody in it.
    report.removed = target.remove_unheld(&*copy, call).unwrap_or_default();
    drop(pin);
    let mounts: Vec<Value> = target
        .mounts()
        .map(|(name, place)| json!({"name": &**name, "directory": place}))
        .collect();
    Ok(json!({
        "files": files,
        "copied_contents": report.copied,
        "copied_bytes": report.copied_bytes,
        "unchanged_contents": report.unchanged,
        "removed_contents": report.removed,
        "damaged_count": report.damaged_count,
        "damaged": report.damaged,
        "mounts": mounts,
    })
    .to_string())
}

fn copy_contents(
    placement: &Placement,
    copy: &dyn MetadataCopy,
    target: &Target,
    report: &mut Report,
    call: &Call,
    tell: &mut dyn FnMut(u64, u64, &str) -> Result<()>,
) -> Result<()> {
    let total = copy.content_bytes()?;
    let mut done = 0;
    let mut staged = Vec::new();
    let mut after = None;
    loop {
        let (rows, more) = copy.contents(after.as_ref())?;
        for row in rows.iter().filter(|row| row.data.is_none()) {
            tell(done, total, "bytes of contents")?;
            done += row.size;
            let backend = row
                .backend
                .as_ref()
                .ok_or_else(|| Error::corrupt("a content names an unknown backend"))?;
            let store = target.store(backend)?;
            let expected = Expected {
                hash: &row.hash,
                size: row.size,
                blocks: &row.blocks,
            };
            if expected.examine(store, true, &mut |_| call.check(), call)? == Condition::Good {
                report.unchanged += 1;
                continue;
            }
            let source = placement.store(backend)?;
            match copy_one(&**source, store, row, call) {
                Ok(content) => {
                    report.copied += 1;
                    report.copied_bytes += row.size;
                    staged.push((Arc::clone(backend), content));
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    report.add_damaged(copy, row, &error)?;
                }
                Err(error) => return Err(error),
            }
            if staged.len() == STEP {
                publish(target, &mut staged, call)?;
            }
        }
        if more.is_none() {
            return publish(target, &mut staged, call);
        }
        after = more;
    }
}

impl Report {
    fn add_damaged(
        &mut self,
        copy: &dyn MetadataCopy,
        row: &ContentRow,
        error: &Error,
    ) -> Result<()> {
        self.damaged_count += 1;
        if self.damaged.len() < LISTED {
            self.damaged.push(json!({
                "path": copy.first_path_of(&row.key())?,
                "hash": row.hash.to_string(),
                "message": error.to_string(),
            }));
        }
        Ok(())
    }
}

/// Copies the content of `row`, verified.
fn copy_one(
    source: &dyn ContentStore,
    target: &dyn ContentStore,
    row: &ContentRow,
    call: &Call,
) -> Result<Arc<dyn Staged>> {
    let file = source
        .open(&row.hash, call)?
        .ok_or_else(|| missing(&row.hash))?;
    // Damage is what two readings find.
    for _ in 0..2 {
        let mut staging = target.stage(call)?;
        stage_again(&*file, row.size, &mut *staging, call)?;
        let staged = staging.finish(call)?;
        if staged.hash() == row.hash && staged.size() == row.size {
            return Ok(staged);
        }
        file.forget_cached();
    }
    Err(damaged(&row.hash))
}

/// Puts what was copied in place, durably.
fn publish(
    target: &Target,
    staged: &mut Vec<(Arc<str>, Arc<dyn Staged>)>,
    call: &Call,
) -> Result<()> {
    while let Some((backend, _)) = staged.first() {
        let backend = Arc::clone(backend);
        let (now, later): (Vec<_>, Vec<_>) =
            staged.drain(..).partition(|(name, _)| *name == backend);
        let contents: Vec<&dyn Staged> = now.iter().map(|(_, content)| &**content).collect();
        target.store(&backend)?.publish(&contents, call)?;
        *staged = later;
    }
    Ok(())
}

/// Returns whether the backend is the store's own.
fn is_local(name: &str) -> bool {
    name == LOCAL_BACKEND
}
