//! The problems of a certificate, each on its own, and one that expires soon.

use time::Duration;

use super::opportunistic;
use crate::probe::certificate::{Certificate, Problem, ProblemKind};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::wire::line::excerpt;

/// Judges the certificate, also that of a handshake which failed after it came.
pub fn judge(facts: &Facts, context: &Context) -> Vec<Finding> {
    let Some(chain) = &facts.chain else { return Vec::new() };
    let mut findings: Vec<Finding> =
        chain.problems.iter().map(|problem| problem_found(facts, problem)).collect();
    if let Some(certificate) = &chain.certificate {
        let evidence = format!(
            "subject {}, issuer {}, valid {} to {}, SHA-256 {}",
            excerpt(&certificate.subject),
            excerpt(&certificate.issuer),
            certificate.not_before.date(),
            certificate.not_after.date(),
            certificate.sha256
        );
        findings = findings.into_iter().map(|finding| finding.evidence(evidence.as_str())).collect();
        findings.extend(expires_soon(facts, certificate, context).map(|finding| finding.evidence(evidence)));
    }
    findings
}

fn problem_found(facts: &Facts, problem: &Problem) -> Finding {
    let host = &facts.endpoint.host;
    let (id, hint) = match problem.kind {
        ProblemKind::Expired => {
            ("certificate.expired", format!("renew the certificate on {host} and reload the mail server"))
        }
        ProblemKind::NotYetValid => {
            ("certificate.not-yet-valid", "check the clocks of this machine and of the server's authority".to_owned())
        }
        ProblemKind::WrongName => (
            "certificate.wrong-name",
            format!("have {host} added to the certificate, or use a host name that stands in it"),
        ),
        ProblemKind::UnknownIssuer => (
            "certificate.unknown-issuer",
            "if the authority is your own, name its certificate with --ca-file (the roots of the system are not used)"
                .to_owned(),
        ),
        ProblemKind::SelfSigned => (
            "certificate.self-signed",
            "get a certificate from a public authority; to trust this one here, name it with --ca-file".to_owned(),
        ),
        ProblemKind::WeakKey => {
            ("certificate.weak-key", "make a new key: ECDSA P-256, or RSA of 2048 bits or more".to_owned())
        }
        ProblemKind::WeakSignature => {
            ("certificate.weak-signature", "renew the certificate with a SHA-256 signature".to_owned())
        }
        ProblemKind::MissingIntermediate => (
            "certificate.missing-intermediate",
            format!("have the mail server on {host} send the whole chain (often called fullchain.pem)"),
        ),
        ProblemKind::WrongPurpose => {
            ("certificate.wrong-purpose", "get a certificate with the extended key usage serverAuth".to_owned())
        }
        ProblemKind::Other => ("certificate.other", "look at the certificate with -v".to_owned()),
    };
    Finding::new(id, opportunistic(facts), format!("the server's certificate {}", problem.detail)).hint(hint)
}

/// Soon is less than 20 days *and* less than a quarter of the lifetime: six-day certificates are renewed late by design.
fn expires_soon(facts: &Facts, certificate: &Certificate, context: &Context) -> Option<Finding> {
    let left = certificate.not_after - context.now;
    let below = |days: Option<u32>| days.is_some_and(|days| left < Duration::days(i64::from(days)));
    let severity = match context.policy.min_days {
        _ if left.is_negative() => return None,
        Some(demanded) if below(demanded.fail) => Severity::Fail,
        Some(demanded) if below(demanded.warn) => Severity::Warn,
        None if left < Duration::days(SOON_DAYS) && left < certificate.lifetime() / 4 => Severity::Warn,
        _ => return None,
    };
    let when = match certificate.days_left(context.now) {
        0 => "in less than a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    };
    let text = format!("the server's certificate expires {when} ({})", certificate.not_after.date());
    let hint = format!("renew the certificate on {} and reload the mail server", facts.endpoint.host);
    Some(Finding::new("certificate.expires-soon", severity, text).hint(hint))
}

/// Those who renew by themselves do it thirty days before the end: with twenty left, something is wrong.
const SOON_DAYS: i64 = 20;

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "certificate.expired",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the time of the server's certificate, or of one above it, is over",
        why: "clients warn or refuse to connect, and who clicks a warning away may give the password to a stranger",
        remedy: "renew the certificate and reload the mail server; many renew the file and forget the reload",
        rfc: &["RFC 5280", "RFC 8314"],
    },
    Explained {
        id: "certificate.not-yet-valid",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the time of the server's certificate, or of one above it, has not come",
        why: "clients refuse to connect until then",
        remedy: "check the clock of this machine first, then that of the authority; put the certificate back that was in use before",
        rfc: &["RFC 5280", "RFC 8314"],
    },
    Explained {
        id: "certificate.wrong-name",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the certificate is for other hosts than the one that was connected to",
        why: "a certificate for another name proves nothing: anybody can have one",
        remedy: "have the host added to the subject alternative names of the certificate, or publish a host name that stands in it",
        rfc: &["RFC 9525", "RFC 7817"],
    },
    Explained {
        id: "certificate.unknown-issuer",
        severities: &[Severity::Warn, Severity::Fail],
        what: "no authority that is trusted stands above the certificate",
        why: "clients cannot tell the server from somebody in its place",
        remedy: "get a certificate from a public authority; name an authority of your own with --ca-file (the roots of the system are not used)",
        rfc: &["RFC 5280", "RFC 8314"],
    },
    Explained {
        id: "certificate.self-signed",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the certificate is signed by itself alone",
        why: "anybody can make one, so clients cannot tell the server from somebody in its place",
        remedy: "get a certificate from a public authority; to trust this one here, name it with --ca-file",
        rfc: &["RFC 5280", "RFC 8314"],
    },
    Explained {
        id: "certificate.weak-key",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the key of the certificate is too short: RSA below 2048 bits, or an elliptic curve below 256, which is the least that public authorities certify",
        why: "such a key can be broken with effort, and current clients refuse it",
        remedy: "make a new key, ECDSA P-256 or RSA of 2048 bits or more, and have a certificate issued for it",
        rfc: &["RFC 9325, section 4.5"],
    },
    Explained {
        id: "certificate.weak-signature",
        severities: &[Severity::Warn, Severity::Fail],
        what: "a certificate of the chain is signed with MD5 or SHA-1",
        why: "both are broken: a second certificate with the same signature can be made",
        remedy: "renew the certificate; every public authority signs with SHA-256 or better",
        rfc: &["RFC 9325, section 4.5", "RFC 9155"],
    },
    Explained {
        id: "certificate.missing-intermediate",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the server sends its own certificate without that of its issuer",
        why: "clients that do not know the issuer by chance cannot build the chain and refuse to connect",
        remedy: "have the mail server send the whole chain: the file is often called fullchain.pem",
        rfc: &["RFC 9846"],
    },
    Explained {
        id: "certificate.wrong-purpose",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the certificate is not made for TLS servers",
        why: "clients refuse it",
        remedy: "have a certificate issued with the extended key usage serverAuth",
        rfc: &["RFC 5280, section 4.2.1.12"],
    },
    Explained {
        id: "certificate.other",
        severities: &[Severity::Warn, Severity::Fail],
        what: "something else is wrong with the certificate; the sentence of the finding says what",
        why: "clients refuse what they cannot verify",
        remedy: "look at the certificate with -v, and have a new one issued",
        rfc: &["RFC 5280"],
    },
    Explained {
        id: "certificate.expires-soon",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the certificate is still valid and will not be for long: less than 20 days and less than a quarter of its lifetime are left, or less than --min-days asks for",
        why: "once it has expired, clients refuse to connect; authorities that renew by themselves have done so by then",
        remedy: "renew the certificate and reload the mail server; look why the renewal did not happen by itself",
        rfc: &["RFC 5280, section 4.1.2.5"],
    },
];

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::tests::{context, demanding, facts, ids};
    use super::*;
    use crate::probe::certificate::Chain;
    use crate::report::policy::Policy;

    fn chain(lifetime: Duration, left: Duration, problems: &[ProblemKind]) -> Chain {
        let not_after = OffsetDateTime::UNIX_EPOCH + left;
        let certificate = Certificate {
            subject: "CN=mail.example.org".to_owned(),
            issuer: "CN=test".to_owned(),
            names: vec!["mail.example.org".to_owned()],
            more_names: 0,
            not_before: not_after - lifetime,
            not_after,
            key: "ECDSA P-256".to_owned(),
            signature: "ecdsa-with-SHA256".to_owned(),
            sha256: "00".to_owned(),
            key_sha256: "00".to_owned(),
        };
        let problems = problems.iter().map(|&kind| Problem { kind, detail: "is bad".to_owned() }).collect();
        Chain { certificate: Some(certificate), length: 1, problems }
    }

    #[test]
    fn soon_depends_on_the_lifetime() {
        for (lifetime, left, warned) in [
            (90, 38, false),
            (90, 23, false),
            (90, 19, true),
            (365, 19, true),
            (365, 21, false),
            (6, 3, false),
            (6, 1, true),
            (90, -1, false),
        ] {
            let mut facts = facts("mail.example.org:993");
            facts.chain = Some(chain(Duration::days(lifetime), Duration::days(left), &[]));
            assert_eq!(!judge(&facts, &context()).is_empty(), warned, "{left} of {lifetime} days");
        }
    }

    #[test]
    fn demanded_days_replace_the_rule() {
        for (demanded, left, severity) in [
            ("30:7", 31, None),
            ("30:7", 29, Some("warn")),
            ("30:7", 7, Some("warn")),
            ("30:7", 6, Some("fail")),
            ("2:1", 3, None),
            (":7", 8, None),
            (":7", 6, Some("fail")),
            ("30:", 1, Some("warn")),
        ] {
            let policy = Policy { min_days: demanded.parse().ok(), ..Policy::default() };
            let mut facts = facts("mail.example.org:25");
            facts.chain = Some(chain(Duration::days(90), Duration::days(left), &[]));
            let expected: Vec<String> =
                severity.map(|severity| format!("certificate.expires-soon {severity}")).into_iter().collect();
            assert_eq!(ids(&judge(&facts, &demanding(&policy))), expected, "{demanded} {left}");
        }
    }

    #[test]
    fn every_problem_is_a_finding_and_on_the_relay_port_a_warning() {
        let problems = [ProblemKind::Expired, ProblemKind::WrongName];
        for (target, severity) in [("mail.example.org:587", "fail"), ("mail.example.org:25", "warn")] {
            let mut facts = facts(target);
            facts.chain = Some(chain(Duration::days(90), Duration::days(50), &problems));
            let expected =
                [format!("certificate.expired {severity}"), format!("certificate.wrong-name {severity}")];
            assert_eq!(ids(&judge(&facts, &context())), expected);
        }
    }
}
