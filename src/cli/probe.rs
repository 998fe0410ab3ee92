//! `mailcfg probe`

use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{Look, nagios};
use mailcfg::report::{Context, exit_code, judge};
use mailcfg::run::Run;
use time::OffsetDateTime;

use super::arguments::{OutputArguments, ProbeArguments};
use super::drive::drive;
use super::many::Targets;
use super::output::Output;
use super::printer::Printer;
use super::{Complaint, login, plan};

/// Examines every target and prints the reports.
pub fn run(arguments: &ProbeArguments) -> Result<u8, Complaint> {
    let tasks = plan::tasks(arguments)?;
    let mut policy = arguments.policy.policy(&arguments.network)?;
    policy.min_days = policy.min_days.or(arguments.plugin.min_days()?);
    let run = Run {
        network: arguments.many.pace.network(plan::network(&arguments.network)?),
        providers: plan::providers(&arguments.table)?,
        lookup: plan::lookup(&arguments.sources)?,
        probe: plan::probe(arguments)?,
        all_addresses: arguments.all_addresses || policy.needs_all_addresses(),
        only: plan::overrides(arguments),
        lookup_only: false,
        options: arguments.many.pace.options()?,
    };
    let jobs = login::jobs(&arguments.login, tasks)?;
    let read = plan::task_reader(arguments);
    let targets = arguments.many.targets(jobs, &arguments.output, "probe", read)?;
    let context = |_| Context::new(OffsetDateTime::now_utc(), &policy);
    run_and_print(run, targets, context, &arguments.output, look(arguments.verbose))
}

/// How a probe looks.
pub fn look(verbose: u8) -> Look {
    Look { detail: detail(verbose), ..Look::default() }
}

/// How a probe looks that follows a lookup: the lookup's own screen stands before each report.
pub fn look_behind_lookup(shown: Shown, verbose: u8) -> Look {
    Look { detail: detail(verbose), shown: Some(shown), ..Look::default() }
}

fn detail(verbose: u8) -> Detail {
    match verbose {
        0 => Detail::Short,
        1 => Detail::Facts,
        _ => Detail::Transcript,
    }
}

/// Runs and prints; `context` says what the target at a place is held against.
pub fn run_and_print<'a>(
    run: Run,
    targets: Targets,
    context: impl Fn(usize) -> Context<'a>,
    output: &OutputArguments,
    look: Look,
) -> Result<u8, Complaint> {
    let output = Output::new(output)?;
    let format = output.format;
    let look = Look { style: output.style, several: targets.are_several(), ..look };
    let mut printer = Printer::new(output, (format.reports)(&look));
    let mut counted = Vec::new();
    let others = drive(run, targets, printer.manner(), |outcome| {
        let context = context(outcome.index);
        let report = judge(outcome, &context);
        let status = report.status;
        counted.push(report.counted());
        printer.take(report.index, report, status)
    })?;
    printer.finish()?;
    let fail_on = context(usize::MAX).policy.fail_on;
    counted.extend(others.into_iter().map(|status| fail_on.counted(status)));
    Ok(if format.is_plugin { nagios::exit_code(counted) } else { exit_code(counted) })
}
