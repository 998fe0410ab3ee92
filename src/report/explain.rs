//! What the ids of findings and the words of the field mean, and what to do about them.
//!
//! The explanation of a finding stands in the file of its rule; those of words stand in `words`.

pub mod words;

use super::finding::Severity;
use super::policy::requirement;
use super::rules;
use words::{WORDS, Word};

/// What can be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A finding.
    Finding(Explained),
    /// A word of the field.
    Word(&'static Word),
    /// A subject, the first half of ids, or the requirements: these findings.
    Subject(String, Vec<Explained>),
}

impl Topic {
    /// What a word typed by a person is about: an id, a word, a requirement, or the subject of ids.
    ///
    /// # Errors
    /// The few things that are most like a word that is not known.
    pub fn find(typed: &str) -> Result<Self, Vec<&'static str>> {
        let word = typed.trim().to_ascii_lowercase().replace(' ', "-");
        let requirement = || finding(&format!("requirement.{word}"));
        let known = WORDS.iter().find(|known| known.names.contains(&word.as_str()));
        if let Some(explained) = finding(&word) {
            return Ok(Self::Finding(explained));
        }
        if let Some(known) = known {
            return Ok(Self::Word(known));
        }
        if let Some(explained) = requirement() {
            return Ok(Self::Finding(explained));
        }
        let subject = if word == "requirements" { "requirement" } else { &word };
        match about(subject) {
            found if found.is_empty() => Err(nearest(&word, all_names())),
            found => Ok(Self::Subject(word.clone(), found)),
        }
    }
}

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

impl Explained {
    /// The first half of the id.
    pub fn subject(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(subject, _)| subject)
    }
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

/// The findings of a subject: those whose id begins with it.
pub fn about(subject: &str) -> Vec<Explained> {
    findings().filter(|explained| explained.subject() == subject).collect()
}

fn all_names() -> impl Iterator<Item = &'static str> {
    let words = WORDS.iter().flat_map(|word| word.names.iter().copied());
    let requirements = requirement::ALL.iter().map(|entry| entry.name);
    findings().map(|explained| explained.id).chain(words).chain(requirements)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// What has the form of an id in the code of rules, outside of explanations and tests.
    fn ids_in(folder: &Path) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ids.extend(ids_in(&path));
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("pub const EXPLAINED").next().unwrap_or_default();
            let code = code.split("#[cfg(test)]").next().unwrap_or_default();
            ids.extend(code.split('"').filter(|piece| is_id(piece)).map(str::to_owned));
        }
        ids
    }

    fn is_id(text: &str) -> bool {
        let part = |part: &str| {
            let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !part.is_empty() && part.bytes().all(fine)
        };
        text.split_once('.').is_some_and(|(subject, what)| part(subject) && part(what))
    }

    #[test]
    fn every_finding_is_explained_and_every_explanation_is_of_a_finding() {
        let of_rules = rules::EXPLAINED.iter().flat_map(|list| list.iter());
        let explained: BTreeSet<String> = of_rules.map(|explained| explained.id.to_owned()).collect();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/rules");
        assert_eq!(explained, ids_in(&rules));
        assert!(explained.len() > 60);
    }

    #[test]
    fn every_name_leads_to_one_explanation() {
        let ids: Vec<&str> = findings().map(|explained| explained.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let words: Vec<&str> = WORDS.iter().flat_map(|word| word.names).copied().collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        assert!(all_names().all(|name| Topic::find(name).is_ok()));
    }

    #[test]
    fn texts_are_fragments_in_one_form() {
        let of_findings = findings().flat_map(|it| [(it.id, it.what), (it.id, it.why), (it.id, it.remedy)]);
        let of_words = WORDS.iter().flat_map(|it| [(it.name(), it.what), (it.name(), it.choose)]);
        for (name, text) in of_findings.chain(of_words) {
            assert!(!text.is_empty() && !text.ends_with('.'), "{name}: {text}");
        }
    }

    #[test]
    fn what_is_typed_is_an_id_a_word_a_requirement_or_a_subject() {
        for (typed, expected) in [
            ("certificate.expired", "finding certificate.expired"),
            ("IMAP", "word imap"),
            ("SSL", "word tls"),
            ("app password", "word app-password"),
            ("465", "word 465"),
            ("uidl", "finding requirement.uidl"),
            ("dns", "subject dns 3"),
            ("nonsense-nobody-says", "nothing"),
        ] {
            let found = match Topic::find(typed) {
                Ok(Topic::Finding(explained)) => format!("finding {}", explained.id),
                Ok(Topic::Word(word)) => format!("word {}", word.name()),
                Ok(Topic::Subject(subject, found)) => format!("subject {subject} {}", found.len()),
                Err(_) => "nothing".to_owned(),
            };
            assert_eq!(found, expected, "{typed}");
        }
        assert!(Topic::find("certificate.expierd").unwrap_err().contains(&"certificate.expired"));
        assert!(matches!(Topic::find("requirements"), Ok(Topic::Subject(_, found)) if found.len() > 30));
    }
}
