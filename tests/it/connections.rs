//! The way to a server: names, families, addresses that fail beside one that works, the flags that change the way, signals.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType::{A, AAAA};
use mailcfg::probe::session;
use mailcfg::settings::Security::{StartTls, Tls};
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::support::command;
use crate::support::dns::Answer::{self, Is, NoData, ServFail};
use crate::support::dns::Dns;
use crate::support::host::{Host, close, send, silence};
use crate::support::mail::{HOST, Mail};
use crate::support::probe::{Probe, Verdict, findings, prepare};
use crate::support::socks::Socks;

/// A resolver in which the tests' host has these addresses.
fn zone(a: Answer, aaaa: Answer) -> Dns {
    Dns::start(&[(HOST, A, a), (HOST, AAAA, aaaa)])
}

/// Probes the tests' host by name at the port of a host.
fn by_name(host: &Host, dns: &Dns, flags: &[&str]) -> Verdict {
    let target = format!("imaps://{HOST}:{}", host.address.port());
    Probe::of(&target).with(&["--resolver", &dns.place()]).with(flags).run()
}

#[test]
fn a_name_is_resolved_by_the_resolver_that_was_named() {
    let host = Mail::imap(Tls).start();
    let dns = zone(Is("127.0.0.1"), NoData);
    let verdict = by_name(&host, &dns, &[]);
    verdict.passes().shows(json!({ "host": HOST, "address": "127.0.0.1" }));
    assert!(verdict.at("/timings_ms/dns").is_number());
    assert_eq!(dns.questions(), 2, "A and AAAA, once each");
}

#[test]
fn ipv6_goes_first() {
    let v4 = Mail::imap(Tls).start().expect_connections(0);
    let v6 = Mail::imap(Tls).start_at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), v4.address.port()));
    by_name(&v6, &zone(Is("127.0.0.1"), Is("::1")), &[]).passes().shows(json!({ "address": "::1" }));
}

#[test]
fn a_refusal_beside_an_address_that_works_is_a_warning() {
    let host = Mail::imap(Tls).start();
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), Is("::1")), &[]);
    verdict.ends(0, "warn").finds_only(&["connect.refused warn"]).shows(json!({ "address": "127.0.0.1" }));
}

#[test]
fn a_black_hole_beside_an_address_that_works_is_a_warning() {
    let host = Mail::imap(Tls).start();
    let _hole = black_hole(host.address.port());
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), Is("::1")), &[]);
    verdict.ends(0, "warn").finds_only(&["connect.timed-out warn"]).shows(json!({ "address": "127.0.0.1" }));
}

#[test]
fn a_black_hole_alone_is_a_time_out() {
    let host = Mail::imap(Tls).start().expect_connections(0);
    let _hole = black_hole(host.address.port());
    let dns = zone(NoData, Is("::1"));
    let verdict = by_name(&host, &dns, &["--connect-timeout", "1s"]);
    verdict.ends(1, "fail").finds_only(&["connect.timed-out fail"]).shows(json!({ "address": "::1" }));
    verdict.failed("/connect", "connect", false);
    assert_eq!(verdict.document["findings"][0]["id"], "network.maybe-blocked");

    let verdict = by_name(&host, &dns, &["--timeout", "1s"]);
    verdict.ends(1, "fail").finds_only(&["connect.timed-out fail"]).shows(json!({ "address": "::1" }));
}

#[test]
fn a_family_without_a_route_is_an_information_unless_asked_for() {
    let host = Mail::imap(Tls).start();
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), Is(NO_ROUTE)), &[]);
    verdict.ends(0, "pass").finds_only(&["connect.no-route info"]);

    let host = host.expect_connections(1);
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), Is(NO_ROUTE)), &["-6"]);
    verdict.ends(3, "unknown").finds_only(&["connect.no-route unknown"]);
    verdict.failed("/connect", "connect", true);
}

#[test]
fn a_family_that_cannot_be_resolved_is_a_warning() {
    let host = Mail::imap(Tls).start();
    by_name(&host, &zone(Is("127.0.0.1"), ServFail), &[]).ends(0, "warn").finds_only(&["dns.failed warn"]);
}

#[test]
fn one_family_is_used_when_asked_for() {
    let v4 = Mail::imap(Tls).start();
    let v6 = Mail::imap(Tls).start_at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), v4.address.port()));
    let dns = zone(Is("127.0.0.1"), Is("::1"));
    by_name(&v4, &dns, &["-4"]).passes().shows(json!({ "address": "127.0.0.1" }));
    by_name(&v4, &dns, &["-6"]).passes().shows(json!({ "address": "::1" }));
    assert_eq!(dns.questions(), 2, "the other family is not asked for");
    assert_eq!(v6.sessions().len(), 1);

    let dns = zone(Is("127.0.0.1"), NoData);
    by_name(&v4, &dns, &["-6"]).ends(1, "fail").finds_only(&["dns.no-address fail"]);
}

#[test]
fn every_address_is_an_entry_also_one_that_refuses() {
    let host = Mail::imap(Tls).start();
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), Is("::1")), &["--all-addresses"]);
    assert_eq!(verdict.code, 1);
    let [v6, v4] = verdict.endpoints() else { panic!("{verdict:#?}") };
    assert_eq!((&v6["address"], findings(v6)), (&json!("::1"), vec!["connect.refused fail".to_owned()]));
    assert_eq!((&v4["address"], findings(v4)), (&json!("127.0.0.1"), vec![]));
}

#[test]
fn every_address_says_also_which_family_could_not_be_resolved() {
    let host = Mail::imap(Tls).start();
    let verdict = by_name(&host, &zone(Is("127.0.0.1"), ServFail), &["--all-addresses"]);
    verdict.ends(0, "warn").finds_only(&["dns.failed warn"]);
}

#[test]
fn every_address_has_one_limit_for_a_silent_resolver_too() {
    let dns = zone(Answer::Silence, Answer::Silence);
    let began = Instant::now();
    let flags = ["--resolver", &dns.place(), "--all-addresses", "--timeout", "1s"];
    let verdict = Probe::of("imaps://mail.example.org").with(&flags).run();
    verdict.ends(3, "unknown").finds_only(&["dns.failed unknown"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn connect_to_changes_the_way_and_no_name() {
    let mail = Mail::imap(Tls);
    for map in
        ["mail.example.org:993:127.0.0.1:", "mail.example.org::127.0.0.1:", ":993:127.0.0.1:", "::127.0.0.1:"]
    {
        let host = mail.start();
        let map = format!("{map}{}", host.address.port());
        let verdict = Probe::of(mail.url()).with(&["--connect-to", &map]).run();
        verdict.passes().shows(json!({ "host": HOST, "port": 993, "address": "127.0.0.1" }));
        assert_eq!(host.session().sni.as_deref(), Some(HOST));
    }
}

#[test]
fn a_proxy_resolves_the_name() {
    for (mail, port, said) in
        [(Mail::imap(Tls), 993, ""), (Mail::smtp(StartTls), 587, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n")]
    {
        let host = mail.start();
        let proxy = Socks::leading_to(host.address);
        let verdict =
            Probe::of(mail.url()).with(&["--proxy", &proxy.url(), "--resolver", "127.0.0.1:1"]).run();
        verdict.passes().shows(json!({ "address": null }));
        assert_eq!(proxy.asked(), [format!("{HOST}:{port}")]);
        assert_eq!(host.session().clear_text(), said);
    }
}

#[test]
fn a_proxy_that_fails_says_nothing_of_the_host() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    for proxy in [format!("socks5h://{closed}"), Socks::failing(GENERAL_FAILURE).url()] {
        let verdict = Probe::of("imaps://mail.example.org").with(&["--proxy", &proxy]).run();
        verdict.ends(3, "unknown").finds_only(&["connect.proxy-failed unknown"]);
        verdict.failed("/connect", "connect", true);
    }
    let refused = Socks::failing(CONNECTION_REFUSED);
    let verdict = Probe::of("imaps://mail.example.org").with(&["--proxy", &refused.url()]).run();
    verdict.ends(1, "fail").finds_only(&["connect.refused fail"]);
}

#[test]
fn several_targets_are_an_array_and_a_failure_wins_over_unknown() {
    let others = ["submission://mail.example.org", "pop3://mail.example.org"];
    for (others, statuses, code) in
        [(&others[..1], &["pass", "unknown"][..], 3), (&others, &["pass", "unknown", "fail"], 1)]
    {
        let good = Mail::imap(Tls).start();
        // At an address of its own: among other connections of the run its "later" is taken at its word.
        let busy = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 21).into(), 0);
        let busy = Host::start_at(busy, vec![[send("421 later\r\n"), close()].into()]);
        let closing = Host::start(close()).expect_connections(others.len() - 1);
        let place = |port: u16, host: &Host| format!(":{port}:{}:{}", host.address.ip(), host.address.port());
        let mut probe = Probe::of("imaps://mail.example.org").with(others);
        for map in [place(993, &good), place(587, &busy), place(110, &closing)] {
            probe = probe.with(&["--connect-to", &map]);
        }
        let output = command::run(probe.arguments());
        assert_eq!(output.code, code, "{output:?}");
        let documents = output.json();
        let found: Vec<_> =
            documents.as_array().unwrap().iter().map(|document| document["status"].clone()).collect();
        assert_eq!(found, statuses, "{documents:#}");
    }
}

#[test]
fn wrong_values_of_flags_are_usage_errors_and_nothing_is_asked() {
    for flags in [
        &["--timeout", "soon"][..],
        &["--timeout", "0"],
        &["--connect-timeout", "1h"],
        &["--protocol", "gopher"],
        &["--security", "maybe"],
        &["--format", "xml"],
        &["--resolver", "dns.example.org"],
        &["--connect-to", "a:b"],
        &["--proxy", "http://127.0.0.1:1"],
        &["--ehlo", "a b"],
        &["--sni", "a_b"],
        &["--ca-file", "/nonexistent.pem"],
        &["--no-such-flag"],
        &["-4", "-6"],
    ] {
        let host = Mail::imap(Tls).start().expect_connections(0);
        let target = format!("imaps://{}", host.address);
        let output = command::run([&["probe", &target], flags].concat());
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{flags:?}: {output:?}");
        assert!(output.stderr.contains("error: "), "{output:?}");
    }
}

#[test]
fn a_signal_ends_the_run_and_what_is_known_is_printed() {
    for signal in ["INT", "TERM"] {
        let mail = Mail::smtp(StartTls).before(silence());
        let host = mail.start();
        let probe = prepare(&mail, &host).with(&["--timeout", "60s"]);
        let mut began = Instant::now();
        let output = command::interrupt(&mut command::mailcfg(probe.arguments()), signal, || {
            host.wait_for_line();
            began = Instant::now();
        });
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let verdict = Verdict::of(&output);
        verdict.ends(3, "unknown").finds_only(&["run.interrupted unknown"]).shows(json!({
            "connect": { "outcome": "done" },
            "greeting": { "outcome": "done" },
            "capabilities": { "before_tls": { "outcome": "skipped" } },
            "tls": { "outcome": "skipped" },
        }));
    }
}

/// A listening socket at ::1 whose queue is full: SYNs to it are dropped.
fn black_hole(port: u16) -> (Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket can be made");
    let address = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port);
    socket.bind(&address.into()).expect("the port is free at ::1");
    socket.listen(0).expect("a bound socket listens");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
    let queue: Vec<_> = std::iter::from_fn(|| connect().ok()).take(100).collect();
    assert!(queue.len() < 100, "the queue is never full");
    (socket, queue)
}

/// TCP has no way to a multicast address: "network is unreachable", on any machine.
const NO_ROUTE: &str = "ff02::1";

/// RFC 1928, section 6.
const GENERAL_FAILURE: u8 = 1;
const CONNECTION_REFUSED: u8 = 5;

#[test]
fn a_port_for_tls_is_named_soon_when_it_is_spoken_to_in_clear() {
    let mail = Mail::imap(Tls);
    let host = mail.start();
    let began = Instant::now();
    let verdict =
        Probe::of("imap://mail.example.org:993").at(host.address).with(&["--timeout", "100s"]).run();
    verdict.ends(1, "fail").finds_only(&["tls.expected-tls fail"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_late_greeting_at_a_port_for_tls_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("a bound socket has an address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(greet_late));
    let probe = Probe::of("imap://mail.example.org:993").at(address);
    let verdict = probe.with(&["--security", "none", "--timeout", "60s"]).run();
    assert_eq!(verdict.text("/greeting/value/text"), "late", "{verdict:?}");
    assert_eq!(verdict.at("/capabilities/before_tls/outcome"), "done", "{verdict:?}");
}

/// Greets after longer than a port for TLS is waited for, and answers one command.
fn greet_late(mut stream: TcpStream) {
    std::thread::sleep(session::PATIENCE_AT_TLS_PORTS + Duration::from_secs(2));
    let _ = stream.write_all(b"* OK late\r\n");
    let mut lines = BufReader::new(stream.try_clone().expect("a socket can be cloned")).lines();
    if let Some(Ok(command)) = lines.next() {
        let tag = command.split(' ').next().unwrap_or_default();
        let _ = stream.write_all(format!("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n").as_bytes());
    }
}
