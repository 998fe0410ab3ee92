//! The screens of the provider table: the list, and one entry.

use std::io::{self, Write};

use crate::providers::table::{Provider, TableService};
use crate::render::style::{Escaped, Style, Tone, columns};
use crate::settings::Source;

/// Writes a line an entry: id, name, some of its domains.
///
/// # Errors
/// Those of the writer.
pub fn write_list(out: &mut dyn Write, entries: &[(Source, Provider)]) -> io::Result<()> {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|(source, provider)| {
            let name = Escaped(&provider.name).to_string();
            vec![provider.id.clone(), name, source.to_string(), some_domains(provider)]
        })
        .collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Writes an entry whole.
///
/// # Errors
/// Those of the writer.
pub fn write_entry(out: &mut dyn Write, source: Source, provider: &Provider, style: Style) -> io::Result<()> {
    let name = Escaped(&provider.name).to_string();
    writeln!(out, "{} · {name} · {source}", style.paint(Tone::Bold, &provider.id))?;
    writeln!(out)?;
    let rows: Vec<Vec<String>> = provider.services.iter().map(row).collect();
    for line in columns(&rows) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out)?;
    for note in &provider.notes {
        writeln!(out, "  {} {}", style.paint(Tone::Warn, "note:"), Escaped(note))?;
    }
    if let Some(url) = &provider.documentation {
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "documentation:"), Escaped(url))?;
    }
    let domains: Vec<String> = provider.domains.iter().map(|domain| domain.unicode()).collect();
    writeln!(out, "  {} {}", style.paint(Tone::Dim, "domains:"), domains.join(", "))?;
    if !provider.mx.is_empty() {
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "mx:"), provider.mx.join(", "))?;
    }
    Ok(())
}

fn row(service: &TableService) -> Vec<String> {
    let auth: Vec<&str> = service.auth.iter().map(|method| method.as_str()).collect();
    vec![
        service.protocol.name().to_owned(),
        service.host.form(),
        service.port.to_string(),
        service.security.name().to_owned(),
        service.username.as_ref().map_or_else(|| "?".to_owned(), |form| Escaped(&form.form()).to_string()),
        auth.join(", "),
    ]
}

fn some_domains(provider: &Provider) -> String {
    let names: Vec<String> =
        provider.domains.iter().take(SHOWN_DOMAINS).map(|domain| domain.unicode()).collect();
    match provider.domains.len().saturating_sub(SHOWN_DOMAINS) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// How many domains of an entry stand in its line.
const SHOWN_DOMAINS: usize = 3;
