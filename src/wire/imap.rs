//! The IMAP dialogue up to the sign-in: greeting, CAPABILITY, STARTTLS, LOGOUT (RFC 9051, RFC 3501, RFC 2595).
//!
//! Read tolerantly: any case, missing text, extra spaces, `IMAP4rev1` or `IMAP4rev2` or neither.

mod login;

pub use login::{KEPT_BYTES, MOST_KEPT};

use super::injection::{Injection, Replies};
use super::login::{Look, SignIn, SignInReply};
use super::{
    Boxed, Capabilities, CapabilityReply, Dialogue, Exchange, Fault, Greeting, GreetingKind, Line, Next,
    Refusal, StartTlsReply, add_command, add_mechanism, bounded, later_code, other_protocol, says_later,
};
use crate::settings::Protocol;

/// The client's side: it numbers its commands.
#[derive(Debug, Default)]
pub struct Client {
    commands: u32,
}

impl Client {
    fn tag(&mut self) -> String {
        self.commands += 1;
        format!("A{}", self.commands)
    }
}

impl Dialogue for Client {
    fn greeting(&self) -> Boxed<Greeting> {
        Box::new(ReadGreeting)
    }

    fn capabilities(&mut self) -> Boxed<CapabilityReply> {
        Box::new(AskCapabilities { tagged: Tagged::new(self.tag()), atoms: Vec::new() })
    }

    fn starttls(&mut self) -> Boxed<StartTlsReply> {
        Box::new(AskStartTls(Tagged::new(self.tag())))
    }

    fn sign_in(&mut self, how: SignIn) -> Option<Boxed<SignInReply>> {
        login::sign_in(self, how)
    }

    fn look(&mut self, step: usize, known: &Capabilities, _sender: Option<&str>) -> Look {
        login::look(self, step, known)
    }

    fn injection(&mut self) -> Injection {
        let starttls = self.starttls();
        let command = self.tag();
        let noop = format!("{command} NOOP\r\n");
        let goodbye = self.goodbye();
        let replies = Replies::Tagged { command, goodbye: format!("A{}", self.commands) };
        Injection::new(starttls, noop, goodbye, replies)
    }

    fn goodbye(&mut self) -> Vec<u8> {
        format!("{} LOGOUT\r\n", self.tag()).into_bytes()
    }
}

/// `greeting = "*" SP (resp-cond-auth / resp-cond-bye) CRLF` (RFC 9051, section 9).
struct ReadGreeting;

impl Exchange for ReadGreeting {
    type Answer = Greeting;

    fn line(&mut self, line: &Line) -> Result<Next<Greeting>, Fault> {
        let raw = line.text();
        let Some((condition, text)) = raw.strip_prefix('*').map(condition) else {
            return Err(other_protocol(Protocol::Imap, line));
        };
        let kind = match condition.as_str() {
            "OK" => GreetingKind::Ready,
            "PREAUTH" => GreetingKind::Preauth,
            "BYE" => GreetingKind::Bye,
            "NO" | "BAD" => GreetingKind::Rejected,
            _ => return Err(other_protocol(Protocol::Imap, line)),
        };
        let (code, words) = response_code(text);
        let mut greeting = Greeting::new(kind, words, raw.as_str());
        greeting.temporary = kind == GreetingKind::Bye && says_later(text);
        greeting.capabilities = code.and_then(capability_data).map(|data| capabilities(&atoms(data)));
        Ok(Next::Done(greeting))
    }
}

/// Sends CAPABILITY; collects `capability-data` from untagged replies and from the code of the tagged one.
struct AskCapabilities {
    tagged: Tagged,
    atoms: Vec<String>,
}

impl Exchange for AskCapabilities {
    type Answer = CapabilityReply;

    fn opening(&self) -> Vec<u8> {
        self.tagged.command("CAPABILITY")
    }

    fn line(&mut self, line: &Line) -> Result<Next<CapabilityReply>, Fault> {
        let reply = match self.tagged.line(line)? {
            Reply::Untagged(data) => {
                if let Some(data) = capability_data(&data) {
                    self.atoms = atoms(data);
                }
                return Ok(Next::More);
            }
            Reply::Ignored => return Ok(Next::More),
            Reply::Bye(refusal) | Reply::No(refusal) => CapabilityReply::Refused(refusal),
            Reply::Ok(text) => {
                if let (Some(code), _) = response_code(&text)
                    && let Some(data) = capability_data(code)
                {
                    self.atoms = atoms(data);
                }
                if self.atoms.is_empty() {
                    return Err(Fault::Unexpected { expected: "a CAPABILITY reply", line: line.text() });
                }
                CapabilityReply::List(capabilities(&self.atoms))
            }
        };
        Ok(Next::Done(reply))
    }
}

/// Sends STARTTLS (RFC 9051, section 6.2.1). Only the condition of the tagged reply counts, never its words.
struct AskStartTls(Tagged);

impl Exchange for AskStartTls {
    type Answer = StartTlsReply;

    fn opening(&self) -> Vec<u8> {
        self.0.command("STARTTLS")
    }

    fn line(&mut self, line: &Line) -> Result<Next<StartTlsReply>, Fault> {
        Ok(match self.0.line(line)? {
            Reply::Untagged(_) | Reply::Ignored => Next::More,
            Reply::Ok(_) => Next::Done(StartTlsReply::GoAhead),
            Reply::No(refusal) | Reply::Bye(refusal) => Next::Done(StartTlsReply::Refused(refusal)),
        })
    }
}

/// Sorts the lines between a command and its tagged reply; passes over literals.
struct Tagged {
    tag: String,
    /// How many bytes of a literal are still to come; the line in which it ends is part of the same reply.
    literal_left: Option<usize>,
}

enum Reply {
    /// `* data`, without the star.
    Untagged(String),
    /// Part of a literal.
    Ignored,
    /// `* BYE`
    Bye(Refusal),
    /// `tag OK text`: the text.
    Ok(String),
    /// `tag NO` or `tag BAD`
    No(Refusal),
}

impl Tagged {
    fn new(tag: String) -> Self {
        Self { tag, literal_left: None }
    }

    fn command(&self, name: &str) -> Vec<u8> {
        format!("{} {name}\r\n", self.tag).into_bytes()
    }

    fn line(&mut self, line: &Line) -> Result<Reply, Fault> {
        let raw = line.text();
        if let Some(left) = self.literal_left {
            self.literal_left = match left.checked_sub(line.size()) {
                Some(left) => Some(left),
                None => literal_size(&raw),
            };
            return Ok(Reply::Ignored);
        }
        if let Some(rest) = raw.strip_prefix('*') {
            return self.untagged(rest, &raw);
        }
        let unexpected =
            || Fault::Unexpected { expected: "a reply with the tag of the command", line: raw.clone() };
        let (tag, rest) = raw.split_once(' ').unwrap_or((&raw, ""));
        if !tag.eq_ignore_ascii_case(&self.tag) {
            return Err(unexpected());
        }
        let (condition, text) = condition(rest);
        match condition.as_str() {
            "OK" => Ok(Reply::Ok(text.to_owned())),
            "NO" => Ok(Reply::No(Refusal { temporary: later_code(text), text: raw.clone(), closing: false })),
            // A client error is never for now only (RFC 9051, section 7.1.3).
            "BAD" => Ok(Reply::No(Refusal { temporary: false, text: raw.clone(), closing: false })),
            _ => Err(unexpected()),
        }
    }

    fn untagged(&mut self, rest: &str, raw: &str) -> Result<Reply, Fault> {
        let (condition, text) = condition(rest);
        if condition == "BYE" {
            return Ok(Reply::Bye(Refusal {
                temporary: says_later(text),
                text: raw.to_owned(),
                closing: true,
            }));
        }
        // `resp-text` has no literal, whatever it ends with (RFC 9051, section 9).
        let is_status = matches!(condition.as_str(), "OK" | "NO" | "BAD" | "PREAUTH");
        if let Some(size) = literal_size(rest).filter(|_| !is_status) {
            if condition == "CAPABILITY" {
                return Err(Fault::Unexpected {
                    expected: "capabilities without a literal",
                    line: raw.to_owned(),
                });
            }
            self.literal_left = Some(size);
            return Ok(Reply::Ignored);
        }
        Ok(Reply::Untagged(rest.trim_start().to_owned()))
    }
}

/// Splits the first word, in capitals, from the text behind it.
fn condition(rest: &str) -> (String, &str) {
    let rest = rest.trim_start_matches(' ');
    let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
    (word.to_ascii_uppercase(), text.trim_start_matches(' '))
}

/// `resp-text = ["[" resp-text-code "]" SP] text`: the code without its brackets, and the text.
fn response_code(text: &str) -> (Option<&str>, &str) {
    let split = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match split {
        Some((code, words)) => (Some(code), words.trim_start()),
        None => (None, text),
    }
}

/// `capability-data = "CAPABILITY" *(SP capability)`: what stands behind the word.
fn capability_data(data: &str) -> Option<&str> {
    let (word, rest) = data.split_once(' ')?;
    word.eq_ignore_ascii_case("CAPABILITY").then_some(rest)
}

/// `literal = "{" number64 ["+"] "}" CRLF *CHAR8` at the end of a line.
fn literal_size(rest: &str) -> Option<usize> {
    let (_, number) = rest.strip_suffix('}')?.rsplit_once('{')?;
    number.trim_end_matches('+').parse().ok()
}

fn atoms(data: &str) -> Vec<String> {
    data.split_ascii_whitespace().map(str::to_owned).collect()
}

fn capabilities(atoms: &[String]) -> Capabilities {
    let mut found = bounded(atoms.iter().cloned());
    let has = |list: &[String], name: &str| list.iter().any(|atom| atom.eq_ignore_ascii_case(name));
    found.starttls = has(&found.list, "STARTTLS");
    for atom in &found.list {
        if let Some((key, name)) = atom.split_once('=')
            && key.eq_ignore_ascii_case("AUTH")
        {
            add_mechanism(&mut found.mechanisms, name);
        }
    }
    if !has(&found.list, "LOGINDISABLED") {
        add_command(&mut found.mechanisms, super::LOGIN_COMMAND);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{feed, feed_cut};
    use super::*;

    fn greeting(line: &str) -> Result<Greeting, Fault> {
        feed(Client::default().greeting(), &[line.as_bytes()]).map(|(answer, _)| answer.unwrap())
    }

    fn asked(reply: &str) -> CapabilityReply {
        feed_cut(|| Client::default().capabilities(), reply.as_bytes()).unwrap()
    }

    #[test]
    fn greetings_are_read() {
        for (line, kind, text, temporary) in [
            ("* OK Dovecot ready.\r\n", GreetingKind::Ready, "Dovecot ready.", false),
            ("* OK\r\n", GreetingKind::Ready, "", false),
            ("* ok  [CAPABILITY IMAP4rev2]  hello\n", GreetingKind::Ready, "hello", false),
            ("* PREAUTH welcome back\r\n", GreetingKind::Preauth, "welcome back", false),
            ("* BYE Too many connections\r\n", GreetingKind::Bye, "Too many connections", true),
            ("* BYE [UNAVAILABLE] down\r\n", GreetingKind::Bye, "down", true),
            ("* BYE you are not welcome\r\n", GreetingKind::Bye, "you are not welcome", false),
        ] {
            let greeting = greeting(line).unwrap();
            assert_eq!(
                (greeting.kind, greeting.text.as_str(), greeting.temporary),
                (kind, text, temporary),
                "{line}"
            );
        }
        assert!(greeting("hello\r\n").is_err());
        assert!(greeting("* 5 EXISTS\r\n").is_err());
    }

    #[test]
    fn capabilities_in_the_greeting_are_used() {
        let found = greeting("* OK [capability imap4rev1 starttls logindisabled auth=plain] hi\r\n").unwrap();
        let capabilities = found.capabilities.unwrap();
        assert_eq!(capabilities.list, ["imap4rev1", "starttls", "logindisabled", "auth=plain"]);
        assert!(capabilities.starttls);
        assert_eq!(capabilities.mechanisms, ["PLAIN"]);
    }

    #[test]
    fn capabilities_come_from_untagged_replies_and_the_tagged_code_only() {
        let reply = "* 1 EXISTS\r\n* ID (\"name\" {5}\r\nA\r\nBC \"x\" {3}\r\nabc)\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nA1 OK STARTTLS completed\r\n";
        let CapabilityReply::List(found) = asked(reply) else { panic!() };
        assert_eq!(found.list, ["IMAP4rev1", "AUTH=PLAIN"]);
        assert!(!found.starttls);
        assert_eq!(found.mechanisms, ["PLAIN", "login-command"]);
        let CapabilityReply::List(found) = asked("a1 OK [CAPABILITY IMAP4rev2 STARTTLS] done\r\n") else {
            panic!()
        };
        assert!(found.starttls);
    }

    #[test]
    fn a_bye_or_no_is_a_refusal_and_a_wrong_tag_is_a_fault() {
        let CapabilityReply::Refused(refusal) = asked("* BYE [UNAVAILABLE] later\r\n") else { panic!() };
        assert!(refusal.temporary && refusal.closing);
        let CapabilityReply::Refused(refusal) = asked("A1 BAD what\r\n") else { panic!() };
        assert!(!refusal.temporary);
        for reply in
            ["A9 OK done\r\n", "A1 OK done\r\n", "A1 MAYBE\r\n", "* CAPABILITY X {8}\r\nSTARTTLS\r\n"]
        {
            assert!(feed(Client::default().capabilities(), &[reply.as_bytes()]).is_err(), "{reply}");
        }
    }

    #[test]
    fn a_status_that_ends_in_braces_swallowed_the_dialogue() {
        for status in ["OK", "NO", "BAD", "PREAUTH"] {
            let reply = format!("* {status} notice {{2048}}\r\nA1 OK begin TLS\r\n");
            let answer = feed_cut(|| Client::default().starttls(), reply.as_bytes());
            assert_eq!(answer, Some(StartTlsReply::GoAhead), "{status}");
        }
    }

    #[test]
    fn only_the_condition_of_the_tagged_reply_to_starttls_counts() {
        for (reply, go_ahead) in [
            ("A1 OK\r\n", true),
            ("A1 ok Begin TLS\r\n", true),
            ("* OK still here\r\nA1 OK x\r\n", true),
            ("A1 NO begin tls\r\n", false),
        ] {
            let answer = feed_cut(|| Client::default().starttls(), reply.as_bytes()).unwrap();
            assert_eq!(answer == StartTlsReply::GoAhead, go_ahead, "{reply}");
        }
    }
}
