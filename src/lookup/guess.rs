//! Usual names and ports. A guess is an answer only when a whole dialogue over TLS proved it, under a certificate
//! without a problem; a refused guess is absent.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Options;
use super::reach::{Reach, Start};
use super::source::{Answer, Context, Question, Reply, SourceEntry};
use crate::attempt::{Attempt, Cause, Failure};
use crate::probe::facts::Facts;
use crate::probe::{self, session::examine_at_once};
use crate::settings::{Access, Endpoint, Protocol, Security, Service, Settings, Source, Trust, recommend};
use crate::target::{Domain, Host, Port};

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Guess,
    // As long as all sources together may take.
    limit: Duration::MAX,
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
    let all = candidates(domain, context.options);
    let facts = join_all(all.iter().map(|endpoint| tried(context, endpoint))).await;
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
        let unknown =
            facts.iter().find_map(|facts| facts.first_failure().map(|(_, it)| it).filter(is_untold));
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

async fn tried(context: &Context<'_>, endpoint: &Endpoint) -> Facts {
    let place = context.clock.place(context.network.places()).await;
    let left = context.clock.deadline().saturating_duration_since(Instant::now());
    let options = probe::Options { timeout: left, ..probe::Options::default() };
    let reach = Reach { context, start: Start::Published };
    examine_at_once(context.network, (&place, Some(&reach)), endpoint, None, &options, context.ended).await
}

/// A guess that was refused or answered otherwise is absent; silence, a break or "later" tells nothing, and neither
/// does a server that may not be asked.
fn is_untold(failure: &&Failure) -> bool {
    failure.temporary
        || matches!(failure.cause, Cause::TimedOut | Cause::Reset | Cause::Closed | Cause::Private)
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
