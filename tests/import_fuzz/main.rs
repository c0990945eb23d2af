//! Imports of random lines and bundles with extreme values, by several tenants of one store.
//!
//! Whatever is accepted can be claimed, failed, listed, exported, imported again and verified. Whatever is refused changes
//! nothing. A tenant's import never changes what another's handle returns.
//!
//! `scripts/fuzz-import SECONDS [SEED]` runs it for as long as one likes. A round repeats exactly from its seed, which a
//! failure prints: `NEXUS_FUZZ_ROUND=SEED`.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bundle;
mod lines;
mod random;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{
    ClaimOptions, ExportOptions, Filesystem, ImportMode, ImportOptions, InvalidWorkKeys,
    ListOptions, MissingContent, NewerBy, VerifyOptions, WorkView, WriteOptions,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::lines::{CONTENTS, STORED};
use self::random::Random;

/// Rounds of an ordinary run of the tests.
const ROUNDS: u64 = 12;
const IMPORTS: u64 = 6;
const VIEWS: [WorkView; 5] = [
    WorkView::Ready,
    WorkView::Blocked,
    WorkView::Pending,
    WorkView::InProgress,
    WorkView::ByPriority,
];

#[test]
fn whatever_is_accepted_works_and_touches_no_other_tenant() {
    let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    if let Some(seed) = number("NEXUS_FUZZ_ROUND") {
        round(seed);
        return;
    }
    let first = number("NEXUS_FUZZ_SEED").unwrap_or(1);
    let Some(seconds) = number("NEXUS_FUZZ_SECONDS") else {
        for seed in first..first + ROUNDS {
            round(seed);
        }
        return;
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut total = Tally::default();
    let mut seed = first;
    while Instant::now() < end {
        let tally = round(seed);
        total.accepted += tally.accepted;
        total.refused += tally.refused;
        total.claimed += tally.claimed;
        seed = seed.wrapping_add(1);
    }
    eprintln!("rounds {first} to {}: {total:?}", seed.wrapping_sub(1));
    assert!(total.accepted > 0 && total.claimed > 0, "{total:?}");
}

#[derive(Debug, Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    claimed: u64,
}

/// Prints the seed of a round that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the round fails again with NEXUS_FUZZ_ROUND={}", self.0);
        }
    }
}

struct Store {
    all: Filesystem,
    tenants: [Filesystem; 2],
    directory: TempDir,
}

const TENANTS: [&str; 2] = ["a", "b"];

impl Store {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let connect = |tenant: Option<&str>| {
            let mut config = json!({
                "data_dir": directory.path().join("data"), "durability": "normal",
                "housekeeping": false,
            });
            if let Some(tenant) = tenant {
                config["tenant_id"] = json!(tenant);
            }
            nexusfs::connect(Some(&config.to_string())).unwrap()
        };
        let all = connect(None);
        let tenants = TENANTS.map(|tenant| connect(Some(tenant)));
        Store {
            all,
            tenants,
            directory,
        }
    }

    fn beside(&self, name: &str) -> String {
        self.directory
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn fill(&self, random: &mut Random) {
        for (index, tenant) in TENANTS.iter().enumerate() {
            for (number, content) in CONTENTS[..STORED].iter().enumerate() {
                let path = format!("/shared/{tenant}/stored/{number}");
                let fs = &self.tenants[index];
                fs.write(&path, content.as_bytes(), &WriteOptions::default())
                    .unwrap();
                let status = random.pick(&["ready", "pending", "blocked", "completed"]);
                let values = json!({"status": status, "priority": random.below(3)});
                fs.set_meta_many(&path, &values.to_string()).unwrap();
            }
        }
    }
}

fn export(fs: &Filesystem, file: &str) -> String {
    fs.export_metadata(file, &ExportOptions::default(), &mut |_, _, _| true)
        .unwrap();
    fs::read_to_string(file).unwrap()
}

/// Everything that the queries of `fs` return.
fn answers(fs: &Filesystem, file: &str) -> String {
    let mut answers = export(fs, file);
    for view in VIEWS {
        let rows = fs.work(view, usize::MAX).unwrap();
        answers.push_str(&format!("{view:?}: {rows:?}\n"));
    }
    answers.push_str(&fs.work_stats(None).unwrap());
    let page = fs.list(&ListOptions::default()).unwrap();
    answers.push_str(&format!("{page:?}\n"));
    for (key, value) in [
        ("status", "\"ready\""),
        ("priority", "0"),
        ("tags", "[\"a\",\"b\"]"),
    ] {
        let found = fs.find_by_meta(key, value, &Default::default()).unwrap();
        answers.push_str(&format!("{key}: {found:?}\n"));
    }
    answers
}

fn round(seed: u64) -> Tally {
    let guard = Seed(seed);
    let random = &mut Random::new(seed);
    let store = Store::new();
    store.fill(random);
    let mut tally = Tally::default();
    for _ in 0..IMPORTS {
        let own = random.below(2) as usize;
        let (fs, other) = (&store.tenants[own], &store.tenants[1 - own]);
        let scratch = store.beside("answers");
        let others_before = answers(other, &scratch);
        let before = export(&store.all, &scratch);
        match import(&store, own, random) {
            Ok(report) => {
                tally.accepted += 1;
                let is_dry = report["dry_run"] == true;
                if is_dry {
                    assert_eq!(
                        export(&store.all, &scratch),
                        before,
                        "a dry run changed something"
                    );
                }
            }
            Err(error) => {
                tally.refused += 1;
                assert!(
                    !matches!(
                        error.kind(),
                        ErrorKind::Internal | ErrorKind::Busy | ErrorKind::Io
                    ),
                    "{error}"
                );
                assert_eq!(export(&store.all, &scratch), before, "{error}");
            }
        }
        assert_eq!(
            answers(other, &scratch),
            others_before,
            "another tenant's answers"
        );
        tally.claimed += work(fs, random);
        assert_eq!(answers(other, &scratch), others_before, "after claims");
        check(&store.all);
        let again = store.beside("again");
        export(fs, &again);
        let overwrite = ImportOptions {
            mode: ImportMode::Overwrite,
            ..ImportOptions::default()
        };
        fs.import_metadata(&again, &overwrite, &mut |_, _, _| true)
            .unwrap_or_else(|error| panic!("what was exported is refused: {error}"));
        assert_eq!(
            answers(other, &scratch),
            others_before,
            "after importing again"
        );
        check(&store.all);
    }
    let moved = store.beside("moved");
    store
        .all
        .bundle_export(&moved, &ExportOptions::default(), &mut |_, _, _| true)
        .unwrap();
    let elsewhere = Store::new();
    elsewhere
        .all
        .bundle_import(&moved, &ImportOptions::default(), &mut |_, _, _| true)
        .unwrap_or_else(|error| panic!("the bundle of the store is refused: {error}"));
    check(&elsewhere.all);
    damaged_bundles(&elsewhere, Path::new(&moved), random);
    drop(guard);
    tally
}

fn options(random: &mut Random) -> ImportOptions {
    ImportOptions {
        mode: *random.pick(&[
            ImportMode::Skip,
            ImportMode::Overwrite,
            ImportMode::Remap,
            ImportMode::Auto,
        ]),
        dry_run: random.chance(10),
        invalid_work_keys: *random.pick(&[InvalidWorkKeys::Refuse, InvalidWorkKeys::Rename]),
        missing_content: *random.pick(&[MissingContent::Refuse, MissingContent::Skip]),
        newer_by: *random.pick(&[NewerBy::Content, NewerBy::All]),
        ..ImportOptions::default()
    }
}

/// Imports some random lines for a tenant. Bad ones would hide the rest, so each is tried alone first.
fn import(store: &Store, own: usize, random: &mut Random) -> Result<Value> {
    let fs = &store.tenants[own];
    let options = options(random);
    let mut good: Vec<Value> = Vec::new();
    let keep_bad = random.chance(15);
    let dry = ImportOptions {
        dry_run: true,
        ..options
    };
    for _ in 0..1 + random.below(12) {
        let line = lines::line(random, TENANTS[own]);
        let mut with = good.clone();
        with.push(line);
        if keep_bad || import_lines(store, fs, &with, &dry, false).is_ok() {
            good = with;
        }
    }
    let as_bundle = random.chance(30);
    import_lines(store, fs, &good, &options, as_bundle)
}

fn import_lines(
    store: &Store,
    fs: &Filesystem,
    lines: &[Value],
    options: &ImportOptions,
    as_bundle: bool,
) -> Result<Value> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = store.beside("import");
    let report = match as_bundle {
        true => {
            fs::write(&file, bundle::of(&text, &CONTENTS)).unwrap();
            fs.bundle_import(&file, options, &mut |_, _, _| true)
        }
        false => {
            fs::write(&file, text).unwrap();
            fs.import_metadata(&file, options, &mut |_, _, _| true)
        }
    };
    Ok(serde_json::from_str(&report?).unwrap())
}

/// Claims what `fs` may, and ends each lease in some way; returns how many there were.
fn work(fs: &Filesystem, random: &mut Random) -> u64 {
    let mut claimed = 0;
    let most = 40;
    while claimed < most {
        let options = ClaimOptions {
            max: 1 + random.below(5) as usize,
            ..ClaimOptions::default()
        };
        let items = fs.work_claim("worker", &options).unwrap();
        if items.is_empty() {
            break;
        }
        for item in items {
            claimed += 1;
            let (path, lease) = (item.path.as_str(), item.lease);
            fs.work_heartbeat(path, lease, 1 + random.below(60_000))
                .unwrap_or_else(|error| {
                    panic!("{path}: {error}");
                });
            fs.work_heartbeat(path, lease, 60_000).ok();
            let ended = match random.below(3) {
                0 => fs.work_complete(path, lease, Some("{\"n\": 1}")),
                1 => fs.work_fail(path, lease, "no", 3_600_000),
                _ => fs.work_release(path, lease).and_then(|()| {
                    fs.set_meta_many(path, "{\"not_before\": \"2999-01-01T00:00:00Z\"}")
                }),
            };
            if let Err(error) = ended {
                // A heartbeat of a millisecond may have let it expire.
                assert_eq!(error.kind(), ErrorKind::LeaseLost, "{path}: {error}");
            }
        }
    }
    // Leases that expired would be in the way of what comes next.
    for item in fs.work(WorkView::InProgress, usize::MAX).unwrap() {
        fs.set_meta_many(item.path.as_str(), "{\"status\": \"cancelled\"}")
            .unwrap();
    }
    claimed
}

fn check(fs: &Filesystem) {
    for view in VIEWS {
        fs.work(view, usize::MAX).unwrap();
    }
    let options = VerifyOptions {
        content: true,
        repair: false,
    };
    let report = fs.verify(options, &mut |_, _, _| true).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["error_count"], 0, "{report:#}");
}

/// A bundle that unpacks to other bytes is refused, and changes nothing.
fn damaged_bundles(store: &Store, bundle: &Path, random: &mut Random) {
    let bytes = fs::read(bundle).unwrap();
    let scratch = store.beside("state");
    let before = export(&store.all, &scratch);
    for _ in 0..4 {
        let mut changed = bytes.clone();
        match random.below(3) {
            0 => changed.truncate(random.below(bytes.len() as u64) as usize),
            _ => {
                let at = random.below(bytes.len() as u64) as usize;
                changed[at] ^= 1 << random.below(8);
            }
        }
        // Some bits of a zstd frame mean nothing: what is unpacked is the same.
        let unpacked = zstd::stream::decode_all(&bytes[..]).unwrap();
        if zstd::stream::decode_all(&changed[..]).is_ok_and(|other| other == unpacked) {
            continue;
        }
        let file = store.beside("damaged");
        fs::write(&file, changed).unwrap();
        let outcome = store
            .all
            .bundle_import(&file, &ImportOptions::default(), &mut |_, _, _| true);
        let Err(error) = outcome else {
            panic!("a damaged bundle was accepted");
        };
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Corrupt | ErrorKind::InvalidArgument | ErrorKind::Unsupported
            ),
            "{error}"
        );
        assert_eq!(export(&store.all, &scratch), before);
    }
}
