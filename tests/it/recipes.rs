//! The recipes of README.md: each command in them is run as it stands there, by a shell or as the monitor would put it
//! together, against hosts that are well, hosts that fail, and hosts of which nothing can be said.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use mailcfg::settings::{Protocol, Security};

use crate::support::ca::{self, Leaf};
use crate::support::command::{Output, finish};
use crate::support::folder::Folder;
use crate::support::host::{Host, Script};
use crate::support::mail::Mail;

/// What a recipe's command gives when all is well, when a check fails, and when it cannot be found out.
struct Recipe {
    kind: &'static str,
    command: String,
    codes: [i32; 3],
}

#[test]
fn recipes_end_as_they_say() {
    let recipes = recipes();
    let kinds: Vec<&str> = recipes.iter().map(|recipe| recipe.kind).collect();
    assert_eq!(kinds, ["cron", "ini", "yaml", "yaml", "nagios", "icinga", "cron"]);
    for recipe in &recipes {
        for (health, code) in [Health::Good, Health::Bad, Health::Unknown].into_iter().zip(recipe.codes) {
            let place = Place::new(health, &recipe.command);
            let output = place.run(&recipe.command);
            assert_eq!((output.code, output.stderr.as_str()), (code, ""), "{}: {output:?}", recipe.command);
            let is_told = (output.stdout + &place.files()).contains("expired");
            let is_to_be_told = health == Health::Bad && !recipe.command.contains("prometheus");
            assert_eq!(is_told, is_to_be_told, "{health:?}: {}", recipe.command);
        }
    }
}

#[test]
fn cron_mails_only_what_failed() {
    let recipes = recipes();
    let cron = recipes.first().expect("the first recipe is cron's");
    for (health, is_quiet) in [(Health::Good, true), (Health::Unknown, true), (Health::Bad, false)] {
        let output = Place::new(health, &cron.command).run(&cron.command);
        assert_eq!(output.stdout.is_empty(), is_quiet, "{output:?}");
    }
}

#[test]
fn the_textfile_is_where_node_exporter_looks() {
    let recipes = recipes();
    let recipe = recipes.last().expect("the last recipe is node_exporter's");
    let place = Place::new(Health::Bad, &recipe.command);
    place.run(&recipe.command);
    assert!(place.files().contains("mailcfg_probe_success{"), "{}", place.files());
}

/// The commands in the section about recipes, in order.
fn recipes() -> Vec<Recipe> {
    let readme = include_str!("../../README.md");
    let (_, behind) = readme.split_once("\n## Health checks: recipes\n").expect("the README has recipes");
    let section = behind.split("\n## ").next().unwrap_or(behind);
    let mut recipes = Vec::new();
    for block in section.split("```").skip(1).step_by(2) {
        let (kind, text) = block.split_once('\n').expect("a block has lines");
        recipes.extend(recipe(kind, text));
    }
    recipes
}

/// The command of a block; a block about something else has none.
fn recipe(kind: &str, text: &str) -> Option<Recipe> {
    let behind = |mark: &str| {
        text.lines().find_map(|line| line.trim_start().strip_prefix(mark)).map(|rest| rest.trim().to_owned())
    };
    Some(match kind {
        // Five fields of time, then the line for the shell; what it prints is mailed, its exit code is not.
        "cron" => {
            let command = text.trim().splitn(6, ' ').nth(5)?.to_owned();
            let is_caught = command.contains("||");
            Recipe { kind: "cron", command, codes: if is_caught { [0, 0, 0] } else { [0, 1, 3] } }
        }
        "ini" => {
            let command = behind("ExecStart=")?;
            assert_eq!(behind("SuccessExitStatus=").as_deref(), Some("3"));
            Recipe { kind: "ini", command, codes: [0, 1, 3] }
        }
        "yaml" => {
            let command = behind("- run: mailcfg").or_else(|| behind("- mailcfg"))?;
            Recipe { kind: "yaml", command: format!("mailcfg {command}"), codes: [0, 1, 3] }
        }
        "nagios" => {
            let argument = behind("check_command")?.split_once('!')?.1.to_owned();
            let command = behind("command_line")?.replace("$ARG1$", &argument);
            Recipe { kind: "nagios", command, codes: [0, 2, 3] }
        }
        "icinga" => Recipe { kind: "icinga", command: icinga(text), codes: [0, 2, 3] },
        other => panic!("no test knows how to run a {other} block"),
    })
}

/// The command line that Icinga makes of a CheckCommand and a service's variables.
fn icinga(text: &str) -> String {
    let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
    let mut words = Vec::new();
    let mut arguments = Vec::new();
    let mut variables = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.trim().split_once(" = ")) {
        if name == "command" {
            words = value.trim_matches(['[', ']', ' ']).split(',').map(unquoted).collect();
        } else if let Some(variable) = name.strip_prefix("vars.") {
            variables.insert(variable.to_owned(), unquoted(value));
        } else if name.starts_with("\"-") {
            arguments.push((unquoted(name), unquoted(value)));
        }
    }
    for (flag, value) in arguments {
        words.push(flag);
        words.push(variables.get(value.trim_matches('$')).expect("the variable is set").clone());
    }
    words.join(" ")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Bad,
    Unknown,
}

/// A program `mailcfg` that finds the hosts of a test, and a folder for what recipes write.
struct Place {
    folder: Folder,
    _hosts: Vec<Host>,
}

impl Place {
    /// With the hosts that a command names.
    fn new(health: Health, command: &str) -> Self {
        let folder = Folder::new();
        let ca_file = ca::trusted().file().display();
        let mut program = format!(
            "#!/bin/sh\nexec {} \"$@\" --offline --ca-file '{ca_file}'",
            env!("CARGO_BIN_EXE_mailcfg")
        );
        let mut hosts = Vec::new();
        // Each at an address of its own: among other connections of the run "later" is taken at its word.
        for (scheme, port, at, mail) in [
            ("imaps:", 993, 1, Mail::imap(Security::Tls)),
            ("submissions:", 465, 2, Mail::smtp(Security::Tls)),
        ] {
            if command.contains(scheme) {
                let address = SocketAddr::new(Ipv4Addr::new(127, 0, 2, at).into(), 0);
                let host = Host::start_at(address, vec![script(mail, health)]);
                program.push_str(&format!(" --connect-to :{port}:{}:{}", address.ip(), host.address.port()));
                hosts.push(host);
            }
        }
        let path = folder.write("bin/mailcfg", program);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode can be set");
        folder.write("out/.keep", "");
        Self { folder, _hosts: hosts }
    }

    fn run(&self, command: &str) -> Output {
        let folder = self.folder.path().display().to_string();
        let command = command
            .replace("/usr/local/bin/mailcfg", "mailcfg")
            .replace("/var/lib/prometheus/node-exporter", &format!("{folder}/out"));
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &command]).env_clear().stdin(Stdio::null());
        shell.env("HOME", "/nonexistent").env("PATH", format!("{folder}/bin:/usr/bin:/bin"));
        finish(shell.current_dir(self.folder.path().join("out")))
    }

    /// All that was written to files.
    fn files(&self) -> String {
        let entries = std::fs::read_dir(self.folder.path().join("out")).expect("the folder is there");
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(entry.expect("the folder can be read").path()).expect("a file is text")
        };
        entries.map(read).collect()
    }
}

fn script(mail: Mail, health: Health) -> Script {
    let days = match health {
        Health::Good => 80,
        Health::Bad => -3,
        Health::Unknown => {
            let words = busy(mail.protocol);
            return mail.greeting(words).unasked_after().script();
        }
    };
    let leaf = Leaf { begins: days - 90, ends: days, ..Leaf::default() };
    mail.config(ca::trusted().issue(&leaf).config()).script()
}

fn busy(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "* BYE [UNAVAILABLE] try again later\r\n",
        Protocol::Pop3 | Protocol::Smtp => "421 try again later\r\n",
    }
}
