//! What is installed or read beside the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::store::{Store, finish};

#[test]
fn completions_are_scripts_that_shells_accept() {
    let store = Store::missing();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = store.ok(&["completions", shell]);
        assert!(
            script.contains("in-progress"),
            "{shell} does not know work in-progress"
        );
    }
    store.host_file("nexus.bash", store.ok(&["completions", "bash"]));
    let checked = finish(
        Command::new("bash")
            .args(["-n"])
            .arg(store.path("nexus.bash")),
    );
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    assert_eq!(store.json(&["completions", "fish"])["shell"], "fish");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let store = Store::missing();
    let pages = store.json(&["man", "pages"])["pages"].clone();
    let pages = pages.as_array().unwrap();
    for name in [
        "nexus.1",
        "nexus-ls.1",
        "nexus-work-graph.1",
        "nexus-meta-set.1",
    ] {
        assert!(
            pages.contains(&name.into()),
            "{name} is missing in {pages:?}"
        );
        let page = std::fs::read_to_string(store.path("pages").join(name)).unwrap();
        assert!(page.contains(".SH NAME"), "{name}: {page}");
    }
    assert!(store.ok(&["man"]).contains(".TH nexus 1"));
    store.ok(&["man", "--output", "again"]);
    assert!(store.path("again/nexus.1").exists());
}

#[test]
fn help_and_manual_tell_all_of_a_command() {
    let store = Store::missing();
    store.ok(&["man", "pages"]);
    for (command, phrase) in [
        ("put", "skipped and reported"),
        ("get", "No symbolic link in DEST is followed"),
        ("rm", "On a terminal, -r asks"),
        ("verify", "every content by its hash"),
        ("meta set", "does not read as JSON is a string"),
        ("bundle export", "the same bytes come out"),
        ("work run", "SIGTERM or Ctrl-C ends it"),
        ("work fail", "if it has no attempts left"),
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let page = store.path(&format!("pages/nexus-{}.1", command.replace(' ', "-")));
        for text in [store.ok(&words), std::fs::read_to_string(page).unwrap()] {
            // Lines are broken anywhere, and the manual escapes some characters.
            let text = text.replace('\\', "");
            let text: Vec<&str> = text.split_whitespace().collect();
            assert!(text.join(" ").contains(phrase), "{command}: {text:?}");
        }
    }
    let usage = "Usage: nexus put [OPTIONS] <SOURCE>... <DEST>";
    assert!(store.ok(&["put", "-h"]).contains(usage));
}

/// A block of a page: its language, its first line, and its text.
fn blocks(page: &str) -> Vec<(String, usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), index + 2, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((.., text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn every_command_of_the_manual_works() {
    assert!(run_page("docs/cli.md", |_, _| {}) >= 8);
}

#[test]
fn every_command_of_the_page_on_upkeep_works() {
    let mut was_damaged = false;
    let ran = run_page("docs/operations.md", |store, script| {
        if script.contains("--repair") {
            let contents = glob_contents(&store.path("nexus-data/cas"));
            assert_eq!(contents.len(), 1, "{contents:?}");
            std::fs::write(&contents[0], "damage").unwrap();
            was_damaged = true;
        }
    });
    assert!(was_damaged && ran >= 8, "only {ran} blocks were found");
}

fn glob_contents(directory: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| std::fs::read_dir(directory).unwrap();
    entries(directory)
        .flat_map(|below| entries(&below.unwrap().path()))
        .map(|file| file.unwrap().path())
        .collect()
}

/// Runs every `sh` block of a page, in order and in one directory, after `before`, and returns how many. A `text` block behind
/// one is what it prints, and every command in it must succeed.
fn run_page(page: &str, mut before: impl FnMut(&Store, &str)) -> usize {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = project.join(page);
    let blocks = blocks(&std::fs::read_to_string(file).unwrap());
    let store = Store::missing();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_nexus"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut ran = 0;
    for (index, (language, line, script)) in blocks.iter().enumerate() {
        if language != "sh" {
            continue;
        }
        ran += 1;
        before(&store, script);
        let mut shell = Command::new("bash");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NEXUS_") {
                shell.env_remove(name);
            }
        }
        shell
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(store.path("."))
            .env("HOME", store.path("."))
            .env("PATH", &path)
            .stdin(std::process::Stdio::null());
        let run = finish(&mut shell);
        assert_eq!(run.code, Some(0), "{page}:{line}: {run:?}");
        if let Some((language, _, expected)) = blocks.get(index + 1)
            && language == "text"
        {
            assert_eq!(&run.text(), expected, "{page}:{line}");
        }
    }
    ran
}
