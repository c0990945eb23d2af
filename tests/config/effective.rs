//! The effective configuration, as `nexus_config` shows it.

use nexusfs::config::{EngineSettings, Key};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::host::{Host, effective};

#[test]
fn every_key_has_value_and_source() {
    let resolved = Host::new()
        .connect(json!({"durability": "normal"}))
        .unwrap();
    let shown = effective(&resolved);
    let object = shown.as_object().unwrap();
    assert_eq!(object.len(), Key::ALL.len());
    for key in Key::ALL {
        let entry = object[key.name()].as_object().unwrap();
        let members: Vec<_> = entry.keys().map(String::as_str).collect();
        assert_eq!(members, ["source", "value"], "{}", key.name());
    }
    for (key, value, source) in [
        ("durability", json!("normal"), "explicit"),
        ("mode", json!("embedded"), "default"),
        ("busy_timeout_ms", json!(30_000), "default"),
        ("tenant_id", Json::Null, "default"),
        ("api_key", Json::Null, "default"),
    ] {
        assert_eq!(
            shown[key],
            json!({"value": value, "source": source}),
            "{key}"
        );
    }
}

#[test]
fn what_the_engine_decides_is_shown_as_the_engine_has_it() {
    let config = json!({"cache_size_mb": 5, "housekeeping": true});
    let resolved = Host::new().connect(config).unwrap();
    for (cache_size_mb, housekeeping, source) in [(5, true, "explicit"), (100, false, "engine")] {
        let engine = EngineSettings {
            cache_size_mb,
            housekeeping,
        };
        let shown: Json = serde_json::from_str(&resolved.to_json(&engine)).unwrap();
        let expected = json!({"value": cache_size_mb, "source": source});
        assert_eq!(shown["cache_size_mb"], expected);
        let expected = json!({"value": housekeeping, "source": source});
        assert_eq!(shown["housekeeping"], expected);
    }
}

#[test]
fn features_that_the_build_lacks_are_shown_as_absent() {
    let config = json!({"enable_vector_search": true, "enable_llm_cache": false});
    let shown = effective(&Host::new().connect(config).unwrap());
    let by_build = json!({"value": false, "source": "build"});
    assert_eq!(shown["enable_vector_search"], by_build);
    let by_host = json!({"value": false, "source": "explicit"});
    assert_eq!(shown["enable_llm_cache"], by_host);
}

#[test]
fn a_secret_is_never_shown() {
    let resolved = Host::new().connect(json!({"api_key": "s3cret"})).unwrap();
    assert_eq!(effective(&resolved)["api_key"]["value"], "***");
    assert!(!format!("{resolved:?}").contains("s3cret"));
}

proptest! {
    #[test]
    fn what_a_host_gave_is_what_holds(
        cache in 0..=65_536_u32, inline in 0..=1_048_576_u32, busy in 0..=2_147_483_647_u32,
        strict: bool, housekeeping: bool,
        tenant in prop::option::of("[a-z]{1,8}"), agent in prop::option::of("[a-z]{1,8}"),
    ) {
        let given = json!({
            "cache_size_mb": cache, "inline_max_bytes": inline, "busy_timeout_ms": busy,
            "strict_namespaces": strict, "housekeeping": housekeeping,
            "tenant_id": tenant, "agent_id": agent,
        });
        let shown = effective(&Host::new().connect(given.clone()).unwrap());
        for (key, value) in given.as_object().unwrap() {
            prop_assert_eq!(&shown[key], &json!({"value": value, "source": "explicit"}));
        }
    }
}
