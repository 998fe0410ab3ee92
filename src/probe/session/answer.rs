//! What single answers of a server mean for the course of a probe.

use std::net::IpAddr;

use tokio::net::TcpStream;

use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::dial::Dialled;
use crate::probe::drive::Transcript;
use crate::probe::facts::StartTls;
use crate::wire::{self, name_protocol};

/// A refused STARTTLS is absent when it was not offered and the refusal is for good; else it failed. Whether it was
/// offered may not be known.
pub(super) fn refused(refusal: &wire::Refusal, offered: Option<bool>) -> Attempt<StartTls> {
    let words = wire::line::excerpt(&refusal.text);
    let cause = match (refusal.temporary, refusal.closing, offered) {
        (true, ..) => Cause::Busy,
        (false, true, _) => Cause::Closed,
        (false, false, Some(true)) => Cause::CommandRefused,
        (false, false, None) => Cause::Unlisted,
        (false, false, Some(false)) => {
            return Attempt::Absent(format!("not advertised, and refused: {words}"));
        }
    };
    let failure = Failure::new(Stage::StartTls, cause, words);
    let temporary = refusal.temporary || failure.cause == Cause::Unlisted;
    Attempt::Failed(Failure { temporary, ..failure })
}

/// What is there to read before ClientHello was sent, when nothing may be.
pub(in crate::probe) fn waiting_bytes(stream: &TcpStream) -> Vec<u8> {
    let mut buffer = [0; WAITING_BYTES];
    match stream.try_read(&mut buffer) {
        Ok(read) => buffer.get(..read).unwrap_or_default().to_vec(),
        Err(_) => Vec::new(),
    }
}

pub(super) fn injected(bytes: &[u8], transcript: &Transcript) -> Failure {
    let words = quoted(bytes, transcript);
    let reason =
        format!("{} bytes stood behind the go-ahead for STARTTLS, outside TLS: {words}", bytes.len());
    Failure::new(Stage::StartTls, Cause::Injection, reason)
}

/// Bytes in clear text where none may be, for a sentence.
pub(in crate::probe) fn quoted(bytes: &[u8], transcript: &Transcript) -> String {
    let words = String::from_utf8_lossy(bytes);
    transcript.quote(words.trim_end())
}

/// Names the protocol of a server that answered ClientHello in clear text, when it is no mail protocol.
pub(super) fn named(failure: Failure) -> Failure {
    let words = failure.reason.rsplit_once("clear text: ").map(|(_, words)| words);
    match words.and_then(name_protocol) {
        Some(name @ ("SSH" | "HTTP" | "VNC")) if failure.cause == Cause::PlainText => {
            Failure { cause: Cause::OtherProtocol(name), ..failure }
        }
        _ => failure,
    }
}

/// The address literal of the local socket (RFC 5321, section 4.1.3); never an IPv4-mapped one.
pub(in crate::probe) fn address_literal(dialled: &Dialled) -> String {
    let local = dialled.stream.local_addr().ok().filter(|_| dialled.address.is_some());
    match local.map(|local| local.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => format!("[{address}]"),
        Some(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

/// Much more than is quoted of what may not be there.
const WAITING_BYTES: usize = 4 * 1024;
