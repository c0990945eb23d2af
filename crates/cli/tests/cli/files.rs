//! Files, directories and search, in a pipe.

use serde_json::{Value, json};

use crate::store::Store;

/// Names that need care in JSON, in a shell, or on a screen.
const ODD_NAMES: [&str; 6] = [
    "a \"quoted\" name",
    "[brackets]{braces}",
    "back\\slash",
    "grün 日本 🦀",
    "'single' $HOME `x`",
    "-n",
];

#[test]
fn bytes_pass_through_untouched() {
    let store = Store::new();
    let bytes: Vec<u8> = (0..300_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    for (name, content) in [
        ("/empty", &b""[..]),
        ("/controls", b"\x1b[31m\r\n\0\xff\xfe no newline"),
        ("/large", &bytes),
    ] {
        let written = store.feed(&["write", name], content);
        assert_eq!((written.code, written.text()), (Some(0), String::new()));
        let read = store.run(&["cat", name]);
        assert_eq!(read.code, Some(0));
        assert!(read.stdout == content, "{name} came back changed");
    }
    let both = store.run(&["cat", "/controls", "/empty", "/controls"]);
    let twice = b"\x1b[31m\r\n\0\xff\xfe no newline".repeat(2);
    assert_eq!(both.stdout, twice);
}

#[test]
fn a_file_is_written_from_an_argument_a_file_or_stdin() {
    let store = Store::new();
    store.ok(&["write", "/a", "from an argument"]);
    assert_eq!(store.ok(&["cat", "/a"]), "from an argument");
    let host = store.host_file("host.bin", b"from a file");
    store.ok(&["write", "/a", "--file", host.to_str().unwrap()]);
    assert_eq!(store.ok(&["cat", "/a"]), "from a file");
    assert_eq!(
        store.feed(&["write", "/a", "-"], b"from stdin").code,
        Some(0)
    );
    assert_eq!(store.ok(&["cat", "/a"]), "from stdin");
    store.ok(&["write", "--append", "/a", ", and more"]);
    assert_eq!(store.feed(&["write", "-a", "/a"], b" still").code, Some(0));
    assert_eq!(store.ok(&["cat", "/a"]), "from stdin, and more still");
}

#[test]
fn conditions_protect_what_others_wrote() {
    let store = Store::new();
    let first = store.json(&["write", "/a", "one", "--if-none-match"]);
    assert_eq!((&first["version"], &first["size"]), (&json!(1), &json!(3)));
    store.fails(1, "/a", &["write", "/a", "two", "--if-none-match"]);
    let etag = first["etag"].as_str().unwrap();
    let second = store.json(&["write", "/a", "two", "--if-match", etag]);
    assert_eq!(second["version"], 2);
    store.fails(1, "/a", &["write", "/a", "three", "--if-match", etag]);
    store.fails(2, "xyz", &["write", "/a", "three", "--if-match", "xyz"]);
    let typed = store.json(&["write", "/a", "{}", "--mime-type", "application/json"]);
    assert_eq!(typed["mime_type"], "application/json");
    assert_eq!(store.ok(&["cat", "/a"]), "{}");
}

#[test]
fn odd_names_are_exact_in_text_and_json() {
    let store = Store::new();
    let mut paths: Vec<String> = ODD_NAMES
        .iter()
        .map(|name| format!("/odd/{name}"))
        .collect();
    for path in &paths {
        store.ok(&["write", path, path]);
    }
    paths.sort();
    let expected: Vec<Value> = paths.iter().map(|path| json!(path)).collect();
    for command in [&["ls", "/odd"][..], &["ls", "-R", "/"], &["glob", "/odd/*"]] {
        let rows = store.json(command);
        let found: Vec<_> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["path"].clone())
            .collect();
        assert_eq!(found, expected, "{command:?}");
    }
    assert_eq!(store.ok(&["ls", "-R"]), format!("{}\n", paths.join("\n")));
    for path in &paths {
        assert_eq!(store.json(&["stat", path])["path"], json!(path));
        let row = &store.json(&["cat", path])[0];
        assert_eq!(
            (&row["content"], &row["encoding"]),
            (&json!(path), &json!("utf-8"))
        );
    }
    for refused in ["/a\nb", "/a\tb", "/a/../b", "/\u{202e}x", ""] {
        let run = store.run(&["write", refused, "x"]);
        assert_eq!(run.code, Some(2), "{refused:?} was not refused: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn ls_lists_names_details_and_trees() {
    let store = Store::new();
    store.ok(&["write", "/d/b.txt", "12345"]);
    store.ok(&["write", "/d/a.md", &"x".repeat(2000)]);
    store.ok(&["mkdir", "/d/sub"]);
    assert_eq!(store.ok(&["ls"]), "d/\n");
    assert_eq!(store.ok(&["ls", "/d"]), "a.md\nb.txt\nsub/\n");
    assert_eq!(store.ok(&["ls", "-R"]), "/d/a.md\n/d/b.txt\n");
    assert_eq!(store.ok(&["ls", "-S", "/d"]), "a.md\nb.txt\nsub/\n");
    assert_eq!(store.ok(&["ls", "-Sr", "/d"]), "sub/\nb.txt\na.md\n");
    assert_eq!(store.ok(&["ls", "--prefix", "/d/b"]), "/d/b.txt\n");
    assert_eq!(store.ok(&["ls", "/d/a.md"]), "/d/a.md\n");
    let long = store.ok(&["ls", "-lh", "/d"]);
    let lines: Vec<&str> = long.lines().collect();
    assert!(lines[0].trim_start().starts_with("2.0K  20"), "{long}");
    assert!(
        lines[0].contains("v1 ") && lines[0].contains("text/markdown"),
        "{long}"
    );
    assert!(
        lines[2].ends_with("sub/") && lines[2].contains("directory"),
        "{long}"
    );
    let exact = store.ok(&["ls", "-l", "/d/a.md"]);
    assert!(exact.trim_start().starts_with("2000 "), "{exact}");
    assert_eq!(
        store.ok(&["ls", "/d/sub", "/d/b.txt"]),
        "/d/sub:\n/d/b.txt\n"
    );
    assert_eq!(store.json(&["ls", "/d/sub"]), json!([]));
    assert!(store.ok(&["ls", "--help"]).contains("--human-readable"));
}

#[test]
fn cp_and_mv_work_like_their_namesakes() {
    let store = Store::new();
    store.ok(&["write", "/a/x", "x"]);
    store.ok(&["write", "/a/y", "y"]);
    store.ok(&["mkdir", "/d"]);
    store.ok(&["cp", "/a/x", "/d"]);
    store.ok(&["cp", "/a/x", "/a/copy"]);
    store.fails(1, "-r", &["cp", "/a", "/b"]);
    store.ok(&["cp", "-r", "/a", "/b"]);
    store.ok(&["cp", "-r", "/a", "/d"]);
    assert_eq!(
        store.ok(&["ls", "-R"]),
        "/a/copy\n/a/x\n/a/y\n/b/copy\n/b/x\n/b/y\n/d/a/copy\n/d/a/x\n/d/a/y\n/d/x\n"
    );
    store.ok(&["mv", "/a/x", "/a/y", "/d/a"]);
    store.ok(&["mv", "/d", "/moved"]);
    assert_eq!(
        store.ok(&["ls", "-R", "/moved", "/a"]),
        "/moved:\n/moved/a/copy\n/moved/a/x\n/moved/a/y\n/moved/x\n\n/a:\n/a/copy\n"
    );
    store.ok(&["write", "/old", "old"]);
    let skipped = store.json(&["cp", "-n", "/a/copy", "/old"]);
    assert_eq!(
        skipped,
        json!([{"from": "/a/copy", "to": "/old", "skipped": true}])
    );
    assert_eq!(store.ok(&["cat", "/old"]), "old");
    store.ok(&["mv", "-n", "/a/copy", "/old"]);
    assert_eq!(store.ok(&["cat", "/old", "/a/copy"]), "oldx");
    store.fails(3, "/nope", &["cp", "/a/copy", "/old", "/nope"]);
    store.fails(1, "/old", &["cp", "/a/copy", "/a/copy", "/old"]);
    store.fails(3, "/nope", &["mv", "/nope", "/x"]);
}

#[test]
fn rm_needs_r_for_trees_and_f_for_what_is_missing() {
    let store = Store::new();
    store.ok(&["write", "/t/a/b", "1"]);
    store.ok(&["write", "/f", "1"]);
    store.fails(1, "-r", &["rm", "/t"]);
    store.fails(3, "/nope", &["rm", "/nope"]);
    let run = store.run(&["rm", "/nope", "/f"]);
    assert_eq!(
        run.code,
        Some(3),
        "the others go on, and the failure counts"
    );
    let removed = store.json(&["rm", "-rf", "/nope", "/t"]);
    assert_eq!(
        removed,
        json!([{"path": "/nope", "removed": false}, {"path": "/t", "removed": true}])
    );
    assert_eq!(store.ok(&["ls"]), "");
    let root = store.run(&["rm", "-rf", "/"]);
    assert_eq!(root.code, Some(2), "{root:?}");
}

#[test]
fn mkdir_and_rmdir() {
    let store = Store::new();
    store.fails(3, "/a", &["mkdir", "/a/b"]);
    assert_eq!(
        store.json(&["mkdir", "-p", "/a/b", "/a/b"]),
        json!([{"path": "/a/b"}, {"path": "/a/b"}])
    );
    store.fails(1, "/a/b", &["mkdir", "/a/b"]);
    store.fails(1, "/a", &["rmdir", "/a"]);
    store.ok(&["rmdir", "/a/b", "/a"]);
    store.fails(3, "/a", &["rmdir", "/a"]);
}

#[test]
fn glob_prints_whole_paths() {
    let store = Store::new();
    for path in ["/src/main.rs", "/src/a/b.rs", "/src/a/c.txt", "/doc/x.rs"] {
        store.ok(&["write", path, "x"]);
    }
    assert_eq!(
        store.ok(&["glob", "/src/**/*.rs"]),
        "/src/a/b.rs\n/src/main.rs\n"
    );
    assert_eq!(store.ok(&["glob", "*.rs", "/src"]), "/src/main.rs\n");
    assert_eq!(
        store.ok(&["glob", "**/*.rs", "--limit", "1"]),
        "/doc/x.rs\n"
    );
    assert_eq!(store.ok(&["glob", "/nothing/*"]), "");
    assert_eq!(store.json(&["glob", "/nothing/*"]), json!([]));
    store.fails(2, "[", &["glob", "/src/[a"]);
}

#[test]
fn grep_prints_like_grep() {
    let store = Store::new();
    store.ok(&["write", "/a/one.txt", "first\nNeedle and needle\nlast"]);
    store.ok(&["write", "/a/two.md", "no\nneedle"]);
    store.ok(&["write", "/b.txt", "needle"]);
    store.ok(&["write", "/binary", "needle"]);
    store.feed(&["write", "/binary"], b"\0needle");
    assert_eq!(
        store.ok(&["grep", "needle"]),
        "/a/one.txt:2:Needle and needle\n/a/two.md:2:needle\n/b.txt:1:needle\n"
    );
    assert_eq!(
        store.ok(&["grep", "-n", "^needle", "/a"]),
        "/a/two.md:2:needle\n"
    );
    assert_eq!(
        store.ok(&["grep", "-iN", "^NEEDLE", "/a"]),
        "/a/one.txt:Needle and needle\n/a/two.md:needle\n"
    );
    assert_eq!(
        store.ok(&["grep", "-l", "needle", "/a", "/b.txt"]),
        "/a/one.txt\n/a/two.md\n/b.txt\n"
    );
    assert_eq!(
        store.ok(&["grep", "-c", "e", "/a"]),
        "/a/one.txt:1\n/a/two.md:1\n"
    );
    assert_eq!(
        store.ok(&["grep", "needle", "--include", "*.md"]),
        "/a/two.md:2:needle\n"
    );
    let rows = store.json(&["grep", "needle", "/a/one.txt"]);
    assert_eq!(
        rows,
        json!([{"path": "/a/one.txt", "line": 2, "text": "Needle and needle", "match_start": 11, "match_end": 17}])
    );
    let nothing = store.run(&["grep", "absent"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (Some(1), ""));
    let nothing = store.run(&["grep", "absent", "--json"]);
    assert_eq!((nothing.code, nothing.text().as_str()), (Some(1), "[]\n"));
    store.fails(2, "(", &["grep", "("]);
    let limited = store.run(&["grep", "needle", "--max-count", "1"]);
    assert_eq!(limited.text(), "/a/one.txt:2:Needle and needle\n");
    assert!(limited.stderr.contains("--max-count"), "{}", limited.stderr);
    assert_eq!(limited.code, Some(0), "it was asked for");
    let limited = store.run(&["grep", "needle", "/a/two.md", "/b.txt", "-m", "1"]);
    assert_eq!(limited.text(), "/a/two.md:2:needle\n");
    assert!(limited.stderr.contains("--max-count"), "{}", limited.stderr);
}

#[test]
fn grep_looks_for_a_text_and_behind_a_byte_order_mark() {
    let store = Store::new();
    store.ok(&["write", "/a", "f(x) = x\nf.x"]);
    store.feed(&["write", "/marked"], b"\xef\xbb\xbfword\n");
    assert_eq!(store.ok(&["grep", "-F", "f(x"]), "/a:1:f(x) = x\n");
    assert_eq!(
        store.ok(&["grep", "--fixed-strings", "-i", "F.X"]),
        "/a:2:f.x\n"
    );
    assert_eq!(store.ok(&["grep", "^word$"]), "/marked:1:word\n");
    store.fails(2, "2048 characters", &["grep", "(a?){1000}a{1000}"]);
}

#[test]
fn grep_includes_names_at_any_depth_and_paths_below_the_base() {
    let store = Store::new();
    for path in ["/a.py", "/p/a.py", "/p/q/a.py", "/q/a.py", "/q/a.txt"] {
        store.ok(&["write", path, "x"]);
    }
    let found = |arguments: &[&str]| store.ok(&[&["grep", "-l", "x"], arguments].concat());
    assert_eq!(found(&["--include", "*.py", "/p"]), "/p/a.py\n/p/q/a.py\n");
    assert_eq!(found(&["--include", "q/*.py"]), "/q/a.py\n");
    assert_eq!(found(&["--include", "q/*.py", "/p"]), "/p/q/a.py\n");
    assert_eq!(found(&["--include", "{*.txt,/*.py}"]), "/a.py\n/q/a.txt\n");
    assert_eq!(found(&["--include", "*.py", "/q/a.txt"]), "/q/a.txt\n");
}

#[test]
fn grep_finds_all_files_and_counts_all_lines_however_many() {
    let store = Store::new();
    for path in ["/d/[many]", "/d/more"] {
        store.feed(&["write", path], &b"x\n".repeat(100_001));
    }
    store.ok(&["write", "/d/none", "y"]);
    store.ok(&["write", "/last", "x"]);
    assert_eq!(
        store.ok(&["grep", "-l", "x"]),
        "/d/[many]\n/d/more\n/last\n"
    );
    assert_eq!(
        store.ok(&["grep", "-c", "x", "/d/more", "/"]),
        "/d/more:100001\n/d/[many]:100001\n/d/more:100001\n/last:1\n"
    );
    assert_eq!(
        store.ok(&["grep", "-c", "x", "--include", "m*"]),
        "/d/more:100001\n"
    );
    assert_eq!(
        store.ok(&["grep", "-c", "x", "--include", "d/m*"]),
        "/d/more:100001\n"
    );
    let cut = store.run(&["grep", "x"]);
    assert_eq!(
        (cut.code, cut.stderr.as_str()),
        (
            Some(1),
            "nexus: stopped after 100000 lines, or 64 MiB of them (see --max-count)\n"
        )
    );
    assert_eq!(cut.text().lines().count(), 100_000);
}

#[test]
fn stat_tells_all_of_files_and_directories() {
    let store = Store::new();
    store.ok(&["write", "/d/a", "same"]);
    store.ok(&["write", "/b", "same"]);
    store.ok(&["meta", "set", "/b", "tag", "x"]);
    let row = store.json(&["stat", "/b"]);
    assert_eq!(
        (&row["size"], &row["ref_count"], &row["kind"]),
        (&json!(4), &json!(2), &json!("file"))
    );
    assert_eq!(row["metadata"], json!({"tag": "x"}));
    assert_eq!(row["path_id"].as_str().unwrap().len(), 36);
    let rows = store.json(&["info", "/b", "/d"]);
    assert_eq!(
        (&rows[1]["kind"], &rows[1]["size"]),
        (&json!("directory"), &Value::Null)
    );
    let text = store.ok(&["stat", "/b", "/d"]);
    assert!(text.contains("content in  2 files\n"), "{text}");
    assert!(text.contains("tag  \"x\"\n"), "{text}");
    assert!(text.contains("kind  directory\n"), "{text}");
}

#[test]
fn du_sums_directories_and_the_store() {
    let store = Store::new();
    store.ok(&["write", "/a/x/1", "12345"]);
    store.ok(&["write", "/a/2", "12345"]);
    store.ok(&["write", "/top", "123"]);
    assert_eq!(
        store.ok(&["du", "/", "-d", "2"]),
        "BYTES  FILES  PATH\n   13      3  /\n   10      2  /a\n    5      1  /a/x\n"
    );
    assert_eq!(
        store.json(&["du", "-s", "/a"]),
        json!([{"path": "/a", "files": 2, "bytes": 10}])
    );
    let whole = store.json(&["du"]);
    assert_eq!(whole["store"]["saved_bytes"], 5);
    assert_eq!(whole["directories"].as_array().unwrap().len(), 2);
    let text = store.ok(&["du", "-h"]);
    assert!(
        text.ends_with("3 files in 2 distinct contents: 8 stored, 5 saved\n"),
        "{text}"
    );
    assert_eq!(
        store.ok(&["du", "-q", "/top"]),
        "BYTES  FILES  PATH\n    3      1  /top\n"
    );
}

#[test]
fn du_tells_what_each_tenant_has() {
    let store = Store::new();
    for (path, content) in [
        ("/workspace/acme/bot/f", "hello"),
        ("/shared/acme/g", "hello"),
        ("/shared/rival/g", "hello"),
        ("/x", "y"),
    ] {
        store.ok(&["write", path, content]);
    }
    let table = "BYTES  STORED  FILES  TENANT\n    1       1      1  -\n   10       5      2  acme\n    5       5      1  rival\n";
    let text = store.ok(&["du"]);
    assert!(text.contains(table), "{text}");
    let acme = store.ok(&["du", "--tenant", "acme"]);
    assert!(
        acme.contains("\n   10       5      2  acme\n") && !acme.contains("rival"),
        "{acme}"
    );
}
