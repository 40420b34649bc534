//! What the clones of a scope's handle share.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyio_core::{Cause, CauseKind};

use crate::{
    context::Verdict,
    sys::{Arc, AtomicBool, AtomicU32, Mutex, Ordering},
    tree::{Flags, Node, Site},
};

/// The state of a scope. Each `run` of it has a node of its own; this keeps them alike.
///
/// # Invariants
///
/// 1. A run registers its node under the lock that also guards what the node is made from, so it
///    misses no change: one that came before is in the node, one that comes after finds it.
/// 2. `cancelled` and `shielded` mirror what the lock guards, and are written under it. Nodes are
///    touched after it was let go; a node that changes reads this state under its own lock, so the
///    order is node before control, never the other way.
#[derive(Debug, Default)]
pub(super) struct Control {
    cancelled: AtomicBool,
    shielded: AtomicBool,
    /// It was asked to come to an end.
    asked: AtomicBool,
    /// Counts the changes of the deadline, so that a run sees without a lock whether it has to look.
    version: AtomicU32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    cause: Option<Cause>,
    deadline: Option<Instant>,
    /// A relative deadline, until the end of the first poll of the first run.
    timeout: Option<Duration>,
    /// When the time is over that a shutdown gives.
    grace_end: Option<Instant>,
    caught: bool,
    runs: Runs,
}

/// The nodes of the runs that have not ended. Most scopes have one at a time, and that takes no allocation.
#[derive(Debug, Default)]
struct Runs {
    first: Option<Arc<Node>>,
    /// The others, by address.
    more: BTreeMap<usize, Arc<Node>>,
}

impl Runs {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    fn insert(&mut self, node: Arc<Node>) {
        if self.first.is_none() {
            self.first = Some(node);
        } else {
            self.more.insert(node.address(), node);
        }
    }

    fn remove(&mut self, node: &Arc<Node>) -> Option<Arc<Node>> {
        self.first
            .take_if(|first| Arc::ptr_eq(first, node))
            .or_else(|| self.more.remove(&node.address()))
    }

    fn to_vec(&self) -> Vec<Arc<Node>> {
        self.first.iter().chain(self.more.values()).cloned().collect()
    }
}

impl Inner {
    /// The moment at which the work is cancelled, and as what.
    fn end(&self) -> Option<(Instant, CauseKind)> {
        let deadline = self.deadline.map(|deadline| (deadline, CauseKind::Deadline));
        let grace_end = self.grace_end.map(|end| (end, CauseKind::Shutdown));
        match (deadline, grace_end) {
            (Some(deadline), Some(grace_end)) if grace_end.0 < deadline.0 => Some(grace_end),
            (deadline, grace_end) => deadline.or(grace_end),
        }
    }
}

impl Control {
    pub(super) fn new(
        deadline: Option<Instant>,
        timeout: Option<Duration>,
        shielded: bool,
    ) -> Self {
        Self {
            shielded: AtomicBool::from(shielded),
            inner: Mutex::from(Inner { deadline, timeout, ..Inner::default() }),
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn is_shielded(&self) -> bool {
        self.shielded.load(Ordering::Acquire)
    }

    pub(super) fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.inner.lock().cause.clone()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.inner.lock().deadline
    }

    /// How many runs wait.
    pub(super) fn pending(&self) -> usize {
        self.inner.lock().runs.len()
    }

    pub(super) fn was_caught(&self) -> bool {
        self.inner.lock().caught
    }

    pub(super) fn catch(&self) {
        self.inner.lock().caught = true;
    }

    pub(super) fn cancel(&self, cause: Cause) {
        let runs = {
            let mut inner = self.inner.lock();
            if inner.cause.is_some() {
                return;
            }
            inner.cause = Some(cause.clone());
            self.cancelled.store(true, Ordering::Release);
            inner.runs.to_vec()
        };
        for node in runs {
            node.cancel(cause.clone());
        }
    }

    pub(super) fn set_shielded(&self, on: bool) {
        let runs = {
            let inner = self.inner.lock();
            self.shielded.store(on, Ordering::Release);
            inner.runs.to_vec()
        };
        for node in runs {
            node.set_shielded(|| self.is_shielded());
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Asks the work to come to an end, and cancels it at `grace_end`; the earliest of several
    /// counts.
    pub(super) fn ask(&self, grace_end: Option<Instant>) {
        let runs = {
            let mut inner = self.inner.lock();
            let earlier = match (inner.grace_end, grace_end) {
                (Some(known), Some(end)) => Some(known.min(end)),
                (known, end) => known.or(end),
            };
            inner.grace_end = earlier;
            self.asked.store(true, Ordering::Release);
            self.version.fetch_add(1, Ordering::AcqRel);
            inner.runs.to_vec()
        };
        for node in runs {
            node.set_deadline(|| self.end().map(|(end, _)| end));
            node.ask();
        }
    }

    /// The moment at which the work is cancelled, and as what.
    pub(super) fn end(&self) -> Option<(Instant, CauseKind)> {
        self.inner.lock().end()
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        let runs = {
            let mut inner = self.inner.lock();
            inner.deadline = deadline;
            inner.timeout = None;
            self.version.fetch_add(1, Ordering::AcqRel);
            inner.runs.to_vec()
        };
        for node in runs {
            node.set_deadline(|| self.end().map(|(end, _)| end));
            node.waker().wake();
        }
    }

    /// The moment at which the work is cancelled, and as what, where a relative deadline counts from
    /// `now` unless it began to count before.
    pub(super) fn start_clock(
        &self,
        now: impl FnOnce() -> Instant,
    ) -> Option<(Instant, CauseKind)> {
        let pending = self.inner.lock().timeout.is_some();
        let now = pending.then(now);
        let mut inner = self.inner.lock();
        if let (Some(timeout), Some(now)) = (inner.timeout.take(), now) {
            inner.deadline = now.checked_add(timeout);
        }
        inner.end()
    }

    /// The node of a run that was called at `site`.
    pub(super) fn make_node(&self, site: Site) -> Arc<Node> {
        let mut inner = self.inner.lock();
        let mut flags = Flags::PLAIN;
        if inner.cause.is_some() {
            flags = flags.with(Flags::CANCELLED);
        }
        if self.is_shielded() {
            flags = flags.with(Flags::SHIELD);
        }
        if self.is_asked() {
            flags = flags.with(Flags::SHUTDOWN);
        }
        let end = inner.end().map(|(end, _)| end);
        let node = Node::new(flags, |links| {
            links.label.site = site;
            links.cause = inner.cause.clone();
            links.deadline = end;
        });
        inner.runs.insert(Arc::clone(&node));
        node
    }

    /// A run has ended.
    pub(super) fn forget(&self, node: &Arc<Node>) {
        let removed = self.inner.lock().runs.remove(node);
        drop(removed);
    }

    /// Whether what is in the scope is cancelled.
    pub(super) fn verdict(&self) -> Verdict {
        if self.is_cancelled() {
            Verdict::Cancelled
        } else if self.is_shielded() {
            Verdict::Clear
        } else {
            Verdict::AskOuter
        }
    }
}
