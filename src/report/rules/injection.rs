//! Whether a server answers inside TLS what was sent before it (RFC 3207, CVE-2011-0411).

use crate::attempt::Attempt;
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::wire::injection::Fate;
use crate::wire::line::excerpt;

/// Judges what became of a command behind STARTTLS, when that was to be found out.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let finding = match &facts.injection {
        Some(Attempt::Done(Fate::Answered(line))) => Finding::new(
            ID,
            Severity::Fail,
            "the server answers inside TLS a command that was sent before it",
        )
        .evidence(format!(
            "the command stood behind STARTTLS, and the first reply inside TLS was: {}",
            excerpt(line)
        ))
        .hint("update the mail server: it must drop what came before the handshake (CVE-2011-0411)"),
        Some(Attempt::Done(Fate::Dropped)) => harmless("the server drops it"),
        Some(Attempt::Done(Fate::Refused(words))) => harmless(words),
        Some(Attempt::Failed(failure)) => Finding::new(
            ID,
            Severity::Unknown,
            "whether the server obeys a command behind STARTTLS could not be found out",
        )
        .evidence(&failure.reason)
        .hint("look at the dialogue with -vv, and try again"),
        Some(Attempt::Skipped(reason)) => {
            Finding::new(ID, Severity::Info, format!("no command was put behind STARTTLS: {reason}"))
        }
        _ => return Vec::new(),
    };
    vec![finding]
}

fn harmless(evidence: &str) -> Finding {
    let text = "the server does not obey a command that stands behind STARTTLS";
    Finding::new(ID, Severity::Info, text).evidence(evidence)
}

const ID: &str = "starttls.command-injection";

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[Explained {
    id: ID,
    severities: &[Severity::Info, Severity::Unknown, Severity::Fail],
    what: "with --starttls-injection a harmless command is sent in one segment with STARTTLS; a sound server drops it or breaks off, a vulnerable one answers it inside TLS",
    why: "somebody on the way can put commands before the handshake that the server takes for the client's: mail or a sign-in may end up with the attacker",
    remedy: "update the mail server, or whatever speaks STARTTLS before it; until then offer the port with implicit TLS alone",
    rfc: &["RFC 9051, section 6.2.1", "RFC 3207, section 4.2", "CVE-2011-0411"],
}];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::attempt::{Cause, Failure, Stage};

    #[test]
    fn each_fate_has_its_severity() {
        let unclear = Failure::new(Stage::Tls, Cause::Handshake, "why");
        for (injection, expected) in [
            (
                Some(Attempt::Done(Fate::Answered("250 ok".to_owned()))),
                vec!["starttls.command-injection fail"],
            ),
            (Some(Attempt::Done(Fate::Dropped)), vec!["starttls.command-injection info"]),
            (Some(Attempt::Done(Fate::Refused("554".to_owned()))), vec!["starttls.command-injection info"]),
            (Some(Attempt::Failed(unclear)), vec!["starttls.command-injection unknown"]),
            (None, vec![]),
        ] {
            let mut facts = facts("mail.example.org:587");
            facts.injection = injection;
            assert_eq!(ids(&judge(&facts, &context())), expected);
        }
    }
}
