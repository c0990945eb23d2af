//! Options over environment over config file.

use serde_json::json;

use crate::store::{Store, finish};

#[test]
fn options_go_over_the_environment_and_that_over_the_file() {
    let store = Store::missing();
    store.host_file(
        "nexus.yaml",
        "data_dir: from-file\ncache_size_mb: 7\ntenant_id: file\n",
    );
    let config = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = store.command();
        command.args(["config", "--json"]).args(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        let run = finish(&mut command);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap()
    };
    let directory = |name: &str| store.path(name).canonicalize().unwrap_or(store.path(name));
    let found = config(&[], &[]);
    assert_eq!(
        found["data_dir"],
        json!({"value": directory("from-file"), "source": "file"})
    );
    assert_eq!(
        found["tenant_id"],
        json!({"value": "file", "source": "file"})
    );
    assert_eq!(found["config_file"]["source"], "default");
    let found = config(
        &[],
        &[("NEXUS_DATA_DIR", "from-env"), ("NEXUS_IS_ADMIN", "true")],
    );
    assert_eq!(
        found["data_dir"],
        json!({"value": directory("from-env"), "source": "environment"})
    );
    assert_eq!(
        found["is_admin"],
        json!({"value": true, "source": "environment"})
    );
    assert_eq!(
        found["tenant_id"],
        json!({"value": null, "source": "environment"}),
        "identity is a unit"
    );
    assert_eq!(found["cache_size_mb"]["value"], 7);
    let found = config(
        &["--data-dir", "from-option", "--tenant", "acme"],
        &[("NEXUS_DATA_DIR", "from-env"), ("NEXUS_AGENT_ID", "bot")],
    );
    assert_eq!(
        found["data_dir"],
        json!({"value": directory("from-option"), "source": "explicit"})
    );
    assert_eq!(
        found["agent_id"]["value"],
        json!(null),
        "identity is a unit"
    );
    assert!(
        !store.path("from-option").exists(),
        "showing the configuration makes no store"
    );
}

#[test]
fn a_named_config_file_ranks_below_the_environment() {
    let store = Store::missing();
    store.host_file("nexus.yaml", "cache_size_mb: 1\n");
    let named = store.host_file("other.yaml", "data_dir: other\ncache_size_mb: 2\n");
    let named = named.to_str().unwrap();
    let run = finish(
        store
            .command()
            .args(["config", "--json", "--config", named])
            .env("NEXUS_IS_ADMIN", "1"),
    );
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(
        found["cache_size_mb"],
        json!({"value": 2, "source": "file"})
    );
    assert_eq!(
        found["is_admin"]["value"], true,
        "the environment counts, too"
    );
    assert_eq!(found["config_file"]["source"], "explicit");
    let run = finish(
        store
            .command()
            .args(["config", "--json", "--config", named])
            .env("NEXUS_CACHE_SIZE_MB", "3"),
    );
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(
        found["cache_size_mb"],
        json!({"value": 3, "source": "environment"})
    );
    store.fails(2, "missing.yaml", &["--config", "missing.yaml", "ls"]);
    store.host_file("broken.yaml", "tennant_id: x\n");
    store.fails(2, "tennant_id", &["--config", "broken.yaml", "ls"]);
}

#[test]
fn a_misspelt_variable_is_told() {
    let store = Store::missing();
    let run = finish(
        store
            .command()
            .args(["config", "--quiet"])
            .env("NEXUS_TENNANT_ID", "acme"),
    );
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.stderr,
        "nexus: warning: the environment variable NEXUS_TENNANT_ID sets nothing; NEXUS_TENANT_ID may be meant\n"
    );
}

#[test]
fn a_malformed_variable_is_reported_once_where_an_option_decides() {
    let store = Store::new();
    let run = finish(
        store
            .command()
            .args(["--tenant", "acme", "write", "/shared/acme/a", "x"])
            .env("NEXUS_IS_ADMIN", "perhaps"),
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stderr.matches("NEXUS_IS_ADMIN").count(),
        1,
        "{}",
        run.stderr
    );
    assert!(run.stderr.starts_with("nexus: warning: "), "{}", run.stderr);
    assert!(!run.stderr.contains("perhaps"), "{}", run.stderr);
    let run = finish(
        store
            .command()
            .args(["ls"])
            .env("NEXUS_IS_ADMIN", "perhaps"),
    );
    assert_eq!(run.code, Some(2), "where it decides, it fails");
    assert!(run.stderr.contains("NEXUS_IS_ADMIN"), "{}", run.stderr);
    let run = finish(store.command().args(["ls"]).env("NEXUS_IS_ADMIN", "yes"));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_url_is_no_path_of_the_host_and_its_credentials_are_not_printed() {
    let store = Store::new();
    store.ok(&["write", "/a", "x"]);
    let url = "postgresql://user:s3cret@db/nexus";
    for arguments in [
        &["--data-dir", url, "init"][..],
        &["--config", url, "ls"],
        &["backup", url],
        &["export", url],
        &["import", url],
        &["bundle", "export", url],
        &["bundle", "import", url],
        &["put", url, "/b"],
        &["get", "/a", url],
        &["write", "/b", "--file", url],
        &["man", url],
        &["work", "graph", "--output", url],
        &[
            "work",
            "complete",
            "/a",
            "1",
            "--write",
            "/b=postgresql://user:s3cret@db",
        ],
    ] {
        let run = store.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("URL"), "{arguments:?}: {}", run.stderr);
        assert!(
            !run.stderr.contains("s3cret"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    store.fails(2, "'database_url'", &["--data-dir", url, "ls"]);
    store.fails(2, "'content_url'", &["--data-dir", "s3://bucket/x", "ls"]);
    assert!(!store.path("postgresql:").exists());
    assert!(!store.path("s3:").exists());
}

#[test]
fn the_table_names_the_source_of_each_value() {
    let store = Store::missing();
    let text = store.ok(&["config", "--tenant", "acme"]);
    let line = |key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        line("tenant_id").split_whitespace().collect::<Vec<_>>(),
        ["tenant_id", "option", "acme"]
    );
    assert_eq!(
        line("durability").split_whitespace().collect::<Vec<_>>(),
        ["durability", "environment", "normal"]
    );
}

#[test]
fn init_and_version() {
    let store = Store::missing();
    assert_eq!(store.json(&["init"])["created"], true);
    assert_eq!(store.json(&["init"])["created"], false);
    assert!(store.ok(&["init"]).contains("already"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(store.json(&["version"]), json!({"version": version}));
    assert_eq!(store.ok(&["version"]), format!("nexus {version}\n"));
    assert_eq!(store.ok(&["--version"]), format!("nexus {version}\n"));
}

#[test]
fn an_identity_sees_its_own_part() {
    let store = Store::new();
    store.ok(&["write", "/workspace/acme/bot/mine", "1"]);
    store.ok(&["write", "/workspace/rival/spy/theirs", "secret"]);
    let acme = &["--tenant", "acme", "--agent", "bot"][..];
    assert_eq!(
        store.ok(&[acme, &["ls", "-R"]].concat()),
        "/workspace/acme/bot/mine\n"
    );
    assert_eq!(
        store.run(&[acme, &["grep", "secret"]].concat()).code,
        Some(1)
    );
    assert_eq!(store.json(&[acme, &["du"]].concat())["store"]["files"], 1);
}
