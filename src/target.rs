//! What a person types: an address, a domain, `host:port` or a URL; and the checked values made of it.
//!
//! Nothing here knows which port belongs to which protocol ([`crate::settings`] does) or asks the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

/// A domain name, checked: lower-case A-labels (RFC 5890), at most 253 octets, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// Reads a domain as typed: any case, U-labels or A-labels, one trailing dot allowed, a single label allowed.
    ///
    /// # Errors
    /// [`InvalidTarget`] when the name is empty, has a label that is empty, over 63 octets or not of letters,
    /// digits and hyphens, is longer than 253 octets, or is an IP address.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = |problem| InvalidTarget::Domain { text: text.to_owned(), problem };
        if let Some(problem) = unprintable(text) {
            return Err(invalid(problem));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(invalid("it is empty"));
        }
        if name.contains('_') {
            return Err(invalid("it has an underscore"));
        }
        let ascii = idna::domain_to_ascii_strict(name).map_err(|_| invalid(label_problem(name)))?;
        if ascii.ends_with('.') {
            return Err(invalid("it has an empty label"));
        }
        if ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(invalid("it is a number or an IP address, not a name"));
        }
        Ok(Self(ascii))
    }

    /// The name in A-labels, as it goes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in U-labels, as a person reads it; the A-labels where a label cannot be decoded.
    pub fn unicode(&self) -> String {
        if !self.0.contains("xn--") {
            return self.0.clone();
        }
        match idna::domain_to_unicode(&self.0) {
            (unicode, Ok(())) => unicode,
            _ => self.0.clone(),
        }
    }
}

/// Prints the A-labels.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail address (RFC 5321 `Mailbox`): the local part as typed, the domain checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    local_part: String,
    domain: Domain,
}

impl Address {
    /// Reads `local@domain`; a quoted local part, plus addressing and non-ASCII local parts are fine.
    ///
    /// # Errors
    /// [`InvalidTarget`] for a second unquoted `@`, an address literal as domain, white space outside quotes,
    /// control characters, an empty or over-long (64 octets) local part, or a bad domain.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = |problem| InvalidTarget::Address { text: text.to_owned(), problem };
        let (local_part, domain) = text.rsplit_once('@').ok_or_else(|| invalid("it has no @"))?;
        if domain.is_empty() {
            return Err(invalid("it has nothing after the @"));
        }
        if domain.starts_with('[') {
            return Err(invalid("its domain is an address literal, which has no settings to look up"));
        }
        if domain.contains(':') {
            return Err(invalid("an address takes no port"));
        }
        if let Some(problem) = local_part_problem(local_part) {
            return Err(invalid(problem));
        }
        Ok(Self { local_part: local_part.to_owned(), domain: Domain::parse(domain)? })
    }

    /// The part before the `@`, as typed.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

/// A host: a name to resolve or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name.
    Name(Domain),
    /// An address; IPv6 is printed without brackets.
    Ip(IpAddr),
}

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address with or without brackets.
    ///
    /// # Errors
    /// [`InvalidTarget`] when it is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(inner) = bare {
            return inner
                .parse::<Ipv6Addr>()
                .map(|address| Self::Ip(IpAddr::V6(address)))
                .map_err(|_| InvalidTarget::Ipv6 { text: text.to_owned() });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address));
        }
        Domain::parse(text).map(Self::Name)
    }

    /// The name, when it is one.
    pub fn name(&self) -> Option<&Domain> {
        match self {
            Self::Name(name) => Some(name),
            Self::Ip(_) => None,
        }
    }

    /// The host as it stands before `:port`: an IPv6 address gets brackets.
    pub fn bracketed(&self) -> String {
        match self {
            Self::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(NonZeroU16);

impl Port {
    /// Makes a port of a number.
    ///
    /// # Errors
    /// [`InvalidTarget::Port`] for 0 and numbers over 65535.
    pub fn new(number: i64) -> Result<Self, InvalidTarget> {
        u16::try_from(number)
            .ok()
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or_else(|| InvalidTarget::Port { text: number.to_string() })
    }

    /// Reads decimal digits.
    ///
    /// # Errors
    /// [`InvalidTarget::Port`] for anything but a number from 1 to 65535.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse::<i64>().ok() } else { None };
        number
            .and_then(|number| Self::new(number).ok())
            .ok_or_else(|| InvalidTarget::Port { text: text.to_owned() })
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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
    fn of(self, typed: &str) -> Self {
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

fn unprintable(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    text.chars().any(char::is_whitespace).then_some("it has white space")
}

fn label_problem(name: &str) -> &'static str {
    if name.split('.').any(str::is_empty) {
        return "it has an empty label";
    }
    if name.split('.').any(|label| label.len() > 63) {
        return "it has a label of more than 63 octets";
    }
    if name.len() > 253 {
        return "it has more than 253 octets";
    }
    "its labels must be of letters, digits and inner hyphens"
}

fn local_part_problem(local_part: &str) -> Option<&'static str> {
    if local_part.is_empty() {
        return Some("it has nothing before the @");
    }
    if local_part.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    if local_part.len() > LOCAL_PART_OCTETS {
        return Some("its local part has more than 64 octets");
    }
    let quoted = local_part.len() >= 2 && local_part.starts_with('"') && local_part.ends_with('"');
    if quoted {
        return None;
    }
    if local_part.contains('@') {
        return Some("it has a second @");
    }
    if local_part.contains('"') {
        return Some("its quotes do not enclose the local part");
    }
    local_part.chars().any(char::is_whitespace).then_some("it has white space")
}

/// RFC 5321, section 4.5.3.1.1.
const LOCAL_PART_OCTETS: usize = 64;

/// True for addresses of this machine, where servers relax their rules.
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

/// True for addresses that are not reachable from the public Internet (RFC 1918, RFC 4193, link-local, shared).
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

/// 100.64.0.0/10, RFC 6598.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
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
            ("192.0.2.1", false, false),
            ("2001:db8::1", false, false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!((is_loopback(parsed), is_private(parsed)), (loopback, private), "{address}");
        }
    }
}
