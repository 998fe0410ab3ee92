//! Which resolver is asked: the system's, one at an address, or one behind TLS or HTTPS.

use std::net::{IpAddr, SocketAddr};

use crate::net::http::Url;
use crate::net::proxy::without_user_info;
use crate::target::{Host, Port};

/// The resolver to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResolverChoice {
    /// The system's own.
    #[default]
    System,
    /// The one at this address, over UDP and TCP.
    At(SocketAddr),
    /// DNS over TLS (RFC 7858). A name is resolved by the system's resolver.
    Tls {
        /// The host, which the certificate must be for.
        host: Host,
        /// The port, 853 unless named.
        port: Port,
    },
    /// DNS over HTTPS (RFC 8484), HTTP/2 alone. A name is resolved by the system's resolver.
    Https(Url),
}

impl ResolverChoice {
    /// Reads `ADDR[:PORT]`, `tls://HOST[:PORT]` or `https://HOST[:PORT]/dns-query`.
    ///
    /// # Errors
    /// [`InvalidResolver`] naming the text.
    pub fn parse(text: &str) -> Result<Self, InvalidResolver> {
        let chosen = match text.split_once("://") {
            Some(("tls", authority)) => over_tls(authority),
            Some(("https", _)) => over_https(text),
            Some(_) => None,
            None => at_address(text),
        };
        chosen.ok_or_else(|| InvalidResolver(without_user_info(text)))
    }

    /// That no connection came about, in words.
    pub(super) fn unreached(&self) -> String {
        match self {
            Self::System => "the system's resolver is not reached".to_owned(),
            Self::At(address) => format!("the resolver {address} is not reached"),
            Self::Tls { host, .. } => unreached_over_tls(host),
            Self::Https(url) => unreached_over_tls(url.host()),
        }
    }
}

fn at_address(text: &str) -> Option<ResolverChoice> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, DNS_PORT),
        Err(_) => text.parse().ok().filter(|socket: &SocketAddr| socket.port() != 0)?,
    };
    Some(ResolverChoice::At(address))
}

fn over_tls(authority: &str) -> Option<ResolverChoice> {
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Port::parse(port)),
        _ => (authority, Port::new(DNS_OVER_TLS_PORT)),
    };
    if host.contains(':') && !host.starts_with('[') {
        return None;
    }
    Some(ResolverChoice::Tls { host: Host::parse(host).ok()?, port: port.ok()? })
}

fn over_https(text: &str) -> Option<ResolverChoice> {
    let url = Url::parse(text).ok()?;
    // hickory puts the host into the field `:authority` without brackets, which no IPv6 address survives.
    let fits = url.path_and_query() != "/" && !matches!(url.host(), Host::Ip(IpAddr::V6(_)));
    fits.then_some(ResolverChoice::Https(url))
}

fn unreached_over_tls(host: &Host) -> String {
    format!("the resolver {host} is not reached over TLS, or its certificate is not trusted")
}

/// A text that names no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a resolver: {0:?}")]
pub struct InvalidResolver(String);

impl InvalidResolver {
    /// What to write.
    pub fn hint(&self) -> &'static str {
        "write --resolver 192.0.2.53 or [2001:db8::53]:5353, tls://dns.example.org or https://dns.example.org/dns-query"
    }
}

const DNS_PORT: u16 = 53;

/// RFC 7858, section 3.1.
const DNS_OVER_TLS_PORT: i64 = 853;

#[cfg(test)]
mod tests {
    use super::*;

    fn described(choice: &ResolverChoice) -> String {
        match choice {
            ResolverChoice::System => "system".to_owned(),
            ResolverChoice::At(address) => format!("at {address}"),
            ResolverChoice::Tls { host, port } => format!("tls {host} {port}"),
            ResolverChoice::Https(url) => format!("https {url}"),
        }
    }

    #[test]
    fn resolvers_are_addresses_or_urls() {
        for (text, choice) in [
            ("192.0.2.53", "at 192.0.2.53:53"),
            ("192.0.2.53:5353", "at 192.0.2.53:5353"),
            ("2001:db8::53", "at [2001:db8::53]:53"),
            ("[2001:db8::53]", "at [2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "at [2001:db8::53]:5353"),
            ("tls://dns.example.org", "tls dns.example.org 853"),
            ("tls://192.0.2.53:8853/", "tls 192.0.2.53 8853"),
            ("tls://[2001:db8::53]", "tls 2001:db8::53 853"),
            ("tls://[2001:db8::53]:8853", "tls 2001:db8::53 8853"),
            ("https://dns.example.org/dns-query", "https https://dns.example.org/dns-query"),
            ("https://192.0.2.53:8443/dns-query", "https https://192.0.2.53:8443/dns-query"),
            ("https://dns.example.org/a1b2", "https https://dns.example.org/a1b2"),
        ] {
            assert_eq!(described(&ResolverChoice::parse(text).unwrap()), choice, "{text}");
        }
    }

    #[test]
    fn what_is_no_resolver_is_refused_and_a_password_not_repeated() {
        for text in [
            "",
            "system",
            "dns.example.org",
            "192.0.2.53:0",
            "192.0.2.53:70000",
            "tls://",
            "tls://dns.example.org:0",
            "tls://dns.example.org/dns-query",
            "tls://2001:db8::53",
            "tls://user:secret@dns.example.org",
            "https://",
            "https://dns.example.org",
            "https://dns.example.org/",
            "https://[2001:db8::53]/dns-query",
            "https://user:secret@dns.example.org/dns-query",
            "http://dns.example.org/dns-query",
            "quic://dns.example.org",
        ] {
            let error = ResolverChoice::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
