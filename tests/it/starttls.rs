//! The four properties of a sound STARTTLS client ("Why TLS Is Better Without STARTTLS", USENIX Security 2021), and the
//! test whether a *server* obeys commands from before the handshake.

use mailcfg::settings::Protocol::{self, Imap, Pop3, Smtp};
use mailcfg::settings::Security::{StartTls, Tls};
use serde_json::json;

use crate::support::ca;
use crate::support::command::{self, finish, mailcfg};
use crate::support::folder::Folder;
use crate::support::host::{End, Host, Script, Step, blurt, close, expect, send, silence};
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, Verdict, examine, findings, prepare};

const PROTOCOLS: [Protocol; 3] = [Imap, Pop3, Smtp];

/// All that may be said before TLS: no name of a person, no secret, nothing of what comes after.
fn said_in_clear(protocol: Protocol) -> &'static str {
    match protocol {
        Imap => "A1 CAPABILITY\r\nA2 STARTTLS\r\n",
        Pop3 => "CAPA\r\nSTLS\r\n",
        Smtp => "EHLO [127.0.0.1]\r\nSTARTTLS\r\n",
    }
}

fn go_ahead(protocol: Protocol) -> &'static str {
    match protocol {
        Imap => "{tag} OK go\r\n",
        Pop3 => "+OK go\r\n",
        Smtp => "220 go\r\n",
    }
}

fn no(protocol: Protocol) -> &'static str {
    match protocol {
        Imap => "{tag} BAD no\r\n",
        Pop3 => "-ERR no\r\n",
        Smtp => "502 no\r\n",
    }
}

#[test]
fn responses_from_before_the_handshake_are_not_believed_after_it() {
    for protocol in PROTOCOLS {
        let evil = match protocol {
            Imap => "* CAPABILITY IMAP4rev1 X-EVIL AUTH=EVIL\r\nA3 OK done\r\n",
            Pop3 => "+OK\r\nX-EVIL\r\nSASL EVIL\r\n.\r\n",
            Smtp => "250-X-EVIL\r\n250 AUTH EVIL\r\n",
        };
        let script = [send(&[go_ahead(protocol), evil].concat()), silence()];
        let (verdict, host) = examine(Mail::well_behaved(protocol, StartTls).go_ahead(script));
        verdict.ends(1, "fail").finds_only(&["starttls.injection fail"]).shows(json!({
            "tls": { "outcome": "skipped" },
            "capabilities": { "after_tls": { "outcome": "skipped" } },
            "password_auth": { "mechanisms": { "after_tls": [] } },
        }));
        assert_eq!(host.session().clear_text(), said_in_clear(protocol), "no ClientHello, no goodbye");
    }
}

#[test]
fn a_connection_without_tls_is_never_taken_for_one_with_it() {
    for protocol in PROTOCOLS {
        let stripped = match protocol {
            Imap => "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n",
            Pop3 => "+OK\r\nUSER\r\n.\r\n",
            Smtp => "250-m\r\n250 AUTH PLAIN\r\n",
        };
        let refused = [send(no(protocol)), silence()];
        let well = Mail::well_behaved(protocol, StartTls);
        let absent = well.clone().before(stripped).go_ahead(refused.clone());
        for (mail, finding) in
            [(absent, "starttls.not-offered fail"), (well.go_ahead(refused), "starttls.refused fail")]
        {
            let (verdict, host) = examine(mail);
            verdict.ends(1, "fail").finds(finding);
            verdict.shows(json!({ "tls": { "outcome": "skipped" } }));
            assert_ne!(verdict.text("/password_auth/answer"), "yes");
            let said = host.session().clear_text();
            let goodbye = said.strip_prefix(said_in_clear(protocol)).expect("nothing else before");
            assert!(["A3 LOGOUT\r\n", "QUIT\r\n"].contains(&goodbye), "{said}");
        }
    }
    let preauth = [send("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"), silence()];
    let host = Host::start(preauth);
    let verdict = Probe::of("imap://mail.example.org").at(host.address).run();
    verdict.ends(1, "fail").finds("greeting.preauth fail").shows(json!({ "tls": { "outcome": "skipped" } }));
    assert_eq!(host.session().clear_text(), "A1 LOGOUT\r\n");
}

#[test]
fn a_server_that_did_not_say_what_it_can_do_was_said_to_have_no_starttls() {
    let later = ["capabilities.failed unknown", "starttls.refused unknown"];
    let never = ["capabilities.failed fail", "starttls.refused unknown"];
    let smtp = |reply: &str, no: &str| Mail::smtp(StartTls).before(reply).go_ahead([send(no), silence()]);
    let helo = [send("550 no\r\n"), expect("HELO"), send("550 no\r\n")];
    for (mail, code, status, found) in [
        (smtp("450 4.7.1 greylisted\r\n", "503 EHLO first\r\n"), 3, "unknown", later),
        (
            Mail::smtp(StartTls).before(helo).go_ahead([send("503 EHLO first\r\n"), silence()]),
            1,
            "fail",
            never,
        ),
        (
            Mail::imap(StartTls)
                .before("{tag} NO [UNAVAILABLE] no\r\n")
                .go_ahead([send(no(Imap)), silence()]),
            3,
            "unknown",
            later,
        ),
        (
            Mail::pop3(StartTls).before("-ERR [SYS/TEMP] no\r\n").go_ahead([send(no(Pop3)), silence()]),
            3,
            "unknown",
            later,
        ),
    ] {
        let (verdict, _host) = examine(mail);
        verdict.ends(code, status).finds_only(&found);
        assert_eq!(verdict.at("/starttls/outcome"), "failed", "{verdict:?}");
    }
    for protocol in PROTOCOLS {
        let reply = match protocol {
            Imap => "{tag} NO [UNAVAILABLE] no\r\n",
            Pop3 => "-ERR [SYS/TEMP] no\r\n",
            Smtp => "450 no\r\n",
        };
        let (verdict, _host) = examine(Mail::well_behaved(protocol, StartTls).before(reply));
        verdict.ends(3, "unknown").finds_only(&["capabilities.failed unknown"]);
        verdict.shows(json!({ "starttls": { "outcome": "done", "value": { "offered": null } } }));
    }
}

#[test]
fn what_was_said_before_the_handshake_has_no_effect_after_it() {
    for protocol in PROTOCOLS {
        let tampered = match protocol {
            Imap => "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED X-EVIL AUTH=CRAM-MD5\r\n{tag} OK\r\n",
            Pop3 => "+OK\r\nX-EVIL\r\nSTLS\r\nSASL CRAM-MD5\r\n.\r\n",
            Smtp => "250-m\r\n250-X-EVIL\r\n250-AUTH CRAM-MD5\r\n250 STARTTLS\r\n",
        };
        let (honest, _host) = examine(Mail::well_behaved(protocol, StartTls));
        let (verdict, host) = examine(Mail::well_behaved(protocol, StartTls).before(tampered));
        assert_eq!(verdict.at("/capabilities/after_tls"), honest.at("/capabilities/after_tls"));
        for pointer in ["/password_auth/answer", "/password_auth/mechanisms/after_tls"] {
            assert_eq!(verdict.at(pointer), honest.at(pointer), "{pointer}");
        }
        let question = said_in_clear(protocol).split(['\r', ' ']).nth(usize::from(protocol == Imap)).unwrap();
        assert!(host.session().inside_text().contains(question), "it is asked again inside");
    }
}

#[test]
fn nothing_but_the_request_for_tls_is_said_before_it() {
    for protocol in PROTOCOLS {
        let mail = Mail::well_behaved(protocol, StartTls);
        let (verdict, host) = examine(mail.clone());
        verdict.passes();
        assert_eq!(host.session().clear_text(), said_in_clear(protocol));

        // The same when the server lures: every way to sign in, and signed in already as far as it says.
        let lure = match protocol {
            Imap => "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=LOGIN SASL-IR\r\n{tag} OK\r\n",
            Pop3 => "+OK\r\nSTLS\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n",
            Smtp => "250-m\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
        };
        let (_verdict, host) = examine(mail.before(lure));
        assert_eq!(host.session().clear_text(), said_in_clear(protocol));
    }
}

/// What a server does with the command behind STARTTLS, inside TLS.
enum Obeys {
    Yes,
    No,
    Refuses,
    BreaksOff,
    Closes,
    InClear,
}

/// The second connection: it hears both commands, and answers as it likes.
fn pipelined(protocol: Protocol, obeys: &Obeys) -> Script {
    let mail = Mail::well_behaved(protocol, StartTls);
    let (greeting, command, reply, bye) = match protocol {
        Imap => ("* OK hi\r\n", "NOOP", "A2 OK NOOP done\r\n", "* BYE bye\r\nA3 OK done\r\n"),
        Pop3 => ("+OK hi\r\n", "CAPA", "+OK\r\nUSER\r\n.\r\n", "+OK bye\r\n"),
        Smtp => ("220 hi\r\n", "NOOP", "250 2.0.0 Ok\r\n", "221 bye\r\n"),
    };
    let starttls = if protocol == Pop3 { "STLS" } else { "STARTTLS" };
    let mut steps = vec![send(greeting)];
    if protocol == Smtp {
        steps.extend([expect("EHLO"), send("250-m\r\n250 STARTTLS\r\n")]);
    }
    steps.extend([expect(starttls), expect(command)]);
    let go = go_ahead(protocol).replace("{tag}", "A1");
    let handshake = Step::StartTls(mail.tls());
    match obeys {
        Obeys::Refuses => steps.extend([send(&no(protocol).replace("{tag}", "A1")), silence()]),
        Obeys::BreaksOff => steps.extend([send(&go), Step::HelloUpTo(0, End::Close)]),
        Obeys::Closes => steps.push(close()),
        Obeys::InClear => steps.extend([send(&format!("{go}{reply}")), silence()]),
        Obeys::No => steps.extend([send(&go), handshake, expect(goodbye(protocol)), send(bye), close()]),
        Obeys::Yes => {
            steps.extend([send(&go), handshake, blurt(reply), expect(goodbye(protocol)), send(bye), close()]);
        }
    }
    Script(steps)
}

fn goodbye(protocol: Protocol) -> &'static str {
    if protocol == Imap { "LOGOUT" } else { "QUIT" }
}

fn probe_twice(protocol: Protocol, obeys: &Obeys) -> (Verdict, Host) {
    let mail = Mail::well_behaved(protocol, StartTls);
    let host = Host::start_each(vec![mail.script(), pipelined(protocol, obeys)]).expect_connections(2);
    let verdict = prepare(&mail, &host).with(&["--starttls-injection"]).run();
    (verdict, host)
}

#[test]
fn a_server_that_obeys_commands_from_before_the_handshake_is_found() {
    for protocol in PROTOCOLS {
        let (verdict, host) = probe_twice(protocol, &Obeys::Yes);
        verdict.ends(1, "fail").finds_only(&["starttls.command-injection fail"]);
        let evidence = verdict.text("/findings/0/evidence");
        assert!(evidence.contains("OK") || evidence.contains("Ok"), "{evidence}");
        let [first, second] = host.sessions() else { panic!("{:?}", host.sessions()) };
        assert_eq!(first.clear_text(), said_in_clear(protocol), "the probe itself is as ever");
        let pair = match protocol {
            Imap => "A1 STARTTLS\r\nA2 NOOP\r\n",
            Pop3 => "STLS\r\nCAPA\r\n",
            Smtp => "EHLO [127.0.0.1]\r\nSTARTTLS\r\nNOOP\r\n",
        };
        assert_eq!(second.clear_text(), pair);
    }
}

#[test]
fn a_server_that_drops_or_refuses_them_is_fine() {
    for protocol in PROTOCOLS {
        for obeys in [Obeys::No, Obeys::Refuses, Obeys::BreaksOff] {
            let (verdict, _host) = probe_twice(protocol, &obeys);
            verdict.ends(0, "pass").finds_only(&["starttls.command-injection info"]);
        }
    }
}

#[test]
fn the_answer_was_on_the_screen_with_all_facts_alone() {
    let mail = Mail::smtp(StartTls);
    let host = Host::start_each(vec![mail.script(), pipelined(Smtp, &Obeys::No)]).expect_connections(2);
    let probe = prepare(&mail, &host).with(&["--starttls-injection"]);
    let output = finish(&mut mailcfg(probe.arguments().iter().filter(|argument| *argument != "--json")));
    let answer = "info: the server does not obey a command that stands behind STARTTLS\n";
    assert!(output.stdout.contains(answer), "{output:?}");
}

#[test]
fn what_cannot_be_told_is_unknown() {
    for protocol in PROTOCOLS {
        for obeys in [Obeys::Closes, Obeys::InClear] {
            let (verdict, _host) = probe_twice(protocol, &obeys);
            verdict.ends(3, "unknown").finds_only(&["starttls.command-injection unknown"]);
        }
    }
}

#[test]
fn the_server_is_not_tested_unless_asked_nor_without_starttls() {
    let (verdict, _host) = examine(Mail::smtp(StartTls));
    verdict.passes();
    let refused = Mail::smtp(StartTls).go_ahead([send("502 no\r\n"), silence()]);
    let host = refused.start();
    let verdict = prepare(&refused, &host).with(&["--starttls-injection"]).run();
    verdict.ends(1, "fail").finds_only(&["starttls.refused fail"]);
    assert!(command::run(["probe", "--help"]).stdout.contains("--starttls-injection"));
}

#[test]
fn waiting_for_the_second_connection_is_no_time_of_the_server() {
    let first = Mail::well_behaved(Smtp, StartTls);
    let host = Host::start_each(vec![first.script(), pipelined(Smtp, &Obeys::No)]).expect_connections(2);
    let silent = Mail::imap(Tls).greeting(silence()).start();
    let folder = Folder::new();
    let service = |protocol, host: &Host, security| {
        let port = host.address.port();
        format!(
            "{{ protocol = \"{protocol}\", host = \"{HOST}\", port = {port}, security = \"{security}\" }}"
        )
    };
    let services = [service("smtp", &host, "starttls"), service("imap", &silent, "tls")].join(", ");
    let table = format!(
        "[[provider]]\nid = \"a\"\nname = \"A\"\ndomains = [\"a.example\"]\nusername = \"address\"\nservices = [{services}]\n"
    );
    let table = folder.write("table.toml", table).display().to_string();
    let ca_file = ca::trusted().file().display().to_string();
    let arguments = ["probe", "a.example", "--json", "--providers", &table, "--ca-file", &ca_file];
    let more = ["--connect-to", "::127.0.0.1:", "--jobs", "1", "--timeout", "2s", "--starttls-injection"];
    let document = command::run(arguments.iter().chain(&more)).json();
    let endpoints = document["endpoints"].as_array().expect("two endpoints");
    let smtp = endpoints.iter().find(|it| it["protocol"] == "smtp").expect("one of them");
    assert!(findings(smtp).contains(&"starttls.command-injection info".to_owned()), "{smtp}");
    let milliseconds = |step: &str| smtp["timings_ms"][step].as_f64().unwrap_or_default();
    assert!(milliseconds("wait") > 1_000.0 && milliseconds("total") < 1_500.0, "{smtp}");
}
