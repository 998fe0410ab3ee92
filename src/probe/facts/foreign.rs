//! Every text in the facts that may be words of a server, so that none is forgotten when a secret is to be hidden.

use super::{Facts, Party, Retry, Said};
use crate::attempt::{Attempt, Failure};
use crate::net::dial::{Course, TriedOutcome};
use crate::probe::certificate::{Certificate, Chain};
use crate::wire::injection::Fate;
use crate::wire::{Capabilities, Greeting};

impl Facts {
    /// Puts another text in the place of every one that a server may have written, but for what was seen after signing
    /// in, which is for [`Account::clean`](crate::wire::login::Account::clean).
    pub fn replace_foreign(&mut self, replace: &dyn Fn(&str) -> String) {
        // Named one by one, so that a new field is thought of.
        let Self {
            endpoint: _,
            began: _,
            address: _,
            course: Course { tried, unresolved, waited: _, dns: _, connect: _ },
            connect,
            greeting,
            turned_away,
            before_tls,
            starttls,
            injection,
            tls,
            chain,
            after_tls,
            login,
            sign_ins: _,
            withheld: _,
            smaller_hello,
            notes,
            timings: _,
            interrupted: _,
            company: _,
            retries,
            shared: _,
            transcript,
        } = self;
        let of_failure = |failure: &mut Failure| failure.reason = replace(&failure.reason);
        let tried = tried.iter_mut().filter_map(|tried| match &mut tried.outcome {
            TriedOutcome::Failed(failure) => Some(failure),
            TriedOutcome::StillOpen(_) => None,
        });
        tried.chain(unresolved).chain(smaller_hello).for_each(of_failure);
        in_attempt(connect, replace, |()| {});
        in_attempt(greeting, replace, |greeting| in_greeting(greeting, replace));
        turned_away.iter_mut().for_each(|greeting| in_greeting(greeting, replace));
        in_attempt(before_tls, replace, |listed| in_list(listed, replace));
        in_attempt(starttls, replace, |_| {});
        injection.iter_mut().for_each(|attempt| in_attempt(attempt, replace, |fate| in_fate(fate, replace)));
        in_attempt(tls, replace, |_| {});
        chain.iter_mut().for_each(|chain| in_chain(chain, replace));
        in_attempt(after_tls, replace, |listed| in_list(listed, replace));
        in_attempt(login, replace, |_| {});
        in_each(notes, replace);
        in_each(retries.iter_mut().map(|Retry { reason, pause: _ }| reason), replace);
        let heard = transcript.iter_mut().filter(|Said { by, .. }| *by != Party::Client);
        in_each(heard.map(|said| &mut said.text), replace);
    }
}

fn in_each<'a>(texts: impl IntoIterator<Item = &'a mut String>, replace: &dyn Fn(&str) -> String) {
    texts.into_iter().for_each(|text| *text = replace(text));
}

fn in_list(listed: &mut Capabilities, replace: &dyn Fn(&str) -> String) {
    let Capabilities { list, starttls: _, mechanisms, notes } = listed;
    in_each([list, mechanisms, notes].into_iter().flatten(), replace);
}

fn in_greeting(greeting: &mut Greeting, replace: &dyn Fn(&str) -> String) {
    let Greeting { kind: _, text, capabilities, apop: _, temporary: _, raw } = greeting;
    in_each([text, raw], replace);
    capabilities.iter_mut().for_each(|listed| in_list(listed, replace));
}

fn in_fate(fate: &mut Fate, replace: &dyn Fn(&str) -> String) {
    match fate {
        Fate::Refused(words) | Fate::Answered(words) => *words = replace(words),
        Fate::Dropped => {}
    }
}

fn in_attempt<T>(attempt: &mut Attempt<T>, replace: &dyn Fn(&str) -> String, in_value: impl FnOnce(&mut T)) {
    match attempt {
        Attempt::Done(value) => in_value(value),
        Attempt::Absent(reason) => *reason = replace(reason),
        // Why something was not asked is for this program to say.
        Attempt::Skipped(_) => {}
        Attempt::Failed(failure) => failure.reason = replace(&failure.reason),
    }
}

fn in_chain(chain: &mut Chain, replace: &dyn Fn(&str) -> String) {
    let Chain { certificate, length: _, problems } = chain;
    problems.iter_mut().for_each(|problem| problem.detail = replace(&problem.detail));
    let Some(certificate) = certificate else { return };
    let Certificate { subject, issuer, names, key, signature, .. } = certificate;
    in_each([subject, issuer, key, signature].into_iter().chain(names), replace);
}
