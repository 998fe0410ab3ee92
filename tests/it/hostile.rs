//! The hostile host of `support/hostile.rs`: every cell of its table is examined, all side by side, and each has the right
//! verdict and reason, in time, in little memory, and leaves no connection open.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use hickory_resolver::proto::rr::RecordType;
use mailcfg::net::dns::{MAX_ADDRESSES, ResolverChoice};
use mailcfg::net::{self, ConnectTo, Network, Options as NetworkOptions};
use mailcfg::probe::drive::GOODBYE_LIMIT;
use mailcfg::probe::{self, session::examine};
use mailcfg::providers::Providers;
use mailcfg::run::{Job, Run, Task};
use mailcfg::settings::{Endpoint, Overrides, Protocol, Security};
use mailcfg::target::{self, Port};
use mailcfg::wire::{CAPABILITIES, CAPABILITIES_BYTES, CAPABILITY_BYTES, GREETING_BYTES};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::support::ca;
use crate::support::command::{mailcfg, weigh};
use crate::support::dns::{Answer, Dns, Row};
use crate::support::host::{Host, close, expect, flood, reset, silence};
use crate::support::hostile::{self, cells};
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, examine as examine_host, findings, prepare};

pub const PROTOCOLS: [Protocol; 3] = [Protocol::Imap, Protocol::Pop3, Protocol::Smtp];

/// The limit of an endpoint: 60 s for people, less here.
const LIMIT: Duration = Duration::from_secs(3);

/// What the machine may add to a limit while everything is examined at once; `benches/hostile.rs` is stricter.
const NOISE: Duration = Duration::from_secs(3);

/// KiB, of a build without optimizations that examines everything at once.
pub const MOST_MEMORY: u64 = 128 * 1024;

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
    let limit = format!("{}s", LIMIT.as_secs());
    let clear: &[&str] = if securities == [Security::None] { &["--security", "none"] } else { &[] };
    let hosts: Vec<(&Mail, &Host)> = cells.iter().map(|cell| (&cell.mail, &cell.host)).collect();
    let documents = examine_together(&hosts, &[&["--timeout", &limit], clear].concat());
    let wrong: Vec<String> =
        cells.iter().zip(&documents).filter_map(|(cell, document)| cell.complaint(document)).collect();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

/// Examines many hosts in one run of the program, and gives their documents; what holds of every run is asserted.
#[track_caller]
pub fn examine_together(hosts: &[(&Mail, &Host)], more: &[&str]) -> Vec<Value> {
    let ca_file = ca::trusted().file().display().to_string();
    let mut arguments = [&["probe", "--json", "--ca-file", &ca_file], more].concat();
    let places: Vec<[String; 2]> = hosts
        .iter()
        .map(|(mail, host)| {
            let port = host.address.port();
            [format!("{}:{port}", mail.url()), format!("--connect-to={HOST}:{port}:{}", host.address)]
        })
        .collect();
    arguments.extend(places.iter().flatten().map(String::as_str));
    let began = Instant::now();
    let (output, memory) = weigh(&mut mailcfg(&arguments));
    let elapsed = began.elapsed();
    assert_eq!(output.stderr, "");
    let steers = |found: char| found != '\n' && (found.is_control() || found == '\u{202e}');
    assert!(!output.stdout.contains(steers), "something was not escaped");
    let Value::Array(documents) = output.json() else { panic!("several targets are an array") };
    assert_eq!(documents.len(), hosts.len());
    assert_eq!(output.code, code_of(&documents));
    assert!(memory < MOST_MEMORY, "{memory} KiB");
    assert!(elapsed < WHOLE, "{elapsed:?}");
    documents
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
pub fn address(place: usize, run: usize) -> SocketAddr {
    let octet = |number: usize| u8::try_from(number % 250 + 1).expect("it is less than 256");
    let address = Ipv4Addr::new(127, octet(run), octet(place / 250), octet(place));
    SocketAddr::new(address.into(), 20_000 + u16::try_from(place).expect("there are not so many"))
}

/// A row at one protocol and security.
struct Cell {
    row: &'static hostile::Row,
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
        let Some(milliseconds) = endpoint.pointer("/timings_ms/total").and_then(Value::as_f64) else {
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
        let lists = ["/capabilities/before_tls/value", "/capabilities/after_tls/value"];
        lists.into_iter().filter_map(|list| endpoint.pointer(list)?.as_array()).find_map(|list| {
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
fn nothing_is_waited_for_behind_the_goodbye() {
    for then in [silence(), flood("250 on and on\r\n"), close(), reset()] {
        let cells: Vec<Mail> =
            cells().into_iter().filter(|(row, _)| row.name == "behaves well").map(|(_, mail)| mail).collect();
        let hosts: Vec<(Mail, Host)> = cells
            .iter()
            .map(|mail| {
                let mut script = mail.script();
                script.0.extend([expect(mail.goodbye()), then.clone()]);
                (mail.clone(), Host::start(script))
            })
            .collect();
        std::thread::scope(|scope| {
            for (mail, host) in &hosts {
                scope.spawn(|| {
                    let began = Instant::now();
                    let verdict = prepare(mail, host).with(&["--timeout", "30s"]).run();
                    assert_eq!(verdict.at("/greeting/outcome"), "done", "{verdict:?}");
                    assert!(began.elapsed() < GOODBYE_LIMIT + NOISE, "{:?} {then:?}", began.elapsed());
                });
            }
        });
    }
}

#[test]
fn tickets_without_an_end_were_a_server_that_breaks_off() {
    let mut config = ServerConfig::clone(&ca::good().config());
    config.send_tls13_tickets = 10_000;
    for protocol in PROTOCOLS {
        let mail = Mail::well_behaved(protocol, Security::Tls).config(Arc::new(config.clone()));
        let (verdict, _host) = examine_host(mail.greeting(silence()));
        verdict.ends(1, "fail").finds_only(&["protocol.violation fail"]);
        assert!(verdict.failed("/greeting", "protocol", false).contains("inside TLS"), "{verdict:?}");
    }
}

#[test]
fn a_flood_of_addresses_is_used_up_to_a_number() {
    let rows = [RecordType::A, RecordType::AAAA]
        .into_iter()
        .flat_map(|kind| [(HOST, kind, Answer::Truncated), (HOST, kind, Answer::Flood)]);
    let dns = Dns::start(&rows.collect::<Vec<Row>>());
    let place = dns.place();
    // Nobody listens at any of them.
    let probe = Probe::of("imaps://mail.example.org:9");
    for (family, most) in [("-4", MAX_ADDRESSES), ("-6", MAX_ADDRESSES)] {
        let began = Instant::now();
        let probe = probe.clone().with(&["--resolver", &place, family, "--all-addresses", "--timeout", "3s"]);
        let verdict = probe.run();
        assert_eq!(verdict.endpoints().len(), most);
        assert_eq!(verdict.code, 1, "{verdict:?}");
        assert!(began.elapsed() < LIMIT + NOISE + NOISE, "{:?}", began.elapsed());
    }
}

#[test]
fn no_connection_is_left_open() {
    let hosts = cells().into_iter().map(|(row, mail)| {
        let host = mail.start().expect_connections(row.connections);
        (mail, host)
    });
    nothing_is_left_open(&hosts.collect::<Vec<_>>(), &probe::Options::default());
}

#[test]
fn no_connection_of_many_addresses_is_left_open() {
    let runtime = runtime();
    for protocol in PROTOCOLS {
        let hosts = at_one_name(protocol);
        let rows: Vec<Row> = hosts.iter().map(|(text, _)| (HOST, RecordType::A, Answer::Is(text))).collect();
        let dns = Dns::start(&rows);
        let run = Run {
            network: Network::new(NetworkOptions {
                resolver: ResolverChoice::parse(&dns.place()).expect("it is an address"),
                ..NetworkOptions::default()
            }),
            providers: Providers::bundled(),
            lookup: Default::default(),
            probe: probe::Options { timeout: LIMIT, ..probe::Options::default() },
            all_addresses: true,
            only: Default::default(),
            lookup_only: false,
            options: Default::default(),
        };
        let mail = Mail::well_behaved(protocol, Security::Tls);
        let (_, first) = hosts.first().expect("there are some");
        let job = Job::from(Task::Endpoint(HOST.to_owned(), endpoint(&mail, first)));
        runtime.block_on(async {
            let (_end, ended) = watch::channel(None);
            let mut events = run.start(stream::iter([(0, job)]), ended);
            while events.recv().await.is_some() {}
        });
        are_left_alone(hosts.iter().map(|(_, host)| host));
    }
    drop(runtime);
}

/// Hosts of the table that stand behind one name, and their addresses: as many as are examined.
fn at_one_name(protocol: Protocol) -> Vec<(&'static str, Host)> {
    let here = cells().into_iter().filter(|(row, mail)| {
        (mail.protocol, mail.security, row.connections) == (protocol, Security::Tls, 1)
    });
    let port = address(PROTOCOLS.iter().position(|it| *it == protocol).unwrap_or_default(), 9).port();
    let start = |(place, (_, mail)): (usize, (_, Mail))| {
        let ip = address(place, 9).ip();
        let text: &'static str = String::leak(ip.to_string());
        (text, mail.start_at(SocketAddr::new(ip, port)))
    };
    here.take(MAX_ADDRESSES).enumerate().map(start).collect()
}

/// Examines hosts, and sees that they are left alone.
#[track_caller]
pub fn nothing_is_left_open(hosts: &[(Mail, Host)], options: &probe::Options) {
    let runtime = runtime();
    let options = probe::Options { timeout: LIMIT, ..options.clone() };
    runtime.block_on(examine_all(hosts, &options));
    // The runtime lives on: what is closed now was closed by the probes.
    are_left_alone(hosts.iter().map(|(_, host)| host));
    drop(runtime);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

#[track_caller]
fn are_left_alone<'a>(hosts: impl Iterator<Item = &'a Host>) {
    let began = Instant::now();
    for host in hosts {
        host.sessions();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Where [`HOST`] is when it listens at this port.
fn endpoint(mail: &Mail, host: &Host) -> Endpoint {
    let overrides = Overrides { protocol: Some(mail.protocol), security: Some(mail.security) };
    let port = Port::new(i64::from(host.address.port())).expect("a bound port is one");
    let name = target::Host::parse(HOST).expect("it is a name");
    Endpoint::complete(None, name, Some(port), overrides).expect("protocol and security are said")
}

/// Not all at once: one thread does it.
async fn examine_all(hosts: &[(Mail, Host)], options: &probe::Options) {
    let (_end, ended) = watch::channel(Default::default());
    let examined = hosts.iter().map(async |(mail, host)| {
        let network = Network::new(network_options(host));
        examine(&network, &endpoint(mail, host), None, options, &ended).await;
    });
    stream::iter(examined).buffer_unordered(100).collect::<Vec<()>>().await;
}

fn network_options(host: &Host) -> NetworkOptions {
    let connect_to = format!("::127.0.0.1:{}", host.address.port());
    let connect_to = vec![ConnectTo::parse(&connect_to).expect("it is of the form")];
    let extra_roots = net::read_roots(ca::trusted().file()).expect("the authority's file can be read");
    NetworkOptions { connect_to, extra_roots, ..NetworkOptions::default() }
}
