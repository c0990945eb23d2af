//! The examples in Rust print what those in C print.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

/// What only the C interface has: it counts the objects that are not freed yet.
const ONLY_IN_C: [(&str, &str); 2] = [
    ("  closed; open objects: 0\n", "  closed\n"),
    ("Done; every object was freed.\n", "Done.\n"),
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the program of the example, which `cargo test` has built beside this one.
fn program(example: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(example);
    assert!(
        program.exists(),
        "{example} is not built: use `cargo test` without --test, or `cargo build --examples` before"
    );
    program
}

/// Runs the example in the directory `directory`, with temporary files in `scratch`, and returns what it prints.
fn run(example: &str, arguments: &[&OsStr], directory: &Path, scratch: &TempDir) -> String {
    let mut command = Command::new(program(example));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NEXUS_") {
            command.env_remove(name);
        }
    }
    let ran = command
        .args(arguments)
        .env_remove("TENANT_ID")
        .env("TMPDIR", scratch.path())
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "{example} ended with {}: {errors}\n{text}",
        ran.status
    );
    text
}

/// Runs the example in the project, and returns what it prints, with names in place of what differs from run to run.
fn output(example: &str, arguments: &[&OsStr], scratch: &TempDir) -> String {
    let mut text = run(example, arguments, project(), scratch);
    for (pattern, name) in [
        ("[0-9a-f]{64}", "{etag}"),
        (
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "{id}",
        ),
        (r"in [0-9.]+ s: [0-9]+ files/s, [0-9.]+ MiB/s", "{rate}"),
    ] {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, name).into_owned();
    }
    text
}

fn expected(example: &str) -> String {
    let file = format!("c_examples/expected/{example}.txt");
    fs::read_to_string(project().join(file)).unwrap()
}

#[test]
fn embedded_demo_prints_what_the_one_in_c_prints() {
    let mut expected = expected("embedded_demo");
    for (in_c, in_rust) in ONLY_IN_C {
        assert!(expected.contains(in_c), "{in_c}");
        expected = expected.replace(in_c, in_rust);
    }
    let scratch = TempDir::new().unwrap();
    assert_eq!(output("embedded_demo", &[], &scratch), expected);
}

#[test]
fn config_demo_prints_what_the_one_in_c_prints() {
    let scratch = TempDir::new().unwrap();
    assert_eq!(
        output("config_demo", &[], &scratch),
        expected("config_demo")
    );
}

#[test]
fn work_items_prints_what_the_one_in_c_prints() {
    let scratch = TempDir::new().unwrap();
    assert_eq!(output("work_items", &[], &scratch), expected("work_items"));
}

/// Makes the tree that `cmake/MakeTree.cmake` makes for the example in C.
fn make_tree(tree: &Path) {
    let write = |name: &str, content: &str| {
        let file = tree.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    };
    for number in 1..=20 {
        write(
            &format!("numbers/{number}.txt"),
            &format!("file number {number}\n"),
        );
    }
    for name in ["a", "b", "c"] {
        write(&format!("equal/{name}.txt"), "the same in all three\n");
    }
    write("empty", "");
    write("deep/er/and/deep/er/file.txt", "down here\n");
    write("100%_*?[x] {ü}.txt", "just characters\n");
    write("large.bin", &"0123456789abcdef".repeat(200_000));
    write("refused\u{7}name", "a control character\n");
    symlink("numbers", tree.join("link")).unwrap();
    let pipe = tree.join("pipe");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn ingest_tree_prints_what_the_one_in_c_prints() {
    let scratch = TempDir::new().unwrap();
    let tree = scratch.path().join("tree");
    let store = scratch.path().join("store");
    make_tree(&tree);
    let arguments: [&OsStr; 7] = [
        "--data-dir".as_ref(),
        store.as_ref(),
        "--tenant".as_ref(),
        "acme".as_ref(),
        "--batch".as_ref(),
        "7".as_ref(),
        tree.as_ref(),
    ];
    assert_eq!(
        output("ingest_tree", &arguments, &scratch),
        expected("ingest_tree")
    );
}

/// Returns the texts of the blocks of `language` in a page, each with the page's text behind it.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<(&'a str, &'a str)> {
    let begin = format!("```{language}\n");
    let behind = page.split(&begin as &str).skip(1);
    behind
        .map(|rest| rest.split_once("```\n").expect("an end of the block"))
        .collect()
}

#[test]
fn the_rust_of_readme_md_and_docs_is_an_example_that_prints_what_is_said() {
    let docs = fs::read_dir(project().join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let pages = docs.filter(|page| page.extension().is_some_and(|end| end == "md"));
    let readme = project().join("README.md");
    let mut programs = 0;
    for page in pages.chain([readme]) {
        let text = fs::read_to_string(&page).unwrap();
        for (block, behind) in blocks(&text, "rust") {
            let is_it = |file: &PathBuf| {
                let source = fs::read_to_string(file).unwrap_or_default();
                let body = source.trim_start_matches(|c| c != '\n').trim_start();
                source.starts_with("//!") && body == block
            };
            let examples = fs::read_dir(project().join("examples")).unwrap();
            let example = examples.map(|entry| entry.unwrap().path()).find(is_it);
            let example = example.unwrap_or_else(|| {
                panic!("{}: no example has this text:\n{block}", page.display())
            });
            let name = example.file_stem().unwrap().to_str().unwrap();
            let scratch = TempDir::new().unwrap();
            let printed = run(name, &[], scratch.path(), &scratch);
            let said = blocks(behind, "text").first().map(|(said, _)| *said);
            assert_eq!(Some(&*printed), said, "{}: {name}", page.display());
            programs += 1;
        }
    }
    assert!(programs > 0, "README.md has no program in Rust");
}
