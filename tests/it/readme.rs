//! What README.md shows is what the program prints, and what it tells people to type works.
//!
//! A `console` block is a command and its whole output; a `console servers` block asks the real servers of `tests/run`,
//! a `console lookup` block their resolver too.
//! In `sh` blocks every `mailcfg` line must end well, in a home with a `domains.txt`. The table is the one of the `toml` block.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use mailcfg::net::pace::Limits;
use mailcfg::net::{self, dns, http};
use mailcfg::probe::{self, certificate, drive, session};
use mailcfg::report::finding;
use mailcfg::wire::sasl::scram;
use mailcfg::wire::{self, line};
use mailcfg::{lookup, providers, run};

use crate::support::command::{Output, finish, mailcfg};
use crate::support::dns::Dns;
use crate::support::folder::Folder;
use crate::support::text::{without_dates, without_fingerprints, without_times};

#[test]
fn readme_tells_the_limits_of_the_code() {
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    let mib = |bytes: usize| format!("{} MiB", bytes / 1024 / 1024);
    let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
    let of_table = mib(usize::try_from(providers::TABLE_BYTES).expect("a table fits into memory"));
    assert_eq!(providers::TABLE_BYTES, net::ROOTS_BYTES);
    let per_host = Limits::default();
    let grouped = |number: u32| thousands(usize::try_from(number).expect("it fits"));
    let expected = [
        ("one endpoint, from the first question to the last reply", vec![seconds(probe::TIMEOUT)]),
        ("one connection", vec![seconds(net::CONNECT_TIMEOUT)]),
        ("one reply of a server", vec![seconds(session::REPLY_LIMIT), seconds(session::MOST_RESERVE)]),
        (
            "a greeting in clear text at a port for TLS (993, 995, 465), before the port is tried with TLS",
            vec![seconds(session::PATIENCE_AT_TLS_PORTS)],
        ),
        ("the goodbye", vec![seconds(drive::GOODBYE_LIMIT)]),
        ("one line of a server", vec![kib(line::LINE_BYTES)]),
        ("one reply of a server", vec![thousands(line::REPLY_LINES), thousands(line::FOLDER_LINES)]),
        ("one dialogue", vec![mib(line::SESSION_BYTES)]),
        (
            "one connection inside TLS, with all that TLS adds, or to a web server",
            vec![mib(net::tls::CONNECTION_BYTES)],
        ),
        ("what is kept of a greeting", vec![kib(wire::GREETING_BYTES)]),
        (
            "what is kept of a server's capabilities",
            vec![
                thousands(wire::CAPABILITIES),
                kib(wire::CAPABILITY_BYTES),
                kib(wire::CAPABILITIES_BYTES),
                thousands(wire::MECHANISMS),
            ],
        ),
        (
            "what is kept of a certificate",
            vec![
                thousands(certificate::NAME_BYTES),
                kib(certificate::NAMES_BYTES),
                thousands(certificate::DISTINGUISHED_NAME_BYTES),
            ],
        ),
        (
            "what is quoted of a server's words in a sentence",
            vec![thousands(line::EXCERPT_CHARACTERS), kib(finding::EVIDENCE_BYTES)],
        ),
        ("the transcript of `-vv`", vec![kib(drive::TRANSCRIPT_BYTES)]),
        (TARGETS, vec![thousands(run::JOBS.get())]),
        ("targets at one address at the same time", vec![thousands(per_host.connections.get())]),
        (
            "connections begun to one address within a minute, those of one target apart",
            per_host.per_minute.iter().map(|number| thousands(number.get())).collect(),
        ),
        (
            "targets that wait for an address beside those that are worked on",
            vec![thousands(run::feed::WAITING)],
        ),
        ("the whole run", vec!["none".to_owned()]),
        ("one line of a list", vec![written("many/lines.rs", "LINE_BYTES: u64 = 4096;", "4 KiB")]),
        ("results kept for other targets", vec![mib(run::share::MOST_BYTES)]),
        (
            "results that wait for one before them, as in `csv`; no target is begun while there are more",
            vec![written("many.rs", "MOST_HELD: usize = 64 << 20;", "64 MiB")],
        ),
        (
            "one line of a file of `--resume`",
            vec![written("many/resume.rs", "LINE_BYTES: u64 = 16 * 1024 * 1024;", "16 MiB")],
        ),
        ("sign-ins of one endpoint", vec![thousands(probe::login::MOST_USERNAMES)]),
        (
            "iterations that SCRAM may ask for",
            [scram::LEAST_ITERATIONS, scram::MOST_ITERATIONS].map(grouped).to_vec(),
        ),
        (
            "what is kept of an account after a sign-in",
            [wire::imap::MOST_KEPT, wire::imap::KEPT_BYTES].map(thousands).to_vec(),
        ),
        (
            "a password or token, a user name",
            vec![
                written("login.rs", "SECRET_OCTETS: usize = 64 * 1024;", "64 KiB"),
                written("login.rs", "USER_OCTETS: usize = 1_024;", "1,024"),
            ],
        ),
        (
            "one question to the resolver",
            vec![seconds(dns::QUESTION_TIMEOUT), thousands(dns::MAX_RESOLVER_ADDRESSES)],
        ),
        (
            "records of one answer",
            vec![
                thousands(dns::MAX_RECORDS),
                kib(dns::TXT_BYTES),
                thousands(lookup::srv::RECORDS),
                thousands(dns::MAX_ALIASES),
            ],
        ),
        ("addresses of one host, of each family", vec![thousands(dns::MAX_ADDRESSES)]),
        ("one source of a lookup", vec![seconds(lookup::source::LIMIT)]),
        ("all sources of a lookup", vec![seconds(lookup::TIMEOUT)]),
        (
            "one web page",
            vec![
                mib(http::BODY_BYTES),
                thousands(http::HEADER_FIELDS),
                kib(http::HEADER_BYTES),
                thousands(lookup::fetch::MOST_REDIRECTS),
                thousands(http::URL_BYTES),
            ],
        ),
        (
            "one document of settings",
            vec![
                mib(wire::text::DOCUMENT_BYTES),
                thousands(wire::xml::DEPTH),
                thousands(wire::xml::ELEMENTS),
                thousands(wire::xml::ATTRIBUTES),
                thousands(wire::offer::SERVICES),
                thousands(wire::autoconfig::INSTRUCTIONS),
                thousands(wire::autoconfig::SCOPES),
            ],
        ),
        (
            "what is kept of a document's names, sentences and URLs",
            vec![
                thousands(wire::text::NAME_CHARACTERS),
                thousands(wire::text::SENTENCE_CHARACTERS),
                thousands(wire::text::URL_BYTES),
                thousands(wire::offer::HOST_BYTES),
                thousands(wire::offer::USERNAME_BYTES),
            ],
        ),
        ("a provider table, a file of `--ca-file`", vec![of_table]),
        ("a file of checks", vec![written("check/file.rs", "MOST_BYTES: usize = 1 << 20;", "1 MiB")]),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).expect("the README can be read");
    let table =
        readme.split("| what | limit |\n|---|---|\n").nth(1).expect("the README has a table of limits");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map_while(|line| line.strip_prefix("| "))
        .map(|line| line.split(" | ").collect())
        .collect();
    assert_eq!(rows.len(), expected.len());
    for (row, (name, values)) in rows.iter().zip(expected) {
        let [told, limits] = row[..] else { panic!("{row:?}") };
        assert_eq!(told, name);
        let words: Vec<&str> = limits.split([' ', ';', ',', '(', ')', '|']).collect();
        for value in values {
            let found = limits.contains(&value)
                && words.contains(&value.split([' ', ',']).next().unwrap_or_default());
            assert!(found, "{name}: {value} in {limits}");
        }
    }
}

/// A limit of the command line, whose constants a test of the library sees in the source alone.
#[track_caller]
fn written(file: &str, constant: &str, told: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli").join(file);
    let source = std::fs::read_to_string(path).expect("the source can be read");
    assert!(source.contains(constant), "{file} has another limit than {constant}");
    told.to_owned()
}

const TARGETS: &str = "targets at the same time, and connections of probes and lookups together; waiting for one is no time of a server's";

/// `20,000`
fn thousands(number: usize) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (more, rest) => format!("{},{rest:03}", thousands(more)),
    }
}

/// What a reader has in mind by this address is played by the real server here.
const NEW_SERVER: (&str, &str) = ("192.0.2.7", "127.0.0.2");

/// Lines of `sh` blocks that are no examples of the program.
const SET_UP: [&str; 3] =
    ["cargo install --path .", "cargo run --release -- lookup user@disroot.org", "tests/run"];

#[test]
fn readme_shows_real_screens() {
    let place = Place::new();
    let blocks = blocks();
    let screens: Vec<&Block> = blocks.iter().filter(|block| block.kind.starts_with("console")).collect();
    assert_eq!(screens.len(), 5, "two screens of lookup, two of probe and one of explain");
    for screen in screens {
        let (command, shown) = screen.text.split_once('\n').expect("a screen has a command and its output");
        let resolver = match screen.kind.as_str() {
            "console lookup" => Some(super::real_lookup::RESOLVER.to_owned()),
            "console servers" => Some(place.dns.place()),
            _ => None,
        };
        let output = place.run(command.strip_prefix("$ ").expect("a screen begins with $"), resolver);
        let (mut shown, mut printed) = (plain(shown), plain(&output.stdout));
        if screen.kind == "console lookup" {
            (shown, printed) = (single_blanks(&shown), single_blanks(&printed));
        }
        assert_eq!(shown, printed, "{command}\n{}", output.stdout);
        assert_eq!(output.stderr, "", "{command}");
    }
}

#[test]
fn readme_examples_end_well() {
    let place = Place::new();
    let mut others = BTreeSet::new();
    for block in blocks().iter().filter(|block| block.kind == "sh") {
        for line in block.text.lines() {
            let command = line.split('#').next().unwrap_or_default().trim();
            if !command.starts_with("mailcfg ") {
                others.insert(command.to_owned());
                continue;
            }
            let Output { code, stdout, stderr } = place.run(command, Some(place.dns.place()));
            assert_eq!((code, stderr.as_str()), (0, ""), "{command}\n{stdout}");
            assert!(!stdout.is_empty(), "{command}");
        }
    }
    assert_eq!(others, SET_UP.map(str::to_owned).into());
}

/// A home with the table of the README, and the DNS of the real servers.
struct Place {
    home: Folder,
    dns: Dns,
}

impl Place {
    fn new() -> Self {
        let home = Folder::new();
        let table =
            blocks().into_iter().find(|block| block.kind == "toml").expect("the README shows a table");
        home.write(".config/mailcfg/providers.toml", table.text);
        let password = home.write("mail-password", "mailcfg-test-pw\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(password, mode).expect("the mode of a file can be set");
        home.write("domains.txt", "# all of ours\ndisroot.org\n");
        Self { home, dns: Dns::start(super::real::NAMES) }
    }

    fn run(&self, command: &str, resolver: Option<String>) -> Output {
        let home = self.home.path().to_string_lossy();
        let arguments = command.split_whitespace().skip(1);
        let arguments = arguments.map(|it| it.replace(NEW_SERVER.0, NEW_SERVER.1).replace('~', &home));
        let mut program = mailcfg(arguments.collect::<Vec<_>>());
        program.env("HOME", self.home.path()).current_dir(self.home.path());
        if let Some(resolver) = resolver {
            program.env("MAILCFG_RESOLVER", resolver).env("MAILCFG_CA_FILE", super::real::authority());
        }
        finish(&mut program)
    }
}

struct Block {
    kind: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).expect("the README can be read");
    let mut pieces = readme.split("```").skip(1);
    let mut blocks = Vec::new();
    while let Some(block) = pieces.next() {
        let (kind, text) = block.split_once('\n').expect("a block has lines");
        blocks.push(Block { kind: kind.to_owned(), text: text.to_owned() });
        // What stands between two blocks.
        pieces.next();
    }
    blocks
}

fn plain(screen: &str) -> String {
    without_fingerprints(&without_dates(&without_times(screen)))
}

/// A column of times is as wide as the longest of them.
fn single_blanks(screen: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    screen.lines().map(words).collect::<Vec<_>>().join("\n")
}
