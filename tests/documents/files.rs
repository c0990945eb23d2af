//! Tables of files and modules beside the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::{project, quoted, read, section};

/// Where the sources of each crate are.
const SOURCES: [&str; 4] = [
    "crates/core/src",
    "crates/sqlite/src",
    "src",
    "crates/cli/src",
];

/// Returns the paths of all source files, relative to the project.
fn sources() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for source in SOURCES {
        let before = found.len();
        let mut folders = vec![project().join(source)];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    found.insert(path.strip_prefix(project()).unwrap().to_owned());
                }
            }
        }
        assert!(found.len() > before, "no sources in {source}");
    }
    found
}

/// Returns the paths that `a/{b,c}.rs` stands for; `a/b.rs` and `a/` stand for themselves.
fn expanded(name: &str) -> Vec<PathBuf> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.into()];
    };
    let (choices, behind) = rest.split_once('}').expect(name);
    choices
        .split(',')
        .map(|choice| format!("{before}{choice}{behind}").into())
        .collect()
}

/// Returns the files and folders that the tables of files in `docs/design.md` name. The head of each says where they are.
fn files_of_design() -> Vec<PathBuf> {
    let design = read("docs/design.md");
    let mut source = PathBuf::new();
    let mut named = Vec::new();
    for line in section(&design, "\n## Layers\n").lines() {
        if let Some(head) = line.strip_prefix("| file in `") {
            source = head.split('`').next().unwrap().into();
        }
        let Some(row) = line.strip_prefix("| `") else {
            continue;
        };
        let (cell, _) = row.split_once(" | ").expect(row);
        // A folder is named once in a cell, with the others behind it: `check/`, `repair/`.
        let mut folder = source.clone();
        for name in quoted(&format!("`{cell}")) {
            for path in expanded(name) {
                let is_below_last = !project().join(&source).join(&path).exists();
                let path = match is_below_last {
                    true => folder.join(&path),
                    false => source.join(&path),
                };
                folder = path.parent().unwrap_or(Path::new("")).to_owned();
                named.push(path);
            }
        }
    }
    named
}

/// Whether the file only tests its neighbours, or only lists the modules of its folder.
fn needs_no_row(file: &Path, named: &[PathBuf]) -> bool {
    let is_test = file
        .iter()
        .any(|part| part == "tests" || part == "tests.rs");
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_face = file.ends_with("src/lib.rs")
        || file.ends_with("src/main.rs")
        || file.ends_with("mod.rs") && named.iter().any(|other| other.starts_with(folder));
    is_test || is_face
}

#[test]
fn the_table_of_files_in_design_md_names_every_source_file() {
    let named = files_of_design();
    let missing: Vec<_> = sources()
        .into_iter()
        .filter(|file| !needs_no_row(file, &named))
        .filter(|file| !named.iter().any(|other| file.starts_with(other)))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/design.md, section Layers, has no row for {missing:#?}"
    );
}

#[test]
fn the_table_of_files_in_design_md_names_nothing_that_is_gone() {
    let gone: Vec<_> = files_of_design()
        .into_iter()
        .filter(|named| !project().join(named).exists())
        .collect();
    assert!(
        gone.is_empty(),
        "docs/design.md, section Layers, names {gone:#?}, which are not there"
    );
}

#[test]
fn a_table_of_modules_names_every_module() {
    let declaration = Regex::new(r"(?m)^(?:pub(?:\([a-z]+\))? )?mod ([a-z_0-9]+);").unwrap();
    let mut tables = 0;
    let mut missing = Vec::new();
    for file in sources() {
        let text = read(file.to_str().unwrap());
        let comment: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| format!("{line}\n"))
            .collect();
        let has_table = comment.contains("//! |---|");
        let named: BTreeSet<&str> = quoted(&comment).flat_map(|name| name.split("::")).collect();
        let modules: Vec<&str> = declaration
            .captures_iter(&text)
            .map(|found| found.extract::<1>().1[0])
            .filter(|module| *module != "tests")
            .collect();
        if !has_table || modules.is_empty() {
            continue;
        }
        tables += 1;
        let unnamed = modules.iter().filter(|module| !named.contains(*module));
        missing.extend(unnamed.map(|module| format!("{}: {module}", file.display())));
    }
    assert!(tables > 0, "no module comment has a table");
    assert!(
        missing.is_empty(),
        "module comments with a table do not name {missing:#?}"
    );
}

/// Returns `text` without the module of tests at its end.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text)
}

#[test]
fn contributing_md_names_every_module_that_may_be_unsafe() {
    let page = read("CONTRIBUTING.md");
    let start = page.find("- `unsafe` is allowed in").expect("the rule");
    let rule = page[start..].split("\n- ").next().unwrap();
    let allowed: Vec<&str> = quoted(rule)
        .filter(|name| name.starts_with("src/") || name.starts_with("crates/"))
        .collect();
    let used: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|file| without_tests(&read(file.to_str().unwrap())).contains("unsafe {"))
        .collect();
    let others = used
        .iter()
        .filter(|file| !allowed.iter().any(|name| file.starts_with(name)));
    let others: Vec<_> = others.collect();
    assert!(
        others.is_empty(),
        "CONTRIBUTING.md does not allow it in {others:?}"
    );
    let in_vain = allowed
        .iter()
        .filter(|name| !used.iter().any(|file| file.starts_with(name)));
    let in_vain: Vec<_> = in_vain.collect();
    assert!(
        in_vain.is_empty(),
        "CONTRIBUTING.md allows it in {in_vain:?}, which need it not"
    );
}
