//! Log lines for the host. Nothing is logged unless the host has set a receiver.
//!
//! The process has one receiver. It is called on the thread that logs, and this module holds no lock of the store
//! meanwhile. Lines that the receiver itself logs are dropped, so it cannot recurse.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::RecursiveRwLock;

/// How grave a line is. A receiver asks for one level and gets the graver ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Level {
    /// Something was lost, or a promise of the host's configuration cannot be kept.
    Error = 1,
    /// An operator may need to act; the store works on.
    Warn = 2,
    /// Openings of stores.
    Info = 3,
    /// Every other call that failed.
    Debug = 4,
}

/// Receives each line with its level.
pub type Receiver = Box<dyn Fn(Level, &str) + Send + Sync>;

/// The receiver's level, 0 without one. [`emit`] checks it first, so that an unlogged line costs one load.
static LEVEL: AtomicU8 = AtomicU8::new(0);
/// A receiver may wait for another thread that emits: one who waits to replace it must not be between them.
static RECEIVER: RecursiveRwLock<Option<Receiver>> = RecursiveRwLock::new(None);

thread_local! {
    static RECEIVING: Cell<bool> = const { Cell::new(false) };
}

/// Sends the lines of `level` and graver ones to `receiver` from now on; `None` is silence.
/// When this returns, the former receiver is not running and will not be called again.
///
/// Returns `false`, and changes nothing, when called by the receiver itself.
pub fn set(level: Level, receiver: Option<Receiver>) -> bool {
    if is_receiving() {
        return false;
    }
    let mut current = RECEIVER.write();
    LEVEL.store(
        receiver.as_ref().map_or(0, |_| level as u8),
        Ordering::Relaxed,
    );
    *current = receiver;
    true
}

/// Returns whether the receiver is running on this thread.
pub fn is_receiving() -> bool {
    RECEIVING.with(Cell::get)
}

/// Says `line` at `level`. Formats nothing without a receiver.
pub fn emit(level: Level, line: &dyn Display) {
    if LEVEL.load(Ordering::Relaxed) < level as u8 || is_receiving() {
        return;
    }
    let receiver = RECEIVER.read();
    // The level may have changed on the way to the lock.
    if LEVEL.load(Ordering::Relaxed) < level as u8 {
        return;
    }
    if let Some(receiver) = &*receiver {
        let line = line.to_string();
        let _running = Running::start();
        receiver(level, &line);
    }
}

/// Marks the thread as one that runs the receiver, until dropped.
struct Running;

impl Running {
    fn start() -> Self {
        RECEIVING.with(|receiving| receiving.set(true));
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RECEIVING.with(|receiving| receiving.set(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use parking_lot::Mutex;

    /// Held by each test that sets the receiver, since there is one for the process.
    static RECEIVER_OF_A_TEST: Mutex<()> = Mutex::new(());

    #[test]
    fn a_receiver_gets_its_level_and_graver_ones_and_cannot_recurse() {
        let _alone = RECEIVER_OF_A_TEST.lock();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let receiver = Box::new(move |level, line: &str| {
            sink.lock().push((level, line.to_owned()));
            emit(Level::Error, &"an echo");
            assert!(!set(Level::Error, None), "the receiver replaced itself");
        });
        assert!(set(Level::Warn, Some(receiver)));
        emit(Level::Error, &"grave");
        emit(Level::Warn, &"less so");
        emit(Level::Info, &"chatter");
        assert!(set(Level::Debug, None));
        emit(Level::Error, &"nobody listens");
        for expected in [(Level::Error, "grave"), (Level::Warn, "less so")] {
            let expected = (expected.0, expected.1.to_owned());
            assert!(lines.lock().contains(&expected), "{expected:?} is missing");
        }
        let unwanted = |(_, line): &(Level, String)| {
            ["an echo", "chatter", "nobody listens"].contains(&line.as_str())
        };
        let lines = lines.lock();
        assert!(!lines.iter().any(unwanted), "{lines:?}");
    }

    #[test]
    fn a_receiver_that_waits_for_another_thread_to_emit_does_not_wait_for_its_successor() {
        let _alone = RECEIVER_OF_A_TEST.lock();
        let (entered, inside) = std::sync::mpsc::channel();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let left = Mutex::new(left);
        let receiver = Box::new(move |_, line: &str| {
            if line == "first" {
                entered.send(()).unwrap();
                left.lock().recv().unwrap();
            }
        });
        assert!(set(Level::Debug, Some(receiver)));
        let first = std::thread::spawn(|| emit(Level::Error, &"first"));
        inside.recv().unwrap();
        let successor = std::thread::spawn(|| set(Level::Debug, None));
        // The successor comes to wait meanwhile; with a lock that prefers it, this would never end.
        for _ in 0..10_000 {
            emit(Level::Error, &"second");
            std::thread::yield_now();
        }
        leave.send(()).unwrap();
        first.join().unwrap();
        assert!(successor.join().unwrap());
    }
}
