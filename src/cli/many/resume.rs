//! What an earlier run did: its jsonl output, read a line at a time. A line that was cut is no obstacle.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::anyhow;
use mailcfg::render::json::SCHEMA;
use mailcfg::report::finding::Status;
use serde::Deserialize;

use super::super::complaint::say;
use super::Complaint;

/// The targets that were finished, each as often as it was, and how they were judged at worst.
#[derive(Debug, Default)]
pub struct Earlier(HashMap<String, (usize, Status)>);

impl Earlier {
    /// How a target was judged; a target is taken as often as it was finished.
    pub fn take(&mut self, target: &str) -> Option<Status> {
        let (times, status) = self.0.get_mut(target)?;
        *times = times.checked_sub(1)?;
        Some(*status)
    }

    fn add(&mut self, target: String, status: Status) {
        let (times, worst) = self.0.entry(target).or_insert((0, status));
        *times += 1;
        *worst = status.max(*worst);
    }
}

/// Reads the output of an earlier run of a command, and ends its last line when this run goes on in the same file.
pub fn read(path: &Path, command: &str, quiet: bool) -> Result<Earlier, Complaint> {
    let unreadable = |error: std::io::Error| {
        let error = anyhow::Error::new(error).context(format!("cannot read {}", path.display()));
        Complaint::usage(error, "name an earlier output of --format jsonl with --resume")
    };
    let file = File::open(path).map_err(unreadable)?;
    let output = output(BufReader::new(&file), command).map_err(unreadable)?;
    let name = path.display();
    if output.documents == 0 && !output.strange.is_empty() {
        let error = anyhow!("not the jsonl output of `mailcfg {command}`: {name}");
        return Err(Complaint::usage(error, "name an earlier output of --format jsonl with --resume"));
    }
    if let Some(line) = output.strange.first().filter(|_| !quiet) {
        let more = output.strange.len() - 1;
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(&format!("line {line}{others} of {name} is cut off or no document, and is passed over"));
    }
    if output.open_end && is_stdout(&file) {
        std::io::stdout().write_all(b"\n").map_err(unreadable)?;
    }
    Ok(output.earlier)
}

/// What stands in an output.
#[derive(Debug, Default)]
struct Found {
    earlier: Earlier,
    documents: usize,
    /// The numbers of lines that are no document.
    strange: Vec<usize>,
    /// True when the last line has no end.
    open_end: bool,
}

fn output(mut input: impl BufRead, command: &str) -> std::io::Result<Found> {
    let mut found = Found::default();
    for number in 1.. {
        let mut line = Vec::new();
        if input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        found.open_end = !line.ends_with(b"\n");
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Document>(&line) {
            Ok(document) if document.schema == SCHEMA && document.command == command => {
                found.documents += 1;
                if let Some(status) = document.status().filter(|_| !document.is_interrupted()) {
                    found.earlier.add(document.target, status);
                }
            }
            _ => found.strange.push(number),
        }
    }
    Ok(found)
}

/// What is read of a document.
#[derive(Deserialize)]
struct Document {
    schema: u32,
    command: String,
    target: String,
    status: String,
    #[serde(flatten)]
    part: Part,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    endpoints: Vec<Part>,
    #[serde(default)]
    settings: Option<Box<Part>>,
}

#[derive(Deserialize)]
struct Finding {
    id: String,
}

impl Document {
    /// How it was judged; `None` for a word of a later version.
    fn status(&self) -> Option<Status> {
        Some(match self.status.as_str() {
            "pass" | "found" => Status::Pass,
            "warn" => Status::Warn,
            "unknown" => Status::Unknown,
            "fail" | "not-found" => Status::Fail,
            _ => return None,
        })
    }

    fn is_interrupted(&self) -> bool {
        self.part.is_interrupted()
    }
}

impl Part {
    fn is_interrupted(&self) -> bool {
        self.findings.iter().any(|finding| finding.id == "run.interrupted")
            || self.endpoints.iter().any(Self::is_interrupted)
            || self.settings.as_deref().is_some_and(Self::is_interrupted)
    }
}

/// True when stdout goes on in this file.
#[cfg(unix)]
fn is_stdout(file: &File) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let place = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().map(File::from);
    stdout.is_ok_and(|stdout| place(&stdout).is_some_and(|stdout| Some(stdout) == place(file)))
}

#[cfg(not(unix))]
fn is_stdout(_file: &File) -> bool {
    false
}

/// 16 MiB: a document of a hundred endpoints takes less than one.
const LINE_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(target: &str, status: &str, more: &str) -> String {
        format!(r#"{{"schema":1,"command":"probe","target":"{target}","status":"{status}"{more},"index":0}}"#)
    }

    #[test]
    fn finished_targets_are_taken_as_often_as_they_were_finished() {
        let interrupted = r#","endpoints":[{"findings":[{"id":"run.interrupted"}]}]"#;
        let lookup = r#","settings":{"findings":[{"id":"run.interrupted"}]},"endpoints":[]"#;
        let text = [
            line("a.example", "pass", ""),
            line("b.example", "unknown", interrupted),
            line("a.example", "fail", r#","settings":null,"findings":[]"#),
            line("c.example", "unknown", lookup),
            String::new(),
            line("d.example", "unknown", r#","findings":[{"id":"greeting.busy"}]"#),
            line("e.example", "pa", "").replace("\"index\":0}", ""),
        ]
        .join("\n");
        let mut found = output(text.as_bytes(), "probe").unwrap();
        assert_eq!((found.documents, found.strange, found.open_end), (5, vec![7], true));
        for (target, expected) in [
            ("a.example", Some(Status::Fail)),
            ("a.example", Some(Status::Fail)),
            ("a.example", None),
            ("b.example", None),
            ("c.example", None),
            ("d.example", Some(Status::Unknown)),
            ("e.example", None),
        ] {
            assert_eq!(found.earlier.take(target), expected, "{target}");
        }
    }

    #[test]
    fn the_output_of_another_command_is_none() {
        let found = output(line("a.example", "pass", "").as_bytes(), "lookup").unwrap();
        assert_eq!((found.documents, found.strange), (0, vec![1]));
    }
}
