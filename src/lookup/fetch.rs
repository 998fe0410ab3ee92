//! Fetches a document for a source and draws the line between "there is none" and "could not tell".
//!
//! Nothing is asked of a web server before its certificate was judged. A redirect never leads away from https, nor
//! from a public address to a private one, of which `reach.rs` knows more.

use std::hash::{BuildHasher, RandomState};

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::reach::{Reach, Start, beyond};
use super::source::{Context, Remark, Reply};
use crate::attempt::{Attempt, Cause, Failure, Stage};
use crate::net::dns::AddressFamily;
use crate::net::http::{self, Response, Scheme, Unconnected, Url};
use crate::probe::certificate::{self, ProblemKind};
use crate::target::Domain;
use crate::wire::text::{self, BadDocument};

/// A document as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it was in the end.
    pub url: String,
    /// The addresses that led there, the first one asked first; empty when it was there at once.
    pub redirects: Vec<String>,
    /// True when it came over https.
    pub secure: bool,
    /// Where a way that goes on from it comes from.
    pub start: Start,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Document {
    /// The document as text.
    ///
    /// # Errors
    /// [`BadDocument`] when it is empty or too large.
    pub fn text(&self) -> Result<String, BadDocument> {
        text::decode(&self.body)
    }
}

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// What to post, with its type; `None` gets.
    pub post: Option<(&'static str, String)>,
    /// Whether redirects are followed.
    pub follow: bool,
    /// Whether the same request with the whole address may be understood.
    pub address_would_help: bool,
    /// Whether the host is known to exist, so that its absence says something of the network here alone.
    pub host_exists: bool,
    /// Who names the address.
    pub start: Start,
}

impl<'a> Request<'a> {
    /// Gets a document and follows redirects.
    pub fn get(url: &'a str) -> Self {
        Self {
            url,
            post: None,
            follow: true,
            address_would_help: false,
            host_exists: false,
            start: Start::Published,
        }
    }
}

/// A document, or why there is none, and what was seen on the way.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The document.
    pub outcome: Attempt<Document>,
    /// What else was seen.
    pub remarks: Vec<Remark>,
    /// The addresses that led to where it ended, the first one asked first.
    pub redirects: Vec<String>,
}

/// Fetches a document before the deadline of the source.
pub async fn document(context: &Context<'_>, request: Request<'_>) -> Fetched {
    let start = request.start;
    let mut journey = Journey { context, request, visited: Vec::new(), remarks: Vec::new(), start };
    let outcome = match Url::parse(journey.request.url) {
        Ok(url) => journey.travel(url).await,
        Err(error) => Attempt::Failed(Failure::new(Stage::Http, Cause::Malformed, error.to_string())),
    };
    Fetched { outcome, remarks: journey.remarks, redirects: journey.visited }
}

/// The way from the first address to the document.
struct Journey<'a> {
    context: &'a Context<'a>,
    request: Request<'a>,
    visited: Vec<String>,
    remarks: Vec<Remark>,
    start: Start,
}

/// What a stop on the way says.
enum Stop {
    Arrived(Attempt<Document>),
    Onward(Url),
}

impl Journey<'_> {
    async fn travel(&mut self, first: Url) -> Attempt<Document> {
        let mut url = first;
        loop {
            match self.stop(&url).await {
                Ok(Stop::Onward(next)) => {
                    self.visited.push(url.to_string());
                    url = next;
                }
                Ok(Stop::Arrived(outcome)) => return outcome,
                Err(failure) => return Attempt::Failed(failure),
            }
        }
    }

    async fn stop(&mut self, url: &Url) -> Result<Stop, Failure> {
        let network = self.context.network;
        let reach = Reach { context: self.context, start: self.start };
        let place = self.context.clock.place(network.places()).await;
        let deadline = self.context.clock.deadline();
        let connection = match http::connect(network, place, url, deadline, Some(&reach)).await {
            Ok(connection) => connection,
            Err(unconnected) => return Ok(Stop::Arrived(self.not_reached(url, unconnected).await)),
        };
        self.start = beyond(self.start, url.host(), connection.address().map(|address| address.ip()));
        if url.scheme() == Scheme::Https
            && let Some(outcome) = self.certificate_problem(url, connection.chain()).await
        {
            return Ok(Stop::Arrived(outcome));
        }
        let response = match &self.request.post {
            None => connection.get(url, "*/*", deadline).await?,
            Some((content_type, body)) => connection.post(url, content_type, body.clone(), deadline).await?,
        };
        self.judge(url, response)
    }

    /// A host that does not exist or refuses connections publishes nothing there.
    async fn not_reached(&mut self, url: &Url, unconnected: Unconnected) -> Attempt<Document> {
        let failure = unconnected.failure;
        let outcome = self.certificate_problem(url, &unconnected.chain).await;
        match outcome {
            Some(outcome) => outcome,
            None if failure.cause == Cause::Private => Attempt::Failed(failure),
            None if self.request.host_exists => Attempt::Failed(Failure { temporary: true, ..failure }),
            None if is_absent(&failure) || failure.cause == Cause::Refused => Attempt::Absent(failure.reason),
            None => Attempt::Failed(failure),
        }
    }

    /// Judges the certificate of a web server; one that fits only its wildcard DNS says that nothing is published.
    async fn certificate_problem(
        &mut self,
        url: &Url,
        chain: &[CertificateDer<'_>],
    ) -> Option<Attempt<Document>> {
        let now = OffsetDateTime::now_utc();
        let judged = certificate::inspect(chain, url.host(), self.context.network, now)?;
        let first = judged.problems.first()?;
        let wrong_name_alone = judged.problems.iter().all(|problem| problem.kind == ProblemKind::WrongName);
        // On a network that answers every name with its sign-in page, a host that must exist looks the same.
        let may_be_wildcard = wrong_name_alone && !self.request.host_exists;
        if let Some(name) = url.host().name().filter(|_| may_be_wildcard)
            && exists_only_by_wildcard(self.context, name).await
        {
            self.remarks.push(Remark::Wildcard(name.to_string()));
            return Some(Attempt::Absent(format!("{name} exists only by wildcard DNS")));
        }
        let reason = format!("the certificate of {} {}", url.host(), first.detail);
        Some(Attempt::Failed(Failure::new(Stage::Tls, Cause::Certificate, reason)))
    }

    fn judge(&self, url: &Url, response: Response) -> Result<Stop, Failure> {
        let absent = |why: &str| Ok(Stop::Arrived(Attempt::Absent(format!("{url} {why}"))));
        match response.status {
            204 => absent("answers that there is nothing (204)"),
            206 => Err(failed(format!("{url} sends a part of the page, and was asked for all of it (206)"))),
            200..=299 if response.body.is_empty() => absent("is empty"),
            200..=299 => Ok(Stop::Arrived(Attempt::Done(Document {
                url: url.to_string(),
                redirects: self.visited.clone(),
                secure: url.scheme() == Scheme::Https
                    && self.visited.iter().all(|it| it.starts_with("https://")),
                start: self.start,
                body: response.body,
            }))),
            301 | 302 | 303 | 307 | 308 => self.onward(url, response.location.as_deref()),
            401 => absent("asks for a sign-in (401)"),
            403 => absent("is forbidden (403)"),
            404 => absent("does not exist (404)"),
            410 => absent("is gone (410)"),
            400 if self.request.address_would_help => Err(failed(format!(
                "{url} refuses the request (400); it may want the whole address: --send-address"
            ))),
            429 => Err(later(format!("{url} asks to come back later (429)"))),
            status @ 500..=599 => Err(later(format!("{url} is out of order ({status})"))),
            status => Err(failed(format!("{url} answers {status}"))),
        }
    }

    fn onward(&self, url: &Url, location: Option<&str>) -> Result<Stop, Failure> {
        if !self.request.follow {
            return Err(failed(format!("{url} redirects, which is not allowed here")));
        }
        let Some(location) = location else {
            return Err(failed(format!("{url} redirects nowhere")));
        };
        let next =
            url.join(location).map_err(|error| failed(format!("{url} redirects to no address: {error}")))?;
        if url.scheme() == Scheme::Https && next.scheme() != Scheme::Https {
            return Err(failed(format!("a redirect from https to http was refused: {next}")));
        }
        let text = next.to_string();
        if text == url.to_string() || self.visited.contains(&text) {
            return Err(failed(format!("the redirects go in a circle: {text}")));
        }
        if self.visited.len() >= MOST_REDIRECTS {
            return Err(failed(format!("more than {MOST_REDIRECTS} redirects, the last one to {text}")));
        }
        Ok(Stop::Onward(next))
    }
}

fn failed(reason: String) -> Failure {
    Failure::new(Stage::Http, Cause::Malformed, reason)
}

fn later(reason: String) -> Failure {
    Failure::temporary(Stage::Http, Cause::Busy, reason)
}

/// True when a random neighbour of the name has addresses too.
async fn exists_only_by_wildcard(context: &Context<'_>, name: &Domain) -> bool {
    // Behind a proxy names are for the proxy to resolve.
    if context.network.options().proxy.is_some() {
        return false;
    }
    let random = format!("{:016x}", RandomState::new().hash_one(name));
    let neighbour = neighbour(name.as_str(), &random).and_then(|neighbour| Domain::parse(&neighbour).ok());
    let Some(neighbour) = neighbour else { return false };
    let resolver = context.network.resolver();
    let (v6, v4) = tokio::join!(
        context.in_time(resolver.addresses(&neighbour, AddressFamily::V6)),
        context.in_time(resolver.addresses(&neighbour, AddressFamily::V4))
    );
    v6.is_ok() || v4.is_ok()
}

/// A name beside this one that nobody made; `None` where a public suffix is above, below which nobody has a wildcard.
pub fn neighbour(name: &str, random: &str) -> Option<String> {
    let parent = match (name.split_once('.'), name.strip_prefix('<')) {
        (Some((_, parent)), _) => parent.to_owned(),
        (None, Some(placeholder)) => return Some(format!("mailcfg-{random}.<parent of {placeholder}")),
        (None, None) => return None,
    };
    let is_private = parent.starts_with('<') || psl::domain_str(&parent).is_some();
    is_private.then(|| format!("mailcfg-{random}.{parent}"))
}

/// True for a name or record that does not exist.
pub fn is_absent(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::NoSuchHost | Cause::NoAddress)
}

/// A question to DNS that gave nothing: there is none, or it could not be told.
pub fn no_record<T>(failure: Failure) -> Attempt<T> {
    if is_absent(&failure) { Attempt::Absent(failure.reason) } else { Attempt::Failed(failure) }
}

/// A document that cannot be read: it may be no document of settings at all, or a broken one.
pub fn unreadable<T>(url: &str, error: &BadDocument) -> Attempt<T> {
    let reason = format!("{url}: {error}");
    match error.is_absent() {
        true => Attempt::Absent(reason),
        false => Attempt::Failed(Failure::new(Stage::Protocol, Cause::Malformed, reason)),
    }
}

/// The first answer of several places in rank order; what better places failed at is noted beside it.
pub fn best(replies: Vec<Reply>) -> Reply {
    let mut failures: Vec<(Failure, Vec<String>)> = Vec::new();
    let mut absences: Vec<String> = Vec::new();
    let mut ways: Vec<String> = Vec::new();
    let mut remarks: Vec<Remark> = Vec::new();
    for reply in replies {
        match reply.outcome {
            Attempt::Done(mut answer) => {
                for (failure, _) in failures {
                    answer.notes.push(failure.reason.clone());
                    remarks.push(Remark::PartFailed(failure.reason));
                }
                remarks.extend(reply.remarks);
                return Reply { remarks, ..Reply::from(Attempt::Done(answer)) };
            }
            Attempt::Failed(failure) => failures.push((failure, reply.redirects)),
            Attempt::Absent(reason) | Attempt::Skipped(reason) => {
                absences.push(reason);
                ways.extend(reply.redirects);
            }
        }
        remarks.extend(reply.remarks);
    }
    remarks.dedup();
    let (outcome, redirects) = match failures.into_iter().next() {
        Some((failure, redirects)) => (Attempt::Failed(failure), redirects),
        None => (Attempt::Absent(absences.join("; ")), ways),
    };
    Reply { outcome, remarks, redirects }
}

/// Encodes all but unreserved characters (RFC 3986, section 2.3).
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// No provider needs more; browsers stop at 20.
pub const MOST_REDIRECTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encoded_whole() {
        assert_eq!(percent_encode("a+b@d.example"), "a%2Bb%40d.example");
        assert_eq!(percent_encode("%EMAILDOMAIN%"), "%25EMAILDOMAIN%25");
    }
}
