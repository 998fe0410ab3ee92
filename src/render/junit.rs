//! JUnit XML for a CI system: a `<testsuite>` an endpoint, a `<testcase>` a check.
//!
//! What failed is a `<failure>`, what could not be found out an `<error>`, what did not apply or was not reached
//! `<skipped>`; warnings stand in `<system-out>`.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::BytesText;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::attempt::Attempt;
use crate::probe::facts::{Answer, Facts, Timings};
use crate::render::words::{name, of_target};
use crate::render::{Format, Order, Renderer, escaped};
use crate::report::finding::{Finding, Status};
use crate::report::{EndpointReport, Report};

/// `junit`
pub const FORMAT: Format = Format {
    name: "junit",
    about: "JUnit XML for a CI system",
    order: Order::OfTargets,
    reports: |_| Box::new(Suites::default()),
    lookups: None,
    listing: None,
    is_plugin: false,
};

#[derive(Debug, Default)]
struct Suites {
    begun: bool,
}

impl Suites {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mailcfg\">")
    }
}

impl Renderer<Report> for Suites {
    fn take(&mut self, out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        self.begin(out)?;
        if report.lookup.is_some() || !report.findings.is_empty() {
            Suite::of_target(report).write(out)?;
        }
        report.endpoints.iter().try_for_each(|endpoint| Suite::of(endpoint, report).write(out))
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        writeln!(out, "</testsuites>")
    }
}

struct Suite<'a> {
    name: String,
    began: OffsetDateTime,
    total: Duration,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    name: &'a str,
    time: Duration,
    findings: Vec<&'a Finding>,
    skipped: Option<Cow<'a, str>>,
}

impl<'a> Suite<'a> {
    /// The settings of a target, and what is said of it as a whole.
    fn of_target(report: &'a Report) -> Self {
        let case = Case {
            name: "settings",
            time: Duration::ZERO,
            findings: of_target(report).collect(),
            skipped: None,
        };
        Self {
            name: escaped(&report.target),
            began: report.now,
            total: Duration::ZERO,
            properties: vec![("target", escaped(&report.target))],
            cases: vec![case],
        }
    }

    fn of(endpoint: &'a EndpointReport, report: &'a Report) -> Self {
        let facts = &endpoint.facts;
        let mut properties = vec![("target", escaped(&report.target))];
        properties.extend(facts.address.map(|address| ("address", address.ip().to_string())));
        let mut cases: Vec<Case> = SUBJECTS.iter().map(|subject| subject.case(endpoint)).collect();
        cases.extend(other_cases(endpoint));
        Self {
            name: escaped(&name(endpoint, report)),
            began: facts.began,
            total: facts.timings.total.unwrap_or_default(),
            properties,
            cases,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        let count = |outcome| self.cases.iter().filter(|case| case.outcome() == outcome).count().to_string();
        let began = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        writer
            .create_element("testsuite")
            .with_attribute(("name", legal(&self.name).as_ref()))
            .with_attribute(("tests", self.cases.len().to_string().as_str()))
            .with_attribute(("failures", count(Outcome::Failure).as_str()))
            .with_attribute(("errors", count(Outcome::Error).as_str()))
            .with_attribute(("skipped", count(Outcome::Skipped).as_str()))
            .with_attribute(("time", seconds(self.total).as_str()))
            .with_attribute(("timestamp", self.began.format(&began).unwrap_or_default().as_str()))
            .write_inner_content(|writer| {
                self.write_properties(writer)?;
                self.cases.iter().try_for_each(|case| case.write(writer, &self.name))
            })?;
        out.write_all(&writer.into_inner())?;
        writeln!(out)
    }

    fn write_properties(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        writer.create_element("properties").write_inner_content(|writer| {
            self.properties.iter().try_for_each(|(name, value)| {
                let property = writer.create_element("property").with_attribute(("name", *name));
                property.with_attribute(("value", legal(value).as_ref())).write_empty().map(drop)
            })
        })?;
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Case<'_> {
    fn outcome(&self) -> Outcome {
        match self.findings.iter().map(|finding| finding.status()).max() {
            Some(Status::Fail) => Outcome::Failure,
            Some(Status::Unknown) => Outcome::Error,
            _ if self.skipped.is_some() => Outcome::Skipped,
            _ => Outcome::Passed,
        }
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>, suite: &str) -> io::Result<()> {
        let case = writer
            .create_element("testcase")
            .with_attribute(("classname", legal(suite).as_ref()))
            .with_attribute(("name", legal(self.name).as_ref()))
            .with_attribute(("time", seconds(self.time).as_str()));
        if self.outcome() == Outcome::Passed && self.findings.is_empty() {
            return case.write_empty().map(drop);
        }
        case.write_inner_content(|writer| self.write_inside(writer)).map(drop)
    }

    fn write_inside(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        match self.outcome() {
            Outcome::Failure => self.write_problem(writer, "failure", Status::Fail)?,
            Outcome::Error => self.write_problem(writer, "error", Status::Unknown)?,
            Outcome::Skipped => {
                let reason = escaped(self.skipped.as_deref().unwrap_or_default());
                let skipped = writer.create_element("skipped");
                skipped.with_attribute(("message", legal(&reason).as_ref())).write_empty()?;
            }
            Outcome::Passed => {}
        }
        let said: Vec<String> = self.findings.iter().map(|finding| words(finding)).collect();
        if !said.is_empty() && matches!(self.outcome(), Outcome::Passed | Outcome::Skipped) {
            let text = said.join("\n");
            writer.create_element("system-out").write_text_content(inside(&text))?;
        }
        Ok(())
    }

    /// The first finding of the status names the problem; all of the case's findings stand inside.
    fn write_problem(&self, writer: &mut Writer<Vec<u8>>, element: &str, status: Status) -> io::Result<()> {
        let Some(finding) = self.findings.iter().find(|finding| finding.status() == status) else {
            return Ok(());
        };
        let said: Vec<String> = self.findings.iter().map(|finding| words(finding)).collect();
        writer
            .create_element(element)
            .with_attribute(("type", finding.id))
            .with_attribute(("message", legal(&escaped(&finding.text)).as_ref()))
            .write_text_content(inside(&said.join("\n")))?;
        Ok(())
    }
}

/// A check: its name, the findings that belong to it, when it does not apply, and which steps it took.
struct Subject {
    name: &'static str,
    /// What the ids of its findings begin with.
    topics: &'static [&'static str],
    skipped: fn(&Facts) -> Option<Cow<'_, str>>,
    time: fn(&Timings) -> [Option<Duration>; 2],
}

impl Subject {
    fn case<'a>(&self, endpoint: &'a EndpointReport) -> Case<'a> {
        let facts = &endpoint.facts;
        let mine = endpoint.findings.iter().filter(|finding| self.topics.contains(&topic(finding)));
        Case {
            name: self.name,
            time: (self.time)(&facts.timings).into_iter().flatten().sum(),
            findings: mine.collect(),
            skipped: (self.skipped)(facts),
        }
    }
}

/// A case for each topic that no subject has.
fn other_cases(endpoint: &EndpointReport) -> Vec<Case<'_>> {
    let mut cases: Vec<Case> = Vec::new();
    let known = |topic: &str| SUBJECTS.iter().any(|subject| subject.topics.contains(&topic));
    for finding in endpoint.findings.iter().filter(|finding| !known(topic(finding))) {
        match cases.iter_mut().find(|case| case.name == topic(finding)) {
            Some(case) => case.findings.push(finding),
            None => cases.push(Case {
                name: topic(finding),
                time: Duration::ZERO,
                findings: vec![finding],
                skipped: None,
            }),
        }
    }
    cases
}

/// `certificate` of `certificate.expired`.
fn topic(finding: &Finding) -> &str {
    finding.id.split('.').next().unwrap_or(finding.id)
}

fn skipped<T>(attempt: &Attempt<T>) -> Option<Cow<'_, str>> {
    match attempt {
        Attempt::Skipped(reason) => Some(reason.into()),
        _ => None,
    }
}

fn words(finding: &Finding) -> String {
    let word = if finding.ignored.is_some() { "ignored" } else { finding.severity.as_str() };
    let mut words = format!("{word} {}: {}", finding.id, escaped(&finding.text));
    for (name, said) in [("seen", &finding.evidence), ("hint", &finding.hint)] {
        words.extend(said.iter().map(|said| format!("\n  {name}: {}", escaped(said))));
    }
    words
}

/// The text with U+FFFD for the two characters that XML forbids beside control characters (XML 1.0, section 2.2).
fn legal(text: &str) -> Cow<'_, str> {
    let is_illegal = |found: char| {
        matches!(found, '\u{fffe}' | '\u{ffff}') || (found.is_control() && !matches!(found, '\n' | '\t'))
    };
    if text.contains(is_illegal) { text.replace(is_illegal, "\u{fffd}").into() } else { text.into() }
}

/// Text inside an element, where quotes may stay as they are.
fn inside(text: &str) -> BytesText<'static> {
    BytesText::from_escaped(partial_escape(legal(text)).into_owned())
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "connection",
        topics: &["dns", "connect", "network", "run"],
        skipped: |facts| skipped(&facts.connect),
        time: |timings| [timings.dns, timings.connect],
    },
    Subject {
        name: "greeting",
        topics: &["greeting", "protocol"],
        skipped: |facts| skipped(&facts.greeting),
        time: |timings| [timings.greeting, None],
    },
    Subject {
        name: "starttls",
        topics: &["starttls"],
        skipped: |facts| skipped(&facts.starttls),
        time: |timings| [timings.starttls, None],
    },
    Subject {
        name: "tls",
        topics: &["tls"],
        skipped: |facts| skipped(&facts.tls),
        time: |timings| [timings.tls, None],
    },
    Subject {
        name: "certificate",
        topics: &["certificate"],
        skipped: |facts| match &facts.chain {
            Some(_) => None,
            None => Some("no certificate was seen".into()),
        },
        time: |_| [None, None],
    },
    Subject {
        name: "capabilities",
        topics: &["capabilities", "imap", "pop3", "smtp"],
        skipped: |facts| skipped(facts.capabilities()),
        time: |timings| [timings.capabilities, None],
    },
    Subject {
        name: "sign-in",
        topics: &["auth"],
        skipped: |facts| match facts.password_auth().answer {
            Answer::Unknown(reason) => Some(reason.into()),
            Answer::Yes | Answer::No | Answer::OnlyBeforeTls => None,
        },
        time: |_| [None, None],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(legal("a\u{0}\u{1b}\u{fffe}\u{85}b\nc"), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b\nc");
        assert_eq!(legal("plain <&> é"), "plain <&> é");
    }
}
