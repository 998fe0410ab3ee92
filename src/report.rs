//! Facts to findings by pure rules, findings to a status, a status to an exit code. No input or output here.

pub mod explain;
pub mod finding;
pub mod policy;
pub mod rules;

use std::cmp::Reverse;

use time::OffsetDateTime;

use crate::lookup::{self, Lookup};
use crate::probe::facts::Facts;
use crate::run::Outcome;
use crate::settings::{Endpoint, Source};
use crate::target::Domain;
use finding::{Finding, Ignored, Severity, Status};
use policy::{FailOn, Policy};

/// What rules may know beside the facts of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time to hold dates against.
    pub now: OffsetDateTime,
    /// What is demanded of the endpoints.
    pub policy: &'a Policy,
    /// The domain whose mail it is, when the endpoints were looked up.
    pub mail_domain: Option<&'a Domain>,
}

impl<'a> Context<'a> {
    /// A time and a policy; the rest is found in what is judged.
    pub fn new(now: OffsetDateTime, policy: &'a Policy) -> Self {
        Self { now, policy, mail_domain: None }
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
    sort(&mut findings);
    LookupReport { lookup, findings }
}

/// Judges all that was found out about a target.
pub fn judge(outcome: Outcome, context: &Context) -> Report {
    let domain = outcome.lookup.as_ref().map(|lookup| lookup.query.domain.clone());
    let context = Context { mail_domain: domain.as_ref(), ..*context };
    let judged: Vec<Vec<Finding>> =
        outcome.facts.iter().map(|facts| judge_endpoint(facts, &outcome.facts, &context)).collect();
    let endpoints: Vec<EndpointReport> = outcome
        .facts
        .into_iter()
        .zip(judged)
        .map(|(facts, findings)| EndpointReport::new(facts, findings))
        .collect();
    let mut findings = rules::judge_target(outcome.lookup.as_ref(), &endpoints);
    let lookup = outcome.lookup.map(judge_lookup).map(|report| {
        let findings = ignore(report.findings, None, &context);
        LookupReport { findings, ..report }
    });
    if let Some(report) = lookup.as_ref().filter(|_| endpoints.is_empty()) {
        findings.push(rules::lookup::nothing_to_examine(&report.lookup));
    }
    let findings = ignore(findings, None, &context);
    let of_target = findings.iter().map(Finding::status);
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

/// The exit code of a run: a failure wins over "could not find out", that over all is well.
pub fn exit_code(statuses: impl IntoIterator<Item = Status>, fail_on: FailOn) -> u8 {
    let code = |status| match status {
        Status::Fail => EXIT_FAILED,
        Status::Unknown if fail_on.unknown => EXIT_FAILED,
        Status::Warn if fail_on.warn => EXIT_FAILED,
        Status::Unknown => EXIT_UNKNOWN,
        Status::Warn | Status::Pass => EXIT_FINE,
    };
    let codes: Vec<u8> = statuses.into_iter().map(code).collect();
    let worst = [EXIT_FAILED, EXIT_UNKNOWN].into_iter().find(|code| codes.contains(code));
    worst.unwrap_or(EXIT_FINE)
}

/// The exit code of lookups, by the same order.
pub fn lookup_exit_code(statuses: impl IntoIterator<Item = lookup::Status>) -> u8 {
    let as_verdict = |status| match status {
        lookup::Status::Found => Status::Pass,
        lookup::Status::NotFound => Status::Fail,
        lookup::Status::Unknown => Status::Unknown,
    };
    exit_code(statuses.into_iter().map(as_verdict), FailOn::default())
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
            assert_eq!(exit_code(statuses.clone(), fail_on), code, "{statuses:?} {fail_on:?}");
        }
    }
}
