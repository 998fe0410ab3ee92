//! What the run did to a target: ended before it was examined, examined it again, or found that it is none; and an
//! ignoring that has ended.

use crate::attempt::EndedBy;
use crate::probe::facts::{Facts, Retry};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::report::policy::Ignore;
use crate::run::Trouble;

/// Judges a probe that the end of the run cut off, or that was not the first.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let cut_off = facts.interrupted.map(|by| interrupted("this endpoint was examined to its end", by));
    cut_off.into_iter().chain(retried(&facts.retries)).collect()
}

/// What is to be said of a target for which nothing was begun.
pub fn troubled(trouble: &Trouble) -> Finding {
    match trouble {
        Trouble::Ended(by) => interrupted("this target was begun", *by),
        Trouble::Unread(by) => interrupted("the whole list was read", *by),
        Trouble::Lost => {
            Finding::new("run.internal-error", Severity::Unknown, "mailcfg itself failed with this target")
                .hint("this is a fault of mailcfg: please report it, with what stands above")
        }
        Trouble::Invalid(invalid) => {
            let text = format!("line {} of the list: {}", invalid.line, invalid.reason);
            let finding = Finding::new("target.invalid", Severity::Fail, text);
            match &invalid.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            }
        }
    }
}

/// The run was ended before something was done.
pub fn interrupted(what: &str, by: EndedBy) -> Finding {
    let (by, hint) = match by {
        EndedBy::Deadline => ("the --deadline of the run came", "give it more time with --deadline"),
        EndedBy::Signal => ("a signal ended the run", "run it again and let it finish"),
    };
    Finding::new("run.interrupted", Severity::Unknown, format!("{by} before {what}")).hint(hint)
}

/// More than one try was needed, or was not enough.
pub fn retried(retries: &[Retry]) -> Option<Finding> {
    let reasons: Vec<String> = retries
        .iter()
        .map(|retry| format!("{} (tried again after {:.1} s)", retry.reason, retry.pause.as_secs_f64()))
        .collect();
    let text = match retries.len() {
        0 => return None,
        1 => "it was tried again once".to_owned(),
        more => format!("it was tried again {more} times"),
    };
    Some(Finding::new("run.retried", Severity::Info, text).evidence(reasons.join("; ")))
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
        why: "what was not reached is not known, neither good nor bad",
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
        id: "run.retried",
        severities: &[Severity::Info],
        what: "the first try could not find out, or the server said that it was too busy, and mailcfg tried again",
        why: "a server that answers at the second try only is near its limits, or limits what one client may do",
        remedy: "nothing, when it is rare; else look into the server's log at the times of the tries",
        rfc: &[],
    },
    Explained {
        id: "target.invalid",
        severities: &[Severity::Fail],
        what: "a line of the list of targets is no address, domain, server or URL",
        why: "what stands there was not examined, though somebody wanted it to be",
        remedy: "correct the line: user@example.org, example.org, mail.example.org:993 or imaps://mail.example.org",
        rfc: &["RFC 5321"],
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
    use std::time::Duration;

    use super::super::tests::{context, facts, ids};
    use super::*;

    #[test]
    fn the_end_of_the_run_says_what_ended_it() {
        let mut facts = facts("mail.example.org:993");
        assert_eq!(judge(&facts, &context()), []);
        for (by, words) in [(EndedBy::Deadline, "--deadline"), (EndedBy::Signal, "signal")] {
            facts.interrupted = Some(by);
            let findings = judge(&facts, &context());
            assert_eq!(ids(&findings), ["run.interrupted unknown"]);
            assert!(findings[0].text.contains(words), "{findings:?}");
            assert!(findings[0].text.ends_with("to its end"), "some of it may have been: {findings:?}");
        }
    }

    #[test]
    fn retries_are_an_information_with_their_reasons() {
        let mut facts = facts("mail.example.org:993");
        let retry = |seconds| Retry { reason: "421 later".to_owned(), pause: Duration::from_secs(seconds) };
        facts.retries = vec![retry(1), retry(2)];
        let findings = judge(&facts, &context());
        assert_eq!(ids(&findings), ["run.retried info"]);
        let evidence = "421 later (tried again after 1.0 s); 421 later (tried again after 2.0 s)";
        assert_eq!(findings[0].evidence.as_deref(), Some(evidence));
    }
}
