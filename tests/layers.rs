//! The order of the layers, of which `docs/design.md` tells: a module uses those below it, never one above. So do the wings of
//! the store in SQLite.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, from the lowest on.
const LAYERS: [&str; 21] = [
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
    "open",
    "capi",
];

/// The wings of the store that is kept in SQLite, from the lowest on.
const WINGS: [&str; 8] = [
    "error", "driver", "db", "wal", "queue", "read", "write", "upkeep",
];

/// Who may name the store that is kept in SQLite, by the beginnings of their paths. Everybody else knows the traits.
const OPENERS: [&str; 2] = ["metadata/sqlite", "open"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns the library's source files, relative to its folder, with what they hold besides tests.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(source())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() && name != "bin" {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("tests") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.push((name, code.to_owned()));
            }
        }
    }
    found.sort();
    found
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
    let mut modules: Vec<String> = files()
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
    for (file, code) in files() {
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
    assert!(uses > 500, "{uses}: the uses are not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_opener_names_the_store_in_sqlite() {
    let mut wrong = Vec::new();
    for (file, code) in files() {
        let is_opener = OPENERS.iter().any(|opener| file.starts_with(opener));
        let names_sqlite = named(&code)
            .iter()
            .any(|(module, rest)| *module == "metadata" && rest.starts_with("::sqlite"));
        if !is_opener && (names_sqlite || code.contains("rusqlite")) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn capi_knows_which_store_it_has_only_where_it_opens_one() {
    let without_comments = |code: &str| {
        let lines = code.lines().map(|line| line.split("//").next().unwrap());
        lines.collect::<Vec<_>>().join("\n")
    };
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|(file, _)| file.starts_with("capi/") && file != "capi/store.rs")
        .filter(|(_, code)| without_comments(code).contains("Filesystem"))
        .map(|(file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let opener = fs::read_to_string(source().join("capi/store.rs")).unwrap();
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
        let module = file.strip_prefix("metadata/sqlite/")?.strip_suffix(".rs")?;
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
    files().into_iter().filter_map(in_wings).collect()
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
                "crate" if path.starts_with(&["crate", "metadata", "sqlite"]) => path[3..].to_vec(),
                "crate" => continue,
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
