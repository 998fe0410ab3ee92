//! `mailcfg providers list|show|check`

use std::path::Path;

use anyhow::anyhow;
use mailcfg::providers::read_table;
use mailcfg::providers::table::Provider;
use mailcfg::render::json::{self, ProviderModel};
use mailcfg::render::{Listing, human};
use mailcfg::report::{EXIT_FAILED, EXIT_FINE};
use mailcfg::settings::Source;
use mailcfg::target::Domain;

use super::arguments::{OutputArguments, ProvidersArguments, ProvidersCommand, TableArguments};
use super::output::Output;
use super::{Complaint, plan};

/// Does what the subcommand says.
pub fn run(arguments: &ProvidersArguments) -> Result<u8, Complaint> {
    match &arguments.command {
        ProvidersCommand::List { word, table, output } => list(word.as_deref(), table, output),
        ProvidersCommand::Show { id, table, output } => show(id, table, output),
        ProvidersCommand::Check { file } => check(file),
    }
}

fn list(word: Option<&str>, table: &TableArguments, output: &OutputArguments) -> Result<u8, Complaint> {
    let mut entries = plan::providers(table)?.all();
    if let Some(word) = word {
        entries.retain(|(_, provider)| holds(provider, &word.to_lowercase()));
    }
    write(Output::new(output)?, &entries, human::providers::write_list)?;
    match word.filter(|_| entries.is_empty()) {
        Some(word) => {
            let error = anyhow!("no provider holds this word in its id, name or domains: {word:?}");
            Err(Complaint::usage(error, "list them all with `mailcfg providers list`").exit(EXIT_FAILED))
        }
        None => Ok(EXIT_FINE),
    }
}

fn holds(provider: &Provider, word: &str) -> bool {
    let in_domain = |domain: &Domain| domain.as_str().contains(word) || domain.unicode().contains(word);
    provider.id.contains(word)
        || provider.name.to_lowercase().contains(word)
        || provider.domains.iter().any(in_domain)
}

fn show(id: &str, table: &TableArguments, output: &OutputArguments) -> Result<u8, Complaint> {
    let providers = plan::providers(table)?;
    let by_id = providers.all().into_iter().find(|(_, provider)| provider.id == id);
    let by_domain = || Domain::parse(id).ok().and_then(|domain| providers.find(&domain));
    let Some(entry) = by_id.or_else(by_domain) else {
        let hint =
            format!("look for it with `mailcfg providers list {}`", id.split('.').next().unwrap_or(id));
        return Err(
            Complaint::usage(anyhow!("no provider with this id or domain: {id:?}"), hint).exit(EXIT_FAILED)
        );
    };
    let output = Output::new(output)?;
    let style = output.style;
    write(output, std::slice::from_ref(&entry), |out, entries| {
        entries
            .iter()
            .try_for_each(|(source, provider)| human::providers::write_entry(out, *source, provider, style))
    })?;
    Ok(EXIT_FINE)
}

fn check(file: &Path) -> Result<u8, Complaint> {
    let table = read_table(file).map_err(|error| {
        let hint = error.hint();
        Complaint::usage(error, hint)
    })?;
    let (providers, domains) =
        (table.providers.len(), table.providers.iter().map(|it| it.domains.len()).sum::<usize>());
    Output::plain()
        .write(|out| writeln!(out, "{} is fine: {providers} providers, {domains} domains", file.display()))?;
    Ok(EXIT_FINE)
}

fn write(
    mut output: Output,
    entries: &[(Source, Provider)],
    human: impl FnOnce(&mut dyn std::io::Write, &[(Source, Provider)]) -> std::io::Result<()>,
) -> Result<(), Complaint> {
    let listing = output.listing()?;
    let documents: Vec<ProviderModel> =
        entries.iter().map(|(source, provider)| ProviderModel::of(*source, provider)).collect();
    output.write(|out| match listing {
        Listing::Screen => human(out, entries),
        Listing::Array => json::write_all(out, &documents),
        Listing::Lines => json::write_lines(out, &documents),
    })?;
    output.finish()
}
