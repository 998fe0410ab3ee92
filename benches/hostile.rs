//! Plays the hostile host of the tests against the release build, and prints how long a probe took and what it held.
//!
//! `cargo bench --bench hostile` runs a process for each cell of the table in `tests/it/support/hostile.rs`, those of a row
//! side by side, and prints the most of each row; then a lookup for each thing that a web host or a resolver may do. It
//! exits with 1 when one took half a second more than the limit, or held more than 64 MB.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[expect(dead_code, reason = "the tests use all of it, the bench a part")]
#[path = "../tests/it/support"]
mod support {
    pub mod ca;
    pub mod command;
    pub mod dns;
    pub mod host;
    pub mod hostile;
    pub mod mail;
    pub mod probe;
    pub mod schema;
    pub mod web;
}

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType;

use support::ca;
use support::command::{mailcfg, weigh};
use support::dns::{Answer, Dns};
use support::host::Host;
use support::hostile::cells;
use support::mail::Mail;
use support::probe::prepare;
use support::web::{Manner, Page, Web};

const LIMIT: Duration = Duration::from_secs(2);

const MARGIN: Duration = Duration::from_millis(500);

/// 64 MB in KiB.
const MOST_MEMORY: u64 = 64_000_000 / 1024;

fn main() -> ExitCode {
    let head = ("WHEN", "WHAT THE HOST DOES", "CELLS", "WALL", "LIMIT", "RESIDENT");
    println!("{:<9} {:<32} {:>5} {:>8} {:>8} {:>9}", head.0, head.1, head.2, head.3, head.4, head.5);
    let mut cells = cells().into_iter().peekable();
    let mut fine = true;
    while let Some((row, first)) = cells.next() {
        let mut mails = vec![first];
        while let Some((_, mail)) = cells.next_if(|(other, _)| std::ptr::eq(*other, row)) {
            mails.push(mail);
        }
        let taken = play(&mails, row.connections);
        fine &= print(&format!("{:?}", row.at), row.name, mails.len(), taken);
    }
    for (name, manner) in WEB {
        let page = Page { url: PAGE.to_owned(), status: 200, manner: *manner, ..Page::default() };
        fine &= print("Web", name, 1, look_up("autoconfig", &Dns::start(&[]), vec![page]));
    }
    for (name, answer) in DNS {
        let kind = if matches!(answer, Answer::Alias(_)) { RecordType::CNAME } else { RecordType::SRV };
        let rows = [("_imaps._tcp.d.example", kind, *answer)];
        fine &= print("Resolver", name, 1, look_up("srv", &Dns::start(&rows), Vec::new()));
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const PAGE: &str = "https://autoconfig.d.example/mail/config-v1.1.xml";

const WEB: &[(&str, Manner)] = &[
    ("is silent", Manner::Hang),
    ("sends a byte at a time", Manner::Drip),
    ("closes", Manner::Close),
    ("closes in the body", Manner::Cut),
    ("sends an endless body", Manner::Endless),
    ("sends endless chunks", Manner::EndlessChunks),
    ("sends an endless head", Manner::EndlessHead),
    ("sends a gzip bomb", Manner::GzipBomb),
    ("sends gzip of nothing again and again", Manner::GzipOfNothing),
    ("sends fifty thousand levels", Manner::Deep),
];

const DNS: &[(&str, Answer)] = &[
    ("is silent", Answer::Silence),
    ("fails", Answer::ServFail),
    ("answers another message", Answer::WrongId),
    ("answers another question", Answer::Lie),
    ("sends a thousand records", Answer::Flood),
    ("names itself in a circle", Answer::Alias("_imaps._tcp.d.example")),
];

/// Prints a line; false when it was too much.
fn print(when: &str, name: &str, cells: usize, (wall, memory): (Duration, u64)) -> bool {
    let within = wall <= LIMIT + MARGIN && memory <= MOST_MEMORY;
    println!(
        "{when:<9} {name:<32} {cells:>5} {:>6.2} s {:>6.2} s {:>6.1} MB{}",
        wall.as_secs_f64(),
        LIMIT.as_secs_f64(),
        memory as f64 * 1.024 / 1_000.0,
        if within { "" } else { "  TOO MUCH" }
    );
    within
}

/// Looks a domain up whose web host has these pages.
fn look_up(source: &str, dns: &Dns, pages: Vec<Page>) -> (Duration, u64) {
    let web = Web::start(pages, &HashMap::new());
    let timeout = format!("{}s", LIMIT.as_secs());
    let ca_file = ca::trusted().file().display().to_string();
    let to_web = format!("autoconfig.d.example:443:{}", web.https);
    let mut command = mailcfg(["lookup", "d.example", "--json", "--source", source]);
    command.args(["--lookup-timeout", &timeout, "--resolver", &dns.place(), "--ca-file", &ca_file]);
    command.args(["--connect-to", &to_web]);
    let began = Instant::now();
    let (_, memory) = weigh(&mut command);
    (began.elapsed(), memory)
}

/// The longest time and the most memory, in KiB, of the cells of a row, those of a row side by side.
fn play(mails: &[Mail], connections: usize) -> (Duration, u64) {
    let mut most = (Duration::ZERO, 0);
    for some in mails.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                some.iter().map(|mail| scope.spawn(move || probe(mail, connections))).collect();
            for one in running {
                let (wall, memory) = one.join().expect("a probe is measured");
                most = (most.0.max(wall), most.1.max(memory));
            }
        });
    }
    most
}

fn probe(mail: &Mail, connections: usize) -> (Duration, u64) {
    let host: Host = mail.start().expect_connections(connections);
    let timeout = format!("{}s", LIMIT.as_secs());
    let prepared = prepare(mail, &host).with(&["--timeout", &timeout]);
    let began = Instant::now();
    let (_, memory) = weigh(&mut mailcfg(prepared.arguments()));
    (began.elapsed(), memory)
}

/// All protocols of a row at once.
const AT_ONCE: usize = 9;
