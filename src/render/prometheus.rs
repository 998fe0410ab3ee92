//! Samples in the Prometheus text format, for node_exporter's textfile collector: HELP and TYPE once a family, base
//! units, no time stamps.
//!
//! What could not be found out has no sample. A label set never occurs twice: of a target that is named twice the first
//! report counts. Of a report only its samples are kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use time::OffsetDateTime;

use crate::probe::facts::{Answer, Facts};
use crate::render::words::is_skipped;
use crate::render::{Format, Order, Renderer, escaped};
use crate::report::finding::{Severity, Status};
use crate::report::{EndpointReport, Report};

/// `prometheus`
pub const FORMAT: Format = Format {
    name: "prometheus",
    about: "Samples for node_exporter's textfile collector",
    order: Order::OfTargets,
    reports: |_| Box::new(Samples::default()),
    lookups: None,
    listing: None,
    is_plugin: false,
};

/// What is kept, by label set.
#[derive(Debug, Default)]
struct Samples {
    targets: BTreeMap<String, TargetSample>,
    endpoints: BTreeMap<String, EndpointSample>,
    last_run: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct TargetSample {
    status: Status,
    endpoints: usize,
}

#[derive(Debug)]
struct EndpointSample {
    status: Status,
    is_skipped: bool,
    total: Option<Duration>,
    phases: Vec<(&'static str, Duration)>,
    not_after: Option<i64>,
    tls_labels: Option<String>,
    password_auth: Option<bool>,
    findings: [(Severity, usize); SEVERITIES.len()],
}

impl Renderer<Report> for Samples {
    fn take(&mut self, _out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        self.last_run = self.last_run.max(Some(report.now));
        let target = label("target", &report.target);
        for endpoint in &report.endpoints {
            let labels = format!("{target},{}", endpoint_labels(&endpoint.facts));
            self.endpoints.entry(labels).or_insert_with(|| EndpointSample::of(endpoint));
        }
        let sample = TargetSample { status: report.status, endpoints: report.endpoints.len() };
        self.targets.entry(target).or_insert(sample);
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for family in FAMILIES {
            let mut samples = String::new();
            match family.of {
                Of::Run(value) => {
                    self.last_run.iter().for_each(|now| family.put(&mut samples, "", value(*now)))
                }
                Of::Target(values) => self.targets.iter().for_each(|(labels, sample)| {
                    values(sample).into_iter().for_each(|it| family.put_labelled(&mut samples, labels, it));
                }),
                Of::Endpoint(values) => self.endpoints.iter().for_each(|(labels, sample)| {
                    values(sample).into_iter().for_each(|it| family.put_labelled(&mut samples, labels, it));
                }),
            }
            if !samples.is_empty() {
                write!(out, "# HELP {0} {1}\n# TYPE {0} gauge\n{samples}", family.name, family.help)?;
            }
        }
        Ok(())
    }
}

/// A family of samples: its name, what it tells, and where its values come from.
struct Family {
    name: &'static str,
    help: &'static str,
    of: Of,
}

/// A sample: more labels, and the value.
type Sample = (String, f64);

enum Of {
    Run(fn(OffsetDateTime) -> f64),
    Target(fn(&TargetSample) -> Vec<Sample>),
    Endpoint(fn(&EndpointSample) -> Vec<Sample>),
}

impl Family {
    fn put_labelled(&self, samples: &mut String, labels: &str, (more, value): Sample) {
        let comma = if more.is_empty() { "" } else { "," };
        self.put(samples, &format!("{{{labels}{comma}{more}}}"), value);
    }

    fn put(&self, samples: &mut String, labels: &str, value: f64) {
        // Writing to a string does not fail.
        let _ = writeln!(samples, "{}{labels} {value}", self.name);
    }
}

impl EndpointSample {
    fn of(endpoint: &EndpointReport) -> Self {
        let facts = &endpoint.facts;
        let certificate = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref());
        let count = |severity| {
            let found = endpoint.findings.iter().filter(|it| it.severity == severity && it.ignored.is_none());
            (severity, found.count())
        };
        Self {
            status: endpoint.status,
            is_skipped: is_skipped(endpoint),
            total: facts.timings.total,
            phases: phases(facts),
            not_after: certificate.map(|it| it.not_after.unix_timestamp()),
            tls_labels: facts.tls.value().map(|agreed| {
                let group = agreed.key_exchange.as_deref().unwrap_or_default();
                let [version, cipher, group] =
                    [("version", agreed.version), ("cipher", &agreed.cipher_suite), ("group", group)]
                        .map(|(name, value)| label(name, value));
                format!("{version},{cipher},{group}")
            }),
            password_auth: match facts.password_auth().answer {
                Answer::Yes => Some(true),
                Answer::No | Answer::OnlyBeforeTls => Some(false),
                Answer::Unknown(_) => None,
            },
            findings: SEVERITIES.map(count),
        }
    }
}

fn phases(facts: &Facts) -> Vec<(&'static str, Duration)> {
    let timings = &facts.timings;
    let phases = [
        ("dns", timings.dns),
        ("connect", timings.connect),
        ("greeting", timings.greeting),
        ("starttls", timings.starttls),
        ("tls", timings.tls),
        ("capabilities", timings.capabilities),
    ];
    phases.into_iter().filter_map(|(phase, time)| Some((phase, time?))).collect()
}

fn endpoint_labels(facts: &Facts) -> String {
    let place = &facts.endpoint;
    let address = facts.address.map(|address| address.ip().to_string()).unwrap_or_default();
    [
        label("host", &place.host.to_string()),
        label("address", &address),
        label("port", &place.port.to_string()),
        label("protocol", place.protocol.as_str()),
        label("security", place.security.as_str()),
    ]
    .join(",")
}

/// `name="value"`
fn label(name: &str, value: &str) -> String {
    let value = escaped(value).replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{value}\"")
}

/// One sample when it works or not, none when nobody could tell.
fn success(status: Status) -> Vec<Sample> {
    match status {
        Status::Pass | Status::Warn => plain(Some(1.0)),
        Status::Fail => plain(Some(0.0)),
        Status::Unknown => Vec::new(),
    }
}

/// A sample for each status, 1 for the one that is.
fn statuses(is: Status) -> Vec<Sample> {
    STATUSES.map(|status| (label("status", status.as_str()), f64::from(u8::from(status == is)))).into()
}

fn plain(value: Option<f64>) -> Vec<Sample> {
    value.map(|value| (String::new(), value)).into_iter().collect()
}

/// Counts and seconds since 1970 are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "no value here comes near the limit")]
fn number(value: i64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(i64::try_from(value).unwrap_or(i64::MAX))
}

const STATUSES: [Status; 4] = [Status::Pass, Status::Warn, Status::Unknown, Status::Fail];
const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Warn, Severity::Unknown, Severity::Fail];

const FAMILIES: &[Family] = &[
    Family {
        name: "mailcfg_last_run_timestamp_seconds",
        help: "When the last report was made.",
        of: Of::Run(|now| number(now.unix_timestamp())),
    },
    Family {
        name: "mailcfg_target_success",
        help: "1 when every required check of the target passed, 0 when one failed; none when nobody could tell.",
        of: Of::Target(|target| success(target.status)),
    },
    Family {
        name: "mailcfg_target_status",
        help: "1 for the status that the target has, 0 for the others.",
        of: Of::Target(|target| statuses(target.status)),
    },
    Family {
        name: "mailcfg_target_endpoints",
        help: "How many endpoints of the target were examined.",
        of: Of::Target(|target| plain(Some(count(target.endpoints)))),
    },
    Family {
        name: "mailcfg_probe_success",
        help: "1 when every required check of the endpoint passed, 0 when one failed; none when nobody could tell.",
        of: Of::Endpoint(|it| if it.is_skipped { Vec::new() } else { success(it.status) }),
    },
    Family {
        name: "mailcfg_probe_status",
        help: "1 for the status that the endpoint has, 0 for the others.",
        of: Of::Endpoint(|it| if it.is_skipped { Vec::new() } else { statuses(it.status) }),
    },
    Family {
        name: "mailcfg_probe_duration_seconds",
        help: "How long the probe of the endpoint took.",
        of: Of::Endpoint(|it| plain(it.total.map(|total| total.as_secs_f64()))),
    },
    Family {
        name: "mailcfg_probe_phase_duration_seconds",
        help: "How long each step of the probe took.",
        of: Of::Endpoint(|it| {
            it.phases.iter().map(|(phase, time)| (label("phase", phase), time.as_secs_f64())).collect()
        }),
    },
    Family {
        name: "mailcfg_tls_certificate_not_after_timestamp_seconds",
        help: "When the certificate of the server expires.",
        of: Of::Endpoint(|it| plain(it.not_after.map(number))),
    },
    Family {
        name: "mailcfg_tls_info",
        help: "1, with what the TLS handshake agreed on.",
        of: Of::Endpoint(|it| it.tls_labels.iter().map(|labels| (labels.clone(), 1.0)).collect()),
    },
    Family {
        name: "mailcfg_password_auth",
        help: "1 when a password can be used to sign in, 0 when not; none when nobody could tell.",
        of: Of::Endpoint(|it| plain(it.password_auth.map(|yes| f64::from(u8::from(yes))))),
    },
    Family {
        name: "mailcfg_findings",
        help: "How many findings of each severity the endpoint has that count.",
        of: Of::Endpoint(|it| {
            let counts = it.findings.iter();
            counts.map(|(severity, found)| (label("severity", severity.as_str()), count(*found))).collect()
        }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_be_left() {
        assert_eq!(label("host", "a\"b\\c\n\u{1b}"), r#"host="a\"b\\c / \\u{1b}""#);
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        assert_eq!(success(Status::Unknown), []);
        assert_eq!(success(Status::Warn), plain(Some(1.0)));
        assert_eq!(success(Status::Fail), plain(Some(0.0)));
    }
}
