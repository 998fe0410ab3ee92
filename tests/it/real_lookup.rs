//! Lookups by a real resolver and a real web server: Unbound and nginx as `tests/real/README.md` lists them.

use serde_json::{Value, json};

use super::real::authority;
use crate::support::command::{Output, finish, mailcfg};
use crate::support::text::without_elapsed;

/// Unbound's addresses, for `--resolver`.
pub const RESOLVER: &str = "127.0.0.8";
const BEHIND_TLS: &str = "tls://127.0.0.8";
const BEHIND_HTTPS: &str = "https://127.0.0.8:8443/dns-query";

/// Each source alone, and the services it finds: server, user name, sign-in, trust.
const FOUND: &[(&str, &str, &[&str])] = &[
    (
        "pacc",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls address password digest",
            "smtp smtp.club.example:465 tls address password digest",
        ],
    ),
    (
        "autoconfig",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls address password https",
            "smtp smtp.club.example:465 tls address password https",
        ],
    ),
    (
        "autoconfig",
        "user@moved.example",
        &[
            "imap imap.provider.example:993 tls address password https, other domain",
            "smtp smtp.provider.example:465 tls address password https, other domain",
        ],
    ),
    (
        "ispdb",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls address password https",
            "smtp smtp.club.example:587 starttls address password https",
        ],
    ),
    (
        "mx",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls address password dns",
            "smtp smtp.club.example:465 tls address password dns",
        ],
    ),
    (
        "srv",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls - - dns",
            "imap late.provider.example:993 tls - - dns, other domain",
            "smtp smtp.club.example:587 starttls - - dns",
        ],
    ),
    (
        "mailconf",
        "user@club.example",
        &[
            "imap imap.club.example:993 tls address password dns",
            "smtp smtp.club.example:465 tls address password dns",
        ],
    ),
    (
        "autodiscover",
        "user@club.example",
        &["imap imap.club.example:993 tls - - https", "smtp smtp.club.example:587 starttls - - https"],
    ),
    (
        "guess",
        "user@example.org",
        &["smtp mail.example.org:465 tls - - guess", "smtp mail.example.org:587 starttls - - guess"],
    ),
];

#[test]
fn each_source_finds_what_is_published() {
    for (source, address, services) in FOUND {
        let output = lookup(RESOLVER, &[address, "--json", "--send-address", "--source", source]);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{source} {address}: {output:?}");
        assert_eq!(told(&output.json()), *services, "{source} {address}");
    }
}

/// What has no settings, by the source that says most of it: exit code, outcome, reason.
const NOT_FOUND: &[(&str, &str, i32, &str, &str)] = &[
    ("pacc", "moved.example", 1, "absent", "does not exist (NXDOMAIN)"),
    ("pacc", "undigested.example", 3, "failed", "its digest does not stand in DNS"),
    ("autoconfig", "wild.example", 1, "absent", "autoconfig.wild.example exists only by wildcard DNS"),
    ("ispdb", "silent.example", 1, "absent", "does not exist (404)"),
    ("mx", "silent.example", 1, "absent", "takes no mail (null MX, RFC 7505)"),
    ("mx", "wild.example", 1, "absent", "has no MX record"),
    ("mx", "refused.example", 3, "failed", "Refused"),
    ("srv", "moved.example", 1, "absent", "has no SRV records"),
    ("mailconf", "moved.example", 1, "absent", "has no TXT record"),
    ("guess", "club.example", 1, "absent", "no server answers at the usual names"),
];

#[test]
fn none_and_not_known_stay_apart() {
    for (source, domain, code, outcome, reason) in NOT_FOUND {
        let output = lookup(RESOLVER, &[domain, "--json", "--source", source]);
        let document = output.json();
        let asked = &document["sources"][0];
        assert_eq!((output.code, asked["outcome"].as_str()), (*code, Some(*outcome)), "{source} {domain}");
        let said = asked["reason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "{source} {domain}: {said}");
    }
}

#[test]
fn a_redirect_is_shown() {
    let document = lookup(RESOLVER, &["moved.example", "--json", "--source", "autoconfig"]).json();
    assert_eq!(
        document["sources"][0]["value"],
        json!({
            "services": 2,
            "url": "https://provider.example/moved.xml",
            "redirects": ["https://moved.example/.well-known/autoconfig/mail/config-v1.1.xml"],
        })
    );
}

#[test]
fn all_sources_are_compared_whatever_leads_to_the_resolver() {
    let all = ["user@club.example", "--json", "--all", "--send-address"];
    let plain = lookup(RESOLVER, &all);
    assert_eq!((plain.code, plain.stderr.as_str()), (0, ""), "{plain:?}");
    let document = plain.json();
    let outcome = |asked: &Value| format!("{} {}", asked["source"], asked["outcome"]).replace('"', "");
    let outcomes: Vec<String> = document["sources"].as_array().unwrap().iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [
            "bundled absent",
            "pacc done",
            "autoconfig done",
            "ispdb done",
            "mx done",
            "srv done",
            "mailconf done",
            "autodiscover done",
            "guess absent",
        ]
    );
    let fields = |it: &Value| format!("{} {}", it["service"], it["field"]).replace('"', "");
    let fields: Vec<String> = document["disagreements"].as_array().unwrap().iter().map(fields).collect();
    assert_eq!(fields, ["smtp port", "smtp security"]);
    for resolver in [BEHIND_TLS, BEHIND_HTTPS] {
        let other = lookup(resolver, &all);
        assert_eq!(without_elapsed(&other.stdout), without_elapsed(&plain.stdout), "{resolver}");
    }
}

#[test]
fn a_resolver_whose_certificate_is_not_trusted_is_not_believed() {
    let arguments = ["lookup", "club.example", "--json", "--source", "srv", "--resolver", BEHIND_TLS];
    let output = finish(&mut mailcfg(arguments));
    assert_eq!(output.code, 3, "{output:?}");
    assert_eq!(output.json()["sources"][0]["stage"], "dns");
}

/// Looks up by a resolver, with the test authority.
fn lookup(resolver: &str, arguments: &[&str]) -> Output {
    let mut command = mailcfg(["lookup", "--resolver", resolver, "--ca-file"]);
    command.arg(authority()).args(arguments);
    finish(&mut command)
}

fn told(document: &Value) -> Vec<String> {
    document["services"].as_array().expect("services are a list").iter().map(service).collect()
}

fn service(service: &Value) -> String {
    let text = |name: &str| service[name].as_str().unwrap_or("-").to_owned();
    let auth: Vec<&str> =
        service["auth"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let auth = if auth.is_empty() { "-".to_owned() } else { auth.join(",") };
    let mark = if service["other_domain"] == true { ", other domain" } else { "" };
    format!(
        "{} {}:{} {} {} {auth} {}{mark}",
        text("protocol"),
        text("host"),
        service["port"],
        text("security"),
        text("username_form"),
        text("trust")
    )
}
