//! Names to addresses. Absent (NXDOMAIN, no record) and failed (SERVFAIL, time-out) stay apart, each family on its own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::sync::OnceCell;

use crate::attempt::{Cause, Failure, Stage};
use crate::target::Domain;

/// The system's resolver, or one that was named. Nothing is read or opened before the first question.
#[derive(Debug)]
pub struct Resolver {
    server: Option<SocketAddr>,
    built: OnceCell<Result<TokioResolver, Failure>>,
}

/// The two kinds of address record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// AAAA
    V6,
    /// A
    V4,
}

impl Resolver {
    /// The resolver at an address; the system's when `None`.
    pub fn new(server: Option<SocketAddr>) -> Self {
        Self { server, built: OnceCell::new() }
    }

    /// The addresses of a name in one family, at least one.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: no such host, no address of that family, or the resolver failed.
    pub async fn addresses(&self, name: &Domain, family: AddressFamily) -> Result<Vec<IpAddr>, Failure> {
        let record_type = match family {
            AddressFamily::V6 => RecordType::AAAA,
            AddressFamily::V4 => RecordType::A,
        };
        let records = self.records(name, record_type).await?;
        let addresses: Vec<IpAddr> = records
            .iter()
            .filter_map(|record| match record {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .take(MAX_ADDRESSES)
            .collect();
        if addresses.is_empty() {
            return Err(absent(Cause::NoAddress, name, record_type));
        }
        Ok(addresses)
    }

    /// The records of one type at an absolute name.
    async fn records(&self, name: &Domain, record_type: RecordType) -> Result<Vec<RData>, Failure> {
        let resolver =
            self.built.get_or_init(|| async { self.build() }).await.as_ref().map_err(Clone::clone)?;
        let absolute = Name::from_ascii(format!("{name}."))
            .map_err(|error| failed(format!("{name} is no name for DNS: {error}")))?;
        let asked = tokio::time::timeout(QUESTION_LIMIT, resolver.lookup(absolute, record_type)).await;
        match asked {
            Err(_) => Err(failed(format!(
                "the resolver did not answer for {name} {record_type} within {QUESTION_LIMIT:?}"
            ))),
            Ok(Ok(lookup)) => Ok(lookup.answers().iter().map(|record| record.data.clone()).collect()),
            Ok(Err(error)) => Err(failure_of(&error, name, record_type)),
        }
    }

    fn build(&self) -> Result<TokioResolver, Failure> {
        let unusable = |error: NetError| failed(format!("this machine has no usable resolver: {error}"));
        let mut builder = match self.server {
            Some(server) => {
                TokioResolver::builder_with_config(config_for(server), TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(unusable)?,
        };
        let options = builder.options_mut();
        options.timeout = TRY_LIMIT;
        options.attempts = RETRIES;
        if self.server.is_some() {
            options.use_hosts_file = ResolveHosts::Never;
        }
        builder.build().map_err(unusable)
    }
}

fn config_for(server: SocketAddr) -> ResolverConfig {
    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    ResolverConfig::from_name_servers(vec![name_server])
}

fn failure_of(error: &NetError, name: &Domain, record_type: RecordType) -> Failure {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => absent(Cause::NoSuchHost, name, record_type),
            ResponseCode::NoError => absent(Cause::NoAddress, name, record_type),
            code => failed(format!("the resolver answered {code} for {name} {record_type}")),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => {
            failed(format!("the resolver answered {code} for {name} {record_type}"))
        }
        NetError::Timeout => failed(format!("the resolver did not answer for {name} {record_type}")),
        other => failed(format!("the resolver failed for {name} {record_type}: {other}")),
    }
}

fn absent(cause: Cause, name: &Domain, record_type: RecordType) -> Failure {
    let reason = match cause {
        Cause::NoSuchHost => format!("{name} does not exist (NXDOMAIN)"),
        _ => format!("{name} has no {record_type} record"),
    };
    Failure::new(Stage::Dns, cause, reason)
}

fn failed(reason: String) -> Failure {
    Failure::temporary(Stage::Dns, Cause::Resolver, reason)
}

/// One question with all its tries.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// One try; a lost datagram is asked for again after it.
const TRY_LIMIT: Duration = Duration::from_secs(3);

const RETRIES: usize = 2;

/// No mail host has more; a hostile zone might.
const MAX_ADDRESSES: usize = 32;
