//! Whose time it is: that of the backend's clock, and no other (C10). The clock of these cases stands
//! still until it is moved by hand, so that times are compared to the nanosecond.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use anyio_core::{CauseKind, Clock, Executor, NoRuntime, Runtime, TimedOut};
use anyio_engine::{
    CancelScope, Erased, checkpoint, current_backend, current_effective_deadline, fail_after,
    move_on_at, root, sleep, sleep_until,
};

use crate::{
    suite::Case,
    support::{cause_of, poll_once, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, clock:
        sleeps_follow_the_backends_clock,
        deadlines_follow_the_backends_clock,
        scope_has_its_deadline_from_the_backends_clock,
        clock_of_the_running_code_can_be_asked_for,
    ]
}

const HOUR: Duration = Duration::from_secs(3600);
const TICK: Duration = Duration::from_nanos(1);

/// `B`, with a clock that the case's own thread moves.
#[derive(Debug)]
struct ByHand<B>(PhantomData<fn() -> B>);

thread_local! {
    static NOW: Cell<Instant> = Cell::new(Instant::now());
    static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

fn advance(time: Duration) {
    NOW.set(NOW.get() + time);
    WAITING.take().into_iter().for_each(Waker::wake);
}

impl<B> Clone for ByHand<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for ByHand<B> {}

impl<B: Executor> Executor for ByHand<B> {
    const NAME: &'static str = B::NAME;
    type Spawner = B::Spawner;

    fn spawner() -> Result<B::Spawner, NoRuntime> {
        B::spawner()
    }
}

impl<B: Executor> Clock for ByHand<B> {
    type Timer = Timer;

    fn now() -> Instant {
        NOW.get()
    }

    fn timer(deadline: Instant) -> Timer {
        Timer(deadline)
    }
}

struct Timer(Instant);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 <= NOW.get() {
            return Poll::Ready(());
        }
        WAITING.with_borrow_mut(|waiting| waiting.push(cx.waker().clone()));
        Poll::Pending
    }
}

/// C10: a sleep lasts as long as the backend's clock says, however much other time passes.
/// Covers: trio/test_current_time_with_mock_clock
async fn sleeps_follow_the_backends_clock<B: Runtime>() {
    let start = ByHand::<B>::now();
    let mut relative = Box::pin(sleep::<ByHand<B>>(HOUR));
    let mut absolute = Box::pin(sleep_until::<ByHand<B>>(start + HOUR));
    for time in [Duration::ZERO, HOUR / 2, HOUR / 2 - TICK] {
        advance(time);
        turns::<B>().await;
        assert!(poll_once(&mut relative).is_pending() && poll_once(&mut absolute).is_pending());
    }
    advance(TICK);
    assert!(poll_once(&mut relative).is_ready() && poll_once(&mut absolute).is_ready());
    assert_eq!(ByHand::<B>::now() - start, HOUR);
}

/// C10: so do the deadlines of `move_on` and `fail`.
/// Covers: trio/test_current_time_with_mock_clock
async fn deadlines_follow_the_backends_clock<B: Runtime>() {
    let start = ByHand::<B>::now();
    let mut moving = Box::pin(move_on_at::<ByHand<B>, _>(start + HOUR, pending::<()>()));
    let mut failing = Box::pin(fail_after::<ByHand<B>, _>(HOUR, pending::<()>()));
    for time in [Duration::ZERO, HOUR / 2, HOUR / 2 - TICK] {
        advance(time);
        turns::<B>().await;
        assert!(poll_once(&mut moving).is_pending() && poll_once(&mut failing).is_pending());
    }
    advance(TICK);
    assert_eq!(moving.await, None);
    assert_eq!(failing.await, Err(TimedOut::new()));
    assert_eq!(ByHand::<B>::now() - start, HOUR);
}

/// C10: a timeout counts from the moment of that clock, and can be moved by exactly as much.
/// Covers: trio/test_current_time_with_mock_clock
async fn scope_has_its_deadline_from_the_backends_clock<B: Runtime>() {
    let start = ByHand::<B>::now();
    let scope = CancelScope::<ByHand<B>>::with_timeout(HOUR);
    let mut work = Box::pin(scope.run(async {
        checkpoint().await;
        let deadline = current_effective_deadline::<ByHand<B>>();
        assert_eq!(deadline, Some(start + HOUR));
        scope.set_deadline(deadline.map(|deadline| deadline + HOUR));
        pending::<()>().await;
    }));
    assert!(poll_once(&mut work).is_pending());
    for time in [Duration::ZERO, HOUR, HOUR - TICK] {
        advance(time);
        assert!(poll_once(&mut work).is_pending());
        assert!(!scope.cancel_called());
    }
    advance(TICK);
    assert_eq!(cause_of(work.await).kind(), CauseKind::Deadline);
    assert_eq!(ByHand::<B>::now() - start, 2 * HOUR);
}

/// C10: code that names no backend asks for the one that it runs on, and has its clock.
/// Covers: trio/test_current_clock
async fn clock_of_the_running_code_can_be_asked_for<B: Runtime>() {
    let told = || current_backend().expect("there is a backend").now();
    let before = B::now();
    let between = told();
    assert!((before..=B::now()).contains(&between));
    let start = NOW.get();
    let by_hand = const { &Erased::of::<ByHand<B>>() };
    let work = root(by_hand, async {
        assert_eq!(told(), start);
        advance(HOUR);
        assert_eq!(told(), start + HOUR);
    });
    work.await;
    let after = told();
    assert!((between..=B::now()).contains(&after));
}
