//! The tasks of a group, each of which is polled when it was woken.

use std::task::{Context, Poll};

use slab::Slab;

use super::{
    super::tally::Tally,
    block::{Block, TASKS},
    door::Door,
    inbox::{Fresh, Inbox},
    pair::Owned,
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
    /// The wakers of the tasks in the slab, by place: those of the first ones, and where the door is.
    first: Arc<Block>,
    /// Of the others.
    more: Vec<Arc<Block>>,
    /// Those that were not polled yet.
    fresh: Fresh<C>,
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
    pub(super) fn new(first: Arc<Block>) -> Self {
        Self {
            tasks: Slab::new(),
            first,
            more: Vec::new(),
            fresh: Fresh::new(),
            due: Vec::new(),
            woken: 0,
            current: 0,
        }
    }

    /// The group's door.
    pub(super) fn door(&self) -> &Door {
        self.first.door()
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len() + self.fresh.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.fresh.is_empty()
    }
}

impl<M: ?Sized, E> Set<Owned<M, E>> {
    /// Polls new tasks and those that were woken; whether there is more to do than fits into one turn.
    #[inline(never)]
    pub(super) fn poll(&mut self, inbox: &Inbox<Owned<M, E>>, tally: &Tally<E>) -> bool {
        let mut turn = Turn { polls: TURN, yields: YIELDS };
        loop {
            while !turn.is_over()
                && let Some(task) = self.fresh.next()
            {
                self.start(task, tally, &mut turn);
            }
            while !turn.is_over()
                && let Some(place) = self.next_woken()
            {
                self.go_on(place, tally, &mut turn);
            }
            if turn.is_over() {
                return true;
            }
            let brought = self.door().brought();
            if brought.tasks {
                inbox.take(&mut self.fresh);
            }
            if brought.reports {
                self.first.door().take_reports(&mut self.due);
                self.due.reverse();
            }
            if self.fresh.is_empty() && self.due.is_empty() {
                return false;
            }
        }
    }

    /// The next task that was woken.
    fn next_woken(&mut self) -> Option<usize> {
        while self.woken == 0 {
            self.current = self.due.pop()?;
            self.woken = block(&self.first, &self.more, self.current).take();
        }
        let index = self.woken.trailing_zeros() as usize;
        self.woken &= self.woken - 1;
        Some(self.current * TASKS + index)
    }

    fn start(&mut self, mut task: Owned<M, E>, tally: &Tally<E>, turn: &mut Turn) {
        let place = self.tasks.vacant_key();
        let number = place / TASKS;
        if number > self.more.len() {
            self.more.push(self.first.another(number));
        }
        if poll(block(&self.first, &self.more, number), place, &mut task, tally, turn).is_pending()
        {
            self.tasks.insert(task);
        }
    }

    fn go_on(&mut self, place: usize, tally: &Tally<E>, turn: &mut Turn) {
        // It may have been woken after it had ended.
        let block = block(&self.first, &self.more, self.current);
        let Some(task) = self.tasks.get_mut(place) else { return };
        if poll(block, place, task, tally, turn).is_ready() {
            self.tasks.remove(place);
        }
    }
}

/// The block with this number.
fn block<'s>(first: &'s Arc<Block>, more: &'s [Arc<Block>], number: usize) -> &'s Arc<Block> {
    number.checked_sub(1).map_or(first, |number| &more[number])
}

fn poll<M: ?Sized, E>(
    block: &Arc<Block>,
    place: usize,
    task: &mut Owned<M, E>,
    tally: &Tally<E>,
    turn: &mut Turn,
) -> Poll<()> {
    let index = place % TASKS;
    let waker = block.waker(index);
    let poll = task.poll(tally, &mut Context::from_waker(&waker));
    turn.polls -= 1;
    turn.yields -= usize::from(poll.is_pending() && block.is_woken(index));
    poll
}
