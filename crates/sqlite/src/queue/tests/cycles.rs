//! Cycles among dependencies.

use proptest::prelude::*;

use super::*;

#[test]
fn a_cycle_is_refused_and_shown() {
    let store = Store::new();
    store.add("/a", r#"{"status": "ready"}"#);
    store.add("/b", r#"{"status": "ready", "depends_on": "/a"}"#);
    store.add("/c", r#"{"status": "ready", "depends_on": "/b"}"#);
    let error = assert_kind(store.set("/a", r#"{"depends_on": "/c"}"#), ErrorKind::Cycle);
    assert!(
        error.to_string().contains("/a -> /c -> /b -> /a"),
        "{error}"
    );
    assert_eq!(store.get("/a", "depends_on"), None, "nothing is stored");
    let error = assert_kind(store.set("/a", r#"{"depends_on": "/a"}"#), ErrorKind::Cycle);
    assert!(error.to_string().contains("/a -> /a"), "{error}");
    let turned = vec![
        set("/a", r#"{"depends_on": "/c"}"#),
        set("/b", r#"{"depends_on": []}"#),
    ];
    store.apply(turned).unwrap();
    store.check_counters();
}

#[test]
fn a_cycle_does_not_name_what_is_not_visible() {
    let mut store = Store::new();
    store.add("/own/a", r#"{"status": "ready"}"#);
    store.add("/other/b", r#"{"depends_on": "/own/a"}"#);
    store.add("/other/c", r#"{"depends_on": "/other/b"}"#);
    store.add("/own/d", r#"{"depends_on": "/other/c"}"#);
    store.see_only(&["/own"]);
    let error = assert_kind(
        store.set("/own/a", r#"{"depends_on": "/own/d"}"#),
        ErrorKind::Cycle,
    );
    let shown = "/own/a -> /own/d -> not visible -> /own/a";
    assert!(error.to_string().contains(shown), "{error}");
}

#[test]
fn a_cycle_in_a_batch_names_the_operation_that_closes_it() {
    for count in [3, 100] {
        let store = Store::new();
        let mut changes: Vec<Change> = (0..count).map(|n| write(&format!("/{n}"))).collect();
        for n in 0..count {
            let next = (n + 1) % count;
            changes.push(set(
                &format!("/{n}"),
                &format!(r#"{{"depends_on": "/{next}"}}"#),
            ));
        }
        let error = assert_kind(store.apply(changes), ErrorKind::Cycle);
        assert_eq!(error.index(), Some(2 * count - 1), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("cycle /{} -> /0 -> /1 -> ", count - 1)),
            "{text}"
        );
        assert!(text.contains(&format!(" -> /{}", count - 1)), "{text}");
        assert!(text.len() < 400, "{text}");
    }
}

/// Returns whether the items of `edges` can be ordered so that each comes behind those it waits for.
fn has_order(edges: &[(usize, usize)]) -> bool {
    let mut left = edges.to_vec();
    loop {
        let before = left.len();
        let waiting: Vec<usize> = left.iter().map(|(item, _)| *item).collect();
        left.retain(|(_, blocker)| waiting.contains(blocker));
        if left.len() == before {
            return left.is_empty();
        }
    }
}

/// Sets `edges` among items below `directory` by one batch.
fn set_edges(store: &Store, directory: &str, edges: &[(usize, usize)]) -> Result<()> {
    let items = || 0..8;
    let mut changes: Vec<Change> = items()
        .map(|item| write(&format!("/{directory}/{item}")))
        .collect();
    for item in items() {
        let blockers: Vec<String> = edges
            .iter()
            .filter(|(waiting, _)| *waiting == item)
            .map(|(_, blocker)| format!(r#""/{directory}/{blocker}""#))
            .collect();
        if !blockers.is_empty() {
            let object = format!(r#"{{"depends_on": [{}]}}"#, blockers.join(","));
            changes.push(set(&format!("/{directory}/{item}"), &object));
        }
    }
    store.apply(changes).map(drop)
}

#[test]
fn a_batch_with_one_cycle_within_another_is_refused() {
    let (s, x, y, d) = (0, 1, 2, 3);
    let mut edges = vec![(s, x), (x, y), (y, x), (y, d), (d, s)];
    edges.extend((4..8).map(|other| (other, s)));
    assert_kind(set_edges(&Store::new(), "jobs", &edges), ErrorKind::Cycle);
}

#[test]
fn a_batch_is_refused_exactly_if_it_makes_a_cycle() {
    let store = Store::new();
    proptest!(|(edges in prop::collection::btree_set((0..8_usize, 0..8_usize), 0..14))| {
        let edges: Vec<(usize, usize)> = edges.into_iter().collect();
        let directory = uuid::Uuid::now_v7().to_string();
        let outcome = set_edges(&store, &directory, &edges);
        match has_order(&edges) {
            true => prop_assert!(outcome.is_ok(), "{outcome:?}"),
            false => prop_assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cycle),
        }
    });
}
