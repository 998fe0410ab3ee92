//! A starting file of checks: what is published and answers today, written so that `mailcfg check` takes it.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use mailcfg::render::Order;
use mailcfg::render::style::{Escaped, is_dangerous};
use mailcfg::report::finding::{Finding, Severity};
use mailcfg::report::policy::Policy;
use mailcfg::report::policy::expectation::Pin;
use mailcfg::report::rules::drift::uncertainty;
use mailcfg::report::{Context, EXIT_FAILED, EXIT_FINE, EXIT_UNKNOWN, Report, explain, judge};
use mailcfg::run::Task;
use mailcfg::settings::{Endpoint, Overrides};
use time::{Date, Duration, OffsetDateTime};

use super::file::is_same;
use super::{CheckArguments, prepare};
use crate::cli::drive::{Manner, drive};
use crate::cli::output::Output;
use crate::cli::{Complaint, plan};

/// Examines the targets and writes the file.
pub fn run(arguments: &CheckArguments) -> Result<u8, Complaint> {
    let mut tasks: Vec<Task> = Vec::new();
    for typed in &arguments.init {
        let task = plan::task(typed, Overrides::default())?;
        if !tasks.iter().any(|other| is_same(other, &task)) {
            tasks.push(task);
        }
    }
    let family = plan::family(&arguments.network);
    tasks.iter().try_for_each(|task| plan::admit(task, family))?;
    if let Some(path) = arguments.shown.output.as_deref().filter(|path| !arguments.force && path.exists()) {
        return Err(is_there_already(path));
    }
    let (now, policy) = (OffsetDateTime::now_utc(), Policy::default());
    let mut reports = Vec::new();
    let targets = arguments.pace.targets(tasks)?;
    let manner = Manner { quiet: arguments.shown.quiet, order: Order::OfCompletion };
    drive(prepare(arguments, false)?, targets, manner, |outcome| {
        let report = judge(outcome, &Context::new(now, &policy));
        let status = report.status;
        reports.push(report);
        Ok(ControlFlow::Continue(status))
    })?;
    reports.sort_by_key(|report| report.index);
    reports.iter().try_for_each(is_known)?;
    let text = file(&reports, now.date());
    match &arguments.shown.output {
        Some(path) => save(path, &text, arguments.force)?,
        None if arguments.shown.quiet => {}
        None => Output::plain().write(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(EXIT_FINE)
}

/// A file of what somebody could not find out would complain for ever.
fn is_known(report: &Report) -> Result<(), Complaint> {
    let target = &report.target;
    let lookup = report.lookup.as_ref().map(|report| &report.lookup);
    if report.endpoints.iter().any(|endpoint| endpoint.facts.interrupted.is_some()) {
        let error = anyhow!("the run was ended before {target} was examined");
        return Err(Complaint::usage(error, "run it again and let it finish").exit(EXIT_UNKNOWN));
    }
    if let Some((lookup, why)) = lookup.and_then(|lookup| Some((lookup, uncertainty(lookup)?))) {
        let error = anyhow!(why).context(format!("what {target} publishes could not be found out"));
        let hint =
            format!("try again; `mailcfg lookup {} -v` says what each source said", lookup.query.domain);
        return Err(Complaint::usage(error, hint).exit(EXIT_UNKNOWN));
    }
    if let Some(lookup) = lookup.filter(|_| report.endpoints.is_empty()) {
        let error = anyhow!("no mail servers of {target} are known");
        let hint = format!("name the server itself: `mailcfg check --init mail.{}:993`", lookup.query.domain);
        return Err(Complaint::usage(error, hint).exit(EXIT_FAILED));
    }
    Ok(())
}

/// The whole text.
fn file(reports: &[Report], today: Date) -> String {
    let mut text =
        format!("# What `mailcfg check` expects, written from what was there on {today}.\n{HEADER}");
    for report in reports {
        text.push_str("\n[[target]]\n");
        let _ = writeln!(text, "name = {}", quoted(&report.target));
        text.push_str(&servers(report));
        text.push_str(&known_problems(report, today));
    }
    text
}

/// What the lookup chose, each with its key of today; of a server its key alone.
fn servers(report: &Report) -> String {
    let Some(lookup) = &report.lookup else {
        let pin = report.endpoints.first().and_then(|it| pin(report, &it.facts.endpoint));
        return pin.map(|pin| format!("# {pin} # its key today\n")).unwrap_or_default();
    };
    let services = lookup.lookup.settings.iter().flat_map(|settings| &settings.services);
    let mut endpoints: Vec<&Endpoint> = Vec::new();
    for endpoint in services.filter_map(|service| service.access.server()) {
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    let mut text = "expect = [\n".to_owned();
    for endpoint in endpoints {
        let Endpoint { protocol, host, port, security } = endpoint;
        let host = quoted(&host.to_string());
        let _ = writeln!(
            text,
            "  {{ protocol = \"{protocol}\", host = {host}, port = {port}, security = \"{security}\" }},"
        );
        if let Some(pin) = pin(report, endpoint) {
            let _ = writeln!(text, "  # its key today: {pin}");
        }
    }
    text + "]\n"
}

/// The keys seen at all addresses of an endpoint.
fn pin(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let here = report.endpoints.iter().filter(|it| it.facts.endpoint == *endpoint);
    let certificates = here.filter_map(|it| it.facts.chain.as_ref()?.certificate.as_ref());
    let mut pins: Vec<String> = certificates
        .filter_map(|certificate| certificate.key_sha256.parse::<Pin>().ok())
        .map(|pin| format!("\"{pin}\""))
        .collect();
    pins.dedup();
    match pins.as_slice() {
        [] => None,
        [one] => Some(format!("pin-sha256 = {one}")),
        several => Some(format!("pin-sha256 = [{}]", several.join(", "))),
    }
}

/// Each problem as an ignore that only waits to be put in force.
fn known_problems(report: &Report, today: Date) -> String {
    let of_target = report.findings.iter().map(|finding| (None, finding));
    let of_endpoints = report.endpoints.iter().flat_map(|endpoint| {
        endpoint.findings.iter().map(|finding| (Some(endpoint.facts.endpoint.authority()), finding))
    });
    let mut seen = Vec::new();
    let mut lines = String::new();
    for (place, finding) in of_endpoints.chain(of_target).filter(|(_, finding)| is_problem(finding)) {
        if seen.contains(&(place.clone(), finding.id)) {
            continue;
        }
        let at = place.as_ref().map(|place| format!("at = {}, ", quoted(place))).unwrap_or_default();
        let until = today.saturating_add(PATIENCE);
        let _ = writeln!(
            lines,
            "#   {{ id = \"{}\", {at}reason = \"known on {today}\", until = {until} }}, # {}",
            finding.id,
            Escaped(&finding.text)
        );
        seen.push((place, finding.id));
    }
    if lines.is_empty() {
        return lines;
    }
    format!(
        "# What is not well today; take the marks away from what may stay so until that day.\n# ignore = [\n{lines}# ]\n"
    )
}

fn is_problem(finding: &Finding) -> bool {
    matches!(finding.severity, Severity::Warn | Severity::Fail) && explain::finding(finding.id).is_some()
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            other if is_dangerous(other) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

fn save(path: &Path, text: &str, force: bool) -> Result<(), Complaint> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(force).create_new(!force);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(is_there_already(path)),
        other => other
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Complaint::usage(error, "name a file that can be written with --output")),
    }
}

fn is_there_already(path: &Path) -> Complaint {
    let error = anyhow!("there is a file already: {}", path.display());
    Complaint::usage(error, "add --force to write in its place, or name another")
}

const HEADER: &str = "\
# Run `mailcfg check` in this folder; `mailcfg explain drift` says what it finds when something has changed.

# What is demanded of every target; each may demand more, or say otherwise.
# [defaults]
# min-days = \"20:7\"              # certificates: warn below 20 days, fail below 7
# min-tls = \"1.2\"                # or \"1.3\"
# require = [\"password-auth\"]    # `mailcfg explain requirements` lists the words
# max-time = \"5s\"                # an endpoint takes no longer
# fail-on = [\"warn\"]             # these count as failures too: \"warn\", \"unknown\"

# A pin holds a server to its key: put it into the line above it. It may be a list. A renewal keeps the key only where
# it was told to (certbot: --reuse-key).
";

/// How long a problem may stay unmended.
const PATIENCE: Duration = Duration::days(30);
