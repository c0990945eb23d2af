//! Progress of long work, on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;
use crate::signals::StopRequest;

const TICK: Duration = Duration::from_millis(120);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Things,
}

/// A bar on stderr, or nothing where stderr is no terminal or `--quiet` is given.
pub struct Progress {
    bar: ProgressBar,
    unit: Unit,
    total: u64,
}

impl Progress {
    pub fn new(out: &Output, doing: &'static str, unit: Unit) -> Progress {
        let shown = !out.quiet && std::io::stderr().is_terminal();
        let progress = Progress {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            unit,
            total: 0,
        };
        progress.bar.set_message(doing);
        progress.choose_style();
        if shown {
            progress.bar.set_draw_target(ProgressDrawTarget::stderr());
            progress.draw();
        }
        progress
    }

    /// Returns whether anybody sees it: if not, the total need not be found out.
    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Sets what `done` will reach; 0 where that is not known.
    pub fn set_total(&mut self, total: u64) {
        if total != self.total {
            self.total = total;
            self.bar.set_length(total);
            self.choose_style();
            self.draw();
        }
    }

    pub fn add(&self, done: u64) {
        self.bar.inc(done);
    }

    /// Receives the progress of a library call, and returns whether it should continue.
    pub fn tell(&mut self, done: u64, total: u64, what: &str, stop: &StopRequest) -> bool {
        if self.is_shown() {
            let unit = match what.starts_with("bytes") {
                true => Unit::Bytes,
                false => Unit::Things,
            };
            if unit != self.unit {
                self.unit = unit;
                self.total = total;
                self.bar.set_length(total);
                self.choose_style();
            }
            self.set_total(total);
            self.bar.set_message(what.to_owned());
            self.bar.set_position(done);
        }
        !stop.is_set()
    }

    /// Runs `print` with the bar out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Draws it now, and then regularly: the remaining time is updated even without progress.
    fn draw(&self) {
        self.bar.disable_steady_tick();
        self.bar.tick();
        if self.is_shown() {
            self.bar.enable_steady_tick(TICK);
        }
    }

    fn choose_style(&self) {
        let template = match (self.unit, self.total) {
            (Unit::Bytes, 0) => "{spinner} {msg} {bytes} {bytes_per_sec}",
            // Without a total these are few and uneven: a rate says nothing.
            (Unit::Things, 0) => "{spinner} {msg} {human_pos} {elapsed_precise}",
            (Unit::Bytes, _) => {
                "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta_precise} left"
            }
            (Unit::Things, _) => {
                "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta_precise} left"
            }
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
