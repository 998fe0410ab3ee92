//! The problems of a certificate, each on its own, and one that expires soon.

use super::opportunistic;
use crate::probe::certificate::{Certificate, Problem, ProblemKind};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::finding::{Finding, Severity};

/// Judges the certificate, also that of a handshake which failed after it came.
pub fn judge(facts: &Facts, context: &Context) -> Vec<Finding> {
    let Some(chain) = &facts.chain else { return Vec::new() };
    let mut findings: Vec<Finding> =
        chain.problems.iter().map(|problem| problem_found(facts, problem)).collect();
    if let Some(certificate) = &chain.certificate {
        let evidence = format!(
            "subject {}, issuer {}, valid {} to {}, SHA-256 {}",
            certificate.subject,
            certificate.issuer,
            certificate.not_before.date(),
            certificate.not_after.date(),
            certificate.sha256
        );
        findings.iter_mut().for_each(|finding| finding.evidence = Some(evidence.clone()));
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
    let soon = left < time::Duration::days(SOON_DAYS) && left < certificate.lifetime() / 4;
    if left.is_negative() || !soon {
        return None;
    }
    let when = match certificate.days_left(context.now) {
        0 => "in less than a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    };
    let text = format!("the server's certificate expires {when} ({})", certificate.not_after.date());
    let hint = format!("renew the certificate on {} and reload the mail server", facts.endpoint.host);
    Some(Finding::new("certificate.expires-soon", Severity::Warn, text).hint(hint))
}

const SOON_DAYS: i64 = 20;

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::probe::certificate::Chain;

    fn chain(lifetime: Duration, left: Duration, problems: &[ProblemKind]) -> Chain {
        let not_after = OffsetDateTime::UNIX_EPOCH + left;
        let certificate = Certificate {
            subject: "CN=mail.example.org".to_owned(),
            issuer: "CN=test".to_owned(),
            names: vec!["mail.example.org".to_owned()],
            not_before: not_after - lifetime,
            not_after,
            key: "ECDSA P-256".to_owned(),
            signature: "ecdsa-with-SHA256".to_owned(),
            sha256: "00".to_owned(),
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
