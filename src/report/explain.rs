//! What the ids of findings and the words of the field mean, and what to do about them.
//!
//! The explanation of a finding stands in the file of its rule; those of words stand in `words`.

use super::finding::Severity;
use super::policy::requirement;
use super::rules;

/// The explanation of one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The id.
    pub id: &'static str,
    /// How bad it can be.
    pub severities: &'static [Severity],
    /// What it means, a sentence.
    pub what: &'static str,
    /// Why it matters, a sentence.
    pub why: &'static str,
    /// What to do about it, a sentence.
    pub remedy: &'static str,
    /// Where it is written down.
    pub rfc: &'static [&'static str],
}

/// Every finding there can be, rule by rule.
pub fn findings() -> impl Iterator<Item = Explained> {
    let of_rules = rules::EXPLAINED.iter().flat_map(|list| list.iter().copied());
    of_rules.chain(requirement::ALL.iter().map(rules::requirement::explained))
}

/// The finding of this id.
pub fn finding(id: &str) -> Option<Explained> {
    findings().find(|explained| explained.id == id)
}

/// The few words that are most like one that is not known, the most similar first.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known: Vec<(f64, &str)> =
        known.map(|candidate| (strsim::jaro_winkler(word, candidate), candidate)).collect();
    known.sort_by(|one, other| other.0.total_cmp(&one.0));
    known.into_iter().take(SUGGESTIONS).map(|(_, candidate)| candidate).collect()
}

/// A typing error is among the nearest few.
const SUGGESTIONS: usize = 3;
