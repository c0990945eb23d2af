//! The entries of `namespaces` and `mounts`.

use super::field::Field;
use super::settings::{MountDeclaration, NamespaceDeclaration};
use super::value::shown;
use crate::error::Result;

/// Namespaces whose rules are part of the product.
const BUILT_IN_NAMESPACES: [&str; 5] = ["workspace", "shared", "external", "system", "archives"];

/// The name under which entries record the store's own content.
const OWN_BACKEND: &str = "local";

/// Reads the value of `namespaces`.
///
/// # Errors
/// InvalidConfig for a wrong entry, a built-in namespace, or a name that occurs twice.
pub(crate) fn namespaces(field: Field<'_>) -> Result<Vec<NamespaceDeclaration>> {
    let mut declared: Vec<NamespaceDeclaration> = Vec::new();
    for item in field.items()? {
        let mut members = item.members(&[
            "name",
            "readonly",
            "admin_only",
            "requires_tenant",
            "remove",
        ])?;
        let name = members.require("name")?.segment()?;
        if BUILT_IN_NAMESPACES.contains(&name.as_str()) {
            return Err(members.invalid(format_args!(
                "names the built-in namespace '{name}', which cannot be redefined"
            )));
        }
        if declared.iter().any(|earlier| earlier.name == name) {
            return Err(members.invalid(format_args!(
                "names the namespace {} a second time",
                shown(&name)
            )));
        }
        let remove = members.flag("remove", false)?;
        for rule in ["readonly", "admin_only", "requires_tenant"] {
            // Rules of a namespace that goes would be accepted and ignored.
            if remove && members.take(rule).is_some() {
                return Err(members.invalid(format_args!(
                    "has both 'remove' and the rule '{rule}'; a namespace is either removed or declared"
                )));
            }
        }
        declared.push(NamespaceDeclaration {
            name,
            readonly: members.flag("readonly", false)?,
            admin_only: members.flag("admin_only", false)?,
            requires_tenant: members.flag("requires_tenant", true)?,
            remove,
        });
    }
    Ok(declared)
}

/// Reads the value of `mounts`.
///
/// # Errors
/// InvalidConfig for a wrong entry, or a name, path or root that occurs twice: two backends over one directory would
/// each count only their own references to its contents.
pub(crate) fn mounts(field: Field<'_>) -> Result<Vec<MountDeclaration>> {
    let mut declared: Vec<MountDeclaration> = Vec::new();
    for item in field.items()? {
        let mut members = item.members(&["name", "path", "backend", "root", "readonly"])?;
        if let Some(backend) = members.take("backend") {
            backend.choice(&[(OWN_BACKEND, ())])?;
        }
        let mount = MountDeclaration {
            name: members.require("name")?.segment()?,
            path: members.require("path")?.virtual_path()?,
            root: members.require("root")?.host_path()?,
            readonly: members.flag("readonly", false)?,
        };
        if mount.name == OWN_BACKEND {
            return Err(members.invalid("has the name 'local', which is the store's own backend"));
        }
        for earlier in &declared {
            let shared = if earlier.name == mount.name {
                "name"
            } else if earlier.path == mount.path {
                "path"
            } else if earlier.root == mount.root {
                "root"
            } else {
                continue;
            };
            return Err(members.invalid(format_args!(
                "has the same '{shared}' as the mount {}",
                shown(&earlier.name)
            )));
        }
        declared.push(mount);
    }
    Ok(declared)
}
