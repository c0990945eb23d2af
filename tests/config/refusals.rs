//! Values that are refused, and what the message says of them.

use nexusfs::config::{Environment, Key, resolve_in};
use nexusfs::error::ErrorKind;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::host::{Host, assert_refused, effective};

#[test]
fn text_that_is_no_json_object_is_refused() {
    let environment = Environment::empty_in("/");
    let deep = "[".repeat(100_000);
    for text in [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "5",
        "{} {}",
        "{\"is_admin\": true,}",
        r#"{"tenant_id": "a", "tenant_id": "b"}"#,
        r#"{"namespaces": [{"name": "a", "name": "b"}]}"#,
        &deep,
    ] {
        let result = resolve_in(&environment, Some(text));
        assert_refused(result, text, &["explicit config"]);
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let host = Host::new();
    for (typed, value, kind, nearest) in [
        ("tennant_id", json!("acme"), "a string", "tenant_id"),
        ("agentid", json!(null), "null", "agent_id"),
        ("Is_Admin", json!(true), "a boolean", "is_admin"),
        ("cache_size", json!(1), "an integer", "cache_size_mb"),
        ("time_out", json!(1.5), "a floating-point number", "timeout"),
        ("namespace", json!([]), "a list", "namespaces"),
        ("mount", json!({}), "an object", "mounts"),
    ] {
        let [typed_quoted, nearest] = [typed, nearest].map(|name| format!("'{name}'"));
        let parts = ["explicit config", &typed_quoted, kind, &nearest];
        host.refuses(json!({ typed: value }), &parts);
    }
    host.refuses(json!({"": 1}), &["unknown key ''"]);
    host.refuses(json!({"a\nb": 1}), &[r"'a\nb'"]);
    host.refuses(json!({"x".repeat(100_000): 1}), &["unknown key"]);
    let parts = ["'given.yaml'", "'tennant_id'", "'tenant_id'"];
    assert_refused(Host::yaml("tennant_id: acme"), "a misspelt key", &parts);
}

#[test]
fn every_key_refuses_values_of_another_type_and_names_it() {
    let candidates = [
        (json!(null), "null"),
        (json!(true), "boolean"),
        (json!(5), "integer"),
        (json!(5.5), "floating-point number"),
        (json!("text"), "string"),
        (json!([1]), "a list"),
        (json!({"a": 1}), "an object"),
    ];
    for key in Key::ALL {
        let accepted: &[&str] = match key {
            Key::TenantId | Key::AgentId | Key::ApiKey => &["null", "string"],
            Key::IsAdmin
            | Key::AllowReadonlyWrites
            | Key::StrictNamespaces
            | Key::Housekeeping
            | Key::EnableVectorSearch
            | Key::EnableLlmCache => &["boolean"],
            Key::CacheSizeMb | Key::InlineMaxBytes | Key::BusyTimeoutMs => &["integer"],
            Key::DataDir | Key::DbPath | Key::ConfigFile => &["string"],
            Key::Url => &["null"],
            Key::Timeout => &["null", "integer", "floating-point number"],
            Key::Mode | Key::Durability | Key::Namespaces | Key::Mounts => &[],
        };
        for (value, kind) in &candidates {
            if accepted.contains(kind) {
                continue;
            }
            // Where a list is right, its item is wrong, and named with its own type.
            let kind = match (key, *kind) {
                (Key::Namespaces | Key::Mounts, "a list") => "integer",
                (_, kind) => kind,
            };
            let parts = ["explicit config", key.name(), kind];
            Host::new().refuses(json!({ key.name(): value }), &parts);
        }
    }
}

#[test]
fn numbers_out_of_range_are_refused_and_limits_accepted() {
    let host = Host::new();
    for (key, largest) in [
        ("cache_size_mb", 65_536_u64),
        ("inline_max_bytes", 1_048_576),
        ("busy_timeout_ms", 2_147_483_647),
    ] {
        for accepted in [0, largest] {
            host.connect(json!({ key: accepted })).unwrap();
        }
        for refused in [
            json!(-1),
            json!(largest + 1),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e30),
        ] {
            host.refuses(json!({ key: refused }), &[key, &largest.to_string()]);
        }
    }
    for seconds in [json!(0), json!(-1), json!(86_401), json!(1e300)] {
        host.refuses(json!({"timeout": seconds}), &["'timeout'", "86400"]);
    }
    host.connect(json!({"timeout": 86_400})).unwrap();
}

#[test]
fn empty_strings_are_refused() {
    for key in [
        "mode",
        "data_dir",
        "db_path",
        "config_file",
        "durability",
        "url",
        "api_key",
    ] {
        Host::new().refuses(json!({ key: "" }), &[&format!("'{key}'")]);
    }
}

#[test]
fn built_in_namespaces_cannot_be_redefined() {
    let host = Host::new();
    for name in ["workspace", "shared", "external", "system", "archives"] {
        for entry in [json!({"name": name}), json!({"name": name, "remove": true})] {
            host.refuses(json!({"namespaces": [entry]}), &["'namespaces[0]'", name]);
        }
    }
}

#[test]
fn namespaces_that_cannot_be_declared_are_refused() {
    let host = Host::new();
    for (entry, part) in [
        (json!({}), "lacks the key 'name'"),
        (json!({"name": ""}), "namespaces[1].name"),
        (json!({"name": ".."}), "namespaces[1].name"),
        (json!({"name": "a/b"}), "namespaces[1].name"),
        (json!({"name": 5}), "an integer"),
        (json!({"name": null}), "null"),
        (json!({"name": "first"}), "'first' a second time"),
        (json!({"name": "x", "read_only": true}), "'readonly'"),
        (
            json!({"name": "x", "readonly": "true"}),
            "namespaces[1].readonly",
        ),
        (
            json!({"name": "x", "admin_only": 1}),
            "namespaces[1].admin_only",
        ),
        (
            json!({"name": "x", "requires_tenant": null}),
            "namespaces[1].requires_tenant",
        ),
        (json!({"name": "x", "remove": 0}), "namespaces[1].remove"),
        (
            json!({"name": "x", "remove": true, "readonly": false}),
            "'readonly'",
        ),
        (json!("x"), "namespaces[1]"),
    ] {
        host.refuses(json!({"namespaces": [{"name": "first"}, entry]}), &[part]);
    }
}

#[test]
fn mounts_that_cannot_be_declared_are_refused() {
    let host = Host::new();
    let first = json!({"name": "first", "path": "/first", "root": "/mnt/first"});
    let with = |changes: Json| {
        let mut entry = json!({"name": "second", "path": "/second", "root": "/mnt/second"});
        for (key, value) in changes.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    };
    for (entry, part) in [
        (json!({"path": "/x", "root": "/y"}), "lacks the key 'name'"),
        (json!({"name": "x", "root": "/y"}), "lacks the key 'path'"),
        (json!({"name": "x", "path": "/y"}), "lacks the key 'root'"),
        (with(json!({"name": "local"})), "'local'"),
        (with(json!({"name": ""})), "mounts[1].name"),
        (with(json!({"name": "a/b"})), "mounts[1].name"),
        (
            with(json!({"name": "first"})),
            "same 'name' as the mount 'first'",
        ),
        (
            with(json!({"path": "//first/."})),
            "same 'path' as the mount 'first'",
        ),
        (
            with(json!({"root": "/mnt//first/"})),
            "same 'root' as the mount 'first'",
        ),
        (with(json!({"path": "/a/../b"})), "mounts[1].path"),
        (with(json!({"path": ""})), "mounts[1].path"),
        (with(json!({"path": 1})), "an integer"),
        (with(json!({"root": ""})), "mounts[1].root"),
        (with(json!({"root": false})), "a boolean"),
        (with(json!({"backend": "s3"})), "mounts[1].backend"),
        (with(json!({"backend": null})), "mounts[1].backend"),
        (with(json!({"readonly": "no"})), "mounts[1].readonly"),
        (with(json!({"roott": "/x"})), "'root'"),
        (json!([]), "mounts[1]"),
    ] {
        host.refuses(json!({"mounts": [first, entry]}), &[part]);
    }
    let over_the_store = with(json!({"root": "/srv/nexus"}));
    host.refuses(
        json!({"data_dir": "/srv/nexus", "mounts": [over_the_store]}),
        &["'second'", "'data_dir'"],
    );
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "(/|\\.|a|local|auto|full|embedded|https://a|\\$\\{X\\}){0,4}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(any_name(), inner, 0..6)
                .prop_map(|object| Json::Object(object.into_iter().collect())),
        ]
    })
}

/// Names of keys, of their members, and others; never one that makes a file be opened.
fn any_name() -> impl Strategy<Value = String> {
    let known: Vec<_> = Key::ALL
        .iter()
        .filter(|key| **key != Key::ConfigFile)
        .map(|key| key.name())
        .collect();
    let members = vec!["name", "path", "root", "backend", "readonly", "remove"];
    prop_oneof![
        6 => prop::sample::select(known).prop_map(String::from),
        2 => prop::sample::select(members).prop_map(String::from),
        1 => ".{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_object_is_resolved_or_refused_in_one_line(
        config in prop::collection::hash_map(any_name(), any_json(), 0..3)
    ) {
        let config = Json::Object(config.into_iter().collect());
        match resolve_in(&Environment::empty_in("/srv"), Some(&config.to_string())) {
            Ok(resolved) => {
                let shown = effective(&resolved);
                for name in config.as_object().unwrap().keys() {
                    let source = shown[name]["source"].as_str();
                    prop_assert!(
                        matches!(source, Some("explicit" | "build")),
                        "{} was accepted and ignored: {:?}", name, source
                    );
                }
            }
            Err(error) => {
                let expected = [ErrorKind::InvalidConfig, ErrorKind::Unsupported];
                prop_assert!(expected.contains(&error.kind()), "{:?}", error);
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
        }
    }

    #[test]
    fn any_text_is_resolved_or_refused(text in ".{0,80}") {
        let _ = resolve_in(&Environment::empty_in("/srv"), Some(&text));
    }
}
