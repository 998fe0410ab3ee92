//! From clear text to TLS: STARTTLS, what may not stand behind it, and the trial of a command that does.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Session;
use super::answer::{injected, refused, waiting_bytes};
use super::steps::BARE_LF;
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::tls::Groups;
use crate::probe::drive::Channel;
use crate::probe::facts::StartTls;
use crate::probe::injection::Trial;
use crate::wire::injection::Fate;
use crate::wire::{Dialogue, Refusal, StartTlsReply};

impl Session<'_> {
    /// Asks for TLS, whether it was advertised or not, and goes on inside it.
    pub(super) async fn upgrade(
        &mut self,
        channel: Channel<TcpStream>,
        dialogue: &mut dyn Dialogue,
        groups: Groups,
    ) {
        let Some(stream) = self.ask_for_tls(channel, dialogue).await else { return };
        let Some(stream) = self.handshake(stream, groups).await else {
            let in_clear = self.facts.tls.failure().filter(|failure| failure.cause == Cause::PlainText);
            if let Some(failure) = in_clear {
                self.facts.starttls = Attempt::Failed(Failure { stage: Stage::StartTls, ..failure.clone() });
            }
            return;
        };
        let mut channel = Channel::new(stream);
        let (attempt, go_on) = self.ask_capabilities(&mut channel, dialogue).await;
        self.facts.after_tls = attempt;
        if go_on && self.sign_in(&mut channel, dialogue).await {
            self.part(channel, dialogue).await;
        }
        if self.options.starttls_injection {
            // Nobody waits for a place who holds one.
            self.place = None;
            self.facts.injection = Some(self.try_injection(groups).await);
        }
    }

    /// Sends STARTTLS; gives the stream back when the handshake may begin and nothing stands before it.
    async fn ask_for_tls(
        &mut self,
        mut channel: Channel<TcpStream>,
        dialogue: &mut dyn Dialogue,
    ) -> Option<TcpStream> {
        let offered = self.offers_starttls();
        let started = Instant::now();
        let limit = self.reply_limit();
        let mut exchange = dialogue.starttls();
        let reply = channel.ask(exchange.as_mut(), Stage::StartTls, limit, &mut self.transcript).await;
        self.facts.timings.starttls = Some(started.elapsed());
        match reply {
            Err(failure) => {
                self.facts.starttls = Attempt::Failed(failure);
                return None;
            }
            Ok(StartTlsReply::Refused(refusal)) => {
                let text = self.transcript.clean(&refusal.text);
                self.facts.starttls = refused(&Refusal { text, ..refusal }, offered);
                self.part(channel, dialogue).await;
                return None;
            }
            Ok(StartTlsReply::GoAhead) => {
                self.facts.starttls = Attempt::Done(StartTls { offered });
            }
        }
        self.facts.notes.extend(channel.bare_lf.then(|| BARE_LF.to_owned()));
        let (stream, mut rest) = channel.into_parts();
        rest.extend(waiting_bytes(&stream));
        if !rest.is_empty() {
            self.facts.starttls = Attempt::Failed(injected(&rest, &self.transcript));
            return None;
        }
        Some(stream)
    }

    /// Whether STARTTLS stands among the capabilities; `None` when these could not be found out.
    fn offers_starttls(&self) -> Option<bool> {
        match &self.facts.before_tls {
            Attempt::Done(listed) => Some(listed.starttls),
            // A POP3 server without CAPA lists nothing.
            Attempt::Absent(_) => Some(false),
            Attempt::Failed(_) | Attempt::Skipped(_) => None,
        }
    }

    /// Connects once more, to the same address, to see whether a command can be put behind STARTTLS.
    async fn try_injection(&mut self, groups: Groups) -> Attempt<Fate> {
        self.note("once more, with a command behind STARTTLS");
        let mut trial = Trial {
            network: self.network,
            endpoint: &self.facts.endpoint,
            address: self.facts.address,
            options: self.options,
            groups,
            deadline: self.deadline,
            waited: Duration::ZERO,
        };
        let fate = trial.run(&mut self.transcript).await;
        let waited = trial.waited;
        self.add_wait(waited);
        fate.into()
    }
}
