//! Results with a server's words in every place where there can be some.

use std::time::Duration;

use mailcfg::attempt::{Attempt, Cause, Failure, Stage};
use mailcfg::lookup::merge::Disagreement;
use mailcfg::lookup::source::{Answer, Remark};
use mailcfg::lookup::{Asked, Lookup, Query};
use mailcfg::net::dial::{Tried, TriedOutcome};
use mailcfg::net::tls::Agreed;
use mailcfg::probe::certificate::{Certificate, Chain, Problem, ProblemKind};
use mailcfg::probe::facts::{Facts, Party, Retry, Said, StartTls};
use mailcfg::probe::login::{SignInAttempt, SignedIn};
use mailcfg::report::policy::{Ignore, MinDays, Policy};
use mailcfg::report::{Context, Looked, Report, judge, judge_looked};
use mailcfg::run::{Invalid, Outcome, Trouble};
use mailcfg::settings::{
    Access, Endpoint, Instruction, OAuth2, Protocol, ProviderInfo, Security, Service, Settings, Source,
    Trust, Username,
};
use mailcfg::target::{Address, Domain, Host, Port};
use mailcfg::wire::injection::Fate;
use mailcfg::wire::login::{Account, Folder, Namespace, Quota, RefusedQuestion};
use mailcfg::wire::refusal::Kind;
use mailcfg::wire::sasl::{Means, Mechanism};
use mailcfg::wire::{Capabilities, Greeting, GreetingKind};
use time::OffsetDateTime;

/// A server that talks, one that turns the client away, two to sign in to, and what is no target.
pub fn reports(words: &str) -> Vec<Report> {
    let mut report = Reporter { words, made: 0 };
    vec![
        report.of(vec![talking(words)], None, None),
        report.of(vec![turning_away(words)], None, None),
        report.of(vec![signed_in(words), refusing(words)], Some(lookup(words, true)), None),
        report.of(Vec::new(), Some(lookup(words, false)), None),
        report.of(Vec::new(), None, Some(trouble(words))),
    ]
}

/// The certificates of a server at which all else is well.
pub fn report_of_chain(chain: Chain) -> Report {
    let mut facts = inside_tls("words");
    facts.chain = Some(chain);
    facts.settle();
    Reporter { words: "words", made: 0 }.of(vec![facts], None, None)
}

/// Settings, none, and what is no target.
pub fn lookups(words: &str) -> Vec<Looked> {
    let found = outcome(words, Vec::new(), Some(lookup(words, true)), None);
    let nothing = outcome(words, Vec::new(), Some(lookup(words, false)), None);
    let unasked = outcome(words, Vec::new(), None, Some(trouble(words)));
    [found, nothing, unasked].map(|outcome| judge_looked(outcome).expect("it is of a lookup")).into()
}

/// Judges what was found out, and numbers it.
struct Reporter<'a> {
    words: &'a str,
    made: usize,
}

impl Reporter<'_> {
    fn of(&mut self, facts: Vec<Facts>, lookup: Option<Lookup>, trouble: Option<Trouble>) -> Report {
        let outcome = Outcome { index: self.made, ..outcome(self.words, facts, lookup, trouble) };
        self.made += 1;
        judge(outcome, &Context::new(OffsetDateTime::UNIX_EPOCH, &policy(self.words)))
    }
}

fn outcome(words: &str, facts: Vec<Facts>, lookup: Option<Lookup>, trouble: Option<Trouble>) -> Outcome {
    Outcome { index: 0, target: words.to_owned(), lookup, facts, trouble }
}

fn policy(words: &str) -> Policy {
    let ignored = |id| Ignore { id, place: None, reason: Some(words.to_owned()), until: None };
    Policy {
        min_days: Some(MinDays { warn: Some(20), fail: Some(7) }),
        expect_host: vec![host("other.example.org")],
        expect_issuer: Some(words.to_owned()),
        max_time: Some(Duration::from_millis(1)),
        ignore: vec![ignored("certificate.self-signed"), ignored("run.retried")],
        ..Policy::default()
    }
}

fn talking(words: &str) -> Facts {
    let mut facts = begun(words, endpoint(Protocol::Smtp, 587, Security::StartTls));
    facts.greeting = Attempt::Done(greeting(words));
    facts.before_tls =
        Attempt::Done(Capabilities { mechanisms: vec!["PLAIN".to_owned()], ..capabilities(words) });
    facts.starttls = Attempt::Done(StartTls { offered: Some(false) });
    facts.injection = Some(Attempt::Done(Fate::Answered(words.to_owned())));
    facts.tls = Attempt::Failed(failure(Stage::Tls, Cause::Handshake, words));
    facts.after_tls = Attempt::Done(capabilities(words));
    facts.settle();
    facts
}

fn turning_away(words: &str) -> Facts {
    let mut facts = begun(words, endpoint(Protocol::Pop3, 110, Security::None));
    facts.greeting = Attempt::Failed(failure(Stage::Greeting, Cause::Rejected, words));
    facts.turned_away = Some(greeting(words));
    facts.settle();
    facts
}

fn signed_in(words: &str) -> Facts {
    let mut facts = inside_tls(words);
    facts.chain = Some(chain(words));
    facts.login = Attempt::Done(SignedIn {
        mechanism: Mechanism::ScramSha256,
        username: words.to_owned(),
        means: Means::Password,
        account: account(words),
    });
    facts.sign_ins = vec![tried(words, None)];
    facts.settle();
    facts
}

fn refusing(words: &str) -> Facts {
    let mut facts = inside_tls(words);
    facts.login = Attempt::Failed(failure(Stage::Auth, Cause::SignInRefused, words));
    facts.sign_ins = vec![tried(words, Some(Kind::WrongPassword)), tried(words, Some(Kind::Other))];
    facts.smaller_hello = Some(failure(Stage::Tls, Cause::Reset, words));
    facts.settle();
    facts
}

fn tried(words: &str, refused: Option<Kind>) -> SignInAttempt {
    SignInAttempt { username: words.to_owned(), mechanism: Mechanism::Plain, refused }
}

fn inside_tls(words: &str) -> Facts {
    let mut facts = begun(words, endpoint(Protocol::Imap, 993, Security::Tls));
    facts.greeting = Attempt::Done(greeting(words));
    facts.tls = Attempt::Done(Agreed {
        version: "TLSv1.3",
        cipher_suite: words.to_owned(),
        key_exchange: Some(words.to_owned()),
        post_quantum: false,
    });
    facts.after_tls = Attempt::Done(capabilities(words));
    facts
}

/// Connected on a second try, with a dialogue that was kept.
fn begun(words: &str, endpoint: Endpoint) -> Facts {
    let mut facts = Facts::new(endpoint, OffsetDateTime::UNIX_EPOCH);
    let address = "192.0.2.1:993".parse().expect("an address");
    let failed = failure(Stage::Connect, Cause::Refused, words);
    facts.address = Some(address);
    facts.course.tried = vec![Tried { address, outcome: TriedOutcome::Failed(failed.clone()) }];
    facts.course.unresolved = vec![failed];
    facts.connect = Attempt::Done(());
    facts.notes = vec![words.to_owned()];
    facts.timings.total = Some(Duration::from_millis(20));
    facts.retries = vec![retry(words)];
    let said = |by| Said { by, text: words.to_owned() };
    facts.transcript = [Party::Client, Party::Server, Party::Event].map(said).into();
    facts
}

fn retry(words: &str) -> Retry {
    Retry { reason: words.to_owned(), pause: Duration::from_secs(1) }
}

fn greeting(words: &str) -> Greeting {
    Greeting {
        kind: GreetingKind::Ready,
        text: words.to_owned(),
        capabilities: Some(capabilities(words)),
        apop: true,
        temporary: false,
        raw: words.to_owned(),
    }
}

fn capabilities(words: &str) -> Capabilities {
    let all = || vec![words.to_owned(), "PLAIN".to_owned()];
    Capabilities { list: all(), starttls: true, mechanisms: all(), notes: all() }
}

fn account(words: &str) -> Account {
    let text = || words.to_owned();
    Account {
        capabilities: Some(capabilities(words)),
        namespaces: vec![Namespace { of: "personal", prefix: text(), delimiter: Some(text()) }],
        folders: Some(vec![Folder { name: text(), role: text() }]),
        quota: vec![Quota { resource: text(), used: u64::MAX, limit: 1 }],
        mailbox: Some((u64::MAX, u64::MAX)),
        unique_ids: Some(false),
        expire: Some(text()),
        login_delay: Some(u64::MAX),
        sender: Some(Err(refused(words))),
        refused: vec![refused(words)],
        broken_off: Some(text()),
    }
}

fn refused(words: &str) -> RefusedQuestion {
    RefusedQuestion { question: "LIST", kind: Kind::Other, words: words.to_owned() }
}

fn chain(words: &str) -> Chain {
    let kinds = [ProblemKind::SelfSigned, ProblemKind::WrongName, ProblemKind::Other];
    let problem = |kind| Problem { kind, detail: words.to_owned() };
    Chain { certificate: Some(certificate(words)), length: 2, problems: kinds.map(problem).into() }
}

fn certificate(words: &str) -> Certificate {
    Certificate {
        subject: words.to_owned(),
        issuer: format!("CN={words}"),
        names: vec![words.to_owned(), words.to_owned()],
        more_names: 7,
        not_before: OffsetDateTime::UNIX_EPOCH,
        not_after: OffsetDateTime::UNIX_EPOCH,
        key: words.to_owned(),
        signature: words.to_owned(),
        sha256: words.to_owned(),
        key_sha256: words.to_owned(),
    }
}

fn lookup(words: &str, found: bool) -> Lookup {
    let settings = settings(words);
    let mut sources = vec![
        asked(Source::Autoconfig, Attempt::Absent(words.to_owned()), words),
        asked(Source::Ispdb, Attempt::Failed(failure(Stage::Http, Cause::Malformed, words)), words),
        asked(Source::Mx, Attempt::Skipped(words.to_owned()), words),
    ];
    if found {
        let answered = |source| asked(source, Attempt::Done(answer(words)), words);
        sources.extend([Source::Srv, Source::Mailconf].map(answered));
    }
    Lookup {
        query: query(words),
        settings: found.then_some(settings),
        decided_by: Some(words.to_owned()),
        completed_from: vec![Source::Mailconf],
        sources,
        disagreements: vec![disagreement(words)],
        retries: vec![retry(words)],
    }
}

fn query(words: &str) -> Query {
    let address = Address::parse(&format!("{words}@example.org"));
    let domain = Domain::parse(words).or_else(|_| Domain::parse("xn--bcher-kva.example"));
    Query { typed: words.to_owned(), address: address.ok(), domain: domain.expect("a domain") }
}

fn asked(source: Source, outcome: Attempt<Answer>, words: &str) -> Asked {
    let text = || words.to_owned();
    let remarks = vec![
        Remark::NullMx,
        Remark::Wildcard(text()),
        Remark::OnlyOverHttp(text()),
        Remark::HttpsFailed(text()),
        Remark::PartFailed(text()),
    ];
    Asked { source, elapsed: Duration::from_millis(5), outcome, remarks, redirects: vec![text()] }
}

fn answer(words: &str) -> Answer {
    let text = || words.to_owned();
    Answer { settings: settings(words), url: Some(text()), redirects: vec![text()], notes: vec![text()] }
}

fn disagreement(words: &str) -> Disagreement {
    let values = vec![(Source::Srv, words.to_owned()), (Source::Mailconf, "other".to_owned())];
    Disagreement { service: "imap", name: "IMAP", field: "username", values }
}

fn settings(words: &str) -> Settings {
    let port = Port::new(4190).expect("a port");
    let accesses = [
        Access::Server(endpoint(Protocol::Imap, 993, Security::Tls)),
        Access::Server(endpoint(Protocol::Smtp, 587, Security::StartTls)),
        Access::ManageSieve { host: host("mail.example.org"), port, security: Security::StartTls },
        Access::Jmap { url: words.to_owned() },
    ];
    let services = accesses.map(|access| service(access, words)).into();
    Settings { provider: Some(provider(words)), services }
}

fn service(access: Access, words: &str) -> Service {
    Service {
        access,
        username: Some(Username::Template(words.to_owned())),
        auth: Vec::new(),
        source: Source::Srv,
        trust: Trust::Dns,
        other_domain: true,
        recommended: true,
    }
}

fn provider(words: &str) -> ProviderInfo {
    let text = || words.to_owned();
    ProviderInfo {
        id: text(),
        name: text(),
        documentation: Some(text()),
        instructions: vec![Instruction { text: text(), url: Some(text()) }],
        webmail: Some(text()),
        oauth2: Some(OAuth2 {
            issuer: text(),
            scopes: vec![text(), text()],
            auth_url: Some(text()),
            token_url: Some(text()),
        }),
    }
}

fn trouble(words: &str) -> Trouble {
    let text = || words.to_owned();
    Trouble::Invalid(Invalid { text: text(), line: 1, reason: text(), hint: Some(text()) })
}

fn failure(stage: Stage, cause: Cause, words: &str) -> Failure {
    Failure::new(stage, cause, words)
}

fn endpoint(protocol: Protocol, port: i64, security: Security) -> Endpoint {
    let port = Port::new(port).expect("a port");
    Endpoint { protocol, host: host("mail.example.org"), port, security }
}

fn host(name: &str) -> Host {
    Host::parse(name).expect("a host")
}
