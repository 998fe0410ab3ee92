//! The checked-in JSON Schema, held against documents: they are valid, and each of their fields is described.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema as it is checked in.
pub fn schema() -> Value {
    serde_json::from_str(mailcfg::render::json::SCHEMA_TEXT).expect("the schema is JSON")
}

/// Fails when a document breaks the schema, or has a field that it does not describe.
#[track_caller]
pub fn check(document: &Value) {
    static STRICT: OnceLock<Validator> = OnceLock::new();
    let strict = STRICT.get_or_init(|| {
        let mut strict = schema();
        forbid_more(&mut strict, "");
        jsonschema::validator_for(&strict).expect("the schema is one")
    });
    if strict.is_valid(document) {
        return;
    }
    let errors: Vec<String> = strict.iter_errors(document).map(|error| format!("{error:?}")).collect();
    panic!("not as schema/mailcfg.schema.json has it:\n{}\n{document:#}", errors.join("\n"));
}

/// Adds to each object of a schema that it has no other fields. An attempt is one only where it is referred to.
fn forbid_more(schema: &mut Value, name: &str) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(|schema| forbid_more(schema, "")),
        Value::Object(fields) => {
            let refers = fields.get("$ref") == Some(&json!("#/$defs/attempt"));
            let is_object = fields.get("type") == Some(&json!("object")) && name != "attempt";
            fields.iter_mut().for_each(|(name, schema)| forbid_more(schema, name));
            if refers || is_object {
                fields.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}
