//! The threads of a run, for jobs that do not wait for each other.

use std::{any::Any, sync::OnceLock};

use anyio_core::{Blocking, NoRuntime};

use super::{errand::Errand, host::Spawner, queue::Queue};
use crate::{scope::catch, sys::Arc};

/// The queue of a run, and of one backend.
pub(super) type Crew<B> = Queue<Arc<dyn Errand<B>>>;

impl<B: Blocking> Crew<B> {
    /// Sends for a thread, as the queue says.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] if none is to be had from here. Jobs that nobody else will do are refused.
    pub(super) fn send(self: &Arc<Self>, spawner: Spawner<B>) -> Result<(), NoRuntime> {
        let mut hand = Hand { crew: Arc::clone(self), spawner, free: true };
        B::spawn_blocking(move || hand.work()).map(drop)
    }
}

/// A thread on its way, and when it has come.
struct Hand<B: Blocking> {
    crew: Arc<Crew<B>>,
    spawner: Spawner<B>,
    free: bool,
}

impl<B: Blocking> Hand<B> {
    fn work(&mut self) {
        let Self { crew, spawner, free } = self;
        crew.work(free, |job, sends| {
            let send = || {
                // If it fails, the calls hear it.
                _ = catch(|| crew.send(spawner.clone()));
            };
            job.run(spawner, if sends { Some(&send) } else { None });
        });
    }
}

impl<B: Blocking> Drop for Hand<B> {
    fn drop(&mut self) {
        if self.free {
            for job in self.crew.lose() {
                job.refuse();
            }
        }
    }
}

/// Those of a run: one for calls that name its backend, and one for those that ask which that is.
#[derive(Default)]
pub(super) struct Crews([OnceLock<Box<dyn Any + Send + Sync>>; 2]);

impl Crews {
    /// That of `B`; none if two others have been here before.
    pub(super) fn of<B: Blocking>(&self) -> Option<&Arc<Crew<B>>> {
        let make = || -> Box<dyn Any + Send + Sync> { Box::new(Arc::<Crew<B>>::default()) };
        self.0.iter().find_map(|crew| crew.get_or_init(make).downcast_ref())
    }
}
