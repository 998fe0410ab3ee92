//! Plays the hostile host of the tests against the release build, and prints how long a probe took and what it held.
//!
//! `cargo bench --bench hostile` runs a process for each cell of the table in `tests/it/support/hostile.rs`, those of a row
//! side by side, and prints the most of each row. It exits with 1 when one took half a second more than the limit, or held
//! more than 64 MB.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[expect(dead_code, reason = "the tests use all of it, the bench a part")]
#[path = "../tests/it/support"]
mod support {
    pub mod ca;
    pub mod command;
    pub mod host;
    pub mod hostile;
    pub mod mail;
    pub mod probe;
}

use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::command::{mailcfg, weigh};
use support::host::Host;
use support::hostile::cells;
use support::mail::Mail;
use support::probe::prepare;

const LIMIT: Duration = Duration::from_secs(2);

const MARGIN: Duration = Duration::from_millis(500);

/// 64 MB in KiB.
const MOST_MEMORY: u64 = 64_000_000 / 1024;

fn main() -> ExitCode {
    println!(
        "{:<9} {:<32} {:>5} {:>8} {:>8} {:>9}",
        "WHEN", "WHAT THE HOST DOES", "CELLS", "WALL", "LIMIT", "RESIDENT"
    );
    let mut cells = cells().into_iter().peekable();
    let mut fine = true;
    while let Some((row, first)) = cells.next() {
        let mut mails = vec![first];
        while let Some((_, mail)) = cells.next_if(|(other, _)| std::ptr::eq(*other, row)) {
            mails.push(mail);
        }
        let (wall, memory) = play(&mails, row.connections);
        let within = wall <= LIMIT + MARGIN && memory <= MOST_MEMORY;
        fine &= within;
        println!(
            "{:<9} {:<32} {:>5} {:>6.2} s {:>6.2} s {:>6.1} MB{}",
            format!("{:?}", row.at),
            row.name,
            mails.len(),
            wall.as_secs_f64(),
            LIMIT.as_secs_f64(),
            memory as f64 * 1.024 / 1_000.0,
            if within { "" } else { "  TOO MUCH" }
        );
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The longest time and the most memory, in KiB, of the cells of a row, two at a time.
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
