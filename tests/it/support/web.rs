//! A web host on loopback for any number of names, over TLS and in the clear, with a table of answers and a log of what
//! was asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::ca::{self, Leaf};

/// What stands at one address.
#[derive(Clone, Debug)]
pub struct Page {
    /// `https://host/path`, or `http://…`; with a query only when the answer depends on it.
    pub url: String,
    /// The status.
    pub status: u16,
    /// Whole header lines.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How it is sent.
    pub manner: Manner,
}

impl Default for Page {
    fn default() -> Self {
        let body = b"none".to_vec();
        Self { url: String::new(), status: 404, headers: Vec::new(), body, manner: Manner::Plain }
    }
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once, with its length.
    #[default]
    Plain,
    /// After so long.
    After(Duration),
    /// Never.
    Hang,
    /// A byte now and then.
    Drip,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends in place of an answer.
    Close,
    /// A body without an end.
    Endless,
    /// A length smaller than the body.
    ShortLength,
    /// Compressed.
    Gzip,
    /// In chunks of seven bytes.
    Chunked,
    /// Chunks without an end.
    EndlessChunks,
    /// Header lines without an end.
    EndlessHead,
    /// Ten megabytes, compressed to a tenth of a percent.
    GzipBomb,
    /// A megabyte of members of gzip, each with nothing in it.
    GzipOfNothing,
    /// Fifty thousand elements, each inside the one before.
    Deep,
    /// Responses that say that another comes, without an end.
    EndlessInforms,
    /// In chunks of one byte.
    SmallChunks,
    /// Chunks of one byte without an end.
    EndlessSmallChunks,
    /// In UTF-16, with a mark of its order.
    Utf16,
}

/// The certificate that a name shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// One that fits.
    Good,
    /// One that ended yesterday.
    Expired,
    /// One of an authority nobody knows.
    Unknown,
    /// One for another name.
    WrongName,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// Scheme, host, path and query.
    pub url: String,
    /// What was posted.
    pub body: String,
}

/// A running host. Its threads end with the test process.
#[derive(Debug)]
pub struct Web {
    /// Where TLS is spoken.
    pub https: SocketAddr,
    /// Where it is not.
    pub http: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// A host with these pages; names without an entry in `certificates` show a good one.
    pub fn start(pages: Vec<Page>, certificates: &HashMap<String, Certificate>) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let names = pages.iter().map(|page| host_of(&page.url).to_owned());
        let keys = names.map(|name| {
            let kind = certificates.get(&name).copied().unwrap_or(Certificate::Good);
            (name.clone(), issue(&name, kind))
        });
        let config = tls(Keys(keys.collect()));
        let site = Site { pages: Arc::new(pages), log: Arc::clone(&log) };
        let https = listen({
            let site = site.clone();
            move |stream| {
                let connection = ServerConnection::new(Arc::clone(&config)).ok()?;
                site.serve("https", StreamOwned::new(connection, stream))
            }
        });
        let http = listen(move |stream| site.serve("http", stream));
        Self { https, http, log }
    }

    /// Every request in the order they came.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name in a URL.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn issue(name: &str, kind: Certificate) -> Arc<CertifiedKey> {
    // A certificate's names live as long as the tests.
    let leaf = Leaf { names: vec![String::leak(name.to_owned())], ..Leaf::default() };
    match kind {
        Certificate::Good => ca::trusted().issue(&leaf),
        Certificate::Expired => ca::trusted().issue(&Leaf { ends: -1, ..leaf }),
        Certificate::Unknown => ca::self_signed(&leaf),
        Certificate::WrongName => ca::trusted().issue(&Leaf { names: vec!["parking.test"], ..leaf }),
    }
    .certified()
}

/// The key of each name.
#[derive(Debug)]
struct Keys(HashMap<String, Arc<CertifiedKey>>);

impl ResolvesServerCert for Keys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.get(hello.server_name()?).cloned()
    }
}

fn tls(keys: Keys) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has suites");
    Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(keys)))
}

fn listen(serve: impl Fn(TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback address can be bound");
    let address = listener.local_addr().expect("a bound socket has an address");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

#[derive(Clone, Debug)]
struct Site {
    pages: Arc<Vec<Page>>,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    /// Answers one request; `None` when the client went first.
    fn serve(&self, scheme: &str, mut stream: impl Read + Write) -> Option<()> {
        let asked = read_request(scheme, &mut stream)?;
        let url = asked.url.clone();
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        match self.page(&url) {
            Some(page) => page.send(&mut stream).ok(),
            None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone").ok(),
        }?;
        stream.flush().ok()
    }

    /// The page at a URL, else the one at it without its query.
    fn page(&self, url: &str) -> Option<&Page> {
        let bare = url.split('?').next().unwrap_or_default();
        let at = |wanted: &str| self.pages.iter().find(|page| page.url == wanted);
        at(url).or_else(|| at(bare))
    }
}

fn read_request(scheme: &str, stream: &mut impl Read) -> Option<Asked> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let field = |name: &str| {
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.clone().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let length = field("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?);
    let url = format!("{scheme}://{}{path}", field("host")?);
    Some(Asked { method, url, body: String::from_utf8(body).ok()? })
}

impl Page {
    fn send(&self, stream: &mut impl Write) -> std::io::Result<()> {
        let fields: String = self.headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("HTTP/1.1 {} Said\r\n{fields}", self.status);
        let with_length = |length: usize| format!("{head}Content-Length: {length}\r\n\r\n");
        match self.manner {
            Manner::Close => return Ok(()),
            Manner::Hang => {
                std::thread::sleep(LONGEST);
                return Ok(());
            }
            Manner::After(time) => std::thread::sleep(time),
            _ => {}
        }
        let length = self.body.len();
        match self.manner {
            Manner::Cut => {
                stream.write_all(with_length(length).as_bytes())?;
                stream.write_all(self.body.get(..length / 2).unwrap_or_default())
            }
            Manner::ShortLength => {
                stream.write_all(with_length(length / 2).as_bytes())?;
                stream.write_all(&self.body)
            }
            Manner::Endless => {
                stream.write_all(format!("{head}\r\n").as_bytes())?;
                repeat(stream, &[b' '; 4096], Duration::ZERO)
            }
            Manner::Drip => {
                stream.write_all(with_length(1_000_000).as_bytes())?;
                repeat(stream, b" ", Duration::from_millis(50))
            }
            Manner::Gzip => stream.write_all(&gzip(&head, std::iter::once(self.body.as_slice()))?),
            Manner::GzipBomb => {
                stream.write_all(&gzip(&head, std::iter::repeat_n(&[b' '; 100_000][..], 100))?)
            }
            Manner::GzipOfNothing => {
                let members = pack(std::iter::empty())?.repeat(50_000);
                stream.write_all(&packed_answer(&head, &members))
            }
            Manner::Deep => whole(stream, &head, "<clientConfig>".repeat(50_000).as_bytes()),
            Manner::Utf16 => {
                let text = String::from_utf8_lossy(&self.body);
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                whole(stream, &head, &units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
            }
            Manner::EndlessInforms => {
                repeat(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", Duration::ZERO)
            }
            Manner::EndlessSmallChunks => {
                stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
                repeat(stream, "1\r\n \r\n".repeat(500).as_bytes(), Duration::ZERO)
            }
            Manner::EndlessHead => {
                stream.write_all(head.as_bytes())?;
                repeat(stream, b"X-And: on\r\n", Duration::ZERO)
            }
            Manner::EndlessChunks => {
                stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
                repeat(stream, format!("1000\r\n{}\r\n", " ".repeat(0x1000)).as_bytes(), Duration::ZERO)
            }
            Manner::Chunked => in_chunks(stream, &head, self.body.chunks(7)),
            Manner::SmallChunks => in_chunks(stream, &head, self.body.chunks(1)),
            _ => stream.write_all(&[with_length(length).as_bytes(), &self.body].concat()),
        }
    }
}

/// A whole answer with its length.
fn whole(stream: &mut impl Write, head: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// A whole answer in chunks.
fn in_chunks<'a>(
    stream: &mut impl Write,
    head: &str,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> std::io::Result<()> {
    stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
    for chunk in chunks {
        let size = format!("{:x}\r\n", chunk.len());
        stream.write_all(&[size.as_bytes(), chunk, b"\r\n"].concat())?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// A whole answer with a compressed body.
fn gzip<'a>(head: &str, pieces: impl Iterator<Item = &'a [u8]>) -> std::io::Result<Vec<u8>> {
    Ok(packed_answer(head, &pack(pieces)?))
}

fn pack<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

fn packed_answer(head: &str, packed: &[u8]) -> Vec<u8> {
    let head = format!("{head}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
    [head.as_bytes(), packed].concat()
}

/// Until the client goes.
fn repeat(stream: &mut impl Write, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes)?;
        stream.flush()?;
        std::thread::sleep(pause);
    }
}

/// Longer than any limit of the program that a test waits for.
const LONGEST: Duration = Duration::from_secs(60);
