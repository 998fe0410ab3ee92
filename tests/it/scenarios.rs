//! Whole hosts as data: each file of `tests/scenarios` says what DNS, web and mail hosts answer, how the program is
//! called, and what it must make of that. The README there explains the form.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use hickory_resolver::proto::rr::RecordType;
use mailcfg::settings::Security;
use serde::Deserialize;
use serde_json::Value;

use crate::support::ca::{self, Leaf};
use crate::support::command::{Output, finish, mailcfg};
use crate::support::dns::{Answer, Dns, Row};
use crate::support::folder::Folder;
use crate::support::host::Host;
use crate::support::mail::Mail;
use crate::support::web::{Certificate, Manner, Page, Web, host_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it is about, in a sentence.
    about: String,
    command: Vec<String>,
    /// A provider table of the user's own.
    table: Option<String>,
    #[serde(default)]
    dns: BTreeMap<String, Records>,
    #[serde(default)]
    web: Vec<WebEntry>,
    /// The certificate of a web host, where it is not a good one.
    #[serde(default)]
    certificates: BTreeMap<String, String>,
    #[serde(default)]
    mail: Vec<MailEntry>,
    expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Records {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebEntry {
    url: String,
    status: Option<u16>,
    #[serde(default)]
    headers: Vec<String>,
    body: Option<String>,
    /// The servers of an autoconfig document.
    servers: Option<Vec<String>>,
    manner: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailEntry {
    place: String,
    kind: String,
    certificate: Option<String>,
    greeting: Option<String>,
    /// How many connections it gets; one unless said.
    connections: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    exit: i32,
    status: String,
    services: Option<Vec<String>>,
    #[serde(default)]
    sources: BTreeMap<String, String>,
    findings: Option<Vec<String>>,
    disagreements: Option<Vec<String>>,
    /// The requests to the web, in any order; those to the ISPDB only where they matter.
    asked: Option<Vec<String>>,
    /// `pointer = value` of the document.
    #[serde(default)]
    document: BTreeMap<String, toml::Value>,
    /// What the screen says, among other things.
    #[serde(default)]
    screen: Vec<String>,
    /// The shortest and the longest time it may take, in milliseconds.
    milliseconds: Option<(u64, u64)>,
}

#[test]
fn scenarios_end_as_expected() {
    let files = Mutex::new(files());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = next(&files) {
                    if let Some(complaint) = complaint_about(&file) {
                        wrong.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} scenarios:\n{}", wrong.len(), wrong.join("\n"));
}

fn next(files: &Mutex<Vec<PathBuf>>) -> Option<PathBuf> {
    files.lock().expect("no thread panics with the list").pop()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let only = std::env::var("MAILCFG_SCENARIO").unwrap_or_default();
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| path.display().to_string().contains(&only))
        .collect();
    files.sort();
    files
}

/// Plays a scenario; gives what was not as expected.
fn complaint_about(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).expect("a scenario can be read");
    let scenario: Scenario = match toml::from_str(&text) {
        Ok(scenario) => scenario,
        Err(error) => return Some(format!("=== {}: {error}", file.display())),
    };
    let stage = Stage::set(&scenario);
    let began = Instant::now();
    let output = stage.run(&scenario, true);
    let elapsed = began.elapsed();
    let asked = stage.asked();
    let screen = (!scenario.expected.screen.is_empty()).then(|| stage.run(&scenario, false).stdout);
    for shown in screen.iter().chain([&output.stdout]) {
        let dangerous = |found: char| found != '\n' && found.is_control();
        assert!(!shown.contains(dangerous), "{}: {shown:?}", file.display());
    }
    let mut wrong = compare(&scenario.expected, &output, &asked, elapsed);
    for words in scenario.expected.screen.iter().filter(|words| !screen.iter().any(|it| it.contains(*words)))
    {
        let _ = writeln!(wrong, "the screen lacks {words:?}:\n{}", screen.as_deref().unwrap_or_default());
    }
    (!wrong.is_empty()).then(|| {
        let name = file.file_name().unwrap_or_default().display();
        format!("=== {name}: {}\n{wrong}{output:?}\n", scenario.about)
    })
}

/// Most of a scenario is waiting; more would make the limits of time unfair.
const AT_ONCE: usize = 6;

/// The hosts of a scenario, running.
struct Stage {
    dns: Dns,
    web: Web,
    mail: Vec<(String, Host)>,
    web_names: Vec<String>,
    folder: Folder,
}

impl Stage {
    fn set(scenario: &Scenario) -> Self {
        let mut pages: Vec<Page> = scenario.web.iter().map(page).collect();
        let pacc = pages.iter().find(|page| page.url.contains("user-agent-configuration"));
        let digest = pacc.map(|page| digest_of(&page.body)).unwrap_or_default();
        let certificates: HashMap<String, Certificate> =
            scenario.certificates.iter().map(|(name, word)| (name.clone(), certificate(word))).collect();
        // The ISPDB is there, and answers 404 for whatever a scenario does not put there.
        pages.push(Page { url: "https://ispdb.test/".to_owned(), ..Page::default() });
        let mut web_names: Vec<String> = pages.iter().map(|page| host_of(&page.url).to_owned()).collect();
        web_names.sort();
        web_names.dedup();
        let rows: Vec<Row> = scenario.dns.iter().flat_map(|(key, says)| rows(key, says, &digest)).collect();
        let folder = Folder::new();
        if let Some(table) = &scenario.table {
            folder.write("own.toml", table);
        }
        let mail = scenario.mail.iter().map(|entry| (entry.place.clone(), mail_host(entry))).collect();
        Self { dns: Dns::start(&rows), web: Web::start(pages, &certificates), mail, web_names, folder }
    }

    fn run(&self, scenario: &Scenario, json: bool) -> Output {
        let mut arguments = scenario.command.clone();
        // What the command says itself stays.
        let mut add = |flag: &str, value: String| {
            if !scenario.command.iter().any(|argument| argument == flag) {
                arguments.extend([flag.to_owned(), value]);
            }
        };
        add("--resolver", self.dns.place());
        add("--ca-file", ca::trusted().file().display().to_string());
        add("--ispdb-url", "https://ispdb.test/v1.1/".to_owned());
        for name in &self.web_names {
            add("--connect-to", format!("{name}:443:{}", self.web.https));
            add("--connect-to", format!("{name}:80:{}", self.web.http));
        }
        for (place, host) in &self.mail {
            add("--connect-to", format!("{place}:{}", host.address));
        }
        if scenario.table.is_some() {
            add("--providers", self.folder.path().join("own.toml").display().to_string());
        }
        arguments.extend(json.then(|| "--json".to_owned()));
        finish(&mut mailcfg(&arguments))
    }

    /// `METHOD url`, in order of the words.
    fn asked(&self) -> Vec<String> {
        let log = self.web.asked();
        let mut asked: Vec<String> =
            log.iter().map(|asked| format!("{} {}", asked.method, asked.url)).collect();
        asked.sort();
        asked
    }
}

fn page(entry: &WebEntry) -> Page {
    let body = match (&entry.body, &entry.servers) {
        (Some(body), _) => body.clone(),
        (None, Some(servers)) => autoconfig(servers),
        (None, None) if entry.manner.as_deref() == Some("deep-json") => r#"{"a":"#.repeat(50_000),
        (None, None) => String::new(),
    };
    Page {
        url: entry.url.clone(),
        status: entry.status.unwrap_or(200),
        headers: entry.headers.clone(),
        body: body.into_bytes(),
        manner: entry.manner.as_deref().map(manner).unwrap_or_default(),
    }
}

/// An autoconfig document of servers written as `imap mail.d.example:993 SSL`.
fn autoconfig(servers: &[String]) -> String {
    let mut document = String::from("<clientConfig version=\"1.1\"><emailProvider id=\"d.example\">\n");
    for server in servers {
        let words: Vec<&str> = server.split(' ').collect();
        let [kind, place, security] = words.as_slice() else { panic!("{server:?} is no server") };
        let (host, port) = place.rsplit_once(':').expect("a server has a port");
        let section = if *kind == "smtp" { "outgoingServer" } else { "incomingServer" };
        let _ = writeln!(
            document,
            "<{section} type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port>\
             <socketType>{security}</socketType><authentication>password-cleartext</authentication>\
             <username>%EMAILADDRESS%</username></{section}>"
        );
    }
    document + "</emailProvider></clientConfig>\n"
}

fn manner(word: &str) -> Manner {
    match word {
        "hang" => Manner::Hang,
        "drip" => Manner::Drip,
        "cut" => Manner::Cut,
        "close" => Manner::Close,
        "endless" => Manner::Endless,
        "short-length" => Manner::ShortLength,
        "gzip" => Manner::Gzip,
        "chunked" => Manner::Chunked,
        "endless-chunks" => Manner::EndlessChunks,
        "endless-head" => Manner::EndlessHead,
        "gzip-bomb" => Manner::GzipBomb,
        "gzip-of-nothing" => Manner::GzipOfNothing,
        "deep" => Manner::Deep,
        "deep-json" => Manner::Plain,
        "endless-informs" => Manner::EndlessInforms,
        "small-chunks" => Manner::SmallChunks,
        "endless-small-chunks" => Manner::EndlessSmallChunks,
        "utf-16" => Manner::Utf16,
        after => {
            let milliseconds = after.strip_suffix("ms").and_then(|digits| digits.parse().ok());
            Manner::After(Duration::from_millis(milliseconds.expect("a manner, or a time such as 300ms")))
        }
    }
}

fn certificate(word: &str) -> Certificate {
    match word {
        "expired" => Certificate::Expired,
        "unknown" => Certificate::Unknown,
        "wrong-name" => Certificate::WrongName,
        other => panic!("{other:?} is no kind of certificate"),
    }
}

fn digest_of(body: &[u8]) -> String {
    BASE64.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body).as_ref())
}

/// The rows of an entry such as `"d.example MX" = "10 mx.d.example"`.
fn rows(key: &str, says: &Records, digest: &str) -> Vec<Row> {
    let (name, kind) = key.split_once(' ').expect("a name and a type");
    let kind: RecordType = kind.parse().expect("a type of record");
    let texts = match says {
        Records::One(text) => std::slice::from_ref(text),
        Records::Many(texts) => texts.as_slice(),
    };
    let name: &'static str = String::leak(name.to_owned());
    texts.iter().map(|text| (name, kind, answer(kind, &text.replace("{digest}", digest)))).collect()
}

fn answer(kind: RecordType, text: &str) -> Answer {
    // A table lives as long as the tests.
    let text: &'static str = String::leak(text.to_owned());
    match text {
        "SERVFAIL" => return Answer::ServFail,
        "REFUSED" => return Answer::Refused,
        "SILENCE" => return Answer::Silence,
        "NODATA" => return Answer::NoData,
        "TRUNCATED" => return Answer::Truncated,
        "FLOOD" => return Answer::Flood,
        "LIE" => return Answer::Lie,
        "WRONG-ID" => return Answer::WrongId,
        _ => {}
    }
    let words: Vec<&'static str> = text.split(' ').collect();
    let number = |word: &str| word.parse().expect("a number");
    match (kind, words.as_slice()) {
        (RecordType::MX, [preference, host]) => Answer::Mx(number(preference), host),
        (RecordType::SRV, [priority, weight, port, target]) => {
            Answer::Srv(number(priority), number(weight), number(port), target)
        }
        (RecordType::TXT, _) => Answer::Txt(Vec::leak(text.split('|').collect())),
        (RecordType::CNAME, [other]) => Answer::Alias(other),
        (RecordType::A | RecordType::AAAA, [address]) => Answer::Is(address),
        _ => panic!("{text:?} is no {kind} record"),
    }
}

fn mail_host(entry: &MailEntry) -> Host {
    let (protocol, security) = entry.kind.split_once(' ').expect("a protocol and a security");
    let security = if security == "tls" { Security::Tls } else { Security::StartTls };
    let mut mail = match protocol {
        "imap" => Mail::imap(security),
        "pop3" => Mail::pop3(security),
        _ => Mail::smtp(security),
    };
    let name: &'static str =
        String::leak(host_of(&entry.place).split(':').next().unwrap_or_default().to_owned());
    let leaf = Leaf { names: vec![name], ..Leaf::default() };
    let identity = match entry.certificate.as_deref() {
        None => ca::trusted().issue(&leaf),
        Some("expired") => ca::trusted().issue(&Leaf { ends: -1, ..leaf }),
        Some("unknown") => ca::self_signed(&leaf),
        Some(other) => panic!("{other:?} is no kind of certificate"),
    };
    mail = mail.config(identity.config());
    if let Some(words) = &entry.greeting {
        mail = mail.greeting(format!("{words}\r\n").as_str());
    }
    mail.start().expect_connections(entry.connections.unwrap_or(1))
}

fn compare(expected: &Expected, output: &Output, asked: &[String], elapsed: Duration) -> String {
    let mut wrong = String::new();
    let Ok(document) = serde_json::from_str::<Value>(&output.stdout) else {
        return "no document\n".to_owned();
    };
    // A probe holds the lookup inside.
    let lookup = document.get("settings").unwrap_or(&document);
    let mut check = |what: &str, expected: String, found: String| {
        if expected != found {
            let _ = writeln!(wrong, "{what}:\n  expected {expected}\n  found    {found}");
        }
    };
    check("exit", expected.exit.to_string(), output.code.to_string());
    check("stderr", String::new(), output.stderr.clone());
    check("status", expected.status.clone(), text(document.get("status")));
    let mut check_list = |what: &str, expected: &Option<Vec<String>>, found: Vec<String>| {
        if let Some(expected) = expected {
            check(what, format!("{expected:#?}"), format!("{found:#?}"));
        }
    };
    check_list("services", &expected.services, list(lookup, "services", service));
    let ids = |of| list(of, "findings", |finding| text(finding.get("id")));
    check_list("findings", &expected.findings, ids(lookup));
    check_list("disagreements", &expected.disagreements, list(lookup, "disagreements", disagreement));
    let mut wanted = expected.asked.clone();
    wanted.iter_mut().for_each(|asked| asked.sort());
    check_list("asked", &wanted, asked.to_vec());
    let sources: BTreeMap<String, String> =
        list(lookup, "sources", |source| format!("{} {}", text(source.get("source")), outcome(source)))
            .iter()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, outcome)| (name.to_owned(), outcome.to_owned()))
            .collect();
    for (name, wanted) in &expected.sources {
        let found = sources.get(name).cloned().unwrap_or_default();
        let (start, words) = wanted.split_once(": ").unwrap_or((wanted, ""));
        if found.split(": ").next() != Some(start) || !found.contains(words) {
            check(name, wanted.clone(), found);
        }
    }
    for (pointer, value) in &expected.document {
        let found = document.pointer(pointer).unwrap_or(&Value::Null);
        let wanted = serde_json::to_value(value).unwrap_or_default();
        if wanted != *found {
            check(pointer, wanted.to_string(), found.to_string());
        }
    }
    if let Some((least, most)) = expected.milliseconds {
        let took = elapsed.as_millis();
        if took < u128::from(least) || took > u128::from(most) {
            check("milliseconds", format!("{least} to {most}"), took.to_string());
        }
    }
    wrong
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn list(document: &Value, name: &str, line: impl Fn(&Value) -> String) -> Vec<String> {
    let items = document.get(name).and_then(Value::as_array);
    items.into_iter().flatten().map(line).collect()
}

/// `imap mail.d.example:993 tls %EMAILADDRESS% password autoconfig https recommended`
fn service(service: &Value) -> String {
    let field = |name: &str| text(service.get(name));
    let place = match service.get("url") {
        Some(url) => text(Some(url)),
        None => format!("{}:{} {}", field("host"), field("port"), field("security")),
    };
    let auth = list(service, "auth", |method| text(Some(method))).join("+");
    let auth = if auth.is_empty() { "-".to_owned() } else { auth };
    let mut line =
        [field("protocol"), place, field("username_form"), auth, field("source"), field("trust")].join(" ");
    for mark in ["other_domain", "recommended"] {
        if service.get(mark) == Some(&Value::Bool(true)) {
            let _ = write!(line, " {}", mark.replace('_', "-"));
        }
    }
    line
}

/// `smtp port ispdb=587 srv=465`
fn disagreement(it: &Value) -> String {
    let values =
        list(it, "values", |value| format!("{}={}", text(value.get("source")), text(value.get("value"))));
    format!("{} {} {}", text(it.get("service")), text(it.get("field")), values.join(" "))
}

/// `failed protocol: its digest is not the one in DNS`
fn outcome(source: &Value) -> String {
    let field = |name: &str| text(source.get(name));
    match field("outcome").as_str() {
        "failed" => format!("failed {}: {}", field("stage"), field("reason")),
        "done" => format!("done: {}", field("value")),
        other => format!("{other}: {}", field("reason")),
    }
}
