//! The results of a run, so that an endpoint which many targets have is examined once.
//!
//! Whoever wants an endpoint while it is examined waits for that result. Finished results are kept up to a bound, those
//! that nobody else wanted leaving first; an interrupted one is never kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::attempt::Attempt;
use crate::probe::facts::Facts;
use crate::settings::Endpoint;
use crate::wire::Capabilities;

/// The facts of an endpoint, one for each of its addresses that was examined.
type Result = Arc<[Facts]>;

/// The results so far.
#[derive(Debug)]
pub(super) struct Results {
    kept: Mutex<Kept>,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    cells: HashMap<Arc<Endpoint>, Entry>,
    /// The finished ones, the oldest first.
    finished: VecDeque<(Arc<Endpoint>, usize)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Entry {
    cell: Arc<OnceCell<Result>>,
    wanted_again: bool,
}

impl Results {
    /// Results that take up to so many bytes.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { kept: Mutex::default(), most_bytes }
    }

    /// The facts of an endpoint: those of another target, marked so, else those that `examine` finds out. Before it
    /// waits for another target, it says so.
    pub(super) async fn of(
        &self,
        endpoint: &Endpoint,
        waits: impl FnOnce(),
        examine: impl AsyncFnOnce() -> Vec<Facts>,
    ) -> Vec<Facts> {
        let (cell, is_new) = self.cell(endpoint);
        if !is_new && !cell.initialized() {
            waits();
        }
        let mut own = None;
        let result = cell
            .get_or_try_init(async || {
                let facts = examine().await;
                let interrupted = facts.iter().any(|facts| facts.interrupted.is_some());
                let kept: Result = if interrupted { Arc::new([]) } else { facts.iter().map(lean).collect() };
                own = Some(facts);
                if interrupted { Err(()) } else { Ok(kept) }
            })
            .await;
        match (own, result) {
            (Some(facts), Ok(kept)) => {
                self.finish(endpoint, kept.iter().map(weight).sum());
                facts
            }
            (Some(facts), Err(())) => facts,
            (None, result) => result.into_iter().flat_map(|kept| kept.iter()).map(shared).collect(),
        }
    }

    /// The place of a result, and whether nobody asked for it before.
    fn cell(&self, endpoint: &Endpoint) -> (Arc<OnceCell<Result>>, bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.cells.get_mut(endpoint) {
            entry.wanted_again = true;
            return (Arc::clone(&entry.cell), false);
        }
        (Arc::clone(&kept.cells.entry(Arc::new(endpoint.clone())).or_default().cell), true)
    }

    /// Counts a result, and lets the oldest go that nobody wanted again, until the rest is small enough.
    fn finish(&self, endpoint: &Endpoint, bytes: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((key, _)) = kept.cells.get_key_value(endpoint) else { return };
        let key = Arc::clone(key);
        kept.finished.push_back((key, bytes));
        kept.bytes += bytes;
        while kept.bytes > self.most_bytes {
            let Some((oldest, bytes)) = kept.finished.pop_front() else { return };
            let again = kept.cells.get_mut(&oldest).map(|entry| std::mem::take(&mut entry.wanted_again));
            if again == Some(true) {
                kept.finished.push_back((oldest, bytes));
                continue;
            }
            kept.cells.remove(&oldest);
            kept.bytes -= bytes;
        }
    }
}

/// What is kept for others: all but the dialogue.
fn lean(facts: &Facts) -> Facts {
    Facts { transcript: Vec::new(), ..facts.clone() }
}

fn shared(facts: &Facts) -> Facts {
    Facts { shared: true, ..facts.clone() }
}

/// About how many bytes facts take, without counting every one.
pub(super) fn weight(facts: &Facts) -> usize {
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() + PER_TEXT).sum::<usize>();
    let listed = |attempt: &Attempt<Capabilities>| {
        attempt
            .value()
            .map_or(0, |listed| texts(&listed.list) + texts(&listed.mechanisms) + texts(&listed.notes))
    };
    let certificate = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref());
    let names = certificate.map_or(0, |certificate| texts(&certificate.names) + PER_CERTIFICATE);
    let greeting = facts.greeting.value().or(facts.turned_away.as_ref());
    let greeting = greeting.map_or(0, |greeting| greeting.raw.len() * 2 + listed_in(greeting, texts));
    let tried = facts.course.tried.len() * PER_TRIED;
    size_of::<Facts>()
        + PER_FACTS
        + listed(&facts.before_tls)
        + listed(&facts.after_tls)
        + names
        + greeting
        + tried
        + texts(&facts.notes)
        + facts.transcript.iter().map(|said| said.text.len() + PER_TEXT).sum::<usize>()
}

fn listed_in(greeting: &crate::wire::Greeting, texts: impl Fn(&[String]) -> usize) -> usize {
    greeting.capabilities.as_ref().map_or(0, |listed| texts(&listed.list) + texts(&listed.mechanisms))
}

/// A `String` and what its allocation takes beside its bytes.
const PER_TEXT: usize = 40;
/// What a certificate has beside its names: two distinguished names, digests, dates, problems.
const PER_CERTIFICATE: usize = 800;
/// An address that was tried, and why it failed.
const PER_TRIED: usize = 300;
/// The reasons of steps that failed or were not reached.
const PER_FACTS: usize = 800;

/// 32 MiB: some 10,000 endpoints.
pub const MOST_BYTES: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;
    use crate::attempt::EndedBy;
    use crate::settings::Overrides;
    use crate::target::Target;

    fn endpoint(number: usize) -> Endpoint {
        let Ok(Target::Host { scheme, host, port }) = Target::parse(&format!("imaps://host{number}.example"))
        else {
            panic!()
        };
        Endpoint::complete(scheme, host, port, Overrides::default()).unwrap()
    }

    fn facts(endpoint: &Endpoint) -> Vec<Facts> {
        vec![Facts::new(endpoint.clone(), time::OffsetDateTime::UNIX_EPOCH)]
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn all_who_want_an_endpoint_at_the_same_time_get_one_result() {
        let (results, endpoint, examined) = (Results::new(MOST_BYTES), endpoint(1), Cell::new(0));
        let ask = || {
            results.of(
                &endpoint,
                || (),
                async || {
                    tokio::task::yield_now().await;
                    examined.set(examined.get() + 1);
                    facts(&endpoint)
                },
            )
        };
        let all = wait(join_all([ask(), ask(), ask()]));
        assert_eq!(examined.get(), 1);
        let shared: Vec<bool> = all.iter().map(|facts| facts[0].shared).collect();
        assert_eq!(shared, [false, true, true]);
    }

    #[test]
    fn an_interrupted_result_is_not_kept() {
        let (results, endpoint) = (Results::new(MOST_BYTES), endpoint(1));
        let interrupted = || vec![Facts::interrupted(endpoint.clone(), EndedBy::Signal)];
        let first = wait(results.of(&endpoint, || (), async || interrupted()));
        let second = wait(results.of(&endpoint, || (), async || facts(&endpoint)));
        assert_eq!((first[0].interrupted, second[0].interrupted), (Some(EndedBy::Signal), None));
        assert!(!second[0].shared);
    }

    #[test]
    fn results_that_nobody_wanted_again_leave_first() {
        let one = weight(&facts(&endpoint(0))[0]);
        let results = Results::new(one * 3);
        let ask = |number| {
            let endpoint = endpoint(number);
            let found = wait(results.of(&endpoint, || (), async || facts(&endpoint)));
            found[0].shared
        };
        assert_eq!([ask(1), ask(2), ask(3), ask(1)], [false, false, false, true]);
        assert!(!ask(4), "2 leaves");
        assert_eq!([ask(1), ask(3), ask(4), ask(2)], [true, true, true, false]);
        let kept = results.kept.lock().unwrap();
        assert_eq!((kept.cells.len(), kept.finished.len(), kept.bytes), (3, 3, one * 3));
    }
}
