//! Namespaces are rules of the store: they bind every handle, whoever declared them.

use super::*;

#[test]
fn a_declared_namespace_binds_handles_that_are_already_open() {
    let place = Place::new();
    let acme = place.connect(json!({"tenant_id": "acme"}));
    write(&acme, "/elsewhere/x", b"1").unwrap();
    assert!(!acme.exists("/team/zed/x").unwrap());
    let declaring = place.connect(json!({"namespaces": [{"name": "team"}]}));
    write(&declaring, "/team/zed/x", b"1").unwrap();
    refused(write(&acme, "/team/zed/y", b"1"), ErrorKind::AccessDenied);
    refused(acme.read("/team/zed/x"), ErrorKind::AccessDenied);
    assert!(!acme.exists("/team/zed/x").unwrap());
    assert_eq!(acme.list(&Default::default()).unwrap().entries.len(), 1);
    write(&acme, "/team/acme/x", b"1").unwrap();
}

#[test]
fn a_batch_prepared_before_a_declaration_is_committed_under_it() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    let mut batch = fs.batch();
    batch
        .write("/other", b"1", &WriteOptions::default())
        .unwrap();
    batch
        .write("/frozen/x", b"1", &WriteOptions::default())
        .unwrap();
    place.connect(json!({"namespaces": [{"name": "frozen", "readonly": true}]}));
    let error = batch.commit().unwrap_err();
    assert_eq!(
        (error.kind(), error.index()),
        (ErrorKind::ReadOnly, Some(1)),
        "{error}"
    );
    assert!(!fs.exists("/other").unwrap());
}

#[test]
fn a_namespace_outlives_the_configuration_that_declared_it() {
    let place = Place::new();
    let rules = json!({"namespaces": [{"name": "vault", "admin_only": true}]});
    drop(place.connect(rules.clone()));
    let fs = place.connect(json!({}));
    refused(write(&fs, "/vault/x", b"1"), ErrorKind::AccessDenied);
    place.connect(rules);
}

#[test]
fn only_an_admin_changes_or_removes_rules_or_declares_them_over_files() {
    let place = Place::new();
    let team = |more: Value| {
        let mut rule = more;
        rule["name"] = json!("team");
        json!([rule])
    };
    let fs = place.connect(json!({"namespaces": team(json!({}))}));
    write(&fs, "/used/x", b"1").unwrap();
    for namespaces in [
        team(json!({"readonly": true})),
        team(json!({"remove": true})),
        json!([{"name": "used"}]),
        json!([{"name": "new"}, {"name": "used"}]),
        json!([{"name": "workspace"}]),
    ] {
        let config = json!({"namespaces": namespaces});
        refused(place.try_connect(config), ErrorKind::InvalidConfig);
    }
    write(&fs, "/new/x", b"1").unwrap();
    place.connect(json!({"is_admin": true, "namespaces": team(json!({"readonly": true}))}));
    refused(write(&fs, "/team/t/x", b"1"), ErrorKind::ReadOnly);
    place.connect(json!({"is_admin": true, "namespaces": team(json!({"remove": true}))}));
    write(&fs, "/team/x", b"1").unwrap();
    let builtin = json!({"is_admin": true, "namespaces": [{"name": "system"}]});
    refused(place.try_connect(builtin), ErrorKind::InvalidConfig);
}

/// Registers or removes the namespace `team`, open to all, as another process does.
fn register_elsewhere(place: &Place, remove: bool) {
    let change = match remove {
        true => "DELETE FROM namespaces WHERE name = 'team'",
        false => "INSERT INTO namespaces VALUES ('team', 0, 0, 0, 0, 0)",
    };
    place
        .beside()
        .execute_batch(&format!(
            "BEGIN IMMEDIATE; {change}; UPDATE store SET rules_version = rules_version + 1; COMMIT"
        ))
        .unwrap();
}

/// Each call is the first of its process since another one changed the rules.
#[test]
fn a_denial_under_rules_that_another_process_relaxed_does_not_stand() {
    type Attempt = fn(&Filesystem) -> Result<(), Error>;
    let attempts: [(&str, Attempt); 9] = [
        ("write", |fs| write(fs, "/team/x", b"1")),
        ("append", |fs| {
            fs.append("/team/x", b"1", &WriteOptions::default())
                .map(drop)
        }),
        ("read", |fs| fs.read("/team/x").map(drop)),
        ("list", |fs| {
            let options = nexusfs::filesystem::ListOptions {
                path: Some("/team".to_owned()),
                ..Default::default()
            };
            fs.list(&options).map(drop)
        }),
        ("glob", |fs| {
            let options = nexusfs::filesystem::FindOptions {
                base: Some("/team".to_owned()),
                ..Default::default()
            };
            fs.glob("*", &options).map(drop)
        }),
        ("open_writer", |fs| {
            fs.open_writer("/team/x", &WriteOptions::default())
                .map(drop)
        }),
        ("batch", |fs| {
            fs.batch().write("/team/x", b"1", &WriteOptions::default())
        }),
        ("set_meta", |fs| {
            fs.set_meta("/team/x", "key", "1", &Default::default())
        }),
        ("delete", |fs| fs.delete("/team/x", &Default::default())),
    ];
    let place = Place::new();
    let strict = place.connect(json!({"strict_namespaces": true}));
    for (name, attempt) in attempts {
        refused(attempt(&strict), ErrorKind::AccessDenied);
        register_elsewhere(&place, false);
        if let Err(error) = attempt(&strict) {
            panic!("{name} is denied by rules that are gone: {error}");
        }
        register_elsewhere(&place, true);
        refused(strict.read("/team/x"), ErrorKind::AccessDenied);
    }
}

#[test]
fn content_ids_are_those_of_files_that_may_be_read() {
    let place = Place::new();
    let open = place.connect(json!({}));
    for path in ["/shared/acme/x", "/shared/zed/x"] {
        write(&open, path, b"1").unwrap();
    }
    let acme = place.connect(json!({"tenant_id": "acme"}));
    let paths = ["/", "/shared", "/shared/acme", "/shared/acme/x"];
    let others = [
        "/shared/zed",
        "/shared/zed/x",
        "/shared/acme/none",
        "/system/x",
    ];
    let ids = acme.content_ids(&[paths, others].concat()).unwrap();
    let file = Some(nexusfs::content::ContentHash::of(b"1"));
    let none = None;
    assert_eq!(ids, [none, none, none, file, none, none, none, none]);
}

/// Nothing is staged for it, so nothing of what is there is read.
#[test]
fn an_append_is_denied_by_rules_that_another_process_just_registered() {
    let place = Place::new();
    let fs = place.connect(json!({}));
    write(&fs, "/team/x", LARGE).unwrap();
    place
        .beside()
        .execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO namespaces VALUES ('team', 0, 1, 0, 0, 0);
             UPDATE store SET rules_version = rules_version + 1;
             COMMIT",
        )
        .unwrap();
    std::fs::remove_dir(place.path("store/tmp")).unwrap();
    let append = fs.append("/team/x", LARGE, &WriteOptions::default());
    refused(append, ErrorKind::AccessDenied);
}

/// What is above the own part need not be made: what that is follows from the rules of the commit.
#[test]
fn a_directory_is_made_under_the_rules_that_another_process_just_registered() {
    let place = Place::new();
    let acme = place.connect(json!({"tenant_id": "acme"}));
    let mut batch = acme.batch();
    batch.mkdir("/team/acme", Default::default()).unwrap();
    place
        .beside()
        .execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO namespaces VALUES ('team', 0, 0, 1, 0, 0);
             UPDATE store SET rules_version = rules_version + 1;
             COMMIT",
        )
        .unwrap();
    batch.commit().unwrap();
    assert!(acme.is_directory("/team/acme").unwrap());
}

#[test]
fn strict_handles_see_registered_namespaces_alone() {
    let place = Place::new();
    let open = place.connect(json!({"namespaces": [{"name": "team", "requires_tenant": false}]}));
    let strict = place.connect(json!({"strict_namespaces": true}));
    for path in ["/team/x", "/teams/x", "/team-x"] {
        write(&open, path, b"1").unwrap();
    }
    let listed = strict.list(&Default::default()).unwrap().entries;
    let paths: Vec<&str> = listed.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["/team/x"]);
    refused(strict.read("/teams/x"), ErrorKind::AccessDenied);
    refused(write(&strict, "/new/x", b"1"), ErrorKind::AccessDenied);
}
