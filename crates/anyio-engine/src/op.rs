//! What every leaf operation does before it does anything.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use crate::context::{ambient, budget};

/// The start of an operation that waits: lock, receive, sleep, connect.
///
/// In a scope that is cancelled the operation does not start: it stays pending without having done
/// anything, even if it could be complete at once, and the scope drops it. So
/// `loop { lock.lock().await; }` can be cancelled. Should the scope stop being cancelled (a shield
/// is raised), the waker is woken.
///
/// It also takes a share of the task's cooperative budget, and yields when that is used up. After
/// it, the operation may take what it is there to take; it must not call this again.
///
/// # Examples
///
/// ```
/// use std::{future::poll_fn, io, task::ready};
/// # fn look_for_data() -> io::Result<usize> { Ok(0) }
///
/// async fn receive() -> io::Result<usize> {
///     poll_fn(anyio_engine::op::admit).await;
///     look_for_data()
/// }
/// # futures_lite::future::block_on(receive()).unwrap();
/// ```
#[inline]
pub fn admit(cx: &mut Context<'_>) -> Poll<()> {
    if ambient::refuse(cx.waker()) {
        return Poll::Pending;
    }
    if !budget::spend() {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// The error of an operation that others can bring about. In a cancelled scope it is not given: the other side
/// may well have gone because of the same cancellation, and what that has brought about must not
/// pass for a failure. There is no value in it that could be lost.
#[derive(Debug)]
pub(crate) struct Withheld<E>(Option<E>);

impl<E> Default for Withheld<E> {
    fn default() -> Self {
        Self::nothing()
    }
}

impl<E> Withheld<E> {
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }

    /// Passes a value on. An error waits until the scope, if ever, is cancelled no more.
    pub(crate) fn pass<T>(&mut self, result: Result<T, E>, cx: &Context<'_>) -> Poll<Result<T, E>> {
        match result {
            Err(error) if ambient::refuse_surely(cx.waker()) => {
                self.0 = Some(error);
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    /// What was kept before, if anything, has its turn again.
    pub(crate) fn again<T>(&mut self, cx: &Context<'_>) -> Option<Poll<Result<T, E>>> {
        let error = self.0.take()?;
        Some(self.pass(Err(error), cx))
    }
}

/// Somebody else's future, as an operation.
pub(crate) async fn admitted<F: Future>(future: F) -> F::Output {
    poll_fn(admit).await;
    future.await
}

/// Somebody else's future, as an operation whose error others can bring about.
pub(crate) async fn fallible<T, A, E, F>(future: F, error: impl FnOnce(A) -> E) -> Result<T, E>
where
    F: Future<Output = Result<T, A>>,
{
    let failed = match admitted(future).await {
        Ok(value) => return Ok(value),
        Err(failed) => error(failed),
    };
    let mut withheld = Withheld(Some(failed));
    poll_fn(|cx| withheld.again(cx).expect("it is kept until it is given")).await
}

/// Gives other tasks a turn; in a cancelled scope it does not return.
///
/// Put it into loops that compute for long and wait for nothing. A deadline that has passed is
/// noticed here.
///
/// # Cancel safety
///
/// Atomic: it does nothing else.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// for _block in 0..3 {
///     // compute …
///     anyio_engine::checkpoint().await;
/// }
/// # });
/// ```
pub const fn checkpoint() -> Checkpoint {
    Checkpoint { yielded: false }
}

/// Given by [`checkpoint`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Checkpoint {
    yielded: bool,
}

impl Future for Checkpoint {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if ambient::refuse(cx.waker()) {
            return Poll::Pending;
        }
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        budget::yielding();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Whether the running code is in a scope that is cancelled, so that the next operation would not
/// start. For code that computes and has no place to `await`.
#[inline]
#[must_use]
pub fn is_cancelled() -> bool {
    ambient::is_effective()
}
