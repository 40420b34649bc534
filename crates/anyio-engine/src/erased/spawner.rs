//! Executors and timers without their type.

use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyio_core::Spawn;
use pin_project_lite::pin_project;

use super::packed::{Packed, fits};

/// How many words a task of each kind may have that is no more than itself. Larger ones are in a box: they
/// would be copied where that is cheaper.
const SMALL: usize = 4;
const MEDIUM: usize = 8;
const LARGE: usize = 16;
const HUGE: usize = 32;

trait DynSpawn: Any + Send + Sync {
    fn spawn_small(&self, task: Packed<SMALL>);
    fn spawn_medium(&self, task: Packed<MEDIUM>);
    fn spawn_large(&self, task: Packed<LARGE>);
    fn spawn_huge(&self, task: Packed<HUGE>);
    fn spawn_boxed(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
    fn is_same_as(&self, other: &dyn Any) -> bool;
}

impl<S: Spawn> DynSpawn for S {
    fn spawn_small(&self, task: Packed<SMALL>) {
        self.spawn_task(task);
    }

    fn spawn_medium(&self, task: Packed<MEDIUM>) {
        self.spawn_task(task);
    }

    fn spawn_large(&self, task: Packed<LARGE>) {
        self.spawn_task(task);
    }

    fn spawn_huge(&self, task: Packed<HUGE>) {
        self.spawn_task(task);
    }

    fn spawn_boxed(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.spawn_task(task);
    }

    fn is_same_as(&self, other: &dyn Any) -> bool {
        other.downcast_ref().is_some_and(|other| self.is_same(other))
    }
}

/// A handle on a running executor of any backend. A spawn costs a virtual call; a task that is large is in
/// a box.
#[derive(Clone)]
pub struct AnySpawner(Arc<dyn DynSpawn>);

impl AnySpawner {
    pub(crate) fn new(spawner: impl Spawn) -> Self {
        Self(Arc::new(spawner))
    }
}

impl Spawn for AnySpawner {
    #[inline]
    fn spawn_task<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let spawner = &*self.0;
        // What fits is known when this is compiled.
        if fits::<F>(SMALL) {
            spawner.spawn_small(Packed::new(task));
        } else if fits::<F>(MEDIUM) {
            spawner.spawn_medium(Packed::new(task));
        } else if fits::<F>(LARGE) {
            spawner.spawn_large(Packed::new(task));
        } else if fits::<F>(HUGE) {
            spawner.spawn_huge(Packed::new(task));
        } else {
            spawner.spawn_boxed(Box::pin(task));
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let other: &dyn DynSpawn = &*other.0;
        self.0.is_same_as(other)
    }
}

impl fmt::Debug for AnySpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySpawner")
    }
}

/// How many words a timer may have that is no more than itself. Those of all backends here have no more.
const TIMER: usize = 10;

pin_project! {
    /// A timer of any backend. It is in no box, unless it is a large one.
    pub struct AnyTimer {
        #[pin]
        timer: Packed<TIMER>,
    }
}

impl AnyTimer {
    #[inline]
    pub(super) fn new<T: Future<Output = ()> + Send + 'static>(timer: T) -> Self {
        // As above.
        let timer =
            if fits::<T>(TIMER) { Packed::new(timer) } else { Packed::new(Box::pin(timer)) };
        Self { timer }
    }
}

impl Future for AnyTimer {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().timer.poll(cx)
    }
}

impl fmt::Debug for AnyTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyTimer")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        future::{Ready, ready},
        pin::pin,
        task::Waker,
    };

    use super::*;

    /// A timer that fits and one that does not are waited for in the same way, and dropped.
    #[test]
    fn timers_of_any_size() {
        fn ends<const WORDS: usize>() {
            let counted = Arc::new(());
            let held = (Arc::clone(&counted), [0_usize; WORDS]);
            let timer = AnyTimer::new(async move {
                let held = held;
                let short: Ready<()> = ready(());
                short.await;
                assert_eq!(held.1, [0; WORDS]);
            });
            assert_eq!(Arc::strong_count(&counted), 2);
            assert!(pin!(timer).poll(&mut Context::from_waker(Waker::noop())).is_ready());
            assert_eq!(Arc::strong_count(&counted), 1);
        }
        ends::<1>();
        ends::<100>();
    }
}
