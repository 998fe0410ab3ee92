//! The letters that monitoring plugins take, and whether the program was called as one.

use std::ffi::{OsStr, OsString};

use anyhow::anyhow;
use clap::Args;
use mailcfg::render::nagios;
use mailcfg::report::policy::MinDays;

use super::Complaint;

/// `-H`, `-w` and `-c`; `-t` is a short form of `--timeout`.
#[derive(Debug, Args)]
pub struct PluginArguments {
    /// A target, as monitoring plugins name it
    #[arg(short = 'H', value_name = "TARGET", hide = true)]
    pub plugin_targets: Vec<String>,
    /// Fewer days of certificate life are a warning
    #[arg(short = 'w', value_name = "DAYS", hide = true, conflicts_with = "min_days", value_parser = days)]
    warning: Option<u32>,
    /// Fewer days of certificate life are a failure
    #[arg(short = 'c', value_name = "DAYS", hide = true, conflicts_with = "min_days", value_parser = days)]
    critical: Option<u32>,
}

impl PluginArguments {
    /// What `-w` and `-c` say, as `--min-days` would.
    pub fn min_days(&self) -> Result<Option<MinDays>, Complaint> {
        match (self.warning, self.critical) {
            (Some(warn), Some(fail)) if warn < fail => Err(Complaint::usage(
                anyhow!("-w must not be below -c: {warn}, {fail}"),
                "write -w 20 -c 7, in days of certificate life",
            )),
            (None, None) => Ok(None),
            (warn, fail) => Ok(Some(MinDays { warn, fail })),
        }
    }
}

/// `20`, or `20:` as plugins write a range that begins there.
fn days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix(':').unwrap_or(text).parse();
    days.map_err(|_| "write a number of days, as 20".to_owned())
}

/// True when the format is that of a plugin, which must be known before the arguments are understood.
pub fn is_asked_for(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().skip(1).take_while(|word| *word != "--").map(OsString::as_os_str);
    let mut format = std::env::var_os("MAILCFG_FORMAT");
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--json") => return false,
            Some("--format") => format = words.next().map(OsStr::to_os_string),
            Some(word) => format = word.strip_prefix("--format=").map(OsString::from).or(format),
            None => {}
        }
    }
    format.is_some_and(|format| format == nagios::FORMAT.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_known_whatever_else_is_wrong() {
        for (line, expected) in [
            ("mailcfg probe --format nagios --xyzzy", true),
            ("mailcfg probe --format=nagios", true),
            ("mailcfg probe --format=nagios --format human", false),
            ("mailcfg probe --format nagios --json", false),
            ("mailcfg probe -- --format nagios", false),
            ("mailcfg probe nagios", false),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_asked_for(&arguments), expected, "{line}");
        }
    }

    #[test]
    fn days_may_be_written_as_a_range() {
        assert_eq!((days("20"), days("7:")), (Ok(20), Ok(7)));
        assert!(["", "-1", "x", "5:10", ":5"].iter().all(|text| days(text).is_err()));
    }
}
