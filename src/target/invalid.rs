//! Why a text is no target, and what to type in its place.

/// Why a text is no target. Each says what is wrong and names the value; [`InvalidTarget::hint`] says what to type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Nothing was typed.
    #[error("a target is empty")]
    Empty,
    /// Not a mail address.
    #[error("not a mail address, {problem}: {text:?}")]
    Address {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a domain name.
    #[error("not a domain name, {problem}: {text:?}")]
    Domain {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Brackets around something else than an IPv6 address.
    #[error("not an IPv6 address in brackets: {text:?}")]
    Ipv6 {
        /// What was typed.
        text: String,
    },
    /// A port out of range or not a number.
    #[error("not a port from 1 to 65535: {text:?}")]
    Port {
        /// What was typed.
        text: String,
    },
    /// An IP address on its own.
    #[error("an IP address needs a port: {host:?}")]
    AddressWithoutPort {
        /// The address, in brackets when it is IPv6.
        host: String,
    },
    /// A URL scheme that is none of the mail protocols.
    #[error("unknown URL scheme {scheme:?}: {text:?}")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// What was typed.
        text: String,
    },
    /// A URL with more than a host and a port.
    #[error("a URL may name a host and a port only, {problem}: {text:?}")]
    Url {
        /// What was typed.
        text: String,
        /// What else is there.
        problem: &'static str,
    },
}

impl InvalidTarget {
    /// Names what was typed where the part that is wrong is empty.
    pub(super) fn of(self, typed: &str) -> Self {
        match self {
            Self::Address { text, problem } if text.is_empty() => {
                Self::Address { text: typed.to_owned(), problem }
            }
            Self::Domain { text, problem } if text.is_empty() => {
                Self::Domain { text: typed.to_owned(), problem }
            }
            Self::Port { text } if text.is_empty() => Self::Port { text: typed.to_owned() },
            other => other,
        }
    }

    /// What to type instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::Address { .. } => "write an address as user@example.org".to_owned(),
            Self::Domain { .. } => {
                "write a domain as example.org, a server as mail.example.org:993 or imaps://mail.example.org"
                    .to_owned()
            }
            Self::Ipv6 { .. } => "write an IPv6 server as [2001:db8::1]:993".to_owned(),
            Self::Port { .. } => "mail ports are 143 993 110 995 25 587 465 2525".to_owned(),
            Self::AddressWithoutPort { host } => format!("write {host}:993 or imaps://{host}"),
            Self::Scheme { .. } => {
                "the schemes are imap imaps pop3 pop3s smtp submission smtps submissions".to_owned()
            }
            Self::Url { .. } => {
                "write a server as imaps://mail.example.org or imaps://mail.example.org:993".to_owned()
            }
        }
    }
}
