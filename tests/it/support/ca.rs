//! Certificate authorities, the certificates they issue, and TLS servers that use them. Every date is set on purpose.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};
use time::{Duration, OffsetDateTime};

use super::mail::HOST;

/// The authority that the tests name with `--ca-file`.
pub fn trusted() -> &'static Authority {
    static TRUSTED: OnceLock<Authority> = OnceLock::new();
    TRUSTED.get_or_init(|| Authority::new("mailcfg tests"))
}

/// A certificate of the trusted authority for [`HOST`], with 80 of 90 days left.
pub fn good() -> Identity {
    static GOOD: OnceLock<Identity> = OnceLock::new();
    GOOD.get_or_init(|| trusted().issue(&Leaf::default())).clone()
}

/// What a certificate says; by default what a good one does.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The DNS names and IP addresses of the subject alternative name.
    pub names: Vec<&'static str>,
    /// The common name.
    pub common_name: &'static str,
    /// Valid so many days from now; negative for a day in the past.
    pub begins: i64,
    /// Valid until so many days from now.
    pub ends: i64,
    /// What it is for.
    pub usage: ExtendedKeyUsagePurpose,
    /// Where its issuer's certificate is found.
    pub issuer_url: Option<&'static str>,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            names: vec![HOST],
            common_name: "a test",
            begins: -10,
            ends: 80,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            issuer_url: None,
        }
    }
}

impl Leaf {
    fn params(&self) -> CertificateParams {
        let names: Vec<String> = self.names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("the names are well-formed");
        params.distinguished_name.push(DnType::CommonName, self.common_name);
        params.not_before = days_from_now(self.begins);
        // So that whole days are left while the test runs.
        params.not_after = days_from_now(self.ends) + Duration::HOUR;
        params.extended_key_usages = vec![self.usage.clone()];
        params.custom_extensions.extend(self.issuer_url.map(authority_information_access));
        params
    }
}

/// An authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    above: Vec<CertificateDer<'static>>,
    file: PathBuf,
}

impl Authority {
    /// A root.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(authority_params(name), key).expect("a root can be made");
        let file =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{} {}.pem", name, std::process::id()));
        std::fs::write(&file, issuer.pem()).expect("the folder for tests can be written");
        Self { issuer, above: Vec::new(), file }
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::signed_by(authority_params(name), key, &self.issuer);
        let issuer = issuer.expect("an intermediate can be made");
        let above = [vec![issuer.der().clone()], self.above.clone()].concat();
        Self { issuer, above, file: PathBuf::new() }
    }

    /// Its certificate as a PEM file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate with its key, and the intermediates above it.
    pub fn issue(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = leaf.params().signed_by(&key, &self.issuer).expect("a certificate can be made");
        let chain = [vec![certificate.der().clone()], self.above.clone()].concat();
        Identity { chain, key: key.serialize_der() }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root is a root");
        Arc::new(roots)
    }
}

/// A certificate that is its own authority.
pub fn self_signed(leaf: &Leaf) -> Identity {
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = leaf.params().self_signed(&key).expect("a certificate can be made");
    Identity { chain: vec![certificate.der().clone()], key: key.serialize_der() }
}

/// A chain and its key from two PEM files of `tests/it/fixtures`.
pub fn fixture(chain: &str, key: &str) -> Identity {
    let chain: Result<_, _> =
        CertificateDer::pem_file_iter(fixture_file(chain)).expect("the fixture is there").collect();
    let key = PrivateKeyDer::from_pem_file(fixture_file(key)).expect("the fixture is a key");
    Identity { chain: chain.expect("the fixture holds certificates"), key: key.secret_der().to_vec() }
}

/// The path of a fixture.
pub fn fixture_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(name)
}

/// A certificate with its chain and key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificates, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Identity {
    /// The same without the intermediates.
    pub fn alone(mut self) -> Self {
        self.chain.truncate(1);
        self
    }

    /// A server with it that speaks TLS 1.2 and 1.3, post-quantum first.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config_with(aws_lc_rs::default_provider(), rustls::ALL_VERSIONS)
    }

    /// A server that speaks TLS 1.2 alone.
    pub fn tls12(&self) -> Arc<ServerConfig> {
        self.config_with(aws_lc_rs::default_provider(), &[&rustls::version::TLS12])
    }

    /// The same, which cuts what it says into the smallest records.
    pub fn small_records(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.config());
        config.max_fragment_size = Some(SMALLEST_RECORD);
        Arc::new(config)
    }

    /// A server that agrees on one key exchange group alone.
    pub fn group(&self, group: NamedGroup) -> Arc<ServerConfig> {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups.retain(|known| known.name() == group);
        self.config_with(provider, rustls::ALL_VERSIONS)
    }

    /// A server that asks for a client certificate, and does not go on without one when it is required.
    pub fn client_certificate(&self, required: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(trusted().roots(), Arc::clone(&provider));
        let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has suites for both versions");
        let builder = builder.with_client_cert_verifier(verifier.build().expect("a verifier can be made"));
        Arc::new(builder.with_single_cert(self.chain.clone(), self.private_key()).expect("the key fits"))
    }

    /// The key and the certificates as PEM, one behind the other.
    pub fn pem(&self) -> String {
        let one = |label: &str, der: &[u8]| {
            let text = data_encoding::BASE64_MIME.encode(der).replace("\r\n", "\n");
            format!("-----BEGIN {label}-----\n{text}-----END {label}-----\n")
        };
        let certificates: String = self.chain.iter().map(|der| one("CERTIFICATE", der)).collect();
        one("PRIVATE KEY", &self.key) + &certificates
    }

    /// The certificates with their key, for a server that chooses by name.
    pub fn certified(&self) -> Arc<CertifiedKey> {
        let provider = aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(self.chain.clone(), self.private_key(), &provider);
        Arc::new(key.expect("the key fits"))
    }

    fn config_with(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let builder =
            ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions);
        let builder = builder.expect("the provider has suites for the versions").with_no_client_auth();
        Arc::new(builder.with_single_cert(self.chain.clone(), self.private_key()).expect("the key fits"))
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).expect("the key is DER")
    }
}

/// rustls makes none smaller.
const SMALLEST_RECORD: usize = 32;

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (days_from_now(-1_000), days_from_now(1_000));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn days_from_now(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(days)
}

/// The authority information access extension (RFC 5280, section 4.2.2.1) with one caIssuers URL.
fn authority_information_access(url: &str) -> CustomExtension {
    let method = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2].to_vec();
    let location = der(0x86, url.as_bytes());
    let description = der(0x30, &[method, location].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der(0x30, &description))
}

/// A tag, a length below 128, and a value.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).ok().filter(|length| *length < 128);
    [&[tag, length.expect("a short value")], value].concat()
}
