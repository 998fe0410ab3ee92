//! The file of checks: TOML text to targets and what is demanded of each, every mistake with its line and column.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use anyhow::anyhow;
use mailcfg::providers::table::{at, broken_toml};
use mailcfg::report::policy::expectation::{Expected, Pin};
use mailcfg::report::policy::ignore::place;
use mailcfg::report::policy::{Expectation, FailOn, Ignore, Policy};
use mailcfg::run::Task;
use mailcfg::settings::{Endpoint, Overrides, Protocol, Security};
use mailcfg::target::{Host, Port};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Keys, Mistake, Text};
use crate::cli::{Complaint, plan};

/// One target and what is demanded of it.
#[derive(Debug)]
pub struct Check {
    /// What is to be examined.
    pub task: Task,
    /// What is demanded.
    pub policy: Policy,
}

/// Reads a file, or stdin when it is `-`.
pub fn read(path: &Path) -> Result<Vec<Check>, Complaint> {
    let from_stdin = path.as_os_str() == "-";
    let name = if from_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let text = if from_stdin { bounded(io::stdin().lock()) } else { File::open(path).and_then(bounded) };
    let text = text.map_err(|error| unreadable(error, &name))?;
    if text.len() > MOST_BYTES {
        let error = anyhow!("the file of checks {name} has more than 1 MiB");
        return Err(Complaint::usage(error, "split it, and check its parts one by one"));
    }
    parse(&text).map_err(|Mistake { span, problem, hint }| {
        Complaint::usage(anyhow!("{name}:{}", at(&text, &span, problem)), hint)
    })
}

fn unreadable(error: io::Error, name: &str) -> Complaint {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => WRITE_ONE,
        _ => "name a readable file, or - for stdin",
    };
    let error = anyhow::Error::new(error).context(format!("cannot read the file of checks {name}"));
    Complaint::usage(error, hint)
}

fn bounded(reader: impl Read) -> io::Result<String> {
    let mut text = String::new();
    reader.take(u64::try_from(MOST_BYTES + 1).unwrap_or(u64::MAX)).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads the text of a file.
pub fn parse(text: &str) -> Result<Vec<Check>, Mistake> {
    let file = DeTable::parse(text).map_err(|error| {
        let problem = broken_toml(text, &error).problem;
        Mistake::new(error.span().unwrap_or_default(), problem, "this is no TOML: see https://toml.io")
    })?;
    let keys = Keys::new(file.get_ref(), 0..0, &["defaults", "target"])?;
    let defaults = keys.value("defaults").map(|value| Keys::of(value, "defaults", DEMANDS)).transpose()?;
    let defaults = defaults.as_ref().map(policy).transpose()?.unwrap_or_default();
    let mut checks: Vec<(Range<usize>, Check)> = Vec::new();
    for value in keys.list("target")?.unwrap_or_default() {
        let (name, check) = target(value, &defaults)?;
        if let Some((first, _)) = checks.iter().find(|(_, other)| is_same(&other.task, &check.task)) {
            let line = at(text, first, String::new()).line;
            let problem = format!("the target {:?} stands in line {line} already", name.text);
            return Err(name.wrong(problem, "keep one of them, with all that is demanded"));
        }
        checks.push((name.span, check));
    }
    match checks.is_empty() {
        true => Err(Mistake::new(0..0, "there is no target", WRITE_ONE)),
        false => Ok(checks.into_iter().map(|(_, check)| check).collect()),
    }
}

fn target<'a>(value: &'a Spanned<DeValue<'a>>, defaults: &Policy) -> Result<(Text<'a>, Check), Mistake> {
    let known = [&["name", "protocol", "security", "expect", "pin-sha256"], DEMANDS].concat();
    let keys = Keys::of(value, "target", &known)?;
    let Some(name) = keys.text("name")? else {
        return Err(keys.missing("this target has no `name`", "write name = \"example.org\""));
    };
    let own = policy(&keys)?;
    let task = name.checked(plan::task(name.text, overrides(&keys)?))?;
    let (task, expectation) = match task {
        Task::Endpoint(typed, endpoint) => {
            let expectation = of_server(&keys, &endpoint)?;
            (Task::Endpoint(typed, endpoint), expectation)
        }
        Task::Lookup(query) => match of_domain(&keys)? {
            Some(expectation) => {
                let endpoints = expectation.endpoints.iter().map(|it| it.endpoint.clone()).collect();
                (Task::Expected(query, endpoints), Some(expectation))
            }
            None => (Task::Lookup(query), None),
        },
        other => (other, None),
    };
    Ok((name, Check { task, policy: Policy { expectation, ..own }.over(defaults) }))
}

/// The same domain, address or server, however it is written.
pub fn is_same(one: &Task, other: &Task) -> bool {
    let endpoint = |task: &Task| match task {
        Task::Endpoint(_, endpoint) => Some(endpoint.clone()),
        _ => None,
    };
    let query = |task: &Task| match task {
        Task::Lookup(query) | Task::Expected(query, _) => Some((query.domain.clone(), query.address.clone())),
        _ => None,
    };
    (endpoint(one), query(one)) == (endpoint(other), query(other))
}

fn overrides(keys: &Keys<'_>) -> Result<Overrides, Mistake> {
    let protocol = keys.text("protocol")?.map(|text| protocol(&text)).transpose()?;
    let security = keys.text("security")?.map(|text| security(&text)).transpose()?;
    Ok(Overrides {
        protocol: protocol.map(|(protocol, _)| protocol),
        security: security.or(protocol.and_then(|(_, implied)| implied)),
    })
}

/// A server names itself; its key may be pinned.
fn of_server(keys: &Keys<'_>, endpoint: &Endpoint) -> Result<Option<Expectation>, Mistake> {
    if let Some(value) = keys.value("expect") {
        let hint = "pin its key with pin-sha256, or write the domain as the name of the target";
        return Err(Mistake::new(value.span(), "a server publishes nothing that could be expected", hint));
    }
    let pins = pins(keys, endpoint.security)?;
    let expected = Expected { endpoint: endpoint.clone(), pins };
    Ok((!expected.pins.is_empty()).then(|| Expectation { endpoints: vec![expected] }))
}

/// A domain names its servers, each of which may have its own key.
fn of_domain(keys: &Keys<'_>) -> Result<Option<Expectation>, Mistake> {
    for key in ["protocol", "security", "pin-sha256"] {
        if let Some(value) = keys.value(key) {
            let hint = format!("write {key} beside the host and port of each endpoint in expect");
            return Err(Mistake::new(value.span(), format!("a domain as a whole has no `{key}`"), hint));
        }
    }
    let Some(list) = keys.list("expect")? else { return Ok(None) };
    let mut expectation = Expectation::default();
    for value in list {
        let expected = expected(value)?;
        if expectation.of(&expected.endpoint).is_some() {
            let problem = format!("the endpoint {} is expected already", expected.endpoint.authority());
            return Err(Mistake::new(value.span(), problem, "keep one of them, with all its pins"));
        }
        expectation.endpoints.push(expected);
    }
    Ok(Some(expectation))
}

fn expected(value: &Spanned<DeValue<'_>>) -> Result<Expected, Mistake> {
    let keys = Keys::of(value, "expect", &["protocol", "host", "port", "security", "pin-sha256"])?;
    let missing = |key| keys.missing(format!("this endpoint has no `{key}`"), ENDPOINT);
    let (protocol, implied) = protocol(&keys.text("protocol")?.ok_or_else(|| missing("protocol"))?)?;
    let host = keys.text("host")?.ok_or_else(|| missing("host"))?;
    let host = host.checked(Host::parse(host.text).map_err(plan::invalid_target))?;
    let (number, span) = keys.number("port")?.ok_or_else(|| missing("port"))?;
    let port = Port::new(number).map_err(|error| Mistake::of(span, plan::invalid_target(error)))?;
    let security = keys.text("security")?.map(|text| security(&text)).transpose()?;
    let security = security.or(implied).ok_or_else(|| missing("security"))?;
    let pins = pins(&keys, security)?;
    Ok(Expected { endpoint: Endpoint { protocol, host, port, security }, pins })
}

fn pins(keys: &Keys<'_>, security: Security) -> Result<Vec<Pin>, Mistake> {
    let pins: Vec<Text<'_>> = keys.one_or_more("pin-sha256")?;
    match pins.first().filter(|_| security == Security::None) {
        Some(text) => Err(text.wrong("without TLS there is no key to pin", "take pin-sha256 out")),
        None => pins.iter().map(Text::read).collect(),
    }
}

fn protocol(text: &Text<'_>) -> Result<plan::ProtocolWord, Mistake> {
    let unknown =
        || text.wrong(format!("unknown protocol {:?}", text.text), "the words are imap, pop3, smtp");
    Protocol::from_word(text.text).ok_or_else(unknown)
}

fn security(text: &Text<'_>) -> Result<Security, Mistake> {
    let unknown =
        || text.wrong(format!("unknown security {:?}", text.text), "the words are tls, starttls, none");
    Security::from_word(text.text).ok_or_else(unknown)
}

fn policy(keys: &Keys<'_>) -> Result<Policy, Mistake> {
    let hosts = keys.texts("expect-host")?;
    let fail_on = keys.texts("fail-on")?.iter().map(Text::read).collect::<Result<Vec<FailOn>, _>>()?;
    let time = keys.text("max-time")?;
    Ok(Policy {
        min_days: keys.read("min-days")?,
        min_tls: keys.read("min-tls")?,
        require: keys.texts("require")?.iter().map(Text::read).collect::<Result<_, _>>()?,
        expect_host: hosts
            .iter()
            .map(|host| host.checked(Host::parse(host.text).map_err(plan::invalid_target)))
            .collect::<Result<_, _>>()?,
        expect_issuer: keys.text("expect-issuer")?.map(|text| filled(&text, "expect-issuer")).transpose()?,
        max_time: time.map(|text| text.checked(plan::duration("max-time", text.text))).transpose()?,
        ignore: keys.list("ignore")?.unwrap_or_default().iter().map(ignore).collect::<Result<_, _>>()?,
        fail_on: fail_on.into_iter().fold(FailOn::default(), |all, one| all | one),
        ..Policy::default()
    })
}

/// Others must be able to tell why a finding does not count, and some day it counts again.
fn ignore(value: &Spanned<DeValue<'_>>) -> Result<Ignore, Mistake> {
    let keys = Keys::of(value, "ignore", &["id", "reason", "until", "at"])?;
    let missing = |key, hint| keys.missing(format!("this ignore has no `{key}`"), hint);
    let id = keys.text("id")?.ok_or_else(|| missing("id", "`mailcfg explain` lists the ids of findings"))?;
    let named = Ignore::id(id.text).map_err(|error| id.wrong(&error, error.hint()))?;
    let reason = keys.text("reason")?.ok_or_else(|| missing("reason", "say why it does not count"))?;
    let until = keys.day("until")?;
    let until = until.ok_or_else(|| missing("until", "say when it counts again, as until = 2026-12-31"))?;
    let place = keys.text("at")?.map(|text| {
        place(text.text).ok_or_else(|| {
            let problem = format!("not a host or host:port: {:?}", text.text);
            text.wrong(problem, "write at = \"mail.example.org:993\", or leave it out")
        })
    });
    Ok(Ignore {
        place: place.transpose()?,
        reason: Some(filled(&reason, "reason")?),
        until: Some(until),
        ..named
    })
}

fn filled(text: &Text<'_>, key: &str) -> Result<String, Mistake> {
    match text.text.trim() {
        "" => Err(text.wrong(format!("`{key}` is empty"), "write a few words, or leave the key out")),
        words => Ok(words.to_owned()),
    }
}

/// What can be demanded of all targets or of one.
const DEMANDS: &[&str] =
    &["min-days", "min-tls", "require", "expect-host", "expect-issuer", "max-time", "fail-on", "ignore"];

const ENDPOINT: &str =
    "write { protocol = \"imap\", host = \"mail.example.org\", port = 993, security = \"tls\" }";

const WRITE_ONE: &str = "write one with `mailcfg check --init example.org --output mailcfg.toml`";

/// 1 MiB: thousands of targets.
const MOST_BYTES: usize = 1 << 20;
