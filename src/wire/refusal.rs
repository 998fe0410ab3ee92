//! What a refused sign-in means: response codes of IMAP (RFC 5530) and POP3 (RFC 2449, RFC 3206), reply codes and
//! enhanced codes of SMTP (RFC 4954, RFC 5248), and the words of servers that say more than their codes.

use super::says_later;
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
    /// The server offers to bind a sign-in to TLS and does not do it this way; one of the kind `other`.
    BindingRefused,
    /// The server sees another TLS connection than the client, or offered more than arrived; one of the kind `other`.
    BindingMismatch,
    /// The server has no password for this mechanism before another one was used once; one of the kind `other`.
    TransitionNeeded,
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
            Self::BindingRefused | Self::BindingMismatch | Self::TransitionNeeded | Self::Other => "other",
        }
    }
}

/// Sorts a refusal by the server's words, all lines of them; the last line holds the codes.
///
/// Words that one provider alone uses come first: its codes say less. Then the codes; where they are general, or there
/// are none, words that say more.
pub fn kind(protocol: Protocol, text: &str) -> Kind {
    let lower = text.to_ascii_lowercase();
    let says =
        |table: &[(&str, Kind)]| table.iter().find(|(words, _)| lower.contains(words)).map(|(_, kind)| *kind);
    if let Some(kind) = says(PROVIDERS) {
        return kind;
    }
    let code = match protocol {
        Protocol::Imap => says(IMAP_CODES),
        Protocol::Pop3 => says(POP3_CODES),
        Protocol::Smtp => smtp(&lower),
    };
    match code {
        // Servers give the code for a wrong password to whom they have locked out, too.
        Some(Kind::WrongPassword) => says(WORDS).unwrap_or(Kind::WrongPassword),
        None | Some(Kind::Other) => says(WORDS)
            .or_else(|| says(COMMON_WORDS).filter(|_| !is_misunderstanding(protocol, &lower)))
            .or_else(|| says_later(text).then_some(Kind::Temporary))
            .unwrap_or(Kind::Other),
        Some(told) => told,
    }
}

/// True when the server did not understand the command, so that it never came to look at the password: SMTP's 500 to
/// 504 (RFC 4954, section 6), tagged BAD of IMAP, and in POP3 words about the command.
fn is_misunderstanding(protocol: Protocol, text: &str) -> bool {
    match protocol {
        Protocol::Smtp => ["500", "501", "502", "503", "504"].iter().any(|code| text.starts_with(code)),
        Protocol::Imap => {
            let tagged_bad = |line: &str| !line.starts_with("* ") && line.split(' ').nth(1) == Some("bad");
            text.split(" / ").any(tagged_bad)
        }
        Protocol::Pop3 => text.contains("command") && !text.contains("[auth]"),
    }
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
        Some("7.12") => Some(Kind::TransitionNeeded),
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

/// Words of one provider or server, in lower case, that say more than the codes beside them.
const PROVIDERS: &[(&str, Kind)] = &[
    // Gmail, IMAP and SMTP (534-5.7.9)
    ("application-specific password required", Kind::AppPasswordNeeded),
    // Gmail, when it distrusts the place somebody signs in from
    ("please log in via your web browser", Kind::Disabled),
    ("please log in with your web browser", Kind::Disabled),
    ("web login required", Kind::Disabled),
    ("[webalert", Kind::Disabled),
    // Gmail and Google Workspace
    ("your account is not enabled for imap use", Kind::NotEnabled),
    ("imap access is disabled for your domain", Kind::NotEnabled),
    ("not enabled for pop access", Kind::NotEnabled),
    ("exceeded command or bandwidth limits", Kind::Temporary),
    // Outlook.com and Exchange Online
    ("basic authentication is disabled", Kind::TooWeak),
    ("basic authentication is not supported", Kind::TooWeak),
    ("basicauthblocked", Kind::TooWeak),
    ("logondenied-basicauth", Kind::TooWeak),
    ("security defaults policy", Kind::TooWeak),
    ("did not meet the criteria to be authenticated", Kind::Disabled),
    ("smtpclientauthentication is disabled", Kind::NotEnabled),
    ("request is throttled", Kind::Temporary),
    ("exceeded the login limit", Kind::Temporary),
    // Outlook.com and Exchange, to the first command behind a sign-in: the protocol is off, or the token another's
    ("user is authenticated but not connected", Kind::NotEnabled),
    // iCloud, Fastmail and whoever else says it so; "invalid user name or app password" is none of these
    ("app-specific password required", Kind::AppPasswordNeeded),
    ("app-specific password is required", Kind::AppPasswordNeeded),
    ("application specific password required", Kind::AppPasswordNeeded),
    ("application specific password is required", Kind::AppPasswordNeeded),
    ("app password required", Kind::AppPasswordNeeded),
    ("app password is required", Kind::AppPasswordNeeded),
    ("application password required", Kind::AppPasswordNeeded),
    ("application password is required", Kind::AppPasswordNeeded),
    ("use an app password", Kind::AppPasswordNeeded),
    ("use an app-specific password", Kind::AppPasswordNeeded),
    ("use an application password", Kind::AppPasswordNeeded),
    ("create an app password", Kind::AppPasswordNeeded),
    ("generate an app password", Kind::AppPasswordNeeded),
    // Mail.ru ("Aplication", with one p, in IMAP)
    ("parol prilozheniya", Kind::AppPasswordNeeded),
    // QQ and Tencent Exmail call it an authorization code, an authorized code or a token
    ("enter your authorization code", Kind::AppPasswordNeeded),
    ("authorized code", Kind::AppPasswordNeeded),
    ("weixin token", Kind::AppPasswordNeeded),
    // NetEase (163, 126), whose SMTP says 460 to a wrong password
    ("err.login.passerr", Kind::WrongPassword),
    ("err.login.reqcode", Kind::AppPasswordNeeded),
    ("err.login.userstatus", Kind::Disabled),
    ("err.login.systembusy", Kind::Temporary),
    // Yandex; that it may be the password or the protocol it says in other words, which are left to the codes
    ("this user does not have access rights to this service", Kind::NotEnabled),
    ("accept eula", Kind::Disabled),
    // Zoho
    ("yet to enable imap for your account", Kind::NotEnabled),
    ("yet to enable pop for your account", Kind::NotEnabled),
    // Yahoo and AOL
    ("imap access is disabled", Kind::NotEnabled),
    ("pop access is disabled", Kind::NotEnabled),
    ("server error - please try again later", Kind::Temporary),
    // Cyrus SASL, by itself and behind Postfix's 535 5.7.8: of the password it speaks in "authentication failure" alone
    ("bad protocol / cancel", Kind::Other),
    ("generic failure", Kind::Other),
    ("no mechanism available", Kind::Other),
    ("another step is needed in authentication", Kind::Other),
    ("mechanism too weak for this user", Kind::TooWeak),
    ("encryption needed to use mechanism", Kind::EncryptionRequired),
    ("only available under a layer", Kind::EncryptionRequired),
    ("passphrase expired", Kind::Expired),
    ("remote authentication server unavailable", Kind::Temporary),
    // Postfix, whose Dovecot is away, or knows less than Postfix offers
    ("connection lost to authentication server", Kind::Temporary),
    ("invalid authentication mechanism", Kind::Other),
    // Dovecot
    ("unsupported authentication mechanism", Kind::Other),
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
/// sign-ins carry it too. `[SYS/PERM]` is a fault of the system, and no word of the password.
const POP3_CODES: &[(&str, Kind)] = &[
    ("[sys/temp]", Kind::Temporary),
    ("[in-use]", Kind::Temporary),
    ("[login-delay]", Kind::Temporary),
    ("[sys/perm]", Kind::Other),
];

/// Words of many servers that tell more than a code for a wrong password, in lower case.
const WORDS: &[(&str, Kind)] = &[
    // Dovecot
    ("plaintext authentication disallowed", Kind::EncryptionRequired),
    ("cleartext authentication disallowed", Kind::EncryptionRequired),
    ("login disabled for this user", Kind::Disabled),
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
    ("user suspended", Kind::Disabled),
    ("password expired", Kind::Expired),
    ("password has expired", Kind::Expired),
    ("must change your", Kind::Expired),
    ("password must be changed", Kind::Expired),
    ("invalid_token", Kind::Expired),
    ("token expired", Kind::Expired),
    ("temporarily", Kind::Temporary),
    ("temporary auth", Kind::Temporary),
    ("temporary err", Kind::Temporary),
    ("temporary fail", Kind::Temporary),
    ("temporary problem", Kind::Temporary),
    ("temporary server", Kind::Temporary),
    ("temporary system", Kind::Temporary),
    ("too many", Kind::Temporary),
    ("rate limit", Kind::Temporary),
    ("mechanism is too weak", Kind::TooWeak),
];

/// Words that say no more than a code does, in lower case.
const COMMON_WORDS: &[(&str, Kind)] = &[
    ("try again later", Kind::Temporary),
    ("authentication failed", Kind::WrongPassword),
    ("authentication failure", Kind::WrongPassword),
    ("authentication unsuccessful", Kind::WrongPassword),
    // Exchange
    ("authenticate failed", Kind::WrongPassword),
    ("login failed", Kind::WrongPassword),
    ("login failure", Kind::WrongPassword),
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
    ("bad username or password", Kind::WrongPassword),
    ("username and password not accepted", Kind::WrongPassword),
    ("password not accepted", Kind::WrongPassword),
    // NetEase (163, 126)
    ("password error", Kind::WrongPassword),
    ("unable to log on", Kind::WrongPassword),
    // Sina
    ("login auth error", Kind::WrongPassword),
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
                WrongPassword,
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
            (Pop3, "-ERR [SYS/PERM] Fatal error", Other),
            (Pop3, "-ERR [AUTH] login failure or POP3 disabled, try later. sc=x", WrongPassword),
            (Pop3, "-ERR [AUTH] Login disabled for this user", Disabled),
            (Pop3, "-ERR [AUTH] Unsupported authentication mechanism.", Other),
            (Pop3, "-ERR Unable to log on", WrongPassword),
            (Pop3, "-ERR Exceeded the login limit for a 15 minute period.", Temporary),
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
            (Smtp, "432 4.7.12 A password transition is needed", TransitionNeeded),
            (Smtp, "535 5.7.8 Error: authentication failed: mechanism too weak for this user", TooWeak),
            (
                Smtp,
                "535 5.7.8 Error: authentication failed: encryption needed to use mechanism",
                EncryptionRequired,
            ),
            (Smtp, "535 5.7.8 Error: authentication failed: passphrase expired, has to be reset", Expired),
            (
                Smtp,
                "535 5.7.8 Error: authentication failed: remote authentication server unavailable",
                Temporary,
            ),
            (Smtp, "535 5.7.8 Error: authentication failed: no mechanism available", Other),
            (Smtp, "535 5.7.8 Error: authentication failed: Invalid authentication mechanism", Other),
            (Smtp, "535 5.7.8 You must change your temporary password", Expired),
            (Smtp, "535 5.7.8 Invalid user name or app password", WrongPassword),
            (Smtp, "535 5.7.0 (#AUTH005) Too many bad auth attempts.", Temporary),
            (Smtp, "501 5.5.2 Authentication failed: malformed base64", Other),
            (Smtp, "504 5.7.4 Authentication failed: unsupported mechanism", Other),
            (
                Smtp,
                "534-5.7.9 Please log in with your web browser and then try again. / 534 5.7.9 https://support.google.com/x",
                Disabled,
            ),
            (
                Smtp,
                "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
                TooWeak,
            ),
            (
                Smtp,
                "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.",
                Disabled,
            ),
            (Smtp, "550 5.7.30 Basic authentication is not supported for Client Submission.", TooWeak),
            (Smtp, "460 ERR.LOGIN.PASSERR", WrongPassword),
            (Smtp, "535 ERR.LOGIN.REQCODE", AppPasswordNeeded),
            (Smtp, "535 Login fail. Please using weixin token to login", AppPasswordNeeded),
            (Imap, "A2 NO LOGIN Login error or password error", WrongPassword),
            (Imap, "A2 NO Login fail. Please using authorized code to login", AppPasswordNeeded),
            (Imap, "A2 NO [AUTHORIZATIONFAILED] Incorrect username or password. (#MBR1212)", WrongPassword),
            (Imap, "A2 NO Login only available under a layer", EncryptionRequired),
            (Imap, "A2 NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", Temporary),
            (Imap, "A2 BAD Request is throttled. Suggested Backoff Time: 299927 milliseconds", Temporary),
            (Imap, "A2 BAD Incorrect command syntax", Other),
            (Imap, "* BAD what / A2 NO Login incorrect", WrongPassword),
            (Pop3, "-ERR incorrect command", Other),
            (Imap, "A2 BAD User is authenticated but not connected.", NotEnabled),
            (Imap, "* BYE Server shutting down.", Temporary),
            (Imap, "* BYE too busy", Temporary),
            (Smtp, "535 Login Fail. Please enter your authorization code to login.", AppPasswordNeeded),
            (Smtp, "503 5.5.1 Error: authentication not enabled", Other),
            (Smtp, "504 5.5.4 Unrecognized authentication type", Other),
        ] {
            assert_eq!(kind(protocol, text), expected, "{text}");
        }
    }
}
