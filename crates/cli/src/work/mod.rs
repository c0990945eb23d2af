//! `work`: the queue that the files with a status make.
//!
//! | commands | where |
//! |---|---|
//! | `ready`, `pending`, `blocked`, `in-progress`, `by-priority` | `views` |
//! | `status`, `explain` | `explain` |
//! | `graph` | `graph`, `dependencies` (what depends on what), `draw` (DOT, Mermaid), `svg` |
//! | `claim`, `heartbeat`, `complete`, `fail`, `release` | `lease` |
//! | `run` | `run` |
//! | `top` | `top` |

mod dependencies;
mod draw;
mod explain;
mod graph;
mod lease;
mod run;
mod svg;
mod top;
mod views;

pub use self::run::supervise;

use clap::Subcommand;
use nexusfs_core::filesystem::WorkView;

use crate::failure::Result;
use crate::session::Session;

// A type says what its command does: a comment on the variant would take the place of the whole text in help and manual.
#[derive(Debug, Subcommand)]
pub enum Work {
    /// List what may be worked on now
    Ready(views::List),
    /// List what waits for its owner
    Pending(views::List),
    /// List what waits for other items, or is held by hand
    Blocked(views::List),
    /// List what is being worked on
    #[command(visible_alias = "running")]
    InProgress(views::List),
    /// List every item
    #[command(visible_alias = "list")]
    ByPriority(views::List),
    Status(explain::Status),
    Explain(explain::Explain),
    Graph(graph::Graph),
    Claim(lease::Claim),
    Heartbeat(lease::Heartbeat),
    Complete(lease::Complete),
    Fail(lease::Fail),
    Release(lease::Release),
    Run(run::Run),
    Top(top::Top),
}

impl Work {
    pub fn run(self, session: &mut Session) -> Result<()> {
        match self {
            Work::Ready(list) => list.run(WorkView::Ready, session),
            Work::Pending(list) => list.run(WorkView::Pending, session),
            Work::Blocked(list) => list.run(WorkView::Blocked, session),
            Work::InProgress(list) => list.run(WorkView::InProgress, session),
            Work::ByPriority(list) => list.run(WorkView::ByPriority, session),
            Work::Status(args) => args.run(session),
            Work::Explain(args) => args.run(session),
            Work::Graph(args) => args.run(session),
            Work::Claim(args) => args.run(session),
            Work::Heartbeat(args) => args.run(session),
            Work::Complete(args) => args.run(session),
            Work::Fail(args) => args.run(session),
            Work::Release(args) => args.run(session),
            Work::Run(args) => args.run(session),
            Work::Top(args) => args.run(session),
        }
    }
}
