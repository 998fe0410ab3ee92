//! Measures a probe in round trips, over a path of 100 ms on loopback, beside the fewest that the protocols allow.
//!
//! `cargo bench --bench round_trips` probes an in-process host that answers at once. With the real servers of
//! `tests/real` running and `MAILCFG_REAL_CA` naming their authority, Dovecot, Exim and Postfix are measured too.
//! Each host is probed five times and the quickest counts, for whatever else the machine does only adds.
//! It exits with 1 when the six endpoints of the in-process host, Dovecot or Exim take more than 6.3 round trips.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::probe::facts::Facts;
use mailcfg::providers::Providers;
use mailcfg::run::{Event, Job, Options as RunOptions, Run, Task};
use mailcfg::settings::{Endpoint, Overrides};
use mailcfg::target::{Host, Port};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::Instant;

use common::mail::serve;
use common::relay::delay;
use common::{ROUND_TRIP, certificate};

/// The port, and the fewest round trips (TLS 1.3, DNS apart) with the capabilities in the IMAP greeting, and without.
const ENDPOINTS: &[(u16, [u32; 2])] =
    &[(993, [3, 4]), (995, [4, 4]), (465, [4, 4]), (587, [6, 6]), (143, [5, 6]), (110, [6, 6])];

const TRIES: usize = 5;

const MOST_ROUND_TRIPS: f64 = 6.3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut fine = true;
    let host = certificate::issue(&["localhost"]);
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
        jobs.push(Job::from(Task::Endpoint(String::new(), endpoint)));
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
        options: RunOptions { per_host: None, ..RunOptions::default() },
    }
}

async fn finish(run: Run, jobs: Vec<Job>) -> Vec<Facts> {
    let (_end, ended) = watch::channel(None);
    let mut events = run.start(stream::iter(jobs.into_iter().enumerate()), ended);
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
