//! What one probe of one endpoint found out. Nothing here is a verdict.

mod foreign;

use std::net::SocketAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::certificate::Chain;
use super::login::{SignInAttempt, SignedIn, Withheld};
use crate::attempt::{Attempt, Cause, EndedBy, Failure, Stage};
use crate::net::dial::{Course, Tried, TriedOutcome};
use crate::net::tls::Agreed;
use crate::settings::{Endpoint, Security};
use crate::wire::injection::Fate;
use crate::wire::{APOP, Capabilities, Greeting, LOGIN_COMMAND, USER_PASS};

/// The facts of one endpoint, at one address.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// When the probe began.
    pub began: OffsetDateTime,
    /// The address connected, else the one tried last.
    pub address: Option<SocketAddr>,
    /// What happened on the way to the connection.
    pub course: Course,
    /// Name resolution and connection.
    pub connect: Attempt<()>,
    /// The server's first words, when it is willing to talk.
    pub greeting: Attempt<Greeting>,
    /// The first words of a server that turned the client away; `greeting` is failed then.
    pub turned_away: Option<Greeting>,
    /// What the server says in clear text.
    pub before_tls: Attempt<Capabilities>,
    /// Whether TLS begins when asked for.
    pub starttls: Attempt<StartTls>,
    /// What became of a command behind STARTTLS, when that was to be found out.
    pub injection: Option<Attempt<Fate>>,
    /// What the handshake agreed on.
    pub tls: Attempt<Agreed>,
    /// The certificates, also of a handshake that failed after they came.
    pub chain: Option<Chain>,
    /// What the server says inside TLS.
    pub after_tls: Attempt<Capabilities>,
    /// The sign-in, when one was asked for.
    pub login: Attempt<SignedIn>,
    /// What was tried to sign in, in order; one try unless more were asked for.
    pub sign_ins: Vec<SignInAttempt>,
    /// Why nothing was tried, when a sign-in was asked for and the server was ready for one.
    pub withheld: Option<Withheld>,
    /// Why a second connection was made with a smaller ClientHello, when it was.
    pub smaller_hello: Option<Failure>,
    /// Oddities that are no fault.
    pub notes: Vec<String>,
    /// How long each step took.
    pub timings: Timings,
    /// What ended the run before this probe was done.
    pub interrupted: Option<EndedBy>,
    /// How many other connections of this run the address had at the end of this one, or in the minute before.
    pub company: usize,
    /// Why the endpoint was examined again, in the order of the tries before this one.
    pub retries: Vec<Retry>,
    /// True when it was examined for another target of the run.
    pub shared: bool,
    /// The dialogue, when it was to be kept.
    pub transcript: Vec<Said>,
}

/// STARTTLS that works, or with security `none` is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTls {
    /// Whether it stood among the capabilities; `None` when these could not be found out.
    pub offered: Option<bool>,
}

/// How the capabilities differ before and after TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Listed inside TLS alone.
    pub added: Vec<String>,
    /// Listed in clear text alone.
    pub dropped: Vec<String>,
}

/// A try that told nothing for good, and was followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// What came of it, with the server's words where it spoke.
    pub reason: String,
    /// How long the next try waited.
    pub pause: Duration,
}

/// How long each step took; `None` for a step not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a turn at the address, which is in no other time; `None` when there was none.
    pub wait: Option<Duration>,
    /// Resolving the name.
    pub dns: Option<Duration>,
    /// Opening the connection.
    pub connect: Option<Duration>,
    /// Waiting for the greeting.
    pub greeting: Option<Duration>,
    /// Asking for TLS.
    pub starttls: Option<Duration>,
    /// The handshake.
    pub tls: Option<Duration>,
    /// Asking for the capabilities, before and after TLS together.
    pub capabilities: Option<Duration>,
    /// From the start to the last reply.
    pub total: Option<Duration>,
}

/// One line of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub by: Party,
    /// The line, without its end.
    pub text: String,
}

/// Who says a line of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// This program.
    Client,
    /// The server.
    Server,
    /// Nobody: an event, such as a handshake.
    Event,
}

impl Facts {
    /// Facts before the first step: nothing is known.
    pub fn new(endpoint: Endpoint, began: OffsetDateTime) -> Self {
        Self {
            endpoint,
            began,
            address: None,
            course: Course::default(),
            connect: Attempt::Skipped(NOT_REACHED.to_owned()),
            greeting: Attempt::Skipped(NOT_REACHED.to_owned()),
            turned_away: None,
            before_tls: Attempt::Skipped(NOT_REACHED.to_owned()),
            starttls: Attempt::Skipped(NOT_REACHED.to_owned()),
            injection: None,
            tls: Attempt::Skipped(NOT_REACHED.to_owned()),
            chain: None,
            after_tls: Attempt::Skipped(NOT_REACHED.to_owned()),
            login: Attempt::Skipped("no sign-in was asked for".to_owned()),
            sign_ins: Vec::new(),
            withheld: None,
            smaller_hello: None,
            notes: Vec::new(),
            timings: Timings::default(),
            interrupted: None,
            company: 0,
            retries: Vec::new(),
            shared: false,
            transcript: Vec::new(),
        }
    }

    /// Facts of addresses that could not be found out.
    pub fn unresolved(endpoint: Endpoint, failure: Failure) -> Self {
        let mut facts = Self::new(endpoint, OffsetDateTime::now_utc());
        facts.connect = Attempt::Failed(failure);
        facts.settle();
        facts
    }

    /// Facts of a probe that ended by a fault of this program.
    pub fn lost(endpoint: Endpoint) -> Self {
        let reason = "the probe ended by a fault of mailcfg itself";
        Self::unresolved(endpoint, Failure::temporary(Stage::Connect, Cause::Internal, reason))
    }

    /// Facts of an endpoint that the run did not come to before it was ended.
    pub fn interrupted(endpoint: Endpoint, by: EndedBy) -> Self {
        let mut facts = Self::new(endpoint, OffsetDateTime::now_utc());
        facts.interrupted = Some(by);
        facts.settle();
        facts
    }

    /// Turns a connection that failed into one that was not to be made; the failure stays on the way to it.
    pub fn skip_connection(&mut self) {
        let Attempt::Failed(failure) = &self.connect else { return };
        let reason = failure.reason.clone();
        if let Some(address) = self.address {
            self.course.tried = vec![Tried { address, outcome: TriedOutcome::Failed(failure.clone()) }];
        }
        *self = Self {
            address: self.address,
            course: self.course.clone(),
            ..Self::new(self.endpoint.clone(), self.began)
        };
        self.connect = Attempt::Skipped(reason);
        self.settle();
    }

    /// Gives every step that was not reached the reason why.
    pub fn settle(&mut self) {
        let reason = self.why_not_reached();
        let by_design = match self.endpoint.security {
            Security::Tls => Some("TLS from the first byte"),
            Security::StartTls => None,
            Security::None => Some("security none was asked for"),
        };
        let without_clear = self.endpoint.security == Security::Tls;
        settle(&mut self.connect, &reason);
        settle(&mut self.greeting, &reason);
        let clear = if without_clear { by_design.unwrap_or_default() } else { &reason };
        settle(&mut self.before_tls, clear);
        settle(&mut self.starttls, clear);
        let inside =
            if self.endpoint.security == Security::None { by_design.unwrap_or_default() } else { &reason };
        settle(&mut self.tls, inside);
        settle(&mut self.after_tls, inside);
        let without_tls = self.endpoint.security == Security::None;
        if without_tls
            && self.greeting.value().is_some()
            && self.interrupted.is_none()
            && self.expects_login()
        {
            self.withheld = Some(Withheld::NoTls);
        }
        settle(&mut self.login, if without_tls { "no secret is sent without TLS" } else { &reason });
    }

    fn expects_login(&self) -> bool {
        matches!(&self.login, Attempt::Skipped(why) if why == NOT_REACHED)
    }

    /// Notes that a sign-in was asked for and is not reached yet.
    pub fn expect_login(&mut self) {
        self.login = Attempt::Skipped(NOT_REACHED.to_owned());
    }

    fn why_not_reached(&self) -> String {
        if self.interrupted.is_some() {
            return "the run was ended before this step".to_owned();
        }
        if matches!(&self.connect, Attempt::Skipped(why) if why != NOT_REACHED) {
            return "the connection was skipped".to_owned();
        }
        if matches!(self.starttls, Attempt::Absent(_)) {
            return "there is no STARTTLS".to_owned();
        }
        let step = self.first_failure().map_or("an earlier step", |(step, _)| step);
        format!("{step} failed")
    }

    /// The first step that failed, with its name.
    pub fn first_failure(&self) -> Option<(&'static str, &Failure)> {
        [
            ("the connection", self.connect.failure()),
            ("the greeting", self.greeting.failure()),
            ("asking for the capabilities", self.before_tls.failure()),
            ("STARTTLS", self.starttls.failure()),
            ("the TLS handshake", self.tls.failure()),
            ("asking for the capabilities inside TLS", self.after_tls.failure()),
        ]
        .into_iter()
        .find_map(|(step, failure)| failure.map(|failure| (step, failure)))
    }

    /// The capabilities that count for a sign-in: those inside TLS, or in clear text with security `none`.
    pub fn capabilities(&self) -> &Attempt<Capabilities> {
        match self.endpoint.security {
            Security::None => &self.before_tls,
            _ => &self.after_tls,
        }
    }

    /// The last list of capabilities there can be: that inside TLS, or in clear text where there is no TLS.
    pub fn listing(&self) -> &Attempt<Capabilities> {
        match self.starttls {
            Attempt::Absent(_) => &self.before_tls,
            _ => self.capabilities(),
        }
    }

    /// What the server says inside TLS and not before, and the reverse; `None` unless both are known.
    pub fn changes(&self) -> Option<Changes> {
        let before = &self.before_tls.value()?.list;
        let after = &self.after_tls.value()?.list;
        let missing = |from: &[String], of: &[String]| {
            of.iter().filter(|name| !from.contains(name)).cloned().collect::<Vec<_>>()
        };
        Some(Changes { added: missing(before, after), dropped: missing(after, before) })
    }

    /// Whether one can sign in with a password, and how that is known.
    pub fn password_auth(&self) -> PasswordAuth {
        let before = self.mechanisms_before_tls();
        let after = self.after_tls.value().map(|found| found.mechanisms.clone()).unwrap_or_default();
        let takes_password = |mechanisms: &[String]| mechanisms.iter().any(|name| takes_password(name));
        let in_clear = takes_password(&before);
        let answer = match (self.endpoint.security, self.capabilities()) {
            (_, Attempt::Done(_)) if takes_password(&after) => Answer::Yes,
            (Security::None, Attempt::Done(_)) if in_clear => Answer::Yes,
            (_, Attempt::Done(_)) if in_clear && self.endpoint.security != Security::None => {
                Answer::OnlyBeforeTls
            }
            (_, Attempt::Done(_)) => Answer::No,
            (Security::StartTls, _) if matches!(self.starttls, Attempt::Absent(_)) => {
                match &self.before_tls {
                    Attempt::Done(_) if in_clear => Answer::OnlyBeforeTls,
                    Attempt::Done(_) => Answer::No,
                    other => Answer::Unknown(other.reason().unwrap_or_default().to_owned()),
                }
            }
            (Security::None, Attempt::Absent(_)) if in_clear => Answer::Yes,
            (_, Attempt::Absent(reason)) => Answer::Unknown(format!("the server has no CAPA: {reason}")),
            (_, other) => Answer::Unknown(other.reason().unwrap_or_default().to_owned()),
        };
        PasswordAuth { answer, before_tls: before, after_tls: after }
    }

    /// The mechanisms offered in clear text, APOP among them when the greeting has a stamp.
    pub fn mechanisms_before_tls(&self) -> Vec<String> {
        let mut mechanisms =
            self.before_tls.value().map(|found| found.mechanisms.clone()).unwrap_or_default();
        if self.endpoint.security != Security::Tls
            && self.greeting.value().is_some_and(|greeting| greeting.apop)
        {
            mechanisms.push(APOP.to_owned());
        }
        mechanisms
    }
}

/// Whether a password can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordAuth {
    /// The answer.
    pub answer: Answer,
    /// Ways to sign in offered in clear text.
    pub before_tls: Vec<String>,
    /// Ways to sign in offered inside TLS.
    pub after_tls: Vec<String>,
}

/// The answer to "does it take a password?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Where it counts, yes.
    Yes,
    /// No way to sign in with a password is offered.
    No,
    /// In clear text alone.
    OnlyBeforeTls,
    /// Could not be found out; why.
    Unknown(String),
}

impl Answer {
    /// The word for JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::OnlyBeforeTls => "only-before-tls",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// True for mechanisms by which a password proves who signs in.
pub fn takes_password(mechanism: &str) -> bool {
    sends_password(mechanism)
        || matches!(mechanism, "CRAM-MD5" | "DIGEST-MD5" | "NTLM" | APOP)
        || mechanism.starts_with("SCRAM-")
}

/// True for mechanisms that send the password itself.
pub fn sends_password(mechanism: &str) -> bool {
    matches!(mechanism, "PLAIN" | "LOGIN" | LOGIN_COMMAND | USER_PASS)
}

fn settle<T>(attempt: &mut Attempt<T>, reason: &str) {
    if matches!(attempt, Attempt::Skipped(why) if why == NOT_REACHED) {
        *attempt = Attempt::Skipped(reason.to_owned());
    }
}

const NOT_REACHED: &str = "not reached";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Overrides;
    use crate::target::Target;

    #[test]
    fn a_lost_probe_blames_no_server() {
        let Ok(Target::Host { scheme, host, port }) = Target::parse("mail.example.org:993") else { panic!() };
        let endpoint = Endpoint::complete(scheme, host, port, Overrides::default()).unwrap();
        let facts = Facts::lost(endpoint.clone());
        let failure = facts.connect.failure().unwrap();
        assert_eq!((&facts.endpoint, &failure.cause, failure.temporary), (&endpoint, &Cause::Internal, true));
        assert_eq!(facts.greeting.reason(), Some("the connection failed"));
    }

    #[test]
    fn an_address_without_a_route_was_a_connection_that_failed() {
        let Ok(Target::Host { scheme, host, port }) = Target::parse("mail.example.org:993") else { panic!() };
        let endpoint = Endpoint::complete(scheme, host, port, Overrides::default()).unwrap();
        let failure = Failure::temporary(Stage::Connect, Cause::NoRoute, "no route");
        let mut facts = Facts::unresolved(endpoint, failure);
        facts.address = Some("[2001:db8::1]:993".parse().unwrap());
        facts.skip_connection();
        assert_eq!(facts.connect, Attempt::Skipped("no route".to_owned()));
        assert_eq!(facts.greeting.reason(), Some("the connection was skipped"));
        assert_eq!(facts.course.tried.len(), 1);
    }
}
