//! One TLS handshake whose verifier records in place of judging, and the ways it can fail told apart.
//!
//! The server's signature is always checked: it proves that the server holds the key of the certificate it sent.
//! Whether the certificate is to be trusted is for the probe to find out and for rules to judge.

mod binding;
pub mod identity;
mod recorder;
mod watched;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, NamedGroup, PeerIncompatible, ProtocolVersion, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::attempt::{Cause, Failure, Stage};
use crate::target::Host;
pub use binding::Binding;
use identity::Introduction;
use recorder::Recorder;
use watched::{Answer, Seen, TooMuch};
pub use watched::{CONNECTION_BYTES, Watched, broken_inside};

/// A connection inside TLS.
pub type Stream = TlsStream<Watched>;

/// A finished handshake.
#[derive(Debug)]
pub struct Secured {
    /// The connection.
    pub stream: Stream,
    /// What was agreed.
    pub agreed: Agreed,
    /// The certificates the server sent, its own first, as DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// What a sign-in can be bound to this connection by.
    pub binding: Option<Binding>,
}

/// Seeds the random numbers of this process, off the thread that serves the connections: it takes some 60 ms, once.
///
/// Handshakes wait for it by themselves; a run begins it early, so that it passes beside names and connections.
pub async fn ready() {
    static READY: OnceCell<()> = OnceCell::const_new();
    let seed = || {
        let provider = aws_lc_rs::default_provider();
        // A group starts a key exchange, for which its own random numbers are seeded too.
        provider.kx_groups.iter().for_each(|group| drop(group.start()));
    };
    READY
        .get_or_init(|| async move {
            // A seed that could not be made early is made by the handshake.
            let _ = tokio::task::spawn_blocking(seed).await;
        })
        .await;
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The name of the cipher suite in the IANA registry.
    pub cipher_suite: String,
    /// The name of the key exchange group in the IANA registry; `None` for RSA key transport, which is not spoken.
    pub key_exchange: Option<String>,
    /// True when the group resists quantum computers.
    pub post_quantum: bool,
}

/// A handshake that failed.
#[derive(Debug)]
pub struct Unsecured {
    /// Why.
    pub failure: Failure,
    /// True when nothing but an alert, an end or silence followed ClientHello: it may have been too large.
    pub broke_on_hello: bool,
    /// The certificates, when they came before the failure.
    pub chain: Vec<CertificateDer<'static>>,
    /// True when it was ended here, before a client certificate was shown to a server that may not see it.
    pub kept_back: bool,
}

/// Which key exchange groups are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// X25519MLKEM768 first, with its large key share.
    PostQuantum,
    /// Classical groups alone: a small ClientHello.
    Classical,
}

/// Performs a handshake.
///
/// `name` is sent as SNI when it is a host name (RFC 6066 has no form for addresses). When `patience` is given, a server silent so long after
/// ClientHello counts as broken by it, so that there is time left to try a smaller one. With an `introduction`, a server that asks for a
/// client certificate gets it, and one that may not see it has the handshake ended, whether it asks or not.
///
/// # Errors
/// [`Unsecured`], with the failure in the stage `tls`.
pub async fn handshake(
    stream: TcpStream,
    name: &Host,
    groups: Groups,
    deadline: Instant,
    patience: Option<Duration>,
    introduction: Option<Introduction>,
) -> Result<Secured, Unsecured> {
    ready().await;
    let resolver = introduction.as_ref().map(Introduction::resolver);
    let recorder = Arc::new(Recorder::new(introduction));
    let mut config = config(groups, Arc::clone(&recorder));
    if let Some(resolver) = resolver {
        config.client_auth_cert_resolver = resolver;
    }
    let watched = Watched::new(stream);
    let seen = watched.seen();
    let started = Instant::now();
    let mut connecting = Box::pin(TlsConnector::from(Arc::new(config)).connect(server_name(name), watched));
    let mut ended = None;
    if let Some(patience) = patience.filter(|patience| started + *patience < deadline) {
        ended = timeout_at(started + patience, &mut connecting).await.ok();
    }
    if ended.is_none() && (patience.is_none() || !seen.is_empty()) {
        ended = timeout_at(deadline, &mut connecting).await.ok();
    }
    let broke_on_hello = seen.only_alert();
    let failure = match ended {
        Some(Ok(stream)) => return Ok(secured(stream, recorder.chain())),
        Some(Err(error)) => failure_of(&error, &seen),
        None => silent(started.elapsed(), &seen),
    };
    let kept_back = recorder.kept_back();
    Err(Unsecured { failure, broke_on_hello, chain: recorder.chain(), kept_back })
}

fn secured(stream: Stream, chain: Vec<CertificateDer<'static>>) -> Secured {
    let (watched, session) = stream.get_ref();
    // Else Linux may delay the acknowledgement of session tickets, for which Postfix waits before it replies.
    #[cfg(target_os = "linux")]
    let _ = watched.tcp().set_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = watched;
    let group = session.negotiated_key_exchange_group().map(|group| group.name());
    let agreed = Agreed {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        cipher_suite: session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown")
            .to_owned(),
        key_exchange: group.map(|group| group.as_str().unwrap_or("unknown").to_owned()),
        post_quantum: matches!(
            group,
            Some(NamedGroup::X25519MLKEM768 | NamedGroup::secp256r1MLKEM768 | NamedGroup::MLKEM768)
        ),
    };
    let binding = binding::of(session, &chain);
    Secured { stream, agreed, chain, binding }
}

fn config(groups: Groups, recorder: Arc<Recorder>) -> ClientConfig {
    let mut provider: CryptoProvider = aws_lc_rs::default_provider();
    if groups == Groups::Classical {
        provider.kx_groups.retain(|group| {
            matches!(group.name(), NamedGroup::X25519 | NamedGroup::secp256r1 | NamedGroup::secp384r1)
        });
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(recorder)
        .with_no_client_auth();
    // A resumed session would not show its certificate.
    config.resumption = Resumption::disabled();
    config
}

/// The settings of a connection to a helper such as a resolver: it ends when the certificate is not trusted.
pub fn judging_config(roots: Arc<RootCertStore>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn server_name(host: &Host) -> ServerName<'static> {
    match host {
        Host::Ip(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.to_string()).expect("a checked domain is a DNS name"),
    }
}

fn silent(elapsed: Duration, seen: &Seen) -> Failure {
    let what = if seen.is_empty() { "no answer to ClientHello" } else { "the TLS handshake did not end" };
    Failure::new(Stage::Tls, Cause::TimedOut, format!("{what} within {:.1} s", elapsed.as_secs_f64()))
}

fn failure_of(error: &io::Error, seen: &Seen) -> Failure {
    let fail = |cause, reason: String| Failure::new(Stage::Tls, cause, reason);
    match seen.answer() {
        Answer::Text(words) => {
            return fail(Cause::PlainText, format!("the server answered ClientHello in clear text: {words}"));
        }
        Answer::Garbage(start) => {
            let reason = format!("the server answered ClientHello with what is no TLS record: {start}");
            return fail(Cause::Malformed, reason);
        }
        Answer::Records => {}
    }
    if error.get_ref().is_some_and(|inner| inner.is::<TooMuch>()) {
        return fail(Cause::Malformed, TooMuch.to_string());
    }
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        let cause = Cause::of_io(error);
        let reason = match cause {
            Cause::Closed => "the server closed the connection during the TLS handshake".to_owned(),
            _ => format!("the server reset the connection during the TLS handshake ({error})"),
        };
        return fail(cause, reason);
    };
    match tls {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => fail(Cause::TlsTooOld, format!("the server speaks neither TLS 1.2 nor TLS 1.3 ({tls})")),
        rustls::Error::AlertReceived(alert) => {
            fail(Cause::Handshake, format!("the server ended the TLS handshake with the alert {alert:?}"))
        }
        other => fail(Cause::Handshake, format!("the TLS handshake failed: {other}")),
    }
}
