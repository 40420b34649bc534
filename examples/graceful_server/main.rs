//! A TCP server that goes in peace: it sums up what its clients send, and leaves none of them without an
//! answer when it is told to stop.
//!
//! ```text
//! > hello            a block of lines …
//! < 1
//! > world
//! < 2
//! >                  … ends with an empty one
//! < 2 lines, 10 bytes
//! ```
//!
//! SIGTERM or Ctrl-C: nobody is let in any more, who is between two blocks is hung up on, and who is in the
//! middle of one may end it, within the grace period. Then, or upon a second signal, all are cut off.
//!
//! ```sh
//! cargo run -p anyio-examples --example graceful_server -- 127.0.0.1:7000 30s
//! ```
#![expect(clippy::print_stdout, reason = "a program that speaks to whoever started it")]

mod connection;

use std::{
    env, io,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio::{
    TaskGroup, TcpListener, shutdown_on_signals, shutdown_requested, sleep, task_group,
    until_shutdown,
};

/// What has become of the connections.
#[derive(Debug, Default)]
struct Tally {
    open: AtomicUsize,
    served: AtomicUsize,
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let grace = arguments.next().unwrap_or_else(|| "10s".to_owned());
    let Some(grace) = seconds(&grace) else {
        eprintln!("the grace period is a number of seconds, as 30s or 0.5s, and not {grace:?}");
        return ExitCode::from(2);
    };
    // Not `#[anyio::main]`: there, Ctrl-C cancels the program, and here it is a request.
    match anyio::run(serve(&address, grace)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(number).ok()
}

/// Serves until it is told to stop, and then until all have been served or the grace period is over.
async fn serve(address: &str, grace: Duration) -> io::Result<ExitCode> {
    let address = address.parse().map_err(io::Error::other)?;
    let listener = anyio::listen_tcp(address).await?;
    let (tally, local) = (Arc::new(Tally::default()), listener.local_addr()?);
    let server = shutdown_on_signals(grace, let_in(listener, Arc::clone(&tally)))?;
    println!("listening on {local}"); // from here on a signal is a request

    let ended = server.await;
    let served = tally.served.load(Ordering::Relaxed);
    let cut = tally.open.load(Ordering::Relaxed);
    println!("served {served} connections, cut off {cut}");
    Ok(match ended {
        Ok(_) => ExitCode::SUCCESS,
        Err(cancelled) => {
            eprintln!("{cancelled}");
            ExitCode::FAILURE
        }
    })
}

/// A task for each connection; and a service, which lets them in. The group is over when the last
/// connection is.
async fn let_in(listener: TcpListener, tally: Arc<Tally>) -> anyio::Result {
    task_group(async |tg| {
        let connections = tg.clone();
        tg.child().name("accept").service().spawn(accept(listener, connections, tally));
        shutdown_requested().await;
    })
    .await
}

/// Lets everybody in until the server is told to stop. Then the listener is dropped, and nobody is.
async fn accept(listener: TcpListener, connections: TaskGroup, tally: Arc<Tally>) {
    while let Some(accepted) = until_shutdown(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let tally = Arc::clone(&tally);
                tally.open.fetch_add(1, Ordering::Relaxed);
                connections.child().name(peer.to_string()).spawn(async move {
                    if let Err(error) = connection::sum_up(stream).await {
                        eprintln!("{peer}: {error}"); // no reason to trouble the others
                    }
                    // Not reached by who is cut off.
                    tally.open.fetch_sub(1, Ordering::Relaxed);
                    tally.served.fetch_add(1, Ordering::Relaxed);
                });
            }
            Err(error) => {
                // As when there are too many files open: that may pass.
                eprintln!("nobody is let in: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
