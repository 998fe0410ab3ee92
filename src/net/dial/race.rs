//! The race itself (RFC 8305): the addresses of one host, connected a head start apart, and which connection wins.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault::{no_address, no_connection, unresolved};
use super::{Course, Dialled, Gate, Questions, Tried, TriedOutcome, Undialled};
use crate::attempt::{Cause, Failure, Stage};
use crate::net::Network;
use crate::net::dns::AddressFamily;
use crate::net::pace::Turn;
use crate::net::places::Place;
use crate::target::{Host, Port};

/// Connections to the addresses of one host, each started a head start after the one before.
pub(super) struct Race<'a> {
    pub(super) questions: Questions<'a>,
    pub(super) addresses: VecDeque<IpAddr>,
    connects: Connects,
    open: Vec<(SocketAddr, Instant)>,
    /// The address whose turn is waited for. No other is dialled meanwhile: a queue is no reason to use another family.
    waiting: Option<BoxFuture<'a, Admitted>>,
    /// Since when nothing is done but wait.
    paused: Option<Instant>,
    /// `None` when the caller holds a place.
    pub(super) queue: Option<Queue<'a>>,
    /// The place of the connection that wins, taken with the first.
    place: Option<Place>,
    dns_failures: Vec<Failure>,
    course: Course,
    port: Port,
    connect_timeout: Duration,
    started: Instant,
    next_start: Instant,
    deadline: Instant,
}

impl<'a> Race<'a> {
    pub(super) fn new(connect_timeout: Duration, port: Port, deadline: Instant) -> Self {
        let now = Instant::now();
        Self {
            questions: FuturesUnordered::new(),
            addresses: VecDeque::new(),
            connects: FuturesUnordered::new(),
            open: Vec::new(),
            waiting: None,
            paused: None,
            queue: None,
            place: None,
            dns_failures: Vec::new(),
            course: Course::default(),
            port,
            connect_timeout,
            started: now,
            next_start: now,
            deadline,
        }
    }

    /// Lets what the questions give through the gate first.
    pub(super) fn judge(&mut self, host: &'a Host, gate: &'a dyn Gate) {
        let questions = std::mem::take(&mut self.questions);
        self.questions = questions
            .into_iter()
            .map(|question| -> BoxFuture<'a, _> {
                Box::pin(async move {
                    let (family, answer) = question.await;
                    match answer {
                        Ok(addresses) => (family, gate.admit(host, addresses).await),
                        Err(failure) => (family, Err(failure)),
                    }
                })
            })
            .collect();
    }

    pub(super) async fn run(mut self) -> Result<Dialled, Undialled> {
        loop {
            if self.waiting.is_none() && Instant::now() >= self.next_start {
                self.start_next();
            }
            let idle = self.connects.is_empty() && self.waiting.is_none();
            if idle && self.questions.is_empty() && self.addresses.is_empty() {
                return Err(self.lost());
            }
            self.keep_time();
            tokio::select! {
                biased;
                Some((family, answer)) = self.questions.next() => self.answered(family, answer),
                Some((address, result)) = self.connects.next() => match result {
                    Ok(connected) => return Ok(self.won(address, connected)),
                    Err(failure) => self.failed(address, failure),
                },
                admitted = admission(&mut self.waiting) => self.admit(admitted),
                () = sleep_until(self.next_start), if !self.addresses.is_empty() && self.waiting.is_none() => {}
                () = sleep_until(self.deadline), if self.paused.is_none() => return Err(self.out_of_time()),
            }
        }
    }

    /// Stops the clock while there is nothing but waiting for a turn.
    fn keep_time(&mut self) {
        let only_waiting = self.waiting.is_some() && self.connects.is_empty();
        match self.paused {
            None if only_waiting => self.paused = Some(Instant::now()),
            Some(_) if !only_waiting => self.go_on(),
            _ => {}
        }
    }

    fn go_on(&mut self) {
        if let Some(paused) = self.paused.take() {
            let waited = paused.elapsed();
            self.deadline += waited;
            self.course.waited += waited;
        }
    }

    fn start_next(&mut self) {
        let Some(ip) = self.addresses.pop_front() else { return };
        let address = SocketAddr::new(ip, self.port.get());
        let Some(Queue { network, gate }) = self.queue else { return self.start(address, None) };
        let wants_place = self.place.is_none();
        let mut waiting: BoxFuture<'a, _> = Box::pin(async move {
            let (turn, place) = network.admission(&Host::Ip(address.ip()), wants_place, gate).await;
            Admitted { address, turn, place }
        });
        match (&mut waiting).now_or_never() {
            Some(admitted) => self.admit(admitted),
            None => self.waiting = Some(waiting),
        }
    }

    fn admit(&mut self, admitted: Admitted) {
        self.place = self.place.take().or(admitted.place);
        self.start(admitted.address, admitted.turn);
    }

    fn start(&mut self, address: SocketAddr, turn: Option<Turn>) {
        self.go_on();
        let now = Instant::now();
        let limit = self.connect_timeout;
        self.open.push((address, now));
        self.connects.push(Box::pin(async move {
            (address, connect(address, limit).await.map(|stream| (stream, turn)))
        }));
        self.next_start = now + HEAD_START;
    }

    /// Takes addresses in, the families in turn; IPv4 waits a moment for IPv6 to be resolved.
    fn answered(&mut self, family: AddressFamily, answer: Result<Vec<IpAddr>, Failure>) {
        let found = match answer {
            Ok(found) => found,
            Err(failure) => {
                self.dns_failures.push(failure);
                if self.open.is_empty() {
                    self.next_start = Instant::now();
                }
                return;
            }
        };
        self.course.dns.get_or_insert_with(|| self.started.elapsed());
        if self.open.is_empty() {
            let wait = family == AddressFamily::V4 && !self.questions.is_empty();
            self.next_start = Instant::now() + if wait { RESOLUTION_DELAY } else { Duration::ZERO };
        }
        self.addresses = in_turn(family, found, &self.addresses);
    }

    fn failed(&mut self, address: SocketAddr, failure: Failure) {
        self.open.retain(|(open, _)| *open != address);
        self.course.tried.push(Tried { address, outcome: TriedOutcome::Failed(failure) });
        self.next_start = Instant::now();
    }

    fn won(mut self, address: SocketAddr, (stream, turn): Connected) -> Dialled {
        let now = Instant::now();
        for (open, started) in std::mem::take(&mut self.open) {
            let elapsed = now.duration_since(started);
            if open == address {
                self.course.connect = Some(elapsed);
            } else {
                self.course.tried.push(Tried { address: open, outcome: TriedOutcome::StillOpen(elapsed) });
            }
        }
        self.course.unresolved = unresolved(self.dns_failures);
        Dialled { stream, address: Some(address), course: self.course, turn, place: self.place }
    }

    /// The end of the time: a resolver that is silent says nothing of the host, an address that is silent does.
    fn out_of_time(mut self) -> Undialled {
        if self.open.is_empty() && self.course.tried.is_empty() {
            let reason = "the resolver did not answer within the time limit";
            let failure = Failure::temporary(Stage::Dns, Cause::Resolver, reason);
            return Undialled { failure, address: None, course: self.course };
        }
        for (address, _) in std::mem::take(&mut self.open) {
            let reason = format!("no answer from {address} within the time limit");
            let outcome = TriedOutcome::Failed(Failure::new(Stage::Connect, Cause::TimedOut, reason));
            self.course.tried.push(Tried { address, outcome });
        }
        self.lost()
    }

    fn lost(mut self) -> Undialled {
        if self.course.tried.is_empty() {
            return Undialled { failure: no_address(self.dns_failures), address: None, course: self.course };
        }
        self.course.unresolved = unresolved(self.dns_failures);
        let address = self.course.tried.last().map(|tried| tried.address);
        Undialled { failure: no_connection(&self.course.tried), address, course: self.course }
    }
}

/// Puts the new family's addresses and the waiting ones in turn, IPv6 first.
pub(in crate::net) fn in_turn(
    family: AddressFamily,
    found: Vec<IpAddr>,
    waiting: &VecDeque<IpAddr>,
) -> VecDeque<IpAddr> {
    let waiting: Vec<IpAddr> = waiting.iter().copied().collect();
    let (v6, v4) = match family {
        AddressFamily::V6 => (found, waiting),
        AddressFamily::V4 => (waiting, found),
    };
    let longest = v6.len().max(v4.len());
    (0..longest).flat_map(|index| [v6.get(index), v4.get(index)]).flatten().copied().collect()
}

/// Where to wait for a turn and a place, and whose clock stands still meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Queue<'a> {
    pub(super) network: &'a Network,
    pub(super) gate: Option<&'a dyn Gate>,
}

/// An address that may be connected to.
struct Admitted {
    address: SocketAddr,
    turn: Option<Turn>,
    place: Option<Place>,
}

/// The end of what is waited for; never, when there is nothing.
async fn admission(waiting: &mut Option<BoxFuture<'_, Admitted>>) -> Admitted {
    let Some(future) = waiting else { return std::future::pending().await };
    let admitted = future.await;
    *waiting = None;
    admitted
}

async fn connect(address: SocketAddr, limit: Duration) -> Result<TcpStream, Failure> {
    let failure = |cause, reason: String| match cause {
        Cause::NoRoute | Cause::Internal => Failure::temporary(Stage::Connect, cause, reason),
        _ => Failure::new(Stage::Connect, cause, reason),
    };
    match timeout(limit, TcpStream::connect(address)).await {
        Err(_) => Err(failure(Cause::TimedOut, format!("no answer from {address} within {limit:?}"))),
        Ok(Err(error)) => {
            let cause = Cause::of_io(&error);
            Err(failure(cause.clone(), format!("{address} {}", connect_words(&cause, &error))))
        }
        Ok(Ok(stream)) => {
            // Without it a small command may wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
    }
}

fn connect_words(cause: &Cause, error: &std::io::Error) -> String {
    match cause {
        Cause::Refused => "refused the connection".to_owned(),
        Cause::TimedOut => "did not answer".to_owned(),
        Cause::NoRoute => "cannot be reached from here: no route".to_owned(),
        Cause::Internal => format!("could not be tried from here ({error})"),
        _ => format!("reset the connection ({error})"),
    }
}

type Connects = FuturesUnordered<BoxFuture<'static, (SocketAddr, Result<Connected, Failure>)>>;
type Connected = (TcpStream, Option<Turn>);

/// RFC 8305, section 8: Connection Attempt Delay.
const HEAD_START: Duration = Duration::from_millis(250);

/// RFC 8305, section 8: Resolution Delay.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let waiting: VecDeque<IpAddr> = ips(&["192.0.2.1", "192.0.2.2"]).into();
        let mixed = in_turn(AddressFamily::V6, ips(&["2001:db8::1"]), &waiting);
        assert_eq!(mixed, ips(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]));
        let mixed =
            in_turn(AddressFamily::V4, ips(&["192.0.2.1"]), &ips(&["2001:db8::1", "2001:db8::2"]).into());
        assert_eq!(mixed, ips(&["2001:db8::1", "192.0.2.1", "2001:db8::2"]));
    }
}
