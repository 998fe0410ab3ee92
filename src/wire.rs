//! Protocol bytes and values, without sockets or clocks.
//!
//! A dialogue with a server is a row of [`Exchange`]s. Each says what to send, takes the reply line by line, and
//! answers when the reply is whole. One driver (in `probe`) joins any exchange to any stream.
//!
//! A document about mail settings ([`autoconfig`], [`pacc`], [`autodiscover`]) becomes one [`offer::Offer`].

pub mod autoconfig;
pub mod autodiscover;
pub mod imap;
pub mod injection;
pub mod line;
pub mod login;
pub mod offer;
pub mod pacc;
pub mod pop3;
pub mod refusal;
pub mod sasl;
pub mod smtp;
pub mod text;
pub mod xml;

use line::cut;
pub use line::{Fault, Line};

use crate::settings::Protocol;

/// One question to a server and the reader of its reply.
pub trait Exchange {
    /// What a whole reply means.
    type Answer;

    /// What to send first; nothing for the greeting, which the server sends unasked.
    fn opening(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes one line of the reply.
    ///
    /// # Errors
    /// [`Fault`] when the line is not of the protocol's grammar.
    fn line(&mut self, line: &Line) -> Result<Next<Self::Answer>, Fault>;

    /// How many lines a reply may have.
    fn most_lines(&self) -> usize {
        line::REPLY_LINES
    }

    /// How many of the first bytes of what is sent next may be shown to anybody: all, unless it holds a secret.
    fn public_sent(&self, bytes: &[u8]) -> usize {
        bytes.len()
    }

    /// How many of the first bytes of a line that came may be shown to anybody.
    fn public_heard(&self, bytes: &[u8]) -> usize {
        bytes.len()
    }
}

/// What an exchange wants after a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Another line.
    More,
    /// These bytes sent, then another line.
    Send(Vec<u8>),
    /// Nothing: this is the answer.
    Done(T),
}

/// An exchange whose kind only the dialogue knows.
pub type Boxed<T> = Box<dyn Exchange<Answer = T> + Send>;

/// The exchanges of one protocol, in the order a probe needs them.
pub trait Dialogue: Send + Sync {
    /// Reads the server's first words.
    fn greeting(&self) -> Boxed<Greeting>;
    /// Asks what the server can do.
    fn capabilities(&mut self) -> Boxed<CapabilityReply>;
    /// Asks for TLS on this connection.
    fn starttls(&mut self) -> Boxed<StartTlsReply>;
    /// Signs in; `None` when the protocol has no such command.
    fn sign_in(&mut self, how: login::SignIn) -> Option<Boxed<login::SignInReply>>;
    /// What comes next in looking round, from step 0; `sender` is the address that mail would be sent from.
    fn look(&mut self, step: usize, known: &Capabilities, sender: Option<&str>) -> login::Look;
    /// Asks for TLS with a harmless command behind it, to see whether the command is answered inside TLS.
    fn injection(&mut self) -> injection::Injection;
    /// The last words, to which no answer is awaited.
    fn goodbye(&mut self) -> Vec<u8>;
}

/// The dialogue of a protocol; `ehlo` is how the client names itself in SMTP.
pub fn dialogue(protocol: Protocol, ehlo: &str) -> Box<dyn Dialogue> {
    match protocol {
        Protocol::Imap => Box::new(imap::Client::default()),
        Protocol::Pop3 => Box::new(pop3::Client),
        Protocol::Smtp => Box::new(smtp::Client::new(ehlo)),
    }
}

/// The server's first words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What they mean.
    pub kind: GreetingKind,
    /// What follows `* OK`, `+OK` or the code, without a response code in brackets.
    pub text: String,
    /// The capabilities in an IMAP greeting.
    pub capabilities: Option<Capabilities>,
    /// True when a POP3 greeting has an APOP stamp (RFC 1939, section 7).
    pub apop: bool,
    /// True when a server that turns the client away says "later".
    pub temporary: bool,
    /// The line or lines as sent.
    pub raw: String,
}

impl Greeting {
    fn new(kind: GreetingKind, text: impl Into<String>, raw: impl Into<String>) -> Self {
        let temporary = kind == GreetingKind::Busy;
        let [text, raw] = [text.into(), raw.into()].map(|words| cut(words, GREETING_BYTES));
        Self { kind, text, capabilities: None, apop: false, temporary, raw }
    }
}

/// What a greeting means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GreetingKind {
    /// The server is ready.
    Ready,
    /// The client is signed in already (IMAP `PREAUTH`).
    Preauth,
    /// The server closes (IMAP `BYE`).
    Bye,
    /// The server turns the client away for good.
    Rejected,
    /// The server turns the client away for now.
    Busy,
}

impl GreetingKind {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Preauth => "preauth",
            Self::Bye => "bye",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
        }
    }
}

/// What a server says it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// As sent: atoms in IMAP, lines in POP3 and SMTP (without the first line of the reply to EHLO).
    pub list: Vec<String>,
    /// True when TLS on this connection is offered.
    pub starttls: bool,
    /// Ways to sign in: SASL names in capitals, `login-command` (IMAP), `user-pass` (POP3).
    pub mechanisms: Vec<String>,
    /// Oddities worth a remark.
    pub notes: Vec<String>,
}

impl Capabilities {
    /// True when a word is listed, in any case and whatever follows it.
    pub fn lists(&self, word: &str) -> bool {
        self.parameters(word).is_some()
    }

    /// What follows a word that is listed.
    pub fn parameters(&self, word: &str) -> Option<&str> {
        let words = self.list.iter().map(|line| line.split_once(' ').unwrap_or((line, "")));
        words.into_iter().find(|(first, _)| first.eq_ignore_ascii_case(word)).map(|(_, rest)| rest.trim())
    }
}

/// The reply to the question what a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapabilityReply {
    /// The list.
    List(Capabilities),
    /// The server knows no such command (POP3 without CAPA); its words.
    Unsupported(String),
    /// The server would not say; its words.
    Refused(Refusal),
}

/// The reply to the request for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartTlsReply {
    /// The handshake may begin.
    GoAhead,
    /// It may not; the server's words.
    Refused(Refusal),
}

/// A server's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line as sent.
    pub text: String,
    /// True when it says "later".
    pub temporary: bool,
    /// True when the server closes the connection with it.
    pub closing: bool,
}

/// Names the protocol that a server's first line belongs to.
pub fn name_protocol(line: &str) -> Option<&'static str> {
    let upper = line.to_ascii_uppercase();
    let code = line.bytes().take(3).filter(u8::is_ascii_digit).count() == 3;
    if code && matches!(line.as_bytes().get(3), None | Some(b' ' | b'-')) {
        return Some("SMTP");
    }
    FIRST_WORDS.iter().find(|(words, _)| upper.starts_with(words)).map(|(_, name)| *name)
}

const FIRST_WORDS: &[(&str, &str)] = &[
    ("SSH-", "SSH"),
    ("HTTP/", "HTTP"),
    ("<!DOCTYPE", "HTTP"),
    ("<HTML", "HTTP"),
    ("+OK", "POP3"),
    ("-ERR", "POP3"),
    ("* ", "IMAP"),
    ("RFB ", "VNC"),
];

/// The fault of a first line that is no greeting of the expected protocol.
fn other_protocol(expected: Protocol, line: &Line) -> Fault {
    let text = line.text();
    match name_protocol(&text).filter(|name| *name != expected.name()) {
        Some(name) => Fault::OtherProtocol { name, line: text },
        None => Fault::Unexpected { expected: greeting_of(expected), line: text },
    }
}

fn greeting_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "an IMAP greeting (`* OK`)",
        Protocol::Pop3 => "a POP3 greeting (`+OK`)",
        Protocol::Smtp => "an SMTP greeting (`220`)",
    }
}

/// True when a greeting or goodbye says that it is for now only.
fn says_later(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    later_code(text) || LATER_PHRASES.iter().any(|phrase| lower.contains(phrase))
}

/// True when a reply begins with a response code that means "later".
fn later_code(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    LATER_CODES.iter().any(|code| lower.starts_with(code))
}

/// The capabilities of a list that is not longer than it may be.
fn bounded(list: impl IntoIterator<Item = String>) -> Capabilities {
    let mut found = Capabilities::default();
    let mut room = CAPABILITIES_BYTES;
    for entry in list {
        let entry = cut(entry, CAPABILITY_BYTES);
        if entry.len() > room || found.list.len() == CAPABILITIES {
            found.notes.push(format!("the list of capabilities is cut after {}", found.list.len()));
            break;
        }
        room -= entry.len();
        found.list.push(entry);
    }
    found
}

/// Phrases of greetings and goodbyes that leave no doubt; "TLS 1.2 or later" must not be one.
const LATER_PHRASES: &[&str] = &[
    "try again",
    "try later",
    "again later",
    "come back later",
    "too many",
    "temporar",
    "overload",
    "too busy",
    "server busy",
    "maintenance",
    "shutting down",
    "at this time",
];

/// The response codes of RFC 5530, RFC 2449 and RFC 3206 that mean "later".
const LATER_CODES: &[&str] =
    &["[unavailable]", "[inuse]", "[limit]", "[sys/temp]", "[in-use]", "[login-delay]"];

/// Real servers offer at most a dozen mechanisms.
pub const MECHANISMS: usize = 64;

/// Real servers list at most some forty capabilities; what stands behind this many is dropped, with a note.
pub const CAPABILITIES: usize = 1_000;

/// 16 KiB: more than twice the longest list seen from a real server.
pub const CAPABILITIES_BYTES: usize = 16 * 1024;

/// 1 KiB: no capability of a real server is a tenth as long.
pub const CAPABILITY_BYTES: usize = 1024;

/// 4 KiB: greetings of real servers with terms of use have about one.
pub const GREETING_BYTES: usize = 4 * 1024;

/// The IMAP command LOGIN, in a list of mechanisms.
pub const LOGIN_COMMAND: &str = "login-command";

/// The POP3 commands USER and PASS, in a list of mechanisms.
pub const USER_PASS: &str = "user-pass";

/// The POP3 command APOP, in a list of mechanisms.
pub const APOP: &str = "apop";

/// Adds a mechanism in capitals, once, up to [`MECHANISMS`].
fn add_mechanism(mechanisms: &mut Vec<String>, name: &str) {
    if mechanisms.len() >= MECHANISMS {
        return;
    }
    let name = name.to_ascii_uppercase();
    if !name.is_empty() && !mechanisms.contains(&name) {
        mechanisms.push(name);
    }
}

/// Adds a command that stands beside the mechanisms, once; where there is no room it takes the place of the last.
fn add_command(mechanisms: &mut Vec<String>, name: &str) {
    if mechanisms.iter().any(|known| known == name) {
        return;
    }
    mechanisms.truncate(MECHANISMS - 1);
    mechanisms.push(name.to_owned());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use line::Splitter;

    /// Feeds a server's bytes to an exchange, in the pieces given; gives the answer and what was sent on the way.
    pub(crate) fn feed<T>(mut exchange: Boxed<T>, pieces: &[&[u8]]) -> Result<(Option<T>, Vec<u8>), Fault> {
        let mut splitter = Splitter::default();
        let mut sent = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(line) = splitter.next_line()? {
                match exchange.line(&line)? {
                    Next::More => {}
                    Next::Send(bytes) => sent.extend(bytes),
                    Next::Done(answer) => return Ok((Some(answer), sent)),
                }
            }
        }
        Ok((None, sent))
    }

    /// Feeds bytes whole, cut in two at every index, and byte by byte; all must give the same.
    pub(crate) fn feed_cut<T: PartialEq + std::fmt::Debug>(
        make: impl Fn() -> Boxed<T>,
        input: &[u8],
    ) -> Option<T> {
        let (whole, sent) = feed(make(), &[input]).unwrap();
        for cut in 0..=input.len() {
            let (start, end) = input.split_at(cut);
            assert_eq!(feed(make(), &[start, end]).unwrap(), feed(make(), &[input]).unwrap(), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(feed(make(), &bytes).unwrap().1, sent);
        whole
    }

    #[test]
    fn a_hostile_list_stays_small() {
        let mut mechanisms = Vec::new();
        (0..100_000).for_each(|number| add_mechanism(&mut mechanisms, &format!("M{number}")));
        assert_eq!(mechanisms.len(), MECHANISMS);
        (0..2).for_each(|_| add_command(&mut mechanisms, LOGIN_COMMAND));
        assert_eq!((mechanisms.len(), mechanisms.last().unwrap().as_str()), (MECHANISMS, LOGIN_COMMAND));
        let found = bounded((0..100_000).map(|number| number.to_string()));
        assert_eq!((found.list.len(), found.notes.len()), (CAPABILITIES, 1));
        let found = bounded((0..100).map(|_| "é".repeat(CAPABILITY_BYTES)));
        assert!(found.list.iter().all(|entry| entry.len() <= CAPABILITY_BYTES + '…'.len_utf8()));
        assert_eq!((found.list.len(), found.notes.len()), (15, 1));
        let greeting = Greeting::new(GreetingKind::Ready, "é".repeat(500_000), "é".repeat(500_000));
        assert!(greeting.text.len() + greeting.raw.len() <= 2 * (GREETING_BYTES + '…'.len_utf8()));
    }

    #[test]
    fn other_protocols_are_named() {
        for (expected, line, name) in [
            (Protocol::Imap, "220 mail ESMTP", "SMTP"),
            (Protocol::Imap, "+OK ready", "POP3"),
            (Protocol::Pop3, "* OK ready", "IMAP"),
            (Protocol::Smtp, "SSH-2.0-OpenSSH_9.2", "SSH"),
            (Protocol::Smtp, "HTTP/1.1 400 Bad Request", "HTTP"),
        ] {
            let line = Line { bytes: line.as_bytes().to_vec(), bare_lf: false };
            let fault = other_protocol(expected, &line);
            assert!(matches!(fault, Fault::OtherProtocol { name: found, .. } if found == name), "{fault}");
        }
        let line = Line { bytes: b"hello".to_vec(), bare_lf: false };
        assert!(matches!(other_protocol(Protocol::Imap, &line), Fault::Unexpected { .. }));
    }
}
