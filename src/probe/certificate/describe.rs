//! The words for what a certificate says: names as RFC 4514 writes them, algorithms, keys.

use std::net::IpAddr;

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::asn1_rs::{Oid, ToDer};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use super::Certificate;
use crate::wire::line::cut;

pub(super) fn describe(parsed: &X509Certificate<'_>, der: &[u8]) -> Certificate {
    let sha256 = |bytes: &[u8]| hex(digest::digest(&digest::SHA256, bytes).as_ref());
    let (names, more_names) = bounded(names(parsed));
    Certificate {
        subject: distinguished_name(parsed.subject()),
        issuer: distinguished_name(parsed.issuer()),
        names,
        more_names,
        not_before: parsed.validity().not_before.to_datetime(),
        not_after: parsed.validity().not_after.to_datetime(),
        key: key_name(parsed.public_key()),
        signature: algorithm(&parsed.signature_algorithm.algorithm),
        sha256: sha256(der),
        key_sha256: sha256(parsed.public_key().raw),
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = parsed.subject_alternative_name() else { return Vec::new() };
    alternative
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => ip_address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect()
}

/// The first names, and how many are left out.
fn bounded(all: Vec<String>) -> (Vec<String>, usize) {
    let count = all.len();
    let mut room = NAMES_BYTES;
    let mut kept = Vec::new();
    for name in all.into_iter().map(|name| cut(name, NAME_BYTES)) {
        let Some(left) = room.checked_sub(name.len()) else { break };
        room = left;
        kept.push(name);
    }
    let left_out = count - kept.len();
    (kept, left_out)
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

pub(super) fn key_bits(key: &SubjectPublicKeyInfo<'_>) -> usize {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => rsa.key_size(),
        Ok(PublicKey::EC(point)) => point.key_size(),
        _ => 0,
    }
}

fn key_name(key: &SubjectPublicKeyInfo<'_>) -> String {
    let bits = key_bits(key);
    match key.parsed() {
        Ok(PublicKey::RSA(_)) => format!("RSA {bits}"),
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => "ECDSA P-256".to_owned(),
                Some("1.3.132.0.34") => "ECDSA P-384".to_owned(),
                Some("1.3.132.0.35") => "ECDSA P-521".to_owned(),
                _ => format!("ECDSA {bits}"),
            }
        }
        _ => algorithm(&key.algorithm.algorithm),
    }
}

/// The names that RFC 5912, RFC 8410 and RFC 9881 give algorithms; the number of any other.
pub(super) fn algorithm(oid: &Oid<'_>) -> String {
    let number = cut(oid.to_id_string(), NAME_BYTES);
    let name = match number.as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        _ => return number,
    };
    name.to_owned()
}

/// Writes a name as RFC 4514 has it: the last relative name first, special characters escaped.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut relative: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    relative.reverse();
    cut(relative.join(","), DISTINGUISHED_NAME_BYTES)
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let number = attribute.attr_type().to_id_string();
    let short = match number.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => "",
    };
    match attribute.as_str() {
        Ok(value) if !short.is_empty() => format!("{short}={}", escaped(value)),
        _ => {
            let label = if short.is_empty() { &number } else { short };
            format!("{label}=#{}", hex(&attribute.attr_value().to_der_vec().unwrap_or_default()))
        }
    }
}

/// The values of some attributes in a name that [`distinguished_name`] wrote.
pub(super) fn values(name: &str, attributes: &[&str]) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match (character, found.last_mut()) {
            (',' | '+', _) => found.push(String::new()),
            ('\\', Some(value)) => value.extend(characters.next()),
            (other, Some(value)) => value.push(other),
            (_, None) => {}
        }
    }
    let pairs = found.iter().filter_map(|pair| pair.split_once('='));
    pairs.filter(|(label, _)| attributes.contains(label)).map(|(_, value)| value.to_owned()).collect()
}

/// RFC 4514, section 2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        let special = matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let at_edge = (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if special || at_edge {
            text.push('\\');
        }
        match character {
            '\0' => text.push_str("\\00"),
            other => text.push(other),
        }
    }
    text
}

/// 16 KiB: the names of some 600 hosts, where the authorities that everybody trusts sign 100 to 250.
pub const NAMES_BYTES: usize = 16 * 1024;

/// A domain name has no more (RFC 1035, section 2.3.4).
pub const NAME_BYTES: usize = 253;

/// Real names of people, firms and places have some 200 bytes; RFC 5280, appendix A, allows most parts 64 characters.
pub const DISTINGUISHED_NAME_BYTES: usize = 512;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_flooded_every_output() {
        let (kept, left_out) =
            bounded((0..10_000).map(|number| format!("host-{number}.example.org")).collect());
        assert!(kept.len() > 600 && kept.len() + left_out == 10_000, "{}", kept.len());
        assert!(kept.iter().map(String::len).sum::<usize>() <= NAMES_BYTES);
        let (kept, left_out) = bounded(vec!["x".repeat(20_000), "mail.example.org".to_owned()]);
        assert_eq!((kept.concat().len(), left_out), (NAME_BYTES + "…mail.example.org".len(), 0));
    }

    #[test]
    fn names_are_escaped_as_rfc_4514_has_it() {
        for (value, text) in [
            ("a,b", "a\\,b"),
            (" x ", "\\ x\\ "),
            ("#1", "\\#1"),
            ("a#1", "a#1"),
            ("\"+;<>\\", "\\\"\\+\\;\\<\\>\\\\"),
        ] {
            assert_eq!(escaped(value), text);
        }
    }
}
