//! The screen of a lookup: the services as a table, then what to know and to do, then what became of each source.

use std::io::{self, Write};

use super::both_forms;
use crate::attempt::{Attempt, Cause};
use crate::lookup::source::Question;
use crate::lookup::{Asked, Lookup, Status};
use crate::render::style::{Escaped, Style, Tone, columns};
use crate::report::finding::{Finding, Severity};
use crate::report::{LookupReport, UnaskedReport};
use crate::settings::{Access, ProviderInfo, Service, Settings, Source};
use crate::target::Address;

/// What is shown beside the services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// What became of every source.
    pub sources: bool,
    /// Where the sources differ, which is known when all were asked.
    pub differences: bool,
}

/// Writes the outcome of a lookup.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, report: &LookupReport, style: Style, shown: Shown) -> io::Result<()> {
    let lookup = &report.lookup;
    match &lookup.settings {
        Some(settings) => write_found(out, lookup, settings, (style, shown))?,
        None => write_not_found(out, lookup, style)?,
    }
    // The table of differences says it better.
    let in_table = |finding: &&Finding| shown.differences && finding.id == "lookup.disagreement";
    for finding in report.findings.iter().filter(|finding| !in_table(finding)) {
        write_finding(out, finding, style)?;
    }
    if shown.sources || lookup.settings.is_none() {
        write_sources(out, &lookup.sources, style)?;
    }
    if shown.differences {
        write_differences(out, lookup, style)?;
    }
    if lookup.settings.is_none() {
        write_hint(out, lookup, style)?;
    }
    Ok(())
}

/// Writes the questions that lookups would ask, then the targets of which nobody would be asked, and why.
///
/// # Errors
/// Those of the writer.
pub fn write_questions(
    out: &mut dyn Write,
    questions: &[Question],
    unasked: &[(String, String)],
) -> io::Result<()> {
    for question in questions {
        match question {
            Question::Dns { name, record_type } => writeln!(out, "DNS   {record_type:<4} {}", Escaped(name))?,
            Question::Http { method, url } => writeln!(out, "HTTP  {method:<4} {}", Escaped(url))?,
            Question::Connect { host, port } => writeln!(out, "TCP        {}:{port}", Escaped(host))?,
        }
    }
    for (typed, why) in unasked {
        writeln!(out, "nobody would be asked about {}: {}", Escaped(typed), Escaped(why))?;
    }
    Ok(())
}

/// Writes a target that was not looked up.
///
/// # Errors
/// Those of the writer.
pub fn write_unasked(out: &mut dyn Write, report: &UnaskedReport, style: Style) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Bold, &Escaped(&report.target).to_string()))?;
    writeln!(out)?;
    writeln!(out, "  {}", Escaped(&report.finding.text))?;
    match &report.finding.hint {
        Some(hint) => writeln!(out, "  hint: {}", Escaped(hint)),
        None => Ok(()),
    }
}

/// The address or domain that was asked for.
pub fn title(lookup: &Lookup) -> String {
    let domain = both_forms(&lookup.query.domain);
    match &lookup.query.address {
        Some(address) => format!("{}@{domain}", Escaped(address.local_part())),
        None => domain,
    }
}

fn write_found(
    out: &mut dyn Write,
    lookup: &Lookup,
    settings: &Settings,
    (style, shown): (Style, Shown),
) -> io::Result<()> {
    let provider = settings.provider.as_ref().map(|provider| format!(" · {}", Escaped(&provider.name)));
    writeln!(out, "{}{}", style.paint(Tone::Bold, &title(lookup)), provider.unwrap_or_default())?;
    writeln!(out)?;
    let address = lookup.query.address.as_ref();
    let with_trust = shown.sources || settings.services.iter().any(|service| service.trust.is_weak());
    let headings: Vec<String> = HEADINGS.iter().map(|&heading| heading.to_owned()).collect();
    let mut rows = vec![headings];
    rows.extend(settings.services.iter().map(|service| row(service, address)));
    if !with_trust {
        rows.iter_mut().for_each(|row| drop(row.remove(TRUST)));
    }
    for (index, line) in columns(&rows).iter().enumerate() {
        let line = if index == 0 { style.paint(Tone::Dim, line) } else { line.clone() };
        writeln!(out, "  {line}")?;
    }
    writeln!(out)?;
    if let Some(provider) = &settings.provider {
        write_provider(out, provider, style)?;
    }
    if let Some(rule) = &lookup.decided_by {
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "source:"), Escaped(rule))?;
    }
    Ok(())
}

fn row(service: &Service, address: Option<&Address>) -> Vec<String> {
    let username = match (&service.username, address) {
        (None, _) => "?".to_owned(),
        (Some(form), Some(address)) => Escaped(&form.of(address)).to_string(),
        (Some(form), None) => Escaped(&form.form()).to_string(),
    };
    let auth: Vec<&str> = service.auth.iter().map(|method| method.as_str()).collect();
    let (server, port, security) = match (&service.access, service.access.place()) {
        (_, Some((host, port, security))) => (host.to_string(), port.to_string(), security.name().to_owned()),
        (Access::Jmap { url }, None) => (url.clone(), String::new(), String::new()),
        (_, None) => Default::default(),
    };
    let marks = [(service.recommended, "recommended"), (service.other_domain, "other domain")];
    let marks: Vec<&str> = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
    vec![
        service.access.name().to_owned(),
        Escaped(&server).to_string(),
        port,
        security,
        username,
        if auth.is_empty() { "?".to_owned() } else { auth.join(", ") },
        service.source.to_string(),
        service.trust.as_str().to_owned(),
        marks.join(", "),
    ]
}

fn write_provider(out: &mut dyn Write, provider: &ProviderInfo, style: Style) -> io::Result<()> {
    write_instructions(out, provider, style)?;
    if let Some(oauth2) = &provider.oauth2 {
        let scopes = Escaped(&oauth2.scopes.join(" ")).to_string();
        let scopes = if scopes.is_empty() { String::new() } else { format!(", scopes {scopes}") };
        let issuer = Escaped(&oauth2.issuer);
        writeln!(out, "  {} issuer {issuer}{scopes}", style.paint(Tone::Dim, "oauth2:"))?;
        for (name, url) in [("authorization:", &oauth2.auth_url), ("token:", &oauth2.token_url)] {
            if let Some(url) = url {
                writeln!(out, "    {} {}", style.paint(Tone::Dim, name), Escaped(url))?;
            }
        }
    }
    for (name, url) in [("webmail:", &provider.webmail), ("documentation:", &provider.documentation)] {
        if let Some(url) = url {
            writeln!(out, "  {} {}", style.paint(Tone::Dim, name), Escaped(url))?;
        }
    }
    Ok(())
}

/// What the provider wants done first.
pub(super) fn write_instructions(
    out: &mut dyn Write,
    provider: &ProviderInfo,
    style: Style,
) -> io::Result<()> {
    for instruction in &provider.instructions {
        let url = instruction.url.as_ref().map(|url| format!(" ({})", Escaped(url))).unwrap_or_default();
        writeln!(out, "  {} {}{url}", style.paint(Tone::Warn, "note:"), Escaped(&instruction.text))?;
    }
    Ok(())
}

fn write_not_found(out: &mut dyn Write, lookup: &Lookup, style: Style) -> io::Result<()> {
    let (tone, words) = match lookup.status() {
        Status::Unknown => (Tone::Unknown, "could not find out"),
        _ => (Tone::Bad, "no settings found"),
    };
    writeln!(out, "{} · {}", style.paint(Tone::Bold, &title(lookup)), style.paint(tone, words))
}

/// Differences and completions are shown by the tables themselves; findings say what to mind.
fn write_finding(out: &mut dyn Write, finding: &Finding, style: Style) -> io::Result<()> {
    let (tone, word) = match finding.severity {
        Severity::Info => (Tone::Dim, "info:"),
        Severity::Warn => (Tone::Warn, "warn:"),
        Severity::Unknown => (Tone::Unknown, "not known:"),
        Severity::Fail => (Tone::Bad, "fail:"),
    };
    writeln!(out, "  {} {}", style.paint(tone, word), Escaped(&finding.text))?;
    if let Some(evidence) = &finding.evidence {
        writeln!(out, "    {} {}", style.paint(Tone::Dim, "seen:"), Escaped(evidence))?;
    }
    match &finding.hint {
        Some(hint) => writeln!(out, "    {} {}", style.paint(Tone::Dim, "hint:"), Escaped(hint)),
        None => Ok(()),
    }
}

fn write_sources(out: &mut dyn Write, sources: &[Asked], style: Style) -> io::Result<()> {
    writeln!(out)?;
    let mut rows =
        vec![vec!["SOURCE".to_owned(), "OUTCOME".to_owned(), "TIME".to_owned(), "WHAT IT SAID".to_owned()]];
    rows.extend(sources.iter().map(source_row));
    for (index, line) in columns(&rows).iter().enumerate() {
        let line = if index == 0 { style.paint(Tone::Dim, line) } else { line.clone() };
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn source_row(asked: &Asked) -> Vec<String> {
    let (outcome, said) = match &asked.outcome {
        Attempt::Done(answer) => {
            let count = answer.settings.services.len();
            let mut said =
                vec![if count == 1 { "1 service".to_owned() } else { format!("{count} services") }];
            said.extend(answer.url.clone());
            said.extend(redirected(&answer.redirects));
            said.extend(answer.notes.iter().cloned());
            ("done", said.join(" · "))
        }
        Attempt::Absent(reason) => ("absent", reason.clone()),
        Attempt::Skipped(reason) => ("skipped", reason.clone()),
        Attempt::Failed(failure) => ("failed", format!("{}: {}", failure.stage.as_str(), failure.reason)),
    };
    let said = match asked.outcome.value() {
        Some(_) => said,
        None => {
            [Some(said), redirected(&asked.redirects)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }
    };
    let asked_at_all = !matches!(asked.outcome, Attempt::Skipped(_));
    let time = if asked_at_all { format!("{} ms", asked.elapsed.as_millis()) } else { String::new() };
    vec![asked.source.to_string(), outcome.to_owned(), time, Escaped(&said).to_string()]
}

fn redirected(from: &[String]) -> Option<String> {
    (!from.is_empty()).then(|| format!("redirected from {}", from.join(", ")))
}

fn write_differences(out: &mut dyn Write, lookup: &Lookup, style: Style) -> io::Result<()> {
    let answered = lookup.sources.iter().filter(|asked| asked.outcome.value().is_some()).count();
    if answered < 2 {
        return Ok(());
    }
    writeln!(out)?;
    if lookup.disagreements.is_empty() {
        return writeln!(
            out,
            "  the {answered} sources that answered agree on the best server of each protocol"
        );
    }
    let mut rows = vec![vec!["DIFFERENCE".to_owned(), String::new(), String::new()]];
    for it in &lookup.disagreements {
        let value = |(source, value): &(Source, String)| format!("{} ({source})", Escaped(value));
        let values: Vec<String> = it.values.iter().map(value).collect();
        rows.push(vec![it.name.to_owned(), it.field.to_owned(), values.join(" · ")]);
    }
    for (index, line) in columns(&rows).iter().enumerate() {
        let line = if index == 0 { style.paint(Tone::Dim, line) } else { line.clone() };
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn write_hint(out: &mut dyn Write, lookup: &Lookup, style: Style) -> io::Result<()> {
    let domain = &lookup.query.domain;
    let refused = |asked: &Asked| asked.outcome.failure().is_some_and(|it| it.cause == Cause::Private);
    let hint = match lookup.status() {
        Status::Unknown if lookup.sources.iter().any(refused) => {
            format!(
                "if that private network is yours, examine the server itself: `mailcfg probe mail.{domain}:993`"
            )
        }
        Status::Unknown => "try again, or ask another resolver with --resolver ADDR".to_owned(),
        _ => format!(
            "check the spelling; if you know the server, examine it with `mailcfg probe mail.{domain}:993`"
        ),
    };
    writeln!(out)?;
    writeln!(out, "  {} {hint}", style.paint(Tone::Dim, "hint:"))
}

const HEADINGS: &[&str] =
    &["PROTOCOL", "SERVER", "PORT", "SECURITY", "USER NAME", "SIGN-IN", "SOURCE", "TRUST", ""];

/// The place of the column that is there when the sources are shown, or when somebody should mind it.
const TRUST: usize = 7;
