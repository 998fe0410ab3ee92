//! `mailcfg check`

mod file;
mod init;
mod keys;

use std::path::{Path, PathBuf};

use clap::Args;
use mailcfg::net::Family;
use mailcfg::report::Context;
use mailcfg::report::policy::Policy;
use mailcfg::run::Run;
use time::OffsetDateTime;

use super::arguments::{
    CHECK_EXIT_CODES, NetworkArguments, OutputArguments, SourceArguments, TableArguments,
};
use super::many::PaceArguments;
use super::{Complaint, TEMPLATE, plan, policy, probe};
use file::Check;

/// The arguments of `check`.
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = CHECK_EXIT_CODES)]
pub struct CheckArguments {
    /// The file of checks, or - for stdin [default: mailcfg.toml]
    #[arg(value_name = "FILE", conflicts_with = "init")]
    file: Option<PathBuf>,
    /// Write a starting file of what is there today: of addresses, domains, servers as host:port, or URLs
    #[arg(long, value_name = "TARGET", num_args = 1.., conflicts_with = "json", help_heading = "A new file")]
    init: Vec<String>,
    /// Write it to --output in the place of a file that is there
    #[arg(long, requires = "init", requires = "output", help_heading = "A new file")]
    force: bool,
    /// Examine every address of a host on its own, both families [default: the first that answers]
    #[arg(long, conflicts_with = "proxy", help_heading = "What to examine")]
    all_addresses: bool,
    /// The limit for a whole endpoint, as 60, 2s, 500ms or 1m
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        env = "MAILCFG_TIMEOUT",
        help_heading = "Limits"
    )]
    timeout: String,
    #[command(flatten)]
    pace: PaceArguments,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    network: NetworkArguments,
    /// Name this client so in EHLO [default: the address literal of the local socket]
    #[arg(long, value_name = "NAME", env = "MAILCFG_EHLO", help_heading = "Network")]
    ehlo: Option<String>,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    shown: OutputArguments,
    /// Show all facts; twice also the dialogue, which never holds a secret
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

/// Holds the targets of a file against what it demands, or writes a starting file.
pub fn run(arguments: &CheckArguments) -> Result<u8, Complaint> {
    if !arguments.init.is_empty() {
        return init::run(arguments);
    }
    let file = arguments.file.as_deref().unwrap_or(Path::new("mailcfg.toml"));
    let (tasks, policies): (Vec<_>, Vec<_>) =
        file::read(file)?.into_iter().map(|Check { task, policy }| (task, policy)).unzip();
    let family = plan::family(&arguments.network);
    tasks.iter().try_for_each(|task| plan::admit(task, family))?;
    let family_required = family != Family::Any;
    let policies: Vec<Policy> =
        policies.into_iter().map(|policy| Policy { family_required, ..policy }).collect();
    for required in policies.iter().flat_map(|policy| &policy.require) {
        policy::reachable(*required, family, &arguments.network)?;
    }
    let all_addresses = policies.iter().any(Policy::needs_all_addresses);
    let run = prepare(arguments, all_addresses)?;
    let nothing = Policy::default();
    let context = |index| {
        let policy = policies.get(index).unwrap_or(&nothing);
        Context::new(OffsetDateTime::now_utc(), policy).of_command("check")
    };
    let targets = arguments.pace.targets(tasks)?;
    probe::run_and_print(run, targets, context, &arguments.shown, probe::look(arguments.verbose))
}

fn prepare(arguments: &CheckArguments, all_addresses: bool) -> Result<Run, Complaint> {
    Ok(Run {
        network: arguments.pace.network(plan::network(&arguments.network)?),
        providers: plan::providers(&arguments.table)?,
        lookup: plan::lookup(&arguments.sources)?,
        probe: plan::examination(&arguments.timeout, arguments.ehlo.as_deref(), arguments.verbose)?,
        all_addresses: arguments.all_addresses || all_addresses,
        only: Default::default(),
        lookup_only: false,
        options: arguments.pace.options()?,
    })
}

const EXAMPLES: &str = "\
Examples:
  mailcfg check --init example.org --output mailcfg.toml  a starting file of what is there today
  mailcfg check                                           is everything as mailcfg.toml has it?
  mailcfg check production.toml --json                    another file, for a program";
