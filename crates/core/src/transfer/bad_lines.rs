//! Errors in the lines of an import.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};

/// Number of lines in the error message.
const TOLD: usize = 100;
/// Longest reason in the message, in characters.
const REASON_CHARACTERS: usize = 300;

/// The bad lines of a file: how many, and what is wrong with the first of them.
#[derive(Debug, Default)]
pub(super) struct BadLines {
    count: u64,
    first: BTreeMap<u64, (ErrorKind, String)>,
}

impl BadLines {
    /// Notes that the line `number` is bad. Each line is noted once.
    pub fn add(&mut self, number: u64, reason: &Error) {
        self.count += 1;
        let mut text: String = reason
            .to_string()
            .chars()
            .take(REASON_CHARACTERS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if reason.to_string().chars().nth(REASON_CHARACTERS).is_some() {
            text.push('…');
        }
        self.first.insert(number, (reason.kind(), text));
        if self.first.len() > TOLD {
            self.first.pop_last();
        }
    }

    /// Notes that the line `number` is bad if `error` is about what it says.
    ///
    /// # Errors
    /// `error` itself, if it is about anything else.
    pub fn add_if_of_line(&mut self, number: u64, error: Error) -> Result<()> {
        use ErrorKind::*;
        match error.kind() {
            InvalidArgument | InvalidPath | NotFound | NotADirectory | IsADirectory
            | AccessDenied | ReadOnly | Conflict => {
                self.add(number, &error);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns an error with the kind of the first rejected line and a message about all of them, if there is one.
    pub fn check(&self) -> Result<()> {
        let Some((kind, _)) = self.first.values().next() else {
            return Ok(());
        };
        let mut what = match self.count {
            1 => "1 bad line".to_owned(),
            count => format!("{count} bad lines"),
        };
        for (number, (_, reason)) in &self.first {
            what.push_str(&format!("; line {number}: {reason}"));
        }
        Err(Error::new(*kind, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_are_told_in_order_on_one_line() {
        let mut bad = BadLines::default();
        for number in (1..=250).rev() {
            bad.add(number, &Error::not_found(format!("gone\n{number}")));
        }
        bad.add(0, &Error::access_denied("x".repeat(1000)));
        let error = bad.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "of the first line");
        let text = error.to_string();
        assert!(text.starts_with("251 bad lines; line 0: xxx"), "{text}");
        assert!(
            text.contains("…; line 1: gone 1; line 2: gone 2;"),
            "{text}"
        );
        assert!(text.ends_with("line 99: gone 99"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn what_is_not_about_a_line_is_passed_on() {
        let mut bad = BadLines::default();
        assert!(bad.add_if_of_line(1, Error::cancelled()).is_err());
        assert!(bad.is_empty() && bad.check().is_ok());
    }
}
