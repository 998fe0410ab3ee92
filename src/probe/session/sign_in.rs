//! The sign-in inside a session: whether a secret may be sent at all, then one attempt, then a look round.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::tls::identity::Introduction;
use crate::probe::Options;
use crate::probe::certificate;
use crate::probe::drive::Channel;
use crate::probe::facts::Facts;
use crate::probe::login::{Credentials, Place, Proof, SignInAttempt, SignedIn, Withheld};
use crate::secret::{Concealer, Secret};
use crate::settings::{Protocol, Security};
use crate::target::Host;
use crate::wire::line::excerpt;
use crate::wire::login::{Account, Look, SignIn, SignInReply, is_safe};
use crate::wire::refusal::Kind;
use crate::wire::sasl::hash::{CramMd5, apop};
use crate::wire::sasl::oauth::OAuth;
use crate::wire::sasl::plain::{Login, Plain};
use crate::wire::sasl::scram::{Binding, Hash, Scram};
use crate::wire::sasl::{Client, External, Means, Mechanism, choose, offers_binding};
use crate::wire::{APOP, Capabilities, Dialogue, GreetingKind, USER_PASS, pop3};

/// An attempt that may be made.
struct Attempted {
    credentials: Arc<Credentials>,
    mechanism: Mechanism,
    username: String,
    offered: Vec<String>,
}

impl Attempted {
    fn as_tried(&self, refused: Option<Kind>) -> SignInAttempt {
        SignInAttempt { username: self.username.clone(), mechanism: self.mechanism, refused }
    }
}

impl Session<'_> {
    /// Notes that a sign-in is to come, and hides its secret from the first line on.
    pub(super) fn expect_login(&mut self) {
        let Some(credentials) = &self.options.login else { return };
        self.facts.expect_login();
        if let Some(secret) = credentials.proof.secret() {
            self.transcript.conceal(Concealer::of(secret));
        }
    }

    /// Signs in when that is asked for and safe; says whether the dialogue can go on.
    pub(super) async fn sign_in<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) -> bool {
        let Some(credentials) = self.options.login.clone() else { return true };
        match self.prepare(credentials) {
            Err((withheld, reason)) => {
                self.facts.withheld = Some(withheld);
                self.facts.login = Attempt::Skipped(reason);
                true
            }
            Ok(attempted) => self.attempt(attempted, channel, dialogue).await,
        }
    }

    /// Decides whether a secret may be sent, and how; the error says why not.
    fn prepare(&self, credentials: Arc<Credentials>) -> Result<Attempted, (Withheld, String)> {
        self.trust_connection()?;
        self.trust_host()?;
        let place = self.place();
        if self.facts.greeting.value().is_some_and(|greeting| greeting.kind == GreetingKind::Preauth) {
            return Err((
                Withheld::Preauth,
                "the server has the client signed in already (PREAUTH)".to_owned(),
            ));
        }
        if let Attempt::Failed(failure) = &self.facts.after_tls {
            let reason = format!("what the server offers is not known: {}", failure.reason);
            return Err((Withheld::NotKnown, reason));
        }
        let offered = self.offered();
        let means = credentials.proof.means();
        let chosen = choose(&offered, means, credentials.mechanism, self.binding.is_some());
        let mechanism = chosen.ok_or_else(|| not_offered(&offered, means, credentials.mechanism))?;
        let unsendable = |what: &str| (Withheld::Unsendable, what.to_owned());
        let username = credentials.usernames(place).into_iter().nth(self.name);
        let username = username.ok_or_else(|| unsendable("it is not known who signs in"))?;
        let secret = credentials.proof.secret().map(|secret| secret.expose()).unwrap_or_default();
        if !is_safe(username.as_bytes()) || !is_safe(secret) {
            return Err(unsendable("the user name or the secret holds a line end or a NUL byte"));
        }
        if matches!(mechanism, Mechanism::UserPass | Mechanism::Apop) && username.contains(' ') {
            return Err(unsendable("a user name with a space cannot be sent by USER or APOP"));
        }
        let parted = username.contains('\x01') || secret.contains(&1);
        if means == Means::Token && parted {
            return Err(unsendable("the user name or the token holds the byte that ends a field (0x01)"));
        }
        Ok(Attempted { credentials, mechanism, username, offered })
    }

    /// A secret is sent only inside TLS, and only to a server whose certificate has no problem under its own name.
    fn trust_connection(&self) -> Result<(), (Withheld, String)> {
        let problems = match (&self.facts.tls, &self.facts.chain) {
            (Attempt::Done(_), Some(chain)) if chain.certificate.is_some() => {
                chain.problems.iter().map(|problem| problem.kind.as_str()).collect::<Vec<_>>().join(", ")
            }
            _ => "there is none that can be read".to_owned(),
        };
        if !problems.is_empty() {
            let reason = format!("the certificate has a problem ({problems}), so no secret is sent");
            return Err((Withheld::Certificate, reason));
        }
        Ok(())
    }

    /// What is known before the connection: that it is to be held against the host's own name, and who named the host.
    fn trust_host(&self) -> Result<(), (Withheld, String)> {
        let host = &self.facts.endpoint.host;
        let looked_up = !self.options.places.is_empty();
        if self.place().map_or(looked_up, |place| !place.vouched) {
            let reason =
                format!("nothing signed leads from the domain to {host}, so no secret is sent there");
            return Err((Withheld::NotVouched, reason));
        }
        if self.options.sni.as_ref().is_some_and(|name| name != host) {
            let reason = "the certificate was held against another name (--sni), so no secret is sent";
            return Err((Withheld::OtherName, reason.to_owned()));
        }
        Ok(())
    }

    /// The client certificate, for a server at which one may sign in: to any other it would tell who asks.
    pub(super) fn introduction(&self, name: &Host) -> Option<Introduction> {
        let login = self.options.login.as_ref().filter(|_| self.introduces)?;
        let identity = login.identity.as_ref().filter(|_| self.trust_host().is_ok())?;
        let (name, network, now) = (name.clone(), self.network.clone(), self.facts.began);
        Some(Introduction::new(identity, move |chain| {
            let chain = certificate::inspect(chain, &name, &network, now);
            chain.is_some_and(|chain| chain.certificate.is_some() && chain.problems.is_empty())
        }))
    }

    fn place(&self) -> Option<&Place> {
        self.options.places.iter().find(|place| place.endpoint == self.facts.endpoint)
    }

    /// What is offered inside TLS. A stamp for APOP counts when the greeting came inside TLS too; USER and PASS are
    /// the way of a POP3 server without CAPA.
    fn offered(&self) -> Vec<String> {
        let mut offered = match &self.facts.after_tls {
            Attempt::Done(listed) => listed.mechanisms.clone(),
            Attempt::Absent(_) if self.facts.endpoint.protocol == Protocol::Pop3 => {
                vec![USER_PASS.to_owned()]
            }
            _ => Vec::new(),
        };
        if self.stamp().is_some() {
            offered.push(APOP.to_owned());
        }
        offered
    }

    fn stamp(&self) -> Option<&str> {
        let greeting = self.facts.greeting.value().filter(|greeting| greeting.apop)?;
        let inside = self.facts.endpoint.security == Security::Tls;
        pop3::stamp(&greeting.text).filter(|_| inside)
    }

    async fn attempt<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        attempted: Attempted,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) -> bool {
        self.transcript.spare(&attempted.username);
        self.signing_in = Some(attempted.as_tried(Some(Kind::Temporary)));
        let reply = self.ask_to_sign_in(&attempted, channel, dialogue).await;
        self.signing_in = None;
        let (failure, kind) = match reply {
            Ok(SignInReply::Accepted { capabilities }) => {
                self.facts.sign_ins.push(attempted.as_tried(None));
                return self.look_round(attempted, capabilities, channel, dialogue).await;
            }
            Ok(SignInReply::Refused(denial)) => {
                let reason = self.transcript.quote(&denial.text);
                let failure = Failure::new(Stage::Auth, Cause::SignInRefused, reason);
                let temporary = denial.kind == Kind::Temporary;
                (Failure { temporary, ..failure }, denial.kind)
            }
            Ok(SignInReply::Broken(reason)) => {
                let reason = self.transcript.quote(&reason);
                (Failure::new(Stage::Auth, Cause::Malformed, reason), Kind::Other)
            }
            Err(failure) => {
                // A server that breaks off or is silent has said nothing of the password.
                let untold = matches!(failure.cause, Cause::Closed | Cause::Reset | Cause::TimedOut);
                let temporary = failure.temporary || untold;
                self.facts.login = Attempt::Failed(Failure { stage: Stage::Auth, temporary, ..failure });
                let kind = if temporary { Kind::Temporary } else { Kind::Other };
                self.facts.sign_ins.push(attempted.as_tried(Some(kind)));
                return false;
            }
        };
        self.facts.login = Attempt::Failed(failure);
        self.facts.sign_ins.push(attempted.as_tried(Some(kind)));
        true
    }

    /// A sign-in that the end of the run cut off: the server has the secret, and may have taken it.
    pub(super) fn note_interrupted_sign_in(&mut self) {
        let (Some(by), Some(attempt)) = (self.facts.interrupted, self.signing_in.take()) else { return };
        let reason = "the run was ended before the server had answered the sign-in";
        self.facts.login = Attempt::Failed(Failure::temporary(Stage::Auth, Cause::Interrupted(by), reason));
        self.facts.sign_ins.push(attempt);
    }

    async fn ask_to_sign_in<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        attempted: &Attempted,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) -> Result<SignInReply, Failure> {
        let how = match self.how(attempted) {
            Ok(how) => how,
            Err(reason) => return Ok(SignInReply::Broken(reason)),
        };
        let Some(mut exchange) = dialogue.sign_in(how) else {
            let reason = format!("the protocol has no {}", attempted.mechanism.as_str());
            return Ok(SignInReply::Broken(reason));
        };
        let limit = self.reply_limit();
        channel.ask(exchange.as_mut(), Stage::Auth, limit, &mut self.transcript).await
    }

    /// The client's side of an attempt; the error says why there is none.
    fn how(&self, attempted: &Attempted) -> Result<SignIn, String> {
        let Attempted { credentials, mechanism, username, offered } = attempted;
        let secret = match &credentials.proof {
            Proof::Password(secret) | Proof::Token(secret) => Arc::clone(secret),
            Proof::Certificate => Arc::new(Secret::new(Vec::new())),
        };
        let endpoint = &self.facts.endpoint;
        let scram = |hash| {
            let binding = self.scram_binding(*mechanism, offered);
            let client = Scram::new(hash, username, Arc::clone(&secret), binding);
            client.map(|client| Box::new(client) as Box<dyn Client>).map_err(|violation| violation.0)
        };
        let client: Box<dyn Client> = match mechanism {
            Mechanism::ScramSha256Plus | Mechanism::ScramSha256 => scram(Hash::Sha256)?,
            Mechanism::ScramSha1Plus | Mechanism::ScramSha1 => scram(Hash::Sha1)?,
            Mechanism::CramMd5 => Box::new(CramMd5::new(username, secret)),
            Mechanism::Plain => Box::new(Plain::new(username, secret)),
            Mechanism::Login => Box::new(Login::new(username, secret)),
            Mechanism::OauthBearer => {
                Box::new(OAuth::bearer(username, &endpoint.host.to_string(), endpoint.port.get(), secret))
            }
            Mechanism::Xoauth2 => Box::new(OAuth::xoauth2(username, secret)),
            Mechanism::External => Box::new(External::new(username)),
            Mechanism::LoginCommand | Mechanism::UserPass => {
                return Ok(SignIn::Command { username: username.clone(), password: secret });
            }
            Mechanism::Apop => {
                let digest = apop(self.stamp().unwrap_or_default(), &secret);
                return Ok(SignIn::Apop { username: username.clone(), digest });
            }
        };
        Ok(SignIn::Sasl { name: mechanism.as_str(), client, initial: self.takes_initial_response() })
    }

    /// `p` for a mechanism that binds, `y` when the server offers none that does, `n` when another was asked for.
    fn scram_binding(&self, mechanism: Mechanism, offered: &[String]) -> Binding {
        match &self.binding {
            Some((name, data)) if mechanism.is_bound() => Binding::Bound(name, data.clone()),
            Some(_) if !offers_binding(offered) => Binding::ServerCannot,
            _ => Binding::No,
        }
    }

    /// IMAP takes a first response with the command where SASL-IR is offered (RFC 4959); POP3 and SMTP always do.
    fn takes_initial_response(&self) -> bool {
        let listed = self.facts.after_tls.value().map(|listed| listed.list.as_slice()).unwrap_or_default();
        let offers = |name: &str| listed.iter().any(|atom| atom.eq_ignore_ascii_case(name));
        self.facts.endpoint.protocol != Protocol::Imap || offers("SASL-IR") || offers("IMAP4rev2")
    }

    /// Asks what can be seen, changing nothing; a question that fails ends the asking, not the sign-in.
    async fn look_round<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        attempted: Attempted,
        listed: Option<Capabilities>,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) -> bool {
        let Attempted { credentials, mechanism, username, .. } = attempted;
        let means = credentials.proof.means();
        // Known from now on, also when the run ends while the rest is asked.
        let signed_in = SignedIn { mechanism, username, means, account: Account::default() };
        self.facts.login = Attempt::Done(signed_in.clone());
        let mut account = Account::default();
        let mut known = listed.or_else(|| self.facts.after_tls.value().cloned()).unwrap_or_default();
        let sender = credentials.sender();
        let mut go_on = true;
        for step in 0.. {
            let mut exchange = match dialogue.look(step, &known, sender.as_deref()) {
                Look::Ask(exchange) => exchange,
                Look::Pass => continue,
                Look::End => break,
            };
            let limit = self.reply_limit();
            match channel.ask(exchange.as_mut(), Stage::Auth, limit, &mut self.transcript).await {
                Ok(found) => account.add(found),
                Err(failure) => {
                    account.broken_off = Some(failure.reason);
                    go_on = false;
                    break;
                }
            }
            if let Some(listed) = account.capabilities.as_ref().filter(|listed| !listed.list.is_empty()) {
                known = listed.clone();
            }
        }
        account.clean(|text| self.transcript.clean(text));
        self.facts.login = Attempt::Done(SignedIn { account, ..signed_in });
        go_on
    }
}

/// Why no mechanism could be chosen.
fn not_offered(offered: &[String], means: Means, forced: Option<Mechanism>) -> (Withheld, String) {
    let (why, wanted) = match forced {
        Some(mechanism) => (Withheld::NotOffered, mechanism.as_str().to_owned()),
        None => {
            let wanted = format!("a way to sign in with a {} that mailcfg knows", means.in_words());
            (Withheld::NoMechanism(means), wanted)
        }
    };
    let listed =
        if offered.is_empty() { "lists none".to_owned() } else { format!("lists {}", offered.join(", ")) };
    (why, format!("the server does not offer {wanted}; it {}", excerpt(&listed)))
}

/// True when the last try was refused for its name or password, and there is another name to try.
pub(super) fn may_try(facts: &Facts, options: &Options, name: usize) -> bool {
    let refused = facts.sign_ins.last().and_then(|attempt| attempt.refused) == Some(Kind::WrongPassword);
    let Some(credentials) = options.login.as_ref().filter(|_| refused && facts.interrupted.is_none()) else {
        return false;
    };
    let place = options.places.iter().find(|place| place.endpoint == facts.endpoint);
    name < credentials.usernames(place).len() && facts.sign_ins.len() == name
}

/// Adds what another try found out; a try that did not come to a sign-in leaves the refusal before it.
pub(super) fn join(facts: &mut Facts, again: Facts) {
    facts.timings.total = again.timings.total.zip(facts.timings.total).map(|(one, other)| one + other);
    facts.timings.wait =
        [facts.timings.wait, again.timings.wait].into_iter().flatten().reduce(|one, other| one + other);
    facts.interrupted = facts.interrupted.or(again.interrupted);
    facts.transcript.extend(again.transcript);
    if again.sign_ins.is_empty() {
        let why = again.login.reason().unwrap_or_default().to_owned();
        facts.notes.push(format!("another user name could not be tried: {why}"));
        return;
    }
    facts.sign_ins.extend(again.sign_ins);
    facts.login = again.login;
}
