//! Tenant, agent and the admin flag: taken together, and never by accident.

use nexusfs::config::{Key, Resolved, Source};
use nexusfs::error::Error;
use serde_json::{Value as Json, json};

use crate::host::{Host, assert_refused, effective};

type Identity<'a> = (Option<&'a str>, Option<&'a str>, bool);

fn identity(resolved: &Resolved) -> Identity<'_> {
    let settings = &resolved.settings;
    (
        settings.tenant_id.as_deref(),
        settings.agent_id.as_deref(),
        settings.is_admin,
    )
}

#[test]
fn identity_comes_whole_from_the_highest_source_that_names_any_of_it() {
    let host = Host::new()
        .with("NEXUS_TENANT_ID", "env-tenant")
        .with("NEXUS_AGENT_ID", "env-agent")
        .file(
            "work/nexus.yaml",
            "tenant_id: file-tenant\nis_admin: true\n",
        );
    let explicit: [(Json, Identity<'_>); 4] = [
        (json!({"tenant_id": "acme"}), (Some("acme"), None, false)),
        (json!({"agent_id": "a"}), (None, Some("a"), false)),
        (json!({"is_admin": true}), (None, None, true)),
        (json!({"tenant_id": null}), (None, None, false)),
    ];
    for (mut config, expected) in explicit {
        config["config_file"] = json!("auto");
        let resolved = host.connect(config.clone()).unwrap();
        assert_eq!(identity(&resolved), expected, "{config}");
        for key in Key::IDENTITY {
            let source = resolved.source(key);
            assert_eq!(source, Source::Explicit, "{config}: {}", key.name());
        }
    }
    let resolved = host.discover().unwrap();
    let of_variables = (Some("env-tenant"), Some("env-agent"), false);
    assert_eq!(identity(&resolved), of_variables);
    assert_eq!(resolved.source(Key::IsAdmin), Source::Environment);
}

#[test]
fn identity_of_a_file_counts_only_below_the_others() {
    let host = Host::new().file("work/nexus.yaml", "agent_id: a\nis_admin: true\n");
    let resolved = host.discover().unwrap();
    assert_eq!(identity(&resolved), (None, Some("a"), true));
    let host = host.with("NEXUS_IS_ADMIN", "false");
    assert_eq!(identity(&host.discover().unwrap()), (None, None, false));
}

#[test]
fn the_admin_variable_counts_only_where_discovery_was_asked_for() {
    let host = Host::new()
        .with("NEXUS_IS_ADMIN", "1")
        .file("work/nexus.yaml", "cache_size_mb: 1\n");
    let is_admin = |result: Result<Resolved, Error>| result.unwrap().settings.is_admin;
    assert!(is_admin(host.discover()));
    assert!(is_admin(host.connect(json!({"config_file": "auto"}))));
    assert!(!is_admin(host.connect(json!({}))));
    assert!(!is_admin(
        host.connect(json!({"config_file": "nexus.yaml"}))
    ));
    assert!(!is_admin(host.connect_file("work/nexus.yaml")));
    let bound = json!({"config_file": "auto", "tenant_id": "acme"});
    assert!(!is_admin(host.connect(bound)));
}

#[test]
fn an_id_that_is_no_name_is_refused_in_every_source() {
    let long = "x".repeat(256);
    for id in [
        "", ".", "..", "a/b", "a\nb", "\u{7f}", "\u{202e}", "e\u{301}", &long,
    ] {
        for key in ["tenant_id", "agent_id"] {
            let config = json!({ key: id });
            Host::new().refuses(config.clone(), &[key, "explicit config"]);
            let in_file = Host::new().file("work/nexus.yaml", config.to_string());
            let described = format!("{config} in a file");
            assert_refused(in_file.discover(), &described, &["'nexus.yaml'"]);
            let variable = format!("NEXUS_{}", key.to_uppercase());
            let host = Host::new().with(&variable, id);
            let described = format!("{variable}={id:?}");
            assert_refused(host.connect(json!({})), &described, &[&variable]);
        }
    }
}

#[test]
fn a_key_without_a_value_is_refused_and_null_written_out_is_none() {
    for key in ["tenant_id", "agent_id", "is_admin"] {
        for text in [
            format!("{key}:"),
            format!("{key}:   # rendered from nothing\n"),
            format!("{key}:\ncache_size_mb: 1\n"),
            format!("{{cache_size_mb: 1, {key}: }}"),
            format!("? {key}\n"),
        ] {
            let parts = ["'given.yaml'", key, "has no value"];
            assert_refused(Host::yaml(&text), &text, &parts);
            let found = Host::new().file("work/nexus.yaml", &text).discover();
            assert_refused(found, &text, &[key, "has no value"]);
        }
    }
    for none in ["null", "~", "Null"] {
        let resolved = Host::yaml(&format!("tenant_id: {none}\nagent_id: {none}\n")).unwrap();
        assert_eq!(identity(&resolved), (None, None, false), "{none}");
        assert_eq!(resolved.source(Key::TenantId), Source::Explicit, "{none}");
    }
    let resolved = Host::new().connect(json!({"tenant_id": null})).unwrap();
    assert_eq!(identity(&resolved), (None, None, false));
}

#[test]
fn any_name_of_a_segment_is_an_id() {
    let longest = "x".repeat(255);
    for id in ["a", "a..b", "…", "null", "a b", longest.as_str()] {
        let config = json!({"tenant_id": id, "agent_id": id});
        let resolved = Host::new().connect(config).unwrap();
        assert_eq!(identity(&resolved), (Some(id), Some(id), false));
    }
}

#[test]
fn writing_to_read_only_namespaces_takes_an_admin() {
    let host = Host::new();
    let parts = ["'allow_readonly_writes'", "'is_admin'"];
    host.refuses(json!({"allow_readonly_writes": true}), &parts);
    let bound = json!({"allow_readonly_writes": true, "is_admin": false, "tenant_id": "acme"});
    host.refuses(bound, &parts);
    let admin = json!({"allow_readonly_writes": true, "is_admin": true});
    assert!(host.connect(admin).unwrap().settings.allow_readonly_writes);
    host.connect(json!({"allow_readonly_writes": false}))
        .unwrap();
}

#[test]
fn the_right_of_a_file_is_not_joined_to_an_identity_from_elsewhere() {
    let text = "is_admin: true\nallow_readonly_writes: true\n";
    let host = Host::new().file("work/nexus.yaml", text);
    assert!(host.discover().unwrap().settings.allow_readonly_writes);
    host.refuses(
        json!({"config_file": "auto", "tenant_id": "acme"}),
        &[
            "'allow_readonly_writes' (source: file)",
            "(source: explicit)",
        ],
    );
}

#[test]
fn a_derived_configuration_is_narrower_and_says_so() {
    let parent = Host::new()
        .connect(json!({"is_admin": true, "allow_readonly_writes": true, "cache_size_mb": 1}))
        .unwrap();
    let child = parent.with_identity(Some("acme".into()), None);
    assert_eq!(identity(&child), (Some("acme"), None, false));
    assert!(!child.settings.allow_readonly_writes);
    let shown = effective(&child);
    for key in ["tenant_id", "is_admin", "allow_readonly_writes"] {
        assert_eq!(shown[key]["source"], "derived", "{key}");
    }
    assert_eq!(shown["agent_id"]["source"], "explicit");
    let cache = json!({"value": 1, "source": "explicit"});
    assert_eq!(shown["cache_size_mb"], cache);
    assert_eq!(identity(&parent), (None, None, true), "the parent stays");
}

#[test]
fn a_derived_configuration_inherits_what_is_not_given() {
    let parent = Host::new().connect(json!({"tenant_id": "acme"})).unwrap();
    assert_eq!(parent.with_identity(None, None), parent);
    assert_eq!(parent.with_identity(Some("acme".into()), None), parent);
    let child = parent.with_identity(None, Some("agent1".into()));
    assert_eq!(identity(&child), (Some("acme"), Some("agent1"), false));
    assert_eq!(child.source(Key::TenantId), Source::Explicit);
    assert_eq!(child.source(Key::AgentId), Source::Derived);
}
