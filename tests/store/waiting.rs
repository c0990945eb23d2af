//! Waiting for another's commit: up to a limit, and until it is interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_write_waits_as_long_as_configured_and_is_busy_then() {
    let place = Place::new();
    let fs = place.connect(json!({"busy_timeout_ms": 60}));
    write(&fs, "/a", b"1").unwrap();
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for data in [b"2", LARGE] {
        let began = Instant::now();
        refused(write(&fs, "/a", data), ErrorKind::Busy);
        assert!(
            began.elapsed() >= Duration::from_millis(60),
            "gave up early"
        );
    }
    assert_eq!(fs.read("/a").unwrap(), b"1", "reading waits for nobody");
    other.execute_batch("ROLLBACK").unwrap();
    write(&fs, "/a", b"3").unwrap();
    let unfinished = std::fs::read_dir(place.path("store/tmp")).unwrap().count();
    assert_eq!(
        unfinished, 0,
        "the content of the write that failed is left"
    );
}

#[test]
fn a_write_goes_on_when_the_other_commits() {
    let place = Place::new();
    let fs = place.connect(json!({"busy_timeout_ms": 60_000}));
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            started.store(true, Ordering::SeqCst);
            write(&fs, "/a", b"1")
        });
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        other.execute_batch("COMMIT").unwrap();
        writing.join().unwrap().unwrap();
    });
}

#[test]
fn handles_wait_for_as_long_as_each_was_told() {
    let place = Place::new();
    let patient = place.connect(json!({"busy_timeout_ms": 60_000}));
    let hasty = place.connect(json!({"busy_timeout_ms": 20}));
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| write(&patient, "/patient", b"1"));
        refused(write(&hasty, "/hasty", b"1"), ErrorKind::Busy);
        assert!(!waiting.is_finished());
        other.execute_batch("COMMIT").unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert!(!hasty.exists("/hasty").unwrap());
}

#[test]
fn connecting_waits_for_nobody_unless_there_is_something_to_do() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", b"1").unwrap();
    drop(fs);
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fs = place.connect(json!({"busy_timeout_ms": 20}));
    assert_eq!(fs.read("/a").unwrap(), b"1");
    drop(fs);
    other.execute_batch("ROLLBACK").unwrap();
}

/// Runs `call` while another holds the write lock, interrupts it until it returns, and sees that it was
/// cancelled and that the handle works afterwards.
fn is_interrupted<T: Send>(
    prepare: impl Fn(&Place),
    call: impl Fn(&Filesystem) -> Result<T, Error> + Sync,
) {
    let place = Place::new();
    let fs = place.connect(json!({"busy_timeout_ms": 60_000}));
    write(&fs, "/a", LARGE).unwrap();
    prepare(&place);
    let other = place.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let result = thread::scope(|scope| {
        let calling = scope.spawn(|| call(&fs));
        while !calling.is_finished() {
            fs.interrupt();
            thread::yield_now();
        }
        calling.join().unwrap()
    });
    refused(result, ErrorKind::Cancelled);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(fs.read("/a").unwrap(), LARGE);
    write(&fs, "/b", b"1").unwrap();
    call(&fs).expect("works when nothing is in its way");
}

#[test]
fn a_waiting_write_can_be_interrupted() {
    is_interrupted(|_| (), |fs| write(fs, "/c", b"1"));
}

#[test]
fn a_waiting_collection_can_be_interrupted() {
    // A collection takes the write lock only where there is something to remove.
    let leave_an_orphan = |place: &Place| {
        let shard = place.path("store").join("cas/00");
        std::fs::create_dir_all(&shard).unwrap();
        std::fs::write(shard.join("0".repeat(64)), b"orphan").unwrap();
    };
    is_interrupted(leave_an_orphan, |fs| fs.gc(&mut |_, _, _| true));
}

#[test]
fn a_collection_can_be_cancelled_by_its_progress() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/a", LARGE).unwrap();
    refused(fs.gc(&mut |_, _, _| false), ErrorKind::Cancelled);
    assert_eq!(fs.read("/a").unwrap(), LARGE);
}

#[test]
fn opening_one_store_keeps_nobody_from_another() {
    let place = Place::new();
    let other = json!({"data_dir": place.path("other"), "busy_timeout_ms": 20});
    drop(place.connect(json!({})));
    drop(place.connect(other.clone()));
    let lock = std::fs::File::open(place.path("store/lock")).unwrap();
    lock.lock().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| place.connect(json!({"busy_timeout_ms": 60_000})));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        let began = Instant::now();
        drop(place.connect(other.clone()));
        refused(
            place.try_connect(json!({"busy_timeout_ms": 20})),
            ErrorKind::Busy,
        );
        assert!(!waiting.is_finished());
        assert!(began.elapsed() < Duration::from_secs(30));
        lock.unlock().unwrap();
        waiting.join().unwrap();
    });
}
