//! Executors and clocks, as far as every backend has them.

use std::{
    future::pending,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Event as _, Lock as _, ObjectReceiveStream as _, ObjectSendStream as _,
    Runtime, Semaphore as _, Spawn as _, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{RuntimeExt as _, catch_cancelled, checkpoint, finally, shield};
use futures_util::FutureExt as _;

use super::tools::{Failure, Payload, SetOnDrop, event, report_of};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, executor:
        panics_leave_the_workers_alive,
        tasks_take_turns,
        spawner_works_from_a_foreign_thread,
        spawned_task_belongs_to_nobody,
        no_runtime_is_an_error,
        timer_outside_a_runtime_panics_at_the_caller,
        clock_goes_forward,
        timers_are_never_early,
        many_timers_are_never_early,
        past_timers_are_ready_at_once,
        timers_take_no_part_in_a_budget,
        far_timers_wait,
        timer_moves_between_tasks,
        dropped_timer_lets_go_of_its_waker,
        generic_futures_can_be_spawned,
    ]
}

/// §8: a panicking task is a value for its group: no worker dies of it, and none hangs.
async fn panics_leave_the_workers_alive<B: Runtime>() {
    for _ in 0..32 {
        let payload = Payload::new("task");
        let group = B::task_group(async |tg| {
            let payload = payload.clone();
            tg.spawn(async move { payload.throw::<()>() });
        });
        payload.comes_out_of(group).await;
    }
    let ran = Counter::default();
    let result = B::task_group(async |tg| {
        for _ in 0..32 {
            let ran = ran.clone();
            tg.spawn(async move {
                checkpoint().await;
                ran.add();
            });
        }
    })
    .await;
    assert_eq!((result, ran.get()), (Ok(()), 32));
}

/// Tasks that wait for each other all get their turns.
async fn tasks_take_turns<B: Runtime>() {
    const ROUNDS: usize = 100;
    let (mut to, mut from_them) = B::memory_object_stream(0);
    let (mut back, mut from_us) = B::memory_object_stream(0);
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        tg.spawn(async move {
            while let Ok(ball) = from_them.receive().await {
                if back.send(ball).await.is_err() {
                    break;
                }
            }
        });
        for round in 0..ROUNDS {
            to.send(round).await.expect("the other side receives");
            assert_eq!(from_us.receive().await.expect("the other side sends"), round);
        }
        drop(to);
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A spawner is a handle on its runtime, for any thread.
async fn spawner_works_from_a_foreign_thread<B: Runtime>() {
    let spawner = B::spawner().expect("a case runs on a runtime");
    let (ran, done) = (Counter::default(), event::<B>());
    let (theirs, signal) = (ran.clone(), Arc::clone(&done));
    let foreign = thread::spawn(move || {
        spawner.clone().spawn_task(async move {
            // Timers work there, too: it runs on the runtime.
            B::sleep(Duration::from_millis(1)).await;
            theirs.add();
            signal.set();
        });
    });
    done.wait().await;
    assert_eq!(ran.get(), 1);
    foreign.join().expect("it has only spawned");
}

/// A raw task goes on whatever becomes of the code that spawned it.
async fn spawned_task_belongs_to_nobody<B: Runtime>() {
    let (ended, go) = (event::<B>(), event::<B>());
    let (signal, gate) = (SetOnDrop::<B>(Arc::clone(&ended)), Arc::clone(&go));
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            B::spawner().expect("a case runs on a runtime").spawn_task(async move {
                gate.wait().await;
                checkpoint().await;
                drop(signal);
            });
            scope.cancel();
            checkpoint().await;
        })
        .await;
    assert!(result.is_err() && !ended.is_set());
    go.set();
    ended.wait().await;
}

/// §8: where no runtime is, spawning is an error with words, and the future comes back untouched, or
/// it really works. No more can be asked of all: smol's executor and async-std's start by
/// themselves, and nobody may start a tokio behind the program's back.
async fn no_runtime_is_an_error<B: Runtime>() {
    let foreign = thread::spawn(|| {
        let Err(error) = B::spawner() else {
            let group = B::task_group(async |tg| -> Result<_, Failure> {
                let task = tg.spawn(async {
                    B::sleep(Duration::from_millis(1)).await;
                    Ok(7)
                });
                Ok(task.join().await?)
            });
            assert_eq!(futures_lite::future::block_on(group), Ok(7));
            return;
        };
        assert!(!error.to_string().is_empty());
        let polls = Counter::default();
        let group = B::task_group(async |tg| -> Result<_, Failure> {
            let refused = tg.try_spawn(Polls::of(async { Ok(7) }, &polls)).err();
            let refused = refused.expect("there is no runtime");
            assert!(!refused.is_closed());
            assert_eq!((polls.get(), refused.to_string()), (0, error.to_string()));
            let line = line!() + 1;
            let report = report_of(|| tg.spawn(async {})).expect("there is no runtime");
            assert_eq!((report.file.as_str(), report.line), (file!(), line));
            assert_eq!(report.words, error.to_string());
            refused.into_future().await
        });
        assert_eq!(futures_lite::future::block_on(group), Ok(7));
    });
    until::<B>(|| foreign.is_finished()).await;
    foreign.join().expect("all its checks have passed");
}

/// §8: where no runtime is, a timer either works, or panics at the caller's location, with words.
async fn timer_outside_a_runtime_panics_at_the_caller<B: Runtime>() {
    let now = B::now();
    let foreign = thread::spawn(move || {
        let line = line!() + 1;
        if let Some(report) = report_of(|| drop(B::timer(now))) {
            assert_eq!((report.file.as_str(), report.line), (file!(), line), "{report:?}");
            assert!(!report.words.is_empty());
        } else {
            futures_lite::future::block_on(B::timer(now));
        }
    });
    until::<B>(|| foreign.is_finished()).await;
    foreign.join().expect("all its checks have passed");
}

/// The clock never goes back, on no thread, and goes on while a task sleeps.
/// Covers: trio/test_current_time
async fn clock_goes_forward<B: Runtime>() {
    let start = B::now();
    let result = B::task_group(async |tg| {
        for _ in 0..4 {
            tg.spawn(async move {
                let mut last = start;
                for _ in 0..100 {
                    let now = B::now();
                    assert!(now >= last);
                    last = now;
                    checkpoint().await;
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    B::sleep(Duration::from_millis(2)).await;
    assert!(B::now() > start);
}

/// A timer is never early, by nothing at all.
async fn timers_are_never_early<B: Runtime>() {
    for micros in [1, 100, 999, 1_000, 1_001, 1_999, 5_500, 20_000] {
        let length = Duration::from_micros(micros);
        let deadline = B::now() + length;
        B::timer(deadline).await;
        assert!(B::now() >= deadline, "the timer was early");
        let start = B::now();
        B::sleep(length).await;
        assert!(B::now() >= start + length, "the sleep was short");
        let deadline = B::now() + length;
        B::sleep_until(deadline).await;
        assert!(B::now() >= deadline, "the sleep was short");
    }
}

/// The same for many of them at once, in many tasks.
async fn many_timers_are_never_early<B: Runtime>() {
    let result = B::task_group(async |tg| {
        let start = B::now();
        for index in 0..500_u64 {
            tg.spawn(async move {
                let deadline = start + Duration::from_micros(index * 97 % 30_000);
                B::timer(deadline).await;
                assert!(B::now() >= deadline);
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A timer whose time has come when it is made is ready on its first poll.
async fn past_timers_are_ready_at_once<B: Runtime>() {
    let now = B::now();
    let past = [1_u64, 1_000, 1_000_000]
        .into_iter()
        .filter_map(|micros| now.checked_sub(Duration::from_micros(micros)));
    for deadline in past.chain([now]) {
        let mut timer = Box::pin(B::timer(deadline));
        assert!(poll_once(&mut timer).is_ready(), "{:?} ago", now - deadline);
    }
    // The runtime has not looked at its clock since the case went on.
    let deadline = B::now() + Duration::from_millis(2);
    let mut timer = Box::pin(B::timer(deadline));
    thread::sleep(Duration::from_millis(5));
    assert!(poll_once(&mut timer).is_ready());
}

/// Timers take no part in a budget of the runtime's own: a scope looks at its deadline's timer
/// after a body that may have used that up.
async fn timers_take_no_part_in_a_budget<B: Runtime>() {
    let now = B::now();
    let ready = std::future::poll_fn(|cx| {
        let ready = (0..1_000).filter(|_| B::timer(now).boxed().poll_unpin(cx).is_ready());
        Poll::Ready(ready.count())
    });
    assert_eq!(ready.await, 1_000);
}

/// A timer may be as far away as the clock can tell, and just waits.
async fn far_timers_wait<B: Runtime>() {
    let mut years = 10_000;
    let far = loop {
        if let Some(far) = B::now().checked_add(Duration::from_secs(years * 365 * 86_400)) {
            break far;
        }
        years /= 2;
    };
    let mut timer = Box::pin(B::timer(far));
    assert!(poll_once(&mut timer).is_pending());
    let long = B::move_on_after(Duration::from_millis(2), B::sleep(Duration::MAX)).await;
    assert_eq!(long, None);
    assert_eq!(B::move_on_after(Duration::MAX, checkpoint()).await, Some(()));
}

/// A timer that one task has polled may be waited for by another, which is the one that is woken.
async fn timer_moves_between_tasks<B: Runtime>() {
    let deadline = B::now() + Duration::from_millis(10);
    let mut timer = Box::pin(B::timer(deadline));
    _ = poll_once(&mut timer);
    let result = B::task_group(async |tg| {
        tg.spawn(async move {
            timer.await;
            assert!(B::now() >= deadline);
        });
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A waker that does nothing; whoever has a copy keeps it alive.
struct Quiet;

impl Wake for Quiet {
    fn wake(self: Arc<Self>) {}
}

/// C14: a timer that is dropped before its time lets go of its waker.
async fn dropped_timer_lets_go_of_its_waker<B: Runtime>() {
    let quiet = Arc::new(Quiet);
    let waker = Waker::from(Arc::clone(&quiet));
    let mut timer = Box::pin(B::timer(B::now() + Duration::from_secs(3600)));
    assert!(timer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(Arc::strong_count(&quiet) > 2);
    drop(timer);
    // A backend may leave that to its reactor's next turn.
    until::<B>(|| Arc::strong_count(&quiet) == 2).await;
}

/// What generic libraries look like: every kind of call, generic over the backend.
async fn library<B: Runtime>(log: Log) -> Result<usize, Failure> {
    let lock = Arc::new(B::Lock::new(0_usize));
    let semaphore = Arc::new(B::Semaphore::new(1));
    let (mut send, mut receive) = B::memory_object_stream::<usize>(1);
    let scope = B::CancelScope::new();
    let go = event::<B>();
    B::task_group(async |tg| -> Result<_, Failure> {
        let (gate, theirs, permits) = (Arc::clone(&go), Arc::clone(&lock), Arc::clone(&semaphore));
        let task = tg.spawn(async move {
            gate.wait().await;
            let _permit = permits.acquire().await.unwrap();
            let mut value = theirs.lock().await;
            *value += 1;
            send.send(*value).await.map_err(|_| Failure::Named("nobody receives"))
        });
        go.set();
        scope.run(B::sleep(Duration::ZERO)).await?;
        let timely = B::fail_after(Duration::from_secs(3600), receive.receive());
        let received = timely.await.map_err(|_| Failure::Named("too late"))?;
        let received = received.map_err(|_| Failure::Named("nobody sends"))?;
        let tried = B::move_on_after(Duration::from_millis(1), pending::<()>()).await;
        assert_eq!(tried, None);
        catch_cancelled(checkpoint()).await?;
        finally(shield(checkpoint()), async { log.add("cleaned up") }).await;
        task.join().await?;
        Ok(received + *lock.lock().await)
    })
    .await
}

/// Where a compiler has to know that the futures of generic code are `Send`.
fn spawnable<B: Runtime>(log: Log) -> impl Future<Output = Result<usize, Failure>> + Send {
    library::<B>(log)
}

/// Futures that are generic over the backend can be spawned, from generic code.
async fn generic_futures_can_be_spawned<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let one = tg.spawn(library::<B>(log.clone()));
        let two = tg.spawn(spawnable::<B>(log.clone()));
        Ok(one.join().await? + two.join().await?)
    })
    .await;
    assert_eq!(result, Ok(4));
    assert_eq!(log.take(), ["cleaned up", "cleaned up"]);
}
