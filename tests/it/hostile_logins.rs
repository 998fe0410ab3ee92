//! Sign-ins, the look round behind them, and the trial of STARTTLS at hostile hosts: nothing is said of the password that
//! nobody refused, the secret stays where it is, and all ends in time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mailcfg::probe;
use mailcfg::probe::login::{Credentials, Proof};
use mailcfg::secret::Secret;
use mailcfg::settings::Protocol::{self, Imap, Pop3, Smtp};
use mailcfg::settings::Security::{StartTls, Tls};

use crate::hostile::{MOST_MEMORY, PROTOCOLS, address, examine_together, nothing_is_left_open};
use crate::logins::{PASSWORD, assert_free_of_secrets};
use crate::support::command::{mailcfg, weigh};
use crate::support::host::{
    End, Host, Script, Step, beneath, close, drip, expect, flood, reset, send, silence,
};
use crate::support::mail::{Mail, ehlo};
use crate::support::probe::{Verdict, findings, prepare};

/// What a host does in place of a reply.
fn spoils() -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("is silent", vec![silence()]),
        ("sends an endless line", vec![flood(&[b'2'; 4_096])]),
        ("sends endless lines", vec![flood("250-* on and on\r\n")]),
        ("sends endless lines of IMAP", vec![flood("* LIST () \"/\" \"on and on\"\r\n")]),
        ("closes", vec![close()]),
        ("resets", vec![reset()]),
        ("sends a byte at a time", vec![drip(&[b'2'; 100], 100)]),
        ("sends a NUL", vec![send("* OK +OK 235\0\r\n"), silence()]),
        ("sends garbage", vec![send(GARBAGE), silence()]),
        ("sends what is no TLS record", vec![beneath(GARBAGE), silence()]),
    ]
}

/// Where a sign-in or the look round is spoiled: what was said before.
fn stages(protocol: Protocol) -> Vec<(&'static str, Vec<Step>)> {
    let (word, sign_in, look) = match protocol {
        Imap => (
            "AUTHENTICATE",
            vec![expect("AUTHENTICATE")],
            vec![
                send("{tag} OK in\r\n"),
                expect("CAPABILITY"),
                send("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"),
                expect("LIST"),
            ],
        ),
        Pop3 => (
            "PASS",
            vec![expect("USER"), send("+OK\r\n"), expect("PASS")],
            vec![send("+OK in\r\n"), expect("CAPA"), send("+OK\r\nUIDL\r\n.\r\n"), expect("STAT")],
        ),
        Smtp => ("AUTH", vec![expect("AUTH")], vec![send("235 in\r\n"), expect("MAIL")]),
    };
    let look = [sign_in.clone(), look].concat();
    vec![(word, sign_in), (LOOK, look)]
}

const LOOK: &str = "the look round";

fn mail(protocol: Protocol, steps: Vec<Step>) -> Mail {
    let (listed, mail) = match protocol {
        Imap => (send("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK done\r\n"), Mail::imap(Tls)),
        Pop3 => (send("+OK\r\nUIDL\r\nUSER\r\n.\r\n"), Mail::pop3(Tls)),
        Smtp => (send(&ehlo("AUTH PLAIN")), Mail::smtp(Tls)),
    };
    mail.after(Script([vec![listed], steps].concat()))
}

/// Every host that spoils a sign-in: in words, where, and what it does.
fn sign_ins() -> Vec<(String, &'static str, Mail)> {
    let mut all = Vec::new();
    for protocol in PROTOCOLS {
        for (stage, before) in stages(protocol) {
            for (name, does) in spoils() {
                let words = format!("{protocol} {name} at {stage}");
                all.push((words, stage, mail(protocol, [before.clone(), does].concat())));
            }
        }
    }
    all
}

#[test]
fn a_sign_in_at_a_hostile_host_says_nothing_of_the_password() {
    let all = sign_ins();
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for some in all.chunks(all.len().div_ceil(AT_ONCE)) {
            let wrong = &wrong;
            scope.spawn(move || {
                for (words, stage, mail) in some {
                    if let Some(complaint) = complaint(stage, mail) {
                        *wrong.lock().expect("no thread panics with it") +=
                            &format!("=== {words}: {complaint}\n");
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panics with it");
    assert!(wrong.is_empty(), "{wrong}");
}

/// Signs in; says what is not as it should be.
fn complaint(stage: &str, mail: &Mail) -> Option<String> {
    let host = mail.start();
    let secret = ["--login", "--user", "user@example.org", "--password-command", "echo mailcfg-test-pw"];
    let probe = prepare(mail, &host).with(&secret).with(&["-vv", "--timeout", "8s"]);
    let began = Instant::now();
    let (output, memory) = weigh(&mut mailcfg(probe.arguments()));
    let took = began.elapsed();
    assert_free_of_secrets(&output.stdout);
    let verdict = Verdict::of(&output);
    let found = verdict.findings();
    let right = match (stage, verdict.text("/login/outcome")) {
        // Who is in is in, and what cannot be seen then is not known.
        (LOOK, "done") => verdict.code == 3 && found == ["login.broken-off unknown"],
        (LOOK, _) => false,
        (_, "failed") => verdict.code != 0 && UNTOLD.iter().any(|untold| found == [*untold]),
        _ => false,
    };
    let bounded = took < LONGEST && memory < MOST_MEMORY;
    let said = || format!("{found:?} after {took:?} with {memory} KiB: {}", verdict.at("/login"));
    (!right || !bounded).then(said)
}

/// Most of them is waiting.
const AT_ONCE: usize = 6;

/// The limit of 4 s, and what a machine with much to do adds.
const LONGEST: Duration = Duration::from_secs(30);

/// What may be said of a sign-in that nobody answered.
const UNTOLD: &[&str] = &["login.temporary unknown", "login.other fail"];

#[test]
fn no_sign_in_is_left_open() {
    let hosts: Vec<(Mail, Host)> = sign_ins()
        .into_iter()
        .map(|(.., mail)| {
            let host = mail.start();
            (mail, host)
        })
        .collect();
    let secret = Arc::new(Secret::new(PASSWORD.as_bytes().to_vec()));
    let login = Credentials {
        proof: Proof::Password(secret),
        username: Some("user@example.org".to_owned()),
        address: None,
        mechanism: None,
        try_usernames: false,
        identity: None,
    };
    let options = probe::Options { login: Some(Arc::new(login)), ..probe::Options::default() };
    nothing_is_left_open(&hosts, &options);
    for (_, host) in &hosts {
        assert!(
            host.session().inside_text().contains("user") || host.session().inside_text().contains("AUTH")
        );
    }
}

/// What a host does on the second connection, which has a command behind STARTTLS; what may come of it.
fn trials(protocol: Protocol) -> Vec<(&'static str, Script, &'static str)> {
    let well = Mail::well_behaved(protocol, StartTls);
    let (greeting, command, go) = match protocol {
        Imap => ("* OK hi\r\n", "NOOP", "A1 OK go\r\n"),
        Pop3 => ("+OK hi\r\n", "CAPA", "+OK go\r\n"),
        Smtp => ("220 hi\r\n", "NOOP", "220 go\r\n"),
    };
    let mut asked = vec![send(greeting)];
    if protocol == Smtp {
        asked.extend([expect("EHLO"), send("250-m\r\n250 STARTTLS\r\n")]);
    }
    asked.extend([expect(if protocol == Pop3 { "STLS" } else { "STARTTLS" }), expect(command)]);
    let at_ehlo = [send(greeting), expect("EHLO")];
    let agreed = [asked.clone(), vec![send(go)]].concat();
    let inside = [agreed.clone(), vec![Step::StartTls(well.tls()), expect(well.goodbye())]].concat();
    let hello = |end| vec![Step::HelloUpTo(0, end)];
    let rows: Vec<(&str, &[Step], Vec<Step>, &str)> = vec![
        ("silent at once", &[], vec![silence()], UNKNOWN),
        ("endless greeting", &[], vec![flood(&[b'2'; 4_096])], UNKNOWN),
        ("garbage for a greeting", &[], vec![send(GARBAGE), silence()], UNKNOWN),
        ("reset at once", &[], vec![reset()], UNKNOWN),
        ("silent at STARTTLS", &asked, vec![silence()], UNKNOWN),
        ("endless reply", &asked, vec![flood("220-* on\r\n")], UNKNOWN),
        ("garbage for a reply", &asked, vec![send(GARBAGE), silence()], UNKNOWN),
        ("reset at STARTTLS", &asked, vec![reset()], UNKNOWN),
        ("silent in the handshake", &agreed, hello(End::Silence), UNKNOWN),
        ("garbage in the handshake", &agreed, hello(End::Flood(GARBAGE.to_vec())), UNKNOWN),
        ("a broken handshake", &agreed, hello(End::Flood(vec![22, 3, 3, 0, 4, 99, 0, 0, 0])), INFO),
        ("reset in the handshake", &agreed, hello(End::Reset), INFO),
        ("silent inside", &inside, vec![silence()], UNKNOWN),
        ("an endless line inside", &inside, vec![flood(&[b'2'; 4_096])], UNKNOWN),
        ("a byte at a time inside", &inside, vec![drip(&[b'2'; 100], 100)], UNKNOWN),
        ("reset inside", &inside, vec![reset()], UNKNOWN),
        ("no TLS record inside", &inside, vec![beneath(GARBAGE), silence()], UNKNOWN),
    ];
    let of_smtp: Vec<(&str, &[Step], Vec<Step>, &str)> = vec![
        ("silent at EHLO", &at_ehlo, vec![silence()], UNKNOWN),
        ("endless lines at EHLO", &at_ehlo, vec![flood("250-* on\r\n")], UNKNOWN),
        ("garbage at EHLO", &at_ehlo, vec![send(GARBAGE), silence()], UNKNOWN),
        ("later at EHLO", &at_ehlo, vec![send("450 later\r\n"), silence()], UNKNOWN),
        ("reset at EHLO", &at_ehlo, vec![reset()], UNKNOWN),
        ("421 inside", &inside, vec![send("421 bye\r\n"), silence()], UNKNOWN),
    ];
    let more = if protocol == Smtp { of_smtp } else { Vec::new() };
    rows.into_iter()
        .chain(more)
        .map(|(name, before, does, expected)| (name, Script([before.to_vec(), does].concat()), expected))
        .collect()
}

const UNKNOWN: &str = "starttls.command-injection unknown";
const INFO: &str = "starttls.command-injection info";

#[test]
fn a_trial_at_a_hostile_host_ends_in_time() {
    let all: Vec<_> = PROTOCOLS
        .into_iter()
        .flat_map(|protocol| trials(protocol).into_iter().map(move |trial| (protocol, trial)))
        .collect();
    let mails = PROTOCOLS.map(|protocol| Mail::well_behaved(protocol, StartTls));
    let of = |protocol| mails.iter().find(|mail| mail.protocol == protocol).expect("each is there");
    let start = |(place, (protocol, (_, script, _))): (usize, &(Protocol, (_, Script, _)))| {
        let scripts = vec![of(*protocol).script(), script.clone()];
        Host::start_at(address(place, 5), scripts).expect_connections(2)
    };
    let hosts: Vec<Host> = all.iter().enumerate().map(start).collect();
    let pairs: Vec<(&Mail, &Host)> = all.iter().map(|(protocol, _)| of(*protocol)).zip(&hosts).collect();
    let documents = examine_together(&pairs, &["--starttls-injection", "--timeout", "2s"]);
    let mut wrong = String::new();
    for ((protocol, (name, _, expected)), document) in all.iter().zip(&documents) {
        let endpoint = &document["endpoints"][0];
        let found = findings(endpoint);
        let took = endpoint["timings_ms"]["total"].as_f64().unwrap_or(f64::MAX);
        if found != [*expected] || took > 5_000.0 {
            wrong += &format!("=== {protocol} {name}: {found:?} after {took} ms\n{}\n", endpoint["findings"]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_trial_is_left_open() {
    let mut hosts = Vec::new();
    for protocol in PROTOCOLS {
        let mail = Mail::well_behaved(protocol, StartTls);
        for (_, script, _) in trials(protocol) {
            let host = Host::start_each(vec![mail.script(), script]).expect_connections(2);
            hosts.push((mail.clone(), host));
        }
    }
    let options = probe::Options { starttls_injection: true, ..probe::Options::default() };
    nothing_is_left_open(&hosts, &options);
}

const GARBAGE: &[u8] = b"\x80\xff\xfe\x01\x7f\x9b garbage \xc3\x28\r\n";
