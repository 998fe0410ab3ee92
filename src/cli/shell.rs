//! `mailcfg completions`, `mailcfg man` and `mailcfg schema`

use anyhow::anyhow;
use clap::CommandFactory;
use clap_complete::Shell;
use mailcfg::render::json;
use mailcfg::report::EXIT_FINE;

use super::output::Output;
use super::{Cli, Complaint};

/// Prints a completion script.
pub fn completions(shell: Shell) -> Result<u8, Complaint> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mailcfg", &mut script);
    print(&script)
}

/// Prints the JSON Schema of every JSON document.
pub fn schema() -> Result<u8, Complaint> {
    print(json::SCHEMA_TEXT.as_bytes())
}

/// Prints the manual page of the program or of one command.
pub fn man(command: Option<&str>) -> Result<u8, Complaint> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            Complaint::usage(
                anyhow!("no such command: {name:?}"),
                "the commands are listed by `mailcfg --help`",
            )
        })?,
    };
    // The pages have a place for what stands behind the options only.
    let (examples, rest) =
        (page.get_before_help(), page.get_after_long_help().or_else(|| page.get_after_help()));
    let extra: Vec<String> = examples.into_iter().chain(rest).map(ToString::to_string).collect();
    let page = page.clone().after_long_help(extra.join("\n\n"));
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Complaint::fault)?;
    print(&text)
}

fn print(text: &[u8]) -> Result<u8, Complaint> {
    Output::plain().write(|out| out.write_all(text))?;
    Ok(EXIT_FINE)
}
