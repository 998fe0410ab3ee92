//! The output of a monitoring plugin (Nagios, Icinga): one line with performance data, a line an endpoint behind it.
//!
//! The grammar is that of the Monitoring Plugins Development Guidelines. A monitor reads some 8 KiB, so what is kept and
//! written is bounded however many endpoints there are.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::probe::certificate::Certificate;
use crate::render::words::{counts, evidence, name, of_target, verdict, worst};
use crate::render::{Format, Order, Renderer, escaped};
use crate::report::finding::Status;
use crate::report::policy::MinDays;
use crate::report::{EndpointReport, Report};
use crate::wire::line::{cut, excerpt};

/// `nagios`
pub const FORMAT: Format = Format {
    name: "nagios",
    about: "A monitoring plugin's line with performance data, and its exit codes",
    order: Order::OfTargets,
    reports: |_| Box::new(Plugin::default()),
    lookups: None,
    listing: None,
    is_plugin: true,
};

/// The exit code of a plugin, of what its statuses count as.
pub fn exit_code(statuses: impl IntoIterator<Item = Status>) -> u8 {
    match statuses.into_iter().max() {
        Some(Status::Pass) => 0,
        Some(Status::Warn) => 1,
        Some(Status::Fail) => 2,
        Some(Status::Unknown) | None => EXIT_UNKNOWN,
    }
}

/// The line of a plugin that could not even begin.
pub fn complaint(sentence: &str) -> String {
    format!("MAILCFG UNKNOWN - {}\n", text(sentence))
}

/// UNKNOWN, which wrong usage is too.
pub const EXIT_UNKNOWN: u8 = 3;

/// Counts, the worst, and a bounded number of lines.
#[derive(Debug, Default)]
struct Plugin {
    status: Option<Status>,
    counts: [usize; WORDS.len()],
    worst: Option<(Status, String)>,
    problems: Vec<String>,
    fine: Vec<String>,
    labels: BTreeSet<String>,
    performance: Vec<String>,
}

impl Plugin {
    fn count(&mut self, status: Status) {
        if let Some(count) = self.counts.get_mut(place(status)) {
            *count += 1;
        }
    }

    fn add(&mut self, status: Status, said: String) {
        let said = cut(said, SAID_BYTES);
        let line = format!("{}: {said}", word(status));
        let lines = if status == Status::Pass { &mut self.fine } else { &mut self.problems };
        if lines.len() < LINES {
            lines.push(line);
        }
        if self.worst.as_ref().is_none_or(|(worst, _)| status > *worst) {
            self.worst = Some((status, said));
        }
    }

    fn measure(&mut self, endpoint: &EndpointReport, report: &Report) {
        let label = label(&name(endpoint, report));
        if self.labels.len() == LINES || !self.labels.insert(label.clone()) {
            return;
        }
        let facts = &endpoint.facts;
        if let Some(total) = facts.timings.total {
            self.performance.push(format!("'{label} time'={:.3}s;;;0;", total.as_secs_f64()));
        }
        if let Some(certificate) = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref()) {
            let (warning, critical) = ranges(report.min_days, certificate);
            let days = certificate.days_left(report.now);
            self.performance.push(format!("'{label} days'={days};{warning};{critical};;"));
        }
    }

    fn sentence(&self) -> String {
        let total: usize = self.counts.iter().sum();
        let Some((status, said)) = &self.worst else { return "no target".to_owned() };
        let count = self.counts.get(place(*status)).copied().unwrap_or_default();
        match status {
            _ if total <= 1 => said.clone(),
            Status::Pass => format!("all {total} endpoints work"),
            Status::Warn => format!("{count} of {total} with a warning: {said}"),
            Status::Unknown => format!("{count} of {total} could not be judged: {said}"),
            Status::Fail => format!("{count} of {total} failed: {said}"),
        }
    }
}

impl Renderer<Report> for Plugin {
    fn take(&mut self, _out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        self.status = self.status.max(Some(report.counted()));
        for endpoint in &report.endpoints {
            let status = report.fail_on.counted(endpoint.status);
            self.count(status);
            let seen =
                worst(&endpoint.findings).and_then(evidence).map(|seen| format!(" ({})", excerpt(seen)));
            let said = format!(
                "{}: {}{}",
                name(endpoint, report),
                verdict(endpoint, report),
                seen.unwrap_or_default()
            );
            self.add(status, text(&said));
            self.measure(endpoint, report);
        }
        if report.endpoints.is_empty() {
            self.count(report.counted());
        }
        for finding in of_target(report).filter(|finding| counts(finding)) {
            // What is said of the target as a whole is never worse than the target.
            let status = finding.status().min(report.status);
            self.add(report.fail_on.counted(status), text(&format!("{}: {}", report.target, finding.text)));
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let status = self.status.unwrap_or(Status::Unknown);
        write!(out, "MAILCFG {} - {}", word(status), self.sentence())?;
        if !self.performance.is_empty() {
            write!(out, " | {}", self.performance.join(" "))?;
        }
        writeln!(out)?;
        self.fine.truncate(LINES.saturating_sub(self.problems.len()));
        self.problems.iter().chain(&self.fine).try_for_each(|line| writeln!(out, "{line}"))?;
        let written = self.problems.len() + self.fine.len();
        match self.counts.iter().sum::<usize>().saturating_sub(written) {
            0 => Ok(()),
            more => writeln!(out, "and {more} more"),
        }
    }
}

fn word(status: Status) -> &'static str {
    WORDS.get(place(status)).copied().unwrap_or("UNKNOWN")
}

fn place(status: Status) -> usize {
    match status {
        Status::Pass => 0,
        Status::Warn => 1,
        Status::Fail => 2,
        Status::Unknown => 3,
    }
}

/// The words by exit code.
const WORDS: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/// Foreign text on one line; a `|` would begin the performance data.
fn text(foreign: &str) -> String {
    escaped(foreign).replace('|', "¦")
}

/// The days from which on all is well: what was demanded, else what the rule has; an expired one always fails.
fn ranges(min_days: Option<MinDays>, certificate: &Certificate) -> (String, String) {
    let range = |days: Option<u32>| days.map(|days| format!("{days}:")).unwrap_or_default();
    match min_days {
        Some(MinDays { warn, fail }) => (range(warn), range(fail.or(Some(0)))),
        None => {
            let quarter = certificate.lifetime().whole_days() / 4;
            (format!("{}:", quarter.min(SOON_DAYS)), range(Some(0)))
        }
    }
}

/// A label holds no `=`, quote or `|`.
fn label(name: &str) -> String {
    text(name).replace(['=', '\''], "_")
}

/// What is said of an endpoint: its name, the verdict and 200 characters of evidence. All of it is some 8 KiB.
const SAID_BYTES: usize = 400;

/// How many endpoints are written out, problems first.
const LINES: usize = 20;

/// As the rule has it: a certificate with less than 20 days and less than a quarter of its life left expires soon.
const SOON_DAYS: i64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_plugins() {
        for (statuses, code) in [
            (vec![Status::Pass], 0),
            (vec![Status::Pass, Status::Warn], 1),
            (vec![Status::Warn, Status::Unknown], 3),
            (vec![Status::Unknown, Status::Fail, Status::Warn], 2),
            (vec![], 3),
        ] {
            assert_eq!(exit_code(statuses.clone()), code, "{statuses:?}");
        }
    }

    #[test]
    fn foreign_text_adds_no_performance_data_and_no_line() {
        assert_eq!(text("a|b=1\nc"), "a¦b=1 / c");
        assert_eq!(label("it's=a|b"), "it_s_a¦b");
        assert_eq!(complaint("a\n|b"), "MAILCFG UNKNOWN - a / ¦b\n");
    }
}
