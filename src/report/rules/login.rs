//! What a sign-in showed: accepted, refused and why, or not tried and why.

mod advice;

use crate::attempt::{Attempt, Cause};
use crate::probe::facts::Facts;
use crate::probe::login::{SignedIn, Withheld};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::wire::line::excerpt;
use crate::wire::login::RefusedQuestion;
use crate::wire::refusal::Kind;
use crate::wire::sasl::Means;
use advice::Advice;

/// Judges the sign-in, when one was asked for.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let mut findings: Vec<Finding> = match &facts.login {
        Attempt::Done(signed_in) => account(signed_in),
        Attempt::Failed(_) => refused(facts).into_iter().collect(),
        Attempt::Skipped(reason) => {
            facts.withheld.map(|why| skipped(facts, why, reason)).into_iter().collect()
        }
        Attempt::Absent(_) => Vec::new(),
    };
    findings.extend(several(facts));
    findings
}

fn refused(facts: &Facts) -> Option<Finding> {
    // Who ended the run knows it, and no server is to blame.
    let failure = facts.login.failure().filter(|it| !matches!(it.cause, Cause::Interrupted(_)))?;
    let last = facts.sign_ins.last()?;
    let kind = last.refused.unwrap_or(Kind::Other);
    let Advice { id, text, hint, .. } = advice::of(kind, last.mechanism.means());
    let severity = super::severity_of(failure);
    let names: Vec<&str> = facts.sign_ins.iter().map(|tried| tried.username.as_str()).collect();
    let named =
        if last.username.is_empty() { String::new() } else { format!(" as {}", names.join(" and as ")) };
    let evidence = format!("{}{named}: {}", last.mechanism.as_str(), failure.reason);
    let other_name =
        kind == Kind::WrongPassword && names.len() == 1 && last.mechanism.means() == Means::Password;
    let more = if other_name { OTHER_NAME } else { "" };
    Some(Finding::new(id, severity, *text).evidence(evidence).hint(format!("{hint}{more}")))
}

/// What helps who has tried one form of the user name.
const OTHER_NAME: &str = "; else try the other form of the user name (--user, --try-usernames)";

/// Nothing was sent. What fails anyway is not said twice; a test that could not be made is no pass.
fn skipped(facts: &Facts, why: Withheld, reason: &str) -> Finding {
    let (severity, hint) = match why {
        Withheld::NoTls => (Severity::Unknown, "sign in with --security starttls or tls"),
        Withheld::Certificate if facts.endpoint.is_relay() => {
            (Severity::Unknown, "mend the certificate first; no option sends a secret all the same")
        }
        Withheld::Certificate => {
            (Severity::Info, "mend the certificate first; no option sends a secret all the same")
        }
        Withheld::NotKnown => (Severity::Info, "see why the server did not say what it offers"),
        Withheld::NoMechanism(_) if facts.endpoint.is_relay() => {
            (Severity::Info, "on port 25 nobody has to sign in: examine port 465 or 587")
        }
        Withheld::NoMechanism(Means::Password) => (
            Severity::Fail,
            "sign in with what the server offers: --token-command for OAUTHBEARER and XOAUTH2",
        ),
        Withheld::NoMechanism(Means::Token) => {
            (Severity::Fail, "sign in with a password, or ask the provider for which clients it takes tokens")
        }
        Withheld::NoMechanism(Means::Certificate) => (
            Severity::Fail,
            "sign in with a password too, as by --password-command; the certificate is still shown",
        ),
        Withheld::NotOffered => (Severity::Fail, "leave --mechanism out, or name one that the server offers"),
        Withheld::OtherName => {
            (Severity::Unknown, "leave --sni out, and use --connect-to to reach another address")
        }
        Withheld::NotVouched => (
            Severity::Unknown,
            "if you know this server, name it: `mailcfg probe imaps://HOST --login --user NAME`",
        ),
        Withheld::Preauth => (Severity::Unknown, "examine the server from a machine that it does not know"),
        Withheld::Unsendable => (
            Severity::Unknown,
            "give another name with --user, a secret of one line, or leave --mechanism out",
        ),
    };
    Finding::new("login.skipped", severity, format!("no sign-in was tried: {}", excerpt(reason))).hint(hint)
}

fn account(signed_in: &SignedIn) -> Vec<Finding> {
    let account = &signed_in.account;
    let mut findings: Vec<Finding> = mailbox_refused(&account.refused).into_iter().collect();
    // Without unique ids a client that leaves mail on the server fetches all of it again each time.
    if account.unique_ids == Some(false) {
        findings.push(
            Finding::new(
                "login.uidl-missing",
                Severity::Warn,
                "the server gives messages no unique ids (UIDL)",
            )
            .hint("have the client delete mail after fetching it, or use IMAP"),
        );
    }
    // The server deletes mail by itself.
    if account.expire.as_deref() == Some("0") {
        findings.push(
            Finding::new("login.expire", Severity::Warn, "mail cannot stay on the server (EXPIRE 0)")
                .hint("have the client keep all mail it fetches, or use IMAP"),
        );
    }
    // Signing in works, sending from this address does not.
    findings.extend(account.sender.as_ref().and_then(|sender| sender.as_ref().err()).map(sender_refused));
    findings.extend(account.broken_off.as_deref().map(broken_off));
    findings
}

fn sender_refused(refused: &RefusedQuestion) -> Finding {
    let (severity, text, hint) = match refused.kind {
        Kind::Temporary => (
            Severity::Unknown,
            "the server would not say for now whether this user may send from this address",
            "it says so for now only: try again in some minutes",
        ),
        _ => (
            Severity::Fail,
            "the server does not let this user send from this address",
            "sign in as the owner of the address, or add the address in the provider's settings",
        ),
    };
    Finding::new("login.sender-refused", severity, text).evidence(excerpt(&refused.words)).hint(hint)
}

/// The user is in, and what a client asks next was not answered.
fn broken_off(why: &str) -> Finding {
    let text = "the server signs the user in and does not answer what is asked then";
    Finding::new("login.broken-off", Severity::Unknown, text)
        .evidence(why)
        .hint("look at the dialogue with -vv, and try again")
}

/// Signing in works, and the mailbox stays shut: Exchange does so when the protocol is off or the token another's.
fn mailbox_refused(refused: &[RefusedQuestion]) -> Option<Finding> {
    let opens = |it: &&RefusedQuestion| MAILBOX.iter().any(|command| it.question.starts_with(command));
    let RefusedQuestion { question, kind, words } = refused.iter().find(opens)?;
    let severity = match kind {
        Kind::Temporary => Severity::Unknown,
        Kind::NotEnabled => Severity::Fail,
        _ => Severity::Warn,
    };
    let text = "the server signs the user in and does not show the mailbox";
    let hint = "see that the protocol is switched on for the mailbox and that a token is for this very address; else wait some minutes";
    let found = Finding::new("login.mailbox-refused", severity, text);
    Some(found.evidence(excerpt(&format!("{question} was refused: {words}"))).hint(hint))
}

/// What no server refuses to somebody who may read mail.
const MAILBOX: &[&str] = &["LIST", "NAMESPACE", "STAT"];

/// Says that more than one attempt was made: servers count them.
fn several(facts: &Facts) -> Option<Finding> {
    let names: Vec<&str> = facts.sign_ins.iter().map(|attempt| attempt.username.as_str()).collect();
    let text = format!("{} sign-ins were tried, as {}", names.len(), names.join(", "));
    (names.len() > 1).then(|| Finding::new("login.several-attempts", Severity::Info, excerpt(&text)))
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "login.wrong-password",
        severities: &[Severity::Fail],
        what: "the server refused the user name or the password, or with a token the token, and seldom says which",
        why: "a client with the same settings is refused too, and servers lock accounts after some refusals",
        remedy: "see that the address signs in on the provider's web pages; look whether an app password is wanted (`mailcfg explain app-password`), or the protocol has to be switched on; try the other form of the user name with --try-usernames",
        rfc: &["RFC 5530, section 3", "RFC 4954, section 6", "RFC 3206"],
    },
    Explained {
        id: "login.app-password-needed",
        severities: &[Severity::Fail],
        what: "the account has a second factor, and the provider takes only passwords that were made for one program",
        why: "the password for the web pages never works in a mail client there",
        remedy: "create an app password in the provider's security settings (`mailcfg explain app-password`)",
        rfc: &[],
    },
    Explained {
        id: "login.too-weak",
        severities: &[Severity::Fail],
        what: "the server takes no password by this mechanism, though it offers it; it wants a stronger one or a token",
        why: "the password may be right, and is refused all the same",
        remedy: "sign in with a token (--token-command); the strongest mechanism on offer is taken anyway, unless --mechanism names another",
        rfc: &["RFC 4954, section 6"],
    },
    Explained {
        id: "login.encryption-required",
        severities: &[Severity::Fail],
        what: "the server says that the connection is not encrypted, though the sign-in was made inside TLS",
        why: "no client can sign in; often a proxy takes TLS off before the mail server",
        remedy: "have the proxy tell the mail server that the connection is secured, or use the port with TLS from the first byte",
        rfc: &["RFC 5530, section 3", "RFC 4954, section 6"],
    },
    Explained {
        id: "login.disabled",
        severities: &[Severity::Fail],
        what: "the account is locked, suspended, kept from this kind of sign-in, or waits for something to be confirmed",
        why: "nobody can sign in to it in this way, whatever the password",
        remedy: "sign in to the provider's web pages and look for a warning there; some providers then want an app password or a token; else ask the provider",
        rfc: &["RFC 5530, section 3"],
    },
    Explained {
        id: "login.not-enabled",
        severities: &[Severity::Fail],
        what: "the provider has this protocol switched off for the account",
        why: "no client gets in before the protocol is switched on, whatever the password",
        remedy: "switch IMAP, POP3 or SMTP on in the provider's web settings, or ask the administrator of your organisation to; wait some minutes and try again",
        rfc: &[],
    },
    Explained {
        id: "login.temporary",
        severities: &[Severity::Unknown],
        what: "the server could not sign the user in just now, or broke off or fell silent before it said more",
        why: "nothing is known of the user name and the password",
        remedy: "try again later; after many refusals wait an hour first",
        rfc: &["RFC 5530, section 3", "RFC 3206", "RFC 4954, section 6"],
    },
    Explained {
        id: "login.expired",
        severities: &[Severity::Fail],
        what: "the password or the token has expired",
        why: "a client that kept it is refused from now on",
        remedy: "set a new password in the provider's web pages, or get a new token",
        rfc: &["RFC 5530, section 3", "RFC 7628, section 3.2"],
    },
    Explained {
        id: "login.binding-refused",
        severities: &[Severity::Fail],
        what: "the server offers a SCRAM mechanism that binds the sign-in to the TLS connection (…-PLUS), and refuses the binding that this version of TLS has: tls-exporter with TLS 1.3, tls-server-end-point with TLS 1.2. Nothing was said of the password",
        why: "a client that takes the strongest mechanism on offer cannot sign in, while others can. Cyrus SASL 2.1 is such a server: it binds by tls-unique alone, which TLS 1.3 does not have",
        remedy: "test the password with --mechanism SCRAM-SHA-256; on your own server update the mail server, or take the -PLUS mechanisms out of its list",
        rfc: &["RFC 5802, section 6", "RFC 9266"],
    },
    Explained {
        id: "login.binding-mismatch",
        severities: &[Severity::Fail],
        what: "the sign-in was bound to the TLS connection as mailcfg sees it, and the server sees another one, or says that it offered a binding which did not arrive here",
        why: "something between the two ends the TLS or changes the list of mechanisms, though its certificate has no problem: a proxy before the server, or somebody who listens. The binding kept it from using what was sent",
        remedy: "compare the key of the certificate (`key_sha256` in JSON) with that of the server; on your own server let TLS end at the mail server, or take the -PLUS mechanisms out of its list",
        rfc: &["RFC 5802, section 6", "RFC 5056"],
    },
    Explained {
        id: "login.transition-needed",
        severities: &[Severity::Fail],
        what: "the server has no password that this mechanism could be checked with; it makes one when the user signs in by PLAIN (432 4.7.12)",
        why: "clients that take the strongest mechanism cannot sign in before that",
        remedy: "sign in once with --mechanism PLAIN, then again without",
        rfc: &["RFC 4954, section 6"],
    },
    Explained {
        id: "login.other",
        severities: &[Severity::Fail, Severity::Unknown],
        what: "the sign-in did not work, and the server's words are none that mailcfg knows",
        why: "a client with the same settings is refused too",
        remedy: "read what the server said, and the dialogue with -vv",
        rfc: &[],
    },
    Explained {
        id: "login.skipped",
        severities: &[Severity::Info, Severity::Unknown, Severity::Fail],
        what: "a sign-in was asked for and none was tried: a secret is sent only inside TLS, to a server whose certificate has no problem and that the settings vouch for",
        why: "whether the password works is not known",
        remedy: "the reason says what stands in the way; no option sends a secret all the same",
        rfc: &["RFC 8314, section 5.1"],
    },
    Explained {
        id: "login.mailbox-refused",
        severities: &[Severity::Warn, Severity::Unknown, Severity::Fail],
        what: "the sign-in was accepted, and the first question behind it refused: what folders there are, or how many messages; a failure when the words are known to mean that nobody reads mail here",
        why: "a client signs in and shows nothing. Outlook.com and Exchange do so (\"User is authenticated but not connected\") when the protocol is off for the mailbox, the token belongs to another account, or too much was asked",
        remedy: "switch the protocol on for the mailbox, or ask the administrator to; get a token for this very address; else wait some minutes",
        rfc: &[],
    },
    Explained {
        id: "login.uidl-missing",
        severities: &[Severity::Warn],
        what: "signed in, the server gives messages no unique ids",
        why: "a client that leaves mail on the server fetches all of it again each time",
        remedy: "have the client delete mail after it was fetched, or use IMAP",
        rfc: &["RFC 1939, section 7"],
    },
    Explained {
        id: "login.expire",
        severities: &[Severity::Warn],
        what: "signed in, the server says that mail cannot stay on it (EXPIRE 0)",
        why: "mail that was fetched once is gone for other devices",
        remedy: "have the client keep all that it fetches, or use IMAP",
        rfc: &["RFC 2449, section 6.7"],
    },
    Explained {
        id: "login.broken-off",
        severities: &[Severity::Unknown],
        what: "the user is signed in, and the server breaks off, falls silent or breaks the protocol when it is asked what a client asks next: LIST, STAT, MAIL FROM",
        why: "the password is right; whether mail can be read or sent was not found out",
        remedy: "look at the dialogue with -vv, at the server's log, and try again",
        rfc: &["RFC 9051, section 6.3.9", "RFC 1939, section 5", "RFC 5321, section 4.1.1.2"],
    },
    Explained {
        id: "login.sender-refused",
        severities: &[Severity::Fail, Severity::Unknown],
        what: "the user signs in, and the server does not let the user send from the address",
        why: "mail can be read and not sent",
        remedy: "sign in as the owner of the address, or add the address in the provider's settings",
        rfc: &["RFC 6409, section 6.1"],
    },
    Explained {
        id: "login.several-attempts",
        severities: &[Severity::Info],
        what: "more than one user name was tried, because --try-usernames allows it",
        why: "servers count attempts and lock out who makes too many",
        remedy: "give the user name that works with --user from now on",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;
    use crate::attempt::{Failure, Stage};
    use crate::probe::login::SignInAttempt;
    use crate::settings::Protocol;
    use crate::wire::login::Account;
    use crate::wire::refusal;
    use crate::wire::sasl::Mechanism;

    fn attempt(username: &str, refused: Option<Kind>) -> SignInAttempt {
        SignInAttempt { username: username.to_owned(), mechanism: Mechanism::Plain, refused }
    }

    #[test]
    fn every_kind_of_refusal_has_its_finding() {
        for (kind, temporary, finding) in [
            (Kind::WrongPassword, false, "login.wrong-password fail"),
            (Kind::AppPasswordNeeded, false, "login.app-password-needed fail"),
            (Kind::TooWeak, false, "login.too-weak fail"),
            (Kind::EncryptionRequired, false, "login.encryption-required fail"),
            (Kind::Disabled, false, "login.disabled fail"),
            (Kind::NotEnabled, false, "login.not-enabled fail"),
            (Kind::Temporary, true, "login.temporary unknown"),
            (Kind::Expired, false, "login.expired fail"),
            (Kind::BindingRefused, false, "login.binding-refused fail"),
            (Kind::BindingMismatch, false, "login.binding-mismatch fail"),
            (Kind::TransitionNeeded, false, "login.transition-needed fail"),
            (Kind::Other, false, "login.other fail"),
        ] {
            let mut facts = facts("mail.example.org:993");
            facts.sign_ins = vec![attempt("user", Some(kind))];
            let failure = Failure::new(Stage::Auth, Cause::SignInRefused, "no");
            facts.login = Attempt::Failed(Failure { temporary, ..failure });
            let found = judge(&facts, &context());
            assert_eq!(ids(&found), [finding]);
            assert_eq!(found[0].evidence.as_deref(), Some("PLAIN as user: no"));
        }
    }

    #[test]
    fn what_was_not_tried_is_no_pass_unless_it_fails_elsewhere() {
        for (why, target, finding) in [
            (Withheld::Certificate, "mail.example.org:993", "login.skipped info"),
            (Withheld::Certificate, "mail.example.org:25", "login.skipped unknown"),
            (Withheld::NoTls, "mail.example.org:143", "login.skipped unknown"),
            (Withheld::NotOffered, "mail.example.org:143", "login.skipped fail"),
            (Withheld::NoMechanism(Means::Password), "mail.example.org:25", "login.skipped info"),
            (Withheld::NoMechanism(Means::Token), "mail.example.org:993", "login.skipped fail"),
            (Withheld::NotVouched, "mail.example.org:993", "login.skipped unknown"),
            (Withheld::OtherName, "mail.example.org:993", "login.skipped unknown"),
        ] {
            let mut facts = facts(target);
            facts.withheld = Some(why);
            assert_eq!(ids(&judge(&facts, &context())), [finding]);
        }
        assert!(judge(&facts("mail.example.org:993"), &context()).is_empty());
    }

    #[test]
    fn a_mailbox_that_stays_shut_behind_a_sign_in_is_no_pass() {
        for (question, words, expected) in [
            ("LIST \"\" \"*\"", "A3 BAD User is authenticated but not connected.", Some("fail")),
            ("NAMESPACE", "A3 NO [UNAVAILABLE] later", Some("unknown")),
            ("STAT", "-ERR what", Some("warn")),
            ("GETQUOTAROOT INBOX", "A3 NO what", None),
        ] {
            let kind = refusal::kind(Protocol::Imap, words);
            let refused = vec![RefusedQuestion { question, kind, words: words.to_owned() }];
            let mut facts = facts("mail.example.org:993");
            facts.login = Attempt::Done(SignedIn {
                mechanism: Mechanism::Plain,
                username: "user".to_owned(),
                means: Means::Password,
                account: Account { refused, ..Account::default() },
            });
            let found = ids(&judge(&facts, &context()));
            let expected: Vec<String> =
                expected.map(|severity| format!("login.mailbox-refused {severity}")).into_iter().collect();
            assert_eq!(found, expected, "{words}");
        }
    }

    #[test]
    fn what_was_seen_after_signing_in_is_judged() {
        let account = Account {
            unique_ids: Some(false),
            expire: Some("0".to_owned()),
            sender: Some(Err(RefusedQuestion {
                question: "MAIL FROM",
                kind: Kind::Other,
                words: "553 not yours".to_owned(),
            })),
            broken_off: Some("the server closed the connection".to_owned()),
            ..Account::default()
        };
        let mut facts = facts("mail.example.org:995");
        facts.sign_ins = vec![attempt("user", Some(Kind::WrongPassword)), attempt("user@example.org", None)];
        facts.login = Attempt::Done(SignedIn {
            mechanism: Mechanism::Plain,
            username: "user@example.org".to_owned(),
            means: Means::Password,
            account,
        });
        assert_eq!(
            ids(&judge(&facts, &context())),
            [
                "login.uidl-missing warn",
                "login.expire warn",
                "login.sender-refused fail",
                "login.broken-off unknown",
                "login.several-attempts info"
            ]
        );
    }
}
