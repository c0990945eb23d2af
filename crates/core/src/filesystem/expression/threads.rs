//! Search by following all threads of an automaton at once: slow, but for every text and expression.

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::primitives::StateID;

use super::literals::Literals;
use super::work::Work;
use crate::error::Result;

/// The threads of a search.
#[derive(Debug)]
pub(super) struct Threads {
    current: Set,
    next: Set,
    /// States whose successors are still to be added.
    pending: Vec<StateID>,
}

impl Threads {
    /// Returns what a search by `nfa` needs.
    pub(super) fn new(nfa: &NFA) -> Self {
        let states = nfa.states().len();
        Threads {
            current: Set::new(states),
            next: Set::new(states),
            pending: Vec::new(),
        }
    }

    /// Returns where the first match at or after `from` begins and ends. With `earliest`, the end may be that of a
    /// shorter one.
    pub(super) fn find(
        &mut self,
        nfa: &NFA,
        prefixes: Option<&Literals>,
        text: &[u8],
        from: usize,
        earliest: bool,
        work: &mut Work<'_>,
    ) -> Result<Option<(usize, usize)>> {
        self.current.clear();
        let mut best = None;
        let mut at = from;
        loop {
            if best.is_none() {
                if let (true, Some(prefixes)) = (self.current.is_empty(), prefixes) {
                    match prefixes.find(text, at, work)? {
                        Some((begin, _)) => at = begin,
                        None => return Ok(None),
                    }
                }
                // Behind all others: a match that begins earlier comes first.
                let start = nfa.start_anchored();
                follow(
                    nfa,
                    text,
                    at,
                    start,
                    at,
                    &mut self.current,
                    &mut self.pending,
                );
            }
            if self.current.is_empty() && best.is_some() {
                return Ok(best);
            }
            work.spend(1 + self.current.count)?;
            self.next.clear();
            for thread in &self.current.threads {
                let byte = text.get(at).copied();
                let next = match nfa.state(thread.state) {
                    State::Match { .. } => {
                        // The threads behind this one would find a match that comes after it.
                        best = Some((thread.begin, at));
                        break;
                    }
                    State::ByteRange { trans } => byte
                        .filter(|byte| trans.matches_byte(*byte))
                        .map(|_| trans.next),
                    State::Sparse(transitions) => byte.and_then(|b| transitions.matches_byte(b)),
                    State::Dense(transitions) => byte.and_then(|b| transitions.matches_byte(b)),
                    _ => None,
                };
                if let Some(next) = next {
                    let (set, pending) = (&mut self.next, &mut self.pending);
                    follow(nfa, text, at + 1, next, thread.begin, set, pending);
                }
            }
            if at == text.len() || (earliest && best.is_some()) {
                return Ok(best);
            }
            std::mem::swap(&mut self.current, &mut self.next);
            at += 1;
        }
    }
}

/// Adds the states that `state` leads to at `at` without a byte, in the order of preference.
fn follow(
    nfa: &NFA,
    text: &[u8],
    at: usize,
    state: StateID,
    begin: usize,
    set: &mut Set,
    pending: &mut Vec<StateID>,
) {
    let mut next = Some(state);
    while let Some(state) = next.take().or_else(|| pending.pop()) {
        if !set.visit(state) {
            continue;
        }
        match nfa.state(state) {
            State::Fail => {}
            State::Match { .. } | State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => {
                set.threads.push(Thread { state, begin });
            }
            State::Capture { next: behind, .. } => next = Some(*behind),
            State::Union { alternates } => pending.extend(alternates.iter().rev()),
            State::BinaryUnion { alt1, alt2 } => {
                pending.push(*alt2);
                next = Some(*alt1);
            }
            State::Look { look, next: behind } => {
                if nfa.look_matcher().matches(*look, text, at) {
                    next = Some(*behind);
                }
            }
        }
    }
}

/// A way in which a match may go on.
#[derive(Debug, Clone, Copy)]
struct Thread {
    state: StateID,
    /// Where the match begins.
    begin: usize,
}

/// Threads in the order of preference, at most one in each state.
#[derive(Debug)]
struct Set {
    threads: Vec<Thread>,
    /// For each state, the round in which it was visited last.
    visited: Vec<u32>,
    /// The round that goes on. It begins when the set is emptied.
    round: u32,
    /// States visited in this round.
    count: usize,
}

impl Set {
    fn new(states: usize) -> Self {
        Set {
            threads: Vec::new(),
            visited: vec![0; states],
            round: 1,
            count: 0,
        }
    }

    fn clear(&mut self) {
        self.threads.clear();
        self.count = 0;
        self.round = match self.round.checked_add(1) {
            Some(round) => round,
            None => {
                self.visited.fill(0);
                1
            }
        };
    }

    fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Notes that `state` was visited. Returns whether it had not been.
    #[inline]
    fn visit(&mut self, state: StateID) -> bool {
        let visited = &mut self.visited[state.as_usize()];
        if *visited == self.round {
            return false;
        }
        *visited = self.round;
        self.count += 1;
        true
    }
}
