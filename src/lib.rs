//! Which mail settings does an address use, and do those servers really work, safely, right now?
//!
//! ```text
//! argv ─► cli ─► Plan ─► lookup ─► Settings ─► probe ─► Facts ─► report (rules) ─► Report ─► render ─► stdout
//!                          │                     │
//!                          └────── net ──────────┘        wire: bytes ◄─► values, no sockets
//! ```
//!
//! The data goes one way, and so do imports. A module uses only those above it in this list:
//!
//! | module | knows | never does |
//! |---|---|---|
//! | [`attempt`] | the one shape of every answer: done, absent, failed, skipped | |
//! | [`target`] | what a person types: address, domain, `host:port`, URL | guess |
//! | [`settings`] | the words of the field: protocol, security, user name, service | ask anybody |
//! | [`providers`] | the provider table, bundled and the user's own | use the network |
//! | [`wire`] | protocol bytes ↔ values: IMAP, POP3, SMTP; documents: autoconfig, PACC, Autodiscover | sockets, clocks |
//! | [`net`] | the only place that opens sockets: DNS, TCP, TLS, HTTP, proxy | protocol grammar, verdicts |
//! | [`probe`] | how one endpoint is examined; the problems of a certificate | judge |
//! | [`lookup`] | where settings can be found, how answers are ranked | format |
//! | [`run`] | many targets at once, and the events of their progress | protocols |
//! | [`report`] | facts → findings by pure rules and demands; what they mean; status; exit code | input, output |
//! | [`render`] | a finished report → text of one format | decide |
//!
//! Every question asked of the outside world ends in an [`attempt::Attempt`]. *Could not find out* is never *bad*, and
//! *bad* is never *not offered*.
//!
//! The binary (`src/main.rs`, `src/cli.rs`) is a user of this library; the library knows no command line.

pub mod attempt;
pub mod lookup;
pub mod net;
pub mod probe;
pub mod providers;
pub mod render;
pub mod report;
pub mod run;
pub mod settings;
pub mod target;
pub mod wire;
