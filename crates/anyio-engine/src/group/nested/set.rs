//! The tasks of a group, each of which is polled when it was woken.

use std::{
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use slab::Slab;

use super::{
    block::{Block, TASKS},
    door::Door,
    inbox::Inbox,
};
use crate::sys::Arc;

/// How many polls a group makes before others have a turn.
const TURN: usize = 128;
/// How often a task may wake itself before that: it wants others to have a turn.
const YIELDS: usize = 2;

/// Tasks come from the inbox, and are polled for the first time in the order in which they were
/// spawned. Those that were woken are polled block by block; each once before any of them is polled again.
///
/// A task that ends in its first poll is never put anywhere. The others take two words each, and a
/// waker that is a bit in their block: nothing is allocated for one alone.
pub(super) struct Set<C> {
    tasks: Slab<C>,
    /// The wakers of the tasks in the slab, by place.
    blocks: Vec<Arc<Block>>,
    door: Arc<Door>,
    /// Those that were not polled yet.
    fresh: vec::IntoIter<C>,
    /// Blocks in which tasks were woken, the next one last.
    due: Vec<usize>,
    /// What is left to do of a block, as a set of bits.
    woken: u64,
    /// Which block that is.
    current: usize,
}

/// What is left of a turn.
struct Turn {
    polls: usize,
    yields: usize,
}

impl Turn {
    const fn is_over(&self) -> bool {
        self.polls == 0 || self.yields == 0
    }
}

impl<C> Set<C> {
    pub(super) fn len(&self) -> usize {
        self.tasks.len() + self.fresh.as_slice().len()
    }
}

impl<C: Future<Output = ()> + Unpin> Set<C> {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self {
            tasks: Slab::new(),
            blocks: Vec::new(),
            door,
            fresh: Vec::new().into_iter(),
            due: Vec::new(),
            woken: 0,
            current: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.fresh.as_slice().is_empty()
    }

    /// Polls new tasks and those that were woken; whether there is more to do than fits into one turn.
    pub(super) fn poll(&mut self, inbox: &Inbox<C>) -> bool {
        let mut turn = Turn { polls: TURN, yields: YIELDS };
        loop {
            while !turn.is_over()
                && let Some(task) = self.fresh.next()
            {
                self.start(task, &mut turn);
            }
            while !turn.is_over()
                && let Some(place) = self.next_woken()
            {
                self.go_on(place, &mut turn);
            }
            if turn.is_over() {
                return true;
            }
            self.fresh = inbox.take().into_iter();
            self.door.take(&mut self.due);
            self.due.reverse();
            if self.fresh.as_slice().is_empty() && self.due.is_empty() {
                return false;
            }
        }
    }

    /// The next task that was woken.
    fn next_woken(&mut self) -> Option<usize> {
        while self.woken == 0 {
            self.current = self.due.pop()?;
            self.woken = self.blocks[self.current].take();
        }
        let index = self.woken.trailing_zeros() as usize;
        self.woken &= self.woken - 1;
        Some(self.current * TASKS + index)
    }

    fn start(&mut self, mut task: C, turn: &mut Turn) {
        let place = self.tasks.vacant_key();
        if place / TASKS == self.blocks.len() {
            self.blocks.push(Block::new(self.blocks.len(), Arc::clone(&self.door)));
        }
        if poll(&self.blocks, place, &mut task, turn).is_pending() {
            self.tasks.insert(task);
        }
    }

    fn go_on(&mut self, place: usize, turn: &mut Turn) {
        // It may have been woken after it had ended.
        let Some(task) = self.tasks.get_mut(place) else { return };
        if poll(&self.blocks, place, task, turn).is_ready() {
            let task = self.tasks.remove(place);
            drop(task);
        }
    }
}

fn poll<C>(blocks: &[Arc<Block>], place: usize, task: &mut C, turn: &mut Turn) -> Poll<()>
where
    C: Future<Output = ()> + Unpin,
{
    let (block, index) = (&blocks[place / TASKS], place % TASKS);
    let waker = block.waker(index);
    let poll = Pin::new(task).poll(&mut Context::from_waker(&waker));
    turn.polls -= 1;
    turn.yields -= usize::from(poll.is_pending() && block.is_woken(index));
    poll
}
