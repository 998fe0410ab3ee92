//! A host on loopback that follows a script and keeps every byte the client sent. It knows no mail protocol.
//!
//! When it is dropped, it fails the test if the client spoke out of turn, or made another number of connections than
//! expected: one, unless [`Host::expect_connections`] says otherwise.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// One thing a host does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes, after making sure that the client waited for them. `{tag}` is the first word of the last line.
    Send(Vec<u8>),
    /// Sends bytes whether the client waited or not.
    Blurt(Vec<u8>),
    /// Sends bytes one at a time.
    Drip(Vec<u8>, Duration),
    /// Reads a line whose first or second word is this one.
    Expect(&'static str),
    /// Reads a line and answers it; `{tag}` stands for what it does in [`Step::Send`], and is not read anew.
    Answer(Answerer),
    /// Waits.
    Pause(Duration),
    /// Ends so when the ClientHello that comes next is larger than so many bytes.
    HelloUpTo(usize, End),
    /// Performs a TLS handshake.
    StartTls(Arc<ServerConfig>),
    /// Sends bytes below TLS, where only records may stand.
    Beneath(Vec<u8>),
    /// Answers ClientHello with a part of the server's first flight, then ends so.
    Flight(Arc<ServerConfig>, Cut, End),
    /// Ends the connection.
    End(End),
}

/// Where a flight is cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// After so many pieces and half of the next. A piece is a handshake message where messages are in the clear, else a
    /// record.
    Pieces(usize),
    /// In the middle of what is encrypted, after so many octets of handshake messages or somewhat less: between records.
    Encrypted(usize),
    /// The same, but so many octets before their end or somewhat more.
    EncryptedBut(usize),
}

/// Makes an answer of the line of a client.
#[derive(Clone)]
pub struct Answerer(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl std::fmt::Debug for Answerer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answerer")
    }
}

/// How a host ends a connection. A script without an end reads until the client closes.
#[derive(Clone, Debug)]
pub enum End {
    /// FIN, after reading what is there.
    Close,
    /// RST.
    Reset,
    /// Says nothing more until the client closes.
    Silence,
    /// A TLS alert (RFC 9846, section 6) in the clear, then FIN.
    Alert(u8),
    /// These bytes again and again, until the client closes.
    Flood(Vec<u8>),
}

/// A row of steps.
#[derive(Clone, Debug, Default)]
pub struct Script(pub Vec<Step>);

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Script {
    fn from(bytes: &T) -> Self {
        Self(vec![send(bytes)])
    }
}

impl<const N: usize> From<[Step; N]> for Script {
    fn from(steps: [Step; N]) -> Self {
        Self(steps.to_vec())
    }
}

impl From<Step> for Script {
    fn from(step: Step) -> Self {
        Self(vec![step])
    }
}

/// [`Step::Send`]
pub fn send(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// [`Step::Blurt`]
pub fn blurt(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Step {
    Step::Blurt(bytes.as_ref().to_vec())
}

/// [`Step::Drip`]
pub fn drip(bytes: &(impl AsRef<[u8]> + ?Sized), milliseconds: u64) -> Step {
    Step::Drip(bytes.as_ref().to_vec(), Duration::from_millis(milliseconds))
}

/// [`Step::Expect`]
pub fn expect(word: &'static str) -> Step {
    Step::Expect(word)
}

/// [`Step::Answer`]
pub fn answer(with: impl Fn(&str) -> String + Send + Sync + 'static) -> Step {
    Step::Answer(Answerer(Arc::new(with)))
}

/// [`Step::Beneath`]
pub fn beneath(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Step {
    Step::Beneath(bytes.as_ref().to_vec())
}

/// [`Step::Pause`]
pub fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}

/// [`Step::End`] with [`End::Close`]
pub fn close() -> Step {
    Step::End(End::Close)
}

/// [`Step::End`] with [`End::Reset`]
pub fn reset() -> Step {
    Step::End(End::Reset)
}

/// [`Step::End`] with [`End::Silence`]
pub fn silence() -> Step {
    Step::End(End::Silence)
}

/// [`Step::End`] with [`End::Flood`]
pub fn flood(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Step {
    Step::End(End::Flood(bytes.as_ref().to_vec()))
}

/// What a client did on one connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// All it sent outside TLS, ClientHello apart.
    pub clear: Vec<u8>,
    /// All it sent inside TLS.
    pub inside: Vec<u8>,
    /// What it sent before it was its turn.
    pub early: Vec<u8>,
    /// The name it asked for in the handshake (SNI).
    pub sni: Option<String>,
    /// The size of its ClientHello record.
    pub hello: Option<usize>,
    /// True when a handshake was completed.
    pub secured: bool,
    /// True when the client showed a certificate of its own.
    pub introduced: bool,
    /// What RFC 9266 has both sides export from the handshake.
    pub exported: Vec<u8>,
}

impl Session {
    /// What it sent outside TLS, as text.
    pub fn clear_text(&self) -> String {
        String::from_utf8_lossy(&self.clear).into_owned()
    }

    /// What it sent inside TLS, as text.
    pub fn inside_text(&self) -> String {
        String::from_utf8_lossy(&self.inside).into_owned()
    }
}

/// A listening host.
#[derive(Debug)]
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    acceptor: Mutex<Option<JoinHandle<Vec<JoinHandle<Session>>>>>,
    gate: Arc<Gate>,
    sessions: OnceLock<Vec<Session>>,
    expected: usize,
}

/// What the test and the accepting thread tell each other.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: usize,
    last: Option<SocketAddr>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// A host at 127.0.0.1 that follows the script on every connection.
    pub fn start(script: impl Into<Script>) -> Self {
        Self::start_at(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), vec![script.into()])
    }

    /// A host that follows the first script on the first connection, and so on; the last one on all others.
    pub fn start_each(scripts: Vec<Script>) -> Self {
        Self::start_at(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), scripts)
    }

    /// The same at an address; port 0 takes a free one.
    pub fn start_at(address: SocketAddr, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind(address).expect("a loopback address can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let gate = Arc::new(Gate::default());
        let acceptor = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || accept(&listener, &scripts, &gate))
        };
        let sessions = OnceLock::new();
        Self { address, acceptor: Mutex::new(Some(acceptor)), gate, sessions, expected: 1 }
    }

    /// The same host, which expects so many connections.
    pub fn expect_connections(mut self, expected: usize) -> Self {
        self.expected = expected;
        self
    }

    /// Waits for the first line of a client.
    pub fn wait_for_line(&self) {
        self.wait_for_lines(1);
    }

    /// Waits for so many lines of clients.
    pub fn wait_for_lines(&self, lines: usize) {
        let waiting =
            self.gate.changed.wait_timeout_while(self.gate.state(), LONGEST, |state| state.lines < lines);
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        assert!(state.lines >= lines, "nobody said so much");
    }

    /// Ends the host once all clients are gone; gives what they did.
    pub fn sessions(&self) -> &[Session] {
        self.sessions.get_or_init(|| {
            let last = {
                let mut state = self.gate.state();
                let last = TcpStream::connect(self.address).expect("the host still listens");
                state.last = last.local_addr().ok();
                last
            };
            let acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take();
            let sessions = acceptor.expect("a host is ended once").join().expect("the host accepts");
            drop(last);
            let join = |session: JoinHandle<Session>| match session.join() {
                Ok(session) => session,
                Err(_) if std::thread::panicking() => Session::default(),
                Err(panic) => std::panic::resume_unwind(panic),
            };
            sessions.into_iter().map(join).collect()
        })
    }

    /// The only session.
    pub fn session(&self) -> &Session {
        match self.sessions() {
            [session] => session,
            sessions => panic!("{} connections in place of one", sessions.len()),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let sessions = self.sessions().to_vec();
        if std::thread::panicking() {
            return;
        }
        assert_eq!(sessions.len(), self.expected, "connections to {}", self.address);
        for session in &sessions {
            let early = String::from_utf8_lossy(&session.early);
            assert!(session.early.is_empty(), "the client spoke out of turn: {early:?}");
        }
    }
}

fn accept(listener: &TcpListener, scripts: &[Script], gate: &Arc<Gate>) -> Vec<JoinHandle<Session>> {
    let mut sessions = Vec::new();
    loop {
        let (stream, client) = listener.accept().expect("a listening socket accepts");
        let state = gate.state();
        if state.last == Some(client) {
            return sessions;
        }
        drop(state);
        let script = scripts.get(sessions.len()).or(scripts.last()).cloned().unwrap_or_default();
        let gate = Arc::clone(gate);
        sessions.push(std::thread::spawn(move || Connection::new(stream, gate).follow(script)));
    }
}

/// One connection and how far its script is.
struct Connection {
    wire: Wire,
    waiting: Vec<u8>,
    tag: String,
    session: Session,
    gate: Arc<Gate>,
}

enum Wire {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Connection {
    fn new(stream: TcpStream, gate: Arc<Gate>) -> Self {
        stream.set_read_timeout(Some(LONGEST)).expect("a socket takes a limit");
        stream.set_write_timeout(Some(LONGEST)).expect("a socket takes a limit");
        stream.set_nodelay(true).expect("a socket takes an option");
        let session = Session::default();
        Self { wire: Wire::Clear(stream), waiting: Vec::new(), tag: String::new(), session, gate }
    }

    /// Follows the script until it ends, or until the client leaves before that.
    fn follow(mut self, script: Script) -> Session {
        for step in script.0 {
            match self.step(step) {
                Ok(true) => {}
                Ok(false) | Err(_) => return self.session,
            }
        }
        let _ = self.read_to_end();
        self.session
    }

    /// Takes a step; false when it was the last.
    fn step(&mut self, step: Step) -> io::Result<bool> {
        match step {
            Step::Send(bytes) => {
                self.note_early()?;
                let bytes = self.with_tag(bytes);
                self.write(&bytes)?;
            }
            Step::Blurt(bytes) => self.write(&bytes)?,
            Step::Drip(bytes, interval) => {
                for byte in bytes {
                    self.note_early()?;
                    self.write(&[byte])?;
                    std::thread::sleep(interval);
                }
            }
            Step::Expect(word) => self.expect(word)?,
            Step::Answer(Answerer(answer)) => {
                let line = self.read_line()?;
                self.note_early()?;
                let bytes = self.with_tag(answer(line.trim_end()).into_bytes());
                self.write(&bytes)?;
            }
            Step::Pause(time) => std::thread::sleep(time),
            Step::HelloUpTo(limit, end) => {
                if self.hello_size()? > limit {
                    return self.end(end).map(|()| false);
                }
            }
            Step::StartTls(config) => self.start_tls(config)?,
            Step::Beneath(bytes) => self.tcp().write_all(&bytes)?,
            Step::Flight(config, cut, end) => {
                self.send_flight(config, cut)?;
                return self.end(end).map(|()| false);
            }
            Step::End(end) => return self.end(end).map(|()| false),
        }
        Ok(true)
    }

    fn with_tag(&self, bytes: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(bytes) {
            Ok(text) => text.replace("{tag}", &self.tag).into_bytes(),
            Err(error) => error.into_bytes(),
        }
    }

    fn expect(&mut self, word: &str) -> io::Result<()> {
        let line = self.read_line()?;
        let mut words = line.split_ascii_whitespace();
        self.tag = words.next().unwrap_or_default().to_owned();
        assert!(self.tag == word || words.next() == Some(word), "expected {word}, the client sent {line:?}");
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<String> {
        while !self.waiting.contains(&b'\n') {
            if self.read()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let end = self.waiting.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let line: Vec<u8> = self.waiting.drain(..end).collect();
        self.gate.state().lines += 1;
        self.gate.changed.notify_all();
        assert!(line.ends_with(b"\r\n"), "the client ended a line with LF alone: {line:?}");
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads what there is, waiting for it; gives the number of bytes.
    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        let (read, heard) = match &mut self.wire {
            Wire::Clear(stream) => (stream.read(&mut buffer)?, &mut self.session.clear),
            Wire::Tls(stream) => (stream.read(&mut buffer)?, &mut self.session.inside),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        heard.extend_from_slice(bytes);
        self.waiting.extend_from_slice(bytes);
        Ok(read)
    }

    fn read_to_end(&mut self) -> io::Result<()> {
        while self.read()? > 0 {}
        Ok(())
    }

    /// Keeps what the client sent though nothing was asked of it yet.
    fn note_early(&mut self) -> io::Result<()> {
        self.tcp().set_nonblocking(true)?;
        let _ = self.read();
        self.tcp().set_nonblocking(false)?;
        self.session.early.append(&mut self.waiting);
        Ok(())
    }

    fn tcp(&self) -> &TcpStream {
        match &self.wire {
            Wire::Clear(stream) => stream,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.wire {
            Wire::Clear(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// The size of the TLS record that comes next, which is left there.
    fn hello_size(&mut self) -> io::Result<usize> {
        let mut header = [0; 5];
        loop {
            match self.tcp().peek(&mut header)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read if read == header.len() => break,
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        let [kind, _, _, high, low] = header;
        assert_eq!(kind, 22, "a TLS handshake begins with a handshake record");
        let size = usize::from(u16::from_be_bytes([high, low]));
        self.session.hello = Some(size);
        Ok(size)
    }

    fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.session.early.append(&mut self.waiting);
        self.hello_size()?;
        let mut stream = self.tcp().try_clone()?;
        let mut connection = ServerConnection::new(config).expect("the configuration is sound");
        let done = connection.complete_io(&mut stream);
        self.session.sni = connection.server_name().map(str::to_owned);
        self.session.secured = !connection.is_handshaking();
        self.session.introduced = connection.peer_certificates().is_some();
        let exported = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
        self.session.exported = exported.map(Vec::from).unwrap_or_default();
        self.wire = Wire::Tls(Box::new(StreamOwned::new(connection, stream)));
        done.map(|_| ())
    }

    fn send_flight(&mut self, config: Arc<ServerConfig>, cut: Cut) -> io::Result<()> {
        self.hello_size()?;
        let mut connection = ServerConnection::new(config).expect("the configuration is sound");
        while !connection.wants_write() {
            connection.read_tls(&mut self.tcp())?;
            connection.process_new_packets().map_err(io::Error::other)?;
        }
        let mut flight = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut flight)?;
        }
        self.write(&cut.apply(&flight))
    }

    fn end(&mut self, end: End) -> io::Result<()> {
        match end {
            End::Silence => self.read_to_end(),
            End::Close => self.close(),
            End::Alert(description) => {
                self.write(&[21, 3, 3, 0, 2, 2, description])?;
                self.close()
            }
            End::Flood(bytes) => loop {
                self.write(&bytes)?;
            },
            End::Reset => {
                // Closing then sends RST; the socket is closed when the script is over.
                socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO))
            }
        }
    }

    /// FIN and not RST: nothing that came may be left unread.
    fn close(&mut self) -> io::Result<()> {
        if let Wire::Tls(stream) = &mut self.wire {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        self.tcp().shutdown(Shutdown::Write)?;
        self.tcp().set_read_timeout(Some(CLOSING))?;
        self.read_to_end()
    }
}

impl Cut {
    fn apply(self, flight: &[u8]) -> Vec<u8> {
        let records = records(flight);
        let total: usize = records.iter().copied().map(encrypted).sum();
        let most = match self {
            Self::Pieces(count) => {
                let all = pieces(flight);
                let next = all.get(count).map(|piece| piece.split_at(piece.len() / 2).0).unwrap_or_default();
                return [all.get(..count).unwrap_or(&all).concat(), next.to_vec()].concat();
            }
            Self::Encrypted(octets) => octets,
            Self::EncryptedBut(octets) => total.checked_sub(octets).expect("there is as much"),
        };
        assert!(total > most, "{total} octets are encrypted");
        let mut sent = Vec::new();
        let mut octets = 0;
        for record in records {
            octets += encrypted(record);
            if octets > most {
                break;
            }
            sent.extend_from_slice(record);
        }
        sent
    }
}

fn records(mut flight: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let [_, _, _, high, low, ..] = flight {
        let (record, rest) = flight.split_at(5 + usize::from(u16::from_be_bytes([*high, *low])));
        records.push(record);
        flight = rest;
    }
    records
}

/// How many octets of handshake messages are encrypted in a record (RFC 9846, section 5.2).
fn encrypted(record: &[u8]) -> usize {
    match record {
        [23, ..] => record.len() - RECORD_OVERHEAD,
        _ => 0,
    }
}

/// The header, the type inside, and what makes it authentic.
const RECORD_OVERHEAD: usize = 5 + 1 + 16;

/// The records of a flight; those in the clear cut so that each holds one handshake message (RFC 9846, section 5.1).
fn pieces(flight: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for record in records(flight) {
        let [kind, major, minor, high, low, inside @ ..] = record else { continue };
        let mut inside = inside;
        while let (22, [_, one, two, three, ..]) = (*kind, inside) {
            let (message, others) = inside
                .split_at(4 + usize::try_from(u32::from_be_bytes([0, *one, *two, *three])).expect("a size"));
            let size = u16::try_from(message.len()).expect("a message is small").to_be_bytes();
            pieces.push([&[*kind, *major, *minor], &size[..], message].concat());
            inside = others;
        }
        if *kind != 22 {
            pieces.push([&[*kind, *major, *minor, *high, *low], inside].concat());
        }
    }
    pieces
}

/// Generous: machines are noisy, and the program's own limits are shorter.
const LONGEST: Duration = Duration::from_secs(30);

const CLOSING: Duration = Duration::from_secs(5);
