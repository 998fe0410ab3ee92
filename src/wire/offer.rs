//! What a document about mail settings offers, whatever its form: services whose names may hold placeholders.
//!
//! The readers of autoconfig, PACC and Autodiscover all give an [`Offer`]; filling the placeholders is for the lookup.

use crate::settings::{AuthMethod, HostTemplate, Instruction, OAuth2, Protocol, Security, Username};
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
