//! The checked values that a target is made of: domain, address, host, port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use super::InvalidTarget;
use super::unseen::is_unseen;

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

    /// The name in U-labels, as a person reads it; the A-labels where a label cannot be decoded or holds what is not seen.
    pub fn unicode(&self) -> String {
        if !self.0.contains("xn--") {
            return self.0.clone();
        }
        match idna::domain_to_unicode(&self.0) {
            (unicode, Ok(())) if !unicode.chars().any(is_unseen) => unicode,
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

/// True for addresses of this machine, where servers relax their rules.
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

/// True for addresses of this machine, and for those that are not reachable from the public Internet.
pub fn is_near(address: IpAddr) -> bool {
    is_loopback(address) || is_private(address)
}

/// True for addresses that are not reachable from the public Internet (RFC 1918, RFC 4193, link-local, shared), also
/// where a translator would lead to one.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || is_this_network(v4)
                || is_shared(v4)
                || is_reserved(v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| is_private(IpAddr::V4(v4)))
                || translated(v6).is_some_and(|v4| is_near(IpAddr::V4(v4)))
                || matches!(v6.segments(), [0x64, 0xff9b, 1, ..])
        }
    }
}

/// The IPv4 address that NAT64 (64:ff9b::/96, RFC 6052) or 6to4 (2002::/16, RFC 3056) leads to. The prefix
/// 64:ff9b:1::/48 is for local use as a whole (RFC 8215).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

/// 0.0.0.0/8, RFC 1122: some systems take it for this machine.
fn is_this_network(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [0, ..])
}

/// 240.0.0.0/4, RFC 1112: nobody has such an address, and the last is everybody on the wire.
fn is_reserved(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first >= 240
}

/// 100.64.0.0/10, RFC 6598.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
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
