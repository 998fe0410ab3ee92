//! The promises of the parsers of foreign bytes, held on the stable toolchain: the fuzz targets' own properties with
//! the corpus that is checked in, and with bytes made up from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[path = "../../fuzz/src/properties.rs"]
mod properties;

use mailcfg::wire::CAPABILITIES;
use mailcfg::wire::line::{LINE_BYTES, REPLY_LINES, SESSION_BYTES};
use mailcfg::wire::text::DOCUMENT_BYTES;
use mailcfg::wire::xml::{DEPTH, ELEMENTS};
use properties::{ALL, Property, autoconfig, autodiscover, imap, line, pacc, pop3, smtp};

#[test]
fn every_input_of_the_corpus_keeps_the_promises() {
    for (name, property) in ALL {
        for input in corpus(name) {
            property(&input);
        }
    }
}

#[test]
fn mangled_inputs_of_the_corpus_keep_the_promises() {
    for (name, property) in ALL {
        mangle(*property, &corpus(name));
    }
}

#[test]
fn arbitrary_bytes_keep_the_promises() {
    for (_, property) in ALL {
        let bytes = proptest::collection::vec(any::<u8>(), 0..400);
        let ran = TestRunner::new(config()).run(&bytes, |bytes| {
            property(&bytes);
            Ok(())
        });
        ran.expect("the promise is kept");
    }
}

/// A parser that reads its input as often as it is long takes minutes for these.
#[test]
fn no_input_takes_long() {
    for (name, property) in ALL {
        // What is rendered stands in a hundred places, in every format.
        let long = if *name == "render" { LONG / 16 } else { LONG };
        for (start, again) in REPEATED {
            let input = format!("{start}{}>\r\n", again.repeat(long / again.len()));
            let began = Instant::now();
            property(input.as_bytes());
            assert!(began.elapsed() < LONGEST, "{name}: {start}{again}…: {:?}", began.elapsed());
        }
    }
}

#[test]
fn what_is_at_a_limit_is_the_same_however_it_is_cut() {
    let dialogues = [imap as Property, pop3, smtp];
    let mut inputs = Vec::new();
    for more in [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1] {
        inputs.push("x".repeat(more) + "\r\n");
        inputs.push("x".repeat(more));
    }
    for lines in [REPLY_LINES - 1, REPLY_LINES, REPLY_LINES + 1, CAPABILITIES + 1] {
        inputs.push("* OK\r\n".to_owned() + &"* X\r\n".repeat(lines) + "A1 OK\r\n");
        inputs.push("+OK\r\n+OK\r\n".to_owned() + &"X\r\n".repeat(lines) + ".\r\n");
        inputs.push("220 x\r\n".to_owned() + &"250-X\r\n".repeat(lines) + "250 X\r\n");
        inputs.push("220-x\r\n".repeat(lines) + "220 x\r\n");
    }
    for input in &inputs {
        dialogues.iter().for_each(|property| property(input.as_bytes()));
        line(input.as_bytes());
    }
    let much = "x\n".repeat(SESSION_BYTES / 2);
    [much.clone(), much.clone() + "\n", much + "x\n"].iter().for_each(|input| line(input.as_bytes()));
}

#[test]
fn a_document_at_a_limit_is_read_or_refused() {
    let elements = |count: usize| format!("<clientConfig>{}</clientConfig>", "<a/>".repeat(count));
    let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let arrays = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for input in [
        elements(ELEMENTS - 2),
        elements(ELEMENTS),
        elements(DOCUMENT_BYTES / 4),
        deep(DEPTH),
        deep(DEPTH + 1),
        deep(100_000),
        arrays(127),
        arrays(128),
        arrays(100_000),
        " ".repeat(DOCUMENT_BYTES) + "{}",
    ] {
        [autoconfig as Property, autodiscover, pacc].iter().for_each(|property| property(input.as_bytes()));
    }
}

#[test]
fn every_property_has_a_target_a_corpus_and_an_entry() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let mut targets: Vec<String> = names(&fuzz.join("fuzz_targets"));
    targets.iter_mut().for_each(|name| name.truncate(name.len() - ".rs".len()));
    let mut properties: Vec<String> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    properties.sort();
    assert_eq!(targets, properties);
    assert_eq!(names(&fuzz.join("corpus")), properties);
    for name in properties {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        assert!(fuzz.join("dictionaries").join(format!("{name}.dict")).exists(), "{name} has no dictionary");
    }
}

/// Two inputs joined at some place, with some bytes changed.
fn mangle(property: Property, corpus: &[Vec<u8>]) {
    let pick = || proptest::sample::select(corpus.to_vec());
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8);
    let input = (pick(), pick(), any::<proptest::sample::Index>(), changes);
    let ran = TestRunner::new(config()).run(&input, |(first, second, cut, changes)| {
        let mut bytes = first;
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes.extend(second);
        for (place, byte) in changes {
            let changed = place.index(bytes.len().max(1));
            if let Some(changed) = bytes.get_mut(changed) {
                *changed = byte;
            }
        }
        property(&bytes);
        Ok(())
    });
    ran.expect("the promise is kept");
}

/// How an input begins, and what stands in it again and again.
const REPEATED: &[(&str, &str)] = &[
    ("+OK ", "<"),
    ("* OK [", "[("),
    ("220-x\r\n220 ", " "),
    ("+OK\r\nSASL ", "A "),
    ("* CAPABILITY ", "AUTH=X "),
    ("A1 OK\r\n* LIST (", "(\""),
    ("<clientConfig>", "<a b=\"&amp;\">"),
    ("{", "\"a\":["),
    ("[[provider]]\n", "[[a]]\n"),
    ("", "a.b."),
    ("https://", "%2F/.."),
    ("\u{0}535 ", "app password"),
];

/// Twice this takes a quadratic parser four times as long, and minutes in all.
const LONG: usize = 32 * 1024;

/// Generous: machines are noisy, and each input is read six times, once byte by byte.
const LONGEST: Duration = Duration::from_secs(20);

fn config() -> Config {
    Config { cases: 200, failure_persistence: None, ..Config::default() }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    names(&folder).into_iter().map(|name| fs::read(folder.join(name)).expect("a seed can be read")).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    let mut names: Vec<String> =
        paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}
