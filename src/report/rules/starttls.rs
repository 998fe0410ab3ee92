//! Whether a clear connection can be turned into TLS (RFC 3207, RFC 2595, RFC 9051).

use super::{opportunistic, severity_of};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::probe::facts::{Facts, StartTls};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::{Protocol, Security};

/// Judges STARTTLS on an endpoint that is meant to use it.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if facts.endpoint.security != Security::StartTls {
        return Vec::new();
    }
    let finding = match &facts.starttls {
        Attempt::Absent(reason) => not_offered(facts, reason),
        Attempt::Failed(failure) if failure.stage != Stage::Protocol => {
            let more = is_454(facts, failure).then(|| not_for_now(failure));
            return std::iter::once(failed(facts, failure)).chain(more).collect();
        }
        Attempt::Done(StartTls { offered: Some(true) }) if still_listed(facts) => Finding::new(
            "starttls.listed-after-tls",
            Severity::Info,
            "STARTTLS is still listed inside TLS, where it makes no sense",
        ),
        Attempt::Done(StartTls { offered: Some(false) }) => Finding::new(
            "starttls.not-advertised",
            Severity::Info,
            "STARTTLS works although the server does not advertise it",
        ),
        _ => return Vec::new(),
    };
    vec![finding]
}

/// RFC 3207, section 4: `454 TLS not available due to temporary reason`.
fn is_454(facts: &Facts, failure: &Failure) -> bool {
    facts.endpoint.protocol == Protocol::Smtp && failure.reason.starts_with("454")
}

fn not_for_now(failure: &Failure) -> Finding {
    Finding::new(
        "starttls.not-for-now",
        Severity::Warn,
        "the server offers STARTTLS and says that it is out of order",
    )
    .evidence(&failure.reason)
    .hint("when it stays so, the certificate or key does not load: look at the server's log")
}

fn still_listed(facts: &Facts) -> bool {
    facts.after_tls.value().is_some_and(|listed| listed.starttls)
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
        Cause::Unlisted => (
            "starttls.refused",
            severity_of(failure),
            "the server refuses STARTTLS and did not say whether it has it",
            "it did not say what it can do either: look at the dialogue with -vv, and try again",
        ),
        Cause::Malformed => (
            "starttls.refused",
            severity_of(failure),
            "the server answers STARTTLS with something that is neither yes nor no",
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

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "starttls.not-offered",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the server does not list STARTTLS, or STLS, and refuses it",
        why: "everything is sent in clear text, the password too",
        remedy: "switch TLS on in the mail server, or use its port for implicit TLS; if others see the offer, somebody on the way takes it out",
        rfc: &["RFC 3207", "RFC 2595", "RFC 8314"],
    },
    Explained {
        id: "starttls.not-advertised",
        severities: &[Severity::Info],
        what: "STARTTLS works although the server does not list it",
        why: "clients that trust the list stay in clear text",
        remedy: "have the server list it",
        rfc: &["RFC 3207, section 3", "RFC 2595", "RFC 9051, section 6.2.1"],
    },
    Explained {
        id: "starttls.refused",
        severities: &[Severity::Warn, Severity::Unknown, Severity::Fail],
        what: "TLS did not begin when it was asked for, although the server lists STARTTLS or broke off; unknown when it said that it is so for now, or had not said what it can do",
        why: "clients stay in clear text or do not connect at all",
        remedy: "look at the server's log: its certificate or key may not load",
        rfc: &["RFC 3207, section 4"],
    },
    Explained {
        id: "starttls.not-for-now",
        severities: &[Severity::Warn],
        what: "the server answers STARTTLS with 454: TLS is not available for now",
        why: "clients that insist on TLS cannot use it, the others go on in clear text",
        remedy: "when it stays so, the certificate or key does not load: look at the server's log",
        rfc: &["RFC 3207, section 4"],
    },
    Explained {
        id: "starttls.listed-after-tls",
        severities: &[Severity::Info],
        what: "STARTTLS is still listed inside TLS",
        why: "the server did not start afresh after the handshake, which the RFC asks for; clients are not harmed",
        remedy: "update the mail server",
        rfc: &["RFC 3207, section 4.2"],
    },
    Explained {
        id: "starttls.injection",
        severities: &[Severity::Fail],
        what: "bytes stood behind the go-ahead for STARTTLS, outside TLS",
        why: "a client that believes them takes words of somebody on the way for words of the server",
        remedy: "do not sign in there; update the mail server, and look at what stands between",
        rfc: &["RFC 3207, section 6", "CVE-2021-38371"],
    },
    Explained {
        id: "starttls.plain-text",
        severities: &[Severity::Fail],
        what: "the server agreed to STARTTLS and went on in clear text",
        why: "there is no TLS; somebody on the way may answer in the server's place",
        remedy: "look at the server's log and at what stands between",
        rfc: &["RFC 3207, section 4"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::wire::Capabilities;

    #[test]
    fn each_end_has_its_finding() {
        let failed = |cause| Attempt::Failed(Failure::new(Stage::StartTls, cause, "why"));
        let later = Attempt::Failed(Failure::temporary(Stage::StartTls, Cause::Busy, "421"));
        let unlisted = Attempt::Failed(Failure::temporary(Stage::StartTls, Cause::Unlisted, "503"));
        for (starttls, expected) in [
            (Attempt::Absent("no".to_owned()), "starttls.not-offered fail"),
            (failed(Cause::Injection), "starttls.injection fail"),
            (failed(Cause::PlainText), "starttls.plain-text fail"),
            (failed(Cause::CommandRefused), "starttls.refused fail"),
            (failed(Cause::Closed), "starttls.refused fail"),
            (unlisted, "starttls.refused unknown"),
            (later, "starttls.refused unknown"),
            (Attempt::Done(StartTls { offered: Some(false) }), "starttls.not-advertised info"),
        ] {
            let mut facts = facts("mail.example.org:587");
            facts.starttls = starttls;
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
        let mut facts = facts("mail.example.org:587");
        facts.starttls = Attempt::Done(StartTls { offered: None });
        assert!(judge(&facts, &context()).is_empty(), "what is not known is not missing");
    }

    #[test]
    fn a_454_is_a_warning_beside_what_is_not_known() {
        for (target, reason, expected) in [
            (
                "mail.example.org:587",
                "454 later",
                &["starttls.refused unknown", "starttls.not-for-now warn"][..],
            ),
            ("mail.example.org:587", "421 later", &["starttls.refused unknown"]),
            ("mail.example.org:110", "454 later", &["starttls.refused unknown"]),
        ] {
            let mut facts = facts(target);
            facts.starttls = Attempt::Failed(Failure::temporary(Stage::StartTls, Cause::Busy, reason));
            assert_eq!(ids(&judge(&facts, &context())), expected, "{target} {reason}");
        }
    }

    #[test]
    fn starttls_makes_no_sense_inside_tls() {
        let mut facts = facts("mail.example.org:587");
        facts.starttls = Attempt::Done(StartTls { offered: Some(true) });
        for (starttls, expected) in [(false, &[][..]), (true, &["starttls.listed-after-tls info"])] {
            facts.after_tls = Attempt::Done(Capabilities { starttls, ..Capabilities::default() });
            assert_eq!(ids(&judge(&facts, &context())), expected);
        }
    }

    #[test]
    fn on_the_relay_port_its_absence_is_a_warning() {
        let mut facts = facts("mail.example.org:25");
        facts.starttls = Attempt::Absent("no".to_owned());
        assert_eq!(ids(&judge(&facts, &context())), ["starttls.not-offered warn"]);
    }
}
