//! What several files of cases share.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook},
    sync::{Arc, Once},
    thread::JoinHandle,
};

use anyio_core::{Cancelled, Event as _, Runtime};
use futures_util::FutureExt as _;

use crate::support::until;

/// What the groups of the cases fail with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Cancelled(Cancelled),
    Named(&'static str),
}

impl From<Cancelled> for Failure {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// An event that tasks share.
pub(super) fn event<B: Runtime>() -> Arc<B::Event> {
    Arc::new(B::Event::new())
}

/// Waits for a thread that is not the runtime's.
pub(super) async fn joined<B: Runtime, T>(thread: JoinHandle<T>) -> T {
    until::<B>(|| thread.is_finished()).await;
    thread.join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Raises its event when it is dropped.
pub(super) struct SetOnDrop<B: Runtime>(pub(super) Arc<B::Event>);

impl<B: Runtime> Drop for SetOnDrop<B> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// What a panic carries; two are the same if they are the same allocation.
#[derive(Clone, Debug)]
pub(super) struct Payload(Arc<str>);

impl Payload {
    pub(super) fn new(what: &'static str) -> Self {
        Self(Arc::from(what))
    }

    /// Panics with it, and without a report on the screen.
    pub(super) fn throw<T>(&self) -> T {
        resume_unwind(Box::new(self.clone()))
    }

    /// That `future` panics with it.
    pub(super) async fn comes_out_of<F: Future>(&self, future: F) {
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(_) => panic!("{self:?} was lost"),
            Err(payload) => self.is(&*payload),
        }
    }

    pub(super) fn is(&self, payload: &(dyn Any + Send)) {
        let payload = payload.downcast_ref::<Self>().expect("it is the payload of this case");
        assert!(Arc::ptr_eq(&self.0, &payload.0), "{self:?} expected, not {payload:?}");
    }
}

/// Panics with its payload when it is dropped.
pub(super) struct ThrowOnDrop(pub(super) Payload);

impl Drop for ThrowOnDrop {
    fn drop(&mut self) {
        self.0.throw::<()>();
    }
}

/// A panic as it would have been reported.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) words: String,
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default()
        .to_owned()
}

/// The report of the panic of `f`, if it does panic; nothing is printed.
pub(super) fn report_of<R>(f: impl FnOnce() -> R) -> Option<Report> {
    thread_local! {
        static WATCHED: Cell<bool> = const { Cell::new(false) };
        static REPORT: RefCell<Option<Report>> = const { RefCell::new(None) };
    }
    static HOOK: Once = Once::new();
    // The hook belongs to the process, what it notes to the thread.
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return others(info);
            }
            let report = Report {
                file: info.location().map_or_else(String::new, |place| place.file().to_owned()),
                line: info.location().map_or(0, std::panic::Location::line),
                words: words(info.payload()),
            };
            REPORT.set(Some(report));
        }));
    });
    WATCHED.set(true);
    let panicked = catch_unwind(AssertUnwindSafe(f)).is_err();
    WATCHED.set(false);
    REPORT.take().filter(|_| panicked)
}
