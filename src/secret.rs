//! A password or a token: never printed, gone from memory when it is dropped, and found again where a server echoes it.

use std::fmt;

use data_encoding::{BASE64, BASE64URL, Encoding};
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

/// What stands in the place of a secret that this program sent.
pub const HIDDEN: &str = "‹secret›";

/// What stands in the place of a text of the server that holds the secret. All of it is hidden: "bad user or ‹secret›"
/// would tell a secret that is a word.
pub const HIDDEN_WORDS: &str = "‹secret› stands in these words of the server, which are hidden";

/// Finds a secret in the words of a server that echoes it, as it is or as programs like to write it; knows nothing until
/// it is told.
#[derive(Default)]
pub struct Concealer {
    /// What to look for, in lower case.
    needles: Vec<Needle>,
    /// What is no secret, though it was sent like one: the user name.
    spared: Vec<Vec<u8>>,
    /// Whether the server can know the secret from this connection.
    sent: bool,
}

/// What to look for, in lower case, with what is needed to find it in one pass over a text: a server chooses the text.
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// For each of its beginnings the length of the longest shorter one that ends it (Knuth, Morris and Pratt).
    borders: Zeroizing<Vec<usize>>,
}

impl Needle {
    fn new(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        bytes.make_ascii_lowercase();
        let mut needle = Self { borders: Zeroizing::new(Vec::with_capacity(bytes.len())), bytes };
        let mut matched = 0;
        for place in 0..needle.bytes.len() {
            if place > 0 {
                matched = needle.next(matched, needle.bytes.get(place).copied().unwrap_or_default());
            }
            needle.borders.push(matched);
        }
        needle
    }

    /// How much of it ends at a byte, when so much ended before.
    fn next(&self, mut matched: usize, byte: u8) -> usize {
        while self.bytes.get(matched) != Some(&byte) {
            let Some(shorter) = matched.checked_sub(1) else { return 0 };
            matched = self.borders.get(shorter).copied().unwrap_or_default();
        }
        matched + 1
    }

    /// True when it stands in a text, in any case of its ASCII letters, or its beginning where the text is cut.
    fn stands_in(&self, text: &[u8]) -> bool {
        let mut matched = 0;
        for (place, byte) in text.iter().enumerate() {
            let is_cut = || text.get(place..).is_some_and(|rest| rest.starts_with(CUT));
            if matched >= LEAST_CUT && is_cut() {
                return true;
            }
            matched = self.next(matched, byte.to_ascii_lowercase());
            if matched == self.bytes.len() {
                return true;
            }
        }
        false
    }
}

impl Concealer {
    /// A concealer of this secret.
    pub fn of(secret: &Secret) -> Self {
        let mut concealer = Self::default();
        concealer.add(secret.expose());
        // The beginning of a token, too: what is echoed is often cut. That of a password may be a word.
        if secret.expose().len() >= TOKEN_OCTETS {
            concealer.add(secret.expose().get(..BEGINNING_OCTETS).unwrap_or_default());
        }
        concealer
    }

    /// Takes a user name for what it is, wherever it was sent.
    pub fn spare(&mut self, username: &str) {
        let encoded = BASE64.encode(username.as_bytes()).into_bytes();
        self.spared.extend([username.as_bytes().to_vec(), encoded]);
    }

    /// Looks for a line that was sent in secret from now on too: what can be guessed from it is as good as the password.
    pub fn add_sent(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        self.sent |= !line.is_empty();
        if line.len() < LEAST_SENT || self.spared.iter().any(|spared| spared == line) {
            return;
        }
        self.push(line.to_vec());
        if let Ok(decoded) = BASE64.decode(line).map(Zeroizing::new) {
            let last = decoded.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
            [&decoded, last]
                .into_iter()
                .filter(|it| it.len() >= LEAST_SENT)
                .for_each(|it| self.push(it.to_vec()));
        }
    }

    /// The text, or [`HIDDEN_WORDS`] when the secret stands in it, in any case. Before anything was sent, what looks like
    /// a short secret is a word of the server's own.
    pub fn clean(&self, text: &str) -> String {
        self.clean_of(text, if self.sent { 0 } else { LEAST_UNSENT })
    }

    /// As [`Concealer::clean`], for a text that may have come before anything was sent.
    pub fn clean_early(&self, text: &str) -> String {
        self.clean_of(text, LEAST_UNSENT)
    }

    /// True when there is nothing to look for.
    pub fn is_idle(&self) -> bool {
        self.needles.is_empty()
    }

    /// Looks for what is at least so long, whole or cut where the text is cut.
    fn clean_of(&self, text: &str, least: usize) -> String {
        let mut needles = self.needles.iter().filter(|needle| needle.bytes.len() >= least);
        if needles.any(|needle| needle.stands_in(text.as_bytes())) {
            return HIDDEN_WORDS.to_owned();
        }
        text.to_owned()
    }

    /// Adds bytes as they are, quoted, percent-encoded, in XML, in hexadecimal digits and in base64.
    fn add(&mut self, bytes: &[u8]) {
        self.push(bytes.to_vec());
        self.push(written(bytes, |byte, out| {
            out.extend(matches!(byte, b'"' | b'\\').then_some(b'\\'));
            out.push(byte);
        }));
        self.push(written(bytes, |byte, out| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            other => out.extend([b'%', hexadecimal(other >> 4), hexadecimal(other & 15)]),
        }));
        self.push(written(bytes, |byte, out| match byte {
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            b'"' => out.extend(b"&quot;"),
            other => out.push(other),
        }));
        self.push(written(bytes, |byte, out| out.extend([hexadecimal(byte >> 4), hexadecimal(byte & 15)])));
        for encoding in [&BASE64, &BASE64URL] {
            (0..3).for_each(|shift| self.push(base64_inside(encoding, bytes, shift)));
        }
    }

    fn push(&mut self, needle: Vec<u8>) {
        let needle = Needle::new(Zeroizing::new(needle));
        let is_known = self.needles.iter().any(|known| *known.bytes == *needle.bytes);
        if !needle.bytes.is_empty() && !is_known {
            self.needles.push(needle);
        }
    }
}

impl fmt::Debug for Concealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concealer")
    }
}

/// Bytes written another way, in a buffer with room for all of it: one that grew would leave copies.
fn written(bytes: &[u8], write: impl Fn(u8, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * LONGEST_FORM);
    bytes.iter().for_each(|&byte| write(byte, &mut out));
    out
}

/// The digit of a number below 16.
fn hexadecimal(number: u8) -> u8 {
    match number {
        0..10 => b'0' + number,
        _ => b'a' + number - 10,
    }
}

/// The characters that the bytes alone decide when their base64 begins so many bytes after a multiple of three; none
/// when those are too few to look for.
fn base64_inside(encoding: &Encoding, bytes: &[u8], shift: usize) -> Vec<u8> {
    let padded = Zeroizing::new([vec![0; shift].as_slice(), bytes].concat());
    let encoded = Zeroizing::new(encoding.encode(&padded));
    let start = (shift * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    let inside = encoded.as_bytes().get(start..end).filter(|inside| inside.len() >= LEAST_BASE64);
    inside.unwrap_or_default().to_vec()
}

/// What marks the end of a text that was cut: `…`
const CUT: &[u8] = "…".as_bytes();

/// Two letters of a secret tell nothing, and stand at the end of many words.
const LEAST_CUT: usize = 3;

/// `&quot;`
const LONGEST_FORM: usize = 6;

/// Two letters of base64 stand in every other text.
const LEAST_BASE64: usize = 3;

/// Passwords are shorter, tokens longer.
const TOKEN_OCTETS: usize = 32;
const BEGINNING_OCTETS: usize = 24;

/// Shorter secrets stand in words that every server says.
const LEAST_UNSENT: usize = 8;

/// Shorter lines that are sent in secret, such as an empty response or `*`, tell nothing.
const LEAST_SENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// One whose secret was sent.
    fn concealer(secret: &str) -> Concealer {
        Concealer { sent: true, ..Concealer::of(&Secret::new(secret.as_bytes().to_vec())) }
    }

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new(b"open sesame".to_vec());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "‹secret› Some(‹secret›)");
        assert_eq!(secret.expose(), b"open sesame");
    }

    #[test]
    fn an_echo_is_hidden_however_it_is_written() {
        let secret = "S3cr\"et\\ &xyz-0123";
        let concealer = concealer(secret);
        let hexadecimal = data_encoding::HEXUPPER.encode(secret.as_bytes());
        for echo in [
            secret,
            "s3CR\"ET\\ &XYZ-0123",
            "S3cr\\\"et\\\\ &xyz-0123",
            "S3cr%22et%5C%20%26xyz-0123",
            "S3cr&quot;et\\ &amp;xyz-0123",
            hexadecimal.as_str(),
        ] {
            assert_eq!(concealer.clean(&format!("NO what is user/{echo} é?")), HIDDEN_WORDS, "{echo}");
        }
        for before in ["", "u", "us", "\0user\0", "\0user1\0", "\0user12\0"] {
            let echo = format!("{before}{secret}");
            for encoded in [BASE64.encode(echo.as_bytes()), BASE64URL.encode(echo.as_bytes())] {
                assert_eq!(concealer.clean(&format!("535 what is {encoded}?")), HIDDEN_WORDS, "{encoded}");
            }
        }
        assert_eq!(concealer.clean("NO bad password for S3cr"), "NO bad password for S3cr");
    }

    #[test]
    fn a_token_is_found_where_it_is_cut() {
        let token = "ya29.a0AfH6SMBx1234567890abcdefghijklmnop";
        let cut = token.get(..30).expect("it is longer");
        assert_eq!(concealer(token).clean(&format!("NO what is {cut}…")), HIDDEN_WORDS);
        // Of a password the beginning may be a word.
        assert_eq!(concealer("password123").clean("NO bad password"), "NO bad password");
    }

    #[test]
    fn a_secret_was_seen_in_part_where_a_text_was_cut() {
        let concealer = concealer("hunter2-Secret-99");
        for cut in ["NO what is hunter2-Secret-9…", "NO what is HUN…", "NO hunter2… and more", "NO ahvudG…"]
        {
            assert_eq!(concealer.clean(cut), HIDDEN_WORDS, "{cut}");
        }
        for whole in ["NO what is hu…", "NO hunter", "…hunter", "… hunter is cut…"] {
            assert_eq!(concealer.clean(whole), whole);
        }
    }

    #[test]
    fn a_line_of_marks_hung_a_probe_that_looked_for_a_token() {
        let token = "ab".repeat(32 * 1024);
        let concealer = concealer(&token);
        for text in [
            "…".repeat(21_000),
            "ab".repeat(30_000),
            "ab…".repeat(12_000),
            format!("{}…", "ab".repeat(30_000)),
        ] {
            let began = std::time::Instant::now();
            let _ = concealer.clean(&text);
            assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
        }
    }

    #[test]
    fn a_secret_that_begins_again_inside_itself_is_found() {
        for secret in ["abcabcabd", "aaaaaaab", "xx…xx…xy"] {
            let concealer = concealer(secret);
            for before in ["", "a", "abcabc", "abcabcabcabc", "aaaaaaaaa", "xx…xx…"] {
                assert_eq!(concealer.clean(&format!("{before}{secret}!")), HIDDEN_WORDS, "{before}{secret}");
            }
        }
        assert_eq!(concealer("abcabcabd").clean("NO abcabcabcab"), "NO abcabcabcab");
    }

    #[test]
    fn a_short_secret_that_was_not_sent_is_a_word() {
        let concealer = |secret: &str| Concealer::of(&Secret::new(secret.as_bytes().to_vec()));
        assert_eq!(concealer("plain").clean("AUTH=PLAIN"), "AUTH=PLAIN");
        assert_eq!(concealer("mailcfg-test-pw").clean("X-MAILCFG-test-pw"), HIDDEN_WORDS);
    }

    #[test]
    fn a_user_name_that_was_sent_is_no_secret() {
        let mut concealer = Concealer::default();
        concealer.spare("user@disroot.org");
        concealer.add_sent(b"dXNlckBkaXNyb290Lm9yZw==\r\n");
        concealer.add_sent(b"user@disroot.org\r\n");
        let words = "553 <user@disroot.org>: dXNlckBkaXNyb290Lm9yZw==";
        assert_eq!(concealer.clean(words), words);
    }

    #[test]
    fn a_short_secret_is_found_too() {
        assert_eq!(concealer("abc").clean("NO abc"), HIDDEN_WORDS);
        assert_eq!(concealer("abc").clean("NO AHRpbQBhYmM="), HIDDEN_WORDS);
        assert_eq!(concealer("abc").clean("NO ab"), "NO ab");
        assert_eq!(concealer("").clean("NO"), "NO");
        assert_eq!(Concealer::default().clean("NO"), "NO");
    }

    #[test]
    fn what_was_sent_in_secret_is_found_as_it_was_and_decoded() {
        let mut concealer = Concealer::default();
        concealer.add_sent(b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n");
        concealer.add_sent(b"c4c9334bac560ecc979e58001b3e22fb\r\n");
        concealer.add_sent(b"*\r\n");
        for echo in [
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
            "b913a602c7eda7a495b4e6e7334d3890",
            "APOP tim C4C9334BAC560ECC979E58001B3E22FB",
        ] {
            assert_eq!(concealer.clean(&format!("-ERR {echo} *")), HIDDEN_WORDS);
        }
        assert_eq!(concealer.clean("-ERR tim *"), "-ERR tim *");
    }
}
