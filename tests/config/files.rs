//! YAML files.

use std::path::Path;

use nexusfs::config::Durability;
use serde_json::json;

use crate::host::{Host, assert_refused};

#[test]
fn an_empty_file_is_an_empty_config() {
    for text in ["", "\n", "# nothing\n", "---\n", "{}", "null\n"] {
        let resolved = Host::yaml(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(resolved.settings.cache_size_mb, 100, "{text:?}");
    }
    let discovered = Host::new().file("work/nexus.yaml", "").discover().unwrap();
    assert_eq!(discovered.settings.durability, Durability::Full);
}

#[test]
fn a_file_in_the_style_of_yaml_is_read() {
    let text = r#"
# a store for two teams
mode: embedded
data_dir: /srv/nexus   # the store
tenant_id: acme
agent_id: "007"
is_admin: false
cache_size_mb: 64
namespaces:
  - name: analytics
    requires_tenant: true
  - name: audit
    admin_only: true
mounts:
  - {name: big, path: /big, root: /mnt/big}
"#;
    let settings = Host::yaml(text).unwrap().settings;
    assert_eq!(settings.data_dir, Path::new("/srv/nexus"));
    assert_eq!(settings.tenant_id.as_deref(), Some("acme"));
    assert_eq!(settings.agent_id.as_deref(), Some("007"));
    assert_eq!(settings.cache_size_mb, 64);
    assert_eq!(settings.namespaces.len(), 2);
    assert!(settings.namespaces[1].admin_only);
    assert_eq!(settings.mounts[0].root, Path::new("/mnt/big"));
}

#[test]
fn variables_are_expanded_and_take_the_type_of_the_key() {
    let text = r#"
data_dir: ${ROOT}/${STAGE:-dev}
tenant_id: ${TENANT}
is_admin: ${ADMIN:-false}
cache_size_mb: "${CACHE:-12}"
durability: ${DURABILITY:-normal}
timeout: ${TIMEOUT:-1.5}
mounts: [{name: m, path: "/m/${TENANT}", root: "${ROOT}/m"}]
"#;
    let host = Host::new()
        .with("ROOT", "/srv")
        .with("TENANT", "acme")
        .file("work/nexus.yaml", text);
    for resolved in [host.discover(), host.connect_file("work/nexus.yaml")] {
        let settings = resolved.unwrap().settings;
        assert_eq!(settings.data_dir, Path::new("/srv/dev"));
        assert_eq!(settings.tenant_id.as_deref(), Some("acme"));
        assert!(!settings.is_admin);
        assert_eq!(settings.cache_size_mb, 12);
        assert_eq!(settings.durability, Durability::Normal);
        assert_eq!(
            settings.timeout.map(|timeout| timeout.as_millis()),
            Some(1500)
        );
        assert_eq!(settings.mounts[0].path.as_str(), "/m/acme");
        assert_eq!(settings.mounts[0].root, Path::new("/srv/m"));
    }
    let host = host.with("CACHE", "lots");
    let parts = ["'cache_size_mb'", "nexus.yaml"];
    assert_refused(host.discover(), "CACHE=lots", &parts);
}

#[test]
fn an_undefined_variable_is_named() {
    let undefined = Host::yaml("tenant_id: ${UNDEFINED_TENANT}");
    let parts = ["'tenant_id'", "'UNDEFINED_TENANT'", "'given.yaml'"];
    assert_refused(undefined, "an undefined variable", &parts);
    let empty = Host::yaml("tenant_id: ${TENANT:-}");
    assert_refused(empty, "an empty tenant", &["tenant_id"]);
}

#[test]
fn json_is_not_expanded() {
    let host = Host::new().with("TENANT", "acme");
    let resolved = host.connect(json!({"tenant_id": "${TENANT}"})).unwrap();
    assert_eq!(resolved.settings.tenant_id.as_deref(), Some("${TENANT}"));
}

#[test]
fn what_is_no_config_is_refused() {
    for text in [
        "- a\n- b\n",
        "text",
        "5",
        "tenant_id: a\ntenant_id: b\n",
        "namespaces: [",
        "is_admin: false\n---\nis_admin: true\n",
        "tenant_id: !secret x\n",
    ] {
        assert_refused(Host::yaml(text), &format!("{text:?}"), &["'given.yaml'"]);
    }
}

#[test]
fn yes_and_no_are_not_booleans() {
    let parts = ["'is_admin'", "a boolean", "'yes'"];
    assert_refused(Host::yaml("is_admin: yes"), "yes", &parts);
    let resolved = Host::yaml("tenant_id: no").unwrap();
    assert_eq!(resolved.settings.tenant_id.as_deref(), Some("no"));
}

#[test]
fn no_key_goes_without_a_value() {
    for key in nexusfs::config::Key::ALL {
        let text = format!("{}:\n", key.name());
        assert_refused(Host::yaml(&text), &text, &[key.name(), "has no value"]);
    }
    for (text, place) in [
        ("mounts: [{name: m, path: /m, root: }]", "'mounts[0].root'"),
        ("namespaces:\n  - name:\n", "'namespaces[0].name'"),
        ("namespaces:\n  -\n", "'namespaces[0]'"),
    ] {
        assert_refused(Host::yaml(text), text, &[place, "has no value"]);
    }
}

#[test]
fn a_pipe_is_no_config_file() {
    let host = Host::new();
    let pipe = host.path("work/nexus.yaml");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for result in [
        host.connect_file("work/nexus.yaml"),
        host.connect(json!({"config_file": "nexus.yaml"})),
        host.discover(),
    ] {
        assert_refused(result, "a pipe", &["'nexus.yaml'", "not a regular file"]);
    }
}

#[test]
fn the_null_device_is_an_empty_config() {
    let host = Host::new().file("work/nexus.yaml", "cache_size_mb: 1");
    let resolved = host.connect(json!({"config_file": "/dev/null"})).unwrap();
    assert_eq!(resolved.settings.cache_size_mb, 100);
}

#[test]
fn a_message_shows_no_directory_of_the_host() {
    let host = Host::new().file("work/nexus.yaml", "cache: 1");
    let message = host.discover().unwrap_err().to_string();
    let directory = host.path("work").to_string_lossy().into_owned();
    assert!(!message.contains(&directory), "{message}");
}
