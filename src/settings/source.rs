//! Where settings come from, in rank order, and what vouches for them.

use std::fmt;

/// Where settings came from. The order is the rank: the first that answers wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The user's own table.
    UserTable,
    /// The table bundled into the program.
    Bundled,
    /// The provider's PACC document, its digest in DNS.
    Pacc,
    /// The provider's autoconfig document.
    Autoconfig,
    /// Mozilla's database of autoconfig documents.
    Ispdb,
    /// What is known of the domain that receives the mail.
    Mx,
    /// SRV records (RFC 6186, RFC 8314).
    Srv,
    /// A TXT record that names an autoconfig document.
    Mailconf,
    /// Microsoft's Autodiscover.
    Autodiscover,
    /// Usual names and ports, proved by connecting.
    Guess,
}

impl Source {
    /// Every source in rank order.
    pub const ALL: &[Self] = &[
        Self::UserTable,
        Self::Bundled,
        Self::Pacc,
        Self::Autoconfig,
        Self::Ispdb,
        Self::Mx,
        Self::Srv,
        Self::Mailconf,
        Self::Autodiscover,
        Self::Guess,
    ];

    /// The word for JSON, arguments and screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserTable => "user-table",
            Self::Bundled => "bundled",
            Self::Pacc => "pacc",
            Self::Autoconfig => "autoconfig",
            Self::Ispdb => "ispdb",
            Self::Mx => "mx",
            Self::Srv => "srv",
            Self::Mailconf => "mailconf",
            Self::Autodiscover => "autodiscover",
            Self::Guess => "guess",
        }
    }

    /// The source in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserTable => "your own table",
            Self::Bundled => "the bundled table",
            Self::Pacc => "the provider's PACC document",
            Self::Autoconfig => "the provider's autoconfig",
            Self::Ispdb => "the ISPDB",
            Self::Mx => "the domain that receives the mail",
            Self::Srv => "SRV records",
            Self::Mailconf => "the mailconf record",
            Self::Autodiscover => "Autodiscover",
            Self::Guess => "the guess",
        }
    }

    /// The source of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str().eq_ignore_ascii_case(word.trim()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What vouches for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The user wrote it.
    UserTable,
    /// It ships with the program.
    Bundled,
    /// A digest in DNS, and https.
    Digest,
    /// A verified certificate of the host that was asked.
    Https,
    /// DNS alone: nobody signed it.
    Dns,
    /// Nothing: anybody on the way could have written it.
    Http,
    /// A server of a usual name that showed a verified certificate.
    Guess,
}

impl Trust {
    /// True when it is less than a verified certificate of the host that was asked.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Dns | Self::Http | Self::Guess)
    }

    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserTable => "user-table",
            Self::Bundled => "bundled",
            Self::Digest => "digest",
            Self::Https => "https",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Guess => "guess",
        }
    }
}
