//! Models of the deadlines of a task. The numbers are those of [`Board`]'s invariants.

use std::{
    any::TypeId,
    mem,
    pin::Pin,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use loom::thread;

use crate::{
    model::explore,
    sys::{Arc, AtomicU32, Mutex, Ordering},
    tree::board::{Board, Note, Timer},
};

/// A task as a runtime has it: who polls it after it was woken sees what was done before.
#[derive(Default)]
struct Task(AtomicU32);

impl Task {
    /// How often it has been woken, to the present moment.
    fn woken(&self) -> u32 {
        self.0.fetch_add(0, Ordering::AcqRel)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// A timer of the runtime's, whose time comes when another thread says so, and does not go again.
#[derive(Default)]
struct Wheel(Mutex<(bool, Vec<Waker>)>);

impl Wheel {
    fn turn(&self) {
        let waiting = {
            let mut wheel = self.0.lock();
            wheel.0 = true;
            mem::take(&mut wheel.1)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// What the clock says.
    fn is_over(&self) -> bool {
        self.0.lock().0
    }
}

struct OnWheel(Arc<Wheel>);

impl Future for OnWheel {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut wheel = self.0.0.lock();
        if wheel.0 {
            return Poll::Ready(());
        }
        wheel.1.push(cx.waker().clone());
        Poll::Pending
    }
}

fn note(deadline: Instant) -> Note {
    Note { deadline: Some(deadline), site: None, frame: 0, around: 0, node: None }
}

/// 3, 4: the time comes while a scope is put on the board and polled again. It finds the call, or its
/// task is polled once more.
#[test]
fn a_call_is_found_or_wakes() {
    explore(2, || {
        let wheel = Arc::new(Wheel::default());
        let theirs = Arc::clone(&wheel);
        let turning = thread::spawn(move || theirs.turn());
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let (board, now) = (Board::new(TypeId::of::<()>()), Instant::now());
        let make = |_| Box::pin(OnWheel(Arc::clone(&wheel))) as Timer;
        let mut before = task.woken();
        board.leave(&waker);
        let posted = board.put(note(now + Duration::from_secs(1)), now, make);
        let mut called = posted.was_called();
        for _poll in 0..2 {
            if called {
                break;
            }
            before = task.woken();
            called = board.leave(&waker) != posted.seen();
        }
        turning.join().expect("nothing here panics");
        assert!(called || task.woken() > before, "the scope sleeps though its time is over");
    });
}

/// 2: the time of one of two comes. Whichever of them is polled first and answers, the other has a timer
/// from then on, or is told as well.
#[test]
fn the_other_one_has_a_timer() {
    explore(2, || {
        let wheels = [Arc::new(Wheel::default()), Arc::new(Wheel::default())];
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let (board, now) = (Board::new(TypeId::of::<()>()), Instant::now());
        let ends = [1, 2].map(|second| now + Duration::from_secs(second));
        let make = |end| {
            let wheel = usize::from(end != ends[0]);
            Box::pin(OnWheel(Arc::clone(&wheels[wheel]))) as Timer
        };
        board.leave(&waker);
        let first = board.put(note(ends[0]), now, make);
        let mut second = board.put(note(ends[1]), now, make);
        let theirs = wheels.clone();
        let turning = thread::spawn(move || theirs.iter().for_each(|wheel| wheel.turn()));
        let mut before = task.woken();
        let mut late = ends[0];
        for _poll in 0..3 {
            before = task.woken();
            if board.leave(&waker) != second.seen() {
                second.answer();
                // By the clock, the second one's time has come only when its timer says so.
                late = if wheels[1].is_over() { ends[1] } else { ends[0] };
                if late == ends[1] {
                    break;
                }
                second.see_to(late, make);
            }
        }
        turning.join().expect("nothing here panics");
        drop(first);
        assert!(late == ends[1] || task.woken() > before, "the second one sleeps for ever");
    });
}
