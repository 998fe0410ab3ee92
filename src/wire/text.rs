//! Documents before their grammar: bytes to text, text from strangers made fit to show, and why a document is no use.
//!
//! What a document says is for [`super::autoconfig`], [`super::pacc`] and [`super::autodiscover`].

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::line::excerpt;
use crate::target::unseen::is_unseen;

/// Decodes a document: by its byte order mark, else by its XML declaration (XML 1.0, appendix F), else as UTF-8; bytes
/// that are not of the encoding become U+FFFD.
///
/// # Errors
/// [`Hostile::Size`] for more than [`DOCUMENT_BYTES`].
pub fn decode(bytes: &[u8]) -> Result<String, BadDocument> {
    if bytes.len() > DOCUMENT_BYTES {
        return Err(Hostile::Size.into());
    }
    let encoding = match bytes {
        [b'<', 0, ..] => UTF_16LE,
        [0, b'<', ..] => UTF_16BE,
        _ => declared_encoding(bytes).unwrap_or(UTF_8),
    };
    let (text, _, _) = encoding.decode(bytes);
    Ok(text.into_owned())
}

/// `encoding="…"` of the XML declaration; one that could be read as ASCII is not in UTF-16, whatever it says.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(bytes.get(..DECLARATION_BYTES).unwrap_or(bytes));
    let (declaration, _) = start.trim_start().strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (label, _) = value.strip_prefix(quote)?.split_once(quote)?;
    Encoding::for_label(label.as_bytes()).map(Encoding::output_encoding)
}

/// True for an HTML page: what web servers send in place of the document they do not have.
pub fn is_html(text: &str) -> bool {
    let start = after_prolog(text);
    ["<!doctype html", "<html"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag)))
}

/// What follows white space, comments and processing instructions.
fn after_prolog(text: &str) -> &str {
    let mut rest = text.trim_start_matches(|first: char| first.is_whitespace() || first == BYTE_ORDER_MARK);
    loop {
        let comment = rest.strip_prefix("<!--").and_then(|inner| inner.split_once("-->"));
        let skipped = comment.or_else(|| rest.strip_prefix("<?").and_then(|inner| inner.split_once("?>")));
        match skipped {
            Some((_, tail)) => rest = tail.trim_start(),
            None => return rest,
        }
    }
}

/// Makes one line of a stranger's text: no control or direction characters, single spaces, at most `limit`
/// characters; `None` when nothing is left.
pub fn clean(text: &str, limit: usize) -> Option<String> {
    let visible: String = text.chars().filter(|&found| !is_unprintable(found)).collect();
    let mut line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(limit) {
        line.truncate(end);
    }
    Some(line).filter(|line| !line.is_empty())
}

/// White space stays: it separates words.
fn is_unprintable(found: char) -> bool {
    (found.is_control() && !found.is_whitespace()) || is_unseen(found)
}

/// Keeps an `http:` or `https:` URL that has a host, no white space and at most [`URL_BYTES`].
pub fn web_url(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty());
    let clean = !text.chars().any(|found| found.is_whitespace() || is_unprintable(found));
    (known && host.is_some() && clean && text.len() <= URL_BYTES).then(|| text.to_owned())
}

/// Why a document gives no settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// There is nothing in it.
    #[error("the document is empty")]
    Empty,
    /// It is a page for people.
    #[error("the document is an HTML page")]
    Html,
    /// It is of another format.
    #[error("the document is not {expected}, it begins with {start:?}")]
    OtherFormat {
        /// The format that should have come.
        expected: &'static str,
        /// How it begins.
        start: String,
    },
    /// It is about something else.
    #[error("the document is not a {expected}, its root is {found:?}")]
    OtherRoot {
        /// The root that should have come.
        expected: &'static str,
        /// The root that came.
        found: String,
    },
    /// It is what was asked for, without a service that can be used.
    #[error("the document names no mail server that can be used")]
    NoServers {
        /// What was dropped, a sentence each.
        notes: Vec<String>,
    },
    /// Its end is missing.
    #[error("the document is cut off after {bytes} bytes")]
    Cut {
        /// How much came.
        bytes: usize,
    },
    /// It breaks its grammar.
    #[error("the document is broken: {why}")]
    Broken {
        /// What the parser says.
        why: String,
    },
    /// It looks made to hurt its readers.
    #[error(transparent)]
    Hostile(#[from] Hostile),
}

impl BadDocument {
    /// True when this is a definite answer that holds no settings; false when the answer may have been lost.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Empty
            | Self::Html
            | Self::OtherFormat { .. }
            | Self::OtherRoot { .. }
            | Self::NoServers { .. } => true,
            Self::Cut { .. } | Self::Broken { .. } | Self::Hostile(_) => false,
        }
    }

    pub(super) fn other_format(expected: &'static str, text: &str) -> Self {
        Self::OtherFormat { expected, start: clean(text, START_CHARACTERS).unwrap_or_default() }
    }

    pub(super) fn broken(why: &str) -> Self {
        Self::Broken { why: clean(&excerpt(why), NAME_CHARACTERS).unwrap_or_default() }
    }
}

/// The limit a document breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hostile {
    /// It is larger than [`DOCUMENT_BYTES`].
    #[error("the document has more than {DOCUMENT_BYTES} bytes")]
    Size,
    /// It brings a grammar of its own, which may define entities.
    #[error("the document has a DOCTYPE")]
    Doctype,
    /// It is nested deeper than [`super::xml::DEPTH`].
    #[error("the document is nested more than {} levels deep", super::xml::DEPTH)]
    Depth,
    /// It has more than [`super::xml::ELEMENTS`].
    #[error("the document has more than {} elements", super::xml::ELEMENTS)]
    Elements,
    /// It has more than [`super::offer::SERVICES`].
    #[error("the document has more than {} servers", super::offer::SERVICES)]
    Servers,
}

/// 1 MiB: the largest of the central database has 8 KiB.
pub const DOCUMENT_BYTES: usize = 1024 * 1024;

/// The longest name that is kept, in characters.
pub const NAME_CHARACTERS: usize = 200;

/// The longest sentence that is kept, in characters.
pub const SENTENCE_CHARACTERS: usize = 1_000;

/// The longest URL that is kept.
pub const URL_BYTES: usize = 2_048;

/// Enough for an XML declaration, which names the encoding.
const DECLARATION_BYTES: usize = 256;
/// Enough of a document to tell what it is, and short enough for a sentence.
const START_CHARACTERS: usize = 40;
const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, bytes_of: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes_of).collect()
    }

    #[test]
    fn bytes_are_decoded_as_they_say() {
        let (marked, declared) = ("\u{feff}<a>é</a>", r#"<?xml version="1.0" encoding="UTF-16"?><a>é</a>"#);
        for (bytes, text) in [
            ("<a>é</a>".as_bytes().to_vec(), "<a>é</a>"),
            (marked.as_bytes().to_vec(), "<a>é</a>"),
            (utf16(marked, u16::to_le_bytes), "<a>é</a>"),
            (utf16(marked, u16::to_be_bytes), "<a>é</a>"),
            (utf16("<a>é</a>", u16::to_le_bytes), "<a>é</a>"),
            (utf16("<a>é</a>", u16::to_be_bytes), "<a>é</a>"),
            (declared.as_bytes().to_vec(), declared),
            (
                b"<?xml version='1.0' encoding = 'iso-8859-1'?><a>\xe9</a>".to_vec(),
                "<?xml version='1.0' encoding = 'iso-8859-1'?><a>é</a>",
            ),
            (
                b"<?xml version='1.0' encoding='klingon'?>\xe9".to_vec(),
                "<?xml version='1.0' encoding='klingon'?>\u{fffd}",
            ),
            (b"\xe9".to_vec(), "\u{fffd}"),
            (Vec::new(), ""),
        ] {
            assert_eq!(decode(&bytes).unwrap(), text);
        }
        assert_eq!(decode(&vec![b'x'; DOCUMENT_BYTES + 1]), Err(BadDocument::Hostile(Hostile::Size)));
        assert!(decode(&vec![b'x'; DOCUMENT_BYTES]).is_ok());
    }

    #[test]
    fn pages_for_people_are_known() {
        for (text, html) in [
            ("<!DOCTYPE html><title>Welcome</title>", true),
            (" \r\n<HTML lang=en>", true),
            ("\u{feff}<!-- <clientConfig> -->\n<!-- x --><html>", true),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\">", true),
            ("<clientConfig><html/></clientConfig>", false),
            ("<!DOCTYPE clientConfig>", false),
            ("<!-- <html>", false),
            ("é", false),
            ("", false),
        ] {
            assert_eq!(is_html(text), html, "{text}");
        }
    }

    #[test]
    fn text_of_strangers_is_one_clean_line() {
        for (text, limit, line) in [
            (" Example \n\t Mail ", 50, Some("Example Mail")),
            ("\u{1b}[31mred\u{7}\0", 50, Some("[31mred")),
            ("a\u{202e}b\u{200f}", 50, Some("ab")),
            ("ééé", 2, Some("éé")),
            (" \u{1b} ", 50, None),
        ] {
            assert_eq!(clean(text, limit).as_deref(), line, "{text:?}");
        }
    }

    #[test]
    fn only_web_urls_are_kept() {
        let long = format!("https://example.org/{}", "a".repeat(URL_BYTES));
        for (text, kept) in [
            (" https://example.org/a?b=c#d ", true),
            ("HTTP://example.org", true),
            ("https:///path", false),
            ("https://", false),
            ("javascript:alert(1)", false),
            ("file:///etc/passwd", false),
            ("javascript://example.org", false),
            ("https://example.org/a b", false),
            ("https://example.org/\u{1b}", false),
            ("example.org", false),
            (&long, false),
        ] {
            assert_eq!(web_url(text).is_some(), kept, "{text}");
        }
    }

    #[test]
    fn absent_is_not_failed() {
        assert!(BadDocument::Html.is_absent() && BadDocument::NoServers { notes: Vec::new() }.is_absent());
        assert!(!BadDocument::Cut { bytes: 1 }.is_absent() && !BadDocument::from(Hostile::Size).is_absent());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300), limit in 0_usize..50) {
            let text = decode(&bytes).unwrap();
            is_html(&text);
            prop_assert!(clean(&text, limit).is_none_or(|line| line.chars().count() <= limit));
            prop_assert!(web_url(&text).is_none_or(|url| url.len() <= URL_BYTES));
        }
    }
}
