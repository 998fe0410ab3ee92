//! A mail host that answers at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mailcfg::settings::{Protocol, Security};
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves as the given port would.
pub async fn serve(port: u16, config: Arc<ServerConfig>, capabilities_in_greeting: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    let protocol = match port {
        993 | 143 => Protocol::Imap,
        995 | 110 => Protocol::Pop3,
        _ => Protocol::Smtp,
    };
    let security = if matches!(port, 993 | 995 | 465) { Security::Tls } else { Security::StartTls };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("the option is known");
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            tokio::spawn(async move {
                let greeting = greeting(protocol, capabilities_in_greeting);
                let mut clear = BufReader::new(stream);
                if security == Security::StartTls && !converse(&mut clear, protocol, greeting).await {
                    return;
                }
                let Ok(inside) = acceptor.accept(clear.into_inner()).await else { return };
                let greeting = if security == Security::Tls { greeting } else { "" };
                converse(&mut BufReader::new(inside), protocol, greeting).await;
            });
        }
    });
    address
}

fn greeting(protocol: Protocol, capabilities: bool) -> &'static str {
    match protocol {
        Protocol::Imap if capabilities => "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n",
        Protocol::Imap => "* OK ready\r\n",
        Protocol::Pop3 => "+OK ready\r\n",
        Protocol::Smtp => "220 localhost ESMTP\r\n",
    }
}

/// Answers commands; true once STARTTLS was agreed on.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    protocol: Protocol,
    greeting: &str,
) -> bool {
    if stream.write_all(greeting.as_bytes()).await.is_err() || stream.flush().await.is_err() {
        return false;
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let (tag, command) = match protocol {
            Protocol::Imap => line.trim_end().split_once(' ').unwrap_or_default(),
            _ => ("", line.trim_end()),
        };
        let word = command.split(' ').next().unwrap_or_default();
        let reply = match word {
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n{tag} OK done\r\n"),
            "CAPA" => "+OK\r\nUSER\r\nSTLS\r\nSASL PLAIN\r\n.\r\n".to_owned(),
            "EHLO" => "250-localhost\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n".to_owned(),
            "STARTTLS" if protocol == Protocol::Imap => format!("{tag} OK go\r\n"),
            "STARTTLS" => "220 go\r\n".to_owned(),
            "STLS" => "+OK go\r\n".to_owned(),
            _ => return false,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return false;
        }
        if matches!(word, "STARTTLS" | "STLS") {
            return true;
        }
        line.clear();
    }
    false
}
