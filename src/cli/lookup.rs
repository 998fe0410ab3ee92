//! `mailcfg lookup`

use std::ops::ControlFlow;

use mailcfg::lookup::questions::{questions, why_nobody};
use mailcfg::lookup::source::Question;
use mailcfg::lookup::{self, Lookup, Query};
use mailcfg::net::{Family, Network};
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::json::{self, QuestionModel};
use mailcfg::render::{Listing, Look, human};
use mailcfg::report::finding::Status;
use mailcfg::report::policy::Policy;
use mailcfg::report::{Context, EXIT_FINE, Looked, exit_code, judge_looked, judge_lookup, lookup_exit_code};
use mailcfg::run::{Run, Task};
use time::OffsetDateTime;

use super::arguments::LookupArguments;
use super::drive::drive;
use super::many::Targets;
use super::output::Output;
use super::printer::Printer;
use super::{Complaint, plan, probe};

/// Looks every target up and prints the outcomes.
pub fn run(arguments: &LookupArguments) -> Result<u8, Complaint> {
    let queries = plan::queries(&arguments.targets)?;
    let options = plan::lookup(&arguments.sources)?;
    let providers = plan::providers(&arguments.table)?;
    let network = plan::network(&arguments.network)?;
    if arguments.dry_run {
        let network = Network::new(network);
        let ask = |query| questions(query, &providers, &options, &network);
        let why = |query: &Query| Some((query.typed.clone(), why_nobody(query, &providers, &options)?));
        let all: Vec<Question> = queries.iter().flat_map(ask).collect();
        let unasked: Vec<(String, String)> = queries.iter().filter_map(why).collect();
        return print_questions(Output::new(&arguments.output)?, &all, &unasked);
    }
    let family_required = network.family != Family::Any;
    let run = Run {
        network: arguments.many.pace.network(network),
        providers,
        lookup: options,
        probe: mailcfg::probe::Options { transcript: arguments.verbose >= 2, ..Default::default() },
        all_addresses: false,
        only: Default::default(),
        lookup_only: !arguments.probe,
        options: arguments.many.pace.options()?,
    };
    let command = if arguments.probe { "probe" } else { "lookup" };
    let targets = |queries: Vec<Query>| {
        let tasks = queries.into_iter().map(|query| Task::Lookup(query).into()).collect();
        arguments
            .many
            .targets(tasks, &arguments.output, command, |typed| plan::query(typed).map(Task::Lookup))
    };
    if arguments.probe {
        let look = probe::look_behind_lookup(shown(arguments), arguments.verbose);
        let policy = Policy { family_required, ..Policy::default() };
        let context = |_| Context::new(OffsetDateTime::now_utc(), &policy);
        return probe::run_and_print(run, targets(queries)?, context, &arguments.output, look);
    }
    // The tables answer without a thread, a socket or a runtime.
    let answered: Option<Vec<Lookup>> =
        queries.iter().map(|query| lookup::from_tables(query, &run.providers, &run.lookup)).collect();
    match answered.filter(|_| arguments.many.are_all_typed()) {
        Some(lookups) => print_all(printer(arguments, lookups.len() != 1)?, lookups),
        None => {
            let targets = targets(queries)?;
            let printer = printer(arguments, targets.are_several())?;
            print_as_they_come(printer, run, targets)
        }
    }
}

fn shown(arguments: &LookupArguments) -> Shown {
    let all = arguments.sources.all;
    Shown { sources: all || arguments.verbose > 0, differences: all }
}

fn printer(arguments: &LookupArguments, several: bool) -> Result<Printer<Looked>, Complaint> {
    let output = Output::new(&arguments.output)?;
    let Some(renderer) = output.format.lookups else {
        let complaint = output.unfit("a lookup", |format| format.lookups.is_some());
        return Err(complaint.hint("add --probe, which examines the servers too, or take another format"));
    };
    let look = Look { style: output.style, shown: Some(shown(arguments)), several, ..Look::default() };
    Ok(Printer::new(output, renderer(&look)))
}

fn print_questions(
    mut output: Output,
    questions: &[Question],
    unasked: &[(String, String)],
) -> Result<u8, Complaint> {
    let listing = output.listing()?;
    let documents: Vec<QuestionModel> = questions.iter().map(QuestionModel::of).collect();
    output.write(|out| match listing {
        Listing::Screen => human::lookup::write_questions(out, questions, unasked),
        Listing::Array => json::write(out, &documents),
        Listing::Lines => json::write_lines(out, &documents),
    })?;
    output.finish()?;
    Ok(EXIT_FINE)
}

fn print_all(mut printer: Printer<Looked>, lookups: Vec<Lookup>) -> Result<u8, Complaint> {
    let mut statuses = Vec::new();
    for (index, lookup) in lookups.into_iter().enumerate() {
        let status = lookup.status();
        statuses.push(status);
        // All is known already: a reader that went away ends nothing.
        let _ = printer.take(index, Looked::Asked(Box::new(judge_lookup(lookup))), Status::from(status))?;
    }
    printer.finish()?;
    Ok(lookup_exit_code(statuses))
}

fn print_as_they_come(mut printer: Printer<Looked>, run: Run, targets: Targets) -> Result<u8, Complaint> {
    let mut statuses = Vec::new();
    let others = drive(run, targets, printer.manner(), |outcome| {
        let index = outcome.index;
        let Some(looked) = judge_looked(outcome) else { return Ok(ControlFlow::Continue(Status::Pass)) };
        let status = Status::from(looked.status());
        statuses.push(status);
        printer.take(index, looked, status)
    })?;
    printer.finish()?;
    Ok(exit_code(statuses.into_iter().chain(others)))
}
