//! The promises of the parsers of foreign bytes, held on the stable toolchain: the fuzz targets' own properties with
//! the corpus that is checked in, and with bytes made up from it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

mod limits;
#[path = "../../fuzz/src/properties.rs"]
mod properties;

use properties::{ALL, Property, hold};

#[test]
fn every_input_of_the_corpus_keeps_the_promises() {
    let mut broken = Vec::new();
    for (name, property) in ALL {
        for (seed, input) in seeds(name) {
            if std::panic::catch_unwind(|| hold(*property, &input)).is_err() {
                broken.push(format!("{name}/{seed}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn mangled_inputs_of_the_corpus_keep_the_promises() {
    for (name, property) in ALL {
        mangle(name, *property, &corpus(name));
    }
}

#[test]
fn arbitrary_bytes_keep_the_promises() {
    for (name, property) in ALL {
        let bytes = proptest::collection::vec(any::<u8>(), 0..400);
        let ran = TestRunner::new(config(name)).run(&bytes, |bytes| {
            hold(*property, &bytes);
            Ok(())
        });
        ran.expect("the promise is kept");
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
        let entry = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&entry), "{name} is not in fuzz/Cargo.toml");
        let target = fs::read_to_string(fuzz.join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        let call = format!("fuzz_target!(|bytes: &[u8]| properties::hold(properties::{name}, bytes));\n");
        assert!(target.ends_with(&call), "{name} runs something else");
    }
}

#[test]
fn long_inputs_keep_the_promises_in_time() {
    for (name, property) in ALL.iter().filter(|(name, _)| *name != "render") {
        let words = dictionary(name);
        let pick = proptest::sample::select(words);
        let config = Config { cases: 4, ..config(name) };
        let ran =
            TestRunner::new(config).run(&(proptest::sample::select(corpus(name)), pick), |(seed, word)| {
                let start = seed.get(..seed.len() / 2).unwrap_or_default();
                let long: Vec<u8> = start.iter().chain(word.iter().cycle()).copied().take(LONG).collect();
                hold(*property, &long);
                Ok(())
            });
        ran.expect("the promise is kept");
    }
}

#[test]
fn every_target_has_a_dictionary_and_a_longest_input() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let script = fs::read_to_string(fuzz.join("run")).unwrap();
    let longest = script.split_once("longest()").expect("fuzz/run says how long inputs are").1;
    for (name, _) in ALL {
        assert!(!dictionary(name).is_empty(), "{name}");
        let cases = longest.lines().filter_map(|line| line.split_once(')'));
        let mut names = cases.flat_map(|(names, _)| names.split('|'));
        assert!(names.any(|listed| listed.trim() == *name), "{name} is not in fuzz/run");
    }
}

/// The words of a dictionary: in quotes, with `\\`, `\"` and `\xNN` as escapes.
fn dictionary(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/dictionaries/{name}.dict"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let quoted = |line: &str| {
        let word = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        unescaped(word.unwrap_or_else(|| panic!("{name}: {line} stands in no quotes")))
    };
    lines.map(quoted).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut parts = word.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    while let Some(part) = parts.next() {
        match part.strip_prefix('x') {
            Some(hex) => {
                bytes.push(u8::from_str_radix(hex.get(..2).expect("two digits"), 16).expect("digits"));
                bytes.extend(hex.get(2..).unwrap_or_default().bytes());
            }
            None if part.is_empty() => {
                bytes.push(b'\\');
                bytes.extend(parts.next().unwrap_or_default().bytes());
            }
            None => bytes.extend(part.bytes()),
        }
    }
    bytes
}

/// Two inputs joined at some place, with some bytes changed.
fn mangle(name: &str, property: Property, corpus: &[Vec<u8>]) {
    let pick = || proptest::sample::select(corpus.to_vec());
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8);
    let input = (pick(), pick(), any::<proptest::sample::Index>(), changes);
    let ran = TestRunner::new(config(name)).run(&input, |(first, second, cut, changes)| {
        let mut bytes = first;
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes.extend(second);
        for (place, byte) in changes {
            let changed = place.index(bytes.len().max(1));
            if let Some(changed) = bytes.get_mut(changed) {
                *changed = byte;
            }
        }
        hold(property, &bytes);
        Ok(())
    });
    ran.expect("the promise is kept");
}

/// What is shown in every format takes longer than what is only read.
fn config(name: &str) -> Config {
    let cases = match name {
        "render" => 12,
        "certificate" => 24,
        _ => 200,
    };
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// The inputs that are checked in, each with its name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let seed = |name: String| (fs::read(folder.join(&name)).expect("a seed can be read"), name);
    names(&folder).into_iter().map(seed).map(|(input, name)| (name, input)).collect()
}

/// Those that are small enough to be mangled many times.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    seeds(target).into_iter().map(|(_, input)| input).filter(|input| input.len() <= SMALL).collect()
}

/// Longer ones stand in the corpus for the time they take.
const SMALL: usize = 4 * 1024;

/// A parser that reads its input as often as it has bytes takes far too long for one of this size.
const LONG: usize = 64 * 1024 - 1;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    let mut names: Vec<String> =
        paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}
