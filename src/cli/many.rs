//! Many targets: the flags about them, the list they stand in, and what an earlier run did of it.

mod lines;
mod list;
mod resume;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use futures_util::stream::{self, Stream, StreamExt};
use mailcfg::net::pace::Limits;
use mailcfg::net::{self, Network};
use mailcfg::probe::session::{Ended, end_of_run};
use mailcfg::render::json;
use mailcfg::report::finding::Status;
use mailcfg::run::{self, Job, Task};
use tokio::sync::watch;

use super::arguments::OutputArguments;
use super::{Complaint, plan};
use list::List;
use resume::Earlier;

/// The flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many targets")]
pub struct ManyArguments {
    /// Read targets from this file too, or from stdin with -; one a line, # begins a comment
    #[arg(long, value_name = "FILE|-")]
    from: Option<PathBuf>,
    /// Pass over targets that are finished in this file, an earlier jsonl output; needs --format jsonl
    #[arg(long, value_name = "FILE", long_help = RESUME_HELP)]
    resume: Option<PathBuf>,
    #[command(flatten)]
    pub pace: PaceArguments,
}

/// The flags about how targets share the time and the servers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many targets")]
pub struct PaceArguments {
    /// Work on so many targets at once
    #[arg(long, value_name = "N", default_value_t = run::JOBS, env = "MAILCFG_JOBS")]
    jobs: NonZeroUsize,
    /// Connect to one address of mail servers for so many targets at once, and so often a minute; 0 lifts the limits
    #[arg(
        long,
        value_name = "CONNECTIONS[/PER-MINUTE]",
        default_value = "2/10",
        env = "MAILCFG_PER_HOST",
        long_help = PER_HOST_HELP
    )]
    per_host: String,
    /// Examine an endpoint again for each target that has it [default: once for all]
    #[arg(long)]
    no_share: bool,
    /// Try so many times more what could not be found out, after 1 s, 2 s, 4 s …
    #[arg(long, value_name = "N", default_value = "0", env = "MAILCFG_RETRIES")]
    retries: u32,
    /// The limit for the whole run, as 300, 90s or 5m; what is unfinished then is unknown [default: none]
    #[arg(long, value_name = "TIME", env = "MAILCFG_DEADLINE", help_heading = "Limits")]
    deadline: Option<String>,
}

const PER_HOST_HELP: &str = "\
Connect to one address of mail servers for so many targets at once, and so often a minute; 0 lifts the limits.

Servers limit what one client may do. The endpoints of one target are examined side by side all the same, and count. Without a number a minute there is no limit a minute. Example: --per-host 4/30";

const RESUME_HELP: &str = "\
Pass over targets that are finished in this file, an earlier jsonl output; needs --format jsonl.

They count for the exit code. Unfinished ones are examined again. Example: mailcfg probe --from domains.txt --format jsonl --resume out.jsonl >> out.jsonl";

impl PaceArguments {
    /// How targets share the time and the servers.
    pub fn options(&self) -> Result<run::Options, Complaint> {
        let per_host = per_host(&self.per_host)?;
        Ok(run::Options { jobs: self.jobs, per_host, share: !self.no_share, retries: self.retries })
    }

    /// The network, with a connection for each target that is worked on.
    pub fn network(&self, options: net::Options) -> Network {
        Network::new(net::Options { connections: self.jobs.get(), ..options })
    }

    fn limit(&self) -> Result<Option<Duration>, Complaint> {
        self.deadline.as_deref().map(|text| plan::duration("--deadline", text)).transpose()
    }

    /// Targets that are all at hand.
    pub fn targets(&self, tasks: Vec<Task>) -> Result<Targets, Complaint> {
        Ok(Targets {
            total: Some(tasks.len()),
            deadline: self.limit()?,
            ledger: Ledger::default(),
            typed: tasks.into_iter().map(Job::from).collect(),
            list: None,
            read: Box::new(|_| Err(Complaint::usage(anyhow!("there is no list"), ""))),
        })
    }
}

impl ManyArguments {
    /// True when every target stands on the command line, and none was done before.
    pub fn are_all_typed(&self) -> bool {
        self.from.is_none() && self.resume.is_none()
    }

    /// The targets: those typed, then those of the list; `read` makes a task of a line.
    pub fn targets(
        &self,
        typed: Vec<Job>,
        output: &OutputArguments,
        command: &'static str,
        read: impl Fn(&str) -> Result<Task, Complaint> + Send + 'static,
    ) -> Result<Targets, Complaint> {
        let deadline = self.pace.limit()?;
        let list = self.from.as_deref().map(List::open).transpose()?;
        let earlier = match &self.resume {
            Some(_) if output.json || output.format.name != json::LINES.name => {
                let error = anyhow!("--resume goes on with a jsonl output only");
                return Err(Complaint::usage(error, "add --format jsonl"));
            }
            Some(path) if output.output.as_deref().is_some_and(|output| is_same(path, output)) => {
                let error = anyhow!("--output would write in the place of the file of --resume");
                return Err(Complaint::usage(error, "name another file, or add to this one with >>"));
            }
            Some(path) => resume::read(path, command, output.quiet)?,
            None => Earlier::default(),
        };
        let listed = list.as_ref().map_or(Some(0), |list| list.total);
        Ok(Targets {
            total: listed.map(|listed| listed + typed.len()),
            deadline,
            ledger: Ledger(Arc::new(Mutex::new(Account { earlier, ..Account::default() }))),
            typed,
            list,
            read: Box::new(read),
        })
    }
}

/// True when two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Reads `CONNECTIONS[/PER-MINUTE]`; `None` for no limits.
fn per_host(text: &str) -> Result<Option<Limits>, Complaint> {
    if text == "0" {
        return Ok(None);
    }
    let (connections, per_minute) = match text.split_once('/') {
        Some((connections, per_minute)) => (connections, Some(per_minute)),
        None => (text, None),
    };
    let limits = connections.parse().and_then(|connections| {
        Ok(Limits { connections, per_minute: per_minute.map(str::parse).transpose()? })
    });
    limits.map(Some).map_err(|_| {
        let error = anyhow!("--per-host takes CONNECTIONS or CONNECTIONS/PER-MINUTE, not {text:?}");
        Complaint::usage(error, "write 2/10, 4 for any number a minute, or 0 for no limits")
    })
}

/// Makes a task of what stands in a line.
type Read = Box<dyn Fn(&str) -> Result<Task, Complaint> + Send>;

/// How many bytes of results are held back.
pub type Held = watch::Receiver<usize>;

/// 64 MiB: some 10,000 results of ordinary servers, and a bound to what hostile ones can fill.
pub const MOST_HELD: usize = 64 << 20;

/// The targets of a run, not begun.
pub struct Targets {
    /// How many there are, when that is known before they are read.
    pub total: Option<usize>,
    /// The limit for all of them.
    pub deadline: Option<Duration>,
    /// What counts beside the outcomes.
    pub ledger: Ledger,
    typed: Vec<Job>,
    list: Option<List>,
    read: Read,
}

impl Targets {
    /// True when there is more than one target, or a list of them.
    pub fn are_several(&self) -> bool {
        self.list.is_some() || self.typed.len() != 1
    }

    /// The jobs with their places, the list read as they are taken; without those that an earlier run finished. No more
    /// are given while many bytes of results are held back, because one before them is not there yet.
    pub fn into_stream(self, ended: Ended, held: Held) -> impl Stream<Item = (usize, Job)> + Send + use<> {
        let places = self.typed.len();
        self.ledger.open().seen = places;
        let ledger = self.ledger.clone();
        let typed = self.typed.into_iter().enumerate().filter(move |(_, job)| !ledger.passes_over(&job.task));
        let listed = self.list.map(|list| list.read(places, self.read, self.ledger, ended.clone()));
        let listed = stream::iter(listed).flatten().map(|(place, task)| (place, Job::from(task)));
        stream::iter(typed).chain(listed).then(move |job| {
            let (mut held, ended) = (held.clone(), ended.clone());
            async move {
                tokio::select! {
                    _ = held.wait_for(|bytes| *bytes <= MOST_HELD) => {}
                    _ = end_of_run(&ended) => {}
                }
                job
            }
        })
    }
}

/// What counts beside the outcomes of a run, shared with the thread that reads the list.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Account>>);

#[derive(Default)]
struct Account {
    /// Targets that were read.
    seen: usize,
    /// How many of them an earlier run had finished.
    passed_over: usize,
    /// How those were judged, at worst.
    worst: Option<Status>,
    /// Whether the reading was given up before the end.
    unread: bool,
    earlier: Earlier,
}

impl Ledger {
    fn open(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many targets an earlier run had finished.
    pub fn passed_over(&self) -> usize {
        self.open().passed_over
    }

    /// True for a target that an earlier run finished; counts it.
    fn passes_over(&self, task: &Task) -> bool {
        let mut account = self.open();
        let Some(status) = account.earlier.take(task.target()) else { return false };
        account.passed_over += 1;
        account.worst = account.worst.max(Some(status));
        true
    }

    /// What counts beside the outcomes, once the run is over.
    pub fn close(&self, unread: bool) -> Result<Vec<Status>, Complaint> {
        let mut account = self.open();
        account.unread |= unread;
        if account.seen == 0 && !account.unread {
            let error = anyhow!("there is no target in the list");
            return Err(Complaint::usage(error, "write one target a line; # begins a comment"));
        }
        Ok(account.worst.into_iter().chain(account.unread.then_some(Status::Unknown)).collect())
    }

    /// True when the reading of the list was given up before its end.
    pub fn is_unread(&self) -> bool {
        self.open().unread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_target_is_begun_while_too_much_is_held_back() {
        let task = |name: &str| plan::query(name).map(Task::Lookup).unwrap_or_else(|_| panic!("{name}"));
        let targets = Targets {
            total: Some(2),
            deadline: None,
            ledger: Ledger::default(),
            typed: vec![task("a.example").into(), task("b.example").into()],
            list: None,
            read: Box::new(|_| Err(Complaint::usage(anyhow!("there is no list"), ""))),
        };
        let (_end, ended) = watch::channel(None);
        let (held, holds) = watch::channel(0);
        let mut stream = std::pin::pin!(targets.into_stream(ended, holds));
        assert_eq!(stream.next().await.map(|(place, _)| place), Some(0));
        held.send_replace(MOST_HELD + 1);
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, stream.next()).await.is_err());
        held.send_replace(MOST_HELD);
        assert_eq!(stream.next().await.map(|(place, _)| place), Some(1));
    }

    #[test]
    fn limits_of_a_host_are_read() {
        for (text, connections, per_minute) in [("2/10", 2, Some(10)), ("4", 4, None), ("1/1", 1, Some(1))] {
            let limits = per_host(text).unwrap().unwrap();
            let read = (limits.connections.get(), limits.per_minute.map(NonZeroUsize::get));
            assert_eq!(read, (connections, per_minute), "{text}");
        }
        assert!(per_host("0").unwrap().is_none());
        for text in ["", "/", "2/", "/10", "2/0", "0/10", "-1", "two", "2/10/3"] {
            assert!(per_host(text).is_err(), "{text}");
        }
    }
}
