//! SRV records of mail services (RFC 6186, RFC 8314; JMAP RFC 8620, ManageSieve RFC 5804).

use futures_util::future::join_all;

use super::fetch;
use super::source::{Answer, Context, LIMIT, Question, Remark, Reply, SourceEntry, is_other_domain};
use crate::attempt::{Attempt, Failure};
use crate::net::dns::Srv;
use crate::settings::{Access, Endpoint, Protocol, Security, Service, Settings, Source, Trust, recommend};
use crate::target::{Domain, Host, Port};

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Srv,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, _| {
        let name = |(label, _): &(&str, Kind)| Question::dns(format!("{label}._tcp.{}", query.domain), "SRV");
        NAMES.iter().map(name).collect()
    },
    ask: |context| Box::pin(ask(context)),
};

#[derive(Clone, Copy)]
enum Kind {
    Mail(Protocol, Security),
    Jmap,
    Sieve,
}

const NAMES: &[(&str, Kind)] = &[
    ("_imaps", Kind::Mail(Protocol::Imap, Security::Tls)),
    ("_imap", Kind::Mail(Protocol::Imap, Security::StartTls)),
    ("_pop3s", Kind::Mail(Protocol::Pop3, Security::Tls)),
    ("_pop3", Kind::Mail(Protocol::Pop3, Security::StartTls)),
    ("_submissions", Kind::Mail(Protocol::Smtp, Security::Tls)),
    ("_submission", Kind::Mail(Protocol::Smtp, Security::StartTls)),
    ("_jmap", Kind::Jmap),
    ("_sieve", Kind::Sieve),
];

async fn ask(context: &Context<'_>) -> Reply {
    let domain = &context.query.domain;
    let resolver = context.network.resolver();
    let asked = NAMES.iter().map(|(label, kind)| async move {
        (label, kind, context.in_time(resolver.srv(label, domain)).await)
    });
    let mut services = Vec::new();
    let mut notes = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    for (label, kind, answer) in join_all(asked).await {
        match answer {
            Ok(records) if records.iter().all(|record| record.target.is_none()) => {
                notes.push(format!("{label}: not offered"));
            }
            Ok(records) => {
                let first = records.iter().take(RECORDS);
                services.extend(first.filter_map(|record| service(*kind, record, domain)));
                if records.len() > RECORDS {
                    notes.push(format!("{label}: the first {RECORDS} of {} records", records.len()));
                }
            }
            Err(failure) if fetch::is_absent(&failure) => {}
            Err(failure) => failures.push(failure),
        }
    }
    if services.is_empty() {
        return Reply::from(match failures.into_iter().next() {
            Some(failure) => Attempt::Failed(failure),
            None if notes.is_empty() => {
                Attempt::Absent(format!("{domain} has no SRV records of mail services"))
            }
            None => Attempt::Absent(format!("{domain} says in SRV records that it offers no mail services")),
        });
    }
    recommend(&mut services);
    notes.extend(failures.iter().map(|failure| failure.reason.clone()));
    let answer = Answer { notes, ..Answer::without_document(Settings { provider: None, services }) };
    let remarks = failures.into_iter().map(|failure| Remark::PartFailed(failure.reason)).collect();
    Reply { remarks, ..Reply::from(Attempt::Done(answer)) }
}

fn service(kind: Kind, record: &Srv, domain: &Domain) -> Option<Service> {
    let (name, port) = record.target.clone()?;
    let host = Host::Name(name);
    let other_domain = is_other_domain(&host, domain);
    let access = match kind {
        Kind::Mail(protocol, security) => Access::Server(Endpoint { protocol, host, port, security }),
        Kind::Sieve => Access::ManageSieve { host, port, security: Security::StartTls },
        Kind::Jmap => Access::Jmap { url: session_url(&host, port) },
    };
    Some(Service {
        access,
        username: None,
        auth: Vec::new(),
        source: Source::Srv,
        trust: Trust::Dns,
        other_domain,
        recommended: false,
    })
}

/// Every record is a server that may be probed; no provider names so many.
pub const RECORDS: usize = 10;

/// RFC 8620, section 2.2.
fn session_url(host: &Host, port: Port) -> String {
    let port = if port.get() == 443 { String::new() } else { format!(":{port}") };
    format!("https://{host}{port}/.well-known/jmap")
}
