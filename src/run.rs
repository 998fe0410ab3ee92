//! Many targets at once: each is looked up, its endpoints are examined side by side, and events tell how far it is.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::attempt::{Cause, Failure, Stage};
use crate::lookup::{self, Lookup, Query};
use crate::net::{Family, Network, tls};
use crate::probe;
use crate::probe::facts::Facts;
use crate::probe::session::{Ended, examine};
use crate::providers::Providers;
use crate::settings::{Endpoint, Overrides};

/// What is to be done.
#[derive(Debug)]
pub struct Run {
    /// The network.
    pub network: Network,
    /// The tables.
    pub providers: Providers,
    /// Whom a lookup asks.
    pub lookup: lookup::Options,
    /// How endpoints are examined.
    pub probe: probe::Options,
    /// Whether every address of a host is examined on its own.
    pub all_addresses: bool,
    /// Which of the services found by a lookup are examined.
    pub only: Overrides,
    /// Whether the endpoints that a lookup finds are left alone.
    pub lookup_only: bool,
    /// How many targets are worked on at once.
    pub jobs: usize,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Settings to look up, then to examine.
    Lookup(Query),
    /// Settings to look up, then to examine with these endpoints, whether they were found or not.
    Expected(Query, Vec<Endpoint>),
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
        let [targets, connections] = [Semaphore::new(self.jobs.max(1)), Semaphore::new(self.jobs.max(1))];
        tokio::spawn(tls::ready());
        let worker = Arc::new(Worker { run: self, targets, connections, events, ended });
        for (index, job) in jobs.into_iter().enumerate() {
            tokio::spawn(Arc::clone(&worker).work(index, job));
        }
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

/// A run under way.
struct Worker {
    run: Run,
    targets: Semaphore,
    connections: Semaphore,
    events: mpsc::UnboundedSender<Event>,
    ended: Ended,
}

impl Worker {
    async fn work(self: Arc<Self>, index: usize, job: Job) {
        let _place = self.targets.acquire().await;
        let (target, lookup, endpoints) = match job {
            Job::Endpoint(typed, endpoint) => (typed, None, vec![endpoint]),
            Job::Lookup(query) => self.look_up(query, Vec::new()).await,
            Job::Expected(query, expected) => self.look_up(query, expected).await,
        };
        let _ = self.events.send(Event::Planned(endpoints.len()));
        let facts = self.examine_all(endpoints).await;
        // Nobody listens any more when the program is ending.
        let _ = self.events.send(Event::Finished(Box::new(Outcome { index, target, lookup, facts })));
    }

    /// Looks a target up; gives its endpoints, then those of others that are not among them.
    async fn look_up(&self, query: Query, others: Vec<Endpoint>) -> (String, Option<Lookup>, Vec<Endpoint>) {
        let Run { providers, network, lookup: options, .. } = &self.run;
        let lookup = lookup::lookup(&query, providers, network, options, &self.ended).await;
        let mut endpoints = self.run.endpoints_of(&lookup);
        endpoints.extend(others.into_iter().filter(|other| !endpoints.contains(other)).collect::<Vec<_>>());
        (query.typed, Some(lookup), endpoints)
    }

    /// Examines endpoints side by side; gives their facts in order.
    async fn examine_all(self: &Arc<Self>, endpoints: Vec<Endpoint>) -> Vec<Facts> {
        // A probe that panics leaves the facts of a lost one in its place.
        let mut examined: Vec<Vec<Facts>> =
            endpoints.iter().map(|endpoint| vec![Facts::lost(endpoint.clone())]).collect();
        let mut probes = JoinSet::new();
        for (position, endpoint) in endpoints.into_iter().enumerate() {
            let worker = Arc::clone(self);
            probes.spawn(async move { (position, worker.examine(&endpoint).await) });
        }
        while let Some(joined) = probes.join_next().await {
            let _ = self.events.send(Event::Examined);
            if let Ok((position, facts)) = joined
                && let Some(place) = examined.get_mut(position)
            {
                *place = facts;
            }
        }
        examined.into_iter().flatten().collect()
    }

    /// Examines an endpoint once, or once for each address of its host, all side by side.
    async fn examine(&self, endpoint: &Endpoint) -> Vec<Facts> {
        if !self.run.all_addresses {
            return vec![self.examine_at(endpoint, None).await];
        }
        match self.addresses(endpoint).await {
            // The probe itself stops at once and says that the run was ended.
            None => vec![self.examine_at(endpoint, None).await],
            Some(Err(failure)) => vec![Facts::unresolved(endpoint.clone(), failure)],
            Some(Ok((addresses, failures))) => {
                let probes = addresses.into_iter().map(|address| self.examine_at(endpoint, Some(address)));
                let mut all = join_all(probes).await;
                all.iter_mut().for_each(|facts| facts.course.unresolved.extend(failures.iter().cloned()));
                if self.run.network.options().family == Family::Any {
                    skip_unroutable(&mut all);
                }
                all
            }
        }
    }

    async fn examine_at(&self, endpoint: &Endpoint, address: Option<SocketAddr>) -> Facts {
        let _place = self.connections.acquire().await;
        examine(&self.run.network, endpoint, address, &self.run.probe, &self.ended).await
    }

    /// All addresses of an endpoint's host, within the limit of the endpoint; `None` when the run is ended before.
    async fn addresses(&self, endpoint: &Endpoint) -> Option<Result<Addresses, Failure>> {
        let mut ended = self.ended.clone();
        let limit = self.run.probe.timeout;
        let resolving = timeout(limit, self.run.network.all_addresses(&endpoint.host, endpoint.port));
        tokio::select! {
            resolved = resolving => Some(resolved.unwrap_or_else(|_| {
                let reason = format!("the resolver did not answer for {} within {limit:?}", endpoint.host);
                Err(Failure::temporary(Stage::Dns, Cause::Resolver, reason))
            })),
            Ok(_) = ended.wait_for(|ended| *ended) => None,
        }
    }
}

/// An address that this machine has no route to is skipped when another address of the host has one.
fn skip_unroutable(all: &mut [Facts]) {
    let no_route =
        |facts: &Facts| facts.connect.failure().is_some_and(|failure| failure.cause == Cause::NoRoute);
    if !all.iter().all(no_route) {
        all.iter_mut().filter(|facts| no_route(facts)).for_each(Facts::skip_connection);
    }
}

/// The addresses of a host, and why those of a family are not known.
type Addresses = (Vec<SocketAddr>, Vec<Failure>);

/// Enough to hide the waiting for slow servers, few enough for any machine.
pub const JOBS: usize = 64;
