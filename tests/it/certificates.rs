//! What can be wrong with a certificate: each problem found, all of them told at once, and nothing else hidden by them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mailcfg::settings::Security::{StartTls, Tls};
use rcgen::ExtendedKeyUsagePurpose;
use serde_json::json;

use crate::support::ca::{self, Authority, Identity, Leaf};
use crate::support::command;
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, Verdict, examine, prepare};

/// Examines a host with a certificate; the handshake and the dialogue must succeed whatever is wrong with it.
#[track_caller]
fn shown(identity: &Identity) -> Verdict {
    let (verdict, _host) = examine(Mail::imap(Tls).config(identity.config()));
    verdict.shows(json!({
        "greeting": { "outcome": "done" },
        "capabilities": { "after_tls": { "outcome": "done" } },
        "tls": { "outcome": "done" },
        "password_auth": { "answer": "yes" },
    }));
    verdict
}

/// Asserts that a certificate has these problems, each a failure, and no others.
#[track_caller]
fn has_problems(identity: &Identity, problems: &[&str]) -> Verdict {
    let verdict = shown(identity);
    let findings: Vec<_> = problems.iter().map(|problem| format!("certificate.{problem} fail")).collect();
    let findings: Vec<_> = findings.iter().map(String::as_str).collect();
    verdict.ends(1, "fail").finds_only(&findings);
    assert_eq!(verdict.at("/tls/value/problems"), &json!(problems));
    verdict
}

#[test]
fn a_good_certificate_is_described() {
    let verdict = shown(&ca::good());
    verdict.passes().shows(json!({ "tls": { "value": {
        "chain_length": 1,
        "problems": [],
        "certificate": {
            "subject": "CN=a test",
            "issuer": "CN=mailcfg tests",
            "names": [HOST],
            "days_left": 80,
            "key": "ECDSA P-256",
            "signature": "ecdsa-with-SHA256",
        },
    } } }));
    assert_eq!(verdict.text("/tls/value/certificate/sha256").len(), 64);
}

#[test]
fn dates_are_held_against_the_clock() {
    has_problems(&ca::trusted().issue(&Leaf { begins: -90, ends: -1, ..Leaf::default() }), &["expired"]);
    has_problems(&ca::trusted().issue(&Leaf { begins: 2, ends: 90, ..Leaf::default() }), &["not-yet-valid"]);
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning() {
    for (begins, ends, soon) in [(-80, 10, true), (-60, 30, false), (-2, 4, false), (-5, 1, true)] {
        let verdict = shown(&ca::trusted().issue(&Leaf { begins, ends, ..Leaf::default() }));
        match soon {
            true => verdict.ends(0, "warn").finds_only(&["certificate.expires-soon warn"]),
            false => verdict.passes(),
        };
    }
}

#[test]
fn names_are_those_of_the_alternative_name_alone() {
    let named = |names: &[&'static str], common_name| {
        ca::trusted().issue(&Leaf { names: names.to_vec(), common_name, ..Leaf::default() })
    };
    has_problems(&named(&["other.example.org"], "other"), &["wrong-name"]);
    has_problems(&named(&["192.0.2.1"], HOST), &["wrong-name"]);
    let verdict = shown(&named(&[], HOST));
    verdict.ends(1, "fail").finds_only(&["certificate.wrong-name fail", "certificate.common-name-only warn"]);
    assert!(verdict.text("/findings/0/text").contains("common name"), "{verdict:?}");
    shown(&named(&["*.example.org"], "wildcard")).passes();
    shown(&named(&["MAIL.example.ORG"], "capitals")).passes();
}

#[test]
fn the_names_of_a_certificate_flooded_every_screen() {
    let names: Vec<&'static str> =
        (0..1_500).map(|number| &*format!("host-{number}.example.org").leak()).collect();
    let organisation: &'static str = "x".repeat(20_000).leak();
    let fat = ca::trusted().issue(&Leaf { names, common_name: organisation, ..Leaf::default() });
    for (format, most) in
        [("human", 4_000), ("nagios", 1_000), ("junit", 8_000), ("github", 4_000), ("json", 40_000)]
    {
        let host = Mail::imap(Tls).config(fat.config()).start();
        let probe = prepare(&Mail::imap(Tls), &host);
        let arguments = probe.arguments().iter().filter(|argument| *argument != "--json");
        let output = command::run(arguments.map(String::as_str).chain(["--format", format]));
        assert!((1..most).contains(&output.stdout.len()), "{format}: {}", output.stdout.len());
    }
    let host = Mail::imap(Tls).config(fat.config()).start();
    let verdict = prepare(&Mail::imap(Tls), &host).with(&["--expect-host", "host-1499.example.org"]).run();
    assert!(verdict.at("/notes").to_string().contains("the certificate has 1500 names"), "{verdict:?}");
    verdict.ends(1, "fail").finds_only(&["certificate.wrong-name fail", "requirement.expect-host unknown"]);
}

#[test]
fn a_wildcard_stands_for_one_label() {
    let wildcard = ca::trusted().issue(&Leaf { names: vec!["*.example.org"], ..Leaf::default() });
    let mail = Mail::imap(Tls).config(wildcard.config());
    let host = mail.start();
    let verdict = Probe::of("imaps://a.mail.example.org").at(host.address).run();
    verdict.ends(1, "fail").finds_only(&["certificate.wrong-name fail"]);
}

#[test]
fn an_address_needs_an_address_in_the_certificate() {
    for (name, problems) in [("127.0.0.1", json!([])), (HOST, json!(["wrong-name"]))] {
        let leaf = ca::trusted().issue(&Leaf { names: vec![name], ..Leaf::default() });
        let host = Mail::imap(Tls).config(leaf.config()).start();
        let verdict = Probe::of(&format!("imaps://{}", host.address)).run();
        assert_eq!(verdict.at("/tls/value/problems"), &problems);
        assert_eq!(verdict.at("/tls/value/certificate/names"), &json!([name]));
    }
}

#[test]
fn an_internationalised_host_is_held_against_its_a_label() {
    let leaf = ca::trusted().issue(&Leaf { names: vec!["xn--bcher-kva.example.org"], ..Leaf::default() });
    let host = Mail::imap(Tls).config(leaf.config()).start();
    Probe::of("imaps://bücher.example.org").at(host.address).run().passes();
    assert_eq!(host.session().sni.as_deref(), Some("xn--bcher-kva.example.org"));
}

#[test]
fn trust_comes_from_the_roots_that_were_named() {
    let unknown = Authority::new("unknown authority");
    let verdict = has_problems(&unknown.issue(&Leaf::default()), &["unknown-issuer"]);
    assert!(verdict.text("/findings/0/hint").contains("--ca-file"), "{verdict:?}");

    let mail = Mail::imap(Tls);
    let host = mail.start();
    let verdict = prepare(&mail, &host).without_ca().run();
    verdict.ends(1, "fail").finds_only(&["certificate.unknown-issuer fail"]);
}

#[test]
fn a_self_signed_certificate_is_told_from_an_unknown_issuer() {
    has_problems(&ca::self_signed(&Leaf::default()), &["self-signed"]);
}

#[test]
fn an_intermediate_that_was_not_sent_is_missing() {
    let intermediate = ca::trusted().intermediate("between");
    let url = Some("http://ca.example.org/between.der");
    let leaf = intermediate.issue(&Leaf { issuer_url: url, ..Leaf::default() });
    let verdict = shown(&leaf);
    verdict.passes().shows(json!({ "tls": { "value": { "chain_length": 2 } } }));
    has_problems(&leaf.alone(), &["missing-intermediate"]);
    has_problems(&intermediate.issue(&Leaf::default()).alone(), &["unknown-issuer"]);
}

#[test]
fn a_certificate_for_clients_is_not_for_servers() {
    let usage = ExtendedKeyUsagePurpose::ClientAuth;
    has_problems(&ca::trusted().issue(&Leaf { usage, ..Leaf::default() }), &["wrong-purpose"]);
}

#[test]
fn all_problems_are_told_at_once() {
    let late_and_elsewhere =
        Leaf { names: vec!["other.example.org"], begins: -90, ends: -3, ..Leaf::default() };
    has_problems(&ca::trusted().issue(&late_and_elsewhere), &["expired", "wrong-name"]);
    has_problems(
        &Authority::new("nobody").issue(&late_and_elsewhere),
        &["expired", "unknown-issuer", "wrong-name"],
    );
    has_problems(&ca::self_signed(&late_and_elsewhere), &["expired", "self-signed", "wrong-name"]);
}

#[test]
fn on_the_relay_port_a_bad_certificate_is_a_warning() {
    let mail = Mail::smtp(StartTls).config(ca::self_signed(&Leaf::default()).config());
    let host = mail.start();
    let verdict = Probe::of("smtp://mail.example.org").at(host.address).run();
    verdict.ends(0, "warn").finds_only(&["certificate.self-signed warn"]);
}

#[test]
fn a_sha1_signature_is_weak() {
    let mail = Mail::imap(Tls).config(ca::fixture("sha1.pem", "sha1.key").config());
    let host = mail.start();
    let authority = ca::fixture_file("authority.pem").display().to_string();
    let verdict = prepare(&mail, &host).without_ca().with(&["--ca-file", &authority]).run();
    verdict.ends(1, "fail").finds_only(&["certificate.weak-signature fail"]);
    assert_eq!(verdict.at("/tls/value/problems"), &json!(["weak-signature"]));
    assert_eq!(verdict.text("/tls/value/certificate/signature"), "sha1WithRSAEncryption");
}

#[test]
fn a_key_of_1024_bits_is_weak_though_the_handshake_fails() {
    // aws-lc-rs signs nothing with such a key; OpenSSL does.
    let file = |name| ca::fixture_file(name).display().to_string();
    let mut openssl = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cipher", "DEFAULT:@SECLEVEL=0"])
        .args(["-cert", &file("weak.pem"), "-key", &file("weak.key")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(openssl.stdout.take().unwrap()).lines();
    let ready =
        lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("ACCEPT ")).expect("OpenSSL listens");
    let address = ready.trim_start_matches("ACCEPT ").parse().unwrap();

    let probe = Probe::of("imaps://mail.example.org").at(address);
    let verdict = probe.without_ca().with(&["--ca-file", &file("authority.pem")]).run();
    let _ = openssl.kill();
    openssl.wait().unwrap();
    verdict.ends(1, "fail").finds("certificate.weak-key fail").finds("tls.handshake-failed fail");
    verdict.failed("/tls", "tls", false);
    verdict.shows(json!({ "tls": { "problems": ["weak-key"], "certificate": { "key": "RSA 1024" } } }));
}
