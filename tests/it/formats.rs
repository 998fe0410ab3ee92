//! Every format: exit codes, whole outputs, what a hostile server cannot do, results in a file.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mailcfg::render::{FORMATS, Format};
use mailcfg::settings::Security::{StartTls, Tls};

use crate::support::ca;
use crate::support::command::{Output, finish, interrupt, mailcfg, run};
use crate::support::folder::Folder;
use crate::support::host::{Host, expect, send, silence};
use crate::support::mail::{HOST, Mail};
use crate::support::scene::{self, BUSY, EXPIRED, GOOD, HOSTILE, NOWHERE, SOON};
use crate::support::text::{
    without_clock, without_dates, without_fingerprints, without_json_times, without_seconds, without_times,
};

/// Targets, the exit code of every format but nagios, and that of nagios.
const ENDINGS: &[(&[&str], i32, i32)] = &[
    (&[GOOD], 0, 0),
    (&[SOON], 0, 1),
    (&[EXPIRED], 1, 2),
    (&[BUSY], 3, 3),
    (&[NOWHERE], 1, 2),
    (&[GOOD, GOOD], 0, 0),
    (&[GOOD, SOON], 0, 1),
    (&[GOOD, BUSY], 3, 3),
    (&[SOON, BUSY, EXPIRED], 1, 2),
];

#[test]
fn exit_codes_are_the_same_in_every_format_but_nagios() {
    for format in FORMATS {
        for (targets, code, of_plugin) in ENDINGS {
            let output = scene::probe(targets, &["--format", format.name]);
            let expected = if format.name == "nagios" { *of_plugin } else { *code };
            let context = format!("{} {targets:?}: {output:?}", format.name);
            assert_eq!((output.code, output.stderr.as_str()), (expected, ""), "{context}");
            assert!(output.stdout.ends_with('\n'), "{context}");
        }
        let refused = scene::probe(&[], &["--format", format.name, "--timeout", "never", "disroot.org"]);
        let expected = if format.name == "nagios" { 3 } else { 2 };
        assert_eq!(refused.code, expected, "{refused:?}");
    }
}

#[test]
fn a_policy_counts_in_every_format() {
    for (target, demand, code, of_plugin) in [
        (SOON, ["--fail-on", "warn"], 1, 2),
        (BUSY, ["--fail-on", "unknown"], 1, 2),
        (EXPIRED, ["--ignore", "certificate.expired"], 0, 0),
        (GOOD, ["--min-days", "100:10"], 0, 1),
        (GOOD, ["--min-days", "100:90"], 1, 2),
    ] {
        for format in FORMATS {
            let output = scene::probe(&[target], &[&demand[..], &["--format", format.name]].concat());
            let expected = if format.is_plugin { of_plugin } else { code };
            assert_eq!(output.code, expected, "{} {demand:?}: {output:?}", format.name);
        }
    }
    let ignored = ["--ignore", "certificate.expired because a new one is ordered"];
    let shown = |format| scene::probe(&[EXPIRED], &[&ignored[..], &["--format", format]].concat()).stdout;
    assert!(shown("junit").contains("<system-out>ignored certificate.expired: "), "{}", shown("junit"));
    assert!(!shown("github").contains("::error"), "{}", shown("github"));
    assert!(shown("csv").contains(",certificate.expired,"), "{}", shown("csv"));
    assert!(shown("nagios").starts_with("MAILCFG OK - "), "{}", shown("nagios"));
}

#[test]
fn exit_codes_do_not_depend_on_what_is_printed() {
    let folder = Folder::new();
    let file = folder.path().join("result").display().to_string();
    for format in FORMATS {
        for more in [&["--quiet"][..], &["--output", &file]] {
            let arguments = [&["--format", format.name], more].concat();
            let output = scene::probe(&[EXPIRED], &arguments);
            let expected = if format.name == "nagios" { 2 } else { 1 };
            assert_eq!(output, Output { code: expected, stdout: String::new(), stderr: String::new() });
        }
    }
}

#[test]
fn a_lookup_has_the_formats_that_make_sense() {
    for format in FORMATS {
        for target in ["user@disroot.org", NOWHERE] {
            let output = run(["lookup", "--offline", target, "--format", format.name]);
            let code = i32::from(target == NOWHERE);
            match format.lookups {
                Some(_) => assert_eq!((output.code, output.stderr.as_str()), (code, ""), "{}", format.name),
                None if format.is_plugin => assert_eq!(output.code, 3, "{output:?}"),
                None => assert_eq!(output, unfit(format.name)),
            }
        }
    }
}

#[test]
fn a_lookup_that_probes_has_every_format() {
    for format in FORMATS {
        let output = run(["lookup", "--probe", "--offline", NOWHERE, "--format", format.name]);
        let expected = if format.is_plugin { 2 } else { 1 };
        assert_eq!((output.code, output.stderr.as_str()), (expected, ""), "{output:?}");
        assert!(output.stdout.contains(NOWHERE) || format.name == "github", "{output:?}");
    }
}

#[test]
fn an_interrupted_run_writes_what_is_known() {
    let folder = Folder::new();
    let file = folder.path().join("mail.json");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let target = format!("imap://{place}");
    let path = file.display().to_string();
    let mut command = mailcfg(["probe", "--json", "-o", &path, &target]);
    // It says nothing, and stays until the program is gone.
    let mut silent = None;
    let output = interrupt(&mut command, "INT", || silent = Some(listener.accept().unwrap()));
    assert_eq!((output.code, output.stdout.as_str()), (3, ""), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["status"], "unknown");
    assert_eq!(names(folder.path()), ["mail.json"]);
}

fn unfit(format: &str) -> Output {
    let stderr = format!(
        "mailcfg: error: a lookup cannot be written as {format}\n\
         hint: add --probe, which examines the servers too, or take another format\n"
    );
    Output { code: 2, stdout: String::new(), stderr }
}

#[test]
fn every_format_looks_as_recorded() {
    let bless = std::env::var_os("MAILCFG_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats");
    let mut wrong = Vec::new();
    for format in FORMATS {
        let output = scene::probe(&[EXPIRED, GOOD, NOWHERE, SOON, BUSY], &["--format", format.name]);
        let mut now = match format.name {
            "csv" => plain(&without_total(&output.stdout)),
            _ => plain(&output.stdout),
        };
        if format.name == "jsonl" {
            let mut lines: Vec<&str> = now.split_inclusive('\n').collect();
            lines.sort_unstable();
            now = lines.concat();
        }
        let lookup = run(["lookup", "user@disroot.org", "--format", format.name]);
        if format.lookups.is_some() {
            now = format!("{now}=== lookup\n{}", plain(&lookup.stdout));
        }
        let path = folder.join(format!("{}.txt", format.name));
        if bless {
            std::fs::write(&path, &now).expect("the golden file can be written");
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if now != before {
            let differ = before.lines().zip(now.lines()).find(|(before, now)| before != now);
            let (before, now) = differ.unwrap_or(("the end", "the end"));
            wrong.push(format!("=== {}: recorded\n{before}\n=== now\n{now}", format.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The column of the time a probe took becomes 0.
fn without_total(text: &str) -> String {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut column = None;
    for record in reader.records().map(|record| record.expect("a row can be read")) {
        let place = *column.get_or_insert_with(|| record.iter().position(|name| name == "total_ms"));
        let cells = record.iter().enumerate().map(|(index, cell)| match cell.parse::<f64>() {
            Ok(_) if place == Some(index) => "0",
            _ => cell,
        });
        writer.write_record(cells).expect("a row can be written");
    }
    String::from_utf8(writer.into_inner().expect("the rows are there")).expect("the rows are text")
}

fn plain(text: &str) -> String {
    let plain = without_clock(&without_dates(&without_times(&text.replace("\r\n", "\n"))));
    without_seconds(&without_json_times(&without_fingerprints(&plain)))
}

#[test]
fn a_hostile_server_leaves_no_format() {
    for format in FORMATS {
        let output = scene::probe(&[HOSTILE], &["--format", format.name]);
        let shown = &output.stdout;
        let dangerous = |found: char| {
            !matches!(found, '\n' | '\r') && (found.is_control() || matches!(found, '\u{202e}' | '\u{fffe}'))
        };
        let harmful = shown.chars().find(|found| dangerous(*found));
        let allowed = format.name != "junit" && harmful == Some('\u{fffe}');
        assert!(harmful.is_none() || allowed, "{}: {harmful:?} in {shown:?}", format.name);
        let is_lost = !shown.contains("error") && format.name != "prometheus";
        assert!(!is_lost, "{}: the server's words are lost in {shown:?}", format.name);
    }
}

/// What no format may hold as it came.
const STEERING: &str = "\u{1b}[2J\u{9b}31m\u{7}\u{8}\u{7f}\u{202e}\u{61c}\u{200b}\u{200e}\u{200f}\u{2066}\u{2069}\u{ad}\u{feff}\u{e0041}";

/// What begins a command, an element, a label or a formula somewhere.
const LURES: &str = "::error::x ##[group]x ##vso[task.prependpath]/x ##teamcity[x] %0A::error::y |'a'=1;2 ]]><b>&amp; \",\"=1+1 {d=\"e\"} \\n";

/// Hosts whose words are made to steer: in every place where words may stand.
fn steering() -> Vec<Mail> {
    let words = format!("{STEERING} {LURES}");
    let last = format!("554 {words}\r\n");
    vec![
        Mail::imap(StartTls)
            .greeting(format!("* OK {words}\r\n").as_str())
            .before(
                format!("* CAPABILITY IMAP4rev1 STARTTLS {words}\r\n* {words}\r\n{{tag}} OK {words}\r\n")
                    .as_str(),
            )
            .go_ahead(format!("{{tag}} OK {words}\r\n").as_str())
            .after(format!("* CAPABILITY IMAP4rev1 {words}\r\n{{tag}} OK {words}\r\n").as_str()),
        Mail::pop3(Tls)
            .greeting(format!("+OK {words}\r\n").as_str())
            .after(format!("+OK {words}\r\nIMPLEMENTATION {words}\r\nEXPIRE {words}\r\n.\r\n").as_str()),
        Mail::smtp(Tls).after([send(&last), expect("HELO"), send(&last), silence()]),
        Mail::smtp(StartTls).go_ahead([send(&last), silence()]).unasked_after(),
    ]
}

#[test]
fn steering_words_leave_no_format() {
    let degrees: [&[&str]; 3] = [&[], &["-v"], &["-vv"]];
    let hosts: Vec<(Mail, Host)> = (1..)
        .zip(steering())
        .map(|(place, mail)| {
            // Servers at one address would have to wait for each other.
            let address = SocketAddr::new(Ipv4Addr::new(127, 0, 2, place).into(), 0);
            let host = mail.start_at(address).expect_connections(FORMATS.len() * degrees.len());
            (mail, host)
        })
        .collect();
    std::thread::scope(|scope| {
        for more in degrees {
            let hosts = &hosts;
            scope.spawn(move || FORMATS.iter().for_each(|format| leaves_nothing(hosts, format, more)));
        }
    });
}

fn leaves_nothing(hosts: &[(Mail, Host)], format: &Format, more: &[&str]) {
    let ca_file = ca::trusted().file().display().to_string();
    let mut command = mailcfg(["probe", "--ca-file", &ca_file, "--format", format.name]);
    command.args(more);
    for (mail, host) in hosts {
        let port = host.address.port();
        command.arg(format!("{}:{port}", mail.url()));
        command.arg(format!("--connect-to={HOST}:{port}:{}", host.address));
    }
    let output = finish(&mut command);
    let context = format!("{} {more:?}: {output:?}", format.name);
    let unseen = |found: char| STEERING.chars().any(|it| it == found && !it.is_ascii_graphic());
    let harmful = |found: char| match found {
        '\n' => false,
        '\r' => format.name != "csv",
        _ => found.is_control() || unseen(found),
    };
    assert!(!output.stdout.contains(harmful), "{context}");
    for command in ["##[", "##vso[", "##teamcity["] {
        assert!(!output.stdout.contains(command), "{command} {context}");
    }
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (if format.is_plugin { 2 } else { 1 }, ""),
        "{context}"
    );
    stays_in_form(format.name, &output.stdout);
}

/// A reader of the format reads it, and sees no command but those of the program.
#[track_caller]
fn stays_in_form(format: &str, shown: &str) {
    match format {
        "json" => drop(serde_json::from_str::<serde_json::Value>(shown).expect("it is JSON")),
        "jsonl" => shown
            .lines()
            .for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).expect("it is JSON"))),
        "junit" => drop(junit_parser::from_reader(shown.as_bytes()).expect("it is JUnit")),
        "csv" => {
            csv::Reader::from_reader(shown.as_bytes()).records().for_each(|row| drop(row.expect("it is CSV")))
        }
        "github" => shown.lines().for_each(|line| assert!(is_of_github(line), "{line:?}")),
        _ => assert!(!shown.lines().any(|line| line.starts_with("::") || line.starts_with("##[")), "{shown}"),
    }
}

fn is_of_github(line: &str) -> bool {
    ["::error title=", "::warning title=", "::notice title=", "mailcfg: "]
        .iter()
        .any(|start| line.starts_with(start))
}

#[test]
fn hostile_words_begin_no_command_of_github() {
    for line in scene::probe(&[HOSTILE], &["--format", "github"]).stdout.lines() {
        assert!(is_of_github(line), "{line:?}");
        assert!(!line.contains("##["), "{line:?}");
    }
}

#[test]
fn hostile_words_add_no_performance_data() {
    let shown = scene::probe(&[HOSTILE], &["--format", "nagios"]).stdout;
    assert!(shown.matches('|').count() <= 1, "{shown}");
    assert!(shown.lines().skip(1).all(|line| !line.contains('|')), "{shown}");
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = Folder::new();
    let file = folder.write("mail.prom", "as before\n");
    let path = file.display().to_string();
    let output = scene::probe(&[GOOD], &["--format", "prometheus", "--output", &path]);
    assert_eq!(output, Output { code: 0, stdout: String::new(), stderr: String::new() });
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# HELP ") && written.ends_with('\n'), "{written}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777 & !0o022, 0o644);
    assert_eq!(names(folder.path()), ["mail.prom"]);
}

#[test]
fn a_link_is_followed_and_stays() {
    let folder = Folder::new();
    let file = folder.write("real.json", "as before\n");
    symlink(&file, folder.path().join("link.json")).unwrap();
    let link = folder.path().join("link.json").display().to_string();
    assert_eq!(run(["lookup", "disroot.org", "--json", "-o", &link]).code, 0);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with('{'));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anybody_is_asked() {
    let folder = Folder::new();
    let missing = folder.path().join("missing/mail.prom").display().to_string();
    let here = folder.path().display().to_string();
    for (path, because) in [
        (missing.as_str(), "No such file or directory (os error 2)"),
        (&here, "this is no regular file"),
        ("/dev/null", "this is no regular file"),
        ("..", "this names no file"),
    ] {
        // Nobody plays this host, so a connection would change the exit code.
        let output = run(["probe", "127.0.0.1:993", "--output", path]);
        let stderr = format!(
            "mailcfg: error: cannot write {path}\n  because: {because}\n\
             hint: name a file in a folder that can be written with --output\n"
        );
        assert_eq!(output, Output { code: 2, stdout: String::new(), stderr });
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn wrong_usage_leaves_the_old_file_alone() {
    let folder = Folder::new();
    let file = folder.write("mail.xml", "as before\n");
    let path = file.display().to_string();
    let output = run(["lookup", "disroot.org", "--format", "junit", "--output", &path]);
    assert_eq!(output.code, 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "as before\n");
    assert_eq!(names(folder.path()), ["mail.xml"]);
}

#[test]
fn a_full_disk_leaves_no_half_file() {
    let folder = Folder::new();
    let file = folder.write("out.json", "as before\n");
    let path = file.display().to_string();
    // The shell's limit of 1 block is less than the table.
    let program = env!("CARGO_BIN_EXE_mailcfg");
    let script = format!("trap '' XFSZ; ulimit -f 1; exec {program} providers list --json --output {path}");
    let mut shell = std::process::Command::new("sh");
    let output = finish(shell.args(["-c", &script]).env_clear().env("HOME", "/nonexistent"));
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(output.stderr.contains("the file is as it was before"), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "as before\n");
    assert_eq!(names(folder.path()), ["out.json"]);
}

#[test]
fn a_plugin_complains_on_stdout() {
    for (arguments, said) in [
        (&["probe", "--format", "nagios", "--xyzzy"][..], "unexpected argument '--xyzzy' found"),
        (&["probe", "--format=nagios"], "the following required arguments were not provided: <TARGET>..."),
        (&["probe", "--format=nagios", "-H", "a..b"], "not a domain name, it has an empty label: \"a..b\""),
        (&["probe", "--format=nagios", "-H", "disroot.org", "-w", "x"], "invalid value 'x' for '-w <DAYS>'"),
    ] {
        let output = run(arguments);
        assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{output:?}");
        let line = output.stdout.strip_suffix('\n').expect("one line");
        assert!(line.starts_with(&format!("MAILCFG UNKNOWN - {said}")), "{line}");
        assert!(!line.contains(['\n', '|']), "{line}");
    }
    let output = finish(mailcfg(["probe"]).env("MAILCFG_FORMAT", "nagios"));
    assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{output:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
