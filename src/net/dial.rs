//! A host and port to an open TCP connection: Happy Eyeballs (RFC 8305), with the fate of every address tried.

mod fault;
mod race;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use self::fault::{no_address, unresolved};
pub(super) use self::race::in_turn;
use self::race::{Queue, Race};
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
        let mut race = Race::new(self.options().connect_timeout, port, deadline);
        race.queue = queue;
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
