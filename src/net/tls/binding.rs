//! What binds a sign-in to one TLS connection: tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929, section 4).

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, ProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The name and the bytes of a channel binding.
pub type Binding = (&'static str, Vec<u8>);

/// The binding of a finished handshake: the exporter's in TLS 1.3, that of the server's certificate in TLS 1.2.
pub(super) fn of(connection: &ClientConnection, chain: &[CertificateDer<'_>]) -> Option<Binding> {
    if connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        let exported = connection.export_keying_material([0; EXPORTED], LABEL, Some(b"")).ok()?;
        return Some(("tls-exporter", exported.to_vec()));
    }
    let leaf = chain.first()?;
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let algorithm = hash(&certificate.signature_algorithm.algorithm.to_id_string())?;
    Some(("tls-server-end-point", digest(algorithm, leaf).as_ref().to_vec()))
}

/// The hash function of a signature algorithm; SHA-256 in place of SHA-1, none where there is no single one.
fn hash(signature: &str) -> Option<&'static Algorithm> {
    match signature {
        "1.2.840.113549.1.1.5" | "1.2.840.113549.1.1.11" | "1.2.840.10045.4.1" | "1.2.840.10045.4.3.2" => {
            Some(&SHA256)
        }
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(&SHA384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(&SHA512),
        _ => None,
    }
}

const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// RFC 9266, section 2.
const EXPORTED: usize = 32;
