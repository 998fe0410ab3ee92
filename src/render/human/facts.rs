//! The facts of one endpoint, as `-v` shows them, and its dialogue, as `-vv` does.

use std::io::{self, Write};
use std::time::Duration;

use super::login;
use super::probe::INDENT;
use crate::attempt::Attempt;
use crate::probe::certificate::{Certificate, Chain};
use crate::probe::facts::{Answer, Facts, Party, StartTls, Timings};
use crate::render::style::{Escaped, Style, Tone};
use crate::report::{EndpointReport, Report};
use crate::settings::Security;

/// Writes all facts of an endpoint, a row each.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_facts(
    out: &mut dyn Write,
    endpoint: &EndpointReport,
    report: &Report,
    style: Style,
) -> io::Result<()> {
    let facts = &endpoint.facts;
    let mut rows: Vec<(&str, String)> = Vec::new();
    rows.extend(facts.address.map(|address| ("address", address.to_string())));
    rows.push(("greeting", told(&facts.greeting, |greeting| greeting.text.clone())));
    if facts.endpoint.security != Security::Tls {
        rows.push(("before TLS", told(&facts.before_tls, |listed| listed.list.join(", "))));
        rows.push(("STARTTLS", told(&facts.starttls, starttls_words)));
    }
    if facts.endpoint.security != Security::None {
        rows.push((
            "TLS",
            told(&facts.tls, |agreed| {
                let group = agreed.key_exchange.as_deref().unwrap_or("unknown group");
                let kind = if agreed.post_quantum { "post-quantum" } else { "not post-quantum" };
                format!("{}, {}, {group} ({kind})", agreed.version, agreed.cipher_suite)
            }),
        ));
        rows.extend(facts.chain.iter().flat_map(|chain| certificate_rows(chain, report)));
        rows.push(("after TLS", told(&facts.after_tls, |listed| listed.list.join(", "))));
        rows.extend(changed(facts).map(|change| ("changed", change)));
    }
    let auth = facts.password_auth();
    rows.push((
        "password",
        match &auth.answer {
            Answer::Unknown(reason) => format!("not known: {reason}"),
            other => other.as_str().to_owned(),
        },
    ));
    rows.extend(login::rows(facts));
    rows.push(("time", timings(&facts.timings)));
    rows.extend(facts.notes.iter().map(|note| ("note", note.clone())));
    for (name, value) in rows {
        writeln!(out, "{INDENT}{}{}", style.paint(Tone::Dim, &format!("{name:<13}")), Escaped(&value))?;
    }
    Ok(())
}

fn told<T>(attempt: &Attempt<T>, words: impl Fn(&T) -> String) -> String {
    match attempt {
        Attempt::Done(value) => words(value),
        Attempt::Absent(reason) => format!("none ({reason})"),
        Attempt::Failed(failure) => format!("failed ({})", failure.reason),
        Attempt::Skipped(reason) => format!("skipped ({reason})"),
    }
}

fn starttls_words(starttls: &StartTls) -> String {
    let words = match starttls.offered {
        Some(true) => "offered",
        Some(false) => "works, though not advertised",
        None => "works; whether it is advertised is not known",
    };
    words.to_owned()
}

fn certificate_rows(chain: &Chain, report: &Report) -> Vec<(&'static str, String)> {
    let Some(certificate) = &chain.certificate else {
        return vec![("certificate", "cannot be parsed".to_owned())];
    };
    let Certificate { subject, issuer, names, more_names, key, signature, sha256, .. } = certificate;
    let problems: Vec<&str> = chain.problems.iter().map(|problem| problem.kind.as_str()).collect();
    vec![
        ("certificate", format!("{subject}, issued by {issuer}, {} in the chain", chain.length)),
        ("names", name_words(names, *more_names)),
        (
            "valid",
            format!(
                "{} to {}, {}",
                certificate.not_before.date(),
                certificate.not_after.date(),
                time_left(certificate.days_left(report.now))
            ),
        ),
        ("key", format!("{key}, signed with {signature}")),
        ("SHA-256", sha256.clone()),
        ("problems", if problems.is_empty() { "none".to_owned() } else { problems.join(", ") }),
    ]
}

fn name_words(names: &[String], more: usize) -> String {
    let mut words: Vec<String> = names.iter().take(SHOWN_NAMES).cloned().collect();
    let more = names.len() - words.len() + more;
    words.extend((more > 0).then(|| format!("{more} more")));
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// What a screen shows of the names of a certificate; JSON has more.
const SHOWN_NAMES: usize = 20;

fn changed(facts: &Facts) -> Option<String> {
    let changes = facts.changes()?;
    let added = changes.added.iter().map(|name| format!("+{name}"));
    let all: Vec<String> = added.chain(changes.dropped.iter().map(|name| format!("-{name}"))).collect();
    Some(if all.is_empty() { "nothing".to_owned() } else { all.join(", ") })
}

fn timings(timings: &Timings) -> String {
    let steps = [
        ("dns", timings.dns),
        ("connect", timings.connect),
        ("greeting", timings.greeting),
        ("starttls", timings.starttls),
        ("tls", timings.tls),
        ("capabilities", timings.capabilities),
        ("total", timings.total),
    ];
    let reached =
        steps.into_iter().filter_map(|(name, time)| Some(format!("{name} {}", milliseconds(time?))));
    reached.collect::<Vec<_>>().join(" · ")
}

/// Writes the dialogue.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_transcript(out: &mut dyn Write, facts: &Facts, style: Style) -> io::Result<()> {
    for said in &facts.transcript {
        let (mark, tone) = match said.by {
            Party::Client => ("C:", Tone::Bold),
            Party::Server => ("S:", Tone::Dim),
            Party::Event => ("--", Tone::Dim),
        };
        writeln!(out, "{INDENT}{} {}", style.paint(tone, mark), Escaped(&said.text))?;
    }
    Ok(())
}

/// `9.5 ms`, `120 ms`
pub(super) fn milliseconds(duration: Duration) -> String {
    match duration.as_secs_f64() * 1_000.0 {
        short if short < 9.95 => format!("{short:.1} ms"),
        long => format!("{long:.0} ms"),
    }
}

fn time_left(number: i64) -> String {
    if number < 0 { "expired".to_owned() } else { format!("{} left", days(number)) }
}

/// `1 day`, `10 days`
pub(super) fn days(number: i64) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{number} days") }
}
