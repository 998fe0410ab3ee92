//! The documents of explanations.

use serde_json::{Value, json};

use super::SCHEMA;
use crate::report::explain::words::{WORDS, Word};
use crate::report::explain::{Explained, Topic, findings};

/// The document of everything that can be explained.
pub fn all() -> Value {
    json!({
        "schema": SCHEMA,
        "command": "explain",
        "findings": findings().map(|explained| finding(&explained)).collect::<Vec<_>>(),
        "words": WORDS.iter().map(word).collect::<Vec<_>>(),
    })
}

/// The document of one explanation: findings, words, or both lists with one of them empty.
pub fn topic(topic: &Topic) -> Value {
    let (findings, words) = match topic {
        Topic::Finding(explained) => (vec![finding(explained)], Vec::new()),
        Topic::Word(known) => (Vec::new(), vec![word(known)]),
        Topic::Subject(_, found) => (found.iter().map(finding).collect(), Vec::new()),
    };
    json!({ "schema": SCHEMA, "command": "explain", "findings": findings, "words": words })
}

fn finding(explained: &Explained) -> Value {
    json!({
        "id": explained.id,
        "severities": explained.severities.iter().map(|severity| severity.as_str()).collect::<Vec<_>>(),
        "what": explained.what,
        "why": explained.why,
        "remedy": explained.remedy,
        "rfc": explained.rfc,
    })
}

fn word(word: &Word) -> Value {
    json!({
        "word": word.name(),
        "names": word.names,
        "group": word.group,
        "what": word.what,
        "choose": word.choose,
        "rfc": word.rfc,
    })
}
