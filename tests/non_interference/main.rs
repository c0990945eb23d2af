//! What one tenant's calls return does not depend on what others do: its random calls give the same
//! answers on a store of its own and on one where others are busy in between, trying its paths too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod action;

use std::fmt::Debug;
use std::path::PathBuf;

use nexusfs::content::ContentHash;
use nexusfs::error::Error;
use nexusfs::filesystem::{
    Conditions, ExportOptions, Filesystem, FindOptions, GrepOptions, ImportOptions, LeaseCondition,
    ListOptions, MkdirOptions, Page, RelocateOptions, WorkView, WriteOptions,
};
use nexusfs::metadata::Entry;
use nexusfs::path_id::PathId;
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::action::{Action, CONTENTS, action, change};

const NAMES: [&str; 4] = ["", "/a", "/a-b", "/a/x.txt"];

/// Whose calls are compared, and who disturbs them.
struct Scene {
    own: [Option<&'static str>; 2],
    /// What is the own part, alone.
    own_parts: &'static [&'static str],
    others: &'static [Other],
}

/// Someone who changes only what is none of the own part, though he may try anything.
struct Other {
    identity: [Option<&'static str>; 2],
    admin: bool,
    parts: &'static [&'static str],
    /// Whether all paths are tried, or only the parts changed: an admin would succeed.
    tries_everything: bool,
}

const OTHER_TENANT: Other = Other {
    identity: [Some("zed"), Some("bot")],
    admin: false,
    parts: &["/workspace/zed/bot", "/shared/zed", "/team/zed"],
    tries_everything: true,
};
/// Its name begins like the own tenant's.
const TENANT_NEXT_DOOR: Other = Other {
    identity: [Some("acme-1"), None],
    admin: false,
    parts: &["/workspace/acme-1/bot", "/shared/acme-1", "/team/acme-1"],
    tries_everything: true,
};
const ADMIN: Other = Other {
    identity: [None, None],
    admin: true,
    parts: &[
        "/workspace/zed/bot",
        "/shared/zed",
        "/system",
        "/archives/zed",
        "/workspace/zed/bot-1",
    ],
    tries_everything: false,
};
const COLLEAGUE: Other = Other {
    identity: [Some("acme"), Some("bot-1")],
    admin: false,
    parts: &["/workspace/acme/bot-1"],
    tries_everything: false,
};

const TENANT: Scene = Scene {
    own: [Some("acme"), None],
    own_parts: &[
        "/workspace/acme",
        "/workspace/acme/bot",
        "/shared/acme",
        "/team/acme",
    ],
    others: &[OTHER_TENANT, TENANT_NEXT_DOOR, ADMIN],
};
const AGENT: Scene = Scene {
    own: [Some("acme"), Some("bot")],
    own_parts: &["/workspace/acme/bot", "/shared/acme", "/team/acme"],
    others: &[OTHER_TENANT, TENANT_NEXT_DOOR, ADMIN, COLLEAGUE],
};
const AGENT_OF_ALL_TENANTS: Scene = Scene {
    own: [None, Some("bot")],
    own_parts: &[
        "/workspace/acme/bot",
        "/workspace/zed/bot",
        "/workspace/acme-1/bot",
    ],
    others: &[
        COLLEAGUE,
        Other {
            identity: [Some("zed"), Some("bot-1")],
            admin: false,
            parts: &["/workspace/zed/bot-1"],
            tries_everything: false,
        },
    ],
};

/// Directories above everyone's parts, and parts of others.
const ELSEWHERE: [&str; 18] = [
    "/",
    "/workspace",
    "/workspace/acme",
    "/workspace/zed",
    "/workspace/zed/bot/a",
    "/workspace/zed/bot-1/a",
    "/workspace/acme-1",
    "/workspace/acme/bot-1",
    "/workspace/acme/bot-1/a",
    "/shared",
    "/shared/zed",
    "/shared/zed/a",
    "/shared/acme-1",
    "/team",
    "/team/zed/a",
    "/system/a",
    "/archives",
    "/archives/zed/a",
];

#[derive(Debug, Clone)]
enum Step {
    Own(Action),
    Other(usize, Action),
}

fn below(parts: &'static [&'static str]) -> BoxedStrategy<String> {
    let names = prop::sample::select(&NAMES[..]);
    (prop::sample::select(parts), names)
        .prop_map(|(part, name)| format!("{part}{name}"))
        .boxed()
}

fn anywhere(parts: &'static [&'static str]) -> BoxedStrategy<String> {
    let elsewhere = prop::sample::select(&ELSEWHERE[..]).prop_map(str::to_owned);
    prop_oneof![4 => below(parts), 1 => elsewhere].boxed()
}

fn steps(scene: &'static Scene) -> BoxedStrategy<Vec<Step>> {
    let own = action(anywhere(scene.own_parts))
        .prop_map(Step::Own)
        .boxed();
    let others = scene.others.iter().enumerate().map(move |(index, other)| {
        let tried = prop_oneof![3 => below(other.parts), 1 => anywhere(scene.own_parts)].boxed();
        let targets = if other.tries_everything {
            tried.clone()
        } else {
            below(other.parts)
        };
        change(targets, tried)
            .prop_map(move |action| Step::Other(index, action))
            .boxed()
    });
    let others = prop::strategy::Union::new(others.collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![own, others], 1..60).boxed()
}

/// Runs the steps on a store for the own ones alone and on one for all, and compares the answers.
fn check(scene: &Scene, steps: &[Step]) {
    let (alone, together) = (Store::new(scene), Store::new(scene));
    let (mut answers, mut disturbed) = (Answers::default(), Answers::default());
    for step in steps {
        match step {
            Step::Other(other, action) => {
                let _ = together.run(&together.others[*other], action, PathId::generate());
            }
            Step::Own(action) => {
                // The id of another's file is to behave like one that does not exist.
                let answer = |store: &Store, secret: Option<PathId>, answers: &mut Answers| {
                    let secret = secret.unwrap_or_else(PathId::generate);
                    let answer = store.run(&store.own, action, secret);
                    answers.mask(answer.replace(&secret.to_string(), "the id of another"))
                };
                let expected = answer(&alone, None, &mut answers);
                let actual = answer(&together, together.id_of_another(), &mut disturbed);
                assert_eq!(actual, expected, "others are seen through {action:?}");
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        // PROPTEST_CASES asks for more.
        cases: std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(48),
        max_shrink_iters: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_tenant_learns_nothing_of_others(steps in steps(&TENANT)) {
        check(&TENANT, &steps);
    }

    #[test]
    fn an_agent_learns_nothing_of_others(steps in steps(&AGENT)) {
        check(&AGENT, &steps);
    }

    #[test]
    fn an_agent_of_all_tenants_learns_nothing_of_other_agents(steps in steps(&AGENT_OF_ALL_TENANTS)) {
        check(&AGENT_OF_ALL_TENANTS, &steps);
    }
}

struct Store {
    operator: Filesystem,
    own: Filesystem,
    others: Vec<Filesystem>,
    /// The last: a directory is removed when its store is closed.
    directory: TempDir,
}

impl Store {
    fn new(scene: &Scene) -> Self {
        let directory = TempDir::new().unwrap();
        let connect = |identity: [Option<&str>; 2], admin: bool| {
            let config = json!({
                "data_dir": directory.path().join("store"),
                "durability": "normal",
                "housekeeping": false,
                "inline_max_bytes": 16,
                "tenant_id": identity[0],
                "agent_id": identity[1],
                "is_admin": admin,
                "allow_readonly_writes": admin,
                "namespaces": [{"name": "team"}],
            });
            nexusfs::connect(Some(&config.to_string())).unwrap()
        };
        let others = scene.others.iter();
        Store {
            operator: connect([None, None], true),
            own: connect(scene.own, false),
            others: others
                .map(|other| connect(other.identity, other.admin))
                .collect(),
            directory,
        }
    }

    /// Returns the id of some file that is not the own one's to see.
    fn id_of_another(&self) -> Option<PathId> {
        let all = self.operator.list(&ListOptions::default()).unwrap().entries;
        let hidden = |entry: &Entry| !self.own.exists(entry.path.as_str()).unwrap();
        all.into_iter().find(hidden)?.path_id
    }

    /// Returns what `action` answers, where `secret` is the id that it tries.
    fn run(&self, handle: &Filesystem, action: &Action, secret: PathId) -> String {
        let secret = secret.to_string();
        let none = Conditions::default();
        match action {
            Action::Write(path, content) => answer(handle.write(
                path,
                CONTENTS[*content].as_bytes(),
                &WriteOptions::default(),
            )),
            Action::Append(path, content) => answer(handle.append(
                path,
                CONTENTS[*content].as_bytes(),
                &WriteOptions::default(),
            )),
            Action::Delete(path) => answer(handle.delete(path, &none)),
            Action::Rename(from, to) => {
                answer(handle.rename(from, to, &RelocateOptions::default()))
            }
            Action::Copy(from, to) => answer(handle.copy(from, to, &RelocateOptions::default())),
            Action::MakeDirectory(path, parents) => answer(handle.mkdir(
                path,
                MkdirOptions {
                    parents: *parents,
                    exist_ok: false,
                },
            )),
            Action::RemoveDirectory(path, recursive) => answer(handle.rmdir(path, *recursive)),
            Action::SetMeta(path, key, value) => answer(handle.set_meta(path, key, value, &none)),
            Action::Depend(path, on) => {
                answer(handle.set_meta(path, "depends_on", &json!(on).to_string(), &none))
            }
            Action::DependOnId(path) => {
                answer(handle.set_meta(path, "depends_on", &json!(secret).to_string(), &none))
            }
            Action::DeleteMeta(path, key) => answer(handle.delete_meta(path, key)),
            Action::WriteIf(at, content, path) => {
                let etag = content.map(|content| ContentHash::of(CONTENTS[content].as_bytes()));
                let mut batch = handle.batch();
                answer((|| {
                    batch.require_etag(at, etag)?;
                    batch.write(path, b"if", &WriteOptions::default())?;
                    batch.commit()
                })())
            }
            Action::WriteUnderLease(at, path) => {
                let lease = LeaseCondition {
                    path: at.clone(),
                    token: 1,
                };
                let conditions = Conditions {
                    lease: Some(lease),
                    ..Conditions::default()
                };
                let options = WriteOptions {
                    conditions,
                    mime_type: None,
                };
                answer(handle.write(path, b"leased", &options))
            }
            Action::Read(path) => answer(handle.read(path)),
            Action::Stat(path) => {
                let exists = (handle.exists(path), handle.is_directory(path));
                format!(
                    "{exists:?} {} {}",
                    answer(handle.stat(path)),
                    answer(handle.path_id(path))
                )
            }
            Action::List {
                path,
                recursive,
                directories,
                limit,
            } => pages(|cursor| {
                handle.list(&ListOptions {
                    path: Some(path.clone()),
                    prefix: None,
                    recursive: *recursive,
                    include_directories: *directories,
                    limit: *limit,
                    cursor,
                })
            }),
            Action::ListPrefix {
                prefix,
                directories,
                limit,
            } => pages(|cursor| {
                handle.list(&ListOptions {
                    prefix: Some(prefix.clone()),
                    include_directories: *directories,
                    limit: *limit,
                    cursor,
                    ..ListOptions::default()
                })
            }),
            Action::Glob(base, pattern, limit) => {
                pages(|cursor| handle.glob(pattern, &find(base, *limit, cursor)))
            }
            Action::Grep(base) => {
                let options = GrepOptions {
                    base: Some(base.clone()),
                    ..GrepOptions::default()
                };
                answer(handle.grep("needle", &options))
            }
            Action::ListMeta(path) => {
                format!(
                    "{} {}",
                    answer(handle.list_meta(path)),
                    answer(handle.get_meta(path, "k"))
                )
            }
            Action::FindByMeta(base, key, value, limit) => {
                pages(|cursor| handle.find_by_meta(key, value, &find(base, *limit, cursor)))
            }
            Action::PathOfOthersId => answer(handle.path_of_id(&secret)),
            Action::ContentInfo(content) => {
                let hash = ContentHash::of(CONTENTS[*content].as_bytes());
                answer(handle.content_info(&hash.to_string()))
            }
            Action::ContentIds(a, b) => answer(handle.content_ids(&[a, b])),
            Action::StorageStats => answer(handle.storage_stats()),
            Action::Work => {
                use WorkView::*;
                let views = [Ready, Blocked, Pending, InProgress, ByPriority];
                views.map(|view| answer(handle.work(view, 100))).join("\n")
            }
            Action::WorkStats(prefix) => answer(handle.work_stats(Some(prefix))),
            Action::Explain(path) => answer(handle.work_explain(path)),
            Action::Export(prefix) => self.export(handle, prefix),
            Action::Import(path, content) => self.import(handle, path, CONTENTS[*content]),
            Action::Upkeep => answer(handle.gc(&mut |_, _, _| true)),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn export(&self, handle: &Filesystem, prefix: &str) -> String {
        let file = self.file("export.jsonl");
        let options = ExportOptions {
            prefix: Some(prefix.to_owned()),
            ..ExportOptions::default()
        };
        let count = handle.export_metadata(file.to_str().unwrap(), &options, &mut |_, _, _| true);
        let lines = count
            .is_ok()
            .then(|| std::fs::read_to_string(&file).unwrap());
        format!("{} {lines:?}", answer(count))
    }

    /// Imports one line: a file at `path` whose content is known by its hash alone.
    fn import(&self, handle: &Filesystem, path: &str, content: &str) -> String {
        let hash = ContentHash::of(content.as_bytes()).to_string();
        let line = json!({
            "path": path,
            "backend_name": "local",
            "physical_path": hash,
            "size": content.len(),
            "etag": hash,
            "mime_type": "text/plain",
            "created_at": "2026-01-01T00:00:00Z",
            "modified_at": "2026-01-01T00:00:00Z",
            "version": 1,
            "custom_metadata": {},
        });
        let file = self.file("import.jsonl");
        std::fs::write(&file, format!("{line}\n")).unwrap();
        let options = ImportOptions::default();
        answer(handle.import_metadata(file.to_str().unwrap(), &options, &mut |_, _, _| true))
    }
}

fn find(base: &str, limit: usize, cursor: Option<String>) -> FindOptions {
    FindOptions {
        base: Some(base.to_owned()),
        limit,
        cursor,
    }
}

/// Everything that a caller can tell one answer from another by.
fn answer<T: Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{error:?} {:?} {:?}", error.path(), error.index()),
    }
}

/// Follows cursors to the end; each page shows what it holds and whether another follows.
fn pages(mut page: impl FnMut(Option<String>) -> Result<Page, Error>) -> String {
    let mut answers = String::new();
    let mut cursor = None;
    loop {
        match page(cursor) {
            Err(error) => return answers + &answer::<()>(Err(error)),
            Ok(page) => {
                answers += &format!("{:?} {}\n", page.entries, page.cursor.is_some());
                cursor = page.cursor;
            }
        }
        if cursor.is_none() {
            return answers;
        }
    }
}

/// Replaces what differs between any two stores: ids by the order in which they are met, and times.
struct Answers {
    ids: Vec<String>,
    uuid: Regex,
    time: Regex,
}

impl Default for Answers {
    fn default() -> Self {
        let hex = |count| format!("[0-9a-f]{{{count}}}");
        let uuid = [hex(8), hex(4), hex(4), hex(4), hex(12)].join("-");
        let field = r"((?:created|modified|updated|started)_at: (?:Some\()?)-?[1-9]\d*";
        let text = r"()\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z";
        Answers {
            ids: Vec::new(),
            uuid: Regex::new(&uuid).unwrap(),
            time: Regex::new(&format!("{field}|{text}")).unwrap(),
        }
    }
}

impl Answers {
    fn mask(&mut self, answer: String) -> String {
        let ids = &mut self.ids;
        let masked = self
            .uuid
            .replace_all(&answer, |found: &regex::Captures<'_>| {
                let known = ids.iter().position(|id| *id == found[0]);
                let index = known.unwrap_or_else(|| {
                    ids.push(found[0].to_owned());
                    ids.len() - 1
                });
                format!("#{index}")
            });
        self.time.replace_all(&masked, "${1}time").into_owned()
    }
}

/// A test of the test: were the answers empty, nothing could be told from them.
#[test]
fn the_masks_hide_ids_and_times_and_nothing_else() {
    let mut answers = Answers::default();
    let id = PathId::generate();
    let masked = answers.mask(format!(
        "{id} created_at: 17, size: 17 {}",
        json!({"at": id.to_string()})
    ));
    assert_eq!(masked, r##"#0 created_at: time, size: 17 {"at":"#0"}"##);
    assert_eq!(
        answers.mask("created_at: 0, 2026-01-01T00:00:00.123Z".into()),
        "created_at: 0, time"
    );
    let value: Value = json!({"ref_count": 2});
    assert_eq!(answers.mask(value.to_string()), value.to_string());
}
