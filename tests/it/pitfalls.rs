//! The pitfalls of probing mail servers, one test each: what other tools have got wrong.
//!
//! P3b, P24, P25, P26 and P31 are rows of the hostile table (`hostile.rs`); P24 has its own tests in `starttls.rs` too.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use hickory_resolver::proto::rr::RecordType::{A, AAAA};
use mailcfg::settings::Security::{None as Clear, StartTls, Tls};
use serde_json::json;

use crate::support::ca::{self, Leaf};
use crate::support::command;
use crate::support::dns::{Answer, Dns};
use crate::support::host::{End, Host, Step, blurt, close, expect, pause, send, silence};
use crate::support::mail::{HOST, Mail, USUAL, ehlo};
use crate::support::probe::{Probe, examine, findings, prepare, probe};

#[test]
fn p01_multi_line_greeting_in_several_segments() {
    let greeting = [send("220-one\r\n22"), pause(50), send("0-two\r\n"), pause(50), send("220 three\r\n")];
    let (verdict, host) = examine(Mail::smtp(StartTls).greeting(greeting));
    verdict.passes();
    assert_eq!(verdict.at("/greeting/value"), &json!({ "kind": "ready", "text": "one\ntwo\nthree" }));
    assert!(host.session().inside_text().ends_with("QUIT\r\n"));
}

#[test]
fn p02_nothing_is_said_before_the_server_has_spoken() {
    let slow = |bytes: &str| [pause(200), send(bytes)];
    let mail = Mail::smtp(StartTls)
        .greeting([pause(300), send("220-mail\r\n"), pause(300), send("220 ready\r\n")])
        .before([send("250-mail\r\n"), pause(200), send("250 STARTTLS\r\n")])
        .go_ahead(slow("220 begin\r\n"))
        .after(slow(&ehlo("AUTH PLAIN")));
    let (verdict, host) = examine(mail);
    verdict.passes();
    assert_eq!(host.session().early, b"", "the client waits for its turn");
    assert_eq!(host.session().clear_text(), "EHLO [127.0.0.1]\r\nSTARTTLS\r\n");
    assert_eq!(host.session().inside_text(), "EHLO [127.0.0.1]\r\nQUIT\r\n");
}

#[test]
fn p03_a_greeting_may_use_all_of_the_limit() {
    let (verdict, _host) = examine(Mail::smtp(StartTls).greeting([pause(4_000), send("220 at last\r\n")]));
    verdict.passes();
}

#[test]
fn p04_a_server_that_is_busy_does_not_lack_starttls() {
    let busy = Mail::smtp(StartTls).greeting([send("421 4.7.0 too many connections\r\n"), silence()]);
    let (verdict, _host) = examine(busy);
    verdict.ends(3, "unknown").finds_only(&["greeting.busy unknown"]);
    assert_eq!(verdict.failed("/greeting", "greeting", true), "421 4.7.0 too many connections");
    verdict.shows(json!({ "greeting": { "kind": "busy" }, "starttls": { "outcome": "skipped" } }));

    let (verdict, _host) = examine(Mail::smtp(StartTls).greeting([send("554 no service\r\n"), silence()]));
    verdict.ends(1, "fail").finds_only(&["greeting.rejected fail"]);
    assert_eq!(verdict.failed("/greeting", "greeting", false), "554 no service");

    let (verdict, _host) = examine(Mail::smtp(StartTls).before([send("421 closing\r\n"), close()]));
    verdict.ends(3, "unknown").finds_only(&["capabilities.failed unknown"]);
    assert_eq!(verdict.failed("/capabilities/before_tls", "capabilities", true), "421 closing");
    verdict.shows(json!({ "starttls": { "outcome": "skipped" }, "tls": { "outcome": "skipped" } }));
}

#[test]
fn p05_helo_follows_a_refused_ehlo() {
    let helo = [send("502 what?\r\n"), expect("HELO"), send("250 hello\r\n")];
    let (verdict, host) = examine(Mail::smtp(StartTls).before(helo));
    verdict.ends(0, "pass").finds_only(&["starttls.not-advertised info"]);
    assert_eq!(verdict.at("/capabilities/before_tls"), &json!({ "outcome": "done", "value": [] }));
    assert_eq!(host.session().clear_text(), "EHLO [127.0.0.1]\r\nHELO [127.0.0.1]\r\nSTARTTLS\r\n");

    let never = [send("502 what?\r\n"), expect("HELO"), send("502 no\r\n"), silence()];
    let (verdict, _host) = examine(Mail::smtp(Tls).after(never));
    verdict.ends(1, "fail").finds("capabilities.failed fail");
}

#[test]
fn p06_ehlo_names_the_local_address() {
    let mail = Mail::smtp(Tls);
    let (verdict, host) = examine(mail.clone());
    verdict.passes();
    assert_eq!(host.session().inside_text(), "EHLO [127.0.0.1]\r\nQUIT\r\n");

    let host = mail.start_at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0));
    probe(&mail, &host).passes();
    assert_eq!(host.session().inside_text(), "EHLO [IPv6:::1]\r\nQUIT\r\n");

    let host = mail.start();
    let mapped = format!("::[::ffff:127.0.0.1]:{}", host.address.port());
    Probe::of(mail.url()).with(&["--connect-to", &mapped]).run().passes();
    assert_eq!(host.session().inside_text(), "EHLO [127.0.0.1]\r\nQUIT\r\n");

    let host = mail.start();
    prepare(&mail, &host).with(&["--ehlo", "client.example.org"]).run().passes();
    assert_eq!(host.session().inside_text(), "EHLO client.example.org\r\nQUIT\r\n");
}

#[test]
fn p07_the_last_line_counts_as_the_others() {
    for (before, after) in [
        ("250-m\r\n250-SIZE\r\n250 STARTTLS\r\n", ehlo("AUTH PLAIN")),
        ("250-m\r\n250-STARTTLS\r\n250 SIZE\r\n", format!("250-m\r\n250-AUTH PLAIN\r\n{USUAL}250 DSN\r\n")),
    ] {
        let (verdict, _host) = examine(Mail::smtp(StartTls).before(before).after(&after));
        verdict.passes().shows(json!({
            "starttls": { "outcome": "done", "value": { "offered": true } },
            "password_auth": { "answer": "yes", "mechanisms": { "before_tls": [], "after_tls": ["PLAIN"] } },
        }));
    }
}

#[test]
fn p08_a_code_needs_no_text() {
    let mail = Mail::smtp(StartTls).greeting("220\r\n").before("250\r\n").go_ahead("220\r\n");
    let (verdict, _host) = examine(mail);
    verdict.ends(0, "pass").finds_only(&["starttls.not-advertised info"]);
    assert_eq!(verdict.at("/greeting/value"), &json!({ "kind": "ready", "text": "" }));
}

#[test]
fn p09_the_words_of_the_go_ahead_do_not_matter() {
    for (mail, reply) in [
        (Mail::smtp(StartTls), "220 TLS go ahead\r\n"),
        (Mail::smtp(StartTls), "220-not\r\n220 yet\r\n"),
        (Mail::imap(StartTls), "{tag} OK\r\n"),
        (Mail::imap(StartTls), "* OK still here\r\n{tag} OK NO BAD\r\n"),
        (Mail::pop3(StartTls), "+OK\r\n"),
        (Mail::pop3(StartTls), "+OK -ERR\r\n"),
    ] {
        let (verdict, _host) = examine(mail.go_ahead(reply));
        verdict.passes();
    }
}

#[test]
fn p10_the_obsolete_form_of_auth_is_understood_and_noted() {
    let (verdict, _host) = examine(Mail::smtp(Tls).after(&ehlo("AUTH=PLAIN LOGIN")));
    verdict.passes().shows(
        json!({ "password_auth": { "answer": "yes", "mechanisms": { "after_tls": ["PLAIN", "LOGIN"] } } }),
    );
    assert!(verdict.text("/notes/0").contains("AUTH=PLAIN LOGIN"), "{verdict:?}");
}

#[test]
fn p11_keywords_are_of_any_case() {
    for mail in [
        Mail::smtp(StartTls)
            .before("250-m\r\n250 StartTls\r\n")
            .after(&ehlo("auth plain Login").to_ascii_lowercase().replace("login", "Login")),
        Mail::imap(StartTls)
            .greeting("* ok ready\r\n")
            .before("* capability imap4rev1 starttls logindisabled\r\n{tag} ok\r\n")
            .go_ahead("{tag} ok\r\n")
            .after("* Capability imap4rev1 auth=plain auth=Login\r\n{tag} Ok\r\n"),
        Mail::pop3(StartTls)
            .greeting("+ok ready\r\n")
            .before("+ok\r\nstls\r\n.\r\n")
            .go_ahead("+ok\r\n")
            .after("+Ok\r\nuidl\r\nsasl plain Login\r\n.\r\n"),
    ] {
        let (verdict, _host) = examine(mail);
        verdict.passes().shows(json!({ "starttls": { "outcome": "done", "value": { "offered": true } } }));
        let mechanisms = verdict.at("/password_auth/mechanisms/after_tls").to_string();
        assert!(mechanisms.contains("\"PLAIN\",\"LOGIN\""), "{mechanisms}");
    }
}

#[test]
fn p12_after_preauth_there_is_no_starttls() {
    let host = Host::start([
        send("* PREAUTH welcome back\r\n"),
        expect("CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n"),
    ]);
    let verdict = Probe::of("imap://mail.example.org").at(host.address).run();
    verdict.ends(1, "fail").finds("greeting.preauth fail").shows(json!({
        "greeting": { "outcome": "done", "value": { "kind": "preauth", "text": "welcome back" } },
        "starttls": { "outcome": "skipped" },
        "tls": { "outcome": "skipped" },
        "capabilities": { "after_tls": { "outcome": "skipped" } },
    }));
    assert!(!host.session().clear_text().contains("STARTTLS"), "{}", host.session().clear_text());
}

#[test]
fn p13_bye_is_no_greeting() {
    for (words, severity, status, code) in
        [("go away", "fail", "fail", 1), ("[UNAVAILABLE] too many connections", "unknown", "unknown", 3)]
    {
        for security in [Tls, StartTls] {
            let greeting = [send(&format!("* BYE {words}\r\n")), silence()];
            let (verdict, host) = examine(Mail::imap(security).greeting(greeting));
            verdict.ends(code, status).finds_only(&[&format!("greeting.bye {severity}")]);
            let reason = verdict.failed("/greeting", "greeting", code == 3);
            assert_eq!(reason, format!("* BYE {words}"));
            verdict.shows(json!({ "greeting": { "kind": "bye" } }));
            assert!(!host.session().clear_text().contains("STARTTLS"));
        }
    }
}

#[test]
fn p14_capabilities_in_the_greeting_are_used() {
    let listed = json!({ "outcome": "done", "value": ["IMAP4rev1", "AUTH=PLAIN"] });
    let inside = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n";
    let (verdict, host) = examine(Mail::imap(Tls).greeting(inside).unasked_after());
    verdict.passes();
    assert_eq!(verdict.at("/capabilities/after_tls"), &listed);
    assert_eq!(verdict.text("/greeting/value/text"), "ready");
    assert_eq!(host.session().inside_text(), "A1 LOGOUT\r\n");

    let offered = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n";
    let (verdict, host) = examine(Mail::imap(StartTls).greeting(offered).unasked_before());
    verdict.passes();
    assert!(host.session().inside_text().contains("CAPABILITY"), "asked again inside TLS");

    let fewer = Mail::imap(StartTls).greeting("* OK [CAPABILITY IMAP4rev1] ready\r\n");
    let (verdict, _host) = examine(fewer);
    verdict.passes().shows(json!({ "starttls": { "outcome": "done", "value": { "offered": true } } }));

    let (verdict, _host) =
        examine(Mail::imap(Tls).after("{tag} OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] done\r\n"));
    verdict.passes();
    assert_eq!(verdict.at("/capabilities/after_tls"), &listed);
}

#[test]
fn p15_imap4rev2_alone_is_fine() {
    let mail = Mail::imap(StartTls)
        .before("* CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED\r\n{tag} OK\r\n")
        .after("* CAPABILITY IMAP4rev2 AUTH=PLAIN\r\n{tag} OK\r\n");
    let (verdict, _host) = examine(mail);
    verdict.passes();
}

#[test]
fn p16_only_capability_data_is_capabilities() {
    let reply = "* OK [ALERT] AUTH=CRAM-MD5\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n* 3 EXISTS\r\n\
                 {tag} OK CAPABILITY completed AUTH=LOGIN\r\n";
    let (verdict, _host) = examine(Mail::imap(Tls).after(reply));
    verdict.passes();
    assert_eq!(verdict.at("/capabilities/after_tls/value"), &json!(["IMAP4rev1", "AUTH=PLAIN"]));
}

#[test]
fn p17_what_is_advertised_and_what_works_are_two_facts() {
    let silent_on_starttls = "250-mail\r\n250 PIPELINING\r\n";
    let (verdict, _host) = examine(Mail::smtp(StartTls).before(silent_on_starttls));
    verdict.ends(0, "pass").finds_only(&["starttls.not-advertised info"]);
    verdict.shows(json!({ "starttls": { "outcome": "done", "value": { "offered": false } } }));

    let refused = Mail::smtp(StartTls).before(silent_on_starttls).go_ahead([send("502 no\r\n"), silence()]);
    let (verdict, _host) = examine(refused);
    verdict.ends(1, "fail").finds("starttls.not-offered fail");
    verdict.shows(json!({ "starttls": { "outcome": "absent" }, "tls": { "outcome": "skipped" } }));

    for (mail, reply, temporary) in [
        (Mail::smtp(StartTls), "502 no\r\n", false),
        (Mail::smtp(StartTls), "454 TLS not available\r\n", true),
        (Mail::imap(StartTls), "{tag} NO not me\r\n", false),
        (Mail::imap(StartTls), "{tag} BAD not me\r\n", false),
        (Mail::imap(StartTls), "{tag} NO [UNAVAILABLE] not now\r\n", true),
        (Mail::pop3(StartTls), "-ERR not me\r\n", false),
    ] {
        let (verdict, host) = examine(mail.go_ahead([send(reply), silence()]));
        match temporary {
            true => verdict.ends(3, "unknown").finds("starttls.refused unknown"),
            false => verdict.ends(1, "fail").finds("starttls.refused fail"),
        };
        verdict.failed("/starttls", "starttls", temporary);
        assert_eq!(host.session().hello, None);
    }
}

#[test]
fn p18_stls_is_tried_though_there_is_no_capa() {
    let (verdict, host) = examine(Mail::pop3(StartTls).before("-ERR what?\r\n").after("-ERR what?\r\n"));
    verdict.ends(0, "pass").finds_only(&["pop3.no-capa info", "starttls.not-advertised info"]).shows(json!({
        "capabilities": { "before_tls": { "outcome": "absent" }, "after_tls": { "outcome": "absent" } },
        "starttls": { "outcome": "done", "value": { "offered": false } },
        "tls": { "outcome": "done" },
        "password_auth": { "answer": "unknown" },
    }));
    assert_eq!(host.session().clear_text(), "CAPA\r\nSTLS\r\n");
    assert_eq!(host.session().inside_text(), "CAPA\r\nQUIT\r\n");
}

#[test]
fn p19_a_reply_of_many_lines_ends_with_a_line_that_is_a_dot() {
    let reply = "+OK\r\nIMPLEMENTATION Dovecot 2.3.16\r\n..stuffed\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\n.\r\n";
    let (verdict, _host) = examine(Mail::pop3(Tls).after(reply));
    verdict.passes();
    let listed = json!(["IMPLEMENTATION Dovecot 2.3.16", ".stuffed", "UIDL", "USER", "SASL PLAIN"]);
    assert_eq!(verdict.at("/capabilities/after_tls/value"), &listed);
}

#[test]
fn p20_an_apop_stamp_has_an_at_sign() {
    for (greeting, mechanisms) in [
        ("+OK ready <1896.697170952@mail.example.org>\r\n", json!(["apop"])),
        ("+OK Dovecot <ready> a@b\r\n", json!([])),
    ] {
        let (verdict, _host) = examine(Mail::pop3(StartTls).greeting(greeting));
        verdict.passes();
        assert_eq!(verdict.at("/password_auth/mechanisms/before_tls"), &mechanisms);
    }
    let alone =
        Mail::pop3(Clear).greeting("+OK <1896.697170952@mail.example.org>\r\n").before("-ERR what?\r\n");
    let (verdict, _host) = examine(alone);
    verdict.shows(json!({ "password_auth": { "answer": "yes", "mechanisms": { "before_tls": ["apop"] } } }));
}

#[test]
fn p21_capabilities_are_asked_for_again_inside_tls() {
    let mail = Mail::smtp(StartTls)
        .before("250-mail\r\n250-X-CLEAR\r\n250 STARTTLS\r\n")
        .after("250-mail\r\n250-X-INSIDE\r\n250 AUTH PLAIN\r\n");
    let (verdict, host) = examine(mail);
    verdict.ends(0, "warn").finds("smtp.no-size warn");
    assert_eq!(verdict.at("/capabilities/before_tls/value"), &json!(["X-CLEAR", "STARTTLS"]));
    assert_eq!(verdict.at("/capabilities/after_tls/value"), &json!(["X-INSIDE", "AUTH PLAIN"]));
    let changed = json!({ "added": ["X-INSIDE", "AUTH PLAIN"], "dropped": ["X-CLEAR", "STARTTLS"] });
    assert_eq!(verdict.at("/capabilities/changed"), &changed);
    assert!(host.session().inside_text().starts_with("EHLO "));
}

#[test]
fn p21_the_difference_is_known_only_when_both_sets_are() {
    let (verdict, _host) = examine(Mail::smtp(Tls));
    verdict.passes();
    assert!(verdict.at("/capabilities/changed").is_null());
    let (verdict, _host) = examine(Mail::imap(StartTls).after([close()]));
    assert!(verdict.at("/capabilities/changed").is_null(), "{verdict:?}");
}

#[test]
fn a_greeting_cut_between_cr_and_lf_is_one_line() {
    for (mail, words) in [
        (Mail::imap(StartTls), "* OK cut"),
        (Mail::pop3(StartTls), "+OK cut"),
        (Mail::smtp(StartTls), "220 cut"),
    ] {
        let cut = [send(&format!("{words}\r")), pause(100), send("\n")];
        let (verdict, _host) = examine(mail.greeting(cut));
        verdict.passes();
        assert_eq!(verdict.text("/greeting/value/text"), "cut");
        assert_eq!(verdict.at("/notes"), &json!([]));
    }
}

#[test]
fn p22_the_set_inside_tls_decides_on_passwords() {
    let (verdict, _host) = examine(Mail::imap(StartTls));
    verdict
        .passes()
        .shows(json!({ "password_auth": { "answer": "yes", "mechanisms": { "before_tls": [] } } }));

    let only_before = Mail::smtp(StartTls)
        .before("250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
        .after("250-mail\r\n250 PIPELINING\r\n");
    let (verdict, _host) = examine(only_before);
    verdict.ends(1, "fail").finds("auth.only-before-tls fail").finds("auth.clear-text-login fail");
    assert_eq!(verdict.text("/password_auth/answer"), "only-before-tls");
}

#[test]
fn p23_five_ways_not_to_begin_tls_have_five_reasons() {
    let wait_for_hello = Step::HelloUpTo(usize::MAX, End::Silence);
    let plain = Mail::smtp(StartTls).on_hello([wait_for_hello, blurt("500 what is this?\r\n"), close()]);
    let (verdict, _host) = examine(plain);
    verdict.ends(1, "fail").finds("starttls.plain-text fail");
    let mut reasons = vec![verdict.failed("/starttls", "starttls", false).to_owned()];

    for (end, word) in [
        (End::Close, "closed"),
        (End::Reset, "reset"),
        (End::Silence, "no answer"),
        (End::Alert(HANDSHAKE_FAILURE), "HandshakeFailure"),
    ] {
        let mail = Mail::smtp(StartTls).on_hello(Step::HelloUpTo(0, end));
        let host = mail.start().expect_connections(2);
        let verdict = prepare(&mail, &host).with(&["--timeout", "3s"]).run();
        verdict.ends(1, "fail").finds_only(&["tls.handshake-failed fail"]);
        verdict.shows(json!({ "starttls": { "outcome": "done", "value": { "offered": true } } }));
        let reason = verdict.failed("/tls", "tls", false);
        assert!(reason.contains(word), "{word} in {reason}");
        reasons.push(reason.to_owned());
    }
    reasons.dedup();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
}

#[test]
fn p27_bare_lf_is_accepted_and_noted() {
    let mail = Mail::smtp(StartTls)
        .greeting("220-mail\n220 ready\n")
        .before("250-mail\n250 STARTTLS\n")
        .go_ahead("220 go\n")
        .after(&ehlo("AUTH PLAIN").replace('\r', ""));
    let (verdict, host) = examine(mail);
    verdict.passes();
    assert_eq!(verdict.at("/notes"), &json!(["the server ends lines with LF alone"]));
    assert!(host.session().clear_text().ends_with("STARTTLS\r\n"), "the client itself sends CRLF");
}

#[test]
fn p28_a_bad_certificate_hides_nothing() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -2, ..Leaf::default() });
    for mail in [Mail::imap(Tls), Mail::smtp(StartTls), Mail::pop3(StartTls)] {
        let (verdict, _host) = examine(mail.config(expired.config()));
        verdict.ends(1, "fail").finds_only(&["certificate.expired fail"]).shows(json!({
            "greeting": { "outcome": "done" },
            "capabilities": { "after_tls": { "outcome": "done" } },
            "tls": { "outcome": "done", "value": { "problems": ["expired"], "version": "TLSv1.3", "chain_length": 1 } },
            "password_auth": { "answer": "yes" },
        }));
        assert_eq!(verdict.at("/tls/value/certificate/days_left"), &json!(-2));
        assert_eq!(verdict.at("/tls/value/certificate/names"), &json!([HOST]));
    }
}

#[test]
fn p29_sni_is_always_sent() {
    for mail in [Mail::imap(Tls), Mail::smtp(StartTls)] {
        let (verdict, host) = examine(mail.clone());
        verdict.passes();
        assert_eq!(host.session().sni.as_deref(), Some(HOST));

        let host = mail.start();
        let verdict = prepare(&mail, &host).with(&["--sni", "other.example.org"]).run();
        verdict.ends(1, "fail").finds_only(&["certificate.wrong-name fail"]);
        assert_eq!(host.session().sni.as_deref(), Some("other.example.org"));
    }
}

#[test]
fn p30_ipv6_literals_are_targets() {
    let for_address = ca::trusted().issue(&Leaf { names: vec!["::1"], ..Leaf::default() });
    let mail = Mail::imap(Tls).config(for_address.config());
    let any = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);

    let host = mail.start_at(any);
    let typed = format!("[::1]:{}", host.address.port());
    let verdict = Probe::of(&typed).with(&["--protocol", "imap", "--security", "tls"]).run();
    verdict.passes().shows(json!({ "host": "::1", "address": "::1", "port": host.address.port() }));
    assert_eq!(host.session().sni, None, "there is no SNI for addresses");

    let host = mail.start_at(any);
    Probe::of(&format!("imaps://[::1]:{}", host.address.port())).run().passes();
}

#[test]
fn p32_every_address_is_examined_when_asked_for() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -2, ..Leaf::default() });
    let (good, bad) = (Mail::imap(Tls), Mail::imap(Tls).config(expired.config()));
    let first = good.start();
    let second = bad.start_at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), first.address.port()));
    let dns = Dns::start(&[(HOST, A, Answer::Is("127.0.0.1")), (HOST, AAAA, Answer::Is("::1"))]);
    let target = format!("imaps://{HOST}:{}", first.address.port());
    let verdict = Probe::of(&target).with(&["--resolver", &dns.place(), "--all-addresses"]).run();
    assert_eq!(verdict.code, 1);
    let [v6, v4] = verdict.endpoints() else { panic!("{verdict:#?}") };
    assert_eq!((&v6["address"], &v6["status"]), (&json!("::1"), &json!("fail")));
    assert_eq!((&v4["address"], &v4["status"]), (&json!("127.0.0.1"), &json!("pass")));
    assert_eq!(findings(v6), ["certificate.expired fail"]);
    assert_eq!((first.sessions().len(), second.sessions().len()), (1, 1));
}

#[test]
fn p33_a_server_that_breaks_on_a_large_hello_gets_a_small_one() {
    for end in [End::Reset, End::Close, End::Silence, End::Alert(INTERNAL_ERROR)] {
        for mail in [Mail::imap(Tls), Mail::smtp(StartTls)] {
            let mail = mail.on_hello(Step::HelloUpTo(1_000, end.clone()));
            let host = mail.start().expect_connections(2);
            let verdict = prepare(&mail, &host).with(&["--timeout", "4s"]).run();
            verdict.ends(0, "warn").finds_only(&["tls.large-hello-intolerant warn"]);
            verdict.shows(json!({ "tls": { "outcome": "done", "value": { "post_quantum": false } } }));
            assert!(!verdict.text("/retried_with_smaller_hello").is_empty());
            let hellos: Vec<_> = host.sessions().iter().filter_map(|session| session.hello).collect();
            assert!(matches!(hellos[..], [large, small] if large > 1_000 && small < 1_000), "{hellos:?}");
        }
    }
}

#[test]
fn p33_when_the_small_hello_fails_too_the_first_failure_is_told() {
    let ends = [End::Reset, End::Alert(HANDSHAKE_FAILURE)];
    let scripts = ends.map(|end| Mail::imap(Tls).on_hello(Step::HelloUpTo(0, end)).script());
    let host = Host::start_each(scripts.to_vec()).expect_connections(2);
    let verdict = prepare(&Mail::imap(Tls), &host).run();
    verdict.ends(1, "fail").finds_only(&["tls.handshake-failed fail"]);
    let reason = verdict.failed("/tls", "tls", false);
    assert!(reason.contains("reset"), "{reason}");
    assert_eq!(verdict.at("/retried_with_smaller_hello"), &json!(null));
}

#[test]
fn p33_a_server_that_has_spoken_is_not_asked_twice() {
    let hello_and_end = [Step::HelloUpTo(usize::MAX, End::Silence), blurt(&[22, 3, 3, 0, 4, 2, 0]), close()];
    let (verdict, _host) = examine(Mail::imap(Tls).on_hello(hello_and_end));
    verdict.ends(1, "fail").finds_only(&["tls.handshake-failed fail"]);
}

#[test]
fn p34_nothing_reached_is_never_a_success() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let verdict = Probe::of("imaps://mail.example.org").at(closed).run();
    verdict.ends(1, "fail").finds_only(&["connect.refused fail"]);
    verdict.failed("/connect", "connect", false);

    for (answer, finding, code, temporary) in [
        (Some(Answer::ServFail), "dns.failed unknown", 3, true),
        (Some(Answer::Refused), "dns.failed unknown", 3, true),
        (Some(Answer::Silence), "dns.failed unknown", 3, true),
        (Some(Answer::NoData), "dns.no-address fail", 1, false),
        (None, "dns.no-such-host fail", 1, false),
    ] {
        let rows: Vec<_> =
            answer.into_iter().flat_map(|answer| [(HOST, A, answer), (HOST, AAAA, answer)]).collect();
        let dns = Dns::start(&rows);
        let verdict = Probe::of("imaps://mail.example.org")
            .with(&["--resolver", &dns.place(), "--timeout", "3s"])
            .run();
        verdict.ends(code, if temporary { "unknown" } else { "fail" }).finds_only(&[finding]);
        verdict.failed("/connect", "dns", temporary);
        assert!(dns.questions() >= 2, "both families are asked for");
    }
}

#[test]
fn p35_a_banner_cannot_steer_the_terminal() {
    let banner = "\u{1b}[2J\u{1b}]0;owned\u{7} \u{9b}31m \u{202e}evil ::error::x \u{7f}";
    let mail = Mail::smtp(Tls).greeting(&format!("220 {banner}\r\n"));
    let steers = |text: &str| {
        text.chars().any(|character| character != '\n' && (character.is_control() || character == '\u{202e}'))
    };
    for flags in [
        &["--format", "human"][..],
        &["--format", "human", "-v"],
        &["--format", "human", "-vv"],
        &["--format", "jsonl"],
    ] {
        let host = mail.start();
        let probe = prepare(&mail, &host).with(flags);
        let arguments = probe.arguments().iter().filter(|argument| *argument != "--json");
        let output = command::run(arguments);
        assert_eq!(output.code, 0, "{output:?}");
        assert!(!steers(&output.stdout), "{output:?}");
    }
    let host = mail.start();
    let output = command::run(prepare(&mail, &host).arguments());
    assert!(!steers(&output.stdout), "{output:?}");
    let text = output.json()["endpoints"][0]["greeting"]["value"]["text"].clone();
    assert_eq!(text, banner.trim_end(), "nothing is lost in JSON");

    let host = Host::start([send(&format!("554 {banner}\r\n")), silence()]);
    let output = command::run([
        "probe",
        "submission://mail.example.org",
        "--connect-to",
        &format!("::127.0.0.1:{}", host.address.port()),
    ]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(!steers(&output.stdout), "{output:?}");
}

#[test]
fn p36_servers_relax_for_neighbours_and_that_is_said() {
    let mail = Mail::imap(StartTls).before("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n{tag} OK done\r\n");
    let (verdict, _host) = examine(mail);
    verdict.ends(1, "fail").finds_only(&["auth.clear-text-login fail", "network.nearby info"]);
}

#[test]
fn a_well_behaved_host_passes_in_clear_text_only_with_a_complaint() {
    for make in [Mail::imap, Mail::pop3, Mail::smtp] {
        for security in [Tls, StartTls] {
            let (verdict, _host) = examine(make(security));
            verdict.passes();
        }
        let (verdict, host) = examine(make(Clear));
        verdict.ends(1, "fail").finds("tls.none fail");
        verdict.shows(json!({ "starttls": { "outcome": "done", "value": { "offered": true } }, "tls": { "outcome": "skipped" } }));
        assert_eq!(host.session().hello, None);
    }
}

/// The alert handshake_failure (RFC 9846, section 6).
const HANDSHAKE_FAILURE: u8 = 40;

/// The alert internal_error.
const INTERNAL_ERROR: u8 = 80;
