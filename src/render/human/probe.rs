//! The screen of a probe: a line an endpoint, problems first; with `-v` all facts, with `-vv` the dialogue.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::facts::{self, write_facts, write_transcript};
use super::lookup::{title, write_instructions};
use crate::attempt::Attempt;
use crate::probe::facts::{Answer, Facts, takes_password};
use crate::render::style::{Escaped, Style, Tone, columns};
use crate::render::words::{counts, evidence, is_skipped};
use crate::report::finding::{Finding, Ignored, Severity, Status};
use crate::report::{EndpointReport, Report};
use crate::settings::Security;
use crate::wire::line::excerpt;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// A line an endpoint and what is wrong.
    #[default]
    Short,
    /// All facts.
    Facts,
    /// All facts and the dialogue.
    Transcript,
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, report: &Report, style: Style, detail: Detail) -> io::Result<()> {
    write_title(out, report, style)?;
    for finding in report.lookup.iter().flat_map(|report| &report.findings) {
        if counts(finding) {
            writeln!(out, "  {} {}", style.paint(Tone::Warn, "warn:"), Escaped(&finding.text))?;
            write_hint(out, "    ", finding, style)?;
        }
    }
    writeln!(out)?;
    let mut endpoints: Vec<&EndpointReport> = report.endpoints.iter().collect();
    endpoints.sort_by_key(|endpoint| Reverse(endpoint.status));
    let rows: Vec<Vec<String>> = endpoints.iter().map(|endpoint| row(endpoint, report)).collect();
    for (endpoint, line) in endpoints.iter().zip(columns(&rows)) {
        writeln!(out, "  {}", painted(&line, endpoint.status, style))?;
        write_named_by(out, endpoint, report, style)?;
        write_findings(out, &endpoint.findings, style, detail)?;
        if detail >= Detail::Facts {
            write_facts(out, endpoint, report, style)?;
        }
        if detail >= Detail::Transcript {
            write_transcript(out, &endpoint.facts, style)?;
        }
    }
    let of_target = report.findings.iter().filter(|it| {
        it.ignored.is_none() && (it.severity > Severity::Info || it.hint.is_some() || detail > Detail::Short)
    });
    for (index, finding) in of_target.enumerate() {
        if index > 0 || !report.endpoints.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "  {}", Escaped(&finding.text))?;
        write_hint(out, "  ", finding, style)?;
    }
    write_ways_in(out, report, style)?;
    write_more(out, report, style)
}

/// What the provider wants done before a client may sign in, when a sign-in did not work: servers seldom say it.
fn write_ways_in(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let failed = |facts: &Facts| facts.login.failure().is_some();
    let settings = report.lookup.as_ref().and_then(|report| report.lookup.settings.as_ref());
    let provider = settings.and_then(|settings| settings.provider.as_ref());
    let provider = provider.filter(|provider| !provider.instructions.is_empty());
    match provider.filter(|_| report.endpoints.iter().any(|endpoint| failed(&endpoint.facts))) {
        Some(provider) => {
            writeln!(out)?;
            write_instructions(out, provider, style)
        }
        None => Ok(()),
    }
}

/// Where to read on about the worst finding.
fn write_more(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let of_endpoints = report.endpoints.iter().flat_map(|endpoint| &endpoint.findings);
    let counting = of_endpoints.chain(&report.findings).filter(|finding| counts(finding));
    // The first of the worst, which stands first on the screen.
    match counting.min_by_key(|finding| Reverse(finding.severity)) {
        Some(worst) => {
            writeln!(out, "\n  {} mailcfg explain {}", style.paint(Tone::Dim, "more:"), worst.id)
        }
        None => Ok(()),
    }
}

fn write_title(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let mut parts = vec![match &report.lookup {
        Some(report) => style.paint(Tone::Bold, &title(&report.lookup)),
        None => style.paint(Tone::Bold, &Escaped(&report.target).to_string()),
    }];
    let settings = report.lookup.as_ref().and_then(|report| report.lookup.settings.as_ref());
    parts.extend(
        settings.and_then(|settings| settings.provider.as_ref()).map(|it| Escaped(&it.name).to_string()),
    );
    if !report.endpoints.is_empty() {
        parts.push(summary(report, style));
    }
    let slowest = report.endpoints.iter().filter_map(|endpoint| endpoint.facts.timings.total).max();
    parts.extend(slowest.map(facts::milliseconds));
    writeln!(out, "{}", parts.join(" · "))
}

/// `1 of 4 endpoints fails`, `all 4 endpoints work`.
fn summary(report: &Report, style: Style) -> String {
    let total = report.endpoints.iter().filter(|endpoint| !is_skipped(endpoint)).count();
    let count = |status| report.endpoints.iter().filter(|endpoint| endpoint.status == status).count();
    let some = |number: usize, verb: &str, verbs: &str| match (number, total) {
        (1, 1) => format!("the endpoint {verb}"),
        (1, _) => format!("1 of {total} endpoints {verb}"),
        _ if number == total => format!("all {total} endpoints {verbs}"),
        _ => format!("{number} of {total} endpoints {verbs}"),
    };
    let worst = report.endpoints.iter().map(|endpoint| endpoint.status).max();
    match worst.unwrap_or(report.status) {
        Status::Fail => style.paint(Tone::Bad, &some(count(Status::Fail), "fails", "fail")),
        Status::Unknown => style.paint(
            Tone::Unknown,
            &some(count(Status::Unknown), "could not be judged", "could not be judged"),
        ),
        Status::Warn => {
            let warned = some(count(Status::Warn), "has a warning", "have warnings");
            let works = if total == 1 { "it works" } else { "all work" };
            style.paint(Tone::Warn, &format!("{works}, {warned}"))
        }
        Status::Pass => style.paint(Tone::Good, &some(total, "works", "work")),
    }
}

fn row(endpoint: &EndpointReport, report: &Report) -> Vec<String> {
    let facts = &endpoint.facts;
    let worst = endpoint.findings.first().filter(|finding| counts(finding));
    let said = match worst {
        Some(finding) => {
            let signed_in = super::login::words(facts).map(|words| format!(" · {words}"));
            format!("{}{}", Escaped(&finding.text), signed_in.unwrap_or_default())
        }
        None if is_skipped(endpoint) => Escaped(facts.connect.reason().unwrap_or_default()).to_string(),
        None => works(facts, report),
    };
    vec![
        facts.endpoint.protocol.name().to_owned(),
        place(endpoint, report),
        facts.endpoint.security.name().to_owned(),
        if is_skipped(endpoint) { "skip" } else { word(endpoint.status) }.to_owned(),
        format!("{:>7}", facts.timings.total.map(facts::milliseconds).unwrap_or_default()),
        said,
    ]
}

/// The host and port; with the address when one host stands there with several.
fn place(endpoint: &EndpointReport, report: &Report) -> String {
    let facts = &endpoint.facts;
    let authority = facts.endpoint.authority();
    let shared = report.endpoints.iter().filter(|other| other.facts.endpoint == facts.endpoint).count() > 1;
    match facts.address.filter(|_| shared) {
        Some(address) => format!("{authority} ({})", address.ip()),
        None => authority,
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "ok",
        Status::Warn => "warn",
        Status::Unknown => "?",
        Status::Fail => "FAIL",
    }
}

/// Colours the status word of a line, which stands after the security.
fn painted(line: &str, status: Status, style: Style) -> String {
    let tone = match status {
        Status::Pass => Tone::Good,
        Status::Warn => Tone::Warn,
        Status::Unknown => Tone::Unknown,
        Status::Fail => Tone::Bad,
    };
    let word = format!("  {}  ", word(status));
    match line.split_once(&word) {
        Some((before, after)) if style.colour => format!("{before}{}{after}", style.paint(tone, &word)),
        _ => line.to_owned(),
    }
}

/// `TLS 1.3, X25519MLKEM768 · certificate 38 days · password: PLAIN, LOGIN`
pub fn works(facts: &Facts, report: &Report) -> String {
    let mut parts = Vec::new();
    if let Attempt::Done(agreed) = &facts.tls {
        let version = agreed.version.replace("TLSv", "TLS ");
        parts.push(match &agreed.key_exchange {
            Some(group) => format!("{version}, {group}"),
            None => version,
        });
    }
    if let Some(certificate) = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref()) {
        parts.push(format!("certificate {}", facts::days(certificate.days_left(report.now))));
    }
    let auth = facts.password_auth();
    let mechanisms =
        if facts.endpoint.security == Security::None { &auth.before_tls } else { &auth.after_tls };
    let names: Vec<String> =
        mechanisms.iter().filter(|name| takes_password(name)).map(|name| shown_mechanism(name)).collect();
    match &auth.answer {
        Answer::Yes => parts.push(format!("password: {}", excerpt(&names.join(", ")))),
        Answer::Unknown(reason) => parts.push(format!("password: not known ({})", Escaped(reason))),
        _ if facts.endpoint.is_relay() => parts.push("relay: no sign-in".to_owned()),
        _ => parts.push("no password".to_owned()),
    }
    parts.extend(super::login::words(facts));
    parts.join(" · ")
}

pub(super) fn shown_mechanism(name: &str) -> String {
    match name {
        "login-command" => "LOGIN command".to_owned(),
        "user-pass" => "USER".to_owned(),
        "apop" => "APOP".to_owned(),
        other => Escaped(other).to_string(),
    }
}

/// Which sources name the endpoint, when several answered.
fn write_named_by(
    out: &mut dyn Write,
    endpoint: &EndpointReport,
    report: &Report,
    style: Style,
) -> io::Result<()> {
    let sources = report.lookup.iter().flat_map(|report| &report.lookup.sources);
    if sources.filter(|asked| asked.outcome.value().is_some()).count() < 2 {
        return Ok(());
    }
    let names: Vec<&str> = report.named_by(endpoint).iter().map(|source| source.as_str()).collect();
    writeln!(out, "{INDENT}{} {}", style.paint(Tone::Dim, "named by:"), names.join(", "))
}

/// Information that asks for nothing, and that nobody asked for.
fn is_detail(finding: &Finding) -> bool {
    finding.severity == Severity::Info && finding.hint.is_none() && !ANSWERS.contains(&finding.id)
}

/// What a flag of its own asks for, and what took longer than it looks.
const ANSWERS: &[&str] = &["starttls.command-injection", "run.retried"];

/// The first finding stands in the endpoint's own line already; the rest follow. Information that asks for nothing is
/// for `-v`.
fn write_findings(out: &mut dyn Write, findings: &[Finding], style: Style, detail: Detail) -> io::Result<()> {
    for (index, finding) in findings.iter().enumerate() {
        if let Some(ignored) = &finding.ignored {
            write_ignored(out, finding, ignored, style)?;
            continue;
        }
        if is_detail(finding) && detail == Detail::Short {
            continue;
        }
        if index > 0 || !counts(finding) {
            let (tone, word) = match finding.severity {
                Severity::Info => (Tone::Dim, "info:"),
                Severity::Warn => (Tone::Warn, "warn:"),
                Severity::Unknown => (Tone::Unknown, "not known:"),
                Severity::Fail => (Tone::Bad, "fail:"),
            };
            writeln!(out, "{INDENT}{} {}", style.paint(tone, word), Escaped(&finding.text))?;
        }
        if let Some(evidence) = evidence(finding) {
            writeln!(out, "{INDENT}{} {}", style.paint(Tone::Dim, "seen:"), Escaped(evidence))?;
        }
        write_hint(out, INDENT, finding, style)?;
    }
    Ok(())
}

fn write_ignored(out: &mut dyn Write, finding: &Finding, ignored: &Ignored, style: Style) -> io::Result<()> {
    let reason = ignored.reason.as_ref().map(|reason| format!(" (because {reason})")).unwrap_or_default();
    let until = ignored.until.map(|date| format!(" until {date}")).unwrap_or_default();
    let text = format!("{}{until}: {}{reason}", finding.id, finding.text);
    writeln!(out, "{INDENT}{} {}", style.paint(Tone::Dim, "ignored:"), Escaped(&text))
}

fn write_hint(out: &mut dyn Write, indent: &str, finding: &Finding, style: Style) -> io::Result<()> {
    match &finding.hint {
        Some(hint) => writeln!(out, "{indent}{} {}", style.paint(Tone::Dim, "hint:"), Escaped(hint)),
        None => Ok(()),
    }
}

pub(super) const INDENT: &str = "        ";
