//! Joins a dialogue to a stream: the one loop that reads lines from a server, under a limit of time.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::facts::{Facts, Party, Said};
use crate::attempt::{Cause, Failure, Stage};
use crate::net::tls::broken_inside;
use crate::secret::{Concealer, HIDDEN};
use crate::wire::line::{Fault, Line, Splitter, excerpt};
use crate::wire::{Exchange, Next};

/// A stream and the lines that come from it.
#[derive(Debug)]
pub struct Channel<S> {
    stream: S,
    splitter: Splitter,
    /// True once a line ended with LF alone.
    pub bare_lf: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// A channel on a fresh stream: nothing said on another is remembered.
    pub fn new(stream: S) -> Self {
        Self { stream, splitter: Splitter::default(), bare_lf: false }
    }

    /// Sends what an exchange opens with and feeds it lines until it has its answer.
    ///
    /// # Errors
    /// [`Failure`] in the given stage, or in `protocol` when a limit was broken.
    pub async fn ask<T>(
        &mut self,
        exchange: &mut (dyn Exchange<Answer = T> + Send),
        stage: Stage,
        deadline: Instant,
        transcript: &mut Transcript,
    ) -> Result<T, Failure> {
        self.splitter.begin_reply(exchange.most_lines());
        let opening = exchange.opening();
        let public = exchange.public_sent(&opening);
        self.send(opening, public, stage, deadline, transcript).await?;
        loop {
            let line = self.line(stage, deadline).await?;
            transcript.add_part(Party::Server, &line.bytes, exchange.public_heard(&line.bytes));
            match exchange.line(&line).map_err(|fault| failure_of(transcript.concealed(fault), stage))? {
                Next::More => {}
                Next::Done(answer) => return Ok(answer),
                Next::Send(bytes) => {
                    self.splitter.begin_reply(exchange.most_lines());
                    let public = exchange.public_sent(&bytes);
                    self.send(bytes, public, stage, deadline, transcript).await?;
                }
            }
        }
    }

    /// Says the last words and closes, without waiting for an answer.
    pub async fn close(mut self, goodbye: &[u8], transcript: &mut Transcript) {
        transcript.add(Party::Client, goodbye);
        let closing = async {
            self.stream.write_all(goodbye).await?;
            self.stream.shutdown().await
        };
        // The probe is over: whether the server still listens is of no interest.
        let _ = tokio::time::timeout(GOODBYE_LIMIT, closing).await;
    }

    /// The stream, and the bytes that came after the last line given out.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let rest = self.splitter.rest().to_vec();
        (self.stream, rest)
    }

    /// Sends bytes, which are gone from memory afterwards, also when the sending is given up.
    async fn send(
        &mut self,
        bytes: Vec<u8>,
        public: usize,
        stage: Stage,
        deadline: Instant,
        transcript: &mut Transcript,
    ) -> Result<(), Failure> {
        let bytes = Zeroizing::new(bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        transcript.add_part(Party::Client, &bytes, public);
        transcript.concealer.add_sent(bytes.get(public..).unwrap_or_default());
        let sending = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        let sent = timeout_at(deadline, sending).await;
        match sent {
            Err(_) => Err(timed_out(stage)),
            Ok(result) => result.map_err(|error| ended(&error, stage)),
        }
    }

    async fn line(&mut self, stage: Stage, deadline: Instant) -> Result<Line, Failure> {
        let mut buffer = [0; READ_BYTES];
        loop {
            if let Some(line) = self.splitter.next_line().map_err(|fault| failure_of(fault, stage))? {
                self.bare_lf |= line.bare_lf;
                return Ok(line);
            }
            let read = match timeout_at(deadline, self.stream.read(&mut buffer)).await {
                Err(_) => return Err(self.silent(stage)),
                Ok(Err(error)) => return Err(ended(&error, stage)),
                Ok(Ok(0)) => return Err(ended(&io::ErrorKind::UnexpectedEof.into(), stage)),
                Ok(Ok(read)) => read,
            };
            self.splitter.push(buffer.get(..read).unwrap_or_default());
        }
    }

    fn silent(&self, stage: Stage) -> Failure {
        match self.splitter.rest().len() {
            0 => timed_out(stage),
            bytes => {
                let reason =
                    format!("the server sent {bytes} bytes and no end of a line within the time limit");
                Failure::new(stage, Cause::TimedOut, reason)
            }
        }
    }
}

fn timed_out(stage: Stage) -> Failure {
    let what = match stage {
        Stage::Greeting => "the server sent no greeting within the time limit",
        Stage::StartTls => "the server did not answer STARTTLS within the time limit",
        _ => "the server did not answer within the time limit",
    };
    Failure::new(stage, Cause::TimedOut, what)
}

fn ended(error: &io::Error, stage: Stage) -> Failure {
    if let Some(reason) = broken_inside(error) {
        return Failure::new(Stage::Protocol, Cause::Malformed, reason);
    }
    let cause = Cause::of_io(error);
    let reason = match (&cause, stage) {
        (Cause::Closed, Stage::Greeting) => "the server closed the connection without a greeting".to_owned(),
        (Cause::ClientCertificate, _) => {
            format!("the server ended the connection: it wants a client certificate ({error})")
        }
        (Cause::Closed, _) => "the server closed the connection".to_owned(),
        _ => format!("the server broke the connection off ({error})"),
    };
    Failure::new(stage, cause, reason)
}

fn failure_of(fault: Fault, stage: Stage) -> Failure {
    let (stage, cause) = match &fault {
        Fault::OtherProtocol { name, .. } => (stage, Cause::OtherProtocol(name)),
        Fault::Unexpected { .. } => (stage, Cause::Malformed),
        _ => (Stage::Protocol, Cause::Malformed),
    };
    Failure::new(stage, cause, fault.to_string())
}

/// The dialogue as it went, when somebody wants to read it.
#[derive(Debug, Default)]
pub struct Transcript {
    keep: bool,
    lines: Vec<Said>,
    bytes: usize,
    concealer: Concealer,
}

impl Transcript {
    /// A transcript that keeps lines, or one that drops them.
    pub fn new(keep: bool) -> Self {
        Self { keep, lines: Vec::new(), bytes: 0, concealer: Concealer::default() }
    }

    /// Hides a secret in all that is added from now on.
    pub fn conceal(&mut self, concealer: Concealer) {
        self.concealer = concealer;
    }

    /// Takes a user name for what it is, wherever it was sent.
    pub fn spare(&mut self, username: &str) {
        self.concealer.spare(username);
    }

    /// A text of the server without the secret, and without anything that was sent to prove it.
    pub fn clean(&self, text: &str) -> String {
        self.concealer.clean(text)
    }

    /// The beginning of such a text, for a sentence: cut before it is clean, half a secret would not be found.
    pub fn quote(&self, text: &str) -> String {
        excerpt(&self.clean(text))
    }

    /// As [`Transcript::clean`], for all the texts of a probe, whenever they came.
    pub fn clean_all(&self, facts: &mut Facts) {
        if !self.concealer.is_idle() {
            facts.replace_foreign(&|text| self.concealer.clean_early(text));
        }
    }

    /// A fault that quotes the server, without the secret.
    fn concealed(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Unexpected { expected, line } => Fault::Unexpected { expected, line: self.clean(&line) },
            Fault::OtherProtocol { name, line } => Fault::OtherProtocol { name, line: self.clean(&line) },
            other => other,
        }
    }

    /// Adds what one side said.
    pub fn add(&mut self, by: Party, bytes: &[u8]) {
        self.add_part(by, bytes, bytes.len());
    }

    /// Adds what one side said; of a line that is not public to its end, the rest is hidden.
    pub fn add_part(&mut self, by: Party, bytes: &[u8], public: usize) {
        if !self.keep || bytes.is_empty() || self.bytes > TRANSCRIPT_BYTES {
            return;
        }
        self.bytes += bytes.len();
        let shown = String::from_utf8_lossy(bytes.get(..public).unwrap_or(bytes));
        let rest = if public < bytes.len() { HIDDEN } else { "" };
        let shown = if by == Party::Client { shown.into_owned() } else { self.clean(&shown) };
        for line in format!("{shown}{rest}").trim_end_matches(['\r', '\n']).split("\r\n") {
            self.lines.push(Said { by, text: line.to_owned() });
        }
        if self.bytes > TRANSCRIPT_BYTES {
            self.lines.push(Said { by: Party::Event, text: "the transcript is cut here".to_owned() });
        }
    }

    /// The lines, which it gives up.
    pub fn take_lines(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.lines)
    }
}

/// One read; a whole reply of most servers.
const READ_BYTES: usize = 4 * 1024;

/// Sending a few bytes and closing takes no time unless the way is blocked.
pub const GOODBYE_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);

/// 64 KiB of dialogue tell the story.
pub const TRANSCRIPT_BYTES: usize = 64 * 1024;
