//! Queries over work items.

use nexusfs_core::metadata::Change;
use nexusfs_core::range::PathRange;
use nexusfs_core::work::{Status, WorkView};

use super::Subject;
use super::changes::{item, make_ready, path, set, set_all};
use super::subject::{SECOND, names_of};

const VIEWS: [WorkView; 5] = [
    WorkView::Ready,
    WorkView::Blocked,
    WorkView::Pending,
    WorkView::InProgress,
    WorkView::ByPriority,
];

fn view(subject: &Subject, view: WorkView) -> Vec<String> {
    let items = subject.store.work(view, 999, &subject.all()).unwrap();
    names_of(&items).into_iter().map(str::to_owned).collect()
}

/// Makes items of every kind, among them two that wait.
fn make_all(subject: &Subject) {
    let later = nexusfs_core::time::format_time(subject.wall() + 1000 * SECOND);
    for (at, keys) in [
        ("/ready-2", r#"{"status": "ready", "priority": 2}"#),
        ("/ready-none", r#"{"status": "ready"}"#),
        ("/ready-1", r#"{"status": "ready", "priority": 1}"#),
        ("/pending-b", r#"{"status": "pending"}"#),
        ("/pending-a", r#"{"status": "pending"}"#),
        ("/by-hand", r#"{"status": "in_progress"}"#),
        (
            "/by-hand-late",
            r#"{"status": "in_progress", "started_at": "2100-01-01T00:00:00Z"}"#,
        ),
        ("/held", r#"{"status": "blocked", "priority": -5}"#),
        ("/done", r#"{"status": "completed"}"#),
        ("/failed", r#"{"status": "failed", "priority": 0}"#),
        ("/cancelled", r#"{"status": "cancelled"}"#),
        ("/no-item", r#"{"priority": 0}"#),
    ] {
        subject.commit(item(subject, at, keys).into());
        subject.pass(1);
    }
    let delayed = format!("{{\"status\": \"ready\", \"not_before\": \"{later}\"}}");
    subject.commit(item(subject, "/delayed", &delayed).into());
    subject.commit(
        item(
            subject,
            "/waits-1",
            r#"{"status": "ready", "depends_on": ["/failed"]}"#,
        )
        .into(),
    );
    subject.commit(
        item(
            subject,
            "/waits-2",
            r#"{"status": "pending", "priority": 9, "depends_on": ["/failed", "/held"]}"#,
        )
        .into(),
    );
    subject.commit(
        item(
            subject,
            "/waits-0",
            r#"{"status": "blocked", "priority": 1, "depends_on": ["/failed", "/done"]}"#,
        )
        .into(),
    );
}

/// Each view has its items, in its order.
pub fn views_hold_items_in_their_order(subject: &Subject) {
    make_all(subject);
    assert_eq!(
        view(subject, WorkView::Ready),
        ["/ready-1", "/ready-2", "/ready-none"]
    );
    assert_eq!(
        view(subject, WorkView::Blocked),
        ["/waits-2", "/waits-0", "/waits-1", "/held"]
    );
    assert_eq!(
        view(subject, WorkView::Pending),
        ["/pending-b", "/pending-a"]
    );
    assert_eq!(
        view(subject, WorkView::InProgress),
        ["/by-hand-late", "/by-hand"]
    );
    let by_priority = [
        "/held",
        "/failed",
        "/ready-1",
        "/waits-0",
        "/ready-2",
        "/waits-2",
        "/ready-none",
        "/pending-b",
        "/pending-a",
        "/by-hand",
        "/by-hand-late",
        "/done",
        "/cancelled",
        "/delayed",
        "/waits-1",
    ];
    assert_eq!(view(subject, WorkView::ByPriority), by_priority);
    // To look is not to claim.
    assert_eq!(
        view(subject, WorkView::Ready),
        ["/ready-1", "/ready-2", "/ready-none"]
    );
    let claimed = subject.claim(1, 10 * SECOND);
    assert_eq!(names_of(&claimed), ["/ready-1"]);
    let running = subject
        .store
        .work(WorkView::InProgress, 9, &subject.all())
        .unwrap();
    assert_eq!(
        names_of(&running),
        ["/by-hand-late", "/ready-1", "/by-hand"]
    );
    assert_eq!((running[1].lease, running[0].lease), (claimed[0].lease, 0));
    subject.pass(10 * SECOND);
    let running = subject
        .store
        .work(WorkView::InProgress, 9, &subject.all())
        .unwrap();
    assert!(running[1].lease_expired && !running[2].lease_expired);
    subject.pass(1000 * SECOND);
    assert_eq!(
        view(subject, WorkView::Ready),
        ["/ready-2", "/ready-none", "/delayed"]
    );
}

/// A limit is one of items that the caller sees.
pub fn a_view_ends_at_its_limit_and_its_part(subject: &Subject) {
    for (at, priority) in [
        ("/shared/b/1", 1),
        ("/shared/a/2", 2),
        ("/shared/b/3", 3),
        ("/x/4", 4),
        ("/shared/a-b/5", 5),
        ("/shared/a/6", 6),
    ] {
        subject.commit(
            item(
                subject,
                at,
                &format!("{{\"status\": \"ready\", \"priority\": {priority}}}"),
            )
            .into(),
        );
    }
    let grant = subject.of(Some("a"), None);
    let order = ["/shared/a/2", "/x/4", "/shared/a/6"];
    for limit in 0..5 {
        for view in [WorkView::Ready, WorkView::ByPriority] {
            let items = subject.store.work(view, limit, &grant).unwrap();
            assert_eq!(
                names_of(&items),
                order[..limit.min(3)],
                "{view:?} of {limit}"
            );
            assert!(items.iter().all(|item| item.status == Status::Ready));
        }
    }
    subject.commit(vec![
        set("/x/4", "status", "\"pending\""),
        set("/shared/b/1", "status", "\"pending\""),
    ]);
    let pending = subject.store.work(WorkView::Pending, 1, &grant).unwrap();
    assert_eq!(names_of(&pending), ["/x/4"]);
}

/// However many items there are, each is in its view, in order.
pub fn many_items_are_sorted_like_few(subject: &Subject) {
    let statuses = ["ready", "pending", "in_progress", "blocked", "completed"];
    let many = (0..1500).flat_map(|n| {
        let status = statuses[n % 5];
        let priority = (n * 7919) % 1500;
        let keys = format!("{{\"status\": \"{status}\", \"priority\": {priority}}}");
        item(subject, &format!("/many/{}/{n}", n % 11), &keys)
    });
    let many: Vec<Change> = many.collect();
    subject.commit(many);
    for (index, view) in [
        WorkView::Ready,
        WorkView::Pending,
        WorkView::InProgress,
        WorkView::Blocked,
    ]
    .into_iter()
    .enumerate()
    {
        let items = subject
            .store
            .work(view, usize::MAX, &subject.all())
            .unwrap();
        assert_eq!(items.len(), 300, "{view:?}");
        assert!(
            items
                .iter()
                .all(|item| item.status.name() == statuses[index]),
            "{view:?}"
        );
        let key = |item: &nexusfs_core::work::WorkItem| match view {
            WorkView::InProgress => (0, item.path.to_string()),
            _ => (item.priority.unwrap(), item.path.to_string()),
        };
        assert!(items.is_sorted_by_key(key), "{view:?}");
        let few = subject.store.work(view, 10, &subject.all()).unwrap();
        assert_eq!(few, items[..10], "{view:?}");
    }
    let all = subject
        .store
        .work(WorkView::ByPriority, usize::MAX, &subject.all())
        .unwrap();
    assert_eq!(all.len(), 1500);
    assert!(all.is_sorted_by_key(|item| item.priority));
}

/// No item is in two of the views that are counted.
pub fn counts_agree_with_the_views(subject: &Subject) {
    make_all(subject);
    subject.claim(1, 10 * SECOND);
    let all = PathRange::all();
    let counts = subject.store.work_counts(&all, &subject.all()).unwrap();
    let of = |status: Status| {
        let index = Status::ALL
            .iter()
            .position(|known| *known == status)
            .unwrap();
        counts.by_status[index]
    };
    assert_eq!(counts.by_status.iter().sum::<u64>(), 15);
    assert_eq!(
        [
            of(Status::Ready),
            of(Status::Pending),
            of(Status::Blocked),
            of(Status::InProgress)
        ],
        [4, 3, 2, 3]
    );
    assert_eq!(
        [
            of(Status::Completed),
            of(Status::Failed),
            of(Status::Cancelled)
        ],
        [1, 1, 1]
    );
    let lengths = VIEWS.map(|kind| view(subject, kind).len() as u64);
    assert_eq!(
        [
            counts.ready,
            counts.blocked,
            counts.pending,
            counts.in_progress
        ],
        lengths[..4]
    );
    assert_eq!(counts.delayed, 1);
    subject.clock.step_wall(2000 * SECOND);
    let counts = subject.store.work_counts(&all, &subject.all()).unwrap();
    assert_eq!([counts.ready, counts.delayed], [3, 0]);
    make_ready(subject, &["/shared/a/1", "/shared/b/1", "/t/1", "/t-x"]);
    let within = |range: &PathRange, grant: &nexusfs_core::metadata::Grant| {
        subject.store.work_counts(range, grant).unwrap().ready
    };
    assert_eq!(within(&PathRange::under("/t"), &subject.all()), 1);
    assert_eq!(within(&PathRange::with_prefix("/t"), &subject.all()), 2);
    assert_eq!(
        within(&PathRange::under("/shared"), &subject.of(Some("a"), None)),
        1
    );
}

/// All that keeps an item from being given out is told.
pub fn an_explanation_says_why_an_item_waits(subject: &Subject) {
    make_all(subject);
    let explain = |at: &str| subject.store.explain(&path(at), &subject.all()).unwrap();
    let none = explain("/no-item");
    assert_eq!((none.status, none.dependencies), (None, 0));
    subject.write_all(&["/file"]);
    assert_eq!(explain("/file"), Default::default());
    let delayed = explain("/delayed");
    assert!(delayed.delayed && delayed.open.is_empty());
    assert_eq!(delayed.not_before, Some(delayed.not_before.unwrap()));
    let waits = explain("/waits-2");
    let open: Vec<_> = waits
        .open
        .iter()
        .map(|blocker| (blocker.path.as_deref(), blocker.status))
        .collect();
    assert_eq!(
        open,
        [
            (Some("/failed"), Some(Status::Failed)),
            (Some("/held"), Some(Status::Blocked))
        ]
    );
    assert_eq!(
        (waits.status, waits.dependencies),
        (Some(Status::Pending), 2)
    );
    subject.commit(vec![set_all("/ready-1", r#"{"max_attempts": 1}"#)]);
    let claimed = subject.claim(1, 10 * SECOND);
    subject.commit(
        item(
            subject,
            "/after",
            r#"{"status": "blocked", "depends_on": "/ready-1"}"#,
        )
        .into(),
    );
    let running = explain("/ready-1");
    assert_eq!(
        (
            running.worker_id.as_deref(),
            running.attempts,
            running.max_attempts
        ),
        (Some("worker"), 1, Some(1))
    );
    assert_eq!(
        (running.lease_expires_at, running.lease_expired),
        (claimed[0].lease_expires_at, false)
    );
    assert_eq!(explain("/after").open[0].expired_lease, None);
    subject.pass(10 * SECOND);
    assert!(explain("/ready-1").lease_expired);
    let expired = explain("/after").open[0].expired_lease.clone().unwrap();
    assert_eq!(
        (expired.at, expired.is_last),
        (claimed[0].lease_expires_at, true)
    );
    subject.claim(1, 10 * SECOND);
    let failed = explain("/ready-1");
    assert_eq!(failed.status, Some(Status::Failed));
    assert!(failed.last_error.unwrap().contains("expired"));
    assert_eq!(explain("/after").open[0].expired_lease, None);
}
