//! A server that will not say what it can do, or breaks the protocol while it says so.

use super::severity_of;
use crate::attempt::{Cause, Failure, Stage};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};

/// Judges the questions for capabilities, before and after TLS, and broken replies in any step after the greeting.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let asked = [("before TLS", facts.before_tls.failure()), ("after TLS", facts.after_tls.failure())];
    let failures = asked.into_iter().filter_map(|(when, failure)| failure.map(|failure| (when, failure)));
    failures
        .map(|(when, failure)| match (failure.stage, &failure.cause) {
            (Stage::Protocol, _) | (_, Cause::Malformed) => broken(failure),
            _ => refused(when, failure),
        })
        .chain(facts.starttls.failure().filter(|failure| failure.stage == Stage::Protocol).map(broken))
        .collect()
}

fn refused(when: &str, failure: &Failure) -> Finding {
    let text = format!("the server did not say what it can do ({when})");
    let hint = match failure.temporary {
        true => "it asks to come back later: try again in some minutes",
        false => "look at the dialogue with -vv",
    };
    Finding::new("capabilities.failed", severity_of(failure), text).evidence(&failure.reason).hint(hint)
}

/// The finding for a reply outside the grammar or over a limit.
pub fn broken(failure: &Failure) -> Finding {
    Finding::new("protocol.violation", Severity::Fail, "the server breaks the protocol")
        .evidence(&failure.reason)
        .hint("look at the dialogue with -vv; this may be no mail server at all")
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "capabilities.failed",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the server did not say what it can do, or broke off while it did",
        why: "whether one can sign in is not known",
        remedy: "look at the dialogue with -vv, and at the server's log",
        rfc: &["RFC 9051, section 6.1.1", "RFC 2449", "RFC 5321, section 4.1.1.1"],
    },
    Explained {
        id: "protocol.violation",
        severities: &[Severity::Fail],
        what: "a reply is outside the grammar of the protocol or over every limit",
        why: "clients may misread it, and some faults of this kind are attacks",
        remedy: "look at the dialogue with -vv: this may be no mail server at all, or something on the way changes what it says",
        rfc: &["RFC 9051", "RFC 1939", "RFC 5321"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::attempt::Attempt;

    #[test]
    fn later_is_unknown_and_nonsense_a_failure() {
        for (failure, expected) in [
            (Failure::temporary(Stage::Capabilities, Cause::Busy, "421"), "capabilities.failed unknown"),
            (Failure::new(Stage::Capabilities, Cause::CommandRefused, "502"), "capabilities.failed fail"),
            (Failure::new(Stage::Capabilities, Cause::Malformed, "x"), "protocol.violation fail"),
            (Failure::new(Stage::Protocol, Cause::Malformed, "NUL"), "protocol.violation fail"),
        ] {
            let mut facts = facts("mail.example.org:587");
            facts.before_tls = Attempt::Failed(failure);
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
    }
}
