//! Runs targets to their end: the runtime, the progress line, and the deadline and signals that end a run early.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use mailcfg::attempt::EndedBy;
use mailcfg::render::Order;
use mailcfg::report::finding::Status;
use mailcfg::run::{Event, Outcome, Run};
use tokio::sync::{mpsc, watch};

use super::Complaint;
use super::complaint::say;
use super::many::{Ledger, Targets};
use super::progress::{Progress, TICK};

/// How an outcome was judged; a break when nobody reads results any more, which ends the run as a signal does.
pub type Taken = Result<ControlFlow<Status, Status>, Complaint>;

/// Works on all targets; `take` is given each outcome as it comes and says how it was judged. Gives what counts beside
/// that: how targets were judged that are not worked on again, and that some were not read.
pub fn drive(
    run: Run,
    targets: Targets,
    Manner { quiet, order }: Manner,
    take: impl FnMut(Outcome) -> Taken,
) -> Result<Vec<Status>, Complaint> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Complaint::fault)?;
    runtime.block_on(async {
        let (end, ended) = watch::channel(None);
        let deadline = targets.deadline;
        let ledger = targets.ledger.clone();
        let progress = Progress::new(!quiet, targets.total);
        let (held, holds) = watch::channel(0);
        let events = run.start(targets.into_stream(ended.clone(), holds), ended);
        let waiting = (order == Order::OfTargets).then(InOrder::default);
        let ledger_too = ledger.clone();
        let follower =
            Follower { events, progress, ledger: ledger_too, quiet, next: 0, unread: false, waiting, held };
        let unread = tokio::select! {
            result = follower.follow(take, &end) => result?,
            () = second_signal(&end) => return Err(Complaint::killed()),
            never = end_at(deadline, &end) => match never {},
        };
        let others = ledger.close(unread)?;
        if ledger.is_unread() && !quiet {
            say("the run was ended before the whole list was read");
        }
        Ok(others)
    })
}

/// How a run is followed.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whether nothing is to be said while the work goes on.
    pub quiet: bool,
    /// In which order results are given away.
    pub order: Order,
}

/// Takes in what happens.
struct Follower {
    events: mpsc::UnboundedReceiver<Event>,
    progress: Progress,
    ledger: Ledger,
    quiet: bool,
    /// The place behind all targets that are finished.
    next: usize,
    unread: bool,
    /// The weights of the results that wait for one before them.
    waiting: Option<InOrder<usize>>,
    held: watch::Sender<usize>,
}

impl Follower {
    /// Follows the run to its end; true when not all targets were read.
    async fn follow(
        mut self,
        mut take: impl FnMut(Outcome) -> Taken,
        end: &watch::Sender<Option<EndedBy>>,
    ) -> Result<bool, Complaint> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                _ = tick.tick() => {
                    self.progress.draw();
                    continue;
                }
            };
            match event {
                None => {
                    self.progress.clear();
                    self.take_the_rest(take, end)?;
                    return Ok(self.unread);
                }
                Some(Event::Planned(endpoints)) => self.progress.plan(endpoints),
                Some(Event::Examined) => self.progress.advance(),
                Some(Event::Finished(outcome)) => {
                    self.progress.clear();
                    self.next = self.next.max(outcome.index + 1);
                    self.weigh(&outcome);
                    let status = match take(*outcome)? {
                        ControlFlow::Continue(status) => status,
                        ControlFlow::Break(status) => {
                            end_run(end, EndedBy::Signal);
                            status
                        }
                    };
                    self.progress.finish(status, self.ledger.passed_over());
                }
                Some(Event::Delayed(delay)) => self.say(&delay.to_string()),
                Some(Event::Unread(_)) => self.unread = true,
            }
        }
    }

    /// Notes how much is held back now.
    fn weigh(&mut self, outcome: &Outcome) {
        if let Some(waiting) = &mut self.waiting {
            let weight = outcome.weight();
            let given: usize = waiting.take(outcome.index, weight).iter().map(|(_, weight)| weight).sum();
            self.held.send_modify(|held| *held = (*held + weight).saturating_sub(given));
        }
    }

    /// What was not read is an entry too: a report without it would look whole.
    fn take_the_rest(
        &self,
        mut take: impl FnMut(Outcome) -> Taken,
        end: &watch::Sender<Option<EndedBy>>,
    ) -> Result<(), Complaint> {
        let by = end.borrow().filter(|_| self.unread || self.ledger.is_unread());
        by.map_or(Ok(()), |by| take(Outcome::unread(self.next, by)).map(|_| ()))
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.progress.clear();
            say(text);
        }
    }
}

/// Ends the run at its deadline; never resolves.
async fn end_at(deadline: Option<Duration>, end: &watch::Sender<Option<EndedBy>>) -> Infallible {
    if let Some(deadline) = deadline {
        tokio::time::sleep(deadline).await;
        end_run(end, EndedBy::Deadline);
    }
    std::future::pending().await
}

/// Ends the run at the first SIGINT or SIGTERM; resolves at the second.
async fn second_signal(end: &watch::Sender<Option<EndedBy>>) {
    signal().await;
    end_run(end, EndedBy::Signal);
    signal().await;
}

/// What comes first ends the run.
fn end_run(end: &watch::Sender<Option<EndedBy>>, by: EndedBy) {
    end.send_if_modified(|ended| ended.replace(ended.unwrap_or(by)).is_none());
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Gives results out in the order of their targets, each as soon as those before it are there.
#[derive(Debug)]
pub struct InOrder<T> {
    waiting: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next: 0 }
    }
}

impl<T> InOrder<T> {
    /// Takes a result; gives those whose turn it is, with their places.
    pub fn take(&mut self, index: usize, result: T) -> Vec<(usize, T)> {
        self.waiting.insert(index, result);
        let mut ready = Vec::new();
        while let Some(result) = self.waiting.remove(&self.next) {
            ready.push((self.next, result));
            self.next += 1;
        }
        ready
    }
}
