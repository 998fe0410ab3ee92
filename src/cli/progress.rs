//! One line on a terminal's stderr that tells how far the work is. A dumb terminal cannot take a line away, so there is
//! none on it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use mailcfg::report::finding::Status;

/// The line; silent when stderr is no terminal that can redraw a line.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    began: Instant,
    planned: usize,
    done: usize,
    targets: Targets,
}

/// How far the targets are.
#[derive(Clone, Copy, Debug, Default)]
struct Targets {
    total: Option<usize>,
    finished: usize,
    passed_over: usize,
    failed: usize,
    unknown: usize,
}

impl Progress {
    /// A line that is drawn when it is wanted and stderr is a terminal; the number of targets, when it is known.
    pub fn new(wanted: bool, total: Option<usize>) -> Self {
        let targets = Targets { total, ..Targets::default() };
        let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        let shown = wanted && !dumb && std::io::stderr().is_terminal();
        Self { shown, began: Instant::now(), planned: 0, done: 0, targets }
    }

    /// So many endpoints more are to be examined.
    pub fn plan(&mut self, endpoints: usize) {
        self.planned += endpoints;
        self.draw();
    }

    /// One endpoint is done.
    pub fn advance(&mut self) {
        self.done += 1;
        self.draw();
    }

    /// One target is finished, and so many were passed over up to now.
    pub fn finish(&mut self, status: Status, passed_over: usize) {
        self.targets.finished += 1;
        self.targets.passed_over = passed_over;
        match status {
            Status::Fail => self.targets.failed += 1,
            Status::Unknown => self.targets.unknown += 1,
            Status::Pass | Status::Warn => {}
        }
    }

    /// Draws the line anew.
    pub fn draw(&self) {
        let elapsed = self.began.elapsed();
        if self.targets.are_many() {
            self.put(&format!("\r\u{1b}[K{}", self.targets.line(elapsed)));
        } else if self.planned > 0 && self.done != self.planned {
            let seconds = elapsed.as_secs_f64();
            self.put(&format!(
                "\r\u{1b}[K{} of {} endpoints examined · {seconds:.0} s",
                self.done, self.planned
            ));
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.put("\r\u{1b}[K");
    }

    fn put(&self, text: &str) {
        if self.shown {
            // Progress that cannot be shown is not missed.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Targets {
    fn are_many(&self) -> bool {
        self.total.is_none_or(|total| total > 1)
    }

    /// `120 of 10000 targets · 3 fail, 1 unknown · 34.2 a second · 5 min left`
    fn line(&self, elapsed: Duration) -> String {
        let done = self.finished + self.passed_over;
        let mut parts = vec![match self.total {
            Some(total) => format!("{done} of {total} targets"),
            None => format!("{done} targets"),
        }];
        let counts = [(self.failed, "fail"), (self.unknown, "unknown")];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if !counts.is_empty() {
            parts.push(counts.join(", "));
        }
        let rate = count(self.finished) / elapsed.as_secs_f64();
        if self.finished > 0 && rate.is_finite() {
            parts.push(format!("{rate:.1} a second"));
            let left = self.total.map(|total| count(total.saturating_sub(done)) / rate);
            parts.extend(left.map(|seconds| format!("{} left", time(seconds))));
        } else {
            parts.push(format!("{:.0} s", elapsed.as_secs_f64()));
        }
        parts.join(" · ")
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5_400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// How often the seconds move.
pub const TICK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_number_faults_rate_and_time_left() {
        let mut progress = Progress::new(false, Some(1_000));
        assert!(progress.targets.line(Duration::from_secs(3)).ends_with("0 of 1000 targets · 3 s"));
        for (status, passed_over) in
            [(Status::Pass, 0), (Status::Fail, 0), (Status::Unknown, 0), (Status::Warn, 96)]
        {
            progress.finish(status, passed_over);
        }
        let line = progress.targets.line(Duration::from_secs(2));
        assert_eq!(line, "100 of 1000 targets · 1 fail, 1 unknown · 2.0 a second · 8 min left");
        progress.targets.total = None;
        let line = progress.targets.line(Duration::from_secs(2));
        assert_eq!(line, "100 targets · 1 fail, 1 unknown · 2.0 a second");
    }

    #[test]
    fn times_are_as_coarse_as_they_are_long() {
        for (seconds, text) in [(3.4, "3 s"), (89.0, "89 s"), (600.0, "10 min"), (9_000.0, "2.5 h")] {
            assert_eq!(time(seconds), text);
        }
    }
}
