//! The promises of the parsers: no panic, the same result however the input is cut, bounded output in bounded time, no
//! control bytes.

#[path = "properties/certificate.rs"]
mod certificate;
#[path = "properties/dialogue.rs"]
mod dialogue;
#[path = "properties/document.rs"]
mod document;
#[path = "properties/rendered.rs"]
mod rendered;
#[path = "properties/sign_in.rs"]
mod sign_in;
#[path = "properties/typed.rs"]
mod typed;

use std::time::{Duration, Instant};

pub use certificate::certificate;
pub use dialogue::{Conversation, imap, injection, line, pop3, smtp};
pub use document::{autoconfig, autodiscover, pacc};
pub use rendered::render;
pub use sign_in::{login, refusal, sasl};
pub use typed::{table, target, url};

/// A property: it takes any bytes and panics when a promise is broken.
pub type Property = fn(&[u8]);

/// Every property with the name of its fuzz target.
pub const ALL: &[(&str, Property)] = &[
    ("line", line),
    ("imap", imap),
    ("pop3", pop3),
    ("smtp", smtp),
    ("autoconfig", autoconfig),
    ("pacc", pacc),
    ("autodiscover", autodiscover),
    ("table", table),
    ("target", target),
    ("url", url),
    ("certificate", certificate),
    ("sasl", sasl),
    ("login", login),
    ("refusal", refusal),
    ("render", render),
    ("injection", injection),
];

/// Holds a property to these bytes, and to the time it may take.
///
/// A busy machine is no broken promise: time on a processor counts, and the best of a few tries.
pub fn hold(property: Property, bytes: &[u8]) {
    let blocks = bytes.len() / BLOCK + 1;
    let limit = BLOCK_TIME * u32::try_from(blocks).unwrap_or(u32::MAX);
    let in_time = (0..TRIES).any(|_| {
        let (began, processor) = (Instant::now(), processor_time());
        property(bytes);
        let took = processor_time().zip(processor).map(|(now, then)| now.saturating_sub(then));
        took.unwrap_or_else(|| began.elapsed()) <= limit
    });
    assert!(in_time, "{} bytes took more than {limit:?}, {TRIES} times", bytes.len());
}

/// How long this thread was on a processor, where the system says so.
fn processor_time() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Holds a result against those of the same bytes cut at some places, and byte by byte.
fn same_when_cut<T: PartialEq + std::fmt::Debug>(bytes: &[u8], whole: &T, read: impl Fn(&[&[u8]]) -> T) {
    for size in [1, 2, 3, 7, bytes.len() / 2 + 1] {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        assert!(&read(&pieces) == whole, "in pieces of {size} it is {:?}, whole {whole:?}", read(&pieces));
    }
}

/// Text of strangers is one line that shows all it holds, and no longer than it may be.
fn check_word(word: &str, most: usize) {
    assert!(!word.chars().any(is_forbidden), "{word:?}");
    assert!(word.len() <= most, "{} bytes, not {most}", word.len());
}

fn check_sentence(text: &str) {
    assert!(text.chars().count() < SENTENCE, "{} characters: {text:?}", text.chars().count());
}

/// What must never reach a terminal: control characters, and what is not seen, hides other text or turns its direction.
///
/// A list of its own, so that a gap in the one of the library is seen.
fn is_forbidden(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return false;
    }
    character.is_control()
        || u32::from(character) % 0x1_0000 >= 0xfffe
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fdd0}'..='\u{fdef}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The sentences that are made of a server's words are cut.
const SENTENCE: usize = 2_000;

/// How much one byte can become as text: what is no UTF-8 is shown as U+FFFD.
const LOSSY: usize = 3;

/// So many bytes have a time limit of their own.
const BLOCK: usize = 64 * 1024;

/// Many times what a property takes without optimisation; one that reads a block as often as it has bytes takes longer.
const BLOCK_TIME: Duration = Duration::from_millis(1_500);

const TRIES: usize = 5;
