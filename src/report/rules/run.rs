//! What the run did to a target: ended before it was examined, examined it again, or found that it is none.

use crate::attempt::EndedBy;
use crate::probe::facts::{Facts, Retry};
use crate::report::Context;
use crate::report::finding::{Finding, Severity};
use crate::run::Trouble;

/// Judges a probe that the end of the run cut off, or that was not the first.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let cut_off = facts.interrupted.map(|by| interrupted("this endpoint was examined", by));
    cut_off.into_iter().chain(retried(&facts.retries)).collect()
}

/// What is to be said of a target for which nothing was begun.
pub fn troubled(trouble: &Trouble) -> Finding {
    match trouble {
        Trouble::Ended(by) => interrupted("this target was begun", *by),
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
