//! What a bundle may take of memory and disk, and bundles that say one thing and hold another.

use std::fs;
use std::io::{Read, Write};

use nexusfs::content::ContentHash;
use nexusfs::error::{Error, ErrorKind, Result};
use nexusfs::filesystem::{ExportOptions, Filesystem, ImportLimits, ImportOptions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::store::Store;

const MIB: u64 = 1024 * 1024;

/// A bundle in the making, of the first version: without sums.
struct Forge {
    members: Vec<(Header, Box<dyn Read>)>,
    sum: Sha256,
    seal: Value,
}

impl Forge {
    fn new() -> Self {
        let mut forge = Forge {
            members: Vec::new(),
            sum: Sha256::new(),
            seal: json!({"files": 0, "directories": 0, "contents": 0, "content_bytes": 0}),
        };
        let head = "{\"format\":\"nexus-bundle\",\"version\":1}\n";
        forge.text("nexus-bundle.json", head);
        forge
    }

    fn add(&mut self, name: &str, size: u64, hash: &[u8; 32], data: Box<dyn Read>) {
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o600);
        header.set_cksum();
        self.sum.update(name.as_bytes());
        self.sum.update([0]);
        self.sum.update(size.to_be_bytes());
        self.sum.update(hash);
        self.members.push((header, data));
    }

    fn text(&mut self, name: &str, text: &str) {
        let hash = *ContentHash::of(text.as_bytes()).as_bytes();
        let data = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        self.add(name, text.len() as u64, &hash, data);
    }

    fn count(&mut self, key: &str, more: u64) {
        self.seal[key] = json!(self.seal[key].as_u64().unwrap() + more);
    }

    fn lines(mut self, count: u64, text: &str) -> Self {
        self.count("files", count);
        self.text("files/00000000.jsonl", text);
        self
    }

    /// A content of `size` zeros.
    fn zeros(mut self, size: u64) -> Self {
        let mut hasher = Sha256::new();
        let piece = vec![0; MIB as usize];
        let mut left = size;
        while left > 0 {
            let count = left.min(MIB);
            hasher.update(&piece[..count as usize]);
            left -= count;
        }
        let hash: [u8; 32] = hasher.finalize().into();
        let name = format!("contents/{}", ContentHash::from_bytes(hash));
        self.count("contents", 1);
        self.count("content_bytes", size);
        self.add(&name, size, &hash, Box::new(std::io::repeat(0).take(size)));
        self
    }

    fn finish(mut self) -> Vec<u8> {
        let hash: [u8; 32] = self.sum.clone().finalize().into();
        self.seal["sha256"] = json!(ContentHash::from_bytes(hash).to_string());
        let seal = format!("{}\n", self.seal);
        self.text("end.json", &seal);
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        let mut archive = tar::Builder::new(&mut encoder);
        for (header, mut data) in self.members {
            archive.append(&header, &mut data).unwrap();
        }
        archive.into_inner().unwrap();
        encoder.finish().unwrap()
    }
}

fn import_as(store: &Store, bundle: &[u8], limits: ImportLimits) -> Result<Value> {
    let file = store.beside("bundle in");
    fs::write(&file, bundle).unwrap();
    let options = ImportOptions {
        limits,
        ..ImportOptions::default()
    };
    let fs: &Filesystem = &store.fs;
    let report = fs.bundle_import(file.to_str().unwrap(), &options, &mut |_, _, _| true)?;
    Ok(serde_json::from_str(&report).unwrap())
}

fn import(store: &Store, bundle: &[u8]) -> Result<Value> {
    import_as(store, bundle, ImportLimits::default())
}

fn refused(store: &Store, bundle: &[u8], kind: ErrorKind, says: &str) -> Error {
    let error = import(store, bundle).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    let left = fs::read_dir(store.data().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "nothing stays in tmp");
    error
}

fn exported(store: &Store) -> Vec<u8> {
    let file = store.beside("bundle out");
    let options = ExportOptions::default();
    store
        .fs
        .bundle_export(file.to_str().unwrap(), &options, &mut |_, _, _| true)
        .unwrap();
    fs::read(file).unwrap()
}

/// `bundle` with another text in its first member.
fn with_head(bundle: &[u8], change: impl Fn(&mut Value)) -> Vec<u8> {
    let text = head(bundle);
    let mut head: Value = serde_json::from_str(&text).unwrap();
    let keys = [
        "format",
        "version",
        "lines",
        "line_bytes",
        "contents",
        "content_bytes",
        "unpacked_bytes",
    ];
    change(&mut head);
    let members: Vec<String> = keys
        .iter()
        .map(|key| format!("\"{key}\":{}", head[key]))
        .collect();
    let json = format!("{{{}}}", members.join(","));
    let mut changed = bundle.to_vec();
    let padded = format!("{json:511}\n");
    changed[HEAD_AT..HEAD_AT + 512].copy_from_slice(padded.as_bytes());
    changed
}

/// Behind the header of its frame and that of the member.
const HEAD_AT: usize = 10 + 512;

fn head(bundle: &[u8]) -> String {
    String::from_utf8(bundle[HEAD_AT..HEAD_AT + 512].to_vec()).unwrap()
}

fn line(path: &str, content: &[u8]) -> String {
    let etag = ContentHash::of(content).to_string();
    format!(
        "{}\n",
        json!({"path": path, "etag": etag, "size": content.len()})
    )
}

#[test]
fn a_bundle_says_in_its_head_what_it_holds() {
    let store = Store::new();
    store.write("/a", "one");
    store.write("/b", "two!");
    store.write("/c", "one");
    let bundle = exported(&store);
    let head: Value = serde_json::from_str(&head(&bundle)).unwrap();
    assert_eq!(head["version"], 2, "{head}");
    assert_eq!(head["lines"], 3, "{head}");
    assert_eq!(head["contents"], 2, "{head}");
    assert_eq!(head["content_bytes"], 7, "{head}");
    let unpacked = zstd::stream::decode_all(&bundle[..]).unwrap();
    assert_eq!(head["unpacked_bytes"], unpacked.len(), "{head}");
    assert_eq!(import(&Store::new(), &bundle).unwrap()["created"], 3);
}

#[test]
fn a_bundle_that_holds_more_or_less_than_it_says_is_damaged() {
    let store = Store::new();
    for number in 0..100 {
        store.write(&format!("/a/{number}"), format!("content {number}"));
    }
    let bundle = exported(&store);
    let other = Store::new();
    for key in [
        "lines",
        "line_bytes",
        "contents",
        "content_bytes",
        "unpacked_bytes",
    ] {
        for difference in [-1, 1] {
            let changed = with_head(&bundle, |head| {
                head[key] = json!(head[key].as_i64().unwrap() + difference);
            });
            refused(&other, &changed, ErrorKind::Corrupt, "damaged");
        }
    }
    assert_eq!(other.fs.list(&Default::default()).unwrap().entries, []);
    import(&other, &bundle).unwrap();
}

#[test]
fn a_bundle_without_sums_is_read_within_the_same_bounds() {
    let store = Store::new();
    let bundle = Forge::new()
        .zeros(3)
        .lines(1, &line("/zeros", &[0; 3]))
        .finish();
    assert_eq!(import(&store, &bundle).unwrap()["created"], 1);
}

#[test]
fn a_bundle_that_unpacks_to_far_more_than_it_takes_is_refused_before_it_is_written() {
    let store = Store::new();
    // By what it says: nothing of it was written.
    let file = store.data().join("zeros");
    let small = exported(&store);
    let declared = with_head(&small, |head| head["unpacked_bytes"] = json!(1024 * MIB));
    let error = refused(
        &store,
        &declared,
        ErrorKind::InvalidArgument,
        "max_unpacked",
    );
    assert!(error.to_string().contains("more than"), "{error}");
    assert!(!file.exists());
    // By what it holds.
    let bundle = Forge::new().zeros(256 * MIB).finish();
    assert!(bundle.len() < 64 * 1024, "{}", bundle.len());
    refused(&store, &bundle, ErrorKind::InvalidArgument, "max_unpacked");
    let limits = ImportLimits {
        unpacked: 257 * MIB,
        ..ImportLimits::default()
    };
    import_as(&store, &bundle, limits).unwrap();
}

#[test]
fn lines_and_their_bytes_are_bounded() {
    let store = Store::new();
    store.write("/content", "text");
    // Paths that compress well.
    let lines: String = (0..120_000)
        .map(|number| line(&format!("/p/{number}"), b""))
        .collect();
    let empty = Forge::new().zeros(0);
    let bundle = empty.lines(120_000, &lines).finish();
    assert!(bundle.len() < 160_000, "{}", bundle.len());
    refused(&store, &bundle, ErrorKind::InvalidArgument, "max_lines");
    let blank = " ".repeat(20 * MIB as usize);
    let bundle = Forge::new().lines(1, &format!("{blank}\n")).finish();
    refused(&store, &bundle, ErrorKind::InvalidArgument, "max_bytes");

    let file = store.beside("lines");
    let text: String = (0..9)
        .map(|number| line(&format!("/{number}"), b"text"))
        .collect();
    fs::write(&file, &text).unwrap();
    let with = |lines, bytes| {
        let options = ImportOptions {
            limits: ImportLimits {
                lines,
                bytes,
                unpacked: 0,
            },
            dry_run: true,
            ..ImportOptions::default()
        };
        let file = file.to_str().unwrap();
        store
            .fs
            .import_metadata(file, &options, &mut |_, _, _| true)
    };
    let length = text.len() as u64;
    for (lines, bytes, option) in [(8, 0, "max_lines"), (0, length - 1, "max_bytes")] {
        let error = with(lines, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(option), "{error}");
    }
    with(9, length).unwrap();
}

#[test]
fn a_window_beyond_what_a_bundle_needs_is_refused() {
    let store = Store::new();
    store.write("/a", "text");
    let unpacked = zstd::stream::decode_all(&exported(&store)[..]).unwrap();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&unpacked).unwrap();
    let bundle = encoder.finish().unwrap();
    let error = import(&Store::new(), &bundle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn members_of_other_kinds_are_refused_whatever_they_say() {
    let store = Store::new();
    let kinds = [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Block,
    ];
    for kind in kinds {
        let mut forge = Forge::new();
        forge.text("files/00000000.jsonl", "");
        let (header, _) = forge.members.last_mut().unwrap();
        header.set_entry_type(kind);
        header.set_size(u64::from(u32::MAX) << 20);
        header.set_cksum();
        refused(&store, &forge.finish(), ErrorKind::Corrupt, "plain file");
    }
    let twice = Forge::new().zeros(3).zeros(3);
    refused(&store, &twice.finish(), ErrorKind::Corrupt, "twice");
}

#[test]
fn a_directory_where_a_file_of_the_bundle_goes_is_named_and_no_line_is() {
    let store = Store::new();
    let lines = line("/a", &[0]) + &line("/d", &[0]);
    let mut forge = Forge::new().zeros(1).lines(2, &lines);
    forge.count("directories", 1);
    let directory = json!({"path": "/d", "path_id": "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"});
    forge.text("directories/00000000.jsonl", &format!("{directory}\n"));
    let error = refused(&store, &forge.finish(), ErrorKind::NotADirectory, "/d");
    assert_eq!(error.path(), Some("/d"), "{error}");
    assert!(!error.to_string().contains("line"), "{error}");
    assert!(!store.fs.exists("/a").unwrap());
}

#[test]
fn values_of_lines_are_bounded_in_depth() {
    let store = Store::new();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for text in [
        format!("{{\"path\":\"/a\",\"etag\":{deep},\"size\":0}}\n"),
        line("/a", b"").replace(
            "\"size\"",
            &format!("\"custom_metadata\":{{\"k\":{deep}}},\"size\""),
        ),
    ] {
        let bundle = Forge::new().zeros(0).lines(1, &text).finish();
        refused(&store, &bundle, ErrorKind::InvalidArgument, "line 1: ");
    }
}
