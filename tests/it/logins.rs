//! Sign-ins at hosts that behave, and at hosts that want a secret they must not get.

use std::sync::Arc;

use data_encoding::BASE64;
use futures_util::stream;
use mailcfg::net::{self, ConnectTo, Network};
use mailcfg::probe::facts::Facts;
use mailcfg::probe::login::{Credentials, Proof};
use mailcfg::providers::Providers;
use mailcfg::run::{Event, Job, Run, Task};
use mailcfg::secret::{HIDDEN_WORDS, Secret};
use mailcfg::settings::Security::{None as Clear, StartTls, Tls};
use mailcfg::settings::{Endpoint, Overrides};
use mailcfg::target::Target;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::ca::{self, Leaf};
use crate::support::command::{finish, interrupt, mailcfg};
use crate::support::host::{Host, Script, Step, answer, close, expect, send, silence};
use crate::support::mail::{Mail, ehlo};
use crate::support::probe::{Probe, Verdict, prepare};

pub const PASSWORD: &str = "mailcfg-test-pw";

/// `\0user\0mailcfg-test-pw`
const PLAIN: &str = "AHVzZXIAbWFpbGNmZy10ZXN0LXB3";

/// Signs in as `user`; the whole document must be free of the secret.
fn sign_in(mail: &Mail, more: &[&str]) -> (Verdict, Host) {
    let host = mail.start();
    let verdict = signing_in(prepare(mail, &host), more).run();
    assert_free_of_secrets(&verdict.document.to_string());
    (verdict, host)
}

fn signing_in(probe: Probe, more: &[&str]) -> Probe {
    let own = more.contains(&"--client-cert");
    let secret = if own { [].as_slice() } else { &["--password-command", "echo mailcfg-test-pw"] };
    let user = if more.contains(&"--user") { [].as_slice() } else { &["--user", "user"] };
    probe.with(&["--login"]).with(user).with(secret).with(more)
}

/// Neither the secret nor its base64, whatever stands before it.
#[track_caller]
pub fn assert_free_of_secrets(text: &str) {
    assert!(!text.to_lowercase().contains(PASSWORD), "{text}");
    for shift in 0..3 {
        let encoded = BASE64.encode(&[vec![0; shift].as_slice(), PASSWORD.as_bytes()].concat());
        let inside = encoded.get(4..16).expect("the password is long enough");
        assert!(!text.contains(inside), "{inside} in {text}");
    }
}

/// All a host does inside TLS once it was asked what it can do.
fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script(steps.into_iter().collect())
}

fn imap(capabilities: &str, steps: impl IntoIterator<Item = Step>) -> Mail {
    let listed = send(&format!("* CAPABILITY IMAP4rev1 {capabilities}\r\n{{tag}} OK done\r\n"));
    Mail::imap(Tls).after(script([listed].into_iter().chain(steps)))
}

fn pop3(capabilities: &str, steps: impl IntoIterator<Item = Step>) -> Mail {
    let listed = send(&format!("+OK\r\n{capabilities}.\r\n"));
    Mail::pop3(Tls).after(script([listed].into_iter().chain(steps)))
}

fn smtp(capabilities: &str, steps: impl IntoIterator<Item = Step>) -> Mail {
    let listed = send(&ehlo(capabilities));
    Mail::smtp(Tls).after(script([listed].into_iter().chain(steps)))
}

#[test]
fn imap_signs_in_and_looks_round() {
    let mail = imap(
        "AUTH=PLAIN SASL-IR",
        [
            expect("AUTHENTICATE"),
            send("{tag} OK [CAPABILITY IMAP4rev1 NAMESPACE QUOTA SPECIAL-USE LIST-EXTENDED] in\r\n"),
            expect("CAPABILITY"),
            send("* CAPABILITY IMAP4rev1 NAMESPACE QUOTA SPECIAL-USE LIST-EXTENDED\r\n{tag} OK\r\n"),
            expect("NAMESPACE"),
            send("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n{tag} OK\r\n"),
            expect("LIST"),
            send(
                "* LIST (\\Sent) \"/\" \"Sent\"\r\n* LIST (\\Drafts) \"/\" {9}\r\nEntw\u{fc}rf\r\n{tag} OK\r\n",
            ),
            expect("GETQUOTAROOT"),
            send("* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 1024)\r\n{tag} OK\r\n"),
            expect("LOGOUT"),
        ],
    );
    let (verdict, host) = sign_in(&mail, &[]);
    verdict.passes();
    verdict.shows(json!({ "login": { "outcome": "done", "value": {
        "mechanism": "PLAIN",
        "username": "user",
        "with": "password",
        "capabilities": ["IMAP4rev1", "NAMESPACE", "QUOTA", "SPECIAL-USE", "LIST-EXTENDED"],
        "namespaces": [{ "of": "personal", "prefix": "", "delimiter": "/" }],
        "folders": [{ "name": "Sent", "use": "sent" }],
        "quota": [{ "resource": "STORAGE", "used": 10, "limit": 1024 }],
        "notes": [],
    }}}));
    assert!(host.session().inside_text().contains(&format!("AUTHENTICATE PLAIN {PLAIN}\r\n")));
}

#[test]
fn pop3_signs_in_and_looks_round() {
    let mail = pop3(
        "UIDL\r\nUSER\r\n",
        [
            expect("USER"),
            send("+OK\r\n"),
            expect("PASS"),
            send("+OK in\r\n"),
            expect("CAPA"),
            send("+OK\r\nUIDL\r\nEXPIRE 60\r\nLOGIN-DELAY 120\r\n.\r\n"),
            expect("STAT"),
            send("+OK 2 320\r\n"),
            expect("UIDL"),
            send("+OK 1 abc\r\n"),
            expect("QUIT"),
        ],
    );
    let (verdict, host) = sign_in(&mail, &[]);
    verdict.passes();
    verdict.shows(json!({ "login": { "outcome": "done", "value": {
        "mechanism": "user-pass",
        "mailbox": { "messages": 2, "octets": 320 },
        "uidl": true,
        "expire": "60",
        "login_delay": 120,
    }}}));
    assert!(
        host.session()
            .inside_text()
            .ends_with("USER user\r\nPASS mailcfg-test-pw\r\nCAPA\r\nSTAT\r\nUIDL 1\r\nQUIT\r\n")
    );
}

#[test]
fn smtp_signs_in_and_sends_nothing() {
    let taken_back = [send("250 ok\r\n"), expect("RSET"), send("250 ok\r\n"), expect("QUIT")];
    let refused = [send("553 5.7.1 not yours\r\n"), expect("QUIT")];
    for (steps, findings, last) in [
        (taken_back.to_vec(), vec![], "RSET\r\nQUIT\r\n"),
        (refused.to_vec(), vec!["login.sender-refused fail"], "QUIT\r\n"),
    ] {
        let steps = [expect("AUTH"), send("235 2.7.0 in\r\n"), expect("MAIL")].into_iter().chain(steps);
        let (verdict, host) = sign_in(&smtp("AUTH PLAIN", steps), &["--user", "user@example.org"]);
        verdict.finds_only(&findings);
        let sent = host.session().inside_text();
        assert!(sent.ends_with(&format!("MAIL FROM:<user@example.org>\r\n{last}")), "{sent}");
    }
}

#[test]
fn a_server_that_closed_behind_a_refused_sender_made_it_a_pass() {
    let steps =
        [expect("AUTH"), send("235 in\r\n"), expect("MAIL"), send("550 5.7.1 not yours\r\n"), close()];
    let (verdict, _host) = sign_in(&smtp("AUTH PLAIN", steps), &["--user", "user@example.org"]);
    verdict.ends(1, "fail").finds_only(&["login.sender-refused fail"]);
}

#[test]
fn the_screen_says_who_signed_in_and_the_transcript_hides_with_what() {
    let mail = smtp(
        "AUTH LOGIN",
        [
            expect("AUTH"),
            send("334 VXNlcm5hbWU6\r\n"),
            expect("dXNlcg=="),
            send("334 UGFzc3dvcmQ6\r\n"),
            expect("bWFpbGNmZy10ZXN0LXB3"),
            send("235 hello user, your password is mailcfg-test-pw or bWFpbGNmZy10ZXN0LXB3\r\n"),
        ],
    );
    let host = mail.start();
    let arguments = signing_in(prepare(&mail, &host), &["-vv"]).arguments().to_vec();
    let output = finish(&mut mailcfg(arguments.iter().filter(|argument| *argument != "--json")));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    for line in [
        "· signed in as user with LOGIN\n",
        "sign-in      signed in as user with LOGIN\n",
        "C: AUTH LOGIN\n",
        "S: 334 ‹secret›\n",
        "C: ‹secret›\n",
        "S: ‹secret› stands in these words of the server, which are hidden\n",
    ] {
        assert!(output.stdout.contains(line), "no {line:?} in {}", output.stdout);
    }
    assert_free_of_secrets(&output.stdout);
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    for (reply, kind, temporary, code, finding) in [
        ("{tag} NO [AUTHENTICATIONFAILED] no\r\n", "wrong-password", false, 1, "login.wrong-password fail"),
        (
            "{tag} NO [ALERT] Application-specific password required\r\n",
            "app-password-needed",
            false,
            1,
            "login.app-password-needed fail",
        ),
        ("{tag} NO Basic authentication is disabled.\r\n", "too-weak", false, 1, "login.too-weak fail"),
        (
            "{tag} NO [PRIVACYREQUIRED] no\r\n",
            "encryption-required",
            false,
            1,
            "login.encryption-required fail",
        ),
        ("{tag} NO [CONTACTADMIN] no\r\n", "disabled", false, 1, "login.disabled fail"),
        (
            "{tag} NO [ALERT] Your account is not enabled for IMAP use.\r\n",
            "disabled",
            false,
            1,
            "login.not-enabled fail",
        ),
        ("{tag} NO [EXPIRED] no\r\n", "expired", false, 1, "login.expired fail"),
        ("{tag} NO no\r\n", "other", false, 1, "login.other fail"),
        ("{tag} NO [UNAVAILABLE] later\r\n", "temporary", true, 3, "login.temporary unknown"),
    ] {
        let mail =
            imap("AUTH=PLAIN AUTH=LOGIN SASL-IR", [expect("AUTHENTICATE"), send(reply), expect("LOGOUT")]);
        let (verdict, _host) = sign_in(&mail, &[]);
        verdict.ends(code, if temporary { "unknown" } else { "fail" }).finds_only(&[finding]);
        verdict.failed("/login", "auth", temporary);
        verdict.shows(json!({ "login": { "kind": kind, "mechanism": "PLAIN", "username": "user" } }));
    }
}

#[test]
fn other_user_names_are_tried_when_asked_for_and_only_after_a_wrong_password() {
    let step =
        |reply: &'static str| imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), send(reply)]).script();
    let wrong = "{tag} NO [AUTHENTICATIONFAILED] no\r\n";
    let run = |scripts: Vec<Script>, connections| {
        let host = Host::start_each(scripts).expect_connections(connections);
        let target = "user@mail.example.org";
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/login.toml");
        let probe =
            Probe::of(target).at(host.address).with(&["--login", "--providers", table, "--try-usernames"]);
        let verdict = probe.with(&["--password-command", "echo mailcfg-test-pw"]).run();
        (verdict.document["endpoints"][0].clone(), host)
    };
    let (endpoint, _host) = run(vec![step(wrong), step("{tag} OK in\r\n")], 2);
    assert_eq!(endpoint["login"]["value"]["username"], "user@mail.example.org");
    let tried: Vec<&Value> =
        endpoint["login"]["attempts"].as_array().unwrap().iter().map(|it| &it["username"]).collect();
    assert_eq!(tried, ["user", "user@mail.example.org"]);
    let findings = endpoint["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["id"] == "login.several-attempts"), "{findings:?}");
    let (endpoint, _host) = run(vec![step(wrong)], 2);
    assert_eq!(endpoint["login"]["kind"], "wrong-password");
    let (endpoint, _host) = run(vec![step("{tag} NO [CONTACTADMIN] locked\r\n")], 1);
    assert_eq!(endpoint["login"]["kind"], "disabled");
    let busy = Mail::imap(Tls).greeting([send("* BYE too many\r\n"), close()]).script();
    let (endpoint, _host) = run(vec![step(wrong), busy], 2);
    assert_eq!(endpoint["login"]["kind"], "wrong-password");
    assert!(endpoint["notes"][0].as_str().unwrap().contains("could not be tried"), "{endpoint}");
}

#[test]
fn a_host_whose_certificate_has_a_problem_gets_nothing() {
    let wrong_name = ca::trusted().issue(&Leaf { names: vec!["other.example.org"], ..Leaf::default() });
    let expired = ca::trusted().issue(&Leaf { begins: -30, ends: -3, ..Leaf::default() });
    for identity in [wrong_name, expired, ca::self_signed(&Leaf::default())] {
        for mail in [imap("AUTH=PLAIN", []), pop3("USER\r\n", []), smtp("AUTH PLAIN", [])] {
            let (verdict, host) = sign_in(&mail.config(identity.config()), &[]);
            assert_eq!(verdict.code, 1);
            verdict.finds("login.skipped info");
            assert_eq!(verdict.text("/login/outcome"), "skipped");
            let sent = host.session().inside_text();
            for word in ["AUTH", "LOGIN ", "USER", "PASS", "user"] {
                assert!(!sent.contains(word), "{sent}");
            }
        }
    }
}

#[test]
fn a_host_that_asks_for_a_password_without_tls_gets_nothing() {
    let relaxed =
        Mail::imap(Clear).before("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5\r\n{tag} OK done\r\n");
    let in_clear = Mail::imap(Clear).before("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n");
    let refused = Mail::imap(StartTls)
        .before("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n")
        .go_ahead("{tag} NO no TLS today, use LOGIN\r\n")
        .unasked_after();
    for mail in [relaxed, in_clear, refused] {
        let host = match mail.security {
            Clear => mail.start(),
            _ => {
                // Without TLS the script ends behind the refusal.
                let mut script = mail.script();
                script.0.retain(|step| !matches!(step, Step::StartTls(_)));
                Host::start(script)
            }
        };
        let verdict = signing_in(prepare(&mail, &host), &[]).run();
        assert_eq!(verdict.text("/login/outcome"), "skipped", "{verdict:?}");
        assert_ne!(verdict.code, 0, "a sign-in that was not tested is no pass");
        if mail.security == Clear {
            verdict.finds("login.skipped unknown");
        }
        let sent = host.session().clear_text();
        assert!(
            !sent.contains("AUTHENTICATE") && !sent.contains("A2 LOGIN") && !sent.contains("user"),
            "{sent}"
        );
    }
}

#[test]
fn another_name_in_the_handshake_is_no_way_round_the_check() {
    let identity = ca::trusted().issue(&Leaf { names: vec!["other.example.org"], ..Leaf::default() });
    let mail = imap("AUTH=PLAIN", []).config(identity.config());
    let (verdict, host) = sign_in(&mail, &["--sni", "other.example.org"]);
    verdict.ends(3, "unknown").finds_only(&["login.skipped unknown"]);
    assert!(!host.session().inside_text().contains("AUTHENTICATE"));
}

#[test]
fn what_was_offered_before_tls_does_not_count_inside() {
    let mail = Mail::imap(StartTls)
        .before("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=SCRAM-SHA-256\r\n{tag} OK done\r\n")
        .after("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=OAUTHBEARER\r\n{tag} OK done\r\n");
    let (verdict, host) = sign_in(&mail, &[]);
    assert_eq!(verdict.text("/login/outcome"), "skipped");
    verdict.finds("login.skipped fail");
    assert!(!host.session().inside_text().contains("AUTHENTICATE"));
    let mail = imap("AUTH=PLAIN AUTH=LOGIN", []);
    let (verdict, _host) = sign_in(&mail, &["--mechanism", "SCRAM-SHA-256"]);
    verdict.finds_only(&["login.skipped fail"]);
    assert!(verdict.text("/login/reason").contains("does not offer SCRAM-SHA-256"), "{verdict:?}");
}

/// The SCRAM message in the last word of a line.
fn message(line: &str) -> String {
    let encoded = line.split(' ').next_back().unwrap_or_default();
    let bytes = BASE64.decode(encoded.as_bytes()).expect("a message is base64");
    String::from_utf8(bytes).expect("a message is text")
}

/// `r=` of the client with more behind it, in a first message of the server.
fn server_first(line: &str, iterations: &str) -> String {
    let first = message(line);
    assert!(first.starts_with("y,,n=user,r="), "{first}");
    let nonce = first.rsplit_once("r=").map(|(_, nonce)| nonce).unwrap_or_default();
    let message = format!("r={nonce}server,s=QSXCR+Q6sek8bf92,i={iterations}");
    format!("+ {}\r\n", BASE64.encode(message.as_bytes()))
}

fn scram(iterations: &'static str, last: impl Fn(&str) -> String + Send + Sync + Clone + 'static) -> Mail {
    imap(
        "AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR",
        [
            answer(move |line| server_first(line, iterations)),
            answer(last),
            answer(|_| "A2 OK in\r\n".to_owned()),
        ],
    )
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    let wrong = |line: &str| {
        assert_ne!(line, "*", "the client's proof was expected");
        format!("+ {}\r\n", BASE64.encode(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
    };
    let (verdict, host) = sign_in(&scram("4096", wrong), &[]);
    verdict.ends(1, "fail").finds_only(&["login.other fail"]);
    assert!(verdict.failed("/login", "auth", false).contains("does not know the password"));
    assert!(host.session().inside_text().contains("\r\n*\r\n"));
    let at_once = |_: &str| "A2 OK in\r\n".to_owned();
    let (verdict, _host) = sign_in(&scram("4096", at_once), &[]);
    verdict.ends(1, "fail").finds_only(&["login.other fail"]);
    assert!(verdict.failed("/login", "auth", false).contains("before it had proved itself"));
}

#[test]
fn a_sign_in_is_bound_to_its_connection() {
    let leaf = ca::good();
    let of_certificate = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf.chain[0]);
    for (config, name) in [(leaf.config(), "tls-exporter"), (leaf.tls12(), "tls-server-end-point")] {
        let steps = [
            answer(|line| {
                let first = message(line);
                let nonce = first.rsplit_once("r=").unwrap().1;
                format!("+ {}\r\n", BASE64.encode(format!("r={nonce}x,s=QUJD,i=4096").as_bytes()))
            }),
            answer(|_| "A2 NO [AUTHENTICATIONFAILED] no\r\n".to_owned()),
        ];
        let (verdict, host) = sign_in(&imap("AUTH=SCRAM-SHA-256-PLUS SASL-IR", steps).config(config), &[]);
        let weak = (name == "tls-server-end-point").then_some("tls.no-1-3 warn");
        verdict.finds_only(&["login.wrong-password fail"].into_iter().chain(weak).collect::<Vec<_>>());
        let sent = host.session().inside_text();
        let last = sent.lines().rev().find_map(|line| BASE64.decode(line.as_bytes()).ok()).unwrap();
        let last = String::from_utf8(last).unwrap();
        let bound = last.strip_prefix("c=").and_then(|rest| rest.split_once(',')).unwrap().0;
        let data = if name == "tls-exporter" { &host.session().exported } else { of_certificate.as_ref() };
        assert_eq!(
            BASE64.decode(bound.as_bytes()).unwrap(),
            [format!("p={name},,").as_bytes(), data].concat()
        );
    }
}

#[test]
fn a_refused_binding_is_named_and_nothing_is_tried_behind_it() {
    let bound = |line: &str| {
        let first = message(line);
        assert!(first.starts_with("p=tls-exporter,,n=user,r="), "{line}");
        "A2 NO bad protocol / cancel\r\n".to_owned()
    };
    for (capabilities, more) in [
        ("AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR", &[][..]),
        ("AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 SASL-IR", &["--mechanism", "SCRAM-SHA-256-PLUS"]),
    ] {
        let (verdict, _host) = sign_in(&imap(capabilities, [answer(bound), expect("LOGOUT")]), more);
        verdict.ends(1, "fail").finds_only(&["login.binding-refused fail"]);
        verdict.shows(json!({ "login": { "kind": "other" } }));
        assert_eq!(verdict.at("/login/attempts").as_array().map(Vec::len), Some(1));
    }
    let refused = |_: &str| "A2 NO [AUTHENTICATIONFAILED] no\r\n".to_owned();
    let mail =
        imap("AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 SASL-IR", [answer(refused), expect("LOGOUT")]);
    let (verdict, _host) = sign_in(&mail, &[]);
    verdict.finds_only(&["login.wrong-password fail"]);
}

#[test]
fn a_server_that_sees_another_connection_is_no_wrong_password() {
    for error in ["channel-bindings-dont-match", "server-does-support-channel-binding"] {
        let steps = [
            answer(|line| server_first(line, "4096")),
            answer(move |_| format!("+ {}\r\n", BASE64.encode(format!("e={error}").as_bytes()))),
            answer(|_| "A2 NO [AUTHENTICATIONFAILED] no\r\n".to_owned()),
        ];
        let (verdict, _host) = sign_in(&imap("AUTH=SCRAM-SHA-256 SASL-IR", steps), &[]);
        verdict.finds_only(&["login.binding-mismatch fail"]);
    }
}

#[test]
fn a_server_that_asks_for_less_in_the_middle_gets_nothing() {
    for mechanism in ["SCRAM-SHA-256", "CRAM-MD5"] {
        let steps = [
            expect("AUTHENTICATE"),
            send("+ UGFzc3dvcmQ6\r\n"),
            answer(|_| "{tag} NO SCRAM is broken today, use PLAIN\r\n".to_owned()),
            expect("LOGOUT"),
        ];
        let mail = imap(&format!("AUTH={mechanism} AUTH=PLAIN AUTH=LOGIN SASL-IR"), steps);
        let (_verdict, host) = sign_in(&mail, &[]);
        assert_free_of_secrets(&host.session().inside_text());
    }
}

#[test]
fn a_server_cannot_have_the_client_count_for_ever() {
    for iterations in ["4294967295", "99999999999999999999", "1"] {
        let began = std::time::Instant::now();
        let (verdict, _host) = sign_in(
            &scram(iterations, |line| {
                assert_eq!(line, "*");
                "A2 NO cancelled\r\n".to_owned()
            }),
            &[],
        );
        assert!(verdict.failed("/login", "auth", false).contains("iterations"), "{verdict:?}");
        assert!(began.elapsed() < std::time::Duration::from_secs(10));
    }
}

#[test]
fn a_server_that_echoes_the_secret_does_not_put_it_into_the_report() {
    let echo = format!("{{tag}} NO what is {PLAIN}, MAILCFG-TEST-PW or {}?\r\n", "x".repeat(190) + PASSWORD);
    let mail = imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), send(&echo)]);
    let (verdict, _host) = sign_in(&mail, &["-vv"]);
    let reason = verdict.failed("/login", "auth", false);
    assert_eq!(reason, HIDDEN_WORDS);
    // An echo cut by the end of an excerpt, in a line that breaks the grammar.
    let wild = format!("{}{PASSWORD}\r\n", "y".repeat(195));
    let mail = imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), send(&wild)]);
    let (verdict, _host) = sign_in(&mail, &[]);
    let reason = verdict.failed("/login", "auth", false);
    assert!(!reason.contains("mailc"), "{reason}");
    let folder = format!("* LIST (\\Sent) \"/\" \"{PASSWORD}\"\r\n{{tag}} OK\r\n");
    let mail = imap(
        "AUTH=PLAIN SASL-IR",
        [
            expect("AUTHENTICATE"),
            send(&format!("{{tag}} OK [CAPABILITY IMAP4rev1 X-{PASSWORD}] in\r\n")),
            expect("CAPABILITY"),
            send(&format!("* CAPABILITY IMAP4rev1 X-{PASSWORD}\r\n{{tag}} OK\r\n")),
            expect("LIST"),
            send(&folder),
        ],
    );
    let (verdict, _host) = sign_in(&mail, &[]);
    assert_eq!(verdict.at("/login/value/folders/0/name"), HIDDEN_WORDS);
}

#[test]
fn a_connection_that_ends_in_the_sign_in_tells_nothing_of_the_password() {
    let (verdict, _host) = sign_in(&imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), close()]), &[]);
    verdict.ends(3, "unknown").finds_only(&["login.temporary unknown"]);
    verdict.failed("/login", "auth", true);
    let mail = imap(
        "AUTH=PLAIN SASL-IR",
        [expect("AUTHENTICATE"), send("{tag} OK in\r\n"), expect("CAPABILITY"), close()],
    );
    let (verdict, _host) = sign_in(&mail, &[]);
    verdict.ends(3, "unknown").finds_only(&["login.broken-off unknown"]);
    assert_eq!(verdict.at("/login/outcome"), "done", "{verdict:?}");
    assert!(verdict.text("/login/value/notes/0").contains("closed the connection"), "{verdict:?}");
}

#[test]
fn a_sender_that_was_put_off_was_refused_when_the_server_echoed_the_secret() {
    for words in ["451 4.7.1 greylisted", &format!("451 4.7.1 greylisted {PASSWORD}")] {
        let mail = smtp(
            "AUTH PLAIN",
            [expect("AUTH"), send("235 in\r\n"), expect("MAIL"), send(&format!("{words}\r\n"))],
        );
        let (verdict, _host) = sign_in(&mail, &["--user", "user@example.org"]);
        verdict.ends(3, "unknown").finds_only(&["login.sender-refused unknown"]);
    }
}

/// Runs jobs in one run, as a program that embeds the library does; gives their facts in the order of the jobs.
async fn work_on(jobs: Vec<Job>, connect_to: Vec<ConnectTo>) -> Vec<Facts> {
    let extra_roots = net::read_roots(ca::trusted().file()).expect("the authority's file can be read");
    let run = Run {
        network: Network::new(net::Options { connect_to, extra_roots, ..net::Options::default() }),
        providers: Providers::bundled(),
        lookup: Default::default(),
        probe: Default::default(),
        all_addresses: false,
        only: Default::default(),
        lookup_only: false,
        options: Default::default(),
    };
    let (_end, ended) = watch::channel(None);
    let mut events = run.start(stream::iter(jobs.into_iter().enumerate()), ended);
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Finished(outcome) = event {
            all.push((outcome.index, outcome.facts));
        }
    }
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().flat_map(|(_, facts)| facts).collect()
}

#[tokio::test]
async fn the_secret_of_one_target_goes_to_no_other_of_the_same_run() {
    let both = Leaf { names: vec!["mail.example.org", "stranger.example.org"], ..Leaf::default() };
    let config = ca::trusted().issue(&both).config();
    let plain = || {
        let last = answer(|_| "{tag} NO [AUTHENTICATIONFAILED] no\r\n".to_owned());
        imap("AUTH=PLAIN SASL-IR", [last]).config(config.clone()).start()
    };
    let (own, stranger) = (plain().expect_connections(2), plain());
    let task = |name: &str| {
        let Ok(Target::Host { scheme, host, port }) = Target::parse(name) else { panic!("{name}") };
        let endpoint =
            Endpoint::complete(scheme, host, port, Overrides::default()).expect("a URL is complete");
        Task::Endpoint(name.to_owned(), endpoint)
    };
    let secret = Arc::new(Secret::new(PASSWORD.as_bytes().to_vec()));
    let login = Some(Arc::new(Credentials {
        proof: Proof::Password(secret),
        username: Some("user".to_owned()),
        address: None,
        mechanism: None,
        try_usernames: false,
        identity: None,
    }));
    let jobs = vec![
        Job { task: task("imaps://mail.example.org"), login },
        Job::from(task("imaps://mail.example.org")),
        Job::from(task("imaps://stranger.example.org")),
    ];
    let connect_to = [("mail", &own), ("stranger", &stranger)]
        .map(|(name, host)| format!("{name}.example.org:993:127.0.0.1:{}", host.address.port()))
        .map(|text| ConnectTo::parse(&text).expect("it is of the form"));
    let facts = work_on(jobs, connect_to.to_vec()).await;
    let tried: Vec<usize> = facts.iter().map(|facts| facts.sign_ins.len()).collect();
    assert_eq!(tried, [1, 0, 0]);
    let sign_ins =
        |host: &Host| host.sessions().iter().filter(|session| session.inside_text().contains("AUTH")).count();
    assert_eq!((sign_ins(&own), sign_ins(&stranger)), (1, 0));
}

#[test]
fn a_client_certificate_signs_in_by_external() {
    let folder = crate::support::folder::Folder::new();
    let client = ca::trusted().issue(&Leaf {
        usage: rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        names: vec!["user.example.org"],
        ..Leaf::default()
    });
    let pem = folder.write("client.pem", client.pem()).display().to_string();
    let steps = [expect("AUTHENTICATE"), send("{tag} OK in\r\n")];
    let mail = imap("AUTH=EXTERNAL AUTH=PLAIN SASL-IR", steps).config(ca::good().client_certificate(true));
    let (verdict, host) = sign_in(&mail, &["--client-cert", &pem]);
    verdict.shows(json!({ "login": { "outcome": "done", "value": { "mechanism": "EXTERNAL", "with": "client-certificate" } } }));
    assert!(host.session().inside_text().contains("AUTHENTICATE EXTERNAL dXNlcg==\r\n"));
}

#[test]
fn a_server_that_is_not_trusted_does_not_learn_who_asks() {
    let folder = crate::support::folder::Folder::new();
    let usage = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
    let client = ca::trusted().issue(&Leaf { usage, names: vec!["user.example.org"], ..Leaf::default() });
    let pem = folder.write("client.pem", client.pem()).display().to_string();
    let listed = send("* CAPABILITY IMAP4rev1 AUTH=EXTERNAL SASL-IR\r\n{tag} OK done\r\n");
    let stranger = ca::self_signed(&Leaf::default()).client_certificate(false);
    let mail = Mail::imap(Tls).config(stranger).after(script([listed, expect("LOGOUT")]));
    let host = mail.start().expect_connections(2);
    let verdict = signing_in(prepare(&mail, &host), &["--client-cert", &pem]).run();
    verdict.ends(1, "fail").finds_only(&["certificate.self-signed fail", "login.skipped info"]);
    // All else is found out all the same.
    assert_eq!(verdict.at("/capabilities/after_tls/outcome"), "done");
    assert!(host.sessions().iter().all(|session| !session.introduced), "{:?}", host.sessions());
}

#[test]
fn a_sign_in_that_a_signal_cut_off_was_called_not_tried() {
    let refused = imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), silence()]);
    let accepted = imap(
        "AUTH=PLAIN SASL-IR",
        [expect("AUTHENTICATE"), send("{tag} OK in\r\n"), expect("CAPABILITY"), silence()],
    );
    for (mail, lines, outcome) in [(refused, 2, "failed"), (accepted, 3, "done")] {
        let host = mail.start();
        let probe = signing_in(prepare(&mail, &host), &[]);
        let output = interrupt(&mut mailcfg(probe.arguments()), "INT", || host.wait_for_lines(lines));
        let verdict = Verdict::of(&output);
        assert_eq!((verdict.code, verdict.text("/login/outcome")), (3, outcome), "{verdict:?}");
        assert_eq!(verdict.at("/login/attempts").as_array().map(Vec::len), Some(1), "{verdict:?}");
    }
}

#[test]
fn a_secret_in_a_greeting_or_a_list_is_hidden_too() {
    let mail =
        imap(&format!("AUTH=PLAIN SASL-IR X-{PASSWORD}"), [expect("AUTHENTICATE"), send("{tag} NO no\r\n")]);
    let (verdict, _host) = sign_in(&mail.greeting(format!("* OK {PASSWORD} is it?\r\n").as_str()), &[]);
    assert_eq!(verdict.text("/greeting/value/text"), HIDDEN_WORDS);
    assert!(verdict.at("/capabilities/after_tls/value").to_string().contains(HIDDEN_WORDS), "{verdict:?}");
}

#[test]
fn half_a_secret_was_seen_where_a_capability_was_cut() {
    let fat = format!("* CAPABILITY IMAP4rev1 X{}{PASSWORD}\r\n{{tag}} OK\r\n", "x".repeat(1_010));
    let mail = imap(
        "AUTH=PLAIN SASL-IR",
        [expect("AUTHENTICATE"), send("{tag} OK in\r\n"), expect("CAPABILITY"), send(&fat), expect("LIST")],
    );
    let (verdict, _host) = sign_in(&mail, &[]);
    assert!(!verdict.document.to_string().contains("mailcfg-test"), "{verdict:?}");
    assert!(verdict.at("/login").to_string().contains(HIDDEN_WORDS), "{verdict:?}");
}

#[test]
fn what_was_sent_as_a_proof_is_hidden_where_it_is_echoed() {
    let mail = pop3("UIDL\r\n", [answer(|line| format!("-ERR what is {line}?\r\n"))])
        .greeting("+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n");
    let (verdict, _host) = sign_in(&mail, &[]);
    assert_eq!(verdict.failed("/login", "auth", false), HIDDEN_WORDS);
}

#[test]
fn folders_behind_the_thousandth_were_lost() {
    let folders = "* LIST () \"/\" \"x\"\r\n".repeat(5_000);
    let mail = imap(
        "AUTH=PLAIN SASL-IR QUOTA",
        [
            expect("AUTHENTICATE"),
            send("{tag} OK [CAPABILITY IMAP4rev1 QUOTA] in\r\n"),
            expect("CAPABILITY"),
            send("* CAPABILITY IMAP4rev1 QUOTA\r\n{tag} OK\r\n"),
            expect("LIST"),
            send(&format!("{folders}* LIST (\\Sent) \"/\" \"Sent\"\r\n{{tag}} OK\r\n")),
            expect("GETQUOTAROOT"),
            send("* QUOTA \"\" (STORAGE 10 1024)\r\n{tag} OK\r\n"),
        ],
    );
    let (verdict, _host) = sign_in(&mail, &[]);
    verdict.shows(
        json!({ "login": { "value": { "folders": [{ "name": "Sent", "use": "sent" }], "notes": [] } } }),
    );
    assert_eq!(verdict.at("/login/value/quota/0/limit"), 1024);
}

#[test]
fn a_user_name_in_the_words_of_a_server_was_taken_for_the_secret() {
    let steps = [
        expect("AUTH"),
        send("334 VXNlcm5hbWU6\r\n"),
        answer(|_| "334 UGFzc3dvcmQ6\r\n".to_owned()),
        answer(|_| "235 in\r\n".to_owned()),
        expect("MAIL"),
        send("553 5.7.1 <user@example.org>: not yours\r\n"),
        expect("QUIT"),
    ];
    let (verdict, _host) = sign_in(&smtp("AUTH LOGIN", steps), &["--user", "user@example.org"]);
    verdict.finds_only(&["login.sender-refused fail"]);
    assert!(verdict.text("/login/value/sender/reason").contains("<user@example.org>"), "{verdict:?}");
}

#[test]
fn a_password_that_is_a_word_hid_what_the_server_lists_and_what_mailcfg_says() {
    let mail =
        imap("AUTH=PLAIN SASL-IR", [expect("AUTHENTICATE"), send("{tag} NO [AUTHENTICATIONFAILED] no\r\n")]);
    let host = mail.start();
    let probe = prepare(&mail, &host).with(&["--login", "--user", "user", "--password-command", "echo s"]);
    let verdict = probe.run();
    verdict.shows(
        json!({ "capabilities": { "after_tls": { "value": ["IMAP4rev1", "AUTH=PLAIN", "SASL-IR"] } } }),
    );
    assert_eq!(verdict.text("/starttls/reason"), "TLS from the first byte");
}

#[test]
fn a_refused_certificate_was_called_a_refused_password() {
    let folder = crate::support::folder::Folder::new();
    let usage = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
    let client = ca::trusted().issue(&Leaf { usage, names: vec!["user.example.org"], ..Leaf::default() });
    let pem = folder.write("client.pem", client.pem()).display().to_string();
    let steps = [expect("AUTHENTICATE"), send("{tag} NO [AUTHENTICATIONFAILED] no\r\n")];
    let mail = imap("AUTH=EXTERNAL SASL-IR", steps).config(ca::good().client_certificate(true));
    let host = mail.start();
    let verdict = prepare(&mail, &host).with(&["--login", "--client-cert", &pem]).run();
    verdict.finds_only(&["login.wrong-password fail"]);
    let findings = verdict.at("/findings").to_string();
    assert!(
        findings.contains("refuses the client certificate") && findings.contains("EXTERNAL: A2 NO"),
        "{findings}"
    );
    assert!(host.session().inside_text().contains("AUTHENTICATE EXTERNAL =\r\n"));
}

#[test]
fn every_user_name_that_was_tried_is_named() {
    let refused = || [expect("AUTHENTICATE"), send("{tag} NO [AUTHENTICATIONFAILED] no\r\n")];
    let mail = imap("AUTH=PLAIN SASL-IR", refused());
    let host = mail.start().expect_connections(2);
    let verdict = signing_in(prepare(&mail, &host), &["--user", "user@example.org", "--try-usernames"]).run();
    let evidence = verdict.at("/findings").to_string();
    assert!(evidence.contains("PLAIN as user@example.org and as user: "), "{evidence}");
    assert!(!evidence.contains("try the other form"), "{evidence}");
}

#[test]
fn apop_is_used_with_a_stamp_that_came_inside_tls_when_nothing_else_is_there() {
    let mail = pop3("UIDL\r\n", [expect("APOP"), send("-ERR [AUTH] no\r\n")])
        .greeting("+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n");
    let (verdict, host) = sign_in(&mail, &[]);
    verdict.finds_only(&["auth.none fail", "login.wrong-password fail"]);
    assert!(host.session().inside_text().contains("APOP user "));
}

#[test]
fn a_name_or_token_that_would_not_arrive_whole_is_not_sent() {
    let stamped = pop3("UIDL\r\n", [expect("QUIT")]).greeting("+OK <1.2@mail.example.org>\r\n");
    let (verdict, _host) = sign_in(&stamped, &["--user", "a b", "--mechanism", "APOP"]);
    assert!(verdict.text("/login/reason").contains("with a space"), "{verdict:?}");
    let mail = imap("AUTH=XOAUTH2 SASL-IR", [expect("LOGOUT")]);
    let host = mail.start();
    let token = ["--login", "--user", "user", "--token-command", "printf 'mailcfg\\001user=other'"];
    let verdict = prepare(&mail, &host).with(&token).run();
    assert!(verdict.text("/login/reason").contains("0x01"), "{verdict:?}");
}
