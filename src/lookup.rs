//! Finds the settings of an address: asks every source side by side, ranks the answers, says what became of each.
//!
//! The answer is given as soon as no better-ranked source is still open. "Could not tell" never becomes a worse
//! answer unsaid: the outcome of every source is kept.

pub mod autoconfig;
pub mod autodiscover;
pub mod clock;
pub mod fetch;
pub mod guess;
pub mod ispdb;
pub mod mailconf;
pub mod merge;
pub mod mx;
pub mod pacc;
mod places;
pub mod questions;
pub mod reach;
pub mod source;
pub mod srv;

use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::sync::watch;

use crate::attempt::{Attempt, Cause, EndedBy, Failure, Stage};
use crate::net::Network;
use crate::probe::facts::Retry;
use crate::probe::session::{Ended, end_of_run};
use crate::providers::{self, Providers};
use crate::settings::{Settings, Source};
use crate::target::{Address, Domain};
use clock::Clock;
use merge::Disagreement;
use source::{Answer, Context, Remark, Reply, SOURCES, SourceEntry};

/// Whose settings are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The text as typed.
    pub typed: String,
    /// The address, when one was typed.
    pub address: Option<Address>,
    /// The domain.
    pub domain: Domain,
}

/// What may be asked, and of whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether every source is asked and waited for, also after a table answered.
    pub all: bool,
    /// The sources to ask; all when empty.
    pub only: Vec<Source>,
    /// Whether nobody may be asked.
    pub offline: bool,
    /// Whether autoconfig may be fetched without TLS.
    pub allow_http: bool,
    /// Where the ISPDB's documents are; the domain is put behind it.
    pub ispdb_url: String,
    /// Whether usual names may be tried.
    pub guess: bool,
    /// Whether the guess tries the ports 2525 and 25 too.
    pub relay: bool,
    /// Whether the whole address may be sent to the provider.
    pub send_address: bool,
    /// The limit for all sources together.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            all: false,
            only: Vec::new(),
            offline: false,
            allow_http: false,
            ispdb_url: ISPDB_URL.to_owned(),
            guess: true,
            relay: false,
            send_address: false,
            timeout: TIMEOUT,
        }
    }
}

/// Mozilla's own address of the ISPDB.
pub const ISPDB_URL: &str = "https://live.thunderbird.net/autoconfig/v1.1/";

/// 15 s for all sources together.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// The outcome of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// What was asked for.
    pub query: Query,
    /// The settings, when a source answered.
    pub settings: Option<Settings>,
    /// Which rule chose them, in words.
    pub decided_by: Option<String>,
    /// The sources that gave the halves which the deciding source lacks.
    pub completed_from: Vec<Source>,
    /// Every source in rank order.
    pub sources: Vec<Asked>,
    /// Where sources that answered differ, when all were asked.
    pub disagreements: Vec<Disagreement>,
    /// Why it was made again, in the order of the tries before this one.
    pub retries: Vec<Retry>,
}

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The source.
    pub source: Source,
    /// How long it took.
    pub elapsed: Duration,
    /// What it gave.
    pub outcome: Attempt<Answer>,
    /// What else it showed.
    pub remarks: Vec<Remark>,
    /// The addresses that led to where there is no answer; an answer holds its own.
    pub redirects: Vec<String>,
}

impl Asked {
    /// A source that needed no time and showed nothing else.
    fn at_once(source: Source, outcome: Attempt<Answer>) -> Self {
        Self { source, elapsed: Duration::ZERO, outcome, remarks: Vec::new(), redirects: Vec::new() }
    }
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A source answered.
    Found,
    /// Every source that was asked has nothing.
    NotFound,
    /// No source answered, and at least one could not be asked.
    Unknown,
}

impl Status {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not-found",
            Self::Unknown => "unknown",
        }
    }
}

impl Lookup {
    /// How it ended.
    pub fn status(&self) -> Status {
        let failed = self.sources.iter().any(|asked| matches!(asked.outcome, Attempt::Failed(_)));
        match (&self.settings, failed) {
            (Some(_), _) => Status::Found,
            (None, true) => Status::Unknown,
            (None, false) => Status::NotFound,
        }
    }

    /// By what the run was ended before every source was heard; `None` when it was not.
    pub fn interrupted_by(&self) -> Option<EndedBy> {
        let mut failures = self.sources.iter().filter_map(|asked| asked.outcome.failure());
        failures.find_map(|failure| match failure.cause {
            Cause::Interrupted(by) => Some(by),
            _ => None,
        })
    }

    /// Sources are compared only when all were waited for: else it would hang on who was quicker.
    fn new(query: Query, mut sources: Vec<Asked>, options: &Options) -> Self {
        let decision = merge::decide(&sources, &query.domain);
        if !options.all {
            merge::drop_chance_remarks(&mut sources, &decision.completed_from);
        }
        let disagreements = if options.all { merge::disagreements(&sources) } else { Vec::new() };
        Self {
            query,
            settings: decision.settings,
            decided_by: decision.rule,
            completed_from: decision.completed_from,
            sources,
            disagreements,
            retries: Vec::new(),
        }
    }
}

/// The answer of the tables alone, where that is enough: a hit answers at once, and offline there is nobody else.
/// `None` when the network has to be asked.
pub fn from_tables(query: &Query, providers: &Providers, options: &Options) -> Option<Lookup> {
    let mut sources = ask_tables(query, providers, options);
    let hit =
        sources.iter().find(|asked| matches!(asked.outcome, Attempt::Done(_))).map(|asked| asked.source);
    if !options.offline && (hit.is_none() || options.all) {
        return None;
    }
    let reason = match hit {
        Some(table) => format!("{} answered", table.name()),
        None => "offline".to_owned(),
    };
    sources.extend(
        SOURCES.iter().filter(|entry| wanted(entry.source, options)).map(|entry| skipped(entry, &reason)),
    );
    Some(Lookup::new(query.clone(), sources, options))
}

/// Looks an address or a domain up.
pub async fn lookup(
    query: &Query,
    providers: &Providers,
    network: &Network,
    options: &Options,
    ended: &Ended,
) -> Lookup {
    if let Some(answered) = from_tables(query, providers, options) {
        return answered;
    }
    let clock = Clock::new(options.timeout);
    let mx_heard = watch::Sender::new(false);
    let context = Context { query, providers, network, options, ended, clock: &clock, mx_heard: &mx_heard };
    let mut sources = ask_tables(query, providers, options);
    sources.extend(ask_network(&context, &sources).await);
    Lookup::new(query.clone(), sources, options)
}

fn wanted(source: Source, options: &Options) -> bool {
    options.only.is_empty() || options.only.contains(&source)
}

fn ask_tables(query: &Query, providers: &Providers, options: &Options) -> Vec<Asked> {
    let tables = [(Source::UserTable, providers.has_user_table()), (Source::Bundled, true)];
    let mut winner = None;
    let mut sources = Vec::new();
    for (source, exists) in tables {
        if !exists || !wanted(source, options) {
            continue;
        }
        let began = Instant::now();
        let outcome = match (winner, providers.find_in(source, &query.domain)) {
            (Some(winner), _) if !options.all => {
                Attempt::Skipped(format!("{} answered", Source::name(winner)))
            }
            (_, Some(provider)) => {
                winner.get_or_insert(source);
                let settings =
                    providers::settings_of(&provider, &query.domain, source, source::trust_of_table(source));
                Attempt::Done(Answer::without_document(settings))
            }
            (_, None) => Attempt::Absent(format!("{} does not list {}", source.name(), query.domain)),
        };
        sources.push(Asked { elapsed: began.elapsed(), ..Asked::at_once(source, outcome) });
    }
    sources
}

/// Asks the sources of the network side by side, until no better one than the best answer is open.
async fn ask_network(context: &Context<'_>, tables: &[Asked]) -> Vec<Asked> {
    let options = context.options;
    let mut done: Vec<Asked> = Vec::new();
    let mut open = FuturesUnordered::new();
    for entry in SOURCES.iter().filter(|entry| wanted(entry.source, options)) {
        match (entry.why_not)(context.query, options) {
            Some(reason) => done.push(skipped(entry, &reason)),
            None => open.push(ask(entry, context)),
        }
    }
    let why_rest_is_open = loop {
        let all: Vec<&Asked> = tables.iter().chain(&done).collect();
        let still_open = SOURCES.iter().map(|entry| entry.source).filter(|source| wanted(*source, options));
        let best_open = still_open.filter(|source| !done.iter().any(|asked| asked.source == *source)).min();
        let Some(best_open) = best_open else { break Rest::None };
        if !options.all && merge::is_decided(&all, best_open) {
            break Rest::NotNeeded;
        }
        tokio::select! {
            Some(asked) = open.next() => done.push(asked),
            by = end_of_run(context.ended) => break Rest::Ended(by),
        }
    };
    if let Rest::NotNeeded = why_rest_is_open {
        hear_mx(context, &mut open, &mut done).await;
    }
    drop(open);
    for entry in SOURCES.iter().filter(|entry| wanted(entry.source, options)) {
        if !done.iter().any(|asked| asked.source == entry.source) {
            done.push(why_rest_is_open.asked(entry));
        }
    }
    done.sort_by_key(|asked| asked.source);
    done
}

/// Waits a moment for the MX record, so that a null MX is said beside every answer while DNS is healthy. It is the
/// record alone that is waited for, not what the source asks next.
async fn hear_mx(
    context: &Context<'_>,
    open: &mut (impl Stream<Item = Asked> + Unpin),
    done: &mut Vec<Asked>,
) {
    let mut heard = context.mx_heard.subscribe();
    let within = tokio::time::Instant::now() + MX_GRACE;
    while wanted(Source::Mx, context.options) && !done.iter().any(|asked| asked.source == Source::Mx) {
        tokio::select! {
            // What the record ends at once, as a null MX does, is taken before the waiting ends.
            biased;
            Some(asked) = open.next() => done.push(asked),
            _ = heard.wait_for(|heard| *heard) => return,
            () = tokio::time::sleep_until(within) => return,
        }
    }
}

async fn ask(entry: &'static SourceEntry, context: &Context<'_>) -> Asked {
    let began = Instant::now();
    let limit = entry.limit.min(context.options.timeout);
    let clock = Clock::new(limit);
    let context = Context { clock: &clock, ..*context };
    // What a source asks ends by itself at the deadline, and what else it found by then counts.
    let reply = tokio::select! {
        reply = (entry.ask)(&context) => reply,
        () = clock.over(GRACE) => Reply::from(Attempt::Failed(out_of_time(limit))),
    };
    let Reply { outcome, remarks, redirects } = reply;
    Asked { source: entry.source, elapsed: began.elapsed(), outcome, remarks, redirects }
}

/// Why sources are still open when the asking ends.
enum Rest {
    None,
    NotNeeded,
    Ended(EndedBy),
}

impl Rest {
    fn asked(&self, entry: &SourceEntry) -> Asked {
        let outcome = match self {
            Self::None | Self::NotNeeded => Attempt::Skipped("a better source answered first".to_owned()),
            Self::Ended(by) => {
                let cause = Cause::Interrupted(*by);
                Attempt::Failed(Failure::temporary(Stage::Protocol, cause, "the run was ended"))
            }
        };
        Asked::at_once(entry.source, outcome)
    }
}

/// Far more than a healthy resolver needs beside the documents that were fetched meanwhile.
const MX_GRACE: Duration = Duration::from_millis(500);

/// For a source to sum up what it found by its deadline.
const GRACE: Duration = Duration::from_millis(250);

fn out_of_time(limit: Duration) -> Failure {
    let reason = format!("no answer within {:.1} s", limit.as_secs_f64());
    Failure::temporary(Stage::Protocol, Cause::TimedOut, reason)
}

fn skipped(entry: &SourceEntry, reason: &str) -> Asked {
    let outcome = Attempt::Skipped(reason.to_owned());
    Asked::at_once(entry.source, outcome)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;
    use crate::net;

    #[tokio::test]
    async fn a_null_mx_was_said_only_when_it_came_first() {
        let domain = Domain::parse("d.example").unwrap();
        let query = Query { typed: domain.to_string(), address: None, domain };
        let (providers, network) = (Providers::bundled(), Network::new(net::Options::default()));
        let (options, clock) = (Options::default(), Clock::new(TIMEOUT));
        let ended = watch::Sender::new(None).subscribe();
        let heard: &'static watch::Sender<bool> = Box::leak(Box::new(watch::Sender::new(false)));
        let context = Context {
            query: &query,
            providers: &providers,
            network: &network,
            options: &options,
            ended: &ended,
            clock: &clock,
            mx_heard: heard,
        };
        let null_mx = |after: Duration| {
            Box::pin(stream::once(async move {
                sleep(after).await;
                heard.send_replace(true);
                let outcome = Attempt::Absent("null MX".to_owned());
                Asked { remarks: vec![Remark::NullMx], ..Asked::at_once(Source::Mx, outcome) }
            }))
        };
        let mut done = Vec::new();
        hear_mx(&context, &mut null_mx(MX_GRACE / 3), &mut done).await;
        assert_eq!(done.first().map(|asked| asked.remarks.as_slice()), Some(&[Remark::NullMx][..]));
        heard.send_replace(false);
        let (began, mut done) = (Instant::now(), Vec::new());
        hear_mx(&context, &mut null_mx(MX_GRACE * 9), &mut done).await;
        assert!(done.is_empty() && began.elapsed() < MX_GRACE * 3, "{:?}", began.elapsed());
    }
}
