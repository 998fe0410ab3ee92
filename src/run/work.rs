//! The work on one target: the lookup, its endpoints side by side, each shared, repeated or at all its addresses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::retry::Tries;
use super::share::{MOST_BYTES, Results};
use super::{Event, Job, Outcome, Run, Task, Trouble};
use crate::attempt::{Cause, EndedBy, Failure, Stage};
use crate::lookup::{self, Lookup, Query, Status};
use crate::net::Family;
use crate::net::pace::{Pace, Visitor};
use crate::probe;
use crate::probe::facts::Facts;
use crate::probe::session::{Ended, end_of_run, examine};
use crate::settings::Endpoint;

/// A run under way.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) run: Run,
    pace: Arc<Pace>,
    results: Results,
    events: mpsc::UnboundedSender<Event>,
    ended: Ended,
}

impl Worker {
    pub(super) fn new(run: Run, events: mpsc::UnboundedSender<Event>, ended: Ended) -> Arc<Self> {
        let (delays, mut told) = mpsc::unbounded_channel();
        let delayed = events.downgrade();
        tokio::spawn(async move {
            while let (Some(delay), Some(events)) = (told.recv().await, delayed.upgrade()) {
                let _ = events.send(Event::Delayed(delay));
            }
        });
        Arc::new(Self {
            pace: Pace::new(run.options.per_host, delays),
            results: Results::new(MOST_BYTES),
            run,
            events,
            ended,
        })
    }

    /// Nobody listens any more when the program is ending.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Waits until the run is to end.
    pub(super) async fn ended(&self) -> EndedBy {
        end_of_run(&self.ended).await
    }

    fn has_ended(&self) -> Option<EndedBy> {
        *self.ended.borrow()
    }

    /// Works on one target, which holds a place among those that are worked on.
    pub(super) async fn work(
        self: Arc<Self>,
        index: usize,
        Job { task, login }: Job,
        place: OwnedSemaphorePermit,
    ) -> Outcome {
        let visitor = self.pace.visitor(Some(place));
        let target = task.target().to_owned();
        let (lookup, endpoints) = match task {
            Task::Invalid(invalid) => return Outcome::in_trouble(index, target, Trouble::Invalid(invalid)),
            Task::Endpoint(_, endpoint) => (None, vec![endpoint]),
            Task::Lookup(query) => match self.look_up(&query, &visitor).await {
                Ok(lookup) => self.with_endpoints(lookup, Vec::new()),
                Err(by) => return Outcome::in_trouble(index, target, Trouble::Ended(by)),
            },
            Task::Expected(query, expected) => match self.look_up(&query, &visitor).await {
                Ok(lookup) => self.with_endpoints(lookup, expected),
                Err(by) => return Outcome::in_trouble(index, target, Trouble::Ended(by)),
            },
        };
        self.tell(Event::Planned(endpoints.len()));
        let places = lookup.as_ref().map(Lookup::places).unwrap_or_default();
        let options = probe::Options { places, login, ..self.run.probe.clone() };
        let guest = Guest { options: Arc::new(options), visitor };
        let facts = self.examine_all(endpoints, &guest).await;
        Outcome { lookup, facts, ..Outcome::new(index, target) }
    }

    /// A lookup and its endpoints, then others that are not among them.
    fn with_endpoints(&self, lookup: Lookup, others: Vec<Endpoint>) -> (Option<Lookup>, Vec<Endpoint>) {
        let mut endpoints = self.run.endpoints_of(&lookup);
        for other in others {
            if !endpoints.contains(&other) {
                endpoints.push(other);
            }
        }
        (Some(lookup), endpoints)
    }

    /// Looks a target up, again when it could not be found out and that is wanted.
    ///
    /// # Errors
    /// By what the run was ended before it began.
    async fn look_up(&self, query: &Query, visitor: &Arc<Visitor>) -> Result<Lookup, EndedBy> {
        if let Some(answered) = lookup::from_tables(query, &self.run.providers, &self.run.lookup) {
            return Ok(answered);
        }
        if let Some(by) = self.has_ended() {
            return Err(by);
        }
        let network = self.run.network.visited_by(Arc::clone(visitor));
        let mut tries = Tries::new(self.run.options.retries, self.run.probe.timeout);
        loop {
            let Run { providers, lookup: options, .. } = &self.run;
            let mut found = lookup::lookup(query, providers, &network, options, &self.ended).await;
            let failure = why_unknown(&found);
            let pause = failure.and_then(|failure| tries.after_failure(&failure));
            if !self.pause(pause, &mut tries).await {
                found.retries = tries.made();
                return Ok(found);
            }
        }
    }

    /// Waits before another try; false when there is none, or the run is ended meanwhile.
    async fn pause(&self, pause: Option<Duration>, tries: &mut Tries) -> bool {
        let Some(pause) = pause else { return false };
        tokio::select! {
            () = sleep(pause) => true,
            _ = self.ended() => {
                tries.give_up();
                false
            }
        }
    }

    /// Examines endpoints side by side; gives their facts in order.
    async fn examine_all(self: &Arc<Self>, endpoints: Vec<Endpoint>, guest: &Guest) -> Vec<Facts> {
        side_by_side(endpoints, |endpoint| {
            let (worker, guest) = (Arc::clone(self), guest.clone());
            async move {
                let facts = worker.examine_once(&endpoint, &guest).await;
                worker.tell(Event::Examined);
                facts
            }
        })
        .await
    }

    /// Examines an endpoint, unless another target did or does. What one account sees there is nobody else's.
    async fn examine_once(&self, endpoint: &Endpoint, guest: &Guest) -> Vec<Facts> {
        if !self.run.options.share || guest.options.login.is_some() {
            return self.examine(endpoint, guest).await;
        }
        let give_way = || guest.visitor.give_way();
        self.results.of(endpoint, give_way, async || self.examine(endpoint, guest).await).await
    }

    /// Examines an endpoint once, or once for each address of its host, all side by side.
    async fn examine(&self, endpoint: &Endpoint, guest: &Guest) -> Vec<Facts> {
        if let Some(by) = self.has_ended() {
            return vec![Facts::interrupted(endpoint.clone(), by)];
        }
        if !self.run.all_addresses {
            return vec![self.examine_until_told(endpoint, None, guest).await];
        }
        match self.addresses(endpoint).await {
            Err(by) => vec![Facts::interrupted(endpoint.clone(), by)],
            Ok(Err(failure)) => vec![Facts::unresolved(endpoint.clone(), failure)],
            Ok(Ok((addresses, failures))) => {
                let probes = addresses
                    .into_iter()
                    .map(|address| self.examine_until_told(endpoint, Some(address), guest));
                let mut all = join_all(probes).await;
                all.iter_mut().for_each(|facts| facts.course.unresolved.extend(failures.iter().cloned()));
                if self.run.network.options().family == Family::Any {
                    skip_unroutable(&mut all);
                }
                all
            }
        }
    }

    /// Examines an endpoint, again when it could not be judged and there is hope.
    async fn examine_until_told(
        &self,
        endpoint: &Endpoint,
        address: Option<SocketAddr>,
        guest: &Guest,
    ) -> Facts {
        let mut tries = Tries::new(self.run.options.retries, self.run.probe.timeout);
        let mut visitor = Arc::clone(&guest.visitor);
        loop {
            let network = self.run.network.visited_by(Arc::clone(&visitor));
            let mut facts = examine(&network, endpoint, address, &guest.options, &self.ended).await;
            let pause = tries.after(&facts);
            if pause.is_some() {
                visitor.give_way();
                visitor = visitor.again();
            }
            if !self.pause(pause, &mut tries).await {
                facts.interrupted =
                    facts.interrupted.or_else(|| self.has_ended().filter(|_| pause.is_some()));
                tries.write(&mut facts);
                return facts;
            }
        }
    }

    /// All addresses of an endpoint's host, within the limit of the endpoint.
    ///
    /// # Errors
    /// By what the run was ended before they were known.
    async fn addresses(&self, endpoint: &Endpoint) -> Result<Result<Addresses, Failure>, EndedBy> {
        let limit = self.run.probe.timeout;
        let mut tries = Tries::new(self.run.options.retries, limit);
        loop {
            let resolving = timeout(limit, self.run.network.all_addresses(&endpoint.host, endpoint.port));
            let resolved = tokio::select! {
                resolved = resolving => resolved.unwrap_or_else(|_| {
                    let reason = format!("the resolver did not answer for {} within {limit:?}", endpoint.host);
                    Err(Failure::temporary(Stage::Dns, Cause::Resolver, reason))
                }),
                by = self.ended() => return Err(by),
            };
            let pause = resolved.as_ref().err().and_then(|failure| tries.after_failure(failure));
            if !self.pause(pause, &mut tries).await {
                return Ok(resolved);
            }
        }
    }
}

/// A target whose endpoints are examined.
#[derive(Clone)]
struct Guest {
    visitor: Arc<Visitor>,
    options: Arc<probe::Options>,
}

/// Why nobody could tell the settings; `None` when they were found, or there are none for sure.
fn why_unknown(lookup: &Lookup) -> Option<Failure> {
    if lookup.status() != Status::Unknown || lookup.interrupted_by().is_some() {
        return None;
    }
    let failure = lookup.sources.iter().find_map(|asked| asked.outcome.failure())?;
    Some(Failure { temporary: true, ..failure.clone() })
}

/// Does the same with endpoints side by side; gives the facts in order.
async fn side_by_side<F>(endpoints: Vec<Endpoint>, examine: impl Fn(Endpoint) -> F) -> Vec<Facts>
where
    F: Future<Output = Vec<Facts>> + Send + 'static,
{
    // A probe that panics leaves the facts of a lost one in its place.
    let mut examined: Vec<Vec<Facts>> =
        endpoints.iter().map(|endpoint| vec![Facts::lost(endpoint.clone())]).collect();
    let mut probes = JoinSet::new();
    for (position, endpoint) in endpoints.into_iter().enumerate() {
        let probe = examine(endpoint);
        probes.spawn(async move { (position, probe.await) });
    }
    while let Some(joined) = probes.join_next().await {
        if let Ok((position, facts)) = joined
            && let Some(place) = examined.get_mut(position)
        {
            *place = facts;
        }
    }
    examined.into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Attempt;
    use crate::settings::Overrides;
    use crate::target::Target;

    #[test]
    fn a_probe_that_panics_leaves_the_facts_of_a_lost_one() {
        let endpoint = |text| {
            let Ok(Target::Host { scheme, host, port }) = Target::parse(text) else { panic!("{text}") };
            Endpoint::complete(scheme, host, port, Overrides::default()).unwrap()
        };
        let endpoints = ["imaps://a.example", "imaps://b.example", "imaps://c.example"].map(endpoint);
        let broken = endpoints[1].clone();
        let examined = side_by_side(endpoints.to_vec(), |endpoint| {
            let broken = broken.clone();
            async move {
                assert_ne!(endpoint, broken, "this one is broken on purpose");
                vec![Facts::new(endpoint, time::OffsetDateTime::UNIX_EPOCH)]
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let facts = runtime.block_on(examined);
        let causes: Vec<_> =
            facts.iter().map(|facts| facts.connect.failure().map(|failure| &failure.cause)).collect();
        assert_eq!(causes, [None, Some(&Cause::Internal), None]);
        assert_eq!(
            facts.iter().map(|facts| &facts.endpoint).collect::<Vec<_>>(),
            endpoints.iter().collect::<Vec<_>>()
        );
        assert!(matches!(facts[1].greeting, Attempt::Skipped(_)));
    }
}
