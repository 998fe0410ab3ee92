//! The hostile host of `support/hostile.rs`: every cell of its table is examined, all side by side, and each has the right
//! verdict and reason, in time, in little memory, and leaves no connection open.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mailcfg::net::{Network, Options as NetworkOptions};
use mailcfg::probe::{self, session::examine};
use mailcfg::settings::{Endpoint, Overrides, Protocol, Security};
use mailcfg::target::{self, Port};
use mailcfg::wire::{CAPABILITIES, CAPABILITIES_BYTES, CAPABILITY_BYTES, GREETING_BYTES};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::ca;
use crate::support::command::{mailcfg, weigh};
use crate::support::host::Host;
use crate::support::hostile::{Row, cells};
use crate::support::mail::{HOST, Mail};
use crate::support::probe::findings;

/// The limit of an endpoint: 60 s for people, less here.
const LIMIT: Duration = Duration::from_secs(3);

/// What the machine may add to a limit while everything is examined at once; `benches/hostile.rs` is stricter.
const NOISE: Duration = Duration::from_secs(3);

/// KiB, of a build without optimizations that examines everything at once.
const MOST_MEMORY: u64 = 128 * 1024;

/// A run examines many at once, not all.
const WHOLE: Duration = Duration::from_secs(60);

/// What marks a text as cut.
const MARK: usize = '…'.len_utf8();

#[test]
fn in_the_clear() {
    play(&[Security::None]);
}

#[test]
fn with_tls() {
    play(&[Security::StartTls, Security::Tls]);
}

/// Examines all cells of the table with these securities in one run of the program.
fn play(securities: &[Security]) {
    let cells: Vec<Cell> = cells()
        .into_iter()
        .filter(|(_, mail)| securities.contains(&mail.security))
        .enumerate()
        .map(|(place, (row, mail))| {
            let host = mail.start_at(address(place, securities.len())).expect_connections(row.connections);
            Cell { host, row, mail }
        })
        .collect();
    let began = Instant::now();
    let (output, memory) = weigh(&mut mailcfg(arguments(&cells, securities)));
    let elapsed = began.elapsed();
    assert_eq!(output.stderr, "");
    let steers = |found: char| found != '\n' && (found.is_control() || found == '\u{202e}');
    assert!(!output.stdout.contains(steers), "something was not escaped");
    let documents = output.json();
    let documents = documents.as_array().expect("several targets are an array");
    assert_eq!(documents.len(), cells.len());
    let wrong: Vec<String> =
        cells.iter().zip(documents).filter_map(|(cell, document)| cell.complaint(document)).collect();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
    assert_eq!(output.code, code_of(documents));
    assert!(memory < MOST_MEMORY, "{memory} KiB");
    assert!(elapsed < WHOLE, "{elapsed:?}");
}

fn arguments(cells: &[Cell], securities: &[Security]) -> Vec<String> {
    let ca_file = ca::trusted().file().display().to_string();
    let limit = format!("{}s", LIMIT.as_secs());
    let mut arguments: Vec<String> =
        ["probe", "--json", "--ca-file", &ca_file, "--timeout", &limit].map(str::to_owned).to_vec();
    if securities == [Security::None] {
        arguments.extend(["--security", "none"].map(str::to_owned));
    }
    for cell in cells {
        let port = cell.host.address.port();
        arguments.push(format!("{}:{port}", cell.mail.url()));
        arguments.extend(["--connect-to".to_owned(), format!("{HOST}:{port}:{}", cell.host.address)]);
    }
    arguments
}

/// The exit code that goes with the statuses of the targets.
fn code_of(documents: &[Value]) -> i32 {
    let is = |status: &str| documents.iter().any(|document| document["status"] == status);
    if is("fail") {
        return 1;
    }
    if is("unknown") { 3 } else { 0 }
}

/// An address of its own for each, for servers at one address would have to wait for each other; and a port of its own,
/// for they all have one name.
fn address(place: usize, run: usize) -> SocketAddr {
    let octet = |number: usize| u8::try_from(number % 250 + 1).expect("it is less than 256");
    let address = Ipv4Addr::new(127, octet(run), octet(place / 250), octet(place));
    SocketAddr::new(address.into(), 20_000 + u16::try_from(place).expect("there are not so many"))
}

/// A row at one protocol and security.
struct Cell {
    row: &'static Row,
    mail: Mail,
    host: Host,
}

impl Cell {
    /// What is not as the table has it.
    fn complaint(&self, document: &Value) -> Option<String> {
        let endpoint = document.pointer("/endpoints/0").unwrap_or(&Value::Null);
        let wrong = self.wrong(endpoint)?;
        let (protocol, security) = (self.mail.protocol, self.mail.security);
        let found = findings(endpoint);
        Some(format!(
            "=== {protocol} {security}, {:?} {}: {wrong}\n{found:?}\n{endpoint}\n",
            self.row.at, self.row.name
        ))
    }

    fn wrong(&self, endpoint: &Value) -> Option<String> {
        let Some(milliseconds) = endpoint["timings_ms"]["total"].as_f64() else {
            return Some("nobody knows how long it took".to_owned());
        };
        if Duration::from_secs_f64(milliseconds / 1_000.0) > LIMIT + NOISE {
            return Some(format!("it took {milliseconds} ms"));
        }
        self.wrong_size(endpoint).or_else(|| self.wrong_findings(endpoint))
    }

    /// What is kept of a server's words is kept up to a size.
    fn wrong_size(&self, endpoint: &Value) -> Option<String> {
        let text = endpoint.pointer("/greeting/value/text").and_then(Value::as_str).unwrap_or_default();
        if text.len() > GREETING_BYTES + MARK {
            return Some(format!("{} bytes of a greeting were kept", text.len()));
        }
        let lists = ["before_tls", "after_tls"].map(|when| &endpoint["capabilities"][when]["value"]);
        lists.into_iter().filter_map(Value::as_array).find_map(|list| {
            let sizes: Vec<usize> = list.iter().filter_map(Value::as_str).map(str::len).collect();
            let small = sizes.iter().all(|&size| size <= CAPABILITY_BYTES + MARK)
                && sizes.iter().sum::<usize>() <= CAPABILITIES_BYTES
                && sizes.len() <= CAPABILITIES;
            (!small).then(|| format!("{} capabilities were kept", sizes.len()))
        })
    }

    /// What is bad must be what the table says, and nothing beside it.
    fn wrong_findings(&self, endpoint: &Value) -> Option<String> {
        let usual = self.usual();
        let found = findings(endpoint);
        let bad: Vec<&str> = found.iter().map(String::as_str).filter(|id| !id.ends_with(" info")).collect();
        let others: Vec<&str> = bad.iter().copied().filter(|id| !usual.contains(id)).collect();
        if endpoint["status"] != status_of(&bad) {
            return Some(format!("its status does not go with {bad:?}"));
        }
        let (words, says) = match (others.as_slice(), self.row.finds) {
            ([], []) if usual.iter().all(|id| bad.contains(id)) => {
                (endpoint["notes"].to_string(), self.row.says)
            }
            ([right], expected) if expected.contains(right) => {
                (words_of(endpoint, right.split(' ').next().unwrap_or_default()), self.row.says)
            }
            (_, expected) => return Some(format!("expected one of {expected:?} and {usual:?}")),
        };
        (!words.contains(says)).then(|| format!("it does not say {says:?}"))
    }

    /// What a well-behaved host without TLS is told all the same.
    fn usual(&self) -> &'static [&'static str] {
        match (self.mail.security, self.row.finds) {
            (Security::None, []) => &["tls.none fail", "auth.none fail"],
            (Security::None, _) => &["tls.none fail"],
            _ => &[],
        }
    }
}

fn status_of(bad: &[&str]) -> &'static str {
    let is = |severity: &str| bad.iter().any(|id| id.ends_with(severity));
    match (is(" fail"), is(" unknown"), is(" warn")) {
        (true, ..) => "fail",
        (_, true, _) => "unknown",
        (.., true) => "warn",
        _ => "pass",
    }
}

/// A finding as JSON.
fn words_of(endpoint: &Value, id: &str) -> String {
    let findings = endpoint.pointer("/findings").and_then(Value::as_array);
    let mut of_id = findings.into_iter().flatten().filter(|it| it.pointer("/id") == Some(&Value::from(id)));
    of_id.next().map(Value::to_string).unwrap_or_default()
}

#[test]
fn no_connection_is_left_open() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let hosts: Vec<(Mail, Host)> = cells()
        .into_iter()
        .filter(|(_, mail)| mail.protocol == Protocol::Imap)
        .map(|(row, mail)| (mail.clone(), mail.start().expect_connections(row.connections)))
        .collect();
    let all: Vec<Endpoint> = hosts.iter().map(|(mail, host)| endpoint(mail, host)).collect();
    runtime.block_on(examine_all(all));
    // The runtime lives on: what is closed now was closed by the probes.
    let began = Instant::now();
    for (_, host) in &hosts {
        host.sessions();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(runtime);
}

fn endpoint(mail: &Mail, host: &Host) -> Endpoint {
    let overrides = Overrides { protocol: Some(mail.protocol), security: Some(mail.security) };
    let port = Port::new(i64::from(host.address.port())).expect("a bound port is one");
    let name = target::Host::Ip(host.address.ip());
    Endpoint::complete(None, name, Some(port), overrides).expect("protocol and security are said")
}

async fn examine_all(endpoints: Vec<Endpoint>) {
    let (_end, ended) = watch::channel(Default::default());
    let mut probes = JoinSet::new();
    for endpoint in endpoints {
        let ended = ended.clone();
        let options = probe::Options { timeout: LIMIT, ..probe::Options::default() };
        let network = Network::new(NetworkOptions::default());
        probes.spawn(async move { examine(&network, &endpoint, None, &options, &ended).await });
    }
    while probes.join_next().await.is_some() {}
}
