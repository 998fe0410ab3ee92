//! The JSON that providers publish for user agents (PACC), and the digest of it that DNS vouches for.
//!
//! Ports and security are not in the document: each protocol has one place. Asking for either is for the lookup.

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Map, Value};

use super::offer::{Offer, OfferedAccess, OfferedService, host, port, quote};
use super::text::{BadDocument, NAME_CHARACTERS, clean, is_html, web_url};
use crate::settings::{AuthMethod, OAuth2, Protocol, Security, Username};

/// `{"protocols": {"imap": {"host"}, …, "jmap": {"url"}}, "authentication": {"oauth-public": {"issuer"}, "password"},
/// "info": {"provider": {"name"}, "help": {"documentation"}}}`, draft-ietf-mailmaint-pacc.
///
/// A part of another shape is skipped; `submit` and `smtp` name the same server, and `submit` wins.
///
/// # Errors
/// [`BadDocument`] when the text is no such document or has no usable server.
pub fn parse(text: &str) -> Result<Offer, BadDocument> {
    let document = json(text)?;
    let (auth, oauth2) = authentication(document.get("authentication"));
    let mut notes = Vec::new();
    let accesses = document.get("protocols").and_then(Value::as_object).map(|all| accesses(all, &mut notes));
    let services: Vec<_> = accesses
        .unwrap_or_default()
        .into_iter()
        .map(|access| OfferedService { access, username: Some(Username::Address), auth: auth.clone() })
        .collect();
    if services.is_empty() {
        return Err(BadDocument::NoServers { notes });
    }
    let name = ["/info/provider/name", "/info/provider/shortName"];
    let name = name.iter().find_map(|path| clean(document.pointer(path)?.as_str()?, NAME_CHARACTERS));
    let documentation = document.pointer("/info/help/documentation").and_then(Value::as_str);
    let documentation = documentation.and_then(web_url);
    Ok(Offer { name, documentation, oauth2, services, notes, ..Offer::default() })
}

/// Reads a JSON object (RFC 8259).
pub(super) fn json(text: &str) -> Result<Value, BadDocument> {
    if text.trim().is_empty() {
        return Err(BadDocument::Empty);
    }
    if is_html(text) {
        return Err(BadDocument::Html);
    }
    if !text.trim_start().starts_with('{') {
        return Err(BadDocument::other_format("a JSON object", text));
    }
    serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => BadDocument::Cut { bytes: text.len() },
        false => BadDocument::broken(&error.to_string()),
    })
}

/// How to reach each protocol, in the order of the document.
fn accesses(protocols: &Map<String, Value>, notes: &mut Vec<String>) -> Vec<OfferedAccess> {
    let submit = protocols.get("submit").and_then(|server| access("submit", server).transpose()?.ok());
    let mut found = Vec::new();
    for (name, server) in protocols {
        if name == "smtp" && submit.is_some() {
            continue;
        }
        match access(name, server) {
            Ok(known) => found.extend(known),
            Err(why) => notes.push(format!("the server for {name} was dropped: {why}")),
        }
    }
    found
}

/// One server; `None` for a protocol that is not about mail.
fn access(name: &str, server: &Value) -> Result<Option<OfferedAccess>, String> {
    let field = |key| server.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let (protocol, number) = match name {
        "imap" => (Protocol::Imap, "993"),
        "pop3" => (Protocol::Pop3, "995"),
        "smtp" | "submit" => (Protocol::Smtp, "465"),
        "managesieve" => {
            let host = host(field("host"))?;
            let port = port(Some(MANAGESIEVE_PORT))?;
            return Ok(Some(OfferedAccess::ManageSieve { host, port, security: Security::StartTls }));
        }
        "jmap" => {
            let text = field("url").ok_or("it has no URL")?;
            let url = web_url(text).ok_or_else(|| format!("its URL is not of the web: {}", quote(text)))?;
            return Ok(Some(OfferedAccess::Jmap { url }));
        }
        _ => return Ok(None),
    };
    let (host, port) = (host(field("host"))?, port(Some(number))?);
    Ok(Some(OfferedAccess::Server { protocol, host, port, security: Security::Tls }))
}

fn authentication(value: Option<&Value>) -> (Vec<AuthMethod>, Option<OAuth2>) {
    let issuer = value.and_then(|value| web_url(value.pointer("/oauth-public/issuer")?.as_str()?));
    let oauth2 = issuer.map(|issuer| OAuth2 { issuer, scopes: Vec::new(), auth_url: None, token_url: None });
    let password = value.and_then(|value| value.get("password")?.as_bool()).unwrap_or(false);
    let methods = [oauth2.is_some().then_some(AuthMethod::OAuth2), password.then_some(AuthMethod::Password)];
    (methods.into_iter().flatten().collect(), oauth2)
}

/// What the TXT records say about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// One of them has its digest.
    Matches,
    /// None of them has a digest that can be compared.
    NoUsableRecord,
    /// They have other digests.
    Mismatch {
        /// The first digest of the records, in base64.
        published: String,
        /// The digest of the document, in base64.
        computed: String,
    },
}

/// Compares the digest of a document, taken over the bytes of the body, with the TXT records of `_ua-auto-config`.
pub fn verify(body: &[u8], txt_records: &[String]) -> Verified {
    let computed = digest(&SHA256, body);
    let published: Vec<_> = txt_records.iter().filter_map(|record| published_digest(record)).collect();
    if published.iter().any(|one| one == computed.as_ref()) {
        return Verified::Matches;
    }
    match published.first() {
        Some(first) => {
            Verified::Mismatch { published: BASE64.encode(first), computed: BASE64.encode(computed.as_ref()) }
        }
        None => Verified::NoUsableRecord,
    }
}

/// `v=UAAC1; a=sha256; d=<base64 of a SHA-256 digest>`: tags in any order, others are ignored, padding may be missing.
fn published_digest(record: &str) -> Option<Vec<u8>> {
    let tag = |name: &str| {
        let mut tags = record.split(';').filter_map(|tag| tag.split_once('='));
        tags.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if !tag("v")?.eq_ignore_ascii_case("UAAC1") || !tag("a")?.eq_ignore_ascii_case("sha256") {
        return None;
    }
    let digits: String = tag("d")?.split_ascii_whitespace().collect();
    let bytes = BASE64_NOPAD.decode(digits.trim_end_matches('=').as_bytes()).ok()?;
    (bytes.len() == SHA256_OUTPUT_LEN).then_some(bytes)
}

/// RFC 5804 has no port for implicit TLS.
const MANAGESIEVE_PORT: &str = "4190";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::offer::tests::list;

    #[test]
    fn a_whole_document_gives_its_mail_servers() {
        let offer = parse(WHOLE).unwrap();
        assert_eq!(
            list(&offer),
            [
                "jmap https://jmap.example.org/session",
                "imap imap.example.org:993 tls",
                "pop3 pop.example.org:995 tls",
                "smtp smtp.example.org:465 tls",
                "managesieve sieve.example.org:4190 starttls",
            ]
        );
        assert!(offer.services.iter().all(|service| service.username == Some(Username::Address)));
        assert!(
            offer.services.iter().all(|service| service.auth == [AuthMethod::OAuth2, AuthMethod::Password])
        );
        assert_eq!(offer.name.as_deref(), Some("Example Mail"));
        assert_eq!(offer.documentation.as_deref(), Some("https://example.org/help"));
        assert_eq!(offer.oauth2.unwrap().issuer, "https://login.example.org/");
        assert_eq!(offer.notes, Vec::<String>::new());
    }

    #[test]
    fn parts_of_another_shape_are_skipped_or_dropped_with_a_note() {
        for (protocols, services, notes) in [
            (r#""imap":{"host":"h.example"}"#, &["imap h.example:993 tls"][..], &[][..]),
            (
                r#""smtp":{"host":"a.example"},"submit":{"host":"b.example"}"#,
                &["smtp b.example:465 tls"],
                &[],
            ),
            (
                r#""smtp":{"host":"a.example"},"submit":{"host":"b c"}"#,
                &["smtp a.example:465 tls"],
                &["white space"],
            ),
            (
                r#""imap":{"host":"h.example:993"},"pop3":{"host":" p.example "}"#,
                &["pop3 p.example:995 tls"],
                &["a port in it"],
            ),
            (
                r#""imap":{"host":7},"pop3":{"host":"p.example"}"#,
                &["pop3 p.example:995 tls"],
                &["no host name"],
            ),
            (
                r#""jmap":{"url":"ftp://x"},"pop3":{"host":"p.example"}"#,
                &["pop3 p.example:995 tls"],
                &["of the web"],
            ),
            (r#""imap":[],"caldav":{"url":"https://c.example"},"x":1"#, &[], &["no host name"]),
            ("", &[], &[]),
        ] {
            let text = format!("{{\"protocols\":{{{protocols}}},\"authentication\":[],\"info\":7}}");
            let (found, said) = match parse(&text) {
                Ok(offer) => (list(&offer), offer.notes),
                Err(BadDocument::NoServers { notes }) => (Vec::new(), notes),
                Err(other) => panic!("{protocols}: {other}"),
            };
            assert_eq!(found, services, "{protocols}");
            assert_eq!(said.len(), notes.len(), "{protocols}: {said:?}");
            assert!(said.iter().zip(notes).all(|(said, note)| said.contains(note)), "{protocols}: {said:?}");
        }
    }

    #[test]
    fn the_ways_to_sign_in_are_what_the_document_says() {
        for (value, methods, issuer) in [
            (r#"{"password":true}"#, &[AuthMethod::Password][..], None),
            (r#"{"password":false}"#, &[], None),
            (r#"{"password":"true"}"#, &[], None),
            (
                r#"{"oauth-public":{"issuer":"https://i.example"}}"#,
                &[AuthMethod::OAuth2],
                Some("https://i.example"),
            ),
            (r#"{"oauth-public":{"issuer":"i.example"}}"#, &[], None),
            ("null", &[], None),
        ] {
            let (found, oauth2) = authentication(Some(&serde_json::from_str(value).unwrap()));
            assert_eq!(
                (found.as_slice(), oauth2.as_ref().map(|found| found.issuer.as_str())),
                (methods, issuer)
            );
        }
    }

    #[test]
    fn other_documents_are_refused() {
        let deep = format!("{{\"protocols\":{}", "[".repeat(100_000));
        assert_eq!(parse(" "), Err(BadDocument::Empty));
        assert_eq!(parse("<!doctype html>"), Err(BadDocument::Html));
        assert!(matches!(parse("[]"), Err(BadDocument::OtherFormat { .. })));
        assert!(matches!(parse("{]}"), Err(BadDocument::Broken { .. })));
        assert!(matches!(parse(&deep), Err(BadDocument::Broken { .. })));
        for end in 1..WHOLE.len() {
            assert_eq!(parse(WHOLE.split_at(end).0), Err(BadDocument::Cut { bytes: end }), "cut at {end}");
        }
    }

    #[test]
    fn the_digest_of_the_body_is_looked_for_in_any_record() {
        const RIGHT: &str = "v=UAAC1; a=sha256; d=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=";
        const OTHER: &str = "v=UAAC1; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let unpadded = RIGHT.trim_end_matches('=');
        for (body, records, matches) in [
            ("{}", &[RIGHT][..], Some(true)),
            ("{}", &[unpadded], Some(true)),
            ("{}", &["x=1;D = RBNvo1WzZ4oRRq0W9+hknpT7 T8If536DEMBg9hyq/4o= ;A=SHA256;;V=UAAC1"], Some(true)),
            ("{}", &[OTHER, "google-site-verification=x", RIGHT], Some(true)),
            ("{}", &[OTHER], Some(false)),
            ("{}\n", &[RIGHT], Some(false)),
            ("{}", &[], None),
            ("{}", &["v=UAAC2; a=sha256; d=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="], None),
            ("{}", &["v=UAAC1; a=sha512; d=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="], None),
            ("{}", &["v=UAAC1; a=sha256; d=RBNv"], None),
            ("{}", &["v=UAAC1; a=sha256; d=*"], None),
            ("{}", &["v=UAAC1; a=sha256"], None),
        ] {
            let records: Vec<String> = records.iter().map(|&record| record.to_owned()).collect();
            let found = match verify(body.as_bytes(), &records) {
                Verified::Matches => Some(true),
                Verified::Mismatch { published, computed } => {
                    assert_ne!(published, computed);
                    Some(false)
                }
                Verified::NoUsableRecord => None,
            };
            assert_eq!(found, matches, "{records:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_bounded_offer_or_none(host in ".{0,400}", key in "[a-z0-9-]{0,12}", noise in ".{0,60}") {
            let server = serde_json::json!({"host": host, "url": host});
            let document = serde_json::json!({"protocols": {"imap": server, "jmap": server, key: server},
                "authentication": {"password": noise}, "info": {"provider": {"name": host}}}).to_string();
            for text in [&document, &noise] {
                prop_assert_eq!(parse(text), parse(text));
                if let Ok(offer) = parse(text) {
                    prop_assert!(offer.services.len() <= 6);
                    prop_assert!(offer.name.is_none_or(|name| name.chars().count() <= NAME_CHARACTERS));
                    prop_assert!(offer.notes.iter().all(|note| note.chars().count() <= 4 * NAME_CHARACTERS));
                }
            }
            let record = format!("v=UAAC1;a=sha256;d={noise}");
            prop_assert_ne!(verify(noise.as_bytes(), &[noise.clone(), record]), Verified::Matches);
        }
    }

    const WHOLE: &str = r#"{"protocols": {"jmap": {"url": "https://jmap.example.org/session"},
        "imap": {"host": "imap.example.org"}, "pop3": {"host": "pop.example.org"},
        "smtp": {"host": "smtp.example.org"}, "managesieve": {"host": "sieve.example.org"},
        "caldav": {"url": "https://calendar.example.org/"}},
        "authentication": {"oauth-public": {"issuer": "https://login.example.org/"}, "password": true},
        "info": {"provider": {"name": "Example Mail", "shortName": "Example"},
        "help": {"documentation": "https://example.org/help"}}, "new": []}"#;
}
