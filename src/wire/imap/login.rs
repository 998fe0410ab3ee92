//! IMAP's sign-in (AUTHENTICATE with or without SASL-IR of RFC 4959, LOGIN) and what is asked afterwards.

use zeroize::Zeroizing;

use super::{Client, Reply, Tagged, capabilities, capability_data, response_code};
use crate::secret::Secret;
use crate::settings::Protocol;
use crate::wire::line::{FOLDER_LINES, REPLY_LINES};
use crate::wire::login::{Denial, Found, Look, Responder, SignIn, SignInReply, refused, roomy, too_early};
use crate::wire::sasl::Sensitive;
use crate::wire::{Boxed, Capabilities, Exchange, Fault, Line, Next, imap};

mod data;

pub use data::{KEPT_BYTES, MOST_KEPT};

/// The exchange of a sign-in; APOP is POP3's alone.
pub(super) fn sign_in(client: &mut Client, how: SignIn) -> Option<Boxed<SignInReply>> {
    let tagged = Tagged::new(client.tag());
    Some(match how {
        SignIn::Sasl { name, client, initial } => {
            let (responder, response) = Responder::new(client, initial);
            let command = format!("{} AUTHENTICATE {name}", tagged.tag);
            let mut opening = roomy(&command, response.as_ref().map_or(0, |response| response.len()) + 3);
            let mut shown = command.len() + 2;
            if let Some(response) = response {
                opening.extend_from_slice(b" ");
                opening.extend_from_slice(response.as_bytes());
                shown = command.len() + 1;
            }
            opening.extend_from_slice(b"\r\n");
            Box::new(Authenticate { heard: Heard::new(tagged), responder, opening, shown })
        }
        SignIn::Command { username, password } => Box::new(LoginCommand::new(tagged, &username, &password)),
        SignIn::Apop { .. } => return None,
    })
}

/// What comes next in looking round: CAPABILITY, NAMESPACE, LIST, GETQUOTAROOT.
pub(super) fn look(client: &mut Client, step: usize, known: &Capabilities) -> Look {
    let has = |name: &str| known.list.iter().any(|atom| atom.eq_ignore_ascii_case(name));
    let rev2 = has("IMAP4rev2");
    let command = match step {
        0 => "CAPABILITY",
        1 if has("NAMESPACE") || rev2 => "NAMESPACE",
        2 if rev2 || (has("SPECIAL-USE") && has("LIST-EXTENDED")) => "LIST (SPECIAL-USE) \"\" \"*\"",
        2 => "LIST \"\" \"*\"",
        3 if known.list.iter().any(|atom| atom.to_ascii_uppercase().starts_with("QUOTA")) => {
            "GETQUOTAROOT INBOX"
        }
        4.. => return Look::End,
        _ => return Look::Pass,
    };
    Look::Ask(Box::new(Ask { tagged: Tagged::new(client.tag()), command, data: Vec::new() }))
}

/// `authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)` (RFC 9051, section 6.2.2).
struct Authenticate {
    heard: Heard,
    responder: Responder,
    opening: Sensitive,
    /// How much of what was last sent may be shown.
    shown: usize,
}

impl Exchange for Authenticate {
    type Answer = SignInReply;

    fn opening(&self) -> Vec<u8> {
        self.opening.to_vec()
    }

    fn public_sent(&self, _bytes: &[u8]) -> usize {
        self.shown
    }

    fn public_heard(&self, bytes: &[u8]) -> usize {
        public_heard(bytes)
    }

    fn line(&mut self, line: &Line) -> Result<Next<SignInReply>, Fault> {
        Ok(match self.heard.line(line)? {
            Word::More => Next::More,
            Word::Continue(challenge) => match self.responder.answer(&challenge) {
                Some(response) => {
                    self.shown = if self.responder.is_cancelled() { response.len() } else { 0 };
                    Next::Send(response)
                }
                None => Next::Done(self.responder.broken()),
            },
            Word::Yes(listed) => Next::Done(self.responder.accepted(listed)),
            Word::No(text) => Next::Done(self.responder.refused(Protocol::Imap, text)),
            Word::Bye(text) => Next::Done(self.responder.refused(Protocol::Imap, text).on_leaving()),
        })
    }
}

/// `login = "LOGIN" SP userid SP password`, each a quoted string, or a literal where it cannot be one.
struct LoginCommand {
    heard: Heard,
    /// What is sent, in order, each with how much of it may be shown; the server asks for the next.
    pieces: std::vec::IntoIter<(Sensitive, usize)>,
    opening: (Sensitive, usize),
    shown: usize,
}

impl LoginCommand {
    fn new(tagged: Tagged, username: &str, password: &Secret) -> Self {
        let mut pieces = vec![(Zeroizing::new(format!("{} LOGIN ", tagged.tag).into_bytes()), 0)];
        push(&mut pieces, username.as_bytes());
        if let Some((last, shown)) = pieces.last_mut() {
            last.extend_from_slice(b" ");
            *shown = last.len();
        }
        let public = pieces.len();
        push(&mut pieces, password.expose());
        // The size of a literal tells the length of the password: it is not shown either.
        if let Some((last, _)) = pieces.last_mut() {
            last.extend_from_slice(b"\r\n");
        }
        for (piece, shown) in pieces.iter_mut().take(public.saturating_sub(1)) {
            *shown = piece.len();
        }
        let mut pieces = pieces.into_iter();
        let opening = pieces.next().unwrap_or_default();
        let shown = opening.1;
        Self { heard: Heard::new(tagged), pieces, opening, shown }
    }
}

impl Exchange for LoginCommand {
    type Answer = SignInReply;

    fn opening(&self) -> Vec<u8> {
        self.opening.0.to_vec()
    }

    fn public_sent(&self, _bytes: &[u8]) -> usize {
        self.shown
    }

    fn line(&mut self, line: &Line) -> Result<Next<SignInReply>, Fault> {
        Ok(Next::Done(match self.heard.line(line)? {
            Word::More => return Ok(Next::More),
            Word::Continue(_) => match self.pieces.next() {
                Some((piece, shown)) => {
                    self.shown = shown;
                    return Ok(Next::Send(piece.to_vec()));
                }
                None => SignInReply::Broken(
                    "the server asked for more than a user name and a password".to_owned(),
                ),
            },
            Word::Yes(_) if self.pieces.len() > 0 => too_early(),
            Word::Yes(capabilities) => SignInReply::Accepted { capabilities },
            Word::No(text) => SignInReply::Refused(Denial::new(Protocol::Imap, text)),
            Word::Bye(text) => SignInReply::Refused(Denial::new(Protocol::Imap, text)).on_leaving(),
        }))
    }
}

/// Puts a string behind what is there: quoted, or announced as a literal that begins the next piece (RFC 9051, section 4.3).
fn push(pieces: &mut Vec<(Sensitive, usize)>, string: &[u8]) {
    let quotable = string.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let Some((last, _)) = pieces.last_mut() else { return };
    if !quotable {
        last.extend_from_slice(format!("{{{}}}\r\n", string.len()).as_bytes());
        let mut literal = roomy("", string.len() + LINE_END);
        literal.extend_from_slice(string);
        pieces.push((literal, 0));
        return;
    }
    // Grown byte by byte it would move, and leave copies in memory.
    last.reserve(2 * string.len() + QUOTES + LINE_END);
    last.push(b'"');
    for &byte in string {
        if matches!(byte, b'"' | b'\\') {
            last.push(b'\\');
        }
        last.push(byte);
    }
    last.push(b'"');
}

/// Of a challenge nothing is shown but the plus: it is half of what a guess at the password needs.
fn public_heard(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"+ ") { 2 } else { bytes.len() }
}

/// The lines between the command of a sign-in and its tagged reply.
struct Heard {
    tagged: Tagged,
    /// Untagged NO and BAD: Gmail says there what is wrong.
    remarks: Vec<String>,
    listed: Option<Capabilities>,
}

enum Word {
    More,
    /// `continue-req = "+" SP base64`
    Continue(String),
    Yes(Option<Capabilities>),
    No(String),
    /// The server ends the connection in place of an answer.
    Bye(String),
}

impl Heard {
    fn new(tagged: Tagged) -> Self {
        Self { tagged, remarks: Vec::new(), listed: None }
    }

    fn line(&mut self, line: &Line) -> Result<Word, Fault> {
        let raw = line.text();
        if let Some(challenge) = raw.strip_prefix('+').filter(|_| self.tagged.literal_left.is_none()) {
            return Ok(Word::Continue(challenge.trim().to_owned()));
        }
        Ok(match self.tagged.line(line)? {
            Reply::Ignored => Word::More,
            Reply::Untagged(data) => {
                if let Some(listed) = capability_data(&data) {
                    self.listed = Some(capabilities(&imap::atoms(listed)));
                }
                let (condition, _) = imap::condition(&data);
                if matches!(condition.as_str(), "NO" | "BAD") && self.remarks.len() < REMARKS {
                    self.remarks.push(raw);
                }
                Word::More
            }
            Reply::Ok(text) => {
                let code = response_code(&text).0.and_then(capability_data);
                let listed = code.map(|listed| capabilities(&imap::atoms(listed)));
                Word::Yes(listed.or_else(|| self.listed.take()))
            }
            Reply::No(refusal) => {
                self.remarks.push(refusal.text);
                Word::No(self.remarks.join(" / "))
            }
            Reply::Bye(refusal) => {
                self.remarks.push(refusal.text);
                Word::Bye(self.remarks.join(" / "))
            }
        })
    }
}

/// One command after the sign-in, and the untagged data that answers it.
struct Ask {
    tagged: Tagged,
    command: &'static str,
    data: Vec<String>,
}

impl Exchange for Ask {
    type Answer = Found;

    fn opening(&self) -> Vec<u8> {
        self.tagged.command(self.command)
    }

    fn most_lines(&self) -> usize {
        if self.command.starts_with("LIST") { FOLDER_LINES } else { REPLY_LINES }
    }

    fn line(&mut self, line: &Line) -> Result<Next<Found>, Fault> {
        Ok(match self.tagged.line(line)? {
            // Of a list of folders only those with a special use are kept.
            Reply::Untagged(data) if data::is_plain_folder(&data) => Next::More,
            Reply::Untagged(data) => {
                self.data.push(data);
                Next::More
            }
            Reply::Ignored => Next::More,
            Reply::No(refusal) | Reply::Bye(refusal) => {
                Next::Done(refused(Protocol::Imap, self.command, &refusal.text))
            }
            Reply::Ok(_) => Next::Done(match self.command {
                "CAPABILITY" => {
                    let listed = self.data.iter().rev().find_map(|data| capability_data(data));
                    Found::Capabilities(capabilities(&imap::atoms(listed.unwrap_or_default())))
                }
                "NAMESPACE" => Found::Namespaces(data::namespaces(&self.data)),
                "GETQUOTAROOT INBOX" => Found::Quota(data::quota(&self.data)),
                _ => Found::Folders(data::folders(&self.data)),
            }),
        })
    }
}

const QUOTES: usize = 2;
const LINE_END: usize = 2;

/// More than this many remarks before a refusal are of no help.
const REMARKS: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::tests::{feed, feed_cut};
    use super::*;
    use crate::wire::Dialogue;
    use crate::wire::refusal::Kind;
    use crate::wire::sasl::plain::Plain;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.as_bytes().to_vec()))
    }

    fn plain(initial: bool) -> Boxed<SignInReply> {
        let client = Box::new(Plain::new("tim", secret("x")));
        Client::default().sign_in(SignIn::Sasl { name: "PLAIN", client, initial }).unwrap()
    }

    fn login(username: &str, password: &str) -> Boxed<SignInReply> {
        Client::default()
            .sign_in(SignIn::Command { username: username.to_owned(), password: secret(password) })
            .unwrap()
    }

    #[test]
    fn a_first_response_goes_with_the_command_where_that_is_offered() {
        let opening = plain(true).opening();
        assert_eq!(opening, b"A1 AUTHENTICATE PLAIN AHRpbQB4\r\n");
        assert_eq!(&opening[..plain(true).public_sent(&opening)], b"A1 AUTHENTICATE PLAIN ");
        assert_eq!(plain(false).opening(), b"A1 AUTHENTICATE PLAIN\r\n");
        let reply = "+ \r\n* CAPABILITY IMAP4rev1 QUOTA\r\nA1 OK done\r\n";
        let (answer, sent) = feed(plain(false), &[reply.as_bytes()]).unwrap();
        assert_eq!(sent, b"AHRpbQB4\r\n");
        let Some(SignInReply::Accepted { capabilities: Some(listed) }) = answer else { panic!("{answer:?}") };
        assert_eq!(listed.list, ["IMAP4rev1", "QUOTA"]);
    }

    #[test]
    fn every_way_to_refuse_is_understood() {
        for (reply, kind, text) in [
            ("A1 NO [AUTHENTICATIONFAILED] no\r\n", Kind::WrongPassword, "A1 NO [AUTHENTICATIONFAILED] no"),
            ("* BYE [UNAVAILABLE] x\r\n", Kind::Temporary, "* BYE [UNAVAILABLE] x"),
            ("* BYE Connection closed\r\n", Kind::Temporary, "* BYE Connection closed"),
            ("* BYE [CONTACTADMIN] locked\r\n", Kind::Disabled, "* BYE [CONTACTADMIN] locked"),
            (
                "* NO [WEBALERT https://example.org] Web login required.\r\nA1 NO [ALERT] no\r\n",
                Kind::Disabled,
                "* NO [WEBALERT https://example.org] Web login required. / A1 NO [ALERT] no",
            ),
            ("A1 BAD what\r\n", Kind::Other, "A1 BAD what"),
        ] {
            let answer = feed_cut(|| plain(true), reply.as_bytes());
            let denial = Denial { kind, text: text.to_owned() };
            assert_eq!(answer, Some(SignInReply::Refused(denial)), "{reply}");
        }
    }

    #[test]
    fn a_server_that_wants_more_than_the_mechanism_has_is_cancelled() {
        let (answer, sent) = feed(plain(true), &[b"+ bW9yZQ==\r\nA1 OK done\r\n"]).unwrap();
        assert_eq!(sent, b"*\r\n");
        assert!(matches!(answer, Some(SignInReply::Broken(_))));
        let (answer, _) = feed(plain(true), &[b"+ bW9yZQ==\r\n+ bW9yZQ==\r\n"]).unwrap();
        assert!(matches!(answer, Some(SignInReply::Broken(_))));
    }

    #[test]
    fn login_quotes_what_can_be_quoted_and_sends_the_rest_as_literals() {
        let yes = "+ go\r\n+ go\r\n+ go\r\nA1 OK in\r\n";
        for (username, password, expected) in [
            ("tim", "x", "A1 LOGIN \"tim\" \"x\"\r\n"),
            ("t i\"m", "a\\b", "A1 LOGIN \"t i\\\"m\" \"a\\\\b\"\r\n"),
            ("", "", "A1 LOGIN \"\" \"\"\r\n"),
            ("tim", "é", "A1 LOGIN \"tim\" {2}\r\né\r\n"),
            ("é", "x", "A1 LOGIN {2}\r\né \"x\"\r\n"),
            ("é", "ü", "A1 LOGIN {2}\r\né {2}\r\nü\r\n"),
        ] {
            let literals = expected.matches("}\r\n").count();
            let mut sent = login(username, password).opening();
            let asked = yes.get((3 - literals) * 6..).unwrap();
            let (answer, more) = feed(login(username, password), &[asked.as_bytes()]).unwrap();
            sent.extend(more);
            assert_eq!(String::from_utf8(sent).unwrap(), expected);
            assert_eq!(answer, Some(SignInReply::Accepted { capabilities: None }));
        }
        let exchange = login("tim", "x");
        let opening = exchange.opening();
        assert_eq!(&opening[..exchange.public_sent(&opening)], b"A1 LOGIN \"tim\" ");
    }

    #[test]
    fn looking_round_asks_for_what_is_offered() {
        let asked = |list: &[&str]| {
            let known = Capabilities {
                list: list.iter().map(|&it| it.to_owned()).collect(),
                ..Capabilities::default()
            };
            let mut client = Client::default();
            let mut commands = Vec::new();
            for step in 0.. {
                match look(&mut client, step, &known) {
                    Look::Ask(exchange) => commands.push(String::from_utf8(exchange.opening()).unwrap()),
                    Look::Pass => {}
                    Look::End => break,
                }
            }
            commands.concat()
        };
        assert_eq!(asked(&["IMAP4rev1"]), "A1 CAPABILITY\r\nA2 LIST \"\" \"*\"\r\n");
        assert_eq!(
            asked(&["IMAP4rev1", "namespace", "SPECIAL-USE", "LIST-EXTENDED", "QUOTA"]),
            "A1 CAPABILITY\r\nA2 NAMESPACE\r\nA3 LIST (SPECIAL-USE) \"\" \"*\"\r\nA4 GETQUOTAROOT INBOX\r\n"
        );
    }
}
