//! What was demanded of an endpoint beyond the rules, and whether it has it.

use std::time::Duration;

use super::super::policy::requirement::{Entry, Kind, Listed};
use super::super::policy::{Policy, Requirement, TlsVersion};
use crate::attempt::{Attempt, Cause};
use crate::net::Family;
use crate::probe::certificate::Certificate;
use crate::probe::facts::{Answer, Facts, StartTls};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;
use crate::target::Host;

/// Judges the demands on an endpoint; the facts of the others of its target tell what it shares with them.
pub fn judge(facts: &Facts, all: &[Facts], context: &Context) -> Vec<Finding> {
    let policy = context.policy;
    let mut findings: Vec<Finding> =
        policy.require.iter().filter_map(|requirement| required(*requirement, facts, all)).collect();
    // An address that was not tried has nothing to show.
    if matches!(facts.connect, Attempt::Skipped(_)) {
        return findings;
    }
    findings.extend(policy.min_tls.and_then(|oldest| min_tls(facts, oldest)));
    findings.extend(expectations(facts, policy));
    findings.extend(policy.max_time.and_then(|limit| max_time(facts, limit)));
    findings
}

/// Whether something demanded is there.
enum Met {
    /// It is, or it makes no sense here.
    Yes,
    /// It is not; why, and what was seen.
    No(String, String),
    /// It could not be found out; why.
    Unknown(String),
}

fn required(requirement: Requirement, facts: &Facts, all: &[Facts]) -> Option<Finding> {
    let skipped = matches!(facts.connect, Attempt::Skipped(_));
    let met = match requirement.kind() {
        Kind::Address(family) => address(family, facts, all),
        _ if skipped => Met::Yes,
        Kind::PasswordAuth => password_auth(facts),
        Kind::OAuth2 => oauth2(facts),
        Kind::StartTls => starttls(facts),
        Kind::Tls => implicit_tls(facts, all),
        Kind::Tls13 => version(facts, TlsVersion::V1_3),
        Kind::PostQuantum => post_quantum(facts),
        Kind::Listed(listed) => self::listed(listed, facts),
    };
    finding(requirement.id(), requirement.name(), met)
}

fn finding(id: &'static str, name: &str, met: Met) -> Option<Finding> {
    match met {
        Met::Yes => None,
        Met::No(text, evidence) => {
            let finding = Finding::new(id, Severity::Fail, text)
                .hint(format!("switch it on in the server, or take {name} out of what is required"));
            Some(if evidence.is_empty() { finding } else { finding.evidence(evidence) })
        }
        Met::Unknown(why) => {
            let text = format!("it could not be found out whether {name} is there");
            Some(
                Finding::new(id, Severity::Unknown, text)
                    .evidence(why)
                    .hint("mend what failed before, or try again"),
            )
        }
    }
}

fn why(attempt: &Attempt<impl Sized>) -> String {
    attempt.reason().unwrap_or_default().to_owned()
}

fn password_auth(facts: &Facts) -> Met {
    let auth = facts.password_auth();
    let offered = |mechanisms: &[String]| match mechanisms {
        [] => "no mechanism is offered".to_owned(),
        some => format!("offered: {}", some.join(", ")),
    };
    match auth.answer {
        _ if facts.endpoint.is_relay() => Met::Yes,
        Answer::Yes => Met::Yes,
        Answer::No => Met::No("one cannot sign in with a password".to_owned(), offered(&auth.after_tls)),
        Answer::OnlyBeforeTls => {
            Met::No("a password can be used in clear text only".to_owned(), offered(&auth.before_tls))
        }
        Answer::Unknown(why) => Met::Unknown(why),
    }
}

fn oauth2(facts: &Facts) -> Met {
    if facts.endpoint.is_relay() {
        return Met::Yes;
    }
    match facts.capabilities() {
        Attempt::Done(found) => {
            let token = |name: &String| matches!(name.as_str(), "OAUTHBEARER" | "XOAUTH2");
            if found.mechanisms.iter().any(token) {
                return Met::Yes;
            }
            let evidence = format!("offered: {}", found.mechanisms.join(", "));
            Met::No("one cannot sign in with a token".to_owned(), evidence)
        }
        other if without_tls(facts) => {
            Met::No("there is no TLS to sign in with a token in".to_owned(), why(other))
        }
        other => Met::Unknown(why(other)),
    }
}

fn starttls(facts: &Facts) -> Met {
    let text = |text: &str| text.to_owned();
    match &facts.starttls {
        _ if facts.endpoint.security == Security::Tls => Met::Yes,
        Attempt::Done(StartTls { offered: true }) => Met::Yes,
        Attempt::Done(StartTls { offered: false }) => {
            Met::No(text("STARTTLS works but is not advertised, so clients leave it"), String::new())
        }
        Attempt::Absent(reason) => Met::No(text("there is no STARTTLS"), reason.clone()),
        Attempt::Failed(failure) if failure.temporary => Met::Unknown(failure.reason.clone()),
        Attempt::Failed(failure) => Met::No(text("STARTTLS does not work"), failure.reason.clone()),
        Attempt::Skipped(reason) => Met::Unknown(reason.clone()),
    }
}

/// Of a domain, another port of the same protocol will do.
fn implicit_tls(facts: &Facts, all: &[Facts]) -> Met {
    let implicit = |other: &&Facts| {
        other.endpoint.security == Security::Tls && other.endpoint.protocol == facts.endpoint.protocol
    };
    match &facts.tls {
        Attempt::Done(_) if facts.endpoint.security == Security::Tls => Met::Yes,
        other if facts.endpoint.security == Security::Tls => Met::Unknown(why(other)),
        _ if facts.endpoint.is_relay() || all.iter().any(|other| implicit(&other)) => Met::Yes,
        _ => {
            let protocol = facts.endpoint.protocol.name();
            let text = format!("{protocol} is not offered inside TLS from the first byte");
            Met::No(text, format!("{} uses {}", facts.endpoint.authority(), facts.endpoint.security.name()))
        }
    }
}

/// True when it is known that nothing here is inside TLS.
fn without_tls(facts: &Facts) -> bool {
    matches!(facts.starttls, Attempt::Absent(_))
        || (facts.endpoint.security == Security::None && facts.connect.value().is_some())
}

fn version(facts: &Facts, oldest: TlsVersion) -> Met {
    let number = oldest.as_str();
    match &facts.tls {
        Attempt::Done(agreed) if TlsVersion::of_agreed(agreed.version) >= Some(oldest) => Met::Yes,
        Attempt::Done(agreed) => Met::No(
            format!("the server does not speak TLS {number}"),
            format!("agreed on {}", agreed.version),
        ),
        Attempt::Failed(failure) if failure.cause == Cause::TlsTooOld => {
            Met::No(format!("the server does not speak TLS {number}"), failure.reason.clone())
        }
        other if without_tls(facts) => Met::No("there is no TLS".to_owned(), why(other)),
        other => Met::Unknown(why(other)),
    }
}

fn post_quantum(facts: &Facts) -> Met {
    match &facts.tls {
        Attempt::Done(agreed) if agreed.post_quantum => Met::Yes,
        Attempt::Done(agreed) => {
            let group = agreed.key_exchange.as_deref().unwrap_or("an unknown group");
            let text = "the key exchange does not resist quantum computers";
            Met::No(text.to_owned(), format!("agreed on {group}"))
        }
        other if without_tls(facts) => Met::No("there is no TLS".to_owned(), why(other)),
        other => Met::Unknown(why(other)),
    }
}

/// Judged once for each endpoint, at the first of its addresses of the family, else at its first address.
fn address(family: Family, facts: &Facts, all: &[Facts]) -> Met {
    let own: Vec<&Facts> = all.iter().filter(|other| other.endpoint == facts.endpoint).collect();
    let of_family = |other: &&&Facts| other.address.is_some_and(|address| family.admits(address.ip()));
    let first = own.iter().find(of_family).or(own.first());
    let connected = own.iter().filter(of_family).any(|other| other.connect.value().is_some());
    if connected || first.is_some_and(|first| !std::ptr::eq(*first, facts)) {
        return Met::Yes;
    }
    let name = if family == Family::V4 { "IPv4" } else { "IPv6" };
    let reason = || why(&facts.connect);
    match own.iter().find(of_family) {
        Some(tried) => match &tried.connect {
            Attempt::Failed(failure) if !failure.temporary => {
                Met::No(format!("no {name} address connects"), failure.reason.clone())
            }
            _ => Met::Unknown(reason()),
        },
        None if facts.connect.failure().is_some_and(|failure| failure.temporary) => Met::Unknown(reason()),
        None => match facts.course.unresolved.first() {
            Some(failure) => Met::Unknown(failure.reason.clone()),
            None if facts.address.is_none() && facts.connect.value().is_some() => {
                Met::Unknown("the proxy does not tell the address".to_owned())
            }
            None => Met::No(format!("{} has no {name} address", facts.endpoint.host), String::new()),
        },
    }
}

fn listed(listed: Listed, facts: &Facts) -> Met {
    if !listed.protocols.contains(&facts.endpoint.protocol) {
        return Met::Yes;
    }
    let word = listed.words.first().copied().unwrap_or_default();
    match facts.listing() {
        Attempt::Done(found) if listed.words.iter().any(|word| found.lists(word)) => Met::Yes,
        Attempt::Done(_) if listed.maybe_later => {
            Met::Unknown(format!("{word} is not listed before the sign-in; it may be after it"))
        }
        Attempt::Done(found) => {
            Met::No(format!("the server does not list {word}"), format!("listed: {}", found.list.join(", ")))
        }
        other => Met::Unknown(why(other)),
    }
}

fn min_tls(facts: &Facts, oldest: TlsVersion) -> Option<Finding> {
    let name = format!("TLS {} or later", oldest.as_str());
    finding("requirement.min-tls", &name, version(facts, oldest))
}

fn expectations(facts: &Facts, policy: &Policy) -> Vec<Finding> {
    if policy.expect_host.is_empty() && policy.expect_issuer.is_none() {
        return Vec::new();
    }
    let hosts = policy.expect_host.iter().map(|host| {
        let met = of_certificate(facts, |certificate| expected_host(certificate, host));
        finding("requirement.expect-host", &format!("a certificate for {host}"), met)
    });
    let issuer = policy.expect_issuer.iter().map(|text| {
        let met = of_certificate(facts, |certificate| expected_issuer(certificate, text));
        finding("requirement.expect-issuer", &format!("a certificate issued by {text}"), met)
    });
    hosts.chain(issuer).flatten().collect()
}

fn of_certificate(facts: &Facts, judge: impl Fn(&Certificate) -> Met) -> Met {
    match facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref()) {
        Some(certificate) => judge(certificate),
        None if without_tls(facts) => {
            Met::No("there is no TLS, so no certificate".to_owned(), why(&facts.tls))
        }
        None => Met::Unknown(why(&facts.tls)),
    }
}

fn expected_host(certificate: &Certificate, host: &Host) -> Met {
    if certificate.is_for(host) {
        return Met::Yes;
    }
    let names = certificate.names.join(", ");
    Met::No(format!("the server's certificate is not for {host}"), format!("it is for: {names}"))
}

fn expected_issuer(certificate: &Certificate, text: &str) -> Met {
    let wanted = text.to_lowercase();
    if certificate.issuer_names().iter().any(|name| name.to_lowercase().contains(&wanted)) {
        return Met::Yes;
    }
    Met::No(
        format!("the server's certificate is not issued by {text}"),
        format!("its issuer is {}", certificate.issuer),
    )
}

fn max_time(facts: &Facts, limit: Duration) -> Option<Finding> {
    let total = facts.timings.total.filter(|total| *total > limit)?;
    let text = format!("the endpoint took {total:.0?}, longer than {limit:?}");
    let hint = "the times of the steps (with -v) show which of them is slow";
    Some(Finding::new("requirement.max-time", Severity::Fail, text).hint(hint))
}

/// What the finding of a requirement means.
pub fn explained(entry: &'static Entry) -> Explained {
    Explained {
        id: entry.id,
        severities: &[Severity::Unknown, Severity::Fail],
        what: entry.meaning,
        why: "it was required, and the server does not have it, or it could not be found out",
        remedy: "switch it on in the server, or take it out of --require",
        rfc: std::slice::from_ref(&entry.rfc),
    }
}
