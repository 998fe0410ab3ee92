//! `mailcfg probe`

use std::collections::BTreeMap;

use mailcfg::net::{Family, Network};
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{human, json};
use mailcfg::report::finding::Status;
use mailcfg::report::{Context, Report, exit_code, judge};
use mailcfg::run::{Event, JOBS, Run};
use tokio::sync::{mpsc, watch};

use super::output::Output;
use super::progress::Progress;
use super::{Complaint, Format, ProbeArguments, plan};

/// Examines every target and prints the reports.
pub fn run(arguments: &ProbeArguments) -> Result<u8, Complaint> {
    let jobs = plan::jobs(arguments)?;
    let network = Network::new(plan::network(&arguments.network)?);
    let family_required = network.options().family != Family::Any;
    let run = Run {
        network,
        providers: plan::providers(&arguments.table)?,
        probe: plan::probe(arguments)?,
        all_addresses: arguments.all_addresses,
        only: plan::overrides(arguments),
        jobs: JOBS,
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Complaint::fault)?;
    let printer = Printer::new(arguments, jobs.len());
    runtime.block_on(async {
        let (end, ended) = watch::channel(false);
        let events = run.start(jobs, ended);
        tokio::select! {
            result = follow(events, printer, family_required) => result,
            () = second_signal(&end) => Err(Complaint::killed()),
        }
    })
}

/// Prints reports as their targets are finished; gives the exit code.
async fn follow(
    mut events: mpsc::UnboundedReceiver<Event>,
    mut printer: Printer,
    family_required: bool,
) -> Result<u8, Complaint> {
    let mut tick = tokio::time::interval(super::progress::TICK);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tick.tick() => {
                printer.progress.draw();
                continue;
            }
        };
        match event {
            None => break,
            Some(Event::Planned(endpoints)) => printer.progress.plan(endpoints),
            Some(Event::Examined) => printer.progress.advance(),
            Some(Event::Finished(outcome)) => {
                let context = Context { now: time::OffsetDateTime::now_utc(), family_required };
                printer.take(judge(*outcome, &context))?;
            }
        }
    }
    printer.finish()
}

/// Ends the run at the first SIGINT or SIGTERM; resolves at the second.
async fn second_signal(end: &watch::Sender<bool>) {
    signal().await;
    let _ = end.send(true);
    signal().await;
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Puts reports out in the order of the targets; `jsonl` as they come.
struct Printer {
    output: Output,
    detail: Detail,
    several: bool,
    progress: Progress,
    waiting: BTreeMap<usize, Report>,
    next: usize,
    documents: Vec<serde_json::Value>,
    statuses: Vec<Status>,
}

impl Printer {
    fn new(arguments: &ProbeArguments, targets: usize) -> Self {
        let output = Output::new(&arguments.output);
        Self {
            output,
            detail: match arguments.verbose {
                0 => Detail::Short,
                1 => Detail::Facts,
                _ => Detail::Transcript,
            },
            several: targets > 1,
            progress: Progress::new(!output.quiet),
            waiting: BTreeMap::new(),
            next: 0,
            documents: Vec::new(),
            statuses: Vec::new(),
        }
    }

    fn take(&mut self, report: Report) -> Result<(), Complaint> {
        self.statuses.push(report.status);
        self.progress.clear();
        if self.output.format == Format::Jsonl {
            return self.output.write(|out| json::write_line(out, report.index, json::probe(&report)));
        }
        self.waiting.insert(report.index, report);
        while let Some(report) = self.waiting.remove(&self.next) {
            self.print(&report)?;
            self.next += 1;
        }
        Ok(())
    }

    fn print(&mut self, report: &Report) -> Result<(), Complaint> {
        if self.output.format == Format::Json {
            self.documents.push(json::probe(report));
            return Ok(());
        }
        let (style, detail, gap) = (self.output.style, self.detail, self.several && self.next > 0);
        self.output.write(|out| {
            if gap {
                writeln!(out)?;
            }
            human::probe::write(out, report, style, detail)
        })
    }

    fn finish(self) -> Result<u8, Complaint> {
        self.progress.clear();
        if self.output.format == Format::Json {
            self.output.write(|out| json::write(out, &self.documents))?;
        }
        Ok(exit_code(self.statuses))
    }
}
