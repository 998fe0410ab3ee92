//! The command line: the tree of commands. Their flags are in `arguments`, what they mean in `plan`, what they do in a
//! file a command.

mod arguments;
mod check;
mod complaint;
mod drive;
mod explain;
mod login;
mod lookup;
mod many;
mod output;
mod plan;
mod plugin;
mod policy;
mod printer;
mod probe;
mod progress;
mod providers;
mod shell;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use arguments::{LookupArguments, ProbeArguments, ProvidersArguments};
pub use complaint::Complaint;

/// Parses the arguments and does what they say; gives the exit code.
pub fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8, Complaint> {
    let arguments: Vec<OsString> = arguments.collect();
    let is_plugin = plugin::is_asked_for(&arguments);
    obey(arguments).map_err(|complaint| if is_plugin { complaint.of_plugin() } else { complaint })
}

fn obey(arguments: Vec<OsString>) -> Result<u8, Complaint> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return Complaint::from_clap(error),
    };
    match cli.command {
        Command::Lookup(arguments) => lookup::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Providers(arguments) => providers::run(&arguments),
        Command::Schema => shell::schema(),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { command } => shell::man(command.as_deref()),
    }
}

/// Finds the mail settings of an address and tells whether those servers really work.
#[derive(Debug, Parser)]
#[command(name = "mailcfg", version, help_template = TEMPLATE)]
#[command(before_help = EXAMPLES, after_help = EXIT_CODES, after_long_help = LONG_AFTER_HELP)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the mail settings of an address or a domain
    Lookup(Box<LookupArguments>),
    /// Examine mail servers: greeting, TLS, STARTTLS, certificate, password sign-in
    Probe(Box<ProbeArguments>),
    /// Hold servers against a file of what is expected of them
    Check(Box<check::CheckArguments>),
    /// Say what a finding, a protocol, a port or another word means, and what to do
    Explain(explain::ExplainArguments),
    /// Show and check the provider table
    Providers(ProvidersArguments),
    /// Print the JSON Schema of all that --json prints
    #[command(help_template = TEMPLATE, before_help = "Example:\n  mailcfg schema > mailcfg.schema.json")]
    Schema,
    /// Print a completion script for a shell
    #[command(
        help_template = TEMPLATE,
        before_help = "Example:\n  mailcfg completions bash > ~/.local/share/bash-completion/completions/mailcfg"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(help_template = TEMPLATE, before_help = "Examples:\n  mailcfg man > mailcfg.1\n  mailcfg man probe | man -l -")]
    Man {
        /// The command whose page to print; the program's own when left out
        command: Option<String>,
    },
}

/// Examples first: they answer most questions.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  mailcfg lookup user@disroot.org         which settings does this address use?
  mailcfg probe disroot.org               do its servers work, safely, right now?
  mailcfg probe imaps://mail.example.org  examine one server
  mailcfg probe disroot.org --json        the same for a program";

const EXIT_CODES: &str = "Exit code: 0 all well · 1 something fails · 2 wrong usage · 3 could not find out";

const LONG_AFTER_HELP: &str = "\
Exit code:
  0  found, or every check passed (warnings may exist)
  1  not found, or at least one check failed
  2  wrong usage or unreadable input; nothing was asked
  3  could not find out: try again, page nobody
  With --format nagios they are a plugin's: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (wrong usage too).

Environment:
  MAILCFG_PROVIDERS, MAILCFG_FORMAT, MAILCFG_COLOR, MAILCFG_TIMEOUT, MAILCFG_CONNECT_TIMEOUT,
  MAILCFG_LOOKUP_TIMEOUT, MAILCFG_ISPDB_URL, MAILCFG_RESOLVER, MAILCFG_CA_FILE, MAILCFG_PROXY,
  MAILCFG_EHLO, MAILCFG_SNI, MAILCFG_JOBS, MAILCFG_PER_HOST, MAILCFG_RETRIES and MAILCFG_DEADLINE stand for the flags of the same name; a flag wins. NO_COLOR and TERM=dumb switch colour off.";
