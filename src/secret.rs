//! A password or a token: never printed, gone from memory when it is dropped, and found again where a server echoes it.

use std::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

/// A password or a token.
///
/// It has no `Display` and no `Clone`; its bytes are given by [`Secret::expose`] alone.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves: for the line that proves who signs in, and for nothing else.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What stands in the place of a secret.
pub const HIDDEN: &str = "‹secret›";

/// Hides a secret in the words of a server that echoes it, also in base64; knows nothing until it is told.
#[derive(Default)]
pub struct Concealer {
    /// What to look for, the longest first.
    needles: Vec<Zeroizing<String>>,
}

impl Concealer {
    /// A concealer of this secret.
    pub fn of(secret: &Secret) -> Self {
        let mut needles = vec![Zeroizing::new(String::from_utf8_lossy(secret.expose()).into_owned())];
        needles.extend((0..3).filter_map(|shift| base64_inside(secret.expose(), shift)));
        needles.retain(|needle| !needle.is_empty());
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        Self { needles }
    }

    /// The text without the secret. A text in which a very short secret occurs is hidden whole: its gaps would tell it.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for needle in &self.needles {
            if find(&clean, needle, 0).is_none() {
                continue;
            }
            if needle.len() < SHORT_BYTES {
                return HIDDEN.to_owned();
            }
            clean = replaced(&clean, needle);
        }
        clean
    }
}

impl fmt::Debug for Concealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concealer")
    }
}

/// The characters that the secret alone decides when its base64 begins so many bytes after a multiple of three.
fn base64_inside(secret: &[u8], shift: usize) -> Option<Zeroizing<String>> {
    let padded = Zeroizing::new([vec![0; shift].as_slice(), secret].concat());
    let encoded = Zeroizing::new(BASE64.encode(&padded));
    let start = (shift * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    let inside = encoded.get(start..end).filter(|inside| inside.len() >= SHORT_BYTES)?;
    Some(Zeroizing::new(inside.to_owned()))
}

fn replaced(text: &str, needle: &str) -> String {
    let mut clean = String::new();
    let mut from = 0;
    while let Some(start) = find(text, needle, from) {
        clean.push_str(text.get(from..start).unwrap_or_default());
        clean.push_str(HIDDEN);
        from = start + needle.len();
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean
}

/// Where a needle begins at or behind an index, in any case of its ASCII letters.
fn find(text: &str, needle: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    let mut windows = rest.windows(needle.len());
    windows.position(|window| window.eq_ignore_ascii_case(needle.as_bytes())).map(|offset| from + offset)
}

/// Below this length a replacement tells more than it hides.
const SHORT_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn concealer(secret: &str) -> Concealer {
        Concealer::of(&Secret::new(secret.as_bytes().to_vec()))
    }

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new(b"open sesame".to_vec());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "‹secret› Some(‹secret›)");
        assert_eq!(secret.expose(), b"open sesame");
    }

    #[test]
    fn an_echo_is_hidden_in_any_case_and_in_base64() {
        let concealer = concealer("mailcfg-test-pw");
        for (text, clean) in [
            ("NO bad password", "NO bad password".to_owned()),
            ("NO user/mailcfg-test-pw, mailcfg-test-pw", "NO user/‹secret›, ‹secret›".to_owned()),
            ("NO MAILCFG-Test-PW é", "NO ‹secret› é".to_owned()),
        ] {
            assert_eq!(concealer.clean(text), clean, "{text}");
        }
        for before in ["", "u", "us", "\0user\0", "\0user1\0", "\0user12\0"] {
            let echo = BASE64.encode(format!("{before}mailcfg-test-pw").as_bytes());
            let clean = concealer.clean(&format!("535 what is {echo}?"));
            assert!(clean.contains(HIDDEN) && !clean.contains("lLXRlc3Q"), "{echo}: {clean}");
        }
    }

    #[test]
    fn a_text_with_a_very_short_secret_is_hidden_whole() {
        assert_eq!(concealer("abc").clean("NO abc"), HIDDEN);
        assert_eq!(concealer("abc").clean("NO ab"), "NO ab");
        assert_eq!(concealer("").clean("NO"), "NO");
        assert_eq!(Concealer::default().clean("NO"), "NO");
    }
}
