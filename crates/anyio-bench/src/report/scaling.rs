//! How the cost of one grows with how many there are.

use std::{
    fs,
    io::{self, Result, Write as _},
    thread,
};

use super::{
    docs,
    plot::{Series, svg},
};
use crate::{
    measure::{self, Contender},
    rows,
};

/// Frames of ten thousand nested futures are on one stack.
const STACK: usize = 1 << 30;

/// A picture: some of a row's contenders, for each of many sizes.
struct Picture {
    file: &'static str,
    title: &'static str,
    of_what: &'static str,
    sizes: &'static [u32],
    contenders: fn(u32) -> Vec<Contender>,
    shown: &'static [&'static str],
}

const PICTURES: [Picture; 5] = [
    Picture {
        file: "scaling-spawn.svg",
        title: "Spawning tasks and joining them",
        of_what: "tasks",
        sizes: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
        contenders: rows::spawning,
        shown: &["anyio typed", "tokio JoinSet", "tokio-util TaskTracker"],
    },
    Picture {
        file: "scaling-cancel.svg",
        title: "Cancelling tasks that wait, until all have ended",
        of_what: "tasks",
        sizes: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
        contenders: rows::cancelling,
        shown: &["anyio typed", "tokio AbortHandle each", "TaskTracker + CancellationToken"],
    },
    Picture {
        file: "scaling-depth.svg",
        title: "Nested scopes around work that waits once",
        of_what: "scopes, one in another",
        sizes: &[1, 10, 100, 1_000, 10_000],
        contenders: rows::nesting,
        shown: &[
            "anyio typed",
            "anyio typed, CancelScope::run",
            "tokio timeout",
            "run_until_cancelled",
        ],
    },
    Picture {
        file: "scaling-waiters.svg",
        title: "Tasks that wait for an event, which then comes",
        of_what: "tasks",
        sizes: &[1, 10, 100, 1_000, 10_000, 100_000],
        contenders: rows::waiting,
        shown: &["anyio Event", "tokio Notify", "event-listener"],
    },
    Picture {
        file: "scaling-connections.svg",
        title: "TCP connections: opened, ten times 64 B there and back, closed",
        of_what: "connections at once, both ends in one thread",
        sizes: &[1, 10, 100, 1_000, 5_000],
        contenders: rows::connecting,
        shown: &["anyio tokio, typed", "anyio smol, typed", "tokio", "smol"],
    },
];

/// Draws the pictures whose names have all of `words`, and prints the numbers in them.
pub(crate) fn scaling(words: &[&str]) -> Result<()> {
    let wanted =
        PICTURES.iter().filter(|picture| words.iter().all(|word| picture.file.contains(word)));
    let wanted: Vec<_> = wanted.collect();
    let thread = thread::Builder::new().stack_size(STACK);
    let done = thread.spawn(|| wanted.into_iter().try_for_each(draw))?;
    done.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn draw(picture: &Picture) -> Result<()> {
    let mut series: Vec<_> =
        picture.shown.iter().map(|name| Series { name, points: Vec::new() }).collect();
    for &size in picture.sizes {
        let mut contenders = (picture.contenders)(size);
        contenders.retain(|contender| picture.shown.contains(&contender.name));
        let times = measure::times(&mut contenders, size, false);
        for (contender, times) in contenders.iter().zip(times) {
            writeln!(
                io::stdout(),
                "{:<20} {size:>8} {:<34} {:>9.1} {:>9.1}",
                picture.file,
                contender.name,
                times.median,
                times.min,
            )?;
            // The least: what the machine does besides makes it more, never less.
            let line = series.iter_mut().find(|series| series.name == contender.name);
            line.into_iter().for_each(|line| line.points.push((size.into(), times.min)));
        }
    }
    let plot = svg(picture.title, picture.of_what, "ns for each", &series);
    fs::write(docs().join(picture.file), plot)
}
