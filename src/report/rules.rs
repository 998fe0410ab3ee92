//! The list of rules. Each is a pure function from the facts of one endpoint to findings; a file holds one subject.

mod auth;
mod capabilities;
mod certificate;
mod connect;
mod domain;
pub mod drift;
mod greeting;
mod imap;
mod injection;
mod login;
pub mod lookup;
mod names;
mod pop3;
pub mod requirement;
pub mod run;
mod smtp;
mod starttls;
mod tls;

use super::explain::Explained;
use super::finding::Finding;
use super::{Context, EndpointReport};
use crate::attempt::Failure;
use crate::probe::facts::Facts;
use crate::report::finding::Severity;
use crate::wire::Capabilities;
use crate::wire::line::excerpt;

/// A rule: facts to findings.
pub type Rule = fn(&Facts, &Context) -> Vec<Finding>;

/// Every rule for one endpoint.
pub const RULES: &[Rule] = &[
    drift::judge,
    connect::judge,
    greeting::judge,
    capabilities::judge,
    starttls::judge,
    injection::judge,
    tls::judge,
    certificate::judge,
    names::judge,
    auth::judge,
    imap::judge,
    pop3::judge,
    smtp::judge,
    login::judge,
    run::judge,
];

/// What each file of rules says of its findings.
pub const EXPLAINED: &[&[Explained]] = &[
    connect::EXPLAINED,
    greeting::EXPLAINED,
    capabilities::EXPLAINED,
    starttls::EXPLAINED,
    injection::EXPLAINED,
    tls::EXPLAINED,
    certificate::EXPLAINED,
    names::EXPLAINED,
    auth::EXPLAINED,
    imap::EXPLAINED,
    pop3::EXPLAINED,
    smtp::EXPLAINED,
    login::EXPLAINED,
    domain::EXPLAINED,
    drift::EXPLAINED,
    lookup::EXPLAINED,
    run::EXPLAINED,
    requirement::EXPLAINED,
];

/// The rules that look at a target as a whole.
pub fn judge_target(context: &Context, endpoints: &[EndpointReport]) -> Vec<Finding> {
    let of_domain = context.lookup.into_iter().flat_map(domain::judge);
    let drift = drift::judge_target(context);
    connect::judge_all(endpoints).into_iter().chain(of_domain).chain(drift).collect()
}

/// Names which of some words are listed and which are not.
fn optional(id: &'static str, listed: &Capabilities, words: &[&str]) -> Finding {
    let (there, missing): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| listed.lists(word));
    let text = match (there.as_slice(), missing.as_slice()) {
        ([], missing) => format!("lists none of {}", enumerated(missing)),
        (there, []) => format!("lists {}", enumerated(there)),
        (there, missing) => format!("lists {}, not {}", enumerated(there), enumerated(missing)),
    };
    Finding::new(id, Severity::Info, text)
}

/// `one, two and three`
fn enumerated(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What a server listed, as evidence.
fn seen(listed: &Capabilities) -> String {
    match listed.list.as_slice() {
        [] => "nothing is listed".to_owned(),
        list => format!("listed: {}", excerpt(&list.join(", "))),
    }
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
    use crate::attempt::Attempt;
    use crate::report::explain;
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

    /// What a server lists, without anything else.
    pub(crate) fn listing(words: &[&str]) -> Attempt<Capabilities> {
        let list = words.iter().map(|&word| word.to_owned()).collect();
        Attempt::Done(Capabilities { list, ..Capabilities::default() })
    }

    /// `id severity` of every finding; the explanation of each must know that it can be so bad.
    pub(crate) fn ids(findings: &[Finding]) -> Vec<String> {
        for finding in findings {
            let explained =
                explain::finding(finding.id).unwrap_or_else(|| panic!("{} is not explained", finding.id));
            assert!(explained.severities.contains(&finding.severity), "{finding:?}");
        }
        findings.iter().map(|finding| format!("{} {}", finding.id, finding.severity.as_str())).collect()
    }
}
