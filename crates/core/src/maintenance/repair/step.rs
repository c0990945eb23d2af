//! The steps of a repair.

use crate::metadata::{ContentKey, Finding, FindingKind, RowKey};
use crate::path::parent_of;

/// One step of a repair.
#[derive(Clone)]
pub(super) enum Step {
    /// Rows are enough.
    Mend(Finding, &'static str),
    /// A row of a file or a directory says something impossible.
    Row(String),
    /// A file has the path of a directory.
    MoveAside(String),
    /// The row of the content of a file, or else the file.
    Restore(String),
    /// The row of a content, or else the files that have it.
    RestoreContent(ContentKey),
    /// A file that cannot stay.
    Remove(String),
    /// The bytes of a content are not what they should be.
    LoseContent(ContentKey),
    /// The mark of a directory.
    Mark(String),
}

impl Step {
    /// Returns what is done about `finding` where rows, of which `planned` says what happens to them, may not be
    /// enough.
    pub fn about(finding: &Finding, planned: Option<&'static str>) -> Option<Step> {
        use FindingKind::*;
        if let Some(what) = planned {
            return Some(Step::Mend(finding.clone(), what));
        }
        Some(match (finding.kind, &finding.row) {
            (DamagedRow, RowKey::Path(path)) => Step::Row(path.clone()),
            (InvalidPath, RowKey::Path(path)) => Step::Remove(path.clone()),
            (FileAbove, RowKey::Path(path)) => Step::MoveAside(parent_of(path)?.to_owned()),
            (MissingContentRow | WrongContentRow, RowKey::Path(path)) => {
                Step::Restore(path.clone())
            }
            (DamagedRow, RowKey::Content(key)) => Step::RestoreContent(*key),
            (MissingContent | TruncatedContent | DamagedContent, RowKey::Content(key)) => {
                Step::LoseContent(*key)
            }
            (WrongMarker, RowKey::Backend(name)) => Step::Mark(name.clone()),
            _ => return None,
        })
    }

    /// Returns whether it is taken because something is not found, or what is found is counted: where tables cannot
    /// be read, or an index lacks entries, that means nothing.
    pub fn trusts_tables(&self) -> bool {
        use FindingKind::*;
        match self {
            Step::Mend(finding, _) => matches!(
                (finding.kind, &finding.row),
                (
                    OrphanRow | EmptyDirectory | DanglingEdge | WrongEdge | WrongCount,
                    _
                ) | (DamagedRow, RowKey::Metadata(..))
            ),
            Step::Remove(_) | Step::LoseContent(_) => true,
            _ => false,
        }
    }

    /// Returns the text that is reported before the step runs.
    pub fn told(&self) -> String {
        let about = |finding: &Finding| match (&finding.path, &finding.hash, &finding.row) {
            (Some(path), _, _) => path.clone(),
            (None, Some(hash), _) => hash.to_string(),
            (None, None, RowKey::Table(table)) => table.clone(),
            _ => String::new(),
        };
        match self {
            Step::Mend(finding, what) => format!("repair: {}: {what}", about(finding)),
            Step::Row(path) => {
                format!("repair: {path}: its row is corrected, or the file removed")
            }
            Step::MoveAside(path) => {
                format!("repair: {path}: the file is renamed, so that it is a directory")
            }
            Step::Restore(path) => {
                format!("repair: {path}: its content is found again, or the file removed")
            }
            Step::RestoreContent(key) => {
                let name = name_of(key);
                format!("repair: content {name}: its row is made again, or its files removed")
            }
            Step::Remove(path) => format!("repair: {path}: it is removed"),
            Step::LoseContent(key) => {
                let name = name_of(key);
                format!("repair: content {name}: it goes to the quarantine, its files are removed")
            }
            Step::Mark(backend) => format!("repair: backend '{backend}': it is marked again"),
        }
    }
}

fn name_of(key: &ContentKey) -> String {
    key.hash
        .map_or_else(|| key.id.to_string(), |hash| hash.to_string())
}
