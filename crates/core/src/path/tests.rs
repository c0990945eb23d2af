//! Paths for random strings: one name for each file, and what may not be one.

use proptest::prelude::*;

use super::*;
use crate::range::PathRange;

/// Names that sort around `/`, are no ASCII, or look special and are not.
const NAMES: [&str; 12] = [
    "a",
    "a-b",
    "a.b",
    "a..b",
    "ab",
    "b",
    "é",
    "a b",
    "%",
    "*",
    "...",
    "\u{10ffff}",
];

fn valid() -> impl Strategy<Value = VirtualPath> {
    // One name more often than the others, so that paths share their beginnings.
    let name = prop_oneof![3 => Just("a"), 2 => prop::sample::select(&NAMES[..])];
    prop::collection::vec(name, 0..5)
        .prop_map(|names| VirtualPath::parse(&format!("/{}", names.join("/"))).unwrap())
}

/// Strings made of what paths are made of, and of what they must not be made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["/", "/", ".", "..", "a", "é", "-"]),
        1 => prop::sample::select(vec!["\0", "\u{1f}", "\u{7f}", "\u{85}", "\u{202e}", "e\u{301}"]),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn reason(input: &str) -> String {
    let error = VirtualPath::parse(input).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidPath, "{error}");
    error.to_string()
}

proptest! {
    #[test]
    fn any_string_is_a_normal_path_or_refused_with_one_line(input in prop_oneof![any::<String>(), pieces()]) {
        match VirtualPath::parse(&input) {
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::InvalidPath);
                prop_assert!(!error.to_string().chars().any(char::is_control), "{}", error);
            }
            Ok(path) => {
                let text = path.as_str();
                prop_assert!(text.starts_with('/'), "{:?}", text);
                prop_assert!(text == "/" || !text.ends_with('/'), "{:?}", text);
                prop_assert!(!text.contains("//"), "{:?}", text);
                prop_assert!(path.segments().all(|name| name != "." && name != ".."), "{:?}", text);
                prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
                prop_assert_eq!(&VirtualPath::parse(text).unwrap(), &path);
            }
        }
    }

    #[test]
    fn every_spelling_of_a_path_is_one_path(path in valid(), at in any::<prop::sample::Index>()) {
        let text = path.as_str();
        let slashes: Vec<usize> = text.match_indices('/').map(|(index, _)| index).collect();
        let slash = *at.get(&slashes);
        for more in ["//", "/./", "///././"] {
            let spelling = format!("{}{more}{}", &text[..slash], &text[slash + 1..]);
            prop_assert_eq!(&VirtualPath::parse(&spelling).unwrap(), &path, "{:?}", spelling);
        }
        prop_assert_eq!(&VirtualPath::parse(&format!("{text}/")).unwrap(), &path);
        if !path.is_root() {
            prop_assert_eq!(&VirtualPath::parse(&text[1..]).unwrap(), &path);
        }
    }

    #[test]
    fn parts_make_up_the_whole(path in valid()) {
        let joined: String = path.segments().map(|name| format!("/{name}")).collect();
        prop_assert_eq!(path.is_root(), joined.is_empty());
        match path.parent() {
            None => prop_assert!(path.is_root() && path.name().is_empty()),
            Some(parent) => {
                prop_assert_eq!(&joined, path.as_str());
                prop_assert_eq!(format!("{}{}", parent.child_prefix(), path.name()), joined);
                prop_assert!(path.is_within(&parent) && !parent.is_within(&path));
            }
        }
    }

    #[test]
    fn within_means_the_same_segments_at_the_beginning(a in valid(), b in valid()) {
        let (inner, outer): (Vec<_>, Vec<_>) = (a.segments().collect(), b.segments().collect());
        prop_assert_eq!(a.is_within(&b), inner.starts_with(&outer));
        let under = PathRange::under(b.as_str()).contains(a.as_str());
        prop_assert_eq!(under || a == b, a.is_within(&b));
    }

    #[test]
    fn moving_replaces_the_ancestor(from in valid(), rest in valid(), to in valid()) {
        let below = |directory: &VirtualPath| {
            VirtualPath::parse(&format!("{directory}{rest}")).unwrap()
        };
        prop_assume!(!from.is_root());
        prop_assert_eq!(below(&from).moved(&from, &to).unwrap(), below(&to));
    }
}

#[test]
fn each_refusal_names_its_reason() {
    for (input, expected) in [
        ("", "empty"),
        ("/a/../b", "'..'"),
        ("..", "'..'"),
        ("/a\0b", "NUL"),
        ("/a\u{1}", "control"),
        ("/a\n", "control"),
        ("/\u{7f}", "control"),
        ("/\u{80}", "control"),
        ("/\u{9f}", "control"),
        ("/\u{202a}", "bidirectional"),
        ("/\u{202e}", "bidirectional"),
        ("/\u{2066}", "bidirectional"),
        ("/\u{2069}", "bidirectional"),
        ("/e\u{301}", "normalisation form C"),
        ("/\u{212b}", "normalisation form C"),
    ] {
        let reason = reason(input);
        assert!(
            reason.contains(expected),
            "{input:?} is refused with {reason:?}"
        );
    }
    assert!(VirtualPath::parse("/\u{202f}\u{2029}\u{206a}").is_ok());
}

#[test]
fn limits_are_in_bytes_and_segments_of_the_normal_form() {
    let name = |bytes: usize| "é".repeat(bytes / 2) + &"a".repeat(bytes % 2);
    assert!(VirtualPath::parse(&name(255)).is_ok());
    assert!(reason(&name(256)).contains("255"));
    let deep = |segments: usize| "/a".repeat(segments);
    assert!(VirtualPath::parse(&deep(100)).is_ok());
    assert!(reason(&deep(101)).contains("100"));
    let long =
        |bytes: usize| format!("/{}", name(255)).repeat(15) + "/" + &name(bytes - 15 * 256 - 1);
    assert_eq!(long(4096).len(), 4096);
    assert!(VirtualPath::parse(&long(4096)).is_ok());
    assert!(VirtualPath::parse(&format!("{}/./", long(4096))).is_ok());
    let too_long = format!("/{}", name(255)).repeat(16) + "/a";
    assert!(reason(&too_long).contains("4096"));
}

#[test]
fn a_move_that_makes_a_path_too_long_is_refused() {
    let from = VirtualPath::parse("/a").unwrap();
    let deep = VirtualPath::parse(&"/a".repeat(100)).unwrap();
    let to = VirtualPath::parse("/b/c").unwrap();
    assert_eq!(
        deep.moved(&from, &to).unwrap_err().kind(),
        ErrorKind::InvalidPath
    );
}

#[test]
fn ids_follow_the_rules_of_one_segment() {
    for id in ["acme", "a..b", "...", "é", "a b"] {
        assert_eq!(parse_id("tenant_id", id).unwrap(), id);
    }
    for id in [
        "", ".", "..", "a/b", "/", "a\0", "\u{85}", "e\u{301}", "\u{2066}",
    ] {
        let error = parse_id("tenant_id", id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{id:?}");
        assert!(error.to_string().contains("tenant_id"), "{error}");
    }
    assert!(parse_id("agent_id", &"a".repeat(256)).is_err());
}
