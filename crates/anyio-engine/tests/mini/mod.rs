// The smallest runtime that works, for this crate's own tests and the examples in its docs: a
// thread for each task and for each timer. Do not use it for anything else.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use anyio_engine::Erased;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mini;

static ERASED: Erased = Erased::of::<Mini>();

/// Drives `future` in the calling thread.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    futures_lite::future::block_on(anyio_engine::root(&ERASED, future))
}

/// A group on this runtime.
pub(crate) fn task_group<E, F, Fut>(
    body: F,
) -> impl Future<Output = Result<<Fut::Output as anyio_core::Body<E>>::Value, E>>
where
    E: anyio_core::TaskError,
    F: FnOnce(anyio_engine::TaskGroup<Mini, E>) -> Fut,
    Fut: Future,
    Fut::Output: anyio_core::Body<E>,
{
    anyio_engine::task_group(body)
}

impl anyio_core::Executor for Mini {
    const NAME: &'static str = "mini";
    type Spawner = Self;

    fn spawner() -> Result<Self, anyio_core::NoRuntime> {
        Ok(Self)
    }
}

impl anyio_core::Spawn for Mini {
    fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        std::thread::spawn(move || futures_lite::future::block_on(task));
    }
}

#[derive(Debug)]
pub(crate) struct Timer(Instant);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(left) =
            self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        else {
            return Poll::Ready(());
        };
        let waker = cx.waker().clone();
        std::thread::spawn(move || {
            std::thread::sleep(left);
            waker.wake();
        });
        Poll::Pending
    }
}

impl anyio_core::Clock for Mini {
    type Timer = Timer;

    fn now() -> Instant {
        Instant::now()
    }

    fn timer(deadline: Instant) -> Timer {
        Timer(deadline)
    }
}

impl anyio_core::Runtime for Mini {
    type TaskGroup<E: anyio_core::TaskError> = anyio_engine::TaskGroup<Self, E>;
    type CancelScope = anyio_engine::CancelScope<Self>;
    type Event = anyio_engine::Event;
    type Lock<T: Send + 'static> = anyio_engine::Lock<T>;
    type Condition = anyio_engine::Condition;
    type Semaphore = anyio_engine::Semaphore;
    type CapacityLimiter = anyio_engine::CapacityLimiter;
    type SendStream<T: Send + 'static> = anyio_engine::SendStream<T>;
    type ReceiveStream<T: Send + 'static> = anyio_engine::ReceiveStream<T>;

    fn memory_object_stream<T: Send + 'static>(
        capacity: usize,
    ) -> (Self::SendStream<T>, Self::ReceiveStream<T>) {
        anyio_engine::memory_object_stream(capacity)
    }
}
