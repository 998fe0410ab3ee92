//! The documents of explanations.

use serde::Serialize;

use super::SCHEMA;
use crate::report::explain::words::{WORDS, Word};
use crate::report::explain::{Explained, Topic, findings};

/// A document: findings, words, or both; one of the lists may be empty.
#[derive(Debug, Serialize)]
pub struct ExplainModel {
    schema: u32,
    command: &'static str,
    findings: Vec<ExplainedModel>,
    words: Vec<WordModel>,
}

impl ExplainModel {
    /// Of everything that can be explained.
    pub fn of_all() -> Self {
        let findings = findings().map(|explained| ExplainedModel::of(&explained));
        Self::new(findings.collect(), WORDS.iter().map(WordModel::of).collect())
    }

    /// Of one explanation.
    pub fn of(topic: &Topic) -> Self {
        match topic {
            Topic::Finding(explained) => Self::new(vec![ExplainedModel::of(explained)], Vec::new()),
            Topic::Word(word) => Self::new(Vec::new(), vec![WordModel::of(word)]),
            Topic::Subject(_, found) => Self::new(found.iter().map(ExplainedModel::of).collect(), Vec::new()),
        }
    }

    fn new(findings: Vec<ExplainedModel>, words: Vec<WordModel>) -> Self {
        Self { schema: SCHEMA, command: "explain", findings, words }
    }
}

#[derive(Debug, Serialize)]
struct ExplainedModel {
    id: &'static str,
    severities: Vec<&'static str>,
    what: &'static str,
    why: &'static str,
    remedy: &'static str,
    rfc: &'static [&'static str],
}

impl ExplainedModel {
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
struct WordModel {
    word: &'static str,
    names: &'static [&'static str],
    group: &'static str,
    what: &'static str,
    choose: &'static str,
    rfc: &'static [&'static str],
}

impl WordModel {
    fn of(word: &Word) -> Self {
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
