//! The sign-in in a document: an attempt, with the kind of a refusal beside it.

use serde::Serialize;

use super::attempt::AttemptModel;
use crate::probe::facts::Facts;
use crate::probe::login::{SignInAttempt, SignedIn};
use crate::wire::login::{Account, Folder, Namespace, Quota};

/// The field `login` of an endpoint.
#[derive(Debug, Serialize)]
pub struct LoginModel<'a> {
    #[serde(flatten)]
    attempt: AttemptModel<'a, SignedInModel<'a>>,
    #[serde(flatten)]
    refused: Option<RefusedModel<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<SignInModel<'a>>,
}

impl<'a> LoginModel<'a> {
    /// Of the facts of an endpoint.
    pub fn of(facts: &'a Facts) -> Self {
        Self {
            attempt: AttemptModel::of(&facts.login, |signed_in| Some(SignedInModel::of(signed_in))),
            refused: facts.login.failure().and(facts.sign_ins.last()).map(RefusedModel::of),
            attempts: facts.sign_ins.iter().map(SignInModel::of).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct RefusedModel<'a> {
    kind: Option<&'static str>,
    mechanism: &'static str,
    username: &'a str,
}

impl<'a> RefusedModel<'a> {
    fn of(last: &'a SignInAttempt) -> Self {
        Self {
            kind: last.refused.map(|kind| kind.as_str()),
            mechanism: last.mechanism.as_str(),
            username: &last.username,
        }
    }
}

#[derive(Debug, Serialize)]
struct SignInModel<'a> {
    username: &'a str,
    mechanism: &'static str,
    accepted: bool,
    kind: Option<&'static str>,
}

impl<'a> SignInModel<'a> {
    fn of(attempt: &'a SignInAttempt) -> Self {
        Self {
            username: &attempt.username,
            mechanism: attempt.mechanism.as_str(),
            accepted: attempt.refused.is_none(),
            kind: attempt.refused.map(|kind| kind.as_str()),
        }
    }
}

#[derive(Debug, Serialize)]
struct SignedInModel<'a> {
    mechanism: &'static str,
    username: &'a str,
    with: &'static str,
    #[serde(flatten)]
    account: AccountModel<'a>,
}

impl<'a> SignedInModel<'a> {
    fn of(signed_in: &'a SignedIn) -> Self {
        Self {
            mechanism: signed_in.mechanism.as_str(),
            username: &signed_in.username,
            with: signed_in.means.as_str(),
            account: AccountModel::of(&signed_in.account),
        }
    }
}

/// Only what was asked for and answered is there.
#[derive(Debug, Serialize)]
struct AccountModel<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    namespaces: Vec<NamespaceModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folders: Option<Vec<FolderModel<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quota: Vec<QuotaModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<MailboxModel>,
    #[serde(flatten)]
    keeping: Option<KeepingModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<SenderModel<'a>>,
    notes: Vec<String>,
}

impl<'a> AccountModel<'a> {
    fn of(account: &'a Account) -> Self {
        let folders = account.folders.as_ref();
        Self {
            capabilities: account.capabilities.as_ref().map(|listed| listed.list.as_slice()),
            namespaces: account.namespaces.iter().map(NamespaceModel::of).collect(),
            folders: folders.map(|folders| folders.iter().map(FolderModel::of).collect()),
            quota: account.quota.iter().map(QuotaModel::of).collect(),
            mailbox: account.mailbox.map(|(messages, octets)| MailboxModel { messages, octets }),
            keeping: account.unique_ids.map(|uidl| KeepingModel {
                uidl,
                expire: account.expire.as_deref(),
                login_delay: account.login_delay,
            }),
            sender: account.sender.as_ref().map(|sender| SenderModel {
                accepted: sender.is_ok(),
                reason: sender.as_ref().err().map(|refused| refused.words.as_str()),
            }),
            notes: account.notes(),
        }
    }
}

#[derive(Debug, Serialize)]
struct NamespaceModel<'a> {
    of: &'static str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
}

impl<'a> NamespaceModel<'a> {
    fn of(namespace: &'a Namespace) -> Self {
        Self { of: namespace.of, prefix: &namespace.prefix, delimiter: namespace.delimiter.as_deref() }
    }
}

#[derive(Debug, Serialize)]
struct FolderModel<'a> {
    name: &'a str,
    r#use: &'a str,
}

impl<'a> FolderModel<'a> {
    fn of(folder: &'a Folder) -> Self {
        Self { name: &folder.name, r#use: &folder.role }
    }
}

#[derive(Debug, Serialize)]
struct QuotaModel<'a> {
    resource: &'a str,
    used: u64,
    limit: u64,
}

impl<'a> QuotaModel<'a> {
    fn of(quota: &'a Quota) -> Self {
        Self { resource: &quota.resource, used: quota.used, limit: quota.limit }
    }
}

#[derive(Debug, Serialize)]
struct MailboxModel {
    messages: u64,
    octets: u64,
}

/// Whether mail can stay on a POP3 server.
#[derive(Debug, Serialize)]
struct KeepingModel<'a> {
    uidl: bool,
    expire: Option<&'a str>,
    login_delay: Option<u64>,
}

#[derive(Debug, Serialize)]
struct SenderModel<'a> {
    accepted: bool,
    reason: Option<&'a str>,
}
