//! Ranks answers, completes a half that is missing, and compares: pure functions of what sources gave.

use super::Asked;
use super::source::{Answer, Remark};
use crate::settings::{Access, Service, Settings, Source, recommend};
use crate::target::Domain;

/// Which settings were chosen, and by which rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The settings.
    pub settings: Option<Settings>,
    /// The rule, in words.
    pub rule: Option<String>,
    /// The sources that gave the halves which the first one lacks.
    pub completed_from: Vec<Source>,
}

/// A field in which sources differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The kind of service whose best one is compared: `imap`, `pop3`, `smtp`, `jmap` or `managesieve`.
    pub service: &'static str,
    /// The same for a screen.
    pub name: &'static str,
    /// `host`, `port`, `security`, `url`, `username` or `auth`.
    pub field: &'static str,
    /// What each source says, in rank order.
    pub values: Vec<(Source, String)>,
}

/// True when nothing that `best_open` or a worse source may say could change the services.
pub fn is_decided(asked: &[&Asked], best_open: Source) -> bool {
    let better: Vec<&Answer> = asked
        .iter()
        .filter(|asked| asked.source < best_open)
        .filter_map(|asked| asked.outcome.value())
        .collect();
    let has = |incoming| better.iter().any(|answer| has_half(&answer.settings, incoming));
    has(true) && has(false)
}

/// Takes the best rank's services; a half that it lacks comes from the next rank that has it.
pub fn decide(asked: &[Asked], domain: &Domain) -> Decision {
    let mut answers: Vec<(Source, &Answer)> =
        asked.iter().filter_map(|asked| asked.outcome.value().map(|answer| (asked.source, answer))).collect();
    answers.sort_by_key(|(source, _)| *source);
    let Some(((winner, answer), others)) = answers.split_first() else { return Decision::default() };
    let mut settings = answer.settings.clone();
    let mut completed_from = Vec::new();
    for incoming in [true, false] {
        let donor = others.iter().find(|(_, other)| has_half(&other.settings, incoming));
        if let (false, Some((source, other))) = (has_half(&settings, incoming), donor) {
            settings.services.extend(half(&other.settings, incoming).cloned());
            completed_from.push(*source);
        }
    }
    recommend(&mut settings.services);
    Decision { rule: Some(rule(*winner, domain)), settings: Some(settings), completed_from }
}

/// Drops what sources below the chosen ones showed: which of them were done before the answer is chance. A null MX is
/// waited for.
pub fn drop_chance_remarks(sources: &mut [Asked], completed_from: &[Source]) {
    let answered = sources.iter().filter(|asked| asked.outcome.value().is_some()).map(|asked| asked.source);
    let Some(last) = answered.min().into_iter().chain(completed_from.iter().copied()).max() else { return };
    for asked in sources.iter_mut().filter(|asked| asked.source > last) {
        asked.remarks.retain(|remark| *remark == Remark::NullMx);
    }
}

fn rule(winner: Source, domain: &Domain) -> String {
    match winner {
        Source::UserTable | Source::Bundled => format!("{} lists {domain}", winner.name()),
        _ => format!("{} is the best-ranked source that answered", winner.name()),
    }
}

fn half(settings: &Settings, incoming: bool) -> impl Iterator<Item = &Service> {
    let of_half = move |service: &&Service| {
        service.access.server().is_some_and(|server| server.protocol.is_incoming() == incoming)
    };
    settings.services.iter().filter(of_half)
}

fn has_half(settings: &Settings, incoming: bool) -> bool {
    half(settings, incoming).next().is_some()
}

/// Compares, kind by kind of service and field by field, the best service of every source that answered.
pub fn disagreements(asked: &[Asked]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for (kind, name) in KINDS {
        let services: Vec<(Source, &Service)> = asked
            .iter()
            .filter_map(|asked| Some((asked.source, best(&asked.outcome.value()?.settings, kind)?)))
            .collect();
        for (field, value) in FIELDS {
            let values: Vec<(Source, String)> =
                services.iter().filter_map(|(source, service)| Some((*source, value(service)?))).collect();
            let differ =
                values.first().is_some_and(|(_, first)| values.iter().any(|(_, value)| value != first));
            if differ {
                found.push(Disagreement { service: kind, name, field, values });
            }
        }
    }
    found
}

/// The kinds of service that are compared, with their names for a screen.
const KINDS: [(&str, &str); 5] =
    [("imap", "IMAP"), ("pop3", "POP3"), ("smtp", "SMTP"), ("jmap", "JMAP"), ("managesieve", "ManageSieve")];

fn best<'a>(settings: &'a Settings, kind: &str) -> Option<&'a Service> {
    let services = settings.services.iter().filter(|service| service.access.protocol() == kind);
    services.min_by_key(|service| service.access.place().map(|(_, _, security)| security))
}

type Field = fn(&Service) -> Option<String>;

/// The fields that are compared; a source that says nothing of one differs from nobody.
const FIELDS: [(&str, Field); 6] = [
    ("host", |service| service.access.place().map(|(host, ..)| host.to_string())),
    ("port", |service| service.access.place().map(|(_, port, _)| port.to_string())),
    ("security", |service| service.access.place().map(|(.., security)| security.to_string())),
    ("url", |service| match &service.access {
        Access::Jmap { url } => Some(url.clone()),
        _ => None,
    }),
    ("username", |service| Some(service.username.as_ref()?.as_str().to_owned())),
    ("auth", |service| {
        let auth: Vec<&str> = service.auth.iter().map(|method| method.as_str()).collect();
        (!auth.is_empty()).then(|| auth.join(", "))
    }),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Attempt, Cause, Failure, Stage};
    use crate::settings::{Endpoint, Overrides, Security, Trust};
    use crate::target::{Host, Port, Target};

    fn service(source: Source, target: &str) -> Service {
        let Ok(Target::Host { scheme, host, port }) = Target::parse(target) else { panic!("{target}") };
        Service {
            access: Access::Server(Endpoint::complete(scheme, host, port, Overrides::default()).unwrap()),
            username: None,
            auth: Vec::new(),
            source,
            trust: Trust::Https,
            other_domain: false,
            recommended: false,
        }
    }

    fn asked(source: Source, targets: &[&str]) -> Asked {
        let services = targets.iter().map(|target| service(source, target)).collect();
        let answer = Answer::without_document(Settings { provider: None, services });
        Asked::at_once(source, Attempt::Done(answer))
    }

    fn failed(source: Source) -> Asked {
        let failure = Failure::temporary(Stage::Dns, Cause::Resolver, "SERVFAIL");
        Asked { outcome: Attempt::Failed(failure), ..asked(source, &[]) }
    }

    fn places(decision: &Decision) -> Vec<String> {
        let services = decision.settings.iter().flat_map(|settings| &settings.services);
        let place = |service: &Service| {
            let mark = if service.recommended { "*" } else { "" };
            format!("{}{mark} {}", service.access.server().unwrap().authority(), service.source)
        };
        services.map(place).collect()
    }

    #[test]
    fn the_best_rank_wins_and_a_missing_half_comes_from_the_next() {
        let domain = Domain::parse("d.example").unwrap();
        let sources = [
            failed(Source::Pacc),
            asked(Source::Srv, &["s.example:993", "s.example:465"]),
            asked(Source::Ispdb, &["i.example:143", "i.example:993"]),
        ];
        let decision = decide(&sources, &domain);
        assert_eq!(places(&decision), ["i.example:143 ispdb", "i.example:993* ispdb", "s.example:465* srv"]);
        assert_eq!(decision.completed_from, [Source::Srv]);
        assert_eq!(decide(&[failed(Source::Pacc)], &domain), Decision::default());
    }

    #[test]
    fn a_lookup_is_decided_when_no_better_source_is_open_and_both_halves_are_there() {
        let whole = asked(Source::Ispdb, &["i.example:993", "i.example:465"]);
        let half = asked(Source::Ispdb, &["i.example:993"]);
        for (answer, best_open, decided) in [
            (&whole, Source::Mx, true),
            (&whole, Source::Pacc, false),
            (&half, Source::Mx, false),
            (&failed(Source::Ispdb), Source::Mx, false),
        ] {
            assert_eq!(is_decided(&[answer], best_open), decided, "{best_open}");
        }
    }

    #[test]
    fn jmap_and_managesieve_are_compared_too() {
        let url = |url: &str| Access::Jmap { url: url.to_owned() };
        let sieve = |host: &str| {
            let (host, port) = (Host::parse(host).unwrap(), Port::new(4190).unwrap());
            Access::ManageSieve { host, port, security: Security::StartTls }
        };
        let of = |source, accesses: [Access; 2]| {
            let mut asked = asked(source, &["i.example:993", "i.example:993"]);
            if let Attempt::Done(answer) = &mut asked.outcome {
                answer.settings.services.iter_mut().zip(accesses).for_each(|(it, access)| it.access = access);
            }
            asked
        };
        let sources = [
            of(Source::Pacc, [url("https://a.example/jmap"), sieve("a.example")]),
            of(Source::Srv, [url("https://b.example/jmap"), sieve("b.example")]),
        ];
        let found: Vec<String> =
            disagreements(&sources).iter().map(|it| format!("{} {}", it.service, it.field)).collect();
        assert_eq!(found, ["jmap url", "managesieve host"]);
    }

    #[test]
    fn what_a_worse_source_showed_by_chance_is_dropped() {
        let remarks = || vec![Remark::NullMx, Remark::Wildcard("w.example".to_owned())];
        let with = |asked: Asked| Asked { remarks: remarks(), ..asked };
        let mut sources = [
            with(failed(Source::Pacc)),
            with(asked(Source::Ispdb, &["i.example:993", "i.example:465"])),
            with(failed(Source::Mx)),
        ];
        drop_chance_remarks(&mut sources, &[]);
        assert_eq!(sources.each_ref().map(|asked| asked.remarks.len()), [2, 2, 1]);
        assert_eq!(sources.last().unwrap().remarks, [Remark::NullMx]);
        let mut nothing_found = [with(failed(Source::Mx))];
        drop_chance_remarks(&mut nothing_found, &[]);
        assert_eq!(nothing_found.each_ref().map(|asked| asked.remarks.len()), [2]);
    }

    #[test]
    fn sources_are_compared_field_by_field_by_their_best_service() {
        let sources = [
            asked(Source::Ispdb, &["mail.example:587", "mail.example:993"]),
            asked(Source::Srv, &["mail.example:465", "mail.example:587", "mail.example:993"]),
        ];
        let found: Vec<String> = disagreements(&sources)
            .iter()
            .map(|it| {
                let values: Vec<String> =
                    it.values.iter().map(|(source, value)| format!("{source}={value}")).collect();
                format!("{} {} {}", it.service, it.field, values.join(" "))
            })
            .collect();
        assert_eq!(found, ["smtp port ispdb=587 srv=465", "smtp security ispdb=starttls srv=tls"]);
    }
}
