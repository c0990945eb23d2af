//! A case that is written and not listed is never run.

use std::fs;
use std::path::Path;

/// Returns the names of the cases in the text of a file.
fn cases(text: &str) -> impl Iterator<Item = &str> {
    let functions = text.split("\npub fn ").skip(1);
    functions.filter_map(|function| {
        let (name, rest) = function.split_once('(')?;
        let is_case =
            rest.starts_with("subject: &Subject)") || rest.starts_with("backend: &dyn Backend)");
        is_case.then_some(name)
    })
}

#[test]
fn every_case_is_listed_once() {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/testkit/src");
    let folder = kit.join("metadata/conformance");
    let list = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let groups = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for group in groups {
        let text = fs::read_to_string(group).unwrap();
        found.extend(cases(&text).map(|name| (name.to_owned(), list.clone())));
    }
    let contents = fs::read_to_string(kit.join("content/conformance.rs")).unwrap();
    found.extend(cases(&contents).map(|name| (name.to_owned(), contents.clone())));
    assert!(found.len() > 100, "{} cases", found.len());
    for (name, list) in found {
        assert_eq!(list.matches(&format!(" {name},\n")).count(), 1, "{name}");
    }
}
