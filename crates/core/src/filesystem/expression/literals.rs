//! Searches for fixed texts, a window at a time.

use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};
use regex_syntax::hir::{Hir, HirKind};

use super::work::Work;
use crate::error::Result;

/// How much is searched between two polls. A search for a few dozen texts may compare all of them at each byte.
const WINDOW: usize = 16 * 1024;
/// The texts of a search.
#[derive(Debug, Clone)]
pub(super) struct Literals {
    search: Prefilter,
    longest: usize,
}

impl Literals {
    /// Returns the search for the one text that `hir` matches, if that is all.
    pub(super) fn all_of(hir: &Hir) -> Option<Literals> {
        match hir.kind() {
            HirKind::Capture(group) => Self::all_of(&group.sub),
            HirKind::Literal(text) => {
                Prefilter::new(MatchKind::LeftmostFirst, &[&text.0]).map(Self::new)
            }
            _ => None,
        }
    }

    /// Returns the search for what every match of `hir` begins with, where that is fast.
    pub(super) fn prefixes_of(hir: &Hir) -> Option<Literals> {
        Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, hir)
            .filter(Prefilter::is_fast)
            .map(Self::new)
    }

    fn new(search: Prefilter) -> Self {
        Literals {
            longest: search.max_needle_len(),
            search,
        }
    }

    /// Returns where the first of the texts is at or after `from`; of those that begin there, the one that comes
    /// first in the expression.
    pub(super) fn find(
        &self,
        text: &[u8],
        mut from: usize,
        work: &mut Work<'_>,
    ) -> Result<Option<(usize, usize)>> {
        loop {
            let border = text.len().min(from + WINDOW);
            // What begins before the border is seen whole.
            let end = text.len().min(border + self.longest.saturating_sub(1));
            work.spend(end - from)?;
            let found = self.search.find(text, Span { start: from, end });
            match found {
                Some(found) if found.start < border => return Ok(Some((found.start, found.end))),
                _ if border == text.len() => return Ok(None),
                _ => from = border,
            }
        }
    }
}
