//! What somebody signed in can see without changing anything.

use crate::wire::Capabilities;
use crate::wire::line::excerpt;
use crate::wire::refusal::Kind;

/// What was seen after signing in; nothing of it was read from a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The capabilities now (IMAP, POP3).
    pub capabilities: Option<Capabilities>,
    /// The personal namespaces, then those of other users and the shared ones (IMAP, RFC 2342).
    pub namespaces: Vec<Namespace>,
    /// The folders with a special use (IMAP, RFC 6154); `None` when they were not listed.
    pub folders: Option<Vec<Folder>>,
    /// The limits of the storage (IMAP, RFC 9208).
    pub quota: Vec<Quota>,
    /// The number of messages and their octets (POP3).
    pub mailbox: Option<(u64, u64)>,
    /// Whether messages have unique ids, so that mail can be left on the server (POP3).
    pub unique_ids: Option<bool>,
    /// How many days mail is kept: a number or `NEVER` (POP3, RFC 2449).
    pub expire: Option<String>,
    /// How many seconds must pass between two sign-ins (POP3, RFC 2449).
    pub login_delay: Option<u64>,
    /// Whether mail may be sent from the address (SMTP), or the refusal.
    pub sender: Option<Result<(), RefusedQuestion>>,
    /// Questions that were refused.
    pub refused: Vec<RefusedQuestion>,
    /// Why the asking ended early, when it did.
    pub broken_off: Option<String>,
}

/// A question that was refused after signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedQuestion {
    /// The command.
    pub question: &'static str,
    /// Why, by the server's words as they came.
    pub kind: Kind,
    /// The server's words.
    pub words: String,
}

/// A place of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// `personal`, `others` or `shared`.
    pub of: &'static str,
    /// What its folders' names begin with.
    pub prefix: String,
    /// What stands between the parts of a name.
    pub delimiter: Option<String>,
}

/// A folder with a special use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// Its use, such as `sent` or `trash`.
    pub role: String,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is limited: `STORAGE` (in units of 1024 octets), `MESSAGE`.
    pub resource: String,
    /// How much is used.
    pub used: u64,
    /// How much there may be.
    pub limit: u64,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// To CAPABILITY or CAPA.
    Capabilities(Capabilities),
    /// To NAMESPACE.
    Namespaces(Vec<Namespace>),
    /// To LIST.
    Folders(Vec<Folder>),
    /// To GETQUOTAROOT.
    Quota(Vec<Quota>),
    /// To STAT.
    Mailbox(u64, u64),
    /// To UIDL.
    UniqueIds(bool),
    /// To MAIL FROM.
    Sender(Result<(), RefusedQuestion>),
    /// To none: it was refused.
    Refused(RefusedQuestion),
}

impl Account {
    /// Takes an answer down.
    pub fn add(&mut self, found: Found) {
        match found {
            Found::Capabilities(listed) => {
                self.expire = word(&listed, "EXPIRE");
                self.login_delay = word(&listed, "LOGIN-DELAY").and_then(|seconds| seconds.parse().ok());
                self.capabilities = Some(listed);
            }
            Found::Namespaces(namespaces) => self.namespaces = namespaces,
            Found::Folders(folders) => self.folders = Some(folders),
            Found::Quota(quota) => self.quota = quota,
            Found::Mailbox(messages, octets) => self.mailbox = Some((messages, octets)),
            Found::UniqueIds(there) => self.unique_ids = Some(there),
            Found::Sender(sender) => self.sender = Some(sender),
            Found::Refused(refused) => self.refused.push(refused),
        }
    }

    /// What did not work, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let refused = |it: &RefusedQuestion| format!("{} was refused: {}", it.question, it.words);
        let broken = |why: &String| format!("a question after signing in failed: {why}");
        self.refused.iter().map(refused).chain(self.broken_off.iter().map(broken)).collect()
    }

    /// Every text of the server goes through this, so that nothing it echoes stays.
    pub fn clean(&mut self, clean: impl Fn(&str) -> String) {
        let each = |texts: &mut Vec<String>| texts.iter_mut().for_each(|text| *text = clean(text));
        if let Some(listed) = &mut self.capabilities {
            each(&mut listed.list);
            each(&mut listed.mechanisms);
            each(&mut listed.notes);
        }
        for namespace in &mut self.namespaces {
            namespace.prefix = clean(&namespace.prefix);
            namespace.delimiter = namespace.delimiter.as_deref().map(&clean);
        }
        for folder in self.folders.iter_mut().flatten() {
            folder.name = clean(&folder.name);
            folder.role = clean(&folder.role);
        }
        for quota in &mut self.quota {
            quota.resource = clean(&quota.resource);
        }
        self.expire = self.expire.as_deref().map(&clean);
        // Cut before, half a secret would not be found.
        let sender = self.sender.iter_mut().filter_map(|sender| sender.as_mut().err());
        let refused = self.refused.iter_mut().chain(sender);
        refused.for_each(|refused| refused.words = excerpt(&clean(&refused.words)));
        self.broken_off = self.broken_off.as_deref().map(|why| excerpt(&clean(why)));
    }
}

/// The first parameter of a capability of POP3.
fn word(listed: &Capabilities, name: &str) -> Option<String> {
    listed.list.iter().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|keyword| keyword.eq_ignore_ascii_case(name))?;
        words.next().map(str::to_owned)
    })
}
