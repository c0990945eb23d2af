//! No circles: within `capi`, and within the program, no files use one another in one.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the source files below `folder`, relative to it, with what they hold besides tests.
fn files_below(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap();
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
    found
}

/// Where a module is below the root of its tree: `["work", "graph"]`; the root itself is `[]`.
type Place = Vec<String>;

/// A tree of modules with the code of each.
struct Tree {
    /// What the root is called: `["crate", "capi"]`.
    root: Place,
    modules: BTreeMap<Place, String>,
}

impl Tree {
    fn new<'f>(root: &str, files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let modules = files
            .into_iter()
            .map(|(file, code)| (place_of(file), without_comments(code)));
        Tree {
            root: root.split("::").map(str::to_owned).collect(),
            modules: modules.collect(),
        }
    }

    fn read(root: &str, folder: &str) -> Self {
        let files = files_below(&project().join(folder));
        Tree::new(root, files.iter().map(|(file, code)| (&**file, &**code)))
    }

    /// Returns the modules that `path`, written in the module `place`, leads through last; `None` for one outside of the tree.
    fn resolve(&self, path: &str, place: &Place) -> Option<Place> {
        let path: Place = path.split("::").map(str::to_owned).collect();
        let mut at = place.clone();
        let names = if let Some(below) = path.strip_prefix(&*self.root) {
            at.clear();
            below
        } else {
            let supers = path.iter().take_while(|name| *name == "super").count();
            let is_child = self.modules.contains_key(&[&at[..], &path[..1]].concat());
            if supers > at.len() || (supers == 0 && path[0] != "self" && !is_child) {
                return None;
            }
            at.truncate(at.len() - supers);
            &path[supers + usize::from(path[0] == "self")..]
        };
        for name in names {
            at.push(name.clone());
            if !self.modules.contains_key(&at) {
                at.pop();
                break;
            }
        }
        Some(at)
    }

    /// Returns for each module those that it uses. That it declares one is no use, and that it makes a name of one its own is: a `mod.rs`
    /// counts like any other file.
    fn uses(&self) -> BTreeMap<&Place, BTreeSet<Place>> {
        let uses = self.modules.iter().map(|(place, code)| {
            let used = paths_in(code)
                .iter()
                .filter_map(|path| self.resolve(path, place))
                .filter(|used| used != place)
                .collect();
            (place, used)
        });
        uses.collect()
    }

    /// Returns the modules of each circle, and of each knot of several.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let uses = self.uses();
        let reached: BTreeMap<&Place, _> = uses
            .keys()
            .map(|place| (*place, reached_from(place, &uses)))
            .collect();
        let circle_of = |place: &Place| {
            reached[place]
                .iter()
                .filter(|other| reached[**other].contains(place))
                .map(|other| other.join("::"))
                .collect::<Vec<_>>()
        };
        let circles = uses.keys().map(|place| circle_of(place));
        circles.filter(|circle| !circle.is_empty()).collect()
    }
}

/// Returns the modules that the one at `place` uses, and those that they use, and so on.
fn reached_from<'u>(
    place: &'u Place,
    uses: &'u BTreeMap<&'u Place, BTreeSet<Place>>,
) -> BTreeSet<&'u Place> {
    let mut reached = BTreeSet::new();
    let mut next = vec![place];
    while let Some(place) = next.pop() {
        next.extend(uses[place].iter().filter(|used| reached.insert(*used)));
    }
    reached
}

/// Returns the module that `file`, relative to the root of its tree, is.
fn place_of(file: &str) -> Place {
    let mut place: Place = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    place.pop_if(|last| matches!(&**last, "mod" | "main"));
    place
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the paths that `code` writes, those of its `use` declarations one by one.
fn paths_in(code: &str) -> Vec<String> {
    let declared = Regex::new(r"\buse\s+([^;]+);").unwrap();
    let written = Regex::new(r"(?:^|[^:\w])(\w+(?:::\w+)+)").unwrap();
    let mut paths = Vec::new();
    for found in declared.captures_iter(code) {
        add_leaves("", &found[1], &mut paths);
    }
    let rest = declared.replace_all(code, "");
    let found = written.captures_iter(&rest);
    paths.extend(found.map(|found| found[1].to_owned()));
    paths
}

/// Adds what the part `tree` of a `use` declaration names below `before`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn add_leaves(before: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let name = tree.split_whitespace().next().unwrap_or_default();
        paths.push(format!("{before}{name}"));
        return;
    };
    let inside = rest.strip_suffix('}').unwrap();
    let before = format!("{before}{head}");
    let mut depth = 0;
    let parts = inside.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    for part in parts.filter(|part| !part.trim().is_empty()) {
        add_leaves(&before, part, paths);
    }
}

#[test]
fn a_circle_is_found_however_its_uses_are_written() {
    let tree = |files: &[(&'static str, &'static str)]| {
        let main = ("mod.rs", "mod a; mod b; mod c; mod alone;");
        Tree::new("crate::top", files.iter().copied().chain([main]))
    };
    for (a, b) in [
        ("use super::b::B;", "use super::a::A;"),
        (
            "use super::{c::C, b};",
            "use crate::top::{a::{self, A}, c};",
        ),
        ("fn f() -> crate::top::b::B {}", "fn f(a: &super::a::A) {}"),
        ("use super::b as other;", "use super::c::C;"),
    ] {
        let files = [
            ("a.rs", a),
            ("b.rs", b),
            ("c.rs", "use super::a::A;"),
            ("alone.rs", "use super::a::A; // use super::alone::B;"),
        ];
        let found = tree(&files).circles();
        let [circle] = &found.iter().collect::<Vec<_>>()[..] else {
            panic!("{found:?} of {a} and {b}");
        };
        assert_eq!(circle[..2], ["a", "b"], "{a} {b}");
    }
    let files = [
        (
            "a/mod.rs",
            "mod below; pub struct A; fn f() { below::f(); }",
        ),
        ("a/below.rs", "use super::A;"),
        ("b.rs", ""),
        ("c.rs", ""),
        ("alone.rs", ""),
    ];
    let circle = vec!["a".to_owned(), "a::below".to_owned()];
    assert_eq!(tree(&files).circles(), BTreeSet::from([circle]));
    let files = [
        ("a.rs", "use super::b::B; use super::c;"),
        ("b.rs", "use super::c::C; use crate::a::A;"),
        ("c.rs", "use std::a::b; use self::C as D;"),
        ("alone.rs", ""),
    ];
    assert_eq!(tree(&files).circles(), BTreeSet::new(), "no circle");
}

#[test]
fn no_files_of_capi_use_one_another_in_a_circle() {
    let tree = Tree::read("crate::capi", "src/capi");
    assert!(tree.modules.len() > 20, "the files are not found");
    let circles = tree.circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_files_of_the_program_use_one_another_in_a_circle() {
    let tree = Tree::read("crate", "crates/cli/src");
    assert!(tree.modules.len() > 50, "the files are not found");
    let circles = tree.circles();
    assert!(circles.is_empty(), "{circles:#?}");
}
