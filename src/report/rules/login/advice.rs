//! What a refusal means for a person, and what to try next: a row a kind.

use crate::wire::refusal::Kind;
use crate::wire::sasl::Means;

/// What is said of one kind of refusal.
pub(super) struct Advice {
    kind: Kind,
    /// To whom it is said: to those who signed in with this, or to all. The row for all stands last.
    means: Option<Means>,
    /// The id of the finding.
    pub(super) id: &'static str,
    /// What happened.
    pub(super) text: &'static str,
    /// What to try.
    pub(super) hint: &'static str,
}

/// What is said of a refusal.
pub(super) fn of(kind: Kind, means: Means) -> &'static Advice {
    let fits = |advice: &&Advice| advice.kind == kind && advice.means.is_none_or(|own| own == means);
    ALL.iter().find(fits).unwrap_or(&OTHER)
}

const ALL: &[Advice] = &[
    // The server says that user and password do not belong together; it seldom says which of them is wrong.
    Advice {
        kind: Kind::WrongPassword,
        means: Some(Means::Token),
        id: "login.wrong-password",
        text: "the server refuses the token or the user name",
        hint: "get a new token for this very address and for mail; with some providers the protocol has to be switched on first",
    },
    Advice {
        kind: Kind::WrongPassword,
        means: Some(Means::Certificate),
        id: "login.wrong-password",
        text: "the server refuses the client certificate, or whom it stands for",
        hint: "see that the server trusts the issuer of the certificate and knows whose it is; name another user with --user",
    },
    Advice {
        kind: Kind::WrongPassword,
        means: None,
        id: "login.wrong-password",
        text: "the server refuses the user name or the password",
        hint: "many providers want an app password, or the protocol switched on in their web settings, and say no more than this",
    },
    // The account has a second factor, and the provider takes only passwords made for one program.
    Advice {
        kind: Kind::AppPasswordNeeded,
        means: None,
        id: "login.app-password-needed",
        text: "the account wants an app password, not the one for the web pages",
        hint: "create an app password in the provider's security settings and sign in with that",
    },
    // The mechanism, not the password, is what the server objects to.
    Advice {
        kind: Kind::TooWeak,
        means: Some(Means::Token),
        id: "login.too-weak",
        text: "the server takes no sign-in by this mechanism",
        hint: "leave --mechanism out, or ask the provider which sign-in it takes",
    },
    Advice {
        kind: Kind::TooWeak,
        means: Some(Means::Certificate),
        id: "login.too-weak",
        text: "the server takes no sign-in by a client certificate, though it offers it",
        hint: "sign in with a password too, as by --password-command; the certificate is still shown",
    },
    Advice {
        kind: Kind::TooWeak,
        means: None,
        id: "login.too-weak",
        text: "the server takes no password by this mechanism, though it offers it",
        hint: "sign in with a token (--token-command); when --mechanism named this one, leave that out",
    },
    // The server thinks that the connection has no TLS: often a proxy in front of it takes the TLS off.
    Advice {
        kind: Kind::EncryptionRequired,
        means: None,
        id: "login.encryption-required",
        text: "the server says that the connection is not encrypted, though it is",
        hint: "TLS ends before the mail server: have the proxy in front of it say so, or use the port with TLS",
    },
    // The account is locked, suspended, or waits for a confirmation in the web pages.
    Advice {
        kind: Kind::Disabled,
        means: None,
        id: "login.disabled",
        text: "the account is disabled or locked for this kind of sign-in",
        hint: "sign in to the provider's web pages once and look for a warning there; some providers then want an app password or a token",
    },
    // The kind is `disabled` in JSON too; the id tells that switching the protocol on is what helps.
    Advice {
        kind: Kind::NotEnabled,
        means: None,
        id: "login.not-enabled",
        text: "the provider has this protocol switched off for the account",
        hint: "switch it on in the provider's web settings, or ask the administrator of your organisation to; wait some minutes and try again",
    },
    // The server could not tell just now: nothing is said about the password.
    Advice {
        kind: Kind::Temporary,
        means: None,
        id: "login.temporary",
        text: "the server could not sign the user in just now, or broke off before it said more",
        hint: "try again later; after many refusals wait an hour first",
    },
    // Passwords and tokens have an end.
    Advice {
        kind: Kind::Expired,
        means: Some(Means::Token),
        id: "login.expired",
        text: "the token is invalid or has expired",
        hint: "get a new token and try again",
    },
    Advice {
        kind: Kind::Expired,
        means: Some(Means::Certificate),
        id: "login.expired",
        text: "the server says that the client certificate, or the account, has expired",
        hint: "get a new certificate from whoever gave you this one",
    },
    Advice {
        kind: Kind::Expired,
        means: None,
        id: "login.expired",
        text: "the password has expired",
        hint: "set a new password in the provider's web pages",
    },
    // Clients that take the strongest mechanism are refused here, others are not.
    Advice {
        kind: Kind::BindingRefused,
        means: None,
        id: "login.binding-refused",
        text: "the server offers to bind a sign-in to TLS, and then refuses the binding",
        hint: "sign in by another mechanism that is offered, as --mechanism SCRAM-SHA-256; on your own server: update it, or take the -PLUS mechanisms out of its list",
    },
    // What TLS is for is undone: by a proxy that is known, or by somebody who is not.
    Advice {
        kind: Kind::BindingMismatch,
        means: None,
        id: "login.binding-mismatch",
        text: "the server sees another connection than mailcfg does: something between the two ends the TLS or changes the words",
        hint: "find out what it is before you sign in anywhere from here: a proxy of your own, an inspecting firewall, or somebody who listens",
    },
    // RFC 4954, section 6: the server makes the password for this mechanism from one that it gets by PLAIN.
    Advice {
        kind: Kind::TransitionNeeded,
        means: None,
        id: "login.transition-needed",
        text: "the server has no password for this mechanism yet, and gets it from a sign-in by PLAIN",
        hint: "sign in once with --mechanism PLAIN, then again without",
    },
];

/// No known words: a broken exchange, an unknown refusal, a connection that ended.
const OTHER: Advice = Advice {
    kind: Kind::Other,
    means: None,
    id: "login.other",
    text: "the sign-in did not work",
    hint: "see what the server said above, and the dialogue with -vv",
};
