//! Handshakes of other shapes: versions, groups, client certificates, and ports that speak TLS where they should not.

use std::time::Duration;

use mailcfg::settings::Security::{StartTls, Tls};
use rustls::NamedGroup;
use serde_json::json;

use crate::support::ca;
use crate::support::host::{End, Host, Step, blurt, close, pause, send, silence};
use crate::support::hostile;
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, examine, prepare};

#[test]
fn post_quantum_key_exchange_is_seen() {
    let (verdict, host) = examine(Mail::imap(Tls));
    let agreed = json!({ "version": "TLSv1.3", "key_exchange": "X25519MLKEM768", "post_quantum": true });
    verdict.passes().shows(json!({ "tls": { "value": agreed }, "retried_with_smaller_hello": null }));
    assert!(host.session().hello > Some(1_000), "the hybrid key share is in the first flight");
}

#[test]
fn classical_groups_and_a_hello_retry_request_are_fine() {
    for (group, name) in [(NamedGroup::X25519, "X25519"), (NamedGroup::secp256r1, "secp256r1")] {
        for mail in [Mail::imap(Tls), Mail::smtp(StartTls)] {
            let (verdict, _host) = examine(mail.config(ca::good().group(group)));
            let agreed = json!({ "version": "TLSv1.3", "key_exchange": name, "post_quantum": false });
            verdict.passes().shows(json!({ "tls": { "value": agreed }, "retried_with_smaller_hello": null }));
        }
    }
}

#[test]
fn tls_1_2_alone_works_with_a_warning() {
    for mail in [Mail::imap(Tls), Mail::pop3(StartTls)] {
        let (verdict, _host) = examine(mail.config(ca::good().tls12()));
        verdict
            .ends(0, "warn")
            .finds_only(&["tls.no-1-3 warn"])
            .shows(json!({ "tls": { "value": { "version": "TLSv1.2", "post_quantum": false } } }));
        assert!(verdict.text("/tls/value/cipher_suite").starts_with("TLS_ECDHE_ECDSA_"), "{verdict:?}");
    }
}

#[test]
fn old_tls_alone_is_named_by_its_alert() {
    let mail = Mail::imap(Tls).on_hello(Step::HelloUpTo(0, End::Alert(PROTOCOL_VERSION)));
    let host = mail.start().expect_connections(2);
    let verdict = prepare(&mail, &host).run();
    verdict.ends(1, "fail").finds_only(&["tls.too-old fail"]);
    verdict.failed("/tls", "tls", false);
}

#[test]
fn a_client_certificate_that_is_only_asked_for_is_no_matter() {
    let (verdict, _host) = examine(Mail::imap(Tls).config(ca::good().client_certificate(false)));
    verdict.passes();
}

#[test]
fn a_client_certificate_that_is_required_is_named() {
    let mail = Mail::imap(Tls).config(ca::good().client_certificate(true));
    let (verdict, _host) = examine(mail);
    verdict.ends(1, "fail").finds_only(&["tls.client-certificate fail"]);
    assert_eq!(verdict.at("/tls/value/problems"), &json!([]));
    let reason = verdict.failed("/greeting", "greeting", false);
    assert!(reason.contains("CertificateRequired"), "{reason}");
}

#[test]
fn a_clear_port_taken_for_tls_is_named() {
    for greeting in ["* OK ready\r\n", "+OK ready\r\n", "220 ready\r\n"] {
        let host = Host::start([blurt(greeting), silence()]);
        let verdict = Probe::of("imaps://mail.example.org").at(host.address).run();
        verdict.ends(1, "fail").finds_only(&["tls.expected-clear fail"]);
        assert!(verdict.text("/findings/0/hint").contains("--security starttls"), "{verdict:?}");
        let reason = verdict.failed("/tls", "tls", false);
        assert!(reason.contains(greeting.trim_end()), "{reason}");
    }
}

#[test]
fn a_tls_port_taken_for_clear_is_named() {
    for url in ["imap://mail.example.org", "pop3://mail.example.org", "submission://mail.example.org"] {
        let host = Mail::imap(Tls).unasked_after().start();
        let verdict = Probe::of(url).at(host.address).with(&["--timeout", "3s"]).run();
        verdict.ends(1, "fail").finds_only(&["tls.expected-tls fail"]);
        assert!(verdict.text("/findings/0/hint").contains("--security tls"), "{verdict:?}");
        verdict.failed("/greeting", "greeting", false);
        verdict.shows(json!({ "starttls": { "outcome": "skipped" } }));
    }
}

#[test]
fn other_services_are_named() {
    let ssh = "SSH-2.0-OpenSSH_9.2\r\n";
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    for (url, script, name) in [
        ("imap://mail.example.org", [send(ssh), silence()], "SSH"),
        ("imaps://mail.example.org", [blurt(ssh), silence()], "SSH"),
        ("submission://mail.example.org", [send(http), close()], "HTTP"),
        ("imaps://mail.example.org", [Step::HelloUpTo(usize::MAX, End::Silence), blurt(http)], "HTTP"),
        ("imap://mail.example.org", [Step::HelloUpTo(usize::MAX, End::Silence), blurt(http)], "HTTP"),
        ("imap://mail.example.org", [send("220 mail ESMTP\r\n"), silence()], "SMTP"),
        ("submission://mail.example.org", [send("+OK ready\r\n"), silence()], "POP3"),
    ] {
        let host = Host::start(script);
        let verdict = Probe::of(url).at(host.address).with(&["--timeout", "3s"]).run();
        verdict.ends(1, "fail").finds_only(&["greeting.not-mail fail"]);
        let text = verdict.text("/findings/0/text");
        assert!(text.contains(&format!("speaks {name}")), "{url}: {text}");
    }
}

#[test]
fn an_address_has_no_sni_unless_told() {
    let mail = Mail::imap(Tls);
    let host = mail.start();
    let target = format!("imaps://{}", host.address);
    Probe::of(&target).with(&["--sni", HOST]).run().passes();
    assert_eq!(host.session().sni.as_deref(), Some(HOST));
}

#[test]
fn a_certificate_that_came_is_told_although_the_handshake_hung_behind_it() {
    let hangs = |config, cut| Mail::imap(Tls).on_hello(Step::Flight(config, cut, End::Silence));
    for (cut, is_told) in [(hostile::IN_VERIFY, false), (hostile::IN_FINISHED, true)] {
        let mail = hangs(ca::good().small_records(), cut);
        let verdict = prepare(&mail, &mail.start()).with(&["--timeout", "2s"]).run();
        verdict.ends(1, "fail").finds_only(&["tls.handshake-failed fail"]);
        let certificate = verdict.endpoint().pointer("/tls/certificate");
        assert_eq!(certificate.is_some(), is_told, "{cut:?} {verdict:?}");
    }
}

#[test]
fn a_slow_handshake_is_waited_for() {
    let (verdict, _host) = examine(Mail::imap(Tls).on_hello(pause(2_000)));
    verdict.passes();
    let waited = verdict.at("/timings_ms/tls").as_f64().unwrap();
    assert!(waited > Duration::from_millis(1_500).as_millis() as f64, "{waited} ms");
}

/// The alert protocol_version (RFC 9846, section 6).
const PROTOCOL_VERSION: u8 = 70;
