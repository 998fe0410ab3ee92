//! What a lookup shows beside its answer: better sources that failed, halves from elsewhere, other domains, differences.

use std::collections::BTreeSet;

use crate::lookup::source::Remark;
use crate::lookup::{Lookup, Status};
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Source;
use crate::wire::line::excerpt;

/// Judges a lookup.
pub fn judge(lookup: &Lookup) -> Vec<Finding> {
    let mut findings: Vec<Finding> = better_sources_failed(lookup).into_iter().collect();
    findings.extend(lookup.completed_from.iter().map(|source| completed_from(*source)));
    findings.extend(other_domain(lookup));
    let remarks = lookup
        .sources
        .iter()
        .flat_map(|asked| asked.remarks.iter().map(move |remark| (asked.source, remark)));
    findings.extend(remarks.map(|(source, remark)| remarked(source, remark)));
    if !lookup.disagreements.is_empty() {
        findings.push(disagreement(lookup));
    }
    findings.extend(lookup.interrupted_by().map(|by| super::run::interrupted("every source was heard", by)));
    findings.extend(super::run::retried(&lookup.retries));
    findings
}

/// Why a lookup left nothing to examine.
pub fn nothing_to_examine(lookup: &Lookup) -> Finding {
    let domain = &lookup.query.domain;
    match (&lookup.settings, lookup.status()) {
        (Some(_), _) => {
            let text = format!("no service of {domain} is of the protocol and security asked for");
            Finding::new("target.nothing-to-examine", Severity::Fail, text)
                .hint(format!("see them all with `mailcfg lookup {domain}`"))
        }
        (None, Status::Unknown) => {
            let text = format!("the mail settings of {domain} could not be found out");
            Finding::new("target.nothing-to-examine", Severity::Unknown, text)
                .hint(format!("see why with `mailcfg lookup {domain}`, and try again"))
        }
        (None, _) => {
            let text = format!("the mail settings of {domain} are not known, so there is nothing to examine");
            Finding::new("target.nothing-to-examine", Severity::Fail, text)
                .hint(format!("name the server itself: `mailcfg probe mail.{domain}:993`"))
        }
    }
}

/// The source whose services were chosen: the best that answered.
pub(super) fn winner(lookup: &Lookup) -> Option<Source> {
    lookup.sources.iter().filter(|asked| asked.outcome.value().is_some()).map(|asked| asked.source).min()
}

/// A worse answer is never given as if the better source had none.
fn better_sources_failed(lookup: &Lookup) -> Option<Finding> {
    let winner = lookup.completed_from.iter().copied().chain(winner(lookup)).max()?;
    let failed: Vec<(Source, &str)> = lookup
        .sources
        .iter()
        .filter(|asked| asked.source < winner)
        .filter_map(|asked| Some((asked.source, asked.outcome.failure()?.reason.as_str())))
        .collect();
    if failed.is_empty() {
        return None;
    }
    let names: Vec<&str> = failed.iter().map(|(source, _)| source.name()).collect();
    let reasons: Vec<String> = failed.iter().map(|(source, reason)| format!("{source}: {reason}")).collect();
    let text = format!("{} could not be asked, and may say something else", names.join(" and "));
    Some(
        Finding::new("lookup.better-source-failed", Severity::Warn, text)
            .evidence(reasons.join("; "))
            .hint("try again before you rely on this answer"),
    )
}

fn completed_from(source: Source) -> Finding {
    let text = format!("one half of the servers, incoming or outgoing, comes from {}", source.name());
    Finding::new("lookup.completed-from", Severity::Info, text)
}

fn other_domain(lookup: &Lookup) -> Option<Finding> {
    let services = lookup.settings.iter().flat_map(|settings| &settings.services);
    let elsewhere =
        services.filter(|service| service.other_domain).map(|service| service.access.host_or_url());
    let hosts: BTreeSet<String> = elsewhere.collect();
    if hosts.is_empty() {
        return None;
    }
    let hosts = excerpt(&hosts.into_iter().collect::<Vec<_>>().join(", "));
    let text = format!("servers of another domain than {}: {hosts}", lookup.query.domain);
    Some(Finding::new("lookup.other-domain", Severity::Info, text).hint("do you know who runs them?"))
}

fn remarked(source: Source, remark: &Remark) -> Finding {
    match remark {
        Remark::NullMx => {
            Finding::new("lookup.null-mx", Severity::Warn, "this domain says that it takes no mail")
                .evidence("its only MX record is the null MX (RFC 7505)")
        }
        Remark::PartFailed(reason) => {
            let text = format!("a part of {} could not be asked, and may say something else", source.name());
            Finding::new("lookup.better-source-failed", Severity::Warn, text)
                .evidence(reason)
                .hint("try again before you rely on this answer")
        }
        Remark::HttpsFailed(reason) => {
            let text = format!(
                "the document of {source} came over http, where anybody could have written it, for https could not be asked"
            );
            Finding::new("lookup.better-source-failed", Severity::Warn, text)
                .evidence(reason)
                .hint("try again before you rely on this answer")
        }
        Remark::Wildcard(name) => {
            let text = format!("{name} exists only by wildcard DNS, so it is no sign of published settings");
            Finding::new("lookup.wildcard-dns", Severity::Info, text)
        }
        Remark::OnlyOverHttp(url) => {
            let text =
                format!("the document of {source} came over http: anybody on the way could have written it");
            Finding::new("lookup.only-over-http", Severity::Warn, text)
                .evidence(url)
                .hint("check the servers with your provider before you send a password")
        }
    }
}

fn disagreement(lookup: &Lookup) -> Finding {
    let lines: Vec<String> = lookup
        .disagreements
        .iter()
        .map(|it| {
            let values: Vec<String> =
                it.values.iter().map(|(source, value)| format!("{value} ({source})")).collect();
            format!("{} {}: {}", it.service, it.field, values.join(", "))
        })
        .collect();
    Finding::new("lookup.disagreement", Severity::Info, "the sources do not agree").evidence(lines.join("; "))
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "lookup.better-source-failed",
        severities: &[Severity::Warn],
        what: "a source that ranks above the one that answered could not be asked",
        why: "it may say something else, and would have won",
        remedy: "try again before you rely on the answer",
        rfc: &[],
    },
    Explained {
        id: "lookup.completed-from",
        severities: &[Severity::Info],
        what: "the deciding source names incoming or outgoing servers alone; the other half is from another source",
        why: "the two halves may be of different age or trust",
        remedy: "compare with `mailcfg lookup --all`",
        rfc: &[],
    },
    Explained {
        id: "lookup.other-domain",
        severities: &[Severity::Info],
        what: "servers stand in another registrable domain than the address",
        why: "that is usual with hosted mail, and also what somebody would do who leads people astray",
        remedy: "make sure that you know who runs them",
        rfc: &["RFC 6186, section 6"],
    },
    Explained {
        id: "lookup.null-mx",
        severities: &[Severity::Warn],
        what: "the domain says by a null MX record that it takes no mail",
        why: "an address there cannot receive anything",
        remedy: "check the spelling of the domain",
        rfc: &["RFC 7505"],
    },
    Explained {
        id: "lookup.wildcard-dns",
        severities: &[Severity::Info],
        what: "a name was found that exists only because every name of the domain does",
        why: "it is no sign that settings are published there",
        remedy: "nothing; the operator of the domain may narrow the wildcard",
        rfc: &["RFC 4592"],
    },
    Explained {
        id: "lookup.only-over-http",
        severities: &[Severity::Warn],
        what: "the settings came over http, without TLS",
        why: "anybody on the way could have written them",
        remedy: "check the servers with your provider before you send a password",
        rfc: &[],
    },
    Explained {
        id: "lookup.disagreement",
        severities: &[Severity::Info],
        what: "sources name different servers, ports or ways to sign in",
        why: "one of them is out of date",
        remedy: "compare with `mailcfg lookup --all`; the operator of the domain can mend what is published",
        rfc: &[],
    },
    Explained {
        id: "target.nothing-to-examine",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the lookup left no server that could be examined",
        why: "nothing is known of the servers",
        remedy: "name the server itself, as mail.example.org:993",
        rfc: &[],
    },
];
