//! Tests of the policy against the specified rules, with random identities, namespaces and paths.

use proptest::prelude::*;

use super::*;
use crate::range::any_contains;

/// Namespaces of every store: name, read-only, admin only, with tenants, with agents.
const BUILT_IN: [(&str, bool, bool, bool, bool); 5] = [
    ("workspace", false, false, true, true),
    ("shared", false, false, true, false),
    ("external", false, false, false, false),
    ("system", true, true, false, false),
    ("archives", true, false, true, false),
];
/// Names whose subtrees interleave: `/a-b` and `/a.b` sort between `/a` and `/a/`, `/ab` after it.
const CUSTOM: [&str; 5] = ["a", "a-b", "a.b", "ab", "workspace-x"];
const TENANTS: [&str; 4] = ["tq", "tq-1", "tq.1", "uz7"];
const AGENTS: [&str; 4] = ["gx", "gx-1", "gx.1", "hx9"];
const ACTIONS: [Action; 5] = [
    Action::Read,
    Action::Write,
    Action::Metadata,
    Action::MakeDirectory,
    Action::Remove,
];

fn identity() -> impl Strategy<Value = Identity> {
    let tenant = prop::option::of(prop::sample::select(&TENANTS[..]));
    let agent = prop::option::of(prop::sample::select(&AGENTS[..]));
    (tenant, agent, any::<[bool; 3]>()).prop_map(|(tenant, agent, [admin, writes, strict])| {
        Identity {
            tenant: tenant.map(str::to_owned),
            agent: agent.map(str::to_owned),
            admin,
            readonly_writes: admin && writes,
            strict,
        }
    })
}

fn rule(name: &str, flags: [bool; 4], builtin: bool) -> NamespaceRule {
    let [readonly, admin_only, requires_tenant, requires_agent] = flags;
    NamespaceRule {
        name: name.to_owned(),
        readonly,
        admin_only,
        requires_tenant,
        requires_agent,
        builtin,
    }
}

/// The built-in namespaces and some of the custom ones.
fn rules() -> impl Strategy<Value = Arc<Rules>> {
    let custom = prop::collection::btree_map(
        prop::sample::select(&CUSTOM[..]),
        any::<[bool; 3]>(),
        0..=CUSTOM.len(),
    );
    custom.prop_map(|custom| {
        let built_in = BUILT_IN
            .iter()
            .map(|&(name, readonly, admin, tenant, agent)| {
                rule(name, [readonly, admin, tenant, agent], true)
            });
        let custom = custom.into_iter().map(|(name, [readonly, admin, tenant])| {
            rule(name, [readonly, admin, tenant, false], false)
        });
        Arc::new(Rules::new(1, built_in.chain(custom)))
    })
}

/// Any path but the root.
fn path() -> impl Strategy<Value = VirtualPath> {
    let built_in = BUILT_IN.map(|(name, ..)| name);
    let namespace = prop_oneof![
        3 => prop::sample::select(built_in.to_vec()),
        2 => prop::sample::select(&CUSTOM[..]),
        1 => Just("elsewhere"),
    ];
    let tenant = prop::sample::select(&TENANTS[..]);
    let agent = prop::sample::select(&AGENTS[..]);
    (namespace, tenant, agent, 1..=5_usize).prop_map(|(namespace, tenant, agent, depth)| {
        let segments = [namespace, tenant, agent, "notes", "x"];
        VirtualPath::parse(&segments[..depth].join("/")).unwrap()
    })
}

fn policy(identity: Identity, rules: &Arc<Rules>) -> Policy {
    Policy::new(identity, Arc::clone(rules), Arc::new([]))
}

/// The verdict of the specification, written down check by check.
fn specified(
    identity: &Identity,
    rules: &Rules,
    path: &VirtualPath,
    action: Action,
) -> std::result::Result<Reach, (ErrorKind, String)> {
    let segments: Vec<&str> = path.segments().collect();
    let change = action != Action::Read;
    let denied = |why: &str| Err((ErrorKind::AccessDenied, why.to_owned()));
    let name = segments[0];
    let Some(rule) = rules.get(name) else {
        return match identity.strict {
            true => denied("not registered"),
            false => Ok(Reach::Whole),
        };
    };
    if rule.admin_only && !identity.admin {
        return denied(&format!("Namespace '{name}' requires admin privileges"));
    }
    if rule.readonly && change && !identity.readonly_writes {
        return Err((ErrorKind::ReadOnly, format!("'{name}' is read-only")));
    }
    let mut own_root = 0;
    let bounds = [
        (rule.requires_tenant, &identity.tenant, "another tenant"),
        (rule.requires_agent, &identity.agent, "another agent"),
    ];
    for (index, (required, bound, other)) in bounds.into_iter().enumerate() {
        let (true, Some(bound), false) = (required, bound, identity.admin) else {
            continue;
        };
        own_root = index + 2;
        match segments.get(index + 1) {
            Some(actual) if actual != bound => return denied(other),
            _ => {}
        }
    }
    if segments.len() < own_root {
        return match change {
            true => denied("every tenant's"),
            false => Ok(Reach::Gate),
        };
    }
    let replaces = matches!(action, Action::Write | Action::Remove);
    match own_root > 0 && segments.len() == own_root && replaces {
        true => denied("cannot be replaced or removed"),
        false => Ok(Reach::Whole),
    }
}

proptest! {
    // A case is cheap, and the telling ones are rare.
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_check_answers_as_specified(
        identity in identity(),
        rules in rules(),
        path in path(),
        action in prop::sample::select(&ACTIONS[..]),
    ) {
        let actual = policy(identity.clone(), &rules).check(&path, action);
        match (specified(&identity, &rules, &path, action), actual) {
            (Ok(expected), Ok(reach)) => prop_assert_eq!(expected, reach),
            (Err((kind, reason)), Err(error)) => {
                prop_assert_eq!(kind, error.kind(), "{}", error);
                prop_assert!(error.to_string().contains(&reason), "{} lacks {}", error, reason);
            }
            (expected, actual) => prop_assert!(false, "{:?} became {:?}", expected, actual),
        }
    }

    #[test]
    fn the_visible_ranges_hold_exactly_what_may_be_read_whole(
        identity in identity(),
        rules in rules(),
        path in path(),
    ) {
        let policy = policy(identity, &rules);
        let read = policy.check(&path, Action::Read);
        let whole = matches!(read, Ok(Reach::Whole));
        prop_assert_eq!(policy.visible().contains(path.as_str()), whole, "{:?}", read);
        // What exists makes the parts of an agent without tenant explicit, and changes nothing else.
        let tenants = TENANTS.map(|tenant| format!("/workspace/{tenant}"));
        let resolved = policy.visible().resolve(tenants);
        prop_assert!(resolved.each_child.is_none());
        prop_assert_eq!(resolved.contains(path.as_str()), whole);
        let gate = resolved.gates.iter().any(|gate| gate.path == path.as_str());
        prop_assert_eq!(gate, matches!(read, Ok(Reach::Gate)), "{:?}", read);
    }

    #[test]
    fn ranges_are_in_order_and_disjoint_and_hold_no_gate(
        identity in identity(),
        rules in rules(),
    ) {
        let policy = policy(identity, &rules);
        let tenants = TENANTS.map(|tenant| format!("/workspace/{tenant}"));
        for visible in [policy.visible().as_ref(), &*policy.visible().resolve(tenants)] {
            for range in &visible.ranges {
                prop_assert!(range.start < range.end, "{:?} is empty", range);
            }
            for pair in visible.ranges.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start, "{:?}", pair);
            }
            for gate in &visible.gates {
                prop_assert!(!visible.contains(&gate.path), "{:?} is in a range", gate);
                prop_assert!(visible.contains(&gate.own), "{:?} leads nowhere", gate);
            }
            prop_assert!(visible.gates.windows(2).all(|pair| pair[0].path <= pair[1].path));
        }
    }

    #[test]
    fn what_may_not_be_read_may_not_be_changed(
        identity in identity(),
        rules in rules(),
        path in path(),
    ) {
        let policy = policy(identity, &rules);
        let readable = matches!(policy.check(&path, Action::Read), Ok(Reach::Whole));
        for action in ACTIONS {
            let granted = policy.check(&path, action);
            prop_assert!(readable || !matches!(granted, Ok(Reach::Whole)), "{:?}", action);
            prop_assert!(action == Action::Read || !matches!(granted, Ok(Reach::Gate)));
        }
    }

    #[test]
    fn a_denial_names_only_what_the_caller_named(
        identity in identity(),
        rules in rules(),
        path in path(),
        action in prop::sample::select(&ACTIONS[..]),
    ) {
        if let Err(error) = policy(identity, &rules).check(&path, action) {
            let message = error.to_string();
            for id in TENANTS.iter().chain(&AGENTS) {
                let told = message.contains(id) && !path.as_str().contains(id);
                prop_assert!(!told, "{:?} tells {}", message, id);
            }
        }
    }

    #[test]
    fn a_narrowed_identity_may_nothing_that_its_parent_may_not(
        parent in identity(),
        rules in rules(),
        path in path(),
        tenant in prop::option::of(prop::sample::select(&TENANTS[..])),
        agent in prop::option::of(prop::sample::select(&AGENTS[..])),
    ) {
        let differs = |own: &Option<String>, wanted: Option<&str>| {
            matches!((own, wanted), (Some(own), Some(wanted)) if own != wanted)
        };
        let refused = differs(&parent.tenant, tenant) || differs(&parent.agent, agent);
        let child = match parent.narrow(tenant, agent) {
            Err(error) => {
                prop_assert!(refused, "{}", error);
                prop_assert_eq!(error.kind(), ErrorKind::AccessDenied);
                return Ok(());
            }
            Ok(child) => child,
        };
        prop_assert!(!refused && !child.admin && !child.readonly_writes);
        prop_assert!(child.strict == parent.strict);
        let (parent, child) = (policy(parent, &rules), policy(child, &rules));
        for action in ACTIONS {
            match (child.check(&path, action), parent.check(&path, action)) {
                (Err(_), _) | (Ok(_), Ok(Reach::Whole)) | (Ok(Reach::Gate), Ok(Reach::Gate)) => {}
                (child, parent) => {
                    prop_assert!(false, "{:?}: {:?} out of {:?}", action, child, parent);
                }
            }
        }
    }

    #[test]
    fn the_innermost_mount_decides_whether_a_path_changes(
        identity in identity(),
        rules in rules(),
        mounts in prop::collection::btree_map(path(), any::<bool>(), 0..5),
        path in path(),
        action in prop::sample::select(&ACTIONS[..]),
    ) {
        let mut mounts: Vec<_> = mounts
            .into_iter()
            .map(|(path, readonly)| MountRule { path, readonly })
            .collect();
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.as_str().len()));
        let without = policy(identity.clone(), &rules).check(&path, action);
        let mounted = Policy::new(identity, rules, mounts.clone().into());
        let with = mounted.check(&path, action);
        let innermost = mounts.iter().find(|mount| path.is_within(&mount.path));
        let lies_in = innermost.is_some_and(|mount| mount.readonly);
        let whole = matches!(action, Action::Write | Action::Remove);
        let takes_along = mounts.iter().any(|mount| mount.readonly && mount.path.is_within(&path));
        let touches = action != Action::Read && (lies_in || (whole && takes_along));
        match (with, without) {
            (Ok(with), Ok(without)) => prop_assert!(with == without && !touches),
            (Err(error), Ok(_)) => {
                prop_assert!(touches);
                prop_assert_eq!(error.kind(), ErrorKind::ReadOnly);
            }
            (with, without) => prop_assert!(with.is_err() && without.is_err()),
        }
        // What may be claimed is what a change of metadata is granted on.
        if mounted.check(&path, Action::Read).is_ok_and(|reach| reach == Reach::Whole) {
            let changes = mounted.check(&path, Action::Metadata).is_ok();
            prop_assert_eq!(any_contains(&mounted.writable, path.as_str()), changes);
        }
    }
}

#[test]
fn the_root_is_a_gate_for_everyone() {
    let rules = Arc::new(Rules::default());
    for strict in [false, true] {
        let identity = Identity {
            strict,
            ..Identity::default()
        };
        let read = policy(identity, &rules).check(&VirtualPath::root(), Action::Read);
        assert_eq!(read.unwrap(), Reach::Gate);
    }
}

#[test]
fn maintenance_is_for_admins_and_handles_without_identity() {
    for (tenant, agent, admin, granted) in [
        (None, None, false, true),
        (Some("tq"), None, false, false),
        (None, Some("gx"), false, false),
        (Some("tq"), Some("gx"), true, true),
    ] {
        let identity = Identity {
            tenant: tenant.map(str::to_owned),
            agent: agent.map(str::to_owned),
            admin,
            ..Identity::default()
        };
        let policy = policy(identity, &Arc::new(Rules::default()));
        let result = policy.check_maintenance("gc");
        assert_eq!(result.is_ok(), granted, "{:?}: {result:?}", policy.identity);
    }
}
