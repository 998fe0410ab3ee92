//! `mailcfg lookup`

use mailcfg::lookup::{Lookup, lookup};
use mailcfg::render::{human, json};
use mailcfg::report::lookup_exit_code;

use super::output::Output;
use super::{Complaint, Format, LookupArguments, plan};

/// Looks every target up and prints the outcomes.
pub fn run(arguments: &LookupArguments) -> Result<u8, Complaint> {
    let queries = plan::queries(&arguments.targets)?;
    let providers = plan::providers(&arguments.table)?;
    let lookups: Vec<Lookup> = queries.into_iter().map(|query| lookup(query, &providers)).collect();
    let output = Output::new(&arguments.output);
    output.write(|out| match output.format {
        Format::Json => json::write(out, &lookups.iter().map(json::lookup).collect::<Vec<_>>()),
        Format::Jsonl => {
            let documents = lookups.iter().map(json::lookup).enumerate();
            documents.into_iter().try_for_each(|(index, document)| json::write_line(out, index, document))
        }
        Format::Human => lookups.iter().enumerate().try_for_each(|(index, lookup)| {
            if index > 0 {
                writeln!(out)?;
            }
            human::lookup::write(out, lookup, output.style)
        }),
    })?;
    Ok(lookup_exit_code(lookups.iter().map(Lookup::status)))
}
