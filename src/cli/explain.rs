//! `mailcfg explain`

use anyhow::anyhow;
use clap::Args;
use mailcfg::render::json::{self, ExplainModel};
use mailcfg::render::{Listing, human};
use mailcfg::report::EXIT_FINE;
use mailcfg::report::explain::Topic;

use super::arguments::OutputArguments;
use super::output::Output;
use super::{Complaint, TEMPLATE};

/// The arguments of `explain`.
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ExplainArguments {
    /// The id of a finding, its first half, a requirement, a protocol, a port or another word; all when left out
    #[arg(value_name = "ID|WORD")]
    words: Vec<String>,
    #[command(flatten)]
    output: OutputArguments,
}

/// Prints what the words mean, or everything that can be explained.
pub fn run(arguments: &ExplainArguments) -> Result<u8, Complaint> {
    let topics: Vec<Topic> = arguments.words.iter().map(|word| topic(word)).collect::<Result<_, _>>()?;
    let mut output = Output::new(&arguments.output)?;
    let (listing, style) = (output.listing()?, output.style);
    let documents: Vec<ExplainModel> = match topics.as_slice() {
        [] => vec![ExplainModel::of_all()],
        topics => topics.iter().map(ExplainModel::of).collect(),
    };
    output.write(|out| match listing {
        Listing::Array => json::write_all(out, &documents),
        Listing::Lines => json::write_lines(out, &documents),
        Listing::Screen if topics.is_empty() => human::explain::write_list(out, style),
        Listing::Screen => topics.iter().enumerate().try_for_each(|(index, topic)| {
            if index > 0 {
                writeln!(out)?;
            }
            human::explain::write(out, topic, style)
        }),
    })?;
    output.finish()?;
    Ok(EXIT_FINE)
}

fn topic(word: &str) -> Result<Topic, Complaint> {
    Topic::find(word).map_err(|nearest| {
        let hint = format!("did you mean {}? `mailcfg explain` lists them all", nearest.join(", "));
        Complaint::usage(anyhow!("there is nothing to explain by this name: {word:?}"), hint)
    })
}

const EXAMPLES: &str = "\
Examples:
  mailcfg explain                            everything there is
  mailcfg explain certificate.expires-soon   what it means, why it matters, what to do
  mailcfg explain starttls 465 app-password  which to choose, and why
  mailcfg explain requirements               what `mailcfg probe --require` takes";
