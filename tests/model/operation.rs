//! Random operations over few names, so that they meet: names that sort around `/`, that are prefixes
//! of each other, and one that is no ASCII.

use proptest::prelude::*;

/// A content, by its number in [`CONTENTS`].
pub type ContentIndex = usize;

/// Sizes of the contents; inline and as a file under both limits of [`INLINE_LIMITS`], empty, and of
/// more than one block.
pub const CONTENTS: [usize; 8] = [0, 1, 16, 17, 64, 65, 200, 300_000];
/// `inline_max_bytes` of each handle.
pub const INLINE_LIMITS: [u32; 3] = [64, 64, 16];

const TOP: [&str; 4] = ["a", "a-b", "é", "shared"];
const NAMES: [&str; 5] = ["a", "a-b", "a.b", "é", "n.txt"];
const KEYS: [&str; 3] = ["k", "k2", "ключ"];
const VALUES: [&str; 6] = [
    "1",
    "1.0",
    "\"1\"",
    "[1,{\"x\":null}]",
    "[1.0,{ \"x\" : null}]",
    "true",
];

/// A condition on the file that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    None,
    IfMatch(ContentIndex),
    IfNoneMatch,
}

/// A change, alone or in a batch.
#[derive(Debug, Clone)]
pub enum Change {
    Write {
        path: String,
        content: ContentIndex,
        condition: Condition,
        mime_type: Option<&'static str>,
    },
    Append {
        path: String,
        content: ContentIndex,
        condition: Condition,
    },
    Delete {
        path: String,
        condition: Condition,
    },
    Rename {
        from: String,
        to: String,
        no_replace: bool,
    },
    Copy {
        from: String,
        to: String,
        no_replace: bool,
    },
    MakeDirectory {
        path: String,
        parents: bool,
        exist_ok: bool,
    },
    RemoveDirectory {
        path: String,
        recursive: bool,
    },
    SetMeta {
        path: String,
        values: Vec<(&'static str, &'static str)>,
    },
    DeleteMeta {
        path: String,
        key: &'static str,
    },
    RequireEtag {
        path: String,
        content: Option<ContentIndex>,
    },
}

/// What to list.
#[derive(Debug, Clone)]
pub enum Where {
    Below(String),
    Children(String),
    Prefix(String),
}

/// A question.
#[derive(Debug, Clone)]
pub enum Query {
    Read(String),
    ReadAt(String, u64, usize),
    Stat(String),
    List {
        at: Where,
        directories: bool,
        limit: usize,
    },
    FindByMeta {
        base: String,
        key: &'static str,
        value: &'static str,
        limit: usize,
    },
    ListMeta(String),
    ContentInfo(ContentIndex),
    ContentIds(Vec<String>),
}

/// One step, by the handle of the number.
#[derive(Debug, Clone)]
pub enum Step {
    Change(usize, Change),
    Batch(usize, Vec<Change>),
    Query(usize, Query),
    Reopen,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let handle = || 0..INLINE_LIMITS.len();
    let step = prop_oneof![
        12 => (handle(), change()).prop_map(|(handle, change)| Step::Change(handle, change)),
        3 => (handle(), prop::collection::vec(change(), 1..6))
            .prop_map(|(handle, changes)| Step::Batch(handle, changes)),
        8 => (handle(), query()).prop_map(|(handle, query)| Step::Query(handle, query)),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..60)
}

fn path() -> impl Strategy<Value = String> {
    let names = prop::collection::vec(prop::sample::select(&NAMES[..]), 0..3);
    (prop::sample::select(&TOP[..]), names).prop_map(|(top, names)| {
        let below: String = names.iter().map(|name| format!("/{name}")).collect();
        format!("/{top}{below}")
    })
}

fn directory() -> impl Strategy<Value = String> {
    prop_oneof![4 => path(), 1 => Just("/".to_owned())]
}

fn content() -> impl Strategy<Value = ContentIndex> {
    // The largest one is slow to write.
    prop_oneof![20 => 0..CONTENTS.len() - 1, 1 => Just(CONTENTS.len() - 1)]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        6 => Just(Condition::None),
        2 => content().prop_map(Condition::IfMatch),
        1 => Just(Condition::IfNoneMatch),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let mime_type = prop_oneof![5 => Just(None), 1 => Just(Some("application/x-given"))];
    let key = || prop::sample::select(&KEYS[..]);
    let value = (key(), prop::sample::select(&VALUES[..]));
    let from_match = prop_oneof![
        3 => Just(Condition::None),
        1 => content().prop_map(Condition::IfMatch),
    ];
    prop_oneof![
        10 => (path(), content(), condition(), mime_type).prop_map(
            |(path, content, condition, mime_type)| Change::Write { path, content, condition, mime_type }
        ),
        3 => (path(), content(), condition())
            .prop_map(|(path, content, condition)| Change::Append { path, content, condition }),
        3 => (path(), from_match).prop_map(|(path, condition)| Change::Delete { path, condition }),
        5 => (path(), path(), prop::bool::weighted(0.2))
            .prop_map(|(from, to, no_replace)| Change::Rename { from, to, no_replace }),
        4 => (path(), path(), prop::bool::weighted(0.2))
            .prop_map(|(from, to, no_replace)| Change::Copy { from, to, no_replace }),
        3 => (path(), any::<bool>(), any::<bool>())
            .prop_map(|(path, parents, exist_ok)| Change::MakeDirectory { path, parents, exist_ok }),
        2 => (path(), any::<bool>())
            .prop_map(|(path, recursive)| Change::RemoveDirectory { path, recursive }),
        4 => (path(), prop::collection::vec(value, 1..3)).prop_map(|(path, mut values)| {
            values.sort();
            values.dedup_by_key(|(key, _)| *key);
            Change::SetMeta { path, values }
        }),
        1 => (path(), key()).prop_map(|(path, key)| Change::DeleteMeta { path, key }),
        1 => (path(), prop::option::of(content()))
            .prop_map(|(path, content)| Change::RequireEtag { path, content }),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let prefix = (directory(), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(path, cut, slash)| {
            let ends: Vec<usize> = path
                .char_indices()
                .map(|(at, c)| at + c.len_utf8())
                .collect();
            let cut = path[..*cut.get(&ends)].to_owned();
            if slash { cut + "/" } else { cut }
        },
    );
    let at = prop_oneof![
        directory().prop_map(Where::Below),
        directory().prop_map(Where::Children),
        prefix.prop_map(Where::Prefix),
    ];
    let limit = || prop_oneof![Just(0_usize), 1..5_usize];
    let key = prop::sample::select(&KEYS[..]);
    let value = prop::sample::select(&VALUES[..]);
    prop_oneof![
        3 => directory().prop_map(Query::Read),
        2 => (path(), 0..300_u64, 0..100_usize)
            .prop_map(|(path, offset, count)| Query::ReadAt(path, offset, count)),
        1 => (path(), 262_000..262_300_u64, 0..500_usize)
            .prop_map(|(path, offset, count)| Query::ReadAt(path, offset, count)),
        3 => directory().prop_map(Query::Stat),
        6 => (at, any::<bool>(), limit())
            .prop_map(|(at, directories, limit)| Query::List { at, directories, limit }),
        3 => (directory(), key, value, limit()).prop_map(
            |(base, key, value, limit)| Query::FindByMeta { base, key, value, limit }
        ),
        1 => directory().prop_map(Query::ListMeta),
        2 => content().prop_map(Query::ContentInfo),
        1 => prop::collection::vec(directory(), 0..4).prop_map(Query::ContentIds),
    ]
}
