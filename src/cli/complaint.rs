//! What goes wrong before or beside the work: the sentence, its causes, what to try, and the exit code.

use std::io::Write;

use clap::error::ErrorKind;
use mailcfg::render::nagios;
use mailcfg::report::{EXIT_UNKNOWN, EXIT_USAGE};

/// An error for the person at the keyboard.
#[derive(Debug)]
pub struct Complaint {
    error: anyhow::Error,
    hint: Option<String>,
    exit_code: u8,
    of_plugin: bool,
}

impl Complaint {
    /// A mistake in the arguments or in a file they name.
    pub fn usage(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: Some(hint.into()), exit_code: EXIT_USAGE, of_plugin: false }
    }

    /// A fault of the machine: it could not be found out.
    pub fn fault(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, exit_code: EXIT_UNKNOWN, of_plugin: false }
    }

    /// The same with another exit code.
    pub fn exit(self, exit_code: u8) -> Self {
        Self { exit_code, ..self }
    }

    /// The same with another hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, told as a monitoring plugin tells it: in a line on stdout, with exit code 3.
    pub fn of_plugin(self) -> Self {
        Self { of_plugin: true, exit_code: nagios::EXIT_UNKNOWN, ..self }
    }

    /// Ended by a second signal, which leaves nothing to say.
    pub fn killed() -> Self {
        Self { error: anyhow::anyhow!("ended at once"), hint: None, exit_code: KILLED, of_plugin: false }
    }

    /// What clap has to say: help and version are printed and no complaint, the rest is put into our form.
    pub fn from_clap(error: clap::Error) -> Result<u8, Self> {
        if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            // A closed stdout or stderr leaves nobody to tell.
            let _ = error.print();
            return Ok(u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE));
        }
        let text = error.render().to_string();
        let mut paragraphs = text.trim_start_matches("error: ").split("\n\n").map(on_one_line);
        let sentence = paragraphs.next().unwrap_or_default();
        let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_owned));
        let hint = tip.unwrap_or_else(|| "`--help` behind the command shows what it takes".to_owned());
        Err(Self::usage(anyhow::anyhow!(sentence), hint))
    }

    /// The sentence with its causes, and the hint.
    pub fn into_parts(self) -> (String, Option<String>) {
        let causes: Vec<String> = self.error.chain().map(ToString::to_string).collect();
        (causes.join(": "), self.hint)
    }

    /// Prints the sentence, its causes and the hint to stderr.
    pub fn print(&self) {
        if self.of_plugin {
            let causes: Vec<String> = self.error.chain().map(ToString::to_string).collect();
            let hint = self.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
            let line = nagios::complaint(&(causes.join(": ") + &hint));
            let _ = std::io::stdout().lock().write_all(line.as_bytes());
            return;
        }
        let mut stderr = std::io::stderr().lock();
        let mut text = format!("mailcfg: error: {}\n", printable(&self.error.to_string()));
        for cause in self.error.chain().skip(1) {
            text.push_str(&format!("  because: {}\n", printable(&cause.to_string())));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {}\n", printable(hint)));
        }
        let _ = stderr.write_all(text.as_bytes());
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// Says something that is neither a result nor an error, on stderr.
pub fn say(text: &str) {
    let line = format!("mailcfg: {}\n", printable(text));
    // What cannot be said is not missed.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn on_one_line(paragraph: &str) -> String {
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn printable(text: &str) -> String {
    mailcfg::render::style::Escaped(text).to_string()
}

/// What shells give for SIGINT.
const KILLED: u8 = 130;
