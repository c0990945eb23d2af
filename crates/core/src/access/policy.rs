//! The policy: whether an identity may do something to a path, and which paths it may see.

use std::sync::Arc;

use super::{Identity, NamespaceRule, Rules};
use crate::access::ClaimScope;
use crate::error::{Error, ErrorKind, Result};
use crate::path::VirtualPath;
use crate::range::{PathRange, Visible, intersections};

/// What is to be done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look at it.
    Read,
    /// Create or replace the file there.
    Write,
    /// Change what is said of the file there.
    Metadata,
    /// Make a directory there.
    MakeDirectory,
    /// Take it away, with everything under it.
    Remove,
}

/// How far a granted path is the identity's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of what lies there.
    Whole,
    /// A directory above the own part: only that part is seen.
    Gate,
}

/// Whether what lies under a mount may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountRule {
    /// The directory that is mounted.
    pub path: VirtualPath,
    /// Nothing under it may change, but for what a writable mount within holds.
    pub readonly: bool,
}

/// Decides for one identity under one version of the rules.
#[derive(Debug)]
pub struct Policy {
    identity: Identity,
    rules: Arc<Rules>,
    mounts: Arc<[MountRule]>,
    visible: Arc<Visible>,
    /// Where things may be changed, if they are the identity's.
    writable: Arc<[PathRange]>,
    /// What of `visible` may be changed.
    changeable: Arc<Visible>,
}

/// Position of a path relative to the identity's own directory in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Above: the tenant or agent segment that the identity is bound to is missing.
    Above,
    /// The root of the own part.
    OwnRoot,
    /// Inside, or nothing limits the identity here.
    Inside,
    OtherTenant,
    OtherAgent,
}

impl Policy {
    /// Returns the policy of `identity` under `rules` and `mounts`, of which the longest paths come first.
    pub fn new(identity: Identity, rules: Arc<Rules>, mounts: Arc<[MountRule]>) -> Self {
        let visible = Arc::new(visible(&identity, &rules));
        let writable = gaps_between(unwritable(&identity, &rules, &mounts));
        let changeable = Visible {
            ranges: visible.within_each(&writable),
            ..Visible::clone(&visible)
        };
        Policy {
            writable: writable.into(),
            changeable: Arc::new(changeable),
            identity,
            rules,
            mounts,
            visible,
        }
    }

    /// Returns the rules that this decides under.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Returns what the identity may read. A path is in it exactly if [`check`](Self::check) grants
    /// [`Action::Read`] on it in [`Reach::Whole`].
    pub fn visible(&self) -> &Arc<Visible> {
        &self.visible
    }

    /// Returns how far `action` on `path` is granted. The root is always read as a gate; changes to
    /// it are refused before the policy is asked.
    ///
    /// # Errors
    /// `AccessDenied` or `ReadOnly`. They depend on the path, the identity and the rules alone, so
    /// they say nothing about what exists.
    pub fn check(&self, path: &VirtualPath, action: Action) -> Result<Reach> {
        let Some(name) = path.segments().next() else {
            return Ok(Reach::Gate);
        };
        let change = action != Action::Read;
        let rule = self.rules.get(name);
        if is_hidden(&self.identity, rule) {
            return Err(match rule {
                Some(_) => {
                    Error::access_denied(format!("Namespace '{name}' requires admin privileges"))
                }
                None => Error::access_denied(format!("Namespace '{name}' is not registered")),
            }
            .at(path));
        }
        if change {
            self.check_writable(path, action, rule)?;
        }
        match rule.map_or(Place::Inside, |rule| place(&self.identity, rule, path)) {
            Place::Inside => Ok(Reach::Whole),
            Place::OwnRoot if !matches!(action, Action::Write | Action::Remove) => Ok(Reach::Whole),
            Place::OwnRoot => Err(Error::access_denied(
                "the root of a tenant's or agent's part cannot be replaced or removed by it",
            )
            .at(path)),
            Place::Above if !change => Ok(Reach::Gate),
            Place::Above => Err(Error::access_denied(
                "a change here needs the right to every tenant's and agent's files",
            )
            .at(path)),
            Place::OtherTenant => Err(Error::access_denied("belongs to another tenant").at(path)),
            Place::OtherAgent => Err(Error::access_denied("belongs to another agent").at(path)),
        }
    }

    /// Returns how many leading segments of `path` are not the identity's to make: they count as
    /// existing directories for it, whatever others do there.
    pub fn given_depth(&self, path: &VirtualPath) -> usize {
        let rule = path.segments().next().and_then(|name| self.rules.get(name));
        rule.map_or(0, |rule| own_depth(bounds(&self.identity, rule)) - 1)
            .max(usize::from(rule.is_some()))
            .max(self.readonly_depth(path))
    }

    /// Returns how many leading segments of `path` name directories of a read-only mount.
    fn readonly_depth(&self, path: &VirtualPath) -> usize {
        let above = std::iter::successors(path.parent(), VirtualPath::parent);
        let mut readonly = above.filter(|above| self.is_in_readonly_mount(above));
        readonly.next().map_or(0, |above| above.segments().count())
    }

    fn is_in_readonly_mount(&self, path: &VirtualPath) -> bool {
        let mut mounts = self.mounts.iter();
        let innermost = mounts.find(|mount| path.is_within(&mount.path));
        innermost.is_some_and(|mount| mount.readonly)
    }

    /// Returns which work items the identity may take, of those in `prefix`; `None` for all.
    pub fn claimable(&self, prefix: Option<PathRange>) -> ClaimScope {
        let prefix = prefix.filter(|prefix| *prefix != PathRange::all());
        ClaimScope {
            whole: prefix.is_none() && self.visible.nearly_all,
            changeable: Arc::clone(&self.changeable),
            writable: Arc::clone(&self.writable),
            prefix,
        }
    }

    /// Returns whether queries show the token of a lease on the item at `path`: to who may change the item. Where
    /// nobody owns it, that is every tenant and agent; one of those knows the tokens of its own claims alone.
    pub fn shows_lease(&self, path: &VirtualPath) -> bool {
        let rule = path.segments().next().and_then(|name| self.rules.get(name));
        let owner = rule.map_or([None, None], |rule| bounds(&self.identity, rule));
        let is_open = owner == [None, None];
        (self.identity.is_unbound() || !is_open) && self.check(path, Action::Metadata).is_ok()
    }

    /// Returns an error unless the identity may maintain the whole store.
    pub fn check_maintenance(&self, what: &str) -> Result<()> {
        if self.identity.may_maintain() {
            return Ok(());
        }
        Err(Error::access_denied(format!(
            "{what} requires admin privileges, or a handle without tenant and agent"
        )))
    }

    fn check_writable(
        &self,
        path: &VirtualPath,
        action: Action,
        rule: Option<&NamespaceRule>,
    ) -> Result<()> {
        if rule.is_some_and(|rule| rule.readonly) && !self.identity.readonly_writes {
            let name = rule.map_or("", |rule| &rule.name);
            return Err(Error::new(
                ErrorKind::ReadOnly,
                format!("Namespace '{name}' is read-only"),
            )
            .at(path));
        }
        // What is taken away or put there may be a tree that reaches into a mount.
        let whole = matches!(action, Action::Write | Action::Remove);
        let holds = |mount: &MountRule| mount.readonly && mount.path.is_within(path);
        if self.is_in_readonly_mount(path) || (whole && self.mounts.iter().any(holds)) {
            return Err(Error::new(ErrorKind::ReadOnly, "the mount is read-only").at(path));
        }
        Ok(())
    }
}

/// Returns the ranges in which no identity may change anything.
fn unwritable(identity: &Identity, rules: &Rules, mounts: &[MountRule]) -> Vec<PathRange> {
    let mut unwritable = Vec::new();
    // From the outermost to the innermost one, which decides.
    for mount in mounts.iter().rev() {
        let tree = tree(mount.path.as_str());
        if mount.readonly {
            unwritable.extend(tree);
        } else {
            let outside = gaps_between(tree.into());
            unwritable = intersections(&outside, &unwritable);
        }
    }
    let readonly = |rule: &&NamespaceRule| rule.readonly && !identity.readonly_writes;
    for rule in rules.iter().filter(readonly) {
        unwritable.extend(tree(&format!("/{}", rule.name)));
    }
    unwritable
}

/// Returns the ranges of `root` and of all that lies under it.
fn tree(root: &str) -> [PathRange; 2] {
    [PathRange::of_path(root), PathRange::under(root)]
}

/// Returns whether a whole namespace is denied to `identity`.
fn is_hidden(identity: &Identity, rule: Option<&NamespaceRule>) -> bool {
    match rule {
        Some(rule) => rule.admin_only && !identity.admin,
        None => identity.strict,
    }
}

/// Returns the tenant and the agent that bind `identity` in the namespace of `rule`.
fn bounds<'a>(identity: &'a Identity, rule: &NamespaceRule) -> [Option<&'a str>; 2] {
    [
        identity.bound_tenant().filter(|_| rule.requires_tenant),
        identity.bound_agent().filter(|_| rule.requires_agent),
    ]
}

/// Returns how many segments the root of the own part has.
fn own_depth(bounds: [Option<&str>; 2]) -> usize {
    match bounds {
        [None, None] => 1,
        [Some(_), None] => 2,
        [_, Some(_)] => 3,
    }
}

fn place(identity: &Identity, rule: &NamespaceRule, path: &VirtualPath) -> Place {
    let [tenant, agent] = bounds(identity, rule);
    let own_depth = own_depth([tenant, agent]);
    if own_depth == 1 {
        return Place::Inside;
    }
    let mut segments = path.segments().skip(1);
    let actual = [segments.next(), segments.next()];
    if differs(tenant, actual[0]) {
        return Place::OtherTenant;
    }
    if differs(agent, actual[1]) {
        return Place::OtherAgent;
    }
    match path.segments().take(own_depth + 1).count() {
        depth if depth < own_depth => Place::Above,
        depth if depth == own_depth => Place::OwnRoot,
        _ => Place::Inside,
    }
}

fn differs(bound: Option<&str>, actual: Option<&str>) -> bool {
    matches!((bound, actual), (Some(bound), Some(actual)) if bound != actual)
}

/// Returns what `identity` may read: the complement of the limited namespaces, and its own parts in
/// them.
fn visible(identity: &Identity, rules: &Rules) -> Visible {
    let mut visible = Visible {
        nearly_all: identity.is_unbound(),
        ..Visible::default()
    };
    let mut holes = Vec::new();
    for rule in rules.iter() {
        let root = format!("/{}", rule.name);
        let whole = tree(&root);
        if is_hidden(identity, Some(rule)) {
            holes.extend(whole);
            continue;
        }
        match bounds(identity, rule) {
            [None, None] if identity.strict => visible.ranges.extend(whole),
            [None, None] => {}
            limits => {
                holes.extend(whole);
                grant_own_part(&mut visible, &root, limits);
            }
        }
    }
    if !identity.strict {
        visible.ranges.extend(gaps_between(holes));
    }
    visible.sort();
    visible
}

/// Returns what `holes` leave of all paths. The ranges of two namespaces can interleave: `/a-b` sorts
/// between `/a` and `/a/`.
fn gaps_between(mut holes: Vec<PathRange>) -> Vec<PathRange> {
    holes.sort_by(|a, b| a.start.cmp(&b.start));
    let mut gaps = Vec::new();
    let mut rest = PathRange::all();
    for hole in holes {
        if rest.start < hole.start {
            gaps.push(PathRange {
                start: rest.start.clone(),
                end: hole.start,
            });
        }
        rest.start = rest.start.max(hole.end);
    }
    gaps.push(rest);
    gaps
}

fn grant_own_part(visible: &mut Visible, root: &str, bounds: [Option<&str>; 2]) {
    match bounds {
        [Some(tenant), Some(agent)] => visible.grant(root, &format!("{root}/{tenant}/{agent}")),
        [Some(tenant), None] => visible.grant(root, &format!("{root}/{tenant}")),
        [None, Some(agent)] => visible.each_child = Some((root.to_owned(), agent.to_owned())),
        [None, None] => {}
    }
}

#[cfg(test)]
mod tests;
