//! A SOCKS5 proxy on loopback (RFC 1928) that leads every connection to one address, and tells what was asked for.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A running proxy. Its threads end with the test process.
#[derive(Debug)]
pub struct Socks {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    /// A proxy that leads to an address.
    pub fn leading_to(address: SocketAddr) -> Self {
        Self::start(Ok(address))
    }

    /// A proxy that answers with an error (RFC 1928, section 6).
    pub fn failing(code: u8) -> Self {
        Self::start(Err(code))
    }

    fn start(end: Result<SocketAddr, u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback address can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(stream, end, &noted));
            }
        });
        Self { address, asked }
    }

    /// The proxy's URL.
    pub fn url(&self) -> String {
        format!("socks5h://{}", self.address)
    }

    /// The hosts and ports that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut client: TcpStream, end: Result<SocketAddr, u8>, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let [_version, methods] = bytes(&mut client)?;
    client.read_exact(&mut vec![0; usize::from(methods)])?;
    client.write_all(&[5, 0])?;
    let [_version, _connect, _reserved, kind] = bytes(&mut client)?;
    let place = match kind {
        1 => Ipv4Addr::from(bytes::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = bytes(&mut client)?;
            let mut name = vec![0; usize::from(length)];
            client.read_exact(&mut name)?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => format!("[{}]", std::net::Ipv6Addr::from(bytes::<16>(&mut client)?)),
    };
    let port = u16::from_be_bytes(bytes(&mut client)?);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{place}:{port}"));
    let reply = |code| [5, code, 0, 1, 127, 0, 0, 1, 0, 0];
    match end {
        Err(code) => client.write_all(&reply(code)),
        Ok(address) => {
            let server = TcpStream::connect(address)?;
            client.write_all(&reply(0))?;
            join(client, server)
        }
    }
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Carries bytes both ways until both sides are done.
fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let up = std::thread::spawn(move || carry(&mut from, &mut to));
    let (mut from, mut to) = (server, client);
    carry(&mut from, &mut to)?;
    up.join().unwrap_or(Ok(()))
}

fn carry(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    io::copy(from, to)?;
    to.shutdown(std::net::Shutdown::Write)
}
