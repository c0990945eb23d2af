//! Namespaces, backends, and requests that were granted under other rules.

use std::sync::Arc;

use nexusfs_core::access::{NamespaceRule, Rules};
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::metadata::StoreError;
use nexusfs_core::path_id::PathId;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::WorkView;

use super::Subject;
use super::changes::{delete, everything, make_ready, path, whole, with_value};
use super::subject::{SECOND, call, claim};

fn rule(name: &str) -> NamespaceRule {
    NamespaceRule {
        name: name.to_owned(),
        readonly: false,
        admin_only: false,
        requires_tenant: true,
        requires_agent: false,
        builtin: false,
    }
}

/// Every request that has a grant is refused once the rules are others, and nothing of it is done.
pub fn under_other_rules_nothing_is_done(subject: &Subject) {
    make_ready(subject, &["/a"]);
    let before = subject.all();
    let policy = subject.policy(None, None);
    let store = &subject.store;
    store
        .declare_namespaces(&[(rule("team"), false)], false, &call())
        .unwrap();
    let a = path("/a");
    let hash = ContentHash::of(b"/a");
    let rules = Rules::default();
    let all = PathRange::all();
    let query = everything(whole());
    let claim = claim(&policy, None, 1, SECOND);
    let refusals = [
        subject.try_commit(vec![delete("/a")], &before).map(drop),
        store.entry(&a, &before).map(drop),
        store.entries(std::slice::from_ref(&a), &before).map(drop),
        store.content(&a, &before).map(drop),
        store.gate_exists(&a, &before).map(drop),
        store.is_leased(&a, &before).map(drop),
        store.path_of_id(PathId::generate(), &before).map(drop),
        subject.entries(&query, &before).map(drop),
        store.described_page(&query, 9, &before).map(drop),
        store.metadata(&a, &before).map(drop),
        store.metadata_value(&a, "k", &before).map(drop),
        store.find(&with_value("k", "1"), &before).map(drop),
        store.content_count(&hash, &before).map(drop),
        store.duplicates(&all, "", &before).map(drop),
        store.storage_report(&rules, &before).map(drop),
        store.work(WorkView::Ready, 9, &before).map(drop),
        store.work_counts(&all, &before).map(drop),
        store.explain(&a, &before).map(drop),
        store.supply(&claim.scope, &before).map(drop),
        store.claim(claim, &before).map(drop),
    ];
    for (index, refusal) in refusals.into_iter().enumerate() {
        assert!(
            matches!(refusal, Err(StoreError::RulesChanged)),
            "request {index}: {refusal:?}"
        );
    }
    assert!(subject.entry("/a").is_some(), "the deletion was done");
    assert_eq!(subject.status("/a"), "\"ready\"", "the claim was made");
    let known = store.rules(&call()).unwrap();
    assert_eq!(known.get("team"), Some(&rule("team")));
    // Declaring the same again changes nothing, so that nobody has to ask again.
    store
        .declare_namespaces(&[(rule("team"), false)], false, &call())
        .unwrap();
    assert_eq!(store.rules(&call()).unwrap().version, known.version);
}

/// Another place does not pass for a backend that is known.
pub fn backends_are_known_by_name_and_place(subject: &Subject) {
    let place = |name: &str, uuid: &str| (Arc::from(name), uuid.to_owned());
    let store = &subject.store;
    assert_eq!(store.backend_uuid("tapes", &call()).unwrap(), None);
    store.register_backends(&[], &call()).unwrap();
    store
        .register_backends(&[place("tapes", "one")], &call())
        .unwrap();
    store
        .register_backends(&[place("tapes", "one")], &call())
        .unwrap();
    let both = [place("disks", "three"), place("tapes", "two")];
    let error = store.register_backends(&both, &call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(
        store.backend_uuid("tapes", &call()).unwrap().as_deref(),
        Some("one")
    );
    assert_eq!(
        store.backend_uuid("disks", &call()).unwrap(),
        None,
        "all or none"
    );
    let other = subject.open_again();
    assert_eq!(
        other.backend_uuid("tapes", &call()).unwrap().as_deref(),
        Some("one")
    );
    assert!(store.backend_uuid("local", &call()).unwrap().is_some());
}

/// Whoever opens a store may register a namespace under which nothing exists.
pub fn a_namespace_is_registered_where_nothing_is(subject: &Subject) {
    let store = &subject.store;
    let version = store.rules(&call()).unwrap().version;
    subject.write_all(&["/taken/x", "/file"]);
    for name in ["taken", "file"] {
        let error = store.declare_namespaces(
            &[(rule("free"), false), (rule(name), false)],
            false,
            &call(),
        );
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::InvalidConfig,
            "{name}"
        );
    }
    let rules = store.rules(&call()).unwrap();
    assert_eq!(
        (rules.version, rules.get("free")),
        (version, None),
        "all or none"
    );
    store.declare_namespaces(&[], false, &call()).unwrap();
    store
        .declare_namespaces(&[(rule("gone"), true)], false, &call())
        .unwrap();
    assert_eq!(
        store.rules(&call()).unwrap().version,
        version,
        "nothing changed"
    );
    store
        .declare_namespaces(
            &[(rule("one"), false), (rule("two"), false)],
            false,
            &call(),
        )
        .unwrap();
    let rules = subject.open_again().rules(&call()).unwrap();
    assert!(rules.version > version);
    assert_eq!(
        [rules.get("one"), rules.get("two")],
        [Some(&rule("one")), Some(&rule("two"))]
    );
}

/// An admin may change and remove what is registered, but for what belongs to every store.
pub fn only_an_admin_changes_a_namespace(subject: &Subject) {
    let store = &subject.store;
    let builtin = ["archives", "external", "shared", "system", "workspace"];
    let rules = store.rules(&call()).unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, builtin);
    assert!(rules.iter().all(|rule| rule.builtin));
    assert!(rules.get("workspace").unwrap().requires_agent);
    let declare = |rule: NamespaceRule, remove, admin| {
        store.declare_namespaces(&[(rule, remove)], admin, &call())
    };
    declare(rule("team"), false, false).unwrap();
    subject.write_all(&["/team/a/x", "/taken/x"]);
    let changed = NamespaceRule {
        readonly: true,
        ..rule("team")
    };
    for (rule, remove, admin) in [
        (changed.clone(), false, false),
        (rule("team"), true, false),
        (rule("taken"), false, false),
        (rule("shared"), false, true),
        (rule("shared"), true, true),
    ] {
        let error = declare(rule.clone(), remove, admin).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{rule:?}");
    }
    declare(changed.clone(), false, true).unwrap();
    declare(rule("taken"), false, true).unwrap();
    assert_eq!(store.rules(&call()).unwrap().get("team"), Some(&changed));
    declare(changed, true, true).unwrap();
    assert_eq!(store.rules(&call()).unwrap().get("team"), None);
    assert!(subject.entry("/team/a/x").is_some());
}

/// Items of a namespace are claimed and totalled by its rules, also those that were there before.
pub fn a_namespace_decides_who_owns_what(subject: &Subject) {
    make_ready(subject, &["/team/a/1", "/team/b/1", "/team/a/2"]);
    let tenant = |subject: &Subject| {
        let policy = subject.policy(Some("a"), None);
        subject.claim_of(&policy, None, 9, SECOND)
    };
    subject
        .store
        .declare_namespaces(&[(rule("team"), false)], true, &call())
        .unwrap();
    let claimed = tenant(subject);
    assert_eq!(
        super::subject::names_of(&claimed),
        ["/team/a/1", "/team/a/2"]
    );
    assert_eq!(claimed[0].tenant_id.as_deref(), Some("a"));
    let rules = subject.store.rules(&call()).unwrap();
    let report = subject
        .store
        .storage_report(&rules, &subject.all())
        .unwrap();
    let tenants: Vec<_> = report
        .tenants
        .iter()
        .map(|(tenant, _)| tenant.as_deref())
        .collect();
    assert_eq!(tenants, [Some("a"), Some("b")]);
    subject.pass(2 * SECOND);
    subject
        .store
        .declare_namespaces(&[(rule("team"), true)], true, &call())
        .unwrap();
    assert_eq!(
        tenant(subject).len(),
        3,
        "nobody owns anything there any more"
    );
}
