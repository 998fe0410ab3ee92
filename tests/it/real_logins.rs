//! Sign-ins at real servers: Dovecot, Postfix, Exim and Cyrus, by every mechanism that they have.

use serde_json::{Value, json};

use super::real::{NAMES, probe};
use crate::support::command::Output;
use crate::support::dns::Dns;

const PASSWORD: &str = "echo mailcfg-test-pw";

fn sign_in(dns: &Dns, target: &str, more: &[&str]) -> Output {
    let arguments = [&[target, "--json", "--login"], more].concat();
    let output = probe(dns, &arguments);
    assert!(
        !output.stdout.contains("mailcfg-test-pw") && !output.stdout.contains("bWFpbGNmZy10ZXN0LXB3"),
        "{output:?}"
    );
    output
}

fn as_user<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--user", "user", "--password-command", command], more].concat()
}

fn login(output: &Output) -> Value {
    output.json().pointer("/endpoints/0/login").cloned().unwrap_or_default()
}

/// The mechanisms of each server, the strongest first: the first of them is chosen unless another is asked for.
const SERVERS: &[(&str, &[&str])] = &[
    (
        "imap://login.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "login-command"],
    ),
    (
        "imaps://login.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "login-command"],
    ),
    (
        "pop3://login.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "user-pass"],
    ),
    (
        "pop3s://login.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "user-pass", "apop"],
    ),
    ("submission://login.example.org", &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]),
    ("submissions://login.example.org", &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]),
    ("submissions://mail.example.org", &["PLAIN", "LOGIN"]),
    ("submission://mail.example.org", &["PLAIN", "LOGIN"]),
    ("imaps://disroot.org", &["PLAIN", "LOGIN", "login-command"]),
    ("submission://disroot.org", &["PLAIN", "LOGIN"]),
    (
        "imap://cyrus.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "login-command"],
    ),
    (
        "imaps://cyrus.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "login-command"],
    ),
    (
        "pop3s://cyrus.example.org",
        &["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "user-pass", "apop"],
    ),
];

#[test]
fn every_mechanism_signs_in_at_every_server_that_has_it() {
    let dns = Dns::start(NAMES);
    for (target, mechanisms) in SERVERS {
        // Cyrus offers more than it does: see the next test.
        if !target.contains("cyrus") {
            let output = sign_in(&dns, target, &as_user(PASSWORD, &[]));
            assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{target} {output:?}");
            assert_eq!(login(&output)["value"]["mechanism"], mechanisms[0], "{target} {output:?}");
        }
        for mechanism in *mechanisms {
            let output = sign_in(&dns, target, &as_user(PASSWORD, &["--mechanism", mechanism]));
            assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{target} {mechanism} {output:?}");
            assert_eq!(login(&output)["value"]["mechanism"], *mechanism, "{target}");
        }
    }
}

#[test]
fn a_binding_that_cyrus_offers_and_does_not_know_is_no_wrong_password() {
    let dns = Dns::start(NAMES);
    for target in ["imap://cyrus.example.org", "imaps://cyrus.example.org", "pop3s://cyrus.example.org"] {
        let output = sign_in(&dns, target, &as_user(PASSWORD, &[]));
        let login = login(&output);
        assert_eq!((output.code, &login["kind"]), (1, &json!("other")), "{target} {output:?}");
        assert_eq!(login["attempts"][0]["mechanism"], "SCRAM-SHA-256-PLUS", "{target} {output:?}");
        assert_eq!(login["attempts"].as_array().map(Vec::len), Some(1), "{target} {output:?}");
        let findings = output.json()["endpoints"][0]["findings"].to_string();
        assert!(findings.contains("login.binding-refused"), "{target} {findings}");
    }
}

#[test]
fn a_wrong_password_is_told_by_every_mechanism() {
    let dns = Dns::start(NAMES);
    for (target, mechanisms) in SERVERS {
        let mechanism = mechanisms.first().unwrap();
        let output = sign_in(&dns, target, &as_user("echo wrong", &["--mechanism", mechanism]));
        let login = login(&output);
        assert_eq!(output.code, 1, "{target} {output:?}");
        assert_eq!(
            (&login["kind"], &login["stage"]),
            (&json!("wrong-password"), &json!("auth")),
            "{target} {login}"
        );
        assert_eq!(login["attempts"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_token_signs_in_and_a_bad_one_has_expired() {
    let dns = Dns::start(NAMES);
    for target in
        ["imaps://login.example.org", "pop3s://login.example.org", "submissions://login.example.org"]
    {
        for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
            let token = |command| ["--user", "user", "--token-command", command, "--mechanism", mechanism];
            let output = sign_in(&dns, target, &token("echo mailcfg-test-token"));
            assert_eq!(output.code, 0, "{target} {mechanism} {output:?}");
            assert_eq!(login(&output)["value"]["with"], "token");
            let output = sign_in(&dns, target, &token("echo mailcfg-bad-token"));
            assert_eq!(output.code, 1, "{target} {mechanism} {output:?}");
            assert_eq!(login(&output)["kind"], "expired", "{target} {mechanism} {output:?}");
        }
    }
}

#[test]
fn what_can_be_seen_after_signing_in_is_told() {
    let dns = Dns::start(NAMES);
    let seen = login(&sign_in(&dns, "imaps://login.example.org", &as_user(PASSWORD, &[])))["value"].clone();
    assert_eq!(seen["namespaces"], json!([{ "of": "personal", "prefix": "", "delimiter": "/" }]), "{seen}");
    let folders = seen["folders"].as_array().unwrap();
    for (name, role) in [("Sent", "sent"), ("Trash", "trash")] {
        assert!(folders.contains(&json!({ "name": name, "use": role })), "{seen}");
    }
    assert_eq!(seen["quota"][0]["limit"], 102_400, "{seen}");
    assert!(seen["capabilities"].as_array().unwrap().contains(&json!("QUOTA")), "{seen}");
    let seen = login(&sign_in(&dns, "pop3s://login.example.org", &as_user(PASSWORD, &[])))["value"].clone();
    assert_eq!(
        (&seen["mailbox"], &seen["uidl"]),
        (&json!({ "messages": 0, "octets": 0 }), &json!(true)),
        "{seen}"
    );
    assert_eq!(seen["notes"], json!([]));
}

#[test]
fn a_sender_is_asked_for_and_nothing_is_sent() {
    let dns = Dns::start(NAMES);
    let target = "submission://login.example.org";
    for (user, code) in [("user@login.example.org", 1), ("user@disroot.org", 1)] {
        // Both may sign in nowhere by this name but at disroot.org, whose users these servers share.
        let output = sign_in(&dns, target, &["--user", user, "--password-command", PASSWORD]);
        assert_eq!(output.code, code, "{user} {output:?}");
    }
    let output = sign_in(&dns, target, &["--user", "user@disroot.org", "--password-command", PASSWORD]);
    let document = output.json();
    assert_eq!(document["endpoints"][0]["login"]["value"]["sender"]["accepted"], false, "{output:?}");
    assert_eq!(document["endpoints"][0]["findings"][0]["id"], "login.sender-refused");
    let output = sign_in(
        &dns,
        "submissions://disroot.org",
        &["--user", "user@disroot.org", "--password-command", PASSWORD],
    );
    assert_eq!(
        (output.code, &login(&output)["value"]["sender"]["accepted"]),
        (0, &json!(true)),
        "{output:?}"
    );
}

#[test]
fn a_whole_domain_signs_in_by_the_form_of_its_table() {
    let dns = Dns::start(NAMES);
    let output = probe(&dns, &["user@disroot.org", "--login", "--password-command", PASSWORD]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert_eq!(output.stdout.matches("signed in as user with PLAIN").count(), 4, "{output:?}");
}

#[test]
fn a_server_with_an_expired_certificate_gets_no_password() {
    let dns = Dns::start(NAMES);
    for target in ["imaps://expired.example.org", "imap://clear.example.org", "imap://plain.example.org"] {
        let output = sign_in(&dns, target, &as_user(PASSWORD, &[]));
        assert_eq!((output.code, &login(&output)["outcome"]), (1, &json!("skipped")), "{target} {output:?}");
    }
}
