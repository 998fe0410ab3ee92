//! Runs the real program in an empty environment and gives exit code, stdout and stderr together.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// What the program left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Output {
    /// The one JSON document on stdout, which must be as the schema has it.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let document = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        super::schema::check(&document);
        document
    }
}

/// The program with arguments, an empty home and no environment of the machine.
pub fn mailcfg<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailcfg"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    finish(&mut mailcfg(arguments))
}

/// Runs a prepared command to its end; a program that hangs fails the test.
pub fn finish(command: &mut Command) -> Output {
    collect(start(command))
}

/// Runs a prepared command to its end; gives the most memory it held, in KiB: more than none.
pub fn weigh(command: &mut Command) -> (Output, u64) {
    let child = start(command);
    let status = format!("/proc/{}/status", child.id());
    let mut most = peak(&status).unwrap_or_default();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let began = Instant::now();
        // A program that ends soon is looked at often.
        let pause = || if began.elapsed() < Duration::from_secs(1) { 1 } else { 20 };
        while ended.recv_timeout(Duration::from_millis(pause())) == Err(RecvTimeoutError::Timeout) {
            most = most.max(peak(&status).unwrap_or_default());
        }
        most
    });
    let output = collect(child);
    drop(done);
    let most = watcher.join().expect("the watcher watches");
    assert!(most > 0, "nobody saw how much memory the program held");
    (output, most)
}

/// `VmHWM:     1234 kB`
fn peak(path: &str) -> Option<u64> {
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Runs a prepared command, and sends it a signal (`INT`, `TERM`) once `ready` returns.
pub fn interrupt(command: &mut Command, signal: &str, ready: impl FnOnce()) -> Output {
    let child = start(command);
    ready();
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill can be run").success(), "the program was gone already");
    collect(child)
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn collect(mut child: Child) -> Output {
    let stdout = reader(child.stdout.take().expect("stdout is piped"));
    let stderr = reader(child.stderr.take().expect("stderr is piped"));
    let code = wait(&mut child);
    Output {
        code,
        stdout: stdout.join().expect("stdout is text"),
        stderr: stderr.join().expect("stderr is text"),
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("the pipe is readable");
        String::from_utf8(bytes).expect("the program writes UTF-8")
    })
}

fn wait(child: &mut Child) -> i32 {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return status.code().unwrap_or(-1);
        }
        if began.elapsed() > LONGEST {
            let _ = child.kill();
            panic!("the program did not end within {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Generous: machines are noisy.
const LONGEST: Duration = Duration::from_secs(120);
