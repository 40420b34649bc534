//! A sending end that does not keep the stream open.

use std::fmt;

use super::{SendStream, shared::Shared};
use crate::sys::{Arc, Weak};

/// A handle to a stream that can be made a sending end, as long as there is one.
///
/// Given by [`SendStream::downgrade`]. For those who send now and then but have no say in how long the
/// stream lasts, such as tasks that send to themselves.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let (send, receive) = anyio_engine::memory_object_stream(1);
/// let weak = send.downgrade();
/// weak.upgrade().unwrap().send(1).await.unwrap();
/// drop(send);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(receive.receive().await, Ok(1));
/// assert!(receive.receive().await.is_err()); // the end, although `weak` is still there
/// # });
/// ```
pub struct WeakSendStream<T> {
    shared: Weak<Shared<T>>,
}

impl<T> WeakSendStream<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        Self { shared: Arc::downgrade(shared) }
    }

    /// A sending end of its own, if another one is still open.
    #[must_use]
    pub fn upgrade(&self) -> Option<SendStream<T>> {
        let shared = self.shared.upgrade()?;
        let end = {
            let mut state = shared.state.lock();
            // The end that a receiver may have seen is final.
            (!state.has_ended()).then(|| state.open_sender())
        };
        end.map(|end| SendStream::new(shared, end))
    }
}

impl<T> Clone for WeakSendStream<T> {
    fn clone(&self) -> Self {
        Self { shared: Weak::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for WeakSendStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSendStream").finish_non_exhaustive()
    }
}
