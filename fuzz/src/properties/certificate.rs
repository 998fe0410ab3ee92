//! Certificates of a server: what they say of themselves is bounded by their size, and can be judged and shown.

use std::sync::OnceLock;

use mailcfg::net::{Network, Options};
use mailcfg::probe::certificate::{
    self, Certificate, Chain, DISTINGUISHED_NAME_BYTES, NAME_BYTES, NAMES_BYTES, Problem,
};
use mailcfg::target::Host;
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use super::rendered::render_chain;

/// Certificates of a server: the bytes are one, and cut in two halves they are a chain.
pub fn certificate(bytes: &[u8]) {
    let (leaf, issuer) = bytes.split_at(bytes.len() / 2);
    let whole = vec![CertificateDer::from(bytes)];
    let halves = vec![CertificateDer::from(leaf), CertificateDer::from(issuer)];
    for chain in [whole, halves] {
        let hosts = ["mail.example.org", "192.0.2.1"].map(|host| Host::parse(host).expect("a host"));
        for (host, now) in hosts.into_iter().zip(times()) {
            let seen = certificate::inspect(&chain, &host, network(), now);
            check(&seen.expect("a chain that was sent has facts"), bytes.len(), &host);
        }
    }
}

/// The beginning of time, and a day on which real certificates are valid.
fn times() -> [OffsetDateTime; 2] {
    [OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH + Duration::days(20_600)]
}

fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::new(Options::default()))
}

fn check(seen: &Chain, size: usize, host: &Host) {
    assert!(!seen.problems.is_empty(), "what nobody signed has a problem");
    check_problems(&seen.problems, size);
    if let Some(certificate) = &seen.certificate {
        check_certificate(certificate, size);
        let _ = certificate.is_for(host);
    }
    render_chain(seen.clone());
}

fn check_problems(problems: &[Problem], size: usize) {
    let mut kinds: Vec<&str> = problems.iter().map(|problem| problem.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), problems.len(), "a problem is told once: {problems:?}");
    for Problem { detail, .. } in problems {
        assert!(detail.len() <= DETAIL + MARK, "{} bytes of {size}: {detail}", detail.len());
    }
}

fn check_certificate(certificate: &Certificate, size: usize) {
    for name in [&certificate.subject, &certificate.issuer] {
        assert!(name.len() <= DISTINGUISHED_NAME_BYTES + MARK, "{} bytes of {size}", name.len());
    }
    let all = certificate.names.len() + certificate.more_names;
    assert!(all <= size / NAME, "{all} names in {size} bytes");
    let names: usize = certificate.names.iter().map(String::len).sum();
    assert!(names <= NAMES_BYTES, "{names} bytes of {size}");
    for text in certificate.names.iter().chain([&certificate.key, &certificate.signature]) {
        assert!(text.len() <= NAME_BYTES + MARK, "{} bytes of {size}: {text}", text.len());
    }
    for digest in [&certificate.sha256, &certificate.key_sha256] {
        assert!(digest.len() == DIGEST && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    }
    assert!(certificate.common_name().into_iter().chain(certificate.issuer_names()).count() <= size);
    let _ = (times().map(|now| certificate.days_left(now)), certificate.lifetime());
}

/// What marks a text as cut.
const MARK: usize = '…'.len_utf8();

/// A problem has some names in it, those of the verifier included.
const DETAIL: usize = 1024;

/// A name takes at least its kind and its length.
const NAME: usize = 2;

/// SHA-256 in hexadecimal.
const DIGEST: usize = 64;
