//! Regular expressions whose search can be interrupted anywhere.
//!
//! No step that cannot be interrupted takes longer than some tens of milliseconds, whatever the expression and the text:
//! building, because [`cost`] bounds the expression; searching, because every engine here reports its work to
//! [`Work`], which polls the call. Matching takes time linear in the text.
//!
//! - [`literals`]: the expression is a text, or begins with one;
//! - [`automaton`]: a deterministic automaton, the usual way;
//! - [`threads`]: where that gives up.

mod automaton;
mod cost;
mod literals;
mod threads;
mod work;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::translate::TranslatorBuilder;

use self::automaton::{Automaton, Caches, Stop};
use self::literals::Literals;
use self::threads::Threads;
pub(crate) use self::work::Work;
use crate::error::Result;

const TOO_LARGE: &str = "it is too large";

/// Deepest nesting of groups and classes.
const MAX_DEPTH: u32 = 100;

/// A compiled regular expression. Of the matches that begin first it prefers as Perl does; `^` and `$` are the ends of
/// the text.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    engine: Engine,
    /// No match is shorter.
    least_bytes: usize,
}

#[derive(Debug, Clone)]
enum Engine {
    Literals(Literals),
    Automaton {
        automaton: Box<Automaton>,
        /// What a match begins with.
        prefixes: Option<Literals>,
    },
}

impl Expression {
    /// Returns the compiled `expression`, or why it is refused, in one line. With `ignore_case`, letters match in
    /// either case.
    pub(crate) fn compile(
        expression: &str,
        ignore_case: bool,
    ) -> Result<Expression, Cow<'static, str>> {
        let hir = parse(expression, ignore_case)?;
        cost::refuse_size(&hir)?;
        let engine = match Literals::all_of(&hir) {
            Some(literals) => Engine::Literals(literals),
            None => Engine::Automaton {
                automaton: Box::new(Automaton::new(&hir).ok_or(TOO_LARGE)?),
                prefixes: Literals::prefixes_of(&hir),
            },
        };
        Ok(Expression {
            engine,
            least_bytes: hir.properties().minimum_len().unwrap_or(0),
        })
    }

    /// Returns the compiled `expression`, which was made of a glob pattern and matches whole paths, to be asked only
    /// [whether](Searcher::is_match) it matches. It may be as large as its automaton may, because paths are short.
    pub(crate) fn of_glob(expression: &str) -> Result<Expression, Cow<'static, str>> {
        let hir = parse(expression, false)?;
        Ok(Expression {
            engine: Engine::Automaton {
                automaton: Box::new(Automaton::of_ends(&hir).ok_or(TOO_LARGE)?),
                prefixes: None,
            },
            least_bytes: hir.properties().minimum_len().unwrap_or(0),
        })
    }

    /// Returns what searches for the expression. It keeps what it learns of the automaton from one text to the next.
    pub(crate) fn searcher(&self) -> Searcher {
        Searcher {
            expression: self.clone(),
            caches: None,
            threads: None,
        }
    }
}

fn parse(expression: &str, ignore_case: bool) -> Result<Hir, Cow<'static, str>> {
    let ast = ParserBuilder::new()
        .nest_limit(MAX_DEPTH)
        .build()
        .parse(expression)
        .map_err(|error| error.kind().to_string())?;
    cost::refuse_classes(&ast)?;
    let hir = TranslatorBuilder::new()
        // A line may hold anything.
        .utf8(false)
        .case_insensitive(ignore_case)
        .build()
        .translate(expression, &ast)
        .map_err(|error| error.kind().to_string())?;
    Ok(hir)
}

/// A search for an expression.
#[derive(Debug)]
pub(crate) struct Searcher {
    expression: Expression,
    caches: Option<Caches>,
    threads: Option<Threads>,
}

impl Searcher {
    /// Returns where the first match in `text` begins and ends.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    pub(crate) fn find(
        &mut self,
        text: &[u8],
        work: &mut Work<'_>,
    ) -> Result<Option<(usize, usize)>> {
        self.search(text, false, work)
    }

    /// Returns whether there is a match in `text`.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    pub(crate) fn is_match(&mut self, text: &[u8], work: &mut Work<'_>) -> Result<bool> {
        Ok(self.search(text, true, work)?.is_some())
    }

    /// Finds the first match, or with `any`, says whether there is one: then where it is may be wrong.
    fn search(
        &mut self,
        text: &[u8],
        any: bool,
        work: &mut Work<'_>,
    ) -> Result<Option<(usize, usize)>> {
        if text.len() < self.expression.least_bytes {
            return Ok(None);
        }
        let (automaton, prefixes) = match &self.expression.engine {
            Engine::Literals(literals) => return literals.find(text, 0, work),
            Engine::Automaton {
                automaton,
                prefixes,
            } => (automaton, prefixes.as_ref()),
        };
        let from = match prefixes {
            None => 0,
            Some(prefixes) => match prefixes.find(text, 0, work)? {
                None => return Ok(None),
                Some((begin, _)) => begin,
            },
        };
        let caches = self.caches.get_or_insert_with(|| automaton.caches());
        match by_automaton(automaton, caches, text, from, any, work) {
            Ok(found) => Ok(found),
            Err(Stop::Cancelled(error)) => Err(error),
            Err(Stop::GaveUp) => {
                let nfa = automaton.nfa();
                let threads = self.threads.get_or_insert_with(|| Threads::new(nfa));
                threads.find(nfa, prefixes, text, from, any, work)
            }
        }
    }
}

fn by_automaton(
    automaton: &Automaton,
    caches: &mut Caches,
    text: &[u8],
    from: usize,
    any: bool,
    work: &mut Work<'_>,
) -> Result<Option<(usize, usize)>, Stop> {
    let Some(end) = automaton.end(caches, text, from, any, work)? else {
        return Ok(None);
    };
    if any {
        return Ok(Some((from, end)));
    }
    let begin = automaton.begin(caches, text, end, work)?;
    Ok(Some((begin, end)))
}
