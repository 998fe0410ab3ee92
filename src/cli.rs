//! The command line: the tree of commands and flags. What they mean is in `plan`, what they do in a file a command.

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
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mailcfg::render::Format;
use mailcfg::settings::Security;

pub use complaint::Complaint;
use many::ManyArguments;

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

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = LOOKUP_EXAMPLES, after_help = LOOKUP_EXIT_CODES)]
struct LookupArguments {
    /// Addresses or domains
    #[arg(value_name = "ADDRESS|DOMAIN", required_unless_present = "from")]
    targets: Vec<String>,
    /// Examine the servers that were found too, as `mailcfg probe` does
    #[arg(long, help_heading = "What to ask")]
    probe: bool,
    /// Print every DNS query and URL that would be asked, and ask nobody
    #[arg(long, conflicts_with_all = ["probe", "from"], help_heading = "What to ask")]
    dry_run: bool,
    #[command(flatten)]
    many: ManyArguments,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    output: OutputArguments,
    /// Show every source and what it said; with --probe all facts, twice also the dialogue
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to ask")]
struct SourceArguments {
    /// Ask every source, wait for all, and compare what they say
    #[arg(long)]
    all: bool,
    /// Ask these sources only, as pacc,srv [possible: user-table, bundled, pacc, autoconfig, ispdb, mx, srv, mailconf, autodiscover, guess]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    source: Vec<String>,
    /// Ask nobody: the tables alone
    #[arg(long, conflicts_with = "all")]
    offline: bool,
    /// Try no usual names
    #[arg(long)]
    no_guess: bool,
    /// Try the ports 2525 and 25 too when usual names are tried
    #[arg(long)]
    relay: bool,
    /// Let the provider learn the whole address, not the domain alone; some answer only then
    #[arg(long)]
    send_address: bool,
    /// Take autoconfig documents without TLS too
    #[arg(long)]
    allow_http: bool,
    /// Where the ISPDB's documents are
    #[arg(long, value_name = "URL", default_value = mailcfg::lookup::ISPDB_URL, env = "MAILCFG_ISPDB_URL")]
    ispdb_url: String,
    /// The limit for all sources together, as 15, 2s or 500ms
    #[arg(
        long,
        value_name = "TIME",
        default_value = "15s",
        env = "MAILCFG_LOOKUP_TIMEOUT",
        help_heading = "Limits"
    )]
    lookup_timeout: String,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = PROBE_EXAMPLES, after_help = PROBE_EXIT_CODES)]
struct ProbeArguments {
    /// Addresses, domains, servers as host:port, or URLs such as imaps://host
    #[arg(value_name = "TARGET", required_unless_present_any = ["plugin_targets", "from"])]
    targets: Vec<String>,
    /// Speak this protocol, whatever the port says; of a domain, examine these services only
    #[arg(long, value_name = "imap|pop3|smtp", value_parser = plan::protocol, help_heading = "What to examine")]
    protocol: Option<plan::ProtocolWord>,
    /// Use this security, whatever the port says; of a domain, examine these services only
    #[arg(long, value_name = "tls|starttls|none", value_parser = plan::security, help_heading = "What to examine")]
    security: Option<Security>,
    /// Examine every address of a host on its own, both families [default: the first that answers]
    #[arg(long, conflicts_with = "proxy", help_heading = "What to examine")]
    all_addresses: bool,
    /// With one more connection, send a harmless command in one segment with STARTTLS: the server must drop it
    #[arg(long, help_heading = "What to examine")]
    starttls_injection: bool,
    #[command(flatten)]
    login: login::LoginArguments,
    /// The limit for a whole endpoint, as 60, 2s, 500ms or 1m
    #[arg(
        long,
        short_alias = 't',
        value_name = "TIME",
        default_value = "60s",
        env = "MAILCFG_TIMEOUT",
        help_heading = "Limits"
    )]
    timeout: String,
    #[command(flatten)]
    policy: policy::PolicyArguments,
    #[command(flatten)]
    many: ManyArguments,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    network: NetworkArguments,
    /// Name this client so in EHLO [default: the address literal of the local socket]
    #[arg(long, value_name = "NAME", env = "MAILCFG_EHLO", help_heading = "Network")]
    ehlo: Option<String>,
    /// Send this name as SNI and hold the certificate against it [default: the host]
    #[arg(long, value_name = "NAME", env = "MAILCFG_SNI", help_heading = "Network")]
    sni: Option<String>,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    plugin: plugin::PluginArguments,
    #[command(flatten)]
    output: OutputArguments,
    /// Show all facts; twice also the dialogue, which never holds a secret
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
struct NetworkArguments {
    /// The limit for one connection, as 10, 2s or 500ms
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        env = "MAILCFG_CONNECT_TIMEOUT",
        help_heading = "Limits"
    )]
    connect_timeout: String,
    /// Ask this resolver, as 192.0.2.53, [2001:db8::53]:5353, tls://dns.example.org or
    /// https://dns.example.org/dns-query [default: the system's]
    #[arg(long, value_name = "ADDR[:PORT]", env = "MAILCFG_RESOLVER")]
    resolver: Option<String>,
    /// Trust the certificates in this PEM file too [default: the bundled roots alone]
    #[arg(long, value_name = "PEM", env = "MAILCFG_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Connect to ADDR:PORT in place of HOST:PORT, as curl does; names and certificate checks keep HOST
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT", long_help = CONNECT_TO_HELP)]
    connect_to: Vec<String>,
    /// Connect through a SOCKS5 proxy, which resolves host names too: socks5h://HOST:PORT [default: none]
    #[arg(long, value_name = "URL", env = "MAILCFG_PROXY")]
    proxy: Option<String>,
    /// Use IPv4 alone [default: both families]
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 alone [default: both families]
    #[arg(short = '6', long)]
    ipv6: bool,
}

#[derive(Debug, Args)]
struct TableArguments {
    /// Your own provider table, which wins over the bundled one [default: ~/.config/mailcfg/providers.toml]
    #[arg(long, value_name = "FILE", env = "MAILCFG_PROVIDERS", help_heading = "Table")]
    providers: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArguments {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human", env = "MAILCFG_FORMAT", value_parser = output::format_parser())]
    format: &'static Format,
    /// Short for --format json; wins over it
    #[arg(long)]
    json: bool,
    /// Write the result to this file, which is replaced when all is done and never seen half-written [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", env = "MAILCFG_COLOR")]
    color: ColorWhen,
    /// Print no result, only errors; the exit code tells
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true, help_template = TEMPLATE)]
#[command(before_help = "Examples:\n  mailcfg providers list gmx\n  mailcfg providers show disroot")]
struct ProvidersArguments {
    #[command(subcommand)]
    command: ProvidersCommand,
}

#[derive(Debug, Subcommand)]
enum ProvidersCommand {
    /// List the entries, or those whose id, name or domain holds a word
    #[command(help_template = TEMPLATE, before_help = "Examples:\n  mailcfg providers list\n  mailcfg providers list gmx")]
    List {
        /// The word
        word: Option<String>,
        #[command(flatten)]
        table: TableArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Show an entry
    #[command(help_template = TEMPLATE, before_help = "Example:\n  mailcfg providers show disroot")]
    Show {
        /// The id of the entry, or a domain it lists
        id: String,
        #[command(flatten)]
        table: TableArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Check a table of your own
    #[command(help_template = TEMPLATE, before_help = "Example:\n  mailcfg providers check ~/.config/mailcfg/providers.toml")]
    Check {
        /// The table
        file: PathBuf,
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

const LOOKUP_EXAMPLES: &str = "\
Examples:
  mailcfg lookup user@disroot.org
  mailcfg lookup user@example.org --all       every source, compared
  mailcfg lookup user@example.org --dry-run   what would be asked, and of whom
  mailcfg lookup user@disroot.org --json";

const LOOKUP_EXIT_CODES: &str = "Exit code: 0 found · 1 not found · 2 wrong usage · 3 could not find out";

const PROBE_EXAMPLES: &str = "\
Examples:
  mailcfg probe disroot.org                             every endpoint of a domain
  mailcfg probe mail.example.org:993 [2001:db8::1]:465  servers by host and port
  mailcfg probe submission://mail.example.org -v        one server, all facts
  mailcfg probe disroot.org --format nagios -w 20 -c 7  as a monitoring plugin
  mailcfg probe user@disroot.org --login                sign in to every server too
  mailcfg probe disroot.org --connect-to ::192.0.2.7:   a new server, before DNS points at it
  mailcfg probe mail.example.org:1143 --protocol imap --security starttls
  mailcfg probe --from domains.txt --format jsonl       every domain of a list, a line each";

const PROBE_EXIT_CODES: &str =
    "Exit code: 0 every endpoint works · 1 at least one fails · 2 wrong usage · 3 could not find out

With --format nagios it is a monitoring plugin: its exit codes, and -H TARGET, -w DAYS, -c DAYS and -t SECONDS beside the rest.";

const CONNECT_TO_HELP: &str = "\
Connect to ADDR:PORT in place of HOST:PORT, as curl does; names and certificate checks keep HOST.

An empty HOST or PORT stands for any, an empty ADDR or PORT for the same. May be given more than once; the first that matches counts. Example: --connect-to disroot.org:993:[2001:db8::1]:10993";
