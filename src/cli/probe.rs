//! `mailcfg probe`

use mailcfg::net::{Family, Network};
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{Look, nagios};
use mailcfg::report::{Context, exit_code, judge};
use mailcfg::run::{JOBS, Job, Run};

use super::drive::drive;
use super::output::Output;
use super::printer::Printer;
use super::{Complaint, OutputArguments, ProbeArguments, plan};

/// Examines every target and prints the reports.
pub fn run(arguments: &ProbeArguments) -> Result<u8, Complaint> {
    let jobs = plan::jobs(arguments)?;
    let run = Run {
        network: Network::new(plan::network(&arguments.network)?),
        providers: plan::providers(&arguments.table)?,
        lookup: plan::lookup(&arguments.sources)?,
        probe: plan::probe(arguments)?,
        all_addresses: arguments.all_addresses,
        only: plan::overrides(arguments),
        lookup_only: false,
        jobs: JOBS,
    };
    let look = Look {
        detail: detail(arguments.verbose),
        several: jobs.len() != 1,
        thresholds: arguments.plugin.thresholds(),
        ..Look::default()
    };
    run_and_print(run, jobs, &arguments.output, look)
}

/// How a probe looks that follows a lookup: the lookup's own screen stands before each report.
pub fn look_behind_lookup(shown: Shown, verbose: u8, targets: usize) -> Look {
    Look { detail: detail(verbose), several: targets != 1, shown: Some(shown), ..Look::default() }
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
    jobs: Vec<Job>,
    output: &OutputArguments,
    look: Look,
) -> Result<u8, Complaint> {
    let family_required = run.network.options().family != Family::Any;
    let output = Output::new(output)?;
    let format = output.format;
    let look = Look { style: output.style, ..look };
    let mut printer = Printer::new(output, (format.reports)(&look));
    let mut statuses = Vec::new();
    drive(run, jobs, printer.is_quiet(), |outcome| {
        let context = Context { now: time::OffsetDateTime::now_utc(), family_required };
        let report = judge(outcome, &context);
        statuses.push(report.status);
        printer.take(report.index, report)
    })?;
    printer.finish()?;
    Ok(if format.is_plugin { nagios::exit_code(statuses) } else { exit_code(statuses) })
}
