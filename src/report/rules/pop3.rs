//! What a POP3 server says it can do (RFC 2449), and what that means for mail that is to stay on it.

use crate::attempt::Attempt;
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Protocol;
use crate::wire::Capabilities;
use crate::wire::line::excerpt;

/// Judges the reply to CAPA.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if facts.endpoint.protocol != Protocol::Pop3 {
        return Vec::new();
    }
    match facts.listing() {
        Attempt::Done(listed) => judge_listed(listed),
        Attempt::Absent(reason) => {
            let text = "the server does not say what it can do (CAPA), so much is not known";
            vec![Finding::new("pop3.no-capa", Severity::Info, text).evidence(reason)]
        }
        _ => Vec::new(),
    }
}

fn judge_listed(listed: &Capabilities) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !listed.lists("UIDL") {
        let text = "messages have no lasting names (UIDL), so mail cannot be left on the server";
        findings.push(
            Finding::new("pop3.no-uidl", Severity::Warn, text)
                .evidence(super::seen(listed))
                .hint("switch UIDL on in the mail server, or use IMAP"),
        );
    }
    findings.extend(listed.parameters("EXPIRE").map(expire));
    findings.extend(listed.parameters("LOGIN-DELAY").map(login_delay));
    findings.extend(listed.parameters("IMPLEMENTATION").map(implementation));
    let others = ["TOP", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"];
    findings.push(super::optional("pop3.extensions", listed, &others));
    findings
}

/// `EXPIRE <days> | NEVER [ USER ]` (RFC 2449, section 6.7).
fn expire(parameters: &str) -> Finding {
    let days = parameters.split_ascii_whitespace().next().unwrap_or_default();
    if days.bytes().all(|byte| byte == b'0') && !days.is_empty() {
        let text = "mail cannot stay on the server: what was fetched may be deleted when the session ends (EXPIRE 0)";
        return Finding::new("pop3.expires-at-once", Severity::Warn, text)
            .evidence(format!("EXPIRE {}", excerpt(parameters)))
            .hint("several devices need a server that keeps mail: change that, or use IMAP");
    }
    let text = match days {
        never if never.eq_ignore_ascii_case("NEVER") => "mail may stay on the server for ever".to_owned(),
        days => format!("mail may stay on the server for {} days at least", excerpt(days)),
    };
    Finding::new("pop3.expire", Severity::Info, text).evidence(format!("EXPIRE {}", excerpt(parameters)))
}

/// `LOGIN-DELAY <seconds> [ USER ]` (RFC 2449, section 6.5).
fn login_delay(parameters: &str) -> Finding {
    let seconds = parameters.split_ascii_whitespace().next().unwrap_or_default();
    let text = format!("one may sign in every {} seconds only", excerpt(seconds));
    Finding::new("pop3.login-delay", Severity::Info, text)
        .evidence(format!("LOGIN-DELAY {}", excerpt(parameters)))
}

fn implementation(parameters: &str) -> Finding {
    let text = format!("the server calls itself {}", excerpt(parameters));
    Finding::new("pop3.implementation", Severity::Info, text)
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "pop3.no-capa",
        severities: &[Severity::Info],
        what: "the server refuses CAPA, the question what it can do",
        why: "whether a password can be used, and what else is there, is then not known before the sign-in",
        remedy: "use a current POP3 server; all of them know CAPA",
        rfc: &["RFC 2449, section 5"],
    },
    Explained {
        id: "pop3.no-uidl",
        severities: &[Severity::Warn],
        what: "the reply to CAPA does not list UIDL",
        why: "without lasting names of messages a client cannot tell what it has fetched already, so mail cannot be left on the server",
        remedy: "switch UIDL on in the mail server, or use IMAP",
        rfc: &["RFC 1939, section 7", "RFC 2449, section 6.8"],
    },
    Explained {
        id: "pop3.expires-at-once",
        severities: &[Severity::Warn],
        what: "the server lists EXPIRE 0: fetched mail may be deleted when the session ends",
        why: "who reads mail on two devices finds each message on one of them only",
        remedy: "have the server keep mail, or use IMAP",
        rfc: &["RFC 2449, section 6.7"],
    },
    Explained {
        id: "pop3.expire",
        severities: &[Severity::Info],
        what: "how many days mail stays on the server at least",
        why: "older mail may be deleted there, whether or not it was copied",
        remedy: "copy mail in time, or use IMAP",
        rfc: &["RFC 2449, section 6.7"],
    },
    Explained {
        id: "pop3.login-delay",
        severities: &[Severity::Info],
        what: "how much time must pass between two sign-ins",
        why: "a client that asks for mail more often is refused",
        remedy: "set clients to ask no more often than that",
        rfc: &["RFC 2449, section 6.5"],
    },
    Explained {
        id: "pop3.implementation",
        severities: &[Severity::Info],
        what: "the name the server gives to its software",
        why: "it helps to look a fault up; some keep it quiet, which is fine",
        remedy: "nothing",
        rfc: &["RFC 2449, section 6.9"],
    },
    Explained {
        id: "pop3.extensions",
        severities: &[Severity::Info],
        what: "which of the extensions TOP, RESP-CODES, AUTH-RESP-CODE and PIPELINING the server lists",
        why: "they are of use and not needed: heads of messages alone, errors that programs understand, fewer round trips",
        remedy: "nothing, unless your users miss one; --require makes one a must",
        rfc: &["RFC 2449", "RFC 3206"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids, listing};
    use super::*;

    fn judged(listed: &[&str]) -> Vec<Finding> {
        let mut facts = facts("mail.example.org:995");
        facts.after_tls = listing(listed);
        judge(&facts, &context())
    }

    #[test]
    fn mail_that_cannot_stay_is_a_warning() {
        for (listed, expected) in [
            (&["UIDL"][..], vec!["pop3.extensions info"]),
            (&["TOP"], vec!["pop3.no-uidl warn", "pop3.extensions info"]),
            (&["UIDL", "EXPIRE 0"], vec!["pop3.expires-at-once warn", "pop3.extensions info"]),
            (&["UIDL", "expire 0 USER"], vec!["pop3.expires-at-once warn", "pop3.extensions info"]),
            (&["UIDL", "EXPIRE 60"], vec!["pop3.expire info", "pop3.extensions info"]),
            (&["UIDL", "EXPIRE NEVER"], vec!["pop3.expire info", "pop3.extensions info"]),
            (
                &["UIDL", "LOGIN-DELAY 900", "IMPLEMENTATION Dovecot"],
                vec!["pop3.login-delay info", "pop3.implementation info", "pop3.extensions info"],
            ),
        ] {
            assert_eq!(ids(&judged(listed)), expected, "{listed:?}");
        }
        assert!(judged(&["UIDL", "EXPIRE NEVER"])[0].text.contains("for ever"));
        assert!(judged(&["UIDL", "LOGIN-DELAY 900 USER"])[0].text.contains("every 900 seconds"));
    }

    #[test]
    fn without_capa_nothing_is_missed() {
        let mut facts = facts("mail.example.org:995");
        facts.after_tls = Attempt::Absent("-ERR".to_owned());
        assert_eq!(ids(&judge(&facts, &context())), ["pop3.no-capa info"]);
    }
}
