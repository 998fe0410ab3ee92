//! The time that a source has. It stands still while one of its questions waits for a place among the connections of
//! the network, for that is no time of the other side's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::net::places::{Place, Places};

/// A limit that waiting for a place puts off.
#[derive(Debug)]
pub struct Clock {
    end: Instant,
    waited: Mutex<Waited>,
}

#[derive(Debug)]
struct Waited {
    before: Duration,
    waiting: usize,
    since: Instant,
}

impl Clock {
    /// A clock that ends after the limit.
    pub fn new(limit: Duration) -> Self {
        let now = Instant::now();
        let waited = Waited { before: Duration::ZERO, waiting: 0, since: now };
        Self { end: now + limit, waited: Mutex::new(waited) }
    }

    /// When the time is over, as far as is known now.
    pub fn deadline(&self) -> Instant {
        let waited = self.waited();
        let now = if waited.waiting > 0 { waited.since.elapsed() } else { Duration::ZERO };
        self.end + waited.before + now
    }

    /// Waits for a place; the clock stands still meanwhile.
    pub async fn place(&self, places: &Places) -> Place {
        if let Some(place) = places.at_once() {
            return place;
        }
        let _pause = self.pause();
        places.wait().await
    }

    /// Stops the clock until what this gives is dropped.
    pub fn pause(&self) -> Pause<'_> {
        Pause::of(self)
    }

    /// Waits until the time is over, and a grace after it.
    pub async fn over(&self, grace: Duration) {
        loop {
            let end = self.deadline() + grace;
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }

    fn waited(&self) -> MutexGuard<'_, Waited> {
        self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question that waits; the clock goes on when it is dropped.
#[derive(Debug)]
pub struct Pause<'a>(&'a Clock);

impl<'a> Pause<'a> {
    fn of(clock: &'a Clock) -> Self {
        let mut waited = clock.waited();
        if waited.waiting == 0 {
            waited.since = Instant::now();
        }
        waited.waiting += 1;
        Self(clock)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut waited = self.0.waited();
        waited.waiting -= 1;
        if waited.waiting == 0 {
            let now = waited.since.elapsed();
            waited.before += now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_for_a_place_is_no_time_of_the_source() {
        let places = Places::new(1);
        let limit = Duration::from_millis(100);
        let clock = Clock::new(limit);
        let end = clock.deadline();
        let held = places.wait().await;
        let began = Instant::now();
        let busy = Duration::from_millis(300);
        let free_later = async {
            tokio::time::sleep(busy).await;
            drop(held);
        };
        let (_, _first, over) = tokio::join!(free_later, async { drop(clock.place(&places).await) }, async {
            clock.over(Duration::ZERO).await;
            began.elapsed()
        });
        assert!(over >= busy + limit - Duration::from_millis(20), "{over:?}");
        assert!(clock.deadline() >= end + busy - Duration::from_millis(20));
        assert_eq!(clock.deadline(), clock.deadline());
    }
}
