//! The screens of explanations: the list of all, and one.

use std::io::{self, Write};

use crate::render::style::{Style, Tone, columns};
use crate::report::explain::words::{WORDS, Word};
use crate::report::explain::{Explained, Topic, about, findings};
use crate::report::policy::requirement;

/// Writes a line a finding and the words, group by group.
///
/// # Errors
/// Those of the writer.
pub fn write_list(out: &mut dyn Write, style: Style) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Bold, "Findings"))?;
    write_findings(out, &findings().collect::<Vec<_>>())?;
    let mut groups: Vec<&str> = WORDS.iter().map(|word| word.group).collect();
    groups.dedup();
    for group in groups {
        writeln!(out, "\n{}", style.paint(Tone::Bold, group))?;
        let words = WORDS.iter().filter(|word| word.group == group);
        let rows: Vec<Vec<String>> =
            words.map(|word| vec![word.name().to_owned(), word.what.to_owned()]).collect();
        columns(&rows).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    Ok(())
}

/// Writes one explanation.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, topic: &Topic, style: Style) -> io::Result<()> {
    match topic {
        Topic::Finding(explained) => write_finding(out, explained, style),
        Topic::Word(word) => write_word(out, word, style),
        Topic::Subject(subject, found) => {
            writeln!(out, "{}", style.paint(Tone::Bold, subject))?;
            write_findings(out, found)
        }
    }
}

fn write_finding(out: &mut dyn Write, explained: &Explained, style: Style) -> io::Result<()> {
    writeln!(out, "{} · {}", style.paint(Tone::Bold, explained.id), severities(explained))?;
    // A requirement's sentence says what is wanted, any other what is the matter.
    let is_wanted = requirement::ALL.iter().any(|entry| entry.id == explained.id);
    let texts = [
        (if is_wanted { "what it asks for" } else { "what it means" }, explained.what),
        ("why it matters", explained.why),
        ("what to do", explained.remedy),
    ];
    write_texts(out, &texts, explained.rfc, style)
}

fn write_word(out: &mut dyn Write, word: &Word, style: Style) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Bold, &word.names.join(", ")))?;
    write_texts(out, &[("what it is", word.what), ("what to choose", word.choose)], word.rfc, style)?;
    match about(word.name()).as_slice() {
        [] => Ok(()),
        found => {
            writeln!(out, "\n  {}", style.paint(Tone::Dim, "findings"))?;
            write_findings(out, found)
        }
    }
}

fn write_texts(out: &mut dyn Write, texts: &[(&str, &str)], rfc: &[&str], style: Style) -> io::Result<()> {
    let sources = rfc.join(" · ");
    let source = (!rfc.is_empty()).then_some(("written down in", sources.as_str()));
    for (name, text) in texts.iter().copied().chain(source) {
        writeln!(out, "  {}{text}", style.paint(Tone::Dim, &format!("{name:<17}")))?;
    }
    Ok(())
}

fn write_findings(out: &mut dyn Write, found: &[Explained]) -> io::Result<()> {
    let row = |explained: &Explained| {
        vec![explained.id.to_owned(), severities(explained), explained.what.to_owned()]
    };
    columns(&found.iter().map(row).collect::<Vec<_>>()).iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// `warn or fail`
fn severities(explained: &Explained) -> String {
    let words: Vec<&str> = explained.severities.iter().map(|severity| severity.as_str()).collect();
    words.join(" or ")
}
