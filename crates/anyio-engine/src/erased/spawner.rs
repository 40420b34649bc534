//! Executors and timers without their type.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyio_core::Spawn;

trait DynSpawn: Send + Sync {
    fn spawn_task(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

impl<S: Spawn> DynSpawn for S {
    fn spawn_task(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        Spawn::spawn_task(self, task);
    }
}

/// A handle on a running executor of any backend. A spawn costs one box.
#[derive(Clone)]
pub struct AnySpawner(Arc<dyn DynSpawn>);

impl AnySpawner {
    pub(crate) fn new(spawner: impl Spawn) -> Self {
        Self(Arc::new(spawner))
    }
}

impl Spawn for AnySpawner {
    fn spawn_task<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn_task(Box::pin(task));
    }
}

impl fmt::Debug for AnySpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySpawner")
    }
}

/// A timer of any backend.
pub struct AnyTimer(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl AnyTimer {
    pub(super) fn new(timer: impl Future<Output = ()> + Send + Sync + 'static) -> Self {
        Self(Box::pin(timer))
    }
}

impl Future for AnyTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for AnyTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyTimer")
    }
}
