//! Findings that somebody knows of and does not want to count, for a while or for good.

use std::str::FromStr;

use time::Date;
use time::macros::format_description;

use super::InvalidPolicy;
use crate::report::explain;
use crate::settings::Endpoint;
use crate::target::{Host, Port};

/// A finding that does not count: it stays in the report, marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The id of the finding.
    pub id: &'static str,
    /// Where; everywhere when not said.
    pub place: Option<Place>,
    /// Why, for those who read the report.
    pub reason: Option<String>,
    /// The last day on which it does not count, in UTC.
    pub until: Option<Date>,
}

/// The host, and the port when not all of them are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: Host,
    /// The port; every port when not said.
    pub port: Option<Port>,
}

impl Ignore {
    /// A finding of this id, everywhere and for good.
    ///
    /// # Errors
    /// [`InvalidPolicy::Id`] when no finding has this id; it names similar ones.
    pub fn id(text: &str) -> Result<Self, InvalidPolicy> {
        let id = explain::finding(text).map(|explained| explained.id).ok_or_else(|| InvalidPolicy::Id {
            text: text.to_owned(),
            nearest: explain::nearest(text, explain::findings().map(|explained| explained.id)),
        })?;
        Ok(Self { id, place: None, reason: None, until: None })
    }

    /// True for a finding of this id at an endpoint; without one, only when no place is named.
    pub fn covers(&self, id: &str, endpoint: Option<&Endpoint>) -> bool {
        let here = match (&self.place, endpoint) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(place), Some(endpoint)) => {
                place.host == endpoint.host && place.port.is_none_or(|port| port == endpoint.port)
            }
        };
        self.id == id && here
    }

    /// True once its last day is over.
    pub fn has_ended(&self, today: Date) -> bool {
        self.until.is_some_and(|until| today > until)
    }
}

/// Reads `ID[@HOST[:PORT]][ until YYYY-MM-DD][ because REASON]`.
impl FromStr for Ignore {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let invalid = |problem| InvalidPolicy::Ignore { text: text.to_owned(), problem };
        let (rest, reason) = match text.split_once(" because ") {
            Some((rest, reason)) => (rest, Some(reason.trim().to_owned())),
            None => (text, None),
        };
        let (what, until) = match rest.split_once(" until ") {
            Some((what, until)) => (what, Some(date(until).ok_or_else(|| invalid("its date is not one"))?)),
            None => (rest, None),
        };
        let (id, place) = match what.trim().split_once('@') {
            Some((id, place)) => {
                (id, Some(self::place(place).ok_or_else(|| invalid("its place is not a host"))?))
            }
            None => (what.trim(), None),
        };
        Ok(Self { place, reason, until, ..Self::id(id)? })
    }
}

/// Reads a date as `2026-12-31`.
pub fn date(text: &str) -> Option<Date> {
    Date::parse(text.trim(), format_description!("[year]-[month]-[day]")).ok()
}

/// Reads `host`, `host:port` or `[2001:db8::1]:993`.
fn place(text: &str) -> Option<Place> {
    if let Ok(host) = Host::parse(text) {
        return Some(Place { host, port: None });
    }
    let (host, port) = text.rsplit_once(':')?;
    Some(Place { host: Host::parse(host).ok()?, port: Some(Port::parse(port).ok()?) })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::report::rules::tests::facts;

    #[test]
    fn a_place_a_date_and_a_reason_may_follow_the_id() {
        let place =
            |host: &str, port| Some(Place { host: Host::parse(host).unwrap(), port: Port::new(port).ok() });
        for (text, expected_place, until, reason) in [
            ("certificate.expired", None, None, None),
            ("certificate.expired@mail.example.org", place("mail.example.org", 0), None, None),
            ("certificate.expired@mail.example.org:993", place("mail.example.org", 993), None, None),
            ("certificate.expired@[2001:db8::1]:993", place("2001:db8::1", 993), None, None),
            ("certificate.expired@2001:db8::1", place("2001:db8::1", 0), None, None),
            ("certificate.expired until 2026-12-31", None, Some(date!(2026 - 12 - 31)), None),
            (
                "certificate.expired@mail.example.org until 2026-12-31 because it is on order, until then",
                place("mail.example.org", 0),
                Some(date!(2026 - 12 - 31)),
                Some("it is on order, until then"),
            ),
        ] {
            let ignore: Ignore = text.parse().unwrap();
            assert_eq!(ignore.id, "certificate.expired");
            let found = (ignore.place, ignore.until, ignore.reason.as_deref());
            assert_eq!(found, (expected_place, until, reason), "{text}");
        }
    }

    #[test]
    fn an_unknown_id_names_similar_ones() {
        let error = "certificate.expierd".parse::<Ignore>().unwrap_err();
        assert!(error.hint().contains("certificate.expired"), "{}", error.hint());
        for text in [
            "",
            "certificate",
            "certificate.*",
            "imap",
            "certificate.expired@",
            "certificate.expired@a b",
            "certificate.expired until tomorrow",
            "certificate.expired until 2026-02-30",
        ] {
            assert!(text.parse::<Ignore>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_covers_its_own_place_and_ends_after_its_last_day() {
        let endpoint = facts("mail.example.org:993").endpoint;
        for (text, covers) in [
            ("certificate.expired", true),
            ("certificate.expired@mail.example.org", true),
            ("certificate.expired@mail.example.org:993", true),
            ("certificate.expired@mail.example.org:465", false),
            ("certificate.expired@other.example.org", false),
            ("certificate.wrong-name", false),
        ] {
            let ignore: Ignore = text.parse().unwrap();
            assert_eq!(ignore.covers("certificate.expired", Some(&endpoint)), covers, "{text}");
        }
        let ignore: Ignore = "certificate.expired@mail.example.org until 2026-12-31".parse().unwrap();
        assert!(!ignore.covers("certificate.expired", None));
        assert!(!ignore.has_ended(date!(2026 - 12 - 31)) && ignore.has_ended(date!(2027 - 01 - 01)));
    }
}
