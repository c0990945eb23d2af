//! Takes directory trees of the host into a store, in batches, and reads all of it back.
//!
//! ```text
//! cargo run --example ingest_tree -- [options] DIRECTORY...
//! ```
//!
//! Files shorter than a piece (1 MiB) go in batches, one transaction each; longer ones through a streaming writer, so that
//! memory stays bounded whatever the trees hold. Symbolic links, special files, and names that Nexus refuses are skipped
//! and counted. Then every file is read back and compared, byte by byte, with the file on the host.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{Batch, Filesystem, WriteOptions};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PIECE_BYTES: usize = 1 << 20;
/// A batch holds its bytes in memory until it is committed.
const BATCH_BYTES: usize = 16 << 20;

const USAGE: &str = "\
usage: ingest_tree [options] DIRECTORY...
  --data-dir DIR     where the store is or will be (./nexus-data)
  --tenant NAME      work as this tenant
  --prefix PATH      put the trees below PATH (/ingest, or /shared/NAME/ingest with --tenant)
  --batch N          files in a batch (1000)
  --durability WHAT  full or normal (full)";

struct Settings {
    data_dir: String,
    tenant: Option<String>,
    prefix: Option<String>,
    batch: usize,
    durability: String,
    trees: Vec<PathBuf>,
}

impl Settings {
    /// Returns what the arguments say, or `None` if they make no sense.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Settings> {
        let mut settings = Settings {
            data_dir: "./nexus-data".to_owned(),
            tenant: None,
            prefix: None,
            batch: 1000,
            durability: "full".to_owned(),
            trees: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--data-dir" => settings.data_dir = arguments.next()?,
                "--tenant" => settings.tenant = Some(arguments.next()?),
                "--prefix" => settings.prefix = Some(arguments.next()?),
                "--batch" => settings.batch = arguments.next()?.parse().ok().filter(|n| *n > 0)?,
                "--durability" => settings.durability = arguments.next()?,
                option if option.starts_with("--") => return None,
                tree => settings.trees.push(tree.into()),
            }
        }
        (!settings.trees.is_empty()).then_some(settings)
    }

    fn prefix(&self) -> String {
        match (&self.prefix, &self.tenant) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(tenant)) => format!("/shared/{tenant}/ingest"),
            (None, None) => "/ingest".to_owned(),
        }
    }
}

/// Files and bytes of one pass over the trees.
struct Tally {
    files: u64,
    bytes: u64,
    began: Instant,
}

impl Tally {
    fn new() -> Self {
        Tally {
            files: 0,
            bytes: 0,
            began: Instant::now(),
        }
    }

    fn print(&self, verb: &str) {
        let seconds = self.began.elapsed().as_secs_f64() + 1e-9;
        let (files, bytes) = (self.files, self.bytes);
        let (a_second, mebibytes) = (
            files as f64 / seconds,
            bytes as f64 / f64::from(1 << 20) / seconds,
        );
        println!(
            "{verb} {files} files, {bytes} bytes, in {seconds:.2} s: {a_second:.0} files/s, {mebibytes:.1} MiB/s"
        );
    }
}

/// Fills `piece` from `source`, and returns the number of bytes: less than its length only at the end.
fn read_piece(source: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match source.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Taking files in.
struct Ingest<'a> {
    store: &'a Filesystem,
    batch: Batch,
    batch_max: usize,
    batch_bytes: usize,
    piece: Vec<u8>,
    done: Tally,
    links: u64,
    special: u64,
    refused: u64,
    unreadable: u64,
}

impl<'a> Ingest<'a> {
    fn new(store: &'a Filesystem, batch_max: usize) -> Self {
        Ingest {
            store,
            batch: store.batch(),
            batch_max,
            batch_bytes: 0,
            piece: vec![0; PIECE_BYTES],
            done: Tally::new(),
            links: 0,
            special: 0,
            refused: 0,
            unreadable: 0,
        }
    }

    fn file(&mut self, from: &Path, to: &str) -> Outcome<()> {
        let mut piece = std::mem::take(&mut self.piece);
        let opened = File::open(from).and_then(|mut file| {
            let got = read_piece(&mut file, &mut piece)?;
            Ok((file, got))
        });
        let taken = match opened {
            Ok((_, got)) if got < piece.len() => self.small(&piece[..got], to),
            Ok((file, _)) => self.large(file, &mut piece, to),
            Err(error) => {
                eprintln!("{}: {error}", from.display());
                self.unreadable += 1;
                Ok(())
            }
        };
        self.piece = piece;
        match taken {
            // A name that Nexus does not take is counted and left out; any other error ends the program.
            Err(error) if is_invalid_path(&*error) => {
                eprintln!("{}: {error}", from.display());
                self.refused += 1;
                Ok(())
            }
            taken => taken,
        }
    }

    fn small(&mut self, content: &[u8], to: &str) -> Outcome<()> {
        self.batch.write(to, content, &WriteOptions::default())?;
        self.batch_bytes += content.len();
        self.count(content.len() as u64);
        if self.batch.len() >= self.batch_max || self.batch_bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    /// The file appears in the store at the commit; a writer that is dropped before leaves nothing.
    fn large(&mut self, mut file: File, piece: &mut [u8], to: &str) -> Outcome<()> {
        let mut writer = self.store.open_writer(to, &WriteOptions::default())?;
        let (mut got, mut size) = (piece.len(), 0);
        while got > 0 {
            writer.write(&piece[..got])?;
            size += got as u64;
            got = read_piece(&mut file, piece)?;
        }
        writer.commit()?;
        self.count(size);
        Ok(())
    }

    fn commit(&mut self) -> Outcome<()> {
        self.batch.commit()?;
        self.batch = self.store.batch();
        self.batch_bytes = 0;
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.done.files += 1;
        self.done.bytes += bytes;
    }
}

/// Comparing files with what was taken in.
struct Comparison<'a> {
    store: &'a Filesystem,
    expected: Vec<u8>,
    stored: Vec<u8>,
    done: Tally,
    different: u64,
}

impl Comparison<'_> {
    fn file(&mut self, from: &Path, to: &str) -> Outcome<()> {
        let before = match self.store.stat(to) {
            Ok(entry) => entry,
            // The first pass left such a name out, and has said so; a file made since then is missing here.
            Err(error) if error.kind() == ErrorKind::InvalidPath => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("{}: is not in the store", from.display());
                self.different += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if !self.has_same_bytes(from, to)? {
            eprintln!("{}: differs from what the store holds", from.display());
            self.different += 1;
        }
        // Reading leaves the content, and so the etag, as it was.
        assert_eq!(self.store.stat(to)?.file, before.file, "{to}");
        self.done.files += 1;
        Ok(())
    }

    /// The library checks the bytes against their hash as it reads.
    fn has_same_bytes(&mut self, from: &Path, to: &str) -> Outcome<bool> {
        let mut file = File::open(from)?;
        let mut reader = self.store.open_reader(to)?;
        loop {
            let expected = read_piece(&mut file, &mut self.expected)?;
            let stored = reader.read(&mut self.stored)?;
            if self.expected[..expected] != self.stored[..stored] {
                return Ok(false);
            }
            if expected == 0 {
                return Ok(true);
            }
            self.done.bytes += expected as u64;
        }
    }
}

fn is_invalid_path(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<nexusfs::error::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::InvalidPath)
}

/// Something of a tree that is no directory.
enum Found {
    File,
    /// Its name is no UTF-8.
    Unnamed,
    Link,
    Special,
}

/// Shows `visit` what is below `directory` of the host, which is `path` in the store.
fn walk(
    directory: &Path,
    path: &str,
    visit: &mut dyn FnMut(Found, &Path, &str) -> Outcome<()>,
) -> Outcome<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (from, kind) = (entry.path(), entry.file_type()?);
        let Ok(name) = entry.file_name().into_string() else {
            visit(Found::Unnamed, &from, path)?;
            continue;
        };
        let to = format!("{path}/{name}");
        match () {
            () if kind.is_dir() => walk(&from, &to, visit)?,
            () if kind.is_file() => visit(Found::File, &from, &to)?,
            () if kind.is_symlink() => visit(Found::Link, &from, &to)?,
            () => visit(Found::Special, &from, &to)?,
        }
    }
    Ok(())
}

/// Walks all trees; each goes below the prefix under its own name.
fn walk_trees(
    settings: &Settings,
    visit: &mut dyn FnMut(Found, &Path, &str) -> Outcome<()>,
) -> Outcome<()> {
    for tree in &settings.trees {
        let tree = tree.canonicalize()?;
        let name = tree.file_name().unwrap_or_default().to_string_lossy();
        walk(&tree, &format!("{}/{name}", settings.prefix()), visit)?;
    }
    Ok(())
}

/// Prints what this handle may read of the store, after all that was ever written to it.
fn print_store(store: &Filesystem) -> Outcome<()> {
    let stats: Value = serde_json::from_str(&store.storage_stats()?)?;
    let number = |key: &str| stats[key].as_u64().unwrap_or(0);
    println!(
        "store     {} files, {} distinct contents, {} bytes saved by storing each once",
        number("files"),
        number("distinct_contents"),
        number("logical_bytes") - number("physical_bytes"),
    );
    Ok(())
}

fn run(settings: &Settings) -> Outcome<bool> {
    let config = json!({
        "data_dir": settings.data_dir,
        "durability": settings.durability,
        "tenant_id": settings.tenant,
    });
    let store = nexusfs::connect(Some(&config.to_string()))?;

    let mut ingest = Ingest::new(&store, settings.batch);
    walk_trees(settings, &mut |found, from, to| {
        match found {
            Found::File => ingest.file(from, to)?,
            Found::Unnamed => ingest.refused += 1,
            Found::Link => ingest.links += 1,
            Found::Special => ingest.special += 1,
        }
        Ok(())
    })?;
    ingest.commit()?;
    ingest.done.print("written  ");
    println!(
        "skipped   {} symbolic links, {} special files, {} refused names, {} unreadable",
        ingest.links, ingest.special, ingest.refused, ingest.unreadable
    );
    print_store(&store)?;

    let mut comparison = Comparison {
        store: &store,
        expected: vec![0; PIECE_BYTES],
        stored: vec![0; PIECE_BYTES],
        done: Tally::new(),
        different: 0,
    };
    walk_trees(settings, &mut |found, from, to| match found {
        Found::File => comparison.file(from, to),
        Found::Unnamed | Found::Link | Found::Special => Ok(()),
    })?;
    comparison.done.print("read back");
    let (compared, different) = (comparison.done.files, comparison.different);
    println!("compared  {compared} files: {different} different");
    Ok(different == 0 && compared == ingest.done.files)
}

fn main() -> Outcome<ExitCode> {
    let Some(settings) = Settings::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    Ok(match run(&settings)? {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
