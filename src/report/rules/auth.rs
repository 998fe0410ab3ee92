//! Whether a password can be used, and whether it could be read on the way (RFC 8314, RFC 4954, RFC 9051, RFC 5034).

use crate::attempt::Attempt;
use crate::probe::facts::{Answer, Facts, sends_password};
use crate::report::Context;
use crate::report::explain::Explained;
use crate::report::finding::{Finding, Severity};
use crate::settings::Security;
use crate::target::is_near;
use crate::wire::Capabilities;
use crate::wire::line::excerpt;

/// Judges what is offered for signing in, before and after TLS.
pub fn judge(facts: &Facts, _context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let auth = facts.password_auth();
    match auth.answer {
        Answer::OnlyBeforeTls => findings.push(only_before_tls(facts, &auth.before_tls)),
        Answer::No if !facts.endpoint.is_relay() => {
            let in_clear =
                facts.endpoint.security == Security::None || matches!(facts.starttls, Attempt::Absent(_));
            let counted = if in_clear {
                (&auth.before_tls, &facts.before_tls)
            } else {
                (&auth.after_tls, &facts.after_tls)
            };
            findings.push(no_password(counted.0, counted.1));
        }
        _ => {}
    }
    let clear: Vec<&str> =
        auth.before_tls.iter().map(String::as_str).filter(|name| sends_password(name)).collect();
    if !clear.is_empty() && facts.endpoint.security != Security::Tls {
        findings.push(clear_text_login(facts, &clear));
        findings.extend(nearby(facts));
    }
    findings
}

fn only_before_tls(facts: &Facts, mechanisms: &[String]) -> Finding {
    let severity = super::opportunistic(facts);
    let (text, hint) = match &facts.starttls {
        Attempt::Absent(_) => (
            "a password is accepted, but there is no TLS to send it in",
            "switch TLS on in the mail server; until then, no password is safe here",
        ),
        _ => (
            "a password is accepted in clear text only, not inside TLS",
            "the server's settings for signing in are the wrong way round: offer it inside TLS alone",
        ),
    };
    Finding::new("auth.only-before-tls", severity, text)
        .evidence(format!("offered in clear text: {}", some(mechanisms)))
        .hint(hint)
}

fn no_password(mechanisms: &[String], capabilities: &Attempt<Capabilities>) -> Finding {
    if !mechanisms.is_empty() {
        let text = format!("no sign-in with a password, only {}", some(mechanisms));
        return Finding::new("auth.no-password", Severity::Info, text);
    }
    let listed = capabilities.value().map_or_else(String::new, |listed| some(&listed.list));
    Finding::new("auth.none", Severity::Fail, "the server offers no way to sign in")
        .evidence(format!("capabilities: {listed}"))
        .hint("switch authentication on for this port, or use another port")
}

fn clear_text_login(facts: &Facts, mechanisms: &[&str]) -> Finding {
    let severity = super::opportunistic(facts);
    let text = "a password can be sent in clear text, before TLS";
    Finding::new("auth.clear-text-login", severity, text)
        .evidence(format!("offered in clear text: {}", excerpt(&mechanisms.join(", "))))
        .hint("have the server refuse to sign anybody in before TLS (RFC 8314)")
}

/// As many names as fit into a sentence.
fn some(names: &[String]) -> String {
    excerpt(&names.join(", "))
}

fn nearby(facts: &Facts) -> Option<Finding> {
    let address = facts.address?.ip();
    if !is_near(address) {
        return None;
    }
    let text = format!("{address} is near: servers relax for neighbours what they refuse to strangers");
    Some(
        Finding::new("network.nearby", Severity::Info, text)
            .hint("probe from outside to see what strangers see"),
    )
}

/// What these findings mean.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        id: "auth.only-before-tls",
        severities: &[Severity::Warn, Severity::Fail],
        what: "a password is accepted in clear text and not inside TLS",
        why: "the only way to sign in shows the password to everybody on the way",
        remedy: "have the server offer the sign-in inside TLS alone",
        rfc: &["RFC 8314", "RFC 4954, section 4"],
    },
    Explained {
        id: "auth.clear-text-login",
        severities: &[Severity::Warn, Severity::Fail],
        what: "the server takes a password before TLS has begun",
        why: "a client with wrong settings, or one that somebody on the way deceives, sends the password in clear text",
        remedy: "have the server refuse every sign-in before TLS: LOGINDISABLED in IMAP, no USER and no AUTH before TLS in POP3 and SMTP",
        rfc: &["RFC 8314", "RFC 9051, section 11.7", "RFC 4954, section 4"],
    },
    Explained {
        id: "auth.none",
        severities: &[Severity::Fail],
        what: "the server offers no way to sign in",
        why: "nobody can read or send mail there",
        remedy: "switch authentication on for this port, or use another port: 465 or 587 for sending",
        rfc: &["RFC 6409, section 4.3", "RFC 4954"],
    },
    Explained {
        id: "auth.no-password",
        severities: &[Severity::Info],
        what: "one can sign in, and not with a password",
        why: "clients that know passwords alone cannot be used",
        remedy: "use a client that knows the mechanism, mostly OAuth 2.0; see `mailcfg explain oauth2`",
        rfc: &["RFC 7628"],
    },
    Explained {
        id: "network.nearby",
        severities: &[Severity::Info],
        what: "the server is on this machine or in this network, and takes a password in clear text",
        why: "servers relax for neighbours what they refuse to strangers",
        remedy: "probe from outside to see what strangers see",
        rfc: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{context, facts, ids};
    use super::*;

    fn listed(mechanisms: &[&str]) -> Attempt<Capabilities> {
        let mechanisms = mechanisms.iter().map(|&name| name.to_owned()).collect();
        Attempt::Done(Capabilities { mechanisms, ..Capabilities::default() })
    }

    #[test]
    fn the_set_inside_tls_counts() {
        for (before, after, expected) in [
            (&[][..], &["PLAIN"][..], vec![]),
            (&["PLAIN"], &["PLAIN"], vec!["auth.clear-text-login fail"]),
            (&["CRAM-MD5"], &["CRAM-MD5"], vec![]),
            (&["PLAIN"], &[], vec!["auth.only-before-tls fail", "auth.clear-text-login fail"]),
            (&[], &[], vec!["auth.none fail"]),
            (&[], &["OAUTHBEARER"], vec!["auth.no-password info"]),
            (&[], &["SCRAM-SHA-256"], vec![]),
        ] {
            let mut facts = facts("mail.example.org:587");
            facts.before_tls = listed(before);
            facts.after_tls = listed(after);
            assert_eq!(ids(&judge(&facts, &context())), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn without_tls_the_set_in_clear_text_counts() {
        let mut facts = facts("mail.example.org:587");
        facts.before_tls = listed(&["XOAUTH2"]);
        facts.starttls = Attempt::Absent("refused".to_owned());
        assert_eq!(ids(&judge(&facts, &context())), ["auth.no-password info"]);
    }

    #[test]
    fn neighbours_are_told_that_servers_relax() {
        let mut facts = facts("mail.example.org:143");
        facts.address = Some("127.0.0.1:143".parse().unwrap());
        facts.before_tls = listed(&["login-command"]);
        facts.after_tls = listed(&["login-command"]);
        assert_eq!(ids(&judge(&facts, &context())), ["auth.clear-text-login fail", "network.nearby info"]);
    }

    #[test]
    fn a_relay_needs_no_sign_in() {
        let mut facts = facts("mail.example.org:25");
        facts.before_tls = listed(&[]);
        facts.after_tls = listed(&[]);
        assert!(judge(&facts, &context()).is_empty());
    }
}
