//! Signing in and looking round afterwards: what all three protocols share.
//!
//! A protocol's own lines are in its `login` module. Nothing here changes anything in a mailbox.

mod account;

use std::sync::Arc;

use data_encoding::BASE64;
use zeroize::Zeroizing;

pub use account::{Account, Folder, Found, Namespace, Quota, RefusedQuestion};

use super::refusal::{Kind, kind};
use super::sasl::{Client, Sensitive, Violation};
use super::{Boxed, Capabilities};
use crate::secret::Secret;
use crate::settings::Protocol;

/// A sign-in that is about to be made.
pub enum SignIn {
    /// By a SASL mechanism.
    Sasl {
        /// Its name.
        name: &'static str,
        /// The client's side.
        client: Box<dyn Client>,
        /// Whether the server takes the first response with the command.
        initial: bool,
    },
    /// By the commands LOGIN of IMAP, or USER and PASS of POP3.
    Command {
        /// Who signs in.
        username: String,
        /// With which password.
        password: Arc<Secret>,
    },
    /// By the command APOP of POP3.
    Apop {
        /// Who signs in.
        username: String,
        /// The digest of the stamp and the password.
        digest: Zeroizing<String>,
    },
}

/// How a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInReply {
    /// The server accepted it, and has proved itself where the mechanism asks for that.
    Accepted {
        /// The capabilities in the reply (IMAP).
        capabilities: Option<Capabilities>,
    },
    /// The server refused it.
    Refused(Denial),
    /// The server broke the rules of the mechanism: whatever it said then, this is no sign-in.
    Broken(String),
}

impl SignInReply {
    /// What a no means that ends the connection, too (IMAP `BYE`): unless it says more, nothing of the password.
    pub(super) fn on_leaving(self) -> Self {
        match self {
            Self::Refused(Denial { kind: Kind::Other | Kind::BindingRefused, text }) => {
                Self::Refused(Denial { kind: Kind::Temporary, text })
            }
            told => told,
        }
    }
}

/// A server's no to a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub kind: Kind,
    /// The server's words, all lines of them.
    pub text: String,
}

/// What comes next in looking round.
pub enum Look {
    /// This question.
    Ask(Boxed<Found>),
    /// Nothing here: the server does not offer it, or nothing is known to ask it with.
    Pass,
    /// Nothing any more.
    End,
}

/// True when a user name or secret can stand in a command: no line end, no NUL (RFC 9051 `quoted`, RFC 4616).
pub fn is_safe(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Turns challenges into response lines, and the server's last word into a reply.
pub(super) struct Responder {
    client: Box<dyn Client>,
    initial: Option<Sensitive>,
    violation: Option<Violation>,
}

impl Responder {
    /// A responder, and the first response in base64 when it goes with the command; `=` stands for an empty one.
    pub(super) fn new(mut client: Box<dyn Client>, at_once: bool) -> (Self, Option<Zeroizing<String>>) {
        let mut initial = client.initial();
        let with_command = initial.take_if(|_| at_once).map(|response| {
            Zeroizing::new(if response.is_empty() { "=".to_owned() } else { BASE64.encode(&response) })
        });
        (Self { client, initial, violation: None }, with_command)
    }

    /// The responder of AUTH (RFC 4954, section 4; RFC 5034, section 4), the command, and how much of that may be shown.
    /// A first response that makes the command longer than `most` octets waits for the server's challenge.
    pub(super) fn of_auth(
        name: &str,
        client: Box<dyn Client>,
        initial: bool,
        most: usize,
    ) -> (Self, Sensitive, usize) {
        let command = format!("AUTH {name}");
        let (mut responder, response) = Self::new(client, initial);
        let fits = |response: &Zeroizing<String>| command.len() + response.len() + 3 <= most;
        let mut opening = roomy(&command, most);
        let shown = match response {
            Some(response) if fits(&response) => {
                opening.extend_from_slice(b" ");
                opening.extend_from_slice(response.as_bytes());
                command.len() + 1
            }
            Some(response) => {
                responder.initial = BASE64.decode(response.as_bytes()).ok().map(Zeroizing::new);
                command.len() + 2
            }
            None => command.len() + 2,
        };
        opening.extend_from_slice(b"\r\n");
        (responder, opening, shown)
    }

    /// The line that answers a challenge, `*` to cancel; `None` when the server goes on after that.
    pub(super) fn answer(&mut self, challenge: &str) -> Option<Vec<u8>> {
        if self.violation.is_some() {
            return None;
        }
        let decoded = BASE64.decode(challenge.trim().as_bytes()).ok();
        let response = match self.initial.take() {
            Some(initial) => Ok(initial),
            None => self.client.respond(decoded.as_deref()),
        };
        Some(match response {
            Ok(response) => {
                let encoded = Zeroizing::new(BASE64.encode(&response));
                [encoded.as_bytes(), b"\r\n"].concat()
            }
            Err(violation) => {
                self.violation = Some(violation);
                b"*\r\n".to_vec()
            }
        })
    }

    /// True when what was last sent holds nothing of the secret.
    pub(super) fn is_cancelled(&self) -> bool {
        self.violation.is_some()
    }

    /// What a yes is worth.
    pub(super) fn accepted(&self, capabilities: Option<Capabilities>) -> SignInReply {
        match self.violation.clone().map_or_else(|| self.client.verify(), Err) {
            Ok(()) if self.initial.is_some() || self.client.is_open() => too_early(),
            Ok(()) => SignInReply::Accepted { capabilities },
            Err(violation) => SignInReply::Broken(violation.0),
        }
    }

    /// What a no is about: the rules that the server broke before, else the sign-in.
    pub(super) fn refused(&self, protocol: Protocol, text: String) -> SignInReply {
        if let Some(violation) = &self.violation {
            return SignInReply::Broken(violation.0.clone());
        }
        let text = match self.client.complaint() {
            Some(complaint) => format!("{text} / {complaint}"),
            None => text,
        };
        let kind = match kind(protocol, &text) {
            told @ (Kind::WrongPassword | Kind::Other) => self.own_kind(told, &text).unwrap_or(told),
            told => told,
        };
        SignInReply::Refused(Denial { kind, text })
    }

    /// What the mechanism says of its refusal: more than the codes around it do.
    fn own_kind(&self, told: Kind, text: &str) -> Option<Kind> {
        if self.client.complaint().is_some() {
            return self.client.refusal();
        }
        let lower = text.to_ascii_lowercase();
        let speaks_of_it = BINDING_WORDS.iter().any(|words| lower.contains(words));
        (self.client.binds() && told == Kind::Other && speaks_of_it).then_some(Kind::BindingRefused)
    }

    /// What it means that the server goes on after the attempt was cancelled.
    pub(super) fn broken(&self) -> SignInReply {
        let violation = self.violation.as_ref().map(|violation| violation.0.clone());
        SignInReply::Broken(violation.unwrap_or_default())
    }
}

/// Words about the binding alone. Those of Cyrus SASL (`SASL_BADPROT`) come behind the proof when the binding has
/// another name than its own; a wrong proof has others.
const BINDING_WORDS: &[&str] = &["bad protocol / cancel", "channel binding", "channel-binding"];

impl Denial {
    /// A refusal in these words.
    pub fn new(protocol: Protocol, text: String) -> Self {
        Self { kind: kind(protocol, &text), text }
    }
}

/// What a yes is worth that came before the server had the secret.
pub(super) fn too_early() -> SignInReply {
    SignInReply::Broken("the server said yes before it had the password or token".to_owned())
}

/// The beginning of a command with room for what comes behind it: a buffer that moves leaves a copy in memory.
pub(super) fn roomy(start: &str, behind: usize) -> Sensitive {
    let mut buffer = Zeroizing::new(Vec::with_capacity(start.len() + behind));
    buffer.extend_from_slice(start.as_bytes());
    buffer
}

/// That a question was refused; the words are cut once what they echo is hidden.
pub(super) fn refused(protocol: Protocol, question: &'static str, words: &str) -> Found {
    let kind = kind(protocol, words);
    Found::Refused(RefusedQuestion { question, kind, words: words.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::dialogue;
    use super::super::sasl::External;
    use super::super::sasl::hash::CramMd5;
    use super::super::sasl::oauth::OAuth;
    use super::super::sasl::plain::{Login, Plain};
    use super::super::sasl::scram::{Binding, Hash, Scram};
    use super::super::tests::feed;
    use super::*;

    fn plain() -> Box<dyn Client> {
        Box::new(Plain::new("tim", Arc::new(Secret::new(b"x".to_vec()))))
    }

    #[test]
    fn the_first_response_goes_with_the_command_or_answers_the_first_challenge() {
        let (mut responder, initial) = Responder::new(plain(), true);
        assert_eq!(initial.unwrap().as_str(), "AHRpbQB4");
        assert_eq!(responder.answer("").unwrap(), b"*\r\n");
        assert!(responder.is_cancelled());
        assert_eq!(responder.answer(""), None);
        assert!(matches!(responder.accepted(None), SignInReply::Broken(_)));
        let (mut responder, initial) = Responder::new(plain(), false);
        assert_eq!(initial, None);
        assert_eq!(responder.answer("go ahead").unwrap(), b"AHRpbQB4\r\n");
        assert_eq!(responder.accepted(None), SignInReply::Accepted { capabilities: None });
        let (_, initial) = Responder::new(Box::new(External::new("")), true);
        assert_eq!(initial.unwrap().as_str(), "=");
    }

    #[test]
    fn prompts_need_not_be_base64() {
        let client = Login::new("tim", Arc::new(Secret::new(b"x".to_vec())));
        let (mut responder, _) = Responder::new(Box::new(client), true);
        assert_eq!(responder.answer("Username:").unwrap(), b"dGlt\r\n");
        assert_eq!(responder.answer("UGFzc3dvcmQ6").unwrap(), b"eA==\r\n");
        let reply = responder.refused(Protocol::Smtp, "535 5.7.8 no".to_owned());
        assert!(matches!(reply, SignInReply::Refused(Denial { kind: Kind::WrongPassword, .. })));
    }

    #[test]
    fn a_yes_before_the_secret_is_no_sign_in() {
        let secret = || Arc::new(Secret::new(b"x".to_vec()));
        let clients: [Box<dyn Client>; 3] =
            [plain(), Box::new(Login::new("tim", secret())), Box::new(CramMd5::new("tim", secret()))];
        for client in clients {
            let (responder, _) = Responder::new(client, false);
            assert!(matches!(responder.accepted(None), SignInReply::Broken(_)));
        }
        let (mut responder, _) = Responder::new(Box::new(Login::new("tim", secret())), false);
        responder.answer("").unwrap();
        assert!(matches!(responder.accepted(None), SignInReply::Broken(_)));
        let command = SignIn::Command { username: "é".to_owned(), password: secret() };
        let exchange = dialogue(Protocol::Imap, "x").sign_in(command).unwrap();
        let (reply, _) = feed(exchange, &[b"A1 OK in\r\n"]).unwrap();
        assert!(matches!(reply, Some(SignInReply::Broken(_))), "{reply:?}");
    }

    /// A responder that has sent its proof, bound to the connection.
    fn proved() -> Responder {
        let (mut responder, first) = bound();
        let first = String::from_utf8(BASE64.decode(first.as_bytes()).unwrap()).unwrap();
        let nonce = first.rsplit_once("r=").unwrap().1;
        responder.answer(&BASE64.encode(format!("r={nonce}x,s=QUJD,i=4096").as_bytes())).unwrap();
        responder
    }

    fn bound() -> (Responder, String) {
        let secret = Arc::new(Secret::new(b"x".to_vec()));
        let binding = Binding::Bound("tls-exporter", vec![1]);
        let client = Scram::new(Hash::Sha256, "tim", secret, binding).unwrap();
        let (responder, first) = Responder::new(Box::new(client), true);
        (responder, first.unwrap().to_string())
    }

    #[test]
    fn a_refused_proof_is_no_refused_binding() {
        let kind = |reply| match reply {
            SignInReply::Refused(denial) => denial.kind,
            other => panic!("{other:?}"),
        };
        let refused =
            |responder: Responder, words: &str| kind(responder.refused(Protocol::Imap, words.to_owned()));
        assert_eq!(refused(bound().0, "A1 NO no such channel binding"), Kind::BindingRefused);
        assert_eq!(refused(bound().0, "A1 NO what"), Kind::Other);
        assert_eq!(refused(bound().0, "A1 NO [AUTHENTICATIONFAILED] no"), Kind::WrongPassword);
        assert_eq!(refused(proved(), "A1 NO what"), Kind::Other);
        assert_eq!(refused(proved(), "A1 NO bad protocol / cancel"), Kind::BindingRefused);
        for (error, words, expected) in [
            ("unsupported-channel-binding-type", "[AUTHENTICATIONFAILED] no", Kind::BindingRefused),
            ("channel-binding-not-supported", "no", Kind::BindingRefused),
            ("channel-bindings-dont-match", "[AUTHENTICATIONFAILED] no", Kind::BindingMismatch),
            ("server-does-support-channel-binding", "no", Kind::BindingMismatch),
            ("invalid-proof", "no", Kind::WrongPassword),
            ("invalid-proof", "[CONTACTADMIN] locked", Kind::Disabled),
            ("unknown-user", "no", Kind::WrongPassword),
            ("no-resources", "[AUTHENTICATIONFAILED] no", Kind::Temporary),
            ("other-error", "[AUTHENTICATIONFAILED] no", Kind::WrongPassword),
            ("other-error", "no", Kind::Other),
            ("invalid-encoding", "[AUTHENTICATIONFAILED] no", Kind::Other),
        ] {
            let mut responder = proved();
            responder.answer(&BASE64.encode(format!("e={error}").as_bytes())).unwrap();
            assert_eq!(refused(responder, &format!("A1 NO {words}")), expected, "{error} {words}");
        }
    }

    #[test]
    fn what_a_refusal_echoes_is_hidden_before_it_is_cut() {
        let mut account = Account::default();
        account.add(super::refused(Protocol::Imap, "LIST", &format!("{} open sesame", "x".repeat(195))));
        account.clean(|text| text.replace("open sesame", "‹secret›"));
        let words = &account.refused.first().unwrap().words;
        assert!(words.ends_with('…') && !words.contains("ope"), "{words}");
    }

    /// A sign-in of each protocol by each mechanism that sends and reads something of its own.
    fn every_sign_in() -> Vec<Boxed<SignInReply>> {
        let secret = || Arc::new(Secret::new(b"x".to_vec()));
        let clients = || -> Vec<(&'static str, Box<dyn Client>)> {
            vec![
                ("SCRAM-SHA-1", Box::new(Scram::new(Hash::Sha1, "tim", secret(), Binding::No).unwrap())),
                ("CRAM-MD5", Box::new(CramMd5::new("tim", secret()))),
                ("LOGIN", Box::new(Login::new("tim", secret()))),
                ("XOAUTH2", Box::new(OAuth::xoauth2("tim", secret()))),
            ]
        };
        let mut all = Vec::new();
        for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Smtp] {
            for (name, client) in clients() {
                all.extend(dialogue(protocol, "x").sign_in(SignIn::Sasl { name, client, initial: true }));
            }
            let command = SignIn::Command { username: "é".to_owned(), password: secret() };
            all.extend(dialogue(protocol, "x").sign_in(command));
        }
        all
    }

    proptest::proptest! {
        #[test]
        fn no_reply_makes_a_sign_in_panic_or_succeed_unasked(
            lines in proptest::collection::vec("(\\+ |334 |535 |-ERR |A1 NO |\\* )?[ -~]{0,40}", 0..8)
        ) {
            let input = lines.join("\r\n") + "\r\n";
            for exchange in every_sign_in() {
                let ended = feed(exchange, &[input.as_bytes()]);
                let accepted = matches!(ended, Ok((Some(SignInReply::Accepted { .. }), _)));
                proptest::prop_assert!(!accepted, "{input:?}");
            }
        }
    }

    #[test]
    fn a_line_end_cannot_stand_in_a_command() {
        assert!(is_safe("pässwörd with spaces".as_bytes()));
        for bytes in [&b"a\r"[..], b"a\nb", b"\0"] {
            assert!(!is_safe(bytes));
        }
    }
}
