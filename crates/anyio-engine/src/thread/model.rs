//! Models of the queue of a run's threads, and of the way of one.

use loom::thread;

use super::{queue::Queue, way::Way};
use crate::{
    model::explore,
    sys::{Arc, AtomicUsize, Ordering},
};

struct Works {
    queue: Queue<usize>,
    /// How often each job was done.
    done: [AtomicUsize; 2],
}

impl Works {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::default(),
            done: [AtomicUsize::from(0), AtomicUsize::from(0)],
        })
    }

    fn times(&self, job: usize) -> usize {
        self.done[job].load(Ordering::SeqCst)
    }

    fn put(self: &Arc<Self>, job: usize) {
        if self.queue.put(job) {
            self.send();
        }
    }

    fn send(self: &Arc<Self>) {
        let works = Arc::clone(self);
        thread::spawn(move || works.come());
    }

    /// Until both jobs are done, each once.
    fn wait(&self) {
        while self.times(0) + self.times(1) < 2 {
            thread::yield_now();
        }
        assert_eq!((self.times(0), self.times(1)), (1, 1));
    }

    /// What a thread does that has been sent for.
    fn come(self: &Arc<Self>) {
        self.queue.work(&mut true, |job, sends| {
            if sends {
                self.send();
            }
            self.done[job].fetch_add(1, Ordering::SeqCst);
        });
    }
}

/// Whenever a job is put, it is done, and once: by who has come, is on the way, or is about to go.
#[test]
fn no_job_is_left() {
    explore(2, || {
        let works = Works::new();
        works.put(0);
        works.put(1);
        works.wait();
    });
}

/// The same for two tasks that put one each.
#[test]
fn no_job_of_two_tasks_is_left() {
    explore(2, || {
        let works = Works::new();
        let other = {
            let works = Arc::clone(&works);
            thread::spawn(move || works.put(1))
        };
        works.put(0);
        other.join().unwrap();
        works.wait();
    });
}

/// A job that waits for another one, put after it, does not wait for ever.
#[test]
fn jobs_do_not_wait_for_each_others_end() {
    explore(2, || {
        let works = Works::new();
        // The first thread does this by itself: its job ends when the other one has been done.
        assert!(works.queue.put(0));
        let first = {
            let works = Arc::clone(&works);
            thread::spawn(move || {
                works.queue.work(&mut true, |job, sends| {
                    if sends {
                        works.send();
                    }
                    while job == 0 && works.times(1) == 0 {
                        thread::yield_now();
                    }
                    works.done[job].fetch_add(1, Ordering::SeqCst);
                });
            })
        };
        works.put(1);
        first.join().unwrap();
        works.wait();
    });
}

/// A thread is lost while a job is put: either somebody else is sent for, or the job comes back.
#[test]
fn a_job_comes_back_or_a_thread_is_sent_for() {
    explore(3, || {
        let works = Works::new();
        assert!(works.queue.put(0));
        let loses = {
            let works = Arc::clone(&works);
            thread::spawn(move || works.queue.lose().len())
        };
        let sends = works.queue.put(1);
        let back = loses.join().unwrap();
        assert_eq!(back, if sends { 1 } else { 2 });
    });
}

/// A thread that is lost while it is sent for, or right after, is said to be so once.
#[test]
fn a_loss_is_told_once() {
    explore(3, || {
        let way = Arc::new(Way::default());
        let thread = {
            let way = Arc::clone(&way);
            thread::spawn(move || way.lose())
        };
        let sender = way.is_lost_when_sent();
        assert!(sender != thread.join().unwrap());
    });
}

/// A thread that comes after all is counted on, or given up.
#[test]
fn a_thread_is_counted_on_or_given_up() {
    explore(3, || {
        let way = Arc::new(Way::default());
        let thread = {
            let way = Arc::clone(&way);
            thread::spawn(move || way.come())
        };
        let given_up = way.give_up();
        assert!(given_up != thread.join().unwrap());
    });
}
