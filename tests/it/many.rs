//! Many targets in one run: lists, sharing, the limits of an address, retries, and runs that end early or go on later.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType::{A, AAAA};
use mailcfg::settings::Security::{StartTls, Tls};
use serde_json::{Value, json};

use crate::support::ca;
use crate::support::command::{self, Output, finish, interrupt, mailcfg};
use crate::support::crowd::{Crowd, Manner};
use crate::support::dns::Answer::Is;
use crate::support::dns::Dns;
use crate::support::folder::Folder;
use crate::support::host::{Host, close, expect, send, silence};
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, findings};

/// Arguments of a probe whose targets all lead to one place, and are held against one certificate.
fn probe_at(crowd: &Crowd, flags: &[&str]) -> Vec<String> {
    let place = format!("::{}:{}", crowd.address.ip(), crowd.address.port());
    let ca_file = ca::trusted().file().display().to_string();
    let all = [
        "probe",
        "--format",
        "jsonl",
        "--ca-file",
        &ca_file,
        "--sni",
        "mail.example.org",
        "--connect-to",
        &place,
    ];
    all.iter().chain(flags).map(|&argument| argument.to_owned()).collect()
}

/// So many hosts with names of their own.
fn names(number: usize) -> Vec<String> {
    (0..number).map(|number| format!("host{number}.example:995")).collect()
}

fn probe_names(crowd: &Crowd, number: usize, flags: &[&str]) -> Output {
    command::run([probe_at(crowd, flags), names(number)].concat())
}

/// The documents of a jsonl output by their place.
fn documents(output: &Output) -> BTreeMap<u64, Value> {
    let text = &output.stdout;
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let place =
        |document: &Value| document.get("index").and_then(Value::as_u64).expect("a document has a place");
    text.lines().map(parse).map(|document| (place(&document), document)).collect()
}

/// The ids of the findings of a whole target and of its endpoints.
fn ids(document: &Value) -> Vec<String> {
    let endpoints = document["endpoints"].as_array().cloned().unwrap_or_default();
    std::iter::once(document).chain(&endpoints).flat_map(findings).collect()
}

#[test]
fn a_list_has_one_target_a_line_and_a_bad_line_is_an_entry() {
    let crowd = Crowd::start(Manner::default());
    let folder = Folder::new();
    let list = folder.write(
        "list",
        b"\xef\xbb\xbfa.example:995\r\n\r\n# all the others\r\n  b.example:995\t# the second\r\nno such thing\n\xff\xfe.example\nc.example:995",
    );
    let mut flags = probe_at(&crowd, &["--per-host", "0", "typed.example:995", "--from"]);
    flags.push(list.display().to_string());
    let output = command::run(flags);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{output:?}");
    let documents = documents(&output);
    let targets: Vec<&str> = documents.values().map(|it| it["target"].as_str().unwrap()).collect();
    assert_eq!(
        targets,
        [
            "typed.example:995",
            "a.example:995",
            "b.example:995",
            "no such thing",
            "\u{fffd}\u{fffd}.example",
            "c.example:995"
        ]
    );
    assert_eq!(ids(&documents[&3]), ["target.invalid fail"]);
    assert_eq!(documents[&3]["status"], "fail");
    let text = documents[&3]["findings"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("line 5 of the list: not a domain name"), "{text}");
    assert!(documents[&3]["findings"][0]["hint"].is_string());
    assert_eq!(documents[&4]["findings"][0]["text"], "line 6 of the list: the line is no UTF-8");
    assert_eq!(crowd.visits().len(), 4);
}

#[test]
fn a_list_without_a_target_and_one_that_cannot_be_read_are_usage_errors() {
    let folder = Folder::new();
    let empty = folder.write("empty", "# nothing\n\n").display().to_string();
    let missing = folder.path().join("missing").display().to_string();
    let above = folder.path().display().to_string();
    for (list, words) in [
        (&empty, "there is no target in the list"),
        (&missing, "cannot read the list"),
        (&above, "directory"),
    ] {
        for command in ["probe", "lookup"] {
            let output = command::run([command, "--from", list]);
            assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
            assert!(output.stderr.contains(words) && output.stderr.contains("hint: "), "{output:?}");
        }
    }
}

#[test]
fn a_bad_target_on_the_command_line_is_a_usage_error_beside_a_list_too() {
    let crowd = Crowd::start(Manner::default());
    let folder = Folder::new();
    let list = folder.write("list", "a.example:995\n").display().to_string();
    let output = command::run(probe_at(&crowd, &["no such thing", "--from", &list]));
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(crowd.visits().is_empty());
}

#[test]
fn wrong_values_are_usage_errors() {
    for flags in [
        &["--jobs", "0"][..],
        &["--per-host", "two"],
        &["--per-host", "2/0"],
        &["--deadline", "soon"],
        &["--retries", "-1"],
        &["--resume", "/nonexistent", "--format", "jsonl"],
        &["--resume", "/dev/null"],
        &["--resume", "/dev/null", "--json"],
    ] {
        let output = command::run([&["probe", "imaps://127.0.0.1:1"], flags].concat());
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{flags:?}: {output:?}");
    }
}

#[test]
fn results_come_while_stdin_is_open() {
    let crowd = Crowd::start(Manner::default());
    let mut child = mailcfg(probe_at(&crowd, &["--from", "-"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        writeln!(input, "host{number}.example:995").unwrap();
        let document: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(document["index"], number);
    }
    drop(input);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_signal_ends_a_run_whose_stdin_is_open() {
    let crowd = Crowd::start(Manner::default());
    let (reader, writer) = std::io::pipe().unwrap();
    (&writer).write_all(b"host0.example:995\n").unwrap();
    let mut command = mailcfg(probe_at(&crowd, &["--from", "-"]));
    command.stdin(reader);
    let output = interrupt(&mut command, "TERM", || {
        wait_until(|| crowd.visits().iter().any(|visit| visit.left.is_some()));
    });
    assert_eq!(output.code, 3, "the rest of the list is not known: {output:?}");
    assert_eq!(documents(&output)[&0]["status"], "pass");
    assert!(output.stderr.contains("before the whole list was read"), "{output:?}");
}

#[test]
fn a_report_does_not_look_whole_when_its_list_was_not_read_to_the_end() {
    let crowd = Crowd::start(Manner::default());
    for (format, expected) in [
        ("nagios", "MAILCFG UNKNOWN - 1 of 2 could not be judged: the rest of the list: the --deadline"),
        (
            "human",
            "\nthe rest of the list\n\n  the --deadline of the run came before the whole list was read\n",
        ),
        ("jsonl", "\"target\":\"the rest of the list\",\"status\":\"unknown\""),
        ("csv", "\r\nthe rest of the list,unknown,"),
        ("junit", "the --deadline of the run came before the whole list was read"),
        ("prometheus", "mailcfg_target_status{target=\"the rest of the list\",status=\"unknown\"} 1"),
        ("github", "::warning title=the rest of the list::"),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        (&writer).write_all(b"host0.example:995\n").unwrap();
        let mut flags = probe_at(&crowd, &["--from", "-", "--deadline", "1500ms", "--per-host", "0"]);
        flags.iter_mut().filter(|flag| *flag == "jsonl").for_each(|flag| *flag = format.to_owned());
        let output = finish(mailcfg(flags).stdin(reader));
        assert_eq!(output.code, 3, "{output:?}");
        assert!(output.stdout.contains(expected), "{format}: {}", output.stdout);
        drop(writer);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let crowd = Crowd::start(Manner { pause: Duration::from_millis(200), ..Manner::default() });
    let began = Instant::now();
    let flags = probe_at(&crowd, &["--per-host", "0", "--jobs", "2"]);
    let mut child = mailcfg([flags, names(100)].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut first = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.ends_with('\n'), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(3), "the rest is not known");
    assert!(crowd.visits().len() < 20 && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_reader_that_is_not_there_changes_no_verdict() {
    for (tls, code) in [(true, 0), (false, 1)] {
        let crowd = Crowd::start(Manner { tls, ..Manner::default() });
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = mailcfg([probe_at(&crowd, &[]), names(1)].concat())
            .stdout(writer)
            .spawn()
            .expect("the program starts");
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn an_endpoint_of_many_domains_is_examined_once() {
    for (flags, connections) in [(&[][..], 1), (&["--no-share", "--per-host", "0"], 20)] {
        let crowd = Crowd::start(Manner::default());
        let folder = Folder::new();
        let domains: Vec<String> = (0..20).map(|number| format!("domain{number}.example")).collect();
        let table = folder.write(
            "table.toml",
            format!(
                "[[provider]]\nid = \"many\"\nname = \"Many\"\ndomains = {domains:?}\nusername = \"address\"\nservices = [\n  \
                 {{ protocol = \"pop3\", host = \"pop.many.example\", port = 995, security = \"tls\" }},\n  \
                 {{ protocol = \"smtp\", host = \"smtp.many.example\", port = 465, security = \"tls\" }},\n]\n"
            ),
        );
        let place = format!("::127.0.0.1:{}", crowd.address.port());
        let table = table.display().to_string();
        let ca_file = ca::trusted().file().display().to_string();
        let arguments = [
            "probe",
            "--format",
            "jsonl",
            "--providers",
            &table,
            "--connect-to",
            &place,
            "--protocol",
            "pop3",
            "--ca-file",
            &ca_file,
            "--sni",
            "mail.example.org",
        ];
        let all = arguments.iter().chain(flags).map(|&it| it.to_owned()).chain(domains);
        let output = command::run(all.collect::<Vec<_>>());
        let documents = documents(&output);
        assert_eq!(output.code, 0, "{output:?}");
        assert_eq!((documents.len(), crowd.visits().len()), (20, connections), "{output:?}");
        let shared = documents.values().filter(|it| it["endpoints"][0]["shared"] == true).count();
        assert_eq!(shared, 20 - connections);
        let ids = |document: &Value| {
            let findings = document["endpoints"][0]["findings"].as_array().expect("an array").clone();
            findings.into_iter().map(|finding| finding["id"].clone()).collect::<Vec<_>>()
        };
        assert!(documents.values().all(|it| ids(it) == ids(&documents[&0])), "{output:?}");
    }
}

#[test]
fn an_address_has_two_connections_at_once_unless_told_otherwise() {
    let slow = Manner { pause: Duration::from_millis(150), ..Manner::default() };
    for (per_host, most) in [("2/10", 2..=2), ("1", 1..=1), ("0", 3..=6)] {
        let crowd = Crowd::start(slow);
        let output = probe_names(&crowd, 6, &["--per-host", per_host]);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        assert!(most.contains(&crowd.most_at_once()), "{per_host}: {}", crowd.most_at_once());
    }
}

#[test]
fn an_address_has_so_many_connections_a_minute_and_waiting_is_said_once() {
    let crowd = Crowd::start(Manner::default());
    let output = probe_names(&crowd, 5, &["--per-host", "5/2", "--deadline", "4s"]);
    assert_eq!(output.code, 3, "{output:?}");
    assert_eq!(crowd.visits().len(), 2);
    assert_eq!(output.stderr, "mailcfg: waiting for 127.0.0.1: 2 connections a minute (--per-host)\n");
    let statuses: Vec<Value> = documents(&output).values().map(|it| it["status"].clone()).collect();
    assert_eq!(statuses.iter().filter(|status| *status == "pass").count(), 2);
    let unfinished = documents(&output).into_values().find(|it| it["status"] == "unknown").unwrap();
    assert_eq!(ids(&unfinished), ["run.interrupted unknown"]);
    assert_eq!(unfinished["endpoints"][0]["connect"]["outcome"], "skipped");

    let output =
        probe_names(&Crowd::start(Manner::default()), 5, &["-q", "--per-host", "5/2", "--deadline", "3s"]);
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (3, "", ""));
}

#[test]
fn targets_that_wait_for_an_address_do_not_keep_others_from_working() {
    let (burdened, free) = (Crowd::start(Manner::default()), Crowd::start_at(FREE, Manner::default()));
    let to_free = format!("free.example:995:{FREE}:{}", free.address.port());
    let flags = ["--jobs", "2", "--per-host", "1/1", "--deadline", "3s"];
    let mut all = [probe_at(&burdened, &flags), names(6), vec!["free.example:995".to_owned()]].concat();
    all.splice(1..1, ["--connect-to".to_owned(), to_free]);
    let output = command::run(all);
    assert_eq!((output.code, burdened.visits().len(), free.visits().len()), (3, 1, 1), "{output:?}");
    assert_eq!(documents(&output)[&6]["status"], "pass");
}

#[test]
fn the_endpoints_of_one_target_do_not_wait_for_each_other() {
    let slow = Manner { pause: Duration::from_millis(400), ..Manner::default() };
    let crowd = Crowd::start(slow);
    let folder = Folder::new();
    let services: Vec<String> = (0..4)
        .map(|number| {
            format!(
                "{{ protocol = \"pop3\", host = \"pop{number}.a.example\", port = 995, security = \"tls\" }}"
            )
        })
        .collect();
    let table = format!(
        "[[provider]]\nid = \"a\"\nname = \"A\"\ndomains = [\"a.example\"]\nusername = \"address\"\nservices = [{}]\n",
        services.join(", ")
    );
    let table = folder.write("table.toml", table).display().to_string();
    let place = format!("::127.0.0.1:{}", crowd.address.port());
    let flags =
        ["probe", "--json", "a.example", "--providers", &table, "--connect-to", &place, "--per-host", "1/2"];
    let output = command::run(flags);
    assert_eq!(output.json()["endpoints"].as_array().map(Vec::len), Some(4), "{output:?}");
    assert_eq!(crowd.most_at_once(), 4);
}

#[test]
fn a_queue_at_one_family_is_no_reason_to_dial_the_other() {
    let slow = Manner { pause: Duration::from_millis(1_200), ..Manner::default() };
    let v6 = Crowd::start_at(Ipv6Addr::LOCALHOST, slow);
    let port = v6.address.port();
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free at 127.0.0.1");
    let dns = Dns::start(&[(HOST, A, Is("127.0.0.1")), (HOST, AAAA, Is("::1"))]);
    let ca_file = ca::trusted().file().display().to_string();
    let targets = [format!("pop3s://[::1]:{port}"), format!("pop3s://{HOST}:{port}")];
    let flags = ["--format", "jsonl", "--per-host", "1", "--sni", HOST, "--ca-file", &ca_file];
    let resolver = dns.place();
    let flags = [&["probe", "--resolver", &resolver], &flags[..], &[&targets[0], &targets[1]]].concat();
    let output = command::run(flags);
    assert_eq!(output.code, 0, "{output:?}");
    let addresses: Vec<Value> =
        documents(&output).values().map(|it| it["endpoints"][0]["address"].clone()).collect();
    assert_eq!(addresses, ["::1", "::1"]);
    v4.set_nonblocking(true).expect("a socket takes an option");
    assert!(v4.accept().is_err(), "nobody came to 127.0.0.1");
    assert_eq!(v6.visits().len(), 2);
}

#[test]
fn waiting_for_a_turn_is_no_time_of_the_server() {
    let slow = Manner { pause: Duration::from_millis(1_000), ..Manner::default() };
    let crowd = Crowd::start(slow);
    let output = probe_names(&crowd, 5, &["--per-host", "1", "--timeout", "4s"]);
    assert_eq!(output.code, 0, "{output:?}");
    let timings: Vec<Value> =
        documents(&output).values().map(|it| it["endpoints"][0]["timings_ms"].clone()).collect();
    assert!(timings.iter().all(|it| it["total"].as_f64().unwrap() < 4_000.0), "{timings:#?}");
    assert!(timings.iter().any(|it| it["wait"].as_f64().is_some_and(|wait| wait > 3_500.0)), "{timings:#?}");
    assert!(timings.iter().any(|it| it["wait"].is_null()), "{timings:#?}");
}

#[test]
fn later_is_taken_at_its_word_when_the_crowd_is_ours() {
    let manner = Manner { pause: Duration::from_millis(100), at_once: 1, ..Manner::default() };
    let crowd = Crowd::start(manner);
    let output = probe_names(&crowd, 3, &["--per-host", "0", "--timeout", "6s"]);
    assert_eq!(output.code, 0, "{output:?}");
    let documents = documents(&output);
    assert!(documents.values().all(|it| it["status"] == "pass"), "{documents:#?}");
    let endpoints: Vec<&Value> = documents.values().map(|it| &it["endpoints"][0]).collect();
    let again: Vec<&&Value> = endpoints.iter().filter(|it| it["retries"] != json!([])).collect();
    assert!(!again.is_empty() && again.len() < 3, "{endpoints:#?}");
    for endpoint in again {
        assert_eq!(findings(endpoint), ["run.retried info"]);
        let note = endpoint["notes"][0].as_str().unwrap();
        assert!(note.starts_with("the server answered after it had said \"later\""), "{note}");
        let reason = endpoint["retries"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("too many connections"), "{reason}");
    }
}

#[test]
fn a_421_of_a_crowd_that_stays_is_unknown_after_three_more_tries() {
    let crowd = Crowd::start(Manner { at_once: 0, ..Manner::default() });
    let output = probe_names(&crowd, 2, &["--timeout", "600ms"]);
    assert_eq!(output.code, 3, "{output:?}");
    for document in documents(&output).values() {
        assert_eq!(ids(document), ["greeting.busy unknown", "run.retried info"]);
        assert_eq!(document["endpoints"][0]["retries"].as_array().map(Vec::len), Some(3));
    }
    assert_eq!(crowd.visits().len(), 8);
}

#[test]
fn a_421_is_reported_when_nobody_else_of_the_run_was_there() {
    let crowd = Crowd::start(Manner { at_once: 0, ..Manner::default() });
    let output = probe_names(&crowd, 1, &["--timeout", "600ms"]);
    assert_eq!(ids(&documents(&output)[&0]), ["greeting.busy unknown"]);
    assert_eq!(crowd.visits().len(), 1);
}

#[test]
fn a_421_behind_ehlo_is_taken_at_its_word_too() {
    let later = Host::start_each(vec![
        [send("220 mail.example.org ESMTP\r\n"), expect("EHLO"), send("421 too many\r\n"), close()].into(),
        Mail::smtp(StartTls).script(),
        Mail::smtp(StartTls).script(),
    ])
    .expect_connections(3);
    let place = format!("::127.0.0.1:{}", later.address.port());
    let ca_file = ca::trusted().file().display().to_string();
    let flags =
        ["probe", "--format", "jsonl", "--ca-file", &ca_file, "--connect-to", &place, "--timeout", "6s"];
    // The certificate is of one name, and the endpoints differ in the port.
    let output = command::run(
        [&flags[..], &["submission://mail.example.org:587", "submission://mail.example.org:2525"]].concat(),
    );
    assert_eq!(output.code, 0, "{output:?}");
    let retried = documents(&output).values().filter(|it| it["endpoints"][0]["retries"] != json!([])).count();
    assert_eq!(retried, 1, "{output:?}");
}

#[test]
fn what_could_not_be_found_out_is_tried_again_when_asked_for() {
    let mail = Mail::imap(Tls);
    let later = || {
        Mail::imap(Tls).greeting([send("* BYE [UNAVAILABLE] later\r\n"), close()]).unasked_after().script()
    };
    let host = Host::start_each(vec![later(), mail.script()]).expect_connections(2);
    let began = Instant::now();
    let verdict = Probe::of(mail.url()).at(host.address).with(&["--retries", "2"]).run();
    verdict.ends(0, "pass").finds_only(&["run.retried info"]);
    assert_eq!(verdict.at("/retries").as_array().map(Vec::len), Some(1));
    assert!(verdict.text("/retries/0/reason").contains("later"));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());

    let host = Host::start(later()).expect_connections(2);
    let verdict = Probe::of(mail.url()).at(host.address).with(&["--retries", "1"]).run();
    verdict.ends(3, "unknown").finds_only(&["greeting.bye unknown", "run.retried info"]);

    let rejecting = Mail::pop3(Tls).greeting([send("-ERR go away\r\n"), close()]).unasked_after();
    let host = rejecting.start();
    let verdict = Probe::of(rejecting.url()).at(host.address).with(&["--retries", "3"]).run();
    assert_eq!(verdict.code, 1, "a fault is not tried again");
}

#[test]
fn a_lookup_that_could_not_be_made_is_tried_again() {
    let output = command::run([
        "lookup",
        "--json",
        "--source",
        "srv",
        "--resolver",
        "127.0.0.1:1",
        "--retries",
        "1",
        "nowhere.example",
    ]);
    assert_eq!(output.code, 3, "{output:?}");
    let document = output.json();
    assert_eq!(document["retries"].as_array().map(Vec::len), Some(1), "{document:#}");
    assert!(findings(&document).contains(&"run.retried info".to_owned()), "{document:#}");
}

#[test]
fn the_deadline_leaves_the_rest_unknown_and_keeps_what_is_done() {
    let silent = Host::start(silence());
    let crowd = Crowd::start(Manner::default());
    let folder = Folder::new();
    let list = folder
        .write("list", "silent.example:995\nlast.example:995\nuser@nowhere.example\n")
        .display()
        .to_string();
    let to_silent = format!("silent.example:995:127.0.0.1:{}", silent.address.port());
    let began = Instant::now();
    let output = command::run(
        [
            vec!["probe".to_owned(), "--connect-to".to_owned(), to_silent],
            probe_at(&crowd, &["--deadline", "2s", "--jobs", "1", "first.example:995", "--from", &list])
                .split_off(1),
        ]
        .concat(),
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(output.code, 3, "{output:?}");
    let documents = documents(&output);
    assert_eq!(documents.len(), 4);
    assert_eq!(documents[&0]["status"], "pass");
    for place in 1..4 {
        assert_eq!(ids(&documents[&place]), ["run.interrupted unknown"], "{:#}", documents[&place]);
        assert!(documents[&place].to_string().contains("the --deadline of the run came"));
    }
    assert_eq!(crowd.visits().len(), 1);
}

#[test]
fn a_signal_leaves_the_rest_unknown_and_says_so() {
    let crowd = Crowd::start(Manner { pause: Duration::from_secs(30), ..Manner::default() });
    let folder = Folder::new();
    let list = folder.write("list", "silent.example:995\nlast.example:995\n").display().to_string();
    let mut command = mailcfg(probe_at(&crowd, &["--jobs", "1", "--from", &list]));
    let output = interrupt(&mut command, "INT", || wait_until(|| !crowd.visits().is_empty()));
    assert_eq!(output.code, 3, "{output:?}");
    let documents = documents(&output);
    assert_eq!((documents.len(), crowd.visits().len()), (2, 1));
    assert!(documents.values().all(|it| it.to_string().contains("a signal ended the run")), "{documents:#?}");
}

#[test]
fn a_run_goes_on_where_others_ended() {
    let crowd = Crowd::start(Manner::default());
    let folder = Folder::new();
    let list = folder.write("list", format!("{}\nbad line\n", names(4).join("\n"))).display().to_string();
    let file = folder.write("out.jsonl", "").display().to_string();
    let go_on = |flags: &[&str]| {
        let all =
            probe_at(&crowd, &[&["--from", &list, "--resume", &file, "--per-host", "0"], flags].concat());
        let out = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        let mut child = mailcfg(all).stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
        (child.wait().unwrap().code(), stderr)
    };
    // A first run that was killed in the middle of its third line.
    let (code, stderr) = go_on(&[]);
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let cut = format!("{}\n{}\n{{\"schema\":1,\"comma", lines[0], lines[1]);
    std::fs::write(&file, cut).unwrap();

    let before = crowd.visits().len();
    let (code, stderr) = go_on(&[]);
    assert_eq!(code, Some(1), "the bad line counts");
    assert!(stderr.contains("line 3 of") && stderr.contains("cut off"), "{stderr}");
    let resumed = std::fs::read_to_string(&file).unwrap();
    let documents: Vec<Value> = resumed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut places: Vec<u64> = documents.iter().map(|it| it["index"].as_u64().unwrap()).collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4], "{resumed}");
    assert!(crowd.visits().len() < before + 4);

    let visits = crowd.visits().len();
    let (code, _) = go_on(&[]);
    assert_eq!(code, Some(1), "what was done before counts");
    assert_eq!(crowd.visits().len(), visits, "nothing is left to do");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), resumed);
}

#[test]
fn what_was_interrupted_is_done_again() {
    let crowd = Crowd::start(Manner::default());
    let folder = Folder::new();
    let first = probe_names(&crowd, 4, &["--per-host", "9/2", "--deadline", "2s"]);
    assert_eq!(first.code, 3, "{first:?}");
    let file = folder.write("out.jsonl", &first.stdout).display().to_string();
    let second = probe_names(&crowd, 4, &["--per-host", "0", "--resume", &file]);
    assert_eq!(second.code, 0, "{second:?}");
    assert_eq!(documents(&second).len(), 2);
    let places = |output: &Output| {
        documents(output)
            .into_iter()
            .filter(|(_, it)| it["status"] == "pass")
            .map(|(place, _)| place)
            .collect::<Vec<_>>()
    };
    let mut all = [places(&first), places(&second)].concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn another_file_is_no_earlier_output() {
    let folder = Folder::new();
    let other = folder.write("list", "disroot.org\n").display().to_string();
    let lookup = command::run(["lookup", "--offline", "--format", "jsonl", "disroot.org"]);
    let of_lookup = folder.write("lookup.jsonl", lookup.stdout).display().to_string();
    for file in [&other, &of_lookup] {
        let output = command::run(["probe", "--format", "jsonl", "--resume", file, "imaps://127.0.0.1:1"]);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        assert!(output.stderr.contains("not the jsonl output of `mailcfg probe`"), "{output:?}");
    }
}

#[test]
fn an_output_never_takes_the_place_of_what_it_goes_on_from() {
    let folder = Folder::new();
    let done = command::run(["lookup", "--offline", "--format", "jsonl", "disroot.org"]).stdout;
    let file = folder.write("out.jsonl", &done).display().to_string();
    let detour = format!("{}/./out.jsonl", folder.path().display());
    for output in [&file, &detour] {
        let flags =
            ["lookup", "--offline", "--format", "jsonl", "disroot.org", "--resume", &file, "-o", output];
        let output = command::run(flags);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        assert!(output.stderr.contains("hint: name another file, or add to this one with >>"), "{output:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), done);
    }
}

#[test]
fn lookups_take_a_list_too() {
    let folder = Folder::new();
    let list =
        folder.write("list", "user@gmail.com\nmail.example.org:993\nnowhere.example\n").display().to_string();
    let output = command::run(["lookup", "--offline", "--format", "jsonl", "disroot.org", "--from", &list]);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{output:?}");
    let found = documents(&output);
    let statuses: Vec<&str> = found.values().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["found", "found", "not-found", "not-found"]);
    assert_eq!(findings(&found[&2]), ["target.invalid fail"]);

    let human = command::run(["lookup", "--offline", "--from", &list]);
    let invalid = "\nmail.example.org:993\n\n  line 2 of the list: a lookup takes an address or a domain, not a server: \
                   \"mail.example.org:993\"\n  hint: examine a server with `mailcfg probe mail.example.org:993`\n\n";
    assert!(human.stdout.contains(invalid), "{}", human.stdout);

    let done = folder.write("out.jsonl", &output.stdout).display().to_string();
    let again =
        command::run(["lookup", "--offline", "--format", "jsonl", "--from", &list, "--resume", &done]);
    assert_eq!((again.code, again.stdout.as_str()), (1, ""), "{again:?}");
}

#[test]
fn a_dry_run_takes_no_list() {
    let output = finish(&mut mailcfg(["lookup", "--dry-run", "--from", "-"]));
    assert_eq!(output.code, 2, "{output:?}");
}

/// The release build when there is one: a debug build holds no more, but is slower.
#[test]
fn ten_thousand_targets_hold_less_than_100_mb() {
    let servers: Vec<Crowd> = (1..=4)
        .map(|last| {
            Crowd::start_at(Ipv4Addr::new(127, 0, 7, last), Manner { tls: false, ..Manner::default() })
        })
        .collect();
    let refusing = TcpListener::bind((Ipv4Addr::new(127, 0, 7, 9), 0)).unwrap().local_addr().unwrap();
    let folder = Folder::new();
    let lines: Vec<String> =
        (0..TARGETS).map(|number| format!("pop3://host{number}.example:{}", number % 5 + 1)).collect();
    let list = folder.write("list", lines.join("\n"));
    let program =
        std::env::var_os("MAILCFG_RELEASE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_mailcfg").into());
    let mut command = std::process::Command::new(program);
    command.args(["probe", "--format", "jsonl", "--security", "none", "--per-host", "0", "--from"]).arg(list);
    for (port, server) in (1..).zip(&servers) {
        command.arg("--connect-to").arg(format!(":{port}:{}:{}", server.address.ip(), server.address.port()));
    }
    command.arg("--connect-to").arg(format!(":5:{}:{}", refusing.ip(), refusing.port()));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let mut finished = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        assert!(line.unwrap().starts_with("{\"schema\":1,"));
        finished += 1;
        if finished % 100 == 0 {
            most = most.max(high_water_mark(&status));
        }
    }
    assert_eq!((finished, child.wait().unwrap().code()), (TARGETS, Some(1)));
    assert!(most > 1_000, "{most} kB were read from {status}");
    println!("{most} kB for {TARGETS} targets");
    assert!(most < MOST_KILOBYTES, "{most} kB for {TARGETS} targets");
}

/// `VmHWM`, the most memory that a process had; 0 when it is gone.
fn high_water_mark(status: &str) -> usize {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never is so");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const FREE: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 20);

const TARGETS: usize = 10_000;

const MOST_KILOBYTES: usize = 100_000;

#[test]
fn a_run_kept_every_large_greeting_behind_a_silent_target() {
    let fat = format!("220-{}\r\n", "x".repeat(60_000)).repeat(15) + "220 ready\r\n";
    let (silent, fat) = (Host::start(silence()), Host::start([send(&fat), close()]).expect_connections(300));
    let first = format!("first.example:25:127.0.0.1:{}", silent.address.port());
    let rest = format!("::127.0.0.1:{}", fat.address.port());
    let mut command = mailcfg(["probe", "--format", "csv", "--timeout", "8s", "--per-host", "0"]);
    command.args([
        "--connect-to",
        &first,
        "--connect-to",
        &rest,
        "--protocol",
        "smtp",
        "smtp://first.example",
    ]);
    command.args((0..300).map(|number| format!("smtp://host{number}.example")));
    let (output, kilobytes) = command::weigh(&mut command);
    assert_eq!(output.stdout.lines().count(), 302, "{}", output.stderr);
    assert!((1..100_000).contains(&kilobytes), "{kilobytes} kB");
}
