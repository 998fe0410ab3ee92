//! What has changed: endpoints that are published and not expected, expected and gone, and keys that are others.
//!
//! A lookup that may say something else the next time is held against nothing.

use super::lookup::winner;
use super::requirement::{why, without_tls};
use super::severity_of;
use crate::attempt::Attempt;
use crate::lookup::source::Remark;
use crate::lookup::{Asked, Lookup};
use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::report::policy::expectation::{Expectation, Pin};
use crate::settings::{Endpoint, Service, Source};

/// Judges whether an endpoint is published and expected, and its key.
pub fn judge(facts: &Facts, context: &Context) -> Vec<Finding> {
    let Some(expectation) = &context.policy.expectation else { return Vec::new() };
    let expected = expectation.of(&facts.endpoint);
    let known = context.lookup.filter(|lookup| uncertainty(lookup).is_none());
    let difference = known.and_then(|lookup| match (publication(lookup, &facts.endpoint), expected) {
        (Some(service), None) => Some(unexpected(lookup, service)),
        (None, Some(_)) => Some(missing(lookup, facts)),
        _ => None,
    });
    let key = expected.and_then(|expected| key_changed(facts, &expected.pins));
    difference.into_iter().chain(key).collect()
}

/// Says so when what is published is not known well enough to be held against what is expected.
pub fn judge_target(context: &Context) -> Option<Finding> {
    let (expectation, lookup) = (context.policy.expectation.as_ref()?, context.lookup?);
    let evidence = uncertainty(lookup)?;
    if is_as_expected(lookup, expectation) {
        return None;
    }
    let text = format!(
        "what {} publishes could not be found out, so it was not held against what is expected",
        lookup.query.domain
    );
    Some(Finding::new("drift.not-compared", Severity::Unknown, text).evidence(evidence).hint("try again"))
}

/// True for a domain that publishes nothing and is expected to.
pub fn expects_nothing(context: &Context) -> bool {
    let nothing = context.policy.expectation.as_ref().is_some_and(|it| it.endpoints.is_empty());
    nothing && context.lookup.is_some_and(|lookup| lookup.settings.is_none() && uncertainty(lookup).is_none())
}

/// Why another lookup might give another answer; `None` when what is published is known.
pub fn uncertainty(lookup: &Lookup) -> Option<String> {
    if lookup.settings.is_none() && was_nobody_asked(lookup) {
        return Some("no source was asked that could tell".to_owned());
    }
    let used = lookup.completed_from.iter().copied().chain(winner(lookup)).max();
    let has_both_halves = [true, false]
        .into_iter()
        .all(|incoming| services(lookup).any(|(_, endpoint)| endpoint.protocol.is_incoming() == incoming));
    // A half that nobody gave may stand with any source that failed.
    let used = used.filter(|_| has_both_halves);
    let sources = lookup.sources.iter().filter(|asked| used.is_none_or(|worst| asked.source <= worst));
    let failed: Vec<String> = sources.flat_map(failures).collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

/// Why a source, or a part of it, could not be asked.
fn failures(asked: &Asked) -> impl Iterator<Item = String> {
    let parts = asked.remarks.iter().filter_map(|remark| match remark {
        Remark::PartFailed(reason) => Some(reason),
        _ => None,
    });
    let whole = asked.outcome.failure().map(|failure| &failure.reason);
    whole.into_iter().chain(parts).map(|reason| format!("{}: {reason}", asked.source))
}

fn was_nobody_asked(lookup: &Lookup) -> bool {
    let mut others = lookup
        .sources
        .iter()
        .filter(|asked| !matches!(asked.source, Source::UserTable | Source::Bundled))
        .peekable();
    others.peek().is_some() && others.all(|asked| matches!(asked.outcome, Attempt::Skipped(_)))
}

fn services(lookup: &Lookup) -> impl Iterator<Item = (&Service, &Endpoint)> {
    let services = lookup.settings.iter().flat_map(|settings| &settings.services);
    services.filter_map(|service| Some((service, service.access.server()?)))
}

fn publication<'a>(lookup: &'a Lookup, endpoint: &Endpoint) -> Option<&'a Service> {
    services(lookup).find(|(_, published)| *published == endpoint).map(|(service, _)| service)
}

fn is_as_expected(lookup: &Lookup, expectation: &Expectation) -> bool {
    services(lookup).all(|(_, endpoint)| expectation.of(endpoint).is_some())
        && expectation.endpoints.iter().all(|it| publication(lookup, &it.endpoint).is_some())
}

fn unexpected(lookup: &Lookup, service: &Service) -> Finding {
    let text = format!("{} publishes this endpoint, and it is not expected", lookup.query.domain);
    Finding::new("drift.unexpected", Severity::Warn, text)
        .evidence(format!("named by {}", service.source.name()))
        .hint("add it to what is expected, or have it taken out of what is published")
}

/// What is gone from the records and still answers serves those who were set up with it.
fn missing(lookup: &Lookup, facts: &Facts) -> Finding {
    let answers = match (&facts.greeting, facts.first_failure()) {
        (Attempt::Done(_), _) => "and it still answers",
        (_, Some((_, failure))) if severity_of(failure) == Severity::Fail => "and it does not work either",
        _ => "and whether it still answers could not be found out",
    };
    let text = format!("{} does not publish this endpoint any more, {answers}", lookup.query.domain);
    let published: Vec<String> = services(lookup)
        .map(|(_, it)| format!("{} {} {}", it.protocol.name(), it.authority(), it.security.name()))
        .collect();
    let evidence = match published.as_slice() {
        [] => "nothing is published".to_owned(),
        some => format!("published: {}", some.join(", ")),
    };
    Finding::new("drift.missing", Severity::Fail, text)
        .evidence(evidence)
        .hint("publish it again, or take it out of what is expected")
}

fn key_changed(facts: &Facts, pins: &[Pin]) -> Option<Finding> {
    let certificate = facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref());
    let key = certificate.map(|certificate| certificate.key_sha256.as_str());
    // An address that was not tried has nothing to show.
    if pins.is_empty()
        || matches!(facts.connect, Attempt::Skipped(_))
        || key.is_some_and(|key| pins.iter().any(|pin| pin.hex() == key))
    {
        return None;
    }
    Some(match key {
        Some(key) => key_found(
            Severity::Fail,
            "the key of the server's certificate is none of those that are pinned",
        )
        .evidence(format!("its SHA-256 is {key}; pinned: {}", listed(pins)))
        .hint("if the key was changed on purpose, pin the new one; if not, somebody else may answer here"),
        None if without_tls(facts) => key_found(Severity::Fail, "a key is pinned, and there is no TLS")
            .evidence(why(&facts.tls))
            .hint("switch TLS on in the server, or take the pin out"),
        None => {
            let found = key_found(
                Severity::Unknown,
                "it could not be found out whether the key is one that is pinned",
            )
            .hint("mend what failed before, or try again");
            match facts.tls.reason() {
                Some(reason) => found.evidence(reason),
                None => found.evidence("the certificate cannot be parsed"),
            }
        }
    })
}

fn key_found(severity: Severity, text: &str) -> Finding {
    Finding::new("drift.key-changed", severity, text)
}

fn listed(pins: &[Pin]) -> String {
    pins.iter().map(Pin::hex).collect::<Vec<_>>().join(", ")
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "drift.unexpected",
        severities: &[Severity::Warn],
        what: "the domain publishes an endpoint that the file of checks does not expect",
        why: "somebody has added or changed a server, or the records, and clients will be set up with it",
        remedy: "add the endpoint to `expect` when it is meant to be there; else have it taken out of what is published",
        rfc: &[],
    },
    Explained {
        id: "drift.missing",
        severities: &[Severity::Fail],
        what: "the file of checks expects an endpoint that the domain does not publish any more; it was examined all the same, and the sentence says whether it still answers",
        why: "new clients do not find it, and those that were set up with it stop working when it is switched off",
        remedy: "publish the endpoint again, or take it out of `expect` when it was given up",
        rfc: &[],
    },
    Explained {
        id: "drift.key-changed",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the key of the server's certificate is none of those that the file of checks pins, or it could not be found out",
        why: "a renewal keeps the key only where it was told to (certbot: --reuse-key); another key means that it was made anew, that this is another server, or that somebody stands between",
        remedy: "ask who runs the server; when the key was changed on purpose, write the new one into `pin-sha256`, which may hold several",
        rfc: &["RFC 7469, section 2.4"],
    },
    Explained {
        id: "drift.not-compared",
        severities: &[Severity::Unknown],
        what: "a source that may say something else could not be asked, so what is published was not held against what is expected",
        why: "an endpoint that seems to be gone may stand where nobody could look",
        remedy: "try again; `mailcfg lookup DOMAIN -v` says which source failed and why",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::domain::tests::lookup as answer;
    use super::super::tests::{demanding, facts, ids};
    use super::*;
    use crate::attempt::{Cause, Failure, Stage};
    use crate::lookup::source::Answer;
    use crate::probe::certificate::Chain;
    use crate::probe::certificate::tests::certificate;
    use crate::report::policy::Policy;
    use crate::report::policy::expectation::Expected;
    use crate::settings::Settings;
    use crate::wire::{Greeting, GreetingKind};

    const IMAP: &str = "m.example.org:993";
    const SMTP: &str = "m.example.org:465";

    fn asked(source: Source, outcome: Attempt<Answer>, remarks: &[Remark]) -> Asked {
        Asked { source, elapsed: Duration::ZERO, outcome, remarks: remarks.to_vec(), redirects: Vec::new() }
    }

    fn failed() -> Attempt<Answer> {
        Attempt::Failed(Failure::temporary(Stage::Dns, Cause::Resolver, "SERVFAIL"))
    }

    fn done() -> Attempt<Answer> {
        Attempt::Done(Answer::without_document(Settings { provider: None, services: Vec::new() }))
    }

    /// A lookup that SRV answered with these servers; without any, nothing was found.
    fn lookup(servers: &[&str], others: Vec<Asked>) -> Lookup {
        let mut lookup = answer(servers);
        lookup.settings = lookup.settings.filter(|_| !servers.is_empty());
        let own = if servers.is_empty() { Attempt::Absent("no records".to_owned()) } else { done() };
        lookup.sources = others;
        lookup.sources.push(asked(Source::Srv, own, &[]));
        lookup
    }

    fn expecting(servers: &[&str], pins: &[Pin]) -> Policy {
        let expected = |server: &&str| Expected { endpoint: facts(server).endpoint, pins: pins.to_vec() };
        let endpoints = servers.iter().map(expected).collect();
        Policy { expectation: Some(Expectation { endpoints }), ..Policy::default() }
    }

    /// The findings of the target, then those of both endpoints.
    fn judged(lookup: &Lookup, policy: &Policy) -> Vec<String> {
        let context = Context { lookup: Some(lookup), ..demanding(policy) };
        let endpoints = [IMAP, SMTP].map(|server| judge(&facts(server), &context));
        ids(&[judge_target(&context).into_iter().collect(), endpoints.concat()].concat())
    }

    #[test]
    fn what_is_published_is_held_against_what_is_expected() {
        for (published, expected, findings) in [
            (&[IMAP, SMTP][..], &[IMAP, SMTP][..], &[][..]),
            (&[IMAP, SMTP], &[IMAP], &["drift.unexpected warn"]),
            (&[IMAP], &[IMAP, SMTP], &["drift.missing fail"]),
            (&[], &[IMAP, SMTP], &["drift.missing fail", "drift.missing fail"]),
            (&[IMAP, SMTP], &[], &["drift.unexpected warn", "drift.unexpected warn"]),
            (&[], &[], &[]),
        ] {
            let found = judged(&lookup(published, Vec::new()), &expecting(expected, &[]));
            assert_eq!(found, findings, "{published:?} {expected:?}");
        }
        assert!(judged(&lookup(&[IMAP], Vec::new()), &Policy::default()).is_empty());
    }

    #[test]
    fn what_could_not_be_found_out_is_neither_missing_nor_unexpected() {
        let skipped = || Attempt::Skipped("offline".to_owned());
        let part = [Remark::PartFailed("time-out".to_owned())];
        let unknown = &["drift.not-compared unknown"][..];
        let missing = &["drift.missing fail"][..];
        for (servers, others, findings) in [
            // A better source failed.
            (&[IMAP, "m.example.org:587"][..], vec![asked(Source::Autoconfig, failed(), &[])], unknown),
            // A worse one does not matter, unless a half is missing.
            (
                &[IMAP, "m.example.org:587"],
                vec![asked(Source::Mailconf, failed(), &[])],
                &["drift.missing fail"],
            ),
            (&[IMAP], vec![asked(Source::Mailconf, failed(), &[])], unknown),
            (
                &[IMAP, "m.example.org:587"],
                vec![asked(Source::Pacc, Attempt::Absent("404".to_owned()), &part)],
                unknown,
            ),
            (&[], vec![asked(Source::Mx, failed(), &[])], unknown),
            (&[IMAP, "m.example.org:587"], vec![asked(Source::Pacc, skipped(), &[])], missing),
        ] {
            let found = judged(&lookup(servers, others), &expecting(&[IMAP, SMTP, "m.example.org:587"], &[]));
            assert_eq!(found, findings, "{servers:?}");
        }
        let mut offline = lookup(&[], vec![asked(Source::Bundled, Attempt::Absent("no".to_owned()), &[])]);
        offline.sources.last_mut().unwrap().outcome = skipped();
        assert_eq!(judged(&offline, &expecting(&[IMAP], &[])), unknown);
        let as_expected = lookup(&[IMAP, SMTP], vec![asked(Source::Autoconfig, failed(), &[])]);
        assert!(judged(&as_expected, &expecting(&[IMAP, SMTP], &[])).is_empty());
    }

    #[test]
    fn gone_from_the_records_is_told_apart_from_dead() {
        let failure = |cause, temporary| Failure { temporary, ..Failure::new(Stage::Connect, cause, "why") };
        let greeting = Greeting {
            kind: GreetingKind::Ready,
            text: String::new(),
            capabilities: None,
            apop: false,
            temporary: false,
            raw: String::new(),
        };
        for (connect, greeting, words) in [
            (Attempt::Done(()), Attempt::Done(greeting), "and it still answers"),
            (
                Attempt::Failed(failure(Cause::Refused, false)),
                Attempt::Skipped(String::new()),
                "and it does not work either",
            ),
            (
                Attempt::Failed(failure(Cause::Resolver, true)),
                Attempt::Skipped(String::new()),
                "and whether it still answers could not be found out",
            ),
        ] {
            let facts = Facts { connect, greeting, ..facts(SMTP) };
            let (lookup, policy) = (lookup(&[IMAP], Vec::new()), expecting(&[IMAP, SMTP], &[]));
            let found = judge(&facts, &Context { lookup: Some(&lookup), ..demanding(&policy) });
            let texts: Vec<&str> = found.iter().map(|finding| finding.text.as_str()).collect();
            assert_eq!(texts, [format!("example.org does not publish this endpoint any more, {words}")]);
        }
    }

    #[test]
    fn a_key_is_one_of_those_pinned() {
        let pin = |digit: &str| digit.repeat(64).parse::<Pin>().unwrap();
        let absent = Attempt::Absent("not offered".to_owned());
        for (key, pins, starttls, findings) in [
            (Some("a"), vec![pin("a")], Attempt::Skipped(String::new()), &[][..]),
            (Some("a"), vec![pin("b"), pin("a")], Attempt::Skipped(String::new()), &[]),
            (Some("a"), vec![], Attempt::Skipped(String::new()), &[]),
            (Some("a"), vec![pin("b")], Attempt::Skipped(String::new()), &["drift.key-changed fail"]),
            (None, vec![pin("b")], Attempt::Skipped(String::new()), &["drift.key-changed unknown"]),
            (None, vec![pin("b")], absent, &["drift.key-changed fail"]),
        ] {
            let certificate = |key: &str| crate::probe::certificate::Certificate {
                key_sha256: key.repeat(64),
                ..certificate()
            };
            let chain =
                key.map(|key| Chain { certificate: Some(certificate(key)), length: 1, problems: Vec::new() });
            let facts = Facts { chain, starttls, connect: Attempt::Done(()), ..facts(IMAP) };
            let found = judge(&facts, &demanding(&expecting(&[IMAP], &pins)));
            assert_eq!(ids(&found), findings, "{key:?} {pins:?}");
        }
    }
}
