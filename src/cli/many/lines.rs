//! A list of targets cut into lines: comments and blank lines left out, and no line longer than it may be.

use std::io::{self, BufRead, Read};

/// The lines of a list that hold something.
pub struct Lines<R> {
    input: R,
    number: usize,
}

/// A line that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// What it holds, or why that cannot be read.
    pub content: Result<String, Unreadable>,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its beginning.
    pub text: String,
    /// Why it cannot be read.
    pub reason: String,
}

impl<R: BufRead> Lines<R> {
    /// The lines of an input.
    pub fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line that holds something; `None` at the end.
    ///
    /// # Errors
    /// Those of the input.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            if self.input.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let long = bytes.len() as u64 > LINE_BYTES && !bytes.ends_with(b"\n");
            if long {
                self.skip_line()?;
            }
            let line = bytes.strip_prefix(BOM).filter(|_| self.number == 1).unwrap_or(&bytes);
            if let Some(content) = content(line, long) {
                return Ok(Some(Line { number: self.number, content }));
            }
        }
    }

    /// The number of the last line that was read.
    pub fn number(&self) -> usize {
        self.number
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let (length, over) = match end {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(length);
            if over {
                return Ok(());
            }
        }
    }
}

/// What a line holds; `None` when that is nothing.
fn content(line: &[u8], long: bool) -> Option<Result<String, Unreadable>> {
    let unreadable = |reason: &str| {
        let text = String::from_utf8_lossy(line).trim().chars().take(SHOWN_CHARACTERS).collect();
        Some(Err(Unreadable { text, reason: reason.to_owned() }))
    };
    match std::str::from_utf8(line) {
        _ if line.trim_ascii_start().starts_with(b"#") => None,
        _ if long => unreadable("the line is longer than 4096 bytes"),
        Err(_) => unreadable("the line is no UTF-8"),
        Ok(text) => {
            Some(without_comment(text)).filter(|text| !text.is_empty()).map(|text| Ok(text.to_owned()))
        }
    }
}

/// A comment begins with `#` at the start or behind a blank: a local part may hold one.
fn without_comment(text: &str) -> &str {
    let behind_blank =
        |at: &usize| text.get(..*at).is_none_or(|before| before.ends_with([' ', '\t']) || before.is_empty());
    let comment = text.match_indices('#').map(|(at, _)| at).find(behind_blank);
    comment.and_then(|at| text.get(..at)).unwrap_or(text).trim()
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The longest address has 254 octets (RFC 5321); a URL and a comment may stand beside it.
const LINE_BYTES: u64 = 4096;

/// As much of a bad line as stands in one line of a screen.
const SHOWN_CHARACTERS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, input));
        let next = || lines.next().unwrap();
        std::iter::from_fn(next)
            .map(|line| match line.content {
                Ok(text) => format!("{} {text}", line.number),
                Err(unreadable) => format!("{} {}: {}", line.number, unreadable.reason, unreadable.text),
            })
            .collect()
    }

    #[test]
    fn a_line_holds_one_target() {
        for (input, expected) in [
            (&b""[..], &[][..]),
            (b"\n \r\n# all\n  # of them\n", &[]),
            (b"a.example\nb.example", &["1 a.example", "2 b.example"]),
            (b"\xef\xbb\xbfa.example\r\n\r\nb.example\r\n", &["1 a.example", "3 b.example"]),
            (b"  a.example:993 \t# the first\n", &["1 a.example:993"]),
            (b"user#tag@a.example\n", &["1 user#tag@a.example"]),
            (b"user@b\xc3\xbccher.example\n", &["1 user@b\u{fc}cher.example"]),
            (
                b"b\xfccher.example\na.example\n",
                &["1 the line is no UTF-8: b\u{fffd}cher.example", "2 a.example"],
            ),
        ] {
            assert_eq!(lines(input), expected, "{:?}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn a_long_line_is_passed_over_and_the_next_is_read() {
        let fits = "a".repeat(4096);
        let long = "b".repeat(10_000);
        let found = lines(format!("{fits}\n{long}\nc.example\n#{long}\n{long}").as_bytes());
        let shown = "b".repeat(80);
        let too_long = |number| format!("{number} the line is longer than 4096 bytes: {shown}");
        assert_eq!(found, [format!("1 {fits}"), too_long(2), "3 c.example".to_owned(), too_long(5)]);
    }
}
