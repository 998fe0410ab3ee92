//! A host and port to an open TCP connection: Happy Eyeballs (RFC 8305), with the fate of every address tried.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Network;
use super::dns::AddressFamily;
use super::pace::Turn;
use super::places::Place;
use crate::attempt::{Cause, Failure, Stage};
use crate::target::{Domain, Host, Port};

/// An open connection and how it came about.
#[derive(Debug)]
pub struct Dialled {
    /// The connection, with Nagle's algorithm off.
    pub stream: TcpStream,
    /// The address connected; `None` behind a proxy.
    pub address: Option<SocketAddr>,
    /// The way there.
    pub course: Course,
    /// The turn that the connection takes at its address, to be kept as long as it is open; `None` when nobody counts.
    pub turn: Option<Turn>,
    /// The place among all connections, to be kept as long as it is open; `None` when the caller holds one.
    pub place: Option<Place>,
}

/// No connection, and why.
#[derive(Debug)]
pub struct Undialled {
    /// The failure to report for the whole.
    pub failure: Failure,
    /// The address tried last, if any.
    pub address: Option<SocketAddr>,
    /// The way there.
    pub course: Course,
}

/// What happened on the way to a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Addresses that were tried in vain or had not answered when another did.
    pub tried: Vec<Tried>,
    /// Families whose addresses could not be found out although the other's could.
    pub unresolved: Vec<Failure>,
    /// How long nothing was done but wait for a turn and a place. It is in no other time, and the deadline was put off by it.
    pub waited: Duration,
    /// From the start to the first address.
    pub dns: Option<Duration>,
    /// From the start of the winning connection to its end.
    pub connect: Option<Duration>,
}

/// An address that did not become the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The address.
    pub address: SocketAddr,
    /// Why it was not the one.
    pub outcome: TriedOutcome,
}

/// The fate of an address that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriedOutcome {
    /// It failed.
    Failed(Failure),
    /// It had not answered for so long when another address did.
    StillOpen(Duration),
}

/// Judges the addresses of a host before any of them is connected.
pub trait Gate: Sync {
    /// The addresses that may be connected, at least one of them.
    ///
    /// # Errors
    /// [`Failure`] when none may.
    fn admit<'a>(
        &'a self,
        host: &'a Host,
        addresses: Vec<IpAddr>,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, Failure>>;

    /// Held while a turn or a place is waited for, which is no time of the other side's.
    fn pause(&self) -> Box<dyn Send + '_>;
}

impl Network {
    /// Opens a connection to a host before the deadline, to the first of its addresses that answers and the gate
    /// admits. What the connect-to map names is not judged, nor is what a proxy resolves.
    ///
    /// The caller holds a place among all connections.
    ///
    /// # Errors
    /// [`Undialled`] in the stages `dns` and `connect`: the gate's own failure when it admits no address.
    pub async fn dial(
        &self,
        host: &Host,
        port: Port,
        deadline: Instant,
        gate: Option<&dyn Gate>,
    ) -> Result<Dialled, Undialled> {
        let gate = self.judging(host, port, gate).await?;
        if let Some(proxy) = &self.options().proxy {
            return proxy.dial(self, host, port, deadline).await;
        }
        let (host, port) = self.place(host, port);
        self.race(&host, port, deadline, None, gate).await
    }

    /// As [`Network::dial`], for a mail server: the visitor waits for a turn at the address, if turns are kept, and
    /// then for a place. The deadline is put off by that.
    ///
    /// # Errors
    /// [`Undialled`] in the stages `dns` and `connect`.
    pub async fn dial_in_turn(
        &self,
        host: &Host,
        port: Port,
        deadline: Instant,
        gate: Option<&dyn Gate>,
    ) -> Result<Dialled, Undialled> {
        let judge = self.judging(host, port, gate).await?;
        let Some(proxy) = &self.options().proxy else {
            let (host, port) = self.place(host, port);
            return self.race(&host, port, deadline, Some(Queue { network: self, gate }), judge).await;
        };
        let began = Instant::now();
        let (turn, place) = self.admission(host, true, gate).await;
        let waited = began.elapsed();
        let mut dialled = proxy.dial(self, host, port, deadline + waited).await?;
        dialled.course.waited = waited;
        Ok(Dialled { turn, place, ..dialled })
    }

    /// The gate, where it has to judge; a literal address has been judged then.
    async fn judging<'a>(
        &self,
        host: &Host,
        port: Port,
        gate: Option<&'a dyn Gate>,
    ) -> Result<Option<&'a dyn Gate>, Undialled> {
        let gate = gate.filter(|_| !self.is_mapped(host, port));
        if let (Some(gate), Host::Ip(address)) = (gate, host) {
            gate.admit(host, vec![*address]).await.map_err(|failure| Undialled {
                failure,
                address: None,
                course: Course::default(),
            })?;
        }
        Ok(gate)
    }

    /// Waits for a turn, if turns are kept, and then for a place.
    async fn admission(
        &self,
        host: &Host,
        wants_place: bool,
        gate: Option<&dyn Gate>,
    ) -> (Option<Turn>, Option<Place>) {
        let _pause = gate.map(|gate| gate.pause());
        let turn = match self.visitor() {
            Some(visitor) => Some(visitor.turn(host).await),
            None => None,
        };
        let place = if wants_place { Some(self.places().wait().await) } else { None };
        (turn, place)
    }

    /// As [`Network::dial`], without the proxy and the connect-to map.
    ///
    /// # Errors
    /// [`Undialled`] in the stages `dns` and `connect`.
    pub async fn dial_directly(
        &self,
        host: &Host,
        port: Port,
        deadline: Instant,
    ) -> Result<Dialled, Undialled> {
        self.race(host, port, deadline, None, None).await
    }

    async fn race(
        &self,
        host: &Host,
        port: Port,
        deadline: Instant,
        queue: Option<Queue<'_>>,
        judge: Option<&dyn Gate>,
    ) -> Result<Dialled, Undialled> {
        let mut race = Race { queue, ..Race::new(self.options().connect_timeout, port, deadline) };
        match host {
            Host::Ip(address) if self.options().family.admits(*address) => race.addresses.push_back(*address),
            Host::Ip(_) => {}
            Host::Name(name) => race.questions = self.questions(name),
        }
        if let Some(judge) = judge {
            race.judge(host, judge);
        }
        race.run().await
    }

    /// Opens a connection to one address of a mail server before the deadline, in turn.
    ///
    /// # Errors
    /// [`Undialled`] in the stage `connect`.
    pub async fn dial_address(&self, address: SocketAddr, deadline: Instant) -> Result<Dialled, Undialled> {
        let port = Port::new(i64::from(address.port())).map_err(|error| Undialled {
            failure: Failure::new(Stage::Connect, Cause::Refused, error.to_string()),
            address: Some(address),
            course: Course::default(),
        })?;
        let queue = Queue { network: self, gate: None };
        self.race(&Host::Ip(address.ip()), port, deadline, Some(queue), None).await
    }

    /// All addresses of a host in the families asked for, IPv6 first, and the failures of families that have none.
    ///
    /// # Errors
    /// [`Failure`] when there is no address at all.
    pub async fn all_addresses(
        &self,
        host: &Host,
        port: Port,
    ) -> Result<(Vec<SocketAddr>, Vec<Failure>), Failure> {
        let (host, port) = self.place(host, port);
        let name = match host {
            Host::Ip(address) => return Ok((vec![SocketAddr::new(address, port.get())], Vec::new())),
            Host::Name(name) => name,
        };
        let mut questions = self.questions(&name);
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        while let Some((_, answer)) = questions.next().await {
            match answer {
                Ok(addresses) => {
                    found.extend(addresses.into_iter().map(|ip| SocketAddr::new(ip, port.get())))
                }
                Err(failure) => failures.push(failure),
            }
        }
        found.sort_unstable_by_key(|address| (address.is_ipv4(), *address));
        match found.is_empty() {
            true => Err(no_address(failures)),
            false => Ok((found, unresolved(failures))),
        }
    }

    /// One question for each family asked for.
    fn questions<'a>(&'a self, name: &'a Domain) -> Questions<'a> {
        let families = [(AddressFamily::V6, "::"), (AddressFamily::V4, "0.0.0.0")];
        families
            .into_iter()
            .filter(|(_, any)| any.parse().is_ok_and(|any| self.options().family.admits(any)))
            .map(|(family, _)| -> BoxFuture<'a, _> {
                Box::pin(async move { (family, self.resolver().addresses(name, family).await) })
            })
            .collect()
    }
}

type Questions<'a> = FuturesUnordered<BoxFuture<'a, (AddressFamily, Result<Vec<IpAddr>, Failure>)>>;
type Connects = FuturesUnordered<BoxFuture<'static, (SocketAddr, Result<Connected, Failure>)>>;
type Connected = (TcpStream, Option<Turn>);

/// Connections to the addresses of one host, each started a head start after the one before.
struct Race<'a> {
    questions: Questions<'a>,
    addresses: VecDeque<IpAddr>,
    connects: Connects,
    open: Vec<(SocketAddr, Instant)>,
    /// The address whose turn is waited for. No other is dialled meanwhile: a queue is no reason to use another family.
    waiting: Option<BoxFuture<'a, Admitted>>,
    /// Since when nothing is done but wait.
    paused: Option<Instant>,
    /// `None` when the caller holds a place.
    queue: Option<Queue<'a>>,
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
    fn new(connect_timeout: Duration, port: Port, deadline: Instant) -> Self {
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
    fn judge(&mut self, host: &'a Host, gate: &'a dyn Gate) {
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

    async fn run(mut self) -> Result<Dialled, Undialled> {
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
pub(super) fn in_turn(
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
struct Queue<'a> {
    network: &'a Network,
    gate: Option<&'a dyn Gate>,
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

/// The failure of a host without a usable address: a refused one over NXDOMAIN over a broken resolver over "no such
/// record".
fn no_address(failures: Vec<Failure>) -> Failure {
    let both_lack = failures.len() > 1 && failures.iter().all(|failure| failure.cause == Cause::NoAddress);
    if both_lack {
        let reason = "the host has neither an A nor an AAAA record";
        return Failure::new(Stage::Dns, Cause::NoAddress, reason);
    }
    let weight = |failure: &Failure| match failure.cause {
        Cause::Private => 0,
        Cause::NoSuchHost => 1,
        Cause::Resolver => 2,
        _ => 3,
    };
    failures.into_iter().min_by_key(weight).unwrap_or_else(|| {
        Failure::new(Stage::Dns, Cause::NoAddress, "the host has no address of the family asked for")
    })
}

/// What is worth saying of the family without addresses when the other has some: not that it has none.
fn unresolved(failures: Vec<Failure>) -> Vec<Failure> {
    failures.into_iter().filter(|failure| failure.cause == Cause::Resolver).collect()
}

/// The failure of a host none of whose addresses connected: what the host did weighs more than what is missing here.
fn no_connection(tried: &[Tried]) -> Failure {
    let failures: Vec<&Failure> = tried
        .iter()
        .filter_map(|tried| match &tried.outcome {
            TriedOutcome::Failed(failure) => Some(failure),
            TriedOutcome::StillOpen(_) => None,
        })
        .collect();
    let weight = |failure: &&Failure| match failure.cause {
        Cause::Refused => 0,
        Cause::NoRoute => 2,
        _ => 1,
    };
    let reason = failures.iter().map(|failure| failure.reason.as_str()).collect::<Vec<_>>().join("; ");
    match failures.iter().copied().min_by_key(weight) {
        Some(worst) => Failure { reason, ..worst.clone() },
        None => Failure::new(Stage::Connect, Cause::TimedOut, "no address answered"),
    }
}

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

    #[test]
    fn a_refusal_weighs_more_than_a_missing_route() {
        let tried = |address: &str, cause| Tried {
            address: address.parse().unwrap(),
            outcome: TriedOutcome::Failed(Failure::new(Stage::Connect, cause, address)),
        };
        let failure =
            no_connection(&[tried("[::1]:1", Cause::NoRoute), tried("192.0.2.1:1", Cause::Refused)]);
        assert_eq!(failure.cause, Cause::Refused);
        assert_eq!(failure.reason, "[::1]:1; 192.0.2.1:1");
    }
}
