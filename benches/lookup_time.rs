//! Measures a lookup over a path of 100 ms on loopback, beside its slowest source, and what a source costs that hangs.
//!
//! `cargo bench --bench lookup_time` asks an in-process resolver and an in-process host in which every source finds an
//! answer. Each lookup is made three times and the quickest counts, for whatever else the machine does only adds.
//! It exits with 1 when all sources together take more than 1.2 times as long as the slowest one alone, when a source
//! that hangs costs time though a better one has answered, or when it costs anything but its limit though none has.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use mailcfg::attempt::Attempt;
use mailcfg::lookup::source::{LIMIT, SOURCES};
use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::dns::ResolverChoice;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::providers::Providers;
use mailcfg::settings::Source;
use mailcfg::target::Address;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use common::relay::delay;
use common::{ROUND_TRIP, certificate, mail};

const TRIES: usize = 3;

/// What all sources together may take, measured in the slowest one.
const MOST: f64 = 1.2;

const TOLERANCE: Duration = Duration::from_millis(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let answering = World::start(None).await;
    let pacc_hangs = World::start(Some(PACC_HOST)).await;
    let ispdb_hangs = World::start(Some(ISPDB_HOST)).await;
    let fine = [
        all_together(&answering).await,
        hang_behind_an_answer(&answering, &ispdb_hangs).await,
        hang_before_an_answer(&pacc_hangs).await,
    ];
    if fine.iter().all(|&fine| fine) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All sources together, beside each one alone.
async fn all_together(world: &World) -> bool {
    println!("every source answers");
    let mut slowest = Duration::ZERO;
    let mut fine = true;
    for entry in SOURCES {
        let only = vec![entry.source];
        let (elapsed, lookup) = world.quickest(lookup::Options { only, ..options() }).await;
        slowest = slowest.max(elapsed);
        fine &= answered(&lookup, entry.source);
        print(&format!("{} alone", entry.source), elapsed, &lookup, &[entry.source]);
    }
    let sources: Vec<Source> = SOURCES.iter().map(|entry| entry.source).collect();
    let (elapsed, lookup) = world.quickest(lookup::Options { all: true, ..options() }).await;
    print("all together", elapsed, &lookup, &sources);
    let ratio = elapsed.as_secs_f64() / slowest.as_secs_f64();
    println!("  {ratio:.2} times the slowest source (at most {MOST})\n");
    fine && sources.iter().all(|&source| answered(&lookup, source)) && ratio <= MOST
}

/// PACC answers, the ISPDB hangs.
async fn hang_behind_an_answer(answering: &World, hanging: &World) -> bool {
    println!("a source hangs, a better one answers");
    let (usual, lookup) = answering.quickest(options()).await;
    print("nothing hangs", usual, &lookup, &[Source::Pacc]);
    let (elapsed, lookup) = hanging.quickest(options()).await;
    print("ispdb hangs", elapsed, &lookup, &[Source::Pacc]);
    let ratio = elapsed.as_secs_f64() / usual.as_secs_f64();
    println!("  {ratio:.2} times as long (at most {MOST})\n");
    answered(&lookup, Source::Pacc) && ratio <= MOST
}

/// PACC hangs, and everything else answers.
async fn hang_before_an_answer(hanging: &World) -> bool {
    println!("a source hangs, only worse ones answer");
    let (elapsed, lookup) = hanging.once(options()).await;
    print("pacc hangs", elapsed, &lookup, &[Source::Autoconfig]);
    println!("  its limit is {:.2} s\n", LIMIT.as_secs_f64());
    answered(&lookup, Source::Autoconfig) && elapsed >= LIMIT && elapsed <= LIMIT + TOLERANCE
}

fn options() -> lookup::Options {
    lookup::Options {
        send_address: true,
        ispdb_url: format!("https://{ISPDB_HOST}/v1.1/"),
        ..lookup::Options::default()
    }
}

fn answered(lookup: &Lookup, source: Source) -> bool {
    let asked = lookup.sources.iter().find(|asked| asked.source == source);
    asked.is_some_and(|asked| asked.outcome.value().is_some())
}

fn print(name: &str, elapsed: Duration, lookup: &Lookup, expected: &[Source]) {
    println!("  {name:<20} {:>5.2} s", elapsed.as_secs_f64());
    for asked in lookup.sources.iter().filter(|asked| expected.contains(&asked.source)) {
        match &asked.outcome {
            Attempt::Done(_) => {}
            other => println!("    FAILED: {} {other:?}", asked.source),
        }
    }
}

/// A resolver and hosts behind a long path, in which every source finds an answer.
struct World {
    network: Options,
}

impl World {
    /// Starts it; one of its web hosts takes a request and says nothing.
    async fn start(silent: Option<&'static str>) -> Self {
        let host = certificate::issue(&NAMES);
        let acceptor = TlsAcceptor::from(Arc::clone(&host.config));
        let mut connect_to = vec![way(443, serve_web(acceptor, silent).await).await];
        for port in [993, 995, 465, 143, 110, 587] {
            connect_to.push(way(port, mail::serve(port, Arc::clone(&host.config), true).await).await);
        }
        let resolver = ResolverChoice::At(serve_dns().await);
        Self { network: Options { resolver, connect_to, extra_roots: vec![host.root], ..Options::default() } }
    }

    async fn quickest(&self, options: lookup::Options) -> (Duration, Lookup) {
        let mut quickest = self.once(options.clone()).await;
        for _ in 1..TRIES {
            let next = self.once(options.clone()).await;
            if next.0 < quickest.0 {
                quickest = next;
            }
        }
        quickest
    }

    /// One lookup by a network that has asked nothing before.
    async fn once(&self, options: lookup::Options) -> (Duration, Lookup) {
        let address = Address::parse(&format!("user@{DOMAIN}")).expect("the address is right");
        let domain = address.domain().clone();
        let query = Query { typed: address.to_string(), address: Some(address), domain };
        let network = Network::new(self.network.clone());
        let providers = Providers::bundled();
        let (_end, ended) = watch::channel(None);
        let began = Instant::now();
        let lookup = lookup::lookup(&query, &providers, &network, &options, &ended).await;
        (began.elapsed(), lookup)
    }
}

/// Leads a port of every host to a place on loopback, over the long path.
async fn way(port: u16, place: SocketAddr) -> ConnectTo {
    let entry = format!(":{port}::{}", delay(place).await.port());
    ConnectTo::parse(&entry).expect("the form is right")
}

/// A resolver whose answers come one round trip later.
async fn serve_dns() -> SocketAddr {
    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound"));
    let address = socket.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((size, client)) = socket.recv_from(&mut buffer).await {
            let reply = reply(buffer.get(..size).unwrap_or_default());
            let socket = Arc::clone(&socket);
            tokio::spawn(async move {
                sleep(ROUND_TRIP).await;
                // A client that is gone needs no answer.
                let _ = socket.send_to(&reply, client).await;
            });
        }
    });
    address
}

fn reply(question: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(question).expect("a question is a message").into_response();
    message.metadata.recursion_available = true;
    message.edns = None;
    let query = message.queries.first().expect("a message has a question").clone();
    let name = query.name().to_ascii();
    match records(name.trim_end_matches('.'), query.query_type()) {
        Some(records) => {
            for data in records {
                message.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
        }
        None => message.metadata.response_code = ResponseCode::NXDomain,
    }
    message.to_vec().expect("the reply is short")
}

/// The records of a name; `None` when it does not exist.
fn records(name: &str, record_type: RecordType) -> Option<Vec<RData>> {
    let host = |text: &str| Name::from_ascii(format!("{text}.")).expect("the name is right");
    let text = |text: String| Some(vec![RData::TXT(TXT::new(vec![text]))]);
    let srv = |port| Some(vec![RData::SRV(SRV::new(0, 0, port, host(MAIL_HOST)))]);
    match (name, record_type) {
        (DOMAIN, RecordType::MX) => Some(vec![RData::MX(MX::new(10, host(MX_HOST)))]),
        (DOMAIN, RecordType::TXT) => text(format!("mailconf=https://{MAIL_HOST}/mailconf.xml")),
        ("_ua-auto-config.customer.example", RecordType::TXT) => {
            let digest = BASE64.encode(digest(&SHA256, PACC.as_bytes()).as_ref());
            text(format!("v=UAAC1; a=sha256; d={digest}"))
        }
        ("_imaps._tcp.customer.example", RecordType::SRV) => srv(993),
        ("_submissions._tcp.customer.example", RecordType::SRV) => srv(465),
        (name, RecordType::A) if NAMES.contains(&name) => Some(vec![RData::A(A(Ipv4Addr::LOCALHOST))]),
        (name, _) => NAMES.contains(&name).then(Vec::new),
    }
}

/// A web server that answers at once, but for the host that is silent.
async fn serve_web(acceptor: TlsAcceptor, silent: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("the option is known");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
                let mut stream = BufReader::new(stream);
                let Some(path) = take_request(&mut stream).await else { return };
                if silent == Some(name.as_str()) {
                    return std::future::pending().await;
                }
                let _ = stream.write_all(page(&path).as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

/// Reads a request to the end of its body, and gives its path.
async fn take_request<S: tokio::io::AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|&read| read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_ascii_lowercase());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    lines.first()?.split(' ').nth(1).map(str::to_owned)
}

fn page(path: &str) -> String {
    let body = match path {
        "/.well-known/user-agent-configuration.json" => PACC,
        "/autodiscover/autodiscover.xml" => AUTODISCOVER,
        path if path.contains("autodiscover") => {
            return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
        }
        _ => AUTOCONFIG,
    };
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const DOMAIN: &str = "customer.example";
const MAIL_HOST: &str = "mail.customer.example";
const PACC_HOST: &str = "ua-auto-config.customer.example";
const ISPDB_HOST: &str = "ispdb.example";
const MX_HOST: &str = "mx.provider.example";

/// Every name that has an address.
const NAMES: [&str; 13] = [
    DOMAIN,
    MAIL_HOST,
    PACC_HOST,
    ISPDB_HOST,
    MX_HOST,
    "provider.example",
    "autoconfig.customer.example",
    "autoconfig.provider.example",
    "autodiscover.customer.example",
    "imap.customer.example",
    "pop.customer.example",
    "pop3.customer.example",
    "smtp.customer.example",
];

const PACC: &str = r#"{"protocols": {"imap": {"host": "mail.customer.example"}, "submit": {"host": "mail.customer.example"}}, "authentication": {"password": true}}"#;

const AUTOCONFIG: &str = r#"<clientConfig version="1.1"><emailProvider id="customer.example">
<incomingServer type="imap"><hostname>mail.customer.example</hostname><port>993</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<outgoingServer type="smtp"><hostname>mail.customer.example</hostname><port>465</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>"#;

const AUTODISCOVER: &str = r#"<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>
<AccountType>email</AccountType><Action>settings</Action>
<Protocol><Type>IMAP</Type><Server>mail.customer.example</Server><Port>993</Port><SSL>on</SSL></Protocol>
<Protocol><Type>SMTP</Type><Server>mail.customer.example</Server><Port>465</Port><SSL>on</SSL></Protocol>
</Account></Response></Autodiscover>"#;
