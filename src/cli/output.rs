//! Where results go: stdout, or a file that is there whole or not at all; a reader that went away is no error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use mailcfg::render::style::Style;
use mailcfg::render::{FORMATS, Format, Listing, human, json};

use super::Complaint;
use super::arguments::{ColorWhen, OutputArguments};

/// How and where results are written.
#[derive(Debug)]
pub struct Output {
    /// The format.
    pub format: &'static Format,
    /// How the human format looks.
    pub style: Style,
    /// Whether nothing is written to stdout.
    pub quiet: bool,
    /// Whether the reader of stdout went away.
    pub closed: bool,
    file: Option<Replacement>,
}

impl Output {
    /// As the arguments and the terminal have it.
    pub fn new(arguments: &OutputArguments) -> Result<Self, Complaint> {
        Ok(Self {
            format: if arguments.json { &json::FORMAT } else { arguments.format },
            style: Style { colour: arguments.output.is_none() && colour(arguments.color) },
            quiet: arguments.quiet,
            closed: false,
            file: arguments.output.as_deref().map(Replacement::begin).transpose()?,
        })
    }

    /// Text on stdout, for what has no format.
    pub fn plain() -> Self {
        Self { format: &human::FORMAT, style: Style::default(), quiet: false, closed: false, file: None }
    }

    /// How a list that is no report is written.
    pub fn listing(&self) -> Result<Listing, Complaint> {
        self.format.listing.ok_or_else(|| self.unfit("this list", |format| format.listing.is_some()))
    }

    /// The complaint that results of this kind do not have the format asked for.
    pub fn unfit(&self, what: &str, fits: impl Fn(&Format) -> bool) -> Complaint {
        let fitting: Vec<&str> =
            FORMATS.iter().filter(|format| fits(format)).map(|format| format.name).collect();
        Complaint::usage(
            anyhow!("{what} cannot be written as {}", self.format.name),
            format!("the formats of {what} are {}", fitting.join(", ")),
        )
    }

    /// Writes a result.
    pub fn write(&mut self, result: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Complaint> {
        if let Some(file) = &mut self.file {
            return file.write(result);
        }
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
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Complaint::fault(anyhow::Error::new(error).context("cannot write the result"))),
            Ok(()) => Ok(()),
        }
    }

    /// Puts the file, when there is one, in its place.
    pub fn finish(self) -> Result<(), Complaint> {
        self.file.map_or(Ok(()), Replacement::finish)
    }
}

/// A file under another name in the folder of the one it will replace; gone when it is dropped before that.
#[derive(Debug)]
struct Replacement {
    place: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    is_finished: bool,
}

impl Replacement {
    /// Begins one, which shows at once whether the folder can be written.
    fn begin(place: &Path) -> Result<Self, Complaint> {
        let refused = |error: anyhow::Error| {
            let error = error.context(format!("cannot write {}", place.display()));
            Complaint::usage(error, "name a file in a folder that can be written with --output")
        };
        let place = target_of(place).map_err(refused)?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let temporary = place.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = create(&temporary).map_err(|error| refused(error.into()))?;
        Ok(Self { place, temporary, file: BufWriter::new(file), is_finished: false })
    }

    fn write(&mut self, result: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Complaint> {
        result(&mut self.file).map_err(|error| self.failed(error))
    }

    fn finish(mut self) -> Result<(), Complaint> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed
            .and_then(|()| fs::rename(&self.temporary, &self.place))
            .map_err(|error| self.failed(error))?;
        self.is_finished = true;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Complaint {
        let error = anyhow::Error::new(error).context(format!("cannot write {}", self.place.display()));
        Complaint::usage(error, "the file is as it was before; make room, or name another with --output")
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed is named so that nobody reads it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The regular file that a path means or would mean: a device or a folder is never replaced, a link is followed.
fn target_of(path: &Path) -> anyhow::Result<PathBuf> {
    if path.file_name().is_none() {
        return Err(anyhow!("this names no file"));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(fs::canonicalize(path)?),
        Ok(_) => Err(anyhow!("this is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error.into()),
    }
}

fn create(path: &Path) -> io::Result<File> {
    // What a killed run of the same number left behind is nobody's.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, READABLE_BY_ALL);
    options.open(path)
}

/// Before the umask: node_exporter runs as another user.
#[cfg(unix)]
const READABLE_BY_ALL: u32 = 0o644;

/// Reads the value of `--format`.
pub fn format_parser() -> impl TypedValueParser<Value = &'static Format> {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(values).map(|name| {
        let named = FORMATS.iter().copied().find(|format| format.name == name);
        named.unwrap_or(&human::FORMAT)
    })
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
