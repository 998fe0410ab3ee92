//! Which names stand in a certificate beside the host: the mail domain's, or none but an old common name.

use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::target::Host;
use crate::wire::line::excerpt;

/// Judges the names of the certificate; whether the host itself is among them is judged with its other problems.
pub fn judge(facts: &Facts, context: &Context) -> Vec<Finding> {
    let Some(certificate) = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref()) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Some(name) = certificate.common_name().filter(|_| certificate.names.is_empty()) {
        let text = "the certificate has a common name and no subject alternative name";
        findings.push(
            Finding::new("certificate.common-name-only", Severity::Warn, text)
                .evidence(format!("CN={}", excerpt(&name)))
                .hint("have a certificate issued with the host as subject alternative name"),
        );
    }
    let is_for = context.mail_domain.and_then(|it| Some((it, certificate.is_for(&Host::Name(it.clone()))?)));
    if let Some((domain, is_for)) = is_for {
        let also = match is_for {
            true => format!("the certificate is for the mail domain {domain} too"),
            false => format!("the certificate is not for the mail domain {domain}, which it need not be"),
        };
        findings.push(Finding::new("certificate.mail-domain", Severity::Info, also));
    }
    findings
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "certificate.common-name-only",
        severities: &[Severity::Warn],
        what: "the certificate names its host in the common name alone and has no subject alternative name",
        why: "clients have ignored common names for years, so they find no name in it at all",
        remedy: "have a certificate issued with the host as subject alternative name; every public authority does so",
        rfc: &["RFC 9525, section 2"],
    },
    Explained {
        id: "certificate.mail-domain",
        severities: &[Severity::Info],
        what: "whether the certificate is also for the domain of the mail addresses, beside the host",
        why: "clients that found the host without DNSSEC may look for the mail domain in the certificate",
        remedy: "nothing; a provider of many domains cannot have them all in one certificate",
        rfc: &["RFC 7817, section 3", "RFC 6186, section 6"],
    },
];

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::probe::certificate::{Certificate, Chain};
    use crate::target::Domain;

    fn with(subject: &str, names: &[&str]) -> Facts {
        let mut facts = facts("mail.example.org:993");
        let certificate = Certificate {
            subject: subject.to_owned(),
            issuer: "CN=test".to_owned(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            more_names: 0,
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH,
            key: "ECDSA P-256".to_owned(),
            signature: "ecdsa-with-SHA256".to_owned(),
            sha256: "00".to_owned(),
            key_sha256: "00".to_owned(),
        };
        facts.chain = Some(Chain { certificate: Some(certificate), length: 1, problems: Vec::new() });
        facts
    }

    #[test]
    fn a_common_name_is_no_name() {
        for (subject, names, expected) in [
            ("CN=mail.example.org", &[][..], &["certificate.common-name-only warn"][..]),
            ("CN=mail.example.org", &["mail.example.org"], &[]),
            ("O=nobody", &[], &[]),
        ] {
            assert_eq!(ids(&judge(&with(subject, names), &context())), expected, "{subject} {names:?}");
        }
    }

    #[test]
    fn the_mail_domain_is_looked_for_when_there_is_one() {
        let domain = Domain::parse("example.org").unwrap();
        let context = Context { mail_domain: Some(&domain), ..context() };
        for (names, words) in [
            (&["mail.example.org", "example.org"][..], "is for the mail domain"),
            (&["mail.example.org", "*.example.org"], "is not for the mail domain"),
        ] {
            let findings = judge(&with("CN=x", names), &context);
            assert_eq!(ids(&findings), ["certificate.mail-domain info"]);
            assert!(findings[0].text.contains(words), "{names:?}");
        }
    }
}
