//! A secret that a server knows from another connection is hidden wherever it says it, whatever became of it there.

use mailcfg::settings::Protocol;
use mailcfg::settings::Security::{StartTls, Tls};
use serde_json::Value;

use crate::hostile::PROTOCOLS;
use crate::logins::{PASSWORD, assert_free_of_secrets};
use crate::support::ca::{self, Leaf};
use crate::support::command;
use crate::support::host::{End, Host, Script, Step, blurt, close, expect, send, silence};
use crate::support::mail::{Mail, ehlo};
use crate::support::probe::prepare;

/// Signs in where a host may say the secret at once; its document, in which it must not stand.
#[track_caller]
fn document(mail: &Mail, host: &Host, more: &[&str]) -> Value {
    let secret = ["--login", "--user", "user", "--password-command", "echo mailcfg-test-pw"];
    let probe = prepare(mail, host).with(&secret).with(&["--timeout", "3s"]).with(more);
    let output = command::run(probe.arguments());
    assert_free_of_secrets(&output.stdout);
    assert!(output.stdout.contains("‹secret›"), "the secret was said: {}", output.stdout);
    output.json()
}

/// A reply that says yes, no or "later" and the secret.
fn says(protocol: Protocol, kind: &str) -> String {
    let start = match (protocol, kind) {
        (Protocol::Imap, "greeting") => "* OK",
        (Protocol::Imap, "goodbye") => "* BYE",
        (Protocol::Imap, _) => "{tag} NO",
        (Protocol::Pop3, "greeting") => "+OK",
        (Protocol::Pop3, _) => "-ERR",
        (Protocol::Smtp, "greeting") => "220",
        (Protocol::Smtp, "goodbye") => "421",
        (Protocol::Smtp, _) => "554",
    };
    format!("{start} what is {PASSWORD}\r\n")
}

#[test]
fn a_secret_was_seen_before_the_sign_in() {
    for protocol in PROTOCOLS {
        let clear = || Mail::well_behaved(protocol, StartTls);
        let inside = || Mail::well_behaved(protocol, Tls);
        let no = says(protocol, "no");
        // SMTP is asked once more, by HELO.
        let again = if protocol == Protocol::Smtp { vec![expect("HELO"), send(&no)] } else { Vec::new() };
        let unwilling = Script([vec![send(&no)], again, vec![close()]].concat());
        let go = match protocol {
            Protocol::Imap => "{tag} OK go\r\n",
            Protocol::Pop3 => "+OK go\r\n",
            Protocol::Smtp => "220 go\r\n",
        };
        let named = Leaf { names: vec!["mailcfg-test-pw.example.org"], ..Leaf::default() };
        let common = Leaf { common_name: PASSWORD, names: Vec::new(), ..Leaf::default() };
        let issuer = Box::leak(Box::new(ca::Authority::new(PASSWORD)));
        let echo = format!("what is {PASSWORD}\r\n");
        for mail in [
            clear().greeting(says(protocol, "greeting").as_str()),
            clear().greeting([send(&says(protocol, "goodbye")), close()]),
            clear().greeting([send(&echo), silence()]),
            clear().before(unwilling.clone()),
            clear().before([send(&echo), silence()]),
            clear().go_ahead([send(&no), silence()]),
            clear().go_ahead([send(&echo), silence()]),
            clear().go_ahead([send(&format!("{go}{echo}")), silence()]),
            clear().on_hello([blurt(&echo), close()]),
            inside().on_hello([blurt(&echo), close()]),
            inside().after(unwilling.clone()),
            inside().config(ca::trusted().issue(&named).config()),
            inside().config(ca::trusted().issue(&common).config()),
            inside().config(issuer.issue(&Leaf::default()).config()),
        ] {
            document(&mail, &mail.start(), &[]);
        }
    }
    let obsolete =
        Mail::smtp(StartTls).before([send(&ehlo(&format!("AUTH={PASSWORD}"))), expect("STARTTLS"), close()]);
    document(&obsolete, &obsolete.start(), &[]);
    let helo = [send(&format!("502 what is {PASSWORD}\r\n")), expect("HELO"), send("250 hi\r\n")];
    let helo = Mail::smtp(StartTls).before(helo);
    document(&helo, &helo.start(), &[]);
}

#[test]
fn a_secret_was_seen_in_the_trial_behind_the_sign_in() {
    for protocol in PROTOCOLS {
        let mail = signed_in(protocol);
        let echo = format!("what is {PASSWORD}\r\n");
        let (greeting, go, command) = match protocol {
            Protocol::Imap => ("* OK hi\r\n", "A1 OK go\r\n", "NOOP"),
            Protocol::Pop3 => ("+OK hi\r\n", "+OK go\r\n", "CAPA"),
            Protocol::Smtp => ("220 hi\r\n", "220 go\r\n", "NOOP"),
        };
        let mut asked = vec![send(greeting)];
        if protocol == Protocol::Smtp {
            asked.extend([expect("EHLO"), send("250-m\r\n250 STARTTLS\r\n")]);
        }
        asked.extend([expect(if protocol == Protocol::Pop3 { "STLS" } else { "STARTTLS" }), expect(command)]);
        let no = says(protocol, "no").replace("{tag}", "A1");
        let answer = match protocol {
            Protocol::Imap => format!("A2 OK {PASSWORD}\r\n"),
            Protocol::Pop3 => format!("-ERR {PASSWORD}\r\n+OK bye\r\n"),
            Protocol::Smtp => format!("250 {PASSWORD}\r\n221 bye\r\n"),
        };
        let inside = [send(go), Step::StartTls(mail.tls()), expect(mail.goodbye()), send(&answer)];
        for does in [
            [asked.clone(), vec![send(&no), silence()]].concat(),
            [asked.clone(), vec![send(&echo), silence()]].concat(),
            [asked.clone(), vec![send(&format!("{go}{echo}")), silence()]].concat(),
            [asked.clone(), vec![send(go), Step::HelloUpTo(usize::MAX, End::Silence), blurt(&echo), close()]]
                .concat(),
            [asked.clone(), inside.to_vec()].concat(),
            vec![send(&says(protocol, "goodbye")), close()],
            vec![send(&echo), silence()],
        ] {
            let host = Host::start_each(vec![mail.script(), Script(does)]).expect_connections(2);
            let document = document(&mail, &host, &["--starttls-injection"]);
            assert_eq!(
                document.pointer("/endpoints/0/login/outcome"),
                Some(&Value::from("done")),
                "{document}"
            );
        }
    }
    let refused = [send("220 hi\r\n"), expect("EHLO"), send(&format!("450 {PASSWORD}\r\n")), silence()];
    let mail = signed_in(Protocol::Smtp);
    let host = Host::start_each(vec![mail.script(), refused.into()]).expect_connections(2);
    document(&mail, &host, &["--starttls-injection"]);
}

/// A host that takes the secret inside TLS.
fn signed_in(protocol: Protocol) -> Mail {
    let steps = match protocol {
        Protocol::Imap => vec![
            send("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK\r\n"),
            expect("AUTHENTICATE"),
            send("{tag} OK in\r\n"),
            expect("CAPABILITY"),
            close(),
        ],
        Protocol::Pop3 => vec![
            send("+OK\r\nUIDL\r\nUSER\r\n.\r\n"),
            expect("USER"),
            send("+OK\r\n"),
            expect("PASS"),
            send("+OK in\r\n"),
            expect("CAPA"),
            close(),
        ],
        Protocol::Smtp => {
            vec![send(&ehlo("AUTH PLAIN")), expect("AUTH"), send("235 in\r\n"), expect("QUIT"), close()]
        }
    };
    Mail::well_behaved(protocol, StartTls).after(Script(steps))
}
