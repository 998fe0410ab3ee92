//! What a lookup would ask, of whom, with every spelling of an address; many domains; ends before the end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType;
use serde_json::Value;

use crate::support::command::{finish, interrupt, mailcfg, run};
use crate::support::dns::{Answer, Dns};

/// The lines of `--dry-run` for a target.
fn questions(target: &str, arguments: &[&str]) -> Vec<String> {
    let before = ["lookup", target, "--dry-run"];
    let output = run(before.iter().chain(arguments));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{target}: {output:?}");
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_dry_run_prints_every_question_in_rank_order() {
    let questions = questions("ada@d.example", &["--send-address", "--allow-http", "--relay"]);
    let expected = "\
DNS   TXT  _ua-auto-config.d.example
DNS   AAAA ua-auto-config.d.example
DNS   A    ua-auto-config.d.example
HTTP  GET  https://ua-auto-config.d.example/.well-known/user-agent-configuration.json
DNS   AAAA mailcfg-<random>.d.example
DNS   A    mailcfg-<random>.d.example
DNS   AAAA autoconfig.d.example
DNS   A    autoconfig.d.example
HTTP  GET  https://autoconfig.d.example/mail/config-v1.1.xml?emailaddress=ada%40d.example
DNS   AAAA d.example
DNS   A    d.example
HTTP  GET  https://d.example/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ada%40d.example
HTTP  GET  http://autoconfig.d.example/mail/config-v1.1.xml
HTTP  GET  http://d.example/.well-known/autoconfig/mail/config-v1.1.xml
DNS   AAAA live.thunderbird.net
DNS   A    live.thunderbird.net
HTTP  GET  https://live.thunderbird.net/autoconfig/v1.1/d.example
DNS   MX   d.example
DNS   AAAA autoconfig.<mx-domain>
DNS   A    autoconfig.<mx-domain>
HTTP  GET  https://autoconfig.<mx-domain>/mail/config-v1.1.xml
DNS   AAAA mailcfg-<random>.<mx-domain>
DNS   A    mailcfg-<random>.<mx-domain>
HTTP  GET  https://live.thunderbird.net/autoconfig/v1.1/<mx-domain>
DNS   AAAA autoconfig.<mx-base-domain>
DNS   A    autoconfig.<mx-base-domain>
HTTP  GET  https://autoconfig.<mx-base-domain>/mail/config-v1.1.xml
DNS   AAAA mailcfg-<random>.<mx-base-domain>
DNS   A    mailcfg-<random>.<mx-base-domain>
HTTP  GET  https://live.thunderbird.net/autoconfig/v1.1/<mx-base-domain>
DNS   SRV  _imaps._tcp.d.example
DNS   SRV  _imap._tcp.d.example
DNS   SRV  _pop3s._tcp.d.example
DNS   SRV  _pop3._tcp.d.example
DNS   SRV  _submissions._tcp.d.example
DNS   SRV  _submission._tcp.d.example
DNS   SRV  _jmap._tcp.d.example
DNS   SRV  _sieve._tcp.d.example
DNS   TXT  d.example
DNS   AAAA <host of mailconf-url>
DNS   A    <host of mailconf-url>
HTTP  GET  <mailconf-url>
DNS   AAAA autodiscover.d.example
DNS   A    autodiscover.d.example
HTTP  POST https://autodiscover.d.example/autodiscover/autodiscover.xml
HTTP  POST https://d.example/autodiscover/autodiscover.xml
HTTP  GET  https://autodiscover.d.example/autodiscover/autodiscover.json?Email=ada%40d.example&Protocol=AutodiscoverV1
DNS   AAAA <host of url from the answer>
DNS   A    <host of url from the answer>
HTTP  POST <url from the answer>
DNS   SRV  _autodiscover._tcp.d.example
DNS   AAAA <srv-target>
DNS   A    <srv-target>
HTTP  POST https://<srv-target>/autodiscover/autodiscover.xml
DNS   AAAA mailcfg-<random>.<parent of srv-target>
DNS   A    mailcfg-<random>.<parent of srv-target>
DNS   AAAA imap.d.example
DNS   A    imap.d.example
TCP        imap.d.example:993
DNS   AAAA mail.d.example
DNS   A    mail.d.example
TCP        mail.d.example:993
DNS   AAAA pop3.d.example
DNS   A    pop3.d.example
TCP        pop3.d.example:995
DNS   AAAA pop.d.example
DNS   A    pop.d.example
TCP        pop.d.example:995
TCP        mail.d.example:995
DNS   AAAA smtp.d.example
DNS   A    smtp.d.example
TCP        smtp.d.example:465
TCP        mail.d.example:465
TCP        imap.d.example:143
TCP        mail.d.example:143
TCP        pop3.d.example:110
TCP        pop.d.example:110
TCP        mail.d.example:110
TCP        smtp.d.example:587
TCP        mail.d.example:587
TCP        smtp.d.example:2525
TCP        mail.d.example:2525
TCP        smtp.d.example:25
TCP        mail.d.example:25";
    assert_eq!(questions, expected.lines().collect::<Vec<_>>());
}

#[test]
fn an_address_goes_out_percent_encoded_and_its_domain_as_a_labels() {
    for (target, domain, encoded) in [
        ("ada+tag@d.example", "d.example", "ada%2Btag%40d.example"),
        ("Ada@D.EXAMPLE", "d.example", "Ada%40d.example"),
        ("ada@d.example.", "d.example", "ada%40d.example"),
        ("mailto:ada%2Btag@d.example", "d.example", "ada%2Btag%40d.example"),
        ("\"a b@c\"@d.example", "d.example", "%22a%20b%40c%22%40d.example"),
        ("%EMAILDOMAIN%@d.example", "d.example", "%25EMAILDOMAIN%25%40d.example"),
        ("a&b=c#d?e@d.example", "d.example", "a%26b%3Dc%23d%3Fe%40d.example"),
        ("jörg@d.example", "d.example", "j%C3%B6rg%40d.example"),
        ("ada@bücher.example", "xn--bcher-kva.example", "ada%40xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "xn--bcher-kva.example", "ada%40xn--bcher-kva.example"),
    ] {
        let path = "/mail/config-v1.1.xml";
        let expected = |parameter: &str| {
            vec![
                format!("HTTP  GET  https://autoconfig.{domain}{path}{parameter}"),
                format!("HTTP  GET  https://{domain}/.well-known/autoconfig{path}{parameter}"),
                format!("HTTP  GET  https://live.thunderbird.net/autoconfig/v1.1/{domain}"),
            ]
        };
        let sources = ["--source", "autoconfig,ispdb"];
        let requests = |arguments: &[&str]| {
            let questions = questions(target, arguments).into_iter();
            questions.filter(|line| line.starts_with("HTTP")).collect::<Vec<_>>()
        };
        assert_eq!(requests(&sources), expected(""), "{target}");
        let sending = [&sources[..], &["--send-address"]].concat();
        let parameter = format!("?emailaddress={encoded}");
        assert_eq!(requests(&sending), expected(&parameter), "{target}");
    }
}

#[test]
fn a_dry_run_asks_nobody() {
    let dns = Dns::start(&[]);
    let arguments = ["lookup", "ada@d.example", "--dry-run", "--json", "--all", "--resolver", &dns.place()];
    let output = run(arguments);
    assert_eq!((output.code, dns.questions()), (0, 0), "{output:?}");
    let questions = output.json();
    assert_eq!(questions.pointer("/0/kind"), Some(&Value::from("dns")));
    assert_eq!(questions.pointer("/3/method"), Some(&Value::from("GET")));
}

#[test]
fn a_lookup_asks_nothing_of_dns_that_its_dry_run_does_not_print() {
    for sources in ["srv,mx,mailconf", "pacc,autoconfig,ispdb,mx,srv,mailconf,autodiscover,guess", "guess"] {
        // An address that is private has the domain's own hosts asked for.
        let dns = Dns::start(&[("imap.d.example", RecordType::A, Answer::Is("127.0.0.1"))]);
        let arguments = ["--source", sources, "--send-address"];
        let printed: Vec<String> = questions("ada@d.example", &arguments)
            .iter()
            .filter_map(|line| line.strip_prefix("DNS")?.trim().split_once(' '))
            .map(|(kind, name)| format!("{} {kind}", name.trim()))
            .collect();
        let place = dns.place();
        run(["lookup", "ada@d.example", "--resolver", &place].iter().chain(&arguments));
        let asked = dns.asked();
        assert!(asked.len() > 2, "{asked:?}");
        let unsaid: Vec<&String> = asked.iter().filter(|question| !printed.contains(question)).collect();
        assert!(unsaid.is_empty(), "{sources}: {unsaid:?}");
    }
}

#[test]
fn a_dry_run_that_would_ask_nobody_says_why() {
    for (targets, arguments, expected) in [
        (&["disroot.org"][..], &[][..], "disroot.org: the bundled table lists disroot.org"),
        (&["ada@d.example"], &["--offline"], "ada@d.example: --offline"),
        (&["d.example"], &["--source", "bundled"], "d.example: --source names the tables alone"),
    ] {
        let output = run(["lookup", "--dry-run"].iter().chain(targets).chain(arguments));
        let expected = format!("nobody would be asked about {expected}\n");
        assert_eq!((output.code, output.stdout), (0, expected));
    }
}

/// What each of these lookups needs: one question whose answer is no, and nobody else.
fn only_mx(targets: &[String], dns: &Dns) -> Vec<String> {
    let flags = ["--source", "mx", "--resolver"].map(str::to_owned);
    [&["lookup".to_owned()][..], targets, &flags, &[dns.place()]].concat()
}

#[test]
fn a_hundred_and_more_domains_come_back_in_their_order() {
    let dns = Dns::start(&[("d7.example", RecordType::MX, Answer::ServFail)]);
    let targets: Vec<String> = (0..130).map(|number| format!("d{number}.example")).collect();
    let mut arguments = only_mx(&targets, &dns);
    arguments.push("--json".to_owned());
    let output = run(&arguments);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{output:?}");
    let documents = output.json();
    let documents = documents.as_array().expect("an array of documents");
    let found: Vec<&str> = documents.iter().filter_map(|it| it.get("target")?.as_str()).collect();
    assert_eq!(found, targets);
    let unknown = documents.iter().filter(|it| it.get("status") == Some(&Value::from("unknown"))).count();
    assert_eq!(unknown, 1);
}

#[test]
fn a_closed_stdout_is_no_error() {
    let dns = Dns::start(&[]);
    let targets: Vec<String> = (0..40).map(|number| format!("d{number}.example")).collect();
    let mut child = mailcfg(only_mx(&targets, &dns))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.code().is_some(), "{output:?}");
}

#[test]
fn ctrl_c_prints_what_is_known() {
    let dns = Dns::start(&[
        ("_imaps._tcp.d.example", RecordType::SRV, Answer::Srv(0, 1, 993, "mail.d.example")),
        ("d.example", RecordType::MX, Answer::Silence),
    ]);
    let place = dns.place();
    let mut command =
        mailcfg(["lookup", "d.example", "--source", "mx,srv", "--all", "--json", "--resolver", &place]);
    let began = Instant::now();
    let output = interrupt(&mut command, "INT", || {
        while dns.questions() < 9 {
            std::thread::sleep(Duration::from_millis(5));
        }
        // For the answers to arrive.
        std::thread::sleep(Duration::from_millis(300));
    });
    assert!(began.elapsed() < Duration::from_secs(4), "{output:?}");
    assert_eq!(output.code, 0, "{output:?}");
    let document = output.json();
    assert_eq!(document.pointer("/services/0/host"), Some(&Value::from("mail.d.example")), "{document:#}");
    let reason = document.pointer("/sources/0/reason").and_then(Value::as_str).unwrap_or_default();
    assert!(reason.contains("ended"), "{document:#}");
}

#[test]
fn ctrl_c_before_any_answer_is_unknown() {
    let dns = Dns::start(&[("d.example", RecordType::MX, Answer::Silence)]);
    let mut command =
        mailcfg(["lookup", "d.example", "--source", "mx", "--json", "--resolver", &dns.place()]);
    let output = interrupt(&mut command, "INT", || {
        while dns.questions() < 1 {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(output.code, 3, "{output:?}");
    assert_eq!(output.json().pointer("/status"), Some(&Value::from("unknown")));
}

#[test]
fn wrong_usage_of_the_sources_asks_nobody() {
    let dns = Dns::start(&[]);
    for (arguments, words) in [
        (&["--source", "ispbd"][..], "the sources are"),
        (&["--ispdb-url", "live.example/"], "--ispdb-url https://"),
        (&["--all", "--offline"], "cannot be used with"),
        (&["--lookup-timeout", "soon"], "--lookup-timeout"),
    ] {
        let place = dns.place();
        let before = ["lookup", "ada@d.example", "--resolver", &place];
        let output = finish(&mut mailcfg(before.iter().chain(arguments)));
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        assert!(output.stderr.contains(words), "{output:?}");
    }
    assert_eq!(dns.questions(), 0);
}
