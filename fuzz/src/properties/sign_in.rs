//! What a server may say to somebody who signs in: no panic, bounded answers, the same however it is cut, and no sign-in
//! that the server did not prove.

use std::sync::Arc;

use mailcfg::secret::Secret;
use mailcfg::wire::line::{REPLY_LINES, Splitter};
use mailcfg::wire::login::{Look, SignIn};
use mailcfg::wire::sasl::hash::CramMd5;
use mailcfg::wire::sasl::oauth::OAuth;
use mailcfg::wire::sasl::plain::{Login, Plain};
use mailcfg::wire::sasl::scram::{Binding, Hash, Scram};
use mailcfg::wire::sasl::{Client, External};
use mailcfg::wire::{Boxed, Capabilities, Dialogue, Next, dialogue};

use super::{protocol, same_when_cut};

/// Challenges, one a line, to the mechanism that the first byte names. `NONCE` stands for the client's own.
pub fn sasl(bytes: &[u8]) {
    let Some((choice, script)) = bytes.split_first() else { return };
    let mut client = client(*choice);
    let first =
        client.initial().map(|first| String::from_utf8_lossy(&first).into_owned()).unwrap_or_default();
    let nonce = first.rsplit_once("r=").map(|(_, nonce)| nonce.to_owned()).unwrap_or_default();
    for challenge in script.split(|byte| *byte == b'\n').take(CHALLENGES) {
        let challenge = String::from_utf8_lossy(challenge).replace("NONCE", &nonce);
        if asks_for_much(&challenge) {
            return;
        }
        match client.respond(Some(challenge.as_bytes())) {
            Ok(response) => assert!(response.len() <= RESPONSE, "{} bytes", response.len()),
            Err(violation) => return assert!(!violation.to_string().is_empty()),
        }
    }
    assert!(!is_scram(*choice) || client.verify().is_err(), "nobody proved that he knows the password");
}

fn is_scram(choice: u8) -> bool {
    choice % KINDS < 3
}

fn client(choice: u8) -> Box<dyn Client> {
    let secret = Arc::new(Secret::new(b"pencil".to_vec()));
    let scram =
        |hash, binding, secret| Scram::new(hash, "user", secret, binding).expect("there are random numbers");
    match choice % KINDS {
        0 => Box::new(scram(Hash::Sha256, Binding::No, secret)),
        1 => Box::new(scram(Hash::Sha1, Binding::No, secret)),
        2 => Box::new(scram(Hash::Sha256, Binding::Bound("tls-exporter", b"binding".to_vec()), secret)),
        3 => Box::new(CramMd5::new("user", secret)),
        4 => Box::new(Login::new("user", secret)),
        5 => Box::new(OAuth::bearer("user", "mail.example.org", 993, secret)),
        6 => Box::new(OAuth::xoauth2("user", secret)),
        7 => Box::new(Plain::new("user", secret)),
        _ => Box::new(External::new("user")),
    }
}

/// More iterations than a fuzzer has patience for; that there is a limit is tested elsewhere.
fn asks_for_much(challenge: &str) -> bool {
    challenge.split("i=").skip(1).any(|rest| rest.bytes().take_while(u8::is_ascii_digit).count() > 4)
}

/// A server's replies to a sign-in and to the questions after it; the first byte says to which.
pub fn login(bytes: &[u8]) {
    let Some((choice, script)) = bytes.split_first() else { return };
    let whole = said(*choice, &[script]);
    same_when_cut(script, &whole, |pieces| said(*choice, pieces));
}

/// A sign-in and a look round, with one server's bytes.
struct Visit {
    dialogue: Box<dyn Dialogue>,
    splitter: Splitter,
    said: Vec<String>,
    look: usize,
}

fn said(choice: u8, pieces: &[&[u8]]) -> Vec<String> {
    let mut visit = Visit {
        dialogue: dialogue(protocol(choice), "[192.0.2.1]"),
        splitter: Splitter::default(),
        said: Vec::new(),
        look: 0,
    };
    let mut step = match visit.dialogue.sign_in(how(choice / 3)) {
        Some(exchange) => Step::SignIn(exchange),
        None => return visit.said,
    };
    for piece in pieces {
        visit.splitter.push(piece);
        loop {
            let line = match visit.splitter.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(fault) => {
                    visit.said.push(fault.to_string());
                    return visit.said;
                }
            };
            let next = match &mut step {
                Step::SignIn(exchange) => exchange.line(&line).map(words),
                Step::Look(exchange) => exchange.line(&line).map(words),
            };
            match next {
                Ok(Next::More) => {}
                Ok(Next::Send(bytes)) => visit.said.push(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(Next::Done(answer)) => {
                    visit.said.push(answer);
                    visit.splitter.begin_reply(REPLY_LINES);
                    match visit.next_look() {
                        Some(exchange) => step = Step::Look(exchange),
                        None => return visit.said,
                    }
                }
                Err(fault) => {
                    visit.said.push(fault.to_string());
                    return visit.said;
                }
            }
        }
    }
    visit.said
}

enum Step {
    SignIn(Boxed<mailcfg::wire::login::SignInReply>),
    Look(Boxed<mailcfg::wire::login::Found>),
}

fn words<T: std::fmt::Debug>(next: Next<T>) -> Next<String> {
    match next {
        Next::More => Next::More,
        Next::Send(bytes) => Next::Send(bytes),
        Next::Done(answer) => {
            let words = format!("{answer:?}");
            assert!(words.len() <= ANSWER, "{} bytes", words.len());
            Next::Done(words)
        }
    }
}

impl Visit {
    fn next_look(&mut self) -> Option<Boxed<mailcfg::wire::login::Found>> {
        let list = ["NAMESPACE", "SPECIAL-USE", "LIST-EXTENDED", "QUOTA", "UIDL", "USER"]
            .map(str::to_owned)
            .to_vec();
        let known = Capabilities { list, ..Capabilities::default() };
        loop {
            let look = self.dialogue.look(self.look, &known, Some("user@example.org"));
            self.look += 1;
            match look {
                Look::Ask(exchange) => return Some(exchange),
                Look::Pass => {}
                Look::End => return None,
            }
        }
    }
}

/// Without random numbers, so that the same bytes get the same answers.
fn how(choice: u8) -> SignIn {
    let secret = Arc::new(Secret::new(b"pencil".to_vec()));
    let sasl = |name, client: Box<dyn Client>, initial| SignIn::Sasl { name, client, initial };
    match choice % 7 {
        0 => sasl("PLAIN", Box::new(Plain::new("user", secret)), true),
        1 => sasl("PLAIN", Box::new(Plain::new("user", secret)), false),
        2 => sasl("LOGIN", Box::new(Login::new("user", secret)), false),
        3 => sasl("CRAM-MD5", Box::new(CramMd5::new("user", secret)), false),
        4 => sasl("OAUTHBEARER", Box::new(OAuth::bearer("user", "mail.example.org", 993, secret)), true),
        5 => SignIn::Command { username: "us\"er\\".to_owned(), password: secret },
        _ => SignIn::Apop {
            username: "user".to_owned(),
            digest: "c4c9334bac560ecc979e58001b3e22fb".to_owned().into(),
        },
    }
}

const KINDS: u8 = 9;

/// No mechanism needs more rounds.
const CHALLENGES: usize = 8;

/// A response echoes at most a nonce and a user name.
const RESPONSE: usize = 16 * 1024;

/// What is kept of a reply, with its escapes: of a refusal all lines, of a list what has a place in an account.
const ANSWER: usize = 4 * mailcfg::wire::line::SESSION_BYTES;
