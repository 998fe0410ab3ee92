//! What a document about mail settings offers, whatever its form: services whose names may hold placeholders.
//!
//! The readers of autoconfig, PACC and Autodiscover all give an [`Offer`]; filling the placeholders is for the lookup.

use super::line::excerpt;
use super::text::{NAME_CHARACTERS, clean};
use crate::settings::{AuthMethod, HostTemplate, Instruction, OAuth2, Protocol, Security, Username, fill};
use crate::target::Port;

/// The contents of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The key of the provider.
    pub provider_id: Option<String>,
    /// The name people know.
    pub name: Option<String>,
    /// A page of the provider about mail clients.
    pub documentation: Option<String>,
    /// What to do before signing in.
    pub instructions: Vec<Instruction>,
    /// Where to read mail in a browser.
    pub webmail: Option<String>,
    /// Where to get a token.
    pub oauth2: Option<OAuth2>,
    /// The services in the order of the document.
    pub services: Vec<OfferedService>,
    /// What was dropped because it made no sense, a sentence each.
    pub notes: Vec<String>,
}

/// One service of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedService {
    /// How to reach it.
    pub access: OfferedAccess,
    /// What the server wants as user name, when the document says.
    pub username: Option<Username>,
    /// How to sign in, best first; empty when the document does not say.
    pub auth: Vec<AuthMethod>,
}

/// How to reach an offered service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferedAccess {
    /// A mail server.
    Server {
        /// Its protocol.
        protocol: Protocol,
        /// Its host, with placeholders.
        host: HostTemplate,
        /// Its port.
        port: Port,
        /// How the connection is protected.
        security: Security,
    },
    /// A server for filter scripts (RFC 5804).
    ManageSieve {
        /// Its host, with placeholders.
        host: HostTemplate,
        /// Its port.
        port: Port,
        /// How the connection is protected.
        security: Security,
    },
    /// A JMAP session resource (RFC 8620).
    Jmap {
        /// Its URL.
        url: String,
    },
}

/// Reads the host of a server section; the error says what is wrong with it.
pub(super) fn host(text: Option<&str>) -> Result<HostTemplate, String> {
    let text = text.ok_or("it has no host name")?;
    let quoted = quote(text);
    if text.contains("%EMAILADDRESS%") || text.contains("%EMAILLOCALPART%") {
        return Err(format!("its host name depends on the local part: {quoted}"));
    }
    if text.len() > HOST_BYTES {
        return Err(format!("its host name is too long: {quoted}"));
    }
    HostTemplate::parse(text).map_err(|_| format!("its host name {}: {quoted}", host_problem(text)))
}

fn host_problem(text: &str) -> &'static str {
    if text.contains("://") {
        return "is a URL";
    }
    if text.chars().any(char::is_whitespace) {
        return "has white space";
    }
    if text.chars().any(char::is_control) {
        return "has a control character";
    }
    if text.contains(':') {
        return "has a port in it";
    }
    "is no name of a host"
}

/// Reads the port of a server section; the error says what is wrong with it.
pub(super) fn port(text: Option<&str>) -> Result<Port, String> {
    let text = text.ok_or("it has no port")?;
    Port::parse(text).map_err(|_| format!("its port is not between 1 and 65535: {}", quote(text)))
}

/// Reads a user name, which may be written with placeholders or stand for itself.
pub(super) fn username(text: &str) -> Option<Username> {
    let whole = text.len() <= USERNAME_BYTES && !text.chars().any(char::is_control);
    let known = fill(text, "", "", "");
    if !whole || known.contains("%EMAIL") {
        return None;
    }
    Some(match text {
        "%EMAILADDRESS%" | "%EMAILLOCALPART%@%EMAILDOMAIN%" => Username::Address,
        "%EMAILLOCALPART%" => Username::LocalPart,
        other => Username::Template(other.to_owned()),
    })
}

/// A stranger's words inside a sentence.
pub(super) fn quote(text: &str) -> String {
    format!("{:?}", excerpt(&clean(text, NAME_CHARACTERS).unwrap_or_default()))
}

/// The most services of one document.
pub const SERVICES: usize = 100;

/// A name has 253 octets, a placeholder takes the place of some.
pub const HOST_BYTES: usize = 300;

/// RFC 5321, section 4.5.3.1: 64 octets, `@`, 255 octets.
pub const USERNAME_BYTES: usize = 320;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::target::Domain;

    /// `imap mail.example.org:993 tls`, one a service, for the domain example.org.
    pub(crate) fn list(offer: &Offer) -> Vec<String> {
        let domain = Domain::parse("example.org").unwrap();
        let listed = |service: &OfferedService| match &service.access {
            OfferedAccess::Server { protocol, host, port, security } => {
                format!("{protocol} {}:{port} {security}", host.of(&domain).unwrap())
            }
            OfferedAccess::ManageSieve { host, port, security } => {
                format!("managesieve {}:{port} {security}", host.of(&domain).unwrap())
            }
            OfferedAccess::Jmap { url } => format!("jmap {url}"),
        };
        offer.services.iter().map(listed).collect()
    }

    #[test]
    fn hosts_that_make_no_sense_say_why() {
        let long = format!("{}example.org", "%EMAILDOMAIN%.".repeat(30));
        for (text, problem) in [
            (None, "no host name"),
            (Some("imap example.org"), "white space"),
            (Some("https://imap.example.org"), "a URL"),
            (Some("imap.example.org:993"), "a port in it"),
            (Some("imap\u{1b}.example.org"), "control"),
            (Some("imap_1.example.org"), "no name"),
            (Some("%EMAILLOCALPART%.example.org"), "local part"),
            (Some(&long), "too long"),
        ] {
            let error = host(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains('\u{1b}'), "{text:?}: {error}");
        }
        for text in
            ["imap.example.org", "IMAP.%EMAILDOMAIN%", "192.0.2.1", "2001:db8::1", "imap.example.org."]
        {
            assert!(host(Some(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn user_names_are_forms_or_stand_for_themselves() {
        for (text, expected) in [
            ("%EMAILADDRESS%", Some(Username::Address)),
            ("%EMAILLOCALPART%@%EMAILDOMAIN%", Some(Username::Address)),
            ("%EMAILLOCALPART%", Some(Username::LocalPart)),
            ("%EMAILLOCALPART%.x", Some(Username::Template("%EMAILLOCALPART%.x".to_owned()))),
            ("email", Some(Username::Template("email".to_owned()))),
            ("%EMAILADDRESS", None),
            ("a\u{1b}b", None),
            (&"a".repeat(USERNAME_BYTES + 1), None),
        ] {
            assert_eq!(username(text), expected, "{text}");
        }
    }
}
