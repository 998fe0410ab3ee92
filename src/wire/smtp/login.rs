//! SMTP's sign-in (AUTH of RFC 4954) and the question whether mail may be sent from the address, which sends nothing.

use super::Reply;
use crate::settings::Protocol;
use crate::wire::login::{Found, Look, RefusedQuestion, Responder, SignIn, SignInReply};
use crate::wire::refusal::Kind;
use crate::wire::sasl::Sensitive;
use crate::wire::{Boxed, Capabilities, Exchange, Fault, Line, Next};

/// The exchange of a sign-in; SMTP has no command of its own for passwords.
pub(super) fn sign_in(how: SignIn) -> Option<Boxed<SignInReply>> {
    match how {
        SignIn::Sasl { name, client, initial } => {
            let (responder, opening, shown) = Responder::of_auth(name, client, initial, COMMAND_OCTETS);
            Some(Box::new(Auth { responder, opening, shown, reply: Reply::default() }))
        }
        SignIn::Command { .. } | SignIn::Apop { .. } => None,
    }
}

/// What comes next in looking round: MAIL FROM, and RSET behind it.
pub(super) fn look(step: usize, known: &Capabilities, sender: Option<&str>) -> Look {
    let Some(sender) = sender.filter(|_| step == 0) else { return Look::End };
    let utf8 = known.list.iter().any(|line| line.eq_ignore_ascii_case("SMTPUTF8"));
    let parameter = match (sender.is_ascii(), utf8) {
        (true, _) => "",
        (false, true) => " SMTPUTF8",
        (false, false) => return Look::End,
    };
    if sender.contains(['<', '>', '\r', '\n', '\0']) {
        return Look::End;
    }
    let command = format!("MAIL FROM:<{sender}>{parameter}\r\n");
    Look::Ask(Box::new(AskSender { command, reply: Reply::default(), accepted: false }))
}

/// `"AUTH" SP mechanism [SP initial-response] *(CRLF [base64])` (RFC 4954, section 4).
struct Auth {
    responder: Responder,
    opening: Sensitive,
    shown: usize,
    reply: Reply,
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
        if bytes.starts_with(b"334") { 4 } else { bytes.len() }
    }

    fn line(&mut self, line: &Line) -> Result<Next<SignInReply>, Fault> {
        if !self.reply.line(line)? {
            return Ok(Next::More);
        }
        let reply = std::mem::take(&mut self.reply);
        if reply.code == 235 {
            return Ok(Next::Done(self.responder.accepted(None)));
        }
        if reply.code != 334 {
            let refusal = reply.refusal("235, 334, 4xx or 5xx")?;
            return Ok(Next::Done(self.responder.refused(Protocol::Smtp, refusal.text)));
        }
        let challenge = reply.texts.last().map(String::as_str).unwrap_or_default();
        let Some(response) = self.responder.answer(challenge) else {
            return Ok(Next::Done(self.responder.broken()));
        };
        self.shown = if self.responder.is_cancelled() { response.len() } else { 0 };
        Ok(Next::Send(response))
    }
}

/// `"MAIL FROM:" Reverse-path` and `"RSET"` (RFC 5321, sections 4.1.1.2 and 4.1.1.5).
struct AskSender {
    command: String,
    reply: Reply,
    accepted: bool,
}

impl Exchange for AskSender {
    type Answer = Found;

    fn opening(&self) -> Vec<u8> {
        self.command.clone().into_bytes()
    }

    fn line(&mut self, line: &Line) -> Result<Next<Found>, Fault> {
        if !self.reply.line(line)? {
            return Ok(Next::More);
        }
        let reply = std::mem::take(&mut self.reply);
        if self.accepted {
            return Ok(Next::Done(Found::Sender(Ok(()))));
        }
        // What was refused begins no mail that would have to be taken back.
        if reply.code != 250 {
            let refusal = reply.refusal("250, 4xx or 5xx")?;
            let kind = if refusal.temporary { Kind::Temporary } else { Kind::Other };
            let refused = RefusedQuestion { question: "MAIL FROM", kind, words: refusal.text };
            return Ok(Next::Done(Found::Sender(Err(refused))));
        }
        self.accepted = true;
        Ok(Next::Send(b"RSET\r\n".to_vec()))
    }
}

/// RFC 5321, section 4.5.3.1.4; a first response that does not fit waits for the server's challenge.
const COMMAND_OCTETS: usize = 512;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::tests::{feed, feed_cut};
    use super::*;
    use crate::secret::Secret;
    use crate::wire::sasl::oauth::OAuth;
    use crate::wire::sasl::plain::Login;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    fn login() -> Boxed<SignInReply> {
        let client = Box::new(Login::new("tim", secret("x")));
        sign_in(SignIn::Sasl { name: "LOGIN", client, initial: true }).unwrap()
    }

    fn xoauth2() -> Boxed<SignInReply> {
        let client = Box::new(OAuth::xoauth2("tim", secret(&"t".repeat(600))));
        sign_in(SignIn::Sasl { name: "XOAUTH2", client, initial: true }).unwrap()
    }

    #[test]
    fn a_reply_that_is_neither_yes_nor_no_was_a_refusal_of_the_password() {
        for reply in ["250 ok\r\n", "220 mail again\r\n", "354 go on\r\n"] {
            assert!(feed(login(), &[reply.as_bytes()]).is_err(), "{reply}");
        }
    }

    #[test]
    fn login_answers_its_prompts() {
        let reply = b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 in\r\n";
        let (answer, sent) = feed(login(), &[reply]).unwrap();
        assert_eq!(login().opening(), b"AUTH LOGIN\r\n");
        assert_eq!(sent, b"dGlt\r\neA==\r\n");
        assert_eq!(answer, Some(SignInReply::Accepted { capabilities: None }));
        let answer = feed_cut(login, b"334 \r\n334\r\n535-5.7.8 no\r\n535 5.7.8 no\r\n");
        let Some(SignInReply::Refused(denial)) = answer else { panic!("{answer:?}") };
        assert_eq!((denial.kind, denial.text.as_str()), (Kind::WrongPassword, "535 5.7.8 no / 5.7.8 no"));
    }

    #[test]
    fn a_long_token_waits_for_the_challenge_and_a_refusal_is_acknowledged() {
        assert_eq!(xoauth2().opening(), b"AUTH XOAUTH2\r\n");
        let reply = b"334 \r\n334 eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6IiJ9\r\n535 5.7.8 no\r\n";
        let (answer, sent) = feed(xoauth2(), &[reply]).unwrap();
        assert!(sent.ends_with(b"AQE=\r\n\r\n"), "{}", String::from_utf8_lossy(&sent));
        let Some(SignInReply::Refused(denial)) = answer else { panic!("{answer:?}") };
        assert_eq!((denial.kind, denial.text.as_str()), (Kind::Expired, "535 5.7.8 no / 401"));
    }

    #[test]
    fn the_sender_is_asked_for_and_taken_back() {
        let ask = |sender: &str, known: &[&str]| {
            let list = known.iter().map(|&line| line.to_owned()).collect();
            look(0, &Capabilities { list, ..Capabilities::default() }, Some(sender))
        };
        let refused =
            |kind, words: &str| RefusedQuestion { question: "MAIL FROM", kind, words: words.to_owned() };
        for (reply, expected, taken_back) in [
            ("250 ok\r\n250 ok\r\n", Ok(()), "RSET\r\n"),
            ("553 5.7.1 not yours\r\n", Err(refused(Kind::Other, "553 5.7.1 not yours")), ""),
            ("451 greylisted\r\n", Err(refused(Kind::Temporary, "451 greylisted")), ""),
        ] {
            let Look::Ask(exchange) = ask("tim@example.org", &[]) else { panic!() };
            assert_eq!(exchange.opening(), b"MAIL FROM:<tim@example.org>\r\n");
            let (answer, sent) = feed(exchange, &[reply.as_bytes()]).unwrap();
            assert_eq!((answer, sent.as_slice()), (Some(Found::Sender(expected)), taken_back.as_bytes()));
        }
        let Look::Ask(exchange) = ask("tüm@example.org", &["SMTPUTF8"]) else { panic!() };
        assert!(exchange.opening().ends_with(b"> SMTPUTF8\r\n"));
        for (sender, known) in [("tüm@example.org", ""), ("a>b@example.org", "x")] {
            assert!(matches!(ask(sender, &[known]), Look::End), "{sender}");
        }
        assert!(matches!(look(0, &Capabilities::default(), None), Look::End));
        assert!(matches!(look(1, &Capabilities::default(), Some("tim@example.org")), Look::End));
    }
}
