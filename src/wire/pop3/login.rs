//! POP3's sign-in (AUTH of RFC 5034, USER and PASS, APOP) and what is asked afterwards.

use zeroize::Zeroizing;

use super::{AskCapabilities, status, unexpected};
use crate::settings::Protocol;
use crate::wire::login::{Denial, Found, Look, Responder, SignIn, SignInReply, refused};
use crate::wire::sasl::Sensitive;
use crate::wire::{Boxed, Capabilities, CapabilityReply, Exchange, Fault, Line, Next, later_code};

/// The exchange of a sign-in.
pub(super) fn sign_in(how: SignIn) -> Option<Boxed<SignInReply>> {
    Some(match how {
        SignIn::Sasl { name, client, initial } => {
            let (responder, opening, shown) = Responder::of_auth(name, client, initial, COMMAND_OCTETS);
            Box::new(Auth { responder, opening, shown })
        }
        SignIn::Command { username, password } => {
            let password = [b"PASS ".as_slice(), password.expose(), b"\r\n"].concat();
            let opening = Zeroizing::new(format!("USER {username}\r\n").into_bytes());
            let shown = opening.len();
            Box::new(Commands { opening, shown, password: Some(Zeroizing::new(password)) })
        }
        SignIn::Apop { username, digest } => {
            let command = format!("APOP {username} ");
            let opening = Zeroizing::new(format!("{command}{}\r\n", digest.as_str()).into_bytes());
            Box::new(Commands { opening, shown: command.len(), password: None })
        }
    })
}

/// What comes next in looking round: CAPA, STAT, UIDL.
pub(super) fn look(step: usize, known: &Capabilities) -> Look {
    match step {
        0 if known.list.is_empty() => Look::Pass,
        0 => Look::Ask(Box::new(AskAgain(AskCapabilities { lines: None }))),
        1 => Look::Ask(Box::new(AskStat)),
        2 => Look::Ask(Box::new(AskUniqueIds { command: "UIDL 1", listing: false })),
        _ => Look::End,
    }
}

/// `"AUTH" SP mechanism [SP initial-response] *(CRLF [base64])` (RFC 5034, section 4).
struct Auth {
    responder: Responder,
    opening: Sensitive,
    shown: usize,
}

impl Exchange for Auth {
    type Answer = SignInReply;

    fn opening(&self) -> Vec<u8> {
        self.opening.to_vec()
    }

    fn public_sent(&self, _bytes: &[u8]) -> usize {
        self.shown
    }

    fn public_heard(&self, bytes: &[u8]) -> usize {
        if bytes.starts_with(b"+ ") { 2 } else { bytes.len() }
    }

    fn line(&mut self, line: &Line) -> Result<Next<SignInReply>, Fault> {
        let raw = line.text();
        match status(&raw) {
            Some((true, _)) => Ok(Next::Done(self.responder.accepted(None))),
            Some((false, _)) => Ok(Next::Done(self.responder.refused(Protocol::Pop3, raw))),
            None => {
                let challenge = raw.strip_prefix('+').ok_or_else(|| unexpected(raw.clone()))?;
                let Some(response) = self.responder.answer(challenge) else {
                    return Ok(Next::Done(self.responder.broken()));
                };
                self.shown = if self.responder.is_cancelled() { response.len() } else { 0 };
                Ok(Next::Send(response))
            }
        }
    }
}

/// USER and PASS, or APOP: commands that are answered by a status alone (RFC 1939, section 7).
struct Commands {
    opening: Sensitive,
    shown: usize,
    /// The line with the password, until it is sent.
    password: Option<Sensitive>,
}

impl Exchange for Commands {
    type Answer = SignInReply;

    fn opening(&self) -> Vec<u8> {
        self.opening.to_vec()
    }

    fn public_sent(&self, _bytes: &[u8]) -> usize {
        self.shown
    }

    fn line(&mut self, line: &Line) -> Result<Next<SignInReply>, Fault> {
        let raw = line.text();
        let (accepted, _) = status(&raw).ok_or_else(|| unexpected(raw.clone()))?;
        if !accepted {
            return Ok(Next::Done(SignInReply::Refused(Denial::new(Protocol::Pop3, raw))));
        }
        match self.password.take() {
            Some(line) => {
                self.shown = "PASS ".len();
                Ok(Next::Send(line.to_vec()))
            }
            None => Ok(Next::Done(SignInReply::Accepted { capabilities: None })),
        }
    }
}

/// CAPA again: EXPIRE and LOGIN-DELAY may be the user's own now (RFC 2449, section 6).
struct AskAgain(AskCapabilities);

impl Exchange for AskAgain {
    type Answer = Found;

    fn opening(&self) -> Vec<u8> {
        self.0.opening()
    }

    fn line(&mut self, line: &Line) -> Result<Next<Found>, Fault> {
        Ok(match self.0.line(line)? {
            Next::More => Next::More,
            Next::Send(bytes) => Next::Send(bytes),
            Next::Done(CapabilityReply::List(listed)) => Next::Done(Found::Capabilities(listed)),
            Next::Done(CapabilityReply::Unsupported(words)) => {
                Next::Done(refused(Protocol::Pop3, "CAPA", &words))
            }
            Next::Done(CapabilityReply::Refused(no)) => Next::Done(refused(Protocol::Pop3, "CAPA", &no.text)),
        })
    }
}

/// `"+OK" SP messages SP octets` (RFC 1939, section 5).
struct AskStat;

impl Exchange for AskStat {
    type Answer = Found;

    fn opening(&self) -> Vec<u8> {
        b"STAT\r\n".to_vec()
    }

    fn line(&mut self, line: &Line) -> Result<Next<Found>, Fault> {
        let raw = line.text();
        let (known, text) = status(&raw).ok_or_else(|| unexpected(raw.clone()))?;
        if !known {
            return Ok(Next::Done(refused(Protocol::Pop3, "STAT", &raw)));
        }
        let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(messages), Some(octets)) => Ok(Next::Done(Found::Mailbox(messages, octets))),
            _ => Err(Fault::Unexpected { expected: "the number of messages and their octets", line: raw }),
        }
    }
}

/// UIDL of the first message, and of all when there is none: then the list is empty (RFC 1939, section 7).
struct AskUniqueIds {
    command: &'static str,
    listing: bool,
}

impl Exchange for AskUniqueIds {
    type Answer = Found;

    fn opening(&self) -> Vec<u8> {
        format!("{}\r\n", self.command).into_bytes()
    }

    fn line(&mut self, line: &Line) -> Result<Next<Found>, Fault> {
        let raw = line.text();
        if self.listing {
            return Ok(if raw == "." { Next::Done(Found::UniqueIds(true)) } else { Next::More });
        }
        let (known, text) = status(&raw).ok_or_else(|| unexpected(raw.clone()))?;
        Ok(match (known, self.command) {
            (true, "UIDL 1") => Next::Done(Found::UniqueIds(text.split_ascii_whitespace().count() >= 2)),
            (true, _) => {
                self.listing = true;
                Next::More
            }
            (false, "UIDL 1") => {
                self.command = "UIDL";
                Next::Send(self.opening())
            }
            // "Later" is not "never".
            (false, _) if later_code(text) => Next::Done(refused(Protocol::Pop3, "UIDL", &raw)),
            (false, _) => Next::Done(Found::UniqueIds(false)),
        })
    }
}

/// RFC 5034, section 4, keeps a command to 255 octets; what does not fit waits for the server's challenge.
const COMMAND_OCTETS: usize = 255;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::tests::{feed, feed_cut};
    use super::*;
    use crate::secret::Secret;
    use crate::wire::refusal::Kind;
    use crate::wire::sasl::plain::Plain;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    fn plain(password: &str) -> Boxed<SignInReply> {
        let client = Box::new(Plain::new("tim", secret(password)));
        sign_in(SignIn::Sasl { name: "PLAIN", client, initial: true }).unwrap()
    }

    fn user_and_pass() -> Boxed<SignInReply> {
        sign_in(SignIn::Command { username: "tim".to_owned(), password: secret("a b") }).unwrap()
    }

    fn found(step: usize, reply: &str) -> (Found, String) {
        let Look::Ask(exchange) =
            look(step, &Capabilities { list: vec!["UIDL".to_owned()], ..Capabilities::default() })
        else {
            panic!("{step}")
        };
        let (answer, sent) = feed(exchange, &[reply.as_bytes()]).unwrap();
        (answer.unwrap(), String::from_utf8(sent).unwrap())
    }

    #[test]
    fn a_first_response_goes_with_auth_when_the_command_stays_short() {
        assert_eq!(plain("x").opening(), b"AUTH PLAIN AHRpbQB4\r\n");
        assert_eq!(plain("x").public_sent(b""), "AUTH PLAIN ".len());
        let long = "x".repeat(300);
        assert_eq!(plain(&long).opening(), b"AUTH PLAIN\r\n");
        let (answer, sent) = feed(plain(&long), &[b"+ \r\n+OK in\r\n"]).unwrap();
        assert!(sent.starts_with(b"AHRpbQB4eHh4") && sent.ends_with(b"\r\n"));
        assert_eq!(answer, Some(SignInReply::Accepted { capabilities: None }));
    }

    #[test]
    fn the_password_follows_an_accepted_user() {
        let exchange = user_and_pass();
        assert_eq!(exchange.opening(), b"USER tim\r\n");
        let (answer, sent) = feed(user_and_pass(), &[b"+OK\r\n+OK in\r\n"]).unwrap();
        assert_eq!(sent, b"PASS a b\r\n");
        assert_eq!(answer, Some(SignInReply::Accepted { capabilities: None }));
        let answer = feed_cut(user_and_pass, b"+OK\r\n-ERR [AUTH] no\r\n");
        assert!(matches!(answer, Some(SignInReply::Refused(Denial { kind: Kind::WrongPassword, .. }))));
        let (answer, sent) = feed(user_and_pass(), &[b"-ERR [SYS/TEMP] later\r\n"]).unwrap();
        assert!(sent.is_empty());
        assert!(matches!(answer, Some(SignInReply::Refused(Denial { kind: Kind::Temporary, .. }))));
        assert!(feed(user_and_pass(), &[b"* OK\r\n"]).is_err());
    }

    #[test]
    fn apop_hides_its_digest() {
        let exchange =
            sign_in(SignIn::Apop { username: "tim".to_owned(), digest: "c4c9".to_owned().into() }).unwrap();
        let opening = exchange.opening();
        assert_eq!(opening, b"APOP tim c4c9\r\n");
        assert_eq!(&opening[..exchange.public_sent(&opening)], b"APOP tim ");
    }

    #[test]
    fn looking_round_reads_sizes_ids_and_delays() {
        assert_eq!(found(1, "+OK 3 120 more\r\n").0, Found::Mailbox(3, 120));
        let Look::Ask(stat) = look(1, &Capabilities::default()) else { panic!() };
        assert!(matches!(feed(stat, &[b"+OK many\r\n"]), Err(Fault::Unexpected { .. })), "it was a refusal");
        assert_eq!(found(2, "+OK 1 whqtswO00WBw418f9t5JxYwZ\r\n").0, Found::UniqueIds(true));
        assert_eq!(
            found(2, "-ERR no such message\r\n+OK\r\n.\r\n"),
            (Found::UniqueIds(true), "UIDL\r\n".to_owned())
        );
        assert_eq!(found(2, "-ERR what\r\n-ERR what\r\n").0, Found::UniqueIds(false));
        let (later, _) = found(2, "-ERR what\r\n-ERR [SYS/TEMP] later\r\n");
        assert!(
            matches!(later, Found::Refused(refused) if refused.kind == Kind::Temporary),
            "it was: no unique ids"
        );
        let (Found::Capabilities(listed), _) = found(0, "+OK\r\nEXPIRE 60\r\nLOGIN-DELAY 300\r\n.\r\n")
        else {
            panic!()
        };
        let mut account = crate::wire::login::Account::default();
        account.add(Found::Capabilities(listed));
        assert_eq!((account.expire.as_deref(), account.login_delay), (Some("60"), Some(300)));
    }
}
