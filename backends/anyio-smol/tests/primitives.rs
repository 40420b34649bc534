//! Why the lock and the semaphore here are the engine's, apart from what they cost: smol's own let in
//! who comes first after a release, though others have waited. Should this fail one day, `src/sync.rs`
//! has to be thought over.

use std::{
    pin::{Pin, pin},
    task::{Context, Waker},
};

use smol::lock::{Mutex, Semaphore};

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[test]
fn a_lock_of_smols_goes_to_a_newcomer() {
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

#[test]
fn a_permit_of_smols_goes_to_a_newcomer() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().expect("it is free");
    let mut waiting = pin!(semaphore.acquire());
    assert!(is_pending(waiting.as_mut()));
    drop(held);
    let newcomer = semaphore.try_acquire();
    assert!(newcomer.is_some());
    assert!(is_pending(waiting.as_mut()));

    let semaphore = anyio_engine::Semaphore::new(1);
    let held = semaphore.try_acquire().expect("it is free");
    let mut waiting = pin!(semaphore.acquire());
    assert!(is_pending(waiting.as_mut()));
    drop(held);
    assert!(semaphore.try_acquire().is_err());
    assert!(!is_pending(waiting.as_mut()));
}
