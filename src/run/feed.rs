//! Takes targets from the stream, no faster than there are places for them, and minds that each gets an outcome.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::work::Worker;
use super::{Event, Job, Outcome, Trouble};

/// Works on all targets of a stream.
pub(super) async fn feed(worker: Arc<Worker>, jobs: impl Stream<Item = (usize, Job)> + Send) {
    let working = Arc::new(Semaphore::new(worker.run.options.jobs.get()));
    // Targets that wait for their turn at an address leave their place to others, up to a bound.
    let held = Arc::new(Semaphore::new(worker.run.options.jobs.get().saturating_add(WAITING)));
    let mut jobs = pin!(jobs);
    loop {
        let Ok(kept) = Arc::clone(&held).acquire_owned().await else { return };
        let Ok(place) = Arc::clone(&working).acquire_owned().await else { return };
        let next = tokio::select! {
            next = jobs.next() => next,
            by = worker.ended() => {
                // What a file holds is at hand; a pipe may stay open for ever.
                let Ok(next) = timeout(AT_HAND, jobs.next()).await else {
                    worker.tell(Event::Unread(by));
                    return;
                };
                next
            }
        };
        let Some((index, job)) = next else { return };
        tokio::spawn(mind(Arc::clone(&worker), index, job, place, kept));
    }
}

/// Works on a target; one that is lost by a fault of this program has an outcome all the same.
async fn mind(
    worker: Arc<Worker>,
    index: usize,
    job: Job,
    place: OwnedSemaphorePermit,
    _kept: OwnedSemaphorePermit,
) {
    let target = job.task.target().to_owned();
    let work = tokio::spawn(Arc::clone(&worker).work(index, job, place));
    let outcome = work.await.unwrap_or_else(|_| Outcome::in_trouble(index, target, Trouble::Lost));
    worker.tell(Event::Finished(Box::new(outcome)));
}

/// How many targets may wait for an address beside those that are worked on.
pub const WAITING: usize = 448;

/// How long the next target of an ended run may take to be read.
const AT_HAND: Duration = Duration::from_millis(250);
