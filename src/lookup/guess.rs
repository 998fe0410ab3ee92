//! Usual names and ports. A guess is an answer only when a whole dialogue over TLS proved it, under a certificate
//! without a problem; a refused guess is absent.

use futures_util::future::join_all;

use super::source::{Answer, Context, Question, Reply, SourceEntry};
use super::{Options, TIMEOUT};
use crate::attempt::{Attempt, Cause, Failure};
use crate::probe::facts::Facts;
use crate::probe::{self, session::examine};
use crate::settings::{Access, Endpoint, Protocol, Security, Service, Settings, Source, Trust, recommend};
use crate::target::{Domain, Host, Port};

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Guess,
    limit: TIMEOUT,
    why_not: |_, options| (!options.guess).then(|| "--no-guess was given".to_owned()),
    questions: |query, options| {
        let all = candidates(&query.domain, options).into_iter();
        all.map(|endpoint| Question::Connect { host: endpoint.host.to_string(), port: endpoint.port.get() })
            .collect()
    },
    ask: |context| Box::pin(async move { Reply::from(ask(context).await) }),
};

/// Every endpoint that is tried: implicit TLS first, the usual names in order.
pub fn candidates(domain: &Domain, options: &Options) -> Vec<Endpoint> {
    let relay = if options.relay { RELAY_PORTS } else { &[] };
    let mut endpoints = Vec::new();
    for (protocol, port, security) in PORTS.iter().chain(relay) {
        for label in labels(*protocol) {
            let host = Domain::parse(&format!("{label}.{domain}"));
            if let (Ok(host), Ok(port)) = (host, Port::new(*port)) {
                endpoints.push(Endpoint {
                    protocol: *protocol,
                    host: Host::Name(host),
                    port,
                    security: *security,
                });
            }
        }
    }
    endpoints
}

fn labels(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Imap => &["imap", "mail"],
        Protocol::Pop3 => &["pop3", "pop", "mail"],
        Protocol::Smtp => &["smtp", "mail"],
    }
}

const PORTS: &[(Protocol, i64, Security)] = &[
    (Protocol::Imap, 993, Security::Tls),
    (Protocol::Pop3, 995, Security::Tls),
    (Protocol::Smtp, 465, Security::Tls),
    (Protocol::Imap, 143, Security::StartTls),
    (Protocol::Pop3, 110, Security::StartTls),
    (Protocol::Smtp, 587, Security::StartTls),
];

const RELAY_PORTS: &[(Protocol, i64, Security)] =
    &[(Protocol::Smtp, 2525, Security::StartTls), (Protocol::Smtp, 25, Security::StartTls)];

async fn ask(context: &Context<'_>) -> Attempt<Answer> {
    let domain = &context.query.domain;
    let options = probe::Options { timeout: context.options.timeout, ..probe::Options::default() };
    let all = candidates(domain, context.options);
    let tried = all.iter().map(|endpoint| examine(context.network, endpoint, None, &options, context.ended));
    let facts = join_all(tried).await;
    let mut services: Vec<Service> = Vec::new();
    for facts in facts.iter().filter(|facts| is_proved(facts)) {
        // One host for each protocol and port: the first of the usual names.
        let mut taken = services.iter().filter_map(|service| service.access.server());
        if !taken.any(|other| other.protocol == facts.endpoint.protocol && other.port == facts.endpoint.port)
        {
            services.push(service(facts));
        }
    }
    if services.is_empty() {
        // A refused guess is absent; one that stays silent, or says "later", could not be told.
        let untold = |failure: &&Failure| failure.temporary || failure.cause == Cause::TimedOut;
        let unknown = facts.iter().find_map(|facts| facts.first_failure().map(|(_, it)| it).filter(untold));
        return match unknown {
            Some(failure) => Attempt::Failed(failure.clone()),
            None => {
                Attempt::Absent(format!("no server answers at the usual names of {domain}, or none safely"))
            }
        };
    }
    recommend(&mut services);
    Attempt::Done(Answer::without_document(Settings { provider: None, services }))
}

fn is_proved(facts: &Facts) -> bool {
    let clean = facts.chain.as_ref().is_some_and(|chain| chain.problems.is_empty());
    let spoke = matches!(facts.after_tls, Attempt::Done(_) | Attempt::Absent(_));
    facts.tls.value().is_some() && clean && spoke
}

fn service(facts: &Facts) -> Service {
    Service {
        access: Access::Server(facts.endpoint.clone()),
        username: None,
        auth: Vec::new(),
        source: Source::Guess,
        trust: Trust::Guess,
        other_domain: false,
        recommended: false,
    }
}
