//! How many connections are open at once, over everything a run does: probes, guesses and pages.
//!
//! Whoever opens a connection holds a place for as long as it lives, and never waits for a second one meanwhile: so
//! nobody waits for ever. Waiting for a place is no time of a server's, so limits begin when the place is there.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of a network.
#[derive(Clone, Debug)]
pub struct Places(Arc<Semaphore>);

/// One place, free again when this is dropped; none behind an empty permit, for nobody ever closes the places.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, not read")] Option<OwnedSemaphorePermit>);

impl Places {
    /// So many places, at least one.
    pub fn new(connections: usize) -> Self {
        Self(Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A place, when there is one at once.
    pub fn at_once(&self) -> Option<Place> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(|permit| Place(Some(permit)))
    }

    /// Waits for a place; those who came first are served first.
    pub async fn wait(&self) -> Place {
        Place(Arc::clone(&self.0).acquire_owned().await.ok())
    }
}

/// 64: enough to hide the waiting for slow servers, few enough for any machine.
pub const CONNECTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(1);
        let held = places.wait().await;
        assert!(places.at_once().is_none());
        assert!(timeout(Duration::from_millis(20), places.wait()).await.is_err());
        drop(held);
        assert!(places.at_once().is_some());
        assert!(timeout(Duration::from_secs(5), places.wait()).await.is_ok());
    }
}
