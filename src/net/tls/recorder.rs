//! The verifier that records in place of judging.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::identity::Introduction;

/// Takes any certificate down; lets only signatures stand that the certificate's key made. With an introduction, lets
/// only those go on who may see it.
#[derive(Debug)]
pub(super) struct Recorder {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    introduction: Option<Introduction>,
    kept_back: AtomicBool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Recorder {
    pub(super) fn new(introduction: Option<Introduction>) -> Self {
        Self {
            chain: Mutex::default(),
            introduction,
            kept_back: AtomicBool::new(false),
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        }
    }

    /// The certificates the server sent, its own first.
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Recorder {
    /// True when the handshake was ended so that the server would not see who asks.
    pub(super) fn kept_back(&self) -> bool {
        self.kept_back.load(Ordering::Relaxed)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned());
        let all: Vec<_> = all.collect();
        let admitted = self.introduction.as_ref().is_none_or(|introduction| introduction.admits(&all));
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = all;
        if !admitted {
            self.kept_back.store(true, Ordering::Relaxed);
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
