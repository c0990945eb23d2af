//! How fast the queue moves.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::snapshot::Counts;

/// The time that the pace is taken over.
const WINDOW: Duration = Duration::from_secs(60);
/// Looks that the bars show.
const BARS: usize = 240;

/// The looks of the last minute, and what each brought.
pub struct Pace {
    looks: VecDeque<(Instant, Counts)>,
    /// Items that were completed between two looks, the newest last.
    bars: VecDeque<u64>,
}

impl Pace {
    pub fn new(now: Instant, counts: Counts) -> Pace {
        Pace {
            looks: VecDeque::from([(now, counts)]),
            bars: VecDeque::new(),
        }
    }

    pub fn add(&mut self, now: Instant, counts: Counts) {
        if let Some((_, last)) = self.looks.back() {
            self.bars
                .push_back(counts.completed.saturating_sub(last.completed));
            if self.bars.len() > BARS {
                self.bars.pop_front();
            }
        }
        self.looks.push_back((now, counts));
        // The last look before the window is where the window begins.
        while self
            .looks
            .get(1)
            .is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            self.looks.pop_front();
        }
    }

    /// Returns how many items per minute `count` counts; `None` before there is a second look.
    pub fn per_minute(&self, count: impl Fn(&Counts) -> u64) -> Option<f64> {
        let ((from, first), (to, last)) = (self.looks.front()?, self.looks.back()?);
        let seconds = to.duration_since(*from).as_secs_f64();
        let items = count(last).saturating_sub(count(first));
        (seconds > 0.0).then(|| items as f64 * 60.0 / seconds)
    }

    /// Returns the newest bars, at most `width`.
    pub fn bars(&self, width: usize) -> Vec<u64> {
        let skipped = self.bars.len().saturating_sub(width);
        self.bars.iter().skip(skipped).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_minute() {
        let begin = Instant::now();
        let completed = |completed| Counts {
            completed,
            ..Counts::default()
        };
        let mut pace = Pace::new(begin, completed(100));
        assert_eq!(pace.per_minute(|counts| counts.completed), None);
        for second in 1..=120 {
            // Two a second, after a first minute in which nothing happened.
            let done = 100 + 2 * u64::saturating_sub(second, 60);
            pace.add(begin + Duration::from_secs(second), completed(done));
        }
        assert_eq!(pace.per_minute(|counts| counts.completed), Some(120.0));
        assert_eq!(pace.bars(3), [2, 2, 2]);
        assert_eq!(pace.bars(1000).len(), 120);
    }
}
