//! The certificate by which this client names itself in a handshake, when a server asks for one.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// A client certificate and its key; the key never leaves this program.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads a chain of certificates, the client's own first, and its key.
    ///
    /// # Errors
    /// [`UnusableIdentity`] when a file cannot be read or is no PEM, or when the key is not that of the certificate.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, UnusableIdentity> {
        let place = || certificates.display().to_string();
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|_| UnusableIdentity::Certificate(place()))?;
        if chain.is_empty() {
            return Err(UnusableIdentity::Certificate(place()));
        }
        let read = PrivateKeyDer::from_pem_file(key);
        let read = read.map_err(|_| UnusableIdentity::Key(key.display().to_string()))?;
        let certified = CertifiedKey::from_der(chain, read, &aws_lc_rs::default_provider());
        match certified {
            Ok(certified) => Ok(Self(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(UnusableIdentity::Pair(place())),
            Err(error) => Err(UnusableIdentity::Unfit(place(), error)),
        }
    }

    fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}

/// An identity, and the servers it may be shown to: any other ends the handshake, for it must not learn who asks.
#[derive(Clone)]
pub struct Introduction {
    identity: Identity,
    admits: Arc<Admission>,
}

/// Says whether a server with these certificates, its own first, may see an identity.
type Admission = dyn Fn(&[CertificateDer<'static>]) -> bool + Send + Sync;

impl Introduction {
    /// An introduction to servers whose certificates are admitted, their own first.
    pub fn new(
        identity: &Identity,
        admits: impl Fn(&[CertificateDer<'static>]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { identity: identity.clone(), admits: Arc::new(admits) }
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        self.identity.resolver()
    }

    pub(super) fn admits(&self, chain: &[CertificateDer<'static>]) -> bool {
        (self.admits)(chain)
    }
}

impl fmt::Debug for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Introduction")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Why a client certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableIdentity {
    /// The certificate is not there.
    #[error("no certificate can be read from {0}")]
    Certificate(String),
    /// The key is not there.
    #[error("no private key can be read from {0}")]
    Key(String),
    /// TLS cannot use it, as one of X.509 version 1.
    #[error("the certificate in {0} cannot be used: {1}")]
    Unfit(String, rustls::Error),
    /// They do not belong together.
    #[error("the private key is not that of the certificate in {0}")]
    Pair(String),
}
