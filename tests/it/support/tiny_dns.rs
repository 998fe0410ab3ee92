//! The smallest DNS server that will do: A records from a list, NODATA for other types, NXDOMAIN for other names.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// A server on loopback; it answers until the tests end.
#[derive(Debug)]
pub struct TinyDns(SocketAddr);

impl TinyDns {
    /// Starts a server that knows these names.
    pub fn start(names: &'static [(&'static str, [u8; 4])]) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        std::thread::spawn(move || serve(&socket, names));
        Self(address)
    }

    /// The value for `--resolver`.
    pub fn resolver(&self) -> String {
        self.0.to_string()
    }
}

fn serve(socket: &UdpSocket, names: &[(&str, [u8; 4])]) {
    let mut buffer = [0; 1_500];
    while let Ok((size, peer)) = socket.recv_from(&mut buffer) {
        let answer = buffer.get(..size).and_then(|query| answer(query, names));
        // Nothing is said to what is no question; the asker's time-out fails the test.
        let _ = answer.map(|answer| socket.send_to(&answer, peer));
    }
}

/// RFC 1035, section 4.1; the question is repeated, and its name pointed to.
fn answer(query: &[u8], names: &[(&str, [u8; 4])]) -> Option<Vec<u8>> {
    let (header, rest) = query.split_at_checked(HEADER)?;
    let name_size = rest.iter().position(|&octet| octet == 0)? + 1;
    let question = rest.get(..name_size + 4)?;
    let (asked, type_and_class) = question.split_at_checked(name_size)?;
    let known = names.iter().find(|(name, _)| wire(name).eq_ignore_ascii_case(asked));
    let is_a = type_and_class == [0, 1, 0, 1];
    let code = if known.is_some() { 0 } else { NXDOMAIN };
    let address = known.filter(|_| is_a).map(|(_, address)| address);
    let mut answer = header.get(..2)?.to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(address) = address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address);
    }
    Some(answer)
}

fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.extend(u8::try_from(label.len()).ok());
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

const HEADER: usize = 12;
const NXDOMAIN: u8 = 3;
