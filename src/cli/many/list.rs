//! The list of `--from`, read by a thread of its own, no faster than its targets are worked on.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use futures_util::stream::{self, Stream};
use mailcfg::probe::session::Ended;
use mailcfg::run::{Invalid, Task};
use tokio::sync::mpsc;

use super::lines::{Line, Lines, Unreadable};
use super::{Complaint, Ledger, Read};

/// A list that was opened.
pub struct List {
    input: Box<dyn BufRead + Send>,
    /// How many targets it holds; `None` when it can be read only once.
    pub total: Option<usize>,
}

impl List {
    /// Opens a file, or stdin for `-`; counts the targets of a file.
    pub fn open(path: &Path) -> Result<Self, Complaint> {
        if path == Path::new("-") {
            return Ok(Self { input: Box::new(BufReader::new(std::io::stdin())), total: None });
        }
        let unreadable = |error: std::io::Error| {
            let error = anyhow::Error::new(error).context(format!("cannot read the list {}", path.display()));
            Complaint::usage(error, "name a readable file with --from, or - for stdin")
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        if kind.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let total = if kind.is_file() { Some(count(&file).map_err(unreadable)?) } else { None };
        if kind.is_file() {
            file.rewind().map_err(unreadable)?;
        }
        Ok(Self { input: Box::new(BufReader::new(file)), total })
    }

    /// The tasks with their places from `first` on, as they are read.
    pub fn read(
        self,
        first: usize,
        read: Read,
        ledger: Ledger,
        ended: Ended,
    ) -> impl Stream<Item = (usize, Task)> + Send + use<> {
        let (tasks, receiver) = mpsc::channel(AHEAD);
        let endless = self.total.is_none();
        let reader = Reader { lines: Lines::new(self.input), read, ledger, ended, endless, tasks };
        // A thread and not a task: reading stdin blocks, perhaps for ever, and must not keep the program from ending.
        std::thread::spawn(move || reader.run(first));
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|task| (task, receiver)) })
    }
}

fn count(file: &File) -> std::io::Result<usize> {
    let mut lines = Lines::new(BufReader::new(file));
    let mut total = 0;
    while lines.next()?.is_some() {
        total += 1;
    }
    Ok(total)
}

/// What the thread works with.
struct Reader {
    lines: Lines<Box<dyn BufRead + Send>>,
    read: Read,
    ledger: Ledger,
    ended: Ended,
    endless: bool,
    tasks: mpsc::Sender<(usize, Task)>,
}

impl Reader {
    fn run(mut self, first: usize) {
        for place in first.. {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return,
                Err(error) => return self.break_off(place, error),
            };
            let mut account = self.ledger.open();
            account.seen += 1;
            if self.endless && self.ended.borrow().is_some() {
                account.unread = true;
                return;
            }
            drop(account);
            let task = self.task(line);
            if !self.ledger.passes_over(&task) && self.tasks.blocking_send((place, task)).is_err() {
                return;
            }
        }
    }

    /// An entry for what could not be read any more: the list is not finished.
    fn break_off(&self, place: usize, error: std::io::Error) {
        let mut account = self.ledger.open();
        account.seen += 1;
        account.unread = true;
        drop(account);
        let invalid = Invalid {
            text: String::new(),
            line: self.lines.number() + 1,
            reason: format!("the list cannot be read any further: {error}"),
            hint: None,
        };
        let _ = self.tasks.blocking_send((place, Task::Invalid(invalid)));
    }

    fn task(&self, line: Line) -> Task {
        let number = line.number;
        let (text, reason, hint) = match line.content {
            Err(Unreadable { text, reason }) => (text, reason, None),
            Ok(text) => match (self.read)(&text) {
                Ok(task) => return task,
                Err(complaint) => {
                    let (reason, hint) = complaint.into_parts();
                    (text, reason, hint)
                }
            },
        };
        Task::Invalid(Invalid { text, line: number, reason, hint })
    }
}

/// How many targets are read before there is a place for them.
const AHEAD: usize = 16;
