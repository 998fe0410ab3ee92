//! The POP3 dialogue up to the sign-in: greeting, CAPA, STLS, QUIT (RFC 1939, RFC 2449, RFC 2595).

mod login;

use super::injection::{Injection, Replies};
use super::login::{Look, SignIn, SignInReply};
use super::{
    Boxed, Capabilities, CapabilityReply, Dialogue, Exchange, Fault, Greeting, GreetingKind, Line, Next,
    Refusal, StartTlsReply, add_command, add_mechanism, bounded, later_code, other_protocol, says_later,
};
use crate::settings::Protocol;

/// The client's side.
#[derive(Debug)]
pub struct Client;

impl Dialogue for Client {
    fn greeting(&self) -> Boxed<Greeting> {
        Box::new(ReadGreeting)
    }

    fn capabilities(&mut self) -> Boxed<CapabilityReply> {
        Box::new(AskCapabilities { lines: None })
    }

    fn starttls(&mut self) -> Boxed<StartTlsReply> {
        Box::new(AskStartTls)
    }

    fn sign_in(&mut self, how: SignIn) -> Option<Boxed<SignInReply>> {
        login::sign_in(how)
    }

    fn look(&mut self, step: usize, known: &Capabilities, _sender: Option<&str>) -> Look {
        login::look(step, known)
    }

    fn injection(&mut self) -> Injection {
        Injection::new(self.starttls(), *b"CAPA\r\n", self.goodbye(), Replies::Count)
    }

    fn goodbye(&mut self) -> Vec<u8> {
        b"QUIT\r\n".to_vec()
    }
}

/// `greeting = "+OK" [SP *CHAR] *CHAR ["<" local "@" domain ">"] CRLF` (RFC 1939, sections 4 and 7).
struct ReadGreeting;

impl Exchange for ReadGreeting {
    type Answer = Greeting;

    fn line(&mut self, line: &Line) -> Result<Next<Greeting>, Fault> {
        let raw = line.text();
        let greeting = match status(&raw) {
            Some((true, text)) => {
                let mut greeting = Greeting::new(GreetingKind::Ready, text, raw.as_str());
                greeting.apop = stamp(text).is_some();
                greeting
            }
            Some((false, text)) => {
                let kind = if says_later(text) { GreetingKind::Busy } else { GreetingKind::Rejected };
                Greeting::new(kind, text, raw.as_str())
            }
            None => return Err(other_protocol(Protocol::Pop3, line)),
        };
        Ok(Next::Done(greeting))
    }
}

/// Sends CAPA (RFC 2449, section 5): `+OK`, lines, and a line that is just a dot; `-ERR` when it is not known.
struct AskCapabilities {
    lines: Option<Vec<String>>,
}

impl Exchange for AskCapabilities {
    type Answer = CapabilityReply;

    fn opening(&self) -> Vec<u8> {
        b"CAPA\r\n".to_vec()
    }

    fn line(&mut self, line: &Line) -> Result<Next<CapabilityReply>, Fault> {
        let raw = line.text();
        let Some(lines) = &mut self.lines else {
            return match status(&raw) {
                Some((true, _)) => {
                    self.lines = Some(Vec::new());
                    Ok(Next::More)
                }
                Some((false, text)) if later_code(text) => {
                    let refusal = Refusal { text: raw.clone(), temporary: true, closing: false };
                    Ok(Next::Done(CapabilityReply::Refused(refusal)))
                }
                Some((false, _)) => Ok(Next::Done(CapabilityReply::Unsupported(raw))),
                None => Err(unexpected(raw)),
            };
        };
        if raw == "." {
            return Ok(Next::Done(CapabilityReply::List(capabilities(lines))));
        }
        lines.push(raw.strip_prefix('.').unwrap_or(&raw).to_owned());
        Ok(Next::More)
    }
}

/// Sends STLS (RFC 2595, section 4).
struct AskStartTls;

impl Exchange for AskStartTls {
    type Answer = StartTlsReply;

    fn opening(&self) -> Vec<u8> {
        b"STLS\r\n".to_vec()
    }

    fn line(&mut self, line: &Line) -> Result<Next<StartTlsReply>, Fault> {
        let raw = line.text();
        match status(&raw) {
            Some((true, _)) => Ok(Next::Done(StartTlsReply::GoAhead)),
            Some((false, text)) => {
                let refusal = Refusal { temporary: later_code(text), text: raw.clone(), closing: false };
                Ok(Next::Done(StartTlsReply::Refused(refusal)))
            }
            None => Err(unexpected(raw)),
        }
    }
}

/// `status = ("+OK" / "-ERR") [SP text]`: whether it is `+OK`, and the text.
fn status(raw: &str) -> Option<(bool, &str)> {
    let (word, text) = raw.split_once(' ').unwrap_or((raw, ""));
    if word.eq_ignore_ascii_case("+OK") {
        return Some((true, text.trim_start()));
    }
    word.eq_ignore_ascii_case("-ERR").then(|| (false, text.trim_start()))
}

fn unexpected(line: String) -> Fault {
    Fault::Unexpected { expected: "+OK or -ERR", line }
}

/// The APOP stamp of a greeting, with its brackets: a message id, `<`, something, `@`, something, `>`.
pub fn stamp(text: &str) -> Option<&str> {
    // Piece by piece: a greeting of brackets must not be read as often as it has some.
    text.split_inclusive('>').find_map(|piece| {
        let stamp = piece.get(piece.rfind('<')?..).filter(|stamp| stamp.ends_with('>'))?;
        let (left, right) = stamp.strip_prefix('<')?.strip_suffix('>')?.split_once('@')?;
        (!left.is_empty() && !right.is_empty() && !left.contains(' ')).then_some(stamp)
    })
}

fn capabilities(lines: &[String]) -> Capabilities {
    let mut found = bounded(lines.iter().cloned());
    for line in &found.list {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "STLS" => found.starttls = true,
            "SASL" => words.for_each(|name| add_mechanism(&mut found.mechanisms, name)),
            "USER" => add_command(&mut found.mechanisms, super::USER_PASS),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{feed, feed_cut};
    use super::*;

    fn greeting(line: &str) -> Greeting {
        feed(Client.greeting(), &[line.as_bytes()]).unwrap().0.unwrap()
    }

    #[test]
    fn a_greeting_of_brackets_was_read_as_often_as_it_had_some() {
        let brackets = format!("+OK {}>\r\n", "<".repeat(65_000));
        let began = std::time::Instant::now();
        for _ in 0..100 {
            assert!(!greeting(&brackets).apop);
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(stamp("hello <a <1.2@x> y>"), Some("<1.2@x>"));
        assert_eq!(stamp("<no stamp> <1.2@x>"), Some("<1.2@x>"));
    }

    #[test]
    fn greetings_are_read() {
        for (line, kind, text) in [
            ("+OK Dovecot ready.\r\n", GreetingKind::Ready, "Dovecot ready."),
            ("+OK\r\n", GreetingKind::Ready, ""),
            ("+ok x\n", GreetingKind::Ready, "x"),
            ("-ERR [SYS/TEMP] not now\r\n", GreetingKind::Busy, "[SYS/TEMP] not now"),
            ("-ERR go away\r\n", GreetingKind::Rejected, "go away"),
            ("-ERR needs TLS 1.2 or later\r\n", GreetingKind::Rejected, "needs TLS 1.2 or later"),
        ] {
            let found = greeting(line);
            assert_eq!((found.kind, found.text.as_str()), (kind, text), "{line}");
        }
    }

    #[test]
    fn an_apop_stamp_has_an_at_sign() {
        for (line, apop) in [
            ("+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n", true),
            ("+OK <b> ready <1@x> more\r\n", true),
            ("+OK Dovecot <ready>\r\n", false),
            ("+OK <@>\r\n", false),
            ("+OK a@b\r\n", false),
        ] {
            assert_eq!(greeting(line).apop, apop, "{line}");
        }
    }

    #[test]
    fn a_capa_reply_ends_with_a_line_that_is_a_dot() {
        let reply = b"+OK\r\nCAPA\r\nIMPLEMENTATION Dovecot 2.3.16\r\n..dot\r\nuser\r\nSASL PLAIN login\r\nSTLS\r\n.\r\n";
        let Some(CapabilityReply::List(found)) = feed_cut(|| Client.capabilities(), reply) else { panic!() };
        assert_eq!(
            found.list,
            ["CAPA", "IMPLEMENTATION Dovecot 2.3.16", ".dot", "user", "SASL PLAIN login", "STLS"]
        );
        assert!(found.starttls);
        assert_eq!(found.mechanisms, ["user-pass", "PLAIN", "LOGIN"]);
        assert_eq!(feed(Client.capabilities(), &[b"+OK\r\nUSER\r\n"]).unwrap().0, None);
    }

    #[test]
    fn a_server_without_capa_says_so() {
        let reply = feed_cut(|| Client.capabilities(), b"-ERR unknown command\r\n");
        assert_eq!(reply, Some(CapabilityReply::Unsupported("-ERR unknown command".to_owned())));
        assert!(matches!(
            feed_cut(|| Client.capabilities(), b"-ERR command unavailable, try later\r\n"),
            Some(CapabilityReply::Unsupported(_))
        ));
        assert!(feed(Client.capabilities(), &[b"250 what\r\n"]).is_err());
    }

    #[test]
    fn stls_is_accepted_by_its_status_alone() {
        for (reply, go_ahead) in [("+OK\r\n", true), ("+OK no idea\r\n", true), ("-ERR begin TLS\r\n", false)]
        {
            let answer = feed_cut(|| Client.starttls(), reply.as_bytes()).unwrap();
            assert_eq!(answer == StartTlsReply::GoAhead, go_ahead, "{reply}");
        }
    }
}
