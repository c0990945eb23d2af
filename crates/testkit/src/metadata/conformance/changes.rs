//! Changes and queries, as cases write them.

use nexusfs_core::metadata::{
    Change, Conditions, EntryQuery, MetadataQuery, MetadataValue, Relocation, Scope,
};
use nexusfs_core::path::VirtualPath;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::LeaseToken;

use super::Subject;

pub(super) fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

pub(super) fn delete(at: &str) -> Change {
    Change::Delete {
        path: path(at),
        conditions: Conditions::default(),
    }
}

pub(super) fn mkdir(at: &str) -> Change {
    make_directory(at, false, false, 0)
}

pub(super) fn make_directory(
    at: &str,
    parents: bool,
    exist_ok: bool,
    given_depth: usize,
) -> Change {
    Change::MakeDirectory {
        path: path(at),
        parents,
        exist_ok,
        given_depth,
    }
}

pub(super) fn rmdir(at: &str, recursive: bool) -> Change {
    Change::RemoveDirectory {
        path: path(at),
        recursive,
    }
}

pub(super) fn relocation(from: &str, to: &str) -> Relocation {
    Relocation {
        from: path(from),
        to: path(to),
        no_replace: false,
        conditions: Conditions::default(),
    }
}

pub(super) fn rename(from: &str, to: &str) -> Change {
    Change::Rename(relocation(from, to))
}

pub(super) fn copy(from: &str, to: &str) -> Change {
    Change::Copy(relocation(from, to))
}

pub(super) fn append(at: &str, data: &[u8]) -> Change {
    Change::Append {
        path: path(at),
        data: data.to_vec().into(),
        conditions: Conditions::default(),
        mime_type: None,
    }
}

pub(super) fn set(at: &str, key: &str, json: &str) -> Change {
    set_under(at, key, json, Conditions::default())
}

pub(super) fn set_under(at: &str, key: &str, json: &str, conditions: Conditions) -> Change {
    Change::SetMetadata {
        path: path(at),
        values: vec![(key.to_owned(), MetadataValue::parse(key, json).unwrap())],
        conditions,
    }
}

/// Sets all keys of `json`, an object.
pub(super) fn set_all(at: &str, json: &str) -> Change {
    Change::SetMetadata {
        path: path(at),
        values: MetadataValue::parse_object(json).unwrap(),
        conditions: Conditions::default(),
    }
}

pub(super) fn unset(at: &str, key: &str) -> Change {
    Change::DeleteMetadata {
        path: path(at),
        key: key.to_owned(),
    }
}

pub(super) fn require(at: &str, conditions: Conditions) -> Change {
    Change::Require {
        path: path(at),
        conditions,
    }
}

pub(super) fn under(item: &str, token: LeaseToken) -> Conditions {
    Conditions {
        lease: Some((path(item), token)),
        ..Conditions::default()
    }
}

pub(super) fn complete(at: &str, token: LeaseToken) -> Change {
    Change::CompleteWork {
        path: path(at),
        token,
        result: None,
    }
}

pub(super) fn fail(at: &str, token: LeaseToken, retry_after: Option<i64>) -> Change {
    Change::FailWork {
        path: path(at),
        token,
        error: "it broke".to_owned(),
        retry_after,
    }
}

pub(super) fn release(at: &str, token: LeaseToken) -> Change {
    Change::ReleaseWork {
        path: path(at),
        token,
    }
}

pub(super) fn heartbeat(at: &str, token: LeaseToken, lease: i64) -> Change {
    Change::Heartbeat {
        path: path(at),
        token,
        lease,
    }
}

/// Returns the changes that make an item with the keys of `json`, an object.
pub(super) fn item(subject: &Subject, at: &str, json: &str) -> [Change; 2] {
    [subject.write(at, b"work"), set_all(at, json)]
}

/// Makes ready items.
#[track_caller]
pub(super) fn make_ready(subject: &Subject, paths: &[&str]) {
    for at in paths {
        subject.commit(item(subject, at, r#"{"status": "ready"}"#).into());
    }
}

pub(super) fn everything(scope: Scope) -> EntryQuery {
    EntryQuery {
        scope,
        directories: true,
        after: None,
        limit: usize::MAX,
    }
}

pub(super) fn whole() -> Scope {
    Scope::Range(PathRange::all())
}

pub(super) fn with_value(key: &str, json: &str) -> MetadataQuery {
    MetadataQuery {
        key: key.to_owned(),
        value: MetadataValue::parse(key, json).unwrap(),
        range: PathRange::all(),
        after: None,
        limit: usize::MAX,
    }
}
