//! Measures a probe in round trips, over a path of 100 ms on loopback, beside the fewest that the protocols allow.
//!
//! `cargo bench --bench round_trips` probes an in-process host that answers at once. With the real servers of
//! `tests/real` running and `MAILCFG_REAL_CA` naming their authority, Dovecot, Exim and Postfix are measured too.
//! Each host is probed five times and the quickest counts, for whatever else the machine does only adds.
//! It exits with 1 when the six endpoints of the in-process host, Dovecot or Exim take more than 6.3 round trips.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::probe::facts::Facts;
use mailcfg::providers::Providers;
use mailcfg::run::{Event, Job, Run};
use mailcfg::settings::{Endpoint, Overrides, Protocol, Security};
use mailcfg::target::{Host, Port};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;

/// The port, and the fewest round trips (TLS 1.3, DNS apart) with the capabilities in the IMAP greeting, and without.
const ENDPOINTS: &[(u16, [u32; 2])] =
    &[(993, [3, 4]), (995, [4, 4]), (465, [4, 4]), (587, [6, 6]), (143, [5, 6]), (110, [6, 6])];

const ROUND_TRIP: Duration = Duration::from_millis(100);

const TRIES: usize = 5;

const MOST_ROUND_TRIPS: f64 = 6.3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut fine = true;
    let host = rcgen_host();
    for capabilities_in_greeting in [true, false] {
        let name = if capabilities_in_greeting {
            "in-process host, capabilities in the greeting"
        } else {
            "in-process host"
        };
        let mut places = Vec::new();
        for (port, _) in ENDPOINTS {
            places.push((*port, serve(*port, Arc::clone(&host.config), capabilities_in_greeting).await));
        }
        let floor = usize::from(!capabilities_in_greeting);
        fine &= measure(name, "localhost", &places, vec![host.root.clone()], Some(floor)).await;
    }
    if let Ok(path) = std::env::var("MAILCFG_REAL_CA") {
        let roots = mailcfg::net::read_roots(path.as_ref()).expect("MAILCFG_REAL_CA names a PEM file");
        let dovecot = real(Ipv4Addr::new(127, 0, 0, 2), &[993, 995, 143, 110]);
        fine &= measure("Dovecot", "disroot.org", &dovecot, roots.clone(), Some(1)).await;
        let exim = real(Ipv4Addr::new(127, 0, 0, 3), &[465, 587]);
        fine &= measure("Exim", "mail.example.org", &exim, roots.clone(), Some(1)).await;
        let postfix = real(Ipv4Addr::new(127, 0, 0, 2), &[465, 587]);
        fine &= measure(
            "Postfix (for information: on a real path it waits one more, for the acknowledgement of its tickets)",
            "disroot.org",
            &postfix,
            roots,
            None,
        )
        .await;
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn real(address: Ipv4Addr, ports: &[u16]) -> Vec<(u16, SocketAddr)> {
    ports.iter().map(|&port| (port, SocketAddr::from((address, port)))).collect()
}

/// Probes all endpoints side by side through the delay and prints a line each; false when one failed or all together
/// took too long.
async fn measure(
    name: &str,
    host: &str,
    places: &[(u16, SocketAddr)],
    extra_roots: Vec<CertificateDer<'static>>,
    floor: Option<usize>,
) -> bool {
    let mut connect_to = Vec::new();
    let mut jobs = Vec::new();
    for (port, place) in places {
        let relay = delay(*place).await;
        let entry = format!("{host}:{port}:127.0.0.1:{}", relay.port());
        connect_to.push(ConnectTo::parse(&entry).expect("the form is right"));
        let port = Port::new(i64::from(*port)).expect("the port is right");
        let host = Host::parse(host).expect("the host is right");
        let endpoint =
            Endpoint::complete(None, host, Some(port), Overrides::default()).expect("the port is known");
        jobs.push(Job::Endpoint(String::new(), endpoint));
    }
    let options = Options { connect_to, extra_roots, ..Options::default() };
    let mut quickest: Option<(Duration, Vec<Facts>)> = None;
    for _ in 0..TRIES {
        let began = Instant::now();
        let facts = finish(run(options.clone()), jobs.clone()).await;
        let elapsed = began.elapsed();
        if quickest.as_ref().is_none_or(|(least, _)| elapsed < *least) {
            quickest = Some((elapsed, facts));
        }
    }
    let (elapsed, facts) = quickest.expect("it was tried");
    let together = round_trips(elapsed);
    println!("{name}");
    for facts in &facts {
        print_endpoint(facts, floor);
    }
    println!("  all together                {together:>5.2} round trips\n");
    let whole = facts.iter().all(|facts| facts.after_tls.value().is_some());
    whole && (floor.is_none() || together <= MOST_ROUND_TRIPS)
}

fn run(options: Options) -> Run {
    Run {
        network: Network::new(options),
        providers: Providers::bundled(),
        lookup: mailcfg::lookup::Options::default(),
        probe: mailcfg::probe::Options::default(),
        all_addresses: false,
        only: Overrides::default(),
        lookup_only: false,
        jobs: ENDPOINTS.len(),
    }
}

async fn finish(run: Run, jobs: Vec<Job>) -> Vec<Facts> {
    let (_end, ended) = watch::channel(false);
    let mut events = run.start(jobs, ended);
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Finished(outcome) = event {
            all.push((outcome.index, outcome.facts));
        }
    }
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().flat_map(|(_, facts)| facts).collect()
}

fn print_endpoint(facts: &Facts, floor: Option<usize>) {
    let port = facts.endpoint.port.get();
    let floors = ENDPOINTS.iter().find(|(known, _)| *known == port).map(|(_, floors)| floors);
    let fewest = floor
        .and_then(|floor| floors?.get(floor).copied())
        .map_or_else(|| "-".to_owned(), |it| it.to_string());
    let taken = facts.timings.total.map(round_trips).unwrap_or_default();
    let outcome = match facts.after_tls.value() {
        Some(_) => String::new(),
        None => format!("  FAILED: {:?}", facts.first_failure()),
    };
    println!(
        "  {:<5} {port:<4} {:<9}  fewest {fewest}  {taken:>5.2} round trips{outcome}",
        facts.endpoint.protocol, facts.endpoint.security
    );
}

fn round_trips(time: Duration) -> f64 {
    time.as_secs_f64() / ROUND_TRIP.as_secs_f64()
}

/// A relay that makes the way as long as a round trip. It cannot delay the SYN, so it opens its own connection one and
/// a half round trips after it was connected, when the last packet of a real handshake would have come.
async fn delay(place: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let accepted = Instant::now();
            tokio::spawn(async move {
                client.set_nodelay(true).expect("the option is known");
                let (from_client, to_client) = client.into_split();
                let arrived = accepted + ROUND_TRIP + ROUND_TRIP / 2;
                let (queue, upstream_bytes) = mpsc::unbounded_channel();
                tokio::spawn(collect(from_client, queue, arrived));
                sleep_until(arrived).await;
                let Ok(server) = TcpStream::connect(place).await else { return };
                server.set_nodelay(true).expect("the option is known");
                let (from_server, to_server) = server.into_split();
                let (queue, downstream_bytes) = mpsc::unbounded_channel();
                tokio::spawn(collect(from_server, queue, accepted));
                tokio::join!(release(upstream_bytes, to_server), release(downstream_bytes, to_client));
            });
        }
    });
    address
}

/// Reads what comes and says when it may go on: half a round trip later, and not before a given time.
async fn collect(
    mut from: impl AsyncRead + Unpin,
    to: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    not_before: Instant,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let due = (Instant::now() + ROUND_TRIP / 2).max(not_before);
        let bytes = buffer.get(..read).unwrap_or_default().to_vec();
        if read == 0 || to.send((due, bytes)).is_err() {
            return;
        }
    }
}

async fn release(mut from: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut to: impl AsyncWrite + Unpin) {
    while let Some((due, bytes)) = from.recv().await {
        sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

struct TestHost {
    config: Arc<ServerConfig>,
    root: CertificateDer<'static>,
}

/// A server configuration with a certificate for `localhost`, that sends no session tickets.
fn rcgen_host() -> TestHost {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate can be made");
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes())
        .expect("the key is PEM");
    let root = certified.cert.der().clone();
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows both versions")
            .with_no_client_auth()
            .with_single_cert(vec![root.clone()], key)
            .expect("the key fits");
    config.send_tls13_tickets = 0;
    TestHost { config: Arc::new(config), root }
}

/// A host that answers at once, as the given port would.
async fn serve(port: u16, config: Arc<ServerConfig>, capabilities_in_greeting: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    let protocol = match port {
        993 | 143 => Protocol::Imap,
        995 | 110 => Protocol::Pop3,
        _ => Protocol::Smtp,
    };
    let security = if matches!(port, 993 | 995 | 465) { Security::Tls } else { Security::StartTls };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("the option is known");
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            tokio::spawn(async move {
                let greeting = greeting(protocol, capabilities_in_greeting);
                let mut clear = BufReader::new(stream);
                if security == Security::StartTls && !converse(&mut clear, protocol, greeting).await {
                    return;
                }
                let Ok(inside) = acceptor.accept(clear.into_inner()).await else { return };
                let greeting = if security == Security::Tls { greeting } else { "" };
                converse(&mut BufReader::new(inside), protocol, greeting).await;
            });
        }
    });
    address
}

fn greeting(protocol: Protocol, capabilities: bool) -> &'static str {
    match protocol {
        Protocol::Imap if capabilities => "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n",
        Protocol::Imap => "* OK ready\r\n",
        Protocol::Pop3 => "+OK ready\r\n",
        Protocol::Smtp => "220 localhost ESMTP\r\n",
    }
}

/// Answers commands; true once STARTTLS was agreed on.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    protocol: Protocol,
    greeting: &str,
) -> bool {
    if stream.write_all(greeting.as_bytes()).await.is_err() || stream.flush().await.is_err() {
        return false;
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let (tag, command) = match protocol {
            Protocol::Imap => line.trim_end().split_once(' ').unwrap_or_default(),
            _ => ("", line.trim_end()),
        };
        let word = command.split(' ').next().unwrap_or_default();
        let reply = match word {
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n{tag} OK done\r\n"),
            "CAPA" => "+OK\r\nUSER\r\nSTLS\r\nSASL PLAIN\r\n.\r\n".to_owned(),
            "EHLO" => "250-localhost\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n".to_owned(),
            "STARTTLS" if protocol == Protocol::Imap => format!("{tag} OK go\r\n"),
            "STARTTLS" => "220 go\r\n".to_owned(),
            "STLS" => "+OK go\r\n".to_owned(),
            _ => return false,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return false;
        }
        if matches!(word, "STARTTLS" | "STLS") {
            return true;
        }
        line.clear();
    }
    false
}
