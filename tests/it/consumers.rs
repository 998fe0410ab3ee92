//! The programs that read each format, or the grammar they hold it against.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use junit_parser::{TestStatus, TestSuite};

use crate::support::command::{finish, run};
use crate::support::folder::Folder;
use crate::support::scene::{self, BUSY, EXPIRED, GOOD, HOSTILE, NOWHERE, SOON};

const EVERY: [&str; 6] = [GOOD, SOON, EXPIRED, BUSY, HOSTILE, NOWHERE];

#[test]
fn a_junit_parser_reads_suites_and_cases() {
    let text = scene::probe(&EVERY, &["--format", "junit"]).stdout;
    let suites = junit_parser::from_reader(text.as_bytes()).expect("it is JUnit").suites;
    let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "imap good.example.org:993 tls",
            "imap soon.example.org:993 tls",
            "smtp expired.example.org:465 tls",
            "smtp busy.example.org:587 starttls",
            "smtp hostile.example.org:587 starttls",
            "nowhere.example",
        ]
    );
    assert!(suites.iter().all(|suite| suite.tests as usize == suite.cases.len()));
    let [good, soon, expired, busy, hostile, nowhere] = suites.as_slice() else { panic!("six suites") };
    assert_eq!((good.failures, good.errors, good.skipped), (0, 0, 1), "{good:#?}");
    assert!(status(good, "starttls").is_skipped() && status(good, "certificate").is_success());
    let warned = soon.cases.iter().find(|case| case.original_name == "certificate");
    let said = warned.and_then(|case| case.system_out.as_deref()).unwrap_or_default();
    assert!(said.starts_with("warn certificate.expires-soon: "), "{said}");
    let TestStatus::Failure(failure) = status(expired, "certificate") else { panic!("{expired:#?}") };
    assert_eq!(failure.failure_type, "certificate.expired");
    assert!(failure.text.contains("hint: renew"), "{failure:#?}");
    assert!(status(busy, "greeting").is_error() && status(busy, "tls").is_skipped(), "{busy:#?}");
    assert_eq!((busy.failures, busy.errors), (0, 1), "{busy:#?}");
    let TestStatus::Failure(failure) = status(hostile, "greeting") else { panic!("{hostile:#?}") };
    assert!(failure.text.contains("::error::x%0A|'a'=1;2,\"q\""), "{failure:#?}");
    assert!(text.contains(" &lt;b&gt;&amp;]]&gt; `c`"), "{text}");
    assert_eq!((nowhere.tests, nowhere.failures), (1, 1), "{nowhere:#?}");
}

fn status<'a>(suite: &'a TestSuite, case: &str) -> &'a TestStatus {
    let found = suite.cases.iter().find(|found| found.original_name == case);
    &found.unwrap_or_else(|| panic!("no {case} in {suite:#?}")).status
}

/// Prints `name labels value` of each sample as the official Python client reads it, and fails where it does.
const READ_PROMETHEUS: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation and family.type == 'gauge', family
    for sample in family.samples:
        assert sample.timestamp is None, sample
        print(sample.name, sorted(sample.labels.items()), sample.value)
";

#[test]
fn the_prometheus_client_reads_the_samples() {
    let text = scene::probe(&[&EVERY[..], &[GOOD]].concat(), &["--format", "prometheus"]).stdout;
    let samples = read_prometheus(&text);
    let distinct: BTreeSet<&str> = samples.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(distinct.len(), samples.lines().count(), "a label set occurs twice:\n{samples}");
    let has = |start: &str, host: &str, end: &str| {
        let matches = |line: &&str| line.starts_with(start) && line.contains(host) && line.ends_with(end);
        samples.lines().filter(matches).count()
    };
    assert_eq!(has("mailcfg_probe_success ", "good.example.org", " 1.0"), 1, "{samples}");
    assert_eq!(has("mailcfg_probe_success ", "soon.example.org", " 1.0"), 1, "{samples}");
    assert_eq!(has("mailcfg_probe_success ", "expired.example.org", " 0.0"), 1, "{samples}");
    assert_eq!(has("mailcfg_probe_success ", "busy.example.org", ""), 0, "{samples}");
    assert_eq!(
        has("mailcfg_probe_status ", "('status', 'unknown'), ('target', 'submission://busy", " 1.0"),
        1
    );
    assert_eq!(has("mailcfg_target_success ", "nowhere.example", " 0.0"), 1, "{samples}");
    assert_eq!(has("mailcfg_tls_info ", "('version', 'TLSv1.3')", " 1.0"), 3, "{samples}");
    assert_eq!(has("mailcfg_password_auth ", "good.example.org", " 1.0"), 1, "{samples}");
    assert_eq!(has("mailcfg_probe_phase_duration_seconds ", "good.example.org", ""), 4, "{samples}");
    assert_eq!(has("mailcfg_last_run_timestamp_seconds ", "[]", ""), 1, "{samples}");
    assert!(text.ends_with('\n'), "{text:?}");
    let helps: Vec<&str> = text.lines().filter(|line| line.starts_with("# HELP ")).collect();
    assert_eq!(helps.len(), helps.iter().collect::<BTreeSet<_>>().len(), "{helps:?}");
}

fn read_prometheus(text: &str) -> String {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", READ_PROMETHEUS]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().expect("tests/real/servers install gets python3-prometheus-client");
    child.stdin.take().expect("stdin is piped").write_all(text.as_bytes()).expect("python reads");
    let output = child.wait_with_output().expect("python ends");
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("python writes text")
}

/// A line of performance data, by the Monitoring Plugins Development Guidelines.
#[derive(Debug, PartialEq)]
struct Measured {
    label: String,
    value: f64,
    unit: String,
    warning: String,
    critical: String,
}

#[test]
fn a_monitor_understands_the_line() {
    for (targets, word, code) in [
        (&[GOOD][..], "OK", 0),
        (&[SOON], "WARNING", 1),
        (&[GOOD, EXPIRED], "CRITICAL", 2),
        (&[BUSY], "UNKNOWN", 3),
        (&[HOSTILE], "CRITICAL", 2),
        (&[NOWHERE], "CRITICAL", 2),
    ] {
        let output = scene::probe(targets, &["--format", "nagios"]);
        let (said, measured) = plugin_output(&output.stdout);
        assert!(said.starts_with(&format!("MAILCFG {word} - ")), "{said}");
        assert_eq!(output.code, code, "{output:?}");
        let labels: BTreeSet<&str> = measured.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels.len(), measured.len(), "a label occurs twice: {output:?}");
    }
    let (_, measured) = plugin_output(&scene::probe(&[GOOD], &["--format", "nagios"]).stdout);
    let days = measured.iter().find(|it| it.label == "imap good.example.org:993 tls days").unwrap();
    assert_eq!((days.unit.as_str(), days.warning.as_str(), days.critical.as_str()), ("", "20:", "0:"));
    assert!((79.0..=80.0).contains(&days.value), "{days:?}");
    let time = measured.iter().find(|it| it.label == "imap good.example.org:993 tls time").unwrap();
    assert_eq!(time.unit, "s");
}

#[test]
fn a_plugin_takes_the_letters_people_expect() {
    let (mut command, _hosts) = scene::prepare(&[
        "probe",
        "--offline",
        "--format",
        "nagios",
        "-H",
        GOOD,
        "-w",
        "30",
        "-c",
        "10:",
        "-t",
        "20",
    ]);
    let output = finish(&mut command);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let (_, measured) = plugin_output(&output.stdout);
    let days = measured.iter().find(|it| it.label.ends_with("days")).unwrap();
    assert_eq!((days.warning.as_str(), days.critical.as_str()), ("30:", "10:"));
}

#[test]
fn the_letters_for_days_judge() {
    for (letters, code, word) in [
        (&["-w", "100"][..], 1, "WARNING"),
        (&["-c", "90"], 2, "CRITICAL"),
        (&["-w", "100", "-c", "90"], 2, "CRITICAL"),
        (&["-w", "70", "-c", "7"], 0, "OK"),
        (&["-w", "7", "-c", "70"], 3, "UNKNOWN"),
    ] {
        let targets: &[&str] = if code == 3 { &["disroot.org"] } else { &[GOOD] };
        let output = scene::probe(targets, &[&["--format", "nagios"], letters].concat());
        let begins = output.stdout.starts_with(&format!("MAILCFG {word} - "));
        assert!(begins && output.code == code, "{letters:?}: {output:?}");
    }
}

#[test]
fn a_monitor_gets_no_more_than_it_reads() {
    let targets: Vec<String> = (1..=60).map(|last| format!("127.9.9.{last}:993")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let output = scene::probe(&targets, &["--format", "nagios"]);
    let (said, _) = plugin_output(&output.stdout);
    assert!(said.starts_with("MAILCFG CRITICAL - 60 of 60 failed: "), "{said}");
    assert!(output.stdout.ends_with("\nand 40 more\n"), "{output:?}");
}

/// Reads plugin output strictly: text, performance data on the first line, no `|` behind it.
fn plugin_output(stdout: &str) -> (String, Vec<Measured>) {
    assert!(stdout.len() < 8 * 1024, "a monitor would cut {} bytes", stdout.len());
    let first = stdout.lines().next().expect("a line");
    assert!(stdout.lines().skip(1).all(|line| !line.contains('|')), "{stdout}");
    let (said, mut rest) = first.split_once(" | ").unwrap_or((first, ""));
    assert!(!said.contains('|'), "{said}");
    let mut measured = Vec::new();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('\'').unwrap_or_else(|| panic!("a label is quoted: {rest}"));
        let (label, behind) = quoted.split_once("'=").expect("a label ends with a quote and =");
        assert!(!label.contains(['=', '\'']), "{label}");
        let (fields, next) = behind.split_once(' ').unwrap_or((behind, ""));
        measured.push(measurement(label, fields));
        rest = next;
    }
    (said.to_owned(), measured)
}

fn measurement(label: &str, fields: &str) -> Measured {
    let [value, warning, critical, minimum, maximum] = fields.split(';').collect::<Vec<_>>()[..] else {
        panic!("value;warn;crit;min;max: {fields}")
    };
    let unit = value.trim_start_matches(|found: char| found.is_ascii_digit() || "-.".contains(found));
    assert!(["", "s", "us", "ms", "%", "B", "KB", "MB", "TB", "c"].contains(&unit), "{fields}");
    for range in [warning, critical] {
        let bound = range.trim_start_matches('@').trim_end_matches(':');
        assert!(bound.is_empty() || bound.parse::<f64>().is_ok(), "{fields}");
    }
    for limit in [minimum, maximum] {
        assert!(limit.is_empty() || limit.parse::<f64>().is_ok(), "{fields}");
    }
    Measured {
        label: label.to_owned(),
        value: value.strip_suffix(unit).unwrap_or(value).parse().expect("a number"),
        unit: unit.to_owned(),
        warning: warning.to_owned(),
        critical: critical.to_owned(),
    }
}

#[test]
fn github_reads_the_annotations_and_the_summary() {
    let folder = Folder::new();
    let summary = folder.write("summary.md", "before\n");
    let (mut command, _hosts) =
        scene::prepare(&["probe", "--offline", "--format", "github", EXPIRED, HOSTILE, BUSY, GOOD]);
    let output = finish(command.env("GITHUB_STEP_SUMMARY", &summary));
    assert_eq!(output.code, 1, "{output:?}");
    let commands: Vec<Annotation> = output.stdout.lines().filter_map(annotation).collect();
    let kinds: Vec<&str> = commands.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["error", "error", "warning"], "{output:?}");
    assert_eq!(commands[0].title, "smtp expired.example.org:465 tls");
    assert!(commands[0].message.contains("expired "), "{commands:?}");
    assert!(commands[0].message.contains("\nhint: renew"), "{commands:?}");
    assert!(commands[1].message.contains("::error::x%0A|"), "it reads back as sent: {commands:?}");
    assert_eq!(output.stdout.lines().last(), Some("mailcfg: 4 results: 2 fail, 1 unknown, 1 pass"));

    let page = std::fs::read_to_string(&summary).unwrap();
    let mut lines = page.lines();
    assert_eq!(lines.next(), Some("before"), "the page is added behind what is there");
    assert_eq!(lines.next(), Some("### mailcfg: 4 results: 2 fail, 1 unknown, 1 pass"));
    let rows: Vec<&str> = lines.filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 4, "{page}");
    for row in rows {
        assert_eq!(row.replace("\\\\", "").replace("\\|", "").matches('|').count(), 5, "{row}");
        assert!(!row.replace("\\<", "").contains('<'), "{row}");
    }
}

#[derive(Debug)]
struct Annotation {
    kind: String,
    title: String,
    message: String,
}

/// Reads a workflow command as the runner does: `::NAME KEY=VALUE,…::MESSAGE`, then the escapes are undone.
fn annotation(line: &str) -> Option<Annotation> {
    let (command, message) = line.strip_prefix("::")?.split_once("::")?;
    let (kind, properties) = command.split_once(' ')?;
    let title = properties.split(',').find_map(|property| property.strip_prefix("title="))?;
    let undone = |text: &str| {
        let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
        text.replace("%25", "%")
    };
    Some(Annotation { kind: kind.to_owned(), title: undone(title), message: undone(message) })
}

#[test]
fn github_gets_ten_annotations_of_a_kind_and_a_sum() {
    let output = scene::probe(&[EXPIRED; 13], &["--format", "github"]);
    let errors = output.stdout.lines().filter(|line| line.starts_with("::error ")).count();
    assert_eq!(errors, 10, "{output:?}");
    assert!(output.stdout.contains("\nmailcfg: and 3 more of the kind error\n"), "{output:?}");
}

#[test]
fn a_csv_reader_reads_every_row() {
    for (text, rows) in [
        (scene::probe(&EVERY, &["--format", "csv"]).stdout, EVERY.len()),
        (run(["lookup", "--offline", "user@disroot.org", NOWHERE, "--format", "csv"]).stdout, 5),
        (
            run(["lookup", "--offline", "--format=csv", "--", "=cmd@disroot.org", "-dash@disroot.org"])
                .stdout,
            8,
        ),
    ] {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
        assert_eq!(records.len(), rows, "{text}");
        for cell in records.iter().flatten() {
            let is_number = cell.parse::<f64>().is_ok();
            assert!(is_number || !cell.starts_with(['=', '+', '-', '@']), "{cell:?} in {text}");
        }
    }
}
