//! The server's first words: none, a no, a goodbye, or those of something that is no mail server.

use super::severity_of;
use crate::attempt::{Cause, Failure, Stage};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;
use crate::wire::GreetingKind;
use crate::wire::line::excerpt;

/// Judges the greeting.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if let Some(failure) = facts.greeting.failure() {
        return vec![failed(facts, failure)];
    }
    if let Some(Cause::OtherProtocol(name)) = facts.tls.failure().map(|failure| &failure.cause) {
        return vec![not_mail(
            facts,
            name,
            &facts.tls.failure().map_or_else(String::new, |failure| failure.reason.clone()),
        )];
    }
    let preauth = facts.greeting.value().filter(|greeting| greeting.kind == GreetingKind::Preauth);
    preauth.map(|greeting| preauthenticated(facts, &excerpt(&greeting.raw))).into_iter().collect()
}

fn failed(facts: &Facts, failure: &Failure) -> Finding {
    let severity = severity_of(failure);
    let finding =
        |id, text: &str, hint: &str| Finding::new(id, severity, text).evidence(&failure.reason).hint(hint);
    match &failure.cause {
        _ if failure.stage == Stage::Protocol => super::capabilities::broken(failure),
        Cause::TimedOut => finding(
            "greeting.timed-out",
            "the server accepts connections and says nothing",
            "is the mail server overloaded? A longer --timeout rules delays out",
        ),
        Cause::Rejected => finding(
            "greeting.rejected",
            "the server turns this client away",
            "the address you probe from may be blocked; the server's words say more",
        ),
        Cause::Busy => finding(
            "greeting.busy",
            "the server asks to come back later",
            "it limits connections or is overloaded: try again in some minutes",
        ),
        Cause::Bye => finding(
            "greeting.bye",
            "the server says goodbye at once",
            "it is shutting down, overloaded or blocks this client; its words say more",
        ),
        Cause::OtherProtocol(name) => not_mail(facts, name, &failure.reason),
        Cause::ClientCertificate => finding(
            "tls.client-certificate",
            "the server talks only to clients with a certificate of their own",
            "this endpoint is not for signing in with a password; ask its operator for another",
        ),
        Cause::TlsAtOnce => Finding::new("tls.expected-tls", Severity::Fail, "this port speaks TLS at once")
            .evidence(&failure.reason)
            .hint("use --security tls"),
        Cause::Malformed => finding(
            "greeting.not-mail",
            &format!("this is no {} server", facts.endpoint.protocol.name()),
            "check the port: something else listens there",
        ),
        _ => finding(
            "greeting.closed",
            "the server closes the connection without a greeting",
            match facts.endpoint.security {
                Security::Tls => "it may block this client, or be out of order behind its TLS",
                _ => "it may block this client, or expect TLS at once on this port",
            },
        ),
    }
}

fn not_mail(facts: &Facts, name: &str, reason: &str) -> Finding {
    let wanted = facts.endpoint.protocol.name();
    let hint = match name {
        "IMAP" | "POP3" | "SMTP" => format!("use --protocol {}, or another port", name.to_ascii_lowercase()),
        _ => "check the port: no mail server listens there".to_owned(),
    };
    Finding::new("greeting.not-mail", Severity::Fail, format!("this port speaks {name}, not {wanted}"))
        .evidence(reason)
        .hint(hint)
}

/// RFC 9051, section 7.1.4: after PREAUTH there is no way to TLS, so an attacker may have said it.
fn preauthenticated(facts: &Facts, raw: &str) -> Finding {
    if facts.endpoint.security == Security::Tls {
        let text = "the server had this client signed in already (PREAUTH)";
        return Finding::new("greeting.preauth", Severity::Info, text).evidence(raw);
    }
    let text = "the server had this client signed in already (PREAUTH), in clear text, which rules TLS out";
    Finding::new("greeting.preauth", Severity::Fail, text).evidence(raw).hint(
        "a server should never say PREAUTH outside TLS; somebody on the way may have said it in its place",
    )
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "greeting.timed-out",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the server accepts the connection and says nothing within the limit",
        why: "clients wait, then give up",
        remedy: "see whether the server is overloaded; some delay their greeting on purpose, and a longer --timeout rules that out",
        rfc: &["RFC 5321, section 4.5.3.2.1"],
    },
    Explained {
        id: "greeting.rejected",
        severities: &[Severity::Fail],
        what: "the server turns this client away for good, as with 554",
        why: "no client from this address can use it",
        remedy: "read the server's words: the address you probe from may be on a block list",
        rfc: &["RFC 5321, section 3.1"],
    },
    Explained {
        id: "greeting.busy",
        severities: &[Severity::Unknown],
        what: "the server asks to come back later, as with 421",
        why: "it says nothing of how the server works at other times",
        remedy: "try again in some minutes; look whether limits of connections are too low",
        rfc: &["RFC 5321, section 3.8"],
    },
    Explained {
        id: "greeting.bye",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "an IMAP server says BYE in place of a greeting",
        why: "no client can use it now",
        remedy: "read the server's words: it is shutting down, overloaded or blocks this client",
        rfc: &["RFC 9051, section 7.1.5"],
    },
    Explained {
        id: "greeting.preauth",
        severities: &[Severity::Info, Severity::Fail],
        what: "an IMAP server says PREAUTH: the client is signed in already; in clear text that is a failure",
        why: "after PREAUTH there is no STARTTLS, so somebody on the way who says it keeps the client in clear text",
        remedy: "never have a server say PREAUTH outside TLS",
        rfc: &["RFC 9051, section 7.1.4", "RFC 9051, section 11.3"],
    },
    Explained {
        id: "greeting.not-mail",
        severities: &[Severity::Fail],
        what: "something that is no server of the wanted protocol listens on the port",
        why: "clients cannot use it",
        remedy: "check the port and the protocol: --protocol names another one",
        rfc: &[],
    },
    Explained {
        id: "greeting.closed",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the server closes the connection without a greeting",
        why: "clients cannot use it",
        remedy: "see whether it blocks this client, or wants TLS from the first byte: --security tls",
        rfc: &["RFC 5321, section 3.1"],
    },
    Explained {
        id: "tls.client-certificate",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the server talks only to clients with a certificate of their own",
        why: "one cannot sign in here with a password alone",
        remedy: "ask the operator for another endpoint",
        rfc: &["RFC 9846"],
    },
    Explained {
        id: "tls.expected-tls",
        severities: &[Severity::Fail],
        what: "clear text was expected and the port speaks TLS from the first byte",
        why: "a client with these settings waits for a greeting that never comes",
        remedy: "use --security tls, and SSL/TLS in mail clients",
        rfc: &["RFC 8314, section 3"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::attempt::Attempt;

    #[test]
    fn each_cause_has_its_finding() {
        for (cause, temporary, expected) in [
            (Cause::TimedOut, false, "greeting.timed-out fail"),
            (Cause::Rejected, false, "greeting.rejected fail"),
            (Cause::Busy, true, "greeting.busy unknown"),
            (Cause::Bye, true, "greeting.bye unknown"),
            (Cause::Bye, false, "greeting.bye fail"),
            (Cause::OtherProtocol("SSH"), false, "greeting.not-mail fail"),
            (Cause::Malformed, false, "greeting.not-mail fail"),
            (Cause::TlsAtOnce, false, "tls.expected-tls fail"),
            (Cause::Closed, false, "greeting.closed fail"),
            (Cause::ClientCertificate, false, "tls.client-certificate fail"),
        ] {
            let mut facts = facts("mail.example.org:143");
            facts.greeting =
                Attempt::Failed(Failure { temporary, ..Failure::new(Stage::Greeting, cause, "why") });
            assert_eq!(ids(&judge(&facts, &context())), [expected]);
        }
    }
}
