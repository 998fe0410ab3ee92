//! What a refused sign-in means: response codes of IMAP (RFC 5530) and POP3 (RFC 2449, RFC 3206), reply codes and
//! enhanced codes of SMTP (RFC 4954, RFC 5248), and the words of servers that say more than their codes.

use crate::settings::Protocol;

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The user name or the password is wrong.
    WrongPassword,
    /// The account wants a password made for this program.
    AppPasswordNeeded,
    /// The server wants a stronger mechanism, such as a token.
    TooWeak,
    /// The server wants TLS first.
    EncryptionRequired,
    /// The account is disabled or locked.
    Disabled,
    /// The protocol is off until it is switched on in the provider's web pages; one of the kind `disabled`.
    NotEnabled,
    /// For now only.
    Temporary,
    /// The password or the token has expired.
    Expired,
    /// For another reason, or for none that was said.
    Other,
}

impl Kind {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::AppPasswordNeeded => "app-password-needed",
            Self::TooWeak => "too-weak",
            Self::EncryptionRequired => "encryption-required",
            Self::Disabled | Self::NotEnabled => "disabled",
            Self::Temporary => "temporary",
            Self::Expired => "expired",
            Self::Other => "other",
        }
    }
}

/// Sorts a refusal by the server's words, all lines of them; the last line holds the codes.
///
/// Words that one provider alone uses come first: its codes say less. Then the codes, then common words.
pub fn kind(protocol: Protocol, text: &str) -> Kind {
    let lower = text.to_ascii_lowercase();
    let says =
        |table: &[(&str, Kind)]| table.iter().find(|(words, _)| lower.contains(words)).map(|(_, kind)| *kind);
    says(PROVIDERS)
        .or_else(|| {
            let code = match protocol {
                Protocol::Imap => says(IMAP_CODES),
                Protocol::Pop3 => says(POP3_CODES),
                Protocol::Smtp => smtp(&lower),
            };
            // Servers give the code for a wrong password to whom they have locked out, too.
            code.filter(|code| *code != Kind::WrongPassword).or_else(|| says(WORDS)).or(code)
        })
        .or_else(|| says(COMMON_WORDS))
        .unwrap_or(Kind::Other)
}

/// `Reply-code SP status-code`: the enhanced code says more than the reply code, where there is one.
fn smtp(text: &str) -> Option<Kind> {
    let mut words = text.split([' ', '-']).filter(|word| !word.is_empty());
    let code: u16 = words.next()?.parse().ok()?;
    let enhanced = words.next().and_then(|word| word.split_once('.')).map(|(_, detail)| detail);
    let by_detail = match enhanced {
        Some("7.8") => Some(Kind::WrongPassword),
        Some("7.9") => Some(Kind::TooWeak),
        Some("7.10" | "7.11") => Some(Kind::EncryptionRequired),
        Some("7.12") => Some(Kind::Other),
        Some("7.13") => Some(Kind::Disabled),
        _ => None,
    };
    if (400..500).contains(&code) {
        return Some(by_detail.filter(|kind| *kind != Kind::WrongPassword).unwrap_or(Kind::Temporary));
    }
    by_detail.or(match code {
        535 => Some(Kind::WrongPassword),
        534 => Some(Kind::TooWeak),
        523 | 524 | 538 => Some(Kind::EncryptionRequired),
        525 => Some(Kind::Disabled),
        530 if text.contains("starttls") => Some(Kind::EncryptionRequired),
        _ => None,
    })
}

/// Words of one provider, in lower case.
const PROVIDERS: &[(&str, Kind)] = &[
    // Gmail, IMAP and SMTP (534-5.7.9)
    ("application-specific password required", Kind::AppPasswordNeeded),
    // Gmail, when it distrusts the place somebody signs in from
    ("please log in via your web browser", Kind::Disabled),
    ("web login required", Kind::Disabled),
    ("[webalert", Kind::Disabled),
    // Gmail and Google Workspace
    ("your account is not enabled for imap use", Kind::NotEnabled),
    ("imap access is disabled for your domain", Kind::NotEnabled),
    ("not enabled for pop access", Kind::NotEnabled),
    // Outlook.com and Exchange Online
    ("basic authentication is disabled", Kind::TooWeak),
    ("basicauthblocked", Kind::TooWeak),
    ("logondenied-basicauth", Kind::TooWeak),
    ("smtpclientauthentication is disabled", Kind::NotEnabled),
    // Outlook.com, POP3 and IMAP after too many sign-ins
    ("user is authenticated but not connected", Kind::Other),
    // Apple's iCloud, and whoever else says it so
    ("app-specific password", Kind::AppPasswordNeeded),
    ("application specific password", Kind::AppPasswordNeeded),
    // Mail.ru ("Aplication", with one p, in IMAP)
    ("neobhodim parol prilozheniya", Kind::AppPasswordNeeded),
    ("parol prilozheniya", Kind::AppPasswordNeeded),
    // QQ and NetEase call it an authorization code
    ("enter your authorization code", Kind::AppPasswordNeeded),
    // Fastmail
    ("app password", Kind::AppPasswordNeeded),
    ("application password", Kind::AppPasswordNeeded),
    // Yandex, which does not tell the two apart: a wrong password is the lesser half
    ("or imap is disabled", Kind::NotEnabled),
    ("or pop3 is disabled", Kind::NotEnabled),
    ("this user does not have access rights to this service", Kind::NotEnabled),
    // Zoho
    ("yet to enable imap for your account", Kind::NotEnabled),
    ("yet to enable pop for your account", Kind::NotEnabled),
    // NetEase (163, 126)
    ("unsafe login", Kind::Disabled),
    // GMX and WEB.DE
    ("pop3/imap is disabled", Kind::NotEnabled),
    ("pop3 und imap", Kind::NotEnabled),
    // Cyrus SASL, which does not speak of the password then, though POP3 adds [AUTH]
    ("bad protocol / cancel", Kind::Other),
    // ... nor then: nobody could be asked whether the password is right
    ("generic failure", Kind::Other),
    // Postfix, whose Dovecot is away
    ("connection lost to authentication server", Kind::Temporary),
    // Yahoo and AOL
    ("imap access is disabled", Kind::NotEnabled),
    ("pop access is disabled", Kind::NotEnabled),
    ("server error - please try again later", Kind::Temporary),
];

/// Response codes of RFC 5530.
const IMAP_CODES: &[(&str, Kind)] = &[
    ("[authenticationfailed]", Kind::WrongPassword),
    ("[expired]", Kind::Expired),
    ("[privacyrequired]", Kind::EncryptionRequired),
    ("[contactadmin]", Kind::Disabled),
    ("[noperm]", Kind::Disabled),
    ("[unavailable]", Kind::Temporary),
    ("[inuse]", Kind::Temporary),
    ("[limit]", Kind::Temporary),
    ("[authorizationfailed]", Kind::Other),
    ("[serverbug]", Kind::Other),
];

/// Response codes of RFC 2449, section 8, and RFC 3206. `[AUTH]` is left to the words first: disabled clear-text
/// sign-ins carry it too.
const POP3_CODES: &[(&str, Kind)] = &[
    ("[sys/temp]", Kind::Temporary),
    ("[in-use]", Kind::Temporary),
    ("[login-delay]", Kind::Temporary),
    ("[sys/perm]", Kind::Disabled),
];

/// Words of many servers that tell more than a code for a wrong password, in lower case.
const WORDS: &[(&str, Kind)] = &[
    // Dovecot
    ("plaintext authentication disallowed", Kind::EncryptionRequired),
    ("cleartext authentication disallowed", Kind::EncryptionRequired),
    ("encryption required", Kind::EncryptionRequired),
    ("account is disabled", Kind::Disabled),
    ("account disabled", Kind::Disabled),
    ("account has been disabled", Kind::Disabled),
    ("account is locked", Kind::Disabled),
    ("account locked", Kind::Disabled),
    ("account has been locked", Kind::Disabled),
    ("account suspended", Kind::Disabled),
    ("account is suspended", Kind::Disabled),
    ("user disabled", Kind::Disabled),
    ("password expired", Kind::Expired),
    ("password has expired", Kind::Expired),
    ("invalid_token", Kind::Expired),
    ("token expired", Kind::Expired),
    ("temporary authentication failure", Kind::Temporary),
    ("temporar", Kind::Temporary),
    ("too many", Kind::Temporary),
    ("rate limit", Kind::Temporary),
    ("mechanism is too weak", Kind::TooWeak),
];

/// Words that say no more than a code does, in lower case.
const COMMON_WORDS: &[(&str, Kind)] = &[
    ("try again later", Kind::Temporary),
    // SCRAM's own (RFC 5802, section 7)
    ("invalid-proof", Kind::WrongPassword),
    ("unknown-user", Kind::WrongPassword),
    ("authentication failed", Kind::WrongPassword),
    ("authentication failure", Kind::WrongPassword),
    ("authentication unsuccessful", Kind::WrongPassword),
    // Exchange
    ("authenticate failed", Kind::WrongPassword),
    ("login failed", Kind::WrongPassword),
    ("login incorrect", Kind::WrongPassword),
    ("login invalid", Kind::WrongPassword),
    ("invalid login", Kind::WrongPassword),
    ("logon failure", Kind::WrongPassword),
    ("incorrect", Kind::WrongPassword),
    ("credentials", Kind::WrongPassword),
    ("invalid user", Kind::WrongPassword),
    ("invalid password", Kind::WrongPassword),
    ("bad password", Kind::WrongPassword),
    ("wrong password", Kind::WrongPassword),
    ("bad login", Kind::WrongPassword),
    ("username and password not accepted", Kind::WrongPassword),
    ("password not accepted", Kind::WrongPassword),
    // Courier says no more than this
    ("login fail", Kind::WrongPassword),
    ("[auth]", Kind::WrongPassword),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        use Kind::*;
        use Protocol::{Imap, Pop3, Smtp};
        for (protocol, text, expected) in [
            (Imap, "A2 NO [AUTHENTICATIONFAILED] Authentication failed.", WrongPassword),
            (Imap, "A2 NO [authenticationfailed]", WrongPassword),
            (Imap, "A2 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", WrongPassword),
            (Imap, "A2 NO [EXPIRED] your password expired", Expired),
            (
                Imap,
                "A2 NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.",
                EncryptionRequired,
            ),
            (Imap, "A2 NO [CONTACTADMIN] see us", Disabled),
            (Imap, "A2 NO [UNAVAILABLE] Temporary authentication failure.", Temporary),
            (Imap, "A2 NO [LIMIT] Too many sessions", Temporary),
            (Imap, "A2 NO [AUTHORIZATIONFAILED] not as him", Other),
            (Imap, "A2 NO no", Other),
            (Imap, "A2 NO LOGIN failed.", WrongPassword),
            (Imap, "A2 NO AUTHENTICATE failed.", WrongPassword),
            (Imap, "A2 NO Login incorrect", WrongPassword),
            (Imap, "A2 BAD Error in IMAP command", Other),
            (
                Imap,
                "A2 NO [ALERT] Application-specific password required: https://support.google.com/x (Failure)",
                AppPasswordNeeded,
            ),
            (
                Imap,
                "* NO [WEBALERT https://accounts.google.com/signin] Web login required. / A2 NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
                Disabled,
            ),
            (
                Imap,
                "A2 NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
                NotEnabled,
            ),
            (Imap, "A2 NO Basic authentication is disabled.", TooWeak),
            (
                Imap,
                "A2 NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=x",
                NotEnabled,
            ),
            (
                Imap,
                "A2 NO NEOBHODIM parol prilozheniya https://help.mail.ru/x / Aplication password is REQUIRED",
                AppPasswordNeeded,
            ),
            (
                Imap,
                "A2 NO [ALERT] You are yet to enable IMAP for your account. Please contact your administrator",
                NotEnabled,
            ),
            (Pop3, "-ERR [AUTH] Authentication failed.", WrongPassword),
            (
                Pop3,
                "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
                EncryptionRequired,
            ),
            (Pop3, "-ERR [SYS/TEMP] Temporary authentication failure.", Temporary),
            (Pop3, "-ERR [IN-USE] mailbox locked", Temporary),
            (Pop3, "-ERR [LOGIN-DELAY] wait", Temporary),
            (
                Pop3,
                "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page",
                NotEnabled,
            ),
            (Pop3, "-ERR [SYS/PERM] no", Disabled),
            (Pop3, "-ERR Login failed.", WrongPassword),
            (Pop3, "-ERR [AUTH] no", WrongPassword),
            (Pop3, "-ERR [AUTH] authenticating: bad protocol / cancel", Other),
            (Pop3, "-ERR no", Other),
            (Smtp, "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", WrongPassword),
            (Smtp, "535 5.7.8 Error: authentication failed: generic failure", Other),
            (
                Smtp,
                "535 5.7.8 Error: authentication failed: Connection lost to authentication server",
                Temporary,
            ),
            (Smtp, "535 5.7.8 Too many failed sign-ins, account locked", Disabled),
            (Smtp, "535 5.7.8 Authentication failed, temporarily blocked", Temporary),
            (Smtp, "535 5.7.8 Bad credentials, try again later", WrongPassword),
            (Imap, "A2 NO [AUTHENTICATIONFAILED] Account is locked", Disabled),
            (Imap, "A2 NO no / invalid-proof", WrongPassword),
            (Smtp, "535 Incorrect authentication data", WrongPassword),
            (Smtp, "535 5.7.3 Authentication unsuccessful", WrongPassword),
            (Smtp, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [X]", TooWeak),
            (
                Smtp,
                "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
                NotEnabled,
            ),
            (
                Smtp,
                "535 5.7.8 Error: authentication failed: This user does not have access rights to this service",
                NotEnabled,
            ),
            (Smtp, "534 5.7.9 Application-specific password required. Learn more", AppPasswordNeeded),
            (
                Smtp,
                "534 5.7.14 <https://accounts.google.com/x> Please log in via your web browser and / 5.7.14 then try again",
                Disabled,
            ),
            (Smtp, "534 5.7.9 Authentication mechanism is too weak", TooWeak),
            (
                Smtp,
                "538 5.7.11 Encryption required for requested authentication mechanism",
                EncryptionRequired,
            ),
            (Smtp, "530 5.7.0 Must issue a STARTTLS command first", EncryptionRequired),
            (Smtp, "525 5.7.13 Account disabled", Disabled),
            (Smtp, "454 4.7.0 Temporary authentication failure", Temporary),
            (Smtp, "421 too many", Temporary),
            (Smtp, "432 4.7.12 A password transition is needed", Other),
            (Smtp, "535 Login Fail. Please enter your authorization code to login.", AppPasswordNeeded),
            (Smtp, "503 5.5.1 Error: authentication not enabled", Other),
            (Smtp, "504 5.5.4 Unrecognized authentication type", Other),
        ] {
            assert_eq!(kind(protocol, text), expected, "{text}");
        }
    }
}
