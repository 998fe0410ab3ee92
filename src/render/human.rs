//! Reports for a person at a terminal: one file a screen.

pub mod explain;
mod facts;
mod login;
pub mod lookup;
pub mod probe;
pub mod providers;

use std::io::{self, Write};

use crate::render::style::Escaped;
use crate::render::{Format, Listing, Look, Order, Renderer};
use crate::report::{Looked, Report};
use crate::target::Domain;

/// `human`
pub const FORMAT: Format = Format {
    name: "human",
    about: "For a person",
    order: Order::OfTargets,
    reports: |look| Box::new(Screen::new(*look)),
    lookups: Some(|look| Box::new(Screen::new(*look))),
    listing: Some(Listing::Screen),
    is_plugin: false,
};

/// Screens one below the other, an empty line between them.
#[derive(Debug)]
struct Screen {
    look: Look,
    begun: bool,
}

impl Screen {
    fn new(look: Look) -> Self {
        Self { look, begun: false }
    }

    fn separate(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.begun {
            writeln!(out)?;
        }
        self.begun = true;
        Ok(())
    }
}

impl Renderer<Looked> for Screen {
    fn take(&mut self, out: &mut dyn Write, _index: usize, looked: &Looked) -> io::Result<()> {
        self.separate(out)?;
        match looked {
            Looked::Asked(report) => {
                lookup::write(out, report, self.look.style, self.look.shown.unwrap_or_default())
            }
            Looked::Unasked(report) => lookup::write_unasked(out, report, self.look.style),
        }
    }
}

impl Renderer<Report> for Screen {
    fn take(&mut self, out: &mut dyn Write, _index: usize, report: &Report) -> io::Result<()> {
        if let (Some(shown), Some(lookup)) = (self.look.shown, &report.lookup) {
            self.separate(out)?;
            lookup::write(out, lookup, self.look.style, shown)?;
        }
        self.separate(out)?;
        probe::write(out, report, self.look.style, self.look.detail)
    }
}

/// A name as a person reads it, with its A-labels behind it when they differ.
fn both_forms(domain: &Domain) -> String {
    let unicode = domain.unicode();
    match unicode == domain.as_str() {
        true => unicode,
        false => format!("{} ({domain})", Escaped(&unicode)),
    }
}
