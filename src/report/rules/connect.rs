//! Names that do not resolve and connections that do not open.

use std::time::Duration;

use super::super::EndpointReport;
use super::severity_of;
use crate::attempt::{Cause, Failure};
use crate::net::dial::{Tried, TriedOutcome};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};

/// Judges the way to the connection: its failure, and the addresses that failed beside one that worked.
pub fn judge(facts: &Facts, context: &Context) -> Vec<Finding> {
    match facts.connect.failure() {
        Some(failure) => vec![unreachable(facts, failure)],
        None => {
            let tried = facts.course.tried.iter().filter_map(|tried| beside(facts, tried, context));
            tried.chain(facts.course.unresolved.iter().map(half_resolved)).collect()
        }
    }
}

/// When nothing answered at all, the fault may be on this side.
pub fn judge_all(endpoints: &[EndpointReport]) -> Vec<Finding> {
    let silent = |endpoint: &EndpointReport| {
        endpoint.facts.connect.failure().is_some_and(|failure| failure.cause == Cause::TimedOut)
    };
    if endpoints.is_empty() || !endpoints.iter().all(silent) {
        return Vec::new();
    }
    let text = "no endpoint answered at all: the network here may block these ports (port 25 often is)";
    vec![Finding::new("network.maybe-blocked", Severity::Info, text).hint("try again from another network")]
}

fn unreachable(facts: &Facts, failure: &Failure) -> Finding {
    let host = facts.endpoint.host.to_string();
    let place = facts.endpoint.authority();
    let (id, text, hint) = match failure.cause {
        Cause::NoSuchHost => (
            "dns.no-such-host",
            format!("the host name {host} does not exist"),
            "check the spelling; if the name is right, its DNS record is missing".to_owned(),
        ),
        Cause::NoAddress => (
            "dns.no-address",
            format!("the host {host} has no usable address"),
            "add an A or AAAA record, or leave -4 and -6 out".to_owned(),
        ),
        Cause::Resolver => (
            "dns.failed",
            format!("could not find out the address of {host}"),
            "try again, or ask another resolver with --resolver ADDR".to_owned(),
        ),
        Cause::Refused => (
            "connect.refused",
            format!("{place} refuses connections"),
            "is the mail server running, and does it listen on this port?".to_owned(),
        ),
        Cause::TimedOut => (
            "connect.timed-out",
            format!("{place} does not answer"),
            "a firewall may drop the packets: here, on the way or at the server".to_owned(),
        ),
        Cause::NoRoute => (
            "connect.no-route",
            format!("this machine has no route to {place}"),
            "check this machine's network, or try from another".to_owned(),
        ),
        Cause::Internal => (
            "run.internal-error",
            format!("{place} could not be examined: mailcfg itself failed"),
            "this is a fault of mailcfg: please report it, with what stands above".to_owned(),
        ),
        Cause::Proxy => (
            "connect.proxy-failed",
            "the proxy could not be used".to_owned(),
            "check the address of --proxy and whether it is running".to_owned(),
        ),
        _ => (
            "connect.reset",
            format!("{place} breaks connections off"),
            "a firewall or the server itself turns this client away".to_owned(),
        ),
    };
    Finding::new(id, severity_of(failure), text).evidence(&failure.reason).hint(hint)
}

/// An address that failed while another worked.
fn beside(facts: &Facts, tried: &Tried, context: &Context) -> Option<Finding> {
    let worked = facts.address.map_or_else(String::new, |address| format!(" ({} works)", address.ip()));
    let address = tried.address.ip();
    let failure = match &tried.outcome {
        TriedOutcome::Failed(failure) => failure,
        TriedOutcome::StillOpen(elapsed) => {
            let same_family = facts.address.is_some_and(|worked| worked.is_ipv4() == address.is_ipv4());
            let winner = facts.course.connect.unwrap_or_default();
            if same_family || *elapsed < HEAD_START || *elapsed < winner * MUCH_LONGER {
                return None;
            }
            let milliseconds = elapsed.as_millis();
            let text = format!(
                "{address} had not answered after {milliseconds} ms when another address did{worked}"
            );
            return Some(
                Finding::new("connect.timed-out", Severity::Warn, text)
                    .hint("clients without a second address wait here; probe each with --all-addresses"),
            );
        }
    };
    let (id, severity, text) = match failure.cause {
        Cause::NoRoute => {
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            let severity = if context.policy.family_required { Severity::Warn } else { Severity::Info };
            (
                "connect.no-route",
                severity,
                format!("{address} was skipped: this machine has no {family} route"),
            )
        }
        Cause::Refused => {
            ("connect.refused", Severity::Warn, format!("{address} refuses connections{worked}"))
        }
        Cause::TimedOut => {
            ("connect.timed-out", Severity::Warn, format!("{address} does not answer{worked}"))
        }
        _ => ("connect.reset", Severity::Warn, format!("{address} breaks connections off{worked}")),
    };
    let finding = Finding::new(id, severity, text).evidence(&failure.reason);
    Some(match severity {
        Severity::Info => finding,
        _ => finding.hint("mend the server at this address or take the address out of DNS"),
    })
}

/// An address that had less than the head start of Happy Eyeballs says nothing by its silence.
const HEAD_START: Duration = Duration::from_millis(250);

/// Nor does one that had not much more time than the winner needed.
const MUCH_LONGER: u32 = 4;

fn half_resolved(failure: &Failure) -> Finding {
    let text = "the addresses of one family could not be found out";
    Finding::new("dns.failed", Severity::Warn, text)
        .evidence(&failure.reason)
        .hint("the name servers of the domain answer one kind of question badly")
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "dns.no-such-host",
        severities: &[Severity::Fail],
        what: "the name of the host does not exist (NXDOMAIN)",
        why: "clients cannot find the server",
        remedy: "check the spelling; if the name is right, add its DNS record",
        rfc: &["RFC 1035", "RFC 8020"],
    },
    Explained {
        id: "dns.no-address",
        severities: &[Severity::Fail],
        what: "the name of the host exists and has no address of the families asked for",
        why: "clients cannot find the server",
        remedy: "add an A or AAAA record, or leave -4 and -6 out",
        rfc: &["RFC 1035", "RFC 3596"],
    },
    Explained {
        id: "dns.failed",
        severities: &[Severity::Warn, Severity::Unknown],
        what: "the resolver did not answer, or answered with an error such as SERVFAIL; a warning when one family alone could not be found out",
        why: "it says nothing of the mail server: the resolver here or the name servers of the domain are at fault",
        remedy: "try again, or ask another resolver with --resolver ADDR; when SERVFAIL stays, look at DNSSEC and the name servers of the domain",
        rfc: &["RFC 1035", "RFC 9520"],
    },
    Explained {
        id: "connect.refused",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the host answers that nothing listens on this port; a warning when another address of it works",
        why: "clients cannot connect, or wait for another address",
        remedy: "start the mail server, have it listen on this port, or take the address out of DNS",
        rfc: &["RFC 9293"],
    },
    Explained {
        id: "connect.timed-out",
        severities: &[Severity::Warn, Severity::Fail],
        what: "no answer came from the address within the limit; a warning when another address works",
        why: "clients wait for long, then give up",
        remedy: "look for a firewall that drops packets: here, on the way or at the server; providers often block port 25",
        rfc: &["RFC 9293", "RFC 8305"],
    },
    Explained {
        id: "connect.reset",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the connection was broken off while it was opened",
        why: "clients cannot connect",
        remedy: "look for a firewall or a limit of connections that turns this client away",
        rfc: &["RFC 9293"],
    },
    Explained {
        id: "connect.no-route",
        severities: &[Severity::Info, Severity::Warn, Severity::Unknown],
        what: "this machine has no way to the address, often because it has no IPv6",
        why: "it says nothing of the server",
        remedy: "check the network of this machine, or try from another",
        rfc: &[],
    },
    Explained {
        id: "connect.proxy-failed",
        severities: &[Severity::Unknown],
        what: "the proxy of --proxy could not be used",
        why: "it says nothing of the server",
        remedy: "check the address of --proxy and whether the proxy is running",
        rfc: &["RFC 1928"],
    },
    Explained {
        id: "network.maybe-blocked",
        severities: &[Severity::Info],
        what: "no endpoint answered at all",
        why: "many networks block mail ports, port 25 above all, so the fault may be here",
        remedy: "try again from another network",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, demanding, facts, ids};
    use super::*;
    use crate::attempt::{Attempt, Stage};
    use crate::report::policy::Policy;

    #[test]
    fn each_cause_has_its_finding() {
        for (cause, temporary, expected) in [
            (Cause::NoSuchHost, false, "dns.no-such-host fail"),
            (Cause::NoAddress, false, "dns.no-address fail"),
            (Cause::Resolver, true, "dns.failed unknown"),
            (Cause::Refused, false, "connect.refused fail"),
            (Cause::TimedOut, false, "connect.timed-out fail"),
            (Cause::NoRoute, true, "connect.no-route unknown"),
            (Cause::Proxy, true, "connect.proxy-failed unknown"),
            (Cause::Reset, false, "connect.reset fail"),
        ] {
            let mut facts = facts("mail.example.org:993");
            let failure = Failure::new(Stage::Connect, cause, "why");
            facts.connect = Attempt::Failed(Failure { temporary, ..failure });
            let findings = judge(&facts, &context());
            assert_eq!(ids(&findings), [expected]);
            assert!(findings[0].hint.is_some() && findings[0].evidence.as_deref() == Some("why"));
        }
    }

    #[test]
    fn one_family_down_is_a_warning_and_no_route_an_information() {
        let tried = |address: &str, outcome| Tried { address: address.parse().unwrap(), outcome };
        let failed = |cause| TriedOutcome::Failed(Failure::new(Stage::Connect, cause, "why"));
        let mut facts = facts("mail.example.org:993");
        facts.connect = Attempt::Done(());
        facts.address = Some("192.0.2.1:993".parse().unwrap());
        facts.course.tried = vec![
            tried("[2001:db8::1]:993", failed(Cause::Refused)),
            tried("[2001:db8::2]:993", failed(Cause::NoRoute)),
            tried("[2001:db8::3]:993", TriedOutcome::StillOpen(std::time::Duration::from_millis(260))),
            tried("192.0.2.2:993", TriedOutcome::StillOpen(std::time::Duration::from_millis(260))),
        ];
        let found = ids(&judge(&facts, &context()));
        assert_eq!(found, ["connect.refused warn", "connect.no-route info", "connect.timed-out warn"]);
        // The winner needed 100 ms: nobody can say that the other, which had 260 ms, is down.
        facts.course.connect = Some(Duration::from_millis(100));
        assert_eq!(ids(&judge(&facts, &context())), ["connect.refused warn", "connect.no-route info"]);
        let required = Policy { family_required: true, ..Policy::default() };
        assert!(ids(&judge(&facts, &demanding(&required))).contains(&"connect.no-route warn".to_owned()));
    }
}
