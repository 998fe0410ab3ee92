//! Every question that a lookup would ask, before it is asked, and why it would ask nobody.
//!
//! What depends on an answer holds a placeholder. Whether some are asked hangs on answers too: the random neighbour of a
//! name, which tells wildcard DNS, only after a certificate of another name; the domain's own addresses always.

use super::reach::is_never_public;
use super::source::{Question, SOURCES, SourceEntry};
use super::{Options, Query, fetch, from_tables, wanted};
use crate::net::http::Url;
use crate::net::{Family, Network};
use crate::providers::Providers;
use crate::settings::Source;
use crate::target::{Host, Port};

/// Every question, in rank order; each question to the resolver stands once, before what needs its answer.
pub fn questions(
    query: &Query,
    providers: &Providers,
    options: &Options,
    network: &Network,
) -> Vec<Question> {
    let mut all = Asking { network, questions: Vec::new() };
    if from_tables(query, providers, options).is_some() {
        return all.questions;
    }
    for entry in SOURCES.iter().filter(|entry| is_asked(entry, query, options)) {
        for question in (entry.questions)(query, options) {
            all.add(question, options);
        }
    }
    all.judge_reach(query, options);
    all.questions
}

/// Why nobody would be asked; `None` when somebody would.
pub fn why_nobody(query: &Query, providers: &Providers, options: &Options) -> Option<String> {
    if let Some(answered) = from_tables(query, providers, options) {
        return Some(answered.decided_by.unwrap_or_else(|| "--offline".to_owned()));
    }
    let of_network: Vec<&SourceEntry> =
        SOURCES.iter().filter(|entry| wanted(entry.source, options)).collect();
    if of_network.iter().any(|entry| is_asked(entry, query, options)) {
        return None;
    }
    let mut reasons = of_network.iter().filter_map(|entry| (entry.why_not)(query, options));
    Some(reasons.next().unwrap_or_else(|| "--source names the tables alone".to_owned()))
}

fn is_asked(entry: &SourceEntry, query: &Query, options: &Options) -> bool {
    wanted(entry.source, options) && (entry.why_not)(query, options).is_none()
}

struct Asking<'a> {
    network: &'a Network,
    questions: Vec<Question>,
}

impl Asking<'_> {
    fn add(&mut self, question: Question, options: &Options) {
        match &question {
            Question::Dns { .. } => self.questions.push(question),
            Question::Connect { host, port } => {
                self.resolve(host, *port);
                self.questions.push(question);
            }
            Question::Http { url, .. } => {
                let (host, port) = host_of(url);
                let neighbour = fetch::neighbour(&host, "<random>")
                    .filter(|_| url.starts_with("https:") && !url.starts_with(&options.ispdb_url));
                self.resolve(&host, port);
                self.questions.push(question);
                if let Some(neighbour) = neighbour {
                    self.addresses(&neighbour, Family::Any);
                }
            }
        }
    }

    /// The addresses of the host that would be connected for this one.
    fn resolve(&mut self, host: &str, port: u16) {
        let place = Host::parse(host).ok().zip(Port::new(i64::from(port)).ok());
        let name = match place.map(|(host, port)| self.network.place(&host, port).0) {
            Some(Host::Ip(_)) => return,
            Some(Host::Name(name)) => name.to_string(),
            None => host.to_owned(),
        };
        self.addresses(&name, self.network.options().family);
    }

    /// Behind a proxy it is the proxy that resolves names.
    fn addresses(&mut self, name: &str, family: Family) {
        let v6 = (family != Family::V4).then_some("AAAA");
        let v4 = (family != Family::V6).then_some("A");
        for record_type in v6.into_iter().chain(v4) {
            let question = Question::dns(name, record_type);
            if self.network.options().proxy.is_none() && !self.questions.contains(&question) {
                self.questions.push(question);
            }
        }
    }

    /// Where the domain's own hosts are is asked when something leads to a private address.
    fn judge_reach(&mut self, query: &Query, options: &Options) {
        let judged = SOURCES.iter().any(|entry| {
            let connects = !matches!(entry.source, Source::Ispdb | Source::Srv);
            connects && is_asked(entry, query, options)
        });
        if judged && !is_never_public(&query.domain) {
            self.addresses(&format!("autoconfig.{}", query.domain), Family::Any);
            self.addresses(query.domain.as_str(), Family::Any);
        }
    }
}

/// The host and port of a URL; a placeholder where the URL is one or has one.
fn host_of(url: &str) -> (String, u16) {
    if let Ok(url) = Url::parse(url) {
        return (url.host().to_string(), url.port().get());
    }
    match url.split_once("://") {
        Some((_, rest)) => (rest.split('/').next().unwrap_or_default().to_owned(), 443),
        None => (format!("<host of {}>", url.trim_matches(['<', '>'])), 443),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{ConnectTo, Options as NetOptions};
    use crate::target::Domain;

    fn lines(options: &Options, network: NetOptions) -> Vec<String> {
        let domain = Domain::parse("d.example").unwrap();
        let query = Query { typed: domain.to_string(), address: None, domain };
        let all = questions(&query, &Providers::bundled(), options, &Network::new(network));
        let line = |question: &Question| match question {
            Question::Dns { name, record_type } => format!("{record_type} {name}"),
            Question::Http { url, .. } => url.clone(),
            Question::Connect { host, port } => format!("{host}:{port}"),
        };
        all.iter().map(line).collect()
    }

    #[test]
    fn addresses_are_asked_for_as_the_network_is_reached() {
        let options = Options { only: vec![Source::Ispdb], ..Options::default() };
        let url = format!("{}d.example", options.ispdb_url);
        let host = "live.thunderbird.net";
        for (network, expected) in [
            (NetOptions::default(), vec![format!("AAAA {host}"), format!("A {host}"), url.clone()]),
            (NetOptions { family: Family::V4, ..Default::default() }, vec![format!("A {host}"), url.clone()]),
            (
                NetOptions {
                    proxy: Some(crate::net::proxy::Proxy::parse("socks5h://127.0.0.1:1").unwrap()),
                    ..Default::default()
                },
                vec![url.clone()],
            ),
            (
                NetOptions {
                    connect_to: vec![ConnectTo::parse(&format!("{host}:443:192.0.2.1:")).unwrap()],
                    ..Default::default()
                },
                vec![url.clone()],
            ),
        ] {
            assert_eq!(lines(&options, network), expected);
        }
    }

    #[test]
    fn why_nobody_would_be_asked_is_known() {
        for (typed, options, expected) in [
            ("disroot.org", Options::default(), Some("the bundled table lists disroot.org")),
            ("d.example", Options { offline: true, ..Options::default() }, Some("--offline")),
            (
                "d.example",
                Options { only: vec![Source::Bundled], ..Options::default() },
                Some("--source names the tables alone"),
            ),
            (
                "d.example",
                Options { only: vec![Source::Autodiscover], send_address: true, ..Options::default() },
                Some("it needs a whole address, not a domain"),
            ),
            ("d.example", Options::default(), None),
        ] {
            let domain = Domain::parse(typed).unwrap();
            let query = Query { typed: typed.to_owned(), address: None, domain };
            let why = why_nobody(&query, &Providers::bundled(), &options);
            assert_eq!(why.as_deref(), expected, "{typed}");
        }
    }
}
