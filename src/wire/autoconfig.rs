//! The XML that providers and the central database publish: `clientConfig`, read section by section.
//!
//! What is not known is skipped and the rest kept, as draft-ietf-mailmaint-autoconfig asks for. Where the document
//! came from and whether it fits a domain is for the lookup.

use super::offer::{Offer, OfferedAccess, OfferedService, SERVICES, host, port, quote, username};
use super::text::{BadDocument, Hostile, NAME_CHARACTERS, SENTENCE_CHARACTERS, clean, web_url};
use super::xml::Element;
use crate::settings::{AuthMethod, Instruction, OAuth2, Protocol, Security};

/// `clientConfig (emailProvider (domain+, displayName, incomingServer+, outgoingServer*, …), oAuth2?, webMail?, …)`,
/// draft-ietf-mailmaint-autoconfig, section "Data format".
///
/// The first `emailProvider` with a usable server counts; sections right below the root belong to it.
///
/// # Errors
/// [`BadDocument`] when the text is no such document, breaks a limit, or has no usable server.
pub fn parse(text: &str) -> Result<Offer, BadDocument> {
    let root = Element::parse(text, "clientConfig")?;
    if servers(&root).count() + root.children("emailProvider").flat_map(servers).count() > SERVICES {
        return Err(Hostile::Servers.into());
    }
    let mut notes = Vec::new();
    let (provider, mut services) = first_usable(&root, &mut notes);
    services.extend(services_of(&root, &mut notes));
    if services.is_empty() {
        return Err(BadDocument::NoServers { notes });
    }
    let sections: Vec<&Element> = provider.into_iter().chain([&root]).collect();
    Ok(Offer {
        provider_id: provider.and_then(|found| clean(found.attribute("id")?, NAME_CHARACTERS)),
        name: sections.iter().find_map(|section| name(section)),
        documentation: documentation(&sections),
        instructions: instructions(&sections),
        webmail: sections.iter().find_map(|section| webmail(section)),
        oauth2: sections.iter().flat_map(|section| section.children("oAuth2")).find_map(oauth2),
        services,
        notes,
    })
}

/// The first provider with a usable server, else the first, with its services.
fn first_usable<'a>(
    root: &'a Element,
    notes: &mut Vec<String>,
) -> (Option<&'a Element>, Vec<OfferedService>) {
    for provider in root.children("emailProvider") {
        let services = services_of(provider, notes);
        if !services.is_empty() {
            return (Some(provider), services);
        }
    }
    (root.children("emailProvider").next(), Vec::new())
}

fn servers(section: &Element) -> impl Iterator<Item = &Element> {
    section.all_children().filter(|child| matches!(child.name(), "incomingServer" | "outgoingServer"))
}

/// The servers of a section in the order of the file; a note for each that makes no sense.
fn services_of(section: &Element, notes: &mut Vec<String>) -> Vec<OfferedService> {
    let mut services = Vec::new();
    for server in servers(section) {
        match service(server) {
            Ok(Some(found)) => services.push(found),
            Ok(None) => {}
            Err(why) => {
                let kind = server.attribute("type").map_or_else(|| "untyped".to_owned(), quote);
                notes.push(format!("a server of type {kind} was dropped: {why}"));
            }
        }
    }
    services
}

/// A server section; `None` for a type that is not known or not about mail, the error says why it makes no sense.
fn service(section: &Element) -> Result<Option<OfferedService>, String> {
    let kind = section.attribute("type").ok_or("it has no type")?.to_ascii_lowercase();
    if !KINDS.contains(&kind.as_str()) {
        return Ok(None);
    }
    if let Some(entity) = section.unknown_entity() {
        return Err(format!("it has the unknown entity {}", quote(entity)));
    }
    let access = match (kind.as_str(), section.name()) {
        ("imap", "incomingServer") => server(section, Protocol::Imap)?,
        ("pop3", "incomingServer") => server(section, Protocol::Pop3)?,
        ("smtp", "outgoingServer") => server(section, Protocol::Smtp)?,
        ("managesieve", "incomingServer") => managesieve(section)?,
        ("jmap", "incomingServer") => jmap(section)?,
        (_, element) => return Err(format!("it is listed as {element}")),
    };
    let username = section.text_of("username").and_then(username);
    Ok(Some(OfferedService { access, username, auth: auth_methods(section) }))
}

fn server(section: &Element, protocol: Protocol) -> Result<OfferedAccess, String> {
    let host = host(section.text_of("hostname"))?;
    Ok(OfferedAccess::Server {
        protocol,
        host,
        port: port(section.text_of("port"))?,
        security: security(section)?,
    })
}

fn managesieve(section: &Element) -> Result<OfferedAccess, String> {
    let host = host(section.text_of("hostname"))?;
    Ok(OfferedAccess::ManageSieve {
        host,
        port: port(section.text_of("port"))?,
        security: security(section)?,
    })
}

fn jmap(section: &Element) -> Result<OfferedAccess, String> {
    let text = section.text_of("url").ok_or("it has no URL")?;
    let url = web_url(text).ok_or_else(|| format!("its URL is not of the web: {}", quote(text)))?;
    Ok(OfferedAccess::Jmap { url })
}

/// `socketType`: `SSL`, `STARTTLS` or `plain`; of several the first that is known.
fn security(section: &Element) -> Result<Security, String> {
    let first = section.text_of("socketType").ok_or("it has no socket type")?;
    let mut words = section.children("socketType").filter_map(Element::text);
    words
        .find_map(Security::from_word)
        .ok_or_else(|| format!("its socket type is not known: {}", quote(first)))
}

/// `authentication`: each once, in the order of the file, which is that of preference; unknown words are skipped.
fn auth_methods(section: &Element) -> Vec<AuthMethod> {
    let mut methods = Vec::new();
    for word in section.children("authentication").filter_map(Element::text) {
        let method = AuthMethod::from_word(word).or_else(|| other_auth_method(word));
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    methods
}

/// The words of URL-based protocols, and `SASL` with the name of a mechanism.
fn other_auth_method(word: &str) -> Option<AuthMethod> {
    let word = word.to_ascii_uppercase();
    let mechanism = word.strip_prefix("SASL ").map_or(word.as_str(), str::trim);
    Some(match mechanism {
        "HTTP-BASIC" | "PLAIN" | "LOGIN" => AuthMethod::Password,
        "HTTP-DIGEST" | "CRAM-MD5" | "DIGEST-MD5" => AuthMethod::EncryptedPassword,
        "OAUTHBEARER" | "XOAUTH2" => AuthMethod::OAuth2,
        "GSSAPI" => AuthMethod::Gssapi,
        "NTLM" => AuthMethod::Ntlm,
        "EXTERNAL" => AuthMethod::ClientCertificate,
        other if other.starts_with("SCRAM-") => AuthMethod::EncryptedPassword,
        _ => return None,
    })
}

fn name(section: &Element) -> Option<String> {
    let text = section.text_of("displayName").or_else(|| section.text_of("displayShortName"))?;
    clean(text, NAME_CHARACTERS)
}

/// `documentation@url`: the first page that is described in English, else the first.
fn documentation(sections: &[&Element]) -> Option<String> {
    let pages = || {
        let all = sections.iter().flat_map(|section| section.children("documentation"));
        all.filter_map(|page| Some((page, web_url(page.attribute("url")?)?)))
    };
    let english = pages().find(|(page, _)| page.children("descr").any(is_english));
    english.or_else(|| pages().next()).map(|(_, url)| url)
}

/// `enable@visiturl/instruction` first, then `instruction@url`.
fn instructions(sections: &[&Element]) -> Vec<Instruction> {
    let enable = sections.iter().flat_map(|section| section.children("enable")).filter_map(enable);
    let pages = sections.iter().flat_map(|section| section.children("instruction")).filter_map(instruction);
    enable.chain(pages).take(INSTRUCTIONS).collect()
}

fn enable(section: &Element) -> Option<Instruction> {
    let text = in_english(section, "instruction").unwrap_or(ENABLE_FIRST);
    let url = section.attribute("visiturl").and_then(web_url);
    let instruction = Instruction { text: clean(text, SENTENCE_CHARACTERS)?, url };
    Some(instruction).filter(|found| found.url.is_some() || found.text != ENABLE_FIRST)
}

fn instruction(section: &Element) -> Option<Instruction> {
    let text = section.text().or_else(|| in_english(section, "descr"))?;
    let url = section.attribute("url").and_then(web_url);
    Some(Instruction { text: clean(text, SENTENCE_CHARACTERS)?, url })
}

/// The text of the child that is in English or names no language, else of the first.
fn in_english<'a>(section: &'a Element, name: &'a str) -> Option<&'a str> {
    let plain = |child: &&Element| child.attribute("lang").is_none() || is_english(child);
    let english = section.children(name).filter(plain).find_map(Element::text);
    english.or_else(|| section.text_of(name))
}

fn is_english(section: &Element) -> bool {
    let language = section.attribute("lang").and_then(|tag| tag.split(['-', '_']).next());
    language.is_some_and(|language| language.eq_ignore_ascii_case("en"))
}

fn webmail(section: &Element) -> Option<String> {
    let mut pages = section.children("webMail").flat_map(|webmail| webmail.children("loginPage"));
    pages.find_map(|page| web_url(page.attribute("url")?))
}

/// `oAuth2 (issuer, scope?, authURL?, tokenURL?)`; scopes stand between spaces or commas.
fn oauth2(section: &Element) -> Option<OAuth2> {
    let issuer = clean(section.text_of("issuer")?, NAME_CHARACTERS)?;
    let scopes = section.text_of("scope").unwrap_or_default();
    let scopes = scopes.split(|found: char| found == ',' || found.is_whitespace());
    Some(OAuth2 {
        issuer,
        scopes: scopes.filter_map(|scope| clean(scope, NAME_CHARACTERS)).take(SCOPES).collect(),
        auth_url: section.text_of("authURL").and_then(web_url),
        token_url: section.text_of("tokenURL").and_then(web_url),
    })
}

/// The types that are about mail and not of one vendor.
const KINDS: &[&str] = &["imap", "pop3", "smtp", "managesieve", "jmap"];

/// Stands for an `enable` section that names a page only.
const ENABLE_FIRST: &str = "Allow mail programs first, on this page";

/// More than a person reads; real documents have at most four.
pub const INSTRUCTIONS: usize = 20;
/// Real documents name at most five.
pub const SCOPES: usize = 50;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Username;
    use crate::wire::offer::tests::list;

    fn provider(inner: &str) -> Result<Offer, BadDocument> {
        parse(&format!(
            "<clientConfig><emailProvider id='example.org'>{inner}</emailProvider></clientConfig>"
        ))
    }

    fn imap(host: &str, rest: &str) -> String {
        format!("<incomingServer type='imap'><hostname>{host}</hostname>{rest}</incomingServer>")
    }

    const PORT: &str = "<port>993</port>";
    const SSL: &str = "<socketType>SSL</socketType>";
    const GOOD: &str = "<incomingServer type='pop3'><hostname>good.example.org</hostname><port>995</port>
        <socketType>SSL</socketType></incomingServer>";

    #[test]
    fn the_kinds_of_the_draft_give_their_mail_servers() {
        let offer = parse(SAMPLE).unwrap();
        assert_eq!(
            list(&offer),
            [
                "jmap https://jmap.example.org/session",
                "imap imap.example.org:993 tls",
                "smtp smtp.example.org:587 starttls",
                "pop3 pop.example.org:110 none",
                "managesieve sieve.example.org:4190 starttls",
            ]
        );
        assert_eq!(offer.notes, Vec::<String>::new());
        assert_eq!(offer.provider_id.as_deref(), Some("example.org"));
        assert_eq!(offer.name.as_deref(), Some("Example Mail"));
        assert_eq!(offer.documentation.as_deref(), Some("https://example.org/help/en"));
        assert_eq!(offer.webmail.as_deref(), Some("https://webmail.example.org/"));
        let texts: Vec<_> =
            offer.instructions.iter().map(|found| (found.text.as_str(), found.url.as_deref())).collect();
        assert_eq!(
            texts,
            [
                ("Allow IMAP & POP3 first", Some("https://example.org/enable")),
                ("How to set it up", Some("https://example.org/setup")),
            ]
        );
        let oauth2 = offer.oauth2.as_ref().unwrap();
        assert_eq!(oauth2.issuer, "login.example.org");
        assert_eq!(oauth2.scopes, ["mail", "calendar", "offline_access"]);
        assert_eq!(oauth2.token_url.as_deref(), Some("https://login.example.org/token"));
        let auth: Vec<_> = offer.services.iter().map(|service| service.auth.clone()).collect();
        assert_eq!(auth[0], [AuthMethod::OAuth2, AuthMethod::Password]);
        assert_eq!(auth[1], [AuthMethod::Password, AuthMethod::EncryptedPassword]);
        assert_eq!(auth[2], [AuthMethod::EncryptedPassword, AuthMethod::Password]);
        assert_eq!(auth[3], []);
        let users: Vec<_> = offer.services.iter().map(|service| service.username.clone()).collect();
        assert_eq!(users[0..3], [Some(Username::Address), Some(Username::LocalPart), None]);
        assert_eq!(users[3], Some(Username::Template("%EMAILLOCALPART%.%EMAILDOMAIN%".to_owned())));
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        for (rest, expected) in [
            (format!("{PORT}{SSL}"), "imap h.example.org:993 tls"),
            (format!("<port> 993\n</port>{SSL}"), "imap h.example.org:993 tls"),
            (format!("{PORT}<socketType>ssl</socketType>"), "imap h.example.org:993 tls"),
            (format!("{PORT}<socketType> TLS </socketType>"), "imap h.example.org:993 tls"),
            (format!("{PORT}<socketType>Plain</socketType>"), "imap h.example.org:993 none"),
            (format!("{PORT}<socketType>QUIC</socketType>{SSL}"), "imap h.example.org:993 tls"),
            (
                format!("{PORT}<socketType/><socketType>STARTTLS</socketType>{SSL}"),
                "imap h.example.org:993 starttls",
            ),
            (format!("<port><![CDATA[993]]></port>{SSL}"), "imap h.example.org:993 tls"),
            (format!("<port>9<!-- 1 -->93</port>{SSL}"), "imap h.example.org:993 tls"),
            (format!("<port>&#57;93</port>{SSL}<new>thing</new>"), "imap h.example.org:993 tls"),
            (format!("{PORT}{SSL}<authentication/><username/>"), "imap h.example.org:993 tls"),
            (format!("{PORT}{SSL}<authentication>telepathy</authentication>"), "imap h.example.org:993 tls"),
        ] {
            let offer = provider(&imap("h.%EMAILDOMAIN%", &rest)).unwrap();
            assert_eq!(list(&offer), [expected], "{rest}");
            assert_eq!(
                (&offer.services[0].username, &offer.services[0].auth),
                (&None, &Vec::new()),
                "{rest}"
            );
        }
    }

    #[test]
    fn a_server_that_makes_no_sense_is_dropped_with_a_note() {
        for (section, note) in [
            (imap("imap example.org", ""), "white space"),
            (imap("https://imap.example.org/", ""), "a URL"),
            (imap("imap.example.org:993", ""), "a port in it"),
            (imap("", ""), "no host name"),
            (imap("a&#27;[31m.example.org", ""), "control character"),
            (imap("h.example.org", SSL), "no port"),
            (imap("h.example.org", &format!("<port>0</port>{SSL}")), "\"0\""),
            (imap("h.example.org", &format!("<port>65536</port>{SSL}")), "\"65536\""),
            (imap("h.example.org", &format!("<port>-1</port>{SSL}")), "\"-1\""),
            (imap("h.example.org", PORT), "no socket type"),
            (imap("h.example.org", &format!("{PORT}<socketType>QUIC</socketType>")), "\"QUIC\""),
            (imap("&me;", &format!("{PORT}{SSL}")), "entity \"me\""),
            (imap("h.example.org", &format!("{PORT}{SSL}<username>&me;</username>")), "entity \"me\""),
            ("<incomingServer/>".to_owned(), "no type"),
            ("<incomingServer type='smtp'/>".to_owned(), "as incomingServer"),
            ("<outgoingServer type='imap'/>".to_owned(), "as outgoingServer"),
            ("<incomingServer type='jmap'/>".to_owned(), "no URL"),
            (
                "<incomingServer type='jmap'><url>file:///x</url></incomingServer>".to_owned(),
                "not of the web",
            ),
        ] {
            let offer = provider(&format!("{section}{GOOD}")).unwrap();
            assert_eq!(list(&offer), ["pop3 good.example.org:995 tls"], "{section}");
            let [found] = &offer.notes[..] else { panic!("{section}: {:?}", offer.notes) };
            assert!(found.contains(note) && !found.contains('\u{1b}'), "{section}: {found}");
            assert!(
                matches!(provider(&section), Err(BadDocument::NoServers { notes }) if notes == offer.notes)
            );
        }
    }

    #[test]
    fn unknown_types_are_skipped_without_a_note() {
        for kind in ["exchange", "ews", "activeSync", "graph", "owa", "carrier-pigeon"] {
            let offer = provider(&format!("<incomingServer type='{kind}'/>{GOOD}")).unwrap();
            assert_eq!((offer.services.len(), offer.notes.len()), (1, 0), "{kind}");
        }
    }

    #[test]
    fn the_first_provider_with_a_usable_server_counts() {
        let bad = imap("bad host", "");
        let other = GOOD.replace("good", "other");
        let text = format!(
            "<x:clientConfig version='9.9' xmlns:x='urn:x'>{other}<emailProvider id='a'>{bad}</emailProvider>
             <emailProvider id='b'>{GOOD}<displayName>A&#27;[31m\u{202e}B</displayName></emailProvider>
             <emailProvider id='c'>{other}</emailProvider></x:clientConfig>"
        );
        let offer = parse(&text).unwrap();
        assert_eq!(list(&offer), ["pop3 good.example.org:995 tls", "pop3 other.example.org:995 tls"]);
        assert_eq!((offer.provider_id.as_deref(), offer.name.as_deref()), (Some("b"), Some("A[31mB")));
        assert_eq!(offer.notes.len(), 1);
        let rootless = parse(&format!("<clientConfig>{GOOD}</clientConfig>")).unwrap();
        assert_eq!((rootless.services.len(), rootless.provider_id), (1, None));
    }

    #[test]
    fn words_for_people_prefer_english_and_urls_of_the_web() {
        for (section, text, url) in [
            ("<enable visiturl='https://a.example/'/>", Some(ENABLE_FIRST), Some("https://a.example/")),
            ("<enable visiturl='javascript:x'/>", None, None),
            ("<enable visiturl='javascript:x'><instruction>Do</instruction></enable>", Some("Do"), None),
            (
                "<enable><instruction lang='de'>Tu</instruction><instruction lang='en-GB'>Do</instruction></enable>",
                Some("Do"),
                None,
            ),
            (
                "<enable><instruction lang='de'>Tu</instruction><instruction lang='lv'>x</instruction></enable>",
                Some("Tu"),
                None,
            ),
            ("<instruction url='https://a.example/'/>", None, None),
            ("<instruction>&xxe;</instruction>", None, None),
        ] {
            let offer = provider(&format!("{GOOD}{section}")).unwrap();
            let first = offer.instructions.first();
            assert_eq!(first.map(|found| found.text.as_str()), text, "{section}");
            assert_eq!(first.and_then(|found| found.url.as_deref()), url, "{section}");
        }
    }

    #[test]
    fn limits_and_other_documents_are_refused() {
        let many = provider(&GOOD.repeat(SERVICES + 1));
        assert_eq!(many, Err(Hostile::Servers.into()));
        assert_eq!(provider(&GOOD.repeat(SERVICES)).unwrap().services.len(), SERVICES);
        let doctype = format!("<!DOCTYPE clientConfig><clientConfig>{GOOD}</clientConfig>");
        assert_eq!(parse(&doctype), Err(Hostile::Doctype.into()));
        assert_eq!(parse("<html><body>Sign in</body></html>"), Err(BadDocument::Html));
        assert_eq!(parse("\n"), Err(BadDocument::Empty));
        assert_eq!(parse("<clientConfig/>"), Err(BadDocument::NoServers { notes: Vec::new() }));
        assert!(matches!(parse("<Error/>"), Err(BadDocument::OtherRoot { .. })));
        assert!(matches!(parse("{}"), Err(BadDocument::OtherFormat { .. })));
    }

    #[test]
    fn a_cut_document_offers_nothing() {
        for (end, _) in SAMPLE.char_indices().skip_while(|&(end, _)| end < 60) {
            assert!(matches!(parse(SAMPLE.split_at(end).0), Err(BadDocument::Cut { .. })), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_bounded_offer_or_none(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40), noise in ".{0,300}",
        ) {
            let inner = pieces.concat().replace("NOISE", &noise);
            let text = format!("<clientConfig>{inner}</clientConfig>");
            prop_assert_eq!(parse(&text), parse(&text));
            if let Ok(offer) = parse(&text) {
                prop_assert!(offer.services.len() <= SERVICES && offer.notes.len() <= SERVICES);
                prop_assert!(offer.instructions.len() <= INSTRUCTIONS);
                let longest = offer.notes.iter().chain(&offer.name).chain(&offer.provider_id).map(String::len).max();
                prop_assert!(longest.unwrap_or_default() <= 4 * SENTENCE_CHARACTERS);
            }
            let _refused_or_not = parse(&inner);
        }
    }

    const PIECES: &[&str] = &[
        "<emailProvider id='NOISE'>",
        "</emailProvider>",
        "<incomingServer type='imap'>",
        "</incomingServer>",
        "<outgoingServer type='smtp'>",
        "</outgoingServer>",
        "<hostname>h.example</hostname>",
        "<hostname>NOISE</hostname>",
        "<port>993</port>",
        "<port>NOISE</port>",
        "<socketType>SSL</socketType>",
        "<username>NOISE</username>",
        "<displayName>NOISE</displayName>",
        "<instruction url='https://NOISE'>NOISE</instruction>",
        GOOD,
        "NOISE",
    ];

    const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.2">
  <emailProvider id="example.org">
    <domain>example.org</domain>
    <domain purpose="mx">hosting.example</domain>
    <displayName>Example
      Mail</displayName>
    <displayShortName>Example</displayShortName>
    <incomingServer type="jmap">
      <url>https://jmap.example.org/session</url>
      <authentication>OAuth2</authentication>
      <authentication>http-basic</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <incomingServer type="imap">
      <hostname>imap.example.org</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <authentication>plain</authentication>
      <authentication>password-cleartext</authentication>
      <authentication>secure</authentication>
      <username>%EMAILLOCALPART%</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.%EMAILDOMAIN%</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <authentication>SASL SCRAM-SHA-256-PLUS</authentication>
      <authentication>SASL PLAIN</authentication>
      <restriction>client-IP-address</restriction>
      <addThisServer>true</addThisServer>
    </outgoingServer>
    <incomingServer type="pop3">
      <hostname>pop.example.org</hostname>
      <port>110</port>
      <socketType>plain</socketType>
      <username>%EMAILLOCALPART%.%EMAILDOMAIN%</username>
      <pop3><leaveMessagesOnServer>true</leaveMessagesOnServer></pop3>
    </incomingServer>
    <incomingServer type="ews"><url>https://mail.example.org/EWS/Exchange.asmx</url></incomingServer>
    <incomingServer type="activesync"><url>https://mail.example.org/sync</url></incomingServer>
    <incomingServer type="managesieve">
      <hostname>sieve.example.org</hostname>
      <port>4190</port>
      <socketType>STARTTLS</socketType>
    </incomingServer>
    <documentation url="https://example.org/help/de"><descr lang="de">Hilfe</descr></documentation>
    <documentation url="https://example.org/help/en"><descr lang="en">Help</descr></documentation>
    <instruction url="https://example.org/setup">
      <descr lang="de">So geht es</descr>
      <descr lang="en">How to set it up</descr>
    </instruction>
  </emailProvider>
  <addressBook type="carddav"><url>https://contacts.example.org/</url></addressBook>
  <calendar type="caldav"><url>https://calendar.example.org/</url></calendar>
  <fileShare type="webdav"><url>https://files.example.org/</url></fileShare>
  <chatServer type="xmpp"><hostname>chat.example.org</hostname><port>5223</port></chatServer>
  <videoConference type="opentalk"><url>https://talk.example.org/</url></videoConference>
  <enable visiturl="https://example.org/enable">
    <instruction lang="de">Zuerst IMAP erlauben</instruction>
    <instruction>Allow IMAP &amp; POP3 first</instruction>
  </enable>
  <webMail><loginPage url="https://webmail.example.org/"/></webMail>
  <oAuth2>
    <issuer>login.example.org</issuer>
    <scope>mail, calendar offline_access</scope>
    <authURL>https://login.example.org/auth</authURL>
    <tokenURL>https://login.example.org/token</tokenURL>
    <clientSecret>unused</clientSecret>
  </oAuth2>
  <clientConfigUpdate url="https://example.org/config.xml"/>
</clientConfig>"#;
}
