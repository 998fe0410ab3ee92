//! The way through a SOCKS5 proxy (RFC 1928), which also resolves the name.

use tokio::time::{Instant, timeout};
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use super::Network;
use super::dial::{Course, Dialled, Undialled};
use crate::attempt::{Cause, Failure, Stage};
use crate::target::{Host, InvalidTarget, Port};

/// A proxy without sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: Host,
    port: Port,
}

impl Proxy {
    /// Reads `socks5h://host[:port]`; the port is 1080 unless named.
    ///
    /// # Errors
    /// [`InvalidProxy`] naming the text.
    pub fn parse(text: &str) -> Result<Self, InvalidProxy> {
        let wrong = |_: InvalidTarget| InvalidProxy(without_user_info(text));
        let authority =
            text.strip_prefix("socks5h://").ok_or_else(|| InvalidProxy(without_user_info(text)))?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Port::parse(port)),
            _ => (authority, Port::new(1080)),
        };
        Ok(Self { host: Host::parse(host).map_err(wrong)?, port: port.map_err(wrong)? })
    }

    /// Has the proxy connect to a host; the connect-to map holds here too.
    ///
    /// # Errors
    /// [`Undialled`] in the stage `connect`; a broken proxy is a temporary failure, for it says nothing of the host.
    pub async fn dial(
        &self,
        network: &Network,
        host: &Host,
        port: Port,
        deadline: Instant,
    ) -> Result<Dialled, Undialled> {
        let (host, port) = network.place(host, port);
        let to_proxy = network.dial_directly(&self.host, self.port, deadline).await.map_err(|undialled| {
            let reason = format!("the proxy is not reached: {}", undialled.failure.reason);
            failed(Failure::temporary(Stage::Connect, Cause::Proxy, reason))
        })?;
        let started = Instant::now();
        let target = match &host {
            Host::Name(name) => TargetAddr::Domain(name.to_string().into(), port.get()),
            Host::Ip(address) => TargetAddr::Ip((*address, port.get()).into()),
        };
        let connecting = Socks5Stream::connect_with_socket(to_proxy.stream, target);
        let limit = network.options().connect_timeout.min(deadline.saturating_duration_since(started));
        let through = match timeout(limit, connecting).await {
            Err(_) => {
                let reason = format!("no answer through the proxy within {limit:?}");
                return Err(failed(Failure::temporary(Stage::Connect, Cause::Proxy, reason)));
            }
            Ok(result) => result.map_err(|error| failed(failure_of(&error)))?,
        };
        let course = Course { connect: Some(started.elapsed()), ..Course::default() };
        Ok(Dialled { stream: through.into_inner(), address: None, course, turn: None, place: None })
    }
}

fn failed(failure: Failure) -> Undialled {
    Undialled { failure, address: None, course: Course::default() }
}

fn failure_of(error: &tokio_socks::Error) -> Failure {
    use tokio_socks::Error;
    let reason = format!("the proxy could not connect: {error}");
    match error {
        Error::ConnectionRefused => Failure::new(Stage::Connect, Cause::Refused, reason),
        Error::TtlExpired => Failure::new(Stage::Connect, Cause::TimedOut, reason),
        _ => Failure::temporary(Stage::Connect, Cause::Proxy, reason),
    }
}

/// What was typed, less a password that does not belong there.
pub(super) fn without_user_info(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    format!("{}…@{host}", scheme.unwrap_or_default())
}

/// A text that names no usable proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy of the form socks5h://HOST:PORT: {0:?}")]
pub struct InvalidProxy(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read() {
        for (text, host, port) in [
            ("socks5h://127.0.0.1:9050", "127.0.0.1", 9050),
            ("socks5h://proxy.example/", "proxy.example", 1080),
            ("socks5h://[::1]:9050", "::1", 9050),
            ("socks5h://[::1]", "::1", 1080),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.host.to_string().as_str(), proxy.port.get()), (host, port), "{text}");
        }
        for text in ["socks5://h:1", "http://h:1", "socks5h://h:0", "socks5h://"] {
            assert!(Proxy::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_a_proxy_is_refused_and_not_repeated() {
        let error = Proxy::parse("socks5h://user:hunter2@h:1").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
