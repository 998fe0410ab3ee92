//! One more connection that puts a harmless command behind STARTTLS: is it answered inside TLS, where it must be gone?

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Options;
use super::drive::{Channel, Transcript};
use super::session::REPLY_LIMIT;
use super::session::answer::{address_literal, quoted, waiting_bytes};
use crate::attempt::{Cause, Failure, Stage};
use crate::net::Network;
use crate::net::dial::{Dialled, Undialled};
use crate::net::pace::Turn;
use crate::net::places::Place;
use crate::net::tls::{self, Groups, Secured, Stream, Unsecured};
use crate::settings::{Endpoint, Protocol};
use crate::wire::injection::{Echo, Fate, Injection};
use crate::wire::line::excerpt;
use crate::wire::{CapabilityReply, Dialogue, GreetingKind, StartTlsReply, dialogue};

/// What is tried, and where: a server whose STARTTLS is known to work.
pub(super) struct Trial<'a> {
    pub(super) network: &'a Network,
    pub(super) endpoint: &'a Endpoint,
    /// The address that was connected; `None` behind a proxy.
    pub(super) address: Option<SocketAddr>,
    pub(super) options: &'a Options,
    pub(super) groups: Groups,
    /// Put off by what is waited for.
    pub(super) deadline: Instant,
    /// How long nothing was done but wait for a turn and a place.
    pub(super) waited: Duration,
}

/// The connection, which keeps its turn and its place as long as it is open.
struct Begun {
    stream: TcpStream,
    dialogue: Box<dyn Dialogue>,
    _turn: Option<Turn>,
    _place: Option<Place>,
}

impl Trial<'_> {
    /// Tries it; a failure says why nobody could tell.
    pub(super) async fn run(&mut self, transcript: &mut Transcript) -> Result<Fate, Failure> {
        let Begun { stream, mut dialogue, _turn, _place } = self.connect().await?;
        let mut channel = Channel::new(stream);
        self.greet(&mut channel, dialogue.as_mut(), transcript).await?;
        let Injection { mut pair, mut echo } = dialogue.injection();
        let reply = channel.ask(pair.as_mut(), Stage::StartTls, self.limit(), transcript).await?;
        if let StartTlsReply::Refused(refusal) = reply {
            return refused(refusal.temporary, &transcript.clean(&refusal.text));
        }
        let stream = match self.secure(channel, transcript).await {
            // Dovecot takes the command for a record of the handshake, which worked without it.
            Err(Failure { cause: Cause::Handshake | Cause::Closed | Cause::Reset, reason, .. }) => {
                return Ok(Fate::Refused(reason));
            }
            secured => secured?,
        };
        self.listen(Channel::new(stream), &mut echo, transcript).await
    }

    async fn connect(&mut self) -> Result<Begun, Failure> {
        let Endpoint { protocol, host, port, .. } = self.endpoint;
        let dialled = match self.address {
            Some(address) => self.network.dial_address(address, self.deadline).await,
            None => self.network.dial_in_turn(host, *port, self.deadline, None).await,
        };
        let course = match &dialled {
            Ok(Dialled { course, .. }) | Err(Undialled { course, .. }) => course,
        };
        self.waited = course.waited;
        self.deadline += course.waited;
        let dialled = dialled.map_err(|undialled| undialled.failure)?;
        let ehlo = self.options.ehlo.clone().unwrap_or_else(|| address_literal(&dialled));
        let Dialled { stream, turn, place, .. } = dialled;
        Ok(Begun { stream, dialogue: dialogue(*protocol, &ehlo), _turn: turn, _place: place })
    }

    /// Waits for the greeting; SMTP wants EHLO before STARTTLS.
    async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        channel: &mut Channel<S>,
        dialogue: &mut dyn Dialogue,
        transcript: &mut Transcript,
    ) -> Result<(), Failure> {
        let mut greeting = dialogue.greeting();
        let greeting = channel.ask(greeting.as_mut(), Stage::Greeting, self.deadline, transcript).await?;
        if greeting.kind != GreetingKind::Ready {
            return Err(unclear(Stage::Greeting, transcript.quote(&greeting.raw)));
        }
        if self.endpoint.protocol == Protocol::Smtp {
            let mut ehlo = dialogue.capabilities();
            let reply = channel.ask(ehlo.as_mut(), Stage::Capabilities, self.limit(), transcript).await?;
            if let CapabilityReply::Refused(refusal) = reply {
                return Err(unclear(Stage::Capabilities, transcript.quote(&refusal.text)));
            }
        }
        Ok(())
    }

    async fn secure(&self, channel: Channel<TcpStream>, transcript: &Transcript) -> Result<Stream, Failure> {
        let (stream, mut rest) = channel.into_parts();
        rest.extend(waiting_bytes(&stream));
        if !rest.is_empty() {
            let words = quoted(&rest, transcript);
            let reason =
                format!("the server answered the command in clear text, before the handshake: {words}");
            return Err(unclear(Stage::StartTls, reason));
        }
        let name = self.options.sni.as_ref().unwrap_or(&self.endpoint.host);
        let secured = tls::handshake(stream, name, self.groups, self.deadline, None, None).await;
        secured.map(|Secured { stream, .. }| stream).map_err(|Unsecured { failure, .. }| {
            let reason = transcript.clean(&failure.reason);
            Failure { reason, ..failure }
        })
    }

    async fn listen(
        &self,
        mut channel: Channel<Stream>,
        echo: &mut Echo,
        transcript: &mut Transcript,
    ) -> Result<Fate, Failure> {
        match channel.ask(echo, Stage::Capabilities, self.limit(), transcript).await {
            Err(failure) if failure.cause == Cause::Closed => echo.at_end().ok_or(failure),
            Ok(Fate::Answered(line)) => Ok(Fate::Answered(transcript.clean(&line))),
            answer => answer,
        }
    }

    fn limit(&self) -> Instant {
        self.deadline.min(Instant::now() + REPLY_LIMIT)
    }
}

/// STARTTLS alone was agreed to before, so a refusal for good is one of the command behind it.
fn refused(temporary: bool, words: &str) -> Result<Fate, Failure> {
    let words = excerpt(words);
    if temporary { Err(unclear(Stage::StartTls, words)) } else { Ok(Fate::Refused(words)) }
}

fn unclear(stage: Stage, reason: String) -> Failure {
    Failure::temporary(stage, Cause::Busy, reason)
}
