//! `--login`: what the arguments say about a sign-in, and where its secret comes from. A secret is never an argument.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use mailcfg::net::tls::identity::Identity;
use mailcfg::probe::login::{Credentials, Proof};
use mailcfg::run::{Job, Task};
use mailcfg::secret::Secret;
use mailcfg::target::Address;
use mailcfg::wire::login::is_safe;
use mailcfg::wire::sasl::{Means, Mechanism};
use zeroize::Zeroizing;

use super::Complaint;

#[derive(Debug, Args)]
#[command(next_help_heading = "Sign-in")]
pub struct LoginArguments {
    /// Sign in to each server, once, and look round; asks for the password on the terminal unless told otherwise
    #[arg(long, conflicts_with_all = ["all_addresses", "from", "resume"])]
    login: bool,
    /// Sign in as this user [default: what the settings of the address say]
    #[arg(long, value_name = "NAME", requires = "login")]
    user: Option<String>,
    /// Take the password from the first line of this file
    #[arg(long, value_name = "FILE", requires = "login", group = "secret")]
    password_file: Option<PathBuf>,
    /// Take the password from the first line that this command prints, as 'pass show mail/disroot'
    #[arg(long, value_name = "CMD", requires = "login", group = "secret")]
    password_command: Option<String>,
    /// Take the password from the first line of stdin
    #[arg(long, requires = "login", group = "secret")]
    password_stdin: bool,
    /// Take the password from this environment variable
    #[arg(long, value_name = "NAME", requires = "login", group = "secret")]
    password_env: Option<String>,
    /// Sign in with the OAuth 2.0 access token that this command prints
    #[arg(long, value_name = "CMD", requires = "login", group = "secret")]
    token_command: Option<String>,
    /// Sign in with the OAuth 2.0 access token in the first line of this file
    #[arg(long, value_name = "FILE", requires = "login", group = "secret")]
    token_file: Option<PathBuf>,
    /// Sign in by this mechanism alone, as PLAIN or SCRAM-SHA-256 [default: the strongest that is offered]
    #[arg(long, value_name = "NAME", requires = "login", value_parser = mechanism)]
    mechanism: Option<Mechanism>,
    /// After a refusal of the user name or password try the address and the part before the @ too: more attempts
    #[arg(long, requires = "login")]
    try_usernames: bool,
    /// Show this client certificate to a server that asks for one; without a password, sign in by EXTERNAL
    #[arg(long, value_name = "PEM", requires = "login")]
    client_cert: Option<PathBuf>,
    /// The key of the client certificate [default: in the same file]
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

/// Where a secret comes from.
enum Origin<'a> {
    File(&'a Path),
    Command(&'a str),
    Stdin,
    Variable(&'a str),
    Terminal,
}

/// The jobs of these tasks, with the account to sign in to when that is asked for.
pub fn jobs(arguments: &LoginArguments, mut tasks: Vec<Task>) -> Result<Vec<Job>, Complaint> {
    if !arguments.login {
        return Ok(tasks.into_iter().map(Job::from).collect());
    }
    let task = tasks.pop().filter(|_| tasks.is_empty()).ok_or_else(several_targets)?;
    let login = Some(Arc::new(credentials(arguments, &task)?));
    Ok(vec![Job { task, login }])
}

/// A password belongs to one account: with several targets it would go to strangers.
fn several_targets() -> Complaint {
    let error = anyhow!("--login takes one target: a password belongs to one account");
    Complaint::usage(error, "name the other targets in a run of their own")
}

/// What to sign in with; a person is asked last, when all else is checked.
fn credentials(arguments: &LoginArguments, task: &Task) -> Result<Credentials, Complaint> {
    let address = match task {
        Task::Lookup(query) => query.address.clone(),
        _ => None,
    };
    let username = arguments.user.as_deref().map(user).transpose()?;
    let (means, origin) = arguments.source();
    if means != Means::Certificate && username.is_none() && address.is_none() {
        let error = anyhow!("--login does not know who signs in: the target is no address");
        return Err(Complaint::usage(error, "name the user with --user NAME"));
    }
    let is_address = |name: &String| Address::parse(name).is_ok();
    if arguments.try_usernames && address.is_none() && !username.as_ref().is_some_and(is_address) {
        let error = anyhow!("--try-usernames knows no other form of the user name: none is an address");
        return Err(Complaint::usage(error, "name the target or --user as user@example.org"));
    }
    if let Some(mechanism) = arguments.mechanism.filter(|mechanism| !mechanism.takes(means)) {
        let error = anyhow!("{} does not work with a {}", mechanism.as_str(), means.as_str());
        return Err(Complaint::usage(
            error,
            "tokens come by --token-command or --token-file, certificates by --client-cert",
        ));
    }
    let identity = arguments.identity()?;
    let who = username.clone().or_else(|| address.as_ref().map(Address::to_string)).unwrap_or_default();
    let secret = |origin| read(origin, means, &who).map(Arc::new);
    let proof = match means {
        Means::Certificate => Proof::Certificate,
        Means::Password => Proof::Password(secret(origin)?),
        Means::Token => Proof::Token(secret(origin)?),
    };
    let (mechanism, try_usernames) = (arguments.mechanism, arguments.try_usernames);
    Ok(Credentials { proof, username, address, mechanism, try_usernames, identity })
}

impl LoginArguments {
    fn source(&self) -> (Means, Origin<'_>) {
        let command = self.password_command.as_deref().map(Origin::Command);
        let file = self.password_file.as_deref().map(Origin::File);
        let variable = self.password_env.as_deref().map(Origin::Variable);
        let stdin = self.password_stdin.then_some(Origin::Stdin);
        let token = self.token_command.as_deref().map(Origin::Command);
        let token = token.or(self.token_file.as_deref().map(Origin::File));
        if let Some(origin) = token {
            return (Means::Token, origin);
        }
        match command.or(file).or(variable).or(stdin) {
            Some(origin) => (Means::Password, origin),
            None if self.client_cert.is_some() => (Means::Certificate, Origin::Terminal),
            None => (Means::Password, Origin::Terminal),
        }
    }

    fn identity(&self) -> Result<Option<Identity>, Complaint> {
        let Some(certificate) = &self.client_cert else { return Ok(None) };
        let key = self.client_key.as_ref().unwrap_or(certificate);
        let read = Identity::read(certificate, key);
        read.map(Some).map_err(|error| {
            Complaint::usage(
                error,
                "name PEM files with --client-cert and --client-key; the key without a pass phrase",
            )
        })
    }
}

fn mechanism(word: &str) -> Result<Mechanism, String> {
    Mechanism::from_word(word).ok_or_else(|| {
        let names = Mechanism::ALL.map(Mechanism::as_str);
        format!("the mechanisms are {}", names.join(", "))
    })
}

fn user(name: &str) -> Result<String, Complaint> {
    if !name.is_empty() && name.len() <= USER_OCTETS && is_safe(name.as_bytes()) {
        return Ok(name.to_owned());
    }
    Err(Complaint::usage(anyhow!("not a user name: {name:?}"), "write --user user@example.org"))
}

/// Reads a secret: one line, without its end.
fn read(origin: Origin<'_>, means: Means, who: &str) -> Result<Secret, Complaint> {
    let secret = match origin {
        Origin::File(path) => from_file(path),
        Origin::Command(command) => from_command(command),
        Origin::Stdin => stdin().and_then(first_line).context("cannot read the password from stdin"),
        Origin::Variable(name) => from_variable(name),
        Origin::Terminal => {
            let prompt = format!("Password of {}: ", mailcfg::render::style::Escaped(who));
            rpassword::prompt_password(prompt)
                .map(|password| Secret::new(password.into_bytes()))
                .context("there is no terminal to ask for the password")
        }
    };
    let hint = match means {
        Means::Token => "give the token by --token-command or --token-file, in one line",
        _ => {
            "give it by --password-file, --password-command, --password-stdin or --password-env, in one line"
        }
    };
    let secret = secret.map_err(|error| Complaint::usage(error, hint))?;
    match secret.is_empty() {
        true => Err(Complaint::usage(anyhow!("the password or token is empty"), hint)),
        false => Ok(secret),
    }
}

fn from_file(path: &Path) -> anyhow::Result<Secret> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    if is_open_to_others(&file) {
        let place = mailcfg::render::style::Escaped(&path.display().to_string()).to_string();
        let text = format!("mailcfg: warning: others can read {place}\nhint: chmod 600 {place}\n");
        // A closed stderr leaves nobody to warn.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
    first_line(file).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(unix)]
fn is_open_to_others(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &std::fs::File) -> bool {
    false
}

/// What a command writes to stderr is not shown: it may hold the secret.
fn from_command(command: &str) -> anyhow::Result<Secret> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run sh for the command that prints the secret")?;
    let mut is_cut = false;
    let secret = match child.stdout.take() {
        Some(mut stdout) => first_line(&mut stdout).and_then(|secret| {
            // What stands behind the line is read too, so that the command can end well; one that never ends is cut off.
            let rest = std::io::copy(&mut (&mut stdout).take(SECRET_OCTETS as u64), &mut std::io::sink())?;
            is_cut = rest == SECRET_OCTETS as u64;
            Ok(secret)
        }),
        None => Err(std::io::ErrorKind::BrokenPipe.into()),
    };
    let status = child.wait().context("cannot wait for the command that prints the secret")?;
    if !status.success() && !is_cut {
        return Err(anyhow!("the command that prints the secret failed ({status})"));
    }
    secret.context("cannot read from the command that prints the secret")
}

fn from_variable(name: &str) -> anyhow::Result<Secret> {
    let value = std::env::var_os(name).ok_or_else(|| anyhow!("no environment variable {name:?}"))?;
    Ok(Secret::new(value.into_encoded_bytes()))
}

/// The first line, read into one place that is wiped; what comes behind it is left where it is.
fn first_line(source: impl Read) -> std::io::Result<Secret> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_OCTETS));
    #[expect(
        clippy::unbuffered_bytes,
        reason = "a buffer that reads ahead keeps the line, and waits for more"
    )]
    let bytes = source.bytes();
    for byte in bytes {
        match byte? {
            b'\n' => break,
            _ if line.len() == SECRET_OCTETS => {
                return Err(std::io::Error::other("the line is longer than 64 KiB"));
            }
            byte => line.push(byte),
        }
    }
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(&line).to_vec()))
}

/// Standard input as it is: Rust's own reads ahead into a buffer that nobody wipes.
#[cfg(unix)]
fn stdin() -> std::io::Result<impl Read> {
    use std::os::fd::AsFd;
    Ok(std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin() -> std::io::Result<impl Read> {
    Ok(std::io::stdin().lock())
}

/// RFC 5321 gives an address 254 octets; directories have longer names.
const USER_OCTETS: usize = 1_024;

/// 64 KiB: tokens have some thousand octets.
const SECRET_OCTETS: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line() {
        for (text, secret) in [
            ("open sesame", "open sesame"),
            ("open sesame\n", "open sesame"),
            ("open sesame\r\nlogin: user\n", "open sesame"),
            (" spaces stay \n", " spaces stay "),
            ("\nsecond", ""),
            ("", ""),
        ] {
            assert_eq!(first_line(text.as_bytes()).unwrap().expose(), secret.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn a_command_that_fails_tells_nothing_of_what_it_said() {
        assert_eq!(from_command("echo one; echo two").unwrap().expose(), b"one");
        assert_eq!(from_command("yes one").unwrap().expose(), b"one", "one that never ends");
        let error = from_command("echo tell-tale; echo tell-tale >&2; exit 3").unwrap_err();
        assert!(!format!("{error:?}").contains("tell-tale"), "{error:?}");
    }

    #[test]
    fn a_user_name_cannot_carry_a_command() {
        assert!(user("Jürgen O'Neil").is_ok());
        for name in ["", "a\r\nA2 DELETE INBOX", "a\0b"] {
            assert!(user(name).is_err(), "{name:?}");
        }
    }
}
