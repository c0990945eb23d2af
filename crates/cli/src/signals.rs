//! SIGINT, SIGTERM and SIGHUP as a request that work in progress polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nexusfs_core::filesystem::Filesystem;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::failure::{Failure, Result};

/// How often a call in flight is interrupted once a signal came: an interrupt is for what is in flight at that moment.
const LOOK: Duration = Duration::from_millis(50);

/// Notes the first signal; a second one ends the process at once.
#[derive(Clone)]
pub struct StopRequest {
    signal: Arc<AtomicUsize>,
    /// The next signal ends the process.
    at_once: Arc<AtomicBool>,
}

impl StopRequest {
    pub fn install() -> Result<StopRequest> {
        let signal = Arc::new(AtomicUsize::new(0));
        let at_once = Arc::new(AtomicBool::new(false));
        for number in unless_ignored(&[SIGHUP]).chain([SIGINT, SIGTERM]) {
            flag::register_conditional_default(number, Arc::clone(&at_once))?;
            flag::register(number, Arc::clone(&at_once))?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(StopRequest { signal, at_once })
    }

    /// Runs `ask`, which waits for a person: then a signal ends the process, as there is nothing to put in order.
    pub fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.at_once.store(true, Ordering::SeqCst);
        let answer = ask();
        self.at_once.store(self.is_set(), Ordering::SeqCst);
        answer
    }

    /// Runs `call` on `fs`, and breaks off what it is doing when a signal asks for that: between two looks at this
    /// request, a single statement can take minutes on a large store.
    pub fn interrupting<T>(&self, fs: &Filesystem, call: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let (running, ended) = channel::<()>();
            scope.spawn(move || {
                while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if self.is_set() {
                        fs.interrupt();
                    }
                }
            });
            let result = call();
            drop(running);
            result
        })
    }

    pub fn is_set(&self) -> bool {
        self.signal.load(Ordering::SeqCst) != 0
    }

    /// Returns the failure of a command that a signal asked to stop.
    pub fn check(&self) -> Result<()> {
        match self.signal.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(Failure::Signal(signal as i32)),
        }
    }
}

/// Counts the signals: the first asks to finish, a second one to end at once. SIGHUP and SIGQUIT ask for that alone: the
/// terminal is gone, or a person wants no waiting.
#[derive(Clone)]
pub struct StopCount(Arc<AtomicUsize>);

impl StopCount {
    pub fn install() -> Result<StopCount> {
        let count = Arc::new(AtomicUsize::new(0));
        let mut signals =
            Signals::new(unless_ignored(&[SIGHUP, SIGQUIT]).chain([SIGINT, SIGTERM]))?;
        let stop = StopCount(Arc::clone(&count));
        let shared = stop.clone();
        std::thread::spawn(move || {
            for signal in signals.forever() {
                match signal {
                    SIGHUP | SIGQUIT => shared.insist(),
                    _ => drop(count.fetch_add(1, Ordering::SeqCst)),
                }
            }
        });
        Ok(stop)
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Acts like a second signal.
    pub fn insist(&self) {
        self.0.fetch_max(2, Ordering::SeqCst);
    }
}

/// Has `around` run at each SIGTSTP (Ctrl-Z), with what stops the process until it is continued.
pub fn around_stops(around: impl Fn(&dyn Fn()) + Send + 'static) -> Result<()> {
    let mut signals = Signals::new(unless_ignored(&[SIGTSTP]))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            around(&|| drop(signal_hook::low_level::raise(SIGSTOP)));
        }
    });
    Ok(())
}

/// Returns those of `numbers` that this process was not started to ignore, as by `nohup`.
fn unless_ignored(numbers: &[i32]) -> impl Iterator<Item = i32> {
    let ignored = Ignored::by_this_process();
    let heard = numbers.iter().filter(move |number| !ignored.has(**number));
    heard.copied()
}

/// Signals that are ignored, as a mask.
pub struct Ignored(u64);

impl Ignored {
    /// Returns those that this process ignores.
    pub fn by_this_process() -> Ignored {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
        Ignored(mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0)))
    }

    pub fn has(&self, number: i32) -> bool {
        self.0 >> (number - 1) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use nexusfs_core::config::{Environment, resolve_in};
    use nexusfs_core::error::ErrorKind;

    use super::*;

    #[test]
    fn a_signal_breaks_off_a_call_that_tells_of_no_progress()
    -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let config = serde_json::json!({"data_dir": directory.path()}).to_string();
        let fs = nexusfs_sqlite::open(resolve_in(&Environment::of_process(), Some(&config))?)?;
        let stop = StopRequest {
            signal: Arc::new(AtomicUsize::new(SIGTERM as usize)),
            at_once: Arc::default(),
        };
        let hour = Some(Duration::from_secs(3600));
        let waited = stop.interrupting(&fs, || fs.work_wait(None, hour));
        assert_eq!(
            waited.map_err(|error| error.kind()),
            Err(ErrorKind::Cancelled)
        );
        Ok(())
    }
}
