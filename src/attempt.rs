//! The one shape of every answer from the outside world: done, absent, failed or skipped.
//!
//! *Failed* is never folded into *absent*: "could not find out" is not "there is none", and neither is "bad".

use std::fmt;

/// How a question asked of the outside world ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<T> {
    /// It was answered.
    Done(T),
    /// The other side says there is none; the reason says how it said so.
    Absent(String),
    /// It could not be found out, or what should work does not.
    Failed(Failure),
    /// It was not asked; the reason says why.
    Skipped(String),
}

impl<T> Attempt<T> {
    /// The value, when there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Done(value) => Some(value),
            _ => None,
        }
    }

    /// The failure, when there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Why there is no value, in words; `None` when there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done(_) => None,
            Self::Absent(reason) | Self::Skipped(reason) => Some(reason),
            Self::Failed(failure) => Some(&failure.reason),
        }
    }
}

impl<T> From<Result<T, Failure>> for Attempt<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where it ended.
    pub stage: Stage,
    /// What ended it, for rules.
    pub cause: Cause,
    /// What ended it, for people: a fragment, with the other side's words where it spoke.
    pub reason: String,
    /// True when nobody could tell, or the other side itself said "later": asking again may well succeed.
    pub temporary: bool,
}

impl Failure {
    /// A failure that asking again will not mend.
    pub fn new(stage: Stage, cause: Cause, reason: impl Into<String>) -> Self {
        Self { stage, cause, reason: reason.into(), temporary: false }
    }

    /// A failure that says nothing about the other side for good: no route, a broken resolver, "try again later".
    pub fn temporary(stage: Stage, cause: Cause, reason: impl Into<String>) -> Self {
        Self { temporary: true, ..Self::new(stage, cause, reason) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// The step in which a question failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Resolving the name.
    Dns,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The server's first words.
    Greeting,
    /// Asking what the server can do.
    Capabilities,
    /// Asking for TLS on a clear connection.
    StartTls,
    /// Asking a web server for a page.
    Http,
    /// A limit of the dialogue or its grammar was broken.
    Protocol,
    /// Signing in.
    Auth,
}

impl Stage {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Capabilities => "capabilities",
            Self::StartTls => "starttls",
            Self::Http => "http",
            Self::Protocol => "protocol",
            Self::Auth => "auth",
        }
    }
}

/// What ended a question, as far as a rule has to tell it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The name does not exist (NXDOMAIN).
    NoSuchHost,
    /// The name exists and has no record of the kind asked for.
    NoAddress,
    /// The resolver failed: SERVFAIL, REFUSED, a time-out.
    Resolver,
    /// The connection was refused.
    Refused,
    /// This machine has no route, or no address of that family.
    NoRoute,
    /// Nothing came within the limit.
    TimedOut,
    /// The other side reset the connection.
    Reset,
    /// The other side closed the connection.
    Closed,
    /// The proxy would not or could not connect.
    Proxy,
    /// The server turned the client away for good (`554`, `-ERR`).
    Rejected,
    /// The server turned the client away for now (`421`, `[SYS/TEMP]`).
    Busy,
    /// The server said goodbye (`* BYE`).
    Bye,
    /// Another protocol answers on this port; the value names it.
    OtherProtocol(&'static str),
    /// This port speaks TLS from the first byte.
    TlsAtOnce,
    /// Clear text came where a TLS handshake should be.
    PlainText,
    /// Bytes stood behind the go-ahead for STARTTLS.
    Injection,
    /// The server refused a command.
    CommandRefused,
    /// The server refused a command, and would not say whether it knows it.
    Unlisted,
    /// The server refused a sign-in.
    SignInRefused,
    /// Nothing newer than TLS 1.1 is spoken.
    TlsTooOld,
    /// The server wants a certificate of the client.
    ClientCertificate,
    /// The certificate of a web server has a problem.
    Certificate,
    /// The handshake failed otherwise.
    Handshake,
    /// A line, a count or a size went over its limit, or a line was not of the grammar.
    Malformed,
    /// A public name led to a private address, which is not followed.
    Private,
    /// A fault of this program.
    Internal,
    /// The run was ended before this was finished.
    Interrupted(EndedBy),
}

/// What ends a run before its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The time for the whole run was over.
    Deadline,
    /// Somebody sent a signal, as Ctrl-C does.
    Signal,
}

impl Cause {
    /// The cause of an error of the operating system on an open connection.
    pub fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired)) = tls {
            return Self::ClientCertificate;
        }
        if matches!(error.raw_os_error(), Some(TOO_MANY_IN_SYSTEM | TOO_MANY_IN_PROCESS)) {
            return Self::Internal;
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::UnexpectedEof => Self::Closed,
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable
            | ErrorKind::NetworkDown
            | ErrorKind::PermissionDenied => Self::NoRoute,
            _ => Self::Reset,
        }
    }
}

/// ENFILE and EMFILE: no more files can be opened here, which says nothing of the other side.
const TOO_MANY_IN_SYSTEM: i32 = 23;
const TOO_MANY_IN_PROCESS: i32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_sockets_was_a_reset_by_the_server() {
        for (number, cause) in
            [(23, Cause::Internal), (24, Cause::Internal), (104, Cause::Reset), (111, Cause::Refused)]
        {
            assert_eq!(Cause::of_io(&std::io::Error::from_raw_os_error(number)), cause);
        }
    }
}
