//! `work top`: the queue as it is now, on a terminal.

mod pace;
mod screen;
mod snapshot;

use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use self::pace::Pace;
use self::screen::State;
use self::snapshot::Snapshot;
use crate::failure::{Exit, Failure, Result};
use crate::session::Session;
use crate::signals::StopRequest;

/// Interval at which keys and signals are polled.
const TICK: Duration = Duration::from_millis(100);

/// Watch the queue.
///
/// On a terminal: counts, throughput, what runs and what waits. Keys: q ends it, p pauses. With --json, it prints one snapshot instead.
#[derive(Debug, Args)]
pub struct Top {
    /// Seconds between two looks
    #[arg(short, long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number from 0.1 to 3600".to_owned()),
    }
}

impl Top {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let snapshot = Snapshot::take(&fs)?;
        if session.out.json {
            return session.out.json(&snapshot.to_json());
        }
        if !session.out.is_terminal {
            let text = "work top needs a terminal (--json prints a snapshot)";
            return Err(Failure::new(Exit::Usage, text));
        }
        let stop = StopRequest::install()?;
        let mut state = State {
            store: session.config()?.settings.data_dir.display().to_string(),
            pace: Pace::new(Instant::now(), snapshot.counts),
            snapshot,
            is_paused: false,
        };
        let mut terminal = ratatui::try_init()?;
        let watched = self.watch(&fs, &mut state, &stop, &mut terminal);
        ratatui::try_restore()?;
        watched?;
        stop.check()
    }

    fn watch(
        &self,
        fs: &nexusfs_core::filesystem::Filesystem,
        state: &mut State,
        stop: &StopRequest,
        terminal: &mut ratatui::DefaultTerminal,
    ) -> Result<()> {
        let interval = Duration::from_secs_f64(self.interval);
        let mut next = Instant::now() + interval;
        terminal.draw(|frame| screen::draw(frame, state))?;
        while !stop.is_set() {
            if event::poll(TICK)? {
                match event::read()? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
                        KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                            return Ok(());
                        }
                        KeyCode::Char('p') => state.is_paused = !state.is_paused,
                        _ => {}
                    },
                    _ => {}
                }
                terminal.draw(|frame| screen::draw(frame, state))?;
            }
            if Instant::now() >= next && !state.is_paused {
                state.snapshot = Snapshot::take(fs)?;
                state.pace.add(Instant::now(), state.snapshot.counts);
                terminal.draw(|frame| screen::draw(frame, state))?;
                next = Instant::now() + interval;
            }
        }
        Ok(())
    }
}
