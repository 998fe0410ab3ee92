//! What was demanded of an endpoint beyond the rules, and whether it has it.

use std::time::Duration;

use super::super::policy::requirement::{Entry, Kind, Listed};
use super::super::policy::{Policy, Requirement, TlsVersion};
use crate::attempt::{Attempt, Cause};
use crate::net::Family;
use crate::probe::certificate::Certificate;
use crate::probe::facts::{Answer, Facts, StartTls};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;
use crate::target::Host;
use crate::wire::line::excerpt;

/// Judges the demands on an endpoint; the facts of the others of its target tell what it shares with them.
pub fn judge(facts: &Facts, all: &[Facts], context: &Context) -> Vec<Finding> {
    let policy = context.policy;
    let mut findings: Vec<Finding> =
        policy.require.iter().filter_map(|requirement| required(*requirement, facts, all)).collect();
    // An address that was not tried has nothing to show.
    if matches!(facts.connect, Attempt::Skipped(_)) {
        return findings;
    }
    findings.extend(policy.min_tls.and_then(|oldest| min_tls(facts, oldest)));
    findings.extend(expectations(facts, policy));
    findings.extend(policy.max_time.and_then(|limit| max_time(facts, limit)));
    findings
}

/// Whether something demanded is there.
enum Met {
    /// It is, or it makes no sense here.
    Yes,
    /// It is not; why, and what was seen.
    No(String, String),
    /// It could not be found out; why.
    Unknown(String),
}

fn required(requirement: Requirement, facts: &Facts, all: &[Facts]) -> Option<Finding> {
    let skipped = matches!(facts.connect, Attempt::Skipped(_));
    let met = match requirement.kind() {
        Kind::Address(family) => address(family, facts, all),
        _ if skipped => Met::Yes,
        Kind::PasswordAuth => password_auth(facts),
        Kind::OAuth2 => oauth2(facts),
        Kind::StartTls => starttls(facts),
        Kind::Tls => implicit_tls(facts, all),
        Kind::Tls13 => version(facts, TlsVersion::V1_3),
        Kind::PostQuantum => post_quantum(facts),
        Kind::Listed(listed) => self::listed(listed, facts),
    };
    let hint = match requirement.kind() {
        Kind::Address(_) => "add such an address to DNS, and have the server listen on it".to_owned(),
        Kind::Tls => "offer the port for implicit TLS too: 993, 995 or 465".to_owned(),
        _ => format!("switch it on in the server, or take {requirement} out of what is required"),
    };
    finding(requirement.id(), requirement.name(), hint, met)
}

fn finding(id: &'static str, name: &str, hint: String, met: Met) -> Option<Finding> {
    match met {
        Met::Yes => None,
        Met::No(text, evidence) => {
            let finding = Finding::new(id, Severity::Fail, text).hint(hint);
            Some(if evidence.is_empty() { finding } else { finding.evidence(evidence) })
        }
        Met::Unknown(why) => {
            let text = format!("it could not be found out whether {name} is there");
            let finding = Finding::new(id, Severity::Unknown, text).evidence(why);
            Some(finding.hint("mend what failed before, or try again"))
        }
    }
}

pub(super) fn why(attempt: &Attempt<impl Sized>) -> String {
    attempt.reason().unwrap_or_default().to_owned()
}

fn password_auth(facts: &Facts) -> Met {
    let auth = facts.password_auth();
    let offered = |mechanisms: &[String]| match mechanisms {
        [] => "no mechanism is offered".to_owned(),
        some => format!("offered: {}", excerpt(&some.join(", "))),
    };
    match auth.answer {
        _ if facts.endpoint.is_relay() => Met::Yes,
        Answer::Yes => Met::Yes,
        Answer::No => Met::No("one cannot sign in with a password".to_owned(), offered(&auth.after_tls)),
        Answer::OnlyBeforeTls => {
            Met::No("a password can be used in clear text only".to_owned(), offered(&auth.before_tls))
        }
        Answer::Unknown(why) => Met::Unknown(why),
    }
}

fn oauth2(facts: &Facts) -> Met {
    if facts.endpoint.is_relay() {
        return Met::Yes;
    }
    match facts.capabilities() {
        Attempt::Done(found) => {
            let token = |name: &String| matches!(name.as_str(), "OAUTHBEARER" | "XOAUTH2");
            if found.mechanisms.iter().any(token) {
                return Met::Yes;
            }
            let evidence = format!("offered: {}", excerpt(&found.mechanisms.join(", ")));
            Met::No("one cannot sign in with a token".to_owned(), evidence)
        }
        other if without_tls(facts) => {
            Met::No("there is no TLS to sign in with a token in".to_owned(), why(other))
        }
        other => Met::Unknown(why(other)),
    }
}

fn starttls(facts: &Facts) -> Met {
    let text = |text: &str| text.to_owned();
    match &facts.starttls {
        _ if facts.endpoint.security == Security::Tls => Met::Yes,
        Attempt::Done(StartTls { offered: Some(true) }) => Met::Yes,
        Attempt::Done(StartTls { offered: Some(false) }) => {
            Met::No(text("STARTTLS works but is not advertised, so clients leave it"), String::new())
        }
        Attempt::Done(StartTls { offered: None }) => Met::Unknown(why(&facts.before_tls)),
        Attempt::Absent(reason) => Met::No(text("there is no STARTTLS"), reason.clone()),
        Attempt::Failed(failure) if failure.temporary => Met::Unknown(failure.reason.clone()),
        Attempt::Failed(failure) => Met::No(text("STARTTLS does not work"), failure.reason.clone()),
        Attempt::Skipped(reason) => Met::Unknown(reason.clone()),
    }
}

/// Of a domain, another port of the same protocol will do.
fn implicit_tls(facts: &Facts, all: &[Facts]) -> Met {
    let implicit = |other: &&Facts| {
        other.endpoint.security == Security::Tls && other.endpoint.protocol == facts.endpoint.protocol
    };
    match &facts.tls {
        Attempt::Done(_) if facts.endpoint.security == Security::Tls => Met::Yes,
        other if facts.endpoint.security == Security::Tls => Met::Unknown(why(other)),
        _ if facts.endpoint.is_relay() || all.iter().any(|other| implicit(&other)) => Met::Yes,
        _ => {
            let protocol = facts.endpoint.protocol.name();
            let text = format!("{protocol} is not offered inside TLS from the first byte");
            Met::No(text, format!("{} uses {}", facts.endpoint.authority(), facts.endpoint.security.name()))
        }
    }
}

/// True when it is known that nothing here is inside TLS.
pub(super) fn without_tls(facts: &Facts) -> bool {
    matches!(facts.starttls, Attempt::Absent(_))
        || (facts.endpoint.security == Security::None && facts.connect.value().is_some())
}

fn version(facts: &Facts, oldest: TlsVersion) -> Met {
    let number = oldest.as_str();
    match &facts.tls {
        Attempt::Done(agreed) if TlsVersion::of_agreed(agreed.version) >= Some(oldest) => Met::Yes,
        Attempt::Done(agreed) => Met::No(
            format!("the server does not speak TLS {number}"),
            format!("agreed on {}", agreed.version),
        ),
        Attempt::Failed(failure) if failure.cause == Cause::TlsTooOld => {
            Met::No(format!("the server does not speak TLS {number}"), failure.reason.clone())
        }
        other if without_tls(facts) => Met::No("there is no TLS".to_owned(), why(other)),
        other => Met::Unknown(why(other)),
    }
}

fn post_quantum(facts: &Facts) -> Met {
    match &facts.tls {
        Attempt::Done(agreed) if agreed.post_quantum => Met::Yes,
        Attempt::Done(agreed) => {
            let group = agreed.key_exchange.as_deref().unwrap_or("an unknown group");
            let text = "the key exchange does not resist quantum computers";
            Met::No(text.to_owned(), format!("agreed on {group}"))
        }
        other if without_tls(facts) => Met::No("there is no TLS".to_owned(), why(other)),
        other => Met::Unknown(why(other)),
    }
}

/// Judged once for each endpoint, at the first of its addresses of the family, else at its first address.
fn address(family: Family, facts: &Facts, all: &[Facts]) -> Met {
    let own: Vec<&Facts> = all.iter().filter(|other| other.endpoint == facts.endpoint).collect();
    let of_family = |other: &&&Facts| other.address.is_some_and(|address| family.admits(address.ip()));
    let first = own.iter().find(of_family).or(own.first());
    let connected = own.iter().filter(of_family).any(|other| other.connect.value().is_some());
    if connected || first.is_some_and(|first| !std::ptr::eq(*first, facts)) {
        return Met::Yes;
    }
    let name = if family == Family::V4 { "IPv4" } else { "IPv6" };
    let reason = || why(&facts.connect);
    match own.iter().find(of_family) {
        Some(tried) => match &tried.connect {
            Attempt::Failed(failure) if !failure.temporary => {
                Met::No(format!("no {name} address connects"), failure.reason.clone())
            }
            _ => Met::Unknown(reason()),
        },
        None if facts.connect.failure().is_some_and(|failure| failure.temporary) => Met::Unknown(reason()),
        None => match facts.course.unresolved.first() {
            Some(failure) => Met::Unknown(failure.reason.clone()),
            None if facts.address.is_none() && facts.connect.value().is_some() => {
                Met::Unknown("the proxy does not tell the address".to_owned())
            }
            None => Met::No(format!("{} has no {name} address", facts.endpoint.host), String::new()),
        },
    }
}

fn listed(listed: Listed, facts: &Facts) -> Met {
    if !listed.protocols.contains(&facts.endpoint.protocol) {
        return Met::Yes;
    }
    let word = listed.words.first().copied().unwrap_or_default();
    match facts.listing() {
        Attempt::Done(found) if listed.words.iter().any(|word| found.lists(word)) => Met::Yes,
        Attempt::Done(_) if listed.maybe_later => {
            Met::Unknown(format!("{word} is not listed before the sign-in; it may be after it"))
        }
        Attempt::Done(found) => Met::No(format!("the server does not list {word}"), super::seen(found)),
        other => Met::Unknown(why(other)),
    }
}

fn min_tls(facts: &Facts, oldest: TlsVersion) -> Option<Finding> {
    let name = format!("TLS {} or later", oldest.as_str());
    finding(
        "requirement.min-tls",
        &name,
        format!("switch {name} on in the mail server"),
        version(facts, oldest),
    )
}

fn expectations(facts: &Facts, policy: &Policy) -> Vec<Finding> {
    if policy.expect_host.is_empty() && policy.expect_issuer.is_none() {
        return Vec::new();
    }
    let hosts = policy.expect_host.iter().map(|host| {
        let met = of_certificate(facts, |certificate| expected_host(certificate, host));
        finding(
            "requirement.expect-host",
            &format!("a certificate for {host}"),
            format!("have {host} added to the certificate"),
            met,
        )
    });
    let issuer = policy.expect_issuer.iter().map(|text| {
        let met = of_certificate(facts, |certificate| expected_issuer(certificate, text));
        finding(
            "requirement.expect-issuer",
            &format!("a certificate issued by {text}"),
            "find out who changed the certificate; when it was meant, change what is expected".to_owned(),
            met,
        )
    });
    hosts.chain(issuer).flatten().collect()
}

fn of_certificate(facts: &Facts, judge: impl Fn(&Certificate) -> Met) -> Met {
    match facts.chain.as_ref().and_then(|chain| chain.certificate.as_ref()) {
        Some(certificate) => judge(certificate),
        None if without_tls(facts) => {
            Met::No("there is no TLS, so no certificate".to_owned(), why(&facts.tls))
        }
        None => Met::Unknown(why(&facts.tls)),
    }
}

fn expected_host(certificate: &Certificate, host: &Host) -> Met {
    let names = excerpt(&certificate.names.join(", "));
    match certificate.is_for(host) {
        Some(true) => Met::Yes,
        Some(false) => {
            Met::No(format!("the server's certificate is not for {host}"), format!("it is for: {names}"))
        }
        None => Met::Unknown(format!("{} of its names were left out", certificate.more_names)),
    }
}

fn expected_issuer(certificate: &Certificate, text: &str) -> Met {
    let wanted = text.to_lowercase();
    if certificate.issuer_names().iter().any(|name| name.to_lowercase().contains(&wanted)) {
        return Met::Yes;
    }
    Met::No(
        format!("the server's certificate is not issued by {text}"),
        format!("its issuer is {}", excerpt(&certificate.issuer)),
    )
}

fn max_time(facts: &Facts, limit: Duration) -> Option<Finding> {
    let total = facts.timings.total.filter(|total| *total > limit)?;
    let text = format!("the endpoint took {total:.0?}, longer than {limit:?}");
    let hint = "the times of the steps (with -v) show which of them is slow";
    Some(Finding::new("requirement.max-time", Severity::Fail, text).hint(hint))
}

/// What the finding of a requirement means.
pub fn explained(entry: &'static Entry) -> Explained {
    Explained {
        id: entry.id,
        severities: &[Severity::Unknown, Severity::Fail],
        what: entry.meaning,
        why: "it was required, and the server does not have it, or it could not be found out",
        remedy: "switch it on in the server, or take it out of --require",
        rfc: std::slice::from_ref(&entry.rfc),
    }
}

/// What the findings of the other demands mean; those of single requirements stand with their words.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "requirement.min-tls",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the server does not speak the version of TLS that --min-tls asks for",
        why: "older versions are weaker, and some rules forbid them",
        remedy: "switch the version on in the mail server, or ask for an older one",
        rfc: &["RFC 9325, section 3.1.1", "RFC 8996"],
    },
    Explained {
        id: "requirement.expect-host",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "the certificate is not for a name that --expect-host asks for",
        why: "clients that connect by this name will refuse it",
        remedy: "have the name added to the certificate; a wildcard covers one label",
        rfc: &["RFC 9525, section 6.3"],
    },
    Explained {
        id: "requirement.expect-issuer",
        severities: &[Severity::Unknown, Severity::Fail],
        what: "neither the organisation nor the common name of the certificate's issuer holds the text of --expect-issuer",
        why: "the certificate was changed for one of another authority, by mistake or by somebody on the way",
        remedy: "look at the issuer with -v; when the change was meant, change the check",
        rfc: &["RFC 5280, section 4.1.2.4"],
    },
    Explained {
        id: "requirement.max-time",
        severities: &[Severity::Fail],
        what: "the endpoint took longer in all than --max-time allows",
        why: "people notice slow servers, and clients with short limits give up",
        remedy: "look at the times of the steps with -v: a slow greeting is the server, a slow connection the network, slow names the resolver",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::tests::{demanding, facts, ids, listing};
    use super::*;
    use crate::attempt::{Failure, Stage};
    use crate::net::tls::Agreed;
    use crate::probe::certificate::Chain;
    use crate::wire::Capabilities;

    fn requiring(word: &str) -> Policy {
        Policy { require: vec![word.parse().unwrap()], ..Policy::default() }
    }

    /// `id severity` of what is found at one endpoint alone.
    fn judged(facts: &Facts, policy: &Policy) -> Vec<String> {
        let all = [facts.clone()];
        ids(&judge(&all[0], &all, &demanding(policy)))
    }

    fn failed(cause: Cause) -> Failure {
        Failure::new(Stage::Tls, cause, "why")
    }

    fn agreed(version: &'static str, post_quantum: bool) -> Attempt<Agreed> {
        Attempt::Done(Agreed {
            version,
            cipher_suite: "TLS13_AES_256_GCM_SHA384".to_owned(),
            key_exchange: Some("X25519".to_owned()),
            post_quantum,
        })
    }

    /// An endpoint that connected.
    fn connected(target: &str) -> Facts {
        let mut facts = facts(target);
        facts.connect = Attempt::Done(());
        facts.address = Some("192.0.2.1:1".parse().unwrap());
        facts
    }

    fn signing_in(target: &str, mechanisms: &[&str]) -> Facts {
        let mechanisms = mechanisms.iter().map(|&name| name.to_owned()).collect();
        let mut facts = connected(target);
        facts.after_tls = Attempt::Done(Capabilities { mechanisms, ..Capabilities::default() });
        facts
    }

    #[test]
    fn a_sign_in_is_required_where_there_is_one() {
        for (target, mechanisms, word, expected) in [
            ("h.example:993", &["PLAIN"][..], "password-auth", &[][..]),
            ("h.example:993", &["SCRAM-SHA-256"], "password-auth", &[]),
            ("h.example:993", &["XOAUTH2"], "password-auth", &["requirement.password-auth fail"]),
            ("h.example:25", &[], "password-auth", &[]),
            ("h.example:25", &[], "oauth2", &[]),
            ("h.example:465", &["OAUTHBEARER"], "oauth2", &[]),
            ("h.example:465", &["PLAIN"], "oauth2", &["requirement.oauth2 fail"]),
        ] {
            assert_eq!(
                judged(&signing_in(target, mechanisms), &requiring(word)),
                expected,
                "{target} {word}"
            );
        }
        for word in ["password-auth", "oauth2"] {
            let expected = [format!("requirement.{word} unknown")];
            assert_eq!(judged(&connected("h.example:993"), &requiring(word)), expected);
        }
    }

    #[test]
    fn starttls_must_be_advertised_and_work() {
        let later = Failure::temporary(Stage::StartTls, Cause::Busy, "454");
        for (starttls, expected) in [
            (Attempt::Done(StartTls { offered: Some(true) }), &[][..]),
            (Attempt::Done(StartTls { offered: Some(false) }), &["requirement.starttls fail"]),
            (Attempt::Done(StartTls { offered: None }), &["requirement.starttls unknown"]),
            (Attempt::Absent("no".to_owned()), &["requirement.starttls fail"]),
            (Attempt::Failed(failed(Cause::Injection)), &["requirement.starttls fail"]),
            (Attempt::Failed(later), &["requirement.starttls unknown"]),
            (Attempt::Skipped("the greeting failed".to_owned()), &["requirement.starttls unknown"]),
        ] {
            let mut facts = connected("h.example:587");
            facts.starttls = starttls.clone();
            assert_eq!(judged(&facts, &requiring("starttls")), expected, "{starttls:?}");
            facts.endpoint.security = Security::Tls;
            assert!(judged(&facts, &requiring("starttls")).is_empty());
        }
    }

    #[test]
    fn tls_from_the_first_byte_may_be_on_another_port_of_the_protocol() {
        let mut implicit = connected("h.example:993");
        implicit.tls = agreed("TLSv1.3", true);
        let starttls = connected("h.example:143");
        let policy = requiring("tls");
        assert!(judged(&implicit, &policy).is_empty());
        assert_eq!(judged(&starttls, &policy), ["requirement.tls fail"]);
        assert_eq!(judged(&connected("h.example:993"), &policy), ["requirement.tls unknown"]);
        assert!(judged(&connected("h.example:25"), &policy).is_empty());
        let both = [starttls, implicit];
        assert!(judge(&both[0], &both, &demanding(&policy)).is_empty());
        let other = [both[0].clone(), connected("h.example:995")];
        assert_eq!(ids(&judge(&other[0], &other, &demanding(&policy))), ["requirement.tls fail"]);
    }

    #[test]
    fn versions_and_key_exchanges_are_those_agreed_on() {
        let old = || Attempt::Failed(failed(Cause::TlsTooOld));
        for (tls, min_tls, tls13, post_quantum) in [
            (agreed("TLSv1.3", true), None, None, None),
            (agreed("TLSv1.2", false), Some("fail"), Some("fail"), Some("fail")),
            (old(), Some("fail"), Some("fail"), Some("unknown")),
            (Attempt::Failed(failed(Cause::Closed)), Some("unknown"), Some("unknown"), Some("unknown")),
        ] {
            let mut facts = connected("h.example:993");
            facts.tls = tls.clone();
            let of = |id: &str, severity: Option<&str>| {
                severity
                    .map(|severity| format!("requirement.{id} {severity}"))
                    .into_iter()
                    .collect::<Vec<_>>()
            };
            let oldest = Policy { min_tls: "1.3".parse().ok(), ..Policy::default() };
            assert_eq!(judged(&facts, &oldest), of("min-tls", min_tls), "{tls:?}");
            assert_eq!(judged(&facts, &requiring("tls1.3")), of("tls1.3", tls13), "{tls:?}");
            assert_eq!(
                judged(&facts, &requiring("post-quantum")),
                of("post-quantum", post_quantum),
                "{tls:?}"
            );
        }
        let mut clear = connected("h.example:143");
        clear.starttls = Attempt::Absent("no".to_owned());
        for word in ["tls1.3", "post-quantum", "oauth2"] {
            assert_eq!(
                judged(&clear, &requiring(word)),
                [format!("requirement.{word} fail")],
                "no TLS at all"
            );
        }
    }

    #[test]
    fn words_are_looked_for_in_the_last_list_of_their_protocol() {
        for (target, listed, word, expected) in [
            ("h.example:993", &["IMAP4rev1", "sasl-ir"][..], "sasl-ir", &[][..]),
            ("h.example:993", &["IMAP4rev1"], "sasl-ir", &["requirement.sasl-ir fail"]),
            ("h.example:993", &["IMAP4rev2"], "idle", &[]),
            ("h.example:993", &["LITERAL-"], "literal", &[]),
            ("h.example:993", &["IMAP4rev1"], "move", &["requirement.move unknown"]),
            ("h.example:995", &["UIDL"], "uidl", &[]),
            ("h.example:995", &["TOP"], "uidl", &["requirement.uidl fail"]),
            ("h.example:995", &["TOP"], "pipelining", &["requirement.pipelining fail"]),
            ("h.example:465", &["SIZE 1000"], "size", &[]),
            ("h.example:465", &["SIZE 1000"], "dsn", &["requirement.dsn fail"]),
            ("h.example:465", &["SIZE 1000"], "uidl", &[]),
            ("h.example:993", &["IMAP4rev1"], "size", &[]),
        ] {
            let mut facts = connected(target);
            facts.after_tls = listing(listed);
            assert_eq!(judged(&facts, &requiring(word)), expected, "{target} {listed:?} {word}");
        }
        let mut without_capa = connected("h.example:995");
        without_capa.after_tls = Attempt::Absent("-ERR".to_owned());
        assert_eq!(judged(&without_capa, &requiring("uidl")), ["requirement.uidl unknown"]);
    }

    #[test]
    fn one_address_of_the_family_must_connect() {
        let at = |address: &str, connect: Attempt<()>| {
            let mut facts = facts("h.example:993");
            (facts.address, facts.connect) = (address.parse().ok(), connect);
            facts
        };
        let (v4, v6) = ("192.0.2.1:993", "[2001:db8::1]:993");
        let done = || Attempt::Done(());
        let refused = || Attempt::Failed(failed(Cause::Refused));
        let no_route = || Attempt::Failed(Failure::temporary(Stage::Connect, Cause::NoRoute, "why"));
        let resolver = Failure::temporary(Stage::Dns, Cause::Resolver, "SERVFAIL");
        let mut half = at(v4, done());
        half.course.unresolved = vec![resolver.clone()];
        for (all, expected) in [
            (vec![at(v6, done()), at(v4, done())], &[][..]),
            (vec![at(v6, refused()), at("[2001:db8::2]:993", done())], &[]),
            (vec![at(v4, done())], &["requirement.ipv6 fail"]),
            (vec![at(v6, refused()), at(v4, done())], &["requirement.ipv6 fail"]),
            (vec![at(v6, no_route())], &["requirement.ipv6 unknown"]),
            (
                vec![at(v6, Attempt::Skipped("no route".to_owned())), at(v4, done())],
                &["requirement.ipv6 unknown"],
            ),
            (vec![half], &["requirement.ipv6 unknown"]),
            (vec![at("", Attempt::Failed(resolver))], &["requirement.ipv6 unknown"]),
            (vec![at("", done())], &["requirement.ipv6 unknown"]),
        ] {
            let policy = requiring("ipv6");
            let found: Vec<String> =
                all.iter().flat_map(|one| ids(&judge(one, &all, &demanding(&policy)))).collect();
            assert_eq!(found, expected, "{all:#?}");
        }
    }

    #[test]
    fn a_certificate_is_for_the_names_and_of_the_issuer_expected() {
        let certificate = Certificate {
            subject: String::new(),
            issuer: "CN=R11,O=Let's Encrypt,C=US".to_owned(),
            names: vec!["h.example".to_owned(), "*.example.net".to_owned()],
            more_names: 0,
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH,
            key: String::new(),
            signature: String::new(),
            sha256: String::new(),
            key_sha256: "00".to_owned(),
        };
        let mut facts = connected("h.example:993");
        let host = |text: &str| Policy { expect_host: vec![Host::parse(text).unwrap()], ..Policy::default() };
        let issuer = |text: &str| Policy { expect_issuer: Some(text.to_owned()), ..Policy::default() };
        assert_eq!(judged(&facts, &host("h.example")), ["requirement.expect-host unknown"]);
        assert_eq!(judged(&facts, &issuer("x")), ["requirement.expect-issuer unknown"]);
        facts.chain = Some(Chain { certificate: Some(certificate), length: 1, problems: Vec::new() });
        for (policy, expected) in [
            (host("h.example"), &[][..]),
            (host("imap.example.net"), &[]),
            (host("other.example"), &["requirement.expect-host fail"]),
            (issuer("let's encrypt"), &[]),
            (issuer("r11"), &[]),
            (issuer("US"), &["requirement.expect-issuer fail"]),
        ] {
            assert_eq!(judged(&facts, &policy), expected, "{policy:?}");
        }
    }

    #[test]
    fn time_is_bounded_and_what_was_skipped_has_none() {
        let policy = Policy { max_time: Some(Duration::from_secs(2)), ..requiring("password-auth") };
        for (seconds, expected) in
            [(Some(3), &["requirement.max-time fail"][..]), (Some(2), &[]), (None, &[])]
        {
            let mut facts = signing_in("h.example:993", &["PLAIN"]);
            facts.timings.total = seconds.map(Duration::from_secs);
            assert_eq!(judged(&facts, &policy), expected, "{seconds:?}");
        }
        let mut skipped = facts("h.example:993");
        skipped.connect = Attempt::Skipped("no route".to_owned());
        assert!(judged(&skipped, &policy).is_empty());
    }
}
