//! What a certificate says, and *all* its problems, not the first one only.

mod describe;

pub use describe::{DISTINGUISHED_NAME_BYTES, NAME_BYTES, NAMES_BYTES};
use describe::{algorithm, describe, distinguished_name, key_bits};
use rustls::CertificateError;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::net::Network;
use crate::target::Host;
use crate::wire::line::{cut, excerpt};

/// The certificates a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The server's own certificate; `None` when it cannot be parsed.
    pub certificate: Option<Certificate>,
    /// How many certificates were sent.
    pub length: usize,
    /// Everything that is wrong, each once.
    pub problems: Vec<Problem>,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject, as RFC 4514 writes it.
    pub subject: String,
    /// The issuer, as RFC 4514 writes it.
    pub issuer: String,
    /// The DNS names and IP addresses of the subject alternative name, in order, up to [`NAMES_BYTES`].
    pub names: Vec<String>,
    /// How many more there are.
    pub more_names: usize,
    /// Valid from.
    pub not_before: OffsetDateTime,
    /// Valid to, that second included.
    pub not_after: OffsetDateTime,
    /// The kind and size of the key: `ECDSA P-256`, `RSA 2048`.
    pub key: String,
    /// The signature algorithm as its standard names it: `ecdsa-with-SHA256`.
    pub signature: String,
    /// SHA-256 over the DER encoding, in lower-case hexadecimal.
    pub sha256: String,
    /// SHA-256 over the public key with its algorithm (SubjectPublicKeyInfo, RFC 7469, section 2.4), in lower-case
    /// hexadecimal; a renewal with the same key keeps it.
    pub key_sha256: String,
}

impl Certificate {
    /// Whole days until it expires, rounded down; negative after that.
    pub fn days_left(&self, now: OffsetDateTime) -> i64 {
        (self.not_after - now).whole_seconds().div_euclid(Duration::DAY.whole_seconds())
    }

    /// How long it is valid in all.
    pub fn lifetime(&self) -> Duration {
        self.not_after - self.not_before
    }

    /// Whether one of its names is this host; `*` stands for one whole label (RFC 9525, section 6.3). `None` when it
    /// may stand among those that were left out.
    pub fn is_for(&self, host: &Host) -> Option<bool> {
        let found = match host {
            Host::Ip(address) => self.names.contains(&address.to_string()),
            Host::Name(wanted) => {
                let parent = wanted.as_str().split_once('.').map(|(_, parent)| parent);
                self.names.iter().any(|name| match name.strip_prefix("*.") {
                    Some(rest) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(rest)),
                    None => name.eq_ignore_ascii_case(wanted.as_str()),
                })
            }
        };
        (found || self.more_names == 0).then_some(found)
    }

    /// The organisation and the common name of the issuer.
    pub fn issuer_names(&self) -> Vec<String> {
        describe::values(&self.issuer, &["O", "CN"])
    }

    /// The common name of the subject.
    pub fn common_name(&self) -> Option<String> {
        describe::values(&self.subject, &["CN"]).into_iter().next()
    }
}

/// One thing that is wrong with a certificate or its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// In which words: a fragment that completes "the server's certificate …".
    pub detail: String,
}

/// The problems of a certificate that a rule tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Its time, or that of a certificate above it, is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for another host (RFC 9525).
    WrongName,
    /// No trusted root stands above it.
    UnknownIssuer,
    /// It signed itself.
    SelfSigned,
    /// Its key is too short.
    WeakKey,
    /// It is signed with a broken hash.
    WeakSignature,
    /// The server left out the certificate of the issuer.
    MissingIntermediate,
    /// It is not for servers.
    WrongPurpose,
    /// Something else; the detail says what.
    Other,
}

impl ProblemKind {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongName => "wrong-name",
            Self::UnknownIssuer => "unknown-issuer",
            Self::SelfSigned => "self-signed",
            Self::WeakKey => "weak-key",
            Self::WeakSignature => "weak-signature",
            Self::MissingIntermediate => "missing-intermediate",
            Self::WrongPurpose => "wrong-purpose",
            Self::Other => "other",
        }
    }
}

/// Examines what a server sent: every check is made, whatever the others found. `None` when it sent nothing.
pub fn inspect(
    chain: &[CertificateDer<'_>],
    host: &Host,
    network: &Network,
    now: OffsetDateTime,
) -> Option<Chain> {
    let (leaf, others) = chain.split_first()?;
    let length = chain.len();
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else {
        let problem = Problem { kind: ProblemKind::Other, detail: "cannot be parsed".to_owned() };
        return Some(Chain { certificate: None, length, problems: vec![problem] });
    };
    let certificate = describe(&parsed, leaf);
    let mut problems = Problems::default();
    problems.add_dates(&certificate, now);
    problems.add_key(&parsed);
    problems.add_signatures(&parsed, others);
    let trusted_itself = network.options().extra_roots.iter().any(|root| root.as_ref() == leaf.as_ref());
    match ParsedCertificate::try_from(leaf) {
        Err(error) => problems.add(ProblemKind::Other, format!("is refused by TLS clients: {error}")),
        Ok(end_entity) => {
            if !trusted_itself {
                let within = now.max(certificate.not_before).min(certificate.not_after);
                problems.add_chain(&parsed, &end_entity, others, network, within);
            }
            problems.add_name(&certificate, &parsed, &end_entity, host);
        }
    }
    Some(Chain { certificate: Some(certificate), length, problems: problems.0 })
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, kind: ProblemKind, detail: String) {
        if !self.0.iter().any(|problem| problem.kind == kind) {
            self.0.push(Problem { kind, detail: cut(detail, DETAIL_BYTES) });
        }
    }

    fn add_dates(&mut self, certificate: &Certificate, now: OffsetDateTime) {
        if certificate.not_after < certificate.not_before {
            self.add(
                ProblemKind::Other,
                "ends before it begins: its dates are the wrong way round".to_owned(),
            );
        }
        if now > certificate.not_after {
            let days = ago(now - certificate.not_after);
            self.add(ProblemKind::Expired, format!("expired {days} ago ({})", certificate.not_after.date()));
        }
        if now < certificate.not_before {
            let days = ago(certificate.not_before - now);
            self.add(
                ProblemKind::NotYetValid,
                format!("is valid only in {days} ({})", certificate.not_before.date()),
            );
        }
    }

    fn add_key(&mut self, parsed: &X509Certificate<'_>) {
        let bits = key_bits(parsed.public_key());
        let too_short = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(_)) => bits < RSA_BITS,
            Ok(PublicKey::EC(_)) => bits < EC_BITS,
            _ => false,
        };
        if too_short {
            self.add(ProblemKind::WeakKey, format!("has a key of {bits} bits only"));
        }
    }

    /// Looks at every certificate that somebody else signed: a root's own signature proves nothing.
    fn add_signatures(&mut self, leaf: &X509Certificate<'_>, others: &[CertificateDer<'_>]) {
        let parsed: Vec<_> = others.iter().filter_map(|der| X509Certificate::from_der(der).ok()).collect();
        for certificate in std::iter::once(leaf).chain(parsed.iter().map(|(_, certificate)| certificate)) {
            let name = algorithm(&certificate.signature_algorithm.algorithm);
            if !is_self_issued(certificate)
                && WEAK_HASHES.iter().any(|hash| name.to_ascii_lowercase().contains(hash))
            {
                self.add(
                    ProblemKind::WeakSignature,
                    format!("is vouched for by a broken signature algorithm ({name})"),
                );
            }
        }
    }

    fn add_chain(
        &mut self,
        leaf: &X509Certificate<'_>,
        end_entity: &ParsedCertificate<'_>,
        others: &[CertificateDer<'_>],
        network: &Network,
        within: OffsetDateTime,
    ) {
        let seconds = u64::try_from(within.unix_timestamp()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let algorithms = provider::default_provider().signature_verification_algorithms.all;
        let verified =
            verify_server_cert_signed_by_trust_anchor(end_entity, network.roots(), others, time, algorithms);
        let Err(error) = verified else { return };
        if is_self_issued(leaf) {
            return self
                .add(ProblemKind::SelfSigned, "is signed by itself and by nobody you trust".to_owned());
        }
        let rustls::Error::InvalidCertificate(error) = error else {
            return self.add(ProblemKind::Other, format!("does not verify: {error}"));
        };
        match error {
            CertificateError::UnknownIssuer => self.add_missing_issuer(leaf, others),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                self.add(ProblemKind::WrongPurpose, "is not made for TLS servers".to_owned());
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                self.add(ProblemKind::Expired, "hangs on a certificate that has expired".to_owned());
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                self.add(ProblemKind::NotYetValid, "hangs on a certificate that is not valid yet".to_owned());
            }
            other => {
                // A broken hash is one of the algorithms that the verifier does not know; it is named already.
                if !self.0.iter().any(|problem| problem.kind == ProblemKind::WeakSignature) {
                    self.add(ProblemKind::Other, format!("does not verify: {other}"));
                }
            }
        }
    }

    fn add_missing_issuer(&mut self, leaf: &X509Certificate<'_>, others: &[CertificateDer<'_>]) {
        let issuer_sent = others.iter().any(|der| {
            X509Certificate::from_der(der)
                .is_ok_and(|(_, other)| other.subject().as_raw() == leaf.issuer().as_raw())
        });
        let issuer = excerpt(&distinguished_name(leaf.issuer()));
        if !issuer_sent && names_issuer_url(leaf) {
            let detail = format!("comes without the certificate of its issuer ({issuer})");
            return self.add(ProblemKind::MissingIntermediate, detail);
        }
        self.add(
            ProblemKind::UnknownIssuer,
            format!("is issued by an authority that is not trusted ({issuer})"),
        );
    }

    fn add_name(
        &mut self,
        certificate: &Certificate,
        parsed: &X509Certificate<'_>,
        end_entity: &ParsedCertificate<'_>,
        host: &Host,
    ) {
        let name = match host {
            Host::Ip(address) => ServerName::IpAddress((*address).into()),
            Host::Name(name) => match ServerName::try_from(name.as_str()) {
                Ok(name) => name,
                Err(_) => return,
            },
        };
        if verify_server_name(end_entity, &name).is_ok() {
            return;
        }
        let detail = match (certificate.names.as_slice(), parsed.subject().iter_common_name().next()) {
            ([], Some(common_name)) => {
                let common_name = excerpt(common_name.as_str().unwrap_or("?"));
                format!("names its host in the common name alone ({common_name}), which clients ignore")
            }
            ([], None) => format!("names no host, so not {host}"),
            (names, _) => format!("is not for {host} but for {}", list(names, certificate.more_names)),
        };
        self.add(ProblemKind::WrongName, detail);
    }
}

fn is_self_issued(parsed: &X509Certificate<'_>) -> bool {
    parsed.subject().as_raw() == parsed.issuer().as_raw()
}

/// True when the authority information access extension (RFC 5280, section 4.2.2.1) says where the issuer is found.
fn names_issuer_url(parsed: &X509Certificate<'_>) -> bool {
    parsed.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => access
            .accessdescs
            .iter()
            .any(|description| description.access_method.to_id_string() == CA_ISSUERS),
        _ => false,
    })
}

fn ago(duration: Duration) -> String {
    match duration.whole_days() {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn list(names: &[String], more: usize) -> String {
    let shown = excerpt(&names.iter().take(SHOWN_NAMES).map(String::as_str).collect::<Vec<_>>().join(", "));
    match names.len().saturating_sub(SHOWN_NAMES) + more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// RFC 9325, section 4.5: 2048 bits.
const RSA_BITS: usize = 2048;

/// 256 bits: the least that the baseline requirements of the CA/Browser Forum allow; RFC 9325 is silent on it.
const EC_BITS: usize = 256;

const WEAK_HASHES: &[&str] = &["md5", "sha1"];

/// id-ad-caIssuers, RFC 5280.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// 1 KiB: two names and the words around them.
const DETAIL_BYTES: usize = 1024;

/// How many names of a certificate fit into a sentence.
const SHOWN_NAMES: usize = 4;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A certificate that says little.
    pub(crate) fn certificate() -> Certificate {
        Certificate {
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            more_names: 0,
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH + Duration::days(10),
            key: String::new(),
            signature: String::new(),
            sha256: String::new(),
            key_sha256: String::new(),
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let names = ["mail.example.org", "*.Example.net", "192.0.2.1"].map(str::to_owned).to_vec();
        let certificate = Certificate { names, ..certificate() };
        for (host, is_for) in [
            ("mail.example.org", true),
            ("other.example.org", false),
            ("a.example.net", true),
            ("a.b.example.net", false),
            ("example.net", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
        ] {
            assert_eq!(certificate.is_for(&Host::parse(host).unwrap()), Some(is_for), "{host}");
        }
        let cut = Certificate { more_names: 1, ..certificate };
        assert_eq!(cut.is_for(&Host::parse("mail.example.org").unwrap()), Some(true));
        assert_eq!(cut.is_for(&Host::parse("other.example.org").unwrap()), None);
    }

    #[test]
    fn the_names_of_an_issuer_are_read_out_of_the_whole() {
        let issuer = "CN=R11,OU=O\\=x,O=Let's Encrypt\\, Inc.,C=US".to_owned();
        let certificate = Certificate { issuer, ..certificate() };
        assert_eq!(certificate.issuer_names(), ["R11", "Let's Encrypt, Inc."]);
        assert_eq!(certificate.common_name(), None);
    }

    #[test]
    fn days_left_are_rounded_down() {
        let not_after = OffsetDateTime::UNIX_EPOCH + Duration::days(10);
        let certificate = certificate();
        for (before, days) in [(Duration::days(2), 2), (Duration::hours(47), 1), (Duration::hours(-1), -1)] {
            assert_eq!(certificate.days_left(not_after - before), days);
        }
    }
}
