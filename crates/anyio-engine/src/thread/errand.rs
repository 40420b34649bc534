//! A job on its way to a thread, and what it gives on the way back.

use std::{
    any::Any,
    mem,
    task::{Context, Poll, Waker},
};

use anyio_core::{Blocking, Executor, NoRuntime};

use super::host::{Here, Origin};
use crate::{
    context::{enter, job},
    scope::{catch, forget, hush},
    sync::NamelessToken,
    sys::{Arc, Mutex, MutexGuard},
    trace,
};

/// What a thread does, whatever its types.
pub(super) trait Errand<B: Executor>: Send + Sync {
    /// Does it, on this thread. `first` is called where the job is, before it: there it is known what runtime
    /// this is, and what backend. `spawner` is what spawns there.
    fn run(&self, spawner: Result<&B::Spawner, &NoRuntime>, first: Option<&dyn Fn()>);

    /// No thread will do it.
    fn refuse(&self);
}

/// All that a job is.
pub(super) struct Work<F> {
    pub(super) job: F,
    pub(super) origin: Origin,
    /// Given back when nothing is left of the job.
    pub(super) token: NamelessToken,
}

/// What the call and the thread share.
///
/// # Invariants
///
/// The state changes under the lock, and nobody else's code runs there. Who changes it for the call wakes it
/// afterwards, and the call leaves its waker in the critical section in which it looks.
pub(super) struct Shelf<F, T> {
    inner: Mutex<Inner<F, T>>,
}

struct Inner<F, T> {
    state: State<F, T>,
    /// None if nobody waits any more.
    waker: Option<Waker>,
}

enum State<F, T> {
    Ready(Work<F>),
    Running,
    Ended(Ended<T>),
    Refused(Work<F>),
    /// The call has got what there was to get, or does not wait for it.
    Taken,
}

/// What becomes of a job.
pub(super) enum Outcome<F, T> {
    Ended(Ended<T>),
    Refused(Work<F>),
}

impl<F, T> Shelf<F, T> {
    /// For a call that waits with `cx` already.
    pub(super) fn new(work: Work<F>, cx: &Context<'_>) -> Arc<Self> {
        let (state, waker) = (State::Ready(work), Some(cx.waker().clone()));
        Arc::new(Self { inner: Mutex::from(Inner { state, waker }) })
    }

    /// Waits for what becomes of it.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Outcome<F, T>> {
        let mut fresh = None;
        loop {
            let mut inner = self.inner.lock();
            match mem::replace(&mut inner.state, State::Taken) {
                State::Ended(ended) => return Poll::Ready(Outcome::Ended(ended)),
                State::Refused(work) => return Poll::Ready(Outcome::Refused(work)),
                state => inner.state = state,
            }
            let knows = inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
            if let Some(waker) = if knows { None } else { fresh.take() } {
                let before = inner.waker.replace(waker);
                drop((inner, before));
                return Poll::Pending;
            }
            drop(inner);
            if knows {
                return Poll::Pending;
            }
            fresh = Some(cx.waker().clone());
        }
    }

    /// Takes the job back, if no thread will do it. (If it is still to be done, it stays: one comes for it.)
    pub(super) fn take_refused(&self) -> Option<Work<F>> {
        let mut inner = self.inner.lock();
        match mem::replace(&mut inner.state, State::Taken) {
            State::Refused(work) => Some(work),
            state => {
                inner.state = state;
                None
            }
        }
    }

    /// Nobody waits from now on: the job goes on alone.
    pub(super) fn let_go(&self) {
        let mut inner = self.inner.lock();
        let waker = inner.waker.take();
        let rest = match mem::replace(&mut inner.state, State::Taken) {
            state @ (State::Ready(_) | State::Running) => {
                inner.state = state;
                None
            }
            state => Some(state),
        };
        drop(inner);
        drop((waker, rest));
    }

    /// Says what has become of it. If nobody waits, it is dropped.
    fn report(mut inner: MutexGuard<'_, Inner<F, T>>, state: State<F, T>) {
        let Some(waker) = inner.waker.take() else {
            drop(inner);
            return hush(|| drop(state));
        };
        inner.state = state;
        drop(inner);
        // This is a thread of others, whom no panic shall meet.
        hush(|| waker.wake());
    }
}

impl<B, F, T> Errand<B> for Shelf<F, T>
where
    B: Executor,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(&self, spawner: Result<&B::Spawner, &NoRuntime>, first: Option<&dyn Fn()>) {
        let state = mem::replace(&mut self.inner.lock().state, State::Running);
        let State::Ready(work) = state else { unreachable!("a job is done once") };
        let Work { job, origin, token } = work;
        let ended = job::enter(&Here::<B> { origin: &origin, spawner }, || {
            if let Some(first) = first {
                let _inside = origin.backend().map(enter);
                first();
            }
            Ended(Some(catch(job)))
        });
        // What was set for the job may go with that. If its destructor panics, that is the job's panic, if there
        // is none yet.
        let ended = match catch(|| drop((origin, token))) {
            Ok(()) => ended,
            Err(payload) if ended.is_value() => {
                hush(|| drop(ended));
                Ended(Some(Err(payload)))
            }
            Err(later) => {
                forget(later);
                ended
            }
        };
        Self::report(self.inner.lock(), State::Ended(ended));
    }

    fn refuse(&self) {
        let mut inner = self.inner.lock();
        let state = mem::replace(&mut inner.state, State::Taken);
        let State::Ready(work) = state else { unreachable!("who refuses a job has it") };
        Self::report(inner, State::Refused(work));
    }
}

/// A thread for one job alone, on its way.
pub(super) struct Single<B: Blocking> {
    errand: Option<Arc<dyn Errand<B>>>,
    /// In a box since the error is larger than all the rest.
    spawner: Result<B::Spawner, Box<NoRuntime>>,
}

impl<B: Blocking> Single<B> {
    /// Sends for it.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] if none is to be had from here. The job is refused.
    pub(super) fn send(
        errand: Arc<dyn Errand<B>>,
        spawner: Result<B::Spawner, NoRuntime>,
    ) -> Result<(), NoRuntime> {
        let mut single = Self { errand: Some(errand), spawner: spawner.map_err(Box::new) };
        B::spawn_blocking(move || single.work()).map(drop)
    }

    fn work(&mut self) {
        if let Some(errand) = self.errand.take() {
            errand.run(self.spawner.as_ref().map_err(|error| &**error), None);
        }
    }
}

impl<B: Blocking> Drop for Single<B> {
    fn drop(&mut self) {
        if let Some(errand) = self.errand.take() {
            errand.refuse();
        }
    }
}

/// What a job has given, or the panic it ended with. If nobody takes it, it is dropped where a panic does no
/// harm, and one that is in it is reported.
pub(super) struct Ended<T>(Option<Result<T, Box<dyn Any + Send>>>);

impl<T> Ended<T> {
    const fn is_value(&self) -> bool {
        matches!(self.0, Some(Ok(_)))
    }

    pub(super) fn take(mut self) -> Result<T, Box<dyn Any + Send>> {
        let Some(result) = self.0.take() else { unreachable!("it is taken once") };
        result
    }
}

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        let Some(result) = self.0.take() else { return };
        if let Err(payload) = catch(|| result.map(drop)).and_then(|result| result) {
            trace::abandoned_panic(&*payload);
            forget(payload);
        }
    }
}
