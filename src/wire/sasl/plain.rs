//! The mechanisms that send the password itself: PLAIN (RFC 4616) and LOGIN.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Client, Sensitive, Violation};
use crate::secret::Secret;

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616, section 2), without an authzid.
pub struct Plain {
    username: String,
    password: Arc<Secret>,
}

impl Plain {
    /// A client of this user.
    pub fn new(username: &str, password: Arc<Secret>) -> Self {
        Self { username: username.to_owned(), password }
    }
}

impl Client for Plain {
    fn initial(&mut self) -> Option<Sensitive> {
        Some(Zeroizing::new(
            [b"\0".as_slice(), self.username.as_bytes(), b"\0", self.password.expose()].concat(),
        ))
    }

    fn respond(&mut self, _challenge: Option<&[u8]>) -> Result<Sensitive, Violation> {
        Err(Violation::new("the server asked for more than PLAIN has"))
    }
}

/// The user name, then the password, whatever the prompts say: servers do not agree on their words.
pub struct Login {
    username: String,
    password: Arc<Secret>,
    asked: usize,
}

impl Login {
    /// A client of this user.
    pub fn new(username: &str, password: Arc<Secret>) -> Self {
        Self { username: username.to_owned(), password, asked: 0 }
    }
}

impl Client for Login {
    fn respond(&mut self, _prompt: Option<&[u8]>) -> Result<Sensitive, Violation> {
        self.asked += 1;
        match self.asked {
            1 => Ok(Zeroizing::new(self.username.clone().into_bytes())),
            2 => Ok(Zeroizing::new(self.password.expose().to_vec())),
            _ => Err(Violation::new("the server asked for more than a user name and a password")),
        }
    }

    fn is_open(&self) -> bool {
        self.asked < 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn plain_is_that_of_rfc_4616() {
        let mut client = Plain::new("tim", secret("tanstaaftanstaaf"));
        assert_eq!(client.initial().unwrap().as_slice(), b"\0tim\0tanstaaftanstaaf");
        assert!(client.respond(Some(b"more")).is_err());
        let mut client = Plain::new("\u{6a6}", secret("\u{5d0}"));
        assert_eq!(client.initial().unwrap().as_slice(), "\0\u{6a6}\0\u{5d0}".as_bytes());
    }

    #[test]
    fn login_answers_two_prompts_and_no_third() {
        let mut client = Login::new("tim", secret("tanstaaf"));
        assert_eq!(client.initial(), None);
        assert_eq!(client.respond(Some(b"Username:")).unwrap().as_slice(), b"tim");
        assert_eq!(client.respond(None).unwrap().as_slice(), b"tanstaaf");
        assert!(client.respond(Some(b"Password:")).is_err());
    }
}
