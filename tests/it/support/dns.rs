//! A resolver on loopback with a table for a zone, asked over UDP or TCP. It keeps a log of the questions.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, MX, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// One row: a name, a type of record, and what is answered. A name without a row does not exist; one without a row for
/// the type has no such record. A name that begins with `*.` stands for every name below it that has no row.
pub type Row = (&'static str, RecordType, Answer);

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// An address.
    Is(&'static str),
    /// A mail exchanger: preference and host.
    Mx(u16, &'static str),
    /// A server: priority, weight, port and target.
    Srv(u16, u16, u16, &'static str),
    /// A text in pieces.
    Txt(&'static [&'static str]),
    /// The name is an alias of another, which has rows of its own.
    Alias(&'static str),
    /// Over UDP only that there is more; what the other rows say over TCP.
    Truncated,
    /// The name exists, and this record does not (NODATA).
    NoData,
    /// SERVFAIL
    ServFail,
    /// REFUSED
    Refused,
    /// Nothing at all.
    Silence,
    /// A thousand records of the kind that was asked for: addresses, mail exchangers, servers or texts.
    Flood,
    /// An answer to another question.
    Lie,
    /// An answer to another message.
    WrongId,
}

/// A running resolver. Its threads end with the test process.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    questions: Questions,
}

/// `NAME TYPE` of every question.
type Questions = Arc<Mutex<Vec<String>>>;

impl Dns {
    /// A resolver that answers by a table.
    pub fn start(rows: &[Row]) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("a bound socket has an address");
        let questions = Questions::default();
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
        self.asked().len()
    }

    /// `NAME TYPE` of every question, in the order they came.
    pub fn asked(&self) -> Vec<String> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Clone)]
struct Zone {
    rows: Vec<Row>,
    questions: Questions,
}

impl Zone {
    /// The answer to a message; `None` for silence.
    fn answer(&self, question: &[u8], over_udp: bool) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(question).ok()?.into_response();
        let query = message.queries.first()?.clone();
        let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let asked = format!("{name} {}", query.query_type());
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        message.metadata.recursion_available = true;
        message.edns = None;
        if query.query_type() == RecordType::A {
            std::thread::sleep(AFTER_AAAA);
        }
        self.fill(&mut message, &name, query.query_type(), over_udp)?;
        message.to_vec().ok()
    }

    /// Puts what the rows of a name say into a message.
    fn fill(&self, message: &mut Message, name: &str, kind: RecordType, over_udp: bool) -> Option<()> {
        let rows = self.rows_of(name);
        if rows.is_empty() {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        let of_kind =
            |row: &&&Row| row.1 == kind || (row.1 == RecordType::CNAME && kind != RecordType::CNAME);
        let answers: Vec<Answer> = rows.iter().filter(of_kind).map(|row| row.2).collect();
        if answers.iter().all(|answer| matches!(answer, Answer::NoData)) {
            message.add_authority(authority(name));
        }
        if over_udp && answers.iter().any(|answer| matches!(answer, Answer::Truncated)) {
            message.metadata.truncation = true;
            return Some(());
        }
        for answer in answers {
            let data = match answer {
                Answer::Is(address) => data(address.parse().expect("a table holds addresses")),
                Answer::Mx(preference, host) => RData::MX(MX::new(preference, absolute(host))),
                Answer::Srv(priority, weight, port, target) => {
                    RData::SRV(SRV::new(priority, weight, port, absolute(target)))
                }
                Answer::Txt(pieces) => {
                    RData::TXT(TXT::new(pieces.iter().map(|&piece| piece.to_owned()).collect()))
                }
                Answer::Flood => {
                    let records = (0..1_000).map(|number| one_of_many(kind, number));
                    message.add_answers(records.map(|data| Record::from_rdata(absolute(name), 60, data)));
                    continue;
                }
                Answer::Lie => {
                    message.add_answer(Record::from_rdata(
                        absolute("evil.example"),
                        60,
                        one_of_many(kind, 0),
                    ));
                    continue;
                }
                Answer::WrongId => {
                    message.metadata.id = message.metadata.id.wrapping_add(1);
                    continue;
                }
                // Aliases in a circle are told a few times round.
                Answer::Alias(_) if message.answers.len() > CIRCLE => continue,
                Answer::Alias(other) => {
                    let alias = RData::CNAME(CNAME(absolute(other)));
                    message.add_answer(Record::from_rdata(absolute(name), 60, alias));
                    self.fill(message, other, kind, over_udp)?;
                    continue;
                }
                Answer::NoData | Answer::Truncated => continue,
                Answer::ServFail => {
                    message.metadata.response_code = ResponseCode::ServFail;
                    continue;
                }
                Answer::Refused => {
                    message.metadata.response_code = ResponseCode::Refused;
                    continue;
                }
                Answer::Silence => return None,
            };
            message.add_answer(Record::from_rdata(absolute(name), 60, data));
        }
        Some(())
    }

    /// The rows of a name, else those of the wildcard above it.
    fn rows_of(&self, name: &str) -> Vec<&Row> {
        let exact: Vec<&Row> = self.rows.iter().filter(|(row, ..)| *row == name).collect();
        let below = |row: &str| row.strip_prefix('*').is_some_and(|parent| name.ends_with(parent));
        match exact.is_empty() {
            true => self.rows.iter().filter(|(row, ..)| below(row)).collect(),
            false => exact,
        }
    }
}

/// A record of a flood.
fn one_of_many(kind: RecordType, number: u16) -> RData {
    let [high, low] = number.to_be_bytes();
    let host = absolute(&format!("host-{number}.d.example"));
    match kind {
        RecordType::AAAA => RData::AAAA(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into()),
        RecordType::MX => RData::MX(MX::new(number, host)),
        RecordType::SRV => RData::SRV(SRV::new(number, 0, 993, host)),
        RecordType::TXT => RData::TXT(TXT::new(vec![format!("mailconf=https://host-{number}.d.example/")])),
        _ => RData::A(Ipv4Addr::new(127, 66, high, low).into()),
    }
}

/// Who says that there is no such record (RFC 2308, section 2).
fn authority(name: &str) -> Record {
    let server = absolute("ns.test");
    Record::from_rdata(absolute(name), 60, RData::SOA(SOA::new(server.clone(), server, 1, 60, 60, 60, 60)))
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).expect("a table holds names")
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
            if let Some(answer) = zone.answer(&question, true) {
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
        if let Some(answer) = zone.answer(&question, false) {
            let size = u16::try_from(answer.len()).ok()?.to_be_bytes();
            stream.write_all(&[&size[..], &answer].concat()).ok()?;
        }
    }
}

/// A is answered after AAAA, so that what a test sees does not depend on the machine's mood.
const AFTER_AAAA: Duration = Duration::from_millis(100);

/// How many aliases a circle is told with.
const CIRCLE: usize = 16;
