//! What a person types: an address, a domain, `host:port` or a URL; and the checked values made of it.
//!
//! Nothing here knows which port belongs to which protocol ([`crate::settings`] does) or asks the network.

#[path = "target/host.rs"]
mod host;
#[path = "target/invalid.rs"]
mod invalid;
#[path = "target/unseen.rs"]
pub mod unseen;

use std::net::{IpAddr, Ipv6Addr};

pub use host::{Address, Domain, Host, Port, is_loopback, is_near, is_private};
pub use invalid::InvalidTarget;

/// The scheme of an endpoint URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `imap:` — IMAP with STARTTLS.
    Imap,
    /// `imaps:` — IMAP over implicit TLS.
    Imaps,
    /// `pop3:` — POP3 with STLS.
    Pop3,
    /// `pop3s:` — POP3 over implicit TLS.
    Pop3s,
    /// `smtp:` — SMTP with STARTTLS, the relay port unless one is named.
    Smtp,
    /// `submission:` — message submission with STARTTLS (RFC 6409).
    Submission,
    /// `smtps:` or `submissions:` — message submission over implicit TLS (RFC 8314).
    Submissions,
}

impl Scheme {
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "imap" => Self::Imap,
            "imaps" => Self::Imaps,
            "pop3" | "pop" => Self::Pop3,
            "pop3s" | "pops" => Self::Pop3s,
            "smtp" => Self::Smtp,
            "submission" => Self::Submission,
            "smtps" | "submissions" => Self::Submissions,
            _ => return None,
        })
    }
}

/// One target of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `user@example.org`: its settings are looked up.
    Address(Address),
    /// `example.org`: its settings are looked up.
    Domain(Domain),
    /// `host:port`, `[v6]:port` or a URL: one endpoint.
    Host {
        /// The scheme, when a URL was typed.
        scheme: Option<Scheme>,
        /// The host.
        host: Host,
        /// The port; always there without a scheme.
        port: Option<Port>,
    },
}

impl Target {
    /// Reads a target: `user@domain`, `mailto:user@domain`, `domain`, `host:port`, `[v6]:port` or `scheme://host[:port]`.
    ///
    /// # Errors
    /// [`InvalidTarget`] naming the text and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if text.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        Self::read(text).map_err(|error| error.of(text))
    }

    fn read(text: &str) -> Result<Self, InvalidTarget> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return url(text, scheme, rest);
        }
        if let Some(address) = mailto(text)? {
            return Address::parse(&address).map(Self::Address);
        }
        if text.contains('@') {
            return Address::parse(text).map(Self::Address);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Err(InvalidTarget::AddressWithoutPort { host: Host::Ip(address).bracketed() });
        }
        match split_port(text)? {
            (host, Some(port)) => {
                Ok(Self::Host { scheme: None, host: Host::parse(host)?, port: Some(Port::parse(port)?) })
            }
            (host, None) if host.starts_with('[') => {
                Err(InvalidTarget::AddressWithoutPort { host: Host::parse(host)?.bracketed() })
            }
            (host, None) => Domain::parse(host).map(Self::Domain),
        }
    }
}

fn url(text: &str, scheme: &str, rest: &str) -> Result<Target, InvalidTarget> {
    let invalid = |problem| Err(InvalidTarget::Url { text: text.to_owned(), problem });
    let Some(known) = Scheme::parse(scheme) else {
        return Err(InvalidTarget::Scheme { scheme: scheme.to_owned(), text: text.to_owned() });
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains('@') {
        return invalid("this one has a user name");
    }
    if authority.contains(['/', '?', '#']) {
        return invalid("this one has a path");
    }
    let (host, port) = match authority.parse::<Ipv6Addr>() {
        Ok(_) => return Err(InvalidTarget::Ipv6 { text: authority.to_owned() }),
        Err(_) => split_port(authority)?,
    };
    let port = port.map(Port::parse).transpose()?;
    Ok(Target::Host { scheme: Some(known), host: Host::parse(host)?, port })
}

/// The address of a `mailto:` URI (RFC 6068), percent-decoded, without header fields.
fn mailto(text: &str) -> Result<Option<String>, InvalidTarget> {
    let scheme = text.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto"));
    let Some((_, rest)) = scheme else {
        return Ok(None);
    };
    let encoded = rest.split_once('?').map_or(rest, |(address, _)| address);
    let invalid = |problem| InvalidTarget::Address { text: text.to_owned(), problem };
    percent_decode(encoded).map(Some).ok_or_else(|| invalid("its percent-encoding is broken"))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (char::from(bytes.next()?).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

/// Splits `host:port`, `[v6]:port`; more than one colon outside brackets is an IPv6 address without them.
fn split_port(text: &str) -> Result<(&str, Option<&str>), InvalidTarget> {
    if text.starts_with('[') {
        return match text.rsplit_once("]:") {
            Some((host, port)) => {
                let end = host.len() + 1;
                Ok((text.get(..end).unwrap_or(text), Some(port)))
            }
            None => Ok((text, None)),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, rest)) if rest.contains(':') => Err(InvalidTarget::Ipv6 { text: text.to_owned() }),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_lowered_and_encoded() {
        for (typed, ascii, unicode) in [
            ("Disroot.ORG", "disroot.org", "disroot.org"),
            ("disroot.org.", "disroot.org", "disroot.org"),
            ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example", "bücher.example"),
            ("localhost", "localhost", "localhost"),
            // A blank of Braille stands in it.
            ("xn--kiimapsapmalimape", "xn--kiimapsapmalimape", "xn--kiimapsapmalimape"),
            ("1und1.de", "1und1.de", "1und1.de"),
        ] {
            let domain = Domain::parse(typed).unwrap();
            assert_eq!((domain.as_str(), domain.unicode().as_str()), (ascii, unicode), "{typed}");
        }
    }

    #[test]
    fn bad_domains_are_refused_with_the_reason() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefg.".repeat(32));
        for (typed, reason) in [
            ("", "empty"),
            (".", "empty"),
            ("a..b", "empty label"),
            ("a.b..", "empty label"),
            ("_dmarc.example.org", "underscore"),
            (&long_label, "63 octets"),
            (&long_name, "253 octets"),
            ("-a.example", "hyphens"),
            ("a b.example", "white space"),
            ("a\u{1b}b.example", "control"),
            ("a\0b.example", "control"),
            ("192.0.2.1", "IP address"),
            ("example.123", "number"),
        ] {
            let error = Domain::parse(typed).unwrap_err().to_string();
            assert!(error.contains(reason), "{typed:?}: {error}");
        }
    }

    #[test]
    fn addresses_keep_the_local_part() {
        for (typed, local_part, domain) in [
            ("User.Name+tag@Disroot.org", "User.Name+tag", "disroot.org"),
            ("\"a b@c\"@example.org", "\"a b@c\"", "example.org"),
            ("jörg@bücher.example", "jörg", "xn--bcher-kva.example"),
            ("%EMAILDOMAIN%@example.org", "%EMAILDOMAIN%", "example.org"),
            ("-user@example.org.", "-user", "example.org"),
            ("mailto:user@example.org", "user", "example.org"),
            ("MAILTO:user%2Btag@example.org?subject=x", "user+tag", "example.org"),
            ("user@localhost", "user", "localhost"),
        ] {
            let Target::Address(address) = Target::parse(typed).unwrap() else { panic!("{typed}") };
            assert_eq!((address.local_part(), address.domain().as_str()), (local_part, domain), "{typed}");
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_the_reason() {
        for (typed, reason) in [
            ("a@b@example.org", "second @"),
            ("u@[192.0.2.1]", "address literal"),
            ("u@192.0.2.1", "IP address"),
            ("a b@example.org", "white space"),
            (" a@example.org", "white space"),
            ("a@example.org\r\n", "control"),
            ("a\r\nb@example.org", "control"),
            ("a\0@example.org", "control"),
            ("@example.org", "before the @"),
            ("user@", "after the @"),
            ("user@disroot.org:993", "no port"),
            ("user@a_b.example", "underscore"),
            ("mailto:user%2@example.org", "percent"),
            ("\"a\"b@example.org", "quotes"),
        ] {
            let error = Target::parse(typed).unwrap_err().to_string();
            assert!(error.contains(reason), "{typed:?}: {error}");
        }
    }

    #[test]
    fn servers_are_read_with_brackets_and_schemes() {
        for (typed, scheme, host, port) in [
            ("mail.example.org:993", None, "mail.example.org", Some(993)),
            ("192.0.2.1:25", None, "192.0.2.1", Some(25)),
            ("[2001:db8::1]:993", None, "2001:db8::1", Some(993)),
            ("imaps://mail.example.org", Some(Scheme::Imaps), "mail.example.org", None),
            ("IMAP://mail.example.org:993/", Some(Scheme::Imap), "mail.example.org", Some(993)),
            ("smtps://[2001:db8::1]", Some(Scheme::Submissions), "2001:db8::1", None),
            ("submission://[2001:db8::1]:587", Some(Scheme::Submission), "2001:db8::1", Some(587)),
        ] {
            let Target::Host { scheme: found, host: named, port: number } = Target::parse(typed).unwrap()
            else {
                panic!("{typed}")
            };
            assert_eq!(
                (found, named.to_string().as_str(), number.map(Port::get)),
                (scheme, host, port),
                "{typed}"
            );
        }
    }

    #[test]
    fn bad_servers_are_refused_with_the_reason() {
        for (typed, reason) in [
            ("", "empty"),
            ("mail.example.org:0", "port"),
            ("mail.example.org:70000", "port"),
            ("mail.example.org:+25", "port"),
            ("mail.example.org:", "port"),
            ("2001:db8::1", "needs a port"),
            ("2001:db8::1:x:993", "IPv6"),
            ("[2001:db8::1]", "needs a port"),
            ("[mail]:993", "IPv6"),
            ("192.0.2.1", "needs a port"),
            ("gopher://example.org", "scheme"),
            ("imaps://user@example.org", "user name"),
            ("imaps://example.org/INBOX", "path"),
            ("imaps://", "empty"),
        ] {
            let error = Target::parse(typed).unwrap_err();
            assert!(error.to_string().contains(reason), "{typed:?}: {error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn addresses_that_servers_trust_are_known() {
        for (address, loopback, private) in [
            ("127.0.0.9", true, false),
            ("::1", true, false),
            ("::ffff:127.0.0.1", true, false),
            ("10.1.2.3", false, true),
            ("100.64.0.1", false, true),
            ("fd00::1", false, true),
            ("0.0.0.0", false, true),
            ("255.255.255.255", false, true),
            ("::ffff:192.168.0.1", false, true),
            ("64:ff9b::10.0.0.1", false, true),
            ("64:ff9b::127.0.0.1", false, true),
            ("64:ff9b:1::192.0.2.1", false, true),
            ("2002:c0a8:1::1", false, true),
            ("2002:7f00:1::1", false, true),
            ("fe80::1", false, true),
            ("64:ff9b::192.0.2.1", false, false),
            ("2002:c000:201::1", false, false),
            ("::", false, true),
            ("192.0.2.1", false, false),
            ("2001:db8::1", false, false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!((is_loopback(parsed), is_private(parsed)), (loopback, private), "{address}");
        }
    }
}
