//! A number of tokens, and who has borrowed them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{AlreadyBorrowed, BorrowError, WouldBlock};

/// A number of tokens that can be changed while they are in use, and which knows who has one.
///
/// A token is a guard: whoever owns it borrows, and dropping it gives it back, on any thread. So it
/// can go along with the work that it stands for, into a task or into a thread that blocks, and is
/// back when that has really ended.
///
/// Where it matters on whose behalf a token is borrowed, name a [`Borrower`]: each has at most one at
/// a time. A token that is borrowed without a name is a borrower of its own.
///
/// # For implementors
///
/// Lowering the capacity takes nothing away from anybody; raising it lets in as many waiters as
/// really fit.
///
/// ```
/// use std::sync::Arc;
/// use anyio_core::{AlreadyBorrowed, BorrowError, Borrower, CapacityLimiter, WouldBlock};
///
/// /// The simple case: nobody is let in.
/// #[derive(Debug)]
/// struct Shut;
///
/// impl CapacityLimiter for Shut {
///     type Token<'a> = ();
///     type OwnedToken = ();
///     fn new(_: usize) -> Self { Self }
///     async fn acquire(&self) { std::future::pending().await }
///     fn try_acquire(&self) -> Result<(), WouldBlock> { Err(WouldBlock::new()) }
///     async fn acquire_owned(self: Arc<Self>) { std::future::pending().await }
///     fn try_acquire_owned(self: Arc<Self>) -> Result<(), WouldBlock> { Err(WouldBlock::new()) }
///     async fn acquire_on_behalf_of(&self, _: Borrower) -> Result<(), AlreadyBorrowed> {
///         std::future::pending().await
///     }
///     fn try_acquire_on_behalf_of(&self, _: Borrower) -> Result<(), BorrowError> {
///         Err(BorrowError::would_block())
///     }
///     async fn acquire_owned_on_behalf_of(self: Arc<Self>, _: Borrower) -> Result<(), AlreadyBorrowed> {
///         std::future::pending().await
///     }
///     fn try_acquire_owned_on_behalf_of(self: Arc<Self>, _: Borrower) -> Result<(), BorrowError> {
///         Err(BorrowError::would_block())
///     }
///     fn capacity(&self) -> usize { 0 }
///     fn set_capacity(&self, _: usize) {}
///     fn borrowed(&self) -> usize { 0 }
/// }
/// # assert!(Shut::new(3).try_acquire().is_err());
/// ```
pub trait CapacityLimiter: Send + Sync + 'static {
    /// What is borrowed; dropping it gives it back.
    type Token<'a>: Send + 'a
    where
        Self: 'a;
    /// What is borrowed, with a share in the limiter; dropping it gives it back.
    type OwnedToken: Send + 'static;

    /// A limiter with `capacity` tokens to lend; `usize::MAX` is as good as no limit.
    #[must_use]
    fn new(capacity: usize) -> Self
    where
        Self: Sized;

    /// Waits for a token and borrows it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing, and only its place in the queue is lost.
    fn acquire(&self) -> impl Future<Output = Self::Token<'_>> + Send;

    /// Borrows a token if there is one and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    fn try_acquire(&self) -> Result<Self::Token<'_>, WouldBlock>;

    /// As [`acquire`](Self::acquire), for a token that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing, and only its place in the queue is lost.
    fn acquire_owned(self: Arc<Self>) -> impl Future<Output = Self::OwnedToken> + Send;

    /// As [`try_acquire`](Self::try_acquire), for a token that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if there is no token, or somebody waits for one.
    fn try_acquire_owned(self: Arc<Self>) -> Result<Self::OwnedToken, WouldBlock>;

    /// Waits for a token for `borrower`.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowed`] if `borrower` has a token when this is asked, or when its turn comes.
    fn acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> impl Future<Output = Result<Self::Token<'_>, AlreadyBorrowed>> + Send;

    /// Borrows a token for `borrower`, if there is one and nobody waits.
    ///
    /// # Errors
    ///
    /// [`BorrowError`] otherwise, or if `borrower` has a token.
    fn try_acquire_on_behalf_of(&self, borrower: Borrower) -> Result<Self::Token<'_>, BorrowError>;

    /// As [`acquire_on_behalf_of`](Self::acquire_on_behalf_of), for a token that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowed`] if `borrower` has a token when this is asked, or when its turn comes.
    fn acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> impl Future<Output = Result<Self::OwnedToken, AlreadyBorrowed>> + Send;

    /// As [`try_acquire_on_behalf_of`](Self::try_acquire_on_behalf_of), for a token that may go
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`BorrowError`] if there is no token, or somebody waits for one, or `borrower` has one.
    fn try_acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> Result<Self::OwnedToken, BorrowError>;

    /// How many tokens can be borrowed at once.
    #[doc(alias = "total_tokens")]
    fn capacity(&self) -> usize;

    /// Changes how many tokens can be borrowed at once. Who waits and fits now gets one; what is
    /// borrowed stays so, even if it is more than that.
    #[doc(alias = "total_tokens")]
    fn set_capacity(&self, capacity: usize);

    /// How many tokens are borrowed now; may exceed the capacity after that was lowered.
    #[doc(alias = "borrowed_tokens")]
    fn borrowed(&self) -> usize;

    /// How many tokens could be borrowed now.
    #[doc(alias = "available_tokens")]
    fn available(&self) -> usize {
        self.capacity().saturating_sub(self.borrowed())
    }
}

/// Who borrows from a [`CapacityLimiter`]: an identity, and nothing else.
///
/// Keep one beside whatever it stands for (a connection, a customer), and copy it at will: the copies
/// are the same borrower. It is not bound to a limiter.
///
/// # Examples
///
/// ```
/// use anyio_core::Borrower;
///
/// let (mine, yours) = (Borrower::new(), Borrower::new());
/// assert_ne!(mine, yours);
/// assert_eq!(mine, { mine });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Borrower(u64);

impl Borrower {
    /// One that is like no other of this process.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another: no value is the default one")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: they only have to differ. At one each nanosecond, 64 bits last for centuries.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for Borrower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Borrower({})", self.0)
    }
}

impl fmt::Display for Borrower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "borrower {}", self.0)
    }
}
