//! Contents that are made before the transaction that names them: of appends, and of moves to another backend.

use std::sync::Barrier;

use nexusfs::filesystem::{RelocateOptions, VerifyOptions};

use super::*;

fn append(fs: &Filesystem, path: &str, data: &[u8]) -> Result<(), Error> {
    fs.append(path, data, &WriteOptions::default()).map(drop)
}

#[test]
fn appends_of_a_batch_see_what_its_earlier_changes_left() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let (plain, move_) = (WriteOptions::default(), RelocateOptions::default());
    write(&fs, "/kept", b"kept").unwrap();
    write(&fs, "/tree/in/file", LARGE).unwrap();
    write(&fs, "/gone", b"gone").unwrap();
    let mut batch = fs.batch();
    for _ in 0..3 {
        batch.append("/kept", b", and more", &plain).unwrap();
    }
    batch.write("/new", b"new", &plain).unwrap();
    batch.append("/new", LARGE, &plain).unwrap();
    batch.rename("/new", "/renamed", &move_).unwrap();
    batch.append("/renamed", b"!", &plain).unwrap();
    batch.append("/new", b"another", &plain).unwrap();
    batch.copy("/tree", "/copy", &move_).unwrap();
    batch.append("/copy/in/file", b"?", &plain).unwrap();
    batch.delete("/gone", &Default::default()).unwrap();
    batch.append("/gone", b"again", &plain).unwrap();
    batch.rmdir("/tree", true).unwrap();
    batch
        .append("/tree/in/file", b"from nothing", &plain)
        .unwrap();
    batch.commit().unwrap();
    assert_eq!(
        fs.read("/kept").unwrap(),
        b"kept, and more, and more, and more"
    );
    assert_eq!(fs.read("/renamed").unwrap(), [b"new", LARGE, b"!"].concat());
    assert_eq!(fs.read("/new").unwrap(), b"another");
    assert_eq!(fs.read("/copy/in/file").unwrap(), [LARGE, b"?"].concat());
    assert_eq!(fs.read("/gone").unwrap(), b"again");
    assert_eq!(fs.read("/tree/in/file").unwrap(), b"from nothing");
    let options = VerifyOptions {
        content: true,
        repair: false,
    };
    let report = fs.verify(options, &mut |_, _, _| true).unwrap();
    assert!(report.contains("\"error_count\":0"), "{report}");
}

#[test]
fn an_append_of_a_batch_that_cannot_be_made_names_its_number_and_changes_nothing() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/large", LARGE).unwrap();
    fs.mkdir("/directory", Default::default()).unwrap();
    let hash = nexusfs::content::ContentHash::of(LARGE).to_string();
    std::fs::remove_file(place.path(&format!("store/cas/{}/{hash}", &hash[..2]))).unwrap();
    for (path, kind) in [
        ("/large", ErrorKind::Corrupt),
        ("/directory", ErrorKind::IsADirectory),
        ("/large/below", ErrorKind::NotADirectory),
    ] {
        let mut batch = fs.batch();
        batch.write("/a", b"a", &WriteOptions::default()).unwrap();
        batch.append(path, b"b", &WriteOptions::default()).unwrap();
        let error = batch.commit().unwrap_err();
        assert_eq!(
            (error.kind(), error.index()),
            (kind, Some(1)),
            "{path}: {error}"
        );
        assert!(!fs.exists("/a").unwrap(), "{path}");
        refused(append(&fs, path, b"b"), kind);
    }
}

#[test]
fn appends_of_many_threads_and_handles_to_one_file_lose_nothing() {
    let place = Place::new();
    let handles = [place.connect(json!({})), place.connect(json!({}))];
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (fs, start) = (&handles[thread % 2], &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..25 {
                    append(fs, "/log", format!("{thread} {number}\n").as_bytes()).unwrap();
                }
            });
        }
    });
    let log = String::from_utf8(handles[0].read("/log").unwrap()).unwrap();
    let mut lines: Vec<&str> = log.lines().collect();
    for thread in 0..8 {
        let own = lines
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{thread} ")));
        let own: Vec<_> = own.map(str::to_owned).collect();
        let expected: Vec<_> = (0..25).map(|number: i32| number.to_string()).collect();
        assert_eq!(own, expected, "thread {thread}");
    }
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 200);
}

#[test]
fn a_batch_moves_what_it_wrote_to_another_backend() {
    let place = Place::new();
    let mount = json!({"mounts": [{"name": "m", "path": "/m", "backend": "local", "root": place.path("mount")}]});
    let fs = place.connect(mount);
    let (plain, move_) = (WriteOptions::default(), RelocateOptions::default());
    write(&fs, "/m/there", LARGE).unwrap();
    let mut batch = fs.batch();
    batch.write("/small", b"small", &plain).unwrap();
    batch.rename("/small", "/m/small", &move_).unwrap();
    batch.append("/m/small", b" and more", &plain).unwrap();
    batch.rename("/m/there", "/here", &move_).unwrap();
    batch.append("/here", b"!", &plain).unwrap();
    batch.copy("/here", "/m/back", &move_).unwrap();
    batch.commit().unwrap();
    assert_eq!(fs.read("/m/small").unwrap(), b"small and more");
    assert_eq!(fs.read("/here").unwrap(), [LARGE, b"!"].concat());
    assert_eq!(fs.read("/m/back").unwrap(), [LARGE, b"!"].concat());
    let backend = |path| fs.stat(path).unwrap().file.unwrap().backend.to_string();
    assert_eq!(
        [backend("/m/small"), backend("/here"), backend("/m/back")],
        ["m", "local", "m"]
    );
}
