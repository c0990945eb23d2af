//! Tests: matches compared with the `regex` crate, rejected expressions, interrupts in every engine.

use super::*;
use crate::call::{Call, Interrupts};
use crate::error::ErrorKind;
use proptest::prelude::*;
use std::time::Duration;

fn compile(expression: &str) -> Expression {
    Expression::compile(expression, false).unwrap_or_else(|reason| panic!("{expression}: {reason}"))
}

fn find(expression: &Expression, text: &[u8]) -> Option<(usize, usize)> {
    let call = Call::for_test();
    let mut work = Work::new(&call);
    expression.searcher().find(text, &mut work).unwrap()
}

/// As [`find`], by threads alone.
fn find_by_threads(expression: &Expression, text: &[u8]) -> Option<(usize, usize)> {
    let Engine::Automaton {
        automaton,
        prefixes,
    } = &expression.engine
    else {
        return find(expression, text);
    };
    let call = Call::for_test();
    let nfa = automaton.nfa();
    Threads::new(nfa)
        .find(
            nfa,
            prefixes.as_ref(),
            text,
            0,
            false,
            &mut Work::new(&call),
        )
        .unwrap()
}

#[test]
fn large_expressions_that_cost_little_are_accepted() {
    let words: Vec<String> = (0..5000).map(|n| format!("word{n}")).collect();
    let words = words.join("|");
    let text = "a".repeat(64 * 1024);
    for (expression, text) in [
        (words.as_str(), "a word4999"),
        (&format!(r"\b(?:{words})\b"), "a word4999"),
        (text.as_str(), text.as_str()),
        (r"\w{50}", &text),
        (r"[0-9a-f]{64}", &text),
        (r".{0,1000}b", "ab"),
        (r"(?i)\w+\s\w+\s\pL\S\d", "ab cd e-1"),
    ] {
        let found = find(&compile(expression), text.as_bytes());
        assert!(found.is_some(), "{expression:.30} finds nothing");
    }
}

#[test]
fn expressions_that_cost_much_are_refused() {
    for (expression, reason) in [
        ("(a?){1000}a{1000}", "2048 characters"),
        ("(a{1,100}){1,100}", "2048 characters"),
        ("(((a{9}){9}){9}){9}", "2048 characters"),
        (
            "((((((a{99}){99}){99}){99}){99}){99}){99}",
            "2048 characters",
        ),
        (&"a?".repeat(5000), "2048 characters"),
        (&("a".repeat(2048) + "[bc]"), "2048 characters"),
        (r"\pL{500}", "too large"),
        (
            &("(?i)".to_owned() + &r"\pL".repeat(20_000)),
            "character classes",
        ),
        (
            &("(?i)".to_owned() + &r"[\x{0}-\x{10ffff}]".repeat(100)),
            "character classes",
        ),
        (&format!("[{}]", r"\pL".repeat(200)), "character classes"),
        (&("(".repeat(200) + &")".repeat(200)), "nested"),
    ] {
        let refused = Expression::compile(expression, false);
        let refused = refused.expect_err(&format!("{expression:.30} was accepted"));
        assert!(refused.contains(reason), "{expression:.30}: {refused}");
    }
}

/// Each engine on a text that it would search to the end.
#[test]
fn an_interrupt_ends_a_search_within_a_text() {
    let random: Vec<u8> = (0_u32..262_144)
        .map(|n| b'a' + (n.wrapping_mul(2_654_435_761) >> 31) as u8)
        .collect();
    for expression in [
        "abbabbbbbbbbabbbabbbbc",
        "(?:b[ab]|c)+x",
        "[ab]*a[ab]{1000}c",
        r"\b[ab]+\b.*é",
    ] {
        let expression = compile(expression);
        let interrupts = Interrupts::default();
        let call = interrupts.begin(Duration::ZERO);
        let mut searcher = expression.searcher();
        let mut work = Work::new(&call);
        interrupts.interrupt();
        let error = searcher.find(&random, &mut work).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let mut threads = match &expression.engine {
            Engine::Literals(_) => continue,
            Engine::Automaton { automaton, .. } => Threads::new(automaton.nfa()),
        };
        let Engine::Automaton { automaton, .. } = &expression.engine else {
            continue;
        };
        let mut work = Work::new(&call);
        let found = threads.find(automaton.nfa(), None, &random, 0, false, &mut work);
        assert_eq!(found.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn a_match_is_found_wherever_the_windows_and_blocks_of_a_search_end() {
    for at in [0, 4095, 4096, 16_383, 16_384, 16_385, 100_000] {
        for word in ["needle", "née"] {
            let mut text = vec![b'-'; 120_000];
            text[at..at + word.len()].copy_from_slice(word.as_bytes());
            let expected = Some((at, at + word.len()));
            for expression in [
                word.to_owned(),
                format!("{word}|{word}s"),
                format!(r"\b{word}\b"),
                format!("[ab]*{word}"),
            ] {
                let expression = compile(&expression);
                assert_eq!(find(&expression, &text), expected, "{word} at {at}");
                let found = find_by_threads(&expression, &text);
                assert_eq!(found, expected, "{word} at {at}, by threads");
            }
        }
    }
}

#[test]
fn a_search_goes_on_where_the_automaton_gives_up() {
    // Ever new states: which of the last 300 bytes are an `a`.
    let mut text: Vec<u8> = (0_u32..150_000)
        .map(|n| b'a' + (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 31) as u8)
        .collect();
    text.extend_from_slice(b"c");
    let expression = compile("a[ab]{300}c");
    let expected = text.len() - 302;
    let begin = match text[expected] {
        b'a' => Some((expected, text.len())),
        _ => None,
    };
    assert_eq!(find(&expression, &text), begin);
}

fn any_expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a",
        "b",
        "ab",
        "é",
        ".",
        r"\b",
        r"\B",
        "^",
        "$",
        r"\w",
        r"\s",
        "[^a]",
        "[a-c]",
        "(?i:A)",
        r"(?-u:\xff)",
        r"(?-u:\b)",
        "(?s-u:.)",
    ])
    .prop_map(str::to_owned);
    atom.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!("(?:{})", parts.join("|"))),
            (
                inner,
                prop::sample::select(vec![
                    "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}?"
                ])
            )
                .prop_map(|(inner, times)| format!("(?:{inner}){times}")),
        ]
    })
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"a"[..],
        b"b",
        b"c",
        b"A",
        b" ",
        b"\xff",
        b"\r",
        "é".as_bytes(),
        b"\xc3",
        b"ab",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_finds_what_the_regex_crate_finds(expression in any_expression(), text in any_text()) {
        let regex = regex::bytes::Regex::new(&expression).unwrap();
        let expected = regex.find(&text).map(|found| (found.start(), found.end()));
        let compiled = compile(&expression);
        prop_assert_eq!(find(&compiled, &text), expected);
        prop_assert_eq!(find_by_threads(&compiled, &text), expected, "by threads");
        let call = Call::for_test();
        let is_match = compiled.searcher().is_match(&text, &mut Work::new(&call));
        prop_assert_eq!(is_match.unwrap(), expected.is_some());
    }
}
