//! `mailcfg lookup`

use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::{Family, Network};
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::json::{self, QuestionModel};
use mailcfg::render::{Listing, Look, human};
use mailcfg::report::policy::Policy;
use mailcfg::report::{EXIT_FINE, LookupReport, judge_lookup, lookup_exit_code};
use mailcfg::run::{JOBS, Job, Run};

use super::drive::drive;
use super::output::Output;
use super::printer::Printer;
use super::{Complaint, LookupArguments, plan, probe};

/// Looks every target up and prints the outcomes.
pub fn run(arguments: &LookupArguments) -> Result<u8, Complaint> {
    let queries = plan::queries(&arguments.targets)?;
    let options = plan::lookup(&arguments.sources)?;
    let providers = plan::providers(&arguments.table)?;
    let network = plan::network(&arguments.network)?;
    if arguments.dry_run {
        let all = queries.iter().flat_map(|query| lookup::questions(query, &providers, &options));
        return print_questions(Output::new(&arguments.output)?, &all.collect::<Vec<_>>());
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
        let policy = Policy { family_required, ..Policy::default() };
        let look = probe::look_behind_lookup(shown(arguments), arguments.verbose, queries.len());
        return probe::run_and_print(run, jobs(queries), &policy, &arguments.output, look);
    }
    let printer = printer(arguments, queries.len())?;
    // The tables answer without a thread, a socket or a runtime.
    let answered: Option<Vec<Lookup>> =
        queries.iter().map(|query| lookup::from_tables(query, &run.providers, &run.lookup)).collect();
    match answered {
        Some(lookups) => print_all(printer, lookups),
        None => print_as_they_come(printer, run, jobs(queries)),
    }
}

fn jobs(queries: Vec<Query>) -> Vec<Job> {
    queries.into_iter().map(Job::Lookup).collect()
}

fn shown(arguments: &LookupArguments) -> Shown {
    let all = arguments.sources.all;
    Shown { sources: all || arguments.verbose > 0, differences: all }
}

fn printer(arguments: &LookupArguments, targets: usize) -> Result<Printer<LookupReport>, Complaint> {
    let output = Output::new(&arguments.output)?;
    let Some(renderer) = output.format.lookups else {
        let complaint = output.unfit("a lookup", |format| format.lookups.is_some());
        return Err(complaint.hint("add --probe, which examines the servers too, or take another format"));
    };
    let look =
        Look { style: output.style, shown: Some(shown(arguments)), several: targets != 1, ..Look::default() };
    Ok(Printer::new(output, renderer(&look)))
}

fn print_questions(mut output: Output, questions: &[lookup::source::Question]) -> Result<u8, Complaint> {
    let listing = output.listing()?;
    let documents: Vec<QuestionModel> = questions.iter().map(QuestionModel::of).collect();
    output.write(|out| match listing {
        Listing::Screen => human::lookup::write_questions(out, questions),
        Listing::Array => json::write(out, &documents),
        Listing::Lines => json::write_lines(out, &documents),
    })?;
    output.finish()?;
    Ok(EXIT_FINE)
}

fn print_all(mut printer: Printer<LookupReport>, lookups: Vec<Lookup>) -> Result<u8, Complaint> {
    let mut statuses = Vec::new();
    for (index, lookup) in lookups.into_iter().enumerate() {
        statuses.push(lookup.status());
        printer.take(index, judge_lookup(lookup))?;
    }
    printer.finish()?;
    Ok(lookup_exit_code(statuses))
}

fn print_as_they_come(mut printer: Printer<LookupReport>, run: Run, jobs: Vec<Job>) -> Result<u8, Complaint> {
    let mut statuses = Vec::new();
    drive(run, jobs, printer.is_quiet(), |outcome| {
        let Some(lookup) = outcome.lookup else { return Ok(()) };
        statuses.push(lookup.status());
        printer.take(outcome.index, judge_lookup(lookup))
    })?;
    printer.finish()?;
    Ok(lookup_exit_code(statuses))
}
