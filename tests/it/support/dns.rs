//! A resolver on loopback with a table for a zone, asked over UDP or TCP. It counts the questions.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};

/// One row: a name, a type of record, and what is answered. A name without a row does not exist; one without a row for
/// the type has no such record.
pub type Row = (&'static str, RecordType, Answer);

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// An address.
    Is(&'static str),
    /// The name exists, and this record does not (NODATA).
    NoData,
    /// SERVFAIL
    ServFail,
    /// REFUSED
    Refused,
    /// Nothing at all.
    Silence,
}

/// A running resolver. Its threads end with the test process.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

impl Dns {
    /// A resolver that answers by a table.
    pub fn start(rows: &[Row]) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("a bound socket has an address");
        let questions = Arc::new(AtomicUsize::new(0));
        let zone = Zone { rows: rows.to_vec(), questions: Arc::clone(&questions) };
        let over_tcp = zone.clone();
        let udp = Arc::new(udp);
        std::thread::spawn(move || serve_udp(&udp, &zone));
        std::thread::spawn(move || serve_tcp(&tcp, &over_tcp));
        Self { address, questions }
    }

    /// Where to ask it, for `--resolver`.
    pub fn place(&self) -> String {
        self.address.to_string()
    }

    /// How many questions came.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Zone {
    rows: Vec<Row>,
    questions: Arc<AtomicUsize>,
}

impl Zone {
    /// The answer to a message; `None` for silence.
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(question).ok()?.into_response();
        let query = message.queries.first()?.clone();
        self.questions.fetch_add(1, Ordering::SeqCst);
        message.metadata.recursion_available = true;
        message.edns = None;
        if query.query_type() == RecordType::A {
            std::thread::sleep(AFTER_AAAA);
        }
        let name = query.name().to_ascii();
        let rows: Vec<&Row> =
            self.rows.iter().filter(|(row, _, _)| name.trim_end_matches('.') == *row).collect();
        if rows.is_empty() {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        for (_, _, answer) in rows.iter().filter(|(_, kind, _)| *kind == query.query_type()) {
            match answer {
                Answer::Is(address) => {
                    let data = data(address.parse().expect("a table holds addresses"));
                    message.add_answer(Record::from_rdata(query.name().clone(), 60, data));
                }
                Answer::NoData => {}
                Answer::ServFail => message.metadata.response_code = ResponseCode::ServFail,
                Answer::Refused => message.metadata.response_code = ResponseCode::Refused,
                Answer::Silence => return None,
            }
        }
        message.to_vec().ok()
    }
}

fn data(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(address.into()),
        IpAddr::V6(address) => RData::AAAA(address.into()),
    }
}

/// Two sockets with the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback address can be bound");
        let address = udp.local_addr().expect("a bound socket has an address");
        if let Ok(tcp) = TcpListener::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

fn serve_udp(socket: &Arc<UdpSocket>, zone: &Zone) {
    let mut buffer = [0; 4096];
    while let Ok((size, client)) = socket.recv_from(&mut buffer) {
        let (socket, zone) = (Arc::clone(socket), zone.clone());
        let question = buffer.get(..size).unwrap_or_default().to_vec();
        std::thread::spawn(move || {
            if let Some(answer) = zone.answer(&question) {
                // A client that is gone needs no answer.
                let _ = socket.send_to(&answer, client);
            }
        });
    }
}

fn serve_tcp(listener: &TcpListener, zone: &Zone) {
    while let Ok((stream, _)) = listener.accept() {
        let zone = zone.clone();
        std::thread::spawn(move || serve_connection(stream, &zone));
    }
}

fn serve_connection(mut stream: TcpStream, zone: &Zone) -> Option<()> {
    loop {
        let mut size = [0; 2];
        stream.read_exact(&mut size).ok()?;
        let mut question = vec![0; usize::from(u16::from_be_bytes(size))];
        stream.read_exact(&mut question).ok()?;
        if let Some(answer) = zone.answer(&question) {
            let size = u16::try_from(answer.len()).ok()?.to_be_bytes();
            stream.write_all(&[&size[..], &answer].concat()).ok()?;
        }
    }
}

/// A is answered after AAAA, so that what a test sees does not depend on the machine's mood.
const AFTER_AAAA: Duration = Duration::from_millis(100);
