//! Tests of matching, non-matching and rejected patterns.

use super::*;
use crate::call::Call;
use proptest::prelude::*;

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn glob(base: &str, pattern: &str) -> GlobPattern {
    GlobPattern::compile(&path(base), pattern, Bare::ChildOfBase)
        .unwrap_or_else(|error| panic!("{pattern:?}: {error}"))
}

fn matches(glob: &GlobPattern, path: &str) -> bool {
    let call = Call::for_test();
    glob.matcher().matches(path, &mut Work::new(&call)).unwrap()
}

/// Asserts what the pattern matches and what not, and that its prefix excludes no match.
#[track_caller]
fn check(base: &str, pattern: &str, matching: &[&str], others: &[&str]) {
    check_glob(&glob(base, pattern), pattern, matching, others);
}

/// As [`check`], for a file pattern.
#[track_caller]
fn check_files(base: &str, pattern: &str, matching: &[&str], others: &[&str]) {
    let glob = GlobPattern::compile(&path(base), pattern, Bare::NameAtAnyDepth);
    check_glob(&glob.unwrap(), pattern, matching, others);
}

#[track_caller]
fn check_glob(glob: &GlobPattern, pattern: &str, matching: &[&str], others: &[&str]) {
    for path in matching {
        assert!(matches(glob, path), "{pattern:?} misses {path:?}");
        let prefix = glob.literal_prefix();
        assert!(path.starts_with(prefix), "{pattern:?}: prefix {prefix:?}");
    }
    for path in others {
        assert!(!matches(glob, path), "{pattern:?} matches {path:?}");
    }
}

#[test]
fn a_star_stays_inside_its_segment() {
    check("/", "*", &["/a", "/.a", "/é"], &["/", "/a/b"]);
    check("/", "*.txt", &["/a.txt", "/.txt"], &["/d/a.txt", "/a.txt2"]);
    check("/", "a*c", &["/ac", "/abc"], &["/a/c", "/acd", "/bac"]);
    check("/d", "*", &["/d/a"], &["/d", "/d/a/b", "/a", "/da"]);
    check("/", "a**c", &["/abc"], &["/a/c"]);
    check("/", "***", &["/abc"], &["/a/c"]);
}

#[test]
fn a_double_star_crosses_segments() {
    check("/", "**", &["/a", "/a/b/c"], &["/"]);
    check(
        "/",
        "**/x",
        &["/x", "/a/x", "/a/b/x"],
        &["/ax", "/x/a", "/a/bx"],
    );
    check("/", "a/**", &["/a/b", "/a/b/c"], &["/a", "/ab"]);
    check(
        "/",
        "a/**/b",
        &["/a/b", "/a/x/b", "/a/x/y/b"],
        &["/ab", "/a/xb", "/b"],
    );
    check("/", "a/**/**/b", &["/a/b", "/a/x/b"], &["/ab"]);
    check(
        "/d",
        "**/*.rs",
        &["/d/a.rs", "/d/e/a.rs"],
        &["/a.rs", "/da.rs"],
    );
}

#[test]
fn a_question_mark_is_one_character_of_a_segment() {
    check(
        "/",
        "a?",
        &["/ab", "/aé", "/a\u{1f600}"],
        &["/a", "/abc", "/a/"],
    );
    check("/", "a?b", &["/axb"], &["/a/b"]);
}

#[test]
fn classes_hold_characters_and_ranges() {
    check("/", "[abc]", &["/a", "/c"], &["/d", "/ab", "/"]);
    check("/", "[a-c]x", &["/ax", "/bx"], &["/dx", "/-x"]);
    check("/", "[!a-c]", &["/d", "/é"], &["/a", "/b"]);
    check("/", "[^a]", &["/b", "/^"], &["/a"]);
    check("/", "[ä-ö]", &["/å", "/ä"], &["/a", "/z"]);
    check("/", "[]a]", &["/]", "/a"], &["/b"]);
    check("/", "[!]a]", &["/b"], &["/]", "/a"]);
    check("/", "[a-]", &["/a", "/-"], &["/b"]);
    check("/", "[-a]", &["/a", "/-"], &["/b"]);
    check("/", r"[\]\\]", &["/]", "/\\"], &["/a"]);
    check("/", "[{,}]", &["/{", "/,", "/}"], &["/a"]);
    check("/", "[a&&b~~]", &["/&", "/~"], &["/e"]);
}

#[test]
fn a_class_never_matches_a_separator() {
    check("/", "a[!x]b", &["/ayb"], &["/a/b", "/axb"]);
    check("/", "a[+-9]b", &["/a0b", "/a.b"], &["/a/b"]);
    check("/", "**/[!x]*", &["/a", "/d/a"], &["/x", "/d/x"]);
}

#[test]
fn braces_are_alternatives() {
    check(
        "/",
        "*.{rs,toml}",
        &["/a.rs", "/a.toml"],
        &["/a.md", "/a.{rs,toml}"],
    );
    check("/", "{a,b}{c,d}", &["/ac", "/bd"], &["/ab", "/a"]);
    check("/", "a{,b}", &["/a", "/ab"], &["/abb"]);
    check("/", "{a,b{c,d}}", &["/a", "/bc", "/bd"], &["/b"]);
    check("/", "x{/y,z}", &["/x/y", "/xz"], &["/xy"]);
    check("/", "{a,**}/z", &["/a/z", "/z", "/b/c/z"], &["/az"]);
    check("/", "a,b", &["/a,b"], &["/a"]);
    check("/", "{x}", &["/x"], &["/{x}"]);
}

#[test]
fn a_backslash_escapes() {
    check("/", r"\*", &["/*"], &["/a"]);
    check("/", r"\[a\]\?\{\}\\", &["/[a]?{}\\"], &["/a"]);
    check("/", r"a\/b", &["/a/b"], &[]);
    check("/", r"\a", &["/a"], &[]);
    check("/", r"{\,,\}}", &["/,", "/}"], &[]);
}

#[test]
fn other_characters_are_themselves() {
    check("/", "a.b+c(d)|^$#", &["/a.b+c(d)|^$#"], &["/axb+c(d)|^$#"]);
    check("/", "A", &["/A"], &["/a"]);
    check("/", "%_", &["/%_"], &["/ab"]);
}

#[test]
fn patterns_are_normalised_like_paths() {
    for pattern in ["a/b", "/a/b", "./a//b/", "a/./b/.", "/a/b/"] {
        check("/", pattern, &["/a/b"], &["/a", "/b"]);
    }
    check("/", "/", &["/"], &["/a"]);
    check("/d", ".", &["/d"], &["/d/a"]);
}

#[test]
fn an_absolute_pattern_lies_under_the_base() {
    check("/a/b", "/a/b/*", &["/a/b/c"], &["/a/b", "/c"]);
    check("/a/b", "/a/*/c", &["/a/b/c"], &["/a/x/c"]);
    check(
        "/a/b",
        "/**/c",
        &["/a/b/c", "/a/b/x/c"],
        &["/c", "/a/c", "/a/bc"],
    );
    check("/a/b", "{/a/b,/x}/c", &["/a/b/c"], &["/x/c"]);
    for pattern in ["/", "/a", "/a/c/*", "/ab/**", "{/a/c,/x}/c"] {
        let error = GlobPattern::compile(&path("/a/b"), pattern, Bare::ChildOfBase).unwrap_err();
        assert!(error.to_string().contains("under the directory"), "{error}");
    }
}

#[test]
fn a_file_pattern_without_a_slash_is_a_name_at_any_depth() {
    check_files(
        "/",
        "*.py",
        &["/a.py", "/d/a.py", "/d/e/.py"],
        &["/a.pyc", "/a.py/b"],
    );
    check_files(
        "/d",
        "*.py",
        &["/d/a.py", "/d/e/a.py"],
        &["/a.py", "/da.py"],
    );
    check_files("/d", "a", &["/d/a", "/d/e/a"], &["/d/ba", "/d/a/b"]);
    check_files("/d", "**", &["/d/a", "/d/e/a"], &["/d", "/a"]);
    // A slash at the end does not count.
    check_files("/d", "b/", &["/d/b", "/d/e/b"], &["/d/b/c"]);
}

#[test]
fn a_file_pattern_with_a_slash_is_a_path_below_the_base() {
    check_files(
        "/",
        "d/*.py",
        &["/d/a.py"],
        &["/a.py", "/e/d/a.py", "/d/e/a.py"],
    );
    check_files("/d", "e/*.py", &["/d/e/a.py"], &["/d/a.py", "/d/x/e/a.py"]);
    check_files("/d", "./*.py", &["/d/a.py"], &["/d/e/a.py"]);
    check_files("/d", "/d/*.py", &["/d/a.py"], &["/d/e/a.py"]);
    check_files("/", "/*.py", &["/a.py"], &["/d/a.py"]);
    check_files("/", r"a\/b", &["/a/b"], &["/d/a/b"]);
}

#[test]
fn each_alternative_of_a_file_pattern_has_a_slash_or_not() {
    check_files(
        "/",
        "{*.py,d/*.rs}",
        &["/a.py", "/x/a.py", "/d/a.rs"],
        &["/a.rs", "/x/d/a.rs"],
    );
    check_files(
        "/d",
        "{a,b/c}",
        &["/d/a", "/d/x/a", "/d/b/c"],
        &["/d/x/b/c"],
    );
}

#[test]
fn the_prefix_limits_as_much_as_it_may() {
    for (base, pattern, prefix) in [
        ("/", "*", "/"),
        ("/", "**", "/"),
        ("/", "**/x", "/"),
        ("/", "a", "/a"),
        ("/", "a/b*c", "/a/b"),
        ("/", "a/**", "/a/"),
        ("/", "a/**/b", "/a/"),
        ("/", "a?", "/a"),
        ("/", "a[b]", "/a"),
        ("/", r"a\*b", "/a*b"),
        ("/", r"a\\*", "/a\\"),
        ("/", "{abc,abd}/x", "/ab"),
        ("/", "{a,b}", "/"),
        ("/", "a{,b}", "/a"),
        ("/", "/", "/"),
        ("/d", "*", "/d/"),
        ("/d", "x/*", "/d/x/"),
        ("/d", "{x,y}", "/d/"),
        ("/d", "{.,x}", "/d"),
        ("/d/e", "/*/e/f", "/d/e"),
        ("/", "é{ä,å}", "/é"),
    ] {
        assert_eq!(
            glob(base, pattern).literal_prefix(),
            prefix,
            "{base} {pattern}"
        );
    }
}

#[test]
fn an_interrupt_ends_a_match_within_a_path() {
    let glob = glob("/", &"*a*b{c,d}".repeat(6));
    let path = format!("/{}", "abc".repeat(80)).repeat(16);
    let interrupts = crate::call::Interrupts::default();
    let call = interrupts.begin(std::time::Duration::ZERO);
    interrupts.interrupt();
    let mut work = Work::new(&call);
    let mut matcher = glob.matcher();
    let ended = (0..100)
        .map(|_| matcher.matches(&path, &mut work))
        .find(Result::is_err);
    assert!(ended.is_some(), "no poll in 100 matches of a path of 4 KiB");
}

#[test]
fn bad_patterns_are_refused_with_the_reason() {
    let deep = format!("{}{}", "{".repeat(17), "}".repeat(17));
    let many = "{a,b}".repeat(11);
    let long = "a".repeat(4097);
    let wild = format!("{{a,b,c,d}}{{a,b,c,d}}{{a,b,c,d}}{}", "?".repeat(100));
    let wide = format!("{{a,b,c,d}}{{a,b,c,d}}{{a,b,c,d}}{}", "x".repeat(2000));
    for (pattern, reason) in [
        ("", "empty"),
        ("[a", "a '[' has no ']'"),
        ("[", "a '[' has no ']'"),
        ("[]", "a '[' has no ']'"),
        ("[z-a]", "runs backwards"),
        ("[a/b]", "cannot hold '/'"),
        ("{a", "a '{' has no '}'"),
        ("{a,{b}", "a '{' has no '}'"),
        ("a}", "a '}' has no '{'"),
        ("a\\", "escapes nothing"),
        ("[\\", "escapes nothing"),
        ("a/../b", "'..'"),
        ("{a,.}./b", "'..'"),
        (deep.as_str(), "nested too deeply"),
        (many.as_str(), "1024"),
        (long.as_str(), "4096"),
        (wide.as_str(), "too complex"),
        (wild.as_str(), "too complex"),
    ] {
        let error = GlobPattern::compile(&VirtualPath::root(), pattern, Bare::ChildOfBase)
            .expect_err(&format!("{pattern:.60?} was accepted"));
        let message = error.to_string();
        assert_eq!(error.kind(), crate::error::ErrorKind::InvalidArgument);
        assert!(message.contains(reason), "{pattern:.60?}: {message}");
        assert!(!message.contains('\n') && message.len() < 500, "{message}");
    }
}

/// A matcher to compare with, written for its plainness: it tries everything. It knows `*`, `?`,
/// `**`, `[…]` and one level of braces, no escapes.
mod reference {
    pub fn matches(pattern: &str, path: &str) -> bool {
        alternatives(pattern)
            .iter()
            .any(|pattern| segments(&split(pattern), &split(path)))
    }

    fn alternatives(pattern: &str) -> Vec<String> {
        let Some((head, rest)) = pattern.split_once('{') else {
            return vec![pattern.to_owned()];
        };
        let (inner, tail) = rest.split_once('}').unwrap();
        inner
            .split(',')
            .flat_map(|choice| alternatives(&format!("{head}{choice}{tail}")))
            .collect()
    }

    fn split(path: &str) -> Vec<&str> {
        path.split('/').filter(|name| !name.is_empty()).collect()
    }

    fn segments(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], _) => path.is_empty(),
            (["**"], _) => !path.is_empty(),
            (["**", rest @ ..], _) => {
                (0..=path.len()).any(|skipped| segments(rest, &path[skipped..]))
            }
            ([first, rest @ ..], [name, others @ ..]) => {
                let first: Vec<char> = first.chars().collect();
                let name: Vec<char> = name.chars().collect();
                characters(&first, &name) && segments(rest, others)
            }
            (_, []) => false,
        }
    }

    fn characters(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            (['*', rest @ ..], _) => {
                (0..=name.len()).any(|skipped| characters(rest, &name[skipped..]))
            }
            (['?', rest @ ..], [_, others @ ..]) => characters(rest, others),
            (['[', '!', member, ']', rest @ ..], [c, others @ ..]) => {
                c != member && characters(rest, others)
            }
            (['[', from, '-', to, ']', rest @ ..], [c, others @ ..]) => {
                (from..=to).contains(&c) && characters(rest, others)
            }
            ([literal, rest @ ..], [c, others @ ..]) => literal == c && characters(rest, others),
            (_, []) => false,
        }
    }
}

fn any_pattern() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "é", "*", "?", "**", "/", "/**/", "[!a]", "[a-b]", "{a,b}", "{a/b,*}", "{,b}",
    ]);
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn any_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "é", "ab", "ba", "aab", "éa"]);
    prop::collection::vec(name, 0..4).prop_map(|names| format!("/{}", names.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_the_reference(
        pattern in any_pattern(), paths in prop::collection::vec(any_path(), 1..8)
    ) {
        let compiled = glob("/", &pattern);
        for path in paths {
            let expected = reference::matches(&pattern, &path);
            prop_assert_eq!(matches(&compiled, &path), expected, "{} {}", pattern, path);
        }
    }

    #[test]
    fn the_prefix_excludes_no_match(
        base in any_path(), pattern in any_pattern(), path in any_path()
    ) {
        let Ok(compiled) = GlobPattern::compile(&self::path(&base), &pattern, Bare::ChildOfBase) else {
            return Ok(());
        };
        if matches(&compiled, &path) {
            let prefix = compiled.literal_prefix();
            prop_assert!(path.starts_with(prefix), "{}: {} {}", pattern, prefix, path);
            prop_assert!(is_within(&path, &base));
        }
    }

    #[test]
    fn any_text_is_compiled_or_refused(
        pattern in "([a-c/*?!^,.&~é-]|\\[|\\]|\\{|\\}|\\\\){0,24}", path in any_path()
    ) {
        if let Ok(compiled) = GlobPattern::compile(&VirtualPath::root(), &pattern, Bare::ChildOfBase) {
            let _ = matches(&compiled, &path);
        }
    }

    #[test]
    fn an_escaped_path_matches_itself_alone(name in "[ -.0-~é]{1,12}", other in any_path()) {
        prop_assume!(name != "." && name != "..");
        let pattern: String = name.chars().flat_map(|c| ['\\', c]).collect();
        let compiled = glob("/", &pattern);
        let path = format!("/{name}");
        prop_assert!(matches(&compiled, &path));
        prop_assert_eq!(compiled.literal_prefix(), path.as_str());
        prop_assert_eq!(matches(&compiled, &other), other == path);
    }
}
