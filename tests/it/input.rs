//! What people type. A mistake is one sentence, a hint and exit code 2, and nobody is asked; what is only strange works.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::support::command::{Output, finish, mailcfg};
use crate::support::folder::Folder;

/// Arguments, the sentence, the hint.
type Mistake = (&'static [&'static str], &'static str, &'static str);

const ADDRESS: &str = "write an address as user@example.org";
const DOMAIN: &str =
    "write a domain as example.org, a server as mail.example.org:993 or imaps://mail.example.org";
const PORT: &str = "mail ports are 143 993 110 995 25 587 465 2525";
const SCHEME: &str = "the schemes are imap imaps pop3 pop3s smtp submission smtps submissions";
const URL: &str = "write a server as imaps://mail.example.org or imaps://mail.example.org:993";
const IPV6: &str = "write an IPv6 server as [2001:db8::1]:993";
const TABLE: &str = "mend the file and run `mailcfg providers check FILE`; `mailcfg providers show disroot` prints an entry to copy";
const TABLE_FILE: &str = "name a readable file with --providers, or leave the option out";
const TIME: &str = "write seconds, or a number with a unit: 500ms, 2s, 1m";
const RESOLVER: &str = "write --resolver 192.0.2.53 or [2001:db8::53]:5353, tls://dns.example.org or https://dns.example.org/dns-query";
const CA_FILE: &str = "name a readable PEM file with --ca-file";
const CONNECT_TO: &str = "write --connect-to mail.example.org:993:192.0.2.7:993; brackets around IPv6";
const PROXY: &str = "write --proxy socks5h://127.0.0.1:1080; a proxy with a password is not supported";
const EHLO: &str = "write a host name, or an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]";
const HELP: &str = "`--help` behind the command shows what it takes";

const L64: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[rustfmt::skip]
const BAD_ADDRESSES: &[Mistake] = &[
    (&[""], "a target is empty", ADDRESS),
    (&["a@b@c.org"], r#"not a mail address, it has a second @: "a@b@c.org""#, ADDRESS),
    (&["u@[192.0.2.1]"], r#"not a mail address, its domain is an address literal, which has no settings to look up: "u@[192.0.2.1]""#, ADDRESS),
    (&["u@[IPv6:2001:db8::1]"], r#"not a mail address, its domain is an address literal, which has no settings to look up: "u@[IPv6:2001:db8::1]""#, ADDRESS),
    (&["a b@example.org"], r#"not a mail address, it has white space: "a b@example.org""#, ADDRESS),
    (&["@example.org"], r#"not a mail address, it has nothing before the @: "@example.org""#, ADDRESS),
    (&["u@"], r#"not a mail address, it has nothing after the @: "u@""#, ADDRESS),
    (&["mailto:"], r#"not a mail address, it has no @: "mailto:""#, ADDRESS),
    (&["mailto:u%zz@example.org"], r#"not a mail address, its percent-encoding is broken: "mailto:u%zz@example.org""#, ADDRESS),
    (&["\"a\"b@example.org"], r#"not a mail address, its quotes do not enclose the local part: "\"a\"b@example.org""#, ADDRESS),
    (&["u\r\n@example.org"], r#"not a mail address, it has a control character: "u\r\n@example.org""#, ADDRESS),
    (&["\"u\u{1b}[2J\"@example.org"], r#"not a mail address, it has a control character: "\"u\u{1b}[2J\"@example.org""#, ADDRESS),
    (&["mailto:u%00@example.org"], r#"not a mail address, it has a control character: "u\0@example.org""#, ADDRESS),
    (&["u@1.2.3.4"], r#"not a domain name, it is a number or an IP address, not a name: "1.2.3.4""#, DOMAIN),
    (&["u@ex ample.org"], r#"not a domain name, it has white space: "ex ample.org""#, DOMAIN),
    (&["u@example.org "], r#"not a domain name, it has white space: "example.org ""#, DOMAIN),
    (&["u@foo_bar.org"], r#"not a domain name, it has an underscore: "foo_bar.org""#, DOMAIN),
    (&["u@example.org\n"], r#"not a domain name, it has a control character: "example.org\n""#, DOMAIN),
    (&["u@example..org"], r#"not a domain name, it has an empty label: "example..org""#, DOMAIN),
    (&["u@.org"], r#"not a domain name, it has an empty label: ".org""#, DOMAIN),
    (&["u@example.org.."], r#"not a domain name, it has an empty label: "example.org..""#, DOMAIN),
    (&["."], r#"not a domain name, it is empty: ".""#, DOMAIN),
    (&["u@-a.org"], r#"not a domain name, its labels must be of letters, digits and inner hyphens: "-a.org""#, DOMAIN),
    (&["u@a-.org"], r#"not a domain name, its labels must be of letters, digits and inner hyphens: "a-.org""#, DOMAIN),
    (&["u@a!b.org"], r#"not a domain name, its labels must be of letters, digits and inner hyphens: "a!b.org""#, DOMAIN),
    (&["u@xn--a.org"], r#"not a domain name, its labels must be of letters, digits and inner hyphens: "xn--a.org""#, DOMAIN),
    (&["--", "-example.org"], r#"not a domain name, its labels must be of letters, digits and inner hyphens: "-example.org""#, DOMAIN),
    (&["ftp://example.org"], r#"unknown URL scheme "ftp": "ftp://example.org""#, SCHEME),
    (&["192.0.2.1"], r#"an IP address needs a port: "192.0.2.1""#, "write 192.0.2.1:993 or imaps://192.0.2.1"),
    (&["2001:db8::1"], r#"an IP address needs a port: "[2001:db8::1]""#, "write [2001:db8::1]:993 or imaps://[2001:db8::1]"),
    (&["[2001:db8::1]"], r#"an IP address needs a port: "[2001:db8::1]""#, "write [2001:db8::1]:993 or imaps://[2001:db8::1]"),
    (&["-x@example.org"], "unexpected argument '-x' found", "to pass '-x' as a value, use '-- -x'"),
    (&["disroot.org", "u@"], r#"not a mail address, it has nothing after the @: "u@""#, ADDRESS),
];

#[rustfmt::skip]
const BAD_SERVERS: &[Mistake] = &[
    (&["imap.example.org:0"], r#"not a port from 1 to 65535: "0""#, PORT),
    (&["imap.example.org:70000"], r#"not a port from 1 to 65535: "70000""#, PORT),
    (&["imap.example.org:-1"], r#"not a port from 1 to 65535: "-1""#, PORT),
    (&["imap.example.org:imap"], r#"not a port from 1 to 65535: "imap""#, PORT),
    (&["imap.example.org:"], r#"not a port from 1 to 65535: "imap.example.org:""#, PORT),
    (&["imaps://imap.example.org:0"], r#"not a port from 1 to 65535: "0""#, PORT),
    (&["imaps://imap.example.org:70000"], r#"not a port from 1 to 65535: "70000""#, PORT),
    (&["[2001:db8::1]:99999999999999999999"], r#"not a port from 1 to 65535: "99999999999999999999""#, PORT),
    (&["http://example.org"], r#"unknown URL scheme "http": "http://example.org""#, SCHEME),
    (&["imapx://example.org"], r#"unknown URL scheme "imapx": "imapx://example.org""#, SCHEME),
    (&["imaps://u@example.org"], r#"a URL may name a host and a port only, this one has a user name: "imaps://u@example.org""#, URL),
    (&["imaps://example.org/INBOX"], r#"a URL may name a host and a port only, this one has a path: "imaps://example.org/INBOX""#, URL),
    (&["imaps://2001:db8::1"], r#"not an IPv6 address in brackets: "2001:db8::1""#, IPV6),
    (&["[example.org]:993"], r#"not an IPv6 address in brackets: "[example.org]""#, IPV6),
    (&["[192.0.2.1]:993"], r#"not an IPv6 address in brackets: "[192.0.2.1]""#, IPV6),
    (&["mail.example.org:1234"], "the protocol of mail.example.org:1234 is not known by its port",
        "add --protocol imap|pop3|smtp and --security tls|starttls|none, or write a URL such as imaps://host:port"),
    (&["192.0.2.1"], r#"an IP address needs a port: "192.0.2.1""#, "write 192.0.2.1:993 or imaps://192.0.2.1"),
];

#[rustfmt::skip]
const BAD_OPTIONS: &[Mistake] = &[
    (&["disroot.org", "--resolver", "dns.example.org"], r#"not a resolver: "dns.example.org""#, RESOLVER),
    (&["disroot.org", "--resolver", "192.0.2.53:0"], r#"not a resolver: "192.0.2.53:0""#, RESOLVER),
    (&["disroot.org", "--resolver", "192.0.2.53:70000"], r#"not a resolver: "192.0.2.53:70000""#, RESOLVER),
    (&["disroot.org", "--resolver", ""], r#"not a resolver: """#, RESOLVER),
    (&["disroot.org", "--ca-file", "missing.pem"], "cannot read the certificates missing.pem\n  because: No such file or directory (os error 2)", CA_FILE),
    (&["disroot.org", "--ca-file", "folder"], "cannot read the certificates folder\n  because: Is a directory (os error 21)", CA_FILE),
    (&["disroot.org", "--ca-file", "garbage.pem"], "no PEM certificates in garbage.pem", CA_FILE),
    (&["disroot.org", "--ca-file", "empty.pem"], "no PEM certificates in empty.pem", CA_FILE),
    (&["disroot.org", "--timeout", "0"], r#"--timeout takes a time up to a day, not "0""#, TIME),
    (&["disroot.org", "--timeout", "soon"], r#"--timeout takes a time up to a day, not "soon""#, TIME),
    (&["disroot.org", "--timeout", "1h"], r#"--timeout takes a time up to a day, not "1h""#, TIME),
    (&["disroot.org", "--timeout=-1"], r#"--timeout takes a time up to a day, not "-1""#, TIME),
    (&["disroot.org", "--timeout", "2d"], r#"--timeout takes a time up to a day, not "2d""#, TIME),
    (&["disroot.org", "--connect-timeout", "10 s"], r#"--connect-timeout takes a time up to a day, not "10 s""#, TIME),
    (&["disroot.org", "--connect-timeout", "nan"], r#"--connect-timeout takes a time up to a day, not "nan""#, TIME),
    (&["disroot.org", "--connect-to", "disroot.org"], r#"not of the form HOST:PORT:ADDR:PORT: "disroot.org""#, CONNECT_TO),
    (&["disroot.org", "--connect-to", "disroot.org:993:2001:db8::1:993"], r#"not of the form HOST:PORT:ADDR:PORT: "disroot.org:993:2001:db8::1:993""#, CONNECT_TO),
    (&["disroot.org", "--connect-to", "disroot.org:0:192.0.2.7:993"], r#"not of the form HOST:PORT:ADDR:PORT: "disroot.org:0:192.0.2.7:993""#, CONNECT_TO),
    (&["disroot.org", "--proxy", "http://192.0.2.1:3128"], r#"not a proxy of the form socks5h://HOST:PORT: "http://192.0.2.1:3128""#, PROXY),
    (&["disroot.org", "--proxy", "socks5h://user:secret@192.0.2.1:1080"], r#"not a proxy of the form socks5h://HOST:PORT: "socks5h://…@192.0.2.1:1080""#, PROXY),
    (&["disroot.org", "--proxy", "socks5://user:secret@192.0.2.1:1080"], r#"not a proxy of the form socks5h://HOST:PORT: "socks5://…@192.0.2.1:1080""#, PROXY),
    (&["disroot.org", "--proxy", "user:se@cret@192.0.2.1"], r#"not a proxy of the form socks5h://HOST:PORT: "…@192.0.2.1""#, PROXY),
    (&["disroot.org", "--ehlo", "a b"], r#"not a name for EHLO: "a b""#, EHLO),
    (&["disroot.org", "--ehlo", "a\r\nQUIT"], r#"not a name for EHLO: "a\r\nQUIT""#, EHLO),
    (&["disroot.org", "--sni", "foo_bar"], r#"not a domain name, it has an underscore: "foo_bar""#, DOMAIN),
    (&["disroot.org", "--protocol", "jmap"], "invalid value 'jmap' for '--protocol <imap|pop3|smtp>': the words are imap, pop3, smtp", HELP),
    (&["disroot.org", "--security", "wpa"], "invalid value 'wpa' for '--security <tls|starttls|none>': the words are tls, starttls, none", HELP),
    (&["disroot.org", "-4", "-6"], "the argument '--ipv4' cannot be used with '--ipv6'", HELP),
    (&["disroot.org", "--xyzzy"], "unexpected argument '--xyzzy' found", "to pass '--xyzzy' as a value, use '-- --xyzzy'"),
    (&[], "the following required arguments were not provided: <TARGET>...", HELP),
];

/// Each of `lookup` and `probe`.
#[rustfmt::skip]
const BAD_TABLES: &[Mistake] = &[
    (&["disroot.org", "--providers", "missing.toml"], "cannot read the provider table missing.toml\n  because: No such file or directory (os error 2)", TABLE_FILE),
    (&["disroot.org", "--providers", "folder"], "cannot read the provider table folder\n  because: Is a directory (os error 21)", TABLE_FILE),
    (&["disroot.org", "--providers", "latin1.toml"], "cannot read the provider table latin1.toml\n  because: stream did not contain valid UTF-8", TABLE_FILE),
    (&["disroot.org", "--providers", "syntax.toml"], "syntax.toml:3:8: string values must be quoted, expected literal string", TABLE),
    (&["disroot.org", "--providers", "key.toml"], "key.toml:4:1: unknown field `domain`, expected one of `id`, `name`, `domains`, `documentation`, `mx`, `notes`, `username`, `auth`, `services`", TABLE),
    (&["disroot.org", "--providers", "twice.toml"], "twice.toml:4:27: the domain example.org stands in the table already", TABLE),
    (&["disroot.org", "--providers", "port.toml"], "port.toml:5:65: not a port from 1 to 65535: \"0\"", TABLE),
    (&["disroot.org", "--format", "xml"], "invalid value 'xml' for '--format <FORMAT>' [possible values: human, json, jsonl, nagios, prometheus, junit, github, csv]", HELP),
    (&["disroot.org", "--color", "green"], "invalid value 'green' for '--color <WHEN>' [possible values: auto, always, never]", HELP),
];

#[rustfmt::skip]
const OTHERS: &[Mistake] = &[
    (&["frobnicate"], "unrecognized subcommand 'frobnicate'", HELP),
    (&["prob"], "unrecognized subcommand 'prob'", "a similar subcommand exists: 'probe'"),
    (&["lookup"], "the following required arguments were not provided: <ADDRESS|DOMAIN>...", HELP),
    (&["lookup", "mail.example.org:993"], r#"a lookup takes an address or a domain, not a server: "mail.example.org:993""#, "examine a server with `mailcfg probe mail.example.org:993`"),
    (&["lookup", "imaps://mail.example.org"], r#"a lookup takes an address or a domain, not a server: "imaps://mail.example.org""#, "examine a server with `mailcfg probe imaps://mail.example.org`"),
    (&["completions", "tcsh"], "invalid value 'tcsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]", "a similar value exists: 'zsh'"),
    (&["man", "frobnicate"], r#"no such command: "frobnicate""#, "the commands are listed by `mailcfg --help`"),
    (&["providers", "frobnicate"], "unrecognized subcommand 'frobnicate'", HELP),
    (&["providers", "list", "--providers", "missing.toml"], "cannot read the provider table missing.toml\n  because: No such file or directory (os error 2)", TABLE_FILE),
    (&["providers", "check", "missing.toml"], "cannot read the provider table missing.toml\n  because: No such file or directory (os error 2)", TABLE_FILE),
    (&["providers", "check", "syntax.toml"], "syntax.toml:3:8: string values must be quoted, expected literal string", TABLE),
];

#[test]
fn bad_addresses_are_refused() {
    let place = Place::new();
    place.refuses("lookup", BAD_ADDRESSES);
    place.refuses("probe", BAD_ADDRESSES);
}

#[test]
fn addresses_that_are_too_long_are_refused() {
    let place = Place::new();
    let long_name = format!("{}org", "abcdefghi.".repeat(26));
    for (typed, sentence, hint) in [
        (
            format!("{L64}a@example.org"),
            "not a mail address, its local part has more than 64 octets",
            ADDRESS,
        ),
        (format!("u@{L64}.org"), "not a domain name, it has a label of more than 63 octets", DOMAIN),
        (format!("u@{long_name}"), "not a domain name, it has more than 253 octets", DOMAIN),
    ] {
        let value = if hint == DOMAIN { typed.trim_start_matches("u@") } else { &typed };
        place.refuses_one(&["lookup", &typed], &format!("{sentence}: {value:?}"), hint);
        place.refuses_one(&["probe", &typed], &format!("{sentence}: {value:?}"), hint);
    }
}

#[test]
fn bad_servers_are_refused() {
    Place::new().refuses("probe", BAD_SERVERS);
}

#[test]
fn bad_options_are_refused() {
    Place::new().refuses("probe", BAD_OPTIONS);
}

#[test]
fn bad_tables_and_formats_are_refused() {
    let place = Place::new();
    place.refuses("lookup", BAD_TABLES);
    place.refuses("probe", BAD_TABLES);
}

#[test]
fn other_mistakes_are_refused() {
    let place = Place::new();
    for (arguments, sentence, hint) in OTHERS {
        place.refuses_one(arguments, sentence, hint);
    }
}

#[test]
fn mistakes_in_the_environment_are_refused() {
    let place = Place::new();
    for (name, value, sentence, hint) in [
        ("MAILCFG_TIMEOUT", "soon", r#"--timeout takes a time up to a day, not "soon""#, TIME),
        ("MAILCFG_RESOLVER", "dns", r#"not a resolver: "dns""#, RESOLVER),
        ("MAILCFG_CA_FILE", "garbage.pem", "no PEM certificates in garbage.pem", CA_FILE),
        ("MAILCFG_EHLO", "a b", r#"not a name for EHLO: "a b""#, EHLO),
        (
            "MAILCFG_PROXY",
            "socks5h://user:secret@[::1]:1080",
            r#"not a proxy of the form socks5h://HOST:PORT: "socks5h://…@[::1]:1080""#,
            PROXY,
        ),
    ] {
        let output =
            finish(mailcfg(["probe", "disroot.org"]).current_dir(place.folder.path()).env(name, value));
        assert_eq!(output, refusal(sentence, hint), "{name}={value}");
    }
}

#[test]
fn a_table_in_the_usual_place_is_checked_too() {
    let folder = Folder::new();
    let table = folder.write("mailcfg/providers.toml", "[[provider]]\nid = 5\n");
    let output = finish(mailcfg(["lookup", "disroot.org"]).env("XDG_CONFIG_HOME", folder.path()));
    let sentence = format!("{}:2:6: invalid type: integer `5`, expected a string", table.display());
    assert_eq!(output, refusal(&sentence, TABLE));
}

#[test]
fn one_bad_target_keeps_the_good_ones_from_being_asked() {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    server.set_nonblocking(true).unwrap();
    let good = format!("imap://{}", server.local_addr().unwrap());
    Place::new().refuses_one(
        &["probe", &good, "mail.example.org:0"],
        r#"not a port from 1 to 65535: "0""#,
        PORT,
    );
    assert!(server.accept().is_err(), "the good target was connected to");
}

#[test]
fn the_resolver_that_must_not_be_asked_would_notice() {
    let place = Place::new();
    place.run(&["probe", "disroot.org", "--timeout", "300ms"]);
    assert!(place.was_asked());
}

#[test]
fn what_is_only_strange_works() {
    for (typed, domain, username) in [
        ("user@disroot.org", "disroot.org", Some("user")),
        ("User@Disroot.ORG", "disroot.org", Some("User")),
        ("user@disroot.org.", "disroot.org", Some("user")),
        ("user+tag@disroot.org", "disroot.org", Some("user+tag")),
        ("mailto:user%2Btag@disroot.org?subject=a%20b", "disroot.org", Some("user+tag")),
        ("MAILTO:user@disroot.org", "disroot.org", Some("user")),
        ("\"a b@c\"@disroot.org", "disroot.org", Some("\"a b@c\"")),
        ("%EMAILDOMAIN%@disroot.org", "disroot.org", Some("%EMAILDOMAIN%")),
        ("jörg@disroot.org", "disroot.org", Some("jörg")),
        ("-dash@disroot.org", "disroot.org", Some("-dash")),
        ("DISROOT.ORG.", "disroot.org", None),
        ("user@ＤＩＳＲＯＯＴ.org", "disroot.org", Some("user")),
        ("user@disroot。org", "disroot.org", Some("user")),
    ] {
        let output = finish(&mut mailcfg(["lookup", "--json", "--", typed]));
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{typed}");
        let document = output.json();
        assert_eq!(document["target"], typed);
        assert_eq!(document["domain"], domain, "{typed}");
        assert_eq!(document["services"][0]["username"].as_str(), username, "{typed}");
    }
}

/// A folder with files that are wrong, and a resolver that is never to be asked.
struct Place {
    folder: Folder,
    resolver: UdpSocket,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("folder/file", "");
        folder.write("empty.pem", "");
        folder.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nnothing\n");
        folder.write("latin1.toml", b"[[provider]]\nid = \"\xfc\"\n");
        folder.write("syntax.toml", "[[provider]]\nid = \"a\"\nname = A\n");
        folder.write("key.toml", "[[provider]]\nid = \"a\"\nname = \"A\"\ndomain = \"example.org\"\n");
        folder.write(
            "twice.toml",
            "[[provider]]\nid = \"a\"\nname = \"A\"\ndomains = [\"example.org\", \"EXAMPLE.org.\"]\nservices = [{ protocol = \"imaps\", host = \"a.example.org\", port = 993 }]\n",
        );
        let service = r#"{ protocol = "imap", host = "a.example.org", port = 0, security = "tls" }"#;
        folder.write(
            "port.toml",
            format!(
                "[[provider]]\nid = \"a\"\nname = \"A\"\ndomains = [\"a.example\"]\nservices = [{service}]\n"
            ),
        );
        let resolver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        resolver.set_nonblocking(true).expect("a socket can be made non-blocking");
        Self { folder, resolver }
    }

    fn refuses(&self, command: &str, mistakes: &[Mistake]) {
        for (arguments, sentence, hint) in mistakes {
            self.refuses_one(&[&[command], *arguments].concat(), sentence, hint);
        }
    }

    fn refuses_one(&self, arguments: &[&str], sentence: &str, hint: &str) {
        assert_eq!(self.run(arguments), refusal(sentence, hint), "{arguments:?}");
        assert!(!self.was_asked(), "{arguments:?} asked the resolver");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let resolver = self.resolver.local_addr().expect("a bound socket has an address");
        let mut command = mailcfg(arguments);
        finish(command.current_dir(self.folder.path()).env("MAILCFG_RESOLVER", resolver.to_string()))
    }

    fn was_asked(&self) -> bool {
        self.resolver.recv(&mut [0; 512]).is_ok()
    }
}

fn refusal(sentence: &str, hint: &str) -> Output {
    Output { code: 2, stdout: String::new(), stderr: format!("mailcfg: error: {sentence}\nhint: {hint}\n") }
}
