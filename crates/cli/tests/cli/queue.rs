//! `work`: lists, counts, the graph.

use serde_json::{Value, json};

use crate::store::{Store, finish};

/// Makes items: `/q/a` ready, `/q/b` blocked by it, `/q/c` held by hand, `/q/d` pending, `/q/e` done.
fn queue() -> Store {
    let store = Store::new();
    for name in ["a", "b", "c", "d", "e", "plain"] {
        store.ok(&["write", &format!("/q/{name}"), name]);
    }
    store.ok(&["meta", "set", "/q/a", "status", "ready", "priority", "2"]);
    store.ok(&[
        "meta",
        "set",
        "/q/b",
        "status",
        "blocked",
        "depends_on",
        "[\"/q/a\", \"/q/e\"]",
    ]);
    store.ok(&["meta", "set", "/q/c", "status", "blocked", "priority", "1"]);
    store.ok(&["meta", "set", "/q/d", "status", "pending"]);
    store.ok(&["meta", "set", "/q/e", "status", "completed"]);
    store
}

fn paths(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap();
    rows.iter()
        .map(|row| row["virtual_path"].as_str().unwrap())
        .collect()
}

#[test]
fn the_lists_are_those_of_the_library() {
    let store = queue();
    for (view, expected) in [
        ("ready", &["/q/a"][..]),
        ("blocked", &["/q/b", "/q/c"]),
        ("pending", &["/q/d"]),
        ("in-progress", &[]),
        ("by-priority", &["/q/c", "/q/a", "/q/b", "/q/d", "/q/e"]),
    ] {
        assert_eq!(paths(&store.json(&["work", view])), expected, "{view}");
        let text = store.ok(&["work", view]);
        let last: Vec<_> = text
            .lines()
            .skip(1)
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(last, expected, "{view}: {text}");
    }
    assert_eq!(
        paths(&store.json(&["work", "by-priority", "--limit", "1"])),
        ["/q/c"]
    );
    assert_eq!(store.json(&["work", "ready", "--limit", "0"]), json!([]));
    let text = store.ok(&["work", "by-priority", "-l", "2"]);
    assert!(text.ends_with("… (--limit 2 reached)\n"), "{text}");
    let item = &store.json(&["work", "blocked"])[0];
    assert_eq!(
        (&item["blocker_count"], &item["status"]),
        (&json!(1), &json!("blocked"))
    );
}

#[test]
fn status_counts_and_explain_explains() {
    let store = queue();
    let stats = store.json(&["work", "status"]);
    assert_eq!(
        (&stats["total"], &stats["by_status"]["blocked"]),
        (&json!(5), &json!(2))
    );
    let text = store.ok(&["work", "status", "--prefix", "/q/"]);
    assert!(
        text.contains("blocked          2\n") && text.contains("total            5\n"),
        "{text}"
    );
    assert_eq!(
        store.json(&["work", "status", "--prefix", "/other"])["total"],
        0
    );
    let why = store.json(&["work", "explain", "/q/b"]);
    assert_eq!(
        (&why["claimable"], &why["open"][0]["path"]),
        (&json!(false), &json!("/q/a"))
    );
    let text = store.ok(&["work", "explain", "/q/b"]);
    assert!(
        text.contains("not completed yet") && text.contains("/q/a"),
        "{text}"
    );
    store.fails(3, "/nope", &["work", "explain", "/nope"]);
}

#[test]
fn the_graph_is_drawn_in_three_forms() {
    let store = queue();
    let dot = store.ok(&["work", "graph"]);
    assert!(dot.starts_with("digraph work {"), "{dot}");
    assert_eq!(dot.matches(" -> ").count(), 2, "{dot}");
    assert_eq!(dot.matches("[style=dotted]").count(), 1, "{dot}");
    assert!(dot.contains("tooltip=\"ready\""), "{dot}");
    store.ok(&["write", "/q/&lt;", "x"]);
    store.ok(&["meta", "set", "/q/&lt;", "status", "ready"]);
    let escaped = store.ok(&["work", "graph"]);
    assert!(escaped.contains("label=\"/q/&amp;lt;\""), "{escaped}");
    store.ok(&["rm", "/q/&lt;"]);
    let mermaid = store.ok(&["work", "graph", "--format", "mermaid"]);
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert!(
        mermaid.contains("[\"/q/a\"]:::ready") && mermaid.contains("classDef ready"),
        "{mermaid}"
    );
    let svg = store.ok(&["work", "graph", "--format", "svg"]);
    assert!(
        svg.contains("<svg ") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    assert!(svg.contains("/q/b") && svg.contains("#ffdfa3ff"), "{svg}");
    let graph = store.json(&["work", "graph"]);
    assert_eq!(
        (
            graph["nodes"].as_array().unwrap().len(),
            graph["edges"].as_array().unwrap().len()
        ),
        (5, 2)
    );
    store.ok(&["work", "graph", "-f", "svg", "-o", "graph.svg"]);
    assert_eq!(
        std::fs::read_to_string(store.path("graph.svg")).unwrap(),
        svg
    );
    // It is replaced as a whole: who has it open reads the old one.
    let mut old = std::fs::File::open(store.path("graph.svg")).unwrap();
    store.ok(&["work", "graph", "-o", "graph.svg"]);
    assert_eq!(std::io::read_to_string(&mut old).unwrap(), svg);
    assert_eq!(
        std::fs::read_to_string(store.path("graph.svg")).unwrap(),
        dot
    );
    let file = std::fs::File::create(store.path("graph.dot")).unwrap();
    let mut command = store.command();
    command.args(["work", "graph", "-o", "/dev/stdout"]);
    assert_eq!(finish(command.stdout(file)).code, Some(0));
    assert_eq!(
        std::fs::read_to_string(store.path("graph.dot")).unwrap(),
        dot
    );
    let some = store.json(&["work", "graph", "--prefix", "/q/b"]);
    assert_eq!(
        some["nodes"].as_array().unwrap().len(),
        3,
        "what it waits for is drawn, too: {some}"
    );
}

#[test]
fn the_graph_survives_odd_names_deleted_items_and_none() {
    let store = Store::new();
    for format in ["dot", "mermaid", "svg"] {
        store.ok(&["work", "graph", "-f", format]);
    }
    let odd = "/q/\"<b>]&\\ 日本";
    store.ok(&["write", odd, "x"]);
    store.ok(&["write", "/q/gone", "x"]);
    store.ok(&["meta", "set", "/q/gone", "status", "ready"]);
    let depends = json!(["/q/gone"]).to_string();
    store.ok(&[
        "meta",
        "set",
        odd,
        "status",
        "blocked",
        "depends_on",
        &depends,
    ]);
    store.ok(&["rm", "/q/gone"]);
    let graph = store.json(&["work", "graph"]);
    assert_eq!(graph["nodes"][0]["path"], odd);
    assert_eq!(
        graph["nodes"][1],
        json!({"path": "/q/gone", "status": "deleted"})
    );
    assert!(
        store
            .ok(&["work", "graph"])
            .contains(r#"label="/q/\"<b>]&amp;\\ 日本""#)
    );
    let mermaid = store.ok(&["work", "graph", "-f", "mermaid"]);
    assert!(
        mermaid.contains("/q/#34;#60;b#62;#93;#38;#92; 日本"),
        "{mermaid}"
    );
    let svg = store.ok(&["work", "graph", "-f", "svg"]);
    assert!(svg.contains("&quot;&lt;b&gt;]&amp;\\ 日本"), "{svg}");
}

#[test]
fn a_claimed_item_is_kept_finished_or_given_back_with_its_token() {
    let store = Store::new();
    for name in ["a", "b", "c"] {
        store.ok(&["write", &format!("/q/{name}"), name]);
        store.ok(&["meta", "set", &format!("/q/{name}"), "status", "ready"]);
    }
    let claimed = store.json(&[
        "work", "claim", "--worker", "w1", "--max", "2", "--lease", "10m",
    ]);
    assert_eq!(paths(&claimed), ["/q/a", "/q/b"]);
    assert_eq!(
        (&claimed[0]["worker_id"], &claimed[0]["attempts"]),
        (&json!("w1"), &json!(1))
    );
    let token = |index: usize| claimed[index]["lease"].as_u64().unwrap().to_string();
    let text = store.ok(&["work", "in-progress"]);
    assert!(text.contains("w1 ") && text.contains("/q/a"), "{text}");
    store.ok(&["work", "heartbeat", "/q/a", &token(0), "--for", "1h"]);
    store.host_file("out.txt", "made");
    let done = ["--result", "{\"n\": 1}", "--write", "/out/made=out.txt"];
    store.ok(&[&["work", "complete", "/q/a", &token(0)], &done[..]].concat());
    assert_eq!(
        store.json(&["meta", "get", "/q/a", "result"]),
        json!({"n": 1})
    );
    assert_eq!(store.ok(&["cat", "/out/made"]), "made");
    store.fails(1, "/q/a", &["work", "complete", "/q/a", &token(0)]);
    let failed = store.json(&[
        "work",
        "fail",
        "/q/b",
        &token(1),
        "no luck",
        "--retry-after",
        "1h",
    ]);
    assert_eq!(failed, json!({"path": "/q/b", "status": "ready"}));
    assert_eq!(store.json(&["work", "status"])["views"]["delayed"], 1);
    assert_eq!(
        store.json(&["meta", "get", "/q/b", "last_error"]),
        "no luck"
    );
    let claimed = store.ok(&["work", "claim", "--prefix", "/q/c"]);
    let third = claimed
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    store.fails(1, "/q/c", &["write", "/q/c", "x", "--lease", "999"]);
    store.ok(&["write", "/q/c", "x", "--lease", &third]);
    store.ok(&["work", "release", "/q/c", &third]);
    assert_eq!(paths(&store.json(&["work", "ready"])), ["/q/c"]);
    store.ok(&["rm", "/q/c"]);
    assert_eq!(store.json(&["work", "claim", "--wait", "50ms"]), json!([]));
    assert_eq!(store.ok(&["work", "claim"]), "");
    store.fails(2, "soon", &["work", "claim", "--lease", "soon"]);
}
