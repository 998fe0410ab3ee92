//! Finished reports to text, one file a format. Nothing is decided here, and whatever a server sent is escaped.

pub mod human;
pub mod json;
pub mod style;
