//! What is run together: arrays, vectors, iterators and tuples of futures.

use std::{
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use anyio_core::TaskError;
use pin_project_lite::pin_project;

/// Futures that all end in the same: an array, a vector or an iterator of them, or a tuple of up to
/// eight, which may be of different types.
///
/// `K` is [`Listed`] or [`Tupled`], which rustc finds out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of futures that end in the same",
    label = "must be an array, a vector, an iterator, or a tuple of futures",
    note = "the futures of a tuple may be of different types, but all have the same output"
)]
pub trait Several<K> {
    /// The type of each.
    type Future: Future;
    /// All of them.
    type All: IntoIterator<Item = Self::Future>;

    /// All of them, in order.
    fn all(self) -> Self::All;
}

/// Futures whose values are wanted together: an array, a vector or an iterator of futures that end in a
/// `Result`, which gives a vector of the values; or a tuple of up to eight, which gives a tuple of
/// values, each of its own type. They have one type of error.
///
/// `K` is [`Listed`] or [`Tupled`], which rustc finds out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of futures that end in results with one error",
    label = "must be an array, a vector, an iterator, or a tuple of futures that end in `Result`",
    note = "convert another error with `.err_into()`"
)]
pub trait Together<K> {
    /// What each gives.
    type Value;
    /// What each may fail with.
    type Error: TaskError;
    /// The type of each.
    type Future: Future<Output = Result<Self::Value, Self::Error>>;
    /// All of them.
    type All: IntoIterator<Item = Self::Future>;
    /// All values.
    type Values;

    /// All of them, in order.
    fn all(self) -> Self::All;

    /// Puts the values together, of which there is one for each.
    fn values(values: Vec<Self::Value>) -> Self::Values;
}

/// Futures of one type.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listed {}

/// A tuple of futures, each of its own type.
#[derive(Debug)]
#[non_exhaustive]
pub enum Tupled {}

impl<I: IntoIterator<Item: Future>> Several<Listed> for I {
    type Future = I::Item;
    type All = I;

    fn all(self) -> I {
        self
    }
}

impl<I, T, E> Together<Listed> for I
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
    E: TaskError,
{
    type Value = T;
    type Error = E;
    type Future = I::Item;
    type All = I;
    type Values = Vec<T>;

    fn all(self) -> I {
        self
    }

    fn values(values: Vec<T>) -> Vec<T> {
        values
    }
}

/// One of a tuple's: a value.
#[derive(Debug)]
#[non_exhaustive]
pub enum OneOf<A, B> {
    /// The first one.
    First(A),
    /// One of the others.
    Other(B),
}

pin_project! {
    #[project = BranchProjection]
    #[derive(Debug)]
    enum Branch<A, B> {
        First { #[pin] future: A },
        Other { #[pin] future: B },
    }
}

pin_project! {
    /// One of a tuple's: a future, which ends in what that one ends in.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Either<A, B> {
        #[pin]
        branch: Branch<A, B>,
    }
}

impl<A: Future, B: Future<Output = A::Output>> Future for Either<A, B> {
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        match self.project().branch.project() {
            BranchProjection::First { future } => future.poll(cx),
            BranchProjection::Other { future } => future.poll(cx),
        }
    }
}

pin_project! {
    /// One of a tuple's: a future, whose value remembers which it was.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Sorted<A, B> {
        #[pin]
        branch: Branch<A, B>,
    }
}

impl<A, B, T, U, E> Future for Sorted<A, B>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<U, E>>,
{
    type Output = Result<OneOf<T, U>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().branch.project() {
            BranchProjection::First { future } => future.poll(cx).map_ok(OneOf::First),
            BranchProjection::Other { future } => future.poll(cx).map_ok(OneOf::Other),
        }
    }
}

/// The futures of a tuple, first and others; the last one is a [`Last`].
struct Chain<A, B>(A, B);
/// The last one.
struct Last<A>(A);

/// How each becomes a future of one type.
trait ChainOfSame<T> {
    type Future: Future<Output = T>;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(Self::Future) -> W);
}

impl<T, A: Future<Output = T>> ChainOfSame<T> for Last<A> {
    type Future = A;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(A) -> W) {
        all.push(wrap(self.0));
    }
}

impl<T, A: Future<Output = T>, B: ChainOfSame<T>> ChainOfSame<T> for Chain<A, B> {
    type Future = Either<A, B::Future>;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(Self::Future) -> W) {
        all.push(wrap(Either { branch: Branch::First { future: self.0 } }));
        self.1.push(all, |future| wrap(Either { branch: Branch::Other { future } }));
    }
}

/// The same, and how the values come back.
trait ChainOfResults<E> {
    type Value;
    type Values;
    type Future: Future<Output = Result<Self::Value, E>>;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(Self::Future) -> W);
    fn pull<W>(all: &mut vec::IntoIter<W>, unwrap: impl Fn(W) -> Self::Value) -> Self::Values;
}

fn next<W>(all: &mut vec::IntoIter<W>) -> W {
    all.next().unwrap_or_else(|| unreachable!("there is a value for each future"))
}

impl<T, E, A: Future<Output = Result<T, E>>> ChainOfResults<E> for Last<A> {
    type Value = T;
    type Values = T;
    type Future = A;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(A) -> W) {
        all.push(wrap(self.0));
    }

    fn pull<W>(all: &mut vec::IntoIter<W>, unwrap: impl Fn(W) -> T) -> T {
        unwrap(next(all))
    }
}

impl<T, E, A, B> ChainOfResults<E> for Chain<A, B>
where
    A: Future<Output = Result<T, E>>,
    B: ChainOfResults<E>,
{
    type Value = OneOf<T, B::Value>;
    type Values = (T, B::Values);
    type Future = Sorted<A, B::Future>;

    fn push<W>(self, all: &mut Vec<W>, wrap: impl Fn(Self::Future) -> W) {
        all.push(wrap(Sorted { branch: Branch::First { future: self.0 } }));
        self.1.push(all, |future| wrap(Sorted { branch: Branch::Other { future } }));
    }

    fn pull<W>(all: &mut vec::IntoIter<W>, unwrap: impl Fn(W) -> Self::Value) -> Self::Values {
        let OneOf::First(first) = unwrap(next(all)) else {
            unreachable!("the values are in the order of the futures")
        };
        let others = B::pull(all, |value| match unwrap(value) {
            OneOf::Other(other) => other,
            OneOf::First(_) => unreachable!("the values are in the order of the futures"),
        });
        (first, others)
    }
}

/// Tuples are no lists, and rustc has no way to speak of those of any length: there is one
/// implementation for each length, and all it does is to make a chain and take one apart.
macro_rules! tuples {
    (@nest $of:ident $last:ident) => { $last };
    (@nest $of:ident $first:ident $($rest:ident)+) => { $of<$first, tuples!(@nest $of $($rest)+)> };
    (@chain $last:ident) => { Last<$last> };
    (@chain $first:ident $($rest:ident)+) => { Chain<$first, tuples!(@chain $($rest)+)> };
    (@value $last:ident) => { Last($last) };
    (@value $first:ident $($rest:ident)+) => { Chain($first, tuples!(@value $($rest)+)) };
    (@pattern $last:ident) => { $last };
    (@pattern $first:ident $($rest:ident)+) => { ($first, tuples!(@pattern $($rest)+)) };
    ($(($($future:ident $value:ident $local:ident),+))+) => { $(
        impl<T, $($future: Future<Output = T>),+> Several<Tupled> for ($($future,)+) {
            type Future = tuples!(@nest Either $($future)+);
            type All = Vec<Self::Future>;

            fn all(self) -> Self::All {
                let ($($local,)+) = self;
                let mut all = Vec::new();
                ChainOfSame::push(tuples!(@value $($local)+), &mut all, |future| future);
                all
            }
        }

        impl<Z, $($value, $future),+> Together<Tupled> for ($($future,)+)
        where
            Z: TaskError,
            $($future: Future<Output = Result<$value, Z>>),+
        {
            type Value = tuples!(@nest OneOf $($value)+);
            type Error = Z;
            type Future = tuples!(@nest Sorted $($future)+);
            type All = Vec<Self::Future>;
            type Values = ($($value,)+);

            fn all(self) -> Self::All {
                let ($($local,)+) = self;
                let mut all = Vec::new();
                ChainOfResults::push(tuples!(@value $($local)+), &mut all, |future| future);
                all
            }

            fn values(values: Vec<Self::Value>) -> Self::Values {
                let tuples!(@pattern $($local)+) =
                    <tuples!(@chain $($future)+)>::pull(&mut values.into_iter(), |value| value);
                ($($local,)+)
            }
        }
    )+ };
}

tuples! {
    (A TA a)
    (A TA a, B TB b)
    (A TA a, B TB b, C TC c)
    (A TA a, B TB b, C TC c, D TD d)
    (A TA a, B TB b, C TC c, D TD d, E TE e)
    (A TA a, B TB b, C TC c, D TD d, E TE e, F TF f)
    (A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g)
    (A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h)
}
