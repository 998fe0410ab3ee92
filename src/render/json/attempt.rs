//! How an answer of the outside world stands in a document.

use std::time::Duration;

use serde::Serialize;

use crate::attempt::{Attempt, Failure};
use crate::probe::facts::Retry;
use crate::report::finding::Finding;

/// An attempt: what came of it, and the value or the reason.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum AttemptModel<'a, T> {
    /// It was answered; a step without a value has none.
    Done {
        /// The answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<T>,
    },
    /// The other side says there is none.
    Absent {
        /// How it said so.
        reason: &'a str,
    },
    /// It could not be found out, or does not work.
    Failed {
        /// Where it ended.
        stage: &'static str,
        /// What ended it.
        reason: &'a str,
        /// Whether asking again may succeed.
        temporary: bool,
    },
    /// It was not asked.
    Skipped {
        /// Why.
        reason: &'a str,
    },
}

impl<'a, T> AttemptModel<'a, T> {
    /// An attempt whose value stands in the document as `value` gives it.
    pub fn of<S>(attempt: &'a Attempt<S>, value: impl FnOnce(&'a S) -> Option<T>) -> Self {
        match attempt {
            Attempt::Done(done) => Self::Done { value: value(done) },
            Attempt::Absent(reason) => Self::Absent { reason },
            Attempt::Skipped(reason) => Self::Skipped { reason },
            Attempt::Failed(Failure { stage, reason, temporary, .. }) => {
                Self::Failed { stage: stage.as_str(), reason, temporary: *temporary }
            }
        }
    }
}

/// One thing worth saying.
#[derive(Debug, Serialize)]
pub struct FindingModel<'a> {
    id: &'a str,
    severity: &'static str,
    text: &'a str,
    evidence: Option<&'a str>,
    hint: Option<&'a str>,
    #[serde(flatten)]
    ignored: Option<IgnoredModel<'a>>,
}

/// Why a finding does not count; only of one that does not.
#[derive(Debug, Serialize)]
struct IgnoredModel<'a> {
    ignored: bool,
    ignored_reason: Option<&'a str>,
    ignored_until: Option<String>,
}

impl<'a> FindingModel<'a> {
    /// The findings in their order.
    pub fn all(findings: &'a [Finding]) -> Vec<Self> {
        findings.iter().map(Self::of).collect()
    }

    fn of(finding: &'a Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity.as_str(),
            text: &finding.text,
            evidence: finding.evidence.as_deref(),
            hint: finding.hint.as_deref(),
            ignored: finding.ignored.as_ref().map(|ignored| IgnoredModel {
                ignored: true,
                ignored_reason: ignored.reason.as_deref(),
                ignored_until: ignored.until.map(|date| date.to_string()),
            }),
        }
    }
}

/// A try that was followed by another.
#[derive(Debug, Serialize)]
pub struct RetryModel<'a> {
    reason: &'a str,
    pause_ms: f64,
}

impl<'a> RetryModel<'a> {
    /// The tries in their order.
    pub fn all(retries: &'a [Retry]) -> Vec<Self> {
        retries
            .iter()
            .map(|retry| Self { reason: &retry.reason, pause_ms: milliseconds(retry.pause) })
            .collect()
    }
}

/// Milliseconds with one decimal.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
