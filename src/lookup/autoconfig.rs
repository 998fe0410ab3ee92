//! The provider's own autoconfig document, at its two places (draft-ietf-mailmaint-autoconfig).

use super::fetch::{self, Document, Request};
use super::source::{Answer, Context, LIMIT, Question, Remark, Reply, SourceEntry, settings_of};
use super::{Options, Query};
use crate::attempt::Attempt;
use crate::settings::{Source, Trust};
use crate::wire::autoconfig;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Autoconfig,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, options| urls(query, options).into_iter().map(Question::get).collect(),
    ask: |context| Box::pin(ask(context)),
};

/// The addresses of the document, in rank order: both places over https, then without TLS where that is allowed.
pub fn urls(query: &Query, options: &Options) -> Vec<String> {
    let domain = &query.domain;
    let parameter = match &query.address {
        Some(address) if options.send_address => {
            format!("?emailaddress={}", fetch::percent_encode(&address.to_string()))
        }
        _ => String::new(),
    };
    let places = [format!("autoconfig.{domain}{PATH}"), format!("{domain}/.well-known/autoconfig{PATH}")];
    let mut urls: Vec<String> = places.iter().map(|place| format!("https://{place}{parameter}")).collect();
    if options.allow_http {
        urls.extend(places.iter().map(|place| format!("http://{place}")));
    }
    urls
}

async fn ask(context: &Context<'_>) -> Reply {
    let urls = urls(context.query, context.options);
    let address_would_help = !context.options.send_address;
    let request = |url| Request { address_would_help, ..Request::get(url) };
    let asked = urls.iter().map(|url| at(context, request(url), Source::Autoconfig));
    let replies = futures_util::future::join_all(asked).await;
    let over_https = urls.iter().zip(&replies).filter(|(url, _)| url.starts_with("https:"));
    let failed: Vec<String> =
        over_https.filter_map(|(_, reply)| Some(reply.outcome.failure()?.reason.clone())).collect();
    without_claim(fetch::best(replies), &failed)
}

/// Where https failed, nobody knows that the document is there over http alone.
fn without_claim(mut reply: Reply, failed_over_https: &[String]) -> Reply {
    let over_http = |remark: &Remark| matches!(remark, Remark::OnlyOverHttp(_));
    if failed_over_https.is_empty() || !reply.remarks.iter().any(over_http) {
        return reply;
    }
    reply.remarks.retain(|remark| !over_http(remark));
    for remark in &mut reply.remarks {
        if let Remark::PartFailed(reason) = remark
            && failed_over_https.contains(reason)
        {
            *remark = Remark::HttpsFailed(reason.clone());
        }
    }
    reply
}

/// Fetches and reads one document.
pub async fn at(context: &Context<'_>, request: Request<'_>, source: Source) -> Reply {
    let fetched = fetch::document(context, request).await;
    let mut remarks = fetched.remarks;
    let outcome = match fetched.outcome {
        Attempt::Done(document) => {
            let (secure, url) = (document.secure, document.url.clone());
            let answer = read(document, context.query, source);
            remarks.extend((!secure && answer.value().is_some()).then_some(Remark::OnlyOverHttp(url)));
            answer
        }
        Attempt::Absent(reason) => Attempt::Absent(reason),
        Attempt::Failed(failure) => Attempt::Failed(failure),
        Attempt::Skipped(reason) => Attempt::Skipped(reason),
    };
    Reply { outcome, remarks, redirects: fetched.redirects }
}

fn read(document: Document, query: &Query, source: Source) -> Attempt<Answer> {
    let offer = match document.text().and_then(|text| autoconfig::parse(&text)) {
        Ok(offer) => offer,
        Err(error) => return fetch::unreadable(&document.url, &error),
    };
    let trust = match (document.secure, source) {
        (false, _) => Trust::Http,
        // Which document was asked for hangs on an unsigned answer of DNS.
        (true, Source::Mx | Source::Mailconf) => Trust::Dns,
        (true, _) => Trust::Https,
    };
    match settings_of(&offer, query, source, trust) {
        None => Attempt::Absent(format!("{} names no server that can be used", document.url)),
        Some(settings) => Attempt::Done(Answer {
            settings,
            url: Some(document.url),
            redirects: document.redirects,
            notes: offer.notes,
        }),
    }
}

/// The path at both places.
pub const PATH: &str = "/mail/config-v1.1.xml";
