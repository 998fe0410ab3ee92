//! `mailcfg probe`

use mailcfg::net::Network;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{human, json};
use mailcfg::report::finding::Status;
use mailcfg::report::policy::{FailOn, Policy};
use mailcfg::report::{Context, Report, exit_code, judge};
use mailcfg::run::{JOBS, Job, Run};

use super::drive::{InOrder, drive};
use super::output::Output;
use super::{Complaint, Format, OutputArguments, ProbeArguments, lookup, plan};

/// Examines every target and prints the reports.
pub fn run(arguments: &ProbeArguments) -> Result<u8, Complaint> {
    let jobs = plan::jobs(arguments)?;
    let policy = arguments.policy.policy(&arguments.network)?;
    let run = Run {
        network: Network::new(plan::network(&arguments.network)?),
        providers: plan::providers(&arguments.table)?,
        lookup: plan::lookup(&arguments.sources)?,
        probe: plan::probe(arguments)?,
        all_addresses: arguments.all_addresses || policy.needs_all_addresses(),
        only: plan::overrides(arguments),
        lookup_only: false,
        jobs: JOBS,
    };
    run_and_print(run, jobs, &arguments.output, arguments.verbose, &policy, None)
}

/// Runs and prints; with a printer of lookups, each lookup's own screen stands before its report.
pub fn run_and_print(
    run: Run,
    jobs: Vec<Job>,
    output: &OutputArguments,
    verbose: u8,
    policy: &Policy,
    lookups: Option<&lookup::Printer>,
) -> Result<u8, Complaint> {
    let mut printer = Printer::new(output, verbose, lookups);
    drive(run, jobs, printer.output.quiet, |outcome| {
        printer.take(judge(outcome, &Context::new(time::OffsetDateTime::now_utc(), policy)))
    })?;
    printer.finish(policy.fail_on)
}

/// Puts reports out in the order of the targets; `jsonl` as they come.
struct Printer<'a> {
    output: Output,
    detail: Detail,
    lookups: Option<&'a lookup::Printer>,
    in_order: InOrder<Report>,
    documents: Vec<serde_json::Value>,
    statuses: Vec<Status>,
}

impl<'a> Printer<'a> {
    fn new(output: &OutputArguments, verbose: u8, lookups: Option<&'a lookup::Printer>) -> Self {
        Self {
            output: Output::new(output),
            detail: match verbose {
                0 => Detail::Short,
                1 => Detail::Facts,
                _ => Detail::Transcript,
            },
            lookups,
            in_order: InOrder::default(),
            documents: Vec::new(),
            statuses: Vec::new(),
        }
    }

    fn take(&mut self, report: Report) -> Result<(), Complaint> {
        self.statuses.push(report.status);
        if self.output.format == Format::Jsonl {
            return self.output.write(|out| json::write_line(out, report.index, json::probe(&report)));
        }
        for (index, report) in self.in_order.take(report.index, report) {
            self.print(index, &report)?;
        }
        Ok(())
    }

    fn print(&mut self, index: usize, report: &Report) -> Result<(), Complaint> {
        if self.output.format == Format::Json {
            self.documents.push(json::probe(report));
            return Ok(());
        }
        self.output.write(|out| {
            if let (Some(printer), Some(lookup)) = (self.lookups, &report.lookup) {
                printer.write(out, index, lookup)?;
            }
            if index > 0 || self.lookups.is_some() {
                writeln!(out)?;
            }
            human::probe::write(out, report, self.output.style, self.detail)
        })
    }

    fn finish(self, fail_on: FailOn) -> Result<u8, Complaint> {
        if self.output.format == Format::Json {
            self.output.write(|out| json::write(out, &self.documents))?;
        }
        Ok(exit_code(self.statuses, fail_on))
    }
}
