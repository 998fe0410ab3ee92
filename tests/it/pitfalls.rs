//! The pitfalls of probing mail servers, one test each: what other tools have got wrong.

use mailcfg::settings::Security::{None as Clear, StartTls, Tls};
use serde_json::json;

use crate::support::host::{pause, send};
use crate::support::mail::Mail;
use crate::support::probe::examine;

#[test]
fn p01_multi_line_greeting_in_several_segments() {
    let greeting = [send("220-one\r\n22"), pause(50), send("0-two\r\n"), pause(50), send("220 three\r\n")];
    let (verdict, host) = examine(Mail::smtp(StartTls).greeting(greeting));
    verdict.passes().shows(json!({ "greeting": { "outcome": "done", "value": { "kind": "ready", "text": "one\ntwo\nthree" } } }));
    assert!(host.session().inside_text().ends_with("QUIT\r\n"));
}

#[test]
fn well_behaved() {
    for make in [Mail::imap, Mail::pop3, Mail::smtp] {
        for security in [Tls, StartTls] {
            let (verdict, _host) = examine(make(security));
            verdict.passes();
        }
        let (verdict, _host) = examine(make(Clear));
        verdict.ends(1, "fail").finds("tls.none fail");
    }
}
