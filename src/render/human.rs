//! Reports for a person at a terminal: one file a screen.

pub mod explain;
pub mod lookup;
pub mod probe;
pub mod providers;

use crate::render::style::Escaped;
use crate::target::Domain;

/// A name as a person reads it, with its A-labels behind it when they differ.
fn both_forms(domain: &Domain) -> String {
    let unicode = domain.unicode();
    match unicode == domain.as_str() {
        true => unicode,
        false => format!("{} ({domain})", Escaped(&unicode)),
    }
}
