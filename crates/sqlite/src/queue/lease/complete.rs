//! Consecutive completions in a batch: one statement executes several of them.

use std::sync::LazyLock;

use nexusfs_core::metadata::Change;
use nexusfs_core::path::VirtualPath;
use nexusfs_core::time::Micros;
use nexusfs_core::work::LeaseToken;
use rusqlite::params_from_iter;
use rusqlite::types::{Null, ToSqlOutput};

use super::super::some::{self, AT_ONCE};
use super::super::transaction::WorkTransaction;
use super::finish::{no_longer_awaited, why_lost};
use crate::error::{Error, Result};

/// Completes items at paths in a row, each under its live lease only. The first parameters are the times of the two clocks.
static COMPLETE_SOME: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE OR FAIL work
         SET {no_lease}, status = 3 /* completed */, completed_at = ?1, result = {result}
         WHERE path {which} AND {is_held} AND lease_deadline > ?2",
        no_lease = no_lease!(),
        result = some::choose("lease", TOKENS, |place| format!("?{}", RESULTS + place)),
        which = some::any_of(PATHS),
        is_held = some::choose("lease", TOKENS, |place| {
            format!("lease = ?{} AND path = ?{}", TOKENS + place, PATHS + place)
        }),
    )
});
/// Where the parameters for each item begin.
const PATHS: usize = 3;
const TOKENS: usize = PATHS + AT_ONCE;
const RESULTS: usize = TOKENS + AT_ONCE;

const WAS_COMPLETED: &str =
    "SELECT 1 FROM work WHERE path = ?1 AND completed_at = ?2 AND lease IS NULL";
const ANY_EDGES: &str = "SELECT 1 FROM edges LIMIT 1";

/// A requested completion.
pub(in super::super::super) struct Completion<'a> {
    path: &'a VirtualPath,
    token: LeaseToken,
    result: Option<&'a str>,
    /// Index of the change.
    operation: usize,
}

/// Returns the completions in `changes` from `first` on that one statement can execute: of different items under
/// different leases.
pub(in super::super::super) fn completions(
    changes: &[Change],
    first: usize,
) -> Vec<Completion<'_>> {
    let mut completions: Vec<Completion<'_>> = Vec::new();
    for (operation, change) in (first..).zip(&changes[first..]).take(AT_ONCE) {
        match change {
            Change::CompleteWork {
                path,
                token,
                result,
            } if completions
                .iter()
                .all(|earlier| earlier.token != *token && earlier.path != path) =>
            {
                completions.push(Completion {
                    path,
                    token: *token,
                    result: result.as_deref(),
                    operation,
                });
            }
            _ => break,
        }
    }
    completions
}

/// Executes some completions of `changes`.
pub(in super::super::super) fn complete_some(
    tx: &mut WorkTransaction<'_>,
    changes: &[Change],
    mut completions: Vec<Completion<'_>>,
) -> Result<()> {
    completions.sort_unstable_by_key(|completion| completion.token.number());
    let time = tx.time.wall();
    if run(tx, &completions, time)? < completions.len() {
        return Err(first_lost(tx, changes, completions, time)?);
    }
    if tx.connection.prepare_cached(ANY_EDGES)?.exists([])? {
        for completion in &completions {
            no_longer_awaited(tx, completion.path)?;
        }
    }
    Ok(())
}

/// Returns how many were completed.
fn run(tx: &WorkTransaction<'_>, completions: &[Completion<'_>], time: Micros) -> Result<usize> {
    let now = tx.time.boot().0;
    let paths = completions
        .iter()
        .map(|one| ToSqlOutput::from(one.path.as_str()));
    let tokens = completions
        .iter()
        .map(|one| ToSqlOutput::from(one.token.number()));
    let results = completions.iter().map(|one| match one.result {
        Some(result) => ToSqlOutput::from(result),
        None => ToSqlOutput::from(Null),
    });
    let mut params: Vec<ToSqlOutput<'_>> = vec![time.into(), now.into()];
    params.extend(some::parameters(paths));
    params.extend(some::parameters(tokens));
    params.extend(some::parameters(results));
    let mut statement = tx.connection.prepare_cached(&COMPLETE_SOME)?;
    Ok(statement.execute(params_from_iter(params))?)
}

/// Returns why the first of them that was not completed at `time` could not be.
fn first_lost(
    tx: &WorkTransaction<'_>,
    changes: &[Change],
    mut completions: Vec<Completion<'_>>,
    time: Micros,
) -> Result<Error> {
    completions.sort_unstable_by_key(|completion| completion.operation);
    let mut was_completed = tx.connection.prepare_cached(WAS_COMPLETED)?;
    let mut lost = None;
    for completion in &completions {
        if !was_completed.exists((completion.path.as_str(), time))? {
            lost = Some(completion);
            break;
        }
    }
    // Else one of them was completed before, in this microsecond: most likely by an earlier change of the set.
    let was_completed_before = |completion: &&Completion<'_>| {
        let before = &changes[..completion.operation];
        before.iter().any(
            |change| matches!(change, Change::CompleteWork { path, .. } if path == completion.path),
        )
    };
    let lost = lost.or_else(|| completions.iter().find(was_completed_before));
    let lost = lost.unwrap_or(&completions[0]);
    Ok(why_lost(tx, lost.path, lost.token).in_operation(lost.operation))
}

/// The statements above, for the test of their query plans.
#[cfg(test)]
pub(in super::super) fn statements() -> [&'static str; 3] {
    [&COMPLETE_SOME, WAS_COMPLETED, ANY_EDGES]
}
