//! A table for a spreadsheet (RFC 4180): a header, then a row an endpoint or a service; a target without one has a row
//! of its own.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, so such text gets a `'` in front.

use std::io::{self, Write};

use time::format_description::well_known::Rfc3339;

use crate::render::words::{evidence, is_skipped, verdict, worst};
use crate::render::{Format, Order, Renderer, escaped};
use crate::report::finding::Finding;
use crate::report::{EndpointReport, Looked, LookupReport, Report};
use crate::settings::Service;

/// `csv`
pub const FORMAT: Format = Format {
    name: "csv",
    about: "A row an endpoint, for a spreadsheet",
    order: Order::OfTargets,
    reports: |_| Box::new(Table::default()),
    lookups: Some(|_| Box::new(Table::default())),
    listing: None,
    is_plugin: false,
};

/// Rows below a header.
#[derive(Debug, Default)]
struct Table {
    begun: bool,
}

impl Table {
    fn begin(&mut self, out: &mut dyn Write, header: &[&str]) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        write_row(out, header.iter().map(|&name| name.to_owned()))
    }
}

impl Renderer<Report> for Table {
    fn take(&mut self, out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        self.begin(out, REPORT_HEADER)?;
        for endpoint in &report.endpoints {
            write_row(out, endpoint_cells(endpoint, report))?;
        }
        if report.endpoints.is_empty() {
            write_row(out, target_cells(report))?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out, REPORT_HEADER)
    }
}

impl Renderer<Looked> for Table {
    fn take(&mut self, out: &mut dyn Write, _index: usize, looked: &Looked) -> io::Result<()> {
        self.begin(out, LOOKUP_HEADER)?;
        let (target, mut rows) = match looked {
            Looked::Unasked(report) => (&report.target, Vec::new()),
            Looked::Asked(report) => {
                let services = report.lookup.settings.iter().flat_map(|settings| &settings.services);
                let rows = services.map(|service| service_cells(service, report)).collect();
                (&report.lookup.query.typed, rows)
            }
        };
        if rows.is_empty() {
            rows.push(padded([text(target), looked.status().as_str().to_owned()], LOOKUP_HEADER.len()));
        }
        rows.into_iter().try_for_each(|row| write_row(out, row))
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out, LOOKUP_HEADER)
    }
}

fn endpoint_cells(endpoint: &EndpointReport, report: &Report) -> Vec<String> {
    let facts = &endpoint.facts;
    let worst = worst(&endpoint.findings);
    let place = &facts.endpoint;
    let agreed = facts.tls.value();
    let chain = facts.chain.as_ref();
    let certificate = chain.and_then(|chain| chain.certificate.as_ref());
    let problems = chain.iter().flat_map(|chain| &chain.problems).map(|problem| problem.kind.as_str());
    vec![
        text(&report.target),
        if is_skipped(endpoint) { "skipped" } else { endpoint.status.as_str() }.to_owned(),
        place.protocol.as_str().to_owned(),
        text(&place.host.to_string()),
        place.port.to_string(),
        place.security.as_str().to_owned(),
        facts.address.map(|address| address.ip().to_string()).unwrap_or_default(),
        agreed.map(|agreed| agreed.version.to_owned()).unwrap_or_default(),
        agreed.map(|agreed| text(&agreed.cipher_suite)).unwrap_or_default(),
        agreed.and_then(|agreed| agreed.key_exchange.as_deref()).map(text).unwrap_or_default(),
        certificate.and_then(|it| it.not_after.format(&Rfc3339).ok()).unwrap_or_default(),
        certificate.map(|it| it.days_left(report.now).to_string()).unwrap_or_default(),
        problems.collect::<Vec<_>>().join(" "),
        facts.password_auth().answer.as_str().to_owned(),
        facts.timings.total.map(|it| format!("{:.1}", it.as_secs_f64() * 1_000.0)).unwrap_or_default(),
        ids(endpoint.findings.iter().filter(|finding| finding.ignored.is_none())),
        ids(endpoint.findings.iter().filter(|finding| finding.ignored.is_some())),
        text(&verdict(endpoint, report)),
        worst.and_then(evidence).map(text).unwrap_or_default(),
        worst.and_then(|it| it.hint.as_deref()).map(text).unwrap_or_default(),
    ]
}

fn target_cells(report: &Report) -> Vec<String> {
    let target = [text(&report.target), report.status.as_str().to_owned()];
    let mut cells = padded(target, REPORT_HEADER.len() - 5);
    let worst = worst(&report.findings);
    cells.push(ids(report.findings.iter().filter(|finding| finding.ignored.is_none())));
    cells.push(ids(report.findings.iter().filter(|finding| finding.ignored.is_some())));
    cells.push(worst.map(|finding| text(&finding.text)).unwrap_or_default());
    cells.push(worst.and_then(evidence).map(text).unwrap_or_default());
    cells.push(worst.and_then(|finding| finding.hint.as_deref()).map(text).unwrap_or_default());
    cells
}

fn service_cells(service: &Service, report: &LookupReport) -> Vec<String> {
    let lookup = &report.lookup;
    let place = service.access.place();
    let username = service.username.as_ref();
    let auth: Vec<&str> = service.auth.iter().map(|method| method.as_str()).collect();
    vec![
        text(&lookup.query.typed),
        lookup.status().as_str().to_owned(),
        service.access.protocol().to_owned(),
        text(&service.access.host_or_url()),
        place.map(|(_, port, _)| port.to_string()).unwrap_or_default(),
        place.map(|(.., security)| security.as_str().to_owned()).unwrap_or_default(),
        username.zip(lookup.query.address.as_ref()).map(|(form, it)| text(&form.of(it))).unwrap_or_default(),
        username.map(|form| text(form.as_str())).unwrap_or_default(),
        auth.join(" "),
        service.source.as_str().to_owned(),
        service.trust.as_str().to_owned(),
        service.recommended.to_string(),
    ]
}

fn padded(cells: [String; 2], width: usize) -> Vec<String> {
    let mut cells = Vec::from(cells);
    cells.resize(width, String::new());
    cells
}

fn ids<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    findings.map(|finding| finding.id).collect::<Vec<_>>().join(" ")
}

/// Text from outside: no control characters, and no formula.
fn text(foreign: &str) -> String {
    let shown = escaped(foreign);
    let is_formula = shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{shown}") } else { shown }
}

fn write_row(out: &mut dyn Write, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    writer.write_record(cells.into_iter().collect::<Vec<_>>())?;
    let row = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&row)
}

const REPORT_HEADER: &[&str] = &[
    "target",
    "status",
    "protocol",
    "host",
    "port",
    "security",
    "address",
    "tls_version",
    "cipher_suite",
    "key_exchange",
    "certificate_not_after",
    "certificate_days_left",
    "certificate_problems",
    "password_auth",
    "total_ms",
    "findings",
    "ignored",
    "text",
    "evidence",
    "hint",
];

const LOOKUP_HEADER: &[&str] = &[
    "target",
    "status",
    "protocol",
    "host",
    "port",
    "security",
    "username",
    "username_form",
    "auth",
    "source",
    "trust",
    "recommended",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_was_a_formula() {
        for (foreign, cell) in [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-dash@example.org", "'-dash@example.org"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1+1", "' =1+1"),
            ("\t=1", "\\u{9}=1"),
            ("mail.example.org", "mail.example.org"),
            ("", ""),
        ] {
            assert_eq!(text(foreign), cell);
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut row = Vec::new();
        let cells = ["a", "b,c", "d\"e", "f\ng"].map(str::to_owned);
        write_row(&mut row, cells).unwrap();
        assert_eq!(String::from_utf8(row).unwrap(), "a,\"b,c\",\"d\"\"e\",\"f\ng\"\r\n");
    }
}
