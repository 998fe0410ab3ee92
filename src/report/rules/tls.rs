//! The TLS handshake: none, too old, broken, or on the wrong kind of port (RFC 8314, RFC 9325).

use super::opportunistic;
use crate::attempt::{Cause, Failure};
use crate::net::tls::Agreed;
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::report::policy::TlsVersion;
use crate::settings::Security;

/// Judges the handshake.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.endpoint.security == Security::None && facts.connect.value().is_some() {
        findings.push(none(facts));
    }
    findings.extend(facts.tls.failure().and_then(|failure| failed(facts, failure)));
    findings.extend(facts.smaller_hello.as_ref().map(intolerant));
    findings.extend(facts.tls.value().into_iter().flat_map(agreed));
    findings
}

/// RFC 9325, section 3.1.1: TLS 1.3 should be there; what the keys are agreed with is worth a word.
fn agreed(agreed: &Agreed) -> Vec<Finding> {
    let group = agreed.key_exchange.as_deref().unwrap_or("a group that is not known");
    let resists = if agreed.post_quantum { "resists" } else { "does not resist" };
    let text = format!("the keys are agreed with {group}, which {resists} quantum computers");
    let mut findings = vec![Finding::new("tls.key-exchange", Severity::Info, text)];
    if TlsVersion::of_agreed(agreed.version) < Some(TlsVersion::V1_3) {
        findings.push(
            Finding::new("tls.no-1-3", Severity::Warn, "the server does not speak TLS 1.3")
                .evidence(format!("agreed on {}, {}", agreed.version, agreed.cipher_suite))
                .hint("switch TLS 1.3 on in the mail server, or update its TLS library"),
        );
    }
    findings
}

fn none(facts: &Facts) -> Finding {
    let offered = facts.starttls.value().is_some_and(|starttls| starttls.offered == Some(true));
    let hint = match offered {
        true => "the server offers STARTTLS: use it",
        false => "use a port with TLS; without one, nothing here is safe from readers on the way",
    };
    Finding::new("tls.none", opportunistic(facts), "everything is sent in clear text").hint(hint)
}

fn failed(facts: &Facts, failure: &Failure) -> Option<Finding> {
    let implicit = facts.endpoint.security == Security::Tls;
    let (id, text, hint) = match failure.cause {
        Cause::PlainText if implicit => (
            "tls.expected-clear",
            "this port does not speak TLS at once: it greets in clear text",
            "use --security starttls",
        ),
        // Told by the rules for STARTTLS and for greetings.
        Cause::PlainText | Cause::OtherProtocol(_) => return None,
        Cause::TlsTooOld => (
            "tls.too-old",
            "the server speaks TLS older than 1.2 only",
            "switch TLS 1.2 and 1.3 on in the mail server (RFC 8996 forbids what is older)",
        ),
        Cause::TimedOut => (
            "tls.handshake-failed",
            "the server does not finish the TLS handshake",
            "a firewall on the way may drop large packets, or the server is stuck",
        ),
        Cause::Closed | Cause::Reset => (
            "tls.handshake-failed",
            "the server breaks the TLS handshake off without saying why",
            "look at the server's log: it may speak old TLS versions only, or lack a certificate",
        ),
        _ => (
            "tls.handshake-failed",
            "the TLS handshake fails",
            "look at the server's log and its TLS settings",
        ),
    };
    Some(Finding::new(id, Severity::Fail, text).evidence(&failure.reason).hint(hint))
}

fn intolerant(failure: &Failure) -> Finding {
    let text =
        "the server breaks on the large ClientHello of post-quantum key exchange; a smaller one worked";
    Finding::new("tls.large-hello-intolerant", Severity::Warn, text)
        .evidence(&failure.reason)
        .hint("update the server or the firewall before it: current clients send this ClientHello by default")
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "tls.none",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the endpoint was asked for without TLS, so everything is sent in clear text",
        why: "everybody on the way can read the mail and the password",
        remedy: "use STARTTLS where it is offered, or better a port with TLS from the first byte",
        rfc: &["RFC 8314, section 4.1"],
    },
    Explained {
        id: "tls.too-old",
        severities: &[Severity::Fail],
        what: "the server speaks nothing newer than TLS 1.1",
        why: "those versions are broken and forbidden, and current clients refuse them",
        remedy: "switch TLS 1.2 and 1.3 on in the mail server",
        rfc: &["RFC 8996", "RFC 8997", "RFC 9325, section 3.1.1"],
    },
    Explained {
        id: "tls.no-1-3",
        severities: &[Severity::Warn],
        what: "the server speaks TLS 1.2 and not 1.3",
        why: "TLS 1.3 is faster by one round trip, hides more and leaves weak choices out",
        remedy: "switch TLS 1.3 on in the mail server, or update its TLS library",
        rfc: &["RFC 9325, section 3.1.1", "RFC 9846"],
    },
    Explained {
        id: "tls.key-exchange",
        severities: &[Severity::Info],
        what: "which group the keys were agreed with, and whether that resists quantum computers",
        why: "what is recorded today can be read once quantum computers are large enough, unless the group resists them",
        remedy: "update the TLS library of the server for X25519MLKEM768; --require post-quantum makes it a must",
        rfc: &["RFC 9846, section 4.3.7", "RFC 10024"],
    },
    Explained {
        id: "tls.expected-clear",
        severities: &[Severity::Fail],
        what: "TLS was expected from the first byte and the port greets in clear text",
        why: "a client with these settings cannot connect",
        remedy: "use --security starttls, and STARTTLS in mail clients",
        rfc: &["RFC 8314, section 3"],
    },
    Explained {
        id: "tls.handshake-failed",
        severities: &[Severity::Fail],
        what: "the TLS handshake does not come to its end",
        why: "no client that is like this one can connect",
        remedy: "look at the server's log and its TLS settings: old versions only, no certificate, or a firewall that drops large packets",
        rfc: &["RFC 9846"],
    },
    Explained {
        id: "tls.large-hello-intolerant",
        severities: &[Severity::Warn],
        what: "the server, or a firewall before it, breaks on the large ClientHello of post-quantum key exchange",
        why: "current clients send it by default, so they cannot connect or need a second try",
        remedy: "update the server or the firewall",
        rfc: &["RFC 9846"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::attempt::{Attempt, Stage};

    #[test]
    fn each_cause_has_its_finding() {
        for (cause, expected) in [
            (Cause::PlainText, "tls.expected-clear fail"),
            (Cause::TlsTooOld, "tls.too-old fail"),
            (Cause::Handshake, "tls.handshake-failed fail"),
            (Cause::TimedOut, "tls.handshake-failed fail"),
            (Cause::Closed, "tls.handshake-failed fail"),
        ] {
            let mut facts = facts("mail.example.org:993");
            facts.tls = Attempt::Failed(Failure::new(Stage::Tls, cause, "why"));
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
    }

    #[test]
    fn clear_text_is_a_failure_and_on_the_relay_port_a_warning() {
        for (target, expected) in
            [("mail.example.org:143", "tls.none fail"), ("mail.example.org:25", "tls.none warn")]
        {
            let mut facts = facts(target);
            facts.endpoint.security = Security::None;
            facts.connect = Attempt::Done(());
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
    }
    #[test]
    fn the_version_is_judged_and_the_key_exchange_named() {
        for (version, group, post_quantum, expected, words) in [
            (
                "TLSv1.3",
                "X25519MLKEM768",
                true,
                &["tls.key-exchange info"][..],
                "X25519MLKEM768, which resists",
            ),
            ("TLSv1.3", "X25519", false, &["tls.key-exchange info"], "X25519, which does not resist"),
            ("TLSv1.2", "X25519", false, &["tls.key-exchange info", "tls.no-1-3 warn"], "X25519"),
        ] {
            let mut facts = facts("mail.example.org:993");
            facts.tls = Attempt::Done(Agreed {
                version,
                cipher_suite: "TLS_AES_256_GCM_SHA384".to_owned(),
                key_exchange: Some(group.to_owned()),
                post_quantum,
            });
            let findings = judge(&facts, &context());
            assert_eq!(ids(&findings), expected, "{version} {group}");
            assert!(findings[0].text.contains(words), "{}", findings[0].text);
        }
    }
}
