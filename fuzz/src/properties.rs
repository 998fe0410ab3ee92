//! The promises of the parsers: no panic, the same result however the input is cut, bounded output, no control bytes.

#[path = "properties/rendered.rs"]
mod rendered;
#[path = "properties/sign_in.rs"]
mod sign_in;

use std::sync::OnceLock;

use mailcfg::net::dns::ResolverChoice;
use mailcfg::net::http::Url;
use mailcfg::net::{ConnectTo, Network, Options};
use mailcfg::probe::certificate;
use mailcfg::probe::certificate::Certificate;
use mailcfg::providers::table::{Provider, Table};
use mailcfg::render::style::is_dangerous;
use mailcfg::settings::Protocol;
use mailcfg::target::{Address, Domain, Host, Target};
use mailcfg::wire::line::{Fault, Line, REPLY_LINES, Splitter};
use mailcfg::wire::offer::Offer;
use mailcfg::wire::{
    Boxed, CAPABILITIES, CAPABILITIES_BYTES, CAPABILITY_BYTES, Capabilities, CapabilityReply, Dialogue,
    Exchange, GREETING_BYTES, Greeting, MECHANISMS, Next, StartTlsReply, autoconfig, autodiscover, dialogue,
    pacc, refusal, text,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

pub use rendered::render;
pub use sign_in::{login, sasl};

/// A property: it takes any bytes and panics when a promise is broken.
pub type Property = fn(&[u8]);

/// Every property with the name of its fuzz target.
pub const ALL: &[(&str, Property)] = &[
    ("line", line),
    ("imap", imap),
    ("pop3", pop3),
    ("smtp", smtp),
    ("autoconfig", autoconfig),
    ("pacc", pacc),
    ("autodiscover", autodiscover),
    ("table", table),
    ("target", target),
    ("certificate", certificate),
    ("sasl", sasl),
    ("login", login),
    ("render", render),
    ("injection", injection),
    ("refusal", refusal),
];

/// Lines come out the same however the bytes are cut, and hold neither a line end nor a NUL.
pub fn line(bytes: &[u8]) {
    let whole = lines(&[bytes]);
    same_when_cut(bytes, &whole, lines);
    for line in &whole.0 {
        assert!(!line.bytes.contains(&b'\n') && !line.bytes.contains(&0));
    }
}

fn lines(pieces: &[&[u8]]) -> (Vec<Line>, Option<Fault>) {
    let mut splitter = Splitter::default();
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.push(piece);
        loop {
            match splitter.next_line() {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(fault) => return (lines, Some(fault)),
            }
        }
    }
    (lines, None)
}

/// Any bytes as an IMAP server.
pub fn imap(bytes: &[u8]) {
    server(Protocol::Imap, bytes);
}

/// Any bytes as a POP3 server.
pub fn pop3(bytes: &[u8]) {
    server(Protocol::Pop3, bytes);
}

/// Any bytes as an SMTP server.
pub fn smtp(bytes: &[u8]) {
    server(Protocol::Smtp, bytes);
}

fn server(protocol: Protocol, bytes: &[u8]) {
    let whole = Conversation::hold(protocol, &[bytes]);
    same_when_cut(bytes, &whole.said, |pieces| Conversation::hold(protocol, pieces).said);
}

/// A whole dialogue: greeting, capabilities, STARTTLS, capabilities again, with one server's bytes.
struct Conversation {
    dialogue: Box<dyn Dialogue>,
    step: Step,
    splitter: Splitter,
    said: Vec<String>,
}

enum Step {
    Greeting(Boxed<Greeting>),
    BeforeTls(Boxed<CapabilityReply>),
    StartTls(Boxed<StartTlsReply>),
    AfterTls(Boxed<CapabilityReply>),
    Over,
}

impl Conversation {
    fn hold(protocol: Protocol, pieces: &[&[u8]]) -> Self {
        let dialogue = dialogue(protocol, "[192.0.2.1]");
        let step = Step::Greeting(dialogue.greeting());
        let mut conversation = Self { dialogue, step, splitter: Splitter::default(), said: Vec::new() };
        for piece in pieces {
            conversation.splitter.push(piece);
            while !matches!(conversation.step, Step::Over) {
                match conversation.splitter.next_line() {
                    Ok(Some(line)) => conversation.take(&line),
                    Ok(None) => break,
                    Err(fault) => conversation.fail(&fault),
                }
            }
        }
        conversation
    }

    fn take(&mut self, line: &Line) {
        match &mut self.step {
            Step::Over => {}
            Step::Greeting(exchange) => {
                let next = exchange.line(line);
                if let Some(greeting) = self.go_on(next) {
                    check_greeting(&greeting);
                    self.begin(|dialogue| Step::BeforeTls(dialogue.capabilities()));
                }
            }
            Step::BeforeTls(exchange) => {
                let next = exchange.line(line);
                if let Some(reply) = self.go_on(next) {
                    check_reply(&reply);
                    self.begin(|dialogue| Step::StartTls(dialogue.starttls()));
                }
            }
            Step::StartTls(exchange) => {
                let next = exchange.line(line);
                if let Some(reply) = self.go_on(next) {
                    if reply == StartTlsReply::GoAhead {
                        self.secure();
                    }
                    self.begin(|dialogue| Step::AfterTls(dialogue.capabilities()));
                }
            }
            Step::AfterTls(exchange) => {
                let next = exchange.line(line);
                if let Some(reply) = self.go_on(next) {
                    check_reply(&reply);
                    self.step = Step::Over;
                }
            }
        }
    }

    /// Notes what an exchange says; gives its answer when there is one.
    fn go_on<T: std::fmt::Debug>(&mut self, next: Result<Next<T>, Fault>) -> Option<T> {
        match next {
            Ok(Next::More) => None,
            Ok(Next::Send(bytes)) => {
                self.splitter.begin_reply(REPLY_LINES);
                self.said.push(format!("send {}", String::from_utf8_lossy(&bytes)));
                None
            }
            Ok(Next::Done(answer)) => {
                self.said.push(format!("{answer:?}"));
                Some(answer)
            }
            Err(fault) => {
                self.fail(&fault);
                None
            }
        }
    }

    fn begin(&mut self, step: impl FnOnce(&mut dyn Dialogue) -> Step) {
        self.splitter.begin_reply(REPLY_LINES);
        self.step = step(self.dialogue.as_mut());
    }

    /// What follows stands for what comes inside TLS: a splitter of its own reads it.
    fn secure(&mut self) {
        let mut inside = Splitter::default();
        inside.push(self.splitter.rest());
        self.splitter = inside;
    }

    fn fail(&mut self, fault: &Fault) {
        assert!(fault.to_string().chars().count() < SENTENCE, "{fault}");
        self.said.push(fault.to_string());
        self.step = Step::Over;
    }
}

/// The protocol that a byte stands for.
fn protocol(choice: u8) -> Protocol {
    match choice % 3 {
        0 => Protocol::Imap,
        1 => Protocol::Pop3,
        _ => Protocol::Smtp,
    }
}

/// Any bytes as a server's replies inside TLS to a command that was put behind STARTTLS; the first byte says in which
/// protocol.
pub fn injection(bytes: &[u8]) {
    let Some((choice, script)) = bytes.split_first() else { return };
    let fate = |pieces: &[&[u8]]| {
        let mut echo = dialogue(protocol(*choice), "[192.0.2.1]").injection().echo;
        let (lines, fault) = lines(pieces);
        for line in lines {
            match echo.line(&line) {
                Ok(Next::Done(fate)) => return format!("{fate:?}"),
                Ok(_) => {}
                Err(fault) => return fault.to_string(),
            }
        }
        format!("{fault:?} {:?}", echo.at_end())
    };
    same_when_cut(script, &fate(&[script]), fate);
}

/// Any words of a server that refuses a sign-in; the first byte says in which protocol. What they mean does not hang on
/// how they are written.
pub fn refusal(bytes: &[u8]) {
    let Some((choice, words)) = bytes.split_first() else { return };
    let words = String::from_utf8_lossy(words);
    let kind = |words: &str| refusal::kind(protocol(*choice), words);
    assert_eq!(kind(&words), kind(&words.to_ascii_uppercase()), "{words:?}");
}

fn check_greeting(greeting: &Greeting) {
    assert!(greeting.text.len() <= GREETING_BYTES + MARK, "{} bytes", greeting.text.len());
    assert!(greeting.raw.len() <= GREETING_BYTES + MARK, "{} bytes", greeting.raw.len());
    greeting.capabilities.iter().for_each(check_capabilities);
}

fn check_reply(reply: &CapabilityReply) {
    match reply {
        CapabilityReply::List(listed) => check_capabilities(listed),
        CapabilityReply::Unsupported(words) => assert!(words.len() <= REPLY, "{} bytes", words.len()),
        CapabilityReply::Refused(no) => assert!(no.text.len() <= REPLY, "{} bytes", no.text.len()),
    }
}

fn check_capabilities(listed: &Capabilities) {
    assert!(listed.list.len() <= CAPABILITIES);
    assert!(listed.list.iter().all(|entry| entry.len() <= CAPABILITY_BYTES + MARK));
    assert!(listed.list.iter().map(String::len).sum::<usize>() <= CAPABILITIES_BYTES);
    // The three that are commands stand beside those that are offered.
    assert!(listed.mechanisms.len() <= MECHANISMS + 1);
    assert!(listed.mechanisms.iter().all(|name| name.len() <= CAPABILITY_BYTES));
    assert!(listed.notes.len() <= NOTES, "{:?}", listed.notes);
}

/// A document of autoconfig, whatever it is.
pub fn autoconfig(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    match autoconfig::parse(&text) {
        Ok(offer) => check_offer(&offer),
        Err(error) => check_sentence(&error.to_string()),
    }
}

/// A document of PACC; what stands before the first NUL is taken for its TXT record too.
pub fn pacc(bytes: &[u8]) {
    let (record, body) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default()),
        None => (bytes, bytes),
    };
    let _ = pacc::verify(body, &[String::from_utf8_lossy(record).into_owned()]);
    let Ok(text) = text::decode(body) else { return };
    match pacc::parse(&text) {
        Ok(offer) => check_offer(&offer),
        Err(error) => check_sentence(&error.to_string()),
    }
}

/// A document of Autodiscover, read as XML and as JSON.
pub fn autodiscover(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    match autodiscover::parse_pox(&text) {
        Ok(autodiscover::PoxReply::Settings(offer)) => check_offer(&offer),
        Ok(autodiscover::PoxReply::RedirectUrl(url)) => check_https(&url),
        Ok(autodiscover::PoxReply::RedirectAddress(_)) => {}
        Ok(autodiscover::PoxReply::Error(refusal)) => check_refusal(&refusal),
        Err(error) => check_sentence(&error.to_string()),
    }
    match autodiscover::parse_json(&text) {
        Ok(autodiscover::JsonReply::Url(url)) => check_https(&url),
        Ok(autodiscover::JsonReply::Error(refusal)) => check_refusal(&refusal),
        Err(error) => check_sentence(&error.to_string()),
    }
}

fn check_https(url: &str) {
    assert!(url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")), "{url:?}");
    check_word(url);
}

fn check_refusal(refusal: &autodiscover::Refusal) {
    check_word(&refusal.code);
    check_word(&refusal.message);
}

fn check_offer(offer: &Offer) {
    assert!(offer.services.len() <= SERVICES, "{} services", offer.services.len());
    assert!(offer.notes.len() <= 2 * SERVICES, "{} notes", offer.notes.len());
    let words = [&offer.provider_id, &offer.name, &offer.documentation, &offer.webmail];
    words.into_iter().flatten().for_each(|word| check_word(word));
    for instruction in &offer.instructions {
        check_word(&instruction.text);
        instruction.url.iter().for_each(|url| check_word(url));
    }
}

fn check_word(word: &str) {
    assert!(!word.chars().any(|character| character.is_control()), "{word:?}");
    assert!(word.len() <= WORD, "{} bytes", word.len());
}

fn check_sentence(text: &str) {
    assert!(text.chars().count() < SENTENCE, "{} characters: {text:?}", text.chars().count());
}

/// A provider table, whatever it is: an error names a place inside the text.
pub fn table(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Table::parse(&text) {
        Ok(table) => table.providers.iter().for_each(|provider| check_provider(provider, &table)),
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(error.line <= text.lines().count().max(1) + 1, "{error}");
        }
    }
}

/// An entry is whole, and found by each of its domains.
fn check_provider(provider: &Provider, table: &Table) {
    assert!(!provider.id.is_empty() && !provider.name.is_empty(), "{provider:?}");
    assert!(!provider.services.is_empty(), "{provider:?}");
    let found = |domain: &Domain| table.find(domain).is_some_and(|found| found.id == provider.id);
    assert!(provider.domains.iter().all(found), "{provider:?}");
}

/// What a person types: what is accepted prints as something that is accepted and means the same.
pub fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Target::parse(text) {
        Ok(Target::Address(address)) => {
            let printed = address.to_string();
            assert_eq!(Address::parse(&printed).expect("a printed address is one"), address);
        }
        Ok(Target::Domain(domain)) => check_domain(&domain),
        Ok(Target::Host { host: Host::Name(name), .. }) => check_domain(&name),
        Ok(Target::Host { .. }) => {}
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
    if let Ok(url) = Url::parse(text) {
        let printed = url.to_string();
        assert_eq!(Url::parse(&printed).expect("a printed URL is one").to_string(), printed);
    }
    let base = Url::parse("https://example.org/a/b?c").expect("a URL");
    if let Ok(joined) = base.join(text) {
        assert!(Url::parse(&joined.to_string()).is_ok(), "{joined}");
    }
    let _ = ConnectTo::parse(text);
    let _ = ResolverChoice::parse(text);
}

fn check_domain(domain: &Domain) {
    assert_eq!(&Domain::parse(domain.as_str()).expect("a domain prints as one"), domain);
    assert!(domain.as_str().is_ascii() && !domain.as_str().contains(char::is_whitespace));
    assert!(!domain.unicode().chars().any(is_dangerous), "{:?}", domain.unicode());
}

/// Certificates of a server: the bytes are one, and cut in two halves they are a chain.
pub fn certificate(bytes: &[u8]) {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    let network = NETWORK.get_or_init(|| Network::new(Options::default()));
    let host = Host::parse("mail.example.org").expect("a host");
    let (leaf, issuer) = bytes.split_at(bytes.len() / 2);
    for chain in
        [vec![CertificateDer::from(bytes)], vec![CertificateDer::from(leaf), CertificateDer::from(issuer)]]
    {
        let Some(seen) = certificate::inspect(&chain, &host, network, OffsetDateTime::UNIX_EPOCH) else {
            panic!("a chain that was sent has facts");
        };
        assert!(!seen.problems.is_empty(), "what nobody signed has a problem");
        assert!(seen.problems.len() <= PROBLEMS, "{:?}", seen.problems);
        seen.problems.iter().for_each(|problem| check_sentence(&problem.detail));
        seen.certificate.iter().for_each(|certificate| check_certificate(certificate, bytes.len()));
    }
}

/// What is told of a certificate is not much longer than the certificate.
fn check_certificate(certificate: &Certificate, bytes: usize) {
    let _ = (certificate.days_left(OffsetDateTime::UNIX_EPOCH), certificate.lifetime());
    let names = certificate.names.iter().map(String::len).sum::<usize>();
    let told = certificate.subject.len() + certificate.issuer.len() + certificate.key.len() + names;
    assert!(told <= LONGER * bytes + WORD, "{told} bytes of {bytes}");
    assert!(certificate.names.len() <= bytes, "{} names", certificate.names.len());
    assert!(certificate.sha256.len() == 64 && certificate.key_sha256.len() == 64);
}

/// Holds a result against those of the same bytes cut at some places, and byte by byte.
fn same_when_cut<T: PartialEq + std::fmt::Debug>(bytes: &[u8], whole: &T, read: impl Fn(&[&[u8]]) -> T) {
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(&read(&single), whole, "byte by byte");
    for size in [2, 3, 7, bytes.len() / 2 + 1] {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        assert_eq!(&read(&pieces), whole, "in pieces of {size}");
    }
}

/// The sentences that are made of a server's words are cut.
const SENTENCE: usize = 2_000;

/// A document names at most so many servers.
const SERVICES: usize = 100;

/// Names and URLs in documents are shorter.
const WORD: usize = 16 * 1024;

/// `…`, which marks what was cut.
const MARK: usize = '…'.len_utf8();

/// A refusal is one line, or in SMTP all lines of a reply.
const REPLY: usize = mailcfg::wire::line::SESSION_BYTES * 2;

/// Each kind of problem once.
const PROBLEMS: usize = 10;

/// Bytes that are no letters are written in three, and names with their escapes.
const LONGER: usize = 12;

/// A list of capabilities gives few remarks.
const NOTES: usize = 16;
