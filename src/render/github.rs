//! Workflow commands for GitHub Actions, and the page for a job's summary.
//!
//! GitHub shows ten annotations of each kind for a step, so at most ten are written, and a line that counts the rest.
//! Every line begins with a command of ours or with `mailcfg:`, so that no server's words can begin one.

use std::io::{self, Write};

use crate::render::words::{counts, evidence, is_skipped, name, of_target, verdict};
use crate::render::{Format, Order, Renderer, escaped};
use crate::report::Report;
use crate::report::finding::{Finding, Status};

/// `github`
pub const FORMAT: Format = Format {
    name: "github",
    about: "Annotations and a job summary for GitHub Actions",
    order: Order::OfTargets,
    reports: |_| Box::new(Annotations::default()),
    lookups: None,
    listing: None,
    is_plugin: false,
};

#[derive(Debug, Default)]
struct Annotations {
    /// How many there are of each kind.
    counts: [usize; KINDS.len()],
    endpoints: [usize; STATUSES.len()],
    rows: Vec<[String; 4]>,
    rows_left_out: usize,
}

impl Renderer<Report> for Annotations {
    fn take(&mut self, out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        for endpoint in &report.endpoints {
            let title = name(endpoint, report);
            endpoint.findings.iter().try_for_each(|finding| self.annotate(out, &title, finding))?;
            self.count(endpoint.status);
            let word = if is_skipped(endpoint) { "skipped" } else { endpoint.status.as_str() };
            self.add_row([word, &report.target, &title, &verdict(endpoint, report)]);
        }
        for finding in of_target(report) {
            self.annotate(out, &report.target, finding)?;
            if counts(finding) {
                self.add_row([finding.severity.as_str(), &report.target, "", &finding.text]);
            }
        }
        if report.endpoints.is_empty() {
            self.count(report.status);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for (count, kind) in self.counts.iter().zip(KINDS) {
            match count.saturating_sub(SHOWN) {
                0 => {}
                more => writeln!(out, "mailcfg: and {more} more of the kind {kind}")?,
            }
        }
        writeln!(out, "mailcfg: {}", self.sum())
    }

    fn summary(&self) -> Option<String> {
        let mut page = format!("### mailcfg: {}\n\n", self.sum());
        page.push_str("| result | target | endpoint | what |\n|---|---|---|---|\n");
        for row in &self.rows {
            page.push_str(&format!("| {} |\n", row.join(" | ")));
        }
        if self.rows_left_out > 0 {
            page.push_str(&format!("\nand {} more rows\n", self.rows_left_out));
        }
        Some(page)
    }
}

impl Annotations {
    fn annotate(&mut self, out: &mut dyn Write, title: &str, finding: &Finding) -> io::Result<()> {
        let Some(place) = kind(finding) else { return Ok(()) };
        let (Some(count), Some(kind)) = (self.counts.get_mut(place), KINDS.get(place)) else { return Ok(()) };
        *count += 1;
        if *count > SHOWN {
            return Ok(());
        }
        let mut text = escaped(&finding.text);
        for (name, said) in [("seen", evidence(finding)), ("hint", finding.hint.as_deref())] {
            text.extend(said.map(|said| format!("\n{name}: {}", escaped(said))));
        }
        writeln!(out, "::{kind} title={}::{}", property(&escaped(title)), message(&text))
    }

    fn count(&mut self, status: Status) {
        let counts = self.endpoints.iter_mut().zip(STATUSES);
        counts.filter(|(_, counted)| *counted == status).for_each(|(count, _)| *count += 1);
    }

    fn add_row(&mut self, cells: [&str; 4]) {
        if self.rows.len() == ROWS {
            self.rows_left_out += 1;
            return;
        }
        self.rows.push(cells.map(cell));
    }

    /// `3 results: 1 fail, 2 pass`
    fn sum(&self) -> String {
        let total: usize = self.endpoints.iter().sum();
        let counts = self.endpoints.iter().zip(STATUSES).filter(|(count, _)| **count > 0);
        let counts: Vec<String> =
            counts.map(|(count, status)| format!("{count} {}", status.as_str())).collect();
        let results = if total == 1 { "result" } else { "results" };
        format!("{total} {results}: {}", counts.join(", "))
    }
}

/// The place among [`KINDS`]; what does not count and information that asks for nothing is no annotation.
fn kind(finding: &Finding) -> Option<usize> {
    match finding.status() {
        Status::Fail => Some(0),
        Status::Unknown | Status::Warn => Some(1),
        Status::Pass if finding.ignored.is_some() => None,
        Status::Pass => finding.hint.as_ref().map(|_| 2),
    }
}

/// The escapes of the text of a command.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The escapes of a property of a command.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// A cell of a Markdown table in which every mark means itself: CommonMark lets any ASCII punctuation be escaped.
fn cell(foreign: &str) -> String {
    let mut cell = String::new();
    for character in escaped(foreign).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | ',' | '/') {
            cell.push('\\');
        }
        cell.push(character);
    }
    cell
}

const KINDS: [&str; 3] = ["error", "warning", "notice"];
const STATUSES: [Status; 4] = [Status::Fail, Status::Unknown, Status::Warn, Status::Pass];

/// GitHub shows no more annotations of a kind for a step.
const SHOWN: usize = 10;

/// A summary has at most 1 MiB.
const ROWS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_be_left() {
        assert_eq!(message("100%\r\n::error::x, y: z"), "100%25%0D%0A::error::x, y: z");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn a_cell_cannot_be_left() {
        assert_eq!(cell("a|b`<i>\n[x](y)*_&"), r"a\|b\`\<i\> / \[x\]\(y\)\*\_\&");
        assert_eq!(cell("\u{1b}www.example"), r"\\u\{1b\}www\.example");
    }
}
