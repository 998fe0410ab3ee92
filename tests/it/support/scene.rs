//! A handful of hosts, one for each way a probe can end, found by their names whatever their ports are.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use mailcfg::settings::Security;

use super::ca::{self, Leaf};
use super::command::{Output, finish, mailcfg};
use super::host::{Host, Script};
use super::mail::Mail;

/// All is well.
pub const GOOD: &str = "imaps://good.example.org";
/// The certificate expires in five days.
pub const SOON: &str = "imaps://soon.example.org";
/// The certificate expired.
pub const EXPIRED: &str = "submissions://expired.example.org";
/// It says "later".
pub const BUSY: &str = "submission://busy.example.org";
/// Its words are made to leave any format.
pub const HOSTILE: &str = "submission://hostile.example.org";
/// A domain that no table lists; with `--offline` it is not found.
pub const NOWHERE: &str = "nowhere.example";

/// Runs `mailcfg probe` on targets from above, and hosts that play them.
pub fn probe(targets: &[&str], arguments: &[&str]) -> Output {
    let (mut command, _hosts) = prepare(&[&["probe", "--offline"], arguments, targets].concat());
    finish(&mut command)
}

/// A command line that names hosts from above, and these hosts: each target is a connection.
pub fn prepare(arguments: &[&str]) -> (Command, Vec<Host>) {
    let ca_file = ca::trusted().file().display().to_string();
    let mut command = mailcfg(arguments);
    command.args(["--ca-file", &ca_file]);
    let mut hosts = Vec::new();
    for (place, target) in (1..).zip([GOOD, SOON, EXPIRED, BUSY, HOSTILE]) {
        // However often it is named, it is examined once.
        if arguments.contains(&target) {
            // Each at an address of its own: among other connections of the run "later" is taken at its word.
            let address = SocketAddr::new(Ipv4Addr::new(127, 0, 1, place).into(), 0);
            let host = Host::start_at(address, vec![script(target)]).expect_connections(1);
            let name = target.split("//").nth(1).expect("a target is a URL");
            command.args(["--connect-to", &format!("{name}::{}:{}", address.ip(), host.address.port())]);
            hosts.push(host);
        }
    }
    (command, hosts)
}

fn script(target: &str) -> Script {
    let leaf = |name, ends| Leaf { names: vec![name], begins: ends - 90, ends, ..Leaf::default() };
    let config = |leaf| ca::trusted().issue(&leaf).config();
    match target {
        GOOD => Mail::imap(Security::Tls).config(config(leaf("good.example.org", 80))).script(),
        SOON => Mail::imap(Security::Tls).config(config(leaf("soon.example.org", 5))).script(),
        EXPIRED => Mail::smtp(Security::Tls).config(config(leaf("expired.example.org", -3))).script(),
        BUSY => "421 try again later\r\n".into(),
        _ => format!("554 {HOSTILE_WORDS}\r\n").as_str().into(),
    }
}

/// What could do harm in one format or the other.
pub const HOSTILE_WORDS: &str =
    "\u{1b}[2J::error::x%0A|'a'=1;2,\"q\" <b>&]]> `c` {d=\"e\"} \\n\u{202e}\u{fffe}=1+1";
