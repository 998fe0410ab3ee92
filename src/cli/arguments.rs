//! The flags of `lookup`, `probe` and `providers`, and those that several commands share: what is typed, in no way checked.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mailcfg::render::Format;
use mailcfg::settings::Security;

use super::many::ManyArguments;
use super::{TEMPLATE, login, output, plan, plugin, policy};

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = LOOKUP_EXAMPLES, after_help = LOOKUP_EXIT_CODES)]
pub(super) struct LookupArguments {
    /// Addresses or domains
    #[arg(value_name = "ADDRESS|DOMAIN", required_unless_present = "from")]
    pub(super) targets: Vec<String>,
    /// Examine the servers that were found too, as `mailcfg probe` does
    #[arg(long, help_heading = "What to ask")]
    pub(super) probe: bool,
    /// Print every DNS query and URL that would be asked, and ask nobody
    #[arg(long, conflicts_with_all = ["probe", "from"], help_heading = "What to ask")]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) many: ManyArguments,
    #[command(flatten)]
    pub(super) sources: SourceArguments,
    #[command(flatten)]
    pub(super) network: NetworkArguments,
    #[command(flatten)]
    pub(super) table: TableArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// Show every source and what it said; with --probe all facts, twice also the dialogue
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(super) verbose: u8,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to ask")]
pub(super) struct SourceArguments {
    /// Ask every source, wait for all, and compare what they say
    #[arg(long)]
    pub(super) all: bool,
    /// Ask these sources only, as pacc,srv [possible: user-table, bundled, pacc, autoconfig, ispdb, mx, srv, mailconf, autodiscover, guess]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(super) source: Vec<String>,
    /// Ask nobody: the tables alone
    #[arg(long, conflicts_with = "all")]
    pub(super) offline: bool,
    /// Try no usual names
    #[arg(long)]
    pub(super) no_guess: bool,
    /// Try the ports 2525 and 25 too when usual names are tried
    #[arg(long)]
    pub(super) relay: bool,
    /// Let the provider learn the whole address, not the domain alone; some answer only then
    #[arg(long)]
    pub(super) send_address: bool,
    /// Take autoconfig documents without TLS too
    #[arg(long)]
    pub(super) allow_http: bool,
    /// Where the ISPDB's documents are
    #[arg(long, value_name = "URL", default_value = mailcfg::lookup::ISPDB_URL, env = "MAILCFG_ISPDB_URL")]
    pub(super) ispdb_url: String,
    /// The limit for all sources together, as 15, 2s or 500ms
    #[arg(
        long,
        value_name = "TIME",
        default_value = "15s",
        env = "MAILCFG_LOOKUP_TIMEOUT",
        help_heading = "Limits"
    )]
    pub(super) lookup_timeout: String,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = PROBE_EXAMPLES, after_help = PROBE_EXIT_CODES)]
pub(super) struct ProbeArguments {
    /// Addresses, domains, servers as host:port, or URLs such as imaps://host
    #[arg(value_name = "TARGET", required_unless_present_any = ["plugin_targets", "from"])]
    pub(super) targets: Vec<String>,
    /// Speak this protocol, whatever the port says; of a domain, examine these services only
    #[arg(long, value_name = "imap|pop3|smtp", value_parser = plan::protocol, help_heading = "What to examine")]
    pub(super) protocol: Option<plan::ProtocolWord>,
    /// Use this security, whatever the port says; of a domain, examine these services only
    #[arg(long, value_name = "tls|starttls|none", value_parser = plan::security, help_heading = "What to examine")]
    pub(super) security: Option<Security>,
    /// Examine every address of a host on its own, both families [default: the first that answers]
    #[arg(long, conflicts_with = "proxy", help_heading = "What to examine")]
    pub(super) all_addresses: bool,
    /// With one more connection, send a harmless command in one segment with STARTTLS: the server must drop it
    #[arg(long, help_heading = "What to examine")]
    pub(super) starttls_injection: bool,
    #[command(flatten)]
    pub(super) login: login::LoginArguments,
    /// The limit for a whole endpoint, as 60, 2s, 500ms or 1m
    #[arg(
        long,
        short_alias = 't',
        value_name = "TIME",
        default_value = "60s",
        env = "MAILCFG_TIMEOUT",
        help_heading = "Limits"
    )]
    pub(super) timeout: String,
    #[command(flatten)]
    pub(super) policy: policy::PolicyArguments,
    #[command(flatten)]
    pub(super) many: ManyArguments,
    #[command(flatten)]
    pub(super) sources: SourceArguments,
    #[command(flatten)]
    pub(super) network: NetworkArguments,
    /// Name this client so in EHLO [default: the address literal of the local socket]
    #[arg(long, value_name = "NAME", env = "MAILCFG_EHLO", help_heading = "Network")]
    pub(super) ehlo: Option<String>,
    /// Send this name as SNI and hold the certificate against it [default: the host]
    #[arg(long, value_name = "NAME", env = "MAILCFG_SNI", help_heading = "Network")]
    pub(super) sni: Option<String>,
    #[command(flatten)]
    pub(super) table: TableArguments,
    #[command(flatten)]
    pub(super) plugin: plugin::PluginArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// Show all facts; twice also the dialogue, which never holds a secret
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(super) verbose: u8,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArguments {
    /// The limit for one connection, as 10, 2s or 500ms
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        env = "MAILCFG_CONNECT_TIMEOUT",
        help_heading = "Limits"
    )]
    pub(super) connect_timeout: String,
    /// Ask this resolver, as 192.0.2.53, [2001:db8::53]:5353, tls://dns.example.org or
    /// https://dns.example.org/dns-query [default: the system's]
    #[arg(long, value_name = "ADDR[:PORT]", env = "MAILCFG_RESOLVER")]
    pub(super) resolver: Option<String>,
    /// Trust the certificates in this PEM file too [default: the bundled roots alone]
    #[arg(long, value_name = "PEM", env = "MAILCFG_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Connect to ADDR:PORT in place of HOST:PORT, as curl does; names and certificate checks keep HOST
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT", long_help = CONNECT_TO_HELP)]
    pub(super) connect_to: Vec<String>,
    /// Connect through a SOCKS5 proxy, which resolves host names too: socks5h://HOST:PORT [default: none]
    #[arg(long, value_name = "URL", env = "MAILCFG_PROXY")]
    pub(super) proxy: Option<String>,
    /// Use IPv4 alone [default: both families]
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// Use IPv6 alone [default: both families]
    #[arg(short = '6', long)]
    pub(super) ipv6: bool,
}

#[derive(Debug, Args)]
pub(super) struct TableArguments {
    /// Your own provider table, which wins over the bundled one [default: ~/.config/mailcfg/providers.toml]
    #[arg(long, value_name = "FILE", env = "MAILCFG_PROVIDERS", help_heading = "Table")]
    pub(super) providers: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human", env = "MAILCFG_FORMAT", value_parser = output::format_parser())]
    pub(super) format: &'static Format,
    /// Short for --format json; wins over it
    #[arg(long)]
    pub(super) json: bool,
    /// Write the result to this file, which is replaced when all is done and never seen half-written [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", env = "MAILCFG_COLOR")]
    pub(super) color: ColorWhen,
    /// Print no result, only errors; the exit code tells
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
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
pub(super) struct ProvidersArguments {
    #[command(subcommand)]
    pub(super) command: ProvidersCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProvidersCommand {
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

pub(super) const PROBE_EXIT_CODES: &str =
    "Exit code: 0 every endpoint works · 1 at least one fails · 2 wrong usage · 3 could not find out

With --format nagios it is a monitoring plugin: its exit codes, and -H TARGET, -w DAYS, -c DAYS and -t SECONDS beside the rest.";

pub(super) const CHECK_EXIT_CODES: &str =
    "Exit code: 0 all is as expected · 1 something fails · 2 wrong usage · 3 could not find out

With --format nagios they are a monitoring plugin's: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (wrong usage too).";

const CONNECT_TO_HELP: &str = "\
Connect to ADDR:PORT in place of HOST:PORT, as curl does; names and certificate checks keep HOST.

An empty HOST or PORT stands for any, an empty ADDR or PORT for the same. May be given more than once; the first that matches counts. Example: --connect-to disroot.org:993:[2001:db8::1]:10993";
