//! A task and what it shares with its handle, in one place.
#![expect(unsafe_code, reason = "two owners of the parts of one place; the argument is at `Pair`")]

use std::{
    marker::PhantomData,
    mem::needs_drop,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll, ready},
};

use anyio_core::{Cause, CauseKind, Outcome};

use super::{
    super::{slot::label, tally::Tally},
    child::Child,
    ground::{Ground, Room},
    joint::{End, Joint},
};
use crate::{
    scope::catch,
    sys::{AtomicU32, Ordering},
    trace::Within,
};

/// # Invariants
///
/// 1. A pair has two shares: an [`Owned`] (before that a [`New`]) and a [`Shared`], each of which is there
///    once and gives its share back once, when it goes. The pair is valid until then: who gives back the
///    last one drops the joint, and lets go of the ground.
/// 2. Only the `Owned` comes to the child: it polls it, borrowed mutably, and drops it before it gives its
///    share back. So the child is gone before what it borrows, as long as the handle may live.
/// 3. Before that, nobody has anything in `head` but in a shared borrow.
/// 4. Nobody moves a pair.
#[repr(C)]
struct Pair<T, F> {
    head: Head<T>,
    child: Child<F>,
}

/// What is known of a pair of which only `T` is.
#[repr(C)]
struct Head<T> {
    front: Front,
    ground: Ground,
    joint: Joint<T>,
}

/// What is known of any pair.
#[repr(C)]
struct Front {
    table: &'static Table,
    shares: AtomicU32,
}

/// What the `Owned` does with a pair. Each is for pairs with the `T` and `F` that it was made for alone,
/// which are still valid.
struct Table {
    /// Polls the child, which has not been dropped. If it has ended, this does what `leave` does, and there
    /// is no pointer in the first argument any more. The second one is to a `Tally` of the group's error.
    poll: unsafe fn(&mut Option<NonNull<Front>>, NonNull<()>, &mut Context<'_>) -> Poll<()>,
    /// Drops the child and gives the share back.
    leave: unsafe fn(NonNull<Front>),
}

/// The tables.
struct Of<T, E, F>(PhantomData<(T, E, F)>);

impl<T, E, F> Of<T, E, F>
where
    F: Future<Output: Outcome<E, Value = T>>,
{
    const TABLE: Table = Table { poll: poll::<T, E, F>, leave: leave::<T, F> };
}

impl Front {
    /// Whether the handle is gone; there will be no other. Acquire: what it has done is done.
    #[inline]
    fn is_alone(&self) -> bool {
        self.shares.load(Ordering::Acquire) == 1
    }
}

/// Polls the child; when it has ended, drops it and gives the share back.
///
/// # Safety
///
/// As [`Table::poll`] says: the pointer, if there is one, is to a valid pair of `T` and `F` whose child was
/// not dropped, and the caller is its `Owned`; `tally` is to a `Tally<E>` that is borrowed for the call.
unsafe fn poll<T, E, F>(
    owner: &mut Option<NonNull<Front>>,
    tally: NonNull<()>,
    cx: &mut Context<'_>,
) -> Poll<()>
where
    F: Future<Output: Outcome<E, Value = T>>,
{
    let Some(front) = *owner else { return Poll::Ready(()) };
    // SAFETY: the pair is valid, and begins with its head; a shared borrow (3).
    let head = unsafe { front.cast::<Head<T>>().as_ref() };
    // SAFETY: it is one of this group, as the table asks for, and borrowed by the caller.
    let tally = unsafe { tally.cast::<Tally<E>>().as_ref() };
    let pair = front.cast::<Pair<T, F>>().as_ptr();
    // SAFETY: the pair is valid, and so the child's place is in it.
    let child = unsafe { &raw mut (*pair).child };
    // SAFETY: the child was not dropped, and only the `Owned` comes to it (2), which calls this.
    let child = unsafe { &mut *child };
    // SAFETY: nobody moves it (4), and it is dropped where it is.
    let child = unsafe { Pin::new_unchecked(child) };
    ready!(child.poll(&head.joint, head.front.is_alone(), tally, cx));
    // What is left may be a value that nobody asked for; it is gone before the group ends.
    let named = needs_drop::<T>().then(|| (head.joint.name_of(), head.joint.location()));
    *owner = None;
    // SAFETY: the pair is valid, and the `Owned` has just forgotten it.
    let leave = || unsafe { drop_child::<T, F>(front) };
    let Some((name, location)) = named else {
        leave();
        return Poll::Ready(());
    };
    if let Err(payload) = catch(leave) {
        tally.panic(payload, || label(name.as_ref(), location));
    }
    Poll::Ready(())
}

/// Says that the task was dropped if it has not ended, drops the child and gives the share back.
///
/// # Safety
///
/// As [`Table::leave`] says: `front` is to a valid pair of `T` and `F` whose child was not dropped, and the
/// caller is its `Owned`, which does not use it any more.
unsafe fn leave<T, F>(front: NonNull<Front>) {
    /// Also if a waker panics.
    struct Leaving<T, F>(NonNull<Front>, PhantomData<Pair<T, F>>);

    impl<T, F> Drop for Leaving<T, F> {
        fn drop(&mut self) {
            // SAFETY: as the caller of `leave` says; it goes with that call.
            unsafe { drop_child::<T, F>(self.0) };
        }
    }

    let _leaving = Leaving::<T, F>(front, PhantomData);
    // SAFETY: the pair is valid, and begins with its head; a shared borrow (3).
    let head = unsafe { front.cast::<Head<T>>().as_ref() };
    // SAFETY: so is the child, which was not dropped; a shared borrow, and nobody else comes to it (2).
    let child = unsafe { &(*front.cast::<Pair<T, F>>().as_ptr()).child };
    if !child.has_ended() && !head.front.is_alone() {
        head.joint.end(End::Cut(Cause::of(CauseKind::Dropped)));
    }
}

/// Drops the child and gives the share back.
///
/// # Safety
///
/// As of `leave`.
#[inline]
unsafe fn drop_child<T, F>(front: NonNull<Front>) {
    /// Also if the child's destructor panics.
    struct GiveBack<T>(NonNull<Head<T>>);

    impl<T> Drop for GiveBack<T> {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: it is the share of the `Owned` that goes, and was not given back before (1).
            unsafe { give_back(self.0) };
        }
    }

    let _give_back = GiveBack::<T>(front.cast());
    let pair = front.cast::<Pair<T, F>>().as_ptr();
    // SAFETY: as in `poll`.
    let child = unsafe { &raw mut (*pair).child };
    // SAFETY: it is valid, and dropped once: nobody comes to it after the `Owned` (2), which is going.
    unsafe { ptr::drop_in_place(child) };
}

/// Gives a share back.
///
/// # Safety
///
/// It is one that the caller has, and that was not given back; the pair is not used by it any more.
#[inline]
unsafe fn give_back<T>(head: NonNull<Head<T>>) {
    let last = {
        // SAFETY: the pair is valid as long as the share was not given back (1).
        let front = unsafe { &head.as_ref().front };
        // The last one needs no write: nobody else can give anything back.
        front.is_alone() || front.shares.fetch_sub(1, Ordering::AcqRel) == 1
    };
    if !last {
        return;
    }
    let head = head.as_ptr();
    // SAFETY: the pair is valid: it was the last share.
    let ground = unsafe { &raw const (*head).ground };
    // SAFETY: so the ground is there. Its place is not used again.
    let ground = unsafe { ptr::read(ground) };
    // SAFETY: so is the joint's place.
    let joint = unsafe { &raw mut (*head).joint };
    // SAFETY: valid, and nobody has a borrow in it: those who had have given their shares back, and the
    // ordering of `shares` says so. It is not used again.
    unsafe { ptr::drop_in_place(joint) };
    drop(ground);
}

/// A pair that has no owner yet.
#[must_use = "its child is dropped by what this becomes"]
pub(super) struct New<T, E, F> {
    front: NonNull<Front>,
    of: PhantomData<(T, fn(E) -> E, F)>,
}

/// Puts a task of a group with the error `E` into `room`.
#[inline]
pub(super) fn place<T, E, F>(
    room: &mut Room,
    joint: Joint<T>,
    child: Child<F>,
) -> (New<T, E, F>, Shared<T>)
where
    F: Future<Output: Outcome<E, Value = T>>,
{
    let (place, ground) = room.place::<Pair<T, F>>();
    let front = Front { table: &Of::<T, E, F>::TABLE, shares: AtomicU32::from(2) };
    let pair = Pair { head: Head { front, ground, joint }, child };
    // SAFETY: it is a place for such a pair, and nobody else's. It is there as long as the ground, which
    // is in the pair, and is taken out of it when the last share has gone.
    unsafe { place.write(pair) };
    (New { front: place.cast(), of: PhantomData }, Shared { head: place.cast(), of: PhantomData })
}

impl<T, E, F> New<T, E, F> {
    pub(super) fn plain(self) -> Owned<(Joint<T>, Child<F>), E> {
        self.owned()
    }

    pub(super) fn send<'env>(self) -> SendTask<'env, E>
    where
        (Joint<T>, Child<F>): Send + 'env,
    {
        self.owned()
    }

    pub(super) fn local<'env>(self) -> LocalTask<'env, E>
    where
        (Joint<T>, Child<F>): 'env,
    {
        self.owned()
    }

    /// `M` is `Send`, and lives, no longer than joint and child together.
    fn owned<M: ?Sized>(self) -> Owned<M, E> {
        Owned { front: Some(self.front), of: PhantomData }
    }
}

impl<T, E, F> New<T, E, Within<F>> {
    /// The task as one of the future that is in the span: it is `Send` if that one's is, and lives as long
    /// (see [`Within`]), which is all that is ever asked of the `F` of a `New`.
    pub(super) fn bare(self) -> New<T, E, F> {
        New { front: self.front, of: PhantomData }
    }
}

/// A task of a group with the error `E`. The child, and its share in the joint, are no more than `M` is.
#[expect(unnameable_types, reason = "nobody has to name it but this crate")]
pub struct Owned<M: ?Sized, E> {
    /// Until the task has ended.
    front: Option<NonNull<Front>>,
    of: PhantomData<(fn(E) -> E, M)>,
}

/// A task that may move between threads with its group.
pub(super) type SendTask<'env, E> = Owned<dyn Send + 'env, E>;
/// A task that stays in its thread with its group.
pub(super) type LocalTask<'env, E> = Owned<dyn Unpin + 'env, E>;

// SAFETY: nobody else comes to the child (2), which is `Send` if `M` is. The joint may be looked at by
// the handle on another thread meanwhile: its value is `Send` if `M` is, and then it is `Sync`.
unsafe impl<M: ?Sized + Send, E> Send for Owned<M, E> {}

impl<M: ?Sized, E> Owned<M, E> {
    /// Polls the task. When it has ended, it is gone, and this is nothing any more.
    #[inline]
    pub(super) fn poll(&mut self, tally: &Tally<E>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(front) = self.front else { return Poll::Ready(()) };
        // SAFETY: the pair is valid as long as this has its pointer (1); a shared borrow (3).
        let table = unsafe { front.as_ref() }.table;
        // SAFETY: it is the pair's table, and the pair is valid (1). The child was not dropped, since the
        // pointer is here, and is borrowed mutably. `E` is the one that the pair was made for.
        unsafe { (table.poll)(&mut self.front, NonNull::from(tally).cast(), cx) }
    }
}

impl<M: ?Sized, E> Drop for Owned<M, E> {
    #[inline]
    fn drop(&mut self) {
        let Some(front) = self.front.take() else { return };
        // SAFETY: as in `poll`.
        let table = unsafe { front.as_ref() }.table;
        // SAFETY: as in `poll`; the pointer goes with this call.
        unsafe { (table.leave)(front) };
    }
}

impl<M: ?Sized, E> std::fmt::Debug for Owned<M, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owned(..)")
    }
}

/// The handle's share in the joint of a task.
pub(super) struct Shared<T> {
    head: NonNull<Head<T>>,
    of: PhantomData<Joint<T>>,
}

// SAFETY: by a `Shared` one comes to the joint alone, which is `Send` and `Sync` if its value is `Send`,
// and to the ground, which is both.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}
impl<T> Unpin for Shared<T> {}
impl<T> UnwindSafe for Shared<T> {}
impl<T> RefUnwindSafe for Shared<T> {}

/// What is said above.
const _: () = {
    const fn both<T: Send + Sync>() {}
    const fn of_joints<T: Send>() {
        both::<Joint<T>>();
    }
    of_joints::<std::cell::Cell<u8>>();
};

impl<T> Deref for Shared<T> {
    type Target = Joint<T>;

    #[inline]
    fn deref(&self) -> &Joint<T> {
        // SAFETY: the pair is valid as long as this is there (1); a shared borrow (3).
        unsafe { &self.head.as_ref().joint }
    }
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is this one's share (1), and goes with this call.
        unsafe { give_back(self.head) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{future::pending, pin::pin, sync::Arc};

    use anyio_core::{Cancelled, TaskStatus};
    use futures_lite::future::{block_on, poll_once};

    use crate::{local_task_group, scoped_task_group};

    /// The handle may live when what its task has borrowed is gone.
    #[test]
    fn a_handle_outlives_what_its_task_borrows() {
        let handle = {
            let words = [String::from("some"), String::from("words")];
            let group = scoped_task_group(async |tg| {
                let count = async { Ok(words.iter().map(String::len).sum::<usize>()) };
                Ok::<_, Cancelled>(tg.spawn(count))
            });
            block_on(group).expect("nobody cancels")
        };
        assert_eq!(handle.status(), TaskStatus::Finished);
        assert_eq!(block_on(handle.join()), Ok(9));
    }

    /// Future and value are dropped once each, whoever goes first.
    #[test]
    fn all_is_dropped_once() {
        let token = Arc::new(());
        for keeps in [false, true] {
            let mut kept = Vec::new();
            let group = local_task_group(async |tg| {
                for ends in [false, true] {
                    let (held, value) = (Arc::clone(&token), Arc::clone(&token));
                    let handle = tg.spawn(async move {
                        if !ends {
                            pending::<()>().await;
                        }
                        drop(held);
                        Ok::<_, Cancelled>(value)
                    });
                    kept.extend(keeps.then_some(handle));
                }
            });
            {
                let mut group = pin!(group);
                assert!(block_on(poll_once(&mut group)).is_none(), "one of them does not end");
                let of_values = usize::from(keeps);
                assert_eq!(Arc::strong_count(&token), 1 + 2 + of_values);
            }
            assert_eq!(Arc::strong_count(&token), 1 + usize::from(keeps));
            let status: Vec<_> = kept.iter().map(|handle| handle.status()).collect();
            assert!(!keeps || status == [TaskStatus::Cancelled, TaskStatus::Finished]);
            drop(kept);
            assert_eq!(Arc::strong_count(&token), 1);
        }
    }
}
