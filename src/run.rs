//! Many targets at once: each is looked up, its endpoints are examined side by side, and events tell how far it is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::attempt::Failure;
use crate::lookup::{self, Lookup, Query};
use crate::net::Network;
use crate::probe::facts::Facts;
use crate::probe::session::{Ended, examine};
use crate::probe::{self};
use crate::providers::Providers;
use crate::settings::{Endpoint, Overrides};

/// What is to be done.
#[derive(Debug)]
pub struct Run {
    /// The network.
    pub network: Network,
    /// The tables.
    pub providers: Providers,
    /// How endpoints are examined.
    pub probe: probe::Options,
    /// Whether every address of a host is examined on its own.
    pub all_addresses: bool,
    /// Which of the services found by a lookup are examined.
    pub only: Overrides,
    /// How many targets are worked on at once.
    pub jobs: usize,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Settings to look up, then to examine.
    Lookup(Query),
    /// One endpoint to examine, and what was typed.
    Endpoint(String, Endpoint),
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
}

impl Run {
    /// Starts on all targets; the events end when every target is finished.
    ///
    /// Must be called inside a tokio runtime. When `ended` turns true, probes stop and their facts so far are given.
    pub fn start(self, jobs: Vec<Job>, ended: Ended) -> mpsc::UnboundedReceiver<Event> {
        let (events, receiver) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(self.jobs.max(1)));
        let run = Arc::new(self);
        for (index, job) in jobs.into_iter().enumerate() {
            let (run, places, events, ended) = (Arc::clone(&run), Arc::clone(&places), events.clone(), ended.clone());
            tokio::spawn(async move {
                let _place = places.acquire().await;
                let outcome = run.work(index, job, &events, &ended).await;
                // Nobody listens any more when the program is ending.
                let _ = events.send(Event::Finished(Box::new(outcome)));
            });
        }
        receiver
    }

    async fn work(
        self: &Arc<Self>,
        index: usize,
        job: Job,
        events: &mpsc::UnboundedSender<Event>,
        ended: &Ended,
    ) -> Outcome {
        let (target, lookup, endpoints) = match job {
            Job::Endpoint(typed, endpoint) => (typed, None, vec![endpoint]),
            Job::Lookup(query) => {
                let lookup = lookup::lookup(query, &self.providers);
                let endpoints = self.endpoints_of(&lookup);
                (lookup.query.typed.clone(), Some(lookup), endpoints)
            }
        };
        let places = self.places(endpoints, ended).await;
        let _ = events.send(Event::Planned(places.len()));
        let mut probes = JoinSet::new();
        for (position, place) in places.into_iter().enumerate() {
            let (run, ended, events) = (Arc::clone(self), ended.clone(), events.clone());
            probes.spawn(async move {
                let mut facts = examine(&run.network, &place.endpoint, place.address, &run.probe, &ended).await;
                facts.course.unresolved.extend(place.unresolved);
                let _ = events.send(Event::Examined);
                (position, facts)
            });
        }
        let mut examined = probes.join_all().await;
        examined.sort_by_key(|(position, _)| *position);
        Outcome { index, target, lookup, facts: examined.into_iter().map(|(_, facts)| facts).collect() }
    }

    /// The distinct endpoints of the services found, in their order.
    fn endpoints_of(&self, lookup: &Lookup) -> Vec<Endpoint> {
        let services = lookup.settings.iter().flat_map(|settings| &settings.services);
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for service in services {
            let endpoint = &service.endpoint;
            let wanted = self.only.protocol.is_none_or(|protocol| protocol == endpoint.protocol)
                && self.only.security.is_none_or(|security| security == endpoint.security);
            if wanted && !endpoints.contains(endpoint) {
                endpoints.push(endpoint.clone());
            }
        }
        endpoints
    }

    /// Every endpoint once, or once for each of its addresses. A host without addresses is left for the probe to report.
    async fn places(&self, endpoints: Vec<Endpoint>, ended: &Ended) -> Vec<Place> {
        let mut places = Vec::new();
        for endpoint in endpoints {
            let (addresses, unresolved) = self.addresses(&endpoint, ended).await.unwrap_or_default();
            if addresses.is_empty() {
                places.push(Place { endpoint, address: None, unresolved });
                continue;
            }
            places.extend(addresses.into_iter().map(|address| Place {
                endpoint: endpoint.clone(),
                address: Some(address),
                unresolved: unresolved.clone(),
            }));
        }
        places
    }

    /// All addresses of an endpoint, when each is to be examined and they are known within its limit.
    async fn addresses(&self, endpoint: &Endpoint, ended: &Ended) -> Option<(Vec<SocketAddr>, Vec<Failure>)> {
        if !self.all_addresses {
            return None;
        }
        let mut ended = ended.clone();
        tokio::select! {
            asked = timeout(self.probe.timeout, self.network.all_addresses(&endpoint.host, endpoint.port)) => asked.ok()?.ok(),
            Ok(_) = ended.wait_for(|ended| *ended) => None,
        }
    }
}

/// An endpoint, at one address or at the first that answers, and the families whose addresses are not known.
struct Place {
    endpoint: Endpoint,
    address: Option<SocketAddr>,
    unresolved: Vec<Failure>,
}

/// Enough to hide the waiting for slow servers, few enough for any machine.
pub const JOBS: usize = 64;
