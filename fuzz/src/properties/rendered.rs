//! Whatever a server said, every format stays well-formed and holds no control bytes, however much is shown.

#[path = "rendered/formats.rs"]
mod formats;
#[path = "rendered/hostile.rs"]
mod hostile;

use mailcfg::probe::certificate::Chain;
use mailcfg::render::human::lookup::Shown;
use mailcfg::render::human::probe::Detail;
use mailcfg::render::style::Style;
use mailcfg::render::{FORMATS, Format, Look, Maker};
use mailcfg::report::{Looked, Report};

use formats::{Written, check, check_page};

/// Words of a server in every place where words of servers stand.
pub fn render(bytes: &[u8]) {
    let words = String::from_utf8_lossy(bytes.get(..WORDS).unwrap_or(bytes)).into_owned();
    render_reports(&hostile::reports(&words));
    render_lookups(&hostile::lookups(&words));
}

/// The certificates of a server, judged and shown.
pub(super) fn render_chain(chain: Chain) {
    render_reports(&[hostile::report_of_chain(chain)]);
}

fn render_reports(reports: &[Report]) {
    let rows = reports.iter().map(|report| report.endpoints.len().max(1)).sum();
    for format in FORMATS {
        for look in looks(format) {
            let text = write(format.reports, &look, reports, |report| report.index);
            check(&Written { format: format.name, text: &text, documents: reports.len(), rows });
        }
    }
}

fn render_lookups(lookups: &[Looked]) {
    let rows = lookups.iter().map(|looked| services(looked).max(1)).sum();
    for format in FORMATS {
        let Some(maker) = format.lookups else { continue };
        for look in looks(format) {
            let text = write(maker, &look, lookups, |_| 0);
            check(&Written { format: format.name, text: &text, documents: lookups.len(), rows });
        }
    }
}

fn services(looked: &Looked) -> usize {
    match looked {
        Looked::Asked(report) => {
            report.lookup.settings.as_ref().map_or(0, |settings| settings.services.len())
        }
        Looked::Unasked(_) => 0,
    }
}

/// Everything that `-v`, `-vv`, `--all` and colour make of the screen; the other formats have one look.
fn looks(format: &Format) -> Vec<Look> {
    let look = |detail, colour, all| Look {
        style: Style { colour },
        detail,
        shown: Some(Shown { sources: all, differences: all }),
        several: true,
    };
    match format.name {
        "human" => vec![
            look(Detail::Short, false, false),
            look(Detail::Facts, false, true),
            look(Detail::Transcript, false, true),
            look(Detail::Transcript, true, true),
        ],
        _ => vec![look(Detail::Short, false, false)],
    }
}

fn write<T>(maker: Maker<T>, look: &Look, results: &[T], index: impl Fn(&T) -> usize) -> String {
    let mut text = Vec::new();
    let mut renderer = maker(look);
    for result in results {
        renderer.take(&mut text, index(result), result).expect("memory can be written");
    }
    renderer.finish(&mut text).expect("memory can be written");
    renderer.summary().iter().for_each(|page| check_page(page));
    String::from_utf8(text).expect("every format is UTF-8")
}

/// Longer ones are only slower: they stand in some hundred places.
const WORDS: usize = 512;
