//! Build script: checks `providers.toml` with the program's own code and writes the index of its domains.

#![expect(
    dead_code,
    unused_imports,
    reason = "the modules are shared with the library, which uses all of them"
)]

#[path = "../settings.rs"]
mod settings;
mod table;
#[path = "../target.rs"]
mod target;

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use table::Table;

#[expect(clippy::print_stderr, reason = "a build script speaks to cargo by printing")]
fn main() {
    for file in [TABLE, "src/providers", "src/settings.rs", "src/target.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    if let Err(problem) = write_index() {
        eprintln!("{TABLE}:{problem}");
        process::exit(1);
    }
}

fn write_index() -> Result<(), String> {
    let text = fs::read_to_string(TABLE).map_err(|error| error.to_string())?;
    let table = Table::parse(&text).map_err(|error| error.to_string())?;
    let entries = entries(&text);
    if entries.len() != table.providers.len() {
        return Err("a line `[[provider]]` stands inside a value".to_owned());
    }
    for (&(start, end), provider) in entries.iter().zip(&table.providers) {
        let alone = text.get(start..end).map(Table::parse);
        if !alone.is_some_and(|parsed| parsed.is_ok_and(|parsed| parsed.providers == [provider.clone()])) {
            return Err(format!("the entry {} does not stand on its own", provider.id));
        }
    }
    let target = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    fs::write(Path::new(&target).join("providers_index.rs"), index(&table, &entries))
        .map_err(|error| error.to_string())
}

/// Where each entry stands, in bytes: from one `[[provider]]` line to the next.
fn entries(text: &str) -> Vec<(usize, usize)> {
    let header = "\n[[provider]]\n";
    let starts: Vec<usize> = text.match_indices(header).map(|(start, _)| start + 1).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).collect()
}

fn index(table: &Table, entries: &[(usize, usize)]) -> String {
    let mut domains: Vec<(&str, usize)> = Vec::new();
    for (position, provider) in table.providers.iter().enumerate() {
        domains.extend(provider.domains.iter().map(|domain| (domain.as_str(), position)));
    }
    domains.sort_unstable();
    let mut code = format!("static ENTRIES: [(usize, usize); {}] = {entries:?};\n", entries.len());
    let _ = writeln!(code, "static INDEX: [(&str, u16); {}] = {domains:?};", domains.len());
    code
}

const TABLE: &str = "providers.toml";
