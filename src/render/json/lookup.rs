//! The document of a lookup, and the questions of one that is not made.

use serde::Serialize;

use super::SCHEMA;
use super::attempt::{AttemptModel, FindingModel, RetryModel, milliseconds};
use crate::lookup::Asked;
use crate::lookup::merge::Disagreement;
use crate::lookup::source::{Answer, Question};
use crate::report::{Looked, LookupReport, UnaskedReport};
use crate::settings::{Access, ProviderInfo, Service};
use crate::target::Address;

/// The document.
#[derive(Debug, Serialize)]
pub struct LookupModel<'a> {
    schema: u32,
    command: &'static str,
    target: &'a str,
    status: &'static str,
    domain: Option<&'a str>,
    provider: Option<ProviderInfoModel<'a>>,
    services: Vec<ServiceModel<'a>>,
    decided_by: Option<&'a str>,
    sources: Vec<SourceModel<'a>>,
    disagreements: Vec<DisagreementModel<'a>>,
    findings: Vec<FindingModel<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retries: Vec<RetryModel<'a>>,
}

impl<'a> LookupModel<'a> {
    /// Of what became of a target.
    pub fn of_looked(looked: &'a Looked) -> Self {
        match looked {
            Looked::Asked(report) => Self::of(report),
            Looked::Unasked(report) => Self::of_unasked(report),
        }
    }

    fn of_unasked(report: &'a UnaskedReport) -> Self {
        Self {
            schema: SCHEMA,
            command: "lookup",
            target: &report.target,
            status: report.status.as_str(),
            domain: None,
            provider: None,
            services: Vec::new(),
            decided_by: None,
            sources: Vec::new(),
            disagreements: Vec::new(),
            findings: FindingModel::all(std::slice::from_ref(&report.finding)),
            retries: Vec::new(),
        }
    }

    /// Of a judged lookup.
    pub fn of(report: &'a LookupReport) -> Self {
        let lookup = &report.lookup;
        let address = lookup.query.address.as_ref();
        let settings = lookup.settings.as_ref();
        let services = settings.map(|settings| settings.services.as_slice()).unwrap_or_default();
        Self {
            schema: SCHEMA,
            command: "lookup",
            target: &lookup.query.typed,
            status: lookup.status().as_str(),
            domain: Some(lookup.query.domain.as_str()),
            provider: settings.and_then(|settings| settings.provider.as_ref()).map(ProviderInfoModel::of),
            services: services.iter().map(|service| ServiceModel::of(service, address)).collect(),
            decided_by: lookup.decided_by.as_deref(),
            sources: lookup.sources.iter().map(SourceModel::of).collect(),
            disagreements: lookup.disagreements.iter().map(DisagreementModel::of).collect(),
            findings: FindingModel::all(&report.findings),
            retries: RetryModel::all(&lookup.retries),
        }
    }
}

#[derive(Debug, Serialize)]
struct ProviderInfoModel<'a> {
    id: &'a str,
    name: &'a str,
    documentation: Option<&'a str>,
    webmail: Option<&'a str>,
    instructions: Vec<InstructionModel<'a>>,
    oauth2: Option<OAuth2Model<'a>>,
}

#[derive(Debug, Serialize)]
struct InstructionModel<'a> {
    text: &'a str,
    url: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct OAuth2Model<'a> {
    issuer: &'a str,
    scopes: &'a [String],
    auth_url: Option<&'a str>,
    token_url: Option<&'a str>,
}

impl<'a> ProviderInfoModel<'a> {
    fn of(provider: &'a ProviderInfo) -> Self {
        let instructions = provider.instructions.iter();
        Self {
            id: &provider.id,
            name: &provider.name,
            documentation: provider.documentation.as_deref(),
            webmail: provider.webmail.as_deref(),
            instructions: instructions
                .map(|it| InstructionModel { text: &it.text, url: it.url.as_deref() })
                .collect(),
            oauth2: provider.oauth2.as_ref().map(|oauth2| OAuth2Model {
                issuer: &oauth2.issuer,
                scopes: &oauth2.scopes,
                auth_url: oauth2.auth_url.as_deref(),
                token_url: oauth2.token_url.as_deref(),
            }),
        }
    }
}

/// A server of `url`, or of host, port and security.
#[derive(Debug, Serialize)]
struct ServiceModel<'a> {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<&'static str>,
    username: Option<String>,
    username_form: Option<&'a str>,
    auth: Vec<&'static str>,
    source: &'static str,
    trust: &'static str,
    other_domain: bool,
    recommended: bool,
}

impl<'a> ServiceModel<'a> {
    fn of(service: &'a Service, address: Option<&Address>) -> Self {
        let username = service.username.as_ref();
        let place = service.access.place();
        Self {
            protocol: service.access.protocol(),
            url: match &service.access {
                Access::Jmap { url } => Some(url),
                _ => None,
            },
            host: place.map(|(host, ..)| host.to_string()),
            port: place.map(|(_, port, _)| port.get()),
            security: place.map(|(.., security)| security.as_str()),
            username: username.zip(address).map(|(form, address)| form.of(address)),
            username_form: username.map(|form| form.as_str()),
            auth: service.auth.iter().map(|method| method.as_str()).collect(),
            source: service.source.as_str(),
            trust: service.trust.as_str(),
            other_domain: service.other_domain,
            recommended: service.recommended,
        }
    }
}

#[derive(Debug, Serialize)]
struct SourceModel<'a> {
    source: &'static str,
    elapsed_ms: f64,
    #[serde(flatten)]
    attempt: AttemptModel<'a, AnswerModel<'a>>,
    /// Those that led to no answer; else they stand beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirects: Option<&'a [String]>,
}

impl<'a> SourceModel<'a> {
    fn of(asked: &'a Asked) -> Self {
        Self {
            source: asked.source.as_str(),
            elapsed_ms: milliseconds(asked.elapsed),
            attempt: AttemptModel::of(&asked.outcome, |answer| Some(AnswerModel::of(answer))),
            redirects: (asked.outcome.value().is_none() && !asked.redirects.is_empty())
                .then_some(asked.redirects.as_slice()),
        }
    }
}

#[derive(Debug, Serialize)]
struct AnswerModel<'a> {
    services: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirects: Option<&'a [String]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

impl<'a> AnswerModel<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self {
            services: answer.settings.services.len(),
            url: answer.url.as_deref(),
            redirects: answer.url.is_some().then_some(&answer.redirects),
            notes: &answer.notes,
        }
    }
}

#[derive(Debug, Serialize)]
struct DisagreementModel<'a> {
    service: &'static str,
    field: &'static str,
    values: Vec<SaidModel<'a>>,
}

#[derive(Debug, Serialize)]
struct SaidModel<'a> {
    source: &'static str,
    value: &'a str,
}

impl<'a> DisagreementModel<'a> {
    fn of(disagreement: &'a Disagreement) -> Self {
        let values = disagreement.values.iter();
        Self {
            service: disagreement.service,
            field: disagreement.field,
            values: values.map(|(source, value)| SaidModel { source: source.as_str(), value }).collect(),
        }
    }
}

/// A question that a lookup would ask.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum QuestionModel<'a> {
    /// Of the resolver.
    Dns {
        /// The name asked for.
        name: &'a str,
        /// The type of record.
        #[serde(rename = "type")]
        record_type: &'static str,
    },
    /// Of a web server.
    Http {
        /// GET or POST.
        method: &'a str,
        /// The URL.
        url: &'a str,
    },
    /// Of a mail server at a usual name.
    Connect {
        /// The host.
        host: &'a str,
        /// The TCP port.
        port: u16,
    },
}

impl<'a> QuestionModel<'a> {
    /// Of a question.
    pub fn of(question: &'a Question) -> Self {
        match question {
            Question::Dns { name, record_type } => Self::Dns { name, record_type },
            Question::Http { method, url } => Self::Http { method, url },
            Question::Connect { host, port } => Self::Connect { host, port: *port },
        }
    }
}
