//! What is known of the domain that receives the mail: many domains rent their mail from a provider.
//!
//! The MX host is never taken for a server to sign in to; it only says whose customer the domain is.

use futures_util::future::join_all;

use super::fetch::{self, Request};
use super::source::{Answer, Context, LIMIT, Question, Remark, Reply, SourceEntry, is_other_domain};
use super::{autoconfig, ispdb};
use crate::attempt::Attempt;
use crate::providers::settings_of;
use crate::settings::{Source, Trust};
use crate::target::Domain;

/// The entry in the list.
pub const SOURCE: SourceEntry = SourceEntry {
    source: Source::Mx,
    limit: LIMIT,
    why_not: |_, _| None,
    questions: |query, options| {
        let of_domain = |domain| {
            let own = format!("https://autoconfig.{domain}{}", autoconfig::PATH);
            [Question::get(own), Question::get(ispdb::url(&options.ispdb_url, domain))]
        };
        let mx = Question::dns(query.domain.to_string(), "MX");
        [mx].into_iter().chain(["<mx-domain>", "<mx-base-domain>"].into_iter().flat_map(of_domain)).collect()
    },
    ask: |context| Box::pin(ask(context)),
};

async fn ask(context: &Context<'_>) -> Reply {
    let domain = &context.query.domain;
    let answer = context.in_time(context.network.resolver().mx(domain)).await;
    context.mx_heard.send_replace(true);
    let records = match answer {
        Ok(records) => records,
        Err(failure) => return fetch::no_record(failure).into(),
    };
    if records.is_empty() {
        return Attempt::Absent(format!("{domain} has no usable MX record")).into();
    }
    // A null MX means something only where it stands alone (RFC 7505, section 3).
    let Some(host) = records.iter().find_map(|record| record.host.as_ref()) else {
        let outcome = Attempt::Absent(format!("{domain} takes no mail (null MX, RFC 7505)"));
        return Reply { remarks: vec![Remark::NullMx], ..Reply::from(outcome) };
    };
    if let Some(answer) = from_tables(context, host) {
        return Attempt::Done(answer).into();
    }
    let domains = domains_of(host, domain);
    if domains.is_empty() {
        return Attempt::Absent(format!("{domain} receives its mail itself ({host})")).into();
    }
    let base = &context.options.ispdb_url;
    let urls: Vec<[String; 2]> = domains
        .iter()
        .map(|domain| {
            [format!("https://autoconfig.{domain}{}", autoconfig::PATH), ispdb::url(base, domain.as_str())]
        })
        .collect();
    let requests = urls.iter().flat_map(|[own, ispdb]| [Request::get(own), ispdb::request(ispdb)]);
    let asked = requests.map(|request| autoconfig::at(context, request, Source::Mx));
    fetch::best(join_all(asked).await)
}

/// The entry of a table that names the host, else the one of the domains it is of.
fn from_tables(context: &Context<'_>, host: &Domain) -> Option<Answer> {
    let domain = &context.query.domain;
    let by_domain = || domains_of(host, domain).iter().find_map(|domain| context.providers.find(domain));
    let (_, provider) = context.providers.find_by_mx(host).or_else(by_domain)?;
    let mut settings = settings_of(&provider, domain, Source::Mx, Trust::Dns);
    // The table does not list this domain; DNS alone says that these hosts serve it.
    for service in &mut settings.services {
        service.other_domain = service.access.place().is_some_and(|(host, ..)| is_other_domain(host, domain));
    }
    Some(Answer::without_document(settings))
}

/// The host less its first label, then its registrable domain; never a public suffix, never the domain itself.
pub fn domains_of(host: &Domain, domain: &Domain) -> Vec<Domain> {
    let Some(base) = psl::domain_str(host.as_str()) else { return Vec::new() };
    let full = host.as_str().split_once('.').map(|(_, rest)| rest).filter(|rest| rest.len() >= base.len());
    let mut domains: Vec<Domain> = Vec::new();
    for name in full.into_iter().chain([base]) {
        if let Ok(candidate) = Domain::parse(name)
            && candidate != *domain
            && !domains.contains(&candidate)
        {
            domains.push(candidate);
        }
    }
    domains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domains_of_an_mx_host_stop_at_the_public_suffix() {
        for (host, domain, expected) in [
            ("mx1.mail.provider.com", "customer.net", "mail.provider.com provider.com"),
            ("mx.provider.com", "customer.net", "provider.com"),
            ("provider.co.uk", "customer.net", "provider.co.uk"),
            ("mx.provider.co.uk", "customer.net", "provider.co.uk"),
            ("mx.customer.net", "customer.net", ""),
            ("a.mx.customer.net", "customer.net", "mx.customer.net"),
            ("co.uk", "customer.net", ""),
        ] {
            let found = domains_of(&Domain::parse(host).unwrap(), &Domain::parse(domain).unwrap());
            let names: Vec<String> = found.iter().map(Domain::to_string).collect();
            assert_eq!(names.join(" "), expected, "{host}");
        }
    }
}
