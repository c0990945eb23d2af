//! Four ways to configure a store: JSON, YAML files, several tenants, an admin.
//!
//! ```text
//! cargo run --example config_demo [DIRECTORY]
//! ```
//!
//! `DIRECTORY` holds `config-basic.yaml` and `config-multi-tenant.yaml`; without it they are looked for in `c_examples/`.
//! The store lives in a temporary directory and goes at the end.

mod refused;

use std::error::Error;
use std::path::{Path, PathBuf};

use nexusfs::config::{Environment, resolve_file_in};
use nexusfs::error::ErrorKind;
use nexusfs::filesystem::{Filesystem, WriteOptions};
use serde_json::{Value, json};

use self::refused::refused;

type Outcome = Result<(), Box<dyn Error>>;

fn connect_json(data_dir: &Path, more: Value) -> nexusfs::error::Result<Filesystem> {
    let mut config = json!({ "data_dir": data_dir });
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    nexusfs::connect(Some(&config.to_string()))
}

fn write(fs: &Filesystem, path: &str, text: &str) -> Outcome {
    fs.write(path, text.as_bytes(), &WriteOptions::default())?;
    println!("  wrote {path}");
    Ok(())
}

fn try_write(fs: &Filesystem, path: &str) -> nexusfs::error::Result<()> {
    fs.write(path, b"x", &WriteOptions::default()).map(drop)
}

/// Prints `"key":{"source":…,"value":…}` of the effective configuration.
fn print_setting(fs: &Filesystem, key: &str) -> Outcome {
    let config: Value = serde_json::from_str(&fs.config())?;
    println!("  \"{key}\":{}", config[key]);
    Ok(())
}

fn demo_1_json(data_dir: &Path) -> Outcome {
    println!("\n1. JSON, in the program");
    let more = json!({"durability": "normal", "cache_size_mb": 32});
    let fs = connect_json(data_dir, more)?;
    write(&fs, "/documents/hello.txt", "hello")?;
    // What holds in the end, and where it comes from.
    for key in ["durability", "cache_size_mb", "inline_max_bytes"] {
        print_setting(&fs, key)?;
    }

    // No key is accepted and then ignored.
    for config in [r#"{"tenant": "acme"}"#, r#"{"cache_size_mb": "big"}"#] {
        refused(ErrorKind::InvalidConfig, nexusfs::connect(Some(config)));
    }
    Ok(())
}

fn demo_2_yaml(basic: &Path, surroundings: &Environment) -> Outcome {
    println!("\n2. YAML: config-basic.yaml");
    let fs = nexusfs::open(resolve_file_in(surroundings, basic)?)?;
    print_setting(&fs, "durability")?;
    write(&fs, "/documents/from-yaml.txt", "hello")
}

fn demo_3_multi_tenant(multi_tenant: &Path, surroundings: &Environment) -> Outcome {
    println!("\n3. Several tenants: config-multi-tenant.yaml");
    // The file takes its identity from ${TENANT_ID}; without the variable nothing opens.
    let nobody = resolve_file_in(surroundings, multi_tenant);
    refused(ErrorKind::InvalidConfig, nobody);

    let connect = |tenant: &str| {
        let surroundings = surroundings.clone().with_variable("TENANT_ID", tenant);
        nexusfs::open(resolve_file_in(&surroundings, multi_tenant)?)
    };
    let acme = connect("acme")?;
    let techinc = connect("techinc")?;
    print_setting(&techinc, "tenant_id")?;

    write(&acme, "/ml_models/acme/classifier.bin", "weights")?;
    write(
        &techinc,
        "/ml_models/techinc/classifier.bin",
        "other weights",
    )?;
    let of_another = techinc.read("/ml_models/acme/classifier.bin");
    refused(ErrorKind::AccessDenied, of_another);
    for path in ["/catalogue/offers.json", "/documents/hello.txt"] {
        refused(ErrorKind::AccessDenied, try_write(&acme, path));
    }
    Ok(())
}

fn demo_4_admin(data_dir: &Path) -> Outcome {
    println!("\n4. An admin");
    let admin = connect_json(data_dir, json!({"is_admin": true}))?;
    write(&admin, "/catalogue/offers.json", "[]")?;
    for file in admin.glob("/ml_models/**", &Default::default())?.entries {
        println!("  sees {}", file.path);
    }
    // /system and /archives are read-only for admins too, unless the config allows it.
    refused(ErrorKind::ReadOnly, try_write(&admin, "/system/motd"));

    let more = json!({"is_admin": true, "allow_readonly_writes": true});
    write(&connect_json(data_dir, more)?, "/system/motd", "welcome")
}

fn main() -> Outcome {
    let directory = std::env::args_os().nth(1);
    let directory: PathBuf = directory.map_or_else(|| "c_examples".into(), Into::into);
    let scratch = tempfile::tempdir()?;
    let data_dir = scratch.path().join("store");
    // Both files say data_dir: ${NEXUS_DATA_DIR:-./nexus-data}
    let surroundings = Environment::of_process().with_variable("NEXUS_DATA_DIR", &data_dir);

    demo_1_json(&data_dir)?;
    demo_2_yaml(&directory.join("config-basic.yaml"), &surroundings)?;
    demo_3_multi_tenant(&directory.join("config-multi-tenant.yaml"), &surroundings)?;
    demo_4_admin(&data_dir)?;
    println!("\nThe two YAML files are yours to copy.");
    Ok(())
}
