//! What allocates: nothing that does not wait, and nothing that waits as others have waited before.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use anyio_engine::memory_object_stream;
use futures_core::Stream;
use futures_sink::Sink;

struct Counting;

thread_local! {
    /// Of this thread: the harness has others.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: each call goes to the system's allocator with the arguments it came with, so the contract
// that the caller keeps with this one is the contract with that one; counting touches neither, and needs
// no memory: the counter is there without having been made.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller promises a layout that is not empty.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `alloc` gave it out, with this layout; that was `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `work` allocates.
fn allocations<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = ALLOCATIONS.get();
    let result = work();
    (ALLOCATIONS.get() - before, result)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls until the end: the budget makes an operation pending now and then.
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
}

#[test]
fn streams_allocate_when_they_are_made_and_when_more_wait_than_ever() {
    let mut context = Context::from_waker(Waker::noop());
    let mut items = Vec::with_capacity(200);

    // One allocation is for what the ends share, the other for the buffer; none if there is no buffer.
    let (made, stream) = allocations(|| memory_object_stream::<u64>(0));
    assert_eq!(made, 1);
    drop(stream);
    let (made, (mut send, mut receive)) = allocations(|| memory_object_stream::<u64>(128));
    assert_eq!(made, 2);

    let (uncontended, ()) = allocations(|| {
        for _ in 0..300 {
            complete(send.send(1)).unwrap();
            send.try_send(2).unwrap();
            complete(send.reserve()).unwrap().send(3).unwrap();
            send.try_reserve().unwrap().send(4).unwrap();
            complete(send.send_iter(5..=128)).unwrap();
            assert!(send.try_send(0).is_err());
            assert_eq!(complete(receive.receive()), Ok(1));
            assert_eq!(receive.try_receive(), Ok(2));
            items.clear();
            while items.len() < 126 {
                complete(receive.receive_many(&mut items, 200)).unwrap();
            }
            while Pin::new(&mut send).poll_ready(&mut context).is_pending() {}
            Pin::new(&mut send).start_send(7).unwrap();
            let next = loop {
                if let Poll::Ready(next) = Pin::new(&mut receive).poll_next(&mut context) {
                    break next;
                }
            };
            assert_eq!(next, Some(7));
            assert!(receive.try_receive().is_err());
            drop((send.clone(), receive.clone()));
            let weak = send.downgrade();
            drop(weak.upgrade());
            assert_eq!(send.statistics().used, 0);
        }
    });
    assert_eq!(uncontended, 0);

    // Whoever waits has a slot in the stream: made for the first, used again by all who come later.
    let (send, receive) = memory_object_stream::<u64>(0);
    let meet = || {
        let mut receiving = pin!(receive.receive());
        while receive.statistics().waiting_receivers == 0 {
            assert!(poll(receiving.as_mut()).is_pending());
        }
        let place = complete(send.reserve()).unwrap();
        place.send(1).unwrap();
        assert_eq!(poll(receiving), Poll::Ready(Ok(1)));

        let mut sending = pin!(send.send(2));
        while send.statistics().waiting_senders == 0 {
            assert!(poll(sending.as_mut()).is_pending());
        }
        assert_eq!(receive.try_receive(), Ok(2));
        assert_eq!(poll(sending), Poll::Ready(Ok(())));
    };
    assert!(allocations(meet).0 > 0);
    let (waiting, ()) = allocations(|| (0..300).for_each(|_| meet()));
    assert_eq!(waiting, 0);
}
