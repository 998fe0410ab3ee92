//! The sign-in in a document: an attempt, with the kind of a refusal beside it.

use serde_json::{Value, json};

use super::{add, attempt};
use crate::probe::facts::Facts;
use crate::probe::login::{SignInAttempt, SignedIn};
use crate::wire::login::Account;

/// The field `login` of an endpoint.
pub(super) fn login(facts: &Facts) -> Value {
    let mut value = attempt(&facts.login, signed_in);
    if let (Some(_), Some(last)) = (facts.login.failure(), facts.sign_ins.last()) {
        add(&mut value, "kind", json!(last.refused.map(|kind| kind.as_str())));
        add(&mut value, "mechanism", json!(last.mechanism.as_str()));
        add(&mut value, "username", json!(last.username));
    }
    if !facts.sign_ins.is_empty() {
        add(&mut value, "attempts", facts.sign_ins.iter().map(one).collect());
    }
    value
}

fn one(attempt: &SignInAttempt) -> Value {
    json!({
        "username": attempt.username,
        "mechanism": attempt.mechanism.as_str(),
        "accepted": attempt.refused.is_none(),
        "kind": attempt.refused.map(|kind| kind.as_str()),
    })
}

fn signed_in(signed_in: &SignedIn) -> Value {
    let mut value = json!({
        "mechanism": signed_in.mechanism.as_str(),
        "username": signed_in.username,
        "with": signed_in.means.as_str(),
    });
    account(&mut value, &signed_in.account);
    value
}

/// Only what was asked for and answered is there.
fn account(value: &mut Value, account: &Account) {
    if let Some(listed) = &account.capabilities {
        add(value, "capabilities", json!(listed.list));
    }
    if !account.namespaces.is_empty() {
        let one = |it: &crate::wire::login::Namespace| json!({ "of": it.of, "prefix": it.prefix, "delimiter": it.delimiter });
        add(value, "namespaces", account.namespaces.iter().map(one).collect());
    }
    if let Some(folders) = &account.folders {
        let one = |it: &crate::wire::login::Folder| json!({ "name": it.name, "use": it.role });
        add(value, "folders", folders.iter().map(one).collect());
    }
    if !account.quota.is_empty() {
        let one = |it: &crate::wire::login::Quota| json!({ "resource": it.resource, "used": it.used, "limit": it.limit });
        add(value, "quota", account.quota.iter().map(one).collect());
    }
    if let Some((messages, octets)) = account.mailbox {
        add(value, "mailbox", json!({ "messages": messages, "octets": octets }));
    }
    if let Some(unique_ids) = account.unique_ids {
        add(value, "uidl", json!(unique_ids));
        add(value, "expire", json!(account.expire));
        add(value, "login_delay", json!(account.login_delay));
    }
    if let Some(sender) = &account.sender {
        add(value, "sender", json!({ "accepted": sender.is_ok(), "reason": sender.as_ref().err() }));
    }
    add(value, "notes", json!(account.notes));
}
