//! The SMTP dialogue up to the sign-in: greeting, EHLO, STARTTLS, QUIT (RFC 5321, RFC 3207, RFC 4954, RFC 6409).
//!
//! Always EHLO, whatever the greeting says; HELO only after EHLO was refused for good.

mod login;

use super::injection::{Injection, Replies};
use super::line::excerpt;
use super::login::{Look, SignIn, SignInReply};
use super::{
    Boxed, Capabilities, CapabilityReply, Dialogue, Exchange, Fault, Greeting, GreetingKind, Line, Next,
    Refusal, StartTlsReply, add_mechanism, bounded, other_protocol,
};
use crate::settings::Protocol;

/// The client's side: it names itself in EHLO.
#[derive(Debug)]
pub struct Client {
    ehlo: String,
}

impl Client {
    /// A client that names itself so: a host name or an address literal (RFC 5321, section 4.1.3).
    pub fn new(ehlo: &str) -> Self {
        Self { ehlo: ehlo.to_owned() }
    }
}

impl Dialogue for Client {
    fn greeting(&self) -> Boxed<Greeting> {
        Box::new(ReadGreeting { reply: Reply::default() })
    }

    fn capabilities(&mut self) -> Boxed<CapabilityReply> {
        Box::new(AskCapabilities { name: self.ehlo.clone(), reply: Reply::default(), refused: None })
    }

    fn starttls(&mut self) -> Boxed<StartTlsReply> {
        Box::new(AskStartTls { reply: Reply::default() })
    }

    fn sign_in(&mut self, how: SignIn) -> Option<Boxed<SignInReply>> {
        login::sign_in(how)
    }

    fn look(&mut self, step: usize, known: &Capabilities, sender: Option<&str>) -> Look {
        login::look(step, known, sender)
    }

    fn injection(&mut self) -> Injection {
        Injection::new(self.starttls(), *b"NOOP\r\n", self.goodbye(), Replies::Codes)
    }

    fn goodbye(&mut self) -> Vec<u8> {
        b"QUIT\r\n".to_vec()
    }
}

struct ReadGreeting {
    reply: Reply,
}

impl Exchange for ReadGreeting {
    type Answer = Greeting;

    fn line(&mut self, line: &Line) -> Result<Next<Greeting>, Fault> {
        let whole = self.reply.line(line).map_err(|_| other_protocol(Protocol::Smtp, line))?;
        if !whole {
            return Ok(Next::More);
        }
        let kind = match self.reply.code {
            220 => GreetingKind::Ready,
            400..=499 => GreetingKind::Busy,
            500..=599 => GreetingKind::Rejected,
            _ => return Err(other_protocol(Protocol::Smtp, line)),
        };
        Ok(Next::Done(Greeting::new(kind, self.reply.texts.join("\n"), self.reply.raw())))
    }
}

/// Sends EHLO, and HELO after a permanent no (RFC 5321, section 3.2).
struct AskCapabilities {
    name: String,
    reply: Reply,
    refused: Option<String>,
}

impl Exchange for AskCapabilities {
    type Answer = CapabilityReply;

    fn opening(&self) -> Vec<u8> {
        format!("EHLO {}\r\n", self.name).into_bytes()
    }

    fn line(&mut self, line: &Line) -> Result<Next<CapabilityReply>, Fault> {
        if !self.reply.line(line)? {
            return Ok(Next::More);
        }
        let reply = std::mem::take(&mut self.reply);
        match (reply.code, &self.refused) {
            (250, None) => {
                Ok(Next::Done(CapabilityReply::List(capabilities(reply.texts.get(1..).unwrap_or_default()))))
            }
            (250, Some(words)) => {
                let notes =
                    vec![format!("EHLO was refused ({}), HELO accepted: no extensions", excerpt(words))];
                Ok(Next::Done(CapabilityReply::List(Capabilities { notes, ..Capabilities::default() })))
            }
            (500..=599, None) => {
                self.refused = Some(reply.raw());
                Ok(Next::Send(format!("HELO {}\r\n", self.name).into_bytes()))
            }
            _ => Ok(Next::Done(CapabilityReply::Refused(reply.refusal("250, 4xx or 5xx")?))),
        }
    }
}

/// Sends STARTTLS; 220 alone is the go-ahead (RFC 3207, section 4).
struct AskStartTls {
    reply: Reply,
}

impl Exchange for AskStartTls {
    type Answer = StartTlsReply;

    fn opening(&self) -> Vec<u8> {
        b"STARTTLS\r\n".to_vec()
    }

    fn line(&mut self, line: &Line) -> Result<Next<StartTlsReply>, Fault> {
        if !self.reply.line(line)? {
            return Ok(Next::More);
        }
        let answer = match self.reply.code {
            220 => StartTlsReply::GoAhead,
            _ => StartTlsReply::Refused(self.reply.refusal("220, 4xx or 5xx")?),
        };
        Ok(Next::Done(answer))
    }
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF` (RFC 5321, section 4.2).
#[derive(Default)]
struct Reply {
    code: u16,
    texts: Vec<String>,
}

impl Reply {
    /// Takes a line; true when the reply is whole.
    fn line(&mut self, line: &Line) -> Result<bool, Fault> {
        let raw = line.text();
        let unexpected = || Fault::Unexpected { expected: "an SMTP reply", line: raw.clone() };
        let code = raw
            .get(..3)
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(unexpected)?;
        self.code = code.parse().map_err(|_| unexpected())?;
        let rest = raw.get(3..).unwrap_or_default();
        let (text, more) = match rest.strip_prefix('-') {
            Some(text) => (text, true),
            None if rest.is_empty() => ("", false),
            None => (rest.strip_prefix(' ').ok_or_else(unexpected)?, false),
        };
        self.texts.push(text.trim_end().to_owned());
        Ok(!more)
    }

    fn raw(&self) -> String {
        format!("{} {}", self.code, self.texts.join(" / ")).trim_end().to_owned()
    }

    /// A no, which a reply of another kind is not (RFC 5321, section 4.2.1).
    fn refusal(&self, expected: &'static str) -> Result<Refusal, Fault> {
        match self.code {
            400..=599 => {
                Ok(Refusal { text: self.raw(), temporary: self.code < 500, closing: self.code == 421 })
            }
            _ => Err(Fault::Unexpected { expected, line: self.raw() }),
        }
    }
}

fn capabilities(lines: &[String]) -> Capabilities {
    let mut found = bounded(lines.iter().filter(|line| !line.is_empty()).cloned());
    let mut is_noted = false;
    for line in &found.list {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        let legacy = keyword.strip_prefix("AUTH=");
        if keyword == "STARTTLS" {
            found.starttls = true;
        } else if keyword == "AUTH" || legacy.is_some() {
            legacy.into_iter().chain(words).for_each(|name| add_mechanism(&mut found.mechanisms, name));
        }
        if legacy.is_some() && !std::mem::replace(&mut is_noted, true) {
            found.notes.push(format!("mechanisms are announced in the obsolete form {:?}", excerpt(line)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{feed, feed_cut};
    use super::*;

    fn client() -> Client {
        Client::new("[192.0.2.1]")
    }

    fn listed(reply: &[u8]) -> Capabilities {
        match feed_cut(|| client().capabilities(), reply) {
            Some(CapabilityReply::List(found)) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn greetings_are_read_to_their_last_line() {
        for (lines, kind, text) in [
            ("220 mail.example.org ESMTP Postfix\r\n", GreetingKind::Ready, "mail.example.org ESMTP Postfix"),
            ("220-one\r\n220-two\r\n220 three\r\n", GreetingKind::Ready, "one\ntwo\nthree"),
            ("220\r\n", GreetingKind::Ready, ""),
            ("220 \n", GreetingKind::Ready, ""),
            ("421 too many connections\r\n", GreetingKind::Busy, "too many connections"),
            ("554 no service\r\n", GreetingKind::Rejected, "no service"),
        ] {
            let found = feed_cut(|| client().greeting(), lines.as_bytes()).unwrap();
            assert_eq!((found.kind, found.text.as_str()), (kind, text), "{lines}");
        }
        assert_eq!(feed(client().greeting(), &[b"220-one\r\n"]).unwrap().0, None);
        for line in ["250 what\r\n", "hello\r\n", "2200\r\n", "22\r\n"] {
            assert!(feed(client().greeting(), &[line.as_bytes()]).is_err(), "{line}");
        }
    }

    #[test]
    fn extensions_are_read_in_any_case_and_on_the_last_line() {
        let found = listed(
            b"250-mail.example.org STARTTLS\r\n250-size 1000\r\n250-auth plain Login\r\n250 StartTLS\r\n",
        );
        assert_eq!(found.list, ["size 1000", "auth plain Login", "StartTLS"]);
        assert!(found.starttls);
        assert_eq!(found.mechanisms, ["PLAIN", "LOGIN"]);
        assert!(!listed(b"250 STARTTLS\r\n").starttls, "the first line names the server");
        assert!(listed(b"250\r\n").list.is_empty());
        assert_eq!(listed(b"250-x\r\n250-SIZE\r\n250\r\n").list, ["SIZE"]);
    }

    #[test]
    fn the_obsolete_auth_form_is_understood_and_noted() {
        let found = listed(b"250-x\r\n250-AUTH=LOGIN PLAIN\r\n250 AUTH PLAIN\r\n");
        assert_eq!(found.mechanisms, ["LOGIN", "PLAIN"]);
        assert_eq!(found.notes.len(), 1);
    }

    #[test]
    fn the_obsolete_auth_form_is_noted_once_however_often_it_stands() {
        let found = listed(format!("250-x\r\n{}250 AUTH=LOGIN\r\n", "250-AUTH=X\r\n".repeat(30)).as_bytes());
        assert_eq!((found.mechanisms.len(), found.notes.len()), (2, 1));
    }

    #[test]
    fn helo_follows_a_permanent_no_only() {
        let (answer, sent) = feed(client().capabilities(), &[b"502 no\r\n250 hello\r\n"]).unwrap();
        assert_eq!(sent, b"HELO [192.0.2.1]\r\n");
        assert!(matches!(answer, Some(CapabilityReply::List(found)) if found.list.is_empty()));
        let (answer, sent) = feed(client().capabilities(), &[b"421 later\r\n"]).unwrap();
        assert!(sent.is_empty());
        assert!(matches!(answer, Some(CapabilityReply::Refused(no)) if no.temporary && no.closing));
        let (answer, _) = feed(client().capabilities(), &[b"502 no\r\n502 no\r\n"]).unwrap();
        assert!(matches!(answer, Some(CapabilityReply::Refused(no)) if !no.temporary));
    }

    #[test]
    fn a_reply_that_is_neither_yes_nor_no_was_taken_for_a_refusal() {
        for reply in ["120 wait\r\n", "250 ok\r\n", "354 go on\r\n", "000 x\r\n", "600 x\r\n"] {
            assert!(feed(client().starttls(), &[reply.as_bytes()]).is_err(), "{reply}");
        }
        for reply in ["220 hi again\r\n", "150 wait\r\n", "354 go on\r\n", "502 no\r\n220 hi\r\n"] {
            assert!(feed(client().capabilities(), &[reply.as_bytes()]).is_err(), "{reply}");
        }
    }

    #[test]
    fn the_go_ahead_is_220_whatever_its_words() {
        for (reply, go_ahead, temporary) in [
            ("220 TLS go ahead\r\n", true, false),
            ("220\r\n", true, false),
            ("220-a\r\n220 b\r\n", true, false),
            ("454 TLS not available\r\n", false, true),
            ("502 begin tls\r\n", false, false),
        ] {
            let answer = feed_cut(|| client().starttls(), reply.as_bytes()).unwrap();
            match answer {
                StartTlsReply::GoAhead => assert!(go_ahead, "{reply}"),
                StartTlsReply::Refused(refusal) => {
                    assert_eq!((go_ahead, refusal.temporary), (false, temporary), "{reply}")
                }
            }
        }
    }
}
