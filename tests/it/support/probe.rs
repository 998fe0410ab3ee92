//! Probing a host of a test, and asking its report questions.

use std::net::SocketAddr;

use mailcfg::settings::Security;
use serde_json::{Value, json};

use super::ca;
use super::command::{self, Output};
use super::host::Host;
use super::mail::Mail;

/// A probe about to be run.
#[derive(Clone, Debug)]
pub struct Probe {
    arguments: Vec<String>,
}

impl Probe {
    /// Of a target, trusting the tests' authority.
    pub fn of(target: &str) -> Self {
        let ca_file = ca::trusted().file().display().to_string();
        let arguments = ["probe", target, "--json", "--timeout", "8s", "--ca-file", &ca_file];
        Self { arguments: arguments.map(str::to_owned).to_vec() }
    }

    /// Wherever the target is, connecting to this address.
    pub fn at(self, address: SocketAddr) -> Self {
        self.with(&["--connect-to", &format!("::{}:{}", bracketed(address), address.port())])
    }

    /// With more arguments; a later `--timeout` replaces the one before.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        if arguments.contains(&"--timeout") {
            let flag = self.arguments.iter().position(|argument| argument == "--timeout");
            self.arguments.drain(flag.map_or(0..0, |flag| flag..flag + 2));
        }
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Without the authority of the tests.
    pub fn without_ca(mut self) -> Self {
        let flag = self.arguments.iter().position(|argument| argument == "--ca-file");
        self.arguments.drain(flag.map_or(0..0, |flag| flag..flag + 2));
        self
    }

    /// The arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Runs it.
    pub fn run(&self) -> Verdict {
        Verdict::of(&command::run(&self.arguments))
    }
}

/// Probes what a well-behaved host would be, at the host that plays it.
pub fn probe(mail: &Mail, host: &Host) -> Verdict {
    prepare(mail, host).run()
}

/// The same, not run yet.
pub fn prepare(mail: &Mail, host: &Host) -> Probe {
    let probe = Probe::of(mail.url()).at(host.address);
    match mail.security {
        Security::None => probe.with(&["--security", "none"]),
        Security::Tls | Security::StartTls => probe,
    }
}

/// Starts a host, probes it, and gives both.
pub fn examine(mail: Mail) -> (Verdict, Host) {
    let host = mail.start();
    (probe(&mail, &host), host)
}

/// An IP address as it stands in URLs.
pub fn bracketed(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// What the program said of one target, and its exit code.
#[derive(Debug)]
pub struct Verdict {
    /// The exit code.
    pub code: i32,
    /// The document.
    pub document: Value,
}

impl Verdict {
    /// Of a finished program.
    pub fn of(output: &Output) -> Self {
        assert_eq!(output.stderr, "", "{output:?}");
        Self { code: output.code, document: output.json() }
    }

    /// The endpoints.
    pub fn endpoints(&self) -> &[Value] {
        self.document.get("endpoints").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The only endpoint.
    #[track_caller]
    pub fn endpoint(&self) -> &Value {
        match self.endpoints() {
            [endpoint] => endpoint,
            _ => panic!("not one endpoint: {self:#?}"),
        }
    }

    /// The value at a JSON pointer (RFC 6901) in the only endpoint.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        self.endpoint().pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {self:#?}"))
    }

    /// The text at a JSON pointer in the only endpoint.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("{pointer} is no text in {self:#?}"))
    }

    /// `id severity` of every finding of the only endpoint, but for those that only describe it.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        findings(self.endpoint())
    }

    /// Asserts exit code 0 and an endpoint without findings.
    #[track_caller]
    pub fn passes(&self) -> &Self {
        self.ends(0, "pass").finds_only(&[])
    }

    /// Asserts the exit code and the endpoint's status.
    #[track_caller]
    pub fn ends(&self, code: i32, status: &str) -> &Self {
        assert_eq!(self.at("/status"), status, "{self:#?}");
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that a finding is there, as `id severity`.
    #[track_caller]
    pub fn finds(&self, finding: &str) -> &Self {
        assert!(self.findings().iter().any(|found| found == finding), "no {finding} in {self:#?}");
        self
    }

    /// Asserts that these findings and no others are there, in any order.
    #[track_caller]
    pub fn finds_only(&self, expected: &[&str]) -> &Self {
        let mut found = self.findings();
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{self:#?}");
        self
    }

    /// Asserts that the endpoint holds these fields with these values; objects may hold more.
    #[track_caller]
    pub fn shows(&self, expected: Value) -> &Self {
        assert!(holds(self.endpoint(), &expected), "not {expected:#} in {self:#?}");
        self
    }

    /// Asserts that a step failed in a stage; gives the reason.
    #[track_caller]
    pub fn failed(&self, step: &str, stage: &str, temporary: bool) -> &str {
        let expected = json!({ "outcome": "failed", "stage": stage, "temporary": temporary });
        assert!(holds(self.at(step), &expected), "{step} is not {expected} in {self:#?}");
        self.text(&format!("{step}/reason"))
    }
}

/// `id severity` of every finding of an endpoint, but for those that only describe it.
pub fn findings(endpoint: &Value) -> Vec<String> {
    let text = |finding: &Value, field: &str| {
        finding.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let findings = endpoint.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told = findings.iter().filter(|finding| !DESCRIPTIONS.contains(&text(finding, "id").as_str()));
    told.map(|finding| format!("{} {}", text(finding, "id"), text(finding, "severity"))).collect()
}

/// Information that every endpoint has, good or bad.
pub const DESCRIPTIONS: &[&str] = &[
    "certificate.mail-domain",
    "imap.extensions",
    "pop3.extensions",
    "pop3.implementation",
    "smtp.extensions",
    "tls.key-exchange",
];

/// True when a value is the expected one, or an object with at least the expected fields.
fn holds(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => expected
            .iter()
            .all(|(name, expected)| value.get(name).is_some_and(|value| holds(value, expected))),
        _ => value == expected,
    }
}
