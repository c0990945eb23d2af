//! The filesystem as the specification describes it, in memory and without any cleverness: directories
//! that were not made are computed from what is in them, and every count is counted anew.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use nexusfs::content::ContentHash;
use nexusfs::error::ErrorKind;
use nexusfs::metadata::guess_mime_type;
use serde_json::Value;

use super::operation::{CONTENTS, Change, Condition, Where};

/// Something with the path where it is.
type Placed<T> = (String, T);

/// Stands for something that the store chooses: a path id, or a time. Later ones are greater.
pub type Mark = u64;

#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub id: Mark,
    pub created: Mark,
    pub modified: Mark,
    pub content: Rc<[u8]>,
    pub version: u64,
    pub mime_type: String,
    mime_given: bool,
    pub metadata: Metadata,
}

pub type Metadata = BTreeMap<&'static str, &'static str>;

/// A directory that was made.
#[derive(Debug, Clone)]
struct Made {
    /// Its time, too.
    id: Mark,
    metadata: Metadata,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    File(File),
    /// With its id, which is also its time; `None` for a directory that was not made.
    Directory(Option<Mark>),
}

#[derive(Debug, Clone, Default)]
pub struct Reference {
    next: Mark,
    files: BTreeMap<String, File>,
    made: BTreeMap<String, Made>,
    /// The contents that files hold, and whether they lie in a file of the store.
    placed: BTreeMap<ContentHash, bool>,
}

pub type Outcome<T> = Result<T, ErrorKind>;

/// Returns the bytes of a content: those of any two share their beginning.
pub fn bytes(index: usize) -> Rc<[u8]> {
    (0..CONTENTS[index])
        .map(|at| b'a' + (at % 23) as u8)
        .collect()
}

fn within(path: &str, directory: &str) -> bool {
    path == directory || below(path, directory)
}

fn below(path: &str, directory: &str) -> bool {
    match directory {
        "/" => path != "/",
        _ => path.starts_with(&format!("{directory}/")),
    }
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

impl Reference {
    pub fn node(&self, path: &str) -> Option<Node> {
        if let Some(file) = self.files.get(path) {
            return Some(Node::File(file.clone()));
        }
        if let Some(made) = self.made.get(path) {
            return Some(Node::Directory(Some(made.id)));
        }
        (path == "/" || !self.is_empty(path)).then_some(Node::Directory(None))
    }

    fn is_empty(&self, path: &str) -> bool {
        !self
            .files
            .keys()
            .chain(self.made.keys())
            .any(|other| below(other, path))
    }

    pub fn files(&self) -> impl Iterator<Item = (&String, &File)> {
        self.files.iter()
    }

    /// Returns all paths, of files and directories.
    pub fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for path in self.files.keys().chain(self.made.keys()) {
            let mut path = path.as_str();
            while path != "/" {
                paths.insert(path.to_owned());
                path = parent(path);
            }
        }
        paths
    }

    pub fn file(&self, path: &str) -> Outcome<&File> {
        match (self.files.get(path), self.node(path)) {
            (Some(file), _) => Ok(file),
            (None, Some(_)) => Err(ErrorKind::IsADirectory),
            (None, None) => Err(ErrorKind::NotFound),
        }
    }

    /// Returns the metadata of a file, or of a directory that was made.
    pub fn metadata(&self, path: &str) -> Outcome<&Metadata> {
        match self.made.get(path) {
            Some(made) => Ok(&made.metadata),
            None => self.file(path).map(|file| &file.metadata),
        }
    }

    fn metadata_mut(&mut self, path: &str) -> Outcome<&mut Metadata> {
        self.metadata(path)?;
        let made = self.made.get_mut(path).map(|made| &mut made.metadata);
        let file = self.files.get_mut(path).map(|file| &mut file.metadata);
        made.or(file).ok_or(ErrorKind::NotFound)
    }

    fn directory(&self, path: &str) -> Outcome<()> {
        match self.node(path) {
            Some(Node::Directory(_)) => Ok(()),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory),
            None => Err(ErrorKind::NotFound),
        }
    }

    pub fn list(&self, at: &Where, directories: bool) -> Outcome<Vec<String>> {
        let chosen: Box<dyn Fn(&str) -> bool> = match at {
            Where::Below(directory) => {
                self.directory(directory)?;
                Box::new(|path| below(path, directory))
            }
            Where::Children(directory) => {
                self.directory(directory)?;
                Box::new(move |path| parent(path) == directory)
            }
            Where::Prefix(prefix) => Box::new(|path| path.starts_with(prefix.as_str())),
        };
        let directories = directories || matches!(at, Where::Children(_));
        let all = self.paths().into_iter();
        Ok(all
            .filter(|path| chosen(path) && (directories || self.files.contains_key(path)))
            .collect())
    }

    pub fn find(&self, base: &str, key: &str, value: &str) -> Outcome<Vec<String>> {
        self.directory(base)?;
        let has = |metadata: &Metadata| metadata.get(key).is_some_and(|held| same(held, value));
        Ok(self
            .paths()
            .into_iter()
            .filter(|path| below(path, base) && self.metadata(path).is_ok_and(has))
            .collect())
    }

    /// Returns the hashes of the contents that lie in files of the store.
    pub fn content_files(&self) -> BTreeSet<ContentHash> {
        let placed = self.placed.iter();
        placed
            .filter(|(_, in_file)| **in_file)
            .map(|(hash, _)| *hash)
            .collect()
    }

    /// Applies changes in order, all or nothing: returns what each left, or the number of the one that
    /// failed and why. New contents of more than `inline_max` bytes become files of the store.
    pub fn apply(
        &mut self,
        changes: &[Change],
        inline_max: usize,
    ) -> Result<Vec<Option<Placed<Node>>>, (usize, ErrorKind)> {
        let mut next = self.clone();
        let mut left = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let path = next.change(change).map_err(|kind| (index, kind))?;
            next.place(inline_max);
            left.push(path.map(|path| {
                let node = next.node(&path).expect("what a change left is there");
                (path, node)
            }));
        }
        *self = next;
        Ok(left)
    }

    fn place(&mut self, inline_max: usize) {
        let before = std::mem::take(&mut self.placed);
        for file in self.files.values() {
            let hash = ContentHash::of(&file.content);
            let in_file = file.content.len() > inline_max;
            let placed = before.get(&hash).copied().unwrap_or(in_file);
            self.placed.insert(hash, placed);
        }
    }

    fn mark(&mut self) -> Mark {
        self.next += 1;
        self.next
    }

    /// Applies one change and returns the path that it leaves something at.
    fn change(&mut self, change: &Change) -> Outcome<Option<String>> {
        match change {
            Change::Write {
                path,
                content,
                condition,
                mime_type,
            } => {
                self.check(path, *condition)?;
                self.put(path, bytes(*content), *mime_type)?;
                Ok(Some(path.clone()))
            }
            Change::Append {
                path,
                content,
                condition,
            } => {
                self.check(path, *condition)?;
                let old = self.files.get(path).map(|file| Rc::clone(&file.content));
                let all = [&*old.unwrap_or_default(), &*bytes(*content)].concat();
                self.put(path, all.into(), None)?;
                Ok(Some(path.clone()))
            }
            Change::Delete { path, condition } => {
                self.check(path, *condition)?;
                self.file(path)?;
                self.files.remove(path);
                Ok(None)
            }
            Change::Rename {
                from,
                to,
                no_replace,
            } => {
                if self.make_way(from, to, *no_replace)? {
                    self.rename(from, to);
                }
                Ok(Some(to.clone()))
            }
            Change::Copy {
                from,
                to,
                no_replace,
            } => {
                if self.make_way(from, to, *no_replace)? {
                    self.copy(from, to);
                }
                Ok(Some(to.clone()))
            }
            Change::MakeDirectory {
                path,
                parents,
                exist_ok,
            } => {
                self.make_directory(path, *parents, *exist_ok)?;
                Ok(Some(path.clone()))
            }
            Change::RemoveDirectory { path, recursive } => {
                self.directory(path)?;
                if !recursive && !self.is_empty(path) {
                    return Err(ErrorKind::NotEmpty);
                }
                self.files.retain(|other, _| !within(other, path));
                self.made.retain(|other, _| !within(other, path));
                Ok(None)
            }
            Change::SetMeta { path, values } => {
                self.metadata_mut(path)?.extend(values.iter().copied());
                Ok(Some(path.clone()))
            }
            Change::DeleteMeta { path, key } => {
                let removed = self.metadata_mut(path)?.remove(key);
                removed.ok_or(ErrorKind::NotFound)?;
                Ok(Some(path.clone()))
            }
            Change::RequireEtag { path, content } => {
                let condition = content.map_or(Condition::IfNoneMatch, Condition::IfMatch);
                self.check(path, condition)?;
                Ok(None)
            }
        }
    }

    fn check(&self, path: &str, condition: Condition) -> Outcome<()> {
        match (condition, self.node(path)) {
            (Condition::None, _) | (Condition::IfNoneMatch, None) => Ok(()),
            (Condition::IfMatch(content), Some(Node::File(file)))
                if file.content == bytes(content) =>
            {
                Ok(())
            }
            (Condition::IfMatch(_), Some(Node::Directory(_))) => Err(ErrorKind::IsADirectory),
            _ => Err(ErrorKind::Conflict),
        }
    }

    /// Returns an error if something above `path` is a file.
    fn check_above(&self, path: &str) -> Outcome<()> {
        let is_above = |file: &&String| below(path, file);
        match self.files.keys().find(is_above) {
            Some(_) => Err(ErrorKind::NotADirectory),
            None => Ok(()),
        }
    }

    fn put(&mut self, path: &str, content: Rc<[u8]>, mime: Option<&str>) -> Outcome<()> {
        match self.node(path) {
            Some(Node::Directory(_)) => return Err(ErrorKind::IsADirectory),
            Some(Node::File(mut file)) => {
                file.version += u64::from(file.content != content);
                file.content = content;
                file.modified = self.mark();
                file.mime_given |= mime.is_some();
                if let Some(mime) = mime {
                    file.mime_type = mime.to_owned();
                }
                self.files.insert(path.to_owned(), file);
            }
            None => {
                self.check_above(path)?;
                let mark = self.mark();
                let file = File {
                    id: mark,
                    created: mark,
                    modified: mark,
                    content,
                    version: 1,
                    mime_type: mime
                        .unwrap_or_else(|| guess_mime_type(name(path)))
                        .to_owned(),
                    mime_given: mime.is_some(),
                    metadata: BTreeMap::new(),
                };
                self.files.insert(path.to_owned(), file);
            }
        }
        Ok(())
    }

    /// Checks that `from` can go to `to`, and removes what gives way there. Returns whether there is
    /// anything to do.
    fn make_way(&mut self, from: &str, to: &str, no_replace: bool) -> Outcome<bool> {
        let source = self.node(from).ok_or(ErrorKind::NotFound)?;
        if from == to {
            return Ok(false);
        }
        match (&source, self.node(to)) {
            (Node::File(_), _) if within(to, from) => return Err(ErrorKind::NotADirectory),
            (_, _) if within(to, from) => return Err(ErrorKind::InvalidArgument),
            (_, None) => {}
            (_, Some(_)) if no_replace => return Err(ErrorKind::AlreadyExists),
            (Node::File(_), Some(Node::File(_))) => drop(self.files.remove(to)),
            (Node::File(_), Some(_)) => return Err(ErrorKind::IsADirectory),
            (_, Some(Node::File(_))) => return Err(ErrorKind::NotADirectory),
            _ if !self.is_empty(to) => return Err(ErrorKind::NotEmpty),
            _ => drop(self.made.remove(to)),
        }
        self.check_above(to)?;
        Ok(true)
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved = |path: &str| format!("{to}{}", &path[from.len()..]);
        let (files, made): (Vec<_>, Vec<_>) = self.tree(from);
        for (path, mut file) in files {
            self.files.remove(&path);
            if !file.mime_given {
                file.mime_type = guess_mime_type(name(&moved(&path))).to_owned();
            }
            self.files.insert(moved(&path), file);
        }
        for (path, directory) in made {
            self.made.remove(&path);
            self.made.insert(moved(&path), directory);
        }
    }

    /// Copies in the order of paths: what comes first is older.
    fn copy(&mut self, from: &str, to: &str) {
        let (files, made) = self.tree(from);
        let mut files: BTreeMap<String, File> = files.into_iter().collect();
        let mut made: BTreeMap<String, Made> = made.into_iter().collect();
        let all: BTreeSet<String> = files.keys().chain(made.keys()).cloned().collect();
        for path in all {
            let moved = format!("{to}{}", &path[from.len()..]);
            let mark = self.mark();
            if let Some(directory) = made.remove(&path) {
                let id = mark;
                self.made.insert(moved, Made { id, ..directory });
                continue;
            }
            let Some(file) = files.remove(&path) else {
                continue;
            };
            let mut copy = File {
                id: mark,
                created: mark,
                modified: mark,
                version: 1,
                ..file
            };
            if !copy.mime_given {
                copy.mime_type = guess_mime_type(name(&moved)).to_owned();
            }
            self.files.insert(moved, copy);
        }
    }

    fn tree(&self, root: &str) -> (Vec<Placed<File>>, Vec<Placed<Made>>) {
        let files = self.files.iter().filter(|(path, _)| within(path, root));
        let made = self.made.iter().filter(|(path, _)| within(path, root));
        (
            files
                .map(|(path, file)| (path.clone(), file.clone()))
                .collect(),
            made.map(|(path, made)| (path.clone(), made.clone()))
                .collect(),
        )
    }

    fn make_directory(&mut self, path: &str, parents: bool, exist_ok: bool) -> Outcome<()> {
        match self.node(path) {
            Some(Node::File(_)) => return Err(ErrorKind::AlreadyExists),
            Some(Node::Directory(_)) if !exist_ok => return Err(ErrorKind::AlreadyExists),
            Some(Node::Directory(Some(_))) => return Ok(()),
            Some(Node::Directory(None)) => {
                self.add_directory(path);
                return Ok(());
            }
            None => {}
        }
        // The root of a namespace is not for its users to make.
        let is_given = |path: &str| matches!(path, "/" | "/shared");
        let above = parent(path);
        match self.node(above) {
            Some(Node::File(_)) => return Err(ErrorKind::NotADirectory),
            None if !parents && !is_given(above) => {
                let is_file = |path: &str| matches!(self.node(path), Some(Node::File(_)));
                let mut missing = std::iter::successors(Some(above), |path| Some(parent(path)))
                    .take_while(|path| !is_given(path));
                return Err(match missing.any(is_file) {
                    true => ErrorKind::NotADirectory,
                    false => ErrorKind::NotFound,
                });
            }
            _ => self.check_above(path)?,
        }
        let mut missing = vec![path];
        let mut above = above;
        while self.node(above).is_none() {
            if !is_given(above) {
                missing.push(above);
            }
            above = parent(above);
        }
        for path in missing.into_iter().rev() {
            self.add_directory(path);
        }
        Ok(())
    }

    fn add_directory(&mut self, path: &str) {
        let made = Made {
            id: self.mark(),
            metadata: Metadata::new(),
        };
        self.made.insert(path.to_owned(), made);
    }
}

/// Returns whether two values are the same by meaning: 1 and 1.0 are.
fn same(a: &str, b: &str) -> bool {
    fn plain(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().into(),
            Value::Array(values) => values.into_iter().map(plain).collect(),
            Value::Object(members) => members.into_iter().map(|(k, v)| (k, plain(v))).collect(),
            other => other,
        }
    }
    let parse = |text: &str| plain(serde_json::from_str(text).unwrap());
    parse(a) == parse(b)
}
