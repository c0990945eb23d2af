//! Search by a deterministic automaton that is built while it runs.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{self, Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

use super::work::Work;
use crate::error::Error;

/// Most bytes of the states from which an automaton is built, in either direction.
const MAX_NFA_BYTES: usize = 1024 * 1024;
/// What the states built while it runs may take, if a few of them do not need more. Enough for all those of a text that
/// is as long as an expression may be.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// After so many times that the cache was full, the automaton gives up where it reads fewer bytes than
/// [`BYTES_OF_A_STATE`] with each state that it builds.
const CLEARED_BEFORE_GIVING_UP: usize = 3;
const BYTES_OF_A_STATE: usize = 10;
/// Bytes between two accounts of work.
const BLOCK: usize = 4096;

/// The automata of an expression: one finds where the first match ends, the other, backwards, where it begins.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    forward: DFA,
    /// None if it is not needed, or would be too large: classes beyond ASCII take more memory backwards.
    backward: Option<DFA>,
}

/// What both automata keep between searches.
#[derive(Debug)]
pub(super) struct Caches {
    forward: Cache,
    backward: Option<Cache>,
}

/// Why a search has no answer.
pub(super) enum Stop {
    /// The automaton cannot go on: at a Unicode word boundary beside a byte that is not ASCII, or because the text
    /// leads to ever new states.
    GaveUp,
    /// The call was interrupted.
    Cancelled(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Cancelled(error)
    }
}

impl Automaton {
    /// Returns the automaton of `hir`; `None` if it would be too large.
    pub(super) fn new(hir: &Hir) -> Option<Automaton> {
        Some(Automaton {
            backward: build(hir, true),
            ..Self::of_ends(hir)?
        })
    }

    /// As [`Self::new`], for searches that ask only whether there is a match.
    pub(super) fn of_ends(hir: &Hir) -> Option<Automaton> {
        Some(Automaton {
            forward: build(hir, false)?,
            backward: None,
        })
    }

    pub(super) fn caches(&self) -> Caches {
        Caches {
            forward: self.forward.create_cache(),
            backward: self.backward.as_ref().map(DFA::create_cache),
        }
    }

    pub(super) fn nfa(&self) -> &NFA {
        self.forward.get_nfa()
    }

    /// Returns where the first match at or after `from` ends. With `earliest`, it may be the end of a shorter one.
    pub(super) fn end(
        &self,
        caches: &mut Caches,
        text: &[u8],
        from: usize,
        earliest: bool,
        work: &mut Work<'_>,
    ) -> Result<Option<usize>, Stop> {
        let cache = &mut caches.forward;
        let start = self
            .forward
            .start_state_forward(cache, &Input::new(text).range(from..))
            .map_err(|_| Stop::GaveUp)?;
        let bytes = &text[from..];
        let found = run::<false>(&self.forward, cache, start, bytes, earliest, work)?;
        Ok(found.map(|read| from + read))
    }

    /// Returns where the match that ends at `end` begins.
    pub(super) fn begin(
        &self,
        caches: &mut Caches,
        text: &[u8],
        end: usize,
        work: &mut Work<'_>,
    ) -> Result<usize, Stop> {
        let (Some(dfa), Some(cache)) = (&self.backward, &mut caches.backward) else {
            return Err(Stop::GaveUp);
        };
        let input = Input::new(text).range(..end).anchored(Anchored::Yes);
        let start = dfa
            .start_state_reverse(cache, &input)
            .map_err(|_| Stop::GaveUp)?;
        let found = run::<true>(dfa, cache, start, &text[..end], false, work)?;
        found.map(|read| end - read).ok_or(Stop::GaveUp)
    }
}

fn build(hir: &Hir, reverse: bool) -> Option<DFA> {
    let config = thompson::Config::new()
        .utf8(false)
        .reverse(reverse)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MAX_NFA_BYTES));
    let nfa = thompson::Compiler::new()
        .configure(config)
        .build_from_hir(hir)
        .ok()?;
    let config = dfa::Config::new()
        .match_kind(match reverse {
            // Of the beginnings of a match, the first.
            true => MatchKind::All,
            false => MatchKind::LeftmostFirst,
        })
        .unicode_word_boundary(true)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(CLEARED_BEFORE_GIVING_UP))
        .minimum_bytes_per_state(Some(BYTES_OF_A_STATE));
    dfa::Builder::new()
        .configure(config)
        .build_from_nfa(nfa)
        .ok()
}

/// Runs an automaton over all of `bytes`, which reach to an end of the text; with `BACKWARD`, from their end. Returns how
/// many bytes the preferred match has taken, or with `earliest`, the first one.
fn run<const BACKWARD: bool>(
    dfa: &DFA,
    cache: &mut Cache,
    mut state: LazyStateID,
    bytes: &[u8],
    earliest: bool,
    work: &mut Work<'_>,
) -> Result<Option<usize>, Stop> {
    // Any state of the NFA may be part of a new state.
    let cost_of_a_state = dfa.get_nfa().states().len();
    let byte = |at: usize| match BACKWARD {
        false => bytes[at],
        true => bytes[bytes.len() - 1 - at],
    };
    let mut found = None;
    let mut read = 0;
    cache.search_start(0);
    while read < bytes.len() {
        let end = bytes.len().min(read + BLOCK);
        work.spend(end - read)?;
        while read < end {
            let mut next = LazyStateID::default();
            if !state.is_tagged() {
                // The usual way: from one known state to the next.
                loop {
                    next = dfa.next_state_untagged(cache, state, byte(read));
                    if next.is_tagged() {
                        break;
                    }
                    state = next;
                    read += 1;
                    if read == end {
                        break;
                    }
                }
                if read == end {
                    break;
                }
            }
            if state.is_tagged() || next.is_unknown() {
                work.spend(cost_of_a_state)?;
                cache.search_update(read);
                next = dfa
                    .next_state(cache, state, byte(read))
                    .map_err(|_| Stop::GaveUp)?;
            }
            state = next;
            if state.is_match() {
                // A match is seen one byte late.
                found = Some(read);
            } else if state.is_quit() {
                return Err(Stop::GaveUp);
            }
            if state.is_dead() || (earliest && found.is_some()) {
                cache.search_finish(read);
                return Ok(found);
            }
            read += 1;
        }
    }
    cache.search_finish(read);
    let state = dfa.next_eoi_state(cache, state).map_err(|_| Stop::GaveUp)?;
    if state.is_match() {
        found = Some(read);
    }
    Ok(found)
}
