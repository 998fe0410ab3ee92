//! Whatever a server said, every format stays well-formed and holds no control bytes.

use mailcfg::attempt::{Attempt, Cause, Failure, Stage};
use mailcfg::probe::facts::{Facts, StartTls};
use mailcfg::render::style::is_dangerous;
use mailcfg::render::{FORMATS, Look};
use mailcfg::report::policy::Policy;
use mailcfg::report::{Context, Report, judge};
use mailcfg::run::Outcome;
use mailcfg::settings::{Endpoint, Protocol, Security};
use mailcfg::target::{Host, Port};
use mailcfg::wire::{Capabilities, Greeting, GreetingKind};
use time::OffsetDateTime;

/// Words of a server in every place where words of servers stand.
pub fn render(bytes: &[u8]) {
    let words = String::from_utf8_lossy(bytes).into_owned();
    let reports = [report(&words, true), report(&words, false)];
    for format in FORMATS {
        let mut text = Vec::new();
        let mut renderer = (format.reports)(&Look { several: true, ..Look::default() });
        for report in &reports {
            renderer.take(&mut text, report.index, report).expect("memory can be written");
        }
        renderer.finish(&mut text).expect("memory can be written");
        let text = String::from_utf8(text).expect("every format is UTF-8");
        check(format.name, &text);
        renderer.summary().iter().for_each(|page| clean("summary", page));
    }
}

fn check(format: &str, text: &str) {
    clean(format, text);
    match format {
        "json" => {
            let documents: serde_json::Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(documents.as_array().map(Vec::len), Some(2));
        }
        "jsonl" => assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())),
        "junit" => well_formed(text),
        "csv" => {
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            let rows = rows.records().collect::<Result<Vec<_>, _>>().expect("as many cells as in the header");
            assert_eq!(rows.len(), 2);
        }
        "nagios" => assert!(text.lines().next().is_some_and(|line| line.matches('|').count() <= 1), "{text}"),
        "github" => {
            let commands = text.lines().filter(|line| line.starts_with("::"));
            let known = ["::error ", "::warning ", "::notice "];
            commands.for_each(|line| assert!(known.iter().any(|known| line.starts_with(known)), "{line}"));
        }
        _ => {}
    }
}

fn clean(format: &str, text: &str) {
    let harmless = |character| matches!(character, '\n') || (format == "csv" && character == '\r');
    let found = text.chars().find(|character| is_dangerous(*character) && !harmless(*character));
    assert!(found.is_none(), "{format}: {found:?} in {text:?}");
}

fn well_formed(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().expect("well-formed XML") {
            quick_xml::events::Event::Eof => return,
            quick_xml::events::Event::Start(element) | quick_xml::events::Event::Empty(element) => {
                element.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            _ => {}
        }
    }
}

fn report(words: &str, talks: bool) -> Report {
    let endpoint = Endpoint {
        protocol: Protocol::Smtp,
        host: Host::parse("mail.example.org").expect("a host"),
        port: Port::new(587).expect("a port"),
        security: Security::StartTls,
    };
    let mut facts = Facts::new(endpoint, OffsetDateTime::UNIX_EPOCH);
    facts.connect = Attempt::Done(());
    facts.notes.push(words.to_owned());
    if talks {
        tell(&mut facts, words);
    } else {
        let failure = Failure::new(Stage::Greeting, Cause::Rejected, words);
        facts.greeting = Attempt::Failed(failure);
        facts.turned_away = Some(greeting(words));
    }
    facts.settle();
    let outcome = Outcome {
        index: usize::from(talks),
        target: words.to_owned(),
        lookup: None,
        facts: vec![facts],
        trouble: None,
    };
    judge(outcome, &Context::new(OffsetDateTime::UNIX_EPOCH, &Policy::default()))
}

fn tell(facts: &mut Facts, words: &str) {
    let listed = || Capabilities {
        list: vec![words.to_owned()],
        mechanisms: vec![words.to_owned()],
        ..Default::default()
    };
    facts.greeting = Attempt::Done(greeting(words));
    facts.before_tls = Attempt::Done(Capabilities { mechanisms: vec!["PLAIN".to_owned()], ..listed() });
    facts.starttls = Attempt::Done(StartTls { offered: false });
    facts.tls = Attempt::Failed(Failure::new(Stage::Tls, Cause::Handshake, words));
    facts.after_tls = Attempt::Done(listed());
}

fn greeting(words: &str) -> Greeting {
    Greeting {
        kind: GreetingKind::Ready,
        text: words.to_owned(),
        capabilities: None,
        apop: false,
        temporary: false,
        raw: words.to_owned(),
    }
}
