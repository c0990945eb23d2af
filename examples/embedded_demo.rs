//! A tour of Nexus in eight parts: files, metadata, persistence, routing and directories, mounts, namespaces,
//! isolation, deduplication.
//!
//! ```text
//! cargo run --example embedded_demo [DATA_DIR]
//! ```
//!
//! Without `DATA_DIR` the store lives in a temporary directory and goes at the end; a `DATA_DIR` should be new or empty.

mod refused;

use std::error::Error;
use std::path::PathBuf;

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{
    Conditions, Filesystem, ListOptions, MkdirOptions, RelocateOptions, WriteOptions,
};
use nexusfs::metadata::Entry;
use serde_json::{Value, json};

use self::refused::refused;

/// Where the store is.
struct Tour {
    data_dir: PathBuf,
}

impl Tour {
    /// Opens the store with the keys of `more` besides its directory.
    fn open(&self, more: Value) -> Result<Filesystem> {
        let mut config = json!({ "data_dir": self.data_dir });
        if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        nexusfs::connect(Some(&config.to_string()))
    }

    fn part_1_files(&self) -> Result<()> {
        println!("\nPart 1: files");
        let fs = self.open(json!({}))?;
        let report = "/documents/report.txt";

        // A write makes the parents, and replaces what was there as a whole.
        write(&fs, report, "All is well")?;
        write(&fs, "/images/logo.svg", "<svg/>")?;
        print_file(&fs, report)?;

        fs.append(report, b", still", &WriteOptions::default())?;
        print_file(&fs, report)?;

        let mut start = [0; 7];
        let got = fs.read_at(report, 4, &mut start)?;
        let text = String::from_utf8_lossy(&start[..got]);
        println!("  {got} bytes from offset 4: \"{text}\"");

        // Conditions are checked in the transaction that writes: of two writers with one etag, one wins.
        let unchanged = WriteOptions {
            conditions: Conditions {
                if_match: fs.stat(report)?.file.map(|file| file.etag),
                ..Conditions::default()
            },
            ..WriteOptions::default()
        };
        fs.write(report, b"Mine", &unchanged)?;
        refused(ErrorKind::Conflict, fs.write(report, b"Yours", &unchanged));

        print_all_files("all files", &fs)?;
        let images = ListOptions {
            prefix: Some("/images".to_owned()),
            ..ListOptions::default()
        };
        print_entries("prefix /images", &fs.list(&images)?.entries);

        let logo = "/images/logo.svg";
        fs.delete(logo, &Conditions::default())?;
        print_exists(&fs, logo)?;
        refused(ErrorKind::NotFound, fs.delete(logo, &Conditions::default()));
        Ok(())
    }

    fn part_2_metadata(&self) -> Result<()> {
        println!("\nPart 2: metadata");
        let fs = self.open(json!({}))?;
        let report = "/documents/report.txt";

        // What the store keeps of every file.
        let entry = fs.stat(report)?;
        if let Some(file) = &entry.file {
            println!(
                "  size {}, version {}, {}",
                file.size, file.version, file.mime_type
            );
            println!("  etag {}", file.etag);
        }
        let is_later = entry.modified_at >= entry.created_at;
        println!(
            "  changed after it was made: {}",
            if is_later { "yes" } else { "no" }
        );

        // What you add: any JSON, under any key.
        fs.set_meta(report, "author", r#""ada""#, &Conditions::default())?;
        fs.set_meta_many(
            report,
            r#"{"pages": 3, "review": {"by": "bob", "ok": true}}"#,
        )?;
        println!("  review: {}", fs.get_meta(report, "review")?);
        let by_ada = fs.find_by_meta("author", r#""ada""#, &Default::default())?;
        print_entries("written by ada", &by_ada.entries);

        // The path id stays with the file through renames and overwrites.
        let id = fs.path_id(report)?.to_string();
        fs.rename(report, "/documents/final.txt", &RelocateOptions::default())?;
        println!("  {id} is now {}", fs.path_of_id(&id)?);
        Ok(())
    }

    fn part_3_persistence(&self) -> Result<()> {
        println!("\nPart 3: persistence");
        let fs = self.open(json!({}))?;
        write(&fs, "/state/counter", "41")?;
        drop(fs);
        println!("  closed");

        let fs = self.open(json!({}))?;
        println!("  opened again");
        print_file(&fs, "/state/counter")?;
        let author = fs.get_meta("/documents/final.txt", "author")?;
        println!("  /documents/final.txt is still by {author}");
        Ok(())
    }

    fn part_4_routing_and_directories(&self) -> Result<()> {
        println!("\nPart 4: routing and directories");
        let fs = self.open(json!({}))?;

        // However it is spelt, a file has one name; and no path leads out of the store.
        write(&fs, "project//src/./main.c", "int main(void) { return 0; }")?;
        print_file(&fs, "/project/src/main.c")?;
        refused(
            ErrorKind::InvalidPath,
            write(&fs, "/project/../etc/passwd", "x"),
        );
        refused(
            ErrorKind::NotADirectory,
            write(&fs, "/project/src/main.c/below", "x"),
        );

        // A directory exists because it was made, or because something is in it.
        let parents = MkdirOptions {
            parents: true,
            ..MkdirOptions::default()
        };
        fs.mkdir("/project/build/objects", parents)?;
        let is_directory = fs.is_directory("/project/src")?;
        println!(
            "  /project/src is{} a directory",
            if is_directory { "" } else { " not" }
        );
        write(&fs, "/project/notes.md", "# Notes\n\nTODO: write them\n")?;
        print_children(&fs, "/project")?;

        let pattern = "/project/**/*.{c,md}";
        print_entries(pattern, &fs.glob(pattern, &Default::default())?.entries);
        for found in fs.grep("TODO|FIXME", &Default::default())?.matches {
            println!("  {}:{}: {}", found.path, found.line, found.text);
        }

        // A tree moves or is copied at once, and no content is moved.
        fs.copy("/project", "/backup/monday", &RelocateOptions::default())?;
        fs.rename(
            "/project/src",
            "/project/source",
            &RelocateOptions::default(),
        )?;
        print_all_files("all files", &fs)?;

        refused(ErrorKind::NotEmpty, fs.rmdir("/project", false));
        fs.rmdir("/project", true)?;
        print_exists(&fs, "/project")?;
        fs.rmdir("/backup", true)
    }

    fn part_5_mounts(&self) -> Result<()> {
        println!("\nPart 5: mounts");

        // The content below /models goes to another directory: another disk, say. Metadata stays in the one database.
        let root = self.data_dir.with_file_name("bulk");
        let mount = |readonly: bool| json!({"mounts": [{"name": "bulk", "path": "/models", "backend": "local", "root": root, "readonly": readonly}]});
        let fs = self.open(mount(false))?;
        write(&fs, "/models/classifier.bin", "weights")?;
        write(&fs, "/models-of-thought.txt", "not below /models")?;
        for path in ["/models/classifier.bin", "/models-of-thought.txt"] {
            let backend = fs.stat(path)?.file.map(|file| file.backend);
            println!("  {path} lives in {:?}", backend.unwrap_or_default());
        }

        // A rename from one backend to the other copies the content first; it still happens at once.
        let thought = "/models/thought.txt";
        fs.rename(
            "/models-of-thought.txt",
            thought,
            &RelocateOptions::default(),
        )?;
        print_children(&fs, "/models")?;
        drop(fs);

        // Without the mount the files are known, but their bytes are elsewhere.
        let fs = self.open(json!({}))?;
        print_children(&fs, "/models")?;
        refused(ErrorKind::NotMounted, fs.read("/models/classifier.bin"));
        drop(fs);

        let fs = self.open(mount(true))?;
        print_file(&fs, "/models/classifier.bin")?;
        refused(
            ErrorKind::ReadOnly,
            write(&fs, "/models/classifier.bin", "x"),
        );
        Ok(())
    }

    fn part_6_tenants_agents_namespaces(&self) -> Result<()> {
        println!("\nPart 6: tenants, agents and namespaces");

        // The first segment of a path is its namespace. Five are built in; a config declares more, and they bind
        // everyone who opens the store from then on.
        let acme = self.open(json!({
            "tenant_id": "acme",
            "agent_id": "agent1",
            "namespaces": [
                {"name": "analytics", "requires_tenant": true},
                {"name": "audit", "admin_only": true, "requires_tenant": false},
            ],
        }))?;
        write(&acme, "/workspace/acme/agent1/plan.md", "1. Look around")?;
        write(&acme, "/shared/acme/team.json", r#"{"project": "orbit"}"#)?;
        write(&acme, "/external/public.txt", "for everyone")?;
        write(&acme, "/analytics/acme/daily.json", r#"{"revenue": 50000}"#)?;
        print_all_files("agent1 of acme sees", &acme)?;

        for path in [
            "/workspace/acme/agent2/plan.md",
            "/analytics/techinc/daily.json",
            "/audit/access.log",
            "/system/settings",
        ] {
            refused(ErrorKind::AccessDenied, write(&acme, path, "x"));
        }
        refused(
            ErrorKind::ReadOnly,
            write(&acme, "/archives/acme/2025.tar", "x"),
        );

        // An admin passes the bounds of tenants; what is read-only stays so, unless the config says otherwise.
        let admin = self.open(json!({"is_admin": true, "allow_readonly_writes": true}))?;
        write(&admin, "/audit/access.log", "acme wrote a report")?;
        write(&admin, "/archives/acme/2025.tar", "old things")?;
        print_file(&acme, "/archives/acme/2025.tar")?;

        let strict = json!({"tenant_id": "acme", "agent_id": "agent1", "strict_namespaces": true});
        let strict = self.open(strict)?;
        refused(
            ErrorKind::AccessDenied,
            write(&strict, "/documents/memo.txt", "x"),
        );
        Ok(())
    }

    fn part_7_isolation(&self) -> Result<()> {
        println!("\nPart 7: isolation end to end");

        // A host that serves many agents opens the store once and narrows a handle for each of them.
        let host = self.open(json!({}))?;
        let acme1 = host.with_identity(Some("acme"), Some("agent1"))?;
        let acme2 = host.with_identity(Some("acme"), Some("agent2"))?;
        let techinc = host.with_identity(Some("techinc"), Some("agent1"))?;
        let secret = "/workspace/acme/agent1/secret.txt";

        write(&acme1, secret, "the formula")?;
        write(&acme2, "/workspace/acme/agent2/draft.txt", "a draft")?;
        write(
            &techinc,
            "/workspace/techinc/agent1/secret.txt",
            "another formula",
        )?;

        // Another tenant can neither read a file nor tell whether there is one.
        refused(ErrorKind::AccessDenied, techinc.read(secret));
        let no_such_file = techinc.read("/workspace/acme/agent1/no-such-file");
        refused(ErrorKind::AccessDenied, no_such_file);
        print_exists(&techinc, secret)?;
        let found = techinc.glob("/workspace/**/secret.txt", &Default::default())?;
        print_entries("techinc finds /workspace/**/secret.txt", &found.entries);

        // A hash is no key: of content that it may not read, a handle learns nothing.
        if let Some(file) = acme1.stat(secret)?.file {
            let info = techinc.content_info(&file.etag.to_string());
            refused(ErrorKind::NotFound, info);
        }

        // Nor can it remove what it does not see from above.
        refused(ErrorKind::AccessDenied, techinc.rmdir("/workspace", true));

        // Agents of one tenant work apart in /workspace and together in /shared.
        refused(ErrorKind::AccessDenied, acme2.read(secret));
        write(&acme1, "/shared/acme/handover.txt", "over to you")?;
        print_file(&acme2, "/shared/acme/handover.txt")?;

        // A handle can be narrowed, never widened.
        refused(
            ErrorKind::AccessDenied,
            techinc.with_identity(Some("acme"), None),
        );
        Ok(())
    }

    fn part_8_deduplication(&self) -> std::result::Result<(), Box<dyn Error>> {
        println!("\nPart 8: deduplication");
        let fs = self.open(json!({}))?;
        let data = "This is important data";

        write(&fs, "/reports/a.txt", data)?;
        write(&fs, "/reports/b.txt", data)?;
        fs.copy(
            "/reports/b.txt",
            "/reports/c.txt",
            &RelocateOptions::default(),
        )?;
        let entry = fs.stat("/reports/a.txt")?;
        let etag = entry
            .file
            .map(|file| file.etag.to_string())
            .unwrap_or_default();
        let print_reference_count = || -> std::result::Result<(), Box<dyn Error>> {
            let info: Value = serde_json::from_str(&fs.content_info(&etag)?)?;
            let (size, count) = (&info["size"], &info["ref_count"]);
            println!("  stored once, {size} bytes, reference count {count}");
            Ok(())
        };
        print_reference_count()?;

        // The same bytes again are no further reference; other bytes give one back.
        write(&fs, "/reports/a.txt", data)?;
        print_reference_count()?;
        write(&fs, "/reports/c.txt", "Something else")?;
        print_reference_count()?;

        // Content goes with the last file that holds it.
        fs.delete("/reports/a.txt", &Conditions::default())?;
        print_reference_count()?;
        print_file(&fs, "/reports/b.txt")?;
        fs.delete("/reports/b.txt", &Conditions::default())?;
        refused(ErrorKind::NotFound, fs.content_info(&etag));
        Ok(())
    }
}

fn write(fs: &Filesystem, path: &str, text: &str) -> Result<Entry> {
    fs.write(path, text.as_bytes(), &WriteOptions::default())
}

fn print_file(fs: &Filesystem, path: &str) -> Result<()> {
    let content = fs.read(path)?;
    println!("  {path} holds \"{}\"", String::from_utf8_lossy(&content));
    Ok(())
}

fn print_entries(title: &str, entries: &[Entry]) {
    println!(
        "  {title}:{}",
        if entries.is_empty() { " nothing" } else { "" }
    );
    for entry in entries {
        match &entry.file {
            Some(file) => println!("    {}  {} bytes", entry.path, file.size),
            None => println!("    {}/", entry.path),
        }
    }
}

fn print_all_files(title: &str, fs: &Filesystem) -> Result<()> {
    print_entries(title, &fs.list(&ListOptions::default())?.entries);
    Ok(())
}

fn print_children(fs: &Filesystem, path: &str) -> Result<()> {
    let children = ListOptions {
        path: Some(path.to_owned()),
        recursive: false,
        ..ListOptions::default()
    };
    print_entries(path, &fs.list(&children)?.entries);
    Ok(())
}

fn print_exists(fs: &Filesystem, path: &str) -> Result<()> {
    let exists = fs.exists(path)?;
    println!(
        "  {path} {}",
        if exists { "exists" } else { "does not exist" }
    );
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let data_dir = match std::env::args_os().nth(1) {
        Some(argument) => argument.into(),
        None => scratch.path().join("store"),
    };
    let tour = Tour { data_dir };

    println!("Nexus {}", env!("CARGO_PKG_VERSION"));
    tour.part_1_files()?;
    tour.part_2_metadata()?;
    tour.part_3_persistence()?;
    tour.part_4_routing_and_directories()?;
    tour.part_5_mounts()?;
    tour.part_6_tenants_agents_namespaces()?;
    tour.part_7_isolation()?;
    tour.part_8_deduplication()?;
    println!("\nDone.");
    Ok(())
}
