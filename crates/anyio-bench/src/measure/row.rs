//! One thing to be compared, and those who do it.

use std::time::{Duration, Instant};

/// One thing to be compared, under several contenders.
pub(crate) struct Row {
    /// Area, variant, size: `spawn_join/current_thread/100`.
    pub(crate) name: String,
    /// How many operations one call does.
    pub(crate) operations: u32,
    /// Several threads take part.
    pub(crate) threads: bool,
    /// A count of instructions would depend on chance, as it mostly does where several threads take part.
    pub(crate) by_chance: bool,
    /// Made when the row is run, since they hold runtimes.
    make: Box<dyn Fn() -> Vec<Contender>>,
}

impl Row {
    pub(crate) fn new(
        name: impl Into<String>,
        operations: u32,
        make: impl Fn() -> Vec<Contender> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            operations,
            threads: false,
            by_chance: false,
            make: Box::new(make),
        }
    }

    /// The row has several threads if `yes`.
    pub(crate) fn with_threads(mut self, yes: bool) -> Self {
        self.threads = yes;
        self.by_chance = yes;
        self
    }

    /// Its instructions are the same whichever thread does what, and none waits by looking again and again.
    pub(crate) fn with_counts(mut self) -> Self {
        self.by_chance = false;
        self
    }

    pub(crate) fn contenders(&self) -> Vec<Contender> {
        (self.make)()
    }
}

/// One way to do it.
pub(crate) struct Contender {
    /// Ours begin with "anyio". What begins with "limit" is there to compare with, and is no peer:
    /// it does less than what is asked for.
    pub(crate) name: &'static str,
    call: Box<dyn FnMut(u32) -> Duration>,
}

impl Contender {
    /// `call` is given a number, and does the row's operations as often.
    pub(crate) fn new(name: &'static str, mut call: impl FnMut(u32) + 'static) -> Self {
        Self::timed(name, move |calls| {
            let start = Instant::now();
            call(calls);
            start.elapsed()
        })
    }

    /// As [`new`](Self::new), for what says itself how long the part of it took that counts.
    pub(crate) fn timed(name: &'static str, call: impl FnMut(u32) -> Duration + 'static) -> Self {
        Self { name, call: Box::new(call) }
    }

    /// Does the row's operations `calls` times.
    pub(crate) fn call(&mut self, calls: u32) -> Duration {
        (self.call)(calls)
    }

    fn is_peer(&self) -> bool {
        !self.name.starts_with("anyio") && !self.name.starts_with("limit")
    }
}

/// What each number is to the least of the peers'.
pub(crate) fn ratios(contenders: &[Contender], numbers: &[f64]) -> Vec<f64> {
    let of_peers = contenders.iter().zip(numbers).filter(|(contender, _)| contender.is_peer());
    let best = of_peers.map(|(_, number)| *number).fold(f64::INFINITY, f64::min);
    numbers.iter().map(|number| number / best).collect()
}
