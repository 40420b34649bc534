//! Telling a job to stop.

use std::{
    fmt,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use anyio_core::Cancelled;

use crate::{
    sys::{Arc, Weak},
    tree::{Member, Members, Node},
};

/// Tells a job that nobody needs it any more. Given to the job of
/// [`to_thread_with_stop`](crate::to_thread_with_stop).
///
/// A job asks now and then, or sleeps here instead of elsewhere. Threads that it starts may ask, too.
#[doc(alias = "CancellationToken")]
pub struct StopToken {
    /// The call's.
    node: Arc<Node>,
    alarm: Arc<Alarm>,
}

impl StopToken {
    pub(super) fn new(node: Arc<Node>) -> Self {
        let alarm = Arc::new(Alarm::default());
        let members: Weak<Alarm> = Arc::downgrade(&alarm);
        node.set_members(members);
        Self { node, alarm }
    }

    /// Whether the job shall stop: the task that waits for it is cancelled, or its future was dropped.
    #[must_use]
    pub fn is_stop_requested(&self) -> bool {
        self.node.is_effective()
    }

    /// For jobs that end with `?` when they shall stop.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], with the cause, if the job shall stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.node.is_effective() { Err(Cancelled::new(self.node.origin())) } else { Ok(()) }
    }

    /// Sleeps until the job shall stop.
    ///
    /// # Blocking
    ///
    /// Blocks the thread. If the task that waits is never cancelled, for ever.
    pub fn wait(&self) {
        self.sleep(None);
    }

    /// Sleeps for `duration`, or until the job shall stop. Whether it shall.
    ///
    /// # Blocking
    ///
    /// Blocks the thread.
    #[must_use = "it says whether to stop"]
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        self.sleep(Some(duration));
        self.is_stop_requested()
    }

    fn sleep(&self, limit: Option<Duration>) {
        self.alarm.wait(limit, || self.node.is_effective());
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken").field("stop_requested", &self.is_stop_requested()).finish()
    }
}

/// Ends the sleep of threads.
///
/// # Invariants
///
/// What is waited for becomes true first, and is rung for afterwards, under the lock. Who waits looks
/// under the lock. So either it is seen, or the ringing finds somebody asleep.
#[derive(Default)]
struct Alarm {
    lock: Mutex<()>,
    rung: Condvar,
}

impl Alarm {
    fn ring(&self) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.rung.notify_all();
        drop(guard);
    }

    /// Blocks until `done`, or until `limit` has passed.
    fn wait(&self, limit: Option<Duration>, done: impl Fn() -> bool) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut ()| !done();
        match limit {
            None => drop(self.rung.wait_while(guard, asleep)),
            Some(limit) => drop(self.rung.wait_timeout_while(guard, limit, asleep)),
        }
    }
}

/// The node says here that it is effective now.
impl Members for Alarm {
    fn wake_all(&self) {
        self.ring();
    }

    /// A job is no task.
    fn list(&self) -> Vec<Member> {
        Vec::new()
    }
}
