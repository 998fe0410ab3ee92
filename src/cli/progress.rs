//! One line on a terminal's stderr that tells how far the work is. A dumb terminal cannot take a line away, so there is
//! none on it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The line; silent when stderr is no terminal that can redraw a line.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    began: Instant,
    planned: usize,
    done: usize,
}

impl Progress {
    /// A line that is drawn when it is wanted and stderr is a terminal.
    pub fn new(wanted: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        let shown = wanted && !dumb && std::io::stderr().is_terminal();
        Self { shown, began: Instant::now(), planned: 0, done: 0 }
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

    /// Draws the line anew.
    pub fn draw(&self) {
        if self.planned == 0 || self.done == self.planned {
            return;
        }
        let seconds = self.began.elapsed().as_secs_f64();
        self.put(&format!("\r\u{1b}[K{} of {} endpoints examined · {seconds:.0} s", self.done, self.planned));
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

/// How often the seconds move.
pub const TICK: Duration = Duration::from_millis(250);
