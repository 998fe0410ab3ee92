//! What the formats say alike: the name of an endpoint, and its verdict in one sentence.

use crate::attempt::Attempt;
use crate::render::human::probe::works;
use crate::report::finding::{Finding, Status};
use crate::report::{EndpointReport, Report};

/// `imap mail.example.org:993 tls`; with the address when the report has several of it. Not escaped.
pub fn name(endpoint: &EndpointReport, report: &Report) -> String {
    let place = &endpoint.facts.endpoint;
    let name = format!("{} {} {}", place.protocol.as_str(), place.authority(), place.security.as_str());
    let shared = report.endpoints.iter().filter(|other| other.facts.endpoint == *place).count() > 1;
    match endpoint.facts.address.filter(|_| shared) {
        Some(address) => format!("{name} at {}", address.ip()),
        None => name,
    }
}

/// The worst finding, or what works. Not escaped.
pub fn verdict(endpoint: &EndpointReport, report: &Report) -> String {
    match (worst(&endpoint.findings), &endpoint.facts.connect) {
        (Some(finding), _) => finding.text.clone(),
        (None, Attempt::Skipped(reason)) => reason.clone(),
        (None, _) => works(&endpoint.facts, report),
    }
}

/// The worst finding that counts; findings stand worst first.
pub fn worst(findings: &[Finding]) -> Option<&Finding> {
    findings.first().filter(|finding| counts(finding))
}

/// True for what gives its endpoint more than a pass.
pub fn counts(finding: &Finding) -> bool {
    finding.status() > Status::Pass
}

/// What a finding rests on, unless it stands in the finding's own text: what a certificate says is among the facts.
pub fn evidence(finding: &Finding) -> Option<&str> {
    finding.evidence.as_deref().filter(|_| !finding.id.starts_with("certificate."))
}

/// True for an address that this machine has no route to, while another of the host has one.
pub fn is_skipped(endpoint: &EndpointReport) -> bool {
    endpoint.status == Status::Pass && matches!(endpoint.facts.connect, Attempt::Skipped(_))
}

/// The findings about a target as a whole: of the report, then of its lookup.
pub fn of_target(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().chain(report.lookup.iter().flat_map(|lookup| &lookup.findings))
}
