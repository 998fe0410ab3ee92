//! `mailcfg lookup`

use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::Network;
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::{human, json};
use mailcfg::report::finding::Status;
use mailcfg::report::{
    EXIT_FINE, LookupReport, UnaskedReport, exit_code, judge_lookup, judge_unasked, lookup_exit_code,
};
use mailcfg::run::{Job, Outcome, Run};
use serde_json::Value;

use super::drive::{InOrder, drive};
use super::many::Targets;
use super::output::Output;
use super::{Complaint, Format, LookupArguments, plan, probe};

/// Looks every target up and prints the outcomes.
pub fn run(arguments: &LookupArguments) -> Result<u8, Complaint> {
    let queries = plan::queries(&arguments.targets)?;
    let options = plan::lookup(&arguments.sources)?;
    let providers = plan::providers(&arguments.table)?;
    let network = plan::network(&arguments.network)?;
    let printer = Printer::new(arguments);
    if arguments.dry_run {
        let all = queries.iter().flat_map(|query| lookup::questions(query, &providers, &options));
        return printer.print_questions(&all.collect::<Vec<_>>());
    }
    let run = Run {
        network: Network::new(network),
        providers,
        lookup: options,
        probe: mailcfg::probe::Options { transcript: arguments.verbose >= 2, ..Default::default() },
        all_addresses: false,
        only: Default::default(),
        lookup_only: !arguments.probe,
        options: arguments.many.options()?,
    };
    let command = if arguments.probe { "probe" } else { "lookup" };
    let targets = |queries: Vec<Query>| {
        let jobs = queries.into_iter().map(Job::Lookup).collect();
        arguments.many.targets(jobs, &arguments.output, command, |typed| plan::query(typed).map(Job::Lookup))
    };
    if arguments.probe {
        let targets = targets(queries)?;
        return probe::run_and_print(run, targets, &arguments.output, arguments.verbose, Some(&printer));
    }
    // The tables answer without a thread, a socket or a runtime.
    let answered: Option<Vec<Lookup>> =
        queries.iter().map(|query| lookup::from_tables(query, &run.providers, &run.lookup)).collect();
    match answered.filter(|_| arguments.many.are_all_typed()) {
        Some(lookups) => printer.print_all(lookups),
        None => printer.print_as_they_come(run, targets(queries)?),
    }
}

/// Puts outcomes out in the order of the targets; `jsonl` as they come.
pub struct Printer {
    output: Output,
    shown: Shown,
}

impl Printer {
    fn new(arguments: &LookupArguments) -> Self {
        let all = arguments.sources.all;
        let shown = Shown { sources: all || arguments.verbose > 0, differences: all };
        Self { output: Output::new(&arguments.output), shown }
    }

    fn print_questions(&self, questions: &[lookup::source::Question]) -> Result<u8, Complaint> {
        let documents = || questions.iter().map(json::question);
        self.output.write(|out| match self.output.format {
            Format::Human => human::lookup::write_questions(out, questions),
            Format::Json => json::write_array(out, &documents().collect::<Vec<_>>()),
            Format::Jsonl => {
                documents().enumerate().try_for_each(|(index, it)| json::write_line(out, index, it))
            }
        })?;
        Ok(EXIT_FINE)
    }

    fn print_all(&self, lookups: Vec<Lookup>) -> Result<u8, Complaint> {
        let reports: Vec<LookupReport> = lookups.into_iter().map(judge_lookup).collect();
        self.output.write(|out| match self.output.format {
            Format::Json => json::write(out, &reports.iter().map(json::lookup).collect::<Vec<_>>()),
            Format::Jsonl => reports
                .iter()
                .enumerate()
                .try_for_each(|(index, report)| json::write_line(out, index, json::lookup(report))),
            Format::Human => {
                reports.iter().enumerate().try_for_each(|(index, report)| self.write(out, index, report))
            }
        })?;
        Ok(lookup_exit_code(reports.iter().map(|report| report.lookup.status())))
    }

    fn print_as_they_come(&self, run: Run, targets: Targets) -> Result<u8, Complaint> {
        let mut in_order = InOrder::default();
        let mut statuses = Vec::new();
        let mut documents: Vec<Value> = Vec::new();
        let others = drive(run, targets, self.output.quiet, |outcome| {
            let index = outcome.index;
            let Some(report) = Judged::of(outcome) else { return Ok(Status::Pass) };
            let status = report.status();
            statuses.push(status);
            if self.output.format == Format::Jsonl {
                self.output.write(|out| json::write_line(out, index, report.document()))?;
                return Ok(status);
            }
            for (index, report) in in_order.take(index, report) {
                match self.output.format {
                    Format::Json => documents.push(report.document()),
                    _ => self.output.write(|out| report.write(self, out, index))?,
                }
            }
            Ok(status)
        })?;
        if self.output.format == Format::Json {
            self.output.write(|out| json::write(out, &documents))?;
        }
        Ok(exit_code(statuses.into_iter().chain(others)))
    }

    /// Writes one outcome for a person, apart from the one before.
    pub fn write(
        &self,
        out: &mut dyn std::io::Write,
        index: usize,
        report: &LookupReport,
    ) -> std::io::Result<()> {
        if index > 0 {
            writeln!(out)?;
        }
        human::lookup::write(out, report, self.output.style, self.shown)
    }
}

/// The verdict on a target, looked up or not.
enum Judged {
    Asked(Box<LookupReport>),
    Unasked(UnaskedReport),
}

impl Judged {
    /// `None` for an outcome without either, which no lookup has.
    fn of(outcome: Outcome) -> Option<Self> {
        match (outcome.lookup, outcome.trouble) {
            (Some(lookup), _) => Some(Self::Asked(Box::new(judge_lookup(lookup)))),
            (None, Some(trouble)) => {
                Some(Self::Unasked(judge_unasked(outcome.index, outcome.target, &trouble)))
            }
            (None, None) => None,
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::Asked(report) => report.lookup.status().into(),
            Self::Unasked(report) => report.status.into(),
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Asked(report) => json::lookup(report),
            Self::Unasked(report) => json::unasked_lookup(report),
        }
    }

    fn write(&self, printer: &Printer, out: &mut dyn std::io::Write, index: usize) -> std::io::Result<()> {
        match self {
            Self::Asked(report) => printer.write(out, index, report),
            Self::Unasked(report) => {
                if index > 0 {
                    writeln!(out)?;
                }
                human::lookup::write_unasked(out, report, printer.output.style)
            }
        }
    }
}
