//! What a server may say to somebody who signs in: no panic, bounded answers, the same however it is cut, and no sign-in
//! that the server did not prove.

use std::sync::Arc;

use mailcfg::secret::Secret;
use mailcfg::settings::Protocol;
use mailcfg::wire::line::{Fault, Line, REPLY_LINES, Splitter};
use mailcfg::wire::login::{Account, Found, Look, SignIn, SignInReply};
use mailcfg::wire::refusal::kind;
use mailcfg::wire::sasl::hash::CramMd5;
use mailcfg::wire::sasl::oauth::OAuth;
use mailcfg::wire::sasl::plain::{Login, Plain};
use mailcfg::wire::sasl::scram::{Binding, Hash, Scram};
use mailcfg::wire::sasl::{Client, External};
use mailcfg::wire::{Boxed, Capabilities, Dialogue, Next, dialogue};

use super::dialogue::{check_capabilities, check_fault, check_words, protocol};
use super::{LOSSY, same_when_cut};

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
            Ok(response) => assert!(response.len() <= challenge.len() + OWN, "{} bytes", response.len()),
            Err(violation) => return check_violation(&violation.to_string(), challenge.len()),
        }
    }
    assert!(!is_scram(*choice) || client.verify().is_err(), "nobody proved that he knows the password");
}

/// A sentence of our own with no more than what came in it.
fn check_violation(text: &str, came: usize) {
    assert!(!text.is_empty() && text.len() <= LOSSY * came + OWN, "{} bytes of {came}", text.len());
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

/// A server's words for a refusal mean one thing, in whatever case they stand.
pub fn refusal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Smtp] {
        assert!(!kind(protocol, &text).as_str().is_empty());
    }
    let protocol = protocol(bytes.first().copied().unwrap_or_default());
    assert_eq!(kind(protocol, &text.to_ascii_uppercase()), kind(protocol, &text), "{text:?}");
}

/// A server's replies to a sign-in and to the questions after it; the first byte says to which.
pub fn login(bytes: &[u8]) {
    let Some((choice, script)) = bytes.split_first() else { return };
    let whole = Visit::make(*choice, &[script]);
    same_when_cut(script, &whole, |pieces| Visit::make(*choice, pieces));
}

/// A sign-in and a look round, with one server's bytes.
struct Visit {
    dialogue: Box<dyn Dialogue>,
    splitter: Splitter,
    step: Step,
    look: usize,
    /// The bytes that came for the exchange so far.
    came: usize,
    account: Account,
    said: Vec<String>,
}

enum Step {
    SignIn(Boxed<SignInReply>),
    Look(Boxed<Found>),
    Over,
}

impl Visit {
    /// What was sent, the answers and the fault that ended it, in words.
    fn make(choice: u8, pieces: &[&[u8]]) -> Vec<String> {
        let mut dialogue = dialogue(protocol(choice), "[192.0.2.1]");
        let Some(exchange) = dialogue.sign_in(how(choice / 3)) else { return Vec::new() };
        let mut visit = Self {
            dialogue,
            splitter: Splitter::default(),
            step: Step::SignIn(exchange),
            look: 0,
            came: 0,
            account: Account::default(),
            said: Vec::new(),
        };
        for piece in pieces {
            visit.splitter.push(piece);
            while !matches!(visit.step, Step::Over) {
                match visit.splitter.next_line() {
                    Ok(Some(line)) => visit.take(&line),
                    Ok(None) => break,
                    Err(fault) => visit.fail(&fault),
                }
            }
        }
        visit.leave()
    }

    fn take(&mut self, line: &Line) {
        self.came += line.size();
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::Over => {}
            Step::SignIn(exchange) => self.go_on(exchange, line, Step::SignIn, Self::take_reply),
            Step::Look(exchange) => self.go_on(exchange, line, Step::Look, Self::take_found),
        }
    }

    fn go_on<T: std::fmt::Debug>(
        &mut self,
        mut exchange: Boxed<T>,
        line: &Line,
        same: fn(Boxed<T>) -> Step,
        take: fn(&mut Self, T),
    ) {
        match exchange.line(line) {
            Ok(Next::More) => self.step = same(exchange),
            Ok(Next::Send(bytes)) => {
                self.splitter.begin_reply(exchange.most_lines());
                self.said.push(String::from_utf8_lossy(&bytes).into_owned());
                self.step = same(exchange);
            }
            Ok(Next::Done(answer)) => {
                self.said.push(format!("{answer:?}"));
                take(self, answer);
                self.came = 0;
                self.step = self.next_look();
                self.splitter.begin_reply(match &self.step {
                    Step::Look(exchange) => exchange.most_lines(),
                    _ => REPLY_LINES,
                });
            }
            Err(fault) => self.fail(&fault),
        }
    }

    fn take_reply(&mut self, reply: SignInReply) {
        check_sign_in(&reply, self.came);
    }

    fn take_found(&mut self, found: Found) {
        check_found(&found, self.came);
        self.account.add(found);
    }

    fn fail(&mut self, fault: &Fault) {
        check_fault(fault, self.came);
        self.said.push(fault.to_string());
        self.step = Step::Over;
    }

    fn next_look(&mut self) -> Step {
        let list = ["NAMESPACE", "SPECIAL-USE", "LIST-EXTENDED", "QUOTA", "UIDL", "USER"];
        let known = Capabilities { list: list.map(str::to_owned).to_vec(), ..Capabilities::default() };
        loop {
            let look = self.dialogue.look(self.look, &known, Some("user@example.org"));
            self.look += 1;
            match look {
                Look::Ask(exchange) => return Step::Look(exchange),
                Look::Pass => {}
                Look::End => return Step::Over,
            }
        }
    }

    /// What is kept of the account once what it echoes is hidden is short.
    fn leave(mut self) -> Vec<String> {
        self.account.clean(str::to_owned);
        self.account.notes().iter().for_each(|note| super::check_sentence(note));
        self.said
    }
}

fn check_sign_in(reply: &SignInReply, came: usize) {
    match reply {
        SignInReply::Accepted { capabilities } => capabilities.iter().for_each(check_capabilities),
        SignInReply::Refused(denial) => check_words(&denial.text, came),
        SignInReply::Broken(why) => check_violation(why, came),
    }
}

fn check_found(found: &Found, came: usize) {
    let check_sum = |most: usize, words: &mut dyn Iterator<Item = &String>| {
        let sizes: Vec<usize> = words.map(String::len).collect();
        assert!(sizes.iter().all(|size| *size <= MOST_BYTES), "{sizes:?}");
        assert!(sizes.iter().sum::<usize>() <= most * LOSSY * came, "{sizes:?} bytes of {came}");
    };
    match found {
        Found::Capabilities(listed) => check_capabilities(listed),
        Found::Namespaces(namespaces) => {
            assert!(namespaces.len() <= MOST, "{} namespaces", namespaces.len());
            check_sum(1, &mut namespaces.iter().flat_map(|it| [&it.prefix].into_iter().chain(&it.delimiter)));
        }
        Found::Folders(folders) => {
            assert!(folders.len() <= MOST, "{} folders", folders.len());
            check_sum(ROLES, &mut folders.iter().flat_map(|it| [&it.name, &it.role]));
        }
        Found::Quota(quota) => {
            assert!(quota.len() <= MOST, "{} limits", quota.len());
            check_sum(1, &mut quota.iter().map(|it| &it.resource));
        }
        Found::Sender(Err(refused)) | Found::Refused(refused) => check_words(&refused.words, came),
        Found::Mailbox(..) | Found::UniqueIds(_) | Found::Sender(Ok(())) => {}
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

/// What a client has of its own to say: names, a proof, the words of a sentence.
const OWN: usize = 256;

/// So many folders, namespaces and limits are kept.
const MOST: usize = 64;

/// With what marks a text as cut.
const MOST_BYTES: usize = 256 + '…'.len_utf8();

/// A folder stands once for each of its uses.
const ROLES: usize = 8;
