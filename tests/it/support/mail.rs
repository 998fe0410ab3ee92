//! Well-behaved IMAP, POP3 and SMTP hosts, so that a test says only what differs.

use std::net::SocketAddr;
use std::sync::Arc;

use mailcfg::settings::{Protocol, Security};
use rustls::ServerConfig;

use super::ca;
use super::host::{Host, Script, Step, expect};

/// A host that does as its protocol has it, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What it speaks.
    pub protocol: Protocol,
    /// How it is secured.
    pub security: Security,
    greeting: Script,
    before: Option<Script>,
    go_ahead: Script,
    config: Arc<ServerConfig>,
    hello: Script,
    after: Option<Script>,
}

impl Mail {
    /// An IMAP host.
    pub fn imap(security: Security) -> Self {
        Self {
            greeting: "* OK IMAP ready\r\n".into(),
            before: Some("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n".into()),
            go_ahead: "{tag} OK begin\r\n".into(),
            after: Some("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n".into()),
            ..Self::blank(Protocol::Imap, security)
        }
    }

    /// A POP3 host.
    pub fn pop3(security: Security) -> Self {
        Self {
            greeting: "+OK POP3 ready\r\n".into(),
            before: Some("+OK\r\nUIDL\r\nSTLS\r\n.\r\n".into()),
            go_ahead: "+OK begin\r\n".into(),
            after: Some("+OK\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\n.\r\n".into()),
            ..Self::blank(Protocol::Pop3, security)
        }
    }

    /// An SMTP host for submission.
    pub fn smtp(security: Security) -> Self {
        Self {
            greeting: "220 mail.example.org ESMTP\r\n".into(),
            before: Some(ehlo("STARTTLS").as_str().into()),
            go_ahead: "220 begin\r\n".into(),
            after: Some(ehlo("AUTH PLAIN LOGIN").as_str().into()),
            ..Self::blank(Protocol::Smtp, security)
        }
    }

    fn blank(protocol: Protocol, security: Security) -> Self {
        Self {
            protocol,
            security,
            greeting: Script::default(),
            before: None,
            go_ahead: Script::default(),
            config: ca::good().config(),
            hello: Script::default(),
            after: None,
        }
    }

    /// Its first words.
    pub fn greeting(self, words: impl Into<Script>) -> Self {
        Self { greeting: words.into(), ..self }
    }

    /// Its reply to the question what it can do, in the clear.
    pub fn before(self, reply: impl Into<Script>) -> Self {
        Self { before: Some(reply.into()), ..self }
    }

    /// It is not to be asked in the clear what it can do.
    pub fn unasked_before(self) -> Self {
        Self { before: None, ..self }
    }

    /// Its reply to STARTTLS.
    pub fn go_ahead(self, reply: impl Into<Script>) -> Self {
        Self { go_ahead: reply.into(), ..self }
    }

    /// What it does before the handshake.
    pub fn on_hello(self, steps: impl Into<Script>) -> Self {
        Self { hello: steps.into(), ..self }
    }

    /// How it performs the handshake.
    pub fn config(self, config: Arc<ServerConfig>) -> Self {
        Self { config, ..self }
    }

    /// How it performs the handshake, unless told otherwise.
    pub fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Its reply to the question what it can do, inside TLS.
    pub fn after(self, reply: impl Into<Script>) -> Self {
        Self { after: Some(reply.into()), ..self }
    }

    /// Its reply to the question what it can do, where that counts: inside TLS, or in the clear with security `none`.
    pub fn capable(self, reply: impl Into<Script>) -> Self {
        match self.security {
            Security::None => self.before(reply),
            Security::Tls | Security::StartTls => self.after(reply),
        }
    }

    /// It is not to be asked inside TLS what it can do.
    pub fn unasked_after(self) -> Self {
        Self { after: None, ..self }
    }

    /// Starts it at 127.0.0.1.
    pub fn start(&self) -> Host {
        Host::start(self.script())
    }

    /// Starts it at an address; port 0 takes a free one.
    pub fn start_at(&self, address: SocketAddr) -> Host {
        Host::start_at(address, vec![self.script()])
    }

    /// The URL of such a host.
    pub fn url(&self) -> &'static str {
        url(self.protocol, self.security)
    }

    /// A host that does as the protocol has it.
    pub fn well_behaved(protocol: Protocol, security: Security) -> Self {
        match protocol {
            Protocol::Imap => Self::imap(security),
            Protocol::Pop3 => Self::pop3(security),
            Protocol::Smtp => Self::smtp(security),
        }
    }

    /// All it does on a connection.
    pub fn script(&self) -> Script {
        let asked = |reply: &Option<Script>| match reply {
            Some(reply) => [vec![expect(self.question())], reply.0.clone()].concat(),
            None => Vec::new(),
        };
        let handshake = [self.hello.0.clone(), vec![Step::StartTls(Arc::clone(&self.config))]].concat();
        let greeting = self.greeting.0.clone();
        Script(match self.security {
            Security::Tls => [handshake, greeting, asked(&self.after)].concat(),
            Security::None => [greeting, asked(&self.before)].concat(),
            Security::StartTls => {
                let agreed = [vec![expect(self.starttls())], self.go_ahead.0.clone()].concat();
                [greeting, asked(&self.before), agreed, handshake, asked(&self.after)].concat()
            }
        })
    }

    /// The command that ends a dialogue.
    pub fn goodbye(&self) -> &'static str {
        match self.protocol {
            Protocol::Imap => "LOGOUT",
            _ => "QUIT",
        }
    }

    fn question(&self) -> &'static str {
        match self.protocol {
            Protocol::Imap => "CAPABILITY",
            Protocol::Pop3 => "CAPA",
            Protocol::Smtp => "EHLO",
        }
    }

    fn starttls(&self) -> &'static str {
        match self.protocol {
            Protocol::Pop3 => "STLS",
            _ => "STARTTLS",
        }
    }
}

/// Lines that every current SMTP server has in its reply to EHLO.
pub const USUAL: &str = "250-SIZE 10240000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n";

/// A reply to EHLO with the usual lines, and one more.
pub fn ehlo(line: &str) -> String {
    format!("250-mail\r\n{USUAL}250 {line}\r\n")
}

/// The URL of [`HOST`] with a protocol and a security; `none` needs `--security none` beside it.
pub fn url(protocol: Protocol, security: Security) -> &'static str {
    match (protocol, security) {
        (Protocol::Imap, Security::Tls) => "imaps://mail.example.org",
        (Protocol::Imap, _) => "imap://mail.example.org",
        (Protocol::Pop3, Security::Tls) => "pop3s://mail.example.org",
        (Protocol::Pop3, _) => "pop3://mail.example.org",
        (Protocol::Smtp, Security::Tls) => "submissions://mail.example.org",
        (Protocol::Smtp, _) => "submission://mail.example.org",
    }
}

/// The name under which the tests know their hosts.
pub const HOST: &str = "mail.example.org";
