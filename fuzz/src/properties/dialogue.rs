//! What a server may say before anybody signs in: lines, greeting, capabilities, STARTTLS, and a command behind it.

use mailcfg::settings::Protocol;
use mailcfg::wire::injection::Fate;
use mailcfg::wire::line::{Fault, Line, REPLY_LINES, Splitter};
use mailcfg::wire::{
    Boxed, CAPABILITIES, CAPABILITIES_BYTES, CAPABILITY_BYTES, Capabilities, CapabilityReply, Dialogue,
    Exchange, GREETING_BYTES, Greeting, MECHANISMS, Next, Refusal, StartTlsReply, dialogue,
};

use super::{LOSSY, check_sentence, same_when_cut};

/// Lines come out the same however the bytes are cut, and hold neither a line end nor a NUL.
pub fn line(bytes: &[u8]) {
    let whole = lines(&[bytes]);
    same_when_cut(bytes, &whole, lines);
    for line in &whole.0 {
        assert!(!line.bytes.contains(&b'\n') && !line.bytes.contains(&0));
    }
    assert!(whole.0.iter().map(Line::size).sum::<usize>() <= bytes.len());
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
    same_when_cut(bytes, &whole, |pieces| Conversation::hold(protocol, pieces));
}

/// A whole dialogue: greeting, capabilities, STARTTLS, capabilities again, with one server's bytes.
pub struct Conversation {
    dialogue: Box<dyn Dialogue>,
    step: Step,
    splitter: Splitter,
    /// The bytes of the reply so far.
    came: usize,
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
    /// What was sent, the answers and the fault that ended it, in words.
    pub fn hold(protocol: Protocol, pieces: &[&[u8]]) -> Vec<String> {
        let dialogue = dialogue(protocol, "[192.0.2.1]");
        let step = Step::Greeting(dialogue.greeting());
        let mut conversation =
            Self { dialogue, step, splitter: Splitter::default(), came: 0, said: Vec::new() };
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
        conversation.said
    }

    fn take(&mut self, line: &Line) {
        self.came += line.size();
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::Over => {}
            Step::Greeting(exchange) => self.go_on(exchange, line, Step::Greeting, Self::greeted),
            Step::BeforeTls(exchange) => self.go_on(exchange, line, Step::BeforeTls, Self::listed),
            Step::StartTls(exchange) => self.go_on(exchange, line, Step::StartTls, Self::secured),
            Step::AfterTls(exchange) => self.go_on(exchange, line, Step::AfterTls, |conversation, reply| {
                check_reply(&reply, conversation.came);
                Step::Over
            }),
        }
    }

    /// Gives an exchange a line, notes what it says, and goes on to the next step when it has its answer.
    fn go_on<T: std::fmt::Debug>(
        &mut self,
        mut exchange: Boxed<T>,
        line: &Line,
        same: fn(Boxed<T>) -> Step,
        next: impl Fn(&mut Self, T) -> Step,
    ) {
        match exchange.line(line) {
            Ok(Next::More) => self.step = same(exchange),
            Ok(Next::Send(bytes)) => {
                self.begin_reply();
                self.said.push(format!("send {}", String::from_utf8_lossy(&bytes)));
                self.step = same(exchange);
            }
            Ok(Next::Done(answer)) => {
                self.said.push(format!("{answer:?}"));
                self.step = next(self, answer);
                self.begin_reply();
            }
            Err(fault) => self.fail(&fault),
        }
    }

    fn greeted(&mut self, greeting: Greeting) -> Step {
        check_greeting(&greeting);
        Step::BeforeTls(self.dialogue.capabilities())
    }

    fn listed(&mut self, reply: CapabilityReply) -> Step {
        check_reply(&reply, self.came);
        Step::StartTls(self.dialogue.starttls())
    }

    fn secured(&mut self, reply: StartTlsReply) -> Step {
        match &reply {
            StartTlsReply::GoAhead => self.secure(),
            StartTlsReply::Refused(refusal) => check_refusal(refusal, self.came),
        }
        Step::AfterTls(self.dialogue.capabilities())
    }

    fn begin_reply(&mut self) {
        self.splitter.begin_reply(REPLY_LINES);
        self.came = 0;
    }

    /// What follows stands for what comes inside TLS: a splitter of its own reads it.
    fn secure(&mut self) {
        let mut inside = Splitter::default();
        inside.push(self.splitter.rest());
        self.splitter = inside;
    }

    fn fail(&mut self, fault: &Fault) {
        check_fault(fault, self.came);
        self.said.push(fault.to_string());
        self.step = Step::Over;
    }
}

fn check_greeting(greeting: &Greeting) {
    for words in [&greeting.text, &greeting.raw] {
        assert!(words.len() <= GREETING_BYTES + MARK, "{} bytes", words.len());
    }
    greeting.capabilities.iter().for_each(check_capabilities);
}

fn check_reply(reply: &CapabilityReply, came: usize) {
    match reply {
        CapabilityReply::List(listed) => check_capabilities(listed),
        CapabilityReply::Unsupported(words) => check_words(words, came),
        CapabilityReply::Refused(refusal) => check_refusal(refusal, came),
    }
}

/// A list is as short as its limits say.
pub(super) fn check_capabilities(listed: &Capabilities) {
    let size = |words: &[String]| words.iter().map(String::len).sum::<usize>();
    assert!(listed.list.len() <= CAPABILITIES, "{} capabilities", listed.list.len());
    assert!(listed.list.iter().all(|entry| entry.len() <= CAPABILITY_BYTES + MARK));
    assert!(size(&listed.list) <= CAPABILITIES_BYTES, "{} bytes", size(&listed.list));
    assert!(listed.mechanisms.len() <= MECHANISMS, "{} mechanisms", listed.mechanisms.len());
    assert!(size(&listed.mechanisms) <= CAPABILITIES_BYTES, "{} bytes", size(&listed.mechanisms));
    assert!(listed.notes.len() <= NOTES, "{:?}", listed.notes);
    listed.notes.iter().for_each(|note| check_sentence(note));
}

fn check_refusal(refusal: &Refusal, came: usize) {
    check_words(&refusal.text, came);
}

/// The words of a reply are no more than what came of it.
pub(super) fn check_words(words: &str, came: usize) {
    assert!(words.len() <= LOSSY * came, "{} bytes of {came}", words.len());
}

/// A fault quotes one line at most, and little of it in its sentence.
pub(super) fn check_fault(fault: &Fault, came: usize) {
    check_sentence(&fault.to_string());
    if let Fault::Unexpected { line, .. } | Fault::OtherProtocol { line, .. } = fault {
        check_words(line, came);
    }
}

/// Any bytes as a server's replies inside TLS to a command that was put behind STARTTLS; the first byte says in which
/// protocol.
pub fn injection(bytes: &[u8]) {
    let Some((choice, script)) = bytes.split_first() else { return };
    let read = |pieces: &[&[u8]]| fate(protocol(*choice), pieces);
    same_when_cut(script, &read(&[script]), read);
}

fn fate(protocol: Protocol, pieces: &[&[u8]]) -> String {
    let mut echo = dialogue(protocol, "[192.0.2.1]").injection().echo;
    let (lines, fault) = lines(pieces);
    let mut came = 0;
    for line in lines {
        came += line.size();
        match echo.line(&line) {
            Ok(Next::Done(fate)) => {
                check_fate(&fate, came);
                return format!("{fate:?}");
            }
            Ok(_) => {}
            Err(fault) => return fault.to_string(),
        }
    }
    let fate = echo.at_end();
    fate.iter().for_each(|fate| check_fate(fate, came));
    format!("{fault:?} {fate:?}")
}

fn check_fate(fate: &Fate, came: usize) {
    match fate {
        Fate::Answered(words) | Fate::Refused(words) => check_words(words, came),
        Fate::Dropped => {}
    }
}

/// The protocol that a byte stands for.
pub(super) fn protocol(choice: u8) -> Protocol {
    match choice % 3 {
        0 => Protocol::Imap,
        1 => Protocol::Pop3,
        _ => Protocol::Smtp,
    }
}

/// The mark behind what is cut.
const MARK: usize = '…'.len_utf8();

/// A list of capabilities gives few remarks.
const NOTES: usize = 4;
