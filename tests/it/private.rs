//! What a public name publishes leads to no private address: nothing is opened there, with and without a proxy.

use std::io::ErrorKind;
use std::net::TcpListener;

use hickory_resolver::proto::rr::RecordType;
use serde_json::Value;

use crate::support::command::run;
use crate::support::dns::{Answer, Dns};

/// Looks `d.example` up, whose TXT record names a page at this address, and gives what became of that.
fn looked_up(address: &str, own_address: &'static str, arguments: &[&str]) -> String {
    let record: &'static str = String::leak(format!("mailconf=https://{address}/c.xml"));
    let dns = Dns::start(&[
        ("d.example", RecordType::A, Answer::Is(own_address)),
        ("d.example", RecordType::TXT, Answer::Txt(Vec::leak(vec![record]))),
    ]);
    let place = dns.place();
    let before = ["lookup", "d.example", "--source", "mailconf", "--json", "--resolver", &place];
    let output = run(before.iter().chain(arguments));
    let reason = output.json().pointer("/sources/0/reason").and_then(Value::as_str).map(str::to_owned);
    reason.unwrap_or_default()
}

const REFUSED: &str = "127.0.0.1 leads from a public name to a private address, which is refused";

#[test]
fn nothing_is_opened_at_a_private_address_that_a_public_name_publishes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.set_nonblocking(true).expect("a socket can be asked not to block");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    assert_eq!(looked_up(&address, "192.0.2.1", &["--lookup-timeout", "2s"]), REFUSED);
    let nobody = listener.accept().map_err(|error| error.kind()).map(|_| ());
    assert_eq!(nobody, Err(ErrorKind::WouldBlock));
    // The same from a domain whose own host is as near, to see that the listener would notice.
    looked_up(&address, "127.0.0.1", &["--lookup-timeout", "1s"]);
    assert!(listener.accept().is_ok());
}

#[test]
fn an_address_in_a_url_is_judged_before_a_proxy_is_asked() {
    let proxy = ["--proxy", "socks5h://127.0.0.1:1"];
    assert_eq!(looked_up("127.0.0.1", "127.0.0.1", &proxy), REFUSED);
    let reason = looked_up("router.example", "192.0.2.1", &proxy);
    assert!(reason.contains("the proxy is not reached"), "{reason}");
}

#[test]
fn the_users_own_map_is_trusted() {
    let mapped = ["--connect-to", "127.0.0.1:443:127.0.0.1:1"];
    let reason = looked_up("127.0.0.1", "192.0.2.1", &mapped);
    assert!(reason.contains("127.0.0.1:1 refused the connection"), "{reason}");
}
