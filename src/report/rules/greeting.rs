//! The server's first words: none, a no, a goodbye, or those of something that is no mail server.

use super::severity_of;
use crate::attempt::{Cause, Failure, Stage};
use crate::probe::facts::Facts;
use crate::report::Context;
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
