//! `mailcfg probe`

use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{Look, nagios};
use mailcfg::report::policy::Policy;
use mailcfg::report::{Context, exit_code, judge};
use mailcfg::run::Run;

use super::drive::drive;
use super::many::Targets;
use super::output::Output;
use super::printer::Printer;
use super::{Complaint, OutputArguments, ProbeArguments, plan};

/// Examines every target and prints the reports.
pub fn run(arguments: &ProbeArguments) -> Result<u8, Complaint> {
    let jobs = plan::jobs(arguments)?;
    let mut policy = arguments.policy.policy(&arguments.network)?;
    policy.min_days = policy.min_days.or(arguments.plugin.min_days()?);
    let run = Run {
        network: arguments.many.network(plan::network(&arguments.network)?),
        providers: plan::providers(&arguments.table)?,
        lookup: plan::lookup(&arguments.sources)?,
        probe: plan::probe(arguments)?,
        all_addresses: arguments.all_addresses || policy.needs_all_addresses(),
        only: plan::overrides(arguments),
        lookup_only: false,
        options: arguments.many.options()?,
    };
    let look = Look { detail: detail(arguments.verbose), ..Look::default() };
    let read = plan::job_reader(arguments);
    let targets = arguments.many.targets(jobs, &arguments.output, "probe", read)?;
    run_and_print(run, targets, &policy, &arguments.output, look)
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

/// Runs and prints.
pub fn run_and_print(
    run: Run,
    targets: Targets,
    policy: &Policy,
    output: &OutputArguments,
    look: Look,
) -> Result<u8, Complaint> {
    let output = Output::new(output)?;
    let format = output.format;
    let several = targets.are_several();
    let Policy { min_days, fail_on, .. } = *policy;
    let look = Look { style: output.style, min_days, fail_on, several, ..look };
    let mut printer = Printer::new(output, (format.reports)(&look));
    let mut statuses = Vec::new();
    let others = drive(run, targets, printer.is_quiet(), |outcome| {
        let report = judge(outcome, &Context::new(time::OffsetDateTime::now_utc(), policy));
        let status = report.status;
        statuses.push(status);
        printer.take(report.index, report).map(|()| status)
    })?;
    printer.finish()?;
    statuses.extend(others);
    let exit_code = if format.is_plugin { nagios::exit_code } else { exit_code };
    Ok(exit_code(statuses, fail_on))
}
