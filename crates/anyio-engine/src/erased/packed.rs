//! A task or a timer without its type, in the place where it would be itself.
#![expect(
    unsafe_code,
    reason = "a future as the bytes it is made of, and a table of what to do with them; the argument is at `Packed`"
)]

use std::{
    marker::{PhantomData, PhantomPinned},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
};

/// A future without its type, of no more than `WORDS` words: it needs no box, and is polled as one that
/// is in a box.
///
/// # Invariants
///
/// 1. `space` has a valid future from [`new`](Self::new) until the drop of this, at its beginning; `table`
///    is that of this future's type.
/// 2. That future is polled and dropped where it is, in a pinned `Packed`, which is not [`Unpin`]. Before
///    its first poll it moves with the bytes it is made of, as any value does.
pub(super) struct Packed<const WORDS: usize> {
    table: &'static Table,
    /// Its alignment is that of a pointer.
    space: MaybeUninit<[usize; WORDS]>,
    /// What is inside may be neither shared nor moved when it has been polled.
    inside: PhantomData<(*mut (), PhantomPinned)>,
}

/// What can be done with a future of one type, which is where the pointer leads.
struct Table {
    /// # Safety
    ///
    /// The pointer leads to a valid future of the table's type, which nobody else has access to for as
    /// long as this runs, and which stays there until it is dropped.
    poll: unsafe fn(*mut (), &mut Context<'_>) -> Poll<()>,
    /// # Safety
    ///
    /// As above, and the future is not used afterwards.
    drop: unsafe fn(*mut ()),
}

impl Table {
    const fn of<F: Future<Output = ()>>() -> &'static Self {
        const {
            &Self {
                poll: |future, cx| {
                    // SAFETY: the dereference needs a pointer to a valid `F` that nobody else uses, which is
                    // what the caller promises.
                    let future = unsafe { &mut *future.cast::<F>() };
                    // SAFETY: `new_unchecked` needs that the future stays where it is until it is dropped.
                    // The caller promises that, too.
                    let future = unsafe { Pin::new_unchecked(future) };
                    future.poll(cx)
                },
                // SAFETY: `drop_in_place` needs a pointer to a valid `F` that nobody else uses and that is
                // good to write to, and that it is not used afterwards; that is what the caller promises.
                drop: |future| unsafe { future.cast::<F>().drop_in_place() },
            }
        }
    }
}

/// Whether an `F` fits into so many words.
pub(super) const fn fits<F>(words: usize) -> bool {
    size_of::<F>() <= words * size_of::<usize>() && align_of::<F>() <= align_of::<usize>()
}

impl<const WORDS: usize> Packed<WORDS> {
    /// # Panics
    ///
    /// If `future` does not [fit](fits).
    #[inline]
    pub(super) fn new<F: Future<Output = ()> + Send + 'static>(future: F) -> Self {
        assert!(fits::<F>(WORDS), "the future is too large");
        let mut space = MaybeUninit::<[usize; WORDS]>::uninit();
        // SAFETY: `write` needs a pointer that is good to write an `F` to, and aligned for one. It is that
        // of a local variable that has the size and the alignment, which was asserted.
        unsafe { space.as_mut_ptr().cast::<F>().write(future) };
        Self { table: Table::of::<F>(), space, inside: PhantomData }
    }
}

impl<const WORDS: usize> Future for Packed<WORDS> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: `get_unchecked_mut` needs that nothing is moved out of the reference. The future is not:
        // it is polled where it is.
        let this = unsafe { self.get_unchecked_mut() };
        let future = this.space.as_mut_ptr().cast();
        // SAFETY: `poll` needs a pointer to a valid future of the table's type, which is there by 1, that
        // nobody else has access to: `this` is a `&mut`, and the space is private. It stays there until it
        // is dropped, since it is in something pinned that nobody can unpin (2).
        unsafe { (this.table.poll)(future, cx) }
    }
}

impl<const WORDS: usize> Drop for Packed<WORDS> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `poll`; after a drop, nothing of this is used any more.
        unsafe { (self.table.drop)(self.space.as_mut_ptr().cast()) }
    }
}

// SAFETY: a `Packed` is the future that is in it, which `new` demands to be `Send`, and a reference to a
// static table of functions.
unsafe impl<const WORDS: usize> Send for Packed<WORDS> {}
// SAFETY: a shared reference to a `Packed` gives access to nothing: its fields are private, and all that uses
// the future that is in it, a poll and the drop, has the `Packed` to itself.
unsafe impl<const WORDS: usize> Sync for Packed<WORDS> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        future::{pending, poll_fn},
        mem,
        pin::pin,
        ptr,
        sync::Arc,
        task::Waker,
    };

    use super::*;

    #[test]
    fn it_is_polled_where_it_is_and_dropped_once() {
        let counted = Arc::new(());
        let inside = Arc::clone(&counted);
        let packed = Packed::<16>::new(async move {
            let here = [7_u8; 9];
            let address = ptr::from_ref(&here).addr();
            let mut woken = false;
            poll_fn(
                |_| if mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending },
            )
            .await;
            assert_eq!((ptr::from_ref(&here).addr(), here), (address, [7; 9]));
            drop(inside);
        });
        {
            let mut packed = pin!(packed);
            let mut cx = Context::from_waker(Waker::noop());
            assert!(packed.as_mut().poll(&mut cx).is_pending());
            assert_eq!(Arc::strong_count(&counted), 2);
            assert!(packed.as_mut().poll(&mut cx).is_ready());
            assert_eq!(Arc::strong_count(&counted), 1);
        }
        // One that has not ended goes as well, polled or not.
        for polls in 0..2 {
            let inside = Arc::clone(&counted);
            let mut packed = Box::pin(Packed::<16>::new(async move {
                pending::<()>().await;
                drop(inside);
            }));
            for _ in 0..polls {
                assert!(packed.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            drop(packed);
            assert_eq!(Arc::strong_count(&counted), 1);
        }
    }

    #[test]
    fn what_is_aligned_further_does_not_fit() {
        #[repr(align(64))]
        struct Far;
        assert!(fits::<[usize; 4]>(4) && !fits::<[usize; 5]>(4) && !fits::<Far>(64));
    }
}
