//! What each key means, and its default.

use std::path::Path;
use std::time::Duration;

use nexusfs::config::{ApiKey, Durability, Key, MountDeclaration, NamespaceDeclaration, Source};
use nexusfs::error::ErrorKind;
use nexusfs::path::VirtualPath;
use serde_json::json;

use crate::host::Host;

#[test]
fn an_empty_config_has_the_documented_defaults() {
    let host = Host::new();
    let resolved = host.connect(json!({})).unwrap();
    let settings = &resolved.settings;
    assert_eq!(settings.data_dir, host.path("work/nexus-data"));
    assert_eq!(settings.db_path, host.path("work/nexus-data/metadata.db"));
    assert_eq!((&settings.tenant_id, &settings.agent_id), (&None, &None));
    assert!(!settings.is_admin);
    assert!(!settings.allow_readonly_writes);
    assert!(!settings.strict_namespaces);
    assert!(settings.namespaces.is_empty() && settings.mounts.is_empty());
    assert_eq!(settings.durability, Durability::Full);
    assert_eq!(settings.cache_size_mb, 100);
    assert_eq!(settings.inline_max_bytes, 65_536);
    assert_eq!(settings.busy_timeout, Duration::from_secs(30));
    assert!(settings.housekeeping);
    assert!(settings.enable_vector_search && settings.enable_llm_cache);
    assert_eq!((&settings.url, settings.timeout), (&None, None));
    assert!(settings.api_key.is_none());
    for key in Key::ALL {
        assert_eq!(resolved.source(*key), Source::Default, "{}", key.name());
    }
}

#[test]
fn a_full_config_becomes_typed_settings() {
    let resolved = Host::new()
        .connect(json!({
            "mode": "embedded",
            "data_dir": "/srv/nexus/",
            "db_path": "db/metadata.db",
            "tenant_id": "acme",
            "agent_id": "agent1",
            "is_admin": true,
            "allow_readonly_writes": true,
            "strict_namespaces": true,
            "namespaces": [
                {"name": "analytics", "readonly": true, "admin_only": true, "requires_tenant": false},
                {"name": "old", "remove": true},
            ],
            "mounts": [{
                "name": "big", "path": "data//big/", "backend": "local", "root": "/mnt/big",
                "readonly": true,
            }],
            "durability": "normal",
            "cache_size_mb": 0,
            "inline_max_bytes": 1_048_576,
            "busy_timeout_ms": 0,
            "housekeeping": false,
            "enable_vector_search": true,
            "enable_llm_cache": false,
            "url": "http://localhost:8080",
            "api_key": "secret",
            "timeout": 2.5,
        }))
        .unwrap();
    let settings = resolved.settings;
    assert_eq!(settings.data_dir, Path::new("/srv/nexus"));
    assert!(settings.db_path.ends_with("work/db/metadata.db"));
    assert_eq!(settings.tenant_id.as_deref(), Some("acme"));
    assert_eq!(settings.agent_id.as_deref(), Some("agent1"));
    assert!(settings.is_admin && settings.allow_readonly_writes && settings.strict_namespaces);
    let declaration = |name: &str| NamespaceDeclaration {
        name: name.into(),
        readonly: false,
        admin_only: false,
        requires_tenant: true,
        remove: false,
    };
    assert_eq!(
        settings.namespaces,
        [
            NamespaceDeclaration {
                readonly: true,
                admin_only: true,
                requires_tenant: false,
                ..declaration("analytics")
            },
            NamespaceDeclaration {
                remove: true,
                ..declaration("old")
            },
        ]
    );
    assert_eq!(
        settings.mounts,
        [MountDeclaration {
            name: "big".into(),
            path: VirtualPath::parse("/data/big").unwrap(),
            root: "/mnt/big".into(),
            readonly: true,
        }]
    );
    assert_eq!(settings.durability, Durability::Normal);
    assert_eq!(settings.cache_size_mb, 0);
    assert_eq!(settings.inline_max_bytes, 1_048_576);
    assert_eq!(settings.busy_timeout, Duration::ZERO);
    assert!(!settings.housekeeping);
    assert!(settings.enable_vector_search && !settings.enable_llm_cache);
    assert_eq!(settings.url.as_deref(), Some("http://localhost:8080"));
    let key = settings.api_key.as_ref().map(ApiKey::reveal);
    assert_eq!(key, Some("secret"));
    assert_eq!(settings.timeout, Some(Duration::from_millis(2500)));
}

#[test]
fn the_database_is_in_the_data_directory_unless_named() {
    let resolved = Host::new().connect(json!({"data_dir": "/srv/a"})).unwrap();
    assert_eq!(resolved.settings.db_path, Path::new("/srv/a/metadata.db"));
    assert_eq!(resolved.source(Key::DbPath), Source::Default);
}

#[test]
fn a_root_is_relative_to_the_working_directory() {
    let host = Host::new();
    let config = json!({"mounts": [{"name": "m", "path": "m", "root": "./m"}]});
    let settings = host.connect(config).unwrap().settings;
    assert_eq!(settings.mounts[0].root, host.path("work/m"));
}

#[test]
fn server_modes_are_unsupported_and_others_unknown() {
    let host = Host::new();
    for mode in ["monolithic", "distributed"] {
        let config = json!({"mode": mode, "url": "https://nexus.example", "api_key": "k"});
        let error = host.connect(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(mode), "{error}");
    }
    let parts = ["'mode'", "'embedded'", "the string 'remote'"];
    host.refuses(json!({"mode": "remote"}), &parts);
    host.connect(json!({"mode": "embedded"})).unwrap();
}

#[test]
fn addresses_have_a_form() {
    let host = Host::new();
    for url in [
        "http://localhost",
        "https://nexus.example:8443/api?x=1",
        "http://[::1]:80/",
    ] {
        let resolved = host.connect(json!({"url": url})).unwrap();
        assert_eq!(resolved.settings.url.as_deref(), Some(url));
    }
    for url in [
        "localhost",
        "ftp://x",
        "http://",
        "https:///path",
        "http://:80",
        "http://a b",
        "//x",
    ] {
        host.refuses(json!({"url": url}), &["'url'", "a string"]);
    }
}

#[test]
fn credentials_in_an_address_are_refused_and_not_repeated() {
    let config = json!({"url": "https://me:s3cret@host/"});
    let message = Host::new().connect(config).unwrap_err().to_string();
    assert!(message.contains("credentials"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
}
