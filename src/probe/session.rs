//! The course of one probe: connect, greeting, capabilities, STARTTLS, handshake, capabilities again, goodbye.
//!
//! One connection an endpoint. Others are made only when the server broke on the large post-quantum ClientHello, may not
//! see the client certificate, greets late at a port for TLS, refused one of several user names, or is to be tested for
//! command injection.

pub(super) mod answer;
mod sign_in;
mod steps;
mod upgrade;

use std::net::SocketAddr;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Options;
use super::drive::{Channel, Transcript};
use super::facts::{Facts, Party};
use super::login::SignInAttempt;
use crate::attempt::{Attempt, Cause, EndedBy, Failure};
use crate::net::Network;
use crate::net::dial::{Dialled, Gate};
use crate::net::pace::Turn;
use crate::net::places::Place;
use crate::net::tls::{self, Groups};
use crate::settings::{Endpoint, Security};
use crate::wire::{Dialogue, GreetingKind, dialogue};
use answer::address_literal;

/// Says by what the run is to end, once it is: probes stop where they are and tell what they know.
pub type Ended = watch::Receiver<Option<EndedBy>>;

/// Waits until the run is to end; for ever when nobody can end it any more.
pub async fn end_of_run(ended: &Ended) -> EndedBy {
    let mut ended = ended.clone();
    match ended.wait_for(Option::is_some).await.map(|by| *by) {
        Ok(Some(by)) => by,
        _ => std::future::pending().await,
    }
}

/// Examines an endpoint, at one address or at the first of its addresses that answers.
pub async fn examine(
    network: &Network,
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    options: &Options,
    ended: &Ended,
) -> Facts {
    examine_through(network, None, endpoint, address, options, ended).await
}

/// As [`examine`], at the first of the addresses that the gate admits.
pub async fn examine_through(
    network: &Network,
    gate: Option<&dyn Gate>,
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    options: &Options,
    ended: &Ended,
) -> Facts {
    let started = Instant::now();
    // What is waited for a turn or a place is no time of the server's.
    let deadline = |facts: &Facts| started + options.timeout + facts.timings.wait.unwrap_or_default();
    let until = (started + options.timeout, 0);
    let mut facts = examine_as(network, gate, endpoint, address, options, ended, until).await;
    let mut name = 1;
    while sign_in::may_try(&facts, options, name) && Instant::now() < deadline(&facts) {
        let until = (deadline(&facts), name);
        let again = examine_as(network, gate, endpoint, address, options, ended, until).await;
        sign_in::join(&mut facts, again);
        name += 1;
    }
    facts
}

/// Examines an endpoint until a deadline; signs in, if at all, with the user name of this place among the candidates.
async fn examine_as(
    network: &Network,
    gate: Option<&dyn Gate>,
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    options: &Options,
    ended: &Ended,
    (deadline, name): (Instant, usize),
) -> Facts {
    let session =
        |deadline| Session { gate, ..Session::new(network, endpoint, address, options, (deadline, name)) };
    let mut first = session(deadline);
    first.run_until(Groups::PostQuantum, ended).await;
    let deadline = first.deadline;
    let time_left = Instant::now() < deadline && first.facts.interrupted.is_none();
    let Some(broken) = first.broke_on_hello.take().filter(|_| time_left) else {
        return first.finish();
    };
    // Nobody waits for a place who holds one.
    first.place = None;
    let mut second = session(deadline);
    second.started = first.started;
    second.facts.timings.wait = first.facts.timings.wait;
    second.run_until(Groups::Classical, ended).await;
    if matches!(second.facts.tls, Attempt::Done(_)) {
        second.facts.smaller_hello = Some(broken);
        return second.finish();
    }
    first.facts.interrupted = second.facts.interrupted;
    first.facts.timings.total = second.facts.timings.total;
    first.facts.timings.wait = second.facts.timings.wait;
    first.facts.notes.push("a second connection with a smaller ClientHello failed too".to_owned());
    first.finish()
}

struct Session<'a> {
    network: &'a Network,
    options: &'a Options,
    address: Option<SocketAddr>,
    deadline: Instant,
    started: Instant,
    facts: Facts,
    transcript: Transcript,
    broke_on_hello: Option<Failure>,
    /// Which of the user names signs in.
    name: usize,
    /// The sign-in that is under way.
    signing_in: Option<SignInAttempt>,
    /// Whether the client certificate is still to be shown.
    introduces: bool,
    /// True when the handshake was ended so that the server would not see it.
    kept_back: bool,
    /// Whether a greeting in clear text is waited for as long as there is time, whatever the port.
    is_patient: bool,
    /// True when the greeting came while the port was tried with TLS.
    greets_late: bool,
    binding: Option<tls::Binding>,
    turn: Option<Turn>,
    place: Option<Place>,
    gate: Option<&'a dyn Gate>,
}

impl<'a> Session<'a> {
    fn new(
        network: &'a Network,
        endpoint: &Endpoint,
        address: Option<SocketAddr>,
        options: &'a Options,
        (deadline, name): (Instant, usize),
    ) -> Self {
        let mut session = Self {
            network,
            options,
            address,
            deadline,
            started: Instant::now(),
            facts: Facts::new(endpoint.clone(), OffsetDateTime::now_utc()),
            transcript: Transcript::new(options.transcript),
            broke_on_hello: None,
            turn: None,
            place: None,
            gate: None,
            name,
            signing_in: None,
            introduces: true,
            kept_back: false,
            is_patient: false,
            greets_late: false,
            binding: None,
        };
        session.expect_login();
        session
    }

    async fn run_until(&mut self, groups: Groups, ended: &Ended) {
        self.facts.interrupted = tokio::select! {
            () = self.run(groups) => None,
            by = end_of_run(ended) => Some(by),
        };
        self.note_interrupted_sign_in();
        let total = self.started.elapsed().saturating_sub(self.facts.timings.wait.unwrap_or_default());
        let reached = !matches!(self.facts.connect, Attempt::Skipped(_));
        self.facts.timings.total = reached.then_some(total);
    }

    fn finish(mut self) -> Facts {
        if let Some(turn) = self.turn.take() {
            self.facts.company = turn.company();
            turn.give_back(self.facts.timings.connect);
        }
        self.facts.transcript = self.transcript.take_lines();
        self.facts.settle();
        self.transcript.clean_all(&mut self.facts);
        self.facts
    }

    async fn run(&mut self, groups: Groups) {
        self.run_once(groups).await;
        if std::mem::take(&mut self.kept_back) {
            self.introduces = false;
            self.begin_again("without the client certificate");
            self.run_once(groups).await;
        }
        if std::mem::take(&mut self.greets_late) {
            self.is_patient = true;
            self.begin_again("and the greeting waited for");
            self.run_once(groups).await;
        }
    }

    /// Forgets what was found out on a connection that was no use.
    fn begin_again(&mut self, how: &str) {
        self.note(&format!("once more, {how}"));
        // Nobody waits for a place who holds one.
        (self.place, self.turn) = (None, None);
        let wait = self.facts.timings.wait;
        self.facts = Facts::new(self.facts.endpoint.clone(), self.facts.began);
        self.facts.timings.wait = wait;
        self.expect_login();
    }

    async fn run_once(&mut self, groups: Groups) {
        let Some(dialled) = self.connect().await else { return };
        let ehlo = self.options.ehlo.clone().unwrap_or_else(|| address_literal(&dialled));
        let mut dialogue = dialogue(self.facts.endpoint.protocol, &ehlo);
        match self.facts.endpoint.security {
            Security::Tls => self.run_inside_tls(dialled.stream, dialogue.as_mut(), groups).await,
            Security::StartTls | Security::None => {
                self.run_in_clear(dialled.stream, dialogue.as_mut(), groups).await
            }
        }
    }

    async fn connect(&mut self) -> Option<Dialled> {
        let endpoint = self.facts.endpoint.clone();
        let dialled = match self.address {
            Some(address) => self.network.dial_address(address, self.deadline).await,
            None => {
                let Endpoint { host, port, .. } = &endpoint;
                self.network.dial_in_turn(host, *port, self.deadline, self.gate).await
            }
        };
        let (address, course) = match &dialled {
            Ok(dialled) => (dialled.address, dialled.course.clone()),
            Err(undialled) => (undialled.address, undialled.course.clone()),
        };
        self.facts.address = address;
        self.add_wait(course.waited);
        self.facts.timings.dns = course.dns;
        self.facts.timings.connect = course.connect;
        self.facts.course = course;
        match dialled {
            Ok(mut dialled) => {
                self.turn = dialled.turn.take();
                self.place = dialled.place.take();
                self.facts.connect = Attempt::Done(());
                let place =
                    address.map_or_else(|| "through the proxy".to_owned(), |address| address.to_string());
                self.note(&format!("connected {place}"));
                Some(dialled)
            }
            Err(undialled) => {
                self.facts.connect = Attempt::Failed(undialled.failure);
                None
            }
        }
    }

    async fn run_inside_tls(&mut self, stream: TcpStream, dialogue: &mut dyn Dialogue, groups: Groups) {
        let untried =
            || Attempt::Skipped("TLS begins with the first byte, so there is no STARTTLS".to_owned());
        self.facts.injection = self.options.starttls_injection.then(untried);
        let Some(stream) = self.handshake(stream, groups).await else { return };
        let mut channel = Channel::new(stream);
        let Some(greeting) = self.greet(&mut channel, dialogue, self.deadline).await else {
            return self.turn_back(channel, dialogue).await;
        };
        let (attempt, go_on) = match greeting.capabilities {
            Some(listed) => (Attempt::Done(listed), true),
            None => self.ask_capabilities(&mut channel, dialogue).await,
        };
        self.facts.after_tls = attempt;
        if go_on && self.sign_in(&mut channel, dialogue).await {
            self.part(channel, dialogue).await;
        }
    }

    async fn run_in_clear(&mut self, stream: TcpStream, dialogue: &mut dyn Dialogue, groups: Groups) {
        let mut channel = Channel::new(stream);
        let limit = self.greeting_limit();
        let Some(greeting) = self.greet(&mut channel, dialogue, limit).await else {
            let silent =
                self.facts.greeting.failure().is_some_and(|failure| failure.cause == Cause::TimedOut);
            if silent {
                return self.ask_whether_tls_at_once(channel).await;
            }
            return self.turn_back(channel, dialogue).await;
        };
        let listed = greeting.capabilities.filter(|listed| listed.starttls);
        let (attempt, go_on) = match listed {
            Some(listed) => (Attempt::Done(listed), true),
            None => self.ask_capabilities(&mut channel, dialogue).await,
        };
        self.facts.before_tls = attempt;
        if !go_on {
            return;
        }
        if self.facts.endpoint.security == Security::None {
            self.facts.starttls = self.offer_of_starttls();
            return self.part(channel, dialogue).await;
        }
        if greeting.kind == GreetingKind::Preauth {
            let reason = "the server had the client signed in already (PREAUTH), so STARTTLS is not possible";
            self.facts.starttls = Attempt::Skipped(reason.to_owned());
            self.facts.tls = Attempt::Skipped("STARTTLS was not possible".to_owned());
            self.facts.after_tls = Attempt::Skipped("STARTTLS was not possible".to_owned());
            return self.part(channel, dialogue).await;
        }
        self.upgrade(channel, dialogue, groups).await;
    }

    /// Until when a greeting in clear text is waited for; what is left then is for finding out why the port is silent.
    fn greeting_limit(&self) -> Instant {
        let total = self.options.timeout;
        let reserve = (total / 10).clamp(LEAST_RESERVE, MOST_RESERVE).min(total / 2);
        let limit = self.deadline - reserve;
        match self.hurries() {
            true => limit.min(Instant::now() + PATIENCE_AT_TLS_PORTS),
            false => limit,
        }
    }

    /// True while a port that is registered for TLS from the first byte is spoken to in clear text.
    fn hurries(&self) -> bool {
        self.facts.endpoint.is_at_tls_port() && !self.is_patient
    }

    /// What was waited for a turn or a place is no time of the server's.
    fn add_wait(&mut self, waited: Duration) {
        self.deadline += waited;
        let waited = self.facts.timings.wait.unwrap_or_default() + waited;
        self.facts.timings.wait = (!waited.is_zero()).then_some(waited);
    }

    fn reply_limit(&self) -> Instant {
        self.deadline.min(Instant::now() + REPLY_LIMIT)
    }

    fn note(&mut self, event: &str) {
        self.transcript.add(Party::Event, event.as_bytes());
    }
}

/// 30 s for a reply to a command: servers that look names up or check a client first need a few; greetings may take all
/// the time there is.
pub const REPLY_LIMIT: Duration = Duration::from_secs(30);

/// Greetings are delayed on purpose on port 25; a port that is registered for TLS from the first byte and says nothing
/// for so long waits for a handshake.
pub const PATIENCE_AT_TLS_PORTS: Duration = Duration::from_secs(5);

/// What is kept back at least of an endpoint's limit to find out why a port is silent: a handshake on a short way.
const LEAST_RESERVE: Duration = Duration::from_millis(200);
/// What is kept back at most: a handshake on any way.
pub const MOST_RESERVE: Duration = Duration::from_secs(3);
