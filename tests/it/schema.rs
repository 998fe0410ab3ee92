//! The JSON Schema: what is printed is valid by it (each JSON document of any test is held against it where the tests
//! read it), it is printed as checked in, and it lets fields be added.

use serde_json::{Value, json};

use crate::support::command::run;
use crate::support::scene::{self, BUSY, EXPIRED, GOOD, HOSTILE, NOWHERE, SOON};
use crate::support::schema::{check, schema};

#[test]
fn the_schema_is_printed_as_it_is_checked_in() {
    let output = run(["schema"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(output.stdout, mailcfg::render::json::SCHEMA_TEXT);
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn documents_and_arrays_and_lines_are_valid() {
    let every = [GOOD, SOON, EXPIRED, BUSY, HOSTILE, NOWHERE];
    let documents = scene::probe(&every, &["--json"]).json();
    assert_eq!(documents.as_array().map(Vec::len), Some(every.len()));
    scene::probe(&[GOOD], &["--json"]).json();
    let lines = scene::probe(&every, &["--format", "jsonl"]).stdout;
    assert_eq!(lines.lines().count(), every.len());
    lines.lines().for_each(|line| check(&serde_json::from_str(line).expect("a line is a document")));
}

#[test]
fn what_other_commands_print_is_valid() {
    for arguments in [
        &["lookup", "user@disroot.org", "--json"][..],
        &["lookup", "--offline", "user@disroot.org", "nowhere.example", "--json"],
        &["lookup", "user@nowhere.example", "--dry-run", "--send-address", "--json"],
        &["providers", "show", "disroot", "--json"],
        &["providers", "list", "--json"],
    ] {
        run(arguments).json();
    }
    for arguments in [
        &["lookup", "--offline", "disroot.org", "nowhere.example", "--format=jsonl"][..],
        &["lookup", "nowhere.example", "--dry-run", "--format=jsonl"],
        &["providers", "list", "gmx", "--format=jsonl"],
    ] {
        let output = run(arguments);
        assert!(!output.stdout.is_empty(), "{arguments:?}: {output:?}");
        let document = |line| serde_json::from_str(line).expect("a line is a document");
        output.stdout.lines().for_each(|line| check(&document(line)));
    }
}

#[test]
fn fields_may_be_added_anywhere() {
    let text = mailcfg::render::json::SCHEMA_TEXT;
    assert!(!text.contains("additionalProperties") && !text.contains("unevaluatedProperties"));
    let mut document = scene::probe(&[EXPIRED], &["--json"]).json();
    add_fields(&mut document);
    assert!(jsonschema::is_valid(&schema(), &document), "{document:#}");
    let strict = std::panic::catch_unwind(|| check(&document));
    assert!(strict.is_err(), "the tests would not notice a field that is not described");
}

#[test]
fn what_is_wrong_is_found() {
    let good = scene::probe(&[GOOD], &["--json"]).json();
    for (pointer, wrong) in [
        ("/schema", json!(2)),
        ("/status", json!("fine")),
        ("/endpoints/0/port", json!("993")),
        ("/endpoints/0/connect/outcome", json!("failed")),
        ("/endpoints/0/tls/value/certificate/days_left", json!(null)),
        ("/endpoints/0/timings_ms/total", json!("1 ms")),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {good:#}")) = wrong;
        assert!(!jsonschema::is_valid(&schema(), &document), "{pointer}");
    }
}

fn add_fields(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(add_fields),
        Value::Object(fields) => {
            fields.values_mut().for_each(add_fields);
            fields.insert("added_later".to_owned(), json!(true));
        }
        _ => {}
    }
}
