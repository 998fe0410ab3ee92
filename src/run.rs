//! Many targets: so many at once, each looked up and its endpoints examined side by side, and events tell how far it is.
//!
//! Targets come from a stream that is read no faster than they are worked on, and every outcome is given away as soon
//! as it is there: a run holds what it is at, and the results that other targets may share.

pub mod feed;
mod retry;
pub mod share;
mod work;

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::stream::Stream;
use tokio::sync::mpsc;

use crate::attempt::EndedBy;
use crate::lookup::{self, Lookup, Query};
use crate::net::pace::{Delay, Limits};
use crate::net::{Network, tls};
use crate::probe;
use crate::probe::facts::Facts;
use crate::probe::login::Credentials;
use crate::probe::session::Ended;
use crate::providers::Providers;
use crate::settings::{Endpoint, Overrides, Settings};

/// What is to be done.
#[derive(Debug)]
pub struct Run {
    /// The network.
    pub network: Network,
    /// The tables.
    pub providers: Providers,
    /// Whom a lookup asks.
    pub lookup: lookup::Options,
    /// How endpoints are examined; what it says of signing in is that of each job.
    pub probe: probe::Options,
    /// Whether every address of a host is examined on its own.
    pub all_addresses: bool,
    /// Which of the services found by a lookup are examined.
    pub only: Overrides,
    /// Whether the endpoints that a lookup finds are left alone.
    pub lookup_only: bool,
    /// How targets share the time and the servers.
    pub options: Options,
}

/// How the targets of a run share the time and the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many targets are worked on at once, and how many connections there are at once.
    pub jobs: NonZeroUsize,
    /// What one address is burdened with; `None` for no limits.
    pub per_host: Option<Limits>,
    /// Whether an endpoint is examined once for all targets that have it.
    pub share: bool,
    /// How many times more is tried what could not be found out.
    pub retries: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: JOBS, per_host: Some(Limits::default()), share: true, retries: 0 }
    }
}

/// Enough to hide the waiting for slow servers, few enough for any machine.
pub const JOBS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// What is to be done about one target.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is to be found out.
    pub task: Task,
    /// The account to sign in to at the endpoints of this target: to those of any other it is a stranger.
    pub login: Option<Arc<Credentials>>,
}

impl From<Task> for Job {
    fn from(task: Task) -> Self {
        Self { task, login: None }
    }
}

/// What is to be found out about one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Settings to look up, then to examine.
    Lookup(Query),
    /// Settings to look up, then to examine with these endpoints, whether they were found or not.
    Expected(Query, Vec<Endpoint>),
    /// One endpoint to examine, and what was typed.
    Endpoint(String, Endpoint),
    /// What stands in a list of targets and is none.
    Invalid(Invalid),
}

impl Task {
    /// What was typed.
    pub fn target(&self) -> &str {
        match self {
            Self::Lookup(query) | Self::Expected(query, _) => &query.typed,
            Self::Endpoint(typed, _) => typed,
            Self::Invalid(invalid) => &invalid.text,
        }
    }
}

/// A line of a list that is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The line, or its beginning; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A target has so many endpoints more.
    Planned(usize),
    /// One endpoint was examined.
    Examined,
    /// A target is finished.
    Finished(Box<Outcome>),
    /// Targets wait for an address.
    Delayed(Delay),
    /// The run was ended before all targets were read.
    Unread(EndedBy),
}

/// All that was found out about one target.
#[derive(Debug)]
pub struct Outcome {
    /// Its place among the targets, from 0.
    pub index: usize,
    /// What was typed.
    pub target: String,
    /// The lookup, when the target was a domain or an address.
    pub lookup: Option<Lookup>,
    /// The facts, in the order of the services, then of the addresses.
    pub facts: Vec<Facts>,
    /// Why nothing was begun.
    pub trouble: Option<Trouble>,
}

/// Why nothing was found out about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is none.
    Invalid(Invalid),
    /// The run was ended before it was begun.
    Ended(EndedBy),
    /// The run was ended before it was read; nobody knows how many there are.
    Unread(EndedBy),
    /// This program failed.
    Lost,
}

/// A service of some settings, with its names.
const PER_SERVICE: usize = 400;
/// What a source said beside its services: a URL, a reason, instructions.
const PER_SOURCE: usize = 1_000;

impl Outcome {
    fn new(index: usize, target: String) -> Self {
        Self { index, target, lookup: None, facts: Vec::new(), trouble: None }
    }

    /// The entry for all targets that were not read, at the place of the first.
    pub fn unread(index: usize, by: EndedBy) -> Self {
        Self::in_trouble(index, "the rest of the list".to_owned(), Trouble::Unread(by))
    }

    /// About how many bytes it takes, without counting every one.
    pub fn weight(&self) -> usize {
        let services = |settings: &Settings| settings.services.len() * PER_SERVICE + PER_SOURCE;
        let of_lookup = |lookup: &Lookup| {
            let asked = lookup.sources.iter().map(|asked| asked.outcome.value());
            asked.map(|answer| answer.map_or(PER_SOURCE, |answer| services(&answer.settings))).sum::<usize>()
        };
        let of_facts = self.facts.iter().map(share::weight).sum::<usize>();
        self.lookup.as_ref().map_or(0, of_lookup) + of_facts
    }

    fn in_trouble(index: usize, target: String, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..Self::new(index, target) }
    }
}

impl Run {
    /// Works on all targets, each with its place among them; the events end when every target is finished.
    ///
    /// Must be called inside a tokio runtime. When `ended` says so, probes stop and their facts so far are given, and
    /// targets that were not begun are given as such, as far as the stream has them ready.
    pub fn start(
        self,
        jobs: impl Stream<Item = (usize, Job)> + Send + 'static,
        ended: Ended,
    ) -> mpsc::UnboundedReceiver<Event> {
        let (events, receiver) = mpsc::unbounded_channel();
        tokio::spawn(tls::ready());
        tokio::spawn(feed::feed(work::Worker::new(self, events, ended), jobs));
        receiver
    }

    /// The distinct endpoints of the services found, in their order; of every source when all were asked.
    fn endpoints_of(&self, lookup: &Lookup) -> Vec<Endpoint> {
        let others =
            lookup.sources.iter().filter(|_| self.lookup.all).filter_map(|asked| asked.outcome.value());
        let chosen = lookup.settings.iter();
        let services =
            chosen.chain(others.map(|answer| &answer.settings)).flat_map(|settings| &settings.services);
        let mut endpoints: Vec<Endpoint> = Vec::new();
        if self.lookup_only {
            return endpoints;
        }
        for endpoint in services.filter_map(|service| service.access.server()) {
            let wanted = self.only.protocol.is_none_or(|protocol| protocol == endpoint.protocol)
                && self.only.security.is_none_or(|security| security == endpoint.security);
            if wanted && !endpoints.contains(endpoint) {
                endpoints.push(endpoint.clone());
            }
        }
        endpoints
    }
}
