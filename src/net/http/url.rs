//! The URL of a web page, checked: `http` or `https`, a host, a port and a path. No user name, no fragment.

use std::fmt;

use hyper::http::uri::PathAndQuery;

use crate::net::proxy::without_user_info;
use crate::target::{Host, Port};
use crate::wire::line::excerpt;

/// A URL that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    scheme: Scheme,
    host: Host,
    port: Port,
    path_and_query: String,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `https:`
    Https,
    /// `http:`
    Http,
}

impl Scheme {
    /// The word before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl Url {
    /// Reads an absolute URL; a fragment is dropped.
    ///
    /// # Errors
    /// [`InvalidUrl`] for another scheme, a user name, white space, a host that is none, port 0, or too long a text.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |problem| InvalidUrl::new(text, problem);
        if text.len() > URL_BYTES {
            return Err(invalid(TOO_LONG));
        }
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(invalid("it has white space or control characters"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        if rest.is_empty() || rest.starts_with(['/', '\\', '?', '#']) {
            return Err(invalid("it has no host"));
        }
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(invalid("its scheme is neither http nor https"));
        }
        Self::checked(&::url::Url::parse(text).map_err(|error| invalid(problem(error)))?, text)
    }

    /// Resolves a reference, as in a `Location` field, against this URL (RFC 3986, section 5).
    ///
    /// # Errors
    /// [`InvalidUrl`] when the outcome is no URL that [`Url::parse`] would take.
    pub fn join(&self, location: &str) -> Result<Self, InvalidUrl> {
        let invalid = |error| InvalidUrl::new(location, problem(error));
        if location.len() > URL_BYTES {
            return Err(InvalidUrl::new(location, TOO_LONG));
        }
        let base = ::url::Url::parse(&self.to_string()).map_err(invalid)?;
        Self::checked(&base.join(location).map_err(invalid)?, location)
    }

    fn checked(url: &::url::Url, text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |problem| InvalidUrl::new(text, problem);
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(invalid("its scheme is neither http nor https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has a user name or a password"));
        }
        let host = Host::parse(url.host_str().unwrap_or_default())
            .map_err(|_| invalid("its host is neither a name nor an IP address"))?;
        let port = Port::new(i64::from(url.port().unwrap_or(scheme.default_port())))
            .map_err(|_| invalid("its port is not from 1 to 65535"))?;
        let path_and_query = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        PathAndQuery::try_from(path_and_query.as_str())
            .map_err(|_| invalid("its path has characters that HTTP does not allow"))?;
        let checked = Self { scheme, host, port, path_and_query };
        match checked.to_string().len() {
            0..=URL_BYTES => Ok(checked),
            _ => Err(invalid(TOO_LONG)),
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own unless another was named.
    pub fn port(&self) -> Port {
        self.port
    }

    /// The path, at least `/`, and the query behind it.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The host, and the port unless it is the scheme's own: the value of the field `Host` (RFC 9110, section 7.2).
    pub fn authority(&self) -> String {
        match self.port.get() == self.scheme.default_port() {
            true => self.host.bracketed(),
            false => format!("{}:{}", self.host.bracketed(), self.port),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path_and_query)
    }
}

/// A text that is no URL to ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL to ask for, {problem}: {text:?}")]
pub struct InvalidUrl {
    text: String,
    problem: &'static str,
}

impl InvalidUrl {
    fn new(text: &str, problem: &'static str) -> Self {
        Self { text: excerpt(&without_user_info(text)), problem }
    }
}

fn problem(error: ::url::ParseError) -> &'static str {
    use ::url::ParseError;
    match error {
        ParseError::EmptyHost => "it has no host",
        ParseError::InvalidPort => "its port is not from 1 to 65535",
        ParseError::RelativeUrlWithoutBase => "it has no scheme",
        ParseError::IdnaError
        | ParseError::InvalidDomainCharacter
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address => "its host is neither a name nor an IP address",
        _ => "it cannot be parsed",
    }
}

const TOO_LONG: &str = "it is longer than 8000 octets";

/// RFC 9110, section 4.1: what everybody should be able to handle.
pub const URL_BYTES: usize = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, url, host, port) in [
            ("https://example.org", "https://example.org/", "example.org", 443),
            ("HTTPS://Example.ORG:443/A?b#c", "https://example.org/A?b", "example.org", 443),
            ("http://example.org:8080/", "http://example.org:8080/", "example.org", 8080),
            ("http://example.org:443/", "http://example.org:443/", "example.org", 443),
            (
                "https://bücher.example/ü",
                "https://xn--bcher-kva.example/%C3%BC",
                "xn--bcher-kva.example",
                443,
            ),
            ("https://example.org./x", "https://example.org/x", "example.org", 443),
            ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", "2001:db8::1", 8443),
            ("https://192.0.2.1?q=%2B", "https://192.0.2.1/?q=%2B", "192.0.2.1", 443),
            ("https://example.org/a/../b/./c", "https://example.org/b/c", "example.org", 443),
        ] {
            let parsed = Url::parse(text).unwrap();
            assert_eq!(
                (parsed.to_string().as_str(), parsed.host().to_string().as_str(), parsed.port().get()),
                (url, host, port),
                "{text}"
            );
            assert_eq!(Url::parse(url).unwrap(), parsed, "{text}");
        }
    }

    #[test]
    fn a_url_that_grows_too_long_when_it_is_encoded_is_refused() {
        let long = format!("https://example.org/{}", "é".repeat(URL_BYTES / 4));
        let base = Url::parse("https://example.org/").unwrap();
        for refused in [Url::parse(&long), base.join(&long)] {
            assert!(refused.unwrap_err().to_string().contains(TOO_LONG));
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "no scheme"),
            ("example.org/x", "no scheme"),
            ("https:example.org", "no scheme"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("ftp://example.org/", "neither http nor https"),
            ("javascript://example.org/", "neither http nor https"),
            ("https://user@example.org/", "user name"),
            ("https://:secret@example.org/", "user name"),
            ("https://exa mple.org/", "white space"),
            ("https://example.org/\r\nHost: x", "white space"),
            ("https://a_b.example.org/", "neither a name"),
            ("https://example..org/", "neither a name"),
            ("https://[::1/", "neither a name"),
            ("https://example.org:0/", "port"),
            ("https://example.org:65536/", "port"),
            ("https://example.org:-1/", "port"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let long = format!("https://example.org/{}", "a".repeat(URL_BYTES));
        let error = Url::parse(&long).unwrap_err().to_string();
        assert!(error.contains("8000") && error.len() < 1_000, "{error}");
    }

    #[test]
    fn locations_are_resolved_against_the_page_they_came_from() {
        let base = Url::parse("https://example.org:8443/mail/config.xml?a=b").unwrap();
        for (location, url) in [
            ("other.xml", "https://example.org:8443/mail/other.xml"),
            ("/other.xml?x", "https://example.org:8443/other.xml?x"),
            ("../other.xml", "https://example.org:8443/other.xml"),
            ("?c=d", "https://example.org:8443/mail/config.xml?c=d"),
            ("#top", "https://example.org:8443/mail/config.xml?a=b"),
            ("", "https://example.org:8443/mail/config.xml?a=b"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("http://example.org/x", "http://example.org/x"),
            ("/with space", "https://example.org:8443/with%20space"),
            (" https://example.net/ ", "https://example.net/"),
        ] {
            assert_eq!(base.join(location).unwrap().to_string(), url, "{location:?}");
        }
        for location in [
            "mailto:a@b",
            "ftp://example.org/",
            "https://u:p@example.org/",
            "//",
            "https://a_b/",
            "http://x:0/",
            "data:,x",
        ] {
            assert!(base.join(location).is_err(), "{location:?}");
        }
    }
}
