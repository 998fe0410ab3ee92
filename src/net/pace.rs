//! How many connections one address gets from a run: so many at once, so many a minute, and who comes next.
//!
//! Servers limit what one client may do, and answer "later" or nothing to one that does more. A visitor (a target of
//! the run) waits until it is admitted to an address; from then on all its connections there begin at once, but count.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, timeout_at};

use crate::target::Host;

/// How many connections of different targets one address gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At the same time.
    pub connections: NonZeroUsize,
    /// Begun within any minute; `None` for as many as there are.
    pub per_minute: Option<NonZeroUsize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: CONNECTIONS, per_minute: Some(PER_MINUTE) }
    }
}

/// 2 at once: what cautious servers allow one client.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// 10 a minute.
const PER_MINUTE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);

/// The addresses of a run and the connections they have.
#[derive(Debug)]
pub struct Pace {
    limits: Option<Limits>,
    visitors: AtomicU64,
    addresses: Mutex<Addresses>,
    delays: mpsc::UnboundedSender<Delay>,
}

#[derive(Debug, Default)]
struct Addresses {
    known: HashMap<Host, Arc<Address>>,
    next_sweep: usize,
}

/// An address that makes visitors wait, said once of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The address; a name behind a proxy.
    pub host: Host,
    /// What holds them up.
    pub by: Held,
}

/// Which of the limits holds a visitor up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// So many connections are open.
    AtOnce(NonZeroUsize),
    /// So many connections were begun within a minute.
    PerMinute(NonZeroUsize),
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = |number: NonZeroUsize| if number.get() == 1 { "connection" } else { "connections" };
        match self.by {
            Held::AtOnce(number) => {
                write!(f, "waiting for {}: {number} {} at once (--per-host)", self.host, connections(number))
            }
            Held::PerMinute(number) => {
                write!(f, "waiting for {}: {number} {} a minute (--per-host)", self.host, connections(number))
            }
        }
    }
}

impl Pace {
    /// No limits when they are `None`: connections are counted all the same. Delays are told to the other end.
    pub fn new(limits: Option<Limits>, delays: mpsc::UnboundedSender<Delay>) -> Arc<Self> {
        Arc::new(Self { limits, visitors: AtomicU64::new(0), addresses: Mutex::default(), delays })
    }

    /// Somebody new, who counts among those that work until it has to wait.
    pub fn visitor(self: &Arc<Self>, working: Option<OwnedSemaphorePermit>) -> Arc<Visitor> {
        let id = self.visitors.fetch_add(1, Ordering::Relaxed);
        Arc::new(Visitor {
            id,
            pace: Arc::clone(self),
            admitted_to: Mutex::default(),
            working: Mutex::new(working),
        })
    }

    fn address(&self, host: &Host) -> Arc<Address> {
        let mut addresses = lock(&self.addresses);
        if addresses.known.len() >= addresses.next_sweep {
            let now = Instant::now();
            addresses.known.retain(|_, it| Arc::strong_count(it) > 1 || !lock(&it.state).is_idle(now));
            addresses.next_sweep = (addresses.known.len() * 2).max(FIRST_SWEEP);
        }
        Arc::clone(addresses.known.entry(host.clone()).or_default())
    }
}

/// Somebody who connects: one target, or one later try of it.
#[derive(Debug)]
pub struct Visitor {
    id: u64,
    pace: Arc<Pace>,
    admitted_to: Mutex<Vec<Arc<Address>>>,
    working: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Visitor {
    /// The same as somebody new, who waits for a turn again.
    #[must_use]
    pub fn again(&self) -> Arc<Self> {
        self.pace.visitor(None)
    }

    /// Leaves its part of the work to another, for good: whoever waits does not keep others from working.
    pub fn give_way(&self) {
        lock(&self.working).take();
    }

    /// Waits until a connection to an address may begin.
    pub async fn turn(self: &Arc<Self>, host: &Host) -> Turn {
        let address = self.pace.address(host);
        let waiting = Waiting { id: self.id, address: &address };
        lock(&address.state).join(self.id);
        let mut tell_at = Some(Instant::now() + TELL_AFTER);
        loop {
            // Made before the look at the state, so that no change between the two is missed.
            let changed = address.changed.notified();
            let Some(held) = self.try_turn(&address) else { break };
            self.give_way();
            match [held.until, tell_at].into_iter().flatten().min() {
                Some(until) => drop(timeout_at(until, changed).await),
                None => changed.await,
            }
            if tell_at.take_if(|at| *at <= Instant::now()).is_some() {
                self.tell(&address, host, held.by);
            }
        }
        drop(waiting);
        Turn { address, limited: self.pace.limits.is_some() }
    }

    /// Begins a connection, or says what holds it up.
    fn try_turn(&self, address: &Arc<Address>) -> Option<HeldUntil> {
        let mut state = lock(&address.state);
        let now = Instant::now();
        if let Some(held) = state.held(self.id, now, self.pace.limits) {
            return Some(held);
        }
        if state.begin(self.id, now) {
            lock(&self.admitted_to).push(Arc::clone(address));
            // The other connections of this visitor, and those behind it.
            address.changed.notify_waiters();
        }
        None
    }

    fn tell(&self, address: &Address, host: &Host, by: Held) {
        if !std::mem::replace(&mut lock(&address.state).told, true) {
            // Nobody listens any more when the program is ending.
            let _ = self.pace.delays.send(Delay { host: host.clone(), by });
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        for address in lock(&self.admitted_to).drain(..) {
            lock(&address.state).admitted.remove(&self.id);
        }
    }
}

/// A connection that may begin, or is open; it counts until it is dropped.
#[derive(Debug)]
pub struct Turn {
    address: Arc<Address>,
    limited: bool,
}

impl Turn {
    /// How many other connections of the run the address has, or began to have within the last minute.
    pub fn company(&self) -> usize {
        let mut state = lock(&self.address.state);
        state.forget(Instant::now());
        state.open.max(state.begun.len()).saturating_sub(1)
    }
}

impl Turn {
    /// Gives the turn back once the server has seen that the connection is closed, which takes about a round trip.
    pub fn give_back(self, round_trip: Option<Duration>) {
        if self.limited {
            let time = round_trip.unwrap_or_default().clamp(SHORTEST_FAREWELL, LONGEST_FAREWELL);
            tokio::spawn(async move {
                sleep(time).await;
                drop(self);
            });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.address.state);
        state.open = state.open.saturating_sub(1);
        drop(state);
        self.address.changed.notify_waiters();
    }
}

/// A connection that waits, in the queue until it is dropped.
struct Waiting<'a> {
    id: u64,
    address: &'a Address,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if lock(&self.address.state).leave(self.id) {
            self.address.changed.notify_waiters();
        }
    }
}

#[derive(Debug, Default)]
struct Address {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Connections that are open.
    open: usize,
    /// When the connections of the last minute began.
    begun: VecDeque<Instant>,
    /// Visitors that need not wait.
    admitted: HashSet<u64>,
    /// Visitors that wait, and with how many connections, the first to be admitted first.
    queue: VecDeque<(u64, usize)>,
    /// Whether the delay was told.
    told: bool,
}

/// What holds a visitor up, and when that ends if nothing else changes.
#[derive(Debug, PartialEq, Eq)]
struct HeldUntil {
    by: Held,
    until: Option<Instant>,
}

impl State {
    fn held(&mut self, visitor: u64, now: Instant, limits: Option<Limits>) -> Option<HeldUntil> {
        let limits = limits.filter(|_| !self.admitted.contains(&visitor))?;
        self.forget(now);
        if let Some(most) = limits.per_minute
            && let Some(excess) = self.begun.len().checked_sub(most.get())
        {
            let until = self.begun.get(excess).map(|begun| *begun + MINUTE);
            return Some(HeldUntil { by: Held::PerMinute(most), until });
        }
        let first = self.queue.front().is_none_or(|(first, _)| *first == visitor);
        let held = self.open >= limits.connections.get() || !first;
        held.then_some(HeldUntil { by: Held::AtOnce(limits.connections), until: None })
    }

    /// Counts a connection; true when its visitor is admitted by it.
    fn begin(&mut self, visitor: u64, now: Instant) -> bool {
        self.open += 1;
        self.begun.push_back(now);
        self.queue.retain(|(waiting, _)| *waiting != visitor);
        self.admitted.insert(visitor)
    }

    fn join(&mut self, visitor: u64) {
        if self.admitted.contains(&visitor) {
            return;
        }
        match self.queue.iter_mut().find(|(waiting, _)| *waiting == visitor) {
            Some((_, connections)) => *connections += 1,
            None => self.queue.push_back((visitor, 1)),
        }
    }

    /// Takes a connection that was not begun out of the queue; false when it was not there.
    fn leave(&mut self, visitor: u64) -> bool {
        let Some(place) = self.queue.iter().position(|(waiting, _)| *waiting == visitor) else {
            return false;
        };
        if let Some((_, connections)) = self.queue.get_mut(place) {
            *connections -= 1;
        }
        self.queue.retain(|(_, connections)| *connections > 0);
        true
    }

    fn forget(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|begun| *begun + MINUTE <= now) {
            self.begun.pop_front();
        }
    }

    fn is_idle(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.open == 0 && self.begun.is_empty() && self.queue.is_empty() && self.admitted.is_empty()
    }
}

/// Nothing that panics is done under the locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server on a machine nearby has other things to do too; one far away gets its round trip.
const SHORTEST_FAREWELL: Duration = Duration::from_millis(50);
const LONGEST_FAREWELL: Duration = Duration::from_millis(500);

const MINUTE: Duration = Duration::from_secs(60);

/// A delay is worth a word after 2 s.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// Addresses that nobody visits any more take little: looking for them is put off until there are so many.
const FIRST_SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Option<Limits> = Some(Limits {
        connections: NonZeroUsize::MIN.saturating_add(1),
        per_minute: Some(NonZeroUsize::MIN.saturating_add(3)),
    });

    /// Whether a visitor may connect, and by what it is held up.
    fn ask(state: &mut State, visitor: u64, now: Instant) -> &'static str {
        state.join(visitor);
        match state.held(visitor, now, LIMITS).map(|held| held.by) {
            None => {
                state.begin(visitor, now);
                "goes"
            }
            Some(Held::AtOnce(_)) => "others are there",
            Some(Held::PerMinute(_)) => "too many a minute",
        }
    }

    #[test]
    fn a_visitor_that_was_admitted_need_not_wait_and_its_connections_count() {
        let mut state = State::default();
        let now = Instant::now();
        assert_eq!(ask(&mut state, 1, now), "goes");
        assert_eq!(ask(&mut state, 1, now), "goes");
        assert_eq!(ask(&mut state, 1, now), "goes");
        assert_eq!(ask(&mut state, 2, now), "others are there");
        state.open = 0;
        assert_eq!(ask(&mut state, 2, now), "goes");
        assert_eq!(ask(&mut state, 3, now), "too many a minute");
        assert_eq!(ask(&mut state, 1, now), "goes");
        let held = state.held(3, now, LIMITS).unwrap();
        assert_eq!(held.until, Some(now + MINUTE), "five were begun, four a minute may be");
        state.open = 0;
        assert_eq!(ask(&mut state, 3, now + MINUTE), "goes");
    }

    #[test]
    fn visitors_are_admitted_in_the_order_in_which_they_came() {
        let mut state = State::default();
        let now = Instant::now();
        assert_eq!(ask(&mut state, 1, now), "goes");
        assert_eq!(ask(&mut state, 2, now), "goes");
        assert_eq!(ask(&mut state, 3, now), "others are there");
        assert_eq!(ask(&mut state, 4, now), "others are there");
        state.open = 1;
        assert_eq!(ask(&mut state, 4, now), "others are there");
        assert_eq!(ask(&mut state, 3, now), "goes");
        state.open = 1;
        state.leave(4);
        assert_eq!(ask(&mut state, 5, now), "others are there", "4 had two connections waiting");
        state.leave(4);
        assert_eq!(ask(&mut state, 5, now), "goes");
    }

    #[test]
    fn without_limits_connections_are_counted_all_the_same() {
        let mut state = State::default();
        let now = Instant::now();
        for visitor in 0..20 {
            assert_eq!(state.held(visitor, now, None), None);
            state.begin(visitor, now);
        }
        assert_eq!((state.open, state.begun.len()), (20, 20));
    }
}
