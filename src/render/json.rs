//! The JSON documents, schema 1. Fields are only ever added; a failure stands inside the document.
//!
//! The model is its own, so that a change inside the program cannot change the documents unseen.

pub mod explain;
mod safe;

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::attempt::{Attempt, Failure};
use crate::lookup::Asked;
use crate::lookup::source::{Answer as SourceAnswer, Question};
use crate::net::tls::Agreed;
use crate::probe::certificate::{Certificate, Chain};
use crate::probe::facts::{Answer, Facts, PasswordAuth, Timings};
use crate::providers::table::Provider;
use crate::report::finding::Finding;
use crate::report::{EndpointReport, LookupReport, Report};
use crate::settings::{Access, ProviderInfo, Service, Source};
use crate::target::Address;
use crate::wire::Greeting;
use safe::Safe;

/// The version of the documents.
pub const SCHEMA: u32 = 1;

/// Writes documents: one alone as itself, several as an array, indented.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, documents: &[Value]) -> io::Result<()> {
    let formatter = Safe(PrettyFormatter::new());
    match documents {
        [one] => one.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?,
        all => all.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?,
    }
    writeln!(out)
}

/// Writes values as an array, however many there are.
///
/// # Errors
/// Those of the writer.
pub fn write_array(out: &mut dyn Write, values: &[Value]) -> io::Result<()> {
    values.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))?;
    writeln!(out)
}

/// Writes one document in one line, with its place among the targets.
///
/// # Errors
/// Those of the writer.
pub fn write_line(out: &mut dyn Write, index: usize, mut document: Value) -> io::Result<()> {
    if let Value::Object(fields) = &mut document {
        fields.insert("index".to_owned(), json!(index));
    }
    let formatter = Safe(serde_json::ser::CompactFormatter);
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}

/// The document of a lookup.
pub fn lookup(report: &LookupReport) -> Value {
    let lookup = &report.lookup;
    let address = lookup.query.address.as_ref();
    let settings = lookup.settings.as_ref();
    json!({
        "schema": SCHEMA,
        "command": "lookup",
        "target": lookup.query.typed,
        "status": lookup.status().as_str(),
        "domain": lookup.query.domain.as_str(),
        "provider": settings.and_then(|settings| settings.provider.as_ref()).map(provider_info),
        "services": settings.map_or_else(Vec::new, |settings| {
            settings.services.iter().map(|it| service(it, address)).collect::<Vec<_>>()
        }),
        "decided_by": lookup.decided_by,
        "sources": lookup.sources.iter().map(source).collect::<Vec<_>>(),
        "disagreements": lookup.disagreements.iter().map(|it| json!({
            "service": it.service.as_str(),
            "field": it.field,
            "values": it.values.iter()
                .map(|(source, value)| json!({ "source": source.as_str(), "value": value }))
                .collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn provider_info(provider: &ProviderInfo) -> Value {
    json!({
        "id": provider.id,
        "name": provider.name,
        "documentation": provider.documentation,
        "webmail": provider.webmail,
        "instructions": provider.instructions.iter()
            .map(|instruction| json!({ "text": instruction.text, "url": instruction.url }))
            .collect::<Vec<_>>(),
        "oauth2": provider.oauth2.as_ref().map(|oauth2| json!({
            "issuer": oauth2.issuer,
            "scopes": oauth2.scopes,
            "auth_url": oauth2.auth_url,
            "token_url": oauth2.token_url,
        })),
    })
}

fn source(asked: &Asked) -> Value {
    let mut source = json!({ "source": asked.source.as_str(), "elapsed_ms": milliseconds(asked.elapsed) });
    if let Value::Object(outcome) = attempt(&asked.outcome, answer) {
        outcome.into_iter().for_each(|(name, field)| add(&mut source, &name, field));
    }
    source
}

fn answer(answer: &SourceAnswer) -> Value {
    let mut value = json!({ "services": answer.settings.services.len() });
    if let Some(url) = &answer.url {
        add(&mut value, "url", json!(url));
        add(&mut value, "redirects", json!(answer.redirects));
    }
    if !answer.notes.is_empty() {
        add(&mut value, "notes", json!(answer.notes));
    }
    value
}

fn service(service: &Service, address: Option<&Address>) -> Value {
    let username = service.username.as_ref();
    let mut value = json!({ "protocol": service.access.protocol() });
    match (&service.access, service.access.place()) {
        (Access::Jmap { url }, _) => add(&mut value, "url", json!(url)),
        (_, Some((host, port, security))) => {
            add(&mut value, "host", json!(host.to_string()));
            add(&mut value, "port", json!(port.get()));
            add(&mut value, "security", json!(security.as_str()));
        }
        _ => {}
    }
    let rest = json!({
        "username": username.zip(address).map(|(form, address)| form.of(address)),
        "username_form": username.map(|form| form.as_str()),
        "auth": service.auth.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        "source": service.source.as_str(),
        "trust": service.trust.as_str(),
        "other_domain": service.other_domain,
        "recommended": service.recommended,
    });
    if let Value::Object(rest) = rest {
        rest.into_iter().for_each(|(name, field)| add(&mut value, &name, field));
    }
    value
}

/// A question that a lookup would ask.
pub fn question(question: &Question) -> Value {
    match question {
        Question::Dns { name, record_type } => json!({ "kind": "dns", "name": name, "type": record_type }),
        Question::Http { method, url } => json!({ "kind": "http", "method": method, "url": url }),
        Question::Connect { host, port } => json!({ "kind": "connect", "host": host, "port": port }),
    }
}

/// The document of a probe.
pub fn probe(report: &Report) -> Value {
    json!({
        "schema": SCHEMA,
        "command": "probe",
        "target": report.target,
        "status": report.status.as_str(),
        "settings": report.lookup.as_ref().map(lookup),
        "endpoints": report.endpoints.iter().map(|it| endpoint(it, report)).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn endpoint(report: &EndpointReport, whole: &Report) -> Value {
    let facts = &report.facts;
    json!({
        "protocol": facts.endpoint.protocol.as_str(),
        "host": facts.endpoint.host.to_string(),
        "port": facts.endpoint.port.get(),
        "security": facts.endpoint.security.as_str(),
        "address": facts.address.map(|address| address.ip().to_string()),
        "status": report.status.as_str(),
        "connect": attempt(&facts.connect, |()| Value::Null),
        "greeting": greeting(facts),
        "capabilities": {
            "before_tls": attempt(&facts.before_tls, |listed| json!(listed.list)),
            "after_tls": attempt(&facts.after_tls, |listed| json!(listed.list)),
            "changed": facts.changes().map(|it| json!({ "added": it.added, "dropped": it.dropped })),
        },
        "starttls": attempt(&facts.starttls, |starttls| json!({ "offered": starttls.offered })),
        "tls": tls(facts, whole.now),
        "password_auth": password_auth(&facts.password_auth()),
        "timings_ms": timings(&facts.timings),
        "retried_with_smaller_hello": facts.smaller_hello.as_ref().map(|failure| &failure.reason),
        "notes": facts.notes,
        "named_by": whole.named_by(report).iter().map(|source| source.as_str()).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn greeting(facts: &Facts) -> Value {
    let words = |greeting: &Greeting| json!({ "kind": greeting.kind.as_str(), "text": greeting.text });
    let mut value = attempt(&facts.greeting, words);
    if let Some(greeting) = &facts.turned_away {
        add(&mut value, "kind", json!(greeting.kind.as_str()));
        add(&mut value, "text", json!(greeting.text));
    }
    value
}

fn tls(facts: &Facts, now: OffsetDateTime) -> Value {
    let with_chain = |value: &mut Value| {
        if let Some(chain) = &facts.chain {
            add_chain(value, chain, now);
        }
    };
    let mut value = attempt(&facts.tls, |agreed| {
        let mut value = agreement(agreed);
        with_chain(&mut value);
        value
    });
    if facts.tls.failure().is_some() {
        with_chain(&mut value);
    }
    value
}

fn agreement(agreed: &Agreed) -> Value {
    json!({
        "version": agreed.version,
        "cipher_suite": agreed.cipher_suite,
        "key_exchange": agreed.key_exchange,
        "post_quantum": agreed.post_quantum,
    })
}

fn add_chain(value: &mut Value, chain: &Chain, now: OffsetDateTime) {
    add(value, "certificate", json!(chain.certificate.as_ref().map(|it| certificate(it, now))));
    add(value, "chain_length", json!(chain.length));
    add(value, "problems", chain.problems.iter().map(|problem| problem.kind.as_str()).collect());
}

fn certificate(certificate: &Certificate, now: OffsetDateTime) -> Value {
    json!({
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": certificate.names,
        "not_before": time(certificate.not_before),
        "not_after": time(certificate.not_after),
        "days_left": certificate.days_left(now),
        "key": certificate.key,
        "signature": certificate.signature,
        "sha256": certificate.sha256,
    })
}

fn password_auth(auth: &PasswordAuth) -> Value {
    let mut value = json!({
        "answer": auth.answer.as_str(),
        "mechanisms": { "before_tls": auth.before_tls, "after_tls": auth.after_tls },
    });
    if let Answer::Unknown(reason) = &auth.answer {
        add(&mut value, "reason", json!(reason));
    }
    value
}

fn timings(timings: &Timings) -> Value {
    let step = |time: Option<Duration>| time.map(milliseconds);
    json!({
        "dns": step(timings.dns),
        "connect": step(timings.connect),
        "greeting": step(timings.greeting),
        "starttls": step(timings.starttls),
        "tls": step(timings.tls),
        "capabilities": step(timings.capabilities),
        "total": step(timings.total),
    })
}

fn finding(finding: &Finding) -> Value {
    let mut value = json!({
        "id": finding.id,
        "severity": finding.severity.as_str(),
        "text": finding.text,
        "evidence": finding.evidence,
        "hint": finding.hint,
    });
    if let Some(ignored) = &finding.ignored {
        add(&mut value, "ignored", json!(true));
        add(&mut value, "ignored_reason", json!(ignored.reason));
        add(&mut value, "ignored_until", json!(ignored.until.map(|date| date.to_string())));
    }
    value
}

/// An entry of the provider table.
pub fn provider(source: Source, provider: &Provider) -> Value {
    json!({
        "schema": SCHEMA,
        "id": provider.id,
        "name": provider.name,
        "source": source.as_str(),
        "domains": provider.domains.iter().map(|domain| domain.as_str()).collect::<Vec<_>>(),
        "documentation": provider.documentation,
        "mx": provider.mx,
        "notes": provider.notes,
        "services": provider.services.iter().map(|service| json!({
            "protocol": service.protocol.as_str(),
            "host": service.host.form(),
            "port": service.port.get(),
            "security": service.security.as_str(),
            "username_form": service.username.as_ref().map(|form| form.as_str()),
            "auth": service.auth.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn attempt<T>(attempt: &Attempt<T>, value: impl Fn(&T) -> Value) -> Value {
    match attempt {
        Attempt::Done(done) => match value(done) {
            Value::Null => json!({ "outcome": "done" }),
            value => json!({ "outcome": "done", "value": value }),
        },
        Attempt::Absent(reason) => json!({ "outcome": "absent", "reason": reason }),
        Attempt::Skipped(reason) => json!({ "outcome": "skipped", "reason": reason }),
        Attempt::Failed(failure) => failed(failure),
    }
}

fn failed(failure: &Failure) -> Value {
    json!({
        "outcome": "failed",
        "stage": failure.stage.as_str(),
        "reason": failure.reason,
        "temporary": failure.temporary,
    })
}

fn add(value: &mut Value, name: &str, field: Value) {
    if let Value::Object(fields) = value {
        fields.insert(name.to_owned(), field);
    }
}

/// Milliseconds with one decimal.
fn milliseconds(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}

fn time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::style::is_dangerous;

    #[test]
    fn a_document_holds_no_control_bytes_and_reads_back_the_same() {
        let hostile = json!({ "text": "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\u{feff}é\"\\" });
        let mut text = Vec::new();
        write(&mut text, std::slice::from_ref(&hostile)).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.chars().any(|character| character != '\n' && is_dangerous(character)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
