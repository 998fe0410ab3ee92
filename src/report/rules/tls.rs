//! The TLS handshake: none, too old, broken, or on the wrong kind of port (RFC 8314, RFC 9325).

use super::opportunistic;
use crate::attempt::{Cause, Failure};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;

/// Judges the handshake.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.endpoint.security == Security::None && facts.connect.value().is_some() {
        findings.push(none(facts));
    }
    findings.extend(facts.tls.failure().and_then(|failure| failed(facts, failure)));
    findings.extend(facts.smaller_hello.as_ref().map(intolerant));
    findings
}

fn none(facts: &Facts) -> Finding {
    let offered = facts.starttls.value().is_some_and(|starttls| starttls.offered);
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
}
