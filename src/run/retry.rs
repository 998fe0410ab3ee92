//! What is tried again, and after how long: a server that said "later" to our own crowd, and what could not be found out.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::attempt::{Attempt, Cause, Failure};
use crate::probe::facts::{Facts, Retry};

/// The tries of one endpoint or lookup.
#[derive(Debug)]
pub(super) struct Tries {
    /// How many more there are of what could not be found out.
    left: u32,
    /// The first pause after "later".
    later: Duration,
    laters: u32,
    asked: u32,
    made: Vec<Retry>,
}

impl Tries {
    /// So many tries more; the limit of an endpoint says how patient one may be with a server that is busy.
    pub(super) fn new(retries: u32, limit: Duration) -> Self {
        Self { left: retries, later: (limit / 12).min(LONGEST_LATER), laters: 0, asked: 0, made: Vec::new() }
    }

    /// How long to wait before the next try, when there is to be one.
    pub(super) fn after(&mut self, facts: &Facts) -> Option<Duration> {
        // Servers ban who signs in again and again.
        let may = facts.interrupted.is_none() && facts.sign_ins.is_empty();
        let failure = later(facts).or_else(|| temporary(facts)).filter(|_| may)?;
        // Other connections of this run are a likely reason; the earlier tries of this endpoint are none.
        let in_company = facts.company > self.made.len();
        if self.laters < LATERS && in_company && later(facts).is_some() {
            self.laters += 1;
            return Some(self.pause(&failure.reason, jittered(self.later * 3_u32.pow(self.laters - 1))));
        }
        self.after_failure(failure)
    }

    /// The same after a failure that a server did not cause.
    pub(super) fn after_failure(&mut self, failure: &Failure) -> Option<Duration> {
        self.left = self.left.checked_sub(1).filter(|_| failure.temporary)?;
        self.asked += 1;
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.asked - 1)).min(LONGEST_PAUSE);
        Some(self.pause(&failure.reason, pause))
    }

    fn pause(&mut self, reason: &str, pause: Duration) -> Duration {
        self.made.push(Retry { reason: reason.to_owned(), pause });
        pause
    }

    /// Puts what was tried before into the facts of the last try.
    pub(super) fn write(self, facts: &mut Facts) {
        if self.laters > 0 && facts.first_failure().is_none() && facts.interrupted.is_none() {
            let times = if self.laters == 1 { "once".to_owned() } else { format!("{} times", self.laters) };
            facts.notes.push(format!("the server answered after it had said \"later\" {times}"));
        }
        facts.retries = self.made;
    }

    /// Takes back the last pause, which no try followed.
    pub(super) fn give_up(&mut self) {
        self.made.pop();
    }

    /// What was tried before.
    pub(super) fn made(self) -> Vec<Retry> {
        self.made
    }
}

/// "Later" of a server that takes no more at the moment: 421 and the like, at any step.
fn later(facts: &Facts) -> Option<&Failure> {
    let steps = [
        facts.greeting.failure(),
        facts.before_tls.failure(),
        facts.starttls.failure(),
        facts.after_tls.failure(),
    ];
    steps
        .into_iter()
        .flatten()
        .find(|failure| failure.cause == Cause::Busy || (failure.cause == Cause::Bye && failure.temporary))
}

/// What kept an endpoint from being judged, when asking again may well succeed.
fn temporary(facts: &Facts) -> Option<&Failure> {
    if matches!(facts.connect, Attempt::Skipped(_)) {
        return None;
    }
    facts.first_failure().map(|(_, failure)| failure).filter(|failure| failure.temporary)
}

/// From four fifths to six fifths of it, so that targets do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let number = u32::try_from(RandomState::new().hash_one(()) % 401).unwrap_or_default();
    pause * (800 + number) / 1000
}

/// How often "later" is taken at its word.
const LATERS: u32 = 3;

/// 5 s, 15 s, 45 s with the default `--timeout`.
const LONGEST_LATER: Duration = Duration::from_secs(5);

/// 1 s, 2 s, 4 s …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{EndedBy, Stage};
    use crate::settings::Endpoint;
    use crate::settings::Overrides;
    use crate::target::Target;

    fn facts(cause: Cause, temporary: bool, company: usize) -> Facts {
        let Ok(Target::Host { scheme, host, port }) = Target::parse("imap://mail.example.org") else {
            panic!()
        };
        let endpoint = Endpoint::complete(scheme, host, port, Overrides::default()).unwrap();
        let mut facts = Facts::new(endpoint, time::OffsetDateTime::UNIX_EPOCH);
        facts.connect = Attempt::Done(());
        facts.greeting =
            Attempt::Failed(Failure { temporary, ..Failure::new(Stage::Greeting, cause, "why") });
        facts.company = company;
        facts
    }

    #[test]
    fn later_is_taken_at_its_word_three_times_when_the_crowd_may_be_ours() {
        let mut tries = Tries::new(0, Duration::from_secs(60));
        for (others, seconds) in [(1, 5), (2, 15), (3, 45)] {
            let busy = facts(Cause::Busy, true, others);
            let pause = tries.after(&busy).unwrap();
            let about = Duration::from_secs(seconds);
            assert!(pause >= about * 4 / 5 && pause <= about * 6 / 5, "{pause:?} is not about {about:?}");
        }
        assert_eq!(tries.after(&facts(Cause::Busy, true, 4)), None);
        assert_eq!(tries.made().len(), 3);
        assert_eq!(Tries::new(0, Duration::from_secs(60)).after(&facts(Cause::Busy, true, 0)), None);
        let mut tries = Tries::new(0, Duration::from_secs(60));
        assert!(tries.after(&facts(Cause::Bye, true, 1)).is_some());
        assert_eq!(tries.after(&facts(Cause::Bye, true, 1)), None, "the other one was the first try");
    }

    #[test]
    fn only_what_could_not_be_found_out_is_tried_again() {
        for (cause, temporary, expected) in [
            (Cause::Busy, true, &[1, 2, 4][..]),
            (Cause::Bye, true, &[1, 2, 4]),
            (Cause::Bye, false, &[]),
            (Cause::Rejected, false, &[]),
            (Cause::TimedOut, false, &[]),
        ] {
            let mut tries = Tries::new(3, Duration::from_secs(60));
            let facts = facts(cause.clone(), temporary, 0);
            let pauses: Vec<u64> =
                std::iter::from_fn(|| tries.after(&facts).map(|it| it.as_secs())).collect();
            assert_eq!(pauses, expected, "{cause:?}");
        }
        let interrupted = Facts { interrupted: Some(EndedBy::Signal), ..facts(Cause::Busy, true, 1) };
        assert_eq!(Tries::new(3, Duration::from_secs(60)).after(&interrupted), None);
    }
}
