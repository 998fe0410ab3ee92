//! Cuts what a server sends into lines, under limits; what a line means is for its protocol.

use std::fmt;

/// One line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes before CRLF or LF.
    pub bytes: Vec<u8>,
    /// True when the line ended with LF alone.
    pub bare_lf: bool,
}

impl Line {
    /// The line as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The size on the wire, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len() + if self.bare_lf { 1 } else { 2 }
    }
}

/// Collects bytes as they come and gives lines out; holds at most [`LINE_BYTES`] and what was pushed last.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    scanned: usize,
    lines: usize,
    /// What was given out.
    bytes: usize,
}

impl Splitter {
    /// Takes bytes from the server.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Gives the next whole line; `None` when its end has not come yet.
    ///
    /// # Errors
    /// [`Fault`] when a line is over-long or holds a NUL, or when a reply or the whole dialogue is too large.
    pub fn next_line(&mut self) -> Result<Option<Line>, Fault> {
        let unscanned = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(offset) = unscanned.iter().position(|&byte| byte == b'\n') else {
            self.scanned = self.buffer.len();
            return if self.scanned > LINE_BYTES { Err(Fault::LineTooLong) } else { Ok(None) };
        };
        let end = self.scanned + offset;
        if end > LINE_BYTES {
            return Err(Fault::LineTooLong);
        }
        let mut bytes: Vec<u8> = self.buffer.drain(..=end).collect();
        self.scanned = 0;
        bytes.pop();
        let bare_lf = bytes.last() != Some(&b'\r');
        if !bare_lf {
            bytes.pop();
        }
        self.bytes += end + 1;
        if self.bytes > SESSION_BYTES {
            return Err(Fault::TooManyBytes);
        }
        self.lines += 1;
        if self.lines > REPLY_LINES {
            return Err(Fault::TooManyLines);
        }
        if bytes.contains(&0) {
            return Err(Fault::Nul);
        }
        Ok(Some(Line { bytes, bare_lf }))
    }

    /// Starts to count the lines of another reply.
    pub fn begin_reply(&mut self) {
        self.lines = 0;
    }

    /// What has come and was not given out.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }
}

/// How a server broke the grammar or a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line has no end within [`LINE_BYTES`].
    LineTooLong,
    /// A reply has no end within [`REPLY_LINES`].
    TooManyLines,
    /// The server sent more than [`SESSION_BYTES`] in all.
    TooManyBytes,
    /// A line holds a NUL byte.
    Nul,
    /// A line is not of the protocol's grammar.
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// What came.
        line: String,
    },
    /// The first line is that of another protocol.
    OtherProtocol {
        /// Its name.
        name: &'static str,
        /// What came.
        line: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "the server sent a line of more than {LINE_BYTES} bytes"),
            Self::TooManyLines => write!(f, "the server sent a reply of more than {REPLY_LINES} lines"),
            Self::TooManyBytes => write!(f, "the server sent more than {SESSION_BYTES} bytes"),
            Self::Nul => write!(f, "the server sent a NUL byte inside a line"),
            Self::Unexpected { expected, line } => write!(f, "expected {expected}, got: {}", excerpt(line)),
            Self::OtherProtocol { name, line } => write!(f, "this is {name}: {}", excerpt(line)),
        }
    }
}

/// The beginning of a text, at most so many bytes, cut between characters and marked where it is cut.
pub fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let start = (0..=most).rev().find_map(|end| text.get(..end));
    format!("{}…", start.unwrap_or_default())
}

/// The beginning of a server's words, short enough for a sentence.
pub fn excerpt(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

/// 64 KiB: ten times the longest capability line seen from a real server.
pub const LINE_BYTES: usize = 64 * 1024;

/// A reply of a real server has at most some forty lines.
pub const REPLY_LINES: usize = 1_000;

/// 1 MiB for a whole dialogue, which real servers keep under 8 KiB.
pub const SESSION_BYTES: usize = 1024 * 1024;

/// How much of a server's words is quoted in a sentence.
const EXCERPT_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Result<Vec<Line>, Fault> {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(line) = splitter.next_line()? {
                found.push(line);
            }
        }
        Ok(found)
    }

    #[test]
    fn lines_are_the_same_wherever_the_bytes_are_cut() {
        let input = b"220-one\r\n220 two\n\r\n* OK caf\xe9\r\nrest";
        let whole = lines(&[input]).unwrap();
        assert_eq!(
            whole.iter().map(Line::text).collect::<Vec<_>>(),
            ["220-one", "220 two", "", "* OK caf\u{fffd}"]
        );
        assert_eq!(whole.iter().map(|line| line.bare_lf).collect::<Vec<_>>(), [false, true, false, false]);
        for cut in 0..=input.len() {
            let (start, end) = input.split_at(cut);
            assert_eq!(lines(&[start, end]).unwrap(), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(lines(&bytes).unwrap(), whole);
    }

    #[test]
    fn limits_end_the_reading() {
        assert_eq!(lines(&[&vec![b'x'; LINE_BYTES + 1]]), Err(Fault::LineTooLong));
        let mut long_line = vec![b'x'; LINE_BYTES + 1];
        long_line.push(b'\n');
        assert_eq!(lines(&[&long_line]), Err(Fault::LineTooLong));
        assert_eq!(lines(&[&b"x\r\n".repeat(REPLY_LINES + 1)]), Err(Fault::TooManyLines));
        let mut dialogue = Splitter::default();
        let line = [vec![b'x'; LINE_BYTES - 2], b"\r\n".to_vec()].concat();
        for _ in 0..SESSION_BYTES / LINE_BYTES {
            dialogue.push(&line);
            assert!(dialogue.next_line().unwrap().is_some());
        }
        dialogue.push(b"\n");
        assert_eq!(dialogue.next_line(), Err(Fault::TooManyBytes));
        assert_eq!(lines(&[b"a\0b\r\n"]), Err(Fault::Nul));
    }

    #[test]
    fn the_limit_that_ends_the_reading_was_another_when_all_came_at_once() {
        let much = vec![b'\n'; SESSION_BYTES + 1];
        let pieces: Vec<&[u8]> = much.chunks(4096).collect();
        assert_eq!(lines(&[&much]), lines(&pieces));
    }

    #[test]
    fn excerpts_are_cut_between_characters() {
        assert_eq!(excerpt("é"), "é");
        assert_eq!(excerpt(&"é".repeat(300)).chars().count(), EXCERPT_CHARACTERS + 1);
    }
}
