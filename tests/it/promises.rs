//! The promises of the parsers of foreign bytes, held on the stable toolchain: the fuzz targets' own properties with
//! the corpus that is checked in, and with bytes made up from it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[path = "../../fuzz/src/properties.rs"]
mod properties;

use properties::{ALL, Property};

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
