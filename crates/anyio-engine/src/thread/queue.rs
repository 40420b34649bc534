//! Few threads for many jobs.
//!
//! To send for a thread of the runtime is a call to the system, and the thread takes some microseconds to
//! come. So none is sent for at each job. Jobs stand in a queue, a thread that has come does one after the
//! other and looks around for a moment before it goes, and who finds that too few are free sends for one more:
//!
//! ```text
//! task:  put put put put … ──┬──────────────────────▶
//!                       send ╎
//! thread:                    └─ job  job  job …
//!                               ╎ send
//! another:                      └── job  job …
//! ```

use std::{collections::VecDeque, mem};

use crate::sys::{Mutex, yield_now};

/// For how many jobs in the queue one free thread is enough. If they turn out to block, those that have taken
/// one send for more.
const SHARE: usize = 8;

/// How many jobs a thread does before it is given back to the runtime, where others may have been waiting for
/// it.
const STINT: usize = 64;

/// How often a thread that finds no job looks again before it goes, some microseconds in all. Who asks for one
/// job after the other is slower than who does them, if there is little to do.
const LOOKS: usize = if cfg!(loom) { 1 } else { 16 };

/// The jobs that wait for a thread, and how many are free to do them.
///
/// # Invariants
///
/// While a job waits, a thread is free: it is on its way, or it has nothing to do, and in either case it looks
/// here next. So no job ever has to wait for the end of another one; and who has done one may go.
pub(super) struct Queue<E> {
    state: Mutex<State<E>>,
}

struct State<E> {
    jobs: VecDeque<E>,
    free: usize,
}

impl<E> State<E> {
    /// Whether one more has to be sent for; it is counted as free already.
    fn sends(&mut self) -> bool {
        let too_few = self.free * SHARE < self.jobs.len();
        self.free += usize::from(too_few);
        too_few
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { state: Mutex::from(State { jobs: VecDeque::new(), free: 0 }) }
    }
}

impl<E> Queue<E> {
    /// One more job. Whether to send for a thread: if so, one has to [come](Self::work), or to be said to be
    /// [lost](Self::lose).
    #[must_use = "without a thread the job is not done"]
    pub(super) fn put(&self, job: E) -> bool {
        let mut state = self.state.lock();
        state.jobs.push_back(job);
        state.sends()
    }

    /// A thread that was free will not come. If it was the last one, nobody does these jobs.
    pub(super) fn lose(&self) -> VecDeque<E> {
        let mut state = self.state.lock();
        state.free -= 1;
        if state.free == 0 { mem::take(&mut state.jobs) } else { VecDeque::new() }
    }

    /// What a thread does here that has been sent for. `run` does a job, which must not panic, and is told
    /// whether to send for another thread before, which is counted already: so it has to, whatever becomes of
    /// the job. `free` says whether the queue counts on this one.
    pub(super) fn work(&self, free: &mut bool, mut run: impl FnMut(E, bool)) {
        let (mut done, mut looks) = (0, 0);
        while done < STINT {
            let goes = looks == LOOKS;
            let taken = self.take(*free, goes);
            *free = taken.is_none() && !goes;
            if let Some((job, sends)) = taken {
                run(job, sends);
                (done, looks) = (done + 1, 0);
            } else if goes {
                return;
            } else {
                looks += 1;
                yield_now();
            }
        }
    }

    /// The next job for a thread that `was_free` or not, and whether to send for another one. If there is none,
    /// the thread is free, unless it `goes` then.
    fn take(&self, was_free: bool, goes: bool) -> Option<(E, bool)> {
        let mut state = self.state.lock();
        state.free -= usize::from(was_free);
        let Some(job) = state.jobs.pop_front() else {
            state.free += usize::from(!goes);
            return None;
        };
        Some((job, state.sends()))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Queue, SHARE, STINT};

    /// All that a thread does which comes now, and how many it sends for.
    fn come(queue: &Queue<usize>) -> (Vec<usize>, usize) {
        let (mut done, mut sent) = (Vec::new(), 0);
        queue.work(&mut true, |job, sends| {
            done.push(job);
            sent += usize::from(sends);
        });
        (done, sent)
    }

    #[test]
    fn one_thread_is_sent_for_as_long_as_it_is_enough() {
        let queue = Queue::default();
        let sent: Vec<_> = (0..=2 * SHARE).filter(|job| queue.put(*job)).collect();
        assert_eq!(sent, [0, SHARE, 2 * SHARE]);
        // Two more are on their way, which is enough for what is left after the first job.
        assert_eq!(come(&queue), ((0..=2 * SHARE).collect(), 0));
        assert_eq!((come(&queue), come(&queue)), ((vec![], 0), (vec![], 0)));
        assert!(queue.put(7), "all have gone");
    }

    #[test]
    fn who_takes_a_job_sends_for_who_does_the_next_one() {
        let queue = Queue::default();
        assert!(queue.put(0) && !queue.put(1));
        let mut nested = (vec![], 0);
        queue.work(&mut true, |job, sends| match job {
            // It blocks until the other one is done.
            0 => {
                assert!(sends);
                nested = come(&queue);
            }
            _ => unreachable!("somebody else has done it"),
        });
        assert_eq!(nested, (vec![1], 0));
    }

    #[test]
    fn who_has_nothing_to_do_is_counted_on() {
        let queue = Queue::default();
        let (mut free, mut done) = (true, 0);
        assert!(queue.put(0));
        queue.work(&mut free, |_, _| {
            done += 1;
            // A thread that is busy is not: what it does may block.
            assert_eq!(queue.take(false, false), None);
            assert!(!queue.put(1), "one looks around");
            assert_eq!(queue.take(true, true), Some((1, false)));
        });
        assert_eq!((free, done), (false, 1));
    }

    #[test]
    fn who_has_done_enough_goes() {
        let queue = Queue::default();
        let sent = (0..STINT + 2).filter(|job| queue.put(*job)).count();
        let (done, more) = come(&queue);
        assert_eq!(done.len(), STINT);
        let rest: Vec<_> = (1..sent + more).flat_map(|_| come(&queue).0).collect();
        assert_eq!(rest, [STINT, STINT + 1]);
        assert_eq!(queue.take(false, true), None);
        assert!(queue.put(0));
    }

    #[test]
    fn jobs_are_left_to_nobody_only_when_the_last_thread_is_lost() {
        let queue = Queue::default();
        let sent = (0..=SHARE).filter(|job| queue.put(*job)).count();
        assert_eq!((sent, queue.lose().len(), queue.lose().len()), (2, 0, SHARE + 1));
    }
}
