//! The untagged data of NAMESPACE (RFC 2342), LIST (RFC 9051, RFC 6154) and GETQUOTAROOT (RFC 9208).
//!
//! Read tolerantly: what is not understood is left out.

use data_encoding::BASE64_NOPAD;

use crate::wire::line::cut;
use crate::wire::login::{Folder, Namespace, Quota};

/// A piece of IMAP data.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Atom(String),
    Quoted(String),
    List(Vec<Item>),
}

impl Item {
    /// The text of a string or an atom; `None` for NIL and lists.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case("NIL") => None,
            Self::Atom(text) | Self::Quoted(text) => Some(text),
            Self::List(_) => None,
        }
    }

    fn list(&self) -> &[Item] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// `"NAMESPACE" SP personal SP other-users SP shared`, each `NIL` or a list of `("prefix" "delimiter")`.
pub(super) fn namespaces(data: &[String]) -> Vec<Namespace> {
    let mut found = Vec::new();
    for items in data.iter().filter_map(|line| behind(line, "NAMESPACE")) {
        for (of, item) in ["personal", "others", "shared"].into_iter().zip(&items) {
            let namespace = |item: &Item| {
                let prefix = item.list().first()?.text()?;
                let delimiter = item.list().get(1).and_then(Item::text);
                Some(Namespace { of, prefix: name(prefix), delimiter: delimiter.map(kept) })
            };
            found.extend(item.list().iter().filter_map(namespace));
        }
    }
    found.truncate(MOST_KEPT);
    found
}

/// `"LIST" SP "(" [attributes] ")" SP delimiter SP mailbox`: those with an attribute of RFC 6154.
pub(super) fn folders(data: &[String]) -> Vec<Folder> {
    let mut found = Vec::new();
    for items in data.iter().filter_map(|line| behind(line, "LIST")) {
        let [attributes, _, mailbox, ..] = items.as_slice() else { continue };
        let Some(mailbox) = mailbox.text() else { continue };
        found.extend(roles(attributes).into_iter().map(|role| Folder { name: name(mailbox), role }));
    }
    found.truncate(MOST_KEPT);
    found
}

/// True for a folder without a special use.
pub(super) fn is_plain_folder(data: &str) -> bool {
    behind(data, "LIST").is_some() && folders(std::slice::from_ref(&data.to_owned())).is_empty()
}

/// The uses among attributes, each once: the name is kept as often as there are some.
fn roles(attributes: &Item) -> Vec<String> {
    let mut roles = Vec::new();
    for attribute in attributes.list().iter().filter_map(Item::text) {
        let role = attribute.trim_start_matches('\\').to_ascii_lowercase();
        if ROLES.contains(&role.as_str()) && !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles
}

/// `"QUOTA" SP root SP "(" [resource SP usage SP limit] ")"`
pub(super) fn quota(data: &[String]) -> Vec<Quota> {
    let mut found = Vec::new();
    for items in data.iter().filter_map(|line| behind(line, "QUOTA")) {
        for triple in items.get(1).map(Item::list).unwrap_or_default().chunks_exact(3) {
            let number = |item: &Item| item.text().and_then(|text| text.parse().ok());
            if let [resource, used, limit] = triple
                && let (Some(resource), Some(used), Some(limit)) =
                    (resource.text(), number(used), number(limit))
            {
                found.push(Quota { resource: kept(&resource.to_ascii_uppercase()), used, limit });
            }
        }
    }
    found.truncate(MOST_KEPT);
    found
}

/// The items behind the first word, when it is this one.
fn behind(line: &str, word: &str) -> Option<Vec<Item>> {
    let (first, rest) = line.split_once(' ')?;
    first.eq_ignore_ascii_case(word).then(|| items(rest))
}

/// Splits data into items; parentheses without a partner end with the line.
fn items(text: &str) -> Vec<Item> {
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let item = match character {
            ' ' => continue,
            '(' if open.len() < DEPTH => {
                open.push(Vec::new());
                continue;
            }
            ')' => match (open.len() > 1).then(|| open.pop()).flatten() {
                Some(list) => Item::List(list),
                None => continue,
            },
            '"' => {
                let mut quoted = String::new();
                while let Some(character) = characters.next().filter(|character| *character != '"') {
                    let escaped = if character == '\\' { characters.next() } else { Some(character) };
                    quoted.extend(escaped);
                }
                Item::Quoted(quoted)
            }
            other => {
                let mut atom = String::from(other);
                while let Some(more) = characters.next_if(|next| !matches!(next, ' ' | '(' | ')' | '"')) {
                    atom.push(more);
                }
                Item::Atom(atom)
            }
        };
        if let Some(list) = open.last_mut() {
            list.push(item);
        }
    }
    while open.len() > 1 {
        let list = open.pop().unwrap_or_default();
        if let Some(outer) = open.last_mut() {
            outer.push(Item::List(list));
        }
    }
    open.pop().unwrap_or_default()
}

/// A name of a folder in modified UTF-7 (RFC 3501, section 5.1.3); as sent when it is none.
fn name(text: &str) -> String {
    decoded(text).map_or_else(|| kept(text), |name| kept(&name))
}

fn kept(text: &str) -> String {
    cut(text.to_owned(), KEPT_BYTES)
}

fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('&');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (encoded, plain) = part.split_once('-')?;
        if encoded.is_empty() {
            name.push('&');
        } else {
            let bytes = BASE64_NOPAD.decode(encoded.replace(',', "/").as_bytes()).ok()?;
            let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
            name.push_str(&String::from_utf16(&units.collect::<Vec<_>>()).ok()?);
        }
        name.push_str(plain);
    }
    Some(name)
}

/// The uses of RFC 6154, section 2, and RFC 8457.
const ROLES: &[&str] = &["all", "archive", "drafts", "flagged", "junk", "sent", "trash", "important"];

/// Real accounts have fewer of any of these.
pub const MOST_KEPT: usize = 64;

/// Real names have fewer; 64 of them are 16 KiB.
pub const KEPT_BYTES: usize = 256;

/// NAMESPACE nests three deep with extensions.
const DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn namespaces_are_those_of_rfc_2342() {
        let found = namespaces(&lines(&[
            "NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\"))) ((\"~\" \"/\")) NIL",
        ]));
        let told: Vec<_> =
            found.iter().map(|it| (it.of, it.prefix.as_str(), it.delimiter.as_deref())).collect();
        assert_eq!(
            told,
            [("personal", "", Some("/")), ("personal", "#mh/", Some("/")), ("others", "~", Some("/"))]
        );
        assert!(namespaces(&lines(&["NAMESPACE NIL NIL NIL", "namespace"])).is_empty());
    }

    #[test]
    fn folders_with_a_use_are_kept() {
        let found = folders(&lines(&[
            "LIST (\\HasNoChildren \\Sent) \"/\" \"Sent \\\"Items\\\"\"",
            "list (\\Drafts) \".\" Entw&APw-rfe",
            "LIST (\\Junk) NIL \"R&-D\"",
            "LIST (\\HasChildren) \"/\" INBOX",
            "LIST (\\Trash",
            "LIST (\\Trash) \"/\" \"&broken\"",
        ]));
        let told: Vec<_> = found.iter().map(|it| format!("{} {}", it.role, it.name)).collect();
        assert_eq!(told, ["sent Sent \"Items\"", "drafts Entwürfe", "junk R&D", "trash &broken"]);
    }

    #[test]
    fn a_use_that_is_said_again_makes_no_second_folder() {
        let found = folders(&lines(&["LIST (\\Sent \\sent \\Junk \\Sent) \"/\" Mail"]));
        let told: Vec<_> = found.iter().map(|it| format!("{} {}", it.role, it.name)).collect();
        assert_eq!(told, ["sent Mail", "junk Mail"]);
    }

    #[test]
    fn quotas_are_triples() {
        let found = quota(&lines(&[
            "QUOTAROOT INBOX \"\"",
            "QUOTA \"\" (storage 10 512 MESSAGE 3 x)",
            "QUOTA User quota (STORAGE",
        ]));
        assert_eq!(found, [Quota { resource: "STORAGE".to_owned(), used: 10, limit: 512 }]);
    }

    #[test]
    fn hostile_data_is_read_to_its_end() {
        for line in [
            "(".repeat(10_000),
            ")".repeat(10_000),
            "\"\\".to_owned(),
            "LIST ".to_owned() + &"(\\Sent) ".repeat(1_000),
            "NAMESPACE ((((((((((((".to_owned(),
            "LIST (\\Sent) \"/\" \"&////-\"".to_owned(),
        ] {
            let data = [line];
            assert!(namespaces(&data).len() + folders(&data).len() + quota(&data).len() <= MOST_KEPT);
        }
    }
}
