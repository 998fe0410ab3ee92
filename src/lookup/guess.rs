//! Usual names and ports. A guess is an answer only when a whole dialogue over TLS proved it, under a certificate
//! without a problem; a refused guess is absent.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::Options;
use super::reach::{Reach, Start};
use super::source::{Answer, Context, Question, Reply, SourceEntry};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::probe::facts::Facts;
use crate::probe::{self, session::examine_through};
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
    let found = try_all(context, &all).await;
    let mut services: Vec<Service> = Vec::new();
    for facts in found.iter().flatten().filter(|facts| is_proved(facts)) {
        // One host for each protocol and port: the first of the usual names.
        let mut taken = services.iter().filter_map(|service| service.access.server());
        if !taken.any(|other| other.protocol == facts.endpoint.protocol && other.port == facts.endpoint.port)
        {
            services.push(service(facts));
        }
    }
    if !services.is_empty() {
        recommend(&mut services);
        return Attempt::Done(Answer::without_document(Settings { provider: None, services }));
    }
    let failures = found.iter().flatten().filter_map(|facts| Some(facts.first_failure()?.1));
    match failures.into_iter().find(is_untold) {
        Some(failure) => Attempt::Failed(failure.clone()),
        None if found.iter().any(Option::is_none) => {
            let reason = format!("not every server at the usual names of {domain} answered in time");
            Attempt::Failed(Failure::temporary(Stage::Protocol, Cause::TimedOut, reason))
        }
        None => Attempt::Absent(format!("no server answers at the usual names of {domain}, or none safely")),
    }
}

/// Tries all side by side, until the best of both halves is known and the others had a moment more, or the time is
/// over; `None` stands for those that were not known then.
async fn try_all(context: &Context<'_>, all: &[Endpoint]) -> Vec<Option<Facts>> {
    let mut found: Vec<Option<Facts>> = vec![None; all.len()];
    let mut open: FuturesUnordered<_> = all
        .iter()
        .enumerate()
        .map(|(rank, endpoint)| async move { (rank, tried(context, endpoint).await) })
        .collect();
    let mut over = pin!(context.clock.over(HARVEST));
    let mut enough: Option<Instant> = None;
    loop {
        tokio::select! {
            next = open.next() => match next {
                Some((rank, facts)) => {
                    if let Some(place) = found.get_mut(rank) {
                        *place = Some(facts);
                    }
                }
                None => return found,
            },
            () = &mut over => return found,
            () = sleep_until(enough.unwrap_or_else(Instant::now)), if enough.is_some() => return found,
        }
        if enough.is_none() && !context.options.all && is_decided(all, &found) {
            enough = Some(Instant::now() + SETTLE);
        }
    }
}

/// True when in both halves nothing that is still open could be better than what is proved.
fn is_decided(all: &[Endpoint], found: &[Option<Facts>]) -> bool {
    [true, false].into_iter().all(|incoming| {
        let of_half =
            all.iter().zip(found).filter(|(endpoint, _)| endpoint.protocol.is_incoming() == incoming);
        let best =
            of_half.map(|(_, facts)| facts.as_ref().map(is_proved)).find(|proved| *proved != Some(false));
        best != Some(None)
    })
}

async fn tried(context: &Context<'_>, endpoint: &Endpoint) -> Facts {
    let left = context.clock.deadline().saturating_duration_since(Instant::now());
    let options = probe::Options { timeout: left, ..probe::Options::default() };
    let reach = Reach { context, start: Start::Published };
    examine_through(context.network, Some(&reach), endpoint, None, &options, context.ended).await
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

/// For servers that answer about as fast as the best, so that two runs agree.
const SETTLE: Duration = Duration::from_millis(250);

/// For those that ended at the deadline to say how; less than what a source is given to sum up.
const HARVEST: Duration = Duration::from_millis(100);

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
