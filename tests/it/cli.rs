//! What the commands share: colour, the environment, a reader that went away, completions, manual pages.

use std::process::Stdio;

use crate::support::command::{finish, mailcfg, run};

const LOOKUP: [&str; 2] = ["lookup", "user@disroot.org"];

#[test]
fn colour_is_used_when_it_is_asked_for_and_never_off_a_terminal() {
    let plain = run(LOOKUP).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let always = run(["lookup", "user@disroot.org", "--color", "always"]).stdout;
    assert!(always.contains("\u{1b}[1muser@disroot.org\u{1b}[0m"), "{always:?}");
    assert_eq!(without_escapes(&always), plain, "colour changes no word");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("MAILCFG_COLOR", "never")] {
        assert_eq!(finish(mailcfg(LOOKUP).env(name, value)).stdout, plain, "{name}={value}");
    }
    assert_eq!(finish(mailcfg(LOOKUP).env("MAILCFG_COLOR", "always")).stdout, always);
    let flag_wins = ["lookup", "user@disroot.org", "--color", "never"];
    assert_eq!(finish(mailcfg(flag_wins).env("MAILCFG_COLOR", "always")).stdout, plain);
}

#[test]
fn colour_is_used_on_a_terminal_unless_it_is_dumb_or_told_not_to() {
    for (name, value, coloured) in [
        ("TERM", "xterm", true),
        ("NO_COLOR", "", true),
        ("NO_COLOR", "1", false),
        ("TERM", "dumb", false),
        ("MAILCFG_COLOR", "never", false),
    ] {
        let shown = on_a_terminal(&LOOKUP, name, value);
        assert!(shown.contains("user@disroot.org"), "{shown:?}");
        assert_eq!(shown.contains("\u{1b}["), coloured, "{name}={value}: {shown:?}");
    }
}

/// `script` of util-linux runs a command on a terminal of its own.
fn on_a_terminal(arguments: &[&str], name: &str, value: &str) -> String {
    let program = env!("CARGO_BIN_EXE_mailcfg");
    let mut script = std::process::Command::new("/usr/bin/script");
    script.args(["-qc", &format!("{program} {}", arguments.join(" ")), "/dev/null"]);
    let output = finish(script.env_clear().env("HOME", "/nonexistent").env(name, value).stdin(Stdio::null()));
    assert_eq!(output.code, 0, "{output:?}");
    output.stdout
}

#[test]
fn progress_was_drawn_on_a_dumb_terminal_too() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let place = silent.local_addr().expect("a bound socket has an address").to_string();
    let probe = ["probe", &place, "--protocol", "imaps", "--timeout", "600ms", "--color", "never"];
    for (kind, drawn) in [("xterm", true), ("dumb", false)] {
        let shown = on_a_terminal(&probe, "TERM", kind);
        assert!(shown.contains(&place), "{shown:?}");
        assert_eq!(shown.contains("\u{1b}"), drawn, "{kind}: {shown:?}");
    }
}

#[test]
fn json_wins_over_the_format_of_the_environment() {
    for value in ["human", "json", "jsonl"] {
        let output = finish(mailcfg(["lookup", "disroot.org", "--json"]).env("MAILCFG_FORMAT", value));
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "MAILCFG_FORMAT={value}");
        assert_eq!(output.json()["status"], "found");
    }
    let output = finish(mailcfg(LOOKUP).env("MAILCFG_FORMAT", "jsonl"));
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
}

#[test]
fn a_closed_stdout_ends_quietly() {
    for (arguments, code) in [
        (&["providers", "list"][..], 0),
        (&["lookup", "user@disroot.org"], 0),
        (&["lookup", "--offline", "nowhere.example", "--json"], 1),
        (&["--help"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
        (&["probe", "--offline", "nowhere.example"], 1),
        (&["probe", "--offline", "nowhere.example", "--format", "junit"], 1),
        (&["probe", "--offline", "nowhere.example", "--format", "nagios"], 2),
        (&["schema"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = mailcfg(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(code), ""), "{arguments:?}");
    }
}

#[test]
fn every_shell_has_a_completion_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(["completions", shell]);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{shell}");
        for word in ["mailcfg", "lookup", "probe", "providers", "resolver"] {
            assert!(output.stdout.contains(word), "{shell} without {word}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    for (arguments, words) in [
        (&["man"][..], &[".TH mailcfg 1", ".SH SYNOPSIS", "Exit code"][..]),
        (&["man", "lookup"], &[".TH", "lookup", "\\-\\-providers"]),
        (&["man", "probe"], &[".TH", "probe", "\\-\\-connect\\-to"]),
        (&["man", "providers"], &[".TH", "providers", "check"]),
        (&["man", "completions"], &[".TH", "completions"]),
        (&["man", "man"], &[".TH", "man"]),
    ] {
        let output = run(arguments);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{arguments:?}");
        for word in words {
            assert!(output.stdout.contains(word), "{arguments:?} without {word}: {}", output.stdout);
        }
    }
}

#[test]
fn the_whole_table_is_listed() {
    let output = run(["providers", "list"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.starts_with("disroot "), "{:?}", output.stdout.lines().next());
    assert!(output.stdout.lines().count() > 150, "{}", output.stdout.lines().count());
    let documents = run(["providers", "list", "--json"]).json();
    assert_eq!(documents.as_array().map(Vec::len), Some(output.stdout.lines().count()));
}

fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| plain + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}
