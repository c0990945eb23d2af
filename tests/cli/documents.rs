//! What is installed or read beside the program.

use std::process::Command;

use crate::store::{Store, finish};

#[test]
fn completions_are_scripts_that_shells_accept() {
    let store = Store::missing();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = store.ok(&["completions", shell]);
        assert!(
            script.contains("in-progress"),
            "{shell} does not know work in-progress"
        );
    }
    store.host_file("nexus.bash", store.ok(&["completions", "bash"]));
    let checked = finish(
        Command::new("bash")
            .args(["-n"])
            .arg(store.path("nexus.bash")),
    );
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    assert_eq!(store.json(&["completions", "fish"])["shell"], "fish");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let store = Store::missing();
    let pages = store.json(&["man", "pages"])["pages"].clone();
    let pages = pages.as_array().unwrap();
    for name in [
        "nexus.1",
        "nexus-ls.1",
        "nexus-work-graph.1",
        "nexus-meta-set.1",
    ] {
        assert!(
            pages.contains(&name.into()),
            "{name} is missing in {pages:?}"
        );
        let page = std::fs::read_to_string(store.path("pages").join(name)).unwrap();
        assert!(page.contains(".SH NAME"), "{name}: {page}");
    }
    assert!(store.ok(&["man"]).contains(".TH nexus 1"));
    store.ok(&["man", "--output", "again"]);
    assert!(store.path("again/nexus.1").exists());
}
