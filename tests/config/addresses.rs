//! URLs where a path is wanted: refused with the key that is for them, and no credentials in any message.

use nexusfs::config::{Environment, resolve_in};
use serde_json::{Value as Json, json};

use crate::host::{Host, assert_refused};

const DATABASE: &str = "postgresql://user:s3cret@db.example/nexus";
const BUCKET: &str = "s3://key:s3cret@bucket/prefix";

/// The URLs, and the key that each is for.
const URLS: [(&str, &str); 12] = [
    (DATABASE, "'database_url'"),
    ("postgres://user:s3cret@db/nexus", "'database_url'"),
    ("PostgreSQL://user:s3cret@db/nexus", "'database_url'"),
    ("postgresql+psycopg://user:s3cret@db/x", "'database_url'"),
    ("jdbc:postgresql://user:s3cret@db/x", "'database_url'"),
    (BUCKET, "'content_url'"),
    (" s3://key:s3cret@bucket", "'content_url'"),
    ("gs://key:s3cret@bucket", "'content_url'"),
    ("az://key:s3cret@container", "'content_url'"),
    ("file:///srv/s3cret", "without 'file://'"),
    ("https://user:s3cret@nexus.example/", "'url'"),
    ("redis://user:s3cret@cache", "'content_url'"),
];

#[track_caller]
fn assert_refused_without_credentials(
    host: &Host,
    config: Option<&Json>,
    described: &str,
    parts: &[&str],
) {
    let result = || match config {
        None => host.discover(),
        Some(config) => host.connect(config.clone()),
    };
    assert_refused(result(), described, parts);
    let error = result().expect_err(described);
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("s3cret"), "{described}: {shown}");
        assert!(!shown.contains("user"), "{described}: {shown}");
    }
}

#[test]
fn a_url_in_a_path_key_names_the_key_for_it() {
    for (url, key_for_it) in URLS {
        for key in ["data_dir", "db_path", "config_file"] {
            let quoted = format!("'{key}'");
            let config = json!({ key: url });
            let parts = ["explicit config", &quoted, "URL", key_for_it];
            let host = Host::new();
            assert_refused_without_credentials(&host, Some(&config), &config.to_string(), &parts);
            let variable = format!("NEXUS_{}", key.to_uppercase());
            let host = Host::new().with(&variable, url);
            let parts = [variable.as_str(), &quoted, key_for_it];
            assert_refused_without_credentials(&host, None, &variable, &parts);
            if key != "config_file" {
                let host = Host::new().file("work/nexus.yaml", config.to_string());
                let parts = ["'nexus.yaml'", &quoted, key_for_it];
                assert_refused_without_credentials(&host, None, "a file", &parts);
                let host = Host::new()
                    .with("WHERE", url)
                    .file("work/nexus.yaml", format!("{key}: ${{WHERE}}\n"));
                assert_refused_without_credentials(&host, None, "a file with ${WHERE}", &parts);
            }
        }
    }
}

#[test]
fn a_url_in_a_mount_is_refused() {
    for (key, part) in [
        ("root", "'backend' is an object store"),
        ("path", "not a path of the store"),
        ("name", "not a name"),
    ] {
        let mut mount = json!({"name": "m", "path": "/m", "root": "/srv/m"});
        mount[key] = json!(BUCKET);
        let config = json!({"mounts": [mount]});
        let place = format!("'mounts[0].{key}'");
        let parts = [place.as_str(), part];
        assert_refused_without_credentials(&Host::new(), Some(&config), key, &parts);
    }
}

#[test]
fn a_path_with_a_colon_is_a_path() {
    let host = Host::new();
    for (path, expected) in [
        ("./s3://bucket", "work/s3:/bucket"),
        ("a:b", "work/a:b"),
        ("x:/y", "work/x:/y"),
    ] {
        let settings = host.connect(json!({"data_dir": path})).unwrap().settings;
        assert_eq!(settings.data_dir, host.path(expected), "{path}");
    }
}

#[test]
fn credentials_appear_in_no_message_about_any_key() {
    for key in nexusfs::config::Key::ALL {
        for value in [json!(DATABASE), json!([DATABASE]), json!({ DATABASE: 1 })] {
            let config = json!({ key.name(): value });
            let result = Host::new().connect(config.clone());
            // Where any text is right, it is redacted wherever it is shown.
            if let Err(error) = result {
                assert!(!error.to_string().contains("s3cret"), "{config}: {error}");
            }
        }
    }
    let long = format!("{}://user:{}s3cret@host", "x".repeat(20), "y".repeat(60));
    for text in [
        json!({ DATABASE: 1 }).to_string(),
        json!({ long.clone(): 1 }).to_string(),
        json!({"mode": long, "durability": DATABASE}).to_string(),
        format!("{{\"{DATABASE}\": 1, \"{DATABASE}\": 2}}"),
        json!({"namespaces": [{"name": "x", DATABASE: 1}]}).to_string(),
        json!({"namespaces": [{"name": DATABASE}]}).to_string(),
        json!({"tenant_id": DATABASE}).to_string(),
    ] {
        let environment = Environment::empty_in("/");
        let error = resolve_in(&environment, Some(&text))
            .unwrap_err()
            .to_string();
        assert!(!error.contains("s3cret"), "{text}: {error}");
        assert!(!error.contains("yyy"), "{text}: {error}");
        let host = Host::new().file("work/nexus.yaml", &text);
        let error = host.discover().unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{text} as YAML: {error}");
    }
    for text in [
        format!("data_dir: ${{X-{DATABASE}}}"),
        format!("data_dir: ${{X:-{DATABASE}"),
        format!("{DATABASE}: 1\n{DATABASE}: 2\n"),
        format!("tenant_id: !{DATABASE} x"),
        format!("tenant_id: *{DATABASE}"),
    ] {
        let error = Host::yaml(&text).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{text}: {error}");
    }
}

#[test]
fn the_name_of_a_config_file_is_no_url() {
    for url in [
        DATABASE,
        "https://user:s3cret@host/nexus.yaml",
        "file:///x.yaml",
    ] {
        let environment = Environment::empty_in("/");
        let result = || nexusfs::config::resolve_file_in(&environment, url.as_ref());
        assert_refused(result(), url, &["config file", "URL"]);
        let message = result().unwrap_err().to_string();
        assert!(!message.contains("s3cret"), "{message}");
    }
}
