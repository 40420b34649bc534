//! The threads of a run, for jobs that do not wait for each other.

use std::{any::Any, collections::VecDeque, panic::resume_unwind, sync::OnceLock};

use anyio_core::{Blocking, NoRuntime, Spawn as _};

use super::{errand::Errand, queue::Queue, way::Way};
use crate::{
    context::outside,
    scope::{catch, hush},
    sys::Arc,
};

type Job<B> = Arc<dyn Errand<B>>;

/// Those of one executor. Other runtimes' jobs do not come here, even if they are of the same run.
pub(super) struct Crew<B: Blocking> {
    queue: Queue<Job<B>>,
    spawner: B::Spawner,
}

impl<B: Blocking> Crew<B> {
    /// Has a thread do `job`, one that is there or one that is sent for.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] if one was to be sent for and is not to be had from here. Jobs that nobody else will do
    /// are refused.
    pub(super) fn put(self: &Arc<Self>, job: Job<B>) -> Result<(), NoRuntime> {
        if self.queue.put(job) { self.send() } else { Ok(()) }
    }

    /// Sends for a thread, as the queue says.
    fn send(self: &Arc<Self>) -> Result<(), NoRuntime> {
        let way = Arc::new(Way::default());
        let mut hand = Hand { crew: Arc::clone(self), way: Arc::clone(&way), free: true };
        match catch(|| B::spawn_blocking(move || hand.work()).map(drop)) {
            Ok(sent) => {
                if way.is_lost_when_sent() {
                    refuse::<B>(self.queue.lose());
                }
                sent
            }
            Err(payload) => {
                // The pool may have kept it, and come back to it some day.
                if way.give_up() {
                    refuse::<B>(self.queue.lose());
                }
                resume_unwind(payload)
            }
        }
    }
}

/// The calls hear that nobody does these jobs. Those of whom nobody waits go here, and see nothing of where
/// that is.
fn refuse<B: Blocking>(jobs: VecDeque<Job<B>>) {
    outside(|| {
        for job in jobs {
            job.refuse();
        }
    });
}

/// A thread on its way, and when it has come.
struct Hand<B: Blocking> {
    crew: Arc<Crew<B>>,
    way: Arc<Way>,
    /// It has not come yet, or has nothing to do.
    free: bool,
}

impl<B: Blocking> Hand<B> {
    fn work(&mut self) {
        let Self { crew, way, free } = self;
        *free = way.come();
        crew.queue.work(free, |job, sends| {
            // If it fails, the calls hear it.
            let send = || hush(|| drop(crew.send()));
            job.run(Ok(&crew.spawner), if sends { Some(&send) } else { None });
        });
    }
}

impl<B: Blocking> Drop for Hand<B> {
    fn drop(&mut self) {
        if self.free && self.way.lose() {
            refuse::<B>(self.crew.queue.lose());
        }
    }
}

/// Those of a run: one for calls that name its backend, and one for those that ask which that is.
#[derive(Default)]
pub(super) struct Crews([OnceLock<Box<dyn Any + Send + Sync>>; 2]);

impl Crews {
    /// That of `B` on the executor of `spawner`; none if others have been here before, or if it cannot be told.
    pub(super) fn of<B: Blocking>(&self, spawner: &B::Spawner) -> Option<&Arc<Crew<B>>> {
        if !spawner.is_same(spawner) {
            return None;
        }
        let make = || -> Box<dyn Any + Send + Sync> {
            let crew = Crew::<B> { queue: Queue::default(), spawner: spawner.clone() };
            Box::new(Arc::new(crew))
        };
        let crew: &Arc<Crew<B>> =
            self.0.iter().find_map(|crew| crew.get_or_init(make).downcast_ref())?;
        crew.spawner.is_same(spawner).then_some(crew)
    }
}
