//! The mechanisms that answer a challenge with MD5: CRAM-MD5 (RFC 2195) and APOP (RFC 1939, section 7).

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::{Client, Sensitive, Violation};
use crate::secret::Secret;

/// `user SP HMAC-MD5(password, challenge)`, in hexadecimal.
pub struct CramMd5 {
    username: String,
    password: Arc<Secret>,
    answered: bool,
}

impl CramMd5 {
    /// A client of this user.
    pub fn new(username: &str, password: Arc<Secret>) -> Self {
        Self { username: username.to_owned(), password, answered: false }
    }
}

impl Client for CramMd5 {
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Sensitive, Violation> {
        let challenge = challenge
            .filter(|challenge| !challenge.is_empty() && !self.answered)
            .ok_or_else(|| Violation::new("the server sent no challenge that CRAM-MD5 could answer"))?;
        self.answered = true;
        let mut mac = Hmac::<Md5>::new_from_slice(self.password.expose())
            .map_err(|_| Violation::new("HMAC-MD5 takes no such password"))?;
        mac.update(challenge);
        let digest = Zeroizing::new(HEXLOWER.encode(&mac.finalize().into_bytes()));
        Ok(Zeroizing::new(format!("{} {}", self.username, digest.as_str()).into_bytes()))
    }

    fn is_open(&self) -> bool {
        !self.answered
    }
}

/// The digest of APOP: MD5 of the stamp, brackets and all, followed by the password.
pub fn apop(stamp: &str, password: &Secret) -> Zeroizing<String> {
    let mut md5 = Md5::new();
    md5.update(stamp.as_bytes());
    md5.update(password.expose());
    Zeroizing::new(HEXLOWER.encode(&md5.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn cram_md5_is_that_of_rfc_2195() {
        let mut client = CramMd5::new("tim", secret("tanstaaftanstaaf"));
        assert_eq!(client.initial(), None);
        let response = client.respond(Some(b"<1896.697170952@postoffice.reston.mci.net>")).unwrap();
        assert_eq!(response.as_slice(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert!(client.respond(Some(b"<again@example.org>")).is_err());
        for challenge in [None, Some(&b""[..])] {
            assert!(CramMd5::new("tim", secret("x")).respond(challenge).is_err());
        }
    }

    #[test]
    fn apop_is_that_of_rfc_1939() {
        let digest = apop("<1896.697170952@dbc.mtview.ca.us>", &secret("tanstaaf"));
        assert_eq!(digest.as_str(), "c4c9334bac560ecc979e58001b3e22fb");
    }
}
