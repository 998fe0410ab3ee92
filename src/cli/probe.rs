//! `mailcfg probe`

use mailcfg::render::Look;
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::nagios::{self, Thresholds};
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
    let policy = arguments.policy.policy(&arguments.network)?;
    let min_days = arguments.plugin.min_days().or(policy.min_days);
    let policy = Policy { min_days, ..policy };
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
    let look = Look {
        detail: detail(arguments.verbose),
        thresholds: policy.min_days.map(Thresholds::from).unwrap_or_default(),
        ..Look::default()
    };
    let read = plan::job_reader(arguments);
    let targets = arguments.many.targets(jobs, &arguments.output, "probe", read)?;
    run_and_print(run, targets, &arguments.output, look, &policy)
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
    output: &OutputArguments,
    look: Look,
    policy: &Policy,
) -> Result<u8, Complaint> {
    let output = Output::new(output)?;
    let format = output.format;
    let several = targets.are_several();
    let look = Look { style: output.style, fail_on: policy.fail_on, several, ..look };
    let mut printer = Printer::new(output, (format.reports)(&look));
    let mut statuses = Vec::new();
    let others = drive(run, targets, printer.is_quiet(), |outcome| {
        let report = judge(outcome, &Context::new(time::OffsetDateTime::now_utc(), policy));
        let status = report.status;
        statuses.push(status);
        printer.take(report.index, report).map(|()| status)
    })?;
    printer.finish()?;
    let code = if format.is_plugin { nagios::exit_code } else { exit_code };
    statuses.extend(others);
    Ok(code(statuses, policy.fail_on))
}
