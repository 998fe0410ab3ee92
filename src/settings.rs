//! The words of the field and the settings made of them: protocol, security, user name, authentication.
//!
//! Every word has one spelling that is printed, and the spellings people use, which are understood. Endpoints, services
//! and their sources stand in files of their own.

#[path = "settings/endpoint.rs"]
mod endpoint;
#[path = "settings/service.rs"]
mod service;
#[path = "settings/source.rs"]
mod source;

pub use endpoint::{Endpoint, InvalidEndpoint, Overrides};
pub use service::{Access, HostTemplate, Instruction, OAuth2, ProviderInfo, Service, Settings, recommend};
pub use source::{Source, Trust};

use std::fmt;

use crate::target::Address;

/// A mail access or submission protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// RFC 9051, RFC 3501.
    Imap,
    /// RFC 1939.
    Pop3,
    /// Message submission, RFC 6409; on port 25 relay, RFC 5321.
    Smtp,
}

impl Protocol {
    /// The word for JSON, tables and arguments.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
        }
    }

    /// The name as a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Smtp => "SMTP",
        }
    }

    /// Understands the field's word and people's; `smtps`, `imaps` and `pop3s` also say the security.
    pub fn from_word(word: &str) -> Option<(Self, Option<Security>)> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "imap" | "imap4" => (Self::Imap, None),
            "imaps" => (Self::Imap, Some(Security::Tls)),
            "pop3" | "pop" => (Self::Pop3, None),
            "pop3s" | "pops" => (Self::Pop3, Some(Security::Tls)),
            "smtp" | "submission" => (Self::Smtp, None),
            "smtps" | "submissions" => (Self::Smtp, Some(Security::Tls)),
            _ => return None,
        })
    }

    /// True for the protocols that fetch mail.
    pub fn is_incoming(self) -> bool {
        !matches!(self, Self::Smtp)
    }
}

/// Prints the word for JSON.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Security {
    /// Implicit TLS: the handshake comes first (RFC 8314).
    Tls,
    /// Clear text, then STARTTLS or STLS (RFC 3207, RFC 2595, RFC 9051).
    StartTls,
    /// Clear text.
    None,
}

impl Security {
    /// The word for JSON, tables and arguments.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// The name as a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::StartTls => "STARTTLS",
            Self::None => "none",
        }
    }

    /// Understands the field's word and people's: `SSL`, `SSL/TLS`, `SMTPS` … are `tls`, `plain` is `none`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "tls" | "ssl" | "ssl/tls" | "tls/ssl" | "implicit tls" | "implicit" | "smtps" | "imaps"
            | "pop3s" => Self::Tls,
            "starttls" | "stls" | "start-tls" | "explicit tls" | "tls-starttls" => Self::StartTls,
            "none" | "plain" | "clear" => Self::None,
            _ => return None,
        })
    }
}

/// Prints the word for JSON.
impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthMethod {
    /// The password, sent inside TLS: what clients call "normal password".
    Password,
    /// A challenge mechanism such as CRAM-MD5.
    EncryptedPassword,
    /// A token, RFC 7628.
    OAuth2,
    /// Kerberos, RFC 4752.
    Gssapi,
    /// NTLM.
    Ntlm,
    /// A TLS client certificate.
    ClientCertificate,
    /// The address of the client.
    ClientIp,
    /// No sign-in.
    None,
}

impl AuthMethod {
    /// The word for JSON, tables and screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::EncryptedPassword => "encrypted-password",
            Self::OAuth2 => "oauth2",
            Self::Gssapi => "gssapi",
            Self::Ntlm => "ntlm",
            Self::ClientCertificate => "client-certificate",
            Self::ClientIp => "client-ip",
            Self::None => "none",
        }
    }

    /// Understands the field's word and people's: `normal password`, `plain`, `secure` …
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "password" | "normal password" | "password-cleartext" | "plain" | "cleartext" => Self::Password,
            "encrypted-password" | "encrypted password" | "password-encrypted" | "secure" | "cram-md5" => {
                Self::EncryptedPassword
            }
            "oauth2" | "oauth" => Self::OAuth2,
            "gssapi" | "kerberos" => Self::Gssapi,
            "ntlm" => Self::Ntlm,
            "client-certificate" | "tls-client-cert" | "tls certificate" => Self::ClientCertificate,
            "client-ip" | "client-ip-address" | "smtp-after-pop" => Self::ClientIp,
            "none" | "no authentication" => Self::None,
            _ => return None,
        })
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a server wants as user name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Username {
    /// The whole address.
    Address,
    /// The part before the `@`.
    LocalPart,
    /// Text with `%EMAILADDRESS%`, `%EMAILLOCALPART%` and `%EMAILDOMAIN%`, replaced in one pass.
    Template(String),
}

impl Username {
    /// Understands `address`, `local-part`, people's words for them, and templates; `None` for an unknown word.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        match word.to_ascii_lowercase().as_str() {
            "address" | "email" | "email address" | "%emailaddress%" => Some(Self::Address),
            "local-part" | "local part" | "localpart" | "%emaillocalpart%" => Some(Self::LocalPart),
            _ if word.contains('%') => Some(Self::Template(word.to_owned())),
            _ => None,
        }
    }

    /// The word for JSON: `address`, `local-part` or the template.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address => "address",
            Self::LocalPart => "local-part",
            Self::Template(template) => template,
        }
    }

    /// The user name of an address.
    pub fn of(&self, address: &Address) -> String {
        match self {
            Self::Address => address.to_string(),
            Self::LocalPart => address.local_part().to_owned(),
            Self::Template(template) => {
                fill(template, &address.to_string(), address.local_part(), address.domain().as_str())
            }
        }
    }

    /// The form in words, for a screen without an address: `<part before @>`.
    pub fn form(&self) -> String {
        match self {
            Self::Address => "<address>".to_owned(),
            Self::LocalPart => "<part before @>".to_owned(),
            Self::Template(template) => fill(template, "<address>", "<part before @>", "<domain>"),
        }
    }
}

/// Replaces the three placeholders of autoconfig in one pass: a value that holds a placeholder is not filled again.
pub fn fill(template: &str, address: &str, local_part: &str, domain: &str) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let placeholder =
            [("EMAILADDRESS%", address), ("EMAILLOCALPART%", local_part), ("EMAILDOMAIN%", domain)]
                .into_iter()
                .find_map(|(name, value)| after.strip_prefix(name).map(|tail| (value, tail)));
        let (value, tail) = placeholder.unwrap_or(("%", after));
        filled.push_str(value);
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn endpoint(text: &str, overrides: Overrides) -> Result<Endpoint, InvalidEndpoint> {
        match Target::parse(text).unwrap() {
            Target::Host { scheme, host, port } => Endpoint::complete(scheme, host, port, overrides),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ports_and_schemes_tell_protocol_and_security() {
        use Protocol::*;
        use Security::*;
        for (text, protocol, port, security) in [
            ("h.example:143", Imap, 143, StartTls),
            ("h.example:993", Imap, 993, Tls),
            ("h.example:110", Pop3, 110, StartTls),
            ("h.example:995", Pop3, 995, Tls),
            ("h.example:25", Smtp, 25, StartTls),
            ("h.example:587", Smtp, 587, StartTls),
            ("h.example:465", Smtp, 465, Tls),
            ("h.example:2525", Smtp, 2525, StartTls),
            ("imap://h.example:993", Imap, 993, StartTls),
            ("imap://h.example", Imap, 143, StartTls),
            ("imaps://h.example", Imap, 993, Tls),
            ("pop3://h.example", Pop3, 110, StartTls),
            ("pop3s://h.example", Pop3, 995, Tls),
            ("smtp://h.example", Smtp, 25, StartTls),
            ("smtp://h.example:465", Smtp, 465, StartTls),
            ("submission://h.example", Smtp, 587, StartTls),
            ("submissions://h.example", Smtp, 465, Tls),
            ("smtps://h.example", Smtp, 465, Tls),
        ] {
            let found = endpoint(text, Overrides::default()).unwrap();
            assert_eq!(
                (found.protocol, found.port.get(), found.security),
                (protocol, port, security),
                "{text}"
            );
        }
    }

    #[test]
    fn overrides_win_and_complete_unknown_ports() {
        assert!(endpoint("h.example:10143", Overrides::default()).unwrap_err().hint().contains("--protocol"));
        let only_protocol = Overrides { protocol: Some(Protocol::Imap), security: None };
        assert!(endpoint("h.example:10143", only_protocol).is_err());
        let both = Overrides { protocol: Some(Protocol::Imap), security: Some(Security::None) };
        assert_eq!(endpoint("h.example:10143", both).unwrap().security, Security::None);
        assert_eq!(endpoint("smtps://h.example", both).unwrap().protocol, Protocol::Imap);
    }

    #[test]
    fn placeholders_are_filled_in_one_pass() {
        let address = Address::parse("%EMAILDOMAIN%@example.org").unwrap();
        let template = Username::from_word("%EMAILLOCALPART%.%EMAILDOMAIN%").unwrap();
        assert_eq!(template.of(&address), "%EMAILDOMAIN%.example.org");
        assert_eq!(template.form(), "<part before @>.<domain>");
        assert_eq!(fill("100%", "", "", ""), "100%");
        assert_eq!(fill("%%EMAILDOMAIN%%", "", "", "d"), "%d%");
    }

    #[test]
    fn what_is_not_seen_in_a_host_is_not_kept() {
        let form = |text: &str| HostTemplate::parse(text).map(|host| host.form()).ok();
        assert_eq!(form("imap.exa\u{feff}mple.org").as_deref(), Some("imap.example.org"));
        assert_eq!(form("im\u{ad}ap.%EMAILDOMAIN%").as_deref(), Some("imap.<domain>"));
        assert_eq!(form("M\u{fc}ller.example").as_deref(), Some("xn--mller-kva.example"));
        assert_eq!(form("[2001:DB8::1]").as_deref(), Some("2001:db8::1"));
        assert_eq!(form("email-domain.invalid").as_deref(), Some("email-domain.invalid"));
        for text in ["b\u{fc}%EMAILDOMAIN%", "%EMAILDOMAIN%b\u{fc}", "email-domain.invalid.%EMAILDOMAIN%"] {
            assert_eq!(form(text), None, "{text}");
        }
    }

    #[test]
    fn peoples_words_are_understood() {
        assert_eq!(Security::from_word("SSL/TLS"), Some(Security::Tls));
        assert_eq!(Security::from_word("SSL"), Some(Security::Tls));
        assert_eq!(Protocol::from_word("SMTPS"), Some((Protocol::Smtp, Some(Security::Tls))));
        assert_eq!(Protocol::from_word("POP"), Some((Protocol::Pop3, None)));
        assert_eq!(AuthMethod::from_word("normal password"), Some(AuthMethod::Password));
        assert_eq!(Username::from_word("nobody"), None);
    }

    #[test]
    fn the_safest_service_is_recommended() {
        let service = |text: &str| Service {
            access: Access::Server(endpoint(text, Overrides::default()).unwrap()),
            username: None,
            auth: Vec::new(),
            source: Source::Bundled,
            trust: Trust::Bundled,
            other_domain: false,
            recommended: false,
        };
        let mut services = vec![
            service("h.example:995"),
            service("h.example:143"),
            service("h.example:587"),
            service("h.example:465"),
        ];
        recommend(&mut services);
        let marks: Vec<bool> = services.iter().map(|service| service.recommended).collect();
        assert_eq!(marks, [false, true, false, true]);
    }
}
