//! What is demanded of endpoints beyond the rules: thresholds, requirements, and findings that do not count.
//!
//! The words are those of the command line; a file of checks uses the same. Nothing here looks at facts.

pub mod expectation;
pub mod ignore;
pub mod requirement;

use std::ops::BitOr;
use std::str::FromStr;
use std::time::Duration;

use crate::report::finding::Status;
use crate::target::Host;
pub use expectation::Expectation;
pub use ignore::Ignore;
pub use requirement::Requirement;

/// What is demanded of the endpoints of one target; by default nothing beyond the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How many days a certificate must be valid for; replaces the rule of `certificate.expires-soon`.
    pub min_days: Option<MinDays>,
    /// The oldest version of TLS that will do.
    pub min_tls: Option<TlsVersion>,
    /// What an endpoint must have, where it makes sense for its protocol.
    pub require: Vec<Requirement>,
    /// Names the certificate must be for, beside the host.
    pub expect_host: Vec<Host>,
    /// Text that stands in the issuer's organisation or common name, in any case.
    pub expect_issuer: Option<String>,
    /// The longest time an endpoint may take, from the first question to the last reply.
    pub max_time: Option<Duration>,
    /// Findings that do not count.
    pub ignore: Vec<Ignore>,
    /// What counts as a failure beside failures.
    pub fail_on: FailOn,
    /// True when one address family was asked for, so that its absence matters.
    pub family_required: bool,
    /// Which endpoints should be published and which keys they may have, when that is said.
    pub expectation: Option<Expectation>,
}

impl Policy {
    /// This policy where it says something, the other where it does not; what both list adds up.
    #[must_use]
    pub fn over(self, defaults: &Self) -> Self {
        let mut require = defaults.require.clone();
        require.extend(self.require.into_iter().filter(|own| !defaults.require.contains(own)));
        let own_hosts = !self.expect_host.is_empty();
        Self {
            min_days: self.min_days.or(defaults.min_days),
            min_tls: self.min_tls.or(defaults.min_tls),
            require,
            expect_host: if own_hosts { self.expect_host } else { defaults.expect_host.clone() },
            expect_issuer: self.expect_issuer.or_else(|| defaults.expect_issuer.clone()),
            max_time: self.max_time.or(defaults.max_time),
            ignore: [self.ignore, defaults.ignore.clone()].concat(),
            fail_on: self.fail_on | defaults.fail_on,
            family_required: self.family_required || defaults.family_required,
            expectation: self.expectation.or_else(|| defaults.expectation.clone()),
        }
    }

    /// True when a requirement can be judged only after every address of a host was examined on its own.
    pub fn needs_all_addresses(&self) -> bool {
        self.require.iter().any(|requirement| requirement.family().is_some())
    }
}

/// `W:F`: warn below so many days, fail below so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinDays {
    /// A warning below this, when it is given.
    pub warn: Option<u32>,
    /// A failure below this, when it is given.
    pub fail: Option<u32>,
}

/// Reads `20:7`, `20:` or `:7`.
impl FromStr for MinDays {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let invalid = || InvalidPolicy::MinDays { text: text.to_owned() };
        let days = |part: &str| match part.trim() {
            "" => Ok(None),
            digits => digits.parse::<u32>().map(Some).map_err(|_| invalid()),
        };
        let (warn, fail) = text.split_once(':').ok_or_else(invalid)?;
        let (warn, fail) = (days(warn)?, days(fail)?);
        match (warn, fail) {
            (None, None) => Err(invalid()),
            (Some(warn), Some(fail)) if warn < fail => Err(invalid()),
            _ => Ok(Self { warn, fail }),
        }
    }
}

/// A version of TLS that is still allowed (RFC 8996).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 9846.
    V1_3,
}

impl TlsVersion {
    /// The number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// Understands what a handshake is said to have agreed on: `TLSv1.3`.
    pub fn of_agreed(version: &str) -> Option<Self> {
        match version {
            "TLSv1.2" => Some(Self::V1_2),
            "TLSv1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

/// Reads `1.2` and `1.3`, also with `TLS` or `TLSv` before.
impl FromStr for TlsVersion {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let word = text.trim().to_ascii_lowercase();
        match word.trim_start_matches("tls").trim_start_matches('v').trim() {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(InvalidPolicy::MinTls { text: text.to_owned() }),
        }
    }
}

/// What counts as a failure beside failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailOn {
    /// Warnings do.
    pub warn: bool,
    /// What could not be found out does.
    pub unknown: bool,
}

impl FailOn {
    /// A status, as a failure when it counts as one.
    pub fn counted(self, status: Status) -> Status {
        match status {
            Status::Warn if self.warn => Status::Fail,
            Status::Unknown if self.unknown => Status::Fail,
            status => status,
        }
    }
}

impl BitOr for FailOn {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { warn: self.warn || other.warn, unknown: self.unknown || other.unknown }
    }
}

/// Reads `warn`, `unknown`, or both with a comma between them.
impl FromStr for FailOn {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        text.split(',').try_fold(Self::default(), |so_far, word| match word.trim() {
            "warn" => Ok(Self { warn: true, ..so_far }),
            "unknown" => Ok(Self { unknown: true, ..so_far }),
            _ => Err(InvalidPolicy::FailOn { text: text.to_owned() }),
        })
    }
}

/// A demand that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// Days.
    #[error("not a number of days for a warning and one for a failure: {text:?}")]
    MinDays {
        /// What was typed.
        text: String,
    },
    /// A version of TLS.
    #[error("not a version of TLS to demand: {text:?}")]
    MinTls {
        /// What was typed.
        text: String,
    },
    /// A word of `--fail-on`.
    #[error("not what can count as a failure: {text:?}")]
    FailOn {
        /// What was typed.
        text: String,
    },
    /// A requirement.
    #[error("no such requirement: {text:?}")]
    Requirement {
        /// What was typed.
        text: String,
        /// Requirements of a similar name.
        nearest: Vec<&'static str>,
    },
    /// The id of a finding.
    #[error("no finding has this id: {text:?}")]
    Id {
        /// What was typed.
        text: String,
        /// Ids of a similar name.
        nearest: Vec<&'static str>,
    },
    /// The digest of a key.
    #[error("not the SHA-256 of a public key: {text:?}")]
    Pin {
        /// What was typed.
        text: String,
    },
    /// Where or until when a finding is ignored.
    #[error("not a finding to ignore: {text:?}, because {problem}")]
    Ignore {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl InvalidPolicy {
    /// What to type instead.
    pub fn hint(&self) -> String {
        match self {
            Self::MinDays { .. } => {
                "write W:F, as 20:7: warn below 20 days, fail below 7; one of them may be left out".to_owned()
            }
            Self::MinTls { .. } => "write 1.2 or 1.3; what is older is never accepted (RFC 8996)".to_owned(),
            Self::FailOn { .. } => "write warn, unknown, or warn,unknown".to_owned(),
            Self::Requirement { nearest, .. } => {
                format!("did you mean {}? `mailcfg explain requirements` lists them all", nearest.join(", "))
            }
            Self::Id { nearest, .. } => {
                format!("did you mean {}? `mailcfg explain` lists them all", nearest.join(", "))
            }
            Self::Pin { .. } => {
                "write the SHA-256 of the SubjectPublicKeyInfo, as 44 letters of base64 or 64 hexadecimal digits"
                    .to_owned()
            }
            Self::Ignore { .. } => {
                "write ID, ID@HOST or ID@HOST:PORT; ` until 2026-12-31` and ` because REASON` may follow"
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_a_warning_and_a_failure() {
        for (text, warn, fail) in [
            ("20:7", Some(20), Some(7)),
            ("20:", Some(20), None),
            (":7", None, Some(7)),
            ("7:7", Some(7), Some(7)),
        ] {
            assert_eq!(text.parse(), Ok(MinDays { warn, fail }), "{text}");
        }
        for text in ["", ":", "14", "7:20", "-1:2", "a:b", "20:7:1", "1.5:1"] {
            assert!(text.parse::<MinDays>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_older_than_1_2_cannot_be_asked_for() {
        for text in ["1.2", "TLS1.2", "tlsv1.2", "TLS 1.2"] {
            assert_eq!(text.parse(), Ok(TlsVersion::V1_2), "{text}");
        }
        assert_eq!("1.3".parse(), Ok(TlsVersion::V1_3));
        for text in ["", "1.0", "1.1", "SSLv3", "2", "1"] {
            assert!(text.parse::<TlsVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn warnings_and_the_unknown_may_count_as_failures() {
        for (text, warn, unknown) in
            [("warn", true, false), ("unknown", false, true), ("warn,unknown", true, true)]
        {
            assert_eq!(text.parse(), Ok(FailOn { warn, unknown }), "{text}");
        }
        for text in ["", "fail", "warn;unknown", "warn,"] {
            assert!(text.parse::<FailOn>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_host_says_wins_and_lists_add_up() {
        let defaults = Policy {
            min_days: "20:7".parse().ok(),
            min_tls: "1.2".parse().ok(),
            require: vec!["uidl".parse().unwrap(), "starttls".parse().unwrap()],
            fail_on: FailOn { warn: true, unknown: false },
            ..Policy::default()
        };
        let own = Policy {
            min_tls: "1.3".parse().ok(),
            require: vec!["idle".parse().unwrap(), "uidl".parse().unwrap()],
            fail_on: FailOn { warn: false, unknown: true },
            ..Policy::default()
        };
        let both = own.over(&defaults);
        let names: Vec<&str> = both.require.iter().map(|requirement| requirement.name()).collect();
        assert_eq!(both.min_tls, Some(TlsVersion::V1_3));
        assert_eq!(both.min_days, Some(MinDays { warn: Some(20), fail: Some(7) }));
        assert_eq!(names, ["uidl", "starttls", "idle"]);
        assert_eq!(both.fail_on, FailOn { warn: true, unknown: true });
        assert_eq!(Policy::default().over(&defaults), defaults);
    }
}
