//! What a mail server should list in its reply to EHLO (RFC 5321, RFC 6409).

use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Protocol;

/// Judges the extensions in the last reply to EHLO.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let Some(listed) = facts.listing().value().filter(|_| facts.endpoint.protocol == Protocol::Smtp) else {
        return Vec::new();
    };
    let missing = EXPECTED.iter().filter(|(word, ..)| !listed.lists(word)).map(|(word, id, text)| {
        Finding::new(id, Severity::Warn, *text).evidence(super::seen(listed)).hint(format!(
            "switch {word} on in the mail server, where it can; something on the way may hide it too"
        ))
    });
    missing.chain([super::optional("smtp.extensions", listed, &["SMTPUTF8", "CHUNKING", "DSN"])]).collect()
}

/// RFC 6409, section 7, says that a server should have these; it leaves SIZE open, which all clients use.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("SIZE", "smtp.no-size", "the server does not say how large a message may be (SIZE)"),
    ("PIPELINING", "smtp.no-pipelining", "the server does not take several commands at once (PIPELINING)"),
    ("8BITMIME", "smtp.no-8bitmime", "the server does not take text beyond ASCII as it is (8BITMIME)"),
    (
        "ENHANCEDSTATUSCODES",
        "smtp.no-enhancedstatuscodes",
        "the server does not say precisely what goes wrong (ENHANCEDSTATUSCODES)",
    ),
];

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "smtp.no-size",
        severities: &[Severity::Warn],
        what: "the reply to EHLO does not list SIZE",
        why: "a client learns that a message is too large only after it has sent all of it",
        remedy: "set a limit of the message size in the mail server; it then lists SIZE by itself",
        rfc: &["RFC 1870"],
    },
    Explained {
        id: "smtp.no-pipelining",
        severities: &[Severity::Warn],
        what: "the reply to EHLO does not list PIPELINING",
        why: "each recipient costs a round trip, so that sending is slow on long ways",
        remedy: "switch it on in the mail server; a firewall that rewrites SMTP often hides it: switch that off",
        rfc: &["RFC 2920", "RFC 6409, section 7"],
    },
    Explained {
        id: "smtp.no-8bitmime",
        severities: &[Severity::Warn],
        what: "the reply to EHLO does not list 8BITMIME",
        why: "every text that is not ASCII is encoded, and what is encoded anew on the way breaks the signatures over it",
        remedy: "switch it on in the mail server; a firewall that rewrites SMTP often hides it: switch that off",
        rfc: &["RFC 6152", "RFC 6409, section 7"],
    },
    Explained {
        id: "smtp.no-enhancedstatuscodes",
        severities: &[Severity::Warn],
        what: "the reply to EHLO does not list ENHANCEDSTATUSCODES",
        why: "clients and senders learn less precisely what went wrong: a reply code alone stands for many reasons",
        remedy: "switch it on in the mail server, where it can (Exim cannot); a firewall that rewrites SMTP often hides it: switch that off",
        rfc: &["RFC 2034", "RFC 6409, section 7"],
    },
    Explained {
        id: "smtp.extensions",
        severities: &[Severity::Info],
        what: "which of the extensions SMTPUTF8, CHUNKING and DSN the server lists",
        why: "they are of use, and mail goes without them: addresses in any letters, large messages in pieces, word of the delivery",
        remedy: "nothing, unless your users ask for one; --require makes one a must",
        rfc: &["RFC 6531", "RFC 3030", "RFC 3461"],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids, listing};
    use super::*;

    #[test]
    fn what_every_client_uses_is_missed() {
        let all = ["SIZE 1000", "PIPELINING", "8bitmime", "ENHANCEDSTATUSCODES"];
        for (listed, expected) in [
            (&all[..], &["smtp.extensions info"][..]),
            (&all[1..], &["smtp.no-size warn", "smtp.extensions info"]),
            (&all[2..], &["smtp.no-size warn", "smtp.no-pipelining warn", "smtp.extensions info"]),
            (
                &["AUTH PLAIN", "SIZES"],
                &[
                    "smtp.no-size warn",
                    "smtp.no-pipelining warn",
                    "smtp.no-8bitmime warn",
                    "smtp.no-enhancedstatuscodes warn",
                    "smtp.extensions info",
                ],
            ),
        ] {
            let mut facts = facts("mail.example.org:465");
            facts.after_tls = listing(listed);
            assert_eq!(ids(&judge(&facts, &context())), expected, "{listed:?}");
        }
    }

    #[test]
    fn nothing_is_missed_where_nothing_is_known_or_another_protocol_is_spoken() {
        assert!(judge(&facts("mail.example.org:465"), &context()).is_empty());
        let mut facts = facts("mail.example.org:993");
        facts.after_tls = listing(&["IMAP4rev1"]);
        assert!(judge(&facts, &context()).is_empty());
    }

    #[test]
    fn the_extensions_that_may_be_there_are_named() {
        let mut facts = facts("mail.example.org:465");
        facts.after_tls = listing(&["CHUNKING", "DSN"]);
        let text = judge(&facts, &context()).last().map(|finding| finding.text.clone());
        assert_eq!(text.as_deref(), Some("lists CHUNKING and DSN, not SMTPUTF8"));
    }
}
