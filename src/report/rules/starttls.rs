//! Whether a clear connection can be turned into TLS (RFC 3207, RFC 2595, RFC 9051).

use super::{opportunistic, severity_of};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::probe::facts::{Facts, StartTls};
use crate::report::Context;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;

/// Judges STARTTLS on an endpoint that is meant to use it.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if facts.endpoint.security != Security::StartTls {
        return Vec::new();
    }
    let finding = match &facts.starttls {
        Attempt::Absent(reason) => not_offered(facts, reason),
        Attempt::Failed(failure) if failure.stage != Stage::Protocol => failed(facts, failure),
        Attempt::Done(StartTls { offered: false }) => Finding::new(
            "starttls.not-advertised",
            Severity::Info,
            "STARTTLS works although the server does not advertise it",
        ),
        _ => return Vec::new(),
    };
    vec![finding]
}

fn not_offered(facts: &Facts, reason: &str) -> Finding {
    let severity = opportunistic(facts);
    Finding::new(
        "starttls.not-offered",
        severity,
        "the server has no STARTTLS: everything is sent in clear text",
    )
    .evidence(reason)
    .hint("switch TLS on in the mail server, or use its port for implicit TLS")
}

fn failed(facts: &Facts, failure: &Failure) -> Finding {
    let (id, severity, text, hint) = match failure.cause {
        Cause::Injection => (
            "starttls.injection",
            Severity::Fail,
            "bytes stood behind the go-ahead for STARTTLS, where nothing may be",
            "somebody on the way, or a fault in the server, puts words into the TLS session; do not sign in here",
        ),
        Cause::PlainText => (
            "starttls.plain-text",
            Severity::Fail,
            "the server agreed to STARTTLS and went on in clear text",
            "its TLS is broken, or somebody on the way answers in its place",
        ),
        Cause::Busy => (
            "starttls.refused",
            Severity::Unknown,
            "the server cannot start TLS for now",
            "it says so for now only: try again in some minutes",
        ),
        Cause::CommandRefused => (
            "starttls.refused",
            opportunistic(facts),
            "the server advertises STARTTLS and refuses it",
            "look at the server's log: its certificate or key may not load",
        ),
        Cause::Malformed => (
            "starttls.refused",
            severity_of(failure),
            "the server answers STARTTLS with something that is no reply",
            "look at the dialogue with -vv; something on the way may change what the server says",
        ),
        Cause::Closed | Cause::Reset => (
            "starttls.refused",
            severity_of(failure),
            "the server breaks off when it is asked for STARTTLS",
            "look at the server's log: its TLS settings may be broken, or a firewall forbids STARTTLS",
        ),
        _ => (
            "starttls.refused",
            severity_of(failure),
            "the server did not answer STARTTLS",
            "look at the server's log, and at the dialogue with -vv",
        ),
    };
    Finding::new(id, severity, text).evidence(&failure.reason).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;

    #[test]
    fn each_end_has_its_finding() {
        let failed = |cause| Attempt::Failed(Failure::new(Stage::StartTls, cause, "why"));
        let later = Attempt::Failed(Failure::temporary(Stage::StartTls, Cause::Busy, "454"));
        for (starttls, expected) in [
            (Attempt::Absent("no".to_owned()), "starttls.not-offered fail"),
            (failed(Cause::Injection), "starttls.injection fail"),
            (failed(Cause::PlainText), "starttls.plain-text fail"),
            (failed(Cause::CommandRefused), "starttls.refused fail"),
            (failed(Cause::Closed), "starttls.refused fail"),
            (later, "starttls.refused unknown"),
            (Attempt::Done(StartTls { offered: false }), "starttls.not-advertised info"),
        ] {
            let mut facts = facts("mail.example.org:587");
            facts.starttls = starttls;
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
    }

    #[test]
    fn on_the_relay_port_its_absence_is_a_warning() {
        let mut facts = facts("mail.example.org:25");
        facts.starttls = Attempt::Absent("no".to_owned());
        assert_eq!(ids(&judge(&facts, &context())), ["starttls.not-offered warn"]);
    }
}
