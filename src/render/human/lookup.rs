//! The screen of a lookup: the services as a table, then what to know and to do.

use std::io::{self, Write};

use super::both_forms;
use crate::attempt::Attempt;
use crate::lookup::Lookup;
use crate::render::style::{Escaped, Style, Tone, columns};
use crate::settings::{ProviderInfo, Service};
use crate::target::Address;

/// Writes the outcome of a lookup.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, lookup: &Lookup, style: Style) -> io::Result<()> {
    let Some(settings) = &lookup.settings else { return write_not_found(out, lookup, style) };
    let provider = settings.provider.as_ref().map(|provider| format!(" · {}", Escaped(&provider.name)));
    writeln!(out, "{}{}", style.paint(Tone::Bold, &title(lookup)), provider.unwrap_or_default())?;
    writeln!(out)?;
    let address = lookup.query.address.as_ref();
    let mut rows = vec![HEADINGS.iter().map(|&heading| heading.to_owned()).collect()];
    rows.extend(settings.services.iter().map(|service| row(service, address)));
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

/// The address or domain that was asked for.
pub fn title(lookup: &Lookup) -> String {
    let domain = both_forms(&lookup.query.domain);
    match &lookup.query.address {
        Some(address) => format!("{}@{domain}", Escaped(address.local_part())),
        None => domain,
    }
}

fn row(service: &Service, address: Option<&Address>) -> Vec<String> {
    let endpoint = &service.endpoint;
    let username = match (&service.username, address) {
        (None, _) => "?".to_owned(),
        (Some(form), Some(address)) => Escaped(&form.of(address)).to_string(),
        (Some(form), None) => form.form(),
    };
    let auth: Vec<&str> = service.auth.iter().map(|method| method.as_str()).collect();
    vec![
        endpoint.protocol.name().to_owned(),
        Escaped(&endpoint.host.to_string()).to_string(),
        endpoint.port.to_string(),
        endpoint.security.name().to_owned(),
        username,
        if auth.is_empty() { "?".to_owned() } else { auth.join(", ") },
        service.source.to_string(),
        if service.recommended { "recommended".to_owned() } else { String::new() },
    ]
}

fn write_provider(out: &mut dyn Write, provider: &ProviderInfo, style: Style) -> io::Result<()> {
    for instruction in &provider.instructions {
        writeln!(out, "  {} {}", style.paint(Tone::Warn, "note:"), Escaped(&instruction.text))?;
    }
    if let Some(url) = &provider.documentation {
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "documentation:"), Escaped(url))?;
    }
    Ok(())
}

fn write_not_found(out: &mut dyn Write, lookup: &Lookup, style: Style) -> io::Result<()> {
    writeln!(
        out,
        "{} · {}",
        style.paint(Tone::Bold, &title(lookup)),
        style.paint(Tone::Bad, "no settings found")
    )?;
    writeln!(out)?;
    for asked in &lookup.sources {
        let outcome = match &asked.outcome {
            Attempt::Done(_) => "answered",
            other => other.reason().unwrap_or_default(),
        };
        writeln!(out, "  {}: {}", asked.source, Escaped(outcome))?;
    }
    let hint = format!(
        "check the spelling; if you know the server, examine it with `mailcfg probe mail.{}:993`",
        lookup.query.domain
    );
    writeln!(out, "  {} {hint}", style.paint(Tone::Dim, "hint:"))
}

const HEADINGS: &[&str] = &["PROTOCOL", "SERVER", "PORT", "SECURITY", "USER NAME", "SIGN-IN", "SOURCE", ""];
