//! Which failure stands for a whole host, when none of its addresses came about or none connected.

use super::{Tried, TriedOutcome};
use crate::attempt::{Cause, Failure, Stage};

/// The failure of a host without a usable address: a refused one over NXDOMAIN over a broken resolver over "no such
/// record".
pub(super) fn no_address(failures: Vec<Failure>) -> Failure {
    let both_lack = failures.len() > 1 && failures.iter().all(|failure| failure.cause == Cause::NoAddress);
    if both_lack {
        let reason = "the host has neither an A nor an AAAA record";
        return Failure::new(Stage::Dns, Cause::NoAddress, reason);
    }
    let weight = |failure: &Failure| match failure.cause {
        Cause::Private => 0,
        Cause::NoSuchHost => 1,
        Cause::Resolver => 2,
        _ => 3,
    };
    failures.into_iter().min_by_key(weight).unwrap_or_else(|| {
        Failure::new(Stage::Dns, Cause::NoAddress, "the host has no address of the family asked for")
    })
}

/// What is worth saying of the family without addresses when the other has some: not that it has none.
pub(super) fn unresolved(failures: Vec<Failure>) -> Vec<Failure> {
    failures.into_iter().filter(|failure| failure.cause == Cause::Resolver).collect()
}

/// The failure of a host none of whose addresses connected: what the host did weighs more than what is missing here.
pub(super) fn no_connection(tried: &[Tried]) -> Failure {
    let failures: Vec<&Failure> = tried
        .iter()
        .filter_map(|tried| match &tried.outcome {
            TriedOutcome::Failed(failure) => Some(failure),
            TriedOutcome::StillOpen(_) => None,
        })
        .collect();
    let weight = |failure: &&Failure| match failure.cause {
        Cause::Refused => 0,
        Cause::NoRoute => 2,
        _ => 1,
    };
    let reason = failures.iter().map(|failure| failure.reason.as_str()).collect::<Vec<_>>().join("; ");
    match failures.iter().copied().min_by_key(weight) {
        Some(worst) => Failure { reason, ..worst.clone() },
        None => Failure::new(Stage::Connect, Cause::TimedOut, "no address answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_weighs_more_than_a_missing_route() {
        let tried = |address: &str, cause| Tried {
            address: address.parse().unwrap(),
            outcome: TriedOutcome::Failed(Failure::new(Stage::Connect, cause, address)),
        };
        let failure =
            no_connection(&[tried("[::1]:1", Cause::NoRoute), tried("192.0.2.1:1", Cause::Refused)]);
        assert_eq!(failure.cause, Cause::Refused);
        assert_eq!(failure.reason, "[::1]:1; 192.0.2.1:1");
    }
}
