//! Timers, which all stand on one of tokio's in each runtime.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use anyio_core::Clock;
use anyio_engine::RuntimeExt as _;
use anyio_tokio::{Tokio, TokioTimer};
use tokio::runtime::{Builder, Runtime};

const SECOND: Duration = Duration::from_secs(1);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("the runtime starts")
}

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("the runtime starts")
}

fn after(duration: Duration) -> TokioTimer {
    Tokio::timer(Tokio::now() + duration)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll(timer: Pin<&mut TokioTimer>, count: &Arc<Count>) -> Poll<()> {
    timer.poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

/// Whichever order they are made in, and whoever leaves in between.
#[test]
fn the_earliest_ends_first() {
    paused().block_on(async {
        let began = Tokio::now();
        let mut ended = Vec::new();
        let mut timers: Vec<_> =
            [7, 3, 9, 1, 5, 3].map(|at| (at, Box::pin(after(at * SECOND)))).into();
        // Dropped when they wait.
        let mut gone: Vec<_> = [1, 2, 4, 8].map(|at| Box::pin(after(at * SECOND))).into();
        poll_fn(|cx| {
            for timer in &mut gone {
                assert!(timer.as_mut().poll(cx).is_pending());
            }
            timers.retain_mut(|(at, timer)| {
                let is_ready = timer.as_mut().poll(cx).is_ready();
                if is_ready {
                    ended.push((*at, (Tokio::now() - began).as_secs()));
                }
                !is_ready
            });
            gone.clear();
            if timers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(ended, [(1, 1), (3, 3), (3, 3), (5, 5), (7, 7), (9, 9)]);
    });
}

/// A test's clock goes on to what is waited for, and to nothing else.
#[test]
fn paused_clock_passes_dropped_timers_by() {
    paused().block_on(async {
        let began = Tokio::now();
        for _round in 0..3 {
            let mut timer = pin!(after(SECOND));
            assert!(poll(timer.as_mut(), &Arc::default()).is_pending());
        }
        Tokio::sleep(2 * SECOND).await;
        let passed = Tokio::now() - began;
        assert!((2 * SECOND..3 * SECOND).contains(&passed));
    });
}

/// A timer that is dropped lets go of its waker at once; one that was given another one, of the first.
#[test]
fn wakers_are_let_go() {
    runtime().block_on(async {
        let (first, second): (Arc<Count>, Arc<Count>) = Default::default();
        let mut timer = Box::pin(after(3600 * SECOND));
        assert!(poll(timer.as_mut(), &first).is_pending());
        assert_eq!(Arc::strong_count(&first), 2);
        assert!(poll(timer.as_mut(), &second).is_pending());
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
        drop(timer);
        assert_eq!(Arc::strong_count(&second), 1);
    });
}

/// It may be polled anywhere, and is woken by the runtime that it was made on.
#[test]
fn belongs_to_the_runtime_it_was_made_on() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let long = after(3600 * SECOND);
    let short = after(Duration::from_millis(5));
    let outside = thread::spawn(move || {
        let mut long = pin!(long);
        assert!(poll(long.as_mut(), &Arc::default()).is_pending());
        futures_lite::future::block_on(short);
    });
    outside.join().unwrap();
}

/// Who waits for a timer of a runtime that has ended is woken, and told.
#[test]
fn runtime_that_has_ended() {
    for threads in [0, 1] {
        let mut builder = Builder::new_multi_thread();
        let runtime = match threads {
            0 => runtime(),
            _ => builder.worker_threads(threads).enable_all().build().unwrap(),
        };
        let make = |duration| {
            let _inside = runtime.enter();
            Box::pin(after(duration))
        };
        let mut timers = [make(3600 * SECOND), make(7200 * SECOND), make(1800 * SECOND)];
        let mut fresh = make(3600 * SECOND);
        let handle = runtime.handle().clone();
        let counts: [Arc<Count>; 3] = Default::default();
        for (timer, count) in timers.iter_mut().zip(&counts) {
            assert!(poll(timer.as_mut(), count).is_pending());
        }
        drop(runtime);
        for (timer, count) in timers.iter_mut().zip(&counts) {
            assert_eq!((count.0.load(SeqCst), Arc::strong_count(count)), (1, 1));
            let poll = AssertUnwindSafe(|| poll(timer.as_mut(), count));
            assert!(catch_unwind(poll).is_err(), "it is early");
        }
        let first_poll = AssertUnwindSafe(|| poll(fresh.as_mut(), &counts[0]));
        assert!(catch_unwind(first_poll).is_err(), "it is early");
        // One that is made now.
        let _inside = handle.enter();
        let mut late = Box::pin(after(3600 * SECOND));
        let late = AssertUnwindSafe(move || {
            _ = poll(late.as_mut(), &counts[0]);
            poll(late.as_mut(), &counts[0])
        });
        assert!(catch_unwind(late).is_err(), "it is early");
    }
}

/// That it has none is said where the timer is made, each time.
#[test]
fn runtime_without_timers() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    for _time in 0..2 {
        assert!(catch_unwind(|| drop(after(SECOND))).is_err());
    }
}

/// Threads that make, change and drop timers of one runtime, while it runs them out.
#[test]
fn many_threads() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            runtime.spawn(async move {
                for round in 0..200_u64 {
                    let micros = (task * 37 + round * 101) % 3000;
                    let short = after(Duration::from_micros(micros));
                    let longer = after(Duration::from_micros(micros + 500));
                    _ = poll_fn(|cx| Poll::Ready(pin!(after(SECOND)).poll(cx))).await;
                    futures_lite::future::or(short, longer).await;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}
