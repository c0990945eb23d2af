//! The registered namespaces.

use nexusfs_core::access::{NamespaceRule, Rules};
use nexusfs_core::range::PathRange;

use crate::db::versions;
use crate::db::visible;
use crate::driver::statements::Connection;
use crate::error::{Error, Result};
use crate::queue;

/// Returns the rules as they are.
pub(in super::super) fn load(connection: &Connection) -> Result<Rules> {
    let version = versions::rules_version(connection)?;
    let rules = connection
        .prepare_cached(
            "SELECT name, readonly, admin_only, requires_tenant, requires_agent, builtin
             FROM namespaces",
        )?
        .query_map([], |row| {
            Ok(NamespaceRule {
                name: row.get(0)?,
                readonly: row.get(1)?,
                admin_only: row.get(2)?,
                requires_tenant: row.get(3)?,
                requires_agent: row.get(4)?,
                builtin: row.get(5)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Rules::new(version, rules))
}

/// Registers or, where the flag says so, removes `declared`, inside a write transaction. Returns
/// whether anything changed.
pub(in super::super) fn declare(
    connection: &Connection,
    declared: &[(NamespaceRule, bool)],
    admin: bool,
) -> Result<bool> {
    let rules = load(connection)?;
    let mut changed = false;
    for (wanted, remove) in declared {
        let known = rules.get(&wanted.name);
        if !is_change(known, wanted, *remove) {
            continue;
        }
        check_allowed(connection, known, wanted, admin)?;
        changed = true;
        if *remove {
            connection.execute("DELETE FROM namespaces WHERE name = ?1", [&wanted.name])?;
        } else {
            connection.execute(
                "INSERT OR REPLACE INTO namespaces VALUES (?1, ?2, ?3, ?4, 0, 0)",
                (
                    &wanted.name,
                    wanted.readonly,
                    wanted.admin_only,
                    wanted.requires_tenant,
                ),
            )?;
        }
    }
    if changed {
        connection.execute("UPDATE store SET rules_version = rules_version + 1", [])?;
        let rules = load(connection)?;
        for (wanted, _) in declared {
            queue::rescope(connection, &rules, &wanted.name)?;
        }
    }
    Ok(changed)
}

/// Returns whether declaring `wanted` would change anything.
pub(in super::super) fn is_change(
    known: Option<&NamespaceRule>,
    wanted: &NamespaceRule,
    remove: bool,
) -> bool {
    match known {
        Some(known) => remove || known != wanted,
        None => !remove,
    }
}

fn check_allowed(
    connection: &Connection,
    known: Option<&NamespaceRule>,
    wanted: &NamespaceRule,
    admin: bool,
) -> Result<()> {
    let name = &wanted.name;
    match known {
        Some(known) if known.builtin => Err(Error::invalid_config(format!(
            "namespaces: the built-in namespace '{name}' cannot be redefined"
        ))),
        _ if admin => Ok(()),
        Some(_) => Err(Error::invalid_config(format!(
            "namespaces: '{name}' is registered with other rules; changing it takes an admin"
        ))),
        None if exists(connection, name)? => Err(Error::invalid_config(format!(
            "namespaces: something exists under '/{name}'; registering it takes an admin"
        ))),
        None => Ok(()),
    }
}

fn exists(connection: &Connection, name: &str) -> Result<bool> {
    let root = format!("/{name}");
    for range in [PathRange::of_path(&root), PathRange::under(&root)] {
        if visible::first_path(connection, &range)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
