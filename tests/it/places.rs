//! One limit of open connections for everything that a lookup opens; waiting for a place is no time of a server's.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::dns::ResolverChoice;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::providers::Providers;
use mailcfg::settings::Source;
use mailcfg::target::Domain;
use tokio::sync::watch;

use crate::support::dns::Dns;

/// A server that closes every connection after a while, and counts.
struct Slow {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Slow {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let [served, open, most_at_once] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (count, most) = (Arc::clone(&served), Arc::clone(&most_at_once));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (open, most, count) = (Arc::clone(&open), Arc::clone(&most), Arc::clone(&count));
                std::thread::spawn(move || {
                    most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(HELD);
                    open.fetch_sub(1, Ordering::SeqCst);
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.set_nonblocking(true).map(|()| stream.read(&mut [0; 512]));
                });
            }
        });
        Self { address, served, most_at_once }
    }
}

async fn look_up(place: SocketAddr, source: Source, connections: usize) -> Lookup {
    let dns: SocketAddr = Dns::start(&[]).place().parse().expect("an address");
    let connect_to =
        vec![ConnectTo::parse(&format!("::{}:{}", place.ip(), place.port())).expect("it is of the form")];
    let resolver = ResolverChoice::At(dns);
    let network = Network::new(Options { resolver, connect_to, connections, ..Options::default() });
    let domain = Domain::parse("d.example").expect("a domain");
    let query = Query { typed: domain.to_string(), address: None, domain };
    let options = lookup::Options { only: vec![source], timeout: HELD * 3, ..lookup::Options::default() };
    let (_end, ended) = watch::channel(None);
    lookup::lookup(&query, &Providers::bundled(), &network, &options, &ended).await
}

#[tokio::test]
async fn guesses_take_places_and_lose_no_time_by_waiting() {
    let slow = Slow::start();
    look_up(slow.address, Source::Guess, 2).await;
    assert_eq!(slow.most_at_once.load(Ordering::SeqCst), 2);
    // Fourteen endpoints, seven of them once more with a smaller ClientHello: far more than the limit has time for.
    assert_eq!(slow.served.load(Ordering::SeqCst), 21);
}

#[tokio::test]
async fn pages_take_places() {
    let slow = Slow::start();
    let lookup = look_up(slow.address, Source::Autoconfig, 1).await;
    assert_eq!(slow.most_at_once.load(Ordering::SeqCst), 1);
    assert_eq!(slow.served.load(Ordering::SeqCst), 2);
    let outcomes: Vec<_> = lookup.sources.iter().filter_map(|asked| asked.outcome.failure()).collect();
    assert!(outcomes.iter().all(|failure| !failure.reason.contains("no answer within")), "{outcomes:?}");
}

const HELD: Duration = Duration::from_millis(200);
