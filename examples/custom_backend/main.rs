//! The ambient lane on a backend that this program brings along: `backend.rs`, one file.
//!
//! Nothing here names the backend but [`main`]: the functions are those of `anyio`, and find out what
//! they run on. Groups, scopes and cleanups are the engine's; a backend does nothing for them.
#![expect(clippy::print_stdout, reason = "a program speaks by printing")]

mod backend;

use std::{io, thread, time::Duration};

use anyio::{
    Runner, connect_tcp, current_backend, finally, move_on_after, sleep, sleep_forever, task_group,
    to_thread,
};

use crate::backend::SOLO;

fn main() -> io::Result<()> {
    Runner::new().backend(&SOLO).run(program())
}

async fn program() -> io::Result<()> {
    println!("running on {}", current_backend()?.name());
    let here = thread::current().id();

    let group = task_group(async |tg| -> anyio::Result<_> {
        let one = tg.spawn(count_to(3));
        let two = tg.spawn(count_to(4));
        Ok(one.await? + two.await?)
    });
    println!("two tasks counted to {:?}", group.await);

    let cleanup = async { println!("cleaning up") };
    let patience = Duration::from_millis(10);
    move_on_after(patience, finally(sleep_forever(), cleanup)).await;

    let there = to_thread(|| thread::current().id()).await;
    println!("blocking code runs on another thread: {}", here != there);

    // What a backend lacks is an error on the ambient lane. On the trait lane it does not compile:
    // `Solo` is a `Runtime`, and no `Backend`.
    if let Err(error) = connect_tcp(([127, 0, 0, 1], 80).into()).await {
        println!("{error}");
    }
    Ok(())
}

async fn count_to(end: u32) -> anyio::Result<u32> {
    for _ in 0..end {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(end)
}
