//! One place to connect to, and what ports and schemes say of it.

use super::{Protocol, Security};
use crate::target::{Host, InvalidTarget, Port, Scheme};

/// One place to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The protocol spoken there.
    pub protocol: Protocol,
    /// The host.
    pub host: Host,
    /// The TCP port.
    pub port: Port,
    /// How the connection is protected.
    pub security: Security,
}

/// What a person fixed on the command line over what a port or a scheme says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--protocol`
    pub protocol: Option<Protocol>,
    /// `--security`
    pub security: Option<Security>,
}

impl Endpoint {
    /// Completes what was typed: a scheme fixes protocol and security, else the port tells both; overrides win.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] when neither the port nor an override tells protocol or security.
    pub fn complete(
        scheme: Option<Scheme>,
        host: Host,
        port: Option<Port>,
        overrides: Overrides,
    ) -> Result<Self, InvalidEndpoint> {
        let known = scheme.map(of_scheme).or_else(|| port.and_then(|port| of_port(port.get())));
        let unknown = |missing| InvalidEndpoint { host: host.bracketed(), port, missing };
        let protocol =
            overrides.protocol.or(known.map(|(protocol, _)| protocol)).ok_or_else(|| unknown("protocol"))?;
        let security =
            overrides.security.or(known.map(|(_, security)| security)).ok_or_else(|| unknown("security"))?;
        let port = match port {
            Some(port) => port,
            None => default_port(scheme, protocol, security).map_err(|_| unknown("port"))?,
        };
        Ok(Self { protocol, host, port, security })
    }

    /// True for SMTP on port 25, where TLS is opportunistic.
    pub fn is_relay(&self) -> bool {
        self.protocol == Protocol::Smtp && self.port.get() == RELAY_PORT
    }

    /// True when the port is registered for TLS from the first byte, and something else was asked for.
    pub fn is_at_tls_port(&self) -> bool {
        self.security != Security::Tls
            && of_port(self.port.get()).is_some_and(|(_, by_port)| by_port == Security::Tls)
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host.bracketed(), self.port)
    }
}

/// A `host:port` whose protocol or security is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {missing} of {host}:{} is not known by its port", port.map_or_else(String::new, |port| port.to_string()))]
pub struct InvalidEndpoint {
    host: String,
    port: Option<Port>,
    missing: &'static str,
}

impl InvalidEndpoint {
    /// What to type instead.
    pub fn hint(&self) -> String {
        "add --protocol imap|pop3|smtp and --security tls|starttls|none, or write a URL such as imaps://host:port"
            .to_owned()
    }
}

fn of_scheme(scheme: Scheme) -> (Protocol, Security) {
    match scheme {
        Scheme::Imap => (Protocol::Imap, Security::StartTls),
        Scheme::Imaps => (Protocol::Imap, Security::Tls),
        Scheme::Pop3 => (Protocol::Pop3, Security::StartTls),
        Scheme::Pop3s => (Protocol::Pop3, Security::Tls),
        Scheme::Smtp | Scheme::Submission => (Protocol::Smtp, Security::StartTls),
        Scheme::Submissions => (Protocol::Smtp, Security::Tls),
    }
}

/// What the registered ports carry (RFC 8314, section 7, for implicit TLS; 2525 is common practice).
fn of_port(port: u16) -> Option<(Protocol, Security)> {
    Some(match port {
        143 => (Protocol::Imap, Security::StartTls),
        993 => (Protocol::Imap, Security::Tls),
        110 => (Protocol::Pop3, Security::StartTls),
        995 => (Protocol::Pop3, Security::Tls),
        RELAY_PORT | 587 | 2525 => (Protocol::Smtp, Security::StartTls),
        465 => (Protocol::Smtp, Security::Tls),
        _ => return None,
    })
}

fn default_port(
    scheme: Option<Scheme>,
    protocol: Protocol,
    security: Security,
) -> Result<Port, InvalidTarget> {
    let number = match (protocol, security) {
        (Protocol::Imap, Security::Tls) => 993,
        (Protocol::Imap, _) => 143,
        (Protocol::Pop3, Security::Tls) => 995,
        (Protocol::Pop3, _) => 110,
        (Protocol::Smtp, Security::Tls) => 465,
        (Protocol::Smtp, _) if scheme == Some(Scheme::Smtp) => i64::from(RELAY_PORT),
        (Protocol::Smtp, _) => 587,
    };
    Port::new(number)
}

const RELAY_PORT: u16 = 25;
