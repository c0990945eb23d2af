//! Nobody but the worker that holds it replaces an item under a live lease.

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{
    ClaimOptions, Conditions, ImportMode, ImportOptions, LeaseCondition, RelocateOptions,
    WriteOptions,
};
use serde_json::{Value, json};

use crate::store::{Store, line, mode, with};

const ITEM: &str = "/q/item";

/// A store whose item a worker has claimed, with the token.
fn leased() -> (Store, u64) {
    let store = Store::new();
    store.write("/other", "other");
    store.write(ITEM, "task");
    store.set_meta(ITEM, json!({"status": "ready"}));
    let claimed = store.fs.work_claim("w", &ClaimOptions::default()).unwrap();
    (store, claimed[0].lease)
}

/// The worker's lease still lives.
fn is_held(store: &Store, lease: u64) {
    assert_eq!(store.meta(ITEM)["status"], "in_progress");
    store.fs.work_heartbeat(ITEM, lease, 30_000).unwrap();
}

fn newer() -> Value {
    with(
        line(ITEM, "other"),
        json!({"modified_at": "9999-01-01T00:00:00Z", "custom_metadata": {"status": "ready"}}),
    )
}

fn refused<T: std::fmt::Debug>(store: &Store, lease: u64, what: &str, outcome: Result<T>) {
    let Err(error) = outcome else {
        panic!("{what} was not refused: {outcome:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Conflict, "{what}: {error}");
    assert!(error.to_string().contains("lease"), "{what}: {error}");
    is_held(store, lease);
}

#[test]
fn an_import_conflicts_with_the_lease_of_an_item_that_it_would_replace() {
    let (store, lease) = leased();
    for mode in [mode(ImportMode::Overwrite), mode(ImportMode::Auto)] {
        for dry_run in [false, true] {
            let options = ImportOptions { dry_run, ..mode };
            let outcome = store.import(&[line("/new", "other"), newer()], &options);
            let text = outcome.as_ref().unwrap_err().to_string();
            assert!(text.contains("line 2: "), "{text}");
            refused(&store, lease, "an import", outcome);
        }
    }
    assert!(!store.fs.exists("/new").unwrap());
    // What leaves the item alone is no conflict.
    for mode in [mode(ImportMode::Skip), mode(ImportMode::Remap)] {
        store.import(&[newer()], &mode).unwrap();
    }
    is_held(&store, lease);
}

#[test]
fn a_bundle_conflicts_likewise() {
    let (store, lease) = leased();
    let file = store.scratch("bundle");
    store
        .fs
        .bundle_export(&file, &Default::default(), &mut |_, _, _| true)
        .unwrap();
    let outcome = store
        .fs
        .bundle_import(&file, &mode(ImportMode::Overwrite), &mut |_, _, _| true);
    refused(&store, lease, "a bundle", outcome);
}

#[test]
fn a_line_that_cancels_the_item_ends_the_lease_as_setting_the_status_does() {
    let (store, lease) = leased();
    let cancelled = with(newer(), json!({"custom_metadata": {"status": "cancelled"}}));
    store
        .import(&[cancelled], &mode(ImportMode::Overwrite))
        .unwrap();
    assert_eq!(store.meta(ITEM)["status"], "cancelled");
    let error = store.fs.work_complete(ITEM, lease, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
}

#[test]
fn an_expired_lease_stands_in_nobodys_way() {
    let store = Store::new();
    store.write("/other", "other");
    store.write(ITEM, "task");
    store.set_meta(ITEM, json!({"status": "ready"}));
    let options = ClaimOptions {
        lease_ms: 1,
        ..ClaimOptions::default()
    };
    store.fs.work_claim("w", &options).unwrap();
    // Claimable again: the lease has ended.
    assert!(store.fs.work_wait(None, None).unwrap());
    store
        .import(&[newer()], &mode(ImportMode::Overwrite))
        .unwrap();
    assert_eq!(store.meta(ITEM)["status"], "ready");
}

#[test]
fn a_rename_or_copy_onto_the_item_needs_its_token() {
    let (store, lease) = leased();
    let options = |token: Option<u64>| RelocateOptions {
        conditions: Conditions {
            lease: token.map(|token| LeaseCondition {
                path: ITEM.to_owned(),
                token,
            }),
            ..Conditions::default()
        },
        ..RelocateOptions::default()
    };
    refused(
        &store,
        lease,
        "a rename",
        store.fs.rename("/other", ITEM, &options(None)),
    );
    refused(
        &store,
        lease,
        "a copy",
        store.fs.copy("/other", ITEM, &options(None)),
    );
    assert_eq!(store.text(ITEM), "task");
    store
        .fs
        .copy("/other", ITEM, &options(Some(lease)))
        .unwrap();
    assert_eq!(store.text(ITEM), "other");
    assert_eq!(store.meta(ITEM), json!({}), "another file took its place");
}

#[test]
fn in_a_batch_the_token_is_shown_before() {
    let (store, lease) = leased();
    let mut batch = store.fs.batch();
    batch
        .rename("/other", ITEM, &RelocateOptions::default())
        .unwrap();
    refused(&store, lease, "a batch", batch.commit());
    let mut batch = store.fs.batch();
    batch.require_lease(ITEM, lease).unwrap();
    batch
        .rename("/other", ITEM, &RelocateOptions::default())
        .unwrap();
    batch.commit().unwrap();
    assert_eq!(store.text(ITEM), "other");
}

#[test]
fn writing_moving_and_deleting_the_item_stay_possible() {
    let (store, lease) = leased();
    store
        .fs
        .write(ITEM, b"changed", &WriteOptions::default())
        .unwrap();
    store
        .fs
        .append(ITEM, b"!", &WriteOptions::default())
        .unwrap();
    is_held(&store, lease);
    store
        .fs
        .rename(ITEM, "/q/moved", &RelocateOptions::default())
        .unwrap();
    store.fs.work_heartbeat("/q/moved", lease, 30_000).unwrap();
    store.delete("/q/moved");
    let error = store.fs.work_complete("/q/moved", lease, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
}
