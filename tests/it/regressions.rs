//! What once went wrong, each test named after it.

use std::time::{Duration, Instant};

use mailcfg::settings::Security::{StartTls, Tls};

use crate::support::ca::{self, Leaf};
use crate::support::command::run;
use crate::support::host::{Host, expect, send, silence};
use crate::support::mail::{Mail, ehlo};
use crate::support::probe::{Probe, examine};

#[test]
fn a_certificate_that_ends_before_it_begins_crashed_the_probe_and_the_run_was_fine() {
    let leaf = Leaf { begins: 10, ends: -10, ..Leaf::default() };
    let (verdict, _host) = examine(Mail::imap(Tls).config(ca::trusted().issue(&leaf).config()));
    verdict.ends(1, "fail").finds("certificate.other fail");
}

#[test]
fn a_long_list_of_mechanisms_blocked_every_other_probe() {
    let mechanisms: String = (0..90_000).map(|number| format!(" M{number}")).collect();
    let lines: Vec<String> = mechanisms
        .as_bytes()
        .chunks(60_000)
        .map(|chunk| format!("250-AUTH {}\r\n", String::from_utf8_lossy(chunk)))
        .collect();
    let reply = format!("250-mail.example.org\r\n{}250 AUTH PLAIN\r\n", lines.concat());
    let began = Instant::now();
    let (_verdict, _host) = examine(Mail::smtp(Tls).after(reply.as_str()));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_silent_proxy_was_the_fault_of_the_host() {
    let mute = Host::start(silence());
    let verdict = Probe::of("imaps://mail.example.org")
        .with(&["--proxy", &format!("socks5h://{}", mute.address), "--connect-timeout", "1s"])
        .run();
    verdict.ends(3, "unknown").finds_only(&["connect.proxy-failed unknown"]);
}

#[test]
fn tls_1_2_or_later_was_taken_for_come_back_later() {
    let (verdict, _host) = examine(
        Mail::pop3(StartTls).greeting([send("-ERR this server needs TLS 1.2 or later\r\n"), silence()]),
    );
    verdict.ends(1, "fail").finds_only(&["greeting.rejected fail"]);
}

#[test]
fn a_mechanism_offered_in_clear_text_was_no_way_to_sign_in() {
    let mail = Mail::smtp(StartTls)
        .before(&ehlo("AUTH XOAUTH2"))
        .go_ahead([send("502 no such command\r\n"), silence()]);
    let (verdict, _host) = examine(mail);
    verdict.ends(1, "fail").finds_only(&["starttls.not-offered fail", "auth.no-password info"]);
}

#[test]
fn an_endless_table_was_read_to_the_end_of_the_memory() {
    for arguments in [
        ["lookup", "disroot.org", "--providers", "/dev/zero"],
        ["probe", "imaps://127.0.0.1", "--ca-file", "/dev/zero"],
    ] {
        let output = run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    }
}

#[test]
fn sixty_kilobytes_of_greeting_were_printed_as_evidence() {
    let host = Host::start([
        send(&format!("* PREAUTH {}\r\n", "x".repeat(60_000))),
        expect("CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n"),
    ]);
    let verdict = Probe::of("imap://mail.example.org").at(host.address).run();
    assert!(verdict.text("/findings/0/evidence").chars().count() < 300);
}

#[test]
fn peoples_words_were_refused_in_arguments() {
    let mail = Mail::smtp(Tls);
    let host = mail.start();
    let target = format!("{}", host.address);
    Probe::of(&target).with(&["--protocol", "SMTPS", "--sni", crate::support::mail::HOST]).run().passes();
}
