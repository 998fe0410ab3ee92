//! Dialogues that are odd but alive, and some that are broken: what is still understood, and what is a violation.

use mailcfg::settings::Security::{StartTls, Tls};
use serde_json::json;

use crate::support::host::{Host, close, drip, pause, reset, send, silence};
use crate::support::mail::{Mail, USUAL, ehlo};
use crate::support::probe::{examine, prepare};

#[test]
fn a_greeting_may_be_cut_between_cr_and_lf() {
    for mail in [
        Mail::smtp(StartTls).greeting([send("220 ready\r"), pause(100), send("\n")]),
        Mail::imap(Tls).greeting([send("* OK ready\r"), pause(100), send("\n")]),
    ] {
        let (verdict, _host) = examine(mail);
        verdict.passes();
        assert_eq!(verdict.text("/greeting/value/text"), "ready");
        assert_eq!(verdict.at("/notes"), &json!([]));
    }
}

#[test]
fn replies_may_come_byte_by_byte() {
    let mail = Mail::smtp(StartTls)
        .greeting(drip("220-mail\r\n220 ready\r\n", 5))
        .before(drip("250-mail\r\n250 STARTTLS\r\n", 5))
        .go_ahead(drip("220 go\r\n", 5))
        .after(drip(&ehlo("AUTH PLAIN"), 5));
    let (verdict, _host) = examine(mail);
    verdict.passes();
}

#[test]
fn a_reply_with_the_tag_of_another_command_is_a_violation() {
    let wrong = [send("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nX9 OK done\r\n"), silence()];
    let (verdict, _host) = examine(Mail::imap(Tls).after(wrong));
    verdict.ends(1, "fail").finds_only(&["protocol.violation fail"]);
    let reason = verdict.failed("/capabilities/after_tls", "capabilities", false);
    assert!(reason.contains("X9 OK done"), "{reason}");
}

#[test]
fn a_literal_among_the_capabilities_is_a_violation() {
    let literal = [send("* CAPABILITY IMAP4rev1 {5}\r\nhello AUTH=PLAIN\r\n{tag} OK done\r\n"), silence()];
    let (verdict, _host) = examine(Mail::imap(Tls).after(literal));
    verdict.ends(1, "fail").finds_only(&["protocol.violation fail"]);
    verdict.failed("/capabilities/after_tls", "capabilities", false);
}

#[test]
fn a_literal_elsewhere_is_passed_over() {
    let reply = "* X-HELLO {29}\r\n{tag} OK\r\n* CAPABILITY AUTH=X\r\n more\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n";
    let (verdict, _host) = examine(Mail::imap(Tls).after(reply));
    verdict.passes();
    assert_eq!(verdict.at("/capabilities/after_tls/value"), &json!(["IMAP4rev1", "AUTH=PLAIN"]));
}

#[test]
fn a_capa_reply_without_an_end_is_waited_for_and_given_up() {
    let mail = Mail::pop3(StartTls).before([send("+OK\r\nSTLS\r\nUSER\r\n"), silence()]);
    let host = mail.start();
    let verdict = prepare(&mail, &host).with(&["--timeout", "2s"]).run();
    verdict.ends(1, "fail").finds_only(&["capabilities.failed fail"]);
    verdict.failed("/capabilities/before_tls", "capabilities", false);
    verdict.shows(json!({ "starttls": { "outcome": "skipped" } }));
}

#[test]
fn an_ehlo_reply_of_500_lines_is_read() {
    let lines: String = (0..500).map(|number| format!("250-X-{number}\r\n")).collect();
    let reply = format!("250-mail\r\n{lines}{USUAL}250 AUTH PLAIN\r\n");
    let (verdict, _host) = examine(Mail::smtp(Tls).after(&reply));
    verdict.passes();
    assert_eq!(verdict.at("/capabilities/after_tls/value").as_array().map(Vec::len), Some(505));
}

#[test]
fn a_server_that_greets_and_says_no_more_is_given_up() {
    for mail in [Mail::imap(StartTls).before(silence()), Mail::imap(Tls).after(silence())] {
        let host = mail.start();
        let verdict = prepare(&mail, &host).with(&["--timeout", "2s"]).run();
        verdict.ends(1, "fail").finds_only(&["capabilities.failed fail"]);
        verdict.shows(json!({ "greeting": { "outcome": "done" } }));
    }
}

#[test]
fn bytes_that_are_no_utf8_are_read() {
    let mail = Mail::smtp(StartTls)
        .greeting(b"220 caf\xe9 \xff\xfe ready\r\n")
        .before(b"250-m\xfcller\r\n250-X-\xe9\r\n250 STARTTLS\r\n");
    let (verdict, _host) = examine(mail);
    verdict.passes();
    assert_eq!(verdict.text("/greeting/value/text"), "caf\u{fffd} \u{fffd}\u{fffd} ready");
    assert_eq!(verdict.at("/capabilities/before_tls/value"), &json!(["X-\u{fffd}", "STARTTLS"]));
}

#[test]
fn utf8_in_a_banner_is_kept() {
    let (verdict, _host) = examine(Mail::imap(Tls).greeting("* OK grüß dich\r\n"));
    verdict.passes();
    assert_eq!(verdict.text("/greeting/value/text"), "grüß dich");
}

#[test]
fn a_second_connection_that_is_turned_away_is_a_matter_of_its_own() {
    let busy = Mail::smtp(StartTls).greeting([send("421 one at a time\r\n"), close()]);
    let host = Host::start_each(vec![Mail::smtp(StartTls).script(), busy.script()]).expect_connections(2);
    prepare(&busy, &host).run().passes();
    let verdict = prepare(&busy, &host).run();
    verdict.ends(3, "unknown").finds_only(&["greeting.busy unknown"]);
}

#[test]
fn a_connection_closed_in_any_step_names_the_step() {
    for (mail, step, stage, finding) in [
        (Mail::smtp(StartTls).greeting(close()), "/greeting", "greeting", "greeting.closed fail"),
        (
            Mail::smtp(StartTls).before(close()),
            "/capabilities/before_tls",
            "capabilities",
            "capabilities.failed fail",
        ),
        (Mail::smtp(StartTls).go_ahead(close()), "/starttls", "starttls", "starttls.refused fail"),
        (
            Mail::smtp(StartTls).after(close()),
            "/capabilities/after_tls",
            "capabilities",
            "capabilities.failed fail",
        ),
        (Mail::imap(Tls).greeting(close()), "/greeting", "greeting", "greeting.closed fail"),
    ] {
        let (verdict, _host) = examine(mail);
        verdict.ends(1, "fail").finds_only(&[finding]);
        let reason = verdict.failed(step, stage, false);
        assert!(reason.contains("closed the connection"), "{reason}");
    }
}

#[test]
fn a_reset_is_told_from_a_close() {
    for (mail, step, finding) in [
        (Mail::imap(StartTls).greeting([pause(300), reset()]), "/greeting", "greeting.closed fail"),
        (Mail::imap(StartTls).before(reset()), "/capabilities/before_tls", "capabilities.failed fail"),
        (Mail::imap(Tls).after(reset()), "/capabilities/after_tls", "capabilities.failed fail"),
    ] {
        let (verdict, _host) = examine(mail);
        verdict.ends(1, "fail").finds_only(&[finding]);
        let reason = verdict.text(&format!("{step}/reason"));
        assert!(reason.contains("broke the connection off"), "{reason}");
    }
}
