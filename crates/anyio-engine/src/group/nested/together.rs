//! Several futures at once, with all the rules of groups: those that are not needed any more are
//! cancelled *and waited for*.

use std::{
    future::pending,
    panic::Location,
    sync::{Mutex as StdMutex, PoisonError},
};

use anyio_core::{Body as BodyEnd, Cancelled, Cause, CauseKind, TaskError};

use super::{
    child::Child,
    group::NestedGroup,
    joint::{Joint, NestedHandle},
    pair::{New, Owned},
    run::NestedRun,
    several::{Several, Together},
};
use crate::{
    context::lost,
    stream::{ReceiveStream, memory_object_stream},
    sync::{OwnedPermit, Semaphore},
    sys::Arc,
};

/// The tasks of a group in which all are of one type.
type Tasks<T, E, F> = Owned<(Joint<T>, Child<F>), E>;

/// Spawns a future of that type.
fn spawn<T, E, F>(
    group: &NestedGroup<Tasks<T, E, F>, E>,
    location: &'static Location<'static>,
    future: F,
) -> NestedHandle<T>
where
    F: Future<Output = Result<T, E>>,
{
    match group.add(None, location, future, New::plain) {
        Ok(handle) => handle,
        Err(_) => unreachable!("its body is running"),
    }
}

/// Runs all `futures` together, and gives their values in the order of the futures: of an array, a vector or
/// an iterator as a vector, of a tuple (of up to eight) as a tuple, with each its own type.
///
/// ```text
/// gather([a, b, c]) ─┬─ a ───┤
///                    ├─ b ──────────┤      the values of a, b and c
///                    └─ c ──┤       └────▶ or the first error, when all have ended
/// ```
///
/// They run inside of the caller's task and may borrow. The first error cancels the others, with
/// their cleanup. Prefer `join!` for a few futures that cannot fail, and a
/// [`task_group`](crate::task_group) for work that should run in parallel.
///
/// # Cancel safety
///
/// Cancelling it cancels all of them and waits. Dropping it drops them.
///
/// # Errors
///
/// The first error, as it was.
///
/// # Panics
///
/// With the first panic of a future, when all have ended.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// use anyio_engine::gather;
///
/// let lengths = gather(["one", "three"].map(async |word| std::io::Result::Ok(word.len())));
/// assert_eq!(lengths.await?, [3, 5]);
///
/// let (name, size) = gather((
///     async { std::io::Result::Ok("report.txt") }, //
///     async { Ok(7_u64) },
/// ))
/// .await?;
/// assert_eq!((name, size), ("report.txt", 7));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn gather<F, K>(futures: F) -> impl Future<Output = Result<F::Values, F::Error>>
where
    F: Together<K>,
{
    let location = Location::caller();
    NestedRun::new(location, async move |tg| {
        let mut handles = Vec::new();
        for future in futures.all() {
            handles.push(spawn(&tg, location, future));
        }
        values(handles).await.map(F::values)
    })
}

async fn values<T, E: TaskError>(handles: Vec<NestedHandle<T>>) -> Result<Vec<T>, E> {
    let mut values = Vec::with_capacity(handles.len());
    for handle in handles {
        values.push(handle.await?);
    }
    Ok(values)
}

/// Runs `f` for each item, at most `limit` at a time, and gives the values in the order of the items.
/// Each future is made when its turn has come.
///
/// ```text
/// map(1..=4, 2, f) ─┬─ f(1) ───┤─ f(3) ────┤      two at a time
///                   └─ f(2) ┤─ f(4) ─┤     └────▶ the values of all four
/// ```
///
/// Otherwise as [`gather`].
///
/// # Cancel safety
///
/// As of [`gather`].
///
/// # Errors
///
/// The first error, as it was. No further items are taken then.
///
/// # Panics
///
/// If `limit` is 0; and as [`gather`].
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let squares = anyio_engine::map(1..=4, 2, async |number| std::io::Result::Ok(number * number));
/// assert_eq!(squares.await?, [1, 4, 9, 16]);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[doc(alias = "amap", alias = "buffered")]
pub fn map<I, F, Fut, T, E>(
    items: I,
    limit: usize,
    mut f: F,
) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: TaskError,
{
    assert!(limit > 0, "a `map` with a limit of 0 would never call its function");
    let location = Location::caller();
    NestedRun::new(location, async move |tg| {
        let turns = Arc::new(Semaphore::new(limit));
        let mut handles = Vec::new();
        for item in items {
            let turn = Arc::clone(&turns).acquire_owned().await.expect("it is never closed");
            handles.push(spawn(&tg, location, in_turn(turn, f(item))));
        }
        values(handles).await
    })
}

async fn in_turn<F: Future>(turn: OwnedPermit, future: F) -> F::Output {
    let _turn = turn;
    future.await
}

/// Runs all `futures` together and gives what the first one ends in. The others are cancelled, with
/// their cleanup, and waited for.
///
/// ```text
/// race([a, b, c]) ─┬─ a ─────✂ cleanup ─┤
///                  ├─ b ──┤ the first   │
///                  └─ c ─────✂ ┤        └──▶ what b has given
/// ```
///
/// Unlike a `select!` it never leaves a future behind that has been polled in part, and with it a
/// lock that is held or a place in a queue: nobody polls such a future any more, and whoever needs
/// what it has waits for ever.
///
/// ```
/// # use std::{pin::pin, time::Duration};
/// # use anyio_engine::{Lock, checkpoint as other, race};
/// # use futures_util::{FutureExt as _, select};
/// async fn hangs(lock: &Lock<u8>) {
///     let held = lock.lock().await;
///     let (mut first, mut other) = (pin!(lock.lock().fuse()), pin!(other().fuse()));
///     select! { _ = &mut first => {}, () = &mut other => {} } // the other one is ready
///     drop(held); // now `first` has the lock, and nobody polls it
///     lock.lock().await; // waits for ever
/// }
///
/// async fn ends(lock: &Lock<u8>) {
///     let held = lock.lock().await;
///     let first = async { drop(lock.lock().await) };
///     race((first, other())).await; // `first` is gone, and so is its place
///     drop(held);
///     lock.lock().await;
/// }
/// # futures_lite::future::block_on(async {
/// # let lock = Lock::new(0);
/// # let mut hung = Box::pin(hangs(&lock));
/// # for _ in 0..9 {
/// #     assert!(futures_lite::future::poll_once(&mut hung).await.is_none());
/// # }
/// # assert!(lock.try_lock().is_err());
/// # drop(hung);
/// # ends(&lock).await;
/// # });
/// ```
///
/// They may be an array, a vector, an iterator, or a tuple of up to eight; those of a tuple may be of
/// different types. A race of nothing never ends.
///
/// # Cancel safety
///
/// Cancelling it cancels all of them and waits. Dropping it drops them.
///
/// # Panics
///
/// With the first panic of a future, also of one that has lost, when all have ended. Also if it is
/// moved out of a cancelled scope after that scope has unwound it.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # fn sleep(d: Duration) -> impl Future<Output = ()> { anyio_engine::sleep::<Mini>(d) }
/// use anyio_engine::race;
/// use std::time::Duration;
///
/// # run(async {
/// let mirrors = [30, 2, 20].map(async |delay| {
///     sleep(Duration::from_millis(delay)).await;
///     delay
/// });
/// assert_eq!(race(mirrors).await, 2);
/// assert_eq!(race((async { "value" }, async { sleep(Duration::from_secs(9)).await; "time is up" })).await, "value");
/// # });
/// ```
#[track_caller]
#[doc(alias = "select", alias = "select_all")]
pub fn race<F, K>(futures: F) -> impl Future<Output = <F::Future as Future>::Output>
where
    F: Several<K>,
{
    let location = Location::caller();
    let winner = Arc::new(StdMutex::new(None));
    let theirs = Arc::clone(&winner);
    let group = NestedRun::new(location, async move |tg: NestedGroup<_, Cancelled>| {
        for future in futures.all() {
            let (winner, node) = (Arc::clone(&theirs), Arc::clone(tg.node()));
            spawn(&tg, location, async move {
                let value = future.await;
                let surplus = {
                    let mut winner = winner.lock().unwrap_or_else(PoisonError::into_inner);
                    if winner.is_some() { Some(value) } else { winner.replace(value) }
                };
                node.cancel(Cause::of(CauseKind::Finished));
                drop(surplus);
                Ok(())
            });
        }
    });
    async move {
        let ended = group.await;
        let winner = winner.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (winner, ended) {
            (Some(value), _) => value,
            (None, Ok(())) => pending().await,
            (None, Err(_)) => lost("`race`"),
        }
    }
}

/// Runs all `futures` together and gives the first success. The others are cancelled, with their
/// cleanup, and waited for. If none succeeds, all errors are given, in the order in which they came.
///
/// ```text
/// race_ok([a, b, c]) ─┬─ a ──┤ an error: goes on
///                     ├─ b ─────┤ the first success
///                     └─ c ─────✂ cleanup ─┤
///                                          └──▶ what b has given
/// ```
///
/// As [`race`], it takes tuples as well.
///
/// A race of nothing fails with no errors.
///
/// # Cancel safety
///
/// Cancelling it cancels all of them and waits. Dropping it drops them.
///
/// # Errors
///
/// All errors, if there is no success.
///
/// # Panics
///
/// As [`race`].
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// use anyio_engine::race_ok;
///
/// let parsed = race_ok(["x", "7", "y"].map(async |word| word.parse::<u8>()));
/// assert_eq!(parsed.await, Ok(7));
/// let none = race_ok(["x", "y"].map(async |word| word.parse::<u8>()));
/// assert_eq!(none.await.unwrap_err().len(), 2);
/// # });
/// ```
#[track_caller]
#[doc(alias = "select_ok", alias = "happy_eyeballs")]
pub fn race_ok<F, K, T, E>(futures: F) -> impl Future<Output = Result<T, Vec<E>>>
where
    F: Several<K, Future: Future<Output = Result<T, E>>>,
{
    let location = Location::caller();
    let outcome = Arc::new(StdMutex::new((None, Vec::new())));
    let theirs = Arc::clone(&outcome);
    let group = NestedRun::new(location, async move |tg: NestedGroup<_, Cancelled>| {
        for future in futures.all() {
            let (outcome, node) = (Arc::clone(&theirs), Arc::clone(tg.node()));
            spawn(&tg, location, async move {
                let result = future.await;
                let (won, surplus) = {
                    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(value) if outcome.0.is_none() => {
                            outcome.0 = Some(value);
                            (true, None)
                        }
                        Ok(value) => (false, Some(value)),
                        Err(error) => {
                            outcome.1.push(error);
                            (false, None)
                        }
                    }
                };
                if won {
                    node.cancel(Cause::of(CauseKind::Finished));
                }
                drop(surplus);
                Ok(())
            });
        }
    });
    async move {
        let ended = group.await;
        let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, errors) = std::mem::take(&mut *outcome);
        if value.is_none() && ended.is_err() {
            lost("`race_ok`");
        }
        value.ok_or(errors)
    }
}

/// Runs all `futures` together and gives their values to `body`, each as soon as it is there.
///
/// ```text
/// as_completed([a, b], body) ─┬─ a ─────────┤      ┐
///                             ├─ b ──┤      │      ├ all in the caller's task
///                             └─ body ─ b's value ─ a's value ─ end of the stream
/// ```
///
/// The stream ends when all have ended. If `body` ends before, the others are cancelled, with their
/// cleanup, and waited for.
///
/// # Cancel safety
///
/// Cancelling it cancels all of them and waits. Dropping it drops them.
///
/// # Errors
///
/// The first error of a future or of `body`, as it was; it cancels the others.
///
/// # Panics
///
/// With the first panic of a future or of `body`, when all have ended.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # fn sleep(d: Duration) -> impl Future<Output = ()> { anyio_engine::sleep::<Mini>(d) }
/// use anyio_engine::as_completed;
/// use std::{io, time::Duration};
///
/// # run(async {
/// let delays = [30, 1, 15].map(async |delay| {
///     sleep(Duration::from_millis(delay)).await;
///     Ok(delay)
/// });
/// let first_two = as_completed(delays, async |done| -> io::Result<_> {
///     Ok([done.receive().await, done.receive().await])
/// });
/// assert_eq!(first_two.await?, [Ok(1), Ok(15)]);
/// # io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn as_completed<I, F, Fut, T, E>(
    futures: I,
    body: F,
) -> impl Future<Output = Result<<Fut::Output as BodyEnd<E>>::Value, E>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
    F: FnOnce(ReceiveStream<T>) -> Fut,
    Fut: Future<Output: BodyEnd<E>>,
    E: TaskError,
{
    let location = Location::caller();
    NestedRun::new(location, async move |tg| {
        let (send, receive) = memory_object_stream(usize::MAX);
        for future in futures {
            let send = send.clone();
            spawn(&tg, location, async move {
                // Nobody may want it any more.
                _ = send.try_send(future.await?);
                Ok(())
            });
        }
        drop(send);
        let end = body(receive).await;
        tg.node().cancel(Cause::of(CauseKind::Finished));
        end
    })
}
