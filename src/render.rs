//! Finished reports to text, one file a format. Nothing is decided here, and whatever a server sent is escaped.
//!
//! A format is a value of [`Format`] in its file and a line in [`FORMATS`].

pub mod csv;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod nagios;
pub mod prometheus;
pub mod style;
mod words;

use std::io::{self, Write};

use crate::report::{Looked, Report};
use human::lookup::Shown;
use human::probe::Detail;
use style::{Escaped, Style};

/// Every format; the first is the default.
pub const FORMATS: &[&Format] = &[
    &human::FORMAT,
    &json::FORMAT,
    &json::LINES,
    &nagios::FORMAT,
    &prometheus::FORMAT,
    &junit::FORMAT,
    &github::FORMAT,
    &csv::FORMAT,
];

/// A form that results can have.
#[derive(Debug)]
pub struct Format {
    /// The word for `--format`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// When results are written.
    pub order: Order,
    /// Makes a renderer of probes.
    pub reports: Maker<Report>,
    /// Makes a renderer of lookups, where that makes sense.
    pub lookups: Option<Maker<Looked>>,
    /// How plain lists are written, where that makes sense.
    pub listing: Option<Listing>,
    /// True when exit codes and complaints are those of a monitoring plugin.
    pub is_plugin: bool,
}

/// Makes a renderer of one kind of results.
pub type Maker<T> = fn(&Look) -> Box<dyn Renderer<T>>;

/// The order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of the targets.
    OfTargets,
    /// That in which targets are finished.
    OfCompletion,
}

/// The form of a list that is no report: questions of a dry run, entries of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Lines for a person.
    Screen,
    /// A JSON array.
    Array,
    /// A JSON document a line.
    Lines,
}

/// Writes results of one kind in one format, each as soon as it is there.
pub trait Renderer<T> {
    /// Writes a result, or keeps the little of it that is needed in the end; `index` is its place among the targets.
    ///
    /// # Errors
    /// Those of the writer.
    fn take(&mut self, out: &mut dyn Write, index: usize, result: &T) -> io::Result<()>;

    /// Writes what stands behind the last result.
    ///
    /// # Errors
    /// Those of the writer.
    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// A page in Markdown for the summary of a CI job, where the format has one.
    fn summary(&self) -> Option<String> {
        None
    }
}

/// What a format may have to know beside the results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Colour.
    pub style: Style,
    /// How much is said of an endpoint.
    pub detail: Detail,
    /// How a lookup is shown; in front of a probe only when there is a value.
    pub shown: Option<Shown>,
    /// True when there is more than one target, or a list of them.
    pub several: bool,
}

/// Foreign text on one line, with what could steer a terminal made visible; a format escapes what it must besides.
fn escaped(text: &str) -> String {
    Escaped(text).to_string()
}
