//! The document of a probe.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SCHEMA;
use super::attempt::{AttemptModel, FindingModel, RetryModel, milliseconds};
use super::login::LoginModel;
use super::lookup::LookupModel;
use crate::net::tls::Agreed;
use crate::probe::certificate::{Certificate, Chain};
use crate::probe::facts::{Answer, Facts, PasswordAuth, Timings};
use crate::report::{EndpointReport, Report};
use crate::wire::Greeting;

/// The document.
#[derive(Debug, Serialize)]
pub struct ProbeModel<'a> {
    schema: u32,
    command: &'static str,
    target: &'a str,
    status: &'static str,
    settings: Option<LookupModel<'a>>,
    endpoints: Vec<EndpointModel<'a>>,
    findings: Vec<FindingModel<'a>>,
}

impl<'a> ProbeModel<'a> {
    /// Of a report.
    pub fn of(report: &'a Report) -> Self {
        Self {
            schema: SCHEMA,
            command: report.command,
            target: &report.target,
            status: report.status.as_str(),
            settings: report.lookup.as_ref().map(LookupModel::of),
            endpoints: report.endpoints.iter().map(|it| EndpointModel::of(it, report)).collect(),
            findings: FindingModel::all(&report.findings),
        }
    }
}

#[derive(Debug, Serialize)]
struct EndpointModel<'a> {
    protocol: &'static str,
    host: String,
    port: u16,
    security: &'static str,
    address: Option<String>,
    status: &'static str,
    connect: AttemptModel<'a, ()>,
    greeting: GreetingModel<'a>,
    capabilities: CapabilitiesModel<'a>,
    starttls: AttemptModel<'a, StartTlsModel>,
    tls: TlsModel<'a>,
    password_auth: PasswordAuthModel,
    login: LoginModel<'a>,
    timings_ms: TimingsModel,
    retried_with_smaller_hello: Option<&'a str>,
    notes: &'a [String],
    shared: bool,
    retries: Vec<RetryModel<'a>>,
    named_by: Vec<&'static str>,
    findings: Vec<FindingModel<'a>>,
}

impl<'a> EndpointModel<'a> {
    fn of(report: &'a EndpointReport, whole: &Report) -> Self {
        let facts = &report.facts;
        Self {
            protocol: facts.endpoint.protocol.as_str(),
            host: facts.endpoint.host.to_string(),
            port: facts.endpoint.port.get(),
            security: facts.endpoint.security.as_str(),
            address: facts.address.map(|address| address.ip().to_string()),
            status: report.status.as_str(),
            connect: AttemptModel::of(&facts.connect, |()| None),
            greeting: GreetingModel::of(facts),
            capabilities: CapabilitiesModel::of(facts),
            starttls: AttemptModel::of(&facts.starttls, |it| Some(StartTlsModel { offered: it.offered })),
            tls: TlsModel::of(facts, whole.now),
            password_auth: PasswordAuthModel::of(facts.password_auth()),
            login: LoginModel::of(facts),
            timings_ms: TimingsModel::of(&facts.timings),
            retried_with_smaller_hello: facts.smaller_hello.as_ref().map(|it| it.reason.as_str()),
            notes: &facts.notes,
            shared: facts.shared,
            retries: RetryModel::all(&facts.retries),
            named_by: whole.named_by(report).iter().map(|source| source.as_str()).collect(),
            findings: FindingModel::all(&report.findings),
        }
    }
}

/// A server that turned the client away has its words beside the failure.
#[derive(Debug, Serialize)]
struct GreetingModel<'a> {
    #[serde(flatten)]
    attempt: AttemptModel<'a, WordsModel<'a>>,
    #[serde(flatten)]
    turned_away: Option<WordsModel<'a>>,
}

#[derive(Debug, Serialize)]
struct WordsModel<'a> {
    kind: &'static str,
    text: &'a str,
}

impl<'a> GreetingModel<'a> {
    fn of(facts: &'a Facts) -> Self {
        let words =
            |greeting: &'a Greeting| WordsModel { kind: greeting.kind.as_str(), text: &greeting.text };
        Self {
            attempt: AttemptModel::of(&facts.greeting, |greeting| Some(words(greeting))),
            turned_away: facts.turned_away.as_ref().map(words),
        }
    }
}

#[derive(Debug, Serialize)]
struct CapabilitiesModel<'a> {
    before_tls: AttemptModel<'a, &'a [String]>,
    after_tls: AttemptModel<'a, &'a [String]>,
    changed: Option<ChangesModel>,
}

#[derive(Debug, Serialize)]
struct ChangesModel {
    added: Vec<String>,
    dropped: Vec<String>,
}

impl<'a> CapabilitiesModel<'a> {
    fn of(facts: &'a Facts) -> Self {
        let changed = facts.changes();
        Self {
            before_tls: AttemptModel::of(&facts.before_tls, |listed| Some(listed.list.as_slice())),
            after_tls: AttemptModel::of(&facts.after_tls, |listed| Some(listed.list.as_slice())),
            changed: changed.map(|it| ChangesModel { added: it.added, dropped: it.dropped }),
        }
    }
}

#[derive(Debug, Serialize)]
struct StartTlsModel {
    offered: Option<bool>,
}

/// A handshake that failed may have shown certificates before.
#[derive(Debug, Serialize)]
struct TlsModel<'a> {
    #[serde(flatten)]
    attempt: AttemptModel<'a, AgreedModel<'a>>,
    #[serde(flatten)]
    chain: Option<ChainModel<'a>>,
}

#[derive(Debug, Serialize)]
struct AgreedModel<'a> {
    version: &'static str,
    cipher_suite: &'a str,
    key_exchange: Option<&'a str>,
    post_quantum: bool,
    #[serde(flatten)]
    chain: Option<ChainModel<'a>>,
}

#[derive(Debug, Serialize)]
struct ChainModel<'a> {
    certificate: Option<CertificateModel<'a>>,
    chain_length: usize,
    problems: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct CertificateModel<'a> {
    subject: &'a str,
    issuer: &'a str,
    names: &'a [String],
    not_before: String,
    not_after: String,
    days_left: i64,
    key: &'a str,
    signature: &'a str,
    sha256: &'a str,
    key_sha256: &'a str,
}

impl<'a> TlsModel<'a> {
    fn of(facts: &'a Facts, now: OffsetDateTime) -> Self {
        let chain = || facts.chain.as_ref().map(|chain| ChainModel::of(chain, now));
        Self {
            attempt: AttemptModel::of(&facts.tls, |agreed| Some(AgreedModel::of(agreed, chain()))),
            chain: facts.tls.failure().and_then(|_| chain()),
        }
    }
}

impl<'a> AgreedModel<'a> {
    fn of(agreed: &'a Agreed, chain: Option<ChainModel<'a>>) -> Self {
        Self {
            version: agreed.version,
            cipher_suite: &agreed.cipher_suite,
            key_exchange: agreed.key_exchange.as_deref(),
            post_quantum: agreed.post_quantum,
            chain,
        }
    }
}

impl<'a> ChainModel<'a> {
    fn of(chain: &'a Chain, now: OffsetDateTime) -> Self {
        Self {
            certificate: chain.certificate.as_ref().map(|it| CertificateModel::of(it, now)),
            chain_length: chain.length,
            problems: chain.problems.iter().map(|problem| problem.kind.as_str()).collect(),
        }
    }
}

impl<'a> CertificateModel<'a> {
    fn of(certificate: &'a Certificate, now: OffsetDateTime) -> Self {
        let time = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
        Self {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            names: &certificate.names,
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
            days_left: certificate.days_left(now),
            key: &certificate.key,
            signature: &certificate.signature,
            sha256: &certificate.sha256,
            key_sha256: &certificate.key_sha256,
        }
    }
}

#[derive(Debug, Serialize)]
struct PasswordAuthModel {
    answer: &'static str,
    mechanisms: MechanismsModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct MechanismsModel {
    before_tls: Vec<String>,
    after_tls: Vec<String>,
}

impl PasswordAuthModel {
    fn of(auth: PasswordAuth) -> Self {
        Self {
            answer: auth.answer.as_str(),
            mechanisms: MechanismsModel { before_tls: auth.before_tls, after_tls: auth.after_tls },
            reason: match auth.answer {
                Answer::Unknown(reason) => Some(reason),
                Answer::Yes | Answer::No | Answer::OnlyBeforeTls => None,
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct TimingsModel {
    wait: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    greeting: Option<f64>,
    starttls: Option<f64>,
    tls: Option<f64>,
    capabilities: Option<f64>,
    total: Option<f64>,
}

impl TimingsModel {
    fn of(timings: &Timings) -> Self {
        let step = |time: Option<Duration>| time.map(milliseconds);
        Self {
            wait: step(timings.wait),
            dns: step(timings.dns),
            connect: step(timings.connect),
            greeting: step(timings.greeting),
            starttls: step(timings.starttls),
            tls: step(timings.tls),
            capabilities: step(timings.capabilities),
            total: step(timings.total),
        }
    }
}
