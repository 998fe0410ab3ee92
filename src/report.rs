//! Facts to findings by pure rules, findings to a status, a status to an exit code. No input or output here.

pub mod finding;
pub mod rules;

use time::OffsetDateTime;

use crate::lookup::{self, Lookup};
use crate::probe::facts::Facts;
use crate::run::{Outcome, Trouble};
use crate::settings::Source;
use finding::{Finding, Severity, Status};

/// What rules may know beside the facts of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The time to hold dates against.
    pub now: OffsetDateTime,
    /// True when one address family was asked for, so that its absence matters.
    pub family_required: bool,
}

/// A lookup and what is worth saying about it.
#[derive(Debug)]
pub struct LookupReport {
    /// The lookup.
    pub lookup: Lookup,
    /// What follows from it, worst first.
    pub findings: Vec<Finding>,
}

/// The verdict on a target that was to be looked up, and was not.
#[derive(Debug)]
pub struct UnaskedReport {
    /// Its place among the targets, from 0.
    pub index: usize,
    /// What was typed.
    pub target: String,
    /// Not found when it is no target, else unknown.
    pub status: lookup::Status,
    /// Why it was not looked up.
    pub finding: Finding,
}

/// The verdict on one target.
#[derive(Debug)]
pub struct Report {
    /// Its place among the targets, from 0.
    pub index: usize,
    /// What was typed.
    pub target: String,
    /// The lookup, when the target was a domain or an address.
    pub lookup: Option<LookupReport>,
    /// The endpoints in their order.
    pub endpoints: Vec<EndpointReport>,
    /// What concerns the target as a whole.
    pub findings: Vec<Finding>,
    /// The worst of all.
    pub status: Status,
    /// The time the verdict was made.
    pub now: OffsetDateTime,
}

/// The verdict on one endpoint at one address.
#[derive(Debug)]
pub struct EndpointReport {
    /// What was found out.
    pub facts: Facts,
    /// What follows from it, worst first.
    pub findings: Vec<Finding>,
    /// The worst of the findings.
    pub status: Status,
}

impl Report {
    /// The sources that name an endpoint, in rank order.
    pub fn named_by(&self, endpoint: &EndpointReport) -> Vec<Source> {
        let sources = self.lookup.iter().flat_map(|report| &report.lookup.sources);
        let names = |asked: &&lookup::Asked| {
            let services = asked.outcome.value().map(|answer| answer.settings.services.as_slice());
            let mut servers =
                services.unwrap_or_default().iter().filter_map(|service| service.access.server());
            servers.any(|server| *server == endpoint.facts.endpoint)
        };
        sources.filter(names).map(|asked| asked.source).collect()
    }
}

/// Judges a lookup.
pub fn judge_lookup(lookup: Lookup) -> LookupReport {
    let mut findings = rules::lookup::judge(&lookup);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    LookupReport { lookup, findings }
}

/// Judges a target that was to be looked up, and was not.
pub fn judge_unasked(index: usize, target: String, trouble: &Trouble) -> UnaskedReport {
    let status = match trouble {
        Trouble::Invalid(_) => lookup::Status::NotFound,
        Trouble::Ended(_) | Trouble::Lost => lookup::Status::Unknown,
    };
    UnaskedReport { index, target, status, finding: rules::run::troubled(trouble) }
}

/// Judges all that was found out about a target.
pub fn judge(outcome: Outcome, context: &Context) -> Report {
    let endpoints: Vec<EndpointReport> =
        outcome.facts.into_iter().map(|facts| judge_endpoint(facts, context)).collect();
    let mut findings = rules::judge_target(&endpoints);
    findings.extend(outcome.trouble.as_ref().map(rules::run::troubled));
    let lookup = outcome.lookup.map(judge_lookup);
    if let Some(report) = lookup.as_ref().filter(|_| endpoints.is_empty()) {
        findings.push(rules::lookup::nothing_to_examine(&report.lookup));
    }
    let of_target = findings.iter().map(|finding| finding.severity.status());
    let status = endpoints.iter().map(|it| it.status).chain(of_target).max().unwrap_or(Status::Pass);
    Report {
        index: outcome.index,
        target: outcome.target,
        lookup,
        endpoints,
        findings,
        status,
        now: context.now,
    }
}

fn judge_endpoint(facts: Facts, context: &Context) -> EndpointReport {
    let mut findings: Vec<Finding> = rules::RULES.iter().flat_map(|rule| rule(&facts, context)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let status = findings.iter().map(|finding| finding.severity.status()).max().unwrap_or(Status::Pass);
    EndpointReport { facts, findings, status }
}

/// The exit code of a run: a failure wins over "could not find out", that over all is well.
pub fn exit_code(statuses: impl IntoIterator<Item = Status>) -> u8 {
    match statuses.into_iter().max() {
        Some(Status::Fail) => EXIT_FAILED,
        Some(Status::Unknown) => EXIT_UNKNOWN,
        Some(Status::Warn | Status::Pass) | None => EXIT_FINE,
    }
}

/// The exit code of lookups, by the same order.
pub fn lookup_exit_code(statuses: impl IntoIterator<Item = lookup::Status>) -> u8 {
    exit_code(statuses.into_iter().map(Status::from))
}

impl From<lookup::Status> for Status {
    fn from(status: lookup::Status) -> Self {
        match status {
            lookup::Status::Found => Self::Pass,
            lookup::Status::NotFound => Self::Fail,
            lookup::Status::Unknown => Self::Unknown,
        }
    }
}

/// Found, or every required check passed.
pub const EXIT_FINE: u8 = 0;
/// Not found, or a required check failed.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage or unreadable input; nothing was asked.
pub const EXIT_USAGE: u8 = 2;
/// It could not be found out: try again, page nobody.
pub const EXIT_UNKNOWN: u8 = 3;

impl Severity {
    /// The status that a finding of this severity gives its endpoint.
    pub fn status(self) -> Status {
        match self {
            Self::Info => Status::Pass,
            Self::Warn => Status::Warn,
            Self::Unknown => Status::Unknown,
            Self::Fail => Status::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_wins_over_unknown_and_that_over_a_pass() {
        for (statuses, code) in [
            (vec![], 0),
            (vec![Status::Pass, Status::Warn], 0),
            (vec![Status::Pass, Status::Unknown], 3),
            (vec![Status::Unknown, Status::Fail], 1),
        ] {
            assert_eq!(exit_code(statuses.clone()), code, "{statuses:?}");
        }
    }
}
