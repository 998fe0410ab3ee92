//! Reports and lookups in which the same words of a stranger stand wherever words of strangers can.

use std::time::Duration;

use mailcfg::attempt::{Attempt, Cause, EndedBy, Failure, Stage};
use mailcfg::lookup::source::{Answer, Remark};
use mailcfg::lookup::{Asked, Lookup, Query};
use mailcfg::probe::certificate::{Certificate, Chain, Problem, ProblemKind};
use mailcfg::probe::facts::{Facts, Party, Said, StartTls};
use mailcfg::probe::login::{SignInAttempt, SignedIn};
use mailcfg::report::policy::Policy;
use mailcfg::report::{Context, Looked, Report, judge, judge_looked};
use mailcfg::run::{Outcome, Trouble};
use mailcfg::settings::{
    Access, Endpoint, Instruction, OAuth2, Protocol, ProviderInfo, Security, Service, Settings, Source,
    Trust, Username,
};
use mailcfg::target::{Domain, Host, Port};
use mailcfg::wire::login::{Account, Folder, Namespace, Quota, RefusedQuestion};
use mailcfg::wire::refusal::Kind;
use mailcfg::wire::sasl::{Means, Mechanism};
use mailcfg::wire::{Capabilities, Greeting, GreetingKind};
use time::OffsetDateTime;

/// A server that talks and signs the user in, one that turns clients away, one whose certificate and sign-in fail.
pub fn reports(words: &str) -> Vec<Report> {
    let facts = [talks(words), turns_away(words), fails(words)];
    let outcomes = facts.into_iter().enumerate().map(|(index, mut facts)| {
        facts.notes.push(words.to_owned());
        facts.transcript.push(Said { by: Party::Server, text: words.to_owned() });
        facts.settle();
        let lookup = (index == 0).then(|| lookup(words));
        Outcome { index, target: words.to_owned(), lookup, facts: vec![facts], trouble: None }
    });
    let context = Context::new(OffsetDateTime::UNIX_EPOCH, &POLICY);
    outcomes.map(|outcome| judge(outcome, &context)).collect()
}

/// A lookup that found settings, and a target that was none.
pub fn looked(words: &str) -> Vec<Looked> {
    let found = Outcome {
        index: 0,
        target: words.to_owned(),
        lookup: Some(lookup(words)),
        facts: Vec::new(),
        trouble: None,
    };
    let unread =
        Outcome { index: 1, lookup: None, trouble: Some(Trouble::Ended(EndedBy::Signal)), ..outcome(words) };
    [found, unread].into_iter().filter_map(judge_looked).collect()
}

fn outcome(words: &str) -> Outcome {
    Outcome { index: 0, target: words.to_owned(), lookup: None, facts: Vec::new(), trouble: None }
}

fn facts() -> Facts {
    let mut facts = Facts::new(endpoint(), OffsetDateTime::UNIX_EPOCH);
    facts.connect = Attempt::Done(());
    facts
}

fn endpoint() -> Endpoint {
    Endpoint {
        protocol: Protocol::Smtp,
        host: Host::parse("mail.example.org").expect("a host"),
        port: Port::new(587).expect("a port"),
        security: Security::StartTls,
    }
}

fn talks(words: &str) -> Facts {
    let mut facts = facts();
    let listed = Capabilities {
        list: vec![words.to_owned()],
        mechanisms: vec![words.to_owned(), "PLAIN".to_owned()],
        ..Capabilities::default()
    };
    facts.greeting = Attempt::Done(greeting(words));
    facts.before_tls = Attempt::Done(listed.clone());
    facts.starttls = Attempt::Done(StartTls { offered: false });
    facts.tls = Attempt::Failed(Failure::new(Stage::Tls, Cause::Handshake, words));
    facts.after_tls = Attempt::Done(listed);
    facts.sign_ins = vec![tried(words, None)];
    facts.login = Attempt::Done(SignedIn {
        mechanism: Mechanism::Plain,
        username: words.to_owned(),
        means: Means::Password,
        account: account(words),
    });
    facts
}

fn turns_away(words: &str) -> Facts {
    let mut facts = facts();
    facts.greeting = Attempt::Failed(Failure::new(Stage::Greeting, Cause::Rejected, words));
    facts.turned_away = Some(greeting(words));
    facts
}

fn fails(words: &str) -> Facts {
    let mut facts = facts();
    facts.greeting = Attempt::Done(greeting(words));
    facts.before_tls = Attempt::Absent(words.to_owned());
    facts.chain = Some(Chain {
        certificate: Some(certificate(words)),
        length: 1,
        problems: vec![Problem { kind: ProblemKind::WrongName, detail: words.to_owned() }],
    });
    facts.sign_ins = vec![tried(words, Some(Kind::Other)), tried("user", Some(Kind::Other))];
    facts.login = Attempt::Failed(Failure::new(Stage::Auth, Cause::SignInRefused, words));
    facts
}

fn tried(username: &str, refused: Option<Kind>) -> SignInAttempt {
    SignInAttempt { username: username.to_owned(), mechanism: Mechanism::Plain, refused }
}

fn greeting(words: &str) -> Greeting {
    Greeting {
        kind: GreetingKind::Ready,
        text: words.to_owned(),
        capabilities: None,
        apop: false,
        temporary: false,
        raw: words.to_owned(),
    }
}

fn account(words: &str) -> Account {
    Account {
        capabilities: Some(Capabilities { list: vec![words.to_owned()], ..Capabilities::default() }),
        namespaces: vec![Namespace {
            of: "personal",
            prefix: words.to_owned(),
            delimiter: Some(words.to_owned()),
        }],
        folders: Some(vec![Folder { name: words.to_owned(), role: words.to_owned() }]),
        quota: vec![Quota { resource: words.to_owned(), used: 1, limit: 2 }],
        unique_ids: Some(true),
        expire: Some(words.to_owned()),
        sender: Some(Err(words.to_owned())),
        refused: vec![RefusedQuestion { question: "STAT", words: words.to_owned() }],
        broken_off: Some(words.to_owned()),
        ..Account::default()
    }
}

fn certificate(words: &str) -> Certificate {
    Certificate {
        subject: words.to_owned(),
        issuer: words.to_owned(),
        names: vec![words.to_owned()],
        not_before: OffsetDateTime::UNIX_EPOCH,
        not_after: OffsetDateTime::UNIX_EPOCH,
        key: words.to_owned(),
        signature: words.to_owned(),
        sha256: "0".repeat(64),
        key_sha256: "0".repeat(64),
    }
}

fn lookup(words: &str) -> Lookup {
    let domain = Domain::parse("example.org").expect("a domain");
    let failed = Attempt::Failed(Failure::new(Stage::Http, Cause::Malformed, words));
    let answer = Answer {
        settings: settings(words),
        url: Some(words.to_owned()),
        redirects: vec![words.to_owned()],
        notes: vec![words.to_owned()],
    };
    Lookup {
        query: Query { typed: words.to_owned(), address: None, domain },
        settings: Some(settings(words)),
        decided_by: Some(words.to_owned()),
        completed_from: vec![Source::Srv],
        sources: vec![
            asked(Source::Pacc, failed, words),
            asked(Source::Autoconfig, Attempt::Done(answer), words),
        ],
        disagreements: Vec::new(),
        retries: Vec::new(),
    }
}

fn asked(source: Source, outcome: Attempt<Answer>, words: &str) -> Asked {
    let remarks = vec![
        Remark::NullMx,
        Remark::Wildcard(words.to_owned()),
        Remark::OnlyOverHttp(words.to_owned()),
        Remark::HttpsFailed(words.to_owned()),
        Remark::PartFailed(words.to_owned()),
    ];
    Asked { source, elapsed: Duration::ZERO, outcome, remarks, redirects: vec![words.to_owned()] }
}

fn settings(words: &str) -> Settings {
    let text = || Some(words.to_owned());
    let provider = ProviderInfo {
        id: words.to_owned(),
        name: words.to_owned(),
        documentation: text(),
        instructions: vec![Instruction { text: words.to_owned(), url: text() }],
        webmail: text(),
        oauth2: Some(OAuth2 {
            issuer: words.to_owned(),
            scopes: vec![words.to_owned()],
            auth_url: text(),
            token_url: text(),
        }),
    };
    let service = |access| Service {
        access,
        username: Some(Username::Template(words.to_owned())),
        auth: Vec::new(),
        source: Source::Autoconfig,
        trust: Trust::Https,
        other_domain: true,
        recommended: true,
    };
    Settings {
        provider: Some(provider),
        services: vec![service(Access::Server(endpoint())), service(Access::Jmap { url: words.to_owned() })],
    }
}

static POLICY: std::sync::LazyLock<Policy> = std::sync::LazyLock::new(Policy::default);
