//! Takes what differs from run to run out of a text, so that the rest can be compared whole.

/// Every `12 ms` and `1.2 ms` becomes `T ms`, whatever stands before it to align it.
pub fn without_times(text: &str) -> String {
    let mut pieces = text.split(" ms").peekable();
    let mut plain = String::new();
    while let Some(piece) = pieces.next() {
        let before = piece.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        if pieces.peek().is_none() {
            plain.push_str(piece);
        } else if before.len() == piece.len() {
            plain.push_str(&format!("{piece} ms"));
        } else {
            plain.push_str(&format!("{} T ms", before.trim_end_matches(' ')));
        }
    }
    plain
}

/// Every `2026-11-23` becomes `DATE`.
pub fn without_dates(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let date = rest.get(..DATE.len()).filter(|start| is_date(start));
        plain.push_str(if date.is_some() {
            "DATE"
        } else {
            rest.get(..character.len_utf8()).unwrap_or_default()
        });
        rest = rest.get(date.map_or(character.len_utf8(), str::len)..).unwrap_or_default();
    }
    plain
}

fn is_date(text: &str) -> bool {
    text.chars().zip(DATE.chars()).all(|(character, shape)| match shape {
        '-' => character == '-',
        _ => character.is_ascii_digit(),
    })
}

/// Every `T12:34:56` behind `DATE` is taken out.
pub fn without_clock(text: &str) -> String {
    let mut pieces = text.split("DATET");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| {
        let rest = piece.trim_start_matches(|found: char| found.is_ascii_digit() || found == ':');
        format!("{plain}DATE{rest}")
    })
}

/// Every SHA-256 in hexadecimal digits becomes `SHA`.
pub fn without_fingerprints(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(|found: char| found.is_ascii_hexdigit());
        let digits = rest.strip_suffix(behind).unwrap_or_default();
        plain.push_str(if digits.len() == 64 { "SHA" } else { digits });
        let next = behind.chars().next();
        plain.extend(next);
        rest = behind.get(next.map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    plain
}

/// The number behind every `"elapsed_ms":` becomes 0.
pub fn without_elapsed(text: &str) -> String {
    let mut pieces = text.split(ELAPSED);
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece
            .trim_start_matches(|character: char| character.is_ascii_digit() || " .".contains(character));
        plain.push_str(&format!("{ELAPSED} 0{rest}"));
    }
    plain
}

/// The number behind every time of a JSON document becomes 0, and so does the length of a probe in CSV.
pub fn without_json_times(text: &str) -> String {
    let names = ["dns", "connect", "greeting", "starttls", "tls", "capabilities", "total", "elapsed_ms"];
    let mut plain = text.to_owned();
    for name in names {
        plain = numbers_behind(&plain, &format!("\"{name}\": "));
        plain = numbers_behind(&plain, &format!("\"{name}\":"));
    }
    plain
}

/// What is measured in seconds becomes 0: in Prometheus samples, in JUnit attributes and in performance data.
pub fn without_seconds(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.rsplit_once(' ') {
        Some((sample, _)) if line.contains("_seconds") && !line.starts_with('#') => format!("{sample} 0\n"),
        _ => line.to_owned(),
    });
    let plain = numbers_behind(&lines.collect::<String>(), "time=\"");
    numbers_behind(&plain, " time'=")
}

fn numbers_behind(text: &str, mark: &str) -> String {
    let mut pieces = text.split(mark);
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|found: char| found.is_ascii_digit() || found == '.');
        let zero = if rest.len() < piece.len() { "0" } else { "" };
        plain.push_str(&format!("{mark}{zero}{rest}"));
    }
    plain
}

const DATE: &str = "0000-00-00";
const ELAPSED: &str = "\"elapsed_ms\":";

#[test]
fn only_what_differs_is_taken_out() {
    assert_eq!(without_times("a 12 ms · b:    1.2 ms, in ms"), "a T ms · b: T ms, in ms");
    assert_eq!(without_dates("ü (2026-11-23) 26-11-23"), "ü (DATE) 26-11-23");
    assert_eq!(without_fingerprints(&format!("a \"{}\"\nb ü", "0f".repeat(32))), "a \"SHA\"\nb ü");
    assert_eq!(without_elapsed(r#"{"elapsed_ms": 1.5,"a":2}"#), r#"{"elapsed_ms": 0,"a":2}"#);
    assert_eq!(without_elapsed(r#"{"elapsed_ms":1.5}"#), r#"{"elapsed_ms": 0}"#);
    assert_eq!(without_clock("a DATET12:34:56Z b"), "a DATEZ b");
    assert_eq!(
        without_json_times(r#""total": 1.5,"dns":null,"tls":12}"#),
        r#""total": 0,"dns":null,"tls":0}"#
    );
    assert_eq!(
        without_seconds("a_seconds{b=\"c d\"} 1.5\n time=\"0.1\" 'x time'=0.2s"),
        "a_seconds{b=\"c d\"} 0\n time=\"0\" 'x time'=0s"
    );
}
