//! The list of sources that need the network, and what a source is given and gives.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::clock::Clock;
use super::{Options, Query, autoconfig, autodiscover, guess, ispdb, mailconf, mx, pacc, srv};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::Network;
use crate::net::http::{Scheme, Url};
use crate::probe::session::Ended;
use crate::providers::Providers;
use crate::settings::{
    Access, Endpoint, ProviderInfo, Service, Settings, Source, Trust, Username, fill, recommend,
};
use crate::target::{Address, Domain, Host};
use crate::wire::offer::{Offer, OfferedAccess, OfferedService};

/// A source: a file of its own, and a line in [`SOURCES`].
#[derive(Debug)]
pub struct SourceEntry {
    /// Its name and rank.
    pub source: Source,
    /// How long it may take.
    pub limit: Duration,
    /// Why it is not asked, when it is not.
    pub why_not: fn(&Query, &Options) -> Option<String>,
    /// What it would ask.
    pub questions: fn(&Query, &Options) -> Vec<Question>,
    /// Asks it.
    pub ask: for<'a> fn(&'a Context<'a>) -> BoxFuture<'a, Reply>,
}

/// Every source of the network, in rank order.
pub const SOURCES: &[SourceEntry] = &[
    pacc::SOURCE,
    autoconfig::SOURCE,
    ispdb::SOURCE,
    mx::SOURCE,
    srv::SOURCE,
    mailconf::SOURCE,
    autodiscover::SOURCE,
    guess::SOURCE,
];

/// 5 s: a document of a few kilobytes that takes longer is of no use to a person who waits.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What a source is given.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whose settings are asked for.
    pub query: &'a Query,
    /// The tables, for domains met on the way.
    pub providers: &'a Providers,
    /// The network.
    pub network: &'a Network,
    /// What may be asked.
    pub options: &'a Options,
    /// Turns true when the run is to end.
    pub ended: &'a Ended,
    /// When every question of the source ends.
    pub clock: &'a Clock,
    /// Turns true when the question for MX records is answered.
    pub mx_heard: &'a watch::Sender<bool>,
}

impl Context<'_> {
    /// Waits for an answer of the resolver until the deadline.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: the resolver's own, or that it did not answer in time.
    pub async fn in_time<T>(&self, answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout_at(self.clock.deadline(), answer).await.unwrap_or_else(|_| {
            let reason = "the resolver did not answer in time";
            Err(Failure::temporary(Stage::Dns, Cause::Resolver, reason))
        })
    }
}

/// What a source gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The answer, or why there is none.
    pub outcome: Attempt<Answer>,
    /// What else it showed.
    pub remarks: Vec<Remark>,
    /// The addresses that led to where there is no answer; an answer holds its own.
    pub redirects: Vec<String>,
}

impl From<Attempt<Answer>> for Reply {
    fn from(outcome: Attempt<Answer>) -> Self {
        Self { outcome, remarks: Vec::new(), redirects: Vec::new() }
    }
}

/// The settings of one source, and where they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The settings.
    pub settings: Settings,
    /// Where the document was, when there is one.
    pub url: Option<String>,
    /// The addresses that led there.
    pub redirects: Vec<String>,
    /// What was dropped because it made no sense.
    pub notes: Vec<String>,
}

impl Answer {
    /// An answer that stood in no document.
    pub fn without_document(settings: Settings) -> Self {
        Self { settings, url: None, redirects: Vec::new(), notes: Vec::new() }
    }
}

/// What a source shows beside its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The domain takes no mail (RFC 7505).
    NullMx,
    /// A name that exists only because every name there does.
    Wildcard(String),
    /// A document that came without TLS.
    OnlyOverHttp(String),
    /// A place over https that could not be asked although the same came over http; why.
    HttpsFailed(String),
    /// A part of the source that could not be asked although another part answered; why.
    PartFailed(String),
}

/// One question of a lookup, for people who want to know before it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A question to the resolver.
    Dns {
        /// The name, without a dot at its end.
        name: String,
        /// The type of record.
        record_type: &'static str,
    },
    /// A request to a web server.
    Http {
        /// `GET` or `POST`.
        method: &'static str,
        /// The address.
        url: String,
    },
    /// A connection to a mail server.
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Question {
    /// A question to the resolver.
    pub fn dns(name: impl Into<String>, record_type: &'static str) -> Self {
        Self::Dns { name: name.into(), record_type }
    }

    /// A request for a document.
    pub fn get(url: impl Into<String>) -> Self {
        Self::Http { method: "GET", url: url.into() }
    }
}

/// What vouches for a table.
pub fn trust_of_table(source: Source) -> Trust {
    match source {
        Source::UserTable => Trust::UserTable,
        _ => Trust::Bundled,
    }
}

/// Turns an offer into the settings asked for; `None` when not one service is left.
pub fn settings_of(offer: &Offer, query: &Query, source: Source, trust: Trust) -> Option<Settings> {
    let domain = &query.domain;
    let offered = offer.services.iter();
    let mut services: Vec<Service> =
        offered.filter_map(|service| service_of(service, query, source, trust)).collect();
    if services.is_empty() {
        return None;
    }
    recommend(&mut services);
    let id = offer.provider_id.clone().unwrap_or_else(|| domain.to_string());
    let provider = ProviderInfo {
        name: fill(offer.name.as_ref().unwrap_or(&id), "", "", domain.as_str()),
        id,
        documentation: offer.documentation.clone(),
        instructions: offer.instructions.clone(),
        webmail: offer.webmail.clone(),
        oauth2: offer.oauth2.clone(),
    };
    Some(Settings { provider: Some(provider), services })
}

fn service_of(offered: &OfferedService, query: &Query, source: Source, trust: Trust) -> Option<Service> {
    let domain = &query.domain;
    let access = match &offered.access {
        OfferedAccess::Server { protocol, host, port, security } => Access::Server(Endpoint {
            protocol: *protocol,
            host: host.of(domain).ok()?,
            port: *port,
            security: *security,
        }),
        OfferedAccess::ManageSieve { host, port, security } => {
            Access::ManageSieve { host: host.of(domain).ok()?, port: *port, security: *security }
        }
        OfferedAccess::Jmap { url } => Access::Jmap { url: url.clone() },
    };
    let host = match &access {
        Access::Server(endpoint) => endpoint.host.clone(),
        Access::ManageSieve { host, .. } => host.clone(),
        // A session without TLS would give the password away.
        Access::Jmap { url } => {
            Url::parse(url).ok().filter(|url| url.scheme() == Scheme::Https)?.host().clone()
        }
    };
    Some(Service {
        other_domain: is_other_domain(&host, domain),
        access,
        username: offered.username.clone().map(|username| form_of(username, query.address.as_ref())),
        auth: offered.auth.clone(),
        source,
        trust,
        recommended: false,
    })
}

/// A provider that learnt the address may write it out: that is the form `address`, or `local-part`.
fn form_of(username: Username, address: Option<&Address>) -> Username {
    let Some(address) = address else { return username };
    match &username {
        Username::Template(literal) if literal.eq_ignore_ascii_case(&address.to_string()) => {
            Username::Address
        }
        Username::Template(literal) if literal == address.local_part() => Username::LocalPart,
        _ => username,
    }
}

/// True when a host is not of the registrable domain of the address.
pub fn is_other_domain(host: &Host, domain: &Domain) -> bool {
    match host {
        Host::Name(name) => registrable(name) != registrable(domain),
        Host::Ip(_) => true,
    }
}

/// The registrable domain by the public suffix list; the name itself under an unknown suffix.
pub fn registrable(domain: &Domain) -> &str {
    psl::domain_str(domain.as_str()).unwrap_or(domain.as_str())
}
