//! The ambient lane: the backend is the one that runs the calling code.

use std::{io, net::SocketAddr, time::Duration};

use anyio::{connect_tcp, fail_after, memory_object_stream, task_group};
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
pub async fn first_answer(servers: Vec<SocketAddr>, patience: Duration) -> io::Result<String> {
    let asking = task_group(async move |tg| -> io::Result<_> {
        let count = servers.len();
        let (answers, first) = memory_object_stream(count);
        for server in servers {
            let answers = answers.clone();
            tg.spawn(async move {
                _ = answers.send(ask(server).await).await;
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
    fail_after(patience, asking).await?
}

/// What `server` says until it closes the connection.
async fn ask(server: SocketAddr) -> io::Result<String> {
    let mut stream = connect_tcp(server).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
