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

    /// The words of a server that speaks clear text: a TLS record begins with a content type from 20 to 23.
    pub(super) fn plain_text(&self) -> Option<String> {
        let bytes = self.bytes();
        let first = bytes.first()?;
        if (20..24).contains(first) {
            return None;
        }
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        Some(excerpt(&String::from_utf8_lossy(line)))
    }
}

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
