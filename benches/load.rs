//! Measures two thousand probes at once: how long, how much processor time and how much memory, beside a bare TLS client.
//!
//! `cargo bench --bench load` starts a mail host in a process of its own, then a process for each measurement:
//! probes of which every tenth hangs, probes alone, and bare rustls handshakes with the same host. The last two take
//! turns, and the quickest of each counts, for whatever else the machine does only adds. What a process needs once, and
//! what one connection warms up, is left out. It exits with 1 when a limit is missed.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[path = "common/certificate.rs"]
mod certificate;

use std::io::{BufRead, BufReader as Lines};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::probe;
use mailcfg::probe::session::{Ended, examine};
use mailcfg::settings::{Endpoint, Overrides};
use mailcfg::target::{Host, Port};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const PROBES: usize = 2_000;

/// How many of them hang.
const HANGING: usize = 200;

/// The limit of an endpoint: 60 s for people, less here.
const LIMIT: Duration = Duration::from_secs(6);

/// What may come on top of it.
const MARGIN: Duration = Duration::from_millis(500);

/// The processor time of a probe, in that of a bare handshake.
const MOST_RATIO: f64 = 1.5;

/// Of each connection in flight.
const MOST_BYTES: usize = 40_000;

const TURNS: usize = 5;

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    match std::env::var("MAILCFG_LOAD_ROLE").as_deref() {
        Ok("serve") => runtime.block_on(serve()),
        Ok(role) => runtime.block_on(load(role)),
        Err(_) => return measure(),
    }
    ExitCode::SUCCESS
}

/// Starts all processes and prints what they measured.
fn measure() -> ExitCode {
    let (mut server, place) = start_server();
    let turns = (0..TURNS).map(|_| (run("probe", &place), run("bare", &place)));
    let (probes, bare): (Vec<Measured>, Vec<Measured>) = turns.unzip();
    let mixed = run("mixed", &place);
    let _ = server.kill();
    let _ = server.wait();
    let least = |all: &[Measured]| all.iter().map(|it| it.cpu).min().unwrap_or_default();
    let ratio = least(&probes).as_secs_f64() / least(&bare).as_secs_f64();
    println!("{PROBES} at once                      wall      CPU each   memory each");
    let line = |name: &str, it: &Measured, cpu: Duration| {
        let (wall, each) = (it.wall.as_secs_f64(), cpu.as_secs_f64() * 1_000.0 / PROBES as f64);
        println!(
            "{name:<32} {wall:>6.2} s  {each:>6.3} ms  {:>6.1} kB",
            it.memory as f64 / PROBES as f64 / 1_000.0
        );
    };
    for it in &bare {
        line("bare rustls handshakes", it, it.cpu);
    }
    for it in &probes {
        line("probes", it, it.cpu);
    }
    line(&format!("probes, {HANGING} of them hang"), &mixed, mixed.cpu);
    println!("a probe takes {ratio:.2} times the processor time of a bare handshake (limit {MOST_RATIO})");
    println!("{} of {} probes were fine, the others hang; limit {LIMIT:?}", mixed.fine, PROBES);
    let memory = probes.iter().chain([&mixed]).map(|it| it.memory / PROBES).max().unwrap_or_default();
    let in_time = mixed.wall <= LIMIT + MARGIN && mixed.fine == PROBES - HANGING;
    if ratio <= MOST_RATIO && memory <= MOST_BYTES && in_time { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a process measured of itself.
struct Measured {
    wall: Duration,
    cpu: Duration,
    /// The most that was resident, less what was before the start, in bytes.
    memory: usize,
    /// How many ended well.
    fine: usize,
}

/// This program in another role; more files may be open than a shell allows by itself.
fn role(name: &str, place: &str) -> Command {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -n $(ulimit -Hn); exec \"$0\"").arg(program);
    command.env("MAILCFG_LOAD_ROLE", name).env("MAILCFG_LOAD_PLACE", place).stdout(Stdio::piped());
    command
}

fn start_server() -> (Child, String) {
    let mut server = role("serve", "").spawn().expect("the program starts again");
    let mut place = String::new();
    let stdout = server.stdout.take().expect("stdout is piped");
    Lines::new(stdout).read_line(&mut place).expect("the server tells its place");
    (server, place)
}

fn run(name: &str, place: &str) -> Measured {
    let output = role(name, place).stderr(Stdio::inherit()).output().expect("the program starts again");
    let text = String::from_utf8(output.stdout).expect("numbers are text");
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, cpu, memory, fine] = numbers[..] else { panic!("{name}: {text:?}") };
    let size = |number: u64| usize::try_from(number).expect("it fits");
    Measured {
        wall: Duration::from_micros(wall),
        cpu: Duration::from_micros(cpu),
        memory: size(memory),
        fine: size(fine),
    }
}

/// The mail host: four ports, of which one greets at once, one when everybody is there, one never, and one does not even
/// answer ClientHello.
async fn serve() {
    let host = certificate::issue(&["localhost"]);
    let all = Arc::new(Crowd::default());
    let at_once = listen(Arc::clone(&host.config), |stream| converse(stream, None));
    let together = listen(Arc::clone(&host.config), move |stream| converse(stream, Some(Arc::clone(&all))));
    let bare = listen(host.config, |mut stream| async move {
        let _ = stream.read(&mut [0; 1]).await;
    });
    let (silent, silent_port) = bind();
    println!("{at_once} {together} {bare} {silent_port} {}", BASE64.encode(&host.root));
    let mut kept = Vec::new();
    while let Ok((stream, _)) = silent.accept().await {
        kept.push(stream);
    }
}

/// Those who wait until everybody is there.
#[derive(Default)]
struct Crowd {
    waiting: AtomicUsize,
    complete: Notify,
}

impl Crowd {
    /// Waits for the whole crowd, but not for ever.
    async fn wait(&self) {
        if self.waiting.fetch_add(1, SeqCst) + 1 == PROBES - HANGING {
            self.waiting.store(0, SeqCst);
            return self.complete.notify_waiters();
        }
        let _ = tokio::time::timeout(LIMIT / 2, self.complete.notified()).await;
    }
}

type Inside = tokio_rustls::server::TlsStream<TcpStream>;

/// A socket with room for everybody who connects at once.
fn bind() -> (TcpListener, u16) {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("loopback can be bound");
    let listener = socket.listen(4_096).expect("it is bound");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

fn listen<F: Future<Output = ()> + Send + 'static>(
    config: Arc<ServerConfig>,
    serve: impl Fn(Inside) -> F + Send + Sync + 'static,
) -> u16 {
    let (listener, port) = bind();
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, serve) = (TlsAcceptor::from(Arc::clone(&config)), Arc::clone(&serve));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    port
}

/// IMAP as a probe needs it.
async fn converse(stream: Inside, crowd: Option<Arc<Crowd>>) {
    if let Some(crowd) = crowd {
        crowd.wait().await;
    }
    let mut stream = BufReader::new(stream);
    let _ = stream.write_all(b"* OK ready\r\n").await;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        if command != "CAPABILITY" {
            return;
        }
        let reply = format!("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n");
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
    }
}

/// Two thousand clients in this process; prints what they took.
async fn load(role: &str) {
    let place = std::env::var("MAILCFG_LOAD_PLACE").expect("the parent says where the host is");
    let words: Vec<&str> = place.split_whitespace().collect();
    let [at_once, together, bare, silent, root] = words[..] else { panic!("{place:?}") };
    let port = |word: &str| word.parse::<u16>().expect("a port");
    let root = CertificateDer::from(BASE64.decode(root.as_bytes()).expect("a certificate"));
    let client = Client::new(root);
    let kind = if role == "bare" { Kind::Bare } else { Kind::Probe };
    // One connection of each kind warms up.
    assert!(
        client.connect(kind, if role == "bare" { port(bare) } else { port(at_once) }).await,
        "it does not work"
    );
    let place_of = |number: usize| match role {
        "bare" => port(bare),
        "mixed" if number.is_multiple_of(PROBES / HANGING) => port(silent),
        "mixed" => port(together),
        _ => port(at_once),
    };
    let (cpu, memory, began) = (cpu_time(), resident("VmRSS:"), Instant::now());
    let mut clients = JoinSet::new();
    for number in 0..PROBES {
        let (client, port) = (client.clone(), place_of(number));
        clients.spawn(async move { client.connect(kind, port).await });
    }
    let fine = clients.join_all().await.into_iter().filter(|fine| *fine).count();
    let (wall, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
    let memory = resident("VmHWM:").saturating_sub(memory);
    println!("{} {} {memory} {fine}", wall.as_micros(), cpu.as_micros());
}

#[derive(Clone, Copy)]
enum Kind {
    Bare,
    Probe,
}

#[derive(Clone)]
struct Client {
    tls: TlsConnector,
    network: Arc<Network>,
    options: probe::Options,
    ended: Ended,
}

impl Client {
    fn new(root: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add(root.clone()).expect("the root is sound");
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider knows both versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        let to_loopback = ConnectTo::parse("localhost::127.0.0.1:").expect("the form is right");
        let network = Options {
            extra_roots: vec![root],
            connect_to: vec![to_loopback],
            connections: PROBES,
            ..Options::default()
        };
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            network: Arc::new(Network::new(network)),
            options: probe::Options { timeout: LIMIT, ..probe::Options::default() },
            // Nobody ends them.
            ended: watch::channel(Default::default()).1,
        }
    }

    /// True when all went well.
    async fn connect(&self, kind: Kind, port: u16) -> bool {
        match kind {
            Kind::Bare => self.shake_hands(port).await.is_ok(),
            Kind::Probe => self.probe(port).await,
        }
    }

    async fn shake_hands(&self, port: u16) -> std::io::Result<()> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("the name is sound");
        let mut stream = self.tls.connect(name, stream).await?;
        stream.shutdown().await
    }

    async fn probe(&self, port: u16) -> bool {
        let port = Port::new(i64::from(port)).expect("the port is right");
        let host = Host::parse("localhost").expect("the host is right");
        let imap = Overrides {
            protocol: Some(mailcfg::settings::Protocol::Imap),
            security: Some(mailcfg::settings::Security::Tls),
        };
        let endpoint = Endpoint::complete(None, host, Some(port), imap).expect("all is said");
        let facts = examine(&self.network, &endpoint, None, &self.options, &self.ended).await;
        facts.after_tls.value().is_some() && facts.chain.is_some_and(|chain| chain.problems.is_empty())
    }
}

/// The processor time of this process, from the 14th and 15th field of its `stat`, in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in parentheses");
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A size of `/proc/self/status`, in bytes.
fn resident(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
    let size = line.split_whitespace().next().and_then(|size| size.parse::<usize>().ok());
    size.expect("a size is a number") * 1024
}
