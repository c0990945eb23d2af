//! Which sources are read, and which one wins.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use nexusfs::config::{Environment, Key, Resolved, Source, resolve_file_in};
use nexusfs::error::Error;
use serde_json::{Value as Json, json};

use crate::host::{Host, assert_refused, effective};

/// Returns a value for `key` that is not its default; another one for each `salt`, where the
/// type has as many.
fn sample(key: Key, salt: u32) -> Json {
    match key {
        Key::Mode => json!("embedded"),
        Key::DataDir | Key::DbPath => json!(format!("/srv/{}/{salt}", key.name())),
        Key::TenantId | Key::AgentId => json!(format!("{}{salt}", key.name())),
        Key::IsAdmin | Key::StrictNamespaces => json!(true),
        Key::AllowReadonlyWrites => json!(false),
        Key::Namespaces => json!([{"name": format!("space{salt}")}]),
        Key::Mounts => json!([{"name": format!("m{salt}"), "path": "/m", "root": "/srv/m"}]),
        Key::ConfigFile => json!("auto"),
        Key::Durability => json!("normal"),
        Key::CacheSizeMb | Key::InlineMaxBytes | Key::BusyTimeoutMs => json!(1000 + salt),
        Key::Housekeeping | Key::EnableVectorSearch | Key::EnableLlmCache => json!(false),
        Key::Url => json!(format!("https://host{salt}.example/")),
        Key::ApiKey => json!(format!("key{salt}")),
        Key::Timeout => json!(0.5 + f64::from(salt)),
    }
}

/// Returns what the effective configuration shows where `given` was taken.
fn shown(key: Key, given: &Json, source: &str) -> Json {
    let value = match key {
        Key::ApiKey => json!("***"),
        Key::Namespaces => json!([{
            "name": given[0]["name"], "readonly": false, "admin_only": false,
            "requires_tenant": true, "remove": false,
        }]),
        Key::Mounts => json!([{
            "name": given[0]["name"], "path": "/m", "backend": "local", "root": "/srv/m",
            "readonly": false,
        }]),
        _ => given.clone(),
    };
    json!({"value": value, "source": source})
}

fn as_variable(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The keys that every kind of source may name.
fn plain_keys() -> impl Iterator<Item = Key> {
    let keys = Key::ALL.iter().copied();
    keys.filter(|key| *key != Key::ConfigFile)
}

#[test]
fn every_key_is_taken_from_every_source_that_may_name_it() {
    for key in plain_keys() {
        let name = key.name();
        let value = sample(key, 1);
        let check = |resolved: Result<Resolved, Error>, source: &str| {
            let resolved = resolved.unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected = shown(key, &value, source);
            assert_eq!(effective(&resolved)[name], expected, "{name}");
        };
        let document = json!({ name: value });
        check(Host::new().connect(document.clone()), "explicit");
        let host = Host::new().file("work/nexus.yaml", document.to_string());
        check(host.connect_file("work/nexus.yaml"), "explicit");
        check(host.discover(), "file");
        check(host.connect(json!({"config_file": "auto"})), "file");
        check(host.connect(json!({"config_file": "nexus.yaml"})), "file");
        if let Some(variable) = key.variable() {
            let host = Host::new().with(variable, &as_variable(&value));
            check(host.discover(), "environment");
            if !key.needs_discovery() {
                check(host.connect(json!({})), "environment");
            }
        }
    }
}

#[test]
fn explicit_wins_over_environment_wins_over_file() {
    for key in plain_keys() {
        let name = key.name();
        let [explicit, variable, file] = [1, 2, 3].map(|salt| sample(key, salt));
        let auto = json!({"config_file": "auto"});
        let both = json!({"config_file": "auto", name: explicit});
        let holds = |host: &Host, config: &Json| {
            effective(&host.connect(config.clone()).unwrap())[name].clone()
        };
        let host = Host::new().file("work/nexus.yaml", json!({ name: file }).to_string());
        assert_eq!(holds(&host, &both), shown(key, &explicit, "explicit"));
        assert_eq!(holds(&host, &auto), shown(key, &file, "file"));
        let Some(variable_name) = key.variable() else {
            continue;
        };
        let host = host.with(variable_name, &as_variable(&variable));
        assert_eq!(holds(&host, &both), shown(key, &explicit, "explicit"));
        assert_eq!(holds(&host, &auto), shown(key, &variable, "environment"));
        let connected = effective(&host.connect_file("work/nexus.yaml").unwrap());
        assert_eq!(connected[name], shown(key, &file, "explicit"));
    }
}

#[test]
fn each_key_comes_from_its_own_source() {
    let host = Host::new()
        .with("NEXUS_CACHE_SIZE_MB", "7")
        .file("work/nexus.yaml", "cache_size_mb: 8\nbusy_timeout_ms: 9\n");
    let config = json!({"config_file": "auto", "inline_max_bytes": 10});
    let resolved = host.connect(config).unwrap();
    let settings = &resolved.settings;
    assert_eq!(settings.inline_max_bytes, 10);
    assert_eq!(settings.cache_size_mb, 7);
    assert_eq!(settings.busy_timeout, Duration::from_millis(9));
    assert_eq!(resolved.source(Key::InlineMaxBytes), Source::Explicit);
    assert_eq!(resolved.source(Key::CacheSizeMb), Source::Environment);
    assert_eq!(resolved.source(Key::BusyTimeoutMs), Source::File);
    assert_eq!(resolved.source(Key::DataDir), Source::Default);
}

#[test]
fn a_host_that_passes_its_config_is_not_surprised_by_a_file() {
    let host = Host::new()
        .with("NEXUS_CONFIG_FILE", "does-not-exist.yaml")
        .file("work/nexus.yaml", "not: even valid")
        .file("home/.nexus/config.yaml", "not: even valid");
    let resolved = host.connect(json!({})).unwrap();
    assert_eq!(effective(&resolved)["config_file"]["value"], Json::Null);
}

#[test]
fn the_first_file_is_discovered() {
    let cache = |host: &Host| host.discover().unwrap().settings.cache_size_mb;
    let host = Host::new();
    assert_eq!(cache(&host), 100);
    let host = host.file("home/.nexus/config.yaml", "cache_size_mb: 3");
    assert_eq!(cache(&host), 3);
    let host = host.file("work/nexus.yml", "cache_size_mb: 2");
    assert_eq!(cache(&host), 2);
    let host = host.file("work/nexus.yaml", "cache_size_mb: 1");
    assert_eq!(cache(&host), 1);
    let found = host.path("work/nexus.yaml");
    assert_eq!(
        effective(&host.discover().unwrap())["config_file"],
        json!({"value": found.to_str(), "source": "default"})
    );
}

#[test]
fn the_variable_names_the_file_where_discovery_was_asked_for() {
    let host = Host::new()
        .with("NEXUS_CONFIG_FILE", "other.yaml")
        .file("work/nexus.yaml", "cache_size_mb: 1")
        .file("work/other.yaml", "cache_size_mb: 2")
        .file("work/third.yaml", "cache_size_mb: 3");
    let cache = |config: Json| host.connect(config).unwrap().settings.cache_size_mb;
    assert_eq!(cache(json!({"config_file": "auto"})), 2);
    assert_eq!(cache(json!({"config_file": "third.yaml"})), 3);
    assert_eq!(cache(json!({})), 100);
    let discovered = host.discover().unwrap();
    assert_eq!(discovered.settings.cache_size_mb, 2);
    assert_eq!(discovered.source(Key::ConfigFile), Source::Environment);
    let host = host.with("NEXUS_CONFIG_FILE", "auto");
    assert_eq!(host.discover().unwrap().settings.cache_size_mb, 1);
}

#[test]
fn a_named_file_must_be_there() {
    let host = Host::new();
    let parts = ["'absent.yaml'", "cannot be read"];
    host.refuses(json!({"config_file": "absent.yaml"}), &parts);
    let connected = host.connect_file("work/absent.yaml");
    assert_refused(connected, "an absent file", &parts);
    let host = host.with("NEXUS_CONFIG_FILE", "absent.yaml");
    assert_refused(host.discover(), "an absent file", &parts);
    let unnamed = resolve_file_in(&Environment::empty_in("/"), Path::new(""));
    assert_refused(unnamed, "an empty path", &["empty"]);
}

#[test]
fn a_file_that_is_there_but_unusable_is_not_passed_over() {
    let host = Host::new();
    std::fs::create_dir(host.path("work/nexus.yaml")).unwrap();
    assert_refused(host.discover(), "a directory", &["'nexus.yaml'"]);
    let large = Host::new().file("work/nexus.yaml", "#".repeat(1024 * 1024 + 1));
    assert_refused(large.discover(), "a large file", &["1 MiB"]);
    let binary = Host::new().file("work/nexus.yaml", [0x66, 0xff, 0xfe]);
    assert_refused(binary.discover(), "a binary file", &["UTF-8"]);
}

#[test]
fn a_link_that_leads_nowhere_is_not_passed_over() {
    for (name, linked) in [
        ("work/nexus.yaml", "work/nexus.yaml"),
        ("work/nexus.yml", "work/nexus.yml"),
        ("home/.nexus/config.yaml", "home/.nexus/config.yaml"),
        ("home/.nexus/config.yaml", "home/.nexus"),
    ] {
        let host = Host::new();
        if host.path(linked).is_dir() {
            std::fs::remove_dir(host.path(linked)).unwrap();
        }
        symlink("absent", host.path(linked)).unwrap();
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        assert_refused(host.discover(), linked, &[file, "cannot be read"]);
    }
}

#[test]
fn a_file_cannot_name_another_file() {
    let host = Host::new().file("work/nexus.yaml", "config_file: other.yaml");
    let parts = ["'config_file'", "'nexus.yaml'"];
    for result in [host.discover(), host.connect_file("work/nexus.yaml")] {
        assert_refused(result, "a file that names a file", &parts);
    }
}

#[test]
fn booleans_of_the_environment_are_those_of_shells_and_services() {
    for (text, expected) in [
        ("true", true),
        ("TRUE", true),
        ("yes", true),
        ("Yes", true),
        ("on", true),
        ("ON", true),
        ("1", true),
        ("False", false),
        ("no", false),
        ("NO", false),
        ("off", false),
        ("Off", false),
        ("0", false),
    ] {
        let host = Host::new()
            .with("NEXUS_STRICT_NAMESPACES", text)
            .with("NEXUS_HOUSEKEEPING", text);
        let settings = host.connect(json!({})).unwrap().settings;
        assert_eq!(settings.strict_namespaces, expected, "{text}");
        assert_eq!(settings.housekeeping, expected, "{text}");
        let host = Host::new()
            .with("STRICT", text)
            .file("work/nexus.yaml", "strict_namespaces: ${STRICT}");
        let settings = host.discover().unwrap().settings;
        assert_eq!(settings.strict_namespaces, expected, "{text} in a file");
    }
    for text in ["maybe", "y", "2", " true", "t", "enabled"] {
        for variable in ["NEXUS_STRICT_NAMESPACES", "NEXUS_IS_ADMIN"] {
            let result = Host::new().with(variable, text).discover();
            assert_refused(result, &format!("{variable}={text}"), &[variable]);
        }
    }
}

#[test]
fn an_empty_variable_is_not_set_unless_it_is_an_identity() {
    for key in Key::ALL {
        let Some(variable) = key.variable() else {
            continue;
        };
        let result = Host::new().with(variable, "").discover();
        if key.is_identity() {
            assert_refused(result, &format!("an empty {variable}"), &[variable]);
        } else {
            let resolved = result.unwrap_or_else(|error| panic!("{variable}: {error}"));
            assert_eq!(resolved.source(*key), Source::Default, "{variable}");
        }
    }
}

#[test]
fn a_variable_that_cannot_matter_cannot_be_wrong() {
    let host = Host::new()
        .with("NEXUS_CACHE_SIZE_MB", "many")
        .with("NEXUS_TENANT_ID", "");
    let cache_matters = host.connect(json!({"tenant_id": "acme"}));
    assert_refused(cache_matters, "'many'", &["NEXUS_CACHE_SIZE_MB"]);
    let tenant_matters = host.connect(json!({"cache_size_mb": 1}));
    assert_refused(tenant_matters, "an empty tenant", &["NEXUS_TENANT_ID"]);
    host.connect(json!({"cache_size_mb": 1, "agent_id": "a"}))
        .unwrap();
}

#[test]
fn a_malformed_variable_that_is_not_needed_is_reported_by_name_only() {
    for (variable, text, config) in [
        ("NEXUS_CACHE_SIZE_MB", "many", json!({"cache_size_mb": 1})),
        ("NEXUS_HOUSEKEEPING", "maybe", json!({"housekeeping": true})),
        ("NEXUS_DURABILITY", "FULL", json!({"durability": "full"})),
        (
            "NEXUS_DATA_DIR",
            "s3://u:s3cret@host",
            json!({"data_dir": "x"}),
        ),
        ("NEXUS_TENANT_ID", "", json!({"tenant_id": "acme"})),
        ("NEXUS_IS_ADMIN", "maybe", json!({"agent_id": "a"})),
        ("NEXUS_IS_ADMIN", "maybe", json!({})),
        ("NEXUS_CONFIG_FILE", "two\nlines", json!({})),
    ] {
        let host = Host::new().with(variable, text);
        let resolved = host.connect(config.clone());
        let resolved = resolved.unwrap_or_else(|error| panic!("{variable}={text}: {error}"));
        let [warning] = resolved.warnings() else {
            panic!("{variable}={text}: {:?}", resolved.warnings());
        };
        assert!(warning.contains(variable), "{warning}");
        assert!(!warning.contains("s3cret"), "{warning}");
        assert!(!warning.contains('\n'), "{warning}");
        assert!(text.is_empty() || !warning.contains(text), "{warning}");
        let expected = config.as_object().unwrap();
        for key in expected.keys() {
            assert_eq!(
                effective(&resolved)[key]["source"],
                "explicit",
                "{variable}"
            );
        }
    }
    let host = Host::new().with("NEXUS_CACHE_SIZE_MB", "9");
    let resolved = host.connect(json!({"cache_size_mb": 1})).unwrap();
    assert!(resolved.warnings().is_empty(), "a valid one is no matter");
}

#[test]
fn wrong_variables_are_named_and_their_text_is_not_shown() {
    for (variable, text) in [
        ("NEXUS_MODE", "remote"),
        ("NEXUS_DURABILITY", "FULL"),
        ("NEXUS_CACHE_SIZE_MB", "65537"),
        ("NEXUS_CACHE_SIZE_MB", "-1"),
        ("NEXUS_CACHE_SIZE_MB", "1.0"),
        ("NEXUS_INLINE_MAX_BYTES", "1048577"),
        ("NEXUS_BUSY_TIMEOUT_MS", "30s"),
        ("NEXUS_ENABLE_VECTOR_SEARCH", "maybe"),
        ("NEXUS_ENABLE_LLM_CACHE", "maybe"),
        ("NEXUS_URL", "gopher://x"),
        ("NEXUS_TIMEOUT", "soon"),
        ("NEXUS_TIMEOUT", "NaN"),
        ("NEXUS_API_KEY", "two\nlines"),
        ("NEXUS_DATA_DIR", "two\nlines"),
    ] {
        let host = Host::new().with(variable, text);
        let described = format!("{variable}={text:?}");
        assert_refused(host.connect(json!({})), &described, &[variable]);
        let message = host.connect(json!({})).unwrap_err().to_string();
        assert!(!message.contains(text), "{message}");
    }
}
