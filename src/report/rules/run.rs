//! A probe that was not allowed to end, and an ignoring that has.

use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::report::policy::Ignore;

/// Judges a probe that the end of the run cut off.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if !facts.interrupted {
        return Vec::new();
    }
    let text = "the run was ended before this endpoint was examined";
    vec![Finding::new("run.interrupted", Severity::Unknown, text).hint("run it again and let it finish")]
}

/// The finding for something that counts again.
pub fn ignore_ended(ignore: &Ignore) -> Finding {
    let until = ignore.until.map(|date| format!(" until {date}")).unwrap_or_default();
    let text = format!("{} was to be ignored{until}, and counts again", ignore.id);
    let finding = Finding::new("run.ignore-expired", Severity::Warn, text)
        .hint("mend it, or give the ignoring a new date");
    match &ignore.reason {
        Some(reason) => finding.evidence(reason),
        None => finding,
    }
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "run.interrupted",
        severities: &[Severity::Unknown],
        what: "the run was ended, by a signal or by the limit of the whole run, before the endpoint was examined to its end",
        why: "nothing is known of the endpoint, neither good nor bad",
        remedy: "run it again and let it finish",
        rfc: &[],
    },
    Explained {
        id: "run.ignore-expired",
        severities: &[Severity::Warn],
        what: "a finding was to be ignored until a day that is over, and it is still there",
        why: "what was to be mended by then is not; it counts again",
        remedy: "mend what the finding says, or give the ignoring a new date",
        rfc: &[],
    },
    Explained {
        id: "run.internal-error",
        severities: &[Severity::Unknown],
        what: "mailcfg itself failed while it examined the endpoint, or this machine ran out of open files",
        why: "nothing is known of the endpoint, neither good nor bad",
        remedy: "try again with fewer targets at once; report it when it stays",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;

    #[test]
    fn a_probe_that_was_cut_off_is_unknown() {
        let mut facts = facts("mail.example.org:993");
        assert!(judge(&facts, &context()).is_empty());
        facts.interrupted = true;
        assert_eq!(ids(&judge(&facts, &context())), ["run.interrupted unknown"]);
    }
}
