//! What is demanded of endpoints beyond the rules: the flags, and the policy they make.

use std::str::FromStr;

use anyhow::anyhow;
use clap::Args;
use mailcfg::net::Family;
use mailcfg::report::policy::{InvalidPolicy, Policy, Requirement};
use mailcfg::target::Host;

use super::arguments::NetworkArguments;
use super::{Complaint, plan};

/// The flags of a probe that demand something.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requirements")]
pub struct PolicyArguments {
    /// Warn when a certificate expires in less than W days, fail below F, as 20:7
    /// [default: warn below 20 days and a quarter of its lifetime]
    #[arg(long, value_name = "W:F")]
    min_days: Option<String>,
    /// Fail unless this version of TLS or a later one is spoken: 1.2 or 1.3 [default: 1.2, as nothing older is spoken]
    #[arg(long, value_name = "VERSION")]
    min_tls: Option<String>,
    /// Fail unless these are there, as password-auth,starttls,post-quantum,ipv6,uidl; each counts only where it makes
    /// sense. `mailcfg explain requirements` lists them all [default: nothing beyond what is safe]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    require: Vec<String>,
    /// Fail unless the certificate is for this name too; may be given more than once
    #[arg(long, value_name = "NAME")]
    expect_host: Vec<String>,
    /// Fail unless the organisation or the common name of the certificate's issuer holds this text
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    expect_issuer: Option<String>,
    /// Fail when an endpoint takes longer than this in all, as 2s or 500ms [default: --timeout alone]
    #[arg(long, value_name = "TIME")]
    max_time: Option<String>,
    /// Do not count these findings; may be given more than once
    #[arg(long, value_name = "ID,…", long_help = IGNORE_HELP)]
    ignore: Vec<String>,
    /// Let these count as failures in the exit code: warn, unknown, or warn,unknown [default: failures alone]
    #[arg(long, value_name = "warn,unknown")]
    fail_on: Option<String>,
}

impl PolicyArguments {
    /// The policy, checked against how the network is reached.
    pub fn policy(&self, network: &NetworkArguments) -> Result<Policy, Complaint> {
        let family = plan::family(network);
        let policy = Policy {
            min_days: self.min_days.as_deref().map(parse).transpose()?,
            min_tls: self.min_tls.as_deref().map(parse).transpose()?,
            require: self.require.iter().map(|word| parse(word)).collect::<Result<_, _>>()?,
            expect_host: self.expect_host.iter().map(|text| host(text)).collect::<Result<_, _>>()?,
            expect_issuer: self.expect_issuer.clone(),
            max_time: self.max_time.as_deref().map(|text| plan::duration("--max-time", text)).transpose()?,
            ignore: self.ignore.iter().flat_map(|text| ids(text)).map(parse).collect::<Result<_, _>>()?,
            fail_on: self.fail_on.as_deref().map(parse).transpose()?.unwrap_or_default(),
            family_required: family != Family::Any,
            expectation: None,
        };
        for required in &policy.require {
            reachable(*required, family, network)?;
        }
        Ok(policy)
    }
}

/// Ids with commas between them; a reason may hold commas of its own.
fn ids(text: &str) -> Vec<&str> {
    if text.contains(' ') { vec![text] } else { text.split(',').collect() }
}

/// A family that is ruled out, or hidden by a proxy, can never be found to work.
pub fn reachable(required: Requirement, family: Family, network: &NetworkArguments) -> Result<(), Complaint> {
    let Some(wanted) = required.family() else { return Ok(()) };
    if network.proxy.is_some() {
        let error = anyhow!("--require {required} cannot be found out behind a proxy");
        return Err(Complaint::usage(error, "leave --proxy out, or the requirement"));
    }
    if family != Family::Any && family != wanted {
        let error = anyhow!("--require {required} asks for the family that -4 or -6 rules out");
        return Err(Complaint::usage(error, "leave -4 and -6 out"));
    }
    Ok(())
}

fn host(text: &str) -> Result<Host, Complaint> {
    Host::parse(text).map_err(plan::invalid_target)
}

fn parse<T: FromStr<Err = InvalidPolicy>>(text: &str) -> Result<T, Complaint> {
    text.parse().map_err(|error: InvalidPolicy| {
        let hint = error.hint();
        Complaint::usage(error, hint)
    })
}

const IGNORE_HELP: &str = "\
Do not count these findings: they stay in the report, marked. May be given more than once.

Write ID, ID@HOST or ID@HOST:PORT; ` until DATE` makes it count again after that day, ` because REASON` tells others why. Example: --ignore 'certificate.expired@mail.example.org until 2026-12-31 because a new one is ordered'";
