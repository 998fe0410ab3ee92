//! One thing worth saying about an endpoint, and how bad it is.

use time::Date;

use crate::wire::line::cut;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable id, `subject.what`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub text: String,
    /// What was seen that it rests on.
    pub evidence: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Set when it was asked for that this does not count.
    pub ignored: Option<Ignored>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// The reason that was given.
    pub reason: Option<String>,
    /// The last day on which it does not count.
    pub until: Option<Date>,
}

impl Finding {
    /// A finding without evidence and hint.
    pub fn new(id: &'static str, severity: Severity, text: impl Into<String>) -> Self {
        Self { id, severity, text: text.into(), evidence: None, hint: None, ignored: None }
    }

    /// With what it rests on, of which [`EVIDENCE_BYTES`] are kept.
    #[must_use]
    pub fn evidence(self, evidence: impl Into<String>) -> Self {
        Self { evidence: Some(cut(evidence.into(), EVIDENCE_BYTES)), ..self }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The status it gives its endpoint: nothing when it does not count.
    pub fn status(&self) -> Status {
        match self.ignored {
            Some(_) => Status::Pass,
            None => self.severity.status(),
        }
    }
}

/// 2 KiB: more than a person reads, and less than a monitor takes of a plugin.
pub const EVIDENCE_BYTES: usize = 2 * 1024;

/// How bad a finding is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, and should be better.
    Warn,
    /// Nobody could tell.
    Unknown,
    /// Does not work from here, or not safely.
    Fail,
}

impl Severity {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// The verdict on an endpoint or a target, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All is well.
    Pass,
    /// It works, and something should be better.
    Warn,
    /// Nobody could tell.
    Unknown,
    /// It does not work from here, or not safely.
    Fail,
}

impl Status {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}
