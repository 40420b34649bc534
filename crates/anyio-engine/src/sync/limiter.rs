//! A number of tokens, and who has borrowed them.

use std::{
    collections::BTreeSet,
    fmt,
    future::poll_fn,
    ops::Deref,
    task::{Context, Poll, ready},
};

use anyio_core::{AlreadyBorrowed, BorrowError, Borrower, WouldBlock};

use super::Place;
use crate::{
    op::{self, Withheld},
    queue::{WaitQueue, Wakers},
    sys::{Arc, Mutex},
};

/// A number of tokens that can be changed while they are in use, and which knows who has one.
///
/// First come, first served: while somebody waits, a token that comes back is theirs. Raising the
/// capacity lets in as many as really fit, and lowering it takes nothing away: then some more have to
/// come back before the next one is lent.
///
/// A token is a guard: whoever owns it borrows, and dropping it gives it back, on any thread. An
/// [`OwnedLimiterToken`] borrows from nobody's stack, so it can go along with the work that it stands for,
/// into a task or into a thread that blocks, and is back when that has really ended.
///
/// Where it matters on whose behalf a token is borrowed, name a [`Borrower`]: each has at most one at
/// a time. A token that is borrowed without a name is a borrower of its own.
///
/// It knows no runtime; it may be made anywhere, in a `static` too. Prefer a
/// [`Semaphore`](super::Semaphore), which is faster, where the number never changes.
///
/// # Examples
///
/// ```
/// use std::{sync::Arc, thread};
/// use anyio_engine::CapacityLimiter;
///
/// # futures_lite::future::block_on(async {
/// let limiter = Arc::new(CapacityLimiter::new(1));
/// let token = Arc::clone(&limiter).acquire_owned().await;
/// assert!(limiter.try_acquire().is_err());
///
/// let work = thread::spawn(move || {
///     let _token = token; // given back when the thread is done
/// });
/// let _mine = limiter.acquire().await;
/// # work.join().unwrap();
/// # });
/// ```
pub struct CapacityLimiter {
    state: Mutex<State>,
}

/// # Invariants
///
/// 1. `borrowed` counts the tokens that exist, those of waiters who do not know of it yet included;
///    `borrowers` has the names of those that were borrowed for one.
/// 2. If somebody waits, `borrowed` is not below `capacity`: every change that could make room lends
///    it in the same critical section. So who finds room has nobody before it.
/// 3. A waiter whose borrower has a token when its turn comes is granted, too, with nothing.
struct State {
    capacity: usize,
    borrowed: usize,
    borrowers: BTreeSet<Borrower>,
    queue: WaitQueue<Asking>,
}

#[derive(Clone, Copy)]
struct Asking {
    borrower: Option<Borrower>,
    refused: Option<AlreadyBorrowed>,
}

/// What a limiter looks like at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterStatistics {
    /// How many tokens can be borrowed at once.
    pub capacity: usize,
    /// How many are borrowed.
    pub borrowed: usize,
    /// On whose behalf, in the order of their making; those without a name are not listed.
    pub borrowers: Vec<Borrower>,
    /// How many wait for one.
    pub waiting: usize,
}

impl CapacityLimiter {
    /// A limiter with `capacity` tokens to lend; `usize::MAX` is as good as no limit.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                capacity,
                borrowed: 0,
                borrowers: BTreeSet::new(),
                queue: WaitQueue::new(),
            }),
        }
    }

    /// Waits for a token and borrows it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing; only its place in the queue is lost.
    pub fn acquire(&self) -> impl Future<Output = LimiterToken<'_>> + Send + Unpin {
        let mut borrowing = Borrowing::new(self, None::<Borrower>);
        poll_fn(move |cx| borrowing.poll_nameless(cx).map(|lent| LimiterToken { lent }))
    }

    /// Borrows a token if there is one and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    #[doc(alias = "acquire_nowait")]
    pub fn try_acquire(&self) -> Result<LimiterToken<'_>, WouldBlock> {
        self.state.lock().lend(None).map_err(|_| WouldBlock::new())?;
        Ok(LimiterToken { lent: Lent::of(self, None::<Borrower>) })
    }

    /// As [`acquire`](Self::acquire), for a token that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing; only its place in the queue is lost.
    pub fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = OwnedLimiterToken> + Send + Unpin + 'static {
        let mut borrowing = Borrowing::new(self, None::<Borrower>);
        poll_fn(move |cx| borrowing.poll_nameless(cx).map(|lent| OwnedLimiterToken { lent }))
    }

    /// As [`try_acquire`](Self::try_acquire), for a token that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if there is no token, or somebody waits for one.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedLimiterToken, WouldBlock> {
        self.state.lock().lend(None).map_err(|_| WouldBlock::new())?;
        Ok(OwnedLimiterToken { lent: Lent::of(self, None::<Borrower>) })
    }

    /// As [`acquire_owned`](Self::acquire_owned), for who never had a name.
    pub(crate) fn acquire_nameless(
        self: Arc<Self>,
    ) -> impl Future<Output = NamelessToken> + Send + Unpin + 'static {
        let mut borrowing = Borrowing::new(self, Nobody);
        poll_fn(move |cx| borrowing.poll_nameless(cx).map(|lent| NamelessToken { _lent: lent }))
    }

    /// The same at once; gives the limiter back if there is no token.
    pub(crate) fn try_lend_nameless(self: Arc<Self>) -> Result<NamelessToken, Arc<Self>> {
        let lent = self.state.lock().lend(None).is_ok();
        if lent { Ok(NamelessToken { _lent: Lent::of(self, Nobody) }) } else { Err(self) }
    }

    /// Waits for a token for `borrower`.
    ///
    /// Any number may wait for the same one: the first gets a token, and the next gets one if the
    /// first has come back when its turn comes.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowed`] if `borrower` has a token when this is asked, or when its turn comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use anyio_core::Borrower;
    /// use anyio_engine::CapacityLimiter;
    ///
    /// # futures_lite::future::block_on(async {
    /// let (limiter, customer) = (CapacityLimiter::new(10), Borrower::new());
    /// let token = limiter.acquire_on_behalf_of(customer).await.unwrap();
    /// assert!(limiter.acquire_on_behalf_of(customer).await.is_err());
    /// drop(token);
    /// assert!(limiter.acquire_on_behalf_of(customer).await.is_ok());
    /// # });
    /// ```
    pub fn acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> impl Future<Output = Result<LimiterToken<'_>, AlreadyBorrowed>> + Send + Unpin {
        let mut borrowing = Borrowing::new(self, Some(borrower));
        poll_fn(move |cx| borrowing.poll(cx).map_ok(|lent| LimiterToken { lent }))
    }

    /// Borrows a token for `borrower`, if there is one and nobody waits.
    ///
    /// # Errors
    ///
    /// [`BorrowError`] otherwise, or if `borrower` has a token.
    #[doc(alias = "acquire_on_behalf_of_nowait")]
    pub fn try_acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> Result<LimiterToken<'_>, BorrowError> {
        self.state.lock().lend(Some(borrower))?;
        Ok(LimiterToken { lent: Lent::of(self, Some(borrower)) })
    }

    /// As [`acquire_on_behalf_of`](Self::acquire_on_behalf_of), for a token that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowed`] if `borrower` has a token when this is asked, or when its turn comes.
    pub fn acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> impl Future<Output = Result<OwnedLimiterToken, AlreadyBorrowed>> + Send + Unpin + 'static
    {
        let mut borrowing = Borrowing::new(self, Some(borrower));
        poll_fn(move |cx| borrowing.poll(cx).map_ok(|lent| OwnedLimiterToken { lent }))
    }

    /// As [`try_acquire_on_behalf_of`](Self::try_acquire_on_behalf_of), for a token that may go
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`BorrowError`] if there is no token, or somebody waits for one, or `borrower` has one.
    pub fn try_acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> Result<OwnedLimiterToken, BorrowError> {
        self.state.lock().lend(Some(borrower))?;
        Ok(OwnedLimiterToken { lent: Lent::of(self, Some(borrower)) })
    }

    /// How many tokens can be borrowed at once.
    #[must_use]
    #[doc(alias = "total_tokens")]
    pub fn capacity(&self) -> usize {
        self.state.lock().capacity
    }

    /// Changes how many tokens can be borrowed at once. Who waits and fits now gets one; what is
    /// borrowed stays so, even if it is more than that.
    #[doc(alias = "total_tokens")]
    pub fn set_capacity(&self, capacity: usize) {
        let woken = {
            let mut state = self.state.lock();
            state.capacity = capacity;
            state.serve()
        };
        woken.wake();
    }

    /// How many tokens are borrowed now; may exceed the capacity after that was lowered.
    #[must_use]
    #[doc(alias = "borrowed_tokens")]
    pub fn borrowed(&self) -> usize {
        self.state.lock().borrowed
    }

    /// How many tokens could be borrowed now.
    #[must_use]
    #[doc(alias = "available_tokens")]
    pub fn available(&self) -> usize {
        let state = self.state.lock();
        state.capacity.saturating_sub(state.borrowed)
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> LimiterStatistics {
        let state = self.state.lock();
        LimiterStatistics {
            capacity: state.capacity,
            borrowed: state.borrowed,
            borrowers: state.borrowers.iter().copied().collect(),
            waiting: state.queue.waiting(),
        }
    }

    fn give_back(&self, borrower: Option<Borrower>) {
        let woken = {
            let mut state = self.state.lock();
            state.take_back(borrower);
            state.serve()
        };
        woken.wake();
    }

    fn give_up(&self, key: usize) {
        let (removed, woken) = {
            let mut state = self.state.lock();
            let removed = state.queue.remove(key);
            if !removed.waiting && removed.value.refused.is_none() {
                // It had been granted: the next one gets it.
                state.take_back(removed.value.borrower);
            }
            // One that waited makes no room (invariant 2).
            let woken = state.serve();
            (removed, woken)
        };
        woken.wake();
        drop(removed);
    }
}

impl State {
    fn has(&self, borrower: Option<Borrower>) -> Option<AlreadyBorrowed> {
        borrower.filter(|borrower| self.borrowers.contains(borrower)).map(AlreadyBorrowed::new)
    }

    /// Lends a token if there is one, and so nobody who waits for it (invariant 2).
    fn lend(&mut self, borrower: Option<Borrower>) -> Result<(), BorrowError> {
        if let Some(already) = self.has(borrower) {
            return Err(already.into());
        }
        if self.borrowed >= self.capacity {
            return Err(BorrowError::would_block());
        }
        self.borrowed += 1;
        self.borrowers.extend(borrower);
        Ok(())
    }

    fn take_back(&mut self, borrower: Option<Borrower>) {
        self.borrowed -= 1;
        if let Some(borrower) = borrower {
            self.borrowers.remove(&borrower);
        }
    }

    /// Lends what there is to those who wait.
    fn serve(&mut self) -> Wakers {
        let mut woken = Wakers::new();
        while self.borrowed < self.capacity {
            let (borrowed, borrowers) = (&mut self.borrowed, &mut self.borrowers);
            let granted = self.queue.grant(|asking| match asking.borrower {
                Some(borrower) if !borrowers.insert(borrower) => {
                    asking.refused = Some(AlreadyBorrowed::new(borrower));
                }
                _ => *borrowed += 1,
            });
            match granted {
                Some((waker, ())) => woken.push(waker),
                None => break,
            }
        }
        woken
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimiterStatistics { capacity, borrowed, borrowers, waiting } = self.statistics();
        f.debug_struct("CapacityLimiter")
            .field("capacity", &capacity)
            .field("borrowed", &borrowed)
            .field("borrowers", &borrowers)
            .field("waiting", &waiting)
            .finish()
    }
}

impl anyio_core::CapacityLimiter for CapacityLimiter {
    type Token<'a> = LimiterToken<'a>;
    type OwnedToken = OwnedLimiterToken;

    fn new(capacity: usize) -> Self {
        Self::new(capacity)
    }

    fn acquire(&self) -> impl Future<Output = LimiterToken<'_>> + Send {
        self.acquire()
    }

    fn try_acquire(&self) -> Result<LimiterToken<'_>, WouldBlock> {
        self.try_acquire()
    }

    fn acquire_owned(self: Arc<Self>) -> impl Future<Output = OwnedLimiterToken> + Send {
        self.acquire_owned()
    }

    fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedLimiterToken, WouldBlock> {
        self.try_acquire_owned()
    }

    fn acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> impl Future<Output = Result<LimiterToken<'_>, AlreadyBorrowed>> + Send {
        self.acquire_on_behalf_of(borrower)
    }

    fn try_acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> Result<LimiterToken<'_>, BorrowError> {
        self.try_acquire_on_behalf_of(borrower)
    }

    fn acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> impl Future<Output = Result<OwnedLimiterToken, AlreadyBorrowed>> + Send {
        self.acquire_owned_on_behalf_of(borrower)
    }

    fn try_acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: Borrower,
    ) -> Result<OwnedLimiterToken, BorrowError> {
        self.try_acquire_owned_on_behalf_of(borrower)
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }

    fn set_capacity(&self, capacity: usize) {
        self.set_capacity(capacity);
    }

    fn borrowed(&self) -> usize {
        self.borrowed()
    }

    fn available(&self) -> usize {
        self.available()
    }
}

/// What is borrowed from a [`CapacityLimiter`]. Dropping it gives it back.
#[must_use = "dropping the token gives it back at once"]
#[derive(Debug)]
pub struct LimiterToken<'a> {
    #[expect(dead_code, reason = "it is there to be dropped")]
    lent: Lent<&'a CapacityLimiter>,
}

/// What is borrowed from a [`CapacityLimiter`], with a share in it. Dropping it gives it back.
#[must_use = "dropping the token gives it back at once"]
#[derive(Debug)]
pub struct OwnedLimiterToken {
    #[expect(dead_code, reason = "it is there to be dropped")]
    lent: Lent<Arc<CapacityLimiter>>,
}

/// As an [`OwnedLimiterToken`] without a name, and no larger than it has to be.
pub(crate) struct NamelessToken {
    _lent: Lent<Arc<CapacityLimiter>, Nobody>,
}

/// On whose behalf a token is borrowed.
trait OnBehalf: Copy {
    fn borrower(self) -> Option<Borrower>;
}

impl OnBehalf for Option<Borrower> {
    fn borrower(self) -> Self {
        self
    }
}

/// Always without a name.
#[derive(Clone, Copy)]
struct Nobody;

impl OnBehalf for Nobody {
    fn borrower(self) -> Option<Borrower> {
        None
    }
}

/// A token that gives itself back to `limiter`.
struct Lent<L: Deref<Target = CapacityLimiter>, N: OnBehalf = Option<Borrower>> {
    limiter: L,
    name: N,
}

impl<L: Deref<Target = CapacityLimiter>, N: OnBehalf> Lent<L, N> {
    /// To be called by whom a token has just been lent, once.
    const fn of(limiter: L, name: N) -> Self {
        Self { limiter, name }
    }
}

impl<L: Deref<Target = CapacityLimiter>, N: OnBehalf> Drop for Lent<L, N> {
    fn drop(&mut self) {
        self.limiter.give_back(self.name.borrower());
    }
}

impl<L: Deref<Target = CapacityLimiter>, N: OnBehalf> fmt::Debug for Lent<L, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("borrower", &self.name.borrower()).finish_non_exhaustive()
    }
}

/// The way to a token.
struct Borrowing<L: Deref<Target = CapacityLimiter>, N: OnBehalf = Option<Borrower>> {
    limiter: L,
    name: N,
    place: Place,
    withheld: Withheld<AlreadyBorrowed>,
}

impl<L: Deref<Target = CapacityLimiter> + Clone, N: OnBehalf> Borrowing<L, N> {
    const fn new(limiter: L, name: N) -> Self {
        Self { limiter, name, place: Place::Start, withheld: Withheld::nothing() }
    }

    fn poll_nameless(&mut self, cx: &mut Context<'_>) -> Poll<Lent<L, N>> {
        self.poll(cx).map(|lent| lent.expect("who has no name is not refused (invariant 3)"))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Lent<L, N>, AlreadyBorrowed>> {
        if let Some(again) = self.withheld.again(cx) {
            return again;
        }
        let (limiter, borrower) = (&*self.limiter, self.name.borrower());
        let result = match self.place {
            Place::Start => {
                ready!(op::admit(cx));
                let mut waker = None;
                loop {
                    let mut state = limiter.state.lock();
                    if let Some(already) = state.has(borrower) {
                        break Err(already);
                    }
                    if state.lend(borrower).is_ok() {
                        break Ok(());
                    }
                    if let Some(waker) = waker.take() {
                        let asking = Asking { borrower, refused: None };
                        self.place = Place::Queued(state.queue.push(waker, asking));
                        return Poll::Pending;
                    }
                    // Cloning is somebody else's code, so it happens between two looks.
                    drop(state);
                    waker = Some(cx.waker().clone());
                }
            }
            Place::Queued(key) => ready!(self.place.poll_queued(
                cx,
                key,
                &limiter.state,
                |state| &mut state.queue,
                |_, asking| asking.refused.map_or(Ok(()), Err),
            )),
            Place::Done => panic!("a future was polled after it had ended"),
        };
        self.place = Place::Done;
        self.withheld.pass(result.map(|()| Lent::of(self.limiter.clone(), self.name)), cx)
    }
}

impl<L: Deref<Target = CapacityLimiter>, N: OnBehalf> Drop for Borrowing<L, N> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            self.limiter.give_up(key);
        }
    }
}
