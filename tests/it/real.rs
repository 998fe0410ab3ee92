//! Real servers: Dovecot, Postfix and Exim as `tests/real/README.md` lists them. `tests/run` starts them.

use std::ffi::OsString;
use std::path::Path;

use hickory_resolver::proto::rr::RecordType;
use serde_json::Value;

use crate::support::command::{Output, finish, mailcfg};
use crate::support::dns::{Answer, Dns, Row};
use crate::support::probe::DESCRIPTIONS;
use crate::support::text::without_times;

/// Where each host of the tests is.
pub const NAMES: &[Row] = &[
    ("disroot.org", RecordType::A, Answer::Is("127.0.0.2")),
    ("mail.disroot.org", RecordType::A, Answer::Is("127.0.0.2")),
    ("mail.example.org", RecordType::A, Answer::Is("127.0.0.3")),
    ("expired.example.org", RecordType::A, Answer::Is("127.0.0.4")),
    ("clear.example.org", RecordType::A, Answer::Is("127.0.0.4")),
    ("plain.example.org", RecordType::A, Answer::Is("127.0.0.5")),
    ("rsa.example.org", RecordType::A, Answer::Is("127.0.0.6")),
    ("old.example.org", RecordType::A, Answer::Is("127.0.0.7")),
    ("login.example.org", RecordType::A, Answer::Is("127.0.0.9")),
    ("cyrus.example.org", RecordType::A, Answer::Is("127.0.0.10")),
];

/// The endpoints of the table in `tests/real/README.md`, in its order.
const TARGETS: &[&str] = &[
    "imap://disroot.org",
    "imaps://disroot.org",
    "pop3://disroot.org",
    "pop3s://disroot.org",
    "smtp://disroot.org",
    "submission://disroot.org",
    "submissions://disroot.org",
    "smtp://mail.example.org",
    "submission://mail.example.org",
    "submissions://mail.example.org",
    "imap://clear.example.org",
    "imaps://expired.example.org",
    "pop3://clear.example.org",
    "pop3s://expired.example.org",
    "imap://plain.example.org",
    "pop3://plain.example.org",
    "imap://rsa.example.org",
    "imaps://rsa.example.org",
    "imaps://old.example.org",
];

#[test]
fn every_real_endpoint_is_told_as_it_is() {
    let dns = Dns::start(NAMES);
    let found: Vec<String> = TARGETS.iter().map(|target| found(&dns, target)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/expected.txt");
    if std::env::var_os("MAILCFG_BLESS").is_some() {
        std::fs::write(&path, found.join("\n")).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the file can be read");
    let expected: Vec<&str> = expected.split("\n\n").collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.trim_end(), expected.trim_end());
    }
    assert_eq!(found.len(), expected.len());
}

/// The target, the exit code and all that was found out, but for times and what names the run.
fn found(dns: &Dns, target: &str) -> String {
    let output = probe(dns, &[target, "--json"]);
    assert_eq!(output.stderr, "", "{target}");
    format!("{target}\nexit {}\n{}", output.code, told(at(&output.json(), "/endpoints/0")))
}

#[test]
fn a_whole_domain_passes() {
    let dns = Dns::start(NAMES);
    let output = probe(&dns, &["disroot.org"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert_eq!(
        without_times(&output.stdout),
        "\
disroot.org · Disroot · all 4 endpoints work · T ms

  IMAP  disroot.org:993  TLS       ok T ms  TLS 1.3, X25519 · certificate 89 days · password: PLAIN, LOGIN, LOGIN command
  SMTP  disroot.org:587  STARTTLS  ok T ms  TLS 1.3, X25519 · certificate 89 days · password: PLAIN, LOGIN
  SMTP  disroot.org:465  TLS       ok T ms  TLS 1.3, X25519 · certificate 89 days · password: PLAIN, LOGIN
  POP3  disroot.org:995  TLS       ok T ms  TLS 1.3, X25519 · certificate 89 days · password: USER, PLAIN, LOGIN
"
    );
    let document = probe(&dns, &["user@disroot.org", "--json"]).json();
    assert_eq!(document["status"], "pass");
    assert_eq!(document["settings"]["services"][0]["username"], "user");
    let addresses: Vec<_> =
        document["endpoints"].as_array().unwrap().iter().map(|it| &it["address"]).collect();
    assert_eq!(addresses, ["127.0.0.2"; 4]);
}

#[test]
fn without_the_authority_the_certificates_are_not_trusted() {
    let dns = Dns::start(NAMES);
    let mut command = mailcfg(["probe", "imaps://disroot.org", "--json", "--resolver", &dns.place()]);
    let output = finish(&mut command);
    let endpoint = &output.json()["endpoints"][0];
    assert_eq!(output.code, 1);
    assert_eq!(endpoint["tls"]["value"]["problems"], serde_json::json!(["unknown-issuer"]));
    assert_eq!(ids(endpoint), "certificate.unknown-issuer");
}

#[test]
fn the_transcript_shows_both_sides_and_no_secret() {
    let dns = Dns::start(NAMES);
    let output = probe(&dns, &["imap://disroot.org", "-vv"]);
    assert_eq!(output.code, 0, "{output:?}");
    for line in ["S: * OK [CAPABILITY ", "C: A", "STARTTLS", "LOGOUT"] {
        assert!(output.stdout.contains(line), "no {line:?} in {}", output.stdout);
    }
}

#[test]
fn no_real_server_obeys_a_command_from_before_the_handshake() {
    let dns = Dns::start(NAMES);
    for target in [
        "imap://disroot.org",
        "pop3://disroot.org",
        "submission://disroot.org",
        "smtp://disroot.org",
        "submission://mail.example.org",
        "smtp://mail.example.org",
    ] {
        let output = probe(&dns, &[target, "--starttls-injection", "--json"]);
        let document = output.json();
        let findings = at(&document, "/endpoints/0/findings").as_array().cloned().unwrap_or_default();
        let found = findings.iter().find(|it| text(at(it, "/id")) == "starttls.command-injection");
        let severity = found.map(|it| text(at(it, "/severity")));
        assert_eq!(severity.as_deref(), Some("info"), "{target}: {findings:#?}");
    }
}

/// Probes with the test authority and the test's own DNS.
pub fn probe(dns: &Dns, arguments: &[&str]) -> Output {
    let mut command = mailcfg(["probe"]);
    command.args(arguments).args(["--resolver", &dns.place(), "--ca-file"]).arg(authority());
    finish(&mut command)
}

/// The certificate of the test authority.
pub fn authority() -> OsString {
    std::env::var_os("MAILCFG_REAL_CA")
        .expect("MAILCFG_REAL_CA is not set, the real servers do not run: run tests/run")
}

fn told(endpoint: &Value) -> String {
    let auth = at(endpoint, "/password_auth");
    let mechanisms = at(auth, "/mechanisms");
    [
        ("address", format!("{}:{}", text(at(endpoint, "/address")), at(endpoint, "/port"))),
        ("status", text(at(endpoint, "/status"))),
        ("greeting", outcome(at(endpoint, "/greeting"), |value| text(at(value, "/kind")))),
        ("before", outcome(at(endpoint, "/capabilities/before_tls"), words)),
        (
            "starttls",
            outcome(at(endpoint, "/starttls"), |value| format!("offered {}", at(value, "/offered"))),
        ),
        ("tls", outcome(at(endpoint, "/tls"), tls)),
        ("after", outcome(at(endpoint, "/capabilities/after_tls"), words)),
        ("password", text(at(auth, "/answer"))),
        ("clear", words(at(mechanisms, "/before_tls"))),
        ("inside", words(at(mechanisms, "/after_tls"))),
        ("findings", ids(endpoint)),
    ]
    .map(|(name, value)| format!("{name} {value}").trim_end().to_owned() + "\n")
    .concat()
}

fn tls(agreed: &Value) -> String {
    let agreement =
        ["/version", "/cipher_suite", "/key_exchange"].map(|name| text(at(agreed, name))).join(" ");
    let leaf = at(agreed, "/certificate");
    let key = text(at(leaf, "/key"));
    let names = words(at(leaf, "/names"));
    let days = at(leaf, "/days_left");
    let chain = at(agreed, "/chain_length");
    let problems = words(at(agreed, "/problems"));
    format!("{agreement}, {key} {names} {days}, chain {chain}, problems {problems}")
}

fn outcome(attempt: &Value, value: impl Fn(&Value) -> String) -> String {
    match at(attempt, "/outcome").as_str() {
        Some("done") => value(at(attempt, "/value")),
        other => format!("{}: {}", other.unwrap_or_default(), text(at(attempt, "/reason"))),
    }
}

fn ids(endpoint: &Value) -> String {
    let findings = at(endpoint, "/findings").as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = findings.iter().map(|finding| text(at(finding, "/id")));
    ids.filter(|id| !DESCRIPTIONS.contains(&id.as_str())).collect::<Vec<_>>().join(" ")
}

fn words(list: &Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The value at a JSON pointer, null when there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
