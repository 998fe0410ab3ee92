//! The mechanisms by which one signs in: SASL (RFC 4422), and the commands of IMAP and POP3 that stand beside it.
//!
//! A [`Client`] is one side of one attempt: challenges in, responses out, no sockets. Which mechanism is taken is
//! decided by [`choose`] alone.

pub mod hash;
pub mod oauth;
pub mod plain;
pub mod scram;

use std::fmt;

use zeroize::Zeroizing;

use super::refusal::Kind;
use super::{APOP, LOGIN_COMMAND, USER_PASS};

/// Bytes that hold a secret, gone from memory when they are dropped.
pub type Sensitive = Zeroizing<Vec<u8>>;

/// The client's side of one attempt.
pub trait Client: Send {
    /// The response that needs no challenge, of a mechanism in which the client speaks first.
    fn initial(&mut self) -> Option<Sensitive> {
        None
    }

    /// The response to a challenge; `None` stands for one that was no base64.
    ///
    /// # Errors
    /// [`Violation`] when the server broke the rules of the mechanism; the attempt is to be cancelled.
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Sensitive, Violation>;

    /// Whether the server's word that all is well may be believed.
    ///
    /// # Errors
    /// [`Violation`] when the mechanism has the server prove itself and it did not.
    fn verify(&self) -> Result<(), Violation> {
        Ok(())
    }

    /// True while nothing was sent that the secret could be checked by, the first response aside.
    fn is_open(&self) -> bool {
        false
    }

    /// True when the sign-in is to be bound to the TLS connection.
    fn binds(&self) -> bool {
        false
    }

    /// What the server said of its refusal inside the mechanism.
    fn complaint(&self) -> Option<&str> {
        None
    }

    /// What that complaint means by the rules of the mechanism, when they say so.
    fn refusal(&self) -> Option<Kind> {
        None
    }
}

/// How a server broke the rules of a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl Violation {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SCRAM-SHA-256-PLUS (RFC 7677)
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS (RFC 5802)
    ScramSha1Plus,
    /// SCRAM-SHA-256 (RFC 7677)
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802)
    ScramSha1,
    /// CRAM-MD5 (RFC 2195)
    CramMd5,
    /// PLAIN (RFC 4616)
    Plain,
    /// LOGIN, which no RFC describes
    Login,
    /// OAUTHBEARER (RFC 7628)
    OauthBearer,
    /// XOAUTH2, Google's own
    Xoauth2,
    /// EXTERNAL (RFC 4422, appendix A): the client certificate tells who signs in
    External,
    /// The command LOGIN of IMAP
    LoginCommand,
    /// The commands USER and PASS of POP3
    UserPass,
    /// The command APOP of POP3 (RFC 1939, section 7)
    Apop,
}

/// What a client has to sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A password.
    Password,
    /// An OAuth 2.0 access token.
    Token,
    /// A client certificate and nothing else.
    Certificate,
}

impl Means {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Certificate => "client-certificate",
        }
    }
}

impl Means {
    /// For a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Certificate => "client certificate",
        }
    }
}

impl Mechanism {
    /// Every mechanism, the strongest first.
    ///
    /// APOP is last: many servers greet with its stamp and have no password that it could be checked with.
    pub const ALL: [Self; 13] = [
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::CramMd5,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::External,
        Self::Plain,
        Self::Login,
        Self::LoginCommand,
        Self::UserPass,
        Self::Apop,
    ];

    /// Its name in lists of mechanisms: the SASL name, or the word for a command.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
            Self::LoginCommand => LOGIN_COMMAND,
            Self::UserPass => USER_PASS,
            Self::Apop => APOP,
        }
    }

    /// Understands a name in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(word.trim()))
    }

    /// What it works with.
    pub fn means(self) -> Means {
        match self {
            Self::OauthBearer | Self::Xoauth2 => Means::Token,
            Self::External => Means::Certificate,
            _ => Means::Password,
        }
    }

    /// True when it works with this.
    pub fn takes(self, means: Means) -> bool {
        self.means() == means
    }

    /// True when it binds the sign-in to the TLS connection.
    pub fn is_bound(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }
}

/// The strongest mechanism among those offered that works with these means; the forced one when it is offered.
pub fn choose(offered: &[String], means: Means, forced: Option<Mechanism>, bound: bool) -> Option<Mechanism> {
    let usable = |mechanism: &Mechanism| {
        mechanism.takes(means)
            && (bound || !mechanism.is_bound())
            && forced.is_none_or(|forced| forced == *mechanism)
            && offered.iter().any(|name| name == mechanism.as_str())
    };
    Mechanism::ALL.into_iter().find(usable)
}

/// True when a server offers to bind a sign-in to the TLS connection, by a mechanism that this client knows: a made-up
/// name must not keep it from telling the server what arrived (RFC 5802, section 6).
pub fn offers_binding(offered: &[String]) -> bool {
    let bound = |name: &String| Mechanism::from_word(name).is_some_and(Mechanism::is_bound);
    offered.iter().any(bound)
}

/// EXTERNAL without an authorization identity, or with one (RFC 4422, appendix A.1).
pub struct External {
    identity: String,
}

impl External {
    /// A client that acts as this user; as the certificate's own when empty.
    pub fn new(identity: &str) -> Self {
        Self { identity: identity.to_owned() }
    }
}

impl Client for External {
    fn initial(&mut self) -> Option<Sensitive> {
        Some(Zeroizing::new(self.identity.clone().into_bytes()))
    }

    fn respond(&mut self, _challenge: Option<&[u8]>) -> Result<Sensitive, Violation> {
        Err(Violation::new("the server asked for more than EXTERNAL has"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_strongest_offered_is_chosen() {
        use Means::{Certificate, Password, Token};
        for (offered, means, forced, bound, chosen) in [
            (&["PLAIN", "LOGIN"][..], Password, None, true, Some("PLAIN")),
            (&["LOGIN", "login-command"], Password, None, true, Some("LOGIN")),
            (&["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], Password, None, true, Some("SCRAM-SHA-256")),
            (&["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], Password, None, true, Some("SCRAM-SHA-1-PLUS")),
            (&["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], Password, None, false, Some("SCRAM-SHA-256")),
            (&["PLAIN", "CRAM-MD5"], Password, None, true, Some("CRAM-MD5")),
            (&["apop", "user-pass"], Password, None, true, Some("user-pass")),
            (&["PLAIN", "CRAM-MD5"], Password, Some(Mechanism::Plain), true, Some("PLAIN")),
            (&["PLAIN"], Password, Some(Mechanism::CramMd5), true, None),
            (&["XOAUTH2", "OAUTHBEARER", "PLAIN"], Token, None, true, Some("OAUTHBEARER")),
            (&["XOAUTH2", "OAUTHBEARER"], Password, None, true, None),
            (&["PLAIN"], Token, None, true, None),
            (&["EXTERNAL", "PLAIN"], Certificate, None, true, Some("EXTERNAL")),
            (&["DIGEST-MD5", "NTLM", "GSSAPI"], Password, None, true, None),
            (&[], Password, None, true, None),
        ] {
            let found = choose(&names(offered), means, forced, bound).map(Mechanism::as_str);
            assert_eq!(found, chosen, "{offered:?} {means:?} {forced:?}");
        }
    }

    #[test]
    fn a_made_up_binding_is_no_offer() {
        assert!(offers_binding(&names(&["PLAIN", "SCRAM-SHA-1-PLUS"])));
        assert!(!offers_binding(&names(&["SCRAM-SHA-256", "FOO-PLUS", "SCRAM-FOO-PLUS"])));
    }

    #[test]
    fn every_mechanism_is_known_by_its_name() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_word(&mechanism.as_str().to_lowercase()), Some(mechanism));
        }
        assert_eq!(Mechanism::from_word("NTLM"), None);
    }

    #[test]
    fn external_names_the_identity_or_nobody() {
        for identity in ["", "fred@example.org"] {
            let mut client = External::new(identity);
            assert_eq!(client.initial().unwrap().as_slice(), identity.as_bytes());
            assert!(client.respond(Some(b"")).is_err());
        }
    }
}
