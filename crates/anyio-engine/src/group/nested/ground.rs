//! Memory for the tasks of a group, several in one allocation.
#![expect(
    unsafe_code,
    reason = "shares in memory go to other threads; the argument is at `Ground`"
)]

use std::{cell::UnsafeCell, mem::MaybeUninit, ptr::NonNull};

use crate::sys::Arc;

/// How many words an allocation has at most, unless one task alone needs more: so a task that goes on
/// when those beside it have ended keeps no more than this. With the counters of the `Arc` it is two
/// kilobytes.
const MOST: usize = 2048 / size_of::<Word>() - 2;

type Word = MaybeUninit<UnsafeCell<usize>>;

/// A share in an allocation, which is there as long as one of them is.
pub(super) struct Ground(Arc<[Word]>);

// SAFETY: nobody uses the words, which have no values. What those who have been given a place do with
// theirs is for them to answer.
unsafe impl Send for Ground {}
// SAFETY: as above.
unsafe impl Sync for Ground {}

/// Where the next tasks find a place. Each allocation has room for twice as much as the one before, up to
/// [`MOST`]; who has one task pays for one.
#[derive(Default)]
pub(super) struct Room {
    ground: Option<Ground>,
    /// How many bytes of it have been given away.
    used: usize,
}

impl Room {
    /// A place for a `P`: as long as the share is there, it may be written and read through the pointer,
    /// and nobody else is given any part of it.
    #[inline]
    pub(super) fn place<P>(&mut self) -> (NonNull<P>, Ground) {
        let words = match &self.ground {
            None => 0,
            Some(ground) => match ground.at(self.used) {
                Some(place) => {
                    let ground = Ground(Arc::clone(&ground.0));
                    self.used = ground.end(place);
                    return (place, ground);
                }
                None => ground.0.len(),
            },
        };
        self.grow::<P>(words)
    }

    #[cold]
    fn grow<P>(&mut self, before: usize) -> (NonNull<P>, Ground) {
        // Words may have to be skipped where the alignment is that of more than one.
        let needed = (size_of::<P>() + align_of::<P>()).div_ceil(size_of::<Word>());
        let words = needed.max(MOST.min(2 * before));
        let ground = Ground::new(words);
        let Some(place) = ground.at(0) else { unreachable!("it is large enough") };
        self.used = ground.end(place);
        self.ground = Some(Ground(Arc::clone(&ground.0)));
        (place, ground)
    }
}

impl Ground {
    /// The same code for tasks of any type.
    #[inline(never)]
    fn new(words: usize) -> Self {
        Self(Arc::new_uninit_slice(words))
    }

    /// The first place for a `P` after so many bytes, if there is one.
    #[inline]
    fn at<P>(&self, used: usize) -> Option<NonNull<P>> {
        let start = Arc::as_ptr(&self.0).cast::<P>().cast_mut();
        let free = start.addr() + used;
        let used = used + (free.next_multiple_of(align_of::<P>()) - free);
        let fits = used + size_of::<P>() <= size_of_val(&*self.0);
        // In the allocation, and with the provenance of all of it.
        NonNull::new(start.wrapping_byte_add(used)).filter(|_| fits)
    }

    /// How many bytes there are up to the end of that place.
    #[inline]
    fn end<P>(&self, place: NonNull<P>) -> usize {
        place.addr().get() + size_of::<P>() - Arc::as_ptr(&self.0).addr()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Aligned;

    /// The ranges of the places do not meet, and each is in its allocation.
    #[test]
    fn places_are_apart() {
        fn of<P>(room: &mut Room) -> (usize, usize, Ground) {
            let (place, ground) = room.place::<P>();
            assert!(place.is_aligned());
            let (start, words) = (place.addr().get(), ground.0.as_ptr_range());
            assert!(start >= words.start.addr() && start + size_of::<P>() <= words.end.addr());
            (start, start + size_of::<P>(), ground)
        }

        let mut room = Room::default();
        let mut given = Vec::new();
        for _ in 0..50 {
            given.push(of::<u8>(&mut room));
            given.push(of::<[u64; 9]>(&mut room));
            given.push(of::<(Aligned, u64)>(&mut room));
            given.push(of::<[u16; 333]>(&mut room));
        }
        given.sort_by_key(|place| place.0);
        assert!(given.is_sorted_by(|one, next| one.1 <= next.0));
        assert!(given.iter().all(|place| place.2.0.len() <= MOST + 64));
    }

    #[test]
    fn a_large_one_has_its_own() {
        let mut room = Room::default();
        let (_, ground) = room.place::<[u64; 500]>();
        assert!(ground.0.len() >= 500);
        drop(room);
        assert_eq!(Arc::strong_count(&ground.0), 1);
    }
}
