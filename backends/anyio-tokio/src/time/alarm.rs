//! One timer of tokio's, for all timers of a runtime.
//!
//! tokio's own would do for each. But each takes the driver's lock twice and a place in its wheel, which most
//! leave long before they are due: those of deadlines that were met.
//!
//! # Invariants
//!
//! 1. As long as somebody waits, [`State::at`] is not later than the first of their deadlines, and
//!    [`State::sleep`] ends then, or is about to be put there by whoever has written the time. Or else the
//!    runtime has ended, and nobody waits.
//! 2. Nothing of others' runs under the lock: no waker is woken, dropped or cloned there, and tokio's driver
//!    is not called.
//! 3. Only what is armed, and what waits, has a share in the runtime. Who can be found here has none.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Wake, Waker},
    time::Instant,
};

use anyio_core::Clock as _;
use anyio_engine::{TimerPlace, TimerQueue};
use tokio::{
    runtime::{Handle, Id},
    task::coop::unconstrained,
    time::{Sleep, sleep_until},
};

use crate::Tokio;

/// How many are woken at a time, the lock being free in between.
const BATCH: usize = 128;

/// Those of all runtimes.
static ALARMS: Mutex<Vec<(Id, Weak<Alarm>)>> = Mutex::new(Vec::new());

thread_local! {
    /// The one that this thread has used last.
    static LAST: RefCell<Option<(Id, Arc<Alarm>)>> = const { RefCell::new(None) };
}

/// The timers of one runtime.
pub(super) struct Alarm {
    state: Mutex<State>,
    /// The runtime has; one that has the same number is another. Written under the lock.
    ended: AtomicBool,
}

struct State {
    queue: TimerQueue,
    /// When it goes off; none if it is not set.
    at: Option<Instant>,
    /// What makes it go off.
    sleep: Option<Pin<Box<Sleep>>>,
    /// The clock is a test's, which goes from one timer to the next: it must not come to one that nobody
    /// waits for.
    exact: bool,
}

/// That of the runtime.
///
/// # Panics
///
/// If the runtime has no timers.
#[inline]
#[track_caller]
pub(super) fn of(runtime: &Handle) -> Arc<Alarm> {
    let id = runtime.id();
    let last = LAST.try_with(|last| match &*last.borrow() {
        Some((of, alarm)) if *of == id && !alarm.ended.load(Relaxed) => Some(Arc::clone(alarm)),
        _ => None,
    });
    match last {
        Ok(Some(alarm)) => alarm,
        _ => find(runtime),
    }
}

#[cold]
#[track_caller]
fn find(runtime: &Handle) -> Arc<Alarm> {
    {
        // Whether it has timers can be seen only by making one.
        let _inside = runtime.enter();
        drop(sleep_until(tokio::time::Instant::now()));
    }
    let id = runtime.id();
    let mut alarms = ALARMS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known = None;
    alarms.retain(|(of, alarm)| {
        let Some(alarm) = alarm.upgrade() else { return false };
        let running = !alarm.ended.load(Relaxed);
        if running && *of == id {
            known = Some(alarm);
        }
        running
    });
    let alarm = known.unwrap_or_else(|| {
        let alarm = Arc::new(Alarm::new());
        alarms.push((id, Arc::downgrade(&alarm)));
        alarm
    });
    drop(alarms);
    // The thread may be at its end, and have none any more.
    let before = LAST.try_with(|last| last.replace(Some((id, Arc::clone(&alarm)))));
    drop(before);
    alarm
}

impl Alarm {
    const fn new() -> Self {
        let state = State { queue: TimerQueue::new(), at: None, sleep: None, exact: false };
        Self { state: Mutex::new(state), ended: AtomicBool::new(false) }
    }

    /// Has `waker` woken at `deadline`. None if the runtime has ended.
    #[inline]
    pub(super) fn wait(
        self: &Arc<Self>,
        runtime: &Handle,
        deadline: Instant,
        waker: Waker,
    ) -> Option<TimerPlace> {
        let mut state = self.lock();
        if self.has_ended() {
            drop(state);
            drop(waker);
            return None;
        }
        let place = state.queue.enter(deadline, waker);
        let is_first = state.at.is_none_or(|at| deadline < at);
        if is_first {
            state.at = Some(deadline);
        }
        drop(state);
        if is_first {
            self.set(runtime, deadline);
        }
        Some(place)
    }

    /// From now on it is `waker` that is woken. False if somebody has been.
    pub(super) fn wake(&self, place: &TimerPlace, waker: &Waker) -> bool {
        match self.lock().queue.wakes(place, waker) {
            None => return false,
            Some(true) => return true,
            Some(false) => {}
        }
        let waker = waker.clone();
        let replaced = self.lock().queue.replace(place, waker);
        replaced.is_ok()
    }

    /// Nobody is woken.
    #[inline]
    pub(super) fn leave(self: &Arc<Self>, runtime: &Handle, place: &TimerPlace) {
        let mut state = self.lock();
        let waker = state.queue.leave(place);
        let exact = state.exact;
        drop(state);
        drop(waker);
        if exact {
            self.correct(runtime);
        }
    }

    /// Whether the runtime has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it go off at `at`, as has been written.
    #[cold]
    fn set(self: &Arc<Self>, runtime: &Handle, at: Instant) {
        // Its clock may be a test's.
        let _inside = runtime.enter();
        let exact = is_virtual();
        if exact {
            self.lock().exact = true;
        }
        if !self.arm(Box::pin(sleep_until(at.into())), at) {
            self.ring();
        }
    }

    /// Makes it go off when somebody waits for it, and not before.
    #[cold]
    fn correct(self: &Arc<Self>, runtime: &Handle) {
        let _inside = runtime.enter();
        let mut state = self.lock();
        let first = state.queue.first();
        if first == state.at {
            return;
        }
        state.at = first;
        let sleep = state.sleep.take();
        drop(state);
        match (first, sleep) {
            (Some(at), Some(sleep)) => {
                if !self.arm(sleep, at) {
                    self.ring();
                }
            }
            (Some(at), None) => self.set(runtime, at),
            (None, sleep) => drop(sleep),
        }
    }

    /// Has `sleep` end at `at`. False if it has ended: its time has come, or the runtime's.
    fn arm(self: &Arc<Self>, mut sleep: Pin<Box<Sleep>>, at: Instant) -> bool {
        sleep.as_mut().reset(at.into());
        if !sleep.is_elapsed() {
            let bell = Waker::from(Arc::clone(self));
            let context = &mut Context::from_waker(&bell);
            // It panics if the runtime has ended just now; then it has ended, too.
            let poll = || pin!(unconstrained(sleep.as_mut())).poll(context).is_ready();
            _ = catch_unwind(AssertUnwindSafe(poll));
        }
        let mut state = self.lock();
        if state.at != Some(at) {
            // Somebody has set it since, to another time.
            drop(state);
            drop(sleep);
            return true;
        }
        let replaced = state.sleep.replace(sleep);
        // It may have ended before it was there to be looked at.
        let armed = state.sleep.as_ref().is_some_and(|sleep| !sleep.is_elapsed());
        drop(state);
        drop(replaced);
        armed
    }

    /// Wakes those whose time has come, and sets the alarm for the next ones.
    fn ring(self: &Arc<Self>) {
        let mut due = Vec::new();
        loop {
            let now = Tokio::now();
            let mut state = self.lock();
            let at = state.at;
            // tokio's timers are never early; only with their runtime they end before their time. The clock is
            // looked at after the timer, which may have ended since `now`.
            let ended = self.has_ended()
                || state.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed())
                    && at.is_some_and(|at| at > Tokio::now());
            if ended {
                self.ended.store(true, Relaxed);
                due.extend(std::iter::from_fn(|| state.queue.any()).take(BATCH));
            } else {
                due.extend(std::iter::from_fn(|| state.queue.next_due(now)).take(BATCH));
            }
            let whole = due.len() < BATCH;
            let (mut sleep, mut next) = (None, None);
            // Or else somebody has set it since, or this was one that had been set before. One that is not there
            // yet will be found to have ended by whoever puts it there.
            if whole && state.sleep.is_some() && (ended || at.is_some_and(|at| at <= now)) {
                next = state.queue.first();
                state.at = next;
                sleep = state.sleep.take();
            }
            drop(state);
            for waker in due.drain(..) {
                // One that panics does not keep the others from being woken; its words have been printed.
                drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
            }
            let armed = match (next, sleep) {
                (Some(at), Some(sleep)) => self.arm(sleep, at),
                (_, unwanted) => {
                    drop(unwanted);
                    true
                }
            };
            if whole && armed {
                return;
            }
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// Whether tokio's clock is, or has ever been, another one than the system's.
fn is_virtual() -> bool {
    let before = Tokio::now();
    let real = Instant::now();
    let after = Tokio::now();
    !(before..=after).contains(&real)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::*;

    /// A test's clock goes on to the first timer there is at once: so there is one for those who wait alone.
    #[test]
    fn a_clock_of_a_test_goes_to_nobody_who_has_left() {
        let runtime =
            Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let runtime = Handle::current();
            let alarm = of(&runtime);
            let set_to = |alarm: &Alarm| {
                let state = alarm.lock();
                let sleep = state.sleep.as_ref().map(|sleep| sleep.deadline().into_std());
                assert_eq!(sleep, state.at);
                state.at
            };
            let [soon, late] = [1, 10].map(|at| Tokio::now() + Duration::from_secs(at));
            let wait = |at| alarm.wait(&runtime, at, Waker::noop().clone()).expect("it runs");
            let (second, first) = (wait(late), wait(soon));
            assert_eq!(set_to(&alarm), Some(soon));
            alarm.leave(&runtime, &first);
            assert_eq!(set_to(&alarm), Some(late));
            alarm.leave(&runtime, &second);
            assert_eq!(set_to(&alarm), None);
        });
    }
}
