//! Mozilla's database of autoconfig documents, which learns the domain and nothing else.

use super::autoconfig;
use super::fetch::Request;
use super::reach::Start;
use super::source::{Context, LIMIT, Question, Reply, SourceEntry};
use crate::settings::Source;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Ispdb,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, options| vec![Question::get(url(&options.ispdb_url, query.domain.as_str()))],
    ask: |context| Box::pin(ask(context)),
};

/// The address of a domain's document.
pub fn url(base: &str, domain: &str) -> String {
    let slash = if base.ends_with('/') { "" } else { "/" };
    format!("{base}{slash}{domain}")
}

/// The request for a document: the database's own host is known to exist, and it is the user who names it.
pub fn request(url: &str) -> Request<'_> {
    Request { host_exists: true, start: Start::Configured, ..Request::get(url) }
}

async fn ask(context: &Context<'_>) -> Reply {
    let url = url(&context.options.ispdb_url, context.query.domain.as_str());
    autoconfig::at(context, request(&url), Source::Ispdb).await
}
