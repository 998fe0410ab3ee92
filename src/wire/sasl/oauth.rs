//! The mechanisms that take an OAuth 2.0 access token: OAUTHBEARER (RFC 7628) and XOAUTH2.

use std::sync::Arc;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Client, Sensitive, Violation};
use crate::secret::Secret;
use crate::wire::refusal::Kind;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bearer,
    Xoauth2,
}

/// The client of both mechanisms: they differ in how the message is written and how a refusal is acknowledged.
pub struct OAuth {
    form: Form,
    username: String,
    host: String,
    port: u16,
    token: Arc<Secret>,
    complaint: Option<String>,
}

impl OAuth {
    /// A client of OAUTHBEARER; the host and port are those the user asked for (RFC 7628, section 3.1).
    pub fn bearer(username: &str, host: &str, port: u16, token: Arc<Secret>) -> Self {
        let (username, host) = (username.to_owned(), host.to_owned());
        Self { form: Form::Bearer, username, host, port, token, complaint: None }
    }

    /// A client of XOAUTH2.
    pub fn xoauth2(username: &str, token: Arc<Secret>) -> Self {
        let username = username.to_owned();
        Self { form: Form::Xoauth2, username, host: String::new(), port: 0, token, complaint: None }
    }

    /// All that stands before the token.
    fn head(&self) -> String {
        match self.form {
            Form::Xoauth2 => format!("user={}\x01auth=Bearer ", self.username),
            Form::Bearer => {
                let name = escaped(&self.username);
                format!("n,a={name},\x01host={}\x01port={}\x01auth=Bearer ", self.host, self.port)
            }
        }
    }
}

impl Client for OAuth {
    fn initial(&mut self) -> Option<Sensitive> {
        Some(Zeroizing::new([self.head().as_bytes(), self.token.expose(), b"\x01\x01"].concat()))
    }

    /// A challenge can only be a refusal, in JSON; it has to be acknowledged (RFC 7628, section 3.2.3).
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Sensitive, Violation> {
        if self.complaint.is_some() {
            return Err(Violation::new("the server sent a second challenge behind its refusal of the token"));
        }
        if challenge.is_some_and(<[u8]>::is_empty) {
            return Err(Violation::new("the server asked once more for the token that it had"));
        }
        self.complaint = Some(complaint(challenge.unwrap_or_default()));
        Ok(Zeroizing::new(match self.form {
            Form::Bearer => vec![1],
            Form::Xoauth2 => Vec::new(),
        }))
    }

    fn verify(&self) -> Result<(), Violation> {
        match self.complaint {
            Some(_) => Err(Violation::new("the server said yes after it had refused the token")),
            None => Ok(()),
        }
    }

    fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// RFC 6750, section 3.1, and the HTTP status that XOAUTH2 gives in its place.
    fn refusal(&self) -> Option<Kind> {
        let stale = |words: &&str| words.starts_with("invalid_token") || words.starts_with("401");
        self.complaint().filter(stale).map(|_| Kind::Expired)
    }
}

/// `saslname`: a comma and an equals sign are escaped (RFC 5801, section 4).
pub(super) fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// What a refusal holds; no other field is of use.
#[derive(Debug, Deserialize)]
struct Refusal {
    status: Option<String>,
    scope: Option<String>,
}

/// `invalid_token`, `401` or the like, with the scope that is wanted.
fn complaint(challenge: &[u8]) -> String {
    let Ok(Refusal { status: Some(status), scope }) = serde_json::from_slice::<Refusal>(challenge) else {
        return "the token was refused".to_owned();
    };
    match scope.filter(|scope| !scope.is_empty()) {
        Some(scope) => format!("{status} (scope: {scope})"),
        None => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;

    fn token(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn oauthbearer_is_that_of_rfc_7628() {
        let mut client = OAuth::bearer(
            "user@example.com",
            "server.example.com",
            143,
            token("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
        );
        assert_eq!(
            BASE64.encode(&client.initial().unwrap()),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
        );
        let refusal = br#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/x"}"#;
        assert_eq!(client.respond(Some(refusal)).unwrap().as_slice(), b"\x01");
        assert_eq!(client.complaint(), Some("invalid_token (scope: example_scope)"));
        assert!(client.respond(Some(refusal)).is_err());
    }

    #[test]
    fn xoauth2_is_that_of_its_documentation() {
        let mut client =
            OAuth::xoauth2("someuser@example.com", token("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
        assert_eq!(
            BASE64.encode(&client.initial().unwrap()),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        let refusal = br#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#;
        assert_eq!(client.respond(Some(refusal)).unwrap().as_slice(), b"");
        assert_eq!(client.complaint(), Some("401 (scope: https://mail.google.com/)"));
    }

    #[test]
    fn a_refusal_that_is_no_json_is_one_all_the_same() {
        for challenge in [None, Some(&b"\xff"[..]), Some(b"[1]"), Some(br#"{"status":7}"#)] {
            let mut client = OAuth::xoauth2("user", token("t"));
            assert!(client.respond(challenge).is_ok());
            assert_eq!(client.complaint(), Some("the token was refused"));
            assert!(client.verify().is_err(), "a yes behind a refusal");
        }
        assert!(OAuth::xoauth2("user", token("t")).respond(Some(b"")).is_err(), "asked again");
    }

    #[test]
    fn a_name_cannot_end_its_field() {
        assert_eq!(escaped("a,b=c"), "a=2Cb=3Dc");
    }
}
