//! One thing worth saying about an endpoint, and how bad it is.

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
}

impl Finding {
    /// A finding without evidence and hint.
    pub fn new(id: &'static str, severity: Severity, text: impl Into<String>) -> Self {
        Self { id, severity, text: text.into(), evidence: None, hint: None }
    }

    /// With what it rests on.
    #[must_use]
    pub fn evidence(self, evidence: impl Into<String>) -> Self {
        Self { evidence: Some(evidence.into()), ..self }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

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
