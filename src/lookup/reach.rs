//! How far the names of a lookup may lead: nothing that a public name publishes leads to a private address, or anybody
//! with a domain could have this program knock at the doors of the network it runs in.
//!
//! It holds for every connection of a lookup: redirects, the URL of a `mailconf` record or of Autodiscover, SRV targets,
//! the domain of an MX host, guesses. It is judged before a connection is opened, of an address in a URL as of those a
//! name resolves to; the private ones among several are left out.
//!
//! A lookup is in-house, and private addresses are fine, when the domain is one that is never public (RFC 6761, 6762,
//! 8375, `.internal`), or when its own hosts are at private addresses: of `autoconfig.D`, `D` and the host in question
//! where that is below `D`, the first with an address decides, and one public address makes it public. Who owns a domain
//! can of course point its own hosts at a private address; that is how in-house networks look, and no more can be told.
//! Once a way has come by a public address, it leads to no private one, in-house or not.
//!
//! What the user configured is trusted: the address of the ISPDB and the connect-to map. Behind a proxy names are
//! resolved by the proxy, so only addresses in URLs are judged.

use std::net::IpAddr;

use futures_util::future::{BoxFuture, join_all};

use super::source::Context;
use crate::attempt::{Cause, Failure, Stage};
use crate::net::dial::Gate;
use crate::net::dns::AddressFamily;
use crate::target::{Domain, Host, is_near};

/// Where a way comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// What the user configured.
    Configured,
    /// What the domain publishes.
    Published,
    /// A host at a public address.
    Public,
}

/// True when a way may lead to an address.
pub fn may_follow(start: Start, in_house: bool, to: IpAddr) -> bool {
    match start {
        Start::Configured => true,
        Start::Published => in_house || !is_near(to),
        Start::Public => !is_near(to),
    }
}

/// Where a way comes from once it came by a host; the address connected is not known behind a proxy.
pub fn beyond(start: Start, host: &Host, address: Option<IpAddr>) -> Start {
    let public = match (address, host) {
        (Some(address), _) => !is_near(address),
        (None, Host::Ip(address)) => !is_near(*address),
        (None, Host::Name(name)) => !is_never_public(name),
    };
    if public { Start::Public } else { start }
}

/// Lets the connections of one way through.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// The lookup.
    pub context: &'a Context<'a>,
    /// Where the way comes from.
    pub start: Start,
}

impl Gate for Reach<'_> {
    fn admit<'a>(
        &'a self,
        host: &'a Host,
        addresses: Vec<IpAddr>,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, Failure>> {
        Box::pin(async move {
            if !addresses.iter().any(|address| is_near(*address)) {
                return Ok(addresses);
            }
            let in_house = self.start == Start::Published && is_in_house(self.context, host).await;
            let admitted: Vec<IpAddr> =
                addresses.into_iter().filter(|address| may_follow(self.start, in_house, *address)).collect();
            if admitted.is_empty() { Err(refused(host)) } else { Ok(admitted) }
        })
    }

    fn pause(&self) -> Box<dyn Send + '_> {
        Box::new(self.context.clock.pause())
    }
}

fn refused(host: &Host) -> Failure {
    let reason = format!("{host} leads from a public name to a private address, which is refused");
    Failure::new(Stage::Connect, Cause::Private, reason)
}

/// True when private addresses are where the domain's own hosts are.
async fn is_in_house(context: &Context<'_>, host: &Host) -> bool {
    let domain = &context.query.domain;
    if is_never_public(domain) {
        return true;
    }
    if context.network.options().proxy.is_some() {
        return false;
    }
    let own = host.name().filter(|name| is_below(name, domain.as_str())).cloned();
    let names = [Domain::parse(&format!("autoconfig.{domain}")).ok(), Some(domain.clone()), own];
    let asked = names.iter().flatten().map(|name| addresses(context, name));
    let first = join_all(asked).await.into_iter().find(|addresses| !addresses.is_empty());
    first.is_some_and(|addresses| addresses.into_iter().all(is_near))
}

async fn addresses(context: &Context<'_>, name: &Domain) -> Vec<IpAddr> {
    let resolver = context.network.resolver();
    let (v6, v4) = tokio::join!(
        context.in_time(resolver.addresses(name, AddressFamily::V6)),
        context.in_time(resolver.addresses(name, AddressFamily::V4))
    );
    v6.unwrap_or_default().into_iter().chain(v4.unwrap_or_default()).collect()
}

/// True for names that the public DNS never has, and for single labels.
pub fn is_never_public(name: &Domain) -> bool {
    !name.as_str().contains('.') || NEVER_PUBLIC.iter().any(|suffix| is_below(name, suffix))
}

fn is_below(name: &Domain, suffix: &str) -> bool {
    name.as_str().strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

const NEVER_PUBLIC: &[&str] = &["local", "internal", "home.arpa", "localhost", "test"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_never_leads_from_a_public_name_to_a_private_address() {
        for (start, in_house, to, may) in [
            (Start::Configured, false, "10.0.0.1", true),
            (Start::Published, true, "10.0.0.1", true),
            (Start::Published, false, "10.0.0.1", false),
            (Start::Published, false, "127.0.0.1", false),
            (Start::Published, false, "169.254.169.254", false),
            (Start::Published, false, "64:ff9b::a00:1", false),
            (Start::Published, false, "192.0.2.1", true),
            (Start::Public, true, "fd00::1", false),
            (Start::Public, true, "2001:db8::1", true),
        ] {
            assert_eq!(may_follow(start, in_house, to.parse().unwrap()), may, "{start:?} {in_house} {to}");
        }
    }

    #[test]
    fn a_public_address_on_the_way_is_not_forgotten() {
        for (start, host, address, expected) in [
            (Start::Published, "d.example", Some("192.0.2.1"), Start::Public),
            (Start::Published, "d.example", Some("10.0.0.1"), Start::Published),
            (Start::Configured, "mirror.example", Some("10.0.0.1"), Start::Configured),
            (Start::Configured, "mirror.example", Some("192.0.2.1"), Start::Public),
            (Start::Public, "d.example", Some("10.0.0.1"), Start::Public),
            (Start::Published, "d.example", None, Start::Public),
            (Start::Published, "d.internal", None, Start::Published),
            (Start::Configured, "10.0.0.1", None, Start::Configured),
        ] {
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(beyond(start, &Host::parse(host).unwrap(), address), expected, "{host} {address:?}");
        }
    }

    #[test]
    fn names_that_are_never_public_are_known() {
        for (name, never) in [
            ("mail.local", true),
            ("corp.internal", true),
            ("router.home.arpa", true),
            ("intranet", true),
            ("notlocal.example", false),
            ("mylocal.net", false),
            ("local.net", false),
        ] {
            assert_eq!(is_never_public(&Domain::parse(name).unwrap()), never, "{name}");
        }
    }
}
