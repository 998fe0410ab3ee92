//! Facts to findings by pure rules, findings to a status, a status to an exit code. No input or output here.

pub mod explain;
pub mod finding;
pub mod policy;
pub mod rules;

use std::cmp::Reverse;

use time::OffsetDateTime;

use crate::lookup::{self, Lookup};
use crate::probe::facts::Facts;
use crate::run::{Outcome, Trouble};
use crate::settings::{Endpoint, Source};
use crate::target::Domain;
use finding::{Finding, Ignored, Severity, Status};
use policy::{FailOn, MinDays, Policy};

/// What rules may know beside the facts of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time to hold dates against.
    pub now: OffsetDateTime,
    /// What is demanded of the endpoints.
    pub policy: &'a Policy,
    /// The command whose report it is.
    pub command: &'static str,
    /// The lookup that named the endpoints, when there was one.
    pub lookup: Option<&'a Lookup>,
    /// The domain whose mail it is, when the endpoints were looked up.
    pub mail_domain: Option<&'a Domain>,
}

impl<'a> Context<'a> {
    /// A time and a policy; the rest is found in what is judged.
    pub fn new(now: OffsetDateTime, policy: &'a Policy) -> Self {
        Self { now, policy, command: "probe", lookup: None, mail_domain: None }
    }

    /// The same for a report of another command.
    #[must_use]
    pub fn of_command(self, command: &'static str) -> Self {
        Self { command, ..self }
    }
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

/// What became of a target that was to be looked up.
#[derive(Debug)]
pub enum Looked {
    /// It was.
    Asked(Box<LookupReport>),
    /// It was not.
    Unasked(UnaskedReport),
}

impl Looked {
    /// How it ended.
    pub fn status(&self) -> lookup::Status {
        match self {
            Self::Asked(report) => report.lookup.status(),
            Self::Unasked(report) => report.status,
        }
    }
}

/// The verdict on one target.
#[derive(Debug)]
pub struct Report {
    /// Its place among the targets, from 0.
    pub index: usize,
    /// The command whose report it is.
    pub command: &'static str,
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
    /// What counts as a failure beside failures.
    pub fail_on: FailOn,
    /// How many days of certificate life were demanded.
    pub min_days: Option<MinDays>,
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
    /// What its status counts as.
    pub fn counted(&self) -> Status {
        self.fail_on.counted(self.status)
    }

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
    sort(&mut findings);
    LookupReport { lookup, findings }
}

/// Judges a target that was to be looked up; `None` for an outcome that is of no lookup.
pub fn judge_looked(outcome: Outcome) -> Option<Looked> {
    match (outcome.lookup, outcome.trouble) {
        (Some(lookup), _) => Some(Looked::Asked(Box::new(judge_lookup(lookup)))),
        (None, Some(trouble)) => {
            Some(Looked::Unasked(judge_unasked(outcome.index, outcome.target, &trouble)))
        }
        (None, None) => None,
    }
}

/// Judges a target that was to be looked up, and was not.
fn judge_unasked(index: usize, target: String, trouble: &Trouble) -> UnaskedReport {
    let status = match trouble {
        Trouble::Invalid(_) => lookup::Status::NotFound,
        Trouble::Ended(_) | Trouble::Unread(_) | Trouble::Lost => lookup::Status::Unknown,
    };
    UnaskedReport { index, target, status, finding: rules::run::troubled(trouble) }
}

/// Judges all that was found out about a target.
pub fn judge(outcome: Outcome, context: &Context) -> Report {
    let domain = outcome.lookup.as_ref().map(|lookup| lookup.query.domain.clone());
    let context = Context { lookup: outcome.lookup.as_ref(), mail_domain: domain.as_ref(), ..*context };
    let judged: Vec<Vec<Finding>> =
        outcome.facts.iter().map(|facts| judge_endpoint(facts, &outcome.facts, &context)).collect();
    let endpoints: Vec<EndpointReport> = outcome
        .facts
        .into_iter()
        .zip(judged)
        .map(|(facts, findings)| EndpointReport::new(facts, findings))
        .collect();
    let findings = judge_target(&endpoints, outcome.trouble.as_ref(), &context);
    let of_target = findings.iter().map(Finding::status);
    let status = endpoints.iter().map(|it| it.status).chain(of_target).max().unwrap_or(Status::Pass);
    let of_lookup = context.lookup.map(|lookup| ignore(rules::lookup::judge(lookup), None, &context));
    let Context { now, command, policy, .. } = context;
    let Policy { fail_on, min_days, .. } = *policy;
    let lookup = outcome.lookup.zip(of_lookup);
    let lookup = lookup.map(|(lookup, findings)| LookupReport { lookup, findings });
    Report {
        index: outcome.index,
        command,
        target: outcome.target,
        lookup,
        endpoints,
        findings,
        status,
        fail_on,
        min_days,
        now,
    }
}

impl EndpointReport {
    fn new(facts: Facts, findings: Vec<Finding>) -> Self {
        let status = findings.iter().map(Finding::status).max().unwrap_or(Status::Pass);
        Self { facts, findings, status }
    }
}

fn judge_endpoint(facts: &Facts, all: &[Facts], context: &Context) -> Vec<Finding> {
    let mut findings: Vec<Finding> = rules::RULES.iter().flat_map(|rule| rule(facts, context)).collect();
    findings.extend(rules::requirement::judge(facts, all, context));
    ignore(findings, Some(&facts.endpoint), context)
}

fn judge_target(endpoints: &[EndpointReport], trouble: Option<&Trouble>, context: &Context) -> Vec<Finding> {
    let mut findings = rules::judge_target(context, endpoints);
    findings.extend(trouble.map(rules::run::troubled));
    let is_settled = !endpoints.is_empty() || rules::drift::expects_nothing(context);
    findings.extend(context.lookup.filter(|_| !is_settled).map(rules::lookup::nothing_to_examine));
    ignore(findings, None, context)
}

/// Marks what does not count, says which ignoring has ended, and puts the worst first.
fn ignore(mut findings: Vec<Finding>, endpoint: Option<&Endpoint>, context: &Context) -> Vec<Finding> {
    let mut ended = Vec::new();
    for ignore in &context.policy.ignore {
        let covered = findings.iter_mut().filter(|finding| ignore.covers(finding.id, endpoint));
        match ignore.has_ended(context.now.date()) {
            true => ended.extend(covered.take(1).map(|_| rules::run::ignore_ended(ignore))),
            false => covered.for_each(|finding| {
                finding.ignored = Some(Ignored { reason: ignore.reason.clone(), until: ignore.until });
            }),
        }
    }
    findings.extend(ended);
    sort(&mut findings);
    findings
}

/// The worst first, what does not count last.
fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (finding.ignored.is_some(), Reverse(finding.severity)));
}

/// The exit code of a run, of what its statuses count as: a failure wins over "could not find out", that over all is
/// well.
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
        let default = FailOn::default();
        let warn = FailOn { warn: true, ..default };
        let unknown = FailOn { unknown: true, ..default };
        for (statuses, fail_on, code) in [
            (vec![], default, 0),
            (vec![Status::Pass, Status::Warn], default, 0),
            (vec![Status::Pass, Status::Unknown], default, 3),
            (vec![Status::Unknown, Status::Fail], default, 1),
            (vec![Status::Pass], warn | unknown, 0),
            (vec![Status::Pass, Status::Warn], warn, 1),
            (vec![Status::Warn], unknown, 0),
            (vec![Status::Unknown, Status::Warn], warn, 1),
            (vec![Status::Unknown], warn, 3),
            (vec![Status::Unknown], unknown, 1),
        ] {
            let counted = statuses.iter().map(|status| fail_on.counted(*status));
            assert_eq!(exit_code(counted), code, "{statuses:?} {fail_on:?}");
        }
    }
}
