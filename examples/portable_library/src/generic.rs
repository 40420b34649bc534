//! The trait lane: `B` is the backend.

use std::{io, net::SocketAddr, time::Duration};

use anyio::{Backend, prelude::*};
use futures_lite::AsyncReadExt as _;

/// Asks all `servers` at once and gives the first answer; the others are not waited for.
///
/// # Cancel safety
///
/// Atomic: all connections have been closed when it is over.
///
/// # Errors
///
/// `TimedOut` if nobody has answered within `patience`, and `NotFound` if nobody will.
pub async fn first_answer<B: Backend>(
    servers: Vec<SocketAddr>,
    patience: Duration,
) -> io::Result<String> {
    let asking = B::task_group(async move |tg| -> io::Result<_> {
        let count = servers.len();
        let (answers, mut first) = B::memory_object_stream(count);
        for server in servers {
            let mut answers = answers.clone();
            tg.spawn(async move {
                _ = answers.send(ask::<B>(server).await).await;
            });
        }
        for _ in 0..count {
            if let Ok(Ok(answer)) = first.receive().await {
                tg.cancel(); // nobody listens to the others any more
                return Ok(answer);
            }
        }
        Err(io::ErrorKind::NotFound.into())
    });
    B::fail_after(patience, asking).await?
}

/// What `server` says until it closes the connection.
async fn ask<B: Backend>(server: SocketAddr) -> io::Result<String> {
    let mut stream = B::connect_tcp(server).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
