//! What the applications share, which is all of them: each names its backend, and nothing else.
#![expect(clippy::print_stdout, reason = "a program speaks by printing")]

use std::{io, net::SocketAddr, time::Duration};

use anyio::{
    Backend, Run, RunOptions, TaskGroup, TcpListener, current_backend, listen_tcp, sleep,
    task_group,
};
use anyio_portable_library::{ambient, generic};
use futures_lite::AsyncWriteExt as _;

/// The application on `B`: the library is asked in both lanes.
pub(crate) fn run_on<B: Backend + Run>() -> io::Result<()> {
    B::run(&RunOptions::default(), program::<B>()).map_err(io::Error::other)?
}

async fn program<B: Backend>() -> io::Result<()> {
    task_group(async |tg| {
        let (servers, patience) = (open_servers(&tg).await?, Duration::from_secs(60));
        let answer = generic::first_answer::<B>(servers.clone(), patience).await?;
        println!("trait lane on {}: {answer}", B::NAME);
        let answer = ambient::first_answer(servers, patience).await?;
        println!("ambient lane on {}: {answer}", current_backend()?.name());
        tg.cancel(); // the servers
        Ok(())
    })
    .await
}

/// A server that answers in an hour, and one that answers at once.
pub(crate) async fn open_servers(tg: &TaskGroup<io::Error>) -> io::Result<Vec<SocketAddr>> {
    let mut servers = Vec::new();
    for (answer, minutes) in [("late", 60), ("quick", 0)] {
        let listener = listen_tcp(([127, 0, 0, 1], 0).into()).await?;
        servers.push(listener.local_addr()?);
        tg.spawn(serve(listener, answer, Duration::from_secs(60 * minutes)));
    }
    Ok(servers)
}

async fn serve(listener: TcpListener, answer: &str, delay: Duration) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        sleep(delay).await;
        // Who has gone meanwhile does not want it any more.
        _ = stream.write_all(answer.as_bytes()).await;
    }
}
