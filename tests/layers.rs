//! The order of the layers, of which `docs/design.md` tells: a module uses those below it, never one above.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, from the lowest on.
const LAYERS: [&str; 19] = [
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
    "capi",
];

/// Who may name the store that is kept in SQLite, by the beginnings of their paths. Everybody else knows the traits.
const OPENERS: [&str; 2] = ["metadata/sqlite", "filesystem/engine"];

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
