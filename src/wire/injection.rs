//! A harmless command behind the one that asks for TLS, in the same segment, and what a server answers inside TLS.
//!
//! What came before the handshake must be dropped after it (RFC 3207, section 4.2; CVE-2011-0411): a server that still
//! answers the command would let anybody on the way put commands into a session that looks safe.

use super::{Boxed, Exchange, Fault, Line, Next, StartTlsReply};

/// The two exchanges of the test, the first in clear text, the second inside TLS.
pub struct Injection {
    /// Asks for TLS, with the command behind it.
    pub pair: Boxed<StartTlsReply>,
    /// Says goodbye, and looks whose reply comes.
    pub echo: Echo,
}

impl Injection {
    /// The command behind the request for TLS, and the goodbye that is said inside TLS.
    pub(super) fn new(
        starttls: Boxed<StartTlsReply>,
        command: impl Into<Vec<u8>>,
        goodbye: Vec<u8>,
        replies: Replies,
    ) -> Self {
        let pair = Pair { starttls, command: command.into() };
        Self { pair: Box::new(pair), echo: Echo { goodbye, replies, first: None } }
    }
}

/// What became of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server answers the goodbye alone.
    Dropped,
    /// The server refuses TLS or breaks the handshake off when the command stands there; in which words.
    Refused(String),
    /// The server answers the command inside TLS; the first line of its reply.
    Answered(String),
}

/// How the reply to the command is told from the one to the goodbye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Replies {
    /// IMAP: by their tags.
    Tagged {
        /// That of the command.
        command: String,
        /// That of the goodbye.
        goodbye: String,
    },
    /// SMTP: 221 answers QUIT alone.
    Codes,
    /// POP3: one line answers QUIT, and then the server closes.
    Count,
}

/// Sends two commands at once and reads the reply to the first.
struct Pair {
    starttls: Boxed<StartTlsReply>,
    command: Vec<u8>,
}

impl Exchange for Pair {
    type Answer = StartTlsReply;

    fn opening(&self) -> Vec<u8> {
        [self.starttls.opening(), self.command.clone()].concat()
    }

    fn line(&mut self, line: &Line) -> Result<Next<StartTlsReply>, Fault> {
        self.starttls.line(line)
    }
}

/// Sends the goodbye and reads on until it is clear what was answered.
pub struct Echo {
    goodbye: Vec<u8>,
    replies: Replies,
    first: Option<String>,
}

impl Echo {
    /// What the end of the connection says, when it came before the answer.
    pub fn at_end(&self) -> Option<Fate> {
        (self.replies == Replies::Count && self.is_farewell()).then_some(Fate::Dropped)
    }

    /// True when what came first may be the answer to the goodbye.
    fn is_farewell(&self) -> bool {
        let first = self.first.as_ref().and_then(|first| first.get(..3));
        first.is_some_and(|start| start.eq_ignore_ascii_case("+OK"))
    }

    /// What is no reply of the protocol answers nothing; lines behind a first one may say anything.
    fn check(&self, raw: &str) -> Result<(), Fault> {
        let starts = |word: &str| raw.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let digits = raw.bytes().take(3).filter(u8::is_ascii_digit).count();
        let (is_reply, expected) = match self.replies {
            Replies::Tagged { .. } => return Ok(()),
            // A server says 421 when it closes, whatever it was asked (RFC 5321, section 3.8).
            Replies::Codes if raw.starts_with("421") => (false, "a reply to QUIT"),
            Replies::Codes => (digits == 3, "an SMTP reply"),
            // The list that answers CAPA ends with a dot: of two status lines the first may be a second greeting.
            Replies::Count if self.is_farewell() => (!starts("+OK") && !starts("-ERR"), "one reply to QUIT"),
            Replies::Count => (self.first.is_some() || starts("+OK") || starts("-ERR"), "+OK or -ERR"),
        };
        if is_reply { Ok(()) } else { Err(Fault::Unexpected { expected, line: raw.to_owned() }) }
    }

    fn answered(&self, raw: String) -> Fate {
        Fate::Answered(self.first.clone().unwrap_or(raw))
    }

    fn tagged(raw: String, command: &str, goodbye: &str) -> Next<Fate> {
        let tag = raw.split(' ').next().unwrap_or_default();
        if tag.eq_ignore_ascii_case(command) {
            return Next::Done(Fate::Answered(raw));
        }
        if tag.eq_ignore_ascii_case(goodbye) { Next::Done(Fate::Dropped) } else { Next::More }
    }
}

impl Exchange for Echo {
    type Answer = Fate;

    fn opening(&self) -> Vec<u8> {
        self.goodbye.clone()
    }

    fn line(&mut self, line: &Line) -> Result<Next<Fate>, Fault> {
        let raw = line.text();
        self.check(&raw)?;
        Ok(match &self.replies {
            Replies::Tagged { command, goodbye } => Self::tagged(raw, command, goodbye),
            // A greeting answers no command, wherever it stands.
            Replies::Codes if raw.starts_with("220") => Next::More,
            // A line with a hyphen behind its code goes on.
            Replies::Codes if raw.get(3..4) == Some("-") => {
                self.first.get_or_insert(raw);
                Next::More
            }
            Replies::Codes if raw.starts_with("221") => Next::Done(match self.first.take() {
                Some(first) if !first.starts_with("221") => Fate::Answered(first),
                _ => Fate::Dropped,
            }),
            Replies::Codes => {
                self.first.get_or_insert(raw);
                Next::More
            }
            Replies::Count if self.first.is_none() => {
                self.first = Some(raw);
                Next::More
            }
            Replies::Count => Next::Done(self.answered(raw)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{feed, feed_cut};
    use super::*;
    use crate::settings::Protocol::{self, Imap, Pop3, Smtp};
    use crate::wire::dialogue;

    fn injection(protocol: Protocol) -> Injection {
        dialogue(protocol, "[192.0.2.1]").injection()
    }

    #[test]
    fn the_command_stands_in_the_segment_of_the_request_and_the_goodbye_is_apart() {
        for (protocol, pair, goodbye) in [
            (Imap, "A1 STARTTLS\r\nA2 NOOP\r\n", "A3 LOGOUT\r\n"),
            (Pop3, "STLS\r\nCAPA\r\n", "QUIT\r\n"),
            (Smtp, "STARTTLS\r\nNOOP\r\n", "QUIT\r\n"),
        ] {
            let injection = injection(protocol);
            assert_eq!(String::from_utf8(injection.pair.opening()).unwrap(), pair);
            assert_eq!(String::from_utf8(injection.echo.opening()).unwrap(), goodbye);
        }
    }

    #[test]
    fn a_reply_to_the_command_is_told_from_the_one_to_the_goodbye() {
        let answered = |line: &str| Some(Fate::Answered(line.to_owned()));
        for (protocol, reply, fate) in [
            (Imap, "* BYE bye\r\nA3 OK done\r\n", Some(Fate::Dropped)),
            (Imap, "A2 OK NOOP done\r\n* BYE bye\r\nA3 OK done\r\n", answered("A2 OK NOOP done")),
            (Imap, "A2 BAD what?\r\n", answered("A2 BAD what?")),
            (Imap, "* BYE bye\r\n", None),
            (Smtp, "221 bye\r\n", Some(Fate::Dropped)),
            (Smtp, "221-so\r\n221 long\r\n", Some(Fate::Dropped)),
            (Smtp, "220 mail again\r\n221 bye\r\n", Some(Fate::Dropped)),
            (Smtp, "250 2.0.0 Ok\r\n221 bye\r\n", answered("250 2.0.0 Ok")),
            (Smtp, "503-first\r\n503 EHLO\r\n221 bye\r\n", answered("503-first")),
            (Pop3, "+OK bye\r\n", None),
            (Pop3, "+OK\r\nUSER\r\n.\r\n+OK bye\r\n", answered("+OK")),
            (Pop3, "+OK\r\n.\r\n+OK bye\r\n", answered("+OK")),
            (Pop3, "-ERR what?\r\n+OK bye\r\n", answered("-ERR what?")),
        ] {
            let found = feed_cut(|| Box::new(injection(protocol).echo), reply.as_bytes());
            assert_eq!(found, fate, "{reply}");
        }
    }

    #[test]
    fn what_is_no_reply_was_taken_for_an_answer_to_the_command() {
        for (protocol, line) in [(Pop3, "x garbage"), (Smtp, "x garbage")] {
            let mut echo = injection(protocol).echo;
            let line = Line { bytes: line.as_bytes().to_vec(), bare_lf: false };
            assert!(matches!(echo.line(&line), Err(Fault::Unexpected { .. })), "{protocol}");
        }
    }

    #[test]
    fn a_second_greeting_or_a_421_was_taken_for_an_answer_to_the_command() {
        for (protocol, reply) in [
            (Pop3, "+OK POP3 ready\r\n+OK bye\r\n"),
            (Pop3, "+OK POP3 ready\r\n-ERR what?\r\n"),
            (Smtp, "421 closing\r\n221 bye\r\n"),
            (Smtp, "421-too slow\r\n421 closing\r\n"),
        ] {
            let read = feed(Box::new(injection(protocol).echo), &[reply.as_bytes()]);
            assert!(matches!(read, Err(Fault::Unexpected { .. })), "{reply}: {read:?}");
        }
    }

    #[test]
    fn one_farewell_of_pop3_and_then_the_end_is_the_answer_to_the_goodbye() {
        for (reply, fate) in [("+OK bye", Some(Fate::Dropped)), ("-ERR what?", None)] {
            let mut echo = injection(Pop3).echo;
            assert_eq!(echo.at_end(), None);
            let line = Line { bytes: reply.as_bytes().to_vec(), bare_lf: false };
            assert_eq!(echo.line(&line).unwrap(), Next::More);
            assert_eq!(echo.at_end(), fate, "{reply}");
        }
        assert_eq!(injection(Imap).echo.at_end(), None);
    }
}
