//! A file of checks: its mistakes, the file that `--init` writes, and what is found when something has changed.

use std::path::Path;
use std::process::Stdio;

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};
use hickory_resolver::proto::rr::RecordType;
use mailcfg::settings::Security;
use serde_json::Value;

use crate::support::ca::{self, Identity, Leaf};
use crate::support::command::{Output, finish, mailcfg, run};
use crate::support::dns::{Answer, Dns};
use crate::support::folder::Folder;
use crate::support::host::Host;
use crate::support::mail::Mail;
use crate::support::probe::findings;
use crate::support::text::{without_dates, without_times};

const IMAP: &str = r#"{ protocol = "imap", host = "mail.example.org", port = 993, security = "tls" }"#;
const SMTP: &str = r#"{ protocol = "smtp", host = "mail.example.org", port = 465, security = "tls" }"#;
const SUBMISSION: &str =
    r#"{ protocol = "smtp", host = "mail.example.org", port = 587, security = "starttls" }"#;

const WRITE_ONE: &str = "write one with `mailcfg check --init example.org --output mailcfg.toml`";
const ENDPOINT: &str =
    r#"write { protocol = "imap", host = "mail.example.org", port = 993, security = "tls" }"#;
const KEYS: &str = "the keys here are name, protocol, security, expect, pin-sha256, min-days, min-tls, require, expect-host, expect-issuer, max-time, fail-on, ignore";

/// A text, then the sentence and the hint; `T` stands for the first two lines of a target.
#[rustfmt::skip]
const BROKEN: &[(&str, &str, &str)] = &[
    ("", "1:1: there is no target", WRITE_ONE),
    ("# nothing\n", "1:1: there is no target", WRITE_ONE),
    ("[defaults]\nmin-tls = \"1.2\"\n", "1:1: there is no target", WRITE_ONE),
    ("[[target]]\nname = \n", "2:8: string values must be quoted, expected literal string", "this is no TOML: see https://toml.io"),
    ("[target]\nname = \"a.example\"\n", "1:1: `target` is a list", "write target = [ … ], or [[target]]"),
    ("T[[targets]]\n", "3:3: unknown key \"targets\"", "did you mean target? the keys here are defaults, target"),
    ("[[target]]\n", "1:1: this target has no `name`", "write name = \"example.org\""),
    ("[[target]]\nname = 1\n", "2:8: `name` takes text", "write it in quotes"),
    ("[[target]]\nname = \"a b.example\"\n", "2:8: not a domain name, it has white space: \"a b.example\"",
        "write a domain as example.org, a server as mail.example.org:993 or imaps://mail.example.org"),
    ("[[target]]\nname = \"a.example:1234\"\n", "2:8: the protocol of a.example:1234 is not known by its port",
        "add --protocol imap|pop3|smtp and --security tls|starttls|none, or write a URL such as imaps://host:port"),
    ("Tname = \"b.example\"\n", "3:1: duplicate key", "this is no TOML: see https://toml.io"),
    ("TT", "4:8: the target \"a.example\" stands in line 2 already", "keep one of them, with all that is demanded"),
    ("T[[target]]\nname = \"A.Example.\"\n", "4:8: the target \"A.Example.\" stands in line 2 already", "keep one of them, with all that is demanded"),
    ("T  min-dayss = \"20:7\"\n", "3:3: unknown key \"min-dayss\"", KEYS),
    ("Tpassword = \"x\"\n", "3:1: unknown key \"password\"", "take it out: secrets do not belong in this file"),
    ("Tmin-days = 20\n", "3:12: `min-days` takes text", "write it in quotes"),
    ("Tmin-days = \"7:20\"\n", "3:12: not a number of days for a warning and one for a failure: \"7:20\"",
        "write W:F, as 20:7: warn below 20 days, fail below 7; one of them may be left out"),
    ("Tmin-tls = \"1.1\"\n", "3:11: not a version of TLS to demand: \"1.1\"", "write 1.2 or 1.3; what is older is never accepted (RFC 8996)"),
    ("Trequire = \"uidl\"\n", "3:11: `require` is a list", "write require = [ … ], or [[require]]"),
    ("Trequire = [\"uidl\", \"uidll\"]\n", "3:20: no such requirement: \"uidll\"", "did you mean uidl"),
    ("[defaults]\nfail-on = [\"warm\"]\nT", "2:12: not what can count as a failure: \"warm\"", "write warn, unknown, or warn,unknown"),
    ("[defaults]\nname = \"x\"\nT", "2:1: unknown key \"name\"", "the keys here are min-days"),
    ("Tmax-time = \"1h\"\n", "3:12: max-time takes a time up to a day, not \"1h\"", "write seconds, or a number with a unit: 500ms, 2s, 1m"),
    ("Texpect-host = [\"a_b\"]\n", "3:16: not a domain name, it has an underscore: \"a_b\"", "write a domain as"),
    ("Texpect-issuer = \" \"\n", "3:17: `expect-issuer` is empty", "write a few words, or leave the key out"),
    ("Tsecurity = \"tls\"\n", "3:12: a domain as a whole has no `security`", "write security beside the host and port of each endpoint in expect"),
    ("Tpin-sha256 = \"x\"\n", "3:14: a domain as a whole has no `pin-sha256`", "write pin-sha256 beside the host and port of each endpoint in expect"),
    ("Texpect = {}\n", "3:10: `expect` is a list", "write expect = [ … ], or [[expect]]"),
    ("Texpect = [\"imap\"]\n", "3:11: `expect` holds something that is no table", "its keys are protocol, host, port, security, pin-sha256"),
    ("Texpect = [{ protocol = \"imap\", port = 993 }]\n", "3:11: this endpoint has no `host`", ENDPOINT),
    ("Texpect = [{ protocol = \"imap\", host = \"m.example\", port = 993 }]\n", "3:11: this endpoint has no `security`", ENDPOINT),
    ("Texpect = [{ protocol = \"nntp\", host = \"m.example\", port = 993 }]\n", "3:24: unknown protocol \"nntp\"", "the words are imap, pop3, smtp"),
    ("Texpect = [{ protocol = \"imap\", host = \"m.example\", port = \"993\" }]\n", "3:59: `port` is a whole number", "write it without quotes, as port = 993"),
    ("Texpect = [{ protocol = \"imap\", host = \"m.example\", port = 70000 }]\n", "3:59: not a port from 1 to 65535: \"70000\"", "mail ports are 143 993 110 995 25 587 465 2525"),
    ("Texpect = [{ protocol = \"imap\", host = \"m.example\", port = 993, security = \"ssh\" }]\n", "3:75: unknown security \"ssh\"", "the words are tls, starttls, none"),
    ("Texpect = [\n  { protocol = \"imaps\", host = \"m.example\", port = 993 },\n  { protocol = \"imap\", host = \"M.example\", port = 993, security = \"SSL\" },\n]\n",
        "5:3: the endpoint m.example:993 is expected already", "keep one of them, with all its pins"),
    ("Texpect = [{ protocol = \"imaps\", host = \"m.example\", port = 993, pin-sha256 = [\"abc\"] }]\n", "3:79: not the SHA-256 of a public key: \"abc\"",
        "write the SHA-256 of the SubjectPublicKeyInfo, as 44 letters of base64 or 64 hexadecimal digits"),
    ("Texpect = [{ protocol = \"imap\", host = \"m.example\", port = 143, security = \"none\", pin-sha256 = \"abc\" }]\n", "3:96: without TLS there is no key to pin", "take pin-sha256 out"),
    ("[[target]]\nname = \"a.example:993\"\nexpect = []\n", "3:10: a server publishes nothing that could be expected",
        "pin its key with pin-sha256, or write the domain as the name of the target"),
    ("Tignore = [{ id = \"certificate.expierd\", reason = \"x\", until = 2030-01-01 }]\n", "3:18: no finding has this id: \"certificate.expierd\"", "did you mean certificate.expired"),
    ("Tignore = [{ id = \"certificate.expired\", until = 2030-01-01 }]\n", "3:11: this ignore has no `reason`", "say why it does not count"),
    ("Tignore = [{ id = \"certificate.expired\", reason = \"\", until = 2030-01-01 }]\n", "3:50: `reason` is empty", "write a few words, or leave the key out"),
    ("Tignore = [{ id = \"certificate.expired\", reason = \"x\" }]\n", "3:11: this ignore has no `until`", "say when it counts again, as until = 2026-12-31"),
    ("Tignore = [{ id = \"certificate.expired\", reason = \"x\", until = \"soon\" }]\n", "3:63: `until` is a day", "write it without quotes, as until = 2026-12-31"),
    ("Tignore = [{ id = \"certificate.expired\", reason = \"x\", until = 12:00:00 }]\n", "3:63: `until` is a day", "write it without quotes, as until = 2026-12-31"),
    ("Tignore = [{ id = \"certificate.expired\", reason = \"x\", until = 2030-01-01, at = \"a b\" }]\n", "3:80: not a host or host:port: \"a b\"",
        "write at = \"mail.example.org:993\", or leave it out"),
    ("Tignore = [{ id = \"certificate.expired\", why = \"x\" }]\n", "3:41: unknown key \"why\"", "the keys here are id, reason, until, at"),
];

#[test]
fn a_broken_file_is_named_with_line_and_column() {
    let folder = Folder::new();
    for (text, sentence, hint) in BROKEN {
        let text = text.replace('T', "[[target]]\nname = \"a.example\"\n");
        folder.write("mailcfg.toml", &text);
        let output = finish(mailcfg(["check"]).current_dir(folder.path()));
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{text}");
        let start = format!("mailcfg: error: mailcfg.toml:{sentence}\nhint: ");
        let rest = output.stderr.strip_prefix(&start).unwrap_or_else(|| panic!("{text}: {}", output.stderr));
        assert!(rest.contains(hint), "{text}: {rest}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let folder = Folder::new();
    folder.write("large.toml", "#".repeat((1 << 20) + 1));
    folder.write("bytes.toml", b"# \xff");
    let readable = "name a readable file, or - for stdin";
    for (arguments, error, hint) in [
        (
            &["check"][..],
            "cannot read the file of checks mailcfg.toml\n  because: No such file or directory (os error 2)",
            WRITE_ONE,
        ),
        (
            &["check", "."],
            "cannot read the file of checks .\n  because: Is a directory (os error 21)",
            readable,
        ),
        (
            &["check", "bytes.toml"],
            "cannot read the file of checks bytes.toml\n  because: stream did not contain valid UTF-8",
            readable,
        ),
        (
            &["check", "large.toml"],
            "the file of checks large.toml has more than 1 MiB",
            "split it, and check its parts one by one",
        ),
        (&["check", "-"], "stdin:1:1: there is no target", WRITE_ONE),
        (
            &["check", "a.toml", "--init", "a.example"],
            "the argument '[FILE]' cannot be used with '--init <TARGET>...'",
            "`--help` behind the command shows what it takes",
        ),
    ] {
        let output = finish(mailcfg(arguments).current_dir(folder.path()));
        let expected = format!("mailcfg: error: {error}\nhint: {hint}\n");
        assert_eq!((output.code, output.stderr), (2, expected), "{arguments:?}");
    }
}

/// A folder with a table that names servers of example.org, and the hosts that play them.
struct Scene {
    folder: Folder,
    connect_to: Vec<String>,
}

impl Scene {
    fn new(published: &[&str]) -> Self {
        let scene = Self { folder: Folder::new(), connect_to: Vec::new() };
        scene.publish(published);
        scene
    }

    fn publish(&self, services: &[&str]) {
        let head = "[[provider]]\nid = \"example\"\nname = \"Example Mail\"\ndomains = [\"example.org\"]\n";
        self.folder.write("table.toml", format!("{head}services = [{}]\n", services.join(", ")));
    }

    /// Lets a host play the server at a port of mail.example.org.
    fn plays(mut self, port: u16, host: &Host) -> Self {
        self.connect_to.push(format!("mail.example.org:{port}:127.0.0.1:{}", host.address.port()));
        self
    }

    /// What example.org is held against.
    fn expects(&self, expected: &[&str], more: &str) {
        let head = "[[target]]\nname = \"example.org\"\n";
        self.folder.write("mailcfg.toml", format!("{head}expect = [{}]\n{more}", expected.join(", ")));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let ca_file = ca::trusted().file().display().to_string();
        // Where nobody plays, nobody listens.
        let anywhere = ["--connect-to", "::127.0.0.1:1", "--timeout", "8s", "--offline"];
        let connect_to = self.connect_to.iter().flat_map(|it| ["--connect-to", it]);
        let mut command = mailcfg(["check", "--providers", "table.toml", "--ca-file", &ca_file]);
        command.args(connect_to).args(anywhere).args(arguments).current_dir(self.folder.path());
        finish(&mut command)
    }

    /// The exit code, and `id severity` of all findings: of the target, then of each endpoint.
    fn check(&self) -> (i32, Vec<String>) {
        let output = self.run(&["--json"]);
        assert_eq!(output.stderr, "", "{output:?}");
        let document = output.json();
        assert_eq!(document.get("command"), Some(&Value::from("check")));
        let endpoints = document.get("endpoints").and_then(Value::as_array);
        let endpoints = endpoints.map(Vec::as_slice).unwrap_or_default();
        (output.code, [&document].into_iter().chain(endpoints).flat_map(findings).collect())
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("the file is there")
    }
}

fn imap(identity: &Identity) -> Mail {
    Mail::imap(Security::Tls).config(identity.config())
}

fn smtp(identity: &Identity) -> Mail {
    Mail::smtp(Security::Tls).config(identity.config())
}

/// SHA-256 of the key's SubjectPublicKeyInfo.
fn key_digest(identity: &Identity) -> Vec<u8> {
    let certified = identity.certified();
    let key = certified.key.public_key().expect("a key has a public half");
    digest::digest(&digest::SHA256, &key).as_ref().to_vec()
}

#[test]
fn what_init_writes_is_accepted_and_passes() {
    let [imap, smtp] = [imap(&ca::good()), smtp(&ca::good())].map(|mail| mail.start().expect_connections(3));
    let scene = Scene::new(&[IMAP, SMTP]).plays(993, &imap).plays(465, &smtp);
    let shown = scene.run(&["--init", "example.org"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{shown:?}");
    let written = scene.run(&["--init", "example.org", "EXAMPLE.org", "--output", "mailcfg.toml"]);
    assert_eq!((written.code, written.stdout.as_str(), written.stderr.as_str()), (0, "", ""));
    assert_eq!(scene.file("mailcfg.toml"), shown.stdout, "a domain named twice stands there once");
    let pin = format!("pin-sha256 = {:?}", BASE64.encode(&key_digest(&ca::good())));
    let target = format!(
        "[[target]]\nname = \"example.org\"\nexpect = [\n  {IMAP},\n  # its key today: {pin}\n  {SMTP},\n  # its key today: {pin}\n]\n"
    );
    assert!(shown.stdout.ends_with(&target), "{}", shown.stdout);
    assert_eq!(scene.check(), (0, vec![]));
}

#[test]
fn init_writes_over_nothing_unless_it_is_told_to() {
    let host = imap(&ca::good()).start();
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    scene.folder.write("mailcfg.toml", "mine");
    let server = ["--init", "imaps://mail.example.org", "--output", "mailcfg.toml"];
    let refused = scene.run(&server);
    let complaint = "mailcfg: error: there is a file already: mailcfg.toml\nhint: add --force to write in its place, or name another\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (2, complaint));
    assert_eq!(scene.file("mailcfg.toml"), "mine");
    let written = scene.run(&[&server[..], &["--force"]].concat());
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    let pin = format!("# pin-sha256 = {:?} # its key today\n", BASE64.encode(&key_digest(&ca::good())));
    let text = scene.file("mailcfg.toml");
    assert!(text.ends_with(&format!("\n[[target]]\nname = \"imaps://mail.example.org\"\n{pin}")), "{text}");
}

#[test]
fn every_comment_of_a_new_file_can_be_put_in_force() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -3, ..Leaf::default() });
    let host = imap(&expired).start().expect_connections(3);
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    let written = scene.run(&["--init", "example.org", "--output", "mailcfg.toml"]);
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    let (code, found) = scene.check();
    assert_eq!(code, 1);
    assert!(found.contains(&"certificate.expired fail".to_owned()), "{found:?}");
    let text = scene.file("mailcfg.toml");
    let demands =
        ["# [defaults]", "# min-", "# require", "# max-time", "# fail-on", "# ignore", "#   {", "# ]"];
    let in_force = text.lines().map(|line| match demands.iter().any(|start| line.starts_with(start)) {
        true => line.trim_start_matches("# "),
        false => line,
    });
    scene.folder.write("mailcfg.toml", in_force.collect::<Vec<_>>().join("\n"));
    let (code, found) = scene.check();
    assert_eq!(code, 0, "{found:?}\n{}", scene.file("mailcfg.toml"));
    assert!(found.contains(&"certificate.expired fail".to_owned()), "it stays in the report: {found:?}");
}

#[test]
fn init_writes_no_file_of_what_could_not_be_found_out() {
    let folder = Folder::new();
    let dns = Dns::start(&[("_imaps._tcp.silent.example", RecordType::SRV, Answer::ServFail)]);
    let file = folder.path().join("mailcfg.toml").display().to_string();
    for (domain, code, error) in [
        ("silent.example", 3, "what silent.example publishes could not be found out\n  because: srv: "),
        ("none.example", 1, "no mail servers of none.example are known\nhint: "),
    ] {
        let init =
            ["check", "--init", domain, "--output", &file, "--source", "srv", "--resolver", &dns.place()];
        let output = run(init);
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.starts_with(&format!("mailcfg: error: {error}")), "{}", output.stderr);
        assert!(!Path::new(&file).exists());
    }
}

#[test]
fn what_has_changed_is_found_and_what_is_gone_is_still_examined() {
    let imap = imap(&ca::good()).start().expect_connections(3);
    let smtp = smtp(&ca::good()).start().expect_connections(2);
    let scene = Scene::new(&[IMAP, SMTP]).plays(993, &imap).plays(465, &smtp);
    scene.expects(&[IMAP], "");
    assert_eq!(scene.check(), (0, vec!["drift.unexpected warn".to_owned()]));
    scene.publish(&[IMAP]);
    scene.expects(&[IMAP, SMTP], "");
    assert_eq!(scene.check(), (1, vec!["drift.missing fail".to_owned()]));
    scene.expects(&[IMAP, SUBMISSION], "");
    let dead = ["drift.missing fail", "connect.refused fail"].map(str::to_owned).to_vec();
    assert_eq!(scene.check(), (1, dead));
}

#[test]
fn a_screen_says_what_has_changed() {
    let imap = imap(&ca::good()).start();
    let smtp = smtp(&ca::good()).start();
    let submission = Mail::smtp(Security::StartTls).start();
    let scene = Scene::new(&[IMAP, SUBMISSION]).plays(993, &imap).plays(465, &smtp).plays(587, &submission);
    scene.expects(&[&pinned(IMAP, &"0f".repeat(32)), SMTP], "");
    let output = scene.run(&[]);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""));
    let key = HEXLOWER.encode(&key_digest(&ca::good()));
    let screen = without_times(&without_dates(&output.stdout)).replace(&key, "KEY");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/screens/check-drift.txt");
    if std::env::var_os("MAILCFG_BLESS").is_some() {
        std::fs::write(&golden, &screen).expect("the golden file can be written");
    }
    assert_eq!(screen, std::fs::read_to_string(golden).unwrap_or_default(), "{}", output.stdout);
}

/// An endpoint with a pin.
fn pinned(endpoint: &str, pin: &str) -> String {
    endpoint.replace(" }", &format!(", pin-sha256 = [\"{pin}\"] }}"))
}

#[test]
fn a_key_is_held_against_its_pins() {
    let host = imap(&ca::good()).start().expect_connections(4);
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    let digest = key_digest(&ca::good());
    let (hex, base64, other) = (HEXLOWER.encode(&digest), BASE64.encode(&digest), "0f".repeat(32));
    let spare = format!("{other}\", \"{base64}");
    for (pin, code, found) in
        [(&hex, 0, None), (&base64, 0, None), (&spare, 0, None), (&other, 1, Some("drift.key-changed fail"))]
    {
        scene.expects(&[&pinned(IMAP, pin)], "");
        assert_eq!(scene.check(), (code, found.map(str::to_owned).into_iter().collect()), "{pin}");
    }
}

#[test]
fn a_server_has_its_pin_on_the_target_and_its_words_too() {
    let tls = imap(&ca::good()).start();
    let clear = Mail::imap(Security::None).start();
    let scene = Scene::new(&[IMAP]).plays(993, &tls).plays(1143, &clear);
    let targets = "[[target]]\nname = \"mail.example.org:993\"\npin-sha256 = \"d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=\"\n\
        [[target]]\nname = \"mail.example.org:1143\"\nprotocol = \"imap\"\nsecurity = \"none\"\n";
    scene.folder.write("mailcfg.toml", targets);
    let documents = scene.run(&["--json"]).json();
    let endpoint = |index: usize| &documents[index]["endpoints"][0];
    assert_eq!(findings(endpoint(0)), ["drift.key-changed fail"]);
    assert_eq!(
        endpoint(0)["tls"]["value"]["certificate"]["key_sha256"],
        HEXLOWER.encode(&key_digest(&ca::good()))
    );
    assert_eq!(endpoint(1)["security"], "none");
}

#[test]
fn demands_of_a_target_stand_over_those_of_all() {
    let host = imap(&ca::good()).start().expect_connections(5);
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    for (text, code, found) in [
        ("[defaults]\nmin-days = \"100:90\"\nT", 1, Some("certificate.expires-soon fail")),
        (
            "[defaults]\nmin-days = \"100:90\"\nTmin-days = \"100:7\"\n",
            0,
            Some("certificate.expires-soon warn"),
        ),
        (
            "[defaults]\nfail-on = [\"warn\"]\nTmin-days = \"100:7\"\n",
            1,
            Some("certificate.expires-soon warn"),
        ),
        ("[defaults]\nrequire = [\"idle\", \"uidl\"]\nT", 3, Some("requirement.idle unknown")),
        (
            "[defaults]\nmin-tls = \"1.3\"\nexpect-issuer = \"MAILCFG\"\nTmax-time = \"60s\"\nexpect-host = [\"mail.example.org\"]\n",
            0,
            None,
        ),
    ] {
        scene
            .folder
            .write("mailcfg.toml", text.replace('T', "[[target]]\nname = \"mail.example.org:993\"\n"));
        assert_eq!(scene.check(), (code, found.map(str::to_owned).into_iter().collect()), "{text}");
    }
}

#[test]
fn an_ignore_holds_until_its_day_and_then_warns() {
    let expired = ca::trusted().issue(&Leaf { begins: -90, ends: -3, ..Leaf::default() });
    let host = imap(&expired).start().expect_connections(3);
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    for (until, at, code, found) in [
        ("2999-12-31", "mail.example.org:993", 0, &["certificate.expired fail"][..]),
        ("2999-12-31", "mail.example.org:465", 1, &["certificate.expired fail"]),
        ("2020-01-01", "mail.example.org", 1, &["certificate.expired fail", "run.ignore-expired warn"]),
    ] {
        let ignore = format!(
            "ignore = [{{ id = \"certificate.expired\", at = \"{at}\", reason = \"on order\", until = {until} }}]\n"
        );
        scene.expects(&[IMAP], &ignore);
        let (exit_code, all) = scene.check();
        let all: Vec<&String> = all.iter().filter(|id| !id.starts_with("tls.")).collect();
        assert_eq!(
            (exit_code, all),
            (code, found.iter().map(|&id| id.to_owned()).collect::<Vec<_>>().iter().collect()),
            "{until} {at}"
        );
    }
}

#[test]
fn a_lookup_that_could_not_be_told_is_unknown_and_nothing_is_missing() {
    let dns = Dns::start(&[("_imaps._tcp.example.net", RecordType::SRV, Answer::ServFail)]);
    let host = imap(&ca::good()).start();
    let folder = Folder::new();
    let file =
        folder.write("checks.toml", format!("[[target]]\nname = \"example.net\"\nexpect = [{IMAP}]\n"));
    let (ca_file, connect_to) =
        (ca::trusted().file().display().to_string(), format!("::127.0.0.1:{}", host.address.port()));
    let (file, resolver) = (file.display().to_string(), dns.place());
    let output = run([
        "check",
        &file,
        "--source",
        "srv",
        "--resolver",
        &resolver,
        "--ca-file",
        &ca_file,
        "--connect-to",
        &connect_to,
        "--json",
    ]);
    let document = output.json();
    assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{output:?}");
    assert_eq!(findings(&document), ["drift.not-compared unknown"]);
    assert_eq!(findings(&document["endpoints"][0]), [""; 0]);
}

#[test]
fn several_targets_come_in_their_order_from_stdin() {
    let host = imap(&ca::good()).start();
    let scene = Scene::new(&[IMAP]).plays(993, &host);
    let text = format!(
        "[[target]]\nname = \"example.org\"\nexpect = [{IMAP}]\n[[target]]\nname = \"imaps://mail.example.org:993\"\n"
    );
    let file = scene.folder.write("stdin.toml", text);
    let ca_file = ca::trusted().file().display().to_string();
    let arguments = ["check", "-", "--format", "jsonl", "--providers", "table.toml", "--ca-file", &ca_file];
    let mut command = mailcfg(arguments);
    command.args(["--connect-to", &scene.connect_to[0]]).current_dir(scene.folder.path());
    command.stdin(Stdio::from(std::fs::File::open(file).expect("the file is there")));
    let output = finish(&mut command);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let mut documents: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    documents.sort_by_key(|document| document["index"].as_u64());
    let targets: Vec<&Value> = documents.iter().map(|document| &document["target"]).collect();
    assert_eq!(targets, ["example.org", "imaps://mail.example.org:993"]);
}

#[test]
fn the_file_of_the_readme_is_accepted_and_nothing_has_changed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("the README can be read");
    let (_, rest) = readme.split_once("```toml checks\n").expect("the README shows a file");
    let (text, _) = rest.split_once("```").expect("a block has an end");
    let folder = Folder::new();
    let file = folder.write("mailcfg.toml", text).display().to_string();
    let output = run(["check", &file, "--offline", "--connect-to", "::127.0.0.1:1", "--json"]);
    let documents = output.json();
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{output:?}");
    let endpoints = documents[0]["endpoints"].as_array().expect("endpoints");
    let found: Vec<String> = endpoints.iter().flat_map(findings).collect();
    assert_eq!(found.iter().filter(|id| *id == "connect.refused fail").count(), 4, "{found:?}");
    assert!(!found.iter().any(|id| id.starts_with("drift.")), "{found:?}");
}
