//! What an IMAP server lists before anybody has signed in (RFC 9051, RFC 3501).

use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Protocol;

/// Names the extensions that save round trips or trouble.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let Some(listed) = facts.listing().value().filter(|_| facts.endpoint.protocol == Protocol::Imap) else {
        return Vec::new();
    };
    let literal = if listed.lists("LITERAL-") { "LITERAL-" } else { "LITERAL+" };
    vec![super::optional("imap.extensions", listed, &["SASL-IR", "ID", "IDLE", literal])]
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[Explained {
    id: "imap.extensions",
    severities: &[Severity::Info],
    what: "which of the extensions SASL-IR, ID, IDLE and LITERAL+ or LITERAL- the server lists before the sign-in",
    why: "they save round trips and tell of new mail at once; a server may list more to those who have signed in",
    remedy: "nothing, unless your users miss one; --require makes one a must",
    rfc: &["RFC 4959", "RFC 2971", "RFC 2177", "RFC 7888"],
}];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, listing};
    use super::*;

    #[test]
    fn extensions_are_named_in_any_case() {
        for (listed, text) in [
            (&["IMAP4rev1", "SASL-IR", "ID", "IDLE", "LITERAL+"][..], "lists SASL-IR, ID, IDLE and LITERAL+"),
            (&["IMAP4rev1", "idle", "LITERAL-"], "lists IDLE and LITERAL-, not SASL-IR and ID"),
            (&["IMAP4rev1"], "lists none of SASL-IR, ID, IDLE and LITERAL+"),
        ] {
            let mut facts = facts("mail.example.org:993");
            facts.after_tls = listing(listed);
            let findings = judge(&facts, &context());
            assert_eq!(findings.first().map(|finding| finding.text.as_str()), Some(text));
        }
    }

    #[test]
    fn another_protocol_has_other_extensions() {
        let mut facts = facts("mail.example.org:995");
        facts.after_tls = listing(&["UIDL"]);
        assert!(judge(&facts, &context()).is_empty());
    }
}
