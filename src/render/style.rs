//! What the screen needs: escaping of foreign text, colour, width.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use crate::target::unseen::is_unseen;

/// Text from outside, printed so that it can do nothing to a terminal or to the runner of a job: control characters, line
/// breaks, the marks that turn the direction of writing, and what begins a command are shown as escapes.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.0.char_indices() {
            match character {
                '\n' => f.write_str(" / ")?,
                other if is_dangerous(other) || begins_command(self.0, place) => {
                    write!(f, "{}", other.escape_unicode())?
                }
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

/// True for characters that move the cursor, hide text or change its direction.
pub fn is_dangerous(character: char) -> bool {
    character.is_control() || is_unseen(character)
}

/// True where something begins that the runner of a job obeys wherever it stands in a line: `##[` (GitHub, Azure),
/// `##vso[` (Azure), `##teamcity[`.
pub fn begins_command(text: &str, place: usize) -> bool {
    let behind = text.get(place..).and_then(|rest| rest.strip_prefix("##"));
    behind.is_some_and(|rest| rest.trim_start_matches(|it: char| it.is_ascii_alphabetic()).starts_with('['))
}

/// How the text looks on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colour is used; without it everything still stands in words.
    pub colour: bool,
}

/// The few colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Could be better.
    Warn,
    /// Not well.
    Bad,
    /// Not known.
    Unknown,
    /// Stands out.
    Bold,
    /// Stands back.
    Dim,
}

impl Style {
    /// The text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "1;31",
            Tone::Unknown => "35",
            Tone::Bold => "1",
            Tone::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Rows of cells as lines of aligned columns; the last column is not padded.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
    }
    line.trim_end().to_owned()
}

/// Between two columns.
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        let hostile = "\u{1b}[2J\u{7}a\rb\tc\0\u{9b}\u{202e}\n::error::x";
        let shown = Escaped(hostile).to_string();
        assert!(!shown.chars().any(is_dangerous), "{shown:?}");
        assert!(shown.starts_with("\\u{1b}[2J"), "{shown}");
        assert_eq!(Escaped("bücher 書").to_string(), "bücher 書");
        // A list of its own, so that a gap in the other is seen.
        let unseen = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200d}\u{200f}\u{2028}\u{202e}\u{2060}\u{2066}\u{206a}\u{206f}\u{2800}\u{3164}\u{fdd0}\u{fe0f}\u{feff}\u{fff0}\u{fff9}\u{ffff}\u{1fffe}\u{e0041}\u{e007f}\u{9b}\u{7f}";
        let shown = Escaped(unseen).to_string();
        assert!(shown.is_ascii() && !shown.contains(|it: char| it.is_control()), "{shown:?}");
    }

    #[test]
    fn foreign_text_cannot_steer_the_runner_of_a_job() {
        for (hostile, shown) in [
            ("##[error]x", "\\u{23}#[error]x"),
            ("seen: ##vso[task.prependpath]/tmp", "seen: \\u{23}#vso[task.prependpath]/tmp"),
            ("###TeamCity[x]", "#\\u{23}#TeamCity[x]"),
            ("## a [heading]", "## a [heading]"),
        ] {
            assert_eq!(Escaped(hostile).to_string(), shown);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let lines = columns(&[row(&["a", "書書", "x"]), row(&["bbb", "c", "yy"])]);
        assert_eq!(lines, ["a    書書  x", "bbb  c     yy"]);
    }
}
