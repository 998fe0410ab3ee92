//! The JSON documents, schema 1. Fields are only ever added; a failure stands inside the document.
//!
//! The model is its own, so that a change inside the program cannot change the documents unseen.

mod attempt;
mod explain;
mod login;
mod lookup;
mod probe;
mod provider;
mod safe;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter, Serializer};

use crate::render::{Format, Listing, Look, Order, Renderer};
use crate::report::{Looked, Report};
use safe::Safe;

pub use explain::ExplainModel;
pub use lookup::{LookupModel, QuestionModel};
pub use probe::ProbeModel;
pub use provider::ProviderModel;

/// `json`
pub const FORMAT: Format = Format {
    name: "json",
    about: "A document, or an array of them with several targets",
    order: Order::OfTargets,
    reports: |look| Box::new(Documents::new(look)),
    lookups: Some(|look| Box::new(Documents::new(look))),
    listing: Some(Listing::Array),
    is_plugin: false,
};

/// `jsonl`
pub const LINES: Format = Format {
    name: "jsonl",
    about: "A document a line, as they are finished",
    order: Order::OfCompletion,
    reports: |_| Box::new(Lines),
    lookups: Some(|_| Box::new(Lines)),
    listing: Some(Listing::Lines),
    is_plugin: false,
};

/// The version of the documents.
pub const SCHEMA: u32 = 1;

/// The JSON Schema (draft 2020-12) of every document.
pub const SCHEMA_TEXT: &str = include_str!("../../schema/mailcfg.schema.json");

/// One document alone, or an array that grows.
#[derive(Debug)]
struct Documents {
    several: bool,
    written: usize,
}

impl Documents {
    fn new(look: &Look) -> Self {
        Self { several: look.several, written: 0 }
    }

    fn add(&mut self, out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
        self.written += 1;
        if !self.several {
            return write(out, document);
        }
        out.write_all(if self.written == 1 { b"[\n  " } else { b",\n  " })?;
        // A line feed inside a string is an escape, so each of these ends a line.
        out.write_all(pretty(document)?.replace('\n', "\n  ").as_bytes())
    }

    fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        match (self.written, self.several) {
            (0, _) => writeln!(out, "[]"),
            (_, true) => writeln!(out, "\n]"),
            (_, false) => Ok(()),
        }
    }
}

impl Renderer<Report> for Documents {
    fn take(&mut self, out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        self.add(out, &ProbeModel::of(report))
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.end(out)
    }
}

impl Renderer<Looked> for Documents {
    fn take(&mut self, out: &mut dyn Write, _index: usize, looked: &Looked) -> io::Result<()> {
        self.add(out, &LookupModel::of_looked(looked))
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.end(out)
    }
}

/// A document a line.
#[derive(Debug)]
struct Lines;

impl Renderer<Report> for Lines {
    fn take(&mut self, out: &mut dyn Write, index: usize, report: &Report) -> io::Result<()> {
        write_line(out, index, &ProbeModel::of(report))
    }
}

impl Renderer<Looked> for Lines {
    fn take(&mut self, out: &mut dyn Write, index: usize, looked: &Looked) -> io::Result<()> {
        write_line(out, index, &LookupModel::of_looked(looked))
    }
}

/// Writes a value over several lines, indented.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", pretty(value)?)
}

fn pretty(value: &impl Serialize) -> io::Result<String> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Safe(PrettyFormatter::new())))?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// Writes a list as an array; one document stands alone.
///
/// # Errors
/// Those of the writer.
pub fn write_all(out: &mut dyn Write, documents: &[impl Serialize]) -> io::Result<()> {
    match documents {
        [one] => write(out, one),
        all => write(out, &all),
    }
}

/// Writes a document in one line, with its place among the targets.
///
/// # Errors
/// Those of the writer.
pub fn write_line(out: &mut dyn Write, index: usize, document: &impl Serialize) -> io::Result<()> {
    let line = Line { document, index };
    line.serialize(&mut Serializer::with_formatter(&mut *out, Safe(CompactFormatter)))?;
    writeln!(out)
}

/// A document and its place.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    document: &'a T,
    index: usize,
}

/// Writes a list, a document a line.
///
/// # Errors
/// Those of the writer.
pub fn write_lines(out: &mut dyn Write, documents: &[impl Serialize]) -> io::Result<()> {
    documents.iter().enumerate().try_for_each(|(index, document)| write_line(out, index, document))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::render::style::is_dangerous;

    #[test]
    fn a_document_holds_no_control_bytes_and_reads_back_the_same() {
        let hostile = json!({ "text": "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\u{feff}é\"\\\r\n" });
        let mut text = Vec::new();
        write(&mut text, &hostile).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.chars().any(|character| character != '\n' && is_dangerous(character)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }

    #[test]
    fn an_array_grows_as_serde_would_write_it_whole() {
        for documents in [vec![], vec![json!({ "a": ["b\n", {}] })], vec![json!({}), json!({ "a": [1, 2] })]]
        {
            let mut growing = Documents { several: true, written: 0 };
            let mut text = Vec::new();
            documents.iter().for_each(|document| growing.add(&mut text, document).unwrap());
            growing.end(&mut text).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), format!("{:#}\n", json!(documents)));
        }
    }
}
