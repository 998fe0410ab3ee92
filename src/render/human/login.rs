//! The sign-in on the screen: a few words in the endpoint's line, and what was seen afterwards with `-v`.

use super::probe::shown_mechanism;
use crate::attempt::Attempt;
use crate::probe::facts::Facts;
use crate::probe::login::SignedIn;
use crate::render::style::Escaped;
use crate::wire::sasl::Mechanism;

/// `signed in as user with SCRAM-SHA-256`; nothing unless somebody did.
pub(super) fn words(facts: &Facts) -> Option<String> {
    let SignedIn { mechanism, username, .. } = facts.login.value()?;
    let name = match mechanism {
        Mechanism::LoginCommand | Mechanism::UserPass | Mechanism::Apop => {
            shown_mechanism(mechanism.as_str())
        }
        sasl => sasl.as_str().to_owned(),
    };
    Some(match username.as_str() {
        "" => format!("signed in with {name}"),
        username => format!("signed in as {} with {name}", Escaped(username)),
    })
}

/// Rows of the facts: how the sign-in ended, and what was seen.
pub(super) fn rows(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    match &facts.login {
        Attempt::Skipped(_) if facts.withheld.is_none() && facts.sign_ins.is_empty() => {}
        Attempt::Skipped(reason) | Attempt::Absent(reason) => {
            rows.push(("sign-in", format!("skipped ({reason})")))
        }
        Attempt::Failed(failure) => rows.push(("sign-in", format!("failed ({})", failure.reason))),
        Attempt::Done(signed_in) => {
            rows.push(("sign-in", words(facts).unwrap_or_default()));
            rows.extend(seen(signed_in));
        }
    }
    rows
}

fn seen(signed_in: &SignedIn) -> Vec<(&'static str, String)> {
    let account = &signed_in.account;
    let mut rows = Vec::new();
    rows.extend(account.capabilities.as_ref().map(|listed| ("signed in", listed.list.join(", "))));
    let namespaces: Vec<String> =
        account.namespaces.iter().map(|it| format!("{} {:?}", it.of, it.prefix)).collect();
    rows.extend((!namespaces.is_empty()).then(|| ("namespaces", namespaces.join(", "))));
    rows.extend(account.folders.as_ref().map(|folders| {
        let named: Vec<String> = folders.iter().map(|it| format!("{}: {}", it.role, it.name)).collect();
        ("folders", if named.is_empty() { "none has a special use".to_owned() } else { named.join(", ") })
    }));
    let quota: Vec<String> =
        account.quota.iter().map(|it| format!("{} {} of {}", it.resource, it.used, it.limit)).collect();
    rows.extend((!quota.is_empty()).then(|| ("quota", quota.join(", "))));
    rows.extend(
        account
            .mailbox
            .map(|(messages, octets)| ("mailbox", format!("{messages} messages, {octets} octets"))),
    );
    rows.extend(account.unique_ids.map(|there| {
        ("leave mail", if there { "possible (UIDL works)" } else { "not possible (no UIDL)" }.to_owned())
    }));
    rows.extend(account.expire.as_ref().map(|days| ("expire", days.clone())));
    rows.extend(account.login_delay.map(|seconds| ("login delay", format!("{seconds} s"))));
    rows.extend(account.sender.as_ref().map(|sender| {
        (
            "sender",
            match sender {
                Ok(()) => "accepted".to_owned(),
                Err(refused) => format!("refused ({})", refused.words),
            },
        )
    }));
    rows.extend(account.notes().into_iter().map(|note| ("note", note)));
    rows
}
