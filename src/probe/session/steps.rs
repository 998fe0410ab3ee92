//! The single steps of a session: the handshake, the greeting, the capabilities, the goodbye.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Session;
use super::answer::named;
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::tls::{self, Groups, Secured, Unsecured};
use crate::probe::certificate;
use crate::probe::drive::Channel;
use crate::probe::facts::StartTls;
use crate::wire::line::excerpt;
use crate::wire::{Capabilities, CapabilityReply, Dialogue, Greeting, GreetingKind};

impl Session<'_> {
    pub(super) async fn handshake(&mut self, stream: TcpStream, groups: Groups) -> Option<tls::Stream> {
        let name = self.options.sni.as_ref().unwrap_or(&self.facts.endpoint.host).clone();
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = (groups == Groups::PostQuantum).then_some(left / 2);
        // What this machine needs to begin with is no time of the server's.
        tls::ready().await;
        let started = Instant::now();
        let introduction = self.introduction(&name);
        let result = tls::handshake(stream, &name, groups, self.deadline, patience, introduction).await;
        self.facts.timings.tls = Some(started.elapsed());
        let chain = match &result {
            Ok(Secured { chain, .. }) | Err(Unsecured { chain, .. }) => chain,
        };
        self.facts.chain = certificate::inspect(chain, &name, self.network, self.facts.began);
        self.note_cut_names();
        match result {
            Ok(secured) => {
                self.note(&format!("{} with {}", secured.agreed.version, secured.agreed.cipher_suite));
                self.facts.tls = Attempt::Done(secured.agreed);
                self.binding = secured.binding;
                Some(secured.stream)
            }
            Err(unsecured) => {
                self.kept_back = unsecured.kept_back;
                match self.kept_back {
                    true => self.note("ended here: this server may not see the client certificate"),
                    false => self.note(&unsecured.failure.reason),
                }
                let failure = named(unsecured.failure);
                let by_size = unsecured.broke_on_hello && groups == Groups::PostQuantum;
                self.broke_on_hello = by_size.then(|| failure.clone());
                self.facts.tls = Attempt::Failed(failure);
                None
            }
        }
    }

    fn note_cut_names(&mut self) {
        let certificate = self.facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref());
        let Some(certificate) = certificate.filter(|certificate| certificate.more_names > 0) else { return };
        let (kept, more) = (certificate.names.len(), certificate.more_names);
        self.facts.notes.push(format!("the certificate has {} names, kept are {kept}", kept + more));
    }

    /// Reads the greeting; `None` when the server will not talk.
    pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: &mut Channel<S>,
        dialogue: &dyn Dialogue,
        deadline: Instant,
    ) -> Option<Greeting> {
        let started = Instant::now();
        let mut exchange = dialogue.greeting();
        let greeting = channel.ask(exchange.as_mut(), Stage::Greeting, deadline, &mut self.transcript).await;
        self.facts.timings.greeting = Some(started.elapsed());
        let greeting = match greeting {
            Ok(greeting) => self.cleaned(greeting),
            Err(failure) => {
                self.facts.greeting = Attempt::Failed(failure);
                return None;
            }
        };
        let cause = match greeting.kind {
            GreetingKind::Ready | GreetingKind::Preauth => {
                self.facts.greeting = Attempt::Done(greeting.clone());
                return Some(greeting);
            }
            GreetingKind::Bye => Cause::Bye,
            GreetingKind::Rejected => Cause::Rejected,
            GreetingKind::Busy => Cause::Busy,
        };
        let failure = Failure::new(Stage::Greeting, cause, excerpt(&greeting.raw));
        self.facts.greeting = Attempt::Failed(Failure { temporary: greeting.temporary, ..failure });
        self.facts.turned_away = Some(greeting);
        None
    }

    /// Asks what the server can do; the flag says whether the dialogue can go on.
    pub(super) async fn ask_capabilities<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) -> (Attempt<Capabilities>, bool) {
        let started = Instant::now();
        let limit = self.reply_limit();
        let mut exchange = dialogue.capabilities();
        let reply = channel.ask(exchange.as_mut(), Stage::Capabilities, limit, &mut self.transcript).await;
        *self.facts.timings.capabilities.get_or_insert_default() += started.elapsed();
        match reply {
            Ok(CapabilityReply::List(mut listed)) => {
                self.clean_list(&mut listed);
                self.facts.notes.extend(listed.notes.iter().cloned());
                (Attempt::Done(listed), true)
            }
            Ok(CapabilityReply::Unsupported(words)) => (Attempt::Absent(self.transcript.quote(&words)), true),
            Ok(CapabilityReply::Refused(no)) => {
                let cause = if no.temporary { Cause::Busy } else { Cause::CommandRefused };
                let words = self.transcript.quote(&no.text);
                let failure = Failure::new(Stage::Capabilities, cause, words);
                (Attempt::Failed(Failure { temporary: no.temporary, ..failure }), !no.closing)
            }
            Err(failure) => (Attempt::Failed(failure), false),
        }
    }

    /// A greeting without the secret, which the server may know from another connection.
    fn cleaned(&self, mut greeting: Greeting) -> Greeting {
        greeting.text = self.transcript.clean(&greeting.text);
        greeting.raw = self.transcript.clean(&greeting.raw);
        greeting.capabilities.iter_mut().for_each(|listed| self.clean_list(listed));
        greeting
    }

    fn clean_list(&self, listed: &mut Capabilities) {
        for texts in [&mut listed.list, &mut listed.mechanisms, &mut listed.notes] {
            texts.iter_mut().for_each(|text| *text = self.transcript.clean(text));
        }
    }

    /// What the capabilities say of STARTTLS when it is not to be tried.
    pub(super) fn offer_of_starttls(&self) -> Attempt<StartTls> {
        match &self.facts.before_tls {
            Attempt::Done(listed) if listed.starttls => Attempt::Done(StartTls { offered: Some(true) }),
            Attempt::Done(_) => {
                Attempt::Absent("not advertised; not tried, for security none was asked for".to_owned())
            }
            _ => {
                Attempt::Skipped("security none was asked for, and the capabilities are not known".to_owned())
            }
        }
    }

    /// Finds out why a port was silent: a server that wants TLS first answers ClientHello, a web server complains.
    pub(super) async fn ask_whether_tls_at_once(&mut self, channel: Channel<TcpStream>) {
        let (stream, rest) = channel.into_parts();
        if !rest.is_empty() {
            return;
        }
        let host = self.facts.endpoint.host.clone();
        let answer = tls::handshake(stream, &host, Groups::Classical, self.deadline, None, None).await;
        let cause = match answer {
            Ok(_) => Cause::TlsAtOnce,
            Err(Unsecured { failure, broke_on_hello, .. }) => match named(failure).cause {
                Cause::OtherProtocol(name) => Cause::OtherProtocol(name),
                Cause::Handshake | Cause::TlsTooOld if !broke_on_hello => Cause::TlsAtOnce,
                Cause::PlainText if self.hurries() => return self.greets_late = true,
                _ => return,
            },
        };
        let reason = match cause {
            Cause::OtherProtocol(name) => format!("no greeting came, and ClientHello was answered in {name}"),
            _ => {
                "no greeting came, but a TLS handshake was answered: this port speaks TLS at once".to_owned()
            }
        };
        self.facts.greeting = Attempt::Failed(Failure::new(Stage::Greeting, cause, reason));
    }

    /// Says goodbye to a server that turned the client away; one that did not greet is told nothing.
    pub(super) async fn turn_back<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) {
        if self.facts.turned_away.is_some() {
            self.part(channel, dialogue).await;
        }
    }

    pub(super) async fn part<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: Channel<S>,
        dialogue: &mut dyn Dialogue,
    ) {
        if channel.bare_lf && !self.facts.notes.iter().any(|note| note == BARE_LF) {
            self.facts.notes.push(BARE_LF.to_owned());
        }
        channel.close(&dialogue.goodbye(), &mut self.transcript).await;
    }
}

pub(super) const BARE_LF: &str = "the server ends lines with LF alone";
