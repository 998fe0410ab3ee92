//! Inputs around every limit: one below, the limit, one above, each read whole, cut at random places and byte by byte
//! where that is quick.

use std::fmt::Debug;

use mailcfg::settings::Protocol;
use mailcfg::wire::line::{Fault, LINE_BYTES, REPLY_LINES, SESSION_BYTES, Splitter};
use mailcfg::wire::offer::SERVICES;
use mailcfg::wire::text::{BadDocument, DOCUMENT_BYTES, Hostile, decode};
use mailcfg::wire::xml::{DEPTH, ELEMENTS};
use mailcfg::wire::{
    CAPABILITIES, CAPABILITIES_BYTES, CAPABILITY_BYTES, GREETING_BYTES, MECHANISMS, autoconfig, autodiscover,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::properties::{self, Conversation, hold};

#[test]
fn a_line_is_as_long_as_its_limit_at_most() {
    for (size, fault) in around(LINE_BYTES, Fault::LineTooLong) {
        for end in ["\n", "\r\n"] {
            let text = "x".repeat(size - (end.len() - 1));
            let input = format!("first\r\n{text}{end}last\r\n").into_bytes();
            let (lines, found) = same(&input, true, split);
            assert_eq!((lines, found), (if fault.is_some() { 1 } else { 3 }, fault.clone()), "{size}");
        }
        let (_, found) = same(&vec![b'x'; size], true, split);
        assert_eq!(found, fault, "{size} bytes without an end");
    }
}

#[test]
fn a_reply_has_as_many_lines_as_its_limit_at_most() {
    for (count, fault) in around(REPLY_LINES, Fault::TooManyLines) {
        let (lines, found) = same(&b"x\r\n".repeat(count), true, split);
        assert_eq!((lines, found), (count.min(REPLY_LINES), fault));
    }
}

#[test]
fn a_dialogue_has_as_many_bytes_as_its_limit_at_most() {
    for (size, fault) in around(SESSION_BYTES, Fault::TooManyBytes) {
        let (_, found) = same(&padded_lines(size), false, split);
        assert_eq!(found, fault, "{size}");
    }
}

#[test]
fn every_dialogue_ends_at_the_same_limits() {
    for (protocol, property) in PROTOCOLS {
        let (greeting, line, last) = script(protocol);
        for (count, fault) in around(REPLY_LINES, Fault::TooManyLines) {
            let reply = [greeting, &line.repeat(count - 1), last].concat();
            ends_with(protocol, reply.as_bytes(), fault.as_ref());
            hold(property, reply.as_bytes());
        }
        for (size, fault) in around(LINE_BYTES, Fault::LineTooLong) {
            let (start, end) = greeting.split_at(greeting.len() - 2);
            let long = format!("{start}{}{end}{line}{last}", "x".repeat(size + 1 - greeting.len()));
            ends_with(protocol, long.as_bytes(), fault.as_ref());
        }
        for (size, fault) in around(SESSION_BYTES, Fault::TooManyBytes) {
            let rest = size - greeting.len() - last.len();
            let long = [greeting.to_owned(), long_lines(line, rest), last.to_owned()].concat();
            assert_eq!(long.len(), size);
            ends_with(protocol, long.as_bytes(), fault.as_ref());
        }
    }
}

#[test]
fn lists_are_kept_up_to_their_limits() {
    for (count, cut) in around(CAPABILITIES, ()) {
        let said = capabilities(&"A ".repeat(count));
        assert_eq!(said.contains("is cut after 1000"), cut.is_some(), "{count}");
    }
    for (size, cut) in around(CAPABILITIES_BYTES, ()) {
        let (most, rest) = (size / CAPABILITY_BYTES, size % CAPABILITY_BYTES);
        let entry = |size: usize| format!("{} ", "A".repeat(size));
        let said = capabilities(&format!("{}{}", entry(CAPABILITY_BYTES).repeat(most), entry(rest)));
        assert_eq!(said.contains("is cut after"), cut.is_some(), "{size}");
    }
    for (size, cut) in around(CAPABILITY_BYTES, ()) {
        assert_eq!(capabilities(&"A".repeat(size)).contains('…'), cut.is_some(), "{size}");
    }
    for (count, cut) in around(MECHANISMS - 1, ()) {
        let names: String = (0..count).map(|number| format!("AUTH=M{number}. ")).collect();
        let said = capabilities(&names);
        assert!(said.contains("\"login-command\""), "{count}");
        assert_eq!(said.contains(&format!("\"M{}.\"", count - 1)), cut.is_none(), "{count}");
    }
}

#[test]
fn a_greeting_is_kept_up_to_its_limit() {
    for (protocol, _) in PROTOCOLS {
        let (greeting, ..) = script(protocol);
        let (start, end) = greeting.split_at(greeting.len() - 2);
        for (size, cut) in around(GREETING_BYTES, ()) {
            let long = format!("{start}{}{end}", "x".repeat(size - start.len()));
            let said = same(long.as_bytes(), true, |pieces| Conversation::hold(protocol, pieces));
            assert_eq!(said.concat().contains('…'), cut.is_some(), "{protocol} {size}");
        }
    }
}

#[test]
fn a_document_is_as_large_as_its_limit_at_most() {
    for (size, fault) in around(DOCUMENT_BYTES, Hostile::Size) {
        let end = "</clientConfig>";
        let document = config("", 1).replace(end, "");
        let document = format!("{document}{}{end}", " ".repeat(size - document.len() - end.len()));
        assert_eq!(decode(document.as_bytes()).err(), fault.map(BadDocument::from));
        assert_eq!(
            decode(document.as_bytes()).is_ok_and(|text| autoconfig::parse(&text).is_ok()),
            fault.is_none()
        );
        hold(properties::autoconfig, document.as_bytes());
    }
}

#[test]
fn a_document_is_nested_and_has_elements_up_to_its_limits() {
    for (levels, fault) in around(DEPTH, Hostile::Depth) {
        // The root is one of them.
        let nested = format!("{}{}", "<a>".repeat(levels - 1), "</a>".repeat(levels - 1));
        is_read_up_to_a_limit(&config(&nested, 1), fault);
    }
    for (count, fault) in around(ELEMENTS, Hostile::Elements) {
        let others = config("", 1).matches("<").count() / 2;
        is_read_up_to_a_limit(&config(&"<a/>".repeat(count - others), 1), fault);
    }
    for (count, fault) in around(SERVICES, Hostile::Servers) {
        is_read_up_to_a_limit(&config("", count), fault);
    }
}

#[test]
fn a_response_of_autodiscover_names_servers_up_to_their_limit() {
    for (count, fault) in around(SERVICES, Hostile::Servers) {
        let server = "<Protocol><Type>IMAP</Type><Server>mail.example.org</Server></Protocol>".repeat(count);
        let text = format!("<Autodiscover><Response><Account>{server}</Account></Response></Autodiscover>");
        assert_eq!(autodiscover::parse_pox(&text).err(), fault.map(BadDocument::from), "{count}");
        hold(properties::autodiscover, text.as_bytes());
    }
}

fn is_read_up_to_a_limit(text: &str, fault: Option<Hostile>) {
    assert_eq!(autoconfig::parse(text).err(), fault.map(BadDocument::from));
    hold(properties::autoconfig, text.as_bytes());
}

/// A document of autoconfig with so many servers, and something else in it.
fn config(more: &str, servers: usize) -> String {
    let server = "<incomingServer type=\"imap\"><hostname>mail.example.org</hostname><port>993</port><socketType>SSL</socketType></incomingServer>";
    format!("<clientConfig>{}{more}</clientConfig>", server.repeat(servers))
}

/// One below a limit, the limit, and one above with what that brings.
fn around<T: Clone>(limit: usize, above: T) -> [(usize, Option<T>); 3] {
    [(limit - 1, None), (limit, None), (limit + 1, Some(above))]
}

/// Holds what is read whole against the same bytes cut at random places, and byte by byte.
fn same<T: PartialEq + Debug>(bytes: &[u8], by_byte: bool, read: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = read(&[bytes]);
    if by_byte {
        assert!(read(&bytes.chunks(1).collect::<Vec<_>>()) == whole, "byte by byte");
    }
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&proptest::collection::vec(any::<Index>(), 1..6), |cuts| {
        prop_assert!(read(&pieces(bytes, &cuts)) == whole);
        Ok(())
    });
    ran.expect("the same however it is cut");
    whole
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.iter().zip(places.iter().skip(1)).filter_map(|(start, end)| bytes.get(*start..*end)).collect()
}

/// How many lines come out, and the fault that ends them.
fn split(pieces: &[&[u8]]) -> (usize, Option<Fault>) {
    let mut splitter = Splitter::default();
    let mut lines = 0;
    for piece in pieces {
        splitter.push(piece);
        loop {
            match splitter.next_line() {
                Ok(Some(_)) => lines += 1,
                Ok(None) => break,
                Err(fault) => return (lines, Some(fault)),
            }
        }
    }
    (lines, None)
}

fn padded_lines(size: usize) -> Vec<u8> {
    long_lines("\r\n", size).into_bytes()
}

/// Lines of a kind, made longer before their ends, that have so many bytes together.
fn long_lines(line: &str, size: usize) -> String {
    let (start, end) = line.split_at(line.len() - 2);
    let long = |size: usize| format!("{start}{}{end}", "x".repeat(size - line.len()));
    let whole = size / LONG_LINE - 1;
    format!("{}{}", long(LONG_LINE).repeat(whole), long(size - whole * LONG_LINE))
}

/// A greeting, a line that goes on with the reply to the question for capabilities, and the one that ends it.
fn script(protocol: Protocol) -> (&'static str, &'static str, &'static str) {
    match protocol {
        Protocol::Imap => ("* OK ready\r\n", "* CAPABILITY IMAP4rev1\r\n", "A1 OK done\r\n"),
        Protocol::Pop3 => ("+OK ready\r\n", "+OK \r\n", ".\r\n"),
        Protocol::Smtp => ("220 ready\r\n", "250-x\r\n", "250 x\r\n"),
    }
}

/// Holds the limit that ends a dialogue, if any, against the one that should.
fn ends_with(protocol: Protocol, bytes: &[u8], fault: Option<&Fault>) {
    let said = same(bytes, false, |pieces| Conversation::hold(protocol, pieces));
    let last = said.last().expect("a dialogue says something");
    let limits = [Fault::LineTooLong, Fault::TooManyLines, Fault::TooManyBytes];
    let found = limits.iter().find(|limit| limit.to_string() == *last);
    assert_eq!(found, fault, "{protocol}: {last}");
}

/// What an IMAP server's list becomes.
fn capabilities(list: &str) -> String {
    let text = format!("* OK ready\r\n* CAPABILITY {list}\r\nA1 OK done\r\n");
    same(text.as_bytes(), true, |pieces| Conversation::hold(Protocol::Imap, pieces)).concat()
}

const PROTOCOLS: [(Protocol, properties::Property); 3] = [
    (Protocol::Imap, properties::imap),
    (Protocol::Pop3, properties::pop3),
    (Protocol::Smtp, properties::smtp),
];

/// Twice this is below the limit of a line, and it is so long that a whole dialogue has few of them.
const LONG_LINE: usize = 30_000;
