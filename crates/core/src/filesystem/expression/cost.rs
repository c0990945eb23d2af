//! Bounds of an expression. They are counted before anything is built from it, because no step of building polls a call.

use regex_syntax::ast::{Ast, ClassPerlKind, ClassSet, ClassSetItem};
use regex_syntax::hir::{Hir, HirKind};

/// Most positions of an expression: its bytes, classes and choices, with all repetitions written out. Each may be where
/// a match goes on, so that a byte of text costs at most a visit to each, give or take a small factor.
const MAX_POSITIONS: u64 = 2048;
/// Most work for the classes of an expression, in units of [`CODE_POINTS_OF_A_UNIT`].
const MAX_CLASS_WORK: u64 = 128;
/// Where letters match in either case, each code point of a class is visited.
const CODE_POINTS_OF_A_UNIT: u32 = 32 * 1024;

/// Returns why the classes of an expression are refused, if they are.
pub(super) fn refuse_classes(ast: &Ast) -> Result<(), String> {
    match class_work(ast) {
        ..=MAX_CLASS_WORK => Ok(()),
        _ => Err("it is too large: it has too many character classes".to_owned()),
    }
}

/// Returns why an expression is refused for its size, if it is.
pub(super) fn refuse_size(hir: &Hir) -> Result<(), String> {
    match hir.kind() {
        // It needs no automaton.
        HirKind::Literal(_) => Ok(()),
        HirKind::Capture(group) => refuse_size(&group.sub),
        _ if positions(hir) <= MAX_POSITIONS => Ok(()),
        _ => Err(format!(
            "it is too large: with its repetitions written out it has more than {MAX_POSITIONS} characters"
        )),
    }
}

/// Returns how many positions `hir` has.
fn positions(hir: &Hir) -> u64 {
    let sum = |subs: &[Hir]| subs.iter().map(positions).fold(0, u64::saturating_add);
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(text) => text.0.len() as u64,
        HirKind::Class(_) | HirKind::Look(_) => 1,
        HirKind::Capture(group) => positions(&group.sub),
        HirKind::Concat(subs) => sum(subs),
        // Texts share what they begin with, so that for each beginning in the text a match goes on at one place.
        HirKind::Alternation(subs) => match longest_text(subs) {
            Some(bytes) => bytes as u64,
            None => sum(subs).saturating_add(subs.len() as u64),
        },
        HirKind::Repetition(repetition) => {
            let min = u64::from(repetition.min);
            let copies = repetition.max.map_or(min.max(1), u64::from);
            let choices = copies.saturating_sub(min).max(1);
            positions(&repetition.sub)
                .saturating_mul(copies)
                .saturating_add(choices)
        }
    }
}

/// Returns the length of the longest of `subs`, if all of them are texts.
fn longest_text(subs: &[Hir]) -> Option<usize> {
    let lengths = subs.iter().map(|sub| match sub.kind() {
        HirKind::Literal(text) => Some(text.0.len()),
        _ => None,
    });
    lengths.reduce(|a, b| Some(a?.max(b?))).flatten()
}

fn class_work(ast: &Ast) -> u64 {
    match ast {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Literal(_) | Ast::Dot(_) | Ast::Assertion(_) => 0,
        Ast::ClassUnicode(_) => 1,
        Ast::ClassPerl(class) => perl_class_work(&class.kind),
        Ast::ClassBracketed(class) => class_set_work(&class.kind),
        Ast::Repetition(repetition) => class_work(&repetition.ast),
        Ast::Group(group) => class_work(&group.ast),
        Ast::Alternation(alternation) => alternation.asts.iter().map(class_work).sum(),
        Ast::Concat(concat) => concat.asts.iter().map(class_work).sum(),
    }
}

fn perl_class_work(class: &ClassPerlKind) -> u64 {
    match class {
        ClassPerlKind::Word => 1,
        ClassPerlKind::Digit | ClassPerlKind::Space => 0,
    }
}

fn class_set_work(set: &ClassSet) -> u64 {
    match set {
        ClassSet::Item(item) => class_item_work(item),
        ClassSet::BinaryOp(operation) => {
            class_set_work(&operation.lhs) + class_set_work(&operation.rhs)
        }
    }
}

fn class_item_work(item: &ClassSetItem) -> u64 {
    match item {
        ClassSetItem::Empty(_) | ClassSetItem::Literal(_) | ClassSetItem::Ascii(_) => 0,
        ClassSetItem::Unicode(_) => 1,
        ClassSetItem::Perl(class) => perl_class_work(&class.kind),
        ClassSetItem::Range(range) => {
            let code_points = u32::from(range.end.c).saturating_sub(u32::from(range.start.c));
            u64::from(code_points / CODE_POINTS_OF_A_UNIT)
        }
        ClassSetItem::Bracketed(class) => class_set_work(&class.kind),
        ClassSetItem::Union(union) => union.items.iter().map(class_item_work).sum(),
    }
}
