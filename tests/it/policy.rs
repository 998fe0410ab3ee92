//! Thresholds, requirements, findings that do not count, and what counts as a failure: each flag met, not met, and
//! written wrongly.

use mailcfg::settings::Security::{StartTls, Tls};
use rustls::NamedGroup;
use serde_json::json;

use crate::support::ca::{self, Leaf};
use crate::support::command::{Output, run};
use crate::support::dns::{Answer, Dns};
use crate::support::folder::Folder;
use crate::support::host::{Host, pause, send, silence};
use crate::support::mail::{HOST, Mail, ehlo};
use crate::support::probe::{Probe, Verdict, findings, prepare};

/// Probes a host with more arguments.
fn demanding(mail: &Mail, arguments: &[&str]) -> Verdict {
    let host = mail.start();
    prepare(mail, &host).with(arguments).run()
}

#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let output = run([&["probe", "mail.example.org:993"], arguments].concat());
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(words.iter().all(|word| output.stderr.contains(word)), "{words:?}: {output:?}");
}

#[test]
fn days_of_a_certificate_are_demanded() {
    let lasting =
        |days| Mail::imap(Tls).config(ca::trusted().issue(&Leaf { ends: days, ..Leaf::default() }).config());
    for (days, demanded, code, status) in [
        (10, "5:2", 0, "pass"),
        (10, "30:7", 0, "warn"),
        (5, "30:7", 1, "fail"),
        (5, ":5", 0, "pass"),
        (80, "90:85", 1, "fail"),
    ] {
        let verdict = demanding(&lasting(days), &["--min-days", demanded]);
        verdict.ends(code, status);
        if status != "pass" {
            verdict.finds_only(&[&format!("certificate.expires-soon {status}")]);
        }
    }
    refused(&["--min-days", "14"], &["\"14\"", "W:F"]);
    refused(&["--min-days", "7:20"], &["\"7:20\""]);
}

#[test]
fn a_version_of_tls_is_demanded() {
    let old = Mail::imap(Tls).config(ca::good().tls12());
    demanding(&Mail::imap(Tls), &["--min-tls", "1.3"]).passes();
    demanding(&old, &["--min-tls", "1.2"]).ends(0, "warn");
    demanding(&old, &["--min-tls", "1.3"]).ends(1, "fail").finds("requirement.min-tls fail");
    demanding(&old, &["--require", "tls1.3"]).ends(1, "fail").finds("requirement.tls1.3 fail");
    refused(&["--min-tls", "1.1"], &["\"1.1\"", "1.2 or 1.3"]);
}

#[test]
fn what_is_required_is_there_or_fails() {
    let classic = ca::good().group(NamedGroup::X25519);
    let no_starttls = Mail::smtp(StartTls)
        .before(&ehlo("AUTH XOAUTH2"))
        .go_ahead([send("502 no such command\r\n"), silence()]);
    for (mail, required, finding) in [
        (Mail::imap(Tls), "password-auth,post-quantum,tls,tls1.3", None),
        (Mail::smtp(StartTls), "starttls,size,8bitmime,pipelining,enhancedstatuscodes,password-auth", None),
        (Mail::pop3(Tls), "uidl", None),
        // Words of other protocols ask nothing of this one.
        (Mail::imap(Tls), "uidl,size,starttls", None),
        (Mail::imap(Tls), "sasl-ir", Some("requirement.sasl-ir fail")),
        (Mail::imap(Tls), "idle", Some("requirement.idle unknown")),
        (Mail::imap(Tls), "oauth2", Some("requirement.oauth2 fail")),
        (Mail::imap(Tls).config(classic), "post-quantum", Some("requirement.post-quantum fail")),
        (Mail::pop3(Tls), "top", Some("requirement.top fail")),
        (Mail::smtp(Tls), "smtputf8", Some("requirement.smtputf8 fail")),
        (Mail::smtp(StartTls), "tls", Some("requirement.tls fail")),
        (no_starttls, "starttls", Some("requirement.starttls fail")),
        (
            Mail::imap(Tls).after("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2\r\n{tag} OK\r\n"),
            "password-auth",
            Some("requirement.password-auth fail"),
        ),
    ] {
        let verdict = demanding(&mail, &["--require", required]);
        match finding {
            None => verdict.passes(),
            Some(unknown) if unknown.ends_with("unknown") => verdict.ends(3, "unknown").finds(unknown),
            Some(finding) => verdict.ends(1, "fail").finds(finding),
        };
    }
    refused(&["--require", "uild"], &["\"uild\"", "uidl"]);
    refused(&["--require", ""], &["no such requirement"]);
}

#[test]
fn what_could_not_be_found_out_is_not_missing() {
    let busy = Mail::imap(Tls).greeting([send("* BYE [UNAVAILABLE] come back later\r\n")]).unasked_after();
    let verdict = demanding(&busy, &["--require", "password-auth,sasl-ir"]);
    verdict.ends(3, "unknown").finds_only(&[
        "greeting.bye unknown",
        "requirement.password-auth unknown",
        "requirement.sasl-ir unknown",
    ]);
}

#[test]
fn an_address_of_a_family_is_required_of_every_host() {
    let host = Mail::imap(Tls).start().expect_connections(3);
    let port = host.address.port();
    let with = |rows: &[_], required: &str| {
        let dns = Dns::start(rows);
        let target = format!("imaps://{HOST}:{port}");
        Probe::of(&target).with(&["--resolver", &dns.place(), "--require", required]).run()
    };
    let a = (HOST, hickory_resolver::proto::rr::RecordType::A, Answer::Is("127.0.0.1"));
    let aaaa = |answer| (HOST, hickory_resolver::proto::rr::RecordType::AAAA, answer);
    with(&[a], "ipv4").passes();
    with(&[a], "ipv6").ends(1, "fail").finds_only(&["requirement.ipv6 fail"]);
    with(&[a, aaaa(Answer::ServFail)], "ipv6").ends(3, "unknown").finds("requirement.ipv6 unknown");
    drop(host);
    refused(&["--require", "ipv6", "-4"], &["ipv6", "-4"]);
    refused(&["--require", "ipv6", "--proxy", "socks5h://127.0.0.1:1"], &["ipv6", "proxy"]);
}

#[test]
fn an_address_of_the_family_must_connect() {
    let mail = Mail::imap(Tls);
    let host = mail.start();
    let port = host.address.port();
    // The host listens on 127.0.0.1 alone.
    let rows = [
        (HOST, hickory_resolver::proto::rr::RecordType::A, Answer::Is("127.0.0.1")),
        (HOST, hickory_resolver::proto::rr::RecordType::AAAA, Answer::Is("::1")),
    ];
    let dns = Dns::start(&rows);
    let target = format!("imaps://{HOST}:{port}");
    let verdict = Probe::of(&target).with(&["--resolver", &dns.place(), "--require", "ipv6"]).run();
    let all: Vec<String> = verdict.endpoints().iter().flat_map(findings).collect();
    // A machine without IPv6 cannot tell.
    let expected = if verdict.code == 1 { "requirement.ipv6 fail" } else { "requirement.ipv6 unknown" };
    assert!(all.iter().any(|finding| finding == expected), "{verdict:#?}");
    assert_eq!(verdict.endpoints().len(), 2, "every address is an entry");
}

#[test]
fn names_and_issuers_are_expected() {
    let identity = ca::trusted().issue(&Leaf { names: vec![HOST, "*.example.net"], ..Leaf::default() });
    let mail = Mail::imap(Tls).config(identity.config());
    for (arguments, finding) in [
        (["--expect-host", "imap.example.net"], None),
        (["--expect-host", "a.imap.example.net"], Some("requirement.expect-host fail")),
        (["--expect-issuer", "MAILCFG"], None),
        (["--expect-issuer", "Let's Encrypt"], Some("requirement.expect-issuer fail")),
    ] {
        let verdict = demanding(&mail, &arguments);
        match finding {
            None => verdict.passes(),
            Some(finding) => verdict.ends(1, "fail").finds_only(&[finding]),
        };
    }
    refused(&["--expect-host", "a b"], &["a b"]);
    refused(&["--expect-issuer", ""], &["--expect-issuer"]);
}

#[test]
fn a_slow_endpoint_fails_when_the_time_is_bounded() {
    let slow = Mail::imap(Tls).greeting([pause(600), send("* OK ready\r\n")]);
    demanding(&slow, &["--max-time", "500ms"]).ends(1, "fail").finds_only(&["requirement.max-time fail"]);
    demanding(&Mail::imap(Tls), &["--max-time", "30s"]).passes();
    refused(&["--max-time", "soon"], &["--max-time", "\"soon\""]);
}

#[test]
fn an_ignored_finding_stays_and_does_not_count() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -2, ..Leaf::default() });
    let mail = Mail::imap(Tls).config(expired.config());
    let verdict =
        demanding(&mail, &["--ignore", "certificate.expired until 2999-12-31 because it is on order"]);
    verdict.ends(0, "pass").finds_only(&["certificate.expired fail"]);
    let ignored = verdict
        .at("/findings")
        .as_array()
        .and_then(|all| all.iter().find(|finding| finding["id"] == "certificate.expired").cloned());
    let ignored = ignored.expect("it stays in the report");
    assert_eq!(ignored["ignored"], json!(true));
    assert_eq!(ignored["ignored_reason"], "it is on order");
    demanding(&mail, &["--ignore", "certificate.expired@mail.example.org:993"]).ends(0, "pass");
    demanding(&mail, &["--ignore", "tls.no-1-3,certificate.expired"]).ends(0, "pass");
    demanding(&mail, &["--ignore", "certificate.expired@other.example.org"]).ends(1, "fail");
    demanding(&mail, &["--ignore", "certificate.wrong-name"]).ends(1, "fail");
    demanding(&mail, &["--ignore", "certificate.expired until 2020-01-01"])
        .ends(1, "fail")
        .finds_only(&["certificate.expired fail", "run.ignore-expired warn"]);
    refused(&["--ignore", "certificate.expierd"], &["certificate.expierd", "certificate.expired"]);
    refused(&["--ignore", "certificate.expired until tomorrow"], &["date"]);
}

#[test]
fn an_ignored_finding_is_shown_on_the_screen() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -2, ..Leaf::default() });
    let mail = Mail::imap(Tls).config(expired.config());
    let host = mail.start();
    let probe = prepare(&mail, &host).with(&["--ignore", "certificate.expired because it is on order"]);
    let arguments: Vec<&String> = probe.arguments().iter().filter(|argument| *argument != "--json").collect();
    let Output { code, stdout, .. } = run(arguments);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("ignored: certificate.expired: ") && stdout.contains("it is on order"),
        "{stdout}"
    );
    assert!(!stdout.contains("FAIL") && !stdout.contains("more: mailcfg explain"), "{stdout}");
}

#[test]
fn warnings_and_the_unknown_count_when_they_are_to() {
    let warned = Mail::imap(Tls).config(ca::good().tls12());
    demanding(&warned, &[]).ends(0, "warn");
    demanding(&warned, &["--fail-on", "warn"]).ends(1, "warn");
    demanding(&warned, &["--fail-on", "unknown"]).ends(0, "warn");
    let busy = Mail::smtp(StartTls).greeting("421 later\r\n");
    let unknown = |arguments: &[&str]| {
        let host = Host::start([send("421 later\r\n")]);
        prepare(&busy, &host).with(arguments).run()
    };
    unknown(&[]).ends(3, "unknown");
    unknown(&["--fail-on", "warn"]).ends(3, "unknown");
    unknown(&["--fail-on", "warn,unknown"]).ends(1, "unknown");
    refused(&["--fail-on", "fail"], &["\"fail\"", "warn,unknown"]);
}

#[test]
fn the_words_of_a_requirement_are_not_what_its_finding_means() {
    for (id, label) in [("requirement.uidl", "what it asks for"), ("requirement.min-tls", "what it means")] {
        let output = run(["explain", id]);
        assert!(output.stdout.lines().any(|line| line.trim_start().starts_with(label)), "{output:?}");
    }
}

#[test]
fn explain_says_what_it_means_and_what_to_do() {
    for (words, expected) in [
        (&["certificate.expires-soon"][..], &["warn or fail", "20 days", "renew", "RFC 5280"][..]),
        (&["imap"], &["993", "RFC 9051", "imap.extensions"]),
        (&["465"], &["TLS from the first byte", "587"]),
        (&["starttls"], &["clear text", "starttls.injection"]),
        (&["App-Password"], &["two-factor"]),
        (&["dane"], &["DNSSEC", "does not check"]),
        (&["requirements"], &["requirement.post-quantum", "requirement.uidl"]),
        (&["certificate.expired", "465"], &["certificate.expired", "465"]),
        (&[], &["tls.no-1-3", "smtp.no-size", "app-password", "exit-codes"]),
    ] {
        let output = run([&["explain"], words].concat());
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        assert!(expected.iter().all(|text| output.stdout.contains(text)), "{expected:?}: {}", output.stdout);
    }
    let output = run(["explain", "certificate.expires-soon", "--json"]).json();
    assert_eq!(output["findings"][0]["id"], "certificate.expires-soon");
    assert_eq!(output["findings"][0]["severities"], json!(["warn", "fail"]));
    let output = run(["explain", "--json"]).json();
    assert!(output["findings"].as_array().is_some_and(|all| all.len() > 90), "{output}");
    let output = run(["explain", "starttsl"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("starttls"), "{output:?}");
}

#[test]
fn the_screen_of_a_bad_endpoint_ends_with_where_to_read_more() {
    let mail = Mail::imap(Tls).config(ca::good().tls12());
    let host = mail.start();
    let probe = prepare(&mail, &host);
    let arguments: Vec<&String> = probe.arguments().iter().filter(|argument| *argument != "--json").collect();
    let output = run(arguments);
    assert_eq!(output.stdout.lines().last(), Some("  more: mailcfg explain tls.no-1-3"), "{}", output.stdout);
}

#[test]
fn a_domain_with_starttls_alone_is_warned() {
    let host = Mail::smtp(StartTls).start().expect_connections(3);
    let folder = Folder::new();
    folder.write(
        "own.toml",
        "[[provider]]\nid = \"own\"\nname = \"Own\"\ndomains = [\"own.example\"]\nservices = [\n  \
         { protocol = \"smtp\", host = \"mail.example.org\", port = 587, security = \"starttls\" },\n]\n",
    );
    let table = folder.path().join("own.toml").display().to_string();
    let probe = Probe::of("own.example").at(host.address).with(&["--providers", &table]);
    let verdict = probe.run();
    assert_eq!((verdict.code, &verdict.document["status"]), (0, &json!("warn")));
    assert_eq!(findings(&verdict.document), ["tls.only-starttls warn"]);
    assert_eq!(verdict.at("/status"), "pass", "the endpoint itself is fine");
    assert!(verdict.at("/findings").to_string().contains("certificate.mail-domain"), "{verdict:#?}");
    let screen = run(probe.arguments().iter().filter(|argument| *argument != "--json")).stdout;
    assert!(screen.contains("the endpoint works") && screen.contains("hint: offer the port"), "{screen}");
    let ignored = probe.with(&["--ignore", "tls.only-starttls", "--fail-on", "warn"]).run();
    assert_eq!((ignored.code, &ignored.document["status"]), (0, &json!("pass")));
}
