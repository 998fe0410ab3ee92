//! What the benches share: hosts on loopback, and the way to them, as long as a round trip.

pub mod certificate;
pub mod mail;
pub mod relay;

use std::time::Duration;

/// One round trip.
pub const ROUND_TRIP: Duration = Duration::from_millis(100);
