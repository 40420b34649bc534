//! Large trees, and cancellations that race with everything else.

use std::{
    future::{pending, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread::{self, JoinHandle},
};

use anyio_core::{CancelScope as _, Event as _, Lock as _, Runtime};
use anyio_engine::{capture, catch_cancelled, checkpoint, finally, op, shield, sleep_forever};
use futures_lite::future::block_on;

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, is_pending, rounds, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, scope_stress:
        deep_nesting,
        deep_nesting_with_a_shield,
        wide_nesting,
        deep_tree_needs_no_stack,
        cancel_races_with_waiting,
        cancel_races_with_cleanup,
        cancel_races_with_a_boundary,
        cancel_races_with_a_value,
        cancel_races_with_a_shield,
        obligation_moves_while_its_scope_ends,
        scope_moves_while_its_scope_ends,
    ]
}

const DEPTH: usize = 10_000;
const WIDTH: usize = 2_000;

type Nested<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// `core` in that many scopes.
fn nested<'a, B: Runtime>(core: impl Future<Output = ()> + Send + 'a, log: &'a Log) -> Nested<'a> {
    let mut work: Nested<'a> = Box::pin(core);
    for _ in 0..DEPTH {
        let scope = B::CancelScope::new();
        work = Box::pin(async move {
            if scope.run(work).await.is_err() {
                log.add("an inner scope has caught");
            }
        });
    }
    work
}

/// C2: ten thousand nested scopes are cancelled from the outermost one, which alone catches.
/// Covers: trio/test_very_deep_cancel_scope_nesting
async fn deep_nesting<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let core = async {
        let _dropped = log.on_drop("dropped");
        pending::<()>().await;
    };
    let mut work = Box::pin(scope.run(nested::<B>(core, &log)));
    assert!(is_pending(work.as_mut()).await);
    scope.cancel();
    assert!(work.await.is_err());
    assert_eq!(log.take(), ["dropped"]);
}

/// C5: a shield at the bottom of ten thousand nested scopes holds them all, and lets them go.
async fn deep_nesting_with_a_shield<B: Runtime>() {
    let (scope, gate, log) = (B::CancelScope::new(), B::Event::new(), Log::default());
    let core = async {
        shield(gate.wait()).await;
        log.add("shielded");
        checkpoint().await;
        log.add("never");
    };
    let mut work = Box::pin(scope.run(nested::<B>(core, &log)));
    assert!(is_pending(work.as_mut()).await);
    scope.cancel();
    assert!(is_pending(work.as_mut()).await);
    gate.set();
    assert!(work.await.is_err());
    assert_eq!(log.take(), ["shielded"]);
}

/// C2: so are two thousand scopes side by side, some of them cleaning up.
async fn wide_nesting<B: Runtime>() {
    let (scope, cleanups) = (B::CancelScope::new(), Counter::default());
    let one = |index: usize| {
        let (inner, cleanups) = (B::CancelScope::new(), cleanups.clone());
        async move {
            let cleanup = async {
                checkpoint().await;
                cleanups.add();
            };
            if index.is_multiple_of(10) {
                _ = inner.run(finally(pending::<()>(), cleanup)).await;
            } else {
                _ = inner.run(pending::<()>()).await;
            }
        }
    };
    let all = futures_util::future::join_all((0..WIDTH).map(one));
    let mut work = Box::pin(scope.run(all));
    assert!(is_pending(work.as_mut()).await);
    scope.cancel();
    assert!(work.await.is_err());
    assert_eq!(cleanups.get(), WIDTH / 10);
}

/// C2: neither cancelling nor dropping a tree thirty thousand levels deep needs a deep stack.
async fn deep_tree_needs_no_stack<B: Runtime>() {
    let build = |levels: &mut Vec<_>, polls: &Counter| {
        let mut context = capture();
        for _ in 0..3 * DEPTH {
            let slot = Arc::new(Mutex::new(None));
            let (inner, polls) = (Arc::clone(&slot), polls.clone());
            let mut level = Box::pin(context.in_scope(async move {
                *inner.lock().unwrap() = Some(capture());
                Polls::of(pending::<()>(), &polls).await;
            }));
            assert!(block_on(is_pending(level.as_mut())));
            context = slot.lock().unwrap().take().unwrap();
            levels.push(level);
        }
        context
    };
    let run = move || {
        for backwards in [false, true] {
            let (scope, polls, mut levels) = (B::CancelScope::new(), Counter::default(), vec![]);
            let innermost = block_on(scope.run(async {
                let innermost = build(&mut levels, &polls);
                scope.cancel();
                innermost
            }));
            assert!(block_on(levels[DEPTH].as_mut()).is_err());
            if backwards {
                levels.reverse();
            }
            drop(levels);
            drop(innermost);
        }
    };
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap();
    until::<B>(|| thread.is_finished()).await;
    thread.join().unwrap();
}

/// A thread that cancels each scope it is sent, a different while after it was sent.
struct Canceller<S> {
    send: mpsc::Sender<S>,
    thread: JoinHandle<()>,
}

impl<S: anyio_core::CancelScope> Canceller<S> {
    fn start() -> Self {
        let (send, scopes) = mpsc::channel::<S>();
        let thread = thread::spawn(move || {
            for (round, scope) in scopes.into_iter().enumerate() {
                for _ in 0..round % 97 {
                    std::hint::spin_loop();
                }
                scope.cancel();
            }
        });
        Self { send, thread }
    }

    fn cancel_soon(&self, scope: &S) {
        self.send.send(scope.clone()).unwrap();
    }

    async fn end<B: Runtime>(self) {
        drop(self.send);
        until::<B>(|| self.thread.is_finished()).await;
        self.thread.join().unwrap();
    }
}

const ROUNDS: usize = 2_000;

/// C3: no cancellation from another thread is missed, whatever the work is waiting for.
async fn cancel_races_with_waiting<B: Runtime>() {
    let canceller = Canceller::<B::CancelScope>::start();
    let lock = <B::Lock<()>>::new(());
    for round in rounds(ROUNDS) {
        let scope = B::CancelScope::new();
        canceller.cancel_soon(&scope);
        let (one, two) = (B::CancelScope::new(), B::CancelScope::new());
        let work = async {
            match round % 4 {
                0 => pending().await,
                1 => _ = one.run(two.run(sleep_forever())).await,
                2 => loop {
                    checkpoint().await;
                },
                _ => loop {
                    _ = lock.lock().await;
                },
            }
        };
        assert!(scope.run(work).await.is_err());
    }
    canceller.end::<B>().await;
}

/// C5: whatever moment a cancellation comes in, the cleanup has run once when the scope ends.
async fn cancel_races_with_cleanup<B: Runtime>() {
    let canceller = Canceller::<B::CancelScope>::start();
    let (begun, cleanups, caught) = (Counter::default(), Counter::default(), Counter::default());
    for round in rounds(ROUNDS) {
        let scope = B::CancelScope::new();
        let body = async {
            begun.add();
            canceller.cancel_soon(&scope);
            for _ in 0..3 {
                checkpoint().await;
            }
            if catch_cancelled(pending::<()>()).await.is_err() {
                caught.add();
            }
        };
        let cleanup = async {
            for _ in 0..3 {
                checkpoint().await;
            }
            cleanups.add();
        };
        // If the catch has begun it returns, and the work may end by itself.
        let before = caught.get();
        let result = scope.run(finally(body, cleanup)).await;
        assert_eq!(result.is_ok(), caught.get() > before);
        assert_eq!((begun.get(), cleanups.get()), (round + 1, round + 1));
    }
    canceller.end::<B>().await;
}

/// C4: a cancellation that is on its way between an obligation and the work inside it is not missed.
async fn cancel_races_with_a_boundary<B: Runtime>() {
    let canceller = Canceller::<B::CancelScope>::start();
    for _ in rounds(ROUNDS) {
        let scope = B::CancelScope::new();
        let work = async {
            canceller.cancel_soon(&scope);
            _ = catch_cancelled(async {
                _ = capture(); // from now on, the work has a place of its own in the tree
                pending::<()>().await;
            })
            .await;
            checkpoint().await;
        };
        assert!(scope.run(work).await.is_err());
    }
    canceller.end::<B>().await;
}

/// C7: a value is either given or was never taken: nothing is lost between the two.
async fn cancel_races_with_a_value<B: Runtime>() {
    let canceller = Canceller::<B::CancelScope>::start();
    let lock = <B::Lock<usize>>::new(0);
    let mut taken = 0;
    for _ in rounds(ROUNDS) {
        let scope = B::CancelScope::new();
        let guard = lock.lock().await;
        let mut work = Box::pin(scope.run(async {
            *lock.lock().await += 1;
        }));
        assert!(is_pending(work.as_mut()).await);
        canceller.cancel_soon(&scope);
        checkpoint().await;
        drop(guard);
        if work.await.is_ok() {
            taken += 1;
        }
        // Nobody was left behind in the queue.
        assert_eq!(*lock.lock().await, taken);
    }
    canceller.end::<B>().await;
}

/// C5: a scope that is held ends when the shield does, whichever of shield and cancellation is
/// first.
async fn cancel_races_with_a_shield<B: Runtime>() {
    let canceller = Canceller::<B::CancelScope>::start();
    let shielded = Counter::default();
    for round in rounds(ROUNDS) {
        let (scope, inner) = (B::CancelScope::new(), B::CancelScope::new());
        canceller.cancel_soon(&scope);
        let work = inner.run(async {
            shield(async {
                checkpoint().await;
                checkpoint().await;
                shielded.add();
            })
            .await;
            pending::<()>().await;
        });
        assert!(scope.run(work).await.is_err());
        assert_eq!(shielded.get(), round + 1);
    }
    canceller.end::<B>().await;
}

/// Polls `moving` beneath a scope that is about to end, sends it to another thread, which polls it
/// beneath another scope at that very moment, and gives it back when the outer scope has ended.
async fn moves_while_its_scope_ends<B: Runtime, F: Future<Output = ()> + Send + 'static>(
    moving: impl Fn(usize) -> F,
) {
    let (send, moved) = mpsc::channel::<Pin<Box<F>>>();
    let (send_back, back) = mpsc::channel();
    let thread = thread::spawn(move || {
        for mut work in moved {
            let elsewhere = B::CancelScope::new();
            let polls = async {
                for _ in 0..20 {
                    assert!(is_pending(work.as_mut()).await);
                }
            };
            assert!(block_on(elsewhere.run(polls)).is_ok());
            send_back.send(work).unwrap();
        }
    });
    for round in rounds(2 * ROUNDS) {
        let (outer, old) = (B::CancelScope::new(), B::CancelScope::new());
        let mut work = Box::pin(moving(round));
        let result = outer.run(async {
            let ends = old.run(async {
                assert!(is_pending(work.as_mut()).await);
                send.send(work).unwrap();
                for _ in 0..round % 199 {
                    std::hint::spin_loop();
                }
            });
            assert!(ends.await.is_ok());
            outer.cancel();
            pending::<()>().await;
        });
        assert!(result.await.is_err());
        drop(back.recv().unwrap());
    }
    drop(send);
    until::<B>(|| thread.is_finished()).await;
    thread.join().unwrap();
}

/// C1: a shield that is polled elsewhere at the moment when the scope that it was in ends, holds
/// the scope that it is in and no other.
async fn obligation_moves_while_its_scope_ends<B: Runtime>() {
    moves_while_its_scope_ends::<B, _>(|_| shield(pending())).await;
}

/// C1: a scope that is polled elsewhere at the moment when the scope that it was in ends, is
/// cancelled with the scope that it is in and no other.
async fn scope_moves_while_its_scope_ends<B: Runtime>() {
    let cancelled = Counter::default();
    let moving = |_| {
        let (scope, cancelled) = (B::CancelScope::new(), cancelled.clone());
        async move {
            let looks = poll_fn(move |_| {
                if op::is_cancelled() {
                    cancelled.add();
                }
                Poll::<()>::Pending
            });
            _ = scope.run(looks).await;
        }
    };
    moves_while_its_scope_ends::<B, _>(moving).await;
    assert_eq!(cancelled.get(), 0);
}
