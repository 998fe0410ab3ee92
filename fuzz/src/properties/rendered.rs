//! Whatever a server or a document said, every format stays well-formed and holds nothing that steers a terminal.

#[path = "told.rs"]
mod told;

use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::{FORMATS, Look, Renderer};

use told::{looked, reports};

/// Words of a server in every place where words of servers stand, in every format and on every screen.
pub fn render(bytes: &[u8]) {
    let words = String::from_utf8_lossy(bytes).into_owned();
    let (reports, looked) = (reports(&words), looked(&words));
    let shown = Some(Shown { sources: true, differences: true });
    for format in FORMATS {
        let details: &[Detail] = match format.name {
            "human" => &[Detail::Short, Detail::Facts, Detail::Transcript],
            _ => &[Detail::Short],
        };
        for &detail in details {
            let look = Look { several: true, detail, shown, ..Look::default() };
            check(format.name, &written((format.reports)(&look), &reports), reports.len());
            let lookups = format.lookups.map(|maker| written(maker(&look), &looked));
            lookups.iter().for_each(|text| check(format.name, text, looked.len()));
        }
    }
}

/// All that a format makes of results; what it says of them all has to be clean too.
fn written<T>(mut renderer: Box<dyn Renderer<T>>, results: &[T]) -> String {
    let mut text = Vec::new();
    for (index, result) in results.iter().enumerate() {
        renderer.take(&mut text, index, result).expect("memory can be written");
    }
    renderer.finish(&mut text).expect("memory can be written");
    renderer.summary().iter().for_each(|page| clean("summary", page));
    String::from_utf8(text).expect("every format is UTF-8")
}

fn check(format: &str, text: &str, documents: usize) {
    clean(format, text);
    match format {
        "json" => {
            let found: serde_json::Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(found.as_array().map(Vec::len), Some(documents));
        }
        "jsonl" => {
            assert_eq!(text.lines().count(), documents);
            assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        }
        "junit" => well_formed(text),
        "csv" => {
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            let rows = rows.records().collect::<Result<Vec<_>, _>>().expect("as many cells as in the header");
            assert!(rows.len() >= documents);
            let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@']);
            assert!(!rows.iter().flatten().any(formula), "{text}");
        }
        "nagios" => {
            let first = text.lines().next().unwrap_or_default();
            assert!(first.starts_with("MAILCFG ") && first.matches('|').count() <= 1, "{text}");
        }
        "github" => {
            let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
            let known = ["::error ", "::warning ", "::notice "];
            commands.for_each(|line| assert!(known.iter().any(|known| line.starts_with(known)), "{line}"));
        }
        "prometheus" => text.lines().for_each(sample),
        _ => {}
    }
}

/// `# HELP …`, `# TYPE …` or `name{label="value",…} number`, the values with their quotes and backslashes escaped.
fn sample(line: &str) {
    if line.is_empty() || line.starts_with("# HELP ") || line.starts_with("# TYPE ") {
        return;
    }
    let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a sample has a value"));
    assert!(name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_'), "{line}");
    let value = match rest.strip_prefix('{') {
        Some(labels) => labels.get(end_of_labels(labels)..).and_then(|rest| rest.strip_prefix("} ")),
        None => rest.strip_prefix(' '),
    };
    assert!(value.is_some_and(|value| value.parse::<f64>().is_ok()), "{line}");
}

fn end_of_labels(labels: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return place,
            _ => {}
        }
    }
    labels.len()
}

/// A list of its own, so that a gap in the program's is seen.
fn clean(format: &str, text: &str) {
    let harmless = |character| matches!(character, '\n') || (format == "csv" && character == '\r');
    let found = text.chars().find(|&character| steers(character) && !harmless(character));
    assert!(found.is_none(), "{format}: {found:?} in {text:?}");
}

fn steers(character: char) -> bool {
    const FROM_TO: &[(u32, u32)] = &[
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x2064),
        (0x2066, 0x206f),
        (0x3164, 0x3164),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0xe0001, 0xe007f),
    ];
    FROM_TO.iter().any(|&(from, to)| (from..=to).contains(&u32::from(character)))
}

fn well_formed(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().expect("well-formed XML") {
            quick_xml::events::Event::Eof => return,
            quick_xml::events::Event::Start(element) | quick_xml::events::Event::Empty(element) => {
                element.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            _ => {}
        }
    }
}
