//! Ranges against what they mean for strings.

use proptest::prelude::*;

use super::*;

/// Pieces that sort right before and after `/`, and at the ends of what UTF-8 can say.
const PIECES: [&str; 9] = [
    "a",
    "-",
    ".",
    "0",
    "é",
    "\u{d7ff}",
    "\u{e000}",
    "\u{10ffff}",
    "b",
];

fn path() -> impl Strategy<Value = String> {
    // One piece more often than the others, so that paths share their beginnings.
    let piece = prop_oneof![3 => Just("a"), 2 => prop::sample::select(&PIECES[..])];
    let name =
        prop::collection::vec(piece, 1..3).prop_map(|pieces| format!("/{}", pieces.concat()));
    prop::collection::vec(name, 1..4)
        .prop_map(|names| names.concat())
        .prop_filter("a name", |path| {
            path.split('/').all(|name| !matches!(name, "." | ".."))
        })
}

/// A raw prefix: part of a path, perhaps all of one.
fn prefix() -> impl Strategy<Value = String> {
    (path(), any::<prop::sample::Index>()).prop_map(|(path, cut)| {
        let ends: Vec<usize> = path
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .collect();
        path[..*cut.get(&ends)].to_owned()
    })
}

fn range() -> impl Strategy<Value = PathRange> {
    prop_oneof![
        Just(PathRange::all()),
        path().prop_map(|path| PathRange::of_path(&path)),
        path().prop_map(|path| PathRange::under(&path)),
        prefix().prop_map(|prefix| PathRange::with_prefix(&prefix)),
        (path(), path()).prop_map(|(a, b)| PathRange {
            start: a.as_str().min(&b).to_owned(),
            end: a.max(b),
        }),
    ]
}

proptest! {
    #[test]
    fn a_directory_holds_what_begins_with_its_name_and_a_slash(directory in path(), path in path()) {
        let under = PathRange::under(&directory);
        prop_assert_eq!(under.contains(&path), path.starts_with(&format!("{directory}/")));
        prop_assert!(!under.contains(&directory));
        prop_assert!(PathRange::under("/").contains(&path));
        let alone = PathRange::of_path(&directory);
        prop_assert_eq!(alone.contains(&path), path == directory);
        prop_assert!(alone.contains(&directory));
    }

    #[test]
    fn a_prefix_holds_what_begins_with_it(prefix in prefix(), path in path()) {
        let range = PathRange::with_prefix(&prefix);
        prop_assert_eq!(range.contains(&path), path.starts_with(&prefix), "{:?}", range);
        let longer = format!("{prefix}{path}");
        prop_assert!(range.contains(&longer), "{:?} in {:?}", longer, range);
    }

    #[test]
    fn all_holds_every_path(path in path()) {
        prop_assert!(PathRange::all().contains("/"));
        prop_assert!(PathRange::all().contains(&path));
    }

    #[test]
    fn an_intersection_holds_what_both_hold(a in range(), b in range(), path in path()) {
        let both = a.intersection(&b);
        prop_assert_eq!(&both, &b.intersection(&a));
        if let Some(both) = &both {
            prop_assert!(both.start < both.end, "{:?}", both);
        }
        let held = both.is_some_and(|both| both.contains(&path));
        prop_assert_eq!(held, a.contains(&path) && b.contains(&path));
    }

    #[test]
    fn after_a_path_come_the_greater_ones(range in range(), last in path(), path in path()) {
        let rest = range.after(&last);
        if let Some(rest) = &rest {
            prop_assert!(rest.start < rest.end, "{:?}", rest);
        }
        let left = rest.is_some_and(|rest| rest.contains(&path));
        prop_assert_eq!(left, range.contains(&path) && path > last);
    }

    #[test]
    fn what_is_visible_within_a_scope_is_in_both(granted in path(), scope in range(), path in path()) {
        let mut visible = Visible::default();
        visible.grant("/", &granted);
        visible.sort();
        let within = visible.within(&scope).iter().any(|range| range.contains(&path));
        prop_assert_eq!(within, visible.contains(&path) && scope.contains(&path));
        prop_assert_eq!(visible.contains(&path), is_within(&path, &granted));
        let above = visible.gates.iter().any(|gate| gate.path == path);
        prop_assert_eq!(above, is_within(&granted, &path) && granted != path);
    }
}

#[test]
fn the_empty_prefix_is_everything() {
    assert_eq!(PathRange::with_prefix(""), PathRange::all());
    assert_eq!(PathRange::with_prefix("\u{10ffff}"), PathRange::all());
}
