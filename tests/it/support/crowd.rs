//! A POP3 server on loopback that does not mind how many come, and remembers when each came and left.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::ca;

/// How it serves.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long it thinks before the greeting.
    pub pause: Duration,
    /// How many it serves at once; others are told to come later.
    pub at_once: usize,
    /// Whether it speaks TLS from the first byte, with the tests' good certificate.
    pub tls: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { pause: Duration::ZERO, at_once: usize::MAX, tls: true }
    }
}

/// The server. Its threads end with the test process.
#[derive(Debug)]
pub struct Crowd {
    /// Where it listens.
    pub address: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
}

/// When a client was there.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// When it came.
    pub came: Instant,
    /// When it left, once it has.
    pub left: Option<Instant>,
}

impl Crowd {
    /// A server at 127.0.0.1.
    pub fn start(manner: Manner) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, manner)
    }

    /// A server at an address of loopback.
    pub fn start_at(ip: impl Into<IpAddr>, manner: Manner) -> Self {
        let listener = TcpListener::bind((ip.into(), 0)).expect("a loopback address can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let visits: Arc<Mutex<Vec<Visit>>> = Arc::default();
        let log = Arc::clone(&visits);
        std::thread::spawn(move || {
            let present = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming().flatten() {
                let number = {
                    let mut visits = log.lock().unwrap_or_else(PoisonError::into_inner);
                    visits.push(Visit { came: Instant::now(), left: None });
                    visits.len() - 1
                };
                let (log, present) = (Arc::clone(&log), Arc::clone(&present));
                let served = present.fetch_add(1, Ordering::SeqCst) < manner.at_once;
                std::thread::spawn(move || {
                    // A client that leaves early has left all the same.
                    let _ = serve(stream, manner, served);
                    present.fetch_sub(1, Ordering::SeqCst);
                    let mut visits = log.lock().unwrap_or_else(PoisonError::into_inner);
                    visits.get_mut(number).expect("visits are only added").left = Some(Instant::now());
                });
            }
        });
        Self { address, visits }
    }

    /// All visits so far.
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The largest number that was there at the same time.
    pub fn most_at_once(&self) -> usize {
        let visits = self.visits();
        let there = |at: Instant| {
            visits.iter().filter(|visit| visit.came <= at && visit.left.is_none_or(|left| left > at)).count()
        };
        visits.iter().map(|visit| there(visit.came)).max().unwrap_or_default()
    }
}

fn serve(stream: TcpStream, manner: Manner, served: bool) -> std::io::Result<()> {
    if !manner.tls {
        return converse(stream, manner, served);
    }
    let connection = ServerConnection::new(ca::good().config()).expect("the configuration is sound");
    converse(StreamOwned::new(connection, stream), manner, served)
}

fn converse(mut stream: impl Read + Write, manner: Manner, served: bool) -> std::io::Result<()> {
    if !served {
        return stream.write_all(b"-ERR [SYS/TEMP] too many connections\r\n");
    }
    std::thread::sleep(manner.pause);
    stream.write_all(b"+OK ready\r\n")?;
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        match line.trim_end() {
            "CAPA" => input.get_mut().write_all(b"+OK\r\nUSER\r\nUIDL\r\n.\r\n")?,
            _ => return Ok(()),
        }
        line.clear();
    }
    Ok(())
}
