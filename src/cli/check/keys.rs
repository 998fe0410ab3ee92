//! The keys of one table in a file of checks: each is known, of the right kind, and every mistake has its place.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use mailcfg::report::explain::nearest;
use mailcfg::report::policy::InvalidPolicy;
use time::{Date, Month};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::cli::Complaint;

/// What is wrong, where, and what to write instead.
#[derive(Debug)]
pub struct Mistake {
    /// The piece of the text, in bytes.
    pub span: Range<usize>,
    /// The problem, in one sentence.
    pub problem: String,
    /// The next step.
    pub hint: String,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(span: Range<usize>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { span, problem: problem.into(), hint: hint.into() }
    }

    /// A complaint of something that stands at a place.
    pub fn of(span: Range<usize>, complaint: Complaint) -> Self {
        let (problem, hint) = complaint.into_parts();
        Self { span, problem, hint: hint.unwrap_or_default() }
    }
}

/// A table all of whose keys are known.
#[derive(Debug)]
pub struct Keys<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Keys<'a> {
    /// The keys of a value, which must be a table with these keys alone.
    pub fn of(value: &'a Spanned<DeValue<'a>>, name: &str, known: &[&'static str]) -> Result<Self, Mistake> {
        match value.get_ref().as_table() {
            Some(table) => Self::new(table, value.span(), known),
            None => Err(Mistake::new(
                value.span(),
                format!("`{name}` holds something that is no table"),
                format!("its keys are {}", known.join(", ")),
            )),
        }
    }

    /// The keys of a table.
    pub fn new(table: &'a DeTable<'a>, span: Range<usize>, known: &[&'static str]) -> Result<Self, Mistake> {
        let unknown = table.iter().map(|(key, _)| key).filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => Err(unknown_key(key.get_ref(), key.span(), known)),
            None => Ok(Self { table, span }),
        }
    }

    /// The place of the table.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// What a key must have and has not.
    pub fn missing(&self, problem: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake::new(self.span(), problem, hint)
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Result<Option<Text<'a>>, Mistake> {
        self.value(key).map(|value| Text::of(value, key)).transpose()
    }

    /// The text of a key, read as its words have it.
    pub fn read<T: FromStr<Err = InvalidPolicy>>(&self, key: &str) -> Result<Option<T>, Mistake> {
        self.text(key)?.map(|text| text.read()).transpose()
    }

    /// The values of a key that is a list; nothing when it is not there.
    pub fn list(&self, key: &str) -> Result<Option<&'a [Spanned<DeValue<'a>>]>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref().as_array() {
            Some(list) => Ok(Some(list)),
            None => {
                let problem = format!("`{key}` is a list");
                Err(Mistake::new(value.span(), problem, format!("write {key} = [ … ], or [[{key}]]")))
            }
        }
    }

    /// The texts of a key that is a list of them.
    pub fn texts(&self, key: &str) -> Result<Vec<Text<'a>>, Mistake> {
        self.list(key)?.unwrap_or_default().iter().map(|value| Text::of(value, key)).collect()
    }

    /// The texts of a key that is one or a list of them.
    pub fn one_or_more(&self, key: &str) -> Result<Vec<Text<'a>>, Mistake> {
        match self.value(key) {
            Some(value) if value.get_ref().is_str() => Ok(vec![Text::of(value, key)?]),
            _ => self.texts(key),
        }
    }

    /// The whole number of a key, and its place.
    pub fn number(&self, key: &str) -> Result<Option<(i64, Range<usize>)>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref().as_integer().and_then(whole) {
            Some(number) => Ok(Some((number, value.span()))),
            None => {
                let problem = format!("`{key}` is a whole number");
                Err(Mistake::new(value.span(), problem, format!("write it without quotes, as {key} = 993")))
            }
        }
    }

    /// The day of a key.
    pub fn day(&self, key: &str) -> Result<Option<Date>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        day(value.get_ref()).map(Some).ok_or_else(|| {
            let problem = format!("`{key}` is a day");
            Mistake::new(value.span(), problem, format!("write it without quotes, as {key} = 2026-12-31"))
        })
    }
}

/// A text and its place.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    /// The text.
    pub text: &'a str,
    /// Its place.
    pub span: Range<usize>,
}

impl<'a> Text<'a> {
    fn of(value: &'a Spanned<DeValue<'a>>, key: &str) -> Result<Self, Mistake> {
        match value.get_ref().as_str() {
            Some(text) => Ok(Self { text, span: value.span() }),
            None => Err(Mistake::new(value.span(), format!("`{key}` takes text"), "write it in quotes")),
        }
    }

    /// What the text means.
    pub fn read<T: FromStr<Err = InvalidPolicy>>(&self) -> Result<T, Mistake> {
        self.text.parse().map_err(|error: InvalidPolicy| self.wrong(&error, error.hint()))
    }

    /// A mistake in the text.
    pub fn wrong(&self, problem: impl Display, hint: impl Into<String>) -> Mistake {
        Mistake::new(self.span.clone(), problem.to_string(), hint)
    }

    /// What a complaint says of the text.
    pub fn checked<T>(&self, result: Result<T, Complaint>) -> Result<T, Mistake> {
        result.map_err(|complaint| Mistake::of(self.span.clone(), complaint))
    }
}

fn unknown_key(key: &str, span: Range<usize>, known: &[&'static str]) -> Mistake {
    let word = key.to_ascii_lowercase();
    let problem = format!("unknown key {key:?}");
    if SECRETS.iter().any(|secret| word.contains(secret)) {
        let hint = "take it out: secrets do not belong in this file";
        return Mistake::new(span, problem, hint);
    }
    let similar = nearest(&word, known.iter().copied()).into_iter().next().unwrap_or_default();
    Mistake::new(span, problem, format!("did you mean {similar}? the keys here are {}", known.join(", ")))
}

fn whole(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn day(value: &DeValue<'_>) -> Option<Date> {
    let written = value.as_datetime().filter(|written| written.time.is_none())?.date?;
    let month = Month::try_from(written.month).ok()?;
    Date::from_calendar_date(i32::from(written.year), month, written.day).ok()
}

/// What keys of secrets are called.
const SECRETS: [&str; 6] = ["passw", "passphrase", "secret", "token", "credential", "api-key"];
