//! Examines one endpoint from the name to the last reply and gives facts, never verdicts.

pub mod certificate;
pub mod drive;
pub mod facts;
mod injection;
pub mod login;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use crate::target::Host;

/// How an endpoint is examined.
#[derive(Clone, Debug)]
pub struct Options {
    /// The limit for a whole endpoint, from the name to the last reply.
    pub timeout: Duration,
    /// How the client names itself in EHLO, in place of the address literal of its socket.
    pub ehlo: Option<String>,
    /// The name to send as SNI and to hold the certificate against, in place of the host.
    pub sni: Option<Host>,
    /// Whether one more connection finds out if commands can be put behind STARTTLS.
    pub starttls_injection: bool,
    /// Whether the dialogue is kept.
    pub transcript: bool,
    /// What to sign in with, when that is to be tested.
    pub login: Option<Arc<login::Credentials>>,
    /// What is known of the places where one may sign in; none of a server that was named itself.
    pub places: Vec<login::Place>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            ehlo: None,
            sni: None,
            starttls_injection: false,
            login: None,
            places: Vec::new(),
            transcript: false,
        }
    }
}

/// 60 s: greetings are delayed on purpose by 5 to 30 s in places.
pub const TIMEOUT: Duration = Duration::from_secs(60);
