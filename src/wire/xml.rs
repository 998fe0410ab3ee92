//! A small tree of an XML document (XML 1.0), read under limits; names without their prefix.
//!
//! Nothing is expanded but the five predefined entities and character references, and no DOCTYPE is taken. What the
//! elements mean is for [`super::autoconfig`] and [`super::autodiscover`].

use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader, XmlVersion};

use super::text::{BadDocument, Hostile, NAME_CHARACTERS, clean, is_html};

/// One element with what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
    unknown_entity: Option<String>,
}

impl Element {
    /// `document ::= prolog element Misc*` (XML 1.0, section 2.1), where the prolog has no `doctypedecl`; what follows
    /// the root is not read.
    ///
    /// # Errors
    /// [`BadDocument`] when this is no XML, is cut, is not well-formed, breaks a limit, or has another root.
    pub fn parse(text: &str, root: &'static str) -> Result<Self, BadDocument> {
        if text.trim().is_empty() {
            return Err(BadDocument::Empty);
        }
        if is_html(text) {
            return Err(BadDocument::Html);
        }
        if !text.trim_start().starts_with('<') {
            return Err(BadDocument::other_format("XML", text));
        }
        let element = read(text)?;
        if element.name.eq_ignore_ascii_case(root) {
            return Ok(element);
        }
        let found = clean(&element.name, NAME_CHARACTERS).unwrap_or_default();
        Err(BadDocument::OtherRoot { expected: root, found })
    }

    /// The name without its prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an attribute, trimmed; `None` when it is empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// The text of this element, trimmed; `None` when it is empty or has an unknown entity.
    pub fn text(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty() && self.unknown_entity.is_none())
    }

    /// The children of a name, in their order.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// All children, in their order.
    pub fn all_children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter()
    }

    /// The text of the first child of a name that has any.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.children.iter().filter(|child| child.name == name).find_map(Self::text)
    }

    /// An entity in here that only a DOCTYPE could have defined.
    pub fn unknown_entity(&self) -> Option<&str> {
        self.unknown_entity.as_deref().or_else(|| self.children.iter().find_map(Self::unknown_entity))
    }
}

fn read(text: &str) -> Result<Element, BadDocument> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(|error| bad(&error, text))?;
        if matches!(event, Event::Eof) {
            return Err(tree.ended(text));
        }
        if let Some(root) = tree.take(event)? {
            return Ok(root);
        }
    }
}

/// The elements that are open, the root first.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    elements: usize,
}

impl Tree {
    /// Takes one event; gives the root when it is closed.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Element>, BadDocument> {
        match event {
            Event::Start(start) => self.open(&start)?,
            Event::End(_) => return Ok(self.close()),
            Event::Text(text) => self.add_text(&text.xml10_content()),
            Event::CData(text) => self.add_text(&text.xml10_content()),
            Event::GeneralRef(reference) => self.add_reference(&reference),
            Event::DocType(_) => return Err(Hostile::Doctype.into()),
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Eof => {}
        }
        Ok(None)
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), BadDocument> {
        self.elements += 1;
        if self.elements > ELEMENTS {
            return Err(Hostile::Elements.into());
        }
        if self.open.len() >= DEPTH {
            return Err(Hostile::Depth.into());
        }
        let name = start.local_name().as_ref().to_owned();
        self.open.push(Element { name, attributes: attributes(start), ..Element::default() });
        Ok(())
    }

    fn close(&mut self) -> Option<Element> {
        let closed = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Some(closed),
        }
        None
    }

    fn add_text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) {
        let Some(element) = self.open.last_mut() else { return };
        match (reference.resolve_char_ref(), resolve_predefined_entity(reference)) {
            (Ok(Some(character)), _) => element.text.push(character),
            (_, Some(text)) => element.text.push_str(text),
            _ => element.unknown_entity = Some(clean(reference, NAME_CHARACTERS).unwrap_or_default()),
        }
    }

    fn ended(&self, text: &str) -> BadDocument {
        if self.elements == 0 {
            return BadDocument::other_format("XML", text);
        }
        BadDocument::Cut { bytes: text.len() }
    }
}

/// The attributes without prefix; those that are not well-formed are skipped, of two with one name the first counts.
fn attributes(start: &BytesStart<'_>) -> Vec<(String, String)> {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    attributes
        .take(ATTRIBUTES)
        .flatten()
        .filter(|attribute| !attribute.key.as_ref().starts_with("xmlns"))
        .filter_map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some((attribute.key.local_name().as_ref().to_owned(), value.into_owned()))
        })
        .collect()
}

fn bad(error: &Error, text: &str) -> BadDocument {
    match error {
        Error::Syntax(SyntaxError::UnclosedDoctype)
        | Error::IllFormed(IllFormedError::MissingDoctypeName) => Hostile::Doctype.into(),
        Error::Syntax(SyntaxError::InvalidBangMarkup) if !is_cut_markup(text) => {
            BadDocument::broken(&error.to_string())
        }
        Error::Syntax(_) => BadDocument::Cut { bytes: text.len() },
        other => BadDocument::broken(&other.to_string()),
    }
}

/// True when the text ends within the first characters of a comment, CDATA or DOCTYPE.
fn is_cut_markup(text: &str) -> bool {
    text.rsplit_once("<!")
        .is_some_and(|(_, start)| ["--", "[CDATA[", "DOCTYPE"].iter().any(|whole| whole.starts_with(start)))
}

/// Real documents have five levels.
pub const DEPTH: usize = 64;

/// The largest document of the central database has some 200.
pub const ELEMENTS: usize = 20_000;

/// Real elements have at most three.
pub const ATTRIBUTES: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(inner: &str) -> Option<String> {
        let root = Element::parse(&format!("<r><a>{inner}</a></r>"), "r").unwrap();
        root.text_of("a").map(str::to_owned)
    }

    #[test]
    fn text_is_resolved_and_trimmed() {
        for (inner, text) in [
            (" 993\n", Some("993")),
            ("a<!-- b -->c", Some("ac")),
            ("<![CDATA[a & b]]>", Some("a & b")),
            ("x<![CDATA[<y>]]>z", Some("x<y>z")),
            ("&lt;&gt;&amp;&quot;&apos;", Some("<>&\"'")),
            ("&#65;&#x42;", Some("AB")),
            ("a & b", Some("a & b")),
            ("&xxe;", None),
            ("&#0;", None),
            (" ", None),
            ("<b>inner</b>", None),
        ] {
            assert_eq!(text_of(inner).as_deref(), text, "{inner}");
        }
    }

    #[test]
    fn names_and_attributes_lose_their_prefix() {
        let text = r#"<?xml version="1.1"?><x:r xmlns:x="urn:x" xmlns:url="urn:y">
            <x:a xml:lang="en" url=" &quot;u&quot; " url="v" empty="" bad="&xxe;" none>t</x:a></x:r>"#;
        let root = Element::parse(text, "r").unwrap();
        assert_eq!(root.attribute("url"), None);
        let child = root.children("a").next().unwrap();
        assert_eq!((child.attribute("lang"), child.attribute("url")), (Some("en"), Some("\"u\"")));
        assert_eq!((child.attribute("empty"), child.attribute("bad")), (None, None));
    }

    #[test]
    fn unknown_entities_are_found_at_any_depth() {
        let root = Element::parse("<r><a><b>&xxe;</b></a><c>&amp;</c></r>", "r").unwrap();
        assert_eq!(root.unknown_entity(), Some("xxe"));
        assert_eq!(root.children("c").next().and_then(Element::unknown_entity), None);
    }

    #[test]
    fn what_is_no_use_says_why() {
        let deep = "<r>".repeat(100_000);
        let at_limit = format!("{}{}", "<r>".repeat(DEPTH), "</r>".repeat(DEPTH));
        let wide = format!("<r>{}</r>", "<a/>".repeat(ELEMENTS));
        let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>";
        let external = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>";
        let broken = |why: &str| BadDocument::Broken { why: why.to_owned() };
        assert!(Element::parse(&at_limit, "r").is_ok());
        for (text, error) in [
            ("", BadDocument::Empty),
            (" \n", BadDocument::Empty),
            ("<!DOCTYPE html><r/>", BadDocument::Html),
            ("Not found", BadDocument::other_format("XML", "Not found")),
            ("<?xml version='1.0'?>", BadDocument::other_format("XML", "<?xml version='1.0'?>")),
            ("<s/>", BadDocument::OtherRoot { expected: "r", found: "s".to_owned() }),
            ("<r><a>", BadDocument::Cut { bytes: 6 }),
            ("<r><a></b></r>", broken("ill-formed document: expected `</a>`, but `</b>` was found")),
            (laughs, Hostile::Doctype.into()),
            (external, Hostile::Doctype.into()),
            ("<!DOCTYPE r><r/>", Hostile::Doctype.into()),
            ("<!DOCTYPE r [<!ENTITY", Hostile::Doctype.into()),
            (&deep, Hostile::Depth.into()),
            (&wide, Hostile::Elements.into()),
        ] {
            let excerpt: String = text.chars().take(80).collect();
            assert_eq!(Element::parse(text, "r"), Err(error), "{excerpt}");
        }
        assert!(Element::parse("<r/>junk <after> & the root", "r").is_ok());
    }

    #[test]
    fn a_cut_document_is_never_a_whole_one() {
        let text = "<?xml version='1.0'?><!-- c --><r a='b'><a>x &amp; y<!-- c --><![CDATA[z]]></a><b/></r>";
        assert!(Element::parse(text, "r").is_ok());
        let root = text.find("<r").unwrap() + 2;
        for end in 0..text.len() {
            let found = Element::parse(text.split_at(end).0, "r");
            assert!(found.is_err(), "cut at {end}");
            assert!(end < root || matches!(found, Err(BadDocument::Cut { .. })), "cut at {end}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60), noise in ".{0,20}") {
            let text = format!("{}{noise}", pieces.concat());
            prop_assert_eq!(Element::parse(&text, "r"), Element::parse(&text, "r"));
        }
    }

    const PIECES: &[&str] = &[
        "<r>",
        "</r>",
        "<r",
        " a='b'",
        ">",
        "<a/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&",
        "&amp;",
        "&#0;",
        "<!",
        "é",
        "<?x",
        "?>",
        "\0",
    ];
}
