//! The list of rules. Each is a pure function from the facts of one endpoint to findings; a file holds one subject.

mod auth;
mod capabilities;
mod certificate;
mod connect;
mod greeting;
mod injection;
pub mod lookup;
pub mod requirement;
pub mod run;
mod starttls;
mod tls;

use super::explain::Explained;
use super::finding::Finding;
use super::{Context, EndpointReport};
use crate::attempt::Failure;
use crate::lookup::Lookup;
use crate::probe::facts::Facts;
use crate::report::finding::Severity;

/// A rule: facts to findings.
pub type Rule = fn(&Facts, &Context) -> Vec<Finding>;

/// Every rule for one endpoint.
pub const RULES: &[Rule] = &[
    connect::judge,
    greeting::judge,
    capabilities::judge,
    starttls::judge,
    injection::judge,
    tls::judge,
    certificate::judge,
    auth::judge,
    run::judge,
];

/// What each file of rules says of its findings.
pub const EXPLAINED: &[&[Explained]] = &[certificate::EXPLAINED, injection::EXPLAINED, run::EXPLAINED];

/// The rules that look at a target as a whole.
pub fn judge_target(_lookup: Option<&Lookup>, endpoints: &[EndpointReport]) -> Vec<Finding> {
    connect::judge_all(endpoints)
}

/// "Later" is unknown, anything else a failure.
fn severity_of(failure: &Failure) -> Severity {
    if failure.temporary { Severity::Unknown } else { Severity::Fail }
}

/// On port 25 TLS is opportunistic (RFC 7435): what fails elsewhere is a warning there.
fn opportunistic(facts: &Facts) -> Severity {
    if facts.endpoint.is_relay() { Severity::Warn } else { Severity::Fail }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use time::OffsetDateTime;

    use super::*;
    use crate::report::policy::Policy;
    use crate::settings::{Endpoint, Overrides};
    use crate::target::Target;

    /// Facts of an endpoint before the first step.
    pub(crate) fn facts(target: &str) -> Facts {
        let Ok(Target::Host { scheme, host, port }) = Target::parse(target) else { panic!("{target}") };
        let endpoint = Endpoint::complete(scheme, host, port, Overrides::default()).unwrap();
        Facts::new(endpoint, OffsetDateTime::UNIX_EPOCH)
    }

    /// The first second of 1970 and no demands.
    pub(crate) fn context() -> Context<'static> {
        static NOTHING: LazyLock<Policy> = LazyLock::new(Policy::default);
        demanding(&NOTHING)
    }

    /// The same with demands.
    pub(crate) fn demanding(policy: &Policy) -> Context<'_> {
        Context::new(OffsetDateTime::UNIX_EPOCH, policy)
    }

    /// `id severity` of every finding.
    pub(crate) fn ids(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|finding| format!("{} {}", finding.id, finding.severity.as_str())).collect()
    }
}
