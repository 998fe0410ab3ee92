//! The documents of explanations.

use serde::Serialize;

use super::SCHEMA;
use crate::report::explain::words::{WORDS, Word};
use crate::report::explain::{Explained, Topic, findings};

/// Findings and words explained.
#[derive(Debug, Serialize)]
pub struct ExplainModel<'a> {
    schema: u32,
    command: &'static str,
    findings: Vec<FindingModel>,
    words: Vec<WordModel<'a>>,
}

impl ExplainModel<'static> {
    /// Everything that can be explained.
    pub fn all() -> Self {
        let findings = findings().map(|explained| FindingModel::of(&explained)).collect();
        Self::new(findings, WORDS.iter().map(WordModel::of).collect())
    }
}

impl<'a> ExplainModel<'a> {
    /// One explanation: findings, words, or both lists with one of them empty.
    pub fn of(topic: &'a Topic) -> Self {
        match topic {
            Topic::Finding(explained) => Self::new(vec![FindingModel::of(explained)], Vec::new()),
            Topic::Word(word) => Self::new(Vec::new(), vec![WordModel::of(word)]),
            Topic::Subject(_, found) => Self::new(found.iter().map(FindingModel::of).collect(), Vec::new()),
        }
    }

    fn new(findings: Vec<FindingModel>, words: Vec<WordModel<'a>>) -> Self {
        Self { schema: SCHEMA, command: "explain", findings, words }
    }
}

#[derive(Debug, Serialize)]
struct FindingModel {
    id: &'static str,
    severities: Vec<&'static str>,
    what: &'static str,
    why: &'static str,
    remedy: &'static str,
    rfc: &'static [&'static str],
}

impl FindingModel {
    fn of(explained: &Explained) -> Self {
        Self {
            id: explained.id,
            severities: explained.severities.iter().map(|severity| severity.as_str()).collect(),
            what: explained.what,
            why: explained.why,
            remedy: explained.remedy,
            rfc: explained.rfc,
        }
    }
}

#[derive(Debug, Serialize)]
struct WordModel<'a> {
    word: &'a str,
    names: &'a [&'static str],
    group: &'a str,
    what: &'a str,
    choose: &'a str,
    rfc: &'a [&'static str],
}

impl<'a> WordModel<'a> {
    fn of(word: &'a Word) -> Self {
        Self {
            word: word.name(),
            names: word.names,
            group: word.group,
            what: word.what,
            choose: word.choose,
            rfc: word.rfc,
        }
    }
}
