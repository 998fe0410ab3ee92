//! What the settings of a whole domain show: whether they stand in DNS, and whether each protocol has a port with TLS
//! from the first byte (RFC 6186, RFC 8314).

use crate::attempt::Attempt;
use crate::lookup::Lookup;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::{Endpoint, Protocol, Security, Source};

/// Judges the settings that a lookup found.
pub fn judge(lookup: &Lookup) -> Vec<Finding> {
    let only = [Protocol::Imap, Protocol::Pop3, Protocol::Smtp];
    let mut findings: Vec<Finding> =
        only.into_iter().filter_map(|protocol| only_starttls(lookup, protocol)).collect();
    findings.extend(srv(lookup));
    findings
}

/// RFC 8314, section 3: implicit TLS is to be preferred.
fn only_starttls(lookup: &Lookup, protocol: Protocol) -> Option<Finding> {
    let services = lookup.settings.iter().flat_map(|settings| &settings.services);
    let servers: Vec<&Endpoint> = services
        .filter_map(|service| service.access.server())
        .filter(|server| server.protocol == protocol && !server.is_relay())
        .collect();
    if servers.is_empty() || servers.iter().any(|server| server.security == Security::Tls) {
        return None;
    }
    let places: Vec<String> = servers.iter().map(|server| server.authority()).collect();
    let text = format!(
        "the settings of {} name no port of {} with TLS from the first byte",
        lookup.query.domain,
        protocol.name()
    );
    Some(
        Finding::new("tls.only-starttls", Severity::Warn, text)
            .evidence(places.join(", "))
            .hint("offer the port for implicit TLS too (993, 995 or 465), and publish it"),
    )
}

/// Nothing is said when DNS was not asked, or did not answer.
fn srv(lookup: &Lookup) -> Option<Finding> {
    let asked = lookup.sources.iter().find(|asked| asked.source == Source::Srv)?;
    let domain = &lookup.query.domain;
    match &asked.outcome {
        Attempt::Done(_) => {
            let text = format!("{domain} publishes its mail servers in SRV records");
            Some(Finding::new("lookup.srv-published", Severity::Info, text))
        }
        Attempt::Absent(reason) => {
            let text = format!("{domain} does not publish its mail servers in SRV records");
            Some(Finding::new("lookup.srv-not-published", Severity::Info, text).evidence(reason))
        }
        Attempt::Failed(_) | Attempt::Skipped(_) => None,
    }
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "tls.only-starttls",
        severities: &[Severity::Warn],
        what: "the settings of the domain name STARTTLS ports of a protocol and none with TLS from the first byte",
        why: "STARTTLS begins in clear text, where somebody on the way can take the offer out; implicit TLS leaves nothing to take out",
        remedy: "offer the port for implicit TLS too: 993 for IMAP, 995 for POP3, 465 for submission, and publish it",
        rfc: &["RFC 8314, section 3"],
    },
    Explained {
        id: "lookup.srv-published",
        severities: &[Severity::Info],
        what: "the domain names its mail servers in SRV records",
        why: "clients find the servers by DNS alone",
        remedy: "nothing; see that the records name the ports with TLS from the first byte",
        rfc: &["RFC 6186", "RFC 8314, section 5.1"],
    },
    Explained {
        id: "lookup.srv-not-published",
        severities: &[Severity::Info],
        what: "the domain has no SRV records of mail services",
        why: "clients that know no other way must guess, or ask the person at the keyboard",
        remedy: "publish _imaps._tcp, _submissions._tcp and, where it is offered, _pop3s._tcp; target . says that there is no such service",
        rfc: &["RFC 6186", "RFC 8314, section 5.1"],
    },
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::ids;
    use super::*;
    use crate::attempt::{Cause, Failure, Stage};
    use crate::lookup::source::Answer;
    use crate::lookup::{Asked, Query};
    use crate::settings::{Access, Overrides, Service, Settings, Trust};
    use crate::target::{Domain, Target};

    fn lookup(servers: &[&str]) -> Lookup {
        let service = |server: &&str| {
            let Ok(Target::Host { scheme, host, port }) = Target::parse(server) else { panic!("{server}") };
            Service {
                access: Access::Server(Endpoint::complete(scheme, host, port, Overrides::default()).unwrap()),
                username: None,
                auth: Vec::new(),
                source: Source::Srv,
                trust: Trust::Dns,
                other_domain: false,
                recommended: false,
            }
        };
        let domain = Domain::parse("example.org").unwrap();
        Lookup {
            query: Query { typed: "example.org".to_owned(), address: None, domain },
            settings: Some(Settings { provider: None, services: servers.iter().map(service).collect() }),
            decided_by: None,
            completed_from: Vec::new(),
            sources: Vec::new(),
            disagreements: Vec::new(),
        }
    }

    #[test]
    fn a_protocol_without_implicit_tls_is_a_warning() {
        for (servers, expected) in [
            (&["m.example.org:993", "m.example.org:465"][..], &[][..]),
            (&["m.example.org:993", "m.example.org:143", "m.example.org:465", "m.example.org:587"], &[]),
            (&["m.example.org:993", "m.example.org:587"], &["tls.only-starttls warn"]),
            (
                &["m.example.org:143", "m.example.org:587"],
                &["tls.only-starttls warn", "tls.only-starttls warn"],
            ),
            (&["m.example.org:993", "m.example.org:25"], &[]),
            (&[], &[]),
        ] {
            assert_eq!(ids(&judge(&lookup(servers))), expected, "{servers:?}");
        }
    }

    #[test]
    fn srv_records_are_spoken_of_when_they_were_asked_for() {
        let answer = Answer::without_document(Settings { provider: None, services: Vec::new() });
        let failure = Failure::temporary(Stage::Dns, Cause::Resolver, "SERVFAIL");
        for (outcome, expected) in [
            (Attempt::Done(answer), vec!["lookup.srv-published info"]),
            (Attempt::Absent("no".to_owned()), vec!["lookup.srv-not-published info"]),
            (Attempt::Failed(failure), vec![]),
            (Attempt::Skipped("a table answered".to_owned()), vec![]),
        ] {
            let mut lookup = lookup(&[]);
            let elapsed = Duration::ZERO;
            lookup.sources = vec![Asked { source: Source::Srv, elapsed, outcome, remarks: Vec::new() }];
            assert_eq!(ids(&judge(&lookup)), expected);
        }
    }
}
