//! One timer of the reactor's, for all timers of the process.
//!
//! The reactor's own would do for each. But it lets go of a timer, and of the task that waits for it, only
//! at its next turn; and each costs it a good deal, at the beginning and at the end.
//!
//! # Invariants
//!
//! 1. As long as somebody waits, [`Alarm::at`] is not later than the first of their deadlines, and a timer
//!    of the reactor's ends then, or is about to be made by whoever has written it there.
//! 2. Nothing of others' runs under the lock: no waker is woken, dropped or cloned there, and the reactor,
//!    which may drop some of those it has, is not called.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
    time::Instant,
};

use anyio_engine::{TimerPlace, TimerQueue};

/// How many are woken at a time, the lock being free in between.
const BATCH: usize = 128;

static ALARM: Mutex<Alarm> = Mutex::new(Alarm { queue: TimerQueue::new(), at: None, timer: None });
/// What the reactor wakes.
static BELL: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(Bell)));

struct Alarm {
    queue: TimerQueue,
    /// When it goes off; none, or in the past, if it is not set.
    at: Option<Instant>,
    /// What makes it go off. It is kept, since it would not when dropped.
    timer: Option<async_io::Timer>,
}

/// Has `waker` woken at `deadline`.
#[inline]
pub(super) fn wait(deadline: Instant, waker: Waker) -> TimerPlace {
    let mut alarm = lock();
    let place = alarm.queue.enter(deadline, waker);
    let is_first = alarm.at.is_none_or(|at| deadline < at);
    if is_first {
        alarm.at = Some(deadline);
    }
    drop(alarm);
    if is_first && !set(deadline) {
        ring();
    }
    place
}

/// From now on it is `waker` that is woken. False if somebody has been.
pub(super) fn wake_another(place: &TimerPlace, waker: Waker) -> bool {
    let replaced = lock().queue.replace(place, waker);
    replaced.is_ok()
}

/// Nobody is woken.
#[inline]
pub(super) fn leave(place: &TimerPlace) {
    let waker = lock().queue.leave(place);
    drop(waker);
}

fn lock() -> MutexGuard<'static, Alarm> {
    ALARM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the alarm, whose time it is, go off then. False if that time has passed.
#[cold]
fn set(at: Instant) -> bool {
    let mut timer = async_io::Timer::at(at);
    if Pin::new(&mut timer).poll(&mut Context::from_waker(&BELL)).is_ready() {
        return false;
    }
    let mut alarm = lock();
    // Or else somebody has set it since, to another time.
    let replaced = if alarm.at == Some(at) { alarm.timer.replace(timer) } else { Some(timer) };
    drop(alarm);
    drop(replaced);
    true
}

/// Wakes those whose time has come, and sets the alarm for the next ones.
fn ring() {
    let mut due = Vec::new();
    loop {
        let now = Instant::now();
        let mut alarm = lock();
        due.extend(std::iter::from_fn(|| alarm.queue.next_due(now)).take(BATCH));
        let whole = due.len() < BATCH;
        let mut next = None;
        // Or else somebody has set it since, or this was one that had been set before.
        if whole && alarm.at.is_some_and(|at| at <= now) {
            next = alarm.queue.first();
            alarm.at = next;
        }
        drop(alarm);
        for waker in due.drain(..) {
            // One that panics does not keep the others from being woken; its words have been printed.
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
        if whole && next.is_none_or(set) {
            return;
        }
    }
}

struct Bell;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        ring();
    }
}
