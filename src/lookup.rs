//! Finds the settings of an address: which source answered, and what became of the others.

use std::time::{Duration, Instant};

use crate::attempt::Attempt;
use crate::providers::{self, Providers};
use crate::settings::{Settings, Source};
use crate::target::{Address, Domain};

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

/// The outcome of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// What was asked for.
    pub query: Query,
    /// The settings, when a source answered.
    pub settings: Option<Settings>,
    /// Which rule chose them, in words.
    pub decided_by: Option<String>,
    /// Every source in rank order.
    pub sources: Vec<Asked>,
}

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The source.
    pub source: Source,
    /// How long it took.
    pub elapsed: Duration,
    /// How many services it gave.
    pub outcome: Attempt<usize>,
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
}

/// Looks an address or a domain up in the tables; it opens no socket.
pub fn lookup(query: Query, providers: &Providers) -> Lookup {
    let began = Instant::now();
    let found = providers.find(&query.domain);
    let elapsed = began.elapsed();
    let tables = if providers.has_user_table() { TABLES } else { BUNDLED_ONLY };
    let winner = found.as_ref().map(|(source, _)| *source);
    let settings = found.map(|(source, provider)| providers::settings_of(&provider, &query.domain, source));
    let services = settings.as_ref().map_or(0, |settings| settings.services.len());
    let sources = tables
        .iter()
        .map(|&source| Asked { source, elapsed, outcome: outcome(source, winner, services, &query.domain) })
        .collect();
    let decided_by = winner.map(|source| format!("{} lists {}", table_name(source), query.domain));
    Lookup { query, settings, decided_by, sources }
}

fn outcome(source: Source, winner: Option<Source>, services: usize, domain: &Domain) -> Attempt<usize> {
    match winner {
        Some(winner) if winner == source => Attempt::Done(services),
        Some(winner) if winner < source => Attempt::Skipped(format!("{} answered", table_name(winner))),
        _ => Attempt::Absent(format!("{} does not list {domain}", table_name(source))),
    }
}

fn table_name(source: Source) -> &'static str {
    match source {
        Source::UserTable => "your own table",
        Source::Bundled => "the bundled table",
    }
}

const TABLES: &[Source] = &[Source::UserTable, Source::Bundled];
const BUNDLED_ONLY: &[Source] = &[Source::Bundled];
