//! What one signs in with, and what came of it. How it is done is in `session`; nothing here judges.

use std::sync::Arc;

use crate::net::tls::identity::Identity;
use crate::secret::Secret;
use crate::settings::{Endpoint, Username};
use crate::target::Address;
use crate::wire::login::Account;
use crate::wire::refusal::Kind;
use crate::wire::sasl::{Means, Mechanism};

/// What to sign in with.
#[derive(Debug)]
pub struct Credentials {
    /// The password or the token; none with a client certificate alone.
    pub proof: Proof,
    /// The user name, in place of the one that the settings say.
    pub username: Option<String>,
    /// The address, when the target is one.
    pub address: Option<Address>,
    /// The one mechanism to use.
    pub mechanism: Option<Mechanism>,
    /// Whether the other usual forms of the user name are tried after a refusal.
    pub try_usernames: bool,
    /// The client certificate.
    pub identity: Option<Identity>,
}

/// What proves who signs in.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A password.
    Password(Arc<Secret>),
    /// An OAuth 2.0 access token.
    Token(Arc<Secret>),
    /// The client certificate alone.
    Certificate,
}

impl Proof {
    /// Its kind.
    pub fn means(&self) -> Means {
        match self {
            Self::Password(_) => Means::Password,
            Self::Token(_) => Means::Token,
            Self::Certificate => Means::Certificate,
        }
    }

    /// The secret, when there is one.
    pub fn secret(&self) -> Option<&Arc<Secret>> {
        match self {
            Self::Password(secret) | Self::Token(secret) => Some(secret),
            Self::Certificate => None,
        }
    }
}

/// What the settings say of an endpoint at which one may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What it wants as user name.
    pub username: Option<Username>,
    /// True when more than unsigned DNS or clear HTTP leads from the domain to this host.
    pub vouched: bool,
}

impl Credentials {
    /// The user names to try at a place, the likeliest first; one, unless more are asked for.
    pub fn usernames(&self, place: Option<&Place>) -> Vec<String> {
        if matches!(self.proof, Proof::Certificate) {
            // The certificate tells who signs in; another name would be a wish to act as somebody else (RFC 4422, A.1).
            return vec![self.username.clone().unwrap_or_default()];
        }
        let form = place.and_then(|place| place.username.as_ref());
        let of_settings = self.address.as_ref().map(|address| form.unwrap_or(&Username::Address).of(address));
        let mut names: Vec<String> = self.username.clone().or(of_settings).into_iter().collect();
        if let Some(address) = self.whole_address().filter(|_| self.try_usernames) {
            names.extend([address.to_string(), address.local_part().to_owned()]);
        }
        let mut distinct: Vec<String> = Vec::new();
        names.into_iter().for_each(|name| {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        });
        distinct.truncate(MOST_USERNAMES);
        distinct
    }

    /// The address that mail would be sent from: the target, or a user name that is one; in ASCII but for its local part.
    pub fn sender(&self) -> Option<String> {
        let address = self.whole_address()?;
        Some(format!("{}@{}", address.local_part(), address.domain().as_str()))
    }

    /// The target when it is an address, else a user name that is one.
    pub fn whole_address(&self) -> Option<Address> {
        let named = || self.username.as_deref().and_then(|name| Address::parse(name).ok());
        self.address.clone().or_else(named)
    }
}

/// A sign-in that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// As whom.
    pub username: String,
    /// With what.
    pub means: Means,
    /// What was seen afterwards.
    pub account: Account,
}

/// One try to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInAttempt {
    /// As whom.
    pub username: String,
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// Why it failed, when it did.
    pub refused: Option<Kind>,
}

/// Why nothing was tried, when the server was ready for a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The connection was to be without TLS.
    NoTls,
    /// The certificate has a problem.
    Certificate,
    /// The certificate was held against another name than the host's.
    OtherName,
    /// Nothing that can be trusted leads from the domain to this host.
    NotVouched,
    /// The server offers no mechanism that would do with these means.
    NoMechanism(Means),
    /// What the server offers is not known.
    NotKnown,
    /// The server does not offer the mechanism that was asked for.
    NotOffered,
    /// The server has the client signed in already.
    Preauth,
    /// The user name or the secret cannot be sent.
    Unsendable,
}

/// A server that is asked more often bans those who ask.
pub const MOST_USERNAMES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: Option<&str>, try_usernames: bool) -> Credentials {
        Credentials {
            proof: Proof::Password(Arc::new(Secret::new(b"x".to_vec()))),
            username: username.map(str::to_owned),
            address: Some(Address::parse("user@example.org").unwrap()),
            mechanism: None,
            try_usernames,
            identity: None,
        }
    }

    #[test]
    fn the_form_of_the_settings_comes_first_and_alone() {
        let place = |form: &str| Place {
            endpoint: Endpoint::complete(
                None,
                crate::target::Host::parse("mail.example.org").unwrap(),
                Some(crate::target::Port::parse("993").unwrap()),
                crate::settings::Overrides::default(),
            )
            .unwrap(),
            username: Username::from_word(form),
            vouched: true,
        };
        for (username, form, more, expected) in [
            (None, "address", false, &["user@example.org"][..]),
            (None, "local-part", false, &["user"]),
            (None, "x%EMAILLOCALPART%", true, &["xuser", "user@example.org", "user"]),
            (None, "local-part", true, &["user", "user@example.org"]),
            (Some("fred"), "local-part", false, &["fred"]),
            (Some("fred"), "local-part", true, &["fred", "user@example.org", "user"]),
        ] {
            assert_eq!(
                credentials(username, more).usernames(Some(&place(form))),
                expected,
                "{username:?} {form}"
            );
        }
        assert_eq!(credentials(None, false).usernames(None), ["user@example.org"]);
        let nobody = Credentials { address: None, ..credentials(None, true) };
        assert!(nobody.usernames(None).is_empty());
        let certificate = |username| Credentials { proof: Proof::Certificate, ..credentials(username, true) };
        assert_eq!(certificate(None).usernames(None), [""]);
        assert_eq!(certificate(Some("fred")).usernames(None), ["fred"]);
        assert_eq!(credentials(None, false).sender().unwrap(), "user@example.org");
        assert_eq!(nobody.sender(), None);
    }
}
