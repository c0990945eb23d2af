//! The order of the layers, of which `docs/design.md` tells: a crate, and within one a module, uses those below it, never one above.
//! So do the wings of the store in SQLite.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const CORE: &str = "crates/core";
const SQLITE: &str = "crates/sqlite";
const LIBRARY: &str = ".";
const PROGRAM: &str = "crates/cli";
const TESTKIT: &str = "crates/testkit";

/// The crates, each with those of them that it may use, and those of others that it may not.
const CRATES: [(&str, &[&str], &[&str]); 5] = [
    (CORE, &[], &["rusqlite", "libc", "nix"]),
    (SQLITE, &["nexusfs-core"], &[]),
    (LIBRARY, &["nexusfs-core", "nexusfs-sqlite"], &["rusqlite"]),
    // Nothing of the C interface: a change there leaves the program as it is.
    (PROGRAM, &["nexusfs-core", "nexusfs-sqlite"], &["rusqlite"]),
    // For tests alone: it knows no store in particular.
    (TESTKIT, &["nexusfs-core"], &["rusqlite", "libc", "nix"]),
];

/// The modules of the core, from the lowest on.
const LAYERS: [&str; 20] = [
    "text_form",
    "error",
    "path",
    "range",
    "call",
    "log",
    "time",
    "path_id",
    "clock",
    "json",
    "host",
    "config",
    "content",
    "access",
    "work",
    "metadata",
    "filesystem",
    "transfer",
    "maintenance",
    "embedded",
];

/// The wings of the store that is kept in SQLite, from the lowest on. The store itself is above them, and what opens it, with the
/// contents in `files`, above that.
const WINGS: [&str; 9] = [
    "error", "thread", "driver", "db", "wal", "queue", "read", "write", "upkeep",
];

fn project(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(part)
}

/// Returns the source files of the crate in `folder`, relative to its `src`, with what they hold besides tests.
fn files(folder: &str) -> Vec<(String, String)> {
    let source = project(folder).join("src");
    let mut found = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&source).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("tests") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.push((name, code.to_owned()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources in {}", source.display());
    found
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the names in the section `dependencies` of the manifest in `folder`.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(project(folder).join("Cargo.toml")).unwrap();
    let (_, section) = manifest.split_once("\n[dependencies]\n").unwrap();
    let section = section.split("\n[").next().unwrap();
    let names = section
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split([' ', '.', '=']).next())
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[test]
fn a_crate_uses_those_below_it() {
    for (folder, below, refused) in CRATES {
        let used = dependencies(folder);
        let ours: Vec<_> = used
            .iter()
            .filter(|name| name.starts_with("nexusfs"))
            .collect();
        assert_eq!(ours, below, "{folder} uses these crates of ours");
        let wrong: Vec<_> = refused
            .iter()
            .filter(|name| used.contains(**name))
            .collect();
        assert!(wrong.is_empty(), "{folder} uses {wrong:?}");
    }
    assert!(dependencies(SQLITE).contains("rusqlite"), "as it must");
}

fn layer_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// Returns the modules that `code` names, with what follows their names.
fn named(code: &str) -> Vec<(&str, &str)> {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split_at(rest.find(|c| !is_part_of_name(c)).unwrap_or(rest.len())))
        .collect()
}

#[test]
fn every_module_is_in_a_layer() {
    let mut modules: Vec<String> = files(CORE)
        .iter()
        .map(|(file, _)| layer_of(file).to_owned())
        .filter(|module| module != "lib")
        .collect();
    modules.dedup();
    let mut known = LAYERS.map(str::to_owned);
    known.sort();
    assert_eq!(modules, known);
}

#[test]
fn no_module_uses_one_of_a_layer_above() {
    let height = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut wrong = Vec::new();
    let mut uses = 0;
    for (file, code) in files(CORE) {
        let Some(own) = height(layer_of(&file)) else {
            continue;
        };
        for (module, _) in named(&code) {
            // What is no module is a macro or a type of the crate's root.
            let Some(other) = height(module) else {
                continue;
            };
            uses += 1;
            if other > own {
                wrong.push(format!("{file} uses {module}"));
            }
        }
    }
    assert!(uses > 350, "{uses}: the uses are not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn capi_knows_which_store_it_has_only_where_it_opens_one() {
    let names_one = |code: &str| {
        let code = without_comments(code);
        ["Filesystem", "sqlite", "crate::open", "crate::connect"]
            .iter()
            .any(|name| code.contains(name))
    };
    let wrong: Vec<_> = files(LIBRARY)
        .into_iter()
        .filter(|(file, _)| file.starts_with("capi/") && file != "capi/store.rs")
        .filter(|(_, code)| names_one(code))
        .map(|(file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let opener = fs::read_to_string(project("src/capi/store.rs")).unwrap();
    assert!(opener.contains("crate::connect("), "the opener");
}

/// Returns the paths that begin with `crate`, `self` or `super` in `code`, of which those in braces are apart.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let begins = code[..at].chars().next_back();
            if !begins.is_some_and(|before| is_part_of_name(before) || before == ':') {
                end_of_path(&code[at..], &[], &mut found);
            }
        }
    }
    found
}

/// Adds the paths that `code` begins with, behind `before`; returns what follows them.
fn end_of_path<'a>(code: &'a str, before: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> &'a str {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut path = before.to_vec();
    let mut rest = code;
    loop {
        let (name, behind) =
            rest.split_at(rest.find(|c| !is_part_of_name(c)).unwrap_or(rest.len()));
        if !name.is_empty() {
            path.push(name);
        }
        let Some(next) = behind.strip_prefix("::") else {
            rest = behind;
            break;
        };
        rest = next;
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                inside = inside.trim_start_matches([',', ' ', '\n']);
                match inside.strip_prefix('}') {
                    Some(behind) => return behind,
                    None => {
                        let behind = end_of_path(inside, &path, found);
                        // What is no path, such as `a as b`, ends where the next one begins.
                        inside = &behind[behind.find([',', '}']).unwrap_or(behind.len())..];
                        assert!(!inside.is_empty(), "{code}");
                    }
                }
            }
        }
    }
    found.push(path);
    rest
}

/// A part of a wing: a file, or a folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Room<'a> {
    wing: &'a str,
    /// Empty for the wing's own file.
    name: &'a str,
}

impl<'a> Room<'a> {
    /// Returns where the module, or what is in it, is, relative to the store.
    fn of(module: &[&'a str], rooms: &BTreeSet<(String, String)>) -> Self {
        let wing = module.first().copied().unwrap_or_default();
        let name = module.get(1).copied().unwrap_or_default();
        let is_room = rooms.contains(&(wing.to_owned(), name.to_owned()));
        Room {
            wing,
            name: if is_room { name } else { "" },
        }
    }
}

/// Returns the files of the store's wings, by their modules relative to the store, with their code.
fn files_of_wings() -> Vec<(Vec<String>, String)> {
    let in_wings = |(file, code): (String, String)| {
        let module = file.strip_suffix(".rs")?;
        let mut module: Vec<String> = module.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        let is_in_wing = WINGS
            .iter()
            .any(|wing| module.first().is_some_and(|first| first == wing));
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        is_in_wing.then(|| (module, lines.collect::<Vec<_>>().join("\n")))
    };
    files(SQLITE).into_iter().filter_map(in_wings).collect()
}

/// Calls `visit` with each file's module and room, and the room of each path in it that leads into the store.
fn visit_uses(mut visit: impl FnMut(&[String], Room<'_>, Room<'_>)) {
    let files = files_of_wings();
    let room_of = |(module, _): &(Vec<String>, String)| {
        let name = module.get(1).cloned().unwrap_or_default();
        (module[0].clone(), name)
    };
    let rooms: BTreeSet<_> = files.iter().map(room_of).collect();
    for (module, code) in &files {
        let own: Vec<&str> = module.iter().map(String::as_str).collect();
        for path in paths(code) {
            let ups = path.iter().take_while(|name| **name == "super").count();
            let target: Vec<&str> = match path[0] {
                "crate" => path[1..].to_vec(),
                "self" => [&own[..], &path[1..]].concat(),
                // Such as in `pub(in super::super)`.
                _ if ups == path.len() || ups > own.len() => continue,
                _ => [&own[..own.len() - ups], &path[ups..]].concat(),
            };
            visit(module, Room::of(&own, &rooms), Room::of(&target, &rooms));
        }
    }
}

#[test]
fn no_wing_of_the_store_uses_one_above_or_the_store_itself() {
    let height = |wing: &str| WINGS.iter().position(|other| *other == wing);
    let mut wrong = Vec::new();
    let mut uses = 0;
    visit_uses(|module, own, target| {
        uses += 1;
        if height(target.wing).is_none_or(|other| Some(other) > height(own.wing)) {
            wrong.push(format!("{} uses {target:?}", module.join("/")));
        }
    });
    assert!(uses > 300, "{uses}: the uses are not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn contents_in_directories_know_no_database() {
    let contents = |(file, _): &(String, String)| file.starts_with("files/");
    let files: Vec<_> = files(SQLITE).into_iter().filter(contents).collect();
    assert!(files.len() > 3, "{}: they are not found", files.len());
    for (file, code) in files {
        let code = without_comments(&code);
        let is_apart = !code.contains("crate::") && !code.contains("rusqlite");
        assert!(is_apart, "{file} uses something else of the store");
    }
}

#[test]
fn no_rooms_of_a_wing_use_each_other_in_a_circle() {
    let mut below: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    visit_uses(|_, own, target| {
        let key = |room: &Room<'_>| (room.wing.to_owned(), room.name.to_owned());
        if own.wing == target.wing && own.name != target.name {
            below.entry(key(&own)).or_default().insert(key(&target));
        }
    });
    assert!(below.len() > 20, "{}: the uses are not found", below.len());
    // What uses nothing that is left is in no circle.
    loop {
        let left: BTreeSet<_> = below.keys().cloned().collect();
        for used in below.values_mut() {
            used.retain(|room| left.contains(room));
        }
        below.retain(|_, used| !used.is_empty());
        if below.len() == left.len() {
            break;
        }
    }
    assert!(below.is_empty(), "{below:#?}");
}
