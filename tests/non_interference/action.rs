//! What an agent may try: changes and questions on its own paths, on others', and on the directories
//! above both.

use proptest::prelude::*;

/// Contents that everyone writes, so that hashes meet; inline and as files.
pub const CONTENTS: [&str; 4] = [
    "",
    "needle one\n",
    "two\nneedle\n",
    "a longer needle, kept as a file\n",
];

#[derive(Debug, Clone)]
pub enum Action {
    Write(String, usize),
    Append(String, usize),
    Delete(String),
    Rename(String, String),
    Copy(String, String),
    MakeDirectory(String, bool),
    RemoveDirectory(String, bool),
    SetMeta(String, &'static str, String),
    /// `depends_on`, by path.
    Depend(String, String),
    /// `depends_on`, by the id of another's file.
    DependOnId(String),
    DeleteMeta(String, &'static str),
    /// A batch: a condition on one path, by etag or by lease, and a write to another.
    WriteIf(String, Option<usize>, String),
    WriteUnderLease(String, String),
    Read(String),
    Stat(String),
    List {
        path: String,
        recursive: bool,
        directories: bool,
        limit: usize,
    },
    ListPrefix {
        prefix: String,
        directories: bool,
        limit: usize,
    },
    Glob(String, &'static str, usize),
    Grep(String),
    ListMeta(String),
    FindByMeta(String, &'static str, &'static str, usize),
    PathOfOthersId,
    ContentInfo(usize),
    ContentIds(String, String),
    StorageStats,
    Work,
    WorkStats(String),
    Explain(String),
    Export(String),
    Import(String, usize),
    Upkeep,
}

/// Returns changes and questions on paths of `paths`.
pub fn action(paths: BoxedStrategy<String>) -> BoxedStrategy<Action> {
    use Action::*;
    let path = || paths.clone();
    let limit = || prop_oneof![Just(0_usize), Just(1), Just(2)];
    let question = prop_oneof![
        2 => path().prop_map(Read),
        3 => path().prop_map(Stat),
        4 => (path(), any::<bool>(), any::<bool>(), limit()).prop_map(
            |(path, recursive, directories, limit)| List { path, recursive, directories, limit }
        ),
        2 => (path(), any::<prop::sample::Index>(), any::<bool>(), limit()).prop_map(
            |(path, cut, directories, limit)| {
                let prefix = path[..cut.index(path.len() + 1)].to_owned();
                ListPrefix { prefix, directories, limit }
            }
        ),
        2 => (path(), prop::sample::select(vec!["**", "*", "*/*", "**/a*", "{a,acme,zed}/**"]), limit())
            .prop_map(|(base, pattern, limit)| Glob(base, pattern, limit)),
        2 => path().prop_map(Grep),
        1 => path().prop_map(ListMeta),
        2 => (
            path(),
            prop::sample::select(vec![("k", "1"), ("status", "\"ready\""), ("status", "\"blocked\"")]),
            limit(),
        )
            .prop_map(|(base, (key, value), limit)| FindByMeta(base, key, value, limit)),
        1 => Just(PathOfOthersId),
        2 => (0..CONTENTS.len()).prop_map(ContentInfo),
        1 => (path(), path()).prop_map(|(a, b)| ContentIds(a, b)),
        1 => Just(StorageStats),
        2 => Just(Work),
        1 => path().prop_map(WorkStats),
        1 => path().prop_map(Explain),
        1 => path().prop_map(Export),
        1 => Just(Upkeep),
    ];
    prop_oneof![3 => change(paths.clone(), paths.clone()), 2 => question].boxed()
}

/// Returns changes of paths of `targets`, which may name other paths of `paths` besides.
pub fn change(
    targets: BoxedStrategy<String>,
    paths: BoxedStrategy<String>,
) -> BoxedStrategy<Action> {
    use Action::*;
    let (target, path) = (|| targets.clone(), || paths.clone());
    let content = || 0..CONTENTS.len();
    let value = prop::sample::select(vec![
        ("k", "1"),
        ("status", "\"ready\""),
        ("status", "\"pending\""),
        ("status", "\"blocked\""),
        ("status", "\"completed\""),
        ("priority", "3"),
    ]);
    prop_oneof![
        8 => (target(), content()).prop_map(|(path, content)| Write(path, content)),
        1 => (target(), content()).prop_map(|(path, content)| Append(path, content)),
        2 => target().prop_map(Delete),
        2 => (target(), target()).prop_map(|(from, to)| Rename(from, to)),
        2 => (path(), target()).prop_map(|(from, to)| Copy(from, to)),
        2 => (target(), any::<bool>()).prop_map(|(path, parents)| MakeDirectory(path, parents)),
        1 => (target(), any::<bool>()).prop_map(|(path, recursive)| RemoveDirectory(path, recursive)),
        5 => (target(), value).prop_map(|(path, (key, value))| SetMeta(path, key, value.to_owned())),
        3 => (target(), path()).prop_map(|(path, on)| Depend(path, on)),
        1 => target().prop_map(DependOnId),
        1 => (target(), prop::sample::select(vec!["k", "status", "depends_on"]))
            .prop_map(|(path, key)| DeleteMeta(path, key)),
        2 => (path(), prop::option::of(content()), target())
            .prop_map(|(at, content, path)| WriteIf(at, content, path)),
        1 => (path(), target()).prop_map(|(at, path)| WriteUnderLease(at, path)),
        2 => (target(), content()).prop_map(|(path, content)| Import(path, content)),
    ]
    .boxed()
}
