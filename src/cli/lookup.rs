//! `mailcfg lookup`

use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::{Family, Network};
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::{human, json};
use mailcfg::report::policy::Policy;
use mailcfg::report::{EXIT_FINE, LookupReport, judge_lookup, lookup_exit_code};
use mailcfg::run::{JOBS, Job, Run};
use serde_json::Value;

use super::drive::{InOrder, drive};
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
    let family_required = network.family != Family::Any;
    let run = Run {
        network: Network::new(network),
        providers,
        lookup: options,
        probe: mailcfg::probe::Options { transcript: arguments.verbose >= 2, ..Default::default() },
        all_addresses: false,
        only: Default::default(),
        lookup_only: !arguments.probe,
        jobs: JOBS,
    };
    if arguments.probe {
        return probe::run_and_print(
            run,
            jobs(queries),
            &arguments.output,
            arguments.verbose,
            &Policy { family_required, ..Policy::default() },
            Some(&printer),
        );
    }
    // The tables answer without a thread, a socket or a runtime.
    let answered: Option<Vec<Lookup>> =
        queries.iter().map(|query| lookup::from_tables(query, &run.providers, &run.lookup)).collect();
    match answered {
        Some(lookups) => printer.print_all(lookups),
        None => printer.print_as_they_come(run, jobs(queries)),
    }
}

fn jobs(queries: Vec<Query>) -> Vec<Job> {
    queries.into_iter().map(Job::Lookup).collect()
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

    fn print_as_they_come(&self, run: Run, jobs: Vec<Job>) -> Result<u8, Complaint> {
        let mut in_order = InOrder::default();
        let mut statuses = Vec::new();
        let mut documents: Vec<Value> = Vec::new();
        drive(run, jobs, self.output.quiet, |outcome| {
            let Some(lookup) = outcome.lookup else { return Ok(()) };
            let report = judge_lookup(lookup);
            statuses.push(report.lookup.status());
            if self.output.format == Format::Jsonl {
                return self.output.write(|out| json::write_line(out, outcome.index, json::lookup(&report)));
            }
            for (index, report) in in_order.take(outcome.index, report) {
                match self.output.format {
                    Format::Json => documents.push(json::lookup(&report)),
                    _ => self.output.write(|out| self.write(out, index, &report))?,
                }
            }
            Ok(())
        })?;
        if self.output.format == Format::Json {
            self.output.write(|out| json::write(out, &documents))?;
        }
        Ok(lookup_exit_code(statuses))
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
