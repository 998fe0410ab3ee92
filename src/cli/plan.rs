//! Typed to meant: arguments, environment and files become one checked value before anything is asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use mailcfg::lookup::{self, Query};
use mailcfg::net::dns::ResolverChoice;
use mailcfg::net::http::{Scheme, Url};
use mailcfg::net::{self, ConnectTo, Family};
use mailcfg::probe;
use mailcfg::providers::{Providers, read_table};
use mailcfg::run::Task;
use mailcfg::settings::{Endpoint, Overrides, Protocol, Security, Source};
use mailcfg::target::{Host, InvalidTarget, Target};

use super::Complaint;
use super::arguments::{NetworkArguments, ProbeArguments, SourceArguments, TableArguments};

/// The queries of a lookup.
pub fn queries(targets: &[String]) -> Result<Vec<Query>, Complaint> {
    targets.iter().map(|typed| query(typed)).collect()
}

/// The query of one target of a lookup.
pub fn query(typed: &str) -> Result<Query, Complaint> {
    match Target::parse(typed).map_err(invalid_target)? {
        Target::Address(address) => {
            let domain = address.domain().clone();
            Ok(Query { typed: typed.to_owned(), address: Some(address), domain })
        }
        Target::Domain(domain) => Ok(Query { typed: typed.to_owned(), address: None, domain }),
        Target::Host { .. } => Err(Complaint::usage(
            anyhow!("a lookup takes an address or a domain, not a server: {typed:?}"),
            format!("examine a server with `mailcfg probe {typed}`"),
        )),
    }
}

/// The tasks of a probe.
pub fn tasks(arguments: &ProbeArguments) -> Result<Vec<Task>, Complaint> {
    let targets = arguments.targets.iter().chain(&arguments.plugin.plugin_targets);
    targets.map(|typed| task_reader(arguments)(typed)).collect()
}

/// What makes a task of one target of a probe.
pub fn task_reader(
    arguments: &ProbeArguments,
) -> impl Fn(&str) -> Result<Task, Complaint> + Send + use<> + 'static {
    let (overrides, family) = (overrides(arguments), family(&arguments.network));
    move |typed| {
        let task = task(typed, overrides)?;
        admit(&task, family)?;
        Ok(task)
    }
}

/// Complains of a server whose address is of a family that is ruled out.
pub fn admit(task: &Task, family: Family) -> Result<(), Complaint> {
    match task {
        Task::Endpoint(typed, Endpoint { host: Host::Ip(address), .. }) if !family.admits(*address) => {
            let error = anyhow!("an address of the family that -4 or -6 rules out: {typed:?}");
            Err(Complaint::usage(error, "leave -4 and -6 out for this server"))
        }
        _ => Ok(()),
    }
}

/// The task of one target.
pub fn task(typed: &str, overrides: Overrides) -> Result<Task, Complaint> {
    match Target::parse(typed).map_err(invalid_target)? {
        Target::Host { scheme, host, port } => {
            let endpoint = Endpoint::complete(scheme, host, port, overrides).map_err(|error| {
                let hint = error.hint();
                Complaint::usage(error, hint)
            })?;
            Ok(Task::Endpoint(typed.to_owned(), endpoint))
        }
        Target::Address(_) | Target::Domain(_) => query(typed).map(Task::Lookup),
    }
}

/// A protocol as typed; `smtps` and the like say the security too.
pub type ProtocolWord = (Protocol, Option<Security>);

/// Reads the value of `--protocol`.
pub fn protocol(word: &str) -> Result<ProtocolWord, String> {
    Protocol::from_word(word).ok_or_else(|| "the words are imap, pop3, smtp".to_owned())
}

/// Reads the value of `--security`.
pub fn security(word: &str) -> Result<Security, String> {
    Security::from_word(word).ok_or_else(|| "the words are tls, starttls, none".to_owned())
}

/// `--protocol` and `--security`.
pub fn overrides(arguments: &ProbeArguments) -> Overrides {
    let implied = arguments.protocol.and_then(|(_, security)| security);
    Overrides {
        protocol: arguments.protocol.map(|(protocol, _)| protocol),
        security: arguments.security.or(implied),
    }
}

/// The tables: the bundled one, behind the user's own where there is one.
pub fn providers(arguments: &TableArguments) -> Result<Providers, Complaint> {
    let named = arguments.providers.clone();
    let Some(path) = named.or_else(|| default_table().filter(|path| is_there(path))) else {
        return Ok(Providers::bundled());
    };
    let table = read_table(&path).map_err(|error| {
        let hint = error.hint();
        Complaint::usage(error, hint)
    })?;
    Ok(Providers::with_user_table(table))
}

/// True unless nothing at all has this name: a table that is there and cannot be read must not be passed over.
fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// `$XDG_CONFIG_HOME/mailcfg/providers.toml`, else `~/.config/mailcfg/providers.toml`.
fn default_table() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(config.join("mailcfg").join("providers.toml"))
}

/// How the network is reached.
pub fn network(arguments: &NetworkArguments) -> Result<net::Options, Complaint> {
    Ok(net::Options {
        resolver: arguments.resolver.as_deref().map(resolver).transpose()?.unwrap_or_default(),
        extra_roots: roots(arguments.ca_file.as_deref())?,
        family: family(arguments),
        connect_timeout: duration("--connect-timeout", &arguments.connect_timeout)?,
        connect_to: arguments.connect_to.iter().map(|text| connect_to(text)).collect::<Result<_, _>>()?,
        proxy: arguments.proxy.as_deref().map(proxy).transpose()?,
        ..net::Options::default()
    })
}

pub fn family(arguments: &NetworkArguments) -> Family {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    }
}

fn roots(path: Option<&Path>) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Complaint> {
    let Some(path) = path else { return Ok(Vec::new()) };
    net::read_roots(path).map_err(|error| Complaint::usage(error, "name a readable PEM file with --ca-file"))
}

fn connect_to(text: &str) -> Result<ConnectTo, Complaint> {
    ConnectTo::parse(text).map_err(|error| {
        Complaint::usage(error, "write --connect-to mail.example.org:993:192.0.2.7:993; brackets around IPv6")
    })
}

fn proxy(text: &str) -> Result<net::proxy::Proxy, Complaint> {
    net::proxy::Proxy::parse(text).map_err(|error| {
        Complaint::usage(
            error,
            "write --proxy socks5h://127.0.0.1:1080; a proxy with a password is not supported",
        )
    })
}

fn resolver(text: &str) -> Result<ResolverChoice, Complaint> {
    ResolverChoice::parse(text).map_err(|error| {
        let hint = error.hint();
        Complaint::usage(error, hint)
    })
}

/// Whom a lookup asks.
pub fn lookup(arguments: &SourceArguments) -> Result<lookup::Options, Complaint> {
    Ok(lookup::Options {
        all: arguments.all,
        only: arguments.source.iter().map(|word| source(word)).collect::<Result<_, _>>()?,
        offline: arguments.offline,
        allow_http: arguments.allow_http,
        ispdb_url: ispdb_url(&arguments.ispdb_url, arguments.allow_http)?,
        guess: !arguments.no_guess,
        relay: arguments.relay,
        send_address: arguments.send_address,
        timeout: duration("--lookup-timeout", &arguments.lookup_timeout)?,
    })
}

fn source(word: &str) -> Result<Source, Complaint> {
    Source::from_word(word).ok_or_else(|| {
        let all: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
        Complaint::usage(anyhow!("no such source: {word:?}"), format!("the sources are {}", all.join(", ")))
    })
}

fn ispdb_url(text: &str, allow_http: bool) -> Result<String, Complaint> {
    let hint = "write --ispdb-url https://HOST/PATH/; the domain is put behind it";
    let url = Url::parse(text).map_err(|error| Complaint::usage(error, hint))?;
    if text.contains(['?', '#']) {
        return Err(Complaint::usage(anyhow!("nothing can be put behind a query: {text:?}"), hint));
    }
    if url.scheme() != Scheme::Https && !allow_http {
        let error = anyhow!("the ISPDB would be asked without TLS: {text:?}");
        return Err(Complaint::usage(error, "write https://, or add --allow-http"));
    }
    Ok(text.to_owned())
}

/// How endpoints are examined.
pub fn probe(arguments: &ProbeArguments) -> Result<probe::Options, Complaint> {
    let sni = arguments.sni.as_deref().map(|text| Host::parse(text).map_err(invalid_target)).transpose()?;
    let options = examination(&arguments.timeout, arguments.ehlo.as_deref(), arguments.verbose)?;
    Ok(probe::Options { sni, starttls_injection: arguments.starttls_injection, ..options })
}

/// The same without a name of its own for the certificate.
pub fn examination(timeout: &str, name: Option<&str>, verbose: u8) -> Result<probe::Options, Complaint> {
    Ok(probe::Options {
        timeout: duration("--timeout", timeout)?,
        ehlo: name.map(ehlo).transpose()?,
        transcript: verbose >= 2,
        ..probe::Options::default()
    })
}

/// A word that cannot break out of its command line.
fn ehlo(text: &str) -> Result<String, Complaint> {
    if !text.is_empty() && text.len() <= EHLO_OCTETS && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Complaint::usage(
        anyhow!("not a name for EHLO: {text:?}"),
        "write a host name, or an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]",
    ))
}

/// Seconds, or a number with the unit `ms`, `s` or `m`.
pub fn duration(flag: &str, text: &str) -> Result<Duration, Complaint> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    let seconds = match unit {
        "ms" => number.map(|number| number / 1_000.0),
        "" | "s" => number,
        "m" => number.map(|number| number * 60.0),
        _ => None,
    };
    seconds
        .filter(|seconds| *seconds <= LONGEST_SECONDS)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            Complaint::usage(
                anyhow!("{flag} takes a time up to a day, not {text:?}"),
                "write seconds, or a number with a unit: 500ms, 2s, 1m",
            )
        })
}

pub fn invalid_target(error: InvalidTarget) -> Complaint {
    let hint = error.hint();
    Complaint::usage(error, hint)
}

/// RFC 5321, section 4.5.3.1.2.
const EHLO_OCTETS: usize = 255;

/// A day: what takes longer is a slip of the keyboard.
const LONGEST_SECONDS: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_units() {
        for (text, milliseconds) in
            [("2", 2_000), ("2s", 2_000), ("500ms", 500), ("1m", 60_000), ("1.5", 1_500)]
        {
            assert_eq!(duration("--timeout", text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "0", "-1", "1h", "s", "inf", "nan", "1e9", "2 s"] {
            assert!(duration("--timeout", text).is_err(), "{text}");
        }
    }

    #[test]
    fn resolvers_have_an_optional_port() {
        for (text, socket) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            assert_eq!(resolver(text).unwrap(), ResolverChoice::At(socket.parse().unwrap()), "{text}");
        }
        for text in ["", "dns.example.org", "192.0.2.53:0", "192.0.2.53:70000"] {
            assert!(resolver(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_for_ehlo_cannot_carry_a_command() {
        assert!(ehlo("[IPv6:2001:db8::1]").is_ok());
        for text in ["", "a b", "a\r\nMAIL FROM:<>", "é"] {
            assert!(ehlo(text).is_err(), "{text:?}");
        }
    }
}
