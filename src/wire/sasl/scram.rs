//! SCRAM (RFC 5802, RFC 7677): neither side shows the password, and the server proves that it knows it too.
//!
//! The channel binding (RFC 5929, RFC 9266) is given as bytes; where they come from is the connection's to know.

use std::num::NonZeroU32;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::oauth::escaped;
use super::{Client, Sensitive, Violation};
use crate::secret::Secret;
use crate::wire::refusal::Kind;

/// The hash function of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SCRAM-SHA-1
    Sha1,
    /// SCRAM-SHA-256
    Sha256,
}

/// How the sign-in stands to the TLS connection: `gs2-cbind-flag` (RFC 5802, section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `n`: the client binds nothing.
    No,
    /// `y`: the client could bind, and thinks that the server cannot.
    ServerCannot,
    /// `p`: bound, by the name of a binding in the IANA registry and its bytes.
    Bound(&'static str, Vec<u8>),
}

impl Binding {
    /// `gs2-header = gs2-cbind-flag "," [authzid] ","`
    fn header(&self) -> String {
        match self {
            Self::No => "n,,".to_owned(),
            Self::ServerCannot => "y,,".to_owned(),
            Self::Bound(name, _) => format!("p={name},,"),
        }
    }

    /// `cbind-input = gs2-header [cbind-data]`
    fn input(&self) -> Vec<u8> {
        let data = match self {
            Self::Bound(_, data) => data.as_slice(),
            _ => &[],
        };
        [self.header().as_bytes(), data].concat()
    }
}

/// The client of SCRAM.
pub struct Scram {
    hash: Hash,
    binding: Binding,
    password: Arc<Secret>,
    nonce: String,
    /// `client-first-message-bare`
    first: String,
    state: State,
}

enum State {
    /// Waits for the server's first message.
    First,
    /// Waits for the server's signature, which must be this one.
    Final(Sensitive),
    /// The server has proved itself.
    Proved,
    /// The server gave an error in place of its signature.
    Refused(String),
}

impl Scram {
    /// A client of this user with a fresh nonce.
    ///
    /// # Errors
    /// [`Violation`] when this machine has no random numbers to give.
    pub fn new(
        hash: Hash,
        username: &str,
        password: Arc<Secret>,
        binding: Binding,
    ) -> Result<Self, Violation> {
        let mut bytes = [0; NONCE_BYTES];
        rand::fill(&mut bytes).map_err(|_| Violation::new("no random numbers for a nonce"))?;
        Ok(Self::with_nonce(hash, username, password, binding, BASE64.encode(&bytes)))
    }

    fn with_nonce(
        hash: Hash,
        username: &str,
        password: Arc<Secret>,
        binding: Binding,
        nonce: String,
    ) -> Self {
        let name =
            stringprep::saslprep(username).map_or_else(|_| username.to_owned(), |name| name.into_owned());
        let first = format!("n={},r={nonce}", escaped(&name));
        Self { hash, binding, password, nonce, first, state: State::First }
    }

    /// `client-final-message`, in answer to `server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count`.
    fn answer(&mut self, server_first: &str) -> Result<Sensitive, Violation> {
        let ServerFirst { nonce, salt, iterations } = ServerFirst::parse(server_first, &self.nonce)?;
        let without_proof = format!("c={},r={nonce}", BASE64.encode(&self.binding.input()));
        let message = format!("{},{server_first},{without_proof}", self.first);
        let salted = self.salted_password(&salt, iterations);
        let client_key = self.hmac(&salted, b"Client Key");
        let stored_key = digest::digest(self.digest(), &client_key);
        let signature = self.hmac(stored_key.as_ref(), message.as_bytes());
        let proof: Sensitive =
            Zeroizing::new(client_key.iter().zip(signature.iter()).map(|(key, sign)| key ^ sign).collect());
        let server_key = self.hmac(&salted, b"Server Key");
        self.state = State::Final(self.hmac(&server_key, message.as_bytes()));
        let proof = Zeroizing::new(BASE64.encode(&proof));
        Ok(Zeroizing::new(format!("{without_proof},p={}", proof.as_str()).into_bytes()))
    }

    /// `Hi(Normalize(password), salt, i)`
    fn salted_password(&self, salt: &[u8], iterations: NonZeroU32) -> Sensitive {
        let password = normalized(&self.password);
        let (algorithm, size) = match self.hash {
            Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut salted = Zeroizing::new(vec![0; size]);
        pbkdf2::derive(algorithm, iterations, salt, &password, &mut salted);
        salted
    }

    fn hmac(&self, key: &[u8], data: &[u8]) -> Sensitive {
        let algorithm = match self.hash {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
        };
        Zeroizing::new(hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec())
    }

    fn digest(&self) -> &'static digest::Algorithm {
        match self.hash {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        }
    }

    /// `server-final-message = (server-error / verifier) ["," extensions]`
    fn check(&mut self, server_final: &str, expected: &[u8]) -> Result<Sensitive, Violation> {
        let first = server_final.split(',').next().unwrap_or_default();
        if let Some(error) = first.strip_prefix("e=") {
            self.state = State::Refused(error.to_owned());
            return Ok(Sensitive::default());
        }
        let signature = first.strip_prefix("v=").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let Some(signature) = signature else {
            return Err(Violation::new("the server's last SCRAM message holds no signature"));
        };
        if constant_time::verify_slices_are_equal(&signature, expected).is_err() {
            return Err(Violation::new(
                "the server's SCRAM signature is wrong: it does not know the password",
            ));
        }
        self.state = State::Proved;
        Ok(Sensitive::default())
    }
}

impl Client for Scram {
    /// `client-first-message = gs2-header client-first-message-bare`
    fn initial(&mut self) -> Option<Sensitive> {
        Some(Zeroizing::new(format!("{}{}", self.binding.header(), self.first).into_bytes()))
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Sensitive, Violation> {
        let text = challenge
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| Violation::new("the server sent a challenge that is no SCRAM message"))?;
        match &self.state {
            State::First => self.answer(text),
            State::Final(expected) => {
                let expected = expected.clone();
                self.check(text, &expected)
            }
            State::Proved | State::Refused(_) => {
                Err(Violation::new("the server sent a challenge behind its last SCRAM message"))
            }
        }
    }

    fn verify(&self) -> Result<(), Violation> {
        match self.state {
            State::Proved => Ok(()),
            _ => Err(Violation::new(
                "the server said yes before it had proved itself with its SCRAM signature",
            )),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::First)
    }

    fn binds(&self) -> bool {
        matches!(self.binding, Binding::Bound(..))
    }

    fn complaint(&self) -> Option<&str> {
        match &self.state {
            State::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// `server-error-value`; any other one may stand for a reason that the server keeps to itself.
    fn refusal(&self) -> Option<Kind> {
        match self.complaint()? {
            "invalid-proof" | "unknown-user" => Some(Kind::WrongPassword),
            "no-resources" => Some(Kind::Temporary),
            "channel-binding-not-supported" | "unsupported-channel-binding-type" => {
                Some(Kind::BindingRefused)
            }
            "channel-bindings-dont-match" | "server-does-support-channel-binding" => {
                Some(Kind::BindingMismatch)
            }
            "invalid-encoding" | "invalid-username-encoding" | "extensions-not-supported" => {
                Some(Kind::Other)
            }
            _ => None,
        }
    }
}

/// What the server's first message holds.
struct ServerFirst {
    nonce: String,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl ServerFirst {
    fn parse(text: &str, client_nonce: &str) -> Result<Self, Violation> {
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        let nonce = field("r=").ok_or_else(|| {
            Violation::new(format!("the server's first SCRAM message has no nonce: {text}"))
        })?;
        if nonce.strip_prefix(client_nonce).is_none_or(str::is_empty) {
            return Err(Violation::new("the server's SCRAM nonce is not made of the client's"));
        }
        let salt = field("s=").and_then(|salt| BASE64.decode(salt.as_bytes()).ok());
        let salt = salt
            .filter(|salt| !salt.is_empty())
            .ok_or_else(|| Violation::new("the server's first SCRAM message has no salt"))?;
        let iterations = field("i=").and_then(|count| count.parse::<u32>().ok()).unwrap_or_default();
        let iterations = NonZeroU32::new(iterations)
            .filter(|count| (LEAST_ITERATIONS..=MOST_ITERATIONS).contains(&count.get()))
            .ok_or_else(|| {
                Violation::new(format!(
                    "the server wants {iterations} iterations of SCRAM, not {LEAST_ITERATIONS} to {MOST_ITERATIONS}"
                ))
            })?;
        Ok(Self { nonce: nonce.to_owned(), salt, iterations })
    }
}

/// SASLprep (RFC 4013); a password that it refuses is taken as it is, as other clients do.
fn normalized(password: &Secret) -> Sensitive {
    let text = std::str::from_utf8(password.expose()).ok();
    let prepared = text.and_then(|text| stringprep::saslprep(text).ok());
    // What SASLprep made anew is taken over, not copied: a copy would stay in memory.
    Zeroizing::new(match prepared {
        Some(prepared) => prepared.into_owned().into_bytes(),
        None => password.expose().to_vec(),
    })
}

const NONCE_BYTES: usize = 18;

/// RFC 5802, section 5.1; with less, what crosses the wire is too good a help to guess the password.
pub const LEAST_ITERATIONS: u32 = 4_096;

/// Half a second of work; servers ask for some ten thousand.
pub const MOST_ITERATIONS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn client(hash: Hash, binding: Binding, nonce: &str) -> Scram {
        let password = Arc::new(Secret::new(b"pencil".to_vec()));
        Scram::with_nonce(hash, "user", password, binding, nonce.to_owned())
    }

    fn sha1() -> Scram {
        client(Hash::Sha1, Binding::No, "fyko+d2lbbFgONRv9qkxdawL")
    }

    fn text(bytes: &Sensitive) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn sha_1_is_that_of_rfc_5802() {
        let mut client = sha1();
        assert_eq!(text(&client.initial().unwrap()), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        let response = client.respond(Some(SHA1_FIRST.as_bytes())).unwrap();
        assert_eq!(
            text(&response),
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert!(client.verify().is_err());
        assert!(client.respond(Some(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")).unwrap().is_empty());
        assert!(client.verify().is_ok());
        assert!(client.respond(Some(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")).is_err());
    }

    #[test]
    fn sha_256_is_that_of_rfc_7677() {
        let mut client = client(Hash::Sha256, Binding::No, "rOprNGfwEbeRWgbNEkqO");
        let response = client.respond(Some(
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        ));
        assert_eq!(
            text(&response.unwrap()),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        client.respond(Some(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")).unwrap();
        assert!(client.verify().is_ok());
    }

    #[test]
    fn the_flag_says_how_the_sign_in_stands_to_tls() {
        for (binding, first, channel) in [
            (Binding::No, "n,,n=user,r=abc", "n,,"),
            (Binding::ServerCannot, "y,,n=user,r=abc", "y,,"),
            (
                Binding::Bound("tls-exporter", b"\x01\xff".to_vec()),
                "p=tls-exporter,,n=user,r=abc",
                "p=tls-exporter,,\x01",
            ),
        ] {
            let mut client = client(Hash::Sha256, binding, "abc");
            assert_eq!(text(&client.initial().unwrap()), first);
            assert_eq!(client.binds(), first.starts_with("p="));
            let response = text(&client.respond(Some(b"r=abcd,s=QUJD,i=4096")).unwrap());
            let bound = response.strip_prefix("c=").and_then(|rest| rest.split_once(',')).unwrap().0;
            let bound = BASE64.decode(bound.as_bytes()).unwrap();
            assert!(bound.starts_with(channel.as_bytes()), "{response}");
        }
    }

    #[test]
    fn names_are_prepared_and_escaped() {
        let password = Arc::new(Secret::new(Vec::new()));
        let client =
            Scram::with_nonce(Hash::Sha1, "I\u{ad}X,=\u{2168}", password, Binding::No, "r".to_owned());
        assert_eq!(client.first, "n=IX=2C=3DIX,r=r");
        assert_eq!(normalized(&Secret::new("I\u{ad}X\u{2168}".into())).as_slice(), b"IXIX");
        assert_eq!(normalized(&Secret::new(b"\xff".to_vec())).as_slice(), b"\xff");
        assert_eq!(normalized(&Secret::new(b"a\x07".to_vec())).as_slice(), b"a\x07");
    }

    #[test]
    fn a_first_message_that_breaks_the_rules_is_not_answered() {
        for first in [
            "",
            "e=other-error",
            "r=other,s=QUJD,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawL,s=QUJD,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=!,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=0",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=1000",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=4000000000",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=99999999999999999999",
            "m=x,r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=4096",
        ] {
            assert!(sha1().respond(Some(first.as_bytes())).is_err(), "{first}");
        }
        assert!(sha1().respond(None).is_err());
        assert!(sha1().respond(Some(b"\xff")).is_err());
    }

    #[test]
    fn a_server_that_does_not_prove_itself_is_not_believed() {
        assert!(sha1().verify().is_err());
        for last in ["v=rmF9pqV8S7suAoZWja4dJRkFsKw=", "v=", "v=!", "", "x=y"] {
            let mut client = sha1();
            client.respond(Some(SHA1_FIRST.as_bytes())).unwrap();
            assert!(client.respond(Some(last.as_bytes())).is_err(), "{last}");
            assert!(client.verify().is_err(), "{last}");
        }
        let mut client = sha1();
        client.respond(Some(SHA1_FIRST.as_bytes())).unwrap();
        assert!(client.respond(Some(b"e=invalid-proof")).unwrap().is_empty());
        assert_eq!(client.complaint(), Some("invalid-proof"));
        assert!(client.verify().is_err());
    }

    const SHA1_FIRST: &str = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
}
