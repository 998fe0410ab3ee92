//! The hostile host: everything that a mail server, or somebody on the way to it, may do to a probe, as one table.
//!
//! A row is a well-behaved host that does one thing otherwise. It is played wherever the thing can be done, on IMAP, POP3
//! and SMTP, in the clear, with STARTTLS and with TLS; `tests/it/hostile.rs` plays them all, side by side.

use mailcfg::settings::Protocol::{self, Imap, Pop3, Smtp};
use mailcfg::settings::Security::{self, None as Clear, StartTls, Tls};
use rustls::NamedGroup;

use Place::{Before, First, GoAhead, Greeting, Hello, Inside, List};

use super::ca;
use super::host::{Cut, End, Script, Step, beneath, blurt, close, drip, flood, pause, reset, send, silence};
use super::mail::{Mail, USUAL};

/// One thing a host does, and what must come of it.
pub struct Row {
    /// When it does it.
    pub at: Place,
    /// What it does, in words.
    pub name: &'static str,
    /// What it does.
    pub does: fn(&Mail) -> Script,
    /// What must be found, as `id severity`; one of several where it is a matter of timing, none where all is well.
    pub finds: &'static [&'static str],
    /// What the finding says, among other words; where all is well, what is noted.
    pub says: &'static str,
    /// With which protocols.
    pub protocols: &'static [Protocol],
    /// How many connections are made: a second one when ClientHello may have been too large.
    pub connections: usize,
}

/// Where a dialogue is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In place of the greeting.
    Greeting,
    /// In place of the list of capabilities: inside TLS, or in the clear with security `none`.
    List,
    /// In place of the list of capabilities in the clear, with STARTTLS to come.
    Before,
    /// In place of the go-ahead for STARTTLS.
    GoAhead,
    /// Before or in place of the handshake.
    Hello,
    /// In place of the list of capabilities, below TLS.
    Inside,
    /// In place of the greeting, below TLS.
    First,
}

impl Place {
    fn securities(self) -> &'static [Security] {
        match self {
            Self::Greeting | Self::List => &[Clear, StartTls, Tls],
            Self::Before | Self::GoAhead => &[StartTls],
            Self::Hello | Self::Inside => &[StartTls, Tls],
            Self::First => &[Tls],
        }
    }
}

impl Row {
    const fn only(self, protocols: &'static [Protocol]) -> Self {
        Self { protocols, ..self }
    }

    const fn twice(self) -> Self {
        Self { connections: 2, ..self }
    }

    fn spoil(&self, mail: Mail) -> Mail {
        let script = (self.does)(&mail);
        match self.at {
            Place::Greeting | Place::First => mail.greeting(script),
            Place::List => mail.capable(script),
            Place::Before => mail.before(script),
            Place::GoAhead => mail.go_ahead(script),
            Place::Hello => mail.on_hello(script),
            Place::Inside => mail.after(script),
        }
    }
}

const fn row(
    at: Place,
    name: &'static str,
    does: fn(&Mail) -> Script,
    finds: &'static [&'static str],
    says: &'static str,
) -> Row {
    Row { at, name, does, finds, says, protocols: &[Imap, Pop3, Smtp], connections: 1 }
}

const FINE: &[&str] = &[];
const SILENT: &[&str] = &["greeting.timed-out fail"];
const NOT_MAIL: &[&str] = &["greeting.not-mail fail"];
const CLOSED: &[&str] = &["greeting.closed fail"];
/// A reset may overtake what came before it.
const RESET: &[&str] = &["greeting.closed fail", "connect.reset fail"];
/// A limit or the grammar.
const BROKEN: &[&str] = &["protocol.violation fail"];
const NO_LIST: &[&str] = &["capabilities.failed fail"];
const NO_LIST_NOW: &[&str] = &["capabilities.failed unknown"];
const REFUSED: &[&str] = &["starttls.refused fail"];
const REFUSED_NOW: &[&str] = &["starttls.refused unknown"];
const INJECTED: &[&str] = &["starttls.injection fail"];
/// Which of the two is a matter of timing.
const INJECTED_LATER: &[&str] = &["starttls.injection fail", "starttls.plain-text fail"];
const PLAIN: &[&str] = &["starttls.plain-text fail", "tls.expected-clear fail"];
const NO_TLS: &[&str] = &["tls.handshake-failed fail"];

/// The table: when, what the host does, what is found, what is said of it.
pub const TABLE: &[Row] = &[
    row(Greeting, "behaves well", |m| greeting(m, "hello"), FINE, ""),
    row(Greeting, "is silent", |_| silence().into(), SILENT, "no greeting"),
    row(Greeting, "sends a byte at a time", |_| drip(&[b'2'; 100], 100).into(), SILENT, "no end of a line"),
    row(Greeting, "stops in a line", |_| [send("* OK +OK"), silence()].into(), SILENT, "no end of a line"),
    row(Greeting, "sends an endless line", |_| flood(&[b'2'; 4_096]).into(), BROKEN, "a line of more than"),
    row(Greeting, "sends endless lines", |_| flood("220-on and on\r\n").into(), BROKEN, "lines")
        .only(&[Smtp]),
    row(Greeting, "sends garbage", |_| [send(GARBAGE), silence()].into(), NOT_MAIL, "garbage"),
    row(Greeting, "sends a NUL", |_| [send("220 * OK\0\r\n"), silence()].into(), BROKEN, "NUL"),
    row(Greeting, "closes", |_| close().into(), CLOSED, "closed"),
    row(Greeting, "resets", |_| reset().into(), RESET, "reset"),
    row(Greeting, "sends escapes and commands", |m| greeting(m, STEERING), FINE, ""),
    row(Greeting, "opens a stamp again and again", |m| greeting(m, &stamps()), FINE, "").only(&[Pop3]),
    row(Greeting, "sends a fat line", |m| greeting(m, &"é".repeat(30_000)), FINE, ""),
    row(Greeting, "sends fat lines", |_| fat_greeting(), FINE, "").only(&[Smtp]),
    row(Greeting, "greets twice", |m| greeting(m, "hello\r\n220 hello"), BROKEN, "got: 220 hello")
        .only(&[Smtp]),
    row(First, "sends what is no TLS record", |_| [beneath(GARBAGE), silence()].into(), BROKEN, "inside TLS"),
    row(List, "is silent", |_| silence().into(), NO_LIST, "within the time limit"),
    row(List, "has no end", |m| [send(start(m)), silence()].into(), NO_LIST, "within the time limit"),
    row(List, "sends a byte at a time", |m| drip(&start(m).repeat(9), 100).into(), NO_LIST, "time limit"),
    row(List, "sends an endless line", |_| flood(&[b'2'; 4_096]).into(), BROKEN, "a line of more than"),
    row(List, "sends endless lines", |m| [send(start(m)), flood(more(m))].into(), BROKEN, "lines"),
    row(List, "sends long lines", |m| [send(start(m)), flood(&long(m))].into(), BROKEN, "bytes"),
    row(List, "names nine hundred things", |m| list(m, &numbers(900)), FINE, ""),
    row(List, "names too many things", |m| list(m, &numbers(1_500)), FINE, "cut after 1000").only(&[Imap]),
    row(List, "names fat things", |m| list(m, &fat(m, m.security == Clear)), FINE, "is cut after"),
    row(List, "sends garbage", |_| [send(GARBAGE), silence()].into(), BROKEN, "got:"),
    row(List, "sends a NUL", |m| [send(start(m)), send("X\0Y\r\n"), silence()].into(), BROKEN, "NUL"),
    row(List, "sends escapes and commands", |m| list(m, &[STEERING.to_owned()]), FINE, ""),
    row(List, "has another tag", |_| [send("B7 OK done\r\n"), silence()].into(), BROKEN, "the tag")
        .only(&[Imap]),
    row(List, "is of another protocol", |m| [send(other(m)), silence()].into(), BROKEN, "got:"),
    row(List, "closes", |_| close().into(), NO_LIST, "closed"),
    row(List, "resets", |_| reset().into(), NO_LIST, "broke the connection off"),
    row(List, "says later", later, NO_LIST_NOW, "later"),
    row(List, "says goodbye", |_| [send("* BYE bye\r\n"), close()].into(), NO_LIST, "BYE").only(&[Imap]),
    row(List, "says goodbye", |_| [send("421 bye\r\n"), close()].into(), NO_LIST_NOW, "421").only(&[Smtp]),
    row(Before, "is silent", |_| silence().into(), NO_LIST, "within the time limit"),
    row(Before, "has no end", |m| [send(start(m)), silence()].into(), NO_LIST, "within the time limit"),
    row(Before, "sends a byte at a time", |m| drip(&start(m).repeat(9), 100).into(), NO_LIST, "time limit"),
    row(Before, "sends an endless line", |_| flood(&[b'2'; 4_096]).into(), BROKEN, "a line of more than"),
    row(Before, "sends endless lines", |m| [send(start(m)), flood(more(m))].into(), BROKEN, "lines"),
    row(Before, "sends long lines", |m| [send(start(m)), flood(&long(m))].into(), BROKEN, "bytes"),
    row(Before, "names fat things", |m| clear_list(m, &fat(m, true)), FINE, "is cut after"),
    row(Before, "sends garbage", |_| [send(GARBAGE), silence()].into(), BROKEN, "got:"),
    row(Before, "sends a NUL", |m| [send(start(m)), send("X\0Y\r\n"), silence()].into(), BROKEN, "NUL"),
    row(Before, "sends escapes and commands", |m| clear_list(m, &[STEERING.to_owned()]), FINE, ""),
    row(Before, "has another tag", |_| [send("B7 OK done\r\n"), silence()].into(), BROKEN, "the tag")
        .only(&[Imap]),
    row(Before, "is of another protocol", |m| [send(other(m)), silence()].into(), BROKEN, "got:"),
    row(Before, "closes", |_| close().into(), NO_LIST, "closed"),
    row(Before, "resets", |_| reset().into(), NO_LIST, "broke the connection off"),
    row(Before, "says later", later, NO_LIST_NOW, "later"),
    row(Before, "says goodbye", |_| [send("* BYE bye\r\n"), close()].into(), NO_LIST, "BYE").only(&[Imap]),
    row(Before, "says goodbye", |_| [send("421 bye\r\n"), close()].into(), NO_LIST_NOW, "421").only(&[Smtp]),
    row(Before, "says to wait", |_| [send("150 wait\r\n"), silence()].into(), BROKEN, "got: 150")
        .only(&[Smtp]),
    row(Before, "replies twice", |m| [twice(m), silence()].into(), REFUSED, "the tag").only(&[Imap]),
    row(Before, "replies twice", |m| [twice(m), silence()].into(), INJECTED, "UIDL").only(&[Pop3]),
    row(Before, "replies twice", |m| [twice(m), silence()].into(), REFUSED, "got: 250").only(&[Smtp]),
    row(
        Inside,
        "sends what is no TLS record",
        |_| [beneath(GARBAGE), silence()].into(),
        BROKEN,
        "inside TLS",
    ),
    row(GoAhead, "is silent", |_| silence().into(), REFUSED, "within the time limit"),
    row(GoAhead, "closes", |_| close().into(), REFUSED, "closed"),
    row(GoAhead, "resets", |_| reset().into(), REFUSED, "broke the connection off"),
    row(GoAhead, "sends garbage", |_| [send(GARBAGE), silence()].into(), REFUSED, "got:"),
    row(GoAhead, "sends an endless line", |_| flood(&[b'2'; 4_096]).into(), BROKEN, "a line of more than"),
    row(GoAhead, "sends a byte at a time", |_| drip(&[b'2'; 100], 100).into(), REFUSED, "time limit"),
    row(GoAhead, "sends endless lines", |m| flood(more_of_go_ahead(m)).into(), BROKEN, "lines")
        .only(&[Imap, Smtp]),
    row(GoAhead, "sends long lines", |m| flood(&long_go_ahead(m)).into(), BROKEN, "bytes")
        .only(&[Imap, Smtp]),
    row(GoAhead, "agrees in escapes and commands", |m| send(&go_ahead(m, STEERING)).into(), FINE, ""),
    row(GoAhead, "has another tag", |_| [send("B7 OK go\r\n"), silence()].into(), REFUSED, "the tag")
        .only(&[Imap]),
    row(GoAhead, "refuses in escapes and commands", |m| refusal(m, STEERING), REFUSED, "owned"),
    row(GoAhead, "says goodbye", |_| [send("* BYE bye\r\n"), close()].into(), REFUSED, "BYE").only(&[Imap]),
    row(GoAhead, "says goodbye", |_| [send("421 bye\r\n"), close()].into(), REFUSED_NOW, "421").only(&[Smtp]),
    row(GoAhead, "says yes and not 220", |_| [send("250 ok\r\n"), silence()].into(), REFUSED, "250")
        .only(&[Smtp]),
    row(GoAhead, "sends a NUL", |_| [send("220 +OK\0\r\n"), silence()].into(), BROKEN, "NUL"),
    row(GoAhead, "puts lines behind it", |m| behind(m, EVIL, None), INJECTED, "evil"),
    row(GoAhead, "puts a fragment behind it", |m| behind(m, "evil", None), INJECTED, "evil"),
    row(GoAhead, "puts lines after it", |m| behind(m, EVIL, Some(20)), INJECTED_LATER, "evil"),
    row(GoAhead, "puts a fragment after it", |m| behind(m, "evil", Some(20)), INJECTED_LATER, "evil"),
    row(Hello, "goes on in the clear", |_| on_hello("500 evil\r\n", close()), PLAIN, "evil"),
    row(Hello, "is silent", |_| Step::HelloUpTo(0, End::Silence).into(), NO_TLS, "no answer").twice(),
    row(Hello, "closes", |_| Step::HelloUpTo(0, End::Close).into(), NO_TLS, "closed").twice(),
    row(Hello, "resets", |_| Step::HelloUpTo(0, End::Reset).into(), NO_TLS, "reset").twice(),
    row(Hello, "sends an alert", |_| Step::HelloUpTo(0, End::Alert(80)).into(), NO_TLS, "InternalError")
        .twice(),
    row(Hello, "sends endless warnings", |_| on_hello("", flood(WARNING)), NO_TLS, "TooManyWarning").twice(),
    row(Hello, "sends garbage", |_| on_hello(GARBAGE, silence()), NO_TLS, "no TLS record"),
    row(Hello, "sends zeros", |_| on_hello(&[0; 50], silence()), NO_TLS, "no TLS record"),
    row(Hello, "sends a broken record", |_| on_hello(BROKEN_RECORD, silence()), NO_TLS, "handshake failed"),
    row(
        Hello,
        "sends an endless record",
        |_| on_hello(LARGE_RECORD, flood(&[0; 4_096])),
        NO_TLS,
        "handshake failed",
    ),
    row(Hello, "drips", |_| trickle(), NO_TLS, "did not end"),
    row(
        Hello,
        "hangs in ServerHello (1.3)",
        |_| flight13(Cut::Pieces(0), End::Silence),
        NO_TLS,
        "did not end",
    ),
    row(Hello, "closes in ServerHello (1.3)", |_| flight13(Cut::Pieces(0), End::Close), NO_TLS, "closed"),
    row(Hello, "resets in ServerHello (1.3)", |_| flight13(Cut::Pieces(0), End::Reset), NO_TLS, "reset"),
    row(
        Hello,
        "hangs after ServerHello (1.3)",
        |_| flight13(Cut::Pieces(1), End::Silence),
        NO_TLS,
        "did not end",
    ),
    row(Hello, "closes after ServerHello (1.3)", |_| flight13(Cut::Pieces(1), End::Close), NO_TLS, "closed"),
    row(Hello, "resets after ServerHello (1.3)", |_| flight13(Cut::Pieces(1), End::Reset), NO_TLS, "reset"),
    row(
        Hello,
        "hangs in the certificate (1.3)",
        |_| flight13(IN_CERTIFICATE, End::Silence),
        NO_TLS,
        "did not end",
    ),
    row(Hello, "closes in the certificate (1.3)", |_| flight13(IN_CERTIFICATE, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in the certificate (1.3)", |_| flight13(IN_CERTIFICATE, End::Reset), NO_TLS, "reset"),
    row(
        Hello,
        "hangs in CertificateVerify (1.3)",
        |_| flight13(IN_VERIFY, End::Silence),
        NO_TLS,
        "did not end",
    ),
    row(Hello, "closes in CertificateVerify (1.3)", |_| flight13(IN_VERIFY, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in CertificateVerify (1.3)", |_| flight13(IN_VERIFY, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs in Finished (1.3)", |_| flight13(IN_FINISHED, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes in Finished (1.3)", |_| flight13(IN_FINISHED, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in Finished (1.3)", |_| flight13(IN_FINISHED, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs behind HelloRetryRequest", |_| retry(End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes behind HelloRetryRequest", |_| retry(End::Close), NO_TLS, "closed"),
    row(Hello, "resets behind HelloRetryRequest", |_| retry(End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs in ServerHello (1.2)", |_| flight12(0, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes in ServerHello (1.2)", |_| flight12(0, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in ServerHello (1.2)", |_| flight12(0, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs in the certificate (1.2)", |_| flight12(1, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes in the certificate (1.2)", |_| flight12(1, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in the certificate (1.2)", |_| flight12(1, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs in the key exchange (1.2)", |_| flight12(2, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes in the key exchange (1.2)", |_| flight12(2, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in the key exchange (1.2)", |_| flight12(2, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs in ServerHelloDone (1.2)", |_| flight12(3, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes in ServerHelloDone (1.2)", |_| flight12(3, End::Close), NO_TLS, "closed"),
    row(Hello, "resets in ServerHelloDone (1.2)", |_| flight12(3, End::Reset), NO_TLS, "reset"),
    row(Hello, "hangs before Finished (1.2)", |_| flight12(4, End::Silence), NO_TLS, "did not end"),
    row(Hello, "closes before Finished (1.2)", |_| flight12(4, End::Close), NO_TLS, "closed"),
    row(Hello, "resets before Finished (1.2)", |_| flight12(4, End::Reset), NO_TLS, "reset"),
];

/// Every cell of the table: a row, and the host that plays it at one protocol and security.
pub fn cells() -> Vec<(&'static Row, Mail)> {
    let mut cells = Vec::new();
    for row in TABLE {
        for protocol in row.protocols {
            for security in row.at.securities() {
                cells.push((row, row.spoil(Mail::well_behaved(*protocol, *security))));
            }
        }
    }
    cells
}

/// The go-ahead, and what may not stand behind it: in the same segment, or after so many milliseconds.
fn behind(mail: &Mail, evil: &str, later: Option<u64>) -> Script {
    let go_ahead = go_ahead(mail, "go");
    match later {
        None => [send(&[&go_ahead, evil].concat()), silence()].into(),
        Some(milliseconds) => [send(&go_ahead), pause(milliseconds), blurt(evil), silence()].into(),
    }
}

fn go_ahead(mail: &Mail, words: &str) -> String {
    let start = match mail.protocol {
        Imap => "{tag} OK",
        Pop3 => "+OK",
        Smtp => "220",
    };
    format!("{start} {words}\r\n")
}

/// A handshake record that comes a byte at a time.
fn trickle() -> Script {
    let record = [&[22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3], &[0; 116][..]].concat();
    let slowly = record.iter().flat_map(|byte| [blurt(&[*byte]), pause(100)]);
    Script(std::iter::once(Step::HelloUpTo(usize::MAX, End::Silence)).chain(slowly).collect())
}

/// Answers ClientHello with these bytes, then goes on so.
fn on_hello(bytes: &(impl AsRef<[u8]> + ?Sized), then: Step) -> Script {
    [Step::HelloUpTo(usize::MAX, End::Silence), blurt(bytes), then].into()
}

/// A line after which the reply to STARTTLS goes on.
fn more_of_go_ahead(mail: &Mail) -> &'static str {
    if mail.protocol == Smtp { "220-and on\r\n" } else { more(mail) }
}

fn long_go_ahead(mail: &Mail) -> String {
    let start = if mail.protocol == Smtp { "220-" } else { "* OK " };
    format!("{start}{}\r\n", "x".repeat(60_000))
}

fn refusal(mail: &Mail, words: &str) -> Script {
    let start = match mail.protocol {
        Imap => "{tag} NO",
        Pop3 => "-ERR",
        Smtp => "554",
    };
    [send(&format!("{start} {words}\r\n")), silence()].into()
}

fn flight13(cut: Cut, end: End) -> Script {
    let config = match cut {
        Cut::Pieces(_) => ca::good().config(),
        Cut::Encrypted(_) | Cut::EncryptedBut(_) => ca::good().small_records(),
    };
    Step::Flight(config, cut, end).into()
}

fn flight12(pieces: usize, end: End) -> Script {
    Step::Flight(ca::good().tls12(), Cut::Pieces(pieces), end).into()
}

/// Asks for a key of another group, which the client must make first (RFC 9846, section 4.1.4).
fn retry(end: End) -> Script {
    Step::Flight(ca::good().group(NamedGroup::secp384r1), Cut::Pieces(1), end).into()
}

/// EncryptedExtensions has less, the certificate more.
const IN_CERTIFICATE: Cut = Cut::Encrypted(100);

/// Finished has 52 octets with SHA-384, and CertificateVerify before it some 80.
pub const IN_VERIFY: Cut = Cut::EncryptedBut(90);

/// The last octets of Finished are missing, and nothing else.
pub const IN_FINISHED: Cut = Cut::EncryptedBut(1);

fn greeting(mail: &Mail, words: &str) -> Script {
    let start = match mail.protocol {
        Imap => "* OK",
        Pop3 => "+OK",
        Smtp => "220",
    };
    format!("{start} {words}\r\n").as_str().into()
}

/// What looks like the beginning of a stamp for APOP, many times.
fn stamps() -> String {
    "<".repeat(60_000) + ">"
}

fn fat_greeting() -> Script {
    let line = format!("220-{}\r\n", "x".repeat(50_000));
    [line.repeat(4).as_str(), "220 at last\r\n"].concat().as_str().into()
}

/// The beginning of a list of capabilities.
fn start(mail: &Mail) -> &'static str {
    match mail.protocol {
        Imap => "* CAPABILITY IMAP4rev1\r\n",
        Pop3 => "+OK\r\n",
        Smtp => "250-mail.example.org\r\n",
    }
}

/// Will not say what it can do, for now.
fn later(mail: &Mail) -> Script {
    let words = match mail.protocol {
        Imap => "{tag} NO [UNAVAILABLE] later\r\n",
        Pop3 => "-ERR [SYS/TEMP] later\r\n",
        Smtp => "450 4.7.1 later\r\n",
    };
    words.into()
}

/// The whole list again behind it: the second is no answer to what is asked next.
fn twice(mail: &Mail) -> Step {
    let once = match mail.protocol {
        Imap => "* CAPABILITY STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n",
        Pop3 => "+OK\r\nUIDL\r\nSTLS\r\n.\r\n",
        Smtp => "250-m\r\n250 STARTTLS\r\n",
    };
    send(&once.repeat(2))
}

/// A line after which a list goes on.
fn more(mail: &Mail) -> &'static str {
    match mail.protocol {
        Imap => "* 1 EXISTS\r\n",
        Pop3 => "X-AND-ON\r\n",
        Smtp => "250-X-AND-ON\r\n",
    }
}

fn long(mail: &Mail) -> String {
    let start = match mail.protocol {
        Imap => "* CAPABILITY ",
        Pop3 => "X-",
        Smtp => "250-X-",
    };
    format!("{start}{}\r\n", "x".repeat(60_000))
}

/// A list that does no harm, with these words in it.
fn list(mail: &Mail, words: &[String]) -> Script {
    listed(mail, mail.security == Clear, words)
}

fn clear_list(mail: &Mail, words: &[String]) -> Script {
    listed(mail, true, words)
}

/// In the clear STARTTLS is offered, inside TLS a way to sign in.
fn listed(mail: &Mail, clear: bool, words: &[String]) -> Script {
    let lines = |start: &str| words.iter().map(|word| format!("{start}{word}\r\n")).collect::<String>();
    let joined = words.join(" ");
    let text = match mail.protocol {
        Imap if clear => format!("* CAPABILITY STARTTLS LOGINDISABLED {joined}\r\n{{tag}} OK\r\n"),
        Imap => format!("* CAPABILITY AUTH=PLAIN {joined}\r\n{{tag}} OK\r\n"),
        Pop3 if clear => format!("+OK\r\nUIDL\r\n{}STLS\r\n.\r\n", lines("")),
        Pop3 => format!("+OK\r\nUIDL\r\n{}USER\r\n.\r\n", lines("")),
        Smtp if clear => format!("250-m\r\n{USUAL}{}250 STARTTLS\r\n", lines("250-")),
        Smtp => format!("250-m\r\n{USUAL}{}250 AUTH PLAIN\r\n", lines("250-")),
    };
    text.as_str().into()
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("X-{number}")).collect()
}

/// What must be in the list, and things of two kilobytes behind it.
fn fat(mail: &Mail, clear: bool) -> Vec<String> {
    let needed = match (mail.protocol, clear) {
        (Imap, _) => "X-NOTHING",
        (Pop3, true) => "STLS",
        (Pop3, false) => "USER",
        (Smtp, true) => "STARTTLS",
        (Smtp, false) => "AUTH PLAIN",
    };
    let things = (0..25).map(|number| format!("X-{number}-{}", "x".repeat(2_000)));
    std::iter::once(needed.to_owned()).chain(things).collect()
}

fn other(mail: &Mail) -> &'static str {
    match mail.protocol {
        Imap | Pop3 => "250 mail.example.org\r\n",
        Smtp => "* CAPABILITY IMAP4rev1\r\n",
    }
}

/// Whole lines of any protocol.
const EVIL: &str = "* CAPABILITY evil AUTH=PLAIN\r\n+OK\r\n250-evil\r\n250 AUTH PLAIN\r\n";

/// Looks like no protocol and no TLS record.
const GARBAGE: &[u8] = b"\x80\xff\xfe\x01\x7f\x9b garbage \xc3\x28\r\n\xf0\x9f\r\n";

/// What steers a terminal, GitHub, XML, HTML and a log.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}::error::x%0A<!--\"'&]]>\u{7f}";

/// A handshake record that holds no handshake message.
const BROKEN_RECORD: &[u8] = &[22, 3, 3, 0, 8, 99, 0, 0, 4, 1, 2, 3, 4];

/// The header of a record larger than any may be (RFC 9846, section 5.1).
const LARGE_RECORD: &[u8] = &[22, 3, 3, 0xff, 0xff];

/// A warning, which does not end a handshake.
const WARNING: &[u8] = &[21, 3, 3, 0, 2, 1, 90];
