//! What every backend of contents must do, as functions over [`ContentStore`]: each begins with an empty backend and says one
//! thing of it. [`content_conformance!`](crate::content_conformance) makes a test of each.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nexusfs_core::call::{Call, Interrupts};
use nexusfs_core::content::{
    BLOCK_BYTES, Condition, ContentBuilder, ContentFile, ContentHash, ContentReader, ContentStore,
    Expected, NewContent, Publication, Reclaimed, Spool, Staged, measure, stage_again,
};
use nexusfs_core::error::{Error, ErrorKind, Result};

use super::MemoryContents;

/// A backend under test.
pub trait Backend {
    /// Opens the contents, as one more process does.
    fn open(&self) -> Arc<dyn ContentStore>;

    /// Puts `bytes` under the name `hash`, whatever their hash is: damage.
    fn overwrite(&self, hash: &ContentHash, bytes: &[u8]);

    /// Leaves what a process leaves that dies while it writes a content: returns what it is, nothing where nothing is
    /// left.
    fn leave_unfinished(&self) -> Reclaimed;
}

/// Runs the suite, each case a test of its own, on the backends that `$create` makes: an expression for a `fn() -> impl Backend`.
/// With `local`, also what only a backend in a directory of this machine must do.
#[macro_export]
macro_rules! content_conformance {
    ($name:ident, $create:expr, local) => {
        mod $name {
            $crate::content_conformance!(@all $create);
            $crate::content_conformance!(@cases $create, [
                names_are_synced_and_damaged_contents_get_a_second_name,
            ]);
        }
    };
    ($name:ident, $create:expr) => {
        mod $name {
            $crate::content_conformance!(@all $create);
        }
    };
    (@all $create:expr) => {
        $crate::content_conformance!(@cases $create, [
            contents_of_every_length_read_back,
            blocks_and_ranges_read_back,
            nothing_is_visible_before_it_is_published,
            what_is_dropped_leaves_nothing,
            what_is_in_place_is_known,
            publishing_replaces_damaged_bytes,
            publishing_again_restores_what_went,
            many_are_published_at_once,
            a_content_of_another_backend_is_refused,
            removing_takes_what_is_there,
            reading_goes_on_after_a_removal,
            a_walk_visits_each_content_once,
            a_spool_holds_many_contents,
            a_spool_keeps_small_contents,
            scratch_files_are_empty_and_apart,
            every_handle_sees_the_same_contents,
            threads_publish_the_same_content,
            an_interrupted_call_ends_or_does_all,
            unfinished_writes_of_the_living_stay,
            unfinished_writes_of_the_dead_are_reclaimed,
            contents_are_examined_and_copied,
        ]);
    };
    (@cases $create:expr, [$($case:ident),* $(,)?]) => {
        $(#[test]
        fn $case() {
            $crate::content::conformance::$case(&($create)());
        })*
    };
}

fn call() -> Call {
    Interrupts::default().begin(Duration::from_secs(30))
}

/// Returns `size` bytes, others for each `seed`, without a period that blocks could share.
fn bytes(size: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed).wrapping_add(1).wrapping_mul(2_654_435_761);
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn stage(store: &dyn ContentStore, data: &[u8]) -> Arc<dyn Staged> {
    let mut staging = store.stage(&call()).unwrap();
    staging.write(data, &call()).unwrap();
    staging.finish(&call()).unwrap()
}

fn publish(store: &dyn ContentStore, data: &[u8]) -> ContentHash {
    let staged = stage(store, data);
    store.publish(&[&*staged], &call()).unwrap();
    staged.hash()
}

/// Returns everything under the name of a content, verified by nobody.
fn read(store: &dyn ContentStore, hash: &ContentHash) -> Option<Vec<u8>> {
    let file = store.open(hash, &call()).unwrap()?;
    Some(read_file(&*file))
}

fn read_file(file: &dyn ContentFile) -> Vec<u8> {
    let size = file.size(&call()).unwrap() as usize;
    // One more, which a file that grew would fill.
    let mut data = vec![0; size + 1];
    let count = file.read_at(0, &mut data, &call()).unwrap();
    assert_eq!(count, size, "the size is not what can be read");
    data.truncate(count);
    data
}

/// Returns all contents, with their sizes.
fn all(store: &dyn ContentStore) -> BTreeMap<ContentHash, u64> {
    let mut found = BTreeMap::new();
    let mut visit = |hash, size| {
        assert_eq!(found.insert(hash, size), None, "{hash} was visited twice");
        Ok(true)
    };
    store.walk(&mut visit, &call()).unwrap();
    found
}

const LENGTHS: [usize; 7] = [
    0,
    1,
    BLOCK_BYTES - 1,
    BLOCK_BYTES,
    BLOCK_BYTES + 1,
    2 * BLOCK_BYTES,
    5 * BLOCK_BYTES + 7,
];

/// The hash, the size and the hashes of the blocks are those of the bytes, in whatever pieces those came.
pub fn contents_of_every_length_read_back(backend: &dyn Backend) {
    let store = &*backend.open();
    for (seed, length) in LENGTHS.into_iter().enumerate() {
        let data = bytes(length, seed as u8);
        let mut staging = store.stage(&call()).unwrap();
        for piece in data.chunks(100_003) {
            staging.write(piece, &call()).unwrap();
        }
        staging.write(b"", &call()).unwrap();
        let staged = staging.finish(&call()).unwrap();
        let hash = ContentHash::of(&data);
        assert_eq!((staged.hash(), staged.size()), (hash, length as u64));
        let blocks = staged.blocks();
        let expected = if length > BLOCK_BYTES {
            length.div_ceil(BLOCK_BYTES)
        } else {
            0
        };
        assert_eq!(blocks.as_bytes().len(), expected * 32, "{length} bytes");
        for (index, block) in data.chunks(BLOCK_BYTES).enumerate() {
            assert!(
                blocks.verify(&hash, index, block),
                "block {index} of {length} bytes"
            );
        }
        store.publish(&[&*staged], &call()).unwrap();
        assert_eq!(store.size_of(&hash, &call()).unwrap(), Some(length as u64));
        assert!(
            read(store, &hash).unwrap() == data,
            "{length} bytes became others"
        );
    }
}

/// Any range is read, to the end at most, and block by block verified.
pub fn blocks_and_ranges_read_back(backend: &dyn Backend) {
    let store = &*backend.open();
    let data = bytes(3 * BLOCK_BYTES + 11, 1);
    let staged = stage(store, &data);
    store.publish(&[&*staged], &call()).unwrap();
    let file = store.open(&staged.hash(), &call()).unwrap().unwrap();
    assert_eq!(file.size(&call()).unwrap(), data.len() as u64);
    let size = data.len();
    let ranges = [
        (0, 1),
        (BLOCK_BYTES - 3, 9),
        (size - 4, 4),
        (size - 4, 100),
        (size, 5),
        (size + 9, 5),
        (17, 0),
    ];
    for (offset, length) in ranges {
        let mut buffer = vec![0xee; length];
        let count = file.read_at(offset as u64, &mut buffer, &call()).unwrap();
        let end = size.min(offset + length);
        let expected = data.get(offset..end).unwrap_or_default();
        assert!(
            buffer[..count] == *expected,
            "{length} bytes from {offset} on"
        );
    }
    file.forget_cached();
    let blocks = staged.blocks().clone();
    let mut reader =
        ContentReader::file(staged.hash(), size as u64, blocks, file, &call()).unwrap();
    let mut buffer = vec![0; 1000];
    let at = 2 * BLOCK_BYTES - 500;
    assert_eq!(
        reader.read_at(at as u64, &mut buffer, &call()).unwrap(),
        1000
    );
    assert!(buffer == data[at..at + 1000]);
    assert!(reader.read_all(&call()).unwrap() == data);
}

/// A finished content can be read by who finished it, and by nobody else.
pub fn nothing_is_visible_before_it_is_published(backend: &dyn Backend) {
    let store = &*backend.open();
    let data = bytes(BLOCK_BYTES + 1, 2);
    let staged = stage(store, &data);
    let hash = staged.hash();
    assert!(!staged.is_in_place());
    assert!(store.open(&hash, &call()).unwrap().is_none());
    assert_eq!(store.size_of(&hash, &call()).unwrap(), None);
    assert!(all(store).is_empty());
    let file = staged.open(&call()).unwrap();
    assert!(read_file(&*file) == data);
    store.publish(&[&*staged], &call()).unwrap();
    assert!(read(store, &hash).is_some());
    // Also after it went to its place.
    let file = staged.open(&call()).unwrap();
    assert!(read_file(&*file) == data);
    drop(staged);
    assert!(
        read(store, &hash).is_some(),
        "a published content went with its staging"
    );
}

/// Neither an unfinished nor an unpublished content, nor a spool, stays.
pub fn what_is_dropped_leaves_nothing(backend: &dyn Backend) {
    let store = &*backend.open();
    let mut staging = store.stage(&call()).unwrap();
    staging.write(b"unfinished", &call()).unwrap();
    drop(staging);
    drop(stage(store, b"unpublished"));
    let spool = store.spool(&call()).unwrap();
    let mut staging = spool.stage(&call()).unwrap();
    staging.write(b"spooled", &call()).unwrap();
    drop(staging.finish(&call()).unwrap());
    drop(spool);
    assert!(all(store).is_empty());
    assert_eq!(store.unfinished(&call()).unwrap(), Reclaimed::default());
}

/// Whether the same bytes have the name already is known when a content is finished.
pub fn what_is_in_place_is_known(backend: &dyn Backend) {
    let store = &*backend.open();
    for (seed, length) in [0, 10, 2 * BLOCK_BYTES].into_iter().enumerate() {
        let data = bytes(length, seed as u8);
        assert!(!stage(store, &data).is_in_place(), "{length} bytes");
        let hash = publish(store, &data);
        assert!(stage(store, &data).is_in_place(), "{length} bytes");
        let spool = store.spool(&call()).unwrap();
        let mut staging = spool.stage(&call()).unwrap();
        staging.write(&data, &call()).unwrap();
        assert!(
            staging.finish(&call()).unwrap().is_in_place(),
            "{length} bytes in a spool"
        );
        if length > 0 {
            let mut other = data.clone();
            other[length - 1] ^= 1;
            backend.overwrite(&hash, &other);
            assert!(!stage(store, &data).is_in_place(), "{length} other bytes");
            backend.overwrite(&hash, &data[..length - 1]);
            assert!(
                !stage(store, &data).is_in_place(),
                "one of {length} bytes is missing"
            );
        }
        store.remove(&[hash], &call()).unwrap();
        assert!(
            !stage(store, &data).is_in_place(),
            "{length} bytes are gone"
        );
    }
}

/// Whatever has the name of a content gives way to its bytes.
pub fn publishing_replaces_damaged_bytes(backend: &dyn Backend) {
    let store = &*backend.open();
    let data = bytes(1000, 3);
    let hash = ContentHash::of(&data);
    for damage in [&b""[..], b"other bytes", &bytes(3000, 4)] {
        backend.overwrite(&hash, damage);
        assert!(read(store, &hash).unwrap() == damage);
        assert_eq!(
            store.size_of(&hash, &call()).unwrap(),
            Some(damage.len() as u64)
        );
        publish(store, &data);
        assert!(
            read(store, &hash).unwrap() == data,
            "{} bytes stayed",
            damage.len()
        );
    }
}

/// A content that was published is published again, as where the transaction that named it failed and others removed it.
pub fn publishing_again_restores_what_went(backend: &dyn Backend) {
    let store = &*backend.open();
    let spool = store.spool(&call()).unwrap();
    let mut staging = spool.stage(&call()).unwrap();
    let spooled = bytes(700, 5);
    staging.write(&spooled, &call()).unwrap();
    let alone = bytes(BLOCK_BYTES + 5, 6);
    for (staged, data) in [
        (stage(store, &alone), &alone),
        (staging.finish(&call()).unwrap(), &spooled),
    ] {
        for round in 0..3 {
            store.publish(&[&*staged], &call()).unwrap();
            store.publish(&[&*staged], &call()).unwrap();
            assert!(
                read(store, &staged.hash()).unwrap() == *data,
                "round {round}"
            );
            store.remove(&[staged.hash()], &call()).unwrap();
            assert!(read(store, &staged.hash()).is_none());
        }
        store.publish(&[&*staged], &call()).unwrap();
        backend.overwrite(&staged.hash(), b"damage");
        store.publish(&[&*staged], &call()).unwrap();
        assert!(read(store, &staged.hash()).unwrap() == *data);
    }
}

/// One call publishes any number, of which some may be the same.
pub fn many_are_published_at_once(backend: &dyn Backend) {
    let store = &*backend.open();
    store.publish(&[], &call()).unwrap();
    let contents: Vec<Vec<u8>> = (0..100).map(|n| bytes(50 + n, n as u8)).collect();
    let staged: Vec<_> = contents.iter().map(|data| stage(store, data)).collect();
    let twice = stage(store, &contents[0]);
    let mut wanted: Vec<&dyn Staged> = staged.iter().map(|staged| &**staged).collect();
    wanted.push(&*twice);
    store.publish(&wanted, &call()).unwrap();
    let sizes = contents
        .iter()
        .map(|data| (ContentHash::of(data), data.len() as u64));
    assert_eq!(all(store), sizes.collect());
}

/// What another backend staged is none of its own.
pub fn a_content_of_another_backend_is_refused(backend: &dyn Backend) {
    #[derive(Debug)]
    struct Foreign(Arc<dyn Staged>);
    impl Staged for Foreign {
        fn hash(&self) -> ContentHash {
            self.0.hash()
        }
        fn size(&self) -> u64 {
            self.0.size()
        }
        fn blocks(&self) -> &nexusfs_core::content::BlockHashes {
            self.0.blocks()
        }
        fn is_in_place(&self) -> bool {
            false
        }
        fn open(&self, call: &Call) -> Result<Box<dyn ContentFile>> {
            self.0.open(call)
        }
        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    }
    let store = &*backend.open();
    let foreign = Foreign(stage(
        &MemoryContents::new(Publication::UnderLock),
        b"foreign",
    ));
    let error = store.publish(&[&foreign], &call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert_eq!(store.size_of(&foreign.hash(), &call()).unwrap(), None);
}

/// One that is not there is no error, nor is a batch of none.
pub fn removing_takes_what_is_there(backend: &dyn Backend) {
    let store = &*backend.open();
    let hashes: Vec<_> = (0..40).map(|n| publish(store, &bytes(20, n))).collect();
    let missing = ContentHash::of(b"missing");
    store.remove(&[], &call()).unwrap();
    store.remove(&[missing], &call()).unwrap();
    assert_eq!(all(store).len(), hashes.len());
    let mut batch = vec![missing];
    batch.extend(&hashes[..30]);
    batch.push(hashes[0]);
    store.remove(&batch, &call()).unwrap();
    let left: BTreeMap<_, _> = hashes[30..].iter().map(|hash| (*hash, 20)).collect();
    assert_eq!(all(store), left);
    for hash in &hashes[..30] {
        assert!(store.open(hash, &call()).unwrap().is_none());
        assert_eq!(store.size_of(hash, &call()).unwrap(), None);
    }
    store.remove(&batch, &call()).unwrap();
    assert_eq!(all(store), left);
}

/// Who has a content open reads on, whatever becomes of its name.
pub fn reading_goes_on_after_a_removal(backend: &dyn Backend) {
    let store = &*backend.open();
    let data = bytes(2 * BLOCK_BYTES, 7);
    let hash = publish(store, &data);
    let file = store.open(&hash, &call()).unwrap().unwrap();
    let mut first = vec![0; 100];
    file.read_at(0, &mut first, &call()).unwrap();
    store.remove(&[hash], &call()).unwrap();
    assert!(read_file(&*file) == data, "after the removal");
    publish(store, &data);
    store.remove(&[hash], &call()).unwrap();
    assert!(read_file(&*file) == data, "after another removal");
}

/// A walk ends where its visitor says, and passes the visitor's error on.
pub fn a_walk_visits_each_content_once(backend: &dyn Backend) {
    let store = &*backend.open();
    assert!(all(store).is_empty());
    let sizes: BTreeMap<_, _> = (0..60_u8)
        .map(|n| (publish(store, &bytes(usize::from(n), n)), u64::from(n)))
        .collect();
    assert_eq!(all(store), sizes);
    let mut left = 7;
    let mut some = |hash: ContentHash, size| {
        assert_eq!(sizes.get(&hash), Some(&size));
        left -= 1;
        Ok(left > 0)
    };
    store.walk(&mut some, &call()).unwrap();
    assert_eq!(left, 0, "the walk did not end");
    let mut visits = 0;
    let mut failing = |_, _| {
        visits += 1;
        Err(Error::new(ErrorKind::Misuse, "enough"))
    };
    let error = store.walk(&mut failing, &call()).unwrap_err();
    assert_eq!((error.kind(), visits), (ErrorKind::Misuse, 1));
    // A visitor may remove what it is shown.
    let mut removing = |hash, _| {
        store.remove(&[hash], &call())?;
        Ok(true)
    };
    store.walk(&mut removing, &call()).unwrap();
    assert!(all(store).is_empty());
}

fn spooled(spool: &dyn Spool, data: &[u8]) -> Arc<dyn Staged> {
    let mut staging = spool.stage(&call()).unwrap();
    staging.write(data, &call()).unwrap();
    staging.finish(&call()).unwrap()
}

/// Contents of a spool are published together or one by one; what was not goes with it.
pub fn a_spool_holds_many_contents(backend: &dyn Backend) {
    let store = &*backend.open();
    let spool = store.spool(&call()).unwrap();
    // More than a process may have open.
    let staged: Vec<_> = (0..2000_usize)
        .map(|n| spooled(&*spool, &bytes(8, n as u8).repeat(1 + n / 256)))
        .collect();
    assert!(all(store).is_empty());
    assert_eq!(store.unfinished(&call()).unwrap(), Reclaimed::default());
    let half: Vec<&dyn Staged> = staged[..1000].iter().map(|staged| &**staged).collect();
    store.publish(&half, &call()).unwrap();
    store.publish(&half[..1], &call()).unwrap();
    let expected: BTreeMap<_, _> = half
        .iter()
        .map(|staged| (staged.hash(), staged.size()))
        .collect();
    assert_eq!(all(store), expected);
    // The spool lasts as long as the last of its contents.
    drop(spool);
    store.publish(&[&*staged[1500]], &call()).unwrap();
    let file = staged[1999].open(&call()).unwrap();
    assert_eq!(ContentHash::of(&read_file(&*file)), staged[1999].hash());
    drop(file);
    drop(staged);
    assert_eq!(all(store).len(), expected.len() + 1);
    assert_eq!(store.unfinished(&call()).unwrap(), Reclaimed::default());
}

/// Small contents are read from the spool, in any order, as long as somebody wants them.
pub fn a_spool_keeps_small_contents(backend: &dyn Backend) {
    let store = &*backend.open();
    let spool = store.spool(&call()).unwrap();
    let contents: Vec<Vec<u8>> = (0..50).map(|n| bytes(n, n as u8)).collect();
    let kept: Vec<_> = contents
        .iter()
        .map(|data| spool.keep_small(data).unwrap())
        .collect();
    spooled(&*spool, b"between them");
    drop(spool);
    for (data, content) in contents.iter().zip(&kept).rev() {
        assert_eq!(
            (content.hash(), content.size()),
            (ContentHash::of(data), data.len() as u64)
        );
        let found = match content {
            NewContent::Inline { data, .. } => data.to_vec(),
            NewContent::Small {
                size, offset, file, ..
            } => file.read(*offset, *size).unwrap(),
            NewContent::Staged(_) => panic!("a small content became a file"),
        };
        assert!(found == *data, "{} bytes", data.len());
    }
    assert!(all(store).is_empty());
}

/// A scratch file is for one call alone.
pub fn scratch_files_are_empty_and_apart(backend: &dyn Backend) {
    let store = &*backend.open();
    let mut files = [store.scratch().unwrap(), store.scratch().unwrap()];
    for (index, file) in files.iter_mut().enumerate() {
        assert_eq!(file.metadata().unwrap().len(), 0);
        file.write_all(&bytes(1000, index as u8)).unwrap();
    }
    for (index, file) in files.iter_mut().enumerate() {
        let mut found = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut found).unwrap();
        assert!(found == bytes(1000, index as u8));
    }
    drop(files);
    assert!(all(store).is_empty());
    assert_eq!(store.unfinished(&call()).unwrap(), Reclaimed::default());
}

/// What one process publishes or removes, others find.
pub fn every_handle_sees_the_same_contents(backend: &dyn Backend) {
    let (one, other) = (backend.open(), backend.open());
    assert_eq!(one.publication(), other.publication());
    let hash = publish(&*one, b"shared");
    assert_eq!(read(&*other, &hash).unwrap(), b"shared");
    assert!(stage(&*other, b"shared").is_in_place());
    other.remove(&[hash], &call()).unwrap();
    assert!(read(&*one, &hash).is_none());
}

/// Of those who publish the same content at once, all succeed.
pub fn threads_publish_the_same_content(backend: &dyn Backend) {
    let store = backend.open();
    let data = bytes(BLOCK_BYTES + 99, 8);
    let hash = ContentHash::of(&data);
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (store, data) = (&*store, &data);
            scope.spawn(move || {
                for round in 0..5 {
                    publish(store, data);
                    assert!(
                        read(store, &hash).unwrap() == *data,
                        "thread {thread}, round {round}"
                    );
                    publish(store, &[thread, round]);
                }
            });
        }
    });
    assert_eq!(all(&*store).len(), 1 + 8 * 5);
}

/// With a call that was interrupted, what could take long is `Cancelled`; what takes no time may be done as a whole.
pub fn an_interrupted_call_ends_or_does_all(backend: &dyn Backend) {
    let store = &*backend.open();
    let hashes: Vec<_> = (0..64).map(|n| publish(store, &bytes(30, n))).collect();
    let interrupts = Interrupts::default();
    let interrupted = interrupts.begin(Duration::from_secs(30));
    interrupts.interrupt();
    let is_cancelled = |error: Error| assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    is_cancelled(store.remove(&hashes, &interrupted).unwrap_err());
    is_cancelled(store.walk(&mut |_, _| Ok(true), &interrupted).unwrap_err());
    for result in [
        store.stage(&interrupted).map(drop),
        store.spool(&interrupted).map(drop),
        store.open(&hashes[0], &interrupted).map(drop),
        store.size_of(&hashes[0], &interrupted).map(drop),
        store.reclaim_unfinished(&interrupted).map(drop),
        store.unfinished(&interrupted).map(drop),
        store.publish(&[&*stage(store, b"one")], &interrupted),
    ] {
        result.map_or_else(is_cancelled, drop);
    }
    // In the middle of a long one.
    let interrupted = interrupts.begin(Duration::from_secs(30));
    let mut visits = 0;
    let mut interrupting = |_, _| {
        visits += 1;
        interrupts.interrupt();
        Ok(true)
    };
    is_cancelled(store.walk(&mut interrupting, &interrupted).unwrap_err());
    assert!(visits < hashes.len(), "a walk went on to its end");
    let large = bytes(20 * BLOCK_BYTES, 9);
    let interrupted = interrupts.begin(Duration::from_secs(30));
    interrupts.interrupt();
    let mut builder = ContentBuilder::new(backend.open(), Some(16), &call()).unwrap();
    is_cancelled(builder.write(&large, &interrupted).unwrap_err());
    drop(builder);
    publish(store, &large);
    let mut staging = store.stage(&call()).unwrap();
    staging.write(&large, &call()).unwrap();
    // It compares all bytes with those that are there.
    is_cancelled(staging.finish(&interrupted).unwrap_err());
    assert_eq!(store.unfinished(&call()).unwrap(), Reclaimed::default());
}

/// Whoever reclaims leaves alone what others are writing.
pub fn unfinished_writes_of_the_living_stay(backend: &dyn Backend) {
    let (store, other) = (backend.open(), backend.open());
    let mut staging = store.stage(&call()).unwrap();
    staging.write(b"begun, ", &call()).unwrap();
    let finished = stage(&*store, b"finished");
    let spool = store.spool(&call()).unwrap();
    let in_spool = spooled(&*spool, b"in a spool");
    let small = spool.keep_small(b"small").unwrap();
    assert_eq!(other.unfinished(&call()).unwrap(), Reclaimed::default());
    assert_eq!(
        other.reclaim_unfinished(&call()).unwrap(),
        Reclaimed::default()
    );
    staging.write(b"and ended", &call()).unwrap();
    let begun = staging.finish(&call()).unwrap();
    store
        .publish(&[&*begun, &*finished, &*in_spool], &call())
        .unwrap();
    assert_eq!(read(&*store, &begun.hash()).unwrap(), b"begun, and ended");
    assert_eq!(read(&*store, &finished.hash()).unwrap(), b"finished");
    assert_eq!(read(&*store, &in_spool.hash()).unwrap(), b"in a spool");
    if let NewContent::Small {
        size, offset, file, ..
    } = &small
    {
        assert_eq!(file.read(*offset, *size).unwrap(), b"small");
    }
}

/// What a dead process left is counted, removed once, and no content is.
pub fn unfinished_writes_of_the_dead_are_reclaimed(backend: &dyn Backend) {
    let store = &*backend.open();
    let hash = publish(store, b"published");
    let left = backend.leave_unfinished();
    assert_eq!(store.unfinished(&call()).unwrap(), left);
    assert_eq!(
        store.unfinished(&call()).unwrap(),
        left,
        "counting removed something"
    );
    assert_eq!(store.reclaim_unfinished(&call()).unwrap(), left);
    assert_eq!(
        store.reclaim_unfinished(&call()).unwrap(),
        Reclaimed::default()
    );
    assert_eq!(read(store, &hash).unwrap(), b"published");
    assert_eq!(all(store).len(), 1);
}

/// Checks find what is missing or damaged, and a content is copied by its bytes.
pub fn contents_are_examined_and_copied(backend: &dyn Backend) {
    let store = &*backend.open();
    let data = bytes(2 * BLOCK_BYTES + 1, 10);
    let staged = stage(store, &data);
    let hash = staged.hash();
    let expected = Expected {
        hash: &hash,
        size: data.len() as u64,
        blocks: staged.blocks(),
    };
    let examine = |read| {
        expected
            .examine(store, read, &mut |_| Ok(()), &call())
            .unwrap()
    };
    assert_eq!(
        [examine(false), examine(true)],
        [Condition::Missing, Condition::Missing]
    );
    assert_eq!(measure(store, &hash, &call()).unwrap(), None);
    store.publish(&[&*staged], &call()).unwrap();
    assert_eq!(
        [examine(false), examine(true)],
        [Condition::Good, Condition::Good]
    );
    let measured = measure(store, &hash, &call()).unwrap();
    assert_eq!(measured, Some((data.len() as u64, staged.blocks().clone())));
    let file = store.open(&hash, &call()).unwrap().unwrap();
    let target = MemoryContents::new(Publication::UnderLock);
    let mut staging = target.stage(&call()).unwrap();
    stage_again(&*file, data.len() as u64, &mut *staging, &call()).unwrap();
    assert_eq!(staging.finish(&call()).unwrap().hash(), hash);
    let mut other = data.clone();
    other[BLOCK_BYTES] ^= 1;
    backend.overwrite(&hash, &other);
    assert_eq!(
        examine(false),
        Condition::Good,
        "only the length is looked at"
    );
    assert!(matches!(examine(true), Condition::OtherBytes(_)));
    assert_eq!(measure(store, &hash, &call()).unwrap(), None);
    backend.overwrite(&hash, b"short");
    assert_eq!(
        [examine(false), examine(true)],
        [Condition::OtherLength(5), Condition::OtherLength(5)]
    );
}

/// Of a backend in a directory of this machine.
pub fn names_are_synced_and_damaged_contents_get_a_second_name(backend: &dyn Backend) {
    let store = backend.open();
    let local = store.local().unwrap();
    local.sync_names(&call()).unwrap();
    let hash = publish(&*store, b"published");
    local.sync_names(&call()).unwrap();
    assert_eq!(
        local
            .quarantine(&ContentHash::of(b"missing"), "run")
            .unwrap(),
        None
    );
    backend.overwrite(&hash, b"damage");
    let name = local.quarantine(&hash, "run").unwrap();
    assert_eq!(name, Some(format!("quarantine/run/{hash}")));
    assert_eq!(
        local.quarantine(&hash, "run").unwrap(),
        name,
        "a second time"
    );
    assert_eq!(
        read(&*store, &hash).unwrap(),
        b"damage",
        "the content has its own name, too"
    );
    assert_eq!(all(&*store).len(), 1, "what is in quarantine is no content");
}
