//! A TCP path that is as long as one round trip.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::ROUND_TRIP;

/// A relay that makes the way as long as a round trip. It cannot delay the SYN, so it opens its own connection one and
/// a half round trips after it was connected, when the last packet of a real handshake would have come.
pub async fn delay(place: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let accepted = Instant::now();
            tokio::spawn(async move {
                client.set_nodelay(true).expect("the option is known");
                let (from_client, to_client) = client.into_split();
                let arrived = accepted + ROUND_TRIP + ROUND_TRIP / 2;
                let (queue, upstream_bytes) = mpsc::unbounded_channel();
                tokio::spawn(collect(from_client, queue, arrived));
                sleep_until(arrived).await;
                let Ok(server) = TcpStream::connect(place).await else { return };
                server.set_nodelay(true).expect("the option is known");
                let (from_server, to_server) = server.into_split();
                let (queue, downstream_bytes) = mpsc::unbounded_channel();
                tokio::spawn(collect(from_server, queue, accepted));
                tokio::join!(release(upstream_bytes, to_server), release(downstream_bytes, to_client));
            });
        }
    });
    address
}

/// Reads what comes and says when it may go on: half a round trip later, and not before a given time.
async fn collect(
    mut from: impl AsyncRead + Unpin,
    to: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    not_before: Instant,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let due = (Instant::now() + ROUND_TRIP / 2).max(not_before);
        let bytes = buffer.get(..read).unwrap_or_default().to_vec();
        if read == 0 || to.send((due, bytes)).is_err() {
            return;
        }
    }
}

async fn release(mut from: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut to: impl AsyncWrite + Unpin) {
    while let Some((due, bytes)) = from.recv().await {
        sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
