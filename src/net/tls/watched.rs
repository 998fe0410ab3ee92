//! The stream below TLS, or below a page in the clear: what came first on it, and that not too much comes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::wire::line::excerpt;

/// The first bytes a server sent after ClientHello.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Vec<u8>>);

impl Seen {
    pub(super) fn note(&self, bytes: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = SEEN_BYTES.saturating_sub(seen.len());
        seen.extend(bytes.iter().take(room));
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// True before any byte of a handshake message: nothing, or an alert record (RFC 9846, section 5.1).
    pub(super) fn only_alert(&self) -> bool {
        matches!(self.bytes().first(), None | Some(&21))
    }

    /// What a server said in place of a TLS record, which begins with a content type from 20 to 24.
    pub(super) fn answer(&self) -> Answer {
        let bytes = self.bytes();
        if bytes.first().is_none_or(|first| (20..=24).contains(first)) {
            return Answer::Records;
        }
        let first_line = bytes.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next();
        let line = first_line.unwrap_or_default();
        if !is_text(line) {
            let start = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}"));
            return Answer::Garbage(start.collect::<Vec<_>>().join(" "));
        }
        let words = excerpt(&String::from_utf8_lossy(line));
        let is_cut = bytes.len() == SEEN_BYTES && line.len() == bytes.trim_ascii_start().len();
        Answer::Text(if is_cut && !words.ends_with('…') { format!("{words}…") } else { words })
    }
}

/// What came behind ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Records of TLS, or nothing.
    Records,
    /// A line of text: the words.
    Text(String),
    /// Neither; the first bytes in hexadecimal digits.
    Garbage(String),
}

/// True for a line of words, in any language, with a control character here or there.
fn is_text(line: &[u8]) -> bool {
    let controls = line.iter().filter(|byte| byte.is_ascii_control() && **byte != b'\t').count();
    line.first().is_none_or(u8::is_ascii_graphic) && controls * 4 <= line.len()
}

/// The start of a record has five bytes; some more show what it is.
const SHOWN_BYTES: usize = 16;

/// Enough of a clear-text line to quote it.
const SEEN_BYTES: usize = 256;

/// A TCP stream that keeps the first bytes it read, and reads so many in all: records of TLS may be endless and hold
/// nothing of the dialogue.
#[derive(Debug)]
pub struct Watched {
    stream: TcpStream,
    seen: Arc<Seen>,
    left: usize,
}

/// 4 MiB: the whole dialogue, or a page, with room for the certificates and what TLS adds.
pub const CONNECTION_BYTES: usize = 4 * 1024 * 1024;

/// More came on one connection than [`CONNECTION_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error("the server sent more than {} MiB", CONNECTION_BYTES / 1024 / 1024)]
pub(super) struct TooMuch;

/// What is wrong with the bytes that came inside TLS, when it was this side that broke off.
pub fn broken_inside(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?;
    if inner.is::<TooMuch>() {
        return Some(inner.to_string());
    }
    match inner.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::AlertReceived(_)) => None,
        // Messages that are joined beyond what rustls holds have no error of their own.
        None if error.kind() != io::ErrorKind::InvalidData => None,
        _ => Some(format!("what the server sent inside TLS is broken: {inner}")),
    }
}

impl Watched {
    /// A stream of which nothing was read yet.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, seen: Arc::default(), left: CONNECTION_BYTES }
    }

    /// The first bytes that it reads.
    pub(super) fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen)
    }

    /// The stream itself.
    pub fn tcp(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        this.seen.note(new);
        match this.left.checked_sub(new.len()) {
            Some(left) => this.left = left,
            None => return Poll::Ready(Err(io::Error::other(TooMuch))),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_answers_were_called_clear_text() {
        let answer = |bytes: &[u8]| {
            let seen = Seen::default();
            seen.note(bytes);
            seen.answer()
        };
        let text = |words: &str| Answer::Text(words.to_owned());
        assert_eq!(answer(b"220 mail ESMTP\r\n250 x\r\n"), text("220 mail ESMTP"));
        assert_eq!(answer(b"\r\n* OK \xe9t\xe9 \x1b[0m\r\n"), text("* OK \u{fffd}t\u{fffd} \u{1b}[0m"));
        assert_eq!(answer("220 привет, мир\r\n".as_bytes()), text("220 привет, мир"));
        assert_eq!(answer(b"\n"), text(""));
        // A line that does not end here is cut, and shows it.
        assert_eq!(answer(&[b'x'; 300]), text(&format!("{}…", "x".repeat(200))));
        assert_eq!(answer("é".repeat(200).as_bytes()), Answer::Garbage(["c3 a9"; 8].join(" ")));
        for records in
            [&b""[..], b"\x16\x03\x03\x00\x7a\x02", b"\x15\x03\x01\x00\x02\x02\x46", b"\x18\x03\x03\x00\x03"]
        {
            assert_eq!(answer(records), Answer::Records, "{records:?}");
        }
        assert_eq!(answer(&[0; 50]), Answer::Garbage(["00"; 16].join(" ")));
        assert_eq!(answer(b"\x80\x2e\x04\x00\x01"), Answer::Garbage("80 2e 04 00 01".to_owned()));
        assert_eq!(answer(b"x\0\0\0y"), Answer::Garbage("78 00 00 00 79".to_owned()));
    }
}
