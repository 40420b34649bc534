//! Why the lock here is the engine's, apart from what it costs: async-std's own lets in who comes first
//! after a release, though others have waited. Should this fail one day, `src/sync.rs` has to be thought
//! over.

use std::{
    pin::{Pin, pin},
    task::{Context, Waker},
};

use async_std::sync::Mutex;

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[test]
fn a_lock_of_async_stds_goes_to_a_newcomer() {
    let lock = Mutex::new(());
    let held = lock.try_lock().expect("it is free");
    let mut waiting = pin!(lock.lock());
    assert!(is_pending(waiting.as_mut()));
    drop(held);
    let newcomer = lock.try_lock();
    assert!(newcomer.is_some());
    assert!(is_pending(waiting.as_mut()));

    let lock = anyio_engine::Lock::new(());
    let held = lock.try_lock().expect("it is free");
    let mut waiting = pin!(lock.lock());
    assert!(is_pending(waiting.as_mut()));
    drop(held);
    assert!(lock.try_lock().is_err());
    assert!(!is_pending(waiting.as_mut()));
}
