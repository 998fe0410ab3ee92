//! A certificate for any names, under an authority of its own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server configuration, and the authority to trust.
pub struct TestHost {
    pub config: Arc<ServerConfig>,
    pub root: CertificateDer<'static>,
}

/// A configuration that sends no session tickets, with a certificate for the names.
pub fn issue(names: &[&str]) -> TestHost {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "mailcfg benches");
    let key = KeyPair::generate().expect("a key can be made");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority can be made");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let leaf = CertificateParams::new(names).expect("the names are well-formed");
    let key = KeyPair::generate().expect("a key can be made");
    let leaf = leaf.signed_by(&key, &authority).expect("a certificate can be made");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("the key is PEM");
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows both versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("the key fits");
    config.send_tls13_tickets = 0;
    TestHost { config: Arc::new(config), root: authority.der().clone() }
}
