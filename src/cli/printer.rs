//! Puts results out one by one: in the order of the targets or as they come, in the format asked for.

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::ControlFlow;

use mailcfg::render::{Order, Renderer};
use mailcfg::report::finding::Status;

use super::Complaint;
use super::drive::{InOrder, Manner, Taken};
use super::output::Output;

/// Where results of one kind go.
pub struct Printer<T> {
    output: Output,
    renderer: Box<dyn Renderer<T>>,
    in_order: InOrder<T>,
}

impl<T> Printer<T> {
    /// A printer of results that the renderer knows.
    pub fn new(output: Output, renderer: Box<dyn Renderer<T>>) -> Self {
        Self { output, renderer, in_order: InOrder::default() }
    }

    /// How a run is to be followed whose results come here.
    pub fn manner(&self) -> Manner {
        Manner { quiet: self.output.quiet, order: self.output.format.order }
    }

    /// Takes a result that was judged so; writes those whose turn it is.
    pub fn take(&mut self, index: usize, result: T, status: Status) -> Taken {
        let ready = match self.output.format.order {
            Order::OfTargets => self.in_order.take(index, result),
            Order::OfCompletion => vec![(index, result)],
        };
        for (index, result) in ready {
            let Self { output, renderer, .. } = self;
            output.write(|out| renderer.take(out, index, &result))?;
        }
        Ok(if self.output.closed { ControlFlow::Break(status) } else { ControlFlow::Continue(status) })
    }

    /// Writes what stands behind the last result.
    pub fn finish(self) -> Result<(), Complaint> {
        let Self { mut output, mut renderer, .. } = self;
        output.write(|out| renderer.finish(out))?;
        output.finish()?;
        renderer.summary().map_or(Ok(()), |page| add_to_summary(&page))
    }
}

/// Puts a page behind what stands in the summary of a GitHub job; elsewhere there is none.
fn add_to_summary(page: &str) -> Result<(), Complaint> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(page.as_bytes())).map_err(|error| {
        let error = anyhow::Error::new(error).context("cannot write the file of GITHUB_STEP_SUMMARY");
        Complaint::usage(error, "unset GITHUB_STEP_SUMMARY outside GitHub Actions")
    })
}
