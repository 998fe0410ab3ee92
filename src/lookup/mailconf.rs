//! A TXT record `mailconf=https://…` that names an autoconfig document.

use super::autoconfig;
use super::fetch::{self, Request};
use super::source::{Context, LIMIT, Question, Reply, SourceEntry};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::http::{Scheme, Url};
use crate::settings::Source;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Mailconf,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, _| {
        vec![Question::dns(query.domain.to_string(), "TXT"), Question::get("<mailconf-url>")]
    },
    ask: |context| Box::pin(ask(context)),
};

async fn ask(context: &Context<'_>) -> Reply {
    let domain = &context.query.domain;
    let records = match context.in_time(context.network.resolver().txt(None, domain)).await {
        Ok(records) => records,
        Err(failure) => return fetch::no_record(failure).into(),
    };
    // DNS has no order: with several, every run takes the same.
    let Some(url) = records.iter().filter_map(|record| named(record)).min() else {
        return Attempt::Absent(format!("no TXT record of {domain} begins with mailconf=")).into();
    };
    let scheme = match Url::parse(url) {
        Ok(parsed) => parsed.scheme(),
        Err(error) => {
            let reason = format!("the record names no usable address: {error}");
            return Attempt::Failed(Failure::new(Stage::Http, Cause::Malformed, reason)).into();
        }
    };
    if scheme != Scheme::Https && !context.options.allow_http {
        let reason = format!("the record names an address without TLS ({url}); --allow-http would fetch it");
        return Attempt::Failed(Failure::new(Stage::Http, Cause::Malformed, reason)).into();
    }
    autoconfig::at(context, Request::get(url), Source::Mailconf).await
}

fn named(record: &str) -> Option<&str> {
    let (key, url) = record.split_once('=')?;
    key.trim().eq_ignore_ascii_case("mailconf").then(|| url.trim())
}
