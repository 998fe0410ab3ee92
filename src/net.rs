//! The only place that opens sockets: names, connections, TLS, web pages and the proxy. It knows no mail protocol.
//!
//! There is one [`Network`] and no mock of it: tests point it at real servers on loopback.

pub mod dial;
pub mod dns;
pub mod http;
pub mod pace;
pub mod places;
pub mod proxy;
pub mod tls;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::target::{Host, InvalidTarget, Port};
use dns::{Resolver, ResolverChoice};
use pace::Visitor;
use places::{CONNECTIONS, Places};
use proxy::Proxy;

/// How the network is reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// The resolver to ask.
    pub resolver: ResolverChoice,
    /// Roots trusted beside the bundled ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The address families to use.
    pub family: Family,
    /// The limit for one TCP connection.
    pub connect_timeout: Duration,
    /// Where to connect in place of a host and port.
    pub connect_to: Vec<ConnectTo>,
    /// The proxy all connections go through.
    pub proxy: Option<Proxy>,
    /// How many connections are open at once.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resolver: ResolverChoice::System,
            extra_roots: Vec::new(),
            family: Family::Any,
            connect_timeout: CONNECT_TIMEOUT,
            connect_to: Vec::new(),
            proxy: None,
            connections: CONNECTIONS,
        }
    }
}

/// 10 s: three SYN retransmissions.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which address families are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both, IPv6 first (RFC 8305).
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Family {
    /// True when an address is of this family.
    pub fn admits(self, address: std::net::IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The network as one value: resolver, roots, limits, proxy. Cheap to make: nothing is opened before it is needed.
/// A clone is the same network, perhaps in the hands of another visitor.
#[derive(Clone, Debug)]
pub struct Network {
    options: Arc<Options>,
    resolver: Arc<Resolver>,
    roots: Arc<RootCertStore>,
    visitor: Option<Arc<Visitor>>,
    places: Places,
}

impl Network {
    /// A network reached as the options say.
    pub fn new(options: Options) -> Self {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &options.extra_roots {
            // Unparsable ones were refused when the file was read.
            let _ = roots.add(root.clone());
        }
        let roots = Arc::new(roots);
        let resolver = Arc::new(Resolver::new(options.resolver.clone(), Arc::clone(&roots)));
        let places = Places::new(options.connections);
        Self { resolver, roots, options: Arc::new(options), visitor: None, places }
    }

    /// The same network for a visitor, whose connections to mail servers wait for their turn.
    #[must_use]
    pub fn visited_by(&self, visitor: Arc<Visitor>) -> Self {
        Self { visitor: Some(visitor), ..self.clone() }
    }

    /// Who uses the network, when turns are kept.
    pub fn visitor(&self) -> Option<&Arc<Visitor>> {
        self.visitor.as_ref()
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The resolver.
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// The trusted roots: the bundled ones and those added.
    pub fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    /// The places that everybody who opens a connection takes one of.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// True when the connect-to map names another host in place of this one.
    pub fn is_mapped(&self, host: &Host, port: Port) -> bool {
        self.entry(host, port).is_some_and(|entry| entry.to_host.is_some())
    }

    fn entry(&self, host: &Host, port: Port) -> Option<&ConnectTo> {
        self.options.connect_to.iter().find(|entry| entry.matches(host, port))
    }

    /// Where to connect for a host and port, by the first entry of the connect-to map that matches.
    pub fn place(&self, host: &Host, port: Port) -> (Host, Port) {
        match self.entry(host, port) {
            Some(entry) => {
                (entry.to_host.clone().unwrap_or_else(|| host.clone()), entry.to_port.unwrap_or(port))
            }
            None => (host.clone(), port),
        }
    }
}

/// One entry of the connect-to map, as curl's `--connect-to`: an empty part matches, or keeps, anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    host: Option<Host>,
    port: Option<Port>,
    to_host: Option<Host>,
    to_port: Option<Port>,
}

impl ConnectTo {
    /// Reads `HOST:PORT:ADDR:PORT`; IPv6 addresses stand in brackets.
    ///
    /// # Errors
    /// [`InvalidConnectTo`] naming the text.
    pub fn parse(text: &str) -> Result<Self, InvalidConnectTo> {
        let wrong = |_: InvalidTarget| InvalidConnectTo(text.to_owned());
        let parts = split_colons(text);
        let [host, port, to_host, to_port] = parts.as_slice() else {
            return Err(InvalidConnectTo(text.to_owned()));
        };
        let host_of = |part: &str| if part.is_empty() { Ok(None) } else { Host::parse(part).map(Some) };
        let port_of = |part: &str| if part.is_empty() { Ok(None) } else { Port::parse(part).map(Some) };
        Ok(Self {
            host: host_of(host).map_err(wrong)?,
            port: port_of(port).map_err(wrong)?,
            to_host: host_of(to_host).map_err(wrong)?,
            to_port: port_of(to_port).map_err(wrong)?,
        })
    }

    fn matches(&self, host: &Host, port: Port) -> bool {
        self.host.as_ref().is_none_or(|wanted| wanted == host)
            && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// A text that is no entry of the connect-to map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form HOST:PORT:ADDR:PORT: {0:?}")]
pub struct InvalidConnectTo(String);

/// Splits at colons outside brackets.
fn split_colons(text: &str) -> Vec<&str> {
    let mut in_brackets = false;
    text.split(|character| {
        match character {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        character == ':' && !in_brackets
    })
    .collect()
}

/// Reads the certificates of a PEM file as roots.
///
/// # Errors
/// [`UnusableRoots`] when the file cannot be read, holds no certificate, or one that cannot be a root.
pub fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, UnusableRoots> {
    let unreadable = |source| UnusableRoots::Unreadable { path: path.to_owned(), source };
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(ROOTS_BYTES).read_to_end(&mut pem).map_err(unreadable)?;
    let no_pem = || UnusableRoots::NoCertificate { path: path.to_owned() };
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| no_pem())?;
    if roots.is_empty() {
        return Err(no_pem());
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|_| no_pem())?;
    }
    Ok(roots)
}

/// 16 MiB: the roots of a whole system take less than one.
pub const ROOTS_BYTES: u64 = 16 * 1024 * 1024;

/// Why a file of roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableRoots {
    /// It cannot be read.
    #[error("cannot read the certificates {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds no PEM certificate.
    #[error("no PEM certificates in {}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_to_map_is_read_as_curl_reads_it() {
        for (text, host, port, place) in [
            ("disroot.org:993:127.0.0.1:10993", "disroot.org", 993, "127.0.0.1 10993"),
            ("disroot.org:993:[::1]:10993", "disroot.org", 993, "::1 10993"),
            ("disroot.org::127.0.0.2:", "disroot.org", 465, "127.0.0.2 465"),
            ("::127.0.0.2:", "other.example", 25, "127.0.0.2 25"),
            ("disroot.org:993:127.0.0.1:10993", "disroot.org", 995, "disroot.org 995"),
        ] {
            let options = Options { connect_to: vec![ConnectTo::parse(text).unwrap()], ..Options::default() };
            let (to_host, to_port) =
                Network::new(options).place(&Host::parse(host).unwrap(), Port::new(port).unwrap());
            assert_eq!(format!("{to_host} {to_port}"), place, "{text}");
        }
        for text in ["", "a:1:b", "a:0:b:1", "a:1:b:1:c", "a_b:1:c:1"] {
            assert!(ConnectTo::parse(text).is_err(), "{text}");
        }
    }
}
