//! A lookup that the table answers costs nothing: few instructions, no socket, no thread, no file but the user's table.
//!
//! It is the release build that is measured; `tests/run` builds it and names it in `MAILCFG_RELEASE_BIN`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::command::finish;
use crate::support::folder::Folder;

/// An empty Rust program takes 0.28 million.
const INSTRUCTIONS: u64 = 2_500_000;

#[test]
fn a_lookup_stays_under_the_limit_of_instructions() {
    let folder = Folder::new();
    let out = folder.path().join("callgrind.out");
    let mut valgrind = measured("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    let output = finish(valgrind.arg(release()).args(["lookup", "user@disroot.org"]));
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("disroot.org  993"), "{output:?}");
    let collected = output.stderr.lines().find_map(|line| line.split_once("Collected : "));
    let instructions: u64 = collected.expect("callgrind tells what it collected").1.trim().parse().unwrap();
    assert!(instructions < INSTRUCTIONS, "{instructions} instructions");
}

#[test]
fn a_lookup_opens_no_socket_starts_no_thread_and_reads_no_file_but_the_table() {
    let folder = Folder::new();
    let table = folder.write("mailcfg/providers.toml", include_str!("../golden/tables/own.toml"));
    let elsewhere = Path::new("/nonexistent");
    for (config, expected) in [(elsewhere, vec![]), (folder.path(), vec![table.display().to_string()])] {
        for arguments in
            [&["lookup", "user@disroot.org"][..], &["lookup", "--offline", "user@nowhere.example", "--json"]]
        {
            let calls = system_calls(arguments, config);
            let forbidden: Vec<&Call> = calls.iter().filter(|call| call.name != "openat").collect();
            assert!(forbidden.is_empty(), "{arguments:?}: {forbidden:?}");
            let opened: Vec<&str> =
                calls.iter().filter(|call| !is_of_the_start(call)).map(|it| &*it.path).collect();
            assert_eq!(opened, expected, "{arguments:?}");
        }
    }
}

#[test]
fn a_probe_would_be_seen_to_open_a_socket() {
    let calls = system_calls(&["probe", "imap://127.0.0.1:1"], Path::new("/nonexistent"));
    assert!(calls.iter().any(|call| call.name == "socket"), "{calls:?}");
}

/// A system call with the first path it names.
#[derive(Debug)]
struct Call {
    name: String,
    path: String,
}

fn system_calls(arguments: &[&str], config: &Path) -> Vec<Call> {
    let folder = Folder::new();
    let out = folder.path().join("strace.out");
    let mut strace = measured("strace");
    strace.env("XDG_CONFIG_HOME", config).args(["-f", "-qq", "-s", "4096", "-e", "signal=none"]);
    strace.args([
        "-e",
        "trace=?open,openat,?openat2,socket,clone,?clone3,?fork,?vfork,?io_uring_setup",
        "-o",
    ]);
    finish(strace.arg(&out).arg(release()).args(arguments));
    let trace = std::fs::read_to_string(&out).expect("strace writes its file");
    assert!(trace.contains("openat("), "strace saw nothing: {trace:?}");
    trace.lines().map(call).collect()
}

/// `1234  openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3`
fn call(line: &str) -> Call {
    let (name, rest) = line.split_once('(').unwrap_or((line, ""));
    let name = name.trim_start_matches(|character: char| character.is_ascii_digit() || character == ' ');
    Call { name: name.to_owned(), path: rest.split('"').nth(1).unwrap_or_default().to_owned() }
}

/// What the loader opens, and Rust before `main`, to find the bounds of the stack.
fn is_of_the_start(call: &Call) -> bool {
    let known = BTreeSet::from(["/etc/ld.so.cache", "/etc/ld.so.preload", "/proc/self/maps"]);
    let is_library =
        Path::new(&call.path).file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
    known.contains(&*call.path) || is_library
}

/// A tool of the machine in an empty environment.
fn measured(tool: &str) -> Command {
    let mut command = Command::new(format!("/usr/bin/{tool}"));
    command.env_clear().env("HOME", "/nonexistent");
    command
}

fn release() -> std::ffi::OsString {
    std::env::var_os("MAILCFG_RELEASE_BIN")
        .expect("MAILCFG_RELEASE_BIN names the release build: run tests/run")
}
