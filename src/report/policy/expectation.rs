//! Which endpoints a domain should publish, and which keys their certificates may have. What there is instead is not
//! known here.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

use super::InvalidPolicy;
use crate::settings::Endpoint;

/// What is expected of one target: of a domain all that it publishes, of a server itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The endpoints; each stands here once.
    pub endpoints: Vec<Expected>,
}

impl Expectation {
    /// What is expected of an endpoint, when it is expected.
    pub fn of(&self, endpoint: &Endpoint) -> Option<&Expected> {
        self.endpoints.iter().find(|expected| expected.endpoint == *endpoint)
    }
}

/// One endpoint that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Where.
    pub endpoint: Endpoint,
    /// The keys its certificate may have; any when there are none.
    pub pins: Vec<Pin>,
}

/// A key that a certificate may have: SHA-256 over its SubjectPublicKeyInfo (RFC 7469, section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; DIGEST_OCTETS]);

impl Pin {
    /// The digest in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

/// Prints base64, as RFC 7469 has it.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

/// Reads base64, or hexadecimal digits with or without colons.
impl FromStr for Pin {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let digits = text.replace(':', "");
        let decoded = match digits.len() == DIGEST_OCTETS * 2 {
            true => HEXLOWER_PERMISSIVE.decode(digits.as_bytes()),
            false => BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()),
        };
        let digest = decoded.ok().and_then(|octets| octets.try_into().ok());
        digest.map(Self).ok_or_else(|| InvalidPolicy::Pin { text: text.to_owned() })
    }
}

const DIGEST_OCTETS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const BASE64: &str = "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
    const HEX: &str = "77aab346ef7338409bf7451ecf6ef15a5b4db23d1ed4c77b1a4618915a195a63";

    #[test]
    fn a_pin_is_read_as_base64_and_as_hexadecimal_digits() {
        let colons: Vec<&str> = (0..HEX.len()).step_by(2).filter_map(|at| HEX.get(at..at + 2)).collect();
        for text in [BASE64, BASE64.trim_end_matches('='), HEX, &HEX.to_uppercase(), &colons.join(":")] {
            let pin: Pin = text.parse().unwrap();
            assert_eq!((pin.to_string().as_str(), pin.hex().as_str()), (BASE64, HEX), "{text}");
        }
    }

    #[test]
    fn what_is_no_digest_is_no_pin() {
        let short = HEX.replacen("77", "", 1);
        for text in ["", "=", "abc", &short, "sha256//d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="] {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }
}
