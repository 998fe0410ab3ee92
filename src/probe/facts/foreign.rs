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
        let each = |texts: &mut Vec<String>| texts.iter_mut().for_each(|text| *text = replace(text));
        let of_failure = |failure: &mut Failure| failure.reason = replace(&failure.reason);
        let of_list = |listed: &mut Capabilities| {
            let Capabilities { list, starttls: _, mechanisms, notes } = listed;
            [list, mechanisms, notes].into_iter().for_each(each);
        };
        let of_greeting = |greeting: &mut Greeting| {
            let Greeting { kind: _, text, capabilities, apop: _, temporary: _, raw } = greeting;
            [text, raw].into_iter().for_each(|text| *text = replace(text));
            capabilities.iter_mut().for_each(of_list);
        };
        for tried in tried {
            if let TriedOutcome::Failed(failure) = &mut tried.outcome {
                of_failure(failure);
            }
        }
        unresolved.iter_mut().chain(smaller_hello).for_each(of_failure);
        in_attempt(connect, replace, |()| {});
        in_attempt(greeting, replace, of_greeting);
        turned_away.iter_mut().for_each(of_greeting);
        in_attempt(before_tls, replace, of_list);
        in_attempt(starttls, replace, |_| {});
        if let Some(injection) = injection {
            in_attempt(injection, replace, |fate| match fate {
                Fate::Refused(words) | Fate::Answered(words) => *words = replace(words),
                Fate::Dropped => {}
            });
        }
        in_attempt(tls, replace, |_| {});
        chain.iter_mut().for_each(|chain| in_chain(chain, replace));
        in_attempt(after_tls, replace, of_list);
        in_attempt(login, replace, |_| {});
        each(notes);
        retries.iter_mut().for_each(|Retry { reason, pause: _ }| *reason = replace(reason));
        for Said { by, text } in transcript {
            if *by != Party::Client {
                *text = replace(text);
            }
        }
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
    let single = [subject, issuer, key, signature];
    single.into_iter().chain(names).for_each(|text| *text = replace(text));
}
