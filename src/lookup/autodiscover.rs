//! Microsoft's Autodiscover, as far as it answers without a sign-in: the POX form, and JSON that leads to it.
//!
//! It needs the whole address, so it is asked only when that may be sent.

use futures_util::future::join_all;

use super::fetch::{self, Document, Request, percent_encode};
use super::reach::Start;
use super::source::{Answer, Context, LIMIT, Question, Reply, SourceEntry, settings_of};
use super::{Options, Query};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::settings::{Source, Trust};
use crate::target::Address;
use crate::wire::autodiscover::{JsonReply, PoxReply, parse_json, parse_pox, pox_request};
use crate::wire::offer::Offer;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Autodiscover,
    limit: LIMIT,
    why_not,
    questions,
    ask: |context| Box::pin(ask(context)),
};

fn why_not(query: &Query, options: &Options) -> Option<String> {
    if !options.send_address {
        return Some("it learns the whole address: allow that with --send-address".to_owned());
    }
    query.address.is_none().then(|| "it needs a whole address, not a domain".to_owned())
}

fn questions(query: &Query, _options: &Options) -> Vec<Question> {
    let Some(address) = &query.address else { return Vec::new() };
    let post = |url: String| Question::Http { method: "POST", url };
    let mut questions: Vec<Question> = pox_urls(address).into_iter().map(post).collect();
    questions.push(Question::get(json_url(address)));
    questions.push(post("<url from the answer>".to_owned()));
    questions.push(Question::dns(format!("{SERVICE}._tcp.{}", address.domain()), "SRV"));
    questions.push(post(format!("https://<srv-target>{POX_PATH}")));
    questions
}

fn pox_urls(address: &Address) -> Vec<String> {
    let domain = address.domain();
    vec![format!("https://autodiscover.{domain}{POX_PATH}"), format!("https://{domain}{POX_PATH}")]
}

fn json_url(address: &Address) -> String {
    let (domain, email) = (address.domain(), percent_encode(&address.to_string()));
    format!(
        "https://autodiscover.{domain}/autodiscover/autodiscover.json?Email={email}&Protocol=AutodiscoverV1"
    )
}

async fn ask(context: &Context<'_>) -> Reply {
    let Some(address) = &context.query.address else {
        return Attempt::Skipped("it needs a whole address".to_owned()).into();
    };
    let urls = pox_urls(address);
    let places = join_all(urls.iter().map(|url| pox(context, Place::published(url), address, Trust::Https)));
    let (mut replies, by_json, by_srv) = tokio::join!(places, json(context, address), srv(context, address));
    replies.extend([by_json, by_srv]);
    fetch::best(replies)
}

/// Where the request is posted to, and who names the place.
#[derive(Clone, Copy)]
struct Place<'a> {
    url: &'a str,
    start: Start,
}

impl<'a> Place<'a> {
    fn published(url: &'a str) -> Self {
        Self { url, start: Start::Published }
    }
}

/// Posts the request, and once more where the answer says so.
async fn pox(context: &Context<'_>, place: Place<'_>, address: &Address, trust: Trust) -> Reply {
    let (document, reply) = match pox_once(context, place, address).await {
        Ok((document, PoxReply::RedirectUrl(next))) if next != place.url => {
            let way = [document.redirects, vec![document.url]].concat();
            let place = Place { url: &next, start: document.start };
            match pox_once(context, place, address).await {
                Ok((document, reply)) => (led_by(way, document), reply),
                Err(reply) => return Reply { redirects: [way, reply.redirects].concat(), ..reply },
            }
        }
        Ok(replied) => replied,
        Err(reply) => return reply,
    };
    let (url, redirects) = (&document.url, document.redirects.clone());
    Reply { redirects, ..settled(reply, url, document.redirects, context.query, trust) }
}

fn led_by(way: Vec<String>, document: Document) -> Document {
    Document { redirects: [way, document.redirects].concat(), ..document }
}

async fn pox_once(
    context: &Context<'_>,
    place: Place<'_>,
    address: &Address,
) -> Result<(Document, PoxReply), Reply> {
    let post = Some(("text/xml; charset=utf-8", pox_request(address)));
    let request = Request { post, start: place.start, ..Request::get(place.url) };
    let document = fetched(context, request).await?;
    let parsed = document.text().and_then(|text| parse_pox(&text));
    match parsed {
        Ok(reply) => Ok((document, reply)),
        Err(error) => Err(fetch::unreadable(&document.url, &error).into()),
    }
}

async fn fetched(context: &Context<'_>, request: Request<'_>) -> Result<Document, Reply> {
    let fetched = fetch::document(context, request).await;
    let outcome = match fetched.outcome {
        Attempt::Done(document) => return Ok(document),
        Attempt::Absent(reason) if reason.contains("(401)") => {
            Attempt::Absent(format!("{reason}: an Exchange server lives there"))
        }
        Attempt::Absent(reason) => Attempt::Absent(reason),
        Attempt::Skipped(reason) => Attempt::Skipped(reason),
        Attempt::Failed(failure) => Attempt::Failed(failure),
    };
    Err(Reply { outcome, remarks: fetched.remarks, redirects: fetched.redirects })
}

fn settled(reply: PoxReply, url: &str, redirects: Vec<String>, query: &Query, trust: Trust) -> Reply {
    let outcome = match reply {
        PoxReply::Settings(offer) => return answer(*offer, url, redirects, query, trust).into(),
        PoxReply::Error(refusal) => Attempt::Absent(format!("{url} knows no settings: {}", refusal.message)),
        PoxReply::RedirectAddress(other) => {
            Attempt::Absent(format!("{url} says to look up {other} in its place"))
        }
        PoxReply::RedirectUrl(next) => {
            let reason = format!("{url} leads on to {next}, once too often");
            Attempt::Failed(Failure::new(Stage::Http, Cause::Malformed, reason))
        }
    };
    Reply::from(outcome)
}

fn answer(offer: Offer, url: &str, redirects: Vec<String>, query: &Query, trust: Trust) -> Attempt<Answer> {
    match settings_of(&offer, query, Source::Autodiscover, trust) {
        None => Attempt::Absent(format!("{url} names no server that can be used")),
        Some(settings) => {
            Attempt::Done(Answer { settings, url: Some(url.to_owned()), redirects, notes: offer.notes })
        }
    }
}

/// JSON that names the place of the POX form.
async fn json(context: &Context<'_>, address: &Address) -> Reply {
    let url = json_url(address);
    let document = match fetched(context, Request::get(&url)).await {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    match document.text().and_then(|text| parse_json(&text)) {
        Ok(JsonReply::Url(url)) if pox_urls(address).contains(&url) => asked_already(&url),
        Ok(JsonReply::Url(url)) => {
            let place = Place { url: &url, start: document.start };
            let reply = pox(context, place, address, Trust::Https).await;
            let way = [document.redirects, vec![document.url]].concat();
            Reply { redirects: [way, reply.redirects].concat(), ..reply }
        }
        Ok(JsonReply::Error(refusal)) => {
            Attempt::Absent(format!("{url} answers: {}", refusal.message)).into()
        }
        Err(error) => fetch::unreadable(&document.url, &error).into(),
    }
}

/// The host that an SRV record names; DNS vouches for it, nobody else.
async fn srv(context: &Context<'_>, address: &Address) -> Reply {
    let records = match context.in_time(context.network.resolver().srv(SERVICE, address.domain())).await {
        Ok(records) => records,
        Err(failure) => return fetch::no_record(failure).into(),
    };
    let Some((host, port)) = records.iter().find_map(|record| record.target.as_ref()) else {
        return Attempt::Absent(format!("{SERVICE} of {} is not offered", address.domain())).into();
    };
    let port = if port.get() == 443 { String::new() } else { format!(":{port}") };
    let url = format!("https://{host}{port}{POX_PATH}");
    if pox_urls(address).contains(&url) {
        return asked_already(&url);
    }
    pox(context, Place::published(&url), address, Trust::Dns).await
}

/// Some servers ban who asks for an unknown mailbox again and again: no place is asked twice.
fn asked_already(url: &str) -> Reply {
    Attempt::Skipped(format!("{url} was asked already")).into()
}

const POX_PATH: &str = "/autodiscover/autodiscover.xml";

const SERVICE: &str = "_autodiscover";
