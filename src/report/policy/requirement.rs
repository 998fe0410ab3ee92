//! The words for what an endpoint can be required to have, and the protocols each makes sense for.

use std::fmt;
use std::str::FromStr;

use super::InvalidPolicy;
use crate::net::Family;
use crate::report::explain;
use crate::settings::Protocol;

/// Something that an endpoint must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement(&'static Entry);

/// One word of [`ALL`].
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The word.
    pub name: &'static str,
    /// The id of its finding: `requirement.` and the word.
    pub id: &'static str,
    /// What it asks for.
    pub kind: Kind,
    /// What it means, a sentence.
    pub meaning: &'static str,
    /// Where it is written down.
    pub rfc: &'static str,
}

/// What a requirement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A password can be used to sign in, where it is safe.
    PasswordAuth,
    /// A token can be used to sign in.
    OAuth2,
    /// TLS can be asked for on a clear connection.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// TLS 1.3.
    Tls13,
    /// A key exchange that resists quantum computers.
    PostQuantum,
    /// An address of this family that connects.
    Address(Family),
    /// A word among the capabilities.
    Listed(Listed),
}

/// A word that a server lists among its capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The protocols that have it.
    pub protocols: &'static [Protocol],
    /// The word, or the words of which one is enough.
    pub words: &'static [&'static str],
    /// True when servers may list it only to those who have signed in.
    pub maybe_later: bool,
}

impl Requirement {
    /// The word.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The id of the finding when it is not met.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// What it asks for.
    pub fn kind(self) -> Kind {
        self.0.kind
    }

    /// The address family it asks for, when it asks for one.
    pub fn family(self) -> Option<Family> {
        match self.0.kind {
            Kind::Address(family) => Some(family),
            _ => None,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// Reads a word of [`ALL`], in any case, or the id of its finding.
impl FromStr for Requirement {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let word = text.trim().to_ascii_lowercase();
        ALL.iter().find(|entry| entry.name == word || entry.id == word).map(Self).ok_or_else(|| {
            InvalidPolicy::Requirement {
                text: text.to_owned(),
                nearest: explain::nearest(&word, ALL.iter().map(|entry| entry.name)),
            }
        })
    }
}

macro_rules! entry {
    ($name:literal, $kind:expr, $rfc:literal, $meaning:literal) => {
        Entry { name: $name, id: concat!("requirement.", $name), kind: $kind, meaning: $meaning, rfc: $rfc }
    };
}

const fn smtp(words: &'static [&'static str]) -> Kind {
    Kind::Listed(Listed { protocols: &[Protocol::Smtp], words, maybe_later: false })
}

const fn pop3(words: &'static [&'static str]) -> Kind {
    Kind::Listed(Listed { protocols: &[Protocol::Pop3], words, maybe_later: false })
}

const fn imap(words: &'static [&'static str]) -> Kind {
    Kind::Listed(Listed { protocols: &[Protocol::Imap], words, maybe_later: false })
}

const fn imap_signed_in(words: &'static [&'static str]) -> Kind {
    Kind::Listed(Listed { protocols: &[Protocol::Imap], words, maybe_later: true })
}

const PIPELINING: Kind = Kind::Listed(Listed {
    protocols: &[Protocol::Pop3, Protocol::Smtp],
    words: &["PIPELINING"],
    maybe_later: false,
});

/// Every requirement.
pub const ALL: &[Entry] = &[
    entry!(
        "password-auth",
        Kind::PasswordAuth,
        "RFC 4954",
        "one can sign in with a password, inside TLS where there is TLS"
    ),
    entry!("oauth2", Kind::OAuth2, "RFC 7628", "one can sign in with a token: OAUTHBEARER or XOAUTH2"),
    entry!(
        "tls",
        Kind::Tls,
        "RFC 8314",
        "TLS from the first byte; of a domain, each protocol has such a port"
    ),
    entry!(
        "starttls",
        Kind::StartTls,
        "RFC 3207",
        "STARTTLS is advertised and works, on ports that begin in clear text"
    ),
    entry!("tls1.3", Kind::Tls13, "RFC 9846", "the server speaks TLS 1.3"),
    entry!(
        "post-quantum",
        Kind::PostQuantum,
        "RFC 10024",
        "the keys are agreed in a way that resists quantum computers"
    ),
    entry!(
        "ipv4",
        Kind::Address(Family::V4),
        "RFC 1035",
        "the host has an IPv4 address, and one of them connects"
    ),
    entry!(
        "ipv6",
        Kind::Address(Family::V6),
        "RFC 3596",
        "the host has an IPv6 address, and one of them connects"
    ),
    entry!(
        "sasl-ir",
        imap(&["SASL-IR", "IMAP4REV2"]),
        "RFC 4959",
        "IMAP: the first answer of a sign-in rides with the command, one round trip less"
    ),
    entry!("id", imap(&["ID"]), "RFC 2971", "IMAP: client and server tell each other their names"),
    entry!(
        "literal",
        imap(&["LITERAL+", "LITERAL-", "IMAP4REV2"]),
        "RFC 7888",
        "IMAP: literals without waiting for the server's go-ahead"
    ),
    entry!("imap4rev2", imap(&["IMAP4REV2"]), "RFC 9051", "IMAP: the current version of the protocol"),
    entry!(
        "idle",
        imap_signed_in(&["IDLE", "IMAP4REV2"]),
        "RFC 2177",
        "IMAP: the server tells of new mail at once"
    ),
    entry!(
        "move",
        imap_signed_in(&["MOVE", "IMAP4REV2"]),
        "RFC 6851",
        "IMAP: messages are moved in one step"
    ),
    entry!(
        "uidplus",
        imap_signed_in(&["UIDPLUS", "IMAP4REV2"]),
        "RFC 4315",
        "IMAP: the server tells the number of a stored message"
    ),
    entry!(
        "condstore",
        imap_signed_in(&["CONDSTORE", "QRESYNC"]),
        "RFC 7162",
        "IMAP: only what changed is fetched"
    ),
    entry!(
        "qresync",
        imap_signed_in(&["QRESYNC"]),
        "RFC 7162",
        "IMAP: a mailbox is brought up to date in one round trip"
    ),
    entry!(
        "special-use",
        imap_signed_in(&["SPECIAL-USE"]),
        "RFC 6154",
        "IMAP: the server says which folders hold drafts, sent mail and junk"
    ),
    entry!("quota", imap_signed_in(&["QUOTA"]), "RFC 9208", "IMAP: the server tells how much room is left"),
    entry!(
        "uidl",
        pop3(&["UIDL"]),
        "RFC 1939",
        "POP3: messages have lasting names, so that mail can be left on the server"
    ),
    entry!("top", pop3(&["TOP"]), "RFC 1939", "POP3: the head of a message can be fetched alone"),
    entry!(
        "resp-codes",
        pop3(&["RESP-CODES"]),
        "RFC 2449",
        "POP3: errors carry a code that programs understand"
    ),
    entry!(
        "auth-resp-code",
        pop3(&["AUTH-RESP-CODE"]),
        "RFC 3206",
        "POP3: a wrong password is told apart from a broken server"
    ),
    entry!(
        "pipelining",
        PIPELINING,
        "RFC 2449, RFC 2920",
        "POP3 and SMTP: commands are sent without waiting for each reply"
    ),
    entry!("size", smtp(&["SIZE"]), "RFC 1870", "SMTP: the server says how large a message may be"),
    entry!("8bitmime", smtp(&["8BITMIME"]), "RFC 6152", "SMTP: text beyond ASCII needs no encoding"),
    entry!(
        "enhancedstatuscodes",
        smtp(&["ENHANCEDSTATUSCODES"]),
        "RFC 2034",
        "SMTP: replies say precisely what went wrong"
    ),
    entry!("smtputf8", smtp(&["SMTPUTF8"]), "RFC 6531", "SMTP: addresses may hold any letters"),
    entry!("chunking", smtp(&["CHUNKING"]), "RFC 3030", "SMTP: messages are sent in pieces of known size"),
    entry!("binarymime", smtp(&["BINARYMIME"]), "RFC 3030", "SMTP: attachments need no encoding"),
    entry!("dsn", smtp(&["DSN"]), "RFC 3461", "SMTP: the sender can ask to be told of the delivery"),
    entry!("requiretls", smtp(&["REQUIRETLS"]), "RFC 8689", "SMTP: the sender can demand TLS all the way"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_an_unknown_one_names_similar_ones() {
        for entry in ALL {
            assert_eq!(entry.name.to_ascii_uppercase().parse(), Ok(Requirement(entry)));
            assert_eq!(entry.id, format!("requirement.{entry}", entry = entry.name));
        }
        let error = "8bitmim".parse::<Requirement>().unwrap_err();
        assert!(error.hint().contains("8bitmime"), "{}", error.hint());
        assert!("".parse::<Requirement>().is_err());
    }
}
