//! One page from a web server: a connection that can be judged before anything is asked, then one request and its answer.
//!
//! Redirects are not followed and certificates not judged here: the caller knows what is allowed.

mod url;

use std::error::Error;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::pin;

use flate2::bufread::GzDecoder;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    LOCATION, USER_AGENT,
};
use hyper::http::request;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::Network;
use super::dial::Gate;
use super::places::Place;
use super::tls::{self, Groups};
use crate::attempt::{Cause, Failure, Stage};
use crate::wire::line::excerpt;

pub use url::{InvalidUrl, Scheme, URL_BYTES, Url};

/// A connection to a web server on which nothing was asked yet.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: Option<SocketAddr>,
    chain: Vec<CertificateDer<'static>>,
    #[expect(dead_code, reason = "it is held, not read")]
    place: Place,
}

#[derive(Debug)]
enum Stream {
    Clear(tls::Watched),
    Tls(Box<tls::Stream>),
}

/// No connection, and why.
#[derive(Debug)]
pub struct Unconnected {
    /// The failure, in the stages `dns`, `connect` and `tls`.
    pub failure: Failure,
    /// The address that was connected or tried last, if any.
    pub address: Option<SocketAddr>,
    /// The certificates, when they came before the failure.
    pub chain: Vec<CertificateDer<'static>>,
}

/// What a web server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code, as in `404`.
    pub status: u16,
    /// The field `Location`, for [`Url::join`].
    pub location: Option<String>,
    /// The field `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// The content, decoded, at most [`BODY_BYTES`]. It is read only when the status is a success: else it is empty,
    /// so that a large error page does not hide what the status says.
    pub body: Vec<u8>,
}

/// Opens a connection to the server of a URL, which keeps the place given, through the connect-to map, the proxy and
/// the gate; with https, any certificate
/// passes and is to be judged before a request.
///
/// # Errors
/// [`Unconnected`]; the deadline ends it in the stage it was in.
pub async fn connect(
    network: &Network,
    place: Place,
    url: &Url,
    deadline: Instant,
    gate: Option<&dyn Gate>,
) -> Result<Connection, Unconnected> {
    let started = Instant::now();
    let dialling = network.dial(url.host(), url.port(), deadline, gate);
    let dialled = match timeout_at(deadline, dialling).await {
        Ok(Ok(dialled)) => dialled,
        Ok(Err(undialled)) => {
            return Err(Unconnected {
                failure: undialled.failure,
                address: undialled.address,
                chain: Vec::new(),
            });
        }
        Err(_) => {
            let reason = format!("no connection to {} within {}", url.authority(), seconds_since(started));
            let failure = Failure::new(Stage::Connect, Cause::TimedOut, reason);
            return Err(Unconnected { failure, address: None, chain: Vec::new() });
        }
    };
    let address = dialled.address;
    if url.scheme() == Scheme::Http {
        // Answers that say "wait" may be endless, and no part of a page.
        let stream = Stream::Clear(tls::Watched::new(dialled.stream));
        return Ok(Connection { stream, address, chain: Vec::new(), place });
    }
    match tls::handshake(dialled.stream, url.host(), Groups::PostQuantum, deadline, None, None).await {
        Ok(secured) => Ok(Connection {
            stream: Stream::Tls(Box::new(secured.stream)),
            address,
            chain: secured.chain,
            place,
        }),
        Err(unsecured) => Err(Unconnected { failure: unsecured.failure, address, chain: unsecured.chain }),
    }
}

impl Connection {
    /// The certificates the server sent, its own first, as DER; none without TLS.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The address connected; `None` behind a proxy.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Asks for a page of the server connected to.
    ///
    /// # Errors
    /// [`Failure`] in the stage `http`: no answer by the deadline, none that is HTTP, one cut short or over a limit.
    pub async fn get(self, url: &Url, accept: &str, deadline: Instant) -> Result<Response, Failure> {
        self.ask(request(Method::GET, url).header(ACCEPT, accept), Bytes::new(), deadline).await
    }

    /// Sends a document to a page of the server connected to.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub async fn post(
        self,
        url: &Url,
        content_type: &str,
        body: impl Into<Bytes>,
        deadline: Instant,
    ) -> Result<Response, Failure> {
        let head = request(Method::POST, url).header(ACCEPT, "*/*").header(CONTENT_TYPE, content_type);
        self.ask(head, body.into(), deadline).await
    }

    async fn ask(self, head: request::Builder, body: Bytes, deadline: Instant) -> Result<Response, Failure> {
        let request = head
            .body(Full::new(body))
            .map_err(|error| failed(Cause::Malformed, format!("the request cannot be written: {error}")))?;
        match self.stream {
            Stream::Clear(stream) => exchange(stream, request, deadline).await,
            Stream::Tls(stream) => exchange(stream, request, deadline).await,
        }
    }
}

fn request(method: Method, url: &Url) -> request::Builder {
    Request::builder()
        .method(method)
        .uri(url.path_and_query())
        .header(HOST, url.authority())
        .header(USER_AGENT, concat!("mailcfg/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close")
}

/// Drives the connection and the request together, so that nothing of either is left when this ends.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, deadline: Instant) -> Result<Response, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADER_FIELDS)
        .max_buf_size(HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure_of(&error, Part::Head))?;
    let answer = async move {
        let started = Instant::now();
        let late = |what| failed(Cause::TimedOut, format!("{what} within {}", seconds_since(started)));
        let response = match timeout_at(deadline, sender.send_request(request)).await {
            Ok(result) => result.map_err(|error| failure_of(&error, Part::Head))?,
            Err(_) => return Err(late("the web server did not answer")),
        };
        let (head, body) = response.into_parts();
        let body = match head.status.is_success() {
            true => match timeout_at(deadline, read(body)).await {
                Ok(result) => decode(result?, &head.headers)?,
                Err(_) => return Err(late("the web server did not finish its answer")),
            },
            false => Vec::new(),
        };
        Ok(Response {
            status: head.status.as_u16(),
            location: field(&head.headers, LOCATION),
            content_type: field(&head.headers, CONTENT_TYPE),
            body,
        })
    };
    let (mut answer, connection) = (pin!(answer), pin!(connection));
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // How the connection ended has been told to the request.
        _ = connection => answer.await,
    }
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Failure> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > BODY_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(declared);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| failure_of(&error, Part::Body))?.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Undoes the encoding that some servers apply although `identity` was asked for.
fn decode(body: Vec<u8>, headers: &HeaderMap) -> Result<Vec<u8>, Failure> {
    let encoding = field(headers, CONTENT_ENCODING).unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" if body.is_empty() => Ok(body),
        "gzip" | "x-gzip" => inflate(&body),
        _ => {
            let reason = format!(
                "the web server encoded its answer in a way that was not asked for: {}",
                excerpt(&encoding)
            );
            Err(failed(Cause::Malformed, reason))
        }
    }
}

fn inflate(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut inflated = Vec::new();
    let limit = u64::try_from(BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    // One member alone: RFC 1952 allows more, web servers send none, and a page of empty ones would take long.
    let mut decoder = GzDecoder::new(body);
    let broken = |what: &dyn std::fmt::Display| {
        failed(Cause::Malformed, format!("the web server's answer is broken gzip: {what}"))
    };
    match decoder.by_ref().take(limit).read_to_end(&mut inflated) {
        Ok(read) if read > BODY_BYTES => Err(too_large()),
        Ok(_) if !decoder.into_inner().is_empty() => Err(broken(&"there is more behind its end")),
        Ok(_) => Ok(inflated),
        Err(error) => Err(broken(&error)),
    }
}

fn field(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// How far an answer had come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Body,
}

fn failure_of(error: &hyper::Error, part: Part) -> Failure {
    if error.is_incomplete_message() {
        return closed(part);
    }
    if error.is_parse() {
        // hyper has a predicate for this, in servers alone.
        if error.to_string().contains("too large") {
            let reason = "the header of the web server's answer is larger than 64 KiB, has over 100 fields or \
                          promises a page without an end";
            return failed(Cause::Malformed, reason);
        }
        return failed(Cause::Malformed, format!("the server's answer is not HTTP ({error})"));
    }
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(error) => failure_of_io(error, part),
        None => failed(Cause::Malformed, format!("the web server did not keep to HTTP ({error})")),
    }
}

fn failure_of_io(error: &io::Error, part: Part) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => closed(part),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            failed(Cause::Malformed, format!("the web server's answer is malformed ({error})"))
        }
        _ => failed(Cause::of_io(error), format!("the connection to the web server broke ({error})")),
    }
}

fn closed(part: Part) -> Failure {
    let reason = match part {
        Part::Head => "the web server closed the connection without an answer",
        Part::Body => "the web server closed the connection in the middle of its answer",
    };
    failed(Cause::Closed, reason)
}

fn too_large() -> Failure {
    failed(Cause::Malformed, "the web server's answer is larger than 1 MiB")
}

fn failed(cause: Cause, reason: impl Into<String>) -> Failure {
    Failure::new(Stage::Http, cause, reason)
}

fn seconds_since(started: Instant) -> String {
    format!("{:.1} s", started.elapsed().as_secs_f64())
}

/// 1 MiB, on the wire and decoded: the largest document about mail settings is some 20 KiB.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Eight times what common servers send at most.
pub const HEADER_BYTES: usize = 64 * 1024;

/// The limit of common clients.
pub const HEADER_FIELDS: usize = 100;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use rustls::ServerConfig;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;
    use tokio::time::sleep;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::net::Options;

    /// What a server on loopback does after the request.
    enum Then {
        Close,
        /// Keeps the connection open and says nothing more.
        Hold,
        /// Says the same again and again, with a pause before each.
        Repeat(&'static [u8], Duration),
    }

    /// Speaks to the first client; the request it read is what it leaves.
    async fn speak<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, reply: Vec<u8>, then: Then) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => request.push(byte),
                Err(_) => break,
            }
        }
        let _ = stream.write_all(&reply).await;
        match then {
            Then::Close => drop(stream.shutdown().await),
            // Ends when the client goes.
            Then::Hold => drop(stream.read_u8().await),
            Then::Repeat(bytes, pause) => {
                while stream.write_all(bytes).await.is_ok() {
                    sleep(pause).await;
                }
            }
        }
        String::from_utf8(request).unwrap_or_default()
    }

    async fn serve(reply: impl Into<Vec<u8>>, then: Then) -> (Url, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/a?b=c", listener.local_addr().unwrap())).unwrap();
        let reply = reply.into();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            speak(stream, reply, then).await
        });
        (url, server)
    }

    /// The same behind TLS, with a certificate nobody trusts.
    async fn serve_tls(reply: &str) -> (Url, JoinHandle<String>, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("https://{}/x", listener.local_addr().unwrap())).unwrap();
        let reply = reply.as_bytes().to_vec();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            match TlsAcceptor::from(Arc::new(config)).accept(stream).await {
                Ok(stream) => speak(stream, reply, Then::Close).await,
                Err(error) => error.to_string(),
            }
        });
        (url, server, certificate)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    async fn connected(url: &Url) -> Result<Connection, Unconnected> {
        let network = Network::new(Options::default());
        connect(&network, network.places().wait().await, url, soon(), None).await
    }

    async fn get(reply: impl Into<Vec<u8>>, then: Then) -> Result<Response, Failure> {
        let (url, _) = serve(reply, then).await;
        connected(&url).await.unwrap().get(&url, "text/xml", soon()).await
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn with_gzip(body: &[u8]) -> Vec<u8> {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    #[tokio::test]
    async fn answers_are_read() {
        for (reply, status, location, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>", 200, None, "<a/>"),
            ("HTTP/1.0 200 OK\r\n\r\nto the end", 200, None, "to the end"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
                200,
                None,
                "abcd",
            ),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, None, ""),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, None, ""),
            ("HTTP/1.1 301 Moved\r\nLocation: /b\r\nContent-Length: 3\r\n\r\nabc", 301, Some("/b"), ""),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc", 404, None, ""),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, None, "x"),
        ] {
            let answer = get(reply, Then::Close).await.unwrap();
            let found =
                (answer.status, answer.location.as_deref(), std::str::from_utf8(&answer.body).unwrap());
            assert_eq!(found, (status, location, body), "{reply:?}");
        }
    }

    #[tokio::test]
    async fn broken_answers_are_failures_with_their_reason() {
        let ok = "HTTP/1.1 200 OK\r\n";
        for (reply, cause, words) in [
            (String::new(), Cause::Closed, "without an answer"),
            (format!("{ok}Content-Le"), Cause::Closed, "without an answer"),
            (format!("{ok}Content-Length: 9\r\n\r\nshort"), Cause::Closed, "in the middle"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\n9\r\nshort"), Cause::Closed, "in the middle"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Cause::Malformed, "malformed"),
            (format!("{ok}Content-Length: 1048577\r\n\r\n"), Cause::Malformed, "larger than 1 MiB"),
            (format!("{ok}Content-Length: -1\r\n\r\n"), Cause::Malformed, "not HTTP"),
            (format!("{ok}Content-Length: {}\r\n\r\n", u64::MAX), Cause::Malformed, "without an end"),
            (format!("{ok}Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), Cause::Malformed, "for: br"),
            (
                format!("{ok}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
                Cause::Malformed,
                "broken gzip",
            ),
            (format!("{ok}{}\r\n", "A: b\r\n".repeat(101)), Cause::Malformed, "over 100 fields"),
            ("* OK IMAP4rev1 ready\r\n".to_owned(), Cause::Malformed, "not HTTP"),
        ] {
            let failure = get(reply.clone(), Then::Close).await.unwrap_err();
            assert_eq!((failure.stage, &failure.cause), (Stage::Http, &cause), "{reply:?}: {failure}");
            assert!(failure.reason.contains(words), "{reply:?}: {failure}");
        }
    }

    #[tokio::test]
    async fn endless_answers_end_at_their_limits() {
        let kilobyte = &[b'x'; 1024];
        for (reply, cause, words) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Cause::Malformed, "larger than 1 MiB"),
            ("HTTP/1.1 200 OK\r\nA: ", Cause::Malformed, "larger than 64 KiB"),
        ] {
            let failure = get(reply, Then::Repeat(kilobyte, Duration::ZERO)).await.unwrap_err();
            assert_eq!(failure.cause, cause, "{failure}");
            assert!(failure.reason.contains(words), "{failure}");
        }
    }

    #[tokio::test]
    async fn an_endless_error_page_does_not_hide_its_status() {
        let reply = "HTTP/1.1 404 Not Found\r\n\r\n";
        let answer = get(reply, Then::Repeat(&[b'x'; 1024], Duration::ZERO)).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (404, 0));
    }

    #[tokio::test]
    async fn gzip_that_nobody_asked_for_is_undone_up_to_the_limit() {
        let answer = get(with_gzip(&gzip(b"<a/>")), Then::Close).await.unwrap();
        assert_eq!(answer.body, b"<a/>");
        assert_eq!(
            get(with_gzip(&gzip(&vec![0; BODY_BYTES])), Then::Close).await.unwrap().body.len(),
            BODY_BYTES
        );
        let bomb = gzip(&vec![0; 100 * BODY_BYTES]);
        let failure = get(with_gzip(&bomb), Then::Close).await.unwrap_err();
        assert!(failure.reason.contains("larger than 1 MiB"), "{failure}");
        let cut = gzip(b"<a/>").split_last().unwrap().1.to_vec();
        assert!(get(with_gzip(&cut), Then::Close).await.is_err());
    }

    #[tokio::test]
    async fn gzip_of_nothing_again_and_again_took_long() {
        let nothings = gzip(b"").repeat(50_000);
        let failure = get(with_gzip(&nothings), Then::Close).await.unwrap_err();
        assert!(failure.reason.contains("more behind its end"), "{failure}");
    }

    #[tokio::test]
    async fn slow_servers_are_left_at_the_deadline() {
        let drip = |bytes| Then::Repeat(bytes, Duration::from_millis(20));
        for (reply, then, words) in [
            ("", Then::Hold, "did not answer within"),
            ("HTTP/1.1 200 OK\r\n", drip(b"A: b\r\n"), "did not answer within"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                Then::Hold,
                "did not finish its answer within",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", drip(b"x"), "did not finish its answer within"),
        ] {
            let (url, _) = serve(reply, then).await;
            let connection = connected(&url).await.unwrap();
            let started = Instant::now();
            let failure =
                connection.get(&url, "*/*", started + Duration::from_millis(300)).await.unwrap_err();
            assert_eq!(failure.cause, Cause::TimedOut, "{failure}");
            assert!(failure.reason.contains(words), "{failure}");
            assert!(started.elapsed() < Duration::from_secs(2), "{reply:?}");
        }
    }

    #[tokio::test]
    async fn requests_say_who_asks_for_what_and_no_more() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n";
        let (url, server) = serve(ok, Then::Close).await;
        let answer = connected(&url).await.unwrap().get(&url, "text/xml", soon()).await.unwrap();
        assert_eq!(answer.content_type.as_deref(), Some("text/xml"));
        let agent = concat!("mailcfg/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            server.await.unwrap(),
            format!(
                "GET /a?b=c HTTP/1.1\r\nhost: {}\r\nuser-agent: {agent}\r\naccept-encoding: identity\r\n\
                 connection: close\r\naccept: text/xml\r\n\r\n",
                url.authority()
            )
        );
    }

    #[tokio::test]
    async fn documents_are_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"</ask>") {
                stream.read_exact(&mut byte).await.unwrap();
                request.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let connection = connected(&url).await.unwrap();
        let answer = connection.post(&url, "text/xml", "<ask></ask>", soon()).await.unwrap();
        assert_eq!(answer.status, 401);
        let request = server.await.unwrap();
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\ncontent-type: text/xml\r\n"), "{request}");
        assert!(request.contains("\r\ncontent-length: 11\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_certificate_is_shown_before_anything_is_asked() {
        let (url, server, certificate) = serve_tls("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await;
        let connection = connected(&url).await.unwrap();
        assert_eq!(connection.chain(), [certificate]);
        assert!(connection.address().is_some_and(|address| address.ip().is_loopback()));
        assert!(!server.is_finished());
        assert_eq!(connection.get(&url, "*/*", soon()).await.unwrap().body, b"x");
    }

    #[tokio::test]
    async fn a_connection_that_is_dropped_unasked_sends_nothing() {
        let (url, server, _) = serve_tls("").await;
        drop(connected(&url).await.unwrap());
        assert_eq!(server.await.unwrap(), "");
    }

    #[tokio::test]
    async fn https_to_a_server_of_clear_text_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await
        });
        let failure = connected(&url).await.unwrap_err().failure;
        assert_eq!((failure.stage, &failure.cause), (Stage::Tls, &Cause::PlainText), "{failure}");
        assert!(failure.reason.contains("400 Bad Request"), "{failure}");
    }

    #[tokio::test]
    async fn http_to_a_server_of_tls_says_so() {
        let (url, _, _) = serve_tls("").await;
        let url = Url::parse(&url.to_string().replace("https:", "http:")).unwrap();
        let failure = connected(&url).await.unwrap().get(&url, "*/*", soon()).await.unwrap_err();
        assert_eq!((failure.stage, &failure.cause), (Stage::Http, &Cause::Malformed), "{failure}");
        assert!(failure.reason.contains("not HTTP"), "{failure}");
    }

    #[tokio::test]
    async fn no_connection_by_the_deadline_is_a_time_out_of_its_stage() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
        let network = Network::new(Options::default());
        let short = Instant::now() + Duration::from_millis(200);
        let unconnected =
            connect(&network, network.places().wait().await, &url, short, None).await.unwrap_err();
        assert_eq!((unconnected.failure.stage, unconnected.failure.cause), (Stage::Tls, Cause::TimedOut));
        drop(listener);
        let refused = connect(&network, network.places().wait().await, &url, soon(), None).await.unwrap_err();
        assert_eq!((refused.failure.stage, refused.failure.cause), (Stage::Connect, Cause::Refused));
    }
}
