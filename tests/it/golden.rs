//! Whole outputs: command line, exit code, stdout and stderr of each run stand in one file of `tests/golden`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::command::{Output, finish, mailcfg};
use crate::support::text::without_elapsed;

/// One run of the program.
struct Run {
    name: &'static str,
    /// Folders below `tests/golden`, which must be named absolutely.
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
}

const fn run(name: &'static str, arguments: &'static [&'static str]) -> Run {
    Run { name, environment: &[], arguments }
}

const RUNS: &[Run] = &[
    run("help-none", &[]),
    run("help-short", &["-h"]),
    run("help-long", &["--help"]),
    run("help-version", &["--version"]),
    run("help-lookup-short", &["lookup", "-h"]),
    run("help-lookup-long", &["lookup", "--help"]),
    run("help-probe-short", &["probe", "-h"]),
    run("help-probe-long", &["probe", "--help"]),
    run("help-explain-short", &["explain", "-h"]),
    run("help-explain-long", &["explain", "--help"]),
    run("help-providers-none", &["providers"]),
    run("help-providers-short", &["providers", "-h"]),
    run("help-providers-long", &["providers", "--help"]),
    run("help-providers-list-short", &["providers", "list", "-h"]),
    run("help-providers-list-long", &["providers", "list", "--help"]),
    run("help-providers-show-short", &["providers", "show", "-h"]),
    run("help-providers-show-long", &["providers", "show", "--help"]),
    run("help-providers-check-short", &["providers", "check", "-h"]),
    run("help-providers-check-long", &["providers", "check", "--help"]),
    run("help-completions-short", &["completions", "-h"]),
    run("help-completions-long", &["completions", "--help"]),
    run("help-man-short", &["man", "-h"]),
    run("help-man-long", &["man", "--help"]),
    run("lookup-address", &["lookup", "user@disroot.org"]),
    run("lookup-domain", &["lookup", "disroot.org"]),
    run("lookup-several", &["lookup", "--offline", "user@gmail.com", "nowhere.example", "gmx.net"]),
    run("lookup-unknown", &["lookup", "--offline", "user@nowhere.example"]),
    run("lookup-unknown-idn", &["lookup", "--offline", "user@bücher.example"]),
    run("lookup-json", &["lookup", "user@disroot.org", "--json"]),
    run(
        "lookup-json-several",
        &["lookup", "--format", "json", "--offline", "disroot.org", "nowhere.example"],
    ),
    run("lookup-jsonl", &["lookup", "--format", "jsonl", "--offline", "user@disroot.org", "nowhere.example"]),
    run("lookup-quiet", &["lookup", "--offline", "-q", "nowhere.example"]),
    run("lookup-colour", &["lookup", "--color", "always", "--offline", "user@gmail.com", "nowhere.example"]),
    run("lookup-own-table", &["lookup", "--providers", "tables/own.toml", "user@disroot.org", "gmx.net"]),
    run("lookup-own-table-json", &["lookup", "--providers=tables/own.toml", "--json", "user@disroot.org"]),
    run(
        "lookup-idn",
        &["lookup", "--providers", "tables/own.toml", "Ada@BÜCHER.example", "xn--bcher-kva.example"],
    ),
    run("lookup-idn-json", &["lookup", "--providers", "tables/own.toml", "Ada@BÜCHER.example", "--json"]),
    Run {
        name: "lookup-own-table-xdg",
        environment: &[("XDG_CONFIG_HOME", "config"), ("HOME", "home")],
        arguments: &["lookup", "ada@own.example"],
    },
    Run {
        name: "lookup-own-table-home",
        environment: &[("HOME", "home")],
        arguments: &["lookup", "ada@own.example"],
    },
    run("lookup-broken-table", &["lookup", "--providers", "tables/broken.toml", "disroot.org"]),
    run("lookup-input", INPUT),
    run("lookup-input-jsonl", INPUT_JSONL),
    run("providers-list-word", &["providers", "list", "GMX"]),
    run("providers-list-nothing", &["providers", "list", "no-such-word"]),
    run("providers-list-own", &["providers", "list", "--providers", "tables/own.toml", "büch"]),
    run("providers-show", &["providers", "show", "disroot"]),
    run("providers-show-domain", &["providers", "show", "googlemail.com"]),
    run("providers-show-json", &["providers", "show", "disroot", "--json"]),
    run("providers-show-own", &["providers", "show", "buecher", "--providers", "tables/own.toml"]),
    run("providers-show-unknown", &["providers", "show", "nobody"]),
    run("providers-check-good", &["providers", "check", "tables/own.toml"]),
    run("providers-check-broken", &["providers", "check", "tables/broken.toml"]),
    run("explain", &["explain"]),
    run("explain-finding", &["explain", "certificate.expires-soon"]),
    run("explain-finding-json", &["explain", "certificate.expires-soon", "--json"]),
    run("explain-words", &["explain", "imap", "465", "starttls", "app-password"]),
    run("explain-word-json", &["explain", "465", "--json"]),
    run("explain-requirements", &["explain", "requirements"]),
    run("explain-unknown", &["explain", "certificate.expierd"]),
    run("probe-unknown-requirement", &["probe", "--offline", "nowhere.example", "--require", "uild"]),
    run(
        "probe-unknown-ignore",
        &["probe", "--offline", "nowhere.example", "--ignore", "certificate.expierd"],
    ),
    run("probe-unknown-fail-on", &["probe", "--offline", "nowhere.example", "--fail-on", "unknown,warn"]),
    run("probe-unknown-domain", &["probe", "--offline", "nowhere.example"]),
    run("probe-unknown-domain-json", &["probe", "--offline", "nowhere.example", "--json"]),
    run("probe-no-such-service", &["probe", "disroot.org", "--protocol", "pop3", "--security", "none"]),
];

/// All that is strange and right.
const INPUT: &[&str] = &[
    "lookup",
    "--offline",
    "DISROOT.ORG",
    "disroot.org.",
    "User.Name+tag@Disroot.Org",
    "mailto:user%2Btag@disroot.org?subject=hello",
    "\"a b@c\"@disroot.org",
    "%EMAILDOMAIN%@disroot.org",
    "jörg@disroot.org",
    "a\u{202e}b@disroot.org",
    "localhost",
    "--",
    "-dash@disroot.org",
];

const INPUT_JSONL: &[&str] = &[
    "lookup",
    "--offline",
    "--format=jsonl",
    "DISROOT.ORG",
    "disroot.org.",
    "User.Name+tag@Disroot.Org",
    "mailto:user%2Btag@disroot.org?subject=hello",
    "\"a b@c\"@disroot.org",
    "%EMAILDOMAIN%@disroot.org",
    "jörg@disroot.org",
    "a\u{202e}b@disroot.org",
    "localhost",
    "--",
    "-dash@disroot.org",
];

#[test]
fn golden_outputs_are_as_recorded() {
    let bless = std::env::var_os("MAILCFG_BLESS").is_some();
    let mut wrong = Vec::new();
    for run in RUNS {
        let path = folder().join(format!("{}.txt", run.name));
        let now = recorded(run);
        if bless {
            std::fs::write(&path, &now).expect("the golden file can be written");
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if now != before {
            wrong.push(format!("=== {}: recorded\n{before}=== {0}: now\n{now}", run.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nif the new ones are right: MAILCFG_BLESS=1, see its README",
        wrong.join("\n")
    );
}

#[test]
fn golden_files_belong_to_a_run() {
    let runs: BTreeSet<String> = RUNS.iter().map(|run| format!("{}.txt", run.name)).collect();
    assert_eq!(runs.len(), RUNS.len(), "two runs have the same name");
    let files = std::fs::read_dir(folder()).expect("the folder is there").map(|entry| {
        entry.expect("the folder can be read").file_name().into_string().expect("a name is text")
    });
    assert_eq!(files.filter(|name| name.ends_with(".txt")).collect::<BTreeSet<_>>(), runs);
}

fn recorded(run: &Run) -> String {
    let mut command = mailcfg(run.arguments);
    command.current_dir(folder());
    command.envs(run.environment.iter().map(|(name, value)| (name, folder().join(value))));
    let Output { code, stdout, stderr } = finish(&mut command);
    let environment = run.environment.iter().map(|(name, value)| format!("{name}={value} "));
    let arguments = run.arguments.iter().map(|argument| format!(" {}", quoted(argument)));
    format!(
        "$ {}mailcfg{}\n--- exit {code}\n--- stdout\n{}--- stderr\n{stderr}",
        environment.collect::<String>(),
        arguments.collect::<String>(),
        without_elapsed(&stdout),
    )
}

fn quoted(argument: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_.@:/=+,%".contains(character);
    if argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.escape_debug().to_string().replace("\\\"", "\""))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}
