//! Where results go: stdout, in the format asked for; a reader that went away is no error.

use std::io::{self, IsTerminal, Write};

use mailcfg::render::style::Style;

use super::{ColorWhen, Complaint, Format, OutputArguments};

/// How results are written.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// How the human format looks.
    pub style: Style,
    /// Whether nothing is written.
    pub quiet: bool,
}

impl Output {
    /// As the arguments and the terminal have it.
    pub fn new(arguments: &OutputArguments) -> Self {
        let format = if arguments.json { Format::Json } else { arguments.format };
        Self { format, style: Style { colour: colour(arguments.color) }, quiet: arguments.quiet }
    }

    /// Writes a result to stdout.
    pub fn write(&self, result: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Complaint> {
        if self.quiet {
            return Ok(());
        }
        let mut text = Vec::new();
        let written = result(&mut text).and_then(|()| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&text)?;
            stdout.flush()
        });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Complaint::fault(anyhow::Error::new(error).context("cannot write the result"))),
            Ok(()) => Ok(()),
        }
    }
}

fn colour(when: ColorWhen) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            !set("NO_COLOR") && !dumb && io::stdout().is_terminal()
        }
    }
}
