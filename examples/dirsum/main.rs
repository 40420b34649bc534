//! `dirsum`: the SHA-256 of every file in a directory, as `sha256sum` prints it.
//!
//! ```text
//! task_group                  ─┬─ collects and prints          report.rs
//!   on_signal                  ├── Ctrl-C cancels ─┐
//!   scope (Ctrl-C, --timeout)  └─ scope ◄──────────┘
//!     task_group                   ─┬─ walks the directory     walk.rs
//!       hash_files                  ├── hashes a file          hash.rs
//!       hash_files                  └── hashes another one
//! ```
//!
//! The walk hands files to the hashing tasks, and all of them hand what they find out to the
//! collector: two memory streams. Nothing is told to stop. When the walk ends, its end of the
//! stream is dropped, so the hashing tasks end, so their ends are dropped, so the collector ends.
//! When the scope is cancelled they are all dropped where they wait, with the same effect; the
//! collector is outside of the scope and prints what there is.

mod hash;
mod options;
mod report;
mod walk;

use std::{error::Error, io, path::PathBuf, process::ExitCode};

use anyio::{
    CancelScope, SendStream, Signal, SignalReceiver, memory_object_stream, open_signal_receiver,
    task_group, to_thread,
};
use clap::Parser as _;

use crate::{
    hash::hash_files,
    options::Options,
    report::{Event, Report},
    walk::walk,
};

/// What ends the program early. A file that cannot be read does not; it is an [`Event`].
type Failure = Box<dyn Error + Send + Sync>;

/// How many events may wait for the collector, before the others wait for it.
const EVENTS: usize = 64;

/// Where signals are those of Unix, the polite way to end a process is like Ctrl-C.
const STOP: &[Signal] =
    if cfg!(unix) { &[Signal::INTERRUPT, Signal::TERMINATE] } else { &[Signal::INTERRUPT] };

fn main() -> ExitCode {
    let options = Options::parse();
    match anyio::run(dirsum(options)) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("dirsum: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn dirsum(options: Options) -> Result<ExitCode, Failure> {
    let scope = options.timeout.map_or_else(CancelScope::new, CancelScope::with_timeout);
    let signals = open_signal_receiver(STOP)?;

    task_group(async |tg| -> Result<_, Failure> {
        tg.spawn(on_signal(signals, scope.clone()));

        let (events, collected) = memory_object_stream(EVENTS);
        let summing = scope.run(sum(options.directory, options.jobs, events));
        // A cancellation is no failure: the scope remembers it, and the report tells.
        let summing = tg.spawn(async { summing.await.unwrap_or(Ok(())) });

        let mut report = Report::new();
        while let Ok(event) = collected.receive().await {
            report.add(event);
        }
        summing.await?;

        // On a thread, so that a second Ctrl-C is heard while a pipe is full.
        let cause = scope.cause().filter(|_| scope.cancelled_caught());
        let status = to_thread(move || report.print(cause.as_ref(), io::stdout().lock())).await?;

        tg.cancel(); // only `on_signal` is left
        Ok(status)
    })
    .await
}

/// The first signal cancels `scope`; the second ends the program at once.
async fn on_signal(mut signals: SignalReceiver, scope: CancelScope) {
    signals.receive().await;
    scope.cancel_because("interrupted");
    signals.receive().await;
    std::process::exit(report::INTERRUPTED.into());
}

/// Finds the files in `directory` and hashes them, `jobs` at a time.
async fn sum(directory: PathBuf, jobs: u16, events: SendStream<Event>) -> Result<(), Failure> {
    task_group(async move |tg| {
        // No room: a file that was found is held by the walk, until somebody has time for it.
        let (found, files) = memory_object_stream(0);
        for _ in 0..jobs {
            tg.spawn(hash_files(files.clone(), events.clone()));
        }
        walk(directory, found, events).await
    })
    .await
}
