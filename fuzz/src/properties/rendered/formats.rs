//! What makes a text of each format well-formed.

use std::collections::HashSet;

use quick_xml::events::Event;

use super::super::is_forbidden;

/// A text that was written, and what went into it.
pub struct Written<'a> {
    /// The name of its format.
    pub format: &'a str,
    /// All of it.
    pub text: &'a str,
    /// How many results went into it.
    pub documents: usize,
    /// How many rows a table of them has.
    pub rows: usize,
}

/// Panics when a text is not of its format or holds a control character.
pub fn check(written: &Written) {
    let Written { format, text, documents, rows } = *written;
    match format {
        "human" => return clean(format, &without_colour(text)),
        "csv" => return check_csv(text, rows),
        "json" => check_json(text, documents),
        "jsonl" => check_lines(text, documents),
        "junit" => check_xml(text),
        "nagios" => check_plugin(text),
        "prometheus" => check_samples(text),
        "github" => check_commands(text),
        other => panic!("nobody says what makes {other} well-formed"),
    }
    clean(format, text);
}

fn clean(format: &str, text: &str) {
    let found = text.chars().find(|character| is_forbidden(*character) && *character != '\n');
    assert!(found.is_none(), "{format}: {found:?} in {text:?}");
    // What the runners of jobs obey wherever it stands.
    for command in ["##[", "##vso[", "##teamcity["] {
        assert!(!text.contains(command), "{format}: {command} in {text:?}");
    }
}

/// Every escape of the screen's own.
fn without_colour(text: &str) -> String {
    let codes = ["0", "1", "2", "32", "33", "35", "1;31"];
    codes.iter().fold(text.to_owned(), |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
}

fn check_json(text: &str, documents: usize) {
    let all: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(documents));
}

fn check_lines(text: &str, documents: usize) {
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    assert_eq!(text.lines().count(), documents);
}

/// RFC 4180: lines end with CRLF, and every row has as many cells as the header.
fn check_csv(text: &str, rows: usize) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let read = reader.records().collect::<Result<Vec<_>, _>>().expect("as many cells as in the header");
    assert_eq!(read.len(), rows);
    clean("csv", &text.replace("\r\n", "\n"));
}

fn check_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                element.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            _ => {}
        }
    }
    let outlaw = |character| matches!(character, '\u{fffe}' | '\u{ffff}');
    assert!(!text.contains(outlaw), "{text:?}");
    for reference in text.split("&#").skip(1) {
        let number = reference.split(';').next().unwrap_or_default();
        assert!(["9", "10", "13", "xA", "xD", "x9"].contains(&number), "&#{number};");
    }
}

/// One line with a status, performance data at most once, then lines of text.
fn check_plugin(text: &str) {
    let first = text.lines().next().unwrap_or_default();
    let known = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
    let begins = |word: &&str| first.starts_with(&format!("MAILCFG {word} - "));
    assert!(known.iter().any(begins), "{first}");
    assert!(text.matches('|').count() <= 1, "{text}");
    for line in text.lines() {
        let said = line.split_once(" | ").map_or(line, |(said, _)| said);
        assert!(said.len() <= PLUGIN_LINE, "{} bytes: {said}", said.len());
    }
    let Some((_, performance)) = first.split_once(" | ") else { return assert!(!text.contains('|')) };
    for (index, part) in performance.split('\'').enumerate() {
        let values = |character| matches!(character, '0'..='9' | '=' | ';' | ':' | '.' | '-' | 's' | ' ');
        assert!(index % 2 == 1 || part.chars().all(values), "{performance}");
    }
}

/// What a monitor shows of a line, with the words before it.
const PLUGIN_LINE: usize = 500;

/// Every line is a command of ours, or begins with our name.
fn check_commands(text: &str) {
    let known = ["::error title=", "::warning title=", "::notice title=", "mailcfg: "];
    for line in text.lines() {
        assert!(known.iter().any(|known| line.starts_with(known)), "{line:?}");
        assert!(line.starts_with(known[3]) || line.matches("::").count() >= 2, "{line:?}");
    }
}

/// A page in Markdown: every row of its table has the same cells.
pub fn check_page(page: &str) {
    clean("summary", page);
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let literal = row.replace("\\\\", "").replace("\\|", "");
        assert_eq!(literal.matches('|').count(), 5, "{row:?}");
    }
}

/// The text format of Prometheus: families with HELP and TYPE, each label set once.
fn check_samples(text: &str) {
    let (mut family, mut families, mut samples) = ("", HashSet::new(), HashSet::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap_or_default();
            assert!(is_name(family) && families.insert(family), "{line}");
            assert_eq!(lines.next(), Some(format!("# TYPE {family} gauge").as_str()));
            continue;
        }
        assert!(samples.insert(check_sample(line, family)), "twice: {line}");
    }
}

/// `name{label="value",…} number`: gives what stands before the number.
fn check_sample<'a>(line: &'a str, family: &str) -> &'a str {
    let (labels, number) = line.rsplit_once(' ').expect("a sample has a value");
    assert!(number.parse::<f64>().is_ok(), "{line}");
    let mut rest = labels.strip_prefix(family).expect("a sample is of its family");
    if rest.is_empty() {
        return labels;
    }
    rest = rest.strip_prefix('{').expect("labels stand in braces");
    while rest != "}" {
        let (name, value) = rest.split_once("=\"").expect("a label has a value");
        assert!(is_name(name), "{line}");
        rest = behind_value(value).unwrap_or_else(|| panic!("a value without an end: {line}"));
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

/// What follows the quote that ends a value; `\\`, `\"` and `\n` are its escapes.
fn behind_value(value: &str) -> Option<&str> {
    let mut characters = value.chars();
    loop {
        match characters.next()? {
            '"' => return Some(characters.as_str()),
            '\\' => assert!(matches!(characters.next()?, '\\' | '"' | 'n'), "{value:?}"),
            _ => {}
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
