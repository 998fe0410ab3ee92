//! The arguments of a sign-in: what is refused before anything is asked, and where a secret may come from.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use mailcfg::settings::Security::Tls;

use crate::support::command::{finish, mailcfg, run};
use crate::support::folder::Folder;
use crate::support::host::{expect, send};
use crate::support::mail::Mail;
use crate::support::probe::prepare;

#[test]
fn a_sign_in_that_cannot_be_is_refused_before_anything_is_asked() {
    for (arguments, sentence, hint) in [
        (&["imaps://127.0.0.1:1"][..], "does not know who signs in", "--user NAME"),
        (&["example.org"], "does not know who signs in", "--user NAME"),
        (&["user@example.org", "imaps://127.0.0.1:1"], "takes one target", "a run of their own"),
        (&["imaps://127.0.0.1:1", "--user", "a\nb"], "not a user name", "--user user@example.org"),
        (
            &["user@example.org", "--mechanism", "OAUTHBEARER"],
            "does not work with a password",
            "--token-command",
        ),
        (&["user@example.org", "--mechanism", "NTLM"], "the mechanisms are", "--help"),
        (
            &["user@example.org", "--password-file", "/nonexistent/x"],
            "cannot read /nonexistent/x",
            "--password-file",
        ),
        (&["user@example.org", "--password-env", "MISSING"], "no environment variable", "--password-env"),
        (
            &["user@example.org", "--password-command", "echo tell-tale >&2; exit 3"],
            "failed (exit status: 3)",
            "--password",
        ),
        (&["user@example.org", "--password-stdin"], "is empty", "--password-stdin"),
        (&["user@example.org", "--token-file", "/dev/null"], "is empty", "--token-command"),
        (&["user@example.org", "--token-file", "/dev/zero"], "longer than 64 KiB", "--token-command"),
        (&["user@example.org", "--password-stdin", "--password-env", "X"], "cannot be used with", "--help"),
        (&["user@example.org", "--all-addresses"], "cannot be used with", "--help"),
        // The targets of a list are strangers to the password.
        (&["user@example.org", "--from", "/dev/null"], "cannot be used with", "--help"),
        (
            &["user@example.org", "--resume", "/dev/null", "--format", "jsonl"],
            "cannot be used with",
            "--help",
        ),
        (&["imaps://127.0.0.1:1", "--user", "x", "--try-usernames"], "no other form", "user@example.org"),
        (&["user@example.org", "--client-cert", "/nonexistent/x"], "no certificate can be read", "PEM"),
    ] {
        let output = run([&["probe", "--login"], arguments].concat());
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{arguments:?} {output:?}");
        assert!(output.stderr.contains(sentence) && output.stderr.contains(hint), "{arguments:?} {output:?}");
        assert!(!output.stderr.contains("tell-tale"), "{output:?}");
    }
    let output = run(["probe", "user@example.org", "--user", "x"]);
    assert_eq!(output.code, 2, "{output:?}");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let mut command = Command::new("setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_mailcfg"), "probe", "user@example.org", "--login"]);
    let output = finish(command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()));
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(output.stderr.contains("no terminal") && output.stderr.contains("hint: "), "{output:?}");
}

#[test]
fn the_terminal_is_asked_without_an_echo() {
    let mail = host();
    let host = mail.start();
    let arguments = prepare(&mail, &host).with(&["--login", "--user", "user"]).arguments().to_vec();
    let words: Vec<String> =
        arguments.iter().map(|argument| format!("'{}'", argument.replace('\'', "'\\''"))).collect();
    let inner = format!("{} {}", env!("CARGO_BIN_EXE_mailcfg"), words.join(" "));
    let mut child = Command::new("script")
        .args(["-qec", &inner, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script can be run");
    let mut screen = Vec::new();
    let mut stdout = child.stdout.take().expect("stdout is piped");
    while !String::from_utf8_lossy(&screen).contains("Password of user: ") {
        let mut byte = [0];
        assert_ne!(stdout.read(&mut byte).expect("the screen can be read"), 0, "no question");
        screen.extend(byte);
    }
    // The echo is switched off right behind the question.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut typing = child.stdin.take().expect("stdin is piped");
    typing.write_all(b"mailcfg-test-pw\n").expect("it reads");
    stdout.read_to_end(&mut screen).expect("the screen can be read");
    drop(typing);
    child.wait().expect("it ends");
    let screen = String::from_utf8_lossy(&screen).into_owned();
    assert!(screen.contains("Password of user: "), "{screen}");
    assert!(!screen.contains("mailcfg-test-pw"), "{screen}");
    assert!(screen.contains("\"outcome\": \"done\""), "{screen}");
    assert!(host.session().inside_text().contains("AHVzZXIAbWFpbGNmZy10ZXN0LXB3"));
}

#[test]
fn a_secret_comes_from_a_file_stdin_a_variable_or_a_command() {
    let folder = Folder::new();
    let file = folder.write("password", "mailcfg-test-pw\nlogin: user\n");
    let path = file.display().to_string();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for arguments in [
        &["--password-file", &path][..],
        &["--password-stdin"],
        &["--password-env", "TELL"],
        &["--password-command", "cat | head -n 1"],
    ] {
        let output = sign_in(arguments, "mailcfg-test-pw\n");
        assert_eq!((output.0, output.1.as_str()), (0, ""), "{arguments:?}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, stderr) = sign_in(&["--password-file", &path], "");
    assert_eq!(code, 0);
    assert!(stderr.contains("others can read") && stderr.contains("chmod 600"), "{stderr}");
}

#[test]
fn the_rest_of_stdin_was_waited_for_behind_the_first_line() {
    let mail = host();
    let host = mail.start();
    let probe = prepare(&mail, &host).with(&["--login", "--user", "user", "--password-stdin"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
    writer.write_all(b"mailcfg-test-pw\n").expect("the pipe has room");
    let output = finish(mailcfg(probe.arguments()).stdin(reader));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    drop(writer);
}

fn host() -> Mail {
    let [listed, yes] = ["* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK done\r\n", "{tag} OK in\r\n"];
    Mail::imap(Tls).after([
        send(listed),
        expect("AUTHENTICATE"),
        send(yes),
        expect("CAPABILITY"),
        send(listed),
        expect("LIST"),
        send(yes),
    ])
}

/// The exit code and stderr of a sign-in whose secret is given so.
fn sign_in(arguments: &[&str], stdin: &str) -> (i32, String) {
    let mail = host();
    let host = mail.start();
    let probe = prepare(&mail, &host).with(&["--login", "--user", "user"]).with(arguments);
    let folder = Folder::new();
    let typed = std::fs::File::open(folder.write("stdin", stdin)).expect("the file was written");
    let mut command = mailcfg(probe.arguments());
    command.env("TELL", "mailcfg-test-pw").env("PATH", "/usr/bin:/bin").stdin(typed);
    let output = finish(&mut command);
    assert!(host.session().inside_text().contains("AHVzZXIAbWFpbGNmZy10ZXN0LXB3"), "{output:?}");
    (output.code, output.stderr)
}
