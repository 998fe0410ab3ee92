//! The provider's PACC document, whose digest stands in DNS (draft-ietf-mailmaint-pacc).

use super::Query;
use super::fetch::{self, Document, Request};
use super::source::{Answer, Context, LIMIT, Question, Reply, SourceEntry, settings_of};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::settings::{Source, Trust};
use crate::target::Domain;
use crate::wire::pacc::{self, Verified};
use crate::wire::text::BadDocument;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Pacc,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, _| {
        let domain = &query.domain;
        vec![Question::dns(format!("{RECORD}.{domain}"), "TXT"), Question::get(url(domain))]
    },
    ask: |context| Box::pin(async move { Reply::from(ask(context).await) }),
};

fn url(domain: &Domain) -> String {
    format!("https://ua-auto-config.{domain}/.well-known/user-agent-configuration.json")
}

async fn ask(context: &Context<'_>) -> Attempt<Answer> {
    let domain = &context.query.domain;
    let (url, record) = (url(domain), format!("{RECORD}.{domain}"));
    let (fetched, records) = tokio::join!(
        fetch::document(context, Request { follow: false, ..Request::get(&url) }),
        context.in_time(context.network.resolver().txt(Some(RECORD), domain))
    );
    let published = !matches!(&records, Err(failure) if fetch::is_absent(failure));
    let document = match fetched.outcome {
        Attempt::Done(document) => document,
        // A document counts only with its digest, so without a record none is published, whatever the host does.
        Attempt::Failed(_) if !published => {
            return Attempt::Absent(format!("{domain} has no digest of a PACC document in DNS"));
        }
        Attempt::Absent(reason) => return Attempt::Absent(reason),
        Attempt::Failed(failure) => return Attempt::Failed(failure),
        Attempt::Skipped(reason) => return Attempt::Skipped(reason),
    };
    let records = match records {
        Ok(records) => records,
        Err(failure) if fetch::is_absent(&failure) => Vec::new(),
        Err(failure) => return Attempt::Failed(failure),
    };
    // A page for people is no document, whatever DNS says; any other answer must have its digest.
    if let Err(error) = document.text().and_then(|text| pacc::parse(&text))
        && matches!(error, BadDocument::Empty | BadDocument::Html | BadDocument::OtherFormat { .. })
    {
        return fetch::unreadable(&document.url, &error);
    }
    match pacc::verify(&document.body, &records) {
        Verified::Matches => read(document, context.query),
        Verified::NoUsableRecord => {
            discarded(&document, &format!("its digest does not stand in DNS ({record})"))
        }
        Verified::Mismatch { .. } => {
            discarded(&document, &format!("its digest is not the one in DNS ({record})"))
        }
    }
}

fn discarded(document: &Document, why: &str) -> Attempt<Answer> {
    let reason = format!("{} was discarded: {why}", document.url);
    Attempt::Failed(Failure::new(Stage::Protocol, Cause::Malformed, reason))
}

fn read(document: Document, query: &Query) -> Attempt<Answer> {
    let offer = match document.text().and_then(|text| pacc::parse(&text)) {
        Ok(offer) => offer,
        Err(error) => return fetch::unreadable(&document.url, &error),
    };
    match settings_of(&offer, query, Source::Pacc, Trust::Digest) {
        None => Attempt::Absent(format!("{} names no server that can be used", document.url)),
        Some(settings) => Attempt::Done(Answer {
            settings,
            url: Some(document.url),
            redirects: Vec::new(),
            notes: offer.notes,
        }),
    }
}

/// The label of the record with the digest.
const RECORD: &str = "_ua-auto-config";
