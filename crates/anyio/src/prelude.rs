//! The methods of every trait, and no names: `use anyio::prelude::*;`.
//!
//! It brings `tg.spawn(f().err_into())`, `future.shield()`, `B::sleep(…)` and `listener.accept()`
//! within reach, and cannot clash with anything that is called `TaskGroup` or `Event`.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use anyio::{Backend, prelude::*};
//!
//! async fn tick<B: Backend>() {
//!     B::sleep(Duration::from_millis(1)).shield().await;
//! }
//!
//! anyio::run(tick::<anyio::Any>());
//! ```

pub use crate::{
    Blocking as _, Clock as _, Executor as _, FutureExt as _, Net as _, Processes as _, Run as _,
    Runtime as _, RuntimeExt as _, Signals as _, Spawn as _,
    traits::{
        CancelScope as _, CapacityLimiter as _, ChildProcess as _, Condition as _, Event as _,
        Lock as _, MemoryReceiveStream as _, MemorySendStream as _, ObjectReceiveStream as _,
        ObjectSendStream as _, Ready as _, Semaphore as _, TaskGroup as _, TaskHandle as _,
        TcpListener as _, TcpStream as _,
    },
};
