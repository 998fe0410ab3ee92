//! Measures how fast many targets are worked on, and how much memory they take.
//!
//! `cargo bench --bench many_targets` examines 10,000 targets at an in-process host that answers at once: each an
//! endpoint of its own in the clear, then 2,000 over TLS, then 10,000 names for one endpoint. It exits with 1 when the
//! process took more than 100 MB, of which the host has its part.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[path = "common/certificate.rs"]
mod certificate;
#[path = "common/mail.rs"]
mod mail;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::stream;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::providers::Providers;
use mailcfg::run::{Event, Job, Options as RunOptions, Run, Task};
use mailcfg::settings::{Endpoint, Overrides, Security};
use mailcfg::target::Target;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::Instant;

use mail::serve;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let host = certificate::issue(&["localhost"]);
    let root = &host.root;
    let clear = serve(110, Arc::clone(&host.config), false).await;
    let secure = serve(995, Arc::clone(&host.config), false).await;
    measure("10,000 endpoints in the clear", clear, root, Security::None, 10_000, |number| number).await;
    measure("2,000 endpoints over TLS", secure, root, Security::Tls, 2_000, |number| number).await;
    measure("10,000 names for one endpoint over TLS", secure, root, Security::Tls, 10_000, |_| 0).await;
    match most_kilobytes() {
        Some(most) if most > MOST_KILOBYTES => {
            println!("{most} kB: more than {MOST_KILOBYTES} kB");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Examines so many targets, whose hosts have numbers.
async fn measure(
    name: &str,
    place: SocketAddr,
    root: &CertificateDer<'static>,
    security: Security,
    targets: usize,
    host: impl Fn(usize) -> usize + Send + 'static,
) {
    let connect_to =
        ConnectTo::parse(&format!("::{}:{}", place.ip(), place.port())).expect("the form is right");
    let run = Run {
        network: Network::new(Options {
            connect_to: vec![connect_to],
            extra_roots: vec![root.clone()],
            ..Options::default()
        }),
        providers: Providers::bundled(),
        lookup: mailcfg::lookup::Options::default(),
        probe: mailcfg::probe::Options::default(),
        all_addresses: false,
        only: Overrides::default(),
        lookup_only: false,
        options: RunOptions { per_host: None, ..RunOptions::default() },
    };
    let jobs = (0..targets).map(move |number| (number, job(host(number), security)));
    let (_end, ended) = watch::channel(None);
    let began = Instant::now();
    let mut events = run.start(stream::iter(jobs), ended);
    let mut finished = 0;
    while let Some(event) = events.recv().await {
        finished += usize::from(matches!(event, Event::Finished(_)));
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(finished).unwrap_or(u32::MAX)) / seconds;
    let most = most_kilobytes().map_or_else(|| "?".to_owned(), |most| (most / 1_000).to_string());
    println!("{name}: {finished} in {seconds:.1} s, {rate:.0} a second, {most} MB at most up to now");
}

fn job(host: usize, security: Security) -> Job {
    let typed = format!("pop3://host{host}.example");
    let Ok(Target::Host { scheme, host, port }) = Target::parse(&typed) else {
        unreachable!("{typed} is a URL")
    };
    let overrides = Overrides { security: Some(security), ..Overrides::default() };
    let endpoint = Endpoint::complete(scheme, host, port, overrides).expect("a URL tells the protocol");
    Task::Endpoint(typed, endpoint).into()
}

/// `VmHWM`: the most memory that this process had, where the system says so.
fn most_kilobytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

const MOST_KILOBYTES: usize = 100_000;
