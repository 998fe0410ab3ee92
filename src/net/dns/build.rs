//! The resolver that was chosen, made ready for questions: that of the system, one at an address, one behind TLS or HTTPS.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};

use super::{AddressFamily, MAX_RESOLVER_ADDRESSES, Resolver, ResolverChoice, failed};
use crate::attempt::Failure;
use crate::net::{dial, tls};
use crate::target::{Domain, Host, Port};

impl Resolver {
    /// Reads what is needed to reach it.
    pub(super) async fn build(&self) -> Result<TokioResolver, Failure> {
        let mut builder = match &self.choice {
            ResolverChoice::System => TokioResolver::builder_tokio().map_err(unusable)?,
            ResolverChoice::At(address) => builder_for(vec![plain(*address)]),
            ResolverChoice::Tls { host, port } => {
                let connection = || ConnectionConfig::tls(host.to_string().into());
                self.behind_tls(host, *port, connection).await?
            }
            ResolverChoice::Https(url) => {
                let path = url.path_and_query();
                let connection = || ConnectionConfig::https(url.host().to_string().into(), Some(path.into()));
                self.behind_tls(url.host(), url.port(), connection).await?
            }
        };
        let options = builder.options_mut();
        options.timeout = self.limits.each_try;
        options.attempts = self.limits.retries;
        if self.choice != ResolverChoice::System {
            options.use_hosts_file = ResolveHosts::Never;
        }
        builder.build().map_err(unusable)
    }

    async fn behind_tls(
        &self,
        host: &Host,
        port: Port,
        connection: impl Fn() -> ConnectionConfig,
    ) -> Result<ResolverBuilder<TokioRuntimeProvider>, Failure> {
        let addresses = match host {
            Host::Ip(address) => VecDeque::from([*address]),
            Host::Name(name) => self.addresses_of_resolver(name).await?,
        };
        let servers = addresses.into_iter().take(MAX_RESOLVER_ADDRESSES).map(|ip| {
            let mut connection = connection();
            connection.port = port.get();
            NameServerConfig::new(ip, true, vec![connection])
        });
        Ok(builder_for(servers.collect()).with_tls_config(tls::judging_config(Arc::clone(&self.roots))))
    }

    /// The addresses of the resolver's own host, by the system's resolver. Boxed, for this waits for a second resolver
    /// in the middle of building the first.
    fn addresses_of_resolver<'a>(
        &'a self,
        name: &'a Domain,
    ) -> BoxFuture<'a, Result<VecDeque<IpAddr>, Failure>> {
        Box::pin(async move {
            let system = Self::new(ResolverChoice::System, Arc::clone(&self.roots));
            let question = |family| system.addresses(name, family);
            match tokio::join!(question(AddressFamily::V6), question(AddressFamily::V4)) {
                (Err(_), Err(failure)) => {
                    Err(failed(format!("the resolver {name} is not found: {}", failure.reason)))
                }
                (v6, v4) => {
                    let (v6, v4) = (v6.unwrap_or_default(), v4.unwrap_or_default());
                    Ok(dial::in_turn(AddressFamily::V6, v6, &v4.into()))
                }
            }
        })
    }
}

fn builder_for(servers: Vec<NameServerConfig>) -> ResolverBuilder<TokioRuntimeProvider> {
    let config = ResolverConfig::from_name_servers(servers);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

fn plain(address: SocketAddr) -> NameServerConfig {
    let mut name_server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut name_server.connections {
        connection.port = address.port();
    }
    name_server
}

fn unusable(error: NetError) -> Failure {
    failed(format!("this machine has no usable resolver: {error}"))
}
