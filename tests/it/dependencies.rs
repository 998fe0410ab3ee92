//! The tree of dependencies keeps to `deny.toml`: licences, what is banned, and where crates come from.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use toml::Value as Toml;

#[test]
fn every_licence_in_the_tree_is_allowed_and_every_allowed_one_is_in_the_tree() {
    let rules = rules();
    let allowed = texts(&rules, "licenses", "allow");
    let mut named = BTreeSet::new();
    for package in packages() {
        let licence = text(&package, "license");
        assert!(
            is_allowed(&licence, &allowed),
            "{}: {licence:?} is not in deny.toml",
            text(&package, "name")
        );
        named.extend(words(&licence));
    }
    let idle: Vec<&String> = allowed.iter().filter(|name| !named.contains(*name)).collect();
    assert!(idle.is_empty(), "nobody has these licences: {idle:?}");
}

#[test]
fn nothing_in_the_tree_is_banned_or_from_elsewhere() {
    let rules = rules();
    let banned: BTreeSet<String> =
        array(&rules, "bans", "deny").iter().map(|it| said(it.get("crate"))).collect();
    let registries: Vec<String> =
        texts(&rules, "sources", "allow-registry").iter().map(|url| format!("registry+{url}")).collect();
    for package in packages() {
        let name = text(&package, "name");
        assert!(!banned.contains(&name), "{name} is banned");
        let source = package.get("source").and_then(Json::as_str);
        assert!(
            source.is_none_or(|it| registries.iter().any(|known| known == it)),
            "{name} is from {source:?}"
        );
    }
}

#[test]
fn licence_expressions_are_read() {
    let allowed: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    for (licence, fine) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(GPL-3.0 OR MIT) AND Unlicense", false),
        ("MIT OR GPL-3.0 AND Unlicense", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), fine, "{licence}");
    }
}

/// `expression = conjunction *("OR" conjunction)`, `conjunction = term *("AND" term)`, as SPDX has it; `/` is an old `OR`.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let alternatives = outside(licence, &[" OR ", "/"]);
    alternatives.iter().any(|all| outside(all, &[" AND "]).iter().all(|term| is_term_allowed(term, allowed)))
}

fn is_term_allowed(term: &str, allowed: &BTreeSet<String>) -> bool {
    match term.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) => is_allowed(inside, allowed),
        None => allowed.contains(term),
    }
}

/// Cuts at words that stand outside parentheses.
fn outside<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (place, character) in text.char_indices() {
        depth += i32::from(character == '(') - i32::from(character == ')');
        let rest = text.get(place..).unwrap_or_default();
        let word = words.iter().find(|word| depth == 0 && place >= start && rest.starts_with(*word));
        if let Some(word) = word {
            parts.extend(text.get(start..place));
            start = place + word.len();
        }
    }
    parts.extend(text.get(start..));
    parts.into_iter().map(str::trim).collect()
}

/// The names in an expression.
fn words(licence: &str) -> BTreeSet<String> {
    let plain = licence.replace(['(', ')'], "").replace('/', " OR ");
    let names = plain.split(" OR ").flat_map(|part| part.split(" AND "));
    names.map(|name| name.trim().to_owned()).collect()
}

fn rules() -> Toml {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    toml::from_str(&std::fs::read_to_string(path).expect("deny.toml can be read")).expect("it is TOML")
}

fn array(rules: &Toml, section: &str, name: &str) -> Vec<Toml> {
    let array = rules.get(section).and_then(|section| section.get(name)).and_then(Toml::as_array);
    array.cloned().unwrap_or_default()
}

fn texts(rules: &Toml, section: &str, name: &str) -> BTreeSet<String> {
    array(rules, section, name).iter().map(|it| said(Some(it))).collect()
}

fn said(value: Option<&Toml>) -> String {
    value.and_then(Toml::as_str).unwrap_or_default().to_owned()
}

/// Every package of the tree, on every platform.
fn packages() -> Vec<Json> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked", "--offline", "--manifest-path"]);
    let output = command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).output();
    let output = output.expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree: Json = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = tree.get("packages").and_then(Json::as_array).cloned().unwrap_or_default();
    assert!(packages.len() > 100, "there are some");
    packages
}

fn text(package: &Json, field: &str) -> String {
    package.get(field).and_then(Json::as_str).unwrap_or_default().to_owned()
}
