//! Services and who offers them: what a lookup finds.

use super::{AuthMethod, Endpoint, Security, Source, Trust, Username};
use crate::target::{Domain, Host, InvalidTarget, Port};

/// How to reach a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A mail server, which can be probed.
    Server(Endpoint),
    /// A server for filter scripts (RFC 5804).
    ManageSieve {
        /// Its host.
        host: Host,
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

impl Access {
    /// The word for JSON.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Server(endpoint) => endpoint.protocol.as_str(),
            Self::ManageSieve { .. } => "managesieve",
            Self::Jmap { .. } => "jmap",
        }
    }

    /// The name as a person reads it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Server(endpoint) => endpoint.protocol.name(),
            Self::ManageSieve { .. } => "ManageSieve",
            Self::Jmap { .. } => "JMAP",
        }
    }

    /// The mail server, when it is one.
    pub fn server(&self) -> Option<&Endpoint> {
        match self {
            Self::Server(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    /// The host, or the URL of a service that has one in its place.
    pub fn host_or_url(&self) -> String {
        match self {
            Self::Server(endpoint) => endpoint.host.to_string(),
            Self::ManageSieve { host, .. } => host.to_string(),
            Self::Jmap { url } => url.clone(),
        }
    }

    /// Host, port and security, when it has them.
    pub fn place(&self) -> Option<(&Host, Port, Security)> {
        match self {
            Self::Server(endpoint) => Some((&endpoint.host, endpoint.port, endpoint.security)),
            Self::ManageSieve { host, port, security } => Some((host, *port, *security)),
            Self::Jmap { .. } => None,
        }
    }
}

/// One published way to fetch, submit or filter mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// How to reach it.
    pub access: Access,
    /// What the server wants as user name, when the source says.
    pub username: Option<Username>,
    /// How to sign in, best first; empty when the source does not say.
    pub auth: Vec<AuthMethod>,
    /// Where this service was found.
    pub source: Source,
    /// What vouches for it.
    pub trust: Trust,
    /// True when its host is of another registrable domain than the address.
    pub other_domain: bool,
    /// True for the one incoming and the one outgoing service a client should take.
    pub recommended: bool,
}

/// Who runs the servers, and what their users should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The key in the table.
    pub id: String,
    /// The name people know.
    pub name: String,
    /// A page of the provider about mail clients.
    pub documentation: Option<String>,
    /// What to do before signing in ("create an app password").
    pub instructions: Vec<Instruction>,
    /// Where to read mail in a browser.
    pub webmail: Option<String>,
    /// Where to get a token.
    pub oauth2: Option<OAuth2>,
}

/// One thing a person has to do or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The sentence.
    pub text: String,
    /// A page about it.
    pub url: Option<String>,
}

/// Where a client gets a token to sign in with (RFC 6749, RFC 8414).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// The issuer: a URL in PACC, a host name in autoconfig.
    pub issuer: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The authorization endpoint.
    pub auth_url: Option<String>,
    /// The token endpoint.
    pub token_url: Option<String>,
}

/// The settings of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who runs the servers, when known.
    pub provider: Option<ProviderInfo>,
    /// The services in the order of their source.
    pub services: Vec<Service>,
}

/// Marks the incoming and the outgoing service to take: TLS before STARTTLS before clear text, IMAP before POP3,
/// then the source's own order.
pub fn recommend(services: &mut [Service]) {
    services.iter_mut().for_each(|service| service.recommended = false);
    for incoming in [true, false] {
        let rank = |service: &Service| {
            let server =
                service.access.server().filter(|server| server.protocol.is_incoming() == incoming)?;
            Some((server.protocol, server.security))
        };
        let best =
            services.iter_mut().filter(|service| rank(service).is_some()).min_by_key(|service| rank(service));
        if let Some(service) = best {
            service.recommended = true;
        }
    }
}

/// The host of a table entry or a document: `%EMAILDOMAIN%` in it becomes the domain asked for.
///
/// Kept in the A-labels of RFC 5890, so that no character of a stranger that is not seen stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTemplate(String);

impl HostTemplate {
    /// Reads a host name, an IP address, or a name with `%EMAILDOMAIN%`.
    ///
    /// # Errors
    /// [`InvalidTarget`] when the text is no host once the placeholder is filled.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if !text.contains(DOMAIN_PLACEHOLDER) {
            return Ok(Self(Host::parse(text)?.to_string()));
        }
        let filled = Host::parse(&text.replace(DOMAIN_PLACEHOLDER, STAND_IN))?.to_string();
        // In one label with letters that are encoded it would be encoded too, whatever the domain is then.
        let count = |text: &str, what: &str| text.matches(what).count();
        if text.contains(STAND_IN) || count(&filled, STAND_IN) != count(text, DOMAIN_PLACEHOLDER) {
            let problem = "its placeholder stands in a label that has to be encoded";
            return Err(InvalidTarget::Domain { text: text.to_owned(), problem });
        }
        Ok(Self(filled.replace(STAND_IN, DOMAIN_PLACEHOLDER)))
    }

    /// The host for a domain.
    ///
    /// # Errors
    /// [`InvalidTarget`] when the name becomes too long with this domain.
    pub fn of(&self, domain: &Domain) -> Result<Host, InvalidTarget> {
        Host::parse(&self.0.replace(DOMAIN_PLACEHOLDER, domain.as_str()))
    }

    /// The host in words, for a screen without a domain: `mail.<domain>`.
    pub fn form(&self) -> String {
        self.0.replace(DOMAIN_PLACEHOLDER, "<domain>")
    }
}

/// The one placeholder that makes sense in a host.
const DOMAIN_PLACEHOLDER: &str = "%EMAILDOMAIN%";

/// Stands for the placeholder while a template is read: a name that nobody can have (RFC 6761, section 6.4).
const STAND_IN: &str = "email-domain.invalid";
