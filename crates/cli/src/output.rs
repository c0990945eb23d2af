//! Where answers go: stdout, as text or as JSON.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Effects, Style};
use serde::Serialize;

use crate::failure::Result;
use crate::global::Global;

/// The styles, each with its meaning.
pub const HEADING: Style = Style::new().effects(Effects::BOLD);
pub const DIRECTORY: Style = bright(AnsiColor::Blue).effects(Effects::BOLD);
pub const PATH: Style = bright(AnsiColor::Magenta);
pub const NUMBER: Style = bright(AnsiColor::Green);
pub const MATCH: Style = bright(AnsiColor::Red).effects(Effects::BOLD);
pub const FAINT: Style = Style::new().effects(Effects::DIMMED);

const fn bright(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

/// Stdout, and how it is to be used.
pub struct Output {
    stdout: BufWriter<Stdout>,
    /// Answers are JSON.
    pub json: bool,
    /// Only what was asked for: no summaries, no progress.
    pub quiet: bool,
    /// Text may be coloured.
    pub coloured: bool,
    /// A person reads it.
    pub is_terminal: bool,
    /// The command goes on when it cannot print.
    goes_on: bool,
    /// Why it could not.
    lost: Option<io::Error>,
}

impl Output {
    pub fn new(global: &Global) -> Output {
        let stdout = io::stdout();
        // Honours NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM=dumb.
        let allowed = AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        Output {
            is_terminal: stdout.is_terminal(),
            stdout: BufWriter::with_capacity(64 * 1024, stdout),
            json: global.json,
            quiet: global.quiet,
            coloured: allowed && !global.no_color && !global.json,
            goes_on: false,
            lost: None,
        }
    }

    /// Makes what cannot be printed known only by [`finish`](Self::finish): a command that changes something must not stop half
    /// way because nobody reads what it tells.
    pub fn go_on_unheard(&mut self) {
        self.goes_on = true;
    }

    /// Prints one line.
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        Ok(writeln!(self, "{line}")?)
    }

    /// Prints one line of a summary, which `--quiet` and JSON leave out.
    pub fn summary(&mut self, line: impl Display) -> Result<()> {
        match self.quiet || self.json {
            true => Ok(()),
            false => self.line(line),
        }
    }

    /// Prints `value` as one JSON document.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut *self, value)?;
        Ok(self.write_all(b"\n")?)
    }

    /// Returns `text` in `style` where colours are wanted.
    pub fn paint<T: Display>(&self, style: Style, text: T) -> Painted<T> {
        let style = self.coloured.then_some(style);
        Painted { style, text }
    }

    /// Hands everything on to the reader.
    pub fn finish(&mut self) -> Result<()> {
        self.flush()?;
        match self.lost.take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Returns `done`, or `unheard` and keeps why, if the command goes on.
    fn or_go_on<T>(&mut self, done: io::Result<T>, unheard: T) -> io::Result<T> {
        match done {
            Err(error) if self.goes_on && error.kind() != io::ErrorKind::Interrupted => {
                self.lost = Some(error);
                Ok(unheard)
            }
            done => done,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lost.is_some() {
            return Ok(bytes.len());
        }
        let written = self.stdout.write(bytes);
        self.or_go_on(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.lost.is_some() {
            return Ok(());
        }
        let flushed = self.stdout.flush();
        self.or_go_on(flushed, ())
    }
}

/// A text in a style.
pub struct Painted<T> {
    style: Option<Style>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            None => self.text.fmt(f),
            Some(style) => {
                write!(f, "{style}")?;
                self.text.fmt(f)?;
                write!(f, "{style:#}")
            }
        }
    }
}
