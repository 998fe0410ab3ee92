//! Runs targets to their end: the runtime, the progress line, and the signals that end a run early.

use std::collections::BTreeMap;

use mailcfg::run::{Event, Job, Outcome, Run};
use tokio::sync::{mpsc, watch};

use super::Complaint;
use super::progress::{Progress, TICK};

/// Works on all jobs; `take` is given each outcome as it comes.
pub fn drive(
    run: Run,
    jobs: Vec<Job>,
    quiet: bool,
    take: impl FnMut(Outcome) -> Result<(), Complaint>,
) -> Result<(), Complaint> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Complaint::fault)?;
    runtime.block_on(async {
        let (end, ended) = watch::channel(false);
        let events = run.start(jobs, ended);
        tokio::select! {
            result = follow(events, Progress::new(!quiet), take) => result,
            () = second_signal(&end) => Err(Complaint::killed()),
        }
    })
}

async fn follow(
    mut events: mpsc::UnboundedReceiver<Event>,
    mut progress: Progress,
    mut take: impl FnMut(Outcome) -> Result<(), Complaint>,
) -> Result<(), Complaint> {
    let mut tick = tokio::time::interval(TICK);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tick.tick() => {
                progress.draw();
                continue;
            }
        };
        match event {
            None => {
                progress.clear();
                return Ok(());
            }
            Some(Event::Planned(endpoints)) => progress.plan(endpoints),
            Some(Event::Examined) => progress.advance(),
            Some(Event::Finished(outcome)) => {
                progress.clear();
                take(*outcome)?;
            }
        }
    }
}

/// Ends the run at the first SIGINT or SIGTERM; resolves at the second.
async fn second_signal(end: &watch::Sender<bool>) {
    signal().await;
    let _ = end.send(true);
    signal().await;
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
