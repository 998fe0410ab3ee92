//! A probe that was not allowed to end.

use crate::probe::facts::Facts;
use crate::report::Context;
use crate::report::finding::{Finding, Severity};

/// Judges a probe that the end of the run cut off.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    if !facts.interrupted {
        return Vec::new();
    }
    let text = "the run was ended before this endpoint was examined";
    vec![Finding::new("run.interrupted", Severity::Unknown, text).hint("run it again and let it finish")]
}
