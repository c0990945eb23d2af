//! What `work top` draws. It fits 80 columns and 24 lines, and takes what there is more.

use nexusfs_core::time::now;
use nexusfs_core::work::Status;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Row, Sparkline, Table};

use super::pace::Pace;
use super::snapshot::Snapshot;
use crate::text::{clock, printable};
use crate::work::views::{lease_left, since};

/// What is on the screen.
pub struct State {
    pub store: String,
    pub snapshot: Snapshot,
    pub pace: Pace,
    pub is_paused: bool,
}

pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let [title, counts, pace, running, blocked] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(3),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ])
    .areas(frame.area());
    draw_title(frame, title, state);
    draw_counts(frame, counts, state);
    draw_pace(frame, pace, state);
    draw_running(frame, running, state);
    draw_blocked(frame, blocked, state);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let [left, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(36)]).areas(area);
    let store = printable(&state.store).into_owned();
    frame.render_widget(
        Line::from(vec!["nexus work top  ".bold(), store.into()]),
        left,
    );
    let keys = match state.is_paused {
        true => "paused  p:go on  q:quit",
        false => "p:pause  q:quit",
    };
    let time = clock(Some(now()));
    let time = time.split(' ').next_back().unwrap_or_default();
    let line = Line::from(format!("{keys}  {time}Z"));
    frame.render_widget(line.right_aligned(), right);
}

fn draw_counts(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let counts = &state.snapshot.counts;
    let queue = [
        ("ready", counts.ready, Status::Ready),
        ("delayed", counts.delayed, Status::Ready),
        ("blocked", counts.blocked, Status::Blocked),
        ("pending", counts.pending, Status::Pending),
        ("in progress", counts.in_progress, Status::InProgress),
    ];
    let finished = [
        ("completed", counts.completed, Status::Completed),
        ("failed", counts.failed, Status::Failed),
        ("cancelled", counts.cancelled, Status::Cancelled),
    ];
    let [first, second] = Layout::vertical([Constraint::Length(1); 2]).areas(area);
    frame.render_widget(counted(&queue), first);
    frame.render_widget(counted(&finished), second);
}

fn counted(counts: &[(&'static str, u64, Status)]) -> Line<'static> {
    let mut spans = Vec::new();
    for (name, count, status) in counts {
        let style = Style::new()
            .fg(colour(*status))
            .add_modifier(Modifier::BOLD);
        spans.push(Span::styled(count.to_string(), style));
        spans.push(Span::raw(format!(" {name}   ")));
    }
    Line::from(spans)
}

fn draw_pace(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let shown = |pace: Option<f64>| pace.map_or("-".to_owned(), |pace| format!("{pace:.1}"));
    let completed = shown(state.pace.per_minute(|counts| counts.completed));
    let failed = shown(state.pace.per_minute(|counts| counts.failed));
    let title = format!(" {completed} completed/min, {failed} failed/min ");
    let block = Block::new().borders(Borders::TOP).title(title);
    let inner = block.inner(area);
    let bars = state.pace.bars(inner.width.into());
    let bars = Sparkline::default()
        .block(block)
        .data(bars)
        .style(Style::new().fg(colour(Status::Ready)));
    frame.render_widget(bars, area);
}

fn draw_running(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state.snapshot.running.iter().map(|item| {
        let left = lease_left(item);
        let left = match left.as_str() {
            "expired" => Cell::from(left).fg(colour(Status::Failed)),
            _ => Cell::from(left),
        };
        Row::new([
            text(item.worker_id.as_deref().unwrap_or("-")),
            text(&item.started_at.map_or("-".to_owned(), since)),
            text(&item.attempts.to_string()),
            left,
            text(item.path.as_str()),
        ])
    });
    let widths = [
        Constraint::Length(18),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(10),
        Constraint::Fill(1),
    ];
    let headings = ["WORKER", "RUNNING", "ATTEMPT", "LEASE LEFT", "PATH"];
    let title = format!(" {} in progress ", state.snapshot.counts.in_progress);
    let table = Table::new(rows, widths).header(Row::new(headings).bold());
    frame.render_widget(table.block(block(title, Status::InProgress)), area);
}

fn draw_blocked(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state
        .snapshot
        .blocked
        .iter()
        .map(|blocked| Row::new([text(blocked.item.path.as_str()), text(&blocked.reason)]));
    let widths = [Constraint::Fill(2), Constraint::Fill(3)];
    let title = format!(" {} blocked ", state.snapshot.counts.blocked);
    let table = Table::new(rows, widths).header(Row::new(["PATH", "WHY"]).bold());
    frame.render_widget(table.block(block(title, Status::Blocked)), area);
}

fn block(title: String, status: Status) -> Block<'static> {
    let style = Style::new().fg(colour(status)).add_modifier(Modifier::BOLD);
    Block::new()
        .borders(Borders::TOP)
        .title(Span::styled(title, style))
}

fn text(text: &str) -> Cell<'static> {
    Cell::from(printable(text).into_owned())
}

/// The colours of the tables.
fn colour(status: Status) -> Color {
    match status {
        Status::Ready => Color::Green,
        Status::Pending => Color::Blue,
        Status::Blocked => Color::Yellow,
        Status::InProgress => Color::Cyan,
        Status::Completed | Status::Cancelled => Color::Gray,
        Status::Failed => Color::Red,
    }
}
