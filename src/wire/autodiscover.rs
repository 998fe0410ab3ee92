//! Autodiscover without a sign-in: the XML question and answer ("POX") and the JSON answer of version 2.
//!
//! Where to ask, and that asking tells the address, is for the lookup.

use quick_xml::escape::escape;
use serde_json::Value;

use super::offer::{Offer, OfferedAccess, OfferedService, SERVICES, host, port, quote, username};
use super::pacc::json;
use super::text::{BadDocument, Hostile, NAME_CHARACTERS, SENTENCE_CHARACTERS, clean, web_url};
use super::xml::Element;
use crate::settings::{AuthMethod, Protocol, Security};
use crate::target::Address;

/// The body of a POX request ([MS-OXDSCLI], section 2.2.3).
pub fn pox_request(address: &Address) -> String {
    let address = address.to_string();
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{REQUEST}"><Request><EMailAddress>{}</EMailAddress><AcceptableResponseSchema>{RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>"#,
        escape(&address)
    )
}

/// What a POX server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoxReply {
    /// The settings.
    Settings(Box<Offer>),
    /// Ask again for this address.
    RedirectAddress(Address),
    /// Ask again there; an `https:` URL.
    RedirectUrl(String),
    /// The server's no.
    Error(Refusal),
}

/// The words of a server that gives no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Its code: a number in POX, a word in JSON.
    pub code: String,
    /// Its sentence.
    pub message: String,
}

/// `Autodiscover (Response (Account (Action, RedirectAddr?, RedirectUrl?, Protocol*) | Error (ErrorCode, Message)))`,
/// [MS-OXDSCLI], section 2.2.4.
///
/// # Errors
/// [`BadDocument`] when the text is no such document, breaks a limit, or has no usable server.
pub fn parse_pox(text: &str) -> Result<PoxReply, BadDocument> {
    let root = Element::parse(text, "Autodiscover")?;
    let responses = || root.children("Response");
    // Exchange puts `Error` in a Response, some servers beside it.
    let error = responses().chain([&root]).flat_map(|response| response.children("Error")).next();
    if let Some(error) = error {
        return Ok(PoxReply::Error(refusal(error)));
    }
    let mut accounts = responses().flat_map(|response| response.children("Account"));
    match accounts.next() {
        Some(account) => account_reply(account),
        None => Err(BadDocument::NoServers { notes: Vec::new() }),
    }
}

fn refusal(error: &Element) -> Refusal {
    let text = |name, limit| error.text_of(name).and_then(|text| clean(text, limit)).unwrap_or_default();
    Refusal { code: text("ErrorCode", NAME_CHARACTERS), message: text("Message", SENTENCE_CHARACTERS) }
}

fn account_reply(account: &Element) -> Result<PoxReply, BadDocument> {
    let dropped = |what, text| BadDocument::NoServers { notes: vec![format!("{what}: {}", quote(text))] };
    if let Some(text) = account.text_of("RedirectAddr") {
        let address = Address::parse(text).map_err(|_| dropped("the redirect is to no address", text))?;
        return Ok(PoxReply::RedirectAddress(address));
    }
    if let Some(text) = account.text_of("RedirectUrl") {
        let url = https_url(text).ok_or_else(|| dropped("the redirect is not to https", text))?;
        return Ok(PoxReply::RedirectUrl(url));
    }
    settings(account).map(|offer| PoxReply::Settings(Box::new(offer)))
}

fn settings(account: &Element) -> Result<Offer, BadDocument> {
    if account.children("Protocol").count() > SERVICES {
        return Err(Hostile::Servers.into());
    }
    let (mut services, mut notes) = (Vec::new(), Vec::new());
    for section in account.children("Protocol") {
        match service(section) {
            Ok(found) => services.extend(found),
            Err(why) => {
                let kind = section.text_of("Type").map_or_else(|| "untyped".to_owned(), quote);
                notes.push(format!("a server of type {kind} was dropped: {why}"));
            }
        }
    }
    if services.is_empty() {
        return Err(BadDocument::NoServers { notes });
    }
    Ok(Offer { services, notes, ..Offer::default() })
}

/// A `Protocol` section; `None` for those of Exchange and other kinds, the error says why it makes no sense.
fn service(section: &Element) -> Result<Option<OfferedService>, String> {
    let kind = section.text_of("Type").or(section.attribute("Type")).unwrap_or_default();
    let protocol = match kind.to_ascii_lowercase().as_str() {
        "imap" => Protocol::Imap,
        "pop3" => Protocol::Pop3,
        "smtp" => Protocol::Smtp,
        _ => return Ok(None),
    };
    if let Some(entity) = section.unknown_entity() {
        return Err(format!("it has the unknown entity {}", quote(entity)));
    }
    let host = host(section.text_of("Server"))?;
    let wish = Encryption::of(section)?;
    let number = section.text_of("Port").unwrap_or_else(|| wish.default_port(protocol));
    let port = port(Some(number))?;
    let access = OfferedAccess::Server { protocol, host, port, security: wish.security(port.get()) };
    let username = section.text_of("LoginName").and_then(username);
    Ok(Some(OfferedService { access, username, auth: auth_methods(section) }))
}

/// What `Encryption` says, else `SSL`, which is `on` unless it says otherwise.
#[derive(Clone, Copy)]
enum Encryption {
    None,
    Ssl,
    Tls,
    Auto,
}

impl Encryption {
    fn of(section: &Element) -> Result<Self, String> {
        if let Some(word) = section.text_of("Encryption") {
            return Ok(match word.to_ascii_lowercase().as_str() {
                "none" => Self::None,
                "ssl" => Self::Ssl,
                "tls" => Self::Tls,
                "auto" => Self::Auto,
                _ => return Err(format!("its encryption is not known: {}", quote(word))),
            });
        }
        let off = section.text_of("SSL").is_some_and(|word| word.eq_ignore_ascii_case("off"));
        Ok(if off { Self::None } else { Self::Ssl })
    }

    /// The port decides between TLS and STARTTLS: servers write `SSL on` with 587, and `TLS` with 993.
    fn security(self, port: u16) -> Security {
        match (self, port) {
            (Self::None, _) => Security::None,
            (_, 993 | 995 | 465) => Security::Tls,
            (_, 143 | 110 | 587 | 25 | 2525) | (Self::Tls, _) => Security::StartTls,
            (Self::Ssl | Self::Auto, _) => Security::Tls,
        }
    }

    fn default_port(self, protocol: Protocol) -> &'static str {
        match (protocol, self) {
            (Protocol::Imap, Self::Ssl | Self::Auto) => "993",
            (Protocol::Imap, _) => "143",
            (Protocol::Pop3, Self::Ssl | Self::Auto) => "995",
            (Protocol::Pop3, _) => "110",
            (Protocol::Smtp, Self::Ssl | Self::Auto) => "465",
            (Protocol::Smtp, _) => "587",
        }
    }
}

/// `AuthRequired off` is no sign-in, `SPA on` is NTLM; the defaults of the document are not what servers mean.
fn auth_methods(section: &Element) -> Vec<AuthMethod> {
    let says = |name, value: &str| section.text_of(name).is_some_and(|word| word.eq_ignore_ascii_case(value));
    if says("AuthRequired", "off") {
        return vec![AuthMethod::None];
    }
    if says("SPA", "on") {
        return vec![AuthMethod::Ntlm];
    }
    let password = says("SPA", "off") || says("AuthRequired", "on");
    if password { vec![AuthMethod::Password] } else { Vec::new() }
}

/// What a version 2 server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonReply {
    /// Ask there; an `https:` URL.
    Url(String),
    /// The server's no.
    Error(Refusal),
}

/// `{"Protocol": "AutodiscoverV1", "Url": "https://…"}` or `{"ErrorCode": "…", "ErrorMessage": "…"}`.
///
/// # Errors
/// [`BadDocument`] when the text is no such document or names no `https:` URL.
pub fn parse_json(text: &str) -> Result<JsonReply, BadDocument> {
    let document = json(text)?;
    let field = |name| document.get(name).and_then(Value::as_str);
    let said = |name, limit| field(name).and_then(|text| clean(text, limit)).unwrap_or_default();
    if let Some(url) = field("Url").and_then(https_url) {
        return Ok(JsonReply::Url(url));
    }
    let code = said("ErrorCode", NAME_CHARACTERS);
    if !code.is_empty() {
        let message = said("ErrorMessage", SENTENCE_CHARACTERS);
        return Ok(JsonReply::Error(Refusal { code, message }));
    }
    let note = field("Url").map(|url| format!("the URL is not of https: {}", quote(url)));
    Err(BadDocument::NoServers { notes: note.into_iter().collect() })
}

/// The address is sent to it, so clear text will not do.
fn https_url(text: &str) -> Option<String> {
    web_url(text).filter(|url| url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")))
}

const REQUEST: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Username;
    use crate::wire::offer::tests::list;

    fn account(inner: &str) -> Result<PoxReply, BadDocument> {
        parse_pox(&format!(
            "<?xml version='1.0'?><Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'>
             <Response xmlns='{RESPONSE}'><Account><AccountType>email</AccountType>{inner}</Account></Response></Autodiscover>"
        ))
    }

    fn offer(inner: &str) -> Offer {
        match account(inner).unwrap() {
            PoxReply::Settings(offer) => *offer,
            other => panic!("{other:?}"),
        }
    }

    fn section(kind: &str, rest: &str) -> String {
        format!("<Protocol><Type>{kind}</Type><Server>h.example.org</Server>{rest}</Protocol>")
    }

    #[test]
    fn the_request_escapes_the_address() {
        let request = pox_request(&Address::parse("\"<a>&b\"@example.org").unwrap());
        assert!(
            request.contains("<EMailAddress>&quot;&lt;a&gt;&amp;b&quot;@example.org</EMailAddress>"),
            "{request}"
        );
        let root = Element::parse(&request, "Autodiscover").unwrap();
        let asked = root.children("Request").next().and_then(|request| request.text_of("EMailAddress"));
        assert_eq!(asked, Some("\"<a>&b\"@example.org"));
    }

    #[test]
    fn port_and_words_tell_the_security() {
        for (kind, rest, expected) in [
            ("IMAP", "<Port>993</Port><SSL>on</SSL>", "imap h.example.org:993 tls"),
            ("imap", "<Port>143</Port><SSL>on</SSL>", "imap h.example.org:143 starttls"),
            ("SMTP", "<Port>587</Port><SSL>on</SSL>", "smtp h.example.org:587 starttls"),
            ("SMTP", "<Port>25</Port><SSL>On</SSL>", "smtp h.example.org:25 starttls"),
            ("SMTP", "<Port>465</Port><SSL>on</SSL>", "smtp h.example.org:465 tls"),
            ("POP3", "<Port>110</Port><SSL>off</SSL>", "pop3 h.example.org:110 none"),
            ("POP3", "<Port>110</Port>", "pop3 h.example.org:110 starttls"),
            (
                "SMTP",
                "<Port>587</Port><SSL>off</SSL><Encryption>TLS</Encryption>",
                "smtp h.example.org:587 starttls",
            ),
            ("IMAP", "<Port>993</Port><Encryption>TLS</Encryption>", "imap h.example.org:993 tls"),
            ("IMAP", "<Port>10143</Port><Encryption>TLS</Encryption>", "imap h.example.org:10143 starttls"),
            ("IMAP", "<Port>10993</Port><Encryption>SSL</Encryption>", "imap h.example.org:10993 tls"),
            (
                "IMAP",
                "<Port>143</Port><SSL>on</SSL><Encryption>None</Encryption>",
                "imap h.example.org:143 none",
            ),
            ("SMTP", "<Port>587</Port><Encryption>Auto</Encryption>", "smtp h.example.org:587 starttls"),
            ("IMAP", "<SSL>on</SSL>", "imap h.example.org:993 tls"),
            ("SMTP", "<Encryption>TLS</Encryption>", "smtp h.example.org:587 starttls"),
        ] {
            assert_eq!(list(&offer(&section(kind, rest))), [expected], "{rest}");
        }
    }

    #[test]
    fn user_name_and_sign_in_are_what_the_section_says() {
        for (rest, username, auth) in [
            ("", None, &[][..]),
            ("<LoginName>user@example.org</LoginName>", Some("user@example.org"), &[]),
            ("<LoginName/><SPA>off</SPA>", None, &[AuthMethod::Password]),
            ("<SPA>on</SPA><AuthRequired>on</AuthRequired>", None, &[AuthMethod::Ntlm]),
            ("<AuthRequired>on</AuthRequired>", None, &[AuthMethod::Password]),
            ("<SPA>off</SPA><AuthRequired>off</AuthRequired>", None, &[AuthMethod::None]),
        ] {
            let offer = offer(&section("IMAP", &format!("<Port>993</Port>{rest}")));
            let [service] = &offer.services[..] else { panic!("{rest}") };
            assert_eq!(service.username.as_ref().map(Username::as_str), username, "{rest}");
            assert_eq!(service.auth, auth, "{rest}");
        }
    }

    #[test]
    fn sections_of_other_kinds_are_skipped_and_senseless_ones_noted() {
        for (inner, note) in [
            (section("EXCH", ""), None),
            ("<Protocol/>".to_owned(), None),
            ("<Protocol Type='mapiHttp'/>".to_owned(), None),
            ("<Protocol><Type>IMAP</Type></Protocol>".to_owned(), Some("no host name")),
            (section("IMAP", "<Server>x</Server><Port>0</Port>"), Some("port")),
            (section("IMAP", "<Encryption>Rot13</Encryption>"), Some("Rot13")),
            (section("IMAP", "<LoginName>&me;</LoginName>"), Some("entity")),
        ] {
            let offer = offer(&format!("{inner}{}", section("POP3", "<Port>995</Port>")));
            assert_eq!(list(&offer), ["pop3 h.example.org:995 tls"], "{inner}");
            assert_eq!(offer.notes.len(), usize::from(note.is_some()), "{inner}");
            assert!(
                offer.notes.first().is_none_or(|found| found.contains(note.unwrap())),
                "{:?}",
                offer.notes
            );
        }
    }

    #[test]
    fn redirects_and_errors_are_answers() {
        let none = |notes: &[&str]| {
            Err(BadDocument::NoServers { notes: notes.iter().map(|&note| note.to_owned()).collect() })
        };
        for (inner, expected) in [
            (
                "<Action>redirectAddr</Action><RedirectAddr>u@other.example</RedirectAddr>",
                Ok(PoxReply::RedirectAddress(Address::parse("u@other.example").unwrap())),
            ),
            (
                "<Action>redirectUrl</Action><RedirectUrl> https://a.example/x </RedirectUrl>",
                Ok(PoxReply::RedirectUrl("https://a.example/x".to_owned())),
            ),
            (
                "<RedirectUrl>http://a.example/</RedirectUrl>",
                none(&["the redirect is not to https: \"http://a.example/\""]),
            ),
            ("<RedirectAddr>nobody</RedirectAddr>", none(&["the redirect is to no address: \"nobody\""])),
            ("<Action>settings</Action>", none(&[])),
        ] {
            assert_eq!(account(inner), expected, "{inner}");
        }
        let refused =
            PoxReply::Error(Refusal { code: "600".to_owned(), message: "Invalid Request".to_owned() });
        let error = "<Error Time='1' Id='2'><ErrorCode>600</ErrorCode><Message>Invalid
            Request</Message><DebugData/></Error>";
        for text in [
            format!("<Autodiscover><Response>{error}</Response></Autodiscover>"),
            format!("<Autodiscover>{error}</Autodiscover>"),
        ] {
            assert_eq!(parse_pox(&text), Ok(refused.clone()));
        }
    }

    #[test]
    fn limits_and_other_documents_are_refused() {
        let many = section("IMAP", "").repeat(SERVICES + 1);
        assert_eq!(account(&many), Err(Hostile::Servers.into()));
        assert_eq!(parse_pox("<html>"), Err(BadDocument::Html));
        assert_eq!(parse_pox("<Autodiscover/>"), Err(BadDocument::NoServers { notes: Vec::new() }));
        assert!(matches!(parse_pox("<Autodiscover><Response>"), Err(BadDocument::Cut { .. })));
    }

    #[test]
    fn version_two_names_a_url_or_an_error() {
        let url = |url: &str| Ok(JsonReply::Url(url.to_owned()));
        let error = |code: &str, message: &str| {
            Ok(JsonReply::Error(Refusal { code: code.to_owned(), message: message.to_owned() }))
        };
        for (text, expected) in [
            (
                r#"{"Protocol":"AutodiscoverV1","Url":"https://a.example/x.xml"}"#,
                url("https://a.example/x.xml"),
            ),
            (
                r#"{"ErrorCode":"InvalidProtocol","ErrorMessage":"The given protocol\n is invalid"}"#,
                error("InvalidProtocol", "The given protocol is invalid"),
            ),
            (r#"{"ErrorCode":"X"}"#, error("X", "")),
            ("{}", Err(BadDocument::NoServers { notes: Vec::new() })),
            ("", Err(BadDocument::Empty)),
            ("<html>", Err(BadDocument::Html)),
            (r#"{"Url":"#, Err(BadDocument::Cut { bytes: 7 })),
        ] {
            assert_eq!(parse_json(text), expected, "{text}");
        }
        let clear = parse_json(r#"{"Url":"http://a.example/"}"#);
        assert!(matches!(clear, Err(BadDocument::NoServers { notes }) if notes.len() == 1));
    }

    proptest! {
        #[test]
        fn any_text_gives_a_bounded_reply_or_none(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..30), noise in ".{0,300}",
        ) {
            let inner = pieces.concat().replace("NOISE", &noise);
            prop_assert_eq!(account(&inner), account(&inner));
            match account(&inner) {
                Ok(PoxReply::Settings(offer)) => prop_assert!(offer.services.len() + offer.notes.len() <= SERVICES),
                Ok(PoxReply::Error(refusal)) => {
                    prop_assert!(refusal.message.chars().count() <= SENTENCE_CHARACTERS);
                }
                _ => {}
            }
            prop_assert_eq!(parse_pox(&inner), parse_pox(&inner));
            prop_assert_eq!(parse_json(&inner), parse_json(&inner));
        }
    }

    const PIECES: &[&str] = &[
        "<Protocol>",
        "</Protocol>",
        "<Type>IMAP</Type>",
        "<Server>h.example</Server>",
        "<Server>NOISE</Server>",
        "<Port>993</Port>",
        "<Port>NOISE</Port>",
        "<Encryption>NOISE</Encryption>",
        "<LoginName>NOISE</LoginName>",
        "<RedirectAddr>NOISE@example.org</RedirectAddr>",
        "<RedirectUrl>https://NOISE</RedirectUrl>",
        "</Account><Error><Message>NOISE</Message></Error><Account>",
        "NOISE",
    ];
}
